/* One arc of the ring as one node holds it: the arc's chain and epoch, its pairs, its duplicate records, and what is
 * under way between the head and the tail. Everything here is the arc's own, so that it can move with the arc.
 * Rules M1 to M8 of a view change work on this state; the operations on it are in replicate.h. */
#ifndef CHORD_CHAIN_ARC_H
#define CHORD_CHAIN_ARC_H

#include "chord/chain/duplicates.h"
#include "chord/chain/store.h"
#include "chord/wire/sink.h"

/* Rule M1. */
enum chord_arc_status {
    CHORD_ARC_OUT,     /* nothing known */
    CHORD_ARC_HOLDER,  /* has data, but is not in the installed chain */
    CHORD_ARC_SYNCING, /* waits for the source's data */
    CHORD_ARC_SYNCED,  /* has the data of the installed epoch */
    CHORD_ARC_ACTIVE   /* the view is committed: the head admits operations */
};

/* A request that the head can't admit yet, with copies of its key and value. */
struct chord_waiting {
    struct chord_waiting *next;
    struct chord_request request;
    unsigned char bytes[];
};

struct chord_arc {
    struct chord_id start; /* the arc is (start, end] */
    struct chord_id end;   /* the owner's id */
    enum chord_arc_status status;
    uint32_t epoch;    /* of the newest INSTALL */
    uint32_t promised; /* the highest PREPARE; the arc is wedged while it is above epoch */

    struct chord_member *chain; /* owned; head first */
    uint32_t chain_count;
    uint32_t position; /* of this node in the chain */

    struct chord_store store;
    struct chord_duplicates duplicates;

    /* Counters of the arc's writes: those up to `applied` are in the store, those up to `acknowledged` are known to
     * have reached the tail. The sizes of those between are in a ring buffer, by counter. */
    uint64_t applied;
    uint64_t acknowledged;
    uint32_t *unacknowledged_sizes; /* owned; unacknowledged_capacity of them, a power of two, or NULL */
    uint32_t unacknowledged_capacity;
    uint64_t unacknowledged_bytes;

    /* Tail only: what it has applied and not acknowledged yet, and when it must. */
    uint32_t ack_due_count;
    uint32_t ack_due_bytes;
    uint64_t ack_deadline_ticks; /* UINT64_MAX: nothing is due */

    /* Head only: requests that wait for room, oldest first. Bounded by the clients' credits: each is an operation that
     * its client holds credits for. */
    struct chord_waiting *waiting_first; /* owned list */
    struct chord_waiting *waiting_last;
};

/* An arc without data or chain. The environment is borrowed for the arc's life. */
void chord_arc_init(struct chord_arc *arc, const struct chord_environment *environment, struct chord_id start,
                    struct chord_id end);

/* Frees everything that the arc owns. */
void chord_arc_clear(struct chord_arc *arc, const struct chord_environment *environment);

/* Takes a new chain, of which this node is the member at `position`. CHORD_NO_MEMORY leaves the old one. */
CHORD_MUST_CHECK enum chord_status chord_arc_set_chain(struct chord_arc *arc,
                                                       const struct chord_environment *environment,
                                                       const struct chord_members *chain, uint32_t position);

static inline bool chord_arc_is_wedged(const struct chord_arc *arc) {
    return arc->promised > arc->epoch;
}

static inline bool chord_arc_is_head(const struct chord_arc *arc) {
    return arc->position == 0;
}

static inline bool chord_arc_is_tail(const struct chord_arc *arc) {
    return arc->position + 1 == arc->chain_count;
}

static inline uint64_t chord_arc_unacknowledged_count(const struct chord_arc *arc) {
    return arc->applied - arc->acknowledged;
}

static inline bool chord_arc_contains(const struct chord_arc *arc, struct chord_id id) {
    return chord_id_in_open_closed(arc->start, id, arc->end);
}

#endif
