#include "chord/node.h"

#include "chord/base/check.h"

void chord_node_init(struct chord_node *node, const struct chord_environment *environment, struct chord_member self) {
    *node = (struct chord_node){.environment = environment, .self = self};
    chord_table_init(&node->table, self);
    chord_maintain_init(&node->maintain);
    chord_arcs_init(&node->arcs, environment, self.id);
}

void chord_node_clear(struct chord_node *node) {
    chord_arcs_clear(&node->arcs);
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

/* --- what the node owns, and its routing --- */

/* The ids that the node is the installed head of: its own arc, and the parts before it that it is about to merge. */
static struct chord_claim own_claim(const struct chord_node *node) {
    const struct chord_arc *own = chord_arcs_own(&node->arcs);
    if (own == NULL || !chord_arc_is_head(own)) {
        return (struct chord_claim){.owner = node->self};
    }
    struct chord_claim claim = {.owner = node->self, .start = own->start, .epoch = own->epoch};
    for (uint32_t step = 0; node->unsettled_count > 0 && step + 1 < node->arcs.count; step++) {
        const struct chord_arc *before = chord_arcs_ending_at(&node->arcs, claim.start);
        if (before == NULL || before == own || !chord_arc_is_head(before) || before->epoch != own->epoch) {
            break;
        }
        claim.start = before->start;
    }
    return claim;
}

static bool claims(const struct chord_claim *claim, struct chord_id id) {
    return claim->epoch != 0 && chord_id_in_open_closed(claim->start, id, claim->owner.id);
}

/* Routing learns what a claim says, unless it is of a node that is out: it would be asked for ever. */
static bool learn(struct chord_node *node, const struct chord_claim *claim) {
    return !chord_is_shut(node->environment, claim->owner.address.rank) &&
           chord_table_learn(&node->table, node->environment->config, claim);
}

/* What comes unasked may have been on its way since before the node joined. What was announced between then and its joining
 * it hasn't heard, so only what is newer is to be believed. */
static bool learn_in_passing(struct chord_node *node, const struct chord_claim *claim) {
    return claim->epoch >= node->table.joined_epoch && learn(node, claim);
}

static struct chord_maintainer maintainer_of(struct chord_node *node, const struct chord_claim *own,
                                             uint64_t now_ticks) {
    return (struct chord_maintainer){.environment = node->environment,
                                     .table = &node->table,
                                     .maintain = &node->maintain,
                                     .own = own,
                                     .now_ticks = now_ticks};
}

static void maintain(struct chord_node *node, uint64_t now_ticks) {
    const struct chord_claim own = own_claim(node);
    const struct chord_maintainer maintainer = maintainer_of(node, &own, now_ticks);
    chord_maintain_resume(&maintainer);
}

/* The member, or NULL if it is out. */
static const struct chord_member *living(const struct chord_node *node, const struct chord_member *member) {
    return chord_is_shut(node->environment, member->address.rank) ? NULL : member;
}

/* The node that a message about an id which isn't this node's goes to next; NULL: there is none, or it is out and the
 * coordinator will tell who takes its place. *to_owner: on arrival, whether the sender took this node for the owner;
 * then, whether this node takes the next one for it.
 *
 * Who wrongly takes this node for the owner doesn't know yet of those that have joined before it: they are found by
 * walking back from predecessor to predecessor, as long as the next one is still at or behind the id. */
static const struct chord_member *next_for(const struct chord_node *node, struct chord_id id, bool *to_owner) {
    const struct chord_table *table = &node->table;
    if (!chord_node_is_member(node)) {
        *to_owner = false;
        return node->has_contact ? living(node, &node->contact) : NULL;
    }
    if (*to_owner && chord_id_compare(chord_id_distance(id, table->predecessor.id),
                                      chord_id_distance(id, node->self.id)) < 0) {
        return living(node, &table->predecessor);
    }
    const struct chord_environment *environment = node->environment;
    const struct chord_member *successor = chord_table_successor(table, environment->reach);
    *to_owner = (successor != NULL && chord_id_in_open_closed(node->self.id, id, successor->id)) ||
                environment->config->routing == CHORD_ROUTING_ONEHOP;
    return chord_table_next_hop(table, environment->config, environment->reach, id);
}

/* Who sends a spare something to pass on doesn't know that it has left. */
static void say_gone(const struct chord_node *node, struct chord_address to) {
    struct chord_message message = message_to(node, CHORD_MESSAGE_GONE, to);
    message.gone.member = node->self;
    message.gone.member.incarnation--; /* the one that left; the spare's is the next one already */
    chord_send(node->environment, &message);
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
    const struct chord_arc *arc = chord_arcs_containing(&node->arcs, request->key_id);
    if (arc == NULL || arc->status < CHORD_ARC_SYNCED ||
        chord_store_find(&arc->store, request->key_id, request->key, request->key_size) == NULL) {
        return false;
    }
    const struct chord_replica replica = replica_of(node, 0);
    chord_replicate_answer_query(&replica, arc, request);
    return true;
}

/* While a view change is at work: the part whose requests wait here, since the node was its head or is to be it. */
static struct chord_arc *waiting_place(struct chord_node *node, struct chord_id key_id) {
    struct chord_arc *arc = node->unsettled_count == 0 ? NULL : chord_arcs_containing(&node->arcs, key_id);
    const bool waits = arc != NULL && !chord_arc_serves(arc) && (chord_arc_is_head(arc) || arc->was_head);
    return waits ? arc : NULL;
}

/* Where a request that isn't this node's goes when the rank has a location cache: to the owner that it names, or on to `next`.
 * A request takes one shortcut only, and from then on goes as if there were no cache: so what ends without caches ends with
 * them, however out of date they are. Who knows by its neighbours where to send it asks no cache, either. */
static __attribute__((noinline)) const struct chord_member *
next_by_cache(const struct chord_node *node, struct chord_request *request, const struct chord_member *next, bool *to_owner) {
    struct chord_cache *cache = node->environment->cache;
    if (request->shortcut != CHORD_SHORTCUT_NONE) {
        cache->counters.stale += request->shortcut == CHORD_SHORTCUT_TAKEN;
        request->shortcut = CHORD_SHORTCUT_STALE;
        return next;
    }
    if (*to_owner) {
        return next;
    }
    cache->counters.lookups++;
    const struct chord_claim *claim = chord_cache_find(cache, request->key_id);
    if (claim == NULL || chord_address_equal(claim->owner.address, node->self.address) ||
        living(node, &claim->owner) == NULL) {
        return next;
    }
    cache->counters.hits++;
    request->shortcut = CHORD_SHORTCUT_TAKEN;
    *to_owner = true;
    return &claim->owner;
}

static enum chord_status pass_on(struct chord_node *node, const struct chord_message *message) {
    const struct chord_request *request = &message->request;
    struct chord_message forward = *message;
    bool to_owner = request->to_owner;
    const struct chord_member *next = next_for(node, request->key_id, &to_owner);
    if (__builtin_expect(node->environment->cache != NULL, 0)) {
        next = next_by_cache(node, &forward.request, next, &to_owner);
    }
    if (next == NULL) {
        refuse(node, request, CHORD_REFUSED_NOT_ACTIVE);
        return CHORD_OK;
    }
    if (request->owner_hops >= node->environment->config->hops_max) {
        refuse(node, request, CHORD_REFUSED_TOO_MANY_HOPS);
        return CHORD_OK;
    }
    if (request->owner_hops > 0 && !chord_node_is_member(node)) {
        say_gone(node, message->from);
    }
    forward.from = node->self.address;
    forward.to = next->address;
    forward.request.to_owner = to_owner;
    forward.request.owner_hops++;
    node->counters.requests_forwarded++;
    chord_send(node->environment, &forward);
    return CHORD_OK;
}

static enum chord_status receive_request(struct chord_node *node, const struct chord_message *message,
                                         uint64_t now_ticks) {
    const struct chord_request *request = &message->request;
    const struct chord_replica replica = replica_of(node, now_ticks);
    struct chord_arc *own = chord_arcs_own(&node->arcs);
    if (own != NULL && chord_arc_contains(own, request->key_id) && chord_arc_serves(own)) {
        node->counters.requests_owned++;
        return chord_replicate_request(&replica, own, request);
    }
    if (answer_from_copy(node, request)) {
        return CHORD_OK;
    }
    struct chord_arc *waits = waiting_place(node, request->key_id);
    if (waits != NULL) {
        node->counters.requests_owned += chord_arc_is_head(waits);
        return chord_replicate_request(&replica, waits, request);
    }
    return pass_on(node, message);
}

/* --- lookups and announcements --- */

static enum chord_status receive_lookup(struct chord_node *node, const struct chord_message *message,
                                        uint64_t now_ticks) {
    const struct chord_lookup *lookup = &message->lookup;
    const struct chord_claim own = own_claim(node);
    if (learn_in_passing(node, &lookup->origin)) {
        maintain(node, now_ticks);
    }
    if (claims(&own, lookup->target)) {
        struct chord_message reply = message_to(node, CHORD_MESSAGE_FOUND, lookup->origin.owner.address);
        reply.found = (struct chord_found){
            .claim = own,
            .incarnation = lookup->origin.owner.incarnation,
            .exponent = lookup->exponent,
            .hops = (uint16_t)(lookup->hops + 1)};
        chord_send(node->environment, &reply);
        return CHORD_OK;
    }
    bool to_owner = lookup->to_owner;
    const struct chord_member *next = next_for(node, lookup->target, &to_owner);
    if (next == NULL || lookup->hops >= node->environment->config->hops_max) {
        return CHORD_OK; /* the origin asks again */
    }
    if (!chord_node_is_member(node)) {
        say_gone(node, message->from);
    }
    struct chord_message forward = *message;
    forward.from = node->self.address;
    forward.to = next->address;
    forward.lookup.to_owner = to_owner;
    forward.lookup.hops++;
    node->counters.lookups_forwarded++;
    chord_send(node->environment, &forward);
    return CHORD_OK;
}

static enum chord_status receive_found(struct chord_node *node, const struct chord_found *found, uint64_t now_ticks) {
    if (found->incarnation != node->self.incarnation) {
        return CHORD_STALE;
    }
    const struct chord_claim own = own_claim(node);
    const struct chord_maintainer maintainer = maintainer_of(node, &own, now_ticks);
    bool placed;
    const enum chord_status status = chord_maintain_found(&maintainer, found, &placed);
    if (status == CHORD_OK && placed) {
        struct chord_message message = message_to(node, CHORD_MESSAGE_JOIN, coordinator_of(node));
        message.registration = (struct chord_registration){.member = node->self, .hops = found->hops};
        chord_send(node->environment, &message);
    }
    return status;
}

/* Sends the announcement on towards the owner of its target. */
static void pass_announcement(struct chord_node *node, const struct chord_message *message, struct chord_id target,
                              bool to_owner) {
    const struct chord_member *next = next_for(node, target, &to_owner);
    if (next == NULL || message->announce.hops >= node->environment->config->hops_max) {
        return; /* the new owner announces again */
    }
    struct chord_message forward = *message;
    forward.from = node->self.address;
    forward.to = next->address;
    forward.announce.target = target;
    forward.announce.to_owner = to_owner;
    forward.announce.hops++;
    chord_send(node->environment, &forward);
}

static enum chord_status receive_announce(struct chord_node *node, const struct chord_message *message,
                                          uint64_t now_ticks) {
    const struct chord_announce *announce = &message->announce;
    const struct chord_claim own = own_claim(node);
    if (!claims(&own, announce->target)) {
        if (!chord_node_is_member(node)) {
            say_gone(node, message->from);
        }
        pass_announcement(node, message, announce->target, announce->to_owner);
        return CHORD_OK;
    }
    const int order = chord_id_compare(chord_id_distance(announce->target, node->self.id),
                                       chord_id_distance(announce->target, announce->end));
    if (order <= 0 && learn_in_passing(node, &announce->claim)) {
        maintain(node, now_ticks);
    }
    const struct chord_id after = chord_id_add_power(node->self.id, node->environment->config->id_bits, 0);
    if (order < 0 && !claims(&own, after)) {
        pass_announcement(node, message, after, false);
        return CHORD_OK;
    }
    struct chord_message reply = message_to(node, CHORD_MESSAGE_ANNOUNCED, announce->claim.owner.address);
    reply.announced = (struct chord_announced){.epoch = announce->claim.epoch,
                                               .exponent = announce->exponent,
                                               .hops = (uint16_t)(announce->hops + 1)};
    chord_send(node->environment, &reply);
    return CHORD_OK;
}

static enum chord_status receive_announced(struct chord_node *node, const struct chord_announced *announced,
                                           uint64_t now_ticks) {
    const struct chord_claim own = own_claim(node);
    const struct chord_maintainer maintainer = maintainer_of(node, &own, now_ticks);
    chord_maintain_announced(&maintainer, announced);
    return CHORD_OK;
}

static enum chord_status receive_gone(struct chord_node *node, const struct chord_gone *gone, uint64_t now_ticks) {
    if (node->environment->cache != NULL) {
        chord_cache_forget(node->environment->cache, &gone->member);
    }
    if (chord_table_forget(&node->table, &gone->member)) {
        maintain(node, now_ticks);
    }
    return CHORD_OK;
}

/* --- membership --- */

void chord_node_register(struct chord_node *node) {
    struct chord_message message = message_to(node, CHORD_MESSAGE_REGISTER, coordinator_of(node));
    message.registration.member = node->self;
    chord_send(node->environment, &message);
}

static enum chord_status receive_neighbours(struct chord_node *node, const struct chord_neighbours *neighbours,
                                            uint64_t now_ticks) {
    const enum chord_status status = chord_table_set_neighbours(&node->table, node->environment->config,
                                                                node->environment->allocator, neighbours);
    if (status == CHORD_OK) {
        chord_maintain_has_place(&node->maintain);
        const struct chord_claim own = own_claim(node);
        (void)learn(node, &own);
        maintain(node, now_ticks);
    }
    return status == CHORD_INVALID ? CHORD_UNEXPECTED : status; /* in a ring of one a node is its own successor */
}

/* The node is in the ring no longer, or not yet: it keeps nothing but whom to turn to. */
static void leave(struct chord_node *node, struct chord_member contact, uint64_t now_ticks) {
    const struct chord_replica replica = replica_of(node, now_ticks);
    const uint64_t lookups_sent = node->maintain.lookups_sent;
    if (chord_node_is_member(node) || node->arcs.count > 0) {
        node->self.incarnation++;
    }
    chord_participant_wipe(&replica, &node->arcs, contact.address);
    chord_table_clear(&node->table, node->environment->allocator);
    chord_table_init(&node->table, node->self);
    chord_maintain_init(&node->maintain);
    node->maintain.lookups_sent = lookups_sent;
    node->unsettled_count = 0;
    node->contact = contact;
    node->has_contact = true;
}

static enum chord_status receive_spare(struct chord_node *node, const struct chord_spare *spare, uint64_t now_ticks) {
    if (chord_address_equal(spare->contact.address, node->self.address)) {
        return CHORD_UNEXPECTED;
    }
    leave(node, spare->contact, now_ticks);
    return CHORD_OK;
}

static void seek_place(struct chord_node *node, uint64_t now_ticks) {
    const struct chord_claim own = own_claim(node);
    const struct chord_maintainer maintainer = maintainer_of(node, &own, now_ticks);
    chord_maintain_seek_place(&maintainer, node->contact);
}

static enum chord_status receive_invite(struct chord_node *node, uint64_t now_ticks) {
    if (chord_node_is_member(node) || !node->has_contact) {
        return CHORD_UNEXPECTED;
    }
    seek_place(node, now_ticks);
    return CHORD_OK;
}

/* M8: the node was taken for dead. It discards what it holds and, unless it was leaving anyway, asks to join as a new
 * incarnation. */
static enum chord_status receive_excluded(struct chord_node *node, const struct chord_excluded *excluded,
                                          uint64_t now_ticks) {
    if (excluded->incarnation != node->self.incarnation) {
        return CHORD_STALE;
    }
    if (chord_address_equal(excluded->contact.address, node->self.address)) {
        return CHORD_UNEXPECTED;
    }
    leave(node, excluded->contact, now_ticks);
    node->self.incarnation = excluded->incarnation + 1;
    node->table.self = node->self;
    if (excluded->rejoin) {
        seek_place(node, now_ticks);
    }
    return CHORD_OK;
}

/* What a step of a view change has done to the node's arcs, for requests and for routing. */
static void settle(struct chord_node *node, const struct chord_commit *commit, uint64_t now_ticks) {
    node->unsettled_count = 0;
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        node->unsettled_count += !chord_arc_serves(&node->arcs.items[i]);
    }
    if (commit->lost) {
        /* The new owner is the predecessor; the coordinator will say so, too. */
        if (chord_node_is_member(node) &&
            chord_id_in_open(node->table.predecessor.id, commit->taken.owner.id, node->self.id)) {
            node->table.predecessor = commit->taken.owner;
        }
        (void)learn(node, &commit->taken);
    }
    if (commit->owns) {
        const struct chord_claim own = own_claim(node);
        const struct chord_maintainer maintainer = maintainer_of(node, &own, now_ticks);
        (void)learn(node, &own);
        if (commit->gained) {
            chord_maintain_gain(&maintainer, commit->gained_end);
        }
        chord_maintain_resume(&maintainer);
    }
}

