/* chord/node and what it drives: `step` is total, and the rules of chain replication (van Renesse and
 * Schneider, OSDI 2004) and of the view change (M3 to M7) in small cases that can be read.
 *
 * The scripted cases run on a 4-bit ring of three nodes, ids 4, 8 and 12 on ranks 0, 1 and 2; the arc (12, 4]
 * of node 0 has the chain 0, 1, 2. Messages between them are delivered by hand. */
#include "tests/unit/core_fixture.h"

#include "chord/node.h"
#include "chord/wire/codec.h"

#define NODES 3u
#define COORDINATOR 9u
#define CLIENT 5u
#define EPOCH 2u

/* --- the host: every message is encoded and kept as bytes, as a wire would --- */

struct letter {
    enum chord_message_type type;
    struct chord_address from;
    struct chord_address to;
    unsigned char *bytes;
    size_t size;
    struct chord_message message; /* borrows from bytes */
};

#define LETTERS_MAX 256u

static struct {
    struct letter letters[LETTERS_MAX]; /* oldest first */
    uint32_t count;
    uint64_t sent; /* since the start, dropped ones too */
    bool keep;
    bool undecodable;
} post;

static void post_send(void *context, const struct chord_message *message) {
    (void)context;
    post.sent++;
    uint32_t value_size = 0;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    struct letter letter = {.type = message->type, .from = message->from, .to = message->to};
    letter.size = head_size + value_size;
    letter.bytes = malloc(letter.size);
    if (letter.bytes == NULL) {
        abort();
    }
    (void)chord_codec_encode_head(message, letter.bytes);
    if (value_size > 0) {
        memcpy(letter.bytes + head_size, value, value_size);
    }
    post.undecodable |= chord_codec_decode(letter.bytes, letter.size, message->from.rank, message->to.rank,
                                           &letter.message) != CHORD_OK;
    if (!post.keep || post.count == LETTERS_MAX) {
        free(letter.bytes);
        return;
    }
    post.letters[post.count++] = letter;
}

static void post_clear(void) {
    for (uint32_t i = 0; i < post.count; i++) {
        free(post.letters[i].bytes);
    }
    post.count = 0;
}

static void post_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    (void)notice;
}

/* How many of a type lie in the post, and the last of them. */
static uint32_t count_of(enum chord_message_type type) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < post.count; i++) {
        count += post.letters[i].type == type;
    }
    return count;
}

static const struct chord_message *last_of(enum chord_message_type type) {
    for (uint32_t i = post.count; i-- > 0;) {
        if (post.letters[i].type == type) {
            return &post.letters[i].message;
        }
    }
    return NULL;
}

static struct counting counting;
static struct chord_config config;
static const struct chord_sink sink = {.send = post_send, .notice = post_notice};
static struct chord_environment environment;
static struct chord_node nodes[NODES];

static struct chord_member member_of(uint32_t index) {
    return (struct chord_member){
        .id = id_of_number(4 + 4 * index, 4), .address = {.rank = index}, .incarnation = 1};
}

static void begin(enum chord_consistency consistency) {
    memset(&post, 0, sizeof post);
    post.keep = true;
    counting_init(&counting);
    config = (struct chord_config){.rank_count = NODES,
                                   .virtual_node_count = 1,
                                   .coordinator_rank = COORDINATOR,
                                   .id_bits = 4,
                                   .replica_count = NODES,
                                   .successor_count = 2,
                                   .consistency = consistency,
                                   .routing = CHORD_ROUTING_RING,
                                   .value_size_max = CHORD_VALUE_SIZE_MAX,
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
    environment =
        (struct chord_environment){.config = &config, .sink = &sink, .allocator = &counting.allocator};
    for (uint32_t n = 0; n < NODES; n++) {
        chord_node_init(&nodes[n], &environment, member_of(n));
    }
}

static void end(void) {
    post_clear();
    CU_ASSERT_FALSE(post.undecodable);
    for (uint32_t n = 0; n < NODES; n++) {
        chord_node_clear(&nodes[n]);
    }
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
    CU_ASSERT_EQUAL(counting.bytes_live, 0);
}

/* Delivers the oldest letter of the type to its node (not to clients and the coordinator). */
static enum chord_status deliver(enum chord_message_type type) {
    for (uint32_t i = 0; i < post.count; i++) {
        if (post.letters[i].type == type && post.letters[i].to.rank < NODES) {
            const struct letter letter = post.letters[i];
            memmove(&post.letters[i], &post.letters[i + 1], (post.count - i - 1) * sizeof letter);
            post.count--;
            const enum chord_status status = chord_node_receive(&nodes[letter.to.rank], &letter.message, 0);
            free(letter.bytes);
            return status;
        }
    }
    return CHORD_INVALID; /* there was none */
}

/* Delivers all that goes down and up the chain, oldest first of each kind. */
static void deliver_chain(void) {
    while (count_of(CHORD_MESSAGE_CHAIN) > 0 || count_of(CHORD_MESSAGE_ACK) > 0) {
        CU_ASSERT_EQUAL(deliver(count_of(CHORD_MESSAGE_CHAIN) > 0 ? CHORD_MESSAGE_CHAIN : CHORD_MESSAGE_ACK),
                        CHORD_OK);
    }
}

static enum chord_status give(uint32_t n, struct chord_message message) {
    message.to = nodes[n].self.address;
    return chord_node_receive(&nodes[n], &message, 0);
}

/* The same, but a failed check is caught: false. Functions of their own, so that no local is lost in the
 * jump. */
static __attribute__((noinline)) bool receive_without_trap(struct chord_node *node,
                                                           const struct chord_message *message, uint64_t now,
                                                           enum chord_status *status) {
    volatile bool trapped;
    TRAP(trapped, *status = chord_node_receive(node, message, now));
    return !trapped;
}

static __attribute__((noinline)) bool tick_without_trap(struct chord_node *node, uint64_t now) {
    volatile bool trapped;
    TRAP(trapped, chord_node_tick(node, now));
    return !trapped;
}

/* The chain 0, 1, ... count - 1 for the arc (12, 4], at the members `to` on. */
static struct chord_message install_message(uint32_t epoch, uint32_t count) {
    static struct chord_member chain[NODES];
    for (uint32_t i = 0; i < NODES; i++) {
        chain[i] = member_of(i);
    }
    return (struct chord_message){.type = CHORD_MESSAGE_INSTALL,
                                  .from = {.rank = COORDINATOR},
                                  .install = {.epoch = epoch,
                                              .start = id_of_number(12, 4),
                                              .end = id_of_number(4, 4),
                                              .arc_start = id_of_number(12, 4),
                                              .chain = {.array = chain, .count = count},
                                              .source = chain[0],
                                              .empty = true}};
}

static struct chord_message activate_message(uint32_t epoch) {
    return (struct chord_message){.type = CHORD_MESSAGE_ACTIVATE,
                                  .from = {.rank = COORDINATOR},
                                  .activate = {.epoch = epoch,
                                               .start = id_of_number(12, 4),
                                               .end = id_of_number(4, 4)}};
}

static struct chord_message prepare_message(uint32_t epoch) {
    return (struct chord_message){
        .type = CHORD_MESSAGE_PREPARE,
        .from = {.rank = COORDINATOR},
        .prepare = {.epoch = epoch, .start = id_of_number(12, 4), .end = id_of_number(4, 4)}};
}

static void install_all(uint32_t count) {
    for (uint32_t n = 0; n < count; n++) {
        CU_ASSERT_EQUAL(give(n, install_message(EPOCH, count)), CHORD_OK);
    }
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_SYNCED), count);
    post_clear();
}

static void activate_all(uint32_t count) {
    install_all(count);
    for (uint32_t n = count; n-- > 0;) {
        CU_ASSERT_EQUAL(give(n, activate_message(EPOCH)), CHORD_OK);
    }
    CU_ASSERT_EQUAL(post.count, 0);
}

/* Each node knows the two others, so that it can forward. */
static void tell_neighbours(uint32_t n) {
    const struct chord_member list[] = {member_of((n + 1) % NODES), member_of((n + 2) % NODES)};
    const struct chord_message message = {
        .type = CHORD_MESSAGE_NEIGHBOURS,
        .from = {.rank = COORDINATOR},
        .neighbours = {.epoch = EPOCH, .predecessor = list[1], .successors = {.array = list, .count = 2}}};
    CU_ASSERT_EQUAL(give(n, message), CHORD_OK);
}

static struct chord_request request_of(enum chord_operation_kind kind, uint64_t seq, const char *key,
                                       uint32_t id) {
    return (struct chord_request){.kind = kind,
                                  .client_rank = CLIENT,
                                  .seq = seq,
                                  .key_id = id_of_number(id, 4),
                                  .key = (const unsigned char *)key,
                                  .key_size = (uint32_t)strlen(key),
                                  .value = (const unsigned char *)"value",
                                  .value_size = kind == CHORD_INSERT ? 5 : 0};
}

