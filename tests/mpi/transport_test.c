/* The transport over real MPI: every message arrives once, whole, and in the order of its channel; nothing
 * exceeds its bounds; forged frames have a defined end. An MPI program: mpirun -n N transport_test [seed
 * [rendezvous]]; `rendezvous` says that MPI was told an eager limit of at most 1,000 bytes.
 * (the outcome is the exit status; on failure one line says which rank, scenario and rule). */
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mpi/monotime.h"
#include "app/mpi/topology.h"
#include "app/mpi/transport.h"
#include "chord/base/check.h"
#include "tests/mpi/harness.h"

#define MESSAGE_MAX PATTERN_BYTES
#define SECONDS_MAX 100u /* for all scenarios; then the test has failed */

/* ---------------------------------------------------------------- messages
 * Both ends derive size and bytes of message n of a channel from (seed, from, to, n). The first byte tells an
 * acknowledgement from data. */

enum { ACK = 0xA5, DATA = 0x5A };

static size_t size_of_message(uint32_t from, uint32_t to, uint32_t n, uint32_t largest) {
    uint64_t state = seed * 1000003u + from * 10007u + to * 101u + n * 1000000007u;
    const uint64_t r = next_random(&state);
    const uint64_t s = next_random(&state);
    size_t size;
    if (n == 3 && (from + to) % 3 <= 1)
        size = largest;
    else if (r % 64 == 0)
        size = s % 40000 + 1;
    else if (r % 8 == 0)
        size = s % 4200 + 1;
    else
        size = s % 100 + 1;
    return size < largest ? size : largest;
}

static struct {
    struct transport *t;
    uint32_t per_channel; /* messages on each channel */
    uint32_t largest;
    uint32_t *sent;     /* to each rank */
    uint32_t *received; /* from each rank */
    uint64_t acknowledged;
    uint64_t acknowledged_bytes;
    /* The frame that is being delivered: its messages as they were previewed, none if there is only one. */
    struct {
        const unsigned char *bytes;
        size_t size;
    } previewed[FRAME_BYTES_MAX];
    uint32_t previewed_count;
    uint32_t previewed_next; /* to be delivered */
    bool preview_ended;
    uint64_t previews_in_all;
} run;

/* All messages of a frame, but for the fragments, before the first of them; and those of the frame before were all
 * delivered. */
static void preview(void *context, const unsigned char *bytes, size_t size) {
    expect(context == &run);
    if (run.preview_ended) {
        expect(run.previewed_next == run.previewed_count);
        run.previewed_count = 0;
        run.previewed_next = 0;
    }
    run.preview_ended = bytes == NULL;
    if (bytes != NULL) {
        run.previewed[run.previewed_count].bytes = bytes;
        run.previewed[run.previewed_count++].size = size;
        run.previews_in_all++;
    }
}

/* What wasn't previewed came alone in its frame, or in fragments. */
static void take_previewed(const unsigned char *bytes, size_t size) {
    expect(run.preview_ended);
    if (run.previewed_next < run.previewed_count && run.previewed[run.previewed_next].bytes == bytes)
        expect(run.previewed[run.previewed_next++].size == size);
}

static void take(void *context, uint32_t from, const unsigned char *bytes, size_t size) {
    expect(context == &run);
    expect(from < ranks);
    take_previewed(bytes, size);
    if (bytes[0] == ACK) {
        uint32_t acknowledged_size;
        expect(size == 1 + sizeof acknowledged_size);
        memcpy(&acknowledged_size, bytes + 1, sizeof acknowledged_size);
        run.acknowledged++;
        run.acknowledged_bytes += acknowledged_size;
        return;
    }
    const uint32_t n = run.received[from]++;
    expect(n < run.per_channel);
    expect(size == size_of_message(from, rank, n, run.largest));
    expect(bytes[0] == DATA);
    expect(memcmp(bytes + 1, bytes_of_message(from, rank, n), size - 1) == 0);
    /* Sent from inside the delivery. */
    const uint32_t own_size = (uint32_t)size;
    unsigned char *ack = transport_reserve(run.t, from, 9); /* more than needed */
    ack[0] = ACK;
    memcpy(ack + 1, &own_size, sizeof own_size);
    transport_commit(run.t, 5);
}

