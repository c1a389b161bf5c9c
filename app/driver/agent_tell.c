#include "app/driver/agent_tell.h"

#include "app/driver/describe.h"
#include "app/driver/waiting.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

void agent_reply(const struct agent *agent, struct control_head head, const void *bytes, size_t size) {
    unsigned char small[256];
    unsigned char *message = size + sizeof head <= sizeof small ? small : malloc(size + sizeof head);
    chord_check(message != NULL);
    memcpy(message, &head, sizeof head);
    if (size > 0) {
        memcpy(message + sizeof head, bytes, size);
    }
    runtime_send_control(agent->runtime, agent->config->coordinator_rank, CONTROL_REPLY, message, size + sizeof head);
    if (message != small) {
        free(message);
    }
}

/* --- the phase --- */

/* is_uncounted: a byte a rank (runtime.h), or nothing: a probe isn't interested. */
static void tell_state(const struct agent *agent, struct control_head head, const unsigned char *is_uncounted,
                       size_t size) {
    struct runtime_counts counts = {0};
    if (size == agent->config->rank_count) {
        counts = runtime_counts(agent->runtime, (const bool *)is_uncounted);
    }
    const struct control_state state = {.sent_count = counts.sent,
                                        .received_count = counts.received,
                                        .progress_count = agent->runtime->progress_count,
                                        .completed_count = agent->completed_count,
                                        .loaded_count = agent->issued_count + agent_left(agent),
                                        .quiet = !agent->running && agent->runtime->has_peer &&
                                                 chord_peer_is_quiet(&agent->runtime->peer)};
    agent_reply(agent, head, &state, sizeof state);
}

static void tell_metrics(struct agent *agent, struct control_head head) {
    agent->ran->traffic = runtime_traffic(agent->runtime);
    traffic_subtract(&agent->ran->traffic, &agent->traffic_before);
    const struct chord_cache *cache = &agent->runtime->peer.cache;
    agent->ran->cache_use = (struct cache_use){.counters = cache->counters, .entry_count = cache->entry_count};
    chord_cache_counters_subtract(&agent->ran->cache_use.counters, &agent->cache_before);
    agent_reply(agent, head, agent->ran, sizeof *agent->ran);
}

static void tell_action(const struct agent *agent, struct control_head head, uint32_t action) {
    const struct generated *generated = &agent->source.generated;
    struct action_metrics *told = calloc(1, sizeof *told);
    chord_check(told != NULL && agent->source.generates && action <= MIX_ACTION_COUNT);
    if (action < MIX_ACTION_COUNT) {
        *told = generated->actions[action];
    } else {
        told->latency_ns = *generated->lag;
    }
    agent_reply(agent, head, told, sizeof *told);
    free(told);
}

static void tell_history(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    struct control_history_asked asked;
    chord_check(size == sizeof asked);
    memcpy(&asked, bytes, sizeof asked);
    unsigned char *piece = recorder_piece(&agent->recorder, agent, &asked, &size);
    agent_reply(agent, head, piece, size);
    free(piece);
}

static void tell_arcs(const struct agent *agent, struct control_head head) {
    size_t count = 0;
    struct copies_arc *arcs = describe_arcs(&agent->runtime->peer, &count);
    agent_reply(agent, head, arcs, count * sizeof *arcs);
    free(arcs);
}

static void tell_keys(const struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    const size_t count = size / sizeof(struct chord_id);
    struct chord_id *ids = calloc(count + 1, sizeof *ids);
    uint64_t *key_counts = calloc(count + 1, sizeof *key_counts);
    chord_check(count > 0 && ids != NULL && key_counts != NULL);
    memcpy(ids, bytes, count * sizeof *ids);
    for (uint32_t v = 0; v < agent->config->virtual_node_count; v++) {
        const struct chord_arc *own = chord_node_own_arc(&agent->runtime->peer.nodes[v]);
        const struct chord_entry *entry;
        for (size_t position = 0; own != NULL && (entry = chord_store_next(&own->store, &position)) != NULL;) {
            key_counts[chord_id_owner(ids, count, chord_entry_id(entry))]++;
        }
    }
    agent_reply(agent, head, key_counts, count * sizeof *key_counts);
    free(ids);
    free(key_counts);
}

static void tell_nodes(const struct agent *agent, struct control_head head) {
    const uint32_t count = agent->config->virtual_node_count;
    struct result_node *nodes = calloc(count, sizeof *nodes);
    chord_check(nodes != NULL);
    for (uint32_t v = 0; v < count; v++) {
        nodes[v] = describe_node(&agent->runtime->peer.nodes[v]);
        nodes[v].requests_owned -= agent->node_owned_before[v];
        nodes[v].requests_forwarded -= agent->node_forwarded_before[v];
    }
    agent_reply(agent, head, nodes, count * sizeof *nodes);
    free(nodes);
}

static void tell_tables(const struct agent *agent, struct control_head head, uint32_t virtual_node) {
    size_t size = 0;
    chord_check(virtual_node < agent->config->virtual_node_count);
    char *text = describe_table(&agent->runtime->peer.nodes[virtual_node], &size);
    agent_reply(agent, head, text, size);
    free(text);
}

