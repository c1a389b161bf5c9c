#include "tests/sim/invariants.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

void invariants_init(struct invariants *invariants) {
    memset(invariants, 0, sizeof *invariants);
    /* Before its first write every arc is empty, also at members that hear of it before the head does. */
    for (uint32_t i = 0; i < CLUSTER_NODES_MAX; i++) {
        invariants->contents[i] = calloc(1, sizeof *invariants->contents[i]);
        chord_check(invariants->contents[i] != NULL);
        invariants->contents_count[i] = 1;
    }
}

void invariants_clear(struct invariants *invariants) {
    for (uint32_t i = 0; i < CLUSTER_NODES_MAX; i++) {
        free(invariants->contents[i]);
    }
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

static const struct chord_arc *arc_of(const struct chord_node *node, struct chord_id end) {
    for (uint32_t i = 0; i < node->arc_count; i++) {
        if (chord_id_equal(node->arcs[i].end, end)) {
            return &node->arcs[i];
        }
    }
    return NULL;
}

/* I1: one ordered chain per (arc, epoch). I2: no two epochs of one arc ACTIVE (here: no two epochs at all). */
static void check_chain(struct invariants *invariants, struct cluster *cluster, uint32_t owner,
                        const struct chord_arc *arc) {
    if (invariants->chain_counts[owner] == 0) {
        invariants->chain_counts[owner] = arc->chain_count;
        invariants->chain_epochs[owner] = arc->epoch;
        for (uint32_t i = 0; i < arc->chain_count; i++) {
            invariants->chains[owner][i] = arc->chain[i].address;
        }
    }
    if (arc->epoch != invariants->chain_epochs[owner]) {
        cluster_break(cluster, "I2", "the arc of node %u is in two epochs", owner);
    }
    bool same = arc->chain_count == invariants->chain_counts[owner];
    for (uint32_t i = 0; same && i < arc->chain_count; i++) {
        same = chord_address_equal(arc->chain[i].address, invariants->chains[owner][i]);
    }
    if (!same) {
        cluster_break(cluster, "I1", "the arc of node %u has two chains in one epoch", owner);
    }
}

void invariants_observe(void *observer, struct cluster *cluster, const struct chord_message *message) {
    struct invariants *invariants = observer;
    if (message->type != CHORD_MESSAGE_CHAIN || message->chain.request.kind == CHORD_QUERY ||
        message->chain.duplicate) {
        return;
    }
    const uint32_t sender = index_of_address(cluster, message->from);
    const struct chord_arc *arc = chord_node_own_arc(cluster_node(cluster, sender));
    if (arc == NULL || !chord_arc_contains(arc, message->chain.request.key_id)) {
        return; /* a member that passes it on */
    }
    const uint64_t counter = message->chain.version.counter;
    if (counter != invariants->contents_count[sender] || counter != arc->applied) {
        cluster_break(cluster, "I3", "the head %u sends write %llu down as its write %llu", sender,
                      (unsigned long long)counter, (unsigned long long)invariants->contents_count[sender]);
        return;
    }
    uint64_t *grown = realloc(invariants->contents[sender], (counter + 1) * sizeof *grown);
    chord_check(grown != NULL);
    invariants->contents[sender] = grown;
    grown[invariants->contents_count[sender]++] = chord_store_digest(&arc->store).copies;
}

/* I3: what a member has applied is what the head had after as many writes. */
static void check_prefix(struct invariants *invariants, struct cluster *cluster, uint32_t owner, uint32_t member,
                         const struct chord_arc *arc) {
    if (arc->chain_count == 1) {
        return;
    }
    const uint64_t contents = chord_store_digest(&arc->store).copies;
    if (arc->applied >= invariants->contents_count[owner]) {
        cluster_break(cluster, "I3", "node %u has applied write %llu of the arc of node %u before its head", member,
                      (unsigned long long)arc->applied, owner);
        return;
    }
    if (contents != invariants->contents[owner][arc->applied]) {
        cluster_break(cluster, "I3", "node %u differs from the head of the arc of node %u after write %llu", member,
                      owner, (unsigned long long)arc->applied);
    }
}

/* New writes of the arc that are on their way from one node to another. */
static uint64_t count_in_flight(const struct cluster *cluster, const struct chord_arc *arc, struct chord_address from,
                                struct chord_address to) {
    uint64_t count = 0;
    for (size_t i = 0; i < cluster->network.count; i++) {
        if (cluster->network.messages[i].from_rank != from.rank ||
            cluster->network.messages[i].to_rank != to.rank) {
            continue;
        }
        const struct chord_message message = network_decode(&cluster->network.messages[i]);
        count += message.type == CHORD_MESSAGE_CHAIN && chord_address_equal(message.from, from) &&
                 chord_address_equal(message.to, to) && message.chain.request.kind != CHORD_QUERY &&
                 !message.chain.duplicate && chord_arc_contains(arc, message.chain.request.key_id);
    }
    return count;
}

/* I4: applied(i) = applied(i + 1) + in flight between; and what i keeps as unacknowledged covers the difference. */
static void check_links(struct cluster *cluster, uint32_t owner, const struct chord_arc *arc, uint32_t member) {
    if (chord_arc_is_tail(arc) || arc->status < CHORD_ARC_SYNCED) {
        return;
    }
    const struct chord_address next = arc->chain[arc->position + 1].address;
    const struct chord_arc *below = arc_of(cluster_node(cluster, index_of_address(cluster, next)), arc->end);
    const uint64_t in_flight = count_in_flight(cluster, arc, arc->chain[arc->position].address, next);
    const uint64_t applied_below = below == NULL ? 0 : below->applied;
    if (arc->applied != applied_below + in_flight) {
        cluster_break(cluster, "I4", "arc of node %u: node %u has applied %llu, the next %llu, %llu in flight", owner,
                      member, (unsigned long long)arc->applied, (unsigned long long)applied_below,
                      (unsigned long long)in_flight);
    }
    if (arc->acknowledged > applied_below) {
        cluster_break(cluster, "I4", "arc of node %u: node %u takes more for acknowledged than the next has", owner,
                      member);
    }
    if (arc->position == 0 && chord_arc_unacknowledged_count(arc) > cluster->config.unacknowledged_count_max) {
        cluster_break(cluster, "bound", "arc of node %u: %llu writes unacknowledged", owner,
                      (unsigned long long)chord_arc_unacknowledged_count(arc));
    }
}

/* One arc of a node that has just handled an event. What it shares with the member before it may have changed, too. */
static void check_arc(struct invariants *invariants, struct cluster *cluster, uint32_t member,
                      const struct chord_arc *arc) {
    const uint32_t owner = index_of_id(cluster, arc->end);
    check_chain(invariants, cluster, owner, arc);
    check_prefix(invariants, cluster, owner, member, arc);
    check_links(cluster, owner, arc, member);
    if (!chord_arc_is_head(arc)) {
        const uint32_t before = index_of_address(cluster, arc->chain[arc->position - 1].address);
        const struct chord_arc *above = arc_of(cluster_node(cluster, before), arc->end);
        if (above != NULL) {
            check_links(cluster, owner, above, before);
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
        for (uint32_t a = 0; a < node->arc_count; a++) {
            check_arc(invariants, cluster, member, &node->arcs[a]);
        }
    }
}

/* --- when quiet: everything from the sorted ids --- */

/* The node that owns an id: the one at the smallest clockwise distance from it. */
static uint32_t owner_of(const struct cluster *cluster, struct chord_id id) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < cluster_node_count(cluster); i++) {
        if (chord_id_compare(chord_id_distance(id, cluster->ids[i]), chord_id_distance(id, cluster->ids[best])) < 0) {
            best = i;
        }
    }
    return best;
}

