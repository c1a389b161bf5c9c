#include "chord/chain/store.h"

#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <string.h>

/* The tag is the middle word of the id, which the ring's ids fill from this many bits on. */
#define ID_BITS_FOR_TAG 128u
#define CAPACITY_FIRST 16u
#define CACHE_LINE_SIZE 64u /* of what is fetched at once; a wrong guess costs time only */

void chord_store_init(struct chord_store *store, const struct chord_allocator *allocator, unsigned id_bits) {
    *store = (struct chord_store){.allocator = allocator, .tag_from_key = id_bits < ID_BITS_FOR_TAG};
}

void chord_store_clear(struct chord_store *store) {
    for (size_t i = 0; i < store->capacity; i++) {
        chord_free(store->allocator, store->slots[i].entry);
    }
    while (store->spare_count > 0) {
        chord_free(store->allocator, store->spares[--store->spare_count]);
    }
    chord_free(store->allocator, store->slots);
    store->slots = NULL;
    store->capacity = 0;
    store->count = 0;
}

/* The ids of an arc share their leading bits, so the tag is taken from the middle ones. */
static uint64_t tag_of(const struct chord_store *store, struct chord_id id, const unsigned char *key, uint32_t key_size) {
    return store->tag_from_key ? chord_digest64(key, key_size) : id.middle;
}

/* Equal bytes have equal ids, unless somebody lies. Of lies come two pairs: one that had two ids could belong to two arcs. */
static bool holds(const struct chord_store_slot *slot, uint64_t tag, struct chord_id id, const unsigned char *key,
                  uint32_t key_size) {
    return slot->tag == tag && slot->entry->key_size == key_size && chord_id_equal(chord_entry_id(slot->entry), id) &&
           memcmp(slot->entry->bytes, key, key_size) == 0;
}

/* The slot with the key, or the empty slot where it would go. The store has slots and an empty one among them. */
static size_t probe(const struct chord_store *store, uint64_t tag, struct chord_id id, const unsigned char *key,
                    uint32_t key_size) {
    const size_t mask = store->capacity - 1;
    size_t index = (size_t)tag & mask;
    while (store->slots[index].entry != NULL && !holds(&store->slots[index], tag, id, key, key_size)) {
        index = (index + 1) & mask;
    }
    return index;
}

struct chord_entry *chord_store_find(const struct chord_store *store, struct chord_id id, const unsigned char *key,
                                     uint32_t key_size) {
    if (store->count == 0) {
        return NULL;
    }
    return store->slots[probe(store, tag_of(store, id, key, key_size), id, key, key_size)].entry;
}

const struct chord_store_slot *chord_store_prefetch(const struct chord_store *store, struct chord_id id) {
    if (store->count == 0 || store->tag_from_key) { /* short ids are for rings of a textbook's size */
        return NULL;
    }
    const struct chord_store_slot *slot = &store->slots[(size_t)id.middle & (store->capacity - 1)];
    __builtin_prefetch(slot);
    return slot;
}

void chord_store_prefetch_pair(const struct chord_store_slot *slot) {
    if (slot->entry != NULL) {
        __builtin_prefetch(slot->entry);
        __builtin_prefetch((const unsigned char *)slot->entry + CACHE_LINE_SIZE);
    }
}

static enum chord_status resize(struct chord_store *store, size_t capacity) {
    struct chord_store_slot *slots = chord_allocate(store->allocator, capacity * sizeof *slots);
    if (slots == NULL) {
        return CHORD_NO_MEMORY;
    }
    memset(slots, 0, capacity * sizeof *slots);
    for (size_t i = 0; i < store->capacity; i++) {
        if (store->slots[i].entry == NULL) {
            continue;
        }
        size_t index = (size_t)store->slots[i].tag & (capacity - 1);
        while (slots[index].entry != NULL) {
            index = (index + 1) & (capacity - 1);
        }
        slots[index] = store->slots[i];
    }
    chord_free(store->allocator, store->slots);
    store->slots = slots;
    store->capacity = capacity;
    return CHORD_OK;
}

