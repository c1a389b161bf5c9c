/* How much may be under way at once, computed before anything is sent (DESIGN: bounds are end to end).
 *
 * A client pays one credit for each frame that an operation's largest message may fill, and holds C of them. So no
 * rank can be asked to queue more than all clients' credits, BUDGET_COPIES_OF_A_REQUEST times, since a client may repeat a
 * request while earlier copies are still under way; beside that what eventual chains propagate after the answer, and what the driver
 * sends while no operation is under way. From that sum the transport's pool is sized.
 *
 * A view change adds the following, if the ring may change at all. It divides the ring into at most P parts, one a node
 * of the job (all could join or leave in one). A part concerns at most T = 2k nodes: its old chain and its new one.
 *
 *     coordinator   a burst of PREPAREs, INSTALLs, ACTIVATEs or DROPs: each P T; NEIGHBOURS or SPARE, INVITE: one a node
 *     member        WEDGED, SYNCED, PULL: one a part at most
 *     source        a PIECE a part and receiver, P k at most, since the next one is sent when it is asked for; twice,
 *                   since it may be asked for again while it is on its way
 *     reach         SHUT and OPEN of every rank to every rank, and HEARTBEATs
 *     routing       the messages reserved for every node: one lookup or announcement of each is under way, and its answer
 *
 * The bursts of one attempt follow each other, each answered by all before the next; but a coordinator may interrupt
 * itself with the next attempt, so they all count at once. Pieces are what is large: budget_piece_bytes() keeps them small
 * where there are many nodes. Requests that a wedged arc hands over are paid for by their clients' credits. */
#ifndef APP_DRIVER_BUDGET_H
#define APP_DRIVER_BUDGET_H

#include "app/options/options.h"
#include "chord/wire/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
    uint32_t credit_bytes;
    uint32_t credit_count;          /* of each client */
    uint32_t message_bytes_max;     /* the largest message of all */
    uint64_t queued_messages_max;   /* at one rank, waiting to be sent or received */
    uint64_t queued_bytes_max;      /* their bytes */
    uint64_t change_messages_max;   /* of these, a view change's; 0 if the ring can't change */
    uint64_t change_bytes_max;
    uint32_t largest_cost;          /* credits of the largest operation: the least that a client can do with */
};

/* A client's request and its repetitions that may be under way at once: config's copies_max. */
#define BUDGET_COPIES_OF_A_REQUEST 3u

/* What the workload asks for at most. */
struct budget_demand {
    uint32_t rank_count;
    uint32_t key_size_max;
    uint32_t value_size_max;
    uint32_t record_bytes; /* what one frame of the transport carries */
    uint32_t frame_bytes;
    bool changes_ring; /* nodes may join and leave after the ring was formed */
    bool dumps_tables; /* routing tables are gathered as text, a node of each rank at a time */
};

/* The budget with `credit_count` credits a client; 0: the least. config: replicas, bounds of the chain. */
struct budget budget_with_credits(const struct chord_config *config, const struct budget_demand *demand,
                                  uint32_t credit_count);

/* The size of a transfer's piece: 64 KiB, or less where a view change could have so many under way at one rank that they
 * would come to more than 32 MiB; but never less than a frame. */
uint32_t budget_piece_bytes(const struct chord_config *config, uint32_t frame_bytes);

/* The credits that the option --pool auto gives a client. */
uint32_t budget_auto_credits(const struct chord_config *config, const struct budget_demand *demand);

#endif
