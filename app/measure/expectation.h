/* The owner_hops that routing should need on one particular ring, computed from the sorted ids alone: keys
 * uniform over the ring, entry node uniform over the nodes. It shares no code with the router (only ring
 * arithmetic), so that a report can put the two side by side.
 *
 * The rule (SIGCOMM 2001, section 4.3, with succ[0] known): the key's owner answers, 0 hops; the key's
 * predecessor sends to its successor; any other node sends to the closest node before the key among its
 * fingers and successors. Which node that is depends on the key only by its owner, since no node lies between
 * the owner's predecessor and the key: so a key is an owner, weighted by the length of its arc. */
#ifndef APP_MEASURE_EXPECTATION_H
#define APP_MEASURE_EXPECTATION_H

#include "app/measure/hops.h"

#include "chord/base/id.h"
#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rings with more nodes are estimated from EXPECTATION_START_COUNT entry nodes drawn without regard to their
 * ids. */
#define EXPECTATION_EXACT_NODES_MAX 1024u
#define EXPECTATION_START_COUNT 64u

struct expectation_ring {
    const struct chord_id *ids; /* borrowed; `count` of them, ascending and distinct, left-aligned */
    const uint32_t *ranks; /* borrowed; the rank of each node; may be NULL if early_answer_replicas is 1 */
    size_t count;          /* at least 1 */
    unsigned id_bits;      /* 1..160 */
    enum chord_routing routing;
    /* 1: only the owner answers. k > 1: the message stops at the first node that is the owner or one of the k
     * - 1 nodes on other ranks after it (a query in eventual consistency). */
    uint32_t early_answer_replicas;
    /* How many of the successor list finger routing uses: 1 (succ[0] only) or more. */
    uint32_t successors;
    /* With successors > 1: a node whose list has the owner sends straight to it; otherwise the list may only
     * name nodes before the key (REFERENCE: 3.83 against 4.76 hops at N=1000, r=20). */
    bool successors_name_owner;
    /* Where requests enter, each node as often as the others. 0: at any node; else at the nodes with these indices,
     * all below `count`. Borrowed. */
    const size_t *entries;
    size_t entry_count;
};

struct expectation {
    double mean;                  /* owner_hops */
    double path_mean;             /* path_length */
    double probability[HOPS_MAX]; /* of each number of owner_hops; the last is for that many or more; sums to
                                     1 */
    bool sampled;                 /* an estimate: the ring has more than EXPECTATION_EXACT_NODES_MAX nodes */
};

/* Fills *expectation; `seed` matters only if it is sampled. CHORD_INVALID: count, bits or one of the two
 * numbers is out of range, ranks are missing, or the ids are not ascending. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status expectation_compute(const struct expectation_ring *ring, uint64_t seed,
                                                       struct expectation *expectation);

/* The mean owner_hops of finger routing averaged over many random rings of node_count nodes: REFERENCE
 * section 1's table, interpolated linearly in log2 N between the tabulated N and continued with slope 1/2
 * above 16384. 0 below 2 nodes. */
double expectation_ideal_mean(uint64_t node_count);

#endif
