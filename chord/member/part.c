#include "chord/member/part.h"

#include "chord/base/check.h"

#include <string.h>

void chord_parts_init(struct chord_parts *parts, const struct chord_allocator *allocator) {
    *parts = (struct chord_parts){.allocator = allocator};
}

static void clear(const struct chord_allocator *allocator, struct chord_part *part) {
    chord_free(allocator, part->chain);
    chord_free(allocator, part->committed);
    chord_free(allocator, part->holders);
}

void chord_parts_clear(struct chord_parts *parts) {
    for (uint32_t i = 0; i < parts->count; i++) {
        clear(parts->allocator, &parts->items[i]);
    }
    chord_free(parts->allocator, parts->items);
    chord_parts_init(parts, parts->allocator);
}

enum chord_status chord_parts_add(struct chord_parts *parts, struct chord_id start, struct chord_id end,
                                  struct chord_part **part) {
    if (parts->count == parts->capacity) {
        const uint32_t capacity = parts->capacity == 0 ? 8 : parts->capacity * 2;
        struct chord_part *items =
            parts->allocator->resize(parts->allocator->context, parts->items, capacity * sizeof *items);
        if (items == NULL) {
            return CHORD_NO_MEMORY;
        }
        parts->items = items;
        parts->capacity = capacity;
    }
    uint32_t index = parts->count;
    while (index > 0 && chord_id_compare(parts->items[index - 1].end, end) > 0) {
        index--;
    }
    memmove(&parts->items[index + 1], &parts->items[index], (parts->count - index) * sizeof *parts->items);
    parts->items[index] = (struct chord_part){.start = start, .end = end, .arc_start = start};
    parts->count++;
    *part = &parts->items[index];
    return CHORD_OK;
}

struct chord_part *chord_parts_ending_at(const struct chord_parts *parts, struct chord_id end) {
    for (uint32_t i = 0; i < parts->count; i++) {
        if (chord_id_equal(parts->items[i].end, end)) {
            return &parts->items[i];
        }
    }
    return NULL;
}

static void *copy_of(const struct chord_allocator *allocator, const void *array, size_t size) {
    void *copy = chord_allocate(allocator, size);
    if (copy != NULL) {
        memcpy(copy, array, size);
    }
    return copy;
}

enum chord_status chord_parts_cut(struct chord_parts *parts, struct chord_id id, bool *cut) {
    *cut = false;
    uint32_t index = 0;
    while (index < parts->count &&
           !chord_id_in_open_closed(parts->items[index].start, id, parts->items[index].end)) {
        index++;
    }
    chord_check(index < parts->count);
    if (chord_id_equal(parts->items[index].end, id)) {
        return CHORD_OK;
    }
    const struct chord_part whole = parts->items[index];
    struct chord_part half = whole;
    half.end = id;
    half.chain = copy_of(parts->allocator, whole.chain, whole.chain_count * sizeof *whole.chain);
    half.committed = copy_of(parts->allocator, whole.committed, whole.committed_count * sizeof *whole.committed);
    half.holders = copy_of(parts->allocator, whole.holders, whole.holder_capacity * sizeof *whole.holders);
    struct chord_part *added;
    if (half.chain == NULL || half.committed == NULL || half.holders == NULL ||
        chord_parts_add(parts, whole.start, id, &added) != CHORD_OK) {
        clear(parts->allocator, &half);
        return CHORD_NO_MEMORY;
    }
    *added = half;
    struct chord_part *rest = chord_parts_ending_at(parts, whole.end);
    rest->start = id;
    *cut = true;
    return CHORD_OK;
}

void chord_parts_remove(struct chord_parts *parts, struct chord_part *part) {
    clear(parts->allocator, part);
    parts->count--;
    memmove(part, part + 1, (size_t)(&parts->items[parts->count] - part) * sizeof *part);
}

struct chord_holder *chord_part_holder(const struct chord_part *part, struct chord_address address,
                                       uint32_t incarnation) {
    for (uint32_t i = 0; i < part->holder_count; i++) {
        if (chord_address_equal(part->holders[i].member.address, address) &&
            part->holders[i].member.incarnation == incarnation) {
            return &part->holders[i];
        }
    }
    return NULL;
}

