/* The allocator that the core is given by its host, so that a host can count, limit or fail allocations. */
#ifndef CHORD_BASE_ALLOCATOR_H
#define CHORD_BASE_ALLOCATOR_H

#include <stddef.h>

struct chord_allocator {
    void *context;
    /* Like realloc: block NULL allocates, size 0 frees and returns NULL; NULL with a size above 0 means no memory. */
    void *(*resize)(void *context, void *block, size_t size);
};

static inline void *chord_allocate(const struct chord_allocator *allocator, size_t size) {
    return allocator->resize(allocator->context, NULL, size);
}

static inline void chord_free(const struct chord_allocator *allocator, void *block) {
    if (block != NULL) {
        (void)allocator->resize(allocator->context, block, 0);
    }
}

#endif
