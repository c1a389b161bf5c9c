#include "app/measure/timeline.h"

#include "chord/base/check.h"

#include <string.h>

void timeline_double(struct timeline *timeline) {
    chord_check(timeline->doubling_count < TIMELINE_DOUBLING_COUNT_MAX);
    for (size_t i = 0; i < TIMELINE_SLICE_COUNT / 2; i++) {
        timeline->counts[i] = timeline->counts[2 * i] + timeline->counts[2 * i + 1];
    }
    memset(timeline->counts + TIMELINE_SLICE_COUNT / 2, 0,
           TIMELINE_SLICE_COUNT / 2 * sizeof *timeline->counts);
    timeline->doubling_count++;
}

void timeline_merge(struct timeline *into, const struct timeline *from) {
    while (into->doubling_count < from->doubling_count) {
        timeline_double(into);
    }
    const unsigned shift = into->doubling_count - from->doubling_count;
    for (size_t i = 0; i < TIMELINE_SLICE_COUNT; i++) {
        into->counts[i >> shift] += from->counts[i];
    }
}

uint64_t timeline_width_ns(const struct timeline *timeline) {
    return TIMELINE_WIDTH_NS_MIN << timeline->doubling_count;
}

size_t timeline_slice_count(const struct timeline *timeline) {
    size_t count = TIMELINE_SLICE_COUNT;
    while (count > 0 && timeline->counts[count - 1] == 0) {
        count--;
    }
    return count;
}

double timeline_throughput_per_second(const struct timeline *timeline, uint64_t from_ns, uint64_t to_ns) {
    if (to_ns <= from_ns) {
        return -1.0;
    }
    const unsigned shift = TIMELINE_WIDTH_SHIFT_MIN + timeline->doubling_count;
    const uint64_t width_ns = timeline_width_ns(timeline);
    const uint64_t last = (to_ns - 1) >> shift;
    double operations = 0;
    for (uint64_t slice = from_ns >> shift; slice <= last && slice < TIMELINE_SLICE_COUNT; slice++) {
        const uint64_t start_ns = slice << shift;
        const uint64_t from = from_ns > start_ns ? from_ns - start_ns : 0;
        const uint64_t to = to_ns - start_ns < width_ns ? to_ns - start_ns : width_ns;
        operations += (double)timeline->counts[slice] * ((double)(to - from) / (double)width_ns);
    }
    return operations * 1e9 / (double)(to_ns - from_ns);
}
