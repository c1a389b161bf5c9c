/* chord/client: what it sends, how much it has under way, and what it makes of answers in any order. What it does
 * when none come is test_client_silence.c's business. */
#include "tests/unit/client_fixture.h"

/* --- one operation --- */

static void test_one_operation(void) {
    begin(2);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), UINT64_MAX);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 7, 50), CHORD_OK);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 150);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 1);
    const struct chord_request *request = &log_.sent[0];
    CU_ASSERT_EQUAL(request->kind, CHORD_INSERT);
    CU_ASSERT_EQUAL(request->owner_hops, 0); /* the message to the entry node is no hop */
    CU_ASSERT_EQUAL(request->client_rank, RANK);
    CU_ASSERT_EQUAL(request->watermark, request->seq);
    CU_ASSERT_TRUE(chord_id_equal(request->key_id, id_of_number(7, 4)));
    CU_ASSERT_TRUE(request->key_size == 5 && memcmp(request->key, "key-7", 5) == 0);
    CU_ASSERT_TRUE(request->value_size == 5 && memcmp(request->value, "value", 5) == 0);
    CU_ASSERT_TRUE(chord_address_equal(log_.to[0], (struct chord_address){3, 1}));
    CU_ASSERT_EQUAL(answer(request->seq, CHORD_INSERTED, 60), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(log_.completed_count, 1);
    const struct chord_completion *completion = &log_.completed[0];
    CU_ASSERT_EQUAL(completion->tag, 1007);
    CU_ASSERT_EQUAL(completion->kind, CHORD_INSERT);
    CU_ASSERT_EQUAL(completion->outcome, CHORD_INSERTED);
    CU_ASSERT_TRUE(completion->version.epoch == 5 && completion->version.counter == 6);
    CU_ASSERT_EQUAL(completion->owner_hops, 4);
    CU_ASSERT_EQUAL(completion->retry_count, 0);
    CU_ASSERT_EQUAL(completion->started_ticks, 50);
    CU_ASSERT_TRUE(chord_address_equal(completion->answered_by, (struct chord_address){2, 1}));
    CU_ASSERT_TRUE(completion->value_size == 2 && memcmp(completion->value, "ab", 2) == 0);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), UINT64_MAX);
    end();
}

static void test_outcomes_that_fit(void) {
    static const bool fits[CHORD_OPERATION_KIND_COUNT][CHORD_OUTCOME_COUNT] = {
        [CHORD_INSERT] = {[CHORD_INSERTED] = true, [CHORD_UPDATED] = true},
        [CHORD_QUERY] = {[CHORD_FOUND] = true, [CHORD_ABSENT] = true},
        [CHORD_DELETE] = {[CHORD_DELETED] = true, [CHORD_ABSENT] = true},
    };
    for (int kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        for (int outcome = 0; outcome < CHORD_OUTCOME_COUNT; outcome++) {
            begin(1);
            CU_ASSERT_EQUAL(submit((enum chord_operation_kind)kind, 0, 0), CHORD_OK);
            const bool fit = fits[kind][outcome];
            CU_ASSERT_EQUAL(answer(log_.sent[0].seq, (enum chord_outcome)outcome, 1),
                            fit ? CHORD_OK : CHORD_UNEXPECTED);
            CU_ASSERT_EQUAL(log_.completed_count, fit);
            CU_ASSERT_EQUAL(client.outstanding_count, !fit);
            end();
        }
    }
}

/* --- bounds --- */

static void test_window(void) {
    for (uint32_t window = 1; window <= 9; window += 2) {
        begin(window);
        for (uint32_t key = 0; key < window; key++) {
            CU_ASSERT_EQUAL(submit(CHORD_INSERT, key, 0), CHORD_OK);
        }
        CU_ASSERT_EQUAL(submit(CHORD_INSERT, window, 0), CHORD_BUSY);
        CU_ASSERT_EQUAL(log_.sent_count, window);
        CU_ASSERT_EQUAL(answer(log_.sent[window / 2].seq, CHORD_INSERTED, 0), CHORD_OK);
        CU_ASSERT_EQUAL(submit(CHORD_INSERT, window, 0), CHORD_OK);
        CU_ASSERT_EQUAL(submit(CHORD_INSERT, window + 1, 0), CHORD_BUSY);
        CU_ASSERT_EQUAL(log_.sent_count, window + 1);
        end();
    }
}

