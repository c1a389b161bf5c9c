/* The duplicate records of one arc (rules M7 and the client's retries): what each write of a client that may be asked
 * for again was answered, so that a write takes effect exactly once.
 *
 * The records are kept by client and, within a client, by ascending seq. A client's watermark says that every request
 * below it is answered; such records are cut, and such requests are refused, never applied. Each record has its key's
 * id, so that the records of an arc can be split with it. */
#ifndef CHORD_CHAIN_DUPLICATES_H
#define CHORD_CHAIN_DUPLICATES_H

#include "chord/base/allocator.h"
#include "chord/base/id.h"
#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stdint.h>

struct chord_duplicate {
    uint64_t seq;
    struct chord_version version;
    struct chord_id key_id;
    enum chord_outcome outcome;
};

struct chord_duplicate_client {
    uint32_t rank;
    uint32_t first; /* index of the oldest record in the ring buffer */
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
    uint64_t watermark;
    struct chord_duplicate *records; /* owned */
};

struct chord_duplicates {
    const struct chord_allocator *allocator; /* borrowed */
    struct chord_duplicate_client *clients;  /* owned; ascending by rank */
    uint32_t client_count;
    uint32_t client_capacity;
    uint32_t recent; /* index of the client found last: chances are that it is the next one too */
};

void chord_duplicates_init(struct chord_duplicates *duplicates, const struct chord_allocator *allocator);

/* Frees everything; empty and usable again. */
void chord_duplicates_clear(struct chord_duplicates *duplicates);

/* The watermark stored for a client: 0 if nothing is known of it. */
uint64_t chord_duplicates_watermark(struct chord_duplicates *duplicates, uint32_t client_rank);

/* The record of a write, or NULL. Valid until the next call that changes the records. */
const struct chord_duplicate *chord_duplicates_find(struct chord_duplicates *duplicates, uint32_t client_rank,
                                                    uint64_t seq);

/* Makes sure that the next chord_duplicates_add for this client needs no memory. CHORD_NO_MEMORY if it can't. */
CHORD_MUST_CHECK enum chord_status chord_duplicates_reserve(struct chord_duplicates *duplicates, uint32_t client_rank);

/* Keeps the record of a write that is just being applied, and raises the client's watermark, cutting the records below
 * it. The write must not be recorded yet and not lie below the watermark. On CHORD_NO_MEMORY no record was added. */
CHORD_MUST_CHECK enum chord_status chord_duplicates_add(struct chord_duplicates *duplicates, uint32_t client_rank,
                                                        uint64_t watermark, struct chord_duplicate record);

/* Sets a client's watermark, if it is higher than the stored one, cutting the records below it; needs no record.
 * CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status chord_duplicates_raise(struct chord_duplicates *duplicates, uint32_t client_rank,
                                                          uint64_t watermark);

/* Adds to `other`, which is empty, every client's watermark and those of its records whose key is in (start, end]; they
 * stay here, too. CHORD_NO_MEMORY leaves `other` empty. */
CHORD_MUST_CHECK enum chord_status chord_duplicates_copy(const struct chord_duplicates *duplicates,
                                                         struct chord_id start, struct chord_id end,
                                                         struct chord_duplicates *other);

/* Takes in the records of `other`, of an arc that becomes one with this one: the larger watermark of each client counts
 * (M7). CHORD_NO_MEMORY: part of them was taken in, and the call may be repeated. */
CHORD_MUST_CHECK enum chord_status chord_duplicates_merge(struct chord_duplicates *duplicates,
                                                          const struct chord_duplicates *other);

/* The record at `index` (< count) of a client, oldest first. */
const struct chord_duplicate *chord_duplicates_get(const struct chord_duplicate_client *client, uint32_t index);

/* Records of all clients, for reports. */
uint64_t chord_duplicates_count(const struct chord_duplicates *duplicates);

#endif
