/* app/generate: draws against exact probabilities, at fixed seeds; keys, values and marks. */
#include "tests/unit/unit.h"

#include "app/generate/chooser.h"
#include "app/generate/marks.h"
#include "app/generate/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THETA DISTRIBUTION_THETA

/* --- distributions --- */

/* Chi-square of counts against probabilities, over bins of at least 20 expected draws each. *degrees: bins less one. */
static double chi_square(const uint64_t *counts, const double *probabilities, size_t size, uint64_t draws,
                         double *degrees) {
    double sum = 0, expected = 0, seen = 0, bins = 0;
    for (size_t i = 0; i < size; i++) {
        expected += probabilities[i] * (double)draws;
        seen += (double)counts[i];
        if (expected >= 20 || i + 1 == size) {
            if (expected > 0) {
                sum += (seen - expected) * (seen - expected) / expected;
                bins++;
            }
            expected = seen = 0;
        }
    }
    *degrees = bins - 1;
    return sum;
}

/* Within five standard deviations of what chance does: a fair draw fails in one of a million seeds, and the seed is fixed. */
static bool fits(const uint64_t *counts, const double *probabilities, size_t size, uint64_t draws) {
    double degrees;
    const double sum = chi_square(counts, probabilities, size, draws, &degrees);
    const double deviation = (sum - degrees) / sqrt(2 * degrees);
    return deviation > -5 && deviation < 5;
}

static uint64_t *draw_many(enum distribution_kind kind, uint64_t records, uint64_t mark, uint64_t draws, uint64_t seed) {
    static struct distribution distribution;
    struct chord_prng prng = chord_prng_seeded(seed, 0);
    uint64_t *counts = calloc(mark, sizeof *counts);
    CU_ASSERT_PTR_NOT_NULL_FATAL(counts);
    distribution_init(&distribution, kind, records);
    for (uint64_t i = 0; i < draws; i++) {
        const uint64_t index = distribution_draw(&distribution, &prng, mark);
        CU_ASSERT_FATAL(index < mark);
        counts[index]++;
    }
    return counts;
}

static double zeta_one_by_one(uint64_t n) {
    double sum = 0;
    for (uint64_t i = n; i >= 1; i--) {
        sum += 1 / pow((double)i, THETA);
    }
    return sum;
}

static void test_zeta(void) {
    static const uint64_t sizes[] = {1, 2, 999, 1000, 1001, 1002, 5000, 1000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CU_ASSERT_DOUBLE_EQUAL(zipfian_zeta(sizes[i]), zeta_one_by_one(sizes[i]), 1e-11);
    }
    /* The constant of YCSB's ScrambledZipfianGenerator, summed there one by one. */
    CU_ASSERT_DOUBLE_EQUAL(zipfian_zeta(DISTRIBUTION_SCRAMBLED_ITEMS), 26.46902820178302, 1e-7);
}

/* The probabilities of Gray's ranks, from where his formula changes from one rank to the next. */
static double *zipfian_probabilities(uint64_t n) {
    const double zeta = zeta_one_by_one(n);
    const double eta = (1 - pow(2.0 / (double)n, 1 - THETA)) / (1 - zeta_one_by_one(2) / zeta);
    double *probabilities = calloc(n, sizeof *probabilities);
    CU_ASSERT_PTR_NOT_NULL_FATAL(probabilities);
    double before = 0;
    for (uint64_t rank = 0; rank < n; rank++) {
        double end = (pow((double)(rank + 1) / (double)n, 1 - THETA) - 1 + eta) / eta;
        end = rank == 0 ? 1 / zeta : rank == 1 ? (1 + pow(0.5, THETA)) / zeta : end;
        probabilities[rank] = end - before;
        before = end;
    }
    CU_ASSERT_DOUBLE_EQUAL(before, 1, 1e-9);
    return probabilities;
}

