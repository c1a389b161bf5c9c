/* What the tests of the member's side share. On a 4-bit ring the ids 3, 7, 11 and 15 are those of ranks 0 to 3, and
 * 1 is that of rank 4, which may join. The arc (15, 3] of node 0 has the chain 0, 1, 2, that of node 1, (3, 7], the
 * chain 1, 2, 3. The test is the coordinator, and it delivers what the nodes send each other. */
#ifndef TESTS_UNIT_PARTICIPANT_FIXTURE_H
#define TESTS_UNIT_PARTICIPANT_FIXTURE_H

#include "tests/unit/core_post.h"

#include "chord/node.h"

#define NODES 5u
#define MEMBERS 4u
#define JOINER 4u
#define COORDINATOR 8u
#define CLIENT 9u

static struct post post;
static struct counting counting;
static struct chord_config config;
static const struct chord_sink sink = {.context = &post, .send = post_send};
static struct chord_environment environment;
static struct chord_node nodes[NODES];

static inline struct chord_id id(uint64_t number) {
    return id_of_number(number, 4);
}

static inline struct chord_member member(uint32_t n) {
    static const uint64_t ids[NODES] = {3, 7, 11, 15, 1};
    return (struct chord_member){.id = id(ids[n]), .address = {.rank = n}, .incarnation = 1};
}

static inline enum chord_status give(uint32_t n, struct chord_message message) {
    message.to = (struct chord_address){.rank = n};
    return chord_node_receive(&nodes[n], &message, 0);
}

static inline enum chord_status prepare(uint32_t n, uint32_t epoch, uint64_t start, uint64_t stop) {
    return give(n, (struct chord_message){.type = CHORD_MESSAGE_PREPARE,
                                          .from = {.rank = COORDINATOR},
                                          .prepare = {.epoch = epoch, .start = id(start), .end = id(stop)}});
}

/* Where the arc begins that the next installed parts are to be part of. */
static uint64_t arc_start = 15;

/* chain: ranks in order, a digit each. */
static inline enum chord_status give_install(uint32_t n, uint32_t epoch, uint64_t start, uint64_t stop,
                                             const char *chain, uint32_t source, bool empty, bool lost) {
    struct chord_member members[NODES];
    const uint32_t count = (uint32_t)strlen(chain);
    for (uint32_t i = 0; i < count; i++) {
        members[i] = member((uint32_t)(chain[i] - '0'));
    }
    return give(n, (struct chord_message){.type = CHORD_MESSAGE_INSTALL,
                                          .from = {.rank = COORDINATOR},
                                          .install = {.epoch = epoch,
                                                      .start = id(start),
                                                      .end = id(stop),
                                                      .arc_start = id(arc_start),
                                                      .chain = {.array = members, .count = count},
                                                      .source = member(source),
                                                      .empty = empty,
                                                      .lost = lost}});
}

static inline enum chord_status install(uint32_t n, uint32_t epoch, uint64_t start, uint64_t stop, const char *chain,
                                        uint32_t source, bool empty) {
    return give_install(n, epoch, start, stop, chain, source, empty, false);
}

static inline enum chord_status activate(uint32_t n, enum chord_message_type type, uint32_t epoch, uint64_t start,
                                  uint64_t stop) {
    return give(n, (struct chord_message){.type = type,
                                          .from = {.rank = COORDINATOR},
                                          .activate = {.epoch = epoch, .start = id(start), .end = id(stop)}});
}

/* Delivers the oldest letter of the type to the node `to`. CHORD_INVALID: there is none. */
static inline enum chord_status deliver(enum chord_message_type type, uint32_t to) {
    const uint32_t index = post_find(&post, type, POST_ANY, to);
    if (index == UINT32_MAX) {
        return CHORD_INVALID;
    }
    const struct letter letter = post_take(&post, index);
    const enum chord_status status = chord_node_receive(&nodes[to], &letter.message, 0);
    free(letter.bytes);
    return status;
}

/* All PULLs and PIECEs, until none is left. */
static inline void deliver_transfers(void) {
    for (bool any = true; any;) {
        any = false;
        for (uint32_t n = 0; n < NODES; n++) {
            any |= deliver(CHORD_MESSAGE_PULL, n) == CHORD_OK;
            any |= deliver(CHORD_MESSAGE_PIECE, n) == CHORD_OK;
        }
    }
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PULL, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PIECE, POST_ANY, POST_ANY), 0);
}

static inline void deliver_chain(void) {
    for (bool any = true; any;) {
        any = false;
        for (uint32_t n = 0; n < NODES; n++) {
            any |= deliver(CHORD_MESSAGE_CHAIN, n) != CHORD_INVALID;
            any |= deliver(CHORD_MESSAGE_ACK, n) != CHORD_INVALID;
        }
    }
}

