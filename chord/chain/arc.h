/* One arc of the ring, or, while a view change splits or merges arcs, one part of one, as one node holds it: its chain and
 * epoch, its pairs, its duplicate records, and what is under way between the head and the tail. Everything here is the
 * arc's own, so that it can move with the arc, and be split by the ids of keys.
 *
 * Rules M1 to M8 of a view change work on this state (member/participant.h), the operations are in replicate.h.
 *
 * THE BASE. What the arc holds is fixed by (part, base epoch, applied): the state of that epoch's chain after so many
 * writes. Members of one chain hold states of one base that differ in `applied` alone (I3), and the base changes only
 * when a view change is committed: then it is the new epoch, and counting begins at 0. Until then a member keeps the
 * undo log of its base, whatever is installed, so that any complete member can become the source of any other. */
#ifndef CHORD_CHAIN_ARC_H
#define CHORD_CHAIN_ARC_H

#include "chord/chain/duplicates.h"
#include "chord/chain/log.h"
#include "chord/chain/store.h"
#include "chord/wire/sink.h"

#define CHORD_NO_POSITION (UINT32_MAX - 1)

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

struct chord_staging;
struct chord_outgoing;

struct chord_arc {
    struct chord_id start;     /* the arc or part is (start, end] */
    struct chord_id end;       /* an arc's owner's id */
    struct chord_id arc_start; /* the arc that it is to be, or is, part of is (arc_start, chain[0].id] */
    enum chord_arc_status status;
    uint32_t epoch;    /* of the newest INSTALL */
    uint32_t promised; /* the highest PREPARE; the arc is wedged while it is above epoch */
    bool is_cut;       /* what is left of an arc that a PREPARE has split: its own PREPARE is on its way, so it is wedged */

    struct chord_member *chain; /* owned; head first */
    uint32_t chain_count;
    uint32_t position; /* of this node in the chain; CHORD_NO_POSITION: it isn't in it */
    bool was_head;     /* of the last committed chain: requests that came here wait here */

    uint32_t base_epoch; /* see above; 0: the node has no complete state of this arc */
    struct chord_store store;
    struct chord_duplicates duplicates;

    /* Counters of the arc's writes since the base: those up to `applied` are in the store, those up to `acknowledged` are
     * known to have reached the tail, which has answered them. Those between are in the log. */
    uint64_t applied;
    uint64_t acknowledged;
    struct chord_log log;

    struct chord_staging *staging;   /* owned; what a SYNCING member has received so far, or NULL (transfer.h) */
    struct chord_outgoing *outgoing; /* owned list; whom this node sends its state to (transfer.h) */

    /* Tail only: what it has applied and not acknowledged yet, and when it must. */
    uint32_t ack_due_count;
    uint32_t ack_due_bytes;
    uint64_t ack_deadline_ticks; /* UINT64_MAX: nothing is due */

    /* Requests that wait for room at the head, or for the end of a view change, oldest first. Bounded by the clients' credits: each is an operation that
     * its client holds credits for. */
    struct chord_waiting *waiting_first; /* owned list */
    struct chord_waiting *waiting_last;
};

/* An arc without data or chain. The environment is borrowed for the arc's life. */
void chord_arc_init(struct chord_arc *arc, const struct chord_environment *environment, struct chord_id start,
                    struct chord_id end);

/* Frees everything that the arc owns but its transfers, which must have ended (transfer.h). */
void chord_arc_clear(struct chord_arc *arc, const struct chord_environment *environment);

/* Discards pairs, duplicate records and log; chain, epochs and waiting requests stay. */
void chord_arc_forget(struct chord_arc *arc, const struct chord_environment *environment);

/* Takes a new chain, of which this node is the member at `position`, or none. CHORD_NO_MEMORY leaves the old one. */
CHORD_MUST_CHECK enum chord_status chord_arc_set_chain(struct chord_arc *arc,
                                                       const struct chord_environment *environment,
                                                       const struct chord_members *chain, uint32_t position);

/* Takes the part (start, end] of an arc out of it as an arc of its own, with pairs, duplicate records, log and
 * waiting requests; `part` is overwritten. What is left lies before or after it: the part must reach one end of the arc.
 * Both are wedged from now on. CHORD_NO_MEMORY: nothing was changed. */
CHORD_MUST_CHECK enum chord_status chord_arc_split(struct chord_arc *arc, const struct chord_environment *environment,
                                                   struct chord_id start, struct chord_id end, struct chord_arc *part);

/* Merges `other`, whose ids follow this arc's or are followed by them, into the arc, and clears it. Both have the same
 * chain and epoch and are about to be committed: logs are forgotten. CHORD_NO_MEMORY: some pairs may have moved, nothing
 * is lost, and the call may be repeated. */
CHORD_MUST_CHECK enum chord_status chord_arc_merge(struct chord_arc *arc, const struct chord_environment *environment,
                                                   struct chord_arc *other);

/* Counting begins anew: the state that the arc holds is the base of its epoch. */
void chord_arc_rebase(struct chord_arc *arc);

/* A request to the end of those that wait. Owned by the arc from now on. */
void chord_arc_append_waiting(struct chord_arc *arc, struct chord_waiting *waiting);

static inline bool chord_arc_is_wedged(const struct chord_arc *arc) {
    return arc->promised > arc->epoch || arc->is_cut;
}

/* M5: whether traffic of an epoch may still be processed. */
static inline bool chord_arc_admits_epoch(const struct chord_arc *arc, uint32_t epoch) {
    return epoch >= arc->promised && !arc->is_cut;
}

static inline bool chord_arc_is_head(const struct chord_arc *arc) {
    return arc->position == 0;
}

static inline bool chord_arc_is_tail(const struct chord_arc *arc) {
    return arc->position + 1 == arc->chain_count;
}

static inline bool chord_arc_serves(const struct chord_arc *arc) {
    return arc->status == CHORD_ARC_ACTIVE && !chord_arc_is_wedged(arc);
}

static inline uint64_t chord_arc_unacknowledged_count(const struct chord_arc *arc) {
    return arc->applied - arc->acknowledged;
}

static inline bool chord_arc_contains(const struct chord_arc *arc, struct chord_id id) {
    return chord_id_in_open_closed(arc->start, id, arc->end);
}

#endif
