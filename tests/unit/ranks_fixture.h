/* What the tests with whole ranks share: clients, nodes and the coordinator are the real ones, and the test decides
 * which message is delivered when. Channels are FIFO: what is behind a message that is held back is held back, too.
 *
 * Six ranks on an 8-bit ring with the ids 40, 80, 120, 100, 220 and 240: ranks 0, 1 and 2 form the ring, rank 3 may
 * join, rank 4 hosts the coordinator and rank 5 the client; both stay spares. No detector: who is to be suspected
 * says the test. */
#ifndef TESTS_UNIT_RANKS_FIXTURE_H
#define TESTS_UNIT_RANKS_FIXTURE_H

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
static uint64_t steps; /* messages delivered and operations submitted: real time, for histories */
static bool is_dead[RANKS];

static struct {
    uint64_t tag;
    enum chord_outcome outcome;
    struct chord_version version;
    uint32_t retry_count;
    uint32_t value_size;
    unsigned char value[16];
    uint64_t ended; /* in steps */
} completions[COMPLETIONS_MAX];
static uint32_t completion_count;
static uint32_t notices[CHORD_NOTICE_OPENED + 1];
static struct chord_loss last_loss;

static inline void sink_complete(void *context, const struct chord_completion *completion) {
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
    completions[completion_count].ended = steps;
    completion_count++;
}

static inline void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    last_loss = notice->kind == CHORD_NOTICE_LOST ? notice->loss : last_loss;
    notices[notice->kind]++;
}

static const struct chord_sink sink = {
    .context = &post, .send = post_send, .complete = sink_complete, .notice = sink_notice};

static inline struct chord_id id(uint64_t number) {
    return id_of_number(number, 8);
}

/* --- what must hold after every step: nobody but one node serves a key as its head (I2) --- */

static inline uint32_t owners_of(uint64_t number) {
    uint32_t owners = 0;
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        const struct chord_arc *arc = chord_arcs_containing(&peers[rank].nodes[0].arcs, id(number));
        owners += !is_dead[rank] && arc != NULL && chord_arc_serves(arc) && chord_arc_is_head(arc);
    }
    return owners;
}

/* An excluded node doesn't know of it and still serves for its part: whoever is told nothing can't be asked to stop.
 * What it can't do is to get an answer out, since the others of its chain are wedged. */
static uint32_t owners_allowed;

static inline void check_owners(void) {
    for (uint64_t number = 0; number < 256; number += 10) {
        CU_ASSERT(owners_of(number) <= owners_allowed);
    }
}

/* --- delivery --- */

typedef bool held_back(const struct chord_message *message);

static inline bool nothing(const struct chord_message *message) {
    (void)message;
    return false;
}

/* What is on its way to a dead rank is lost, and so is what was on its way from it. */
static inline void drop_letters_of_the_dead(void) {
    for (uint32_t i = post.count; i-- > 0;) {
        if (is_dead[post.letters[i].message.from.rank] || is_dead[post.letters[i].message.to.rank]) {
            post_drop(&post, i);
        }
    }
}

/* The rank's process ends here and now. It isn't heard of any more, and hears nothing. */
static inline void kill_rank(uint32_t rank) {
    is_dead[rank] = true;
    drop_letters_of_the_dead();
}

static inline enum chord_status deliver(uint32_t index) {
    CU_ASSERT_TRUE(post_is_next(&post, index));
    steps++;
    const struct letter letter = post_take(&post, index);
    const enum chord_status status = chord_peer_receive(&peers[letter.message.to.rank], &letter.message, now);
    free(letter.bytes);
    drop_letters_of_the_dead();
    check_owners();
    return status;
}

/* The oldest letter of the type between two ranks is delivered now, out of turn if need be of other channels. */
static inline enum chord_status deliver_now(enum chord_message_type type, uint32_t from, uint32_t to) {
    const uint32_t index = post_find(&post, type, from, to);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    return deliver(index);
}

/* Delivers everything, oldest first, and what comes of it, but for what is held back and what is behind it. */
static inline void run(held_back *hold) {
    for (uint32_t round = 0; round < 20000; round++) {
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
            if (!is_dead[rank] && chord_peer_deadline(&peers[rank]) <= now) {
                CU_ASSERT_EQUAL(chord_peer_tick(&peers[rank], now), CHORD_OK);
                drop_letters_of_the_dead();
                due = true;
            }
        }
        if (!due) {
            return;
        }
    }
    CU_FAIL("it goes on for ever");
}

static inline void wait_for(uint64_t ticks, held_back *hold) {
    now += ticks;
    run(hold);
}

