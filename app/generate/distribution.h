/* Which of the records an operation is for: draws of an index in 0..count-1.
 *
 *   uniform    every record is as likely as any other
 *   zipfian    record i has a probability proportional to 1/(i+1)^0.99: record 0 is the hottest
 *   scrambled  what YCSB calls zipfian: a rank is drawn from a zipfian of 10^10 items, and its FNV-64 hash, modulo the
 *              number of records, is the record. The hottest has 3.8 %, whatever the number of records; a true zipfian's
 *              has 12.9 % of 1,000 records and 6.5 % of 1,000,000
 *   latest     the newest record less a zipfian rank: what was inserted last is the hottest
 *
 * Zipfian ranks are drawn as by Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994:
 * exactly for the two hottest, from a continuous approximation for the others. YCSB does the same. */
#ifndef APP_GENERATE_DISTRIBUTION_H
#define APP_GENERATE_DISTRIBUTION_H

#include "chord/base/prng.h"

#include <stdbool.h>

#define DISTRIBUTION_THETA 0.99
/* Items that a scrambled rank is drawn from. */
#define DISTRIBUTION_SCRAMBLED_ITEMS UINT64_C(10000000000)

enum distribution_kind {
    DISTRIBUTION_UNIFORM,
    DISTRIBUTION_ZIPFIAN,
    DISTRIBUTION_SCRAMBLED,
    DISTRIBUTION_LATEST,
    DISTRIBUTION_KIND_COUNT
};

/* Zipfian ranks 0..item_count-1. */
struct zipfian {
    uint64_t item_count;
    double head_sum; /* zeta of the items that are summed one by one */
    double zeta;     /* the sum of all 1/i^theta */
    double eta;      /* of Gray et al. */
};

struct distribution {
    enum distribution_kind kind;
    uint64_t record_count; /* those that were there from the start: 1 at least */
    struct zipfian zipfian; /* not of a uniform one */
};

/* The sum of 1/i^theta for i in 1..item_count: one by one up to 1,000, beyond by the formula of Euler and Maclaurin, with an
 * error below 10^-12. */
double zipfian_zeta(uint64_t item_count);

/* item_count: 1 at least. */
void zipfian_init(struct zipfian *zipfian, uint64_t item_count);
/* Costs one pow(). */
void zipfian_resize(struct zipfian *zipfian, uint64_t item_count);
/* The rank of a number in 0..1, 1 excluded; ascending with it. */
uint64_t zipfian_rank(const struct zipfian *zipfian, double uniform);

/* record_count: 1 at least. */
void distribution_init(struct distribution *distribution, enum distribution_kind kind, uint64_t record_count);

/* Draws an index. mark: records 0..mark-1 are there, record_count of them at least; latest draws below it, the others below
 * record_count. */
uint64_t distribution_draw(struct distribution *distribution, struct chord_prng *prng, uint64_t mark);

/* "uniform", "zipfian", "scrambled", "latest". Static storage. */
const char *distribution_name(enum distribution_kind kind);

/* YCSB's hash of a number: FNV-1a of its eight bytes, the lowest first, without its sign. */
uint64_t distribution_scramble(uint64_t number);

#endif
