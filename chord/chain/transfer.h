/* Transfers (rule M4): the source of a view change gives its state of a part to the other members of the new chain.
 *
 * A receiver PULLs, the source answers with one PIECE, the next PULL acknowledges it: at most one piece is under way a
 * receiver, none is larger than piece_bytes, however large a value is, and a lost or refused one is asked for again. The
 * source keeps two positions in its state a receiver, of the last piece and of the next, and no copy.
 *
 * What is received is staged beside the old state, which stays whole, and then replaces it in one step: values, versions,
 * duplicate records and watermarks together, keys that the source lacks removed. A receiver that was complete gets a
 * delta: the duplicate records, and the pairs of those writes that it lacks itself; the writes that the source lacks it
 * undoes from its own log. What it gets in this way goes into the log, too, so that it can be undone when the view change
 * fails and the next source has less. Either way it ends in the same state, the source's.
 *
 * As a stream of bytes the state is
 *
 *     mode 1 (0: all pairs, 1: delta) | base epoch 4 | applied 8 | undo to 8 | clients 4
 *     a client:  rank 4 | watermark 8 | records 4, each  seq 8 | version 12 | key id 20 | outcome 1
 *     a pair:    1 | id 20 | version 12 | key size 2 | value size 4 | key | value
 *     a removal: 2 | id 20 | key size 2 | key          (in a delta)
 *     the end:   0
 *
 * cut into pieces anywhere. */
#ifndef CHORD_CHAIN_TRANSFER_H
#define CHORD_CHAIN_TRANSFER_H

#include "chord/chain/replicate.h"

/* A position in the stream: the item that is next, and how many of its bytes are sent. */
struct chord_cursor {
    uint64_t offset;      /* of the stream */
    uint64_t item_offset; /* bytes of the item that are sent already */
    size_t position;      /* of the store's walk, or index into the log: after the current item */
    uint32_t client;      /* index of the client whose head or records are next */
    uint32_t record;      /* 0: the client's head is next, i: its record i - 1 */
    uint8_t phase;
};

/* One receiver, at the source. */
struct chord_outgoing {
    struct chord_outgoing *next;
    struct chord_address to;
    struct chord_pull first; /* what the receiver has; the epoch says which view change it is for */
    bool held;               /* of an epoch that isn't installed here yet (M5) */
    bool delta;
    uint64_t undo_to; /* of a delta: the receiver's writes up to this one stay, what follows is sent */
    struct chord_cursor before; /* of the piece sent last */
    struct chord_cursor after;
};

/* What a receiver has got so far. */
struct chord_staging {
    struct chord_address source;
    uint64_t offset; /* bytes received */
    uint64_t deadline_ticks; /* when the next piece is asked for again */
    uint32_t piece_count;
    uint64_t pair_count;
    uint64_t pair_bytes;

    bool has_head;
    bool delta;
    uint32_t base_epoch;
    uint64_t applied;
    uint64_t undo_to;
    uint32_t clients_left;
    uint32_t records_left;
    uint32_t client_rank; /* whose records are being read */
    struct chord_duplicates duplicates;
    struct chord_store pairs;
    struct chord_store removals; /* keys alone */
    unsigned char *partial; /* owned; the beginning of an item that the last piece cut */
    size_t partial_size;
    size_t partial_capacity;
    bool ended;
};

/* Receiver: begins to ask `source` for the part. CHORD_NO_MEMORY: nothing was begun. */
CHORD_MUST_CHECK enum chord_status chord_transfer_begin(const struct chord_replica *replica, struct chord_arc *arc,
                                                        struct chord_address source);

/* Receiver: takes a piece. *complete: the arc now has the source's state; the staging stays, for its figures, until
 * chord_transfer_end. CHORD_STALE: not the piece that is awaited. CHORD_MALFORMED: not what a source sends; the transfer
 * begins anew. CHORD_NO_MEMORY: asked for again later. */
CHORD_MUST_CHECK enum chord_status chord_transfer_piece(const struct chord_replica *replica, struct chord_arc *arc,
                                                        struct chord_address from, const struct chord_piece *piece,
                                                        bool *complete);

/* Source: answers a PULL; one of a newer epoch than is installed is kept until chord_transfer_release (M5). CHORD_STALE:
 * of an older epoch. CHORD_UNEXPECTED: the node has no state to give, or the offset isn't the next one. */
CHORD_MUST_CHECK enum chord_status chord_transfer_pull(const struct chord_replica *replica, struct chord_arc *arc,
                                                       struct chord_address from, const struct chord_pull *pull);

/* Source: an epoch has been installed: answers what was kept for it. CHORD_NO_MEMORY: the receivers ask again. */
CHORD_MUST_CHECK enum chord_status chord_transfer_release(const struct chord_replica *replica, struct chord_arc *arc);

/* Ends what is received and sent of epochs below the given one (M2, M3); UINT32_MAX: of all. */
void chord_transfer_end(const struct chord_environment *environment, struct chord_arc *arc, uint32_t epoch);

/* Receiver: asks again for what is overdue. */
void chord_transfer_tick(const struct chord_replica *replica, struct chord_arc *arc);

/* When the arc next wants a tick for its transfer. */
static inline uint64_t chord_transfer_deadline(const struct chord_arc *arc) {
    return arc->staging == NULL ? UINT64_MAX : arc->staging->deadline_ticks;
}

#endif
