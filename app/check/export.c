#include "app/check/export.h"

#include "app/check/check.h"
#include "app/check/edn.h"
#include "app/check/lanes.h"
#include "chord/base/check.h"
#include "chord/wire/limits.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct exporter {
    const struct history_file *file; /* borrowed */
    const struct export_plan *plan;  /* borrowed */
    struct export_told *told;
    char *error;
    struct lanes lanes;      /* owned */
    struct report_file *out; /* owned; open at the moment, or NULL */
    uint64_t origin_ns;      /* the first start */
    uint64_t last_ns;        /* the last start or end */
};

__attribute__((format(printf, 2, 3))) static bool fail(struct exporter *exporter, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(exporter->error, REPORT_FILE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

__attribute__((format(printf, 2, 3))) static bool put_line(struct exporter *exporter, const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    chord_check(size >= 0);
    const bool good = report_file_append(exporter->out, text, exporter->error);
    free(text);
    return good;
}

static bool open_out(struct exporter *exporter, const char *path) {
    exporter->told->file_count++;
    return report_file_open_as("export", path, &exporter->out, exporter->error);
}

static bool commit_out(struct exporter *exporter) {
    struct report_file *out = exporter->out;
    exporter->out = NULL;
    return report_file_commit(out, exporter->error);
}

/* --- what an operation is to a register --- */

/* A delete that found nothing changed nothing: to a register it is a read. */
static bool is_read(const struct history_record *record) {
    return record->kind == CHORD_QUERY || (record->kind == CHORD_DELETE && record->outcome == CHORD_ABSENT);
}

static bool is_left_out(const struct history_record *record) {
    return record->kind == CHORD_QUERY && record->outcome == CHORD_UNKNOWN;
}

static bool is_possible(const struct history_record *record) {
    switch (record->outcome) {
    case CHORD_INSERTED:
    case CHORD_UPDATED:
        return record->kind == CHORD_INSERT;
    case CHORD_FOUND:
        return record->kind == CHORD_QUERY;
    case CHORD_DELETED:
        return record->kind == CHORD_DELETE;
    case CHORD_ABSENT:
        return record->kind != CHORD_INSERT;
    default:
        return true;
    }
}

static char *key_string(const struct exporter *exporter, const struct history_operation *operation) {
    return edn_string(exporter->file, history_file_key(exporter->file, operation), CHORD_KEY_SIZE_MAX);
}

/* The value, or a copy of `absent`. */
static char *value_string(const struct exporter *exporter, const struct history_operation *operation,
                          const char *absent) {
    char *string = operation->value == HISTORY_NO_VALUE
                       ? strdup(absent)
                       : edn_string(exporter->file, &exporter->file->values[operation->value], HISTORY_VALUE_BYTES_MAX);
    chord_check(string != NULL);
    return string;
}

/* --- porcupine --- */

static bool put_porcupine(struct exporter *exporter, size_t index, const struct lanes_event *event) {
    (void)index;
    const struct history_operation *operation = &exporter->file->operations[event->position];
    const struct history_record *record = &operation->record;
    if (is_left_out(record) || (event->is_end && record->outcome == CHORD_UNKNOWN)) {
        return true;
    }
    char *key = key_string(exporter, operation);
    char *value = value_string(exporter, operation, "\"\"");
    const bool asks = is_read(record) && !event->is_end;
    const bool good = put_line(exporter, "{:process %" PRIu64 ", :type :%s, :f :%s, :key %s, :value %s}",
                               event->process, event->is_end ? "ok" : "invoke", is_read(record) ? "get" : "put",
                               key, asks ? "nil" : value);
    free(key);
    free(value);
    return good;
}

/* --- edn --- */

static bool put_edn(struct exporter *exporter, size_t index, const struct lanes_event *event) {
    const struct history_operation *operation = &exporter->file->operations[event->position];
    const struct history_record *record = &operation->record;
    const bool unanswered = record->outcome == CHORD_UNKNOWN;
    const uint64_t time_ns = event->is_end && unanswered ? exporter->last_ns : event->time_ns;
    const bool knows_value = record->kind == CHORD_INSERT || event->is_end;
    char *key = key_string(exporter, operation);
    char *value = value_string(exporter, operation, "nil");
    const bool good =
        put_line(exporter,
                 "{:index %zu, :time %" PRIu64 ", :process %" PRIu64 ", :type :%s, :f :%s, :key %s, :value %s%s%s, "
                 ":client %u, :phase %u, :operation %u}",
                 index, time_ns - exporter->origin_ns, event->process,
                 !event->is_end ? "invoke"
                 : unanswered   ? "info"
                                : "ok",
                 history_kind_name((enum chord_operation_kind)record->kind), key, knows_value ? value : "nil",
                 event->is_end ? ", :outcome :" : "",
                 event->is_end ? history_outcome_name((enum chord_outcome)record->outcome) : "", record->client_rank,
                 operation->phase, record->index);
    free(key);
    free(value);
    return good;
}

/* --- knossos --- */

static bool put_knossos(struct exporter *exporter, const struct lanes_event *event) {
    const struct history_operation *operation = &exporter->file->operations[event->position];
    const struct history_record *record = &operation->record;
    if (is_left_out(record)) {
        return true;
    }
    char *value = value_string(exporter, operation, ":absent");
    const bool asks = is_read(record) && !event->is_end;
    const bool good = put_line(exporter, "{:process %" PRIu64 ", :type :%s, :f :%s, :value %s}", event->process,
                               !event->is_end                      ? "invoke"
                               : record->outcome == CHORD_UNKNOWN ? "info"
                                                                  : "ok",
                               is_read(record) ? "read" : "write", asks ? "nil" : value);
    free(value);
    return good;
}

/* The file of one key: its events, of which there is at least one. */
static bool put_key(struct exporter *exporter, const struct lanes_event *events, size_t count) {
    /* There is one at least. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.ArraySubscript) */
    const struct history_operation *first = &exporter->file->operations[events[0].position];
    const uint64_t nobody = exporter->lanes.process_count;
    char *path = NULL;
    const int size = asprintf(&path, "%s/%06zu.edn", exporter->plan->to, exporter->told->file_count + 1);
    chord_check(size >= 0);
    char *key = key_string(exporter, first);
    bool good = open_out(exporter, path) && put_line(exporter, "; key %s", key) &&
                put_line(exporter, "{:process %" PRIu64 ", :type :invoke, :f :write, :value :absent}", nobody) &&
                put_line(exporter, "{:process %" PRIu64 ", :type :ok, :f :write, :value :absent}", nobody);
    for (size_t i = 0; i < count && good; i++) {
        good = put_knossos(exporter, &events[i]);
    }
    free(key);
    free(path);
    return good && commit_out(exporter);
}

/* A new folder, or an empty one: files of another export among ours would be taken for keys. */
static bool make_folder(struct exporter *exporter) {
    const char *path = exporter->plan->to;
    if (mkdir(path, 0777) == 0) {
        return true;
    }
    DIR *folder = errno == EEXIST ? opendir(path) : NULL;
    if (folder == NULL) {
        return fail(exporter, "can't make the folder '%.200s': %s", path, strerror(errno));
    }
    bool empty = true;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    (void)closedir(folder);
    return empty || fail(exporter, "the folder '%.200s' isn't empty: give --to a new one", path);
}

/* Counting sort by key, which keeps the order of time. */
static bool put_keys(struct exporter *exporter) {
    const struct history_file *file = exporter->file;
    const struct lanes *lanes = &exporter->lanes;
    struct lanes_event *sorted = malloc((lanes->count + 1) * sizeof *sorted);
    size_t *ends = calloc((size_t)file->key_count + 1, sizeof *ends);
    chord_check(sorted != NULL && ends != NULL);
    for (size_t i = 0; i < lanes->count; i++) {
        ends[file->operations[lanes->events[i].position].record.key_digest + 1]++;
    }
    for (uint32_t key = 0; key < file->key_count; key++) {
        ends[key + 1] += ends[key];
    }
    for (size_t i = 0; i < lanes->count; i++) {
        sorted[ends[file->operations[lanes->events[i].position].record.key_digest]++] = lanes->events[i];
    }
    bool good = make_folder(exporter);
    size_t first = 0;
    for (uint32_t key = 0; key < file->key_count && good; key++) {
        good = ends[key] == first || put_key(exporter, sorted + first, ends[key] - first);
        first = ends[key];
    }
    free(sorted);
    free(ends);
    return good;
}

/* --- all of it --- */

typedef bool put_event(struct exporter *exporter, size_t index, const struct lanes_event *event);

static bool put_events(struct exporter *exporter, put_event *put) {
    if (!open_out(exporter, exporter->plan->to)) {
        return false;
    }
    for (size_t i = 0; i < exporter->lanes.count; i++) {
        if (!put(exporter, i, &exporter->lanes.events[i])) {
            return false;
        }
    }
    return commit_out(exporter);
}

/* The round that is asked for: its first operation and their number. */
static bool find_round(struct exporter *exporter, size_t *first, size_t *count) {
    const struct history_file *file = exporter->file;
    const uint32_t round = exporter->plan->round;
    if (file->operation_count == 0) {
        return fail(exporter, "the history has no operations: there is nothing to export");
    }
    const uint32_t earliest = file->operations[0].round;
    const uint32_t latest = file->operations[file->operation_count - 1].round;
    if (round == 0 && earliest != latest) {
        return fail(exporter, "the history has rounds %u to %u, each beginning with an empty ring: choose one with "
                              "--round",
                    earliest, latest);
    }
    *count = check_find_round(file, round == 0 ? earliest : round, first);
    return *count > 0 ||
           fail(exporter, "the history has no round %u: its rounds are %u to %u", round, earliest, latest);
}

/* Notes what holds for all formats; an answer that none of them has a word for is an error. */
static bool survey(struct exporter *exporter, const size_t *positions, size_t count) {
    exporter->origin_ns = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct history_operation *operation = &exporter->file->operations[positions[i]];
        const struct history_record *record = &operation->record;
        const uint64_t last_ns = record->outcome == CHORD_UNKNOWN ? record->start_ns : record->end_ns;
        if (!is_possible(record)) {
            return fail(exporter, "the operation on line %" PRIu64 " was answered what its kind can't be: no other "
                                  "checker has a word for it",
                        operation->line);
        }
        exporter->origin_ns = record->start_ns < exporter->origin_ns ? record->start_ns : exporter->origin_ns;
        exporter->last_ns = last_ns > exporter->last_ns ? last_ns : exporter->last_ns;
        exporter->told->left_out_count += exporter->plan->format != EXPORT_EDN && is_left_out(record);
    }
    exporter->told->operation_count = count - exporter->told->left_out_count;
    return true;
}

bool export_history(const struct history_file *file, const struct export_plan *plan, struct export_told *told,
                    char error[REPORT_FILE_ERROR_SIZE]) {
    struct exporter exporter = {.file = file, .plan = plan, .told = told, .error = error};
    size_t first = 0;
    size_t count = 0;
    *told = (struct export_told){0};
    if (!find_round(&exporter, &first, &count)) {
        return false;
    }
    size_t *positions = malloc(count * sizeof *positions);
    chord_check(positions != NULL);
    for (size_t i = 0; i < count; i++) {
        positions[i] = first + i;
    }
    bool good = survey(&exporter, positions, count);
    if (good && lanes_make(file, positions, count, &exporter.lanes) != CHORD_OK) {
        good = fail(&exporter, "there is no memory to order the events");
    }
    if (good) {
        good = plan->format == EXPORT_KNOSSOS ? put_keys(&exporter)
                                              : put_events(&exporter, plan->format == EXPORT_EDN ? put_edn
                                                                                                 : put_porcupine);
    }
    report_file_discard(exporter.out);
    lanes_free(&exporter.lanes);
    free(positions);
    return good;
}
