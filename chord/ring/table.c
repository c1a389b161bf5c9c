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

enum chord_status chord_table_set_neighbours(struct chord_table *table, const struct chord_allocator *allocator,
                                             struct chord_member predecessor, const struct chord_members *successors) {
    if (successors->count == 0) {
        return CHORD_INVALID;
    }
    struct chord_member *copy = chord_allocate(allocator, successors->count * sizeof *copy);
    if (copy == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t i = 0; i < successors->count; i++) {
        copy[i] = chord_members_get(successors, i);
    }
    chord_free(allocator, table->successors);
    table->successors = copy;
    table->successor_count = successors->count;
    table->predecessor = predecessor;
    table->finger_count = 0;
    return CHORD_OK;
}

static int compare_distance(const struct chord_table *table, struct chord_id a, struct chord_id b) {
    return chord_id_compare(chord_id_distance(table->self.id, a), chord_id_distance(table->self.id, b));
}

void chord_table_add_finger(struct chord_table *table, struct chord_member finger) {
    if (chord_id_equal(finger.id, table->self.id)) {
        return;
    }
    uint32_t index = table->finger_count;
    while (index > 0 && compare_distance(table, table->fingers[index - 1].id, finger.id) > 0) {
        index--;
    }
    if (index > 0 && chord_id_equal(table->fingers[index - 1].id, finger.id)) {
        return;
    }
    chord_check(table->finger_count < CHORD_ID_BITS_MAX);
    memmove(&table->fingers[index + 1], &table->fingers[index],
            (table->finger_count - index) * sizeof table->fingers[0]);
    table->fingers[index] = finger;
    table->finger_count++;
}

uint32_t chord_table_next_unknown_finger(const struct chord_table *table, uint32_t id_bits, uint32_t exponent,
                                         struct chord_id covered) {
    while (exponent < id_bits) {
        const struct chord_id start = chord_id_add_power(table->self.id, id_bits, exponent);
        if (!chord_id_in_open_closed(table->self.id, start, covered)) {
            break;
        }
        exponent++;
    }
    return exponent;
}

/* The first of the sorted list (clockwise from self) that is at or after the id. */
static const struct chord_member *owner_in_list(const struct chord_table *table, struct chord_id key_id) {
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
    return &table->successors[low];
}

static const struct chord_member *closest_preceding(const struct chord_table *table, const struct chord_config *config,
                                                    struct chord_id key_id) {
    const struct chord_member *best = &table->successors[0];
    for (uint32_t i = table->finger_count; i-- > 0;) {
        if (chord_id_in_open(table->self.id, table->fingers[i].id, key_id)) {
            if (compare_distance(table, table->fingers[i].id, best->id) > 0) {
                best = &table->fingers[i];
            }
            break;
        }
    }
    for (uint32_t i = 1; config->route_successors && i < table->successor_count; i++) {
        const struct chord_member *successor = &table->successors[i];
        if (chord_id_in_open(table->self.id, successor->id, key_id) &&
            compare_distance(table, successor->id, best->id) > 0) {
            best = successor;
        }
    }
    return best;
}

const struct chord_member *chord_table_next_hop(const struct chord_table *table, const struct chord_config *config,
                                                struct chord_id key_id) {
    if (table->successor_count == 0 || chord_id_equal(table->successors[0].id, table->self.id)) {
        return NULL;
    }
    if (config->routing == CHORD_ROUTING_RING ||
        chord_id_in_open_closed(table->self.id, key_id, table->successors[0].id)) {
        return &table->successors[0];
    }
    if (config->routing == CHORD_ROUTING_ONEHOP) {
        return owner_in_list(table, key_id);
    }
    const struct chord_member *last = &table->successors[table->successor_count - 1];
    if (config->route_successors && chord_id_in_open_closed(table->self.id, key_id, last->id)) {
        return owner_in_list(table, key_id);
    }
    return closest_preceding(table, config, key_id);
}
