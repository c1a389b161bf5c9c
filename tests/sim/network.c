#include "tests/sim/network.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

void network_init(struct network *network, uint32_t rank_count, uint64_t seed, uint64_t delay_ticks_max,
                  uint32_t record_bytes) {
    const size_t channels = (size_t)rank_count * rank_count;
    *network = (struct network){.prng = chord_prng_seeded(seed, 1),
                                .rank_count = rank_count,
                                .delay_ticks_max = delay_ticks_max,
                                .record_bytes = record_bytes};
    network->is_shut = calloc(channels, sizeof *network->is_shut);
    network->paused_until_ticks = calloc(rank_count, sizeof *network->paused_until_ticks);
    network->stalled_until_ticks = calloc(channels, sizeof *network->stalled_until_ticks);
    network->last_arrival_ticks = calloc(channels, sizeof *network->last_arrival_ticks);
    network->next_send_seq = calloc(channels, sizeof *network->next_send_seq);
    network->next_arrival_seq = calloc(channels, sizeof *network->next_arrival_seq);
    network->restarts = calloc(channels, sizeof *network->restarts);
    network->assemblies = calloc(channels, sizeof *network->assemblies);
    network->queues = calloc(rank_count, sizeof *network->queues);
    chord_check(network->restarts != NULL && network->assemblies != NULL && network->queues != NULL);
    chord_check(network->is_shut != NULL && network->paused_until_ticks != NULL && network->stalled_until_ticks != NULL &&
                network->last_arrival_ticks != NULL && network->next_send_seq != NULL &&
                network->next_arrival_seq != NULL);
}

void network_clear(struct network *network) {
    for (size_t i = 0; i < network->count; i++) {
        free(network->messages[i].record);
        free(network->messages[i].bytes);
    }
    for (size_t i = 0; i < (size_t)network->rank_count * network->rank_count; i++) {
        assembly_clear(&network->assemblies[i]);
    }
    free(network->restarts);
    free(network->assemblies);
    free(network->queues);
    free(network->messages);
    free(network->is_shut);
    free(network->paused_until_ticks);
    free(network->stalled_until_ticks);
    free(network->last_arrival_ticks);
    free(network->next_send_seq);
    free(network->next_arrival_seq);
}

static size_t channel_of(const struct network *network, uint32_t from_rank, uint32_t to_rank) {
    return (size_t)from_rank * network->rank_count + to_rank;
}

void network_stall(struct network *network, uint32_t from_rank, uint32_t to_rank, uint64_t until_ticks) {
    network->stalled_until_ticks[channel_of(network, from_rank, to_rank)] = until_ticks;
}

void network_pause(struct network *network, uint32_t rank, uint64_t until_ticks) {
    if (network->paused_until_ticks[rank] < until_ticks) {
        network->paused_until_ticks[rank] = until_ticks;
    }
    for (size_t i = 0; i < network->count; i++) {
        struct network_message *message = &network->messages[i];
        uint64_t *last = &network->last_arrival_ticks[channel_of(network, message->from_rank, rank)];
        if (message->to_rank == rank && message->arrival_ticks < until_ticks) {
            message->arrival_ticks = until_ticks;
            *last = *last < until_ticks ? until_ticks : *last;
        }
    }
}

static bool is_heartbeat(const struct network_message *message) {
    return message->bytes != NULL && message->bytes[0] == CHORD_MESSAGE_HEARTBEAT;
}

static size_t travelling_size(const struct network_message *message) {
    return message->record != NULL ? message->record_size : message->size;
}

static struct network_message remove_at(struct network *network, size_t index) {
    const struct network_message removed = network->messages[index];
    network->count--;
    network->heartbeat_count -= is_heartbeat(&removed);
    network->queues[removed.from_rank].messages -= removed.bytes != NULL;
    network->queues[removed.from_rank].bytes -= travelling_size(&removed);
    memmove(&network->messages[index], &network->messages[index + 1],
            (network->count - index) * sizeof *network->messages);
    return removed;
}

