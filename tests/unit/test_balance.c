/* app/measure/balance: the closed form against REFERENCE's table, against its own definition and at extreme means;
 * the summary of observed numbers. */
#include "tests/unit/unit.h"

#include "app/measure/balance.h"

#include <math.h>

/* REFERENCE section 1, load, and the median of the least and the greatest of ten by exact fractions. */
static void test_reference_table(void) {
    static const struct {
        uint32_t virtual_nodes;
        uint64_t p1, p99, min, max;
        double at_mean; /* P(X <= 100) */
    } rows[] = {{1, 1, 462, 6, 271, 0.6339492947236443},
                {2, 7, 334, 20, 221, 0.5966741442895552},
                {5, 24, 235, 42, 175, 0.5637979507568912},
                {10, 38, 192, 55, 153, 0.5480720956949608},
                {20, 51, 165, 66, 139, 0.5379618612747488}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t v = rows[i].virtual_nodes;
        CU_ASSERT_EQUAL(balance_quantile(v, 100, 0.01), rows[i].p1);
        CU_ASSERT_EQUAL(balance_quantile(v, 100, 0.99), rows[i].p99);
        CU_ASSERT(fabs(balance_probability_at_most(v, 100, 100) - rows[i].at_mean) < 1e-13);
        uint64_t keys[10] = {100, 100, 100, 100, 100, 100, 100, 100, 100, 100};
        const struct balance balance = balance_compute(keys, 10, v);
        CU_ASSERT_EQUAL(balance.expected_p1, rows[i].p1);
        CU_ASSERT_EQUAL(balance.expected_p99, rows[i].p99);
        CU_ASSERT_EQUAL(balance.expected_min, rows[i].min);
        CU_ASSERT_EQUAL(balance.expected_max, rows[i].max);
    }
}

/* The distribution function is the sum of C(x + V - 1, x) p^V (1 - p)^x, for every V and means in which that sum is
 * easily made. */
static void test_against_the_definition(void) {
    static const double means[] = {0.001, 0.5, 3, 100, 777.25};
    for (uint32_t v = 1; v <= BALANCE_VIRTUAL_NODES_MAX; v++) {
        for (size_t i = 0; i < sizeof means / sizeof means[0]; i++) {
            const double p = v / (v + means[i]);
            double term = pow(p, v);
            double sum = 0;
            double worst = 0;
            for (uint64_t x = 0; x < 3000; x++) {
                sum += term;
                const double difference = fabs(balance_probability_at_most(v, means[i], x) - sum);
                worst = difference > worst ? difference : worst;
                term *= ((double)x + v) / ((double)x + 1) * (1 - p);
            }
            CU_ASSERT(worst < 1e-11);
        }
    }
}

/* With one node: P(X > x) = (mu / (1 + mu))^(x + 1), where the right side is exact in a double. */
static void test_geometric(void) {
    CU_ASSERT_EQUAL(balance_probability_at_most(1, 1, 0), 0.5);
    CU_ASSERT(fabs(balance_probability_at_most(1, 1, 9) - (1 - 1 / 1024.0)) < 1e-15);
    CU_ASSERT(fabs(balance_probability_at_most(1, 3, 1) - (1 - 0.5625)) < 1e-15);
}

/* Quantiles over the mean tend to those of the gamma distribution, which don't depend on it; nothing overflows. */
static void test_large_means(void) {
    CU_ASSERT(fabs((double)balance_quantile(1, 1e12, 0.99) / 1e12 - log(100)) < 1e-9);
    CU_ASSERT(fabs((double)balance_quantile(1, 1e12, 0.01) / 1e12 + log(0.99)) < 1e-9);
    for (uint32_t v = 1; v <= BALANCE_VIRTUAL_NODES_MAX; v++) {
        const double small = (double)balance_quantile(v, 1e7, 0.99) / 1e7;
        const double large = (double)balance_quantile(v, 0x1p52, 0.99) / 0x1p52;
        CU_ASSERT(fabs(small - large) < 1e-5);
        CU_ASSERT(balance_quantile(v, 0x1p52, 0.01) < balance_quantile(v, 0x1p52, 0.99));
        CU_ASSERT_EQUAL(balance_probability_at_most(v, 1e6, UINT64_MAX), 1);
        CU_ASSERT(balance_probability_at_most(v, 1e300, 0) >= 0);
    }
    CU_ASSERT(balance_probability_at_most(64, 1e9, 0) < 1e-300);
}

