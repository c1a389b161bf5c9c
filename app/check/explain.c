#include "app/check/explain.h"

#include "app/check/phrase.h"
#include "app/report/text.h"
#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

/* Rows that a table shows of a core or an order that is longer. */
#define ROWS_SHOWN_MAX 30u
#define COLUMNS_DRAWN_MAX 72u
#define KEY_SHOWN_MAX 80u
#define NAME_SIZE 8u

/* An operation that is shown: of the core, or of the end of the order. */
struct shown {
    size_t position;
    bool in_core;
    char name[NAME_SIZE];
};

struct explainer {
    FILE *stream;
    const struct history_file *file;
    const struct check_violation *violation;
    struct shown shown[2 * ROWS_SHOWN_MAX]; /* the core by start, then others of the order */
    size_t shown_count;
    size_t core_shown_count;
    size_t order_first; /* of the order's operations that are shown */
    uint64_t origin_ns; /* the first start of what is shown */
};

static const struct history_operation *at(const struct explainer *explainer, size_t position) {
    return &explainer->file->operations[position];
}

/* --- names: a, b, ..., z, aa, ... --- */

static void name_shown(struct shown *shown, size_t index) {
    if (index < 26) {
        snprintf(shown->name, sizeof shown->name, "%c", (char)('a' + index));
    } else {
        snprintf(shown->name, sizeof shown->name, "%c%c", (char)('a' + index / 26 - 1), (char)('a' + index % 26));
    }
}

static const char *name_of(void *context, size_t position) {
    const struct explainer *explainer = context;
    for (size_t i = 0; i < explainer->shown_count; i++) {
        if (explainer->shown[i].position == position) {
            return explainer->shown[i].name;
        }
    }
    return NULL;
}

static void show(struct explainer *explainer, size_t position, bool in_core) {
    struct shown *shown = &explainer->shown[explainer->shown_count];
    *shown = (struct shown){.position = position, .in_core = in_core};
    name_shown(shown, explainer->shown_count++);
    const uint64_t start_ns = at(explainer, position)->record.start_ns;
    explainer->origin_ns = start_ns < explainer->origin_ns ? start_ns : explainer->origin_ns;
}

/* What is stuck is always shown: it takes the last row if it isn't among the first. */
static void choose_shown(struct explainer *explainer) {
    const struct linearize_violation *found = &explainer->violation->found;
    bool has_stuck = false;
    explainer->origin_ns = UINT64_MAX;
    for (size_t i = 0; i < found->core_count && i < ROWS_SHOWN_MAX; i++) {
        const bool is_last_row = i + 1 == ROWS_SHOWN_MAX;
        const size_t position = is_last_row && !has_stuck ? found->stuck : found->core[i];
        has_stuck |= position == found->stuck;
        show(explainer, position, true);
    }
    explainer->core_shown_count = explainer->shown_count;
    explainer->order_first = found->order_count > ROWS_SHOWN_MAX ? found->order_count - ROWS_SHOWN_MAX : 0;
    for (size_t i = explainer->order_first; i < found->order_count; i++) {
        if (name_of(explainer, found->order[i]) == NULL) {
            show(explainer, found->order[i], false);
        }
    }
}

/* --- the tables --- */

static const char *time_text(const struct explainer *explainer, uint64_t time_ns, char text[TEXT_NUMBER_SIZE]) {
    return text_duration((double)(time_ns - explainer->origin_ns), text);
}

