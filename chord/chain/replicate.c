#include "chord/chain/replicate.h"

#include "chord/base/check.h"

#include <string.h>

#define UNACKNOWLEDGED_CAPACITY_FIRST 16u

static bool is_eventual(const struct chord_replica *replica) {
    return replica->environment->config->consistency == CHORD_EVENTUAL;
}

static struct chord_message message_to(const struct chord_replica *replica, enum chord_message_type type,
                                       struct chord_address to) {
    return (struct chord_message){.type = type, .from = replica->self.address, .to = to};
}

/* --- answers --- */

/* What the client's location cache may learn: any member knows who owns the arc. Who was reached in one hop is known, or
 * needs no cache. A part that isn't its owner's last says nothing of the ids between. */
static __attribute__((noinline)) void add_claim(struct chord_answer *answer, const struct chord_arc *arc) {
    if (answer->owner_hops > 1 && arc->status == CHORD_ARC_ACTIVE && chord_id_equal(arc->chain[0].id, arc->end)) {
        answer->claim = (struct chord_claim){.owner = arc->chain[0], .start = arc->start, .epoch = arc->epoch};
    }
}

static void answer(const struct chord_replica *replica, const struct chord_arc *arc, const struct chord_request *request,
                   enum chord_outcome outcome, struct chord_version version, const unsigned char *value,
                   uint32_t value_size) {
    struct chord_message message = message_to(replica, CHORD_MESSAGE_ANSWER,
                                              (struct chord_address){.rank = request->client_rank});
    message.answer.seq = request->seq;
    message.answer.outcome = outcome;
    message.answer.shortcut = request->shortcut;
    message.answer.owner_hops = request->owner_hops;
    message.answer.version = version;
    message.answer.value = value;
    message.answer.value_size = value_size;
    message.answer.claim.epoch = 0;
    if (__builtin_expect(replica->environment->cache != NULL, 0)) {
        add_claim(&message.answer, arc);
    }
    chord_send(replica->environment, &message);
}

void chord_replicate_answer_query(const struct chord_replica *replica, const struct chord_arc *arc,
                                  const struct chord_request *request) {
    const struct chord_entry *entry =
        chord_store_find(&arc->store, request->key_id, request->key, request->key_size);
    if (entry == NULL) {
        const struct chord_version version = {.epoch = arc->epoch, .counter = arc->applied};
        answer(replica, arc, request, CHORD_ABSENT, version, NULL, 0);
        return;
    }
    answer(replica, arc, request, CHORD_FOUND, chord_entry_version(entry), chord_entry_value(entry), entry->value_size);
}

void chord_replicate_refuse(const struct chord_replica *replica, const struct chord_request *request,
                            enum chord_refusal_reason reason) {
    struct chord_message message = message_to(replica, CHORD_MESSAGE_REFUSAL,
                                              (struct chord_address){.rank = request->client_rank});
    message.refusal = (struct chord_refusal){.seq = request->seq, .reason = reason};
    chord_send(replica->environment, &message);
}

/* --- what is under way --- */

static uint32_t size_of(const struct chord_request *request) {
    return request->key_size + request->value_size;
}

static bool has_room(const struct chord_replica *replica, const struct chord_arc *arc,
                     const struct chord_request *request) {
    const struct chord_config *config = replica->environment->config;
    if (request->kind == CHORD_QUERY || arc->chain_count == 1) {
        return true;
    }
    return arc->log.count == 0 || (arc->log.count < config->unacknowledged_count_max &&
                                   arc->log.bytes + size_of(request) <= config->unacknowledged_bytes_max);
}

static void acknowledge_up_to(struct chord_arc *arc, uint64_t counter) {
    arc->acknowledged = counter;
    chord_log_release(&arc->log, &arc->store, counter);
}

/* --- applying --- */

/* Changes the store. The tail is the first to know that a write is answered and needs no pre-image; all others keep it
 * in the log, where there is room for it by now. */
