/* Invariant I11 over a whole ring: a right ring passes, and each way of breaking it is found. */
#include "app/verdict/copies.h"
#include "tests/unit/unit.h"

#include <string.h>

#define NODES 5u
#define COPIES 3u

static struct chord_member nodes[NODES];
static struct copies_arc arcs[NODES * COPIES + 1];
static size_t arc_count;
static struct judge_content expected;

/* Five nodes at 20, 60, ... of an 8-bit ring; every arc holds ten pairs, three times. */
static void make_ring(void) {
    memset(&expected, 0, sizeof expected);
    arc_count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[i] = (struct chord_member){.address = {.rank = i}, .incarnation = 1};
        CU_ASSERT_EQUAL_FATAL(chord_id_from_number(20 + 40 * i, 8, &nodes[i].id), CHORD_OK);
    }
    for (uint32_t owner = 0; owner < NODES; owner++) {
        for (uint32_t step = 0; step < COPIES; step++) {
            arcs[arc_count++] = (struct copies_arc){.start = nodes[(owner + NODES - 1) % NODES].id,
                                                    .end = nodes[owner].id,
                                                    .holder = nodes[(owner + step) % NODES].address,
                                                    .epoch = 1,
                                                    .active = 1,
                                                    .pair_count = 10,
                                                    .content = 1000 + owner,
                                                    .copies = 2000 + owner};
        }
        expected.pair_count += 10;
        expected.content += 1000 + owner;
    }
}

static struct copies_result check(void) {
    return copies_check(nodes, NODES, COPIES, 8, arcs, arc_count, &expected);
}

static void test_right_ring(void) {
    make_ring();
    const struct copies_result result = check();
    CU_ASSERT(result.valid);
    CU_ASSERT_EQUAL(result.wrong[0], '\0');
    CU_ASSERT_EQUAL(result.pair_count, 50);
    CU_ASSERT_EQUAL(result.copies_per_pair, COPIES);
}

static void expect_wrong(const char *word) {
    const struct copies_result result = check();
    CU_ASSERT(!result.valid);
    CU_ASSERT_PTR_NOT_NULL(strstr(result.wrong, word));
}

static void test_what_can_be_wrong(void) {
    make_ring();
    arcs[7].copies++;
    expect_wrong("the copies differ");
    make_ring();
    arcs[7].pair_count--;
    expect_wrong("the copies differ");
    make_ring();
    arcs[7].content++;
    expect_wrong("the copies differ");
    make_ring();
    arcs[4].active = 0;
    expect_wrong("another state");
    make_ring();
    arcs[4].epoch = 2;
    expect_wrong("another state");
    make_ring();
    arcs[2].outside_count = 3;
    expect_wrong("don't belong there");
    make_ring();
    arcs[0].start = nodes[2].id;
    expect_wrong("predecessor");
    make_ring();
    arcs[3] = arcs[--arc_count]; /* the owner's own */
    expect_wrong("its own arc");
    make_ring();
    arcs[4] = arcs[--arc_count];
    expect_wrong("has no copy");
    make_ring();
    arcs[arc_count] = arcs[0];
    arcs[arc_count++].holder.rank = 4; /* a fourth copy */
    expect_wrong("isn't its own");
}

/* Copies that agree with each other, but not with what was answered. */
static void test_against_the_answers(void) {
    make_ring();
    expected.pair_count++;
    expect_wrong("by the answers");
    make_ring();
    expected.content++;
    expect_wrong("but others");
    /* With an unknown write nobody can say what must be there. */
    expected.uncertain_count = 1;
    CU_ASSERT(check().valid);
}

/* Two nodes on each rank: a copy counts once a rank, so two ranks can hold only two. */
static void test_distinct_ranks(void) {
    make_ring();
    for (uint32_t i = 0; i < NODES; i++) {
        nodes[i].address = (struct chord_address){.rank = i % 2, .virtual_node = (uint16_t)(i / 2)};
    }
    arc_count = 0;
    for (uint32_t owner = 0; owner < NODES; owner++) {
        uint32_t other = (owner + 1) % NODES;
        while (nodes[other].address.rank == nodes[owner].address.rank) {
            other = (other + 1) % NODES;
        }
        for (uint32_t copy = 0; copy < 2; copy++) {
            arcs[arc_count++] = (struct copies_arc){.start = nodes[(owner + NODES - 1) % NODES].id,
                                                    .end = nodes[owner].id,
                                                    .holder = nodes[copy == 0 ? owner : other].address,
                                                    .active = 1,
                                                    .pair_count = 10,
                                                    .content = 1000 + owner};
        }
    }
    const struct copies_result result = check();
    CU_ASSERT(result.valid);
    CU_ASSERT_EQUAL(result.copies_per_pair, 2);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"a right ring", test_right_ring},
        {"everything that can be wrong", test_what_can_be_wrong},
        {"against what the answers leave", test_against_the_answers},
        {"one copy a rank", test_distinct_ranks},
    };
    return UNIT_RUN("copies", tests);
}