static void print_operations(const struct explainer *explainer, size_t first, size_t end) {
    struct text_grid grid = {.left = {true, false, false, false, true, true, false, false, false}};
    text_grid_row(&grid);
    const char *const titles[] = {"", "client", "phase", "operation", "asked", "answered", "start", "end", "line"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        text_grid_cell(&grid, "%s", titles[i]);
    }
    for (size_t i = first; i < end; i++) {
        const struct history_operation *operation = at(explainer, explainer->shown[i].position);
        const struct history_record *record = &operation->record;
        char text[TEXT_NUMBER_SIZE];
        char *asked = phrase_asked(explainer->file, operation);
        char *answered = phrase_answered(explainer->file, operation);
        text_grid_row(&grid);
        text_grid_cell(&grid, "%s", explainer->shown[i].name);
        text_grid_cell(&grid, "%u", record->client_rank);
        text_grid_cell(&grid, "%u", operation->phase);
        text_grid_cell(&grid, "%u", record->index);
        text_grid_cell(&grid, "%s", asked);
        text_grid_cell(&grid, "%s", answered);
        text_grid_cell(&grid, "%s", time_text(explainer, record->start_ns, text));
        text_grid_cell(&grid, "%s",
                       record->outcome == CHORD_UNKNOWN ? "never" : time_text(explainer, record->end_ns, text));
        text_grid_cell(&grid, "%s", text_count(operation->line, text));
        free(asked);
        free(answered);
    }
    text_grid_print(&grid, explainer->stream, 4);
}

static void print_more(const struct explainer *explainer, size_t count, const char *what) {
    char text[TEXT_NUMBER_SIZE];
    if (count > 0) {
        fprintf(explainer->stream, "    (and %s more %s; --json has them all)\n", text_count(count, text), what);
    }
}

static void print_core(const struct explainer *explainer) {
    const size_t count = explainer->violation->found.core_count;
    fprintf(explainer->stream, "\n  %s\n\n",
            explainer->violation->found.bad_record
                ? "This operation was answered what its kind can't be:"
                : "These contradict each other, whatever the others did; times are from the first start:");
    print_operations(explainer, 0, explainer->core_shown_count);
    print_more(explainer, count - explainer->core_shown_count, "of them");
    if (explainer->shown_count > explainer->core_shown_count) {
        fputs("\n  Other writes that may have taken effect between them, whatever they were answered:\n\n",
              explainer->stream);
        print_operations(explainer, explainer->core_shown_count, explainer->shown_count);
    }
}

/* --- the drawing --- */

static int compare_times(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The distinct starts and ends of what is shown, ascending. Returns their number. */
static size_t gather_times(const struct explainer *explainer, uint64_t *times) {
    size_t count = 0;
    for (size_t i = 0; i < explainer->shown_count; i++) {
        const struct history_record *record = &at(explainer, explainer->shown[i].position)->record;
        times[count++] = record->start_ns;
        if (record->outcome != CHORD_UNKNOWN) {
            times[count++] = record->end_ns;
        }
    }
    qsort(times, count, sizeof *times, compare_times);
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        if (distinct == 0 || times[i] != times[distinct - 1]) {
            times[distinct++] = times[i];
        }
    }
    return distinct;
}

static size_t column_of(const uint64_t *times, size_t count, uint64_t time_ns) {
    size_t index = 0;
    while (times[index] != time_ns) {
        index++;
    }
    return count * 3 <= COLUMNS_DRAWN_MAX ? index * 3
           : count <= COLUMNS_DRAWN_MAX   ? index
                                          : index * COLUMNS_DRAWN_MAX / count;
}

/* |--| from start to end, |--> without an answer. Columns are starts and ends in their order: true to scale, a pause
 * would leave no room for what overlaps. */
static void print_drawing(const struct explainer *explainer) {
    uint64_t times[4 * ROWS_SHOWN_MAX];
    const size_t count = gather_times(explainer, times);
    const size_t last = column_of(times, count, times[count - 1]);
    fputs("\n  In time, a column for each start and end (not to scale):\n\n", explainer->stream);
    for (size_t i = 0; i < explainer->shown_count; i++) {
        const struct history_record *record = &at(explainer, explainer->shown[i].position)->record;
        const bool answered = record->outcome != CHORD_UNKNOWN;
        const size_t start = column_of(times, count, record->start_ns);
        const size_t end = answered ? column_of(times, count, record->end_ns) : last + 2;
        fprintf(explainer->stream, "    %-3s %*s|", explainer->shown[i].name, (int)start, "");
        for (size_t column = start + 1; column < end; column++) {
            fputc('-', explainer->stream);
        }
        fputs(!answered ? ">\n" : end > start ? "|\n" : "\n", explainer->stream);
    }
}

