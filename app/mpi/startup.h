/* Collectives for the time before the loops start, the only time when there are any. They wait by yielding, since with
 * transport_prepare_environment() MPI's own blocking ones would spin while the other ranks need the core. */
#ifndef APP_MPI_STARTUP_H
#define APP_MPI_STARTUP_H

#include <mpi.h>
#include <stddef.h>

/* A duplicate of comm, the caller's to free. */
MPI_Comm startup_duplicate(MPI_Comm comm);

/* Rank 0's bytes for everybody. */
void startup_broadcast(MPI_Comm comm, void *bytes, size_t size);

/* Everybody's bytes for everybody, by rank: all has room for rank count times size bytes. */
void startup_gather_all(MPI_Comm comm, const void *own, size_t size, void *all);

/* Returns when all ranks have called it. */
void startup_meet(MPI_Comm comm);

#endif
