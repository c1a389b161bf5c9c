#include "app/measure/metrics.h"

void metrics_merge(struct metrics *into, const struct metrics *from) {
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
            into->outcomes[kind][outcome] += from->outcomes[kind][outcome];
        }
        histogram_merge(&into->latency_ns[kind], &from->latency_ns[kind]);
        hops_merge(&into->hops[kind], &from->hops[kind]);
    }
    for (unsigned shortcut = 0; shortcut < CHORD_SHORTCUT_COUNT; shortcut++) {
        hops_merge(&into->shortcut_hops[shortcut], &from->shortcut_hops[shortcut]);
    }
    into->retry_count += from->retry_count;
}

void cache_use_merge(struct cache_use *into, const struct cache_use *from) {
    chord_cache_counters_add(&into->counters, &from->counters);
    into->entry_count += from->entry_count;
}

void traffic_merge(struct traffic *into, const struct traffic *from) {
    for (unsigned type = 0; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        into->messages[type] += from->messages[type];
        into->bytes[type] += from->bytes[type];
    }
    into->self_messages += from->self_messages;
    into->mpi_messages += from->mpi_messages;
    into->mpi_bytes += from->mpi_bytes;
}

void traffic_subtract(struct traffic *into, const struct traffic *from) {
    for (unsigned type = 0; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        into->messages[type] -= from->messages[type];
        into->bytes[type] -= from->bytes[type];
    }
    into->self_messages -= from->self_messages;
    into->mpi_messages -= from->mpi_messages;
    into->mpi_bytes -= from->mpi_bytes;
}
