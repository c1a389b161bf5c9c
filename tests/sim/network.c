#include "tests/sim/network.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

void network_init(struct network *network, uint32_t rank_count, uint64_t seed, uint64_t delay_ticks_max) {
    const size_t channels = (size_t)rank_count * rank_count;
    *network = (struct network){
        .prng = chord_prng_seeded(seed, 1), .rank_count = rank_count, .delay_ticks_max = delay_ticks_max};
    network->is_shut = calloc(channels, sizeof *network->is_shut);
    network->paused_until_ticks = calloc(rank_count, sizeof *network->paused_until_ticks);
    network->stalled_until_ticks = calloc(channels, sizeof *network->stalled_until_ticks);
    network->last_arrival_ticks = calloc(channels, sizeof *network->last_arrival_ticks);
    network->next_send_seq = calloc(channels, sizeof *network->next_send_seq);
    network->next_arrival_seq = calloc(channels, sizeof *network->next_arrival_seq);
    chord_check(network->is_shut != NULL && network->paused_until_ticks != NULL && network->stalled_until_ticks != NULL &&
                network->last_arrival_ticks != NULL && network->next_send_seq != NULL &&
                network->next_arrival_seq != NULL);
}

void network_clear(struct network *network) {
    for (size_t i = 0; i < network->count; i++) {
        free(network->messages[i].bytes);
    }
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
    return message->bytes[0] == CHORD_MESSAGE_HEARTBEAT;
}

static struct network_message remove_at(struct network *network, size_t index) {
    const struct network_message removed = network->messages[index];
    network->count--;
    network->heartbeat_count -= is_heartbeat(&removed);
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
            free(remove_at(network, i).bytes);
            under_way--;
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

void network_send(struct network *network, const struct chord_message *message, uint64_t now_ticks) {
    chord_check(message->to.rank < network->rank_count);
    const size_t channel = channel_of(network, message->from.rank, message->to.rank);
    if (network->is_shut[channel]) {
        return;
    }
    if (network->count == network->capacity) {
        network->capacity = network->capacity == 0 ? 64 : network->capacity * 2;
        network->messages = realloc(network->messages, network->capacity * sizeof *network->messages);
        chord_check(network->messages != NULL);
    }
    uint64_t arrival = now_ticks + 1 + chord_prng_below(&network->prng, network->delay_ticks_max);
    if (arrival < network->stalled_until_ticks[channel]) {
        arrival = network->stalled_until_ticks[channel];
    }
    if (arrival < network->paused_until_ticks[message->to.rank]) {
        arrival = network->paused_until_ticks[message->to.rank];
    }
    if (arrival < network->last_arrival_ticks[channel]) {
        arrival = network->last_arrival_ticks[channel];
    }
    network->last_arrival_ticks[channel] = arrival;
    struct network_message *sent = &network->messages[network->count++];
    *sent = (struct network_message){.arrival_ticks = arrival,
                                     .order = network->sent_total++,
                                     .from_rank = message->from.rank,
                                     .to_rank = message->to.rank,
                                     .channel_seq = network->next_send_seq[channel]++};
    sent->bytes = encoded(message, &sent->size);
    network->heartbeat_count += is_heartbeat(sent);
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

struct network_message network_take(struct network *network) {
    chord_check(network->count > 0);
    const size_t index = next_index(network);
    const struct network_message taken = remove_at(network, index);
    const size_t channel = channel_of(network, taken.from_rank, taken.to_rank);
    chord_check(network->next_arrival_seq[channel]++ == taken.channel_seq);
    return taken;
}

struct chord_message network_decode(const struct network_message *message) {
    struct chord_message decoded;
    const enum chord_status status =
        chord_codec_decode(message->bytes, message->size, message->from_rank, message->to_rank, &decoded);
    chord_check(status == CHORD_OK);
    return decoded;
}
