/* The transport: frames, channels and their order, the pool, the posted receives.
 *
 * Sending. Every peer has one open frame that records are encoded into, a queue of full frames that wait
 * because the peer is at its in-flight limit, and a list of frames that MPI holds, oldest first:
 *
 *     reserve/commit -> open -> (full or flush) -> queue -> MPI_Isend -> in flight -> free list
 *
 * A peer is in the dirty list while it has an open or queued frame, and in the busy list while it has frames
 * in flight, so that flush and reclaim cost nothing for silent peers. Completed sends are looked for only
 * when the free list is empty, when a peer is at its limit, or when the caller asks whether anything is
 * pending: by then nearly all are complete, and MPI_Test on a complete request is a few nanoseconds, while on
 * an incomplete one it runs MPI's whole progress engine. The limit per peer matters: with unbounded traffic
 * in flight MPI's own queues grow, and throughput collapses by 5 to 10 times (DESIGN section 7).
 *
 * Receiving. `receive_slots` receives from any source are posted. MPI matches the messages of one sender in
 * the order in which they were sent, and receives in the order in which they were posted; eager messages
 * complete when they are matched. So in the common case slots complete in posting order, and only the oldest,
 * the head of the ring, is tested. That order is no promise, though: a message that MPI sends by rendezvous
 * (a smaller eager limit was set) completes late, or never if its sender died. So from time to time, when
 * nothing seems to arrive, all slots are looked at; if a later one is complete while the head isn't, the head
 * is set aside (it stays posted and is looked at from time to time), and costs only itself. What the
 * channel's order makes of this is decided by the sequence number of each frame: one that comes too early is
 * parked in a copy until the missing ones have come. */
#include "app/mpi/transport.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chord/base/check.h"

#define LINE_BYTES 64u
#define CHUNK_FRAMES 16u
#define SCAN_PERIOD_EMPTY 64u   /* empty polls between two looks at all slots */
#define SCAN_PERIOD_ANY 1024u   /* the same in a rank that is never idle, while slots are set aside */
#define EARLY_FRAMES_MAX 65536u /* a sequence number further ahead than this is no reordering */
#define KEPT_MESSAGE_BYTES 65536u
#define FRAGMENT_BYTES_MIN 64u /* a smaller rest of a frame isn't worth a fragment */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A frame for sending, in exactly one place: free list, open, queue, in flight. */
struct frame {
    struct frame *next;
    MPI_Request request; /* while in flight */
    uint32_t used;       /* bytes, header included */
    _Alignas(LINE_BYTES) unsigned char bytes[];
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
    unsigned char bytes[];
};

struct peer {
    /* Sending. */
    struct frame *open; /* the frame being filled, or NULL */
    bool dirty;         /* in the dirty list */
    bool dropped;
    uint32_t inflight_count;
    uint32_t busy_index; /* in the busy list, while inflight_count > 0 */
    uint32_t send_sequence;
    uint32_t receive_sequence; /* of the frame that is to be delivered next */
    struct frame_list queue;
    struct frame_list inflight;
    /* The message that is being put together from fragments. */
    bool assembling;
    uint32_t message_total;
    uint32_t message_size; /* bytes so far */
    uint32_t message_capacity;
    unsigned char *message; /* owned; message_capacity bytes, or NULL */
    struct parked *parked;  /* owned */
};

struct slot {
    bool arrived; /* complete, found by a look at all slots; `status` is valid */
    bool aside;   /* not in the ring */
    MPI_Status status;
};

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
    uint32_t empty_polls;
    uint32_t polls;
    bool delivering;
    bool spinning;
    struct transport_statistics statistics;

    /* Rarely used. */
    struct frame *scratch; /* where messages to dropped peers are encoded, owned */
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

/* ---------------------------------------------------------------- errors */

