/* Invariant I11 over a whole ring: when quiet, every arc has exactly min(k, ranks) identical copies, on the right
 * nodes and nowhere else, and the ring holds what the answers say it must. Judged from the sorted ids alone; shares
 * no code with the coordinator that placed the copies. */
#ifndef APP_VERDICT_COPIES_H
#define APP_VERDICT_COPIES_H

#include "app/verdict/judge.h"
#include "chord/wire/message.h"

#include <stdbool.h>
#include <stddef.h>

/* One arc as one node holds it. */
struct copies_arc {
    struct chord_id start;
    struct chord_id end;
    struct chord_address holder;
    uint32_t epoch;
    uint32_t active;        /* its view is committed here */
    uint64_t outside_count; /* pairs whose id isn't in the arc */
    uint64_t pair_count;
    uint64_t content; /* as in chord_store_digest */
    uint64_t copies;
    uint64_t bytes;
};

struct copies_result {
    bool valid;
    uint64_t copies_per_pair;
    uint64_t pair_count; /* distinct pairs */
    uint64_t content;
    char wrong[300]; /* one line; empty if valid */
};

/* nodes: all members, in ring order (ascending ids). expected: what the answers leave; NULL if that isn't known. */
struct copies_result copies_check(const struct chord_member *nodes, size_t node_count, uint32_t replica_count,
                                  unsigned id_bits, const struct copies_arc *arcs, size_t arc_count,
                                  const struct judge_content *expected);

#endif
