#include "chord/member/coordinator.h"

#include "chord/base/check.h"
#include "chord/member/tell.h"

#include <string.h>

enum chord_status chord_coordinator_init(struct chord_coordinator *coordinator,
                                         const struct chord_environment *environment) {
    const struct chord_config *config = environment->config;
    const struct chord_allocator *allocator = environment->allocator;
    *coordinator = (struct chord_coordinator){.environment = environment,
                                              .address = {.rank = config->coordinator_rank},
                                              .phase = CHORD_COORDINATOR_GATHERING};
    const uint32_t capacity = config->rank_count * config->virtual_node_count;
    const uint32_t longest = capacity > config->successor_count ? capacity : config->successor_count;
    chord_parts_init(&coordinator->parts, allocator);
    coordinator->changed_capacity = 2 * capacity;
    coordinator->scratch = chord_allocate(allocator, longest * sizeof *coordinator->scratch);
    coordinator->changed =
        chord_allocate(allocator, coordinator->changed_capacity * sizeof *coordinator->changed);
    coordinator->shut.is_shut = chord_allocate(allocator, config->rank_count * sizeof *coordinator->shut.is_shut);
    if (coordinator->shut.is_shut != NULL) {
        memset(coordinator->shut.is_shut, 0, config->rank_count * sizeof *coordinator->shut.is_shut);
    }
    if (coordinator->scratch == NULL || coordinator->changed == NULL || coordinator->shut.is_shut == NULL ||
        chord_detector_init(&coordinator->detector, config, allocator) != CHORD_OK ||
        chord_roster_init(&coordinator->roster, allocator, config) != CHORD_OK ||
        chord_view_init(&coordinator->view, allocator, capacity) != CHORD_OK ||
        chord_view_init(&coordinator->told, allocator, capacity) != CHORD_OK) {
        chord_coordinator_clear(coordinator);
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

void chord_coordinator_clear(struct chord_coordinator *coordinator) {
    const struct chord_allocator *allocator = coordinator->environment->allocator;
    chord_parts_clear(&coordinator->parts);
    chord_view_clear(&coordinator->view, allocator);
    chord_view_clear(&coordinator->told, allocator);
    chord_roster_clear(&coordinator->roster, allocator);
    chord_free(allocator, coordinator->scratch);
    chord_free(allocator, coordinator->changed);
    chord_free(allocator, coordinator->shut.is_shut);
    chord_detector_clear(&coordinator->detector, allocator);
    coordinator->shut.is_shut = NULL;
    coordinator->scratch = NULL;
    coordinator->changed = NULL;
}

static void notify(const struct chord_coordinator *coordinator, const struct chord_notice *notice) {
    const struct chord_sink *sink = coordinator->environment->sink;
    sink->notice(sink->context, notice);
}

static void note_change(struct chord_coordinator *coordinator, enum chord_command what,
                        const struct chord_member *member) {
    if (coordinator->change.member_count < coordinator->changed_capacity) {
        coordinator->changed[coordinator->change.member_count++] =
            (struct chord_change_member){.what = what, .member = *member};
    }
}

/* --- ranks that are out --- */

static struct chord_roster_entry *entries_of(const struct chord_coordinator *coordinator, uint32_t rank) {
    return &coordinator->roster.entries[rank * coordinator->roster.virtual_node_count];
}

static bool is_in_ring(const struct chord_roster_entry *entry) {
    return entry->state == CHORD_ROSTER_MEMBER || entry->state == CHORD_ROSTER_JOINING ||
           entry->state == CHORD_ROSTER_LEAVING;
}

static bool has_members(const struct chord_coordinator *coordinator, uint32_t rank) {
    const struct chord_roster_entry *of_rank = entries_of(coordinator, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        if (is_in_ring(&of_rank[v])) {
            return true;
        }
    }
    return false;
}

static void set_shut(struct chord_coordinator *coordinator, uint32_t rank, bool is_shut) {
    const struct chord_notice notice = {.kind = is_shut ? CHORD_NOTICE_SHUT : CHORD_NOTICE_OPENED, .rank = rank};
    coordinator->shut.is_shut[rank] = is_shut;
    coordinator->shut.shut_count += is_shut ? 1 : UINT32_MAX; /* one more or one less */
    notify(coordinator, &notice);
    chord_tell_reach(coordinator, is_shut ? CHORD_MESSAGE_SHUT : CHORD_MESSAGE_OPEN, rank);
}

/* Suspected ranks that have no node in the ring any more are shut. Spares that turned to one of them need another contact. */
static void shut_silent(struct chord_coordinator *coordinator) {
    for (uint32_t rank = 0; rank < coordinator->environment->config->rank_count; rank++) {
        if (!coordinator->detector.ranks[rank].is_suspected || coordinator->shut.is_shut[rank] ||
            has_members(coordinator, rank)) {
            continue;
        }
        set_shut(coordinator, rank, true);
        for (uint32_t i = 0; i < coordinator->roster.count; i++) {
            struct chord_roster_entry *entry = &coordinator->roster.entries[i];
            entry->is_to_be_told |= !is_in_ring(entry) && entry->contact.address.rank == rank;
        }
    }
}

/* --- the end of a view change --- */

static void settle(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        if (coordinator->roster.entries[i].settle_epoch != 0) {
            return;
        }
    }
    if (coordinator->settle_epoch != 0 && coordinator->phase == CHORD_COORDINATOR_IDLE) {
        const struct chord_notice notice = {
            .kind = CHORD_NOTICE_SETTLED,
            .epoch = coordinator->settle_epoch,
            .settled = {.epoch = coordinator->settle_epoch,
                        .message_count = coordinator->settle_message_count,
                        .ticks = now_ticks - coordinator->settle_ticks}};
        coordinator->settle_epoch = 0;
        coordinator->settle_message_count = 0;
        notify(coordinator, &notice);
    }
}

/* All arcs are committed: only now is a joiner a member, and may a leaver go (C6). */
static void finish(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    const bool forming = coordinator->phase == CHORD_COORDINATOR_FORMING;
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->state == CHORD_ROSTER_JOINING) {
            entry->state = CHORD_ROSTER_MEMBER;
            entry->is_returning = false;
            note_change(coordinator, CHORD_COMMAND_JOIN, &entry->member);
        } else if (entry->state == CHORD_ROSTER_LEAVING) {
            entry->state = CHORD_ROSTER_SPARE;
            entry->is_suspected = false; /* C8 kept it until nothing was left to suspect */
            entry->settle_epoch = 0;     /* a spare forgets what it had to announce */
            note_change(coordinator, CHORD_COMMAND_DEPART, &entry->member);
            entry->is_to_be_told = true;
        }
    }
    shut_silent(coordinator);
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
    notify(coordinator, &notice);
    settle(coordinator, now_ticks);
}

