/* chord/chain/arc and arcs: an arc is cut and merged along the ids of keys, and nothing that belongs to a key gets lost or
 * ends in the wrong part: pairs, duplicate records, the undo log, waiting requests. */
#include "tests/unit/core_fixture.h"

#include "chord/chain/arcs.h"
#include "chord/chain/transfer.h"

#define KEYS 64u
#define ID_BITS 8u
#define CLIENTS 3u

static struct counting counting;
static struct chord_config config = {.id_bits = ID_BITS, .piece_bytes = 64, .transfer_ticks = 10};
static uint32_t sent_count;

static void sink_send(void *context, const struct chord_message *message) {
    (void)context;
    (void)message;
    sent_count++;
}

static const struct chord_sink sink = {.send = sink_send};
static struct chord_environment environment;
static struct chord_arcs arcs;

static struct chord_id id(uint64_t number) {
    return id_of_number(number % 256, ID_BITS);
}

static void begin(uint64_t self) {
    counting_init(&counting);
    sent_count = 0;
    environment = (struct chord_environment){.config = &config, .sink = &sink, .allocator = &counting.allocator};
    chord_arcs_init(&arcs, &environment, id(self));
}

static void end(struct tally *tally) {
    chord_arcs_clear(&arcs);
    TALLY(tally, counting.blocks_live == 0);
    TALLY(tally, sent_count == 0);
}

static struct chord_id id_of_key(uint32_t key) {
    return id(chord_mix64(key + 1));
}

static uint32_t name_of(uint32_t key, unsigned char name[8]) {
    return (uint32_t)snprintf((char *)name, 8, "k%u", key);
}

/* Fills an arc: every key whose id is in it has a value that follows from the key; some were written or deleted lately, so
 * that the log has their pre-images; each has a duplicate record and some a waiting request. */
static void fill(struct tally *tally, struct chord_prng *prng, struct chord_arc *arc) {
    uint64_t counter = 0;
    for (uint32_t client = 0; client < CLIENTS; client++) {
        TALLY(tally, chord_duplicates_raise(&arc->duplicates, client, 5) == CHORD_OK);
    }
    for (uint32_t key = 0; key < KEYS; key++) {
        unsigned char name[8];
        const uint32_t size = name_of(key, name);
        if (!chord_arc_contains(arc, id_of_key(key))) {
            continue;
        }
        TALLY(tally, chord_store_put(&arc->store, id_of_key(key), name, size, (unsigned char *)&key, 4,
                                     (struct chord_version){1, key}) == CHORD_OK);
        const struct chord_duplicate record = {
            .seq = key + 10, .version = {1, key}, .key_id = id_of_key(key), .outcome = CHORD_INSERTED};
        TALLY(tally, chord_duplicates_add(&arc->duplicates, key % CLIENTS, 5, record) == CHORD_OK);
        if (key % 4 == 0) {
            struct chord_waiting *waiting = chord_allocate(&counting.allocator, sizeof *waiting);
            waiting->request = (struct chord_request){.seq = key, .key_id = id_of_key(key)};
            chord_arc_append_waiting(arc, waiting);
        }
    }
    for (unsigned i = 0; i < 40; i++) { /* written, overwritten and deleted; some may be absent when they are deleted */
        const uint32_t key = (uint32_t)chord_prng_below(prng, KEYS);
        unsigned char name[8];
        const uint32_t size = name_of(key, name);
        if (!chord_arc_contains(arc, id_of_key(key))) {
            continue;
        }
        struct chord_log_write write = {.counter = ++counter, .bytes = 3};
        TALLY(tally, chord_log_reserve(&arc->log, 1) == CHORD_OK);
        if (i % 2 == 0) {
            write.previous = chord_store_detach(&arc->store, id_of_key(key), name, size);
        } else {
            const uint32_t value = key + 1000 * i;
            TALLY(tally, chord_store_exchange(&arc->store, id_of_key(key), name, size, (const unsigned char *)&value,
                                              4, (struct chord_version){2, i}, &write.previous,
                                              &write.written) == CHORD_OK);
        }
        chord_log_add(&arc->log, write);
    }
    arc->applied = counter;
    arc->base_epoch = 1;
    arc->epoch = 1;
    arc->promised = 2;
    arc->status = CHORD_ARC_ACTIVE;
}

