/* A histogram of 64-bit values (latencies in nanoseconds) with a bounded relative error and a fixed size.
 *
 * Log-linear buckets, as in HdrHistogram: values below 64 have a bucket each; above, every power of two is
 * cut into 64 buckets of equal width, so a bucket is at most 1/64 as wide as its lower bound.
 *
 *     value     0 ... 63 | 64 ... 127 | 128, 130 ... 254 | 256, 260 ...
 *     width        1     |     1      |        2         |      4
 *
 * Recording allocates nothing and costs one shift and a few additions. A zeroed struct is an empty histogram.
 * It knows nothing of what it counts. */
#ifndef APP_MEASURE_HISTOGRAM_H
#define APP_MEASURE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_SUB_BITS 6u
#define HISTOGRAM_SUB_COUNT (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_BUCKET_COUNT ((64u - HISTOGRAM_SUB_BITS + 1u) * HISTOGRAM_SUB_COUNT)

struct histogram {
    uint64_t count;
    uint64_t sum; /* modulo 2^64: 584 years of nanoseconds */
    uint64_t min; /* 0 while empty, like max */
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKET_COUNT];
};

/* Values lower..upper, both included. */
struct histogram_bucket {
    uint64_t lower;
    uint64_t upper;
    uint64_t count;
};

/* The index of the bucket that a value falls into. */
static inline size_t histogram_index(uint64_t value) {
    if (value < HISTOGRAM_SUB_COUNT) {
        return (size_t)value;
    }
    const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
    return (size_t)shift * HISTOGRAM_SUB_COUNT + (size_t)(value >> shift);
}

static inline void histogram_record(struct histogram *histogram, uint64_t value) {
    histogram->buckets[histogram_index(value)]++;
    histogram->sum += value;
    if (value > histogram->max) {
        histogram->max = value;
    }
    if (value < histogram->min || histogram->count == 0) {
        histogram->min = value;
    }
    histogram->count++;
}

/* Adds what `from` counted to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The arithmetic mean, exact but for rounding; 0 if empty. */
double histogram_mean(const struct histogram *histogram);

/* The p-quantile, p in 0..1: an upper bound of the value of rank ceil(p * count) (rank 1 at least) that is at
 * most 1/64 above it and never above the maximum. 0 if empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double p);

/* Walks over the buckets that are not empty, ascending: start with *position = 0; false at the end. */
bool histogram_next(const struct histogram *histogram, size_t *position, struct histogram_bucket *bucket);

#endif
