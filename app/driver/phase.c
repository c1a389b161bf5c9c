/* One phase: it is loaded, run, measured and judged; what the schedule says happens meanwhile. */
#include "app/driver/driver_state.h"
#include "app/driver/expect.h"
#include "app/mpi/monotime.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- loading --- */

static enum exit_status load(struct driver *driver, const struct driver_file *file, struct result_phase *phase,
                             char *message) {
    const struct options *options = driver->setup.options;
    struct loader_plan plan = {.path = phase->file,
                               .type = (enum workload_type)phase->type,
                               .mode = file->mode,
                               .via = options->via,
                               .virtual_node_count = driver->setup.config->virtual_node_count,
                               .seed = options->seed,
                               .stream = file->stream};
    char error[WORKLOAD_ERROR_SIZE];
    legacy_begin(&driver->legacy, &plan);
    const enum loader_result loaded = loader_load(&driver->commander, &plan, driver->legacy.loaded, error);
    for (uint32_t rank = 0; rank < driver->commander.rank_count; rank++) {
        phase->operation_count += driver->legacy.loaded[rank];
    }
    switch (loaded) {
    case LOADER_OK:
        break;
    case LOADER_FAILED:
        snprintf(message, RESULT_TEXT_SIZE, "%.500s", error);
        return EXIT_FAILED;
    case LOADER_STUCK:
        return EXIT_TIMED_OUT;
    }
    if (phase->operation_count != file->survey->operation_count) {
        snprintf(message, RESULT_TEXT_SIZE, "'%s' was changed while the run was reading it", phase->file);
        return EXIT_FAILED;
    }
    return EXIT_VALID;
}

/* The ranks make their operations themselves. */
static enum exit_status prepare(struct driver *driver, const struct driver_file *file) {
    struct loader_plan plan = {.path = NULL};
    legacy_begin(&driver->legacy, &plan);
    return bench_load(driver->bench, driver, file, driver->legacy.loaded) ? EXIT_VALID : EXIT_TIMED_OUT;
}

/* --- what happens to the ring while a phase runs --- */

const char *driver_crash(struct driver *driver, uint32_t rank, const struct crash *crash, const char *trigger) {
    const char *refusal = faults_refusal(&driver->faults, rank);
    if (refusal == NULL) {
        const struct control_fault fault = {.kind = crash->kind, .pause_ns = crash->pause_ns};
        const uint64_t now_ns = driver->setup.runtime->now_ns;
        commander_order(&driver->commander, rank, COMMAND_FAULT, &fault, sizeof fault);
        faults_inject(&driver->faults, rank, crash, now_ns, trigger);
        if (crash->kind == CRASH_PAUSE) {
            presence_pause(&driver->presence, rank, now_ns + crash->pause_ns);
        } else {
            presence_doom(&driver->presence, rank);
        }
    }
    return refusal;
}

static void refuse_event(struct driver *driver, const struct schedule_event *event, uint64_t now_ns, const char *reason) {
    if (event->what == SCHEDULE_CRASH) {
        faults_refuse(&driver->faults, event->address.rank, &event->crash, now_ns, event->text, reason);
    } else {
        changes_refuse(&driver->changes, event, now_ns - driver->events.start_ns, reason);
    }
}

static void fire_events(struct driver *driver) {
    const uint64_t now_ns = driver->setup.runtime->now_ns;
    const struct schedule_event *event;
    while ((event = events_next_due(&driver->events, now_ns)) != NULL) {
        if (event->what != SCHEDULE_CRASH) {
            changes_ask(&driver->changes, event, now_ns);
            continue;
        }
        const char *refusal = driver_crash(driver, event->address.rank, &event->crash, event->text);
        if (refusal != NULL) {
            refuse_event(driver, event, now_ns, refusal);
        }
    }
}

