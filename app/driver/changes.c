#include "app/driver/changes.h"

#include "app/driver/grown.h"
#include "app/measure/moved.h"
#include "chord/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The windows beside a change are as long as it was, and at least so long: a view change lasts about a millisecond, in
 * which a client with a small window has only a few answers. */
#define WINDOW_NS_MIN UINT64_C(20000000)
#define MORE " ..."

static uint32_t node_count_of(const struct changes *changes) {
    return changes->config->rank_count * changes->config->virtual_node_count;
}

enum chord_status changes_init(struct changes *changes) {
    const uint32_t node_count = node_count_of(changes);
    changes->keys[0] = calloc(node_count, sizeof *changes->keys[0]);
    changes->keys[1] = calloc(node_count, sizeof *changes->keys[1]);
    if (changes->keys[0] == NULL || changes->keys[1] == NULL ||
        ring_init(&changes->began_as, node_count) != CHORD_OK || ring_init(&changes->replayed, node_count) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

void changes_forget(struct changes *changes) {
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->items[i].members);
    }
    changes->count = 0;
    changes->pending_count = 0;
}

void changes_clear(struct changes *changes) {
    changes_forget(changes);
    free(changes->items);
    free(changes->pending);
    free(changes->keys[0]);
    free(changes->keys[1]);
    ring_clear(&changes->began_as);
    ring_clear(&changes->replayed);
    *changes = (struct changes){0};
}

/* --- events --- */

void changes_begin(struct changes *changes) {
    changes_forget(changes);
    ring_copy(&changes->began_as, changes->ring);
    changes->has_keys_before = false;
}

void changes_start(struct changes *changes, uint64_t start_ns) {
    changes->start_ns = start_ns;
}

static struct result_change *add_item(struct changes *changes, uint64_t at_ns) {
    changes->items =
        grown(changes->items, &changes->capacity, changes->count + 1, sizeof *changes->items);
    struct result_change *item = &changes->items[changes->count++];
    *item = (struct result_change){
        .at_ns = at_ns, .throughput_before = -1, .throughput_during = -1, .throughput_after = -1};
    return item;
}

/* Adds a trigger to those that the change has, or a mark that there are more. */
static void add_trigger(struct result_change *item, const char *text) {
    const size_t room = sizeof item->trigger - sizeof MORE;
    const size_t used = strlen(item->trigger);
    const bool cut = used >= sizeof MORE && strcmp(item->trigger + used - (sizeof MORE - 1), MORE) == 0;
    if (cut) {
        return;
    }
    if (used + 1 + strlen(text) <= room) {
        snprintf(item->trigger + used, sizeof item->trigger - used, "%s%s", used > 0 ? " " : "", text);
    } else if (used > 0) {
        memcpy(item->trigger + used, MORE, sizeof MORE);
    } else {
        snprintf(item->trigger, sizeof item->trigger, "%.*s...", (int)room, text);
    }
}

void changes_refuse(struct changes *changes, const struct schedule_event *event, uint64_t at_ns, const char *reason) {
    struct result_change *item = add_item(changes, at_ns);
    item->refused = true;
    add_trigger(item, event->text);
    snprintf(item->reason, sizeof item->reason, "%s", reason);
}

static struct chord_address address_of(const struct changes *changes, const struct schedule_event *event) {
    struct chord_address address = event->address;
    if (event->names_rank || changes->config->virtual_node_count == 1) {
        address.virtual_node = CHORD_ALL_NODES;
    }
    return address;
}

/* Of a join or a departure. */
static enum chord_command command_of(const struct schedule_event *event) {
    return event->what == SCHEDULE_JOIN ? CHORD_COMMAND_JOIN : CHORD_COMMAND_DEPART;
}

