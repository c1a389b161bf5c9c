#include "tests/sim/invariants.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

void invariants_init(struct invariants *invariants) {
    *invariants = (struct invariants){0};
}

void invariants_clear(struct invariants *invariants) {
    for (size_t i = 0; i < invariants->chain_count; i++) {
        free(invariants->chains[i].contents);
    }
    free(invariants->chains);
}

static uint32_t index_of_address(const struct cluster *cluster, struct chord_address address) {
    return address.rank * cluster->config.virtual_node_count + address.virtual_node;
}

static uint32_t index_of_id(const struct cluster *cluster, struct chord_id id) {
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        if (chord_id_equal(cluster->ids[i], id)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static const struct chord_node *node_at(const struct cluster *cluster, struct chord_address address) {
    return cluster_node(cluster, index_of_address(cluster, address));
}

static const struct chord_arc *arc_ending_at(const struct chord_node *node, struct chord_id end) {
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        if (chord_id_equal(node->arcs.items[i].end, end)) {
            return &node->arcs.items[i];
        }
    }
    return NULL;
}

static const struct chord_arc *arc_holding(const struct chord_node *node, struct chord_id id) {
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        if (chord_id_in_open_closed(node->arcs.items[i].start, id, node->arcs.items[i].end)) {
            return &node->arcs.items[i];
        }
    }
    return NULL;
}

static bool is_dead(const struct cluster *cluster, struct chord_address address) {
    return cluster->is_dead[address.rank];
}

/* Whether an incarnation of a node counts: the coordinator hasn't excluded it or let it go. */
static bool is_current(const struct cluster *cluster, const struct chord_member *member) {
    const struct chord_roster_entry *entry = cluster_roster(cluster, index_of_address(cluster, member->address));
    return entry->member.incarnation == member->incarnation &&
           (entry->state == CHORD_ROSTER_MEMBER || entry->state == CHORD_ROSTER_JOINING ||
            entry->state == CHORD_ROSTER_LEAVING);
}

static uint64_t contents_of(const struct chord_arc *arc) {
    return chord_store_digest(&arc->store).copies + 1; /* 0 is "not known" */
}

/* --- I1: one ordered chain per (arc, epoch) --- */

/* The record of an installed arc's chain, made if it is new. */
static struct invariants_chain *chain_of(struct invariants *invariants, struct cluster *cluster,
                                         const struct chord_arc *arc) {
    const uint32_t end = index_of_id(cluster, arc->end);
    for (size_t i = invariants->chain_count; i-- > 0;) {
        if (invariants->chains[i].end == end && invariants->chains[i].epoch == arc->epoch) {
            return &invariants->chains[i];
        }
    }
    if (invariants->chain_count == invariants->chain_capacity) {
        invariants->chain_capacity = 2 * invariants->chain_capacity + 64;
        invariants->chains = realloc(invariants->chains, invariants->chain_capacity * sizeof *invariants->chains);
        chord_check(invariants->chains != NULL);
    }
    struct invariants_chain *chain = &invariants->chains[invariants->chain_count++];
    memset(chain, 0, sizeof *chain);
    chain->end = end;
    chain->epoch = arc->epoch;
    chain->member_count = arc->chain_count;
    for (uint32_t i = 0; i < arc->chain_count; i++) {
        chain->members[i] = arc->chain[i];
        chain->wedged_ticks[i] = UINT64_MAX;
    }
    return chain;
}

