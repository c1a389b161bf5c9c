/* WHEN:WHAT:NODE from the left: WHEN and WHAT have no colon, a name may have any number of them. */
#include "app/schedule/parse.h"

#include "app/options/suggest.h"
#include "app/workload/excerpt.h"
#include "app/workload/workload.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EXPECTED "expected WHEN:WHAT:NODE, for instance 2s:join:7 or op=10000:depart:2"

/* Room for every verb, with commas. */
#define VERBS_TEXT_SIZE 64u

struct verb {
    const char *name;
    enum chord_command command;
};

/* More verbs go here; the messages list them. */
static const struct verb verbs[] = {
    {"join", CHORD_COMMAND_JOIN},
    {"depart", CHORD_COMMAND_DEPART},
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

/* A decimal point may be followed by as many digits as a unit has powers of ten: nothing is finer than 1 ns.
 */
static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}};

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

const char *schedule_verb(enum chord_command what) {
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (verbs[i].command == what) {
            return verbs[i].name;
        }
    }
    return what == CHORD_COMMAND_EXCLUDE ? "exclude" : "?";
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

/* 2s, 500ms, 1.5s. *known says whether it looks like a time at all. */
static bool parse_time(struct span word, struct schedule_event *event, bool *known, char *reason) {
    struct span rest = word;
    const struct span whole = cut_digits(&rest);
    struct span decimals = {.bytes = rest.bytes};
    const bool point = rest.size > 0 && *rest.bytes == '.';
    char text[EXCERPT_TEXT_SIZE];
    if (point) {
        rest.bytes++;
        rest.size--;
        decimals = cut_digits(&rest);
    }
    *known = false;
    if (whole.size == 0 || (point && decimals.size == 0)) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!is_word(rest, units[i].name)) {
            continue;
        }
        *known = true;
        const uint64_t most_ns = SCHEDULE_SECONDS_MAX * UINT64_C(1000000000);
        uint64_t number;
        bool fits = number_of(whole, most_ns / units[i].ns, &number);
        event->at = fits ? number * units[i].ns : 0;
        uint64_t scale = units[i].ns;
        for (size_t d = 0; d < decimals.size; d++) {
            scale /= 10;
            if (scale == 0) {
                return fail(reason, "the time '%s' is finer than a nanosecond: write fewer decimals",
                            shown(word, text));
            }
            event->at += scale * (uint64_t)(decimals.bytes[d] - '0');
        }
        fits = fits && event->at <= most_ns;
        event->trigger = SCHEDULE_AT_TIME;
        return fits ||
               fail(reason, "the time '%s' is above 1,000,000 s: no phase takes so long", shown(word, text));
    }
    return false;
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
    bool known;
    if (parse_time(rest, event, &known, reason)) {
        return true;
    }
    return known
               ? false
               : fail(reason,
                      "'%s' is neither a time nor a count: write 2s, 500ms or 1.5s since the phase began, or "
                      "op=10000 for so many answered operations",
                      shown(rest, text));
}

/* --- WHAT and NODE --- */

static bool parse_what(struct span word, struct schedule_event *event, char *reason) {
    const char *names[VERB_COUNT];
    char text[EXCERPT_TEXT_SIZE], hint[128], list[VERBS_TEXT_SIZE] = "";
    for (size_t i = 0; i < VERB_COUNT; i++) {
        names[i] = verbs[i].name;
        if (is_word(word, names[i])) {
            event->what = verbs[i].command;
            return true;
        }
        const size_t used = strlen(list);
        const char *joint = i == 0 ? "" : i + 1 == VERB_COUNT ? " or " : ", ";
        (void)snprintf(list + used, sizeof list - used, "%s%s", joint, names[i]);
    }
    return fail(reason, "a node can't '%s'%s: write %s between WHEN and NODE", shown(word, text),
                did_you_mean(hint, suggest_nearest(word.bytes, word.size, names, VERB_COUNT)), list);
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
    return true;
}

bool schedule_parse(const char *text, size_t size, struct schedule_event *event, size_t *node_offset,
                    char reason[SCHEDULE_ERROR_SIZE]) {
    struct span rest = {.bytes = text, .size = size}, when, what;
    *event = (struct schedule_event){0};
    if (!cut(&rest, ':', &when) || !cut(&rest, ':', &what)) {
        char quoted[EXCERPT_TEXT_SIZE];
        return fail(reason, EXPECTED ", not '%s'", excerpt_write(text, size, false, quoted));
    }
    *node_offset = (size_t)(rest.bytes - text);
    return parse_when(when, event, reason) && parse_what(what, event, reason) &&
           parse_node(rest, event, reason);
}
