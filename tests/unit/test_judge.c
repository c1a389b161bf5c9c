/* app/verdict/judge (and history): correct histories from a small simulation are judged right for every seed,
 * and each rule, broken once, is found under its own name. */
#include "tests/unit/unit.h"

#include "app/verdict/history.h"
#include "app/verdict/judge.h"
#include "chord/base/digest.h"
#include "chord/base/prng.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- histories by hand: one key, one line an operation ---- */

enum { KEY = 77 };

static struct history_record record(enum chord_operation_kind kind, enum chord_outcome outcome,
                                    uint64_t version, uint64_t value, uint64_t start_ns, uint64_t end_ns) {
    return (struct history_record){.key_digest = KEY,
                                   .value_digest = value,
                                   .start_ns = start_ns,
                                   .end_ns = end_ns,
                                   .version_counter = version,
                                   .version_epoch = version == 0 ? 0 : 1,
                                   .kind = (uint8_t)kind,
                                   .outcome = (uint8_t)outcome};
}

#define INSERTED(version, value, start, end) record(CHORD_INSERT, CHORD_INSERTED, version, value, start, end)
#define UPDATED(version, value, start, end) record(CHORD_INSERT, CHORD_UPDATED, version, value, start, end)
#define DELETED(version, start, end) record(CHORD_DELETE, CHORD_DELETED, version, 0, start, end)
#define DELETE_ABSENT(version, start, end) record(CHORD_DELETE, CHORD_ABSENT, version, 0, start, end)
#define FOUND(version, value, start, end) record(CHORD_QUERY, CHORD_FOUND, version, value, start, end)
#define ABSENT(version, start, end) record(CHORD_QUERY, CHORD_ABSENT, version, 0, start, end)
#define UNKNOWN_INSERT(value, start) record(CHORD_INSERT, CHORD_UNKNOWN, 0, value, start, start)
#define UNKNOWN_DELETE(start) record(CHORD_DELETE, CHORD_UNKNOWN, 0, 0, start, start)

static struct judge_verdict judge_more(struct judge *judge, const struct history_record *records,
                                       size_t count, enum chord_consistency consistency) {
    struct history history = {0};
    struct judge_verdict verdict = {0};
    for (size_t i = 0; i < count; i++) {
        struct history_record copy = records[i];
        copy.index = (uint32_t)i;
        CU_ASSERT_EQUAL_FATAL(history_append(&history, &copy), CHORD_OK);
    }
    CU_ASSERT_EQUAL_FATAL(judge_segment(judge, history.records, history.count, consistency, &verdict),
                          CHORD_OK);
    CU_ASSERT_EQUAL(verdict.operation_count, count);
    history_free(&history);
    return verdict;
}

/* `last` is the index of the first record of a second segment, or `count`. The verdict is the last segment's.
 */
static struct judge_verdict judge_two(const struct history_record *records, size_t count, size_t split,
                                      enum chord_consistency consistency) {
    struct judge judge = {0};
    struct judge_verdict verdict = {0};
    if (split > 0) {
        verdict = judge_more(&judge, records, split, consistency);
        CU_ASSERT_EQUAL(verdict.wrong_count, 0);
    }
    if (count > split) {
        verdict = judge_more(&judge, records + split, count - split, consistency);
    }
    judge_free(&judge);
    return verdict;
}

/* Expects exactly one wrong operation, the one at `index` of the last segment, for this reason. */
static void expect_wrong(const struct history_record *records, size_t count, size_t split,
                         enum chord_consistency consistency, uint32_t index, enum judge_reason reason) {
    const struct judge_verdict verdict = judge_two(records, count, split, consistency);
    CU_ASSERT_EQUAL(verdict.wrong_count, 1);
    CU_ASSERT_EQUAL(verdict.wrong_by_reason[reason], 1);
    CU_ASSERT_EQUAL(verdict.first.reason, reason);
    CU_ASSERT_EQUAL(verdict.first.index, index);
    CU_ASSERT_EQUAL(verdict.first.key_digest, KEY);
    CU_ASSERT_EQUAL(verdict.first.version.counter, records[split + index].version_counter);
}

#define COUNT(records) (sizeof(records) / sizeof((records)[0]))
#define EXPECT_FINE(...)                                                                                     \
    do {                                                                                                     \
        const struct history_record records_[] = {__VA_ARGS__};                                              \
        CU_ASSERT_EQUAL(judge_two(records_, COUNT(records_), 0, CHORD_LINEARIZABLE).wrong_count, 0);         \
        CU_ASSERT_EQUAL(judge_two(records_, COUNT(records_), 0, CHORD_EVENTUAL).wrong_count, 0);             \
    } while (0)
#define EXPECT_WRONG(consistency, index, reason, ...)                                                        \
    do {                                                                                                     \
        const struct history_record records_[] = {__VA_ARGS__};                                              \
        expect_wrong(records_, COUNT(records_), 0, consistency, index, reason);                              \
    } while (0)
/* Both consistencies have this rule. */
#define EXPECT_WRONG_ALWAYS(index, reason, ...)                                                              \
    do {                                                                                                     \
        EXPECT_WRONG(CHORD_LINEARIZABLE, index, reason, __VA_ARGS__);                                        \
        EXPECT_WRONG(CHORD_EVENTUAL, index, reason, __VA_ARGS__);                                            \
    } while (0)

static void test_correct_by_hand(void) {
    EXPECT_FINE(ABSENT(0, 1, 2), DELETE_ABSENT(1, 3, 4), INSERTED(4, 'a', 5, 6), FOUND(4, 'a', 7, 8),
                UPDATED(5, 'b', 9, 10), FOUND(5, 'b', 11, 12), DELETED(6, 13, 14), ABSENT(9, 15, 16),
                INSERTED(10, 'c', 17, 18), FOUND(10, 'c', 19, 20));
    /* Overlapping reads may answer the old and the new value in any order. */
    EXPECT_FINE(INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 20), FOUND(2, 'b', 4, 6), FOUND(1, 'a', 5, 9));
    /* Equal times overlap. */
    EXPECT_FINE(INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 5), FOUND(1, 'a', 5, 6));
    /* Two concurrent inserts: the versions say which came first. */
    EXPECT_FINE(UPDATED(2, 'b', 1, 9), INSERTED(1, 'a', 2, 8), FOUND(2, 'b', 10, 11));
    /* A newer epoch with a smaller counter is newer. */
    struct history_record epochs[] = {INSERTED(9, 'a', 1, 2), UPDATED(3, 'b', 3, 4), FOUND(3, 'b', 5, 6)};
    epochs[1].version_epoch = epochs[2].version_epoch = 2;
    CU_ASSERT_EQUAL(judge_two(epochs, 3, 0, CHORD_LINEARIZABLE).wrong_count, 0);
}