/* Key id 2 lies in node 0's arc. */
static enum chord_status ask(uint32_t n, enum chord_operation_kind kind, uint64_t seq, const char *key) {
    const struct chord_message message = {
        .type = CHORD_MESSAGE_REQUEST, .from = {.rank = CLIENT}, .request = request_of(kind, seq, key, 2)};
    return give(n, message);
}

static struct chord_message chain_message(uint32_t from, uint32_t epoch, uint64_t counter, uint64_t seq) {
    return (struct chord_message){.type = CHORD_MESSAGE_CHAIN,
                                  .from = {.rank = from},
                                  .chain = {.request = request_of(CHORD_INSERT, seq, "key", 2),
                                            .epoch = epoch,
                                            .version = {epoch, counter},
                                            .outcome = CHORD_INSERTED}};
}

static struct chord_arc *arc_of(uint32_t n) {
    return &nodes[n].arcs.items[0];
}

static bool was_refused(uint64_t seq, enum chord_refusal_reason reason) {
    const struct chord_message *refusal = last_of(CHORD_MESSAGE_REFUSAL);
    return refusal != NULL && refusal->to.rank == CLIENT && refusal->refusal.seq == seq &&
           refusal->refusal.reason == reason;
}

static bool was_answered(uint32_t by, uint64_t seq, enum chord_outcome outcome) {
    const struct chord_message *answer = last_of(CHORD_MESSAGE_ANSWER);
    return answer != NULL && answer->to.rank == CLIENT && answer->from.rank == by &&
           answer->answer.seq == seq && answer->answer.outcome == outcome;
}

/* --- becoming part of a ring --- */

static void test_register(void) {
    begin(CHORD_LINEARIZABLE);
    chord_node_register(&nodes[1]);
    CU_ASSERT_EQUAL_FATAL(post.count, 1);
    const struct chord_message *message = last_of(CHORD_MESSAGE_REGISTER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    CU_ASSERT_EQUAL(message->to.rank, COORDINATOR);
    CU_ASSERT_TRUE(chord_id_equal(message->registration.member.id, nodes[1].self.id));
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[1]), UINT64_MAX);
    CU_ASSERT_PTR_NULL(chord_node_own_arc(&nodes[1]));
    end();
}

/* M3, M6 and C6: before INSTALL the node can't even forward; after it requests wait for ACTIVATE, and then have their
 * turn in the order in which they came. */
static void test_admits_only_after_activate(void) {
    begin(CHORD_LINEARIZABLE);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_refused(1, CHORD_REFUSED_NOT_ACTIVE));
    post_clear();
    install_all(3);
    for (int kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        CU_ASSERT_EQUAL(ask(0, (enum chord_operation_kind)kind, 2 + (uint64_t)kind, "key"), CHORD_OK);
    }
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "key"), CHORD_OK); /* repeated: waits already */
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(arc_of(0)->applied, 0);
    CU_ASSERT_FALSE(chord_node_is_quiet(&nodes[0]));
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, CHORD_OPERATION_KIND_COUNT);
    for (int kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        const struct chord_message *message = &post.letters[kind].message;
        CU_ASSERT_EQUAL_FATAL(message->type, CHORD_MESSAGE_CHAIN);
        CU_ASSERT_EQUAL(message->to.rank, 1);
        CU_ASSERT_EQUAL(message->chain.request.kind, (enum chord_operation_kind)kind);
        CU_ASSERT_EQUAL(message->chain.request.seq, 2 + (uint64_t)kind);
    }
    CU_ASSERT_PTR_NULL(arc_of(0)->waiting_first);
    end();
}

static void test_install_and_activate_out_of_place(void) {
    begin(CHORD_LINEARIZABLE);
    CU_ASSERT_EQUAL(give(2, install_message(EPOCH, 2)), CHORD_UNEXPECTED); /* not a member of that chain */
    struct chord_message late = install_message(EPOCH, 3);
    late.install.empty = false;
    CU_ASSERT_EQUAL(give(0, late), CHORD_UNEXPECTED); /* the source, which has nothing */
    CU_ASSERT_EQUAL(give(1, activate_message(EPOCH)), CHORD_STALE); /* of an arc that it doesn't hold */
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_UNEXPECTED); /* of one without a state */
    CU_ASSERT_PTR_NULL(arc_of(0)->chain);
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(give(0, install_message(EPOCH, 3)), CHORD_OK);
    const uint64_t sent = post.sent;
    CU_ASSERT_EQUAL(give(0, install_message(EPOCH - 1, 3)), CHORD_STALE);
    CU_ASSERT_EQUAL(give(0, install_message(EPOCH, 3)), CHORD_UNEXPECTED); /* twice */
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH - 1)), CHORD_STALE);
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH + 1)), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_OK);
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_OK); /* once more says nothing new */
    CU_ASSERT_EQUAL(arc_of(0)->status, CHORD_ARC_ACTIVE);
    CU_ASSERT_EQUAL(post.sent, sent); /* no reply to what is dropped */
    CU_ASSERT_EQUAL(nodes[0].arcs.count, 1);
    end();
}

/* node.h lists the statuses of a step: a list without members, which the codec lets pass, has one of them
 * too. */
static void test_neighbours_without_successors(void) {
    begin(CHORD_LINEARIZABLE);
    const struct chord_message message = {
        .type = CHORD_MESSAGE_NEIGHBOURS,
        .neighbours = {.predecessor = member_of(2), .successors = {.count = 0}}};
    CU_ASSERT_EQUAL(give(0, message), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(nodes[0].table.successor_count, 0);
    end();
}

static void test_messages_that_are_not_for_a_node(void) {
    static const enum chord_message_type types[] = {CHORD_MESSAGE_ANSWER,        CHORD_MESSAGE_REFUSAL,
                                                    CHORD_MESSAGE_REGISTER,      CHORD_MESSAGE_JOIN,
                                                    CHORD_MESSAGE_WEDGED,        CHORD_MESSAGE_SYNCED,
                                                    CHORD_MESSAGE_SETTLED,       CHORD_MESSAGE_TYPE_COUNT,
                                                    (enum chord_message_type)0,  (enum chord_message_type)200};
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        CU_ASSERT_EQUAL(give(0, (struct chord_message){.type = types[i]}), CHORD_UNEXPECTED);
    }
    CU_ASSERT_EQUAL(post.count, 0);
    end();
}

/* --- a chain of one --- */

static void test_one_node_answers(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(1);
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 1, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 1, CHORD_ABSENT));
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 2, CHORD_INSERTED));
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.version.epoch, EPOCH);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.version.counter, 1);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 3, CHORD_UPDATED));
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 4, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 4, CHORD_FOUND));
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.value_size, 5);
    CU_ASSERT_EQUAL(memcmp(last_of(CHORD_MESSAGE_ANSWER)->answer.value, "value", 5), 0);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.version.counter, 2);
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 5, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 5, CHORD_DELETED));
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 6, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 6, CHORD_ABSENT));
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 7, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 7, CHORD_ABSENT));
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.version.counter, 4); /* of its arc */
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 7);
    end();
}

/* M7: a repeated write gets its first answer again and takes no effect. */
static void test_repeat_with_one_node(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(1);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 2, "key"), CHORD_OK);
    for (int repeat = 0; repeat < 3; repeat++) {
        CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
        CU_ASSERT_TRUE(was_answered(0, 1, CHORD_INSERTED));
        CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.version.counter, 1);
        CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 2, "key"), CHORD_OK);
        CU_ASSERT_TRUE(was_answered(0, 2, CHORD_DELETED));
        CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.version.counter, 2);
    }
    CU_ASSERT_EQUAL(arc_of(0)->applied, 2);
    CU_ASSERT_EQUAL(arc_of(0)->store.count, 0);
    end();
}

static void test_write_below_watermark(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(1);
    struct chord_message message = {.type = CHORD_MESSAGE_REQUEST, .from = {.rank = CLIENT}};
    message.request = request_of(CHORD_INSERT, 10, "key", 2);
    message.request.watermark = 8;
    CU_ASSERT_EQUAL(give(0, message), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 10, CHORD_INSERTED));
    post_clear();
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 7, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 1);
    CU_ASSERT_TRUE(was_refused(7, CHORD_REFUSED_BELOW_WATERMARK));
    CU_ASSERT_EQUAL(arc_of(0)->store.count, 1);
    CU_ASSERT_EQUAL(arc_of(0)->applied, 1);
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 8, "key"), CHORD_OK); /* at the watermark: not answered yet */
    CU_ASSERT_TRUE(was_answered(0, 8, CHORD_DELETED));
    end();
}

/* --- a chain of three --- */

static bool same_copies(void) {
    const struct chord_store_digest first = chord_store_digest(&arc_of(0)->store);
    for (uint32_t n = 1; n < NODES; n++) {
        const struct chord_store_digest other = chord_store_digest(&arc_of(n)->store);
        if (other.copies != first.copies || other.pair_count != first.pair_count ||
            arc_of(n)->applied != arc_of(0)->applied) {
            return false;
        }
    }
    return true;
}

