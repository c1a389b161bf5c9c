/* The messages of the protocol, as a tagged union. What they look like as bytes is codec.h's business.
 *
 * Who speaks to whom:
 *
 *     client --REQUEST--> entry node --REQUEST--> ... --REQUEST--> owner = head --CHAIN--> ... --CHAIN--> tail
 *     tail --ANSWER--> client                                       head <--ACK-- ... <--ACK-- tail
 *     any node --REFUSAL--> client                                  (a request that can't be served now: retried)
 *
 *     node --LOOKUP--> ... --LOOKUP--> owner --FOUND--> node        (fills one finger, or finds a joiner's place)
 *     new owner --ANNOUNCE--> ... --ANNOUNCE--> nodes with a finger in its arc, the last --ANNOUNCED--> new owner
 *     a node that left --GONE--> a node that sent it something to pass on
 *
 *     node --REGISTER--> coordinator                                (at the start: I am a node of this job)
 *     coordinator --INVITE--> spare --JOIN--> coordinator           (a spare is to join; it finds its place first)
 *     coordinator --PREPARE--> member --WEDGED--> coordinator --INSTALL--> member
 *     member --PULL--> source --PIECE--> member --PULL--> ...       (the state of an arc, in pieces)
 *     member --SYNCED--> coordinator --ACTIVATE or DROP--> member
 *     coordinator --NEIGHBOURS, SPARE or EXCLUDED--> node, new owner --SETTLED--> coordinator
 *
 *     rank --HEARTBEAT--> coordinator --HEARTBEAT--> rank           (I live)
 *     coordinator --SHUT or OPEN--> rank                            (another rank is out, or back)
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
    CHORD_MESSAGE_ANNOUNCE,
    CHORD_MESSAGE_ANNOUNCED,
    CHORD_MESSAGE_GONE,
    CHORD_MESSAGE_REGISTER,
    CHORD_MESSAGE_INVITE,
    CHORD_MESSAGE_JOIN,
    CHORD_MESSAGE_NEIGHBOURS,
    CHORD_MESSAGE_SPARE,
    CHORD_MESSAGE_EXCLUDED,
    CHORD_MESSAGE_PREPARE,
    CHORD_MESSAGE_WEDGED,
    CHORD_MESSAGE_INSTALL,
    CHORD_MESSAGE_PULL,
    CHORD_MESSAGE_PIECE,
    CHORD_MESSAGE_SYNCED,
    CHORD_MESSAGE_ACTIVATE,
    CHORD_MESSAGE_DROP,
    CHORD_MESSAGE_SETTLED,
    CHORD_MESSAGE_HEARTBEAT,
    CHORD_MESSAGE_SHUT,
    CHORD_MESSAGE_OPEN,
    CHORD_MESSAGE_TYPE_COUNT
};

/* Where a message goes. The type says to which part of the rank: its client (ANSWER, REFUSAL), its coordinator
 * (REGISTER, JOIN, WEDGED, SYNCED, SETTLED), to all of it (HEARTBEAT, SHUT, OPEN) or to the node `virtual_node` (all
 * others). */
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

/* The same incarnation of the same node. */
static inline bool chord_member_equal(const struct chord_member *a, const struct chord_member *b) {
    return chord_address_equal(a->address, b->address) && a->incarnation == b->incarnation;
}

/* "Since `epoch`, `owner` owns (start, owner.id]." Of two claims that contradict each other the one of the newer epoch
 * is right, which is why routing may learn from any message that carries one. Epoch 0: no claim, only a name. */
struct chord_claim {
    struct chord_member owner;
    struct chord_id start;
    uint32_t epoch;
};

/* A list of members: a plain array when it is sent, still encoded when it is received. Read it by chord_members_get. */
struct chord_members {
    const struct chord_member *array;
    const unsigned char *encoded;
    uint32_t count;
};

/* Whether the location cache of a rank on the way (ring/cache.h) has named the key's owner: each request takes one such
 * shortcut at most, whatever comes of it. */
enum chord_shortcut {
    CHORD_SHORTCUT_NONE,
    CHORD_SHORTCUT_TAKEN, /* a cache named the node that the request was sent to, */
    CHORD_SHORTCUT_STALE, /* but that wasn't the owner any more and has passed it on */
    CHORD_SHORTCUT_COUNT
};

/* An operation on its way, in REQUEST and in CHAIN. (client_rank, seq) is the request id; all the client's requests
 * with a seq below `watermark` are answered. */
