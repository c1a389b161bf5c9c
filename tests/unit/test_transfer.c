/* chord/chain/transfer (rule M4). Four members hold states of one base after different numbers of the same writes, each with
 * an undo log that reaches back as far as chance has it. Whoever gets whose state, in pieces of whatever size, by a delta
 * or whole, with whatever is lost or repeated on the way: afterwards it has exactly the source's values, versions,
 * duplicate records, watermarks and counters, and until then exactly its own. */
#include "tests/unit/core_fixture.h"

#include "chord/base/digest.h"
#include "chord/chain/arcs.h"
#include "chord/chain/transfer.h"

#define MEMBERS 4u
#define WRITES 60u
#define KEYS 24u
#define BASE 3u
#define VALUE_MAX 3000u
#define CLIENTS 3u

static struct counting counting;
static struct chord_config config;
static struct chord_environment environment;

/* --- the wire: at most one message is under way --- */

static struct {
    bool full;
    uint64_t sent;
    struct chord_message message;
    unsigned char bytes[20000];
} wire;

static void sink_send(void *context, const struct chord_message *message) {
    (void)context;
    wire.sent++;
    wire.full = true;
    wire.message = *message;
    if (message->type == CHORD_MESSAGE_PIECE) {
        if (message->piece.size > sizeof wire.bytes) {
            abort();
        }
        memcpy(wire.bytes, message->piece.bytes, message->piece.size);
        wire.message.piece.bytes = wire.bytes;
    }
}

static const struct chord_sink sink = {.send = sink_send};

/* --- the members --- */

struct write {
    bool insert;
    uint32_t key;
    uint32_t value_size;
    unsigned char fill;
};

static struct write writes[WRITES + 1];
static struct chord_arcs members[MEMBERS];

static struct chord_replica replica_of(uint32_t m, uint64_t now) {
    return (struct chord_replica){.environment = &environment,
                                  .self = {.address = {.rank = m}, .incarnation = 1},
                                  .now_ticks = now};
}

static struct chord_arc *arc_of(uint32_t m) {
    return &members[m].items[0];
}

static struct chord_id id_of_key(uint32_t key) {
    return id_of_number(chord_mix64(key) % 256, 8);
}

static void apply_write(struct tally *tally, struct chord_arc *arc, uint64_t counter) {
    const struct write *write = &writes[counter];
    static unsigned char value[VALUE_MAX];
    unsigned char name[8];
    const uint32_t size = (uint32_t)snprintf((char *)name, sizeof name, "k%u", write->key);
    const struct chord_id id = id_of_key(write->key);
    struct chord_log_write log = {.counter = counter, .bytes = size + write->value_size};
    memset(value, write->fill, write->value_size);
    TALLY(tally, chord_log_reserve(&arc->log, 1) == CHORD_OK);
    if (write->insert) {
        TALLY(tally, chord_store_exchange(&arc->store, id, name, size, value, write->value_size,
                                          (struct chord_version){BASE, counter}, &log.previous,
                                          &log.written) == CHORD_OK);
    } else {
        log.previous = chord_store_detach(&arc->store, id, name, size);
    }
    chord_log_add(&arc->log, log);
    const struct chord_duplicate record = {.seq = counter * 2,
                                           .version = {BASE, counter},
                                           .key_id = id,
                                           .outcome = (enum chord_outcome)(counter % CHORD_OUTCOME_COUNT)};
    TALLY(tally, chord_duplicates_add(&arc->duplicates, (uint32_t)(counter % CLIENTS) * 5,
                                      counter > 12 ? (counter - 12) * 2 : 0, record) == CHORD_OK);
    arc->applied = counter;
}

