#include "app/measure/expectation.h"

#include "chord/base/check.h"
#include "chord/base/prng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The nodes that each node knows, as distances along the sorted ring (1 = the successor): row n is
 * steps[first[n]] .. steps[first[n + 1] - 1], ascending and distinct. */
struct table {
    size_t *first;
    uint32_t *steps;
};

/* The clockwise step count from node `from` to node `to`. */
static size_t steps_between(const struct expectation_ring *ring, size_t from, size_t to) {
    return to >= from ? to - from : to + ring->count - from;
}

/* The steps to a node's fingers, descending and distinct, without those to the successor. Fingers come nearer
 * as the exponent falls, so the first one that is the successor ends the list. Returns how many. */
static size_t far_fingers(const struct expectation_ring *ring, size_t node,
                          uint32_t steps[CHORD_ID_BITS_MAX]) {
    size_t count = 0;
    for (unsigned exponent = ring->id_bits; exponent-- > 0;) {
        const struct chord_id start = chord_id_add_power(ring->ids[node], ring->id_bits, exponent);
        const size_t step = steps_between(ring, node, chord_id_owner(ring->ids, ring->count, start));
        if (step == 1) {
            break;
        }
        /* 0 is the node itself: the start lies beyond every other node. */
        if (step != 0 && (count == 0 || steps[count - 1] != step)) {
            steps[count++] = (uint32_t)step;
        }
    }
    return count;
}

/* Appends one node's row to table->steps, which has `used` entries, and returns the new number. */
static size_t add_row(const struct expectation_ring *ring, struct table *table, size_t node, size_t used) {
    uint32_t far[CHORD_ID_BITS_MAX];
    const size_t far_count = far_fingers(ring, node, far);
    const size_t others = ring->count - 1;
    const size_t near = ring->successors < others ? ring->successors : others;
    for (size_t step = 1; step <= near; step++) {
        table->steps[used++] = (uint32_t)step;
    }
    for (size_t i = far_count; i-- > 0;) {
        if (far[i] > near) {
            table->steps[used++] = far[i];
        }
    }
    return used;
}

static void table_free(struct table *table) {
    free(table->first);
    free(table->steps);
}

