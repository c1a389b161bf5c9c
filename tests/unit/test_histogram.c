/* app/measure/histogram and app/measure/hops. */
#include "tests/unit/unit.h"

#include "app/measure/histogram.h"
#include "app/measure/hops.h"
#include "chord/base/prng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct histogram histogram;
static struct histogram other;
static struct hops hops;
static struct hops other_hops;

/* Each value and its neighbours at every power of two. */
static const int64_t offsets[] = {-2, -1, 0, 1, 2};

static void test_bucket_bounds(void) {
    for (unsigned exponent = 0; exponent < 64; exponent++) {
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
            const uint64_t value = (UINT64_C(1) << exponent) + (uint64_t)offsets[i];
            memset(&histogram, 0, sizeof histogram);
            histogram_record(&histogram, value);
            size_t position = 0;
            struct histogram_bucket bucket;
            CU_ASSERT_FATAL(histogram_next(&histogram, &position, &bucket));
            CU_ASSERT_EQUAL(bucket.count, 1);
            CU_ASSERT(bucket.lower <= value && value <= bucket.upper);
            CU_ASSERT((bucket.upper - bucket.lower) <= bucket.lower / 64);
            CU_ASSERT(value >= 64 || bucket.lower == bucket.upper);
            CU_ASSERT_FALSE(histogram_next(&histogram, &position, &bucket));
            CU_ASSERT_EQUAL(histogram_quantile(&histogram, 0.5), value); /* capped by the maximum */
        }
    }
}

static void test_buckets_are_contiguous(void) {
    memset(&histogram, 0, sizeof histogram);
    for (size_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        histogram.buckets[i] = i + 1;
    }
    size_t position = 0;
    struct histogram_bucket bucket;
    uint64_t expected = 0;
    size_t count = 0;
    while (histogram_next(&histogram, &position, &bucket)) {
        CU_ASSERT_EQUAL(bucket.lower, expected);
        CU_ASSERT_EQUAL(bucket.count, ++count);
        CU_ASSERT_EQUAL(histogram_index(bucket.lower), count - 1);
        CU_ASSERT_EQUAL(histogram_index(bucket.upper), count - 1);
        expected = bucket.upper + 1;
    }
    CU_ASSERT_EQUAL(count, HISTOGRAM_BUCKET_COUNT);
    CU_ASSERT_EQUAL(expected, 0); /* the last bucket ends at 2^64 - 1 */
}

