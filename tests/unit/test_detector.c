/* chord/member/detector: who is suspected, and when. The rules one by one, gaps and percentiles worked out by hand;
 * then random runs beside a model that adds up each rank's silence, piece by piece, and sorts all gaps.
 *
 * Five ranks, rank 2 being the detector's own. Ticks are whatever the host counts: here a heartbeat is due every 10,
 * and T0 is 100. */
#include "tests/unit/core_fixture.h"

#include "chord/member/detector.h"

#define RANKS 5u
#define OWN 2u
#define HEARTBEAT 10u
#define T0 100u
#define NOBODY UINT32_MAX

static struct counting counting;
static struct chord_config config;
static struct chord_detector detector;
static uint64_t now;

static void begin_with(uint64_t heartbeat_ticks, uint64_t suspicion_ticks) {
    counting_init(&counting);
    now = 1000;
    config = (struct chord_config){.rank_count = RANKS,
                                   .coordinator_rank = OWN,
                                   .heartbeat_ticks = heartbeat_ticks,
                                   .suspicion_ticks = suspicion_ticks};
    CU_ASSERT_EQUAL_FATAL(chord_detector_init(&detector, &config, &counting.allocator), CHORD_OK);
}

static void begin(void) {
    begin_with(HEARTBEAT, T0);
    chord_detector_start(&detector, now);
}

