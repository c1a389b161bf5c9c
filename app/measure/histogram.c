#include "app/measure/histogram.h"

#include "chord/base/check.h"

#include <math.h>

/* The last value of a bucket. The first `2 * HISTOGRAM_SUB_COUNT` buckets are one wide. */
static uint64_t upper_of(size_t index) {
    if (index < 2 * HISTOGRAM_SUB_COUNT) {
        return index;
    }
    const unsigned shift = (unsigned)(index / HISTOGRAM_SUB_COUNT) - 1;
    const uint64_t leading = index % HISTOGRAM_SUB_COUNT + HISTOGRAM_SUB_COUNT;
    return (leading << shift) + ((UINT64_C(1) << shift) - 1);
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    if (from->count == 0) {
        return;
    }
    if (from->min < into->min || into->count == 0) {
        into->min = from->min;
    }
    if (from->max > into->max) {
        into->max = from->max;
    }
    into->count += from->count;
    into->sum += from->sum;
    for (size_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

double histogram_mean(const struct histogram *histogram) {
    return histogram->count == 0 ? 0.0 : (double)histogram->sum / (double)histogram->count;
}

uint64_t histogram_quantile(const struct histogram *histogram, double p) {
    chord_check(p >= 0.0 && p <= 1.0);
    if (histogram->count == 0) {
        return 0;
    }
    const double rank = fmax(ceil(p * (double)histogram->count), 1.0);
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKET_COUNT; i++) {
        seen += histogram->buckets[i];
        if ((double)seen >= rank) {
            const uint64_t upper = upper_of(i);
            return upper < histogram->max ? upper : histogram->max;
        }
    }
    return histogram->max;
}

bool histogram_next(const struct histogram *histogram, size_t *position, struct histogram_bucket *bucket) {
    while (*position < HISTOGRAM_BUCKET_COUNT) {
        const size_t index = (*position)++;
        if (histogram->buckets[index] > 0) {
            bucket->lower = index == 0 ? 0 : upper_of(index - 1) + 1;
            bucket->upper = upper_of(index);
            bucket->count = histogram->buckets[index];
            return true;
        }
    }
    return false;
}
