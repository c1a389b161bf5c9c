#include "app/driver/driver.h"

#include "app/driver/changes.h"
#include "app/driver/expect.h"
#include "app/driver/ring.h"
#include "app/driver/steps.h"
#include "app/driver/validate.h"
#include "app/mpi/monotime.h"
#include "app/report/record.h"
#include "app/report/report_file.h"
#include "app/report/summary.h"
#include "app/report/table.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_NAME_SIZE 32u

struct driver {
    struct driver_setup setup;
    struct commander commander;
    struct validator validator;
    struct membership membership;

    bool formed;
    struct chord_notice twins; /* of a duplicate id */
    bool has_twins;

    struct ring ring; /* owned */
    struct changes changes;
    struct result_node *nodes; /* owned; all of the job, by ascending id */
    uint32_t node_count;
    struct result_rank *ranks; /* owned */

    uint64_t sent_sum; /* of the last round of COMMAND_STATE */
    uint64_t received_sum;
    uint64_t progress_sum;
    bool all_quiet;

    struct result_phase *phase; /* owned; too large for the stack */
    double *throughputs;        /* owned; phase by phase, `repetitions` each */
    uint32_t forged;            /* what COMMAND_FORGE replied */
    FILE *dump;
    struct report_file *report;
};

void driver_receive(struct driver *driver, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    commander_receive(&driver->commander, from_rank, bytes, size);
}

void driver_notice(struct driver *driver, const struct chord_notice *notice) {
    switch (notice->kind) {
    case CHORD_NOTICE_FORMED:
        driver->formed = true;
        return;
    case CHORD_NOTICE_DUPLICATE_ID:
        if (driver->formed) {
            changes_notice(&driver->changes, notice);
            return;
        }
        driver->has_twins = true;
        driver->twins = *notice;
        return;
    case CHORD_NOTICE_CHANGED:
    case CHORD_NOTICE_SETTLED:
    case CHORD_NOTICE_CANCELLED:
        changes_notice(&driver->changes, notice); /* which keeps the ring up to date */
        membership_notice(&driver->membership, notice);
        return;
    }
}

void driver_answered(struct driver *driver, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    uint64_t count;
    chord_check(size == sizeof count);
    memcpy(&count, bytes, sizeof count);
    changes_answered(&driver->changes, from_rank, count);
}

