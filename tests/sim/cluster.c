#include "tests/sim/cluster.h"

#include "app/driver/budget.h"
#include "chord/base/check.h"
#include "chord/base/digest.h"
#include "tests/sim/draw.h"
#include "tests/sim/trace.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A sink's context: the cluster and the rank that speaks. */
struct speaker {
    struct cluster *cluster;
    uint32_t rank;
};
static struct speaker speakers[CLUSTER_RANKS_MAX];

static void *resize_block(void *context, void *block, size_t size) {
    (void)context;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}
static const struct chord_allocator allocator = {.resize = resize_block};

void cluster_break(struct cluster *cluster, const char *rule, const char *format, ...) {
    if (cluster->broken != NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    cluster->broken = rule;
    vsnprintf(cluster->broken_text, sizeof cluster->broken_text, format, arguments);
    va_end(arguments);
}

/* --- what the peers say --- */

/* The bounds that the transport's pool is sized by (app/driver/budget.h). They rest on the number of a request's copies. */
static void bound_queues(struct cluster *cluster) {
    const struct chord_config *config = &cluster->config;
    const bool repeats = config->retry_ticks < 1000000;
    if (repeats && (config->copies_max == 0 || config->copies_max > BUDGET_COPIES_OF_A_REQUEST)) {
        return;
    }
    const struct budget_demand demand = {.rank_count = config->rank_count,
                                         .key_size_max = CHORD_KEY_SIZE_MAX,
                                         .value_size_max = config->value_size_max,
                                         .record_bytes = config->credit_bytes,
                                         .frame_bytes = config->credit_bytes,
                                         .changes_ring = true};
    const struct budget budget = budget_with_credits(config, &demand, config->credit_count);
    chord_check(budget.credit_count == config->credit_count);
    cluster->queue_max =
        (struct network_queue){.messages = budget.queued_messages_max, .bytes = budget.queued_bytes_max};
    cluster->counts.bounded = 1;
}

/* What one rank has to send never outgrows its pool. */
static void check_queue(struct cluster *cluster, uint32_t rank) {
    const struct network_queue *queue = &cluster->network.queues[rank];
    const struct network_queue *most = &cluster->queue_max;
    if (most->messages == 0) {
        return;
    }
    const uint64_t by_messages = 1000 * queue->messages / most->messages;
    const uint64_t by_bytes = 1000 * queue->bytes / most->bytes;
    const uint64_t fill = by_messages > by_bytes ? by_messages : by_bytes;
    cluster->fill_permille = fill > cluster->fill_permille ? fill : cluster->fill_permille;
    if (queue->messages > most->messages || queue->bytes > most->bytes) {
        cluster_break(cluster, "pool", "rank %u has %llu messages of %llu bytes to send, the bounds are %llu and %llu", rank,
                      (unsigned long long)queue->messages, (unsigned long long)queue->bytes,
                      (unsigned long long)most->messages, (unsigned long long)most->bytes);
    }
}

static void sink_send(void *context, const struct chord_message *message) {
    const struct speaker *speaker = context;
    if (speaker->cluster->observe != NULL) {
        speaker->cluster->observe(speaker->cluster->observer, speaker->cluster, message);
    }
    network_send(&speaker->cluster->network, message, speaker->cluster->now_ticks);
    check_queue(speaker->cluster, speaker->rank);
}

/* An operation that nobody knows the end of. */
static void record_unknown(struct cluster *cluster, uint32_t rank, uint32_t index) {
    const struct cluster_operation *operation = &cluster->clients[rank].operations[index];
    const struct cluster_key *key = &cluster->keys[operation->key];
    const struct history_record entry = {
        .key_digest = chord_digest64(key->bytes, key->size),
        .value_digest =
            operation->kind == CHORD_INSERT ? chord_digest64(operation->value, operation->value_size) : 0,
        .start_ns = operation->issued_ticks,
        .client_rank = rank,
        .index = index,
        .kind = (uint8_t)operation->kind,
        .outcome = CHORD_UNKNOWN};
    cluster->counts.unknown++;
    chord_check(history_append(&cluster->history, &entry) == CHORD_OK);
}

static void record(struct cluster *cluster, uint32_t rank, const struct chord_completion *completion) {
    const struct cluster_operation *operation = &cluster->clients[rank].operations[completion->tag];
    const struct cluster_key *key = &cluster->keys[operation->key];
    uint64_t value_digest = 0;
    if (completion->outcome == CHORD_FOUND) {
        value_digest = chord_digest64(completion->value, completion->value_size);
    } else if (completion->kind == CHORD_INSERT) {
        value_digest = chord_digest64(operation->value, operation->value_size);
    }
    const struct history_record entry = {
        .key_digest = chord_digest64(key->bytes, key->size),
        .value_digest = value_digest,
        .start_ns = completion->started_ticks,
        .end_ns = cluster->now_ticks,
        .version_counter = completion->version.counter,
        .version_epoch = completion->version.epoch,
        .client_rank = rank,
        .index = (uint32_t)completion->tag,
        .kind = (uint8_t)completion->kind,
        .outcome = (uint8_t)completion->outcome};
    chord_check(history_append(&cluster->history, &entry) == CHORD_OK);
}

/* A value tells which operation wrote it: it must have been one on this key. */
static void check_value(struct cluster *cluster, uint32_t key, const struct chord_completion *completion) {
    unsigned rank = 0;
    unsigned index = 0;
    char text[32] = "";
    memcpy(text, completion->value, completion->value_size < sizeof text - 1 ? completion->value_size : sizeof text - 1);
    if (sscanf(text, "%u.%u", &rank, &index) == 2 && rank < cluster->config.rank_count &&
        index < cluster->clients[rank].next) {
        const struct cluster_operation *operation = &cluster->clients[rank].operations[index];
        if (operation->kind == CHORD_INSERT && operation->key == key &&
            operation->value_size == completion->value_size &&
            memcmp(operation->value, completion->value, completion->value_size) == 0) {
            return;
        }
    }
    cluster_break(cluster, "value", "key%u was answered with a value that nobody wrote", key);
}

static void sink_complete(void *context, const struct chord_completion *completion) {
    const struct speaker *speaker = context;
    struct cluster *cluster = speaker->cluster;
    struct cluster_client *client = &cluster->clients[speaker->rank];
    struct cluster_operation *operation = &client->operations[completion->tag];
    struct cluster_key *key = &cluster->keys[operation->key];
    if (operation->completed) {
        cluster_break(cluster, "I7", "rank %u: operation %u was answered twice", speaker->rank,
                      (unsigned)completion->tag);
    }
    if (completion->outcome == CHORD_FOUND) {
        check_value(cluster, operation->key, completion);
    }
    operation->completed = true;
    operation->outcome = completion->outcome;
    operation->version = completion->version;
    client->completed_count++;
    cluster->counts.shortcuts += completion->shortcut != CHORD_SHORTCUT_NONE;
    cluster->counts.stale_shortcuts += completion->shortcut == CHORD_SHORTCUT_STALE;
    trace_completion(cluster->trace, cluster->now_ticks, speaker->rank, completion);
    if (completion->outcome == CHORD_UNKNOWN) {
        record_unknown(cluster, speaker->rank, (uint32_t)completion->tag);
        return;
    }
    /* I9: versions that are answered for a key only grow. */
    if (cluster->config.consistency == CHORD_LINEARIZABLE && operation->any_answered_before &&
        cluster->counts.lost_parts == 0) {
        const int order = chord_version_compare(completion->version, operation->answered_before);
        if (order < 0 || (order == 0 && completion->kind != CHORD_QUERY)) {
            cluster_break(cluster, "I9", "rank %u: operation %u was answered with an older version", speaker->rank,
                          (unsigned)completion->tag);
        }
    }
    if (!key->any_answered || chord_version_compare(completion->version, key->answered) > 0) {
        key->answered = completion->version;
        key->answered_outcome = completion->outcome;
        key->any_answered = true;
    }
    record(cluster, speaker->rank, completion);
}

static void count_change(struct cluster_counts *counts, const struct chord_change *change) {
    counts->changes++;
    counts->interrupted_changes += change->attempt_count > 1;
    for (uint32_t i = 0; i < change->member_count; i++) {
        counts->joins += change->members[i].what == CHORD_COMMAND_JOIN;
        counts->departs += change->members[i].what == CHORD_COMMAND_DEPART;
        counts->exclusions += change->members[i].what == CHORD_COMMAND_EXCLUDE;
    }
}

static void sink_notice(void *context, const struct chord_notice *notice) {
    const struct speaker *speaker = context;
    struct cluster *cluster = speaker->cluster;
    trace_notice(cluster->trace, cluster->now_ticks, notice);
    switch (notice->kind) {
    case CHORD_NOTICE_FORMED:
        cluster->formed = true;
        cluster->formed_ticks = cluster->now_ticks;
        break;
    case CHORD_NOTICE_CHANGED:
        count_change(&cluster->counts, &notice->change);
        break;
    case CHORD_NOTICE_SETTLED:
        cluster->counts.settled++;
        break;
    case CHORD_NOTICE_CANCELLED:
        cluster->counts.cancelled_departures++;
        break;
    case CHORD_NOTICE_DUPLICATE_ID:
        cluster_break(cluster, "formation", "two nodes have one id");
        break;
    case CHORD_NOTICE_SUSPECTED:
        cluster->counts.suspicions++;
        cluster->counts.false_suspicions += !cluster->is_dead[notice->suspicion.rank];
        break;
    case CHORD_NOTICE_HEARD:
        break;
    case CHORD_NOTICE_LOST:
        cluster->counts.lost_parts++;
        break;
    case CHORD_NOTICE_SHUT:
        network_shut(&cluster->network, speaker->rank, notice->rank);
        break;
    case CHORD_NOTICE_OPENED:
        network_open(&cluster->network, speaker->rank, notice->rank);
        cluster->counts.returns += speaker->rank == cluster->config.coordinator_rank;
        break;
    }
}

const struct chord_roster_entry *cluster_roster(const struct cluster *cluster, uint32_t index) {
    return &cluster->peers[cluster->config.coordinator_rank].coordinator.roster.entries[index];
}

/* --- making one --- */

void cluster_init(struct cluster *cluster, uint64_t seed, bool is_faulty, FILE *trace) {
    memset(cluster, 0, sizeof *cluster);
    cluster->seed = seed;
    cluster->is_faulty = is_faulty;
    cluster->prng = chord_prng_seeded(seed, 0);
    cluster->trace = trace;
    const uint32_t delay_ticks_max = draw_cluster(cluster);
    network_init(&cluster->network, cluster->config.rank_count, seed, delay_ticks_max, draw_record_bytes(cluster));
    bound_queues(cluster);
    const uint32_t virtual_nodes = cluster->config.virtual_node_count;
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        speakers[rank] = (struct speaker){.cluster = cluster, .rank = rank};
        cluster->sinks[rank] = (struct chord_sink){
            .context = &speakers[rank], .send = sink_send, .complete = sink_complete, .notice = sink_notice};
        const enum chord_status status =
            chord_peer_init(&cluster->peers[rank], &cluster->config, &cluster->sinks[rank], &allocator, rank,
                            &cluster->ids[rank * virtual_nodes], 1);
        chord_check(status == CHORD_OK);
    }
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        chord_peer_start(&cluster->peers[rank]);
    }
}

