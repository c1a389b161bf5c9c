/* app/verdict/linearize and search: classic histories by hand, random small ones compared with a search that tries every
 * order, and large ones. */
#include "tests/unit/unit.h"

#include "app/verdict/linearize.h"
#include "chord/base/prng.h"

#include <stdlib.h>
#include <string.h>

/* ---- histories by hand: one key, one line an operation ---- */

enum { KEY = 77 };

static struct history_record record(enum chord_operation_kind kind, enum chord_outcome outcome, uint64_t value,
                                    uint64_t start_ns, uint64_t end_ns) {
    return (struct history_record){.key_digest = KEY,
                                   .value_digest = value,
                                   .start_ns = start_ns,
                                   .end_ns = end_ns,
                                   .kind = (uint8_t)kind,
                                   .outcome = (uint8_t)outcome};
}

#define INSERTED(value, start, end) record(CHORD_INSERT, CHORD_INSERTED, value, start, end)
#define UPDATED(value, start, end) record(CHORD_INSERT, CHORD_UPDATED, value, start, end)
#define DELETED(start, end) record(CHORD_DELETE, CHORD_DELETED, 0, start, end)
#define DELETE_ABSENT(start, end) record(CHORD_DELETE, CHORD_ABSENT, 0, start, end)
#define FOUND(value, start, end) record(CHORD_QUERY, CHORD_FOUND, value, start, end)
#define ABSENT(start, end) record(CHORD_QUERY, CHORD_ABSENT, 0, start, end)
#define UNKNOWN_INSERT(value, start) record(CHORD_INSERT, CHORD_UNKNOWN, value, start, start)
#define UNKNOWN_DELETE(start) record(CHORD_DELETE, CHORD_UNKNOWN, 0, start, start)
#define UNKNOWN_QUERY(start) record(CHORD_QUERY, CHORD_UNKNOWN, 0, start, start)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void expect_fits(const struct history_record *records, size_t count) {
    struct linearize_result result;
    CU_ASSERT_EQUAL_FATAL(linearize_check(records, count, NULL, &result), CHORD_OK);
    CU_ASSERT_EQUAL(result.operation_count, count);
    CU_ASSERT_EQUAL(result.violated_count, 0);
    CU_ASSERT_EQUAL(result.too_large_count, 0);
    CU_ASSERT_EQUAL(result.violation_count, 0);
    linearize_free(&result);
}

/* core: the operations that contradict each other, one bit each. */
static void expect_contradicts(const struct history_record *records, size_t count, uint64_t core) {
    struct linearize_result result;
    CU_ASSERT_EQUAL_FATAL(linearize_check(records, count, NULL, &result), CHORD_OK);
    CU_ASSERT_EQUAL(result.violated_count, 1);
    CU_ASSERT_EQUAL_FATAL(result.violation_count, 1);
    const struct linearize_violation *violation = &result.violations[0];
    CU_ASSERT_EQUAL(violation->key_digest, KEY);
    CU_ASSERT_EQUAL(violation->operation_count, count);
    uint64_t found = 0;
    for (size_t i = 0; i < violation->core_count; i++) {
        found |= UINT64_C(1) << violation->core[i];
    }
    CU_ASSERT_EQUAL(found, core);
    CU_ASSERT(found >> violation->stuck & 1); /* what is stuck is one of them */
    linearize_free(&result);
}

#define EXPECT_FITS(...)                                                                                     \
    do {                                                                                                     \
        const struct history_record records_[] = {__VA_ARGS__};                                              \
        expect_fits(records_, COUNT(records_));                                                              \
    } while (0)
#define EXPECT_CONTRADICTS(core, ...)                                                                        \
    do {                                                                                                     \
        const struct history_record records_[] = {__VA_ARGS__};                                              \
        expect_contradicts(records_, COUNT(records_), core);                                                 \
    } while (0)

static void test_right(void) {
    expect_fits(NULL, 0);
    EXPECT_FITS(ABSENT(1, 2), DELETE_ABSENT(3, 4), INSERTED('a', 5, 6), FOUND('a', 7, 8), UPDATED('b', 9, 10),
                FOUND('b', 11, 12), DELETED(13, 14), ABSENT(15, 16), INSERTED('c', 17, 18), FOUND('c', 19, 20));
    /* Reads that overlap a write: old, then new. */
    EXPECT_FITS(INSERTED('a', 1, 2), UPDATED('b', 3, 20), FOUND('a', 4, 6), FOUND('b', 7, 9));
    /* The read that began first may see the newer value. */
    EXPECT_FITS(INSERTED('a', 1, 2), UPDATED('b', 3, 20), FOUND('b', 4, 10), FOUND('a', 5, 9));
    /* The update's place is before the insert's call; the outcomes say which came first. */
    EXPECT_FITS(UPDATED('b', 1, 9), INSERTED('a', 2, 8), FOUND('b', 10, 11));
    /* ABA: the value comes back because it is written again. */
    EXPECT_FITS(INSERTED('a', 1, 2), FOUND('a', 3, 4), UPDATED('b', 5, 6), FOUND('b', 7, 8), UPDATED('a', 9, 10),
                FOUND('a', 11, 12));
}

