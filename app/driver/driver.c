#include "app/driver/driver.h"

#include "app/driver/driver_state.h"
#include "app/driver/grown.h"
#include "app/report/generated.h"
#include "app/report/record.h"
#include "app/report/summary.h"
#include "app/report/table.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void driver_receive(struct driver *driver, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    commander_receive(&driver->commander, from_rank, bytes, size);
}

static void note_presence(struct driver *driver, const struct chord_notice *notice) {
    if (notice->kind == CHORD_NOTICE_SUSPECTED) {
        presence_suspect(&driver->presence, notice->suspicion.rank, driver->setup.runtime->now_ns);
    } else if (notice->kind == CHORD_NOTICE_HEARD) {
        presence_hear(&driver->presence, notice->suspicion.rank);
    }
}

void driver_back(struct driver *driver, uint32_t rank) {
    const uint32_t goes_on = !presence_is_lost(&driver->presence, rank);
    commander_order(&driver->commander, rank, COMMAND_RESUME, &goes_on, sizeof goes_on);
}

static bool is_gone(void *context, uint32_t rank) {
    return is_process_gone(context, rank);
}

/* Nobody waits any longer for ranks that won't come back. */
static void look_for_lost(void *context) {
    struct driver *driver = context;
    uint32_t rank;
    while ((rank = presence_judge(&driver->presence, driver->setup.runtime->now_ns)) != UINT32_MAX) {
        commander_lose(&driver->commander, rank);
        chord_peer_banish(&driver->setup.runtime->peer, rank);
    }
}

/* The ring as it was formed. From now on it may change, so it is noted before anything else happens. */
static void note_ring(struct driver *driver) {
    const struct chord_roster *roster = &driver->setup.runtime->peer.coordinator.roster;
    struct chord_member *nodes = calloc(roster->count, sizeof *nodes);
    chord_check(nodes != NULL && roster->count == driver->ring.node_count);
    for (uint32_t i = 0; i < roster->count; i++) {
        nodes[i] = roster->entries[i].member;
    }
    ring_form(&driver->ring, nodes, driver->setup.config->initial_rank_count);
    free(nodes);
}

void driver_notice(struct driver *driver, const struct chord_notice *notice) {
    switch (notice->kind) {
    case CHORD_NOTICE_FORMED:
        driver->formed = true;
        note_ring(driver);
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
        faults_notice(&driver->faults, notice);
        return;
    case CHORD_NOTICE_SUSPECTED:
    case CHORD_NOTICE_HEARD:
    case CHORD_NOTICE_LOST:
        faults_notice(&driver->faults, notice);
        note_presence(driver, notice);
        return;
    case CHORD_NOTICE_SHUT:
        driver->has_been_shut[notice->rank] = true;
        return;
    case CHORD_NOTICE_OPENED:
        commander_opened(&driver->commander, notice->rank);
        driver_back(driver, notice->rank);
        return;
    }
}

void driver_answered(struct driver *driver, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    uint64_t count;
    chord_check(size == sizeof count);
    memcpy(&count, bytes, sizeof count);
    events_answered(&driver->events, from_rank, count);
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
    driver->has_been_shut = calloc(setup->config->rank_count, sizeof *driver->has_been_shut);
    driver->ranks = calloc(setup->config->rank_count, sizeof *driver->ranks);
    driver->phase = calloc(1, sizeof *driver->phase);
    driver->throughputs = calloc((size_t)options->phase_count * options->repetitions + 1, sizeof *driver->throughputs);
    driver->validator = (struct validator){.commander = &driver->commander,
                                           .agent = setup->agent,
                                           .config = setup->config,
                                           .mode = options->mode};
    driver->events = (struct events){.schedule = setup->schedule};
    driver->changes =
        (struct changes){.runtime = setup->runtime, .config = setup->config, .ring = &driver->ring};
    driver->faults = (struct faults){.ring = &driver->ring};
    driver->legacy = (struct legacy){.commander = &driver->commander,
                                     .witness = &setup->agent->witness,
                                     .evidence = setup->evidence};
    driver->validator.legacy = &driver->legacy;
    if (driver->nodes == NULL || driver->ranks == NULL || driver->has_been_shut == NULL || driver->phase == NULL ||
        driver->throughputs == NULL || ring_init(&driver->ring, node_count) != CHORD_OK ||
        events_init(&driver->events, setup->config->rank_count) != CHORD_OK ||
        changes_init(&driver->changes) != CHORD_OK ||
        faults_init(&driver->faults, setup->config->rank_count) != CHORD_OK ||
        commander_init(&driver->commander, setup->runtime, setup->config->rank_count,
                       UINT64_C(1000000000) * options->timeout_seconds, setup->shows_progress) != CHORD_OK ||
        presence_init(&driver->presence, setup->config->rank_count, is_gone, driver) != CHORD_OK ||
        legacy_init(&driver->legacy) != CHORD_OK ||
        (options->command == OPTIONS_COMMAND_BENCH && (driver->bench = bench_create()) == NULL)) {
        driver_destroy(driver);
        *out = NULL;
        return CHORD_NO_MEMORY;
    }
    driver->commander.look = look_for_lost;
    driver->commander.look_context = driver;
    return CHORD_OK;
}

