/* chord/peer: what one rank makes of others that are out, of heartbeats, and of what is told too late. One rank at a
 * time, on an 8-bit ring with the ids 20, 40, 80, 160 and 200 on ranks 0 to 4; rank 1 is the one that is looked at,
 * unless the test says otherwise, and rank 0 has the coordinator. */
#include "tests/unit/core_post.h"

#include "chord/peer.h"

#define RANKS 5u
#define COORDINATOR 0u
#define HEARTBEAT 10u

static struct post post;
static struct counting counting;
static struct chord_config config;
static struct chord_peer peer;
static struct chord_notice last_notice;
static uint32_t notice_count;
static uint32_t completion_count;
static uint64_t now;

static void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    last_notice = *notice;
    notice_count++;
}

static void sink_complete(void *context, const struct chord_completion *completion) {
    (void)context;
    CU_ASSERT_EQUAL(completion->shortcut, CHORD_SHORTCUT_STALE);
    completion_count++;
}

static const struct chord_sink sink = {
    .context = &post, .send = post_send, .complete = sink_complete, .notice = sink_notice};

static struct chord_id id(uint64_t number) {
    return id_of_number(number, 8);
}

static struct chord_member member(uint32_t rank) {
    static const uint64_t ids[RANKS] = {20, 40, 80, 160, 200};
    return (struct chord_member){.id = id(ids[rank]), .address = {.rank = rank}, .incarnation = 1};
}

static void begin_with(uint32_t rank, uint32_t rank_count, uint64_t heartbeat_ticks) {
    memset(&post, 0, sizeof post);
    counting_init(&counting);
    notice_count = 0;
    now = 1000;
    config = (struct chord_config){.rank_count = rank_count,
                                   .virtual_node_count = 1,
                                   .cache_count = 2,
                                   .initial_rank_count = rank_count,
                                   .coordinator_rank = COORDINATOR,
                                   .id_bits = 8,
                                   .replica_count = 1,
                                   .successor_count = 2,
                                   .routing = CHORD_ROUTING_FINGER,
                                   .value_size_max = 16,
                                   .window = 4,
                                   .credit_bytes = 512,
                                   .credit_count = 64,
                                   .retry_ticks = 100000,
                                   .backoff_ticks = 10,
                                   .unacknowledged_count_max = 64,
                                   .unacknowledged_bytes_max = 1 << 20,
                                   .ack_batch_count = 1,
                                   .ack_batch_bytes = 1 << 20,
                                   .piece_bytes = 64,
                                   .transfer_ticks = 1000,
                                   .heartbeat_ticks = heartbeat_ticks,
                                   .suspicion_ticks = 10 * heartbeat_ticks,
                                   .lookup_ticks = 50,
                                   .hops_max = 16};
    const struct chord_id node_id = member(rank).id;
    CU_ASSERT_EQUAL_FATAL(chord_peer_init(&peer, &config, &sink, &counting.allocator, rank, &node_id, 1), CHORD_OK);
}

static void begin(uint32_t rank) {
    begin_with(rank, RANKS, 0);
}

