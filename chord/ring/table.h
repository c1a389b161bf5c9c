/* A node's routing table: predecessor, successor list, distinct fingers; or, for one-hop routing, every member.
 * Routing is a hint: what is wrong here costs hops, never a wrong answer (DESIGN: two layers).
 *
 * Finger i of node n is the owner of n + 2^i, its start (SIGCOMM 2001, table 1, counts from 1). Most of them are one and
 * the same node, so the table keeps each owner once: about log2 N entries. Each is kept as a claim, "since this epoch I
 * own the ids from here to me": so one entry settles all starts in its range, claims never overlap, and of two that
 * contradict each other the newer is right, by whichever way and in whichever order they came. */
#ifndef CHORD_RING_TABLE_H
#define CHORD_RING_TABLE_H

#include "chord/wire/sink.h"

struct chord_table {
    struct chord_member self;
    struct chord_member predecessor;
    struct chord_member *successors; /* owned; clockwise from self */
    uint32_t neighbours_epoch;       /* as of which the two are told */
    uint32_t joined_epoch;           /* as of which they were told first: what is older may be outdated, unannounced */
    uint32_t successor_count;        /* 0 until the node knows its neighbours; self alone in a ring of one */
    struct chord_claim own; /* what the node owned when it last learnt that; epoch 0: nothing */
    struct chord_claim fingers[CHORD_ID_BITS_MAX]; /* distinct owners, ascending by distance from self */
    uint32_t finger_count;
};

/* A table that knows nobody. */
void chord_table_init(struct chord_table *table, struct chord_member self);
void chord_table_clear(struct chord_table *table, const struct chord_allocator *allocator);

/* Takes the neighbours that the coordinator tells as of its epoch; successors has at least one member. Fingers stay.
 * CHORD_INVALID for no successors, or more than config allows outside one-hop routing; CHORD_NO_MEMORY; both leave the
 * table as it was. */
CHORD_MUST_CHECK enum chord_status chord_table_set_neighbours(struct chord_table *table,
                                                              const struct chord_config *config,
                                                              const struct chord_allocator *allocator,
                                                              const struct chord_neighbours *neighbours);

/* Learns from a claim, wherever it came from: it becomes a finger if a start lies in its range, and corrects the fingers
 * that an older claim made. The node's own claim does the latter. Returns whether anything changed. A node that is in no
 * ring learns nothing. */
bool chord_table_learn(struct chord_table *table, const struct chord_config *config, const struct chord_claim *claim);

/* Forgets a finger that has left the ring, this incarnation of it or an older one. Returns whether it was there. */
bool chord_table_forget(struct chord_table *table, const struct chord_member *member);

/* Forgets the fingers on a rank that is out. Returns whether there were any. */
bool chord_table_forget_rank(struct chord_table *table, uint32_t rank);

/* The first exponent whose start is neither the node's own, in (own_start, its id], nor in the range of a finger: it
 * takes a lookup. id_bits if there is none: then all fingers are known. */
uint32_t chord_table_next_unknown_finger(const struct chord_table *table, const struct chord_config *config,
                                         struct chord_id own_start);

/* The first of the successor list that isn't out; NULL if there is none, or the node is alone. reach may be NULL. */
const struct chord_member *chord_table_successor(const struct chord_table *table, const struct chord_reach *reach);

/* The node to send a request for `key_id` to, when this node doesn't own it; NULL while it knows nobody else, or nobody who
 * could own it, since those that follow are out. Nodes that are out are passed over, as if they had left. reach may be NULL.
 *   finger: the first successor if it owns the key, otherwise the closest preceding one of fingers and first
 *           successor (SIGCOMM 2001, figure 4); with route_successors the whole list takes part, and may name the owner
 *   ring:   the first successor
 *   onehop: the owner */
const struct chord_member *chord_table_next_hop(const struct chord_table *table, const struct chord_config *config,
                                                const struct chord_reach *reach, struct chord_id key_id);

#endif
