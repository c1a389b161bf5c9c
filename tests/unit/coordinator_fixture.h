/* What the tests of the coordinator share. The members are a script: the test says who answers WEDGED and SYNCED,
 * and reads what the coordinator sends. Five nodes on a 4-bit ring, ids 2, 5, 8, 11 and 14 on ranks 0 to 4; the
 * first of them form the ring, the others are spares. */
#ifndef TESTS_UNIT_COORDINATOR_FIXTURE_H
#define TESTS_UNIT_COORDINATOR_FIXTURE_H

#include "tests/unit/core_post.h"

#include "chord/member/coordinator.h"

#define RANKS 5u
#define ALL 0xffu
#define NOTICES_MAX 256u

static struct post post;
static struct counting counting;
static struct chord_config config;
static struct chord_environment environment;
static struct chord_coordinator coordinator;
static uint32_t incarnations[RANKS];
static struct chord_notice last_notice;
static struct chord_change last_change;
static uint32_t notices[CHORD_NOTICE_OPENED + 1];
static struct chord_notice notice_log[NOTICES_MAX]; /* what they borrow is gone */
static uint32_t notice_count;
static uint64_t now;

static inline void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    last_notice = *notice;
    last_change = notice->kind == CHORD_NOTICE_CHANGED ? notice->change : last_change;
    notices[notice->kind]++;
    if (notice_count == NOTICES_MAX) {
        abort();
    }
    notice_log[notice_count++] = *notice;
}

static const struct chord_sink sink = {.context = &post, .send = post_send, .notice = sink_notice};

static inline struct chord_id id(uint64_t number) {
    return id_of_number(number, 4);
}

static inline uint64_t number_of(uint32_t rank) {
    return 2 + 3 * (uint64_t)rank;
}

static inline enum chord_status tell(uint32_t rank, struct chord_message message) {
    message.from = (struct chord_address){.rank = rank};
    return chord_coordinator_receive(&coordinator, &message, now);
}

static inline enum chord_status wedged(uint32_t rank, uint32_t epoch, struct chord_id stop) {
    return tell(rank, (struct chord_message){
                          .type = CHORD_MESSAGE_WEDGED,
                          .wedged = {.epoch = epoch, .incarnation = incarnations[rank], .end = stop}});
}

static inline enum chord_status synced(uint32_t rank, uint32_t epoch, struct chord_id stop) {
    return tell(rank, (struct chord_message){.type = CHORD_MESSAGE_SYNCED,
                                             .synced = {.epoch = epoch,
                                                        .incarnation = incarnations[rank],
                                                        .end = stop,
                                                        .pair_count = 1,
                                                        .pair_bytes = 10}});
}

static inline enum chord_status settled(uint32_t rank, uint32_t epoch) {
    return tell(rank, (struct chord_message){
                          .type = CHORD_MESSAGE_SETTLED,
                          .settled = {.epoch = epoch, .incarnation = incarnations[rank], .message_count = 4}});
}

static inline bool in(uint32_t mask, uint32_t rank) {
    return (mask >> rank & 1u) != 0;
}

/* Those of the mask answer every PREPARE that lies in the post; the letters are taken out. Returns how many. */
static inline uint32_t answer_prepares(uint32_t mask) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < post.count;) {
        if (post.letters[i].message.type != CHORD_MESSAGE_PREPARE || !in(mask, post.letters[i].message.to.rank)) {
            i++;
            continue;
        }
        const struct letter letter = post_take(&post, i);
        const enum chord_status status =
            wedged(letter.message.to.rank, letter.message.prepare.epoch, letter.message.prepare.end);
        CU_ASSERT(status == CHORD_OK || status == CHORD_STALE); /* of an attempt that was given up */
        free(letter.bytes);
        count++;
    }
    return count;
}

static inline uint32_t answer_installs(uint32_t mask) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < post.count;) {
        const struct chord_message *message = &post.letters[i].message;
        if (message->type != CHORD_MESSAGE_INSTALL || !in(mask, message->to.rank)) {
            i++;
            continue;
        }
        bool is_member = false;
        for (uint32_t m = 0; m < message->install.chain.count; m++) {
            is_member |= chord_members_get(&message->install.chain, m).address.rank == message->to.rank;
        }
        const struct letter letter = post_take(&post, i);
        if (is_member) {
            const enum chord_status status =
                synced(letter.message.to.rank, letter.message.install.epoch, letter.message.install.end);
            CU_ASSERT(status == CHORD_OK || status == CHORD_STALE);
        }
        free(letter.bytes);
        count++;
        i = 0; /* the answer may have led to more */
    }
    return count;
}

