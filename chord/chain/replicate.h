/* Operations on an arc: chain replication (van Renesse and Schneider, OSDI 2004) for linearizable rings, lazy
 * propagation down the same chain for eventual ones.
 *
 * Linearizable. The head stamps each write with the arc epoch and the next counter, applies it and sends it down; the
 * tail applies it last and answers the client. Reads enter at the head and pass through every member; the tail
 * answers. (Letting the tail alone answer reads is cheaper and wrong as soon as one node is wrongly suspected.) The
 * tail's acknowledgement travels back up, one message for several writes: it isn't needed for the answer, only to know
 * which writes may still have to be made up for after a view change.
 *
 * Eventual. The head applies, answers at once, and sends the write down the same way; nobody answers again.
 *
 * Back-pressure. The head admits a write only while fewer than unacknowledged_count_max writes and
 * unacknowledged_bytes_max bytes of its arc are on their way. What it can't admit waits at the head in order of
 * arrival; nothing overtakes a waiting request, except queries of an eventual ring, which wait for nothing.
 *
 * Every write is recorded for its client at every member in the same step in which it is applied (rule M7).
 *
 * While a view change goes on, requests wait, too: at the node that was the head, and at the one that is to be it. What
 * is already on its way down a chain that was wedged is refused to its client, which repeats it under the same number. */
#ifndef CHORD_CHAIN_REPLICATE_H
#define CHORD_CHAIN_REPLICATE_H

#include "chord/chain/arc.h"

/* The node that works on the arc, and the time of the event. */
struct chord_replica {
    const struct chord_environment *environment;
    struct chord_member self;
    uint64_t now_ticks;
};

/* Head: takes a request whose key is in the arc. It is answered, sent down the chain, or put aside until there is room,
 * or refused (rule M7); also put aside while the arc doesn't serve (M6). CHORD_NO_MEMORY: refused, too. */
CHORD_MUST_CHECK enum chord_status chord_replicate_request(const struct chord_replica *replica, struct chord_arc *arc,
                                                           const struct chord_request *request);

/* Head, when a view change is over: takes up what has waited for it. CHORD_NO_MEMORY: some of it was refused. */
CHORD_MUST_CHECK enum chord_status chord_replicate_resume(const struct chord_replica *replica, struct chord_arc *arc);

/* A node that isn't the head any more: sends what has waited here to the node that is. */
void chord_replicate_hand_over(const struct chord_replica *replica, struct chord_arc *arc, struct chord_address head);

/* Other members: takes what `from` sent down the chain (rules M5 and M6). CHORD_STALE: of an older epoch, refused.
 * CHORD_UNEXPECTED: not from the member before this one, or not the next write: changed nothing. */
CHORD_MUST_CHECK enum chord_status chord_replicate_chain(const struct chord_replica *replica, struct chord_arc *arc,
                                                         struct chord_address from, const struct chord_chain *chain);

/* Tells the client of an operation on its way down that the chain has moved on (M5); an eventual ring's client has its
 * answer. */
void chord_replicate_refuse_chain(const struct chord_replica *replica, const struct chord_request *request);

/* All but the tail: takes the acknowledgement that `from` sent up the chain. Statuses as above. */
CHORD_MUST_CHECK enum chord_status chord_replicate_ack(const struct chord_replica *replica, struct chord_arc *arc,
                                                       struct chord_address from, const struct chord_ack *ack);

/* Tail: sends the acknowledgement that is due by now. */
void chord_replicate_tick(const struct chord_replica *replica, struct chord_arc *arc);

/* Answers a query from this node's own copy; a query whose key is absent gets the arc's version. Used by the head or
 * tail as the rules above allow, and by any holder of the key in an eventual ring. */
void chord_replicate_answer_query(const struct chord_replica *replica, const struct chord_arc *arc,
                                  const struct chord_request *request);

/* Tells the client that its request can't be served and why. */
void chord_replicate_refuse(const struct chord_replica *replica, const struct chord_request *request,
                            enum chord_refusal_reason reason);

#endif
