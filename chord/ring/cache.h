/* The location cache: owners that a rank has heard of lately, to send requests to at once instead of along fingers. Like all
 * of routing it is a hint: what is out of date here costs a forward, never an answer.
 *
 * One cache a rank, shared by its nodes. What it holds are claims, "since this epoch, owner owns (start, owner's id]", as
 * answers carry them that took more than one hop. They never overlap: of two claims that contradict each other the one of
 * the newer epoch is right, so it takes the older one's place, and what is older than what is known is not learnt. When
 * there is no room, the clock algorithm (second chance) makes some: what was found since the hand last passed stays.
 *
 * Nothing is allocated after the beginning. Finding takes a binary search; learning moves up to entry_count indices of 4
 * bytes besides. */
#ifndef CHORD_RING_CACHE_H
#define CHORD_RING_CACHE_H

#include "chord/wire/sink.h"

#define CHORD_CACHE_ENTRIES_MAX 65536u

/* Since the beginning. */
struct chord_cache_counters {
    uint64_t lookups;    /* a request could have used an entry, */
    uint64_t hits;       /* and there was one: it was sent to the owner that the entry names */
    uint64_t stale;      /* requests that arrived at this rank since a cache named a node here, and had to go on */
    uint64_t learned;    /* claims that were entered, */
    uint64_t replaced;   /* what they took the place of: older claims to the same ids, */
    uint64_t evicted;    /* or others, for want of room */
    uint64_t forgotten;  /* entries of nodes that have left or are out */
};

struct chord_cache_slot {
    struct chord_claim claim;
    bool is_used;       /* it holds a claim */
    bool was_found;     /* since the clock's hand last passed */
};

struct chord_cache {
    struct chord_cache_slot *slots; /* owned; capacity of them */
    uint32_t *order;                /* owned; slots in use, ascending by their owners' ids; entry_count of them */
    uint32_t capacity;
    uint32_t entry_count;
    uint32_t hand; /* the slot that the clock looks at next */
    struct chord_cache_counters counters;
};

/* An empty cache of 1..CHORD_CACHE_ENTRIES_MAX entries. CHORD_NO_MEMORY leaves nothing behind. */
CHORD_MUST_CHECK enum chord_status chord_cache_init(struct chord_cache *cache, const struct chord_allocator *allocator,
                                                    uint32_t capacity);
void chord_cache_clear(struct chord_cache *cache, const struct chord_allocator *allocator);

/* The claim that the id lies in, or NULL. Valid until the next call that changes the cache. */
const struct chord_claim *chord_cache_find(struct chord_cache *cache, struct chord_id id);

/* Enters a claim in the place of all older ones that overlap it; ignores it if one that overlaps it isn't older, unless that
 * is the same owner's of the same epoch and narrower: an owner's range may grow within an epoch. Epoch 0 claims nothing. */
void chord_cache_learn(struct chord_cache *cache, const struct chord_claim *claim);

/* into += from; into -= from: what was counted since `from`. */
void chord_cache_counters_add(struct chord_cache_counters *into, const struct chord_cache_counters *from);
void chord_cache_counters_subtract(struct chord_cache_counters *into, const struct chord_cache_counters *from);

/* Forgets a node that has left the ring, this incarnation of it or an older one. */
void chord_cache_forget(struct chord_cache *cache, const struct chord_member *member);

/* Forgets the nodes of a rank that is out. */
void chord_cache_forget_rank(struct chord_cache *cache, uint32_t rank);

#endif
