/* chord/ring/cache: random operations against a model that keeps a bit for each id of a small ring; and each rule by itself. */
#include "chord/ring/cache.h"
#include "tests/unit/core_fixture.h"

#define BITS 5u
#define IDS (1u << BITS)
#define SLOTS_MAX 40u
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static struct counting counting;
static struct chord_cache cache;

static void begin(uint32_t capacity) {
    counting_init(&counting);
    CU_ASSERT_EQUAL_FATAL(chord_cache_init(&cache, &counting.allocator, capacity), CHORD_OK);
}

static void end(void) {
    chord_cache_clear(&cache, &counting.allocator);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

static struct chord_id id(uint32_t number) {
    return id_of_number(number % IDS, BITS);
}

/* "Since epoch, node `owner`, one of the two of rank owner / 2, owns (start, owner]." */
static struct chord_claim claim_of(uint32_t start, uint32_t owner, uint32_t epoch) {
    return (struct chord_claim){.owner = {.id = id(owner), .address = {owner / 2, owner % 2}, .incarnation = epoch / 4 + 1},
                                .start = id(start),
                                .epoch = epoch};
}

static void learn(uint32_t start, uint32_t owner, uint32_t epoch) {
    const struct chord_claim claim = claim_of(start, owner, epoch);
    chord_cache_learn(&cache, &claim);
}

/* The owner that the cache names, or IDS. */
static uint32_t named(uint32_t number) {
    const struct chord_claim *claim = chord_cache_find(&cache, id(number));
    for (uint32_t owner = 0; claim != NULL && owner < IDS; owner++) {
        if (chord_id_equal(claim->owner.id, id(owner))) {
            return owner;
        }
    }
    return IDS;
}

/* --- the model: what each slot of the clock holds, as a set of ids --- */

struct model_slot {
    uint32_t ids; /* a bit an id; 0: nothing */
    uint32_t owner;
    uint32_t epoch;
    bool was_found;
};

struct model {
    struct model_slot slots[SLOTS_MAX];
    uint32_t capacity;
    uint32_t hand;
};

static uint32_t ids_of(uint32_t start, uint32_t owner) {
    uint32_t ids = 0;
    uint32_t number = start;
    do {
        number = (number + 1) % IDS;
        ids |= UINT32_C(1) << number;
    } while (number != owner);
    return ids;
}

static void model_learn(struct model *model, uint32_t start, uint32_t owner, uint32_t epoch) {
    const uint32_t ids = ids_of(start, owner);
    uint32_t used = 0;
    for (uint32_t i = 0; i < model->capacity; i++) {
        const struct model_slot *slot = &model->slots[i];
        const bool grows = slot->owner == owner && slot->epoch == epoch && ids != slot->ids && (slot->ids & ~ids) == 0;
        if ((slot->ids & ids) != 0 && slot->epoch >= epoch && !grows) {
            return;
        }
    }
    for (uint32_t i = 0; i < model->capacity; i++) {
        if ((model->slots[i].ids & ids) != 0) {
            model->slots[i].ids = 0;
        }
        used += model->slots[i].ids != 0;
    }
    const bool is_full = used == model->capacity;
    for (;; model->hand = (model->hand + 1) % model->capacity) {
        struct model_slot *slot = &model->slots[model->hand];
        if (slot->ids == 0 || (is_full && !slot->was_found)) {
            *slot = (struct model_slot){.ids = ids, .owner = owner, .epoch = epoch};
            model->hand = (model->hand + 1) % model->capacity;
            return;
        }
        slot->was_found = slot->was_found && !is_full;
    }
}

static uint32_t model_find(struct model *model, uint32_t number) {
    for (uint32_t i = 0; i < model->capacity; i++) {
        if ((model->slots[i].ids >> number & 1) != 0) {
            model->slots[i].was_found = true;
            return model->slots[i].owner;
        }
    }
    return IDS;
}

static void compare(struct tally *tally, const struct model *model) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < model->capacity; i++) {
        const struct model_slot *expected = &model->slots[i];
        const struct chord_cache_slot *slot = &cache.slots[i];
        TALLY(tally, slot->is_used == (expected->ids != 0));
        if (expected->ids != 0) {
            TALLY(tally, chord_id_equal(slot->claim.owner.id, id(expected->owner)) &&
                             slot->claim.epoch == expected->epoch && slot->was_found == expected->was_found);
            used++;
        }
    }
    TALLY(tally, cache.entry_count == used);
    for (uint32_t i = 1; i < cache.entry_count; i++) {
        TALLY(tally, chord_id_compare(cache.slots[cache.order[i - 1]].claim.owner.id,
                                      cache.slots[cache.order[i]].claim.owner.id) < 0);
    }
}

