/* The format of workload files (workloads/FORMAT.md): fields as in RFC 4180, one operation a line.
 *
 *     line      = [blanks] ( "" | "#" anything | operation )
 *     operation = field *( "," field )          which fields, says the type of the file
 *     field     = blanks ( plain | quoted ) blanks
 *     plain     = bytes without , " CR LF, outer blanks excluded
 *     quoted    = " bytes, each " doubled "      the only field that may hold line breaks
 *
 * A field is copied out of the input's buffer into a buffer of its own, of the size that the field may have
 * at most. What is beyond that is counted and dropped, so that memory is bounded whatever the file holds, and
 * the error can still say how long the field is. The line break stays unread until the operation is accepted:
 * an error then finds the input in the line that it is about. */
#include "app/workload/workload.h"

#include "app/workload/input.h"
#include "chord/base/check.h"
#include "chord/hash/hash.h"
#include "chord/wire/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No operation's name is longer; a longer one is cut and so differs from all. */
#define VERB_SIZE_MAX 16u
#define PATH_SHOWN_MAX 200u
#define WHAT_SIZE 160u

struct field {
    char *bytes; /* the first bytes of the field, size or capacity of them, whichever is less */
    size_t capacity;
    uint64_t size; /* without outer blanks and quotes */
    uint64_t line; /* in which it starts */
    bool quoted;
};

struct workload_reader {
    struct input input;
    enum workload_type type;
    enum workload_result state; /* WORKLOAD_LINE while there may be more */
    bool has_operation;
    struct field verb;
    struct field key;
    struct field value;
    char name[PATH_SHOWN_MAX + 1]; /* the path, as errors show it */
    char error[WORKLOAD_ERROR_SIZE];
    char verb_bytes[VERB_SIZE_MAX];
    char key_bytes[CHORD_KEY_SIZE_MAX];
    char value_bytes[CHORD_VALUE_SIZE_MAX];
};

static const struct {
    const char *name;
    const char *expected;
} types[WORKLOAD_TYPE_COUNT] = {
    [WORKLOAD_INSERT] = {"insert", "key,value"},
    [WORKLOAD_QUERY] = {"query", "one key"},
    [WORKLOAD_DELETE] = {"delete", "one key"},
    [WORKLOAD_MIX] = {"mix", "insert,key,value or query,key or delete,key"},
};

const char *workload_type_name(enum workload_type type) {
    chord_check((unsigned)type < WORKLOAD_TYPE_COUNT);
    return types[type].name;
}

bool workload_type_from_name(const char *name, enum workload_type *type) {
    for (unsigned i = 0; i < WORKLOAD_TYPE_COUNT; i++) {
        if (strcmp(name, types[i].name) == 0) {
            *type = (enum workload_type)i;
            return true;
        }
    }
    return false;
}