static void end(void) {
    chord_detector_clear(&detector, &counting.allocator);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

static bool heartbeat(uint32_t rank) {
    return chord_detector_heard(&detector, rank, true, now);
}

static bool message(uint32_t rank) {
    return chord_detector_heard(&detector, rank, false, now);
}

static uint32_t judge(void) {
    return chord_detector_judge(&detector, now);
}

/* Judges, and takes whoever is suspected: a bit each. Nobody is returned twice. */
static uint32_t judge_all(void) {
    uint32_t suspected = 0;
    for (uint32_t rank; (rank = judge()) != NOBODY;) {
        CU_ASSERT_FATAL(rank < RANKS && (suspected >> rank & 1u) == 0);
        suspected |= 1u << rank;
    }
    return suspected;
}

/* Time passes, and the detector judges often enough for none of it to be its own stall. Those of the mask are heard
 * all the time, by messages without heartbeats. Returns who was suspected. */
static uint32_t pass(uint64_t ticks, uint32_t heard) {
    uint32_t suspected = 0;
    for (const uint64_t until = now + ticks; now < until;) {
        now += until - now < HEARTBEAT ? until - now : HEARTBEAT;
        for (uint32_t rank = 0; rank < RANKS; rank++) {
            if (heard >> rank & 1u) {
                (void)message(rank);
            }
        }
        suspected |= judge_all();
    }
    return suspected;
}

static uint32_t bit(uint32_t rank) {
    return 1u << rank;
}

static const uint32_t everybody = (1u << RANKS) - 1;
static const uint32_t all_others = ((1u << RANKS) - 1) & ~(1u << OWN);

/* A gap that comes to its end with a heartbeat of rank 0; all others are heard. */
static void make_gap(uint64_t ticks) {
    CU_ASSERT_EQUAL(pass(ticks, everybody & ~bit(0)), 0);
    CU_ASSERT_FALSE(heartbeat(0));
}

/* --- one by one --- */

static void test_t0_alone(void) {
    begin();
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    CU_ASSERT_EQUAL(pass(T0 - 1, all_others & ~bit(3)), 0);
    CU_ASSERT_EQUAL(pass(1, all_others & ~bit(3)), bit(3)); /* silent for so long: not a tick earlier */
    end();
}

static void test_a_detector_that_is_not_started(void) {
    begin_with(HEARTBEAT, T0);
    now += 100 * T0;
    CU_ASSERT_EQUAL(judge(), NOBODY);
    CU_ASSERT_FALSE(heartbeat(0));
    CU_ASSERT_EQUAL(chord_detector_deadline(&detector), UINT64_MAX);
    chord_detector_start(&detector, now); /* all have just been heard, however long ago that was */
    CU_ASSERT_EQUAL(pass(T0 - 1, 0), 0);
    CU_ASSERT_EQUAL(pass(1, 0), all_others);
    end();
}

static void test_no_detector_without_heartbeats(void) {
    begin_with(0, T0);
    chord_detector_start(&detector, now);
    CU_ASSERT_EQUAL(chord_detector_deadline(&detector), UINT64_MAX);
    now += 1000 * T0;
    CU_ASSERT_EQUAL(judge(), NOBODY);
    CU_ASSERT_FALSE(heartbeat(1));
    CU_ASSERT_FALSE(message(1));
    CU_ASSERT_EQUAL(chord_detector_deadline(&detector), UINT64_MAX);
    end();
}

static void test_the_own_rank_is_never_suspected(void) {
    begin();
    CU_ASSERT_EQUAL(pass(50 * T0, all_others), 0);
    CU_ASSERT_EQUAL(pass(50 * T0, 0), all_others);
    end();
}

static void test_each_silent_rank_is_returned_once(void) {
    begin();
    CU_ASSERT_EQUAL(pass(T0 / 2, 0), 0);
    (void)message(4);
    CU_ASSERT_EQUAL(pass(T0 / 2 - 1, 0), 0);
    now++;
    CU_ASSERT_EQUAL(judge_all(), bit(0) | bit(1) | bit(3)); /* three at one moment */
    CU_ASSERT_EQUAL(judge(), NOBODY);
    CU_ASSERT_EQUAL(pass(T0 / 2, 0), bit(4));
    CU_ASSERT_EQUAL(pass(50 * T0, 0), 0);
    end();
}

static void test_heard_withdraws_a_suspicion_and_says_so(void) {
    begin();
    CU_ASSERT_FALSE(message(1)); /* nobody suspected it */
    CU_ASSERT_EQUAL(pass(T0, all_others & ~bit(1)), bit(1));
    CU_ASSERT_TRUE(message(1));
    CU_ASSERT_FALSE(message(1)); /* said once */
    CU_ASSERT_EQUAL(pass(T0 - 1, all_others & ~bit(1)), 0);
    CU_ASSERT_EQUAL(pass(1, all_others & ~bit(1)), bit(1)); /* and silent again */
    CU_ASSERT_TRUE(heartbeat(1));
    end();
}

/* Whatever arrives shows that a rank lives; but a gap ends with a heartbeat only, since others come as the load has
 * it. */
static void test_messages_without_heartbeats(void) {
    begin();
    CU_ASSERT_EQUAL(pass(T0 - 1, everybody & ~bit(0)), 0);
    (void)message(0);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0); /* 99 ticks would make 792 */
    CU_ASSERT_EQUAL(pass(T0 - 1, everybody & ~bit(0)), 0);
    CU_ASSERT_EQUAL(detector.gap_count, 0);
    /* A gap begins with whatever was heard last. */
    (void)message(0);
    make_gap(20);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 20);
    end();
}

/* The 99th percentile of n gaps is the ceil(0.99 n)th smallest: the largest of up to 99, the second largest of up to
 * 199, the third largest of 200 to 256. */
static void test_eight_times_the_99th_percentile(void) {
    begin();
    make_gap(12); /* 8 * 12 = 96: less than T0 */
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    make_gap(13);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 13);
    make_gap(60);
    make_gap(40);
    make_gap(50);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 60);
    while (detector.gap_count < 99) {
        make_gap(5);
    }
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 60);
    make_gap(5);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 50);
    while (detector.gap_count < 199) {
        make_gap(5);
    }
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 50);
    make_gap(5);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 40);
    while (detector.gap_count < CHORD_DETECTOR_GAPS) {
        make_gap(5);
    }
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 40);
    /* The oldest ones go first: 12, 13, 60, 40, 50. */
    make_gap(5);
    make_gap(5);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 40);
    make_gap(5); /* without 60: 50, 40 and 5 are the largest */
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    end();
}

