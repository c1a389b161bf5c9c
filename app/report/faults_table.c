/* "Faults": a row a fault, and under them how the throughput went. One table of columns makes the rows and the medians. */
#include "app/report/faults.h"

#include "app/report/statistics.h"
#include "app/report/summary.h"
#include "app/report/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* result_fault's texts with every byte escaped. */
#define TEXT_SIZE (4u * 128u)
/* Slices of the throughput that fit a line; what comes after them is left out. */
#define SLICES_SHOWN_MAX 60u

/* From nothing to the maximum. */
static const char levels[] = "_.:-=+*#";
#define LEVEL_COUNT (sizeof levels - 1)

/* NaN: there is none. */
typedef double value_of(const struct result_fault *fault);

struct column {
    const char *head;
    enum text_form form;
    value_of *value;
};

static double excluded(const struct result_fault *fault, double value) {
    return fault->excluded_node_count > 0 ? value : NAN;
}
static double back_after(const struct result_fault *fault) {
    return fault->is_ours && fault->rejoined_ns != RESULT_NEVER ? (double)fault->rejoined_ns - (double)fault->injected_ns
                                                                 : NAN;
}
static double pairs(const struct result_fault *fault) {
    return excluded(fault, (double)fault->pair_count);
}
static double bytes(const struct result_fault *fault) {
    return excluded(fault, (double)fault->pair_bytes);
}
static double tries(const struct result_fault *fault) {
    return excluded(fault, fault->attempt_count);
}
static double wedged(const struct result_fault *fault) {
    return excluded(fault, (double)fault->wedged_ns_max);
}
static double waited(const struct result_fault *fault) {
    return (double)fault->impact.waited_count;
}
static double retried(const struct result_fault *fault) {
    return (double)fault->impact.retried_count;
}
static double unknown(const struct result_fault *fault) {
    return (double)fault->impact.unknown_count;
}

static const struct column columns[] = {
    {"detected", TEXT_FORM_DURATION, summary_detection_ns},
    {"writable", TEXT_FORM_DURATION, summary_outage_ns},
    {"copies", TEXT_FORM_DURATION, summary_outage_ns},
    {"back", TEXT_FORM_DURATION, back_after},
    {"tries", TEXT_FORM_COUNT, tries},
    {"pairs", TEXT_FORM_COUNT, pairs},
    {"bytes", TEXT_FORM_BYTES, bytes},
    {"wedged", TEXT_FORM_DURATION, wedged},
    {"waited", TEXT_FORM_COUNT, waited},
    {"retried", TEXT_FORM_COUNT, retried},
    {"unknown", TEXT_FORM_COUNT, unknown},
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])
_Static_assert(COLUMN_COUNT + 3 <= TEXT_GRID_COLUMNS_MAX, "when, which and how come first");
_Static_assert(FAULTS_SHOWN_MAX + 3 <= TEXT_GRID_ROWS_MAX, "a head, two rows for all");

static uint64_t when_of(const struct result_fault *fault) {
    return fault->is_ours ? fault->injected_ns : fault->heard_last_ns;
}

static void kind_cell(struct text_grid *grid, const struct result_fault *fault) {
    char a[TEXT_NUMBER_SIZE];
    if (!fault->is_ours) {
        text_grid_cell(grid, summary_is_false_suspicion(fault) ? "suspected" : "unscheduled");
    } else if (fault->crash.kind == CRASH_PAUSE) {
        text_grid_cell(grid, "pause %s", text_duration((double)fault->crash.pause_ns, a));
    } else {
        text_grid_cell(grid, "%s", crash_kind_name(fault->crash.kind));
    }
}

static void fault_row(struct text_grid *grid, const struct result_fault *fault) {
    char a[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", text_duration((double)when_of(fault), a));
    text_grid_cell(grid, "%u", fault->rank);
    kind_cell(grid, fault);
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        text_grid_value(grid, columns[c].form, columns[c].value(fault));
    }
}

/* The median or the maximum of every column over all faults. values has room for all. */
static void all_row(struct text_grid *grid, const struct result_phase *phase, bool median, double *values) {
    text_grid_row(grid);
    text_grid_cell(grid, median ? "median" : "max");
    text_grid_cell(grid, "all");
    text_grid_cell(grid, "-");
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        size_t count = 0;
        for (uint32_t i = 0; i < phase->fault_count; i++) {
            const double value = phase->faults[i].refused ? NAN : columns[c].value(&phase->faults[i]);
            if (!isnan(value)) {
                values[count++] = value;
            }
        }
        const struct statistics all = statistics_compute(values, count);
        text_grid_value(grid, columns[c].form, median ? all.median : all.max);
    }
}

