/* app/driver/faults, and app/verdict/impact: which notices belong to which fault, and what it came to. */
#include "app/driver/faults.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define RANKS 6u
#define NODES_PER_RANK 2u
#define MS UINT64_C(1000000)
#define START (1000 * MS) /* of the phase, on rank 0's clock */

static struct ring ring;
static struct faults faults;
static struct result_phase phase;

static const struct crash silence = {.kind = CRASH_SILENCE};
static const struct crash killed = {.kind = CRASH_KILL};

static struct chord_member member(uint32_t rank, uint16_t node) {
    return (struct chord_member){.id = {.high = (uint64_t)(rank * NODES_PER_RANK + node + 1) << 32},
                                 .address = {.rank = rank, .virtual_node = node},
                                 .incarnation = 1};
}

/* All nodes are in the ring. */
static void begin(void) {
    struct chord_member members[RANKS * NODES_PER_RANK];
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        for (uint16_t node = 0; node < NODES_PER_RANK; node++) {
            members[rank * NODES_PER_RANK + node] = member(rank, node);
        }
    }
    CU_ASSERT_EQUAL_FATAL(ring_init(&ring, RANKS * NODES_PER_RANK), CHORD_OK);
    ring_form(&ring, members, RANKS);
    faults = (struct faults){.ring = &ring};
    CU_ASSERT_EQUAL_FATAL(faults_init(&faults, RANKS), CHORD_OK);
    faults_begin(&faults);
    faults_start(&faults, START);
}

static void end(void) {
    faults_clear(&faults);
    ring_clear(&ring);
}

static void suspected(uint32_t rank, uint64_t heard_ms, uint64_t judged_ms) {
    const struct chord_notice notice = {
        .kind = CHORD_NOTICE_SUSPECTED,
        .suspicion = {.rank = rank, .heard_ticks = START + heard_ms * MS, .judged_ticks = START + judged_ms * MS}};
    faults_notice(&faults, &notice);
}

static void heard(uint32_t rank, uint64_t at_ms) {
    const struct chord_notice notice = {.kind = CHORD_NOTICE_HEARD,
                                        .suspicion = {.rank = rank, .judged_ticks = START + at_ms * MS}};
    faults_notice(&faults, &notice);
}

/* A view change of so many members, each {what, {address}}. */
static void changed(uint32_t epoch, uint64_t ended_ms, const struct chord_change_member *members, uint32_t count) {
    const struct chord_notice notice = {.kind = CHORD_NOTICE_CHANGED,
                                        .change = {.epoch = epoch,
                                                   .attempt_count = 2,
                                                   .pair_count = 100,
                                                   .pair_bytes = 1000,
                                                   .started_ticks = START + (ended_ms - 3) * MS,
                                                   .ended_ticks = START + ended_ms * MS,
                                                   .wedged_ticks_max = 2 * MS,
                                                   .members = members,
                                                   .member_count = count}};
    ring_apply(&ring, members, count); /* as the driver does it */
    faults_notice(&faults, &notice);
}

/* All nodes of these ranks, in one change. */
static void changed_ranks(enum chord_command what, uint32_t epoch, uint64_t ended_ms, const uint32_t *ranks, uint32_t count) {
    struct chord_change_member members[RANKS * NODES_PER_RANK];
    for (uint32_t i = 0; i < count * NODES_PER_RANK; i++) {
        members[i] = (struct chord_change_member){what, member(ranks[i / NODES_PER_RANK], (uint16_t)(i % NODES_PER_RANK))};
    }
    changed(epoch, ended_ms, members, count * NODES_PER_RANK);
}

static void excluded(uint32_t epoch, uint64_t ended_ms, uint32_t rank) {
    changed_ranks(CHORD_COMMAND_EXCLUDE, epoch, ended_ms, &rank, 1);
}

/* The phase ends; 1,000 answers a second until then. */
static void measure(uint64_t elapsed_ms) {
    memset(&phase, 0, sizeof phase);
    phase.elapsed_ns = elapsed_ms * MS;
    for (uint64_t at = 0; at < elapsed_ms; at++) {
        timeline_record(&phase.timeline, at * MS);
    }
    faults_measure(&faults, &phase);
}

