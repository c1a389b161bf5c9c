/* chordkv: starts MPI, reads the options, puts the parts together and runs them. Wiring only.
 * Collectives are used here, before the loops start, and nowhere else. */
#include "app/driver/budget.h"
#include "app/driver/driver.h"
#include "app/mpi/clock_sync.h"
#include "app/mpi/leave.h"
#include "app/mpi/lifeline.h"
#include "app/mpi/monotime.h"
#include "app/mpi/recovery.h"
#include "app/mpi/runtime.h"
#include "app/mpi/startup.h"
#include "app/mpi/topology.h"
#include "app/mpi/transport.h"
#include "app/options/node_ids.h"
#include "app/report/report_file.h"
#include "app/schedule/schedule.h"
#include "app/shell/shell.h"
#include "app/verdict/evidence.h"
#include "chord/base/check.h"
#include "chord/base/digest.h"
#include "chord/hash/hash.h"

#include <mpi.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND_NS UINT64_C(1000000)
/* A rank that rests (the shell waits for a person) sleeps so long between polls. */
#define REST_NS 2000000
/* A lookup that met stale routing may be dropped: it is sent again after so long. With many nodes on few cores all look
 * up at once while the ring is formed, and an answer takes longer. */
#define LOOKUP_NS (20 * MILLISECOND_NS)
#define LOOKUP_NODES 64u /* for every so many nodes of the job, once more */
/* A rank that lives is heard so often within T0, so that 8 times the usual gap stays below T0. */
#define HEARTBEATS 10u
/* No piece is lost while no rank fails: this is for those that were refused for want of memory. */
#define TRANSFER_NS (100 * MILLISECOND_NS)

/* What rank 0 finds out and all ranks must know. */
struct start {
    enum exit_status status;
    bool go; /* false: end now, with the status */
    uint32_t value_size_max;
    uint32_t key_size_max;
    uint32_t credit_count;
    uint64_t suspicion_ns; /* T0, of rank 0's host; 0: no failure detector */
    bool keeps_evidence;   /* histories outlive their ranks */
    uint64_t job;          /* no other job's */
};

struct process {
    int rank;
    int rank_count;
    MPI_Comm comm;
    struct options *options;
    struct topology topology;
    struct clock_offset clock; /* zero on one host */
    struct start start;
    char message[RESULT_TEXT_SIZE]; /* rank 0: why the status isn't 0 */
    const char *kill_refusal; /* rank 0: why no rank can be killed, and what to do; NULL: the MPI survives it */
    struct workload_survey *surveys; /* rank 0 */
    struct chord_id *all_ids;        /* by rank and virtual node; NULL: names are hashed */
    struct schedule schedule;        /* rank 0 */

    struct chord_config config;
    struct chord_id *node_ids; /* of this rank, by virtual node */
    struct transport *transport;
    struct runtime runtime;
    struct agent agent;
    struct evidence evidence; /* rank 0 */
    struct driver *driver;    /* rank 0 */
    struct lifeline lifeline; /* other ranks */
    struct result_run run;
    bool any_was_shut; /* of the ranks, as of the end of the loop */
};

static int own_rank; /* for the check hook */

static void check_failed(const char *file, int line, const char *expression) {
    fprintf(stderr, "chordkv: rank %d: %s:%d: check failed: %s\nThis is a defect of chord-kv: please report it.\n",
            own_rank, file, line, expression);
    leave_abort(MPI_COMM_WORLD, EXIT_FAILED);
}

/* --- what rank 0 checks before anything else --- */

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

static size_t node_count_of(const struct process *process) {
    return (size_t)process->rank_count * process->options->virtual_nodes;
}

/* A ring has 2^id_bits ids: more nodes than that can't have one each, whatever they are called. */
static void check_nodes_fit(struct process *process) {
    const struct options *options = process->options;
    const size_t node_count = node_count_of(process);
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
    process->all_ids = calloc(node_count_of(process), sizeof *process->all_ids);
    chord_check(process->all_ids != NULL);
    if (!node_ids_read(options->node_ids, options->id_bits, (size_t)process->rank_count, options->virtual_nodes,
                       process->all_ids, error)) {
        refuse(process, EXIT_USAGE, error);
    }
}

