/* "View changes": a row a change. One table of columns makes the rows and the medians. */
#include "app/report/changes.h"

#include "app/report/statistics.h"
#include "app/report/text.h"

#include <math.h>
#include <stdlib.h>

/* result_change's texts with every byte escaped. */
#define TEXT_SIZE (4u * 128u)

/* NaN: there is none. */
typedef double value_of(const struct result_change *change);

struct column {
    const char *head;
    enum text_form form;
    value_of *value;
    bool has_median; /* and a maximum, but for rates, of which the greatest says little */
};

static double epoch(const struct result_change *change) {
    return change->change.epoch;
}
static double arcs(const struct result_change *change) {
    return change->change.arc_count;
}
static double attempts(const struct result_change *change) {
    return change->change.attempt_count;
}
static double pairs(const struct result_change *change) {
    return (double)change->change.pair_count;
}
static double expected_pairs(const struct result_change *change) {
    return (double)change->expected_pair_count;
}
static double bytes(const struct result_change *change) {
    return (double)change->change.pair_bytes;
}
static double wedged(const struct result_change *change) {
    return (double)change->change.wedged_ticks_max;
}
static double messages(const struct result_change *change) {
    return change->change.message_count;
}
static double settled_after(const struct result_change *change) {
    return change->settled ? (double)change->routing.ticks : NAN;
}
static double settled_messages(const struct result_change *change) {
    return change->settled ? (double)change->routing.message_count : NAN;
}
static double rate(double per_second) {
    return per_second < 0 ? NAN : per_second;
}
static double before(const struct result_change *change) {
    return rate(change->throughput_before);
}
static double during(const struct result_change *change) {
    return rate(change->throughput_during);
}
static double after(const struct result_change *change) {
    return rate(change->throughput_after);
}

static const struct column columns[] = {
    {"epoch", TEXT_FORM_COUNT, epoch, false},
    {"arcs", TEXT_FORM_COUNT, arcs, true},
    {"tries", TEXT_FORM_COUNT, attempts, true},
    {"pairs", TEXT_FORM_COUNT, pairs, true},
    {"expected", TEXT_FORM_COUNT, expected_pairs, true},
    {"bytes", TEXT_FORM_BYTES, bytes, true},
    {"wedged", TEXT_FORM_DURATION, wedged, true},
    {"messages", TEXT_FORM_COUNT, messages, true},
    {"settled", TEXT_FORM_DURATION, settled_after, true},
    {"routing", TEXT_FORM_COUNT, settled_messages, true},
    {"before", TEXT_FORM_RATE, before, true},
    {"during", TEXT_FORM_RATE, during, true},
    {"after", TEXT_FORM_RATE, after, true},
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])
_Static_assert(COLUMN_COUNT + 2 <= TEXT_GRID_COLUMNS_MAX, "when and trigger come first");
_Static_assert(CHANGES_SHOWN_MAX + 3 <= TEXT_GRID_ROWS_MAX, "a head, two rows for all");

static void change_row(struct text_grid *grid, const struct result_change *change) {
    char trigger[TEXT_SIZE], a[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", text_duration((double)change->at_ns, a));
    (void)text_escape(change->trigger, true, trigger, sizeof trigger);
    text_grid_cell(grid, "%s", trigger[0] == '\0' ? "-" : trigger); /* nobody asked: a rank failed, or came back */
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        text_grid_value(grid, columns[c].form, columns[c].value(change));
    }
}

/* The median or the maximum of every column over all changes. values has room for all. */
static void all_row(struct text_grid *grid, const struct result_phase *phase, bool median, double *values) {
    text_grid_row(grid);
    text_grid_cell(grid, median ? "median" : "max");
    text_grid_cell(grid, "of all");
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        size_t count = 0;
        for (uint32_t i = 0; i < phase->change_count; i++) {
            const double value = phase->changes[i].refused ? NAN : columns[c].value(&phase->changes[i]);
            if (!isnan(value)) {
                values[count++] = value;
            }
        }
        const struct statistics all = statistics_compute(values, count);
        if (columns[c].has_median && (median || columns[c].form != TEXT_FORM_RATE)) {
            text_grid_value(grid, columns[c].form, median ? all.median : all.max);
        } else {
            text_grid_cell(grid, "-");
        }
    }
}

static void print_committed(FILE *stream, const struct result_phase *phase, uint32_t committed_count) {
    struct text_grid grid = {.left = {true, true}};
    text_grid_row(&grid);
    text_grid_cell(&grid, "at");
    text_grid_cell(&grid, "trigger");
    for (size_t c = 0; c < COLUMN_COUNT; c++) {
        text_grid_cell(&grid, "%s", columns[c].head);
    }
    uint32_t shown = 0;
    for (uint32_t i = 0; i < phase->change_count && shown < CHANGES_SHOWN_MAX; i++) {
        if (!phase->changes[i].refused) {
            change_row(&grid, &phase->changes[i]);
            shown++;
        }
    }
    double *values = committed_count > shown ? malloc(phase->change_count * sizeof *values) : NULL;
    if (values != NULL) {
        all_row(&grid, phase, true, values);
        all_row(&grid, phase, false, values);
    }
    free(values);
    text_grid_print(&grid, stream, 2);
    char a[TEXT_NUMBER_SIZE];
    if (committed_count > shown) {
        fprintf(stream, "  %s more are in the report (--report)\n", text_count(committed_count - shown, a));
    }
    fputs("  wedged: the longest that an arc served nobody; settled, routing: until every finger was right "
          "again, messages for "
          "it;\n  pairs: copies that were moved, expected: from the ids alone; before, during, after: "
          "operations/second\n",
          stream);
    bool exact = true;
    for (uint32_t i = 0; i < phase->change_count; i++) {
        exact &= phase->changes[i].refused || phase->changes[i].expected_is_exact;
    }
    if (!exact) {
        fputs("  the phase added or removed keys, so what is expected is about the most that can have moved\n", stream);
    }
}

static void print_refused(FILE *stream, const struct result_phase *phase, uint32_t refused_count) {
    char trigger[TEXT_SIZE], reason[TEXT_SIZE], a[TEXT_NUMBER_SIZE];
    uint32_t shown = 0;
    for (uint32_t i = 0; i < phase->change_count && shown < CHANGES_SHOWN_MAX; i++) {
        const struct result_change *change = &phase->changes[i];
        if (change->refused) {
            (void)text_escape(change->trigger, true, trigger, sizeof trigger);
            (void)text_escape(change->reason, true, reason, sizeof reason);
            fprintf(stream, "  refused at %s: %s: %s\n", text_duration((double)change->at_ns, a), trigger,
                    reason);
            shown++;
        }
    }
    if (refused_count > shown) {
        fprintf(stream, "  %s more were refused; they are in the report (--report)\n",
                text_count(refused_count - shown, a));
    }
}

void changes_print(FILE *stream, const struct result_phase *phase) {
    uint32_t refused_count = 0;
    for (uint32_t i = 0; i < phase->change_count; i++) {
        refused_count += phase->changes[i].refused;
    }
    const uint32_t committed_count = phase->change_count - refused_count;
    char a[TEXT_NUMBER_SIZE];
    if (phase->change_count == 0) {
        return;
    }
    fprintf(stream, "\n  View changes: %s", text_count(committed_count, a));
    if (refused_count > 0) {
        fprintf(stream, ", and %s refused", text_count(refused_count, a));
    }
    fputc('\n', stream);
    if (committed_count > 0) {
        print_committed(stream, phase, committed_count);
    }
    print_refused(stream, phase, refused_count);
}
