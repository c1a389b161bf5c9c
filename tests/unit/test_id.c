/* chord/base/id and chord/hash: ring arithmetic against a walk around the ring and against a ripple-carry
 * adder. Identifiers, intervals and finger starts are those of SIGCOMM 2001, sections 4.1 to 4.3 and table 1.
 */
#include "tests/unit/core_fixture.h"

#include "chord/hash/hash.h"

static const unsigned small_bits[] = {1, 3, 4, 7};
static const unsigned wide_bits[] = {33, 64, 96, 128, 129, 160};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- intervals --- */

/* Walks clockwise from a + 1 on until b: is x met before b, or at b? With a == b the walk goes once round. */
static bool walk_meets(unsigned size, unsigned a, unsigned x, unsigned b, bool closed) {
    for (unsigned at = (a + 1) & (size - 1);; at = (at + 1) & (size - 1)) {
        if (at == b) {
            return closed && at == x;
        }
        if (at == x) {
            return true;
        }
    }
}

/* Every a, b, x. Section 4.2's (a, b) and (a, b]; with a == b the whole ring, without and with a itself. */
static void test_intervals_on_small_rings(void) {
    struct tally tally = {0};
    for (size_t i = 0; i < LENGTH(small_bits); i++) {
        const unsigned bits = small_bits[i];
        const unsigned size = 1u << bits;
        struct chord_id ids[128];
        for (unsigned a = 0; a < size; a++) {
            ids[a] = id_of_number(a, bits);
        }
        for (unsigned a = 0; a < size; a++) {
            for (unsigned b = 0; b < size; b++) {
                for (unsigned x = 0; x < size; x++) {
                    TALLY(&tally,
                          chord_id_in_open(ids[a], ids[x], ids[b]) == walk_meets(size, a, x, b, false));
                    TALLY(&tally,
                          chord_id_in_open_closed(ids[a], ids[x], ids[b]) == walk_meets(size, a, x, b, true));
                }
            }
        }
    }
    TALLY_ASSERT(&tally, 2u * (8u + 512u + 4096u + 2097152u));
}

static void test_intervals_with_equal_ends(void) {
    const struct chord_id a = id_of_number(5, 4);
    const struct chord_id x = id_of_number(6, 4);
    CU_ASSERT_FALSE(chord_id_in_open(a, a, a));
    CU_ASSERT_TRUE(chord_id_in_open(a, x, a));
    CU_ASSERT_TRUE(chord_id_in_open_closed(a, a, a)); /* a ring of one owns every key, its own id too */
    CU_ASSERT_TRUE(chord_id_in_open_closed(a, x, a));
}

/* Every ring of up to eight nodes on 3 bits, every id: the first node that a walk from there meets. */
static void test_owner(void) {
    struct tally tally = {0};
    for (unsigned members = 1; members < 256; members++) {
        struct chord_id ids[8];
        size_t count = 0;
        for (unsigned at = 0; at < 8; at++) {
            if ((members >> at & 1) != 0) {
                ids[count++] = id_of_number(at, 3);
            }
        }
        for (unsigned x = 0; x < 8; x++) {
            unsigned at = x;
            while ((members >> at & 1) == 0) {
                at = (at + 1) % 8;
            }
            TALLY(&tally, chord_id_equal(ids[chord_id_owner(ids, count, id_of_number(x, 3))], id_of_number(at, 3)));
        }
    }
    TALLY_ASSERT(&tally, 255u * 8u);
}

static void test_compare_and_equal(void) {
    struct tally tally = {0};
    for (unsigned a = 0; a < 128; a++) {
        for (unsigned b = 0; b < 128; b++) {
            const struct chord_id ida = id_of_number(a, 7);
            const struct chord_id idb = id_of_number(b, 7);
            TALLY(&tally, chord_id_compare(ida, idb) == (a > b) - (a < b));
            TALLY(&tally, chord_id_equal(ida, idb) == (a == b));
        }
    }
    TALLY_ASSERT(&tally, 2u * 128u * 128u);
    /* Each of the three words decides, the higher ones first. */
    const struct chord_id words[] = {{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0}};
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            CU_ASSERT_EQUAL(chord_id_compare(words[i], words[j]), (i > j) - (i < j));
            CU_ASSERT_EQUAL(chord_id_equal(words[i], words[j]), i == j);
        }
    }
    CU_ASSERT_TRUE(
        chord_id_compare((struct chord_id){1, 0, 0}, (struct chord_id){0, UINT64_MAX, UINT32_MAX}) > 0);
}

