/* app/measure/moved: against a count key by key on every pair of rings of 3 bits, and examples by hand. */
#include "app/measure/moved.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BITS 3u
#define PLACES 8u

struct small_ring {
    struct chord_id ids[PLACES];
    uint32_t ranks[PLACES];
    struct moved_ring ring;
};

static struct chord_id id_of(uint64_t number, unsigned bits) {
    struct chord_id id = {0};
    CU_ASSERT_EQUAL_FATAL(chord_id_from_number(number, bits, &id), CHORD_OK);
    return id;
}

/* A node at each bit of the mask; the rank is the place modulo rank_count. */
static void make_ring(struct small_ring *small, unsigned mask, uint32_t rank_count) {
    small->ring = (struct moved_ring){.ids = small->ids, .ranks = small->ranks};
    for (unsigned place = 0; place < PLACES; place++) {
        if ((mask >> place & 1) != 0) {
            small->ids[small->ring.count] = id_of(place, BITS);
            small->ranks[small->ring.count++] = place % rank_count;
        }
    }
}

/* Bit set of the places in the chain of a key, found place by place. */
static unsigned chain_of(unsigned mask, unsigned key, uint32_t rank_count, uint32_t replica_count) {
    unsigned chain = 0, ranks = 0, count = 0;
    for (unsigned step = 0; step < PLACES && count < replica_count; step++) {
        const unsigned place = (key + step) % PLACES;
        if ((mask >> place & 1) != 0 && (ranks >> place % rank_count & 1) == 0) {
            chain |= 1u << place;
            ranks |= 1u << place % rank_count;
            count++;
        }
    }
    return chain;
}

/* Keys at each place: as many as the place's number plus one, in no order. */
static size_t make_keys(struct chord_id *keys) {
    size_t count = 0;
    for (unsigned round = 0; round < PLACES; round++) {
        for (unsigned place = PLACES; place-- > round;) {
            keys[count++] = id_of(place, BITS);
        }
    }
    return count;
}

static bool compare_with_brute(unsigned before, unsigned after, uint32_t rank_count, uint32_t replica_count,
                               const struct chord_id *keys, size_t key_count) {
    static struct small_ring a, b;
    uint64_t by_place[PLACES] = {0}, by_node[PLACES];
    struct moved expected = {0}, moved;
    make_ring(&a, before, rank_count);
    make_ring(&b, after, rank_count);
    for (unsigned key = 0; key < PLACES; key++) {
        const unsigned gained = chain_of(after, key, rank_count, replica_count) &
                                ~chain_of(before, key, rank_count, replica_count);
        for (unsigned place = 0; place < PLACES; place++) {
            by_place[place] += (gained >> place & 1) * (key + 1);
        }
        expected.pair_count += (uint64_t)__builtin_popcount(gained) * (key + 1);
        expected.key_count += gained != 0 ? key + 1 : 0;
    }
    if (moved_by_keys(&a.ring, &b.ring, replica_count, keys, key_count, &moved, by_node) != CHORD_OK ||
        moved.pair_count != expected.pair_count || moved.key_count != expected.key_count) {
        return false;
    }
    size_t node = 0;
    for (unsigned place = 0; place < PLACES; place++) {
        if ((after >> place & 1) != 0 && by_node[node++] != by_place[place]) {
            return false;
        }
    }
    return true;
}

