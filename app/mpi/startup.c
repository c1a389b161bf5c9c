#include "app/mpi/startup.h"

#include "app/mpi/monotime.h"
#include "app/mpi/transport.h"

#include <sched.h>

static void wait_for(MPI_Request *request) {
    int done = 0;
    for (;;) {
        TRANSPORT_MPI(MPI_Test(request, &done, MPI_STATUS_IGNORE));
        if (done) {
            return;
        }
        (void)sched_yield();
    }
}

MPI_Comm startup_duplicate(MPI_Comm comm) {
    MPI_Comm duplicate = MPI_COMM_NULL;
    MPI_Request request;
    TRANSPORT_MPI(MPI_Comm_idup(comm, &duplicate, &request));
    wait_for(&request);
    return duplicate;
}

void startup_connect(MPI_Comm comm) {
    int rank = 0;
    int count = 0;
    TRANSPORT_MPI(MPI_Comm_rank(comm, &rank));
    TRANSPORT_MPI(MPI_Comm_size(comm, &count));
    for (int distance = 1; distance < count; distance++) {
        const int to = (rank + distance) % count;
        const int from = (rank + count - distance) % count;
        MPI_Request sent;
        MPI_Request received;
        TRANSPORT_MPI(MPI_Irecv(NULL, 0, MPI_BYTE, from, 0, comm, &received));
        TRANSPORT_MPI(MPI_Isend(NULL, 0, MPI_BYTE, to, 0, comm, &sent));
        wait_for(&received);
        wait_for(&sent);
    }
}

void startup_broadcast(MPI_Comm comm, void *bytes, size_t size) {
    MPI_Request request;
    TRANSPORT_MPI(MPI_Ibcast(bytes, (int)size, MPI_BYTE, 0, comm, &request));
    wait_for(&request);
}

void startup_gather_all(MPI_Comm comm, const void *own, size_t size, void *all) {
    MPI_Request request;
    TRANSPORT_MPI(MPI_Iallgather(own, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, comm, &request));
    wait_for(&request);
}

bool startup_all(MPI_Comm comm, bool own) {
    const int mine = own;
    int all = 0;
    MPI_Request request;
    TRANSPORT_MPI(MPI_Iallreduce(&mine, &all, 1, MPI_INT, MPI_LAND, comm, &request));
    wait_for(&request);
    return all != 0;
}

void startup_meet(MPI_Comm comm) {
    (void)startup_meet_within(comm, UINT64_MAX);
}

bool startup_meet_within(MPI_Comm comm, uint64_t limit_ns) {
    const uint64_t begun_ns = monotime_now_ns();
    MPI_Request request;
    TRANSPORT_MPI(MPI_Ibarrier(comm, &request));
    int done = 0;
    while (!done && monotime_now_ns() - begun_ns < limit_ns) {
        TRANSPORT_MPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
        if (!done) {
            (void)sched_yield();
        }
    }
    return done != 0;
}
