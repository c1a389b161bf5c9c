/* Bytes from rank to rank: the only point-to-point MPI of the project. It packs the caller's messages (here:
 * records) into frames below the eager limit, sends them without ever blocking, and hands arriving ones to a
 * callback, in order per (sender, receiver). It knows nothing of Chord. One thread, and one transport per
 * communicator. No function here is collective.
 *
 * The caller's loop:
 *
 *     handled = transport_poll(t, 32);      delivers; the callback may send
 *     ... start client operations, timers ...
 *     if (handled < 32 && transport_flush(t) == 0 && handled == 0)
 *         transport_wait(t);                nothing came, nothing was left to send
 *
 * A rank that is busy all the time shall call transport_flush now and then (every few hundred records), or
 * its peers starve; full frames go by themselves.
 *
 * Bounds. Nothing here blocks or drops, so `pool_bytes` must hold whatever may be unsent at one moment;
 * end-to-end credits bound that (DESIGN section 7) and transport_pool_bytes_needed() turns them into bytes of
 * frames. */
#ifndef APP_MPI_TRANSPORT_H
#define APP_MPI_TRANSPORT_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/mpi/frame.h"
#include "chord/base/status.h"

/* The largest message that transport_reserve takes: it fits one frame. */
#define TRANSPORT_RECORD_MAX(frame_bytes) ((frame_bytes)-FRAME_HEADER_BYTES - FRAME_RECORD_HEAD_BYTES)

#define TRANSPORT_TAG 1           /* of every frame; public for the tests that forge frames */
#define TRANSPORT_ERROR_SIZE 200u /* room for the text of a failed creation */
#define TRANSPORT_FRAME_BYTES_DEFAULT FRAME_BYTES_MAX
#define TRANSPORT_RECEIVE_SLOTS_DEFAULT 32u
#define TRANSPORT_RECEIVE_SLOTS_MAX 1024u
#define TRANSPORT_INFLIGHT_DEFAULT 64u /* measured, see transport_bench */

/* What transport_wait does; topology_choose_waiting() picks one. */
enum transport_waiting {
    TRANSPORT_YIELD, /* sched_yield: ranks share cores */
    TRANSPORT_SPIN   /* a pause instruction, now and then sched_yield: every rank has a core of its own */
};

/* Takes one message. `bytes` is borrowed for the length of the call and has no alignment. It may send, also
 * to this rank itself; it may not call transport_poll or transport_destroy. */
typedef void transport_deliver(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size);

/* A frame is about to be handed to MPI: whoever has a small message that needn't be sent, but may go where frames go anyhow,
 * writes it at `at`, of `room` bytes at most, and returns its size; 0: there is none. It is delivered like any other. */
typedef size_t transport_ride(void *context, unsigned char *at, size_t room);

/* A frame has arrived: called with each of its messages if there are several, then with bytes NULL, before the first is
 * delivered. To get ready for them, and to know that all of them have arrived by now; it may not send. */
typedef void transport_preview(void *context, const unsigned char *bytes, size_t size);

/* A rank has died, as an MPI with ULFM tells (ulfm.h). May be called more than once for it, from inside transport_poll. */
typedef void transport_failed(void *context, uint32_t rank);

struct transport_config {
    MPI_Comm comm;        /* the caller's duplicate, used for nothing else; borrowed until destroy. Its error
                             handler is set to MPI_ERRORS_RETURN */
    uint32_t frame_bytes; /* FRAME_BYTES_MIN..FRAME_BYTES_MAX, the same on all ranks; 0: the default */
    uint32_t message_bytes_max;        /* the largest message ever, the same on all ranks; at least 1 */
    size_t pool_bytes;                 /* bound of the frames for sending, own rank's included */
    uint32_t receive_slots;            /* 1..TRANSPORT_RECEIVE_SLOTS_MAX posted receives; 0: the default */
    uint32_t inflight_frames_per_peer; /* beyond it full frames wait in their peer's queue; 0: the default */
    enum transport_waiting waiting;
    bool outlives_peers; /* when MPI fails to send to a peer, that is cut off for good (transport_open_peer
                            doesn't help any more). Otherwise it is the end of the job */
    transport_deliver *deliver;
    transport_preview *preview; /* may be NULL */
    transport_failed *failed;   /* may be NULL */
    transport_ride *ride;       /* may be NULL */
    void *context; /* borrowed, passed to deliver */
};

