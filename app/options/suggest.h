/* "Did you mean": the candidate that is nearest to a misspelt word. */
#ifndef APP_OPTIONS_SUGGEST_H
#define APP_OPTIONS_SUGGEST_H

#include <stddef.h>

/* The number of single-letter edits (insert, delete, replace, swap of neighbours) from a to b, both without
 * NUL inside a_size and b_size. Words longer than 64 bytes count as 64 apart from everything. */
size_t suggest_distance(const char *a, size_t a_size, const char *b, size_t b_size);

/* The candidate that the first `size` bytes of word most likely mean: the nearest within a third of the
 * word's length (at least 1 edit), or one that the word (of 2 bytes or more) begins; NULL if none is near.
 * First of equals. */
const char *suggest_nearest(const char *word, size_t size, const char *const *candidates,
                            size_t candidate_count);

#endif
