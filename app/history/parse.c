/* Reads the lines of a history file (line.h): any bytes get a defined answer. Every field is looked for by name, its
 * type and range are checked, and what is left over is an error: a misspelt field is never ignored. */
#include "app/history/line.h"

#include "chord/base/digest.h"
#include "chord/wire/limits.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The object at hand, and where to say what is wrong with it. */
struct parser {
    const json_t *object;
    size_t taken_count; /* of its fields */
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *parser, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error, HISTORY_LINE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    /* The name of a field may hold anything, also what would upset a terminal. */
    for (char *c = parser->error; *c != '\0'; c++) {
        *c = (unsigned char)*c < ' ' || *c == 127 ? '?' : *c;
    }
    return false;
}

/* The field, or NULL. */
static const json_t *take(struct parser *parser, const char *name) {
    const json_t *value = json_object_get(parser->object, name);
    parser->taken_count += value != NULL;
    return value;
}

static bool number_of(struct parser *parser, const char *name, const json_t *value, uint64_t minimum, uint64_t maximum,
                      uint64_t *number) {
    const bool in_range = json_is_integer(value) && json_integer_value(value) >= 0 &&
                          (uint64_t)json_integer_value(value) >= minimum &&
                          (uint64_t)json_integer_value(value) <= maximum;
    if (!in_range) {
        return fail(parser, "\"%s\" must be a whole number from %" PRIu64 " to %" PRIu64, name, minimum, maximum);
    }
    *number = (uint64_t)json_integer_value(value);
    return true;
}

/* A number that must be there. NULL as JSON value says that it isn't. */
static bool take_number(struct parser *parser, const char *name, uint64_t minimum, uint64_t maximum, uint64_t *number) {
    const json_t *value = take(parser, name);
    if (value == NULL) {
        return fail(parser, "\"%s\" is missing: a whole number from %" PRIu64 " to %" PRIu64, name, minimum, maximum);
    }
    return number_of(parser, name, value, minimum, maximum, number);
}

static bool take_u32(struct parser *parser, const char *name, uint32_t minimum, uint32_t *number) {
    uint64_t wide = 0;
    if (!take_number(parser, name, minimum, UINT32_MAX, &wide)) {
        return false;
    }
    *number = (uint32_t)wide;
    return true;
}

/* One of `count` words: its position. name_of is NULL-free up to count. */
static bool take_word(struct parser *parser, const char *name, const char *(*name_of)(unsigned), unsigned count,
                      unsigned *position) {
    const json_t *value = take(parser, name);
    char words[128] = "";
    for (unsigned i = 0; i < count; i++) {
        if (json_is_string(value) && json_string_length(value) == strlen(name_of(i)) &&
            strcmp(json_string_value(value), name_of(i)) == 0) {
            *position = i;
            return true;
        }
        const size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", name_of(i));
    }
    return fail(parser, "\"%s\" must be %s", name, words);
}

static const char *kind_name(unsigned kind) {
    return history_kind_name((enum chord_operation_kind)kind);
}

static const char *outcome_name(unsigned outcome) {
    return history_outcome_name((enum chord_outcome)outcome);
}

static const char *consistency_name(unsigned consistency) {
    return history_consistency_name((enum chord_consistency)consistency);
}

/* The value of a hexadecimal digit as it is written here (lower case), or -1. */
static int digit_of(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_hex(struct parser *parser, const char *name, const json_t *value, unsigned char **bytes,
                       uint32_t *size, size_t size_max) {
    const char *text = json_string_value(value);
    const size_t length = json_string_length(value);
    if (text == NULL || length % 2 != 0 || length / 2 > size_max) {
        return fail(parser, "\"%s\" must be at most %zu bytes as pairs of digits 0-9a-f", name, size_max);
    }
    *bytes = malloc(length / 2 + 1);
    if (*bytes == NULL) {
        return fail(parser, "there is no memory for it");
    }
    for (size_t i = 0; i < length / 2; i++) {
        const int high = digit_of(text[2 * i]);
        const int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return fail(parser, "\"%s\" must be at most %zu bytes as pairs of digits 0-9a-f", name, size_max);
        }
        (*bytes)[i] = (unsigned char)(high * 16 + low);
    }
    *size = (uint32_t)(length / 2);
    return true;
}

