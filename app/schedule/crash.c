#include "app/schedule/crash.h"

#include "app/options/duration.h"
#include "app/options/suggest.h"
#include "app/workload/excerpt.h"

#include <stdio.h>
#include <string.h>

static const char *const names[CRASH_KIND_COUNT] = {
    [CRASH_SILENCE] = "silence", [CRASH_KILL] = "kill", [CRASH_PAUSE] = "pause"};

/* As a person writes them, for suggestions. */
static const char *const written[] = {"silence", "kill", "pause=800ms"};

static const char pause_start[] = "pause=";

const char *crash_kind_name(enum crash_kind kind) {
    return (unsigned)kind < CRASH_KIND_COUNT ? names[kind] : "?";
}

/* What stands after "pause=". */
static bool parse_pause(const char *text, size_t size, struct crash *crash, char *reason) {
    char quoted[EXCERPT_TEXT_SIZE];
    const enum duration_result result = duration_parse(text, size, CRASH_PAUSE_NS_MAX, &crash->pause_ns);
    if (result == DURATION_OK && crash->pause_ns > 0) {
        crash->kind = CRASH_PAUSE;
        return true;
    }
    const char *wrong = result == DURATION_MALFORMED  ? "is no time"
                        : result == DURATION_TOO_FINE ? "is finer than a nanosecond"
                        : result == DURATION_TOO_LONG ? "is above 3600 s"
                                                      : "is no pause";
    (void)snprintf(reason, CRASH_REASON_SIZE, "'%s' after pause= %s: write pause=800ms or pause=2s",
                   excerpt_write(text, size, false, quoted), wrong);
    return false;
}

bool crash_parse(const char *text, size_t size, struct crash *crash, char reason[CRASH_REASON_SIZE]) {
    const size_t start = sizeof pause_start - 1;
    *crash = (struct crash){0};
    if (size >= start && memcmp(text, pause_start, start) == 0) {
        return parse_pause(text + start, size - start, crash, reason);
    }
    for (unsigned kind = 0; kind < CRASH_KIND_COUNT; kind++) {
        if (kind != CRASH_PAUSE && strlen(names[kind]) == size && memcmp(names[kind], text, size) == 0) {
            crash->kind = (enum crash_kind)kind;
            return true;
        }
    }
    char quoted[EXCERPT_TEXT_SIZE], hint[64] = "";
    const char *nearest = suggest_nearest(text, size, written, sizeof written / sizeof written[0]);
    if (nearest != NULL) {
        (void)snprintf(hint, sizeof hint, " (did you mean '%s'?)", nearest);
    }
    (void)snprintf(reason, CRASH_REASON_SIZE, "a rank can't crash by '%s'%s: write silence, kill or pause=800ms",
                   excerpt_write(text, size, false, quoted), hint);
    return false;
}