/* Every member with so many writes; released: up to there its log is forgotten. */
static void begin(struct tally *tally, const uint64_t applied[MEMBERS], const uint64_t released[MEMBERS],
                  uint32_t piece_bytes) {
    counting_init(&counting);
    memset(&wire, 0, sizeof wire);
    config = (struct chord_config){.id_bits = 8, .piece_bytes = piece_bytes, .transfer_ticks = 10};
    environment = (struct chord_environment){.config = &config, .sink = &sink, .allocator = &counting.allocator};
    for (uint32_t m = 0; m < MEMBERS; m++) {
        struct chord_arc *arc;
        chord_arcs_init(&members[m], &environment, id_of_number(0, 8));
        TALLY(tally,
              chord_arcs_carve(&members[m], id_of_number(0, 8), id_of_number(0, 8), &arc) == CHORD_OK);
        arc->base_epoch = BASE;
        arc->epoch = BASE;
        arc->promised = BASE;
        for (uint64_t counter = 1; counter <= applied[m]; counter++) {
            apply_write(tally, arc, counter);
        }
        chord_log_release(&arc->log, &arc->store, released[m]);
        arc->acknowledged = released[m];
    }
}

static void end(struct tally *tally) {
    for (uint32_t m = 0; m < MEMBERS; m++) {
        chord_arcs_clear(&members[m]);
    }
    TALLY(tally, counting.blocks_live == 0);
}

static void random_writes(struct chord_prng *prng, bool large) {
    for (uint32_t i = 1; i <= WRITES; i++) {
        writes[i] = (struct write){.insert = chord_prng_below(prng, 3) != 0,
                                   .key = (uint32_t)chord_prng_below(prng, KEYS),
                                   .fill = (unsigned char)chord_prng_next(prng)};
        writes[i].value_size =
            writes[i].insert ? (uint32_t)chord_prng_below(prng, large && i % 5 == 0 ? VALUE_MAX + 1 : 40) : 0;
    }
}

/* --- what a member has, to compare --- */

struct state {
    struct chord_store_digest store;
    uint64_t duplicates;
    uint64_t applied;
    uint32_t base_epoch;
};

static struct state state_of(const struct chord_arc *arc) {
    struct state state = {.store = chord_store_digest(&arc->store), .applied = arc->applied, .base_epoch = arc->base_epoch};
    for (uint32_t i = 0; i < arc->duplicates.client_count; i++) { /* ascending by rank, records by seq */
        const struct chord_duplicate_client *client = &arc->duplicates.clients[i];
        state.duplicates = chord_digest64_pair(state.duplicates, client->rank);
        state.duplicates = chord_digest64_pair(state.duplicates, client->watermark);
        for (uint32_t index = 0; index < client->count; index++) {
            const struct chord_duplicate *record = chord_duplicates_get(client, index);
            state.duplicates = chord_digest64_pair(state.duplicates, record->seq);
            state.duplicates = chord_digest64_pair(state.duplicates, record->version.counter << 8 | record->version.epoch);
            state.duplicates = chord_digest64_pair(state.duplicates, record->key_id.high ^ (uint64_t)record->outcome);
        }
    }
    return state;
}

static bool same(struct state a, struct state b) {
    return a.store.pair_count == b.store.pair_count && a.store.content == b.store.content &&
           a.store.copies == b.store.copies && a.store.bytes == b.store.bytes && a.duplicates == b.duplicates &&
           a.applied == b.applied && a.base_epoch == b.base_epoch;
}

/* --- one transfer --- */

static void install(uint32_t m, uint32_t epoch, enum chord_arc_status status) {
    struct chord_arc *arc = arc_of(m);
    arc->promised = epoch;
    chord_transfer_end(&environment, arc, epoch);
    arc->epoch = epoch;
    arc->status = status;
}

struct course {
    struct chord_prng *prng; /* NULL: nothing is lost or repeated */
    bool used_delta;
    uint64_t pieces;
    uint64_t failures; /* CHORD_NO_MEMORY */
};

