#include "app/driver/steps.h"

#include "app/driver/driver_state.h"
#include "app/driver/expect.h"
#include "app/mpi/monotime.h"
#include "chord/base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NODE_NAME_SIZE 32u
/* How long a ring that can't heal is waited for all the same. */
#define BEYOND_HELP_NS UINT64_C(2000000000)

void driver_tell_stuck(const struct driver *driver, enum exit_status status, char *message) {
    if (status == EXIT_TIMED_OUT && message[0] == '\0') {
        snprintf(message, RESULT_TEXT_SIZE, "no progress for %u s while %s", driver->setup.options->timeout_seconds,
                 driver->commander.what);
    }
}

/* --- quiescence: two equal global sums of sent and received messages, one after the other ---
 *
 * What was on its way to or from a rank that has been out may have been discarded: such channels are left out of the sums, and
 * all that is known of them is that both ends are quiet twice. */

static void on_state(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    struct control_state state;
    chord_check(size == sizeof state);
    memcpy(&state, bytes, sizeof state);
    driver->sent_sum += state.sent_count;
    driver->received_sum += state.received_count;
    driver->progress_sum += state.progress_count;
    driver->all_quiet &= state.quiet != 0;
}

/* A lost rank is in the ring for good, since it alone had the data of some part of it (C8). */
static bool is_beyond_help(const struct driver *driver) {
    for (uint32_t rank = 0; rank < driver->commander.rank_count; rank++) {
        if (presence_is_lost(&driver->presence, rank) && ring_rank_member_count(&driver->ring, rank) > 0) {
            return true;
        }
    }
    return false;
}

bool driver_quiesce(struct driver *driver) {
    uint64_t settled = UINT64_MAX; /* messages sent and received, at the last look that found them equal */
    uint64_t moved_sum = UINT64_MAX;
    uint64_t moved_ns = driver->setup.runtime->now_ns;
    for (;;) {
        driver->sent_sum = 0;
        driver->received_sum = 0;
        driver->progress_sum = 0;
        driver->all_quiet = true;
        if (!driver_ask(driver, "waiting until the ring is quiet", COMMAND_STATE, driver->has_been_shut,
                        driver->commander.rank_count * sizeof *driver->has_been_shut, on_state)) {
            return false;
        }
        const bool equal = driver->sent_sum == driver->received_sum;
        if (equal && driver->all_quiet && settled == driver->sent_sum && driver->progress_sum == moved_sum) {
            return true;
        }
        settled = equal ? driver->sent_sum : UINT64_MAX;
        /* The replies to this question are no progress. */
        if (driver->progress_sum != moved_sum) {
            moved_sum = driver->progress_sum;
            moved_ns = driver->setup.runtime->now_ns;
        } else if (is_beyond_help(driver) && driver->setup.runtime->now_ns - moved_ns > BEYOND_HELP_NS) {
            return true;
        } else if (driver->setup.runtime->now_ns - moved_ns > driver->commander.timeout_ns) {
            commander_give_up(&driver->commander);
            return false;
        }
    }
}

