/* chord/chain/store against a simple model. Ids collide on purpose: on a 4-bit ring 1,000 keys share 16 ids,
 * and two keys are the same only if their bytes are. */
#include "tests/unit/core_fixture.h"

#include "chord/base/digest.h"
#include "chord/chain/store.h"

#define KEY_COUNT 1000u
#define VALUE_MAX 300u
#define MIB (1024u * 1024u)

/* --- the model: an array --- */

struct pair {
    unsigned char key[24];
    uint32_t key_size;
    struct chord_id id;
    bool present;
    unsigned char value[VALUE_MAX];
    uint32_t value_size;
    struct chord_version version;
};

static struct pair pairs[KEY_COUNT];

static struct chord_id id_of_key(const unsigned char *key, uint32_t size, unsigned id_bits) {
    const uint64_t digest = chord_digest64(key, size);
    return chord_id_truncate((struct chord_id){digest, chord_mix64(digest), (uint32_t)digest}, id_bits);
}

/* Keys of 1 to 24 bytes; some are prefixes of others, some differ in the last byte alone. */
static void make_pairs(struct chord_prng *prng, unsigned id_bits) {
    memset(pairs, 0, sizeof pairs);
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        struct pair *pair = &pairs[i];
        pair->key_size =
            (uint32_t)snprintf((char *)pair->key, sizeof pair->key, "%u%s", i, i % 3 ? "" : "-key");
        pair->key[pair->key_size] = 'x'; /* not NUL: a store that reads texts would be caught */
        pair->id = id_of_key(pair->key, pair->key_size, id_bits);
    }
    (void)prng;
}

static void change_value(struct chord_prng *prng, struct pair *pair) {
    static const uint32_t sizes[] = {0, 1, 7, 64, 65, VALUE_MAX};
    pair->value_size = sizes[chord_prng_below(prng, 6)];
    for (uint32_t i = 0; i < pair->value_size; i++) {
        pair->value[i] = (unsigned char)chord_prng_next(prng);
    }
    pair->version.epoch = 1 + (uint32_t)chord_prng_below(prng, 3);
    pair->version.counter++;
}

static enum chord_status put(struct chord_store *store, const struct pair *pair) {
    return chord_store_put(store, pair->id, pair->key, pair->key_size, pair->value, pair->value_size,
                           pair->version);
}

static bool is_right(const struct chord_store *store, const struct pair *pair) {
    const struct chord_entry *entry = chord_store_find(store, pair->id, pair->key, pair->key_size);
    if (entry == NULL || !pair->present) {
        return (entry == NULL) == !pair->present;
    }
    return entry->key_size == pair->key_size && memcmp(entry->bytes, pair->key, pair->key_size) == 0 &&
           chord_id_equal(chord_entry_id(entry), pair->id) && entry->value_size == pair->value_size &&
           entry->value_capacity >= entry->value_size &&
           memcmp(chord_entry_value(entry), pair->value, pair->value_size) == 0 &&
           chord_version_compare(chord_entry_version(entry), pair->version) == 0;
}

/* Every key as the model has it, and a walk that meets each pair once and nothing else. */
static void check_all(struct tally *tally, const struct chord_store *store, uint32_t pair_count) {
    size_t present = 0;
    size_t bytes = 0;
    for (uint32_t i = 0; i < pair_count; i++) {
        TALLY(tally, is_right(store, &pairs[i]));
        present += pairs[i].present;
        bytes += pairs[i].present ? pairs[i].key_size + pairs[i].value_size : 0;
    }
    size_t position = 0;
    size_t walked = 0;
    const struct chord_entry *entry;
    while ((entry = chord_store_next(store, &position)) != NULL) {
        walked++;
        TALLY(tally, chord_store_find(store, chord_entry_id(entry), entry->bytes, entry->key_size) == entry);
    }
    const struct chord_store_digest digest = chord_store_digest(store);
    TALLY(tally, walked == present && store->count == present);
    TALLY(tally, digest.pair_count == present && digest.bytes == bytes);
}

