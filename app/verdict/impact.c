#include "app/verdict/impact.h"

void impact_add(struct impact *impact, const struct history_record *records, size_t count,
                const struct impact_window *window) {
    for (size_t i = 0; i < count; i++) {
        const struct history_record *record = &records[i];
        const uint64_t end_ns = record->end_ns == 0 ? UINT64_MAX : record->end_ns;
        if (record->start_ns > window->to_ns || end_ns < window->from_ns) {
            continue;
        }
        const bool unknown = record->outcome == CHORD_UNKNOWN;
        impact->waited_count += !unknown && end_ns > window->to_ns;
        impact->retried_count += record->retry_count > 0;
        impact->unknown_count += unknown;
    }
}

void impact_merge(struct impact *into, const struct impact *from) {
    into->waited_count += from->waited_count;
    into->retried_count += from->retried_count;
    into->unknown_count += from->unknown_count;
}
