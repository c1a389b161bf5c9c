/* A Chord node: a function with memory. It is given one event at a time and gives back messages through the sink.
 * Dispatch and routing only; the work is done by ring/ (where to) and chain/ (what with the data).
 *
 * A step is total: every message in every state has a defined outcome. The statuses tell the host what became of it:
 *   CHORD_OK         handled, forwarded or refused to its client
 *   CHORD_STALE      of an older epoch: dropped
 *   CHORD_UNEXPECTED one that no correct sender sends in this state: dropped
 *   CHORD_NO_MEMORY  dropped or refused for want of memory
 * A node never sends in reply to what it drops, but for a refusal to the client. */
#ifndef CHORD_NODE_H
#define CHORD_NODE_H

#include "chord/chain/replicate.h"
#include "chord/ring/table.h"

struct chord_node_counters {
    uint64_t requests_entered;   /* from clients */
    uint64_t requests_forwarded; /* each one hop */
    uint64_t requests_owned;     /* arrived at their owner, here */
    uint64_t lookups_sent;       /* for own fingers, repeats included */
    uint64_t lookups_forwarded;
};

struct chord_node {
    const struct chord_environment *environment; /* borrowed */
    struct chord_member self;
    struct chord_table table;
    struct chord_arc *arcs; /* owned; the node's own arc first once it is installed */
    uint32_t arc_count;

    /* The lookup that is under way for the next unknown finger. */
    bool filling;              /* fingers are still being filled */
    uint32_t lookup_exponent;  /* valid while filling */
    uint64_t lookup_deadline_ticks;

    struct chord_node_counters counters;
};

/* A node that is in no ring. self: its id, address and incarnation. */
void chord_node_init(struct chord_node *node, const struct chord_environment *environment, struct chord_member self);
void chord_node_clear(struct chord_node *node);

/* Asks the coordinator to be taken into the ring. */
void chord_node_register(struct chord_node *node);

/* One message for this node. */
CHORD_MUST_CHECK enum chord_status chord_node_receive(struct chord_node *node, const struct chord_message *message,
                                                      uint64_t now_ticks);

/* Time has passed: does what is due. */
void chord_node_tick(struct chord_node *node, uint64_t now_ticks);

/* When the node next wants a tick; UINT64_MAX: not before another message. */
uint64_t chord_node_deadline(const struct chord_node *node);

/* The arc that this node owns, or NULL before it is installed. */
const struct chord_arc *chord_node_own_arc(const struct chord_node *node);

#endif