static void test_bad_records(void) {
    EXPECT_WRONG_ALWAYS(1, JUDGE_BAD_RECORD, INSERTED(1, 'a', 1, 2),
                        record(CHORD_INSERT, CHORD_FOUND, 2, 'b', 3, 4));
    EXPECT_WRONG_ALWAYS(1, JUDGE_BAD_RECORD, INSERTED(1, 'a', 1, 2),
                        record(CHORD_QUERY, CHORD_UPDATED, 1, 'a', 3, 4));
    EXPECT_WRONG_ALWAYS(1, JUDGE_BAD_RECORD, INSERTED(1, 'a', 1, 2),
                        record(CHORD_DELETE, CHORD_FOUND, 2, 0, 3, 4));
    EXPECT_WRONG_ALWAYS(1, JUDGE_BAD_RECORD, INSERTED(1, 'a', 1, 2), FOUND(1, 'a', 4, 3));
    EXPECT_WRONG_ALWAYS(0, JUDGE_BAD_RECORD, INSERTED(0, 'a', 1, 2));
    EXPECT_WRONG_ALWAYS(0, JUDGE_BAD_RECORD, record(CHORD_OPERATION_KIND_COUNT, CHORD_UNKNOWN, 0, 0, 1, 2));
}

static void test_repeated_version(void) {
    /* The one that began later is blamed, whatever the order in which they are handed in. */
    EXPECT_WRONG_ALWAYS(1, JUDGE_VERSION_REPEATED, INSERTED(1, 'a', 1, 5), UPDATED(1, 'b', 2, 4));
    EXPECT_WRONG_ALWAYS(0, JUDGE_VERSION_REPEATED, UPDATED(1, 'b', 2, 4), INSERTED(1, 'a', 1, 5));
}

static void test_outcomes(void) {
    EXPECT_WRONG_ALWAYS(1, JUDGE_INSERTED_PRESENT, INSERTED(1, 'a', 1, 2), INSERTED(2, 'b', 3, 4));
    EXPECT_WRONG_ALWAYS(0, JUDGE_UPDATED_ABSENT, UPDATED(1, 'a', 1, 2));
    EXPECT_WRONG_ALWAYS(2, JUDGE_UPDATED_ABSENT, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4),
                        UPDATED(3, 'b', 5, 6));
    EXPECT_WRONG_ALWAYS(0, JUDGE_DELETED_ABSENT, DELETED(1, 1, 2));
    EXPECT_WRONG_ALWAYS(2, JUDGE_DELETED_ABSENT, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), DELETED(3, 5, 6));
    EXPECT_WRONG_ALWAYS(1, JUDGE_DELETE_MISSED, INSERTED(1, 'a', 1, 2), DELETE_ABSENT(2, 3, 4));
}

static void test_reads(void) {
    EXPECT_WRONG_ALWAYS(1, JUDGE_VERSION_UNWRITTEN, INSERTED(1, 'a', 1, 2), FOUND(2, 'a', 3, 4));
    EXPECT_WRONG_ALWAYS(0, JUDGE_VERSION_UNWRITTEN, FOUND(1, 'a', 1, 2), INSERTED(2, 'a', 3, 4));
    EXPECT_WRONG_ALWAYS(1, JUDGE_VALUE_DIFFERS, INSERTED(1, 'a', 1, 2), FOUND(1, 'b', 3, 4));
    EXPECT_WRONG_ALWAYS(2, JUDGE_VALUE_DIFFERS, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), FOUND(2, 0, 5, 6));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 1, JUDGE_ABSENT_PRESENT, INSERTED(1, 'a', 1, 2), ABSENT(1, 3, 4));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 1, JUDGE_ABSENT_PRESENT, INSERTED(1, 'a', 1, 2), ABSENT(9, 3, 4));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 3, JUDGE_ABSENT_PRESENT, INSERTED(1, 'a', 1, 2), DELETED(3, 3, 4),
                 INSERTED(5, 'b', 5, 6), ABSENT(6, 7, 8));
}

static void test_real_time(void) {
    EXPECT_WRONG(CHORD_LINEARIZABLE, 2, JUDGE_READ_OLD, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4),
                 FOUND(1, 'a', 5, 6));
    /* Even a read makes a later read of less wrong, while the write is still under way. */
    EXPECT_WRONG(CHORD_LINEARIZABLE, 3, JUDGE_READ_OLD, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 20),
                 FOUND(2, 'b', 4, 5), FOUND(1, 'a', 6, 7));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 1, JUDGE_READ_OLD, INSERTED(5, 'a', 1, 2), ABSENT(4, 3, 4));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 2, JUDGE_READ_OLD, INSERTED(1, 'a', 1, 2), DELETED(3, 3, 4),
                 FOUND(1, 'a', 5, 6));
    /* An absent answer has the arc's version; a write that begins later is newer than that. */
    EXPECT_WRONG_ALWAYS(1, JUDGE_WRITE_OLD, ABSENT(7, 1, 2), DELETE_ABSENT(6, 3, 4));
    EXPECT_WRONG_ALWAYS(1, JUDGE_WRITE_OLD, ABSENT(7, 1, 2), DELETE_ABSENT(7, 3, 4));
    EXPECT_WRONG(CHORD_EVENTUAL, 1, JUDGE_WRITE_OLD, ABSENT(7, 1, 2), INSERTED(6, 'a', 3, 4));
    /* The same where absences are checked against the versions: that check comes first and blames the read.
     */
    EXPECT_WRONG(CHORD_LINEARIZABLE, 0, JUDGE_ABSENT_PRESENT, ABSENT(7, 1, 2), INSERTED(6, 'a', 3, 4));
    EXPECT_WRONG_ALWAYS(2, JUDGE_WRITE_OLD, INSERTED(1, 'a', 1, 2), UPDATED(3, 'c', 3, 4),
                        UPDATED(2, 'b', 5, 6));
}

