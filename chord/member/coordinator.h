/* The coordinator: the part of one rank that decides membership (DESIGN: section 5).
 *
 * Here it forms the ring. Every node REGISTERs; when all have, it sorts them, tells each its neighbours, INSTALLs each
 * arc's chain at its members, and when every member of every chain is SYNCED it ACTIVATEs the arcs (C6: not before,
 * since a head that admits earlier could write to a member that knows no chain yet). Later views change arcs one by
 * one; the first one changes all of them. */
#ifndef CHORD_MEMBER_COORDINATOR_H
#define CHORD_MEMBER_COORDINATOR_H

#include "chord/member/view.h"

enum chord_coordinator_phase {
    CHORD_COORDINATOR_GATHERING,  /* waits for REGISTERs */
    CHORD_COORDINATOR_INSTALLING, /* waits for SYNCEDs */
    CHORD_COORDINATOR_IDLE,       /* the view is committed */
    CHORD_COORDINATOR_FAILED      /* two nodes share an id */
};

struct chord_coordinator {
    const struct chord_environment *environment; /* borrowed */
    struct chord_address address;
    struct chord_view view;
    enum chord_coordinator_phase phase;
    uint32_t epoch;
    uint32_t synced_missing; /* SYNCEDs that are still to come */
    uint32_t *synced_counts; /* owned; the same by node, at rank * virtual nodes + virtual node */
};

/* A coordinator that waits for rank_count * virtual_node_count nodes. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_init(struct chord_coordinator *coordinator,
                                                          const struct chord_environment *environment);
void chord_coordinator_clear(struct chord_coordinator *coordinator);

/* REGISTER or SYNCED. CHORD_UNEXPECTED for others and for repeated ones; CHORD_STALE for an old epoch's. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_receive(struct chord_coordinator *coordinator,
                                                             const struct chord_message *message);

#endif
