/* WHEN:WHAT:NODE from the left: WHEN and WHAT have no colon, a name may have any number of them. How a rank crashes may
 * follow NODE: the last part of a node's name begins with a digit, and none of these words does. */
#define _GNU_SOURCE /* memrchr */
#include "app/schedule/parse.h"

#include "app/options/duration.h"
#include "app/options/suggest.h"
#include "app/workload/excerpt.h"
#include "app/workload/workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED "expected WHEN:WHAT:NODE, for instance 2s:join:7, op=10000:depart:2 or 2s:crash:3"

/* Room for every verb, with commas. */
#define VERBS_TEXT_SIZE 64u

/* More verbs go here; the messages list them. */
static const char *const verbs[SCHEDULE_WHAT_COUNT] = {
    [SCHEDULE_JOIN] = "join", [SCHEDULE_DEPART] = "depart", [SCHEDULE_CRASH] = "crash"};

/* Some bytes of the event. */
struct span {
    const char *bytes;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool fail(char reason[SCHEDULE_ERROR_SIZE], const char *format,
                                                       ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reason, SCHEDULE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

const char *schedule_verb(enum schedule_what what) {
    return (unsigned)what < SCHEDULE_WHAT_COUNT ? verbs[what] : "?";
}

static bool is_word(struct span span, const char *word) {
    return span.size == strlen(word) && memcmp(span.bytes, word, span.size) == 0;
}

/* Cuts what stands before the first `mark` off the rest, which then begins after the mark. False if there is
 * none. */
static bool cut(struct span *rest, char mark, struct span *before) {
    const char *found = rest->size == 0 ? NULL : memchr(rest->bytes, mark, rest->size);
    if (found == NULL) {
        return false;
    }
    before->bytes = rest->bytes;
    before->size = (size_t)(found - rest->bytes);
    rest->size -= before->size + 1;
    rest->bytes = found + 1;
    return true;
}

/* Cuts the digits off that the rest begins with. */
static struct span cut_digits(struct span *rest) {
    struct span digits = {.bytes = rest->bytes};
    while (rest->size > 0 && *rest->bytes >= '0' && *rest->bytes <= '9') {
        rest->bytes++;
        rest->size--;
        digits.size++;
    }
    return digits;
}

/* The number that the digits make; false if it is above `most` (at most UINT64_MAX / 10 - 1) or there are
 * none. */
static bool number_of(struct span digits, uint64_t most, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        *number = *number * 10 + (uint64_t)(digits.bytes[i] - '0');
        if (*number > most) {
            return false;
        }
    }
    return digits.size > 0;
}

static char *shown(struct span span, char text[EXCERPT_TEXT_SIZE]) {
    return excerpt_write(span.bytes, span.size, false, text);
}

static const char *did_you_mean(char hint[128], const char *nearest) {
    hint[0] = '\0';
    if (nearest != NULL) {
        (void)snprintf(hint, 128, " (did you mean '%s'?)", nearest);
    }
    return hint;
}

/* --- WHEN --- */

static bool parse_phase(struct span word, struct schedule_event *event, char *reason) {
    const char *names[WORKLOAD_TYPE_COUNT];
    char text[EXCERPT_TEXT_SIZE], hint[128];
    for (unsigned type = 0; type < WORKLOAD_TYPE_COUNT; type++) {
        names[type] = workload_type_name((enum workload_type)type);
        if (is_word(word, names[type])) {
            event->phase_kind = SCHEDULE_PHASE_TYPE;
            event->phase_type = type;
            return true;
        }
    }
    struct span rest = word;
    const struct span digits = cut_digits(&rest);
    uint64_t number;
    if (digits.size > 0 && rest.size == 0) {
        if (!number_of(digits, UINT32_MAX, &number) || number == 0) {
            return fail(reason, "there is no phase %s: phases are numbered from 1", shown(word, text));
        }
        event->phase_kind = SCHEDULE_PHASE_NUMBER;
        event->phase_number = (uint32_t)number;
        return true;
    }
    return fail(
        reason,
        "'%s' before the / is no phase%s: write insert, query, delete or mix, or the phase's number from 1",
        shown(word, text),
        did_you_mean(hint, suggest_nearest(word.bytes, word.size, names, WORKLOAD_TYPE_COUNT)));
}

static bool parse_time(struct span word, struct schedule_event *event, char *reason) {
    char text[EXCERPT_TEXT_SIZE];
    event->trigger = SCHEDULE_AT_TIME;
    switch (duration_parse(word.bytes, word.size, SCHEDULE_SECONDS_MAX * UINT64_C(1000000000), &event->at)) {
    case DURATION_OK:
        return true;
    case DURATION_TOO_FINE:
        return fail(reason, "the time '%s' is finer than a nanosecond: write fewer decimals", shown(word, text));
    case DURATION_TOO_LONG:
        return fail(reason, "the time '%s' is above 1,000,000 s: no phase takes so long", shown(word, text));
    case DURATION_MALFORMED:
        break;
    }
    return fail(reason,
                "'%s' is neither a time nor a count: write 2s, 500ms or 1.5s since the phase began, or op=10000 for so "
                "many answered operations",
                shown(word, text));
}

static bool parse_when(struct span word, struct schedule_event *event, char *reason) {
    char text[EXCERPT_TEXT_SIZE];
    struct span phase, rest = word;
    event->phase_kind = SCHEDULE_PHASE_LAST;
    if (cut(&rest, '/', &phase) && !parse_phase(phase, event, reason)) {
        return false;
    }
    if (rest.size >= 3 && memcmp(rest.bytes, "op=", 3) == 0) {
        struct span count = {.bytes = rest.bytes + 3, .size = rest.size - 3};
        const struct span digits = cut_digits(&count);
        if (digits.size == 0 || count.size > 0) {
            return fail(reason,
                        "'%s' is no count of operations: write op= and a whole number, such as op=10000",
                        shown(rest, text));
        }
        event->trigger = SCHEDULE_AT_COUNT;
        return number_of(digits, SCHEDULE_COUNT_MAX, &event->at) ||
               fail(reason, "the count in '%s' is above 10^18: no phase has so many operations",
                    shown(rest, text));
    }
    return parse_time(rest, event, reason);
}

/* --- WHAT and NODE --- */

static bool parse_what(struct span word, struct schedule_event *event, char *reason) {
    char text[EXCERPT_TEXT_SIZE], hint[128], list[VERBS_TEXT_SIZE] = "";
    for (unsigned what = 0; what < SCHEDULE_WHAT_COUNT; what++) {
        if (is_word(word, verbs[what])) {
            event->what = (enum schedule_what)what;
            return true;
        }
        const size_t used = strlen(list);
        const char *joint = what == 0 ? "" : what + 1 == SCHEDULE_WHAT_COUNT ? " or " : ", ";
        (void)snprintf(list + used, sizeof list - used, "%s%s", joint, verbs[what]);
    }
    return fail(reason, "a node can't '%s'%s: write %s between WHEN and NODE", shown(word, text),
                did_you_mean(hint, suggest_nearest(word.bytes, word.size, verbs, SCHEDULE_WHAT_COUNT)), list);
}

static const char *last_colon(struct span word) {
    return word.size == 0 ? NULL : memrchr(word.bytes, ':', word.size);
}

/* Cuts the way to crash off the end of NODE:HOW, if there is one: what follows the last colon and doesn't begin with a
 * digit, as the rank in a node's name does. */
static bool parse_crash(struct span *node, struct schedule_event *event, char *reason) {
    const char *colon = last_colon(*node);
    const char *end = node->bytes + node->size;
    if (colon == NULL || (colon + 1 < end && colon[1] >= '0' && colon[1] <= '9')) {
        event->crash = (struct crash){.kind = CRASH_SILENCE};
        return true;
    }
    char why[CRASH_REASON_SIZE];
    if (!crash_parse(colon + 1, (size_t)(end - colon - 1), &event->crash, why)) {
        return fail(reason, "%s", why);
    }
    node->size = (size_t)(colon - node->bytes);
    return true;
}

/* A process dies as a whole: host:3#1, one of several nodes of a rank's, can't crash alone. */
static bool check_whole(struct span word, char *reason) {
    const char *rank = last_colon(word) + 1;
    const size_t size = (size_t)(word.bytes + word.size - rank);
    char text[EXCERPT_TEXT_SIZE];
    if (*rank < '0' || *rank > '9') {
        return fail(reason, "'%s' is neither a rank nor a rank's name such as host:3", shown(word, text));
    }
    return memchr(rank, '#', size) == NULL ||
           fail(reason, "'%s' is one node, but a process dies as a whole: write its rank, or host:rank without #",
                shown(word, text));
}

/* A rank is known at once. A name is only looked at: which names there are is known when all ranks have told
 * theirs. */
static bool parse_node(struct span word, struct schedule_event *event, char *reason) {
    char text[EXCERPT_TEXT_SIZE];
    if (word.size == 0) {
        return fail(reason, "the node is missing: write its rank or its name after '%s:'",
                    schedule_verb(event->what));
    }
    struct span rest = word;
    const struct span digits = cut_digits(&rest);
    if (rest.size == 0) {
        uint64_t rank;
        if (!number_of(digits, UINT32_MAX - 1, &rank)) {
            return fail(reason, "there is no rank %s", shown(word, text));
        }
        event->names_rank = true;
        event->address = (struct chord_address){.rank = (uint32_t)rank};
        return true;
    }
    bool printable = word.size <= SCHEDULE_NODE_SIZE_MAX;
    for (size_t i = 0; i < word.size; i++) {
        printable = printable && (unsigned char)word.bytes[i] > ' ' && word.bytes[i] != 127;
    }
    const char *colon = memchr(word.bytes, ':', word.size);
    if (!printable || colon == NULL || colon == word.bytes || colon + 1 == word.bytes + word.size) {
        return fail(reason, "'%s' is neither a rank nor a node's name such as host:3 or host:3#1",
                    shown(word, text));
    }
    return event->what != SCHEDULE_CRASH || check_whole(word, reason);
}

bool schedule_parse(const char *text, size_t size, struct schedule_event *event, struct schedule_span *node,
                    char reason[SCHEDULE_ERROR_SIZE]) {
    struct span rest = {.bytes = text, .size = size}, when, what;
    *event = (struct schedule_event){0};
    if (!cut(&rest, ':', &when) || !cut(&rest, ':', &what)) {
        char quoted[EXCERPT_TEXT_SIZE];
        return fail(reason, EXPECTED ", not '%s'", excerpt_write(text, size, false, quoted));
    }
    if (!parse_when(when, event, reason) || !parse_what(what, event, reason) ||
        (event->what == SCHEDULE_CRASH && !parse_crash(&rest, event, reason)) || !parse_node(rest, event, reason)) {
        return false;
    }
    *node = (struct schedule_span){.offset = (size_t)(rest.bytes - text), .size = rest.size};
    return true;
}