static void transfer(struct tally *tally, uint32_t source, uint32_t receiver, uint32_t epoch, struct course *course) {
    install(source, epoch, CHORD_ARC_SYNCED);
    install(receiver, epoch, CHORD_ARC_SYNCING);
    const struct state wanted = state_of(arc_of(source));
    const struct state old = state_of(arc_of(receiver));
    uint64_t now = 0;
    wire.full = false;
    struct chord_replica at = replica_of(receiver, now);
    while (chord_transfer_begin(&at, arc_of(receiver), (struct chord_address){.rank = source}) != CHORD_OK) {
        course->failures++;
    }
    bool complete = false;
    for (uint32_t step = 0; step < 20000 && !complete; step++) {
        const uint64_t chance = course->prng == NULL ? 9 : chord_prng_below(course->prng, 12);
        if (!wire.full || chance == 0) { /* lost, or a step without memory: asked for again when it is due */
            now = chord_transfer_deadline(arc_of(receiver));
            at = replica_of(receiver, now - 1);
            wire.full = false;
            chord_transfer_tick(&at, arc_of(receiver));
            TALLY(tally, !wire.full);
            at = replica_of(receiver, now);
            chord_transfer_tick(&at, arc_of(receiver));
            TALLY(tally, wire.full);
            continue;
        }
        static unsigned char bytes[sizeof wire.bytes];
        struct chord_message message = wire.message;
        wire.full = false;
        if (message.type == CHORD_MESSAGE_PULL) {
            const struct chord_replica from = replica_of(source, now);
            if (chance == 1) { /* arrives twice: both are answered, with the same piece */
                course->failures +=
                    chord_transfer_pull(&from, arc_of(source), message.from, &message.pull) == CHORD_NO_MEMORY;
            }
            const enum chord_status status = chord_transfer_pull(&from, arc_of(source), message.from, &message.pull);
            TALLY(tally, status == CHORD_OK || status == CHORD_NO_MEMORY);
            course->failures += status == CHORD_NO_MEMORY;
            continue;
        }
        memcpy(bytes, message.piece.bytes, message.piece.size);
        message.piece.bytes = bytes;
        TALLY(tally, message.type == CHORD_MESSAGE_PIECE && message.piece.size <= config.piece_bytes &&
                         message.piece.size > 0);
        const enum chord_status status =
            chord_transfer_piece(&at, arc_of(receiver), message.from, &message.piece, &complete);
        TALLY(tally, status == CHORD_OK || status == CHORD_NO_MEMORY);
        course->failures += status == CHORD_NO_MEMORY;
        course->pieces += status == CHORD_OK;
        course->used_delta = arc_of(receiver)->staging->delta;
        TALLY(tally, complete == (status == CHORD_OK && message.piece.last));
        TALLY(tally, same(state_of(arc_of(receiver)), complete ? wanted : old)); /* in one step */
        if (chance == 2) {
            bool again;
            const uint64_t sent = wire.sent;
            TALLY(tally, chord_transfer_piece(&at, arc_of(receiver), message.from, &message.piece, &again) ==
                                 (status == CHORD_OK ? CHORD_STALE : CHORD_OK) ||
                             status == CHORD_NO_MEMORY);
            TALLY(tally, status == CHORD_NO_MEMORY || (!again && wire.sent == sent));
            complete = complete || again;
        }
    }
    TALLY(tally, complete && same(state_of(arc_of(source)), wanted) && same(state_of(arc_of(receiver)), wanted));
    chord_transfer_end(&environment, arc_of(receiver), epoch);
    TALLY(tally, arc_of(receiver)->staging == NULL);
    arc_of(receiver)->status = CHORD_ARC_SYNCED;
    /* What is left of its log is about writes that it still has. */
    const struct chord_log *log = &arc_of(receiver)->log;
    TALLY(tally, log->start <= arc_of(receiver)->applied);
    for (uint32_t i = 0; i < log->count; i++) {
        TALLY(tally, chord_log_get(log, i)->counter <= arc_of(receiver)->applied);
    }
}

static void random_counters(struct chord_prng *prng, uint64_t applied[MEMBERS], uint64_t released[MEMBERS]) {
    for (uint32_t m = 0; m < MEMBERS; m++) {
        applied[m] = chord_prng_below(prng, WRITES + 1);
        released[m] = chord_prng_below(prng, applied[m] + 1);
        if (chord_prng_below(prng, 2)) { /* like a chain: little is under way */
            released[m] = applied[m] > 6 ? applied[m] - chord_prng_below(prng, 7) : 0;
        }
    }
}

