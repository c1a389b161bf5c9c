#include "app/report/generated.h"

#include "app/report/fields.h"
#include "app/report/summary.h"

#include <jansson.h>

static json_t *mix_json(const struct mix *mix) {
    struct fields fields = fields_begin();
    for (unsigned action = 0; action < MIX_ACTION_COUNT; action++) {
        fields_put_count(&fields, mix_action_name((enum mix_action)action), true, mix->percent[action]);
    }
    return fields_finished(&fields);
}

static json_t *action_json(const struct result_phase *phase, enum mix_action action, generated_latency *latency,
                           void *context) {
    const struct action_metrics *metrics = &phase->generated->actions[action];
    const bool valid = phase->verdict.valid;
    struct fields fields = fields_begin();
    fields_put_count(&fields, "present_count", true, metrics->present_count);
    fields_put_count(&fields, "absent_count", true, metrics->absent_count);
    fields_put_count(&fields, "unknown_count", true, metrics->unknown_count);
    fields_put(&fields, "latency_ns", valid ? latency(context, &metrics->latency_ns) : json_null());
    fields_put(&fields, "intended_latency_ns",
               valid && phase->generated->rate > 0 ? latency(context, &metrics->intended_ns) : json_null());
    return fields_finished(&fields);
}

static json_t *actions_json(const struct result_phase *phase, generated_latency *latency, void *context) {
    struct fields fields = fields_begin();
    for (unsigned action = 0; action < MIX_ACTION_COUNT; action++) {
        fields_put(&fields, mix_action_name((enum mix_action)action),
                   action_json(phase, (enum mix_action)action, latency, context));
    }
    return fields_finished(&fields);
}

struct json_t *generated_json(const struct result_phase *phase, generated_latency *latency, void *context) {
    const struct result_generated *generated = phase->generated;
    if (generated == NULL) {
        return json_null();
    }
    const bool draws = !generated->loads;
    struct fields fields = fields_begin();
    fields_put_bool(&fields, "loads", true, generated->loads);
    fields_put_text(&fields, "workload", draws ? generated->workload : NULL);
    fields_put(&fields, "mix_percent", draws ? mix_json(&generated->mix) : json_null());
    fields_put_text(&fields, "distribution", draws ? distribution_name(generated->distribution) : NULL);
    fields_put_count(&fields, "record_count", true, generated->record_count);
    fields_put_count(&fields, "operation_count_asked", generated->operation_count != OPTIONS_OPERATIONS_UNBOUNDED,
                     generated->operation_count);
    fields_put_count(&fields, "time_ns", generated->time_ns > 0, generated->time_ns);
    fields_put_count(&fields, "rate_per_second", generated->rate > 0, generated->rate);
    fields_put_count(&fields, "due_count", generated->rate > 0 && generated->time_ns > 0,
                     (uint64_t)((double)generated->rate * (double)generated->time_ns / 1e9));
    fields_put_count(&fields, "key_bytes", true, generated->key_size);
    fields_put_count(&fields, "value_bytes", true, generated->value_size);
    fields_put_count(&fields, "operation_count", true, summary_action_count(generated));
    fields_put_rate(&fields, "operations_per_second", phase->verdict.valid, summary_actions_per_second(phase));
    fields_put(&fields, "actions", actions_json(phase, latency, context));
    fields_put(&fields, "lag_records", generated->lag->count > 0 ? latency(context, generated->lag) : json_null());
    return fields_finished(&fields);
}