/* The insert of a isn't in the core: the update and the query need it, but not its answer. */
static void test_stale_read(void) {
    EXPECT_CONTRADICTS(6, INSERTED('a', 1, 2), UPDATED('b', 3, 4), FOUND('a', 5, 6));
    EXPECT_CONTRADICTS(6, INSERTED('a', 1, 2), FOUND('a', 3, 4), ABSENT(5, 6));
    EXPECT_CONTRADICTS(5, INSERTED('a', 1, 2), UPDATED('c', 1, 9), DELETE_ABSENT(5, 6));
    EXPECT_CONTRADICTS(1, FOUND('x', 1, 2));
    EXPECT_CONTRADICTS(1, FOUND('a', 1, 2), INSERTED('a', 3, 4));
    EXPECT_CONTRADICTS(4, INSERTED('a', 1, 2), FOUND('a', 3, 4), FOUND('x', 5, 6));
}

static void test_lost_update(void) {
    EXPECT_CONTRADICTS(3, INSERTED('a', 1, 9), INSERTED('b', 2, 8));
    EXPECT_CONTRADICTS(14, INSERTED('a', 1, 2), UPDATED('b', 3, 4), UPDATED('c', 3, 5), FOUND('a', 6, 7));
}

static void test_inversion(void) {
    /* Two reads, one after the other, while the write is under way: new, then old. */
    EXPECT_CONTRADICTS(13, INSERTED('a', 1, 2), UPDATED('b', 3, 20), FOUND('b', 4, 6), FOUND('a', 7, 9));
    /* ABA without a second write of a. */
    EXPECT_CONTRADICTS(26, ABSENT(0, 1), INSERTED('a', 2, 3), UPDATED('b', 4, 30), FOUND('b', 5, 6),
                       FOUND('a', 7, 8));
}

static void test_outcomes(void) {
    EXPECT_CONTRADICTS(1, UPDATED('a', 1, 2));
    EXPECT_CONTRADICTS(1, DELETED(1, 2));
    EXPECT_CONTRADICTS(3, INSERTED('a', 1, 2), INSERTED('b', 3, 4));
    EXPECT_CONTRADICTS(6, INSERTED('a', 1, 2), DELETED(3, 4), UPDATED('b', 5, 6));
    EXPECT_CONTRADICTS(6, INSERTED('a', 1, 2), DELETED(3, 4), DELETED(5, 6));
    EXPECT_CONTRADICTS(3, INSERTED('a', 1, 2), DELETE_ABSENT(3, 4));
    EXPECT_CONTRADICTS(6, INSERTED('a', 1, 2), DELETED(3, 9), DELETED(4, 8));
    EXPECT_FITS(INSERTED('a', 1, 2), DELETED(3, 9), DELETE_ABSENT(4, 8));
    EXPECT_FITS(INSERTED('a', 1, 2), DELETED(3, 9), INSERTED('b', 3, 9), UPDATED('c', 3, 9), ABSENT(3, 9));
}

static void test_unknown(void) {
    /* It happened, it didn't, it happens late. */
    EXPECT_FITS(INSERTED('a', 1, 2), UNKNOWN_INSERT('b', 3), FOUND('b', 5, 6), FOUND('b', 7, 8));
    EXPECT_FITS(INSERTED('a', 1, 2), UNKNOWN_INSERT('b', 3), FOUND('a', 5, 6), FOUND('a', 7, 8));
    EXPECT_FITS(INSERTED('a', 1, 2), UNKNOWN_INSERT('b', 3), FOUND('a', 5, 6), FOUND('b', 700, 800));
    EXPECT_FITS(UNKNOWN_INSERT('b', 1), UPDATED('a', 2, 3));
    EXPECT_FITS(INSERTED('a', 1, 2), UNKNOWN_DELETE(3), INSERTED('b', 4, 5));
    EXPECT_FITS(INSERTED('a', 1, 2), UNKNOWN_DELETE(3), UPDATED('b', 4, 5), UNKNOWN_QUERY(4));
    /* But once only, not before its call, and not both ways. */
    EXPECT_CONTRADICTS(28, INSERTED('a', 1, 2), UNKNOWN_INSERT('b', 3), FOUND('b', 5, 6), UPDATED('c', 7, 8),
                       FOUND('b', 9, 10));
    EXPECT_CONTRADICTS(2, INSERTED('a', 1, 2), FOUND('b', 3, 4), UNKNOWN_INSERT('b', 5));
    EXPECT_CONTRADICTS(13, INSERTED('a', 1, 2), UNKNOWN_DELETE(3), INSERTED('b', 4, 5), INSERTED('c', 6, 7));
}

