#include "app/driver/budget.h"

#include "app/driver/loader.h"
#include "app/report/result.h"
#include "app/verdict/copies.h"
#include "chord/client/client.h"
#include "chord/wire/codec.h"

/* Memory that one rank's queue of operations shall at most need unless the largest operation alone needs more. */
#define AUTO_POOL_BYTES (UINT64_C(256) * 1024 * 1024)
/* A transfer's piece, and another one sent since it was asked for again. */
#define COPIES_OF_A_PIECE 2u
/* As many frames as keep the source busy while its receiver asks for the next ones. */
#define PIECE_BYTES_MAX (64u * 1024u)
#define PIECES_BYTES_MAX (UINT64_C(32) * 1024 * 1024)
/* A rank's CONTROL_ANSWERED of one phase (agent.c): of 10^18 operations. */
#define ANSWERED_MESSAGES_MAX 4096u
#define ANSWERED_MESSAGE_BYTES 32u
/* A SHUT, an OPEN and a HEARTBEAT. */
#define REACH_MESSAGES 3u
#define REACH_MESSAGE_BYTES 16u
/* Lookups, acknowledgements, registration: a few small messages for every node that this rank may speak with. */
#define RESERVED_MESSAGES_PER_NODE 16u
#define RESERVED_MESSAGE_BYTES 512u

/* Text of a member and of an arc without its chain, in a routing table as describe_table() writes it. */
#define MEMBER_TEXT_BYTES 100u
#define ARC_TEXT_BYTES 200u
#define FIXED_TEXT_BYTES 1024u

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t replicas_of(const struct chord_config *config) {
    return config->replica_count < config->rank_count ? config->replica_count : config->rank_count;
}

/* Arcs that `node_count` nodes of one rank hold at most. A rank's only node holds its own and those of the k - 1 nodes
 * before it. Where ranks have several nodes it depends on the ids: a node may follow many nodes of another rank, and
 * is then the next rank for all of their arcs. */
static uint64_t arcs_held_max(const struct chord_config *config, uint64_t node_count) {
    if (config->virtual_node_count == 1 || replicas_of(config) == 1) {
        return node_count * replicas_of(config);
    }
    return (uint64_t)config->rank_count * config->virtual_node_count;
}

/* The longest routing table as text. */
static uint64_t table_bytes_max(const struct chord_config *config) {
    const uint64_t nodes = (uint64_t)config->rank_count * config->virtual_node_count;
    const uint64_t successors = config->routing == CHORD_ROUTING_ONEHOP ? nodes : config->successor_count;
    return FIXED_TEXT_BYTES + MEMBER_TEXT_BYTES * (1 + successors + CHORD_ID_BITS_MAX) +
           arcs_held_max(config, 1) * (ARC_TEXT_BYTES + MEMBER_TEXT_BYTES * replicas_of(config));
}

/* PIECEs that one rank may have under way as the source of every part. */
static uint64_t pieces_max(const struct chord_config *config) {
    return COPIES_OF_A_PIECE * (uint64_t)config->rank_count * config->virtual_node_count * replicas_of(config);
}

uint32_t budget_piece_bytes(const struct chord_config *config, uint32_t frame_bytes) {
    const uint64_t share = PIECES_BYTES_MAX / pieces_max(config);
    const uint64_t most = share < PIECE_BYTES_MAX ? share : PIECE_BYTES_MAX;
    return (uint32_t)larger(most, frame_bytes);
}

/* What a view change adds (budget.h). */
static void add_change(struct budget *budget, const struct chord_config *config, uint64_t neighbours_bytes,
                       uint64_t install_bytes) {
    const uint64_t parts = (uint64_t)config->rank_count * config->virtual_node_count;
    const uint64_t touched = 2 * replicas_of(config);
    const uint64_t small_messages = 2 * parts * touched + parts + 3 * parts;
    const uint64_t reach_messages = REACH_MESSAGES * (uint64_t)config->rank_count * config->rank_count;
    budget->change_messages_max =
        small_messages + reach_messages + parts * touched + parts + pieces_max(config) + ANSWERED_MESSAGES_MAX;
    budget->change_bytes_max = small_messages * CHORD_CODEC_FIXED_SIZE_MAX + reach_messages * REACH_MESSAGE_BYTES +
                               parts * touched * install_bytes +
                               parts * neighbours_bytes +
                               pieces_max(config) * (CHORD_CODEC_FIXED_SIZE_MAX + config->piece_bytes) +
                               ANSWERED_MESSAGES_MAX * ANSWERED_MESSAGE_BYTES;
    budget->queued_messages_max += budget->change_messages_max;
    budget->queued_bytes_max += budget->change_bytes_max;
    budget->message_bytes_max =
        (uint32_t)larger(budget->message_bytes_max, CHORD_CODEC_FIXED_SIZE_MAX + config->piece_bytes);
}