static int compare(const void *left, const void *right) {
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void test_quantiles(void) {
    enum { COUNT = 10007 };
    static uint64_t values[COUNT];
    const double ps[] = {0.0, 0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        uint64_t sum = 0;
        memset(&histogram, 0, sizeof histogram);
        for (size_t i = 0; i < COUNT; i++) {
            values[i] = chord_prng_next(&prng) >> (20 + chord_prng_below(&prng, 44));
            sum += values[i];
            histogram_record(&histogram, values[i]);
        }
        qsort(values, COUNT, sizeof values[0], compare);
        CU_ASSERT_EQUAL(histogram.count, COUNT);
        CU_ASSERT_EQUAL(histogram.sum, sum);
        CU_ASSERT_EQUAL(histogram.min, values[0]);
        CU_ASSERT_EQUAL(histogram.max, values[COUNT - 1]);
        CU_ASSERT_DOUBLE_EQUAL(histogram_mean(&histogram), (double)sum / COUNT, (double)sum * 1e-12);
        for (size_t i = 0; i < sizeof ps / sizeof ps[0]; i++) {
            const size_t rank = (size_t)fmax(ceil(ps[i] * COUNT), 1.0);
            const uint64_t exact = values[rank - 1];
            const uint64_t answer = histogram_quantile(&histogram, ps[i]);
            CU_ASSERT(answer >= exact && answer - exact <= exact / 64);
            CU_ASSERT(exact >= 64 || answer == exact);
        }
        CU_ASSERT_EQUAL(histogram_quantile(&histogram, 1.0), values[COUNT - 1]);
    }
}

static void test_merge_is_recording_all(void) {
    static struct histogram all;
    memset(&histogram, 0, sizeof histogram);
    memset(&other, 0, sizeof other);
    memset(&all, 0, sizeof all);
    histogram_merge(&histogram, &other); /* empty into empty */
    CU_ASSERT_EQUAL(histogram.count, 0);
    struct chord_prng prng = chord_prng_seeded(7, 0);
    for (size_t i = 0; i < 1000; i++) {
        const uint64_t value = 1000 + chord_prng_below(&prng, 1000000);
        histogram_record(i % 3 == 0 ? &histogram : &other, value);
        histogram_record(&all, value);
    }
    histogram_merge(&histogram, &other);
    CU_ASSERT(memcmp(&histogram, &all, sizeof all) == 0);
    memset(&other, 0, sizeof other);
    histogram_merge(&histogram, &other); /* an empty one has no minimum */
    CU_ASSERT(memcmp(&histogram, &all, sizeof all) == 0);
    histogram_merge(&other, &histogram);
    CU_ASSERT(memcmp(&other, &all, sizeof all) == 0);
}

static void test_empty(void) {
    memset(&histogram, 0, sizeof histogram);
    memset(&hops, 0, sizeof hops);
    size_t position = 0;
    struct histogram_bucket bucket;
    CU_ASSERT_FALSE(histogram_next(&histogram, &position, &bucket));
    CU_ASSERT_EQUAL(histogram_quantile(&histogram, 0.99), 0);
    CU_ASSERT_EQUAL(histogram_mean(&histogram), 0.0);
    CU_ASSERT_EQUAL(hops_quantile(&hops, 0.99), 0);
    CU_ASSERT_EQUAL(hops_path_quantile(&hops, 0.99), 0);
    CU_ASSERT_EQUAL(hops_mean(&hops), 0.0);
    CU_ASSERT_EQUAL(hops_path_mean(&hops), 0.0);
}

static void test_hops(void) {
    memset(&hops, 0, sizeof hops);
    memset(&other_hops, 0, sizeof other_hops);
    const uint32_t values[] = {0, 0, 1, 1, 1, 2, 3, 3, 4, 5};
    for (size_t i = 0; i < 10; i++) {
        hops_record(i % 2 == 0 ? &hops : &other_hops, values[i]);
    }
    hops_merge(&hops, &other_hops);
    CU_ASSERT_EQUAL(hops.count, 10);
    CU_ASSERT_DOUBLE_EQUAL(hops_mean(&hops), 2.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(hops_path_mean(&hops), 1.2, 1e-12); /* 0 0 0 0 0 1 2 2 3 4 */
    CU_ASSERT_EQUAL(hops_quantile(&hops, 0.0), 0);
    CU_ASSERT_EQUAL(hops_quantile(&hops, 0.5), 1);
    CU_ASSERT_EQUAL(hops_quantile(&hops, 0.51), 2);
    CU_ASSERT_EQUAL(hops_quantile(&hops, 0.9), 4);
    CU_ASSERT_EQUAL(hops_quantile(&hops, 1.0), 5);
    CU_ASSERT_EQUAL(hops_path_quantile(&hops, 0.0), 0);
    CU_ASSERT_EQUAL(hops_path_quantile(&hops, 0.5), 0);
    CU_ASSERT_EQUAL(hops_path_quantile(&hops, 1.0), 4);
}

static void test_hops_beyond_the_last(void) {
    memset(&hops, 0, sizeof hops);
    hops_record(&hops, HOPS_MAX - 1);
    hops_record(&hops, 5000);
    CU_ASSERT_EQUAL(hops.counts[HOPS_MAX - 1], 2);
    CU_ASSERT_EQUAL(hops_quantile(&hops, 1.0), HOPS_MAX - 1);
    CU_ASSERT_DOUBLE_EQUAL(hops_mean(&hops), (HOPS_MAX - 1 + 5000) / 2.0,
                           1e-9); /* the sum is exact all the same */
}

int main(void) {
    static const struct unit_test tests[] = {
        {"a value lies in a bucket of at most 1/64 of it", test_bucket_bounds},
        {"the buckets cover 0..2^64-1 without gaps", test_buckets_are_contiguous},
        {"quantiles against sorted values", test_quantiles},
        {"merging equals recording into one", test_merge_is_recording_all},
        {"empty", test_empty},
        {"hops and path lengths", test_hops},
        {"hops beyond the last bucket", test_hops_beyond_the_last},
    };
    return UNIT_RUN("histogram", tests);
}