static void tell_rank(const struct agent *agent, struct control_head head) {
    struct result_rank told = agent->place;
    told.pair_bytes = agent->runtime->memory.bytes;
    told.pool_bytes_used_max = runtime_pool_used_max(agent->runtime);
    struct rusage usage;
    chord_check(getrusage(RUSAGE_SELF, &usage) == 0);
    told.resident_bytes_max = (uint64_t)usage.ru_maxrss * 1024;
    agent_reply(agent, head, &told, sizeof told);
}

static void tell_waiting(const struct agent *agent, struct control_head head) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    chord_check(out != NULL);
    fprintf(out, "%zu of %" PRIu64 " operations answered", agent->completed_count, agent->issued_count + agent_left(agent));
    if (agent->runtime->has_peer) {
        waiting_tell(out, &agent->runtime->peer);
    }
    if (agent->witness.scattering) {
        fputs(", sending its history", out);
    }
    chord_check(fclose(out) == 0);
    agent_reply(agent, head, text, size);
    free(text);
}

/* --- the shell's questions --- */

static const struct chord_node *node_of(const struct agent *agent, uint32_t virtual_node) {
    chord_check(agent->runtime->has_peer && virtual_node < agent->config->virtual_node_count);
    return &agent->runtime->peer.nodes[virtual_node];
}

static void tell_step(const struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    struct control_step_asked asked;
    chord_check(size == sizeof asked);
    memcpy(&asked, bytes, sizeof asked);
    const struct control_step step = inspect_step(node_of(agent, asked.virtual_node), asked.target);
    agent_reply(agent, head, &step, sizeof step);
}

static void tell_info(const struct agent *agent, struct control_head head, uint32_t virtual_node) {
    size_t size;
    unsigned char *info = inspect_info(node_of(agent, virtual_node), &size);
    agent_reply(agent, head, info, size);
    free(info);
}

static void tell_pairs(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    struct control_pairs_asked asked;
    chord_check(size == sizeof asked);
    memcpy(&asked, bytes, sizeof asked);
    const struct chord_node *node = node_of(agent, asked.virtual_node);
    if (asked.begin) {
        inspect_list(&agent->listing, node);
    }
    unsigned char *pairs = inspect_pairs(&agent->listing, node, &size);
    agent_reply(agent, head, pairs, size);
    free(pairs);
}

/* --- faults --- */

/* What the faults of the phase, in windows of rank 0's clock, did to this rank's operations. */
static void tell_impact(const struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    const size_t count = size / sizeof(struct impact_window);
    struct impact *impacts = calloc(count + 1, sizeof *impacts);
    chord_check(impacts != NULL);
    for (size_t i = 0; i < count; i++) {
        struct impact_window window;
        memcpy(&window, bytes + i * sizeof window, sizeof window);
        window.from_ns -= (uint64_t)agent->clock_offset_ns;
        window.to_ns -= (uint64_t)agent->clock_offset_ns;
        impact_add(&impacts[i], agent->history.records, agent->history.count, &window);
    }
    agent_reply(agent, head, impacts, count * sizeof *impacts);
    free(impacts);
}

static void tell_key(struct agent *agent, struct control_head head, uint32_t index) {
    size_t size;
    const unsigned char *key = agent_key(agent, index, &size);
    agent_reply(agent, head, key, size);
}

/* --- dispatch --- */

void agent_tell(struct agent *agent, struct control_head head, const unsigned char *bytes, size_t size) {
    uint32_t number = 0;
    memcpy(&number, bytes, size < sizeof number ? size : sizeof number);
    switch (head.command) {
    case COMMAND_STATE:
        tell_state(agent, head, bytes, size);
        return;
    case COMMAND_METRICS:
        tell_metrics(agent, head);
        return;
    case COMMAND_ARCS:
        tell_arcs(agent, head);
        return;
    case COMMAND_KEYS:
        tell_keys(agent, head, bytes, size);
        return;
    case COMMAND_NODES:
        tell_nodes(agent, head);
        return;
    case COMMAND_TABLES:
        tell_tables(agent, head, number);
        return;
    case COMMAND_RANK:
        tell_rank(agent, head);
        return;
    case COMMAND_KEY:
        tell_key(agent, head, number);
        return;
    case COMMAND_WAITING:
        tell_waiting(agent, head);
        return;
    case COMMAND_STEP:
        tell_step(agent, head, bytes, size);
        return;
    case COMMAND_INFO:
        tell_info(agent, head, number);
        return;
    case COMMAND_PAIRS:
        tell_pairs(agent, head, bytes, size);
        return;
    case COMMAND_IMPACT:
        tell_impact(agent, head, bytes, size);
        return;
    case COMMAND_HISTORY:
        tell_history(agent, head, bytes, size);
        return;
    case COMMAND_ACTION:
        tell_action(agent, head, number);
        return;
    default:
        break;
    }
    chord_check(!"a command that only asks");
}
