/* Which ranks are out: taken for dead by the coordinator, which has told every rank so. Nothing is sent to them. A rank's
 * nodes and its client look here before they choose whom to turn to. */
#ifndef CHORD_WIRE_REACH_H
#define CHORD_WIRE_REACH_H

#include <stdbool.h>
#include <stdint.h>

struct chord_reach {
    bool *is_shut;       /* owned by the peer; by rank */
    uint32_t shut_count;
};

/* reach may be NULL: nobody is out. */
static inline bool chord_reach_is_shut(const struct chord_reach *reach, uint32_t rank) {
    return reach != NULL && __builtin_expect(reach->shut_count > 0, 0) && reach->is_shut[rank];
}

#endif
