/* app/driver/legacy: what rank 0 knows of a rank that is lost, before and after it has told what it counted, with and without
 * its history file, in a phase of one segment or of several. Three ranks, whose commander and witness send nothing here. */
#include "app/driver/legacy.h"
#include "tests/unit/unit.h"

#include "chord/base/digest.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANKS 3u
#define LOST 1u
#define LINES 10u
#define START_NS 5000u

static struct {
    struct chord_config config;
    struct runtime runtime;
    struct commander commander;
    struct witness witness;
    struct evidence evidence;
    struct legacy legacy;
    struct legacy_counts counts;
    char error[WORKLOAD_ERROR_SIZE];
} world;

static char workload_path[] = "/tmp/test_legacy_XXXXXX";

/* A phase of ten inserts, all of rank 1's client. */
static void begin(void) {
    memset(&world, 0, sizeof world);
    world.config = (struct chord_config){.rank_count = RANKS};
    world.runtime.now_ns = START_NS;
    CU_ASSERT_EQUAL_FATAL(commander_init(&world.commander, &world.runtime, RANKS, 1, false), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(witness_init(&world.witness, &world.runtime, &world.config), CHORD_OK);
    world.legacy =
        (struct legacy){.commander = &world.commander, .witness = &world.witness, .evidence = &world.evidence};
    CU_ASSERT_EQUAL_FATAL(legacy_init(&world.legacy), CHORD_OK);
    struct loader_plan plan = {.path = workload_path,
                               .type = WORKLOAD_INSERT,
                               .mode = OPTIONS_MODE_PARALLEL,
                               .via = LOST,
                               .virtual_node_count = 1,
                               .seed = 1};
    legacy_forget(&world.legacy);
    legacy_begin(&world.legacy, &plan);
    world.legacy.loaded[LOST] = LINES;
}

/* The same, but that the rank made the operations itself. */
static void begin_generated(void) {
    begin();
    world.legacy.plan.path = NULL;
}

static void end(void) {
    legacy_clear(&world.legacy);
    witness_clear(&world.witness);
    commander_clear(&world.commander);
    evidence_close(&world.evidence);
}

/* The rank's history file: `count` answered inserts from the first-th line on. */
static void leave_history(uint32_t first, uint32_t count) {
    char path[] = "/tmp/test_legacy_history_XXXXXX";
    char error[HISTORY_MAPPED_ERROR_SIZE];
    const struct history_mapped_writer writer = {.client_rank = LOST};
    struct history history = {0};
    const int place = mkstemp(path);
    CU_ASSERT_FATAL(place >= 0 && close(place) == 0 && unlink(path) == 0);
    CU_ASSERT_TRUE_FATAL(history_mapped_create(&history, path, &writer, error));
    world.evidence.descriptors = malloc(RANKS * sizeof *world.evidence.descriptors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world.evidence.descriptors);
    world.evidence.rank_count = RANKS;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        world.evidence.descriptors[rank] = rank == LOST ? open(path, O_RDONLY) : -1;
    }
    CU_ASSERT_FATAL(world.evidence.descriptors[LOST] >= 0 && unlink(path) == 0);
    for (uint32_t i = 0; i < count; i++) {
        const struct history_record record = {.key_digest = 100 + first + i,
                                              .value_digest = 7,
                                              .start_ns = START_NS + i,
                                              .client_rank = LOST,
                                              .index = first + i,
                                              .kind = CHORD_INSERT,
                                              .outcome = CHORD_UNKNOWN};
        const struct history_answer answer = {.outcome = CHORD_INSERTED, .version = {1, 1 + i}, .end_ns = START_NS + i + 1};
        CU_ASSERT_EQUAL_FATAL(history_append(&history, &record), CHORD_OK);
        history_answer(&history, i, &answer);
    }
    history_free(&history);
}

/* A segment in which everybody told its counts, judged with nobody lost. */
static void pass_segment(uint64_t issued) {
    world.legacy.issued[LOST] = issued;
    (void)legacy_counted(&world.legacy, LOST, 0);
    CU_ASSERT_TRUE(legacy_testify(&world.legacy, &world.counts, world.error));
    legacy_pass(&world.legacy);
}

static void lose(void) {
    world.commander.is_lost[LOST] = true;
}

static bool testify(void) {
    return legacy_testify(&world.legacy, &world.counts, world.error);
}

/* What was told of the rank: how often which outcome of an insert counts, and how many operations never happened. */
static void expect_counts(uint64_t inserted, uint64_t unknown, uint64_t not_issued) {
    CU_ASSERT_EQUAL(world.counts.outcomes[CHORD_INSERT][CHORD_INSERTED], inserted);
    CU_ASSERT_EQUAL(world.counts.outcomes[CHORD_INSERT][CHORD_UNKNOWN], unknown);
    CU_ASSERT_EQUAL(world.counts.issued, inserted + unknown);
    CU_ASSERT_EQUAL(world.counts.not_issued, not_issued);
}

