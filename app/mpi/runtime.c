#include "app/mpi/runtime.h"

#include "app/mpi/monotime.h"
#include "app/mpi/transport.h"
#include "chord/base/check.h"
#include "chord/wire/codec.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Frames handled before the rest of the loop has its turn. */
#define FRAMES_PER_STEP 32u
/* Steps in a row that may find something to do before what is packed is sent all the same. */
#define BUSY_STEPS_MAX 8u
/* Empty polls before a rank gives up its core: a message that is being sent on another core arrives
 * meanwhile, and a switch costs more than a poll. With one there are up to three times as many switches. */
#define POLLS_BEFORE_WAITING 2u
/* How often it does so before it looks at its timers and its owner's work again. */
#define WAITS_PER_STEP 16u
/* A block of the C library costs this much beside what it gives. */
#define BLOCK_OVERHEAD 8u
/* A silent rank that finds nothing sleeps so long. */
#define SILENT_REST_NS 1000000

/* --- the allocator that the core is given --- */

static void *resize_block(void *context, void *block, size_t size) {
    struct runtime_memory *memory = context;
    if (block != NULL) {
        memory->bytes -= malloc_usable_size(block) + BLOCK_OVERHEAD;
    }
    if (size == 0) {
        free(block);
        return NULL;
    }
    void *resized = realloc(block, size);
    if (resized != NULL || block != NULL) {
        memory->bytes += malloc_usable_size(resized != NULL ? resized : block) + BLOCK_OVERHEAD;
    }
    return resized;
}

/* --- sending --- */

static unsigned char *scratch_of(struct runtime *runtime, size_t size) {
    if (size > runtime->scratch_size) {
        free(runtime->scratch);
        runtime->scratch = malloc(size);
        chord_check(runtime->scratch != NULL);
        runtime->scratch_size = size;
    }
    return runtime->scratch;
}

static void sink_send(void *context, const struct chord_message *message) {
    struct runtime *runtime = context;
    uint32_t value_size;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    const size_t size = head_size + value_size;
    const uint32_t to = message->to.rank;
    chord_check(to < runtime->rank_count);
    if (__builtin_expect(runtime->silent, 0)) {
        return;
    }
    runtime->traffic.messages[message->type]++;
    runtime->traffic.bytes[message->type] += size;
    runtime->traffic.self_messages += to == runtime->rank;
    runtime->sent_to[to] += message->type != CHORD_MESSAGE_HEARTBEAT;
    if (size <= transport_record_bytes_max(runtime->transport)) {
        unsigned char *at = transport_reserve(runtime->transport, to, size);
        (void)chord_codec_encode_head(message, at);
        if (value_size > 0) {
            memcpy(at + head_size, value, value_size);
        }
        transport_commit(runtime->transport, size);
        return;
    }
    unsigned char *head = scratch_of(runtime, head_size);
    (void)chord_codec_encode_head(message, head);
    transport_send_large(runtime->transport, to, head, head_size, value, value_size);
}

void runtime_send_control(struct runtime *runtime, uint32_t to_rank, unsigned type, const void *bytes,
                          size_t size) {
    chord_check(type >= RUNTIME_CONTROL_FIRST && type <= UINT8_MAX);
    if (runtime->silent) {
        return;
    }
    const unsigned char head = (unsigned char)type;
    transport_send_large(runtime->transport, to_rank, &head, 1, bytes, size);
}

void runtime_send_farewell(struct runtime *runtime, uint32_t to_rank, const void *bytes, size_t size) {
    const bool is_shut = transport_is_shut(runtime->transport, to_rank);
    if (is_shut) {
        transport_open_peer(runtime->transport, to_rank);
    }
    runtime_send_control(runtime, to_rank, RUNTIME_CONTROL_FAREWELL, bytes, size);
    if (is_shut) {
        (void)transport_flush(runtime->transport);
        transport_shut_peer(runtime->transport, to_rank);
    }
}

/* --- receiving --- */

static void sink_complete(void *context, const struct chord_completion *completion) {
    struct runtime *runtime = context;
    if (!runtime->end_is_read) {
        runtime->now_ns = monotime_now_ns();
        runtime->end_is_read = true;
    }
    runtime->owner.complete(runtime->owner.context, completion, runtime->now_ns);
}

/* Shuts or opens the channel to a rank. One that was out hears of its own return, too. */
static void turn_channel(struct runtime *runtime, uint32_t rank, bool open) {
    if (rank == runtime->rank || runtime->silent) {
        runtime->any_shut = true; /* the others have shut this one */
        return;
    }
    if (open) {
        transport_open_peer(runtime->transport, rank);
    } else {
        transport_shut_peer(runtime->transport, rank);
        runtime->any_shut = true;
    }
}