void driver_destroy(struct driver *driver) {
    if (driver == NULL) {
        return;
    }
    legacy_clear(&driver->legacy);
    bench_destroy(driver->bench);
    presence_clear(&driver->presence);
    commander_clear(&driver->commander);
    validator_clear(&driver->validator);
    free(driver->nodes);
    events_clear(&driver->events);
    changes_clear(&driver->changes);
    faults_clear(&driver->faults);
    ring_clear(&driver->ring);
    free(driver->ranks);
    free(driver->has_been_shut);
    free(driver->phase);
    free(driver->throughputs);
    free(driver->fault_times);
    free(driver);
}
bool driver_ask(struct driver *driver, const char *what, enum control_command command, const void *bytes, size_t size,
                commander_reply *on_reply) {
    return commander_ask_all(&driver->commander, what, command, bytes, size, on_reply, driver);
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
    if (!driver_gather_ranks(driver)) {
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
        told = driver_ask(driver, "gathering the routing tables", COMMAND_TABLES, &v, sizeof v, on_tables);
    }
    if (fclose(driver->dump) != 0 && told) {
        snprintf(message, RESULT_TEXT_SIZE, "can't finish writing '%s': is the disk full?", path);
        return EXIT_FAILED;
    }
    return told ? EXIT_VALID : EXIT_TIMED_OUT;
}

/* --- one phase --- */

/* How often phases are run in one ring. A run's repetitions each have a ring of their own; bench has one, in which its last
 * phase is repeated. */
static uint32_t turn_count(const struct options *options) {
    const bool repeats = options->command == OPTIONS_COMMAND_BENCH;
    return options->phase_count - 1 + (repeats ? options->repetitions : 1);
}

/* Which repetition a turn of a phase is; 0: of those that warm up. */
static uint32_t repetition_of(const struct options *options, uint32_t index, uint32_t turn, uint64_t round) {
    if (options->command == OPTIONS_COMMAND_RUN) {
        return round < options->warmup ? 0 : (uint32_t)(round - options->warmup) + 1;
    }
    if (index + 1 < options->phase_count) {
        return index == 0 ? 1 : 0;
    }
    return turn - index + 1;
}

/* How many repetitions of a phase are told. */
static uint32_t told_count(const struct options *options, uint32_t index) {
    if (options->command == OPTIONS_COMMAND_RUN || index + 1 == options->phase_count) {
        return options->repetitions;
    }
    return index == 0 ? 1 : 0;
}

