#include "app/driver/membership.h"

#include "chord/peer.h"

/* Whether the command that waits asked for this. */
static bool asked_for(const struct membership *membership, enum chord_command what, struct chord_address node) {
    return membership->what == what && membership->node.rank == node.rank &&
           (membership->node.virtual_node == CHORD_ALL_NODES || membership->node.virtual_node == node.virtual_node);
}

static bool is_over(const struct membership *membership) {
    return membership->missing_count == 0 && (membership->change_count == 0 || membership->is_settled);
}

enum membership_result membership_change(struct membership *membership, struct commander *commander,
                                         enum chord_command what, struct chord_address node,
                                         uint32_t virtual_node_count, const char **reason) {
    struct runtime *runtime = commander->runtime;
    const uint32_t count = node.virtual_node == CHORD_ALL_NODES ? virtual_node_count : 1;
    const enum chord_status status = chord_peer_command(&runtime->peer, what, node, runtime->now_ns);
    *membership = (struct membership){.what = what, .node = node, .node_count = count, .missing_count = count};
    if (status != CHORD_OK) {
        *reason = chord_status_text(status);
        return MEMBERSHIP_REFUSED;
    }
    /* Nothing is carried out before the next tick, so no notice was missed. */
    membership->waiting = true;
    commander_begin(commander, what == CHORD_COMMAND_JOIN ? "a node joins" : "a node departs", NULL, NULL);
    bool going = true;
    while (going && !is_over(membership)) {
        going = commander_turn(commander);
    }
    membership->waiting = false;
    if (!going) {
        return MEMBERSHIP_STUCK;
    }
    if (membership->cancelled_count == count) {
        *reason = chord_status_text(CHORD_LAST_MEMBER);
        return MEMBERSHIP_REFUSED;
    }
    return MEMBERSHIP_CHANGED;
}

static void note_changed(struct membership *membership, const struct chord_change *change) {
    struct chord_change *sum = &membership->sum;
    membership->change_count++;
    membership->is_settled = false;
    sum->epoch = change->epoch;
    sum->attempt_count += change->attempt_count;
    sum->arc_count += change->arc_count;
    sum->message_count += change->message_count;
    sum->pair_count += change->pair_count;
    sum->pair_bytes += change->pair_bytes;
    sum->wedged_ticks_sum += change->wedged_ticks_sum;
    if (change->wedged_ticks_max > sum->wedged_ticks_max) {
        sum->wedged_ticks_max = change->wedged_ticks_max;
    }
    for (uint32_t i = 0; i < change->member_count; i++) {
        membership->missing_count -= asked_for(membership, change->members[i].what, change->members[i].member.address);
    }
}

void membership_notice(struct membership *membership, const struct chord_notice *notice) {
    if (!membership->waiting) {
        return;
    }
    switch (notice->kind) {
    case CHORD_NOTICE_CHANGED:
        note_changed(membership, &notice->change);
        return;
    case CHORD_NOTICE_SETTLED:
        membership->is_settled = notice->settled.epoch >= membership->sum.epoch;
        membership->settled = notice->settled;
        return;
    case CHORD_NOTICE_CANCELLED:
        if (asked_for(membership, notice->cancelled, notice->first.address)) {
            membership->cancelled_count++;
            membership->missing_count--;
        }
        return;
    case CHORD_NOTICE_FORMED:
    case CHORD_NOTICE_DUPLICATE_ID:
    case CHORD_NOTICE_SUSPECTED:
    case CHORD_NOTICE_HEARD:
    case CHORD_NOTICE_LOST:
    case CHORD_NOTICE_SHUT:
    case CHORD_NOTICE_OPENED:
        return;
    }
}
