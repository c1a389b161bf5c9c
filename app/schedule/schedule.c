#include "app/schedule/schedule.h"

#include "app/schedule/parse.h"
#include "app/workload/excerpt.h"
#include "app/workload/workload.h"

#include "chord/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* --- errors: where, what is wrong, the fix --- */

/* As printf, after "PATH:LINE: " or "--at 'TEXT': ". A path's control characters would break the line: they
 * become
 * '?'. All else has been made printable. */
__attribute__((format(printf, 6, 7))) static bool fail(char error[SCHEDULE_ERROR_SIZE], const char *path,
                                                       uint32_t line, const char *text, size_t size,
                                                       const char *format, ...) {
    char quoted[EXCERPT_TEXT_SIZE], message[SCHEDULE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    int used;
    if (text != NULL) {
        used = snprintf(error, SCHEDULE_ERROR_SIZE, "--at '%s': ", excerpt_write(text, size, false, quoted));
    } else if (line > 0) {
        used = snprintf(error, SCHEDULE_ERROR_SIZE, "%.200s:%" PRIu32 ": ", path, line);
    } else {
        used = snprintf(error, SCHEDULE_ERROR_SIZE, "%.200s: ", path);
    }
    (void)snprintf(error + used, SCHEDULE_ERROR_SIZE - (size_t)used, "%s", message);
    for (char *c = error; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
    return false;
}

#define FAIL_EVENT(schedule, event, error, ...)                                                              \
    fail((error), (schedule)->path, (event)->line, (event)->line > 0 ? NULL : (event)->text,                 \
         strlen((event)->text), __VA_ARGS__)

/* --- reading --- */

/* line 0: of the command line. */
static bool add(struct schedule *schedule, const char *text, size_t size, uint32_t line, char *error) {
    const char *named = line > 0 ? NULL : text;
    char reason[SCHEDULE_ERROR_SIZE];
    struct schedule_event event;
    struct schedule_span node;
    if (!schedule_parse(text, size, &event, &node, reason)) {
        return fail(error, schedule->path, line, named, size, "%s", reason);
    }
    if (schedule->event_count == SCHEDULE_EVENT_COUNT_MAX) {
        return fail(error, schedule->path, line, named, size, "a run takes at most %u events: split it",
                    SCHEDULE_EVENT_COUNT_MAX);
    }
    if (schedule->event_count == schedule->event_capacity) {
        const size_t capacity = 2 * schedule->event_capacity + 16;
        struct schedule_event *events = realloc(schedule->events, capacity * sizeof *events);
        if (events == NULL) {
            return fail(error, schedule->path, line, named, size, "out of memory");
        }
        schedule->events = events;
        schedule->event_capacity = capacity;
    }
    /* What was parsed has no NUL: NODE is printable, and the others were compared with words. */
    event.text = malloc(size + 1 + node.size + 1);
    if (event.text == NULL) {
        return fail(error, schedule->path, line, named, size, "out of memory");
    }
    char *alone = event.text + size + 1;
    memcpy(event.text, text, size);
    event.text[size] = '\0';
    memcpy(alone, text + node.offset, node.size);
    alone[node.size] = '\0';
    event.node = alone;
    event.line = line;
    event.ordinal = (uint32_t)schedule->event_count;
    schedule->events[schedule->event_count++] = event;
    return true;
}

bool schedule_add(struct schedule *schedule, const char *text, size_t size, char error[SCHEDULE_ERROR_SIZE]) {
    return add(schedule, text, size, 0, error);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* One line of the file: without its comment and the blanks around. */
static bool add_line(struct schedule *schedule, const char *bytes, size_t size, uint32_t line, char *error) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '#' && (i == 0 || is_blank(bytes[i - 1]))) {
            size = i;
        }
    }
    while (size > 0 && is_blank(bytes[size - 1])) {
        size--;
    }
    while (size > 0 && is_blank(*bytes)) {
        bytes++;
        size--;
    }
    return size == 0 || add(schedule, bytes, size, line, error);
}

