#include "app/history/file.h"

#include "chord/base/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of texts by the digest: open addressing. Zeroed, it is empty. */
struct table {
    uint32_t *slots; /* owned; number + 1, 0 for none */
    size_t size;     /* a power of two, or 0 */
};

struct reader {
    const char *path;
    FILE *stream;
    struct history_file *file; /* what is read so far */
    char *error;
    uint64_t line;  /* number of the line at hand */
    char *text;     /* owned; the line at hand */
    size_t size;
    size_t capacity;
    struct table keys;   /* owned */
    struct table values; /* owned */
    bool has_header;
    bool has_end;
};

/* --- what is wrong, and where --- */

static bool fail_at(struct reader *reader, uint64_t line, const char *what) {
    const char *shown = strcmp(reader->path, "-") == 0 ? "standard input" : reader->path;
    if (line == 0) {
        snprintf(reader->error, HISTORY_ERROR_SIZE, "%.400s: %s", shown, what);
    } else {
        snprintf(reader->error, HISTORY_ERROR_SIZE, "%.400s:%" PRIu64 ": %s", shown, line, what);
    }
    return false;
}

static bool fail(struct reader *reader, const char *what) {
    return fail_at(reader, reader->line, what);
}

static bool fail_memory(struct reader *reader) {
    return fail(reader, "there is no memory for the rest of the history");
}

/* The block or a larger one in its place; NULL, and the block stays, without memory. */
static void *grown(void *block, size_t capacity, size_t needed, size_t size, size_t *new_capacity) {
    size_t larger = capacity < 256 ? 256 : capacity * 2;
    larger = larger < needed ? needed : larger;
    *new_capacity = larger;
    return larger > SIZE_MAX / size ? NULL : realloc(block, larger * size);
}

/* --- lines --- */

static bool keep_byte(struct reader *reader, int byte) {
    if (reader->size == reader->capacity) {
        size_t capacity;
        char *text = grown(reader->text, reader->capacity, reader->size + 1, 1, &capacity);
        if (text == NULL) {
            return fail_memory(reader);
        }
        reader->text = text;
        reader->capacity = capacity;
    }
    reader->text[reader->size++] = (char)byte;
    return true;
}

/* The next line, without its line feed. *ended: there is none. A last line without line feed is a line. */
static bool next_line(struct reader *reader, bool *ended) {
    reader->size = 0;
    reader->line++;
    int byte;
    while ((byte = getc_unlocked(reader->stream)) != EOF && byte != '\n') {
        if (reader->size == HISTORY_LINE_READ_MAX) {
            return fail(reader, "the line is longer than 8 MiB: this is no history of chordkv");
        }
        if (!keep_byte(reader, byte)) {
            return false;
        }
    }
    if (byte == EOF && ferror(reader->stream)) {
        return fail(reader, strerror(errno));
    }
    *ended = byte == EOF && reader->size == 0;
    return true;
}

/* --- keys and values, each once --- */

const unsigned char *history_file_bytes(const struct history_file *file, const struct history_text *text) {
    return text->has_bytes ? file->arena + text->offset : NULL;
}

struct history_line history_file_line(const struct history_file *file, const struct history_operation *operation) {
    const struct history_text *key = history_file_key(file, operation);
    struct history_line line = {.round = operation->round,
                                .phase = operation->phase,
                                .client_rank = operation->record.client_rank,
                                .index = operation->record.index,
                                .kind = (enum chord_operation_kind)operation->record.kind,
                                .outcome = (enum chord_outcome)operation->record.outcome,
                                .start_ns = operation->record.start_ns,
                                .end_ns = operation->record.end_ns,
                                .has_version = operation->has_version,
                                .version = history_version(&operation->record),
                                .retry_count = operation->retry_count,
                                .key = history_file_bytes(file, key),
                                .key_size = key->size};
    if (operation->value != HISTORY_NO_VALUE) {
        const struct history_text *value = &file->values[operation->value];
        line.has_value = true;
        line.value = history_file_bytes(file, value);
        line.value_size = value->size;
        line.value_digest = value->digest;
    }
    return line;
}

static void table_put(struct table *table, uint64_t digest, uint32_t number) {
    size_t at = (size_t)digest & (table->size - 1);
    while (table->slots[at] != 0) {
        at = (at + 1) & (table->size - 1);
    }
    table->slots[at] = number + 1;
}

/* Makes room for one text more than there are. */
static bool table_grow(struct table *table, const struct history_text *texts, uint32_t count) {
    if ((size_t)count * 2 < table->size) {
        return true;
    }
    struct table larger = {.size = table->size == 0 ? 1024 : table->size * 2};
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        table_put(&larger, texts[i].digest, i);
    }
    free(table->slots);
    *table = larger;
    return true;
}

