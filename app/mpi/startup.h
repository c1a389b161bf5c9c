/* Collectives for the time before the loops start, the only time when there are any. They wait by yielding, since with
 * transport_prepare_environment() MPI's own blocking ones would spin while the other ranks need the core. */
#ifndef APP_MPI_STARTUP_H
#define APP_MPI_STARTUP_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A duplicate of comm, the caller's to free. */
MPI_Comm startup_duplicate(MPI_Comm comm);

/* Every rank sends an empty message to every other, so that whatever MPI needs between two of them, which it would make
 * when they first talk, is there from now on. */
void startup_connect(MPI_Comm comm);

/* Rank 0's bytes for everybody. */
void startup_broadcast(MPI_Comm comm, void *bytes, size_t size);

/* Everybody's bytes for everybody, by rank: all has room for rank count times size bytes. */
void startup_gather_all(MPI_Comm comm, const void *own, size_t size, void *all);

/* Whether it is so on all ranks. Returns when all have called it. */
bool startup_all(MPI_Comm comm, bool own);

/* Returns when all ranks have called it. */
void startup_meet(MPI_Comm comm);

/* The same, but gives up after limit_ns and returns false: some rank has not come. comm is of no use any more then. */
bool startup_meet_within(MPI_Comm comm, uint64_t limit_ns);

#endif