static void test_a_crash(void) {
    begin();
    CU_ASSERT_PTR_NULL(faults_refusal(&faults, 3));
    CU_ASSERT_TRUE(faults_is_living(&faults, 3));
    faults_inject(&faults, 3, &killed, START + 1000 * MS, "1s:crash:3:kill");
    CU_ASSERT_FALSE(faults_is_living(&faults, 3));
    CU_ASSERT_STRING_EQUAL(faults_refusal(&faults, 3), "the rank has crashed already");
    faults_refuse(&faults, 3, &silence, START + 1100 * MS, "1.1s:crash:3", "the rank has crashed already");
    suspected(3, 990, 1205);
    excluded(4, 1210, 3);
    const struct result_fault *found = faults_find(&faults, 3);
    CU_ASSERT(found != NULL && found->committed_ns == START + 1210 * MS && !found->refused);
    CU_ASSERT_PTR_NULL(faults_find(&faults, 2));
    const struct impact_window window = faults_window(&faults, 0, START + 5000 * MS);
    CU_ASSERT(window.from_ns == START + 1000 * MS && window.to_ns == START + 1210 * MS);
    measure(5000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    const struct result_fault *fault = &phase.faults[0];
    CU_ASSERT_STRING_EQUAL(fault->trigger, "1s:crash:3:kill");
    CU_ASSERT(fault->rank == 3 && fault->is_ours && !fault->refused && fault->crash.kind == CRASH_KILL);
    CU_ASSERT_EQUAL(fault->injected_ns, 1000 * MS);
    CU_ASSERT_EQUAL(fault->heard_last_ns, 990 * MS);
    CU_ASSERT_EQUAL(fault->detected_ns, 1205 * MS);
    CU_ASSERT_EQUAL(fault->committed_ns, 1210 * MS);
    CU_ASSERT_EQUAL(fault->heard_again_ns, RESULT_NEVER);
    CU_ASSERT_EQUAL(fault->rejoined_ns, RESULT_NEVER);
    CU_ASSERT(fault->epoch == 4 && fault->attempt_count == 2 && fault->pair_count == 100 && fault->pair_bytes == 1000);
    CU_ASSERT(fault->excluded_node_count == 2 && fault->wedged_ns_max == 2 * MS);
    /* From half a second before to a second after: 500 ms to 2,210 ms. */
    CU_ASSERT_EQUAL(fault->throughput_start_ns, 500 * MS);
    CU_ASSERT_EQUAL_FATAL(fault->throughput_count, 18);
    for (uint32_t i = 0; i < 18; i++) {
        CU_ASSERT_DOUBLE_EQUAL(fault->throughputs[i], 1000, 200);
    }
    fault = &phase.faults[1];
    CU_ASSERT(fault->refused && fault->injected_ns == 1100 * MS && fault->throughput_count == 0);
    CU_ASSERT_STRING_EQUAL(fault->reason, "the rank has crashed already");
    /* The next phase knows nothing of it but that the rank is down. */
    faults_begin(&faults);
    faults_start(&faults, START);
    CU_ASSERT_PTR_NULL(faults_find(&faults, 3));
    CU_ASSERT_FALSE(faults_is_living(&faults, 3));
    measure(100);
    CU_ASSERT_EQUAL(phase.fault_count, 0);
    end();
}

/* Two ranks at one moment, in one view change. */
static void test_two_at_once(void) {
    static const uint32_t both[] = {2, 4};
    begin();
    faults_inject(&faults, 4, &silence, START + 100 * MS, "a");
    faults_inject(&faults, 2, &killed, START + 100 * MS, "b");
    suspected(4, 90, 300);
    suspected(2, 95, 310);
    changed_ranks(CHORD_COMMAND_EXCLUDE, 2, 320, both, 2);
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(phase.faults[i].rank, both[i]);
        CU_ASSERT_EQUAL(phase.faults[i].committed_ns, 320 * MS);
        CU_ASSERT_EQUAL(phase.faults[i].excluded_node_count, 2);
        CU_ASSERT_EQUAL(phase.faults[i].pair_count, 100);
    }
    CU_ASSERT(phase.faults[0].detected_ns == 310 * MS && phase.faults[1].detected_ns == 300 * MS);
    end();
}

/* The nodes of a rank leave one after the other: what the first change can't do (C8) a later one does. */
static void test_node_by_node(void) {
    const struct chord_change_member first = {CHORD_COMMAND_EXCLUDE, member(1, 1)};
    const struct chord_change_member others[] = {{CHORD_COMMAND_DEPART, member(5, 0)}, {CHORD_COMMAND_EXCLUDE, member(1, 0)}};
    begin();
    faults_inject(&faults, 1, &silence, START + 10 * MS, "");
    suspected(1, 9, 210);
    changed(2, 220, &first, 1);
    CU_ASSERT_EQUAL(faults_find(&faults, 1)->committed_ns, RESULT_NEVER);
    changed(3, 250, others, 2);
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 1);
    const struct result_fault *fault = &phase.faults[0];
    CU_ASSERT(fault->committed_ns == 250 * MS && fault->epoch == 3 && fault->excluded_node_count == 2);
    CU_ASSERT(fault->attempt_count == 4 && fault->pair_count == 200 && fault->pair_bytes == 2000);
    CU_ASSERT_EQUAL(fault->throughput_start_ns, 0); /* not before the phase, nor after it */
    CU_ASSERT_EQUAL(fault->throughput_count, 10);
    end();
}

