#include "chord/ring/table.h"

#include "chord/base/check.h"

#include <string.h>

void chord_table_init(struct chord_table *table, struct chord_member self) {
    memset(table, 0, sizeof *table);
    table->self = self;
}

void chord_table_clear(struct chord_table *table, const struct chord_allocator *allocator) {
    chord_free(allocator, table->successors);
    chord_table_init(table, table->self);
}

static struct chord_id distance_to(const struct chord_table *table, struct chord_id id) {
    return chord_id_distance(table->self.id, id);
}

static int compare_distance(const struct chord_table *table, struct chord_id a, struct chord_id b) {
    return chord_id_compare(distance_to(table, a), distance_to(table, b));
}

enum chord_status chord_table_set_neighbours(struct chord_table *table, const struct chord_config *config,
                                             const struct chord_allocator *allocator,
                                             const struct chord_neighbours *neighbours) {
    const struct chord_members *successors = &neighbours->successors;
    if (successors->count == 0 ||
        (config->routing != CHORD_ROUTING_ONEHOP && successors->count > config->successor_count)) {
        return CHORD_INVALID;
    }
    struct chord_member *copy = chord_allocate(allocator, successors->count * sizeof *copy);
    if (copy == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t i = 0; i < successors->count; i++) {
        copy[i] = chord_members_get(successors, i);
    }
    if (table->successor_count == 0) {
        table->joined_epoch = neighbours->epoch;
    }
    chord_free(allocator, table->successors);
    table->successors = copy;
    table->successor_count = successors->count;
    table->predecessor = neighbours->predecessor;
    table->neighbours_epoch = neighbours->epoch;
    const struct chord_claim next = {.owner = copy[0], .start = table->self.id, .epoch = neighbours->epoch};
    (void)chord_table_learn(table, config, &next);
    return CHORD_OK;
}

/* --- fingers as claims --- */

/* Whether a start n + 2^i lies in the claim's range: whether there is a power of two between the distances of its
 * ends, the first excluded. The range doesn't contain the node itself, unless as its first end. */
static bool has_start(const struct chord_table *table, const struct chord_config *config,
                      const struct chord_claim *claim) {
    const struct chord_id unit = chord_id_add_power((struct chord_id){0}, config->id_bits, 0);
    const struct chord_id power = chord_id_highest_power(distance_to(table, claim->owner.id));
    return chord_id_compare(power, unit) >= 0 && chord_id_compare(power, distance_to(table, claim->start)) > 0;
}

static void remove_finger(struct chord_table *table, uint32_t index) {
    table->finger_count--;
    memmove(&table->fingers[index], &table->fingers[index + 1],
            (table->finger_count - index) * sizeof table->fingers[0]);
}

static void insert_finger(struct chord_table *table, const struct chord_claim *claim) {
    uint32_t index = table->finger_count;
    while (index > 0 && compare_distance(table, table->fingers[index - 1].owner.id, claim->owner.id) > 0) {
        index--;
    }
    chord_check(table->finger_count < CHORD_ID_BITS_MAX);
    memmove(&table->fingers[index + 1], &table->fingers[index],
            (table->finger_count - index) * sizeof table->fingers[0]);
    table->fingers[index] = *claim;
    table->finger_count++;
}

/* Whether the new claim, perhaps shortened, stands beside the finger; otherwise one of the two is wrong, and *keeps says
 * whether it is not the finger. */
static bool reconcile(const struct chord_table *table, struct chord_claim *finger, struct chord_claim *claim,
                      bool *keeps) {
    const bool newer = claim->epoch > finger->epoch;
    *keeps = true;
    if (chord_id_equal(finger->owner.id, claim->owner.id)) {
        /* Within one epoch an owner's range grows, as the parts of its arc are installed. */
        const bool wider = claim->epoch == finger->epoch && compare_distance(table, claim->start, finger->start) < 0;
        *keeps = !newer && !wider;
        return newer || wider;
    }
    /* The nearer owner of the two, if it lies in the range of the farther one, contradicts it. */
    if (compare_distance(table, finger->owner.id, claim->owner.id) < 0) {
        if (compare_distance(table, finger->owner.id, claim->start) > 0) {
            if (newer) {
                *keeps = false; /* it has left: its place is the claim's owner's now */
            } else {
                claim->start = finger->owner.id;
            }
        }
        return true;
    }
    if (compare_distance(table, claim->owner.id, finger->start) > 0) {
        if (!newer) {
            return false;
        }
        finger->start = claim->owner.id; /* it has joined before the finger */
    }
    return true;
}

/* What is inside the node's own range has left the ring, if the node's claim is the newer one. */
static bool is_refuted(const struct chord_claim *own, const struct chord_claim *claim) {
    return own->epoch > claim->epoch && chord_id_in_open(own->start, claim->owner.id, own->owner.id);
}

static bool learn_own(struct chord_table *table, const struct chord_claim *claim) {
    bool changed = false;
    if (claim->epoch < table->own.epoch) {
        return false;
    }
    table->own = *claim;
    for (uint32_t i = table->finger_count; i-- > 0;) {
        if (is_refuted(claim, &table->fingers[i])) {
            remove_finger(table, i);
            changed = true;
        }
    }
    return changed;
}