/* round: 0 for the first repetition of a run, those that warm up included. turn: of turn_count. */
static enum exit_status run_phase(struct driver *driver, uint32_t turn, uint64_t round, char *message) {
    const struct options *options = driver->setup.options;
    const uint32_t index = turn < options->phase_count ? turn : options->phase_count - 1;
    const struct driver_file file = {.index = index,
                                     .type = options->phases[index].type,
                                     .path = options->phases[index].file,
                                     .survey = &driver->setup.surveys[index],
                                     .mode = options->mode,
                                     .has_model = options->mode == OPTIONS_MODE_SERIAL,
                                     .repetition = repetition_of(options, index, turn, round),
                                     .round = (uint32_t)round + 1,
                                     .turn = turn + 1,
                                     .stream = (round << 8) + turn,
                                     .generates = options->command == OPTIONS_COMMAND_BENCH};
    const struct result_phase *phase;
    return driver_run_file(driver, &file, &phase, message);
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

/* For the summary. */
static void keep_faults(struct driver *driver, const struct result_phase *phase) {
    driver->fault_times = grown(driver->fault_times, &driver->fault_capacity, driver->fault_count + phase->fault_count,
                                sizeof *driver->fault_times);
    for (uint32_t i = 0; i < phase->fault_count; i++) {
        const struct result_fault *fault = &phase->faults[i];
        if (!fault->refused) {
            driver->fault_times[driver->fault_count++] =
                (struct summary_fault){.phase_index = phase->index,
                                       .detection_ns = summary_detection_ns(fault),
                                       .outage_ns = summary_outage_ns(fault)};
        }
    }
}

/* Answers that are wrong since the data is lost are no news beside that. */
static enum exit_status fail_phase(struct driver *driver, const struct result_phase *phase, char *message) {
    if (driver_lost_data(driver, message)) {
        return EXIT_DATA_LOST;
    }
    snprintf(message, RESULT_TEXT_SIZE, "wrong answers: %.480s", phase->verdict.first_wrong);
    return EXIT_WRONG_ANSWER;
}

static enum exit_status tell_phase(struct driver *driver, char *message) {
    const struct driver_setup *setup = &driver->setup;
    const struct result_phase *phase = driver->phase;
    if (phase->repetition > 0 || !phase->verdict.valid) {
        if (!setup->options->quiet || !phase->verdict.valid) {
            table_print_phase(stdout, setup->run, phase, setup->shows_color);
            fflush(stdout);
        }
        if (setup->options->ycsb) {
            generated_print_ycsb(stdout, phase);
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
        return fail_phase(driver, phase, message);
    }
    if (phase->repetition > 0) {
        keep_faults(driver, phase);
        driver->throughputs[(size_t)phase->index * setup->options->repetitions + phase->repetition - 1] =
            summary_throughput_per_second(phase);
    }
    return EXIT_VALID;
}

static enum exit_status tell_summary(struct driver *driver, char *message) {
    const struct options *options = driver->setup.options;
    struct summary_row rows[OPTIONS_PHASE_COUNT_MAX];
    uint32_t row_count = 0;
    for (uint32_t i = 0; i < options->phase_count; i++) {
        if (told_count(options, i) == 0) {
            continue;
        }
        struct summary_row *row = &rows[row_count++];
        driver->phase->index = i;
        driver->phase->type = options->phases[i].type;
        driver->phase->file = options->phases[i].file;
        *row = summary_make(driver->phase, driver->throughputs + (size_t)i * options->repetitions,
                            told_count(options, i));
        chord_check(summary_add_faults(row, driver->fault_times, driver->fault_count) == CHORD_OK);
        if (driver->report != NULL) {
            const enum exit_status status = append_json(driver, record_summary(driver->setup.run, row), message);
            if (status != EXIT_VALID) {
                return status;
            }
        }
    }
    if (!options->quiet) {
        table_print_summary(stdout, driver->setup.run, rows, row_count);
        fflush(stdout);
    }
    return EXIT_VALID;
}

/* A ring can't be formed anew without the ranks that are gone. */
static enum exit_status fail_short(const struct driver *driver, uint64_t rounds_left, char *message) {
    snprintf(message, RESULT_TEXT_SIZE,
             "%u rank%s gone, so the last %" PRIu64 " repetition%s can't be run: start the run again",
             driver->presence.lost_count, driver->presence.lost_count == 1 ? " is" : "s are", rounds_left,
             rounds_left == 1 ? "" : "s");
    return EXIT_FAILED;
}

static enum exit_status run_all(struct driver *driver, char *message) {
    const struct options *options = driver->setup.options;
    const bool is_run = options->command == OPTIONS_COMMAND_RUN;
    const uint64_t rounds = is_run ? (uint64_t)options->warmup + options->repetitions : 1;
    const uint32_t turns = turn_count(options);
    for (uint64_t round = 0; round < rounds; round++) {
        enum exit_status status = driver_form(driver, message);
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
        for (uint32_t turn = 0; status == EXIT_VALID && turn < turns; turn++) {
            status = run_phase(driver, turn, round, message);
            if (status == EXIT_VALID) {
                status = tell_phase(driver, message);
            }
            /* Ranks may die in the next phase: what they know of this one must not. */
            if (status == EXIT_VALID && turn + 1 < turns && !legacy_keep(&driver->legacy)) {
                status = EXIT_TIMED_OUT;
            }
        }
        if (status == EXIT_VALID && round + 1 < rounds && driver->presence.lost_count > 0) {
            status = fail_short(driver, rounds - round - 1, message);
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

/* The same for the history: of a run that ended badly it has the phases that were judged. */
static bool end_archive(struct driver *driver, enum exit_status status, char *message) {
    struct archive *archive = driver->archive;
    driver->archive = NULL;
    if (status == EXIT_USAGE || status == EXIT_FAILED) {
        archive_discard(archive);
        return true;
    }
    return archive_commit(archive, message);
}

static enum exit_status open_files(struct driver *driver, char *message) {
    const struct options *options = driver->setup.options;
    if (options->report != NULL && !report_file_open(options->report, &driver->report, message)) {
        return EXIT_USAGE;
    }
    return options->history == NULL
               ? EXIT_VALID
               : archive_open(options->history, driver->setup.run, driver->setup.config, &driver->archive, message);
}

enum exit_status driver_run(struct driver *driver, char *message) {
    message[0] = '\0';
    enum exit_status status = open_files(driver, message);
    if (status == EXIT_VALID) {
        status = run_all(driver, message);
    }
    driver_tell_stuck(driver, status, message);
    if (driver->archive != NULL && !end_archive(driver, status, message)) {
        status = EXIT_FAILED;
    }
    if (driver->report != NULL && !end_report(driver, status, message)) {
        status = EXIT_FAILED;
    }
    return driver_end(driver, status, message);
}