/* What lost ranks that are in the ring for good alone had is lost. */
static void note_losses(struct driver *driver) {
    const struct chord_coordinator *coordinator = &driver->setup.runtime->peer.coordinator;
    for (uint32_t i = 0; i < coordinator->parts.count && is_beyond_help(driver); i++) {
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

/* --- forming the ring --- */

static int compare_nodes(const void *a, const void *b) {
    return chord_id_compare(((const struct result_node *)a)->member.id, ((const struct result_node *)b)->member.id);
}

static void on_nodes(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    memcpy(driver->nodes + driver->node_count, bytes, size);
    driver->node_count += (uint32_t)(size / sizeof *driver->nodes);
}

static bool gather_nodes(struct driver *driver) {
    driver->node_count = 0;
    if (!driver_ask(driver, "gathering the nodes' counts", COMMAND_NODES, NULL, 0, on_nodes)) {
        return false;
    }
    qsort(driver->nodes, driver->node_count, sizeof *driver->nodes, compare_nodes);
    return true;
}

/* The ring as it was formed, from the notice and the ids of all nodes. */
static void note_ring(struct driver *driver) {
    struct chord_member *nodes = calloc(driver->node_count, sizeof *nodes);
    chord_check(nodes != NULL && driver->node_count == driver->ring.node_count);
    for (uint32_t i = 0; i < driver->node_count; i++) {
        nodes[i] = driver->nodes[i].member;
    }
    ring_form(&driver->ring, nodes, driver->setup.config->initial_rank_count);
    free(nodes);
}

/* "rank 3", or "node 3#1" where ranks have several. */
static const char *name_node(const struct driver *driver, struct chord_address address, char text[NODE_NAME_SIZE]) {
    if (driver->setup.config->virtual_node_count == 1) {
        snprintf(text, NODE_NAME_SIZE, "rank %u", address.rank);
    } else {
        snprintf(text, NODE_NAME_SIZE, "node %u#%u", address.rank, address.virtual_node);
    }
    return text;
}

static enum exit_status fail_twins(const struct driver *driver, char *message) {
    const unsigned bits = driver->setup.config->id_bits;
    char id[CHORD_ID_TEXT_SIZE], first[NODE_NAME_SIZE], second[NODE_NAME_SIZE];
    snprintf(message, RESULT_TEXT_SIZE,
             "%s and %s have one id, %s, on a ring of %u bits: give every %s its own with --node-ids FILE, or "
             "use more bits (--id-bits)",
             name_node(driver, driver->twins.first.address, first),
             name_node(driver, driver->twins.second.address, second),
             chord_id_format(driver->twins.first.id, bits, id), bits,
             driver->setup.config->virtual_node_count == 1 ? "rank" : "node");
    return EXIT_USAGE;
}

/* A repetition begins with new nodes, whose incarnations follow those that were there before. */
static uint32_t next_incarnation(const struct driver *driver) {
    uint32_t last = 0;
    for (uint32_t i = 0; i < driver->node_count; i++) {
        last = driver->nodes[i].member.incarnation > last ? driver->nodes[i].member.incarnation : last;
    }
    return last + 1;
}

enum exit_status driver_form(struct driver *driver, char *message) {
    const struct control_reset reset = {.incarnation = next_incarnation(driver)};
    driver->formed = false;
    driver->has_twins = false;
    validator_reset(&driver->validator);
    if (!driver_ask(driver, "making the nodes", COMMAND_RESET, &reset, sizeof reset, NULL)) {
        return EXIT_TIMED_OUT;
    }
    struct result_run *run = driver->setup.run;
    const uint64_t start_ns = driver->setup.runtime->now_ns;
    const uint64_t sent_before = driver->sent_sum;
    if (!driver_ask(driver, "forming the ring", COMMAND_FORM, NULL, 0, NULL)) {
        return EXIT_TIMED_OUT;
    }
    commander_begin(&driver->commander, "forming the ring", NULL, NULL);
    while (!driver->formed && !driver->has_twins) {
        if (!commander_turn(&driver->commander)) {
            return EXIT_TIMED_OUT;
        }
    }
    if (driver->has_twins) {
        return fail_twins(driver, message);
    }
    if (!driver_quiesce(driver)) {
        return EXIT_TIMED_OUT;
    }
    run->formation_ns = driver->setup.runtime->now_ns - start_ns;
    run->formation_messages = driver->sent_sum - sent_before;
    if (!gather_nodes(driver)) {
        return EXIT_TIMED_OUT;
    }
    note_ring(driver);
    legacy_reset(&driver->legacy);
    return driver_gather_ranks(driver) ? EXIT_VALID : EXIT_TIMED_OUT;
}

/* --- the ranks, and what nodes are called --- */

static void on_rank(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct driver *driver = context;
    chord_check(size == sizeof *driver->ranks);
    memcpy(&driver->ranks[from_rank], bytes, size);
}

bool driver_gather_ranks(struct driver *driver) {
    return driver_ask(driver, "gathering the ranks' counts", COMMAND_RANK, NULL, 0, on_rank);
}

bool is_process_gone(const struct driver *driver, uint32_t rank) {
    const struct result_rank *here = &driver->ranks[0];
    const struct result_rank *there = &driver->ranks[rank];
    return there->process_id > 0 && strcmp(here->host, there->host) == 0 && kill((pid_t)there->process_id, 0) != 0 &&
           errno == ESRCH;
}

static void on_metrics(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    struct control_ran *ran = malloc(sizeof *ran);
    chord_check(ran != NULL && size == sizeof *ran);
    memcpy(ran, bytes, sizeof *ran);
    metrics_merge(&driver->phase->metrics, &ran->metrics);
    traffic_merge(&driver->phase->traffic, &ran->traffic);
    timeline_merge(&driver->phase->timeline, &ran->timeline);
    driver->phase->not_issued_count += ran->not_issued_count;
    free(ran);
}

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

/* Waits until every operation is answered; what the schedule says happens meanwhile. */
static bool run_operations(struct driver *driver, const char *what, const struct control_run *command) {
    struct commander *commander = &driver->commander;
    events_start(&driver->events, command->start_ns);
    changes_start(&driver->changes, command->start_ns);
    commander_begin(commander, what, NULL, driver);
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

/* --- what faults did to operations --- */

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
        for (size_t i = 0; i < driver->faults.count; i++) {
            impact_add(&driver->faults.items[i].impact, history.records, history.count, &windows[i]);
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

/* --- one phase --- */

/* The ring is quiet: everything that rank 0 must ask for. asked: changes were to come. */
static bool gather_figures(struct driver *driver, bool asked, uint64_t end_ns) {
    struct changes *changes = &driver->changes;
    return driver_ask(driver, "gathering the counts", COMMAND_METRICS, NULL, 0, on_metrics) &&
           ((!asked && !changes_any(changes)) || changes_count_keys(changes, &driver->commander, true)) &&
           measure_impacts(driver, end_ns);
}

static enum exit_status measure(struct driver *driver, struct result_phase *phase) {
    static const char *const names[] = {"running the insert phase", "running the query phase",
                                        "running the delete phase", "running the mix phase"};
    struct changes *changes = &driver->changes;
    const bool will_change = events_begin(&driver->events, phase->index);
    changes_begin(changes);
    if (will_change && !changes_count_keys(changes, &driver->commander, false)) {
        return EXIT_TIMED_OUT;
    }
    const struct control_run command = {.start_ns = monotime_now_ns(),
                                        .tells_answered = events_need_answered(&driver->events),
                                        .keeps_answers = driver->setup.options->history != NULL};
    if (!run_operations(driver, names[phase->type], &command)) {
        return EXIT_TIMED_OUT;
    }
    const uint64_t end_ns = monotime_now_ns();
    phase->elapsed_ns = end_ns - command.start_ns;
    const struct schedule_event *left;
    while ((left = events_next_left(&driver->events)) != NULL) {
        refuse_event(driver, left, end_ns, "the phase was over");
    }
    if (!driver_quiesce(driver) || !gather_figures(driver, will_change, end_ns)) {
        return EXIT_TIMED_OUT;
    }
    note_losses(driver);
    changes_measure(changes, phase);
    faults_measure(&driver->faults, phase, command.start_ns);
    return EXIT_VALID;
}

/* When quiet every node must take itself for what the coordinator takes it for. */
static void compare_views(const struct driver *driver, struct result_verdict *verdict) {
    for (uint32_t i = 0; i < driver->node_count && verdict->wrong_count == 0; i++) {
        const struct result_node *node = &driver->nodes[i];
        const struct ring_node *known = ring_find(&driver->ring, node->member.address);
        if (known == NULL || known->is_member == node->is_spare ||
            (known->is_member && known->member.incarnation != node->member.incarnation)) {
            char name[NODE_NAME_SIZE];
            verdict->wrong_count = 1;
            verdict->valid = false;
            snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
                     "%s takes itself for a %s (incarnation %u), the coordinator for a %s",
                     name_node(driver, node->member.address, name), node->is_spare ? "spare" : "member",
                     node->member.incarnation, node->is_spare ? "member" : "spare, or for another incarnation");
        }
    }
}

bool driver_judge(struct driver *driver, bool has_model, struct result_verdict *verdict) {
    driver->validator.mode = has_model ? OPTIONS_MODE_SERIAL : OPTIONS_MODE_PARALLEL;
    driver->validator.nodes = driver->ring.members;
    driver->validator.node_count = driver->ring.member_count;
    if (!forge(driver) || !validator_judge(&driver->validator, verdict) || !gather_nodes(driver)) {
        return false;
    }
    compare_views(driver, verdict);
    return true;
}

static void expect_hops(struct driver *driver, struct result_phase *phase) {
    const struct driver_setup *setup = &driver->setup;
    const bool changed = changes_any(&driver->changes);
    expect_phase(&driver->ring, setup->config, setup->options, driver->nodes, driver->node_count, phase->type, changed,
                 &phase->expected);
    setup->run->ideal_owner_hops = changed || setup->options->routing != CHORD_ROUTING_FINGER
                                       ? 0.0
                                       : expectation_ideal_mean(driver->ring.member_count);
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
    enum exit_status status = load(driver, file, phase, message);
    if (status == EXIT_VALID) {
        status = measure(driver, phase);
    }
    if (status != EXIT_VALID) {
        return status;
    }
    /* What is gone can't be asked for: whatever the answers were, what was measured means nothing. */
    if (phase->loss_count == 0 && !driver_judge(driver, file->has_model, &phase->verdict)) {
        return EXIT_TIMED_OUT;
    }
    if (!driver_gather_ranks(driver)) {
        return EXIT_TIMED_OUT;
    }
    add_lost_counts(driver, phase);
    expect_hops(driver, phase);
    phase->nodes = driver->nodes;
    phase->node_count = driver->node_count;
    phase->ranks = driver->ranks;
    phase->rank_count = driver->commander.rank_count;
    return EXIT_VALID;
}

struct commander *driver_commander(struct driver *driver) {
    return &driver->commander;
}

const struct driver_setup *driver_setup_of(const struct driver *driver) {
    return &driver->setup;
}

const struct ring *driver_ring(const struct driver *driver) {
    return &driver->ring;
}

const struct result_rank *driver_ranks(const struct driver *driver) {
    return driver->ranks;
}

enum membership_result driver_change(struct driver *driver, enum chord_command what, struct chord_address node,
                                     const struct membership **cost, const char **reason) {
    *cost = &driver->membership;
    changes_forget(&driver->changes); /* those of the last file are told, and those between files nobody asks for */
    /* Eventual copies may still be on their way: what would be moved would be a matter of luck. */
    if (!driver_quiesce(driver)) {
        return MEMBERSHIP_STUCK;
    }
    const enum membership_result result =
        membership_change(&driver->membership, &driver->commander, what, node,
                          driver->setup.config->virtual_node_count, reason);
    /* Routing is ideal, but a node that only its successor list tells of the change may not have it yet. */
    return result == MEMBERSHIP_CHANGED && !driver_quiesce(driver) ? MEMBERSHIP_STUCK : result;
}

/* Whether nothing more is to be waited for. */
static bool is_got_over(const struct driver *driver, const struct result_fault *fault, uint64_t now_ns) {
    const uint64_t suspicion_ns = driver->setup.config->suspicion_ticks;
    const uint64_t away_ns = now_ns - fault->injected_ns;
    if (fault->committed_ns != RESULT_NEVER) {
        return true;
    }
    if (driver->setup.config->heartbeat_ticks == 0 || ring_rank_member_count(&driver->ring, fault->rank) == 0) {
        return away_ns >= fault->crash.pause_ns; /* nobody will be left out */
    }
    const bool unnoticed = fault->crash.kind == CRASH_PAUSE && fault->detected_ns == RESULT_NEVER &&
                           away_ns >= fault->crash.pause_ns + suspicion_ns;
    /* Heard before anything was done (C8): then nothing will be. */
    const bool came_back = fault->heard_again_ns != RESULT_NEVER && now_ns - fault->heard_again_ns >= suspicion_ns;
    return unnoticed || came_back || away_ns >= fault->crash.pause_ns + driver->commander.timeout_ns / 2;
}

const struct result_fault *driver_await_crash(struct driver *driver, uint32_t rank) {
    const struct result_fault *fault = faults_find(&driver->faults, rank);
    chord_check(fault != NULL);
    /* Without the watchdog: a rank that is away is what is waited for. */
    while (!is_got_over(driver, fault, driver->setup.runtime->now_ns)) {
        (void)commander_idle(&driver->commander);
        fault = faults_find(&driver->faults, rank);
    }
    return fault;
}

bool driver_lost_data(struct driver *driver, char *message) {
    struct result_phase *phase = driver->phase;
    char text[RESULT_TEXT_SIZE];
    phase->losses = driver->faults.losses;
    phase->loss_count = (uint32_t)driver->faults.loss_count;
    phase->ranks = driver->ranks;
    phase->rank_count = driver->commander.rank_count;
    if (phase->loss_count > 0) {
        snprintf(message, RESULT_TEXT_SIZE, "data lost: %.480s",
                 summary_losses_text(phase, driver->setup.config->id_bits, text));
    }
    return phase->loss_count > 0;
}

bool driver_begin(struct driver *driver) {
    return driver_ask(driver, "beginning a phase", COMMAND_BEGIN, NULL, 0, NULL);
}

bool driver_metrics(struct driver *driver, struct metrics *metrics, struct traffic *traffic) {
    memset(&driver->phase->metrics, 0, sizeof driver->phase->metrics);
    memset(&driver->phase->traffic, 0, sizeof driver->phase->traffic);
    if (!driver_ask(driver, "gathering the counts", COMMAND_METRICS, NULL, 0, on_metrics)) {
        return false;
    }
    metrics_merge(metrics, &driver->phase->metrics);
    traffic_merge(traffic, &driver->phase->traffic);
    return true;
}

enum exit_status driver_end(struct driver *driver, enum exit_status status, char *message) {
    driver_tell_stuck(driver, status, message);
    if (status != EXIT_TIMED_OUT && !driver_ask(driver, "ending", COMMAND_STOP, NULL, 0, NULL)) {
        status = EXIT_TIMED_OUT;
        driver_tell_stuck(driver, status, message);
    }
    /* A rank that is lost may only be silent, or have been stopped: then it waits for this. */
    for (uint32_t rank = 0; rank < driver->commander.rank_count; rank++) {
        if (presence_is_lost(&driver->presence, rank) && !is_process_gone(driver, rank)) {
            runtime_send_farewell(driver->setup.runtime, rank, NULL, 0);
        }
    }
    return status;
}
