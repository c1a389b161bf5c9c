/* The hops that a phase should need on the ring that it ended with: measure/expectation, given where operations enter and
 * which nodes are members. */
#ifndef APP_DRIVER_EXPECT_H
#define APP_DRIVER_EXPECT_H

#include "app/driver/ring.h"
#include "app/report/result.h"
#include "chord/wire/config.h"

/* Fills in the expectation. nodes: all of the job, as they describe themselves when quiet.
 *
 * Operations enter at the nodes of all ranks alike (loader.h), or at those of --via. A spare sends what enters at it to its
 * contact, one hop more. The means are NaN, and nothing is expected, if the ring changed during the phase: then there was
 * no one ring; or if a spare's contact has left since, so that its way leads through other spares; or with location caches,
 * since they leave the ways that are expected.
 *
 * early_share, 0..1: of the operations, those that any node which holds the key may answer: queries that find it on an
 * eventual ring. All others are for the owner. */
void expect_phase(const struct ring *ring, const struct chord_config *config, const struct options *options,
                  const struct result_node *nodes, uint32_t node_count, double early_share, bool changed,
                  struct expectation *expected);

#endif
