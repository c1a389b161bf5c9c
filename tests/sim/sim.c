/* The seeded simulator: runs whole rings in virtual time and demands the invariants after every event, then that all
 * operations are answered, that the history is right (T1; linearizable rings: T2, too, which must also find every
 * falsification of it), and the quiet invariants.
 *
 *     sim [--calm] --seeds FIRST COUNT   runs COUNT seeds from FIRST on, stops at the first that fails
 *     sim [--calm] --seed S [--trace]    runs one; with a transcript of every message on standard output
 *
 * With --calm no process dies or stops and no message is lost; nodes join, depart and are excluded all the same.
 *
 * Exit status: 0 all right, 2 usage, 10 a broken invariant, 11 a wrong history, 12 no progress. */
#include "app/verdict/judge.h"
#include "app/verdict/linearize.h"
#include "chord/base/check.h"
#include "tests/sim/cluster.h"
#include "tests/sim/forge.h"
#include "tests/sim/invariants.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 2000000u
/* What a client, or a receiver, that isn't hasty waits before it asks again; no run without trouble lasts so long. */
#define PATIENT_TICKS 1000000u
/* The bound within which a ring heals once nothing disturbs it any more: repetitions come ever more rarely. */
#define HEALING_TICKS 2000000u
/* When a ring may be taken for lost, and after how many events that is looked at. */
#define BEYOND_TICKS 50000u
#define BEYOND_EVENTS 256u

enum result { RESULT_OK = 0, RESULT_USAGE = 2, RESULT_INVARIANT = 10, RESULT_HISTORY = 11, RESULT_STUCK = 12 };

struct totals {
    uint64_t events;
    uint64_t operations;
    uint64_t retries;
    uint64_t stale_reads;
    uint64_t waited; /* runs in which a request waited at its head */
    uint64_t beyond; /* runs that nothing could have healed */
    uint64_t lost_order; /* answers of eventual rings that an exclusion has contradicted */
    uint64_t found_forgeries[FORGE_KIND_COUNT];
    uint64_t fill_permille; /* of the fullest queue */
    struct cluster_counts counts;
};

static uint64_t current_seed;

static void check_failed(const char *file, int line, const char *expression) {
    fprintf(stderr, "seed %" PRIu64 ": %s:%d: check failed: %s\n", current_seed, file, line, expression);
    exit(RESULT_INVARIANT);
}

/* T2: the answers alone, without versions. Then the same answers falsified: what is never wrong proves nothing. */
static enum result judge_black_box(const struct cluster *cluster, struct totals *totals) {
    struct linearize_result found;
    if (linearize_check(cluster->history.records, cluster->history.count, NULL, &found) != CHORD_OK) {
        return RESULT_STUCK;
    }
    enum result result = RESULT_OK;
    if (found.violation_count > 0) {
        const struct linearize_violation *violation = &found.violations[0];
        const struct history_record *stuck = &cluster->history.records[violation->stuck];
        fprintf(stderr, "seed %" PRIu64 ": %" PRIu64 " keys have no order; %zu operations contradict each other, one is "
                        "client %u's operation %u\n",
                cluster->seed, found.violated_count, violation->core_count, stuck->client_rank, stuck->index);
        result = RESULT_HISTORY;
    } else if (found.too_large_count > 0) {
        fprintf(stderr, "seed %" PRIu64 ": T2 gave up %" PRIu64 " keys\n", cluster->seed, found.too_large_count);
        result = RESULT_HISTORY;
    }
    linearize_free(&found);
    if (result == RESULT_OK) {
        const char *missed = forge_check(&cluster->history, totals->found_forgeries);
        if (missed != NULL) {
            fprintf(stderr, "seed %" PRIu64 ": T2 takes a falsified history for right: %s\n", cluster->seed, missed);
            result = RESULT_HISTORY;
        }
    }
    return result;
}