void cluster_clear(struct cluster *cluster) {
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        for (uint32_t i = 0; i < cluster->operations_per_client; i++) {
            free(cluster->clients[rank].operations[i].value);
        }
        free(cluster->clients[rank].operations);
        chord_peer_clear(&cluster->peers[rank]);
    }
    network_clear(&cluster->network);
    history_free(&cluster->history);
}

/* --- running it --- */

/* Issues what the rank's client has room for; now and then it holds back, so that runs are not all in lock step. */
static void issue(struct cluster *cluster, uint32_t rank) {
    struct cluster_client *client = &cluster->clients[rank];
    while (cluster->formed && !client->is_stuck && client->next < cluster->operations_per_client &&
           client->pause_until_ticks <= cluster->now_ticks) {
        if (chord_prng_below(&cluster->prng, 8) == 0) {
            client->pause_until_ticks = cluster->now_ticks + chord_prng_below(&cluster->prng, 300);
            continue;
        }
        struct cluster_operation *operation = &client->operations[client->next];
        struct cluster_key *key = &cluster->keys[operation->key];
        const struct chord_operation submitted = {.tag = client->next,
                                                  .kind = operation->kind,
                                                  .entry = operation->entry,
                                                  .key_id = key->id,
                                                  .key = key->bytes,
                                                  .key_size = key->size,
                                                  .value = operation->value,
                                                  .value_size = operation->value_size};
        operation->issued_ticks = cluster->now_ticks;
        operation->answered_before = key->answered;
        operation->any_answered_before = key->any_answered;
        const enum chord_status status =
            chord_client_submit(&cluster->peers[rank].client, &submitted, cluster->now_ticks);
        if (status == CHORD_BUSY) {
            client->is_stuck = chord_client_is_stuck(
                &cluster->peers[rank].client,
                chord_client_cost(&cluster->config, operation->kind, key->size, operation->value_size));
            return;
        }
        if (status != CHORD_OK) {
            cluster_break(cluster, "client", "rank %u: %s", rank, chord_status_text(status));
            return;
        }
        for (uint32_t i = 0; i < client->next; i++) {
            if (client->operations[i].key == operation->key && !client->operations[i].completed) {
                cluster_break(cluster, "client", "rank %u: operations %u and %u on one key are under way at once", rank,
                              i, client->next);
            }
        }
        client->next++;
    }
}

