/* The simulator's network: messages as bytes, FIFO per (sender, receiver), delayed by a seeded generator in virtual
 * time. Every message goes through the codec, so what is simulated is what is sent over MPI. Those that are larger than a
 * record may be travel in fragments, as over MPI, each of which has a delay of its own; when a rank dies or is shut, of a
 * message the first ones may arrive and the rest never. */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include "app/mpi/assembly.h"
#include "chord/base/prng.h"
#include "chord/wire/codec.h"

/* A whole message, or a fragment of one. */
struct network_message {
    uint64_t arrival_ticks;
    uint64_t order; /* of sending, over all channels: breaks ties */
    uint32_t from_rank;
    uint32_t to_rank;
    uint32_t channel_seq; /* of its channel, asserted on arrival */
    bool restarts; /* what was sent before it was dropped: of a message whose fragments have come the rest never will */
    size_t record_size;
    unsigned char *record; /* owned; a fragment as it travels. NULL: a whole message */
    size_t size;
    unsigned char *bytes; /* owned; the message. NULL: a fragment that isn't the last one */
};

/* What a rank has sent and what hasn't arrived. */
struct network_queue {
    uint64_t messages;
    uint64_t bytes;
};

struct network {
    struct chord_prng prng;
    uint32_t rank_count;
    uint64_t delay_ticks_max;
    uint32_t record_bytes; /* of the largest message that travels whole; 0: all do */
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
    bool *restarts;               /* owned; by channel: something was dropped, and nothing sent since */
    struct assembly *assemblies;  /* owned; by channel */
    struct network_queue *queues; /* owned; by sender */
    uint64_t cut_total;  /* messages that were sent in fragments, */
    uint64_t torn_total; /* and those of which only a part arrived */
};

void network_init(struct network *network, uint32_t rank_count, uint64_t seed, uint64_t delay_ticks_max,
                  uint32_t record_bytes);
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

/* Takes the next message off the network, or the next fragment of one; there is one. With the last fragment the message is
 * whole, and the caller frees its bytes; with the others bytes is NULL. */
struct network_message network_take(struct network *network);

/* Decodes one that is under way or was taken; its bytes are not NULL. */
struct chord_message network_decode(const struct network_message *message);

#endif
