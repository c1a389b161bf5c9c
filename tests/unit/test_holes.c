/* The holes that a naive design has (van Renesse and Schneider 2004; Glendenning et al. 2011), each as a small scenario with
 * whole ranks: clients, nodes and the coordinator are the real ones, and the test decides which message is delivered when.
 * Channels are FIFO: what is behind a message that is held back is held back, too.
 *
 * Six ranks on an 8-bit ring with the ids 40, 80, 120, 100, 220 and 240: ranks 0, 1 and 2 form the ring, rank 3 may join,
 * rank 4 hosts the coordinator and rank 5 the client; both stay spares. Each test names the rule that it stands for, and was
 * seen to fail with that rule broken. */
#include "tests/unit/core_post.h"

#include "chord/peer.h"

#define RANKS 6u
#define COORDINATOR 4u
#define CLIENT 5u
#define COMPLETIONS_MAX 64u

static struct post post;
static struct counting counting;
static struct chord_config config;
static struct chord_peer peers[RANKS];
static uint64_t now;

static struct {
    uint64_t tag;
    enum chord_outcome outcome;
    struct chord_version version;
    uint32_t retry_count;
    uint32_t value_size;
    unsigned char value[16];
} completions[COMPLETIONS_MAX];
static uint32_t completion_count;
static uint32_t notices[CHORD_NOTICE_OPENED + 1];

static void sink_complete(void *context, const struct chord_completion *completion) {
    (void)context;
    if (completion_count == COMPLETIONS_MAX || completion->value_size > sizeof completions[0].value) {
        abort();
    }
    completions[completion_count].tag = completion->tag;
    completions[completion_count].outcome = completion->outcome;
    completions[completion_count].version = completion->version;
    completions[completion_count].retry_count = completion->retry_count;
    completions[completion_count].value_size = completion->value_size;
    if (completion->value_size > 0) {
        memcpy(completions[completion_count].value, completion->value, completion->value_size);
    }
    completion_count++;
}

static void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    notices[notice->kind]++;
}

static const struct chord_sink sink = {
    .context = &post, .send = post_send, .complete = sink_complete, .notice = sink_notice};

static struct chord_id id(uint64_t number) {
    return id_of_number(number, 8);
}

/* --- what must hold after every step: nobody but one node serves a key as its head (I2) --- */

static uint32_t owners_of(uint64_t number) {
    uint32_t owners = 0;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        const struct chord_arc *arc = chord_arcs_containing(&peers[rank].nodes[0].arcs, id(number));
        owners += arc != NULL && chord_arc_serves(arc) && chord_arc_is_head(arc);
    }
    return owners;
}

/* An excluded node doesn't know of it and still serves for its part: whoever is told nothing can't be asked to stop. What it
 * can't do is to get an answer out, since the others of its chain are wedged. */
static uint32_t owners_allowed;

static void check_owners(void) {
    for (uint64_t number = 0; number < 256; number += 10) {
        CU_ASSERT(owners_of(number) <= owners_allowed);
    }
}

/* --- delivery --- */

typedef bool held_back(const struct chord_message *message);

static bool nothing(const struct chord_message *message) {
    (void)message;
    return false;
}

static enum chord_status deliver(uint32_t index) {
    CU_ASSERT_TRUE(post_is_next(&post, index));
    const struct letter letter = post_take(&post, index);
    const enum chord_status status = chord_peer_receive(&peers[letter.message.to.rank], &letter.message, now);
    free(letter.bytes);
    check_owners();
    return status;
}

/* The oldest letter of the type between two ranks is delivered now, out of turn if need be of other channels. */
static enum chord_status deliver_now(enum chord_message_type type, uint32_t from, uint32_t to) {
    const uint32_t index = post_find(&post, type, from, to);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    return deliver(index);
}

/* Delivers everything, oldest first, and what comes of it, but for what is held back and what is behind it. */
static void run(held_back *hold) {
    for (uint32_t steps = 0; steps < 20000; steps++) {
        bool blocked[RANKS][RANKS] = {{false}};
        uint32_t index = 0;
        for (; index < post.count; index++) {
            const struct chord_message *message = &post.letters[index].message;
            bool *channel = &blocked[message->from.rank][message->to.rank];
            if (!*channel && !hold(message)) {
                break;
            }
            *channel = true;
        }
        if (index < post.count) {
            (void)deliver(index);
            continue;
        }
        bool due = false;
        for (uint32_t rank = 0; rank < RANKS; rank++) {
            if (chord_peer_deadline(&peers[rank]) <= now) {
                CU_ASSERT_EQUAL(chord_peer_tick(&peers[rank], now), CHORD_OK);
                due = true;
            }
        }
        if (!due) {
            return;
        }
    }
    CU_FAIL("it goes on for ever");
}