/* Copies the bytes into the arena. */
static bool store_bytes(struct history_file *file, struct history_text *text, const unsigned char *bytes) {
    if (file->arena_size + text->size > file->arena_capacity || file->arena == NULL) {
        size_t capacity;
        unsigned char *arena =
            grown(file->arena, file->arena_capacity, file->arena_size + text->size, 1, &capacity);
        if (arena == NULL) {
            return false;
        }
        file->arena = arena;
        file->arena_capacity = capacity;
    }
    text->offset = file->arena_size;
    text->has_bytes = true;
    if (text->size > 0) {
        memcpy(file->arena + file->arena_size, bytes, text->size);
    }
    file->arena_size += text->size;
    return true;
}

static bool append_text(struct history_text **texts, uint32_t *count, uint32_t *capacity,
                        const struct history_text *text) {
    if (*count == *capacity) {
        size_t larger;
        struct history_text *block = grown(*texts, *capacity, (size_t)*count + 1, sizeof *block, &larger);
        if (block == NULL || larger > UINT32_MAX / 2) {
            *texts = block == NULL ? *texts : block;
            return false;
        }
        *texts = block;
        *capacity = (uint32_t)larger;
    }
    (*texts)[(*count)++] = *text;
    return true;
}

/* The number of a key: equality is that of bytes. */
static bool intern_key(struct reader *reader, const struct history_line *line, uint32_t *number) {
    struct history_file *file = reader->file;
    struct history_text text = {.digest = chord_digest64(line->key, line->key_size), .size = line->key_size};
    if (!table_grow(&reader->keys, file->keys, file->key_count)) {
        return fail_memory(reader);
    }
    for (size_t at = (size_t)text.digest;; at++) {
        const uint32_t slot = reader->keys.slots[at & (reader->keys.size - 1)];
        if (slot == 0) {
            break;
        }
        const struct history_text *known = &file->keys[slot - 1];
        if (known->size == text.size && memcmp(file->arena + known->offset, line->key, text.size) == 0) {
            *number = slot - 1;
            return true;
        }
    }
    *number = file->key_count;
    if (!store_bytes(file, &text, line->key) ||
        !append_text(&file->keys, &file->key_count, &file->key_capacity, &text)) {
        return fail_memory(reader);
    }
    table_put(&reader->keys, text.digest, *number);
    return true;
}

/* A value that is known already: its size must be the same, and its bytes, where both are known. */
static bool compare_value(struct reader *reader, struct history_text *known, const struct history_line *line) {
    struct history_file *file = reader->file;
    if (known->size == HISTORY_SIZE_UNKNOWN) {
        known->size = line->value_size;
    }
    if (line->value_size != HISTORY_SIZE_UNKNOWN && known->size != line->value_size) {
        return fail(reader, "another line tells another size for a value of this digest: correct one of them");
    }
    if (line->value == NULL) {
        return true;
    }
    if (!known->has_bytes) {
        return store_bytes(file, known, line->value) || fail_memory(reader);
    }
    return memcmp(file->arena + known->offset, line->value, known->size) == 0 ||
           fail(reader, "two different values have this digest: chordkv can't tell them apart");
}

static bool intern_value(struct reader *reader, const struct history_line *line, uint32_t *number) {
    struct history_file *file = reader->file;
    struct history_text text = {.digest = line->value_digest, .size = line->value_size};
    if (!table_grow(&reader->values, file->values, file->value_count)) {
        return fail_memory(reader);
    }
    for (size_t at = (size_t)text.digest;; at++) {
        const uint32_t slot = reader->values.slots[at & (reader->values.size - 1)];
        if (slot == 0) {
            break;
        }
        if (file->values[slot - 1].digest == text.digest) {
            *number = slot - 1;
            return compare_value(reader, &file->values[slot - 1], line);
        }
    }
    *number = file->value_count;
    if ((line->value != NULL && !store_bytes(file, &text, line->value)) ||
        !append_text(&file->values, &file->value_count, &file->value_capacity, &text)) {
        return fail_memory(reader);
    }
    table_put(&reader->values, text.digest, *number);
    return true;
}

/* --- operations --- */

