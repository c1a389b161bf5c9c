#include "app/driver/events.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

enum chord_status events_init(struct events *events, uint32_t rank_count) {
    events->rank_count = rank_count;
    events->answered = calloc(rank_count, sizeof *events->answered);
    return events->answered == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

void events_clear(struct events *events) {
    free(events->answered);
    *events = (struct events){0};
}

bool events_begin(struct events *events, uint32_t phase_index) {
    memset(events->answered, 0, events->rank_count * sizeof *events->answered);
    events->answered_sum = 0;
    events->fires = false;
    schedule_begin(events->schedule, phase_index);
    return events_need_answered(events) || schedule_next_ns(events->schedule) != UINT64_MAX;
}

bool events_need_answered(const struct events *events) {
    return schedule_next_count(events->schedule) != UINT64_MAX;
}

void events_start(struct events *events, uint64_t start_ns) {
    events->start_ns = start_ns;
    events->fires = true;
}

void events_answered(struct events *events, uint32_t rank, uint64_t count) {
    chord_check(rank < events->rank_count);
    if (count > events->answered[rank]) {
        events->answered_sum += count - events->answered[rank];
        events->answered[rank] = count;
    }
}

const struct schedule_event *events_next_due(struct events *events, uint64_t now_ns) {
    if (!events->fires || now_ns < events->start_ns) {
        return NULL;
    }
    return schedule_next_due(events->schedule, now_ns - events->start_ns, events->answered_sum);
}

const struct schedule_event *events_next_left(struct events *events) {
    events->fires = false;
    return schedule_next_left(events->schedule);
}
