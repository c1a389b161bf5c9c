/* chord/chain/duplicates against a simple model: per client the set of recorded seqs and a watermark (rule
 * M7). */
#include "tests/unit/core_fixture.h"

#include "chord/chain/duplicates.h"

#define CLIENTS 5u
#define SEQS 4096u

/* Ranks in no order, with the extremes: the records are kept by rank. */
static const uint32_t ranks[CLIENTS] = {7, 0, UINT32_MAX, 1000, 1};
static const uint32_t unknown_rank = 8;

struct model_client {
    uint64_t base;      /* seqs are base + 0.. SEQS - 1 */
    uint32_t watermark; /* all relative to base */
    uint32_t next;
    bool recorded[SEQS];
};

static struct model_client model[CLIENTS];

static void model_init(void) {
    memset(model, 0, sizeof model);
    model[2].base = UINT64_MAX - SEQS; /* seqs at the top of their range */
    model[3].base = (UINT64_C(1) << 32) - 100;
}

/* A record whose fields follow from who and which, so that a mix-up shows. */
static struct chord_duplicate record_of(uint32_t client, uint32_t seq) {
    const uint64_t mixed = chord_mix64((uint64_t)client << 32 | seq);
    return (struct chord_duplicate){.seq = model[client].base + seq,
                                    .version = {(uint32_t)mixed, mixed},
                                    .key_id = {mixed, ~mixed, (uint32_t)mixed},
                                    .outcome = (enum chord_outcome)(mixed % CHORD_OUTCOME_COUNT)};
}

static bool same_record(const struct chord_duplicate *a, struct chord_duplicate b) {
    return a->seq == b.seq && chord_version_compare(a->version, b.version) == 0 &&
           chord_id_equal(a->key_id, b.key_id) && a->outcome == b.outcome;
}

static void check_seq(struct tally *tally, struct chord_duplicates *duplicates, uint32_t client,
                      uint32_t seq) {
    const struct chord_duplicate *found =
        chord_duplicates_find(duplicates, ranks[client], model[client].base + seq);
    if (model[client].recorded[seq]) {
        TALLY(tally, found != NULL && same_record(found, record_of(client, seq)));
    } else {
        TALLY(tally, found == NULL);
    }
}

static void check_all(struct tally *tally, struct chord_duplicates *duplicates) {
    uint64_t count = 0;
    for (uint32_t client = 0; client < CLIENTS; client++) {
        for (uint32_t seq = 0; seq < SEQS; seq++) {
            count += model[client].recorded[seq];
        }
        const uint32_t from = model[client].watermark > 10 ? model[client].watermark - 10 : 0;
        for (uint32_t seq = from; seq < SEQS && seq < model[client].next + 10; seq++) {
            check_seq(tally, duplicates, client, seq);
        }
        const uint64_t watermark =
            model[client].watermark == 0 ? 0 : model[client].base + model[client].watermark;
        TALLY(tally, chord_duplicates_watermark(duplicates, ranks[client]) == watermark);
    }
    TALLY(tally, chord_duplicates_count(duplicates) == count);
    TALLY(tally, chord_duplicates_watermark(duplicates, unknown_rank) == 0);
    TALLY(tally, chord_duplicates_find(duplicates, unknown_rank, 0) == NULL);
}

/* An add as a client would cause it: mostly the next seq, sometimes one that others overtook; the watermark
 * trails. */
struct step {
    uint32_t client;
    uint32_t seq;
    uint32_t watermark;
};

static bool choose(struct chord_prng *prng, struct step *step) {
    step->client = (uint32_t)chord_prng_below(prng, CLIENTS);
    const struct model_client *client = &model[step->client];
    step->seq = client->next + (uint32_t)chord_prng_below(prng, 3);
    if (chord_prng_below(prng, 3) == 0 && client->next > client->watermark) { /* an older one */
        step->seq = client->watermark + (uint32_t)chord_prng_below(prng, client->next - client->watermark);
    }
    if (step->seq >= SEQS || client->recorded[step->seq]) {
        return false;
    }
    step->watermark =
        (uint32_t)chord_prng_below(prng, step->seq + 1u); /* often below the known one: changes nothing */
    const uint32_t window = chord_prng_below(prng, 50) == 0 ? 0 : 40;
    if (step->seq > window && chord_prng_below(prng, 2)) {
        step->watermark = step->seq - window;
    }
    return true;
}