/* The gaps of all ranks are one collection. */
static void test_gaps_are_of_any_rank(void) {
    begin();
    CU_ASSERT_EQUAL(pass(20, bit(1)), 0);
    CU_ASSERT_FALSE(heartbeat(4));
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 20);
    CU_ASSERT_EQUAL(pass(8 * 20 - 1, everybody & ~bit(1)), 0);
    CU_ASSERT_EQUAL(pass(1, everybody & ~bit(1)), bit(1));
    end();
}

static void test_patience_decides(void) {
    begin();
    make_gap(50);
    CU_ASSERT_EQUAL(pass(399, everybody & ~bit(0)), 0);
    CU_ASSERT_EQUAL(pass(1, everybody & ~bit(0)), bit(0));
    end();
}

/* A rank that was suspected wrongly would make the patience grow to eight times its silence. */
static void test_gaps_of_suspected_ranks_do_not_count(void) {
    begin();
    CU_ASSERT_EQUAL(pass(5 * T0, everybody & ~bit(3)), bit(3));
    CU_ASSERT_TRUE(heartbeat(3));
    CU_ASSERT_EQUAL(detector.gap_count, 0);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    CU_ASSERT_EQUAL(pass(20, everybody & ~bit(3)), 0);
    CU_ASSERT_FALSE(heartbeat(3));
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 20); /* the next one does */
    end();
}

/* Time in which nobody judged for longer than a heartbeat is the detector's own stall: taken out of every silence. A
 * time just below, up to a heartbeat, isn't one: it counts. */
static void test_own_stalls_do_not_count(void) {
    begin();
    CU_ASSERT_EQUAL(pass(T0 - HEARTBEAT, 0), 0);
    now += 100 * T0;
    CU_ASSERT_EQUAL(judge(), NOBODY);
    CU_ASSERT_EQUAL(pass(HEARTBEAT - 1, 0), 0);
    CU_ASSERT_EQUAL(pass(1, 0), all_others); /* 90 before the stall and 10 after it */
    end();

    begin();
    CU_ASSERT_EQUAL(pass(T0 - HEARTBEAT, 0), 0);
    now += HEARTBEAT + 1;
    CU_ASSERT_EQUAL(judge(), NOBODY);
    CU_ASSERT_EQUAL(pass(HEARTBEAT, 0), all_others);
    end();

    begin();
    CU_ASSERT_EQUAL(pass(T0 - HEARTBEAT, 0), 0);
    now += HEARTBEAT;
    CU_ASSERT_EQUAL(judge_all(), all_others);
    end();

    /* Who was heard during the stall has been silent since it ended. */
    begin();
    CU_ASSERT_EQUAL(pass(T0 - 1, 0), 0);
    now += T0;
    (void)message(1);
    now += T0;
    CU_ASSERT_EQUAL(judge(), NOBODY);
    CU_ASSERT_EQUAL(pass(1, 0), all_others & ~bit(1));
    CU_ASSERT_EQUAL(pass(T0 - 2, 0), 0);
    CU_ASSERT_EQUAL(pass(1, 0), bit(1));
    end();
}

/* What has piled up during a stall is no measure of anything, or each stall would multiply the patience by eight. */
static void test_own_stalls_are_no_gaps(void) {
    begin();
    CU_ASSERT_EQUAL(pass(2 * HEARTBEAT, everybody), 0);
    now += 20 * T0;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        CU_ASSERT_FALSE(heartbeat(rank)); /* two each have waited to be taken in, */
        CU_ASSERT_FALSE(heartbeat(rank));
    }
    CU_ASSERT_EQUAL(judge(), NOBODY); /* and then the detector judges */
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    CU_ASSERT_EQUAL(detector.gap_count, 0);
    CU_ASSERT_EQUAL(pass(T0 - 1, all_others & ~bit(3)), 0);
    CU_ASSERT_EQUAL(pass(1, all_others & ~bit(3)), bit(3));
    end();
}

