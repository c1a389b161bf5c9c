#include "chord/peer.h"

enum chord_status chord_peer_init(struct chord_peer *peer, const struct chord_config *config,
                                  const struct chord_sink *sink, const struct chord_allocator *allocator,
                                  uint32_t rank, const struct chord_id *node_ids, uint32_t incarnation) {
    *peer = (struct chord_peer){.rank = rank};
    peer->environment = (struct chord_environment){.config = config, .sink = sink, .allocator = allocator};
    peer->nodes = chord_allocate(allocator, config->virtual_node_count * sizeof *peer->nodes);
    if (peer->nodes == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t v = 0; v < config->virtual_node_count; v++) {
        const struct chord_member self = {.id = node_ids[v],
                                          .address = {.rank = rank, .virtual_node = (uint16_t)v},
                                          .incarnation = incarnation};
        chord_node_init(&peer->nodes[v], &peer->environment, self);
    }
    if (chord_client_init(&peer->client, &peer->environment, rank) != CHORD_OK) {
        chord_free(allocator, peer->nodes);
        return CHORD_NO_MEMORY;
    }
    if (rank == config->coordinator_rank &&
        chord_coordinator_init(&peer->coordinator, &peer->environment) != CHORD_OK) {
        chord_client_clear(&peer->client);
        chord_free(allocator, peer->nodes);
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

void chord_peer_clear(struct chord_peer *peer) {
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_clear(&peer->nodes[v]);
    }
    chord_free(peer->environment.allocator, peer->nodes);
    chord_client_clear(&peer->client);
    if (peer->rank == peer->environment.config->coordinator_rank) {
        chord_coordinator_clear(&peer->coordinator);
    }
}

void chord_peer_start(struct chord_peer *peer) {
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_register(&peer->nodes[v]);
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
    case CHORD_MESSAGE_INSTALL:
        return is_address(config, message->install.source.address) && are_addresses(config, &message->install.chain);
    default:
        return true;
    }
}

enum chord_status chord_peer_receive(struct chord_peer *peer, const struct chord_message *message,
                                     uint64_t now_ticks) {
    if (!has_valid_addresses(peer->environment.config, message)) {
        return CHORD_NO_SUCH_NODE;
    }
    switch (message->type) {
    case CHORD_MESSAGE_ANSWER:
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
    default:
        if (message->to.virtual_node >= peer->environment.config->virtual_node_count) {
            return CHORD_NO_SUCH_NODE;
        }
        return chord_node_receive(&peer->nodes[message->to.virtual_node], message, now_ticks);
    }
}

static bool has_coordinator(const struct chord_peer *peer) {
    return peer->rank == peer->environment.config->coordinator_rank;
}

enum chord_status chord_peer_command(struct chord_peer *peer, enum chord_command what, struct chord_address node,
                                     uint64_t now_ticks) {
    return has_coordinator(peer) ? chord_coordinator_command(&peer->coordinator, what, node, now_ticks)
                                 : CHORD_INVALID;
}

enum chord_status chord_peer_tick(struct chord_peer *peer, uint64_t now_ticks) {
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        chord_node_tick(&peer->nodes[v], now_ticks);
    }
    chord_client_tick(&peer->client, now_ticks);
    return has_coordinator(peer) ? chord_coordinator_tick(&peer->coordinator, now_ticks) : CHORD_OK;
}

uint64_t chord_peer_deadline(const struct chord_peer *peer) {
    uint64_t deadline = chord_client_deadline(&peer->client);
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        const uint64_t node_deadline = chord_node_deadline(&peer->nodes[v]);
        deadline = node_deadline < deadline ? node_deadline : deadline;
    }
    if (has_coordinator(peer)) {
        const uint64_t coordinator_deadline = chord_coordinator_deadline(&peer->coordinator);
        deadline = coordinator_deadline < deadline ? coordinator_deadline : deadline;
    }
    return deadline;
}

bool chord_peer_is_quiet(const struct chord_peer *peer) {
    if (peer->client.outstanding_count > 0) {
        return false;
    }
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        if (!chord_node_is_quiet(&peer->nodes[v])) {
            return false;
        }
    }
    return !has_coordinator(peer) || chord_coordinator_is_quiet(&peer->coordinator);
}
