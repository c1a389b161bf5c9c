/* What a client asks for and what it is told: kinds, outcomes and versions of operations. */
#ifndef CHORD_WIRE_OPERATION_H
#define CHORD_WIRE_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

enum chord_operation_kind {
    CHORD_INSERT, /* also the update of an existing key */
    CHORD_QUERY,
    CHORD_DELETE,
    CHORD_OPERATION_KIND_COUNT
};

enum chord_outcome {
    CHORD_INSERTED, /* insert: the key was absent */
    CHORD_UPDATED,  /* insert: the key was present */
    CHORD_FOUND,    /* query: the key is present, the answer has its value */
    CHORD_ABSENT,   /* query or delete: the key is absent */
    CHORD_DELETED,  /* delete: the key was present */
    CHORD_UNKNOWN,  /* given up without an answer: it may have taken effect */
    CHORD_OUTCOME_COUNT
};

enum chord_consistency { CHORD_LINEARIZABLE, CHORD_EVENTUAL, CHORD_CONSISTENCY_COUNT };

enum chord_routing { CHORD_ROUTING_FINGER, CHORD_ROUTING_RING, CHORD_ROUTING_ONEHOP, CHORD_ROUTING_COUNT };

/* A version orders the writes of one arc: first by arc epoch, then by the counter that the head stamps. The writes of
 * one key are among them; the first write of an arc has counter 1. */
struct chord_version {
    uint32_t epoch;
    uint64_t counter;
};

/* -1, 0 or 1 as a is older than, the same as or newer than b. */
static inline int chord_version_compare(struct chord_version a, struct chord_version b) {
    if (a.epoch != b.epoch) {
        return a.epoch < b.epoch ? -1 : 1;
    }
    return a.counter == b.counter ? 0 : a.counter < b.counter ? -1 : 1;
}

#endif
