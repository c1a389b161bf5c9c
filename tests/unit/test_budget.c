/* app/driver/budget: what a view change adds, and when. */
#include "app/driver/budget.h"
#include "tests/unit/unit.h"

static struct chord_config config_of(uint32_t ranks, uint32_t virtual_nodes, uint32_t replicas) {
    struct chord_config config = {.rank_count = ranks, .virtual_node_count = virtual_nodes, .replica_count = replicas,
                                  .successor_count = 4, .window = 8, .unacknowledged_count_max = 1024,
                                  .unacknowledged_bytes_max = 256 * 1024};
    config.piece_bytes = budget_piece_bytes(&config, 4000);
    return config;
}

static struct budget_demand demand_of(uint32_t ranks, bool changes_ring) {
    return (struct budget_demand){.rank_count = ranks, .key_size_max = 20, .value_size_max = 100,
                                  .record_bytes = 3990, .frame_bytes = 4000, .changes_ring = changes_ring};
}

/* Each credit of each client pays for a frame, and for those of its request's repetitions that may be under way. */
static void test_credits(void) {
    for (uint32_t ranks = 1; ranks <= 64; ranks *= 2) {
        const struct chord_config config = config_of(ranks, 1, 3);
        const struct budget_demand demand = demand_of(ranks, false);
        const struct budget few = budget_with_credits(&config, &demand, 100);
        const struct budget many = budget_with_credits(&config, &demand, 101);
        const uint64_t more = (uint64_t)BUDGET_COPIES_OF_A_REQUEST * ranks;
        CU_ASSERT_EQUAL(few.credit_count, 100);
        CU_ASSERT_EQUAL(many.queued_messages_max - few.queued_messages_max, more);
        CU_ASSERT_EQUAL(many.queued_bytes_max - few.queued_bytes_max, more * demand.record_bytes);
        CU_ASSERT(few.queued_messages_max >= 100 * more);
    }
}

static void test_change(void) {
    for (uint32_t ranks = 1; ranks <= 64; ranks *= 2) {
        for (uint32_t virtual_nodes = 1; virtual_nodes <= 64; virtual_nodes *= 8) {
            const struct chord_config config = config_of(ranks, virtual_nodes, 3);
            const struct budget_demand still = demand_of(ranks, false), changing = demand_of(ranks, true);
            const struct budget without = budget_with_credits(&config, &still, 0);
            const struct budget with = budget_with_credits(&config, &changing, 0);
            const uint64_t copies = ranks < 3 ? ranks : 3, nodes = (uint64_t)ranks * virtual_nodes;
            CU_ASSERT_EQUAL(without.change_messages_max, 0);
            CU_ASSERT_EQUAL(without.change_bytes_max, 0);
            CU_ASSERT_EQUAL(with.queued_messages_max - without.queued_messages_max, with.change_messages_max);
            CU_ASSERT_EQUAL(with.queued_bytes_max - without.queued_bytes_max, with.change_bytes_max);
            CU_ASSERT_EQUAL(with.credit_count, without.credit_count);
            /* A piece to every receiver of every part, twice; a burst to the old and the new chain of every part. */
            CU_ASSERT(with.change_bytes_max >= 2 * nodes * copies * config.piece_bytes);
            CU_ASSERT(with.change_messages_max >= nodes * 2 * copies * 3);
            CU_ASSERT(with.message_bytes_max > config.piece_bytes);
            CU_ASSERT(config.piece_bytes >= 4000 && config.piece_bytes <= 64 * 1024);
            CU_ASSERT(config.piece_bytes == 4000 || 2 * nodes * copies * config.piece_bytes <= 32u * 1024 * 1024);
        }
    }
}

static void test_pieces(void) {
    const struct chord_config few = config_of(10, 1, 3), many = config_of(64, 64, 3), alone = config_of(1, 1, 1);
    CU_ASSERT_EQUAL(few.piece_bytes, 64 * 1024);
    CU_ASSERT_EQUAL(alone.piece_bytes, 64 * 1024);
    CU_ASSERT_EQUAL(many.piece_bytes, 4000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"credits are paid for, with the copies of a request", test_credits},
        {"a view change is paid for, if the ring can change", test_change},
        {"pieces get smaller with many nodes", test_pieces},
    };
    return UNIT_RUN("budget", tests);
}
