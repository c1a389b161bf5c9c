/* What every node, client and coordinator of one ring must agree on. Set by the host before anything is made, constant
 * afterwards; borrowed, never copied, by everything that is given a pointer to it. */
#ifndef CHORD_WIRE_CONFIG_H
#define CHORD_WIRE_CONFIG_H

#include "chord/wire/operation.h"

#include <stdbool.h>
#include <stdint.h>

struct chord_config {
    uint32_t rank_count;         /* ranks of the job, >= 1 */
    uint32_t virtual_node_count; /* nodes a rank hosts, >= 1 */
    uint32_t initial_rank_count; /* ranks 0 to this one - 1 form the ring, the others are spares; 1..rank_count */
    uint32_t coordinator_rank;   /* the rank whose coordinator decides membership */
    uint32_t id_bits;            /* 1..160 */
    uint32_t replica_count;      /* k, >= 1; more than there are ranks means all */
    uint32_t successor_count;    /* r, >= 1: length of the successor list */
    enum chord_consistency consistency;
    enum chord_routing routing;
    bool route_successors; /* finger routing may also use the successor list beyond its first entry */

    uint32_t cache_count; /* owners that a rank's location cache holds (chord/ring/cache.h); 0: it has none */

    uint32_t value_size_max; /* the largest value of this run, at most CHORD_VALUE_SIZE_MAX */

    /* The client's end-to-end bounds (chord/client/client.h). */
    uint32_t window;        /* operations under way at once, >= 1 */
    uint32_t credit_bytes;  /* bytes of one credit: what one frame of the transport carries */
    uint32_t credit_count;  /* credits a client holds; at least the cost of the largest operation */
    uint64_t retry_ticks;   /* without an answer for so long a request is sent again, then after twice as long... */
    uint32_t copies_max;    /* until there may be so many copies of it under way: then it is given up; 0: never */
    uint64_t backoff_ticks; /* a refused request is sent again after so long */

    /* The chain's bounds (chord/chain/replicate.h). */
    uint32_t unacknowledged_count_max; /* writes of one arc that the tail has not acknowledged to the head, >= 1 */
    uint32_t unacknowledged_bytes_max; /* their bytes; one larger write is admitted alone */
    uint32_t ack_batch_count;          /* the tail acknowledges after so many writes, >= 1, */
    uint32_t ack_batch_bytes;          /* or so many bytes, */
    uint64_t ack_delay_ticks;          /* or so long after the first of them */

    /* Transfers of a view change (chord/chain/transfer.h). */
    uint32_t piece_bytes;    /* a transfer's piece, 64..CHORD_PIECE_SIZE_MAX; one is under way a receiver */
    uint64_t transfer_ticks; /* without the next piece for so long it is asked for again */

    /* Failures (chord/member/detector.h). */
    uint64_t heartbeat_ticks; /* a rank tells the coordinator that it lives whenever so long has passed; 0: no detector,
                                 nobody is ever suspected */
    uint64_t suspicion_ticks; /* T0: who is silent for so long, or 8 times the 99th percentile of what is usual, is
                                 suspected */
    bool allows_data_loss;    /* C8: a suspected node is excluded even if it alone holds an arc */

    uint64_t lookup_ticks; /* a lookup or announcement without an answer for so long is sent again */
    uint32_t hops_max;     /* a request forwarded more often is refused: stale routing must not circle for ever */
};

#endif
