#include "app/process/prepare.h"

#include "app/mpi/monotime.h"
#include "app/mpi/recovery.h"
#include "app/options/node_ids.h"
#include "app/process/settings.h"
#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void refuse(struct process *process, enum exit_status status, const char *text) {
    process->start.status = status;
    process->start.go = false;
    snprintf(process->message, sizeof process->message, "%s", text);
}

/* What is known beforehand of phases that are generated. */
static void survey_generated(struct process *process) {
    const struct options *options = process->options;
    process->start.key_size_max = options->key_size;
    process->start.value_size_max = options->value_size;
    for (uint32_t i = 0; i < options->phase_count; i++) {
        const bool is_warmup = i > 0 && i + 1 < options->phase_count;
        process->surveys[i].operation_count = i == 0                                   ? options->records
                                              : is_warmup && options->warmup_ns > 0 ? OPTIONS_OPERATIONS_UNBOUNDED
                                              : is_warmup                              ? options->warmup_operations
                                                                                       : options->operations;
    }
}

static void survey_workloads(struct process *process) {
    const struct options *options = process->options;
    if (options->command == OPTIONS_COMMAND_SHELL) {
        /* Nobody knows yet what will be typed. */
        process->start.key_size_max = CHORD_KEY_SIZE_MAX;
        process->start.value_size_max = CHORD_VALUE_SIZE_MAX;
    }
    process->surveys = calloc((size_t)options->phase_count + 1, sizeof *process->surveys);
    chord_check(process->surveys != NULL);
    if (options->command == OPTIONS_COMMAND_BENCH) {
        survey_generated(process);
        return;
    }
    for (uint32_t i = 0; i < options->phase_count && process->start.go; i++) {
        char error[RESULT_TEXT_SIZE];
        struct workload_survey *survey = &process->surveys[i];
        if (!workload_survey(options->phases[i].file, (enum workload_type)options->phases[i].type, survey, error,
                             sizeof error)) {
            refuse(process, EXIT_USAGE, error);
            return;
        }
        if (survey->key_size_max > process->start.key_size_max) {
            process->start.key_size_max = survey->key_size_max;
        }
        if (survey->value_size_max > process->start.value_size_max) {
            process->start.value_size_max = survey->value_size_max;
        }
    }
}

/* A ring has 2^id_bits ids: more nodes than that can't have one each, whatever they are called. */
static void check_nodes_fit(struct process *process) {
    const struct options *options = process->options;
    const size_t node_count = process_node_count(process);
    uint32_t bits = 1;
    while (bits < 63 && (UINT64_C(1) << bits) < node_count) {
        bits++;
    }
    if (options->id_bits >= bits) {
        return;
    }
    char text[RESULT_TEXT_SIZE];
    snprintf(text, sizeof text,
             "--id-bits %u: a ring of %" PRIu64 " ids has no room for %zu nodes (%d ranks with %u each); use at least "
             "--id-bits %u, or fewer ranks or --virtual-nodes",
             options->id_bits, UINT64_C(1) << options->id_bits, node_count, process->rank_count,
             options->virtual_nodes, bits);
    refuse(process, EXIT_USAGE, text);
}

static void read_node_ids(struct process *process) {
    const struct options *options = process->options;
    char error[NODE_IDS_ERROR_SIZE];
    if (options->node_ids == NULL) {
        return;
    }
    process->all_ids = calloc(process_node_count(process), sizeof *process->all_ids);
    chord_check(process->all_ids != NULL);
    if (!node_ids_read(options->node_ids, options->id_bits, (size_t)process->rank_count, options->virtual_nodes,
                       process->all_ids, error)) {
        refuse(process, EXIT_USAGE, error);
    }
}

/* --schedule and --at, against the phases as they were surveyed. */
static void read_schedule(struct process *process) {
    const struct options *options = process->options;
    struct schedule_phase phases[OPTIONS_PHASE_COUNT_MAX];
    char error[SCHEDULE_ERROR_SIZE];
    bool good = options->schedule == NULL || schedule_read(&process->schedule, options->schedule, error);
    for (uint32_t i = 0; good && i < options->event_count; i++) {
        good = schedule_add(&process->schedule, options->events[i], strlen(options->events[i]), error);
    }
    for (uint32_t i = 0; i < options->phase_count; i++) {
        phases[i] = (struct schedule_phase){.type = options->phases[i].type,
                                            .operation_count = process->surveys[i].operation_count};
    }
    const struct schedule_run run = {
        .phases = phases,
        .phase_count = options->phase_count,
        .rank_count = (uint32_t)process->rank_count,
        .kill_refusal = process->kill_refusal};
    if (!good || !schedule_prepare(&process->schedule, &run, error)) {
        refuse(process, EXIT_USAGE, error);
    }
}

static void check_initial_nodes(struct process *process) {
    const uint32_t count = process->options->initial_nodes;
    if (count != OPTIONS_INITIAL_NODES_ALL && count > (uint32_t)process->rank_count) {
        char text[RESULT_TEXT_SIZE];
        snprintf(text, sizeof text, "--initial-nodes %u: this run has %d rank%s; give at most as many, or start more with "
                 "-n", count, process->rank_count, process->rank_count == 1 ? "" : "s");
        refuse(process, EXIT_USAGE, text);
    }
}

/* Ranks may die before they have told what they did: by the schedule, or by a person's word. */
static void choose_evidence(struct process *process) {
    const struct options *options = process->options;
    const char *directory = options_history_dir(options);
    process->start.keeps_evidence = options->command == OPTIONS_COMMAND_SHELL || options_given(options, "history-dir") ||
                                    schedule_has_crashes(&process->schedule);
    process->start.job = chord_digest64_pair(monotime_now_ns(), (uint64_t)getpid());
    if (process->start.keeps_evidence && access(directory, W_OK | X_OK) != 0) {
        char text[RESULT_TEXT_SIZE];
        snprintf(text, sizeof text, "no history can be kept in '%.300s': %s; choose another directory with --history-dir",
                 directory, strerror(errno));
        refuse(process, EXIT_USAGE, text);
    }
}

void prepare_run(struct process *process) {
    process->start = (struct start){
        .status = EXIT_VALID,
        .go = true,
        .suspicion_ns = options_suspicion_ns(process->options, process->topology.ranks_per_core)};
    process->kill_refusal = recovery_advice(recovery_state(getenv));
    check_initial_nodes(process);
    if (!process->start.go) {
        return;
    }
    if (process->options->via != OPTIONS_VIA_NONE && process->options->via >= (uint32_t)process->rank_count) {
        char text[RESULT_TEXT_SIZE];
        snprintf(text, sizeof text, "--via %u: there is no such rank, the ranks are 0..%d", process->options->via,
                 process->rank_count - 1);
        refuse(process, EXIT_USAGE, text);
        return;
    }
    check_nodes_fit(process);
    if (process->start.go) {
        survey_workloads(process);
    }
    if (process->start.go && process->options->command != OPTIONS_COMMAND_SHELL) {
        read_schedule(process);
    }
    if (process->start.go) {
        choose_evidence(process);
    }
    if (process->start.go) {
        read_node_ids(process);
    }
    if (process->start.go) {
        char error[RESULT_TEXT_SIZE];
        settings_fill_config(process);
        if (!settings_choose_credits(process, error)) {
            refuse(process, EXIT_USAGE, error);
        }
    }
}
