#include "chord/node.h"

#include "chord/base/check.h"

void chord_node_init(struct chord_node *node, const struct chord_environment *environment, struct chord_member self) {
    *node = (struct chord_node){
        .environment = environment, .self = self, .lookup_deadline_ticks = UINT64_MAX};
    chord_table_init(&node->table, self);
}

void chord_node_clear(struct chord_node *node) {
    for (uint32_t i = 0; i < node->arc_count; i++) {
        chord_arc_clear(&node->arcs[i], node->environment);
    }
    chord_free(node->environment->allocator, node->arcs);
    chord_table_clear(&node->table, node->environment->allocator);
    chord_node_init(node, node->environment, node->self);
}

static struct chord_message message_to(const struct chord_node *node, enum chord_message_type type,
                                       struct chord_address to) {
    return (struct chord_message){.type = type, .from = node->self.address, .to = to};
}

static struct chord_address coordinator_of(const struct chord_node *node) {
    return (struct chord_address){.rank = node->environment->config->coordinator_rank};
}

static struct chord_replica replica_of(const struct chord_node *node, uint64_t now_ticks) {
    return (struct chord_replica){.environment = node->environment, .self = node->self, .now_ticks = now_ticks};
}

/* --- arcs --- */

static struct chord_arc *arc_ending_at(struct chord_node *node, struct chord_id end) {
    for (uint32_t i = 0; i < node->arc_count; i++) {
        if (chord_id_equal(node->arcs[i].end, end)) {
            return &node->arcs[i];
        }
    }
    return NULL;
}

static struct chord_arc *arc_containing(struct chord_node *node, struct chord_id id) {
    for (uint32_t i = 0; i < node->arc_count; i++) {
        if (chord_arc_contains(&node->arcs[i], id)) {
            return &node->arcs[i];
        }
    }
    return NULL;
}

static struct chord_arc *own_arc(struct chord_node *node) {
    return node->arc_count > 0 && chord_id_equal(node->arcs[0].end, node->self.id) ? &node->arcs[0] : NULL;
}

const struct chord_arc *chord_node_own_arc(const struct chord_node *node) {
    return own_arc((struct chord_node *)(uintptr_t)node);
}

/* A place for one more arc; the node's own arc is kept first, where the request path looks for it. */
static struct chord_arc *add_arc(struct chord_node *node, struct chord_id start, struct chord_id end) {
    const struct chord_environment *environment = node->environment;
    struct chord_arc *arcs = environment->allocator->resize(environment->allocator->context, node->arcs,
                                                            (node->arc_count + 1) * sizeof *arcs);
    if (arcs == NULL) {
        return NULL;
    }
    node->arcs = arcs;
    struct chord_arc *arc = &arcs[node->arc_count++];
    chord_arc_init(arc, environment, start, end);
    if (chord_id_equal(end, node->self.id)) {
        const struct chord_arc own = *arc;
        *arc = arcs[0];
        arcs[0] = own;
        return &arcs[0];
    }
    return arc;
}

/* --- requests --- */

static void refuse(const struct chord_node *node, const struct chord_request *request,
                   enum chord_refusal_reason reason) {
    const struct chord_replica replica = replica_of(node, 0);
    chord_replicate_refuse(&replica, request, reason);
}

/* In an eventual ring any node on the way that holds the key answers a query. */
static bool answer_from_copy(struct chord_node *node, const struct chord_request *request) {
    if (request->kind != CHORD_QUERY || node->environment->config->consistency != CHORD_EVENTUAL) {
        return false;
    }
    struct chord_arc *arc = arc_containing(node, request->key_id);
    if (arc == NULL || arc->status < CHORD_ARC_SYNCED ||
        chord_store_find(&arc->store, request->key_id, request->key, request->key_size) == NULL) {
        return false;
    }
    const struct chord_replica replica = replica_of(node, 0);
    chord_replicate_answer_query(&replica, arc, request);
    return true;
}

static enum chord_status receive_request(struct chord_node *node, const struct chord_message *message,
                                         uint64_t now_ticks) {
    const struct chord_request *request = &message->request;
    struct chord_arc *own = own_arc(node);
    if (own != NULL && chord_arc_contains(own, request->key_id)) {
        node->counters.requests_owned++;
        const struct chord_replica replica = replica_of(node, now_ticks);
        return chord_replicate_request(&replica, own, request);
    }
    if (answer_from_copy(node, request)) {
        return CHORD_OK;
    }
    const struct chord_member *next = chord_table_next_hop(&node->table, node->environment->config, request->key_id);
    if (next == NULL) {
        refuse(node, request, CHORD_REFUSED_NOT_ACTIVE);
        return CHORD_OK;
    }
    if (request->owner_hops >= node->environment->config->hops_max) {
        refuse(node, request, CHORD_REFUSED_TOO_MANY_HOPS);
        return CHORD_OK;
    }
    struct chord_message forward = *message;
    forward.from = node->self.address;
    forward.to = next->address;
    forward.request.owner_hops++;
    node->counters.requests_forwarded++;
    chord_send(node->environment, &forward);
    return CHORD_OK;
}

