/* The transport's receiving side: the posted receives, the order of the channels, messages in fragments.
 *
 * `receive_slots` receives from any source are posted. MPI matches the messages of one sender in the order in
 * which they were sent, and receives in the order in which they were posted; eager messages complete when
 * they are matched. So in the common case slots complete in posting order, and only the oldest, the head of
 * the ring, is tested. That order is no promise, though: a message that MPI sends by rendezvous (a smaller
 * eager limit was set) completes late, or never if its sender died. So from time to time, when nothing seems
 * to arrive, all slots are looked at; if a later one is complete while the head isn't, the head is set aside
 * (it stays posted and is looked at from time to time), and costs only itself. What the channel's order makes
 * of this is decided by the sequence number of each frame: one that comes too early is parked in a copy until
 * the missing ones have come. */
#include "app/mpi/transport_state.h"
#include "app/mpi/ulfm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chord/base/check.h"

#define SCAN_PERIOD_EMPTY 64u   /* empty polls between two looks at all slots */
#define SCAN_PERIOD_ANY 1024u   /* the same in a rank that is never idle, while slots are set aside */
#define EARLY_FRAMES_MAX 65536u /* a sequence number further ahead than this is no reordering */

/* A frame from the wire breaks the format or the channel's order: by contract the end of this process,
 * through the host's hook, which is told the peer. */
static _Noreturn void malformed(struct transport *t, uint32_t from, int line, const char *why) {
    static char text[256];
    t->statistics.malformed++;
    (void)snprintf(text, sizeof text, "a frame from rank %u is malformed: %s", from, why);
    chord_check_failed(__FILE__, line, text);
}

/* ---------------------------------------------------------------- delivery */

static void fragment_take(struct transport *t, struct peer *peer, uint32_t from,
                          const struct frame_record *record) {
    const char *why = assembly_take(&peer->assembly, record, t->message_bytes_max);
    if (unlikely(why != NULL))
        malformed(t, from, __LINE__, why);
    if (record->kind != FRAME_LAST)
        return;
    t->deliver(t->context, from, peer->assembly.bytes, peer->assembly.total);
    assembly_done(&peer->assembly);
}

/* What is malformed is found out when it is delivered. */
static void frame_preview(struct transport *t, const unsigned char *bytes, size_t size) {
    size_t offset = FRAME_HEADER_BYTES;
    struct frame_record record;
    bool first = true;
    while (offset < size && frame_read_record(bytes, size, &offset, &record) == NULL) {
        if (first && offset == size)
            break; /* it is the only one */
        first = false;
        if (likely(record.kind == FRAME_WHOLE))
            t->preview(t->context, record.bytes, record.size);
    }
    t->preview(t->context, NULL, 0);
}

static void frame_deliver(struct transport *t, struct peer *peer, uint32_t from, const unsigned char *bytes,
                          size_t size) {
    uint64_t *count = from == t->rank ? &t->statistics.records_self : &t->statistics.records_received;
    size_t offset = FRAME_HEADER_BYTES;
    if (t->preview != NULL)
        frame_preview(t, bytes, size);
    while (offset < size) {
        struct frame_record record;
        const char *why = frame_read_record(bytes, size, &offset, &record);
        if (unlikely(why != NULL))
            malformed(t, from, __LINE__, why);
        if (likely(record.kind == FRAME_WHOLE)) {
            if (unlikely(peer->assembly.is_open))
                malformed(t, from, __LINE__, "a message stands inside another one's fragments");
            ++*count;
            t->deliver(t->context, from, record.bytes, record.size);
        } else {
            *count += record.kind == FRAME_LAST;
            fragment_take(t, peer, from, &record);
        }
    }
}

static void frame_park(struct transport *t, struct peer *peer, uint32_t from,
                       const struct frame_header *header, const unsigned char *bytes) {
    struct parked **at = &peer->parked;
    while (*at != NULL && (int32_t)((*at)->sequence - header->sequence) < 0)
        at = &(*at)->next;
    if (*at != NULL && (*at)->sequence == header->sequence)
        malformed(t, from, __LINE__, "its sequence number came twice");
    struct parked *parked = malloc(sizeof *parked + header->size);
    chord_check(parked != NULL && "out of memory for a frame that came early");
    parked->sequence = header->sequence;
    parked->size = header->size;
    parked->flags = header->flags;
    memcpy(parked->bytes, bytes, header->size);
    parked->next = *at;
    *at = parked;
    t->statistics.frames_early++;
}