/* --- adding and subtracting --- */

static void test_arithmetic_on_small_rings(void) {
    struct tally tally = {0};
    for (size_t i = 0; i < LENGTH(small_bits); i++) {
        const unsigned bits = small_bits[i];
        const unsigned size = 1u << bits;
        for (unsigned a = 0; a < size; a++) {
            for (unsigned exponent = 0; exponent < bits; exponent++) {
                const struct chord_id sum = chord_id_add_power(id_of_number(a, bits), bits, exponent);
                TALLY(&tally, chord_id_equal(sum, id_of_number((a + (1u << exponent)) % size, bits)));
            }
            for (unsigned b = 0; b < size; b++) {
                const struct chord_id distance =
                    chord_id_distance(id_of_number(a, bits), id_of_number(b, bits));
                TALLY(&tally, chord_id_equal(distance, id_of_number((b + size - a) % size, bits)));
            }
        }
    }
    TALLY_ASSERT(&tally, 16u * 4u + 16u * 16u);
}

/* A 160-bit number as bits, the lowest first: slow, and carries one bit at a time. */
struct ripple {
    unsigned char bit[CHORD_ID_BITS_MAX];
};

static struct ripple ripple_of(struct chord_id id) {
    struct ripple ripple;
    for (unsigned i = 0; i < CHORD_ID_BITS_MAX; i++) {
        const uint64_t word = i < 32   ? (uint64_t)id.low >> i
                              : i < 96 ? id.middle >> (i - 32)
                                       : id.high >> (i - 96);
        ripple.bit[i] = word & 1;
    }
    return ripple;
}

static struct ripple ripple_add(struct ripple a, struct ripple b) {
    unsigned carry = 0;
    for (unsigned i = 0; i < CHORD_ID_BITS_MAX; i++) {
        const unsigned sum = a.bit[i] + b.bit[i] + carry;
        a.bit[i] = sum & 1;
        carry = sum >> 1;
    }
    return a;
}

static bool ripple_is(struct ripple ripple, struct chord_id id) {
    const struct ripple other = ripple_of(id);
    return memcmp(&ripple, &other, sizeof ripple) == 0;
}

/* The ids that make carries run: none, all ones, each power minus one, and some at random. */
static struct chord_id wide_id(unsigned index, unsigned bits, struct chord_prng *prng) {
    const struct chord_id ones = {UINT64_MAX, UINT64_MAX, UINT32_MAX};
    if (index == 0) {
        return (struct chord_id){0};
    }
    if (index == 1) {
        return chord_id_truncate(ones, bits);
    }
    if (index < 2 + bits) { /* 2^(index - 2) - 1, left-aligned */
        const struct chord_id power = chord_id_add_power((struct chord_id){0}, bits, index - 2);
        struct ripple minus_one = ripple_add(ripple_of(power), ripple_of(chord_id_truncate(ones, bits)));
        unsigned char bytes[CHORD_ID_BYTES] = {0};
        for (unsigned i = 0; i < CHORD_ID_BITS_MAX; i++) {
            bytes[CHORD_ID_BYTES - 1 - i / 8] |= (unsigned char)(minus_one.bit[i] << (i % 8));
        }
        return chord_id_from_bytes(bytes);
    }
    return id_random(prng, bits);
}

static void test_arithmetic_on_wide_rings(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(1, 0);
    for (size_t i = 0; i < LENGTH(wide_bits); i++) {
        const unsigned bits = wide_bits[i];
        for (unsigned index = 0; index < bits + 20; index++) {
            const struct chord_id a = wide_id(index, bits, &prng);
            for (unsigned exponent = 0; exponent < bits; exponent++) {
                struct ripple power = {{0}};
                power.bit[CHORD_ID_BITS_MAX - bits + exponent] = 1;
                const struct chord_id sum = chord_id_add_power(a, bits, exponent);
                TALLY(&tally, ripple_is(ripple_add(ripple_of(a), power), sum));
                TALLY(&tally, chord_id_equal(sum, chord_id_truncate(sum, bits)));
                /* a + distance(a, b) == b, both ways round. */
                const struct ripple there = ripple_of(chord_id_distance(a, sum));
                const struct ripple back = ripple_of(chord_id_distance(sum, a));
                TALLY(&tally, ripple_is(ripple_add(ripple_of(a), there), sum));
                TALLY(&tally, ripple_is(ripple_add(ripple_of(sum), back), a));
            }
        }
    }
    TALLY_ASSERT(&tally, 100000);
}

