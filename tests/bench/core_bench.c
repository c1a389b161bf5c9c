/* What the core alone costs: the peers of a ring in one process, with queues in memory in place of MPI. Every message is
 * encoded and decoded as over MPI, every answer is checked; what is left out is the transport, the history and the clock.
 * So it profiles without the noise of a job: under perf, or under callgrind, which counts the same instructions each time.
 *
 *     core_bench [RANKS [REPLICAS [WINDOW [OPERATIONS [linearizable|eventual [CACHE]]]]]]
 *
 * inserts OPERATIONS / 10 keys of 16 bytes with values of 32, then runs OPERATIONS on them, half queries, half updates. CACHE: owners
 * that each rank's location cache holds; none by default. */
#include "chord/base/check.h"
#include "chord/base/prng.h"
#include "chord/hash/hash.h"
#include "chord/peer.h"
#include "chord/wire/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_SIZE 16u
#define VALUE_SIZE 32u
#define TURN_OPERATIONS 64u /* issued before the next rank has its turn */
#define FRAME_MESSAGES 64u
#define NEVER UINT64_MAX

/* Encoded messages to one rank, oldest first: from 4 | size 4 | bytes, emptied as a whole. */
struct queue {
    unsigned char *bytes;
    size_t size;
    size_t capacity;
};

struct station {
    struct chord_sink sink;
    struct chord_peer peer;
    struct queue filling;  /* what the others send meanwhile */
    struct queue emptying; /* what is being delivered */
    uint64_t issued;
    uint64_t answered;
    uint64_t quota;
};

static struct chord_config config;
static struct station *stations;
static uint64_t message_count;
static uint64_t byte_count;
static uint64_t wrong_count;
static uint64_t key_count;
static char (*pairs)[KEY_SIZE + VALUE_SIZE]; /* key_count of them, owned: what clients are lent */
static bool inserts; /* the first phase */
static bool is_formed;

static void *resize_block(void *context, void *block, size_t size) {
    (void)context;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static const struct chord_allocator allocator = {.resize = resize_block};

/* --- messages --- */

static unsigned char *queue_reserve(struct queue *queue, size_t size) {
    if (queue->size + size > queue->capacity) {
        queue->capacity = 2 * (queue->size + size);
        queue->bytes = realloc(queue->bytes, queue->capacity);
        chord_check(queue->bytes != NULL);
    }
    unsigned char *at = queue->bytes + queue->size;
    queue->size += size;
    return at;
}

static void sink_send(void *context, const struct chord_message *message) {
    const struct station *from = context;
    const uint32_t rank = (uint32_t)(from - stations);
    uint32_t value_size;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    const uint32_t size = (uint32_t)head_size + value_size;
    unsigned char *at = queue_reserve(&stations[message->to.rank].filling, 8 + size);
    memcpy(at, &rank, 4);
    memcpy(at + 4, &size, 4);
    (void)chord_codec_encode_head(message, at + 8);
    if (value_size > 0) {
        memcpy(at + 8 + head_size, value, value_size);
    }
    message_count++;
    byte_count += size;
}

/* Each key has its own number in it, and the value begins with the key. */
static void make_pairs(void) {
    pairs = calloc(key_count, sizeof *pairs);
    chord_check(pairs != NULL);
    for (uint64_t key = 0; key < key_count; key++) {
        uint64_t number = key;
        memcpy(pairs[key], "key-", 4);
        for (unsigned digit = KEY_SIZE; digit-- > 4; number /= 10) {
            pairs[key][digit] = (char)('0' + number % 10);
        }
        memcpy(pairs[key] + KEY_SIZE, pairs[key], KEY_SIZE);
    }
}

static void sink_complete(void *context, const struct chord_completion *completion) {
    struct station *station = context;
    station->answered++;
    const enum chord_outcome expected = completion->kind == CHORD_QUERY ? CHORD_FOUND
                                        : inserts                       ? CHORD_INSERTED
                                                                        : CHORD_UPDATED;
    wrong_count += completion->outcome != expected ||
                   (completion->kind == CHORD_QUERY &&
                    (completion->value_size != VALUE_SIZE ||
                     memcmp(completion->value, pairs[completion->tag] + KEY_SIZE, VALUE_SIZE) != 0));
}

static void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    is_formed |= notice->kind == CHORD_NOTICE_FORMED;
}

