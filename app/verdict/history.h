/* What a run did, one record an operation: the evidence that the judge gets. A record has digests for key and
 * value, so that its size is fixed; `index` leads back to the operation, and so to the key's bytes, in its
 * client's list.
 *
 * A client's history has an operation from the moment on when it is issued: without an answer (CHORD_UNKNOWN), and
 * history_answer fills that in. So its records are in the order of issue, and what is under way when the client dies is
 * among them, if they are kept where they outlive it (history_mapped.h). */
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
    uint8_t outcome; /* enum chord_outcome. CHORD_UNKNOWN: no answer; the version means nothing, and end_ns is when the
                        client gave up, or 0 */
    uint8_t mark;    /* the judge's; 0 from the recorder */
    uint8_t retry_count; /* how often the request was sent again; 255 also stands for more */
};

_Static_assert(sizeof(struct history_record) == 56, "a record has no padding");

static inline struct chord_version history_version(const struct history_record *record) {
    return (struct chord_version){.epoch = record->version_epoch, .counter = record->version_counter};
}

struct history_head;

/* A growing array. A zeroed struct is an empty history on the heap. */
struct history {
    struct history_record *records; /* owned; `capacity` of them, `count` in use */
    size_t count;
    size_t capacity;
    struct history_head *head; /* private to history_mapped.c; NULL: on the heap */
    int descriptor;            /* the same; means nothing without head */
};

/* Makes room for `capacity` records in all, so that appending up to there neither allocates nor fails.
 * CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status history_reserve(struct history *history, size_t capacity);

/* Takes a copy of the record. CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status history_append(struct history *history,
                                                  const struct history_record *record);

/* The same of several, which stand at any address. */
CHORD_MUST_CHECK enum chord_status history_append_all(struct history *history, const unsigned char *records,
                                                      size_t count);

/* Takes the last record back: its operation was not issued after all. There is one. */
void history_take_back(struct history *history);

/* What an answer adds to the record of an operation that was under way. */
struct history_answer {
    enum chord_outcome outcome; /* CHORD_UNKNOWN: given up */
    struct chord_version version;
    uint64_t end_ns;
    uint64_t value_digest; /* of a value that was read; otherwise what is there stays */
    uint32_t retry_count;
};

/* Fills in the answer of the record at `position`, below count. Whoever reads the file of a mapped history meanwhile, or
 * after this process was killed in the middle, finds either the operation without an answer or all of the answer. */
void history_answer(struct history *history, size_t position, const struct history_answer *answer);

/* Puts a record's interval on another clock, which is `offset_ns` ahead give or take `error_ns`: it gets wider by that. No
 * end (0) stays none. */
void history_shift(struct history_record *record, int64_t offset_ns, uint64_t error_ns);

/* Empties the history and keeps its memory. */
void history_reset(struct history *history);

/* Frees the records; the history is empty and usable again. */
void history_free(struct history *history);

#endif