static void against_model(unsigned id_bits) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(id_bits, 0);
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    chord_store_init(&store, &counting.allocator, id_bits);
    make_pairs(&prng, id_bits);
    for (unsigned step = 0; step < 30000; step++) {
        /* First mostly inserts, then mostly removals, so that the table fills and empties. */
        const bool filling = (step / 6000) % 2 == 0;
        struct pair *pair = &pairs[chord_prng_below(&prng, KEY_COUNT)];
        if (chord_prng_below(&prng, 4) < (filling ? 3 : 1)) {
            change_value(&prng, pair);
            pair->present = true;
            TALLY(&tally, put(&store, pair) == CHORD_OK);
        } else {
            TALLY(&tally, chord_store_remove(&store, pair->id, pair->key, pair->key_size) == pair->present);
            pair->present = false;
        }
        TALLY(&tally, is_right(&store, pair));
        TALLY(&tally, is_right(&store, &pairs[chord_prng_below(&prng, KEY_COUNT)]));
        if (step % 500 == 0) {
            check_all(&tally, &store, KEY_COUNT);
        }
    }
    check_all(&tally, &store, KEY_COUNT);
    CU_ASSERT(store.count > 100);
    CU_ASSERT_EQUAL(counting.blocks_live, (int64_t)store.count + store.spare_count + 1);
    chord_store_clear(&store);
    CU_ASSERT_EQUAL(store.count, 0);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
    CU_ASSERT_EQUAL(counting.bytes_live, 0);
    /* Cleared is empty and usable. */
    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        pairs[i].present = false;
    }
    check_all(&tally, &store, KEY_COUNT);
    pairs[0].present = true;
    TALLY(&tally, put(&store, &pairs[0]) == CHORD_OK);
    check_all(&tally, &store, KEY_COUNT);
    chord_store_clear(&store);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
    TALLY_ASSERT(&tally, 100000);
}

static void test_model_on_4_bits(void) {
    against_model(4); /* tags from the key */
}

static void test_model_on_160_bits(void) {
    against_model(160); /* tags from the id */
}

static void test_empty_store(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    chord_store_init(&store, &counting.allocator, 4);
    size_t position = 0;
    CU_ASSERT_PTR_NULL(chord_store_find(&store, (struct chord_id){0}, (const unsigned char *)"k", 1));
    CU_ASSERT_FALSE(chord_store_remove(&store, (struct chord_id){0}, (const unsigned char *)"k", 1));
    CU_ASSERT_PTR_NULL(chord_store_next(&store, &position));
    CU_ASSERT_EQUAL(chord_store_digest(&store).pair_count, 0);
    chord_store_clear(&store);
    CU_ASSERT_EQUAL(counting.calls, 0);
}

/* --- values that grow and shrink --- */

static void test_value_sizes(void) {
    static const uint32_t sizes[] = {0, 1, MIB, MIB - 1, 2, 0, 100, 164, 36, 35, MIB, 0};
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    chord_store_init(&store, &counting.allocator, 160);
    unsigned char *value = malloc(MIB);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    const unsigned char key[] = {0, 255, 0};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(value, (int)i + 1, MIB);
        const struct chord_version version = {1, i + 1};
        CU_ASSERT_EQUAL(
            chord_store_put(&store, (struct chord_id){0}, key, 3, sizes[i] ? value : NULL, sizes[i], version),
            CHORD_OK);
        const struct chord_entry *entry = chord_store_find(&store, (struct chord_id){0}, key, 3);
        CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
        CU_ASSERT_EQUAL(entry->value_size, sizes[i]);
        CU_ASSERT_EQUAL(memcmp(chord_entry_value(entry), value, sizes[i]), 0);
        CU_ASSERT_EQUAL(store.count, 1);
        CU_ASSERT_EQUAL(counting.blocks_live, 2 + store.spare_count);
        /* A small value doesn't keep the block of a large one. */
        CU_ASSERT(entry->value_capacity <= 2 * sizes[i] + 64);
    }
    /* A shorter key that is a prefix is another key. */
    CU_ASSERT_PTR_NULL(chord_store_find(&store, (struct chord_id){0}, key, 2));
    chord_store_clear(&store);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
    free(value);
}

