/* Measures the transport against plain MPI (one MPI_Isend a message, receives posted) in one run, in turns.
 * Not a test: mpirun -n 10 transport_bench [rounds [milliseconds a phase]]
 *
 * hop   one 64-byte message travels round and round through all ranks: nanoseconds a hop.
 * W     every rank keeps W messages of 64 bytes under way to each other rank; each is answered with 64 bytes:
 *       messages (requests and answers) a second, all ranks together.
 *
 * To try other settings: BENCH_FRAME (frame_bytes), BENCH_INFLIGHT (inflight_frames_per_peer),
 * BENCH_KEEP_ENVIRONMENT (doesn't call transport_prepare_environment). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mpi/monotime.h"
#include "app/mpi/topology.h"
#include "app/mpi/transport.h"

#define MESSAGE_BYTES 64u
#define SLOTS 32u
#define SENDS_MAX 65536u
#define STOP 3u
#define ROUNDS_MAX 101

enum side { PLAIN, TRANSPORT, SIDES };

static struct transport *transport;
static MPI_Comm plain;
static uint32_t rank, ranks;
static enum transport_waiting waiting;

static uint64_t received; /* messages of this phase */
static bool answering;
static uint32_t stops;
static uint32_t missing_answers;
static uint64_t deadline_ns;

/* ---- plain MPI: same loop, one MPI message each */

static unsigned char in[SLOTS][MESSAGE_BYTES];
static MPI_Request in_requests[SLOTS];
static unsigned char out[SENDS_MAX][MESSAGE_BYTES];
static MPI_Request out_requests[SENDS_MAX];
static uint32_t out_next, out_oldest;
static uint32_t in_head;

static void plain_send(uint32_t to, const unsigned char *bytes) {
    const uint32_t i = out_next++ % SENDS_MAX;
    while (out_next - out_oldest > SENDS_MAX / 2) {
        int done = 0;
        MPI_Test(&out_requests[out_oldest % SENDS_MAX], &done, MPI_STATUS_IGNORE);
        if (!done)
            break;
        out_oldest++;
    }
    if (out_next - out_oldest > SENDS_MAX) {
        fprintf(stderr, "too many plain sends in flight\n");
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    memcpy(out[i], bytes, MESSAGE_BYTES);
    MPI_Isend(out[i], MESSAGE_BYTES, MPI_BYTE, (int)to, 1, plain, &out_requests[i]);
}

static void handle(uint32_t from, const unsigned char *bytes);

static uint32_t plain_poll(uint32_t max) {
    uint32_t handled = 0;
    for (; handled < max; handled++) {
        int done = 0;
        MPI_Status status;
        MPI_Test(&in_requests[in_head], &done, &status);
        if (!done)
            break;
        handle((uint32_t)status.MPI_SOURCE, in[in_head]);
        MPI_Irecv(in[in_head], MESSAGE_BYTES, MPI_BYTE, MPI_ANY_SOURCE, 1, plain, &in_requests[in_head]);
        in_head = (in_head + 1) % SLOTS;
    }
    return handled;
}

/* ---- both */

static enum side side;

static void send_message(uint32_t to, unsigned char kind, uint32_t value) {
    unsigned char bytes[MESSAGE_BYTES] = {0};
    bytes[0] = kind;
    memcpy(bytes + 1, &value, sizeof value);
    if (side == PLAIN) {
        plain_send(to, bytes);
    } else {
        memcpy(transport_reserve(transport, to, MESSAGE_BYTES), bytes, MESSAGE_BYTES);
        transport_commit(transport, MESSAGE_BYTES);
    }
}

/* kinds: 0 request, 1 answer, 2 token, STOP */
static uint32_t token_hops;
static bool token_done;

static void handle(uint32_t from, const unsigned char *bytes) {
    received++;
    uint32_t value;
    memcpy(&value, bytes + 1, sizeof value);
    switch (bytes[0]) {
    case 0:
        send_message(from, 1, value);
        break;
    case 1:
        if (!answering)
            missing_answers--;
        else
            send_message(from, 0, value);
        break;
    case 2:
        if (value + ranks > token_hops)
            token_done = true;
        if (value < token_hops) /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): MPI has a rank at least */
            send_message((rank + 1) % ranks, 2, value + 1);
        break;
    default:
        stops++;
    }
}

static void deliver(void *context, uint32_t from, const unsigned char *bytes, size_t size) {
    (void)context;
    (void)size;
    handle(from, bytes);
}

static void turn(void) {
    if (side == PLAIN) {
        if (plain_poll(SLOTS) == 0 && plain_poll(SLOTS) == 0) {
            if (waiting == TRANSPORT_YIELD)
                transport_wait(transport);
        }
        return;
    }
    const uint32_t handled = transport_poll(transport, SLOTS);
    if (handled < SLOTS && transport_flush(transport) == 0 && handled == 0)
        transport_wait(transport);
}

static double hop_ns(uint32_t hops) {
    token_hops = hops;
    token_done = false;
    MPI_Barrier(plain);
    const uint64_t start = monotime_now_ns();
    if (rank == 0)
        send_message(ranks > 1 ? 1 : 0, 2, 1);
    while (!token_done)
        turn();
    if (side == TRANSPORT)
        while (transport_drain(transport))
            turn();
    const double ns = (double)(monotime_now_ns() - start) / hops;
    MPI_Barrier(plain);
    return ns;
}

