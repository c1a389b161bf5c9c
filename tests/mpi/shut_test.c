/* Channels that are shut and opened again, over real MPI: what arrives is what was sent, whole and in order, less what
 * was discarded; nothing waits for a peer that is shut, and its frames are paid for by the bound of the pool. An MPI
 * program: mpirun -n N shut_test [seed [rendezvous]]; `rendezvous` says that MPI was told an eager limit of at most
 * 1,000 bytes, so that larger frames complete only when their receiver calls MPI. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mpi/transport.h"
#include "chord/base/check.h"
#include "tests/mpi/harness.h"

#define SECONDS_MAX 100u
#define LARGEST 20000u
#define LAST 0x80000000u /* bit of a message's number: nothing follows it */

/* Messages are numbered by channel, refused ones included: number 4 | size 4 | bytes that both ends know. */
enum { HEAD_BYTES = 8 };

static struct {
    struct transport *t;
    MPI_Comm comm;
    uint32_t *sent;      /* to each rank: the next number */
    uint32_t *next;      /* from each rank: the least number that may come */
    uint32_t *heard;     /* from each rank, in all */
    uint64_t *heard_set; /* from each rank: one bit for each of the numbers below 64 */
    bool *ended;         /* from each rank: the last one has come */
    void (*on_message)(uint32_t from, uint32_t n);
} run;

static bool rendezvous;
static volatile int *flag; /* shared by all ranks of the host: tells something to a rank that may not call MPI */

static void take(void *context, uint32_t from, const unsigned char *bytes, size_t size) {
    expect(context == &run && from < ranks && size >= HEAD_BYTES);
    uint32_t n;
    uint32_t claimed;
    memcpy(&n, bytes, 4);
    memcpy(&claimed, bytes + 4, 4);
    expect(claimed == size);
    expect(!run.ended[from]);
    run.ended[from] = (n & LAST) != 0;
    n &= ~LAST;
    expect(n >= run.next[from]);
    expect(memcmp(bytes + HEAD_BYTES, bytes_of_message(from, rank, n), size - HEAD_BYTES) == 0);
    run.next[from] = n + 1;
    run.heard[from]++;
    if (n < 64)
        run.heard_set[from] |= UINT64_C(1) << n;
    if (run.on_message != NULL)
        run.on_message(from, n);
}

static void send_marked(uint32_t to, size_t size, uint32_t mark) {
    const uint32_t n = run.sent[to]++;
    const uint32_t head[2] = {n | mark, (uint32_t)size};
    const unsigned char *bytes = bytes_of_message(rank, to, n);
    if (size <= transport_record_bytes_max(run.t)) {
        unsigned char *at = transport_reserve(run.t, to, size);
        memcpy(at, head, HEAD_BYTES);
        memcpy(at + HEAD_BYTES, bytes, size - HEAD_BYTES);
        transport_commit(run.t, size);
    } else {
        transport_send_large(run.t, to, (const unsigned char *)head, HEAD_BYTES, bytes, size - HEAD_BYTES);
    }
}

static void send_message(uint32_t to, size_t size) {
    send_marked(to, size, 0);
}

static void send_last(uint32_t to) {
    send_marked(to, HEAD_BYTES, LAST);
}

static void start(struct transport_config config) {
    duplicate(&run.comm);
    config.comm = run.comm;
    config.deliver = take;
    config.context = &run;
    config.message_bytes_max = LARGEST;
    run.sent = calloc(ranks, sizeof *run.sent);
    run.next = calloc(ranks, sizeof *run.next);
    run.heard = calloc(ranks, sizeof *run.heard);
    run.heard_set = calloc(ranks, sizeof *run.heard_set);
    run.ended = calloc(ranks, sizeof *run.ended);
    run.on_message = NULL;
    expect(run.sent && run.next && run.heard && run.heard_set && run.ended);
    char error[TRANSPORT_ERROR_SIZE] = "";
    if (transport_create(&config, &run.t, error) != CHORD_OK)
        fail(__LINE__, error);
    barrier();
}

static void turn(void) {
    if (transport_poll(run.t, 4) == 0 && transport_flush(run.t) == 0)
        transport_wait(run.t);
}

static void hear_to_the_end(uint32_t from) {
    while (!run.ended[from])
        turn();
}

/* To be called when every message that was sent has been heard. */
static void stop(void) {
    while (transport_drain(run.t))
        turn();
    barrier();
    transport_destroy(run.t);
    MPI_Comm_free(&run.comm);
    free(run.sent);
    free(run.next);
    free(run.heard);
    free(run.heard_set);
    free(run.ended);
}

static const struct transport_statistics *statistics(void) {
    return transport_statistics(run.t);
}

/* ---------------------------------------------------------------- one channel, from rank 0 to rank 1 */

/* What is in the open frame is discarded, what comes while the channel is shut is refused, what comes later
 * arrives. */