/* --- fingers --- */

/* Sends the lookup for the first finger from `exponent` on that `covered` doesn't settle, or ends the filling. */
static void look_up_from(struct chord_node *node, uint32_t exponent, struct chord_id covered, uint64_t now_ticks) {
    const struct chord_config *config = node->environment->config;
    node->lookup_exponent = chord_table_next_unknown_finger(&node->table, config->id_bits, exponent, covered);
    if (node->lookup_exponent >= config->id_bits) {
        node->filling = false;
        node->lookup_deadline_ticks = UINT64_MAX;
        return;
    }
    const struct chord_id target = chord_id_add_power(node->self.id, config->id_bits, node->lookup_exponent);
    /* Not its own arc: next_unknown_finger would have said so only if every node were covered. */
    const struct chord_member *next = chord_table_next_hop(&node->table, config, target);
    if (next == NULL) {
        node->filling = false;
        node->lookup_deadline_ticks = UINT64_MAX;
        return;
    }
    node->filling = true;
    node->lookup_deadline_ticks = now_ticks + config->lookup_ticks;
    struct chord_message message = message_to(node, CHORD_MESSAGE_LOOKUP, next->address);
    message.lookup = (struct chord_lookup){.target = target,
                                           .origin = node->self.address,
                                           .exponent = (uint16_t)node->lookup_exponent,
                                           .hops = 1};
    node->counters.lookups_sent++;
    chord_send(node->environment, &message);
}

static void start_filling(struct chord_node *node, uint64_t now_ticks) {
    if (node->environment->config->routing != CHORD_ROUTING_FINGER || node->table.successor_count == 0) {
        return;
    }
    chord_table_add_finger(&node->table, node->table.successors[0]);
    look_up_from(node, 0, node->table.successors[0].id, now_ticks);
}

static enum chord_status receive_lookup(struct chord_node *node, const struct chord_message *message) {
    const struct chord_lookup *lookup = &message->lookup;
    const struct chord_arc *own = own_arc(node);
    if (own != NULL && chord_arc_contains(own, lookup->target)) {
        struct chord_message reply = message_to(node, CHORD_MESSAGE_FOUND, lookup->origin);
        reply.found = (struct chord_found){.owner = node->self, .exponent = lookup->exponent};
        chord_send(node->environment, &reply);
        return CHORD_OK;
    }
    const struct chord_member *next = chord_table_next_hop(&node->table, node->environment->config, lookup->target);
    if (next == NULL || lookup->hops >= node->environment->config->hops_max) {
        return CHORD_OK; /* the origin asks again */
    }
    struct chord_message forward = *message;
    forward.from = node->self.address;
    forward.to = next->address;
    forward.lookup.hops++;
    node->counters.lookups_forwarded++;
    chord_send(node->environment, &forward);
    return CHORD_OK;
}

static enum chord_status receive_found(struct chord_node *node, const struct chord_found *found, uint64_t now_ticks) {
    if (!node->filling || found->exponent != node->lookup_exponent) {
        return CHORD_OK; /* the answer to a lookup that was repeated, and has been answered */
    }
    const struct chord_id start =
        chord_id_add_power(node->self.id, node->environment->config->id_bits, found->exponent);
    if (chord_id_equal(found->owner.id, node->self.id)) {
        /* From here round to this node there is nobody: no farther finger either. */
        node->filling = false;
        node->lookup_deadline_ticks = UINT64_MAX;
        return CHORD_OK;
    }
    if (!chord_id_in_open_closed(node->self.id, start, found->owner.id)) {
        return CHORD_UNEXPECTED;
    }
    chord_table_add_finger(&node->table, found->owner);
    look_up_from(node, found->exponent + 1u, found->owner.id, now_ticks);
    return CHORD_OK;
}

/* --- membership --- */

void chord_node_register(struct chord_node *node) {
    struct chord_message message = message_to(node, CHORD_MESSAGE_REGISTER, coordinator_of(node));
    message.registration.member = node->self;
    chord_send(node->environment, &message);
}

static enum chord_status receive_neighbours(struct chord_node *node, const struct chord_message *message) {
    if (message->neighbours.successors.count == 0) {
        return CHORD_UNEXPECTED; /* in a ring of one a node is its own successor */
    }
    return chord_table_set_neighbours(&node->table, node->environment->allocator, message->neighbours.predecessor,
                                      &message->neighbours.successors);
}