void transport_mpi_failed(const char *file, int line, const char *call, int code) {
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int length = 0;
    int rank = -1;
    (void)MPI_Error_string(code, text, &length);
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    const char *name = strrchr(file, '/');
    fprintf(stderr, "chord-kv: rank %d: %.*s: %s (%s:%d)\n", rank, (int)strcspn(call, "("), call, text,
            name != NULL ? name + 1 : file, line);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

/* A frame from the wire breaks the format or the channel's order: by contract the end of this process,
 * through the host's hook, which is told the peer. */
static _Noreturn void malformed(struct transport *t, uint32_t from, int line, const char *why) {
    static char text[256];
    t->statistics.malformed++;
    (void)snprintf(text, sizeof text, "a frame from rank %u is malformed: %s", from, why);
    chord_check_failed(__FILE__, line, text);
}

/* ---------------------------------------------------------------- lists and the pool */

static void list_append(struct frame_list *list, struct frame *frame) {
    frame->next = NULL;
    if (list->first == NULL)
        list->first = frame;
    else
        list->last->next = frame;
    list->last = frame;
}

static struct frame *list_take(struct frame_list *list) {
    struct frame *frame = list->first;
    list->first = frame->next;
    return frame;
}

static void frame_free(struct transport *t, struct frame *frame) {
    frame->next = t->free_frames;
    t->free_frames = frame;
    t->free_count++;
}

/* Moves the frames of `peer` that MPI has finished with to the free list: oldest first, up to the first that
 * isn't. */
static void reclaim(struct transport *t, struct peer *peer) {
    while (peer->inflight.first != NULL) {
        int done = 0;
        TRANSPORT_MPI(MPI_Test(&peer->inflight.first->request, &done, MPI_STATUS_IGNORE));
        if (!done)
            return;
        frame_free(t, list_take(&peer->inflight));
        peer->inflight_count--;
        t->inflight_count--;
    }
    /* No longer busy: the last of the list takes its place. */
    const uint32_t moved = t->busy[--t->busy_count];
    t->busy[peer->busy_index] = moved;
    t->peers[moved].busy_index = peer->busy_index;
}

static void reclaim_all(struct transport *t) {
    for (uint32_t i = t->busy_count; i-- > 0;)
        reclaim(t, &t->peers[t->busy[i]]);
}

static struct frame *frame_at(const struct transport *t, void *chunk, uint32_t index) {
    return (struct frame *)((unsigned char *)chunk + index * t->frame_stride);
}

static bool pool_grow(struct transport *t) {
    uint32_t count = t->frame_limit - t->frame_count;
    if (count > CHUNK_FRAMES)
        count = CHUNK_FRAMES;
    if (count == 0)
        return false;
    void *chunk = aligned_alloc(LINE_BYTES, count * t->frame_stride);
    if (chunk == NULL)
        return false;
    t->chunks[t->chunk_count++] = chunk;
    for (uint32_t i = count; i-- > 0;)
        frame_free(t, frame_at(t, chunk, i));
    t->frame_count += count;
    t->statistics.pool_bytes_used_max = t->frame_count * t->frame_stride;
    return true;
}

/* An empty frame for sending. Fails the check when pool_bytes is exceeded: end-to-end credits were
 * miscounted. */
static struct frame *frame_new(struct transport *t) {
    if (unlikely(t->free_frames == NULL)) {
        reclaim_all(t);
        /* With few reclaimed, the next call would have to search again soon: grow instead while it is
         * allowed. */
        if (t->free_count < CHUNK_FRAMES / 2)
            (void)pool_grow(t);
        chord_check(t->free_frames != NULL &&
                    "the transport's pool is exhausted: end-to-end credits exceed it");
    }
    struct frame *frame = t->free_frames;
    t->free_frames = frame->next;
    t->free_count--;
    frame->used = FRAME_HEADER_BYTES;
    return frame;
}

/* ---------------------------------------------------------------- sending */

static void frame_send(struct transport *t, struct peer *peer, uint32_t to, struct frame *frame) {
    frame_write_header(frame->bytes, peer->send_sequence++, frame->used);
    TRANSPORT_MPI(MPI_Isend(frame->bytes, (int)frame->used, MPI_BYTE, (int)to, TRANSPORT_TAG, t->comm,
                            &frame->request));
    if (peer->inflight_count++ == 0) {
        peer->busy_index = t->busy_count;
        t->busy[t->busy_count++] = to;
    }
    list_append(&peer->inflight, frame);
    if (++t->inflight_count > t->statistics.inflight_max)
        t->statistics.inflight_max = t->inflight_count;
    t->statistics.frames_sent++;
    t->statistics.bytes_sent += frame->used;
}

static bool may_send(struct transport *t, struct peer *peer) {
    if (likely(peer->inflight_count < t->inflight_limit))
        return true;
    reclaim(t, peer);
    return peer->inflight_count < t->inflight_limit;
}

/* Sends what is queued for a peer as far as its limit allows. Returns the number of frames sent. */
static uint32_t push_queue(struct transport *t, struct peer *peer, uint32_t to) {
    uint32_t sent = 0;
    while (peer->queue.first != NULL && may_send(t, peer)) {
        t->queued_count--;
        frame_send(t, peer, to, list_take(&peer->queue));
        sent++;
    }
    return sent;
}

/* Closes the open frame, if any, and opens an empty one. Messages to a dropped peer go to a frame of their
 * own. */
static __attribute__((noinline)) struct frame *frame_open(struct transport *t, struct peer *peer,
                                                          uint32_t to) {
    if (unlikely(peer->dropped)) {
        t->scratch->used = FRAME_HEADER_BYTES;
        return t->scratch;
    }
    if (peer->open != NULL) {
        if (to == t->rank) {
            list_append(&peer->queue, peer->open);
        } else if (peer->queue.first == NULL && may_send(t, peer)) {
            frame_send(t, peer, to, peer->open);
        } else {
            list_append(&peer->queue, peer->open);
            t->queued_count++;
            (void)push_queue(t, peer, to);
        }
        peer->open = NULL;
    }
    peer->open = frame_new(t);
    return peer->open;
}

unsigned char *transport_reserve(struct transport *t, uint32_t to_rank, size_t size) {
    chord_check(t->reserved_frame == NULL);
    chord_check(to_rank < t->rank_count);
    chord_check(size - 1 < TRANSPORT_RECORD_MAX(t->frame_bytes));
    struct peer *peer = &t->peers[to_rank];
    struct frame *frame = peer->open;
    if (unlikely(frame == NULL || frame->used + FRAME_RECORD_HEAD_BYTES + size > t->frame_bytes))
        frame = frame_open(t, peer, to_rank);
    t->reserved_peer = peer;
    t->reserved_frame = frame;
    t->reserved_size = (uint32_t)size;
    return frame->bytes + frame->used + FRAME_RECORD_HEAD_BYTES;
}

/* Makes the `size` bytes behind the record's head a record of the open frame. */
static void record_close(struct transport *t, struct peer *peer, struct frame *frame,
                         enum frame_record_kind kind, uint32_t size) {
    frame_write_record_head(frame->bytes + frame->used, kind, size);
    frame->used += FRAME_RECORD_HEAD_BYTES + size;
    const uint32_t to = (uint32_t)(peer - t->peers);
    if (!peer->dirty && to != t->rank) {
        peer->dirty = true;
        t->dirty[t->dirty_count++] = to;
    }
}

void transport_commit(struct transport *t, size_t size) {
    struct frame *frame = t->reserved_frame;
    struct peer *peer = t->reserved_peer;
    chord_check(frame != NULL && size - 1 < t->reserved_size);
    t->reserved_frame = NULL;
    if (unlikely(frame == t->scratch)) {
        t->statistics.records_refused++;
        return;
    }
    record_close(t, peer, frame, FRAME_WHOLE, (uint32_t)size);
    t->statistics.records_sent++;
}

/* Copies the next `size` bytes of the message head|tail. */
static void copy_parts(unsigned char *to, size_t size, const unsigned char **head, size_t *head_size,
                       const unsigned char **tail) {
    const size_t from_head = size < *head_size ? size : *head_size;
    if (from_head > 0) {
        memcpy(to, *head, from_head);
        *head += from_head;
        *head_size -= from_head;
    }
    if (size > from_head) {
        memcpy(to + from_head, *tail, size - from_head);
        *tail += size - from_head;
    }
}

void transport_send_large(struct transport *t, uint32_t to_rank, const unsigned char *head, size_t head_size,
                          const unsigned char *tail, size_t tail_size) {
    chord_check(t->reserved_frame == NULL);
    chord_check(to_rank < t->rank_count);
    chord_check(head_size <= t->message_bytes_max && tail_size <= t->message_bytes_max - head_size);
    const size_t total = head_size + tail_size;
    chord_check(total > 0);
    if (total <= TRANSPORT_RECORD_MAX(t->frame_bytes)) {
        copy_parts(transport_reserve(t, to_rank, total), total, &head, &head_size, &tail);
        transport_commit(t, total);
        return;
    }
    struct peer *peer = &t->peers[to_rank];
    if (peer->dropped) {
        t->statistics.records_refused++;
        return;
    }
    size_t left = total;
    do {
        const bool first = left == total;
        const uint32_t overhead = FRAME_RECORD_HEAD_BYTES + (first ? FRAME_TOTAL_BYTES : 0u);
        struct frame *frame = peer->open;
        if (frame == NULL || frame->used + overhead + FRAGMENT_BYTES_MIN > t->frame_bytes)
            frame = frame_open(t, peer, to_rank);
        size_t size = t->frame_bytes - frame->used - overhead;
        if (size > left)
            size = left;
        unsigned char *at = frame->bytes + frame->used + FRAME_RECORD_HEAD_BYTES;
        if (first) {
            frame_write_total(at, (uint32_t)total);
            at += FRAME_TOTAL_BYTES;
        }
        copy_parts(at, size, &head, &head_size, &tail);
        left -= size;
        record_close(t, peer, frame,
                     first       ? FRAME_FIRST
                     : left == 0 ? FRAME_LAST
                                 : FRAME_MIDDLE,
                     (uint32_t)size + (first ? FRAME_TOTAL_BYTES : 0u));
    } while (left > 0);
    t->statistics.records_sent++;
}

uint32_t transport_flush(struct transport *t) {
    chord_check(t->reserved_frame == NULL);
    uint32_t sent = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->dirty_count; i++) {
        const uint32_t to = t->dirty[i];
        struct peer *peer = &t->peers[to];
        sent += push_queue(t, peer, to);
        if (peer->queue.first == NULL && (peer->open == NULL || may_send(t, peer))) {
            if (peer->open != NULL) {
                frame_send(t, peer, to, peer->open);
                peer->open = NULL;
                sent++;
            }
            peer->dirty = false;
        } else {
            t->dirty[kept++] = to;
        }
    }
    t->dirty_count = kept;
    return sent;
}

