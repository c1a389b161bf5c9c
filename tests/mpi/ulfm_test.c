/* The transport over an MPI that tells of dead ranks (ulfm/ulfm_stub.h): who has died is passed on, the living are heard and
 * served as before, and what was for the dead is let go. An MPI program: mpirun -n N ulfm_test [seed], with N of at least 4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/mpi/transport.h"
#include "chord/base/check.h"
#include "tests/mpi/harness.h"
#include "tests/mpi/ulfm/ulfm_stub.h"

#define SECONDS_MAX 60u
#define LARGEST 20000u
#define MESSAGES 400u /* of each channel and round */

static struct {
    struct transport *t;
    MPI_Comm comm;
    uint32_t *sent, *heard; /* messages, by rank */
    uint32_t *told;         /* how often each rank was said to have died */
} run;

static size_t size_of(uint32_t from, uint32_t to, uint32_t n) {
    uint64_t state = seed + from * 10007u + to * 101u + n * 1000003u;
    const uint64_t draw = next_random(&state);
    return sizeof n + (draw % 32 == 0 ? next_random(&state) % (LARGEST - sizeof n) : draw % 100);
}

static void take(void *context, uint32_t from, const unsigned char *bytes, size_t size) {
    (void)context;
    const uint32_t n = run.heard[from]++;
    expect(size == size_of(from, rank, n));
    expect(memcmp(bytes, &n, sizeof n) == 0);
    expect(memcmp(bytes + sizeof n, bytes_of_message(from, rank, n), size - sizeof n) == 0);
}

static void on_failed(void *context, uint32_t dead) {
    (void)context;
    expect(dead < ranks);
    run.told[dead]++;
}

static void send_message(uint32_t to) {
    const uint32_t n = run.sent[to]++;
    transport_send_large(run.t, to, (const unsigned char *)&n, sizeof n, bytes_of_message(rank, to, n),
                         size_of(rank, to, n) - sizeof n);
}

static void turn(void) {
    if (transport_poll(run.t, 4) == 0 && transport_flush(run.t) == 0)
        transport_wait(run.t);
}

/* Until MPI has everything, or has given it up. */
static void drain(void) {
    do
        turn();
    while (transport_drain(run.t));
}

/* The ranks below `living` send to each other; `during` happens in the middle, when all have something under way. */
static void exchange(uint32_t living, void (*during)(uint32_t), uint32_t whom) {
    const uint32_t target = run.heard[rank] + MESSAGES; /* the same for all of them */
    for (uint32_t n = 0; n < MESSAGES; n++) {
        for (uint32_t to = 0; to < living; to++)
            send_message(to);
        if (n == MESSAGES / 2 && during != NULL)
            during(whom);
        turn();
    }
    for (uint32_t from = 0; from < living; from++)
        while (run.heard[from] < target)
            turn();
    drain();
}

static void start(void) {
    duplicate(&run.comm);
    run.sent = calloc(ranks, sizeof *run.sent);
    run.heard = calloc(ranks, sizeof *run.heard);
    run.told = calloc(ranks, sizeof *run.told);
    expect(run.sent != NULL && run.heard != NULL && run.told != NULL);
    const struct transport_config config = {.comm = run.comm,
                                            .message_bytes_max = LARGEST,
                                            .pool_bytes = 64u << 20,
                                            .receive_slots = 8,
                                            .inflight_frames_per_peer = 4,
                                            .outlives_peers = true,
                                            .deliver = take,
                                            .failed = on_failed,
                                            .context = &run};
    char error[TRANSPORT_ERROR_SIZE] = "";
    if (transport_create(&config, &run.t, error) != CHORD_OK)
        fail(__LINE__, error);
    barrier();
}

static void stop(void) {
    barrier();
    transport_destroy(run.t);
    MPI_Comm_free(&run.comm);
    free(run.sent);
    free(run.heard);
    free(run.told);
}

/* While it is polled that a rank has died: what MPI had for it is given up. */
static void die_with_frames_in_flight(uint32_t dead) {
    ulfm_stub_stall(dead);
    for (uint32_t n = 0; n < MESSAGES; n++)
        send_message(dead);
    turn();
    expect(transport_pending(run.t) && !transport_is_shut(run.t, dead));
    ulfm_stub_fail(dead);
}

static void check_first_death(uint32_t dead) {
    expect(run.told[dead] > 0);
    expect(ulfm_stub_counts.test_pending > 0 && ulfm_stub_counts.acknowledged > 0);
    expect(transport_is_shut(run.t, dead));
    expect(ulfm_stub_counts.send_failed > 0);
    expect(transport_statistics(run.t)->peers_cut == 1);
    const uint64_t refused = transport_statistics(run.t)->records_refused;
    send_message(dead);
    expect(transport_statistics(run.t)->records_refused == refused + 1);
}

/* While all receives are looked at; nothing is under way to it. */
static void check_second_death(uint32_t dead, uint32_t before) {
    const uint32_t told = run.told[before];
    ulfm_stub_fail_in_scan(dead);
    while (run.told[dead] == 0)
        turn();
    expect(ulfm_stub_counts.testsome_pending > 0);
    expect(run.told[before] > told); /* all that have died so far */
    expect(!transport_is_shut(run.t, dead)); /* whether to speak to it is not the transport's to say */
    send_message(dead);
    drain();
    expect(transport_is_shut(run.t, dead));
    expect(ulfm_stub_counts.send_refused > 0);
    expect(transport_statistics(run.t)->peers_cut == 2);
}

int main(int argc, char **argv) {
    harness_start(&argc, &argv, "ulfm_test", SECONDS_MAX);
    expect(ranks >= 4);
    ulfm_stub_start(ranks);
    const uint32_t first = ranks - 1;
    const uint32_t second = ranks - 2;
    start();
    begin("everybody lives");
    exchange(ranks, NULL, 0);
    barrier();
    begin("one dies, with frames in flight");
    if (rank != first) {
        exchange(first, die_with_frames_in_flight, first);
        check_first_death(first);
        exchange(first, NULL, 0);
    }
    begin("another one dies, while all receives are looked at");
    if (rank < second) {
        check_second_death(second, first);
        exchange(second, NULL, 0);
        for (uint32_t other = 0; other < second; other++)
            expect(run.told[other] == 0);
        expect(transport_statistics(run.t)->malformed == 0);
    }
    begin("the dead");
    stop();
    harness_end();
}
