#include "app/driver/ring.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

enum chord_status ring_init(struct ring *ring, uint32_t node_count) {
    *ring = (struct ring){.node_count = node_count};
    ring->nodes = calloc(node_count, sizeof *ring->nodes);
    ring->members = calloc(node_count, sizeof *ring->members);
    if (ring->nodes == NULL || ring->members == NULL) {
        ring_clear(ring);
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

void ring_clear(struct ring *ring) {
    free(ring->nodes);
    free(ring->members);
    *ring = (struct ring){0};
}

static int compare_nodes(const void *a, const void *b) {
    return chord_id_compare(((const struct ring_node *)a)->member.id, ((const struct ring_node *)b)->member.id);
}

/* The members, from the nodes, which are in ring order. */
static void list_members(struct ring *ring) {
    ring->member_count = 0;
    for (uint32_t i = 0; i < ring->node_count; i++) {
        if (ring->nodes[i].is_member) {
            ring->members[ring->member_count++] = ring->nodes[i].member;
        }
    }
}

void ring_form(struct ring *ring, const struct chord_member *nodes, uint32_t initial_rank_count) {
    for (uint32_t i = 0; i < ring->node_count; i++) {
        ring->nodes[i] =
            (struct ring_node){.member = nodes[i], .is_member = nodes[i].address.rank < initial_rank_count};
    }
    qsort(ring->nodes, ring->node_count, sizeof *ring->nodes, compare_nodes);
    ring->change_count = 0;
    list_members(ring);
}

static struct ring_node *find(const struct ring *ring, struct chord_address address) {
    for (uint32_t i = 0; i < ring->node_count; i++) {
        if (chord_address_equal(ring->nodes[i].member.address, address)) {
            return &ring->nodes[i];
        }
    }
    return NULL;
}

void ring_apply(struct ring *ring, const struct chord_change_member *changed, uint32_t changed_count) {
    for (uint32_t i = 0; i < changed_count; i++) {
        struct ring_node *node = find(ring, changed[i].member.address);
        chord_check(node != NULL && chord_id_equal(node->member.id, changed[i].member.id));
        node->member.incarnation = changed[i].member.incarnation;
        node->is_member = changed[i].what == CHORD_COMMAND_JOIN;
    }
    ring->change_count++;
    list_members(ring);
}

void ring_copy(struct ring *into, const struct ring *from) {
    chord_check(into->node_count == from->node_count);
    memcpy(into->nodes, from->nodes, from->node_count * sizeof *from->nodes);
    memcpy(into->members, from->members, from->member_count * sizeof *from->members);
    into->member_count = from->member_count;
    into->change_count = from->change_count;
}

const struct ring_node *ring_find(const struct ring *ring, struct chord_address address) {
    return find(ring, address);
}

uint32_t ring_rank_member_count(const struct ring *ring, uint32_t rank) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring->member_count; i++) {
        count += ring->members[i].address.rank == rank;
    }
    return count;
}