static void test_equal_times(void) {
    EXPECT_FITS(INSERTED('a', 1, 2), UPDATED('b', 3, 5), FOUND('a', 5, 6));
    EXPECT_CONTRADICTS(6, INSERTED('a', 1, 2), UPDATED('b', 3, 5), FOUND('a', 6, 6));
    EXPECT_FITS(FOUND('a', 5, 5), INSERTED('a', 5, 5), ABSENT(5, 5), DELETED(5, 5));
}

static void test_bad_records(void) {
    EXPECT_CONTRADICTS(2, INSERTED('a', 1, 2), FOUND('a', 4, 3));
    EXPECT_CONTRADICTS(1, record(CHORD_QUERY, CHORD_INSERTED, 'a', 1, 2));
    EXPECT_CONTRADICTS(1, record(CHORD_INSERT, CHORD_FOUND, 'a', 1, 2));
    EXPECT_CONTRADICTS(1, record(CHORD_DELETE, CHORD_UPDATED, 0, 1, 2));
    EXPECT_CONTRADICTS(1, record(CHORD_OPERATION_KIND_COUNT, CHORD_UNKNOWN, 0, 1, 2));
}

/* What is told of a contradiction: the beginning, the longest order, what comes next. */
static void test_explanation(void) {
    const struct history_record records[] = {INSERTED('a', 1, 2), FOUND('a', 3, 4), UPDATED('b', 5, 6),
                                             FOUND('a', 7, 8),    FOUND('b', 9, 10), DELETED(11, 12)};
    struct linearize_result result;
    CU_ASSERT_EQUAL_FATAL(linearize_check(records, COUNT(records), NULL, &result), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(result.violation_count, 1);
    const struct linearize_violation *violation = &result.violations[0];
    CU_ASSERT_EQUAL(violation->prefix_count, 4);
    CU_ASSERT_EQUAL(violation->core_count, 2);
    CU_ASSERT_EQUAL(violation->stuck, 2); /* b can't come: a is still to be read */
    CU_ASSERT_EQUAL(violation->order_count, 1);
    CU_ASSERT(violation->present);
    CU_ASSERT_EQUAL(violation->value_digest, 'a');
    linearize_free(&result);
}

static void test_limits(void) {
    enum { N = 60 };
    struct history_record records[2 * N];
    for (uint64_t i = 0; i < N; i++) {
        records[2 * i] = UPDATED(i % 7, 1, 1000);
        records[2 * i + 1] = FOUND(i % 7, 1 + 13 * i, 20 + 13 * i);
        if (i % 5 == 0) {
            records[2 * i] = i % 2 == 0 ? DELETED(1, 1000) : INSERTED(i % 7, 1, 1000);
        }
    }
    const struct linearize_limits steps = {.steps_max = 3};
    const struct linearize_limits bytes = {.bytes_max = 4096};
    const struct linearize_limits *const limits[] = {&steps, &bytes};
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct linearize_result result;
        CU_ASSERT_EQUAL_FATAL(linearize_check(records, 2 * N, limits[i], &result), CHORD_OK);
        CU_ASSERT_EQUAL(result.too_large_count, 1);
        CU_ASSERT_EQUAL(result.too_large_digest, KEY);
        CU_ASSERT_EQUAL(result.violated_count, 0);
        linearize_free(&result);
    }
}

/* ---- every order tried ---- */

enum { SMALL_MAX = 8 };

static bool applies(const struct history_record *operation, uint64_t state, uint64_t *after) {
    *after = operation->kind == CHORD_INSERT   ? operation->value_digest
             : operation->kind == CHORD_DELETE ? 0
                                               : state;
    switch (operation->outcome) {
    case CHORD_INSERTED:
    case CHORD_ABSENT:
        return state == 0;
    case CHORD_FOUND:
        return state == operation->value_digest;
    case CHORD_UNKNOWN:
        return true;
    default:
        return state != 0;
    }
}