/* ---------------------------------------------------------------- delivery */

static void message_discard(struct peer *peer) {
    free(peer->message);
    peer->message = NULL;
    peer->message_capacity = 0;
    peer->assembling = false;
}

static void fragment_take(struct transport *t, struct peer *peer, uint32_t from,
                          const struct frame_record *record) {
    if (record->kind == FRAME_FIRST) {
        if (peer->assembling)
            malformed(t, from, __LINE__, "a message begins inside another one");
        if (record->total > t->message_bytes_max)
            malformed(t, from, __LINE__, "a message is larger than the limit");
        if (record->size >= record->total)
            malformed(t, from, __LINE__, "a first fragment is the whole message");
        if (record->total > peer->message_capacity) {
            message_discard(peer);
            peer->message = malloc(record->total);
            chord_check(peer->message != NULL && "out of memory for a message in fragments");
            peer->message_capacity = record->total;
        }
        peer->assembling = true;
        peer->message_total = record->total;
        peer->message_size = 0;
    } else if (!peer->assembling) {
        malformed(t, from, __LINE__, "a fragment lacks its beginning");
    }
    const uint32_t room = peer->message_total - peer->message_size;
    if (record->kind == FRAME_LAST ? record->size != room : record->size >= room)
        malformed(t, from, __LINE__, "the fragments of a message don't add up to its size");
    memcpy(peer->message + peer->message_size, record->bytes, record->size);
    peer->message_size += record->size;
    if (record->kind != FRAME_LAST)
        return;

    /* Taken from the peer for the delivery, which may drop the peer. */
    unsigned char *message = peer->message;
    const uint32_t capacity = peer->message_capacity;
    peer->message = NULL;
    peer->message_capacity = 0;
    peer->assembling = false;
    t->deliver(t->context, from, message, peer->message_total);
    if (capacity > KEPT_MESSAGE_BYTES || peer->dropped) {
        free(message);
    } else {
        peer->message = message;
        peer->message_capacity = capacity;
    }
}