static void test_segments_by_hand(void) {
    const struct history_record first[] = {INSERTED(3, 'a', 1, 2), UPDATED(5, 'b', 3, 4),
                                           FOUND(5, 'b', 5, 6)};
    const struct {
        struct history_record second;
        enum judge_reason reason;
    } cases[] = {
        {FOUND(5, 'b', 10, 11), JUDGE_FINE},
        {UPDATED(6, 'c', 10, 11), JUDGE_FINE},
        {DELETED(6, 10, 11), JUDGE_FINE},
        {FOUND(5, 'a', 10, 11), JUDGE_VALUE_DIFFERS},
        {FOUND(6, 'b', 10, 11), JUDGE_VERSION_UNWRITTEN},
        {FOUND(3, 'a', 10, 11), JUDGE_READ_OLD},
        {ABSENT(2, 10, 11), JUDGE_READ_OLD},
        {ABSENT(5, 10, 11), JUDGE_ABSENT_PRESENT},
        {ABSENT(6, 10, 11), JUDGE_ABSENT_PRESENT},
        {INSERTED(6, 'c', 10, 11), JUDGE_INSERTED_PRESENT},
        {DELETE_ABSENT(6, 10, 11), JUDGE_DELETE_MISSED},
        {UPDATED(5, 'c', 10, 11), JUDGE_WRITE_OLD},
        {UPDATED(4, 'c', 10, 11), JUDGE_WRITE_OLD},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct history_record all[4];
        memcpy(all, first, sizeof first);
        all[3] = cases[i].second;
        if (cases[i].reason == JUDGE_FINE) {
            CU_ASSERT_EQUAL(judge_two(all, 4, 3, CHORD_LINEARIZABLE).wrong_count, 0);
        } else {
            expect_wrong(all, 4, 3, CHORD_LINEARIZABLE, 0, cases[i].reason);
        }
    }
    const struct history_record deleted[] = {INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), FOUND(2, 0, 5, 6)};
    expect_wrong(deleted, 3, 2, CHORD_LINEARIZABLE, 0, JUDGE_VALUE_DIFFERS);
    /* The highest version answered may be an absence's, beyond the last write. */
    const struct history_record absent[] = {INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), ABSENT(8, 5, 6),
                                            ABSENT(7, 7, 8)};
    expect_wrong(absent, 4, 3, CHORD_LINEARIZABLE, 0, JUDGE_READ_OLD);
    const struct history_record after[] = {ABSENT(8, 5, 6), INSERTED(8, 'a', 7, 8)};
    expect_wrong(after, 2, 1, CHORD_LINEARIZABLE, 0, JUDGE_WRITE_OLD);
}

/* ---- staleness ---- */

static void expect_stale(const struct history_record *records, size_t count, size_t split,
                         uint64_t stale_count, uint64_t missed) {
    const struct judge_verdict verdict = judge_two(records, count, split, CHORD_EVENTUAL);
    CU_ASSERT_EQUAL(verdict.wrong_count, 0);
    CU_ASSERT_EQUAL(verdict.stale_count, stale_count);
    CU_ASSERT_EQUAL(verdict.stale_missed_sum, missed);
    CU_ASSERT_EQUAL(verdict.stale_missed_max,
                    stale_count == 0 ? 0 : missed); /* one stale read at most in these */
}

#define EXPECT_STALE(stale_count, missed, ...)                                                               \
    do {                                                                                                     \
        const struct history_record records_[] = {__VA_ARGS__};                                              \
        expect_stale(records_, COUNT(records_), 0, stale_count, missed);                                     \
    } while (0)

static void test_staleness(void) {
    EXPECT_STALE(0, 0, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4), FOUND(2, 'b', 5, 6));
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4), FOUND(1, 'a', 5, 6));
    EXPECT_STALE(1, 2, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4), DELETED(3, 5, 6), FOUND(1, 'a', 7, 8));
    /* A delete that finds nothing changes nothing: not missed. */
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), DELETE_ABSENT(3, 5, 6), FOUND(1, 'a', 7, 8));
    /* Not answered yet when the read began: not missed. */
    EXPECT_STALE(0, 0, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 9), FOUND(1, 'a', 4, 10));
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4), UPDATED(3, 'c', 5, 9),
                 FOUND(1, 'a', 6, 7));
    /* A newer write answered early, an older one late. */
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 9), UPDATED(2, 'b', 2, 3), FOUND(1, 'a', 4, 5));
    /* Absences. */
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), ABSENT(0, 3, 4));
    EXPECT_STALE(1, 2, INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4), ABSENT(0, 5, 6));
    EXPECT_STALE(0, 0, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), ABSENT(0, 5, 6));
    EXPECT_STALE(0, 0, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 9), ABSENT(2, 5, 6));
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), INSERTED(3, 'b', 5, 6), ABSENT(2, 7, 8));
    EXPECT_STALE(1, 3, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4), INSERTED(3, 'b', 5, 6), ABSENT(0, 7, 8));
    /* The version says present: as stale as can be. */
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), ABSENT(5, 3, 4));
    /* Unless an unknown delete may have come between. */
    EXPECT_STALE(0, 0, INSERTED(1, 'a', 1, 2), UNKNOWN_DELETE(3), ABSENT(2, 5, 6));
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), UNKNOWN_DELETE(3), ABSENT(0, 5, 6));
    EXPECT_STALE(1, 1, INSERTED(1, 'a', 1, 2), ABSENT(2, 5, 6), UNKNOWN_DELETE(7));
}

static void test_staleness_across_segments(void) {
    const struct history_record present[] = {INSERTED(3, 'a', 1, 2), UPDATED(5, 'b', 3, 4),
                                             UPDATED(6, 'c', 10, 11), FOUND(5, 'b', 12, 13)};
    expect_stale(present, 4, 2, 1, 1);
    struct history_record other[4];
    memcpy(other, present, sizeof present);
    other[3] = FOUND(3, 'a', 12, 13); /* forgotten: 5 and 6 are missed */
    expect_stale(other, 4, 2, 1, 2);
    other[3] = ABSENT(2, 12, 13);
    expect_stale(other, 4, 2, 1, 2);
    other[2] = other[3];
    expect_stale(other, 3, 2, 1, 1);
    other[2] = FOUND(5, 'b', 12, 13);
    expect_stale(other, 3, 2, 0, 0);
    const struct history_record absent[] = {INSERTED(3, 'a', 1, 2), DELETED(5, 3, 4), ABSENT(2, 5, 6),
                                            FOUND(3, 'a', 12, 13)};
    expect_stale(absent, 4, 2, 1, 1);
    expect_stale(absent, 3, 2, 0, 0);
}

/* ---- unknown writes ---- */

