#include "app/generate/pairs.h"

#include "chord/base/check.h"
#include "chord/base/prng.h"

#include <string.h>

#define INDEX_MASK (PAIRS_INDEX_MAX - 1)

/* A bijection of 48 bits: every step is one. */
static uint64_t mix48(uint64_t x, uint64_t seed) {
    x = (x ^ chord_mix64(seed + 1)) & INDEX_MASK;
    x = (x * UINT64_C(0x9e3779b97f4b)) & INDEX_MASK;
    x ^= x >> 23;
    x = (x * UINT64_C(0xbf58476d1ce5)) & INDEX_MASK;
    x ^= x >> 25;
    x = (x * UINT64_C(0x94d049bb1331)) & INDEX_MASK;
    return x ^ (x >> 24);
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* 1 in each byte of `numbers`, below 64, that is at least `least`. */
static uint64_t at_least(uint64_t numbers, unsigned least) {
    return (numbers + EACH_BYTE(0x80 - least)) >> 7 & EACH_BYTE(1);
}

/* Eight digits of the low 48 bits, the lowest first: 0 to 9, A to Z, a to z, - and _ in that order. */
static uint64_t digits_of(uint64_t bits) {
    bits = (bits & UINT64_C(0xffffff)) | (bits & UINT64_C(0xffffff000000)) << 8;
    bits = (bits & UINT64_C(0x00000fff00000fff)) | (bits & UINT64_C(0x00fff00000fff000)) << 4;
    bits = (bits & UINT64_C(0x003f003f003f003f)) | (bits & UINT64_C(0x0fc00fc00fc00fc0)) << 2;
    return bits + EACH_BYTE('0') + at_least(bits, 10) * ('A' - '9' - 1) + at_least(bits, 36) * ('a' - 'Z' - 1) -
           at_least(bits, 62) * ('z' + 1 - '-') + at_least(bits, 63) * ('_' - '-' - 1);
}

void pairs_key(uint64_t seed, uint64_t index, unsigned char *at, uint32_t size) {
    chord_check(size >= PAIRS_KEY_SIZE_MIN && index < PAIRS_INDEX_MAX);
    uint64_t bits = mix48(index, seed);
    struct chord_prng prng = {.state = bits};
    uint64_t digits = digits_of(bits);
    memcpy(at, &digits, PAIRS_KEY_SIZE_MIN);
    for (uint32_t i = PAIRS_KEY_SIZE_MIN; i < size; i += 8) {
        bits = chord_prng_next(&prng);
        digits = digits_of(bits);
        memcpy(at + i, &digits, size - i < 8 ? size - i : 8);
    }
}

/* Eight letters a to p of 32 bits. */
static uint64_t letters_of(uint64_t bits) {
    bits = (bits | bits << 16) & UINT64_C(0x0000ffff0000ffff);
    bits = (bits | bits << 8) & UINT64_C(0x00ff00ff00ff00ff);
    bits = (bits | bits << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return bits + UINT64_C(0x6161616161616161);
}

void pairs_value(uint64_t seed, uint64_t write, unsigned char *at, uint32_t size) {
    uint64_t bits = chord_mix64(write ^ chord_mix64(seed + 1));
    struct chord_prng prng = {.state = bits};
    for (uint32_t i = 0; i < size; i += 16) {
        unsigned char block[16];
        const uint64_t low = letters_of(bits & UINT32_MAX), high = letters_of(bits >> 32);
        memcpy(block, &low, 8);
        memcpy(block + 8, &high, 8);
        memcpy(at + i, block, size - i < 16 ? size - i : 16);
        bits = chord_prng_next(&prng);
    }
}
