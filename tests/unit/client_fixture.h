/* What the tests of the client share: a host that logs what the client of rank 3 sends and completes, operations on
 * short keys, and answers to them. Nobody is out, no copies are counted unless a test says so. */
#ifndef TESTS_UNIT_CLIENT_FIXTURE_H
#define TESTS_UNIT_CLIENT_FIXTURE_H

#include "tests/unit/core_fixture.h"

#include "chord/client/client.h"
#include "chord/wire/codec.h"

#define RANK 3u
#define LOG_MAX 256u

/* --- the host: a log of what was sent and completed --- */

static struct {
    struct chord_request
        sent[LOG_MAX]; /* keys and values are the operations' own: they outlive the request */
    struct chord_address to[LOG_MAX];
    uint32_t sent_count;
    struct chord_completion completed[LOG_MAX];
    uint32_t completed_count;
    bool other_type;
} log_;

static inline void log_send(void *context, const struct chord_message *message) {
    (void)context;
    log_.other_type |= message->type != CHORD_MESSAGE_REQUEST || message->from.rank != RANK;
    if (log_.sent_count < LOG_MAX) {
        log_.sent[log_.sent_count] = message->request;
        log_.to[log_.sent_count] = message->to;
    }
    log_.sent_count++;
}

static inline void log_complete(void *context, const struct chord_completion *completion) {
    (void)context;
    if (log_.completed_count < LOG_MAX) {
        log_.completed[log_.completed_count] = *completion;
    }
    log_.completed_count++;
}

static struct counting counting;
static struct chord_config config;
static bool shut_ranks[4];
static struct chord_reach reach = {.is_shut = shut_ranks}; /* nobody is out */
static const struct chord_sink sink = {.send = log_send, .complete = log_complete};
static struct chord_environment environment;
static struct chord_client client;

static inline void begin(uint32_t window) {
    memset(&log_, 0, sizeof log_);
    memset(shut_ranks, 0, sizeof shut_ranks);
    reach.shut_count = 0;
    counting_init(&counting);
    config = (struct chord_config){.rank_count = 4,
                                   .virtual_node_count = 1,
                                   .id_bits = 4,
                                   .window = window,
                                   .value_size_max = 1000,
                                   .credit_bytes = 512,
                                   .credit_count = 1000,
                                   .retry_ticks = 100,
                                   .backoff_ticks = 10};
    environment =
        (struct chord_environment){
            .config = &config, .sink = &sink, .allocator = &counting.allocator, .reach = &reach};
    CU_ASSERT_EQUAL_FATAL(chord_client_init(&client, &environment, RANK), CHORD_OK);
}

static inline void end(void) {
    CU_ASSERT_FALSE(log_.other_type);
    chord_client_clear(&client);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* Keys that the operations borrow: "key-0" and so on. */
static unsigned char keys[1024][8];

static inline struct chord_operation operation(enum chord_operation_kind kind, uint32_t key) {
    const int size = snprintf((char *)keys[key], sizeof keys[key], "key-%u", key % 1000);
    return (struct chord_operation){.tag = 1000 + key,
                                    .kind = kind,
                                    .entry = {.rank = key % 4, .virtual_node = (uint16_t)(key % 2)},
                                    .key_id = id_of_number(key % 16, 4),
                                    .key = keys[key],
                                    .key_size = (uint32_t)size,
                                    .value = (const unsigned char *)"value",
                                    .value_size = kind == CHORD_INSERT ? 5 : 0};
}

static inline enum chord_status submit(enum chord_operation_kind kind, uint32_t key, uint64_t now) {
    const struct chord_operation wanted = operation(kind, key);
    return chord_client_submit(&client, &wanted, now);
}

static inline enum chord_status answer(uint64_t seq, enum chord_outcome outcome, uint64_t now) {
    const struct chord_message message = {.type = CHORD_MESSAGE_ANSWER,
                                          .from = {2, 1},
                                          .answer = {.seq = seq,
                                                     .outcome = outcome,
                                                     .owner_hops = 4,
                                                     .version = {5, 6},
                                                     .value_size = 2,
                                                     .value = (const unsigned char *)"ab"}};
    return chord_client_receive(&client, &message, now);
}

static inline enum chord_status refuse(uint64_t seq, uint64_t now) {
    const struct chord_message message = {.type = CHORD_MESSAGE_REFUSAL,
                                          .refusal = {.seq = seq, .reason = CHORD_REFUSED_NOT_ACTIVE}};
    return chord_client_receive(&client, &message, now);
}

#endif
