#include "app/shell/ask.h"

#include "chord/base/check.h"
#include "chord/member/coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct chord_config *config_of(const struct ask *ask) {
    return driver_setup_of(ask->driver)->config;
}

bool ask_begin(struct ask *ask) {
    ask->ring = driver_ring(ask->driver);
    return driver_gather_ranks(ask->driver);
}

void ask_clear(struct ask *ask) {
    free(ask->reply);
    ask->reply = NULL;
    ask->reply_capacity = 0;
}

const char *ask_host(const struct ask *ask, uint32_t rank) {
    return driver_ranks(ask->driver)[rank].host;
}

struct answers_node ask_name(const struct ask *ask, struct chord_member member) {
    struct answers_node node = {.member = member};
    int size = snprintf(node.name, sizeof node.name, "%s:%u", ask_host(ask, member.address.rank), member.address.rank);
    if (config_of(ask)->virtual_node_count > 1 && member.address.virtual_node != CHORD_ALL_NODES) {
        snprintf(node.name + size, sizeof node.name - (size_t)size, "#%u", member.address.virtual_node);
    }
    return node;
}

struct answers_node ask_name_at(const struct ask *ask, struct chord_address address) {
    const struct ring_node *node = ring_find(ask->ring, address);
    return ask_name(ask, node != NULL ? node->member : (struct chord_member){.address = address});
}

struct answers_node ask_owner(const struct ask *ask, struct chord_id id) {
    const struct ring *ring = ask->ring;
    chord_check(ring->member_count > 0);
    uint32_t owner = 0;
    while (owner < ring->member_count && chord_id_compare(ring->members[owner].id, id) < 0) {
        owner++;
    }
    return ask_name(ask, ring->members[owner < ring->member_count ? owner : 0]);
}

bool ask_resolve(const struct ask *ask, const struct command_node *node, struct chord_address *first, uint16_t *count,
                 char *error) {
    const struct chord_config *config = config_of(ask);
    if (node->rank >= config->rank_count) {
        snprintf(error, COMMAND_ERROR_SIZE, "there is no rank %u: the ranks are 0..%u", node->rank,
                 config->rank_count - 1);
        return false;
    }
    const char *host = ask_host(ask, node->rank);
    if (node->host != NULL && (strlen(host) != node->host_size || memcmp(host, node->host, node->host_size) != 0)) {
        snprintf(error, COMMAND_ERROR_SIZE, "rank %u is on another host: its name is %s:%u", node->rank, host,
                 node->rank);
        return false;
    }
    if (node->has_virtual_node && node->virtual_node >= config->virtual_node_count) {
        snprintf(error, COMMAND_ERROR_SIZE, "there is no node #%u on rank %u: each has %u", node->virtual_node,
                 node->rank, config->virtual_node_count);
        return false;
    }
    *first = (struct chord_address){.rank = node->rank, .virtual_node = node->virtual_node};
    *count = node->has_virtual_node ? 1 : (uint16_t)config->virtual_node_count;
    return true;
}

bool ask_entry(struct ask *ask, const struct command_node *node, struct chord_address *entry, char *error) {
    if (node->given) {
        uint16_t count;
        return ask_resolve(ask, node, entry, &count, error);
    }
    *entry = ask->ring->members[chord_prng_below(&ask->prng, ask->ring->member_count)].address;
    return true;
}

static void on_reply(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct ask *ask = context;
    if (size > ask->reply_capacity) {
        free(ask->reply);
        ask->reply = malloc(size);
        chord_check(ask->reply != NULL);
        ask->reply_capacity = size;
    }
    if (size > 0) {
        memcpy(ask->reply, bytes, size);
    }
    ask->reply_size = size;
}

bool ask_rank(struct ask *ask, const char *what, uint32_t rank, enum control_command command, const void *bytes,
              size_t size) {
    struct commander *commander = driver_commander(ask->driver);
    commander_begin(commander, what, on_reply, ask);
    commander_tell(commander, rank, command, bytes, size);
    return commander_wait(commander);
}

const unsigned char *ask_take(const struct ask *ask, void *head, size_t head_size) {
    chord_check(ask->reply_size >= head_size);
    memcpy(head, ask->reply, head_size);
    return ask->reply + head_size;
}