/* Values are 1 and up; 0 is absence. `left`: what has no place yet. */
static bool any_order(const struct history_record *records, size_t count, unsigned left, uint64_t state) {
    uint64_t first_end_ns = UINT64_MAX;
    bool known_left = false;
    for (size_t i = 0; i < count; i++) {
        if ((left >> i & 1) && records[i].outcome != CHORD_UNKNOWN) {
            known_left = true;
            first_end_ns = records[i].end_ns < first_end_ns ? records[i].end_ns : first_end_ns;
        }
    }
    if (!known_left) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t after;
        if ((left >> i & 1) && records[i].start_ns <= first_end_ns && applies(&records[i], state, &after) &&
            any_order(records, count, left & ~(1u << i), after)) {
            return true;
        }
    }
    return false;
}

/* A register that is right, watched by clients that take their time; then, often, one thing is changed. */
static size_t draw_history(struct chord_prng *prng, struct history_record *records) {
    const size_t count = 1 + chord_prng_below(prng, SMALL_MAX);
    const uint64_t value_count = 1 + chord_prng_below(prng, 4);
    const uint64_t spread = 1 + chord_prng_below(prng, 20);
    const bool unknowns = chord_prng_below(prng, 2) == 0;
    uint64_t state = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t now = 20 + 3 * i;
        const uint64_t value = 1 + chord_prng_below(prng, value_count);
        const uint64_t start = now - chord_prng_below(prng, spread);
        const uint64_t end = now + chord_prng_below(prng, spread);
        switch (chord_prng_below(prng, 4)) {
        case 0:
        case 1:
            records[i] = state == 0 ? INSERTED(value, start, end) : UPDATED(value, start, end);
            state = value;
            break;
        case 2:
            records[i] = state == 0 ? ABSENT(start, end) : FOUND(state, start, end);
            break;
        default:
            records[i] = state == 0 ? DELETE_ABSENT(start, end) : DELETED(start, end);
            state = 0;
        }
        if (unknowns && chord_prng_below(prng, 4) == 0) {
            records[i].outcome = CHORD_UNKNOWN;
            records[i].value_digest = records[i].kind == CHORD_INSERT ? value : 0;
        }
    }
    for (size_t change = chord_prng_below(prng, 3); change > 0; change--) {
        struct history_record *changed = &records[chord_prng_below(prng, count)];
        const uint64_t value = 1 + chord_prng_below(prng, value_count);
        if (changed->kind == CHORD_QUERY) {
            *changed = chord_prng_below(prng, 3) == 0 ? ABSENT(changed->start_ns, changed->end_ns)
                                                      : FOUND(value, changed->start_ns, changed->end_ns);
        } else if (changed->kind == CHORD_INSERT && changed->outcome != CHORD_UNKNOWN) {
            changed->outcome = changed->outcome == CHORD_INSERTED ? CHORD_UPDATED : CHORD_INSERTED;
        } else if (changed->outcome != CHORD_UNKNOWN) {
            changed->outcome = changed->outcome == CHORD_DELETED ? CHORD_ABSENT : CHORD_DELETED;
        }
    }
    return count;
}

/* What is left of a contradiction must contradict itself, and stop doing so without any one of its answers. */
static void check_core(const struct history_record *records, size_t count,
                       const struct linearize_violation *violation) {
    for (size_t without = 0; without <= violation->core_count; without++) {
        struct history_record weak[SMALL_MAX];
        size_t weak_count = 0;
        for (size_t i = 0; i < count; i++) {
            bool in_core = false;
            for (size_t k = 0; k < violation->core_count; k++) {
                in_core |= violation->core[k] == i && k != without;
            }
            const bool writes = records[i].kind != CHORD_QUERY && records[i].outcome != CHORD_ABSENT;
            if (in_core || writes) {
                weak[weak_count] = records[i];
                weak[weak_count++].outcome = in_core ? records[i].outcome : CHORD_UNKNOWN;
            }
        }
        /* Writes that began after the last answer of the core are in too: they can't matter. */
        const bool fits = any_order(weak, weak_count, (1u << weak_count) - 1, 0);
        CU_ASSERT_EQUAL(fits, without < violation->core_count);
    }
}

