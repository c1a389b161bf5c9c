#include "chord/member/coordinator.h"

#include "chord/base/check.h"
#include "chord/member/change.h"
#include "chord/member/suspicion.h"
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
    coordinator->shut.is_shut =
        chord_allocate(allocator, config->rank_count * sizeof *coordinator->shut.is_shut);
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

/* --- C7: what waits --- */

/* Nodes of one rank that were invited together join together: none before all of them have found their place.
 */
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
    return chord_change_attempt(coordinator, now_ticks);
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
    return what == CHORD_COMMAND_EXCLUDE ? chord_suspicion_judge(coordinator, now_ticks) : CHORD_OK;
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
        chord_notify(coordinator, &notice);
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
        const uint32_t count = chord_change_chain_in_view(coordinator, owner);
        if (chord_parts_add(&coordinator->parts, view->members[chord_view_before(view, owner)].id,
                            view->members[owner].id, &part) != CHORD_OK ||
            chord_part_set_chain(part, coordinator->parts.allocator, coordinator->scratch, count) !=
                CHORD_OK) {
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
        const enum chord_status status = chord_change_install(coordinator, part);
        if (status != CHORD_OK) {
            return status;
        }
    }
    return CHORD_OK;
}

static enum chord_status receive_register(struct chord_coordinator *coordinator,
                                          const struct chord_message *message) {
    const struct chord_member *member = &message->registration.member;
    struct chord_roster_entry *entry = chord_roster_at(&coordinator->roster, member->address);
    if (coordinator->phase != CHORD_COORDINATOR_GATHERING || entry->state != CHORD_ROSTER_ABSENT) {
        return CHORD_UNEXPECTED;
    }
    *entry = (struct chord_roster_entry){.member = *member, .state = CHORD_ROSTER_SPARE};
    coordinator->registered_count++;
    return coordinator->registered_count == coordinator->roster.count ? form(coordinator) : CHORD_OK;
}

static enum chord_status receive_join(struct chord_coordinator *coordinator,
                                      const struct chord_message *message) {
    const struct chord_member *member = &message->registration.member;
    struct chord_roster_entry *entry = chord_roster_at(&coordinator->roster, member->address);
    const bool is_invited = entry->state == CHORD_ROSTER_INVITED;
    const bool is_back =
        entry->state == CHORD_ROSTER_RETURNING && member->incarnation > entry->member.incarnation;
    if (!chord_id_equal(member->id, entry->member.id)) {
        return CHORD_UNEXPECTED;
    }
    if (!is_invited && !is_back) {
        return CHORD_STALE; /* repeated, since it was told of a new contact; or its joining was cancelled
                               meanwhile */
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
    return chord_part_is_wedged(part) ? chord_change_install(coordinator, part) : CHORD_OK;
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
        if (chord_change_commit_arc(coordinator, part->arc_start, &owner, now_ticks) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    if (!chord_change_is_under_way(coordinator)) {
        chord_change_finish(coordinator, now_ticks);
    }
    return chord_suspicion_judge(coordinator, now_ticks);
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
    chord_change_settle(coordinator, now_ticks);
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
        if ((entry->state != CHORD_ROSTER_SPARE && entry->state != CHORD_ROSTER_MEMBER) ||
            entry->wants_to_depart) {
            return false;
        }
    }
    return true;
}
