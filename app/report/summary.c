#include "app/report/summary.h"

#include "chord/base/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t summary_answered_count(const struct result_phase *phase, enum chord_operation_kind kind) {
    uint64_t count = 0;
    for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
        count += outcome == CHORD_UNKNOWN ? 0 : phase->metrics.outcomes[kind][outcome];
    }
    return count;
}

double summary_throughput_per_second(const struct result_phase *phase) {
    if (!phase->verdict.valid) {
        return NAN;
    }
    uint64_t answered = 0;
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        answered += summary_answered_count(phase, kind);
    }
    return (double)answered * 1e9 / (double)(phase->elapsed_ns > 0 ? phase->elapsed_ns : 1);
}

uint64_t summary_action_count(const struct result_generated *generated) {
    uint64_t count = 0;
    for (unsigned action = 0; action < MIX_ACTION_COUNT; action++) {
        count += action == MIX_READ_MODIFY_WRITE ? 0 : generated->actions[action].latency_ns.count;
    }
    /* Its read and its update were counted each. */
    return count - generated->actions[MIX_READ_MODIFY_WRITE].latency_ns.count;
}

double summary_actions_per_second(const struct result_phase *phase) {
    const double count = (double)summary_action_count(phase->generated);
    return phase->verdict.valid ? count * 1e9 / (double)(phase->elapsed_ns > 0 ? phase->elapsed_ns : 1) : NAN;
}

struct summary_row summary_make(const struct result_phase *phase, double *throughputs_per_second,
                                size_t count) {
    struct summary_row row = {.index = phase->index, .type = phase->type, .file = phase->file};
    size_t valid_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(throughputs_per_second[i])) {
            row.wrong_repetition_count++;
        } else {
            throughputs_per_second[valid_count++] = throughputs_per_second[i];
        }
    }
    row.throughput_per_second = statistics_compute(throughputs_per_second, valid_count);
    row.detection_ns = statistics_compute(throughputs_per_second, 0);
    row.outage_ns = row.detection_ns;
    return row;
}

enum chord_status summary_add_faults(struct summary_row *row, const struct summary_fault *faults, size_t count) {
    double *detections = malloc((count + 1) * sizeof *detections);
    double *outages = malloc((count + 1) * sizeof *outages);
    size_t detection_count = 0, outage_count = 0;
    if (detections == NULL || outages == NULL) {
        free(detections);
        free(outages);
        return CHORD_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        if (faults[i].phase_index != row->index) {
            continue;
        }
        row->fault_count++;
        if (!isnan(faults[i].detection_ns)) {
            detections[detection_count++] = faults[i].detection_ns;
        }
        if (!isnan(faults[i].outage_ns)) {
            outages[outage_count++] = faults[i].outage_ns;
        }
    }
    row->detection_ns = statistics_compute(detections, detection_count);
    row->outage_ns = statistics_compute(outages, outage_count);
    free(detections);
    free(outages);
    return CHORD_OK;
}

static double after_injection(const struct result_fault *fault, uint64_t at_ns) {
    if (!fault->is_ours || fault->refused || at_ns == RESULT_NEVER) {
        return NAN;
    }
    return at_ns > fault->injected_ns ? (double)(at_ns - fault->injected_ns) : 0;
}

double summary_detection_ns(const struct result_fault *fault) {
    return after_injection(fault, fault->detected_ns);
}

double summary_outage_ns(const struct result_fault *fault) {
    return after_injection(fault, fault->committed_ns);
}

bool summary_is_false_suspicion(const struct result_fault *fault) {
    return fault->detected_ns != RESULT_NEVER && fault->heard_again_ns != RESULT_NEVER;
}

char *summary_node_name(const struct result_phase *phase, struct chord_address address, char text[SUMMARY_NAME_SIZE]) {
    if (address.rank >= phase->rank_count) {
        return NULL;
    }
    const char *host = phase->ranks[address.rank].host;
    if (address.virtual_node == 0) {
        (void)snprintf(text, SUMMARY_NAME_SIZE, "%.63s:%u", host, address.rank);
    } else {
        (void)snprintf(text, SUMMARY_NAME_SIZE, "%.63s:%u#%u", host, address.rank, address.virtual_node);
    }
    return text;
}

