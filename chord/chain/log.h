/* The undo log of one arc at one member (rule M4): the writes that it has applied and doesn't know to be answered, each
 * with its pre-image. When a view change makes another member the source, one that was complete undoes the writes that
 * the source lacks; and a source that is ahead finds here which keys it has to send. (To send "the missing suffix" alone
 * would be wrong: a member can be ahead of the new source.)
 *
 * Pre-images cost no copy: the write's own pair is a new block, and the block that it replaces moves into the log. */
#ifndef CHORD_CHAIN_LOG_H
#define CHORD_CHAIN_LOG_H

#include "chord/chain/store.h"

struct chord_log_write {
    uint64_t counter;             /* ascending; without gaps as long as the arc isn't split */
    struct chord_entry *previous; /* owned: what the key had before; NULL: nothing */
    struct chord_entry *written;  /* borrowed from the store, or from a later write that replaced it; NULL: a delete */
    uint64_t bytes;               /* that the write counts for in the bounds of what is under way */
};

struct chord_log {
    const struct chord_allocator *allocator; /* borrowed */
    struct chord_log_write *writes;          /* owned; a ring buffer, capacity a power of two, or NULL */
    uint32_t first;
    uint32_t count;
    uint32_t capacity;
    uint64_t bytes; /* of all writes in the log */
    uint64_t start; /* every write above this counter that the member has applied is in the log */

    /* The writes in (joint_from, joint_to] came together, in the delta of a view change that then failed: they can only be
     * undone together. Both 0: there are none such. */
    uint64_t joint_from;
    uint64_t joint_to;
};

void chord_log_init(struct chord_log *log, const struct chord_allocator *allocator);

/* Frees everything; empty, from `start` on. */
void chord_log_clear(struct chord_log *log, uint64_t start);

/* Makes sure that the next `count` calls of chord_log_add need no memory. */
CHORD_MUST_CHECK enum chord_status chord_log_reserve(struct chord_log *log, uint32_t count);

/* Adds a write that has just been applied; `previous` becomes the log's. */
void chord_log_add(struct chord_log *log, struct chord_log_write write);

/* Forgets the writes up to a counter: they are answered. Their pre-images are the store's to dispose of, which they came
 * from. */
void chord_log_release(struct chord_log *log, struct chord_store *store, uint64_t counter);

/* Where undoing can lead to: `counter`, or, if it lies among writes that came together, where they began. */
static inline uint64_t chord_log_landing(uint64_t counter, uint64_t joint_from, uint64_t joint_to) {
    return counter > joint_from && counter < joint_to ? joint_from : counter;
}

/* Adds to the writes that came together those in (from, to], which have just been added one by one with the counter `to`. */
void chord_log_join(struct chord_log *log, uint64_t from, uint64_t to);

/* Undoes the writes above a counter that can be landed on, newest first, in the store that they were applied to. */
void chord_log_undo(struct chord_log *log, struct chord_store *store, uint64_t counter);

/* Write `index` (< count), oldest first. */
const struct chord_log_write *chord_log_get(const struct chord_log *log, uint32_t index);

/* The pair that says which key a write is about; NULL for a delete that found nothing. */
static inline const struct chord_entry *chord_log_key(const struct chord_log_write *write) {
    return write->written != NULL ? write->written : write->previous;
}

/* Moves the writes on keys in (start, end] to `other`, an empty log, which starts where this one does.
 * CHORD_NO_MEMORY: nothing was moved. */
CHORD_MUST_CHECK enum chord_status chord_log_move(struct chord_log *log, struct chord_id start, struct chord_id end,
                                                  struct chord_log *other);

/* Undoes chord_log_move: the writes come back from `other` to where they were, in the order of their counters. */
void chord_log_take_back(struct chord_log *log, struct chord_log *other);

#endif
