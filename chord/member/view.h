/* A view: the members of the ring in ring order, and what follows from it (neighbours, arcs, chains). Only the
 * coordinator has one. */
#ifndef CHORD_MEMBER_VIEW_H
#define CHORD_MEMBER_VIEW_H

#include "chord/wire/sink.h"

struct chord_view {
    struct chord_member *members; /* owned; ascending by id once sorted */
    uint32_t member_count;
    uint32_t capacity;
};

/* Room for `capacity` members. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_view_init(struct chord_view *view, const struct chord_allocator *allocator,
                                                   uint32_t capacity);
void chord_view_clear(struct chord_view *view, const struct chord_allocator *allocator);

/* Adds a member; there is room for it. */
void chord_view_add(struct chord_view *view, struct chord_member member);

/* Puts the members into ring order. Returns the index of the first of two members with the same id, or UINT32_MAX. */
uint32_t chord_view_sort(struct chord_view *view);

/* Index of the member before `index`, clockwise. */
static inline uint32_t chord_view_before(const struct chord_view *view, uint32_t index) {
    /* Who asks has a member. NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    return (index + view->member_count - 1) % view->member_count;
}

/* The chain of the arc that member `index` owns: that member and the following ones on other ranks, each rank once,
 * at most k in all. chain has room for k members. Returns their count. */
uint32_t chord_view_chain(const struct chord_view *view, uint32_t index, uint32_t replica_count,
                          struct chord_member *chain);

#endif
