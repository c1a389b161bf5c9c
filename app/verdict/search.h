/* The search behind test T2 (linearize.h): is there an order of one register's operations that respects real time and
 * explains every answer? It knows operations with numbered values, and nothing of records, keys or versions.
 *
 * THE IDEA is Wing and Gong's search ("Testing and Verifying Concurrent Objects", 1993) with Lowe's memoisation
 * ("Testing for Linearizability", 2017), in Lowe's just-in-time form. Calls and returns are walked in the order of time
 * (calls before returns on ties). Nothing is placed before it must be: only when the walk comes to the return of an
 * operation that has no place yet does the search choose which writes come next. A choice is never tried twice in the
 * same configuration: which return is due, what the register holds, and which of the open operations have a place.
 * Operations that have returned all have one, those not called yet have none, so that this says all about the set of
 * placed operations, in one bit an open operation. Writes that were never answered ("maybe") don't return.
 *
 * What needn't be tried. Each rule turns an order that explains everything into another one, so none hides an order:
 *   - an open read of what the register holds is placed at once: it changes nothing, wherever it stands;
 *   - open deletes are alike: the one that returns first goes first (they change places). Likewise inserts into the
 *     absent register whose readers are all open: each goes with its readers, and nobody else will miss the value;
 *   - an update whose readers are all open goes with them right before the next write: it leaves the register present,
 *     as it found it, and nobody else will miss the value;
 *   - a value that will still be read, and that no write is left to write, isn't overwritten;
 *   - a maybe write that nobody reads, or that finds its value in place, needn't have happened on a present register. */
#ifndef APP_VERDICT_SEARCH_H
#define APP_VERDICT_SEARCH_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum search_kind {
    SEARCH_READ,         /* the register holds `value`; nothing changes (0: a query or a delete that finds nothing) */
    SEARCH_INSERTED,     /* absent -> value */
    SEARCH_UPDATED,      /* present -> value */
    SEARCH_DELETED,      /* present -> absent */
    SEARCH_MAYBE_INSERT, /* without an answer: anything -> value, at any time from start_ns on, or never */
    SEARCH_MAYBE_DELETE  /* without an answer: anything -> absent */
};

struct search_operation {
    uint64_t start_ns;
    uint64_t end_ns; /* >= start_ns; not looked at for the maybe kinds */
    uint32_t value;  /* 1 and up; 0 is absence, which reads and deletes have */
    uint8_t kind;    /* enum search_kind */
};

enum search_result {
    SEARCH_FITS,      /* there is an order */
    SEARCH_NONE,      /* there is none */
    SEARCH_TOO_LARGE, /* a limit was reached before either was known */
    SEARCH_NO_MEMORY  /* the allocator gave none: nothing is known */
};

struct search_event;
struct search_item;
struct search_frame;

/* A zeroed struct with its limits set is ready; it keeps its memory from run to run. */
struct search {
    size_t bytes_max;   /* of the configurations that are remembered */
    uint64_t steps_max; /* choices that are tried in one run */
    bool keeps_longest; /* remember the longest order found */

    /* Of the last run. */
    uint64_t step_count;
    uint32_t *longest; /* owned; operations in order, if keeps_longest and the result is SEARCH_NONE */
    size_t longest_count;
    uint32_t longest_due;   /* the operation that returns next and that no order has a place for after these */
    uint32_t longest_value; /* what the register holds after them */

    /* Private to search.c. */
    size_t capacity; /* operations that there is room for */
    uint32_t value_capacity;
    struct search_item *items;    /* owned */
    struct search_event *events;  /* owned */
    uint32_t *trail;              /* owned */
    struct search_frame *frames;  /* owned */
    uint32_t *candidates;         /* owned */
    size_t candidate_capacity;
    uint32_t *reads_left;         /* owned; by value */
    uint32_t *reads_open;         /* owned; by value */
    uint32_t *writes_left;        /* owned; by value */
    uint64_t *bits;               /* owned; one a slot: an open operation that has a place */
    uint64_t *nodes;              /* owned; configurations, 1 + word_count words each */
    uint32_t *table;              /* owned; node number + 1, by hash; a power of two */
    size_t node_capacity;         /* words */
    size_t table_size;
    size_t node_count;
    size_t word_count;
    size_t event_count;
    size_t event;
    size_t trail_count;
    size_t placed_count;
    size_t frame_count;
    size_t candidate_count;
    uint32_t first_open; /* of the list of open operations without a place, by call */
    uint32_t last_open;
    uint32_t value; /* what the register holds */
};

/* Looks for an order of `count` operations on a register that is absent at first. Values are below value_count. The
 * operations are borrowed for the call; count < 2^31. */
CHORD_MUST_CHECK enum search_result search_run(struct search *search, const struct search_operation *operations,
                                               size_t count, uint32_t value_count);

/* Frees what it owns; limits are kept. */
void search_free(struct search *search);

#endif