static enum chord_status receive_chain(struct chord_node *node, const struct chord_message *message,
                                       uint64_t now_ticks) {
    const struct chord_replica replica = replica_of(node, now_ticks);
    const struct chord_chain *chain = &message->chain;
    if (__builtin_expect(node->unsettled_count > 0, 0)) {
        struct chord_commit commit;
        const enum chord_status status = chord_participant_infer_commit(&replica, &node->arcs, chain->request.key_id,
                                                                        chain->epoch, &commit);
        settle(node, &commit, now_ticks);
        if (status != CHORD_OK) {
            return status;
        }
    }
    struct chord_arc *arc = chord_arcs_containing(&node->arcs, chain->request.key_id);
    if (arc == NULL) {
        chord_replicate_refuse_chain(&replica, &chain->request);
        return CHORD_STALE; /* dropped, or wiped */
    }
    return chord_replicate_chain(&replica, arc, message->from, chain);
}

static enum chord_status receive_membership(struct chord_node *node, const struct chord_message *message,
                                            uint64_t now_ticks) {
    const struct chord_replica replica = replica_of(node, now_ticks);
    struct chord_commit commit = {.owns = false};
    enum chord_status status;
    switch (message->type) {
    case CHORD_MESSAGE_PREPARE:
        status = chord_participant_prepare(&replica, &node->arcs, &message->prepare);
        break;
    case CHORD_MESSAGE_INSTALL:
        status = chord_participant_install(&replica, &node->arcs, &message->install);
        break;
    case CHORD_MESSAGE_PIECE:
        status = chord_participant_piece(&replica, &node->arcs, message->from, &message->piece);
        break;
    case CHORD_MESSAGE_ACTIVATE:
        status = chord_participant_activate(&replica, &node->arcs, &message->activate, &commit);
        break;
    case CHORD_MESSAGE_DROP:
        status = chord_participant_drop(&replica, &node->arcs, &message->activate, &commit);
        break;
    default:
        return CHORD_UNEXPECTED;
    }
    settle(node, &commit, now_ticks);
    return status;
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
        return receive_chain(node, message, now_ticks);
    case CHORD_MESSAGE_ACK:
        arc = chord_arcs_ending_at(&node->arcs, message->ack.arc_end);
        return arc == NULL ? CHORD_STALE : chord_replicate_ack(&replica, arc, message->from, &message->ack);
    case CHORD_MESSAGE_LOOKUP:
        return receive_lookup(node, message, now_ticks);
    case CHORD_MESSAGE_FOUND:
        return receive_found(node, &message->found, now_ticks);
    case CHORD_MESSAGE_ANNOUNCE:
        return receive_announce(node, message, now_ticks);
    case CHORD_MESSAGE_ANNOUNCED:
        return receive_announced(node, &message->announced, now_ticks);
    case CHORD_MESSAGE_GONE:
        return receive_gone(node, &message->gone, now_ticks);
    case CHORD_MESSAGE_INVITE:
        return receive_invite(node, now_ticks);
    case CHORD_MESSAGE_NEIGHBOURS:
        return receive_neighbours(node, &message->neighbours, now_ticks);
    case CHORD_MESSAGE_SPARE:
        return receive_spare(node, &message->spare, now_ticks);
    case CHORD_MESSAGE_EXCLUDED:
        return receive_excluded(node, &message->excluded, now_ticks);
    case CHORD_MESSAGE_PREPARE:
    case CHORD_MESSAGE_INSTALL:
    case CHORD_MESSAGE_PIECE:
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        return receive_membership(node, message, now_ticks);
    case CHORD_MESSAGE_PULL:
        arc = chord_arcs_ending_at(&node->arcs, message->pull.end);
        return arc == NULL ? CHORD_STALE : chord_transfer_pull(&replica, arc, message->from, &message->pull);
    case CHORD_MESSAGE_ANSWER:
    case CHORD_MESSAGE_REFUSAL:
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
    case CHORD_MESSAGE_WEDGED:
    case CHORD_MESSAGE_SYNCED:
    case CHORD_MESSAGE_SETTLED:
    case CHORD_MESSAGE_HEARTBEAT:
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
    case CHORD_MESSAGE_TYPE_COUNT:
        break;
    }
    return CHORD_UNEXPECTED;
}