static void test_unknown_by_hand(void) {
    /* It happened, it didn't, or not yet. */
    EXPECT_FINE(INSERTED(1, 'a', 1, 2), UNKNOWN_INSERT('b', 3), FOUND(2, 'b', 5, 6));
    EXPECT_FINE(INSERTED(1, 'a', 1, 2), UNKNOWN_INSERT('b', 3), FOUND(1, 'a', 5, 6), FOUND(2, 'b', 7, 8));
    EXPECT_FINE(INSERTED(1, 'a', 1, 2), UNKNOWN_DELETE(3), ABSENT(2, 5, 6), INSERTED(3, 'b', 7, 8));
    EXPECT_FINE(UNKNOWN_INSERT('b', 3), UPDATED(2, 'c', 4, 5));
    EXPECT_FINE(UNKNOWN_INSERT('b', 3), DELETED(2, 4, 5), record(CHORD_QUERY, CHORD_UNKNOWN, 0, 0, 6, 6));
    EXPECT_FINE(INSERTED(1, 'a', 1, 2), UNKNOWN_DELETE(3), DELETE_ABSENT(3, 4, 5));
    EXPECT_FINE(UNKNOWN_INSERT('b', 6), FOUND(2, 'b', 5, 6)); /* equal times overlap */
    /* Not what was written; not begun in time; not twice; not before something that ended earlier. */
    EXPECT_WRONG_ALWAYS(1, JUDGE_VERSION_UNWRITTEN, UNKNOWN_INSERT('b', 3), FOUND(2, 'c', 5, 6));
    EXPECT_WRONG_ALWAYS(0, JUDGE_VERSION_UNWRITTEN, FOUND(2, 'b', 1, 2), UNKNOWN_INSERT('b', 3));
    EXPECT_WRONG_ALWAYS(2, JUDGE_VERSION_UNWRITTEN, UNKNOWN_INSERT('b', 3), FOUND(2, 'b', 5, 6),
                        FOUND(4, 'b', 7, 8));
    EXPECT_WRONG_ALWAYS(2, JUDGE_VERSION_UNWRITTEN, INSERTED(4, 'a', 1, 2), UNKNOWN_INSERT('b', 3),
                        FOUND(2, 'b', 1, 9));
    EXPECT_WRONG_ALWAYS(2, JUDGE_UPDATED_ABSENT, INSERTED(1, 'a', 1, 2), DELETED(2, 3, 4),
                        UPDATED(3, 'b', 5, 6), UNKNOWN_INSERT('x', 7));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 1, JUDGE_ABSENT_PRESENT, INSERTED(1, 'a', 1, 2), ABSENT(1, 3, 4),
                 UNKNOWN_DELETE(5));
    EXPECT_WRONG_ALWAYS(3, JUDGE_VERSION_UNWRITTEN, UNKNOWN_INSERT('c', 1), FOUND(4, 'c', 2, 3),
                        UNKNOWN_INSERT('b', 5), FOUND(2, 'b', 1, 9));
    /* An unknown delete wrote no value; two reads of one version agree on it. */
    EXPECT_WRONG_ALWAYS(1, JUDGE_VERSION_UNWRITTEN, UNKNOWN_DELETE(1), FOUND(2, 0, 5, 6));
    EXPECT_WRONG_ALWAYS(3, JUDGE_VALUE_DIFFERS, UNKNOWN_INSERT('b', 1), UNKNOWN_INSERT('c', 2),
                        FOUND(2, 'b', 5, 6), FOUND(2, 'c', 7, 8));
    /* Once ascribed, it is a write like another. */
    EXPECT_WRONG_ALWAYS(2, JUDGE_INSERTED_PRESENT, UNKNOWN_INSERT('b', 1), FOUND(2, 'b', 5, 6),
                        INSERTED(3, 'c', 7, 8));
    EXPECT_WRONG(CHORD_LINEARIZABLE, 3, JUDGE_READ_OLD, INSERTED(1, 'a', 1, 2), UNKNOWN_INSERT('b', 3),
                 FOUND(2, 'b', 5, 6), FOUND(1, 'a', 7, 8));
}

static void test_unknown_across_segments(void) {
    const struct history_record later[] = {INSERTED(1, 'a', 1, 2), UNKNOWN_INSERT('b', 3),
                                           FOUND(2, 'b', 10, 11)};
    CU_ASSERT_EQUAL(judge_two(later, 3, 2, CHORD_LINEARIZABLE).wrong_count, 0);
    const struct history_record twice[] = {UNKNOWN_INSERT('b', 3), FOUND(2, 'b', 5, 6),
                                           FOUND(4, 'b', 10, 11)};
    expect_wrong(twice, 3, 2, CHORD_LINEARIZABLE, 0, JUDGE_VERSION_UNWRITTEN);
    const struct history_record kept[] = {UNKNOWN_INSERT('b', 3), FOUND(2, 'b', 5, 6), FOUND(2, 'c', 10, 11)};
    expect_wrong(kept, 3, 2, CHORD_LINEARIZABLE, 0, JUDGE_VALUE_DIFFERS);
}

/* An unexplained unknown write leaves what the stores must hold open. */
static void test_content_by_hand(void) {
    struct judge judge = {0};
    const struct history_record records[] = {INSERTED(1, 'a', 1, 2), UPDATED(2, 'b', 3, 4),
                                             UNKNOWN_DELETE(5)};
    CU_ASSERT_EQUAL(judge_more(&judge, records, 2, CHORD_LINEARIZABLE).wrong_count, 0);
    CU_ASSERT_EQUAL(judge_content(&judge).pair_count, 1);
    CU_ASSERT_EQUAL(judge_content(&judge).content, chord_digest64_pair(KEY, 'b'));
    CU_ASSERT_EQUAL(judge_content(&judge).uncertain_count, 0);
    CU_ASSERT_EQUAL(judge_more(&judge, records + 2, 1, CHORD_LINEARIZABLE).unknown_count, 1);
    CU_ASSERT_EQUAL(judge_content(&judge).uncertain_count, 1);
    judge_free(&judge);
    /* One that a version has been ascribed to leaves nothing open. */
    const struct history_record ascribed[] = {UNKNOWN_INSERT('b', 1), FOUND(2, 'b', 2, 3)};
    CU_ASSERT_EQUAL(judge_more(&judge, ascribed, 2, CHORD_LINEARIZABLE).wrong_count, 0);
    CU_ASSERT_EQUAL(judge_content(&judge).uncertain_count, 0);
    CU_ASSERT_EQUAL(judge_content(&judge).content, chord_digest64_pair(KEY, 'b'));
    judge_free(&judge);
    CU_ASSERT_EQUAL(judge_content(&judge).pair_count, 0);
}

/* ---- a simulation of registers ---- */

enum { KEYS = 12, ARCS = 3, CLIENTS = 6 };

struct operation {
    struct history_record record;
    uint64_t effect_ns; /* start < effect < end: when it takes effect */
    uint32_t key;
    bool happens; /* false: an unknown write that is lost */
};

struct version_of_key {
    struct chord_version version;
    bool present;
    uint64_t value;
};

