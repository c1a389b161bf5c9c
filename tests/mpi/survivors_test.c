/* A rank that is killed, paused or silent in the midst of heavy traffic, and what the others do then: shut it, go on
 * among themselves, and leave by themselves. An MPI program for jobs/launch.sh, which check_survivors.py starts:
 *
 * survivors_test FAULT SIZE     FAULT: kill, pause, silence, or rank-0, which is killed; SIZE: bytes of large messages
 *
 * The runtime runs without a core; rank 0 plays the coordinator's part, by notices to each rank's sink, and finds out
 * about the victim (the last rank) in its own way: by looking at its process. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mpi/fault.h"
#include "app/mpi/leave.h"
#include "app/mpi/lifeline.h"
#include "app/mpi/monotime.h"
#include "app/mpi/recovery.h"
#include "app/mpi/runtime.h"
#include "app/mpi/startup.h"
#include "app/mpi/transport.h"
#include "chord/base/check.h"
#include "tests/mpi/harness.h"

#define SECONDS_MAX 60u
#define BEFORE 3000u /* messages that the victim takes until its fault */
#define AFTER 1500u  /* messages of each channel after the shutting */
#define WINDOW 16u   /* messages of a channel that aren't acknowledged */
#define PAUSE_MS 400u
#define MESSAGE_MAX 200000u

enum fault { FAULT_KILL, FAULT_PAUSE, FAULT_SILENCE, FAULT_RANK_0, FAULT_COUNT };
static const char *const fault_names[FAULT_COUNT] = {"kill", "pause", "silence", "rank-0"};

enum control {
    CONTROL_DATA = RUNTIME_CONTROL_FIRST, /* number 4 | size 4 | bytes that both ends know */
    CONTROL_ACK,
    CONTROL_SILENT, /* the victim to rank 0: the last thing that it says */
    CONTROL_SHUT,   /* rank 0 to all: carry out the notice for the victim */
    CONTROL_OPENED,
    CONTROL_BACK, /* the victim to rank 0: it goes on */
    CONTROL_DONE  /* to rank 0: all of AFTER is acknowledged */
};

struct channel {
    uint32_t sent;  /* messages, ever */
    uint32_t acked; /* since the channel was opened last */
    uint32_t unacked;
    uint32_t next; /* the least number that may come */
};

static struct {
    struct runtime runtime;
    struct transport *t;
    MPI_Comm comm;
    enum fault fault;
    uint32_t large;
    uint32_t victim;
    struct lifeline_process *processes; /* of all ranks */
    struct lifeline lifeline;
    struct channel *channels; /* by rank */
    uint32_t taken;           /* messages of data */
    bool fault_is_due;
    int round;          /* 0, 1 once the victim is shut, 2 once it is opened again */
    bool is_done;
    uint32_t done_count; /* rank 0 */
    bool told_shut;      /* rank 0 */
    bool victim_spoke;   /* rank 0: it is silent from now on */
    bool farewell;
} test;

/* ---------------------------------------------------------------- traffic */

static size_t size_of(uint32_t from, uint32_t to, uint32_t n) {
    uint64_t state = from * 10007u + to * 101u + n * 1000003u;
    const uint64_t r = next_random(&state);
    return 8 + (r % 16 == 0 ? next_random(&state) % test.large : next_random(&state) % 200);
}

static void send_data(uint32_t to) {
    static unsigned char message[MESSAGE_MAX + 8];
    const uint32_t n = test.channels[to].sent++;
    const size_t size = size_of(rank, to, n);
    const uint32_t head[2] = {n, (uint32_t)size};
    memcpy(message, head, sizeof head);
    memcpy(message + sizeof head, bytes_of_message(rank, to, n), size - sizeof head);
    runtime_send_control(&test.runtime, to, CONTROL_DATA, message, size);
    test.channels[to].unacked++;
}

static void take_data(uint32_t from, const unsigned char *bytes, size_t size) {
    uint32_t head[2];
    expect(size >= sizeof head);
    memcpy(head, bytes, sizeof head);
    struct channel *channel = &test.channels[from];
    expect(head[1] == size && size == size_of(from, rank, head[0]));
    expect(memcmp(bytes + sizeof head, bytes_of_message(from, rank, head[0]), size - sizeof head) == 0);
    expect(head[0] >= channel->next);
    if (!(rank == test.victim || from == test.victim))
        expect(head[0] == channel->next); /* between the others nothing is lost */
    channel->next = head[0] + 1;
    runtime_send_control(&test.runtime, from, CONTROL_ACK, NULL, 0);
    test.taken++;
    if (rank == test.victim && test.taken == BEFORE && test.fault != FAULT_RANK_0)
        test.fault_is_due = true;
    if (rank == 0 && test.taken == BEFORE && test.fault == FAULT_RANK_0)
        fault_kill();
    if (rank == test.victim && test.fault == FAULT_KILL && test.fault_is_due)
        fault_kill(); /* inside a delivery, its answer still packed */
}

