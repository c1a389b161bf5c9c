#include "tests/bench/carrier.h"

#include "app/mpi/monotime.h"
#include "app/mpi/topology.h"
#include "app/mpi/transport.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in the product's loop (app/mpi/runtime.c). */
#define FRAMES_PER_POLL 32u
#define LONE_MESSAGES_MAX 2u
#define TURNS_BETWEEN_FLUSHES 8u
#define POLLS_BEFORE_WAITING 2u

struct carrier {
    struct transport *transport;
    struct traffic *traffic;
    uint64_t delivered_count;
};

static void send_message(void *context, uint32_t to_rank, const unsigned char *bytes, size_t size) {
    struct transport *transport = ((struct carrier *)context)->transport;
    memcpy(transport_reserve(transport, to_rank, size), bytes, size);
    transport_commit(transport, size);
}

static void deliver(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct carrier *carrier = context;
    (void)from_rank;
    carrier->delivered_count++;
    traffic_receive(carrier->traffic, bytes, size);
}

/* A few messages are answered at once: nothing will come to pack with them. Else frames leave when they are full, or when
 * nothing else is to be done. */
static void run(struct carrier *carrier) {
    uint32_t busy_turns = 0;
    uint32_t looks = 0;
    while (!carrier->traffic->stopped) {
        const uint64_t before = carrier->delivered_count;
        const bool received = transport_poll(carrier->transport, FRAMES_PER_POLL) > 0;
        const bool is_lone = received && carrier->delivered_count - before <= LONE_MESSAGES_MAX;
        const bool worked = traffic_work(carrier->traffic);
        if (received || worked) {
            looks = 0;
            if (is_lone || ++busy_turns % TURNS_BETWEEN_FLUSHES == 0) {
                (void)transport_flush(carrier->transport);
            }
        } else if (transport_flush(carrier->transport) == 0 && ++looks % POLLS_BEFORE_WAITING == 0) {
            transport_wait(carrier->transport);
        }
    }
}

void carrier_barrier(MPI_Comm comm) {
    MPI_Request request;
    int done = 0;
    TRANSPORT_MPI(MPI_Ibarrier(comm, &request));
    while (!done) {
        TRANSPORT_MPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
        if (!done) {
            (void)sched_yield();
        }
    }
}

struct carrier_result carrier_run_transport(struct traffic *traffic, const struct traffic_load *load,
                                            MPI_Comm comm) {
    static struct topology topology;
    int rank_count = 0;
    TRANSPORT_MPI(MPI_Comm_size(comm, &rank_count));
    const uint32_t ranks = (uint32_t)rank_count;
    if (topology.ranks_on_host == 0) {
        topology_discover(comm, &topology);
    }
    struct carrier carrier = {.traffic = traffic};
    struct transport_config config = {
        .comm = comm, .message_bytes_max = TRAFFIC_MESSAGE_MAX, .waiting = topology.waiting, .deliver = deliver, .context = &carrier};
    const uint64_t messages = (uint64_t)load->window * ranks + 2 * ranks;
    const uint32_t largest = load->request_bytes > load->answer_bytes ? load->request_bytes : load->answer_bytes;
    config.pool_bytes = transport_pool_bytes_needed(&config, ranks, messages, messages * largest);
    char error[TRANSPORT_ERROR_SIZE] = "";
    if (transport_create(&config, &carrier.transport, error) != CHORD_OK) {
        fprintf(stderr, "chordkv-limit: %s\n", error);
        MPI_Abort(comm, 1);
    }
    traffic_begin(traffic, load, transport_rank(carrier.transport), ranks, send_message, &carrier);
    carrier_barrier(comm);
    const uint64_t begin_ns = monotime_now_ns();
    run(&carrier);
    struct carrier_result result = {.elapsed_ns = monotime_now_ns() - begin_ns};
    while (transport_drain(carrier.transport)) {
        transport_wait(carrier.transport);
    }
    result.mpi_messages = transport_statistics(carrier.transport)->frames_sent;
    carrier_barrier(comm);
    transport_destroy(carrier.transport);
    return result;
}