static void send_next(uint32_t to) {
    const uint32_t n = run.sent[to]++;
    const size_t size = size_of_message(rank, to, n, run.largest);
    const unsigned char *bytes = bytes_of_message(rank, to, n);
    const unsigned char first = DATA;
    if (size <= transport_record_bytes_max(run.t) && n % 5 != 0) {
        unsigned char *at = transport_reserve(run.t, to, size);
        at[0] = first;
        memcpy(at + 1, bytes, size - 1);
        transport_commit(run.t, size);
    } else if (n % 3 == 0) { /* all of it as the tail, but for one byte */
        transport_send_large(run.t, to, &first, 1, bytes, size - 1);
    } else { /* all of it as the head; the size of the largest tail is 0 */
        unsigned char *whole = malloc(size);
        expect(whole != NULL);
        whole[0] = first;
        memcpy(whole + 1, bytes, size - 1);
        const size_t head = n % 2 == 0 ? size : size / 2;
        transport_send_large(run.t, to, whole, head, whole + head, size - head);
        free(whole);
    }
}

/* ---------------------------------------------------------------- scenarios */

static MPI_Comm comm;

static void start(struct transport_config *config, uint32_t per_channel, uint32_t largest) {
    duplicate(&comm);
    config->comm = comm;
    config->deliver = take;
    config->preview = preview;
    config->context = &run;
    config->message_bytes_max = largest;
    run.per_channel = per_channel;
    run.largest = largest;
    run.sent = calloc(ranks, sizeof *run.sent);
    run.received = calloc(ranks, sizeof *run.received);
    run.acknowledged = 0;
    run.acknowledged_bytes = 0;
    run.preview_ended = true;
    run.previewed_count = 0;
    run.previewed_next = 0;
    run.previews_in_all = 0;
    char error[TRANSPORT_ERROR_SIZE] = "";
    if (transport_create(config, &run.t, error) != CHORD_OK)
        fail(__LINE__, error);
    expect(transport_rank(run.t) == rank && transport_rank_count(run.t) == ranks);
    expect(!transport_pending(run.t));
}

static void stop(void) {
    barrier();
    transport_destroy(run.t);
    run.t = NULL;
    free(run.sent);
    free(run.received);
    MPI_Comm_free(&comm);
}

static void turn(void) {
    if (transport_poll(run.t, 8) == 0 && transport_flush(run.t) == 0)
        transport_wait(run.t);
}

static void expect_equal_sums(uint64_t sent, uint64_t received) {
    uint64_t mine[2] = {sent, received};
    uint64_t sums[2] = {0, 0};
    MPI_Request request;
    MPI_Iallreduce(mine, sums, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD, &request);
    await(&request);
    expect(sums[0] == sums[1]);
}

/* All pairs and self; at most `window` messages and `credit` bytes per rank not yet acknowledged, and a pool
 * that the bound of transport_pool_bytes_needed makes just large enough. */
