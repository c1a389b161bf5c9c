/* Test T2: the black box. Is there, for every key, an order of its operations that respects real time and explains
 * every answer, if the key is absent at first? It uses what clients saw: kinds, outcomes, values, times. It never looks
 * at versions, so that it finds what an order that the protocol claims (T1, judge.h) would excuse. The search is in
 * search.h; here are the keys, and the explanation of what is wrong.
 *
 * Operations without an answer: a read is dropped, a write may take effect at any time after its call, or never. Of two
 * events at one time calls come before returns: such operations overlap.
 *
 * A CONTRADICTION is cut down before it is shown. First to the shortest beginning of the history (up to the return of an
 * operation) that no order explains. Then every operation that isn't needed for the contradiction is weakened: a read is
 * left out, a write's answer is forgotten, so that it may have happened at any time or never. Both only allow more orders.
 * What is left (the core) contradicts itself, whatever the other operations did. */
#ifndef APP_VERDICT_LINEARIZE_H
#define APP_VERDICT_LINEARIZE_H

#include "app/verdict/history.h"

#include <stdbool.h>

/* Zero stands for the default. */
struct linearize_limits {
    size_t bytes_max;          /* of the configurations that the search of one key remembers; default 512 MiB */
    uint64_t steps_max;        /* choices that the search of one key tries; default 2^32 */
    uint64_t explain_work_max; /* choices and operations that cutting one contradiction down may look at; default 5 * 10^7.
                                  With more to do, the core is right but not the smallest. */
    size_t explained_max;      /* contradictions that are explained; default 4 */
};

/* Why one key's operations fit no order. Numbers of operations are indices into the records that were handed in. */
struct linearize_violation {
    uint64_t key_digest;
    size_t operation_count; /* of the key */
    size_t prefix_count;    /* operations called before the contradiction was complete */
    bool bad_record;        /* the one operation of the core has an answer that its kind can't have, or ends before it
                               starts; nothing was searched */
    size_t *core;           /* owned; by start */
    size_t core_count;
    size_t *order;          /* owned; the longest order found for the core, other writes that may have happened included */
    size_t order_count;
    size_t stuck;           /* an operation of the core that must come next, and can't */
    bool present;           /* what the key holds after `order` */
    uint64_t value_digest;  /* if present */
};

struct linearize_result {
    uint64_t key_count;
    uint64_t operation_count;
    uint64_t unknown_count;      /* operations without an answer */
    uint64_t violated_count;     /* keys without an order */
    uint64_t too_large_count;    /* keys given up: nothing is known of them */
    uint64_t too_large_digest;   /* the first such key's */
    uint64_t step_count;         /* choices tried, explanations apart */
    struct linearize_violation *violations; /* owned; of explained_max keys at most, by the end of the contradiction */
    size_t violation_count;
};

/* Judges the records, which stay as they are; count < 2^31. limits may be NULL. It needs about 150 bytes an operation of
 * the largest key, 24 bytes a record and what limits->bytes_max allows. *result need not be initialised; free it with
 * linearize_free. Linearizable only if violated_count and too_large_count are both 0. CHORD_NO_MEMORY: nothing is
 * known, and *result is empty. */
CHORD_MUST_CHECK enum chord_status linearize_check(const struct history_record *records, size_t count,
                                                   const struct linearize_limits *limits,
                                                   struct linearize_result *result);

/* Frees what it owns. */
void linearize_free(struct linearize_result *result);

#endif