/* Drops the last ones of a channel, any number of them. */
static void drop_some(struct network *network, uint32_t from_rank, uint32_t to_rank) {
    const size_t channel = channel_of(network, from_rank, to_rank);
    uint32_t under_way = network->next_send_seq[channel] - network->next_arrival_seq[channel];
    const uint32_t kept = (uint32_t)chord_prng_below(&network->prng, under_way + 1u);
    for (size_t i = network->count; i-- > 0 && under_way > kept;) {
        if (network->messages[i].from_rank == from_rank && network->messages[i].to_rank == to_rank) {
            const struct network_message dropped = remove_at(network, i);
            free(dropped.record);
            free(dropped.bytes);
            under_way--;
            network->restarts[channel] = true;
        }
    }
    network->next_send_seq[channel] = network->next_arrival_seq[channel] + under_way;
}

void network_shut(struct network *network, uint32_t from_rank, uint32_t to_rank) {
    network->is_shut[channel_of(network, from_rank, to_rank)] = true;
    drop_some(network, from_rank, to_rank);
}

void network_open(struct network *network, uint32_t from_rank, uint32_t to_rank) {
    network->is_shut[channel_of(network, from_rank, to_rank)] = false;
}

void network_crash(struct network *network, uint32_t rank) {
    for (uint32_t to = 0; to < network->rank_count; to++) {
        drop_some(network, rank, to);
    }
}

static unsigned char *encoded(const struct chord_message *message, size_t *size) {
    uint32_t value_size;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    unsigned char *bytes = malloc(head_size + value_size);
    chord_check(bytes != NULL && chord_codec_encode_head(message, bytes) == head_size);
    if (value_size > 0) {
        memcpy(bytes + head_size, value, value_size);
    }
    *size = head_size + value_size;
    return bytes;
}

static uint64_t draw_arrival(struct network *network, uint32_t from_rank, uint32_t to_rank, uint64_t now_ticks) {
    const size_t channel = channel_of(network, from_rank, to_rank);
    const uint64_t least[] = {network->stalled_until_ticks[channel], network->paused_until_ticks[to_rank],
                              network->last_arrival_ticks[channel]};
    uint64_t arrival = now_ticks + 1 + chord_prng_below(&network->prng, network->delay_ticks_max);
    for (size_t i = 0; i < sizeof least / sizeof least[0]; i++) {
        arrival = arrival < least[i] ? least[i] : arrival;
    }
    network->last_arrival_ticks[channel] = arrival;
    return arrival;
}

/* Puts a whole message, or one fragment, on its way. */
static void push(struct network *network, struct network_message sent, uint64_t now_ticks) {
    if (network->count == network->capacity) {
        network->capacity = network->capacity == 0 ? 64 : network->capacity * 2;
        network->messages = realloc(network->messages, network->capacity * sizeof *network->messages);
        chord_check(network->messages != NULL);
    }
    const size_t channel = channel_of(network, sent.from_rank, sent.to_rank);
    sent.arrival_ticks = draw_arrival(network, sent.from_rank, sent.to_rank, now_ticks);
    sent.order = network->sent_total++;
    sent.channel_seq = network->next_send_seq[channel]++;
    sent.restarts = network->restarts[channel];
    network->restarts[channel] = false;
    network->messages[network->count++] = sent;
    network->heartbeat_count += is_heartbeat(&sent);
    network->queues[sent.from_rank].messages += sent.bytes != NULL;
    network->queues[sent.from_rank].bytes += travelling_size(&sent);
}