void chord_node_shut(struct chord_node *node, uint32_t rank, uint64_t now_ticks) {
    if (chord_table_forget_rank(&node->table, rank)) {
        maintain(node, now_ticks);
    }
}

void chord_node_tick(struct chord_node *node, uint64_t now_ticks) {
    const struct chord_replica replica = replica_of(node, now_ticks);
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        chord_replicate_tick(&replica, &node->arcs.items[i]);
        chord_transfer_tick(&replica, &node->arcs.items[i]);
    }
    const struct chord_claim own = own_claim(node);
    const struct chord_maintainer maintainer = maintainer_of(node, &own, now_ticks);
    chord_maintain_tick(&maintainer);
}

uint64_t chord_node_deadline(const struct chord_node *node) {
    uint64_t deadline = node->maintain.deadline_ticks;
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        const struct chord_arc *arc = &node->arcs.items[i];
        deadline = arc->ack_deadline_ticks < deadline ? arc->ack_deadline_ticks : deadline;
        deadline = chord_transfer_deadline(arc) < deadline ? chord_transfer_deadline(arc) : deadline;
    }
    return deadline;
}

bool chord_node_is_quiet(const struct chord_node *node) {
    const struct chord_maintain *maintain = &node->maintain;
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        const struct chord_arc *arc = &node->arcs.items[i];
        if (!chord_arc_serves(arc) || arc->waiting_first != NULL || chord_arc_unacknowledged_count(arc) > 0 ||
            arc->ack_due_count > 0) {
            return false;
        }
    }
    return maintain->task == CHORD_MAINTAIN_NOTHING && !maintain->announces && maintain->settle_epoch == 0 &&
           !maintain->seeks_place;
}
