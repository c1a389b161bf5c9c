#include "app/report/table.h"

#include "app/report/build_info.h"
#include "app/report/cache.h"
#include "app/report/changes.h"
#include "app/report/faults.h"
#include "app/report/generated.h"
#include "app/report/text.h"

#include <math.h>
#include <string.h>

#define GREEN "\033[1;32m"
#define RED "\033[1;31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

/* Room for a file's name with every byte escaped; longer ones are cut. */
#define NAME_SIZE 1024u

static const char *code(bool color, const char *sequence) {
    return color ? sequence : "";
}

static const char *plural(uint64_t count) {
    return count == 1 ? "" : "s";
}

static const char *consistency_name(const struct options *options) {
    return options->consistency == CHORD_EVENTUAL ? "eventual" : "linearizable";
}

static const char *routing_name(const struct options *options) {
    return options->routing == CHORD_ROUTING_RING     ? "ring"
           : options->routing == CHORD_ROUTING_ONEHOP ? "onehop"
                                                      : "finger";
}

/* --- The header
 * ------------------------------------------------------------------------------------------------- */

void table_print_header(FILE *stream, const struct result_run *run, bool color) {
    const struct options *options = run->options;
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE];
    char machine[NAME_SIZE], library[NAME_SIZE];
    (void)text_escape(run->machine, true, machine, sizeof machine);
    (void)text_escape(run->mpi_library, true, library, sizeof library);
    library[strcspn(library, ",")] =
        '\0'; /* Open MPI goes on with its packager and its date; the record has it all */

    fprintf(stream, "%schord-kv %s%s (%s, %s, %s)\n", code(color, BOLD), build_info.version,
            code(color, PLAIN), build_info.commit, build_info.build_type, build_info.compiler);
    fprintf(stream, "  %s rank%s", text_count(run->rank_count, a), plural(run->rank_count));
    if (options->virtual_nodes > 1) {
        fprintf(stream, " with %s nodes each", text_count(options->virtual_nodes, a));
    }
    fprintf(stream, " on %s host%s, ", text_count(run->host_count, b), plural(run->host_count));
    fprintf(stream, "%s ranks per core (%s); %s; %s\n", text_decimal(run->ranks_per_core, 2, a), run->waiting,
            machine, library);
    if (options->initial_nodes != OPTIONS_INITIAL_NODES_ALL && options->initial_nodes < run->rank_count) {
        fprintf(stream, "  the nodes of %s rank%s form the ring, the others are spares\n",
                text_count(options->initial_nodes, a), plural(options->initial_nodes));
    }
    fprintf(stream, "  %s, k = %s", consistency_name(options), text_count(options->replicas, a));
    if (options->replicas > run->rank_count) {
        fprintf(stream, " (all %s)", text_count(run->rank_count, a));
    }
    fprintf(stream, ", %s routing", routing_name(options));
    if (options->routing == CHORD_ROUTING_FINGER) {
        fprintf(stream, options->route_successors ? " and %u successors" : " (successor list of %u)",
                options->successors);
    }
    if (options->cache > 0) {
        fprintf(stream, ", each rank caches %s owner%s", text_count(options->cache, a), plural(options->cache));
    }
    fprintf(stream, ", %u-bit ids; ", options->id_bits);
    if (options->mode == OPTIONS_MODE_SERIAL) {
        fputs("serial", stream);
        if (options->via != OPTIONS_VIA_NONE) {
            fprintf(stream, ", entering at rank %u", options->via);
        }
    } else {
        fprintf(stream, "parallel, window %s", text_count(options->window, a));
    }
    fprintf(stream, "; seed %llu; %s repetition%s", (unsigned long long)options->seed,
            text_count(options->repetitions, a), plural(options->repetitions));
    if (options->warmup > 0) {
        fprintf(stream, " after %s to warm up", text_count(options->warmup, a));
    }
    fprintf(stream, "\n  ring formed in %s with %s message%s; a rank's messages take at most %s",
            text_duration((double)run->formation_ns, a), text_count(run->formation_messages, b),
            plural(run->formation_messages),
            text_bytes((double)run->message_bound_bytes, (char[TEXT_NUMBER_SIZE]){0}));
    if (run->clock_offset_ns_max > 0) {
        fprintf(stream, "; the hosts' clocks agree within %s",
                text_duration((double)run->clock_offset_ns_max, a));
    }
    fputc('\n', stream);
    if (options->forge != OPTIONS_FORGE_NONE) {
        fprintf(stream, "  %sFORGED%s: the results are falsified on purpose (--forge), to test the verdict\n",
                code(color, RED), code(color, PLAIN));
    }
}