/* The borders by hand, so that the reference above isn't trusted alone. */
static void test_carries_by_hand(void) {
    const struct chord_id low_full = {0, 0, UINT32_MAX};
    const struct chord_id middle_full = {0, UINT64_MAX, UINT32_MAX};
    const struct chord_id full = {UINT64_MAX, UINT64_MAX, UINT32_MAX};
    CU_ASSERT_TRUE(chord_id_equal(chord_id_add_power(low_full, 160, 0), (struct chord_id){0, 1, 0}));
    CU_ASSERT_TRUE(chord_id_equal(chord_id_add_power(middle_full, 160, 0), (struct chord_id){1, 0, 0}));
    CU_ASSERT_TRUE(chord_id_equal(chord_id_add_power(full, 160, 0), (struct chord_id){0, 0, 0}));
    CU_ASSERT_TRUE(
        chord_id_equal(chord_id_add_power((struct chord_id){0}, 160, 31), (struct chord_id){0, 0, 1u << 31}));
    CU_ASSERT_TRUE(
        chord_id_equal(chord_id_add_power((struct chord_id){0}, 160, 32), (struct chord_id){0, 1, 0}));
    CU_ASSERT_TRUE(
        chord_id_equal(chord_id_add_power((struct chord_id){0}, 160, 96), (struct chord_id){1, 0, 0}));
    CU_ASSERT_TRUE(
        chord_id_equal(chord_id_add_power((struct chord_id){0}, 128, 0), (struct chord_id){0, 1, 0}));
    CU_ASSERT_TRUE(
        chord_id_equal(chord_id_add_power((struct chord_id){0}, 129, 0), (struct chord_id){0, 0, 1u << 31}));
    CU_ASSERT_TRUE(
        chord_id_equal(chord_id_add_power((struct chord_id){0}, 64, 0), (struct chord_id){1, 0, 0}));
    CU_ASSERT_TRUE(chord_id_equal(chord_id_distance((struct chord_id){0, 0, 1}, (struct chord_id){0}), full));
    CU_ASSERT_TRUE(chord_id_equal(chord_id_distance((struct chord_id){0, 0, 1}, (struct chord_id){1, 0, 0}),
                                  middle_full));
    CU_ASSERT_TRUE(chord_id_equal(chord_id_distance(full, full), (struct chord_id){0}));
}

/* An interval test is a comparison of clockwise distances, on rings of any width. */
static void test_intervals_on_wide_rings(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(2, 0);
    for (size_t i = 0; i < LENGTH(wide_bits); i++) {
        const unsigned bits = wide_bits[i];
        for (unsigned round = 0; round < 3000; round++) {
            /* Neighbouring ids are likely, so that the ends are met. */
            const struct chord_id a = id_random(&prng, bits);
            const unsigned exponent = (unsigned)chord_prng_below(&prng, bits);
            const struct chord_id b =
                round % 3 ? chord_id_add_power(a, bits, exponent) : id_random(&prng, bits);
            const struct chord_id near = chord_id_add_power(round % 2 ? a : b, bits, exponent / 2);
            const struct chord_id xs[] = {a, b, near, id_random(&prng, bits)};
            for (size_t j = 0; j < LENGTH(xs); j++) {
                const struct chord_id zero = {0};
                const int past = chord_id_compare(chord_id_distance(a, xs[j]), chord_id_distance(a, b));
                const bool is_a = chord_id_equal(chord_id_distance(a, xs[j]), zero);
                const bool ends_equal = chord_id_equal(a, b);
                TALLY(&tally, chord_id_in_open(a, xs[j], b) == (!is_a && (ends_equal || past < 0)));
                TALLY(&tally, chord_id_in_open_closed(a, xs[j], b) == (ends_equal || (!is_a && past <= 0)));
            }
        }
    }
    TALLY_ASSERT(&tally, 100000);
}

