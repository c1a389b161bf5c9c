#include "chord/member/view.h"

#include "chord/base/check.h"

enum chord_status chord_view_init(struct chord_view *view, const struct chord_allocator *allocator,
                                  uint32_t capacity) {
    *view = (struct chord_view){.capacity = capacity};
    view->members = chord_allocate(allocator, capacity * sizeof *view->members);
    return view->members == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

void chord_view_clear(struct chord_view *view, const struct chord_allocator *allocator) {
    chord_free(allocator, view->members);
    *view = (struct chord_view){0};
}

void chord_view_add(struct chord_view *view, struct chord_member member) {
    chord_check(view->member_count < view->capacity);
    view->members[view->member_count++] = member;
}

/* Sinks the member at `root` into the heap of the first `count`. */
static void sink(struct chord_member *members, uint32_t root, uint32_t count) {
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && chord_id_compare(members[child].id, members[child + 1].id) < 0) {
            child++;
        }
        if (chord_id_compare(members[root].id, members[child].id) >= 0) {
            return;
        }
        const struct chord_member swapped = members[root];
        members[root] = members[child];
        members[child] = swapped;
        root = child;
    }
}

uint32_t chord_view_sort(struct chord_view *view) {
    /* Heapsort: no memory, no worst case, and the core has no qsort. */
    for (uint32_t root = view->member_count / 2; root-- > 0;) {
        sink(view->members, root, view->member_count);
    }
    for (uint32_t count = view->member_count; count-- > 1;) {
        const struct chord_member largest = view->members[0];
        view->members[0] = view->members[count];
        view->members[count] = largest;
        sink(view->members, 0, count);
    }
    for (uint32_t i = 0; i + 1 < view->member_count; i++) {
        if (chord_id_equal(view->members[i].id, view->members[i + 1].id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static bool has_rank(const struct chord_member *chain, uint32_t count, uint32_t rank) {
    for (uint32_t i = 0; i < count; i++) {
        if (chain[i].address.rank == rank) {
            return true;
        }
    }
    return false;
}

uint32_t chord_view_chain(const struct chord_view *view, uint32_t index, uint32_t replica_count,
                          struct chord_member *chain) {
    uint32_t count = 0;
    for (uint32_t step = 0; step < view->member_count && count < replica_count; step++) {
        const struct chord_member *member = &view->members[(index + step) % view->member_count];
        if (!has_rank(chain, count, member->address.rank)) {
            chain[count++] = *member;
        }
    }
    return count;
}