/* A pause that was long enough: suspected, left out, heard again, back with both nodes. */
static void test_a_long_pause(void) {
    static const uint32_t rank = 5;
    const struct crash pause = {.kind = CRASH_PAUSE, .pause_ns = 800 * MS};
    const struct chord_change_member back[] = {{CHORD_COMMAND_JOIN, member(5, 0)}, {CHORD_COMMAND_JOIN, member(5, 1)}};
    begin();
    faults_inject(&faults, rank, &pause, START + 100 * MS, "op=5:crash:5:pause=800ms");
    CU_ASSERT_TRUE(faults_is_living(&faults, rank));
    suspected(rank, 99, 300);
    CU_ASSERT_FALSE(faults_is_living(&faults, rank));
    excluded(2, 310, rank);
    heard(rank, 905);
    CU_ASSERT_TRUE(faults_is_living(&faults, rank));
    CU_ASSERT_PTR_NULL(faults_refusal(&faults, rank));
    changed(3, 930, &back[1], 1);
    CU_ASSERT_EQUAL(faults_find(&faults, rank)->rejoined_ns, RESULT_NEVER);
    changed(4, 940, &back[0], 1);
    /* Much later it is suspected again, and that has nothing to do with the pause. */
    suspected(rank, 5000, 5300);
    heard(rank, 5301);
    measure(6000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    const struct result_fault *fault = &phase.faults[0];
    CU_ASSERT(fault->detected_ns == 300 * MS && fault->committed_ns == 310 * MS && fault->heard_again_ns == 905 * MS);
    CU_ASSERT(fault->rejoined_ns == 940 * MS && fault->rejoined_node_count == 2);
    fault = &phase.faults[1];
    CU_ASSERT(!fault->is_ours && fault->trigger[0] == '\0' && fault->injected_ns == RESULT_NEVER);
    CU_ASSERT(fault->heard_last_ns == 5000 * MS && fault->detected_ns == 5300 * MS && fault->heard_again_ns == 5301 * MS);
    CU_ASSERT_EQUAL(fault->committed_ns, RESULT_NEVER);
    const struct impact_window window = faults_window(&faults, 1, START + 6000 * MS);
    CU_ASSERT(window.from_ns == START + 5000 * MS && window.to_ns == START + 5301 * MS);
    end();
}

static void test_a_short_pause(void) {
    const struct crash pause = {.kind = CRASH_PAUSE, .pause_ns = 50 * MS};
    begin();
    faults_inject(&faults, 1, &pause, START + 100 * MS, "");
    const struct impact_window early = faults_window(&faults, 0, START + 120 * MS);
    CU_ASSERT_EQUAL(early.to_ns, START + 120 * MS); /* the phase ended within the pause */
    const struct impact_window window = faults_window(&faults, 0, START + 9000 * MS);
    CU_ASSERT(window.from_ns == START + 100 * MS && window.to_ns == START + 150 * MS);
    /* Killed from outside later: heard after the pause, so that isn't what it is suspected for. */
    suspected(1, 4000, 4200);
    excluded(2, 4210, 1);
    measure(9000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    CU_ASSERT(phase.faults[0].is_ours && phase.faults[0].detected_ns == RESULT_NEVER &&
              phase.faults[0].committed_ns == RESULT_NEVER && phase.faults[0].excluded_node_count == 0);
    CU_ASSERT_EQUAL(phase.faults[0].throughput_count, 12); /* 0 to 1,150 ms */
    CU_ASSERT(!phase.faults[1].is_ours && phase.faults[1].committed_ns == 4210 * MS);
    end();
}

/* Killed while a suspicion of it is open already: one change ends both. */
static void test_suspected_before_it_crashed(void) {
    begin();
    suspected(2, 100, 300);
    faults_inject(&faults, 2, &killed, START + 305 * MS, "");
    excluded(2, 310, 2);
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    CU_ASSERT(!phase.faults[0].is_ours && phase.faults[0].committed_ns == 310 * MS);
    CU_ASSERT(phase.faults[1].is_ours && phase.faults[1].committed_ns == 310 * MS);
    CU_ASSERT_EQUAL(phase.faults[1].detected_ns, RESULT_NEVER);
    end();
}

/* Wrongly suspected, heard before anything was done, suspected once more: only the second is ended by the change. */
static void test_suspected_twice(void) {
    begin();
    suspected(2, 100, 300);
    heard(2, 301);
    suspected(2, 400, 600);
    excluded(2, 610, 2);
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    CU_ASSERT(phase.faults[0].heard_again_ns == 301 * MS && phase.faults[0].committed_ns == RESULT_NEVER);
    CU_ASSERT(phase.faults[1].heard_again_ns == RESULT_NEVER && phase.faults[1].committed_ns == 610 * MS);
    end();
}

/* The phase is over before anybody notices; what comes afterwards belongs to it until the next one. */
static void test_phase_ends_first(void) {
    begin();
    faults_inject(&faults, 3, &silence, START + 900 * MS, "");
    faults_inject(&faults, 4, &silence, START + 950 * MS, "");
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    CU_ASSERT(phase.faults[0].detected_ns == RESULT_NEVER && phase.faults[0].committed_ns == RESULT_NEVER);
    CU_ASSERT_EQUAL(phase.faults[0].throughput_count, 6); /* 400 to 1,000 ms */
    suspected(3, 899, 1100);
    excluded(2, 1110, 3);
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    CU_ASSERT(phase.faults[0].detected_ns == 1100 * MS && phase.faults[0].committed_ns == 1110 * MS);
    CU_ASSERT_EQUAL(phase.faults[1].detected_ns, RESULT_NEVER);
    const struct impact_window window = faults_window(&faults, 1, START + 1000 * MS);
    CU_ASSERT(window.from_ns == START + 950 * MS && window.to_ns == START + 1000 * MS);
    end();
}

/* One that began before the timed part, and one that came after it. */
static void test_outside_the_phase(void) {
    begin();
    suspected(1, 2000, 2200); /* after its 1,000 ms */
    const struct chord_notice early = {.kind = CHORD_NOTICE_SUSPECTED,
                                       .suspicion = {.rank = 2, .heard_ticks = START - 300 * MS, .judged_ticks = START - MS}};
    faults_notice(&faults, &early);
    excluded(2, 10, 2);
    measure(1000);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 2);
    CU_ASSERT(phase.faults[0].rank == 2 && phase.faults[0].heard_last_ns == 0 && phase.faults[0].detected_ns == 0);
    CU_ASSERT_EQUAL(phase.faults[0].committed_ns, 10 * MS);
    CU_ASSERT(phase.faults[1].rank == 1 && phase.faults[1].throughput_count == 0 && phase.faults[1].throughputs == NULL);
    end();
}

static void test_strange_notices(void) {
    static const uint32_t rank = 4;
    begin();
    suspected(RANKS, 1, 2); /* no such rank */
    suspected(UINT32_MAX, 1, 2);
    heard(RANKS, 3);
    heard(1, 3); /* nobody suspected it */
    const struct chord_change_member nobody = {CHORD_COMMAND_EXCLUDE, {.address = {.rank = 77}}};
    const struct chord_notice none = {.kind = CHORD_NOTICE_CHANGED, .change = {.members = &nobody, .member_count = 1}};
    faults_notice(&faults, &none);
    changed_ranks(CHORD_COMMAND_JOIN, 2, 10, &rank, 1); /* nothing is known of it */
    for (unsigned kind = 0; kind <= CHORD_NOTICE_OPENED; kind++) {
        if (kind != CHORD_NOTICE_SUSPECTED && kind != CHORD_NOTICE_LOST) {
            const struct chord_notice notice = {.kind = (enum chord_notice_kind)kind};
            faults_notice(&faults, &notice);
        }
    }
    measure(100);
    CU_ASSERT_EQUAL(phase.fault_count, 0);
    CU_ASSERT_EQUAL(phase.loss_count, 0);
    /* Left out though nobody said that it was suspected: a fault all the same. */
    excluded(3, 50, 3);
    measure(100);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 1);
    CU_ASSERT(phase.faults[0].detected_ns == RESULT_NEVER && phase.faults[0].heard_last_ns == 47 * MS);
    CU_ASSERT_EQUAL(phase.faults[0].committed_ns, 50 * MS);
    end();
}