/* --- truncation, bytes, numbers, texts --- */

static void test_truncate_every_width(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(3, 0);
    for (unsigned bits = 1; bits <= CHORD_ID_BITS_MAX; bits++) {
        for (unsigned round = 0; round < 4; round++) {
            const struct chord_id id = round == 0 ? (struct chord_id){UINT64_MAX, UINT64_MAX, UINT32_MAX}
                                                  : id_random(&prng, CHORD_ID_BITS_MAX);
            struct ripple expected = ripple_of(id);
            for (unsigned bit = 0; bit < CHORD_ID_BITS_MAX - bits; bit++) {
                expected.bit[bit] = 0;
            }
            TALLY(&tally, ripple_is(expected, chord_id_truncate(id, bits)));
        }
    }
    TALLY_ASSERT(&tally, 640);
}

static void test_bytes_round_trip(void) {
    struct chord_prng prng = chord_prng_seeded(4, 0);
    for (unsigned round = 0; round < 1000; round++) {
        unsigned char bytes[CHORD_ID_BYTES];
        unsigned char again[CHORD_ID_BYTES];
        for (unsigned i = 0; i < CHORD_ID_BYTES; i++) {
            bytes[i] = (unsigned char)chord_prng_next(&prng);
        }
        chord_id_to_bytes(chord_id_from_bytes(bytes), again);
        CU_ASSERT_EQUAL(memcmp(bytes, again, sizeof bytes), 0);
    }
    const unsigned char order[CHORD_ID_BYTES] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                                 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
    const struct chord_id id = chord_id_from_bytes(order); /* big-endian */
    CU_ASSERT_EQUAL(id.high, UINT64_C(0x0102030405060708));
    CU_ASSERT_EQUAL(id.middle, UINT64_C(0x090a0b0c0d0e0f10));
    CU_ASSERT_EQUAL(id.low, UINT32_C(0x11121314));
}

static void test_from_number_limits(void) {
    struct chord_id id;
    for (unsigned bits = 1; bits < 64; bits++) {
        CU_ASSERT_EQUAL(chord_id_from_number((UINT64_C(1) << bits) - 1, bits, &id), CHORD_OK);
        CU_ASSERT_TRUE(chord_id_equal(
            id, chord_id_truncate((struct chord_id){UINT64_MAX, UINT64_MAX, UINT32_MAX}, bits)));
        CU_ASSERT_EQUAL(chord_id_from_number(UINT64_C(1) << bits, bits, &id), CHORD_INVALID);
        CU_ASSERT_EQUAL(chord_id_from_number(UINT64_MAX, bits, &id), CHORD_INVALID);
    }
    for (unsigned bits = 64; bits <= CHORD_ID_BITS_MAX; bits++) {
        CU_ASSERT_EQUAL(chord_id_from_number(UINT64_MAX, bits, &id), CHORD_OK);
        CU_ASSERT_TRUE(chord_id_equal(chord_id_add_power(id, bits, 0),
                                      bits == 64 ? (struct chord_id){0}
                                                 : chord_id_add_power((struct chord_id){0}, bits, 64)));
    }
    CU_ASSERT_EQUAL(chord_id_from_number(0, 0, &id), CHORD_INVALID);
    CU_ASSERT_EQUAL(chord_id_from_number(0, CHORD_ID_BITS_MAX + 1, &id), CHORD_INVALID);
}

static enum chord_status parse(const char *text, unsigned bits, struct chord_id *id) {
    return chord_id_parse(text, strlen(text), bits, id);
}

static void test_text_round_trip(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(5, 0);
    for (unsigned bits = 1; bits <= CHORD_ID_BITS_MAX; bits++) {
        for (unsigned round = 0; round < 20; round++) {
            char text[CHORD_ID_TEXT_SIZE];
            struct chord_id again = {1, 1, 1};
            const struct chord_id id = wide_id(round == 0 ? 1 : round == 1 ? 0 : 1000, bits, &prng);
            TALLY(&tally, chord_id_format(id, bits, text) == text);
            TALLY(&tally, strlen(text) == 2 + (bits + 3) / 4);
            TALLY(&tally, parse(text, bits, &again) == CHORD_OK && chord_id_equal(id, again));
        }
    }
    TALLY_ASSERT(&tally, 160 * 20 * 3);
}