static void test_zipfian(void) {
    static const uint64_t sizes[] = {1, 2, 3, 10, 1000, 20000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint64_t n = sizes[i], draws = 1000000;
        uint64_t *counts = draw_many(DISTRIBUTION_ZIPFIAN, n, n, draws, i + 1);
        double *probabilities = zipfian_probabilities(n);
        CU_ASSERT(n == 1 ? counts[0] == draws : fits(counts, probabilities, n, draws));
        /* The approximation is one of a true zipfian. */
        const double zeta = zeta_one_by_one(n);
        for (uint64_t rank = 0; rank < n && rank < 100; rank++) {
            const double exact = 1 / pow((double)(rank + 1), THETA) / zeta;
            CU_ASSERT(fabs(probabilities[rank] / exact - 1) < (rank < 2 ? 1e-9 : 0.25));
        }
        free(probabilities);
        free(counts);
    }
}

static void test_the_check_can_fail(void) {
    const uint64_t n = 1000, draws = 1000000;
    uint64_t *counts = draw_many(DISTRIBUTION_UNIFORM, n, n, draws, 1);
    double *probabilities = zipfian_probabilities(n);
    CU_ASSERT_FALSE(fits(counts, probabilities, n, draws));
    for (uint64_t i = 0; i < n; i++) {
        probabilities[i] = 1.0 / (double)n + (i % 2 == 0 ? 1 : -1) * 0.02 / (double)n; /* 2 % off */
    }
    CU_ASSERT_FALSE(fits(counts, probabilities, n, draws));
    free(probabilities);
    free(counts);
}

static void test_uniform(void) {
    const uint64_t n = 5000, draws = 1000000;
    uint64_t *counts = draw_many(DISTRIBUTION_UNIFORM, n, n, draws, 3);
    double *probabilities = calloc(n, sizeof *probabilities);
    for (uint64_t i = 0; i < n; i++) {
        probabilities[i] = 1.0 / (double)n;
    }
    CU_ASSERT(fits(counts, probabilities, n, draws));
    free(probabilities);
    free(counts);
}

static double hottest_share(enum distribution_kind kind, uint64_t n) {
    const uint64_t draws = 1000000;
    uint64_t *counts = draw_many(kind, n, n, draws, 7);
    uint64_t most = 0;
    for (uint64_t i = 0; i < n; i++) {
        most = counts[i] > most ? counts[i] : most;
    }
    free(counts);
    return (double)most / (double)draws;
}

/* The figures by which the two zipfians are told apart. */
static void test_hottest(void) {
    CU_ASSERT_DOUBLE_EQUAL(hottest_share(DISTRIBUTION_ZIPFIAN, 1000), 0.129, 0.0015);
    CU_ASSERT_DOUBLE_EQUAL(hottest_share(DISTRIBUTION_ZIPFIAN, 1000000), 0.065, 0.001);
    CU_ASSERT_DOUBLE_EQUAL(hottest_share(DISTRIBUTION_SCRAMBLED, 1000000), 0.038, 0.001);
    CU_ASSERT_DOUBLE_EQUAL(hottest_share(DISTRIBUTION_SCRAMBLED, 1000), 0.038, 0.0025); /* others hash to it, too */
}

/* A million ranks one by one; what is beyond is spread evenly. */
static void test_scrambled(void) {
    const uint64_t n = 1000, draws = 1000000, one_by_one = 1000000;
    const double items = (double)DISTRIBUTION_SCRAMBLED_ITEMS, zeta = 26.46902820178302;
    const double eta = (1 - pow(2.0 / items, 1 - THETA)) / (1 - zeta_one_by_one(2) / zeta);
    double *probabilities = calloc(n, sizeof *probabilities);
    double before = 0;
    for (uint64_t rank = 0; rank < one_by_one; rank++) {
        double end = (pow((double)(rank + 1) / items, 1 - THETA) - 1 + eta) / eta;
        end = rank == 0 ? 1 / zeta : rank == 1 ? (1 + pow(0.5, THETA)) / zeta : end;
        probabilities[distribution_scramble(rank) % n] += end - before;
        before = end;
    }
    for (uint64_t i = 0; i < n; i++) {
        probabilities[i] += (1 - before) / (double)n;
    }
    uint64_t *counts = draw_many(DISTRIBUTION_SCRAMBLED, n, n, draws, 9);
    CU_ASSERT(fits(counts, probabilities, n, draws));
    free(probabilities);
    free(counts);
    /* FNV-1a of eight zero bytes, and of 1 and seven of them, as published implementations give them. */
    CU_ASSERT_EQUAL(distribution_scramble(0), UINT64_C(0) - UINT64_C(0xa8c7f832281a39c5));
    CU_ASSERT_EQUAL(distribution_scramble(1), UINT64_C(0) - UINT64_C(0x89cd31291d2aefa4));
}

