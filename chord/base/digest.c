#include "chord/base/digest.h"

#include "chord/base/prng.h"

#include <string.h>

/* Folds the 128-bit product of two words: the mixing step. */
static uint64_t fold(uint64_t a, uint64_t b) {
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define SECRET_FIRST UINT64_C(0x9e3779b97f4a7c15)
#define SECRET_SECOND UINT64_C(0xd1342543de82ef95)

uint64_t chord_digest64(const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    uint64_t state = fold(size ^ SECRET_FIRST, SECRET_SECOND);
    size_t left = size;
    for (; left >= 16; left -= 16, at += 16) {
        uint64_t words[2];
        memcpy(words, at, 16);
        state = fold(words[0] ^ SECRET_FIRST ^ state, words[1] ^ SECRET_SECOND) + chord_mix64(state);
    }
    uint64_t words[2] = {0, 0};
    if (left > 0) {
        memcpy(words, at, left);
    }
    state = fold(words[0] ^ SECRET_SECOND ^ state, words[1] ^ SECRET_FIRST ^ left) + state;
    return chord_mix64(state);
}

uint64_t chord_digest64_pair(uint64_t first, uint64_t second) {
    return chord_mix64(fold(first ^ SECRET_FIRST, second ^ SECRET_SECOND) + first);
}
