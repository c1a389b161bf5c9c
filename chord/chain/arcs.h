/* The arcs that one node holds: its own first, where the request path looks for it, and those of the nodes before it
 * whose chains it is in. Their ranges never overlap. While a view change goes on, arcs are there in parts. */
#ifndef CHORD_CHAIN_ARCS_H
#define CHORD_CHAIN_ARCS_H

#include "chord/chain/arc.h"

struct chord_arcs {
    const struct chord_environment *environment; /* borrowed */
    struct chord_id self;
    struct chord_arc *items; /* owned; the one that ends at the node's id first */
    uint32_t count;
};

void chord_arcs_init(struct chord_arcs *arcs, const struct chord_environment *environment, struct chord_id self);
void chord_arcs_clear(struct chord_arcs *arcs);

/* The arc or part that ends at, or contains, an id; NULL if there is none. Pointers to arcs are valid until one is added,
 * removed, split or merged. */
struct chord_arc *chord_arcs_ending_at(const struct chord_arcs *arcs, struct chord_id end);
struct chord_arc *chord_arcs_containing(const struct chord_arcs *arcs, struct chord_id id);

/* The arc that ends at the node's own id, or NULL. */
static inline struct chord_arc *chord_arcs_own(const struct chord_arcs *arcs) {
    return arcs->count > 0 && chord_id_equal(arcs->items[0].end, arcs->self) ? &arcs->items[0] : NULL;
}

/* The arc (start, end]: there already, split off a larger one that is wedged or about to be, or made without data.
 * CHORD_NO_MEMORY: nothing but the cut of a larger arc was changed. CHORD_UNEXPECTED: it would cut across arcs that are
 * there: no coordinator asks for that. */
CHORD_MUST_CHECK enum chord_status chord_arcs_carve(struct chord_arcs *arcs, struct chord_id start,
                                                    struct chord_id end, struct chord_arc **arc);

/* Makes one arc (start, end] of the parts of it, which all have one chain and epoch. CHORD_NO_MEMORY: may be repeated.
 * CHORD_UNEXPECTED: there are gaps. */
CHORD_MUST_CHECK enum chord_status chord_arcs_merge(struct chord_arcs *arcs, struct chord_id start, struct chord_id end,
                                                    struct chord_arc **arc);

/* Clears an arc and forgets it. Its transfers have ended. */
void chord_arcs_remove(struct chord_arcs *arcs, struct chord_arc *arc);

#endif