static void test_small_means(void) {
    CU_ASSERT_EQUAL(balance_probability_at_most(1, 0, 0), 1);
    CU_ASSERT_EQUAL(balance_quantile(64, 0, 0.99), 0);
    for (uint32_t v = 1; v <= BALANCE_VIRTUAL_NODES_MAX; v++) {
        CU_ASSERT_EQUAL(balance_quantile(v, 1e-9, 0.99), 0);
        CU_ASSERT(fabs(balance_probability_at_most(v, 1e-9, 0) - 1) < 2e-9);
        CU_ASSERT_EQUAL(balance_probability_at_most(v, 1e-300, 5), 1);
    }
}

static void test_quantiles_are_the_least(void) {
    static const double probabilities[] = {0.01, 0.3, 0.5, 0.9, 0.99, 0.9999};
    for (uint32_t v = 1; v <= BALANCE_VIRTUAL_NODES_MAX; v += 7) {
        for (size_t i = 0; i < sizeof probabilities / sizeof probabilities[0]; i++) {
            const uint64_t x = balance_quantile(v, 40, probabilities[i]);
            CU_ASSERT(balance_probability_at_most(v, 40, x) >= probabilities[i]);
            CU_ASSERT(x == 0 || balance_probability_at_most(v, 40, x - 1) < probabilities[i]);
        }
    }
}

static void test_observed(void) {
    uint64_t few[] = {7, 0, 5, 8};
    struct balance balance = balance_compute(few, 4, 2);
    CU_ASSERT_EQUAL(balance.count, 4);
    CU_ASSERT_EQUAL(balance.mean, 5);
    CU_ASSERT(balance.min == 0 && balance.p1 == 0 && balance.p99 == 8 && balance.max == 8);
    CU_ASSERT_EQUAL(balance.max_over_mean, 1.6);
    uint64_t many[200];
    for (size_t i = 0; i < 200; i++) {
        many[i] = 1000 - i;
    }
    balance = balance_compute(many, 200, 1); /* ranks 2 and 198 of 801 to 1000 */
    CU_ASSERT(balance.min == 801 && balance.p1 == 802 && balance.p99 == 998 && balance.max == 1000);
    balance = balance_compute(many, 101, 1);
    CU_ASSERT(balance.min == 801 && balance.p1 == 802 && balance.p99 == 900 && balance.max == 901);
    balance = balance_compute(many, 100, 1);
    CU_ASSERT(balance.p1 == 801 && balance.p99 == 899);
}

static void test_nothing_stored(void) {
    uint64_t none[3] = {0};
    struct balance balance = balance_compute(none, 3, 4);
    CU_ASSERT(balance.count == 3 && balance.max == 0 && balance.expected_p99 == 0 && balance.expected_max == 0);
    CU_ASSERT(isnan(balance.max_over_mean));
    balance = balance_compute(none, 0, 1);
    CU_ASSERT(balance.count == 0 && isnan(balance.max_over_mean));
}

int main(void) {
    static const struct unit_test tests[] = {
        {"the table of the reference", test_reference_table},
        {"the closed form is the sum of its definition", test_against_the_definition},
        {"one node: geometric", test_geometric},
        {"large means", test_large_means},
        {"small means", test_small_means},
        {"quantiles are the least that suffice", test_quantiles_are_the_least},
        {"observed numbers", test_observed},
        {"nothing stored", test_nothing_stored},
    };
    return UNIT_RUN("balance", tests);
}