static bool is_reachable(uint32_t to) {
    return to != rank && !transport_is_shut(test.t, to);
}

/* Whether everything has happened to the victim; before, the traffic goes on without end. */
static bool is_last_round(void) {
    return test.round == (test.fault == FAULT_PAUSE ? 2 : 1);
}

static bool is_channel_done(uint32_t to) {
    return is_last_round() && test.channels[to].acked >= AFTER;
}

static bool work(void *context) {
    (void)context;
    bool any = false;
    bool done = is_last_round();
    for (uint32_t to = 0; to < ranks; to++) {
        if (!is_reachable(to))
            continue;
        while (!is_channel_done(to) && test.channels[to].unacked < WINDOW) {
            send_data(to);
            any = true;
        }
        done = done && is_channel_done(to);
    }
    if (done && !test.is_done && rank != test.victim) {
        test.is_done = true;
        runtime_send_control(&test.runtime, 0, CONTROL_DONE, NULL, 0);
    }
    return any;
}

/* ---------------------------------------------------------------- the coordinator's part */

static void give_notice(enum chord_notice_kind kind) {
    const struct chord_notice notice = {.kind = kind, .rank = test.victim};
    test.runtime.sink.notice(test.runtime.sink.context, &notice);
}

static void tell_all(enum control type) {
    for (uint32_t to = 0; to < ranks; to++)
        runtime_send_control(&test.runtime, to, type, NULL, 0);
}

/* The state of a process as /proc tells it, or 0 if there is none. */
static char state_of(int64_t pid) {
    char path[40];
    char line[200] = "";
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    const char *end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    return end != NULL ? end[2] : '\0';
}

static bool victim_is_out(void) {
    const char state = state_of(test.processes[test.victim].pid);
    switch (test.fault) {
    case FAULT_KILL:
        return state == 0 || state == 'Z';
    case FAULT_PAUSE:
        return state == 'T';
    default:
        return test.victim_spoke;
    }
}

static void tell_shut(void) {
    test.told_shut = true;
    tell_all(CONTROL_SHUT);
}

static void coordinate(void) {
    if (!test.told_shut && victim_is_out())
        tell_shut();
    const uint32_t expected = ranks - 1;
    if (test.done_count == expected && !test.farewell)
        for (uint32_t to = ranks; to-- > 0;) /* itself last */
            runtime_send_farewell(&test.runtime, to, NULL, 0);
}

/* ---------------------------------------------------------------- the owner of the runtime */

static void on_shut(void) {
    give_notice(CHORD_NOTICE_SHUT);
    test.round = 1;
    expect(runtime_any_shut(&test.runtime));
    expect(rank == test.victim || transport_is_shut(test.t, test.victim));
    for (uint32_t to = 0; to < ranks; to++)
        test.channels[to].acked = 0;
}

static void on_opened(void) {
    give_notice(CHORD_NOTICE_OPENED);
    expect(rank == test.victim || !transport_is_shut(test.t, test.victim));
    test.channels[test.victim].unacked = 0; /* acknowledgements were refused, here and there */
    test.channels[test.victim].acked = 0;
    test.round = 2;
}

static void control(void *context, uint32_t from, unsigned type, const unsigned char *bytes, size_t size) {
    (void)context;
    if (test.runtime.silent)
        expect(type == RUNTIME_CONTROL_FAREWELL);
    switch (type) {
    case CONTROL_DATA:
        take_data(from, bytes, size);
        break;
    case CONTROL_ACK:
        test.channels[from].unacked -= test.channels[from].unacked > 0;
        test.channels[from].acked++;
        break;
    case CONTROL_SILENT:
        test.victim_spoke = true;
        break;
    case CONTROL_BACK:
        if (!test.told_shut) /* this rank was too slow to see it stopped */
            tell_shut();
        tell_all(CONTROL_OPENED);
        break;
    case CONTROL_SHUT:
        on_shut();
        break;
    case CONTROL_OPENED:
        on_opened();
        break;
    case CONTROL_DONE:
        test.done_count++;
        break;
    default:
        expect(type == RUNTIME_CONTROL_FAREWELL);
        test.farewell = true;
    }
}

static void notice(void *context, const struct chord_notice *given) {
    (void)context;
    expect(given->rank == test.victim);
}