/* --- the longest order --- */

static bool changes_value(const struct history_record *record) {
    return record->kind == CHORD_INSERT || (record->kind == CHORD_DELETE && record->outcome != CHORD_ABSENT);
}

static void print_order(struct explainer *explainer) {
    const struct linearize_violation *found = &explainer->violation->found;
    FILE *stream = explainer->stream;
    if (found->order_count == 0) {
        fputs("\n  No operation can come first.\n", stream);
        return;
    }
    fputs("\n  The longest order that explains its answers, and what the key holds after each:\n\n", stream);
    if (explainer->order_first > 0) {
        char text[TEXT_NUMBER_SIZE];
        fprintf(stream, "    (%s before these; --json has them all)\n", text_count(explainer->order_first, text));
    }
    struct text_grid grid = {.left = {false, true, true, true, true}};
    for (size_t i = explainer->order_first; i < found->order_count; i++) {
        const struct history_operation *operation = at(explainer, found->order[i]);
        const struct history_record *record = &operation->record;
        const bool holds = record->kind == CHORD_INSERT || record->outcome == CHORD_FOUND;
        char *asked = phrase_asked(explainer->file, operation);
        char *held = holds ? phrase_value(explainer->file, operation) : strdup("nothing");
        chord_check(held != NULL);
        text_grid_row(&grid);
        text_grid_cell(&grid, "%zu.", i + 1);
        text_grid_cell(&grid, "%s", name_of(explainer, found->order[i]));
        text_grid_cell(&grid, "%s", asked);
        text_grid_cell(&grid, "-> %s", held);
        free(asked);
        free(held);
    }
    text_grid_print(&grid, stream, 4);
}

/* --- why --- */

/* What is known of the state after the longest order. */
struct reasoning {
    FILE *stream;
    const struct history_file *file;
    const struct check_violation *violation;
    const struct history_operation *stuck;
    const struct history_operation *writer; /* that left what the key holds after the order; NULL: nothing happened */
    explain_name *name;
    void *context;
};

static void say_name(const struct reasoning *reasoning, const struct history_operation *operation) {
    const char *name = reasoning->name(reasoning->context, (size_t)(operation - reasoning->file->operations));
    if (name != NULL) {
        fputs(name, reasoning->stream);
    } else {
        fprintf(reasoning->stream, "operation %u of client %u in phase %u", operation->record.index,
                operation->record.client_rank, operation->phase);
    }
}

static void say_value(const struct reasoning *reasoning, const struct history_operation *operation) {
    char *value = phrase_value(reasoning->file, operation);
    fputs(value, reasoning->stream);
    free(value);
}

static void say_held(const struct reasoning *reasoning) {
    if (reasoning->violation->found.present && reasoning->writer != NULL) {
        fputs("holds ", reasoning->stream);
        say_value(reasoning, reasoning->writer);
    } else {
        fputs("is absent", reasoning->stream);
    }
}

/* What the answer of the stuck operation needs the key to be. Returns whether it is so. */
static bool say_demand(const struct reasoning *reasoning) {
    const struct linearize_violation *found = &reasoning->violation->found;
    const struct history_record *record = &reasoning->stuck->record;
    FILE *stream = reasoning->stream;
    if (record->outcome == CHORD_FOUND) {
        fputs("it found ", stream);
        say_value(reasoning, reasoning->stuck);
        return found->present && found->value_digest == record->value_digest;
    }
    const bool needs_present = record->outcome == CHORD_UPDATED || record->outcome == CHORD_DELETED;
    fprintf(stream, "it was answered %s, for which the key must be %s",
            history_outcome_name((enum chord_outcome)record->outcome), needs_present ? "there" : "absent");
    return found->present == needs_present;
}