/* --- One phase: the verdict
 * --------------------------------------------------------------------------------------- */

static void print_bad_verdict(FILE *stream, const struct result_run *run, const struct result_phase *phase, bool color) {
    /* Four characters for each byte, at worst. */
    char text[RESULT_TEXT_SIZE], escaped[4 * RESULT_TEXT_SIZE], a[TEXT_NUMBER_SIZE];
    if (phase->loss_count > 0) {
        (void)text_escape(summary_losses_text(phase, run->options->id_bits, text), true, escaped, sizeof escaped);
        fprintf(stream, "  %sDATA LOST%s: %s\n", code(color, RED), code(color, PLAIN), escaped);
    }
    if (phase->verdict.wrong_count > 0 || phase->loss_count == 0) {
        (void)text_escape(phase->verdict.first_wrong, true, escaped, sizeof escaped);
        fprintf(stream, "  %sWRONG%s: %s wrong", code(color, RED), code(color, PLAIN),
                text_count(phase->verdict.wrong_count, a));
        fprintf(stream, "%s%s\n", escaped[0] == '\0' ? "" : ", the first: ", escaped);
    }
}

static void print_verdict(FILE *stream, const struct result_run *run, const struct result_phase *phase, bool color) {
    const struct result_verdict *verdict = &phase->verdict;
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE];
    if (!verdict->valid) {
        print_bad_verdict(stream, run, phase, color);
        return;
    }
    fprintf(stream, "  %sVALID%s: ", code(color, GREEN), code(color, PLAIN));
    if (verdict->checked_by_model_count > 0) {
        fprintf(stream, "%s answer%s compared with the model, ",
                text_count(verdict->checked_by_model_count, a), plural(verdict->checked_by_model_count));
    }
    fprintf(stream, "%s judged by T1", text_count(verdict->judged.operation_count, a));
    if (phase->segment_count > 1) {
        fprintf(stream, " in %s segments", text_count(phase->segment_count, a));
    }
    fputs(", ", stream);
    if (verdict->judged.unknown_count > 0) {
        fprintf(stream, "%s without an answer, ", text_count(verdict->judged.unknown_count, a));
    }
    if (!verdict->copies_valid) {
        fputs("the copies not compared", stream);
    } else if (verdict->pair_count == 0) {
        fputs("no pair stored", stream);
    } else if (verdict->copies_per_pair == 1) {
        fprintf(stream, "one copy of %s pair%s on the right node%s", text_count(verdict->pair_count, a),
                plural(verdict->pair_count), plural(verdict->pair_count));
    } else {
        fprintf(stream, "%s identical copies of %s pair%s on the right nodes",
                text_count(verdict->copies_per_pair, a), text_count(verdict->pair_count, b),
                plural(verdict->pair_count));
    }
    if (run->options->forge != OPTIONS_FORGE_NONE) {
        fputs(" (FORGED, and not found out)", stream);
    }
    fputc('\n', stream);
}

/* --- One phase: its parts
 * ----------------------------------------------------------------------------------------- */

static uint64_t kind_count(const struct metrics *metrics, unsigned kind) {
    uint64_t count = 0;
    for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
        count += metrics->outcomes[kind][outcome];
    }
    return count;
}

static bool outcome_occurs(const struct metrics *metrics, unsigned outcome) {
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        if (metrics->outcomes[kind][outcome] > 0) {
            return true;
        }
    }
    return false;
}

