/* chord/peer at its edges: no memory at any point of its making and of the ring's forming, addresses of no rank of the job,
 * two nodes of one id, commands where there is no coordinator. An 8-bit ring of three ranks, as in test_peer.c. */
#include "tests/unit/core_post.h"

#include "chord/peer.h"

#define RANKS 3u

static struct post post;
static struct counting counting;
static struct chord_config config;
static struct chord_peer peer;
static struct chord_notice last_notice;
static uint32_t notice_count;

static void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    last_notice = *notice;
    notice_count++;
}

static const struct chord_sink sink = {.context = &post, .send = post_send, .notice = sink_notice};

static struct chord_member member(uint32_t rank) {
    static const uint64_t ids[RANKS] = {20, 90, 170};
    return (struct chord_member){
        .id = id_of_number(ids[rank % RANKS], 8), .address = {.rank = rank}, .incarnation = 1};
}

static uint32_t cache_count; /* of the peers that are made */

/* Makes the peer of a rank; the allocation `fail_at`, counted from 1, fails and so do all after it (0: none). */
static enum chord_status make(uint32_t rank, uint64_t fail_at) {
    memset(&post, 0, sizeof post);
    counting_init(&counting);
    counting.fail_at = fail_at;
    counting.fail_from = fail_at > 0;
    notice_count = 0;
    config = (struct chord_config){.rank_count = RANKS,
                                   .virtual_node_count = 1,
                                   .cache_count = cache_count,
                                   .initial_rank_count = RANKS,
                                   .id_bits = 8,
                                   .replica_count = 2,
                                   .successor_count = 2,
                                   .value_size_max = 16,
                                   .window = 4,
                                   .credit_bytes = 512,
                                   .credit_count = 64,
                                   .retry_ticks = 100,
                                   .backoff_ticks = 10,
                                   .unacknowledged_count_max = 64,
                                   .unacknowledged_bytes_max = 1 << 20,
                                   .ack_batch_count = 1,
                                   .ack_batch_bytes = 1 << 20,
                                   .piece_bytes = 64,
                                   .transfer_ticks = 1000,
                                   .heartbeat_ticks = 10,
                                   .suspicion_ticks = 100,
                                   .lookup_ticks = 50,
                                   .hops_max = 16};
    const struct chord_id id = member(rank).id;
    return chord_peer_init(&peer, &config, &sink, &counting.allocator, rank, &id, 1);
}

static void end(void) {
    post_clear(&post);
    chord_peer_clear(&peer);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

static enum chord_status give(uint32_t from, struct chord_message message) {
    message.from = (struct chord_address){.rank = from};
    message.to.rank = peer.rank;
    return chord_peer_receive(&peer, &message, 1000);
}

static enum chord_status give_registration(uint32_t rank, struct chord_member of) {
    return give(rank, (struct chord_message){.type = CHORD_MESSAGE_REGISTER, .registration = {.member = of}});
}

/* All ranks register with the coordinator; stops at the first bad status. */
static enum chord_status register_all(void) {
    enum chord_status status = CHORD_OK;
    for (uint32_t rank = 0; rank < RANKS && status == CHORD_OK; rank++) {
        status = give_registration(rank, member(rank));
    }
    return status;
}

/* Everybody answers what the coordinator has sent since the first message `from`; returns how many there are then. */
static uint32_t answer_installs(uint32_t from) {
    const uint32_t count = post.count;
    for (uint32_t i = from; i < count; i++) {
        const struct chord_message message = post.letters[i].message;
        if (message.type == CHORD_MESSAGE_INSTALL) {
            CU_ASSERT_EQUAL(give(message.to.rank, (struct chord_message){.type = CHORD_MESSAGE_SYNCED,
                                                                         .synced = {.epoch = message.install.epoch,
                                                                                    .incarnation = 1,
                                                                                    .end = message.install.end}}),
                            CHORD_OK);
        } else if (message.type == CHORD_MESSAGE_PREPARE) {
            const enum chord_status status =
                give(message.to.rank, (struct chord_message){.type = CHORD_MESSAGE_WEDGED,
                                                             .wedged = {.epoch = message.prepare.epoch,
                                                                        .incarnation = 1,
                                                                        .end = message.prepare.end}});
            CU_ASSERT(status == CHORD_OK || status == CHORD_STALE || status == CHORD_NO_MEMORY);
        }
    }
    return count;
}

static void form_ring(void) {
    CU_ASSERT_EQUAL(make(0, 0), CHORD_OK);
    CU_ASSERT_EQUAL(register_all(), CHORD_OK);
    (void)answer_installs(0);
    CU_ASSERT_EQUAL(peer.coordinator.phase, CHORD_COORDINATOR_IDLE);
}

static void test_init_without_memory(void) {
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t failed = 0;
        cache_count = i / 2 * 8;
        for (uint64_t fail_at = 1; make(i % 2, fail_at) == CHORD_NO_MEMORY; fail_at++) {
            CU_ASSERT_EQUAL(counting.blocks_live, 0);
            failed++;
        }
        CU_ASSERT(failed >= 4); /* what a client and the nodes need at least */
        end();
    }
    cache_count = 0;
}