static void end(void) {
    post_clear(&post);
    chord_peer_clear(&peer);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

static enum chord_status give(uint32_t from, struct chord_message message) {
    message.from = (struct chord_address){.rank = from};
    message.to = (struct chord_address){.rank = peer.rank};
    return chord_peer_receive(&peer, &message, now);
}

static enum chord_status reach(enum chord_message_type type, uint32_t rank) {
    return give(COORDINATOR, (struct chord_message){.type = type, .reach = {.rank = rank}});
}

static void tick(uint64_t ticks) {
    now += ticks;
    CU_ASSERT_EQUAL(chord_peer_tick(&peer, now), CHORD_OK);
}

static void tell_list(uint32_t epoch, uint32_t predecessor, const struct chord_member *list, uint32_t count) {
    struct chord_message message = {.type = CHORD_MESSAGE_NEIGHBOURS};
    message.neighbours = (struct chord_neighbours){
        .epoch = epoch, .predecessor = member(predecessor), .successors = {.array = list, .count = count}};
    CU_ASSERT_EQUAL(give(COORDINATOR, message), CHORD_OK);
}

/* The peer's node is told its neighbours, ranks in clockwise order. */
static void tell_neighbours(uint32_t epoch, uint32_t predecessor, uint32_t first, uint32_t second) {
    const struct chord_member list[] = {member(first), member(second)};
    tell_list(epoch, predecessor, list, 2);
}

/* A query on its way for a key of this id. Returns the rank that it is sent on to, RANKS if it is refused. */
static uint32_t next_of(uint64_t key_id, bool to_owner) {
    post_clear(&post);
    CU_ASSERT_EQUAL(give(4, (struct chord_message){.type = CHORD_MESSAGE_REQUEST,
                                                   .request = {.kind = CHORD_QUERY,
                                                               .to_owner = to_owner,
                                                               .owner_hops = 1,
                                                               .client_rank = 4,
                                                               .key_id = id(key_id),
                                                               .key = (const unsigned char *)"key",
                                                               .key_size = 3}}),
                    CHORD_OK);
    const struct chord_message *refusal = post_last(&post, CHORD_MESSAGE_REFUSAL);
    if (refusal != NULL) {
        CU_ASSERT_EQUAL(refusal->refusal.reason, CHORD_REFUSED_NOT_ACTIVE);
        CU_ASSERT_EQUAL(refusal->to.rank, 4);
        CU_ASSERT_EQUAL(post.count, 1);
        return RANKS;
    }
    const struct chord_message *request = post_last(&post, CHORD_MESSAGE_REQUEST);
    CU_ASSERT_PTR_NOT_NULL_FATAL(request);
    return request->to.rank;
}

static bool has_finger(uint32_t rank) {
    const struct chord_table *table = &peer.nodes[0].table;
    for (uint32_t i = 0; i < table->finger_count; i++) {
        if (table->fingers[i].owner.address.rank == rank) {
            return true;
        }
    }
    return false;
}

/* --- SHUT and OPEN --- */

static void test_shut_and_open(void) {
    begin(1);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 2), CHORD_STALE); /* nobody is out */
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 1), CHORD_STALE); /* itself never */
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 1), CHORD_OK); /* it was out itself, and its host hears so */
    CU_ASSERT(notice_count == 1 && last_notice.kind == CHORD_NOTICE_OPENED && last_notice.rank == 1);
    notice_count = 0;
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, RANKS), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, UINT32_MAX), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, RANKS), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(notice_count, 0);
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        CU_ASSERT_FALSE(chord_is_shut(&peer.environment, rank));
    }
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    CU_ASSERT_EQUAL(notice_count, 1);
    CU_ASSERT_EQUAL(last_notice.kind, CHORD_NOTICE_SHUT);
    CU_ASSERT_EQUAL(last_notice.rank, 2);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_STALE); /* its host has discarded once: that is enough */
    CU_ASSERT_EQUAL(notice_count, 1);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 4), CHORD_OK);
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        CU_ASSERT_EQUAL(chord_is_shut(&peer.environment, rank), rank == 2 || rank == 4);
    }
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 2), CHORD_OK);
    CU_ASSERT_EQUAL(last_notice.kind, CHORD_NOTICE_OPENED);
    CU_ASSERT_EQUAL(last_notice.rank, 2);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 2), CHORD_STALE);
    CU_ASSERT_EQUAL(notice_count, 3);
    CU_ASSERT_FALSE(chord_is_shut(&peer.environment, 2));
    CU_ASSERT_TRUE(chord_is_shut(&peer.environment, 4));
    CU_ASSERT_EQUAL(post.count, 0); /* nobody is answered */
    end();
}

/* There the coordinator itself has said so, before it sent anything: its host isn't told twice. */
static void test_shut_on_the_coordinators_rank(void) {
    begin(COORDINATOR);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    CU_ASSERT_TRUE(chord_is_shut(&peer.environment, 2));
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_STALE);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, COORDINATOR), CHORD_STALE);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 2), CHORD_OK);
    CU_ASSERT_FALSE(chord_is_shut(&peer.environment, 2));
    CU_ASSERT_EQUAL(notice_count, 0);
    end();
}