struct budget budget_with_credits(const struct chord_config *config, const struct budget_demand *demand,
                                  uint32_t credit_count) {
    struct chord_config priced = *config;
    priced.credit_bytes = demand->record_bytes;
    priced.value_size_max = demand->value_size_max;
    const uint32_t largest =
        chord_client_cost(&priced, CHORD_INSERT, demand->key_size_max, demand->value_size_max);
    const uint64_t ranks = demand->rank_count;
    const uint64_t nodes = ranks * config->virtual_node_count;
    const uint64_t operation_bytes = CHORD_CODEC_FIXED_SIZE_MAX + demand->key_size_max + demand->value_size_max;
    const uint64_t chunk_bytes = LOADER_CHUNK_BYTES + operation_bytes + 64;
    struct budget budget = {.credit_bytes = demand->record_bytes,
                            .credit_count = credit_count > largest ? credit_count : largest,
                            .largest_cost = largest};

    /* Every credit pays for one frame, full or not. */
    const uint64_t credits = BUDGET_COPIES_OF_A_REQUEST * ranks * budget.credit_count;
    /* What the heads of eventual arcs may still have to pass on, at every member. */
    const uint64_t propagating_arcs =
        config->consistency == CHORD_EVENTUAL ? arcs_held_max(config, config->virtual_node_count) : 0;
    const uint64_t reserved = RESERVED_MESSAGES_PER_NODE * nodes;
    /* At once, at the coordinator: its neighbours to every node, its chain to every member of every arc. */
    const uint64_t neighbours_bytes =
        CHORD_CODEC_FIXED_SIZE_MAX +
        CHORD_CODEC_MEMBER_SIZE * (config->routing == CHORD_ROUTING_ONEHOP ? nodes : config->successor_count);
    const uint64_t install_bytes = CHORD_CODEC_FIXED_SIZE_MAX + CHORD_CODEC_MEMBER_SIZE * replicas_of(config);
    /* The driver's: one chunk, or the ids of all nodes, to every rank; one reply of a rank. */
    const uint64_t reply_bytes =
        larger(larger(larger(sizeof(struct control_ran), nodes * sizeof(struct chord_id)),
                      config->virtual_node_count * sizeof(struct result_node)),
               larger(arcs_held_max(config, config->virtual_node_count) * sizeof(struct copies_arc),
                      demand->dumps_tables ? table_bytes_max(config) : 0));
    budget.queued_messages_max = credits + reserved + propagating_arcs * config->unacknowledged_count_max +
                                 nodes * (1 + replicas_of(config));
    budget.queued_bytes_max = credits * demand->record_bytes + reserved * RESERVED_MESSAGE_BYTES +
                              propagating_arcs * (config->unacknowledged_bytes_max + operation_bytes) +
                              nodes * (neighbours_bytes + replicas_of(config) * install_bytes) +
                              ranks * larger(chunk_bytes, nodes * sizeof(struct chord_id) + 64) + 4 * reply_bytes;
    budget.message_bytes_max =
        (uint32_t)(larger(larger(chunk_bytes, reply_bytes), larger(neighbours_bytes, install_bytes)) + 1024);
    if (demand->changes_ring) {
        add_change(&budget, config, neighbours_bytes, install_bytes);
    }
    return budget;
}

uint32_t budget_auto_credits(const struct chord_config *config, const struct budget_demand *demand) {
    const struct budget least = budget_with_credits(config, demand, 0);
    const uint64_t affordable = AUTO_POOL_BYTES / (BUDGET_COPIES_OF_A_REQUEST * (uint64_t)demand->rank_count *
                                                   demand->frame_bytes);
    uint64_t credits = (uint64_t)config->window * least.largest_cost;
    credits = credits < affordable ? credits : affordable;
    return (uint32_t)(credits > least.largest_cost ? credits : least.largest_cost);
}