static bool read_lines(struct schedule *schedule, FILE *file, char *error) {
    char bytes[SCHEDULE_LINE_SIZE_MAX + 1]; /* with the CR of a line break */
    size_t size = 0;
    uint32_t line = 1;
    for (int byte = getc(file);; byte = getc(file)) {
        const bool ends = byte == '\n' || byte == EOF;
        if (!ends && (size == sizeof bytes || (size == SCHEDULE_LINE_SIZE_MAX && byte != '\r'))) {
            return fail(error, schedule->path, line, NULL, 0,
                        "the line is longer than %u bytes; expected one WHEN:WHAT:NODE a line",
                        SCHEDULE_LINE_SIZE_MAX);
        }
        if (!ends) {
            bytes[size++] = (char)byte;
            continue;
        }
        const size_t mark = strlen(byte_order_mark);
        const size_t skipped =
            line == 1 && size >= mark && memcmp(bytes, byte_order_mark, mark) == 0 ? mark : 0;
        if (!add_line(schedule, bytes + skipped, size - skipped, line, error)) {
            return false;
        }
        if (byte == EOF) {
            break;
        }
        size = 0;
        if (line == UINT32_MAX) {
            return fail(error, schedule->path, 0, NULL, 0, "the file has too many lines");
        }
        line++;
    }
    return !ferror(file) || fail(error, schedule->path, 0, NULL, 0, "can't be read: %s", strerror(errno));
}

