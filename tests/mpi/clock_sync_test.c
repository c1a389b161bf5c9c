/* Ranks of one host share one clock: each of them sets its own ahead by seconds here, and the offset that is measured
 * must take back just that, within the bound that is told. */
#include "app/mpi/clock_sync.h"
#include "app/mpi/monotime.h"
#include "app/mpi/startup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int64_t ahead_ns;

/* In the place of the library's. */
uint64_t monotime_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec * 1000000000 + now.tv_nsec + ahead_ns);
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    int rank = 0;
    MPI_Comm comm = startup_duplicate(MPI_COMM_WORLD);
    MPI_Comm_rank(comm, &rank);
    ahead_ns = rank * INT64_C(5000000000);
    const struct clock_offset offset = clock_sync_measure(comm);
    const bool right = (uint64_t)llabs(offset.offset_ns + ahead_ns) <= offset.error_ns &&
                       (rank == 0 ? offset.error_ns == 0 : offset.error_ns > 0 && offset.error_ns < 1000000000u);
    printf("clock_sync_test: rank %d, %" PRId64 " ns ahead: offset %" PRId64 " ns, at most %" PRIu64 " ns off: %s\n",
           rank, ahead_ns, offset.offset_ns, offset.error_ns, right ? "right" : "WRONG");
    MPI_Comm_free(&comm);
    MPI_Finalize();
    return right ? 0 : 1;
}
