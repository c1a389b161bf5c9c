/* What a generated workload does, and how often: the shares of its actions in percent, YCSB's core workloads by name. */
#ifndef APP_GENERATE_MIX_H
#define APP_GENERATE_MIX_H

#include "app/generate/distribution.h"

enum mix_action {
    MIX_READ,
    MIX_UPDATE,            /* of a record that is there */
    MIX_INSERT,            /* of a new one */
    MIX_DELETE,            /* of a record that was there; an update brings it back */
    MIX_READ_MODIFY_WRITE, /* a read, and on its answer an update of the same record */
    MIX_ACTION_COUNT
};

struct mix {
    uint32_t percent[MIX_ACTION_COUNT]; /* 100 in all */
};

/* YCSB's core workloads (Cooper et al., SoCC 2010). */
enum mix_workload { MIX_WORKLOAD_A, MIX_WORKLOAD_B, MIX_WORKLOAD_C, MIX_WORKLOAD_D, MIX_WORKLOAD_F, MIX_WORKLOAD_COUNT };

/* E scans ranges: why that can't be, and what to take instead. */
extern const char mix_workload_e_refusal[];

struct mix mix_of_workload(enum mix_workload workload);
/* What YCSB draws from: latest for D, its scrambled zipfian for the others. */
enum distribution_kind mix_distribution_of_workload(enum mix_workload workload);

/* The rest of reads and deletes (100 together at most) are updates. */
struct mix mix_of_shares(uint32_t read_percent, uint32_t delete_percent);

/* The next action. */
enum mix_action mix_draw(const struct mix *mix, struct chord_prng *prng);

/* "read", "update", "insert", "delete", "read-modify-write". Static storage. */
const char *mix_action_name(enum mix_action action);
/* "a" to "d", "f". */
const char *mix_workload_name(enum mix_workload workload);

#endif
