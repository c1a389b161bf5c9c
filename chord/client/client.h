/* The client of a rank: issues operations and awaits their answers.
 *
 * It numbers requests, holds at most `window` of them, repeats a request without an answer under the same number, and
 * says with each the watermark below which all are answered, so that heads may forget their duplicate records.
 *
 * A request without an answer is repeated after retry_ticks, then after twice as long each time; a refused one soon. Every
 * copy that was neither refused nor answered may still be on its way, and when there are copies_max of them the operation
 * is given up: it completes as CHORD_UNKNOWN, for it may have taken effect or still do so. But it keeps its credits, or
 * the bound would be none, until it is answered after all or a rank is shut: with that rank's queues such copies vanish.
 * A client whose credits are all held so is stuck: it can issue nothing more.
 *
 * Two operations on one key are never under way at once, so that none overtakes another. And the client pays for each
 * operation with credits, one for each frame that its largest message may fill: the sum of all clients' credits bounds
 * what any node can be asked to forward, which is why a node needs neither to block nor to drop. */
#ifndef CHORD_CLIENT_CLIENT_H
#define CHORD_CLIENT_CLIENT_H

#include "chord/wire/sink.h"

/* An operation that a host asks for. */
struct chord_operation {
    uint64_t tag; /* comes back with the completion */
    enum chord_operation_kind kind;
    struct chord_address entry; /* the node to enter the ring at */
    struct chord_id key_id;     /* the hash of the key */
    const unsigned char *key;   /* borrowed until the operation completes, like the value */
    uint32_t key_size;
    uint32_t value_size;
    const unsigned char *value;
};

struct chord_client_slot {
    struct chord_operation operation;
    uint64_t seq;
    uint64_t started_ticks;
    uint64_t deadline_ticks; /* when the request is sent again */
    uint32_t retry_count;
    uint32_t copy_count; /* requests that may be on their way */
    uint32_t credit_count;
    uint32_t next; /* of the free list, or of the same bucket of keys */
    bool used;
    bool given_up; /* its host knows that; the key is free for others */
};

struct chord_client {
    const struct chord_environment *environment; /* borrowed */
    uint32_t rank;
    struct chord_client_slot *slots; /* owned; window of them */
    uint32_t free_first;
    uint32_t outstanding_count; /* slots in use, */
    uint32_t given_up_count;    /* those of operations that were given up included */
    uint32_t credits_free;
    uint64_t seq_next;
    uint64_t watermark; /* the lowest seq that is not answered */
    uint32_t *by_seq;   /* owned; span of them: slot of a seq, modulo span */
    uint32_t *by_key;   /* owned; span of them: first slot of a bucket */
    uint32_t span;      /* a power of two; seqs from watermark on stay below watermark + span */
    uint64_t deadline_ticks; /* not later than any slot's */
    uint64_t retry_total;
};

/* The credits that an operation with such a key costs: frames that its largest message may need. */
uint32_t chord_client_cost(const struct chord_config *config, enum chord_operation_kind kind, uint32_t key_size,
                           uint32_t value_size);

/* A client without operations. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_client_init(struct chord_client *client,
                                                     const struct chord_environment *environment, uint32_t rank);
void chord_client_clear(struct chord_client *client);

/* Issues an operation. CHORD_BUSY: nothing was done, try again after a completion. CHORD_KEY_EMPTY, CHORD_KEY_TOO_LONG
 * and CHORD_VALUE_TOO_LONG: never. */
CHORD_MUST_CHECK enum chord_status chord_client_submit(struct chord_client *client,
                                                       const struct chord_operation *operation, uint64_t now_ticks);

/* A rank is out, or this one was, and what was on its way there is lost: all that is under way is asked for again, once more
 * at least, and what was given up costs nothing any more. */
void chord_client_ask_again(struct chord_client *client, uint64_t now_ticks);

/* Operations that aren't answered and not given up. */
static inline uint32_t chord_client_waiting_count(const struct chord_client *client) {
    return client->outstanding_count - client->given_up_count;
}

/* Nothing is awaited, yet operations that were given up leave no room for an operation of this cost. */
bool chord_client_is_stuck(const struct chord_client *client, uint32_t cost);

/* ANSWER or REFUSAL. CHORD_STALE: of an operation that is answered already. CHORD_UNEXPECTED: anything else. */
CHORD_MUST_CHECK enum chord_status chord_client_receive(struct chord_client *client,
                                                        const struct chord_message *message, uint64_t now_ticks);

/* Sends again what is due. */
void chord_client_tick(struct chord_client *client, uint64_t now_ticks);

/* When the client next wants a tick; UINT64_MAX if never. May be early, never late. */
static inline uint64_t chord_client_deadline(const struct chord_client *client) {
    return chord_client_waiting_count(client) == 0 ? UINT64_MAX : client->deadline_ticks;
}

#endif
