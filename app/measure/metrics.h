/* What the client of one rank counts during a phase, and the sums over ranks. Plain data of fixed size: sent
 * between ranks as bytes. A zeroed struct is empty. */
#ifndef APP_MEASURE_METRICS_H
#define APP_MEASURE_METRICS_H

#include "app/measure/histogram.h"
#include "app/measure/hops.h"
#include "chord/ring/cache.h"
#include "chord/wire/message.h"

struct metrics {
    uint64_t outcomes[CHORD_OPERATION_KIND_COUNT][CHORD_OUTCOME_COUNT];
    struct histogram
        latency_ns[CHORD_OPERATION_KIND_COUNT]; /* from the issue to the answer, on one rank's clock */
    struct hops hops[CHORD_OPERATION_KIND_COUNT];
    struct hops shortcut_hops[CHORD_SHORTCUT_COUNT]; /* of all kinds, by what location caches did; with caches only */
    uint64_t retry_count;
};

/* What the ranks' location caches did (chord/ring/cache.h), and what they hold. */
struct cache_use {
    struct chord_cache_counters counters; /* during the phase */
    uint64_t entry_count;
};

/* Messages by type, of the protocol, and what became of them in MPI. */
struct traffic {
    uint64_t messages[CHORD_MESSAGE_TYPE_COUNT]; /* sent, to other ranks and to oneself */
    uint64_t bytes[CHORD_MESSAGE_TYPE_COUNT];
    uint64_t self_messages; /* of them, those that stayed on their rank */
    uint64_t mpi_messages;  /* frames sent to other ranks; the driver's few included */
    uint64_t mpi_bytes;
};

void metrics_merge(struct metrics *into, const struct metrics *from);
void cache_use_merge(struct cache_use *into, const struct cache_use *from);
void traffic_merge(struct traffic *into, const struct traffic *from);
/* into -= from: what was counted since `from`. */
void traffic_subtract(struct traffic *into, const struct traffic *from);

#endif
