/* chord/client when no answer comes: repetitions at doubling intervals, operations that are given up and what they
 * keep, ranks that are out; and random runs beside a network that delays, refuses and loses copies. */
#include "tests/unit/client_fixture.h"

static void begin_with_copies(uint32_t window, uint32_t copies_max) {
    begin(window);
    config.copies_max = copies_max;
}

static void shut(uint32_t rank) {
    shut_ranks[rank] = true;
    reach.shut_count++;
}

static uint32_t unknowns(void) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < log_.completed_count; i++) {
        count += log_.completed[i].outcome == CHORD_UNKNOWN;
    }
    return count;
}

/* Lets the client do what is due, at the moment when it is, until so many requests have been sent. Returns the time. */
static uint64_t repeat_until(uint32_t sent_count, uint64_t now) {
    while (log_.sent_count < sent_count) {
        CU_ASSERT_NOT_EQUAL_FATAL(chord_client_deadline(&client), UINT64_MAX);
        now = chord_client_deadline(&client);
        chord_client_tick(&client, now);
    }
    return now;
}

/* Repeats an operation that is never answered until it is given up. Returns the time. */
static uint64_t wait_for_the_end(uint64_t now) {
    const uint32_t waiting = chord_client_waiting_count(&client);
    while (chord_client_waiting_count(&client) == waiting) {
        now = chord_client_deadline(&client);
        chord_client_tick(&client, now);
    }
    return now;
}

/* --- repetitions --- */

static void test_intervals_double_up_to_a_cap(void) {
    begin(1);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 7), CHORD_OK);
    uint64_t sent_at = 7;
    uint64_t interval = config.retry_ticks;
    for (uint32_t copy = 1; copy <= 14; copy++) {
        CU_ASSERT_EQUAL(chord_client_deadline(&client), sent_at + interval);
        chord_client_tick(&client, sent_at + interval - 1);
        CU_ASSERT_EQUAL(log_.sent_count, copy);
        chord_client_tick(&client, sent_at + interval);
        CU_ASSERT_EQUAL(log_.sent_count, copy + 1);
        sent_at += interval;
        interval = copy <= 10 ? 2 * interval : interval; /* 1,024 times the first, and no longer */
    }
    CU_ASSERT_EQUAL(interval, 1024 * config.retry_ticks);
    CU_ASSERT_EQUAL(log_.completed_count, 0); /* copies_max 0: never given up */
    end();
}

/* A refused copy is known to be gone: the next one waits no longer than if it had never been. */
static void test_refused_copies_do_not_count(void) {
    begin_with_copies(1, 2);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    uint64_t now = 0;
    for (uint32_t round = 0; round < 20; round++) {
        CU_ASSERT_EQUAL(refuse(log_.sent[0].seq, now), CHORD_OK);
        now += config.backoff_ticks;
        chord_client_tick(&client, now);
        CU_ASSERT_EQUAL(log_.sent_count, round + 2);
        CU_ASSERT_EQUAL(chord_client_deadline(&client), now + config.retry_ticks);
    }
    CU_ASSERT_EQUAL(log_.completed_count, 0);
    end();
}

static void test_where_requests_enter(void) {
    begin(4);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 5, 0), CHORD_OK); /* entry (1, 1) */
    CU_ASSERT_TRUE(chord_address_equal(log_.to[0], (struct chord_address){1, 1}));
    (void)repeat_until(3, 0);
    for (uint32_t i = 1; i < 3; i++) { /* at a node of its own, which lives */
        CU_ASSERT_TRUE(chord_address_equal(log_.to[i], (struct chord_address){RANK, 1}));
        CU_ASSERT_EQUAL(log_.sent[i].seq, log_.sent[0].seq);
    }
    shut(1);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 9, 0), CHORD_OK); /* also (1, 1), which is out */
    CU_ASSERT_TRUE(chord_address_equal(log_.to[3], (struct chord_address){RANK, 1}));
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 2, 0), CHORD_OK); /* (2, 0) isn't */
    CU_ASSERT_TRUE(chord_address_equal(log_.to[4], (struct chord_address){2, 0}));
    end();
}

/* --- giving up --- */

