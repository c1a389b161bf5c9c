/* A rank's loop: carries messages between the core (chord/peer.h) and the transport, gives the core its time,
 * and hands the driver's own messages to whoever asked for them. It decides nothing of the protocol. The core's notices
 * about ranks that are out (CHORD_NOTICE_SHUT and _OPENED) it carries out itself, too.
 *
 * Ticks are nanoseconds of this rank's monotonic clock. The clock is read once a step and once a frame that has answers: they
 * have all arrived when the frame has, and no later frame has its answers' ends taken from it. So an operation's end is
 * never taken for earlier than its answer came, or the judge would be misled. */
#ifndef APP_MPI_RUNTIME_H
#define APP_MPI_RUNTIME_H

#include "app/measure/metrics.h"
#include "chord/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport;

/* Types of the driver's messages start here; below are the core's. */
#define RUNTIME_CONTROL_FIRST 128u
/* The one control message that a silent rank still takes: the end, for one that is out. */
#define RUNTIME_CONTROL_FAREWELL 255u

/* Lookups of one frame that are prepared for; more are not. */
#define RUNTIME_FORESEEN_MAX 64u

/* What the runtime tells its owner. The bytes are borrowed for the call, and have no alignment. */
struct runtime_owner {
    void *context;
    void (*control)(void *context, uint32_t from_rank, unsigned type, const unsigned char *bytes,
                    size_t size);
    void (*complete)(void *context, const struct chord_completion *completion, uint64_t end_ns);
    void (*notice)(void *context, const struct chord_notice *notice);
    /* A control message, its type first, that goes where frames go anyhow: transport_ride. */
    size_t (*ride)(void *context, unsigned char *at, size_t room);
    /* Something to do, such as operations to issue; called once a step. Returns whether anything was done. */
    bool (*work)(void *context);
};

/* Memory that the core holds, the allocator's overhead included. */
struct runtime_memory {
    uint64_t bytes;
};

struct runtime {
    struct transport *transport; /* borrowed */
    uint32_t rank;
    uint32_t rank_count;
    const struct chord_config *config; /* borrowed */
    struct runtime_owner owner;
    struct chord_sink sink;
    struct chord_allocator allocator;
    struct runtime_memory memory;
    struct chord_peer peer;
    bool has_peer;
    bool silent;              /* runtime_silence */
    bool any_shut;            /* runtime_any_shut */
    uint64_t now_ns;          /* the clock as it was read last */
    bool end_is_read;         /* it was read since the frame arrived that is being delivered */
    const struct chord_store_slot *foreseen[RUNTIME_FORESEEN_MAX]; /* that the frame's messages will look at */
    uint32_t foreseen_count;
    uint64_t heard_ns;        /* when anything came from the coordinator's rank last; 0: never */
    struct traffic traffic;   /* sent; mpi_* are filled in by runtime_traffic */
    uint64_t *sent_to;        /* owned; by rank: messages of the core, heartbeats apart */
    uint64_t *received_from;  /* owned; by rank: the same */
    uint64_t progress_count;  /* of these, such as can't go round for ever without getting anywhere (runtime.c) */
    uint64_t control_count;   /* control messages received, for the watchdog */
    uint32_t busy_step_count; /* since the last flush */
    unsigned char *scratch;   /* owned; for heads that don't fit a frame */
    size_t scratch_size;
};

/* A runtime without a peer. Everything given is borrowed for its life. CHORD_NO_MEMORY: to be cleared all the same. */
CHORD_MUST_CHECK enum chord_status runtime_init(struct runtime *runtime, struct transport *transport, uint32_t rank,
                                                uint32_t rank_count, const struct chord_config *config,
                                                struct runtime_owner owner);
void runtime_clear(struct runtime *runtime);

/* Ends the rank's nodes and client, if there are any, and makes new ones that are in no ring yet. */
CHORD_MUST_CHECK enum chord_status runtime_reset_peer(struct runtime *runtime,
                                                      const struct chord_id *node_ids, uint32_t incarnation);

/* The function to give to transport_create as `deliver`, with the runtime as context. */
void runtime_deliver(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size);

/* The function to give to transport_create as `preview`, with the runtime as context. */
void runtime_preview(void *context, const unsigned char *bytes, size_t size);

/* The function to give to transport_create as `ride`, with the runtime as context. */
size_t runtime_ride(void *context, unsigned char *at, size_t room);

/* The function to give to transport_create as `failed`, with the runtime as context. */
void runtime_failed(void *context, uint32_t rank);

/* One round: what has arrived, what is due, what the owner has to do; then, if there was nothing, sends what
 * is packed and waits as the transport's policy says. Returns whether there was anything. */
bool runtime_step(struct runtime *runtime);

/* Issues an operation now; statuses of chord_client_submit. */
CHORD_MUST_CHECK enum chord_status runtime_submit(struct runtime *runtime,
                                                  const struct chord_operation *operation);

/* Sends a control message, type from RUNTIME_CONTROL_FIRST to 255, to any rank, this one included. */
void runtime_send_control(struct runtime *runtime, uint32_t to_rank, unsigned type, const void *bytes,
                          size_t size);

/* Whether a rank isn't shut (wire/reach.h). */
bool runtime_can_reach(const struct runtime *runtime, uint32_t rank);

/* Messages of the core that this rank has sent so far, and received. Heartbeats don't count, for they never end. Nor do
 * channels from and to ranks that are named: what was discarded there can't be told from what is still on its way.
 * is_uncounted: by rank. */
struct runtime_counts {
    uint64_t sent;
    uint64_t received;
};
struct runtime_counts runtime_counts(const struct runtime *runtime, const bool *is_uncounted);

/* Sends RUNTIME_CONTROL_FAREWELL with these bytes to a rank, also to one that is shut: it may be silent only. If MPI
 * can't take it (the rank is dead), it is discarded. */
void runtime_send_farewell(struct runtime *runtime, uint32_t to_rank, const void *bytes, size_t size);

/* From now on, and for good, this rank sends nothing and discards all that arrives but a farewell: to the others it is
 * dead. It goes on receiving, so that their sends complete, and sleeps between. What was under way stays so. */
void runtime_silence(struct runtime *runtime);

/* Whether the core has ever had a rank shut, this one included: it was told so, it is silent, which others have surely
 * noticed, or it was told farewell. */
bool runtime_any_shut(const struct runtime *runtime);

/* What was sent so far. */
struct traffic runtime_traffic(const struct runtime *runtime);

/* Most bytes of message frames that were in use at once. */
uint64_t runtime_pool_used_max(const struct runtime *runtime);

#endif
