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

bool driver_is_beyond_help(const struct driver *driver) {
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
        } else if (driver_is_beyond_help(driver) && driver->setup.runtime->now_ns - moved_ns > BEYOND_HELP_NS) {
            return true;
        } else if (driver->setup.runtime->now_ns - moved_ns > driver->commander.timeout_ns) {
            commander_give_up(&driver->commander);
            return false;
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

bool driver_gather_nodes(struct driver *driver) {
    driver->node_count = 0;
    if (!driver_ask(driver, "gathering the nodes' counts", COMMAND_NODES, NULL, 0, on_nodes)) {
        return false;
    }
    qsort(driver->nodes, driver->node_count, sizeof *driver->nodes, compare_nodes);
    return true;
}

const char *driver_name_node(const struct driver *driver, struct chord_address address, char text[DRIVER_NAME_SIZE]) {
    if (driver->setup.config->virtual_node_count == 1) {
        snprintf(text, DRIVER_NAME_SIZE, "rank %u", address.rank);
    } else {
        snprintf(text, DRIVER_NAME_SIZE, "node %u#%u", address.rank, address.virtual_node);
    }
    return text;
}

static enum exit_status fail_twins(const struct driver *driver, char *message) {
    const unsigned bits = driver->setup.config->id_bits;
    char id[CHORD_ID_TEXT_SIZE], first[DRIVER_NAME_SIZE], second[DRIVER_NAME_SIZE];
    snprintf(message, RESULT_TEXT_SIZE,
             "%s and %s have one id, %s, on a ring of %u bits: give every %s its own with --node-ids FILE, or "
             "use more bits (--id-bits)",
             driver_name_node(driver, driver->twins.first.address, first),
             driver_name_node(driver, driver->twins.second.address, second),
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
    if (!driver_gather_nodes(driver)) {
        return EXIT_TIMED_OUT;
    }
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

void driver_on_metrics(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct driver *driver = context;
    struct control_ran *ran = malloc(sizeof *ran);
    chord_check(ran != NULL && size == sizeof *ran);
    memcpy(ran, bytes, sizeof *ran);
    metrics_merge(&driver->phase->metrics, &ran->metrics);
    traffic_merge(&driver->phase->traffic, &ran->traffic);
    cache_use_merge(&driver->phase->cache_use, &ran->cache_use);
    timeline_merge(&driver->phase->timeline, &ran->timeline);
    driver->phase->not_issued_count += (uint64_t)legacy_counted(&driver->legacy, from_rank, ran->not_issued_count);
    free(ran);
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
    legacy_forget(&driver->legacy);
    return driver_ask(driver, "beginning a phase", COMMAND_BEGIN, NULL, 0, NULL);
}

bool driver_metrics(struct driver *driver, struct metrics *metrics, struct traffic *traffic) {
    memset(&driver->phase->metrics, 0, sizeof driver->phase->metrics);
    memset(&driver->phase->traffic, 0, sizeof driver->phase->traffic);
    if (!driver_ask(driver, "gathering the counts", COMMAND_METRICS, NULL, 0, driver_on_metrics)) {
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
