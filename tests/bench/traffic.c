#include "tests/bench/traffic.h"

#include <string.h>

enum kind { REQUEST = 1, ANSWER, DONE, STOP };

/* As it lies in memory: all ranks run on machines of one kind. */
struct head {
    uint64_t serial; /* of the client's operation, from 1 */
    uint64_t proof; /* an answer's: what only one who has read the request can say */
    uint32_t client_rank;
    uint16_t slot;
    uint8_t hops_left;
    uint8_t kind;
};

_Static_assert(sizeof(struct head) <= TRAFFIC_MESSAGE_MIN, "every message has a head");

static void post(struct traffic *traffic, uint32_t to_rank, const struct head *head, size_t size) {
    unsigned char bytes[TRAFFIC_MESSAGE_MAX] = {0};
    memcpy(bytes, head, sizeof *head);
    if (to_rank == traffic->rank) {
        traffic_receive(traffic, bytes, size);
        return;
    }
    traffic->messages++;
    traffic->send(traffic->context, to_rank, bytes, size);
}

static uint32_t other_rank(struct traffic *traffic) {
    const uint32_t rank = (uint32_t)chord_prng_below(&traffic->prng, traffic->rank_count - 1);
    return rank + (rank >= traffic->rank);
}

/* One operation of `rank_count` finds its key where it enters; the others are forwarded so often that the mean is right. */
static uint8_t draw_hops(struct traffic *traffic) {
    const uint32_t ranks = traffic->rank_count;
    if (ranks == 1 || chord_prng_below(&traffic->prng, ranks) == 0) {
        return 0;
    }
    const double mean = traffic->load.hops * ranks / (ranks - 1);
    const uint8_t floor = (uint8_t)mean;
    const double rest = mean - floor;
    const uint8_t hops = (uint8_t)(floor + ((double)chord_prng_below(&traffic->prng, 1u << 20) < rest * (1u << 20)));
    return hops == 0 ? 1 : hops;
}

void traffic_begin(struct traffic *traffic, const struct traffic_load *load, uint32_t rank, uint32_t rank_count,
                   traffic_send *send, void *context) {
    memset(traffic, 0, sizeof *traffic);
    traffic->load = *load;
    traffic->rank = rank;
    traffic->rank_count = rank_count;
    traffic->send = send;
    traffic->context = context;
    traffic->prng = chord_prng_seeded(load->seed, rank);
    if (load->serial) {
        traffic->load.window = 1;
        traffic->load.quota = rank == 0 ? load->quota : 0;
    }
    traffic->free_count = traffic->load.window;
    for (uint32_t i = 0; i < traffic->load.window; i++) {
        traffic->free_slots[i] = i;
    }
}

static uint64_t proof_of(uint64_t serial, uint32_t client_rank) {
    return chord_mix64(serial ^ (uint64_t)client_rank << 48);
}

static void issue(struct traffic *traffic) {
    const uint32_t index = traffic->free_slots[--traffic->free_count];
    struct traffic_slot *slot = &traffic->slots[index];
    slot->serial = ++traffic->issued;
    const struct head head = {.serial = slot->serial,
                              .client_rank = traffic->rank,
                              .slot = (uint16_t)index,
                              .hops_left = draw_hops(traffic),
                              .kind = REQUEST};
    const uint32_t entry =
        traffic->load.serial ? (uint32_t)chord_prng_below(&traffic->prng, traffic->rank_count) : traffic->rank;
    post(traffic, entry, &head, traffic->load.request_bytes);
}

bool traffic_work(struct traffic *traffic) {
    bool any = false;
    for (uint32_t turn = 0; turn < 64 && traffic->free_count > 0 && traffic->issued < traffic->load.quota; turn++) {
        issue(traffic);
        any = true;
    }
    if (!traffic->told && traffic->answered >= traffic->load.quota) {
        const struct head head = {.client_rank = traffic->rank, .kind = DONE};
        traffic->told = true;
        post(traffic, 0, &head, TRAFFIC_MESSAGE_MIN);
        any = true;
    }
    return any;
}

static void forward_or_answer(struct traffic *traffic, struct head *head) {
    if (head->hops_left > 0) {
        head->hops_left--;
        post(traffic, other_rank(traffic), head, traffic->load.request_bytes);
        return;
    }
    head->kind = ANSWER;
    head->proof = proof_of(head->serial, head->client_rank);
    post(traffic, head->client_rank, head, traffic->load.answer_bytes);
    if (traffic->load.doubles && !traffic->has_doubled) {
        traffic->has_doubled = true;
        post(traffic, head->client_rank, head, traffic->load.answer_bytes);
    }
}

static void take_answer(struct traffic *traffic, const struct head *head) {
    struct traffic_slot *slot = &traffic->slots[head->slot];
    if (head->slot >= traffic->load.window || head->client_rank != traffic->rank || slot->serial == 0 ||
        slot->serial != head->serial || head->proof != proof_of(head->serial, traffic->rank)) {
        traffic->wrong++;
        return;
    }
    slot->serial = 0;
    traffic->free_slots[traffic->free_count++] = head->slot;
    traffic->answered++;
}

static void take_done(struct traffic *traffic) {
    if (++traffic->done_count < traffic->rank_count) {
        return;
    }
    const struct head head = {.kind = STOP};
    for (uint32_t rank = traffic->rank_count; rank-- > 0;) {
        post(traffic, rank, &head, TRAFFIC_MESSAGE_MIN);
    }
}

void traffic_receive(struct traffic *traffic, const unsigned char *bytes, size_t size) {
    struct head head;
    if (size < sizeof head) {
        traffic->wrong++;
        return;
    }
    memcpy(&head, bytes, sizeof head);
    switch (head.kind) {
    case REQUEST:
        forward_or_answer(traffic, &head);
        return;
    case ANSWER:
        take_answer(traffic, &head);
        return;
    case DONE:
        take_done(traffic);
        return;
    case STOP:
        traffic->stopped = true;
        return;
    default:
        traffic->wrong++;
    }
}