static void wait_for(uint64_t ticks, held_back *hold) {
    now += ticks;
    run(hold);
}

static void begin(uint32_t replicas) {
    static const uint64_t ids[RANKS] = {40, 80, 120, 100, 220, 240};
    memset(&post, 0, sizeof post);
    memset(notices, 0, sizeof notices);
    completion_count = 0;
    now = 0;
    owners_allowed = 1;
    counting_init(&counting);
    config = (struct chord_config){.rank_count = RANKS,
                                   .virtual_node_count = 1,
                                   .initial_rank_count = 3,
                                   .coordinator_rank = COORDINATOR,
                                   .id_bits = 8,
                                   .replica_count = replicas,
                                   .successor_count = 2,
                                   .consistency = CHORD_LINEARIZABLE,
                                   .routing = CHORD_ROUTING_FINGER,
                                   .value_size_max = 16,
                                   .window = 8,
                                   .credit_bytes = 512,
                                   .credit_count = 64,
                                   .retry_ticks = 100000,
                                   .backoff_ticks = 10,
                                   .unacknowledged_count_max = 64,
                                   .unacknowledged_bytes_max = 1 << 20,
                                   .ack_batch_count = 1,
                                   .ack_batch_bytes = 1 << 20,
                                   .ack_delay_ticks = 5,
                                   .piece_bytes = 64,
                                   .transfer_ticks = 1000,
                                   .lookup_ticks = 1000,
                                   .hops_max = 16};
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        const struct chord_id node_id = id(ids[rank]);
        CU_ASSERT_EQUAL_FATAL(
            chord_peer_init(&peers[rank], &config, &sink, &counting.allocator, rank, &node_id, 1), CHORD_OK);
    }
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        chord_peer_start(&peers[rank]);
    }
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_FORMED], 1);
}

static void end(void) {
    post_clear(&post);
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        chord_peer_clear(&peers[rank]);
    }
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* All keys have the id 90 unless they say otherwise: in (80, 120], the arc of rank 2, which a joining rank 3 takes over. */
static void submit_to(uint32_t entry, uint64_t tag, enum chord_operation_kind kind, const char *key, const char *value) {
    const struct chord_operation operation = {.tag = tag,
                                              .kind = kind,
                                              .entry = {.rank = entry},
                                              .key_id = id(90),
                                              .key = (const unsigned char *)key,
                                              .key_size = (uint32_t)strlen(key),
                                              .value = (const unsigned char *)value,
                                              .value_size = (uint32_t)strlen(value)};
    CU_ASSERT_EQUAL(chord_client_submit(&peers[CLIENT].client, &operation, now), CHORD_OK);
}

static uint32_t completion_of(uint64_t tag) {
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < completion_count; i++) {
        if (completions[i].tag == tag) {
            CU_ASSERT_EQUAL(found, UINT32_MAX); /* once */
            found = i;
        }
    }
    return found;
}

/* Reads a key by way of any member and compares. */
static void expect_value(uint64_t tag, const char *key, const char *value) {
    submit_to(1, tag, CHORD_QUERY, key, "");
    run(nothing);
    wait_for(20, nothing);
    wait_for(20, nothing);
    const uint32_t index = completion_of(tag);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    CU_ASSERT_EQUAL(completions[index].outcome, CHORD_FOUND);
    CU_ASSERT_EQUAL(completions[index].value_size, strlen(value));
    CU_ASSERT_EQUAL(memcmp(completions[index].value, value, strlen(value)), 0);
}

static void expect_write(uint64_t tag, enum chord_outcome outcome, uint32_t epoch) {
    const uint32_t index = completion_of(tag);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    CU_ASSERT_EQUAL(completions[index].outcome, outcome);
    CU_ASSERT_EQUAL(completions[index].version.epoch, epoch);
}

static void command(enum chord_command what, uint32_t rank) {
    CU_ASSERT_EQUAL(chord_peer_command(&peers[COORDINATOR], what, (struct chord_address){.rank = rank}, now), CHORD_OK);
    check_owners();
}