/* The arc of each member is cut at the same ids; what is left of it is one part. */
static void cut_all(struct tally *tally, struct chord_prng *prng) {
    const uint64_t start = chord_prng_below(prng, 256);
    const uint64_t stop = start + 1 + chord_prng_below(prng, 254);
    for (uint32_t m = 0; m < MEMBERS; m++) {
        struct chord_arc *arc;
        const struct chord_id first = id_of_number(start % 256, 8);
        const struct chord_id last = id_of_number(stop % 256, 8);
        if (chord_arcs_carve(&members[m], first, last, &arc) == CHORD_OK) {
            while (members[m].count > 1) { /* the others are of no interest */
                struct chord_arc *other = &members[m].items[arc == &members[m].items[0]];
                const struct chord_id keep = arc->end;
                chord_arcs_remove(&members[m], other);
                arc = chord_arcs_ending_at(&members[m], keep);
            }
        }
        TALLY(tally, members[m].count == 1);
    }
}

static void any_to_any(struct tally *tally, uint64_t seed, uint64_t *deltas, uint64_t *wholes) {
    struct chord_prng prng = chord_prng_seeded(seed, 1);
    uint64_t applied[MEMBERS];
    uint64_t released[MEMBERS];
    random_writes(&prng, seed % 2 == 0);
    random_counters(&prng, applied, released);
    begin(tally, applied, released, 64 + (uint32_t)chord_prng_below(&prng, seed % 3 == 0 ? 10 : 6000));
    if (seed % 3 == 1) {
        cut_all(tally, &prng);
    }
    if (seed % 7 == 0) { /* one comes from another base, or has nothing */
        struct chord_arc *arc = arc_of(MEMBERS - 1);
        arc->base_epoch = seed % 2 == 0 ? BASE - 1 : 0;
    }
    for (uint32_t round = 0; round < 6; round++) {
        const uint32_t source = (uint32_t)chord_prng_below(&prng, MEMBERS);
        const uint32_t receiver = (source + 1 + (uint32_t)chord_prng_below(&prng, MEMBERS - 1)) % MEMBERS;
        if (arc_of(source)->base_epoch != 0) {
            struct course course = {.prng = chord_prng_below(&prng, 2) ? &prng : NULL};
            transfer(tally, source, receiver, 10 + round, &course);
            *deltas += course.used_delta;
            *wholes += !course.used_delta;
        }
    }
    end(tally);
}

static void test_any_to_any(void) {
    struct tally tally = {0};
    uint64_t deltas = 0;
    uint64_t wholes = 0;
    for (uint64_t seed = 0; seed < 600 && tally.failed == 0; seed++) {
        any_to_any(&tally, seed, &deltas, &wholes);
        if (tally.failed != 0) {
            printf("    seed %llu\n", (unsigned long long)seed);
        }
    }
    CU_ASSERT(deltas > 300 && wholes > 300);
    TALLY_ASSERT(&tally, 50000);
}

/* The part's only pair was deleted by a write that the source lacks. The half that the arc was split into has no slots, yet
 * the pair must come back. */
static void test_a_delete_is_undone_in_a_split_arc(void) {
    for (uint32_t pairs = 1; pairs <= 13; pairs += 12) { /* and one more than just fits */
        struct tally tally = {0};
        memset(writes, 0, sizeof writes);
        for (uint32_t i = 1; i <= pairs; i++) {
            writes[i] = (struct write){.insert = true, .key = i, .value_size = 5, .fill = 'x'};
        }
        writes[pairs + 1] = (struct write){.insert = false, .key = 1};
        const uint64_t applied[MEMBERS] = {pairs, pairs + 1, 0, 0};
        const uint64_t released[MEMBERS] = {pairs, pairs, 0, 0};
        begin(&tally, applied, released, 64);
        for (uint32_t m = 0; m < 2; m++) { /* all ids but one: a half with just the pairs' slots */
            struct chord_arc *arc;
            CU_ASSERT_EQUAL_FATAL(
                chord_arcs_carve(&members[m], id_of_number(0, 8), id_of_number(255, 8), &arc), CHORD_OK);
            chord_arcs_remove(&members[m], chord_arcs_ending_at(&members[m], id_of_number(0, 8)));
        }
        volatile bool trapped;
        struct course course = {0};
        TRAP(trapped, transfer(&tally, 0, 1, 10, &course));
        CU_ASSERT_FALSE(trapped);
        CU_ASSERT_TRUE(course.used_delta);
        CU_ASSERT_EQUAL(arc_of(1)->store.count, pairs);
        end(&tally);
        TALLY_ASSERT(&tally, 10);
    }
}