/* The client asks again at once, by way of its own rank; the node forgets the fingers there. */
static void test_shut_reaches_client_and_nodes(void) {
    begin(1);
    tell_neighbours(3, 0, 2, 3);
    CU_ASSERT_TRUE(has_finger(2));
    const struct chord_operation operation = {.kind = CHORD_QUERY,
                                              .entry = {.rank = 2},
                                              .key_id = id(100),
                                              .key = (const unsigned char *)"key",
                                              .key_size = 3};
    CU_ASSERT_EQUAL(chord_client_submit(&peer.client, &operation, now), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REQUEST, 1, 2), 1);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    CU_ASSERT_FALSE(has_finger(2));
    CU_ASSERT(chord_peer_deadline(&peer) <= now);
    post_clear(&post);
    tick(0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REQUEST, 1, 1), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REQUEST, 1, 2), 0);
    end();
}

/* --- heartbeats --- */

static uint32_t heartbeats(void) {
    const uint32_t count = post_count(&post, CHORD_MESSAGE_HEARTBEAT, peer.rank, POST_ANY);
    post_clear(&post);
    return count;
}

static void test_heartbeats_of_a_rank(void) {
    begin_with(1, RANKS, HEARTBEAT);
    tick(0);
    CU_ASSERT_EQUAL(heartbeats(), 0); /* it hasn't been started */
    CU_ASSERT_EQUAL(chord_peer_deadline(&peer), UINT64_MAX);
    chord_peer_start(&peer);
    CU_ASSERT_EQUAL(heartbeats(), 0);
    CU_ASSERT(chord_peer_deadline(&peer) <= now);
    tick(0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_HEARTBEAT, 1, COORDINATOR), 1);
    CU_ASSERT_EQUAL(heartbeats(), 1);
    for (uint32_t round = 0; round < 5; round++) {
        CU_ASSERT_EQUAL(chord_peer_deadline(&peer), now + HEARTBEAT);
        tick(HEARTBEAT - 1);
        CU_ASSERT_EQUAL(heartbeats(), 0);
        tick(1);
        CU_ASSERT_EQUAL(heartbeats(), 1);
    }
    tick(10 * HEARTBEAT); /* those that it has missed aren't made up for */
    CU_ASSERT_EQUAL(heartbeats(), 1);
    CU_ASSERT_EQUAL(chord_peer_deadline(&peer), now + HEARTBEAT);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    tick(HEARTBEAT);
    CU_ASSERT_EQUAL(heartbeats(), 1);
    end();
}

/* The coordinator tells all others that it lives, an eighth as often, but those that are out. */
static void test_heartbeats_of_the_coordinator(void) {
    begin_with(COORDINATOR, RANKS, HEARTBEAT);
    chord_peer_start(&peer);
    post_clear(&post);
    tick(0);
    for (uint32_t to = 0; to < RANKS; to++) {
        CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_HEARTBEAT, COORDINATOR, to), to != COORDINATOR);
    }
    CU_ASSERT_EQUAL(heartbeats(), RANKS - 1);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    tick(8 * HEARTBEAT - 1);
    CU_ASSERT_EQUAL(heartbeats(), 0);
    tick(1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_HEARTBEAT, COORDINATOR, 3), 0);
    CU_ASSERT_EQUAL(heartbeats(), RANKS - 2);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 3), CHORD_OK);
    tick(8 * HEARTBEAT);
    CU_ASSERT_EQUAL(heartbeats(), RANKS - 1);
    end();
}

static void test_no_heartbeats(void) {
    begin_with(1, RANKS, 0); /* no detector */
    chord_peer_start(&peer);
    post_clear(&post);
    tick(1000 * HEARTBEAT);
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(chord_peer_deadline(&peer), UINT64_MAX);
    end();
    begin_with(COORDINATOR, 1, HEARTBEAT); /* nobody to hear them */
    chord_peer_start(&peer);
    post_clear(&post);
    tick(1000 * HEARTBEAT);
    CU_ASSERT_EQUAL(heartbeats(), 0);
    end();
}

static void test_a_heartbeat_is_not_answered(void) {
    for (uint32_t rank = 0; rank < 2; rank++) {
        begin_with(rank, RANKS, HEARTBEAT);
        CU_ASSERT_EQUAL(give(2, (struct chord_message){.type = CHORD_MESSAGE_HEARTBEAT}), CHORD_OK);
        CU_ASSERT_EQUAL(give(RANKS, (struct chord_message){.type = CHORD_MESSAGE_HEARTBEAT}), CHORD_NO_SUCH_NODE);
        CU_ASSERT_EQUAL(chord_peer_heard(&peer, RANKS, now), CHORD_OK); /* of no use, no harm */
        CU_ASSERT_EQUAL(post.count, 0);
        end();
    }
}