static void frame_deliver(struct transport *t, struct peer *peer, uint32_t from, const unsigned char *bytes,
                          size_t size) {
    uint64_t *count = from == t->rank ? &t->statistics.records_self : &t->statistics.records_received;
    size_t offset = FRAME_HEADER_BYTES;
    while (offset < size) {
        struct frame_record record;
        const char *why = frame_read_record(bytes, size, &offset, &record);
        if (unlikely(why != NULL))
            malformed(t, from, __LINE__, why);
        if (likely(record.kind == FRAME_WHOLE)) {
            if (unlikely(peer->assembling))
                malformed(t, from, __LINE__, "a message stands inside another one's fragments");
            ++*count;
            t->deliver(t->context, from, record.bytes, record.size);
        } else {
            *count += record.kind == FRAME_LAST;
            fragment_take(t, peer, from, &record);
        }
        if (unlikely(peer->dropped))
            return;
    }
}

static void frame_park(struct transport *t, struct peer *peer, uint32_t from, uint32_t sequence,
                       const unsigned char *bytes, size_t size) {
    struct parked **at = &peer->parked;
    while (*at != NULL && (int32_t)((*at)->sequence - sequence) < 0)
        at = &(*at)->next;
    if (*at != NULL && (*at)->sequence == sequence)
        malformed(t, from, __LINE__, "its sequence number came twice");
    struct parked *parked = malloc(sizeof *parked + size);
    chord_check(parked != NULL && "out of memory for a frame that came early");
    parked->sequence = sequence;
    parked->size = (uint32_t)size;
    memcpy(parked->bytes, bytes, size);
    parked->next = *at;
    *at = parked;
    t->statistics.frames_early++;
}