/* A rank's segment is over. It is over for all when it is full for one: nobody waits for the slowest. */
static void on_segment(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct driver *driver = context;
    struct commander *commander = &driver->commander;
    struct control_segment segment;
    chord_check(size == sizeof segment);
    memcpy(&segment, bytes, sizeof segment);
    driver->legacy.issued[from_rank] = segment.issued_count;
    if (segment.left_count == 0) {
        return;
    }
    for (uint32_t rank = 0; rank < commander->rank_count && !driver->goes_on; rank++) {
        if (commander_awaits(commander, rank) && !commander->is_lost[rank]) {
            commander_order(commander, rank, COMMAND_HALT, NULL, 0);
        }
    }
    driver->goes_on = true;
}

/* Waits until every operation of the segment is answered; what the schedule says happens meanwhile. */
static bool run_operations(struct driver *driver, const char *what, const struct control_run *command) {
    struct commander *commander = &driver->commander;
    driver->goes_on = false;
    events_start(&driver->events, command->start_ns);
    changes_start(&driver->changes, command->start_ns);
    faults_start(&driver->faults, command->start_ns);
    commander_begin(commander, what, on_segment, driver);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        commander_tell(commander, rank, COMMAND_RUN, command, sizeof *command);
    }
    while (commander->missing_count > 0) {
        fire_events(driver);
        if (!commander_turn(commander)) {
            return false;
        }
    }
    return commander_wait(commander); /* which ends the line of progress */
}

/* --- what faults did --- */

/* What lost ranks that are in the ring for good alone had is lost. */
static void note_losses(struct driver *driver) {
    const struct chord_coordinator *coordinator = &driver->setup.runtime->peer.coordinator;
    for (uint32_t i = 0; i < coordinator->parts.count && driver_is_beyond_help(driver); i++) {
        const struct chord_part *part = &coordinator->parts.items[i];
        for (uint32_t h = 0; h < part->holder_count; h++) {
            const struct chord_member *member = &part->holders[h].member;
            if (part->holders[h].complete && presence_is_lost(&driver->presence, member->address.rank) &&
                !chord_part_survives(part, member)) {
                const struct chord_notice notice = {
                    .kind = CHORD_NOTICE_LOST,
                    .loss = {.start = part->start, .end = part->end, .holder = *member}};
                faults_notice(&driver->faults, &notice);
            }
        }
    }
}

/* One window a fault of the phase; a refused one's is empty. Owned by the caller. */
static struct impact_window *list_windows(const struct driver *driver, uint64_t end_ns) {
    const struct faults *faults = &driver->faults;
    struct impact_window *windows = calloc(faults->count + 1, sizeof *windows);
    chord_check(windows != NULL);
    for (size_t i = 0; i < faults->count; i++) {
        if (!faults->items[i].refused) {
            windows[i] = faults_window(faults, i, end_ns);
        }
    }
    return windows;
}

static void on_impact(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    chord_check(size == driver->faults.count * sizeof(struct impact));
    for (size_t i = 0; i < driver->faults.count; i++) {
        struct impact impact;
        memcpy(&impact, bytes + i * sizeof impact, sizeof impact);
        impact_merge(&driver->faults.items[i].impact, &impact);
    }
}

/* Of a rank that doesn't answer any more, as far as its history is within reach. */
static void add_evidence(struct driver *driver, uint32_t rank, const struct impact_window *windows) {
    struct history history = {0};
    char error[HISTORY_MAPPED_ERROR_SIZE];
    if (evidence_read(driver->setup.evidence, rank, &history, error)) {
        size_t first = 0;
        while (first < history.count && legacy_is_judged(&driver->legacy, &history.records[first])) {
            first++; /* it was counted with an earlier segment */
        }
        for (size_t i = 0; i < driver->faults.count; i++) {
            impact_add(&driver->faults.items[i].impact, history.records + first, history.count - first, &windows[i]);
        }
    }
    history_free(&history);
}