/* What all arcs hold together: independent of where the cuts are. */
struct whole {
    struct chord_store_digest store;
    uint64_t records;
    uint64_t log_writes;
    uint64_t log_bytes;
    uint64_t waiting;
};

static struct whole sum_of(struct tally *tally) {
    struct whole whole = {0};
    for (uint32_t i = 0; i < arcs.count; i++) {
        struct chord_arc *arc = &arcs.items[i];
        const struct chord_store_digest digest = chord_store_digest(&arc->store);
        whole.store.pair_count += digest.pair_count;
        whole.store.copies += digest.copies;
        whole.records += chord_duplicates_count(&arc->duplicates);
        whole.log_writes += arc->log.count;
        whole.log_bytes += arc->log.bytes;
        size_t position = 0;
        for (const struct chord_entry *entry; (entry = chord_store_next(&arc->store, &position)) != NULL;) {
            TALLY(tally, chord_arc_contains(arc, chord_entry_id(entry)));
        }
        uint64_t last = 0;
        for (uint32_t w = 0; w < arc->log.count; w++) {
            const struct chord_log_write *write = chord_log_get(&arc->log, w);
            const struct chord_entry *key = chord_log_key(write);
            TALLY(tally, key == NULL || chord_arc_contains(arc, chord_entry_id(key)));
            TALLY(tally, write->counter > last); /* undoing goes by it */
            last = write->counter;
        }
        uint64_t seq = 0;
        for (const struct chord_waiting *w = arc->waiting_first; w != NULL; w = w->next) {
            TALLY(tally, chord_arc_contains(arc, w->request.key_id));
            TALLY(tally, w->request.seq >= seq || arcs.count == 1); /* still in the order of arrival */
            seq = w->request.seq;
            whole.waiting++;
        }
        for (uint32_t client = 0; client < CLIENTS; client++) {
            for (uint32_t key = client; key < KEYS; key += CLIENTS) {
                TALLY(tally, (chord_duplicates_find(&arc->duplicates, client, key + 10) != NULL) ==
                                 chord_arc_contains(arc, id_of_key(key)));
            }
            TALLY(tally, chord_duplicates_watermark(&arc->duplicates, client) == 5);
        }
    }
    return whole;
}

static bool same(struct whole a, struct whole b) {
    return a.store.pair_count == b.store.pair_count && a.store.copies == b.store.copies && a.records == b.records &&
           a.log_writes == b.log_writes && a.log_bytes == b.log_bytes && a.waiting == b.waiting;
}

/* Arcs don't overlap, cover (start, end] and the node's own is first. */
static void check_shape(struct tally *tally, struct chord_id start, struct chord_id stop) {
    uint32_t covered = 0;
    for (uint64_t number = 0; number < 256; number++) {
        uint32_t holders = 0;
        for (uint32_t i = 0; i < arcs.count; i++) {
            holders += chord_arc_contains(&arcs.items[i], id(number));
        }
        covered += holders;
        TALLY(tally, holders == chord_id_in_open_closed(start, id(number), stop));
    }
    TALLY(tally, covered > 0);
    struct chord_arc *own = chord_arcs_ending_at(&arcs, arcs.self);
    TALLY(tally, own == NULL || own == &arcs.items[0]);
    TALLY(tally, chord_arcs_own(&arcs) == own);
}