static void frame_receive(struct transport *t, uint32_t from, const unsigned char *bytes, size_t size) {
    struct peer *peer = &t->peers[from];
    t->statistics.frames_received++;
    t->statistics.bytes_received += size;
    if (unlikely(peer->dropped))
        return;
    struct frame_header header;
    const char *why = frame_read_header(bytes, size, &header);
    if (unlikely(why != NULL))
        malformed(t, from, __LINE__, why);
    const uint32_t early = header.sequence - peer->receive_sequence;
    if (unlikely(early != 0)) {
        if (early > EARLY_FRAMES_MAX)
            malformed(t, from, __LINE__, "its sequence number is out of order");
        frame_park(t, peer, from, header.sequence, bytes, size);
        return;
    }
    peer->receive_sequence++;
    frame_deliver(t, peer, from, bytes, size);
    while (unlikely(peer->parked != NULL) && peer->parked->sequence == peer->receive_sequence) {
        struct parked *parked = peer->parked;
        peer->parked = parked->next;
        peer->receive_sequence++;
        frame_deliver(t, peer, from, parked->bytes, parked->size);
        free(parked);
    }
}

/* ---------------------------------------------------------------- receiving */

/* Persistent requests: 2 to 3 % more messages a second than MPI_Irecv (10 ranks, windows 8 and 64). */
static void slot_create(struct transport *t, uint32_t slot) {
    TRANSPORT_MPI(MPI_Recv_init(t->received + slot * t->slot_stride, (int)t->frame_bytes, MPI_BYTE,
                                MPI_ANY_SOURCE, TRANSPORT_TAG, t->comm, &t->requests[slot]));
    TRANSPORT_MPI(MPI_Start(&t->requests[slot]));
}

/* Takes the message of a completed slot and posts it again. */
static void slot_handle(struct transport *t, uint32_t slot, const MPI_Status *status) {
    int size = 0;
    TRANSPORT_MPI(MPI_Get_count(status, MPI_BYTE, &size));
    frame_receive(t, (uint32_t)status->MPI_SOURCE, t->received + slot * t->slot_stride, (size_t)size);
    TRANSPORT_MPI(MPI_Start(&t->requests[slot]));
}

static void receive_check(struct transport *t, int code, const MPI_Status *status) {
    int class = MPI_SUCCESS;
    (void)MPI_Error_class(code, &class);
    if (class == MPI_ERR_TRUNCATE && status->MPI_SOURCE >= 0)
        malformed(t, (uint32_t)status->MPI_SOURCE, __LINE__, "it is larger than a frame");
    TRANSPORT_MPI(code);
}

/* Looks at all slots; handles those that were set aside; sets aside those that others have overtaken. Returns
 * the number of frames handled. */
static __attribute__((noinline)) uint32_t scan_slots(struct transport *t) {
    int count = 0;
    const int code = MPI_Testsome((int)t->slot_count, t->requests, &count, t->scan_indices, t->scan_statuses);
    if (code != MPI_SUCCESS) {
        for (int i = 0; i < count; i++)
            receive_check(t, t->scan_statuses[i].MPI_ERROR, &t->scan_statuses[i]);
        TRANSPORT_MPI(code);
    }
    if (count == MPI_UNDEFINED)
        count = 0; /* all have arrived already and wait for their turn */
    for (int i = 0; i < count; i++) {
        struct slot *slot = &t->slots[t->scan_indices[i]];
        slot->arrived = true;
        slot->status = t->scan_statuses[i];
    }

    uint32_t handled = 0;
    if (t->aside_count > 0) {
        for (uint32_t i = 0; i < t->slot_count; i++) {
            struct slot *slot = &t->slots[i];
            if (!slot->aside || !slot->arrived)
                continue;
            slot->arrived = false;
            slot_handle(t, i, &slot->status);
            handled++;
            /* Posted last, so it comes last: just before the head of the ring, which is rotated to the start.
             */
            uint32_t *turned = (uint32_t *)t->scan_indices;
            for (uint32_t k = 0; k < t->ring_count; k++)
                turned[k] = t->ring[(t->head + k) % t->ring_count];
            memcpy(t->ring, turned, t->ring_count * sizeof *t->ring);
            t->ring[t->ring_count++] = i;
            t->head = 0;
            slot->aside = false;
            t->aside_count--;
        }
    }

    uint32_t overtaken = 0;
    while (overtaken < t->ring_count && !t->slots[t->ring[(t->head + overtaken) % t->ring_count]].arrived)
        overtaken++;
    if (overtaken == t->ring_count)
        return handled; /* nothing has arrived, so nothing was overtaken */
    for (; overtaken > 0; overtaken--) {
        t->slots[t->ring[t->head]].aside = true;
        t->aside_count++;
        t->statistics.slots_set_aside++;
        memmove(&t->ring[t->head], &t->ring[t->head + 1], (t->ring_count - t->head - 1) * sizeof *t->ring);
        t->ring_count--;
        if (t->head == t->ring_count)
            t->head = 0;
    }
    return handled;
}