/* OSDI 2004, section 3: the head takes requests, the tail answers, and every member has what the tail has. */
static void test_chain_of_three(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 0);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 0);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(2, 1, CHORD_INSERTED));
    CU_ASSERT_EQUAL(chord_arc_unacknowledged_count(arc_of(0)), 1);
    deliver_chain();
    CU_ASSERT_EQUAL(chord_arc_unacknowledged_count(arc_of(0)), 0);
    CU_ASSERT_EQUAL(chord_arc_unacknowledged_count(arc_of(1)), 0);
    CU_ASSERT_EQUAL(arc_of(0)->log.bytes, 0);
    CU_ASSERT_TRUE(same_copies());
    /* A read passes through every member. */
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 2, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(2, 2, CHORD_FOUND));
    /* Other members than the head refuse. */
    CU_ASSERT_EQUAL(ask(2, CHORD_INSERT, 3, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_refused(3, CHORD_REFUSED_NOT_ACTIVE));
    end();
}

static void test_repeat_through_the_chain(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK); /* before the first reached the tail */
    deliver_chain();
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK); /* and long after */
    deliver_chain();
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 3);
    for (uint32_t i = 0; i < post.count; i++) {
        const struct chord_message *message = &post.letters[i].message;
        CU_ASSERT_EQUAL_FATAL(message->type, CHORD_MESSAGE_ANSWER);
        CU_ASSERT_EQUAL(message->from.rank, 2);
        CU_ASSERT_EQUAL(message->answer.outcome, CHORD_INSERTED);
        CU_ASSERT_EQUAL(message->answer.version.counter, 1);
    }
    CU_ASSERT_EQUAL(arc_of(0)->applied, 1);
    CU_ASSERT_TRUE(same_copies());
    end();
}

static void test_acks_are_batched(void) {
    begin(CHORD_LINEARIZABLE);
    config.ack_batch_count = 3;
    activate_all(3);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, seq, "key"), CHORD_OK);
    }
    deliver_chain();
    CU_ASSERT_EQUAL(arc_of(0)->acknowledged, 0);
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[2]), 10);
    chord_node_tick(&nodes[2], 9);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ACK), 0);
    chord_node_tick(&nodes[2], 10);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ACK), 1);
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[2]), UINT64_MAX);
    deliver_chain();
    CU_ASSERT_EQUAL(arc_of(0)->acknowledged, 2);
    for (uint64_t seq = 3; seq <= 5; seq++) {
        CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, seq, "key"), CHORD_OK);
    }
    deliver_chain(); /* the third asks for it at once */
    CU_ASSERT_EQUAL(arc_of(0)->acknowledged, 5);
    end();
}

/* What a member passes up is what the tail has, though it has applied more itself. */
static void test_acks_are_the_tails(void) {
    begin(CHORD_LINEARIZABLE);
    config.ack_batch_count = 1;
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK); /* both to the middle */
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK); /* the first to the tail */
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_ACK), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_ACK), CHORD_OK);
    CU_ASSERT_EQUAL(arc_of(1)->applied, 2);
    CU_ASSERT_EQUAL(arc_of(2)->applied, 1);
    CU_ASSERT_EQUAL(arc_of(1)->acknowledged, 1);
    CU_ASSERT_EQUAL(arc_of(0)->acknowledged, 1);
    end();
}

/* --- messages that don't fit (M5, M6) --- */

static void test_stale_chain_is_refused(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    CU_ASSERT_EQUAL(give(1, chain_message(0, EPOCH - 1, 1, 1)), CHORD_STALE);
    CU_ASSERT_EQUAL(post.count, 1);
    CU_ASSERT_TRUE(was_refused(1, CHORD_REFUSED_STALE_EPOCH));
    CU_ASSERT_EQUAL(arc_of(1)->applied, 0);
    arc_of(1)->promised = EPOCH + 1; /* wedged by a PREPARE */
    CU_ASSERT_EQUAL(give(1, chain_message(0, EPOCH, 1, 2)), CHORD_STALE);
    CU_ASSERT_TRUE(was_refused(2, CHORD_REFUSED_STALE_EPOCH));
    CU_ASSERT_EQUAL(arc_of(1)->applied, 0);
    end();
}

static void test_chain_out_of_place(void) {
    static const struct {
        uint32_t to, from, epoch;
        uint64_t counter;
    } wrong[] = {
        {1, 2, EPOCH, 1},      /* from the member after */
        {2, 0, EPOCH, 1},      /* past the middle */
        {1, CLIENT, EPOCH, 1}, /* from nobody in the chain */
        {1, 1, EPOCH, 1},      /* from itself */
        {0, 2, EPOCH, 1},      /* to the head */
        {1, 0, EPOCH + 1, 1},  /* of an epoch that isn't installed */
        {1, 0, EPOCH, 2},      /* a gap: what was before was discarded */
        {2, 1, EPOCH, UINT64_MAX},
    };
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const uint32_t to = wrong[i].to;
        CU_ASSERT_EQUAL(give(to, chain_message(wrong[i].from, wrong[i].epoch, wrong[i].counter, 1)),
                        wrong[i].counter > 1 ? CHORD_STALE : CHORD_UNEXPECTED);
        CU_ASSERT_EQUAL(post.count, 0);
        CU_ASSERT_EQUAL(arc_of(to)->applied, 0);
        CU_ASSERT_EQUAL(arc_of(to)->store.count, 0);
        CU_ASSERT_EQUAL(chord_duplicates_count(&arc_of(to)->duplicates), 0);
    }
    struct chord_message newer = chain_message(0, EPOCH, 1, 1);
    newer.chain.version.epoch = EPOCH + 1;
    CU_ASSERT_EQUAL(give(1, newer), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(give(1, chain_message(0, EPOCH, 1, 1)), CHORD_OK); /* and the right one is taken */
    CU_ASSERT_EQUAL(arc_of(1)->applied, 1);
    /* The same request under the next version: recorded already. */
    CU_ASSERT_EQUAL(give(1, chain_message(0, EPOCH, 2, 1)), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(arc_of(1)->applied, 1);
    end();
}

static void test_ack_out_of_place(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    struct chord_message ack = {.type = CHORD_MESSAGE_ACK,
                                .from = {.rank = 1},
                                .ack = {.arc_end = id_of_number(4, 4), .epoch = EPOCH, .counter = 2}};
    CU_ASSERT_EQUAL(give(0, ack), CHORD_UNEXPECTED); /* of a write that was never made */
    ack.ack.counter = 1;
    ack.from.rank = 2;
    CU_ASSERT_EQUAL(give(0, ack), CHORD_UNEXPECTED);
    ack.from.rank = 1;
    ack.ack.epoch = EPOCH - 1;
    CU_ASSERT_EQUAL(give(0, ack), CHORD_STALE);
    ack.ack.epoch = EPOCH + 1;
    CU_ASSERT_EQUAL(give(0, ack), CHORD_UNEXPECTED);
    ack.ack.epoch = EPOCH;
    CU_ASSERT_EQUAL(give(2, ack), CHORD_UNEXPECTED); /* nobody is after the tail */
    ack.ack.arc_end = id_of_number(5, 4);
    CU_ASSERT_EQUAL(give(0, ack), CHORD_STALE); /* no such arc: dropped since */
    CU_ASSERT_EQUAL(arc_of(0)->acknowledged, 0);
    ack.ack.arc_end = id_of_number(4, 4);
    CU_ASSERT_EQUAL(give(0, ack), CHORD_OK);
    CU_ASSERT_EQUAL(give(0, ack), CHORD_OK); /* twice does nothing */
    CU_ASSERT_EQUAL(arc_of(0)->acknowledged, 1);
    end();
}

/* --- routing --- */

static void test_hops(void) {
    begin(CHORD_LINEARIZABLE);
    activate_all(3);
    tell_neighbours(1);
    struct chord_message message = {.type = CHORD_MESSAGE_REQUEST, .from = {.rank = CLIENT}};
    message.request = request_of(CHORD_QUERY, 1, "key", 10); /* node 2's arc: nobody has installed it here */
    message.request.owner_hops = (uint16_t)(config.hops_max - 1);
    CU_ASSERT_EQUAL(give(1, message), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_REQUEST), 1);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->to.rank, 2);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->from.rank, 1);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->request.owner_hops, config.hops_max);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->request.client_rank, CLIENT);
    post_clear();
    message.request.owner_hops = (uint16_t)config.hops_max;
    CU_ASSERT_EQUAL(give(1, message), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 1);
    CU_ASSERT_TRUE(was_refused(1, CHORD_REFUSED_TOO_MANY_HOPS));
    /* At its owner a request may have come any way. */
    message.request = request_of(CHORD_INSERT, 2, "key", 2);
    message.request.owner_hops = UINT16_MAX;
    CU_ASSERT_EQUAL(give(0, message), CHORD_OK);
    deliver_chain();
    CU_ASSERT_TRUE(was_answered(2, 2, CHORD_INSERTED));
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.owner_hops, UINT16_MAX);
    end();
}

