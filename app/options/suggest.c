/* Optimal string alignment distance, three rows of the classic table at a time. */
#include "app/options/suggest.h"

#include <string.h>

#define WORD_SIZE_MAX 64u

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t suggest_distance(const char *a, size_t a_size, const char *b, size_t b_size) {
    if (a_size > WORD_SIZE_MAX || b_size > WORD_SIZE_MAX) {
        return WORD_SIZE_MAX;
    }
    size_t rows[3][WORD_SIZE_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        above[j] = j;
        before[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            const size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(replaced, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        size_t *const recycled = before;
        before = above;
        above = row;
        row = recycled;
    }
    return above[b_size];
}

const char *suggest_nearest(const char *word, size_t size, const char *const *candidates,
                            size_t candidate_count) {
    const char *nearest = NULL;
    size_t nearest_distance = (size > 3 ? size / 3 : 1) + 1;
    for (size_t i = 0; i < candidate_count; i++) {
        const size_t distance = suggest_distance(word, size, candidates[i], strlen(candidates[i]));
        if (distance < nearest_distance) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    for (size_t i = 0; nearest == NULL && size >= 2 && i < candidate_count; i++) {
        if (strncmp(word, candidates[i], size) == 0) {
            nearest = candidates[i];
        }
    }
    return nearest;
}
