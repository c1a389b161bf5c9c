/* The faults of a simulated run, drawn from its seed: ranks that die, fall silent or stop for a while, and channels on which
 * messages take long. They end at a time; from then on the ring must heal.
 *
 * What no protocol survives is left out: a rank isn't killed while it alone, of those that live, is known to hold an arc
 * complete. But a ring in which data may be lost is allowed to lose it. */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "chord/base/prng.h"
#include "chord/wire/config.h"

#include <stdbool.h>
#include <stdint.h>

#define FAULTS_MAX 24u

enum fault_kind {
    FAULT_CRASH,   /* the process is gone, and a part of what it has sent with it */
    FAULT_SILENCE, /* it takes nothing in and sends nothing, for good */
    FAULT_PAUSE,   /* it stops for a while */
    FAULT_STALL,   /* what one rank sends to another takes long */
    FAULT_KIND_COUNT
};

struct fault {
    uint64_t at_ticks; /* after the ring was formed */
    enum fault_kind kind;
    uint32_t rank;
    uint32_t to_rank;        /* of a stall */
    uint64_t duration_ticks; /* of a pause or a stall */
};

struct faults {
    struct fault items[FAULTS_MAX]; /* ascending by time */
    uint32_t count;
    uint32_t next;
    uint64_t end_ticks; /* all pauses and stalls are over, after the ring was formed */
};

/* Draws them for a run whose operations take about span_ticks. */
void faults_draw(struct faults *faults, struct chord_prng *prng, const struct chord_config *config,
                 uint64_t span_ticks);

/* The field's name of a kind. Static storage. */
const char *fault_name(enum fault_kind kind);

#endif