/* A view change fails after a member has got the writes that it lacked; the next source has some of them only, or none. The
 * member undoes what came together, and gets what the source has beyond that. A source that is itself such a member knows
 * only where those writes began and ended. */
static void test_delta_after_a_failed_change(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(79, 5);
    for (uint32_t second = 12; second <= 20; second++) {
        for (uint32_t third = 5; third <= 20; third++) {
            const uint64_t applied[MEMBERS] = {20, second, 12, third};
            const uint64_t released[MEMBERS] = {5, 5, 5, third};
            random_writes(&prng, true);
            struct course first = {0};
            begin(&tally, applied, released, 200);
            transfer(&tally, 0, 2, 10, &first);
            TALLY(&tally, first.used_delta);
            struct course again = {0};
            transfer(&tally, 1, 2, 11, &again);
            TALLY(&tally, again.used_delta);
            transfer(&tally, 0, 2, 12, &again);
            TALLY(&tally, again.used_delta);
            struct course joint = {0};
            transfer(&tally, 2, 3, 13, &joint);
            TALLY(&tally, joint.used_delta == (third <= 12 || third == 20));
            end(&tally);
        }
    }
    TALLY_ASSERT(&tally, 3000);
}

/* Pieces of every size from the smallest on, cut anywhere: ahead, behind, equal, from nothing. */
static void test_every_piece_size(void) {
    struct tally tally = {0};
    static const uint64_t applied[MEMBERS] = {40, 50, 30, 40};
    static const uint64_t released[MEMBERS] = {28, 38, 25, 40};
    struct chord_prng prng = chord_prng_seeded(77, 2);
    random_writes(&prng, true);
    for (uint32_t size = 64; size <= 700; size += size < 200 ? 1 : 23) {
        for (uint32_t receiver = 1; receiver < MEMBERS; receiver++) {
            struct course course = {0};
            begin(&tally, applied, released, size);
            transfer(&tally, 0, receiver, 10, &course);
            TALLY(&tally, course.used_delta);
            end(&tally);
            begin(&tally, applied, released, size);
            arc_of(receiver)->base_epoch = BASE - 1;
            transfer(&tally, 0, receiver, 10, &course);
            TALLY(&tally, !course.used_delta && course.pieces > VALUE_MAX / size);
            end(&tally);
        }
    }
    TALLY_ASSERT(&tally, 10000);
}

/* The n-th allocation fails, at the source or the receiver: asked for again later, the end is the same. */
static void test_no_memory(void) {
    struct tally tally = {0};
    static const uint64_t applied[MEMBERS] = {20, 26, 9, 20};
    static const uint64_t released[MEMBERS] = {8, 15, 9, 20};
    struct chord_prng prng = chord_prng_seeded(78, 3);
    random_writes(&prng, true);
    uint64_t failures = 0;
    for (uint32_t receiver = 1; receiver < MEMBERS; receiver++) {
        for (int whole = 0; whole < 2; whole++) {
            for (uint64_t n = 1;; n++) {
                struct course course = {0};
                begin(&tally, applied, released, 500);
                arc_of(receiver)->base_epoch = whole ? 0 : BASE;
                counting.fail_at = counting.calls + n;
                transfer(&tally, 0, receiver, 10, &course);
                const bool reached = counting.calls >= counting.fail_at;
                TALLY(&tally, course.failures == reached);
                failures += course.failures;
                end(&tally);
                if (!reached) {
                    break;
                }
            }
        }
    }
    CU_ASSERT(failures > 100);
    TALLY_ASSERT(&tally, 5000);
}