static void test_text_by_hand(void) {
    char text[CHORD_ID_TEXT_SIZE];
    struct chord_id id;
    CU_ASSERT_STRING_EQUAL(chord_id_format(id_of_number(0xf, 4), 4, text), "0xf");
    CU_ASSERT_STRING_EQUAL(chord_id_format(id_of_number(1, 1), 1, text), "0x1");
    CU_ASSERT_STRING_EQUAL(chord_id_format(id_of_number(0x5a, 7), 7, text), "0x5a");
    CU_ASSERT_STRING_EQUAL(chord_id_format(id_of_number(0x5a, 33), 33, text), "0x00000005a");
    CU_ASSERT_STRING_EQUAL(chord_id_format(id_of_number(0xabcdef, 160), 160, text),
                           "0x0000000000000000000000000000000000abcdef");
    CU_ASSERT_EQUAL(parse("90", 7, &id), CHORD_OK);
    CU_ASSERT_TRUE(chord_id_equal(id, id_of_number(90, 7)));
    CU_ASSERT_EQUAL(parse("0X5A", 7, &id), CHORD_OK);
    CU_ASSERT_TRUE(chord_id_equal(id, id_of_number(90, 7)));
    CU_ASSERT_EQUAL(parse("0000000000000000000000000000015", 4, &id), CHORD_OK);
    CU_ASSERT_TRUE(chord_id_equal(id, id_of_number(15, 4)));
    CU_ASSERT_EQUAL(parse("0x00000000000000000000000000000000000000000000000f", 4, &id), CHORD_OK);
    CU_ASSERT_TRUE(chord_id_equal(id, id_of_number(15, 4)));
    CU_ASSERT_EQUAL(parse("18446744073709551615", 64, &id), CHORD_OK);
    CU_ASSERT_TRUE(chord_id_equal(id, (struct chord_id){UINT64_MAX, 0, 0}));
    CU_ASSERT_EQUAL(chord_id_parse("129", 2, 4, &id), CHORD_OK); /* size ends the text, not a NUL */
    CU_ASSERT_TRUE(chord_id_equal(id, id_of_number(12, 4)));
}

static void test_bad_texts(void) {
    static const char *const bad[] = {"",
                                      "0x",
                                      "x",
                                      "0xg",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "1e1",
                                      "0x-1",
                                      "0x 1",
                                      "ff",
                                      "0b1",
                                      "16",
                                      "0x10",
                                      "1\n",
                                      "0x1x",
                                      "99999999999999999999",
                                      "18446744073709551616",
                                      "0x1f"};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct chord_id id;
        CU_ASSERT_EQUAL(parse(bad[i], 4, &id), CHORD_INVALID);
    }
    struct chord_id id;
    CU_ASSERT_EQUAL(parse("18446744073709551616", 160, &id),
                    CHORD_INVALID); /* 2^64: decimal ends before it */
    CU_ASSERT_EQUAL(parse("0xffffffffffffffffffffffffffffffffffffffff", 160, &id), CHORD_OK);
    CU_ASSERT_EQUAL(parse("0xffffffffffffffffffffffffffffffffffffffff", 159, &id), CHORD_INVALID);
    CU_ASSERT_EQUAL(parse("0x10000000000000000000000000000000000000000", 160, &id), CHORD_INVALID);
    CU_ASSERT_EQUAL(parse("1", 0, &id), CHORD_INVALID);
    CU_ASSERT_EQUAL(parse("1", 161, &id), CHORD_INVALID);
}

static void test_programmer_errors(void) {
    volatile bool trapped;
    char text[CHORD_ID_TEXT_SIZE];
    TRAP(trapped, (void)chord_id_truncate((struct chord_id){0}, 0));
    CU_ASSERT_TRUE(trapped);
    TRAP(trapped, (void)chord_id_truncate((struct chord_id){0}, 161));
    CU_ASSERT_TRUE(trapped);
    TRAP(trapped, (void)chord_id_add_power((struct chord_id){0}, 4, 4));
    CU_ASSERT_TRUE(trapped);
    TRAP(trapped, (void)chord_id_format((struct chord_id){0}, 161, text));
    CU_ASSERT_TRUE(trapped);
}

