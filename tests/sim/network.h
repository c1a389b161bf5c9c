/* The simulator's network: messages as bytes, FIFO per (sender, receiver), delayed by a seeded generator in virtual
 * time. Every message goes through the codec, so what is simulated is what is sent over MPI. */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include "chord/base/prng.h"
#include "chord/wire/codec.h"

struct network_message {
    uint64_t arrival_ticks;
    uint64_t order; /* of sending, over all channels: breaks ties */
    uint32_t from_rank;
    uint32_t to_rank;
    uint32_t channel_seq; /* of its channel, asserted on arrival */
    size_t size;
    unsigned char *bytes; /* owned */
};

struct network {
    struct chord_prng prng;
    uint32_t rank_count;
    uint64_t delay_ticks_max;
    struct network_message *messages; /* owned; in the order of sending */
    size_t count;
    size_t capacity;
    size_t heartbeat_count; /* of the messages under way */
    uint64_t sent_total;
    bool *is_shut; /* owned; by channel: what is sent is dropped */
    uint64_t *paused_until_ticks;  /* owned; by rank */
    uint64_t *stalled_until_ticks; /* owned; by channel: nothing sent before arrives earlier */
    uint64_t *last_arrival_ticks; /* owned; by channel */
    uint32_t *next_send_seq;      /* owned; by channel */
    uint32_t *next_arrival_seq;   /* owned; by channel */
};

void network_init(struct network *network, uint32_t rank_count, uint64_t seed, uint64_t delay_ticks_max);
void network_clear(struct network *network);

/* Whatever is sent from one rank to another from now on arrives at the given time at the earliest. */
void network_stall(struct network *network, uint32_t from_rank, uint32_t to_rank, uint64_t until_ticks);

/* From now until its opening nothing is sent from one rank to another; of what is under way a part, the last, is dropped:
 * what the sender had queued. */
void network_shut(struct network *network, uint32_t from_rank, uint32_t to_rank);
void network_open(struct network *network, uint32_t from_rank, uint32_t to_rank);

/* A rank stops: what is under way to it, or is sent to it from now on, arrives at the given time at the earliest. */
void network_pause(struct network *network, uint32_t rank, uint64_t until_ticks);

/* A rank dies: on each channel a part of what it has sent is lost. */
void network_crash(struct network *network, uint32_t rank);

/* Whether anything but heartbeats is under way. */
static inline bool network_is_busy(const struct network *network) {
    return network->count > network->heartbeat_count;
}

/* Encodes and sends a message at a time. */
void network_send(struct network *network, const struct chord_message *message, uint64_t now_ticks);

/* When the next message arrives; UINT64_MAX if none is under way. */
uint64_t network_next_arrival(const struct network *network);

/* Takes the next message off the network; there is one. The caller frees its bytes. */
struct network_message network_take(struct network *network);

/* Decodes one that is under way or was taken. */
struct chord_message network_decode(const struct network_message *message);

#endif