/* Bytes that are given as `name` or as `hex_name`, at most one of them; *bytes is NULL if neither is there. */
static bool take_bytes(struct parser *parser, const char *name, const char *hex_name, size_t size_max,
                       unsigned char **decoded, const unsigned char **bytes, uint32_t *size) {
    const json_t *string = take(parser, name);
    const json_t *hex = take(parser, hex_name);
    *bytes = NULL;
    if (string != NULL && hex != NULL) {
        return fail(parser, "\"%s\" and \"%s\" are both there: leave out one of them", name, hex_name);
    }
    if (hex != NULL) {
        const bool good = decode_hex(parser, hex_name, hex, decoded, size, size_max);
        *bytes = *decoded;
        return good;
    }
    if (string != NULL) {
        if (!json_is_string(string) || json_string_length(string) > size_max) {
            return fail(parser, "\"%s\" must be a string of at most %zu bytes", name, size_max);
        }
        *bytes = (const unsigned char *)json_string_value(string);
        *size = (uint32_t)json_string_length(string);
    }
    return true;
}

static bool take_key(struct parser *parser, struct history_parsed *parsed) {
    struct history_line *line = &parsed->line;
    if (!take_bytes(parser, "key", "key_hex", CHORD_KEY_SIZE_MAX, &parsed->key_bytes, &line->key, &line->key_size)) {
        return false;
    }
    if (line->key == NULL || line->key_size == 0) {
        return fail(parser, "\"key\" is %s: it needs 1 to %u bytes, or \"key_hex\" if they aren't UTF-8",
                    line->key == NULL ? "missing" : "empty", CHORD_KEY_SIZE_MAX);
    }
    return true;
}

/* "value_digest", if it is there. */
static bool take_digest(struct parser *parser, bool *given, uint64_t *digest) {
    const json_t *value = take(parser, "value_digest");
    const char *text = json_string_value(value);
    *given = value != NULL;
    *digest = 0;
    if (value == NULL) {
        return true;
    }
    bool good = text != NULL && json_string_length(value) == 16;
    for (size_t i = 0; good && i < 16; i++) {
        good = digit_of(text[i]) >= 0;
        *digest = *digest << 4 | (unsigned)digit_of(text[i]);
    }
    return good || fail(parser, "\"value_digest\" must be a string of 16 digits 0-9a-f");
}

/* Bytes, or a digest, perhaps with the size, or all three, which must agree. */
static bool take_value(struct parser *parser, struct history_parsed *parsed) {
    struct history_line *line = &parsed->line;
    uint32_t bytes_size = 0;
    uint64_t size = 0;
    uint64_t digest;
    bool digest_given;
    const json_t *size_given = take(parser, "value_size");
    if (!take_bytes(parser, "value", "value_hex", CHORD_VALUE_SIZE_MAX, &parsed->value_bytes, &line->value,
                    &bytes_size) ||
        !take_digest(parser, &digest_given, &digest) ||
        (size_given != NULL && !number_of(parser, "value_size", size_given, 0, CHORD_VALUE_SIZE_MAX, &size))) {
        return false;
    }
    if (line->value != NULL) {
        line->value_size = bytes_size;
        line->value_digest = chord_digest64(line->value, bytes_size);
        if (size_given != NULL && size != bytes_size) {
            return fail(parser, "the value has %u bytes, \"value_size\" says %" PRIu64 ": correct or remove it",
                        bytes_size, size);
        }
        if (digest_given && digest != line->value_digest) {
            return fail(parser,
                        "the value's digest is %016" PRIx64 ", \"value_digest\" says %016" PRIx64
                        ": correct or remove it",
                        line->value_digest, digest);
        }
        return true;
    }
    line->value_size = size_given != NULL ? (uint32_t)size : HISTORY_SIZE_UNKNOWN;
    line->value_digest = digest;
    if (!digest_given) {
        return fail(parser, "the value is missing: an insert, and a query that found its key, need \"value\" (or "
                            "\"value_hex\"), or \"value_digest\"");
    }
    return true;
}