static void fill_config(struct process *process) {
    const struct options *options = process->options;
    const uint32_t ranks = (uint32_t)process->rank_count;
    process->config = (struct chord_config){
        .rank_count = ranks,
        .virtual_node_count = options->virtual_nodes,
        .initial_rank_count = options->initial_nodes == OPTIONS_INITIAL_NODES_ALL ? ranks : options->initial_nodes,
        .coordinator_rank = 0,
        .id_bits = options->id_bits,
        .replica_count = options->replicas < ranks ? options->replicas : ranks,
        .successor_count = options->successors,
        .consistency = options->consistency,
        .routing = options->routing,
        .route_successors = options->route_successors,
        .cache_count = options->cache,
        .value_size_max = process->start.value_size_max,
        .window = options->window,
        .credit_bytes = TRANSPORT_RECORD_MAX(options->frame_bytes),
        .credit_count = process->start.credit_count,
        /* Nothing is lost while no rank fails, view changes included: what can't be served waits or is refused. When one
         * fails, clients hear of it and ask again at once. So a repetition only adds to the load, unless an answer never
         * comes: after 7/16 of the watchdog's time the operation is given up. */
        .retry_ticks = options->timeout_seconds * 1000 * MILLISECOND_NS / 16,
        .copies_max = BUDGET_COPIES_OF_A_REQUEST,
        .backoff_ticks = MILLISECOND_NS,
        .unacknowledged_count_max = 1024,
        .unacknowledged_bytes_max = 256 * 1024,
        .ack_batch_count = 8,
        .ack_batch_bytes = 64 * 1024,
        .ack_delay_ticks = MILLISECOND_NS,
        .transfer_ticks = TRANSFER_NS,
        .heartbeat_ticks = process->start.suspicion_ns / HEARTBEATS, /* 0: no detector */
        .suspicion_ticks = process->start.suspicion_ns,
        .allows_data_loss = options->allow_data_loss,
        .lookup_ticks = LOOKUP_NS * (1 + ranks * options->virtual_nodes / LOOKUP_NODES),
        .hops_max = 2 * ranks * options->virtual_nodes + 64,
    };
    process->config.piece_bytes = budget_piece_bytes(&process->config, options->frame_bytes);
}

static struct budget_demand demand_of(const struct process *process) {
    return (struct budget_demand){.rank_count = (uint32_t)process->rank_count,
                                  .key_size_max = process->start.key_size_max,
                                  .value_size_max = process->start.value_size_max,
                                  .record_bytes = TRANSPORT_RECORD_MAX(process->options->frame_bytes),
                                  .frame_bytes = process->options->frame_bytes,
                                  /* by itself, too: ranks may die, or be taken for dead */
                                  .changes_ring = process->rank_count > 1,
                                  .dumps_tables = process->options->dump != NULL};
}

/* Then ranks tell each other which records are there. */
static bool inserts_records(const struct options *options) {
    return options->command == OPTIONS_COMMAND_BENCH && options->mix.percent[MIX_INSERT] > 0;
}

static struct transport_config transport_config_of(struct process *process, const struct budget *budget) {
    struct transport_config config = {.comm = process->comm,
                                      .frame_bytes = process->options->frame_bytes,
                                      .message_bytes_max = budget->message_bytes_max,
                                      .waiting = process->topology.waiting,
                                      .outlives_peers = recovery_outlives_ranks(getenv),
                                      .deliver = runtime_deliver,
                                      .preview = runtime_preview,
                                      .failed = runtime_failed,
                                      .ride = inserts_records(process->options) ? runtime_ride : NULL,
                                      .context = &process->runtime};
    if (process->options->waiting != OPTIONS_WAITING_AUTO) {
        config.waiting =
            process->options->waiting == OPTIONS_WAITING_SPIN ? TRANSPORT_SPIN : TRANSPORT_YIELD;
    }
    config.pool_bytes = transport_pool_bytes_needed(&config, (uint32_t)process->rank_count,
                                                    budget->queued_messages_max, budget->queued_bytes_max);
    return config;
}

static uint64_t pool_with(struct process *process, uint32_t credit_count) {
    const struct budget_demand demand = demand_of(process);
    const struct budget budget = budget_with_credits(&process->config, &demand, credit_count);
    return transport_config_of(process, &budget).pool_bytes;
}