/* The patience shrinks when a long gap is forgotten: who has been silent for longer than that is suspected at once,
 * not when the patience that has been would be over. */
static void test_the_patience_shrinks(void) {
    begin();
    make_gap(90); /* 720 */
    for (uint32_t i = 1; i < 99; i++) {
        CU_ASSERT_FALSE(heartbeat(0)); /* gaps of nothing */
    }
    CU_ASSERT_EQUAL(pass(T0, everybody & ~bit(1)), 0);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 90);
    (void)message(0);
    CU_ASSERT_FALSE(heartbeat(0)); /* the 100th */
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    CU_ASSERT(chord_detector_deadline(&detector) <= now);
    CU_ASSERT_EQUAL(judge_all(), bit(1));
    end();

    begin();
    make_gap(90);
    make_gap(80);
    make_gap(70);
    for (uint32_t i = 3; i < CHORD_DETECTOR_GAPS; i++) {
        CU_ASSERT_FALSE(heartbeat(0));
    }
    CU_ASSERT_EQUAL(pass(T0, everybody & ~bit(1)), 0);
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), 8 * 70);
    (void)message(0);
    CU_ASSERT_FALSE(heartbeat(0)); /* in the place of 90 */
    CU_ASSERT_EQUAL(chord_detector_patience(&detector), T0);
    CU_ASSERT(chord_detector_deadline(&detector) <= now);
    CU_ASSERT_EQUAL(judge_all(), bit(1));
    end();
}

static void test_no_memory(void) {
    counting_init(&counting);
    counting.fail_at = 1;
    CU_ASSERT_EQUAL(chord_detector_init(&detector, &config, &counting.allocator), CHORD_NO_MEMORY);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* --- the model: silence is added up from one judgement to the next --- */

#define GAPS_MAX 20000u

static struct {
    uint64_t silence[RANKS]; /* that counts, up to the last judgement or what was heard since */
    uint64_t since[RANKS];   /* the end of what is added up already */
    bool suspected[RANKS];
    uint64_t judged;
    uint64_t gaps[GAPS_MAX];
    uint32_t gap_count;
} model;

static int compare_gaps(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static uint64_t model_patience(void) {
    uint64_t sorted[CHORD_DETECTOR_GAPS];
    const uint32_t count = model.gap_count < CHORD_DETECTOR_GAPS ? model.gap_count : CHORD_DETECTOR_GAPS;
    if (count == 0) {
        return config.suspicion_ticks;
    }
    memcpy(sorted, &model.gaps[model.gap_count - count], count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_gaps);
    const uint64_t patience = 8 * sorted[(99 * count + 99) / 100 - 1];
    return patience > config.suspicion_ticks ? patience : config.suspicion_ticks;
}

static void model_begin(void) {
    memset(&model, 0, sizeof model);
    model.judged = now;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        model.since[rank] = now;
    }
}

static bool model_heard(uint32_t rank, bool is_heartbeat) {
    const bool was_suspected = model.suspected[rank];
    const bool stalled = now - model.judged > config.heartbeat_ticks;
    if (is_heartbeat && !was_suspected && !stalled) {
        model.gaps[model.gap_count++] = model.silence[rank] + (now - model.since[rank]);
    }
    model.silence[rank] = 0;
    model.since[rank] = now;
    model.suspected[rank] = false;
    return was_suspected;
}

static uint32_t model_judge(void) {
    const bool stalled = now - model.judged > config.heartbeat_ticks;
    const uint64_t patience = model_patience();
    uint32_t suspected = 0;
    model.judged = now;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        model.silence[rank] += stalled ? 0 : now - model.since[rank];
        model.since[rank] = now;
        if (rank != OWN && !model.suspected[rank] && model.silence[rank] >= patience) {
            model.suspected[rank] = true;
            suspected |= bit(rank);
        }
    }
    return suspected;
}

