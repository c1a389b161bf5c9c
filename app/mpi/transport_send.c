/* The transport's sending side: the pool of frames, and the channels to the peers.
 *
 * Every peer has one open frame that records are encoded into, a queue of full frames that wait because the
 * peer is at its in-flight limit, and a list of frames that MPI holds, oldest first:
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
 * Ranks that die. MPI says nothing, or (UCX over TCP) it fails the sends; either way the caller or MPI closes
 * the channel. What MPI doesn't have yet is given back, and what it has is left alone: its sends may be
 * pending for ever, they are looked at only if the channel is opened again, and there are never more than the
 * in-flight limit of them, which is in the bound of the pool. A frame gets its sequence number when it is
 * handed to MPI, so discarding leaves no gap; but it may take the rest of a message whose first fragments are
 * on their way. So the next frame of the channel, if there ever is one, carries FRAME_RESTART. */
#include "app/mpi/transport_state.h"

#include <stdlib.h>
#include <string.h>

#include "chord/base/check.h"

/* ---------------------------------------------------------------- lists */

static void list_append(struct frame_list *list, struct frame *frame) {
    frame->next = NULL;
    if (list->first == NULL)
        list->first = frame;
    else
        list->last->next = frame;
    list->last = frame;
}

/* ---------------------------------------------------------------- peers that are gone */

/* Gives back what MPI doesn't have yet. */
static void channel_close(struct transport *t, struct peer *peer) {
    while (peer->queue.first != NULL) {
        transport_frame_free(t, transport_list_take(&peer->queue));
        t->queued_count--;
        t->statistics.frames_discarded++;
    }
    if (peer->open != NULL) {
        transport_frame_free(t, peer->open);
        peer->open = NULL;
        t->statistics.frames_discarded++;
    }
    peer->closed = true;
    peer->restarts = true;
    /* It leaves the dirty list with the next flush, which finds nothing to send. */
}

/* MPI has failed to send to the peer: the end of the job, or of the channel. */
static void channel_cut(struct transport *t, struct peer *peer, int line, const char *call, int code) {
    if (!t->outlives_peers)
        transport_mpi_failed(__FILE__, line, call, code);
    if (!peer->cut) {
        channel_close(t, peer);
        peer->cut = true;
        t->statistics.peers_cut++;
    }
}

void transport_shut_peer(struct transport *t, uint32_t rank) {
    chord_check(t->reserved_frame == NULL && rank < t->rank_count && rank != t->rank);
    if (!t->peers[rank].closed)
        channel_close(t, &t->peers[rank]);
}

void transport_open_peer(struct transport *t, uint32_t rank) {
    chord_check(t->reserved_frame == NULL && rank < t->rank_count && rank != t->rank);
    t->peers[rank].closed = t->peers[rank].cut;
}

bool transport_is_shut(const struct transport *t, uint32_t rank) {
    chord_check(rank < t->rank_count);
    return t->peers[rank].closed;
}

/* ---------------------------------------------------------------- the pool */

/* Moves the frames of `peer` that MPI has finished with to the free list: oldest first, up to the first that
 * isn't. */
static void reclaim(struct transport *t, struct peer *peer) {
    while (peer->inflight.first != NULL) {
        int done = 0;
        MPI_Request *request = &peer->inflight.first->request;
        const int code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (unlikely(code != MPI_SUCCESS)) {
            channel_cut(t, peer, __LINE__, "MPI_Test", code);
            done = *request == MPI_REQUEST_NULL; /* MPI has let go of the frame */
        }
        if (!done)
            return;
        transport_frame_free(t, transport_list_take(&peer->inflight));
        peer->inflight_count--;
        t->inflight_count--;
    }
    /* No longer busy: the last of the list takes its place. */
    const uint32_t moved = t->busy[--t->busy_count];
    t->busy[peer->busy_index] = moved;
    t->peers[moved].busy_index = peer->busy_index;
}

void transport_reclaim(struct transport *t, bool closed_too) {
    for (uint32_t i = t->busy_count; i-- > 0;) {
        struct peer *peer = &t->peers[t->busy[i]];
        if (!peer->closed || closed_too)
            reclaim(t, peer);
    }
}

static struct frame *frame_at(const struct transport *t, void *chunk, uint32_t index) {
    return (struct frame *)((unsigned char *)chunk + index * t->frame_stride);
}

bool transport_pool_grow(struct transport *t) {
    uint32_t count = t->frame_limit - t->frame_count;
    if (count > TRANSPORT_CHUNK_FRAMES)
        count = TRANSPORT_CHUNK_FRAMES;
    if (count == 0)
        return false;
    void *chunk = aligned_alloc(TRANSPORT_LINE_BYTES, count * t->frame_stride);
    if (chunk == NULL)
        return false;
    t->chunks[t->chunk_count++] = chunk;
    for (uint32_t i = count; i-- > 0;)
        transport_frame_free(t, frame_at(t, chunk, i));
    t->frame_count += count;
    t->statistics.pool_bytes_used_max = t->frame_count * t->frame_stride;
    return true;
}

/* An empty frame for sending. Fails the check when pool_bytes is exceeded: end-to-end credits were
 * miscounted. */