static void all_to_all(struct transport_config config, uint32_t per_channel, uint32_t largest,
                       uint32_t window, uint32_t credit) {
    begin("all to all: frames of %u, %u slots, %u in flight, up to %u bytes, window %u", config.frame_bytes,
          config.receive_slots, config.inflight_frames_per_peer, largest, window);
    if (credit < largest)
        credit = largest;
    config.pool_bytes = transport_pool_bytes_needed(&config, ranks, (uint64_t)window * (ranks + 1),
                                                    credit + (uint64_t)window * ranks * 5);
    start(&config, per_channel, largest);
    uint64_t sent = 0;
    uint64_t sent_bytes = 0;
    uint64_t state = seed + rank;
    const uint64_t all = (uint64_t)per_channel * ranks;
    while (run.acknowledged < all) {
        while (sent < all && sent - run.acknowledged < window) {
            uint32_t to = (uint32_t)(next_random(&state) % ranks);
            while (run.sent[to] == per_channel)
                to = (to + 1) % ranks;
            const size_t size = size_of_message(rank, to, run.sent[to], largest);
            if (sent_bytes - run.acknowledged_bytes + size > credit && sent > run.acknowledged)
                break;
            send_next(to);
            sent++;
            sent_bytes += size;
        }
        turn();
    }
    for (;;) {
        bool complete = true;
        for (uint32_t from = 0; from < ranks; from++)
            complete = complete && run.received[from] == per_channel;
        if (!transport_drain(run.t) && complete)
            break;
        turn();
    }
    expect(run.acknowledged_bytes == sent_bytes);
    expect(run.previewed_next == run.previewed_count);
    expect(window == 1 || run.previews_in_all > 0);
    const struct transport_statistics *s = transport_statistics(run.t);
    /* Data to all others and self, and an acknowledgement of each. */
    expect(s->records_sent == 2 * all);
    expect(s->records_self == 2 * per_channel);
    expect(s->pool_bytes_used_max <= config.pool_bytes);
    expect(s->malformed == 0 && s->records_refused == 0);
    expect(ranks > 1 || (s->frames_sent == 0 && s->frames_received == 0));
    expect(s->inflight_max <=
           ranks * (config.inflight_frames_per_peer ? config.inflight_frames_per_peer : 64));
    expect(s->bytes_sent <= s->frames_sent * (config.frame_bytes ? config.frame_bytes : 4000));
    barrier();
    expect_equal_sums(s->records_sent - s->records_self, s->records_received);
    expect_equal_sums(s->frames_sent, s->frames_received);
    expect_equal_sums(s->bytes_sent, s->bytes_received);
    if (getenv("MPI_TEST_VERBOSE") != NULL && rank == 0)
        printf("%s: %llu frames, %llu early, %llu set aside\n", scenario_name(), (unsigned long long)s->frames_sent,
               (unsigned long long)s->frames_early, (unsigned long long)s->slots_set_aside);
    stop();
}

/* One message at a time between 0 and the last rank (or to oneself): one frame each, no more. */
static void ping_pong(uint32_t count) {
    begin("ping-pong");
    struct transport_config config = {.pool_bytes = 200000};
    start(&config, count, 100);
    const uint32_t other = ranks - 1;
    if (rank == 0) {
        for (uint32_t n = 0; n < count; n++) {
            while (transport_pending(run.t))
                turn();
            send_next(other);
            expect(transport_pending(run.t)); /* in an open frame, to another rank or to itself */
            while (run.acknowledged <= n)
                turn();
        }
    }
    while (rank == other && run.received[0] < count)
        turn();
    while (transport_drain(run.t))
        turn();
    const struct transport_statistics *s = transport_statistics(run.t);
    if (ranks > 1 && (rank == 0 || rank == other))
        expect(s->frames_sent == count && s->records_sent == count);
    else
        expect(s->frames_sent == 0);
    stop();
}

static void poll_only(void) {
    if (transport_poll(run.t, 1) == 0)
        transport_wait(run.t);
}

/* Rank 1 answers rank 0 and says for itself when it flushes. After a frame with more than two messages it takes sixteen frames with
 * no more than that until its answers leave at once. */
static void sparse_traffic(void) {
    if (ranks < 2)
        return;
    begin("sparse traffic");
    enum { FEW = 2, MANY = 3, FRAMES_UNTIL_SPARSE = 16, MESSAGES = FEW * (1 + FRAMES_UNTIL_SPARSE) + MANY };
    struct transport_config config = {.pool_bytes = 200000};
    start(&config, MESSAGES, 100);
    uint32_t messages = 0;
    for (uint32_t frame = 0; frame < 2 + FRAMES_UNTIL_SPARSE; frame++) {
        messages += frame == 1 ? MANY : FEW;
        if (rank == 0) {
            while (run.sent[1] < messages)
                send_next(1);
            (void)transport_flush(run.t);
            while (run.acknowledged < messages)
                poll_only();
        } else if (rank == 1) {
            while (run.received[0] < messages)
                poll_only();
            const bool sparse = frame == 0 || frame == 1 + FRAMES_UNTIL_SPARSE;
            expect(transport_is_sparse(run.t) == sparse);
            expect((transport_flush(run.t) == 0) == sparse);
        }
    }
    while (transport_drain(run.t))
        turn();
    stop();
}