/* The ring is quiet; the timed part ended at this time of rank 0's clock. */
static bool measure_impacts(struct driver *driver, uint64_t end_ns) {
    struct commander *commander = &driver->commander;
    if (driver->faults.count == 0) {
        return true;
    }
    struct impact_window *windows = list_windows(driver, end_ns);
    commander_begin(commander, "asking what the faults did to operations", on_impact, driver);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        if (!commander->is_lost[rank]) {
            commander_tell(commander, rank, COMMAND_IMPACT, windows, driver->faults.count * sizeof *windows);
        } else {
            add_evidence(driver, rank, windows);
        }
    }
    const bool told = commander_wait(commander);
    free(windows);
    return told;
}

/* --- judging --- */

static void on_forged(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    chord_check(size == sizeof driver->forged);
    memcpy(&driver->forged, bytes, size);
}

/* Negative control: falsifies one thing on the first rank that has one of the kind. */
static bool forge(struct driver *driver) {
    const uint32_t kind = driver->setup.options->forge;
    driver->forged = 0;
    for (uint32_t rank = 0; kind != OPTIONS_FORGE_NONE && driver->forged == 0 && rank < driver->commander.rank_count;
         rank++) {
        commander_begin(&driver->commander, "falsifying an answer", on_forged, driver);
        commander_tell(&driver->commander, rank, COMMAND_FORGE, &kind, sizeof kind);
        if (!commander_wait(&driver->commander)) {
            return false;
        }
    }
    return true;
}

/* When quiet every node must take itself for what the coordinator takes it for. */
static void compare_views(const struct driver *driver, struct result_verdict *verdict) {
    for (uint32_t i = 0; i < driver->node_count && verdict->wrong_count == 0; i++) {
        const struct result_node *node = &driver->nodes[i];
        const struct ring_node *known = ring_find(&driver->ring, node->member.address);
        if (known == NULL || known->is_member == node->is_spare ||
            (known->is_member && known->member.incarnation != node->member.incarnation)) {
            char name[DRIVER_NAME_SIZE];
            verdict->wrong_count = 1;
            verdict->valid = false;
            snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
                     "%s takes itself for a %s (incarnation %u), the coordinator for a %s",
                     driver_name_node(driver, node->member.address, name), node->is_spare ? "spare" : "member",
                     node->member.incarnation, node->is_spare ? "member" : "spare, or for another incarnation");
        }
    }
}

/* Of a segment that another one follows: the answers alone. */
static bool judge_answers(struct driver *driver, bool has_model, struct result_verdict *verdict) {
    driver->validator.mode = has_model ? OPTIONS_MODE_SERIAL : OPTIONS_MODE_PARALLEL;
    return forge(driver) && validator_judge_answers(&driver->validator, verdict);
}

bool driver_judge(struct driver *driver, bool has_model, struct result_verdict *verdict) {
    driver->validator.mode = has_model ? OPTIONS_MODE_SERIAL : OPTIONS_MODE_PARALLEL;
    driver->validator.nodes = driver->ring.members;
    driver->validator.node_count = driver->ring.member_count;
    if (!forge(driver) || !validator_judge(&driver->validator, verdict) || !driver_gather_nodes(driver)) {
        return false;
    }
    compare_views(driver, verdict);
    /* At the prompt nobody knows what follows; a run keeps what judges know itself, if it goes on. */
    return driver->setup.options->command != OPTIONS_COMMAND_SHELL || legacy_keep(&driver->legacy);
}

/* What the clients of lost ranks did counts with the rest; how long it took them nobody has told. */
static void add_lost_counts(const struct driver *driver, struct result_phase *phase) {
    const struct legacy_counts *counts = &driver->validator.lost_counts;
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
            phase->metrics.outcomes[kind][outcome] += counts->outcomes[kind][outcome];
        }
    }
    phase->not_issued_count += counts->not_issued;
}

/* Operations that ended, in whatever way. */
static uint64_t count_ended(const struct result_phase *phase) {
    uint64_t count = 0;
    for (unsigned kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        for (unsigned outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
            count += phase->metrics.outcomes[kind][outcome];
        }
    }
    return count;
}

