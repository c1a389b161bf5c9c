/* What the coordinator records of one arc, or, while a view change splits or merges arcs, of one part of one (rule C1):
 * the newest installed epoch and chain, the last committed chain, and of every node that has to do with it whether it is
 * complete, SYNCED, touched, wedged. Nodes count by incarnation: an excluded one never comes back into these sets. */
#ifndef CHORD_MEMBER_PART_H
#define CHORD_MEMBER_PART_H

#include "chord/member/view.h"

enum chord_part_phase {
    CHORD_PART_COMMITTED, /* its arc is served */
    CHORD_PART_WEDGING,   /* waits for WEDGEDs of this attempt */
    CHORD_PART_INSTALLED  /* waits for SYNCEDs */
};

struct chord_holder {
    struct chord_member member;
    bool complete; /* has every write that anybody was answered */
    bool synced;   /* has said so for the newest installed epoch */
    bool touched;  /* was sent PREPARE since the last commit, or is in the last committed chain */
    bool wedged;   /* has answered the PREPARE of this attempt */
};

struct chord_part {
    struct chord_id start; /* the part is (start, end] */
    struct chord_id end;
    struct chord_id arc_start; /* the arc that it is to be part of is (arc_start, chain[0].id] */
    enum chord_part_phase phase;
    uint32_t installed_epoch;
    uint64_t wedged_ticks; /* when it was, unless it is committed */

    struct chord_member *chain; /* owned; of this attempt, or the committed one */
    uint32_t chain_count;
    struct chord_member *committed; /* owned; the last committed chain */
    uint32_t committed_count;
    struct chord_holder *holders; /* owned */
    uint32_t holder_count;
    uint32_t holder_capacity;
};

struct chord_parts {
    const struct chord_allocator *allocator; /* borrowed */
    struct chord_part *items;                /* owned; clockwise, the first one's end being the smallest id */
    uint32_t count;
    uint32_t capacity;
};

void chord_parts_init(struct chord_parts *parts, const struct chord_allocator *allocator);
void chord_parts_clear(struct chord_parts *parts);

/* Adds a part (start, end] that nobody holds. Pointers to parts are valid until one is added or removed.
 * CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_parts_add(struct chord_parts *parts, struct chord_id start,
                                                   struct chord_id end, struct chord_part **part);

/* The part with this end, or NULL. */
struct chord_part *chord_parts_ending_at(const struct chord_parts *parts, struct chord_id end);

/* C10: cuts the part that contains `id` there, unless it ends there already; both halves have its holders. *cut: it was
 * cut. */
CHORD_MUST_CHECK enum chord_status chord_parts_cut(struct chord_parts *parts, struct chord_id id, bool *cut);

/* Removes a part. */
void chord_parts_remove(struct chord_parts *parts, struct chord_part *part);

/* The record of a member, by address and incarnation, or NULL. */
struct chord_holder *chord_part_holder(const struct chord_part *part, struct chord_address address,
                                       uint32_t incarnation);

/* The same, added if it is missing. NULL without memory. */
struct chord_holder *chord_part_add_holder(struct chord_part *part, const struct chord_allocator *allocator,
                                           const struct chord_member *member);

/* C3: takes an incarnation out of all sets. */
void chord_part_exclude(struct chord_part *part, const struct chord_member *member);

/* Sets the chain of the attempt that begins. */
CHORD_MUST_CHECK enum chord_status chord_part_set_chain(struct chord_part *part,
                                                        const struct chord_allocator *allocator,
                                                        const struct chord_member *chain, uint32_t count);

/* Whether the member is in the chain of this attempt. */
bool chord_part_is_in_chain(const struct chord_part *part, const struct chord_member *member);

/* C4: the first of the complete set, in the order of the last committed chain, then of the new one: NULL if nobody is
 * complete. */
const struct chord_member *chord_part_source(const struct chord_part *part);

/* C8: whether somebody is complete beside this incarnation. */
bool chord_part_survives(const struct chord_part *part, const struct chord_member *without);

/* All touched have answered the attempt's PREPARE. */
bool chord_part_is_wedged(const struct chord_part *part);

/* Every member of the installed chain is SYNCED. */
bool chord_part_is_synced(const struct chord_part *part);

/* C6: complete = touched = the chain; it is the committed one now. CHORD_NO_MEMORY changes nothing. */
CHORD_MUST_CHECK enum chord_status chord_part_commit(struct chord_part *part, const struct chord_allocator *allocator);

#endif