/* A request that enters at node 1, whose cache takes the given node for the owner of id 2, which is node 0's. */
static const struct chord_request *ask_by_cache(uint32_t named, enum chord_shortcut shortcut, bool to_owner) {
    const struct chord_claim claim = {.owner = member_of(named), .start = id_of_number(0, 4), .epoch = EPOCH};
    chord_cache_learn(environment.cache, &claim);
    struct chord_message message = {.type = CHORD_MESSAGE_REQUEST, .from = {.rank = CLIENT}};
    message.request = request_of(CHORD_INSERT, 2, "key", 2);
    message.request.shortcut = shortcut;
    message.request.to_owner = to_owner;
    post_clear();
    CU_ASSERT_EQUAL(give(1, message), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_REQUEST), 1);
    return &last_of(CHORD_MESSAGE_REQUEST)->request;
}

/* The cache's word is taken once, by who would otherwise send the request along: from then on it goes as without a cache. */
static void test_shortcuts(void) {
    static bool shut[CLIENT + 1];
    struct chord_reach reach = {.is_shut = shut};
    struct chord_cache cache;
    begin(CHORD_LINEARIZABLE);
    CU_ASSERT_EQUAL_FATAL(chord_cache_init(&cache, &counting.allocator, 2), CHORD_OK);
    environment.cache = &cache;
    environment.reach = &reach;
    activate_all(3);
    tell_neighbours(1);
    const struct chord_request *sent = ask_by_cache(0, CHORD_SHORTCUT_NONE, false);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->to.rank, 0);
    CU_ASSERT_EQUAL(sent->shortcut, CHORD_SHORTCUT_TAKEN);
    CU_ASSERT_TRUE(sent->to_owner);
    CU_ASSERT_EQUAL(sent->owner_hops, 1);
    CU_ASSERT_EQUAL(cache.counters.hits, 1);
    /* The owner answers with what was done; what it tells the cache is told of longer ways alone. */
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_REQUEST), CHORD_OK);
    deliver_chain();
    CU_ASSERT_TRUE(was_answered(2, 2, CHORD_INSERTED));
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.shortcut, CHORD_SHORTCUT_TAKEN);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANSWER)->answer.claim.epoch, 0);
    /* Who was wrongly named passes it on by its own routing, whatever its cache says. */
    sent = ask_by_cache(0, CHORD_SHORTCUT_TAKEN, true);
    CU_ASSERT_EQUAL(sent->shortcut, CHORD_SHORTCUT_STALE);
    CU_ASSERT_EQUAL(cache.counters.stale, 1);
    sent = ask_by_cache(0, CHORD_SHORTCUT_STALE, false);
    CU_ASSERT_EQUAL(sent->shortcut, CHORD_SHORTCUT_STALE);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->to.rank, 2); /* its successor */
    CU_ASSERT_EQUAL(cache.counters.stale, 1);
    CU_ASSERT_EQUAL(cache.counters.lookups, 1);
    /* Nor does it ask one that is out, or itself. */
    shut[0] = true;
    reach.shut_count = 1;
    sent = ask_by_cache(0, CHORD_SHORTCUT_NONE, false);
    CU_ASSERT_EQUAL(sent->shortcut, CHORD_SHORTCUT_NONE);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->to.rank, 2);
    reach.shut_count = 0;
    shut[0] = false;
    chord_cache_forget_rank(&cache, 0);
    sent = ask_by_cache(1, CHORD_SHORTCUT_NONE, false);
    CU_ASSERT_EQUAL(sent->shortcut, CHORD_SHORTCUT_NONE);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->to.rank, 2);
    CU_ASSERT_EQUAL(cache.counters.hits, 1);
    /* A node that has left says so. */
    chord_cache_forget_rank(&cache, 1);
    (void)ask_by_cache(0, CHORD_SHORTCUT_NONE, false);
    struct chord_message gone = {.type = CHORD_MESSAGE_GONE, .from = {.rank = 0}};
    gone.gone.member = member_of(0);
    CU_ASSERT_EQUAL(give(1, gone), CHORD_OK);
    CU_ASSERT_EQUAL(cache.entry_count, 0);
    chord_cache_clear(&cache, &counting.allocator);
    end();
}

/* Whom a cache names serves what it owns, and no more. */
static void test_a_shortcut_makes_no_owner(void) {
    struct chord_cache cache;
    begin(CHORD_LINEARIZABLE);
    CU_ASSERT_EQUAL_FATAL(chord_cache_init(&cache, &counting.allocator, 2), CHORD_OK);
    environment.cache = &cache;
    const struct chord_member self = member_of(1);
    struct chord_message install = install_message(EPOCH, 1);
    install.install.start = id_of_number(4, 4);
    install.install.arc_start = id_of_number(4, 4);
    install.install.end = self.id;
    install.install.chain.array = &self;
    install.install.source = self;
    CU_ASSERT_EQUAL(give(1, install), CHORD_OK);
    struct chord_message activate = activate_message(EPOCH);
    activate.activate.start = id_of_number(4, 4);
    activate.activate.end = self.id;
    CU_ASSERT_EQUAL(give(1, activate), CHORD_OK);
    CU_ASSERT_TRUE_FATAL(chord_arc_serves(chord_node_own_arc(&nodes[1])));
    tell_neighbours(1);
    (void)ask_by_cache(1, CHORD_SHORTCUT_TAKEN, true); /* for id 2, which is before its arc */
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_REQUEST)->to.rank, 0);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 0);
    chord_cache_clear(&cache, &counting.allocator);
    end();
}

/* The tail knows the arc's owner, and tells it the client's cache when the way was long. */
static void test_answers_with_claims(void) {
    struct chord_cache cache;
    for (uint32_t replicas = 1; replicas <= 3; replicas += 2) {
        begin(CHORD_LINEARIZABLE);
        CU_ASSERT_EQUAL_FATAL(chord_cache_init(&cache, &counting.allocator, 2), CHORD_OK);
        activate_all(replicas);
        for (uint16_t hops = 1; hops <= 2; hops++) {
            for (uint64_t seq = 2 * hops; seq < 2u * hops + 2; seq++) { /* a write and a query, without and with a cache */
                environment.cache = seq % 2 == 0 ? NULL : &cache;
                struct chord_message message = {.type = CHORD_MESSAGE_REQUEST, .from = {.rank = 1}};
                message.request = request_of(hops == 2 ? CHORD_QUERY : CHORD_INSERT, seq, "key", 2);
                message.request.owner_hops = hops;
                CU_ASSERT_EQUAL(give(0, message), CHORD_OK);
                deliver_chain();
                CU_ASSERT_PTR_NOT_NULL_FATAL(last_of(CHORD_MESSAGE_ANSWER));
                const struct chord_claim *claim = &last_of(CHORD_MESSAGE_ANSWER)->answer.claim;
                if (hops == 2 && environment.cache != NULL) {
                    CU_ASSERT_EQUAL(claim->epoch, EPOCH);
                    CU_ASSERT_EQUAL(claim->owner.address.rank, 0);
                    CU_ASSERT_TRUE(chord_id_equal(claim->owner.id, id_of_number(4, 4)));
                    CU_ASSERT_TRUE(chord_id_equal(claim->start, id_of_number(12, 4)));
                } else {
                    CU_ASSERT_EQUAL(claim->epoch, 0);
                }
                post_clear();
            }
        }
        chord_cache_clear(&cache, &counting.allocator);
        end();
    }
}

static struct chord_message announce_message(uint32_t target, uint32_t end) {
    return (struct chord_message){
        .type = CHORD_MESSAGE_ANNOUNCE,
        .from = {.rank = 2},
        .announce = {.claim = {.owner = member_of(2), .start = id_of_number(8, 4), .epoch = EPOCH},
                     .target = id_of_number(target, 4), .end = id_of_number(end, 4), .exponent = 3, .hops = 1}};
}

/* Node 12 has gained (8, 12] and tells those whose fingers start there: the nodes up to the walk's end, each of which owns
 * the target when it comes there. */