/* --- hashing (section 4.1: an id is the SHA-1 of the key or address) --- */

static void check_sha1(const char *text, const char *expected) {
    char printed[CHORD_ID_TEXT_SIZE];
    CU_ASSERT_STRING_EQUAL(chord_id_format(chord_hash_id(text, strlen(text), 160), 160, printed), expected);
}

/* The vectors of FIPS 180-4's examples, twice over: the context is reused. */
static void test_sha1_vectors(void) {
    for (int round = 0; round < 2; round++) {
        check_sha1("abc", "0xa9993e364706816aba3e25717850c26c9cd0d89d");
        check_sha1("abc", "0xa9993e364706816aba3e25717850c26c9cd0d89d");
        check_sha1("", "0xda39a3ee5e6b4b0d3255bfef95601890afd80709");
        check_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                   "0x84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    }
    char *million = malloc(1000000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(million);
    memset(million, 'a', 1000000);
    char printed[CHORD_ID_TEXT_SIZE];
    CU_ASSERT_STRING_EQUAL(chord_id_format(chord_hash_id(million, 1000000, 160), 160, printed),
                           "0x34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
}

static void test_sha1_truncated(void) {
    char printed[CHORD_ID_TEXT_SIZE];
    CU_ASSERT_STRING_EQUAL(chord_id_format(chord_hash_id("abc", 3, 4), 4, printed), "0xa");
    CU_ASSERT_STRING_EQUAL(chord_id_format(chord_hash_id("abc", 3, 7), 7, printed), "0x54"); /* a9 >> 1 */
    CU_ASSERT_STRING_EQUAL(chord_id_format(chord_hash_id("abc", 3, 64), 64, printed), "0xa9993e364706816a");
    for (unsigned bits = 1; bits <= CHORD_ID_BITS_MAX; bits++) {
        CU_ASSERT_TRUE(chord_id_equal(chord_hash_id("abc", 3, bits),
                                      chord_id_truncate(chord_hash_id("abc", 3, 160), bits)));
    }
}

static void test_sha256_vectors(void) {
    char text[65];
    for (int round = 0; round < 2; round++) {
        struct chord_hash_sha256 *digest = chord_hash_sha256_begin();
        CU_ASSERT_PTR_NOT_NULL_FATAL(digest);
        chord_hash_sha256_add(digest, "a", 1); /* in pieces */
        chord_hash_sha256_add(digest, "bc", 2);
        chord_hash_sha256_end(digest, text);
        CU_ASSERT_STRING_EQUAL(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        digest = chord_hash_sha256_begin();
        CU_ASSERT_PTR_NOT_NULL_FATAL(digest);
        chord_hash_sha256_end(digest, text);
        CU_ASSERT_STRING_EQUAL(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"intervals: every a, b, x on rings of 1, 3, 4 and 7 bits", test_intervals_on_small_rings},
        {"intervals with equal ends", test_intervals_with_equal_ends},
        {"owner: every ring of 3 bits, every id", test_owner},
        {"compare and equal", test_compare_and_equal},
        {"add_power and distance: all of the small rings", test_arithmetic_on_small_rings},
        {"add_power and distance on 33 to 160 bits, against a ripple adder", test_arithmetic_on_wide_rings},
        {"carries over the word borders, by hand", test_carries_by_hand},
        {"intervals on wide rings are comparisons of distances", test_intervals_on_wide_rings},
        {"truncate to every width", test_truncate_every_width},
        {"bytes: round trip and order", test_bytes_round_trip},
        {"from_number: limits", test_from_number_limits},
        {"texts: round trip at every width", test_text_round_trip},
        {"texts by hand", test_text_by_hand},
        {"bad texts", test_bad_texts},
        {"programmer errors are caught", test_programmer_errors},
        {"SHA-1 vectors, context reused", test_sha1_vectors},
        {"SHA-1 truncated", test_sha1_truncated},
        {"SHA-256 vectors, in pieces and again", test_sha256_vectors},
    };
    return UNIT_RUN("id", tests);
}