/* --- segments --- */

/* The ring is quiet: everything that rank 0 must ask for, of the segment and, after the last one, of the phase. asked: changes
 * were to come. */
static bool gather_figures(struct driver *driver, bool asked, uint64_t end_ns) {
    struct changes *changes = &driver->changes;
    driver->phase->cache_use.entry_count = 0; /* what there is now, not a count of what happened */
    return driver_ask(driver, "gathering the counts", COMMAND_METRICS, NULL, 0, driver_on_metrics) &&
           (driver->goes_on || (!asked && !changes_any(changes)) ||
            changes_count_keys(changes, &driver->commander, true)) &&
           measure_impacts(driver, end_ns);
}

/* The verdict on all segments so far. The first wrong answer is told. */
static void add_verdict(struct result_phase *phase, const struct result_verdict *verdict) {
    struct result_verdict sum = *verdict;
    sum.judged = phase->verdict.judged;
    judge_verdict_merge(&sum.judged, &verdict->judged);
    sum.checked_by_model_count += phase->verdict.checked_by_model_count;
    sum.wrong_count += phase->verdict.wrong_count;
    sum.valid = verdict->valid && phase->verdict.wrong_count == 0;
    if (phase->verdict.wrong_count > 0) {
        memcpy(sum.first_wrong, phase->verdict.first_wrong, sizeof sum.first_wrong);
    } else if (verdict->wrong_count > 0 && phase->segment_count > 1) {
        const size_t length = strlen(sum.first_wrong);
        (void)snprintf(sum.first_wrong + length, sizeof sum.first_wrong - length, " (segment %" PRIu64 ")",
                       phase->segment_count);
    }
    phase->verdict = sum;
}

/* One segment's answers, and after the last one the copies. Then nobody needs its records any more. */
static enum exit_status judge_segment_of(struct driver *driver, const struct driver_file *file, char *message) {
    struct result_phase *phase = driver->phase;
    struct result_verdict verdict;
    const uint64_t start_ns = monotime_now_ns();
    const bool judged = driver->goes_on ? judge_answers(driver, file->has_model, &verdict)
                                        : driver_judge(driver, file->has_model, &verdict);
    if (!judged) {
        return EXIT_TIMED_OUT;
    }
    phase->judging_ns += monotime_now_ns() - start_ns;
    add_verdict(phase, &verdict);
    add_lost_counts(driver, phase);
    if (driver->archive != NULL) {
        const enum exit_status status = archive_phase(driver->archive, &driver->legacy, file->round, file->turn, message);
        if (status != EXIT_VALID) {
            return status;
        }
    }
    legacy_pass(&driver->legacy);
    /* A rank may die in the next segment: what its judge knows must not. */
    const bool keeps = driver->goes_on && driver->setup.config->heartbeat_ticks > 0;
    return !keeps || legacy_keep(&driver->legacy) ? EXIT_VALID : EXIT_TIMED_OUT;
}

/* One segment after the other, each judged while the timer stands still. */
static enum exit_status run_segments(struct driver *driver, const struct driver_file *file, bool will_change, char *message) {
    static const char *const names[] = {"running the insert phase", "running the query phase",
                                        "running the delete phase", "running the mix phase"};
    struct result_phase *phase = driver->phase;
    enum exit_status status = EXIT_VALID;
    do {
        const uint64_t start_ns = monotime_now_ns();
        const struct control_run command = {.start_ns = start_ns - phase->elapsed_ns,
                                            .tells_answered = events_need_answered(&driver->events),
                                            .goes_on = phase->segment_count > 0,
                                            .keeps_answers = driver->setup.options->history != NULL};
        phase->segment_count++;
        if (!run_operations(driver, names[phase->type], &command)) {
            return EXIT_TIMED_OUT;
        }
        const uint64_t end_ns = monotime_now_ns();
        phase->elapsed_ns += end_ns - start_ns;
        driver->events.fires = false;
        const struct schedule_event *left;
        while (!driver->goes_on && (left = events_next_left(&driver->events)) != NULL) {
            refuse_event(driver, left, end_ns, "the phase was over");
        }
        if (!driver_quiesce(driver) || !gather_figures(driver, will_change, end_ns)) {
            return EXIT_TIMED_OUT;
        }
        note_losses(driver);
        if (driver->faults.loss_count > 0) {
            break; /* what is gone can't be asked for: whatever the answers were, what was measured means nothing */
        }
        status = judge_segment_of(driver, file, message);
    } while (status == EXIT_VALID && driver->goes_on);
    return status;
}

