/* Reads workload files: what a phase of the driver issues, line by line, in memory that does not depend on
 * the file's length. workloads/FORMAT.md is the format for users; workload.c follows it rule by rule.
 *
 * It must not know who issues the operations, or when. Errors are one line for a person, "FILE:LINE: what is
 * wrong, near "TEXT"; expected ...", without line break at the end. */
#ifndef APP_WORKLOAD_WORKLOAD_H
#define APP_WORKLOAD_WORKLOAD_H

#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for every error text, its final NUL included; a smaller buffer gets the start of it. */
#define WORKLOAD_ERROR_SIZE 1024u

enum workload_type {
    WORKLOAD_INSERT, /* key,value */
    WORKLOAD_QUERY,  /* key */
    WORKLOAD_DELETE, /* key */
    WORKLOAD_MIX,    /* insert,key,value or query,key or delete,key */
    WORKLOAD_TYPE_COUNT
};

/* "insert", "query", "delete" or "mix". Static storage. */
const char *workload_type_name(enum workload_type type);

/* The type of that name, letter by letter; false, and *type unchanged, for any other name. */
CHORD_MUST_CHECK bool workload_type_from_name(const char *name, enum workload_type *type);

/* One operation. The bytes belong to the reader and hold until its next call. */
struct workload_line {
    enum chord_operation_kind kind;
    const char *key;
    uint32_t key_size;    /* 1..CHORD_KEY_SIZE_MAX */
    const char *value;    /* never NULL */
    uint32_t value_size;  /* 0..CHORD_VALUE_SIZE_MAX; 0 unless kind is CHORD_INSERT */
    uint64_t line_number; /* of the operation's first line, from 1 */
};

enum workload_result {
    WORKLOAD_LINE, /* the line is filled in */
    WORKLOAD_END,  /* the file is read, and had at least one operation */
    WORKLOAD_ERROR /* workload_error says what is wrong */
};

struct workload_reader;

/* Opens a file for one pass. Returns true with *reader, owned by the caller until workload_close; or false
 * with one line in error: the file is missing, unreadable, a directory or no regular file, or there is no
 * memory. */
CHORD_MUST_CHECK bool workload_open(const char *path, enum workload_type type,
                                    struct workload_reader **reader, char *error, size_t error_size);

/* The next operation. Comments and blank lines are passed over. A file without any operation is an error.
 * After END or ERROR every further call returns the same. */
CHORD_MUST_CHECK enum workload_result workload_next(struct workload_reader *reader,
                                                    struct workload_line *line);

/* The error's text after WORKLOAD_ERROR, "" before. Belongs to the reader. */
const char *workload_error(const struct workload_reader *reader);

/* Closes the file and frees the reader; NULL is harmless. */
void workload_close(struct workload_reader *reader);

/* What one pass over a whole file shows. */
struct workload_survey {
    uint64_t operation_count;
    uint64_t operation_count_by_kind[CHORD_OPERATION_KIND_COUNT];
    uint64_t line_count; /* comments, blank lines and lines inside quotes included */
    uint32_t key_size_max;
    uint32_t value_size_max;
    uint64_t file_size; /* in bytes */
    char sha256[65];    /* of the file's bytes, hexadecimal */
};

/* Reads the whole file, so that no error is left to be found in the timed part. Returns true, or false with
 * one line in error (those of workload_open and workload_next) and *survey zeroed. A file that is changed
 * afterwards can still fail. */
CHORD_MUST_CHECK bool workload_survey(const char *path, enum workload_type type,
                                      struct workload_survey *survey, char *error, size_t error_size);

#endif