static enum result judge_run(struct cluster *cluster, struct totals *totals, bool is_whole) {
    struct judge judge = {0};
    struct judge_verdict verdict = {0};
    if (judge_segment(&judge, cluster->history.records, cluster->history.count, cluster->config.consistency,
                      &verdict) != CHORD_OK) {
        return RESULT_STUCK;
    }
    enum result result = RESULT_OK;
    /* An eventual ring may lose what it has answered, with the head that is excluded, or give it a second version, when
     * the client has asked twice: order means nothing then. Values must be some that were written all the same (which the
     * cluster checks), and copies must agree. */
    const bool may_lose = cluster->config.consistency == CHORD_EVENTUAL &&
                          (cluster->counts.exclusions > 0 || cluster->counts.suspicions > 0 || !is_whole);
    if (may_lose) {
        totals->lost_order += verdict.wrong_count;
        verdict.wrong_count = verdict.wrong_by_reason[JUDGE_BAD_RECORD] +
                              verdict.wrong_by_reason[JUDGE_VERSION_REPEATED] +
                              verdict.wrong_by_reason[JUDGE_VALUE_DIFFERS];
    }
    if (verdict.wrong_count > 0) {
        fprintf(stderr, "seed %" PRIu64 ": %" PRIu64 " wrong answers; the first: client %u, operation %u: %s\n",
                cluster->seed, verdict.wrong_count, verdict.first.client_rank, verdict.first.index,
                judge_reason_text(verdict.first.reason));
        result = RESULT_HISTORY;
    }
    if (result == RESULT_OK && cluster->config.consistency == CHORD_LINEARIZABLE) {
        result = judge_black_box(cluster, totals);
    }
    /* What the answers say must be what the owners hold, if nothing is unknown. */
    const struct judge_content expected = judge_content(&judge);
    is_whole &= expected.uncertain_count == 0 && !may_lose;
    uint64_t content = 0;
    uint64_t pairs = 0;
    for (uint32_t i = 0; is_whole && i < cluster_node_count(cluster); i++) {
        if (!cluster_is_member(cluster, i)) {
            continue;
        }
        const struct chord_store_digest digest =
            chord_store_digest(&chord_node_own_arc(cluster_node(cluster, i))->store);
        content += digest.content;
        pairs += digest.pair_count;
    }
    if (result == RESULT_OK && is_whole && (content != expected.content || pairs != expected.pair_count)) {
        fprintf(stderr, "seed %" PRIu64 ": the nodes hold %" PRIu64 " pairs, the answers leave %" PRIu64 "%s\n",
                cluster->seed, pairs, expected.pair_count, pairs == expected.pair_count ? " others" : "");
        result = RESULT_HISTORY;
    }
    totals->stale_reads += verdict.stale_count;
    judge_free(&judge);
    return result;
}

static bool anyone_waits(const struct cluster *cluster) {
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const struct chord_arc *own = chord_node_own_arc(cluster_node(cluster, i));
        if (own != NULL && own->waiting_first != NULL) {
            return true;
        }
    }
    return false;
}

/* How a run ended. */
enum ending {
    ENDING_DONE,   /* everything is answered, and all is quiet */
    ENDING_BEYOND, /* nobody who lives holds some part complete: what was answered must be right all the same */
    ENDING_STUCK
};

static bool is_late(const struct cluster *cluster, uint64_t patience_ticks) {
    const uint64_t calm_ticks = cluster_calm_ticks(cluster);
    return cluster->is_faulty && calm_ticks < cluster->now_ticks && cluster->now_ticks - calm_ticks > patience_ticks;
}