static void test_announcements(void) {
    begin(CHORD_LINEARIZABLE);
    config.routing = CHORD_ROUTING_FINGER;
    install_all(1);
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_OK);
    tell_neighbours(0);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 1);
    post_clear();
    /* Node 4 owns the target, but lies behind the end: it is told nothing, and the walk is over. */
    CU_ASSERT_EQUAL(give(0, announce_message(1, 2)), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 1);
    CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_ANNOUNCED), 1);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANNOUNCED)->to.rank, 2);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANNOUNCED)->announced.exponent, 3);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_ANNOUNCED)->announced.hops, 2);
    /* It is the end: it learns its finger, and the walk is over. */
    CU_ASSERT_EQUAL(give(0, announce_message(1, 4)), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 2);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANNOUNCED), 2);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANNOUNCE), 0);
    /* The end is farther: on to the next node. So it is with what isn't its own. */
    for (uint32_t target = 1; target <= 6; target += 5) {
        post_clear();
        CU_ASSERT_EQUAL(give(0, announce_message(target, 8)), CHORD_OK);
        CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANNOUNCED), 0);
        CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_ANNOUNCE), 1);
        const struct chord_message *passed = last_of(CHORD_MESSAGE_ANNOUNCE);
        CU_ASSERT_EQUAL(passed->to.rank, 1);
        CU_ASSERT_TRUE(chord_id_equal(passed->announce.target, id_of_number(target == 1 ? 5 : 6, 4)));
        CU_ASSERT_EQUAL(passed->announce.hops, 2);
    }
    end();
}

/* A node that has left says so to who still sends to it: it is no finger any more, and another one is looked for. */
static void test_gone(void) {
    begin(CHORD_LINEARIZABLE);
    config.routing = CHORD_ROUTING_FINGER;
    install_all(1);
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_OK);
    tell_neighbours(0);
    struct chord_message found = {.type = CHORD_MESSAGE_FOUND, .from = {.rank = 2}};
    found.found = (struct chord_found){.claim = {.owner = member_of(2), .start = id_of_number(8, 4), .epoch = EPOCH},
                                       .incarnation = nodes[0].self.incarnation,
                                       .exponent = 3};
    CU_ASSERT_EQUAL(give(0, found), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 2);
    CU_ASSERT_EQUAL(nodes[0].maintain.task, CHORD_MAINTAIN_NOTHING);
    post_clear();
    struct chord_message gone = {.type = CHORD_MESSAGE_GONE, .from = {.rank = 2}, .gone = {.member = member_of(2)}};
    gone.gone.member.incarnation--; /* an earlier one: it has joined since */
    CU_ASSERT_EQUAL(give(0, gone), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 2);
    CU_ASSERT_EQUAL(post.count, 0);
    gone.gone.member = member_of(2);
    CU_ASSERT_EQUAL(give(0, gone), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 1);
    CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_LOOKUP), 1);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_LOOKUP)->lookup.exponent, 3);
    end();
}

/* Section 4.3 and figure 6's fix_fingers: the fingers are filled by lookups; a lookup without an answer is
 * repeated. */
static void test_fingers_are_filled_by_lookups(void) {
    begin(CHORD_LINEARIZABLE);
    config.routing = CHORD_ROUTING_FINGER;
    install_all(1);
    CU_ASSERT_EQUAL(give(0, activate_message(EPOCH)), CHORD_OK);
    tell_neighbours(0);
    /* Node 4's starts are 5, 6, 8 and 12: the successor 8 covers the first three. */
    CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_LOOKUP), 1);
    const struct chord_lookup first = last_of(CHORD_MESSAGE_LOOKUP)->lookup;
    CU_ASSERT_EQUAL(first.exponent, 3);
    CU_ASSERT_TRUE(chord_id_equal(first.target, id_of_number(12, 4)));
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[0]), 100);
    chord_node_tick(&nodes[0], 99);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_LOOKUP), 1);
    chord_node_tick(&nodes[0], 100);
    CU_ASSERT_EQUAL_FATAL(count_of(CHORD_MESSAGE_LOOKUP), 2);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_LOOKUP)->lookup.exponent, 3);
    struct chord_message found = {.type = CHORD_MESSAGE_FOUND, .from = {.rank = 2}};
    found.found = (struct chord_found){
        .claim = {.owner = member_of(1), .start = id_of_number(4, 4), .epoch = EPOCH}, /* 8 doesn't own 12 */
        .incarnation = nodes[0].self.incarnation,
        .exponent = 3};
    CU_ASSERT_EQUAL(give(0, found), CHORD_UNEXPECTED);
    found.found.exponent = 2; /* right, but not asked now */
    CU_ASSERT_EQUAL(give(0, found), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 1);
    found.found.exponent = 4; /* no such finger on 4 bits */
    CU_ASSERT_EQUAL(give(0, found), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(nodes[0].maintain.task, CHORD_MAINTAIN_FINGER);
    found.found.claim.owner = member_of(2);
    found.found.claim.start = id_of_number(8, 4);
    found.found.exponent = 3;
    CU_ASSERT_EQUAL(give(0, found), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 2);
    CU_ASSERT_EQUAL(nodes[0].maintain.task, CHORD_MAINTAIN_NOTHING);
    CU_ASSERT_EQUAL(give(0, found), CHORD_OK); /* the answer to the repeated one */
    CU_ASSERT_EQUAL(nodes[0].table.finger_count, 2);
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[0]), UINT64_MAX);
    /* A lookup of what it owns is answered to its origin, others go on. */
    post_clear();
    struct chord_message lookup = {.type = CHORD_MESSAGE_LOOKUP, .from = {.rank = 2}};
    lookup.lookup =
        (struct chord_lookup){.target = id_of_number(1, 4), .origin = {.owner = member_of(1)}, .exponent = 2, .hops = 2};
    CU_ASSERT_EQUAL(give(0, lookup), CHORD_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(last_of(CHORD_MESSAGE_FOUND));
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_FOUND)->to.rank, 1);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_FOUND)->found.exponent, 2);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_FOUND)->found.hops, 3);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_FOUND)->found.claim.epoch, EPOCH);
    CU_ASSERT_TRUE(chord_id_equal(last_of(CHORD_MESSAGE_FOUND)->found.claim.owner.id, id_of_number(4, 4)));
    CU_ASSERT_TRUE(chord_id_equal(last_of(CHORD_MESSAGE_FOUND)->found.claim.start, id_of_number(12, 4)));
    lookup.lookup.target = id_of_number(10, 4);
    CU_ASSERT_EQUAL(give(0, lookup), CHORD_OK);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_LOOKUP)->to.rank, 1);
    CU_ASSERT_EQUAL(last_of(CHORD_MESSAGE_LOOKUP)->lookup.hops, 3);
    lookup.lookup.hops = (uint16_t)config.hops_max;
    const uint64_t sent = post.sent;
    CU_ASSERT_EQUAL(give(0, lookup), CHORD_OK);
    CU_ASSERT_EQUAL(post.sent, sent); /* dropped: its origin asks again */
    end();
}

/* --- back-pressure --- */

static void test_second_write_waits(void) {
    begin(CHORD_LINEARIZABLE);
    config.unacknowledged_count_max = 1;
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "first"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "second"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 3, "second"), CHORD_OK); /* doesn't overtake it */
    CU_ASSERT_EQUAL(post.count, 1);
    CU_ASSERT_EQUAL(arc_of(0)->applied, 1);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_ACK), CHORD_OK); /* to the middle */
    CU_ASSERT_EQUAL(arc_of(0)->applied, 1);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_ACK), CHORD_OK);
    CU_ASSERT_EQUAL(arc_of(0)->applied, 2);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_CHAIN), 2);
    CU_ASSERT_PTR_NULL(arc_of(0)->waiting_first);
    deliver_chain();
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 3);
    CU_ASSERT_TRUE(was_answered(2, 3, CHORD_FOUND));
    CU_ASSERT_TRUE(same_copies());
    end();
}

static void test_bytes_wait_too(void) {
    begin(CHORD_LINEARIZABLE);
    config.unacknowledged_bytes_max = 20; /* keys of 5 and 6 bytes, values of 5 */
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "first"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "fifth"), CHORD_OK); /* 20 in all */
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 3, "x"), CHORD_OK);
    CU_ASSERT_EQUAL(arc_of(0)->applied, 2);
    deliver_chain();
    CU_ASSERT_EQUAL(arc_of(0)->applied, 3);
    CU_ASSERT_EQUAL(arc_of(0)->log.bytes, 0);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 4, "a key that is longer than the bound"),
                    CHORD_OK); /* alone, it goes */
    CU_ASSERT_EQUAL(arc_of(0)->applied, 4);
    deliver_chain();
    CU_ASSERT_TRUE(same_copies());
    end();
}

/* arc.h: what waits is bounded by the clients' credits. A client holds credits once for an operation, however
 * often it repeats it. */
static void test_repeats_of_a_waiting_request_take_no_room(void) {
    begin(CHORD_LINEARIZABLE);
    config.unacknowledged_count_max = 1;
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "first"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "second"), CHORD_OK);
    const int64_t bytes = counting.bytes_live;
    for (int repeat = 0; repeat < 100; repeat++) {
        CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "second"), CHORD_OK);
    }
    CU_ASSERT_EQUAL(counting.bytes_live, bytes);
    end();
}

/* --- no memory --- */