static bool is_changing(const struct chord_coordinator *coordinator) {
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

/* Commits the arc that ends at the member `owner`, if all its parts are ready: they become one (C10), the chain is told to
 * serve and the others to drop what they hold. */
static enum chord_status commit_arc(struct chord_coordinator *coordinator, struct chord_id arc_start,
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

static enum chord_status install(struct chord_coordinator *coordinator, struct chord_part *part) {
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
            const struct chord_notice notice = {
                .kind = CHORD_NOTICE_CANCELLED,
                .epoch = coordinator->epoch,
                .first = entry->member,
                .cancelled = CHORD_COMMAND_DEPART};
            notify(coordinator, &notice);
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

static uint32_t chain_in_view(struct chord_coordinator *coordinator, uint32_t owner) {
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
static enum chord_status wedge(struct chord_coordinator *coordinator, struct chord_part *part, uint64_t now_ticks) {
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
    message.prepare = (struct chord_prepare){.epoch = coordinator->epoch, .start = part->start, .end = part->end};
    for (uint32_t i = 0; i < part->holder_count; i++) {
        part->holders[i].wedged = false;
        if (part->holders[i].touched) {
            chord_tell(coordinator, message, part->holders[i].member.address);
        }
    }
    return CHORD_OK;
}

/* One part's new chain in the view; it is affected if that isn't the committed one, if its arc is to be merged from
 * several, or if an attempt is at work on it already: then it must get a new INSTALL, or it would stay wedged. */
static enum chord_status attempt_part(struct chord_coordinator *coordinator, struct chord_part *part,
                                      uint64_t now_ticks) {
    const struct chord_view *view = &coordinator->view;
    const uint32_t owner = owner_in_view(view, part->end);
    const uint32_t count = chain_in_view(coordinator, owner);
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

static enum chord_status attempt(struct chord_coordinator *coordinator, uint64_t now_ticks) {
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
            struct chord_part *half = chord_parts_ending_at(&coordinator->parts, coordinator->view.members[i].id);
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
    if (!is_changing(coordinator)) {
        finish(coordinator, now_ticks);
    }
    return CHORD_OK;
}

/* --- C3 and C8: exclusions --- */

/* Whether anybody else is in the ring: without a node there is none. */
static bool leaves_others(const struct chord_coordinator *coordinator, const struct chord_roster_entry *entry) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *other = &coordinator->roster.entries[i];
        if (other != entry && is_in_ring(other)) {
            return true; /* a leaver stays then (C9) */
        }
    }
    return false;
}

/* C8: the only complete holder of a part is never excluded, unless data may be lost. */
static bool may_be_excluded(const struct chord_coordinator *coordinator, const struct chord_roster_entry *entry) {
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        if (!chord_part_survives(&coordinator->parts.items[i], &entry->member)) {
            return coordinator->environment->config->allows_data_loss && leaves_others(coordinator, entry);
        }
    }
    return leaves_others(coordinator, entry);
}

static void tell_lost(const struct chord_coordinator *coordinator, const struct chord_member *member) {
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        const struct chord_part *part = &coordinator->parts.items[i];
        if (!chord_part_survives(part, member)) {
            const struct chord_notice notice = {
                .kind = CHORD_NOTICE_LOST,
                .epoch = coordinator->epoch,
                .loss = {.start = part->start, .end = part->end, .holder = *member}};
            notify(coordinator, &notice);
        }
    }
}

/* C3: the incarnation leaves all sets at once. */
static void exclude(struct chord_coordinator *coordinator, struct chord_roster_entry *entry) {
    tell_lost(coordinator, &entry->member);
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        chord_part_exclude(&coordinator->parts.items[i], &entry->member);
    }
    entry->stays_out |= entry->state == CHORD_ROSTER_LEAVING || entry->wants_to_depart;
    entry->is_suspected = false;
    entry->wants_to_depart = false;
    entry->settle_epoch = 0;
    entry->is_to_be_told = true;
    entry->state = CHORD_ROSTER_EXCLUDED;
    note_change(coordinator, CHORD_COMMAND_EXCLUDE, &entry->member);
}

