#include "chord/member/change.h"

#include "chord/base/check.h"
#include "chord/member/suspicion.h"
#include "chord/member/tell.h"

void chord_change_note(struct chord_coordinator *coordinator, enum chord_command what,
                       const struct chord_member *member) {
    if (coordinator->change.member_count < coordinator->changed_capacity) {
        coordinator->changed[coordinator->change.member_count++] =
            (struct chord_change_member){.what = what, .member = *member};
    }
}

/* --- the end of a view change --- */

void chord_change_settle(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        if (coordinator->roster.entries[i].settle_epoch != 0) {
            return;
        }
    }
    if (coordinator->settle_epoch != 0 && coordinator->phase == CHORD_COORDINATOR_IDLE) {
        const struct chord_notice notice = {.kind = CHORD_NOTICE_SETTLED,
                                            .epoch = coordinator->settle_epoch,
                                            .settled = {.epoch = coordinator->settle_epoch,
                                                        .message_count = coordinator->settle_message_count,
                                                        .ticks = now_ticks - coordinator->settle_ticks}};
        coordinator->settle_epoch = 0;
        coordinator->settle_message_count = 0;
        chord_notify(coordinator, &notice);
    }
}

/* All arcs are committed: only now is a joiner a member, and may a leaver go (C6). */
void chord_change_finish(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    const bool forming = coordinator->phase == CHORD_COORDINATOR_FORMING;
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->state == CHORD_ROSTER_JOINING) {
            entry->state = CHORD_ROSTER_MEMBER;
            entry->is_returning = false;
            chord_change_note(coordinator, CHORD_COMMAND_JOIN, &entry->member);
        } else if (entry->state == CHORD_ROSTER_LEAVING) {
            entry->state = CHORD_ROSTER_SPARE;
            entry->is_suspected = false; /* C8 kept it until nothing was left to suspect */
            entry->settle_epoch = 0;     /* a spare forgets what it had to announce */
            chord_change_note(coordinator, CHORD_COMMAND_DEPART, &entry->member);
            entry->is_to_be_told = true;
        }
    }
    chord_suspicion_shut_silent(coordinator);
    chord_tell_outsiders(coordinator);
    chord_tell_neighbours(coordinator);
    coordinator->phase = CHORD_COORDINATOR_IDLE;
    if (forming) {
        chord_detector_start(&coordinator->detector, now_ticks);
    }
    struct chord_notice notice = {.kind = CHORD_NOTICE_FORMED, .epoch = coordinator->epoch};
    if (!forming) {
        notice.kind = CHORD_NOTICE_CHANGED;
        notice.change = coordinator->change;
        notice.change.epoch = coordinator->epoch;
        notice.change.ended_ticks = now_ticks;
        notice.change.members = coordinator->changed;
        coordinator->settle_epoch = coordinator->epoch;
        coordinator->settle_ticks = now_ticks;
    }
    coordinator->change = (struct chord_change){.epoch = 0};
    chord_notify(coordinator, &notice);
    chord_change_settle(coordinator, now_ticks);
}

bool chord_change_is_under_way(const struct chord_coordinator *coordinator) {
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        if (coordinator->parts.items[i].phase != CHORD_PART_COMMITTED) {
            return true;
        }
    }
    return false;
}

/* --- C6: the commit of one arc --- */

static bool is_of_arc(const struct chord_part *part, struct chord_id arc_start, struct chord_id arc_end) {
    return chord_id_in_open_closed(arc_start, part->end, arc_end);
}

static void drop_others(struct chord_coordinator *coordinator, const struct chord_part *part) {
    struct chord_message message = {.type = CHORD_MESSAGE_DROP};
    message.activate =
        (struct chord_activate){.epoch = part->installed_epoch, .start = part->start, .end = part->end};
    for (uint32_t i = 0; i < part->holder_count; i++) {
        if (part->holders[i].touched && !chord_part_is_in_chain(part, &part->holders[i].member)) {
            chord_tell(coordinator, message, part->holders[i].member.address);
        }
    }
}

/* Commits the arc that ends at the member `owner`, if all its parts are ready: they become one (C10), the
 * chain is told to serve and the others to drop what they hold. */