/* Small messages are packed: many to a frame, and frames go full without a flush. */
static void coalescing(void) {
    begin("coalescing");
    struct transport_config config = {.pool_bytes = 4u << 20};
    start(&config, 10000, 100);
    const uint32_t to = (rank + 1) % ranks;
    for (uint32_t n = 0; n < run.per_channel; n++)
        send_next(to);
    uint64_t frames = transport_statistics(run.t)->frames_sent;
    expect(ranks == 1 ? frames == 0 : frames >= 64); /* at least what may be in flight */
    while (run.acknowledged < run.per_channel || run.received[(rank + ranks - 1) % ranks] < run.per_channel)
        turn();
    while (transport_drain(run.t))
        turn();
    const struct transport_statistics *s = transport_statistics(run.t);
    /* 52 bytes on average and 5 of each acknowledgement. */
    expect(s->frames_sent <= (10000 * (54 + 7)) / 3800 + 600);
    stop();
}

/* ---------------------------------------------------------------- a receive that doesn't complete
 * Rank 2 sends a frame above the eager limit (the test is started with a small one) and a small one, and then
 * stops calling MPI: the first is matched at rank 0 but can't complete. Rank 1's messages must pass all the
 * same. */

static bool rendezvous;           /* the eager limit is below STALLED_BYTES, says the command line */
static uint32_t stalled_heard[3]; /* from each rank */

enum { STALLED_BYTES = 2000, STALLED_OTHERS = 5000 };

static void hear_stalled(void *context, uint32_t from, const unsigned char *bytes, size_t size) {
    (void)context;
    uint32_t n;
    memcpy(&n, bytes, sizeof n);
    expect(from == 1 || from == 2);
    expect(n == stalled_heard[from]++);
    expect(size == (from == 2 && n == 0 ? STALLED_BYTES : sizeof n));
}

static void send_stalled(struct transport *t, uint32_t n, size_t size) {
    unsigned char *at = transport_reserve(t, 0, size);
    memset(at, 0, size);
    memcpy(at, &n, sizeof n);
    transport_commit(t, size);
    transport_flush(t);
}

static void stalled_receive(uint32_t slots) {
    if (ranks < 3)
        return;
    begin("stalled receive, %u slots", slots);
    MPI_Win window;
    volatile int *flag = NULL;
    MPI_Aint size;
    int unit;
    MPI_Win_allocate_shared(rank == 0 ? (MPI_Aint)sizeof(int) : 0, 1, MPI_INFO_NULL, MPI_COMM_WORLD,
                            (void *)&flag, &window);
    MPI_Win_shared_query(window, 0, &size, &unit, (void *)&flag);
    if (rank == 0)
        *flag = 0;
    memset(stalled_heard, 0, sizeof stalled_heard);
    duplicate(&comm);
    struct transport_config config = {.comm = comm,
                                      .receive_slots = slots,
                                      .pool_bytes = 4u << 20,
                                      .message_bytes_max = 4000,
                                      .deliver = hear_stalled};
    struct transport *t = NULL;
    char error[TRANSPORT_ERROR_SIZE] = "";
    expect(transport_create(&config, &t, error) == CHORD_OK);
    barrier();
    if (rank == 2) {
        send_stalled(t, 0, STALLED_BYTES);
        send_stalled(t, 1, sizeof(uint32_t));
        while (*flag == 0) /* without MPI's progress */
            sched_yield();
        while (transport_drain(t))
            transport_poll(t, 8);
        send_stalled(t, 2, sizeof(uint32_t));
    } else if (rank == 1) {
        for (uint32_t n = 0; n < STALLED_OTHERS; n++) {
            send_stalled(t, n, sizeof n);
            transport_poll(t, 8);
        }
    } else if (rank == 0) {
        const struct transport_statistics *s = transport_statistics(t);
        while (stalled_heard[1] < STALLED_OTHERS || (rendezvous && s->frames_early == 0))
            if (transport_poll(t, 8) == 0)
                transport_wait(t);
        if (rendezvous) {
            expect(stalled_heard[2] == 0);   /* its second frame has come, and waits */
            expect(s->slots_set_aside >= 1); /* rank 1's, too, if they grew above the limit */
        }
        *flag = 1;
        while (stalled_heard[2] < 3)
            if (transport_poll(t, 8) == 0)
                transport_wait(t);
    }
    while (transport_drain(t))
        transport_wait(t);
    barrier();
    transport_destroy(t);
    MPI_Win_free(&window);
    MPI_Comm_free(&comm);
}