/* Another operation of the key in the round. */
static const struct history_operation *next_of_key(const struct reasoning *reasoning, size_t *position) {
    const struct history_file *file = reasoning->file;
    for (; *position < file->operation_count; ++*position) {
        const struct history_operation *operation = &file->operations[*position];
        if (operation->round == reasoning->violation->round &&
            operation->record.key_digest == reasoning->violation->key && operation != reasoning->stuck) {
            ++*position;
            return operation;
        }
    }
    return NULL;
}

/* The value that the stuck query found: where does it come from? */
static void say_origin(const struct reasoning *reasoning) {
    const struct history_operation *operation;
    uint64_t write_count = 0;
    uint64_t early_count = 0; /* of them, that began before the query ended */
    for (size_t position = 0; (operation = next_of_key(reasoning, &position)) != NULL;) {
        const bool wrote = operation->record.kind == CHORD_INSERT &&
                           operation->record.value_digest == reasoning->stuck->record.value_digest;
        write_count += wrote;
        early_count += wrote && operation->record.start_ns <= reasoning->stuck->record.end_ns;
    }
    if (early_count > 0) {
        return;
    }
    fputs(" ", reasoning->stream);
    say_value(reasoning, reasoning->stuck);
    fputs(write_count == 0 ? " was never written to this key." : " was written to this key only later.",
          reasoning->stream);
}

/* Who left what the key holds, if real time puts that before the stuck operation. */
static void say_writer(const struct reasoning *reasoning) {
    const struct history_operation *writer = reasoning->writer;
    if (writer == NULL || writer->record.outcome == CHORD_UNKNOWN ||
        writer->record.end_ns >= reasoning->stuck->record.start_ns) {
        return;
    }
    fputs(" ", reasoning->stream);
    say_name(reasoning, writer);
    fputs(" had left it so before ", reasoning->stream);
    say_name(reasoning, reasoning->stuck);
    fputs(" began.", reasoning->stream);
}

/* An operation of the core, other than the stuck one, whose answer says what the key holds after the order. */
static const struct history_operation *reader_of_held(const struct reasoning *reasoning) {
    const struct linearize_violation *found = &reasoning->violation->found;
    for (size_t i = found->core_count; i-- > 0;) {
        const struct history_operation *operation = &reasoning->file->operations[found->core[i]];
        const struct history_record *record = &operation->record;
        const bool reads = found->present
                               ? record->outcome == CHORD_FOUND && record->value_digest == found->value_digest
                               : record->outcome == CHORD_ABSENT;
        if (reads && operation != reasoning->stuck) {
            return operation;
        }
    }
    return NULL;
}

/* The stuck operation fits what the key holds, so what rules it out comes after it: an answer that still needs what it
 * would change. */
static void say_destroyed(const struct reasoning *reasoning) {
    const struct history_operation *reader = reader_of_held(reasoning);
    if (reader == NULL || !changes_value(&reasoning->stuck->record)) {
        fputs(" That would fit, but no order of the others can follow.", reasoning->stream);
        return;
    }
    fputs(" That would fit, but ", reasoning->stream);
    say_name(reasoning, reader);
    fputs(reasoning->violation->found.present
              ? " found that value later, and nothing is left to write it again."
              : " found the key absent later, and nothing is left to delete it.",
          reasoning->stream);
}

static const struct history_operation *last_writer(const struct history_file *file,
                                                   const struct linearize_violation *found) {
    for (size_t i = found->order_count; i-- > 0;) {
        const struct history_operation *operation = &file->operations[found->order[i]];
        if (changes_value(&operation->record)) {
            return operation;
        }
    }
    return NULL;
}