static inline enum chord_status ask(uint32_t n, enum chord_operation_kind kind, uint64_t seq, uint64_t watermark,
                             const char *key, uint64_t key_id) {
    return give(n, (struct chord_message){.type = CHORD_MESSAGE_REQUEST,
                                          .from = {.rank = CLIENT},
                                          .request = {.kind = kind,
                                                      .client_rank = CLIENT,
                                                      .seq = seq,
                                                      .watermark = watermark,
                                                      .key_id = id(key_id),
                                                      .key = (const unsigned char *)key,
                                                      .key_size = (uint32_t)strlen(key),
                                                      .value = (const unsigned char *)"value",
                                                      .value_size = kind == CHORD_INSERT ? 5 : 0}});
}

static inline const struct chord_arc *arc_at(uint32_t n, uint64_t stop) {
    return chord_arcs_ending_at(&nodes[n].arcs, id(stop));
}

static inline uint64_t copies(uint32_t n, uint64_t stop) {
    return chord_store_digest(&arc_at(n, stop)->store).copies;
}

static inline void begin(void) {
    memset(&post, 0, sizeof post);
    counting_init(&counting);
    config = (struct chord_config){.rank_count = 10,
                                   .virtual_node_count = 1,
                                   .initial_rank_count = 10,
                                   .coordinator_rank = COORDINATOR,
                                   .id_bits = 4,
                                   .replica_count = 3,
                                   .successor_count = 2,
                                   .routing = CHORD_ROUTING_RING,
                                   .value_size_max = 100,
                                   .window = 1,
                                   .unacknowledged_count_max = 64,
                                   .unacknowledged_bytes_max = 1 << 20,
                                   .ack_batch_count = 1,
                                   .ack_batch_bytes = 1 << 20,
                                   .ack_delay_ticks = 10,
                                   .piece_bytes = 64,
                                   .transfer_ticks = 50,
                                   .lookup_ticks = 100,
                                   .hops_max = 8};
    environment = (struct chord_environment){.config = &config, .sink = &sink, .allocator = &counting.allocator};
    for (uint32_t n = 0; n < NODES; n++) {
        chord_node_init(&nodes[n], &environment, member(n));
    }
    arc_start = 15;
    for (uint32_t n = 0; n < 3; n++) {
        CU_ASSERT_EQUAL(install(n, 1, 15, 3, "012", 0, true), CHORD_OK);
        CU_ASSERT_EQUAL(activate(n, CHORD_MESSAGE_ACTIVATE, 1, 15, 3), CHORD_OK);
    }
    for (uint32_t n = 1; n < 4; n++) {
        CU_ASSERT_EQUAL(install(n, 1, 3, 7, "123", 0, true), CHORD_OK);
        CU_ASSERT_EQUAL(activate(n, CHORD_MESSAGE_ACTIVATE, 1, 3, 7), CHORD_OK);
    }
    post_clear(&post);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, 0, "a", 1), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, 0, "b", 3), CHORD_OK);
    CU_ASSERT_EQUAL(ask(1, CHORD_INSERT, 1, 0, "e", 5), CHORD_OK);
    deliver_chain();
    post_clear(&post);
}

static inline void end(void) {
    post_clear(&post);
    for (uint32_t n = 0; n < NODES; n++) {
        chord_node_clear(&nodes[n]);
    }
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* Wedges node 0's arc everywhere for an epoch and forgets the WEDGEDs. */
static inline void wedge(uint32_t epoch) {
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(prepare(n, epoch, 15, 3), CHORD_OK);
    }
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_WEDGED, POST_ANY, COORDINATOR), MEMBERS);
    while (post_find(&post, CHORD_MESSAGE_WEDGED, POST_ANY, POST_ANY) != UINT32_MAX) {
        post_drop(&post, post_find(&post, CHORD_MESSAGE_WEDGED, POST_ANY, POST_ANY));
    }
}

static inline bool synced(uint32_t n, uint32_t epoch) {
    for (uint32_t i = 0; i < post.count; i++) {
        const struct chord_message *message = &post.letters[i].message;
        if (message->type == CHORD_MESSAGE_SYNCED && message->from.rank == n && message->synced.epoch == epoch) {
            return message->to.rank == COORDINATOR && message->synced.incarnation == nodes[n].self.incarnation;
        }
    }
    return false;
}

/* Node 0 departs: its arc and that of node 1 are to become (15, 7] with the chain 1, 2, 3. Wedges and installs both
 * parts with these sources; the transfers are still to be delivered. */
static inline void install_departure(uint32_t epoch, uint32_t source, uint32_t other_source) {
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(prepare(n, epoch, 15, 3), CHORD_OK);
        CU_ASSERT_TRUE(n == 0 || prepare(n, epoch, 3, 7) == CHORD_OK);
    }
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(install(n, epoch, 15, 3, "123", source, false), CHORD_OK);
        CU_ASSERT_TRUE(n == 0 || install(n, epoch, 3, 7, "123", other_source, false) == CHORD_OK);
    }
}

#endif