/* ---------------------------------------------------------------- forged frames */

static jmp_buf escape;
static char failed_check[300];

static void note_check(const char *file, int line, const char *expression) {
    (void)file;
    (void)line;
    snprintf(failed_check, sizeof failed_check, "%s", expression);
    longjmp(escape, 1);
}

static char heard[64];

static void hear(void *context, uint32_t from, const unsigned char *bytes, size_t size) {
    (void)context;
    expect(from == 1 && size < 8);
    strncat(heard, (const char *)bytes, size);
}

struct forged {
    const char *expected; /* the end of the failed check's text, or NULL: nothing fails */
    const char *heard;
    struct {
        int size;
        unsigned char bytes[40];
    } frames[3];
};

#define FLAGGED(sequence, size, flags, ...)                                                                  \
    {                                                                                                        \
        size, {                                                                                              \
            sequence, 0, 0, 0, size, 0, flags, 0, __VA_ARGS__                                                \
        }                                                                                                    \
    }
#define FRAME(sequence, size, ...) FLAGGED(sequence, size, 0, __VA_ARGS__)
#define RESTART(sequence, size, ...) FLAGGED(sequence, size, FRAME_RESTART, __VA_ARGS__)

/* The last bytes of a frame are its records: head (little-endian: size, kind << 6) and bytes. */
static const struct forged forgeries[] = {
    {NULL, "ab", {FRAME(0, 14, 1, 0, 'a', 1, 0, 'b')}},
    {NULL, "abc", {FRAME(0, 11, 1, 0, 'a'), FRAME(1, 11, 1, 0, 'b'), FRAME(2, 11, 1, 0, 'c')}},
    {NULL, "abc", {FRAME(2, 11, 1, 0, 'c'), FRAME(1, 11, 1, 0, 'b'), FRAME(0, 11, 1, 0, 'a')}},
    {NULL, "abc", {FRAME(1, 11, 1, 0, 'b'), FRAME(2, 11, 1, 0, 'c'), FRAME(0, 11, 1, 0, 'a')}},
    {NULL, "a", {FRAME(2, 11, 1, 0, 'c'), FRAME(0, 11, 1, 0, 'a')}}, /* 1 is missing: 2 must wait */
    {NULL, "xyz", {FRAME(0, 15, 5, 64, 3, 0, 0, 0, 'x'), FRAME(1, 14, 1, 128, 'y', 1, 192, 'z')}},
    {"its sequence number is out of order", "a", {FRAME(0, 11, 1, 0, 'a'), FRAME(0, 11, 1, 0, 'a')}},
    {"its sequence number came twice", "", {FRAME(1, 11, 1, 0, 'a'), FRAME(1, 11, 1, 0, 'a')}},
    {"it is shorter than a header", "", {{7, {0}}}},
    {"it is shorter than a header", "", {{0, {0}}}},
    {"its size differs from what arrived", "", {{11, {0, 0, 0, 0, 12, 0, 0, 0, 1, 0, 'a'}}}},
    {"it has an unknown flag", "", {{11, {0, 0, 0, 0, 11, 0, 2, 0, 1, 0, 'a'}}}},
    {"it has an unknown flag", "", {{11, {0, 0, 0, 0, 11, 0, 0, 1, 1, 0, 'a'}}}},
    /* A restart ends a message in its midst, and means nothing where there is none. */
    {NULL, "ab", {FRAME(0, 11, 1, 0, 'a'), RESTART(1, 11, 1, 0, 'b')}},
    {NULL, "a", {FRAME(0, 15, 5, 64, 3, 0, 0, 0, 'x'), RESTART(1, 11, 1, 0, 'a')}},
    {NULL, "uv", {FRAME(0, 15, 5, 64, 3, 0, 0, 0, 'x'), RESTART(1, 18, 5, 64, 2, 0, 0, 0, 'u', 1, 192, 'v')}},
    {NULL, "a", {RESTART(1, 11, 1, 0, 'a'), FRAME(0, 15, 5, 64, 3, 0, 0, 0, 'x')}},
    {"a fragment lacks its beginning",
     "",
     {FRAME(0, 15, 5, 64, 3, 0, 0, 0, 'x'), RESTART(1, 14, 1, 128, 'y', 1, 192, 'z')}},
    {"a record's head is cut off", "a", {FRAME(0, 12, 1, 0, 'a', 1)}},
    {"a record reaches beyond its frame", "", {FRAME(0, 11, 2, 0, 'a')}},
    {"a record is empty", "a", {FRAME(0, 13, 1, 0, 'a', 0, 0)}},
    {"a first fragment is too short", "", {FRAME(0, 14, 4, 64, 3, 0, 0, 0)}},
    {"a first fragment is the whole message", "", {FRAME(0, 15, 5, 64, 1, 0, 0, 0, 'x')}},
    {"a message is larger than the limit", "", {FRAME(0, 15, 5, 64, 0, 0, 0, 255, 'x')}},
    {"a fragment lacks its beginning", "", {FRAME(0, 11, 1, 192, 'z')}},
    {"a fragment lacks its beginning", "", {FRAME(0, 11, 1, 128, 'z')}},
    {"a message begins inside another one",
     "",
     {FRAME(0, 22, 5, 64, 3, 0, 0, 0, 'x', 5, 64, 3, 0, 0, 0, 'x')}},
    {"a message stands inside another one's fragments",
     "",
     {FRAME(0, 18, 5, 64, 3, 0, 0, 0, 'x', 1, 0, 'a')}},
    {"the fragments of a message don't add up to its size",
     "",
     {FRAME(0, 18, 5, 64, 3, 0, 0, 0, 'x', 1, 192, 'y')}},
    {"the fragments of a message don't add up to its size",
     "",
     {FRAME(0, 19, 5, 64, 3, 0, 0, 0, 'x', 2, 128, 'y', 'z')}},
    {"the fragments of a message don't add up to its size",
     "",
     {FRAME(0, 20, 5, 64, 3, 0, 0, 0, 'x', 3, 192, 'y', 'z', 'z')}},
    {"it is larger than a frame", "", {{300, {0, 0, 0, 0, 255}}}},
};