/* Excludes whom C8 allows to, and begins anew if that was anybody. */
static enum chord_status judge_suspicions(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    bool any = false;
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->is_suspected && may_be_excluded(coordinator, entry)) {
            exclude(coordinator, entry);
            any = true;
        }
    }
    if (any) {
        shut_silent(coordinator); /* first, so that nothing of the change is queued for them */
    }
    return any ? attempt(coordinator, now_ticks) : CHORD_OK;
}

/* --- suspicions of the detector --- */

/* The joining of a node that may never answer is off; one that was excluded begins anew when it is heard again. */
static void cancel_join(struct chord_coordinator *coordinator, struct chord_roster_entry *entry) {
    if (entry->is_returning) {
        entry->state = CHORD_ROSTER_INVITED;
        return;
    }
    const struct chord_notice notice = {
        .kind = CHORD_NOTICE_CANCELLED,
        .epoch = coordinator->epoch,
        .first = entry->member,
        .cancelled = CHORD_COMMAND_JOIN};
    entry->state = CHORD_ROSTER_SPARE;
    notify(coordinator, &notice);
}

static enum chord_status suspect(struct chord_coordinator *coordinator, uint32_t rank, uint64_t now_ticks) {
    const struct chord_notice notice = {
        .kind = CHORD_NOTICE_SUSPECTED,
        .epoch = coordinator->epoch,
        .suspicion = {.rank = rank,
                      .heard_ticks = coordinator->detector.ranks[rank].heard_ticks,
                      .judged_ticks = now_ticks}};
    notify(coordinator, &notice);
    struct chord_roster_entry *of_rank = entries_of(coordinator, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        if (is_in_ring(&of_rank[v])) {
            of_rank[v].is_suspected = true;
        } else if (of_rank[v].state == CHORD_ROSTER_INVITED || of_rank[v].state == CHORD_ROSTER_WAITING) {
            cancel_join(coordinator, &of_rank[v]);
        }
    }
    shut_silent(coordinator);
    const enum chord_status status = judge_suspicions(coordinator, now_ticks);
    if (coordinator->phase == CHORD_COORDINATOR_IDLE) {
        chord_tell_outsiders(coordinator);
    }
    return status;
}