static uint64_t client_deadline(const struct cluster *cluster, uint32_t rank) {
    const struct cluster_client *client = &cluster->clients[rank];
    const bool waits = cluster->formed && client->next < cluster->operations_per_client &&
                       client->pause_until_ticks > cluster->now_ticks;
    return waits ? client->pause_until_ticks : UINT64_MAX;
}

static void deliver(struct cluster *cluster) {
    const struct network_message message = network_take(&cluster->network);
    if (cluster->is_dead[message.to_rank] || message.bytes == NULL) {
        free(message.bytes);
        return; /* nobody is there, or it isn't whole yet */
    }
    cluster->stepped_rank = message.to_rank;
    for (uint32_t i = 0; i < cluster->lie_count; i++) {
        chord_cache_learn(&cluster->peers[message.to_rank].cache, &cluster->lies[message.to_rank][i]);
    }
    const struct chord_message decoded = network_decode(&message);
    trace_message(cluster->trace, cluster->now_ticks, &decoded, cluster->config.id_bits);
    struct chord_peer *peer = &cluster->peers[message.to_rank];
    const struct chord_store_slot *slot = chord_peer_prefetch(peer, message.bytes, message.size);
    if (slot != NULL) {
        chord_store_prefetch_pair(slot);
    }
    const enum chord_status status = chord_peer_receive(peer, &decoded, cluster->now_ticks);
    if (status != CHORD_OK && status != CHORD_STALE) {
        cluster_break(cluster, "step", "%s from %u to %u: %s", chord_message_name(decoded.type), message.from_rank,
                      message.to_rank, chord_status_text(status));
    }
    free(message.bytes);
    issue(cluster, message.to_rank);
}

