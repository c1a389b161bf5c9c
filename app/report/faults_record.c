#include "app/report/faults.h"

#include "app/report/fields.h"
#include "app/report/summary.h"

#include <jansson.h>
#include <math.h>

static void put_time(struct fields *fields, const char *name, uint64_t at_ns) {
    fields_put_count(fields, name, at_ns != RESULT_NEVER, at_ns);
}

static void put_duration(struct fields *fields, const char *name, double ns) {
    fields_put_count(fields, name, !isnan(ns), isnan(ns) ? 0 : (uint64_t)ns);
}

static void put_impact(struct fields *fields, bool applies, const struct impact *impact) {
    fields_put_count(fields, "waited_operation_count", applies, impact->waited_count);
    fields_put_count(fields, "retried_operation_count", applies, impact->retried_count);
    fields_put_count(fields, "unknown_operation_count", applies, impact->unknown_count);
}

static json_t *throughputs_json(const struct result_fault *fault) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < fault->throughput_count; i++) {
        const double rate = fault->throughputs[i];
        if (!fields_append(array, isfinite(rate) && rate >= 0 ? json_real(rate) : json_null())) {
            return NULL;
        }
    }
    return array;
}

static json_t *fault_json(const struct result_phase *phase, const struct result_fault *fault) {
    const bool happened = !fault->refused;
    const bool excluded = happened && fault->excluded_node_count > 0;
    const bool rated = happened && phase->verdict.valid;
    struct fields fields = fields_begin();
    char name[SUMMARY_NAME_SIZE];
    fields_put_text(&fields, "trigger", fault->trigger[0] == '\0' ? NULL : fault->trigger);
    fields_put_count(&fields, "rank", true, fault->rank);
    fields_put_text(&fields, "name", summary_node_name(phase, (struct chord_address){.rank = fault->rank}, name));
    fields_put_text(&fields, "kind", fault->is_ours ? crash_kind_name(fault->crash.kind) : NULL);
    fields_put_count(&fields, "pause_ns", fault->is_ours && fault->crash.kind == CRASH_PAUSE, fault->crash.pause_ns);
    fields_put_bool(&fields, "refused", true, fault->refused);
    fields_put_text(&fields, "refusal_reason", happened ? NULL : fault->reason);
    put_time(&fields, "injected_ns", fault->injected_ns);
    put_time(&fields, "heard_last_ns", fault->heard_last_ns);
    put_time(&fields, "detected_ns", fault->detected_ns);
    put_time(&fields, "committed_ns", fault->committed_ns);
    put_time(&fields, "heard_again_ns", fault->heard_again_ns);
    put_time(&fields, "rejoined_ns", fault->rejoined_ns);
    fields_put_bool(&fields, "false_suspicion", happened, summary_is_false_suspicion(fault));
    put_duration(&fields, "detected_after_ns", summary_detection_ns(fault));
    /* An arc is written again only when all its copies are there: see result_fault. */
    put_duration(&fields, "writable_after_ns", summary_outage_ns(fault));
    put_duration(&fields, "copies_after_ns", summary_outage_ns(fault));
    fields_put_count(&fields, "epoch", excluded, fault->epoch);
    fields_put_count(&fields, "attempt_count", excluded, fault->attempt_count);
    fields_put_count(&fields, "excluded_node_count", happened, fault->excluded_node_count);
    fields_put_count(&fields, "rejoined_node_count", happened, fault->rejoined_node_count);
    fields_put_count(&fields, "copied_pair_count", excluded, fault->pair_count);
    fields_put_count(&fields, "copied_pair_bytes", excluded, fault->pair_bytes);
    fields_put_count(&fields, "wedged_ns_max", excluded, fault->wedged_ns_max);
    put_impact(&fields, happened, &fault->impact);
    fields_put_count(&fields, "throughput_start_ns", rated, fault->throughput_start_ns);
    fields_put(&fields, "throughput_per_100_ms_per_second", rated ? throughputs_json(fault) : json_null());
    return fields_finished(&fields);
}

json_t *faults_json(const struct result_phase *phase) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < phase->fault_count; i++) {
        if (!fields_append(array, fault_json(phase, &phase->faults[i]))) {
            return NULL;
        }
    }
    return array;
}

static json_t *loss_json(const struct result_run *run, const struct result_phase *phase, const struct chord_loss *loss) {
    struct fields fields = fields_begin();
    char id[CHORD_ID_TEXT_SIZE], name[SUMMARY_NAME_SIZE];
    fields_put_text(&fields, "after", chord_id_format(loss->start, run->options->id_bits, id));
    fields_put_text(&fields, "end", chord_id_format(loss->end, run->options->id_bits, id));
    fields_put_text(&fields, "holder", summary_node_name(phase, loss->holder.address, name));
    fields_put_count(&fields, "holder_rank", true, loss->holder.address.rank);
    fields_put_count(&fields, "holder_virtual_node", true, loss->holder.address.virtual_node);
    return fields_finished(&fields);
}

json_t *faults_losses_json(const struct result_run *run, const struct result_phase *phase) {
    json_t *array = json_array();
    for (uint32_t i = 0; i < phase->loss_count; i++) {
        if (!fields_append(array, loss_json(run, phase, &phase->losses[i]))) {
            return NULL;
        }
    }
    return array;
}
