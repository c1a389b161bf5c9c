#include "chord/peer.h"

#include "chord/wire/codec.h"

#include <string.h>

/* The coordinator tells the ranks that it lives more rarely than they tell it: they only look whether it is gone. */
#define COORDINATOR_HEARTBEATS 8u

static bool has_coordinator(const struct chord_peer *peer) {
    return peer->rank == peer->environment.config->coordinator_rank;
}

enum chord_status chord_peer_init(struct chord_peer *peer, const struct chord_config *config,
                                  const struct chord_sink *sink, const struct chord_allocator *allocator,
                                  uint32_t rank, const struct chord_id *node_ids, uint32_t incarnation) {
    *peer = (struct chord_peer){.rank = rank, .heartbeat_due_ticks = UINT64_MAX};
    peer->environment = (struct chord_environment){
        .config = config, .sink = sink, .allocator = allocator, .reach = &peer->reach};
    peer->reach.is_shut = chord_allocate(allocator, config->rank_count * sizeof *peer->reach.is_shut);
    peer->nodes = chord_allocate(allocator, config->virtual_node_count * sizeof *peer->nodes);
    if (peer->reach.is_shut == NULL || peer->nodes == NULL) {
        chord_free(allocator, peer->reach.is_shut);
        chord_free(allocator, peer->nodes);
        return CHORD_NO_MEMORY;
    }
    if (config->cache_count > 0) {
        if (chord_cache_init(&peer->cache, allocator, config->cache_count) != CHORD_OK) {
            chord_free(allocator, peer->nodes);
            chord_free(allocator, peer->reach.is_shut);
            return CHORD_NO_MEMORY;
        }
        peer->environment.cache = &peer->cache;
    }
    memset(peer->reach.is_shut, 0, config->rank_count * sizeof *peer->reach.is_shut);
    for (uint32_t v = 0; v < config->virtual_node_count; v++) {
        const struct chord_member self = {.id = node_ids[v],
                                          .address = {.rank = rank, .virtual_node = (uint16_t)v},
                                          .incarnation = incarnation};
        chord_node_init(&peer->nodes[v], &peer->environment, self);
    }
    peer->nodes_deadline_ticks = UINT64_MAX; /* they wait for nothing yet */
    if (chord_client_init(&peer->client, &peer->environment, rank) == CHORD_OK) {
        if (!has_coordinator(peer) ||
            chord_coordinator_init(&peer->coordinator, &peer->environment) == CHORD_OK) {
            return CHORD_OK;
        }
        chord_client_clear(&peer->client);
    }
    chord_cache_clear(&peer->cache, allocator);
    chord_free(allocator, peer->nodes);
    chord_free(allocator, peer->reach.is_shut);
    return CHORD_NO_MEMORY;
}

void chord_peer_clear(struct chord_peer *peer) {
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_clear(&peer->nodes[v]);
    }
    chord_free(peer->environment.allocator, peer->nodes);
    chord_client_clear(&peer->client);
    if (has_coordinator(peer)) {
        chord_coordinator_clear(&peer->coordinator);
    }
    chord_cache_clear(&peer->cache, peer->environment.allocator);
    chord_free(peer->environment.allocator, peer->reach.is_shut);
}

void chord_peer_start(struct chord_peer *peer) {
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_register(&peer->nodes[v]);
    }
    if (peer->environment.config->heartbeat_ticks > 0 && peer->environment.config->rank_count > 1) {
        peer->heartbeat_due_ticks = 0;
    }
}

/* --- the nodes' deadlines --- */

static void find_deadline(struct chord_peer *peer) {
    peer->nodes_deadline_ticks = UINT64_MAX;
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        const uint64_t deadline = chord_node_deadline(&peer->nodes[v]);
        if (deadline < peer->nodes_deadline_ticks) {
            peer->nodes_deadline_ticks = deadline;
            peer->nodes_deadline_index = v;
        }
    }
}

/* After anything that may have changed the node's deadline. A host asks for the earliest all the time: with many virtual
 * nodes it can't look at each of them then. */
static void note_deadline(struct chord_peer *peer, uint32_t v) {
    const uint64_t deadline = chord_node_deadline(&peer->nodes[v]);
    if (deadline <= peer->nodes_deadline_ticks) {
        peer->nodes_deadline_ticks = deadline;
        peer->nodes_deadline_index = v;
    } else if (peer->nodes_deadline_index == v) {
        find_deadline(peer);
    }
}

/* --- the reach of the rank --- */

static enum chord_status receive_shut(struct chord_peer *peer, uint32_t rank, uint64_t now_ticks) {
    if (rank == peer->rank || peer->reach.is_shut[rank]) {
        return CHORD_STALE;
    }
    peer->reach.is_shut[rank] = true;
    peer->reach.shut_count++;
    if (!has_coordinator(peer)) { /* whose coordinator has said so itself, before it went on */
        const struct chord_notice notice = {.kind = CHORD_NOTICE_SHUT, .rank = rank};
        peer->environment.sink->notice(peer->environment.sink->context, &notice);
    }
    chord_cache_forget_rank(&peer->cache, rank);
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_shut(&peer->nodes[v], rank, now_ticks);
    }
    find_deadline(peer);
    chord_client_ask_again(&peer->client, now_ticks);
    return CHORD_OK;
}