static const struct chord_arc *arc_at(uint32_t rank) {
    return chord_arcs_containing(&peers[rank].nodes[0].arcs, id(90));
}

static uint64_t copies(uint32_t rank) {
    return chord_store_digest(&arc_at(rank)->store).copies;
}

/* --- H1 --- */

static bool prepare_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_PREPARE && message->to.rank == 2;
}

static bool install_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_INSTALL && message->to.rank == 2;
}

static bool activate_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ACTIVATE && message->to.rank == 2;
}

/* H1, two owners. The old owner's PREPARE is late: until it has answered, nobody is installed in its place (C4: all touched
 * have answered WEDGED). From then on it admits nothing, though it has heard of no new chain yet (M1). And when the new owner
 * serves, the old one, which isn't told of the commit yet, doesn't (M3). */
static void test_h1(void) {
    begin(2); /* (80, 120]: 2, 0 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    expect_write(1, CHORD_INSERTED, 1);
    command(CHORD_COMMAND_JOIN, 3);
    run(prepare_to_2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, COORDINATOR, 2), 3); /* both halves, and (40, 80] */
    CU_ASSERT_EQUAL(owners_of(90), 1);
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(2)));
    CU_ASSERT_FALSE(chord_arc_serves(arc_at(3)));
    CU_ASSERT_EQUAL(arc_at(3)->status, CHORD_ARC_OUT); /* not even installed */
    submit_to(2, 2, CHORD_INSERT, "key", "two"); /* the old owner admits it, but its tail is wedged */
    run(prepare_to_2);
    CU_ASSERT_EQUAL(completion_of(2), UINT32_MAX);
    run(activate_to_2);
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(3)));
    CU_ASSERT_EQUAL(owners_of(90), 1);
    submit_to(2, 3, CHORD_INSERT, "other", "three"); /* asks the old owner, which sends it on or lets it wait */
    run(activate_to_2);
    CU_ASSERT_EQUAL(owners_of(90), 1);
    run(nothing);
    wait_for(20, nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    expect_write(2, CHORD_UPDATED, 1); /* admitted in the old epoch, answered from its record in the new one */
    expect_write(3, CHORD_INSERTED, 2);
    expect_value(4, "key", "two");
    expect_value(5, "other", "three");
    end();

    /* The owner departs; it has answered PREPARE and hears of nothing else. */
    begin(2);
    command(CHORD_COMMAND_DEPART, 2);
    run(install_to_2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_INSTALL, COORDINATOR, 2), 2); /* its own arc, and (40, 80] */
    CU_ASSERT_EQUAL(arc_at(2)->status, CHORD_ARC_ACTIVE);
    submit_to(2, 1, CHORD_INSERT, "key", "one");
    run(install_to_2);
    CU_ASSERT_EQUAL(owners_of(90), 0);
    CU_ASSERT_EQUAL(arc_at(2)->applied, 0);
    run(nothing);
    expect_write(1, CHORD_INSERTED, 2); /* it has waited there */
    CU_ASSERT_EQUAL(owners_of(90), 1);
    end();
}

/* --- H2 --- */

static bool to_2_from_coordinator(const struct chord_message *message) {
    return message->from.rank == COORDINATOR && message->to.rank == 2;
}

static bool activate_or_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ACTIVATE || to_2_from_coordinator(message);
}

/* H2, a write acknowledged by the old chain after the new owner's snapshot. Rank 2, the head, is taken for dead but lives and
 * doesn't know. The chain 0, 1 has its snapshot; then a client writes through rank 2, which admits, applies and sends it down
 * the old chain. Rank 0 must refuse it (M5), so that nobody answers; the client asks again, and the new chain takes it. */