static void print_operations(FILE *stream, const struct metrics *metrics) {
    char a[TEXT_NUMBER_SIZE];
    struct text_grid grid = {.left = {true}};
    text_grid_row(&grid);
    text_grid_cell(&grid, "operations");
    text_grid_cell(&grid, "all");
    for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
        if (outcome_occurs(metrics, outcome)) {
            text_grid_cell(&grid, "%s", summary_outcome_name(outcome));
        }
    }
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        if (kind_count(metrics, kind) == 0) {
            continue;
        }
        text_grid_row(&grid);
        text_grid_cell(&grid, "%s", summary_kind_name(kind));
        text_grid_cell(&grid, "%s", text_count(kind_count(metrics, kind), a));
        for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
            if (outcome_occurs(metrics, outcome)) {
                text_grid_cell(&grid, "%s", text_count(metrics->outcomes[kind][outcome], a));
            }
        }
    }
    text_grid_print(&grid, stream, 2);
}

static void print_throughput(FILE *stream, const struct result_phase *phase) {
    char a[TEXT_NUMBER_SIZE];
    const double rate = summary_throughput_per_second(phase);
    const char *unit = phase->type == OPTIONS_PHASE_QUERY    ? "query"
                       : phase->type == OPTIONS_PHASE_INSERT ? "insert"
                       : phase->type == OPTIONS_PHASE_DELETE ? "delete"
                                                             : "operation";
    fprintf(stream, "  %s operations/second\n", text_rate(rate, a));
    fprintf(stream, "  Throughput of Chord = %.4f requests/second\n", rate);
    fprintf(stream, "  %s seconds per %s\n", rate > 0 ? text_rate(1 / rate, a) : "-", unit);
}

static void print_latency(FILE *stream, const struct metrics *metrics) {
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};
    static const char *const heads[] = {"latency", "mean", "p50", "p90", "p99", "p99.9", "max", "samples"};
    char a[TEXT_NUMBER_SIZE];
    struct text_grid grid = {.left = {true}};
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        text_grid_cell(&grid, "%s", heads[i]);
    }
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        const struct histogram *latency = &metrics->latency_ns[kind];
        if (latency->count == 0) {
            continue;
        }
        text_grid_row(&grid);
        text_grid_cell(&grid, "%s", summary_kind_name(kind));
        text_grid_cell(&grid, "%s", text_duration(histogram_mean(latency), a));
        for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
            text_grid_cell(&grid, "%s", text_duration((double)histogram_quantile(latency, quantiles[i]), a));
        }
        text_grid_cell(&grid, "%s", text_duration((double)latency->max, a));
        text_grid_cell(&grid, "%s", text_count(latency->count, a));
    }
    text_grid_print(&grid, stream, 2);
}

static void hops_row(struct text_grid *grid, const char *name, const struct hops *hops, bool path,
                     double expected, double ideal) {
    char a[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", name);
    text_grid_cell(grid, "%s", text_decimal(path ? hops_path_mean(hops) : hops_mean(hops), 3, a));
    static const double quantiles[] = {0.01, 0.5, 0.99};
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        text_grid_cell(grid, "%u",
                       path ? hops_path_quantile(hops, quantiles[i]) : hops_quantile(hops, quantiles[i]));
    }
    text_grid_cell(grid, "%s", text_decimal(expected, 3, a));
    if (ideal > 0) {
        text_grid_cell(grid, "%s", text_decimal(ideal, 3, a));
    }
}