static void test_losses(void) {
    begin();
    for (uint32_t i = 0; i < 200; i++) {
        const struct chord_notice lost = {.kind = CHORD_NOTICE_LOST, .loss = {.start = {.high = i}, .holder = member(2, 0)}};
        faults_notice(&faults, &lost);
    }
    measure(100);
    CU_ASSERT_EQUAL_FATAL(phase.loss_count, 200);
    CU_ASSERT(phase.losses[199].start.high == 199 && phase.losses[199].holder.address.rank == 2);
    faults_begin(&faults);
    faults_start(&faults, START);
    measure(100);
    CU_ASSERT_EQUAL(phase.loss_count, 0);
    end();
}

/* A silence that nobody ends in a very long phase: the slices are bounded. */
static void test_bounded(void) {
    begin();
    faults_inject(&faults, 3, &silence, START, "a trigger that is longer than there is room for in the report: it is cut there");
    memset(&phase, 0, sizeof phase);
    phase.elapsed_ns = UINT64_C(3600000) * MS;
    faults_measure(&faults, &phase);
    CU_ASSERT_EQUAL_FATAL(phase.fault_count, 1);
    CU_ASSERT_EQUAL(phase.faults[0].throughput_count, RESULT_FAULT_SLICES_MAX);
    CU_ASSERT_EQUAL(strlen(phase.faults[0].trigger), sizeof phase.faults[0].trigger - 1);
    end();
}