/* end_ns and version: what an operation without an answer doesn't have. */
static bool take_answer(struct parser *parser, struct history_line *line) {
    const json_t *end = take(parser, "end_ns");
    const json_t *version = take(parser, "version");
    uint64_t epoch = 0;
    if (line->outcome == CHORD_UNKNOWN) {
        return (json_is_null(end) || fail(parser, "\"end_ns\" must be null: the outcome is unknown")) &&
               (version == NULL || fail(parser, "an operation of unknown outcome has no \"version\": remove it"));
    }
    if (end == NULL) {
        return fail(parser, "\"end_ns\" is missing: when the client had its answer, on the clock of \"start_ns\"");
    }
    if (!number_of(parser, "end_ns", end, 0, INT64_MAX, &line->end_ns)) {
        return false;
    }
    if (line->end_ns < line->start_ns) {
        return fail(parser, "the operation ends before it starts: \"end_ns\" is less than \"start_ns\"");
    }
    line->has_version = version != NULL;
    if (line->has_version &&
        (json_array_size(version) != 2 ||
         !number_of(parser, "version", json_array_get(version, 0), 0, UINT32_MAX, &epoch) ||
         !number_of(parser, "version", json_array_get(version, 1), 0, INT64_MAX, &line->version.counter))) {
        return fail(parser, "\"version\" must be two whole numbers: [EPOCH, COUNTER]");
    }
    line->version.epoch = (uint32_t)epoch;
    return true;
}

static bool take_retries(struct parser *parser, uint32_t *retry_count) {
    uint64_t number = 0;
    const json_t *value = take(parser, "retries");
    if (value != NULL && !number_of(parser, "retries", value, 0, UINT32_MAX, &number)) {
        return false;
    }
    *retry_count = (uint32_t)number;
    return true;
}

static bool take_operation(struct parser *parser, struct history_parsed *parsed) {
    struct history_line *line = &parsed->line;
    unsigned kind = 0;
    unsigned outcome = 0;
    if (!take_u32(parser, "round", 1, &line->round) || !take_u32(parser, "phase", 1, &line->phase) ||
        !take_u32(parser, "client", 0, &line->client_rank) || !take_u32(parser, "index", 0, &line->index) ||
        !take_word(parser, "kind", kind_name, CHORD_OPERATION_KIND_COUNT, &kind) ||
        !take_word(parser, "outcome", outcome_name, CHORD_OUTCOME_COUNT, &outcome) || !take_key(parser, parsed) ||
        !take_number(parser, "start_ns", 0, INT64_MAX, &line->start_ns)) {
        return false;
    }
    line->kind = (enum chord_operation_kind)kind;
    line->outcome = (enum chord_outcome)outcome;
    line->has_value = line->kind == CHORD_INSERT || line->outcome == CHORD_FOUND;
    return take_answer(parser, line) && (!line->has_value || take_value(parser, parsed)) &&
           take_retries(parser, &line->retry_count);
}

/* A string of decimal digits: JSON's numbers are too short for a seed. */
static bool take_seed(struct parser *parser, uint64_t *seed) {
    const json_t *value = take(parser, "seed");
    const char *text = json_string_value(value);
    const size_t size = json_string_length(value);
    uint64_t number = 0;
    bool good = size > 0;
    for (size_t i = 0; good && i < size; i++) {
        good = text[i] >= '0' && text[i] <= '9' && !__builtin_mul_overflow(number, 10u, &number) &&
               !__builtin_add_overflow(number, (unsigned)(text[i] - '0'), &number);
    }
    *seed = number;
    return good || fail(parser, "\"seed\" must be a string of decimal digits, below 2^64");
}

