/* The coordinator: the part of one rank that decides membership (DESIGN: section 5). Rules C1 to C10, a function a rule
 * where that is possible.
 *
 * It forms the ring: every node REGISTERs; when all have, those of the first initial_rank_count ranks get their neighbours
 * and their chains, and the others become spares.
 *
 * After that it carries out one view change at a time. What is asked for meanwhile waits (C7), but a suspicion: it
 * interrupts, and the change begins anew as its next attempt, with a higher epoch. Each arc, or part of one, is wedged,
 * installed, synced and committed by itself; those that don't change are never touched, and those that are ready first
 * serve first. The change is over when all are.
 *
 * A rank that the detector suspects has its nodes excluded. When all of them are out, it is SHUT: every rank is told to send
 * it nothing more, since what a dead process doesn't take in would pile up. When it is heard again, it is OPENed, and only
 * then told that it was excluded: its nodes come back as new incarnations. */
#ifndef CHORD_MEMBER_COORDINATOR_H
#define CHORD_MEMBER_COORDINATOR_H

#include "chord/member/detector.h"
#include "chord/member/part.h"
#include "chord/member/roster.h"

/* As virtual node of a command's address: all nodes of the rank. */
#define CHORD_ALL_NODES UINT16_MAX

enum chord_coordinator_phase {
    CHORD_COORDINATOR_GATHERING, /* waits for REGISTERs */
    CHORD_COORDINATOR_FORMING,   /* the first view change */
    CHORD_COORDINATOR_IDLE,      /* the view is committed */
    CHORD_COORDINATOR_CHANGING,  /* a view change is under way */
    CHORD_COORDINATOR_FAILED     /* two nodes share an id */
};

struct chord_coordinator {
    const struct chord_environment *environment; /* borrowed */
    struct chord_address address;
    enum chord_coordinator_phase phase;
    uint32_t epoch; /* of the newest attempt */
    struct chord_roster roster;
    struct chord_view view; /* as it shall be after the view change; when idle, as it is */
    struct chord_view told; /* whose neighbours the nodes know */
    struct chord_parts parts;
    struct chord_member *scratch; /* owned; room for a chain or a list of neighbours */
    uint32_t registered_count;
    struct chord_detector detector;
    struct chord_reach shut; /* owned */

    struct chord_change change; /* the figures of the view change under way */
    struct chord_change_member *changed; /* owned; who joined, left or was excluded in it */
    uint32_t changed_capacity;

    /* The last committed changes whose routing isn't ideal yet. */
    uint32_t settle_epoch; /* of the last of them; 0: all are settled */
    uint32_t settle_message_count;
    uint64_t settle_ticks; /* when the last of them was committed */
};

/* A coordinator that waits for all nodes to register. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_init(struct chord_coordinator *coordinator,
                                                          const struct chord_environment *environment);
void chord_coordinator_clear(struct chord_coordinator *coordinator);

/* Asks for a join, a depart or an exclusion of a node, or of all nodes of a rank (all or none). It is carried out from the
 * next tick on; a notice tells when it is done.
 * CHORD_NO_SUCH_NODE; CHORD_ALREADY_MEMBER and CHORD_NOT_MEMBER, which the second and the third can't be done to;
 * CHORD_LAST_MEMBER: nobody would be left to hand over to; CHORD_UNDER_WAY: it is joining or leaving, or the ring isn't
 * formed yet; CHORD_UNREACHABLE: it is to join, but nothing is heard of it. Excluding the only complete holder of an arc is accepted and waits (C8). */
CHORD_MUST_CHECK enum chord_status chord_coordinator_command(struct chord_coordinator *coordinator,
                                                             enum chord_command what, struct chord_address node,
                                                             uint64_t now_ticks);

/* REGISTER, JOIN, WEDGED, SYNCED or SETTLED. CHORD_STALE: of an older attempt or incarnation. CHORD_UNEXPECTED for others
 * and for repeated ones. CHORD_NO_MEMORY: the coordinator is of no use any more. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_receive(struct chord_coordinator *coordinator,
                                                             const struct chord_message *message, uint64_t now_ticks);

/* The nodes of a rank that are out don't come back by themselves: they stay spares, until they are asked to join. */
void chord_coordinator_banish(struct chord_coordinator *coordinator, uint32_t rank);

/* Something of the rank has arrived, a heartbeat or anything else: a suspicion is withdrawn, a rank that is shut opened.
 * CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_heard(struct chord_coordinator *coordinator, uint32_t rank,
                                                           bool is_heartbeat, uint64_t now_ticks);

/* The host knows that the rank has died: it is suspected at once. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_failed(struct chord_coordinator *coordinator, uint32_t rank,
                                                            uint64_t now_ticks);

/* All that has arrived was taken in: judges who is silent. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_drained(struct chord_coordinator *coordinator, uint64_t now_ticks);

/* Begins what waits. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_coordinator_tick(struct chord_coordinator *coordinator, uint64_t now_ticks);

/* 0 if something waits that can begin, else when silence is to be judged; UINT64_MAX: not before a message. */
uint64_t chord_coordinator_deadline(const struct chord_coordinator *coordinator);

/* No view change is under way or waits, and routing is ideal; suspicions that C8 keeps back don't count, nor do ranks that
 * are out. */
bool chord_coordinator_is_quiet(const struct chord_coordinator *coordinator);

#endif