/* The next moment at which somebody is suspected, if nothing more is heard and nobody stalls. */
static uint64_t model_next(void) {
    const uint64_t patience = model_patience();
    uint64_t next = UINT64_MAX;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        if (rank == OWN || model.suspected[rank]) {
            continue;
        }
        const uint64_t counted = model.silence[rank] + (now - model.since[rank]);
        const uint64_t due = counted >= patience ? now : now + patience - counted;
        next = due < next ? due : next;
    }
    return next;
}

/* Ranks that beat, others that are silent for a while, a loaded machine now and then, and stalls of the detector's
 * own. */
static void test_against_the_model(void) {
    struct tally tally = {0};
    uint32_t suspicions = 0;
    uint32_t withdrawn = 0;
    uint32_t patient = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        uint64_t silent_until[RANKS] = {0};
        begin_with(1 + chord_prng_below(&prng, 20), chord_prng_below(&prng, 300));
        chord_detector_start(&detector, now);
        model_begin();
        for (uint32_t step = 0; step < 4000; step++) {
            const bool stalls = chord_prng_below(&prng, 300) == 0;
            now += chord_prng_below(&prng, stalls ? 2000 : config.heartbeat_ticks + 1);
            const uint32_t rank = (uint32_t)chord_prng_below(&prng, RANKS);
            if (chord_prng_below(&prng, 200) == 0) {
                silent_until[rank] = now + chord_prng_below(&prng, 5000);
            }
            for (uint32_t other = 0; other < RANKS; other++) {
                if (now >= silent_until[other] && chord_prng_below(&prng, 3) == 0) {
                    const bool is_heartbeat = chord_prng_below(&prng, 2) == 0;
                    const bool was_suspected = model_heard(other, is_heartbeat);
                    TALLY(&tally, chord_detector_heard(&detector, other, is_heartbeat, now) == was_suspected);
                    withdrawn += was_suspected;
                }
            }
            const uint64_t patience = model_patience();
            TALLY(&tally, chord_detector_patience(&detector) == patience);
            patient += patience > config.suspicion_ticks;
            /* Never late; and a host that judges whenever it is asked to never seems to stall. */
            TALLY(&tally, chord_detector_deadline(&detector) <= model_next());
            TALLY(&tally, chord_detector_deadline(&detector) <= model.judged + config.heartbeat_ticks);
            if (chord_prng_below(&prng, 4) != 0) {
                const uint32_t suspected = model_judge();
                TALLY(&tally, judge_all() == suspected);
                TALLY(&tally, judge() == NOBODY);
                suspicions += suspected != 0;
            }
        }
        end();
    }
    TALLY_ASSERT(&tally, 300000);
    CU_ASSERT(suspicions > 100);
    CU_ASSERT(withdrawn > 100);
    CU_ASSERT(patient > 1000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"T0 alone", test_t0_alone},
        {"a detector that isn't started", test_a_detector_that_is_not_started},
        {"no detector without heartbeats", test_no_detector_without_heartbeats},
        {"the coordinator's rank is never suspected", test_the_own_rank_is_never_suspected},
        {"each silent rank is returned once", test_each_silent_rank_is_returned_once},
        {"heard withdraws a suspicion and says so", test_heard_withdraws_a_suspicion_and_says_so},
        {"messages without heartbeats", test_messages_without_heartbeats},
        {"8 times the 99th percentile, by hand", test_eight_times_the_99th_percentile},
        {"gaps are of any rank", test_gaps_are_of_any_rank},
        {"the patience decides", test_patience_decides},
        {"gaps of suspected ranks don't count", test_gaps_of_suspected_ranks_do_not_count},
        {"own stalls don't count as silence", test_own_stalls_do_not_count},
        {"own stalls are no gaps", test_own_stalls_are_no_gaps},
        {"the patience shrinks", test_the_patience_shrinks},
        {"no memory", test_no_memory},
        {"random runs against the model", test_against_the_model},
    };
    return UNIT_RUN("detector", tests);
}