/* --- impact --- */

static void test_impact(void) {
    static const struct impact_window window = {.from_ns = 100, .to_ns = 200};
    static const struct {
        struct history_record record;
        struct impact expected;
        const char *what;
    } cases[] = {
        {{.start_ns = 50, .end_ns = 99, .retry_count = 1}, {0, 0, 0}, "over before"},
        {{.start_ns = 201, .end_ns = 300, .retry_count = 1}, {0, 0, 0}, "began after"},
        {{.start_ns = 50, .end_ns = 100}, {0, 0, 0}, "answered as it began"},
        {{.start_ns = 150, .end_ns = 200}, {0, 0, 0}, "answered as it ended"},
        {{.start_ns = 150, .end_ns = 201}, {1, 0, 0}, "answered afterwards"},
        {{.start_ns = 200, .end_ns = 300}, {1, 0, 0}, "began as it ended"},
        {{.start_ns = 50, .end_ns = 300, .retry_count = 255}, {1, 1, 0}, "all the time"},
        {{.start_ns = 120, .end_ns = 130, .retry_count = 1}, {0, 1, 0}, "within"},
        {{.start_ns = 50, .outcome = CHORD_UNKNOWN}, {0, 0, 1}, "never answered"},
        {{.start_ns = 50, .outcome = CHORD_UNKNOWN, .retry_count = 2}, {0, 1, 1}, "sent again and never answered"},
        {{.start_ns = 50, .end_ns = 90, .outcome = CHORD_UNKNOWN}, {0, 0, 0}, "given up before"},
        {{.start_ns = 50, .end_ns = 900, .outcome = CHORD_UNKNOWN}, {0, 0, 1}, "given up afterwards"},
        {{.start_ns = 201, .outcome = CHORD_UNKNOWN}, {0, 0, 0}, "began after, never answered"},
    };
    struct impact sum = {0}, all = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct impact impact = {0};
        impact_add(&impact, &cases[i].record, 1, &window);
        const bool same = memcmp(&impact, &cases[i].expected, sizeof impact) == 0;
        if (!same) {
            printf("\n  %s\n", cases[i].what);
        }
        CU_ASSERT_TRUE(same);
        impact_merge(&sum, &impact);
        impact_add(&all, &cases[i].record, 1, &window);
    }
    CU_ASSERT(sum.waited_count == 3 && sum.retried_count == 3 && sum.unknown_count == 3);
    CU_ASSERT_EQUAL(memcmp(&sum, &all, sizeof sum), 0);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"a crash", test_a_crash},
        {"two at once", test_two_at_once},
        {"node by node", test_node_by_node},
        {"a long pause", test_a_long_pause},
        {"a pause too short to be noticed", test_a_short_pause},
        {"suspected before it crashed", test_suspected_before_it_crashed},
        {"suspected twice", test_suspected_twice},
        {"the phase ends first", test_phase_ends_first},
        {"outside the phase", test_outside_the_phase},
        {"strange notices", test_strange_notices},
        {"lost arcs", test_losses},
        {"a long time", test_bounded},
        {"the impact on operations", test_impact},
    };
    return UNIT_RUN("faults", tests);
}
