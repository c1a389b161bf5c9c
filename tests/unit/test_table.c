/* chord/ring/table against the papers' definitions, computed by brute force on whole rings:
 * finger i of n is successor(n + 2^(i-1)) (SIGCOMM 2001, table 1), and find_successor goes to the successor
 * if that owns the key, otherwise to the closest preceding finger (figure 4). */
#include "tests/unit/core_fixture.h"

#include "chord/ring/table.h"

#define NODES_MAX 64u
#define RANK_OF_FIRST 100u /* ranks aren't indices */

struct ring {
    unsigned bits;
    uint32_t count;
    struct chord_member members[NODES_MAX]; /* ascending */
    struct chord_table tables[NODES_MAX];
    struct counting counting;
    /* Figure 4's own table: finger[i] for every i, nothing left out. By index of the owner. */
    uint32_t fingers[NODES_MAX][CHORD_ID_BITS_MAX];
};

static struct ring ring;

/* The first member at or after the id (section 4.2: successor(k)). */
static uint32_t owner_of(struct chord_id id) {
    for (uint32_t i = 0; i < ring.count; i++) {
        if (chord_id_compare(id, ring.members[i].id) <= 0) {
            return i;
        }
    }
    return 0;
}

/* How far clockwise from a to b, as an ordered id. */
static int compare_from(struct chord_id from, struct chord_id a, struct chord_id b) {
    return chord_id_compare(chord_id_distance(from, a), chord_id_distance(from, b));
}

/* x strictly between a and b, clockwise, with a == b the whole ring but a: by distances alone. */
static bool strictly_between(struct chord_id a, struct chord_id x, struct chord_id b) {
    return !chord_id_equal(a, x) && (chord_id_equal(a, b) || compare_from(a, x, b) < 0);
}

/* What the member says of itself when nothing changes any more: "since epoch 1 I own what follows my predecessor". */
static struct chord_claim claim_of(uint32_t n) {
    return (struct chord_claim){.owner = ring.members[n],
                                .start = ring.members[(n + ring.count - 1) % ring.count].id,
                                .epoch = 1};
}

/* The fingers are the distinct owners of the starts but for the node itself, in order of distance, and each settles all
 * starts that it owns. Returns their number. */
static uint32_t check_fingers(struct tally *tally, uint32_t n, const struct chord_table *table) {
    uint32_t distinct = 0;
    uint32_t last = n;
    for (uint32_t exponent = 0; exponent < ring.bits; exponent++) {
        const uint32_t owner = owner_of(chord_id_add_power(ring.members[n].id, ring.bits, exponent));
        if (owner != n && owner != last) {
            TALLY(tally,
                  distinct < table->finger_count &&
                      chord_id_equal(table->fingers[distinct].owner.id, ring.members[owner].id) &&
                      table->fingers[distinct].owner.incarnation == ring.members[owner].incarnation &&
                      chord_address_equal(table->fingers[distinct].owner.address, ring.members[owner].address));
            distinct++;
        }
        last = owner;
    }
    TALLY(tally, table->finger_count == distinct);
    return distinct;
}

static void fill_fingers(struct tally *tally, const struct chord_config *config, uint32_t n) {
    struct chord_table *table = &ring.tables[n];
    const struct chord_member self = ring.members[n];
    const struct chord_id own_start = ring.members[(n + ring.count - 1) % ring.count].id;
    /* As a node does it: the successor is the first finger, each lookup settles all starts in the claim that it found. */
    uint32_t lookups = 0;
    uint32_t exponent;
    while ((exponent = chord_table_next_unknown_finger(table, config, own_start)) < ring.bits &&
           lookups <= ring.bits) {
        const uint32_t owner = owner_of(chord_id_add_power(self.id, ring.bits, exponent));
        TALLY(tally, ring.fingers[n][exponent] == owner && owner != n);
        const struct chord_claim claim = claim_of(owner);
        TALLY(tally, chord_table_learn(table, config, &claim));
        TALLY(tally, !chord_table_learn(table, config, &claim)); /* nothing new */
        lookups++;
    }
    TALLY(tally, exponent == ring.bits);
    const uint32_t distinct = check_fingers(tally, n, table);
    TALLY(tally, lookups <= distinct); /* each found a new finger */
}