/* Rank 1 forges with plain MPI, rank 0 hears it. */
static void forged_frame(const struct forged *forged, uint32_t slots) {
    static unsigned char big[512];
    duplicate(&comm);
    struct transport_config config = {.comm = comm,
                                      .frame_bytes = FRAME_BYTES_MIN,
                                      .receive_slots = slots,
                                      .pool_bytes = 100000,
                                      .message_bytes_max = 1000000,
                                      .deliver = hear};
    struct transport *t = NULL;
    if (rank == 0) {
        char error[TRANSPORT_ERROR_SIZE] = "";
        expect(transport_create(&config, &t, error) == CHORD_OK);
    }
    barrier();
    if (rank == 1) {
        for (int i = 0;
             i < 3 && forged->frames[i].size + forged->frames[i].bytes[4] + (forged->expected && i == 0) > 0;
             i++) {
            memcpy(big, forged->frames[i].bytes, sizeof forged->frames[i].bytes);
            MPI_Send(big, forged->frames[i].size, MPI_BYTE, 0, TRANSPORT_TAG, comm);
        }
        MPI_Send(big, 1, MPI_BYTE, 0, TRANSPORT_TAG + 1, comm); /* all have been sent */
    }
    static volatile bool left; /* survives the jump */
    left = false;
    if (rank == 0) {
        heard[0] = '\0';
        failed_check[0] = '\0';
        chord_check_set_hook(note_check);
        if (setjmp(escape) == 0) {
            int all = 0;
            for (int more = 0; more < 500; more += all) {
                transport_poll(t, 1);
                if (!all)
                    MPI_Iprobe(1, TRANSPORT_TAG + 1, comm, &all, MPI_STATUS_IGNORE);
            }
        } else {
            left = true;
        }
        chord_check_set_hook(check_hook);
        expect(strcmp(heard, forged->heard) == 0);
        expect(left == (forged->expected != NULL));
        if (left) {
            char text[300];
            snprintf(text, sizeof text, "a frame from rank 1 is malformed: %s", forged->expected);
            expect(strcmp(failed_check, text) == 0);
            expect(transport_statistics(t)->malformed == 1);
        } else {
            expect(transport_statistics(t)->malformed == 0);
        }
        MPI_Recv(big, 1, MPI_BYTE, 1, TRANSPORT_TAG + 1, comm, MPI_STATUS_IGNORE);
    }
    barrier();
    /* After a failed check the process would be over: that transport and its communicator are left as they
     * are. */
    if (!left)
        transport_destroy(t);
    if (forged->expected == NULL)
        MPI_Comm_free(&comm);
}

