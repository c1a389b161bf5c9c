#include "app/process/build.h"

#include "app/mpi/startup.h"
#include "app/process/settings.h"
#include "chord/base/check.h"
#include "chord/hash/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void build_compare_clocks(struct process *process) {
    if (process->topology.host_count == 1) {
        return;
    }
    process->clock = clock_sync_measure(process->comm);
    uint64_t *errors = calloc((size_t)process->rank_count, sizeof *errors);
    chord_check(errors != NULL);
    startup_gather_all(process->comm, &process->clock.error_ns, sizeof *errors, errors);
    for (int rank = 0; rank < process->rank_count; rank++) {
        if (errors[rank] > process->run.clock_offset_ns_max) {
            process->run.clock_offset_ns_max = errors[rank];
        }
    }
    free(errors);
}

/* A node is called host:rank, as in the papers' systems; where a rank has several, host:rank#v. */
static void hash_names(struct process *process) {
    const struct options *options = process->options;
    char name[TOPOLOGY_HOST_SIZE + 32];
    for (uint32_t v = 0; v < options->virtual_nodes; v++) {
        const int size = options->virtual_nodes == 1
                             ? snprintf(name, sizeof name, "%s:%d", process->topology.host, process->rank)
                             : snprintf(name, sizeof name, "%s:%d#%u", process->topology.host, process->rank, v);
        process->node_ids[v] = chord_hash_id(name, (size_t)size, options->id_bits);
    }
}

/* The ids of this rank's nodes, from rank 0's file or from their names. */
static void name_nodes(struct process *process) {
    const uint32_t virtual_nodes = process->options->virtual_nodes;
    process->node_ids = calloc(virtual_nodes, sizeof *process->node_ids);
    chord_check(process->node_ids != NULL);
    if (process->options->node_ids == NULL) {
        hash_names(process);
        return;
    }
    if (process->all_ids == NULL) {
        process->all_ids = calloc(process_node_count(process), sizeof *process->all_ids);
        chord_check(process->all_ids != NULL);
    }
    startup_broadcast(process->comm, process->all_ids, process_node_count(process) * sizeof *process->all_ids);
    memcpy(process->node_ids, process->all_ids + (size_t)process->rank * virtual_nodes,
           virtual_nodes * sizeof *process->node_ids);
}

/* The agent's history goes to a file that rank 0 has open, too; the file's name is gone when this returns. made: this rank has
 * an agent. False on all ranks if one has none, or no file; then it has said why. */
static bool keep_evidence(struct process *process, bool made) {
    const struct evidence_place place = {.directory = options_history_dir(process->options),
                                         .host = process->topology.host,
                                         .job = process->start.job};
    const struct history_mapped_writer writer = {.client_rank = (uint32_t)process->rank,
                                                 .clock_offset_ns = process->clock.offset_ns,
                                                 .clock_error_ns = process->clock.error_ns};
    char path[EVIDENCE_PATH_SIZE], error[HISTORY_MAPPED_ERROR_SIZE] = "the directory's name is too long";
    const bool kept = made && evidence_path(&place, writer.client_rank, path) &&
                      history_mapped_create(&process->agent.history, path, &writer, error);
    if (made && !kept) {
        fprintf(stderr, "chordkv: rank %d: %s\n", process->rank, error);
    }
    const bool all_kept = startup_all(process->comm, kept); /* every file is there */
    if (process->rank == 0) {
        chord_check(evidence_open(&process->evidence, &place, (uint32_t)process->rank_count) == CHORD_OK);
    }
    startup_meet(process->comm);
    evidence_unlink(&place, writer.client_rank);
    process->agent.keeps_evidence = all_kept;
    return all_kept;
}

static void owner_control(void *context, uint32_t from_rank, unsigned type, const unsigned char *bytes, size_t size) {
    struct process *process = context;
    if (type == CONTROL_REPLY) {
        driver_receive(process->driver, from_rank, bytes, size);
    } else if (type == CONTROL_BACK) {
        driver_back(process->driver, from_rank);
    } else if (type == CONTROL_ANSWERED) {
        driver_answered(process->driver, from_rank, bytes, size);
    } else if (type == RUNTIME_CONTROL_FAREWELL) {
        process->agent.stopped = true;
    } else {
        agent_receive(&process->agent, from_rank, type, bytes, size);
    }
}

static void owner_complete(void *context, const struct chord_completion *completion, uint64_t end_ns) {
    struct process *process = context;
    agent_complete(&process->agent, completion, end_ns);
}

static size_t owner_ride(void *context, unsigned char *at, size_t room) {
    struct process *process = context;
    return agent_ride(&process->agent, at, room);
}

static void owner_notice(void *context, const struct chord_notice *notice) {
    struct process *process = context;
    if (process->driver != NULL) {
        driver_notice(process->driver, notice);
    }
}

static bool owner_work(void *context) {
    struct process *process = context;
    return agent_work(&process->agent);
}