/* M3, as far as it goes while a ring is being formed: there is no older state, so every member is SYNCED at once. */
static enum chord_status receive_install(struct chord_node *node, const struct chord_message *message) {
    const struct chord_install *install = &message->install;
    uint32_t position = UINT32_MAX;
    for (uint32_t i = 0; i < install->chain.count; i++) {
        if (chord_address_equal(chord_members_get(&install->chain, i).address, node->self.address)) {
            position = i;
        }
    }
    struct chord_arc *arc = arc_ending_at(node, install->end);
    if (arc != NULL && install->epoch < arc->promised) {
        return CHORD_STALE;
    }
    if (position == UINT32_MAX || !install->empty || (arc != NULL && arc->status != CHORD_ARC_OUT)) {
        return CHORD_UNEXPECTED;
    }
    if (arc == NULL) {
        arc = add_arc(node, install->start, install->end);
    }
    if (arc == NULL || chord_arc_set_chain(arc, node->environment, &install->chain, position) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    arc->epoch = install->epoch;
    arc->promised = install->epoch;
    arc->status = CHORD_ARC_SYNCED;
    struct chord_message reply = message_to(node, CHORD_MESSAGE_SYNCED, message->from);
    reply.synced = (struct chord_synced){
        .epoch = install->epoch, .incarnation = node->self.incarnation, .arc_end = install->end};
    chord_send(node->environment, &reply);
    return CHORD_OK;
}

static enum chord_status receive_activate(struct chord_node *node, const struct chord_activate *activate,
                                          uint64_t now_ticks) {
    struct chord_arc *arc = arc_ending_at(node, activate->arc_end);
    if (arc == NULL || activate->epoch != arc->epoch || chord_arc_is_wedged(arc)) {
        return CHORD_STALE;
    }
    if (arc->status != CHORD_ARC_SYNCED) {
        return CHORD_UNEXPECTED;
    }
    arc->status = CHORD_ARC_ACTIVE;
    if (arc == own_arc(node)) {
        start_filling(node, now_ticks);
    }
    return CHORD_OK;
}

/* --- the interface --- */

enum chord_status chord_node_receive(struct chord_node *node, const struct chord_message *message,
                                     uint64_t now_ticks) {
    const struct chord_replica replica = replica_of(node, now_ticks);
    struct chord_arc *arc;
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        /* A client has no virtual nodes of its own: whether it or a node sent this is told by the hop count. */
        node->counters.requests_entered += message->request.owner_hops == 0;
        return receive_request(node, message, now_ticks);
    case CHORD_MESSAGE_CHAIN:
        arc = arc_containing(node, message->chain.request.key_id);
        return arc == NULL ? CHORD_UNEXPECTED
                           : chord_replicate_chain(&replica, arc, message->from, &message->chain);
    case CHORD_MESSAGE_ACK:
        arc = arc_ending_at(node, message->ack.arc_end);
        return arc == NULL ? CHORD_UNEXPECTED : chord_replicate_ack(&replica, arc, message->from, &message->ack);
    case CHORD_MESSAGE_LOOKUP:
        return receive_lookup(node, message);
    case CHORD_MESSAGE_FOUND:
        return receive_found(node, &message->found, now_ticks);
    case CHORD_MESSAGE_NEIGHBOURS:
        return receive_neighbours(node, message);
    case CHORD_MESSAGE_INSTALL:
        return receive_install(node, message);
    case CHORD_MESSAGE_ACTIVATE:
        return receive_activate(node, &message->activate, now_ticks);
    case CHORD_MESSAGE_ANSWER:
    case CHORD_MESSAGE_REFUSAL:
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_SYNCED:
    case CHORD_MESSAGE_TYPE_COUNT:
        break;
    }
    return CHORD_UNEXPECTED;
}

void chord_node_tick(struct chord_node *node, uint64_t now_ticks) {
    const struct chord_replica replica = replica_of(node, now_ticks);
    for (uint32_t i = 0; i < node->arc_count; i++) {
        chord_replicate_tick(&replica, &node->arcs[i]);
    }
    if (node->filling && node->lookup_deadline_ticks <= now_ticks) {
        const struct chord_id before = node->table.finger_count > 0
                                           ? node->table.fingers[node->table.finger_count - 1].id
                                           : node->table.successors[0].id;
        look_up_from(node, node->lookup_exponent, before, now_ticks);
    }
}

uint64_t chord_node_deadline(const struct chord_node *node) {
    uint64_t deadline = node->filling ? node->lookup_deadline_ticks : UINT64_MAX;
    for (uint32_t i = 0; i < node->arc_count; i++) {
        if (node->arcs[i].ack_deadline_ticks < deadline) {
            deadline = node->arcs[i].ack_deadline_ticks;
        }
    }
    return deadline;
}
