#include "chord/client/client.h"

#include "chord/base/check.h"
#include "chord/base/prng.h"
#include "chord/wire/codec.h"

#include <string.h>

#define NONE UINT32_MAX
/* How many windows the numbers of outstanding requests may be apart: an operation that takes long doesn't stop the
 * others at once, yet the duplicate records that it holds up stay few. */
#define SPAN_WINDOWS 4u
/* The longest time between two repetitions, as a power of two of the shortest. */
#define DOUBLINGS_MAX 10u

uint32_t chord_client_cost(const struct chord_config *config, enum chord_operation_kind kind, uint32_t key_size,
                           uint32_t value_size) {
    /* The answer to a query is as long as the longest value may be. */
    const uint32_t value = kind == CHORD_QUERY ? config->value_size_max : value_size;
    return 1 + (CHORD_CODEC_FIXED_SIZE_MAX + key_size + value) / config->credit_bytes;
}

enum chord_status chord_client_init(struct chord_client *client, const struct chord_environment *environment,
                                    uint32_t rank) {
    const struct chord_config *config = environment->config;
    *client = (struct chord_client){
        .environment = environment, .rank = rank, .credits_free = config->credit_count, .deadline_ticks = UINT64_MAX};
    chord_check(config->window >= 1);
    for (client->span = 1; client->span < SPAN_WINDOWS * config->window;) {
        client->span *= 2;
    }
    client->slots = chord_allocate(environment->allocator, config->window * sizeof *client->slots);
    client->by_seq = chord_allocate(environment->allocator, client->span * sizeof *client->by_seq);
    client->by_key = chord_allocate(environment->allocator, client->span * sizeof *client->by_key);
    if (client->slots == NULL || client->by_seq == NULL || client->by_key == NULL) {
        chord_client_clear(client);
        return CHORD_NO_MEMORY;
    }
    memset(client->by_seq, 0xff, client->span * sizeof *client->by_seq);
    memset(client->by_key, 0xff, client->span * sizeof *client->by_key);
    for (uint32_t i = 0; i < config->window; i++) {
        client->slots[i] = (struct chord_client_slot){.next = i + 1 < config->window ? i + 1 : NONE};
    }
    return CHORD_OK;
}

void chord_client_clear(struct chord_client *client) {
    chord_free(client->environment->allocator, client->slots);
    chord_free(client->environment->allocator, client->by_seq);
    chord_free(client->environment->allocator, client->by_key);
    client->slots = NULL;
    client->by_seq = NULL;
    client->by_key = NULL;
}

static uint32_t *bucket_of(const struct chord_client *client, const struct chord_operation *operation) {
    /* The leading bits are the ones that every id has, however short the ring's ids are; mixed, they spread. */
    return &client->by_key[chord_mix64(operation->key_id.high) & (client->span - 1)];
}

static bool is_key_under_way(const struct chord_client *client, const struct chord_operation *operation) {
    for (uint32_t i = *bucket_of(client, operation); i != NONE; i = client->slots[i].next) {
        const struct chord_operation *other = &client->slots[i].operation;
        if (other->key_size == operation->key_size && memcmp(other->key, operation->key, operation->key_size) == 0) {
            return true;
        }
    }
    return false;
}

/* A repetition enters at the client's own rank, which lives: what was tried before may be out of reach. */
static struct chord_address entry_of(const struct chord_client *client, const struct chord_client_slot *slot) {
    const struct chord_address entry = slot->operation.entry;
    if (slot->retry_count == 0 && !chord_is_shut(client->environment, entry.rank)) {
        return entry;
    }
    return (struct chord_address){.rank = client->rank, .virtual_node = entry.virtual_node};
}

static void set_deadline(struct chord_client *client, struct chord_client_slot *slot, uint64_t deadline_ticks) {
    slot->deadline_ticks = deadline_ticks;
    if (deadline_ticks < client->deadline_ticks) {
        client->deadline_ticks = deadline_ticks;
    }
}

