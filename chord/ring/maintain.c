#include "chord/ring/maintain.h"

void chord_maintain_init(struct chord_maintain *maintain) {
    *maintain = (struct chord_maintain){.deadline_ticks = UINT64_MAX};
}

static struct chord_message message_to(const struct chord_maintainer *maintainer, enum chord_message_type type,
                                       struct chord_address to) {
    return (struct chord_message){.type = type, .from = maintainer->table->self.address, .to = to};
}

static void begin(const struct chord_maintainer *maintainer, enum chord_maintain_task task, unsigned exponent) {
    maintainer->maintain->task = task;
    maintainer->maintain->exponent = (uint16_t)exponent;
    maintainer->maintain->deadline_ticks =
        maintainer->now_ticks + maintainer->environment->config->lookup_ticks;
}

static void end(const struct chord_maintainer *maintainer) {
    maintainer->maintain->task = CHORD_MAINTAIN_NOTHING;
    maintainer->maintain->deadline_ticks = UINT64_MAX;
}

/* What a lookup says of its origin: a node outside the ring owns nothing. */
static struct chord_claim own_name(const struct chord_maintainer *maintainer) {
    const struct chord_claim name = {.owner = maintainer->table->self};
    return maintainer->own->epoch == 0 ? name : *maintainer->own;
}

static void send_lookup(const struct chord_maintainer *maintainer, struct chord_address to, struct chord_id target,
                        unsigned exponent) {
    struct chord_message message = message_to(maintainer, CHORD_MESSAGE_LOOKUP, to);
    message.lookup = (struct chord_lookup){
        .target = target, .origin = own_name(maintainer), .exponent = (uint16_t)exponent, .hops = 1};
    maintainer->maintain->lookups_sent++;
    chord_send(maintainer->environment, &message);
}

/* --- the joiner's place --- */

static void look_for_place(const struct chord_maintainer *maintainer) {
    begin(maintainer, CHORD_MAINTAIN_PLACE, CHORD_LOOKUP_PLACE);
    send_lookup(maintainer, maintainer->maintain->contact.address, maintainer->table->self.id, CHORD_LOOKUP_PLACE);
}

void chord_maintain_seek_place(const struct chord_maintainer *maintainer, struct chord_member contact) {
    maintainer->maintain->contact = contact;
    maintainer->maintain->seeks_place = true;
    look_for_place(maintainer);
}

void chord_maintain_has_place(struct chord_maintain *maintain) {
    maintain->seeks_place = false;
    if (maintain->task == CHORD_MAINTAIN_PLACE) {
        maintain->task = CHORD_MAINTAIN_NOTHING;
        maintain->deadline_ticks = UINT64_MAX;
    }
}

/* --- fix_fingers --- */

/* The first finger that nothing settles; id_bits if there is none. */
static uint32_t next_unknown(const struct chord_maintainer *maintainer) {
    return chord_table_next_unknown_finger(maintainer->table, maintainer->environment->config,
                                           maintainer->own->epoch == 0 ? maintainer->table->predecessor.id
                                                                       : maintainer->own->start);
}

/* Whether the ring has no other node, as the coordinator has told. */
static bool is_alone(const struct chord_table *table) {
    return chord_id_equal(table->successors[0].id, table->self.id);
}

/* Sends the lookup of the first finger that nothing settles. False if there is none. */
static bool fix_finger(const struct chord_maintainer *maintainer) {
    const struct chord_config *config = maintainer->environment->config;
    const struct chord_table *table = maintainer->table;
    if (config->routing != CHORD_ROUTING_FINGER || table->successor_count == 0) {
        return false;
    }
    const uint32_t exponent = next_unknown(maintainer);
    if (exponent >= config->id_bits) {
        return false;
    }
    const struct chord_id target = chord_id_add_power(table->self.id, config->id_bits, exponent);
    const struct chord_member *next = chord_table_next_hop(table, config, maintainer->environment->reach, target);
    if (next == NULL && is_alone(table)) {
        return false; /* every id is the node's own, whatever the predecessor says */
    }
    begin(maintainer, CHORD_MAINTAIN_FINGER, exponent);
    if (next != NULL) { /* else all that it knows are out: later */
        send_lookup(maintainer, next->address, target, exponent);
    }
    return true;
}