static enum exit_status measure(struct driver *driver, const struct driver_file *file, char *message) {
    struct result_phase *phase = driver->phase;
    struct changes *changes = &driver->changes;
    const bool will_change = events_begin(&driver->events, phase->index);
    changes_begin(changes);
    if (will_change && !changes_count_keys(changes, &driver->commander, false)) {
        return EXIT_TIMED_OUT;
    }
    const enum exit_status status = run_segments(driver, file, will_change, message);
    if (status == EXIT_VALID) {
        changes_measure(changes, phase);
        faults_measure(&driver->faults, phase);
    }
    return status;
}

/* --- one phase --- */

/* Of the operations, those that any node which holds the key may have answered. */
static double early_share(const struct driver *driver, const struct result_phase *phase) {
    if (driver->setup.config->consistency != CHORD_EVENTUAL) {
        return 0.0;
    }
    const uint64_t ended = count_ended(phase);
    return ended == 0 ? 0.0 : (double)phase->metrics.outcomes[CHORD_QUERY][CHORD_FOUND] / (double)ended;
}

static void expect_hops(struct driver *driver, struct result_phase *phase) {
    const struct driver_setup *setup = &driver->setup;
    const bool changed = changes_any(&driver->changes);
    expect_phase(&driver->ring, setup->config, setup->options, driver->nodes, driver->node_count,
                 early_share(driver, phase), changed, &phase->expected);
    setup->run->ideal_owner_hops = changed || setup->options->routing != CHORD_ROUTING_FINGER || setup->options->cache > 0
                                       ? 0.0
                                       : expectation_ideal_mean(driver->ring.member_count);
}

enum exit_status driver_run_file(struct driver *driver, const struct driver_file *file,
                                 const struct result_phase **out, char *message) {
    struct result_phase *phase = driver->phase;
    *out = phase;
    memset(phase, 0, sizeof *phase);
    phase->index = file->index;
    phase->type = file->type;
    phase->file = file->path;
    memcpy(phase->file_sha256, file->survey->sha256, sizeof phase->file_sha256);
    phase->file_bytes = file->survey->file_size;
    phase->repetition = file->repetition;
    faults_begin(&driver->faults);
    if (!driver_begin(driver)) {
        return EXIT_TIMED_OUT;
    }
    enum exit_status status = file->generates ? prepare(driver, file) : load(driver, file, phase, message);
    if (status == EXIT_VALID) {
        status = measure(driver, file, message);
    }
    if (status != EXIT_VALID) {
        return status;
    }
    if (file->generates && !bench_gather(driver->bench, driver, phase)) {
        return EXIT_TIMED_OUT;
    }
    if (!driver_gather_ranks(driver)) {
        return EXIT_TIMED_OUT;
    }
    if (file->generates) {
        bench_judge(driver->bench, driver, &phase->verdict);
        phase->operation_count = count_ended(phase) + phase->not_issued_count; /* known only now */
    }
    expect_hops(driver, phase);
    phase->nodes = driver->nodes;
    phase->node_count = driver->node_count;
    phase->ranks = driver->ranks;
    phase->rank_count = driver->commander.rank_count;
    return EXIT_VALID;
}