/* Registers in arcs: the keys of an arc share its versions. */
struct world {
    struct chord_prng prng;
    uint64_t now_ns;
    struct chord_version arcs[ARCS];
    struct version_of_key keys[KEYS];
    /* Every state of each key, for reads of old ones. */
    struct version_of_key *states[KEYS];
    size_t state_count[KEYS];
    uint64_t next_value;
};

struct settings {
    uint64_t unknown_percent;
    bool stale_reads;
    size_t operations_per_client;
};

static void world_init(struct world *world, uint64_t seed, size_t writes_max) {
    memset(world, 0, sizeof *world);
    world->prng = chord_prng_seeded(seed, 1);
    world->now_ns = 1;
    for (size_t i = 0; i < KEYS; i++) {
        world->states[i] = malloc((writes_max + 1) * sizeof *world->states[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(world->states[i]);
        world->states[i][0] = (struct version_of_key){0};
        world->state_count[i] = 1;
    }
}

static void world_free(struct world *world) {
    for (size_t i = 0; i < KEYS; i++) {
        free(world->states[i]);
    }
}

static uint64_t key_digest_of(uint32_t key) {
    return chord_digest64(&key, sizeof key);
}

static int compare_effects(const void *left, const void *right) {
    const struct operation *a = left;
    const struct operation *b = right;
    if (a->effect_ns != b->effect_ns) {
        return a->effect_ns < b->effect_ns ? -1 : 1;
    }
    return a->record.client_rank < b->record.client_rank ? -1 : 1;
}

static void set_version(struct history_record *to, struct chord_version version) {
    to->version_epoch = version.epoch;
    to->version_counter = version.counter;
}

static void take_effect(struct world *world, struct operation *operation, bool stale_reads) {
    struct history_record *answer = &operation->record;
    struct version_of_key *key = &world->keys[operation->key];
    struct chord_version *arc = &world->arcs[operation->key % ARCS];
    if (answer->kind == CHORD_QUERY) {
        struct version_of_key seen = *key;
        struct chord_version arc_seen = *arc;
        if (stale_reads && chord_prng_below(&world->prng, 3) == 0) {
            const size_t at = (size_t)chord_prng_below(&world->prng, world->state_count[operation->key]);
            seen = world->states[operation->key][at];
            arc_seen = seen.version;
        }
        answer->outcome = seen.present ? CHORD_FOUND : CHORD_ABSENT;
        answer->value_digest = seen.present ? seen.value : 0;
        set_version(answer, seen.present ? seen.version : arc_seen);
        return;
    }
    if (!operation->happens) {
        return;
    }
    if (arc->epoch == 0 || chord_prng_below(&world->prng, 50) == 0) {
        arc->epoch++; /* a view change: counters may begin anew */
        arc->counter = 0;
    }
    arc->counter++;
    const bool was_present = key->present;
    *key = (struct version_of_key){
        .version = *arc, .present = answer->kind == CHORD_INSERT, .value = answer->value_digest};
    world->states[operation->key][world->state_count[operation->key]++] = *key;
    if (answer->outcome == CHORD_UNKNOWN) {
        return;
    }
    set_version(answer, *arc);
    if (answer->kind == CHORD_INSERT) {
        answer->outcome = was_present ? CHORD_UPDATED : CHORD_INSERTED;
    } else {
        answer->outcome = was_present ? CHORD_DELETED : CHORD_ABSENT;
    }
}

/* One segment: each client issues its operations one after the other, all of them overlap with others'. The
 * answers are those of atomic registers at the moments of effect. Appended to the history in the order of
 * effect. */
static void simulate(struct world *world, const struct settings *settings, struct history *history) {
    const size_t count = CLIENTS * settings->operations_per_client;
    struct operation *operations = calloc(count, sizeof *operations);
    CU_ASSERT_PTR_NOT_NULL_FATAL(operations);
    uint64_t latest_ns = world->now_ns;
    size_t used = 0;
    for (uint32_t client = 0; client < CLIENTS; client++) {
        uint64_t at_ns = world->now_ns;
        for (uint32_t i = 0; i < settings->operations_per_client; i++) {
            struct operation *operation = &operations[used++];
            const uint64_t kind = chord_prng_below(&world->prng, 10);
            struct history_record *answer = &operation->record;
            operation->key = (uint32_t)chord_prng_below(&world->prng, KEYS);
            answer->key_digest = key_digest_of(operation->key);
            answer->client_rank = client;
            answer->index = i;
            answer->kind = kind < 5 ? CHORD_QUERY : kind < 8 ? CHORD_INSERT : CHORD_DELETE;
            answer->value_digest = answer->kind == CHORD_INSERT ? ++world->next_value : 0;
            answer->start_ns = at_ns + 1 + chord_prng_below(&world->prng, 20);
            operation->effect_ns = answer->start_ns + 1 + chord_prng_below(&world->prng, 30);
            answer->end_ns = operation->effect_ns + 1 + chord_prng_below(&world->prng, 30);
            answer->outcome = CHORD_FOUND;
            operation->happens = true;
            at_ns = answer->end_ns;
            if (answer->kind != CHORD_QUERY &&
                chord_prng_below(&world->prng, 100) < settings->unknown_percent) {
                answer->outcome = CHORD_UNKNOWN;
                operation->happens = chord_prng_below(&world->prng, 2) == 0;
                operation->effect_ns +=
                    chord_prng_below(&world->prng, 100); /* perhaps after it was given up */
            }
            if (operation->effect_ns > latest_ns || answer->end_ns > latest_ns) {
                latest_ns = operation->effect_ns > answer->end_ns ? operation->effect_ns : answer->end_ns;
            }
        }
    }
    qsort(operations, count, sizeof *operations, compare_effects);
    for (size_t i = 0; i < count; i++) {
        take_effect(world, &operations[i], settings->stale_reads);
        CU_ASSERT_EQUAL_FATAL(history_append(history, &operations[i].record), CHORD_OK);
    }
    world->now_ns = latest_ns + 1;
    free(operations);
}

static void test_correct_histories(void) {
    for (uint64_t seed = 0; seed < 300; seed++) {
        const struct settings settings = {.operations_per_client = 1 + seed % 200};
        struct world world;
        struct judge judge = {0};
        struct judge_verdict verdict = {0};
        struct history history = {0};
        world_init(&world, seed, 4 * CLIENTS * settings.operations_per_client);
        for (unsigned segment = 0; segment < 4; segment++) {
            history_reset(&history);
            simulate(&world, &settings, &history);
            CU_ASSERT_EQUAL_FATAL(
                judge_segment(&judge, history.records, history.count, CHORD_LINEARIZABLE, &verdict),
                CHORD_OK);
        }
        CU_ASSERT_EQUAL_FATAL(verdict.wrong_count, 0);
        CU_ASSERT_EQUAL(verdict.operation_count, 4 * CLIENTS * settings.operations_per_client);
        struct judge_content expected = {0};
        for (uint32_t key = 0; key < KEYS; key++) {
            if (world.keys[key].present) {
                expected.pair_count++;
                expected.content += chord_digest64_pair(key_digest_of(key), world.keys[key].value);
            }
        }
        const struct judge_content content = judge_content(&judge);
        CU_ASSERT_EQUAL(content.pair_count, expected.pair_count);
        CU_ASSERT_EQUAL(content.content, expected.content);
        CU_ASSERT_EQUAL(content.uncertain_count, 0);
        judge_free(&judge);
        history_free(&history);
        world_free(&world);
    }
}

static void test_histories_with_unknown_writes(void) {
    uint64_t unknown_count = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        const struct settings settings = {.operations_per_client = 1 + seed % 60,
                                          .unknown_percent = 1 + seed % 50};
        struct world world;
        struct judge judge = {0};
        struct judge_verdict verdict = {0};
        struct history history = {0};
        world_init(&world, seed, 3 * CLIENTS * settings.operations_per_client);
        for (unsigned segment = 0; segment < 3; segment++) {
            history_reset(&history);
            simulate(&world, &settings, &history);
            CU_ASSERT_EQUAL_FATAL(
                judge_segment(&judge, history.records, history.count, CHORD_LINEARIZABLE, &verdict),
                CHORD_OK);
        }
        CU_ASSERT_EQUAL_FATAL(verdict.wrong_count, 0);
        unknown_count += verdict.unknown_count;
        judge_free(&judge);
        history_free(&history);
        world_free(&world);
    }
    CU_ASSERT(unknown_count > 1000);
}

/* ---- staleness of simulated histories, counted naively ---- */

static bool is_write(const struct history_record *candidate) {
    return candidate->kind != CHORD_QUERY;
}

/* The version of the state that a read shows: an absence shows the last one up to its version. */
static struct chord_version version_shown(const struct history *history, const struct history_record *read) {
    if (read->outcome == CHORD_FOUND) {
        return history_version(read);
    }
    struct chord_version shown = {0};
    for (size_t i = 0; i < history->count; i++) {
        const struct history_record *write = &history->records[i];
        if (write->key_digest == read->key_digest && write->kind == CHORD_DELETE &&
            chord_version_compare(history_version(write), history_version(read)) <= 0 &&
            chord_version_compare(history_version(write), shown) > 0) {
            shown = history_version(write);
        }
    }
    return shown;
}

static uint64_t missed_by(const struct history *history, const struct history_record *read) {
    const struct chord_version shown = version_shown(history, read);
    struct chord_version newest = {0};
    bool newest_present = false;
    uint64_t missed = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_record *write = &history->records[i];
        if (write->key_digest != read->key_digest || !is_write(write) || write->outcome == CHORD_ABSENT ||
            write->end_ns >= read->start_ns) {
            continue;
        }
        missed += chord_version_compare(history_version(write), shown) > 0;
        if (chord_version_compare(history_version(write), newest) > 0) {
            newest = history_version(write);
            newest_present = write->kind == CHORD_INSERT;
        }
    }
    return read->outcome == CHORD_ABSENT && !newest_present ? 0 : missed;
}

