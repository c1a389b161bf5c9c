#include "app/report/changes.h"

#include "app/report/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* An object under construction; without memory it only notes the failure, and its maker gives NULL in the
 * end. */
struct fields {
    json_t *object;
    bool failed;
};

static void put(struct fields *fields, const char *name, json_t *value) {
    if (json_object_set_new(fields->object, name, value) != 0) {
        fields->failed = true;
    }
}

static void put_count(struct fields *fields, const char *name, bool applies, uint64_t count) {
    put(fields, name,
        applies ? json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count) : json_null());
}

/* As in result_change: a negative rate is none. */
static void put_rate(struct fields *fields, const char *name, bool applies, double per_second) {
    put(fields, name,
        applies && isfinite(per_second) && per_second >= 0 ? json_real(per_second) : json_null());
}

/* A text of any bytes; NULL is null. */
static void put_text(struct fields *fields, const char *name, const char *text) {
    char escaped[4 * 128];
    if (text != NULL) {
        (void)text_escape(text, false, escaped, sizeof escaped);
    }
    put(fields, name, text == NULL ? json_null() : json_string(escaped));
}

/* The object, or NULL if anything failed. */
static json_t *finished(struct fields *fields) {
    if (fields->failed) {
        json_decref(fields->object);
        return NULL;
    }
    return fields->object;
}

static const char *command_name(enum chord_command what) {
    static const char *const names[CHORD_COMMAND_COUNT] = {[CHORD_COMMAND_JOIN] = "join",
                                                           [CHORD_COMMAND_DEPART] = "depart",
                                                           [CHORD_COMMAND_EXCLUDE] = "exclude"};
    return (unsigned)what < CHORD_COMMAND_COUNT ? names[what] : "?";
}

static json_t *member_json(const struct result_run *run, const struct result_phase *phase,
                           const struct chord_change_member *changed) {
    const struct chord_address address = changed->member.address;
    struct fields fields = {.object = json_object()};
    char id[CHORD_ID_TEXT_SIZE], name[96];
    put_text(&fields, "change", command_name(changed->what));
    if (address.rank < phase->rank_count) {
        const char *host = phase->ranks[address.rank].host;
        if (address.virtual_node == 0) {
            (void)snprintf(name, sizeof name, "%.63s:%u", host, address.rank);
        } else {
            (void)snprintf(name, sizeof name, "%.63s:%u#%u", host, address.rank, address.virtual_node);
        }
    }
    put_text(&fields, "name", address.rank < phase->rank_count ? name : NULL);
    put_count(&fields, "rank", true, address.rank);
    put_count(&fields, "virtual_node", true, address.virtual_node);
    put_text(&fields, "id", chord_id_format(changed->member.id, run->options->id_bits, id));
    put_count(&fields, "incarnation", true, changed->member.incarnation);
    return finished(&fields);
}

static json_t *members_json(const struct result_run *run, const struct result_phase *phase,
                            const struct result_change *change) {
    json_t *array = json_array();
    for (uint32_t i = 0; !change->refused && i < change->change.member_count; i++) {
        if (json_array_append_new(array, member_json(run, phase, &change->members[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *change_json(const struct result_run *run, const struct result_phase *phase,
                           const struct result_change *told) {
    const struct chord_change *change = &told->change;
    const bool made = !told->refused;
    const bool settled = made && told->settled;
    const bool rated = made && phase->verdict.valid;
    struct fields fields = {.object = json_object()};
    put_text(&fields, "trigger", told->trigger);
    put_count(&fields, "at_ns", true, told->at_ns);
    put(&fields, "refused", json_boolean(told->refused));
    put_text(&fields, "refusal_reason", made ? NULL : told->reason);
    put(&fields, "members", members_json(run, phase, told));
    put_count(&fields, "epoch", made, change->epoch);
    put_count(&fields, "attempt_count", made, change->attempt_count);
    put_count(&fields, "arc_count", made, change->arc_count);
    put_count(&fields, "moved_pair_count", made, change->pair_count);
    put_count(&fields, "moved_pair_bytes", made, change->pair_bytes);
    put_count(&fields, "expected_pair_count", made, told->expected_pair_count);
    put(&fields, "expected_is_exact", made ? json_boolean(told->expected_is_exact) : json_null());
    put_count(&fields, "unanswered_pair_count", made, told->unanswered_pair_count);
    put_count(&fields, "message_count", made, change->message_count);
    put_count(&fields, "started_ns", made, change->started_ticks);
    put_count(&fields, "ended_ns", made, change->ended_ticks);
    put_count(&fields, "wedged_ns_max", made, change->wedged_ticks_max);
    put_count(&fields, "wedged_ns_sum", made, change->wedged_ticks_sum);
    put(&fields, "settled", made ? json_boolean(told->settled) : json_null());
    put_count(&fields, "settled_epoch", settled, told->routing.epoch);
    put_count(&fields, "settled_after_ns", settled, told->routing.ticks);
    put_count(&fields, "routing_message_count", settled, told->routing.message_count);
    put_rate(&fields, "throughput_before_per_second", rated, told->throughput_before);
    put_rate(&fields, "throughput_during_per_second", rated, told->throughput_during);
    put_rate(&fields, "throughput_after_per_second", rated, told->throughput_after);
    return finished(&fields);
}

json_t *changes_json(const struct result_run *run, const struct result_phase *phase) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < phase->change_count; i++) {
        if (json_array_append_new(array, change_json(run, phase, &phase->changes[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *changes_timeline_json(const struct result_phase *phase) {
    if (phase->change_count == 0 || !phase->verdict.valid) {
        return json_null();
    }
    struct fields fields = {.object = json_object()};
    json_t *counts = json_array();
    const size_t slice_count = timeline_slice_count(&phase->timeline);
    for (size_t i = 0; i < slice_count; i++) {
        fields.failed |=
            json_array_append_new(counts, json_integer((json_int_t)phase->timeline.counts[i])) != 0;
    }
    put_count(&fields, "slice_ns", true, timeline_width_ns(&phase->timeline));
    put(&fields, "answered_counts", counts);
    return finished(&fields);
}
