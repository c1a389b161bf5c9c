/* chord/chain/log against a model that remembers the whole store after each write: undoing to any counter that the log
 * reaches back to restores exactly that store, values and versions, before and after the log was split with its arc. */
#include "tests/unit/core_fixture.h"

#include "chord/chain/log.h"

#define KEYS 14u
#define WRITES 200u
#define ID_BITS 4u

struct value {
    bool present;
    uint32_t size;
    unsigned char bytes[40];
    struct chord_version version;
};

/* states[i]: all keys after write i. */
static struct value states[WRITES + 1][KEYS];

struct world {
    struct counting counting;
    struct chord_store store;
    struct chord_log log;
    uint64_t applied;
};

static struct chord_id id_of_key(uint32_t key) {
    return id_of_number(key % 16, ID_BITS);
}

static uint32_t name_of(uint32_t key, unsigned char name[8]) {
    return (uint32_t)snprintf((char *)name, 8, "k%u", key);
}

static void world_init(struct world *world) {
    counting_init(&world->counting);
    chord_store_init(&world->store, &world->counting.allocator, ID_BITS);
    chord_log_init(&world->log, &world->counting.allocator);
    world->applied = 0;
    memset(states[0], 0, sizeof states[0]);
}

static void world_clear(struct tally *tally, struct world *world) {
    chord_log_clear(&world->log, 0);
    chord_store_clear(&world->store);
    TALLY(tally, world->counting.blocks_live == 0);
}

/* The store holds just what the model had after write `counter`, of the keys in (start, end]. */
static void check_part(struct tally *tally, const struct chord_store *store, uint64_t counter, struct chord_id start,
                       struct chord_id end) {
    size_t present = 0;
    for (uint32_t key = 0; key < KEYS; key++) {
        unsigned char name[8];
        const uint32_t size = name_of(key, name);
        const struct value *value = &states[counter][key];
        const struct chord_entry *entry = chord_store_find(store, id_of_key(key), name, size);
        const bool expected = value->present && chord_id_in_open_closed(start, id_of_key(key), end);
        TALLY(tally, (entry != NULL) == expected);
        present += expected;
        if (entry != NULL && expected) {
            TALLY(tally, entry->value_size == value->size &&
                             memcmp(chord_entry_value(entry), value->bytes, value->size) == 0 &&
                             chord_version_compare(chord_entry_version(entry), value->version) == 0);
        }
    }
    TALLY(tally, store->count == present);
}

static void check(struct tally *tally, const struct world *world) {
    const struct chord_id zero = id_of_number(0, ID_BITS);
    check_part(tally, &world->store, world->applied, zero, zero);
    uint64_t bytes = 0;
    uint64_t last = world->log.start;
    for (uint32_t i = 0; i < world->log.count; i++) {
        const struct chord_log_write *write = chord_log_get(&world->log, i);
        bytes += write->bytes;
        TALLY(tally, write->counter == last + 1); /* ascending, without gaps */
        last = write->counter;
    }
    TALLY(tally, last == world->applied && bytes == world->log.bytes);
}

/* The next write: an insert or a delete of some key, there or not, in store, log and model. */
static void write_one(struct tally *tally, struct chord_prng *prng, struct world *world) {
    const uint32_t key = (uint32_t)chord_prng_below(prng, KEYS);
    unsigned char name[8];
    const uint32_t size = name_of(key, name);
    struct chord_log_write write = {.counter = ++world->applied, .bytes = 1 + chord_prng_below(prng, 50)};
    memcpy(states[world->applied], states[world->applied - 1], sizeof states[0]);
    struct value *value = &states[world->applied][key];
    TALLY(tally, chord_log_reserve(&world->log, 1) == CHORD_OK);
    if (chord_prng_below(prng, 3) == 0) {
        write.previous = chord_store_detach(&world->store, id_of_key(key), name, size);
        TALLY(tally, (write.previous != NULL) == value->present);
        value->present = false;
    } else {
        value->present = true;
        value->size = (uint32_t)chord_prng_below(prng, sizeof value->bytes + 1);
        for (uint32_t i = 0; i < value->size; i++) {
            value->bytes[i] = (unsigned char)chord_prng_next(prng);
        }
        value->version = (struct chord_version){.epoch = 3, .counter = world->applied};
        TALLY(tally, chord_store_exchange(&world->store, id_of_key(key), name, size, value->bytes, value->size,
                                          value->version, &write.previous, &write.written) == CHORD_OK);
    }
    const uint64_t calls = world->counting.calls;
    chord_log_add(&world->log, write);
    TALLY(tally, world->counting.calls == calls); /* there was room */
}

static void test_undo(void) {
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 1);
        struct world world;
        world_init(&world);
        while (world.applied < WRITES) {
            const uint64_t what = chord_prng_below(&prng, 20);
            if (what == 0) {
                chord_log_release(&world.log, &world.store,
                                  world.log.start + chord_prng_below(&prng, world.applied - world.log.start + 1));
            } else if (what == 1) { /* undo, and go on from there: another future */
                const uint64_t to =
                    world.log.start + chord_prng_below(&prng, world.applied - world.log.start + 1);
                chord_log_undo(&world.log, &world.store, to);
                world.applied = to;
            } else {
                write_one(&tally, &prng, &world);
            }
            check(&tally, &world);
        }
        for (uint64_t to = world.applied + 1; to-- > world.log.start;) { /* one by one, down to the log's start */
            chord_log_undo(&world.log, &world.store, to);
            world.applied = to;
            check(&tally, &world);
        }
        TALLY(&tally, world.log.count == 0 && world.log.bytes == 0);
        world_clear(&tally, &world);
    }
    TALLY_ASSERT(&tally, 500000);
}