void changes_ask(struct changes *changes, const struct schedule_event *event, uint64_t now_ns) {
    const struct chord_address address = address_of(changes, event);
    const uint64_t at_ns = now_ns - changes->start_ns;
    const enum chord_status status = chord_peer_command(&changes->runtime->peer, command_of(event), address, now_ns);
    if (status != CHORD_OK) {
        changes_refuse(changes, event, at_ns, chord_status_text(status));
        return;
    }
    changes->pending =
        grown(changes->pending, &changes->pending_capacity, changes->pending_count + 1, sizeof *changes->pending);
    const bool all = address.virtual_node == CHORD_ALL_NODES;
    changes->pending[changes->pending_count++] = (struct changes_pending){
        .event = event, .at_ns = at_ns, .missing_count = all ? changes->config->virtual_node_count : 1};
}

/* --- notices --- */

/* Whether the command that waits asked for this. */
static bool asked_for(const struct changes *changes, const struct changes_pending *pending,
                      enum chord_command what, struct chord_address node) {
    const struct chord_address address = address_of(changes, pending->event);
    return command_of(pending->event) == what && address.rank == node.rank &&
           (address.virtual_node == CHORD_ALL_NODES || address.virtual_node == node.virtual_node);
}

static void forget_pending(struct changes *changes, size_t index) {
    changes->pending_count--;
    memmove(&changes->pending[index], &changes->pending[index + 1],
            (changes->pending_count - index) * sizeof *changes->pending);
}

/* Finds out which commands a change carries out. */
static void assign_triggers(struct changes *changes, struct result_change *item) {
    item->at_ns = UINT64_MAX;
    for (size_t i = 0; i < changes->pending_count;) {
        struct changes_pending *pending = &changes->pending[i];
        uint32_t done = 0;
        for (uint32_t m = 0; m < item->change.member_count; m++) {
            done += asked_for(changes, pending, item->members[m].what, item->members[m].member.address);
        }
        if (done > 0) {
            add_trigger(item, pending->event->text);
            item->at_ns = pending->at_ns < item->at_ns ? pending->at_ns : item->at_ns;
            pending->missing_count -= done < pending->missing_count ? done : pending->missing_count;
        }
        if (pending->missing_count == 0) {
            forget_pending(changes, i);
        } else {
            i++;
        }
    }
    if (item->at_ns == UINT64_MAX) { /* nobody asked: a rank died, or a node that was excluded came back */
        item->at_ns = item->change.started_ticks;
    }
}

static uint64_t since(uint64_t ticks, uint64_t start_ns) {
    return ticks > start_ns ? ticks - start_ns : 0;
}

static void note_changed(struct changes *changes, const struct chord_change *change) {
    struct result_change *item = add_item(changes, 0);
    item->change = *change;
    item->change.members = NULL;
    item->change.started_ticks = since(change->started_ticks, changes->start_ns);
    item->change.ended_ticks = since(change->ended_ticks, changes->start_ns);
    item->members = calloc(change->member_count + 1, sizeof *item->members);
    chord_check(item->members != NULL);
    if (change->member_count > 0) {
        memcpy(item->members, change->members, change->member_count * sizeof *item->members);
    }
    assign_triggers(changes, item);
}

/* Changes that follow each other closely settle together, as the last one. */
static void note_settled(struct changes *changes, const struct chord_settled *settled) {
    for (size_t i = 0; i < changes->count; i++) {
        struct result_change *item = &changes->items[i];
        if (!item->refused && !item->settled && item->change.epoch <= settled->epoch) {
            item->settled = true;
            item->routing = *settled;
        }
    }
}

/* What was accepted for a member is off after all. */
static void note_cancelled(struct changes *changes, enum chord_command what, const struct chord_member *member,
                           const char *reason) {
    for (size_t i = 0; i < changes->pending_count; i++) {
        if (asked_for(changes, &changes->pending[i], what, member->address)) {
            changes_refuse(changes, changes->pending[i].event, changes->pending[i].at_ns, reason);
            forget_pending(changes, i);
            return;
        }
    }
}