/* A quarter of the slots stays empty, so that probes are short and always end. */
enum chord_status chord_store_reserve(struct chord_store *store, size_t count) {
    size_t capacity = store->capacity == 0 ? CAPACITY_FIRST : store->capacity;
    while (count > capacity / 4 * 3) {
        capacity *= 2;
    }
    return capacity == store->capacity ? CHORD_OK : resize(store, capacity);
}

/* Whether a block for `capacity` bytes of key and value suits a pair of `size`: neither too small nor mostly unused. */
static bool suits(uint64_t capacity, uint64_t size) {
    return size <= capacity && capacity <= 2 * size + 64;
}

void chord_store_dispose(struct chord_store *store, struct chord_entry *entry) {
    if (entry != NULL && store->spare_count < CHORD_STORE_SPARES_MAX &&
        (uint64_t)entry->key_size + entry->value_capacity <= CHORD_STORE_SPARE_BYTES_MAX) {
        store->spares[store->spare_count++] = entry;
        return;
    }
    chord_free(store->allocator, entry);
}

/* A block for a pair of this size, its capacity set; NULL: no memory. A spare that doesn't suit makes room for one that
 * will. */
static struct chord_entry *new_block(struct chord_store *store, uint32_t key_size, uint32_t value_size) {
    uint32_t capacity = key_size + value_size;
    struct chord_entry *block = NULL;
    if (store->spare_count > 0) {
        block = store->spares[--store->spare_count];
        const uint32_t spare_capacity = block->key_size + block->value_capacity;
        if (suits(spare_capacity, capacity)) {
            capacity = spare_capacity;
        } else {
            chord_free(store->allocator, block);
            block = NULL;
        }
    }
    if (block == NULL) {
        block = chord_allocate(store->allocator, offsetof(struct chord_entry, bytes) + capacity);
    }
    if (block != NULL) {
        block->key_size = (uint16_t)key_size;
        block->value_capacity = capacity - key_size;
    }
    return block;
}

static void set_value(struct chord_entry *entry, const unsigned char *value, uint32_t value_size,
                      struct chord_version version) {
    if (value_size > 0) {
        memcpy(entry->bytes + entry->key_size, value, value_size);
    }
    entry->value_size = value_size;
    entry->version_epoch = version.epoch;
    entry->version_counter = version.counter;
}