/* One operation that is never answered holds the others up once they are a span ahead, not before. */
static void test_span(void) {
    begin(4);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    const uint64_t stuck = log_.sent[0].seq;
    uint32_t went = 1;
    while (went < 200 && submit(CHORD_INSERT, went, 0) == CHORD_OK) {
        CU_ASSERT_EQUAL(log_.sent[went].watermark, stuck);
        CU_ASSERT_EQUAL(answer(log_.sent[went].seq, CHORD_INSERTED, 0), CHORD_OK);
        went++;
    }
    CU_ASSERT_EQUAL(went, client.span);
    CU_ASSERT_EQUAL(client.span, 16);
    CU_ASSERT_EQUAL(client.outstanding_count, 1); /* the window has room: it is the span that is full */
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 500, 0), CHORD_BUSY);
    CU_ASSERT_EQUAL(answer(stuck, CHORD_INSERTED, 0), CHORD_OK);
    CU_ASSERT_EQUAL(client.watermark, client.seq_next);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 500, 0), CHORD_OK);
    end();
}

static void test_cost(void) {
    begin(1);
    /* A frame more for each credit_bytes that the largest message of the operation may fill; a query's is its
     * answer. */
    CU_ASSERT_EQUAL(chord_client_cost(&config, CHORD_INSERT, 1, 0), 1);
    CU_ASSERT_EQUAL(chord_client_cost(&config, CHORD_INSERT, 16, 512 - CHORD_CODEC_FIXED_SIZE_MAX - 17), 1);
    CU_ASSERT_EQUAL(chord_client_cost(&config, CHORD_INSERT, 16, 512 - CHORD_CODEC_FIXED_SIZE_MAX - 16), 2);
    CU_ASSERT_EQUAL(chord_client_cost(&config, CHORD_DELETE, 16, 0), 1);
    CU_ASSERT_EQUAL(chord_client_cost(&config, CHORD_QUERY, 16, 0), 1 + (CHORD_CODEC_FIXED_SIZE_MAX + 16 + 1000) / 512);
    for (uint32_t size = 0; size <= 1000; size++) {
        const uint32_t cost = chord_client_cost(&config, CHORD_INSERT, 100, size);
        CU_ASSERT(cost * config.credit_bytes >= CHORD_CODEC_FIXED_SIZE_MAX + 100 + size);
    }
    end();
}

static void test_credits(void) {
    begin(8);
    chord_client_clear(&client);
    config.credit_count = 7;
    CU_ASSERT_EQUAL_FATAL(chord_client_init(&client, &environment, RANK), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 0, 0), CHORD_OK); /* 3 each */
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 1, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 2, 0), CHORD_BUSY);
    CU_ASSERT_EQUAL(submit(CHORD_DELETE, 3, 0), CHORD_OK); /* 1: the last */
    CU_ASSERT_EQUAL(submit(CHORD_DELETE, 4, 0), CHORD_BUSY);
    CU_ASSERT_EQUAL(client.credits_free, 0);
    CU_ASSERT_EQUAL(answer(log_.sent[0].seq, CHORD_FOUND, 0), CHORD_OK);
    CU_ASSERT_EQUAL(client.credits_free, 3);
    chord_client_tick(&client, 100); /* repeats pay nothing more */
    CU_ASSERT_EQUAL(client.credits_free, 3);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 2, 0), CHORD_OK);
    for (uint32_t i = 1; i < log_.sent_count; i++) {
        (void)(answer(log_.sent[i].seq, log_.sent[i].kind == CHORD_QUERY ? CHORD_ABSENT : CHORD_DELETED, 0) ==
               CHORD_OK);
    }
    CU_ASSERT_EQUAL(client.outstanding_count, 0);
    CU_ASSERT_EQUAL(client.credits_free, 7);
    end();
}