void changes_notice(struct changes *changes, const struct chord_notice *notice) {
    switch (notice->kind) {
    case CHORD_NOTICE_CHANGED:
        ring_apply(changes->ring, notice->change.members, notice->change.member_count);
        note_changed(changes, &notice->change);
        return;
    case CHORD_NOTICE_SETTLED:
        note_settled(changes, &notice->settled);
        return;
    case CHORD_NOTICE_CANCELLED:
        note_cancelled(changes, notice->cancelled, &notice->first,
                       notice->cancelled == CHORD_COMMAND_DEPART
                           ? "accepted, then cancelled: it would have been the last member"
                           : "accepted, then cancelled: nothing is heard of it any more");
        return;
    case CHORD_NOTICE_DUPLICATE_ID:
        note_cancelled(changes, CHORD_COMMAND_JOIN, &notice->second, "another node has its id");
        return;
    case CHORD_NOTICE_FORMED:
    case CHORD_NOTICE_SUSPECTED:
    case CHORD_NOTICE_HEARD:
    case CHORD_NOTICE_LOST:
    case CHORD_NOTICE_SHUT:
    case CHORD_NOTICE_OPENED:
        return;
    }
}

/* --- figures --- */

static void on_keys(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct changes *changes = context;
    uint64_t *keys = changes->keys[changes->keys_asked];
    chord_check(size == node_count_of(changes) * sizeof *keys);
    for (uint32_t i = 0; i < node_count_of(changes); i++) {
        uint64_t count;
        memcpy(&count, bytes + i * sizeof count, sizeof count);
        keys[i] += count;
    }
}

bool changes_count_keys(struct changes *changes, struct commander *commander, bool after) {
    const uint32_t node_count = node_count_of(changes);
    struct chord_id *ids = calloc(node_count, sizeof *ids);
    chord_check(ids != NULL);
    for (uint32_t i = 0; i < node_count; i++) {
        ids[i] = changes->ring->nodes[i].member.id;
    }
    changes->keys_asked = after;
    memset(changes->keys[after], 0, node_count * sizeof *changes->keys[after]);
    const bool told = commander_ask_all(commander, "counting the keys in each part of the ring", COMMAND_KEYS, ids,
                                        node_count * sizeof *ids, on_keys, changes);
    free(ids);
    changes->has_keys_before |= !after;
    return told;
}

/* Of the node's part of the ring, the larger number that was counted in this phase. */
static uint64_t keys_of(const struct changes *changes, uint32_t node) {
    const uint64_t before = changes->has_keys_before ? changes->keys[0][node] : 0;
    return before > changes->keys[1][node] ? before : changes->keys[1][node];
}

/* Keys in (start, end], where both are ids of nodes: moved_key_count. */
static uint64_t count_keys(void *context, struct chord_id start, struct chord_id end) {
    const struct changes *changes = context;
    uint64_t count = 0;
    for (uint32_t i = 0; i < changes->ring->node_count; i++) {
        if (chord_id_in_open_closed(start, changes->ring->nodes[i].member.id, end)) {
            count += keys_of(changes, i);
        }
    }
    return count;
}

struct id_list {
    struct chord_id *ids;
    uint32_t *ranks;
};

static struct moved_ring list_ring(const struct ring *ring, struct id_list *list) {
    for (uint32_t i = 0; i < ring->member_count; i++) {
        list->ids[i] = ring->members[i].id;
        list->ranks[i] = ring->members[i].address.rank;
    }
    return (struct moved_ring){.ids = list->ids, .ranks = list->ranks, .count = ring->member_count};
}

static struct id_list make_list(uint32_t count) {
    const struct id_list list = {.ids = calloc(count, sizeof *list.ids), .ranks = calloc(count, sizeof *list.ranks)};
    chord_check(list.ids != NULL && list.ranks != NULL);
    return list;
}

