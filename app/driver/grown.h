/* An array that grows as needed. Without memory rank 0's driver, or an agent, can't go on: that ends the job. */
#ifndef APP_DRIVER_GROWN_H
#define APP_DRIVER_GROWN_H

#include "chord/base/check.h"

#include <stddef.h>
#include <stdlib.h>

/* The block, with room for `needed` elements of `size` bytes at least: the old one or a larger one in its place. */
static inline void *grown(void *block, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) {
        return block;
    }
    const size_t larger = *capacity < 64 ? 64 : *capacity * 2;
    *capacity = larger < needed ? needed : larger;
    block = realloc(block, *capacity * size);
    chord_check(block != NULL);
    return block;
}

#endif