/* Handles up to frames_max frames of the slots in posting order. */
static uint32_t receive_frames(struct transport *t, uint32_t frames_max) {
    uint32_t handled = 0;
    while (handled < frames_max && likely(t->ring_count > 0)) {
        const uint32_t index = t->ring[t->head];
        struct slot *slot = &t->slots[index];
        MPI_Status status;
        if (unlikely(slot->arrived)) {
            slot->arrived = false;
            status = slot->status;
        } else {
            int arrived = 0;
            const int code = MPI_Test(&t->requests[index], &arrived, &status);
            if (unlikely(code != MPI_SUCCESS))
                receive_check(t, code, &status);
            if (!arrived)
                break;
        }
        slot_handle(t, index, &status);
        t->head = t->head + 1 == t->ring_count ? 0 : t->head + 1;
        handled++;
    }
    return handled;
}

/* Delivers up to frames_max frames that this rank sent to itself. */
static uint32_t receive_self(struct transport *t, uint32_t frames_max) {
    struct peer *self = &t->peers[t->rank];
    uint32_t handled = 0;
    for (; handled < frames_max; handled++) {
        struct frame *frame = NULL;
        if (self->queue.first != NULL) {
            frame = list_take(&self->queue);
        } else if (self->open != NULL) { /* never empty while nothing is reserved */
            frame = self->open;
            self->open = NULL;
        } else {
            break;
        }
        frame_deliver(t, self, t->rank, frame->bytes, frame->used);
        frame_free(t, frame);
    }
    return handled;
}

uint32_t transport_poll(struct transport *t, uint32_t frames_max) {
    chord_check(!t->delivering && t->reserved_frame == NULL);
    t->delivering = true;
    uint32_t handled = receive_frames(t, frames_max);
    t->polls++;
    if (handled == 0 ? ++t->empty_polls % SCAN_PERIOD_EMPTY == 0
                     : unlikely(t->aside_count > 0) && t->polls % SCAN_PERIOD_ANY == 0)
        handled += scan_slots(t);
    handled += receive_self(t, frames_max);
    if (unlikely(t->queued_count > 0)) {
        for (uint32_t i = 0; i < t->dirty_count; i++)
            (void)push_queue(t, &t->peers[t->dirty[i]], t->dirty[i]);
    }
    t->delivering = false;
    return handled;
}

void transport_wait(struct transport *t) {
    if (t->spinning) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    } else {
        (void)sched_yield();
    }
}

/* ---------------------------------------------------------------- the rest */

static void list_discard(struct transport *t, struct frame_list *list) {
    while (list->first != NULL)
        frame_free(t, list_take(list));
}

static void parked_discard(struct peer *peer) {
    while (peer->parked != NULL) {
        struct parked *parked = peer->parked;
        peer->parked = parked->next;
        free(parked);
    }
}

void transport_drop_peer(struct transport *t, uint32_t rank) {
    chord_check(t->reserved_frame == NULL && rank < t->rank_count && rank != t->rank);
    struct peer *peer = &t->peers[rank];
    if (peer->dropped)
        return;
    peer->dropped = true;
    for (struct frame *frame = peer->queue.first; frame != NULL; frame = frame->next)
        t->queued_count--;
    list_discard(t, &peer->queue);
    if (peer->open != NULL)
        frame_free(t, peer->open);
    peer->open = NULL;
    parked_discard(peer);
    message_discard(peer);
    /* It leaves the dirty list with the next flush, which finds nothing to send. */
}

bool transport_pending(struct transport *t) {
    reclaim_all(t);
    const struct peer *self = &t->peers[t->rank];
    if (self->open != NULL || self->queue.first != NULL)
        return true;
    for (uint32_t i = 0; i < t->busy_count; i++)
        if (!t->peers[t->busy[i]].dropped)
            return true;
    for (uint32_t i = 0; i < t->dirty_count; i++)
        if (!t->peers[t->dirty[i]].dropped)
            return true;
    return false;
}