struct chord_request {
    enum chord_operation_kind kind;
    enum chord_shortcut shortcut;
    bool to_owner; /* the sender takes the receiver for the key's owner; in REQUEST only */
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
    enum chord_shortcut shortcut; /* the request's */
    uint16_t owner_hops;
    struct chord_version version; /* of the key; of its arc if the key is absent */
    uint32_t value_size;
    const unsigned char *value;
    struct chord_claim claim; /* for the client's location cache: who owns the key's arc; epoch 0: none */
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

/* Asks for the owner of `target`; `origin` waits for the answer for its finger `exponent`, or, with
 * CHORD_LOOKUP_PLACE, for its own place in the ring. Who passes it on may learn what the origin owns. */
#define CHORD_LOOKUP_PLACE 255u
struct chord_lookup {
    struct chord_id target;
    struct chord_claim origin;
    bool to_owner; /* as in a request */
    uint16_t exponent;
    uint16_t hops;
};

struct chord_found {
    struct chord_claim claim;
    uint32_t incarnation; /* of the node that has asked: what it asked in an earlier life may be outdated */
    uint16_t exponent;
    uint16_t hops; /* messages that the lookup took to get here, this one included */
};

/* A new owner's claim on its way to the nodes whose finger `exponent` may start in it: the owners of target,
 * target's owner + 1 and so on, up to `end` (update_others of SIGCOMM 2001, figure 6). */
struct chord_announce {
    struct chord_claim claim;
    struct chord_id target;
    struct chord_id end;
    bool to_owner; /* as in a request */
    uint16_t exponent;
    uint16_t hops;
};

struct chord_announced {
    uint32_t epoch;
    uint16_t exponent;
    uint16_t hops; /* messages that the announcement took, this one included */
};

/* The sender isn't in the ring any more: forget it. */
struct chord_gone {
    struct chord_member member;
};

/* REGISTER and JOIN. */
struct chord_registration {
    struct chord_member member;
    uint16_t hops; /* messages that it took a joiner to find its place */
};

/* A node's place in the ring. With one-hop routing `successors` holds every other member. */
struct chord_neighbours {
    uint32_t epoch;
    struct chord_member predecessor;
    struct chord_members successors;
};

/* "You are not in the ring; what you can't serve goes to `contact`", a member at this moment. */
struct chord_spare {
    uint32_t epoch;
    struct chord_member contact;
};

/* Rule M8: "this incarnation of yours is out of the ring". */
struct chord_excluded {
    uint32_t incarnation;
    bool rejoin; /* ask to join as a new incarnation; otherwise stay a spare */
    struct chord_member contact;
};

/* Rule M2, of the part (start, end] of the ring. */
struct chord_prepare {
    uint32_t epoch;
    struct chord_id start;
    struct chord_id end;
};

struct chord_wedged {
    uint32_t epoch;
    uint32_t incarnation;
    struct chord_id end;
};

/* Rule M3. The part (start, end] of the ring has this chain from this epoch on. It is all of its owner's arc, (arc_start,
 * chain[0].id], or a part of it, as long as the view change that splits or merges arcs goes on (C10). */
struct chord_install {
    uint32_t epoch;
    struct chord_id start;
    struct chord_id end;
    struct chord_id arc_start;
    struct chord_members chain; /* head first */
    struct chord_member source; /* has the part's state and gives it to the chain */
    bool empty;                 /* there is no source: the ring is being formed and nobody has data, or */
    bool lost;                  /* whoever had the part's was lost (C8), and it begins anew */
};

/* Asks the source for the part's state from byte `offset` on: the acknowledgement of all before it. The first one
 * says what the asker has, so that a delta may do (M4). */
struct chord_pull {
    uint32_t epoch;
    struct chord_id end;
    uint64_t offset;
    uint32_t base_epoch;      /* the asker's complete state is that of this epoch's chain; 0: it has none, */
    uint64_t base_applied;    /* after so many writes, */
    uint64_t base_log_start;  /* of which it can undo those above this one, */
    uint64_t base_joint_from; /* but those in (from, to] only together (chain/log.h) */
    uint64_t base_joint_to;
};

/* Bytes offset to offset + size of a part's state, as chain/transfer.h writes it. */
struct chord_piece {
    uint32_t epoch;
    struct chord_id end;
    uint64_t offset;
    bool last;
    uint32_t size;
    const unsigned char *bytes;
};

/* The chain's member has the part's state of this epoch. */
struct chord_synced {
    uint32_t epoch;
    uint32_t incarnation;
    struct chord_id end;
    uint32_t piece_count; /* what it took: PULLs and PIECEs, */
    uint64_t pair_count;  /* pairs in them, */
    uint64_t pair_bytes;  /* and bytes of their keys and values */
};

/* The view change is committed for the arc (start, end]: ACTIVATE to its chain, DROP to those that are no longer in
 * it. */
struct chord_activate {
    uint32_t epoch;
    struct chord_id start;
    struct chord_id end;
};

/* Everybody whom the new owner's claim of `epoch` concerns has heard of it, and its own fingers are right. */
struct chord_settled_report {
    uint32_t epoch;
    uint32_t incarnation;
    uint32_t message_count;
};

/* SHUT: nothing is sent to the rank any more, and nothing is expected from it. OPEN: it is back; to the rank itself: it was
 * out. */
struct chord_reach_change {
    uint32_t rank;
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
        struct chord_announce announce;
        struct chord_announced announced;
        struct chord_gone gone;
        struct chord_registration registration; /* REGISTER, JOIN */
        struct chord_neighbours neighbours;
        struct chord_spare spare;
        struct chord_excluded excluded;
        struct chord_prepare prepare;
        struct chord_wedged wedged;
        struct chord_install install;
        struct chord_pull pull;
        struct chord_piece piece;
        struct chord_synced synced;
        struct chord_activate activate; /* ACTIVATE, DROP */
        struct chord_settled_report settled;
        struct chord_reach_change reach; /* SHUT, OPEN */
    };
};

/* The member at index (< count). */
struct chord_member chord_members_get(const struct chord_members *members, uint32_t index);

/* The field's name of a message type, "?" for any other number. Static storage. */
const char *chord_message_name(enum chord_message_type type);

#endif
