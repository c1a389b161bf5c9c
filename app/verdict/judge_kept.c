#include "app/verdict/judge_kept.h"

#include "app/verdict/judge.h"

#include <stdlib.h>
#include <string.h>

struct kept_head {
    uint64_t key_count;
    uint64_t candidate_count;
};

unsigned char *judge_keep(const struct judge *judge, size_t *size) {
    const struct kept_head head = {.key_count = judge->key_count, .candidate_count = judge->candidate_count};
    const size_t keys_size = judge->key_count * sizeof *judge->keys;
    const size_t candidates_size = judge->candidate_count * sizeof *judge->candidates;
    *size = sizeof head + keys_size + candidates_size;
    unsigned char *bytes = malloc(*size);
    if (bytes == NULL) {
        return NULL;
    }
    memcpy(bytes, &head, sizeof head);
    if (keys_size > 0) {
        memcpy(bytes + sizeof head, judge->keys, keys_size);
    }
    if (candidates_size > 0) {
        memcpy(bytes + sizeof head + keys_size, judge->candidates, candidates_size);
    }
    return bytes;
}

static int compare_keys(const void *a, const void *b) {
    const struct judge_key *first = a;
    const struct judge_key *second = b;
    return first->digest == second->digest ? 0 : first->digest < second->digest ? -1 : 1;
}

static int compare_candidates(const void *a, const void *b) {
    const struct judge_candidate *first = a;
    const struct judge_candidate *second = b;
    if (first->digest != second->digest) {
        return first->digest < second->digest ? -1 : 1;
    }
    return first->start_ns == second->start_ns ? 0 : first->start_ns < second->start_ns ? -1 : 1;
}

/* Appends `count` elements of `bytes` to the array and sorts it. False without memory: the array is as it was. */
static bool add(void **array, size_t *array_count, size_t element_size, const unsigned char *bytes, size_t count,
                int (*compare)(const void *, const void *)) {
    if (count == 0) {
        return true;
    }
    unsigned char *grown = realloc(*array, (*array_count + count) * element_size);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + *array_count * element_size, bytes, count * element_size);
    *array = grown;
    *array_count += count;
    qsort(grown, *array_count, element_size, compare);
    return true;
}

enum chord_status judge_take_over(struct judge *judge, const unsigned char *bytes, size_t size) {
    struct kept_head head;
    if (size < sizeof head) {
        return CHORD_INVALID;
    }
    memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    size -= sizeof head;
    if (head.key_count > size / sizeof *judge->keys ||
        head.candidate_count != (size - head.key_count * sizeof *judge->keys) / sizeof *judge->candidates ||
        head.key_count * sizeof *judge->keys + head.candidate_count * sizeof *judge->candidates != size) {
        return CHORD_INVALID;
    }
    void *keys = judge->keys;
    void *candidates = judge->candidates;
    const unsigned char *candidate_bytes = bytes + head.key_count * sizeof *judge->keys;
    const bool added = add(&candidates, &judge->candidate_count, sizeof *judge->candidates, candidate_bytes,
                           (size_t)head.candidate_count, compare_candidates) &&
                       add(&keys, &judge->key_count, sizeof *judge->keys, bytes, (size_t)head.key_count, compare_keys);
    judge->keys = keys;
    judge->candidates = candidates;
    return added ? CHORD_OK : CHORD_NO_MEMORY;
}
