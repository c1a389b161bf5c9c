/* A sort by a 128-bit number, in place and without allocating: American flag sort (McIlroy, Bostic and
 * McIlroy, "Engineering Radix Sort", Computing Systems 6(1), 1993), from the most significant digit on, with
 * insertion sort for what is short. A digit is the eight bits below the highest bit in which any two items
 * differ, so that digits that all items share cost nothing. What is short is ordered by numbers and positions
 * alone, and each item is then moved once. Not stable, but the result is fixed by the input. O(n) for n evenly
 * spread keys.
 *
 * A template: define before including it
 *     RADIX_SORT_NAME       the function's name: static void NAME(TYPE *items, size_t count)
 *     RADIX_SORT_TYPE       what is sorted
 *     RADIX_SORT_KEY(item)  the number, an unsigned __int128, of a TYPE * */

static void RADIX_SORT_NAME(RADIX_SORT_TYPE *items, size_t count) {
    enum { SHORT = 48 };
    if (count <= SHORT) {
        unsigned __int128 keys[SHORT];
        uint8_t from[SHORT];
        for (size_t i = 0; i < count; i++) {
            const unsigned __int128 key = RADIX_SORT_KEY(&items[i]);
            size_t at = i;
            for (; at > 0 && keys[at - 1] > key; at--) {
                keys[at] = keys[at - 1];
                from[at] = from[at - 1];
            }
            keys[at] = key;
            from[at] = (uint8_t)i;
        }
        for (size_t i = 0; i < count; i++) { /* along each cycle of the permutation */
            if (from[i] == i) {
                continue;
            }
            const RADIX_SORT_TYPE first = items[i];
            size_t at = i;
            while (from[at] != i) {
                const size_t next = from[at];
                items[at] = items[next];
                from[at] = (uint8_t)at;
                at = next;
            }
            items[at] = first;
            from[at] = (uint8_t)at;
        }
        return;
    }
    const unsigned __int128 reference = RADIX_SORT_KEY(&items[0]);
    unsigned __int128 previous = reference;
    unsigned __int128 difference = 0;
    bool ascending = true;
    for (size_t i = 1; i < count; i++) {
        const unsigned __int128 key = RADIX_SORT_KEY(&items[i]);
        difference |= key ^ reference;
        ascending = ascending && previous <= key;
        previous = key;
    }
    if (ascending) {
        return;
    }
    const uint64_t top = (uint64_t)(difference >> 64);
    const unsigned width = top != 0 ? 128u - (unsigned)__builtin_clzll(top)
                                    : 64u - (unsigned)__builtin_clzll((uint64_t)difference);
    const unsigned shift = width > 8 ? width - 8 : 0;

    size_t start[257] = {0};
    size_t next[256];
    for (size_t i = 0; i < count; i++) {
        start[(uint8_t)(RADIX_SORT_KEY(&items[i]) >> shift) + 1]++;
    }
    for (size_t digit = 0; digit < 256; digit++) {
        start[digit + 1] += start[digit];
        next[digit] = start[digit];
    }
    for (size_t digit = 0; digit < 256; digit++) {
        while (next[digit] < start[digit + 1]) {
            RADIX_SORT_TYPE *here = &items[next[digit]];
            const uint8_t home = (uint8_t)(RADIX_SORT_KEY(here) >> shift);
            RADIX_SORT_TYPE *there = &items[next[home]++];
            __builtin_prefetch(there + 2, 1); /* where this digit's next ones go */
            if (home != digit) {
                const RADIX_SORT_TYPE moved = *here;
                *here = *there;
                *there = moved;
            }
        }
    }
    for (size_t digit = 0; digit < 256; digit++) {
        if (start[digit + 1] - start[digit] > 1) {
            RADIX_SORT_NAME(items + start[digit], start[digit + 1] - start[digit]);
        }
    }
}

#undef RADIX_SORT_NAME
#undef RADIX_SORT_TYPE
#undef RADIX_SORT_KEY
