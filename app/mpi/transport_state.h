/* What the transport keeps, and what its parts call of each other. For transport.c (creation and the rest),
 * transport_send.c (pool and channels out) and transport_receive.c (slots and channels in) alone. */
#ifndef APP_MPI_TRANSPORT_STATE_H
#define APP_MPI_TRANSPORT_STATE_H

#include "app/mpi/assembly.h"
#include "app/mpi/transport.h"

#define TRANSPORT_LINE_BYTES 64u   /* of the cache */
#define TRANSPORT_FRAGMENT_MIN 64u /* bytes; a smaller rest of a frame isn't worth a fragment */
#define TRANSPORT_CHUNK_FRAMES 16u /* frames that the pool grows by */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A frame for sending, in exactly one place: free list, open, queue, in flight. */
struct frame {
    struct frame *next;
    MPI_Request request; /* while in flight */
    uint32_t used;       /* bytes, header included */
    _Alignas(TRANSPORT_LINE_BYTES) unsigned char bytes[];
};

struct frame_list {
    struct frame *first;
    struct frame *last;
};

/* A frame that arrived before an older one of its channel. Sorted by sequence number in its peer's list. */
struct parked {
    struct parked *next;
    uint32_t sequence;
    uint32_t size;
    uint32_t flags;
    unsigned char bytes[];
};

struct peer {
    /* Sending. */
    struct frame *open; /* the frame being filled, or NULL */
    bool dirty;         /* in the dirty list */
    bool closed;        /* shut or cut: `open` is NULL and `queue` empty */
    bool cut;           /* for good: MPI has failed to send to it */
    bool restarts;      /* the next frame says that what stood before it was discarded */
    uint32_t inflight_count;
    uint32_t busy_index; /* in the busy list, while inflight_count > 0 */
    uint32_t send_sequence;
    uint32_t receive_sequence; /* of the frame that is to be delivered next */
    struct frame_list queue;
    struct frame_list inflight;
    struct assembly assembly; /* of what it sends */
    struct parked *parked;  /* owned */
};

struct slot {
    bool arrived; /* complete, found by a look at all slots; `status` is valid */
    bool aside;   /* not in the ring */
    MPI_Status status;
};

/* So many frames in a row with so few records each say that clients wait for single answers. One such frame says nothing: under
 * load they come now and then, and to send at once what they cause makes more of them. */
#define SPARSE_RECORDS_MAX 2u
#define SPARSE_FRAMES 16u

struct transport {
    /* Used for every record. */
    struct peer *peers; /* rank_count, owned */
    struct peer *reserved_peer;
    struct frame *reserved_frame; /* NULL unless a message is reserved and not yet committed */
    uint32_t reserved_size;
    uint32_t frame_bytes;
    uint32_t rank;
    uint32_t rank_count;
    transport_deliver *deliver;
    transport_preview *preview; /* or NULL */
    transport_failed *failed;   /* or NULL */
    transport_ride *ride;       /* or NULL */
    void *context;
    uint32_t *dirty; /* ranks, owned */
    uint32_t dirty_count;

    /* Used for every frame. */
    struct frame *free_frames;
    uint32_t inflight_limit;
    uint32_t inflight_count;
    uint32_t queued_count; /* frames that wait in the queues of other ranks */
    uint32_t busy_count;
    uint32_t *busy; /* ranks, owned */
    MPI_Comm comm;
    MPI_Request *requests;   /* persistent, one a slot, owned */
    struct slot *slots;      /* owned */
    unsigned char *received; /* slot_stride bytes a slot, owned */
    size_t slot_stride;
    uint32_t *ring; /* slots in posting order from `head` on, ring_count of them; owned */
    uint32_t head;
    uint32_t ring_count;
    uint32_t slot_count;
    uint32_t aside_count;
    uint32_t sparse_frames; /* received in a row with few records each; no more than SPARSE_FRAMES counts */
    uint32_t empty_polls;
    uint32_t polls;
    bool delivering;
    bool spinning;
    uint32_t spins;
    bool outlives_peers;
    struct transport_statistics statistics;

    /* Rarely used. */
    struct frame *scratch; /* where messages to closed peers are encoded, owned */
    size_t frame_stride;
    uint32_t frame_limit; /* frames in the pool at most */
    uint32_t frame_count; /* frames allocated */
    uint32_t free_count;
    void **chunks; /* owned, each of them too */
    uint32_t chunk_count;
    size_t pool_bytes;
    uint32_t message_bytes_max;
    int *scan_indices;         /* slot_count, owned */
    MPI_Status *scan_statuses; /* slot_count, owned */
};

/* --- transport_send.c --- */

/* Gives back a frame that is in no list. */
static inline void transport_frame_free(struct transport *t, struct frame *frame) {
    frame->next = t->free_frames;
    t->free_frames = frame;
    t->free_count++;
}

static inline struct frame *transport_list_take(struct frame_list *list) {
    struct frame *frame = list->first;
    list->first = frame->next;
    return frame;
}

/* Adds frames to the pool. False if it has all that it may have, or there is no memory. */
bool transport_pool_grow(struct transport *t);

/* Gives back the frames that MPI has finished with; those of closed peers aren't looked at unless asked for.
 */
void transport_reclaim(struct transport *t, bool closed_too);

/* Sends what waits for peers that were at their in-flight limit. */
void transport_push_queues(struct transport *t);

/* --- transport_receive.c --- */

/* Posts all receives. */
void transport_receives_start(struct transport *t);

/* Cancels them. Returns whether MPI holds on to some, whose memory must stay then: a receive that is matched
 * but whose sender died can be neither cancelled nor waited for. */
bool transport_receives_stop(struct transport *t);

/* Frees what has come of a peer and isn't delivered. */
void transport_received_discard(struct peer *peer);

#endif