static void forged_frames(void) {
    if (ranks < 2 || ranks > 3) /* more ranks only watch */
        return;
    for (size_t i = 0; i < sizeof forgeries / sizeof *forgeries; i++) {
        begin("forged frame %zu: %s", i, forgeries[i].expected ? forgeries[i].expected : forgeries[i].heard);
        forged_frame(&forgeries[i], 1);
        forged_frame(&forgeries[i], 4);
    }
}

/* ---------------------------------------------------------------- programmer's errors and configurations */

static void refused_configurations(void) {
    begin("refused configurations");
    const struct transport_config good = {
        .comm = MPI_COMM_WORLD, .pool_bytes = 100000, .message_bytes_max = 100, .deliver = hear};
    struct transport_config bad[6];
    for (int i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].frame_bytes = FRAME_BYTES_MIN - 1;
    bad[1].frame_bytes = FRAME_BYTES_MAX + 1;
    bad[2].deliver = NULL;
    bad[3].message_bytes_max = 0;
    bad[4].pool_bytes = 1000;
    bad[5].receive_slots = TRANSPORT_RECEIVE_SLOTS_MAX + 1;
    for (int i = 0; i < 6; i++) {
        struct transport *t = (struct transport *)&t;
        char error[TRANSPORT_ERROR_SIZE] = "";
        expect(transport_create(&bad[i], &t, error) == CHORD_INVALID);
        expect(t == NULL && strncmp(error, "transport: ", 11) == 0 && strchr(error, '\n') == NULL);
    }
    transport_destroy(NULL);
}

/* An exhausted pool, an impossible rank and an uncommitted reservation fail a check, also in release builds.
 */
static void programmer_errors(void) {
    static int which; /* survives the jump */
    for (which = 0; which < 4; which++) {
        begin("programmer's error %d", which);
        struct transport_config config = {.frame_bytes = 256, .pool_bytes = 10 * 400};
        start(&config, 1, 1000);
        chord_check_set_hook(note_check);
        static volatile bool left;
        left = false;
        if (setjmp(escape) == 0) {
            if (which == 0)
                for (int i = 0; i < 100; i++) {
                    transport_reserve(run.t, rank, 200);
                    transport_commit(run.t, 200);
                }
            if (which == 1)
                transport_reserve(run.t, ranks, 1);
            if (which == 2)
                transport_reserve(run.t, rank, transport_record_bytes_max(run.t) + 1);
            if (which == 3) {
                transport_reserve(run.t, rank, 1);
                transport_flush(run.t);
            }
        } else {
            left = true;
        }
        chord_check_set_hook(check_hook);
        expect(left);
        if (which == 0)
            expect(strstr(failed_check, "pool") != NULL);
        stop();
    }
}

