/* The pairs of one arc: a hash table from key bytes to value and version.
 *
 * One table an arc, not one a node, so that handing over, dropping or splitting an arc touches that arc's pairs alone.
 * Open addressing with linear probing over (tag, entry) slots; a pair is one block that holds its key and value. Two
 * keys are the same if their bytes are: on a ring of few bits many keys share an id. (A key that came with two ids, which no
 * correct client sends, is two keys.) */
#ifndef CHORD_CHAIN_STORE_H
#define CHORD_CHAIN_STORE_H

#include "chord/base/allocator.h"
#include "chord/base/id.h"
#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stddef.h>
#include <stdint.h>

/* One pair. The fields are ordered so that nothing is padded: key and value follow, in `bytes`. */
struct chord_entry {
    uint64_t id_high;
    uint64_t id_middle;
    uint32_t id_low;
    uint32_t version_epoch;
    uint64_t version_counter;
    uint32_t value_size;
    uint32_t value_capacity; /* bytes reserved for the value, >= value_size */
    uint16_t key_size;
    unsigned char bytes[]; /* key_size bytes of key, then value_size bytes of value */
};

static inline struct chord_id chord_entry_id(const struct chord_entry *entry) {
    return (struct chord_id){.high = entry->id_high, .middle = entry->id_middle, .low = entry->id_low};
}

static inline struct chord_version chord_entry_version(const struct chord_entry *entry) {
    return (struct chord_version){.epoch = entry->version_epoch, .counter = entry->version_counter};
}

static inline const unsigned char *chord_entry_value(const struct chord_entry *entry) {
    return entry->bytes + entry->key_size;
}

struct chord_store_slot {
    uint64_t tag;
    struct chord_entry *entry; /* owned; NULL in an empty slot */
};

/* Pairs that were replaced or removed, whose blocks the next new ones take: where writes replace what is there, and their
 * sizes are alike, nothing is allocated. Larger blocks cost more to fill than to allocate, and aren't kept. */
#define CHORD_STORE_SPARES_MAX 32u
#define CHORD_STORE_SPARE_BYTES_MAX 1024u

struct chord_store {
    const struct chord_allocator *allocator; /* borrowed */
    struct chord_store_slot *slots;          /* owned; capacity of them, a power of two, or NULL */
    size_t capacity;
    size_t count;
    struct chord_entry *spares[CHORD_STORE_SPARES_MAX]; /* owned; the first spare_count of them */
    uint32_t spare_count;
    bool tag_from_key; /* the ring's ids are too short to spread the keys over the slots */
};

/* An empty store; allocates nothing yet. id_bits: 1..160. */
void chord_store_init(struct chord_store *store, const struct chord_allocator *allocator, unsigned id_bits);

/* Frees all pairs; the store is empty and usable again. */
void chord_store_clear(struct chord_store *store);

/* The pair with this key, or NULL. Valid until the store is next changed. */
struct chord_entry *chord_store_find(const struct chord_store *store, struct chord_id id, const unsigned char *key,
                                     uint32_t key_size);

/* A lookup misses the cache twice, at its slot and at the pair. Who knows in time what will be looked up has both fetched
 * meanwhile: first the slots of all keys, then their pairs. Neither changes anything. prefetch returns the slot where the
 * search for a key with this id will begin, valid until the store is next changed; NULL: there is nothing to fetch. */
const struct chord_store_slot *chord_store_prefetch(const struct chord_store *store, struct chord_id id);
void chord_store_prefetch_pair(const struct chord_store_slot *slot);

/* Sets the key's value and version, both copied. CHORD_NO_MEMORY leaves the store as it was. */
CHORD_MUST_CHECK enum chord_status chord_store_put(struct chord_store *store, struct chord_id id,
                                                   const unsigned char *key, uint32_t key_size,
                                                   const unsigned char *value, uint32_t value_size,
                                                   struct chord_version version);

/* Like put, but keeps what was there: *previous is the pair that the key had, now the caller's, or NULL; *written is the
 * new one, the store's. */
CHORD_MUST_CHECK enum chord_status chord_store_exchange(struct chord_store *store, struct chord_id id,
                                                        const unsigned char *key, uint32_t key_size,
                                                        const unsigned char *value, uint32_t value_size,
                                                        struct chord_version version, struct chord_entry **previous,
                                                        struct chord_entry **written);

/* Takes the key's pair out of the store: now the caller's; NULL if it was not there. */
struct chord_entry *chord_store_detach(struct chord_store *store, struct chord_id id, const unsigned char *key,
                                       uint32_t key_size);

/* Gives a pair to the store, in the place of the one that its key has, which is disposed of. There must be room:
 * chord_store_reserve. */
void chord_store_attach(struct chord_store *store, struct chord_entry *entry);

/* Ends a pair that was exchanged or detached, or nothing if it is NULL. Its block may serve a later one. */
void chord_store_dispose(struct chord_store *store, struct chord_entry *entry);

/* Makes room for `count` pairs in all. CHORD_NO_MEMORY leaves the store as it was. */
CHORD_MUST_CHECK enum chord_status chord_store_reserve(struct chord_store *store, size_t count);

/* Moves every pair whose key's id is in (start, end] to `other`, which shares the allocator. CHORD_NO_MEMORY: nothing
 * was moved. */
CHORD_MUST_CHECK enum chord_status chord_store_move(struct chord_store *store, struct chord_id start,
                                                    struct chord_id end, struct chord_store *other);

/* Removes the key; false if it was not there. */
bool chord_store_remove(struct chord_store *store, struct chord_id id, const unsigned char *key, uint32_t key_size);

/* Walks over all pairs: start with *position = 0; NULL at the end. The order is that of the slots: nothing that the
 * protocol decides may depend on it. */
const struct chord_entry *chord_store_next(const struct chord_store *store, size_t *position);

/* What a store holds, independent of order. */
struct chord_store_digest {
    uint64_t pair_count;
    uint64_t content; /* sum of chord_digest64_pair(key digest, value digest) */
    uint64_t copies;  /* the same with the versions: equal in identical copies */
    uint64_t bytes;   /* of keys and values */
};

struct chord_store_digest chord_store_digest(const struct chord_store *store);

#endif