static void print_hops(FILE *stream, const struct result_run *run, const struct result_phase *phase) {
    struct hops all = {0};
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        hops_merge(&all, &phase->metrics.hops[kind]);
    }
    if (all.count == 0) {
        return;
    }
    /* The reference's table is of owner_hops alone: the path's average would need the share of operations
     * with none. */
    const double ideal = run->options->routing == CHORD_ROUTING_FINGER ? run->ideal_owner_hops : 0;
    struct text_grid grid = {.left = {true}};
    text_grid_row(&grid);
    text_grid_cell(&grid, "hops");
    text_grid_cell(&grid, "mean");
    text_grid_cell(&grid, "p1");
    text_grid_cell(&grid, "p50");
    text_grid_cell(&grid, "p99");
    text_grid_cell(&grid, phase->expected.sampled ? "this ring (sampled)" : "this ring");
    if (ideal > 0) {
        text_grid_cell(&grid, "ideal average");
    }
    hops_row(&grid, "owner_hops", &all, false, phase->expected.mean, ideal);
    hops_row(&grid, "path_length", &all, true, phase->expected.path_mean, 0);
    text_grid_print(&grid, stream, 2);
}

/* Grows the three by one node's number. */
static void spread_add(uint64_t number, uint64_t *min, uint64_t *max, double *sum) {
    *min = number < *min ? number : *min;
    *max = number > *max ? number : *max;
    *sum += (double)number;
}

static void spread_row(struct text_grid *grid, const char *name, const struct result_phase *phase,
                       uint64_t (*number_of)(const struct result_node *)) {
    uint64_t min = UINT64_MAX, max = 0;
    double sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < phase->node_count; i++) {
        if (!phase->nodes[i].is_spare) {
            spread_add(number_of(&phase->nodes[i]), &min, &max, &sum);
            count++;
        }
    }
    char a[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", name);
    text_grid_cell(grid, "%s", text_count(min, a));
    text_grid_cell(grid, "%s", text_decimal(sum / count, 1, a));
    text_grid_cell(grid, "%s", text_count(max, a));
}

static uint64_t owned(const struct result_node *node) {
    return node->owned_pair_count;
}
static uint64_t replicas(const struct result_node *node) {
    return node->replica_pair_count;
}
static uint64_t requests(const struct result_node *node) {
    return node->requests_owned;
}
static uint64_t forwarded(const struct result_node *node) {
    return node->requests_forwarded;
}
static uint64_t routing_entries(const struct result_node *node) {
    return node->routing_entry_count;
}

static void print_nodes(FILE *stream, const struct result_run *run, const struct result_phase *phase) {
    if (phase->node_count == 0) {
        return;
    }
    struct text_grid grid = {.left = {true}};
    text_grid_row(&grid);
    text_grid_cell(&grid, "per node");
    text_grid_cell(&grid, "min");
    text_grid_cell(&grid, "mean");
    text_grid_cell(&grid, "max");
    spread_row(&grid, "keys as owner", phase, owned);
    if (run->options->replicas > 1) {
        spread_row(&grid, "keys as replica", phase, replicas);
    }
    spread_row(&grid, "requests as owner", phase, requests);
    spread_row(&grid, "requests forwarded", phase, forwarded);
    spread_row(&grid, "nodes known", phase, routing_entries);
    text_grid_print(&grid, stream, 2);
    uint32_t spare_count = 0;
    for (uint32_t i = 0; i < phase->node_count; i++) {
        spare_count += phase->nodes[i].is_spare;
    }
    char a[TEXT_NUMBER_SIZE];
    if (spare_count > 0) {
        fprintf(stream, "  of the %s nodes in the ring; %s %s not in it\n",
                text_count(phase->node_count - spare_count, a),
                text_count(spare_count, (char[TEXT_NUMBER_SIZE]){0}), spare_count == 1 ? "is" : "are");
    }
}

/* A count, or "-" where there is none to be told. */
static void balance_cell(struct text_grid *grid, bool told, uint64_t count) {
    char a[TEXT_NUMBER_SIZE];
    text_grid_cell(grid, "%s", told ? text_count(count, a) : "-");
}

/* What was found; what as many ranks (or nodes) should have; what percentiles very many of them would have, which a
 * few can't show: below 100 the percentiles that were found are the least and the greatest. */