/* A random arc, perhaps the whole ring, is cut at random and merged again. */
static void cut_and_merge(struct tally *tally, uint64_t seed) {
    struct chord_prng prng = chord_prng_seeded(seed, 0);
    const uint64_t stop = chord_prng_below(&prng, 256);
    const uint64_t width = seed % 5 == 0 ? 256 : 8 + chord_prng_below(&prng, 240);
    const uint64_t start = stop + 256 - width;
    begin(chord_prng_below(&prng, 2) ? stop : start + width / 2);
    struct chord_arc *arc;
    TALLY(tally, chord_arcs_carve(&arcs, id(start), id(stop), &arc) == CHORD_OK);
    fill(tally, &prng, arc);
    const uint64_t applied = arc->applied;
    const struct whole whole = sum_of(tally);
    TALLY(tally, whole.store.pair_count > 0 || width < 40);
    for (unsigned cuts = 0; cuts < 6; cuts++) {
        /* A part of some arc that is there: one end of it, or its middle. */
        const struct chord_arc *of = &arcs.items[chord_prng_below(&prng, arcs.count)];
        const struct chord_id first = of->start;
        const struct chord_id last = of->end;
        struct chord_id from = id(chord_prng_below(&prng, 256));
        struct chord_id to = id(chord_prng_below(&prng, 256));
        from = chord_id_in_open(first, from, last) && chord_prng_below(&prng, 3) ? from : first;
        to = chord_id_in_open(from, to, last) && chord_prng_below(&prng, 3) ? to : last;
        if (chord_id_equal(from, to) && arcs.count > 1) {
            continue;
        }
        const enum chord_status status = chord_arcs_carve(&arcs, from, to, &arc);
        if (chord_id_equal(from, to) && !chord_id_equal(first, last)) {
            TALLY(tally, status == CHORD_UNEXPECTED);
            continue;
        }
        TALLY(tally, status == CHORD_OK && chord_id_equal(arc->start, from) && chord_id_equal(arc->end, to));
        TALLY(tally, arc->applied == applied && arc->base_epoch == 1 && arc->promised == 2 && arc->epoch == 1 &&
                         arc->status == CHORD_ARC_ACTIVE);
        TALLY(tally, same(whole, sum_of(tally)));
        check_shape(tally, id(start), id(stop));
        /* Carving what is there changes nothing. */
        const uint32_t count = arcs.count;
        const uint64_t calls = counting.calls;
        struct chord_arc *again;
        TALLY(tally, chord_arcs_carve(&arcs, from, to, &again) == CHORD_OK && again == arc);
        TALLY(tally, arcs.count == count && counting.calls == calls);
    }
    TALLY(tally, chord_arcs_merge(&arcs, id(start), id(stop), &arc) == CHORD_OK);
    TALLY(tally, arcs.count == 1 && chord_id_equal(arc->start, id(start)) && chord_id_equal(arc->end, id(stop)));
    struct whole merged = sum_of(tally);
    merged.log_writes = whole.log_writes; /* a merge forgets the logs, unless there was nothing to merge */
    merged.log_bytes = whole.log_bytes;
    TALLY(tally, same(whole, merged));
    check_shape(tally, id(start), id(stop));
    end(tally);
}

static void test_cut_and_merge(void) {
    struct tally tally = {0};
    for (uint64_t seed = 0; seed < 400 && tally.failed == 0; seed++) {
        cut_and_merge(&tally, seed);
        if (tally.failed != 0) {
            printf("    seed %llu\n", (unsigned long long)seed);
        }
    }
    TALLY_ASSERT(&tally, 100000);
}

