/* A whole history file, read into memory: what is judged and exported. It demands what no single line can tell: the
 * header first, the end last, no operation told twice, one size for one digest. */
#ifndef APP_HISTORY_FILE_H
#define APP_HISTORY_FILE_H

#include "app/history/line.h"
#include "app/verdict/history.h"

/* Room for an error, final NUL included. */
#define HISTORY_ERROR_SIZE 1024u
/* The longest line that is read: a key and a value of the largest sizes, every byte of them escaped or in hexadecimal,
 * and the fields around them. */
#define HISTORY_LINE_READ_MAX ((size_t)8 * 1024 * 1024)
/* An operation without a value. */
#define HISTORY_NO_VALUE UINT32_MAX

/* A key or a value. Where its bytes are known they are in the file's arena. */
struct history_text {
    uint64_t digest;
    size_t offset;
    uint32_t size;
    bool has_bytes;
};

struct history_operation {
    /* As the judges take it, but for key_digest, which is the key's number: two keys of one digest stay two keys. */
    struct history_record record;
    uint32_t round;
    uint32_t phase;
    uint32_t retry_count;
    uint32_t value; /* number of the value written or found, or HISTORY_NO_VALUE */
    bool has_version;
    uint64_t line; /* of the file, from 1 */
};

struct history_file {
    struct history_header header;
    struct history_operation *operations; /* owned; by round, phase, client and index */
    size_t operation_count;
    uint64_t told_count; /* operations by the file's end; another number if lines were taken out or put in */
    struct history_text *keys; /* owned */
    uint32_t key_count;
    struct history_text *values; /* owned; all different */
    uint32_t value_count;

    /* Private to file.c. */
    unsigned char *arena; /* owned */
    size_t arena_size;
    size_t arena_capacity;
    size_t operation_capacity;
    uint32_t key_capacity;
    uint32_t value_capacity;
};

/* Reads the file at `path`, or standard input for "-". False: error is one line without line feed, "FILE:LINE: what is
 * wrong; how to mend it", and *file is empty. Reading takes 100 to 200 bytes of memory an operation, and the keys and
 * values once each. Free *file in any case. */
CHORD_MUST_CHECK bool history_file_read(const char *path, struct history_file *file, char error[HISTORY_ERROR_SIZE]);
void history_file_free(struct history_file *file);

/* The bytes of a key or value, NULL if they aren't known. */
const unsigned char *history_file_bytes(const struct history_file *file, const struct history_text *text);

/* The key of an operation. */
static inline const struct history_text *history_file_key(const struct history_file *file,
                                                          const struct history_operation *operation) {
    return &file->keys[operation->record.key_digest];
}

/* The operation as its line told it. The line's bytes are borrowed from the file. */
struct history_line history_file_line(const struct history_file *file, const struct history_operation *operation);

#endif
