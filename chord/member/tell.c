#include "chord/member/tell.h"

#include <string.h>

void chord_notify(const struct chord_coordinator *coordinator, const struct chord_notice *notice) {
    const struct chord_sink *sink = coordinator->environment->sink;
    sink->notice(sink->context, notice);
}

void chord_tell(struct chord_coordinator *coordinator, struct chord_message message,
                struct chord_address address) {
    message.from = coordinator->address;
    message.to = address;
    coordinator->change.message_count++;
    chord_send(coordinator->environment, &message);
}

/* Length of the successor list in a view, or of the whole table with one-hop routing. */
static uint32_t neighbour_count(const struct chord_coordinator *coordinator, const struct chord_view *view) {
    const struct chord_config *config = coordinator->environment->config;
    const uint32_t others = view->member_count > 1 ? view->member_count - 1 : 1;
    const uint32_t wanted = config->routing == CHORD_ROUTING_ONEHOP ? others : config->successor_count;
    return wanted < others ? wanted : others;
}

/* Whether a member's neighbours are the ones that it was told last. */
static bool knows_neighbours(const struct chord_coordinator *coordinator, uint32_t index) {
    const struct chord_view *view = &coordinator->view;
    const struct chord_view *told = &coordinator->told;
    uint32_t before = 0;
    while (before < told->member_count &&
           !chord_member_equal(&told->members[before], &view->members[index])) {
        before++;
    }
    const uint32_t count = neighbour_count(coordinator, view);
    if (before == told->member_count || count != neighbour_count(coordinator, told) ||
        !chord_member_equal(&told->members[chord_view_before(told, before)],
                            &view->members[chord_view_before(view, index)])) {
        return false;
    }
    for (uint32_t i = 1; i <= count; i++) {
        if (!chord_member_equal(&told->members[(before + i) % told->member_count],
                                &view->members[(index + i) % view->member_count])) {
            return false;
        }
    }
    return true;
}

/* Predecessor and successor list to the members whose own have changed, and to those whose SETTLED is
 * awaited, since it means that they have heard of the change's end; with one-hop routing, to all. */
void chord_tell_neighbours(struct chord_coordinator *coordinator) {
    struct chord_view *view = &coordinator->view;
    const uint32_t count = neighbour_count(coordinator, view);
    for (uint32_t index = 0; index < view->member_count; index++) {
        if (knows_neighbours(coordinator, index) &&
            chord_roster_at(&coordinator->roster, view->members[index].address)->settle_epoch == 0) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            coordinator->scratch[i] = view->members[(index + 1 + i) % view->member_count];
        }
        struct chord_message message = {.type = CHORD_MESSAGE_NEIGHBOURS};
        message.neighbours =
            (struct chord_neighbours){.epoch = coordinator->epoch,
                                      .predecessor = view->members[chord_view_before(view, index)],
                                      .successors = {.array = coordinator->scratch, .count = count}};
        chord_tell(coordinator, message, view->members[index].address);
    }
    memcpy(coordinator->told.members, view->members, view->member_count * sizeof *view->members);
    coordinator->told.member_count = view->member_count;
}

/* A member that a node outside the ring may turn to: one of all, so that not all turn to one. */
static struct chord_member contact_for(const struct chord_coordinator *coordinator,
                                       struct chord_address address) {
    return coordinator->view.members[address.rank % coordinator->view.member_count];
}

void chord_tell_spare(struct chord_coordinator *coordinator, struct chord_roster_entry *entry) {
    struct chord_message message = {.type = CHORD_MESSAGE_SPARE};
    entry->contact = contact_for(coordinator, entry->member.address);
    message.spare = (struct chord_spare){.epoch = coordinator->epoch, .contact = entry->contact};
    chord_tell(coordinator, message, entry->member.address);
}

static void tell_excluded(struct chord_coordinator *coordinator, struct chord_roster_entry *entry) {
    struct chord_message message = {.type = CHORD_MESSAGE_EXCLUDED};
    entry->contact = contact_for(coordinator, entry->member.address);
    message.excluded = (struct chord_excluded){
        .incarnation = entry->member.incarnation, .rejoin = !entry->stays_out, .contact = entry->contact};
    chord_tell(coordinator, message, entry->member.address);
    entry->is_returning = !entry->stays_out;
    entry->state = entry->stays_out ? CHORD_ROSTER_SPARE : CHORD_ROSTER_RETURNING;
    entry->stays_out = false;
}

static void tell_outsider(struct chord_coordinator *coordinator, struct chord_roster_entry *entry) {
    const struct chord_message invitation = {.type = CHORD_MESSAGE_INVITE};
    switch (entry->state) {
    case CHORD_ROSTER_EXCLUDED:
        tell_excluded(coordinator, entry);
        return;
    case CHORD_ROSTER_SPARE:
    case CHORD_ROSTER_WAITING:
        chord_tell_spare(coordinator, entry);
        return;
    case CHORD_ROSTER_RETURNING: /* perhaps it never heard that it was excluded */
        tell_excluded(coordinator, entry);
        chord_tell_spare(coordinator, entry);
        chord_tell(coordinator, invitation, entry->member.address);
        return;
    case CHORD_ROSTER_INVITED:
        chord_tell_spare(coordinator, entry);
        chord_tell(coordinator, invitation, entry->member.address);
        return;
    default:
        return; /* in the ring, or on its way into it */
    }
}

void chord_tell_outsiders(struct chord_coordinator *coordinator) {
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        if (entry->is_to_be_told && !chord_reach_is_shut(&coordinator->shut, entry->member.address.rank)) {
            entry->is_to_be_told = false;
            tell_outsider(coordinator, entry);
        }
    }
}

static void tell_reach(struct chord_coordinator *coordinator, enum chord_message_type type, uint32_t rank,
                       uint32_t to) {
    struct chord_message message = {.type = type};
    message.reach.rank = rank;
    chord_tell(coordinator, message, (struct chord_address){.rank = to});
}

void chord_tell_reach(struct chord_coordinator *coordinator, enum chord_message_type type, uint32_t rank) {
    for (uint32_t to = 0; to < coordinator->environment->config->rank_count; to++) {
        if (to != rank && !chord_reach_is_shut(&coordinator->shut, to)) {
            tell_reach(coordinator, type, rank, to);
        }
    }
}

void chord_tell_all_reach(struct chord_coordinator *coordinator, uint32_t rank) {
    for (uint32_t other = 0; other < coordinator->environment->config->rank_count; other++) {
        const bool is_shut = chord_reach_is_shut(&coordinator->shut, other);
        tell_reach(coordinator, is_shut ? CHORD_MESSAGE_SHUT : CHORD_MESSAGE_OPEN, other, rank);
    }
}