static void test_given_up_after_copies_max(void) {
    for (uint32_t copies = 1; copies <= 5; copies++) {
        begin_with_copies(2, copies);
        CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
        const uint32_t credits = client.credits_free;
        const uint64_t now = repeat_until(copies, 0);
        CU_ASSERT_EQUAL(log_.completed_count, 0);
        const uint64_t given_up = wait_for_the_end(now);
        CU_ASSERT_EQUAL(given_up, ((1u << copies) - 1) * config.retry_ticks); /* the last copy has its time, too */
        CU_ASSERT_EQUAL(log_.sent_count, copies);
        CU_ASSERT_EQUAL_FATAL(log_.completed_count, 1);
        CU_ASSERT_EQUAL(log_.completed[0].outcome, CHORD_UNKNOWN);
        CU_ASSERT_EQUAL(log_.completed[0].tag, 1000);
        CU_ASSERT_EQUAL(log_.completed[0].kind, CHORD_INSERT);
        CU_ASSERT_EQUAL(log_.completed[0].retry_count, copies - 1);
        CU_ASSERT_EQUAL(log_.completed[0].started_ticks, 0);
        CU_ASSERT_EQUAL(client.credits_free, credits); /* held: the copies may be anywhere */
        CU_ASSERT_EQUAL(client.outstanding_count, 1);
        CU_ASSERT_EQUAL(chord_client_waiting_count(&client), 0);
        CU_ASSERT_EQUAL(chord_client_deadline(&client), UINT64_MAX);
        chord_client_tick(&client, given_up + 1000000);
        CU_ASSERT_EQUAL(log_.sent_count, copies);
        CU_ASSERT_EQUAL(log_.completed_count, 1);
        end();
    }
}

/* The key and its bytes are the host's again; others may work on it, and the late copy's answer isn't taken for
 * theirs. */
static void test_the_key_is_free(void) {
    begin_with_copies(4, 1);
    const struct chord_operation model_operation = operation(CHORD_INSERT, 6);
    unsigned char *borrowed = malloc(model_operation.key_size);
    if (borrowed == NULL) {
        abort();
    }
    memcpy(borrowed, model_operation.key, model_operation.key_size);
    struct chord_operation wanted = model_operation;
    wanted.key = borrowed;
    wanted.value = borrowed;
    CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_OK);
    const uint64_t given_up = log_.sent[0].seq;
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 6, 0), CHORD_BUSY);
    const uint64_t now = wait_for_the_end(0);
    free(borrowed);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 22, now), CHORD_OK); /* in the same bucket */
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 6, now), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 6, now), CHORD_BUSY);
    CU_ASSERT_EQUAL(answer(given_up, CHORD_INSERTED, now), CHORD_STALE);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 6, now), CHORD_BUSY); /* the other operation is still under way */
    CU_ASSERT_EQUAL(log_.completed_count, 1);
    CU_ASSERT_EQUAL(answer(given_up + 2, CHORD_FOUND, now), CHORD_OK);
    CU_ASSERT_EQUAL(log_.completed_count, 2);
    CU_ASSERT_EQUAL(log_.completed[1].tag, 1006);
    CU_ASSERT_EQUAL(log_.completed[1].kind, CHORD_QUERY);
    end();
}

/* A late answer says that nothing is to be expected any more: slot and credits are free, and nobody is told. */
static void test_a_late_answer_frees(void) {
    begin_with_copies(2, 3);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    const uint64_t seq = log_.sent[0].seq;
    const uint64_t now = wait_for_the_end(0);
    CU_ASSERT_EQUAL(answer(seq, CHORD_FOUND, now), CHORD_UNEXPECTED); /* not an insert's */
    CU_ASSERT_EQUAL(client.outstanding_count, 1);
    CU_ASSERT_EQUAL(answer(seq, CHORD_UPDATED, now), CHORD_STALE);
    CU_ASSERT_EQUAL(client.outstanding_count, 0);
    CU_ASSERT_EQUAL(client.given_up_count, 0);
    CU_ASSERT_EQUAL(client.credits_free, config.credit_count);
    CU_ASSERT_EQUAL(client.watermark, seq + 1);
    CU_ASSERT_EQUAL(answer(seq, CHORD_UPDATED, now), CHORD_STALE); /* the other copies' */
    CU_ASSERT_EQUAL(refuse(seq, now), CHORD_STALE);
    CU_ASSERT_EQUAL(client.credits_free, config.credit_count);
    CU_ASSERT_EQUAL(log_.completed_count, 1);
    end();
}