static void send_request(struct chord_client *client, struct chord_client_slot *slot, uint64_t now_ticks) {
    const struct chord_operation *operation = &slot->operation;
    struct chord_message message = {
        .type = CHORD_MESSAGE_REQUEST, .from = {.rank = client->rank}, .to = entry_of(client, slot)};
    message.request = (struct chord_request){.kind = operation->kind,
                                             .client_rank = client->rank,
                                             .seq = slot->seq,
                                             .watermark = client->watermark,
                                             .key_id = operation->key_id,
                                             .key = operation->key,
                                             .key_size = operation->key_size,
                                             .value = operation->value,
                                             .value_size = operation->value_size};
    const uint32_t doublings = slot->copy_count < DOUBLINGS_MAX ? slot->copy_count : DOUBLINGS_MAX;
    slot->copy_count++;
    set_deadline(client, slot, now_ticks + (client->environment->config->retry_ticks << doublings));
    chord_send(client->environment, &message);
}

enum chord_status chord_client_submit(struct chord_client *client, const struct chord_operation *operation,
                                      uint64_t now_ticks) {
    const struct chord_config *config = client->environment->config;
    if (operation->key_size < 1) {
        return CHORD_KEY_EMPTY;
    }
    if (operation->key_size > CHORD_KEY_SIZE_MAX) {
        return CHORD_KEY_TOO_LONG;
    }
    if (operation->value_size > config->value_size_max) {
        return CHORD_VALUE_TOO_LONG;
    }
    const uint32_t cost = chord_client_cost(config, operation->kind, operation->key_size, operation->value_size);
    if (client->outstanding_count == config->window || cost > client->credits_free ||
        client->seq_next - client->watermark >= client->span || is_key_under_way(client, operation)) {
        return CHORD_BUSY;
    }
    const uint32_t index = client->free_first;
    struct chord_client_slot *slot = &client->slots[index];
    client->free_first = slot->next;
    uint32_t *bucket = bucket_of(client, operation);
    *slot = (struct chord_client_slot){.operation = *operation,
                                       .seq = client->seq_next++,
                                       .started_ticks = now_ticks,
                                       .credit_count = cost,
                                       .next = *bucket,
                                       .used = true};
    *bucket = index;
    client->by_seq[slot->seq & (client->span - 1)] = index;
    client->credits_free -= cost;
    if (chord_client_waiting_count(client) == 0) {
        client->deadline_ticks = UINT64_MAX;
    }
    client->outstanding_count++;
    send_request(client, slot, now_ticks);
    return CHORD_OK;
}

/* The slot of an operation that is under way, or NONE. */
static uint32_t slot_of(const struct chord_client *client, uint64_t seq) {
    if (seq < client->watermark || seq >= client->seq_next) {
        return NONE;
    }
    return client->by_seq[seq & (client->span - 1)];
}

/* Others may work on the key. */
static void release_key(struct chord_client *client, uint32_t index) {
    struct chord_client_slot *slot = &client->slots[index];
    uint32_t *link = bucket_of(client, &slot->operation);
    while (*link != index) {
        link = &client->slots[*link].next;
    }
    *link = slot->next;
}

static void release(struct chord_client *client, uint32_t index) {
    struct chord_client_slot *slot = &client->slots[index];
    if (slot->given_up) {
        client->given_up_count--;
    } else {
        release_key(client, index);
    }
    slot->used = false;
    slot->next = client->free_first;
    client->free_first = index;
    client->outstanding_count--;
    client->credits_free += slot->credit_count;
    client->by_seq[slot->seq & (client->span - 1)] = NONE;
    while (client->watermark < client->seq_next &&
           client->by_seq[client->watermark & (client->span - 1)] == NONE) {
        client->watermark++;
    }
}

static bool outcome_fits(enum chord_operation_kind kind, enum chord_outcome outcome) {
    switch (kind) {
    case CHORD_INSERT:
        return outcome == CHORD_INSERTED || outcome == CHORD_UPDATED;
    case CHORD_QUERY:
        return outcome == CHORD_FOUND || outcome == CHORD_ABSENT;
    case CHORD_DELETE:
        return outcome == CHORD_DELETED || outcome == CHORD_ABSENT;
    case CHORD_OPERATION_KIND_COUNT:
        break;
    }
    return false;
}