static enum chord_status receive_open(struct chord_peer *peer, uint32_t rank, uint64_t now_ticks) {
    const struct chord_notice notice = {.kind = CHORD_NOTICE_OPENED, .rank = rank};
    if (rank == peer->rank) { /* it was out itself: answers to it were discarded */
        chord_client_ask_again(&peer->client, now_ticks);
        peer->environment.sink->notice(peer->environment.sink->context, &notice);
        return CHORD_OK;
    }
    if (!peer->reach.is_shut[rank]) {
        return CHORD_STALE;
    }
    peer->reach.is_shut[rank] = false;
    peer->reach.shut_count--;
    if (!has_coordinator(peer)) {
        peer->environment.sink->notice(peer->environment.sink->context, &notice);
    }
    return CHORD_OK;
}

/* --- heartbeats --- */

static void send_heartbeats(struct chord_peer *peer, uint64_t now_ticks) {
    const struct chord_config *config = peer->environment.config;
    if (peer->heartbeat_due_ticks > now_ticks) {
        return;
    }
    struct chord_message message = {.type = CHORD_MESSAGE_HEARTBEAT,
                                    .from = {.rank = peer->rank},
                                    .to = {.rank = config->coordinator_rank}};
    peer->heartbeat_due_ticks = now_ticks + config->heartbeat_ticks;
    if (!has_coordinator(peer)) {
        chord_send(&peer->environment, &message);
        return;
    }
    peer->heartbeat_due_ticks = now_ticks + COORDINATOR_HEARTBEATS * config->heartbeat_ticks;
    for (message.to.rank = 0; message.to.rank < config->rank_count; message.to.rank++) {
        if (message.to.rank != peer->rank && !chord_is_shut(&peer->environment, message.to.rank)) {
            chord_send(&peer->environment, &message);
        }
    }
}

/* Every address in a message must be one of the job, or an answer to it could not be sent. */
static bool is_address(const struct chord_config *config, struct chord_address address) {
    return address.rank < config->rank_count && address.virtual_node < config->virtual_node_count;
}

static bool are_addresses(const struct chord_config *config, const struct chord_members *members) {
    for (uint32_t i = 0; i < members->count; i++) {
        if (!is_address(config, chord_members_get(members, i).address)) {
            return false;
        }
    }
    return true;
}

static bool has_valid_addresses(const struct chord_config *config, const struct chord_message *message) {
    if (!is_address(config, message->from)) {
        return false;
    }
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        return message->request.client_rank < config->rank_count;
    case CHORD_MESSAGE_CHAIN:
        return message->chain.request.client_rank < config->rank_count;
    case CHORD_MESSAGE_LOOKUP:
        return is_address(config, message->lookup.origin.owner.address);
    case CHORD_MESSAGE_FOUND:
        return is_address(config, message->found.claim.owner.address);
    case CHORD_MESSAGE_ANNOUNCE:
        return is_address(config, message->announce.claim.owner.address);
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        return is_address(config, message->registration.member.address);
    case CHORD_MESSAGE_SPARE:
        return is_address(config, message->spare.contact.address);
    case CHORD_MESSAGE_EXCLUDED:
        return is_address(config, message->excluded.contact.address);
    case CHORD_MESSAGE_NEIGHBOURS:
        return is_address(config, message->neighbours.predecessor.address) &&
               are_addresses(config, &message->neighbours.successors);
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        return message->reach.rank < config->rank_count;
    case CHORD_MESSAGE_INSTALL:
        return is_address(config, message->install.source.address) && are_addresses(config, &message->install.chain);
    default:
        return true;
    }
}

/* An answer that says who owns what was asked for. The location cache learns that, unless it is out: it would be asked for
 * ever. */
static __attribute__((noinline)) enum chord_status receive_claim(struct chord_peer *peer, const struct chord_message *message,
                                                                 uint64_t now_ticks) {
    const struct chord_claim *claim = &message->answer.claim;
    if (!is_address(peer->environment.config, claim->owner.address)) {
        return CHORD_NO_SUCH_NODE;
    }
    const enum chord_status status = chord_client_receive(&peer->client, message, now_ticks);
    if (peer->environment.cache != NULL && status != CHORD_UNEXPECTED &&
        !chord_is_shut(&peer->environment, claim->owner.address.rank)) {
        chord_cache_learn(&peer->cache, claim);
    }
    return status;
}