/* --- announcing --- */

/* The exponents up to which walks are one: 2^i reaches no farther than the gained ids are wide, so that the ranges
 * (start - 2^i, end - 2^i] overlap. */
static uint16_t first_walk(const struct chord_maintainer *maintainer) {
    const struct chord_maintain *maintain = maintainer->maintain;
    const uint32_t bits = maintainer->environment->config->id_bits;
    const struct chord_id width = chord_id_distance(maintain->gained_start, maintain->gained_end);
    uint16_t walk = 0;
    while (walk + 1u < bits &&
           chord_id_compare(chord_id_add_power((struct chord_id){0}, bits, walk + 1u), width) <= 0) {
        walk++;
    }
    return walk;
}

void chord_maintain_gain(const struct chord_maintainer *maintainer, struct chord_id gained_end) {
    struct chord_maintain *maintain = maintainer->maintain;
    maintain->settle_epoch = maintainer->own->epoch;
    if (maintainer->environment->config->routing != CHORD_ROUTING_FINGER) {
        return; /* the coordinator tells neighbours and members itself: there are no fingers */
    }
    /* What an earlier gain has not told everybody yet lies next to this one, and is told again with it. */
    if (!maintain->announces ||
        !chord_id_in_open_closed(maintainer->own->start, maintain->gained_end, maintainer->table->self.id) ||
        chord_id_compare(chord_id_distance(gained_end, maintainer->table->self.id),
                         chord_id_distance(maintain->gained_end, maintainer->table->self.id)) < 0) {
        maintain->gained_end = gained_end;
    }
    maintain->gained_start = maintainer->own->start;
    maintain->announces = true;
    maintain->walk_first = first_walk(maintainer);
    maintain->walk = maintain->walk_first;
    if (maintain->task == CHORD_MAINTAIN_ANNOUNCE) {
        end(maintainer);
    }
}

/* Sends the announcement of the walk that is next. False if there is none. */
static bool announce(const struct chord_maintainer *maintainer) {
    struct chord_maintain *maintain = maintainer->maintain;
    const struct chord_table *table = maintainer->table;
    const struct chord_config *config = maintainer->environment->config;
    if (!maintain->announces || table->successor_count == 0 || maintainer->own->epoch == 0) {
        return false;
    }
    if (maintain->walk >= config->id_bits) {
        maintain->announces = false;
        return false;
    }
    struct chord_announce message = {.claim = *maintainer->own, .exponent = maintain->walk, .hops = 1};
    const struct chord_id before = chord_id_subtract_power(maintain->gained_start, config->id_bits, maintain->walk);
    message.target = chord_id_add_power(before, config->id_bits, 0);
    message.end = maintain->walk == maintain->walk_first
                      ? maintain->gained_start
                      : chord_id_subtract_power(maintain->gained_end, config->id_bits, maintain->walk);
    const struct chord_member *next = 
        chord_table_next_hop(table, config, maintainer->environment->reach, message.target);
    if (next == NULL && is_alone(table)) {
        maintain->announces = false;
        return false;
    }
    begin(maintainer, CHORD_MAINTAIN_ANNOUNCE, maintain->walk);
    maintain->walk_epoch = message.claim.epoch;
    struct chord_message sent = message_to(maintainer, CHORD_MESSAGE_ANNOUNCE, table->self.address);
    sent.announce = message;
    const bool begins_here = chord_id_in_open_closed(maintainer->own->start, message.target, table->self.id);
    if (!begins_here && next == NULL) {
        return true; /* all that it knows are out: later */
    }
    sent.to = begins_here ? table->self.address : next->address;
    chord_send(maintainer->environment, &sent);
    return true;
}