/* --- commands and faults --- */

static uint64_t after_formation(const struct cluster *cluster, uint64_t ticks) {
    return cluster->formed ? cluster->formed_ticks + ticks : UINT64_MAX;
}

static uint64_t command_deadline(const struct cluster *cluster) {
    return cluster->command_next == cluster->command_count
               ? UINT64_MAX
               : after_formation(cluster, cluster->commands[cluster->command_next].at_ticks);
}

static uint64_t fault_deadline(const struct cluster *cluster) {
    const struct faults *faults = &cluster->faults;
    return faults->next == faults->count ? UINT64_MAX
                                         : after_formation(cluster, faults->items[faults->next].at_ticks);
}

static void give_command(struct cluster *cluster) {
    const struct cluster_command *command = &cluster->commands[cluster->command_next++];
    const uint32_t coordinator = cluster->config.coordinator_rank;
    cluster->stepped_rank = coordinator;
    if (command->what == CHORD_COMMAND_EXCLUDE && command->node.rank != coordinator) {
        network_stall(&cluster->network, coordinator, command->node.rank,
                      cluster->now_ticks + command->stall_ticks);
    }
    const enum chord_status status =
        chord_peer_command(&cluster->peers[coordinator], command->what, command->node, cluster->now_ticks);
    trace_command(cluster->trace, cluster->now_ticks, command->what, command->node, status);
    switch (status) {
    case CHORD_OK:
        break;
    case CHORD_ALREADY_MEMBER:
    case CHORD_NOT_MEMBER:
    case CHORD_LAST_MEMBER:
    case CHORD_UNDER_WAY:
    case CHORD_UNREACHABLE:
        cluster->counts.refusals++;
        break;
    default:
        cluster_break(cluster, "command", "%s", chord_status_text(status));
    }
}