static void carry_out_fault(void) {
    test.fault_is_due = false;
    if (test.fault == FAULT_PAUSE) {
        expect(fault_pause(PAUSE_MS));
        runtime_send_control(&test.runtime, 0, CONTROL_BACK, NULL, 0);
    } else {
        runtime_send_control(&test.runtime, 0, CONTROL_SILENT, NULL, 0);
        while (transport_drain(test.t))
            (void)runtime_step(&test.runtime);
        runtime_silence(&test.runtime);
        expect(runtime_any_shut(&test.runtime));
        runtime_send_control(&test.runtime, 0, CONTROL_BACK, NULL, 0);
        expect(!transport_pending(test.t));
    }
}

static void watch_rank_0(void) {
    const uint64_t now_ns = test.runtime.now_ns;
    if (lifeline_look(&test.lifeline, now_ns, now_ns) != LIFELINE_HOLDS) {
        fprintf(stderr, "survivors_test: rank %u: rank 0 is gone\n", rank);
        leave_orphaned(0);
    }
}

/* ---------------------------------------------------------------- the beginning and the end */

static void start(const char *fault, const char *size) {
    for (test.fault = 0; test.fault < FAULT_COUNT && strcmp(fault, fault_names[test.fault]) != 0; test.fault++) {
    }
    test.large = (uint32_t)strtoul(size, NULL, 10);
    expect(test.fault < FAULT_COUNT && test.large > 0 && test.large <= MESSAGE_MAX && ranks >= 3);
    expect(recovery_state(getenv) == RECOVERY_ENABLED);
    test.victim = ranks - 1;
    test.processes = calloc(ranks, sizeof *test.processes);
    test.channels = calloc(ranks, sizeof *test.channels);
    expect(test.processes != NULL && test.channels != NULL);
    test.comm = startup_duplicate(MPI_COMM_WORLD);
    startup_connect(test.comm);
    const struct lifeline_process own = lifeline_own_process();
    startup_gather_all(test.comm, &own, sizeof own, test.processes);
    lifeline_init(&test.lifeline, &test.processes[0], UINT64_MAX, monotime_now_ns());
    struct transport_config config = {.comm = test.comm,
                                      .message_bytes_max = MESSAGE_MAX + 100,
                                      .outlives_peers = true,
                                      .deliver = runtime_deliver,
                                      .preview = runtime_preview,
                                      .context = &test.runtime};
    /* Its own windows, the acknowledgements of the others', and what rank 0 says. */
    config.pool_bytes = transport_pool_bytes_needed(&config, ranks, 2 * WINDOW * ranks + 4 * ranks,
                                                    WINDOW * ranks * (test.large + 300) + 4096);
    char error[TRANSPORT_ERROR_SIZE] = "";
    if (transport_create(&config, &test.t, error) != CHORD_OK)
        fail(__LINE__, error);
    static struct chord_config core;
    core.rank_count = ranks;
    expect(runtime_init(&test.runtime, test.t, rank, ranks, &core,
                        (struct runtime_owner){.control = control, .notice = notice, .work = work}) == CHORD_OK);
    startup_meet(test.comm);
}

/* For the launcher. */
static void write_verdict(void) {
    FILE *file = fopen(getenv("CHORDKV_VERDICT"), "w");
    expect(file != NULL);
    fprintf(file, "{\"record\": \"verdict\", \"verdict\": \"valid\", \"exit_status\": 0}\n");
    expect(fclose(file) == 0);
}

static void check_end(void) {
    const struct transport_statistics *statistics = transport_statistics(test.t);
    expect(statistics->malformed == 0);
    expect(statistics->peers_cut <= (test.fault == FAULT_KILL));
    expect(runtime_any_shut(&test.runtime)); /* so that all leave in the same way */
    for (uint32_t to = 0; to < ranks; to++) {
        const bool was_served = to != rank && (test.fault == FAULT_PAUSE || (rank != test.victim && to != test.victim));
        if (was_served && rank != test.victim)
            expect(test.channels[to].acked >= AFTER);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: survivors_test kill|pause|silence|rank-0 BYTES\n");
        return 2;
    }
    char *fault = argv[1];
    argv[1] = "1"; /* the seed */
    harness_start(&argc, &argv, "survivors_test", SECONDS_MAX);
    begin("%s, up to %s bytes", fault, argv[2]);
    start(fault, argv[2]);
    while (!test.farewell) {
        (void)runtime_step(&test.runtime);
        if (rank == 0)
            coordinate();
        else
            watch_rank_0();
        if (test.fault_is_due)
            carry_out_fault();
    }
    check_end();
    leave_drain(test.t, runtime_any_shut(&test.runtime));
    if (rank == 0) {
        printf("survivors_test: %s survived\n", fault);
        write_verdict();
    }
    leave(&test.comm, runtime_any_shut(&test.runtime), 0);
    fail(__LINE__, "leave has returned");
}