/* Credits from --pool: as many as fit. */
static void choose_credits(struct process *process) {
    const struct options *options = process->options;
    const struct budget_demand demand = demand_of(process);
    const struct budget least = budget_with_credits(&process->config, &demand, 0);
    process->start.credit_count = least.largest_cost;
    if (options->pool == OPTIONS_POOL_AUTO) {
        process->start.credit_count = budget_auto_credits(&process->config, &demand);
    } else if (options->pool == OPTIONS_POOL_BYTES) {
        if (pool_with(process, least.largest_cost) > options->pool_bytes) {
            char text[RESULT_TEXT_SIZE];
            snprintf(text, sizeof text,
                     "--pool %" PRIu64 " bytes is too small for this workload on %d ranks: it takes at least %" PRIu64
                     " (or --pool min)",
                     options->pool_bytes, process->rank_count, pool_with(process, least.largest_cost));
            refuse(process, EXIT_USAGE, text);
            return;
        }
        uint32_t low = least.largest_cost;
        uint32_t high = UINT32_MAX / 2 / (uint32_t)process->rank_count / options->frame_bytes + low;
        while (low < high) {
            const uint32_t middle = low + (high - low + 1) / 2;
            if (pool_with(process, middle) <= options->pool_bytes) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        process->start.credit_count = low;
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

static void prepare_on_rank_0(struct process *process) {
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
        fill_config(process);
        choose_credits(process);
    }
}

/* --- putting the parts together --- */

static void compare_clocks(struct process *process) {
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
        process->all_ids = calloc(node_count_of(process), sizeof *process->all_ids);
        chord_check(process->all_ids != NULL);
    }
    startup_broadcast(process->comm, process->all_ids, node_count_of(process) * sizeof *process->all_ids);
    memcpy(process->node_ids, process->all_ids + (size_t)process->rank * virtual_nodes,
           virtual_nodes * sizeof *process->node_ids);
}

/* The agent's history goes to a file that rank 0 has open, too; the file's name is gone when this returns. False on all
 * ranks if one has no file; it has said why. */
static bool keep_evidence(struct process *process) {
    const struct evidence_place place = {.directory = options_history_dir(process->options),
                                         .host = process->topology.host,
                                         .job = process->start.job};
    const struct history_mapped_writer writer = {.client_rank = (uint32_t)process->rank,
                                                 .clock_offset_ns = process->clock.offset_ns,
                                                 .clock_error_ns = process->clock.error_ns};
    char path[EVIDENCE_PATH_SIZE], error[HISTORY_MAPPED_ERROR_SIZE] = "the directory's name is too long";
    const bool kept = evidence_path(&place, writer.client_rank, path) &&
                      history_mapped_create(&process->agent.history, path, &writer, error);
    bool *all = calloc((size_t)process->rank_count, sizeof *all);
    chord_check(all != NULL);
    if (!kept) {
        fprintf(stderr, "chordkv: rank %d: %s\n", process->rank, error);
    }
    startup_gather_all(process->comm, &kept, sizeof kept, all); /* every file is there */
    if (process->rank == 0) {
        chord_check(evidence_open(&process->evidence, &place, (uint32_t)process->rank_count) == CHORD_OK);
    }
    startup_meet(process->comm);
    evidence_unlink(&place, writer.client_rank);
    bool good = true;
    for (int rank = 0; rank < process->rank_count; rank++) {
        good &= all[rank];
    }
    free(all);
    process->agent.keeps_evidence = good;
    return good;
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

static void describe_run(struct process *process, uint64_t bound_bytes) {
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
    run->message_bound_bytes = bound_bytes;
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

static enum exit_status build(struct process *process) {
    fill_config(process);
    name_nodes(process);
    const struct budget_demand demand = demand_of(process);
    const struct budget budget = budget_with_credits(&process->config, &demand, process->start.credit_count);
    const struct transport_config config = transport_config_of(process, &budget);
    process->run.host_count = process->topology.host_count;
    char error[TRANSPORT_ERROR_SIZE];
    const struct runtime_owner owner = {.context = process,
                                        .control = owner_control,
                                        .complete = owner_complete,
                                        .notice = owner_notice,
                                        .ride = owner_ride,
                                        .work = owner_work};
    if (transport_create(&config, &process->transport, error) != CHORD_OK) {
        fprintf(stderr, "chordkv: rank %d: %s\n", process->rank, error);
        return EXIT_FAILED;
    }
    if (runtime_init(&process->runtime, process->transport, (uint32_t)process->rank, (uint32_t)process->rank_count,
                     &process->config, owner) != CHORD_OK) {
        fprintf(stderr, "chordkv: rank %d: out of memory\n", process->rank);
        return EXIT_FAILED;
    }
    struct result_rank place = {0};
    snprintf(place.host, sizeof place.host, "%.*s", (int)sizeof place.host - 1, process->topology.host);
    snprintf(place.cpuset, sizeof place.cpuset, "%.*s", (int)sizeof place.cpuset - 1, process->topology.cpuset);
    const bool has_agent =
        agent_init(&process->agent, &process->runtime, &process->config, process->node_ids, &place) == CHORD_OK;
    process->agent.history_limit = history_limit(process->options);
    if (!has_agent) {
        fprintf(stderr, "chordkv: rank %d: out of memory\n", process->rank);
        return EXIT_FAILED;
    }
    process->agent.clock_offset_ns = process->clock.offset_ns;
    process->agent.clock_error_ns = process->clock.error_ns;
    if (process->start.keeps_evidence && !keep_evidence(process)) {
        return EXIT_FAILED;
    }
    describe_run(process, transport_bound_bytes(process->transport));
    process->run.waiting = config.waiting == TRANSPORT_SPIN ? "spin" : "yield";
    if (process->rank != 0) {
        return EXIT_VALID;
    }
    if (process->options->print_bound) {
        printf("Memory for messages: at most %" PRIu64 " bytes a rank (frames for sending %zu, beside them receive "
               "slots and one message in parts from every rank); %u credits of %u bytes a client.\n",
               process->run.message_bound_bytes, config.pool_bytes, process->config.credit_count,
               process->config.credit_bytes);
        if (budget.change_messages_max > 0) {
            printf("Of these at most %" PRIu64 " bytes in %" PRIu64 " messages are a view change's, with pieces of %u bytes.\n",
                   budget.change_bytes_max, budget.change_messages_max, process->config.piece_bytes);
        }
        fflush(stdout);
    }
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
        return EXIT_FAILED;
    }
    return EXIT_VALID;
}

static void take_apart(struct process *process) {
    driver_destroy(process->driver);
    evidence_close(&process->evidence);
    agent_clear(&process->agent);
    runtime_clear(&process->runtime);
    transport_destroy(process->transport);
    free(process->node_ids);
}

/* --- the loops --- */

/* The verdict in the place of rank 0, unless it has given one: so the launcher needn't wait for an mpirun that doesn't
 * end. */
static void tell_orphaned(const struct process *process) {
    char error[REPORT_FILE_ERROR_SIZE];
    const char *path = process->options->verdict;
    if (path != NULL && access(path, F_OK) != 0 && !verdict_write(path, EXIT_FAILED, "rank 0 has died", error)) {
        fprintf(stderr, "%s\n", error);
    }
}

/* Where mpirun outlives its ranks, nobody but themselves ends them when rank 0 is dead. */
static void watch_rank_0(struct process *process) {
    /* Without heartbeats a rank that rests is told nothing for as long as a person thinks; a silent one never is. */
    const bool expects_word =
        (process->config.heartbeat_ticks > 0 || !process->agent.resting) && !process->runtime.silent;
    const uint64_t now_ns = process->runtime.now_ns;
    const enum lifeline_state state =
        lifeline_look(&process->lifeline, now_ns, expects_word ? process->runtime.heard_ns : now_ns);
    if (state == LIFELINE_HOLDS) {
        return;
    }
    if (state == LIFELINE_GONE) {
        fprintf(stderr, "chordkv: rank %d: rank 0's process is gone: ending\n", process->rank);
    } else {
        fprintf(stderr, "chordkv: rank %d: rank 0 hasn't been heard for %u s: ending\n", process->rank,
                process->options->timeout_seconds);
    }
    tell_orphaned(process);
    leave_orphaned(EXIT_FAILED);
}

static void agent_loop(struct process *process) {
    const bool watches = recovery_outlives_ranks(getenv);
    while (!process->agent.stopped) {
        if (!runtime_step(&process->runtime) && process->agent.resting) {
            nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
        }
        if (watches) {
            watch_rank_0(process);
        }
    }
}

/* Tells every rank of rank 0's process, and whether all are ready for their loops. */
static bool begin_together(struct process *process, bool ready) {
    struct lifeline_process rank_0 = lifeline_own_process();
    startup_broadcast(process->comm, &rank_0, sizeof rank_0);
    lifeline_init(&process->lifeline, &rank_0, UINT64_C(1000) * MILLISECOND_NS * process->options->timeout_seconds,
                  monotime_now_ns());
    bool *all = calloc((size_t)process->rank_count, sizeof *all);
    chord_check(all != NULL);
    startup_gather_all(process->comm, &ready, sizeof ready, all);
    bool all_ready = true;
    for (int rank = 0; rank < process->rank_count; rank++) {
        all_ready &= all[rank];
    }
    free(all);
    return all_ready;
}

static enum exit_status run(struct process *process) {
    const enum exit_status built = build(process);
    enum exit_status status = EXIT_FAILED;
    if (begin_together(process, built == EXIT_VALID)) {
        if (process->rank != 0) {
            status = EXIT_VALID;
            agent_loop(process);
        } else if (process->options->command == OPTIONS_COMMAND_SHELL) {
            status = shell_run(process->driver, process->message);
        } else {
            status = driver_run(process->driver, process->message);
        }
        if (status == EXIT_TIMED_OUT) {
            return status;
        }
        leave_drain(process->transport, runtime_any_shut(&process->runtime));
    }
    process->any_was_shut = runtime_any_shut(&process->runtime);
    take_apart(process);
    return status;
}

/* --- the end --- */

/* Returns whether the launcher has the verdict: then it, not the process's status, says how the run ended. */
static bool tell_end(const struct process *process, enum exit_status status) {
    if (status != EXIT_VALID && process->message[0] != '\0') {
        const bool prefixed = strncmp(process->message, "chordkv: ", 9) == 0;
        fprintf(stderr, "%s%s\n", prefixed ? "" : "chordkv: ", process->message);
    }
    char error[REPORT_FILE_ERROR_SIZE];
    if (process->options->verdict == NULL) {
        return false;
    }
    if (!verdict_write(process->options->verdict, status, process->message, error)) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    return process->options->launched;
}

/* Reads the options on every rank; rank 0 speaks and decides. */
static bool read_options(struct process *process, int argc, char **argv, char **envp) {
    const enum options_result result = options_parse(process->options, argc, argv, envp);
    process->start = (struct start){.status = result == OPTIONS_ERROR ? EXIT_USAGE : EXIT_VALID,
                                    .go = result == OPTIONS_OK};
    if (process->rank == 0 && result != OPTIONS_OK) {
        fputs(process->options->text, result == OPTIONS_HELP ? stdout : stderr);
    }
    startup_broadcast(process->comm, &process->start, sizeof process->start);
    return process->start.go;
}

int main(int argc, char **argv, char **envp) {
    static struct process process;
    static struct options options;
    transport_prepare_environment();
    MPI_Init(&argc, &argv);
    process.comm = startup_duplicate(MPI_COMM_WORLD);
    MPI_Comm_rank(process.comm, &process.rank);
    MPI_Comm_size(process.comm, &process.rank_count);
    own_rank = process.rank;
    chord_check_set_hook(check_failed);
    process.options = &options;
    if (read_options(&process, argc, argv, envp)) {
        topology_discover(process.comm, &process.topology);
        if (process.rank == 0) {
            if (process.rank_count == 1) {
                fprintf(stderr, "chordkv: a ring of one node; for more, start it with jobs/launch.sh -n 10 or mpirun "
                                "-n 10\n");
            }
            prepare_on_rank_0(&process);
        }
        startup_broadcast(process.comm, &process.start, sizeof process.start);
        if (process.start.go) {
            if (recovery_needs_connections(getenv, process.topology.host_count > 1)) {
                startup_connect(process.comm);
            }
            compare_clocks(&process);
            process.start.status = run(&process);
        }
    }
    const enum exit_status status = process.start.status;
    bool told = false;
    if (process.rank == 0) {
        told = tell_end(&process, status);
        free(process.surveys);
        schedule_clear(&process.schedule);
    }
    free(process.all_ids);
    if (status == EXIT_TIMED_OUT) {
        leave_abort(process.comm, (int)status);
    }
    /* mpirun takes its time, and a banner, to end a job with a status; the launcher needs neither. */
    const int told_status = process.rank == 0 && !told ? (int)status : 0;
    leave(&process.comm, process.any_was_shut, told_status);
    return told_status;
}
