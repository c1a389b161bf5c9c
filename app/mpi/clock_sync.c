#include "app/mpi/clock_sync.h"

#include "app/mpi/monotime.h"
#include "app/mpi/startup.h"
#include "app/mpi/transport.h"

#include <sched.h>

#define ROUND_TRIPS 32
#define TAG 2

static uint64_t receive(MPI_Comm comm, int from) {
    uint64_t time_ns = 0;
    int done = 0;
    MPI_Request request;
    TRANSPORT_MPI(MPI_Irecv(&time_ns, 1, MPI_UINT64_T, from, TAG, comm, &request));
    for (;;) {
        TRANSPORT_MPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
        if (done) {
            return time_ns;
        }
        (void)sched_yield();
    }
}

static void send(MPI_Comm comm, int to, uint64_t time_ns) {
    /* Small enough to be buffered: it never blocks. */
    TRANSPORT_MPI(MPI_Send(&time_ns, 1, MPI_UINT64_T, to, TAG, comm));
}

struct clock_offset clock_sync_measure(MPI_Comm comm) {
    struct clock_offset best = {.error_ns = UINT64_MAX};
    int rank = 0;
    int rank_count = 1;
    TRANSPORT_MPI(MPI_Comm_rank(comm, &rank));
    TRANSPORT_MPI(MPI_Comm_size(comm, &rank_count));
    for (int other = 1; other < rank_count; other++) {
        for (int trip = 0; trip < ROUND_TRIPS; trip++) {
            if (rank == 0) {
                (void)receive(comm, other);
                send(comm, other, monotime_now_ns());
            } else if (rank == other) {
                const uint64_t before_ns = monotime_now_ns();
                send(comm, 0, before_ns);
                const uint64_t there_ns = receive(comm, 0);
                const uint64_t after_ns = monotime_now_ns();
                const uint64_t error_ns = (after_ns - before_ns + 1) / 2;
                if (error_ns < best.error_ns) {
                    best.error_ns = error_ns;
                    best.offset_ns = (int64_t)(there_ns - (before_ns + (after_ns - before_ns) / 2));
                }
            }
        }
        startup_meet(comm);
    }
    return rank == 0 ? (struct clock_offset){0} : best;
}
