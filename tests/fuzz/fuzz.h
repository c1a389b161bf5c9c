/* What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput: libFuzzer drives it where clang has the
 * runtime (run.sh), and replay.c feeds it the committed corpus in every ordinary build. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry: any bytes, of which the target may keep nothing. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is: a failure is a finding. */
#define FUZZ_REQUIRE(condition)                                                                                    \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* The input, taken from the front. Past its end everything is zero. */
struct fuzz_bytes {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t fuzz_take8(struct fuzz_bytes *bytes) {
    if (bytes->left == 0) {
        return 0;
    }
    bytes->left--;
    return *bytes->at++;
}

static inline uint16_t fuzz_take16(struct fuzz_bytes *bytes) {
    const uint16_t low = fuzz_take8(bytes);
    return (uint16_t)(low | fuzz_take8(bytes) << 8);
}

/* The next `size` bytes, or as many as there are: *size says. */
static inline const uint8_t *fuzz_take(struct fuzz_bytes *bytes, size_t *size) {
    const uint8_t *taken = bytes->at;
    if (*size > bytes->left) {
        *size = bytes->left;
    }
    bytes->left -= *size;
    bytes->at += *size;
    return taken;
}

/* An error for a person: one line, not empty, without control characters, that ends within `size`. */
static inline void fuzz_require_one_line(const char *text, size_t size) {
    const size_t length = strnlen(text, size);
    FUZZ_REQUIRE(length > 0 && length < size);
    for (size_t i = 0; i < length; i++) {
        FUZZ_REQUIRE((unsigned char)text[i] >= ' ' && text[i] != 127);
    }
}

#endif
