/* A Chord node: a function with memory. It is given one event at a time and gives back messages through the sink.
 * Dispatch and routing only; the work is done by ring/ (where to), chain/ (what with the data) and member/ (view
 * changes).
 *
 * A node is a member of the ring or a spare. A spare holds nothing and passes what comes to it to its contact, a node that
 * was a member when the spare was told. A contact that has left since has one of its own that was a member then, later:
 * so what is passed on arrives at a member, and never goes round in circles.
 *
 * A step is total: every message in every state has a defined outcome. The statuses tell the host what became of it:
 *   CHORD_OK         handled, forwarded or refused to its client
 *   CHORD_STALE      of an older epoch: dropped
 *   CHORD_UNEXPECTED one that no correct sender sends in this state: dropped
 *   CHORD_MALFORMED  a transfer's piece that no source sends: the transfer begins anew
 *   CHORD_NO_MEMORY  dropped or refused for want of memory
 * A node never sends in reply to what it drops, but for a refusal to the client. */
#ifndef CHORD_NODE_H
#define CHORD_NODE_H

#include "chord/member/participant.h"
#include "chord/ring/cache.h"
#include "chord/ring/maintain.h"

struct chord_node_counters {
    uint64_t requests_entered;   /* from clients */
    uint64_t requests_forwarded; /* each one hop */
    uint64_t requests_owned;     /* arrived at their owner, here */
    uint64_t lookups_forwarded;
};

struct chord_node {
    const struct chord_environment *environment; /* borrowed */
    struct chord_member self;
    struct chord_table table;
    struct chord_maintain maintain;
    struct chord_arcs arcs;
    uint32_t unsettled_count; /* arcs that a view change is at work on: requests may have to wait */

    bool has_contact; /* a spare's; a joiner's as long as it has no neighbours */
    struct chord_member contact;

    struct chord_node_counters counters;
};

static inline bool chord_node_is_member(const struct chord_node *node) {
    return node->table.successor_count > 0;
}

/* A node that is in no ring. self: its id, address and incarnation. */
void chord_node_init(struct chord_node *node, const struct chord_environment *environment, struct chord_member self);
void chord_node_clear(struct chord_node *node);

/* Tells the coordinator that there is such a node, before the ring is formed. */
void chord_node_register(struct chord_node *node);

/* One message for this node. */
CHORD_MUST_CHECK enum chord_status chord_node_receive(struct chord_node *node, const struct chord_message *message,
                                                      uint64_t now_ticks);

/* A rank is out: the node expects nothing of it any more, and looks for others to turn to. */
void chord_node_shut(struct chord_node *node, uint32_t rank, uint64_t now_ticks);

/* Time has passed: does what is due. */
void chord_node_tick(struct chord_node *node, uint64_t now_ticks);

/* When the node next wants a tick; UINT64_MAX: not before another message. */
uint64_t chord_node_deadline(const struct chord_node *node);

/* Nothing is under way that this node knows of. */
bool chord_node_is_quiet(const struct chord_node *node);

/* The arc that ends at this node's id, or NULL: a spare has none. */
static inline const struct chord_arc *chord_node_own_arc(const struct chord_node *node) {
    return chord_arcs_own(&node->arcs);
}

#endif