/* At the coordinator's rank whatever arrives shows that its sender lives, before anything else is made of it. */
static void test_every_message_is_a_sign_of_life(void) {
    for (uint32_t way = 0; way < 3; way++) {
        begin_with(COORDINATOR, RANKS, HEARTBEAT);
        chord_detector_start(&peer.coordinator.detector, now);
        for (uint32_t step = 0; step < 2 * 10; step++) {
            now += HEARTBEAT / 2;
            for (uint32_t rank = 0; rank < RANKS; rank++) {
                CU_ASSERT(rank == 3 || chord_peer_heard(&peer, rank, now) == CHORD_OK);
            }
            CU_ASSERT_EQUAL(chord_peer_drained(&peer, now), CHORD_OK);
        }
        CU_ASSERT_TRUE(peer.coordinator.detector.ranks[3].is_suspected);
        CU_ASSERT_TRUE(peer.coordinator.shut.is_shut[3]);
        if (way == 0) {
            CU_ASSERT_EQUAL(give(3, (struct chord_message){.type = CHORD_MESSAGE_HEARTBEAT}), CHORD_OK);
        } else if (way == 1) {
            CU_ASSERT_EQUAL(give(3, (struct chord_message){.type = CHORD_MESSAGE_SYNCED}), CHORD_STALE);
        } else {
            CU_ASSERT_EQUAL(chord_peer_heard(&peer, 3, now), CHORD_OK); /* a message of the host's own */
        }
        CU_ASSERT_FALSE(peer.coordinator.detector.ranks[3].is_suspected);
        CU_ASSERT_FALSE(peer.coordinator.shut.is_shut[3]);
        CU_ASSERT_EQUAL(last_notice.kind, CHORD_NOTICE_OPENED);
        end();
    }
}

/* --- routing around those that are out --- */

static void test_requests_go_around(void) {
    begin(1);
    CU_ASSERT_EQUAL(next_of(100, false), RANKS); /* it knows nobody */
    tell_neighbours(3, 0, 2, 3);
    CU_ASSERT_EQUAL(next_of(60, false), 2);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    CU_ASSERT_EQUAL(next_of(60, false), 3); /* who takes its place, or knows who does */
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    CU_ASSERT_EQUAL(next_of(60, false), RANKS); /* refused, and so asked again later */
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 2), CHORD_OK);
    CU_ASSERT_EQUAL(next_of(60, false), 2);
    /* Back along predecessors, but not to one that is out. */
    CU_ASSERT_EQUAL(next_of(15, true), 0);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 0), CHORD_OK);
    CU_ASSERT_EQUAL(next_of(15, true), RANKS);
    end();
    /* A spare whose contact is out. */
    begin(1);
    CU_ASSERT_EQUAL(give(COORDINATOR, (struct chord_message){.type = CHORD_MESSAGE_SPARE,
                                                             .spare = {.epoch = 1, .contact = member(3)}}),
                    CHORD_OK);
    CU_ASSERT_EQUAL(next_of(60, false), 3);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    CU_ASSERT_EQUAL(next_of(60, false), RANKS);
    end();
}

/* An answer to the client's operation `seq` that says: rank 3 owns (start, 160]. */
static enum chord_status answer(uint64_t seq, uint64_t start, uint32_t rank) {
    struct chord_claim claim = {.owner = member(3), .start = id(start), .epoch = 3};
    claim.owner.address.rank = rank;
    return give(3, (struct chord_message){.type = CHORD_MESSAGE_ANSWER,
                                          .answer = {.seq = seq,
                                                     .outcome = CHORD_ABSENT,
                                                     .shortcut = CHORD_SHORTCUT_STALE,
                                                     .claim = claim}});
}

