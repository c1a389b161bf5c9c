/* app/measure/expectation against hand computation, REFERENCE section 1 and a simulation of tiny rings. */
#include "tests/unit/unit.h"

#include "app/measure/expectation.h"
#include "chord/base/prng.h"

#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 4096 };

static struct chord_id ids[NODES_MAX];
static uint32_t ranks[NODES_MAX];
static struct expectation expectation;

static struct chord_id id_of(uint64_t number, unsigned bits) {
    struct chord_id id = {0};
    CU_ASSERT_EQUAL_FATAL(chord_id_from_number(number, bits, &id), CHORD_OK);
    return id;
}

static struct expectation_ring ring_of(size_t count, unsigned bits, enum chord_routing routing) {
    return (struct expectation_ring){.ids = ids,
                                     .ranks = ranks,
                                     .count = count,
                                     .id_bits = bits,
                                     .routing = routing,
                                     .early_answer_replicas = 1,
                                     .successors = 1};
}

static void compute(const struct expectation_ring *ring) {
    CU_ASSERT_EQUAL_FATAL(expectation_compute(ring, 1, &expectation), CHORD_OK);
    double total = 0;
    double mean = 0;
    double path = 0;
    for (uint32_t i = 0; i < HOPS_MAX; i++) {
        total += expectation.probability[i];
        mean += expectation.probability[i] * i;
        path += expectation.probability[i] * (i == 0 ? 0 : i - 1);
    }
    CU_ASSERT_DOUBLE_EQUAL(total, 1.0, 1e-9);
    if (ring->count < HOPS_MAX) {
        CU_ASSERT_DOUBLE_EQUAL(expectation.mean, mean, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(expectation.path_mean, path, 1e-9);
    }
}

static size_t textbook(const unsigned *numbers, size_t count, unsigned bits) {
    for (size_t i = 0; i < count; i++) {
        ids[i] = id_of(numbers[i], bits);
        ranks[i] = (uint32_t)i;
    }
    return count;
}

static int compare_ids(const void *left, const void *right) {
    return chord_id_compare(*(const struct chord_id *)left, *(const struct chord_id *)right);
}

static void random_ring(struct chord_prng *prng, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ids[i] = (struct chord_id){.high = chord_prng_next(prng),
                                   .middle = chord_prng_next(prng),
                                   .low = (uint32_t)chord_prng_next(prng)};
        ranks[i] = (uint32_t)i;
    }
    qsort(ids, count, sizeof ids[0], compare_ids);
}

static void test_one_and_two_nodes(void) {
    for (enum chord_routing routing = 0; routing < CHORD_ROUTING_COUNT; routing++) {
        const unsigned one[] = {5};
        struct expectation_ring ring = ring_of(textbook(one, 1, 4), 4, routing);
        compute(&ring);
        CU_ASSERT_EQUAL(expectation.mean, 0.0);
        CU_ASSERT_EQUAL(expectation.probability[0], 1.0);
        /* Whatever their arcs, one of two entry nodes is the owner and the other sends to it. */
        const unsigned two[] = {3, 4};
        ring = ring_of(textbook(two, 2, 4), 4, routing);
        compute(&ring);
        CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 0.5, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(expectation.probability[1], 0.5, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(expectation.path_mean, 0.0, 1e-12);
    }
}

/* SIGCOMM 2001, figure 3(b): nodes 0, 1, 3 of 3 bits. Arcs: 0 owns 4..0 (5/8), 1 owns 1 (1/8), 3 owns 2, 3
 * (2/8). Fingers: 0: 1, 3, 0; 1: 3, 3, 0; 3: 0, 0, 0. For owner 0: from 0 0 hops, from 3 1, from 1 via 3 (its
 * closest preceding finger) 2. For owner 1: from 1 0, from 0 1, from 3 via 0 2. For owner 3: from 3 0, from 1
 * 1, from 0 via 1 2. So every number of hops has a third. */
static void test_textbook_ring(void) {
    const unsigned numbers[] = {0, 1, 3};
    const struct expectation_ring ring = ring_of(textbook(numbers, 3, 3), 3, CHORD_ROUTING_FINGER);
    compute(&ring);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 1.0, 1e-12);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_DOUBLE_EQUAL(expectation.probability[i], 1.0 / 3, 1e-12);
    }
}