static void test_latest(void) {
    const uint64_t n = 1000, mark = 1500, draws = 1000000;
    uint64_t *counts = draw_many(DISTRIBUTION_LATEST, n, mark, draws, 11);
    double *probabilities = zipfian_probabilities(mark);
    for (uint64_t i = 0; i < mark / 2; i++) { /* from the newest backwards */
        const uint64_t count = counts[i];
        counts[i] = counts[mark - 1 - i];
        counts[mark - 1 - i] = count;
    }
    CU_ASSERT(fits(counts, probabilities, mark, draws));
    free(probabilities);
    free(counts);
    struct distribution distribution;
    struct chord_prng prng = chord_prng_seeded(1, 2);
    distribution_init(&distribution, DISTRIBUTION_LATEST, 1);
    for (uint64_t grown = 1; grown < 20000; grown++) {
        CU_ASSERT_FATAL(distribution_draw(&distribution, &prng, grown) < grown);
    }
    CU_ASSERT_DOUBLE_EQUAL(distribution.zipfian.zeta, zeta_one_by_one(19999), 1e-9);
}

static void test_ranks_at_the_ends(void) {
    static const uint64_t sizes[] = {1, 2, 3, 4, 1000, 1000000, DISTRIBUTION_SCRAMBLED_ITEMS};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct zipfian zipfian;
        zipfian_init(&zipfian, sizes[i]);
        CU_ASSERT_EQUAL(zipfian_rank(&zipfian, 0), 0);
        CU_ASSERT_EQUAL(zipfian_rank(&zipfian, 1 - 0x1p-53), sizes[i] - 1);
        uint64_t before = 0;
        for (unsigned u = 0; u < 10000; u++) {
            const uint64_t rank = zipfian_rank(&zipfian, u / 10000.0);
            CU_ASSERT_FATAL(rank >= before && rank < sizes[i]);
            before = rank;
        }
    }
}

/* --- mixes --- */

static void test_mixes(void) {
    static const uint32_t expected[MIX_WORKLOAD_COUNT][MIX_ACTION_COUNT] = {
        [MIX_WORKLOAD_A] = {50, 50, 0, 0, 0}, [MIX_WORKLOAD_B] = {95, 5, 0, 0, 0}, [MIX_WORKLOAD_C] = {100, 0, 0, 0, 0},
        [MIX_WORKLOAD_D] = {95, 0, 5, 0, 0},  [MIX_WORKLOAD_F] = {50, 0, 0, 0, 50}};
    for (unsigned workload = 0; workload < MIX_WORKLOAD_COUNT; workload++) {
        const struct mix mix = mix_of_workload((enum mix_workload)workload);
        struct chord_prng prng = chord_prng_seeded(workload, 0);
        uint64_t counts[MIX_ACTION_COUNT] = {0};
        const uint64_t draws = 100000;
        for (uint64_t i = 0; i < draws; i++) {
            counts[mix_draw(&mix, &prng)]++;
        }
        for (unsigned action = 0; action < MIX_ACTION_COUNT; action++) {
            CU_ASSERT_EQUAL(mix.percent[action], expected[workload][action]);
            const double mean = (double)draws * expected[workload][action] / 100;
            const double deviation = sqrt(mean * (1 - expected[workload][action] / 100.0));
            CU_ASSERT(fabs((double)counts[action] - mean) <= 5 * deviation);
        }
        CU_ASSERT_EQUAL(mix_distribution_of_workload((enum mix_workload)workload),
                        workload == MIX_WORKLOAD_D ? DISTRIBUTION_LATEST : DISTRIBUTION_SCRAMBLED);
    }
    const struct mix shares = mix_of_shares(70, 10);
    CU_ASSERT(shares.percent[MIX_READ] == 70 && shares.percent[MIX_DELETE] == 10 && shares.percent[MIX_UPDATE] == 20);
}

