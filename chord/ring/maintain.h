/* Keeping routing right while nodes come and go: what one node does about it, one message under way at a time.
 *
 *   its place   A node that wants to join looks up its own id: the owner is to become its successor.
 *   fix_fingers While a finger's start is settled by nothing that the node knows, it looks up that start. A claim that
 *               comes back settles all starts in its range, so that a node does about log2 N lookups of O(log N)
 *               messages. No timer drives this: a node looks up what it has never known or what it was told is gone.
 *   announcing  A node that has taken over ids (a, b], by joining or from one that left, tells those whose finger starts
 *               there: for each i the nodes in (a - 2^i, b - 2^i] (update_others, SIGCOMM 2001, figure 6). The ranges
 *               for small i lie one in another, next to the node: they take one walk together; the others are about
 *               log2 N walks, most of which meet one node or none.
 *
 * When nothing is left to do for an epoch, the coordinator is told: then routing is ideal again. Lookups and
 * announcements are repeated after lookup_ticks, since a request that meets stale routing may be dropped. */
#ifndef CHORD_RING_MAINTAIN_H
#define CHORD_RING_MAINTAIN_H

#include "chord/ring/table.h"

enum chord_maintain_task { CHORD_MAINTAIN_NOTHING, CHORD_MAINTAIN_PLACE, CHORD_MAINTAIN_FINGER, CHORD_MAINTAIN_ANNOUNCE };

struct chord_maintain {
    enum chord_maintain_task task; /* that is under way */
    uint16_t exponent;             /* of the finger or the walk that is under way */
    uint64_t deadline_ticks;       /* when its message is sent again; UINT64_MAX: nothing is under way */

    bool seeks_place;           /* a joiner that hasn't found its place yet */
    struct chord_member contact; /* who a node outside the ring speaks to it through */

    bool announces;         /* (gained_start, gained_end] is still to be announced, */
    uint16_t walk;          /* from this walk on */
    uint16_t walk_first;    /* the walk of all small exponents together: this and those below */
    uint32_t walk_epoch;    /* of the claim that the walk under way carries */
    struct chord_id gained_start;
    struct chord_id gained_end;
    uint32_t settle_epoch;  /* what to report when all is done; 0: nothing */
    uint32_t message_count; /* since the last report */

    uint64_t lookups_sent; /* repeats included, for reports */
};

/* The node that maintains its routing: what it may see and change in one step. */
struct chord_maintainer {
    const struct chord_environment *environment;
    struct chord_table *table;
    struct chord_maintain *maintain;
    const struct chord_claim *own; /* what the node owns; epoch 0: nothing */
    uint64_t now_ticks;
};

void chord_maintain_init(struct chord_maintain *maintain);

/* Looks for the node's place, to be answered by chord_maintain_found. */
void chord_maintain_seek_place(const struct chord_maintainer *maintainer, struct chord_member contact);

/* The node has its place: what was asked for it, perhaps more than once, is settled. */
void chord_maintain_has_place(struct chord_maintain *maintain);

/* The node has become the owner of (start, its id], of which (start, gained_end] is new to it, in a view change that the
 * coordinator wants settled. */
void chord_maintain_gain(const struct chord_maintainer *maintainer, struct chord_id gained_end);

/* Goes on with whatever is to be done: called when the table, or what the node owns, has changed. A lookup that is under
 * way and has become needless is given up. */
void chord_maintain_resume(const struct chord_maintainer *maintainer);

/* FOUND. *placed: the node's place was found, and `claim` names its successor to be. CHORD_UNEXPECTED for a claim on
 * another id than was asked for. */
CHORD_MUST_CHECK enum chord_status chord_maintain_found(const struct chord_maintainer *maintainer,
                                                        const struct chord_found *found, bool *placed);

/* ANNOUNCED. */
void chord_maintain_announced(const struct chord_maintainer *maintainer, const struct chord_announced *announced);

/* Sends again what is due. */
void chord_maintain_tick(const struct chord_maintainer *maintainer);

#endif
