#include "app/measure/balance.h"

#include "chord/base/check.h"

#include <math.h>
#include <stdlib.h>

/* exp() of less is 0 in a double. */
#define LOG_MIN (-745.0)

/* The terms are summed as multiples of the greatest: a single one may be far below what a double can hold, as the
 * first is for a mean of some thousand keys, while their sum isn't. */
double balance_probability_at_most(uint32_t virtual_node_count, double mean, uint64_t x) {
    chord_check(virtual_node_count >= BALANCE_VIRTUAL_NODES_MIN && virtual_node_count <= BALANCE_VIRTUAL_NODES_MAX);
    chord_check(isfinite(mean) && mean >= 0);
    if (mean <= 0) {
        return 1;
    }
    const double successes = virtual_node_count;
    const double trials = (double)x + successes;
    const double log_odds = log(successes / mean); /* p / (1 - p) */
    double logs[BALANCE_VIRTUAL_NODES_MAX];
    double greatest;
    logs[0] = greatest = -trials * log1p(successes / mean); /* no success at all: (1 - p)^trials */
    for (uint32_t j = 1; j < virtual_node_count; j++) {
        logs[j] = logs[j - 1] + log((trials - j + 1) / j) + log_odds;
        greatest = logs[j] > greatest ? logs[j] : greatest;
    }
    double sum = 0;
    for (uint32_t j = 0; j < virtual_node_count; j++) {
        sum += logs[j] - greatest < LOG_MIN ? 0 : exp(logs[j] - greatest);
    }
    const double more = greatest + log(sum);
    return more >= 0 ? 0 : -expm1(more);
}

uint64_t balance_quantile(uint32_t virtual_node_count, double mean, double p) {
    chord_check(p > 0 && p < 1);
    if (balance_probability_at_most(virtual_node_count, mean, 0) >= p) {
        return 0;
    }
    uint64_t below = 0; /* P(X <= below) < p */
    uint64_t enough = 1;
    while (balance_probability_at_most(virtual_node_count, mean, enough) < p) {
        below = enough;
        enough *= 2;
        chord_check(enough <= UINT64_MAX / 4); /* the tail falls exponentially */
    }
    while (enough - below > 1) {
        const uint64_t middle = below + (enough - below) / 2;
        if (balance_probability_at_most(virtual_node_count, mean, middle) < p) {
            below = middle;
        } else {
            enough = middle;
        }
    }
    return enough;
}

static int compare_counts(const void *a, const void *b) {
    const uint64_t first = *(const uint64_t *)a;
    const uint64_t second = *(const uint64_t *)b;
    return first < second ? -1 : first > second;
}

/* The value of rank ceil(percent * count / 100) of ascending numbers; integers, so that no rounding shifts a rank. */
static uint64_t percentile(const uint64_t *ascending, size_t count, size_t percent) {
    const size_t rank = (count / 100) * percent + ((count % 100) * percent + 99) / 100;
    return ascending[rank > 0 ? rank - 1 : 0];
}

struct balance balance_compute(uint64_t *key_counts, size_t count, uint32_t virtual_node_count) {
    if (count == 0) {
        return (struct balance){.max_over_mean = NAN};
    }
    qsort(key_counts, count, sizeof *key_counts, compare_counts);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)key_counts[i];
    }
    const double mean = sum / (double)count;
    struct balance balance = {.count = count,
                              .mean = mean,
                              .min = key_counts[0],
                              .p1 = percentile(key_counts, count, 1),
                              .p99 = percentile(key_counts, count, 99),
                              .max = key_counts[count - 1]};
    balance.max_over_mean = sum > 0 ? (double)balance.max / mean : NAN;
    balance.expected_p1 = balance_quantile(virtual_node_count, mean, 0.01);
    balance.expected_p99 = balance_quantile(virtual_node_count, mean, 0.99);
    /* All of `count` are at most x with probability one half; or all of them are above. */
    balance.expected_max = balance_quantile(virtual_node_count, mean, exp2(-1 / (double)count));
    balance.expected_min = balance_quantile(virtual_node_count, mean, -expm1(-log(2) / (double)count));
    return balance;
}
