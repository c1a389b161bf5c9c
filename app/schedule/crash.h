/* How a rank is made to fail, and how that is written: silence, kill or pause=TIME. The schedule and the shell read it
 * here; the agent of the rank carries it out. */
#ifndef APP_SCHEDULE_CRASH_H
#define APP_SCHEDULE_CRASH_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_REASON_SIZE 384u
#define CRASH_PAUSE_NS_MAX UINT64_C(3600000000000)

enum crash_kind {
    CRASH_SILENCE, /* the rank discards all that it gets and sends nothing more: works with any MPI */
    CRASH_KILL,    /* it kills itself (SIGKILL): the MPI must survive that */
    CRASH_PAUSE,   /* it stops for a while (SIGSTOP) and goes on as if nothing had been */
    CRASH_KIND_COUNT
};

struct crash {
    enum crash_kind kind;
    uint64_t pause_ns; /* of CRASH_PAUSE, 1..CRASH_PAUSE_NS_MAX; otherwise 0 */
};

/* Reads `silence`, `kill` or `pause=800ms` from the first `size` bytes of text, which may be any bytes. False with one
 * line in `reason` that says what is wrong and how to mend it. */
CHORD_MUST_CHECK bool crash_parse(const char *text, size_t size, struct crash *crash, char reason[CRASH_REASON_SIZE]);

/* "silence", "kill", "pause"; "?" for any other number. Static storage. */
const char *crash_kind_name(enum crash_kind kind);

#endif
