#include "app/driver/budget.h"

#include "app/driver/loader.h"
#include "chord/client/client.h"
#include "chord/wire/codec.h"

/* Memory that one rank's queue of operations shall at most need unless the largest operation alone needs more. */
#define AUTO_POOL_BYTES (UINT64_C(256) * 1024 * 1024)
/* A client's request and one repetition of it. */
#define COPIES_OF_A_REQUEST 2u
/* Membership, lookups, acknowledgements: a few small messages for every pair of ranks. */
#define RESERVED_MESSAGES_PER_RANK 16u
#define RESERVED_MESSAGE_BYTES 512u

struct budget budget_with_credits(const struct chord_config *config, const struct budget_demand *demand,
                                  uint32_t credit_count) {
    struct chord_config priced = *config;
    priced.credit_bytes = demand->record_bytes;
    priced.value_size_max = demand->value_size_max;
    const uint32_t largest =
        chord_client_cost(&priced, CHORD_INSERT, demand->key_size_max, demand->value_size_max);
    const uint64_t ranks = demand->rank_count;
    const uint64_t operation_bytes = CHORD_CODEC_FIXED_SIZE_MAX + demand->key_size_max + demand->value_size_max;
    const uint64_t chunk_bytes = LOADER_CHUNK_BYTES + operation_bytes + 64;
    struct budget budget = {.credit_bytes = demand->record_bytes,
                            .credit_count = credit_count > largest ? credit_count : largest,
                            .largest_cost = largest};

    /* Every credit pays for one frame, full or not. */
    const uint64_t credits = COPIES_OF_A_REQUEST * ranks * budget.credit_count;
    const uint64_t propagated = config->consistency == CHORD_EVENTUAL
                                    ? (uint64_t)config->replica_count * config->virtual_node_count *
                                          (config->unacknowledged_bytes_max + operation_bytes)
                                    : 0;
    const uint64_t reserved = RESERVED_MESSAGES_PER_RANK * ranks * config->virtual_node_count;
    const uint64_t members = CHORD_CODEC_MEMBER_SIZE * ranks * config->virtual_node_count;
    budget.queued_messages_max = credits + reserved +
                                 (propagated > 0 ? (uint64_t)config->replica_count * config->virtual_node_count *
                                                       config->unacknowledged_count_max
                                                 : 0);
    budget.queued_bytes_max = credits * demand->record_bytes + propagated + reserved * RESERVED_MESSAGE_BYTES +
                              (1 + config->virtual_node_count) * ranks * members + ranks * chunk_bytes +
                              4 * sizeof(struct control_ran);
    uint64_t largest_message = chunk_bytes > sizeof(struct control_ran) ? chunk_bytes : sizeof(struct control_ran);
    const uint64_t neighbours = CHORD_CODEC_FIXED_SIZE_MAX + members;
    /* Routing tables as text: some 100 bytes an entry, at most all members, fingers and chains of each node. */
    const uint64_t tables = (uint64_t)config->virtual_node_count * (4096 + 100 * (2 * ranks + 320) +
                                                                   (uint64_t)config->replica_count * 100 *
                                                                       (config->replica_count + 4));
    largest_message = largest_message > neighbours ? largest_message : neighbours;
    largest_message = largest_message > tables ? largest_message : tables;
    budget.queued_bytes_max += tables;
    budget.message_bytes_max = (uint32_t)(largest_message + 1024);
    return budget;
}

uint32_t budget_auto_credits(const struct chord_config *config, const struct budget_demand *demand) {
    const struct budget least = budget_with_credits(config, demand, 0);
    const uint64_t affordable = AUTO_POOL_BYTES / (COPIES_OF_A_REQUEST * (uint64_t)demand->rank_count *
                                                   demand->frame_bytes);
    uint64_t credits = (uint64_t)config->window * least.largest_cost;
    credits = credits < affordable ? credits : affordable;
    return (uint32_t)(credits > least.largest_cost ? credits : least.largest_cost);
}