/* Nodes 0, 4, 8, 12 of 4 bits: equal arcs; fingers: the nodes 1 and 2 steps away. By the steps to the owner
 * the hops are 0: 0, 1: 1, 2: 2 (the owner may not be skipped to: first its predecessor), 3: 2 (two steps,
 * then one). Mean 5/4. */
static void test_even_ring(void) {
    const unsigned numbers[] = {0, 4, 8, 12};
    const struct expectation_ring ring = ring_of(textbook(numbers, 4, 4), 4, CHORD_ROUTING_FINGER);
    compute(&ring);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 1.25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(expectation.probability[0], 0.25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(expectation.probability[1], 0.25, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(expectation.probability[2], 0.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(expectation.path_mean, 0.5, 1e-12);
}

static void test_ring_and_onehop(void) {
    const size_t counts[] = {3, 8, 10, 33, 500};
    struct chord_prng prng = chord_prng_seeded(2, 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const double nodes = (double)counts[i];
        random_ring(&prng, counts[i]);
        struct expectation_ring ring = ring_of(counts[i], 160, CHORD_ROUTING_RING);
        compute(&ring);
        CU_ASSERT_DOUBLE_EQUAL(expectation.mean, (nodes - 1) / 2, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(expectation.probability[counts[i] - 1], 1 / nodes, 1e-9);
        ring.routing = CHORD_ROUTING_ONEHOP;
        compute(&ring);
        CU_ASSERT_DOUBLE_EQUAL(expectation.mean, (nodes - 1) / nodes, 1e-9);
    }
}

/* REFERENCE section 1, "Ideal ring": averages over random rings. */
static void test_averages_of_random_rings(void) {
    const struct {
        size_t nodes;
        unsigned rings;
        double mean;
    } cases[] = {{2, 10, 0.500},   {4, 2000, 1.318}, {8, 2000, 2.012}, {10, 2000, 2.222}, {16, 1000, 2.644},
                 {32, 500, 3.229}, {64, 200, 3.783}, {256, 20, 4.836}, {1024, 2, 5.860}};
    struct chord_prng prng = chord_prng_seeded(3, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double sum = 0;
        for (unsigned ring_index = 0; ring_index < cases[i].rings; ring_index++) {
            random_ring(&prng, cases[i].nodes);
            const struct expectation_ring ring = ring_of(cases[i].nodes, 160, CHORD_ROUTING_FINGER);
            CU_ASSERT_EQUAL_FATAL(expectation_compute(&ring, 0, &expectation), CHORD_OK);
            CU_ASSERT_FALSE(expectation.sampled);
            sum += expectation.mean;
        }
        CU_ASSERT_DOUBLE_EQUAL(sum / cases[i].rings, cases[i].mean, 0.02 * cases[i].mean);
        CU_ASSERT_DOUBLE_EQUAL(expectation_ideal_mean(cases[i].nodes), cases[i].mean, 1e-12);
    }
}

/* REFERENCE section 1, the distributions printed for N=8 and N=4096 (the latter by sampled entry nodes). */
static void test_distributions(void) {
    static const double eight[] = {.1251, .1251, .4102, .2936, .0445, .0015};
    static const double many[] = {.0003, .0002, .0030, .0169, .0570, .1295, .2054,
                                  .2332, .1911, .1101, .0422, .0098, .0012};
    double sums[6] = {0};
    struct chord_prng prng = chord_prng_seeded(4, 0);
    for (unsigned i = 0; i < 2000; i++) {
        random_ring(&prng, 8);
        const struct expectation_ring ring = ring_of(8, 160, CHORD_ROUTING_FINGER);
        CU_ASSERT_EQUAL_FATAL(expectation_compute(&ring, 0, &expectation), CHORD_OK);
        for (size_t j = 0; j < 6; j++) {
            sums[j] += expectation.probability[j] / 2000;
        }
    }
    for (size_t j = 0; j < 6; j++) {
        CU_ASSERT_DOUBLE_EQUAL(sums[j], eight[j], 0.01);
    }
    random_ring(&prng, 4096);
    const struct expectation_ring ring = ring_of(4096, 160, CHORD_ROUTING_FINGER);
    compute(&ring);
    CU_ASSERT(expectation.sampled);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 6.862, 0.02 * 6.862);
    for (size_t j = 0; j < sizeof many / sizeof many[0]; j++) {
        CU_ASSERT_DOUBLE_EQUAL(expectation.probability[j], many[j], 0.015);
    }
}

/* REFERENCE section 1: N=1000 with a successor list of 20 in the route: 4.76, or 3.83 when it may name the
 * owner. */
static void test_successor_lists(void) {
    struct chord_prng prng = chord_prng_seeded(5, 0);
    random_ring(&prng, 1000);
    struct expectation_ring ring = ring_of(1000, 160, CHORD_ROUTING_FINGER);
    ring.successors = 20;
    compute(&ring);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 4.76, 0.02 * 4.76);
    ring.successors_name_owner = true;
    compute(&ring);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 3.83, 0.02 * 3.83);
}

/* ---- tiny rings, message by message, with numbers modulo 16 and nothing else ---- */

struct tiny {
    unsigned numbers[16];
    unsigned count;
    unsigned replicas;
    unsigned successors;
    enum chord_routing routing;
};

static unsigned index_at_or_after(const struct tiny *tiny, unsigned number) {
    for (unsigned distance = 0;; distance++) {
        for (unsigned i = 0; i < tiny->count; i++) {
            if (tiny->numbers[i] == (number + distance) % 16) {
                return i;
            }
        }
    }
}

static bool answers(const struct tiny *tiny, unsigned node, unsigned owner) {
    uint32_t seen[16];
    unsigned seen_count = 0;
    for (unsigned step = 0; step < tiny->count && seen_count < tiny->replicas; step++) {
        const unsigned candidate = (owner + step) % tiny->count;
        bool fresh = true;
        for (unsigned i = 0; i < seen_count; i++) {
            fresh = fresh && seen[i] != ranks[candidate];
        }
        if (fresh) {
            seen[seen_count++] = ranks[candidate];
            if (candidate == node) {
                return true;
            }
        }
    }
    return false;
}

static unsigned next_node(const struct tiny *tiny, unsigned node, unsigned key) {
    const unsigned here = tiny->numbers[node];
    const unsigned key_distance = (key + 16 - here) % 16;
    const unsigned successor = (node + 1) % tiny->count;
    unsigned to_successor = (tiny->numbers[successor] + 16 - here) % 16;
    to_successor = to_successor == 0 ? 16 : to_successor;
    if (tiny->routing == CHORD_ROUTING_ONEHOP) {
        return index_at_or_after(tiny, key);
    }
    if (tiny->routing == CHORD_ROUTING_RING || (key_distance >= 1 && key_distance <= to_successor)) {
        return successor;
    }
    unsigned best = successor;
    unsigned best_distance = to_successor;
    for (unsigned i = 0; i < 4 + tiny->successors; i++) {
        const unsigned candidate =
            i < 4 ? index_at_or_after(tiny, (here + (1u << i)) % 16) : (node + i - 3) % tiny->count;
        const unsigned distance = (tiny->numbers[candidate] + 16 - here) % 16;
        if (distance >= 1 && distance < key_distance && distance > best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

static void compare_with_simulation(const struct tiny *tiny) {
    double probability[17] = {0};
    for (unsigned key = 0; key < 16; key++) {
        const unsigned owner = index_at_or_after(tiny, key);
        for (unsigned entry = 0; entry < tiny->count; entry++) {
            unsigned node = entry;
            unsigned hops = 0;
            while (!answers(tiny, node, owner) && hops < 16) {
                node = next_node(tiny, node, key);
                hops++;
            }
            probability[hops] += 1.0 / (16.0 * tiny->count);
        }
    }
    struct expectation_ring ring = ring_of(tiny->count, 4, tiny->routing);
    ring.early_answer_replicas = tiny->replicas;
    ring.successors = tiny->successors;
    for (unsigned i = 0; i < tiny->count; i++) {
        ids[i] = id_of(tiny->numbers[i], 4);
    }
    CU_ASSERT_EQUAL_FATAL(expectation_compute(&ring, 0, &expectation), CHORD_OK);
    for (unsigned hops = 0; hops < 17; hops++) {
        if (probability[hops] - expectation.probability[hops] > 1e-9 ||
            expectation.probability[hops] - probability[hops] > 1e-9) {
            CU_FAIL_FATAL("the expectation differs from the simulation");
        }
    }
    CU_PASS("equal");
}

static struct tiny tiny_of(unsigned mask) {
    struct tiny tiny = {.replicas = 1, .successors = 1};
    for (unsigned number = 0; number < 16; number++) {
        if (mask & (1u << number)) {
            ranks[tiny.count] = tiny.count;
            tiny.numbers[tiny.count++] = number;
        }
    }
    return tiny;
}

/* Every ring of four bits, every key, every entry node. */
static void test_every_small_ring(void) {
    for (unsigned mask = 1; mask < (1u << 16); mask++) {
        struct tiny tiny = tiny_of(mask);
        compare_with_simulation(&tiny);
    }
}

/* The variants, on random rings, with several nodes on a rank. */
static void test_variants_on_small_rings(void) {
    struct chord_prng prng = chord_prng_seeded(6, 0);
    for (unsigned i = 0; i < 5000; i++) {
        struct tiny tiny = tiny_of(1 + (unsigned)chord_prng_below(&prng, (1u << 16) - 1));
        for (unsigned node = 0; node < tiny.count; node++) {
            ranks[node] = (uint32_t)chord_prng_below(&prng, 5);
        }
        tiny.routing = (enum chord_routing)chord_prng_below(&prng, CHORD_ROUTING_COUNT);
        tiny.replicas = 1 + (unsigned)chord_prng_below(&prng, 6);
        tiny.successors = 1 + (unsigned)chord_prng_below(&prng, 4);
        compare_with_simulation(&tiny);
    }
}

/* Above EXPECTATION_EXACT_NODES_MAX: close to REFERENCE's figure; answers by replicas can only shorten the
 * way. */
static void test_large_rings(void) {
    struct chord_prng prng = chord_prng_seeded(8, 0);
    random_ring(&prng, 2048);
    struct expectation_ring ring = ring_of(2048, 160, CHORD_ROUTING_FINGER);
    compute(&ring);
    const double one = expectation.mean;
    CU_ASSERT(expectation.sampled);
    CU_ASSERT_DOUBLE_EQUAL(one, 6.355, 0.02 * 6.355);
    ring.early_answer_replicas = 3;
    compute(&ring);
    CU_ASSERT(expectation.mean < one && expectation.mean > one - 0.1);
    ring.early_answer_replicas = 1;
    ring.routing = CHORD_ROUTING_RING;
    compute(&ring);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, 2047 / 2.0,
                           0.1 * 1023); /* the sample's entry nodes aren't even */
}

/* The mean over all entries, taken one at a time, is the mean over uniform entries; over some, the mean of those. */
static void test_some_entries(void) {
    struct chord_prng prng = chord_prng_seeded(9, 0);
    random_ring(&prng, 10);
    struct expectation_ring ring = ring_of(10, 160, CHORD_ROUTING_FINGER);
    compute(&ring);
    const double uniform = expectation.mean;
    double sum = 0;
    double largest = 0;
    double of_some = 0;
    size_t entry;
    ring.entries = &entry;
    ring.entry_count = 1;
    for (entry = 0; entry < 10; entry++) {
        compute(&ring);
        CU_ASSERT(!expectation.sampled);
        sum += expectation.mean;
        of_some += entry % 4 == 1 ? expectation.mean / 3 : 0;
        largest = expectation.mean > largest ? expectation.mean : largest;
    }
    CU_ASSERT_DOUBLE_EQUAL(sum / 10, uniform, 1e-9);
    CU_ASSERT(largest > uniform + 0.01);
    CU_ASSERT_EQUAL(expectation_compute(&ring, 0, &expectation), CHORD_INVALID); /* entry is 10 now */
    const size_t some[] = {9, 1, 5};
    ring.entries = some;
    ring.entry_count = 3;
    compute(&ring);
    CU_ASSERT_DOUBLE_EQUAL(expectation.mean, of_some, 1e-9);
    ring.entries = NULL;
    CU_ASSERT_EQUAL(expectation_compute(&ring, 0, &expectation), CHORD_INVALID);
}

static void test_bad_rings(void) {
    const unsigned numbers[] = {1, 2, 3};
    struct expectation_ring good = ring_of(textbook(numbers, 3, 4), 4, CHORD_ROUTING_FINGER);
    struct expectation_ring bad = good;
    bad.count = 0;
    CU_ASSERT_EQUAL(expectation_compute(&bad, 0, &expectation), CHORD_INVALID);
    bad = good;
    bad.id_bits = 161;
    CU_ASSERT_EQUAL(expectation_compute(&bad, 0, &expectation), CHORD_INVALID);
    bad = good;
    bad.successors = 0;
    CU_ASSERT_EQUAL(expectation_compute(&bad, 0, &expectation), CHORD_INVALID);
    bad = good;
    bad.early_answer_replicas = 2;
    bad.ranks = NULL;
    CU_ASSERT_EQUAL(expectation_compute(&bad, 0, &expectation), CHORD_INVALID);
    ids[2] = ids[1];
    CU_ASSERT_EQUAL(expectation_compute(&good, 0, &expectation), CHORD_INVALID);
}

static void test_ideal_mean(void) {
    CU_ASSERT_EQUAL(expectation_ideal_mean(0), 0.0);
    CU_ASSERT_EQUAL(expectation_ideal_mean(1), 0.0);
    CU_ASSERT_DOUBLE_EQUAL(expectation_ideal_mean(3), 0.5 + 0.818 * 0.584963, 1e-6); /* log2 1.5 */
    CU_ASSERT_DOUBLE_EQUAL(expectation_ideal_mean(16384), 7.858, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(expectation_ideal_mean(65536), 8.858, 1e-12);
    for (uint64_t nodes = 1; nodes < 20000; nodes++) {
        if (expectation_ideal_mean(nodes + 1) <= expectation_ideal_mean(nodes)) {
            CU_FAIL("the ideal mean must grow with the ring");
        }
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"one and two nodes", test_one_and_two_nodes},
        {"SIGCOMM 2001, figure 3(b)", test_textbook_ring},
        {"four nodes evenly spaced", test_even_ring},
        {"ring and onehop routing have closed forms", test_ring_and_onehop},
        {"REFERENCE 1: means over random rings", test_averages_of_random_rings},
        {"REFERENCE 1: distributions", test_distributions},
        {"REFERENCE 1: successor lists in the route", test_successor_lists},
        {"every 4-bit ring against simulation", test_every_small_ring},
        {"virtual nodes, early answers, successor lists against simulation", test_variants_on_small_rings},
        {"one entry node", test_some_entries},
        {"large rings are sampled", test_large_rings},
        {"bad rings", test_bad_rings},
        {"the ideal mean and its interpolation", test_ideal_mean},
    };
    return UNIT_RUN("expectation", tests);
}
