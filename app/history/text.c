/* Lines of a history file as text (line.h). */
#include "app/history/line.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[CHORD_OPERATION_KIND_COUNT] = {
    [CHORD_INSERT] = "insert", [CHORD_QUERY] = "query", [CHORD_DELETE] = "delete"};
static const char *const outcome_names[CHORD_OUTCOME_COUNT] = {
    [CHORD_INSERTED] = "inserted", [CHORD_UPDATED] = "updated", [CHORD_FOUND] = "found",
    [CHORD_ABSENT] = "absent",     [CHORD_DELETED] = "deleted", [CHORD_UNKNOWN] = "unknown"};
static const char *const consistency_names[CHORD_CONSISTENCY_COUNT] = {[CHORD_LINEARIZABLE] = "linearizable",
                                                                       [CHORD_EVENTUAL] = "eventual"};

const char *history_kind_name(enum chord_operation_kind kind) {
    return kind_names[kind];
}

const char *history_outcome_name(enum chord_outcome outcome) {
    return outcome_names[outcome];
}

const char *history_consistency_name(enum chord_consistency consistency) {
    return consistency_names[consistency];
}

/* Takes the value over. json_object_set_new fails for a value that couldn't be made, too. */
static bool put(json_t *object, const char *name, json_t *value) {
    return json_object_set_new(object, name, value) == 0;
}

static bool put_number(json_t *object, const char *name, uint64_t number) {
    return put(object, name, json_integer((json_int_t)number));
}

/* `name` as a string, or NAME_hex where a JSON string can't hold the bytes, or not for all of its readers (NUL). */
static bool put_bytes(json_t *object, const char *name, const char *hex_name, const unsigned char *bytes, size_t size) {
    if (size == 0 || memchr(bytes, '\0', size) == NULL) {
        json_t *string = json_stringn(size == 0 ? "" : (const char *)bytes, size);
        if (string != NULL) {
            return put(object, name, string);
        }
    }
    static const char digits[] = "0123456789abcdef";
    char *hex = malloc(2 * size);
    if (hex == NULL) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    const bool good = put(object, hex_name, json_stringn(hex, 2 * size));
    free(hex);
    return good;
}

static bool put_value(json_t *object, const struct history_line *line) {
    char digest[17];
    snprintf(digest, sizeof digest, "%016" PRIx64, line->value_digest);
    const bool shown = line->value != NULL && line->value_size <= HISTORY_VALUE_BYTES_MAX;
    return (!shown || put_bytes(object, "value", "value_hex", line->value, line->value_size)) &&
           (line->value_size == HISTORY_SIZE_UNKNOWN || put_number(object, "value_size", line->value_size)) &&
           put(object, "value_digest", json_string(digest));
}

/* Takes the object over. */
static char *text_of(json_t *object, bool good) {
    char *text = good ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return text;
}

char *history_header_text(const struct history_header *header) {
    json_t *object = json_object();
    const bool good = object != NULL && put(object, "record", json_string("history")) &&
                      put_number(object, "format_version", HISTORY_FORMAT_VERSION) &&
                      put(object, "seed", json_sprintf("%" PRIu64, header->seed)) &&
                      put_number(object, "ranks", header->rank_count) &&
                      put_number(object, "replicas", header->replica_count) &&
                      put(object, "consistency", json_string(consistency_names[header->consistency])) &&
                      put_number(object, "warmup_rounds", header->warmup_count) &&
                      put_number(object, "clock_error_ns", header->clock_error_ns);
    return text_of(object, good);
}

char *history_line_text(const struct history_line *line) {
    const bool answered = line->outcome != CHORD_UNKNOWN;
    json_t *object = json_object();
    const bool good =
        object != NULL && put(object, "record", json_string("operation")) && put_number(object, "round", line->round) &&
        put_number(object, "phase", line->phase) && put_number(object, "client", line->client_rank) &&
        put_number(object, "index", line->index) && put(object, "kind", json_string(kind_names[line->kind])) &&
        put(object, "outcome", json_string(outcome_names[line->outcome])) &&
        put_bytes(object, "key", "key_hex", line->key, line->key_size) &&
        (!line->has_value || put_value(object, line)) && put_number(object, "start_ns", line->start_ns) &&
        put(object, "end_ns", answered ? json_integer((json_int_t)line->end_ns) : json_null()) &&
        (!line->has_version || !answered ||
         put(object, "version", json_pack("[I, I]", (json_int_t)line->version.epoch,
                                          (json_int_t)line->version.counter))) &&
        put_number(object, "retries", line->retry_count);
    return text_of(object, good);
}

char *history_end_text(uint64_t operation_count) {
    json_t *object = json_object();
    const bool good = object != NULL && put(object, "record", json_string("end")) &&
                      put_number(object, "operation_count", operation_count);
    return text_of(object, good);
}