static void discarded_and_refused(void) {
    begin("discarded and refused");
    start((struct transport_config){.frame_bytes = 256, .pool_bytes = 1u << 20});
    if (rank == 0) {
        for (int i = 0; i < 5; i++)
            send_message(1, 20);
        expect(transport_flush(run.t) == 1);
        for (int i = 0; i < 3; i++)
            send_message(1, 20); /* 5 to 7 */
        transport_shut_peer(run.t, 1);
        transport_shut_peer(run.t, 1);
        expect(statistics()->frames_discarded == 1);
        send_message(1, 20);
        send_message(1, 5000);
        expect(statistics()->records_refused == 2);
        expect(transport_flush(run.t) == 0 && statistics()->frames_sent == 1);
        expect(!transport_pending(run.t) && !transport_drain(run.t));
        transport_open_peer(run.t, 1);
        transport_open_peer(run.t, 1);
        send_message(1, 20); /* 10 */
        send_message(1, 5000);
        send_last(1);
        expect(transport_pending(run.t));
        expect(statistics()->records_refused == 2);
    } else if (rank == 1) {
        hear_to_the_end(0);
        expect(run.heard_set[0] == 0x1c1f); /* 0 to 4, 10, 11, and 12, the last */
        expect(statistics()->restarts == 1);
    }
    stop();
}

/* Messages of which MPI has all but the last fragment, whatever its size, once or several times in a row. */
static void cut_messages(void) {
    begin("messages cut in their midst");
    start((struct transport_config){.frame_bytes = 256, .pool_bytes = 1u << 20});
    const uint32_t count = 300;
    if (rank == 0) {
        for (uint32_t i = 0; i < count; i++) {
            send_message(1, 300 + 5 * i);
            const uint64_t before = statistics()->frames_discarded;
            transport_shut_peer(run.t, 1);
            expect(statistics()->frames_discarded > before);
            transport_open_peer(run.t, 1);
            if (i % 3 == 0) { /* else the next message is cut at once */
                send_message(1, i % 2 == 0 ? 10 : 700);
                while (transport_drain(run.t))
                    turn();
            }
        }
        send_last(1);
    } else if (rank == 1) {
        hear_to_the_end(0);
        expect(run.heard[0] == count / 3 + 1 && run.next[0] == count + count / 3 + 1);
        expect(statistics()->restarts > count / 3 && statistics()->restarts <= count);
    }
    stop();
}

/* What was sent before the channel was shut arrives after it was opened again, first. Rank 1 doesn't look before. */
static void stale_arrivals(void) {
    begin("stale arrivals");
    if (rank == 0)
        *flag = 0;
    start((struct transport_config){.frame_bytes = 256, .pool_bytes = 1u << 20});
    if (rank == 0) {
        for (int n = 0; n < 5; n++) {
            send_message(1, 20);
            expect(transport_flush(run.t) == 1);
        }
        send_message(1, 300); /* its end is discarded */
        transport_shut_peer(run.t, 1);
        send_message(1, 20);
        transport_open_peer(run.t, 1);
        send_message(1, 400); /* 7 */
        send_last(1);
        (void)transport_flush(run.t);
        *flag = 1;
    } else if (rank == 1) {
        while (*flag == 0)
            sched_yield();
        hear_to_the_end(0);
        expect(run.heard_set[0] == 0x19f);
    }
    stop();
}

/* ---------------------------------------------------------------- shut and opened from inside a delivery */

static void shut_at_3(uint32_t from, uint32_t n) {
    if (n == 3) {
        transport_shut_peer(run.t, from);
        send_message(from, 30);
        expect(statistics()->records_refused == 1);
    } else if (n == 7) {
        transport_open_peer(run.t, from);
        send_message(from, 30);
        send_last(from);
    }
}

/* The rest of the frame, and a message in fragments from the peer that is shut, arrive all the same. */
static void shut_in_delivery(void) {
    begin("shut in a delivery");
    start((struct transport_config){.frame_bytes = 512, .pool_bytes = 1u << 20});
    if (rank == 1)
        run.on_message = shut_at_3;
    if (rank == 0) {
        for (uint32_t n = 0; n < 10; n++)
            send_message(1, n == 5 ? 6000 : 30);
        send_last(1);
        hear_to_the_end(1);
        expect(run.heard_set[1] == 6);
    } else if (rank == 1) {
        hear_to_the_end(0);
        expect(run.heard[0] == 11);
        expect(run.ended[0]);
    }
    stop();
}

/* ---------------------------------------------------------------- a peer that doesn't call MPI any more */

enum { WINDOW = 20 };

static uint32_t answers;

static void answer(uint32_t from, uint32_t n) {
    (void)n;
    if (from < rank)
        send_message(from, 30);
    else
        answers++;
}