static enum chord_status receive_answer(struct chord_client *client, const struct chord_message *message) {
    const struct chord_answer *answer = &message->answer;
    const uint32_t index = slot_of(client, answer->seq);
    if (index == NONE) {
        return answer->seq < client->seq_next ? CHORD_STALE : CHORD_UNEXPECTED;
    }
    const struct chord_client_slot *slot = &client->slots[index];
    if (!outcome_fits(slot->operation.kind, answer->outcome)) {
        return CHORD_UNEXPECTED;
    }
    if (slot->given_up) {
        release(client, index);
        return CHORD_STALE;
    }
    const struct chord_completion completion = {.tag = slot->operation.tag,
                                                .kind = slot->operation.kind,
                                                .outcome = answer->outcome,
                                                .version = answer->version,
                                                .owner_hops = answer->owner_hops,
                                                .shortcut = answer->shortcut,
                                                .retry_count = slot->retry_count,
                                                .answered_by = message->from,
                                                .started_ticks = slot->started_ticks,
                                                .value = answer->value,
                                                .value_size = answer->value_size};
    release(client, index);
    client->environment->sink->complete(client->environment->sink->context, &completion);
    return CHORD_OK;
}

static enum chord_status receive_refusal(struct chord_client *client, const struct chord_refusal *refusal,
                                         uint64_t now_ticks) {
    const uint32_t index = slot_of(client, refusal->seq);
    if (index == NONE) {
        return refusal->seq < client->seq_next ? CHORD_STALE : CHORD_UNEXPECTED;
    }
    struct chord_client_slot *slot = &client->slots[index];
    slot->copy_count -= slot->copy_count > 0;
    if (slot->given_up) {
        if (slot->copy_count == 0) {
            release(client, index);
        }
        return CHORD_STALE;
    }
    const uint64_t again = now_ticks + client->environment->config->backoff_ticks;
    if (again < slot->deadline_ticks) {
        set_deadline(client, slot, again);
    }
    return CHORD_OK;
}

enum chord_status chord_client_receive(struct chord_client *client, const struct chord_message *message,
                                       uint64_t now_ticks) {
    switch (message->type) {
    case CHORD_MESSAGE_ANSWER:
        return receive_answer(client, message);
    case CHORD_MESSAGE_REFUSAL:
        return receive_refusal(client, &message->refusal, now_ticks);
    default:
        return CHORD_UNEXPECTED;
    }
}

/* It stays in its slot, with its credits, until its copies are known to be gone. */
static void give_up(struct chord_client *client, uint32_t index) {
    struct chord_client_slot *slot = &client->slots[index];
    const struct chord_completion completion = {.tag = slot->operation.tag,
                                                .kind = slot->operation.kind,
                                                .outcome = CHORD_UNKNOWN,
                                                .retry_count = slot->retry_count,
                                                .started_ticks = slot->started_ticks};
    release_key(client, index);
    slot->given_up = true;
    client->given_up_count++;
    client->environment->sink->complete(client->environment->sink->context, &completion);
}

void chord_client_tick(struct chord_client *client, uint64_t now_ticks) {
    const uint32_t copies_max = client->environment->config->copies_max;
    if (chord_client_deadline(client) > now_ticks) {
        return;
    }
    client->deadline_ticks = UINT64_MAX;
    for (uint32_t i = 0; i < client->environment->config->window; i++) {
        struct chord_client_slot *slot = &client->slots[i];
        if (!slot->used || slot->given_up) {
            continue;
        }
        if (slot->deadline_ticks > now_ticks) {
            set_deadline(client, slot, slot->deadline_ticks);
        } else if (copies_max > 0 && slot->copy_count >= copies_max) {
            give_up(client, i);
        } else {
            slot->retry_count++;
            client->retry_total++;
            send_request(client, slot, now_ticks);
        }
    }
}

void chord_client_ask_again(struct chord_client *client, uint64_t now_ticks) {
    const uint32_t copies_max = client->environment->config->copies_max;
    for (uint32_t i = 0; i < client->environment->config->window; i++) {
        struct chord_client_slot *slot = &client->slots[i];
        if (!slot->used) {
            continue;
        }
        if (slot->given_up) {
            release(client, i);
        } else {
            slot->copy_count -= copies_max > 0 && slot->copy_count >= copies_max;
            set_deadline(client, slot, now_ticks);
        }
    }
}

bool chord_client_is_stuck(const struct chord_client *client, uint32_t cost) {
    return client->given_up_count > 0 && chord_client_waiting_count(client) == 0 &&
           (client->outstanding_count == client->environment->config->window || cost > client->credits_free ||
            client->seq_next - client->watermark >= client->span);
}