static uint32_t position_in(const struct invariants_chain *chain, const struct chord_member *member) {
    for (uint32_t i = 0; i < chain->member_count; i++) {
        if (chord_address_equal(chain->members[i].address, member->address) &&
            chain->members[i].incarnation == member->incarnation) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void check_chain(const struct invariants_chain *chain, struct cluster *cluster, const struct chord_arc *arc) {
    bool same = arc->chain_count == chain->member_count;
    for (uint32_t i = 0; same && i < arc->chain_count; i++) {
        same = chord_address_equal(arc->chain[i].address, chain->members[i].address) &&
               arc->chain[i].incarnation == chain->members[i].incarnation;
    }
    if (!same) {
        cluster_break(cluster, "I1", "the arc of node %u has two chains in epoch %u", chain->end, chain->epoch);
    }
}

/* --- I2: no two epochs ACTIVE for one arc among members --- */

static void check_active(struct cluster *cluster, uint32_t member, const struct chord_arc *arc) {
    if (arc->status != CHORD_ARC_ACTIVE || chord_arc_is_wedged(arc) ||
        !is_current(cluster, &cluster_node(cluster, member)->self)) {
        return;
    }
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const struct chord_node *other = cluster_node(cluster, i);
        if (i == member || !is_current(cluster, &other->self)) {
            continue;
        }
        for (uint32_t a = 0; a < other->arcs.count; a++) {
            const struct chord_arc *twin = &other->arcs.items[a];
            const bool overlaps = chord_id_in_open_closed(arc->start, twin->end, arc->end) ||
                                  chord_id_in_open_closed(twin->start, arc->end, twin->end);
            if (overlaps && twin->status == CHORD_ARC_ACTIVE && !chord_arc_is_wedged(twin) &&
                twin->epoch != arc->epoch) {
                cluster_break(cluster, "I2", "nodes %u and %u serve the same ids in epochs %u and %u", member, i,
                              arc->epoch, twin->epoch);
            }
        }
    }
}

/* --- I3: what a member has applied is a prefix of what its predecessor has --- */

static void keep_contents(struct invariants_chain *chain, uint64_t counter, uint64_t contents) {
    if (counter >= chain->contents_count) {
        chain->contents = realloc(chain->contents, (counter + 1) * sizeof *chain->contents);
        chord_check(chain->contents != NULL);
        while (chain->contents_count <= counter) {
            chain->contents[chain->contents_count++] = 0;
        }
    }
    chain->contents[counter] = contents;
}

static void note_head(struct invariants *invariants, struct cluster *cluster, const struct chord_message *message) {
    const struct chord_node *node = node_at(cluster, message->from);
    const struct chord_arc *arc = arc_holding(node, message->chain.request.key_id);
    if (message->chain.request.kind == CHORD_QUERY || message->chain.duplicate || arc == NULL ||
        arc->position != 0) {
        return;
    }
    struct invariants_chain *chain = chain_of(invariants, cluster, arc);
    const uint64_t counter = message->chain.version.counter;
    if (counter != arc->applied || message->chain.version.epoch != arc->epoch ||
        (counter < chain->contents_count && chain->contents[counter] != 0)) {
        cluster_break(cluster, "I3", "the head of node %u's arc sends write %u.%llu down as its write %llu",
                      chain->end, message->chain.version.epoch, (unsigned long long)counter,
                      (unsigned long long)arc->applied);
        return;
    }
    keep_contents(chain, counter, contents_of(arc));
}

static void check_prefix(struct invariants_chain *chain, struct cluster *cluster, uint32_t member,
                         const struct chord_arc *arc) {
    if (arc->status != CHORD_ARC_ACTIVE || arc->chain_count == 1 || chord_arc_is_wedged(arc)) {
        return;
    }
    if (arc->applied == 0 && (chain->contents_count == 0 || chain->contents[0] == 0)) {
        keep_contents(chain, 0, contents_of(arc));
    }
    if (arc->applied >= chain->contents_count || chain->contents[arc->applied] == 0) {
        cluster_break(cluster, "I3", "node %u has applied write %u.%llu of the arc of node %u before its head", member,
                      arc->epoch, (unsigned long long)arc->applied, chain->end);
        return;
    }
    if (contents_of(arc) != chain->contents[arc->applied]) {
        cluster_break(cluster, "I3", "node %u differs from the head of the arc of node %u after write %u.%llu", member,
                      chain->end, arc->epoch, (unsigned long long)arc->applied);
    }
}

/* --- I4: applied(i) = applied(i + 1) + in flight between --- */

/* New writes of the arc's epoch that are on their way from one node to another. */
static uint64_t count_in_flight(const struct cluster *cluster, const struct chord_arc *arc, struct chord_address from,
                                struct chord_address to) {
    uint64_t count = 0;
    for (size_t i = 0; i < cluster->network.count; i++) {
        if (cluster->network.messages[i].bytes == NULL || cluster->network.messages[i].from_rank != from.rank ||
            cluster->network.messages[i].to_rank != to.rank) {
            continue;
        }
        const struct chord_message message = network_decode(&cluster->network.messages[i]);
        count += message.type == CHORD_MESSAGE_CHAIN && chord_address_equal(message.from, from) &&
                 chord_address_equal(message.to, to) && message.chain.request.kind != CHORD_QUERY &&
                 !message.chain.duplicate && message.chain.epoch == arc->epoch &&
                 chord_id_in_open_closed(arc->start, message.chain.request.key_id, arc->end);
    }
    return count;
}

/* Holds while both are in the epoch; a member that hasn't heard of the commit yet has applied nothing of it. */
static void check_links(struct cluster *cluster, uint32_t owner, const struct chord_arc *arc, uint32_t member) {
    if (arc->status != CHORD_ARC_ACTIVE || chord_arc_is_wedged(arc) || arc->position + 1 >= arc->chain_count) {
        return;
    }
    const struct chord_member *next = &arc->chain[arc->position + 1];
    const struct chord_member *self = &arc->chain[arc->position];
    if (is_dead(cluster, self->address) || is_dead(cluster, next->address) || !is_current(cluster, self) ||
        !is_current(cluster, next)) {
        return; /* what was on its way may have been dropped */
    }
    const struct chord_node *below_node = node_at(cluster, next->address);
    const struct chord_arc *below = arc_ending_at(below_node, arc->end);
    if (below_node->self.incarnation != next->incarnation || below == NULL || below->epoch != arc->epoch ||
        chord_arc_is_wedged(below)) {
        return;
    }
    const uint64_t in_flight = count_in_flight(cluster, arc, arc->chain[arc->position].address, next->address);
    const uint64_t applied_below = below->status == CHORD_ARC_ACTIVE ? below->applied : 0;
    if (arc->applied != applied_below + in_flight) {
        cluster_break(cluster, "I4", "arc of node %u: node %u has applied %llu, the next %llu, %llu in flight", owner,
                      member, (unsigned long long)arc->applied, (unsigned long long)applied_below,
                      (unsigned long long)in_flight);
    }
    /* The acknowledgement comes from the tail: nobody knows of more than the next one has passed on. */
    if (arc->acknowledged > (below->status == CHORD_ARC_ACTIVE ? below->acknowledged : 0)) {
        cluster_break(cluster, "I4", "arc of node %u: node %u takes more for acknowledged than the next does", owner,
                      member);
    }
    if (arc->position == 0 && arc->log.count > cluster->config.unacknowledged_count_max) {
        cluster_break(cluster, "bound", "arc of node %u: %u writes unacknowledged", owner, arc->log.count);
    }
    if (arc->log.start + arc->log.count != arc->applied) {
        cluster_break(cluster, "M4", "arc of node %u: node %u can't undo all that may be unanswered", owner, member);
    }
}

/* --- after every event --- */

/* One arc of a node that has just handled an event. What it shares with the member before it may have changed, too. */
static void check_arc(struct invariants *invariants, struct cluster *cluster, uint32_t member,
                      const struct chord_arc *arc) {
    if (arc->chain == NULL) {
        return;
    }
    struct invariants_chain *chain = chain_of(invariants, cluster, arc);
    const uint32_t position = position_in(chain, &cluster_node(cluster, member)->self);
    check_chain(chain, cluster, arc);
    if (chord_arc_is_wedged(arc) && position != UINT32_MAX && chain->wedged_ticks[position] == UINT64_MAX) {
        chain->wedged_ticks[position] = cluster->now_ticks;
    }
    check_active(cluster, member, arc);
    check_prefix(chain, cluster, member, arc);
    check_links(cluster, chain->end, arc, member);
    if (arc->position > 0 && arc->position < arc->chain_count) {
        const uint32_t before = index_of_address(cluster, arc->chain[arc->position - 1].address);
        const struct chord_arc *above = arc_ending_at(cluster_node(cluster, before), arc->end);
        if (above != NULL && above->epoch == arc->epoch) {
            check_links(cluster, chain->end, above, before);
        }
    }
}

/* A step changes one rank's state and what is on its way to and from it: only its arcs need to be looked at again. */
void invariants_check_event(struct invariants *invariants, struct cluster *cluster) {
    if (cluster->stepped_rank == UINT32_MAX) {
        return;
    }
    const uint32_t virtual_nodes = cluster->config.virtual_node_count;
    for (uint32_t v = 0; v < virtual_nodes; v++) {
        const uint32_t member = cluster->stepped_rank * virtual_nodes + v;
        const struct chord_node *node = cluster_node(cluster, member);
        for (uint32_t a = 0; a < node->arcs.count; a++) {
            check_arc(invariants, cluster, member, &node->arcs.items[a]);
        }
    }
}

/* --- I5 and I8: at every answer of a linearizable ring --- */

static const struct chord_part *part_holding(const struct cluster *cluster, struct chord_id id) {
    const struct chord_parts *parts = &cluster->peers[cluster->config.coordinator_rank].coordinator.parts;
    for (uint32_t i = 0; i < parts->count; i++) {
        if (chord_id_in_open_closed(parts->items[i].start, id, parts->items[i].end)) {
            return &parts->items[i];
        }
    }
    return NULL;
}

/* Whether a node has recorded a write, or has been told that its client has the answer. */
static bool has_recorded(const struct chord_arc *arc, uint32_t client_rank, uint64_t seq) {
    struct chord_duplicates *duplicates = (struct chord_duplicates *)(uintptr_t)&arc->duplicates;
    return seq < chord_duplicates_watermark(duplicates, client_rank) ||
           chord_duplicates_find(duplicates, client_rank, seq) != NULL;
}

/* I5: what is answered is in every complete member. */
static void check_complete(struct cluster *cluster, struct chord_id key_id, uint32_t client_rank, uint64_t seq) {
    const struct chord_part *part = part_holding(cluster, key_id);
    for (uint32_t i = 0; part != NULL && i < part->holder_count; i++) {
        const struct chord_member *member = &part->holders[i].member;
        const struct chord_node *node = node_at(cluster, member->address);
        if (!part->holders[i].complete || node->self.incarnation != member->incarnation) {
            continue;
        }
        const struct chord_arc *arc = arc_holding(node, key_id);
        if (arc == NULL || !has_recorded(arc, client_rank, seq)) {
            cluster_break(cluster, "I5", "write %u#%llu is answered, but rank %u, complete, doesn't have it",
                          client_rank, (unsigned long long)seq, member->address.rank);
        }
    }
}

/* I8: each survivor was unwedged in the answer's epoch at some moment inside the operation. */
static void check_survivors(struct invariants *invariants, struct cluster *cluster, const struct chord_arc *arc,
                            uint64_t issued_ticks) {
    const struct invariants_chain *chain = chain_of(invariants, cluster, arc);
    for (uint32_t i = 0; i < chain->member_count; i++) {
        if (is_current(cluster, &chain->members[i]) && chain->wedged_ticks[i] < issued_ticks) {
            cluster_break(cluster, "I8", "an answer of epoch %u: rank %u was wedged before the operation began",
                          chain->epoch, chain->members[i].address.rank);
        }
    }
}

static void check_answer(struct invariants *invariants, struct cluster *cluster,
                         const struct chord_message *message) {
    const struct chord_client *client = &cluster->peers[message->to.rank].client;
    const struct chord_client_slot *slot = NULL;
    for (uint32_t i = 0; i < cluster->config.window; i++) {
        slot = client->slots[i].used && client->slots[i].seq == message->answer.seq ? &client->slots[i] : slot;
    }
    const struct chord_claim *claim = &message->answer.claim;
    if (slot != NULL && claim->epoch != 0 &&
        !chord_id_in_open_closed(claim->start, slot->operation.key_id, claim->owner.id)) {
        cluster_break(cluster, "cache", "rank %u answers with a claim to other ids than the key's", message->from.rank);
    }
    if (slot == NULL || cluster->config.consistency != CHORD_LINEARIZABLE || cluster->counts.lost_parts > 0) {
        return; /* answered before */
    }
    const struct chord_arc *arc = arc_holding(node_at(cluster, message->from), slot->operation.key_id);
    if (arc == NULL || arc->position + 1 != arc->chain_count || chord_arc_is_wedged(arc)) {
        cluster_break(cluster, "I5", "rank %u answers, but it isn't the tail", message->from.rank);
        return;
    }
    check_survivors(invariants, cluster, arc, slot->started_ticks);
    if (slot->operation.kind != CHORD_QUERY) {
        check_complete(cluster, slot->operation.key_id, message->to.rank, slot->seq);
    }
}

/* --- I6: a new chain starts with every acknowledged write --- */

static bool is_being_deleted(const struct cluster *cluster, uint32_t key) {
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        const struct cluster_client *client = &cluster->clients[rank];
        for (uint32_t i = 0; i < client->next; i++) {
            if (client->operations[i].key == key && client->operations[i].kind == CHORD_DELETE &&
                (!client->operations[i].completed || client->operations[i].outcome == CHORD_UNKNOWN)) {
                return true;
            }
        }
    }
    return false;
}