/* What rank 0 will send to the judges in the rank's place: so many, the first of them this line. */
static void expect_testimony(size_t count, uint32_t first) {
    const struct history *foreign = &world.witness.foreign;
    CU_ASSERT_EQUAL_FATAL(foreign->count, count);
    for (uint32_t i = 0; i < count; i++) {
        CU_ASSERT(foreign->records[i].index == first + i && foreign->records[i].client_rank == LOST);
    }
}

/* --- one segment --- */

static void test_nothing_is_known(void) {
    begin();
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, LINES, 0);
    expect_testimony(LINES, 0);
    const struct history_record *record = &world.witness.foreign.records[3];
    CU_ASSERT(record->kind == CHORD_INSERT && record->outcome == CHORD_UNKNOWN && record->start_ns == START_NS &&
              record->end_ns == 0);
    CU_ASSERT(record->key_digest == chord_digest64("key3", 4) && record->value_digest == chord_digest64("value3", 6));
    end();
}

static void test_history_is_known(void) {
    begin();
    leave_history(0, 4);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(4, 0, LINES - 4);
    expect_testimony(4, 0);
    CU_ASSERT_EQUAL(world.witness.foreign.records[3].key_digest, 103);
    end();
}

/* Judging begins anew when another rank is lost. */
static void test_testifies_once(void) {
    begin();
    leave_history(0, 4);
    lose();
    CU_ASSERT_TRUE(testify());
    CU_ASSERT_TRUE(testify());
    expect_counts(4, 0, LINES - 4);
    expect_testimony(4, 0);
    end();
}

/* Lost between METRICS and SCATTER: the judges need its records, but the report has its counts already. */
static void test_counted_before_it_was_lost(void) {
    begin();
    leave_history(0, LINES);
    world.legacy.issued[LOST] = LINES;
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 0), 0);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, 0, 0);
    expect_testimony(LINES, 0);
    end();
}

static void test_others_are_not_told_of(void) {
    begin();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, 0, 0);
    expect_testimony(0, 0);
    lose();
    world.legacy.loaded[LOST] = 0; /* it was lost when the phase began */
    CU_ASSERT_TRUE(testify());
    expect_counts(0, 0, 0);
    expect_testimony(0, 0);
    end();
}

/* --- several segments --- */

/* The file has the segment in which the rank was lost: what was judged before isn't in it. */
static void test_later_segment(void) {
    begin();
    leave_history(4, 3);
    pass_segment(4);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(3, 0, LINES - 7);
    expect_testimony(3, 4);
    end();
}

/* It was lost before it began the next segment: the file has one that is judged already. */
static void test_earlier_segment(void) {
    begin();
    leave_history(0, 4);
    pass_segment(4);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, 0, LINES - 4);
    expect_testimony(0, 0);
    end();
}

static void test_later_segment_out_of_reach(void) {
    begin();
    pass_segment(4);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, LINES - 4, 0);
    expect_testimony(LINES - 4, 4);
    end();
}

/* Lost after it told the counts of a segment that isn't the last: what was to come never comes. */
static void test_counted_in_a_later_segment(void) {
    begin();
    leave_history(4, 3);
    pass_segment(4);
    world.legacy.issued[LOST] = 7;
    (void)legacy_counted(&world.legacy, LOST, 0);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, 0, LINES - 7);
    expect_testimony(3, 4);
    end();
}

/* What was told of a lost rank is judged with that segment, and never again. */
static void test_no_later_testimony(void) {
    begin();
    leave_history(0, 4);
    lose();
    CU_ASSERT_TRUE(testify());
    legacy_pass(&world.legacy);
    history_reset(&world.witness.foreign);
    CU_ASSERT_FALSE(legacy_had_operations(&world.legacy, LOST));
    CU_ASSERT_TRUE(testify());
    expect_counts(4, 0, LINES - 4);
    expect_testimony(0, 0);
    end();
}

/* A stuck client tells with every segment what it leaves out; it may be lost after that. */
static void test_left_out_once(void) {
    begin();
    leave_history(0, 4);
    world.legacy.issued[LOST] = 4;
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 6), 6);
    CU_ASSERT_TRUE(testify());
    legacy_pass(&world.legacy);
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 6), 0);
    legacy_pass(&world.legacy);
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 5), -1); /* a late answer has given it room */
    legacy_pass(&world.legacy);
    world.legacy.issued[LOST] = 5;
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 5), 0);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(0, 0, 0);
    end();
    begin(); /* another phase begins without */
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 2), 2);
    legacy_forget(&world.legacy);
    CU_ASSERT_EQUAL(legacy_counted(&world.legacy, LOST, 2), 2);
    end();
}