static void sink_notice(void *context, const struct chord_notice *notice) {
    struct runtime *runtime = context;
    if (notice->kind == CHORD_NOTICE_SHUT || notice->kind == CHORD_NOTICE_OPENED) {
        turn_channel(runtime, notice->rank, notice->kind == CHORD_NOTICE_OPENED);
    }
    runtime->owner.notice(runtime->owner.context, notice);
}

/* A message that no correct sender sends here and now: a defect of ours, not an operating error. */
_Noreturn static void fail_message(const struct runtime *runtime, uint32_t from_rank, unsigned type,
                                   enum chord_status status) {
    fprintf(stderr, "chordkv: rank %u: a %s message from rank %u can't be handled: %s\n", runtime->rank,
            chord_message_name((enum chord_message_type)type), from_rank, chord_status_text(status));
    chord_check_failed(__FILE__, __LINE__, "every message can be handled");
}

/* What is sent on, refused and sent again shows no progress: stale routing could do that for ever. Nor does living. */
static bool is_progress(enum chord_message_type type) {
    switch (type) {
    case CHORD_MESSAGE_REQUEST:
    case CHORD_MESSAGE_REFUSAL:
    case CHORD_MESSAGE_LOOKUP:
    case CHORD_MESSAGE_ANNOUNCE:
    case CHORD_MESSAGE_GONE:
    case CHORD_MESSAGE_HEARTBEAT:
        return false;
    default:
        return true;
    }
}

void runtime_preview(void *context, const unsigned char *bytes, size_t size) {
    struct runtime *runtime = context;
    if (bytes != NULL) {
        if (runtime->has_peer && runtime->foreseen_count < RUNTIME_FORESEEN_MAX) {
            const struct chord_store_slot *slot = chord_peer_prefetch(&runtime->peer, bytes, size);
            runtime->foreseen[runtime->foreseen_count] = slot;
            runtime->foreseen_count += slot != NULL;
        }
        return;
    }
    for (uint32_t i = 0; i < runtime->foreseen_count; i++) {
        chord_store_prefetch_pair(runtime->foreseen[i]);
    }
    runtime->foreseen_count = 0;
    runtime->end_is_read = false;
}

size_t runtime_ride(void *context, unsigned char *at, size_t room) {
    const struct runtime *runtime = context;
    return runtime->owner.ride(runtime->owner.context, at, room);
}

void runtime_deliver(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct runtime *runtime = context;
    if (from_rank == runtime->config->coordinator_rank) {
        runtime->heard_ns = runtime->now_ns;
    }
    if (__builtin_expect(runtime->silent, 0) && bytes[0] != RUNTIME_CONTROL_FAREWELL) {
        return;
    }
    if (bytes[0] >= RUNTIME_CONTROL_FIRST) {
        runtime->any_shut |= bytes[0] == RUNTIME_CONTROL_FAREWELL;
        runtime->control_count++;
        if (runtime->has_peer) {
            chord_check(chord_peer_heard(&runtime->peer, from_rank, runtime->now_ns) == CHORD_OK);
        }
        runtime->owner.control(runtime->owner.context, from_rank, bytes[0], bytes + 1, size - 1);
        return;
    }
    struct chord_message message;
    enum chord_status status = chord_codec_decode(bytes, size, from_rank, runtime->rank, &message);
    runtime->received_from[from_rank] += bytes[0] != CHORD_MESSAGE_HEARTBEAT;
    runtime->progress_count += is_progress((enum chord_message_type)bytes[0]);
    if (status == CHORD_OK) {
        status = runtime->has_peer ? chord_peer_receive(&runtime->peer, &message, runtime->now_ns)
                                   : CHORD_UNEXPECTED;
    }
    if (__builtin_expect(status != CHORD_OK && status != CHORD_STALE, 0)) {
        fail_message(runtime, from_rank, bytes[0], status);
    }
}

void runtime_failed(void *context, uint32_t rank) {
    struct runtime *runtime = context;
    if (runtime->has_peer) {
        chord_check(chord_peer_failed(&runtime->peer, rank, runtime->now_ns) == CHORD_OK);
    }
}

/* --- the loop --- */

/* Nothing is due and nothing is packed: looks again a few times, then lets others run. */
static bool wait_for_frames(struct runtime *runtime) {
    for (unsigned poll = 1; poll < POLLS_BEFORE_WAITING; poll++) {
        if (transport_poll(runtime->transport, FRAMES_PER_STEP) > 0) {
            return true;
        }
    }
    for (unsigned wait = 0; wait < WAITS_PER_STEP; wait++) {
        transport_wait(runtime->transport);
        if (transport_poll(runtime->transport, FRAMES_PER_STEP) > 0) {
            return true;
        }
    }
    return false;
}

/* A silent rank has nothing to do but to let its peers' sends complete. */
static bool step_silently(struct runtime *runtime) {
    if (transport_poll(runtime->transport, FRAMES_PER_STEP) > 0) {
        return true;
    }
    (void)nanosleep(&(struct timespec){.tv_nsec = SILENT_REST_NS}, NULL);
    return false;
}