static void apply_cut(const struct step *step) {
    struct model_client *client = &model[step->client];
    if (step->watermark > client->watermark) {
        for (uint32_t seq = client->watermark; seq < step->watermark; seq++) {
            client->recorded[seq] = false;
        }
        client->watermark = step->watermark;
    }
}

static void apply(const struct step *step) {
    struct model_client *client = &model[step->client];
    apply_cut(step);
    client->recorded[step->seq] = true;
    client->next = step->seq >= client->next ? step->seq + 1 : client->next;
}

static enum chord_status add(struct chord_duplicates *duplicates, const struct step *step) {
    const uint64_t base = model[step->client].base;
    return chord_duplicates_add(duplicates, ranks[step->client],
                                step->watermark == 0 ? 0 : base + step->watermark,
                                record_of(step->client, step->seq));
}

static void test_against_model(void) {
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        struct counting counting;
        counting_init(&counting);
        struct chord_duplicates duplicates;
        chord_duplicates_init(&duplicates, &counting.allocator);
        model_init();
        check_all(&tally, &duplicates);
        for (unsigned round = 0; round < 8000; round++) {
            struct step step;
            if (!choose(&prng, &step)) {
                continue;
            }
            TALLY(&tally, add(&duplicates, &step) == CHORD_OK);
            apply(&step);
            check_seq(&tally, &duplicates, step.client, step.seq);
            if (round % 40 == 0) {
                check_all(&tally, &duplicates);
            }
        }
        check_all(&tally, &duplicates);
        CU_ASSERT(duplicates.client_count == CLIENTS);
        chord_duplicates_clear(&duplicates);
        CU_ASSERT_EQUAL(counting.blocks_live, 0);
        model_init();
        check_all(&tally, &duplicates); /* empty, and usable again */
        const struct step step = {.client = 1, .seq = 3, .watermark = 2};
        TALLY(&tally, add(&duplicates, &step) == CHORD_OK);
        apply(&step);
        check_all(&tally, &duplicates);
        chord_duplicates_clear(&duplicates);
        CU_ASSERT_EQUAL(counting.blocks_live, 0);
    }
    TALLY_ASSERT(&tally, 100000);
}

