#include "tests/sim/draw.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

static uint64_t draw(struct cluster *cluster, uint64_t bound) {
    return chord_prng_below(&cluster->prng, bound);
}

static uint32_t draw_between(struct cluster *cluster, uint32_t least, uint32_t most) {
    return least + (uint32_t)draw(cluster, most - least + 1);
}

static struct chord_id draw_id(struct cluster *cluster) {
    struct chord_id id = {.high = chord_prng_next(&cluster->prng),
                          .middle = chord_prng_next(&cluster->prng),
                          .low = (uint32_t)chord_prng_next(&cluster->prng)};
    return chord_id_truncate(id, cluster->config.id_bits);
}

/* Where messages are lost, nobody may wait for ever. */
static void draw_patience(struct cluster *cluster, bool hasty) {
    struct chord_config *config = &cluster->config;
    config->suspicion_ticks = draw_between(cluster, 300, 3000);
    config->heartbeat_ticks = 1 + config->suspicion_ticks / draw_between(cluster, 4, 12);
    config->retry_ticks = hasty ? draw_between(cluster, 20, 400) : draw_between(cluster, 500, 5000);
    config->copies_max = draw(cluster, 3) == 0 ? draw_between(cluster, 2, 6) : 0;
    config->transfer_ticks = hasty ? draw_between(cluster, 50, 500) : 5000;
    config->allows_data_loss = draw(cluster, 8) == 0;
}

static void draw_config(struct cluster *cluster) {
    static const uint32_t bits[] = {160, 160, 64, 33, 32, 12, 7};
    struct chord_config *config = &cluster->config;
    const bool hasty = draw(cluster, 3) == 0; /* clients that repeat requests long before they are lost */
    *config = (struct chord_config){
        .rank_count = draw_between(cluster, cluster->is_faulty ? 3 : 1, CLUSTER_RANKS_MAX),
        .virtual_node_count = draw(cluster, 4) == 0 ? draw_between(cluster, 2, CLUSTER_VIRTUAL_NODES_MAX) : 1,
        .id_bits = bits[draw(cluster, sizeof bits / sizeof bits[0])],
        .replica_count = draw_between(cluster, 1, 5),
        .successor_count = draw_between(cluster, 1, 5),
        .consistency = (enum chord_consistency)draw(cluster, CHORD_CONSISTENCY_COUNT),
        .routing = (enum chord_routing)draw(cluster, CHORD_ROUTING_COUNT),
        .route_successors = draw(cluster, 2) == 0,
        .value_size_max = draw(cluster, 4) == 0 ? CLUSTER_VALUE_SIZE_MAX : 40,
        .window = draw_between(cluster, 1, 16),
        .credit_bytes = 256,
        .retry_ticks = hasty ? draw_between(cluster, 20, 400) : 1000000,
        .backoff_ticks = draw_between(cluster, 5, 50),
        .unacknowledged_count_max = draw(cluster, 2) == 0 ? draw_between(cluster, 1, 3) : 64,
        .unacknowledged_bytes_max = draw(cluster, 2) == 0 ? draw_between(cluster, 1, 100) : 100000,
        .ack_batch_count = draw_between(cluster, 1, 8),
        .ack_batch_bytes = draw_between(cluster, 1, 4000),
        .ack_delay_ticks = draw_between(cluster, 1, 300),
        .piece_bytes = draw(cluster, 2) == 0 ? draw_between(cluster, 64, 200) : 1024,
        .transfer_ticks = hasty ? draw_between(cluster, 50, 500) : 1000000,
        .lookup_ticks = hasty ? draw_between(cluster, 50, 500) : 5000,
        .hops_max = 4 * CLUSTER_NODES_MAX,
    };
    if (cluster->is_faulty) {
        draw_patience(cluster, hasty);
    }
    config->initial_rank_count =
        draw(cluster, 2) == 0 ? config->rank_count : draw_between(cluster, 1, config->rank_count);
    if (draw(cluster, 4) == 0) {
        config->coordinator_rank = (uint32_t)draw(cluster, config->rank_count);
    }
    const uint32_t largest = chord_client_cost(config, CHORD_INSERT, CHORD_KEY_SIZE_MAX, config->value_size_max);
    config->credit_count = largest + (draw(cluster, 2) == 0 ? 0 : config->window);
}

/* From a stream of its own: what a seed stands for otherwise is what it has always been. */
#define CACHE_STREAM 2u

/* Half of the rings have location caches; those of every fourth of these hold lies (cluster.h), of the newest epoch, so that
 * nothing that is learnt takes their place. */
static void draw_caches(struct cluster *cluster) {
    struct chord_prng prng = chord_prng_seeded(cluster->seed, CACHE_STREAM);
    static const uint32_t sizes[] = {0, 0, 0, 0, 1, 3, 8, 64};
    cluster->config.cache_count = sizes[chord_prng_below(&prng, sizeof sizes / sizeof sizes[0])];
    cluster->counts.cached = cluster->config.cache_count > 0;
    if (cluster->config.cache_count == 0 || chord_prng_below(&prng, 4) > 0) {
        return;
    }
    cluster->counts.lied = 1;
    cluster->lie_count = 1 + (uint32_t)chord_prng_below(&prng, CLUSTER_LIES_MAX);
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        for (uint32_t i = 0; i < cluster->lie_count; i++) {
            const uint32_t owner = (uint32_t)chord_prng_below(&prng, cluster_node_count(cluster));
            const uint32_t virtual_nodes = cluster->config.virtual_node_count;
            cluster->lies[rank][i] = (struct chord_claim){
                .owner = {.id = cluster->ids[owner],
                          .address = {.rank = owner / virtual_nodes, .virtual_node = (uint16_t)(owner % virtual_nodes)},
                          .incarnation = 1},
                .start = cluster->ids[chord_prng_below(&prng, cluster_node_count(cluster))],
                .epoch = UINT32_MAX};
        }
    }
}