/* The end of a long path, without anything that would break the line. */
static void show_path(const char *path, char name[PATH_SHOWN_MAX + 1]) {
    const size_t size = strlen(path);
    const bool shortened = size > PATH_SHOWN_MAX;
    (void)snprintf(name, PATH_SHOWN_MAX + 1, "%s%s", shortened ? "..." : "",
                   shortened ? path + size - (PATH_SHOWN_MAX - 3) : path);
    for (char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
}

/* ---- errors: each of these ends the reading and returns false ---- */

static bool fail_whole(struct workload_reader *reader, const char *what, const char *detail) {
    (void)snprintf(reader->error, sizeof reader->error, "%s: %s%s", reader->name, what, detail);
    reader->state = WORKLOAD_ERROR;
    return false;
}

static bool fail_at(struct workload_reader *reader, uint64_t line, const char *excerpt, const char *hint,
                    const char *what) {
    if (reader->input.error != 0) { /* The text looks broken because reading it stopped. */
        return fail_whole(reader, "can't be read: ", strerror(reader->input.error));
    }
    (void)snprintf(reader->error, sizeof reader->error, "%s:%" PRIu64 ": %s, near \"%s\"; expected %s%s%s",
                   reader->name, line, what, excerpt, types[reader->type].expected,
                   hint[0] != '\0' ? "; " : "", hint);
    reader->state = WORKLOAD_ERROR;
    return false;
}

/* Something is wrong with the line that is being read. */
__attribute__((format(printf, 3, 4))) static bool fail_line(struct workload_reader *reader, const char *hint,
                                                            const char *format, ...) {
    char what[WHAT_SIZE], excerpt[EXCERPT_TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const uint64_t line = reader->input.line;
    return fail_at(reader, line, input_line_excerpt(&reader->input, excerpt), hint, what);
}

/* Something is wrong with a field that may have begun many lines before. */
__attribute__((format(printf, 4, 5))) static bool fail_field(struct workload_reader *reader,
                                                             const struct field *field, const char *hint,
                                                             const char *format, ...) {
    char what[WHAT_SIZE], excerpt[EXCERPT_TEXT_SIZE], start[EXCERPT_BYTES_KEPT];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start stands above */
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const size_t quote = field->quoted ? 1 : 0;
    const size_t held = field->size < field->capacity ? (size_t)field->size : field->capacity;
    const size_t shown = held < sizeof start - quote ? held : sizeof start - quote;
    start[0] = '"';
    memcpy(start + quote, field->bytes, shown);
    return fail_at(reader, field->line, excerpt_write(start, quote + shown, false, excerpt), hint, what);
}

/* ---- fields ---- */

enum stop { STOP_COMMA, STOP_LINE, STOP_BAD };

static void skip_blanks(struct input *input) {
    int c;
    while ((c = input_peek(input)) == ' ' || c == '\t') {
        input->at++;
    }
}

static void append(struct field *field, const char *bytes, size_t size) {
    if (field->size < field->capacity) {
        const size_t room = field->capacity - (size_t)field->size;
        memcpy(field->bytes + field->size, bytes, size < room ? size : room);
    }
    field->size += size;
}

/* At a line break, a carriage return or the end: leaves a line break unread. */
static enum stop stop_at_line_end(struct workload_reader *reader) {
    struct input *input = &reader->input;
    if (input_peek(input) == '\r') {
        input->at++;
        const int next = input_peek(input);
        if (next != '\n' && next != -1) {
            (void)fail_line(reader, "a key or value with a line break in it is written in double quotes",
                            "a carriage return that ends no line");
            return STOP_BAD;
        }
    }
    return STOP_LINE;
}

static enum stop read_plain(struct workload_reader *reader, struct field *field) {
    static const bool ends[256] = {[','] = true, ['"'] = true, ['\r'] = true, ['\n'] = true};
    struct input *input = &reader->input;
    uint64_t trimmed_size = 0;
    int next;
    do {
        const char *bytes = input->buffer + input->at;
        const size_t left = input->end - input->at;
        size_t size = 0;
        while (size < left && !ends[(unsigned char)bytes[size]]) {
            size++;
        }
        size_t last = size;
        while (last > 0 && (bytes[last - 1] == ' ' || bytes[last - 1] == '\t')) {
            last--;
        }
        if (last > 0) {
            trimmed_size = field->size + last;
        }
        append(field, bytes, size);
        input->at += size;
        next = input_peek(input);
    } while (next != -1 && !ends[next]);
    field->size = trimmed_size;
    if (next == ',') {
        input->at++;
        return STOP_COMMA;
    }
    if (next == '"') {
        (void)fail_line(
            reader,
            "a key or value with a quote in it is written in double quotes, its own quotes doubled: "
            "\"the \"\"B\"\" side\"",
            "a quote inside a field that does not begin with one");
        return STOP_BAD;
    }
    return stop_at_line_end(reader);
}

static enum stop read_quoted(struct workload_reader *reader, struct field *field) {
    struct input *input = &reader->input;
    field->quoted = true;
    input->at++;
    for (;;) {
        if (input_peek(input) == -1) {
            (void)fail_field(reader, field, "a quoted field ends with a double quote",
                             "the quote that opens here is never closed");
            return STOP_BAD;
        }
        const char *bytes = input->buffer + input->at;
        const size_t left = input->end - input->at;
        const char *quote = memchr(bytes, '"', left);
        const size_t size = quote != NULL ? (size_t)(quote - bytes) : left;
        append(field, bytes, size);
        input_advance(input, size);
        if (quote == NULL) {
            continue;
        }
        input->at++;
        if (input_peek(input) != '"') {
            break;
        }
        append(field, "\"", 1);
        input->at++;
    }
    skip_blanks(input);
    const int next = input_peek(input);
    if (next == ',') {
        input->at++;
        return STOP_COMMA;
    }
    if (next != '\n' && next != '\r' && next != -1) {
        (void)fail_line(
            reader,
            "after a closing quote there is a comma or the end of the line; a quote inside quotes is "
            "doubled: \"the \"\"B\"\" side\"",
            "text after the closing quote of a field that opens in line %" PRIu64, field->line);
        return STOP_BAD;
    }
    return stop_at_line_end(reader);
}

static enum stop read_field(struct workload_reader *reader, struct field *field) {
    field->size = 0;
    field->quoted = false;
    field->line = reader->input.line;
    skip_blanks(&reader->input);
    return input_peek(&reader->input) == '"' ? read_quoted(reader, field) : read_plain(reader, field);
}

/* ---- operations ---- */

static bool read_verb(struct workload_reader *reader, enum chord_operation_kind *kind) {
    static const enum chord_operation_kind kinds[] = {
        [WORKLOAD_INSERT] = CHORD_INSERT, [WORKLOAD_QUERY] = CHORD_QUERY, [WORKLOAD_DELETE] = CHORD_DELETE};
    if (reader->type != WORKLOAD_MIX) {
        *kind = kinds[reader->type];
        return true;
    }
    const struct field *verb = &reader->verb;
    const enum stop stop = read_field(reader, &reader->verb);
    if (stop == STOP_BAD) {
        return false;
    }
    for (unsigned i = 0; i < WORKLOAD_MIX; i++) {
        if (verb->size == strlen(types[i].name) &&
            memcmp(verb->bytes, types[i].name, (size_t)verb->size) == 0) {
            *kind = kinds[i];
            return stop == STOP_COMMA || fail_line(reader, "", "there is no key");
        }
    }
    return fail_line(reader, "", "unknown operation");
}

static bool read_key(struct workload_reader *reader, enum chord_operation_kind kind) {
    const struct field *key = &reader->key;
    const enum stop stop = read_field(reader, &reader->key);
    if (stop == STOP_BAD) {
        return false;
    }
    if (key->size == 0) {
        return fail_line(reader, "a key has at least one byte", "the key is empty");
    }
    if (key->size > CHORD_KEY_SIZE_MAX) {
        return fail_field(reader, key, "a key has 1 to 1,024 bytes", "the key is too long: %" PRIu64 " bytes",
                          key->size);
    }
    if (kind == CHORD_INSERT && stop == STOP_LINE) {
        return fail_line(reader, "", "there is no value");
    }
    if (kind != CHORD_INSERT && stop == STOP_COMMA) {
        return fail_line(reader, "a key with a comma in it is written in double quotes: \"one, two\"",
                         "a comma after the key");
    }
    return true;
}

static bool read_value(struct workload_reader *reader) {
    const enum stop stop = read_field(reader, &reader->value);
    if (stop == STOP_BAD) {
        return false;
    }
    if (reader->value.size > CHORD_VALUE_SIZE_MAX) {
        return fail_field(reader, &reader->value, "a value has at most 1,048,576 bytes",
                          "the value is too long: %" PRIu64 " bytes", reader->value.size);
    }
    return stop == STOP_LINE ||
           fail_line(reader, "a key or value with a comma in it is written in double quotes: \"one, two\"",
                     "a comma after the value");
}

/* Passes over blank lines and comments. True if an operation begins here, false at the end. */
static bool find_operation(struct workload_reader *reader) {
    struct input *input = &reader->input;
    for (;;) {
        skip_blanks(input);
        int next = input_peek(input);
        if (next == '#') {
            while (next != -1 && next != '\n') {
                const char *bytes = input->buffer + input->at;
                const size_t left = input->end - input->at;
                const char *line_break = memchr(bytes, '\n', left);
                input->at += line_break != NULL ? (size_t)(line_break - bytes) : left;
                next = input_peek(input);
            }
        } else if (next == '\r') {
            if (stop_at_line_end(reader) == STOP_BAD) {
                return false;
            }
            next = input_peek(input);
        }
        if (next == -1) {
            return false;
        }
        if (next != '\n') {
            return true;
        }
        input_advance(input, 1);
    }
}

static enum workload_result end_of_file(struct workload_reader *reader) {
    const struct input *input = &reader->input;
    if (reader->state == WORKLOAD_ERROR) {
        return WORKLOAD_ERROR;
    }
    if (input->error != 0) {
        (void)fail_whole(reader, "can't be read: ", strerror(input->error));
    } else if (!reader->has_operation) {
        (void)fail_whole(reader,
                         input->size == 0
                             ? "is empty; expected lines of "
                             : "has no operation in it, only comments or blank lines; expected lines of ",
                         types[reader->type].expected);
    } else {
        reader->state = WORKLOAD_END;
    }
    return reader->state;
}

enum workload_result workload_next(struct workload_reader *reader, struct workload_line *line) {
    if (reader->state != WORKLOAD_LINE) {
        return reader->state;
    }
    struct input *input = &reader->input;
    if (!find_operation(reader)) {
        return end_of_file(reader);
    }
    enum chord_operation_kind kind = CHORD_QUERY;
    const uint64_t line_number = input->line;
    reader->value.size = 0;
    if (!read_verb(reader, &kind) || !read_key(reader, kind) ||
        (kind == CHORD_INSERT && !read_value(reader))) {
        return WORKLOAD_ERROR;
    }
    if (input_peek(input) == '\n') {
        input_advance(input, 1);
    } else if (input->error != 0) { /* The last field may be cut. */
        return end_of_file(reader);
    }
    reader->has_operation = true;
    *line = (struct workload_line){.kind = kind,
                                   .key = reader->key_bytes,
                                   .key_size = (uint32_t)reader->key.size,
                                   .value = reader->value_bytes,
                                   .value_size = (uint32_t)reader->value.size,
                                   .line_number = line_number};
    return WORKLOAD_LINE;
}

const char *workload_error(const struct workload_reader *reader) {
    return reader->error;
}

/* ---- opening, closing, and the survey ---- */

static bool open_with_digest(const char *path, enum workload_type type, struct chord_hash_sha256 *digest,
                             struct workload_reader **opened, char *error, size_t error_size) {
    chord_check((unsigned)type < WORKLOAD_TYPE_COUNT);
    char name[PATH_SHOWN_MAX + 1], reason[WHAT_SIZE];
    show_path(path, name);
    /* calloc would touch the buffers, and few files have values of 1 MiB. */
    struct workload_reader *reader = malloc(sizeof *reader);
    if (reader == NULL) {
        (void)snprintf(error, error_size, "%s: can't be read: out of memory", name);
        return false;
    }
    if (!input_open(&reader->input, path, digest, reason, sizeof reason)) {
        (void)snprintf(error, error_size, "%s: %s", name, reason);
        free(reader);
        return false;
    }
    reader->type = type;
    reader->state = WORKLOAD_LINE;
    reader->has_operation = false;
    reader->verb = (struct field){.bytes = reader->verb_bytes, .capacity = sizeof reader->verb_bytes};
    reader->key = (struct field){.bytes = reader->key_bytes, .capacity = sizeof reader->key_bytes};
    reader->value = (struct field){.bytes = reader->value_bytes, .capacity = sizeof reader->value_bytes};
    reader->error[0] = '\0';
    memcpy(reader->name, name, sizeof name);
    *opened = reader;
    return true;
}

bool workload_open(const char *path, enum workload_type type, struct workload_reader **reader, char *error,
                   size_t error_size) {
    return open_with_digest(path, type, NULL, reader, error, error_size);
}

void workload_close(struct workload_reader *reader) {
    if (reader != NULL) {
        input_close(&reader->input);
        free(reader);
    }
}

static void count_line(struct workload_survey *survey, const struct workload_line *line) {
    survey->operation_count++;
    survey->operation_count_by_kind[line->kind]++;
    if (line->key_size > survey->key_size_max) {
        survey->key_size_max = line->key_size;
    }
    if (line->value_size > survey->value_size_max) {
        survey->value_size_max = line->value_size;
    }
}

bool workload_survey(const char *path, enum workload_type type, struct workload_survey *survey, char *error,
                     size_t error_size) {
    memset(survey, 0, sizeof *survey);
    struct chord_hash_sha256 *digest = chord_hash_sha256_begin();
    struct workload_reader *reader = NULL;
    enum workload_result result = WORKLOAD_ERROR;
    if (digest == NULL) {
        char name[PATH_SHOWN_MAX + 1];
        show_path(path, name);
        (void)snprintf(error, error_size, "%s: can't be read: out of memory", name);
        return false;
    }
    if (open_with_digest(path, type, digest, &reader, error, error_size)) {
        struct workload_line line;
        while ((result = workload_next(reader, &line)) == WORKLOAD_LINE) {
            count_line(survey, &line);
        }
        survey->line_count = input_line_count(&reader->input);
        survey->file_size = reader->input.size;
        if (result == WORKLOAD_ERROR) {
            (void)snprintf(error, error_size, "%s", reader->error);
        }
    }
    chord_hash_sha256_end(digest, survey->sha256); /* also frees it */
    workload_close(reader);
    if (result == WORKLOAD_ERROR) {
        memset(survey, 0, sizeof *survey);
    }
    return result == WORKLOAD_END;
}
