/* The hot path allocates nothing: once a ring has seen as many operations at a time as its clients may issue, further ones on
 * the keys that it holds, with values of the size that they had, leave the allocator alone. */
#include "tests/unit/ranks_fixture.h"

#define KEYS 16u

static const char *const keys[KEYS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"};

/* A window of operations from each of two clients, of which every fourth is a query, and every eighth, if wanted, a delete. */
static void turn(uint64_t number, bool deletes) {
    static const char *const values[] = {"first", "other", "third"};
    completion_count = 0;
    for (uint32_t i = 0; i < 2 * config.window; i++) {
        const uint64_t choice = number + i;
        const enum chord_operation_kind kind = deletes && choice % 8 == 5 ? CHORD_DELETE
                                               : choice % 4 == 3          ? CHORD_QUERY
                                                                          : CHORD_INSERT;
        const char *value = kind == CHORD_INSERT ? values[choice % 3] : "";
        submit_from(i % 2 == 0 ? CLIENT : COORDINATOR, i % 3, number * 100 + i, kind, keys[choice * 7 % KEYS], value);
    }
    wait_for(1, nothing); /* acknowledgements that wait for company travel, too */
    CU_ASSERT_EQUAL(completion_count, 2 * config.window);
}

static void expect_no_calls(uint32_t replicas, enum chord_consistency consistency, uint32_t ack_batch_count, bool deletes) {
    begin_with(replicas, consistency);
    config.ack_batch_count = ack_batch_count; /* the peers look at it each time */
    uint64_t number = 0;
    for (; number < 20; number++) {
        turn(number, deletes);
    }
    const uint64_t calls = counting.calls;
    for (; number < 70; number++) {
        turn(number, deletes);
    }
    CU_ASSERT_EQUAL(counting.calls, calls);
    wait_for(100, nothing);
    end();
}

static void test_alone(void) {
    expect_no_calls(1, CHORD_LINEARIZABLE, 1, false);
    expect_no_calls(1, CHORD_LINEARIZABLE, 1, true);
}

static void test_chain(void) {
    expect_no_calls(3, CHORD_LINEARIZABLE, 1, false);
    expect_no_calls(3, CHORD_LINEARIZABLE, 8, false);
    expect_no_calls(2, CHORD_LINEARIZABLE, 8, true);
}

static void test_eventual(void) {
    expect_no_calls(3, CHORD_EVENTUAL, 1, false);
    expect_no_calls(3, CHORD_EVENTUAL, 8, true);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"one copy", test_alone},
        {"a chain of several", test_chain},
        {"eventual copies", test_eventual},
    };
    return UNIT_RUN("steady", tests);
}