static void test_h2(void) {
    begin(3); /* (80, 120]: 2, 0, 1 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    owners_allowed = 2; /* rank 2 for one */
    command(CHORD_COMMAND_EXCLUDE, 2);
    run(activate_or_to_2);
    CU_ASSERT_EQUAL(arc_at(0)->status, CHORD_ARC_SYNCED); /* both have the snapshot */
    CU_ASSERT_EQUAL(arc_at(1)->status, CHORD_ARC_SYNCED);
    const uint64_t snapshot = copies(0);
    submit_to(2, 2, CHORD_INSERT, "key", "two");
    (void)deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, 2);
    CU_ASSERT_EQUAL(arc_at(2)->applied, 2);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_CHAIN, 2, 0), CHORD_STALE);
    run(activate_or_to_2);
    CU_ASSERT_EQUAL(completion_of(2), UINT32_MAX);
    CU_ASSERT_EQUAL(copies(0), snapshot);
    CU_ASSERT_EQUAL(copies(1), snapshot);
    expect_write(1, CHORD_INSERTED, 1);
    /* Once rank 2 has learnt of it, the request that was refused finds its way. */
    run(nothing);
    wait_for(20, nothing);
    wait_for(20, nothing);
    CU_ASSERT_NOT_EQUAL_FATAL(completion_of(2), UINT32_MAX);
    CU_ASSERT_EQUAL(completions[completion_of(2)].outcome, CHORD_UPDATED);
    CU_ASSERT(completions[completion_of(2)].version.epoch >= 2); /* or 3: rank 2 rejoins meanwhile */
    CU_ASSERT(completions[completion_of(2)].retry_count > 0);
    expect_value(3, "key", "two");
    end();
}

/* --- H5 --- */

static bool answer_to_client(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ANSWER;
}

/* H5, a retry applied twice. The answer of an insert is lost on the way; the arc goes to a joiner, which had nothing; the
 * client repeats the insert there. It is known there (M7: records move with the arc, M4: with the transfer): the answer is the
 * first one's, "inserted" with its version, and what was written in between stays. */
static void test_h5(void) {
    begin(2); /* (80, 120]: 2, 0 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(answer_to_client);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 0, CLIENT), 1);
    post_drop(&post, post_find(&post, CHORD_MESSAGE_ANSWER, 0, CLIENT));
    command(CHORD_COMMAND_JOIN, 3);
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(3)) && chord_arc_is_head(arc_at(3)));
    CU_ASSERT_EQUAL(completion_of(1), UINT32_MAX);
    const uint64_t before = copies(3);
    wait_for(config.retry_ticks, nothing);
    expect_write(1, CHORD_INSERTED, 1); /* not "updated", and not the joiner's epoch */
    CU_ASSERT_EQUAL(completions[completion_of(1)].version.counter, 1);
    CU_ASSERT_EQUAL(completions[completion_of(1)].retry_count, 1);
    CU_ASSERT_EQUAL(arc_at(3)->applied, 0);
    CU_ASSERT_EQUAL(copies(3), before);
    /* The same for a write that no tail has seen: undone or kept, never twice. */
    submit_to(3, 2, CHORD_DELETE, "key", "");
    (void)deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, 3);
    post_drop(&post, post_find(&post, CHORD_MESSAGE_CHAIN, 3, 2));
    CU_ASSERT_EQUAL(arc_at(3)->applied, 1);
    command(CHORD_COMMAND_DEPART, 3); /* the source is rank 3: it is kept */
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 2);
    wait_for(config.retry_ticks, nothing);
    wait_for(20, nothing);
    expect_write(2, CHORD_DELETED, 2); /* "absent" if it had been applied again */
    end();
}

/* --- H7 --- */

static bool chain_2_to_0(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_CHAIN && message->from.rank == 2 && message->to.rank == 0;
}

static bool ack_0_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ACK && message->from.rank == 0 && message->to.rank == 2;
}

static bool piece_2_to_3(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_PIECE && message->from.rank == 2 && message->to.rank == 3;
}

/* H7, a delayed message of an old epoch applied later (M5, M2). A write from the excluded head arrives when its key has
 * been written anew; an acknowledgement when its arc is wedged; a piece when the attempt that it belongs to is over. */