enum chord_status driver_create(const struct driver_setup *setup, struct driver **out) {
    struct driver *driver = calloc(1, sizeof *driver);
    *out = driver;
    if (driver == NULL) {
        return CHORD_NO_MEMORY;
    }
    const struct options *options = setup->options;
    const uint32_t node_count = setup->config->rank_count * setup->config->virtual_node_count;
    driver->setup = *setup;
    driver->nodes = calloc(node_count, sizeof *driver->nodes);
    driver->ranks = calloc(setup->config->rank_count, sizeof *driver->ranks);
    driver->phase = calloc(1, sizeof *driver->phase);
    driver->throughputs = calloc((size_t)options->phase_count * options->repetitions + 1, sizeof *driver->throughputs);
    driver->validator = (struct validator){.commander = &driver->commander,
                                           .agent = setup->agent,
                                           .config = setup->config,
                                           .mode = options->mode};
    driver->changes = (struct changes){.schedule = setup->schedule,
                                       .runtime = setup->runtime,
                                       .config = setup->config,
                                       .ring = &driver->ring};
    if (driver->nodes == NULL || driver->ranks == NULL || driver->phase == NULL ||
        driver->throughputs == NULL || ring_init(&driver->ring, node_count) != CHORD_OK ||
        changes_init(&driver->changes) != CHORD_OK ||
        commander_init(&driver->commander, setup->runtime, setup->config->rank_count,
                       UINT64_C(1000000000) * options->timeout_seconds, setup->shows_progress) != CHORD_OK) {
        driver_destroy(driver);
        *out = NULL;
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

void driver_destroy(struct driver *driver) {
    if (driver == NULL) {
        return;
    }
    commander_clear(&driver->commander);
    validator_clear(&driver->validator);
    free(driver->nodes);
    changes_clear(&driver->changes);
    ring_clear(&driver->ring);
    free(driver->ranks);
    free(driver->phase);
    free(driver->throughputs);
    free(driver);
}

static bool ask(struct driver *driver, const char *what, enum control_command command, const void *bytes, size_t size,
                commander_reply *on_reply) {
    return commander_ask_all(&driver->commander, what, command, bytes, size, on_reply, driver);
}

/* --- quiescence: two equal global sums of sent and received messages, one after the other --- */

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

static bool quiesce(struct driver *driver) {
    uint64_t settled = UINT64_MAX; /* messages sent and received, at the last look that found them equal */
    uint64_t moved_sum = UINT64_MAX;
    uint64_t moved_ns = driver->setup.runtime->now_ns;
    for (;;) {
        driver->sent_sum = 0;
        driver->received_sum = 0;
        driver->progress_sum = 0;
        driver->all_quiet = true;
        if (!ask(driver, "waiting until the ring is quiet", COMMAND_STATE, NULL, 0, on_state)) {
            return false;
        }
        const bool equal = driver->sent_sum == driver->received_sum;
        if (equal && driver->all_quiet && settled == driver->sent_sum) {
            return true;
        }
        settled = equal ? driver->sent_sum : UINT64_MAX;
        /* The replies to this question are no progress. */
        if (driver->progress_sum != moved_sum) {
            moved_sum = driver->progress_sum;
            moved_ns = driver->setup.runtime->now_ns;
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

static bool gather_nodes(struct driver *driver) {
    driver->node_count = 0;
    if (!ask(driver, "gathering the nodes' counts", COMMAND_NODES, NULL, 0, on_nodes)) {
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

static enum exit_status form(struct driver *driver, char *message) {
    const struct control_reset reset = {.incarnation = next_incarnation(driver)};
    driver->formed = false;
    driver->has_twins = false;
    validator_reset(&driver->validator);
    if (!ask(driver, "making the nodes", COMMAND_RESET, &reset, sizeof reset, NULL)) {
        return EXIT_TIMED_OUT;
    }
    struct result_run *run = driver->setup.run;
    const uint64_t start_ns = driver->setup.runtime->now_ns;
    const uint64_t sent_before = driver->sent_sum;
    if (!ask(driver, "forming the ring", COMMAND_FORM, NULL, 0, NULL)) {
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
    if (!quiesce(driver)) {
        return EXIT_TIMED_OUT;
    }
    run->formation_ns = driver->setup.runtime->now_ns - start_ns;
    run->formation_messages = driver->sent_sum - sent_before;
    if (!gather_nodes(driver)) {
        return EXIT_TIMED_OUT;
    }
    note_ring(driver);
    return EXIT_VALID;
}

/* --- the ranks, and what nodes are called --- */

static void on_rank(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct driver *driver = context;
    chord_check(size == sizeof *driver->ranks);
    memcpy(&driver->ranks[from_rank], bytes, size);
}

static bool gather_ranks(struct driver *driver) {
    return ask(driver, "gathering the ranks' counts", COMMAND_RANK, NULL, 0, on_rank);
}

/* A node's name is host:rank#v; where ranks have one node, and for all nodes of a rank, host:rank. */
static bool find_name(void *context, const char *name, struct chord_address *address) {
    const struct driver *driver = context;
    const uint32_t virtual_nodes = driver->setup.config->virtual_node_count;
    char text[sizeof driver->ranks->host + 32];
    for (uint32_t rank = 0; rank < driver->commander.rank_count; rank++) {
        const int size = snprintf(text, sizeof text, "%s:%u", driver->ranks[rank].host, rank);
        *address = (struct chord_address){.rank = rank, .virtual_node = CHORD_ALL_NODES};
        if (strcmp(name, text) == 0) {
            return true;
        }
        for (uint32_t v = 0; v < virtual_nodes; v++) {
            snprintf(text + size, sizeof text - (size_t)size, "#%u", v);
            address->virtual_node = (uint16_t)v;
            if (strcmp(name, text) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Once all ranks' hosts are known. */
static enum exit_status resolve_names(struct driver *driver, char *message) {
    char error[SCHEDULE_ERROR_SIZE];
    if (!gather_ranks(driver)) {
        return EXIT_TIMED_OUT;
    }
    if (!schedule_resolve(driver->setup.schedule, find_name, driver, error)) {
        snprintf(message, RESULT_TEXT_SIZE, "%.500s", error);
        return EXIT_USAGE;
    }
    return EXIT_VALID;
}

/* --- --dump --- */

static void on_tables(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    fwrite(bytes, 1, size, driver->dump);
}

static enum exit_status dump_tables(struct driver *driver, char *message) {
    const char *path = driver->setup.options->dump;
    if (path == NULL) {
        return EXIT_VALID;
    }
    driver->dump = fopen(path, "w");
    if (driver->dump == NULL) {
        snprintf(message, RESULT_TEXT_SIZE, "can't write the routing tables to '%s': check --dump", path);
        return EXIT_USAGE;
    }
    /* One node of each rank at a time: a one-hop table has an entry for every node. */
    bool told = true;
    for (uint32_t v = 0; v < driver->setup.config->virtual_node_count && told; v++) {
        told = ask(driver, "gathering the routing tables", COMMAND_TABLES, &v, sizeof v, on_tables);
    }
    if (fclose(driver->dump) != 0 && told) {
        snprintf(message, RESULT_TEXT_SIZE, "can't finish writing '%s': is the disk full?", path);
        return EXIT_FAILED;
    }
    return told ? EXIT_VALID : EXIT_TIMED_OUT;
}

/* --- one phase --- */

static void on_metrics(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    struct control_ran *ran = malloc(sizeof *ran);
    chord_check(ran != NULL && size == sizeof *ran);
    memcpy(ran, bytes, sizeof *ran);
    metrics_merge(&driver->phase->metrics, &ran->metrics);
    traffic_merge(&driver->phase->traffic, &ran->traffic);
    timeline_merge(&driver->phase->timeline, &ran->timeline);
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
    const struct loader_plan plan = {.path = phase->file,
                                     .type = (enum workload_type)phase->type,
                                     .mode = file->mode,
                                     .via = options->via,
                                     .virtual_node_count = driver->setup.config->virtual_node_count,
                                     .seed = options->seed,
                                     .stream = file->stream};
    char error[WORKLOAD_ERROR_SIZE];
    switch (loader_load(&driver->commander, &plan, &phase->operation_count, error)) {
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

/* Waits until every operation is answered, and has the ring change meanwhile. */
static bool run_operations(struct driver *driver, const char *what, const struct control_run *command) {
    struct commander *commander = &driver->commander;
    changes_start(&driver->changes, command->start_ns);
    commander_begin(commander, what, NULL, driver);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        commander_tell(commander, rank, COMMAND_RUN, command, sizeof *command);
    }
    while (commander->missing_count > 0) {
        changes_fire(&driver->changes, driver->setup.runtime->now_ns);
        if (!commander_turn(commander)) {
            return false;
        }
    }
    return commander_wait(commander); /* which ends the line of progress */
}

static enum exit_status measure(struct driver *driver, struct result_phase *phase) {
    static const char *const names[] = {"running the insert phase", "running the query phase",
                                        "running the delete phase", "running the mix phase"};
    struct changes *changes = &driver->changes;
    const bool will_change = changes_begin(changes, phase->index);
    if (will_change && !changes_count_keys(changes, &driver->commander, false)) {
        return EXIT_TIMED_OUT;
    }
    const struct control_run command = {.start_ns = monotime_now_ns(),
                                        .tells_answered = changes_needs_answered(changes)};
    if (!run_operations(driver, names[phase->type], &command)) {
        return EXIT_TIMED_OUT;
    }
    phase->elapsed_ns = monotime_now_ns() - command.start_ns;
    changes_end(changes, phase->elapsed_ns);
    if (!quiesce(driver) || !ask(driver, "gathering the counts", COMMAND_METRICS, NULL, 0, on_metrics) ||
        (will_change && !changes_count_keys(changes, &driver->commander, true))) {
        return EXIT_TIMED_OUT;
    }
    changes_measure(changes, phase);
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

static bool judge(struct driver *driver, bool has_model, struct result_verdict *verdict) {
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

static enum exit_status run_file(struct driver *driver, const struct driver_file *file, char *message) {
    struct result_phase *phase = driver->phase;
    memset(phase, 0, sizeof *phase);
    phase->index = file->index;
    phase->type = file->type;
    phase->file = file->path;
    memcpy(phase->file_sha256, file->survey->sha256, sizeof phase->file_sha256);
    phase->file_bytes = file->survey->file_size;
    phase->repetition = file->repetition;
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
    if (!judge(driver, file->has_model, &phase->verdict) || !gather_ranks(driver)) {
        return EXIT_TIMED_OUT;
    }
    expect_hops(driver, phase);
    phase->nodes = driver->nodes;
    phase->node_count = driver->node_count;
    phase->ranks = driver->ranks;
    phase->rank_count = driver->commander.rank_count;
    return EXIT_VALID;
}

/* round: 0 for the first repetition, those that warm up included. */
static enum exit_status run_phase(struct driver *driver, uint32_t index, uint64_t round, char *message) {
    const struct options *options = driver->setup.options;
    const struct driver_file file = {.index = index,
                                     .type = options->phases[index].type,
                                     .path = options->phases[index].file,
                                     .survey = &driver->setup.surveys[index],
                                     .mode = options->mode,
                                     .has_model = options->mode == OPTIONS_MODE_SERIAL,
                                     .repetition =
                                         round < options->warmup ? 0 : (uint32_t)(round - options->warmup) + 1,
                                     .stream = (round << 8) + index};
    return run_file(driver, &file, message);
}

/* --- telling --- */

static enum exit_status append_json(struct driver *driver, char *json, char *message) {
    enum exit_status status = EXIT_VALID;
    if (json == NULL || !report_file_append(driver->report, json, message)) {
        status = EXIT_FAILED;
    }
    free(json);
    return status;
}

static enum exit_status tell_phase(struct driver *driver, char *message) {
    const struct driver_setup *setup = &driver->setup;
    const struct result_phase *phase = driver->phase;
    if (phase->repetition > 0 || !phase->verdict.valid) {
        if (!setup->options->quiet || !phase->verdict.valid) {
            table_print_phase(stdout, setup->run, phase, setup->shows_color);
            fflush(stdout);
        }
        if (driver->report != NULL) {
            const enum exit_status status = append_json(driver, record_phase(setup->run, phase), message);
            if (status != EXIT_VALID) {
                return status;
            }
        }
    }
    if (!phase->verdict.valid) {
        snprintf(message, RESULT_TEXT_SIZE, "wrong answers: %.480s", phase->verdict.first_wrong);
        return EXIT_WRONG_ANSWER;
    }
    if (phase->repetition > 0) {
        driver->throughputs[(size_t)phase->index * setup->options->repetitions + phase->repetition - 1] =
            summary_throughput_per_second(phase);
    }
    return EXIT_VALID;
}

static enum exit_status tell_summary(struct driver *driver, char *message) {
    const struct options *options = driver->setup.options;
    struct summary_row rows[OPTIONS_PHASE_COUNT_MAX];
    for (uint32_t i = 0; i < options->phase_count; i++) {
        driver->phase->index = i;
        driver->phase->type = options->phases[i].type;
        driver->phase->file = options->phases[i].file;
        rows[i] = summary_make(driver->phase, driver->throughputs + (size_t)i * options->repetitions,
                               options->repetitions);
        if (driver->report != NULL) {
            const enum exit_status status = append_json(driver, record_summary(driver->setup.run, &rows[i]), message);
            if (status != EXIT_VALID) {
                return status;
            }
        }
    }
    if (!options->quiet) {
        table_print_summary(stdout, driver->setup.run, rows, options->phase_count);
        fflush(stdout);
    }
    return EXIT_VALID;
}

static enum exit_status run_all(struct driver *driver, char *message) {
    const struct options *options = driver->setup.options;
    const uint64_t rounds = (uint64_t)options->warmup + options->repetitions;
    for (uint64_t round = 0; round < rounds; round++) {
        enum exit_status status = form(driver, message);
        if (status == EXIT_VALID && round == 0) {
            status = resolve_names(driver, message);
            if (status == EXIT_VALID) {
                status = dump_tables(driver, message);
            }
            if (status == EXIT_VALID && !options->quiet) {
                table_print_header(stdout, driver->setup.run, driver->setup.shows_color);
                fflush(stdout);
            }
        }
        for (uint32_t index = 0; status == EXIT_VALID && index < options->phase_count; index++) {
            status = run_phase(driver, index, round, message);
            if (status == EXIT_VALID) {
                status = tell_phase(driver, message);
            }
        }
        if (status != EXIT_VALID) {
            return status;
        }
    }
    return tell_summary(driver, message);
}

/* A run that ended with wrong answers or without progress is a result; one that could not run leaves nothing behind.
 * False if the report could not be put in place. */
static bool end_report(struct driver *driver, enum exit_status status, char *message) {
    struct report_file *report = driver->report;
    if (status == EXIT_USAGE || status == EXIT_FAILED) {
        driver->report = NULL;
        report_file_discard(report);
        return true;
    }
    const bool appended = append_json(driver, record_verdict(status, message), message) == EXIT_VALID;
    driver->report = NULL;
    if (!appended) {
        report_file_discard(report);
        return false;
    }
    return report_file_commit(report, message);
}

static void tell_stuck(const struct driver *driver, enum exit_status status, char *message) {
    if (status == EXIT_TIMED_OUT && message[0] == '\0') {
        snprintf(message, RESULT_TEXT_SIZE, "no progress for %u s while %s", driver->setup.options->timeout_seconds,
                 driver->commander.what);
    }
}

enum exit_status driver_run(struct driver *driver, char *message) {
    message[0] = '\0';
    const struct options *options = driver->setup.options;
    enum exit_status status = EXIT_VALID;
    if (options->report != NULL && !report_file_open(options->report, &driver->report, message)) {
        status = EXIT_USAGE;
    }
    if (status == EXIT_VALID) {
        status = run_all(driver, message);
    }
    tell_stuck(driver, status, message);
    if (driver->report != NULL && !end_report(driver, status, message)) {
        status = EXIT_FAILED;
    }
    return driver_end(driver, status, message);
}

/* --- steps.h --- */

struct commander *driver_commander(struct driver *driver) {
    return &driver->commander;
}

const struct driver_setup *driver_setup_of(const struct driver *driver) {
    return &driver->setup;
}

const struct ring *driver_ring(const struct driver *driver) {
    return &driver->ring;
}

enum exit_status driver_form(struct driver *driver, char *message) {
    return form(driver, message);
}

bool driver_quiesce(struct driver *driver) {
    return quiesce(driver);
}

bool driver_gather_ranks(struct driver *driver) {
    return gather_ranks(driver);
}

const struct result_rank *driver_ranks(const struct driver *driver) {
    return driver->ranks;
}

enum membership_result driver_change(struct driver *driver, enum chord_command what, struct chord_address node,
                                     const struct membership **cost, const char **reason) {
    *cost = &driver->membership;
    changes_forget(&driver->changes); /* those of the last file are told, and those between files nobody asks for */
    /* Eventual copies may still be on their way: what would be moved would be a matter of luck. */
    if (!quiesce(driver)) {
        return MEMBERSHIP_STUCK;
    }
    const enum membership_result result =
        membership_change(&driver->membership, &driver->commander, what, node,
                          driver->setup.config->virtual_node_count, reason);
    /* Routing is ideal, but a node that only its successor list tells of the change may not have it yet. */
    return result == MEMBERSHIP_CHANGED && !quiesce(driver) ? MEMBERSHIP_STUCK : result;
}

bool driver_begin(struct driver *driver) {
    return ask(driver, "beginning a phase", COMMAND_BEGIN, NULL, 0, NULL);
}

bool driver_metrics(struct driver *driver, struct metrics *metrics, struct traffic *traffic) {
    memset(&driver->phase->metrics, 0, sizeof driver->phase->metrics);
    memset(&driver->phase->traffic, 0, sizeof driver->phase->traffic);
    if (!ask(driver, "gathering the counts", COMMAND_METRICS, NULL, 0, on_metrics)) {
        return false;
    }
    metrics_merge(metrics, &driver->phase->metrics);
    traffic_merge(traffic, &driver->phase->traffic);
    return true;
}

bool driver_judge(struct driver *driver, bool has_model, struct result_verdict *verdict) {
    return judge(driver, has_model, verdict);
}

enum exit_status driver_run_file(struct driver *driver, const struct driver_file *file,
                                 const struct result_phase **phase, char *message) {
    *phase = driver->phase;
    return run_file(driver, file, message);
}

enum exit_status driver_end(struct driver *driver, enum exit_status status, char *message) {
    tell_stuck(driver, status, message);
    if (status != EXIT_TIMED_OUT && !ask(driver, "ending", COMMAND_STOP, NULL, 0, NULL)) {
        status = EXIT_TIMED_OUT;
        tell_stuck(driver, status, message);
    }
    return status;
}