/* replicate.c: "A write is applied whole or, with CHORD_NO_MEMORY, not at all." For every allocation of it.
 */
static void test_no_memory_for_a_write(void) {
    uint64_t failed = 0;
    for (uint64_t n = 1; n < 20; n++) {
        begin(CHORD_LINEARIZABLE);
        activate_all(2);
        counting.fail_at = counting.calls + n;
        const struct chord_message write = {.type = CHORD_MESSAGE_REQUEST,
                                            .from = {.rank = CLIENT},
                                            .request = request_of(CHORD_INSERT, 1, "key", 2)};
        enum chord_status status = CHORD_INVALID;
        const bool returned = receive_without_trap(&nodes[0], &write, 0, &status);
        CU_ASSERT_TRUE(returned);
        if (counting.calls < counting.fail_at) {
            end();
            break;
        }
        failed++;
        CU_ASSERT_EQUAL(status, CHORD_NO_MEMORY);
        CU_ASSERT_EQUAL(arc_of(0)->applied, 0);
        CU_ASSERT_EQUAL(arc_of(0)->store.count, 0);
        CU_ASSERT_EQUAL(chord_duplicates_count(&arc_of(0)->duplicates), 0);
        CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_CHAIN), 0);
        CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_REFUSAL), 1);
        /* The client asks again, and now there is memory. */
        if (returned) {
            CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
            deliver_chain();
            CU_ASSERT_TRUE(was_answered(1, 1, CHORD_INSERTED));
        }
        end();
    }
    CU_ASSERT(failed >= 5); /* clients, records, log, slots, the pair */
}

/* A waiting write that finds no memory when its turn comes is refused; those behind it must not wait for
 * ever: no acknowledgement is under way any more that could wake them. */
static void test_no_memory_does_not_strand_those_who_wait(void) {
    begin(CHORD_LINEARIZABLE);
    config.unacknowledged_count_max = 1;
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "first"), CHORD_OK);
    struct chord_message second = {.type = CHORD_MESSAGE_REQUEST, .from = {.rank = 7}};
    second.request = request_of(CHORD_INSERT, 1, "second", 2);
    second.request.client_rank = 7; /* a client that the arc knows nothing of: its record takes memory */
    CU_ASSERT_EQUAL(give(0, second), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "third"), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_ACK), CHORD_OK);
    counting.fail_at = counting.calls + 1;
    const enum chord_status status = deliver(CHORD_MESSAGE_ACK);
    CU_ASSERT(status == CHORD_NO_MEMORY || status == CHORD_OK);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_REFUSAL), 1);
    /* Memory is back; both clients ask again. What is on its way down the chain stays there. */
    CU_ASSERT_EQUAL(give(0, second), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "third"), CHORD_OK);
    deliver_chain();
    CU_ASSERT_EQUAL(arc_of(0)->applied, 3);
    CU_ASSERT_EQUAL(arc_of(0)->store.count, 3);
    end();
}

/* INSTALL and NEIGHBOURS for every allocation: they can be repeated afterwards. */
static void test_no_memory_for_membership(void) {
    for (uint64_t n = 1; n <= 2; n++) {
        begin(CHORD_LINEARIZABLE);
        counting.fail_at = n;
        CU_ASSERT_EQUAL(give(0, install_message(EPOCH, 3)), CHORD_NO_MEMORY);
        CU_ASSERT_EQUAL(post.count, 0);
        CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
        CU_ASSERT_TRUE(was_refused(1, CHORD_REFUSED_NOT_ACTIVE));
        CU_ASSERT_NOT_EQUAL(give(0, chain_message(2, 0, 1, 1)), CHORD_OK);
        post_clear();
        CU_ASSERT_EQUAL(give(0, install_message(EPOCH, 3)), CHORD_OK);
        CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_SYNCED), 1);
        CU_ASSERT_EQUAL(nodes[0].arcs.count, 1);
        end();
    }
}

/* --- eventual rings --- */

static void test_eventual_head_answers_first(void) {
    begin(CHORD_EVENTUAL);
    activate_all(3);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(post.count, 2);
    CU_ASSERT_TRUE(was_answered(0, 1, CHORD_INSERTED)); /* before anybody else has it */
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_CHAIN), 1);
    deliver_chain();
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 1); /* nobody answers again */
    CU_ASSERT_TRUE(same_copies());
    /* A repeat is answered and has nothing new to propagate. */
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_ANSWER), 2);
    CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_CHAIN), 0);
    CU_ASSERT_EQUAL(arc_of(0)->applied, 1);
    /* The head answers queries, also while writes wait. */
    config.unacknowledged_count_max = 1;
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 2, "other"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, "waits"), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 4, "key"), CHORD_OK);
    CU_ASSERT_TRUE(was_answered(0, 4, CHORD_FOUND));
    CU_ASSERT_PTR_NOT_NULL(arc_of(0)->waiting_first);
    deliver_chain();
    CU_ASSERT_TRUE(same_copies());
    CU_ASSERT_EQUAL(arc_of(2)->store.count, 3);
    end();
}

/* A replica that a query passes answers it for a key that it holds; not for one that it doesn't, and never in
 * a linearizable ring. */
static void test_replica_on_the_way(void) {
    for (int consistency = 0; consistency < CHORD_CONSISTENCY_COUNT; consistency++) {
        begin((enum chord_consistency)consistency);
        const bool eventual = consistency == CHORD_EVENTUAL;
        activate_all(3);
        tell_neighbours(1);
        CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, "key"), CHORD_OK);
        deliver_chain();
        post_clear();
        CU_ASSERT_EQUAL(ask(1, CHORD_QUERY, 2, "key"), CHORD_OK);
        CU_ASSERT_EQUAL(post.count, 1);
        CU_ASSERT_EQUAL(was_answered(1, 2, CHORD_FOUND), eventual);
        CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_REQUEST), !eventual);
        post_clear();
        CU_ASSERT_EQUAL(ask(1, CHORD_QUERY, 3, "absent"), CHORD_OK);
        CU_ASSERT_EQUAL(ask(1, CHORD_DELETE, 4, "key"), CHORD_OK);
        CU_ASSERT_EQUAL(count_of(CHORD_MESSAGE_REQUEST), 2);
        CU_ASSERT_EQUAL(post.count, 2);
        end();
    }
}

/* --- a step is total --- */

static uint64_t pick(struct chord_prng *prng, const uint64_t *choices, size_t count) {
    const uint64_t index = chord_prng_below(prng, count + 1);
    return index < count ? choices[index] : chord_prng_next(prng);
}

static uint32_t some_epoch(struct chord_prng *prng) {
    static const uint64_t epochs[] = {0, 1, EPOCH, EPOCH, EPOCH, EPOCH, EPOCH + 1, UINT32_MAX};
    return (uint32_t)pick(prng, epochs, 8);
}

static struct chord_address some_address(struct chord_prng *prng) {
    static const uint64_t ranks[] = {0, 0, 1, 1, 2, 2, CLIENT, UINT32_MAX};
    return (struct chord_address){(uint32_t)pick(prng, ranks, 8),
                                  chord_prng_below(prng, 8) ? 0 : (uint16_t)chord_prng_next(prng)};
}

static struct chord_id some_id(struct chord_prng *prng) {
    switch (chord_prng_below(prng, 12)) {
    case 0: /* not an id of this ring: bits beyond its width */
        return (struct chord_id){chord_prng_next(prng), chord_prng_next(prng),
                                 (uint32_t)chord_prng_next(prng)};
    case 1:
    case 2:
    case 3:
    case 4:
        return id_of_number(4 + 4 * chord_prng_below(prng, 3), 4);
    default:
        return id_of_number(chord_prng_below(prng, 16), 4);
    }
}

static struct chord_member some_member(struct chord_prng *prng) {
    if (chord_prng_below(prng, 2)) {
        return member_of((uint32_t)chord_prng_below(prng, 3));
    }
    return (struct chord_member){
        .id = some_id(prng), .address = some_address(prng), .incarnation = some_epoch(prng)};
}

static struct chord_request some_request(struct chord_prng *prng) {
    static const unsigned char bytes[64] = "some bytes for keys and values";
    static const uint64_t seqs[] = {0, 1, 2, 3, 4, 5, 6, UINT64_MAX};
    struct chord_request request = {.kind = (enum chord_operation_kind)chord_prng_below(prng, 3),
                                    .owner_hops = (uint16_t)chord_prng_below(prng, 12),
                                    .client_rank = some_address(prng).rank,
                                    .seq = chord_prng_below(prng, 4) ? chord_prng_below(prng, 4000)
                                                                     : pick(prng, seqs, 8),
                                    .key_id = some_id(prng),
                                    .key = bytes + chord_prng_below(prng, 6),
                                    .key_size = 1 + (uint32_t)chord_prng_below(prng, 3),
                                    .value = bytes};
    request.value_size = request.kind == CHORD_INSERT ? (uint32_t)chord_prng_below(prng, 60) : 0;
    const uint64_t distance = chord_prng_below(prng, 3) ? 2000 : chord_prng_below(prng, UINT64_C(1) << 32);
    request.watermark = request.seq > distance ? request.seq - distance : 0;
    if (request.seq - request.watermark > UINT32_MAX) {
        request.watermark = request.seq;
    }
    return request;
}