enum chord_status chord_store_put(struct chord_store *store, struct chord_id id, const unsigned char *key,
                                  uint32_t key_size, const unsigned char *value, uint32_t value_size,
                                  struct chord_version version) {
    if (chord_store_reserve(store, store->count + 1) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    struct chord_entry *entry = chord_store_find(store, id, key, key_size);
    if (entry != NULL && suits(entry->value_capacity, value_size)) { /* it keeps its block */
        set_value(entry, value, value_size, version);
        return CHORD_OK;
    }
    struct chord_entry *previous;
    struct chord_entry *written;
    if (chord_store_exchange(store, id, key, key_size, value, value_size, version, &previous, &written) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    chord_store_dispose(store, previous);
    return CHORD_OK;
}

enum chord_status chord_store_exchange(struct chord_store *store, struct chord_id id, const unsigned char *key,
                                       uint32_t key_size, const unsigned char *value, uint32_t value_size,
                                       struct chord_version version, struct chord_entry **previous,
                                       struct chord_entry **written) {
    if (chord_store_reserve(store, store->count + 1) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    struct chord_entry *block = new_block(store, key_size, value_size);
    if (block == NULL) {
        return CHORD_NO_MEMORY;
    }
    block->id_high = id.high;
    block->id_middle = id.middle;
    block->id_low = id.low;
    memcpy(block->bytes, key, key_size);
    set_value(block, value, value_size, version);
    const uint64_t tag = tag_of(store, id, key, key_size);
    struct chord_store_slot *slot = &store->slots[probe(store, tag, id, key, key_size)];
    *previous = slot->entry;
    *written = block;
    store->count += slot->entry == NULL;
    *slot = (struct chord_store_slot){.tag = tag, .entry = block};
    return CHORD_OK;
}

void chord_store_attach(struct chord_store *store, struct chord_entry *entry) {
    const struct chord_id id = chord_entry_id(entry);
    const uint64_t tag = tag_of(store, id, entry->bytes, entry->key_size);
    struct chord_store_slot *slot = &store->slots[probe(store, tag, id, entry->bytes, entry->key_size)];
    chord_check(slot->entry != NULL || store->count + 1 <= store->capacity / 4 * 3);
    store->count += slot->entry == NULL;
    chord_store_dispose(store, slot->entry);
    *slot = (struct chord_store_slot){.tag = tag, .entry = entry};
}

struct chord_entry *chord_store_detach(struct chord_store *store, struct chord_id id, const unsigned char *key,
                                       uint32_t key_size) {
    if (store->count == 0) {
        return NULL;
    }
    const size_t mask = store->capacity - 1;
    size_t hole = probe(store, tag_of(store, id, key, key_size), id, key, key_size);
    struct chord_entry *entry = store->slots[hole].entry;
    if (entry == NULL) {
        return NULL;
    }
    store->count--;
    /* Knuth's algorithm R: later pairs of the run move back into the hole unless that would put them before their
     * home slot, so no mark of the removal is left behind. */
    for (size_t index = (hole + 1) & mask; store->slots[index].entry != NULL; index = (index + 1) & mask) {
        const size_t home = (size_t)store->slots[index].tag & mask;
        if (((index - home) & mask) >= ((index - hole) & mask)) {
            store->slots[hole] = store->slots[index];
            hole = index;
        }
    }
    store->slots[hole] = (struct chord_store_slot){0};
    return entry;
}

bool chord_store_remove(struct chord_store *store, struct chord_id id, const unsigned char *key, uint32_t key_size) {
    struct chord_entry *entry = chord_store_detach(store, id, key, key_size);
    chord_store_dispose(store, entry);
    return entry != NULL;
}

enum chord_status chord_store_move(struct chord_store *store, struct chord_id start, struct chord_id end,
                                   struct chord_store *other) {
    size_t count = 0;
    const struct chord_entry *entry;
    for (size_t position = 0; (entry = chord_store_next(store, &position)) != NULL;) {
        count += chord_id_in_open_closed(start, chord_entry_id(entry), end);
    }
    if (count == 0) {
        return CHORD_OK;
    }
    /* Removing pairs one by one from the table that is walked could move a pair past the walk: both tables are built
     * anew instead, here by putting aside what stays. */
    struct chord_store_slot *slots = chord_allocate(store->allocator, store->capacity * sizeof *slots);
    if (slots == NULL || chord_store_reserve(other, other->count + count) != CHORD_OK) {
        chord_free(store->allocator, slots);
        return CHORD_NO_MEMORY;
    }
    memset(slots, 0, store->capacity * sizeof *slots);
    for (size_t i = 0; i < store->capacity; i++) {
        struct chord_entry *moved = store->slots[i].entry;
        if (moved == NULL) {
            continue;
        }
        if (chord_id_in_open_closed(start, chord_entry_id(moved), end)) {
            chord_store_attach(other, moved);
            continue;
        }
        size_t index = (size_t)store->slots[i].tag & (store->capacity - 1);
        while (slots[index].entry != NULL) {
            index = (index + 1) & (store->capacity - 1);
        }
        slots[index] = store->slots[i];
    }
    chord_free(store->allocator, store->slots);
    store->slots = slots;
    store->count -= count;
    return CHORD_OK;
}

const struct chord_entry *chord_store_next(const struct chord_store *store, size_t *position) {
    while (*position < store->capacity) {
        const struct chord_entry *entry = store->slots[(*position)++].entry;
        if (entry != NULL) {
            return entry;
        }
    }
    return NULL;
}

struct chord_store_digest chord_store_digest(const struct chord_store *store) {
    struct chord_store_digest digest = {0};
    const struct chord_entry *entry;
    for (size_t position = 0; (entry = chord_store_next(store, &position)) != NULL;) {
        const uint64_t pair = chord_digest64_pair(chord_digest64(entry->bytes, entry->key_size),
                                                  chord_digest64(chord_entry_value(entry), entry->value_size));
        digest.pair_count++;
        digest.content += pair;
        digest.copies +=
            chord_digest64_pair(pair, chord_digest64_pair(entry->version_epoch, entry->version_counter));
        digest.bytes += entry->key_size + entry->value_size;
    }
    return digest;
}
