/* The invariants of DESIGN section 6, checked from outside on the peers' state and from the sorted ids alone, never by the
 * functions that the peers themselves use for it. "Members" are the incarnations that the coordinator takes for members: an
 * excluded node that doesn't know it yet may believe what it likes. */
#ifndef TESTS_SIM_INVARIANTS_H
#define TESTS_SIM_INVARIANTS_H

#include "tests/sim/cluster.h"

/* One chain of one arc, or part, in one epoch, as it was first seen. */
struct invariants_chain {
    uint32_t end; /* index of the node that the part ends at */
    uint32_t epoch;
    struct chord_member members[CLUSTER_NODES_MAX];
    uint32_t member_count;
    /* By member: when it was wedged; UINT64_MAX: it isn't yet. */
    uint64_t wedged_ticks[CLUSTER_NODES_MAX];
    /* For each counter, the digest of the arc's contents after that write, as the head had it; of counter 0, as the first
     * member to be seen there had it. 0: not known. */
    uint64_t *contents; /* owned */
    uint64_t contents_count;
};

/* What the checks remember between events. */
struct invariants {
    struct invariants_chain *chains; /* owned */
    size_t chain_count;
    size_t chain_capacity;
};

void invariants_init(struct invariants *invariants);
void invariants_clear(struct invariants *invariants);

/* For cluster.observe. Keeps what a head holds as it sends a write down, since one event may admit several; I5 and I8 at
 * every answer; I6 at every commit; at every SYNCED, what a transfer took (M4). */
void invariants_observe(void *observer, struct cluster *cluster, const struct chord_message *message);

/* I1 to I4, after every event; I9 is checked by the cluster as answers come in. */
void invariants_check_event(struct invariants *invariants, struct cluster *cluster);

/* When quiet: I10 (neighbours, successor lists, fingers), I11 (copies) and I7 (what is stored was written once, and
 * answered so). */
void invariants_check_quiet(struct cluster *cluster);

#endif
