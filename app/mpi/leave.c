#include "app/mpi/leave.h"

#include "app/mpi/monotime.h"
#include "app/mpi/recovery.h"
#include "app/mpi/startup.h"
#include "app/mpi/transport.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_PER_POLL 32u
#define DRAIN_NS UINT64_C(1000000000)
#define LINGER_NS UINT64_C(100000000)
#define MEET_NS UINT64_C(30000000000)
/* What mpirun has for passing on what we have written: when it is asked to end, it drops the rest. */
#define PASS_ON_NS 300000000

static void poll_once(struct transport *t) {
    if (transport_poll(t, FRAMES_PER_POLL) == 0) {
        transport_wait(t);
    }
}

void leave_drain(struct transport *t, bool any_was_shut) {
    const bool bounded = recovery_outlives_ranks(getenv);
    const uint64_t begun_ns = monotime_now_ns();
    while (transport_drain(t) && !(bounded && monotime_now_ns() - begun_ns > DRAIN_NS)) {
        poll_once(t);
    }
    const uint64_t drained_ns = monotime_now_ns();
    while (bounded && any_was_shut && monotime_now_ns() - drained_ns < LINGER_NS) {
        poll_once(t);
    }
}

/* Asks our parent to end the job if it is mpirun: on other nodes it is a daemon. Streams are flushed by now. */
static void end_job(void) {
    static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
    char path[32];
    char name[32] = "";
    const pid_t parent = getppid();
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)parent);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    const bool read = fgets(name, sizeof name, file) != NULL;
    (void)fclose(file);
    name[strcspn(name, "\n.")] = '\0'; /* mpirun.openmpi */
    for (size_t i = 0; read && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            (void)nanosleep(&(struct timespec){.tv_nsec = PASS_ON_NS}, NULL);
            (void)kill(parent, SIGTERM);
        }
    }
}

static int rank_of(MPI_Comm comm) {
    int rank = -1;
    (void)MPI_Comm_rank(comm, &rank);
    return rank;
}

static _Noreturn void leave_alone(bool ends_job, int status) {
    fflush(NULL);
    if (ends_job) {
        end_job();
    }
    _exit(status);
}

void leave(MPI_Comm *comm, bool any_was_shut, int status) {
    const bool outlives_ranks = recovery_outlives_ranks(getenv);
    /* MPI_Finalize waits for all ranks, spinning: come there together. */
    if ((outlives_ranks && any_was_shut) || !startup_meet_within(*comm, outlives_ranks ? MEET_NS : UINT64_MAX)) {
        leave_alone(rank_of(*comm) == 0 && recovery_strands_mpirun(getenv), status);
    }
    MPI_Comm_free(comm);
    MPI_Finalize();
}

_Noreturn void leave_orphaned(int status) {
    leave_alone(recovery_strands_mpirun(getenv), status);
}

_Noreturn void leave_abort(MPI_Comm comm, int status) {
    fflush(NULL);
    if (rank_of(comm) == 0 && recovery_outlives_ranks(getenv)) {
        end_job();
    }
    MPI_Abort(comm, status);
    abort();
}