static void test_random_operations(void) {
    static const uint32_t capacities[] = {1, 2, 3, 5, 8, 40};
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 0);
        struct model model = {.capacity = capacities[seed % LENGTH(capacities)]};
        begin(model.capacity);
        for (uint32_t step = 0; step < 400; step++) {
            const uint32_t number = (uint32_t)chord_prng_below(&prng, IDS);
            /* Mostly short ranges, so that many fit beside each other; now and then any, the whole ring included. */
            const uint32_t width = 1 + (uint32_t)chord_prng_below(&prng, chord_prng_below(&prng, 4) == 0 ? IDS : 4);
            const uint32_t start = (number + IDS - width) % IDS;
            const uint32_t epoch = (uint32_t)chord_prng_below(&prng, 4) + step / 40;
            const struct chord_member member = claim_of(start, number, epoch).owner;
            switch (chord_prng_below(&prng, 12)) {
            case 0:
                chord_cache_forget(&cache, &member);
                for (uint32_t i = 0; i < model.capacity; i++) {
                    struct model_slot *slot = &model.slots[i];
                    slot->ids = slot->owner == number && slot->epoch / 4 + 1 <= member.incarnation ? 0 : slot->ids;
                }
                break;
            case 1:
                chord_cache_forget_rank(&cache, number / 2);
                for (uint32_t i = 0; i < model.capacity; i++) {
                    model.slots[i].ids = model.slots[i].owner / 2 == number / 2 ? 0 : model.slots[i].ids;
                }
                break;
            case 2:
            case 3:
            case 4:
            case 5:
                TALLY(&tally, named(number) == model_find(&model, number));
                break;
            default:
                learn(start, number, epoch);
                if (epoch > 0) {
                    model_learn(&model, start, number, epoch);
                }
                break;
            }
            compare(&tally, &model);
        }
        end();
    }
    TALLY_ASSERT(&tally, 300 * 400 * 3);
}

/* --- the rules, one by one --- */

static void test_ranges_and_their_ends(void) {
    begin(8);
    CU_ASSERT_EQUAL(named(0), IDS);
    learn(4, 8, 1);
    learn(28, 2, 1); /* around zero */
    learn(8, 12, 1); /* begins where the first ends */
    static const struct {
        uint32_t id;
        uint32_t owner;
    } found[] = {{4, IDS}, {5, 8}, {8, 8}, {9, 12}, {12, 12}, {13, IDS}, {28, IDS}, {29, 2}, {31, 2}, {0, 2}, {2, 2}, {3, IDS}};
    for (size_t i = 0; i < LENGTH(found); i++) {
        CU_ASSERT_EQUAL(named(found[i].id), found[i].owner);
    }
    end();
    begin(1);
    learn(7, 7, 1); /* alone in the ring */
    for (uint32_t number = 0; number < IDS; number++) {
        CU_ASSERT_EQUAL(named(number), 7);
    }
    end();
}

static void test_the_newer_is_right(void) {
    begin(8);
    learn(0, 4, 3);
    learn(4, 8, 5);
    learn(8, 12, 3);
    learn(0, 12, 4); /* the middle one knows better */
    CU_ASSERT_EQUAL(cache.entry_count, 3);
    CU_ASSERT_EQUAL(cache.counters.replaced, 0);
    learn(2, 10, 6); /* node 10 has come, node 8 has left */
    CU_ASSERT_EQUAL(cache.entry_count, 1);
    CU_ASSERT_EQUAL(cache.counters.replaced, 3);
    CU_ASSERT_EQUAL(named(2), IDS);
    CU_ASSERT_EQUAL(named(8), 10);
    CU_ASSERT_EQUAL(named(11), IDS);
    learn(1, 10, 6); /* the same owner's range has grown within the epoch, */
    CU_ASSERT_EQUAL(named(2), 10);
    learn(3, 10, 6); /* and this one is older news; */
    CU_ASSERT_EQUAL(named(2), 10);
    learn(8, 11, 6); /* of one epoch what was heard first stays */
    CU_ASSERT_EQUAL(named(9), 10);
    CU_ASSERT_EQUAL(named(11), IDS);
    learn(12, 20, 0); /* claims nothing */
    CU_ASSERT_EQUAL(cache.entry_count, 1);
    end();
}

