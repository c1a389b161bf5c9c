/* What a phase comes to: its throughput, and the statistics of its repetitions. Table and record both take it from
 * here. */
#ifndef APP_REPORT_SUMMARY_H
#define APP_REPORT_SUMMARY_H

#include "app/measure/balance.h"
#include "app/report/result.h"
#include "app/report/statistics.h"
#include "chord/base/status.h"

/* One phase of the run over its repetitions, warm-up left out. */
struct summary_row {
    uint32_t index; /* of the phase */
    enum options_phase_type type;
    const char *file;                         /* borrowed */
    uint64_t wrong_repetition_count;          /* if above 0, no throughput is published */
    struct statistics throughput_per_second;  /* of the valid repetitions */
    uint64_t fault_count;            /* in all repetitions, refused ones not counted */
    struct statistics detection_ns;  /* of those of which it is known */
    struct statistics outage_ns;
};

/* What the summary keeps of a fault. */
struct summary_fault {
    uint32_t phase_index;
    double detection_ns; /* as below; NaN: not known */
    double outage_ns;
};

#define SUMMARY_NAME_SIZE 96u

/* Answered operations (unknown ones are not) per second of the timed part, which counts as 1 ns if it was shorter; NaN if
 * the phase is not valid. */
double summary_throughput_per_second(const struct result_phase *phase);

/* Of a generated phase, where a read and its update are one operation: how many were answered, and per second of the timed
 * part; NaN if the phase is not valid. */
uint64_t summary_action_count(const struct result_generated *generated);
double summary_actions_per_second(const struct result_phase *phase);

/* Operations of one kind that were answered: every outcome but CHORD_UNKNOWN. */
uint64_t summary_answered_count(const struct result_phase *phase, enum chord_operation_kind kind);

/* Makes a row of the repetitions of one phase, given by their throughputs as above: a NaN counts as a wrong repetition.
 * The array is reordered. `phase` is any of the repetitions; its file is borrowed. The row has no faults yet. */
struct summary_row summary_make(const struct result_phase *phase, double *throughputs_per_second, size_t count);

/* Fills in the row's figures of faults, from all faults of the run. CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status summary_add_faults(struct summary_row *row, const struct summary_fault *faults,
                                                      size_t count);

/* From the moment when a rank was told to fail to that when it was suspected; to that when every one of its arcs could be
 * written again, with all its copies. NaN if it didn't come to that, or nobody knows when the rank failed. */
double summary_detection_ns(const struct result_fault *fault);
double summary_outage_ns(const struct result_fault *fault);

/* Suspected, and heard again later. */
bool summary_is_false_suspicion(const struct result_fault *fault);

/* "host:3", "host:3#1" for a node that isn't its rank's first. Returns text, or NULL if there is no such rank. */
char *summary_node_name(const struct result_phase *phase, struct chord_address address, char text[SUMMARY_NAME_SIZE]);

/* Which arcs are lost, in a line: "the arc (0x10, 0x20], whose only copy was host:3's"; of several, how many and the first.
 * There is one at least. Returns text. */
char *summary_losses_text(const struct result_phase *phase, unsigned id_bits, char text[RESULT_TEXT_SIZE]);

/* Static texts: "insert", "query", "delete", "mix"; kinds of operations; outcomes ("inserted"...). */
const char *summary_phase_name(enum options_phase_type type);
const char *summary_kind_name(enum chord_operation_kind kind);
const char *summary_outcome_name(enum chord_outcome outcome);

/* Bytes that the core takes for one stored copy of a pair beside its key and value: (pair_bytes of all ranks less
 * stored_bytes of all nodes) / copies, replicas counted; NaN without copies. */
double summary_overhead_bytes_per_copy(const struct result_phase *phase);

/* Pairs that a rank's nodes own, copies for others not counted. */
uint64_t summary_owned_pair_count(const struct result_phase *phase, uint32_t rank);

/* How many of a rank's nodes are in the ring. */
uint32_t summary_member_count(const struct result_phase *phase, uint32_t rank);

/* Keys owned by each node in the ring, and by each rank that has a node in the ring, with virtual_nodes (1..64) nodes a rank. */
struct balance summary_keys_per_node(const struct result_phase *phase);
struct balance summary_keys_per_rank(const struct result_phase *phase, uint32_t virtual_nodes);

#endif