static void test_chooser_repeats(void) {
    struct chooser one, two, other;
    const struct mix mix = mix_of_workload(MIX_WORKLOAD_A);
    chooser_init(&one, &mix, DISTRIBUTION_SCRAMBLED, 1000, 5, 1);
    chooser_init(&two, &mix, DISTRIBUTION_SCRAMBLED, 1000, 5, 1);
    chooser_init(&other, &mix, DISTRIBUTION_SCRAMBLED, 1000, 5, 2);
    unsigned different = 0;
    for (unsigned i = 0; i < 1000; i++) {
        const struct choice a = chooser_next(&one, 1000), b = chooser_next(&two, 1000), c = chooser_next(&other, 1000);
        CU_ASSERT(a.action == b.action && a.index == b.index);
        different += a.index != c.index;
    }
    CU_ASSERT(different > 900);
}

/* --- bytes --- */

static int compare_keys(const void *left, const void *right) {
    return memcmp(left, right, PAIRS_KEY_SIZE_MIN);
}

static bool is_plain(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = bytes[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

static void test_keys(void) {
    enum { COUNT = 300000 };
    unsigned char(*keys)[PAIRS_KEY_SIZE_MIN] = malloc(COUNT * sizeof *keys);
    CU_ASSERT_PTR_NOT_NULL_FATAL(keys);
    for (uint64_t i = 0; i < COUNT; i++) {
        pairs_key(1, i < COUNT / 2 ? i : PAIRS_INDEX_MAX - 1 - i, keys[i], PAIRS_KEY_SIZE_MIN);
        CU_ASSERT_FATAL(is_plain(keys[i], PAIRS_KEY_SIZE_MIN));
    }
    qsort(keys, COUNT, sizeof *keys, compare_keys);
    for (size_t i = 1; i < COUNT; i++) {
        CU_ASSERT_FATAL(memcmp(keys[i - 1], keys[i], sizeof *keys) != 0);
    }
    free(keys);
    unsigned char shorter[11], longer[1024], other[1024];
    pairs_key(1, 77, shorter, sizeof shorter);
    pairs_key(1, 77, longer, sizeof longer);
    pairs_key(2, 77, other, sizeof other);
    CU_ASSERT(memcmp(shorter, longer, sizeof shorter) == 0 && is_plain(longer, sizeof longer));
    CU_ASSERT(memcmp(longer, other, PAIRS_KEY_SIZE_MIN) != 0);
}

static void test_values(void) {
    unsigned char value[1001], again[1001], other[1001];
    memset(value, '.', sizeof value);
    pairs_value(1, pairs_write(3, 1, 9), value, 1000);
    pairs_value(1, pairs_write(3, 1, 9), again, 1000);
    CU_ASSERT(memcmp(value, again, 1000) == 0 && value[1000] == '.' && is_plain(value, 1000));
    const uint64_t others[] = {pairs_write(3, 1, 10), pairs_write(4, 1, 9), pairs_write(3, 2, 9)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        pairs_value(1, others[i], other, 16);
        CU_ASSERT(memcmp(value, other, 16) != 0);
    }
    pairs_value(1, pairs_write(3, 1, 9), other, 5);
    CU_ASSERT(memcmp(value, other, 5) == 0);
    pairs_value(1, 1, other, 0);
}

/* --- marks --- */

enum { RANKS = 4, RECORDS = 10, STEPS = 20000 };

/* Ranks insert, are answered in any order, now and then not at all, and hear of each other late. */
static void test_marks_are_never_ahead(void) {
    static struct marks marks[RANKS];
    static bool is_there[RECORDS + RANKS * STEPS];
    static uint64_t under_way[RANKS][64];
    unsigned count[RANKS] = {0};
    struct chord_prng prng = chord_prng_seeded(3, 0);
    memset(is_there, 0, sizeof is_there);
    memset(is_there, true, RECORDS);
    for (uint32_t r = 0; r < RANKS; r++) {
        CU_ASSERT_EQUAL_FATAL(marks_init(&marks[r], r, RANKS, RECORDS), CHORD_OK);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        const uint32_t r = (uint32_t)chord_prng_below(&prng, RANKS);
        if (count[r] < 64 && chord_prng_below(&prng, 2) == 0) {
            CU_ASSERT_FATAL(marks_take(&marks[r], &under_way[r][count[r]]));
            CU_ASSERT_FATAL(!is_there[under_way[r][count[r]]]);
            count[r]++;
        } else if (count[r] > 0) {
            const unsigned which = (unsigned)chord_prng_below(&prng, count[r]);
            const uint64_t index = under_way[r][which];
            under_way[r][which] = under_way[r][--count[r]];
            if (chord_prng_below(&prng, 10) == 0) {
                marks_give_up(&marks[r], index);
            } else {
                is_there[index] = true;
                marks_acknowledge(&marks[r], index);
            }
        }
        const uint32_t from = (uint32_t)chord_prng_below(&prng, RANKS);
        const uint32_t of = (uint32_t)chord_prng_below(&prng, RANKS);
        if (of != r) {
            marks_hear(&marks[r], of, marks[from].counts[of]);
        }
        for (uint64_t index = marks[r].mark > 200 ? marks[r].mark - 200 : 0; index < marks[r].mark; index++) {
            CU_ASSERT_FATAL(is_there[index]);
        }
        CU_ASSERT_FATAL(marks[r].newest >= marks[r].mark && is_there[marks[r].newest - 1]);
    }
    for (uint32_t r = 0; r < RANKS; r++) {
        CU_ASSERT(marks[r].mark > RECORDS + STEPS / 8);
        marks_clear(&marks[r]);
    }
}

static void test_marks_wait_for_a_gap(void) {
    struct marks marks;
    uint64_t first, index = 0;
    CU_ASSERT_EQUAL_FATAL(marks_init(&marks, 0, 1, 5), CHORD_OK);
    CU_ASSERT_FATAL(marks_take(&marks, &first));
    CU_ASSERT_EQUAL(first, 5);
    for (unsigned i = 1; i < MARKS_SPAN; i++) {
        CU_ASSERT_FATAL(marks_take(&marks, &index));
        marks_acknowledge(&marks, index);
    }
    CU_ASSERT_FALSE(marks_take(&marks, &index));
    CU_ASSERT_EQUAL(marks.mark, 5);
    CU_ASSERT_EQUAL(marks_lag(&marks), MARKS_SPAN);
    marks_give_up(&marks, first);
    CU_ASSERT_FATAL(marks_take(&marks, &index));
    CU_ASSERT_EQUAL(index, first);
    marks_acknowledge(&marks, first);
    CU_ASSERT_EQUAL(marks.mark, 5 + MARKS_SPAN);
    CU_ASSERT_EQUAL(marks_lag(&marks), 0);
    CU_ASSERT(marks_take(&marks, &index));
    marks_clear(&marks);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"zeta: sums and YCSB's constant", test_zeta},
        {"zipfian against exact probabilities", test_zipfian},
        {"the check of distributions can fail", test_the_check_can_fail},
        {"uniform against exact probabilities", test_uniform},
        {"the hottest key of each zipfian", test_hottest},
        {"scrambled against exact probabilities", test_scrambled},
        {"latest: from the newest backwards, below the mark", test_latest},
        {"ranks at both ends", test_ranks_at_the_ends},
        {"mixes", test_mixes},
        {"a chooser repeats", test_chooser_repeats},
        {"keys differ, and repeat", test_keys},
        {"values differ, and repeat", test_values},
        {"marks are never ahead", test_marks_are_never_ahead},
        {"marks wait for a gap", test_marks_wait_for_a_gap},
    };
    return UNIT_RUN("generate", tests);
}