/* Delivers the next frame of the channel. */
static void frame_accept(struct transport *t, struct peer *peer, uint32_t from, uint32_t flags,
                         const unsigned char *bytes, size_t size) {
    peer->receive_sequence++;
    if (unlikely(flags & FRAME_RESTART)) {
        t->statistics.restarts++;
        assembly_restart(&peer->assembly); /* the rest of that message was discarded */
    }
    frame_deliver(t, peer, from, bytes, size);
}

/* Delivers the parked frames whose turn it is. */
static void parked_accept(struct transport *t, struct peer *peer, uint32_t from) {
    while (peer->parked != NULL && peer->parked->sequence == peer->receive_sequence) {
        struct parked *parked = peer->parked;
        peer->parked = parked->next;
        frame_accept(t, peer, from, parked->flags, parked->bytes, parked->size);
        free(parked);
    }
}

static void frame_receive(struct transport *t, uint32_t from, const unsigned char *bytes, size_t size) {
    struct peer *peer = &t->peers[from];
    t->statistics.frames_received++;
    t->statistics.bytes_received += size;
    struct frame_header header;
    const char *why = frame_read_header(bytes, size, &header);
    if (unlikely(why != NULL))
        malformed(t, from, __LINE__, why);
    const uint32_t early = header.sequence - peer->receive_sequence;
    if (unlikely(early != 0)) {
        if (early > EARLY_FRAMES_MAX)
            malformed(t, from, __LINE__, "its sequence number is out of order");
        frame_park(t, peer, from, &header, bytes);
        return;
    }
    frame_accept(t, peer, from, header.flags, bytes, size);
    if (unlikely(peer->parked != NULL))
        parked_accept(t, peer, from);
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
    const uint64_t before = t->statistics.records_received;
    int size = 0;
    TRANSPORT_MPI(MPI_Get_count(status, MPI_BYTE, &size));
    frame_receive(t, (uint32_t)status->MPI_SOURCE, t->received + slot * t->slot_stride, (size_t)size);
    TRANSPORT_MPI(MPI_Start(&t->requests[slot]));
    if (t->statistics.records_received - before > SPARSE_RECORDS_MAX)
        t->sparse_frames = 0;
    else
        t->sparse_frames += t->sparse_frames < SPARSE_FRAMES;
}

/* A receive has an error. What an MPI with ULFM says of dead ranks is none: the receive stays posted. */
static void receive_check(struct transport *t, int code, const MPI_Status *status) {
    int class = MPI_SUCCESS;
    if (ulfm_is_failure(code)) {
        if (t->failed != NULL)
            ulfm_acknowledge(t->comm, t->failed, t->context);
        return;
    }
    (void)MPI_Error_class(code, &class);
    if (class == MPI_ERR_TRUNCATE && status->MPI_SOURCE >= 0)
        malformed(t, (uint32_t)status->MPI_SOURCE, __LINE__, "it is larger than a frame");
    TRANSPORT_MPI(code);
}

/* Notes which slots have a message. */
static void slots_look(struct transport *t) {
    int count = 0;
    const int code = MPI_Testsome((int)t->slot_count, t->requests, &count, t->scan_indices, t->scan_statuses);
    if (code != MPI_SUCCESS) {
        int class = MPI_SUCCESS;
        (void)MPI_Error_class(code, &class);
        for (int i = 0; i < count; i++)
            receive_check(t, t->scan_statuses[i].MPI_ERROR, &t->scan_statuses[i]);
        if (class != MPI_ERR_IN_STATUS)
            receive_check(t, code, &t->scan_statuses[0]);
    }
    if (count == MPI_UNDEFINED)
        count = 0; /* all have arrived already and wait for their turn */
    for (int i = 0; i < count; i++) {
        if (unlikely(code != MPI_SUCCESS && ulfm_is_failure(t->scan_statuses[i].MPI_ERROR)))
            continue;
        struct slot *slot = &t->slots[t->scan_indices[i]];
        slot->arrived = true;
        slot->status = t->scan_statuses[i];
    }
}