/* The node after this one, clockwise; itself in a ring of one. */
static uint32_t successor_of(const struct cluster *cluster, uint32_t index) {
    uint32_t best = index;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const bool nearer =
            chord_id_compare(chord_id_distance(cluster->ids[index], cluster->ids[i]),
                             chord_id_distance(cluster->ids[index], cluster->ids[best])) < 0;
        if (i != index && (best == index || nearer)) {
            best = i;
        }
    }
    return best;
}

static void check_neighbours(struct cluster *cluster, uint32_t index) {
    const struct chord_table *table = &cluster_node(cluster, index)->table;
    const uint32_t count = cluster_node_count(cluster);
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
        const uint32_t finger = index_of_id(cluster, table->fingers[i].id);
        right = finger != index && expected[finger];
    }
    if (!right) {
        cluster_break(cluster, "I10", "node %u: %u fingers, not the %u distinct ones", index, table->finger_count,
                      count);
    }
}

/* Whether node `index` shall hold a copy of what `owner` owns: it is among the first k nodes from the owner on that
 * are the first of their rank. */
static bool shall_hold(const struct cluster *cluster, uint32_t owner, uint32_t index) {
    bool seen[CLUSTER_RANKS_MAX] = {false};
    uint32_t copies = 0;
    uint32_t at = owner;
    for (uint32_t step = 0; step < cluster_node_count(cluster) && copies < cluster->config.replica_count; step++) {
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

/* I11: exactly min(k, ranks) identical copies of every arc, on the right nodes and nowhere else. */
static void check_copies(struct cluster *cluster, uint32_t owner) {
    const struct chord_arc *own = arc_of(cluster_node(cluster, owner), cluster->ids[owner]);
    if (own == NULL || count_pairs_outside(cluster, owner, own) > 0) {
        cluster_break(cluster, "I11", "node %u misses its arc or has pairs that aren't its own", owner);
        return;
    }
    const uint64_t contents = chord_store_digest(&own->store).copies;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        const struct chord_arc *arc = arc_of(cluster_node(cluster, i), cluster->ids[owner]);
        if ((arc != NULL) != shall_hold(cluster, owner, i)) {
            cluster_break(cluster, "I11", "node %u %s the arc of node %u", i, arc != NULL ? "holds" : "misses", owner);
        } else if (arc != NULL && (arc->status != CHORD_ARC_ACTIVE || chord_store_digest(&arc->store).copies != contents ||
                                   arc->applied != own->applied)) {
            cluster_break(cluster, "I11", "node %u has another copy of the arc of node %u", i, owner);
        }
    }
}

void invariants_check_quiet(struct cluster *cluster) {
    uint64_t applied = 0;
    for (uint32_t i = 0; i < cluster_node_count(cluster); i++) {
        check_neighbours(cluster, i);
        check_fingers(cluster, i);
        check_copies(cluster, i);
        const struct chord_arc *own = arc_of(cluster_node(cluster, i), cluster->ids[i]);
        applied += own == NULL ? 0 : own->applied;
    }
    uint64_t writes = 0;
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        for (uint32_t i = 0; i < cluster->operations_per_client; i++) {
            writes += cluster->clients[rank].operations[i].kind != CHORD_QUERY;
        }
    }
    if (applied != writes) {
        cluster_break(cluster, "I7", "%llu writes took effect, %llu were asked for", (unsigned long long)applied,
                      (unsigned long long)writes);
    }
}