struct chord_holder *chord_part_add_holder(struct chord_part *part, const struct chord_allocator *allocator,
                                           const struct chord_member *member) {
    struct chord_holder *holder = chord_part_holder(part, member->address, member->incarnation);
    if (holder != NULL) {
        return holder;
    }
    if (part->holder_count == part->holder_capacity) {
        const uint32_t capacity = part->holder_capacity == 0 ? 4 : part->holder_capacity * 2;
        struct chord_holder *holders =
            allocator->resize(allocator->context, part->holders, capacity * sizeof *holders);
        if (holders == NULL) {
            return NULL;
        }
        part->holders = holders;
        part->holder_capacity = capacity;
    }
    part->holders[part->holder_count] = (struct chord_holder){.member = *member};
    return &part->holders[part->holder_count++];
}

void chord_part_exclude(struct chord_part *part, const struct chord_member *member) {
    struct chord_holder *holder = chord_part_holder(part, member->address, member->incarnation);
    if (holder != NULL) {
        *holder = part->holders[--part->holder_count];
    }
}

enum chord_status chord_part_set_chain(struct chord_part *part, const struct chord_allocator *allocator,
                                       const struct chord_member *chain, uint32_t count) {
    struct chord_member *copy = copy_of(allocator, chain, count * sizeof *copy);
    if (copy == NULL) {
        return CHORD_NO_MEMORY;
    }
    chord_free(allocator, part->chain);
    part->chain = copy;
    part->chain_count = count;
    return CHORD_OK;
}

bool chord_part_is_in_chain(const struct chord_part *part, const struct chord_member *member) {
    for (uint32_t i = 0; i < part->chain_count; i++) {
        if (chord_member_equal(&part->chain[i], member)) {
            return true;
        }
    }
    return false;
}

static const struct chord_member *first_complete(const struct chord_part *part, const struct chord_member *chain,
                                                 uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct chord_holder *holder = chord_part_holder(part, chain[i].address, chain[i].incarnation);
        if (holder != NULL && holder->complete) {
            return &holder->member;
        }
    }
    return NULL;
}

const struct chord_member *chord_part_source(const struct chord_part *part) {
    const struct chord_member *source = first_complete(part, part->committed, part->committed_count);
    if (source == NULL) {
        source = first_complete(part, part->chain, part->chain_count);
    }
    /* One that became complete in an attempt that failed, and is in neither. */
    for (uint32_t i = 0; source == NULL && i < part->holder_count; i++) {
        source = part->holders[i].complete ? &part->holders[i].member : NULL;
    }
    return source;
}

bool chord_part_survives(const struct chord_part *part, const struct chord_member *without) {
    bool holds = false;
    bool others = false;
    for (uint32_t i = 0; i < part->holder_count; i++) {
        if (part->holders[i].complete) {
            holds |= chord_member_equal(&part->holders[i].member, without);
            others |= !chord_member_equal(&part->holders[i].member, without);
        }
    }
    return others || !holds;
}

bool chord_part_is_wedged(const struct chord_part *part) {
    for (uint32_t i = 0; i < part->holder_count; i++) {
        if (part->holders[i].touched && !part->holders[i].wedged) {
            return false;
        }
    }
    return true;
}

bool chord_part_is_synced(const struct chord_part *part) {
    for (uint32_t i = 0; i < part->chain_count; i++) {
        const struct chord_holder *holder =
            chord_part_holder(part, part->chain[i].address, part->chain[i].incarnation);
        if (holder == NULL || !holder->synced) {
            return false;
        }
    }
    return true;
}

enum chord_status chord_part_commit(struct chord_part *part, const struct chord_allocator *allocator) {
    struct chord_member *committed = copy_of(allocator, part->chain, part->chain_count * sizeof *committed);
    if (committed == NULL) {
        return CHORD_NO_MEMORY;
    }
    chord_free(allocator, part->committed);
    part->committed = committed;
    part->committed_count = part->chain_count;
    part->phase = CHORD_PART_COMMITTED;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < part->holder_count; i++) {
        if (chord_part_is_in_chain(part, &part->holders[i].member)) {
            part->holders[kept] = part->holders[i];
            part->holders[kept].complete = true;
            part->holders[kept].touched = true;
            part->holders[kept++].wedged = false;
        }
    }
    part->holder_count = kept;
    return CHORD_OK;
}