#define RECORD_STREAM 3u

uint32_t draw_record_bytes(const struct cluster *cluster) {
    struct chord_prng prng = chord_prng_seeded(cluster->seed, RECORD_STREAM);
    static const uint32_t small[] = {0, 0, 40, 64, 100, 256};
    static const uint32_t large[] = {0, 0, 200, 256, 512, 1000};
    const uint32_t *sizes = cluster->config.value_size_max == CLUSTER_VALUE_SIZE_MAX ? large : small;
    return sizes[chord_prng_below(&prng, 6)];
}

static void draw_keys(struct cluster *cluster) {
    cluster->key_count = draw_between(cluster, 1, CLUSTER_KEYS_MAX);
    for (uint32_t i = 0; i < cluster->key_count; i++) {
        struct cluster_key *key = &cluster->keys[i];
        key->size = (uint32_t)snprintf((char *)key->bytes, sizeof key->bytes, "key%u", i);
        key->id = draw_id(cluster);
    }
}

static void draw_operations(struct cluster *cluster) {
    cluster->operations_per_client = draw_between(cluster, 1, 60);
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        struct cluster_client *client = &cluster->clients[rank];
        client->operations = calloc(cluster->operations_per_client, sizeof *client->operations);
        chord_check(client->operations != NULL);
        for (uint32_t i = 0; i < cluster->operations_per_client; i++) {
            struct cluster_operation *operation = &client->operations[i];
            static const enum chord_operation_kind kinds[] = {CHORD_INSERT, CHORD_INSERT, CHORD_QUERY, CHORD_QUERY,
                                                              CHORD_DELETE};
            operation->kind = kinds[draw(cluster, 5)];
            operation->key = (uint32_t)draw(cluster, cluster->key_count);
            operation->entry = (struct chord_address){
                .rank = (uint32_t)draw(cluster, cluster->config.rank_count),
                .virtual_node = (uint16_t)draw(cluster, cluster->config.virtual_node_count)};
            if (operation->kind == CHORD_INSERT) {
                /* Each value is written once: what is read tells which write it comes from. */
                char text[32];
                const int size = snprintf(text, sizeof text, "%u.%u", rank, i);
                operation->value_size = (uint32_t)size + (uint32_t)draw(cluster, cluster->config.value_size_max - 30);
                operation->value = malloc(operation->value_size);
                chord_check(operation->value != NULL);
                memset(operation->value, 'x', operation->value_size);
                memcpy(operation->value, text, (size_t)size);
            }
        }
    }
}

/* Commands at random times, of all kinds, sensible or not: the coordinator refuses those that make no sense. */
static void draw_commands(struct cluster *cluster) {
    const uint64_t span = 200 + draw(cluster, 8000);
    const uint64_t exclusion_weight = draw(cluster, 3); /* none, few or many */
    cluster->command_count = draw(cluster, 5) == 0 ? 0 : draw_between(cluster, 1, CLUSTER_COMMANDS_MAX);
    for (uint32_t i = 0; i < cluster->command_count; i++) {
        struct cluster_command command = {.at_ticks = draw(cluster, span)};
        command.node.rank = (uint32_t)draw(cluster, cluster->config.rank_count);
        command.node.virtual_node = draw(cluster, 3) == 0
                                        ? (uint16_t)draw(cluster, cluster->config.virtual_node_count)
                                        : CHORD_ALL_NODES;
        const uint64_t kind = draw(cluster, 4 + 2 * exclusion_weight);
        command.what = kind < 2   ? CHORD_COMMAND_JOIN
                       : kind < 4 ? CHORD_COMMAND_DEPART
                                  : CHORD_COMMAND_EXCLUDE;
        command.stall_ticks = draw(cluster, 2) == 0 ? draw(cluster, 3000) : 0;
        uint32_t index = i;
        for (; index > 0 && cluster->commands[index - 1].at_ticks > command.at_ticks; index--) {
            cluster->commands[index] = cluster->commands[index - 1];
        }
        cluster->commands[index] = command;
    }
}

static bool has_id(const struct cluster *cluster, uint32_t count, struct chord_id id) {
    for (uint32_t i = 0; i < count; i++) {
        if (chord_id_equal(cluster->ids[i], id)) {
            return true;
        }
    }
    return false;
}

static void draw_ids(struct cluster *cluster) {
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        do {
            cluster->ids[i] = draw_id(cluster);
        } while (has_id(cluster, i, cluster->ids[i]));
    }
}

uint32_t draw_cluster(struct cluster *cluster) {
    draw_config(cluster);
    draw_keys(cluster);
    const uint32_t delay_ticks_max = draw_between(cluster, 1, 200);
    draw_ids(cluster);
    draw_caches(cluster);
    draw_operations(cluster);
    draw_commands(cluster);
    if (cluster->is_faulty) {
        faults_draw(&cluster->faults, &cluster->prng, &cluster->config, 200 + draw(cluster, 8000));
    }
    return delay_ticks_max;
}