char *explain_stuck(const struct history_file *file, const struct check_violation *violation, explain_name *name,
                    void *context) {
    char *text = NULL;
    size_t size = 0;
    struct reasoning reasoning = {.stream = open_memstream(&text, &size),
                                  .file = file,
                                  .violation = violation,
                                  .stuck = &file->operations[violation->found.stuck],
                                  .writer = last_writer(file, &violation->found),
                                  .name = name,
                                  .context = context};
    chord_check(reasoning.stream != NULL);
    if (violation->found.bad_record) {
        fprintf(reasoning.stream, "A %s can't be answered %s.",
                history_kind_name((enum chord_operation_kind)reasoning.stuck->record.kind),
                history_outcome_name((enum chord_outcome)reasoning.stuck->record.outcome));
    } else {
        fputs("Of those that are left ", reasoning.stream);
        say_name(&reasoning, reasoning.stuck);
        fputs(" is the first to end, so it must have its place now, and it has none: ", reasoning.stream);
        const bool fits = say_demand(&reasoning);
        fputs(fits ? ", and the key " : ", but the key ", reasoning.stream);
        say_held(&reasoning);
        fputs(".", reasoning.stream);
        if (fits) {
            say_destroyed(&reasoning);
        } else {
            say_writer(&reasoning);
            if (reasoning.stuck->record.outcome == CHORD_FOUND) {
                say_origin(&reasoning);
            }
        }
    }
    chord_check(fclose(reasoning.stream) == 0);
    return text;
}

/* --- all of it --- */

/* Sentences, broken between words. */
static void print_wrapped(FILE *stream, const char *words) {
    size_t column = 0;
    while (*words != '\0') {
        const size_t size = strcspn(words, " ");
        if (column > 0 && column + 1 + size > 110) {
            fputs("\n", stream);
            column = 0;
        }
        fprintf(stream, "%s%.*s", column == 0 ? "  " : " ", (int)size, words);
        column += size + (column == 0 ? 2 : 1);
        words += size;
        words += strspn(words, " ");
    }
    fputs("\n", stream);
}

void explain_violation(FILE *stream, const struct history_file *file, const struct check_violation *violation) {
    struct explainer explainer = {.stream = stream, .file = file, .violation = violation};
    char count[TEXT_NUMBER_SIZE], prefix[TEXT_NUMBER_SIZE];
    char *key = phrase_text(file, &file->keys[violation->key], KEY_SHOWN_MAX);
    fprintf(stream, "Key %s has no order in round %u: the contradiction is complete after %s of its %s operations.\n",
            key, violation->round, text_count(violation->found.prefix_count, prefix),
            text_count(violation->found.operation_count, count));
    free(key);
    choose_shown(&explainer);
    print_core(&explainer);
    if (!violation->found.bad_record) {
        print_drawing(&explainer);
        print_order(&explainer);
    }
    char *why = explain_stuck(file, violation, name_of, &explainer);
    fputs("\n", stream);
    print_wrapped(stream, why);
    free(why);
}

void explain_judged(FILE *stream, const struct history_file *file, const struct check_round *round) {
    const struct judge_wrong *first = &round->judged.first;
    const struct history_operation *operation = NULL;
    for (size_t i = 0; i < round->operation_count && operation == NULL; i++) {
        const struct history_operation *own = &file->operations[round->first + i];
        const bool is_it = own->record.client_rank == first->client_rank && own->record.index == first->index &&
                           own->record.start_ns == first->start_ns && own->record.key_digest == first->key_digest;
        operation = is_it ? own : NULL;
    }
    chord_check(operation != NULL);
    char number[TEXT_NUMBER_SIZE];
    char *key = phrase_text(file, history_file_key(file, operation), KEY_SHOWN_MAX);
    char *asked = phrase_asked(file, operation);
    char *answered = phrase_answered(file, operation);
    fprintf(stream,
            "Key %s: its versions are contradicted in round %u, first by operation %u of client %u in phase %u (line "
            "%s):\n  %s, answered %s, version %u.%llu: %s.\n",
            key, round->round, first->index, first->client_rank, operation->phase, text_count(operation->line, number),
            asked, answered, first->version.epoch, (unsigned long long)first->version.counter,
            judge_reason_text(first->reason));
    free(key);
    free(asked);
    free(answered);
}
