#include "chord/ring/cache.h"

#include "chord/base/check.h"

#include <string.h>

enum chord_status chord_cache_init(struct chord_cache *cache, const struct chord_allocator *allocator,
                                   uint32_t capacity) {
    chord_check(capacity >= 1 && capacity <= CHORD_CACHE_ENTRIES_MAX);
    *cache = (struct chord_cache){.capacity = capacity};
    cache->slots = chord_allocate(allocator, capacity * sizeof *cache->slots);
    cache->order = chord_allocate(allocator, capacity * sizeof *cache->order);
    if (cache->slots == NULL || cache->order == NULL) {
        chord_cache_clear(cache, allocator);
        return CHORD_NO_MEMORY;
    }
    memset(cache->slots, 0, capacity * sizeof *cache->slots);
    return CHORD_OK;
}

void chord_cache_clear(struct chord_cache *cache, const struct chord_allocator *allocator) {
    chord_free(allocator, cache->slots);
    chord_free(allocator, cache->order);
    *cache = (struct chord_cache){.capacity = 0};
}

static struct chord_cache_slot *slot_at(const struct chord_cache *cache, uint32_t position) {
    return &cache->slots[cache->order[position]];
}

/* The first position whose owner is at or after the id, as plain numbers; entry_count if there is none. */
static uint32_t position_of(const struct chord_cache *cache, struct chord_id id) {
    uint32_t low = 0;
    uint32_t high = cache->entry_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (chord_id_compare(slot_at(cache, middle)->claim.owner.id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool contains(const struct chord_claim *claim, struct chord_id id) {
    return chord_id_in_open_closed(claim->start, id, claim->owner.id);
}

/* The only entry that may contain the id is that of the first owner at or after it, clockwise: were it a later one's, the
 * two would overlap. entry_count > 0. */
static uint32_t candidate_for(const struct chord_cache *cache, struct chord_id id) {
    const uint32_t position = position_of(cache, id);
    return position == cache->entry_count ? 0 : position;
}

const struct chord_claim *chord_cache_find(struct chord_cache *cache, struct chord_id id) {
    if (cache->entry_count == 0) {
        return NULL;
    }
    struct chord_cache_slot *slot = slot_at(cache, candidate_for(cache, id));
    if (!contains(&slot->claim, id)) {
        return NULL;
    }
    slot->was_found = true;
    return &slot->claim;
}

static void remove_at(struct chord_cache *cache, uint32_t position) {
    slot_at(cache, position)->is_used = false;
    cache->entry_count--;
    memmove(&cache->order[position], &cache->order[position + 1],
            (cache->entry_count - position) * sizeof *cache->order);
}

/* Two ranges overlap if and only if one contains the other's last id. */
static bool overlaps(const struct chord_claim *a, const struct chord_claim *b) {
    return contains(a, b->owner.id) || contains(b, a->owner.id);
}

/* Whether the claim is better than an entry that it overlaps. Of one owner and epoch the wider one is; (a, a] is the whole
 * ring. */
static bool supersedes(const struct chord_claim *claim, const struct chord_claim *entry) {
    if (claim->epoch != entry->epoch) {
        return claim->epoch > entry->epoch;
    }
    return chord_member_equal(&claim->owner, &entry->owner) && !chord_id_equal(entry->start, entry->owner.id) &&
           contains(claim, entry->start);
}

/* The position of an entry that overlaps the claim, or entry_count. What does lies about its last id: the entry of the
 * first owner at or after it, or that of the last one before it. */
static uint32_t overlapping(const struct chord_cache *cache, const struct chord_claim *claim) {
    if (cache->entry_count == 0) {
        return cache->entry_count;
    }
    const uint32_t after = candidate_for(cache, claim->owner.id);
    const uint32_t before = (after == 0 ? cache->entry_count : after) - 1;
    return overlaps(claim, &slot_at(cache, after)->claim)    ? after
           : overlaps(claim, &slot_at(cache, before)->claim) ? before
                                                             : cache->entry_count;
}

/* Whether all entries that overlap the claim are worse than it. They are neighbours: from the one at or after its last id
 * backwards, as far as their owners lie in its range. */
static bool stands(const struct chord_cache *cache, const struct chord_claim *claim) {
    if (cache->entry_count == 0) {
        return true;
    }
    uint32_t position = candidate_for(cache, claim->owner.id);
    for (uint32_t i = 0; i < cache->entry_count; i++) {
        const struct chord_claim *entry = &slot_at(cache, position)->claim;
        if (overlaps(claim, entry)) {
            if (!supersedes(claim, entry)) {
                return false;
            }
        } else if (i > 0) {
            break;
        }
        position = (position == 0 ? cache->entry_count : position) - 1;
    }
    return true;
}

/* A slot without a claim. There is one: the clock has seen to it. */
static uint32_t free_slot(struct chord_cache *cache) {
    chord_check(cache->capacity > 0);
    while (cache->slots[cache->hand].is_used) {
        struct chord_cache_slot *slot = &cache->slots[cache->hand];
        if (cache->entry_count == cache->capacity && !slot->was_found) {
            remove_at(cache, position_of(cache, slot->claim.owner.id));
            cache->counters.evicted++;
            break;
        }
        slot->was_found &= cache->entry_count < cache->capacity;
        cache->hand = (cache->hand + 1) % cache->capacity;
    }
    const uint32_t index = cache->hand;
    cache->hand = (cache->hand + 1) % cache->capacity;
    return index;
}

void chord_cache_learn(struct chord_cache *cache, const struct chord_claim *claim) {
    if (claim->epoch == 0 || !stands(cache, claim)) {
        return;
    }
    for (uint32_t position; (position = overlapping(cache, claim)) < cache->entry_count;) {
        remove_at(cache, position);
        cache->counters.replaced++;
    }
    const uint32_t index = free_slot(cache);
    cache->slots[index] = (struct chord_cache_slot){.claim = *claim, .is_used = true};
    const uint32_t position = position_of(cache, claim->owner.id);
    memmove(&cache->order[position + 1], &cache->order[position],
            (cache->entry_count - position) * sizeof *cache->order);
    cache->order[position] = index;
    cache->entry_count++;
    cache->counters.learned++;
}

void chord_cache_forget(struct chord_cache *cache, const struct chord_member *member) {
    const uint32_t position = position_of(cache, member->id);
    if (position == cache->entry_count) {
        return;
    }
    const struct chord_member *owner = &slot_at(cache, position)->claim.owner;
    if (chord_id_equal(owner->id, member->id) && owner->incarnation <= member->incarnation) {
        remove_at(cache, position);
        cache->counters.forgotten++;
    }
}

void chord_cache_forget_rank(struct chord_cache *cache, uint32_t rank) {
    for (uint32_t position = cache->entry_count; position-- > 0;) {
        if (slot_at(cache, position)->claim.owner.address.rank == rank) {
            remove_at(cache, position);
            cache->counters.forgotten++;
        }
    }
}

void chord_cache_counters_add(struct chord_cache_counters *into, const struct chord_cache_counters *from) {
    into->lookups += from->lookups;
    into->hits += from->hits;
    into->stale += from->stale;
    into->learned += from->learned;
    into->replaced += from->replaced;
    into->evicted += from->evicted;
    into->forgotten += from->forgotten;
}

void chord_cache_counters_subtract(struct chord_cache_counters *into, const struct chord_cache_counters *from) {
    into->lookups -= from->lookups;
    into->hits -= from->hits;
    into->stale -= from->stale;
    into->learned -= from->learned;
    into->replaced -= from->replaced;
    into->evicted -= from->evicted;
    into->forgotten -= from->forgotten;
}
