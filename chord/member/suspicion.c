#include "chord/member/suspicion.h"

#include "chord/member/change.h"
#include "chord/member/tell.h"

/* --- ranks that are out --- */

static bool has_members(const struct chord_coordinator *coordinator, uint32_t rank) {
    const struct chord_roster_entry *of_rank = chord_roster_of_rank(&coordinator->roster, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        if (chord_roster_is_in_ring(&of_rank[v])) {
            return true;
        }
    }
    return false;
}

static void set_shut(struct chord_coordinator *coordinator, uint32_t rank, bool is_shut) {
    const struct chord_notice notice = {.kind = is_shut ? CHORD_NOTICE_SHUT : CHORD_NOTICE_OPENED,
                                        .rank = rank};
    coordinator->shut.is_shut[rank] = is_shut;
    coordinator->shut.shut_count += is_shut ? 1 : UINT32_MAX; /* one more or one less */
    chord_notify(coordinator, &notice);
    chord_tell_reach(coordinator, is_shut ? CHORD_MESSAGE_SHUT : CHORD_MESSAGE_OPEN, rank);
}

/* Suspected ranks that have no node in the ring any more are shut. Spares that turned to one of them need
 * another contact. */
void chord_suspicion_shut_silent(struct chord_coordinator *coordinator) {
    for (uint32_t rank = 0; rank < coordinator->environment->config->rank_count; rank++) {
        if (!coordinator->detector.ranks[rank].is_suspected || coordinator->shut.is_shut[rank] ||
            has_members(coordinator, rank)) {
            continue;
        }
        set_shut(coordinator, rank, true);
        for (uint32_t i = 0; i < coordinator->roster.count; i++) {
            struct chord_roster_entry *entry = &coordinator->roster.entries[i];
            entry->is_to_be_told |= !chord_roster_is_in_ring(entry) && entry->contact.address.rank == rank;
        }
    }
}

/* --- C3 and C8: exclusions --- */

/* Whether anybody else is in the ring: without a node there is none. */
static bool leaves_others(const struct chord_coordinator *coordinator,
                          const struct chord_roster_entry *entry) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *other = &coordinator->roster.entries[i];
        if (other != entry && chord_roster_is_in_ring(other)) {
            return true; /* a leaver stays then (C9) */
        }
    }
    return false;
}

/* C8: the only complete holder of a part is never excluded, unless data may be lost. */
static bool may_be_excluded(const struct chord_coordinator *coordinator,
                            const struct chord_roster_entry *entry) {
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
            chord_notify(coordinator, &notice);
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
    chord_change_note(coordinator, CHORD_COMMAND_EXCLUDE, &entry->member);
}

/* Excludes whom C8 allows to, and begins anew if that was anybody. */
enum chord_status chord_suspicion_judge(struct chord_coordinator *coordinator, uint64_t now_ticks) {
    bool any = false;
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->is_suspected && may_be_excluded(coordinator, entry)) {
            exclude(coordinator, entry);
            any = true;
        }
    }
    if (any) {
        chord_suspicion_shut_silent(
            coordinator); /* first, so that nothing of the change is queued for them */
    }
    return any ? chord_change_attempt(coordinator, now_ticks) : CHORD_OK;
}

/* --- suspicions of the detector --- */

/* The joining of a node that may never answer is off; one that was excluded begins anew when it is heard
 * again. */
static void cancel_join(struct chord_coordinator *coordinator, struct chord_roster_entry *entry) {
    if (entry->is_returning) {
        entry->state = CHORD_ROSTER_INVITED;
        return;
    }
    const struct chord_notice notice = {.kind = CHORD_NOTICE_CANCELLED,
                                        .epoch = coordinator->epoch,
                                        .first = entry->member,
                                        .cancelled = CHORD_COMMAND_JOIN};
    entry->state = CHORD_ROSTER_SPARE;
    chord_notify(coordinator, &notice);
}

static enum chord_status suspect(struct chord_coordinator *coordinator, uint32_t rank, uint64_t now_ticks) {
    const struct chord_notice notice = {
        .kind = CHORD_NOTICE_SUSPECTED,
        .epoch = coordinator->epoch,
        .suspicion = {.rank = rank,
                      .heard_ticks = coordinator->detector.ranks[rank].heard_ticks,
                      .judged_ticks = now_ticks}};
    chord_notify(coordinator, &notice);
    struct chord_roster_entry *of_rank = chord_roster_of_rank(&coordinator->roster, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        if (chord_roster_is_in_ring(&of_rank[v])) {
            of_rank[v].is_suspected = true;
        } else if (of_rank[v].state == CHORD_ROSTER_INVITED || of_rank[v].state == CHORD_ROSTER_WAITING) {
            cancel_join(coordinator, &of_rank[v]);
        }
    }
    chord_suspicion_shut_silent(coordinator);
    const enum chord_status status = chord_suspicion_judge(coordinator, now_ticks);
    if (coordinator->phase == CHORD_COORDINATOR_IDLE) {
        chord_tell_outsiders(coordinator);
    }
    return status;
}

enum chord_status chord_coordinator_failed(struct chord_coordinator *coordinator, uint32_t rank,
                                           uint64_t now_ticks) {
    return chord_detector_fail(&coordinator->detector, rank) ? suspect(coordinator, rank, now_ticks) : CHORD_OK;
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
    struct chord_roster_entry *of_rank = chord_roster_of_rank(&coordinator->roster, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        struct chord_roster_entry *entry = &of_rank[v];
        const bool is_coming = entry->state == CHORD_ROSTER_RETURNING ||
                               entry->state == CHORD_ROSTER_INVITED || entry->state == CHORD_ROSTER_WAITING;
        entry->stays_out = !is_coming && entry->state != CHORD_ROSTER_SPARE;
        if (is_coming) {
            entry->state = CHORD_ROSTER_SPARE;
            entry->is_returning = false;
            entry->is_to_be_told = true;
        }
    }
    if (coordinator->phase == CHORD_COORDINATOR_IDLE) {
        chord_tell_outsiders(coordinator); /* with the end of a change else; an INVITE waits for it */
    }
}

enum chord_status chord_coordinator_heard(struct chord_coordinator *coordinator, uint32_t rank,
                                          bool is_heartbeat, uint64_t now_ticks) {
    const uint64_t heard_ticks = coordinator->detector.ranks[rank].heard_ticks;
    if (rank == coordinator->address.rank ||
        __builtin_expect(!chord_detector_heard(&coordinator->detector, rank, is_heartbeat, now_ticks), 1)) {
        return CHORD_OK;
    }
    const struct chord_notice notice = {
        .kind = CHORD_NOTICE_HEARD,
        .epoch = coordinator->epoch,
        .suspicion = {.rank = rank, .heard_ticks = heard_ticks, .judged_ticks = now_ticks}};
    chord_notify(coordinator, &notice);
    struct chord_roster_entry *of_rank = chord_roster_of_rank(&coordinator->roster, rank);
    for (uint32_t v = 0; v < coordinator->roster.virtual_node_count; v++) {
        of_rank[v].is_suspected = false; /* C8 has kept it */
        of_rank[v].is_to_be_told |=
            !chord_roster_is_in_ring(&of_rank[v]); /* that it was excluded, or isn't expected any more */
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