static struct frame *frame_new(struct transport *t) {
    if (unlikely(t->free_frames == NULL)) {
        transport_reclaim(t, false);
        /* With few reclaimed, the next call would have to search again soon: grow instead while it is
         * allowed. */
        if (t->free_count < TRANSPORT_CHUNK_FRAMES / 2)
            (void)transport_pool_grow(t);
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

/* Fills what is left of the frame with a message that rides along. */
static void frame_add_rider(struct transport *t, struct frame *frame) {
    unsigned char *at = frame->bytes + frame->used;
    const size_t left = t->frame_bytes - frame->used;
    if (left > FRAME_RECORD_HEAD_BYTES) {
        const size_t size = t->ride(t->context, at + FRAME_RECORD_HEAD_BYTES, left - FRAME_RECORD_HEAD_BYTES);
        if (size > 0) {
            frame_write_record_head(at, FRAME_WHOLE, (uint32_t)size);
            frame->used += (uint32_t)(FRAME_RECORD_HEAD_BYTES + size);
        }
    }
}

static void frame_send(struct transport *t, struct peer *peer, uint32_t to, struct frame *frame) {
    if (t->ride != NULL)
        frame_add_rider(t, frame);
    frame_write_header(frame->bytes, peer->send_sequence++, frame->used, peer->restarts ? FRAME_RESTART : 0);
    peer->restarts = false;
    const int code =
        MPI_Isend(frame->bytes, (int)frame->used, MPI_BYTE, (int)to, TRANSPORT_TAG, t->comm, &frame->request);
    if (unlikely(code != MPI_SUCCESS)) {
        channel_cut(t, peer, __LINE__, "MPI_Isend", code);
        transport_frame_free(t, frame);
        return;
    }
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

/* Whether MPI may be given another frame for an open channel. That may turn out to be closed by now. */
static bool may_send(struct transport *t, struct peer *peer) {
    if (likely(peer->inflight_count < t->inflight_limit))
        return true;
    reclaim(t, peer);
    return peer->inflight_count < t->inflight_limit && !peer->closed;
}

/* Sends what is queued for a peer as far as its limit allows. Returns the number of frames sent. */
static uint32_t push_queue(struct transport *t, struct peer *peer, uint32_t to) {
    uint32_t sent = 0;
    while (peer->queue.first != NULL && may_send(t, peer)) {
        t->queued_count--;
        frame_send(t, peer, to, transport_list_take(&peer->queue));
        sent++;
    }
    return sent;
}

void transport_push_queues(struct transport *t) {
    for (uint32_t i = 0; i < t->dirty_count; i++)
        (void)push_queue(t, &t->peers[t->dirty[i]], t->dirty[i]);
}

/* Sends a full frame, or queues it if it isn't its turn. */
static void frame_pass_on(struct transport *t, struct peer *peer, uint32_t to, struct frame *frame) {
    if (to == t->rank) {
        list_append(&peer->queue, frame);
    } else if (peer->queue.first == NULL && may_send(t, peer)) {
        frame_send(t, peer, to, frame);
    } else if (unlikely(peer->closed)) {
        transport_frame_free(t, frame);
    } else {
        list_append(&peer->queue, frame);
        t->queued_count++;
        (void)push_queue(t, peer, to);
    }
}

/* Closes the open frame, if any, and opens an empty one. What goes to a closed peer is encoded into a frame
 * that is never sent. */
static __attribute__((noinline)) struct frame *frame_open(struct transport *t, struct peer *peer,
                                                          uint32_t to) {
    if (peer->open != NULL) {
        struct frame *full = peer->open;
        peer->open = NULL;
        frame_pass_on(t, peer, to, full);
    }
    if (likely(!peer->closed)) {
        struct frame *fresh = frame_new(t);
        if (likely(!peer->closed)) { /* else it was found out while looking for a free frame */
            peer->open = fresh;
            return fresh;
        }
        transport_frame_free(t, fresh);
    }
    t->scratch->used = FRAME_HEADER_BYTES;
    return t->scratch;
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
    size_t left = total;
    do {
        const bool first = left == total;
        const uint32_t overhead = FRAME_RECORD_HEAD_BYTES + (first ? FRAME_TOTAL_BYTES : 0u);
        struct frame *frame = peer->open;
        if (frame == NULL || frame->used + overhead + TRANSPORT_FRAGMENT_MIN > t->frame_bytes)
            frame = frame_open(t, peer, to_rank);
        if (unlikely(frame == t->scratch)) {
            t->statistics.records_refused++;
            return;
        }
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
                struct frame *frame = peer->open;
                peer->open = NULL;
                frame_send(t, peer, to, frame);
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

bool transport_pending(struct transport *t) {
    transport_reclaim(t, false);
    const struct peer *self = &t->peers[t->rank];
    if (self->open != NULL || self->queue.first != NULL)
        return true;
    for (uint32_t i = 0; i < t->busy_count; i++)
        if (!t->peers[t->busy[i]].closed)
            return true;
    for (uint32_t i = 0; i < t->dirty_count; i++)
        if (!t->peers[t->dirty[i]].closed)
            return true;
    return false;
}

bool transport_drain(struct transport *t) {
    (void)transport_flush(t);
    return transport_pending(t);
}