static inline void begin_with(uint32_t replicas, enum chord_consistency consistency) {
    static const uint64_t ids[RANKS] = {40, 80, 120, 100, 220, 240};
    memset(&post, 0, sizeof post);
    memset(notices, 0, sizeof notices);
    memset(is_dead, 0, sizeof is_dead);
    completion_count = 0;
    now = 0;
    steps = 0;
    owners_allowed = 1;
    counting_init(&counting);
    config = (struct chord_config){.rank_count = RANKS,
                                   .virtual_node_count = 1,
                                   .initial_rank_count = 3,
                                   .coordinator_rank = COORDINATOR,
                                   .id_bits = 8,
                                   .replica_count = replicas,
                                   .successor_count = 2,
                                   .consistency = consistency,
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

static inline void begin(uint32_t replicas) {
    begin_with(replicas, CHORD_LINEARIZABLE);
}

static inline void end(void) {
    post_clear(&post);
    for (uint32_t rank = 0; rank < RANKS; rank++) {
        chord_peer_clear(&peers[rank]);
    }
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* All keys have the id 90 unless they say otherwise: in (80, 120], the arc of rank 2, which a joining rank 3 takes
 * over. */
static inline void submit_from(uint32_t client, uint32_t entry, uint64_t tag, enum chord_operation_kind kind,
                               const char *key, const char *value) {
    const struct chord_operation operation = {.tag = tag,
                                              .kind = kind,
                                              .entry = {.rank = entry},
                                              .key_id = id(90),
                                              .key = (const unsigned char *)key,
                                              .key_size = (uint32_t)strlen(key),
                                              .value = (const unsigned char *)value,
                                              .value_size = (uint32_t)strlen(value)};
    steps++;
    CU_ASSERT_EQUAL(chord_client_submit(&peers[client].client, &operation, now), CHORD_OK);
    drop_letters_of_the_dead();
}

static inline void submit_to(uint32_t entry, uint64_t tag, enum chord_operation_kind kind, const char *key,
                             const char *value) {
    submit_from(CLIENT, entry, tag, kind, key, value);
}

static inline uint32_t completion_of(uint64_t tag) {
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < completion_count; i++) {
        if (completions[i].tag == tag) {
            CU_ASSERT_EQUAL(found, UINT32_MAX); /* once */
            found = i;
        }
    }
    return found;
}

/* A query that is answered by now has found this value. */
static inline void expect_found(uint64_t tag, const char *value) {
    const uint32_t index = completion_of(tag);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    CU_ASSERT_EQUAL(completions[index].outcome, CHORD_FOUND);
    CU_ASSERT_EQUAL(completions[index].value_size, strlen(value));
    CU_ASSERT_EQUAL(memcmp(completions[index].value, value, strlen(value)), 0);
}

/* Reads a key by way of any member that lives and compares. */
static inline void expect_value(uint64_t tag, const char *key, const char *value) {
    submit_to(is_dead[1] ? 2 : 1, tag, CHORD_QUERY, key, "");
    run(nothing);
    wait_for(20, nothing);
    wait_for(20, nothing);
    expect_found(tag, value);
}

static inline void expect_write(uint64_t tag, enum chord_outcome outcome, uint32_t epoch) {
    const uint32_t index = completion_of(tag);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    CU_ASSERT_EQUAL(completions[index].outcome, outcome);
    CU_ASSERT_EQUAL(completions[index].version.epoch, epoch);
}

static inline void command(enum chord_command what, uint32_t rank) {
    CU_ASSERT_EQUAL(chord_peer_command(&peers[COORDINATOR], what, (struct chord_address){.rank = rank}, now), CHORD_OK);
    check_owners();
}

static inline const struct chord_arc *arc_at(uint32_t rank) {
    return chord_arcs_containing(&peers[rank].nodes[0].arcs, id(90));
}

static inline uint64_t copies(uint32_t rank) {
    return chord_store_digest(&arc_at(rank)->store).copies;
}

/* Whether the rank's own copy has this value for the key; NULL: it lacks the key. */
static inline bool has_copy(uint32_t rank, const char *key, const char *value) {
    const struct chord_entry *entry =
        chord_store_find(&arc_at(rank)->store, id(90), (const unsigned char *)key, (uint32_t)strlen(key));
    if (entry == NULL || value == NULL) {
        return entry == NULL && value == NULL;
    }
    return entry->value_size == strlen(value) && memcmp(chord_entry_value(entry), value, strlen(value)) == 0;
}

#endif