static inline void answer_all(uint32_t mask) {
    while (answer_prepares(mask) + answer_installs(mask) > 0) {
    }
}

static inline const struct chord_part *part_at(uint64_t stop) {
    return chord_parts_ending_at(&coordinator.parts, id(stop));
}

static inline bool is_complete(uint64_t stop, uint32_t rank) {
    const struct chord_holder *holder =
        chord_part_holder(part_at(stop), (struct chord_address){.rank = rank}, incarnations[rank]);
    return holder != NULL && holder->complete;
}

/* The INSTALL of the part with this end, to anybody, newest; NULL if there is none. */
static inline const struct chord_install *install_of(uint64_t stop) {
    for (uint32_t i = post.count; i-- > 0;) {
        const struct chord_message *message = &post.letters[i].message;
        if (message->type == CHORD_MESSAGE_INSTALL && chord_id_equal(message->install.end, id(stop))) {
            return &message->install;
        }
    }
    return NULL;
}

static inline bool is_chain(const struct chord_member *chain, uint32_t count, const char *ranks) {
    bool same = count == strlen(ranks);
    for (uint32_t i = 0; same && i < count; i++) {
        same = chain[i].address.rank == (uint32_t)(ranks[i] - '0');
    }
    return same;
}

static inline enum chord_status command(enum chord_command what, uint32_t rank) {
    return chord_coordinator_command(&coordinator, what, (struct chord_address){.rank = rank}, now);
}

static inline enum chord_status ask_to_join(uint32_t rank) {
    return tell(rank, (struct chord_message){
                          .type = CHORD_MESSAGE_JOIN,
                          .registration = {.member = {.id = id(number_of(rank)),
                                                      .address = {.rank = rank},
                                                      .incarnation = incarnations[rank]},
                                           .hops = 2}});
}

static inline enum chord_status tick(void) {
    return chord_coordinator_tick(&coordinator, ++now);
}

/* The ring of the first `initial` ranks is formed. adjust may change the configuration before; NULL: as it is. */
static inline void begin_with(uint32_t initial, uint32_t replicas, void (*adjust)(struct chord_config *config)) {
    memset(&post, 0, sizeof post);
    memset(notices, 0, sizeof notices);
    notice_count = 0;
    now = 0;
    counting_init(&counting);
    config = (struct chord_config){.rank_count = RANKS,
                                   .virtual_node_count = 1,
                                   .initial_rank_count = initial,
                                   .id_bits = 4,
                                   .replica_count = replicas,
                                   .successor_count = 2};
    if (adjust != NULL) {
        adjust(&config);
    }
    environment = (struct chord_environment){.config = &config, .sink = &sink, .allocator = &counting.allocator};
    CU_ASSERT_EQUAL_FATAL(chord_coordinator_init(&coordinator, &environment), CHORD_OK);
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        incarnations[rank] = 1;
        CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, rank), CHORD_UNDER_WAY); /* the ring isn't formed yet */
        CU_ASSERT_EQUAL(tell(rank, (struct chord_message){
                                       .type = CHORD_MESSAGE_REGISTER,
                                       .registration.member = {.id = id(number_of(rank)),
                                                               .address = {.rank = rank},
                                                               .incarnation = 1}}),
                        CHORD_OK);
    }
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_FORMED], 1);
    post_clear(&post);
}

static inline void begin(uint32_t initial, uint32_t replicas) {
    begin_with(initial, replicas, NULL);
}

static inline void end(void) {
    post_clear(&post);
    chord_coordinator_clear(&coordinator);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* A spare joins, up to the first PREPAREs. */
static inline void start_join(uint32_t rank) {
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, rank), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_INVITE, POST_ANY, rank), 1);
    CU_ASSERT_EQUAL(ask_to_join(rank), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
}

/* Arcs that are committed, whose record has nobody but their chain. */
static inline uint32_t arcs_with_chain(void) {
    uint32_t right = 0;
    for (uint32_t i = 0; i < coordinator.parts.count; i++) {
        const struct chord_part *part = &coordinator.parts.items[i];
        right += part->phase == CHORD_PART_COMMITTED && chord_id_equal(part->chain[0].id, part->end) &&
                 part->holder_count == part->chain_count && part->committed_count == part->chain_count;
    }
    return right;
}

#endif
