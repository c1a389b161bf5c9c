/* What the unit tests of the core share: an allocator that counts and can fail, a trap for failed checks, and
 * a tally for loops of very many comparisons. */
#ifndef TESTS_UNIT_CORE_FIXTURE_H
#define TESTS_UNIT_CORE_FIXTURE_H

#include "chord/base/allocator.h"
#include "chord/base/check.h"
#include "chord/base/id.h"
#include "chord/base/prng.h"
#include "tests/unit/unit.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- an allocator that counts what is live, and whose n-th call for memory fails --- */

struct counting {
    struct chord_allocator allocator;
    uint64_t calls;   /* for memory, frees not counted */
    uint64_t fail_at; /* the call that fails, counted from 1; 0: none */
    bool fail_from;   /* and all after it */
    int64_t blocks_live;
    int64_t bytes_live;
};

union counting_header {
    size_t size;
    max_align_t alignment;
};

static inline void *counting_resize(void *context, void *block, size_t size) {
    struct counting *counting = context;
    union counting_header *header = block == NULL ? NULL : (union counting_header *)block - 1;
    if (size == 0) {
        if (header != NULL) {
            counting->blocks_live--;
            counting->bytes_live -= (int64_t)header->size;
            free(header);
        }
        return NULL;
    }
    counting->calls++;
    if (counting->fail_at != 0 && (counting->calls == counting->fail_at ||
                                   (counting->fail_from && counting->calls > counting->fail_at))) {
        return NULL;
    }
    const size_t old_size = header == NULL ? 0 : header->size;
    union counting_header *moved =
        malloc(sizeof *moved + size); /* always moves: stale pointers show under ASan */
    if (moved == NULL) {
        abort();
    }
    moved->size = size;
    memset(moved + 1, 0xa5, size);
    if (header != NULL) {
        memcpy(moved + 1, block, old_size < size ? old_size : size);
        free(header);
    }
    counting->blocks_live += old_size == 0;
    counting->bytes_live += (int64_t)size - (int64_t)old_size;
    return moved + 1;
}

static inline void counting_init(struct counting *counting) {
    *counting = (struct counting){.allocator = {.context = counting, .resize = counting_resize}};
}

/* --- failed checks (programmer errors), caught instead of ending the test --- */

static jmp_buf trap_jump;
static const char *trap_expression;

static inline void trap_hook(const char *file, int line, const char *expression) {
    (void)file;
    (void)line;
    trap_expression = expression;
    longjmp(trap_jump, 1);
}

/* Runs the statement; `trapped` tells whether a check failed in it. Locals that it changes must be volatile.
 */
#define TRAP(trapped, statement)                                                                             \
    do {                                                                                                     \
        trap_expression = NULL;                                                                              \
        chord_check_set_hook(trap_hook);                                                                     \
        if (setjmp(trap_jump) == 0) {                                                                        \
            statement;                                                                                       \
        }                                                                                                    \
        chord_check_set_hook(NULL);                                                                          \
        (trapped) = trap_expression != NULL;                                                                 \
    } while (0)

/* --- a tally: millions of comparisons, one assertion, the first failure printed --- */

struct tally {
    uint64_t done;
    uint64_t failed;
};

static inline void tally_fail(struct tally *tally, const char *file, int line, const char *expression) {
    if (tally->failed++ == 0) {
        printf("\n    %s:%d: first failure: %s (comparison %llu)\n", file, line, expression,
               (unsigned long long)tally->done);
    }
}

#define TALLY(tally, expression)                                                                             \
    ((tally)->done++, (expression) ? (void)0 : tally_fail((tally), __FILE__, __LINE__, #expression))

/* At least `least` comparisons were made and none failed. */
#define TALLY_ASSERT(tally, least)                                                                           \
    do {                                                                                                     \
        CU_ASSERT((tally)->done >= (least));                                                                 \
        CU_ASSERT_EQUAL((tally)->failed, 0);                                                                 \
    } while (0)

/* --- ids --- */

static inline struct chord_id id_of_number(uint64_t number, unsigned bits) {
    struct chord_id id = {0};
    if (chord_id_from_number(number, bits, &id) != CHORD_OK) {
        abort(); /* the test itself is wrong */
    }
    return id;
}

static inline struct chord_id id_random(struct chord_prng *prng, unsigned bits) {
    const struct chord_id id = {.high = chord_prng_next(prng),
                                .middle = chord_prng_next(prng),
                                .low = (uint32_t)chord_prng_next(prng)};
    return chord_id_truncate(id, bits);
}

#endif