/* --- pieces that no source sends --- */

static enum chord_status give(const unsigned char *bytes, uint32_t size, uint64_t offset, bool last, bool *complete) {
    const struct chord_piece piece = {
        .epoch = 10, .offset = offset, .size = size, .last = last, .bytes = bytes};
    const struct chord_replica at = replica_of(1, 0);
    return chord_transfer_piece(&at, arc_of(1), (struct chord_address){.rank = 0}, &piece, complete);
}

/* A whole, minimal state: mode, base 3, applied 5, nothing undone, no clients, no pairs. */
static const unsigned char minimal[26] = {0, 3, 0, 0, 0, 5};

static void begin_receiving(struct tally *tally) {
    static const uint64_t applied[MEMBERS] = {4, 9, 0, 0};
    static const uint64_t released[MEMBERS] = {0, 3, 0, 0};
    begin(tally, applied, released, 64);
    install(1, 10, CHORD_ARC_SYNCING);
    const struct chord_replica at = replica_of(1, 0);
    TALLY(tally, chord_transfer_begin(&at, arc_of(1), (struct chord_address){.rank = 0}) == CHORD_OK);
}

static void expect_malformed(struct tally *tally, const unsigned char *bytes, uint32_t size, bool last) {
    bool complete;
    begin_receiving(tally);
    const struct state old = state_of(arc_of(1));
    CU_ASSERT_EQUAL(give(bytes, size, 0, last, &complete), CHORD_MALFORMED);
    CU_ASSERT_FALSE(complete);
    CU_ASSERT_TRUE(same(state_of(arc_of(1)), old));
    /* It begins anew: a good one is taken. */
    CU_ASSERT_EQUAL(give(minimal, sizeof minimal, 0, true, &complete), CHORD_OK);
    CU_ASSERT_TRUE(complete);
    CU_ASSERT_EQUAL(arc_of(1)->store.count, 0);
    CU_ASSERT_EQUAL(arc_of(1)->applied, 5);
    end(tally);
}

static void test_malformed(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(4, 4);
    random_writes(&prng, false);
    unsigned char bytes[208];
    memcpy(bytes, minimal, sizeof minimal);
    expect_malformed(&tally, bytes, sizeof minimal, false); /* the end, but not the last piece */
    expect_malformed(&tally, bytes, sizeof minimal - 1, true); /* the last piece without an end */
    expect_malformed(&tally, bytes, 5, true);                /* not even a head */
    expect_malformed(&tally, bytes, 0, true);
    bytes[sizeof minimal] = 0;
    expect_malformed(&tally, bytes, sizeof minimal + 1, true); /* something behind the end */
    bytes[0] = 2;
    expect_malformed(&tally, bytes, sizeof minimal, true); /* no such mode */
    bytes[0] = 1;
    bytes[1] = BASE + 1;
    expect_malformed(&tally, bytes, sizeof minimal, true); /* a delta on another base */
    bytes[1] = BASE;
    bytes[5] = 2;
    expect_malformed(&tally, bytes, sizeof minimal, true); /* a delta farther back than the log reaches */
    bytes[5] = 5;
    bytes[13] = 7;
    expect_malformed(&tally, bytes, sizeof minimal, true); /* a delta that keeps more than it leads to */
    bytes[13] = 0;
    bytes[0] = 0;
    bytes[1] = 0;
    expect_malformed(&tally, bytes, sizeof minimal, true); /* the state of no epoch */
    memcpy(bytes, minimal, sizeof minimal);
    bytes[25] = 3;
    expect_malformed(&tally, bytes, 68, false); /* no such item */
    bytes[25] = 2;
    memset(bytes + 26, 0, 22);
    bytes[46] = 1;
    expect_malformed(&tally, bytes, 68, false); /* a removal, but no delta */
    bytes[25] = 1;
    memset(bytes + 26, 0, 60);
    expect_malformed(&tally, bytes, 88, false); /* a pair without a key */
    bytes[59] = 5;                              /* key size 0x500 */
    expect_malformed(&tally, bytes, 88, false);
    bytes[58] = 1;
    bytes[59] = 0;
    memset(bytes + 60, 0xff, 4);
    expect_malformed(&tally, bytes, 88, false); /* a value of 4 GiB */
    /* Two records with one seq; a record with no such outcome; one below its watermark. */
    memcpy(bytes, minimal, sizeof minimal);
    memset(bytes + 25, 0, sizeof bytes - 25);
    bytes[21] = 1; /* clients */
    bytes[29] = 7; /* watermark */
    bytes[37] = 2; /* records */
    bytes[41] = 8;
    bytes[82] = 8;
    expect_malformed(&tally, bytes, 128, false);
    bytes[41] = 6;
    expect_malformed(&tally, bytes, 128, false);
    bytes[41] = 7;
    bytes[81] = CHORD_OUTCOME_COUNT;
    expect_malformed(&tally, bytes, 128, false);
    TALLY_ASSERT(&tally, 50);
}

