#include "app/report/summary.h"

#include "chord/base/check.h"

#include <math.h>
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
    return row;
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
