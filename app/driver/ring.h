/* The ring as rank 0's driver knows it: every node of the job, and which of them are members. It follows from the notices
 * of the coordinator alone, so that it can be held against what the nodes say of themselves and what they hold. */
#ifndef APP_DRIVER_RING_H
#define APP_DRIVER_RING_H

#include "chord/wire/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_node {
    struct chord_member member; /* with the incarnation that is or was in the ring last, or will be the first one */
    bool is_member;             /* in the ring; otherwise a spare */
};

/* A zeroed struct is an empty ring. */
struct ring {
    struct ring_node *nodes; /* owned; all nodes of the job, ascending by id */
    uint32_t node_count;
    struct chord_member *members; /* owned; those in the ring, ascending by id; room for node_count */
    uint32_t member_count;
    uint32_t change_count; /* view changes since it was formed */
};

/* Room for node_count nodes. CHORD_NO_MEMORY: nothing to be cleared is left. */
CHORD_MUST_CHECK enum chord_status ring_init(struct ring *ring, uint32_t node_count);
void ring_clear(struct ring *ring);

/* CHORD_NOTICE_FORMED: these are all nodes, in any order, and those of ranks below initial_rank_count the members. */
void ring_form(struct ring *ring, const struct chord_member *nodes, uint32_t initial_rank_count);

/* CHORD_NOTICE_CHANGED: who joined is a member, who departed or was excluded is a spare. */
void ring_apply(struct ring *ring, const struct chord_change_member *changed, uint32_t changed_count);

/* Makes `into`, which has room for as many nodes, the same ring. */
void ring_copy(struct ring *into, const struct ring *from);

/* The node at an address; NULL if there is none. */
const struct ring_node *ring_find(const struct ring *ring, struct chord_address address);

/* How many members a rank has. */
uint32_t ring_rank_member_count(const struct ring *ring, uint32_t rank);

#endif