/* What answers say of owners shortens later requests, as long as the owner isn't out. */
static void test_answers_fill_the_location_cache(void) {
    begin(1);
    tell_neighbours(3, 0, 2, 4);
    CU_ASSERT_EQUAL(next_of(150, false), 2);
    CU_ASSERT_EQUAL(answer(0, 80, 3), CHORD_UNEXPECTED); /* nothing was asked */
    CU_ASSERT_EQUAL(next_of(150, false), 2);
    const struct chord_operation operation = {
        .kind = CHORD_QUERY, .entry = {.rank = 1}, .key_id = id(150), .key = (const unsigned char *)"key", .key_size = 3};
    completion_count = 0;
    CU_ASSERT_EQUAL(chord_client_submit(&peer.client, &operation, now), CHORD_OK);
    CU_ASSERT_EQUAL(answer(0, 80, RANKS), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(answer(0, 80, 3), CHORD_OK);
    CU_ASSERT_EQUAL(completion_count, 1);
    CU_ASSERT_EQUAL(next_of(150, false), 3);
    CU_ASSERT_EQUAL(next_of(80, false), 2);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    CU_ASSERT_EQUAL(answer(0, 80, 3), CHORD_STALE); /* on its way since before */
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(next_of(150, false), 2); /* forgotten with its rank, and not learnt since */
    CU_ASSERT_EQUAL(answer(0, 80, 3), CHORD_STALE); /* a late one may be right */
    CU_ASSERT_EQUAL(next_of(150, false), 3);
    end();
}

static enum chord_status found(uint32_t owner, uint64_t start, uint32_t epoch, uint32_t exponent,
                               uint32_t incarnation) {
    return give(owner, (struct chord_message){.type = CHORD_MESSAGE_FOUND,
                                              .found = {.claim = {.owner = member(owner),
                                                                  .start = id(start),
                                                                  .epoch = epoch},
                                                        .incarnation = incarnation,
                                                        .exponent = (uint16_t)exponent,
                                                        .hops = 2}});
}

/* Whatever it asks for, it has nobody to ask: it sends nothing, but it isn't content either, and tries again and
 * again. */
static void expect_waiting(void) {
    post_clear(&post);
    for (uint32_t round = 0; round < 5; round++) {
        CU_ASSERT_FALSE(chord_node_is_quiet(&peer.nodes[0]));
        CU_ASSERT(chord_peer_deadline(&peer) <= now + config.lookup_ticks);
        tick(config.lookup_ticks);
        CU_ASSERT_EQUAL(post.count, 0);
    }
}

/* A node all of whose successors are out isn't alone: there are fingers to be looked up. */
static void test_a_node_whose_successors_are_out_waits(void) {
    begin(1);
    tell_neighbours(3, 0, 2, 3);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    expect_waiting();
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 3), CHORD_OK);
    tick(config.lookup_ticks);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_LOOKUP, 1, 3), 1);
    end();
}

/* Nor are others told that it has gained its arc, though it knows all of its fingers: it doesn't settle. */
static void test_a_node_whose_successors_are_out_does_not_settle(void) {
    begin(1);
    const struct chord_member self[] = {member(1)};
    CU_ASSERT_EQUAL(give(COORDINATOR, (struct chord_message){.type = CHORD_MESSAGE_INSTALL,
                                                             .install = {.epoch = 3,
                                                                         .start = id(20),
                                                                         .end = id(40),
                                                                         .arc_start = id(20),
                                                                         .chain = {.array = self, .count = 1},
                                                                         .source = self[0],
                                                                         .empty = true,
                                                                         .lost = true}}),
                    CHORD_OK);
    CU_ASSERT_EQUAL(give(COORDINATOR, (struct chord_message){.type = CHORD_MESSAGE_ACTIVATE,
                                                             .activate = {.epoch = 3, .start = id(20), .end = id(40)}}),
                    CHORD_OK);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 2), CHORD_OK);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    tell_neighbours(3, 0, 2, 3);
    CU_ASSERT_EQUAL(found(4, 40, 4, 6, 1), CHORD_OK); /* which has taken over what lies between */
    CU_ASSERT_EQUAL(chord_table_next_unknown_finger(&peer.nodes[0].table, &config, id(20)), config.id_bits);
    tick(config.lookup_ticks);
    expect_waiting();
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 3), CHORD_OK);
    tick(config.lookup_ticks);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANNOUNCE, 1, POST_ANY), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SETTLED, 1, POST_ANY), 0);
    /* In a ring of one it has nobody to ask and nobody to tell. */
    tell_list(4, 1, self, 1);
    tick(config.lookup_ticks);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SETTLED, 1, COORDINATOR), 1);
    end();
}

