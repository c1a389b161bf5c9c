#include "app/report/generated.h"

#include "app/report/summary.h"
#include "app/report/text.h"

#include <ctype.h>
#include <inttypes.h>

void generated_print_title(FILE *stream, const struct result_generated *generated) {
    char a[TEXT_NUMBER_SIZE];
    fprintf(stream, "%s records, keys of %u B, values of %u B", text_count(generated->record_count, a),
            generated->key_size, generated->value_size);
    if (generated->loads) {
        return;
    }
    fputs("; ", stream);
    if (generated->workload != NULL) {
        fprintf(stream, "YCSB's workload %s: ", generated->workload);
    }
    const char *joint = "";
    for (unsigned action = 0; action < MIX_ACTION_COUNT; action++) {
        if (generated->mix.percent[action] > 0) {
            fprintf(stream, "%s%u %% %s", joint, generated->mix.percent[action],
                    mix_action_name((enum mix_action)action));
            joint = ", ";
        }
    }
    fprintf(stream, "; %s", distribution_name(generated->distribution));
    if (generated->rate > 0) {
        fprintf(stream, "; %s/s are due", text_count(generated->rate, a));
    }
}

static void latency_row(struct text_grid *grid, const char *name, const char *from, const struct histogram *latency) {
    static const double quantiles[] = {0.5, 0.9, 0.95, 0.99, 0.999};
    char a[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", name);
    text_grid_cell(grid, "%s", from);
    text_grid_cell(grid, "%s", text_duration(histogram_mean(latency), a));
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        text_grid_cell(grid, "%s", text_duration((double)histogram_quantile(latency, quantiles[i]), a));
    }
    text_grid_cell(grid, "%s", text_duration((double)latency->max, a));
    text_grid_cell(grid, "%s", text_count(latency->count, a));
}

void generated_print(FILE *stream, const struct result_phase *phase) {
    static const char *const heads[] = {"action", "from", "mean", "p50", "p90", "p95", "p99", "p99.9", "max", "samples"};
    const struct result_generated *generated = phase->generated;
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE], c[TEXT_NUMBER_SIZE];
    struct text_grid grid = {.left = {true, true}};
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        text_grid_cell(&grid, "%s", heads[i]);
    }
    for (unsigned i = 0; i < MIX_ACTION_COUNT; i++) {
        const struct action_metrics *action = &generated->actions[i];
        if (action->latency_ns.count > 0) {
            latency_row(&grid, mix_action_name((enum mix_action)i), "issue", &action->latency_ns);
        }
        if (action->intended_ns.count > 0) {
            latency_row(&grid, "", "due time", &action->intended_ns);
        }
    }
    fputc('\n', stream);
    text_grid_print(&grid, stream, 2);
    if (generated->lag->count > 0) {
        fprintf(stream, "  %s draws of the latest records stayed %s records behind the newest known, at most %s\n",
                text_count(generated->lag->count, a), text_rate(histogram_mean(generated->lag), b),
                text_count(generated->lag->max, c));
    }
}

/* --- as YCSB writes it --- */

static void ycsb_name(FILE *stream, const char *prefix, enum mix_action action) {
    fprintf(stream, "[%s", prefix);
    for (const char *at = mix_action_name(action); *at != '\0'; at++) {
        fputc(toupper((unsigned char)*at), stream);
    }
    fputs("], ", stream);
}

static void ycsb_latency(FILE *stream, const char *prefix, enum mix_action action, const struct histogram *latency) {
    const struct {
        const char *name;
        double microseconds;
    } lines[] = {{"AverageLatency(us)", histogram_mean(latency) / 1000},
                 {"MinLatency(us)", (double)latency->min / 1000},
                 {"MaxLatency(us)", (double)latency->max / 1000},
                 {"95thPercentileLatency(us)", (double)histogram_quantile(latency, 0.95) / 1000},
                 {"99thPercentileLatency(us)", (double)histogram_quantile(latency, 0.99) / 1000}};
    if (latency->count == 0) {
        return;
    }
    ycsb_name(stream, prefix, action);
    fprintf(stream, "Operations, %" PRIu64 "\n", latency->count);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        ycsb_name(stream, prefix, action);
        fprintf(stream, "%s, %.3f\n", lines[i].name, lines[i].microseconds);
    }
}

static void ycsb_return(FILE *stream, enum mix_action action, const char *status, uint64_t count) {
    if (count > 0) {
        ycsb_name(stream, "", action);
        fprintf(stream, "Return=%s, %" PRIu64 "\n", status, count);
    }
}

void generated_print_ycsb(FILE *stream, const struct result_phase *phase) {
    if (!phase->verdict.valid) {
        return;
    }
    fprintf(stream, "\n[OVERALL], RunTime(ms), %.3f\n", (double)phase->elapsed_ns / 1e6);
    fprintf(stream, "[OVERALL], Throughput(ops/sec), %.3f\n", summary_actions_per_second(phase));
    for (unsigned i = 0; i < MIX_ACTION_COUNT; i++) {
        const struct action_metrics *metrics = &phase->generated->actions[i];
        const enum mix_action action = (enum mix_action)i;
        const bool is_new = action == MIX_INSERT; /* that a record wasn't there is how it should be */
        ycsb_latency(stream, "", action, &metrics->latency_ns);
        ycsb_return(stream, action, "OK", metrics->present_count + (is_new ? metrics->absent_count : 0));
        ycsb_return(stream, action, "NOT_FOUND", is_new ? 0 : metrics->absent_count);
        ycsb_return(stream, action, "ERROR", metrics->unknown_count);
        ycsb_latency(stream, "Intended-", action, &metrics->intended_ns);
    }
}
