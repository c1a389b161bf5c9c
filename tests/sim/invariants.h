/* The invariants of DESIGN section 6 that hold without view changes, checked from outside on the peers' state and
 * from the sorted ids alone, never by the functions that the peers themselves use for it. */
#ifndef TESTS_SIM_INVARIANTS_H
#define TESTS_SIM_INVARIANTS_H

#include "tests/sim/cluster.h"

/* What the checks remember between events. */
struct invariants {
    /* By arc owner: for each counter, the digest of the arc's contents after that write, as the head had it. */
    uint64_t *contents[CLUSTER_NODES_MAX]; /* owned */
    uint64_t contents_count[CLUSTER_NODES_MAX];
    /* By arc owner: the chain of its one epoch, as the first member to be seen had it. */
    struct chord_address chains[CLUSTER_NODES_MAX][CLUSTER_NODES_MAX];
    uint32_t chain_counts[CLUSTER_NODES_MAX];
    uint32_t chain_epochs[CLUSTER_NODES_MAX];
};

void invariants_init(struct invariants *invariants);
void invariants_clear(struct invariants *invariants);

/* For cluster.observe: keeps what a head holds as it sends a write down, since one event may admit several. */
void invariants_observe(void *invariants, struct cluster *cluster, const struct chord_message *message);

/* I1 to I4, after every event; I9 is checked by the cluster as answers come in. */
void invariants_check_event(struct invariants *invariants, struct cluster *cluster);

/* When quiet: I10 (neighbours, successor lists, fingers), I11 (copies) and I7 (each write once). */
void invariants_check_quiet(struct cluster *cluster);

#endif