/* Takes ring.members[0..count-1].id, ascending, and builds every node's table. */
static void build(struct tally *tally, enum chord_routing routing, uint32_t successor_count) {
    const struct chord_config config = {.id_bits = ring.bits, .routing = routing, .successor_count = successor_count};
    counting_init(&ring.counting);
    const uint32_t others = ring.count > 1 ? ring.count - 1 : 1;
    successor_count = successor_count < others ? successor_count : others;
    for (uint32_t n = 0; n < ring.count; n++) {
        ring.members[n].address = (struct chord_address){.rank = RANK_OF_FIRST + n, .virtual_node = (uint16_t)(n % 3)};
        ring.members[n].incarnation = 1;
    }
    for (uint32_t n = 0; n < ring.count; n++) {
        struct chord_member list[NODES_MAX];
        for (uint32_t i = 0; i < successor_count; i++) {
            list[i] = ring.members[(n + 1 + i) % ring.count];
        }
        for (uint32_t exponent = 0; exponent < ring.bits; exponent++) {
            ring.fingers[n][exponent] = owner_of(chord_id_add_power(ring.members[n].id, ring.bits, exponent));
        }
        chord_table_init(&ring.tables[n], ring.members[n]);
        const struct chord_neighbours neighbours = {
            .epoch = 1,
            .predecessor = ring.members[(n + ring.count - 1) % ring.count],
            .successors = {.array = list, .count = successor_count}};
        TALLY(tally, chord_table_set_neighbours(&ring.tables[n], &config, &ring.counting.allocator,
                                                &neighbours) == CHORD_OK);
        if (routing == CHORD_ROUTING_FINGER) {
            fill_fingers(tally, &config, n);
        } else {
            TALLY(tally, ring.tables[n].finger_count == 0); /* nobody needs any */
        }
    }
}

static void drop(struct tally *tally) {
    for (uint32_t n = 0; n < ring.count; n++) {
        chord_table_clear(&ring.tables[n], &ring.counting.allocator);
        TALLY(tally, ring.tables[n].successor_count == 0 && ring.tables[n].finger_count == 0);
    }
    TALLY(tally, ring.counting.blocks_live == 0);
}

/* Figure 4, with the whole finger table. */
static uint32_t figure_4(uint32_t n, uint32_t owner, struct chord_id key) {
    const uint32_t successor = (n + 1) % ring.count;
    if (owner == successor) {
        return successor;
    }
    for (uint32_t i = ring.bits; i-- > 0;) {
        const uint32_t finger = ring.fingers[n][i];
        if (strictly_between(ring.members[n].id, ring.members[finger].id, key)) {
            return finger;
        }
    }
    return n;
}

/* The same where the successor list takes part: the owner if it is in the list, otherwise the closest that
 * precedes. */
static uint32_t figure_4_with_list(uint32_t n, uint32_t owner, struct chord_id key) {
    uint32_t best = figure_4(n, owner, key);
    for (uint32_t i = 1; i <= ring.tables[n].successor_count; i++) {
        const uint32_t successor = (n + i) % ring.count;
        if (successor == owner) {
            return owner;
        }
        if (strictly_between(ring.members[n].id, ring.members[successor].id, key) && best != owner &&
            compare_from(ring.members[n].id, ring.members[successor].id, ring.members[best].id) > 0) {
            best = successor;
        }
    }
    return best;
}

