/* What a run did, one record an operation: the evidence that the judge gets. A record has digests for key and
 * value, so that its size is fixed; `index` leads back to the operation, and so to the key's bytes, in its
 * client's list. */
#ifndef APP_VERDICT_HISTORY_H
#define APP_VERDICT_HISTORY_H

#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stddef.h>
#include <stdint.h>

struct history_record {
    uint64_t key_digest;   /* chord_digest64 of the key's bytes */
    uint64_t value_digest; /* of the value written, or of the value read; 0 if there is none */
    uint64_t
        start_ns; /* when the client issued it and had the answer, on one clock for all records of a key: */
    uint64_t end_ns; /* end >= start. With several clocks the caller widens the interval by their bound. */
    uint64_t
        version_counter; /* of the answer; a delete that found nothing is a write and has a version, too */
    uint32_t version_epoch;
    uint32_t client_rank;
    uint32_t index;  /* of the operation within its client's list */
    uint8_t kind;    /* enum chord_operation_kind */
    uint8_t outcome; /* enum chord_outcome. CHORD_UNKNOWN: no answer; version and end_ns mean nothing */
    uint8_t mark;    /* the judge's; 0 from the recorder */
};

_Static_assert(sizeof(struct history_record) <= 64, "a record has at most 64 bytes");

static inline struct chord_version history_version(const struct history_record *record) {
    return (struct chord_version){.epoch = record->version_epoch, .counter = record->version_counter};
}

/* A growing array. A zeroed struct is an empty history. */
struct history {
    struct history_record *records; /* owned; `capacity` of them, `count` in use */
    size_t count;
    size_t capacity;
};

/* Makes room for `capacity` records in all, so that appending up to there neither allocates nor fails.
 * CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status history_reserve(struct history *history, size_t capacity);

/* Takes a copy of the record. CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status history_append(struct history *history,
                                                  const struct history_record *record);

/* Empties the history and keeps its memory. */
void history_reset(struct history *history);

/* Frees the records; the history is empty and usable again. */
void history_free(struct history *history);

#endif