enum chord_status chord_change_commit_arc(struct chord_coordinator *coordinator, struct chord_id arc_start,
                                          const struct chord_member *owner, uint64_t now_ticks) {
    struct chord_parts *parts = &coordinator->parts;
    bool gained = false;
    uint64_t wedged_ticks = UINT64_MAX;
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct chord_part *part = &parts->items[i];
        if (!is_of_arc(part, arc_start, owner->id)) {
            continue;
        }
        if (part->phase != CHORD_PART_INSTALLED || !chord_part_is_synced(part)) {
            return CHORD_OK;
        }
        gained |= part->committed_count == 0 || !chord_member_equal(&part->committed[0], owner);
        wedged_ticks = part->wedged_ticks < wedged_ticks ? part->wedged_ticks : wedged_ticks;
    }
    const struct chord_member head = *owner; /* which may be borrowed from a part that goes */
    for (uint32_t i = parts->count; i-- > 0;) {
        if (is_of_arc(&parts->items[i], arc_start, head.id)) {
            drop_others(coordinator, &parts->items[i]);
            if (!chord_id_equal(parts->items[i].end, head.id)) {
                chord_parts_remove(parts, &parts->items[i]);
            }
        }
    }
    struct chord_part *arc = chord_parts_ending_at(parts, head.id);
    arc->start = arc_start;
    if (chord_part_commit(arc, parts->allocator) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    struct chord_message message = {.type = CHORD_MESSAGE_ACTIVATE};
    message.activate =
        (struct chord_activate){.epoch = arc->installed_epoch, .start = arc->start, .end = arc->end};
    for (uint32_t i = arc->chain_count; i-- > 0;) {
        chord_tell(coordinator, message, arc->chain[i].address);
    }
    coordinator->change.arc_count++;
    coordinator->change.wedged_ticks_sum += now_ticks - wedged_ticks;
    if (now_ticks - wedged_ticks > coordinator->change.wedged_ticks_max) {
        coordinator->change.wedged_ticks_max = now_ticks - wedged_ticks;
    }
    if (gained && coordinator->phase != CHORD_COORDINATOR_FORMING) {
        chord_roster_at(&coordinator->roster, head.address)->settle_epoch = arc->installed_epoch;
    }
    return CHORD_OK;
}

/* --- C4: the new chain is installed --- */

enum chord_status chord_change_install(struct chord_coordinator *coordinator, struct chord_part *part) {
    struct chord_message message = {.type = CHORD_MESSAGE_INSTALL};
    const bool forming = coordinator->phase == CHORD_COORDINATOR_FORMING;
    const struct chord_member *source = forming ? NULL : chord_part_source(part);
    const bool empty = source == NULL; /* the ring is being formed, or the part is lost (C8) */
    chord_check(!empty || forming || coordinator->environment->config->allows_data_loss);
    message.install = (struct chord_install){.epoch = coordinator->epoch,
                                             .start = part->start,
                                             .end = part->end,
                                             .arc_start = part->arc_start,
                                             .chain = {.array = part->chain, .count = part->chain_count},
                                             .source = empty ? part->chain[0] : *source,
                                             .empty = empty,
                                             .lost = empty && !forming};
    part->phase = CHORD_PART_INSTALLED;
    part->installed_epoch = coordinator->epoch;
    for (uint32_t i = 0; i < part->holder_count; i++) {
        part->holders[i].synced = false;
    }
    for (uint32_t i = 0; i < part->holder_count; i++) {
        if (part->holders[i].touched) {
            chord_tell(coordinator, message, part->holders[i].member.address);
        }
    }
    return CHORD_OK;
}

/* --- C2: an attempt --- */

/* C9: if nobody else is left, departures are off. */
static void cancel_departures(struct chord_coordinator *coordinator) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->state == CHORD_ROSTER_LEAVING) {
            entry->state = CHORD_ROSTER_MEMBER;
            const struct chord_notice notice = {.kind = CHORD_NOTICE_CANCELLED,
                                                .epoch = coordinator->epoch,
                                                .first = entry->member,
                                                .cancelled = CHORD_COMMAND_DEPART};
            chord_notify(coordinator, &notice);
        }
    }
    chord_roster_view(&coordinator->roster, &coordinator->view);
}

/* Index in the view of the owner of an id. */
static uint32_t owner_in_view(const struct chord_view *view, struct chord_id id) {
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (chord_id_compare(view->members[i].id, id) >= 0) {
            return i;
        }
    }
    return 0;
}