static void describe_run(struct process *process, const struct transport_config *config) {
    struct result_run *run = &process->run;
    int size = 0;
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    MPI_Get_library_version(library, &size);
    library[strcspn(library, "\n,")] = '\0';
    run->options = process->options;
    run->rank_count = (uint32_t)process->rank_count;
    run->ranks_per_core = process->topology.ranks_per_core;
    snprintf(run->machine, sizeof run->machine, "%s", process->topology.summary);
    snprintf(run->mpi_library, sizeof run->mpi_library, "%.*s", (int)sizeof run->mpi_library - 1, library);
    run->host_count = process->topology.host_count;
    run->message_bound_bytes = transport_bound_bytes(process->transport);
    run->waiting = config->waiting == TRANSPORT_SPIN ? "spin" : "yield";
    run->credit_count = process->config.credit_count;
    run->credit_bytes = process->config.credit_bytes;
    run->value_size_max = process->config.value_size_max;
}

/* Operations of a segment. An old value that an eventual ring answers may be of any earlier write, of which a judge that goes
 * by segments knows the last alone: it isn't limited unless somebody wants that. */
static size_t history_limit(const struct options *options) {
    const bool is_limited = options->history_limit > 0 && (options->consistency == CHORD_LINEARIZABLE ||
                                                           options_given(options, "history-limit"));
    return is_limited ? (size_t)options->history_limit : SIZE_MAX;
}

/* The transport, the runtime on it, and this rank's agent. False: there is no memory, and that is said. */
static bool make_parts(struct process *process, const struct transport_config *config) {
    const struct runtime_owner owner = {.context = process,
                                        .control = owner_control,
                                        .complete = owner_complete,
                                        .notice = owner_notice,
                                        .ride = owner_ride,
                                        .work = owner_work};
    struct result_rank place = {0};
    snprintf(place.host, sizeof place.host, "%.*s", (int)sizeof place.host - 1, process->topology.host);
    snprintf(place.cpuset, sizeof place.cpuset, "%.*s", (int)sizeof place.cpuset - 1, process->topology.cpuset);
    char error[TRANSPORT_ERROR_SIZE] = "out of memory";
    if (transport_create(config, &process->transport, error) != CHORD_OK ||
        runtime_init(&process->runtime, process->transport, (uint32_t)process->rank, (uint32_t)process->rank_count,
                     &process->config, owner) != CHORD_OK ||
        agent_init(&process->agent, &process->runtime, &process->config, process->node_ids, &place) != CHORD_OK) {
        fprintf(stderr, "chordkv: rank %d: %s\n", process->rank, error);
        return false;
    }
    process->agent.history_limit = history_limit(process->options);
    process->agent.clock_offset_ns = process->clock.offset_ns;
    process->agent.clock_error_ns = process->clock.error_ns;
    return true;
}

/* --print-bound. */
static void print_bound(const struct process *process, const struct budget *budget, size_t pool_bytes) {
    printf("Memory for messages: at most %" PRIu64 " bytes a rank (frames for sending %zu, beside them receive "
           "slots and one message in parts from every rank); %u credits of %u bytes a client.\n",
           process->run.message_bound_bytes, pool_bytes, process->config.credit_count, process->config.credit_bytes);
    if (budget->change_messages_max > 0) {
        printf("Of these at most %" PRIu64 " bytes in %" PRIu64 " messages are a view change's, with pieces of %u bytes.\n",
               budget->change_bytes_max, budget->change_messages_max, process->config.piece_bytes);
    }
    fflush(stdout);
}

static bool make_driver(struct process *process) {
    const struct driver_setup setup = {.options = process->options,
                                       .config = &process->config,
                                       .runtime = &process->runtime,
                                       .agent = &process->agent,
                                       .evidence = &process->evidence,
                                       .surveys = process->surveys,
                                       .schedule = &process->schedule,
                                       .run = &process->run,
                                       .kill_refusal = process->kill_refusal,
                                       .shows_progress = options_shows_progress(process->options),
                                       .shows_color = options_shows_color(process->options)};
    if (driver_create(&setup, &process->driver) != CHORD_OK) {
        fprintf(stderr, "chordkv: out of memory\n");
        return false;
    }
    return true;
}

bool build_parts(struct process *process) {
    settings_fill_config(process);
    name_nodes(process);
    const struct budget_demand demand = settings_demand(process);
    const struct budget budget = budget_with_credits(&process->config, &demand, process->start.credit_count);
    const struct transport_config config = settings_transport(process, &budget);
    const bool made = make_parts(process, &config);
    const bool all_kept = !process->start.keeps_evidence || keep_evidence(process, made);
    if (!made || !all_kept) {
        return false;
    }
    describe_run(process, &config);
    if (process->rank == 0 && process->options->print_bound) {
        print_bound(process, &budget, config.pool_bytes);
    }
    return process->rank != 0 || make_driver(process);
}

void build_take_apart(struct process *process) {
    driver_destroy(process->driver);
    evidence_close(&process->evidence);
    agent_clear(&process->agent);
    runtime_clear(&process->runtime);
    transport_destroy(process->transport);
    free(process->node_ids);
}