static bool take_header(struct parser *parser, struct history_header *header) {
    uint64_t version = 0;
    unsigned consistency = 0;
    if (!take_number(parser, "format_version", 1, UINT32_MAX, &version)) {
        return false;
    }
    if (version != HISTORY_FORMAT_VERSION) {
        return fail(parser, "the file is of format version %" PRIu64 ", this program reads version %u: use the "
                            "chordkv-check of the chordkv that wrote it",
                    version, HISTORY_FORMAT_VERSION);
    }
    if (!take_seed(parser, &header->seed) || !take_u32(parser, "ranks", 1, &header->rank_count) ||
        !take_u32(parser, "replicas", 1, &header->replica_count) ||
        !take_word(parser, "consistency", consistency_name, CHORD_CONSISTENCY_COUNT, &consistency) ||
        !take_u32(parser, "warmup_rounds", 0, &header->warmup_count)) {
        return false;
    }
    header->consistency = (enum chord_consistency)consistency;
    return take_number(parser, "clock_error_ns", 0, INT64_MAX, &header->clock_error_ns);
}

/* The fields that a line may have, by its kind. */
static const char *const fields[][20] = {
    [HISTORY_HEADER] = {"record", "format_version", "seed", "ranks", "replicas", "consistency", "warmup_rounds",
                        "clock_error_ns", NULL},
    [HISTORY_OPERATION] = {"record", "round", "phase", "client", "index", "kind", "outcome", "key", "key_hex",
                           "value", "value_hex", "value_size", "value_digest", "start_ns", "end_ns", "version",
                           "retries", NULL},
    [HISTORY_END] = {"record", "operation_count", NULL},
};

/* Names the first field that nobody has taken. */
static bool fail_left_over(struct parser *parser, enum history_line_kind kind) {
    void *at = json_object_iter((json_t *)(uintptr_t)parser->object);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)parser->object, at)) {
        const char *name = json_object_iter_key(at);
        bool known = false;
        for (size_t i = 0; fields[kind][i] != NULL; i++) {
            known |= strcmp(fields[kind][i], name) == 0;
        }
        if (!known) {
            return fail(parser, "\"%.40s\" is no field of this record: remove it, or mend its spelling", name);
        }
    }
    return fail(parser, "only an insert, and a query that found its key, have a value: remove it");
}

static const char *record_name(unsigned kind) {
    static const char *const names[] = {
        [HISTORY_HEADER] = "history", [HISTORY_OPERATION] = "operation", [HISTORY_END] = "end"};
    return names[kind];
}

static bool take_record(struct parser *parser, struct history_parsed *parsed) {
    unsigned kind = 0;
    if (!take_word(parser, "record", record_name, 3, &kind)) {
        return false;
    }
    parsed->kind = (enum history_line_kind)kind;
    bool good;
    switch (parsed->kind) {
    case HISTORY_HEADER:
        good = take_header(parser, &parsed->header);
        break;
    case HISTORY_OPERATION:
        good = take_operation(parser, parsed);
        break;
    default:
        good = take_number(parser, "operation_count", 0, INT64_MAX, &parsed->operation_count);
    }
    const bool all = parser->taken_count == json_object_size(parser->object);
    return good && (all || fail_left_over(parser, parsed->kind));
}

/* jansson's words for a bad line, shortened and without what might upset a terminal. */
static bool fail_json(struct parser *parser, const json_error_t *error) {
    char text[JSON_ERROR_TEXT_LENGTH];
    snprintf(text, sizeof text, "%s", error->text);
    for (char *c = text; *c != '\0'; c++) {
        *c = *c >= 32 && *c < 127 ? *c : '?';
    }
    return fail(parser, "this is no JSON object, at column %d: %.200s", error->column, text);
}

bool history_parse(const char *text, size_t size, struct history_parsed *parsed, char error[HISTORY_LINE_ERROR_SIZE]) {
    *parsed = (struct history_parsed){0};
    json_error_t json_error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &json_error);
    struct parser parser = {.object = object, .error = error};
    parsed->json = object;
    if (object == NULL) {
        return fail_json(&parser, &json_error);
    }
    if (!json_is_object(object)) {
        return fail(&parser, "this is no JSON object: each line of a history begins with {\"record\":");
    }
    return take_record(&parser, parsed);
}

void history_parsed_free(struct history_parsed *parsed) {
    json_decref(parsed->json);
    free(parsed->key_bytes);
    free(parsed->value_bytes);
    *parsed = (struct history_parsed){0};
}