static void test_the_last_refusal_frees(void) {
    begin_with_copies(2, 3);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    const uint64_t seq = log_.sent[0].seq;
    const uint64_t now = wait_for_the_end(0);
    for (uint32_t refused = 0; refused < 3; refused++) {
        CU_ASSERT_EQUAL(client.outstanding_count, 1);
        CU_ASSERT(client.credits_free < config.credit_count);
        CU_ASSERT_EQUAL(client.watermark, seq);
        CU_ASSERT_EQUAL(refuse(seq, now), CHORD_STALE);
        CU_ASSERT_EQUAL(chord_client_deadline(&client), UINT64_MAX); /* not asked again */
    }
    CU_ASSERT_EQUAL(client.outstanding_count, 0);
    CU_ASSERT_EQUAL(client.credits_free, config.credit_count);
    CU_ASSERT_EQUAL(client.watermark, seq + 1);
    CU_ASSERT_EQUAL(log_.completed_count, 1);
    CU_ASSERT_EQUAL(log_.sent_count, 3);
    end();
}

/* The head may forget the record of whatever is below the watermark; a copy of an operation that was given up may
 * still get there, and must be known. */
static void test_the_watermark_waits_for_what_was_given_up(void) {
    begin_with_copies(4, 1);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    const uint64_t seq = log_.sent[0].seq;
    const uint64_t now = wait_for_the_end(0);
    uint32_t went = 1;
    while (went < 100 && submit(CHORD_INSERT, went, now) == CHORD_OK) {
        CU_ASSERT_EQUAL(log_.sent[went].watermark, seq);
        CU_ASSERT_EQUAL(answer(log_.sent[went].seq, CHORD_INSERTED, now), CHORD_OK);
        went++;
    }
    CU_ASSERT_EQUAL(went, client.span); /* and so holds the others up, in the end */
    CU_ASSERT_EQUAL(client.watermark, seq);
    CU_ASSERT_TRUE(chord_client_is_stuck(&client, 1));
    CU_ASSERT_EQUAL(answer(seq, CHORD_INSERTED, now), CHORD_STALE);
    CU_ASSERT_EQUAL(client.watermark, client.seq_next);
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, 1));
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, went, now), CHORD_OK);
    end();
}

static void test_stuck(void) {
    /* The window is full of what was given up. */
    begin_with_copies(2, 1);
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, 1));
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, config.credit_count + 1)); /* nothing was given up */
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 1, 50), CHORD_OK);
    uint64_t now = wait_for_the_end(50);
    CU_ASSERT_EQUAL(unknowns(), 1);
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, 1)); /* one is still awaited */
    now = wait_for_the_end(now);
    CU_ASSERT_EQUAL(unknowns(), 2);
    CU_ASSERT_TRUE(chord_client_is_stuck(&client, 1));
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 2, now), CHORD_BUSY);
    chord_client_ask_again(&client, now);
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, 1));
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 2, now), CHORD_OK);
    end();

    /* There is room for a cheap one, not for a dear one. */
    begin_with_copies(4, 1);
    chord_client_clear(&client);
    config.credit_count = 4;
    CU_ASSERT_EQUAL_FATAL(chord_client_init(&client, &environment, RANK), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 0, 0), CHORD_OK); /* 3 */
    now = wait_for_the_end(0);
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, 1));
    CU_ASSERT_TRUE(chord_client_is_stuck(&client, 2));
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 1, now), CHORD_BUSY);
    CU_ASSERT_EQUAL(submit(CHORD_DELETE, 1, now), CHORD_OK);
    CU_ASSERT_FALSE(chord_client_is_stuck(&client, 2)); /* its answer will bring a credit */
    end();
}

/* --- a rank is out --- */

