#include "tests/bench/carrier.h"

#include "app/mpi/monotime.h"
#include "app/mpi/transport.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOTS 32u
#define SENDS 4096u      /* messages that MPI may hold at once */
#define PACK_BYTES 4000u /* below the eager limit of shared memory */
#define TURNS_BETWEEN_FLUSHES 8u
#define SLEEP_NS 1000

const char *const carrier_receive_names[CARRIER_RECEIVE_COUNT] = {"posted", "probe", "testsome", "blocking"};
const char *const carrier_wait_names[CARRIER_WAIT_COUNT] = {"yield", "spin", "sleep"};

struct pack {
    size_t size;
    unsigned char bytes[PACK_BYTES]; /* messages, each behind its size in two bytes */
};

struct plain {
    struct carrier_manner manner;
    MPI_Comm comm;
    uint32_t rank_count;
    struct traffic *traffic;
    unsigned char (*in)[PACK_BYTES];
    MPI_Request in_requests[SLOTS];
    uint32_t in_oldest;
    unsigned char (*out)[PACK_BYTES];
    MPI_Request out_requests[SENDS];
    uint64_t out_count;
    uint64_t out_done;
    struct pack *packs; /* by rank */
    uint32_t filled;    /* packs with anything in them */
};

/* --- sending --- */

static void send_now(struct plain *plain, uint32_t to_rank, const unsigned char *bytes, size_t size) {
    while (plain->out_done < plain->out_count) {
        int done = 0;
        TRANSPORT_MPI(MPI_Test(&plain->out_requests[plain->out_done % SENDS], &done, MPI_STATUS_IGNORE));
        plain->out_done += (uint64_t)done;
        if (!done && plain->out_count - plain->out_done < SENDS) {
            break;
        }
    }
    const uint64_t index = plain->out_count++ % SENDS;
    memcpy(plain->out[index], bytes, size);
    TRANSPORT_MPI(MPI_Isend(plain->out[index], (int)size, MPI_BYTE, (int)to_rank, 1, plain->comm, &plain->out_requests[index]));
}

static void send_pack(struct plain *plain, uint32_t to_rank) {
    struct pack *pack = &plain->packs[to_rank];
    send_now(plain, to_rank, pack->bytes, pack->size);
    pack->size = 0;
    plain->filled--;
}

static void send_message(void *context, uint32_t to_rank, const unsigned char *bytes, size_t size) {
    struct plain *plain = context;
    if (!plain->manner.coalesces) {
        send_now(plain, to_rank, bytes, size);
        return;
    }
    struct pack *pack = &plain->packs[to_rank];
    const uint16_t head = (uint16_t)size;
    if (pack->size + sizeof head + size > PACK_BYTES) {
        send_pack(plain, to_rank);
    }
    plain->filled += pack->size == 0;
    memcpy(pack->bytes + pack->size, &head, sizeof head);
    memcpy(pack->bytes + pack->size + sizeof head, bytes, size);
    pack->size += sizeof head + size;
}

static bool flush(struct plain *plain) {
    const bool any = plain->filled > 0;
    for (uint32_t rank = 0; plain->filled > 0 && rank < plain->rank_count; rank++) {
        if (plain->packs[rank].size > 0) {
            send_pack(plain, rank);
        }
    }
    return any;
}

/* --- receiving --- */

static void deliver(struct plain *plain, const unsigned char *bytes, const MPI_Status *status) {
    int count = 0;
    TRANSPORT_MPI(MPI_Get_count(status, MPI_BYTE, &count));
    const size_t size = (size_t)count;
    if (!plain->manner.coalesces) {
        traffic_receive(plain->traffic, bytes, size);
        return;
    }
    for (size_t at = 0; at + 2 <= size;) {
        uint16_t head;
        memcpy(&head, bytes + at, sizeof head);
        traffic_receive(plain->traffic, bytes + at + sizeof head, head);
        at += sizeof head + head;
    }
}

static void post_slot(struct plain *plain, uint32_t slot) {
    TRANSPORT_MPI(MPI_Recv_init(plain->in[slot], PACK_BYTES, MPI_BYTE, MPI_ANY_SOURCE, 1, plain->comm, &plain->in_requests[slot]));
    TRANSPORT_MPI(MPI_Start(&plain->in_requests[slot]));
}

static bool receive_posted(struct plain *plain) {
    bool any = false;
    for (uint32_t turn = 0; turn < SLOTS; turn++) {
        int done = 0;
        MPI_Status status;
        TRANSPORT_MPI(MPI_Test(&plain->in_requests[plain->in_oldest], &done, &status));
        if (!done) {
            break;
        }
        deliver(plain, plain->in[plain->in_oldest], &status);
        TRANSPORT_MPI(MPI_Start(&plain->in_requests[plain->in_oldest]));
        plain->in_oldest = (plain->in_oldest + 1) % SLOTS;
        any = true;
    }
    return any;
}

