#include "chord/chain/arcs.h"

#include "chord/base/check.h"
#include "chord/chain/transfer.h"

void chord_arcs_init(struct chord_arcs *arcs, const struct chord_environment *environment, struct chord_id self) {
    *arcs = (struct chord_arcs){.environment = environment, .self = self};
}

void chord_arcs_clear(struct chord_arcs *arcs) {
    while (arcs->count > 0) {
        chord_transfer_end(arcs->environment, &arcs->items[arcs->count - 1], UINT32_MAX);
        chord_arcs_remove(arcs, &arcs->items[arcs->count - 1]);
    }
    chord_free(arcs->environment->allocator, arcs->items);
    arcs->items = NULL;
}

struct chord_arc *chord_arcs_ending_at(const struct chord_arcs *arcs, struct chord_id end) {
    for (uint32_t i = 0; i < arcs->count; i++) {
        if (chord_id_equal(arcs->items[i].end, end)) {
            return &arcs->items[i];
        }
    }
    return NULL;
}

struct chord_arc *chord_arcs_containing(const struct chord_arcs *arcs, struct chord_id id) {
    for (uint32_t i = 0; i < arcs->count; i++) {
        if (chord_arc_contains(&arcs->items[i], id)) {
            return &arcs->items[i];
        }
    }
    return NULL;
}

/* A place for one more, at the end; the new one is not initialised and not counted yet. */
static struct chord_arc *reserve(struct chord_arcs *arcs) {
    const struct chord_allocator *allocator = arcs->environment->allocator;
    struct chord_arc *items =
        allocator->resize(allocator->context, arcs->items, (arcs->count + 1) * sizeof *items);
    if (items == NULL) {
        return NULL;
    }
    arcs->items = items;
    return &items[arcs->count];
}

/* Swaps the node's own arc to the front; returns where `arc` is then. */
static struct chord_arc *order(struct chord_arcs *arcs, struct chord_arc *arc) {
    struct chord_arc *own = chord_arcs_ending_at(arcs, arcs->self);
    if (own == NULL || own == &arcs->items[0]) {
        return arc;
    }
    const struct chord_arc swapped = *own;
    *own = arcs->items[0];
    arcs->items[0] = swapped;
    return arc == own ? &arcs->items[0] : arc == &arcs->items[0] ? own : arc;
}

/* Takes the end (start, arc.end] or the beginning (arc.start, end] off an arc; returns that part. */
static struct chord_arc *cut(struct chord_arcs *arcs, struct chord_arc *whole, struct chord_id start,
                             struct chord_id end) {
    const uint32_t index = (uint32_t)(whole - arcs->items);
    struct chord_arc *part = reserve(arcs);
    if (part == NULL || chord_arc_split(&arcs->items[index], arcs->environment, start, end, part) != CHORD_OK) {
        return NULL;
    }
    arcs->count++;
    return order(arcs, part);
}

static struct chord_arc *add(struct chord_arcs *arcs, struct chord_id start, struct chord_id end) {
    struct chord_arc *arc = reserve(arcs);
    if (arc == NULL) {
        return NULL;
    }
    chord_arc_init(arc, arcs->environment, start, end);
    arcs->count++;
    return order(arcs, arc);
}

enum chord_status chord_arcs_carve(struct chord_arcs *arcs, struct chord_id start, struct chord_id end,
                                   struct chord_arc **arc) {
    struct chord_arc *whole = chord_arcs_containing(arcs, end);
    if (whole == NULL) {
        for (uint32_t i = 0; i < arcs->count; i++) {
            if (chord_id_in_open_closed(start, arcs->items[i].end, end)) {
                return CHORD_UNEXPECTED;
            }
        }
        *arc = add(arcs, start, end);
        return *arc == NULL ? CHORD_NO_MEMORY : CHORD_OK;
    }
    if (chord_id_equal(whole->start, start) && chord_id_equal(whole->end, end)) {
        *arc = whole;
        return CHORD_OK;
    }
    const bool starts_inside =
        chord_id_equal(start, whole->start) ||
        (chord_arc_contains(whole, start) && !chord_id_equal(start, whole->end) &&
         chord_id_in_open_closed(start, end, whole->end));
    if (!starts_inside || chord_id_equal(start, end)) {
        return CHORD_UNEXPECTED;
    }
    chord_transfer_end(arcs->environment, whole, UINT32_MAX);
    if (!chord_id_equal(start, whole->start)) {
        whole = cut(arcs, whole, start, whole->end);
    }
    if (whole != NULL && !chord_id_equal(end, whole->end)) {
        whole = cut(arcs, whole, start, end);
    }
    *arc = whole;
    return whole == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

enum chord_status chord_arcs_merge(struct chord_arcs *arcs, struct chord_id start, struct chord_id end,
                                   struct chord_arc **arc) {
    for (;;) {
        struct chord_arc *last = chord_arcs_ending_at(arcs, end);
        if (last == NULL) {
            return CHORD_UNEXPECTED;
        }
        if (chord_id_equal(last->start, start)) {
            *arc = last;
            return CHORD_OK;
        }
        struct chord_arc *before = chord_arcs_ending_at(arcs, last->start);
        if (before == NULL || before == last || !chord_id_in_open_closed(start, before->end, end)) {
            return CHORD_UNEXPECTED;
        }
        const struct chord_id first = before->start;
        if (chord_arc_merge(last, arcs->environment, before) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
        last->start = first;
        last->end = end;
        chord_arcs_remove(arcs, before);
    }
}

void chord_arcs_remove(struct chord_arcs *arcs, struct chord_arc *arc) {
    chord_arc_clear(arc, arcs->environment);
    arcs->count--;
    *arc = arcs->items[arcs->count];
    (void)order(arcs, NULL);
}