enum chord_status chord_coordinator_drained(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    enum chord_status status = CHORD_OK;
    uint32_t rank;
    while (status == CHORD_OK &&
           (rank = chord_detector_judge(&coordinator->detector, now_ticks)) != UINT32_MAX) {
        status = suspect(coordinator, rank, now_ticks);
    }
    return status;
}

void chord_coordinator_banish(struct chord_coordinator *coordinator, uint32_t rank) {
    struct chord_roster_entry *of_rank = entries_of(coordinator, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        struct chord_roster_entry *entry = &of_rank[v];
        const bool is_coming = entry->state == CHORD_ROSTER_RETURNING || entry->state == CHORD_ROSTER_INVITED ||
                               entry->state == CHORD_ROSTER_WAITING;
        entry->stays_out = !is_coming && entry->state != CHORD_ROSTER_SPARE;
        if (is_coming) {
            entry->state = CHORD_ROSTER_SPARE;
            entry->is_returning = false;
            entry->is_to_be_told = true;
        }
    }
}

enum chord_status chord_coordinator_heard(struct chord_coordinator *coordinator, uint32_t rank, bool is_heartbeat,
                                          uint64_t now_ticks) {
    const uint64_t heard_ticks = coordinator->detector.ranks[rank].heard_ticks;
    if (rank == coordinator->address.rank ||
        __builtin_expect(!chord_detector_heard(&coordinator->detector, rank, is_heartbeat, now_ticks), 1)) {
        return CHORD_OK;
    }
    const struct chord_notice notice = {
        .kind = CHORD_NOTICE_HEARD,
        .epoch = coordinator->epoch,
        .suspicion = {.rank = rank, .heard_ticks = heard_ticks, .judged_ticks = now_ticks}};
    notify(coordinator, &notice);
    struct chord_roster_entry *of_rank = entries_of(coordinator, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        of_rank[v].is_suspected = false; /* C8 has kept it */
        of_rank[v].is_to_be_told |= !is_in_ring(&of_rank[v]); /* that it was excluded, or isn't expected any more */
    }
    if (coordinator->shut.is_shut[rank]) {
        set_shut(coordinator, rank, false);
        chord_tell_all_reach(coordinator, rank);
    }
    if (coordinator->phase == CHORD_COORDINATOR_IDLE) {
        chord_tell_outsiders(coordinator);
    }
    return CHORD_OK;
}

/* --- C7: what waits --- */

/* Nodes of one rank that were invited together join together: none before all of them have found their place. */
static bool may_join(const struct chord_coordinator *coordinator, const struct chord_roster_entry *entry) {
    const uint32_t virtual_nodes = coordinator->roster.virtual_node_count;
    const struct chord_roster_entry *of_rank =
        &coordinator->roster.entries[entry->member.address.rank * virtual_nodes];
    for (uint32_t v = 0; v < virtual_nodes; v++) {
        if (of_rank[v].state == CHORD_ROSTER_INVITED) {
            return false;
        }
    }
    return entry->state == CHORD_ROSTER_WAITING;
}

static bool is_waiting(const struct chord_coordinator *coordinator) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if ((entry->state == CHORD_ROSTER_WAITING && may_join(coordinator, entry)) ||
            (entry->state == CHORD_ROSTER_MEMBER && entry->wants_to_depart)) {
            return true;
        }
    }
    return false;
}

static enum chord_status start_waiting(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->state == CHORD_ROSTER_WAITING && may_join(coordinator, entry)) {
            entry->state = CHORD_ROSTER_JOINING;
        } else if (entry->state == CHORD_ROSTER_MEMBER && entry->wants_to_depart) {
            entry->state = CHORD_ROSTER_LEAVING;
            entry->wants_to_depart = false;
        }
    }
    return attempt(coordinator, now_ticks);
}

/* --- commands --- */

