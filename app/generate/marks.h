/* Who knows which records are there. Records 0..record_count-1 are from the start; new ones have the indices from there on,
 * each rank those of its own residue class: the i-th that rank r inserts is record_count + r + i x rank_count.
 *
 * A rank's count is how many of its inserts, from its first on without a gap, are acknowledged. Ranks tell each other their
 * counts; so each knows one of every rank that may be old but never too high. The mark is the smallest index that may be
 * missing by them: draws stay below it, and none is of a record that isn't there yet. */
#ifndef APP_GENERATE_MARKS_H
#define APP_GENERATE_MARKS_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Own inserts from the first that isn't acknowledged on: no more are taken. */
#define MARKS_SPAN 8192u

struct marks {
    uint32_t rank;
    uint32_t rank_count;
    uint64_t record_count;
    uint64_t mark;
    uint64_t newest;     /* the newest index that is known to be there, and 1 */
    uint64_t *counts;    /* owned; by rank */
    uint32_t least_rank; /* whose insert the mark waits for */
    uint64_t next;       /* own inserts that were taken */
    bool *is_there;      /* owned; acknowledged, of own inserts from the rank's count on, modulo MARKS_SPAN */
    uint64_t *again;     /* owned; own inserts whose end nobody knows: taken again first */
    uint32_t again_count;
};

/* No new records yet. CHORD_NO_MEMORY: to be cleared all the same. */
CHORD_MUST_CHECK enum chord_status marks_init(struct marks *marks, uint32_t rank, uint32_t rank_count,
                                              uint64_t record_count);
void marks_clear(struct marks *marks);

/* The record that this rank inserts next. False: wait until the first of those under way has ended. */
CHORD_MUST_CHECK bool marks_take(struct marks *marks, uint64_t *index);

/* A taken one is acknowledged; or given up, and whether it is there nobody knows. */
void marks_acknowledge(struct marks *marks, uint64_t index);
void marks_give_up(struct marks *marks, uint64_t index);

/* A rank's count, as it was told. An older one changes nothing. */
void marks_hear(struct marks *marks, uint32_t rank, uint64_t count);

/* Known records at or above the mark, gaps included: how far draws stay behind. */
static inline uint64_t marks_lag(const struct marks *marks) {
    return marks->newest > marks->mark ? marks->newest - marks->mark : 0;
}

#endif