static void test_exhaustive(void) {
    struct chord_id keys[PLACES * PLACES];
    const size_t key_count = make_keys(keys);
    CU_ASSERT_EQUAL(key_count, 36);
    static const uint32_t rank_counts[] = {8, 3};
    unsigned tried = 0, wrong = 0;
    for (unsigned before = 1; before < 1u << PLACES; before++) {
        for (unsigned after = 1; after < 1u << PLACES; after++) {
            for (unsigned r = 0; r < 2; r++) {
                const uint32_t replica_count = 1 + (before + after + r) % 5;
                wrong += !compare_with_brute(before, after, rank_counts[r], replica_count, keys, key_count);
                tried++;
            }
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(tried, 2 * 255 * 255);
    /* One join or departure, at every k. */
    for (unsigned before = 1; before < 1u << PLACES; before++) {
        for (unsigned place = 0; place < PLACES; place++) {
            for (uint32_t replica_count = 1; replica_count <= 9 && (before ^ 1u << place) != 0;
                 replica_count++) {
                wrong += !compare_with_brute(before, before ^ 1u << place, 8, replica_count, keys, key_count);
                wrong += !compare_with_brute(before, before ^ 1u << place, 3, replica_count, keys, key_count);
            }
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* Nodes 0, 1, 3 of 3 bits (SIGCOMM 2001, figure 3) and keys 1, 2, 6: node 6 joins and gets key 6 from node 0.
 */
static void test_figure(void) {
    struct small_ring before, after;
    const struct chord_id keys[] = {id_of(6, BITS), id_of(1, BITS), id_of(2, BITS)};
    uint64_t by_node[PLACES];
    struct moved moved;
    make_ring(&before, 0x0b, 8);
    make_ring(&after, 0x4b, 8);
    CU_ASSERT_EQUAL(moved_by_keys(&before.ring, &after.ring, 1, keys, 3, &moved, by_node), CHORD_OK);
    CU_ASSERT_EQUAL(moved.pair_count, 1);
    CU_ASSERT_EQUAL(moved.key_count, 1);
    CU_ASSERT_EQUAL(by_node[3], 1);
    /* k = 2: it also gets key 2, of which it is the second after node 3. */
    CU_ASSERT_EQUAL(moved_by_keys(&before.ring, &after.ring, 2, keys, 3, &moved, by_node), CHORD_OK);
    CU_ASSERT_EQUAL(moved.pair_count, 2);
    CU_ASSERT_EQUAL(by_node[0] + by_node[1] + by_node[2], 0);
    /* Every rank has everything already: it alone gets a copy of each key. */
    CU_ASSERT_EQUAL(moved_by_keys(&before.ring, &after.ring, 9, keys, 3, &moved, by_node), CHORD_OK);
    CU_ASSERT_EQUAL(moved.pair_count, 3);
    CU_ASSERT_EQUAL(by_node[3], 3);
    /* Node 1 departs (figure 7): its key 1 goes to node 3; nobody else changes. */
    make_ring(&after, 0x09, 8);
    CU_ASSERT_EQUAL(moved_by_keys(&before.ring, &after.ring, 1, keys, 3, &moved, NULL), CHORD_OK);
    CU_ASSERT_EQUAL(moved.pair_count, 1);
    /* No change, no keys. */
    CU_ASSERT_EQUAL(moved_by_keys(&before.ring, &before.ring, 3, keys, 3, &moved, by_node), CHORD_OK);
    CU_ASSERT_EQUAL(moved.pair_count + moved.key_count, 0);
    CU_ASSERT_EQUAL(moved_by_keys(&before.ring, &after.ring, 3, NULL, 0, &moved, by_node), CHORD_OK);
    CU_ASSERT_EQUAL(moved.pair_count + moved.key_count, 0);
}

struct parts {
    uint64_t places; /* bit set of those that were asked for */
    bool twice;
    unsigned count;
};

static uint64_t note_part(void *context, struct chord_id start, struct chord_id end) {
    struct parts *parts = context;
    parts->count++;
    uint64_t found = 0;
    for (unsigned place = 0; place < PLACES; place++) {
        if (chord_id_in_open_closed(start, id_of(place, BITS), end)) {
            parts->twice |= (parts->places >> place & 1) != 0;
            parts->places |= UINT64_C(1) << place;
            found++;
        }
    }
    return found;
}

/* The parts cover the ring once. */
static void test_parts(void) {
    unsigned wrong = 0;
    for (unsigned before = 1; before < 1u << PLACES; before++) {
        for (unsigned after = 1; after < 1u << PLACES; after += 7) {
            struct small_ring a, b;
            struct parts parts = {0};
            struct moved moved;
            make_ring(&a, before, 8);
            make_ring(&b, after, 8);
            wrong += moved_by_arcs(&a.ring, &b.ring, 2, note_part, &parts, &moved, NULL) != CHORD_OK;
            wrong += parts.twice || parts.places != 0xff;
            wrong += parts.count != (unsigned)__builtin_popcount(before | after);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_invalid(void) {
    struct small_ring good, bad;
    struct moved moved;
    make_ring(&good, 0x0b, 8);
    make_ring(&bad, 0x0b, 8);
    bad.ring.count = 0;
    CU_ASSERT_EQUAL(moved_by_keys(&bad.ring, &good.ring, 1, NULL, 0, &moved, NULL), CHORD_INVALID);
    CU_ASSERT_EQUAL(moved_by_keys(&good.ring, &bad.ring, 1, NULL, 0, &moved, NULL), CHORD_INVALID);
    CU_ASSERT_EQUAL(moved_by_keys(&good.ring, &good.ring, 0, NULL, 0, &moved, NULL), CHORD_INVALID);
    bad.ring.count = 3;
    bad.ids[1] = bad.ids[2];
    CU_ASSERT_EQUAL(moved_by_keys(&good.ring, &bad.ring, 1, NULL, 0, &moved, NULL), CHORD_INVALID);
    bad.ids[1] = id_of(5, BITS);
    CU_ASSERT_EQUAL(moved_by_keys(&bad.ring, &good.ring, 1, NULL, 0, &moved, NULL), CHORD_INVALID);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"every pair of rings of 3 bits", test_exhaustive},
        {"the paper's ring", test_figure},
        {"parts cover the ring once", test_parts},
        {"invalid rings", test_invalid},
    };
    return UNIT_RUN("moved", tests);
}