/* Cuts and merges that no coordinator asks for. */
static void test_what_does_not_fit(void) {
    struct tally tally = {0};
    struct chord_arc *arc;
    begin(100);
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(50), id(100), &arc), CHORD_OK);
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(20), id(50), &arc), CHORD_OK);
    CU_ASSERT_EQUAL(arcs.count, 2);
    CU_ASSERT_TRUE(chord_id_equal(arcs.items[0].end, id(100)));
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(40), id(60), &arc), CHORD_UNEXPECTED);   /* across a border */
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(10), id(30), &arc), CHORD_UNEXPECTED);   /* begins outside */
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(90), id(120), &arc), CHORD_UNEXPECTED);  /* ends outside */
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(10), id(120), &arc), CHORD_UNEXPECTED);  /* around both */
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(60), id(55), &arc), CHORD_UNEXPECTED);   /* the wrong way round */
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(60), id(60), &arc), CHORD_UNEXPECTED);   /* the whole ring */
    CU_ASSERT_EQUAL(arcs.count, 2);
    CU_ASSERT_EQUAL(chord_arcs_merge(&arcs, id(20), id(99), &arc), CHORD_UNEXPECTED);   /* nothing ends there */
    struct chord_arc *own = chord_arcs_own(&arcs);
    CU_ASSERT_PTR_EQUAL(own, chord_arcs_containing(&arcs, id(51)));
    CU_ASSERT_PTR_NULL(chord_arcs_containing(&arcs, id(101)));
    CU_ASSERT_PTR_NULL(chord_arcs_containing(&arcs, id(20)));
    CU_ASSERT_PTR_NOT_NULL(chord_arcs_containing(&arcs, id(21)));
    /* Removing the own arc leaves the other in its place; removing the other leaves the own first. */
    chord_arcs_remove(&arcs, own);
    CU_ASSERT_EQUAL(arcs.count, 1);
    CU_ASSERT_PTR_NULL(chord_arcs_own(&arcs));
    CU_ASSERT_EQUAL(chord_arcs_carve(&arcs, id(50), id(100), &arc), CHORD_OK);
    CU_ASSERT_PTR_EQUAL(arc, chord_arcs_own(&arcs));
    chord_arcs_remove(&arcs, chord_arcs_ending_at(&arcs, id(50)));
    CU_ASSERT_EQUAL(arcs.count, 1);
    CU_ASSERT_PTR_NOT_NULL(chord_arcs_own(&arcs));
    CU_ASSERT_EQUAL(chord_arcs_merge(&arcs, id(10), id(100), &arc), CHORD_UNEXPECTED); /* a gap before it */
    end(&tally);
    TALLY_ASSERT(&tally, 2);
}

/* Carving while the n-th allocation fails: at worst a cut more, and nothing lost; then it works. */
static void test_no_memory_for_a_cut(void) {
    struct tally tally = {0};
    unsigned failures = 0;
    for (uint64_t n = 1; n < 200; n++) {
        struct chord_prng prng = chord_prng_seeded(n % 3, 9);
        begin(0);
        struct chord_arc *arc;
        TALLY(&tally, chord_arcs_carve(&arcs, id(0), id(0), &arc) == CHORD_OK);
        fill(&tally, &prng, arc);
        const struct whole whole = sum_of(&tally);
        counting.fail_at = counting.calls + n;
        const enum chord_status status = chord_arcs_carve(&arcs, id(60), id(150), &arc);
        const bool failed = counting.calls >= counting.fail_at;
        failures += failed;
        TALLY(&tally, status == (failed ? CHORD_NO_MEMORY : CHORD_OK));
        TALLY(&tally, same(whole, sum_of(&tally)));
        check_shape(&tally, id(0), id(0));
        counting.fail_at = 0;
        TALLY(&tally, chord_arcs_carve(&arcs, id(60), id(150), &arc) == CHORD_OK);
        TALLY(&tally, arcs.count == 3 && same(whole, sum_of(&tally)));
        /* The same for merging. */
        counting.fail_at = counting.calls + n;
        const enum chord_status merged = chord_arcs_merge(&arcs, id(0), id(0), &arc);
        TALLY(&tally, merged == (counting.calls >= counting.fail_at ? CHORD_NO_MEMORY : CHORD_OK));
        counting.fail_at = 0;
        TALLY(&tally, chord_arcs_merge(&arcs, id(0), id(0), &arc) == CHORD_OK);
        struct whole after = sum_of(&tally);
        after.log_writes = whole.log_writes;
        after.log_bytes = whole.log_bytes;
        TALLY(&tally, arcs.count == 1 && same(whole, after));
        end(&tally);
        if (!failed) {
            break;
        }
    }
    CU_ASSERT(failures > 10);
    TALLY_ASSERT(&tally, 1000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"random cuts and merges keep everything, each part what is its own", test_cut_and_merge},
        {"cuts and merges that don't fit", test_what_does_not_fit},
        {"no memory for a cut or a merge", test_no_memory_for_a_cut},
    };
    return UNIT_RUN("arcs", tests);
}