static void settle(const struct chord_maintainer *maintainer) {
    struct chord_maintain *maintain = maintainer->maintain;
    /* Not before the view change is over: until then its neighbours don't know of the node's gain. */
    if (maintain->settle_epoch == 0 || maintainer->table->neighbours_epoch < maintain->settle_epoch) {
        return;
    }
    const struct chord_address coordinator = {.rank = maintainer->environment->config->coordinator_rank};
    struct chord_message message = message_to(maintainer, CHORD_MESSAGE_SETTLED, coordinator);
    message.settled = (struct chord_settled_report){.epoch = maintain->settle_epoch,
                                                    .incarnation = maintainer->table->self.incarnation,
                                                    .message_count = maintain->message_count};
    maintain->settle_epoch = 0;
    maintain->message_count = 0;
    chord_send(maintainer->environment, &message);
}

void chord_maintain_resume(const struct chord_maintainer *maintainer) {
    struct chord_maintain *maintain = maintainer->maintain;
    if (maintain->task == CHORD_MAINTAIN_FINGER) {
        if (next_unknown(maintainer) == maintain->exponent) {
            return; /* still wanted */
        }
        end(maintainer);
    }
    if (maintain->task != CHORD_MAINTAIN_NOTHING) {
        return;
    }
    if (maintain->seeks_place) {
        look_for_place(maintainer);
    } else if (!fix_finger(maintainer) && !announce(maintainer)) {
        settle(maintainer);
    }
}

/* --- answers --- */

enum chord_status chord_maintain_found(const struct chord_maintainer *maintainer, const struct chord_found *found,
                                       bool *placed) {
    struct chord_maintain *maintain = maintainer->maintain;
    const struct chord_table *table = maintainer->table;
    const uint32_t bits = maintainer->environment->config->id_bits;
    *placed = false;
    maintain->message_count += found->hops;
    if (found->exponent == CHORD_LOOKUP_PLACE) {
        *placed = maintain->task == CHORD_MAINTAIN_PLACE;
        maintain->seeks_place &= !*placed;
        if (*placed) {
            end(maintainer);
        }
        return CHORD_OK;
    }
    if (found->exponent >= bits) {
        return CHORD_UNEXPECTED;
    }
    const struct chord_id start = chord_id_add_power(table->self.id, bits, found->exponent);
    if (!chord_id_in_open_closed(found->claim.start, start, found->claim.owner.id)) {
        return CHORD_UNEXPECTED;
    }
    if (!chord_is_shut(maintainer->environment, found->claim.owner.address.rank)) {
        (void)chord_table_learn(maintainer->table, maintainer->environment->config, &found->claim);
    }
    /* What wasn't learnt is older than what contradicts it: asking again at once could go on for ever, so that waits for
     * the deadline. */
    if (maintain->task == CHORD_MAINTAIN_FINGER && maintain->exponent == found->exponent &&
        next_unknown(maintainer) != found->exponent) {
        chord_maintain_resume(maintainer);
    }
    return CHORD_OK;
}

void chord_maintain_announced(const struct chord_maintainer *maintainer, const struct chord_announced *announced) {
    struct chord_maintain *maintain = maintainer->maintain;
    maintain->message_count += announced->hops;
    if (maintain->task != CHORD_MAINTAIN_ANNOUNCE || maintain->exponent != announced->exponent ||
        announced->epoch != maintain->walk_epoch) {
        return; /* the answer to one that was repeated, or to an older claim */
    }
    maintain->walk++;
    end(maintainer);
    chord_maintain_resume(maintainer);
}

void chord_maintain_tick(const struct chord_maintainer *maintainer) {
    if (maintainer->maintain->deadline_ticks <= maintainer->now_ticks) {
        end(maintainer); /* lost on stale routing: sent again by way of what is known now */
        chord_maintain_resume(maintainer);
    }
}