static void check_start(struct cluster *cluster, const struct chord_message *message) {
    const struct chord_node *node = node_at(cluster, message->to);
    for (uint32_t i = 0; i < cluster->key_count; i++) {
        const struct cluster_key *key = &cluster->keys[i];
        const bool present = key->any_answered && (key->answered_outcome == CHORD_INSERTED ||
                                                   key->answered_outcome == CHORD_UPDATED ||
                                                   key->answered_outcome == CHORD_FOUND);
        if (!present || is_being_deleted(cluster, i) ||
            !chord_id_in_open_closed(message->activate.start, key->id, message->activate.end)) {
            continue;
        }
        const struct chord_arc *arc = arc_holding(node, key->id);
        const struct chord_entry *entry =
            arc == NULL ? NULL : chord_store_find(&arc->store, key->id, key->bytes, key->size);
        if (entry == NULL || chord_version_compare(chord_entry_version(entry), key->answered) < 0) {
            cluster_break(cluster, "I6", "epoch %u begins at rank %u without write %u.%llu of %s, which is answered",
                          message->activate.epoch, message->to.rank, key->answered.epoch,
                          (unsigned long long)key->answered.counter, key->bytes);
        }
    }
}

/* --- M4: what a transfer takes --- */

/* In a view change that isn't interrupted a member of the last committed chain gets a delta, bounded by what is
 * unanswered; others get each pair once. */