bool transport_drain(struct transport *t) {
    (void)transport_flush(t);
    return transport_pending(t);
}

static size_t stride_of_frames(uint32_t frame_bytes) {
    /* An odd number of cache lines: frames a power of two apart would share one set of the cache for their
     * headers. */
    const size_t lines = (sizeof(struct frame) + frame_bytes + LINE_BYTES - 1) / LINE_BYTES;
    return (lines | 1u) * LINE_BYTES;
}

size_t transport_bound_bytes(const struct transport *t) {
    return t->pool_bytes + t->slot_count * t->slot_stride + (size_t)t->rank_count * t->message_bytes_max;
}

static uint32_t or_default(uint32_t value, uint32_t standard) {
    return value == 0 ? standard : value;
}

size_t transport_pool_bytes_needed(const struct transport_config *config, uint32_t rank_count,
                                   uint64_t message_count, uint64_t message_bytes) {
    const uint32_t frame_bytes = or_default(config->frame_bytes, TRANSPORT_FRAME_BYTES_DEFAULT);
    const uint32_t inflight = or_default(config->inflight_frames_per_peer, TRANSPORT_INFLIGHT_DEFAULT);
    const uint64_t capacity = frame_bytes - FRAME_HEADER_BYTES - FRAGMENT_BYTES_MIN;
    /* Heads of whole records; of fragments at most one first a message and one other a frame (6 + 2 of its
     * bytes). */
    const uint64_t bytes = message_bytes + message_count * (2 * FRAME_RECORD_HEAD_BYTES + FRAME_TOTAL_BYTES);
    const uint64_t full = 2 * (bytes / (capacity - FRAME_RECORD_HEAD_BYTES) + 1);
    const uint64_t thin = (uint64_t)rank_count * (inflight + 2u);
    return (size_t)(full + thin) * stride_of_frames(frame_bytes);
}

uint32_t transport_rank(const struct transport *t) {
    return t->rank;
}

uint32_t transport_rank_count(const struct transport *t) {
    return t->rank_count;
}

uint32_t transport_record_bytes_max(const struct transport *t) {
    return TRANSPORT_RECORD_MAX(t->frame_bytes);
}

const struct transport_statistics *transport_statistics(const struct transport *t) {
    return &t->statistics;
}

/* ---------------------------------------------------------------- creation */

void transport_prepare_environment(void) {
    (void)setenv("OMPI_MCA_mpi_yield_when_idle", "0", 1); /* without memory for it: slower, not wrong */
}

static const char *config_error(const struct transport_config *config, uint32_t frame_bytes, uint32_t slots) {
    if (config->deliver == NULL)
        return "no function to deliver to";
    if (frame_bytes < FRAME_BYTES_MIN || frame_bytes > FRAME_BYTES_MAX)
        return "frame_bytes is out of range (256..4000)";
    if (config->message_bytes_max == 0 || config->message_bytes_max > (uint32_t)1 << 30)
        return "message_bytes_max is out of range (1..1073741824)";
    if (slots > TRANSPORT_RECEIVE_SLOTS_MAX)
        return "receive_slots is out of range (1..1024)";
    if (config->pool_bytes < 4 * stride_of_frames(frame_bytes))
        return "pool_bytes has no room for four frames";
    if (config->pool_bytes / stride_of_frames(frame_bytes) > UINT32_MAX / 2)
        return "pool_bytes is too large";
    return NULL;
}

/* Allocates all that has its size from the start. False when out of memory; what there is belongs to *t. */
static bool allocate(struct transport *t) {
    const uint32_t ranks = t->rank_count;
    const uint32_t slots = t->slot_count;
    t->peers = calloc(ranks, sizeof *t->peers);
    t->dirty = calloc(ranks, sizeof *t->dirty);
    t->busy = calloc(ranks, sizeof *t->busy);
    t->requests = calloc(slots, sizeof(MPI_Request));
    t->slots = calloc(slots, sizeof *t->slots);
    t->ring = calloc(slots, sizeof *t->ring);
    t->scan_indices = calloc(slots, sizeof *t->scan_indices);
    t->scan_statuses = calloc(slots, sizeof *t->scan_statuses);
    t->chunks = calloc(t->frame_limit / CHUNK_FRAMES + 1, sizeof *t->chunks);
    t->received = aligned_alloc(LINE_BYTES, slots * t->slot_stride);
    t->scratch = aligned_alloc(LINE_BYTES, t->frame_stride);
    return t->peers && t->dirty && t->busy && t->requests && t->slots && t->ring && t->scan_indices &&
           t->scan_statuses && t->chunks && t->received && t->scratch && pool_grow(t);
}