/* Cuts a message into records of any size up to the largest: the sender's frames may be nearly full. */
static void push_fragments(struct network *network, struct network_message whole, uint64_t now_ticks) {
    size_t offset = 0;
    while (offset < whole.size) {
        const size_t total_size = offset == 0 ? FRAME_TOTAL_BYTES : 0;
        const size_t room = network->record_bytes - total_size;
        const size_t share = room - chord_prng_below(&network->prng, 4) * (room / 4);
        const size_t left = whole.size - offset;
        const size_t size = share < left ? share : left;
        const enum frame_record_kind kind = offset == 0 ? FRAME_FIRST : size == left ? FRAME_LAST : FRAME_MIDDLE;
        struct network_message fragment = {.from_rank = whole.from_rank,
                                           .to_rank = whole.to_rank,
                                           .record_size = FRAME_RECORD_HEAD_BYTES + total_size + size,
                                           .bytes = kind == FRAME_LAST ? whole.bytes : NULL,
                                           .size = kind == FRAME_LAST ? whole.size : 0};
        fragment.record = malloc(fragment.record_size);
        chord_check(fragment.record != NULL);
        frame_write_record_head(fragment.record, kind, (uint32_t)(total_size + size));
        if (kind == FRAME_FIRST) {
            frame_write_total(fragment.record + FRAME_RECORD_HEAD_BYTES, (uint32_t)whole.size);
        }
        memcpy(fragment.record + FRAME_RECORD_HEAD_BYTES + total_size, whole.bytes + offset, size);
        push(network, fragment, now_ticks);
        offset += size;
    }
    network->cut_total++;
}

void network_send(struct network *network, const struct chord_message *message, uint64_t now_ticks) {
    chord_check(message->to.rank < network->rank_count);
    if (network->is_shut[channel_of(network, message->from.rank, message->to.rank)]) {
        return;
    }
    struct network_message sent = {.from_rank = message->from.rank, .to_rank = message->to.rank};
    sent.bytes = encoded(message, &sent.size);
    if (network->record_bytes == 0 || sent.size <= network->record_bytes) {
        push(network, sent, now_ticks);
    } else {
        push_fragments(network, sent, now_ticks);
    }
}

static size_t next_index(const struct network *network) {
    size_t best = 0;
    for (size_t i = 1; i < network->count; i++) {
        if (network->messages[i].arrival_ticks < network->messages[best].arrival_ticks) {
            best = i; /* ties: the one sent first, which keeps channels FIFO */
        }
    }
    return best;
}

uint64_t network_next_arrival(const struct network *network) {
    return network->count == 0 ? UINT64_MAX : network->messages[next_index(network)].arrival_ticks;
}

/* Puts the message together. What comes out must be what went in. */
static void join(struct assembly *assembly, const struct network_message *fragment) {
    size_t offset = 0;
    struct frame_record record;
    const char *why = frame_read_record(fragment->record, fragment->record_size, &offset, &record);
    chord_check(why == NULL && offset == fragment->record_size);
    why = assembly_take(assembly, &record, UINT32_MAX);
    chord_check(why == NULL);
    chord_check((fragment->bytes != NULL) == !assembly->is_open);
    if (fragment->bytes != NULL) {
        chord_check(assembly->total == fragment->size && memcmp(assembly->bytes, fragment->bytes, fragment->size) == 0);
        assembly_done(assembly);
    }
}

struct network_message network_take(struct network *network) {
    chord_check(network->count > 0);
    const size_t index = next_index(network);
    struct network_message taken = remove_at(network, index);
    const size_t channel = channel_of(network, taken.from_rank, taken.to_rank);
    struct assembly *assembly = &network->assemblies[channel];
    chord_check(network->next_arrival_seq[channel]++ == taken.channel_seq);
    if (taken.restarts) {
        network->torn_total += assembly->is_open;
        assembly_restart(assembly);
    }
    if (taken.record != NULL) {
        join(assembly, &taken);
        free(taken.record);
        taken.record = NULL;
    } else {
        chord_check(!assembly->is_open);
    }
    return taken;
}

struct chord_message network_decode(const struct network_message *message) {
    struct chord_message decoded;
    const enum chord_status status =
        chord_codec_decode(message->bytes, message->size, message->from_rank, message->to_rank, &decoded);
    chord_check(status == CHORD_OK);
    return decoded;
}
