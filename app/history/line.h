/* The lines of a history file: what `chordkv run --history` writes and chordkv-check reads. FORMAT.md describes them
 * for those who write or read such files themselves; text.c and parse.c follow it field by field.
 *
 * A line is one JSON object: the header first, then the operations in any order, then the end. This file knows lines
 * alone: which ones a file must have, and what they come to together, is file.h. */
#ifndef APP_HISTORY_LINE_H
#define APP_HISTORY_LINE_H

#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_FORMAT_VERSION 1u
/* A longer value is told by its size and its digest alone. */
#define HISTORY_VALUE_BYTES_MAX 64u
/* The longest line that is written, its line feed included: a key of control characters takes six bytes for each. */
#define HISTORY_LINE_BYTES_MAX 8192u
/* Room for what is wrong with a line, final NUL included. */
#define HISTORY_LINE_ERROR_SIZE 512u

/* What holds for the whole file. */
struct history_header {
    uint64_t seed;
    uint64_t clock_error_ns; /* by which every interval was widened at both ends, at most; 0 on one host */
    uint32_t rank_count;
    uint32_t replica_count;
    uint32_t warmup_count; /* rounds that come first and that no report tells */
    enum chord_consistency consistency;
};

/* A client that has died has told digests of what it read, and nothing more. */
#define HISTORY_SIZE_UNKNOWN UINT32_MAX

/* One operation. */
struct history_line {
    uint32_t round; /* from 1: each begins with an empty ring, and is a history of its own */
    uint32_t phase; /* from 1, within the round */
    uint32_t client_rank;
    uint32_t index; /* of the operation in its client's list for the phase, from 0 */
    enum chord_operation_kind kind;
    enum chord_outcome outcome;
    uint64_t start_ns; /* on rank 0's clock */
    uint64_t end_ns;   /* >= start_ns; nothing if the outcome is CHORD_UNKNOWN */
    bool has_version;  /* never with CHORD_UNKNOWN */
    struct chord_version version;
    uint32_t retry_count;
    const unsigned char *key; /* borrowed */
    uint32_t key_size;        /* 1..CHORD_KEY_SIZE_MAX */
    bool has_value;           /* it is an insert, or a query that found its key */
    uint32_t value_size;      /* 0..CHORD_VALUE_SIZE_MAX; HISTORY_SIZE_UNKNOWN only if only the digest is known */
    uint64_t value_digest;    /* chord_digest64 of the value's bytes */
    const unsigned char *value; /* borrowed; NULL if only size and digest are known */
};

/* --- writing --- */

/* The line without its line feed, which the caller frees; NULL without memory. Bytes that aren't UTF-8 or hold a NUL
 * are written in hexadecimal. A value of more than HISTORY_VALUE_BYTES_MAX bytes is told by size and digest. */
char *history_header_text(const struct history_header *header);
char *history_line_text(const struct history_line *line);
char *history_end_text(uint64_t operation_count);

/* --- reading --- */

enum history_line_kind { HISTORY_HEADER, HISTORY_OPERATION, HISTORY_END };

/* What a line holds. */
struct history_parsed {
    enum history_line_kind kind;
    struct history_header header;
    struct history_line line; /* its bytes belong to this struct */
    uint64_t operation_count; /* of the end */

    /* Private to parse.c. */
    void *json;               /* owned */
    unsigned char *key_bytes; /* owned; decoded from hexadecimal */
    unsigned char *value_bytes; /* owned */
};

/* Reads one line of `size` bytes, any bytes at all, without its line feed. False: error says in one line what is wrong
 * and what is expected. Free *parsed in both cases. A bare value's size and digest are worked out; given ones must fit
 * the bytes. */
CHORD_MUST_CHECK bool history_parse(const char *text, size_t size, struct history_parsed *parsed,
                                    char error[HISTORY_LINE_ERROR_SIZE]);
void history_parsed_free(struct history_parsed *parsed);

/* The words of the format: "insert", "updated", "linearizable". */
const char *history_kind_name(enum chord_operation_kind kind);
const char *history_outcome_name(enum chord_outcome outcome);
const char *history_consistency_name(enum chord_consistency consistency);

#endif