static bool append_operation(struct reader *reader, const struct history_line *line) {
    struct history_file *file = reader->file;
    uint32_t key = 0;
    uint32_t value = HISTORY_NO_VALUE;
    if (!intern_key(reader, line, &key) || (line->has_value && !intern_value(reader, line, &value))) {
        return false;
    }
    if (file->operation_count == file->operation_capacity) {
        size_t capacity;
        struct history_operation *operations = grown(file->operations, file->operation_capacity,
                                                     file->operation_count + 1, sizeof *operations, &capacity);
        if (operations == NULL) {
            return fail_memory(reader);
        }
        file->operations = operations;
        file->operation_capacity = capacity;
    }
    file->operations[file->operation_count++] =
        (struct history_operation){.record = {.key_digest = key,
                                              .value_digest = line->has_value ? line->value_digest : 0,
                                              .start_ns = line->start_ns,
                                              .end_ns = line->end_ns,
                                              .version_counter = line->version.counter,
                                              .version_epoch = line->version.epoch,
                                              .client_rank = line->client_rank,
                                              .index = line->index,
                                              .kind = (uint8_t)line->kind,
                                              .outcome = (uint8_t)line->outcome},
                                   .round = line->round,
                                   .phase = line->phase,
                                   .retry_count = line->retry_count,
                                   .value = value,
                                   .has_version = line->has_version,
                                   .line = reader->line};
    return true;
}

static bool take_line(struct reader *reader, const struct history_parsed *parsed) {
    if (!reader->has_header && parsed->kind != HISTORY_HEADER) {
        return fail(reader, "the header is missing: the first line must be {\"record\":\"history\",...}");
    }
    if (reader->has_end) {
        return fail(reader, "there is more after the end: only one history may be in a file");
    }
    switch (parsed->kind) {
    case HISTORY_HEADER:
        if (reader->has_header) {
            return fail(reader, "this is a second header: only one history may be in a file");
        }
        reader->has_header = true;
        reader->file->header = parsed->header;
        return true;
    case HISTORY_OPERATION:
        return append_operation(reader, &parsed->line);
    case HISTORY_END:
        break;
    }
    reader->has_end = true;
    reader->file->told_count = parsed->operation_count;
    return true;
}

static bool read_lines(struct reader *reader) {
    for (;;) {
        bool ended = false;
        if (!next_line(reader, &ended)) {
            return false;
        }
        if (ended) {
            break;
        }
        char error[HISTORY_LINE_ERROR_SIZE];
        struct history_parsed parsed;
        const bool good = history_parse(reader->text == NULL ? "" : reader->text, reader->size, &parsed, error)
                              ? take_line(reader, &parsed)
                              : fail(reader, error);
        history_parsed_free(&parsed);
        if (!good) {
            return false;
        }
    }
    if (!reader->has_header) {
        return fail(reader, "the file is empty: a history begins with {\"record\":\"history\",...}");
    }
    return reader->has_end ||
           fail(reader, "the end is missing: the file is cut off; copy it again, or append {\"record\":\"end\","
                        "\"operation_count\":0} to check what is there");
}

static int compare_operations(const void *left, const void *right) {
    const struct history_operation *a = left;
    const struct history_operation *b = right;
    if (a->round != b->round) {
        return a->round < b->round ? -1 : 1;
    }
    if (a->phase != b->phase) {
        return a->phase < b->phase ? -1 : 1;
    }
    if (a->record.client_rank != b->record.client_rank) {
        return a->record.client_rank < b->record.client_rank ? -1 : 1;
    }
    return (a->record.index > b->record.index) - (a->record.index < b->record.index);
}

/* Puts the operations in order, and finds one that is told twice. */
static bool sort_operations(struct reader *reader) {
    struct history_file *file = reader->file;
    if (file->operation_count > 0) {
        qsort(file->operations, file->operation_count, sizeof *file->operations, compare_operations);
    }
    for (size_t i = 1; i < file->operation_count; i++) {
        const struct history_operation *a = &file->operations[i - 1];
        const struct history_operation *b = &file->operations[i];
        if (compare_operations(a, b) == 0) {
            char what[160];
            const uint64_t first = a->line < b->line ? a->line : b->line;
            snprintf(what, sizeof what,
                     "the same round, phase, client and index are on line %" PRIu64 " already: remove one of the two",
                     first);
            return fail_at(reader, a->line + b->line - first, what);
        }
    }
    return true;
}

static bool open_stream(struct reader *reader) {
    reader->stream = strcmp(reader->path, "-") == 0 ? stdin : fopen(reader->path, "r");
    return reader->stream != NULL || fail_at(reader, 0, strerror(errno));
}

bool history_file_read(const char *path, struct history_file *file, char error[HISTORY_ERROR_SIZE]) {
    *file = (struct history_file){0};
    struct reader reader = {.path = path, .file = file, .error = error};
    const bool good = open_stream(&reader) && read_lines(&reader) && sort_operations(&reader);
    if (reader.stream != NULL && reader.stream != stdin) {
        (void)fclose(reader.stream);
    }
    free(reader.text);
    free(reader.keys.slots);
    free(reader.values.slots);
    if (!good) {
        history_file_free(file);
    }
    return good;
}

void history_file_free(struct history_file *file) {
    free(file->operations);
    free(file->keys);
    free(file->values);
    free(file->arena);
    *file = (struct history_file){0};
}