static void test_sizes(void) {
    static unsigned char long_key[CHORD_KEY_SIZE_MAX + 1];
    begin(4);
    struct chord_operation wanted = operation(CHORD_INSERT, 0);
    wanted.key_size = 0;
    CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_KEY_EMPTY);
    wanted.key = long_key;
    wanted.key_size = CHORD_KEY_SIZE_MAX + 1;
    CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_KEY_TOO_LONG);
    wanted.key_size = CHORD_KEY_SIZE_MAX;
    wanted.value = long_key;
    wanted.value_size = 1001;
    CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_VALUE_TOO_LONG);
    CU_ASSERT_EQUAL(log_.sent_count, 0);
    CU_ASSERT_EQUAL(client.outstanding_count, 0);
    CU_ASSERT_EQUAL(client.credits_free, 1000);
    wanted.value_size = 1000;
    CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_OK);
    wanted.key_size = 1;
    wanted.value_size = 0;
    CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_OK);
    end();
}

/* --- keys --- */

/* Two operations on one key are never under way at once; other keys with the same id are others. */
static void test_key_conflicts(void) {
    begin(8);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 1, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 17, 0), CHORD_OK); /* the same id on 4 bits, longer */
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 33, 0), CHORD_OK); /* as long as the last */
    for (int kind = 0; kind < CHORD_OPERATION_KIND_COUNT; kind++) {
        CU_ASSERT_EQUAL(submit((enum chord_operation_kind)kind, 1, 0), CHORD_BUSY);
        CU_ASSERT_EQUAL(submit((enum chord_operation_kind)kind, 17, 0), CHORD_BUSY);
        CU_ASSERT_EQUAL(submit((enum chord_operation_kind)kind, 33, 0), CHORD_BUSY);
    }
    CU_ASSERT_EQUAL(answer(log_.sent[1].seq, CHORD_INSERTED, 0), CHORD_OK); /* the middle of its bucket */
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 1, 0), CHORD_BUSY);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 33, 0), CHORD_BUSY);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 17, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_QUERY, 17, 0), CHORD_BUSY);
    end();
}

/* On a ring of few bits the keys under way must still fall into more than one bucket. */
static void test_buckets_on_short_ids(void) {
    static const unsigned widths[] = {4, 8, 16, 32, 64, 160};
    for (size_t width = 0; width < sizeof widths / sizeof widths[0]; width++) {
        begin(16);
        for (uint32_t key = 0; key < 16; key++) {
            struct chord_operation wanted = operation(CHORD_INSERT, key);
            wanted.key_id = chord_id_truncate(
                (struct chord_id){(uint64_t)key << 60 | chord_mix64(key) >> 4, chord_mix64(~key), 0},
                widths[width]);
            CU_ASSERT_EQUAL(chord_client_submit(&client, &wanted, 0), CHORD_OK);
        }
        uint32_t used = 0;
        for (uint32_t bucket = 0; bucket < client.span; bucket++) {
            used += client.by_key[bucket] != UINT32_MAX;
        }
        CU_ASSERT(used >= 6); /* 16 different ids in 64 buckets: 14 expected */
        if (used < 6) {
            printf("\n    id_bits %u: 16 different ids in %u of %u buckets", widths[width], used,
                   client.span);
        }
        end();
    }
}

/* --- retries --- */

static void test_retries(void) {
    begin(4);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 1, 30), CHORD_OK);
    const uint64_t seqs[] = {log_.sent[0].seq, log_.sent[1].seq};
    chord_client_tick(&client, 99);
    CU_ASSERT_EQUAL(log_.sent_count, 2);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 100);
    chord_client_tick(&client, 100);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 3);
    CU_ASSERT_EQUAL(log_.sent[2].seq, seqs[0]); /* the same request: the owner may have applied it */
    CU_ASSERT_EQUAL(log_.sent[2].key_size, 5);
    CU_ASSERT_EQUAL(memcmp(log_.sent[2].key, "key-0", 5), 0);
    CU_ASSERT_EQUAL(log_.sent[2].owner_hops, 0);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 130);
    chord_client_tick(&client, 130);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 4);
    CU_ASSERT_EQUAL(log_.sent[3].seq, seqs[1]);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 300); /* the next time after twice as long */
    /* The first is answered: the other's next repeat says so. */
    CU_ASSERT_EQUAL(answer(seqs[0], CHORD_INSERTED, 150), CHORD_OK);
    CU_ASSERT_EQUAL(log_.completed[0].retry_count, 1);
    CU_ASSERT(chord_client_deadline(&client) <= 330);
    chord_client_tick(&client, 329); /* may be asked early */
    CU_ASSERT_EQUAL(log_.sent_count, 4);
    chord_client_tick(&client, 500);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 5); /* once, however late */
    CU_ASSERT_EQUAL(log_.sent[4].seq, seqs[1]);
    CU_ASSERT_EQUAL(log_.sent[4].watermark, seqs[1]);
    CU_ASSERT_EQUAL(answer(seqs[1], CHORD_UPDATED, 501), CHORD_OK);
    CU_ASSERT_EQUAL(log_.completed[1].retry_count, 2);
    CU_ASSERT_EQUAL(client.retry_total, 3);
    chord_client_tick(&client, 10000);
    CU_ASSERT_EQUAL(log_.sent_count, 5);
    end();
}