static void balance_rows(struct text_grid *grid, const char *name, const struct balance *balance) {
    enum { FOUND, THESE, MANY, ROW_COUNT };
    const bool many = balance->count >= 100;
    char a[TEXT_NUMBER_SIZE];
    for (unsigned row = FOUND; row < ROW_COUNT; row++) {
        const bool found = row == FOUND;
        text_grid_row(grid);
        if (row == THESE) {
            text_grid_cell(grid, "  expected of %s", text_count(balance->count, a));
        } else {
            text_grid_cell(grid, "%s", found ? name : "  expected of many");
        }
        balance_cell(grid, row != MANY, found ? balance->min : balance->expected_min);
        balance_cell(grid, row == MANY || (found && many), found ? balance->p1 : balance->expected_p1);
        text_grid_cell(grid, "%s", text_decimal(balance->mean, 1, a));
        balance_cell(grid, row == MANY || (found && many), found ? balance->p99 : balance->expected_p99);
        balance_cell(grid, row != MANY, found ? balance->max : balance->expected_max);
        const double max = (double)(found ? balance->max : balance->expected_max);
        text_grid_cell(grid, "%s", text_decimal(row == MANY ? NAN : max / balance->mean, 2, a));
    }
}

/* Keys owned by ranks and nodes beside what balance.h's closed form expects. Where each rank has one node the two are
 * the same, and are told once. */
static void print_balance(FILE *stream, const struct result_run *run, const struct result_phase *phase) {
    static const char *const heads[] = {"balance", "min", "p1", "mean", "p99", "max", "max/mean"};
    const uint32_t virtual_nodes = run->options->virtual_nodes;
    const struct balance ranks = summary_keys_per_rank(phase, virtual_nodes);
    if (ranks.max == 0 || ranks.count < 2) {
        return; /* a rank alone owns everything, whatever its ids */
    }
    struct text_grid grid = {.left = {true}};
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        text_grid_cell(&grid, "%s", heads[i]);
    }
    balance_rows(&grid, "keys per rank", &ranks);
    if (virtual_nodes > 1) {
        const struct balance nodes = summary_keys_per_node(phase);
        balance_rows(&grid, "keys per node", &nodes);
    }
    text_grid_print(&grid, stream, 2);
    fputc('\n', stream);
}

static void traffic_row(struct text_grid *grid, const char *name, uint64_t messages, uint64_t bytes,
                        double operations) {
    char a[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", name);
    text_grid_cell(grid, "%s", text_count(messages, a));
    text_grid_cell(grid, "%s", text_decimal((double)messages / operations, 3, a));
    text_grid_cell(grid, "%s", text_bytes((double)bytes, a));
    text_grid_cell(grid, "%s", text_decimal((double)bytes / operations, 1, a));
}

static void print_traffic(FILE *stream, const struct result_phase *phase) {
    const struct traffic *traffic = &phase->traffic;
    const double operations = (double)phase->operation_count; /* NaN and infinite quotients show as "-" */
    uint64_t messages = 0, bytes = 0;
    struct text_grid grid = {.left = {true}};
    text_grid_row(&grid);
    text_grid_cell(&grid, "messages");
    text_grid_cell(&grid, "count");
    text_grid_cell(&grid, "per operation");
    text_grid_cell(&grid, "bytes");
    text_grid_cell(&grid, "B per operation");
    for (unsigned type = 0; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        messages += traffic->messages[type];
        bytes += traffic->bytes[type];
        if (traffic->messages[type] > 0) {
            traffic_row(&grid, chord_message_name(type), traffic->messages[type], traffic->bytes[type],
                        operations);
        }
    }
    traffic_row(&grid, "all of the protocol", messages, bytes, operations);
    traffic_row(&grid, "MPI, packed", traffic->mpi_messages, traffic->mpi_bytes, operations);
    text_grid_print(&grid, stream, 2);
    char a[TEXT_NUMBER_SIZE];
    if (traffic->self_messages > 0) {
        fprintf(stream, "  %s of the protocol's messages stayed on their rank\n",
                text_count(traffic->self_messages, a));
    }
}

static void print_memory(FILE *stream, const struct result_phase *phase) {
    const double overhead = summary_overhead_bytes_per_copy(phase);
    if (!isfinite(overhead)) {
        return;
    }
    double copies = 0, payload = 0;
    for (uint32_t i = 0; i < phase->node_count; i++) {
        copies += (double)(phase->nodes[i].owned_pair_count + phase->nodes[i].replica_pair_count);
        payload += (double)phase->nodes[i].stored_bytes;
    }
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE], c[TEXT_NUMBER_SIZE];
    fprintf(stream,
            "  memory: %s B per stored copy beside its key and value (%s copies, replicas counted, with %s B "
            "on average;\n"
            "          indexes, duplicate records and the allocator's overhead included, messages not)\n",
            text_decimal(overhead, 1, a), text_decimal(copies, 0, b), text_decimal(payload / copies, 1, c));
}

