#include "app/report/changes.h"

#include "app/report/fields.h"
#include "app/report/summary.h"

#include <jansson.h>

static const char *command_name(enum chord_command what) {
    static const char *const names[CHORD_COMMAND_COUNT] = {[CHORD_COMMAND_JOIN] = "join",
                                                           [CHORD_COMMAND_DEPART] = "depart",
                                                           [CHORD_COMMAND_EXCLUDE] = "exclude"};
    return (unsigned)what < CHORD_COMMAND_COUNT ? names[what] : "?";
}

static json_t *member_json(const struct result_run *run, const struct result_phase *phase,
                           const struct chord_change_member *changed) {
    const struct chord_address address = changed->member.address;
    struct fields fields = fields_begin();
    char id[CHORD_ID_TEXT_SIZE], name[SUMMARY_NAME_SIZE];
    fields_put_text(&fields, "change", command_name(changed->what));
    fields_put_text(&fields, "name", summary_node_name(phase, address, name));
    fields_put_count(&fields, "rank", true, address.rank);
    fields_put_count(&fields, "virtual_node", true, address.virtual_node);
    fields_put_text(&fields, "id", chord_id_format(changed->member.id, run->options->id_bits, id));
    fields_put_count(&fields, "incarnation", true, changed->member.incarnation);
    return fields_finished(&fields);
}

static json_t *members_json(const struct result_run *run, const struct result_phase *phase,
                            const struct result_change *change) {
    json_t *array = json_array();
    for (uint32_t i = 0; !change->refused && i < change->change.member_count; i++) {
        if (!fields_append(array, member_json(run, phase, &change->members[i]))) {
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
    struct fields fields = fields_begin();
    fields_put_text(&fields, "trigger", told->trigger);
    fields_put_count(&fields, "at_ns", true, told->at_ns);
    fields_put_bool(&fields, "refused", true, told->refused);
    fields_put_text(&fields, "refusal_reason", made ? NULL : told->reason);
    fields_put(&fields, "members", members_json(run, phase, told));
    fields_put_count(&fields, "epoch", made, change->epoch);
    fields_put_count(&fields, "attempt_count", made, change->attempt_count);
    fields_put_count(&fields, "arc_count", made, change->arc_count);
    fields_put_count(&fields, "moved_pair_count", made, change->pair_count);
    fields_put_count(&fields, "moved_pair_bytes", made, change->pair_bytes);
    fields_put_count(&fields, "expected_pair_count", made, told->expected_pair_count);
    fields_put_bool(&fields, "expected_is_exact", made, told->expected_is_exact);
    fields_put_count(&fields, "unanswered_pair_count", made, told->unanswered_pair_count);
    fields_put_count(&fields, "message_count", made, change->message_count);
    fields_put_count(&fields, "started_ns", made, change->started_ticks);
    fields_put_count(&fields, "ended_ns", made, change->ended_ticks);
    fields_put_count(&fields, "wedged_ns_max", made, change->wedged_ticks_max);
    fields_put_count(&fields, "wedged_ns_sum", made, change->wedged_ticks_sum);
    fields_put_bool(&fields, "settled", made, told->settled);
    fields_put_count(&fields, "settled_epoch", settled, told->routing.epoch);
    fields_put_count(&fields, "settled_after_ns", settled, told->routing.ticks);
    fields_put_count(&fields, "routing_message_count", settled, told->routing.message_count);
    fields_put_rate(&fields, "throughput_before_per_second", rated, told->throughput_before);
    fields_put_rate(&fields, "throughput_during_per_second", rated, told->throughput_during);
    fields_put_rate(&fields, "throughput_after_per_second", rated, told->throughput_after);
    return fields_finished(&fields);
}

json_t *changes_json(const struct result_run *run, const struct result_phase *phase) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < phase->change_count; i++) {
        if (!fields_append(array, change_json(run, phase, &phase->changes[i]))) {
            return NULL;
        }
    }
    return array;
}

json_t *changes_timeline_json(const struct result_phase *phase) {
    if ((phase->change_count == 0 && phase->fault_count == 0) || !phase->verdict.valid) {
        return json_null();
    }
    struct fields fields = fields_begin();
    json_t *counts = json_array();
    const size_t slice_count = timeline_slice_count(&phase->timeline);
    for (size_t i = 0; i < slice_count; i++) {
        fields.failed |=
            json_array_append_new(counts, json_integer((json_int_t)phase->timeline.counts[i])) != 0;
    }
    fields_put_count(&fields, "slice_ns", true, timeline_width_ns(&phase->timeline));
    fields_put(&fields, "answered_counts", counts);
    return fields_finished(&fields);
}