static void test_backoff(void) {
    begin(4);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    const uint64_t seq = log_.sent[0].seq;
    CU_ASSERT_EQUAL(refuse(seq, 5), CHORD_OK);
    CU_ASSERT_EQUAL(log_.sent_count, 1); /* not at once */
    CU_ASSERT_EQUAL(log_.completed_count, 0);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 15);
    CU_ASSERT_EQUAL(refuse(seq, 8), CHORD_OK); /* a second one doesn't put it off */
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 15);
    chord_client_tick(&client, 14);
    CU_ASSERT_EQUAL(log_.sent_count, 1);
    chord_client_tick(&client, 15);
    CU_ASSERT_EQUAL_FATAL(log_.sent_count, 2);
    CU_ASSERT_EQUAL(log_.sent[1].seq, seq);
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 115);
    CU_ASSERT_EQUAL(refuse(seq, 114), CHORD_OK); /* its retry would come sooner than the backoff */
    CU_ASSERT_EQUAL(chord_client_deadline(&client), 115);
    chord_client_tick(&client, 115);
    CU_ASSERT_EQUAL(log_.sent_count, 3);
    CU_ASSERT_EQUAL(answer(seq, CHORD_INSERTED, 116), CHORD_OK);
    CU_ASSERT_EQUAL(log_.completed[0].retry_count, 2);
    CU_ASSERT_EQUAL(refuse(seq, 117), CHORD_STALE);
    CU_ASSERT_EQUAL(refuse(seq + 1, 117), CHORD_UNEXPECTED);
    end();
}

/* --- answers that come late, twice or for nobody --- */