static void check_transfer(struct cluster *cluster, const struct chord_message *message) {
    const struct chord_coordinator *coordinator = &cluster->peers[cluster->config.coordinator_rank].coordinator;
    const struct chord_part *part = NULL;
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        part = chord_id_equal(coordinator->parts.items[i].end, message->synced.end) ? &coordinator->parts.items[i]
                                                                                    : part;
    }
    if (part == NULL || coordinator->change.attempt_count != 1 || message->synced.piece_count == 0 ||
        part->installed_epoch != message->synced.epoch) {
        return;
    }
    bool was_member = false;
    for (uint32_t i = 0; i < part->committed_count; i++) {
        was_member |= chord_address_equal(part->committed[i].address, message->from) &&
                      part->committed[i].incarnation == message->synced.incarnation;
    }
    const struct chord_arc *arc = arc_ending_at(node_at(cluster, message->from), message->synced.end);
    const uint64_t expected = arc == NULL ? 0 : arc->store.count;
    if (was_member ? message->synced.pair_count > cluster->config.unacknowledged_count_max
                   : message->synced.pair_count != expected) {
        cluster_break(cluster, "M4", "rank %u got %llu pairs, it %s", message->from.rank,
                      (unsigned long long)message->synced.pair_count,
                      was_member ? "was complete" : "has others");
    }
}

