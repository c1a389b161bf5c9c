/* A node's routing table: predecessor, successor list, distinct fingers; or, for one-hop routing, every member.
 * Routing is a hint: what is wrong here costs hops, never a wrong answer (DESIGN: two layers).
 *
 * Finger i of node n is the owner of n + 2^i (SIGCOMM 2001, table 1, counts from 1). Most of them are one and the same
 * node, so the table keeps each once: about log2 N entries. */
#ifndef CHORD_RING_TABLE_H
#define CHORD_RING_TABLE_H

#include "chord/wire/sink.h"

struct chord_table {
    struct chord_member self;
    struct chord_member predecessor;
    struct chord_member *successors; /* owned; clockwise from self */
    uint32_t successor_count;        /* 0 until the node knows its neighbours; self alone in a ring of one */
    struct chord_member fingers[CHORD_ID_BITS_MAX]; /* distinct, ascending by distance from self */
    uint32_t finger_count;
};

/* A table that knows nobody. */
void chord_table_init(struct chord_table *table, struct chord_member self);
void chord_table_clear(struct chord_table *table, const struct chord_allocator *allocator);

/* Takes the neighbours that the coordinator tells; fingers are forgotten. successors has at least one member.
 * CHORD_NO_MEMORY leaves the table as it was. */
CHORD_MUST_CHECK enum chord_status chord_table_set_neighbours(struct chord_table *table,
                                                              const struct chord_allocator *allocator,
                                                              struct chord_member predecessor,
                                                              const struct chord_members *successors);

/* Adds a finger; one that is there already, or is the node itself, changes nothing. */
void chord_table_add_finger(struct chord_table *table, struct chord_member finger);

/* The start of finger `exponent`, and the first exponent from `exponent` on whose finger the table can't name without
 * a lookup; id_bits if there is none left. A finger is known if its start lies between the node and a neighbour or
 * finger that was found to own it: `covered` is the id of the last node found, or of the first successor. */
uint32_t chord_table_next_unknown_finger(const struct chord_table *table, uint32_t id_bits, uint32_t exponent,
                                         struct chord_id covered);

/* The node to send a request for `key_id` to, when this node doesn't own it; NULL while it knows nobody else.
 *   finger: the first successor if it owns the key, otherwise the closest preceding one of fingers and first
 *           successor (SIGCOMM 2001, figure 4); with route_successors the whole list takes part, and may name the owner
 *   ring:   the first successor
 *   onehop: the owner */
const struct chord_member *chord_table_next_hop(const struct chord_table *table, const struct chord_config *config,
                                                struct chord_id key_id);

#endif