static void test_staleness_of_simulated_histories(void) {
    uint64_t stale_total = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        const struct settings settings = {.operations_per_client = 1 + seed, .stale_reads = true};
        struct world world;
        struct judge judge = {0};
        struct judge_verdict verdict = {0};
        struct judge_verdict expected = {0};
        struct history history = {0};
        world_init(&world, seed, CLIENTS * settings.operations_per_client);
        simulate(&world, &settings, &history);
        for (size_t i = 0; i < history.count; i++) {
            const uint64_t missed =
                is_write(&history.records[i]) ? 0 : missed_by(&history, &history.records[i]);
            expected.stale_count += missed > 0;
            expected.stale_missed_sum += missed;
            expected.stale_missed_max =
                missed > expected.stale_missed_max ? missed : expected.stale_missed_max;
        }
        CU_ASSERT_EQUAL_FATAL(judge_segment(&judge, history.records, history.count, CHORD_EVENTUAL, &verdict),
                              CHORD_OK);
        CU_ASSERT_EQUAL(verdict.wrong_count, 0);
        CU_ASSERT_EQUAL(verdict.stale_count, expected.stale_count);
        CU_ASSERT_EQUAL(verdict.stale_missed_sum, expected.stale_missed_sum);
        CU_ASSERT_EQUAL(verdict.stale_missed_max, expected.stale_missed_max);
        stale_total += verdict.stale_count;
        judge_free(&judge);
        history_free(&history);
        world_free(&world);
    }
    CU_ASSERT(stale_total > 1000);
}

/* ---- each rule broken once in a simulated history ---- */

/* Breaks one record if there is one that it can break; `at` is where to begin to look. */
typedef bool mutation(struct history *history, size_t at, struct chord_prng *prng);

static bool is(const struct history_record *candidate, enum chord_operation_kind kind,
               enum chord_outcome outcome) {
    return candidate->kind == (uint8_t)kind && candidate->outcome == (uint8_t)outcome;
}

static bool break_outcome(struct history *history, size_t at, enum chord_operation_kind kind,
                          enum chord_outcome from, enum chord_outcome to) {
    if (!is(&history->records[at], kind, from)) {
        return false;
    }
    history->records[at].outcome = (uint8_t)to;
    return true;
}

static bool inserted_for_updated(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    return break_outcome(history, at, CHORD_INSERT, CHORD_UPDATED, CHORD_INSERTED);
}

static bool updated_for_inserted(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    return break_outcome(history, at, CHORD_INSERT, CHORD_INSERTED, CHORD_UPDATED);
}

static bool deleted_for_absent(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    return break_outcome(history, at, CHORD_DELETE, CHORD_ABSENT, CHORD_DELETED);
}

static bool absent_for_deleted(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    return break_outcome(history, at, CHORD_DELETE, CHORD_DELETED, CHORD_ABSENT);
}

static bool impossible_outcome(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    return break_outcome(history, at, CHORD_QUERY, CHORD_FOUND, CHORD_DELETED);
}

static bool absent_for_found(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    history->records[at].value_digest =
        is(&history->records[at], CHORD_QUERY, CHORD_FOUND) ? 0 : history->records[at].value_digest;
    return break_outcome(history, at, CHORD_QUERY, CHORD_FOUND, CHORD_ABSENT);
}

static bool wrong_value(struct history *history, size_t at, struct chord_prng *prng) {
    if (!is(&history->records[at], CHORD_QUERY, CHORD_FOUND)) {
        return false;
    }
    history->records[at].value_digest ^= UINT64_C(1) << chord_prng_below(prng, 64);
    return true;
}