void invariants_observe(void *observer, struct cluster *cluster, const struct chord_message *message) {
    struct invariants *invariants = observer;
    switch (message->type) {
    case CHORD_MESSAGE_CHAIN:
        note_head(invariants, cluster, message);
        break;
    case CHORD_MESSAGE_REFUSAL:
        if (message->refusal.reason == CHORD_REFUSED_TOO_MANY_HOPS) {
            cluster->counts.circles++;
            cluster->counts.cached_circles += cluster->config.cache_count > 0;
        }
        break;
    case CHORD_MESSAGE_ANSWER:
        check_answer(invariants, cluster, message);
        break;
    case CHORD_MESSAGE_ACTIVATE:
        if (cluster->config.consistency == CHORD_LINEARIZABLE && cluster->counts.lost_parts == 0) {
            check_start(cluster, message);
        }
        break;
    case CHORD_MESSAGE_SYNCED:
        check_transfer(cluster, message);
        break;
    default:
        break;
    }
}

/* --- when quiet: everything from the sorted ids --- */

static uint32_t member_count(const struct cluster *cluster) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        count += cluster_is_member(cluster, i);
    }
    return count;
}

/* The member that owns an id: the one at the smallest clockwise distance from it. */
static uint32_t owner_of(const struct cluster *cluster, struct chord_id id) {
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        if (cluster_is_member(cluster, i) &&
            (best == UINT32_MAX || chord_id_compare(chord_id_distance(id, cluster->ids[i]),
                                                    chord_id_distance(id, cluster->ids[best])) < 0)) {
            best = i;
        }
    }
    return best;
}