static void topology_and_clock(void) {
    begin("topology");
    expect(topology_choose_waiting(1, 1) == TRANSPORT_SPIN);
    expect(topology_choose_waiting(2, 2) == TRANSPORT_SPIN);
    expect(topology_choose_waiting(3, 2) == TRANSPORT_YIELD);
    expect(topology_choose_waiting(2, 1.5) == TRANSPORT_YIELD);
    expect(topology_choose_waiting(1, 0) == TRANSPORT_YIELD);
    expect(topology_choose_waiting(0, 4) == TRANSPORT_YIELD);
    struct topology topology;
    topology_discover(MPI_COMM_WORLD, &topology);
    expect(topology.host[0] != '\0' && topology.summary[0] != '\0' && topology.cpuset[0] != '\0');
    expect(topology.ranks_on_host >= 1 && topology.ranks_on_host <= ranks);
    expect(topology.rank_on_host < topology.ranks_on_host);
    expect(topology.cores_of_rank >= 1 && topology.cores_of_rank <= topology.cores_of_ranks);
    expect(topology.ranks_per_core * topology.cores_of_ranks >= topology.ranks_on_host * 0.999);
    expect(topology.core_of_its_own == (topology.waiting == TRANSPORT_SPIN));
    expect(!topology.core_of_its_own || topology.ranks_per_core <= 1);
    if (rank == 0)
        printf("%s: %s; %u ranks on cpus %s, %.2f a core, %s\n", topology.host, topology.summary,
               topology.ranks_on_host, topology.cpuset, topology.ranks_per_core,
               topology.waiting == TRANSPORT_SPIN ? "spin" : "yield");
    uint64_t before = monotime_now_ns();
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = monotime_now_ns();
        expect(now >= before);
        before = now;
    }
}

int main(int argc, char **argv) {
    harness_start(&argc, &argv, "transport_test", SECONDS_MAX);
    rendezvous = argc > 2 && strcmp(argv[2], "rendezvous") == 0;

    topology_and_clock();
    refused_configurations();
    programmer_errors();
    forged_frames();
    stalled_receive(2);
    stalled_receive(32);
    ping_pong(2000);
    sparse_traffic();
    coalescing();
    /* frame_bytes, slots and in-flight limit: defaults, the smallest of each, and mixed. */
    const uint32_t scale = ranks <= 3 ? 10 : 3;
    all_to_all((struct transport_config){0}, scale * 200, MESSAGE_MAX, 64, 2u << 20);
    all_to_all(
        (struct transport_config){.frame_bytes = 256, .receive_slots = 1, .inflight_frames_per_peer = 1},
        scale * 50, 20000, 64, 1u << 16);
    all_to_all(
        (struct transport_config){.frame_bytes = 256, .receive_slots = 32, .inflight_frames_per_peer = 1},
        scale * 100, 200000, 1, 1);
    all_to_all((struct transport_config){.frame_bytes = 256, .inflight_frames_per_peer = 3}, scale * 400,
               3000, 256, 1u << 20);
    all_to_all((struct transport_config){.frame_bytes = 1000, .receive_slots = 1}, scale * 200, 50000, 32,
               1u << 18);
    all_to_all(
        (struct transport_config){.frame_bytes = 4000, .receive_slots = 3, .inflight_frames_per_peer = 1},
        scale * 2000, 100, 1000, 1u << 17);
    if (ranks <= 2)
        all_to_all((struct transport_config){.waiting = TRANSPORT_SPIN}, 20, 100, 1, 100);
    harness_end();
    return 0;
}