/* Mostly the next counter of one of the node's arcs, so that some are taken. */
static uint64_t some_counter(struct chord_prng *prng, const struct chord_node *node) {
    static const uint64_t counters[] = {0, 1, 2, UINT64_MAX};
    if (node->arcs.count > 0 && chord_prng_below(prng, 4)) {
        const struct chord_arc *arc = &node->arcs.items[chord_prng_below(prng, node->arcs.count)];
        return chord_prng_below(prng, 3) ? arc->applied + 1 : arc->applied;
    }
    return pick(prng, counters, 4);
}

static struct chord_claim some_claim(struct chord_prng *prng) {
    return (struct chord_claim){.owner = some_member(prng), .start = some_id(prng), .epoch = some_epoch(prng)};
}

static struct chord_message some_message(struct chord_prng *prng, const struct chord_node *node) {
    static struct chord_member list[8];
    static unsigned char piece[200];
    struct chord_message message = {
        .type = (enum chord_message_type)(1 + chord_prng_below(prng, CHORD_MESSAGE_TYPE_COUNT - 1)),
        .from = some_address(prng),
        .to = node->self.address};
    if (chord_prng_below(prng, 3) == 0) {
        message.type = chord_prng_below(prng, 3) ? CHORD_MESSAGE_CHAIN : CHORD_MESSAGE_REQUEST;
    }
    /* What makes the node start afresh comes seldom, so that states of many messages are reached. */
    if ((message.type == CHORD_MESSAGE_SPARE || message.type == CHORD_MESSAGE_EXCLUDED) &&
        chord_prng_below(prng, 8)) {
        message.type = CHORD_MESSAGE_INSTALL;
    }
    struct chord_id start = some_id(prng);
    struct chord_id stop = some_id(prng);
    if (node->arcs.count > 0 && chord_prng_below(prng, 3)) { /* an arc that is there, or a part of it */
        const struct chord_arc *arc = &node->arcs.items[chord_prng_below(prng, node->arcs.count)];
        start = chord_prng_below(prng, 4) ? arc->start : start;
        stop = chord_prng_below(prng, 4) ? arc->end : stop;
    }
    if (chord_prng_below(prng, 2)) {
        message.from = (struct chord_address){.rank = COORDINATOR};
    }
    for (size_t i = 0; i < 8; i++) {
        list[i] = some_member(prng);
    }
    const struct chord_members members = {.array = list, .count = (uint32_t)chord_prng_below(prng, 9)};
    switch (message.type) {
    case CHORD_MESSAGE_REQUEST:
        message.request = some_request(prng);
        break;
    case CHORD_MESSAGE_CHAIN:
        message.chain =
            (struct chord_chain){.request = some_request(prng),
                                 .epoch = some_epoch(prng),
                                 .version = {some_epoch(prng), some_counter(prng, node)},
                                 .outcome = (enum chord_outcome)chord_prng_below(prng, CHORD_OUTCOME_COUNT),
                                 .duplicate = chord_prng_below(prng, 4) == 0};
        break;
    case CHORD_MESSAGE_ACK:
        message.ack = (struct chord_ack){
            .arc_end = some_id(prng), .epoch = some_epoch(prng), .counter = some_counter(prng, node)};
        break;
    case CHORD_MESSAGE_ANSWER:
        message.answer = (struct chord_answer){.seq = chord_prng_next(prng)};
        break;
    case CHORD_MESSAGE_REFUSAL:
        message.refusal = (struct chord_refusal){.seq = chord_prng_next(prng)};
        break;
    case CHORD_MESSAGE_LOOKUP:
        message.lookup = (struct chord_lookup){.target = some_id(prng),
                                               .origin = some_claim(prng),
                                               .exponent = (uint16_t)chord_prng_below(prng, 300),
                                               .hops = (uint16_t)chord_prng_below(prng, 12)};
        break;
    case CHORD_MESSAGE_FOUND:
        message.found = (struct chord_found){
            .incarnation = chord_prng_below(prng, 4) == 0 ? some_epoch(prng) : node->self.incarnation,
            .claim = some_claim(prng),
            .exponent = (uint16_t)chord_prng_below(prng, chord_prng_below(prng, 2) ? 4 : 300),
            .hops = (uint16_t)chord_prng_below(prng, 12)};
        if (chord_prng_below(prng, 4) == 0) {
            message.found.exponent = CHORD_LOOKUP_PLACE;
        }
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        message.announce = (struct chord_announce){.claim = some_claim(prng),
                                                   .target = some_id(prng),
                                                   .end = some_id(prng),
                                                   .exponent = (uint16_t)chord_prng_below(prng, 6),
                                                   .hops = (uint16_t)chord_prng_below(prng, 12)};
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        message.announced = (struct chord_announced){
            .epoch = chord_prng_below(prng, 2) ? node->maintain.walk_epoch : some_epoch(prng),
            .exponent = chord_prng_below(prng, 2) ? node->maintain.exponent : (uint16_t)chord_prng_below(prng, 6)};
        break;
    case CHORD_MESSAGE_GONE:
        message.gone.member = some_member(prng);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        message.registration.member = some_member(prng);
        break;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        break;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        message.reach.rank = (uint32_t)chord_prng_below(prng, 6);
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        message.neighbours = (struct chord_neighbours){
            .epoch = some_epoch(prng), .predecessor = some_member(prng), .successors = members};
        break;
    case CHORD_MESSAGE_SPARE:
        message.spare = (struct chord_spare){.epoch = some_epoch(prng), .contact = some_member(prng)};
        break;
    case CHORD_MESSAGE_EXCLUDED:
        message.excluded = (struct chord_excluded){
            .incarnation = chord_prng_below(prng, 2) ? node->self.incarnation : some_epoch(prng),
            .rejoin = chord_prng_below(prng, 2),
            .contact = some_member(prng)};
        break;
    case CHORD_MESSAGE_PREPARE:
        message.prepare = (struct chord_prepare){.epoch = some_epoch(prng), .start = start, .end = stop};
        break;
    case CHORD_MESSAGE_WEDGED:
        message.wedged = (struct chord_wedged){.epoch = some_epoch(prng), .end = stop};
        break;
    case CHORD_MESSAGE_INSTALL:
        message.install = (struct chord_install){.epoch = some_epoch(prng),
                                                 .start = start,
                                                 .end = stop,
                                                 .arc_start = chord_prng_below(prng, 2) ? start : some_id(prng),
                                                 .chain = {.array = list, .count = 1 + members.count % 8},
                                                 .source = some_member(prng),
                                                 .empty = chord_prng_below(prng, 4) == 0};
        break;
    case CHORD_MESSAGE_PULL:
        message.pull = (struct chord_pull){.epoch = some_epoch(prng),
                                           .end = stop,
                                           .offset = chord_prng_below(prng, 2) ? 0 : chord_prng_below(prng, 300),
                                           .base_epoch = some_epoch(prng),
                                           .base_applied = some_counter(prng, node),
                                           .base_log_start = some_counter(prng, node),
                                           .base_joint_from = some_counter(prng, node),
                                           .base_joint_to = some_counter(prng, node)};
        break;
    case CHORD_MESSAGE_PIECE:
        for (size_t i = 0; i < sizeof piece; i++) {
            piece[i] = chord_prng_below(prng, 4) ? 0 : (unsigned char)chord_prng_below(prng, 8);
        }
        piece[0] = (unsigned char)chord_prng_below(prng, 2);
        piece[1] = EPOCH;
        message.piece = (struct chord_piece){.epoch = some_epoch(prng),
                                             .end = stop,
                                             .offset = chord_prng_below(prng, 4) ? 0 : chord_prng_below(prng, 300),
                                             .last = chord_prng_below(prng, 2),
                                             .size = (uint32_t)chord_prng_below(prng, sizeof piece + 1),
                                             .bytes = piece};
        break;
    case CHORD_MESSAGE_SYNCED:
        message.synced = (struct chord_synced){.epoch = some_epoch(prng), .end = stop};
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        message.activate = (struct chord_activate){.epoch = some_epoch(prng), .start = start, .end = stop};
        break;
    case CHORD_MESSAGE_SETTLED:
        message.settled = (struct chord_settled_report){.epoch = some_epoch(prng)};
        break;
    case CHORD_MESSAGE_TYPE_COUNT:
        abort();
    }
    return message;
}

enum state {
    FRESH,
    REGISTERED,
    NEIGHBOURED,
    INSTALLED_HEAD,
    INSTALLED_MIDDLE,
    INSTALLED_TAIL,
    ACTIVE_HEAD,
    ACTIVE_MIDDLE,
    ACTIVE_TAIL,
    ACTIVE_ALONE,
    WEDGED_HEAD,
    SYNCING_TAIL,
    SPARE,
    SEEKING,
    STATES
};