/* Pieces of other epochs, senders and offsets are dropped with their status. */
static void test_out_of_place(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(5, 4);
    random_writes(&prng, false);
    begin_receiving(&tally);
    bool complete;
    const struct chord_replica at = replica_of(1, 0);
    struct chord_piece piece = {.epoch = 9, .size = sizeof minimal, .last = true, .bytes = minimal};
    const struct chord_address source = {.rank = 0};
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), source, &piece, &complete), CHORD_STALE);
    piece.epoch = 11;
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), source, &piece, &complete), CHORD_UNEXPECTED);
    piece.epoch = 10;
    piece.offset = sizeof minimal;
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), source, &piece, &complete), CHORD_STALE);
    piece.offset = 0;
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), (struct chord_address){.rank = 2}, &piece, &complete),
                    CHORD_UNEXPECTED);
    arc_of(1)->promised = 11; /* M2: wedged again, nothing of the older epoch is taken */
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), source, &piece, &complete), CHORD_STALE);
    arc_of(1)->promised = 10;
    CU_ASSERT_EQUAL(arc_of(1)->applied, 9);
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), source, &piece, &complete), CHORD_OK);
    CU_ASSERT_TRUE(complete);
    CU_ASSERT_EQUAL(chord_transfer_piece(&at, arc_of(1), source, &piece, &complete), CHORD_STALE);
    /* PULLs. */
    struct chord_pull pull = {.epoch = 9};
    const struct chord_replica from = replica_of(0, 0);
    const struct chord_address asker = {.rank = 1};
    install(0, 10, CHORD_ARC_SYNCED);
    wire.full = false;
    CU_ASSERT_EQUAL(chord_transfer_pull(&from, arc_of(0), asker, &pull), CHORD_STALE);
    pull.epoch = 10;
    pull.offset = 64;
    CU_ASSERT_EQUAL(chord_transfer_pull(&from, arc_of(0), asker, &pull), CHORD_UNEXPECTED); /* never began */
    arc_of(2)->base_epoch = 0;
    install(2, 10, CHORD_ARC_SYNCING);
    pull.offset = 0;
    CU_ASSERT_EQUAL(chord_transfer_pull(&from, arc_of(2), asker, &pull), CHORD_UNEXPECTED); /* has nothing to give */
    CU_ASSERT_FALSE(wire.full);
    /* M5: a PULL of an epoch that isn't installed is answered once it is, and not if another one is. */
    pull.epoch = 12;
    CU_ASSERT_EQUAL(chord_transfer_pull(&from, arc_of(0), asker, &pull), CHORD_OK);
    CU_ASSERT_FALSE(wire.full);
    CU_ASSERT_EQUAL(chord_transfer_release(&from, arc_of(0)), CHORD_OK);
    CU_ASSERT_FALSE(wire.full);
    install(0, 12, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(chord_transfer_release(&from, arc_of(0)), CHORD_OK);
    CU_ASSERT_TRUE(wire.full);
    CU_ASSERT_EQUAL(wire.message.type, CHORD_MESSAGE_PIECE);
    CU_ASSERT_EQUAL(wire.message.piece.epoch, 12);
    wire.full = false;
    CU_ASSERT_EQUAL(chord_transfer_release(&from, arc_of(0)), CHORD_OK); /* once */
    CU_ASSERT_FALSE(wire.full);
    end(&tally);
    TALLY_ASSERT(&tally, 10);
}

