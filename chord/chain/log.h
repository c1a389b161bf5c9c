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
};

void chord_log_init(struct chord_log *log, const struct chord_allocator *allocator);

/* Frees everything; empty, from `start` on. */
void chord_log_clear(struct chord_log *log, uint64_t start);

/* Makes sure that the next chord_log_add needs no memory. */
CHORD_MUST_CHECK enum chord_status chord_log_reserve(struct chord_log *log);

/* Adds a write that has just been applied; `previous` becomes the log's. */
void chord_log_add(struct chord_log *log, struct chord_log_write write);

/* Forgets the writes up to a counter: they are answered. */
void chord_log_release(struct chord_log *log, uint64_t counter);

/* Undoes the writes above a counter, newest first, in the store that they were applied to. */
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