static void release(struct transport *t, bool mpi_holds_receives, bool mpi_holds_sends) {
    if (t->peers != NULL) {
        for (uint32_t i = 0; i < t->rank_count; i++) {
            parked_discard(&t->peers[i]);
            message_discard(&t->peers[i]);
        }
    }
    if (!mpi_holds_sends)
        for (uint32_t i = 0; i < t->chunk_count; i++)
            free(t->chunks[i]);
    if (!mpi_holds_receives)
        free(t->received);
    free(t->peers);
    free(t->dirty);
    free(t->busy);
    free(t->requests);
    free(t->slots);
    free(t->ring);
    free(t->scan_indices);
    free(t->scan_statuses);
    free(t->chunks);
    free(t->scratch);
    free(t);
}

enum chord_status transport_create(const struct transport_config *config, struct transport **out,
                                   char *error) {
    *out = NULL;
    const uint32_t frame_bytes = or_default(config->frame_bytes, TRANSPORT_FRAME_BYTES_DEFAULT);
    const uint32_t slots = or_default(config->receive_slots, TRANSPORT_RECEIVE_SLOTS_DEFAULT);
    const char *wrong = config_error(config, frame_bytes, slots);
    if (wrong != NULL) {
        (void)snprintf(error, TRANSPORT_ERROR_SIZE, "transport: %s", wrong);
        return CHORD_INVALID;
    }
    int rank = 0;
    int rank_count = 0;
    TRANSPORT_MPI(MPI_Comm_set_errhandler(config->comm, MPI_ERRORS_RETURN));
    TRANSPORT_MPI(MPI_Comm_rank(config->comm, &rank));
    TRANSPORT_MPI(MPI_Comm_size(config->comm, &rank_count));

    struct transport *t = aligned_alloc(LINE_BYTES, (sizeof *t + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);
    if (t != NULL) {
        memset(t, 0, sizeof *t);
        t->comm = config->comm;
        t->rank = (uint32_t)rank;
        t->rank_count = (uint32_t)rank_count;
        t->frame_bytes = frame_bytes;
        t->message_bytes_max = config->message_bytes_max;
        t->deliver = config->deliver;
        t->context = config->context;
        t->spinning = config->waiting == TRANSPORT_SPIN;
        t->inflight_limit = or_default(config->inflight_frames_per_peer, TRANSPORT_INFLIGHT_DEFAULT);
        t->frame_stride = stride_of_frames(frame_bytes);
        t->pool_bytes = config->pool_bytes;
        t->frame_limit = (uint32_t)(config->pool_bytes / t->frame_stride);
        t->slot_stride = ((frame_bytes + LINE_BYTES - 1) / LINE_BYTES | 1u) * LINE_BYTES;
        t->slot_count = slots;
        t->ring_count = slots;
    }
    if (t == NULL || !allocate(t)) {
        (void)snprintf(error, TRANSPORT_ERROR_SIZE,
                       "transport: out of memory for %u receive slots and %d ranks", slots, rank_count);
        if (t != NULL)
            release(t, false, false);
        return CHORD_NO_MEMORY;
    }
    for (uint32_t i = 0; i < slots; i++) {
        t->ring[i] = i;
        slot_create(t, i);
    }
    *out = t;
    return CHORD_OK;
}

void transport_destroy(struct transport *t) {
    if (t == NULL)
        return;
    chord_check(!t->delivering);
    /* A receive that is matched but whose sender died can be neither cancelled nor waited for. */
    bool mpi_holds_receives = false;
    for (uint32_t i = 0; i < t->slot_count; i++) {
        int done = t->slots[i].arrived;
        if (!done)
            TRANSPORT_MPI(MPI_Cancel(&t->requests[i]));
        for (int tries = 0; tries < 100 && !done; tries++)
            (void)MPI_Test(&t->requests[i], &done, MPI_STATUS_IGNORE);
        (void)MPI_Request_free(&t->requests[i]);
        if (!done)
            mpi_holds_receives = true;
    }
    reclaim_all(t);
    const bool mpi_holds_sends = t->busy_count > 0;
    for (uint32_t i = 0; i < t->busy_count; i++)
        for (struct frame *frame = t->peers[t->busy[i]].inflight.first; frame != NULL; frame = frame->next)
            (void)MPI_Request_free(&frame->request);
    release(t, mpi_holds_receives, mpi_holds_sends);
}