/* Counts since creation. Messages to oneself are counted in records_self alone. */
struct transport_statistics {
    uint64_t frames_sent; /* MPI messages */
    uint64_t frames_received;
    uint64_t bytes_sent; /* of MPI messages, our headers included */
    uint64_t bytes_received;
    uint64_t records_sent; /* messages of the caller; one that travels in fragments counts once */
    uint64_t records_received;
    uint64_t records_self;
    uint64_t records_refused;   /* to peers that were shut or cut */
    uint64_t frames_discarded;  /* not sent, because their peer was shut or cut */
    uint64_t restarts;          /* frames received that said that what stood before them was discarded */
    uint64_t peers_cut;         /* that MPI has failed to send to */
    uint64_t frames_early;      /* arrived before an older frame of their channel and were parked */
    uint64_t slots_set_aside;   /* receives that were overtaken by a later one */
    uint64_t malformed;         /* 0, or the process is about to end */
    size_t pool_bytes_used_max; /* bytes of frames ever in use at once, rounded up to a chunk; never given
                                   back */
    uint32_t inflight_max;      /* most frames handed to MPI and not reported complete, all peers together */
};

struct transport;

/* To be called before MPI_Init. mpirun makes Open MPI yield the processor inside every call that finds
 * nothing (mpi_yield_when_idle) when there are more ranks than slots: a poll would then give up its time
 * slice while answers stand in open frames. Measured with 10 ranks on 2 cores: 19 us a hop instead of 5.5,
 * and a third of the messages a second at window 1. This transport yields by itself, when it knows that
 * nothing is left to do; so the setting is turned off, whoever made it.
 * The price: MPI's blocking collectives then spin, some 50 ms each at 5 ranks a core; at start-up prefer
 * nonblocking ones, tested with sched_yield between. Has no effect on other MPI libraries. */
void transport_prepare_environment(void);

/* Creates the transport of this rank and posts its receives. On success *out belongs to the caller, who ends
 * it with transport_destroy before MPI_Finalize. Not collective, but a peer may send as soon as it has its
 * own. Returns CHORD_OK; CHORD_INVALID (a field out of range, pool_bytes under four frames included) or
 * CHORD_NO_MEMORY, with one line in error[TRANSPORT_ERROR_SIZE] and *out NULL. */
CHORD_MUST_CHECK enum chord_status transport_create(const struct transport_config *config,
                                                    struct transport **out, char *error);

/* Cancels the receives and frees everything; unsent messages are lost. Frames that MPI still holds (sends to
 * a dead rank) are left to the process's end. NULL is allowed. */
void transport_destroy(struct transport *t);

uint32_t transport_rank(const struct transport *t);
uint32_t transport_rank_count(const struct transport *t);

/* The largest message that transport_reserve takes here. */
uint32_t transport_record_bytes_max(const struct transport *t);

/* Room for a message of at most `size` bytes (1..transport_record_bytes_max) to to_rank, own rank included,
 * to be encoded in place. It must be committed before any other call to this transport. Never NULL: exceeding
 * pool_bytes is a programmer error. */
unsigned char *transport_reserve(struct transport *t, uint32_t to_rank, size_t size);

/* Queues the message reserved last with its final size, at least 1 and at most what was reserved. */
void transport_commit(struct transport *t, size_t size);

/* Queues a message of head_size + tail_size bytes (1..message_bytes_max), copying both parts; any size will
 * do, but up to transport_record_bytes_max reserving is faster. head_size may be 0, so may tail_size. */
