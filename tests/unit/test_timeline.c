/* app/measure/timeline: where an answer is counted, doubling, merging, throughput in a window. */
#include "app/measure/timeline.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDTH TIMELINE_WIDTH_NS_MIN

static struct timeline a, b, c;

static void clear(void) {
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    memset(&c, 0, sizeof c);
}

static uint64_t total(const struct timeline *timeline) {
    uint64_t sum = 0;
    for (size_t i = 0; i < TIMELINE_SLICE_COUNT; i++) {
        sum += timeline->counts[i];
    }
    return sum;
}

static void test_record(void) {
    clear();
    CU_ASSERT_EQUAL(timeline_slice_count(&a), 0);
    CU_ASSERT_EQUAL(timeline_width_ns(&a), WIDTH);
    timeline_record(&a, 0);
    timeline_record(&a, WIDTH - 1);
    timeline_record(&a, WIDTH);
    timeline_record(&a, WIDTH * TIMELINE_SLICE_COUNT - 1);
    CU_ASSERT_EQUAL(timeline_width_ns(&a), WIDTH);
    CU_ASSERT_EQUAL(a.counts[0], 2);
    CU_ASSERT_EQUAL(a.counts[1], 1);
    CU_ASSERT_EQUAL(a.counts[TIMELINE_SLICE_COUNT - 1], 1);
    CU_ASSERT_EQUAL(timeline_slice_count(&a), TIMELINE_SLICE_COUNT);
    timeline_record(&a, WIDTH * TIMELINE_SLICE_COUNT);
    CU_ASSERT_EQUAL(timeline_width_ns(&a), 2 * WIDTH);
    CU_ASSERT_EQUAL(a.counts[0], 3);
    CU_ASSERT_EQUAL(a.counts[TIMELINE_SLICE_COUNT / 2 - 1], 1);
    CU_ASSERT_EQUAL(a.counts[TIMELINE_SLICE_COUNT / 2], 1);
    CU_ASSERT_EQUAL(timeline_slice_count(&a), TIMELINE_SLICE_COUNT / 2 + 1);
    CU_ASSERT_EQUAL(total(&a), 5);
}

/* Any time has a slice, in any order, and none is lost. */
static void test_any_time(void) {
    clear();
    for (unsigned bit = 0; bit < 64; bit++) {
        const uint64_t at_ns = UINT64_C(1) << bit;
        timeline_record(&a, at_ns);
        CU_ASSERT_TRUE(at_ns / timeline_width_ns(&a) < TIMELINE_SLICE_COUNT);
    }
    timeline_record(&a, UINT64_MAX);
    CU_ASSERT_EQUAL(a.doubling_count, TIMELINE_DOUBLING_COUNT_MAX);
    CU_ASSERT_EQUAL(a.counts[TIMELINE_SLICE_COUNT - 1], 1);
    timeline_record(&a, 0);
    CU_ASSERT_EQUAL(total(&a), 66);
}

/* The same answers, recorded in one timeline or in two that are merged, in either order. */
static void test_merge(void) {
    for (unsigned shift = 0; shift <= 44; shift += 4) {
        clear();
        uint64_t state = shift + 1;
        for (unsigned i = 0; i < 5000; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            const uint64_t at_ns = (state >> 32) % (UINT64_C(1) << 30) << (i % 2 == 0    ? 0
                                                                           : shift >= 34 ? 34
                                                                                         : shift);
            timeline_record(i % 2 == 0 ? &a : &b, at_ns);
            timeline_record(&c, at_ns);
        }
        struct timeline first = a, second = b;
        timeline_merge(&first, &b);
        timeline_merge(&second, &a);
        CU_ASSERT_TRUE(memcmp(&first, &c, sizeof c) == 0);
        CU_ASSERT_TRUE(memcmp(&second, &c, sizeof c) == 0);
        CU_ASSERT_EQUAL(total(&first), 5000);
    }
    clear();
    timeline_record(&a, 5 * WIDTH);
    b = a;
    timeline_merge(&a, &c); /* of an empty one */
    CU_ASSERT_TRUE(memcmp(&a, &b, sizeof b) == 0);
}

static bool is_rate(uint64_t from_ns, uint64_t to_ns, double operations) {
    const double expected = operations * 1e9 / (double)(to_ns - from_ns);
    const double rate = timeline_throughput_per_second(&a, from_ns, to_ns);
    const bool good = fabs(rate - expected) <= 1e-9 * expected;
    if (!good) {
        printf("\n  %.17g instead of %.17g\n", rate, expected);
    }
    return good;
}

static void test_throughput(void) {
    clear();
    CU_ASSERT_TRUE(timeline_throughput_per_second(&a, 5, 5) < 0);
    CU_ASSERT_TRUE(timeline_throughput_per_second(&a, 6, 5) < 0);
    CU_ASSERT_TRUE(timeline_throughput_per_second(&a, 0, 0) < 0);
    CU_ASSERT_EQUAL(timeline_throughput_per_second(&a, 0, 1000), 0.0);
    a.counts[0] = 100;
    a.counts[1] = 200;
    a.counts[3] = 400;
    CU_ASSERT_TRUE(is_rate(0, WIDTH, 100));
    CU_ASSERT_TRUE(is_rate(0, 2 * WIDTH, 300));
    CU_ASSERT_TRUE(is_rate(0, 4 * WIDTH, 700));
    CU_ASSERT_TRUE(is_rate(2 * WIDTH, 3 * WIDTH, 0));
    CU_ASSERT_TRUE(is_rate(WIDTH / 2, WIDTH, 50));
    CU_ASSERT_TRUE(is_rate(WIDTH / 4, WIDTH / 2, 25));
    CU_ASSERT_TRUE(is_rate(WIDTH / 2, WIDTH + WIDTH / 4, 100));
    CU_ASSERT_TRUE(is_rate(WIDTH / 2, 3 * WIDTH + WIDTH / 2, 450));
    CU_ASSERT_TRUE(is_rate(WIDTH - 1, WIDTH + 1, 300.0 / (double)WIDTH));
    CU_ASSERT_TRUE(is_rate(0, 100 * WIDTH, 700));
    CU_ASSERT_TRUE(is_rate(0, UINT64_MAX, 700));
    CU_ASSERT_EQUAL(timeline_throughput_per_second(&a, UINT64_MAX - 1, UINT64_MAX), 0.0);
    /* Beyond the last slice of a wide timeline, too. */
    timeline_record(&a, UINT64_MAX);
    CU_ASSERT_TRUE(is_rate(0, UINT64_MAX, 701));
    CU_ASSERT_TRUE(timeline_throughput_per_second(&a, UINT64_MAX - 1, UINT64_MAX) > 0.0);
    /* An even load is the same in any window, whatever the width of the slices. */
    clear();
    for (uint64_t at_ns = 0; at_ns < 20 * UINT64_C(1000000000); at_ns += 10000) {
        timeline_record(&a, at_ns);
    }
    CU_ASSERT_EQUAL(timeline_width_ns(&a), 128 * WIDTH);
    for (uint64_t from_ns = 0; from_ns < 19 * UINT64_C(1000000000); from_ns += 123456789) {
        const double rate = timeline_throughput_per_second(&a, from_ns, from_ns + 500000000);
        CU_ASSERT_TRUE(fabs(rate - 100000.0) < 100.0);
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"where an answer is counted", test_record},
        {"any time has a slice", test_any_time},
        {"merging is recording together", test_merge},
        {"throughput in a window", test_throughput},
    };
    return UNIT_RUN("timeline", tests);
}