static void test_undo_beyond_the_start_is_a_programmer_error(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(1, 2);
    struct world world;
    world_init(&world);
    for (int i = 0; i < 10; i++) {
        write_one(&tally, &prng, &world);
    }
    chord_log_release(&world.log, &world.store, 4);
    CU_ASSERT_EQUAL(world.log.start, 4);
    CU_ASSERT_EQUAL(world.log.count, 6);
    chord_log_release(&world.log, &world.store, 2); /* an older acknowledgement changes nothing */
    CU_ASSERT_EQUAL(world.log.start, 4);
    volatile bool trapped;
    TRAP(trapped, chord_log_undo(&world.log, &world.store, 3));
    CU_ASSERT_TRUE(trapped);
    check(&tally, &world);
    chord_log_release(&world.log, &world.store, 20); /* all, and beyond */
    CU_ASSERT_EQUAL(world.log.count, 0);
    CU_ASSERT_EQUAL(world.log.start, 20);
    CU_ASSERT_EQUAL(world.log.bytes, 0);
    world_clear(&tally, &world);
    TALLY_ASSERT(&tally, 10);
}

/* Moves (start, end] of store and log away; both halves undo to the same state as the whole would have. */
static void split_and_undo(struct tally *tally, uint64_t seed) {
    struct chord_prng prng = chord_prng_seeded(seed, 3);
    struct world world;
    world_init(&world);
    const uint64_t count = 1 + chord_prng_below(&prng, 60);
    while (world.applied < count) {
        write_one(tally, &prng, &world);
        if (chord_prng_below(&prng, 10) == 0) {
            chord_log_release(&world.log, &world.store, chord_prng_below(&prng, world.applied + 1));
        }
    }
    const struct chord_id start = id_of_number(chord_prng_below(&prng, 16), ID_BITS);
    const struct chord_id end = id_of_number(chord_prng_below(&prng, 16), ID_BITS);
    if (chord_id_equal(start, end)) { /* the whole ring is no half */
        world_clear(tally, &world);
        return;
    }
    struct chord_store part;
    struct chord_log moved;
    chord_store_init(&part, &world.counting.allocator, ID_BITS);
    chord_log_init(&moved, &world.counting.allocator);
    const uint32_t writes = world.log.count;
    const uint64_t bytes = world.log.bytes;
    if (writes > 0) {
        world.counting.fail_at = world.counting.calls + 1;
        TALLY(tally, chord_log_move(&world.log, start, end, &moved) == CHORD_NO_MEMORY);
        TALLY(tally, world.log.count == writes && world.log.bytes == bytes && moved.count == 0);
    }
    TALLY(tally, chord_log_move(&world.log, start, end, &moved) == CHORD_OK);
    TALLY(tally, chord_store_move(&world.store, start, end, &part) == CHORD_OK);
    TALLY(tally, world.log.count + moved.count == writes && world.log.bytes + moved.bytes == bytes);
    TALLY(tally, moved.start == world.log.start);
    const uint64_t to = world.log.start + chord_prng_below(&prng, world.applied - world.log.start + 1);
    /* A half has as many slots as it has pairs: deletes that are to be undone need room besides. */
    TALLY(tally, chord_store_reserve(&part, part.count + moved.count) == CHORD_OK);
    chord_log_undo(&moved, &part, to);
    chord_log_undo(&world.log, &world.store, to);
    check_part(tally, &part, to, start, end);
    check_part(tally, &world.store, to, end, start);
    chord_log_clear(&moved, 0);
    chord_store_clear(&part);
    world_clear(tally, &world);
}

static void test_split(void) {
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 3000; seed++) {
        split_and_undo(&tally, seed);
    }
    TALLY_ASSERT(&tally, 100000);
}

static void test_no_memory(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(5, 5);
    struct world world;
    world_init(&world);
    unsigned failures = 0;
    for (unsigned i = 0; i < 100; i++) {
        if (world.log.count == world.log.capacity) { /* the next one would have to grow */
            world.counting.fail_at = world.counting.calls + 1;
            CU_ASSERT_EQUAL(chord_log_reserve(&world.log, 1), CHORD_NO_MEMORY);
            check(&tally, &world);
            failures++;
        }
        write_one(&tally, &prng, &world);
        check(&tally, &world);
    }
    CU_ASSERT(failures >= 4);
    chord_log_clear(&world.log, 100);
    CU_ASSERT_EQUAL(world.log.start, 100);
    world_clear(&tally, &world);
    TALLY_ASSERT(&tally, 1000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"undo to any counter restores the store", test_undo},
        {"what was released can't be undone", test_undo_beyond_the_start_is_a_programmer_error},
        {"both halves of a split log undo to the same state", test_split},
        {"no memory leaves the log as it was", test_no_memory},
    };
    return UNIT_RUN("log", tests);
}
