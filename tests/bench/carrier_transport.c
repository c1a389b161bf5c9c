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
#define TURNS_BETWEEN_FLUSHES 8u
#define POLLS_BEFORE_WAITING 2u

static void send_message(void *context, uint32_t to_rank, const unsigned char *bytes, size_t size) {
    struct transport *transport = *(struct transport **)context;
    memcpy(transport_reserve(transport, to_rank, size), bytes, size);
    transport_commit(transport, size);
}

static void deliver(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    traffic_receive(context, bytes, size);
}

/* Frames leave when they are full, or when nothing else is to be done; with little traffic at once. */
static void run(struct transport *transport, struct traffic *traffic) {
    uint32_t busy_turns = 0;
    uint32_t looks = 0;
    while (!traffic->stopped) {
        const bool received = transport_poll(transport, FRAMES_PER_POLL) > 0;
        const bool worked = traffic_work(traffic);
        if (received || worked) {
            looks = 0;
            if (transport_is_sparse(transport) || ++busy_turns % TURNS_BETWEEN_FLUSHES == 0) {
                (void)transport_flush(transport);
            }
        } else if (transport_flush(transport) == 0 && ++looks % POLLS_BEFORE_WAITING == 0) {
            transport_wait(transport);
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
    struct transport_config config = {
        .comm = comm, .message_bytes_max = TRAFFIC_MESSAGE_MAX, .waiting = topology.waiting, .deliver = deliver, .context = traffic};
    const uint64_t messages = (uint64_t)load->window * ranks + 2 * ranks;
    const uint32_t largest = load->request_bytes > load->answer_bytes ? load->request_bytes : load->answer_bytes;
    config.pool_bytes = transport_pool_bytes_needed(&config, ranks, messages, messages * largest);
    struct transport *transport = NULL;
    char error[TRANSPORT_ERROR_SIZE] = "";
    if (transport_create(&config, &transport, error) != CHORD_OK) {
        fprintf(stderr, "chordkv-limit: %s\n", error);
        MPI_Abort(comm, 1);
    }
    traffic_begin(traffic, load, transport_rank(transport), ranks, send_message, &transport);
    carrier_barrier(comm);
    const uint64_t begin_ns = monotime_now_ns();
    run(transport, traffic);
    struct carrier_result result = {.elapsed_ns = monotime_now_ns() - begin_ns};
    while (transport_drain(transport)) {
        transport_wait(transport);
    }
    result.mpi_messages = transport_statistics(transport)->frames_sent;
    carrier_barrier(comm);
    transport_destroy(transport);
    return result;
}