void transport_send_large(struct transport *t, uint32_t to_rank, const unsigned char *head, size_t head_size,
                          const unsigned char *tail, size_t tail_size);

/* Hands every frame that isn't empty to MPI, except for peers that are at their in-flight limit: their frames
 * wait (and go on being filled) until a later poll or flush. Returns the number of frames handed over. */
uint32_t transport_flush(struct transport *t);

/* Delivers what has arrived: at most frames_max frames from other ranks, then at most frames_max from itself;
 * sends what has been waiting for its peer and, while traffic is sparse, what is committed meanwhile. Returns the number of frames
 * handled. */
uint32_t transport_poll(struct transport *t, uint32_t frames_max);

/* Whether hardly anything has come to pack of late: then the caller had better flush what it commits at once, as a poll does with
 * what is committed while it delivers. */
bool transport_is_sparse(const struct transport *t);

/* What to do when a poll and a flush found nothing: by the policy of config. Never sleeps. */
void transport_wait(struct transport *t);

/* From now on nothing is sent to `rank`: messages to it are refused silently, and what MPI doesn't have yet
 * is discarded. What it sends is delivered as before. Frames that MPI already has stay in the pool,
 * untouched: they may never complete, and nothing waits for them. Not allowed for the own rank; allowed from
 * inside a delivery. Idempotent. */
void transport_shut_peer(struct transport *t, uint32_t rank);

/* `rank` may be sent to again. What was discarded stays so; messages arrive in the order in which they are
 * sent, none of them in part. Not allowed for the own rank; allowed from inside a delivery. Idempotent. */
void transport_open_peer(struct transport *t, uint32_t rank);

/* Whether what is sent to `rank` is refused, for whatever reason. */
bool transport_is_shut(const struct transport *t, uint32_t rank);

/* Whether anything is still open, queued, in flight (peers that are shut not counted) or waiting to be
 * delivered to oneself. Messages on their way to this rank can't be known. Reclaims completed sends first. */
bool transport_pending(struct transport *t);

/* Flushes and reclaims once, delivering nothing. Returns transport_pending(). Called in turns with
 * transport_poll until it returns false; alone it may never do so, since a peer that sends to us may have to
 * be heard first. */
bool transport_drain(struct transport *t);

/* Bound in bytes of all memory that this transport may hold: pool, receive slots and reassembly of one
 * largest message per peer. */
size_t transport_bound_bytes(const struct transport *t);

/* pool_bytes that suffices if at no moment more than message_count messages with message_bytes bytes in all
 * are committed but not yet received by their peers; frame_bytes and inflight_frames_per_peer of config are
 * used. Two neighbouring frames of a queue always hold more than one frame of bytes together, or the first
 * would have taken in the second's first record; on top come, for each peer, one open frame and the frames in
 * flight, which may be nearly empty. The latter also pay for the frames that MPI never lets go of because
 * their peer has died, whatever is in them: they count against that peer's limit. */
size_t transport_pool_bytes_needed(const struct transport_config *config, uint32_t rank_count,
                                   uint64_t message_count, uint64_t message_bytes);

const struct transport_statistics *transport_statistics(const struct transport *t);

/* Ends the job with one line when an MPI call fails: "chord-kv: rank 3: MPI_Isend: MPI_ERR_RANK
 * (transport.c:120)". */
_Noreturn void transport_mpi_failed(const char *file, int line, const char *call, int code);

/* One macro for all MPI calls of the program. */
#define TRANSPORT_MPI(call)                                                                                  \
    do {                                                                                                     \
        const int transport_mpi_code = (call);                                                               \
        if (__builtin_expect(transport_mpi_code != MPI_SUCCESS, 0))                                          \
            transport_mpi_failed(__FILE__, __LINE__, #call, transport_mpi_code);                             \
    } while (0)

#endif
