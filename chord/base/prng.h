/* A small seeded generator (SplitMix64, Steele, Lea and Flood, OOPSLA 2014): the only source of chance in the core,
 * the simulator and the driver, so that one seed fixes a run. Not for cryptography. */
#ifndef CHORD_BASE_PRNG_H
#define CHORD_BASE_PRNG_H

#include <stdint.h>

struct chord_prng {
    uint64_t state;
};

/* A 64-bit mixing function: every input bit affects every output bit. A bijection. */
static inline uint64_t chord_mix64(uint64_t x) {
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A generator for stream `stream` of a seed: different streams are independent for our purposes. */
static inline struct chord_prng chord_prng_seeded(uint64_t seed, uint64_t stream) {
    return (struct chord_prng){.state = chord_mix64(seed + 1) ^ chord_mix64(~stream)};
}

static inline uint64_t chord_prng_next(struct chord_prng *prng) {
    prng->state += UINT64_C(0x9e3779b97f4a7c15);
    return chord_mix64(prng->state);
}

/* A number in 0..bound-1, bound >= 1, without bias worth speaking of (multiply and shift, error below 2^-32 for
 * bounds below 2^32). */
static inline uint64_t chord_prng_below(struct chord_prng *prng, uint64_t bound) {
    return (uint64_t)(((unsigned __int128)chord_prng_next(prng) * bound) >> 64);
}

#endif
