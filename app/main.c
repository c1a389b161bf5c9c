/* chordkv: starts MPI, reads the options, puts the parts together and runs them. Wiring only.
 * Collectives are used here and in process/build.c, before the loops start, and nowhere else. */
#include "app/mpi/leave.h"
#include "app/mpi/monotime.h"
#include "app/mpi/recovery.h"
#include "app/mpi/startup.h"
#include "app/process/build.h"
#include "app/process/prepare.h"
#include "app/report/report_file.h"
#include "app/shell/shell.h"
#include "chord/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
/* A rank that rests (the shell waits for a person) sleeps so long between polls. */
#define REST_NS 2000000

static int own_rank; /* for the check hook */

static void check_failed(const char *file, int line, const char *expression) {
    fprintf(stderr, "chordkv: rank %d: %s:%d: check failed: %s\nThis is a defect of chord-kv: please report it.\n",
            own_rank, file, line, expression);
    leave_abort(MPI_COMM_WORLD, EXIT_FAILED);
}

/* --- the loops --- */

/* The verdict in the place of rank 0, unless it has given one: so the launcher needn't wait for an mpirun that doesn't
 * end. */
static void tell_orphaned(const struct process *process) {
    char error[REPORT_FILE_ERROR_SIZE];
    const char *path = process->options->verdict;
    if (path != NULL && access(path, F_OK) != 0 && !verdict_write(path, EXIT_FAILED, "rank 0 has died", error)) {
        fprintf(stderr, "%s\n", error);
    }
}

/* Where mpirun outlives its ranks, nobody but themselves ends them when rank 0 is dead. */
static void watch_rank_0(struct process *process) {
    /* Without heartbeats a rank that rests is told nothing for as long as a person thinks; a silent one never is. */
    const bool expects_word =
        (process->config.heartbeat_ticks > 0 || !process->agent.resting) && !process->runtime.silent;
    const uint64_t now_ns = process->runtime.now_ns;
    const enum lifeline_state state =
        lifeline_look(&process->lifeline, now_ns, expects_word ? process->runtime.heard_ns : now_ns);
    if (state == LIFELINE_HOLDS) {
        return;
    }
    if (state == LIFELINE_GONE) {
        fprintf(stderr, "chordkv: rank %d: rank 0's process is gone: ending\n", process->rank);
    } else {
        fprintf(stderr, "chordkv: rank %d: rank 0 hasn't been heard for %u s: ending\n", process->rank,
                process->options->timeout_seconds);
    }
    tell_orphaned(process);
    leave_orphaned(EXIT_FAILED);
}

static void agent_loop(struct process *process) {
    const bool watches = recovery_outlives_ranks(getenv);
    while (!process->agent.stopped) {
        if (!runtime_step(&process->runtime) && process->agent.resting) {
            nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
        }
        if (watches) {
            watch_rank_0(process);
        }
    }
}

/* Tells every rank of rank 0's process, and whether all are ready for their loops. */
static bool begin_together(struct process *process, bool ready) {
    struct lifeline_process rank_0 = lifeline_own_process();
    startup_broadcast(process->comm, &rank_0, sizeof rank_0);
    lifeline_init(&process->lifeline, &rank_0, SECOND_NS * process->options->timeout_seconds, monotime_now_ns());
    return startup_all(process->comm, ready);
}

static enum exit_status run(struct process *process) {
    const bool built = build_parts(process);
    enum exit_status status = EXIT_FAILED;
    if (begin_together(process, built)) {
        if (process->rank != 0) {
            status = EXIT_VALID;
            agent_loop(process);
        } else if (process->options->command == OPTIONS_COMMAND_SHELL) {
            status = shell_run(process->driver, process->message);
        } else {
            status = driver_run(process->driver, process->message);
        }
        if (status == EXIT_TIMED_OUT) {
            return status;
        }
        leave_drain(process->transport, runtime_any_shut(&process->runtime));
    }
    process->any_was_shut = runtime_any_shut(&process->runtime);
    build_take_apart(process);
    return status;
}

/* --- the end --- */

/* Returns whether the launcher has the verdict: then it, not the process's status, says how the run ended. */
static bool tell_end(const struct process *process, enum exit_status status) {
    if (status != EXIT_VALID && process->message[0] != '\0') {
        const bool prefixed = strncmp(process->message, "chordkv: ", 9) == 0;
        fprintf(stderr, "%s%s\n", prefixed ? "" : "chordkv: ", process->message);
    }
    char error[REPORT_FILE_ERROR_SIZE];
    if (process->options->verdict == NULL) {
        return false;
    }
    if (!verdict_write(process->options->verdict, status, process->message, error)) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    return process->options->launched;
}

/* Reads the options on every rank; rank 0 speaks and decides. */
static bool read_options(struct process *process, int argc, char **argv, char **envp) {
    const enum options_result result = options_parse(process->options, argc, argv, envp);
    process->start = (struct start){.status = result == OPTIONS_ERROR ? EXIT_USAGE : EXIT_VALID,
                                    .go = result == OPTIONS_OK};
    if (process->rank == 0 && result != OPTIONS_OK) {
        fputs(process->options->text, result == OPTIONS_HELP ? stdout : stderr);
    }
    startup_broadcast(process->comm, &process->start, sizeof process->start);
    return process->start.go;
}

int main(int argc, char **argv, char **envp) {
    static struct process process;
    static struct options options;
    transport_prepare_environment();
    MPI_Init(&argc, &argv);
    process.comm = startup_duplicate(MPI_COMM_WORLD);
    MPI_Comm_rank(process.comm, &process.rank);
    MPI_Comm_size(process.comm, &process.rank_count);
    own_rank = process.rank;
    chord_check_set_hook(check_failed);
    process.options = &options;
    if (read_options(&process, argc, argv, envp)) {
        topology_discover(process.comm, &process.topology);
        if (process.rank == 0) {
            if (process.rank_count == 1) {
                fprintf(stderr, "chordkv: a ring of one node; for more, start it with jobs/launch.sh -n 10 or mpirun "
                                "-n 10\n");
            }
            prepare_run(&process);
        }
        startup_broadcast(process.comm, &process.start, sizeof process.start);
        if (process.start.go) {
            if (recovery_needs_connections(getenv, process.topology.host_count > 1)) {
                startup_connect(process.comm);
            }
            build_compare_clocks(&process);
            process.start.status = run(&process);
        }
    }
    const enum exit_status status = process.start.status;
    bool told = false;
    if (process.rank == 0) {
        told = tell_end(&process, status);
        free(process.surveys);
        schedule_clear(&process.schedule);
    }
    free(process.all_ids);
    if (status == EXIT_TIMED_OUT) {
        leave_abort(process.comm, (int)status);
    }
    /* mpirun takes its time, and a banner, to end a job with a status; the launcher needs neither. */
    const int told_status = process.rank == 0 && !told ? (int)status : 0;
    leave(&process.comm, process.any_was_shut, told_status);
    return told_status;
}