/* --- generated operations --- */

static void test_generated(void) {
    begin_generated();
    leave_history(4, 3);
    pass_segment(5);
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(2, 0, LINES - 7);
    expect_testimony(2, 5);
    end();
}

static void test_generated_more_than_known(void) {
    begin_generated();
    leave_history(0, LINES + 2); /* read-modify-writes are two */
    lose();
    CU_ASSERT_TRUE(testify());
    expect_counts(LINES + 2, 0, 0);
    end();
}

static void test_generated_out_of_reach(void) {
    begin_generated();
    lose();
    CU_ASSERT_FALSE(testify());
    CU_ASSERT_PTR_NOT_NULL(strstr(world.error, "rank 1, which is lost"));
    CU_ASSERT_PTR_NOT_NULL(strstr(world.error, "--history-dir"));
    end();
}

/* --- files and judges --- */

static void test_workload_is_gone(void) {
    begin();
    world.legacy.plan.path = "/nowhere/insert.csv";
    lose();
    CU_ASSERT_FALSE(testify());
    CU_ASSERT_PTR_NOT_NULL(strstr(world.error, "/nowhere/insert.csv"));
    end();
}

/* What a judge knew of a key. */
static void keep_judge(uint64_t key_digest) {
    struct judge judge = {0};
    struct judge_verdict verdict = {0};
    struct history_record record = {.key_digest = key_digest,
                                    .value_digest = 5,
                                    .start_ns = 1,
                                    .end_ns = 2,
                                    .version_counter = 1,
                                    .version_epoch = 1,
                                    .kind = CHORD_INSERT,
                                    .outcome = CHORD_INSERTED};
    CU_ASSERT_EQUAL_FATAL(judge_segment(&judge, &record, 1, CHORD_LINEARIZABLE, &verdict), CHORD_OK);
    world.legacy.kept[LOST] = judge_keep(&judge, &world.legacy.kept_size[LOST]);
    CU_ASSERT_PTR_NOT_NULL_FATAL(world.legacy.kept[LOST]);
    judge_free(&judge);
}

static void test_judge_is_taken_over(void) {
    begin();
    keep_judge(42);
    world.legacy.loaded[LOST] = 0;
    lose();
    CU_ASSERT_TRUE(testify());
    CU_ASSERT_TRUE(testify()); /* once: a second time it would have the key already */
    CU_ASSERT_EQUAL(judge_content(&world.witness.judge).pair_count, 1);
    end();
}

/* Lost while what it knew was on its way, piece by piece. */
static void test_judge_kept_in_part(void) {
    begin();
    keep_judge(42);
    world.legacy.kept_size[LOST]--;
    world.legacy.loaded[LOST] = 0;
    lose();
    CU_ASSERT_FALSE(testify());
    CU_ASSERT_PTR_NOT_NULL(strstr(world.error, "rank 1 was lost while what it knew was being saved: run again"));
    end();
}

static void write_workload(int descriptor) {
    FILE *file = fdopen(descriptor, "w");
    if (file == NULL) {
        abort();
    }
    for (unsigned i = 0; i < LINES; i++) {
        (void)fprintf(file, "key%u,value%u\n", i, i);
    }
    if (fclose(file) != 0) {
        abort();
    }
}

int main(void) {
    const int descriptor = mkstemp(workload_path);
    if (descriptor < 0) {
        perror(workload_path);
        return EXIT_FAILURE;
    }
    write_workload(descriptor);
    static const struct unit_test tests[] = {
        {"a lost rank's operations are unknown if nobody has its history", test_nothing_is_known},
        {"what its history file says counts", test_history_is_known},
        {"it is told of once", test_testifies_once},
        {"lost after it told its counts, it counts once", test_counted_before_it_was_lost},
        {"only lost ranks with operations are told of", test_others_are_not_told_of},
        {"of a later segment, what that one has", test_later_segment},
        {"an earlier segment isn't judged again", test_earlier_segment},
        {"of a later segment out of reach, what wasn't judged yet", test_later_segment_out_of_reach},
        {"lost after the counts of a later segment", test_counted_in_a_later_segment},
        {"it isn't told of again in later segments", test_no_later_testimony},
        {"what a stuck client leaves out counts once", test_left_out_once},
        {"generated: what the file says but for what was judged", test_generated},
        {"generated: there may be more than was known", test_generated_more_than_known},
        {"generated: nothing is known without the file", test_generated_out_of_reach},
        {"a workload file that is gone", test_workload_is_gone},
        {"what a lost judge knew is taken over, once", test_judge_is_taken_over},
        {"a judge that was lost while it was kept", test_judge_kept_in_part},
    };
    const int status = UNIT_RUN("legacy", tests);
    (void)unlink(workload_path);
    return status;
}
