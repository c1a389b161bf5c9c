/* What a seed stands for: a ring's settings, ids, keys, operations, commands and faults. */
#ifndef TESTS_SIM_DRAW_H
#define TESTS_SIM_DRAW_H

#include "tests/sim/cluster.h"

/* Draws all of it from cluster->prng, in a fixed order; cluster->is_faulty is set. Returns the longest delay of a message, in
 * ticks. */
uint32_t draw_cluster(struct cluster *cluster);

/* The largest message that travels in one piece, drawn from a stream of its own; 0: all do. */
uint32_t draw_record_bytes(const struct cluster *cluster);

#endif
