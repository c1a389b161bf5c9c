/* What clients did of one action of a generated workload (generate/mix.h). Plain data of fixed size: sent between ranks as
 * bytes. A zeroed struct is empty. */
#ifndef APP_MEASURE_ACTION_H
#define APP_MEASURE_ACTION_H

#include "app/measure/histogram.h"

struct action_metrics {
    struct histogram latency_ns;  /* from the issue to the answer, operations that were given up left out */
    struct histogram intended_ns; /* open loop: the same from the time when the operation was due */
    uint64_t present_count;       /* the record was there, */
    uint64_t absent_count;        /* or not: an insert of a new one belongs here, too */
    uint64_t unknown_count;       /* given up */
};

void action_metrics_merge(struct action_metrics *into, const struct action_metrics *from);

#endif
