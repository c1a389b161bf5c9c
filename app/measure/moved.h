/* How many pairs a change of the ring must move, from the ids alone: the check on what the transfers report.
 * For every key, each member of its new chain that was not in its old chain needs one copy; nobody needs
 * more.
 *
 * The chain of a key (DESIGN, section 2): its owner, that is the first node whose id is equal to or follows
 * the key's, and the following nodes on other ranks, min(k, distinct ranks) in all. It is worked out here
 * anew, sharing no code with the membership (only ring arithmetic), or it would be no check.
 *
 * A node is the same before and after if its id is. One that departs and joins again within one change keeps
 * its id and so counts as having kept its copies: count that as two changes. */
#ifndef APP_MEASURE_MOVED_H
#define APP_MEASURE_MOVED_H

#include "chord/base/id.h"
#include "chord/base/status.h"

#include <stddef.h>
#include <stdint.h>

/* A ring: `count` >= 1 nodes. Borrowed. */
struct moved_ring {
    const struct chord_id *ids; /* ascending and distinct */
    const uint32_t *ranks;      /* of each node */
    size_t count;
};

struct moved {
    uint64_t pair_count; /* copies that must be made */
    uint64_t key_count;  /* keys of which at least one must be made */
};

/* How many keys have an id in (start, end], clockwise; start == end means the whole ring. */
typedef uint64_t moved_key_count(void *context, struct chord_id start, struct chord_id end);

/* Calls back once for each part of the ring that has one chain before and one after: every id lies in exactly
 * one of them. Fills *moved and, unless NULL, by_node[0..after->count): the copies that each node must get,
 * in the order of `after`. CHORD_INVALID: a ring is empty or not ascending, or replica_count is 0.
 * CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status moved_by_arcs(const struct moved_ring *before,
                                                 const struct moved_ring *after, uint32_t replica_count,
                                                 moved_key_count *count_keys, void *context,
                                                 struct moved *moved, uint64_t *by_node);

/* The same of the ids of all keys, in any order; equal ids are different keys. key_ids may be NULL if
 * key_count is 0; it is not changed. */
CHORD_MUST_CHECK enum chord_status moved_by_keys(const struct moved_ring *before,
                                                 const struct moved_ring *after, uint32_t replica_count,
                                                 const struct chord_id *key_ids, size_t key_count,
                                                 struct moved *moved, uint64_t *by_node);

#endif