static void test_every_order(void) {
    size_t fits_count = 0;
    size_t none_count = 0;
    for (uint64_t seed = 1; seed <= 150000; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        struct history_record records[SMALL_MAX];
        const size_t count = draw_history(&prng, records);
        const bool fits = any_order(records, count, (1u << count) - 1, 0);
        struct linearize_result result;
        CU_ASSERT_EQUAL_FATAL(linearize_check(records, count, NULL, &result), CHORD_OK);
        if ((result.violated_count == 0) != fits) {
            printf("seed %llu: an order %s\n", (unsigned long long)seed, fits ? "was missed" : "was imagined");
        }
        CU_ASSERT_EQUAL_FATAL(result.violated_count == 0, fits);
        CU_ASSERT_EQUAL(result.too_large_count, 0);
        if (!fits && seed % 8 == 0) {
            CU_ASSERT_EQUAL_FATAL(result.violation_count, 1);
            check_core(records, count, &result.violations[0]);
        }
        linearize_free(&result);
        fits_count += fits;
        none_count += !fits;
    }
    CU_ASSERT(fits_count > 20000);
    CU_ASSERT(none_count > 20000);
}

/* ---- large ones ---- */

struct world {
    uint64_t state[1024]; /* by key */
    uint64_t last_value;
};

/* Clients that each wait for their answer; what they do takes effect at a moment between. 1/2 inserts, 1/4 deletes. */
static struct history_record *draw_large(uint64_t seed, size_t count, uint64_t key_count, uint64_t client_count,
                                         bool deletes, unsigned unknown_percent) {
    struct chord_prng prng = chord_prng_seeded(seed, 0);
    struct world *world = calloc(1, sizeof *world);
    struct history_record *records = calloc(count, sizeof *records);
    CU_ASSERT_FATAL(world != NULL && records != NULL);
    for (size_t i = 0; i < count; i++) {
        const uint64_t key = chord_prng_below(&prng, key_count);
        const uint64_t now = 100 * client_count + 100 * i;
        const uint64_t start = now - chord_prng_below(&prng, 50 * client_count);
        const uint64_t end = now + chord_prng_below(&prng, 50 * client_count);
        uint64_t *state = &world->state[key];
        const uint64_t what = chord_prng_below(&prng, 4);
        if (what < 2) {
            world->last_value++;
            records[i] = *state == 0 ? INSERTED(world->last_value, start, end)
                                     : UPDATED(world->last_value, start, end);
            *state = world->last_value;
        } else if (what == 2 && deletes) {
            records[i] = *state == 0 ? DELETE_ABSENT(start, end) : DELETED(start, end);
            *state = 0;
        } else {
            records[i] = *state == 0 ? ABSENT(start, end) : FOUND(*state, start, end);
        }
        if (chord_prng_below(&prng, 100) < unknown_percent) {
            records[i].outcome = CHORD_UNKNOWN;
        }
        records[i].key_digest = key;
    }
    free(world);
    return records;
}

static void expect_large(size_t count, uint64_t key_count, uint64_t client_count, bool deletes,
                         unsigned unknown_percent) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct history_record *records =
            draw_large(seed, count, key_count, client_count, deletes, unknown_percent);
        expect_fits(records, count);
        /* The last answer is one of long ago. */
        records[count - 1] = FOUND(1, records[count - 1].start_ns + 100 * client_count,
                                   records[count - 1].end_ns + 100 * client_count);
        records[count - 1].key_digest = records[0].key_digest;
        struct linearize_result result;
        CU_ASSERT_EQUAL_FATAL(linearize_check(records, count, NULL, &result), CHORD_OK);
        CU_ASSERT_EQUAL(result.violated_count, 1);
        CU_ASSERT_EQUAL_FATAL(result.violation_count, 1);
        CU_ASSERT_EQUAL(result.violations[0].key_digest, records[0].key_digest);
        CU_ASSERT(result.violations[0].core_count < 20);
        linearize_free(&result);
        free(records);
    }
}

static void test_many_keys(void) {
    expect_large(100000, 1000, 16, true, 0);
}

static void test_hot_key(void) {
    expect_large(10000, 1, 64, false, 0);
}

static void test_hot_key_with_deletes(void) {
    expect_large(10000, 1, 64, true, 0);
}

static void test_hot_key_with_unknowns(void) {
    expect_large(2000, 1, 16, true, 1);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"right histories", test_right},
        {"a stale read", test_stale_read},
        {"a lost update", test_lost_update},
        {"reads inverted", test_inversion},
        {"outcomes", test_outcomes},
        {"unknown operations", test_unknown},
        {"equal times", test_equal_times},
        {"impossible records", test_bad_records},
        {"the explanation", test_explanation},
        {"limits", test_limits},
        {"every order tried", test_every_order},
        {"100,000 operations on 1,000 keys", test_many_keys},
        {"10,000 operations on one key, 64 clients", test_hot_key},
        {"the same with deletes", test_hot_key_with_deletes},
        {"unknown writes on a hot key", test_hot_key_with_unknowns},
    };
    return UNIT_RUN("linearize", tests);
}
