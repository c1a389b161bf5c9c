/* Writes generated workload files as workloads/FORMAT.md describes them, through a buffer. */
#ifndef APP_GENERATOR_WRITE_H
#define APP_GENERATOR_WRITE_H

#include "app/generate/mix.h"
#include "chord/base/status.h"

#include <stdio.h>

struct generator_plan {
    struct mix mix;
    enum distribution_kind distribution;
    uint64_t record_count;    /* 1 at least */
    uint64_t operation_count; /* of the mix; one that reads and then writes is one of them, and two lines */
    uint32_t key_size;        /* PAIRS_KEY_SIZE_MIN at least */
    uint32_t value_size;
    uint64_t seed;
};

/* A file of type insert: each record once, in the order of its number. False if a write failed (errno says why), or there
 * is no memory. */
CHORD_MUST_CHECK bool write_inserts(FILE *file, const struct generator_plan *plan);

/* A file of type mix: what is drawn was inserted by write_inserts, or on a line before. */
CHORD_MUST_CHECK bool write_mix(FILE *file, const struct generator_plan *plan);

#endif