/* --- what is told too late --- */

/* What the node asked in an earlier life may be outdated by now; and of who is out nothing is learnt. */
static void test_found_of_another_life(void) {
    begin(1);
    tell_neighbours(3, 0, 2, 3);
    const uint32_t fingers = peer.nodes[0].table.finger_count;
    CU_ASSERT_EQUAL(found(3, 80, 3, 6, 2), CHORD_STALE); /* 40 + 2^6 = 104 is rank 3's */
    CU_ASSERT_EQUAL(found(3, 80, 3, 6, 0), CHORD_STALE);
    CU_ASSERT_EQUAL(peer.nodes[0].table.finger_count, fingers);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    CU_ASSERT_EQUAL(found(3, 80, 3, 6, 1), CHORD_OK);
    CU_ASSERT_FALSE(has_finger(3));
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_OPEN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(found(3, 80, 3, 6, 1), CHORD_OK);
    CU_ASSERT_TRUE(has_finger(3));
    end();
}

static void lookup_by(uint32_t origin, uint64_t start, uint32_t epoch) {
    CU_ASSERT_EQUAL(give(origin, (struct chord_message){.type = CHORD_MESSAGE_LOOKUP,
                                                        .lookup = {.target = id(60),
                                                                   .origin = {.owner = member(origin),
                                                                              .start = id(start),
                                                                              .epoch = epoch},
                                                                   .exponent = 1,
                                                                   .hops = 1}}),
                    CHORD_OK);
}

/* A claim that comes unasked and is older than the node's joining may have been withdrawn before the node could hear
 * of it. What it asks for itself is answered by the owner: that may be old and right. */
static void test_claims_from_before_the_joining(void) {
    begin(1);
    tell_neighbours(5, 0, 2, 3);
    lookup_by(3, 80, 4);
    CU_ASSERT_FALSE(has_finger(3));
    CU_ASSERT_EQUAL(found(3, 80, 4, 6, 1), CHORD_OK);
    CU_ASSERT_TRUE(has_finger(3));
    end();

    begin(1);
    tell_neighbours(5, 0, 2, 3);
    lookup_by(3, 80, 5);
    CU_ASSERT_TRUE(has_finger(3));
    end();

    begin(1);
    tell_neighbours(5, 0, 2, 3);
    tell_neighbours(9, 0, 2, 3); /* it joined at 5: what is newer it has heard of */
    lookup_by(3, 80, 6);
    CU_ASSERT_TRUE(has_finger(3));
    end();

    begin(1);
    tell_neighbours(5, 0, 2, 3);
    CU_ASSERT_EQUAL(reach(CHORD_MESSAGE_SHUT, 3), CHORD_OK);
    lookup_by(3, 80, 6); /* its lookup was on its way when it was shut */
    CU_ASSERT_FALSE(has_finger(3));
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"SHUT and OPEN, twice, of itself, of nobody", test_shut_and_open},
        {"SHUT and OPEN on the coordinator's rank", test_shut_on_the_coordinators_rank},
        {"SHUT reaches the client and the nodes", test_shut_reaches_client_and_nodes},
        {"heartbeats of a rank", test_heartbeats_of_a_rank},
        {"heartbeats of the coordinator", test_heartbeats_of_the_coordinator},
        {"no heartbeats without a detector, or alone", test_no_heartbeats},
        {"a heartbeat isn't answered", test_a_heartbeat_is_not_answered},
        {"every message is a sign of life", test_every_message_is_a_sign_of_life},
        {"requests go around those that are out", test_requests_go_around},
        {"answers fill the location cache", test_answers_fill_the_location_cache},
        {"a node whose successors are all out waits", test_a_node_whose_successors_are_out_waits},
        {"a node whose successors are all out doesn't settle", test_a_node_whose_successors_are_out_does_not_settle},
        {"FOUND of another life, and of who is out", test_found_of_another_life},
        {"claims from before the joining", test_claims_from_before_the_joining},
    };
    return UNIT_RUN("peer", tests);
}