static void test_shut_frees_what_was_given_up(void) {
    begin_with_copies(4, 2);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 1, 0), CHORD_OK);
    uint64_t now = 0;
    while (chord_client_waiting_count(&client) > 0) {
        now = wait_for_the_end(now);
    }
    const uint64_t seq = log_.sent[0].seq;
    CU_ASSERT_EQUAL(client.outstanding_count, 2);
    chord_client_ask_again(&client, now);
    CU_ASSERT_EQUAL(client.outstanding_count, 0);
    CU_ASSERT_EQUAL(client.given_up_count, 0);
    CU_ASSERT_EQUAL(client.credits_free, config.credit_count);
    CU_ASSERT_EQUAL(client.watermark, client.seq_next);
    CU_ASSERT_EQUAL(log_.completed_count, 2); /* by then, not by this */
    CU_ASSERT_EQUAL(answer(seq, CHORD_INSERTED, now), CHORD_STALE); /* of a copy that took another way */
    CU_ASSERT_EQUAL(client.credits_free, config.credit_count);
    end();
}

static void test_shut_repeats_the_others_at_once(void) {
    begin_with_copies(4, 8);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    (void)repeat_until(4, 0); /* the next one is 800 ticks away */
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 1, 700), CHORD_OK);
    chord_client_ask_again(&client, 710);
    chord_client_ask_again(&client, 710); /* another rank */
    CU_ASSERT_EQUAL(log_.sent_count, 5); /* not before its turn */
    CU_ASSERT(chord_client_deadline(&client) <= 710);
    chord_client_tick(&client, 710);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 7);
    CU_ASSERT_EQUAL(log_.sent[5].seq, log_.sent[0].seq);
    CU_ASSERT_EQUAL(log_.sent[6].seq, log_.sent[4].seq);
    CU_ASSERT_EQUAL(log_.to[6].rank, RANK);
    CU_ASSERT(chord_client_deadline(&client) > 710);
    CU_ASSERT_EQUAL(log_.completed_count, 0);
    end();
}

/* The copies that it has sent so far are what vanished: it is asked for again, not given up, though there were
 * copies_max. */
static void test_shut_does_not_give_up(void) {
    begin_with_copies(2, 2);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    uint64_t now = repeat_until(2, 0) + 1;
    chord_client_ask_again(&client, now);
    chord_client_tick(&client, now);
    CU_ASSERT_EQUAL(log_.completed_count, 0);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 3);
    CU_ASSERT_EQUAL(log_.sent[2].seq, log_.sent[0].seq);
    CU_ASSERT_EQUAL(answer(log_.sent[2].seq, CHORD_INSERTED, now), CHORD_OK);
    CU_ASSERT_EQUAL(unknowns(), 0);
    CU_ASSERT_EQUAL(client.credits_free, config.credit_count);
    end();
}

/* --- random runs --- */

#define OPERATIONS 2000u
#define KEYS 12u
#define COPIES_MAX 4096u

static struct {
    struct {
        enum chord_operation_kind kind;
        uint32_t key;
        uint32_t cost;
        uint32_t completions;
        uint32_t copies; /* neither answered nor refused */
        bool held;       /* its slot is, as far as the network's events tell */
    } operations[OPERATIONS]; /* by seq, which is the tag, too */
    uint32_t issued;
    uint64_t under_way[COPIES_MAX]; /* seqs */
    uint32_t under_way_count;
    uint64_t live_of_key[KEYS]; /* seq + 1 of the operation that its host waits for; 0: none */
    uint32_t held_count;
    uint32_t live_count;
    uint32_t credits_held;
    uint32_t unknown_count;
    struct tally tally;
} world;

static uint64_t lowest_held(void) {
    uint64_t lowest = world.issued > 200 ? world.issued - 200 : 0;
    while (lowest < world.issued && !world.operations[lowest].held) {
        lowest++;
    }
    return lowest;
}

static void let_go(uint64_t seq) {
    world.operations[seq].held = false;
    world.held_count--;
    world.credits_held -= world.operations[seq].cost;
}

