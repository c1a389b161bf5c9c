#include "chord/member/participant.h"

static struct chord_message to_coordinator(const struct chord_replica *replica, enum chord_message_type type) {
    return (struct chord_message){.type = type,
                                  .from = replica->self.address,
                                  .to = {.rank = replica->environment->config->coordinator_rank}};
}

/* A member that stops serving owes no acknowledgement: it would be of an older epoch. */
static void stop_acknowledging(struct chord_arc *arc) {
    arc->ack_due_count = 0;
    arc->ack_due_bytes = 0;
    arc->ack_deadline_ticks = UINT64_MAX;
}

/* M2: promise the epoch, do nothing of older ones any more, say so. Nothing is drained. */
enum chord_status chord_participant_prepare(const struct chord_replica *replica, struct chord_arcs *arcs,
                                            const struct chord_prepare *prepare) {
    struct chord_arc *arc;
    const struct chord_arc *whole = chord_arcs_containing(arcs, prepare->end);
    if (prepare->epoch <= (whole == NULL ? 0 : whole->promised)) {
        return CHORD_STALE;
    }
    const enum chord_status status = chord_arcs_carve(arcs, prepare->start, prepare->end, &arc);
    if (status != CHORD_OK) {
        return status;
    }
    arc->promised = prepare->epoch;
    arc->is_cut = false;
    stop_acknowledging(arc);
    chord_transfer_end(replica->environment, arc, prepare->epoch);
    struct chord_message message = to_coordinator(replica, CHORD_MESSAGE_WEDGED);
    message.wedged = (struct chord_wedged){
        .epoch = prepare->epoch, .incarnation = replica->self.incarnation, .end = prepare->end};
    chord_send(replica->environment, &message);
    return CHORD_OK;
}

static void tell_synced(const struct chord_replica *replica, const struct chord_arc *arc) {
    struct chord_message message = to_coordinator(replica, CHORD_MESSAGE_SYNCED);
    message.synced = (struct chord_synced){
        .epoch = arc->epoch, .incarnation = replica->self.incarnation, .end = arc->end};
    if (arc->staging != NULL) {
        message.synced.piece_count = arc->staging->piece_count;
        message.synced.pair_count = arc->staging->pair_count;
        message.synced.pair_bytes = arc->staging->pair_bytes;
    }
    chord_send(replica->environment, &message);
}

/* Nobody has data, so every member has all of it; what an incomplete one had of a lost part is worth nothing. */
static void install_empty(const struct chord_replica *replica, struct chord_arc *arc, bool lost) {
    chord_arc_forget(arc, replica->environment);
    arc->status = CHORD_ARC_SYNCED;
    if (!lost) {
        arc->was_head = chord_arc_is_head(arc); /* it gains nothing that others would have to be told of */
    }
    chord_arc_rebase(arc);
    tell_synced(replica, arc);
}

/* M3: the epoch is installed. What was staged or held for older ones went at PREPARE. */
enum chord_status chord_participant_install(const struct chord_replica *replica, struct chord_arcs *arcs,
                                            const struct chord_install *install) {
    struct chord_arc *arc = chord_arcs_containing(arcs, install->end);
    if (install->epoch == 0) {
        return CHORD_UNEXPECTED; /* epochs begin with 1; 0 says that there is none */
    }
    if (arc != NULL && install->epoch < arc->promised) {
        return CHORD_STALE;
    }
    enum chord_status status = chord_arcs_carve(arcs, install->start, install->end, &arc);
    if (status != CHORD_OK) {
        return status;
    }
    uint32_t position = CHORD_NO_POSITION;
    for (uint32_t i = 0; i < install->chain.count; i++) {
        const struct chord_member member = chord_members_get(&install->chain, i);
        position = chord_member_equal(&member, &replica->self) ? i : position;
    }
    const bool is_source = !install->empty && chord_member_equal(&install->source, &replica->self);
    if ((is_source && arc->base_epoch == 0) || (install->empty && position == CHORD_NO_POSITION && arc->epoch == 0) ||
        (install->epoch == arc->epoch && arc->status != CHORD_ARC_OUT)) {
        return CHORD_UNEXPECTED;
    }
    chord_transfer_end(replica->environment, arc, install->epoch);
    status = chord_arc_set_chain(arc, replica->environment, &install->chain, position);
    if (status != CHORD_OK) {
        return status;
    }
    stop_acknowledging(arc);
    arc->arc_start = install->arc_start;
    arc->epoch = install->epoch;
    arc->promised = install->epoch;
    arc->is_cut = false;
    if (install->empty && position != CHORD_NO_POSITION) {
        install_empty(replica, arc, install->lost);
        return CHORD_OK;
    }
    arc->status = position == CHORD_NO_POSITION ? CHORD_ARC_HOLDER
                  : is_source                   ? CHORD_ARC_SYNCED
                                                : CHORD_ARC_SYNCING;
    if (arc->status == CHORD_ARC_SYNCED) {
        tell_synced(replica, arc);
    } else if (arc->status == CHORD_ARC_SYNCING) {
        return chord_transfer_begin(replica, arc, install->source.address);
    }
    return is_source ? chord_transfer_release(replica, arc) : CHORD_OK;
}

