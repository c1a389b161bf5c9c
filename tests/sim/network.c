#include "tests/sim/network.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

void network_init(struct network *network, uint32_t rank_count, uint64_t seed, uint64_t delay_ticks_max) {
    const size_t channels = (size_t)rank_count * rank_count;
    *network = (struct network){
        .prng = chord_prng_seeded(seed, 1), .rank_count = rank_count, .delay_ticks_max = delay_ticks_max};
    network->stalled_until_ticks = calloc(channels, sizeof *network->stalled_until_ticks);
    network->last_arrival_ticks = calloc(channels, sizeof *network->last_arrival_ticks);
    network->next_send_seq = calloc(channels, sizeof *network->next_send_seq);
    network->next_arrival_seq = calloc(channels, sizeof *network->next_arrival_seq);
    chord_check(network->stalled_until_ticks != NULL && network->last_arrival_ticks != NULL && network->next_send_seq != NULL &&
                network->next_arrival_seq != NULL);
}

void network_clear(struct network *network) {
    for (size_t i = 0; i < network->count; i++) {
        free(network->messages[i].bytes);
    }
    free(network->messages);
    free(network->stalled_until_ticks);
    free(network->last_arrival_ticks);
    free(network->next_send_seq);
    free(network->next_arrival_seq);
}

void network_stall(struct network *network, uint32_t from_rank, uint32_t to_rank, uint64_t until_ticks) {
    network->stalled_until_ticks[(size_t)from_rank * network->rank_count + to_rank] = until_ticks;
}

void network_send(struct network *network, const struct chord_message *message, uint64_t now_ticks) {
    if (network->count == network->capacity) {
        network->capacity = network->capacity == 0 ? 64 : network->capacity * 2;
        network->messages = realloc(network->messages, network->capacity * sizeof *network->messages);
        chord_check(network->messages != NULL);
    }
    uint32_t value_size;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    unsigned char *bytes = malloc(head_size + value_size);
    chord_check(bytes != NULL && message->to.rank < network->rank_count);
    chord_check(chord_codec_encode_head(message, bytes) == head_size);
    if (value_size > 0) {
        memcpy(bytes + head_size, value, value_size);
    }
    const size_t channel = (size_t)message->from.rank * network->rank_count + message->to.rank;
    uint64_t arrival = now_ticks + 1 + chord_prng_below(&network->prng, network->delay_ticks_max);
    if (arrival < network->stalled_until_ticks[channel]) {
        arrival = network->stalled_until_ticks[channel];
    }
    if (arrival < network->last_arrival_ticks[channel]) {
        arrival = network->last_arrival_ticks[channel];
    }
    network->last_arrival_ticks[channel] = arrival;
    network->messages[network->count++] = (struct network_message){.arrival_ticks = arrival,
                                                                   .order = network->sent_total++,
                                                                   .from_rank = message->from.rank,
                                                                   .to_rank = message->to.rank,
                                                                   .channel_seq = network->next_send_seq[channel]++,
                                                                   .size = head_size + value_size,
                                                                   .bytes = bytes};
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
    const struct network_message taken = network->messages[index];
    network->count--;
    memmove(&network->messages[index], &network->messages[index + 1],
            (network->count - index) * sizeof *network->messages);
    const size_t channel = (size_t)taken.from_rank * network->rank_count + taken.to_rank;
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