/* --- long runs of probes, and removal by shifting back --- */

/* Keys whose tags are forced: with 160 bits the tag is the id's middle word. */
static void force_tags(uint64_t (*tag_of)(struct chord_prng *prng), struct chord_prng *prng, uint32_t count) {
    make_pairs(prng, 160);
    for (uint32_t i = 0; i < count; i++) {
        pairs[i].id = (struct chord_id){.high = i, .middle = tag_of(prng)};
    }
}

static uint64_t tag_equal(struct chord_prng *prng) {
    (void)prng;
    return UINT64_MAX; /* home is the last slot whatever the capacity: the run wraps around at once */
}

/* Five neighbouring homes around the table's end: runs of several homes that overlap and wrap. */
static uint64_t tag_near_end(struct chord_prng *prng) {
    return UINT64_MAX - 2 + chord_prng_below(prng, 5);
}

static void fill_and_remove(uint64_t (*tag_of)(struct chord_prng *prng), uint32_t count, uint64_t seed) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(seed, 1);
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    chord_store_init(&store, &counting.allocator, 160);
    force_tags(tag_of, &prng, count);
    uint32_t order[KEY_COUNT];
    for (uint32_t i = 0; i < count; i++) {
        pairs[i].present = true;
        TALLY(&tally, put(&store, &pairs[i]) == CHORD_OK);
        const uint32_t j = (uint32_t)chord_prng_below(&prng, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    check_all(&tally, &store, count);
    for (uint32_t i = 0; i < count; i++) {
        struct pair *pair = &pairs[order[i]];
        TALLY(&tally, chord_store_remove(&store, pair->id, pair->key, pair->key_size));
        pair->present = false;
        check_all(&tally, &store, count);
        if (i % 3 == 0 && i > 0) { /* and one comes back */
            struct pair *back = &pairs[order[chord_prng_below(&prng, i)]];
            if (!back->present) {
                back->present = true;
                TALLY(&tally, put(&store, back) == CHORD_OK);
                check_all(&tally, &store, count);
                TALLY(&tally, chord_store_remove(&store, back->id, back->key, back->key_size));
                back->present = false;
            }
        }
    }
    TALLY(&tally, store.count == 0);
    chord_store_clear(&store);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
    TALLY_ASSERT(&tally, (uint64_t)count * count);
}

static void test_equal_tags(void) {
    fill_and_remove(tag_equal, 150, 1);
}

static void test_runs_that_overlap(void) {
    for (uint64_t seed = 0; seed < 40; seed++) {
        fill_and_remove(tag_near_end, 11, seed); /* 11 of 16 slots: a full first table */
    }
    fill_and_remove(tag_near_end, 90, 99);
}

/* Whatever the width of the ids, the keys must spread over the slots: a lookup that walks through the whole
 * table is as good as none. The mean way from the home slot is about 1 at three quarters full. */
static void test_spread_at_every_width(void) {
    struct tally tally = {0};
    for (unsigned id_bits = 1; id_bits <= CHORD_ID_BITS_MAX; id_bits++) {
        struct counting counting;
        counting_init(&counting);
        struct chord_store store;
        chord_store_init(&store, &counting.allocator, id_bits);
        struct chord_prng prng = chord_prng_seeded(id_bits, 2);
        make_pairs(&prng, id_bits);
        for (uint32_t i = 0; i < KEY_COUNT; i++) {
            CU_ASSERT_EQUAL_FATAL(put(&store, &pairs[i]), CHORD_OK);
        }
        const size_t mask = store.capacity - 1;
        size_t way = 0;
        for (size_t slot = 0; slot < store.capacity; slot++) {
            if (store.slots[slot].entry != NULL) {
                way += (slot - (size_t)store.slots[slot].tag) & mask;
            }
        }
        if (way > 5 * KEY_COUNT && tally.failed == 0) {
            printf("\n    id_bits %u: %zu slots from home in the mean", id_bits, way / KEY_COUNT);
        }
        TALLY(&tally, way <= 5 * KEY_COUNT);
        chord_store_clear(&store);
        CU_ASSERT_EQUAL(counting.blocks_live, 0);
    }
    TALLY_ASSERT(&tally, CHORD_ID_BITS_MAX);
}

/* --- digests --- */

static bool same_digest(struct chord_store_digest a, struct chord_store_digest b) {
    return a.pair_count == b.pair_count && a.content == b.content && a.copies == b.copies &&
           a.bytes == b.bytes;
}

static void test_digest_ignores_order_and_history(void) {
    struct chord_prng prng = chord_prng_seeded(7, 0);
    for (unsigned id_bits = 4; id_bits <= 160; id_bits += 156) {
        struct counting counting;
        counting_init(&counting);
        struct chord_store upward;
        struct chord_store downward;
        struct chord_store large; /* grew to hold 1,000 and was emptied down to the same pairs */
        chord_store_init(&upward, &counting.allocator, id_bits);
        chord_store_init(&downward, &counting.allocator, id_bits);
        chord_store_init(&large, &counting.allocator, id_bits);
        make_pairs(&prng, id_bits);
        for (uint32_t i = 0; i < KEY_COUNT; i++) {
            change_value(&prng, &pairs[i]);
            CU_ASSERT_EQUAL_FATAL(put(&large, &pairs[i]), CHORD_OK);
        }
        for (uint32_t i = 100; i < KEY_COUNT; i++) {
            CU_ASSERT_TRUE(chord_store_remove(&large, pairs[i].id, pairs[i].key, pairs[i].key_size));
        }
        for (uint32_t i = 0; i < 100; i++) {
            struct pair old = pairs[i];
            change_value(&prng, &old);
            CU_ASSERT_EQUAL_FATAL(put(&upward, &old), CHORD_OK); /* another value before the last one */
            CU_ASSERT_EQUAL_FATAL(put(&upward, &pairs[i]), CHORD_OK);
            CU_ASSERT_EQUAL_FATAL(put(&downward, &pairs[99 - i]), CHORD_OK);
        }
        CU_ASSERT(large.capacity > upward.capacity);
        const struct chord_store_digest digest = chord_store_digest(&upward);
        CU_ASSERT_TRUE(same_digest(digest, chord_store_digest(&downward)));
        CU_ASSERT_TRUE(same_digest(digest, chord_store_digest(&large)));

        /* One version, one byte of a value, one pair more: each shows where it should. */
        struct pair changed = pairs[50];
        changed.version.counter += 1000;
        CU_ASSERT_EQUAL_FATAL(put(&downward, &changed), CHORD_OK);
        struct chord_store_digest other = chord_store_digest(&downward);
        CU_ASSERT_TRUE(other.content == digest.content && other.copies != digest.copies);
        changed.value_size = 1;
        changed.value[0] ^= 1;
        CU_ASSERT_EQUAL_FATAL(put(&downward, &changed), CHORD_OK);
        other = chord_store_digest(&downward);
        CU_ASSERT_TRUE(other.content != digest.content && other.pair_count == digest.pair_count);
        CU_ASSERT_EQUAL_FATAL(put(&upward, &pairs[500]), CHORD_OK);
        CU_ASSERT_EQUAL(chord_store_digest(&upward).pair_count, 101);
        CU_ASSERT_NOT_EQUAL(chord_store_digest(&upward).content, digest.content);
        chord_store_clear(&upward);
        chord_store_clear(&downward);
        chord_store_clear(&large);
        CU_ASSERT_EQUAL(counting.blocks_live, 0);
    }
}

/* --- no memory --- */

/* The same 150 puts with the n-th allocation failing, for every n: that put changes nothing and can be
 * repeated. */
static void test_no_memory_at_every_call(void) {
    struct tally tally = {0};
    bool failed_once = true;
    for (uint64_t n = 1; failed_once; n++) {
        struct chord_prng prng = chord_prng_seeded(8, 0);
        struct counting counting;
        counting_init(&counting);
        counting.fail_at = n;
        failed_once = false;
        struct chord_store store;
        chord_store_init(&store, &counting.allocator, n % 2 ? 4 : 160);
        make_pairs(&prng, n % 2 ? 4 : 160);
        for (unsigned step = 0; step < 150; step++) {
            struct pair *pair = &pairs[chord_prng_below(&prng, 60)];
            const struct pair before = *pair;
            const struct chord_store_digest digest_before = chord_store_digest(&store);
            change_value(&prng, pair);
            pair->present = true;
            const uint64_t calls_before = counting.calls;
            const enum chord_status status = put(&store, pair);
            const bool fails = calls_before < n && n <= counting.calls;
            TALLY(&tally, status == (fails ? CHORD_NO_MEMORY : CHORD_OK));
            if (status == CHORD_NO_MEMORY) {
                const struct pair wanted = *pair;
                failed_once = true;
                *pair = before;
                TALLY(&tally, same_digest(digest_before, chord_store_digest(&store)));
                check_all(&tally, &store, 60);
                *pair = wanted;
                TALLY(&tally, put(&store, pair) == CHORD_OK);
            }
            TALLY(&tally, is_right(&store, pair));
        }
        check_all(&tally, &store, 60);
        chord_store_clear(&store);
        TALLY(&tally, counting.blocks_live == 0 && counting.bytes_live == 0);
        TALLY(&tally, failed_once || n > 60); /* the loop didn't end at once */
    }
    TALLY_ASSERT(&tally, 10000);
}

/* --- pairs that change hands: exchange, detach, attach, move --- */

/* Two stores and the pairs that are in neither, in the caller's hands. The model's `present` says nothing here: home does. */
enum home { NOWHERE, FIRST, SECOND, IN_HAND };
static enum home homes[KEY_COUNT];
static struct chord_entry *hands[KEY_COUNT];

static void check_homes(struct tally *tally, struct chord_store *stores, uint32_t count) {
    for (int s = 0; s < 2; s++) {
        for (uint32_t i = 0; i < count; i++) {
            pairs[i].present = homes[i] == (s == 0 ? FIRST : SECOND);
        }
        check_all(tally, &stores[s], count);
    }
}

static void hand_over(struct tally *tally, struct chord_prng *prng, struct counting *counting,
                      struct chord_store *stores, uint32_t count) {
    const uint32_t i = (uint32_t)chord_prng_below(prng, count);
    struct pair *pair = &pairs[i];
    const int s = (int)chord_prng_below(prng, 2);
    const enum home home = s == 0 ? FIRST : SECOND;
    switch (chord_prng_below(prng, 8)) {
    case 0: { /* all of an interval, which may be the whole ring */
        const struct chord_id start = pairs[chord_prng_below(prng, count)].id;
        const struct chord_id end = chord_prng_below(prng, 4) ? pairs[chord_prng_below(prng, count)].id : start;
        bool any = false;
        for (uint32_t j = 0; j < count; j++) {
            any |= homes[j] == home && chord_id_in_open_closed(start, pairs[j].id, end);
        }
        if (any && chord_prng_below(prng, 2)) { /* without memory nothing is moved */
            counting->fail_at = counting->calls + 1;
            TALLY(tally, chord_store_move(&stores[s], start, end, &stores[1 - s]) == CHORD_NO_MEMORY);
            check_homes(tally, stores, count);
        }
        const uint64_t calls = counting->calls;
        TALLY(tally, chord_store_move(&stores[s], start, end, &stores[1 - s]) == CHORD_OK);
        TALLY(tally, any || counting->calls == calls);
        for (uint32_t j = 0; j < count; j++) {
            if (homes[j] == home && chord_id_in_open_closed(start, pairs[j].id, end)) {
                homes[j] = s == 0 ? SECOND : FIRST;
            }
        }
        check_homes(tally, stores, count);
        break;
    }
    case 1:
    case 2: /* out of a store */
        if (homes[i] == home || homes[i] == NOWHERE) {
            struct chord_entry *entry = chord_store_detach(&stores[s], pair->id, pair->key, pair->key_size);
            TALLY(tally, (entry != NULL) == (homes[i] == home));
            if (entry != NULL) {
                hands[i] = entry;
                homes[i] = IN_HAND;
            }
        }
        break;
    case 3:
    case 4: /* and back, in the place of another or not */
        if (homes[i] == IN_HAND) {
            if (chord_prng_below(prng, 2)) {
                const struct pair other = {.id = pair->id, .key_size = pair->key_size};
                struct pair placeholder = other;
                memcpy(placeholder.key, pair->key, sizeof pair->key);
                TALLY(tally, put(&stores[s], &placeholder) == CHORD_OK);
            }
            TALLY(tally, chord_store_reserve(&stores[s], stores[s].count + 1) == CHORD_OK);
            const uint64_t calls = counting->calls;
            chord_store_attach(&stores[s], hands[i]);
            TALLY(tally, counting->calls == calls);
            homes[i] = home;
        }
        break;
    default: /* a new value; the old pair is the caller's */
        if (homes[i] == home || homes[i] == NOWHERE) {
            struct chord_entry *previous = NULL;
            struct chord_entry *written = NULL;
            const struct pair old = *pair;
            change_value(prng, pair);
            TALLY(tally, chord_store_exchange(&stores[s], pair->id, pair->key, pair->key_size, pair->value,
                                              pair->value_size, pair->version, &previous, &written) == CHORD_OK);
            TALLY(tally, (previous != NULL) == (homes[i] == home));
            TALLY(tally, previous == NULL || (previous->value_size == old.value_size &&
                                              memcmp(chord_entry_value(previous), old.value, old.value_size) == 0 &&
                                              chord_version_compare(chord_entry_version(previous), old.version) == 0));
            TALLY(tally, written == chord_store_find(&stores[s], pair->id, pair->key, pair->key_size));
            chord_free(&counting->allocator, previous);
            homes[i] = home;
        }
    }
}

static void test_pairs_change_hands(void) {
    struct tally tally = {0};
    for (unsigned id_bits = 4; id_bits <= 160; id_bits += 156) {
        struct chord_prng prng = chord_prng_seeded(id_bits, 11);
        struct counting counting;
        counting_init(&counting);
        struct chord_store stores[2];
        chord_store_init(&stores[0], &counting.allocator, id_bits);
        chord_store_init(&stores[1], &counting.allocator, id_bits);
        make_pairs(&prng, id_bits);
        memset(homes, 0, sizeof homes);
        for (unsigned step = 0; step < 6000; step++) {
            hand_over(&tally, &prng, &counting, stores, 120);
            if (step % 50 == 0) {
                check_homes(&tally, stores, 120);
            }
        }
        check_homes(&tally, stores, 120);
        for (uint32_t i = 0; i < 120; i++) {
            if (homes[i] == IN_HAND) {
                chord_free(&counting.allocator, hands[i]);
            }
        }
        chord_store_clear(&stores[0]);
        chord_store_clear(&stores[1]);
        TALLY(&tally, counting.blocks_live == 0);
    }
    TALLY_ASSERT(&tally, 50000);
}

/* Room that was reserved is there: so many puts of new keys need one allocation each, for the pair. */
static void test_reserve(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    struct chord_prng prng = chord_prng_seeded(1, 12);
    make_pairs(&prng, 160);
    for (size_t count = 0; count <= 200; count += 7) {
        chord_store_init(&store, &counting.allocator, 160);
        counting.fail_at = counting.calls + 1;
        CU_ASSERT_EQUAL(chord_store_reserve(&store, count), CHORD_NO_MEMORY);
        CU_ASSERT_EQUAL(store.capacity, 0);
        CU_ASSERT_EQUAL(chord_store_reserve(&store, count), CHORD_OK);
        const uint64_t calls = counting.calls;
        for (size_t i = 0; i < count; i++) {
            CU_ASSERT_EQUAL(put(&store, &pairs[i]), CHORD_OK);
        }
        CU_ASSERT_EQUAL(counting.calls, calls + count);
        CU_ASSERT_EQUAL(chord_store_reserve(&store, 0), CHORD_OK); /* never shrinks */
        CU_ASSERT_EQUAL(counting.calls, calls + count);
        chord_store_clear(&store);
    }
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

static void test_no_memory_for_an_exchange(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    struct chord_prng prng = chord_prng_seeded(2, 12);
    make_pairs(&prng, 160);
    chord_store_init(&store, &counting.allocator, 160);
    for (uint64_t n = 1; n <= 2; n++) { /* the slots, the pair */
        struct chord_entry *previous = NULL;
        struct chord_entry *written = NULL;
        counting.fail_at = counting.calls + n;
        CU_ASSERT_EQUAL(chord_store_exchange(&store, pairs[0].id, pairs[0].key, pairs[0].key_size, NULL, 0,
                                             (struct chord_version){1, 1}, &previous, &written),
                        CHORD_NO_MEMORY);
        CU_ASSERT_EQUAL(store.count, 0);
        chord_store_clear(&store);
    }
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* Found by fuzzing: a key that a faulty sender gives two ids is two pairs, so that each stays in the arc of its id. With one
 * pair, a split would part an undo log's writes that share its block. */
static void test_one_key_with_two_ids(void) {
    for (unsigned id_bits = 8; id_bits <= 160; id_bits += 152) {
        struct counting counting;
        counting_init(&counting);
        struct chord_store store;
        struct chord_store part;
        chord_store_init(&store, &counting.allocator, id_bits);
        chord_store_init(&part, &counting.allocator, id_bits);
        const struct chord_id low = {.high = 10, .middle = 5};
        const struct chord_id high = {.high = 20, .middle = 5};
        const unsigned char key[] = "key";
        const struct chord_version version = {1, 1};
        CU_ASSERT_EQUAL(chord_store_put(&store, low, key, 3, key, 1, version), CHORD_OK);
        CU_ASSERT_PTR_NULL(chord_store_find(&store, high, key, 3));
        CU_ASSERT_EQUAL(chord_store_put(&store, high, key, 3, key, 2, version), CHORD_OK);
        CU_ASSERT_PTR_NULL(chord_store_find(&store, low, (const unsigned char *)"kez", 3)); /* nor the other way round */
        CU_ASSERT_EQUAL(store.count, 2);
        const struct chord_id start = {.high = 15};
        const struct chord_id end = {.high = 25};
        CU_ASSERT_EQUAL(chord_store_move(&store, start, end, &part), CHORD_OK);
        CU_ASSERT(store.count == 1 && part.count == 1);
        CU_ASSERT_EQUAL(chord_store_find(&store, low, key, 3)->value_size, 1);
        CU_ASSERT_EQUAL(chord_store_find(&part, high, key, 3)->value_size, 2);
        CU_ASSERT_FALSE(chord_store_remove(&store, high, key, 3));
        CU_ASSERT_TRUE(chord_store_remove(&store, low, key, 3));
        chord_store_clear(&store);
        chord_store_clear(&part);
        CU_ASSERT_EQUAL(counting.blocks_live, 0);
    }
}

/* Blocks of pairs that are gone serve later ones that they suit; there are never many, nor large ones. */
static void test_spares(void) {
    struct counting counting;
    counting_init(&counting);
    struct chord_store store;
    chord_store_init(&store, &counting.allocator, 160);
    unsigned char value[2000] = {1, 2, 3};
    unsigned char key[2] = {0};
    const struct chord_version version = {1, 1};
    for (uint32_t i = 0; i < 100; i++) {
        key[0] = (unsigned char)i;
        CU_ASSERT_EQUAL(chord_store_put(&store, (struct chord_id){.middle = i}, key, 2, value, 40, version), CHORD_OK);
    }
    for (uint32_t i = 0; i < 100; i++) {
        key[0] = (unsigned char)i;
        CU_ASSERT_TRUE(chord_store_remove(&store, (struct chord_id){.middle = i}, key, 2));
    }
    CU_ASSERT_EQUAL(store.spare_count, CHORD_STORE_SPARES_MAX);
    CU_ASSERT_EQUAL(counting.blocks_live, CHORD_STORE_SPARES_MAX + 1);

    /* Smaller or as large: taken over, and the contents are the new pair's. */
    const uint64_t calls = counting.calls;
    memset(value, 7, sizeof value);
    CU_ASSERT_EQUAL(chord_store_put(&store, (struct chord_id){.middle = 1}, key, 2, value, 10, version), CHORD_OK);
    CU_ASSERT_EQUAL(chord_store_put(&store, (struct chord_id){.middle = 2}, key, 1, value, 41, version), CHORD_OK);
    CU_ASSERT_EQUAL(counting.calls, calls);
    CU_ASSERT_EQUAL(store.spare_count, CHORD_STORE_SPARES_MAX - 2);
    const struct chord_entry *entry = chord_store_find(&store, (struct chord_id){.middle = 2}, key, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
    CU_ASSERT(entry->key_size == 1 && entry->value_size == 41 && entry->value_capacity == 41);
    CU_ASSERT_EQUAL(memcmp(chord_entry_value(entry), value, 41), 0);

    /* Larger: allocated, and the spare makes room. What was large isn't kept. */
    CU_ASSERT_EQUAL(chord_store_put(&store, (struct chord_id){.middle = 3}, key, 2, value, 2000, version), CHORD_OK);
    CU_ASSERT_EQUAL(counting.calls, calls + 1);
    CU_ASSERT_EQUAL(store.spare_count, CHORD_STORE_SPARES_MAX - 3);
    CU_ASSERT_TRUE(chord_store_remove(&store, (struct chord_id){.middle = 3}, key, 2));
    CU_ASSERT_EQUAL(store.spare_count, CHORD_STORE_SPARES_MAX - 3);
    chord_store_dispose(&store, NULL);
    CU_ASSERT_EQUAL(store.spare_count, CHORD_STORE_SPARES_MAX - 3);
    chord_store_clear(&store);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"1,000 keys on a 4-bit ring against a model", test_model_on_4_bits},
        {"1,000 keys on a 160-bit ring against a model", test_model_on_160_bits},
        {"an empty store", test_empty_store},
        {"values that grow and shrink, 0 bytes to 1 MiB", test_value_sizes},
        {"equal tags: one run that wraps", test_equal_tags},
        {"overlapping runs around the table's end", test_runs_that_overlap},
        {"keys spread over the slots at every width of id", test_spread_at_every_width},
        {"digests ignore order and history", test_digest_ignores_order_and_history},
        {"no memory at every call", test_no_memory_at_every_call},
        {"pairs change hands: exchange, detach, attach, move", test_pairs_change_hands},
        {"a key that comes with two ids", test_one_key_with_two_ids},
        {"blocks of pairs that are gone serve again", test_spares},
        {"room that was reserved is there", test_reserve},
        {"no memory for an exchange", test_no_memory_for_an_exchange},
    };
    return UNIT_RUN("store", tests);
}