/* M4 at the receiver: when the last piece is in, its state is the source's. */
enum chord_status chord_participant_piece(const struct chord_replica *replica, struct chord_arcs *arcs,
                                          struct chord_address from, const struct chord_piece *piece) {
    struct chord_arc *arc = chord_arcs_ending_at(arcs, piece->end);
    bool complete;
    if (arc == NULL) {
        return CHORD_STALE;
    }
    const enum chord_status status = chord_transfer_piece(replica, arc, from, piece, &complete);
    if (status == CHORD_OK && complete) {
        arc->status = CHORD_ARC_SYNCED;
        tell_synced(replica, arc);
        chord_transfer_end(replica->environment, arc, arc->epoch);
    }
    return status;
}

/* --- the commit --- */

/* Notes what the node's being, or not being, the head of the parts means for routing. */
static void note_heads(const struct chord_arcs *arcs, const struct chord_activate *activate,
                       struct chord_commit *commit) {
    for (uint32_t i = 0; i < arcs->count; i++) {
        const struct chord_arc *part = &arcs->items[i];
        if (!chord_id_in_open_closed(activate->start, part->end, activate->end)) {
            continue;
        }
        if (chord_arc_is_head(part)) {
            commit->owns = true;
            if (!part->was_head &&
                (!commit->gained || chord_id_compare(chord_id_distance(activate->start, part->end),
                                                     chord_id_distance(activate->start, commit->gained_end)) > 0)) {
                commit->gained = true;
                commit->gained_end = part->end;
            }
        } else if (part->was_head && part->chain != NULL) {
            commit->lost = true;
            commit->taken = (struct chord_claim){
                .owner = part->chain[0], .start = activate->start, .epoch = activate->epoch};
        }
    }
}

static bool is_ready(const struct chord_arcs *arcs, const struct chord_activate *activate) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < arcs->count; i++) {
        const struct chord_arc *part = &arcs->items[i];
        if (chord_id_in_open_closed(activate->start, part->end, activate->end)) {
            count++;
            if (part->status != CHORD_ARC_SYNCED || part->epoch != activate->epoch || chord_arc_is_wedged(part)) {
                return false;
            }
        }
    }
    return count > 0;
}

/* M6: the head admits from now on. Parts become one arc (C10), counting begins anew in the new epoch, and what has waited
 * here goes on, or to where the head is now. */
enum chord_status chord_participant_activate(const struct chord_replica *replica, struct chord_arcs *arcs,
                                             const struct chord_activate *activate, struct chord_commit *commit) {
    *commit = (struct chord_commit){0};
    struct chord_arc *arc = chord_arcs_ending_at(arcs, activate->end);
    if (arc == NULL || activate->epoch < arc->promised) {
        return CHORD_STALE;
    }
    if (arc->epoch == activate->epoch && arc->status == CHORD_ARC_ACTIVE) {
        return CHORD_OK; /* inferred before */
    }
    if (!is_ready(arcs, activate)) {
        return CHORD_UNEXPECTED;
    }
    note_heads(arcs, activate, commit);
    for (uint32_t i = 0; i < arcs->count; i++) {
        if (chord_id_in_open_closed(activate->start, arcs->items[i].end, activate->end)) {
            chord_transfer_end(replica->environment, &arcs->items[i], UINT32_MAX);
        }
    }
    const enum chord_status status = chord_arcs_merge(arcs, activate->start, activate->end, &arc);
    if (status != CHORD_OK) {
        return status;
    }
    chord_arc_rebase(arc);
    arc->arc_start = arc->start;
    arc->status = CHORD_ARC_ACTIVE;
    arc->was_head = chord_arc_is_head(arc);
    if (chord_arc_is_head(arc)) {
        return chord_replicate_resume(replica, arc);
    }
    chord_replicate_hand_over(replica, arc, arc->chain[0].address);
    return CHORD_OK;
}

enum chord_status chord_participant_infer_commit(const struct chord_replica *replica, struct chord_arcs *arcs,
                                                 struct chord_id key_id, uint32_t epoch,
                                                 struct chord_commit *commit) {
    const struct chord_arc *part = chord_arcs_containing(arcs, key_id);
    *commit = (struct chord_commit){0};
    if (part == NULL || part->status != CHORD_ARC_SYNCED || part->epoch != epoch || chord_arc_is_wedged(part) ||
        chord_arc_is_head(part)) {
        return CHORD_OK;
    }
    const struct chord_activate activate = {
        .epoch = epoch, .start = part->arc_start, .end = part->chain[0].id};
    return chord_participant_activate(replica, arcs, &activate, commit);
}

/* --- M8 --- */

enum chord_status chord_participant_drop(const struct chord_replica *replica, struct chord_arcs *arcs,
                                         const struct chord_activate *drop, struct chord_commit *commit) {
    *commit = (struct chord_commit){0};
    struct chord_arc *arc = chord_arcs_ending_at(arcs, drop->end);
    if (arc == NULL || drop->epoch < arc->promised) {
        return CHORD_STALE;
    }
    if (!chord_id_equal(arc->start, drop->start)) {
        return CHORD_UNEXPECTED;
    }
    if (arc->chain != NULL) {
        if (arc->was_head) {
            commit->lost = true;
            commit->taken =
                (struct chord_claim){.owner = arc->chain[0], .start = arc->arc_start, .epoch = drop->epoch};
        }
        chord_replicate_hand_over(replica, arc, arc->chain[0].address);
    }
    chord_transfer_end(replica->environment, arc, UINT32_MAX);
    chord_arcs_remove(arcs, arc);
    return CHORD_OK;
}

void chord_participant_wipe(const struct chord_replica *replica, struct chord_arcs *arcs,
                            struct chord_address contact) {
    for (uint32_t i = 0; i < arcs->count; i++) {
        chord_replicate_hand_over(replica, &arcs->items[i], contact);
    }
    chord_arcs_clear(arcs);
}