enum chord_status chord_peer_receive(struct chord_peer *peer, const struct chord_message *message,
                                     uint64_t now_ticks) {
    if (!has_valid_addresses(peer->environment.config, message)) {
        return CHORD_NO_SUCH_NODE;
    }
    if (has_coordinator(peer)) {
        const bool is_heartbeat = message->type == CHORD_MESSAGE_HEARTBEAT;
        const enum chord_status status =
            chord_coordinator_heard(&peer->coordinator, message->from.rank, is_heartbeat, now_ticks);
        if (status != CHORD_OK) {
            return status;
        }
    }
    switch (message->type) {
    case CHORD_MESSAGE_ANSWER:
        if (__builtin_expect(message->answer.claim.epoch != 0, 0)) {
            return receive_claim(peer, message, now_ticks);
        }
        return chord_client_receive(&peer->client, message, now_ticks);
    case CHORD_MESSAGE_REFUSAL:
        return chord_client_receive(&peer->client, message, now_ticks);
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
    case CHORD_MESSAGE_WEDGED:
    case CHORD_MESSAGE_SYNCED:
    case CHORD_MESSAGE_SETTLED:
        if (peer->rank != peer->environment.config->coordinator_rank) {
            return CHORD_UNEXPECTED;
        }
        return chord_coordinator_receive(&peer->coordinator, message, now_ticks);
    case CHORD_MESSAGE_HEARTBEAT:
        return CHORD_OK;
    case CHORD_MESSAGE_SHUT:
        return receive_shut(peer, message->reach.rank, now_ticks);
    case CHORD_MESSAGE_OPEN:
        return receive_open(peer, message->reach.rank, now_ticks);
    default:
        if (message->to.virtual_node >= peer->environment.config->virtual_node_count) {
            return CHORD_NO_SUCH_NODE;
        }
        const enum chord_status status =
            chord_node_receive(&peer->nodes[message->to.virtual_node], message, now_ticks);
        note_deadline(peer, message->to.virtual_node);
        return status;
    }
}

const struct chord_store_slot *chord_peer_prefetch(const struct chord_peer *peer, const unsigned char *bytes, size_t size) {
    uint16_t virtual_node;
    struct chord_id key_id;
    if (!chord_codec_peek_key(bytes, size, &virtual_node, &key_id) ||
        virtual_node >= peer->environment.config->virtual_node_count) {
        return NULL;
    }
    const struct chord_arc *arc = chord_arcs_containing(&peer->nodes[virtual_node].arcs, key_id);
    return arc == NULL ? NULL : chord_store_prefetch(&arc->store, key_id);
}

enum chord_status chord_peer_command(struct chord_peer *peer, enum chord_command what, struct chord_address node,
                                     uint64_t now_ticks) {
    return has_coordinator(peer) ? chord_coordinator_command(&peer->coordinator, what, node, now_ticks)
                                 : CHORD_INVALID;
}

void chord_peer_banish(struct chord_peer *peer, uint32_t rank) {
    if (has_coordinator(peer) && rank < peer->environment.config->rank_count) {
        chord_coordinator_banish(&peer->coordinator, rank);
    }
}

enum chord_status chord_peer_heard(struct chord_peer *peer, uint32_t from_rank, uint64_t now_ticks) {
    if (!has_coordinator(peer) || from_rank >= peer->environment.config->rank_count) {
        return CHORD_OK;
    }
    return chord_coordinator_heard(&peer->coordinator, from_rank, false, now_ticks);
}

enum chord_status chord_peer_failed(struct chord_peer *peer, uint32_t rank, uint64_t now_ticks) {
    if (!has_coordinator(peer) || rank >= peer->environment.config->rank_count) {
        return CHORD_OK;
    }
    return chord_coordinator_failed(&peer->coordinator, rank, now_ticks);
}

enum chord_status chord_peer_drained(struct chord_peer *peer, uint64_t now_ticks) {
    return has_coordinator(peer) ? chord_coordinator_drained(&peer->coordinator, now_ticks) : CHORD_OK;
}

enum chord_status chord_peer_tick(struct chord_peer *peer, uint64_t now_ticks) {
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_tick(&peer->nodes[v], now_ticks);
    }
    find_deadline(peer);
    chord_client_tick(&peer->client, now_ticks);
    send_heartbeats(peer, now_ticks);
    return has_coordinator(peer) ? chord_coordinator_tick(&peer->coordinator, now_ticks) : CHORD_OK;
}

uint64_t chord_peer_deadline(const struct chord_peer *peer) {
    uint64_t deadline = chord_client_deadline(&peer->client);
    deadline = peer->heartbeat_due_ticks < deadline ? peer->heartbeat_due_ticks : deadline;
    deadline = peer->nodes_deadline_ticks < deadline ? peer->nodes_deadline_ticks : deadline;
    if (has_coordinator(peer)) {
        const uint64_t coordinator_deadline = chord_coordinator_deadline(&peer->coordinator);
        deadline = coordinator_deadline < deadline ? coordinator_deadline : deadline;
    }
    return deadline;
}

bool chord_peer_is_quiet(const struct chord_peer *peer) {
    if (chord_client_waiting_count(&peer->client) > 0) {
        return false;
    }
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        if (!chord_node_is_quiet(&peer->nodes[v])) {
            return false;
        }
    }
    return !has_coordinator(peer) || chord_coordinator_is_quiet(&peer->coordinator);
}