/* A slot that was posted just now comes last: before the head of the ring, which is rotated to the start. */
static void ring_append(struct transport *t, uint32_t index) {
    uint32_t *turned = (uint32_t *)t->scan_indices;
    for (uint32_t k = 0; k < t->ring_count; k++)
        turned[k] = t->ring[(t->head + k) % t->ring_count];
    memcpy(t->ring, turned, t->ring_count * sizeof *t->ring);
    t->ring[t->ring_count++] = index;
    t->head = 0;
}

/* Handles the slots set aside whose message has come after all. Returns the number of frames. */
static uint32_t slots_handle_aside(struct transport *t) {
    uint32_t handled = 0;
    for (uint32_t i = 0; t->aside_count > 0 && i < t->slot_count; i++) {
        struct slot *slot = &t->slots[i];
        if (!slot->aside || !slot->arrived)
            continue;
        slot->arrived = false;
        slot_handle(t, i, &slot->status);
        handled++;
        ring_append(t, i);
        slot->aside = false;
        t->aside_count--;
    }
    return handled;
}

/* Sets aside the slots before the first that has a message. */
static void slots_set_aside(struct transport *t) {
    uint32_t overtaken = 0;
    while (overtaken < t->ring_count && !t->slots[t->ring[(t->head + overtaken) % t->ring_count]].arrived)
        overtaken++;
    if (overtaken == t->ring_count)
        return; /* nothing has arrived, so nothing was overtaken */
    for (; overtaken > 0; overtaken--) {
        t->slots[t->ring[t->head]].aside = true;
        t->aside_count++;
        t->statistics.slots_set_aside++;
        memmove(&t->ring[t->head], &t->ring[t->head + 1], (t->ring_count - t->head - 1) * sizeof *t->ring);
        t->ring_count--;
        if (t->head == t->ring_count)
            t->head = 0;
    }
}

/* Looks at all slots. Returns the number of frames handled. */
static __attribute__((noinline)) uint32_t scan_slots(struct transport *t) {
    slots_look(t);
    const uint32_t handled = slots_handle_aside(t);
    slots_set_aside(t);
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
            if (unlikely(code != MPI_SUCCESS)) {
                receive_check(t, code, &status);
                arrived = 0;
            }
            if (!arrived)
                break;
        }
        slot_handle(t, index, &status);
        if (transport_is_sparse(t))
            (void)transport_flush(t);
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
            frame = transport_list_take(&self->queue);
        } else if (self->open != NULL) { /* never empty while nothing is reserved */
            frame = self->open;
            self->open = NULL;
        } else {
            break;
        }
        frame_deliver(t, self, t->rank, frame->bytes, frame->used);
        transport_frame_free(t, frame);
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
    if (unlikely(t->queued_count > 0))
        transport_push_queues(t);
    t->delivering = false;
    return handled;
}

/* ---------------------------------------------------------------- the beginning and the end */

void transport_receives_start(struct transport *t) {
    for (uint32_t i = 0; i < t->slot_count; i++) {
        t->ring[i] = i;
        slot_create(t, i);
    }
}

bool transport_receives_stop(struct transport *t) {
    bool held = false;
    for (uint32_t i = 0; i < t->slot_count; i++) {
        int done = t->slots[i].arrived;
        if (!done)
            TRANSPORT_MPI(MPI_Cancel(&t->requests[i]));
        for (int tries = 0; tries < 100 && !done; tries++)
            (void)MPI_Test(&t->requests[i], &done, MPI_STATUS_IGNORE);
        (void)MPI_Request_free(&t->requests[i]);
        held |= !done;
    }
    return held;
}

void transport_received_discard(struct peer *peer) {
    while (peer->parked != NULL) {
        struct parked *parked = peer->parked;
        peer->parked = parked->next;
        free(parked);
    }
    assembly_clear(&peer->assembly);
}