static void test_answers_in_any_order(void) {
    begin(4);
    CU_ASSERT_EQUAL(answer(0, CHORD_INSERTED, 0), CHORD_UNEXPECTED); /* nothing was ever asked */
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 0, 0), CHORD_OK);
    CU_ASSERT_EQUAL(submit(CHORD_INSERT, 1, 0), CHORD_OK);
    const uint64_t first = log_.sent[0].seq;
    CU_ASSERT_EQUAL(log_.sent[1].seq, first + 1);
    CU_ASSERT_EQUAL(answer(first + 2, CHORD_INSERTED, 0), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(answer(first + client.span, CHORD_INSERTED, 0),
                    CHORD_UNEXPECTED); /* the same place, modulo span */
    CU_ASSERT_EQUAL(answer(UINT64_MAX, CHORD_INSERTED, 0), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(answer(first + 1, CHORD_INSERTED, 0), CHORD_OK);
    CU_ASSERT_EQUAL(answer(first + 1, CHORD_INSERTED, 0), CHORD_STALE); /* above the watermark, answered */
    CU_ASSERT_EQUAL(answer(first, CHORD_INSERTED, 0), CHORD_OK);
    CU_ASSERT_EQUAL(answer(first, CHORD_INSERTED, 0), CHORD_STALE); /* below the watermark */
    for (uint32_t key = 2; key < 2 + 3 * client.span; key++) {      /* so that the places are used again */
        CU_ASSERT_EQUAL(submit(CHORD_INSERT, key, 0), CHORD_OK);
        CU_ASSERT_EQUAL(answer(first, CHORD_INSERTED, 0), CHORD_STALE);
        CU_ASSERT_EQUAL(answer(first + key, CHORD_INSERTED, 0), CHORD_OK);
    }
    CU_ASSERT_EQUAL(log_.completed_count, 2 + 3 * client.span);
    end();
}

static void test_other_messages(void) {
    begin(1);
    for (int type = 0; type <= CHORD_MESSAGE_TYPE_COUNT; type++) {
        if (type == CHORD_MESSAGE_ANSWER || type == CHORD_MESSAGE_REFUSAL) {
            continue;
        }
        const struct chord_message message = {.type = (enum chord_message_type)type};
        CU_ASSERT_EQUAL(chord_client_receive(&client, &message, 0), CHORD_UNEXPECTED);
    }
    end();
}

/* The watermark is the lowest seq without an answer, whatever the order of the answers: against a set. */
static void test_watermark(void) {
    enum { OPERATIONS = 600 };
    static bool answered[OPERATIONS];
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        begin(8);
        memset(answered, 0, sizeof answered);
        const uint64_t base = client.seq_next;
        uint32_t issued = 0;
        uint32_t lowest = 0;
        uint32_t outstanding = 0;
        while (lowest < OPERATIONS) {
            if (issued < OPERATIONS && chord_prng_below(&prng, 2)) {
                const uint32_t sent_before = log_.sent_count;
                log_.sent_count = 0; /* keep the latest */
                const bool room = outstanding < 8 && issued - lowest < client.span;
                const enum chord_status status = submit(CHORD_INSERT, issued, 0);
                TALLY(&tally, status == (room ? CHORD_OK : CHORD_BUSY));
                if (status == CHORD_OK) {
                    TALLY(&tally,
                          log_.sent[0].seq == base + issued && log_.sent[0].watermark == base + lowest);
                    issued++;
                    outstanding++;
                }
                (void)sent_before;
            } else if (outstanding > 0) {
                const uint32_t which = lowest + (uint32_t)chord_prng_below(&prng, issued - lowest);
                const enum chord_status expected = answered[which] ? CHORD_STALE : CHORD_OK;
                TALLY(&tally, answer(base + which, CHORD_INSERTED, 0) == expected);
                outstanding -= !answered[which];
                answered[which] = true;
                while (lowest < issued && answered[lowest]) {
                    lowest++;
                }
                TALLY(&tally, client.watermark == base + lowest && client.outstanding_count == outstanding);
            }
        }
        end();
    }
    TALLY_ASSERT(&tally, 10000);
}

/* --- no memory --- */

static void test_no_memory(void) {
    begin(4);
    chord_client_clear(&client);
    const uint64_t calls = counting.calls;
    for (uint64_t n = 1; n <= calls; n++) {
        struct counting failing;
        counting_init(&failing);
        failing.fail_at = n;
        const struct chord_environment poor = {
            .config = &config, .sink = &sink, .allocator = &failing.allocator};
        struct chord_client other;
        CU_ASSERT_EQUAL(chord_client_init(&other, &poor, RANK), CHORD_NO_MEMORY);
        CU_ASSERT_EQUAL(failing.blocks_live, 0);
    }
    CU_ASSERT(calls >= 1);
    CU_ASSERT_EQUAL_FATAL(chord_client_init(&client, &environment, RANK), CHORD_OK);
    const uint64_t after = counting.calls;
    for (uint32_t key = 0; key < 4; key++) { /* nothing is allocated on the way */
        CU_ASSERT_EQUAL(submit(CHORD_INSERT, key, 0), CHORD_OK);
    }
    CU_ASSERT_EQUAL(counting.calls, after);
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"one operation: what is sent and what comes back", test_one_operation},
        {"outcomes that don't fit the kind are refused", test_outcomes_that_fit},
        {"the window", test_window},
        {"the span", test_span},
        {"what an operation costs", test_cost},
        {"credits", test_credits},
        {"sizes that are refused", test_sizes},
        {"one key is never under way twice", test_key_conflicts},
        {"short ids fall into different buckets", test_buckets_on_short_ids},
        {"retries keep their seq", test_retries},
        {"backoff after a refusal", test_backoff},
        {"answers in any order, late and for nobody", test_answers_in_any_order},
        {"messages that aren't for a client", test_other_messages},
        {"the watermark against a set", test_watermark},
        {"no memory", test_no_memory},
    };
    return UNIT_RUN("client", tests);
}