static void world_send(void *context, const struct chord_message *message) {
    (void)context;
    const uint64_t seq = message->request.seq;
    const bool is_first = seq == world.issued; /* it is being submitted */
    TALLY(&world.tally, seq <= world.issued);
    TALLY(&world.tally, message->request.watermark == lowest_held());
    TALLY(&world.tally, is_first || world.operations[seq].completions == 0);
    world.operations[seq].copies++;
    TALLY(&world.tally, config.copies_max == 0 || world.operations[seq].copies <= config.copies_max);
    if (world.under_way_count == COPIES_MAX) {
        abort();
    }
    world.under_way[world.under_way_count++] = seq;
}

static void world_complete(void *context, const struct chord_completion *completion) {
    (void)context;
    const uint64_t seq = completion->tag;
    TALLY(&world.tally, ++world.operations[seq].completions == 1);
    world.live_of_key[world.operations[seq].key] = 0;
    world.live_count--;
    if (completion->outcome == CHORD_UNKNOWN) {
        world.unknown_count++;
        TALLY(&world.tally, config.copies_max > 0 && world.operations[seq].copies == config.copies_max);
    }
}

static const struct chord_sink world_sink = {.send = world_send, .complete = world_complete};

static void world_submit(struct chord_prng *prng, uint64_t now) {
    const uint32_t key = (uint32_t)chord_prng_below(prng, KEYS);
    const enum chord_operation_kind kind =
        (enum chord_operation_kind)chord_prng_below(prng, CHORD_OPERATION_KIND_COUNT);
    struct chord_operation wanted = operation(kind, key);
    const uint32_t cost = chord_client_cost(&config, kind, wanted.key_size, wanted.value_size);
    const bool has_room = world.held_count < config.window && cost <= config.credit_count - world.credits_held &&
                          world.issued - lowest_held() < client.span;
    const bool is_possible = has_room && world.live_of_key[key] == 0;
    const uint64_t seq = world.issued;
    TALLY(&world.tally,
          chord_client_is_stuck(&client, cost) == (!has_room && world.live_count == 0 && world.held_count > 0));
    world.operations[seq].kind = kind;
    world.operations[seq].key = key;
    world.operations[seq].cost = cost;
    world.operations[seq].held = true; /* while it is being sent */
    wanted.tag = seq;
    const enum chord_status status = chord_client_submit(&client, &wanted, now);
    TALLY(&world.tally, status == (is_possible ? CHORD_OK : CHORD_BUSY));
    world.operations[seq].held = status == CHORD_OK;
    if (status == CHORD_OK) {
        world.issued++;
        world.live_of_key[key] = seq + 1;
        world.live_count++;
        world.held_count++;
        world.credits_held += cost;
    }
}

/* One copy arrives somewhere, in any order: it is answered or refused. */
static void world_deliver(struct chord_prng *prng, uint64_t now) {
    static const enum chord_outcome fitting[] = {
        [CHORD_INSERT] = CHORD_INSERTED, [CHORD_QUERY] = CHORD_FOUND, [CHORD_DELETE] = CHORD_DELETED};
    const uint32_t which = (uint32_t)chord_prng_below(prng, world.under_way_count);
    const uint64_t seq = world.under_way[which];
    world.under_way[which] = world.under_way[--world.under_way_count];
    const bool is_live = world.operations[seq].completions == 0;
    if (chord_prng_below(prng, 3) == 0) {
        TALLY(&world.tally, refuse(seq, now) == (is_live ? CHORD_OK : CHORD_STALE));
        world.operations[seq].copies -= world.operations[seq].copies > 0;
        if (!is_live && world.operations[seq].held && world.operations[seq].copies == 0) {
            let_go(seq);
        }
    } else {
        if (world.operations[seq].held) {
            let_go(seq);
        }
        const enum chord_outcome outcome = fitting[world.operations[seq].kind];
        TALLY(&world.tally, answer(seq, outcome, now) == (is_live ? CHORD_OK : CHORD_STALE));
        TALLY(&world.tally, world.operations[seq].completions == 1);
    }
}

/* What has been under way at the moment is lost with the rank. */
static void world_shut(uint64_t now) {
    for (uint32_t seq = 0; seq < world.issued; seq++) {
        /* Others than those that vanished may be under way: only room for one more is made. */
        world.operations[seq].copies -= config.copies_max > 0 && world.operations[seq].copies >= config.copies_max;
        if (world.operations[seq].held && world.operations[seq].completions > 0) {
            let_go(seq);
        }
    }
    world.under_way_count = 0;
    chord_client_ask_again(&client, now);
}

