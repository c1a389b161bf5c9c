/* The ids of both rings together cut the circle into arcs within which no owner changes, neither before nor
 * after. Of each arc the two chains are walked and compared, and its keys are counted once. */
#include "app/measure/moved.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A chain as indexes into its ring, and room for it. */
struct chain {
    size_t *nodes; /* owned */
    uint32_t count;
};

static bool is_ascending(const struct moved_ring *ring) {
    for (size_t i = 1; i < ring->count; i++) {
        if (chord_id_compare(ring->ids[i - 1], ring->ids[i]) >= 0) {
            return false;
        }
    }
    return ring->count > 0;
}

static bool has_rank(const struct moved_ring *ring, const struct chain *chain, uint32_t rank) {
    for (uint32_t i = 0; i < chain->count; i++) {
        if (ring->ranks[chain->nodes[i]] == rank) {
            return true;
        }
    }
    return false;
}

/* The chain of the keys that `id` is the last of. */
static void find_chain(const struct moved_ring *ring, struct chord_id id, uint32_t replica_count,
                       struct chain *chain) {
    const size_t owner = chord_id_owner(ring->ids, ring->count, id);
    chain->count = 0;
    for (size_t step = 0; step < ring->count && chain->count < replica_count; step++) {
        const size_t node = (owner + step) % ring->count;
        if (!has_rank(ring, chain, ring->ranks[node])) {
            chain->nodes[chain->count++] = node;
        }
    }
}

static bool holds(const struct moved_ring *ring, const struct chain *chain, struct chord_id id) {
    for (uint32_t i = 0; i < chain->count; i++) {
        if (chord_id_equal(ring->ids[chain->nodes[i]], id)) {
            return true;
        }
    }
    return false;
}

/* The ids of both rings, ascending, each once. Returns how many. */
static size_t merge_ids(const struct moved_ring *a, const struct moved_ring *b, struct chord_id *merged) {
    size_t i = 0, j = 0, count = 0;
    while (i < a->count || j < b->count) {
        const int order = i == a->count ? 1 : j == b->count ? -1 : chord_id_compare(a->ids[i], b->ids[j]);
        merged[count++] = order <= 0 ? a->ids[i] : b->ids[j];
        i += order <= 0;
        j += order >= 0;
    }
    return count;
}

enum chord_status moved_by_arcs(const struct moved_ring *before, const struct moved_ring *after,
                                uint32_t replica_count, moved_key_count *count_keys, void *context,
                                struct moved *moved, uint64_t *by_node) {
    if (!is_ascending(before) || !is_ascending(after) || replica_count == 0) {
        return CHORD_INVALID;
    }
    /* A chain is no longer than its ring. */
    const size_t old_room = replica_count < before->count ? replica_count : before->count;
    const size_t new_room = replica_count < after->count ? replica_count : after->count;
    struct chain old_chain = {.nodes = malloc(old_room * sizeof *old_chain.nodes)};
    struct chain new_chain = {.nodes = malloc(new_room * sizeof *new_chain.nodes)};
    struct chord_id *ids = malloc((before->count + after->count) * sizeof *ids);
    enum chord_status status = CHORD_NO_MEMORY;
    if (old_chain.nodes != NULL && new_chain.nodes != NULL && ids != NULL) {
        status = CHORD_OK;
        *moved = (struct moved){0};
        if (by_node != NULL) {
            memset(by_node, 0, after->count * sizeof *by_node);
        }
        const size_t count = merge_ids(before, after, ids);
        for (size_t i = 0; i < count; i++) {
            const uint64_t keys = count_keys(context, ids[i == 0 ? count - 1 : i - 1], ids[i]);
            bool any = false;
            find_chain(before, ids[i], replica_count, &old_chain);
            find_chain(after, ids[i], replica_count, &new_chain);
            for (uint32_t c = 0; c < new_chain.count; c++) {
                const size_t node = new_chain.nodes[c];
                if (holds(before, &old_chain, after->ids[node])) {
                    continue;
                }
                any = true;
                moved->pair_count += keys;
                if (by_node != NULL) {
                    by_node[node] += keys;
                }
            }
            moved->key_count += any ? keys : 0;
        }
    }
    free(old_chain.nodes);
    free(new_chain.nodes);
    free(ids);
    return status;
}

struct sorted_keys {
    struct chord_id *ids; /* owned; ascending */
    size_t count;
};

/* How many ids are not above `id`. */
static size_t upper_bound(const struct sorted_keys *keys, struct chord_id id) {
    size_t low = 0, high = keys->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (chord_id_compare(keys->ids[middle], id) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t count_sorted(void *context, struct chord_id start, struct chord_id end) {
    const struct sorted_keys *keys = context;
    const size_t to_start = upper_bound(keys, start), to_end = upper_bound(keys, end);
    return chord_id_compare(start, end) < 0 ? to_end - to_start : keys->count - to_start + to_end;
}

static int compare_ids(const void *a, const void *b) {
    return chord_id_compare(*(const struct chord_id *)a, *(const struct chord_id *)b);
}

enum chord_status moved_by_keys(const struct moved_ring *before, const struct moved_ring *after,
                                uint32_t replica_count, const struct chord_id *key_ids, size_t key_count,
                                struct moved *moved, uint64_t *by_node) {
    struct sorted_keys keys = {.ids = malloc((key_count + 1) * sizeof *keys.ids), .count = key_count};
    if (keys.ids == NULL) {
        return CHORD_NO_MEMORY;
    }
    if (key_count > 0) {
        memcpy(keys.ids, key_ids, key_count * sizeof *keys.ids);
        qsort(keys.ids, key_count, sizeof *keys.ids, compare_ids);
    }
    const enum chord_status status =
        moved_by_arcs(before, after, replica_count, count_sorted, &keys, moved, by_node);
    free(keys.ids);
    return status;
}
