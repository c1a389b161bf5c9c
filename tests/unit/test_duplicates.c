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

int main(void) {
    static const struct unit_test tests[] = {
        {"random adds of several clients against a model", test_against_model},
        {"records below the watermark are cut, the one at it stays", test_cut_at_the_watermark},
        {"memory is bounded by the window", test_memory_is_bounded_by_the_window},
        {"no memory at every call", test_no_memory_at_every_call},
        {"programmer errors are caught", test_programmer_errors},
    };
    return UNIT_RUN("duplicates", tests);
}
