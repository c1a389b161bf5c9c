/* Rank 0's reference for serial runs: what a plain map would answer, operation by operation. It is built on
 * libc's tsearch, so that it shares nothing with the project's own store. Values are kept as digest and size.
 */
#ifndef APP_VERDICT_MODEL_H
#define APP_VERDICT_MODEL_H

#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stddef.h>
#include <stdint.h>

/* A zeroed struct is an empty model. */
struct model {
    void *root; /* owned; libc's tree */
    uint64_t pair_count;
    uint64_t content; /* sum of chord_digest64_pair(key digest, value digest), as in chord_store_digest */
};

/* What must be answered. Value digest and size are those of the value found; 0 unless outcome is CHORD_FOUND.
 */
struct model_answer {
    enum chord_outcome outcome;
    uint64_t value_digest; /* chord_digest64 of the value's bytes */
    uint64_t value_size;
};

/* Applies an operation and says what must be answered. key and value are copied or digested; value may be
 * NULL where value_size is 0, and is not looked at unless the kind is CHORD_INSERT. CHORD_NO_MEMORY changes
 * nothing. */
CHORD_MUST_CHECK enum chord_status model_expect(struct model *model, enum chord_operation_kind kind,
                                                const void *key, size_t key_size, const void *value,
                                                size_t value_size, struct model_answer *answer);

/* What the stores must hold. */
struct model_content {
    uint64_t pair_count;
    uint64_t content;
};

struct model_content model_content(const struct model *model);

/* Frees all pairs; the model is empty again. */
void model_free(struct model *model);

#endif
