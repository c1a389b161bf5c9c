#include "app/check/check_record.h"

#include "app/check/explain.h"
#include "app/report/text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* All of these take `value` over, and leave it out without memory; `failed` then says that the object isn't whole. */
struct maker {
    bool failed;
};

static void put(struct maker *maker, json_t *object, const char *name, json_t *value) {
    maker->failed |= json_object_set_new(object, name, value) != 0;
}

static void add(struct maker *maker, json_t *array, json_t *value) {
    maker->failed |= json_array_append_new(array, value) != 0;
}

static void put_count(struct maker *maker, json_t *object, const char *name, uint64_t count) {
    put(maker, object, name, json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count));
}

/* A foreign string: what isn't UTF-8 is escaped. */
static void put_text(struct maker *maker, json_t *object, const char *name, const char *text) {
    char shown[4096];
    (void)text_escape(text, false, shown, sizeof shown);
    put(maker, object, name, json_string(shown));
}

static json_t *operation_of(const struct history_file *file, size_t position) {
    const struct history_line line = history_file_line(file, &file->operations[position]);
    char *text = history_line_text(&line);
    json_t *object = text == NULL ? NULL : json_loads(text, 0, NULL);
    free(text);
    return object;
}

static json_t *operations_of(struct maker *maker, const struct history_file *file, const size_t *positions,
                             size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        add(maker, array, operation_of(file, positions[i]));
    }
    return array;
}

static json_t *judged_of(struct maker *maker, const struct check_round *round) {
    if (round->unversioned_count > 0) {
        return json_null();
    }
    json_t *object = json_object();
    put_count(maker, object, "wrong_count", round->judged.wrong_count);
    put_count(maker, object, "stale_count", round->judged.stale_count);
    put_count(maker, object, "stale_missed_max", round->judged.stale_missed_max);
    for (unsigned reason = JUDGE_FINE + 1; reason < JUDGE_REASON_COUNT; reason++) {
        if (round->judged.wrong_by_reason[reason] > 0) {
            put_text(maker, object, "first_reason", judge_reason_text(round->judged.first.reason));
            break;
        }
    }
    return object;
}

static void put_round(struct maker *maker, json_t *object, const struct check_round *round) {
    put_count(maker, object, "operation_count", round->operation_count);
    put_count(maker, object, "unanswered_count", round->unknown_count);
    put_count(maker, object, "key_count", round->key_count);
    put_count(maker, object, "operations_per_key_max", round->operations_per_key_max);
    put_count(maker, object, "choice_count", round->step_count);
    put_count(maker, object, "violated_key_count", round->violated_count);
    put_count(maker, object, "undecided_key_count", round->too_large_count);
    put_count(maker, object, "unversioned_count", round->unversioned_count);
    put(maker, object, "versions", judged_of(maker, round));
}

/* Operations of an explanation are named by round, phase, client and index, as everywhere in the object. */
static const char *no_name(void *context, size_t position) {
    (void)context;
    (void)position;
    return NULL;
}

static json_t *violation_of(struct maker *maker, const struct history_file *file,
                            const struct check_violation *violation) {
    json_t *object = json_object();
    const struct linearize_violation *found = &violation->found;
    char *why = explain_stuck(file, violation, no_name, NULL);
    put_count(maker, object, "round", violation->round);
    put_count(maker, object, "operation_count", found->operation_count);
    put_count(maker, object, "prefix_count", found->prefix_count);
    put(maker, object, "core", operations_of(maker, file, found->core, found->core_count));
    put(maker, object, "order", operations_of(maker, file, found->order, found->order_count));
    put(maker, object, "stuck", operation_of(file, found->stuck));
    put(maker, object, "present_after_order", json_boolean(found->present));
    put_text(maker, object, "why", why);
    free(why);
    return object;
}

static const char *verdict_name(enum check_verdict verdict) {
    switch (verdict) {
    case CHECK_LINEARIZABLE:
        return "linearizable";
    case CHECK_UNDECIDED:
        return "undecided";
    case CHECK_WRONG:
        break;
    }
    return "wrong";
}

char *check_record_make(const char *path, const struct history_file *file, const struct check_result *result) {
    struct maker maker = {0};
    json_t *object = json_object();
    json_t *rounds = json_array();
    json_t *violations = json_array();
    const enum check_verdict verdict = check_verdict(result);
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)file->header.seed);
    put_text(&maker, object, "record", "check");
    put_count(&maker, object, "schema_version", 1);
    put_text(&maker, object, "file", path);
    put_text(&maker, object, "verdict", verdict_name(verdict));
    put_count(&maker, object, "exit_status", verdict);
    put_text(&maker, object, "seed", seed);
    put_count(&maker, object, "ranks", file->header.rank_count);
    put_count(&maker, object, "replicas", file->header.replica_count);
    put_text(&maker, object, "consistency", history_consistency_name(file->header.consistency));
    put_count(&maker, object, "clock_error_ns", file->header.clock_error_ns);
    put_count(&maker, object, "file_operation_count", file->operation_count);
    put_count(&maker, object, "told_operation_count", file->told_count);
    put_round(&maker, object, &result->total);
    for (size_t i = 0; i < result->round_count; i++) {
        json_t *round = json_object();
        put_count(&maker, round, "round", result->rounds[i].round);
        put_round(&maker, round, &result->rounds[i]);
        add(&maker, rounds, round);
    }
    for (size_t i = 0; i < result->violation_count; i++) {
        add(&maker, violations, violation_of(&maker, file, &result->violations[i]));
    }
    put(&maker, object, "rounds", rounds);
    put(&maker, object, "violations", violations);
    char *text = maker.failed ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}