/* Safety first, while things go wrong: the invariants hold after every event. Then the ring must heal. */
static enum ending go_on(struct cluster *cluster, struct invariants *invariants, bool *waited) {
    while (cluster->broken == NULL && cluster->event_count < EVENTS_MAX && !is_late(cluster, HEALING_TICKS)) {
        const bool stepped = cluster_step(cluster);
        invariants_check_event(invariants, cluster);
        *waited |= anyone_waits(cluster);
        if (!stepped || cluster_is_done(cluster)) {
            break;
        }
        if (cluster->event_count % BEYOND_EVENTS == 0 && is_late(cluster, BEYOND_TICKS) &&
            cluster_is_beyond_help(cluster)) {
            return ENDING_BEYOND;
        }
    }
    return cluster_is_done(cluster) ? ENDING_DONE : ENDING_STUCK;
}

static enum result run(uint64_t seed, bool is_faulty, FILE *trace, struct totals *totals) {
    static struct cluster cluster;
    struct invariants invariants;
    current_seed = seed;
    cluster_init(&cluster, seed, is_faulty, trace);
    invariants_init(&invariants);
    cluster.observe = invariants_observe;
    cluster.observer = &invariants;
    if (trace != NULL) {
        cluster_describe(&cluster, trace);
    }
    enum result result = RESULT_OK;
    bool waited = false;
    const enum ending ending = go_on(&cluster, &invariants, &waited);
    if (cluster.broken == NULL && ending == ENDING_STUCK) {
        fprintf(stderr, "seed %" PRIu64 ": no progress after %" PRIu64 " events\n", seed, cluster.event_count);
        cluster_tell_waiting(&cluster, stderr);
        result = RESULT_STUCK;
    }
    /* Nothing is lost while nobody is excluded: who isn't hasty never asks twice, unless it is refused. */
    if (cluster.broken == NULL && !is_faulty && cluster.counts.exclusions == 0 &&
        cluster.config.retry_ticks >= PATIENT_TICKS && cluster.now_ticks >= PATIENT_TICKS) {
        cluster_break(&cluster, "progress", "something was only done because it was asked for again");
    }
    if (ending == ENDING_DONE && cluster.broken == NULL) {
        invariants_check_quiet(&cluster);
    }
    if (cluster.broken != NULL) {
        fprintf(stderr, "seed %" PRIu64 ": %s is broken at time %" PRIu64 ": %s\n", seed, cluster.broken,
                cluster.now_ticks, cluster.broken_text);
        result = RESULT_INVARIANT;
    }
    if (result == RESULT_OK) {
        cluster_end(&cluster);
        totals->operations += cluster.history.count;
        /* Where data was lost, answers may contradict what was answered before. */
        result = cluster.counts.lost_parts > 0 ? RESULT_OK : judge_run(&cluster, totals, ending == ENDING_DONE);
    }
    if (result != RESULT_OK) {
        cluster_describe(&cluster, stderr);
    }
    for (uint32_t rank = 0; rank < cluster.config.rank_count; rank++) {
        totals->retries += cluster.peers[rank].client.retry_total;
    }
    totals->events += cluster.event_count;
    totals->waited += waited;
    totals->fill_permille =
        cluster.fill_permille > totals->fill_permille ? cluster.fill_permille : totals->fill_permille;
    totals->beyond += ending == ENDING_BEYOND;
    cluster_counts_add(&totals->counts, &cluster.counts);
    invariants_clear(&invariants);
    cluster_clear(&cluster);
    return result;
}

static int usage(void) {
    fprintf(stderr, "usage: sim [--calm] --seeds FIRST COUNT | sim [--calm] --seed S [--trace]\n");
    return RESULT_USAGE;
}