static double exchange(uint32_t window, uint64_t duration_ns) {
    received = 0;
    stops = 0;
    answering = true;
    missing_answers = window * (ranks - 1);
    MPI_Barrier(plain);
    const uint64_t start = monotime_now_ns();
    deadline_ns = start + duration_ns;
    for (uint32_t w = 0; w < window; w++)
        for (uint32_t i = 1; i < ranks; i++)
            send_message((rank + i) % ranks, 0, w);
    for (uint32_t n = 1; monotime_now_ns() < deadline_ns; n++)
        turn();
    const uint64_t counted = received;
    const uint64_t took = monotime_now_ns() - start;
    answering = false;
    bool said = false;
    while (missing_answers > 0 || stops < ranks - 1) {
        if (missing_answers == 0 && !said) {
            for (uint32_t i = 1; i < ranks; i++)
                send_message((rank + i) % ranks, STOP, 0);
            said = true;
        }
        turn();
    }
    if (!said)
        for (uint32_t i = 1; i < ranks; i++)
            send_message((rank + i) % ranks, STOP, 0);
    if (side == TRANSPORT)
        while (transport_drain(transport))
            turn();
    const double rate = (double)counted * 1e9 / (double)took;
    double sum = 0;
    MPI_Allreduce(&rate, &sum, 1, MPI_DOUBLE, MPI_SUM, plain);
    return sum;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

int main(int argc, char **argv) {
    if (getenv("BENCH_KEEP_ENVIRONMENT") == NULL)
        transport_prepare_environment();
    MPI_Init(&argc, &argv);
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    const uint64_t duration_ns = (argc > 2 ? strtoull(argv[2], NULL, 10) : 500) * 1000000u;
    if (rounds < 1 || rounds > ROUNDS_MAX)
        rounds = 5;
    int n = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &n);
    rank = (uint32_t)n;
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    ranks = (uint32_t)n;
    MPI_Comm frames;
    MPI_Comm_dup(MPI_COMM_WORLD, &plain);
    MPI_Comm_dup(MPI_COMM_WORLD, &frames);
    struct topology topology;
    topology_discover(MPI_COMM_WORLD, &topology);
    waiting = topology.waiting;
    struct transport_config config = {
        .comm = frames, .message_bytes_max = 4096, .waiting = waiting, .deliver = deliver};
    if (getenv("BENCH_FRAME") != NULL)
        config.frame_bytes = (uint32_t)atoi(getenv("BENCH_FRAME"));
    if (getenv("BENCH_INFLIGHT") != NULL)
        config.inflight_frames_per_peer = (uint32_t)atoi(getenv("BENCH_INFLIGHT"));
    config.pool_bytes = transport_pool_bytes_needed(&config, ranks, 300 * ranks, 300 * ranks * MESSAGE_BYTES);
    char error[TRANSPORT_ERROR_SIZE];
    if (transport_create(&config, &transport, error) != CHORD_OK) {
        fprintf(stderr, "%s\n", error);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    for (uint32_t i = 0; i < SLOTS; i++)
        MPI_Irecv(in[i], MESSAGE_BYTES, MPI_BYTE, MPI_ANY_SOURCE, 1, plain, &in_requests[i]);
    for (uint32_t i = 0; i < SENDS_MAX; i++)
        out_requests[i] = MPI_REQUEST_NULL;

    static const uint32_t windows[] = {1, 8, 64};
    static double results[4][SIDES][ROUNDS_MAX];
    for (int r = -1; r < rounds; r++) { /* the first is a warm-up */
        for (int s = 0; s < SIDES; s++) {
            side = (enum side)s;
            const int at = r < 0 ? 0 : r;
            results[0][s][at] = hop_ns(20000);
            for (int w = 0; w < 3 && ranks > 1; w++)
                results[w + 1][s][at] = exchange(windows[w], duration_ns);
        }
    }
    if (rank == 0) {
        printf("%u ranks, %.1f a core (%s), waiting by %s; median of %d rounds\n", ranks,
               topology.ranks_per_core, topology.summary,
               waiting == TRANSPORT_YIELD ? "yielding" : "spinning", rounds);
        double p = median(results[0][PLAIN], rounds), t = median(results[0][TRANSPORT], rounds);
        printf("hop        plain %8.0f ns    transport %8.0f ns    ratio %.2f\n", p, t, t / p);
        for (int w = 0; w < 3 && ranks > 1; w++) {
            p = median(results[w + 1][PLAIN], rounds) / 1e6,
            t = median(results[w + 1][TRANSPORT], rounds) / 1e6;
            printf("window %2u  plain %8.3f M/s   transport %8.3f M/s   ratio %.2f\n", windows[w], p, t,
                   t / p);
        }
        const struct transport_statistics *st = transport_statistics(transport);
        printf("records %lu frames %lu (%.1f a frame), pool %zu KiB of %zu, in flight at most %u\n",
               (unsigned long)st->records_sent, (unsigned long)st->frames_sent,
               (double)st->records_sent / (double)st->frames_sent, st->pool_bytes_used_max / 1024,
               config.pool_bytes / 1024, st->inflight_max);
    }
    transport_destroy(transport);
    for (uint32_t i = 0; i < SLOTS; i++) {
        MPI_Cancel(&in_requests[i]);
        MPI_Wait(&in_requests[i], MPI_STATUS_IGNORE);
    }
    for (; out_oldest < out_next; out_oldest++)
        MPI_Wait(&out_requests[out_oldest % SENDS_MAX], MPI_STATUS_IGNORE);
    MPI_Comm_free(&frames);
    MPI_Comm_free(&plain);
    MPI_Finalize();
    return 0;
}