/* Each rank asks those above it, all but the last rank, which is away; the pool has no frame to spare. */
static void talk_among_the_others(uint32_t last) {
    const uint32_t peers = last - 1 - rank;
    run.on_message = answer;
    for (uint32_t asked = 0; peers > 0 && answers < 400 * peers;) {
        while (asked < 400 * peers && asked - answers < WINDOW)
            send_message(rank + 1 + asked++ % peers, 900);
        turn();
    }
    for (uint32_t above = rank + 1; above < last; above++)
        send_last(above);
    for (uint32_t below = 0; below < rank; below++)
        hear_to_the_end(below);
    for (uint32_t below = 0; below < rank; below++)
        send_last(below);
    for (uint32_t above = rank + 1; above < last; above++)
        hear_to_the_end(above);
}

/* What the last rank hears when it comes back: the first frames, in order, then what was sent after the opening. */
static void come_back(uint32_t last) {
    while (*flag < 1 + (int)last)
        sched_yield();
    for (uint32_t from = 0; from < last; from++) {
        hear_to_the_end(from);
        expect(run.heard[from] >= 2 && run.next[from] == 103);
        if (rendezvous)
            expect(run.heard_set[from] == 0xf); /* what was in flight */
    }
}

static void peer_away(void) {
    if (ranks < 3)
        return;
    begin("a peer that is away");
    const uint32_t last = ranks - 1;
    struct transport_config config = {.frame_bytes = 1000, .inflight_frames_per_peer = 4};
    /* Windows of this rank and of those that it answers; beforehand, 101 messages to the one that is away. */
    const uint32_t messages = 101 + WINDOW * ranks;
    config.pool_bytes = transport_pool_bytes_needed(&config, ranks, messages, messages * 900);
    answers = 0;
    if (rank == 0)
        *flag = 0;
    start(config);
    if (rank == last) {
        *flag = 1; /* it has left MPI: nothing of it makes progress */
        come_back(last);
    } else {
        while (*flag == 0)
            sched_yield();
        for (uint32_t n = 0; n < 101; n++)
            send_message(last, 900);
        (void)transport_flush(run.t);
        if (rendezvous)
            expect(statistics()->frames_sent == 4 && transport_pending(run.t));
        transport_shut_peer(run.t, last);
        if (rendezvous)
            expect(statistics()->frames_discarded == 97);
        expect(!transport_pending(run.t));
        talk_among_the_others(last);
        expect(!transport_drain(run.t));
        transport_open_peer(run.t, last);
        send_message(last, 900);
        send_last(last);
        __atomic_fetch_add((int *)flag, 1, __ATOMIC_SEQ_CST);
    }
    stop();
}

/* ---------------------------------------------------------------- anything goes */

/* Random messages, shuttings and openings on all channels; the one to the next rank stays open and loses nothing. */
static void random_channels(uint32_t round) {
    uint64_t state = seed * 1000 + rank * 100 + round;
    begin("random channels, round %u", round);
    const struct transport_config config = {.frame_bytes = round % 2 == 0 ? 256 : 700,
                                            .inflight_frames_per_peer = 1 + round % 3,
                                            .receive_slots = 1 + round * 5 % 16,
                                            .pool_bytes = 64u << 20};
    start(config);
    const uint32_t faithful = (rank + 1) % ranks;
    for (uint32_t step = 0; step < 4000; step++) {
        const uint64_t r = next_random(&state);
        const uint32_t peer = (uint32_t)(next_random(&state) % ranks);
        if (r % 8 < 5)
            send_message(peer, HEAD_BYTES + next_random(&state) % (r % 32 == 0 ? LARGEST - HEAD_BYTES : 300));
        else if (r % 8 == 5)
            turn();
        else if (peer != rank && peer != faithful)
            (r % 8 == 6 ? transport_shut_peer : transport_open_peer)(run.t, peer);
    }
    for (uint32_t peer = 0; peer < ranks; peer++) {
        if (peer != rank)
            transport_open_peer(run.t, peer);
        send_last(peer);
    }
    for (uint32_t from = 0; from < ranks; from++)
        hear_to_the_end(from);
    const uint32_t before = (rank + ranks - 1) % ranks;
    expect(run.heard[rank] == run.sent[rank]);
    expect(run.heard[before] == run.next[before]);
    if (ranks > 2)
        expect(statistics()->frames_discarded > 0 && statistics()->records_refused > 0 && statistics()->restarts > 0);
    stop();
}

int main(int argc, char **argv) {
    harness_start(&argc, &argv, "shut_test", SECONDS_MAX);
    rendezvous = argc > 2 && strcmp(argv[2], "rendezvous") == 0;
    MPI_Win window;
    MPI_Aint size;
    int unit;
    MPI_Win_allocate_shared(rank == 0 ? (MPI_Aint)sizeof(int) : 0, 1, MPI_INFO_NULL, MPI_COMM_WORLD, (void *)&flag,
                            &window);
    MPI_Win_shared_query(window, 0, &size, &unit, (void *)&flag);

    discarded_and_refused();
    cut_messages();
    stale_arrivals();
    shut_in_delivery();
    peer_away();
    for (uint32_t round = 0; round < 6; round++)
        random_channels(round);

    MPI_Win_free(&window);
    harness_end();
    return 0;
}