/* Whoever has no location cache learns of no owner, and minds no claim. */
static void test_claim_without_a_cache(void) {
    form_ring();
    const struct chord_message answer = {
        .type = CHORD_MESSAGE_ANSWER, .answer = {.seq = 7, .claim = {.owner = member(2), .epoch = 1}}};
    CU_ASSERT_EQUAL(give(2, answer), CHORD_UNEXPECTED); /* nothing was asked */
    CU_ASSERT_PTR_NULL(peer.environment.cache);
    end();
}

static void test_forming_without_memory(void) {
    CU_ASSERT_EQUAL(make(0, 0), CHORD_OK);
    const uint64_t needed = counting.calls;
    end();
    uint64_t failed = 0;
    for (uint64_t fail_at = needed + 1;; fail_at++) {
        CU_ASSERT_EQUAL(make(0, fail_at), CHORD_OK);
        const enum chord_status status = register_all();
        end();
        if (status == CHORD_OK) {
            break;
        }
        CU_ASSERT_EQUAL(status, CHORD_NO_MEMORY);
        failed++;
    }
    CU_ASSERT(failed >= RANKS); /* a part, its chain and its holders each */
}

/* A change of the ring, from the command to the last answer, without memory from some point on: it is told, and nothing is
 * lost or leaked. */
static void test_changing_without_memory(void) {
    uint32_t told = 0;
    for (uint64_t more = 1; more <= 60; more++) {
        form_ring();
        const uint32_t before = post.count;
        counting.fail_at = counting.calls + more;
        counting.fail_from = true;
        CU_ASSERT_EQUAL(chord_peer_command(&peer, CHORD_COMMAND_DEPART, (struct chord_address){.rank = 2}, 1000),
                        CHORD_OK);
        const enum chord_status status = chord_peer_tick(&peer, 1000);
        CU_ASSERT(status == CHORD_OK || status == CHORD_NO_MEMORY);
        told += status == CHORD_NO_MEMORY;
        (void)answer_installs(before);
        end();
    }
    CU_ASSERT(told > 0 && told < 60);
}

static void test_twins(void) {
    CU_ASSERT_EQUAL(make(0, 0), CHORD_OK);
    struct chord_member twin = member(1);
    twin.id = member(0).id;
    CU_ASSERT_EQUAL(give_registration(0, member(0)), CHORD_OK);
    CU_ASSERT_EQUAL(give_registration(0, member(0)), CHORD_UNEXPECTED); /* once more */
    CU_ASSERT_EQUAL(give_registration(1, twin), CHORD_OK);
    CU_ASSERT_EQUAL(give_registration(2, member(2)), CHORD_OK);
    CU_ASSERT(notice_count == 1 && last_notice.kind == CHORD_NOTICE_DUPLICATE_ID);
    CU_ASSERT_EQUAL(peer.coordinator.phase, CHORD_COORDINATOR_FAILED);
    CU_ASSERT(last_notice.first.address.rank + last_notice.second.address.rank == 1);
    end();
}