bool runtime_step(struct runtime *runtime) {
    runtime->now_ns = monotime_now_ns();
    if (__builtin_expect(runtime->silent, 0)) {
        return step_silently(runtime);
    }
    const uint32_t frame_count = transport_poll(runtime->transport, FRAMES_PER_STEP);
    runtime->end_is_read = false;
    bool busy = frame_count > 0;
    if (runtime->has_peer && frame_count < FRAMES_PER_STEP) {
        chord_check(chord_peer_drained(&runtime->peer, runtime->now_ns) == CHORD_OK);
    }
    if (runtime->has_peer && chord_peer_deadline(&runtime->peer) <= runtime->now_ns) {
        chord_check(chord_peer_tick(&runtime->peer, runtime->now_ns) == CHORD_OK);
        busy = true;
    }
    busy |= runtime->owner.work(runtime->owner.context);
    /* Under load frames leave when they are full; but a rank that is never idle must not keep a part-filled
     * one from a peer that waits for it. */
    if (busy && !transport_is_sparse(runtime->transport) && ++runtime->busy_step_count < BUSY_STEPS_MAX) {
        return true;
    }
    runtime->busy_step_count = 0;
    (void)transport_flush(runtime->transport);
    return busy || wait_for_frames(runtime);
}

enum chord_status runtime_submit(struct runtime *runtime, const struct chord_operation *operation) {
    return chord_client_submit(&runtime->peer.client, operation, runtime->now_ns);
}

/* --- faults --- */

void runtime_silence(struct runtime *runtime) {
    runtime->silent = true;
    /* Also what is packed already stays here. */
    for (uint32_t rank = 0; rank < runtime->rank_count; rank++) {
        if (rank != runtime->rank) {
            transport_shut_peer(runtime->transport, rank);
        }
    }
}

bool runtime_any_shut(const struct runtime *runtime) {
    return runtime->any_shut || runtime->silent;
}

/* --- the rest --- */

enum chord_status runtime_init(struct runtime *runtime, struct transport *transport, uint32_t rank,
                               uint32_t rank_count, const struct chord_config *config, struct runtime_owner owner) {
    *runtime = (struct runtime){
        .transport = transport, .rank = rank, .rank_count = rank_count, .config = config, .owner = owner};
    runtime->sink = (struct chord_sink){
        .context = runtime, .send = sink_send, .complete = sink_complete, .notice = sink_notice};
    runtime->allocator = (struct chord_allocator){.context = &runtime->memory, .resize = resize_block};
    runtime->now_ns = monotime_now_ns();
    runtime->sent_to = calloc(rank_count, sizeof *runtime->sent_to);
    runtime->received_from = calloc(rank_count, sizeof *runtime->received_from);
    return runtime->sent_to == NULL || runtime->received_from == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

static void clear_peer(struct runtime *runtime) {
    if (runtime->has_peer) {
        chord_peer_clear(&runtime->peer);
        runtime->has_peer = false;
    }
}

void runtime_clear(struct runtime *runtime) {
    clear_peer(runtime);
    free(runtime->scratch);
    free(runtime->sent_to);
    free(runtime->received_from);
    runtime->scratch = NULL;
    runtime->sent_to = NULL;
    runtime->received_from = NULL;
    runtime->scratch_size = 0;
}

enum chord_status runtime_reset_peer(struct runtime *runtime, const struct chord_id *node_ids,
                                     uint32_t incarnation) {
    clear_peer(runtime);
    const enum chord_status status =
        chord_peer_init(&runtime->peer, runtime->config, &runtime->sink, &runtime->allocator, runtime->rank,
                        node_ids, incarnation);
    runtime->has_peer = status == CHORD_OK;
    return status;
}

bool runtime_can_reach(const struct runtime *runtime, uint32_t rank) {
    return !runtime->has_peer || !chord_reach_is_shut(&runtime->peer.reach, rank);
}

struct runtime_counts runtime_counts(const struct runtime *runtime, const bool *is_uncounted) {
    struct runtime_counts counts = {0};
    for (uint32_t rank = 0; rank < runtime->rank_count && !is_uncounted[runtime->rank]; rank++) {
        counts.sent += is_uncounted[rank] ? 0 : runtime->sent_to[rank];
        counts.received += is_uncounted[rank] ? 0 : runtime->received_from[rank];
    }
    return counts;
}

struct traffic runtime_traffic(const struct runtime *runtime) {
    struct traffic traffic = runtime->traffic;
    const struct transport_statistics *statistics = transport_statistics(runtime->transport);
    traffic.mpi_messages = statistics->frames_sent;
    traffic.mpi_bytes = statistics->bytes_sent;
    return traffic;
}

uint64_t runtime_pool_used_max(const struct runtime *runtime) {
    return transport_statistics(runtime->transport)->pool_bytes_used_max;
}
