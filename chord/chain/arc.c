#include "chord/chain/arc.h"

#include "chord/base/check.h"

void chord_arc_init(struct chord_arc *arc, const struct chord_environment *environment, struct chord_id start,
                    struct chord_id end) {
    *arc = (struct chord_arc){.start = start,
                              .end = end,
                              .arc_start = start,
                              .status = CHORD_ARC_OUT,
                              .position = CHORD_NO_POSITION,
                              .ack_deadline_ticks = UINT64_MAX};
    chord_store_init(&arc->store, environment->allocator, environment->config->id_bits);
    chord_duplicates_init(&arc->duplicates, environment->allocator);
    chord_log_init(&arc->log, environment->allocator);
}

void chord_arc_clear(struct chord_arc *arc, const struct chord_environment *environment) {
    chord_check(arc->staging == NULL && arc->outgoing == NULL);
    chord_log_clear(&arc->log, 0);
    chord_store_clear(&arc->store);
    chord_duplicates_clear(&arc->duplicates);
    chord_free(environment->allocator, arc->chain);
    while (arc->waiting_first != NULL) {
        struct chord_waiting *next = arc->waiting_first->next;
        chord_free(environment->allocator, arc->waiting_first);
        arc->waiting_first = next;
    }
    chord_arc_init(arc, environment, arc->start, arc->end);
}

void chord_arc_forget(struct chord_arc *arc, const struct chord_environment *environment) {
    chord_log_clear(&arc->log, 0);
    chord_store_clear(&arc->store);
    chord_duplicates_clear(&arc->duplicates);
    chord_store_init(&arc->store, environment->allocator, environment->config->id_bits);
    chord_duplicates_init(&arc->duplicates, environment->allocator);
    chord_log_init(&arc->log, environment->allocator);
    arc->base_epoch = 0;
}

enum chord_status chord_arc_set_chain(struct chord_arc *arc, const struct chord_environment *environment,
                                      const struct chord_members *chain, uint32_t position) {
    chord_check(position < chain->count || position == CHORD_NO_POSITION);
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

void chord_arc_append_waiting(struct chord_arc *arc, struct chord_waiting *waiting) {
    waiting->next = NULL;
    if (arc->waiting_first == NULL) {
        arc->waiting_first = waiting;
    } else {
        arc->waiting_last->next = waiting;
    }
    arc->waiting_last = waiting;
}

/* Deals the waiting requests out to the two halves, in their order. */
static void split_waiting(struct chord_arc *arc, struct chord_arc *part) {
    struct chord_waiting *next = arc->waiting_first;
    arc->waiting_first = NULL;
    while (next != NULL) {
        struct chord_waiting *waiting = next;
        next = waiting->next;
        chord_arc_append_waiting(chord_arc_contains(part, waiting->request.key_id) ? part : arc, waiting);
    }
}

enum chord_status chord_arc_split(struct chord_arc *arc, const struct chord_environment *environment,
                                  struct chord_id start, struct chord_id end, struct chord_arc *part) {
    const bool reaches_end = chord_id_equal(end, arc->end);
    chord_check(arc->staging == NULL && arc->outgoing == NULL);
    chord_check(reaches_end != chord_id_equal(start, arc->start));
    chord_arc_init(part, environment, start, end);
    struct chord_duplicates rest;
    chord_duplicates_init(&rest, environment->allocator);
    const struct chord_id rest_start = reaches_end ? arc->start : end;
    const struct chord_id rest_end = reaches_end ? start : arc->end;
    const struct chord_members chain = {.array = arc->chain, .count = arc->chain_count};
    if (chord_duplicates_copy(&arc->duplicates, start, end, &part->duplicates) != CHORD_OK ||
        chord_duplicates_copy(&arc->duplicates, rest_start, rest_end, &rest) != CHORD_OK ||
        (arc->chain != NULL && chord_arc_set_chain(part, environment, &chain, arc->position) != CHORD_OK) ||
        chord_log_move(&arc->log, start, end, &part->log) != CHORD_OK) {
        chord_duplicates_clear(&rest);
        chord_arc_clear(part, environment);
        return CHORD_NO_MEMORY;
    }
    if (chord_store_move(&arc->store, start, end, &part->store) != CHORD_OK) {
        chord_log_take_back(&arc->log, &part->log);
        chord_duplicates_clear(&rest);
        chord_arc_clear(part, environment);
        return CHORD_NO_MEMORY;
    }
    chord_duplicates_clear(&arc->duplicates);
    arc->duplicates = rest;
    part->arc_start = arc->arc_start;
    part->status = arc->status;
    part->epoch = arc->epoch;
    part->promised = arc->promised;
    part->was_head = arc->was_head;
    part->base_epoch = arc->base_epoch;
    part->applied = arc->applied;
    part->acknowledged = arc->acknowledged;
    split_waiting(arc, part);
    arc->is_cut = true;
    part->is_cut = true;
    arc->ack_due_count = 0;
    arc->ack_due_bytes = 0;
    arc->ack_deadline_ticks = UINT64_MAX;
    arc->start = rest_start;
    arc->end = rest_end;
    return CHORD_OK;
}

enum chord_status chord_arc_merge(struct chord_arc *arc, const struct chord_environment *environment,
                                  struct chord_arc *other) {
    const bool follows = chord_id_equal(other->start, arc->end);
    chord_check(follows || chord_id_equal(other->end, arc->start));
    if (chord_duplicates_merge(&arc->duplicates, &other->duplicates) != CHORD_OK ||
        chord_store_move(&other->store, other->start, other->end, &arc->store) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    /* Each half's log has pre-images of its own pairs: both end here. */
    chord_log_clear(&arc->log, 0);
    while (other->waiting_first != NULL) {
        struct chord_waiting *waiting = other->waiting_first;
        other->waiting_first = waiting->next;
        chord_arc_append_waiting(arc, waiting);
    }
    if (follows) {
        arc->end = other->end;
    } else {
        arc->start = other->start;
    }
    arc->was_head = arc->was_head || other->was_head;
    chord_arc_clear(other, environment);
    return CHORD_OK;
}

void chord_arc_rebase(struct chord_arc *arc) {
    chord_log_clear(&arc->log, 0);
    arc->base_epoch = arc->epoch;
    arc->applied = 0;
    arc->acknowledged = 0;
    arc->ack_due_count = 0;
    arc->ack_due_bytes = 0;
    arc->ack_deadline_ticks = UINT64_MAX;
}