/* A version that another key's write has. */
static bool foreign_version(struct history *history, size_t at, struct chord_prng *prng) {
    if (!is(&history->records[at], CHORD_QUERY, CHORD_FOUND)) {
        return false;
    }
    (void)prng;
    for (size_t i = at + 1; i < history->count; i++) {
        const struct history_record *write = &history->records[i];
        if (is_write(write) && write->key_digest % 2 != history->records[at].key_digest % 2) {
            const struct chord_version version = history_version(write);
            for (size_t j = 0; j < history->count;
                 j++) { /* no write of its own key may have it, in another arc */
                if (history->records[j].key_digest == history->records[at].key_digest &&
                    chord_version_compare(history_version(&history->records[j]), version) == 0) {
                    return false;
                }
            }
            set_version(&history->records[at], version);
            return true;
        }
    }
    return false;
}

static bool repeat_version(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    struct history_record *later = &history->records[at];
    for (size_t i = at; is_write(later) && i-- > 0;) {
        const struct history_record *earlier = &history->records[i];
        if (is_write(earlier) && earlier->key_digest == later->key_digest) {
            set_version(later, history_version(earlier));
            return true;
        }
    }
    return false;
}

/* A read answers what an earlier read answered before a write that came between. */
static bool old_read(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    struct history_record *read = &history->records[at];
    for (size_t i = 0; read->kind == CHORD_QUERY && i < at; i++) {
        const struct history_record *earlier = &history->records[i];
        if (earlier->kind != CHORD_QUERY || earlier->key_digest != read->key_digest) {
            continue;
        }
        for (size_t j = i + 1; j < at; j++) {
            const struct history_record *between = &history->records[j];
            if (is_write(between) && between->key_digest == read->key_digest &&
                between->end_ns < read->start_ns) {
                read->outcome = earlier->outcome;
                read->value_digest = earlier->value_digest;
                set_version(read, history_version(earlier));
                return true;
            }
        }
    }
    return false;
}

/* Two updates, one after the other, with each other's versions. */
static bool swap_versions(struct history *history, size_t at, struct chord_prng *prng) {
    (void)prng;
    struct history_record *later = &history->records[at];
    for (size_t i = 0; is(later, CHORD_INSERT, CHORD_UPDATED) && i < at; i++) {
        struct history_record *earlier = &history->records[i];
        if (is(earlier, CHORD_INSERT, CHORD_UPDATED) && earlier->key_digest == later->key_digest &&
            earlier->end_ns < later->start_ns) {
            const struct chord_version version = history_version(earlier);
            set_version(earlier, history_version(later));
            set_version(later, version);
            return true;
        }
    }
    return false;
}

static void test_broken_histories(void) {
    static const struct {
        mutation *mutate;
        enum judge_reason reason;
        bool alone;    /* nothing else goes wrong with it */
        bool eventual; /* wrong there, too */
    } cases[] = {
        {impossible_outcome, JUDGE_BAD_RECORD, true, true},
        {repeat_version, JUDGE_VERSION_REPEATED, false, true},
        {inserted_for_updated, JUDGE_INSERTED_PRESENT, true, true},
        {updated_for_inserted, JUDGE_UPDATED_ABSENT, true, true},
        {deleted_for_absent, JUDGE_DELETED_ABSENT, true, true},
        {absent_for_deleted, JUDGE_DELETE_MISSED, true, true},
        {foreign_version, JUDGE_VERSION_UNWRITTEN, true, true},
        {wrong_value, JUDGE_VALUE_DIFFERS, true, true},
        {absent_for_found, JUDGE_ABSENT_PRESENT, true, false},
        {old_read, JUDGE_READ_OLD, true, false},
        {swap_versions, JUDGE_WRITE_OLD, false, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned broken_count = 0;
        for (uint64_t seed = 0; seed < 60; seed++) {
            const struct settings settings = {.operations_per_client = 60};
            struct world world;
            struct history history = {0};
            world_init(&world, seed, CLIENTS * settings.operations_per_client);
            simulate(&world, &settings, &history);
            struct chord_prng prng = chord_prng_seeded(seed, 2);
            bool broken = false;
            const size_t first = (size_t)chord_prng_below(&prng, history.count);
            struct history_record mutant = {0};
            for (size_t j = first; j < history.count && !broken; j++) {
                broken = cases[i].mutate(&history, j, &prng);
                mutant = history.records[j];
            }
            for (enum chord_consistency consistency = 0; broken && consistency < CHORD_CONSISTENCY_COUNT;
                 consistency++) {
                struct judge judge = {0};
                struct judge_verdict verdict = {0};
                CU_ASSERT_EQUAL_FATAL(
                    judge_segment(&judge, history.records, history.count, consistency, &verdict), CHORD_OK);
                judge_free(&judge);
                if (consistency == CHORD_EVENTUAL && !cases[i].eventual) {
                    CU_ASSERT_EQUAL(verdict.wrong_count, 0);
                    continue;
                }
                CU_ASSERT(verdict.wrong_by_reason[cases[i].reason] >= 1);
                if (cases[i].alone) {
                    CU_ASSERT_EQUAL(verdict.wrong_count, 1);
                    CU_ASSERT_EQUAL(verdict.first.reason, cases[i].reason);
                    CU_ASSERT_EQUAL(verdict.first.client_rank, mutant.client_rank);
                    CU_ASSERT_EQUAL(verdict.first.index, mutant.index);
                }
            }
            broken_count += broken;
            history_free(&history);
            world_free(&world);
        }
        CU_ASSERT(broken_count >= 30); /* the mutation found something to break */
    }
}

/* ---- order, merging, sizes ---- */

/* Records in another order, or shared out by key to several judges, give the same verdict. */
static void test_order_and_merging(void) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        const struct settings settings = {.operations_per_client = 100, .stale_reads = true};
        struct world world;
        struct history history = {0};
        world_init(&world, seed, CLIENTS * settings.operations_per_client);
        simulate(&world, &settings, &history);
        struct judge_verdict verdicts[3] = {{0}};
        for (size_t round = 0; round < 2; round++) {
            for (size_t i = history.count; i-- > 1;) {
                const size_t j = (size_t)chord_prng_below(&world.prng, i + 1);
                const struct history_record moved = history.records[i];
                history.records[i] = history.records[j];
                history.records[j] = moved;
            }
            struct judge judge = {0};
            CU_ASSERT_EQUAL(
                judge_segment(&judge, history.records, history.count, CHORD_LINEARIZABLE, &verdicts[round]),
                CHORD_OK);
            judge_free(&judge);
        }
        struct judge_content sum = {0};
        for (uint64_t share = 0; share < 3; share++) {
            struct history part = {0};
            struct judge judge = {0};
            struct judge_verdict verdict = {0};
            for (size_t i = 0; i < history.count; i++) {
                if (history.records[i].key_digest % 3 == share) {
                    CU_ASSERT_EQUAL_FATAL(history_append(&part, &history.records[i]), CHORD_OK);
                }
            }
            CU_ASSERT_EQUAL(judge_segment(&judge, part.records, part.count, CHORD_LINEARIZABLE, &verdict),
                            CHORD_OK);
            judge_verdict_merge(&verdicts[2], &verdict);
            sum.pair_count += judge_content(&judge).pair_count;
            judge_free(&judge);
            history_free(&part);
        }
        CU_ASSERT(verdicts[0].wrong_count > 0);
        for (size_t i = 1; i < 3; i++) {
            CU_ASSERT_EQUAL(verdicts[i].operation_count, verdicts[0].operation_count);
            CU_ASSERT_EQUAL(verdicts[i].wrong_count, verdicts[0].wrong_count);
            CU_ASSERT(memcmp(verdicts[i].wrong_by_reason, verdicts[0].wrong_by_reason,
                             sizeof verdicts[0].wrong_by_reason) == 0);
            CU_ASSERT_EQUAL(verdicts[i].first.reason, verdicts[0].first.reason);
            CU_ASSERT_EQUAL(verdicts[i].first.client_rank, verdicts[0].first.client_rank);
            CU_ASSERT_EQUAL(verdicts[i].first.index, verdicts[0].first.index);
        }
        history_free(&history);
        world_free(&world);
    }
}