/* --- the loop --- */

/* As the runtime does for the messages of a frame. */
static void prefetch(const struct station *station, const struct queue *queue) {
    const struct chord_store_slot *slots[FRAME_MESSAGES];
    uint32_t count = 0;
    for (size_t at = 0; at < queue->size && count < FRAME_MESSAGES;) {
        uint32_t size;
        memcpy(&size, queue->bytes + at + 4, 4);
        slots[count] = chord_peer_prefetch(&station->peer, queue->bytes + at + 8, size);
        count += slots[count] != NULL;
        at += 8 + size;
    }
    for (uint32_t i = 0; i < count; i++) {
        chord_store_prefetch_pair(slots[i]);
    }
}

static void deliver(struct station *station, uint64_t now_ticks) {
    const struct queue queue = station->filling;
    station->filling = station->emptying;
    station->filling.size = 0;
    station->emptying = queue;
    prefetch(station, &queue);
    for (size_t at = 0; at < queue.size;) {
        uint32_t from;
        uint32_t size;
        memcpy(&from, queue.bytes + at, 4);
        memcpy(&size, queue.bytes + at + 4, 4);
        struct chord_message message;
        chord_check(chord_codec_decode(queue.bytes + at + 8, size, from, station->peer.rank, &message) == CHORD_OK);
        const enum chord_status status = chord_peer_receive(&station->peer, &message, now_ticks);
        chord_check(status == CHORD_OK || status == CHORD_STALE);
        at += 8 + size;
    }
}

/* Every rank works on its own share of the keys, so that what an answer must be is known. */
static void issue(struct station *station, uint64_t now_ticks) {
    const uint64_t share = key_count / config.rank_count;
    for (unsigned turn = 0; turn < TURN_OPERATIONS && station->issued < station->quota; turn++) {
        const uint64_t number =
            station->peer.rank * share + (inserts ? station->issued : chord_mix64(station->issued) % share);
        const char *key = pairs[number];
        const bool writes = inserts || (station->issued & 1) != 0;
        const struct chord_operation operation = {.tag = number,
                                                  .kind = writes ? CHORD_INSERT : CHORD_QUERY,
                                                  .entry = {.rank = station->peer.rank},
                                                  .key_id = chord_hash_id(key, KEY_SIZE, config.id_bits),
                                                  .key = (const unsigned char *)key,
                                                  .key_size = KEY_SIZE,
                                                  .value = (const unsigned char *)key + KEY_SIZE,
                                                  .value_size = writes ? VALUE_SIZE : 0};
        if (chord_client_submit(&station->peer.client, &operation, now_ticks) != CHORD_OK) {
            return; /* the window is full, or the key is under way */
        }
        station->issued++;
    }
}

/* Every rank has its turn until all is answered; nothing is lost, so no timer but that of late acknowledgements matters. */
static void run(uint64_t quota) {
    static uint64_t now_ticks;
    bool any = true;
    for (uint32_t rank = 0; rank < config.rank_count; rank++) {
        stations[rank].quota = quota;
        stations[rank].issued = 0;
        stations[rank].answered = 0;
    }
    while (any) {
        any = false;
        now_ticks++;
        for (uint32_t rank = 0; rank < config.rank_count; rank++) {
            struct station *station = &stations[rank];
            any |= station->filling.size > 0;
            deliver(station, now_ticks);
            issue(station, now_ticks);
            if (chord_peer_deadline(&station->peer) <= now_ticks) {
                chord_check(chord_peer_tick(&station->peer, now_ticks) == CHORD_OK);
            }
            any |= station->filling.size > 0 || station->answered < station->quota;
        }
    }
}

/* --- the ring --- */