static void print_stale(FILE *stream, const struct result_phase *phase) {
    const struct judge_verdict *judged = &phase->verdict.judged;
    const uint64_t reads = summary_answered_count(phase, CHORD_QUERY);
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE], c[TEXT_NUMBER_SIZE], d[TEXT_NUMBER_SIZE];
    if (reads == 0 && judged->stale_count == 0) {
        return;
    }
    fprintf(stream, "  stale reads: %s of %s (%s %%)", text_count(judged->stale_count, a),
            text_count(reads, b),
            text_decimal(reads > 0 ? 100.0 * (double)judged->stale_count / (double)reads : NAN, 3, c));
    if (judged->stale_count > 0) {
        fprintf(stream, ", versions missed: %s on average, %s at most",
                text_decimal((double)judged->stale_missed_sum / (double)judged->stale_count, 2, c),
                text_count(judged->stale_missed_max, d));
    }
    fputc('\n', stream);
}

/* --- One phase
 * ---------------------------------------------------------------------------------------------------- */

static void print_title(FILE *stream, const struct result_run *run, const struct result_phase *phase,
                        bool color) {
    char file[NAME_SIZE], a[TEXT_NUMBER_SIZE];
    (void)text_escape(phase->file, true, file, sizeof file);
    fprintf(stream, "\n%sPhase %u: %s%s, ", code(color, BOLD), phase->index + 1, summary_phase_name(phase->type),
            code(color, PLAIN));
    if (phase->generated != NULL) {
        generated_print_title(stream, phase->generated);
    } else {
        fputs(file, stream);
    }
    if (phase->repetition == 0) {
        fputs(", warming up", stream);
    } else if (run->options->repetitions > 1) {
        fprintf(stream, ", repetition %u of %u", phase->repetition, run->options->repetitions);
    }
    fprintf(stream, ": %s operation%s", text_count(phase->operation_count, a),
            plural(phase->operation_count));
    if (phase->verdict.valid) {
        fprintf(stream, " in %s", text_duration((double)phase->elapsed_ns, a));
    }
    fputc('\n', stream);
}

void table_print_phase(FILE *stream, const struct result_run *run, const struct result_phase *phase,
                       bool color) {
    char a[TEXT_NUMBER_SIZE];
    print_title(stream, run, phase, color);
    print_verdict(stream, run, phase, color);
    if (phase->verdict.valid) {
        fputc('\n', stream);
        print_throughput(stream, phase);
    }
    fputc('\n', stream);
    print_operations(stream, &phase->metrics);
    if (phase->metrics.retry_count > 0) {
        fprintf(stream, "  %s requests were sent again\n", text_count(phase->metrics.retry_count, a));
    }
    if (phase->not_issued_count > 0) {
        fprintf(stream, "  %s operations were not issued: their client crashed, or waits for answers that nobody can give\n",
                text_count(phase->not_issued_count, a));
    }
    if (!phase->verdict.valid) {
        return; /* what was measured of wrong answers means nothing */
    }
    if (run->options->consistency == CHORD_EVENTUAL) {
        print_stale(stream, phase);
    }
    fputc('\n', stream);
    print_latency(stream, &phase->metrics);
    if (phase->generated != NULL) {
        generated_print(stream, phase);
    }
    fputc('\n', stream);
    print_hops(stream, run, phase);
    fputc('\n', stream);
    cache_print(stream, run, phase);
    print_nodes(stream, run, phase);
    fputc('\n', stream);
    print_balance(stream, run, phase);
    print_traffic(stream, phase);
    fputc('\n', stream);
    print_memory(stream, phase);
    changes_print(stream, phase);
    faults_print(stream, phase);
}