/* Whether a node has all of a part, so far as nobody has excluded it: it said so, or it was in the chain when the part was
 * committed last. The second is not for the coordinator to forget. */
static bool has_all(const struct chord_part *part, const struct chord_holder *holder) {
    for (uint32_t i = 0; i < part->committed_count; i++) {
        if (chord_member_equal(&part->committed[i], &holder->member)) {
            return true;
        }
    }
    return holder->complete;
}

/* Whether each part is complete at a living node, even if a rank dies. */
static bool would_survive(const struct cluster *cluster, uint32_t rank) {
    const struct chord_parts *parts = &cluster->peers[cluster->config.coordinator_rank].coordinator.parts;
    for (uint32_t i = 0; i < parts->count; i++) {
        bool survives = false;
        for (uint32_t h = 0; h < parts->items[i].holder_count; h++) {
            const struct chord_holder *holder = &parts->items[i].holders[h];
            const uint32_t at = holder->member.address.rank;
            survives |= has_all(&parts->items[i], holder) && at != rank && !cluster->is_dead[at];
        }
        if (!survives) {
            return false;
        }
    }
    return true;
}

/* Whether a node that lives is in the ring, or is being taken in. */
static bool has_living_member(const struct cluster *cluster) {
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const enum chord_roster_state state = cluster_roster(cluster, i)->state;
        if ((state == CHORD_ROSTER_MEMBER || state == CHORD_ROSTER_JOINING) &&
            !cluster->is_dead[i / cluster->config.virtual_node_count]) {
            return true;
        }
    }
    return false;
}

bool cluster_is_beyond_help(const struct cluster *cluster) {
    return (!cluster->config.allows_data_loss && !would_survive(cluster, UINT32_MAX)) ||
           !has_living_member(cluster);
}

/* What the client has under way may have happened. */
static void end_client(struct cluster *cluster, uint32_t rank) {
    const struct cluster_client *client = &cluster->clients[rank];
    for (uint32_t i = 0; i < client->next; i++) {
        if (!client->operations[i].completed) {
            record_unknown(cluster, rank, i);
        }
    }
    cluster->counts.not_issued += cluster->operations_per_client - client->next;
}

void cluster_end(struct cluster *cluster) {
    cluster->counts.cut = cluster->network.cut_total;
    cluster->counts.torn = cluster->network.torn_total;
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        if (!cluster->is_dead[rank]) {
            end_client(cluster, rank);
        }
    }
}

static void kill_rank(struct cluster *cluster, uint32_t rank) {
    cluster->is_dead[rank] = true;
    end_client(cluster, rank);
}

static void inflict(struct cluster *cluster) {
    const struct fault *fault = &cluster->faults.items[cluster->faults.next++];
    const uint64_t until = cluster->now_ticks + fault->duration_ticks;
    const bool kills = fault->kind == FAULT_CRASH || fault->kind == FAULT_SILENCE;
    if (cluster->is_dead[fault->rank]) {
        return;
    }
    if (kills && (fault->rank == cluster->config.coordinator_rank ||
                  (!cluster->config.allows_data_loss && !would_survive(cluster, fault->rank)))) {
        cluster->counts.spared++;
        return;
    }
    cluster->counts.faults[fault->kind]++;
    trace_fault(cluster->trace, cluster->now_ticks, fault);
    switch (fault->kind) {
    case FAULT_CRASH:
        network_crash(&cluster->network, fault->rank);
        kill_rank(cluster, fault->rank);
        break;
    case FAULT_SILENCE:
        kill_rank(cluster, fault->rank);
        break;
    case FAULT_PAUSE:
        network_pause(&cluster->network, fault->rank, until);
        if (cluster->paused_until_ticks[fault->rank] < until) {
            cluster->paused_until_ticks[fault->rank] = until;
        }
        break;
    case FAULT_STALL:
        network_stall(&cluster->network, fault->rank, fault->to_rank, until);
        break;
    case FAULT_KIND_COUNT:
        break;
    }
}