bool schedule_read(struct schedule *schedule, const char *path, char error[SCHEDULE_ERROR_SIZE]) {
    schedule->path = path;
    /* Without O_NONBLOCK opening a pipe that nobody writes to would wait for ever. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    FILE *file = NULL;
    bool good = false;
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        (void)fail(error, path, 0, NULL, 0, "can't be opened: %s", strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        (void)fail(error, path, 0, NULL, 0, "is no regular file; expected lines WHEN:WHAT:NODE");
    } else if ((file = fdopen(descriptor, "r")) == NULL) {
        (void)fail(error, path, 0, NULL, 0, "out of memory");
    } else {
        good = read_lines(schedule, file, error);
    }
    if (file != NULL) {
        (void)fclose(file);
    } else if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return good;
}

/* --- checking --- */

static bool place(const struct schedule *schedule, struct schedule_event *event,
                  const struct schedule_run *run, char *error) {
    size_t found = 0, first = 0, second = 0;
    switch (event->phase_kind) {
    case SCHEDULE_PHASE_LAST:
        event->phase_index = (uint32_t)run->phase_count - 1;
        return true;
    case SCHEDULE_PHASE_NUMBER:
        event->phase_index = event->phase_number - 1;
        return event->phase_index < run->phase_count ||
               FAIL_EVENT(schedule, event, error,
                          "there is no phase %" PRIu32 ": this run has the phases 1 to %zu",
                          event->phase_number, run->phase_count);
    case SCHEDULE_PHASE_TYPE:
        break;
    }
    const char *name = workload_type_name((enum workload_type)event->phase_type);
    for (size_t i = run->phase_count; i-- > 0;) {
        if (run->phases[i].type == event->phase_type) {
            second = first;
            first = i;
            found++;
        }
    }
    event->phase_index = (uint32_t)first;
    if (found == 0) {
        return FAIL_EVENT(schedule, event, error, "this run has no %s phase; add one with --phase %s=FILE",
                          name, name);
    }
    return found == 1 || FAIL_EVENT(schedule, event, error,
                                    "this run has %zu %s phases, say which by its number, for instance %zu/ "
                                    "or %zu/ instead of %s/",
                                    found, name, first + 1, second + 1, name);
}

static int compare_events(const void *a, const void *b) {
    const struct schedule_event *first = a, *second = b;
    if (first->phase_index != second->phase_index) {
        return first->phase_index < second->phase_index ? -1 : 1;
    }
    if (first->trigger != second->trigger) {
        return first->trigger < second->trigger ? -1 : 1;
    }
    if (first->at != second->at) {
        return first->at < second->at ? -1 : 1;
    }
    return first->ordinal < second->ordinal ? -1 : first->ordinal > second->ordinal;
}

static bool fail_rank_0(const struct schedule *schedule, const struct schedule_event *event, char *error) {
    return FAIL_EVENT(schedule, event, error,
                      "rank 0 hosts the coordinator, which never crashes by contract; choose another rank");
}

static bool check_crash(const struct schedule *schedule, const struct schedule_event *event,
                        const struct schedule_run *run, char *error) {
    if (event->what != SCHEDULE_CRASH) {
        return true;
    }
    if (event->names_rank && event->address.rank == 0) {
        return fail_rank_0(schedule, event, error);
    }
    return event->crash.kind != CRASH_KILL || run->kill_refusal == NULL ||
           FAIL_EVENT(schedule, event, error, "%s", run->kill_refusal);
}

bool schedule_prepare(struct schedule *schedule, const struct schedule_run *run,
                      char error[SCHEDULE_ERROR_SIZE]) {
    chord_check(run->phase_count > 0);
    for (size_t i = 0; i < schedule->event_count; i++) {
        struct schedule_event *event = &schedule->events[i];
        if (!place(schedule, event, run, error)) {
            return false;
        }
        const uint64_t operations = run->phases[event->phase_index].operation_count;
        if (event->trigger == SCHEDULE_AT_COUNT && event->at >= operations) {
            return FAIL_EVENT(schedule, event, error,
                              "phase %" PRIu32 " has %" PRIu64
                              " operations: write a smaller count than that after op=",
                              event->phase_index + 1, operations);
        }
        if (event->names_rank && event->address.rank >= run->rank_count) {
            return FAIL_EVENT(schedule, event, error,
                              "there is no rank %" PRIu32 ": the ranks are 0..%" PRIu32
                              "; start more with -n",
                              event->address.rank, run->rank_count - 1);
        }
        if (!check_crash(schedule, event, run, error)) {
            return false;
        }
    }
    if (schedule->event_count > 0) {
        qsort(schedule->events, schedule->event_count, sizeof *schedule->events, compare_events);
    }
    return true;
}

bool schedule_has_crashes(const struct schedule *schedule) {
    for (size_t i = 0; i < schedule->event_count; i++) {
        if (schedule->events[i].what == SCHEDULE_CRASH) {
            return true;
        }
    }
    return false;
}

/* The events are sorted by now, but the first in the order of reading is to be told. */
static void note_first(const struct schedule_event **first, const struct schedule_event *event) {
    if (*first == NULL || event->ordinal < (*first)->ordinal) {
        *first = event;
    }
}

bool schedule_resolve(struct schedule *schedule, schedule_lookup *lookup, void *context,
                      char error[SCHEDULE_ERROR_SIZE]) {
    const struct schedule_event *unknown = NULL, *forbidden = NULL;
    for (size_t i = 0; i < schedule->event_count; i++) {
        struct schedule_event *event = &schedule->events[i];
        if (!event->names_rank && !lookup(context, event->node, &event->address)) {
            note_first(&unknown, event);
        } else if (event->what == SCHEDULE_CRASH && event->address.rank == 0) {
            note_first(&forbidden, event);
        }
    }
    if (unknown == NULL) {
        return forbidden == NULL || fail_rank_0(schedule, forbidden, error);
    }
    char name[EXCERPT_TEXT_SIZE];
    return FAIL_EVENT(schedule, unknown, error,
                      "there is no node '%s'; write its rank, or its name as reports show it",
                      excerpt_write(unknown->node, strlen(unknown->node), false, name));
}

/* --- what is due --- */

void schedule_begin(struct schedule *schedule, uint32_t phase_index) {
    size_t at = 0;
    while (at < schedule->event_count && schedule->events[at].phase_index < phase_index) {
        at++;
    }
    schedule->time_next = at;
    while (at < schedule->event_count && schedule->events[at].phase_index == phase_index &&
           schedule->events[at].trigger == SCHEDULE_AT_TIME) {
        at++;
    }
    schedule->time_end = at;
    schedule->count_next = at;
    while (at < schedule->event_count && schedule->events[at].phase_index == phase_index) {
        at++;
    }
    schedule->count_end = at;
}

uint64_t schedule_next_ns(const struct schedule *schedule) {
    return schedule->time_next < schedule->time_end ? schedule->events[schedule->time_next].at : UINT64_MAX;
}

uint64_t schedule_next_count(const struct schedule *schedule) {
    return schedule->count_next < schedule->count_end ? schedule->events[schedule->count_next].at
                                                      : UINT64_MAX;
}

const struct schedule_event *schedule_next_due(struct schedule *schedule, uint64_t elapsed_ns,
                                               uint64_t answered_count) {
    const bool at_time = schedule->time_next < schedule->time_end && schedule_next_ns(schedule) <= elapsed_ns;
    const bool at_count =
        schedule->count_next < schedule->count_end && schedule_next_count(schedule) <= answered_count;
    if (!at_time && !at_count) {
        return NULL;
    }
    const bool time_first = at_time && (!at_count || schedule->events[schedule->time_next].ordinal <
                                                         schedule->events[schedule->count_next].ordinal);
    return &schedule->events[time_first ? schedule->time_next++ : schedule->count_next++];
}

const struct schedule_event *schedule_next_left(struct schedule *schedule) {
    return schedule_next_due(schedule, UINT64_MAX, UINT64_MAX);
}

void schedule_clear(struct schedule *schedule) {
    for (size_t i = 0; i < schedule->event_count; i++) {
        free(schedule->events[i].text);
    }
    free(schedule->events);
    *schedule = (struct schedule){0};
}