static uint32_t index_of(const struct chord_member *member) {
    for (uint32_t i = 0; member != NULL && i < ring.count; i++) {
        if (chord_address_equal(member->address, ring.members[i].address) &&
            chord_id_equal(member->id, ring.members[i].id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static const struct chord_config configs[] = {
    {.routing = CHORD_ROUTING_FINGER},
    {.routing = CHORD_ROUTING_FINGER, .route_successors = true},
    {.routing = CHORD_ROUTING_RING},
    {.routing = CHORD_ROUTING_ONEHOP},
};
enum { FINGER, FINGER_AND_LIST, RING, ONEHOP, ROUTES };

static uint32_t expected_hop(int route, uint32_t n, uint32_t owner, struct chord_id key) {
    switch (route) {
    case FINGER:
        return figure_4(n, owner, key);
    case FINGER_AND_LIST:
        return figure_4_with_list(n, owner, key);
    case RING:
        return (n + 1) % ring.count;
    default:
        return owner;
    }
}

/* One key from every node that doesn't own it. */
static void check_key(struct tally *tally, struct chord_id key, int route) {
    struct chord_config config = configs[route];
    config.id_bits = ring.bits;
    const uint32_t owner = owner_of(key);
    for (uint32_t start = 0; start < ring.count; start++) {
        uint32_t at = start;
        uint32_t hops = 0;
        while (at != owner && hops <= ring.count) {
            const uint32_t next = index_of(chord_table_next_hop(&ring.tables[at], &config, NULL, key));
            TALLY(tally, next == expected_hop(route, at, owner, key));
            if (next == UINT32_MAX) {
                return;
            }
            /* Clockwise nearer to the key, and not past its owner. */
            TALLY(tally,
                  next == owner || (strictly_between(ring.members[at].id, ring.members[next].id, key) &&
                                    chord_id_compare(chord_id_distance(ring.members[next].id, key),
                                                     chord_id_distance(ring.members[at].id, key)) < 0));
            at = next;
            hops++;
            if (route == ONEHOP) {
                break;
            }
        }
        TALLY(tally, at == owner && hops < ring.count);
        TALLY(tally, route != RING || hops == (owner + ring.count - start) % ring.count);
        TALLY(tally,
              route != FINGER || hops <= ring.bits); /* each hop at least halves the distance: theorem 2 */
    }
}

static void check_ring(struct tally *tally, uint32_t successor_count, struct chord_prng *prng) {
    for (int route = 0; route < ROUTES; route++) {
        build(tally, configs[route].routing, route == ONEHOP ? ring.count : successor_count);
        if (ring.count == 1) {
            TALLY(tally, chord_table_next_hop(&ring.tables[0], &configs[route], NULL, ring.members[0].id) == NULL);
        } else if (ring.bits <= 7) {
            for (uint32_t key = 0; key < 1u << ring.bits; key++) {
                check_key(tally, id_of_number(key, ring.bits), route);
            }
        } else {
            for (uint32_t round = 0; round < 50; round++) {
                check_key(tally, id_random(prng, ring.bits), route);
            }
            for (uint32_t n = 0; n < ring.count; n++) { /* the ids themselves, and the next after each */
                check_key(tally, ring.members[n].id, route);
                check_key(tally, chord_id_add_power(ring.members[n].id, ring.bits, 0), route);
            }
        }
        drop(tally);
    }
}

static void test_all_small_subsets_of_4_bits(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(0, 0);
    uint32_t rings = 0;
    for (uint32_t set = 1; set < 1u << 16; set++) {
        if (__builtin_popcount(set) > 5) {
            continue;
        }
        ring = (struct ring){.bits = 4};
        for (uint32_t number = 0; number < 16; number++) {
            if (set & 1u << number) {
                ring.members[ring.count++].id = id_of_number(number, 4);
            }
        }
        check_ring(&tally, 1 + rings % 3, &prng);
        rings++;
    }
    CU_ASSERT_EQUAL(rings, 16 + 120 + 560 + 1820 + 4368);
    TALLY_ASSERT(&tally, 1000000);
}

/* A ring of `count` distinct random ids. */
static void random_ring(struct chord_prng *prng, unsigned bits, uint32_t count) {
    ring = (struct ring){.bits = bits};
    while (ring.count < count) {
        const struct chord_id id = id_random(prng, bits);
        uint32_t at = ring.count;
        bool twice = false;
        for (uint32_t i = 0; i < ring.count; i++) {
            twice |= chord_id_equal(ring.members[i].id, id);
        }
        if (twice) {
            continue;
        }
        for (; at > 0 && chord_id_compare(ring.members[at - 1].id, id) > 0; at--) {
            ring.members[at].id = ring.members[at - 1].id;
        }
        ring.members[at].id = id;
        ring.count++;
    }
}

static void test_random_subsets_of_7_bits(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(1, 0);
    for (unsigned round = 0; round < 40; round++) {
        random_ring(&prng, 7, 2 + (uint32_t)chord_prng_below(&prng, 30));
        check_ring(&tally, 1 + (uint32_t)chord_prng_below(&prng, 6), &prng);
    }
    TALLY_ASSERT(&tally, 1000000);
}

static void test_random_wide_rings(void) {
    static const unsigned widths[] = {33, 64, 96, 128, 129, 160};
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(2, 0);
    for (unsigned round = 0; round < 12; round++) {
        random_ring(&prng, widths[round % 6], 2 + (uint32_t)chord_prng_below(&prng, NODES_MAX - 1));
        check_ring(&tally, 1 + (uint32_t)chord_prng_below(&prng, 6), &prng);
    }
    TALLY_ASSERT(&tally, 100000);
}

/* The ring of figure 3 (b) of the SIGCOMM paper: nodes 0, 1 and 3 on 3 bits. */
static void test_figure_3(void) {
    struct tally tally = {0};
    ring = (struct ring){.bits = 3, .count = 3};
    ring.members[0].id = id_of_number(0, 3);
    ring.members[1].id = id_of_number(1, 3);
    ring.members[2].id = id_of_number(3, 3);
    build(&tally, CHORD_ROUTING_FINGER, 1);
    /* Node 0: 1, 3, 0. Node 1: 3, 3, 0. Node 3: 0, 0, 0. */
    CU_ASSERT_EQUAL(ring.tables[0].finger_count, 2);
    CU_ASSERT_EQUAL(index_of(&ring.tables[0].fingers[0].owner), 1);
    CU_ASSERT_EQUAL(index_of(&ring.tables[0].fingers[1].owner), 2);
    CU_ASSERT_EQUAL(ring.tables[1].finger_count, 2);
    CU_ASSERT_EQUAL(index_of(&ring.tables[1].fingers[0].owner), 2);
    CU_ASSERT_EQUAL(index_of(&ring.tables[1].fingers[1].owner), 0);
    CU_ASSERT_EQUAL(ring.tables[2].finger_count, 1);
    CU_ASSERT_EQUAL(index_of(&ring.tables[2].fingers[0].owner), 0);
    /* Section 4.4's example: node 3 looks for the successor of 1 and asks 0, whose successor it is. */
    struct chord_config config = {.routing = CHORD_ROUTING_FINGER, .id_bits = 3};
    CU_ASSERT_EQUAL(index_of(chord_table_next_hop(&ring.tables[2], &config, NULL, id_of_number(1, 3))), 0);
    CU_ASSERT_EQUAL(index_of(chord_table_next_hop(&ring.tables[0], &config, NULL, id_of_number(1, 3))), 1);
    drop(&tally);
    TALLY_ASSERT(&tally, 10);
}

static void test_a_table_that_knows_nobody(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_table table;
    const struct chord_member self = {.id = id_of_number(5, 4)};
    chord_table_init(&table, self);
    for (int route = 0; route < ROUTES; route++) {
        CU_ASSERT_PTR_NULL(chord_table_next_hop(&table, &configs[route], NULL, id_of_number(9, 4)));
    }
    chord_table_clear(&table, &counting.allocator);
    CU_ASSERT_EQUAL(counting.calls, 0);
}

/* Neighbours as of an epoch: successor list[0] and, if there are more, the others. */
static enum chord_status tell(struct chord_table *table, const struct chord_config *config,
                              const struct counting *counting, uint32_t epoch, struct chord_member predecessor,
                              const struct chord_member *list, uint32_t count) {
    const struct chord_neighbours neighbours = {
        .epoch = epoch, .predecessor = predecessor, .successors = {.array = list, .count = count}};
    return chord_table_set_neighbours(table, config, &counting->allocator, &neighbours);
}

static void test_neighbours(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_table table;
    const struct chord_config config = {.routing = CHORD_ROUTING_FINGER, .successor_count = 2, .id_bits = 4};
    const struct chord_member self = {.id = id_of_number(5, 4)};
    const struct chord_member list[] = {{.id = id_of_number(9, 4), .address = {1, 0}},
                                        {.id = id_of_number(2, 4), .address = {2, 0}}};
    const struct chord_claim far = {.owner = list[1], .start = list[0].id, .epoch = 1};
    chord_table_init(&table, self);
    CU_ASSERT_FALSE(chord_table_learn(&table, &config, &far)); /* in no ring: learns nothing */
    CU_ASSERT_EQUAL(tell(&table, &config, &counting, 1, list[1], list, 0), CHORD_INVALID);
    CU_ASSERT_EQUAL(table.successor_count, 0);
    /* Outside one-hop routing never more than r, whatever it is told (found by tests/fuzz). */
    const struct chord_member three[] = {list[0], list[1], {.id = id_of_number(3, 4), .address = {3, 0}}};
    CU_ASSERT_EQUAL(tell(&table, &config, &counting, 1, list[1], three, 3), CHORD_INVALID);
    CU_ASSERT_EQUAL(table.successor_count, 0);
    CU_ASSERT_EQUAL(tell(&table, &config, &counting, 1, list[1], list, 2), CHORD_OK);
    CU_ASSERT_EQUAL(table.successor_count, 2);
    CU_ASSERT_TRUE(chord_id_equal(table.predecessor.id, list[1].id));
    CU_ASSERT_EQUAL(table.finger_count, 1); /* the successor settles 6, 7 and 9 */
    CU_ASSERT_EQUAL(chord_table_next_unknown_finger(&table, &config, list[1].id), 3);
    /* Fingers: itself, repeats and what is no claim change nothing. */
    const struct chord_claim own = {.owner = self, .start = list[1].id, .epoch = 9};
    struct chord_claim name = far;
    name.epoch = 0;
    CU_ASSERT_FALSE(chord_table_learn(&table, &config, &own));
    CU_ASSERT_FALSE(chord_table_learn(&table, &config, &name));
    CU_ASSERT_TRUE(chord_table_learn(&table, &config, &far));
    CU_ASSERT_FALSE(chord_table_learn(&table, &config, &far));
    CU_ASSERT_EQUAL(table.finger_count, 2);
    CU_ASSERT_TRUE(chord_id_equal(table.fingers[0].owner.id, list[0].id));
    CU_ASSERT_TRUE(chord_id_equal(table.fingers[1].owner.id, list[1].id));
    CU_ASSERT_EQUAL(chord_table_next_unknown_finger(&table, &config, list[1].id), 4);
    /* No memory: as it was. */
    counting.fail_at = counting.calls + 1;
    CU_ASSERT_EQUAL(tell(&table, &config, &counting, 2, list[0], list, 1), CHORD_NO_MEMORY);
    CU_ASSERT_EQUAL(table.successor_count, 2);
    CU_ASSERT_EQUAL(table.finger_count, 2);
    CU_ASSERT_TRUE(chord_id_equal(table.predecessor.id, list[1].id));
    /* New neighbours: the fingers stay, the old list is freed. */
    CU_ASSERT_EQUAL(tell(&table, &config, &counting, 2, list[0], list, 1), CHORD_OK);
    CU_ASSERT_EQUAL(table.successor_count, 1);
    CU_ASSERT_EQUAL(table.finger_count, 2);
    CU_ASSERT_EQUAL(counting.blocks_live, 1);
    /* A finger is forgotten with its incarnation or a later one. */
    struct chord_member gone = list[1];
    gone.incarnation = 0;
    table.fingers[1].owner.incarnation = 1;
    CU_ASSERT_FALSE(chord_table_forget(&table, &gone));
    gone.incarnation = 2;
    CU_ASSERT_TRUE(chord_table_forget(&table, &gone));
    CU_ASSERT_FALSE(chord_table_forget(&table, &gone));
    CU_ASSERT_EQUAL(table.finger_count, 1);
    CU_ASSERT_EQUAL(chord_table_next_unknown_finger(&table, &config, list[1].id), 3);
    chord_table_clear(&table, &counting.allocator);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* --- ranks that are out --- */

#define NOBODY UINT32_MAX

static bool out_by_rank[RANK_OF_FIRST + NODES_MAX];
static bool *const out = &out_by_rank[RANK_OF_FIRST]; /* by index */
static struct chord_reach reach = {.is_shut = out_by_rank};

static bool is_listed(uint32_t n, uint32_t other) {
    const struct chord_table *table = &ring.tables[n];
    for (uint32_t i = 0; i < table->successor_count; i++) {
        if (index_of(&table->successors[i]) == other) {
            return true;
        }
    }
    return false;
}

static bool is_finger(uint32_t n, uint32_t other) {
    const struct chord_table *table = &ring.tables[n];
    for (uint32_t i = 0; i < table->finger_count; i++) {
        if (index_of(&table->fingers[i].owner) == other) {
            return true;
        }
    }
    return false;
}

/* The first listed node clockwise from the id, up to n, that isn't out. */
static uint32_t first_listed(uint32_t n, uint32_t from) {
    for (uint32_t at = from; at != n; at = (at + 1) % ring.count) {
        if (is_listed(n, at) && !out[at]) {
            return at;
        }
    }
    return NOBODY;
}

/* The definition in the header, as if those that are out had left, on what node n knows. */
static uint32_t expected_hop_around(int route, uint32_t n, struct chord_id key) {
    const uint32_t successor = first_listed(n, (n + 1) % ring.count);
    if (successor == NOBODY || route == RING ||
        compare_from(ring.members[n].id, key, ring.members[successor].id) <= 0) {
        return successor;
    }
    const uint32_t owner = owner_of(key);
    if (route == ONEHOP) {
        return first_listed(n, owner);
    }
    if (route == FINGER_AND_LIST && is_listed(n, owner) && first_listed(n, owner) != NOBODY) {
        return first_listed(n, owner);
    }
    uint32_t best = successor;
    for (uint32_t at = (n + 1) % ring.count; at != n; at = (at + 1) % ring.count) {
        const bool is_known = is_finger(n, at) || (route == FINGER_AND_LIST && is_listed(n, at));
        if (is_known && !out[at] && strictly_between(ring.members[n].id, ring.members[at].id, key) &&
            compare_from(ring.members[n].id, ring.members[at].id, ring.members[best].id) > 0) {
            best = at;
        }
    }
    return best;
}

/* In all routings, for all keys that the node doesn't own; owners that are out included. */
static void test_next_hop_goes_around_those_that_are_out(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(7, 0);
    uint32_t none = 0;
    uint32_t owners_out = 0;
    for (uint32_t round = 0; round < 60; round++) {
        random_ring(&prng, 7, 2 + (uint32_t)chord_prng_below(&prng, 20));
        const uint64_t out_of_10 = chord_prng_below(&prng, 10);
        reach.shut_count = 0;
        for (uint32_t n = 0; n < ring.count; n++) {
            out[n] = chord_prng_below(&prng, 10) < out_of_10;
            reach.shut_count += out[n];
        }
        for (int route = 0; route < ROUTES; route++) {
            build(&tally, configs[route].routing, route == ONEHOP ? ring.count : 3);
            struct chord_config config = configs[route];
            config.id_bits = ring.bits;
            for (uint32_t n = 0; n < ring.count; n++) {
                for (uint32_t number = 0; number < 1u << ring.bits; number++) {
                    const struct chord_id key = id_of_number(number, ring.bits);
                    if (owner_of(key) == n || out[n]) {
                        continue;
                    }
                    const uint32_t next = index_of(chord_table_next_hop(&ring.tables[n], &config, &reach, key));
                    TALLY(&tally, next == expected_hop_around(route, n, key));
                    TALLY(&tally, next == NOBODY || (next != n && !out[next]));
                    none += next == NOBODY;
                    owners_out += out[owner_of(key)];
                }
                const struct chord_member *successor = chord_table_successor(&ring.tables[n], &reach);
                TALLY(&tally, index_of(successor) == first_listed(n, (n + 1) % ring.count));
            }
            drop(&tally);
        }
    }
    TALLY_ASSERT(&tally, 100000);
    CU_ASSERT(none > 100);
    CU_ASSERT(owners_out > 1000);
}

/* All nodes of the rank, and nobody else's: their starts are to be looked up again. */
static void test_forget_rank(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_table table;
    const struct chord_config config = {.routing = CHORD_ROUTING_FINGER, .successor_count = 2, .id_bits = 8};
    const struct chord_member self = {.id = id_of_number(0, 8), .address = {7, 0}};
    const struct chord_member owners[] = {{.id = id_of_number(3, 8), .address = {1, 0}},
                                          {.id = id_of_number(20, 8), .address = {2, 0}},
                                          {.id = id_of_number(50, 8), .address = {1, 1}},
                                          {.id = id_of_number(140, 8), .address = {2, 1}}};
    chord_table_init(&table, self);
    CU_ASSERT_EQUAL(tell(&table, &config, &counting, 1, owners[3], owners, 1), CHORD_OK);
    for (uint32_t i = 1; i < 4; i++) {
        const struct chord_claim claim = {.owner = owners[i], .start = owners[i - 1].id, .epoch = 1};
        CU_ASSERT_TRUE(chord_table_learn(&table, &config, &claim));
    }
    CU_ASSERT_EQUAL_FATAL(table.finger_count, 4);
    CU_ASSERT_EQUAL(chord_table_next_unknown_finger(&table, &config, owners[3].id), 8);
    CU_ASSERT_FALSE(chord_table_forget_rank(&table, 3));
    CU_ASSERT_FALSE(chord_table_forget_rank(&table, 7));
    CU_ASSERT_EQUAL(table.finger_count, 4);
    CU_ASSERT_TRUE(chord_table_forget_rank(&table, 2));
    CU_ASSERT_EQUAL_FATAL(table.finger_count, 2);
    CU_ASSERT_TRUE(chord_id_equal(table.fingers[0].owner.id, owners[0].id));
    CU_ASSERT_TRUE(chord_id_equal(table.fingers[1].owner.id, owners[2].id));
    CU_ASSERT_EQUAL(chord_table_next_unknown_finger(&table, &config, owners[3].id), 2); /* 4, which 20 owns */
    CU_ASSERT_FALSE(chord_table_forget_rank(&table, 2));
    CU_ASSERT_TRUE(chord_table_forget_rank(&table, 1));
    CU_ASSERT_EQUAL(table.finger_count, 0);
    CU_ASSERT_EQUAL(table.successor_count, 1); /* the coordinator's word stays: it will say what comes instead */
    chord_table_clear(&table, &counting.allocator);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* --- claims: joins and departs, learnt in any order --- */

#define HISTORY_MAX 512u

/* Every claim that any owner has ever made, in the order in which they became true. */
struct history {
    struct chord_claim claims[HISTORY_MAX];
    uint32_t count;
};

static struct history history;

static void insert_member(struct chord_member member) {
    uint32_t at = ring.count++;
    for (; at > 0 && chord_id_compare(ring.members[at - 1].id, member.id) > 0; at--) {
        ring.members[at] = ring.members[at - 1];
    }
    ring.members[at] = member;
}

static uint32_t position_of(struct chord_id id) {
    for (uint32_t i = 0; i < ring.count; i++) {
        if (chord_id_equal(ring.members[i].id, id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* The claims that a view change of this epoch makes: of those whose predecessor is another now, who are new, or whose
 * chain alone changed. */
static void make_claims(struct chord_prng *prng, uint32_t epoch) {
    for (uint32_t i = 0; i < ring.count; i++) {
        struct chord_claim claim = claim_of(i);
        claim.epoch = epoch;
        bool holds = false;
        for (uint32_t j = history.count; j-- > 0;) {
            if (chord_id_equal(history.claims[j].owner.id, claim.owner.id)) {
                holds = history.claims[j].owner.incarnation == claim.owner.incarnation &&
                        chord_id_equal(history.claims[j].start, claim.start);
                break;
            }
        }
        if ((!holds || chord_prng_below(prng, 8) == 0) && history.count < HISTORY_MAX) {
            history.claims[history.count++] = claim;
        }
    }
}

/* One join or depart that leaves the node `keep` alone. */
static void change_ring(struct chord_prng *prng, struct chord_id keep, uint32_t incarnation) {
    const bool joins = ring.count < 3 || (ring.count < 20 && chord_prng_below(prng, 2));
    if (joins) {
        const struct chord_id id = id_random(prng, ring.bits);
        if (position_of(id) == UINT32_MAX) {
            insert_member((struct chord_member){
                .id = id, .address = {.rank = (uint32_t)id.high % 97}, .incarnation = incarnation});
        }
        return;
    }
    const uint32_t leaver = (uint32_t)chord_prng_below(prng, ring.count);
    if (!chord_id_equal(ring.members[leaver].id, keep)) {
        memmove(&ring.members[leaver], &ring.members[leaver + 1],
                (ring.count - leaver - 1) * sizeof ring.members[0]);
        ring.count--;
    }
}

static enum chord_status tell_node(struct chord_table *table, const struct chord_config *config,
                                   const struct counting *counting, uint32_t n, uint32_t epoch) {
    struct chord_member list[4];
    const uint32_t count = ring.count - 1 < 4 ? ring.count - 1 : 4;
    for (uint32_t i = 0; i < count; i++) {
        list[i] = ring.members[(n + 1 + i) % ring.count];
    }
    return tell(table, config, counting, epoch, ring.members[(n + ring.count - 1) % ring.count], list, count);
}

/* "Of two that contradict each other the newer is right, by whichever way and in whichever order they came": a node that
 * was in the ring all the time hears every claim ever made, shuffled, some twice, and ends with the fingers that the
 * sorted ids ask for. */
static void claims_in_any_order(struct tally *tally, uint64_t seed) {
    struct chord_prng prng = chord_prng_seeded(seed, 7);
    static const unsigned widths[] = {3, 4, 5, 7, 33, 160};
    random_ring(&prng, widths[seed % 6], 3 + (uint32_t)chord_prng_below(&prng, seed % 6 == 0 ? 3 : 8));
    history.count = 0;
    for (uint32_t i = 0; i < ring.count; i++) {
        ring.members[i].address.rank = (uint32_t)ring.members[i].id.high % 97;
        ring.members[i].incarnation = 1;
    }
    const struct chord_member self = ring.members[chord_prng_below(&prng, ring.count)];
    const struct chord_config config = {.routing = CHORD_ROUTING_FINGER, .successor_count = NODES_MAX, .id_bits = ring.bits};
    struct counting counting;
    counting_init(&counting);
    struct chord_table table;
    chord_table_init(&table, self);
    TALLY(tally, tell_node(&table, &config, &counting, position_of(self.id), 1) == CHORD_OK);
    make_claims(&prng, 1);
    const uint32_t epochs = 2 + (uint32_t)chord_prng_below(&prng, 12);
    for (uint32_t epoch = 2; epoch <= epochs; epoch++) {
        change_ring(&prng, self.id, epoch);
        if (chord_prng_below(&prng, 3) == 0) {
            change_ring(&prng, self.id, epoch);
        }
        make_claims(&prng, epoch);
        if (chord_prng_below(&prng, 2)) { /* NEIGHBOURS come in order, but other claims may overtake them */
            TALLY(tally, tell_node(&table, &config, &counting, position_of(self.id), epoch) == CHORD_OK);
        }
        for (uint32_t rumours = (uint32_t)chord_prng_below(&prng, 6); rumours-- > 0;) {
            (void)chord_table_learn(&table, &config, &history.claims[chord_prng_below(&prng, history.count)]);
        }
    }
    TALLY(tally, history.count < HISTORY_MAX);
    const uint32_t n = position_of(self.id);
    uint32_t order[HISTORY_MAX];
    for (uint32_t i = 0; i < history.count; i++) {
        const uint32_t j = (uint32_t)chord_prng_below(&prng, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    const uint32_t told_after = (uint32_t)chord_prng_below(&prng, history.count);
    for (uint32_t i = 0; i < history.count; i++) {
        (void)chord_table_learn(&table, &config, &history.claims[order[i]]);
        if (i == told_after) {
            TALLY(tally, tell_node(&table, &config, &counting, n, epochs) == CHORD_OK);
        }
        if (chord_prng_below(&prng, 4) == 0) {
            (void)chord_table_learn(&table, &config, &history.claims[order[chord_prng_below(&prng, i + 1)]]);
        }
        /* Whatever is missing still: in order of distance, and ranges that don't overlap. */
        for (uint32_t f = 1; f < table.finger_count; f++) {
            TALLY(tally, compare_from(self.id, table.fingers[f - 1].owner.id, table.fingers[f].owner.id) < 0 &&
                             compare_from(self.id, table.fingers[f - 1].owner.id, table.fingers[f].start) <= 0);
        }
    }
    const struct chord_id own_start = ring.members[(n + ring.count - 1) % ring.count].id;
    TALLY(tally, chord_table_next_unknown_finger(&table, &config, own_start) == ring.bits);
    /* One finger is said to be gone: its starts are unknown, its claim settles them again. */
    const uint32_t fingers = check_fingers(tally, n, &table);
    if (fingers > 0) {
        const struct chord_claim lost = table.fingers[chord_prng_below(&prng, fingers)];
        TALLY(tally, chord_table_forget(&table, &lost.owner));
        const uint32_t exponent = chord_table_next_unknown_finger(&table, &config, own_start);
        TALLY(tally, exponent < ring.bits &&
                         chord_id_equal(ring.members[owner_of(chord_id_add_power(self.id, ring.bits, exponent))].id,
                                        lost.owner.id));
        TALLY(tally, chord_table_learn(&table, &config, &lost));
        (void)check_fingers(tally, n, &table);
    }
    if (tally->failed != 0) {
        printf("    seed %llu\n", (unsigned long long)seed);
    }
    chord_table_clear(&table, &counting.allocator);
    TALLY(tally, counting.blocks_live == 0);
}

static void test_claims_in_any_order(void) {
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 3000 && tally.failed == 0; seed++) {
        claims_in_any_order(&tally, seed);
    }
    TALLY_ASSERT(&tally, 100000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"all rings of up to 5 nodes on 4 bits: every node, key and routing",
         test_all_small_subsets_of_4_bits},
        {"random rings on 7 bits: every node, key and routing", test_random_subsets_of_7_bits},
        {"random rings on 33 to 160 bits", test_random_wide_rings},
        {"the ring of figure 3", test_figure_3},
        {"a table that knows nobody", test_a_table_that_knows_nobody},
        {"neighbours and fingers are taken, repeated and forgotten", test_neighbours},
        {"claims of joins and departs, in any order", test_claims_in_any_order},
        {"next hops go around those that are out", test_next_hop_goes_around_those_that_are_out},
        {"forgetting the fingers of a rank", test_forget_rank},
    };
    return UNIT_RUN("table", tests);
}