/* Messages of one sender may complete in several slots at once, in any order: here none depends on another. */
static bool receive_testsome(struct plain *plain) {
    int count = 0;
    int indices[SLOTS];
    MPI_Status statuses[SLOTS];
    TRANSPORT_MPI(MPI_Testsome(SLOTS, plain->in_requests, &count, indices, statuses));
    for (int i = 0; i < count; i++) {
        deliver(plain, plain->in[indices[i]], &statuses[i]);
        TRANSPORT_MPI(MPI_Start(&plain->in_requests[indices[i]]));
    }
    return count > 0;
}

static bool receive_probed(struct plain *plain) {
    bool any = false;
    for (uint32_t turn = 0; turn < SLOTS; turn++) {
        int found = 0;
        MPI_Status status;
        TRANSPORT_MPI(MPI_Iprobe(MPI_ANY_SOURCE, 1, plain->comm, &found, &status));
        if (!found) {
            break;
        }
        TRANSPORT_MPI(MPI_Recv(plain->in[0], PACK_BYTES, MPI_BYTE, status.MPI_SOURCE, 1, plain->comm, &status));
        deliver(plain, plain->in[0], &status);
        any = true;
    }
    return any;
}

static bool receive_blocking(struct plain *plain) {
    MPI_Status status;
    TRANSPORT_MPI(MPI_Recv(plain->in[0], PACK_BYTES, MPI_BYTE, MPI_ANY_SOURCE, 1, plain->comm, &status));
    deliver(plain, plain->in[0], &status);
    return true;
}

static bool receive(struct plain *plain) {
    switch (plain->manner.receive) {
    case CARRIER_POSTED:
        return receive_posted(plain);
    case CARRIER_TESTSOME:
        return receive_testsome(plain);
    default:
        return receive_probed(plain);
    }
}

/* --- the loop --- */

static void wait(const struct plain *plain) {
    switch (plain->manner.wait) {
    case CARRIER_YIELD:
        (void)sched_yield();
        return;
    case CARRIER_SLEEP:
        (void)nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
        return;
    default:
        __builtin_ia32_pause();
    }
}

static void run_blocking(struct plain *plain) {
    while (!plain->traffic->stopped) {
        if (!traffic_work(plain->traffic) && !plain->traffic->stopped) {
            (void)flush(plain);
            (void)receive_blocking(plain);
        }
    }
}

static void run_polling(struct plain *plain) {
    uint32_t looks = 0;
    uint32_t busy_turns = 0;
    while (!plain->traffic->stopped) {
        const bool received = receive(plain);
        const bool worked = traffic_work(plain->traffic);
        if (received || worked) {
            looks = 0;
            if (++busy_turns % TURNS_BETWEEN_FLUSHES == 0) {
                (void)flush(plain);
            }
            continue;
        }
        if (!flush(plain) && ++looks >= plain->manner.looks) {
            wait(plain);
            looks = 0;
        }
    }
}

struct carrier_result carrier_run_plain(const struct carrier_manner *manner, struct traffic *traffic,
                                        const struct traffic_load *load, MPI_Comm comm) {
    int rank = 0;
    int rank_count = 0;
    TRANSPORT_MPI(MPI_Comm_rank(comm, &rank));
    TRANSPORT_MPI(MPI_Comm_size(comm, &rank_count));
    struct plain *plain = calloc(1, sizeof *plain);
    TRANSPORT_MPI(plain == NULL ? MPI_ERR_NO_MEM : MPI_SUCCESS);
    plain->manner = *manner;
    plain->comm = comm;
    plain->rank_count = (uint32_t)rank_count;
    plain->traffic = traffic;
    plain->in = malloc(SLOTS * sizeof *plain->in);
    plain->out = malloc(SENDS * sizeof *plain->out);
    plain->packs = calloc(plain->rank_count, sizeof *plain->packs);
    TRANSPORT_MPI(plain->in == NULL || plain->out == NULL || plain->packs == NULL ? MPI_ERR_NO_MEM : MPI_SUCCESS);
    const bool posts = manner->receive == CARRIER_POSTED || manner->receive == CARRIER_TESTSOME;
    for (uint32_t slot = 0; posts && slot < SLOTS; slot++) {
        post_slot(plain, slot);
    }
    traffic_begin(traffic, load, (uint32_t)rank, plain->rank_count, send_message, plain);
    carrier_barrier(comm);
    const uint64_t begin_ns = monotime_now_ns();
    if (manner->receive == CARRIER_BLOCKING) {
        run_blocking(plain);
    } else {
        run_polling(plain);
    }
    const struct carrier_result result = {.elapsed_ns = monotime_now_ns() - begin_ns, .mpi_messages = plain->out_count};
    (void)flush(plain);
    for (; plain->out_done < plain->out_count; plain->out_done++) {
        TRANSPORT_MPI(MPI_Wait(&plain->out_requests[plain->out_done % SENDS], MPI_STATUS_IGNORE));
    }
    carrier_barrier(comm);
    for (uint32_t slot = 0; posts && slot < SLOTS; slot++) {
        TRANSPORT_MPI(MPI_Cancel(&plain->in_requests[slot]));
        TRANSPORT_MPI(MPI_Wait(&plain->in_requests[slot], MPI_STATUS_IGNORE));
        TRANSPORT_MPI(MPI_Request_free(&plain->in_requests[slot]));
    }
    free(plain->in);
    free(plain->out);
    free(plain->packs);
    free(plain);
    return result;
}