/* Whether anybody is in the ring, or about to be, beside the nodes of a command. */
static bool has_others(const struct chord_coordinator *coordinator, struct chord_address node) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        const struct chord_address address = entry->member.address;
        const bool is_meant = address.rank == node.rank && (node.virtual_node == CHORD_ALL_NODES ||
                                                            address.virtual_node == node.virtual_node);
        const bool stays = (entry->state == CHORD_ROSTER_MEMBER && !entry->wants_to_depart) ||
                           entry->state == CHORD_ROSTER_JOINING || entry->state == CHORD_ROSTER_WAITING;
        if (!is_meant && stays) {
            return true;
        }
    }
    return false;
}

static enum chord_status check_command(const struct chord_roster_entry *entry, enum chord_command what) {
    switch (entry->state) {
    case CHORD_ROSTER_SPARE:
        return what == CHORD_COMMAND_JOIN ? CHORD_OK : CHORD_NOT_MEMBER;
    case CHORD_ROSTER_MEMBER:
        if (what == CHORD_COMMAND_JOIN) {
            return entry->wants_to_depart ? CHORD_UNDER_WAY : CHORD_ALREADY_MEMBER;
        }
        return what == CHORD_COMMAND_DEPART && entry->wants_to_depart ? CHORD_UNDER_WAY : CHORD_OK;
    case CHORD_ROSTER_JOINING:
    case CHORD_ROSTER_LEAVING:
        return what == CHORD_COMMAND_EXCLUDE ? CHORD_OK : CHORD_UNDER_WAY;
    case CHORD_ROSTER_ABSENT:
    case CHORD_ROSTER_INVITED:
    case CHORD_ROSTER_WAITING:
    case CHORD_ROSTER_EXCLUDED:
    case CHORD_ROSTER_RETURNING:
        break;
    }
    return CHORD_UNDER_WAY;
}

static void accept_command(struct chord_coordinator *coordinator, struct chord_roster_entry *entry,
                           enum chord_command what) {
    if (what == CHORD_COMMAND_DEPART) {
        entry->wants_to_depart = true;
    } else if (what == CHORD_COMMAND_EXCLUDE) {
        entry->is_suspected = true;
    } else {
        const struct chord_message message = {.type = CHORD_MESSAGE_INVITE};
        entry->state = CHORD_ROSTER_INVITED;
        if (!entry->is_to_be_told) { /* else it is invited when it has heard that it is a spare */
            chord_tell(coordinator, message, entry->member.address);
        }
    }
}

enum chord_status chord_coordinator_command(struct chord_coordinator *coordinator, enum chord_command what,
                                            struct chord_address node, uint64_t now_ticks) {
    const struct chord_config *config = coordinator->environment->config;
    const bool all = node.virtual_node == CHORD_ALL_NODES;
    if (node.rank >= config->rank_count || (!all && node.virtual_node >= config->virtual_node_count) ||
        what >= CHORD_COMMAND_COUNT) {
        return CHORD_NO_SUCH_NODE;
    }
    if (coordinator->phase != CHORD_COORDINATOR_IDLE && coordinator->phase != CHORD_COORDINATOR_CHANGING) {
        return CHORD_UNDER_WAY;
    }
    if (what == CHORD_COMMAND_JOIN && coordinator->shut.is_shut[node.rank]) {
        return CHORD_UNREACHABLE;
    }
    const uint16_t first = all ? 0 : node.virtual_node;
    const uint16_t last = all ? (uint16_t)(config->virtual_node_count - 1) : node.virtual_node;
    for (uint32_t v = first; v <= last; v++) {
        const struct chord_address address = {.rank = node.rank, .virtual_node = (uint16_t)v};
        const enum chord_status status = check_command(chord_roster_at(&coordinator->roster, address), what);
        if (status != CHORD_OK) {
            return status;
        }
    }
    if (what == CHORD_COMMAND_DEPART && !has_others(coordinator, node)) {
        return CHORD_LAST_MEMBER;
    }
    for (uint32_t v = first; v <= last; v++) {
        const struct chord_address address = {.rank = node.rank, .virtual_node = (uint16_t)v};
        accept_command(coordinator, chord_roster_at(&coordinator->roster, address), what);
    }
    return what == CHORD_COMMAND_EXCLUDE ? judge_suspicions(coordinator, now_ticks) : CHORD_OK;
}

