/* Ranks of one host share one clock, so the offset that is measured must be 0 within the bound that is told. */
#include "app/mpi/clock_sync.h"
#include "app/mpi/startup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    int rank = 0;
    MPI_Comm comm = startup_duplicate(MPI_COMM_WORLD);
    MPI_Comm_rank(comm, &rank);
    const struct clock_offset offset = clock_sync_measure(comm);
    const bool right = (uint64_t)llabs(offset.offset_ns) <= offset.error_ns &&
                       (rank == 0 ? offset.error_ns == 0 : offset.error_ns > 0 && offset.error_ns < 1000000000u);
    printf("clock_sync_test: rank %d: %" PRId64 " ns, at most %" PRIu64 " ns off: %s\n", rank, offset.offset_ns,
           offset.error_ns, right ? "right" : "WRONG");
    MPI_Comm_free(&comm);
    MPI_Finalize();
    return right ? 0 : 1;
}
