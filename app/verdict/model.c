#define _GNU_SOURCE /* tdestroy */

#include "app/verdict/model.h"

#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    const unsigned char *key; /* key_size bytes; in a pair of the tree they follow it in its block */
    size_t key_size;
    uint64_t value_digest;
    uint64_t value_size;
};

static int compare(const void *left, const void *right) {
    const struct pair *a = left;
    const struct pair *b = right;
    const size_t shorter = a->key_size < b->key_size ? a->key_size : b->key_size;
    const int order = shorter == 0 ? 0 : memcmp(a->key, b->key, shorter);
    return order != 0 ? order : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

static uint64_t digest_of(const struct pair *pair) {
    return chord_digest64_pair(chord_digest64(pair->key, pair->key_size), pair->value_digest);
}

/* The pair with the key of `sought`, or NULL. */
static struct pair *find(const struct model *model, const struct pair *sought) {
    void *node = tfind(sought, &model->root, compare);
    return node == NULL ? NULL : *(struct pair **)node;
}

static enum chord_status add(struct model *model, const struct pair *pair) {
    struct pair *copy = malloc(sizeof *copy + pair->key_size);
    if (copy == NULL) {
        return CHORD_NO_MEMORY;
    }
    *copy = *pair;
    copy->key = (unsigned char *)(copy + 1);
    if (pair->key_size > 0) {
        memcpy(copy + 1, pair->key, pair->key_size);
    }
    if (tsearch(copy, &model->root, compare) == NULL) {
        free(copy);
        return CHORD_NO_MEMORY;
    }
    model->pair_count++;
    model->content += digest_of(copy);
    return CHORD_OK;
}

static enum chord_status insert(struct model *model, const struct pair *pair, struct model_answer *answer) {
    struct pair *present = find(model, pair);
    if (present == NULL) {
        answer->outcome = CHORD_INSERTED;
        return add(model, pair);
    }
    answer->outcome = CHORD_UPDATED;
    model->content -= digest_of(present);
    present->value_digest = pair->value_digest;
    present->value_size = pair->value_size;
    model->content += digest_of(present);
    return CHORD_OK;
}

static void erase(struct model *model, struct pair *present) {
    model->pair_count--;
    model->content -= digest_of(present);
    (void)tdelete(present, &model->root, compare);
    free(present);
}

enum chord_status model_expect(struct model *model, enum chord_operation_kind kind, const void *key,
                               size_t key_size, const void *value, size_t value_size,
                               struct model_answer *answer) {
    *answer = (struct model_answer){.outcome = CHORD_ABSENT};
    struct pair pair = {.key = key, .key_size = key_size};
    if (kind == CHORD_INSERT) {
        pair.value_digest = chord_digest64(value, value_size);
        pair.value_size = value_size;
        return insert(model, &pair, answer);
    }
    chord_check(kind == CHORD_QUERY || kind == CHORD_DELETE);
    struct pair *present = find(model, &pair);
    if (present != NULL && kind == CHORD_QUERY) {
        answer->outcome = CHORD_FOUND;
        answer->value_digest = present->value_digest;
        answer->value_size = present->value_size;
    } else if (present != NULL) {
        answer->outcome = CHORD_DELETED;
        erase(model, present);
    }
    return CHORD_OK;
}

struct model_content model_content(const struct model *model) {
    return (struct model_content){.pair_count = model->pair_count, .content = model->content};
}

void model_free(struct model *model) {
    tdestroy(model->root, free);
    *model = (struct model){0};
}
