/* Everything of the core that one rank hosts: its nodes, its client and, on the coordinator's rank, the coordinator.
 * This is what a host (the MPI runtime, the simulator) talks to: it gives each message to the part that it is for. */
#ifndef CHORD_PEER_H
#define CHORD_PEER_H

#include "chord/client/client.h"
#include "chord/member/coordinator.h"
#include "chord/node.h"

struct chord_peer {
    struct chord_environment environment;
    struct chord_reach reach;
    struct chord_cache cache; /* the environment's, if the configuration asks for one */
    uint32_t rank;
    uint64_t heartbeat_due_ticks; /* UINT64_MAX: the rank has not been started, or needs none */
    struct chord_node *nodes; /* owned; virtual_node_count of them */
    uint64_t nodes_deadline_ticks; /* the earliest of the nodes' deadlines, */
    uint32_t nodes_deadline_index; /* and whose it is */
    struct chord_client client;
    struct chord_coordinator coordinator; /* used only on the coordinator's rank */
};

/* A rank's share of a ring that isn't formed yet. config, sink and allocator are borrowed for the peer's life.
 * node_ids: virtual_node_count ids. incarnation: 1 at first. CHORD_NO_MEMORY leaves nothing behind. */
CHORD_MUST_CHECK enum chord_status chord_peer_init(struct chord_peer *peer, const struct chord_config *config,
                                                   const struct chord_sink *sink,
                                                   const struct chord_allocator *allocator, uint32_t rank,
                                                   const struct chord_id *node_ids, uint32_t incarnation);
void chord_peer_clear(struct chord_peer *peer);

/* Registers the rank's nodes with the coordinator. From now on the rank shows that it lives. */
void chord_peer_start(struct chord_peer *peer);

/* One message for this rank. The statuses of the parts, and CHORD_NO_SUCH_NODE. */
CHORD_MUST_CHECK enum chord_status chord_peer_receive(struct chord_peer *peer, const struct chord_message *message,
                                                      uint64_t now_ticks);

/* Whoever has several messages at hand may say so before they are received: first each by prefetch, then each slot that was
 * returned by chord_store_prefetch_pair. What a message will look up is then in the cache. Changes nothing; any bytes will
 * do. NULL: nothing will be looked up. */
const struct chord_store_slot *chord_peer_prefetch(const struct chord_peer *peer, const unsigned char *bytes, size_t size);

/* On the coordinator's rank: asks for a view change; statuses of chord_coordinator_command. CHORD_INVALID elsewhere. */
CHORD_MUST_CHECK enum chord_status chord_peer_command(struct chord_peer *peer, enum chord_command what,
                                                      struct chord_address node, uint64_t now_ticks);

/* On the coordinator's rank: a rank that is out, or will be, isn't taken in again by itself when it is heard. */
void chord_peer_banish(struct chord_peer *peer, uint32_t rank);

/* Something of the rank's has arrived that isn't the core's: it lives. Of use on the coordinator's rank. CHORD_NO_MEMORY as
 * below. */
CHORD_MUST_CHECK enum chord_status chord_peer_heard(struct chord_peer *peer, uint32_t from_rank, uint64_t now_ticks);

/* The host knows that a rank has died. Of use on the coordinator's rank. CHORD_NO_MEMORY as below. */
CHORD_MUST_CHECK enum chord_status chord_peer_failed(struct chord_peer *peer, uint32_t rank, uint64_t now_ticks);

/* All that has arrived was taken in: now silence may be judged. Of use on the coordinator's rank, as often as the host
 * finds nothing more to take in. CHORD_NO_MEMORY: the coordinator could not begin a view change. */
CHORD_MUST_CHECK enum chord_status chord_peer_drained(struct chord_peer *peer, uint64_t now_ticks);

/* Does what is due by now, and says when it next wants to be called; UINT64_MAX: not before another event.
 * CHORD_NO_MEMORY: the coordinator could not begin a view change. */
CHORD_MUST_CHECK enum chord_status chord_peer_tick(struct chord_peer *peer, uint64_t now_ticks);
uint64_t chord_peer_deadline(const struct chord_peer *peer);

/* Nothing is under way that this rank knows of: no operation, no lookup, nothing waiting or unacknowledged, no view change. */
bool chord_peer_is_quiet(const struct chord_peer *peer);

#endif
