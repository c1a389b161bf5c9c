/* The roster: every node of the job as the coordinator knows it, in the ring or not. */
#ifndef CHORD_MEMBER_ROSTER_H
#define CHORD_MEMBER_ROSTER_H

#include "chord/member/view.h"

enum chord_roster_state {
    CHORD_ROSTER_ABSENT,   /* hasn't registered yet */
    CHORD_ROSTER_SPARE,    /* in no ring */
    CHORD_ROSTER_INVITED,  /* asked to join; looks for its place */
    CHORD_ROSTER_WAITING,  /* has asked to join: the next view change takes it along */
    CHORD_ROSTER_JOINING,  /* a view change is taking it in */
    CHORD_ROSTER_MEMBER,
    CHORD_ROSTER_LEAVING,  /* a view change is letting it go */
    CHORD_ROSTER_EXCLUDED, /* this incarnation is out, for good, and doesn't know it yet */
    CHORD_ROSTER_RETURNING /* it was told, and looks for its place as the next incarnation */
};

struct chord_roster_entry {
    struct chord_member member; /* with its newest incarnation */
    enum chord_roster_state state;
    bool wants_to_depart;  /* a member: the next view change lets it go */
    bool is_suspected;     /* to be excluded as soon as C8 allows it */
    bool is_returning;     /* it was excluded, and is to join again without being invited */
    bool stays_out;        /* excluded while it was leaving: it need not come back */
    bool is_to_be_told;    /* out of the ring, and it doesn't know that, or whom to turn to: it is told when no view change
                              is under way, and as soon as it can be reached */
    uint32_t settle_epoch; /* the SETTLED that is awaited from it; 0: none */
    struct chord_member contact; /* what a spare was told */
};

struct chord_roster {
    struct chord_roster_entry *entries; /* owned; by rank * virtual_node_count + virtual node */
    uint32_t count;
    uint32_t virtual_node_count;
};

/* Nobody registered. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_roster_init(struct chord_roster *roster,
                                                     const struct chord_allocator *allocator,
                                                     const struct chord_config *config);
void chord_roster_clear(struct chord_roster *roster, const struct chord_allocator *allocator);

/* The node at an address of the job. */
static inline struct chord_roster_entry *chord_roster_at(const struct chord_roster *roster,
                                                         struct chord_address address) {
    return &roster->entries[address.rank * roster->virtual_node_count + address.virtual_node];
}

/* The first of a rank's nodes, virtual_node_count of them. */
static inline struct chord_roster_entry *chord_roster_of_rank(const struct chord_roster *roster, uint32_t rank) {
    return &roster->entries[rank * roster->virtual_node_count];
}

/* Whether a node is in the ring, or on its way into it or out of it. */
static inline bool chord_roster_is_in_ring(const struct chord_roster_entry *entry) {
    return entry->state == CHORD_ROSTER_MEMBER || entry->state == CHORD_ROSTER_JOINING ||
           entry->state == CHORD_ROSTER_LEAVING;
}

/* Makes `view` the sorted members as they shall be after the view change: those that are or are being taken in, less
 * those that are let go. */
void chord_roster_view(const struct chord_roster *roster, struct chord_view *view);

#endif