uint32_t chord_change_chain_in_view(struct chord_coordinator *coordinator, uint32_t owner) {
    const struct chord_view *view = &coordinator->view;
    const uint32_t wanted = coordinator->environment->config->replica_count;
    const uint32_t most = wanted < view->member_count ? wanted : view->member_count;
    return chord_view_chain(view, owner, most, coordinator->scratch);
}

static bool is_chain(const struct chord_member *chain, uint32_t count, const struct chord_member *other,
                     uint32_t other_count) {
    for (uint32_t i = 0; i < count && i < other_count; i++) {
        if (!chord_member_equal(&chain[i], &other[i])) {
            return false;
        }
    }
    return count == other_count;
}

/* Sends PREPARE to all that are touched by the part. */
static enum chord_status wedge(struct chord_coordinator *coordinator, struct chord_part *part,
                               uint64_t now_ticks) {
    for (uint32_t i = 0; i < part->chain_count; i++) {
        struct chord_holder *holder =
            chord_part_add_holder(part, coordinator->parts.allocator, &part->chain[i]);
        if (holder == NULL) {
            return CHORD_NO_MEMORY;
        }
        holder->touched = true;
    }
    part->wedged_ticks = part->phase == CHORD_PART_COMMITTED ? now_ticks : part->wedged_ticks;
    part->phase = CHORD_PART_WEDGING;
    struct chord_message message = {.type = CHORD_MESSAGE_PREPARE};
    message.prepare =
        (struct chord_prepare){.epoch = coordinator->epoch, .start = part->start, .end = part->end};
    for (uint32_t i = 0; i < part->holder_count; i++) {
        part->holders[i].wedged = false;
        if (part->holders[i].touched) {
            chord_tell(coordinator, message, part->holders[i].member.address);
        }
    }
    return CHORD_OK;
}

/* One part's new chain in the view; it is affected if that isn't the committed one, if its arc is to be
 * merged from several, or if an attempt is at work on it already: then it must get a new INSTALL, or it would
 * stay wedged. */
static enum chord_status attempt_part(struct chord_coordinator *coordinator, struct chord_part *part,
                                      uint64_t now_ticks) {
    const struct chord_view *view = &coordinator->view;
    const uint32_t owner = owner_in_view(view, part->end);
    const uint32_t count = chord_change_chain_in_view(coordinator, owner);
    const struct chord_id arc_start = view->members[chord_view_before(view, owner)].id;
    const bool is_whole =
        chord_id_equal(part->start, arc_start) && chord_id_equal(part->end, view->members[owner].id);
    if (part->phase == CHORD_PART_COMMITTED && is_whole &&
        is_chain(coordinator->scratch, count, part->committed, part->committed_count)) {
        return CHORD_OK;
    }
    part->arc_start = arc_start;
    if (chord_part_set_chain(part, coordinator->parts.allocator, coordinator->scratch, count) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    return wedge(coordinator, part, now_ticks);
}

enum chord_status chord_change_attempt(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    if (coordinator->phase == CHORD_COORDINATOR_IDLE) {
        coordinator->change.started_ticks = now_ticks;
        coordinator->phase = CHORD_COORDINATOR_CHANGING;
    }
    coordinator->epoch++;
    coordinator->change.attempt_count++;
    chord_roster_view(&coordinator->roster, &coordinator->view);
    if (coordinator->view.member_count == 0) {
        cancel_departures(coordinator);
    }
    for (uint32_t i = 0; i < coordinator->view.member_count; i++) {
        bool cut;
        if (chord_parts_cut(&coordinator->parts, coordinator->view.members[i].id, &cut) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
        if (cut) {
            /* Both halves change, even if one keeps its chain: its members must cut what they hold. */
            struct chord_part *half =
                chord_parts_ending_at(&coordinator->parts, coordinator->view.members[i].id);
            const uint32_t index = (uint32_t)(half - coordinator->parts.items);
            struct chord_part *rest = &coordinator->parts.items[(index + 1) % coordinator->parts.count];
            if (half->phase == CHORD_PART_COMMITTED) {
                half->phase = CHORD_PART_WEDGING;
                half->wedged_ticks = now_ticks;
                rest->phase = CHORD_PART_WEDGING;
                rest->wedged_ticks = now_ticks;
            }
        }
    }
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        if (attempt_part(coordinator, &coordinator->parts.items[i], now_ticks) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    if (!chord_change_is_under_way(coordinator)) {
        chord_change_finish(coordinator, now_ticks);
    }
    return CHORD_OK;
}
