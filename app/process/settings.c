#include "app/process/settings.h"

#include "app/mpi/recovery.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MILLISECOND_NS UINT64_C(1000000)
/* A lookup that met stale routing may be dropped: it is sent again after so long. With many nodes on few cores all look
 * up at once while the ring is formed, and an answer takes longer. */
#define LOOKUP_NS (20 * MILLISECOND_NS)
#define LOOKUP_NODES 64u /* for every so many nodes of the job, once more */
/* A rank that lives is heard so often within T0, so that 8 times the usual gap stays below T0. */
#define HEARTBEATS 10u
/* No piece is lost while no rank fails: this is for those that were refused for want of memory. */
#define TRANSFER_NS (100 * MILLISECOND_NS)

void settings_fill_config(struct process *process) {
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

struct budget_demand settings_demand(const struct process *process) {
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

struct transport_config settings_transport(struct process *process, const struct budget *budget) {
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
    const struct budget_demand demand = settings_demand(process);
    const struct budget budget = budget_with_credits(&process->config, &demand, credit_count);
    return settings_transport(process, &budget).pool_bytes;
}

bool settings_choose_credits(struct process *process, char *error) {
    const struct options *options = process->options;
    const struct budget_demand demand = settings_demand(process);
    const struct budget least = budget_with_credits(&process->config, &demand, 0);
    process->start.credit_count = least.largest_cost;
    if (options->pool == OPTIONS_POOL_AUTO) {
        process->start.credit_count = budget_auto_credits(&process->config, &demand);
    } else if (options->pool == OPTIONS_POOL_BYTES) {
        if (pool_with(process, least.largest_cost) > options->pool_bytes) {
            snprintf(error, RESULT_TEXT_SIZE,
                     "--pool %" PRIu64 " bytes is too small for this workload on %d ranks: it takes at least %" PRIu64
                     " (or --pool min)",
                     options->pool_bytes, process->rank_count, pool_with(process, least.largest_cost));
            return false;
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
    return true;
}
