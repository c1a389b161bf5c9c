/* The messages of the protocol, as a tagged union. What they look like as bytes is codec.h's business.
 *
 * Who speaks to whom:
 *
 *     client --REQUEST--> entry node --REQUEST--> ... --REQUEST--> owner = head --CHAIN--> ... --CHAIN--> tail
 *     tail --ANSWER--> client                                       head <--ACK-- ... <--ACK-- tail
 *     any node --REFUSAL--> client                                  (a request that can't be served now: retried)
 *     node --LOOKUP--> ... --LOOKUP--> owner --FOUND--> node        (fills one finger)
 *     node --REGISTER--> coordinator --NEIGHBOURS, INSTALL--> node --SYNCED--> coordinator --ACTIVATE--> node
 *
 * THE DEFINITION OF A HOP. owner_hops of an operation is the number of REQUEST messages sent from node to node until
 * the owner has it: 0 if the node that it enters at owns the key. The message from the client to the entry node, the
 * CHAIN messages and the ANSWER are counted apart and never as hops. path_length, the papers' figure, is
 * max(owner_hops - 1, 0): they count the nodes between the first and the last.
 *
 * Bytes (keys, values, encoded member lists) are borrowed: valid until the call that the message is passed to
 * returns. A receiver that keeps them copies them. */
#ifndef CHORD_WIRE_MESSAGE_H
#define CHORD_WIRE_MESSAGE_H

#include "chord/base/id.h"
#include "chord/wire/limits.h"
#include "chord/wire/operation.h"

#include <stdbool.h>
#include <stdint.h>

/* Types below 128 are the core's; a host may use the others for its own messages on the same channels. */
enum chord_message_type {
    CHORD_MESSAGE_REQUEST = 1,
    CHORD_MESSAGE_CHAIN,
    CHORD_MESSAGE_ACK,
    CHORD_MESSAGE_ANSWER,
    CHORD_MESSAGE_REFUSAL,
    CHORD_MESSAGE_LOOKUP,
    CHORD_MESSAGE_FOUND,
    CHORD_MESSAGE_REGISTER,
    CHORD_MESSAGE_NEIGHBOURS,
    CHORD_MESSAGE_INSTALL,
    CHORD_MESSAGE_SYNCED,
    CHORD_MESSAGE_ACTIVATE,
    CHORD_MESSAGE_TYPE_COUNT
};

/* Where a message goes. The type says to which part of the rank: its client (ANSWER, REFUSAL), its coordinator
 * (REGISTER, SYNCED) or the node `virtual_node` (all others). */
struct chord_address {
    uint32_t rank;
    uint16_t virtual_node;
};

static inline bool chord_address_equal(struct chord_address a, struct chord_address b) {
    return a.rank == b.rank && a.virtual_node == b.virtual_node;
}

/* A node as others know it. The incarnation counts how often it has (re)joined, from 1. */
struct chord_member {
    struct chord_id id;
    struct chord_address address;
    uint32_t incarnation;
};

/* A list of members: a plain array when it is sent, still encoded when it is received. Read it by chord_members_get. */
struct chord_members {
    const struct chord_member *array;
    const unsigned char *encoded;
    uint32_t count;
};

/* An operation on its way, in REQUEST and in CHAIN. (client_rank, seq) is the request id; all the client's requests
 * with a seq below `watermark` are answered. */
struct chord_request {
    enum chord_operation_kind kind;
    uint16_t owner_hops;
    uint32_t client_rank;
    uint64_t seq;
    uint64_t watermark; /* <= seq */
    struct chord_id key_id;
    const unsigned char *key;
    uint32_t key_size;   /* 1..CHORD_KEY_SIZE_MAX */
    uint32_t value_size; /* 0 unless an insert */
    const unsigned char *value;
};

/* An admitted operation on its way down the chain of the arc that its key is in. */
struct chord_chain {
    struct chord_request request;
    uint32_t epoch;               /* the arc epoch that the head admitted it in */
    struct chord_version version; /* a write's; zero for a query */
    enum chord_outcome outcome;   /* a write's; CHORD_UNKNOWN for a query */
    bool duplicate;               /* a repeated write: already applied, the tail answers it from its record */
};

/* Every write of the arc up to this counter has reached the tail. */
struct chord_ack {
    struct chord_id arc_end;
    uint32_t epoch;
    uint64_t counter;
};

struct chord_answer {
    uint64_t seq;
    enum chord_outcome outcome;
    uint16_t owner_hops;
    struct chord_version version; /* of the key; of its arc if the key is absent */
    uint32_t value_size;
    const unsigned char *value;
};

enum chord_refusal_reason {
    CHORD_REFUSED_NOT_ACTIVE,      /* the arc serves nobody at the moment: try again */
    CHORD_REFUSED_STALE_EPOCH,     /* the chain has moved on: try again */
    CHORD_REFUSED_BELOW_WATERMARK, /* the request was answered long ago: a late duplicate (rule M7) */
    CHORD_REFUSED_TOO_MANY_HOPS,   /* routing went round in circles: try again */
    CHORD_REFUSAL_REASON_COUNT
};

struct chord_refusal {
    uint64_t seq;
    enum chord_refusal_reason reason;
};

/* Asks for the owner of `target`; `origin` waits for the answer for its finger `exponent`. */
struct chord_lookup {
    struct chord_id target;
    struct chord_address origin;
    uint16_t exponent;
    uint16_t hops;
};

struct chord_found {
    struct chord_member owner;
    uint16_t exponent;
};

struct chord_register {
    struct chord_member member;
};

/* A node's place in the ring. With one-hop routing `successors` holds every other member. */
struct chord_neighbours {
    uint32_t epoch;
    struct chord_member predecessor;
    struct chord_members successors;
};

/* INSTALL of section 5: the arc (start, end] has this chain from this epoch on. */
struct chord_install {
    uint32_t epoch;
    struct chord_id start;
    struct chord_id end;
    struct chord_members chain; /* head first */
    bool empty;                 /* the ring is being formed: nobody has data of this arc, so there is no source */
};

struct chord_synced {
    uint32_t epoch;
    uint32_t incarnation;
    struct chord_id arc_end;
};

struct chord_activate {
    uint32_t epoch;
    struct chord_id arc_end;
};

struct chord_message {
    enum chord_message_type type;
    struct chord_address from;
    struct chord_address to;
    union {
        struct chord_request request;
        struct chord_chain chain;
        struct chord_ack ack;
        struct chord_answer answer;
        struct chord_refusal refusal;
        struct chord_lookup lookup;
        struct chord_found found;
        struct chord_register registration;
        struct chord_neighbours neighbours;
        struct chord_install install;
        struct chord_synced synced;
        struct chord_activate activate;
    };
};

/* The member at index (< count). */
struct chord_member chord_members_get(const struct chord_members *members, uint32_t index);

/* The field's name of a message type, "?" for any other number. Static storage. */
const char *chord_message_name(enum chord_message_type type);

#endif