/* Brings a fresh node into the state; returns its index. */
static uint32_t enter(enum state state) {
    uint32_t n = 0;
    switch (state) {
    case INSTALLED_MIDDLE:
    case ACTIVE_MIDDLE:
        n = 1;
        break;
    case INSTALLED_TAIL:
    case ACTIVE_TAIL:
    case SYNCING_TAIL:
        n = 2;
        break;
    default:
        break;
    }
    if (state == REGISTERED) {
        chord_node_register(&nodes[n]);
    }
    if (state == SPARE || state == SEEKING) {
        const struct chord_message spare = {.type = CHORD_MESSAGE_SPARE,
                                            .from = {.rank = COORDINATOR},
                                            .spare = {.epoch = 1, .contact = member_of(1)}};
        CU_ASSERT_EQUAL(give(n, spare), CHORD_OK);
        if (state == SEEKING) {
            CU_ASSERT_EQUAL(give(n, (struct chord_message){.type = CHORD_MESSAGE_INVITE}), CHORD_OK);
        }
        return n;
    }
    if (state >= NEIGHBOURED) {
        tell_neighbours(n);
    }
    if (state >= INSTALLED_HEAD) {
        CU_ASSERT_EQUAL(give(n, install_message(EPOCH, state == ACTIVE_ALONE ? 1 : 3)), CHORD_OK);
    }
    if (state >= ACTIVE_HEAD) {
        CU_ASSERT_EQUAL(give(n, activate_message(EPOCH)), CHORD_OK);
    }
    if (state == WEDGED_HEAD || state == SYNCING_TAIL) {
        CU_ASSERT_EQUAL(give(n, prepare_message(EPOCH + 1)), CHORD_OK);
    }
    if (state == SYNCING_TAIL) {
        struct chord_message install = install_message(EPOCH + 1, 3);
        install.install.empty = false;
        CU_ASSERT_EQUAL(give(n, install), CHORD_OK);
    }
    return n;
}

/* Feeds `rounds` messages to a node in the state. mutate: as bytes, one of them changed, decoded again.
 * poor: every seventh allocation or so fails. */
static void torture(struct tally *tally, uint64_t seed, enum state state, unsigned rounds, bool mutate,
                    bool poor) {
    static unsigned char bytes[CHORD_CODEC_OPERATION_SIZE_MAX];
    struct chord_prng prng = chord_prng_seeded(seed, state);
    begin(seed % 2 ? CHORD_EVENTUAL : CHORD_LINEARIZABLE);
    post.keep = false;
    config.routing = (enum chord_routing)(seed / 2 % CHORD_ROUTING_COUNT);
    config.unacknowledged_count_max = 1 + (uint32_t)(seed % 3) * 10;
    config.ack_batch_count = 1 + (uint32_t)(seed % 4);
    struct chord_cache cache;
    if (chord_cache_init(&cache, &counting.allocator, 2) != CHORD_OK) {
        abort();
    }
    environment.cache = seed % 4 < 2 ? &cache : NULL;
    const uint32_t n = enter(state);
    uint64_t taken[CHORD_STATUS_COUNT] = {0};
    uint64_t now = 0;
    for (unsigned round = 0; round < rounds; round++) {
        struct chord_message message = some_message(&prng, &nodes[n]);
        if (mutate) {
            uint32_t value_size;
            const unsigned char *value = chord_codec_value(&message, &value_size);
            const size_t head_size = chord_codec_encode_head(&message, bytes);
            if (value_size > 0) {
                memcpy(bytes + head_size, value, value_size);
            }
            const size_t size = head_size + value_size;
            bytes[chord_prng_below(&prng, size)] ^= (unsigned char)(1 + chord_prng_below(&prng, 255));
            if (chord_codec_decode(bytes, size, message.from.rank, message.to.rank, &message) != CHORD_OK) {
                continue;
            }
        }
        if (poor && chord_prng_below(&prng, 4) == 0) {
            counting.fail_at = counting.calls + 1 + chord_prng_below(&prng, 3);
        }
        enum chord_status status = CHORD_INVALID;
        const bool returned = receive_without_trap(&nodes[n], &message, now, &status);
        if (!returned && tally->failed == 0) {
            printf("\n    seed %llu state %d message %u (%s): check failed: %s", (unsigned long long)seed,
                   (int)state, round, chord_message_name(message.type), trap_expression);
        }
        TALLY(tally, returned);
        if (!returned) {
            break;
        }
        const bool is_bad_piece = status == CHORD_MALFORMED && message.type == CHORD_MESSAGE_PIECE;
        if (status != CHORD_OK && status != CHORD_STALE && status != CHORD_UNEXPECTED && !is_bad_piece &&
            status != CHORD_NO_MEMORY && tally->failed == 0) {
            printf("\n    seed %llu state %d message %u (%s): status \"%s\"", (unsigned long long)seed,
                   (int)state, round, chord_message_name(message.type), chord_status_text(status));
        }
        TALLY(tally, status == CHORD_OK || status == CHORD_STALE || status == CHORD_UNEXPECTED || is_bad_piece ||
                         (poor && status == CHORD_NO_MEMORY));
        taken[status]++;
        if (chord_prng_below(&prng, 16) == 0) {
            now += chord_prng_below(&prng, 60);
            TALLY(tally, tick_without_trap(&nodes[n], now) && chord_node_deadline(&nodes[n]) > now);
        }
    }
    TALLY(tally, taken[CHORD_OK] > 0 && taken[CHORD_UNEXPECTED] > 0);
    chord_cache_clear(&cache, &counting.allocator);
    end();
}

static void test_random_messages(void) {
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 12; seed++) {
        for (int state = 0; state < STATES; state++) {
            torture(&tally, seed, (enum state)state, 1700, false, false);
        }
    }
    TALLY_ASSERT(&tally, 200000);
}

static void test_mutated_messages(void) {
    struct tally tally = {0};
    for (uint64_t seed = 100; seed < 112; seed++) {
        for (int state = 0; state < STATES; state++) {
            torture(&tally, seed, (enum state)state, 1700, true, false);
        }
    }
    TALLY_ASSERT(&tally, 150000);
}

static void test_random_messages_without_memory(void) {
    struct tally tally = {0};
    for (uint64_t seed = 200; seed < 206; seed++) {
        for (int state = 0; state < STATES; state++) {
            torture(&tally, seed, (enum state)state, 1000, false, true);
        }
    }
    TALLY_ASSERT(&tally, 10000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"a node registers", test_register},
        {"the head admits only after ACTIVATE", test_admits_only_after_activate},
        {"INSTALL and ACTIVATE out of place", test_install_and_activate_out_of_place},
        {"NEIGHBOURS without successors has a documented status", test_neighbours_without_successors},
        {"messages that are not for a node", test_messages_that_are_not_for_a_node},
        {"a chain of one answers by itself", test_one_node_answers},
        {"a repeated write, one node", test_repeat_with_one_node},
        {"a write below the watermark", test_write_below_watermark},
        {"a chain of three", test_chain_of_three},
        {"a repeated write through the chain", test_repeat_through_the_chain},
        {"acknowledgements are batched and delayed", test_acks_are_batched},
        {"acknowledged is what the tail has", test_acks_are_the_tails},
        {"a stale CHAIN is refused", test_stale_chain_is_refused},
        {"a CHAIN out of place changes nothing", test_chain_out_of_place},
        {"an ACK out of place changes nothing", test_ack_out_of_place},
        {"hops are counted and bounded", test_hops},
        {"a shortcut is taken once", test_shortcuts},
        {"a shortcut makes no owner", test_a_shortcut_makes_no_owner},
        {"answers tell the cache who owns the arc", test_answers_with_claims},
        {"fingers are filled by lookups", test_fingers_are_filled_by_lookups},
        {"a node that has left is no finger any more", test_gone},
        {"announcements", test_announcements},
        {"the second write waits for the first's ACK", test_second_write_waits},
        {"bytes under way are bounded, one large write goes alone", test_bytes_wait_too},
        {"repeats of a waiting request take no room", test_repeats_of_a_waiting_request_take_no_room},
        {"no memory for a write: whole or not at all", test_no_memory_for_a_write},
        {"no memory doesn't strand those who wait", test_no_memory_does_not_strand_those_who_wait},
        {"no memory for INSTALL", test_no_memory_for_membership},
        {"eventual: the head answers before the chain", test_eventual_head_answers_first},
        {"eventual: a replica on the way answers", test_replica_on_the_way},
        {"random messages in every state", test_random_messages},
        {"mutated messages in every state", test_mutated_messages},
        {"random messages while memory fails", test_random_messages_without_memory},
    };
    return UNIT_RUN("node", tests);
}