static void world_check(void) {
    TALLY(&world.tally, client.outstanding_count == world.held_count && world.held_count <= config.window);
    TALLY(&world.tally, chord_client_waiting_count(&client) == world.live_count);
    TALLY(&world.tally, client.credits_free + world.credits_held == config.credit_count);
    TALLY(&world.tally, client.watermark == lowest_held());
    TALLY(&world.tally, world.live_count == 0 || chord_client_deadline(&client) < UINT64_MAX);
}

static void test_random_runs(void) {
    struct tally sum = {0};
    uint64_t unknown_sum = 0;
    uint64_t shut_sum = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        begin_with_copies(1 + (uint32_t)chord_prng_below(&prng, 8), (uint32_t)chord_prng_below(&prng, 4));
        chord_client_clear(&client);
        config.credit_count = 3 + (uint32_t)chord_prng_below(&prng, 20);
        environment.sink = &world_sink;
        CU_ASSERT_EQUAL_FATAL(chord_client_init(&client, &environment, RANK), CHORD_OK);
        CU_ASSERT_EQUAL_FATAL(client.seq_next, 0); /* seqs are places in the table */
        memset(&world, 0, sizeof world);
        const uint64_t deliveries = 2 + chord_prng_below(&prng, 20); /* of 40 steps: a slow network or a quick one */
        uint64_t now = 0;
        for (uint32_t step = 0; step < 6000 && world.issued + 1 < OPERATIONS; step++) {
            const uint64_t event = chord_prng_below(&prng, 40);
            if (event < deliveries) {
                if (world.under_way_count > 0) {
                    world_deliver(&prng, now);
                }
            } else if (event < 30) {
                world_submit(&prng, now);
            } else if (event < 39) {
                now += chord_prng_below(&prng, 2 * config.retry_ticks);
                chord_client_tick(&client, now);
            } else if (chord_prng_below(&prng, 10) == 0) {
                world_shut(now);
                shut_sum++;
            }
            world_check();
        }
        /* Whatever is left comes to an end, each operation once. */
        for (uint32_t round = 0; world.live_count > 0 && round < 100000; round++) {
            if (world.under_way_count > 0) {
                world_deliver(&prng, now);
            } else {
                now = chord_client_deadline(&client) > now ? chord_client_deadline(&client) : now;
                chord_client_tick(&client, now);
            }
            world_check();
        }
        world_shut(now);
        world_check();
        TALLY(&world.tally, client.credits_free == config.credit_count && client.outstanding_count == 0);
        for (uint32_t seq = 0; seq < world.issued; seq++) {
            TALLY(&world.tally, world.operations[seq].completions == 1);
        }
        unknown_sum += world.unknown_count;
        sum.done += world.tally.done;
        sum.failed += world.tally.failed;
        end();
    }
    TALLY_ASSERT(&sum, 500000);
    CU_ASSERT(unknown_sum > 1000);
    CU_ASSERT(shut_sum > 100);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"intervals double up to a cap", test_intervals_double_up_to_a_cap},
        {"refused copies don't count", test_refused_copies_do_not_count},
        {"repetitions enter at the own rank, as does what would enter at one that is out", test_where_requests_enter},
        {"given up after copies_max copies, as unknown, once", test_given_up_after_copies_max},
        {"the key of what was given up is free", test_the_key_is_free},
        {"a late answer frees slot and credits", test_a_late_answer_frees},
        {"the last refusal frees slot and credits", test_the_last_refusal_frees},
        {"the watermark waits for what was given up", test_the_watermark_waits_for_what_was_given_up},
        {"a client that is stuck", test_stuck},
        {"shut frees what was given up", test_shut_frees_what_was_given_up},
        {"shut repeats the others at once", test_shut_repeats_the_others_at_once},
        {"shut doesn't give up", test_shut_does_not_give_up},
        {"random runs: bounds, keys, one completion each", test_random_runs},
    };
    return UNIT_RUN("client_silence", tests);
}