static void form(void) {
    stations = calloc(config.rank_count, sizeof *stations);
    chord_check(stations != NULL);
    for (uint32_t rank = 0; rank < config.rank_count; rank++) {
        struct station *station = &stations[rank];
        char name[32];
        const int size = snprintf(name, sizeof name, "rank %u", rank);
        const struct chord_id id = chord_hash_id(name, (size_t)size, config.id_bits);
        station->sink = (struct chord_sink){
            .context = station, .send = sink_send, .complete = sink_complete, .notice = sink_notice};
        chord_check(chord_peer_init(&station->peer, &config, &station->sink, &allocator, rank, &id, 1) == CHORD_OK);
    }
    for (uint32_t rank = 0; rank < config.rank_count; rank++) {
        chord_peer_start(&stations[rank].peer);
    }
    run(0);
    chord_check(is_formed);
}

static void clear(void) {
    for (uint32_t rank = 0; rank < config.rank_count; rank++) {
        chord_peer_clear(&stations[rank].peer);
        free(stations[rank].filling.bytes);
        free(stations[rank].emptying.bytes);
    }
    free(stations);
    free(pairs);
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void measure(const char *phase, uint64_t quota) {
    message_count = 0;
    byte_count = 0;
    const double start = seconds_now();
    run(quota);
    const double elapsed = seconds_now() - start;
    const double operations = (double)quota * config.rank_count;
    printf("%-8s %8.0f ns an operation, %5.2f messages of %5.1f bytes\n", phase, elapsed * 1e9 / operations,
           (double)message_count / operations, (double)byte_count / (double)message_count);
}

static uint32_t number_argument(int count, char **arguments, int index, uint32_t otherwise) {
    return count > index ? (uint32_t)strtoul(arguments[index], NULL, 10) : otherwise;
}

int main(int count, char **arguments) {
    const uint32_t ranks = number_argument(count, arguments, 1, 10);
    const uint32_t replicas = number_argument(count, arguments, 2, 1);
    const uint32_t window = number_argument(count, arguments, 3, 64);
    const uint32_t operations = number_argument(count, arguments, 4, 1000000);
    const bool eventual = count > 5 && strcmp(arguments[5], "eventual") == 0;
    const uint32_t cached = number_argument(count, arguments, 6, 0);
    if (ranks < 1 || replicas < 1 || window < 1 || operations / 10 < ranks || cached > CHORD_CACHE_ENTRIES_MAX ||
        count > 7) {
        fprintf(stderr, "usage: core_bench [RANKS [REPLICAS [WINDOW [OPERATIONS [linearizable|eventual [CACHE]]]]]]; at "
                        "least 10 operations a rank\n");
        return 2;
    }
    config = (struct chord_config){.rank_count = ranks,
                                   .virtual_node_count = 1,
                                   .initial_rank_count = ranks,
                                   .id_bits = CHORD_ID_BITS_MAX,
                                   .replica_count = replicas < ranks ? replicas : ranks,
                                   .successor_count = 4,
                                   .cache_count = cached,
                                   .consistency = eventual ? CHORD_EVENTUAL : CHORD_LINEARIZABLE,
                                   .value_size_max = VALUE_SIZE,
                                   .window = window,
                                   .credit_bytes = 4000,
                                   .credit_count = window,
                                   .retry_ticks = NEVER / 2,
                                   .backoff_ticks = 1,
                                   .unacknowledged_count_max = 1024,
                                   .unacknowledged_bytes_max = 256 * 1024,
                                   .ack_batch_count = 8,
                                   .ack_batch_bytes = 64 * 1024,
                                   .ack_delay_ticks = 1,
                                   .piece_bytes = 4000,
                                   .transfer_ticks = NEVER / 2,
                                   .lookup_ticks = NEVER / 2,
                                   .hops_max = 2 * ranks + 64};
    key_count = operations / 10 / ranks * ranks;
    make_pairs();
    form();
    inserts = true;
    measure("insert", key_count / ranks);
    inserts = false;
    measure("mix", operations / ranks);
    clear();
    if (wrong_count > 0) {
        fprintf(stderr, "core_bench: %llu answers are wrong\n", (unsigned long long)wrong_count);
        return 3;
    }
    return 0;
}
