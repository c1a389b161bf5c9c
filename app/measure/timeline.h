/* How many operations were answered when, from the start of a phase's timed part: so that a report can say
 * what the throughput was before, during and after an event. A zeroed struct is an empty timeline.
 *
 * Time is cut into TIMELINE_SLICE_COUNT slices of one width, a power of two of nanoseconds. It begins at
 * TIMELINE_WIDTH_NS_MIN (66 us: a small workload is over in milliseconds); an answer beyond the last slice
 * doubles the width and merges the slices in pairs, so a timeline never grows, and never is coarser than
 * 1/2048 of the time that it spans:
 *
 *     width 1   | 3 | 5 | 2 | 4 |      answer at 4
 *     width 2   |   8   |   6   | 1 |
 *
 * Recording costs a shift, a comparison and an addition. Two timelines with one origin can be merged whatever
 * their widths are. Plain data of fixed size: sent between ranks as bytes. It knows nothing of clocks. */
#ifndef APP_MEASURE_TIMELINE_H
#define APP_MEASURE_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#define TIMELINE_SLICE_COUNT_SHIFT 12u
#define TIMELINE_SLICE_COUNT (1u << TIMELINE_SLICE_COUNT_SHIFT)
#define TIMELINE_WIDTH_SHIFT_MIN 16u
#define TIMELINE_WIDTH_NS_MIN (UINT64_C(1) << TIMELINE_WIDTH_SHIFT_MIN)
/* Then the slices span 2^64 ns: every time has its slice. */
#define TIMELINE_DOUBLING_COUNT_MAX (64u - TIMELINE_SLICE_COUNT_SHIFT - TIMELINE_WIDTH_SHIFT_MIN)

struct timeline {
    uint32_t doubling_count; /* of the width since the beginning; at most TIMELINE_DOUBLING_COUNT_MAX */
    uint32_t reserved;       /* 0: no byte of the struct is undefined */
    uint64_t counts[TIMELINE_SLICE_COUNT];
};

/* Doubles the width of the slices. */
void timeline_double(struct timeline *timeline);

/* Counts one answer at_ns after the origin. */
static inline void timeline_record(struct timeline *timeline, uint64_t at_ns) {
    uint64_t slice = at_ns >> (TIMELINE_WIDTH_SHIFT_MIN + timeline->doubling_count);
    while (slice >= TIMELINE_SLICE_COUNT) {
        timeline_double(timeline);
        slice >>= 1;
    }
    timeline->counts[slice]++;
}

/* Adds what `from` counted to `into`, which gets the wider of the two widths. Their origins must be the same.
 */
void timeline_merge(struct timeline *into, const struct timeline *from);

/* The width of a slice in nanoseconds. */
uint64_t timeline_width_ns(const struct timeline *timeline);

/* How many slices there are up to the last one that counted anything; 0 if empty. */
size_t timeline_slice_count(const struct timeline *timeline);

/* Operations per second in [from_ns, to_ns): the slices inside, and of those at the ends the share that is
 * inside, as if a slice's answers were spread evenly. So a window much narrower than a slice gets that
 * slice's mean. Negative if the window is empty (to_ns <= from_ns). What happened after the last answer
 * counts as nothing: keep the window within the time that was measured. */
double timeline_throughput_per_second(const struct timeline *timeline, uint64_t from_ns, uint64_t to_ns);

#endif