/* The member after this one, clockwise; itself in a ring of one. */
static uint32_t successor_of(const struct cluster *cluster, uint32_t index) {
    uint32_t best = index;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const bool nearer =
            chord_id_compare(chord_id_distance(cluster->ids[index], cluster->ids[i]),
                             chord_id_distance(cluster->ids[index], cluster->ids[best])) < 0;
        if (cluster_is_member(cluster, i) && i != index && (best == index || nearer)) {
            best = i;
        }
    }
    return best;
}

static void check_neighbours(struct cluster *cluster, uint32_t index) {
    const struct chord_table *table = &cluster_node(cluster, index)->table;
    const uint32_t count = member_count(cluster);
    const uint32_t others = count > 1 ? count - 1 : 1;
    uint32_t expected = cluster->config.routing == CHORD_ROUTING_ONEHOP ? others : cluster->config.successor_count;
    expected = expected < others ? expected : others;
    if (table->successor_count != expected) {
        cluster_break(cluster, "I10", "node %u has %u successors, not %u", index, table->successor_count, expected);
        return;
    }
    uint32_t next = index;
    for (uint32_t i = 0; i < expected; i++) {
        next = successor_of(cluster, next);
        if (!chord_id_equal(table->successors[i].id, cluster->ids[next])) {
            cluster_break(cluster, "I10", "node %u: successor %u is wrong", index, i);
        }
    }
    if (successor_of(cluster, index_of_id(cluster, table->predecessor.id)) != index) {
        cluster_break(cluster, "I10", "node %u: the predecessor is wrong", index);
    }
}

/* The distinct owners of n + 2^i, each computed alone. */
static void check_fingers(struct cluster *cluster, uint32_t index) {
    const struct chord_table *table = &cluster_node(cluster, index)->table;
    bool expected[CLUSTER_NODES_MAX] = {false};
    uint32_t count = 0;
    for (uint32_t e = 0; cluster->config.routing == CHORD_ROUTING_FINGER && e < cluster->config.id_bits; e++) {
        const uint32_t owner =
            owner_of(cluster, chord_id_add_power(cluster->ids[index], cluster->config.id_bits, e));
        count += owner != index && !expected[owner];
        expected[owner] = true;
    }
    bool right = table->finger_count == count;
    for (uint32_t i = 0; right && i < count; i++) {
        const uint32_t finger = index_of_id(cluster, table->fingers[i].owner.id);
        right = finger != index && expected[finger];
    }
    if (!right && cluster->broken == NULL && cluster->trace != NULL) {
        for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
            char text[CHORD_ID_TEXT_SIZE];
            if (cluster_is_member(cluster, i)) {
                fprintf(cluster->trace, "member %u %s%s\n", i,
                        chord_id_format(cluster->ids[i], cluster->config.id_bits, text),
                        expected[i] ? " shall be a finger" : "");
            }
        }
        for (uint32_t i = 0; i < table->finger_count; i++) {
            char text[CHORD_ID_TEXT_SIZE];
            fprintf(cluster->trace, "finger %u, from %s since epoch %u\n",
                    index_of_id(cluster, table->fingers[i].owner.id),
                    chord_id_format(table->fingers[i].start, cluster->config.id_bits, text),
                    table->fingers[i].epoch);
        }
    }
    if (!right) {
        cluster_break(cluster, "I10", "node %u: %u fingers, not the %u distinct ones", index, table->finger_count,
                      count);
    }
}

/* Whether node `index` shall hold a copy of what `owner` owns: it is among the first k members from the owner on that
 * are the first of their rank. */
static bool shall_hold(const struct cluster *cluster, uint32_t owner, uint32_t index) {
    bool seen[CLUSTER_RANKS_MAX] = {false};
    uint32_t copies = 0;
    uint32_t at = owner;
    for (uint32_t step = 0; step < member_count(cluster) && copies < cluster->config.replica_count; step++) {
        const uint32_t rank = at / cluster->config.virtual_node_count;
        if (!seen[rank]) {
            seen[rank] = true;
            copies++;
            if (at == index) {
                return true;
            }
        }
        at = successor_of(cluster, at);
    }
    return false;
}