/* The watermark is the first seq that stays. */
static void test_cut_at_the_watermark(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_duplicates duplicates;
    chord_duplicates_init(&duplicates, &counting.allocator);
    model_init();
    for (uint32_t seq = 0; seq < 20; seq++) {
        const struct step step = {.client = 0, .seq = seq};
        CU_ASSERT_EQUAL(add(&duplicates, &step), CHORD_OK);
    }
    CU_ASSERT_EQUAL(chord_duplicates_count(&duplicates), 20);
    const struct step step = {.client = 0, .seq = 20, .watermark = 15};
    CU_ASSERT_EQUAL(add(&duplicates, &step), CHORD_OK);
    CU_ASSERT_EQUAL(chord_duplicates_count(&duplicates), 6);
    CU_ASSERT_PTR_NULL(chord_duplicates_find(&duplicates, ranks[0], 14));
    CU_ASSERT_PTR_NOT_NULL(chord_duplicates_find(&duplicates, ranks[0], 15));
    const struct step last = {.client = 0, .seq = 30, .watermark = 30}; /* its own seq is not below it */
    CU_ASSERT_EQUAL(add(&duplicates, &last), CHORD_OK);
    CU_ASSERT_EQUAL(chord_duplicates_count(&duplicates), 1);
    CU_ASSERT_PTR_NOT_NULL(chord_duplicates_find(&duplicates, ranks[0], 30));
    chord_duplicates_clear(&duplicates);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* A window that moves on for ever needs no more memory than the window. */
static void test_memory_is_bounded_by_the_window(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_duplicates duplicates;
    chord_duplicates_init(&duplicates, &counting.allocator);
    int64_t bytes = 0;
    for (uint64_t seq = 0; seq < 100000; seq++) {
        const uint64_t watermark = seq < 64 ? 0 : seq - 64;
        CU_ASSERT_EQUAL_FATAL(
            chord_duplicates_add(&duplicates, 3, watermark, (struct chord_duplicate){.seq = seq}), CHORD_OK);
        bytes = seq == 1000 ? counting.bytes_live : bytes;
    }
    CU_ASSERT_EQUAL(chord_duplicates_count(&duplicates), 65);
    CU_ASSERT_EQUAL(counting.bytes_live, bytes);
    chord_duplicates_clear(&duplicates);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* The n-th allocation fails, for every n: no record was added, none that must stay was lost, and the add can
 * be made again. */
static void test_no_memory_at_every_call(void) {
    struct tally tally = {0};
    bool failed_once = true;
    for (uint64_t n = 1; failed_once; n++) {
        struct chord_prng prng = chord_prng_seeded(77, 0);
        struct counting counting;
        counting_init(&counting);
        counting.fail_at = n;
        failed_once = false;
        struct chord_duplicates duplicates;
        chord_duplicates_init(&duplicates, &counting.allocator);
        model_init();
        for (unsigned round = 0; round < 600; round++) {
            struct step step;
            if (!choose(&prng, &step)) {
                continue;
            }
            const uint64_t calls_before = counting.calls;
            const enum chord_status status = add(&duplicates, &step);
            const bool fails = calls_before < n && n <= counting.calls;
            TALLY(&tally, status == (fails ? CHORD_NO_MEMORY : CHORD_OK));
            if (status == CHORD_NO_MEMORY) {
                failed_once = true;
                for (uint32_t seq = step.watermark; seq < model[step.client].next + 3 && seq < SEQS; seq++) {
                    if (seq >= model[step.client].watermark) {
                        check_seq(&tally, &duplicates, step.client, seq);
                    }
                }
                TALLY(&tally, add(&duplicates, &step) == CHORD_OK);
            }
            apply(&step);
        }
        check_all(&tally, &duplicates);
        chord_duplicates_clear(&duplicates);
        TALLY(&tally, counting.blocks_live == 0 && counting.bytes_live == 0);
        TALLY(&tally, failed_once || n > 10);
    }
    TALLY_ASSERT(&tally, 10000);
}

/* A write that is recorded already or lies below the watermark must never come this far. */
static void test_programmer_errors(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_duplicates duplicates;
    chord_duplicates_init(&duplicates, &counting.allocator);
    CU_ASSERT_EQUAL(chord_duplicates_add(&duplicates, 0, 5, (struct chord_duplicate){.seq = 7}), CHORD_OK);
    volatile bool trapped;
    volatile enum chord_status status = CHORD_OK;
    TRAP(trapped, status = chord_duplicates_add(&duplicates, 0, 0, (struct chord_duplicate){.seq = 4}));
    CU_ASSERT_TRUE(trapped);
    TRAP(trapped, status = chord_duplicates_add(&duplicates, 0, 9, (struct chord_duplicate){.seq = 8}));
    CU_ASSERT_TRUE(trapped);
    TRAP(trapped, status = chord_duplicates_add(&duplicates, 0, 5, (struct chord_duplicate){.seq = 7}));
    CU_ASSERT_TRUE(trapped);
    CU_ASSERT_EQUAL(status, CHORD_OK);
    chord_duplicates_clear(&duplicates);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* --- arcs that split and merge --- */

static struct chord_id id_of_seq(uint64_t seq) {
    return id_of_number(chord_mix64(seq) % 16, 4);
}

/* Random records and watermarks of some clients. */
static void fill(struct tally *tally, struct chord_prng *prng, struct chord_duplicates *duplicates) {
    for (unsigned i = 0; i < 60; i++) {
        const uint32_t client = (uint32_t)chord_prng_below(prng, 4) * 3;
        const uint64_t watermark = chord_duplicates_watermark(duplicates, client);
        const uint64_t seq = watermark + chord_prng_below(prng, 40);
        if (chord_prng_below(prng, 12) == 0) {
            TALLY(tally, chord_duplicates_raise(duplicates, client, seq) == CHORD_OK);
        } else if (chord_duplicates_find(duplicates, client, seq) == NULL) {
            const struct chord_duplicate record = {
                .seq = seq, .version = {1, seq}, .key_id = id_of_seq(seq), .outcome = CHORD_DELETED};
            TALLY(tally, chord_duplicates_add(duplicates, client, 0, record) == CHORD_OK);
        }
    }
}

static void test_raise(void) {
    struct tally tally = {0};
    struct counting counting;
    counting_init(&counting);
    struct chord_duplicates duplicates;
    chord_duplicates_init(&duplicates, &counting.allocator);
    counting.fail_at = 1;
    CU_ASSERT_EQUAL(chord_duplicates_raise(&duplicates, 9, 4), CHORD_NO_MEMORY);
    CU_ASSERT_EQUAL(duplicates.client_count, 0);
    CU_ASSERT_EQUAL(chord_duplicates_raise(&duplicates, 9, 4), CHORD_OK); /* needs no record */
    CU_ASSERT_EQUAL(chord_duplicates_watermark(&duplicates, 9), 4);
    CU_ASSERT_EQUAL(chord_duplicates_raise(&duplicates, 9, 3), CHORD_OK); /* never falls */
    CU_ASSERT_EQUAL(chord_duplicates_watermark(&duplicates, 9), 4);
    for (uint64_t seq = 4; seq < 30; seq++) {
        CU_ASSERT_EQUAL(chord_duplicates_add(&duplicates, 9, 0, (struct chord_duplicate){.seq = seq}), CHORD_OK);
    }
    for (uint64_t watermark = 4; watermark < 40; watermark++) {
        TALLY(&tally, chord_duplicates_raise(&duplicates, 9, watermark) == CHORD_OK);
        TALLY(&tally, chord_duplicates_count(&duplicates) == (watermark < 30 ? 30 - watermark : 0));
        TALLY(&tally, chord_duplicates_find(&duplicates, 9, watermark - 1) == NULL);
        TALLY(&tally, (chord_duplicates_find(&duplicates, 9, watermark) != NULL) == (watermark < 30));
    }
    chord_duplicates_clear(&duplicates);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
    TALLY_ASSERT(&tally, 100);
}

/* M7: the halves of a split arc have every client's watermark, and each the records of its own keys; merged, the larger
 * watermark counts and what is below it is gone. With the n-th allocation failing, too. */
static void test_copy_and_merge(void) {
    struct tally tally = {0};
    uint64_t failures = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 3);
        struct counting counting;
        counting_init(&counting);
        struct chord_duplicates whole;
        struct chord_duplicates half[2];
        chord_duplicates_init(&whole, &counting.allocator);
        chord_duplicates_init(&half[0], &counting.allocator);
        chord_duplicates_init(&half[1], &counting.allocator);
        fill(&tally, &prng, &whole);
        const uint64_t count = chord_duplicates_count(&whole);
        const struct chord_id a = id_of_number(seed % 16, 4);
        const struct chord_id b = id_of_number((seed + 1 + seed / 16 % 15) % 16, 4);
        for (int h = 0; h < 2; h++) {
            const struct chord_id start = h == 0 ? a : b;
            const struct chord_id stop = h == 0 ? b : a;
            counting.fail_at = counting.calls + 1 + chord_prng_below(&prng, 12);
            enum chord_status status = chord_duplicates_copy(&whole, start, stop, &half[h]);
            TALLY(&tally, status == (counting.calls >= counting.fail_at ? CHORD_NO_MEMORY : CHORD_OK));
            if (status != CHORD_OK) {
                failures++;
                TALLY(&tally, half[h].client_count == 0);
                counting.fail_at = 0;
                status = chord_duplicates_copy(&whole, start, stop, &half[h]);
            }
            counting.fail_at = 0;
            TALLY(&tally, status == CHORD_OK && chord_duplicates_count(&whole) == count);
            for (uint32_t client = 0; client <= 9; client += 3) {
                TALLY(&tally, chord_duplicates_watermark(&half[h], client) ==
                                  chord_duplicates_watermark(&whole, client));
                for (uint64_t seq = 0; seq < 400; seq++) {
                    const struct chord_duplicate *record = chord_duplicates_find(&whole, client, seq);
                    const struct chord_duplicate *copy = chord_duplicates_find(&half[h], client, seq);
                    TALLY(&tally, (copy != NULL) ==
                                      (record != NULL && chord_id_in_open_closed(start, id_of_seq(seq), stop)));
                    TALLY(&tally, copy == NULL || same_record(copy, *record));
                }
            }
        }
        TALLY(&tally, chord_duplicates_count(&half[0]) + chord_duplicates_count(&half[1]) == count);
        /* The halves live on by themselves. */
        struct chord_duplicates later[2];
        for (int h = 0; h < 2; h++) {
            for (uint32_t client = 0; client <= 9; client += 3) {
                if (chord_prng_below(&prng, 2)) {
                    TALLY(&tally, chord_duplicates_raise(&half[h], client,
                                                         chord_duplicates_watermark(&half[h], client) +
                                                             chord_prng_below(&prng, 30)) == CHORD_OK);
                }
            }
            chord_duplicates_init(&later[h], &counting.allocator);
            TALLY(&tally, chord_duplicates_copy(&half[h], a, a, &later[h]) == CHORD_OK);
        }
        counting.fail_at = counting.calls + 1 + chord_prng_below(&prng, 8);
        enum chord_status status = chord_duplicates_merge(&half[0], &half[1]);
        if (status != CHORD_OK) {
            failures++;
            counting.fail_at = 0;
            status = chord_duplicates_merge(&half[0], &half[1]); /* may be repeated */
        }
        counting.fail_at = 0;
        TALLY(&tally, status == CHORD_OK);
        for (uint32_t client = 0; client <= 9; client += 3) {
            const uint64_t first = chord_duplicates_watermark(&later[0], client);
            const uint64_t second = chord_duplicates_watermark(&later[1], client);
            const uint64_t watermark = first > second ? first : second;
            TALLY(&tally, chord_duplicates_watermark(&half[0], client) == watermark);
            for (uint64_t seq = 0; seq < 400; seq++) {
                const bool was = chord_duplicates_find(&later[0], client, seq) != NULL ||
                                 chord_duplicates_find(&later[1], client, seq) != NULL;
                TALLY(&tally, (chord_duplicates_find(&half[0], client, seq) != NULL) == (was && seq >= watermark));
            }
        }
        chord_duplicates_clear(&whole);
        for (int h = 0; h < 2; h++) {
            chord_duplicates_clear(&half[h]);
            chord_duplicates_clear(&later[h]);
        }
        TALLY(&tally, counting.blocks_live == 0);
    }
    CU_ASSERT(failures > 200);
    TALLY_ASSERT(&tally, 1000000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"random adds of several clients against a model", test_against_model},
        {"records below the watermark are cut, the one at it stays", test_cut_at_the_watermark},
        {"memory is bounded by the window", test_memory_is_bounded_by_the_window},
        {"no memory at every call", test_no_memory_at_every_call},
        {"programmer errors are caught", test_programmer_errors},
        {"a watermark is raised, with and without records", test_raise},
        {"copies for the halves of an arc, merged again", test_copy_and_merge},
    };
    return UNIT_RUN("duplicates", tests);
}