char *summary_losses_text(const struct result_phase *phase, unsigned id_bits, char text[RESULT_TEXT_SIZE]) {
    chord_check(phase->loss_count > 0);
    const struct chord_loss *first = &phase->losses[0];
    char start[CHORD_ID_TEXT_SIZE], end[CHORD_ID_TEXT_SIZE], name[SUMMARY_NAME_SIZE];
    (void)chord_id_format(first->start, id_bits, start);
    (void)chord_id_format(first->end, id_bits, end);
    const char *holder = summary_node_name(phase, first->holder.address, name);
    holder = holder != NULL ? holder : "a rank that is gone";
    if (phase->loss_count == 1) {
        (void)snprintf(text, RESULT_TEXT_SIZE, "the arc (%s, %s], whose only copy was %s's", start, end, holder);
    } else {
        (void)snprintf(text, RESULT_TEXT_SIZE, "%u arcs, the first (%s, %s], whose only copy was %s's", phase->loss_count,
                       start, end, holder);
    }
    return text;
}

const char *summary_phase_name(enum options_phase_type type) {
    switch (type) {
    case OPTIONS_PHASE_INSERT:
        return "insert";
    case OPTIONS_PHASE_QUERY:
        return "query";
    case OPTIONS_PHASE_DELETE:
        return "delete";
    case OPTIONS_PHASE_MIX:
        return "mix";
    }
    chord_check(!"a phase type");
    return "?";
}

const char *summary_kind_name(enum chord_operation_kind kind) {
    static const char *const names[CHORD_OPERATION_KIND_COUNT] = {
        [CHORD_INSERT] = "insert", [CHORD_QUERY] = "query", [CHORD_DELETE] = "delete"};
    chord_check((unsigned)kind < CHORD_OPERATION_KIND_COUNT);
    return names[kind];
}

const char *summary_outcome_name(enum chord_outcome outcome) {
    static const char *const names[CHORD_OUTCOME_COUNT] = {
        [CHORD_INSERTED] = "inserted", [CHORD_UPDATED] = "updated", [CHORD_FOUND] = "found",
        [CHORD_ABSENT] = "absent",     [CHORD_DELETED] = "deleted", [CHORD_UNKNOWN] = "unknown"};
    chord_check((unsigned)outcome < CHORD_OUTCOME_COUNT);
    return names[outcome];
}

double summary_overhead_bytes_per_copy(const struct result_phase *phase) {
    double bytes = 0;
    double copies = 0;
    for (uint32_t i = 0; i < phase->rank_count; i++) {
        bytes += (double)phase->ranks[i].pair_bytes;
    }
    for (uint32_t i = 0; i < phase->node_count; i++) {
        bytes -= (double)phase->nodes[i].stored_bytes;
        copies += (double)phase->nodes[i].owned_pair_count + (double)phase->nodes[i].replica_pair_count;
    }
    return copies > 0 ? bytes / copies : NAN;
}

uint64_t summary_owned_pair_count(const struct result_phase *phase, uint32_t rank) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < phase->node_count; i++) {
        count += phase->nodes[i].member.address.rank == rank ? phase->nodes[i].owned_pair_count : 0;
    }
    return count;
}

uint32_t summary_member_count(const struct result_phase *phase, uint32_t rank) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < phase->node_count; i++) {
        count += phase->nodes[i].member.address.rank == rank && !phase->nodes[i].is_spare;
    }
    return count;
}

_Static_assert(OPTIONS_VIRTUAL_NODES_MAX <= BALANCE_VIRTUAL_NODES_MAX, "the closed form covers every run");

struct balance summary_keys_per_node(const struct result_phase *phase) {
    uint64_t *counts = calloc(phase->node_count + 1u, sizeof *counts);
    chord_check(counts != NULL);
    size_t count = 0;
    for (uint32_t i = 0; i < phase->node_count; i++) {
        if (!phase->nodes[i].is_spare) {
            counts[count++] = phase->nodes[i].owned_pair_count;
        }
    }
    const struct balance balance = balance_compute(counts, count, 1);
    free(counts);
    return balance;
}

struct balance summary_keys_per_rank(const struct result_phase *phase, uint32_t virtual_nodes) {
    uint64_t *counts = calloc(phase->rank_count + 1u, sizeof *counts);
    bool *present = calloc(phase->rank_count + 1u, sizeof *present);
    chord_check(counts != NULL && present != NULL);
    for (uint32_t i = 0; i < phase->node_count; i++) {
        const uint32_t rank = phase->nodes[i].member.address.rank;
        chord_check(rank < phase->rank_count);
        counts[rank] += phase->nodes[i].owned_pair_count;
        present[rank] |= !phase->nodes[i].is_spare;
    }
    size_t count = 0;
    for (uint32_t rank = 0; rank < phase->rank_count; rank++) {
        if (present[rank]) {
            counts[count++] = counts[rank];
        }
    }
    const struct balance balance = balance_compute(counts, count, virtual_nodes);
    free(counts);
    free(present);
    return balance;
}