static uint64_t count_pairs_outside(const struct cluster *cluster, uint32_t owner, const struct chord_arc *arc) {
    uint64_t outside = 0;
    const struct chord_entry *entry;
    for (size_t position = 0; (entry = chord_store_next(&arc->store, &position)) != NULL;) {
        outside += owner_of(cluster, chord_entry_id(entry)) != owner;
    }
    return outside;
}

/* I11: exactly min(k, ranks in the ring) identical copies of every arc, on the right nodes and nowhere else. */
static void check_copies(struct cluster *cluster, uint32_t owner) {
    const struct chord_arc *own = arc_ending_at(cluster_node(cluster, owner), cluster->ids[owner]);
    if (own == NULL || count_pairs_outside(cluster, owner, own) > 0) {
        cluster_break(cluster, "I11", "node %u misses its arc or has pairs that aren't its own", owner);
        return;
    }
    const uint64_t contents = chord_store_digest(&own->store).copies;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const struct chord_arc *arc = arc_ending_at(cluster_node(cluster, i), cluster->ids[owner]);
        if (is_dead(cluster, cluster_node(cluster, i)->self.address)) {
            continue;
        }
        if ((arc != NULL) != shall_hold(cluster, owner, i)) {
            cluster_break(cluster, "I11", "node %u %s the arc of node %u", i, arc != NULL ? "holds" : "misses", owner);
        } else if (arc != NULL && (arc->status != CHORD_ARC_ACTIVE || chord_store_digest(&arc->store).copies != contents ||
                                   arc->applied != own->applied)) {
            cluster_break(cluster, "I11", "node %u has another copy of the arc of node %u", i, owner);
        }
    }
}

/* A spare holds nothing and knows somebody. */
static void check_spare(struct cluster *cluster, uint32_t index) {
    const struct chord_node *node = cluster_node(cluster, index);
    if (node->arcs.count > 0 || node->table.successor_count > 0 || !node->has_contact) {
        cluster_break(cluster, "I11", "node %u isn't in the ring, but holds %u arcs", index, node->arcs.count);
    }
}

/* I7: a pair that is stored carries the version that the client of just one insert was answered. */
static void check_written_once(struct cluster *cluster, const struct chord_entry *entry) {
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        const struct cluster_client *client = &cluster->clients[rank];
        for (uint32_t i = 0; i < cluster->operations_per_client; i++) {
            const struct cluster_operation *operation = &client->operations[i];
            const struct cluster_key *key = &cluster->keys[operation->key];
            if (operation->kind == CHORD_INSERT && operation->value_size == entry->value_size &&
                key->size == entry->key_size && memcmp(key->bytes, entry->bytes, key->size) == 0 &&
                memcmp(operation->value, chord_entry_value(entry), entry->value_size) == 0) {
                /* An eventual head that is excluded may have answered what is written again elsewhere, and what was lost
                 * may be. */
                const bool may_differ =
                    (cluster->config.consistency == CHORD_EVENTUAL && cluster->counts.exclusions > 0) ||
                    cluster->counts.lost_parts > 0;
                const bool is_answered = operation->completed && operation->outcome != CHORD_UNKNOWN;
                if (is_answered && !may_differ && chord_version_compare(operation->version, chord_entry_version(entry)) != 0) {
                    cluster_break(cluster, "I7", "%s is stored as write %u.%llu, but was answered as %u.%llu",
                                  key->bytes, entry->version_epoch, (unsigned long long)entry->version_counter,
                                  operation->version.epoch, (unsigned long long)operation->version.counter);
                }
                return;
            }
        }
    }
    cluster_break(cluster, "I7", "a pair is stored that nobody wrote");
}

void invariants_check_quiet(struct cluster *cluster) {
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        if (is_dead(cluster, cluster_node(cluster, i)->self.address)) {
            continue;
        }
        if (!cluster_is_member(cluster, i)) {
            check_spare(cluster, i);
            continue;
        }
        check_neighbours(cluster, i);
        check_fingers(cluster, i);
        check_copies(cluster, i);
        const struct chord_arc *own = arc_ending_at(cluster_node(cluster, i), cluster->ids[i]);
        const struct chord_entry *entry;
        for (size_t position = 0; own != NULL && (entry = chord_store_next(&own->store, &position)) != NULL;) {
            check_written_once(cluster, entry);
        }
    }
}