/* Goes through the phase's rings, in the order of the notices. */
static void expect_pairs(struct changes *changes, bool is_exact) {
    const struct chord_config *config = changes->config;
    struct id_list before_list = make_list(node_count_of(changes));
    struct id_list after_list = make_list(node_count_of(changes));
    const uint64_t windows = (uint64_t)config->rank_count * config->window;
    ring_copy(&changes->replayed, &changes->began_as);
    for (size_t i = 0; i < changes->count; i++) {
        struct result_change *item = &changes->items[i];
        if (item->refused) {
            continue;
        }
        const struct moved_ring before = list_ring(&changes->replayed, &before_list);
        ring_apply(&changes->replayed, item->members, item->change.member_count);
        const struct moved_ring after = list_ring(&changes->replayed, &after_list);
        struct moved moved;
        chord_check(moved_by_arcs(&before, &after, config->replica_count, count_keys, changes, &moved, NULL) ==
                    CHORD_OK);
        item->expected_pair_count = moved.pair_count;
        item->expected_is_exact = is_exact;
        item->unanswered_pair_count = windows * config->replica_count;
        if (config->consistency == CHORD_EVENTUAL) {
            item->unanswered_pair_count +=
                (uint64_t)item->change.arc_count * config->unacknowledged_count_max * config->replica_count;
        }
    }
    free(before_list.ids);
    free(before_list.ranks);
    free(after_list.ids);
    free(after_list.ranks);
}

/* Operations/s in a window of the timed part; negative if nothing of it lies there. */
static double rate(const struct result_phase *phase, uint64_t from_ns, uint64_t to_ns) {
    const uint64_t end_ns = to_ns < phase->elapsed_ns ? to_ns : phase->elapsed_ns;
    return timeline_throughput_per_second(&phase->timeline, from_ns, end_ns);
}

static void measure_rates(struct result_change *item, const struct result_phase *phase) {
    const uint64_t start_ns = item->change.started_ticks;
    const uint64_t end_ns = item->change.ended_ticks;
    const uint64_t width_ns = end_ns - start_ns > WINDOW_NS_MIN ? end_ns - start_ns : WINDOW_NS_MIN;
    item->throughput_before = rate(phase, start_ns > width_ns ? start_ns - width_ns : 0, start_ns);
    item->throughput_during = rate(phase, start_ns, end_ns);
    item->throughput_after = rate(phase, end_ns, end_ns + width_ns);
}

static bool has_constant_keys(const struct changes *changes, const struct result_phase *phase) {
    const struct metrics *metrics = &phase->metrics;
    return changes->has_keys_before && metrics->outcomes[CHORD_INSERT][CHORD_INSERTED] == 0 &&
           metrics->outcomes[CHORD_DELETE][CHORD_DELETED] == 0 &&
           memcmp(changes->keys[0], changes->keys[1], node_count_of(changes) * sizeof *changes->keys[0]) == 0;
}

static int compare_items(const void *a, const void *b) {
    const struct result_change *first = a;
    const struct result_change *second = b;
    if (first->at_ns != second->at_ns) {
        return first->at_ns < second->at_ns ? -1 : 1;
    }
    return (first->change.epoch > second->change.epoch) - (first->change.epoch < second->change.epoch);
}

void changes_measure(struct changes *changes, struct result_phase *phase) {
    for (size_t i = 0; i < changes->pending_count; i++) {
        changes_refuse(changes, changes->pending[i].event, changes->pending[i].at_ns,
                    "accepted, but not carried out before the ring was quiet");
    }
    changes->pending_count = 0;
    if (changes_any(changes)) {
        expect_pairs(changes, has_constant_keys(changes, phase));
    }
    for (size_t i = 0; i < changes->count; i++) {
        if (!changes->items[i].refused) {
            measure_rates(&changes->items[i], phase);
        }
    }
    if (changes->count > 0) {
        qsort(changes->items, changes->count, sizeof *changes->items, compare_items);
    }
    phase->changes = changes->items;
    phase->change_count = (uint32_t)changes->count;
}

bool changes_any(const struct changes *changes) {
    for (size_t i = 0; i < changes->count; i++) {
        if (!changes->items[i].refused) {
            return true;
        }
    }
    return false;
}