/* --- messages --- */

/* The first view: everybody has nothing of everything. */
static enum chord_status form(struct chord_coordinator *coordinator) {
    const struct chord_config *config = coordinator->environment->config;
    struct chord_view *view = &coordinator->view;
    struct chord_roster *roster = &coordinator->roster;
    for (uint32_t i = 0; i < roster->count; i++) {
        chord_view_add(view, roster->entries[i].member);
        roster->entries[i].state = roster->entries[i].member.address.rank < config->initial_rank_count
                                       ? CHORD_ROSTER_MEMBER
                                       : CHORD_ROSTER_SPARE;
    }
    const uint32_t twin = chord_view_sort(view);
    if (twin != UINT32_MAX) {
        coordinator->phase = CHORD_COORDINATOR_FAILED;
        const struct chord_notice notice = {.kind = CHORD_NOTICE_DUPLICATE_ID,
                                            .first = view->members[twin],
                                            .second = view->members[twin + 1]};
        notify(coordinator, &notice);
        return CHORD_OK;
    }
    coordinator->phase = CHORD_COORDINATOR_FORMING;
    coordinator->epoch = 1;
    chord_roster_view(roster, view);
    chord_tell_neighbours(coordinator);
    for (uint32_t i = 0; i < roster->count; i++) {
        if (roster->entries[i].state == CHORD_ROSTER_SPARE) {
            chord_tell_spare(coordinator, &roster->entries[i]);
        }
    }
    for (uint32_t owner = 0; owner < view->member_count; owner++) {
        struct chord_part *part;
        const uint32_t count = chain_in_view(coordinator, owner);
        if (chord_parts_add(&coordinator->parts, view->members[chord_view_before(view, owner)].id,
                            view->members[owner].id, &part) != CHORD_OK ||
            chord_part_set_chain(part, coordinator->parts.allocator, coordinator->scratch, count) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
        for (uint32_t i = 0; i < count; i++) {
            struct chord_holder *holder =
                chord_part_add_holder(part, coordinator->parts.allocator, &part->chain[i]);
            if (holder == NULL) {
                return CHORD_NO_MEMORY;
            }
            holder->touched = true;
        }
        const enum chord_status status = install(coordinator, part);
        if (status != CHORD_OK) {
            return status;
        }
    }
    return CHORD_OK;
}

static enum chord_status receive_register(struct chord_coordinator *coordinator, const struct chord_message *message) {
    const struct chord_member *member = &message->registration.member;
    struct chord_roster_entry *entry = chord_roster_at(&coordinator->roster, member->address);
    if (coordinator->phase != CHORD_COORDINATOR_GATHERING || entry->state != CHORD_ROSTER_ABSENT) {
        return CHORD_UNEXPECTED;
    }
    *entry = (struct chord_roster_entry){.member = *member, .state = CHORD_ROSTER_SPARE};
    coordinator->registered_count++;
    return coordinator->registered_count == coordinator->roster.count ? form(coordinator) : CHORD_OK;
}

static enum chord_status receive_join(struct chord_coordinator *coordinator, const struct chord_message *message) {
    const struct chord_member *member = &message->registration.member;
    struct chord_roster_entry *entry = chord_roster_at(&coordinator->roster, member->address);
    const bool is_invited = entry->state == CHORD_ROSTER_INVITED;
    const bool is_back =
        entry->state == CHORD_ROSTER_RETURNING && member->incarnation > entry->member.incarnation;
    if (!chord_id_equal(member->id, entry->member.id)) {
        return CHORD_UNEXPECTED;
    }
    if (!is_invited && !is_back) {
        return CHORD_STALE; /* repeated, since it was told of a new contact; or its joining was cancelled meanwhile */
    }
    entry->member.incarnation = member->incarnation;
    entry->state = CHORD_ROSTER_WAITING;
    coordinator->change.message_count += 1 + message->registration.hops;
    return CHORD_OK;
}

static enum chord_status receive_wedged(struct chord_coordinator *coordinator, struct chord_address from,
                                        const struct chord_wedged *wedged) {
    struct chord_part *part = chord_parts_ending_at(&coordinator->parts, wedged->end);
    if (wedged->epoch != coordinator->epoch || part == NULL || part->phase != CHORD_PART_WEDGING) {
        return CHORD_STALE;
    }
    struct chord_holder *holder = chord_part_holder(part, from, wedged->incarnation);
    if (holder == NULL || !holder->touched) {
        return CHORD_STALE; /* C3 */
    }
    holder->wedged = true;
    coordinator->change.message_count++;
    return chord_part_is_wedged(part) ? install(coordinator, part) : CHORD_OK;
}

/* C5: counts if it is of the newest installed epoch, also while a later attempt is wedging. */
static enum chord_status receive_synced(struct chord_coordinator *coordinator, struct chord_address from,
                                        const struct chord_synced *synced, uint64_t now_ticks) {
    struct chord_part *part = chord_parts_ending_at(&coordinator->parts, synced->end);
    if (part == NULL || part->phase == CHORD_PART_COMMITTED || synced->epoch != part->installed_epoch) {
        return CHORD_STALE;
    }
    struct chord_holder *holder = chord_part_holder(part, from, synced->incarnation);
    if (holder == NULL) {
        return CHORD_STALE; /* C3 */
    }
    holder->complete = true;
    holder->synced = true;
    coordinator->change.message_count += 1 + synced->piece_count;
    coordinator->change.pair_count += synced->pair_count;
    coordinator->change.pair_bytes += synced->pair_bytes;
    if (part->phase == CHORD_PART_INSTALLED && chord_part_is_synced(part)) {
        const struct chord_member owner = part->chain[0];
        if (commit_arc(coordinator, part->arc_start, &owner, now_ticks) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    if (!is_changing(coordinator)) {
        finish(coordinator, now_ticks);
    }
    return judge_suspicions(coordinator, now_ticks);
}

static enum chord_status receive_settled(struct chord_coordinator *coordinator, struct chord_address from,
                                         const struct chord_settled_report *settled, uint64_t now_ticks) {
    struct chord_roster_entry *entry = chord_roster_at(&coordinator->roster, from);
    if (settled->incarnation != entry->member.incarnation || entry->settle_epoch == 0 ||
        settled->epoch < entry->settle_epoch) {
        return CHORD_STALE;
    }
    entry->settle_epoch = 0;
    coordinator->settle_message_count += 1 + settled->message_count;
    settle(coordinator, now_ticks);
    return CHORD_OK;
}

enum chord_status chord_coordinator_receive(struct chord_coordinator *coordinator,
                                            const struct chord_message *message, uint64_t now_ticks) {
    switch (message->type) {
    case CHORD_MESSAGE_REGISTER:
        return receive_register(coordinator, message);
    case CHORD_MESSAGE_JOIN:
        return receive_join(coordinator, message);
    case CHORD_MESSAGE_WEDGED:
        return receive_wedged(coordinator, message->from, &message->wedged);
    case CHORD_MESSAGE_SYNCED:
        return receive_synced(coordinator, message->from, &message->synced, now_ticks);
    case CHORD_MESSAGE_SETTLED:
        return receive_settled(coordinator, message->from, &message->settled, now_ticks);
    default:
        return CHORD_UNEXPECTED;
    }
}

enum chord_status chord_coordinator_tick(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    const bool can_start = coordinator->phase == CHORD_COORDINATOR_IDLE && is_waiting(coordinator);
    return can_start ? start_waiting(coordinator, now_ticks) : CHORD_OK;
}

uint64_t chord_coordinator_deadline(const struct chord_coordinator *coordinator) {
    return coordinator->phase == CHORD_COORDINATOR_IDLE && is_waiting(coordinator)
               ? 0
               : chord_detector_deadline(&coordinator->detector);
}

bool chord_coordinator_is_quiet(const struct chord_coordinator *coordinator) {
    if (coordinator->phase != CHORD_COORDINATOR_IDLE || coordinator->settle_epoch != 0) {
        return false;
    }
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (chord_reach_is_shut(&coordinator->shut, entry->member.address.rank)) {
            continue;
        }
        if ((entry->state != CHORD_ROSTER_SPARE && entry->state != CHORD_ROSTER_MEMBER) || entry->wants_to_depart) {
            return false;
        }
    }
    return true;
}