static void test_h7(void) {
    begin(3); /* (80, 120]: 2, 0, 1 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    submit_to(2, 2, CHORD_INSERT, "key", "old");
    run(chain_2_to_0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 2, 0), 1);
    command(CHORD_COMMAND_EXCLUDE, 2);
    owners_allowed = 2; /* rank 2, until it is told */
    run(chain_2_to_0);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    submit_to(1, 3, CHORD_INSERT, "newer", "new");
    submit_to(1, 4, CHORD_DELETE, "one more", "");
    run(chain_2_to_0);
    expect_write(3, CHORD_INSERTED, 2);
    const uint64_t before = copies(0);
    const uint64_t applied = arc_at(0)->applied;
    const uint64_t answers = completion_count;
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_CHAIN, 2, 0), CHORD_STALE);
    CU_ASSERT_EQUAL(copies(0), before);
    CU_ASSERT_EQUAL(arc_at(0)->applied, applied);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 0, 1), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REFUSAL, 0, CLIENT), 1);
    CU_ASSERT_EQUAL(completion_count, answers);
    run(nothing);
    wait_for(20, nothing); /* asked again, it takes effect, in the new epoch, or a later one: rank 2 rejoins meanwhile */
    wait_for(20, nothing);
    CU_ASSERT_NOT_EQUAL(completion_of(2), UINT32_MAX);
    CU_ASSERT(completions[completion_of(2)].version.epoch >= 2);
    expect_value(5, "key", "old");
    end();

    /* The acknowledgement. */
    begin(3);
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(ack_0_to_2);
    CU_ASSERT_EQUAL(arc_at(2)->acknowledged, 0);
    command(CHORD_COMMAND_EXCLUDE, 1);
    owners_allowed = 2;
    run(ack_0_to_2);
    CU_ASSERT_EQUAL(arc_at(2)->epoch, 2);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_ACK, 0, 2), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(2)->acknowledged, 0);
    CU_ASSERT_EQUAL(arc_at(2)->log.count, 1);
    run(nothing);
    wait_for(20, nothing);
    CU_ASSERT(notices[CHORD_NOTICE_CHANGED] >= 1);
    expect_value(2, "key", "one");
    end();

    /* The piece. */
    begin(2);
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    command(CHORD_COMMAND_JOIN, 3);
    run(piece_2_to_3);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PIECE, 2, 3), 1);
    command(CHORD_COMMAND_EXCLUDE, 1); /* interrupts: a new attempt with new pieces */
    for (uint32_t index; (index = post_find(&post, CHORD_MESSAGE_PREPARE, COORDINATOR, 3)) != UINT32_MAX;) {
        CU_ASSERT_EQUAL(deliver(index), CHORD_OK);
    }
    CU_ASSERT_TRUE(chord_arc_is_wedged(arc_at(3)));
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_PIECE, 2, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(3)->store.count, 0);
    owners_allowed = 2; /* rank 1 doesn't know */
    run(nothing);
    wait_for(20, nothing);
    owners_allowed = 1;
    expect_value(2, "key", "one");
    end();
}

/* --- H8 --- */

static bool piece_to_1(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_PIECE && message->to.rank == 1;
}

/* H8, a chain that shrinks away (C8). With k = 2 both members of the chain are suspected, one after the other, and then the
 * last: each goes only when another has its data, the last never. Nothing that was acknowledged is lost. */
static void test_h8(void) {
    begin(2); /* (80, 120]: 2, 0 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    expect_write(1, CHORD_INSERTED, 1);
    owners_allowed = 3; /* the excluded don't know */
    command(CHORD_COMMAND_EXCLUDE, 2);
    run(piece_to_1);
    const uint32_t epoch = peers[COORDINATOR].coordinator.epoch;
    command(CHORD_COMMAND_EXCLUDE, 0); /* the only complete holder, while rank 1 gets its copy */
    CU_ASSERT_EQUAL(peers[COORDINATOR].coordinator.epoch, epoch);
    run(piece_to_1);
    CU_ASSERT_EQUAL(peers[COORDINATOR].coordinator.epoch, epoch);
    CU_ASSERT_NOT_EQUAL(arc_at(1)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(arc_at(0)->store.count, 1);
    command(CHORD_COMMAND_EXCLUDE, 1); /* and the one that is only getting it, of other arcs the only one soon */
    run(nothing);
    for (uint32_t round = 0; round < 5; round++) {
        wait_for(20, nothing);
    }
    /* However it went: those that were excluded are back, one after another, and the data is there. */
    CU_ASSERT(notices[CHORD_NOTICE_CHANGED] >= 1);
    CU_ASSERT(peers[COORDINATOR].coordinator.view.member_count >= 1);
    owners_allowed = 1;
    check_owners();
    expect_value(2, "key", "one");
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"H1: two owners", test_h1},
        {"H2: a write acknowledged by the old chain after the new owner's snapshot", test_h2},
        {"H5: a retry applied twice", test_h5},
        {"H7: a delayed message of an old epoch applied later", test_h7},
        {"H8: a chain that shrinks away", test_h8},
    };
    return UNIT_RUN("holes", tests);
}