static void test_addresses(void) {
    CU_ASSERT_EQUAL(make(1, 0), CHORD_OK);
    struct chord_member nobody = member(2);
    nobody.address.rank = RANKS;
    struct chord_member nowhere = member(2);
    nowhere.address.virtual_node = 1;
    const struct chord_member bad_list[] = {member(2), nobody};
    struct chord_message install = {.type = CHORD_MESSAGE_INSTALL};
    install.install = (struct chord_install){
        .epoch = 1, .source = member(2), .chain = {.array = bad_list, .count = 2}};
    CU_ASSERT_EQUAL(give(0, install), CHORD_NO_SUCH_NODE);
    install.install.source = nowhere;
    install.install.chain.count = 1;
    CU_ASSERT_EQUAL(give(0, install), CHORD_NO_SUCH_NODE);
    struct chord_message neighbours = {.type = CHORD_MESSAGE_NEIGHBOURS};
    neighbours.neighbours = (struct chord_neighbours){
        .epoch = 1, .predecessor = member(0), .successors = {.array = bad_list, .count = 2}};
    CU_ASSERT_EQUAL(give(0, neighbours), CHORD_NO_SUCH_NODE);
    neighbours.neighbours.predecessor = nobody;
    CU_ASSERT_EQUAL(give(0, neighbours), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(give(RANKS, (struct chord_message){.type = CHORD_MESSAGE_HEARTBEAT}), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(give(0, (struct chord_message){.type = CHORD_MESSAGE_INVITE, .to = {.virtual_node = 1}}),
                    CHORD_NO_SUCH_NODE);
    /* What is for a coordinator, where there is none. */
    CU_ASSERT_EQUAL(give_registration(2, member(2)), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(chord_peer_command(&peer, CHORD_COMMAND_JOIN, member(2).address, 1000), CHORD_INVALID);
    chord_peer_banish(&peer, 2);
    CU_ASSERT_EQUAL(chord_peer_failed(&peer, 2, 1000), CHORD_OK);
    CU_ASSERT_EQUAL(chord_peer_heard(&peer, 2, 1000), CHORD_OK);
    CU_ASSERT_EQUAL(chord_peer_drained(&peer, 1000), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 0);
    end();
}

/* The host knows of a death, and that the rank is to stay out. */
static void test_failed_and_banished(void) {
    form_ring();
    chord_peer_banish(&peer, RANKS); /* no such rank */
    CU_ASSERT_EQUAL(chord_peer_failed(&peer, RANKS, 1000), CHORD_OK);
    CU_ASSERT_EQUAL(peer.coordinator.phase, CHORD_COORDINATOR_IDLE);
    chord_peer_banish(&peer, 2);
    const uint32_t before = post.count;
    CU_ASSERT_EQUAL(chord_peer_failed(&peer, 2, 1000), CHORD_OK);
    CU_ASSERT_EQUAL(peer.coordinator.phase, CHORD_COORDINATOR_CHANGING);
    uint32_t answered = before;
    for (uint32_t round = 0; round < 4; round++) {
        answered = answer_installs(answered);
    }
    CU_ASSERT_EQUAL(peer.coordinator.phase, CHORD_COORDINATOR_IDLE);
    CU_ASSERT_TRUE(peer.coordinator.shut.is_shut[2]);
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"no memory for a peer", test_init_without_memory},
        {"no memory while the ring is formed", test_forming_without_memory},
        {"no memory while the ring changes", test_changing_without_memory},
        {"a claim, and no location cache", test_claim_without_a_cache},
        {"two nodes of one id", test_twins},
        {"addresses of nobody, and what is for coordinators", test_addresses},
        {"a rank that the host knows to be dead, and keeps out", test_failed_and_banished},
    };
    return UNIT_RUN("peer_bounds", tests);
}