/* Many keys and one hot key: the radix sort's deep levels, and a heap and a tree of some size. */
static void test_large_segments(void) {
    enum { OPERATIONS = 200000, OVERLAP = 500 };
    for (unsigned hot = 0; hot < 2; hot++) {
        for (enum chord_consistency consistency = 0; consistency < CHORD_CONSISTENCY_COUNT; consistency++) {
            struct history history = {0};
            struct judge judge = {0};
            struct judge_verdict verdict = {0};
            struct chord_prng prng = chord_prng_seeded(hot, 0);
            CU_ASSERT_EQUAL_FATAL(history_reserve(&history, OPERATIONS), CHORD_OK);
            for (uint32_t i = 0; i < OPERATIONS; i++) {
                struct history_record write =
                    hot && i > 0 ? UPDATED(i + 1, i, 0, 0) : INSERTED(i + 1, i, 0, 0);
                const uint64_t effect_ns = UINT64_C(1000000) + 2 * i;
                write.key_digest = hot ? KEY : chord_digest64(&i, sizeof i);
                write.start_ns = effect_ns - chord_prng_below(&prng, OVERLAP);
                write.end_ns = effect_ns + 1 + chord_prng_below(&prng, OVERLAP);
                write.index = i;
                CU_ASSERT_EQUAL_FATAL(history_append(&history, &write), CHORD_OK);
            }
            CU_ASSERT_EQUAL(judge_segment(&judge, history.records, history.count, consistency, &verdict),
                            CHORD_OK);
            CU_ASSERT_EQUAL(verdict.wrong_count, 0);
            CU_ASSERT_EQUAL(judge_content(&judge).pair_count, hot ? 1 : OPERATIONS);
            for (size_t i = 1; i < history.count; i++) {
                const struct history_record *a = &history.records[i - 1];
                const struct history_record *b = &history.records[i];
                if (a->key_digest > b->key_digest ||
                    (a->key_digest == b->key_digest && a->start_ns > b->start_ns)) {
                    CU_FAIL_FATAL("the records are not sorted");
                }
            }
            judge_free(&judge);
            history_free(&history);
        }
    }
}

static void test_history(void) {
    struct history history = {0};
    const struct history_record one = INSERTED(1, 'a', 1, 2);
    CU_ASSERT_EQUAL(history_reserve(&history, SIZE_MAX / 8), CHORD_NO_MEMORY);
    for (uint32_t i = 0; i < 5000; i++) {
        struct history_record next = one;
        next.index = i;
        CU_ASSERT_EQUAL_FATAL(history_append(&history, &next), CHORD_OK);
    }
    CU_ASSERT_EQUAL(history.count, 5000);
    CU_ASSERT_EQUAL(history.records[4321].index, 4321);
    const size_t capacity = history.capacity;
    history_reset(&history);
    CU_ASSERT_EQUAL(history.count, 0);
    CU_ASSERT_EQUAL(history_reserve(&history, 5000), CHORD_OK);
    CU_ASSERT_EQUAL(history.capacity, capacity);
    history_free(&history);
    CU_ASSERT_PTR_NULL(history.records);
}

static void test_texts(void) {
    for (enum judge_reason reason = 0; reason < JUDGE_REASON_COUNT; reason++) {
        CU_ASSERT(strlen(judge_reason_text(reason)) > 10);
        CU_ASSERT_PTR_NULL(strchr(judge_reason_text(reason), '\n'));
    }
    CU_ASSERT_STRING_EQUAL(judge_reason_text(JUDGE_REASON_COUNT), "unknown reason");
    struct judge judge = {0};
    struct judge_verdict verdict = {0};
    CU_ASSERT_EQUAL(judge_segment(&judge, NULL, 0, CHORD_LINEARIZABLE, &verdict), CHORD_OK);
    CU_ASSERT_EQUAL(verdict.operation_count, 0);
    CU_ASSERT_EQUAL(judge_content(&judge).pair_count, 0);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"the history grows", test_history},
        {"texts, an empty segment", test_texts},
        {"correct histories by hand", test_correct_by_hand},
        {"impossible answers", test_bad_records},
        {"a repeated version", test_repeated_version},
        {"outcomes of writes", test_outcomes},
        {"values and versions of reads", test_reads},
        {"real time", test_real_time},
        {"a second segment knows the first", test_segments_by_hand},
        {"staleness", test_staleness},
        {"staleness across segments", test_staleness_across_segments},
        {"unknown writes", test_unknown_by_hand},
        {"unknown writes across segments", test_unknown_across_segments},
        {"content", test_content_by_hand},
        {"simulated histories are right", test_correct_histories},
        {"simulated histories with unknown writes are right", test_histories_with_unknown_writes},
        {"staleness of simulated histories", test_staleness_of_simulated_histories},
        {"simulated histories with one rule broken", test_broken_histories},
        {"the order of records and their sharing out are nothing", test_order_and_merging},
        {"large segments", test_large_segments},
    };
    return UNIT_RUN("judge", tests);
}