static enum chord_status change_store(struct chord_arc *arc, const struct chord_request *request,
                                      struct chord_version version) {
    struct chord_log_write write = {.counter = version.counter, .bytes = size_of(request)};
    if (chord_arc_is_tail(arc)) {
        if (request->kind == CHORD_INSERT) {
            return chord_store_put(&arc->store, request->key_id, request->key, request->key_size, request->value,
                                   request->value_size, version);
        }
        (void)chord_store_remove(&arc->store, request->key_id, request->key, request->key_size);
        return CHORD_OK;
    }
    if (request->kind == CHORD_INSERT) {
        if (chord_store_exchange(&arc->store, request->key_id, request->key, request->key_size, request->value,
                                 request->value_size, version, &write.previous, &write.written) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    } else {
        write.previous = chord_store_detach(&arc->store, request->key_id, request->key, request->key_size);
    }
    write.bytes += write.previous == NULL ? 0 : write.previous->value_size;
    chord_log_add(&arc->log, write);
    return CHORD_OK;
}

/* Applies the next write of the arc to the store and records it for its client (M7). A write is applied whole or, with
 * CHORD_NO_MEMORY, not at all. */
static enum chord_status apply(struct chord_arc *arc, const struct chord_request *request,
                               struct chord_version version, enum chord_outcome *outcome) {
    const struct chord_entry *entry =
        chord_store_find(&arc->store, request->key_id, request->key, request->key_size);
    if (request->kind == CHORD_INSERT) {
        *outcome = entry == NULL ? CHORD_INSERTED : CHORD_UPDATED;
    } else {
        *outcome = entry == NULL ? CHORD_ABSENT : CHORD_DELETED;
    }
    /* What can fail comes first: nothing is changed yet when it does. */
    if (chord_duplicates_reserve(&arc->duplicates, request->client_rank) != CHORD_OK ||
        (!chord_arc_is_tail(arc) && chord_log_reserve(&arc->log, 1) != CHORD_OK) ||
        change_store(arc, request, version) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    const struct chord_duplicate record = {
        .seq = request->seq, .version = version, .key_id = request->key_id, .outcome = *outcome};
    chord_check(chord_duplicates_add(&arc->duplicates, request->client_rank, request->watermark, record) ==
                CHORD_OK);
    arc->applied = version.counter;
    if (chord_arc_is_tail(arc)) {
        acknowledge_up_to(arc, arc->applied);
    }
    return CHORD_OK;
}

static void send_down(const struct chord_replica *replica, const struct chord_arc *arc,
                      const struct chord_chain *chain) {
    struct chord_message message =
        message_to(replica, CHORD_MESSAGE_CHAIN, arc->chain[arc->position + 1].address);
    message.chain = *chain;
    chord_send(replica->environment, &message);
}

/* --- the head --- */

static bool is_waiting(const struct chord_arc *arc, const struct chord_request *request) {
    for (const struct chord_waiting *waiting = arc->waiting_first; waiting != NULL; waiting = waiting->next) {
        if (waiting->request.client_rank == request->client_rank && waiting->request.seq == request->seq) {
            return true;
        }
    }
    return false;
}

/* A repeated request that waits already isn't put aside again: the first one will be answered. */
static enum chord_status put_aside(const struct chord_replica *replica, struct chord_arc *arc,
                                   const struct chord_request *request) {
    if (is_waiting(arc, request)) {
        return CHORD_OK;
    }
    struct chord_waiting *waiting =
        chord_allocate(replica->environment->allocator, sizeof *waiting + size_of(request));
    if (waiting == NULL) {
        return CHORD_NO_MEMORY;
    }
    waiting->request = *request;
    memcpy(waiting->bytes, request->key, request->key_size);
    waiting->request.key = waiting->bytes;
    if (request->value_size > 0) {
        memcpy(waiting->bytes + request->key_size, request->value, request->value_size);
    }
    waiting->request.value = waiting->bytes + request->key_size;
    chord_arc_append_waiting(arc, waiting);
    return CHORD_OK;
}

static void admit_query(const struct chord_replica *replica, struct chord_arc *arc,
                        const struct chord_request *request) {
    if (is_eventual(replica) || arc->chain_count == 1) {
        chord_replicate_answer_query(replica, arc, request);
        return;
    }
    const struct chord_chain chain = {.request = *request, .epoch = arc->epoch, .outcome = CHORD_UNKNOWN};
    send_down(replica, arc, &chain);
}

static enum chord_status admit_write(const struct chord_replica *replica, struct chord_arc *arc,
                                     const struct chord_request *request) {
    if (request->seq < chord_duplicates_watermark(&arc->duplicates, request->client_rank)) {
        chord_replicate_refuse(replica, request, CHORD_REFUSED_BELOW_WATERMARK);
        return CHORD_OK;
    }
    struct chord_chain chain = {.request = *request, .epoch = arc->epoch};
    const struct chord_duplicate *record =
        chord_duplicates_find(&arc->duplicates, request->client_rank, request->seq);
    if (record != NULL) {
        chain.duplicate = true;
        chain.version = record->version;
        chain.outcome = record->outcome;
    } else {
        chain.version = (struct chord_version){.epoch = arc->epoch, .counter = arc->applied + 1};
        if (apply(arc, request, chain.version, &chain.outcome) != CHORD_OK) {
            chord_replicate_refuse(replica, request, CHORD_REFUSED_NOT_ACTIVE);
            return CHORD_NO_MEMORY;
        }
    }
    /* Eventual: the answer doesn't wait for the chain, and a duplicate has nothing new to propagate. */
    if (arc->chain_count == 1 || is_eventual(replica)) {
        answer(replica, arc, request, chain.outcome, chain.version, NULL, 0);
    }
    if (arc->chain_count > 1 && !(chain.duplicate && is_eventual(replica))) {
        send_down(replica, arc, &chain);
    }
    return CHORD_OK;
}

static enum chord_status admit(const struct chord_replica *replica, struct chord_arc *arc,
                               const struct chord_request *request) {
    if (request->kind == CHORD_QUERY) {
        admit_query(replica, arc, request);
        return CHORD_OK;
    }
    return admit_write(replica, arc, request);
}

enum chord_status chord_replicate_request(const struct chord_replica *replica, struct chord_arc *arc,
                                          const struct chord_request *request) {
    const bool serves = chord_arc_serves(arc) && chord_arc_is_head(arc); /* M6 */
    const bool waits_for_nothing = request->kind == CHORD_QUERY && is_eventual(replica);
    if (!serves || (!waits_for_nothing && (arc->waiting_first != NULL || !has_room(replica, arc, request)))) {
        if (put_aside(replica, arc, request) != CHORD_OK) {
            chord_replicate_refuse(replica, request, CHORD_REFUSED_NOT_ACTIVE);
            return CHORD_NO_MEMORY;
        }
        return CHORD_OK;
    }
    return admit(replica, arc, request);
}

/* A request that there is no memory for has been refused: the ones behind it have their turn all the same. */
enum chord_status chord_replicate_resume(const struct chord_replica *replica, struct chord_arc *arc) {
    enum chord_status status = CHORD_OK;
    while (arc->waiting_first != NULL && has_room(replica, arc, &arc->waiting_first->request)) {
        struct chord_waiting *waiting = arc->waiting_first;
        arc->waiting_first = waiting->next;
        const enum chord_status admitted = admit(replica, arc, &waiting->request);
        chord_free(replica->environment->allocator, waiting);
        status = admitted == CHORD_OK ? status : admitted;
    }
    return status;
}

void chord_replicate_hand_over(const struct chord_replica *replica, struct chord_arc *arc, struct chord_address head) {
    while (arc->waiting_first != NULL) {
        struct chord_waiting *waiting = arc->waiting_first;
        arc->waiting_first = waiting->next;
        struct chord_message message = message_to(replica, CHORD_MESSAGE_REQUEST, head);
        message.request = waiting->request;
        message.request.to_owner = true;
        message.request.owner_hops++;
        chord_send(replica->environment, &message);
        chord_free(replica->environment->allocator, waiting);
    }
}

/* --- the other members --- */

static void send_ack(const struct chord_replica *replica, struct chord_arc *arc) {
    struct chord_message message =
        message_to(replica, CHORD_MESSAGE_ACK, arc->chain[arc->position - 1].address);
    message.ack = (struct chord_ack){.arc_end = arc->end, .epoch = arc->epoch, .counter = arc->acknowledged};
    chord_send(replica->environment, &message);
    arc->ack_due_count = 0;
    arc->ack_due_bytes = 0;
    arc->ack_deadline_ticks = UINT64_MAX;
}

static void owe_ack(const struct chord_replica *replica, struct chord_arc *arc, const struct chord_request *request) {
    const struct chord_config *config = replica->environment->config;
    if (arc->ack_due_count == 0) {
        arc->ack_deadline_ticks = replica->now_ticks + config->ack_delay_ticks;
    }
    arc->ack_due_count++;
    arc->ack_due_bytes += size_of(request);
    if (arc->ack_due_count >= config->ack_batch_count || arc->ack_due_bytes >= config->ack_batch_bytes) {
        send_ack(replica, arc);
    }
}

/* A repeated write. The original may still be on its way to the tail, but it is ahead on the same channels, so the
 * tail has its record by now, unless the client has since said by its watermark that it needs no answer any more. */
static void pass_duplicate(const struct chord_replica *replica, struct chord_arc *arc,
                           const struct chord_chain *chain) {
    if (!chord_arc_is_tail(arc)) {
        send_down(replica, arc, chain);
        return;
    }
    const struct chord_duplicate *record =
        chord_duplicates_find(&arc->duplicates, chain->request.client_rank, chain->request.seq);
    if (record != NULL) {
        answer(replica, arc, &chain->request, record->outcome, record->version, NULL, 0);
    }
}

void chord_replicate_refuse_chain(const struct chord_replica *replica, const struct chord_request *request) {
    if (!is_eventual(replica)) { /* there the head has answered */
        chord_replicate_refuse(replica, request, CHORD_REFUSED_STALE_EPOCH);
    }
}

enum chord_status chord_replicate_chain(const struct chord_replica *replica, struct chord_arc *arc,
                                        struct chord_address from, const struct chord_chain *chain) {
    const struct chord_request *request = &chain->request;
    /* M5 */
    if (!chord_arc_admits_epoch(arc, chain->epoch)) {
        chord_replicate_refuse_chain(replica, request);
        return CHORD_STALE;
    }
    if (chain->epoch > arc->epoch || arc->status != CHORD_ARC_ACTIVE || chord_arc_is_head(arc) ||
        !chord_address_equal(from, arc->chain[arc->position - 1].address)) {
        return CHORD_UNEXPECTED;
    }
    if (request->kind == CHORD_QUERY) {
        if (chord_arc_is_tail(arc)) {
            chord_replicate_answer_query(replica, arc, request);
        } else {
            send_down(replica, arc, chain);
        }
        return CHORD_OK;
    }
    if (chain->duplicate) {
        pass_duplicate(replica, arc, chain);
        return CHORD_OK;
    }
    if (chain->version.epoch > arc->epoch) {
        return CHORD_UNEXPECTED;
    }
    if (chain->version.counter > arc->applied + 1) {
        /* What came before was discarded when this rank was shut: this incarnation is out, and will hear so. */
        return CHORD_STALE;
    }
    /* The defence of rule M5: what isn't newer is passed on, not applied. */
    if (chain->version.counter == arc->applied + 1) {
        enum chord_outcome outcome;
        if (request->seq < chord_duplicates_watermark(&arc->duplicates, request->client_rank) ||
            chord_duplicates_find(&arc->duplicates, request->client_rank, request->seq) != NULL) {
            return CHORD_UNEXPECTED;
        }
        if (apply(arc, request, chain->version, &outcome) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    if (!chord_arc_is_tail(arc)) {
        send_down(replica, arc, chain);
        return CHORD_OK;
    }
    if (!is_eventual(replica)) {
        answer(replica, arc, request, chain->outcome, chain->version, NULL, 0);
    }
    owe_ack(replica, arc, request);
    return CHORD_OK;
}

enum chord_status chord_replicate_ack(const struct chord_replica *replica, struct chord_arc *arc,
                                      struct chord_address from, const struct chord_ack *ack) {
    if (!chord_arc_admits_epoch(arc, ack->epoch)) {
        return CHORD_STALE;
    }
    if (ack->epoch > arc->epoch || arc->status != CHORD_ARC_ACTIVE || chord_arc_is_tail(arc) ||
        !chord_address_equal(from, arc->chain[arc->position + 1].address) || ack->counter > arc->applied) {
        return CHORD_UNEXPECTED;
    }
    if (ack->counter <= arc->acknowledged) {
        return CHORD_OK;
    }
    acknowledge_up_to(arc, ack->counter);
    if (chord_arc_is_head(arc)) {
        return chord_replicate_resume(replica, arc);
    }
    send_ack(replica, arc);
    return CHORD_OK;
}

void chord_replicate_tick(const struct chord_replica *replica, struct chord_arc *arc) {
    if (arc->ack_deadline_ticks <= replica->now_ticks && chord_arc_serves(arc)) {
        send_ack(replica, arc);
    }
}
