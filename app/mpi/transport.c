/* The transport's frame: its creation and end, its bounds, what it does while nothing happens. How it sends
 * and receives: transport_send.c, transport_receive.c. */
#include "app/mpi/transport_state.h"

#include "app/mpi/hangup.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chord/base/check.h"

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

/* ---------------------------------------------------------------- waiting */

/* Somebody else may want the core that this MPI knows nothing of, another job for one. A yield that nobody takes is as cheap as a
 * few polls. */
#define SPINS_BEFORE_YIELD 128u

void transport_wait(struct transport *t) {
    if (t->spinning && ++t->spins % SPINS_BEFORE_YIELD != 0) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    } else {
        (void)sched_yield();
    }
}

/* ---------------------------------------------------------------- when to send */

bool transport_is_sparse(const struct transport *t) {
    return t->sparse_frames >= SPARSE_FRAMES;
}

/* ---------------------------------------------------------------- bounds */

static size_t stride_of_frames(uint32_t frame_bytes) {
    /* An odd number of cache lines: frames a power of two apart would share one set of the cache for their
     * headers. */
    const size_t lines =
        (sizeof(struct frame) + frame_bytes + TRANSPORT_LINE_BYTES - 1) / TRANSPORT_LINE_BYTES;
    return (lines | 1u) * TRANSPORT_LINE_BYTES;
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
    const uint64_t capacity = frame_bytes - FRAME_HEADER_BYTES - TRANSPORT_FRAGMENT_MIN;
    /* Heads of whole records; of fragments at most one first a message and one other a frame (6 + 2 of its
     * bytes). */
    const uint64_t bytes = message_bytes + message_count * (2 * FRAME_RECORD_HEAD_BYTES + FRAME_TOTAL_BYTES);
    const uint64_t full = 2 * (bytes / (capacity - FRAME_RECORD_HEAD_BYTES) + 1);
    /* A dead peer's frames in flight are lost: at most as many as a live one may have (transport.h). */
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
    t->chunks = calloc(t->frame_limit / TRANSPORT_CHUNK_FRAMES + 1, sizeof *t->chunks);
    t->received = aligned_alloc(TRANSPORT_LINE_BYTES, slots * t->slot_stride);
    t->scratch = aligned_alloc(TRANSPORT_LINE_BYTES, t->frame_stride);
    return t->peers && t->dirty && t->busy && t->requests && t->slots && t->ring && t->scan_indices &&
           t->scan_statuses && t->chunks && t->received && t->scratch && transport_pool_grow(t);
}

static void release(struct transport *t, bool mpi_holds_receives, bool mpi_holds_sends) {
    for (uint32_t i = 0; t->peers != NULL && i < t->rank_count; i++)
        transport_received_discard(&t->peers[i]);
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

    struct transport *t =
        aligned_alloc(TRANSPORT_LINE_BYTES,
                      (sizeof *t + TRANSPORT_LINE_BYTES - 1) / TRANSPORT_LINE_BYTES * TRANSPORT_LINE_BYTES);
    if (t != NULL) {
        memset(t, 0, sizeof *t);
        t->comm = config->comm;
        t->rank = (uint32_t)rank;
        t->rank_count = (uint32_t)rank_count;
        t->frame_bytes = frame_bytes;
        t->message_bytes_max = config->message_bytes_max;
        t->deliver = config->deliver;
        t->preview = config->preview;
        t->failed = config->failed;
        t->sparse_frames = SPARSE_FRAMES;
        t->ride = config->ride;
        t->context = config->context;
        t->spinning = config->waiting == TRANSPORT_SPIN;
        t->outlives_peers = config->outlives_peers;
        if (t->outlives_peers)
            hangup_hide();
        t->inflight_limit = or_default(config->inflight_frames_per_peer, TRANSPORT_INFLIGHT_DEFAULT);
        t->frame_stride = stride_of_frames(frame_bytes);
        t->pool_bytes = config->pool_bytes;
        t->frame_limit = (uint32_t)(config->pool_bytes / t->frame_stride);
        t->slot_stride =
            ((frame_bytes + TRANSPORT_LINE_BYTES - 1) / TRANSPORT_LINE_BYTES | 1u) * TRANSPORT_LINE_BYTES;
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
    transport_receives_start(t);
    *out = t;
    return CHORD_OK;
}

void transport_destroy(struct transport *t) {
    if (t == NULL)
        return;
    chord_check(!t->delivering);
    const bool mpi_holds_receives = transport_receives_stop(t);
    transport_reclaim(t, true);
    const bool mpi_holds_sends = t->busy_count > 0;
    for (uint32_t i = 0; i < t->busy_count; i++)
        for (struct frame *frame = t->peers[t->busy[i]].inflight.first; frame != NULL; frame = frame->next)
            (void)MPI_Request_free(&frame->request);
    release(t, mpi_holds_receives, mpi_holds_sends);
}