static void test_what_was_found_stays(void) {
    begin(3);
    learn(0, 1, 1);
    learn(2, 3, 1);
    learn(4, 5, 1);
    CU_ASSERT_EQUAL(named(1), 1);
    learn(6, 7, 1); /* in the place of the first that wasn't found */
    CU_ASSERT_EQUAL(cache.counters.evicted, 1);
    CU_ASSERT_EQUAL(named(3), IDS);
    CU_ASSERT_EQUAL(named(1), 1);
    CU_ASSERT_EQUAL(named(5), 5);
    CU_ASSERT_EQUAL(named(7), 7);
    learn(8, 9, 1); /* all were found: the one that the hand comes to first has had its second chance */
    CU_ASSERT_EQUAL(cache.counters.evicted, 2);
    CU_ASSERT_EQUAL(cache.entry_count, 3);
    CU_ASSERT_EQUAL(named(9), 9);
    end();
}

static void test_forgetting(void) {
    begin(8);
    learn(0, 4, 4);  /* incarnation 2 of node 4 on rank 2 */
    learn(4, 5, 1);  /* node 5, on rank 2, too */
    learn(5, 9, 1);
    struct chord_member member = claim_of(0, 4, 1).owner; /* its first incarnation has left: that's known */
    chord_cache_forget(&cache, &member);
    CU_ASSERT_EQUAL(named(4), 4);
    member.incarnation = 2;
    chord_cache_forget(&cache, &member);
    CU_ASSERT_EQUAL(named(4), IDS);
    member.id = id(20); /* unknown, and behind all others */
    chord_cache_forget(&cache, &member);
    CU_ASSERT_EQUAL(cache.entry_count, 2);
    chord_cache_forget_rank(&cache, 2);
    CU_ASSERT_EQUAL(named(5), IDS);
    CU_ASSERT_EQUAL(named(9), 9);
    CU_ASSERT_EQUAL(cache.counters.forgotten, 2);
    end();
}

static void test_memory(void) {
    for (uint64_t fail_at = 1; fail_at <= 2; fail_at++) {
        counting_init(&counting);
        counting.fail_at = fail_at;
        CU_ASSERT_EQUAL(chord_cache_init(&cache, &counting.allocator, 4), CHORD_NO_MEMORY);
        CU_ASSERT_EQUAL(counting.blocks_live, 0);
    }
    begin(CHORD_CACHE_ENTRIES_MAX);
    const uint64_t calls = counting.calls;
    for (uint32_t number = 0; number < IDS; number++) {
        learn(number, number + 1, 1);
    }
    CU_ASSERT_EQUAL(cache.entry_count, IDS);
    CU_ASSERT_EQUAL(counting.calls, calls);
    end();
}

static void test_counters(void) {
    const struct chord_cache_counters first = {1, 2, 3, 4, 5, 6, 7};
    const struct chord_cache_counters second = {10, 20, 30, 40, 50, 60, 70};
    const struct chord_cache_counters sum = {11, 22, 33, 44, 55, 66, 77};
    struct chord_cache_counters counters = first;
    chord_cache_counters_add(&counters, &second);
    CU_ASSERT_EQUAL(memcmp(&counters, &sum, sizeof sum), 0);
    chord_cache_counters_subtract(&counters, &first);
    CU_ASSERT_EQUAL(memcmp(&counters, &second, sizeof second), 0);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"random operations against a model", test_random_operations},
        {"ranges, their ends, and zero", test_ranges_and_their_ends},
        {"of two that overlap the newer is right", test_the_newer_is_right},
        {"the clock: what was found stays", test_what_was_found_stays},
        {"nodes that have left, ranks that are out", test_forgetting},
        {"memory is taken once", test_memory},
        {"counters of several ranks, and of a part of the time", test_counters},
    };
    return UNIT_RUN("cache", tests);
}