static bool read_number(const char *text, uint64_t *number) {
    char *end;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

int main(int argc, char **argv) {
    uint64_t first = 0;
    uint64_t count = 1;
    const bool is_calm = argc > 1 && strcmp(argv[1], "--calm") == 0;
    argc -= is_calm;
    argv += is_calm;
    const bool several = argc == 4 && strcmp(argv[1], "--seeds") == 0;
    const bool one = argc >= 3 && strcmp(argv[1], "--seed") == 0;
    const bool traced = one && argc == 4 && strcmp(argv[3], "--trace") == 0;
    if ((!several && !(one && (argc == 3 || traced))) || !read_number(argv[2], &first) ||
        (several && !read_number(argv[3], &count)) || count == 0) {
        return usage();
    }
    chord_check_set_hook(check_failed);
    printf("first seed: %" PRIu64 "\n", first);
    fflush(stdout);
    struct totals totals = {0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        const enum result result = run(seed, !is_calm, traced ? stdout : NULL, &totals);
        if (result != RESULT_OK) {
            fprintf(stderr, "see it again: sim%s --seed %" PRIu64 " --trace\n", is_calm ? " --calm" : "", seed);
            return (int)result;
        }
    }
    printf("%" PRIu64 " seeds right: %" PRIu64 " events, %" PRIu64 " operations, %" PRIu64
           " requests sent again, %" PRIu64 " stale reads in eventual rings, requests waited in %" PRIu64 " runs\n",
           count, totals.events, totals.operations, totals.retries, totals.stale_reads, totals.waited);
    printf("%" PRIu64 " view changes, %" PRIu64 " of them interrupted: %" PRIu64 " joins, %" PRIu64 " departs, %" PRIu64
           " exclusions, %" PRIu64 " departures cancelled; %" PRIu64 " commands refused\n",
           totals.counts.changes, totals.counts.interrupted_changes, totals.counts.joins, totals.counts.departs,
           totals.counts.exclusions, totals.counts.cancelled_departures, totals.counts.refusals);
    printf("faults survived: %" PRIu64 " crashes, %" PRIu64 " ranks silent for good, %" PRIu64 " pauses, %" PRIu64
           " stalled channels; %" PRIu64 " crashes left out\n",
           totals.counts.faults[FAULT_CRASH], totals.counts.faults[FAULT_SILENCE], totals.counts.faults[FAULT_PAUSE],
           totals.counts.faults[FAULT_STALL], totals.counts.spared);
    printf("%" PRIu64 " suspicions, %" PRIu64 " of them false; %" PRIu64 " ranks came back; %" PRIu64
           " operations unknown, %" PRIu64 " not issued; %" PRIu64 " parts lost where that is allowed; %" PRIu64
           " runs beyond help\n",
           totals.counts.suspicions, totals.counts.false_suspicions, totals.counts.returns, totals.counts.unknown,
           totals.counts.not_issued, totals.counts.lost_parts, totals.beyond);
    printf("location caches in %" PRIu64 " runs, lies in those of %" PRIu64 ": %" PRIu64
           " operations took a shortcut, %" PRIu64 " to the wrong node; %" PRIu64
           " requests went round in circles, %" PRIu64 " of them in these runs\n",
           totals.counts.cached, totals.counts.lied, totals.counts.shortcuts, totals.counts.stale_shortcuts,
           totals.counts.circles, totals.counts.cached_circles);
    printf("%" PRIu64 " messages in fragments, of %" PRIu64 " only the first of them came; queues bounded in %" PRIu64
           " runs, the fullest at %" PRIu64 ".%" PRIu64 " %% of its bound\n",
           totals.counts.cut, totals.counts.torn, totals.counts.bounded, totals.fill_permille / 10,
           totals.fill_permille % 10);
    printf("falsified, and found by T2:");
    bool all_found = true;
    for (int kind = 0; kind < FORGE_KIND_COUNT; kind++) {
        printf("%s %s in %" PRIu64 " runs", kind == 0 ? "" : ",", forge_text((enum forge_kind)kind),
               totals.found_forgeries[kind]);
        all_found &= totals.found_forgeries[kind] > 0;
    }
    printf("\n");
    /* Among a hundred runs there is a place for each. */
    all_found &= totals.counts.stale_shortcuts > 0 && totals.counts.shortcuts > totals.counts.stale_shortcuts;
    all_found &= totals.counts.cut > 0 && totals.counts.bounded > 0 && (is_calm || totals.counts.torn > 0);
    return count < 100 || all_found ? RESULT_OK : RESULT_HISTORY;
}