static enum chord_status table_build(const struct expectation_ring *ring, struct table *table) {
    /* Rows grow as they come; a row has at most this many entries. */
    const size_t row_max =
        CHORD_ID_BITS_MAX + (ring->successors < ring->count ? ring->successors : ring->count);
    size_t used = 0;
    size_t capacity = 0;
    *table = (struct table){.first = malloc((ring->count + 1) * sizeof *table->first)};
    if (table->first == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (size_t node = 0; node < ring->count; node++) {
        if (capacity - used < row_max) {
            capacity = capacity * 2 + row_max;
            uint32_t *steps = realloc(table->steps, capacity * sizeof *steps);
            if (steps == NULL) {
                table_free(table);
                return CHORD_NO_MEMORY;
            }
            table->steps = steps;
        }
        table->first[node] = used;
        used = add_row(ring, table, node, used);
    }
    table->first[ring->count] = used;
    return CHORD_OK;
}

/* How far a node sends a message for an owner that is `distance` >= 1 steps away. */
static size_t step_towards(const struct expectation_ring *ring, const struct table *table, size_t node,
                           size_t distance) {
    if (distance == 1 || (ring->successors_name_owner && distance <= ring->successors)) {
        return distance;
    }
    size_t low = table->first[node]; /* its step, 1, is always short enough */
    size_t high = table->first[node + 1];
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (table->steps[middle] < distance) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return table->steps[low];
}

/* The nodes that may answer for an owner. `nodes` has room for min(early_answer_replicas, count); returns how
 * many. */
static size_t answering_nodes(const struct expectation_ring *ring, size_t owner, size_t *nodes) {
    size_t count = 0;
    nodes[count++] = owner;
    for (size_t step = 1; step < ring->count && count < ring->early_answer_replicas; step++) {
        const size_t node = (owner + step) % ring->count;
        bool known = false;
        for (size_t i = 0; i < count && !known; i++) {
            known = ring->ranks[nodes[i]] == ring->ranks[node];
        }
        if (!known) {
            nodes[count++] = node;
        }
    }
    return count;
}

struct work {
    struct table table; /* finger routing only */
    size_t *answering;  /* the nodes that answer for the owner at hand */
    size_t answering_count;
    bool *answers;  /* by node */
    uint32_t *hops; /* by node: to the owner at hand (exact finger routing) */
};

static void work_free(struct work *work) {
    table_free(&work->table);
    free(work->answering);
    free(work->answers);
    free(work->hops);
}

static enum chord_status work_init(const struct expectation_ring *ring, struct work *work) {
    const size_t answering_max =
        ring->early_answer_replicas < ring->count ? ring->early_answer_replicas : ring->count;
    *work = (struct work){.answering = malloc(answering_max * sizeof *work->answering),
                          .answers = calloc(ring->count, sizeof *work->answers),
                          .hops = calloc(ring->count, sizeof *work->hops)};
    enum chord_status status = CHORD_OK;
    if (work->answering == NULL || work->answers == NULL || work->hops == NULL) {
        status = CHORD_NO_MEMORY;
    } else if (ring->routing == CHORD_ROUTING_FINGER) {
        status = table_build(ring, &work->table);
    }
    if (status != CHORD_OK) {
        work->table = (struct table){0}; /* table_build has freed it */
        work_free(work);
    }
    return status;
}

/* Fills work->hops for one owner, nearest nodes first: each node's message goes to a nearer one. */
static void hops_of_all(const struct expectation_ring *ring, struct work *work, size_t owner) {
    for (size_t distance = 0; distance < ring->count; distance++) {
        const size_t node = (owner + ring->count - distance) % ring->count;
        if (work->answers[node]) {
            work->hops[node] = 0;
        } else {
            const size_t step = step_towards(ring, &work->table, node, distance);
            work->hops[node] = 1 + work->hops[(node + step) % ring->count];
        }
    }
}

/* The same for one entry node, message by message. */
static uint32_t hops_by_walking(const struct expectation_ring *ring, const struct work *work, size_t node,
                                size_t owner) {
    uint32_t hops = 0;
    while (!work->answers[node]) {
        const size_t distance = steps_between(ring, node, owner);
        node = (node + step_towards(ring, &work->table, node, distance)) % ring->count;
        hops++;
    }
    return hops;
}

/* Node by node along the ring: the hops are the steps to the first node that answers. */
static uint32_t hops_by_ring(const struct expectation_ring *ring, const struct work *work, size_t node) {
    size_t nearest = ring->count;
    for (size_t i = 0; i < work->answering_count; i++) {
        const size_t steps = steps_between(ring, node, work->answering[i]);
        nearest = steps < nearest ? steps : nearest;
    }
    return (uint32_t)nearest;
}

static uint32_t hops_from(const struct expectation_ring *ring, const struct work *work, size_t start,
                          size_t owner, bool sampled) {
    switch (ring->routing) {
    case CHORD_ROUTING_RING:
        return hops_by_ring(ring, work, start);
    case CHORD_ROUTING_ONEHOP:
        return work->answers[start] ? 0 : 1;
    default:
        return sampled ? hops_by_walking(ring, work, start, owner) : work->hops[start];
    }
}

/* The share of the ring that an owner's arc covers. A left-aligned distance is a fraction of 2^160. */
static double arc_share(const struct expectation_ring *ring, size_t owner) {
    if (ring->count == 1) {
        return 1.0;
    }
    const size_t before = owner == 0 ? ring->count - 1 : owner - 1;
    const struct chord_id length = chord_id_distance(ring->ids[before], ring->ids[owner]);
    return ldexp((double)length.high, -64) + ldexp((double)length.middle, -128) +
           ldexp((double)length.low, -160);
}

static bool valid(const struct expectation_ring *ring) {
    if (ring->count < 1 || ring->count > UINT32_MAX || ring->id_bits < 1 ||
        ring->id_bits > CHORD_ID_BITS_MAX || (unsigned)ring->routing >= CHORD_ROUTING_COUNT ||
        ring->early_answer_replicas < 1 || ring->successors < 1 ||
        (ring->ranks == NULL && ring->early_answer_replicas > 1) ||
        (ring->entry_count > 0 && ring->entries == NULL)) {
        return false;
    }
    for (size_t i = 0; i < ring->entry_count; i++) {
        if (ring->entries[i] >= ring->count) {
            return false;
        }
    }
    for (size_t i = 1; i < ring->count; i++) {
        if (chord_id_compare(ring->ids[i - 1], ring->ids[i]) >= 0) {
            return false;
        }
    }
    return true;
}

static void add_owner(const struct expectation_ring *ring, struct work *work, size_t owner,
                      const size_t *starts, size_t start_count, bool sampled,
                      struct expectation *expectation) {
    work->answering_count = answering_nodes(ring, owner, work->answering);
    for (size_t i = 0; i < work->answering_count; i++) {
        work->answers[work->answering[i]] = true;
    }
    if (ring->routing == CHORD_ROUTING_FINGER && !sampled) {
        hops_of_all(ring, work, owner);
    }
    const double weight = arc_share(ring, owner) / (double)start_count;
    for (size_t i = 0; i < start_count; i++) {
        const uint32_t hops = hops_from(ring, work, sampled ? starts[i] : i, owner, sampled);
        expectation->mean += weight * hops;
        expectation->path_mean += weight * (hops == 0 ? 0 : hops - 1);
        expectation->probability[hops < HOPS_MAX ? hops : HOPS_MAX - 1] += weight;
    }
    for (size_t i = 0; i < work->answering_count; i++) {
        work->answers[work->answering[i]] = false;
    }
}

enum chord_status expectation_compute(const struct expectation_ring *ring, uint64_t seed,
                                      struct expectation *expectation) {
    if (!valid(ring)) {
        return CHORD_INVALID;
    }
    struct work work;
    const enum chord_status status = work_init(ring, &work);
    if (status != CHORD_OK) {
        return status;
    }
    const bool has_entries = ring->entry_count > 0;
    const bool sampled = ring->count > EXPECTATION_EXACT_NODES_MAX && !has_entries;
    size_t drawn[EXPECTATION_START_COUNT];
    struct chord_prng prng = chord_prng_seeded(seed, 0);
    for (size_t i = 0; i < EXPECTATION_START_COUNT; i++) {
        drawn[i] = (size_t)chord_prng_below(&prng, ring->count);
    }
    const size_t *starts = has_entries ? ring->entries : drawn;
    const size_t start_count = has_entries ? ring->entry_count : sampled ? EXPECTATION_START_COUNT : ring->count;
    memset(expectation, 0, sizeof *expectation);
    expectation->sampled = sampled;
    for (size_t owner = 0; owner < ring->count; owner++) {
        add_owner(ring, &work, owner, starts, start_count, sampled || has_entries, expectation);
    }
    work_free(&work);
    return CHORD_OK;
}

double expectation_ideal_mean(uint64_t node_count) {
    static const struct {
        double nodes;
        double mean;
    } table[] = {{1, 0.0},      {2, 0.500},    {4, 1.318},    {8, 2.012},    {10, 2.222},  {16, 2.644},
                 {32, 3.229},   {64, 3.783},   {128, 4.316},  {256, 4.836},  {512, 5.347}, {1024, 5.860},
                 {2048, 6.355}, {4096, 6.862}, {8192, 7.362}, {16384, 7.858}};
    const size_t last = sizeof table / sizeof table[0] - 1;
    const double nodes = (double)node_count;
    if (node_count < 2) {
        return 0.0;
    }
    if (nodes >= table[last].nodes) {
        return table[last].mean + 0.5 * log2(nodes / table[last].nodes);
    }
    size_t i = 0;
    while (nodes >= table[i + 1].nodes) {
        i++;
    }
    const double share = log2(nodes / table[i].nodes) / log2(table[i + 1].nodes / table[i].nodes);
    return table[i].mean + share * (table[i + 1].mean - table[i].mean);
}