bool chord_table_learn(struct chord_table *table, const struct chord_config *config, const struct chord_claim *claim) {
    struct chord_claim learned = *claim;
    if (table->successor_count == 0 || claim->epoch == 0 || config->routing != CHORD_ROUTING_FINGER) {
        return false;
    }
    if (chord_id_equal(claim->owner.id, table->self.id)) {
        return learn_own(table, claim);
    }
    if (is_refuted(&table->own, claim)) {
        return false;
    }
    /* A range with this node inside is older than its joining: what lies behind it is not the owner's any more. */
    if (compare_distance(table, claim->start, claim->owner.id) >= 0) {
        learned.start = table->self.id;
    }
    bool changed = false;
    bool stands = true;
    for (uint32_t i = 0; i < table->finger_count && stands;) {
        bool keeps;
        stands = reconcile(table, &table->fingers[i], &learned, &keeps);
        if (!keeps || !has_start(table, config, &table->fingers[i])) {
            remove_finger(table, i);
            changed = true;
        } else {
            i++;
        }
    }
    if (stands && has_start(table, config, &learned)) {
        insert_finger(table, &learned);
        changed = true;
    }
    return changed;
}

bool chord_table_forget(struct chord_table *table, const struct chord_member *member) {
    for (uint32_t i = 0; i < table->finger_count; i++) {
        const struct chord_member *owner = &table->fingers[i].owner;
        if (chord_id_equal(owner->id, member->id) && owner->incarnation <= member->incarnation) {
            remove_finger(table, i);
            return true;
        }
    }
    return false;
}

bool chord_table_forget_rank(struct chord_table *table, uint32_t rank) {
    bool any = false;
    for (uint32_t i = table->finger_count; i-- > 0;) {
        if (table->fingers[i].owner.address.rank == rank) {
            remove_finger(table, i);
            any = true;
        }
    }
    return any;
}

uint32_t chord_table_next_unknown_finger(const struct chord_table *table, const struct chord_config *config,
                                         struct chord_id own_start) {
    uint32_t finger = 0; /* starts and fingers both ascend by distance */
    for (uint32_t exponent = 0; exponent < config->id_bits; exponent++) {
        const struct chord_id start = chord_id_add_power(table->self.id, config->id_bits, exponent);
        while (finger < table->finger_count &&
               compare_distance(table, table->fingers[finger].owner.id, start) < 0) {
            finger++;
        }
        const bool known =
            (finger < table->finger_count &&
             compare_distance(table, start, table->fingers[finger].start) > 0) ||
            chord_id_in_open_closed(own_start, start, table->self.id);
        if (!known) {
            return exponent;
        }
    }
    return config->id_bits;
}

const struct chord_member *chord_table_successor(const struct chord_table *table, const struct chord_reach *reach) {
    for (uint32_t i = 0; i < table->successor_count; i++) {
        const struct chord_member *successor = &table->successors[i];
        if (!chord_id_equal(successor->id, table->self.id) && !chord_reach_is_shut(reach, successor->address.rank)) {
            return successor;
        }
    }
    return NULL;
}

/* The first of the sorted list (clockwise from self) that is at or after the id; or, if that is out, the next one that
 * isn't; NULL if there is none before self. */
static const struct chord_member *owner_in_list(const struct chord_table *table, const struct chord_reach *reach,
                                                struct chord_id key_id) {
    uint32_t low = 0;
    uint32_t high = table->successor_count - 1;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare_distance(table, table->successors[middle].id, key_id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low < table->successor_count && chord_reach_is_shut(reach, table->successors[low].address.rank)) {
        low++;
    }
    return low < table->successor_count ? &table->successors[low] : NULL;
}

/* successor: the first one that isn't out; it precedes the key. */
static const struct chord_member *closest_preceding(const struct chord_table *table, const struct chord_config *config,
                                                    const struct chord_reach *reach,
                                                    const struct chord_member *successor, struct chord_id key_id) {
    const struct chord_member *best = successor;
    for (uint32_t i = table->finger_count; i-- > 0;) {
        const struct chord_member *finger = &table->fingers[i].owner;
        if (chord_id_in_open(table->self.id, finger->id, key_id) && !chord_reach_is_shut(reach, finger->address.rank)) {
            if (compare_distance(table, finger->id, best->id) > 0) {
                best = finger;
            }
            break;
        }
    }
    for (uint32_t i = 1; config->route_successors && i < table->successor_count; i++) {
        const struct chord_member *other = &table->successors[i];
        if (chord_id_in_open(table->self.id, other->id, key_id) && !chord_reach_is_shut(reach, other->address.rank) &&
            compare_distance(table, other->id, best->id) > 0) {
            best = other;
        }
    }
    return best;
}

const struct chord_member *chord_table_next_hop(const struct chord_table *table, const struct chord_config *config,
                                                const struct chord_reach *reach, struct chord_id key_id) {
    const struct chord_member *successor = chord_table_successor(table, reach);
    if (successor == NULL) {
        return NULL;
    }
    if (config->routing == CHORD_ROUTING_RING || chord_id_in_open_closed(table->self.id, key_id, successor->id)) {
        return successor;
    }
    if (config->routing == CHORD_ROUTING_ONEHOP) {
        return owner_in_list(table, reach, key_id);
    }
    const struct chord_member *last = &table->successors[table->successor_count - 1];
    if (config->route_successors && chord_id_in_open_closed(table->self.id, key_id, last->id)) {
        const struct chord_member *owner = owner_in_list(table, reach, key_id);
        if (owner != NULL) {
            return owner;
        }
    }
    return closest_preceding(table, config, reach, successor, key_id);
}