uint64_t cluster_calm_ticks(const struct cluster *cluster) {
    uint64_t last = cluster->faults.end_ticks;
    for (uint32_t i = 0; i < cluster->command_count; i++) {
        const uint64_t end = cluster->commands[i].at_ticks + cluster->commands[i].stall_ticks;
        last = end > last ? end : last;
    }
    return after_formation(cluster, last);
}

/* --- time --- */

/* When a rank next wants to be woken. */
static uint64_t rank_deadline(const struct cluster *cluster, uint32_t rank) {
    if (cluster->is_dead[rank]) {
        return UINT64_MAX;
    }
    uint64_t deadline = chord_peer_deadline(&cluster->peers[rank]);
    const uint64_t pause = client_deadline(cluster, rank);
    deadline = pause < deadline ? pause : deadline;
    const uint64_t stopped = cluster->paused_until_ticks[rank];
    return stopped > cluster->now_ticks && deadline < stopped ? stopped : deadline;
}

/* What has arrived by now was taken in: messages come before ticks. */
static void wake(struct cluster *cluster, uint32_t rank) {
    cluster->stepped_rank = rank;
    if (chord_peer_tick(&cluster->peers[rank], cluster->now_ticks) != CHORD_OK ||
        chord_peer_drained(&cluster->peers[rank], cluster->now_ticks) != CHORD_OK) {
        cluster_break(cluster, "step", "a tick of rank %u failed", rank);
    }
    issue(cluster, rank);
}

/* Clients that were never woken since the ring was formed. */
static bool wake_clients(struct cluster *cluster) {
    bool issued = false;
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        const uint32_t before = cluster->clients[rank].next;
        issue(cluster, rank);
        issued |= cluster->clients[rank].next != before || client_deadline(cluster, rank) != UINT64_MAX;
    }
    return issued;
}

static uint64_t lesser(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

bool cluster_step(struct cluster *cluster) {
    cluster->stepped_rank = UINT32_MAX;
    const uint64_t arrival = network_next_arrival(&cluster->network);
    const uint64_t commanded = command_deadline(cluster);
    const uint64_t inflicted = fault_deadline(cluster);
    uint64_t tick = UINT64_MAX;
    uint32_t ticked = 0;
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        const uint64_t deadline = rank_deadline(cluster, rank);
        if (deadline < tick) {
            tick = deadline;
            ticked = rank;
        }
    }
    const uint64_t next = lesser(lesser(arrival, tick), lesser(commanded, inflicted));
    if (next == UINT64_MAX) {
        return wake_clients(cluster);
    }
    cluster->event_count++;
    cluster->now_ticks = next > cluster->now_ticks ? next : cluster->now_ticks;
    if (commanded == next) {
        give_command(cluster);
    } else if (inflicted == next) {
        inflict(cluster);
    } else if (arrival == next) {
        deliver(cluster);
    } else {
        wake(cluster, ticked);
    }
    return true;
}

/* A client that is stuck issues nothing more, and a dead one is asked for nothing. */
static bool has_ended(const struct cluster *cluster, uint32_t rank) {
    const struct cluster_client *client = &cluster->clients[rank];
    return client->completed_count == cluster->operations_per_client ||
           (client->is_stuck && client->completed_count == client->next);
}

bool cluster_is_done(const struct cluster *cluster) {
    const struct chord_coordinator *coordinator = &cluster->peers[cluster->config.coordinator_rank].coordinator;
    if (!cluster->formed || network_is_busy(&cluster->network) || cluster->command_next < cluster->command_count ||
        cluster->faults.next < cluster->faults.count) {
        return false;
    }
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        if (coordinator->shut.is_shut[rank] != cluster->is_dead[rank]) {
            return false;
        }
        if (!cluster->is_dead[rank] && (!has_ended(cluster, rank) || !chord_peer_is_quiet(&cluster->peers[rank]) ||
                                        cluster->paused_until_ticks[rank] > cluster->now_ticks)) {
            return false;
        }
    }
    return true;
}