/* One character for each slice; returns the maximum. */
static double draw(const struct result_fault *fault, char text[SLICES_SHOWN_MAX + 1]) {
    const uint32_t count = fault->throughput_count < SLICES_SHOWN_MAX ? fault->throughput_count : SLICES_SHOWN_MAX;
    double max = 0;
    for (uint32_t i = 0; i < count; i++) {
        max = fault->throughputs[i] > max ? fault->throughputs[i] : max;
    }
    for (uint32_t i = 0; i < count; i++) {
        const double share = fault->throughputs[i] > 0 ? fault->throughputs[i] / max : 0;
        const size_t level = (size_t)ceil(share * (double)(LEVEL_COUNT - 1));
        text[i] = levels[level < LEVEL_COUNT ? level : LEVEL_COUNT - 1];
    }
    text[count] = '\0';
    return max;
}

static bool has_throughput(const struct result_fault *fault) {
    return !fault->refused && fault->throughput_count > 0;
}

static void throughput_row(struct text_grid *grid, const struct result_fault *fault) {
    char a[TEXT_NUMBER_SIZE], text[SLICES_SHOWN_MAX + 1];
    const double max = draw(fault, text);
    text_grid_row(grid);
    text_grid_cell(grid, "rank %u", fault->rank);
    text_grid_cell(grid, "%s", text_duration((double)fault->throughput_start_ns, a));
    text_grid_cell(grid, "%s", text_decimal(max, 0, a));
    text_grid_cell(grid, "%s%s", text, fault->throughput_count > SLICES_SHOWN_MAX ? "..." : "");
}

static void print_throughput(FILE *stream, const struct result_phase *phase) {
    struct text_grid grid = {.left = {true, [3] = true}};
    uint32_t shown = 0;
    for (uint32_t i = 0; i < phase->fault_count && shown < FAULTS_SHOWN_MAX; i++) {
        if (!has_throughput(&phase->faults[i])) {
            continue;
        }
        if (shown++ == 0) {
            text_grid_row(&grid);
            text_grid_cell(&grid, "throughput");
            text_grid_cell(&grid, "from");
            text_grid_cell(&grid, "max/second");
            text_grid_cell(&grid, "each 100 ms: %c nothing, then %s up to the maximum", levels[0], levels + 1);
        }
        throughput_row(&grid, &phase->faults[i]);
    }
    text_grid_print(&grid, stream, 2);
}

static void print_rows(FILE *stream, const struct result_phase *phase, uint32_t fault_count) {
    static const char *const heads[] = {"at", "rank", "kind"};
    struct text_grid grid = {.left = {[0] = true, [2] = true}};
    char a[TEXT_NUMBER_SIZE];
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        text_grid_cell(&grid, "%s", heads[i]);
    }
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        text_grid_cell(&grid, "%s", columns[c].head);
    }
    uint32_t shown = 0;
    for (uint32_t i = 0; i < phase->fault_count && shown < FAULTS_SHOWN_MAX; i++) {
        if (!phase->faults[i].refused) {
            fault_row(&grid, &phase->faults[i]);
            shown++;
        }
    }
    double *values = fault_count > 1 ? malloc(phase->fault_count * sizeof *values) : NULL;
    if (values != NULL) {
        all_row(&grid, phase, true, values);
        all_row(&grid, phase, false, values);
    }
    free(values);
    text_grid_print(&grid, stream, 2);
    if (fault_count > shown) {
        fprintf(stream, "  %s more are in the report (--report)\n", text_count(fault_count - shown, a));
    }
    fputs("  detected, writable, copies, back: so long after it failed; the last arc could be written again when it had all "
          "its copies\n  waited, retried, unknown: operations under way at that moment, sent again, and without an answer\n",
          stream);
}

static void print_refused(FILE *stream, const struct result_phase *phase, uint32_t refused_count) {
    char trigger[TEXT_SIZE], reason[TEXT_SIZE], a[TEXT_NUMBER_SIZE];
    uint32_t shown = 0;
    for (uint32_t i = 0; i < phase->fault_count && shown < FAULTS_SHOWN_MAX; i++) {
        const struct result_fault *fault = &phase->faults[i];
        if (fault->refused) {
            (void)text_escape(fault->trigger, true, trigger, sizeof trigger);
            (void)text_escape(fault->reason, true, reason, sizeof reason);
            fprintf(stream, "  refused at %s: %s: %s\n", text_duration((double)fault->injected_ns, a), trigger, reason);
            shown++;
        }
    }
    if (refused_count > shown) {
        fprintf(stream, "  %s more were refused; they are in the report (--report)\n",
                text_count(refused_count - shown, a));
    }
}

void faults_print(FILE *stream, const struct result_phase *phase) {
    uint32_t refused_count = 0;
    char a[TEXT_NUMBER_SIZE];
    for (uint32_t i = 0; i < phase->fault_count; i++) {
        refused_count += phase->faults[i].refused;
    }
    const uint32_t fault_count = phase->fault_count - refused_count;
    if (phase->fault_count == 0) {
        return;
    }
    fprintf(stream, "\n  Faults: %s", text_count(fault_count, a));
    if (refused_count > 0) {
        fprintf(stream, ", and %s refused", text_count(refused_count, a));
    }
    fputc('\n', stream);
    if (fault_count > 0) {
        print_rows(stream, phase, fault_count);
        print_throughput(stream, phase);
    }
    print_refused(stream, phase, refused_count);
}