/* --- All repetitions
 * ---------------------------------------------------------------------------------------------- */

static void times_cells(struct text_grid *grid, const struct statistics *times) {
    char a[TEXT_NUMBER_SIZE];
    text_grid_cell(grid, "%s", text_count(times->count, a));
    text_grid_cell(grid, "%s", text_duration(times->median, a));
    text_grid_cell(grid, "%s", text_duration(times->max, a));
}

/* Of the phases in which anything failed. */
static void print_fault_summary(FILE *stream, const struct summary_row *rows, size_t count) {
    static const char *const heads[] = {"phase", "faults", "detected", "median", "max", "ended", "median", "max"};
    struct text_grid grid = {.left = {true}};
    char a[TEXT_NUMBER_SIZE];
    bool any = false;
    for (size_t row = 0; row < count; row++) {
        if (rows[row].fault_count == 0) {
            continue;
        }
        for (size_t i = 0; !any && i < sizeof heads / sizeof heads[0]; i++) {
            if (i == 0) {
                fputs("\nFaults over the repetitions: how many were detected, how many ended (every arc writable, all copies "
                      "back), and after how long\n", stream);
                text_grid_row(&grid);
            }
            text_grid_cell(&grid, "%s", heads[i]);
        }
        any = true;
        text_grid_row(&grid);
        text_grid_cell(&grid, "%u %s", rows[row].index + 1, summary_phase_name(rows[row].type));
        text_grid_cell(&grid, "%s", text_count(rows[row].fault_count, a));
        times_cells(&grid, &rows[row].detection_ns);
        times_cells(&grid, &rows[row].outage_ns);
    }
    text_grid_print(&grid, stream, 2);
}

void table_print_summary(FILE *stream, const struct result_run *run, const struct summary_row *rows,
                         size_t count) {
    if (run->options->repetitions <= 1) {
        return;
    }
    static const char *const heads[] = {"phase",     "median",        "min",         "max",
                                        "deviation", "harmonic mean", "repetitions", "file"};
    enum { FILE_COLUMN = sizeof heads / sizeof heads[0] - 1 };
    fputs("\nOperations/second over the repetitions (deviation: of the sample)\n", stream);
    struct text_grid grid = {.left = {[0] = true, [FILE_COLUMN] = true}};
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        text_grid_cell(&grid, "%s", heads[i]);
    }
    for (size_t row = 0; row < count; row++) {
        const struct statistics *rate = &rows[row].throughput_per_second;
        const double numbers[] = {rate->median, rate->min, rate->max, rate->sample_standard_deviation,
                                  rate->harmonic_mean};
        const bool wrong = rows[row].wrong_repetition_count > 0;
        char file[NAME_SIZE], a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE];
        text_grid_row(&grid);
        text_grid_cell(&grid, "%u %s", rows[row].index + 1, summary_phase_name(rows[row].type));
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            text_grid_cell(&grid, "%s", text_rate(wrong ? NAN : numbers[i], a));
        }
        if (wrong) {
            text_grid_cell(&grid, "%s WRONG of %s", text_count(rows[row].wrong_repetition_count, a),
                           text_count(rate->count + rows[row].wrong_repetition_count, b));
        } else {
            text_grid_cell(&grid, "%s", text_count(rate->count, a));
        }
        (void)text_escape(rows[row].file, true, file, sizeof file);
        text_grid_cell(&grid, "%s", file);
    }
    text_grid_print(&grid, stream, 2);
    print_fault_summary(stream, rows, count);
}
