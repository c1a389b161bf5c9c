/* How far a rank's clock is from rank 0's. Ranks of one host share one clock; between hosts the offset is measured once
 * at start-up by round trips (Cristian's algorithm, 1989), so that histories of several hosts can be judged: every
 * interval is widened by the bound. */
#ifndef APP_MPI_CLOCK_SYNC_H
#define APP_MPI_CLOCK_SYNC_H

#include <mpi.h>
#include <stdint.h>

struct clock_offset {
    int64_t offset_ns; /* to add to this rank's clock to get rank 0's */
    uint64_t error_ns; /* the true offset is at most this far off: half the shortest round trip */
};

/* Measures the offset of every rank, one after the other: collective over comm, before the loops start. On rank 0 both
 * fields are 0. Clocks are taken to run equally fast for the length of a run: a drift of some ppm isn't covered. */
struct clock_offset clock_sync_measure(MPI_Comm comm);

#endif
