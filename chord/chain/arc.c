#include "chord/chain/arc.h"

#include "chord/base/check.h"

void chord_arc_init(struct chord_arc *arc, const struct chord_environment *environment, struct chord_id start,
                    struct chord_id end) {
    *arc = (struct chord_arc){
        .start = start, .end = end, .status = CHORD_ARC_OUT, .ack_deadline_ticks = UINT64_MAX};
    chord_store_init(&arc->store, environment->allocator, environment->config->id_bits);
    chord_duplicates_init(&arc->duplicates, environment->allocator);
}

void chord_arc_clear(struct chord_arc *arc, const struct chord_environment *environment) {
    chord_store_clear(&arc->store);
    chord_duplicates_clear(&arc->duplicates);
    chord_free(environment->allocator, arc->chain);
    chord_free(environment->allocator, arc->unacknowledged_sizes);
    while (arc->waiting_first != NULL) {
        struct chord_waiting *next = arc->waiting_first->next;
        chord_free(environment->allocator, arc->waiting_first);
        arc->waiting_first = next;
    }
    chord_arc_init(arc, environment, arc->start, arc->end);
}

enum chord_status chord_arc_set_chain(struct chord_arc *arc, const struct chord_environment *environment,
                                      const struct chord_members *chain, uint32_t position) {
    chord_check(position < chain->count);
    struct chord_member *members = chord_allocate(environment->allocator, chain->count * sizeof *members);
    if (members == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t i = 0; i < chain->count; i++) {
        members[i] = chord_members_get(chain, i);
    }
    chord_free(environment->allocator, arc->chain);
    arc->chain = members;
    arc->chain_count = chain->count;
    arc->position = position;
    return CHORD_OK;
}