/* Any bytes of a stream changed, and what it leads to used as a source in turn: a defined status each time, and the old
 * state until the last piece. */
static void test_mutations(void) {
    struct tally tally = {0};
    uint64_t malformed = 0;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct chord_prng prng = chord_prng_seeded(seed, 6);
        uint64_t applied[MEMBERS];
        uint64_t released[MEMBERS];
        random_writes(&prng, false);
        random_counters(&prng, applied, released);
        begin(&tally, applied, released, 64 + (uint32_t)chord_prng_below(&prng, 300));
        install(0, 10, CHORD_ARC_SYNCED);
        install(1, 10, CHORD_ARC_SYNCING);
        const struct state old = state_of(arc_of(1));
        const struct chord_replica at = replica_of(1, 0);
        const struct chord_replica from = replica_of(0, 0);
        TALLY(&tally, chord_transfer_begin(&at, arc_of(1), from.self.address) == CHORD_OK);
        bool complete = false;
        for (uint32_t step = 0; step < 200 && !complete; step++) {
            const struct chord_pull pull = wire.message.pull;
            TALLY(&tally, wire.message.type == CHORD_MESSAGE_PULL);
            TALLY(&tally, chord_transfer_pull(&from, arc_of(0), at.self.address, &pull) == CHORD_OK);
            static unsigned char bytes[sizeof wire.bytes];
            struct chord_piece piece = wire.message.piece;
            memcpy(bytes, piece.bytes, piece.size);
            piece.bytes = bytes;
            if (chord_prng_below(&prng, 3) == 0) {
                const uint64_t place = chord_prng_below(&prng, 4) ? chord_prng_below(&prng, piece.size)
                                                                 : chord_prng_below(&prng, 17) % piece.size;
                bytes[place] ^= (unsigned char)(1 + chord_prng_below(&prng, chord_prng_below(&prng, 2) ? 255 : 7));
            }
            const enum chord_status status =
                chord_transfer_piece(&at, arc_of(1), from.self.address, &piece, &complete);
            TALLY(&tally, status == CHORD_OK || status == CHORD_MALFORMED);
            TALLY(&tally, complete || same(state_of(arc_of(1)), old));
            if (status == CHORD_MALFORMED) {
                malformed++;
                const struct chord_replica later = replica_of(1, 1000 + step * 20);
                chord_transfer_tick(&later, arc_of(1));
            }
        }
        chord_transfer_end(&environment, arc_of(1), UINT32_MAX);
        if (complete) {
            /* What it has now may be nonsense, which no comparison fits, but nothing may break when it is given on. */
            struct course course = {0};
            struct tally nonsense = {.failed = 1};
            transfer(&nonsense, 1, 2, 11, &course);
            transfer(&nonsense, 0, 1, 12, &course);
        }
        end(&tally);
    }
    CU_ASSERT(malformed > 500);
    TALLY_ASSERT(&tally, 20000);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"from any member to any other, messages lost and repeated", test_any_to_any},
        {"a delete is undone in a split arc", test_a_delete_is_undone_in_a_split_arc},
        {"pieces of every size, values larger than a piece", test_every_piece_size},
        {"no memory at each allocation", test_no_memory},
        {"a delta after a change that failed: what came together is undone together", test_delta_after_a_failed_change},
        {"malformed pieces leave the old state", test_malformed},
        {"pieces and PULLs out of place", test_out_of_place},
        {"mutated pieces", test_mutations},
    };
    return UNIT_RUN("transfer", tests);
}
