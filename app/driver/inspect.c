#define _GNU_SOURCE /* qsort_r */

#include "app/driver/inspect.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

struct control_step inspect_step(const struct chord_node *node, struct chord_id target) {
    struct control_step step;
    memset(&step, 0, sizeof step);
    step.self = node->self;
    if (!chord_node_is_member(node)) {
        step.has_next = node->has_contact;
        step.next = node->contact;
        return step;
    }
    const struct chord_arc *own = chord_node_own_arc(node);
    if (own == NULL) {
        return step;
    }
    step.is_member = 1;
    step.owns = chord_arc_contains(own, target);
    step.successor = node->table.successors[0];
    const struct chord_environment *environment = node->environment;
    const struct chord_member *next =
        step.owns ? NULL : chord_table_next_hop(&node->table, environment->config, environment->reach, target);
    if (next != NULL) {
        step.has_next = 1;
        step.next = *next;
    }
    return step;
}

unsigned char *inspect_info(const struct chord_node *node, size_t *size) {
    struct control_info info;
    memset(&info, 0, sizeof info);
    info.self = node->self;
    const struct chord_arc *own = chord_node_own_arc(node);
    if (!chord_node_is_member(node)) {
        info.has_contact = node->has_contact;
        info.contact = node->contact;
    } else if (own != NULL) {
        info.is_member = 1;
        info.predecessor = node->table.predecessor;
        info.epoch = own->epoch;
        info.arc_start = own->start;
        info.arc_end = own->end;
        info.successor_count = node->table.successor_count;
        info.finger_count = node->table.finger_count;
        info.chain_count = own->chain_count;
    }
    for (uint32_t a = 0; a < node->arcs.count; a++) {
        const struct chord_arc *arc = &node->arcs.items[a];
        const struct chord_store_digest digest = chord_store_digest(&arc->store);
        *(arc == own ? &info.owned_pair_count : &info.replica_pair_count) += digest.pair_count;
        info.stored_bytes += digest.bytes;
    }
    const size_t count = (size_t)info.successor_count + info.finger_count + info.chain_count;
    *size = sizeof info + count * sizeof(struct chord_member);
    unsigned char *bytes = malloc(*size);
    chord_check(bytes != NULL);
    memcpy(bytes, &info, sizeof info);
    unsigned char *at = bytes + sizeof info;
    if (info.is_member) {
        memcpy(at, node->table.successors, info.successor_count * sizeof(struct chord_member));
        at += info.successor_count * sizeof(struct chord_member);
        for (uint32_t i = 0; i < info.finger_count; i++, at += sizeof(struct chord_member)) {
            memcpy(at, &node->table.fingers[i].owner, sizeof(struct chord_member));
        }
        memcpy(at, own->chain, info.chain_count * sizeof(struct chord_member));
    }
    return bytes;
}

/* --- pairs --- */

void inspect_listing_clear(struct inspect_listing *listing) {
    free(listing->bytes);
    free(listing->keys);
    *listing = (struct inspect_listing){0};
}

static int compare_keys(const void *left, const void *right, void *context) {
    const struct inspect_key *a = left;
    const struct inspect_key *b = right;
    const unsigned char *bytes = context;
    const int order = memcmp(bytes + a->offset, bytes + b->offset, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

void inspect_list(struct inspect_listing *listing, const struct chord_node *node) {
    inspect_listing_clear(listing);
    const struct chord_arc *own = chord_node_own_arc(node);
    if (own == NULL) {
        return;
    }
    size_t size = 0;
    size_t count = 0;
    const struct chord_entry *entry;
    for (size_t position = 0; (entry = chord_store_next(&own->store, &position)) != NULL; count++) {
        size += entry->key_size;
    }
    listing->bytes = malloc(size + 1);
    listing->keys = calloc(count + 1, sizeof *listing->keys);
    chord_check(listing->bytes != NULL && listing->keys != NULL);
    size_t offset = 0;
    for (size_t position = 0; (entry = chord_store_next(&own->store, &position)) != NULL;) {
        memcpy(listing->bytes + offset, entry->bytes, entry->key_size);
        listing->keys[listing->count++] =
            (struct inspect_key){.offset = offset, .size = entry->key_size, .id = chord_entry_id(entry)};
        offset += entry->key_size;
    }
    qsort_r(listing->keys, listing->count, sizeof *listing->keys, compare_keys, listing->bytes);
}

unsigned char *inspect_pairs(struct inspect_listing *listing, const struct chord_node *node, size_t *size) {
    struct control_pairs head = {0};
    size_t capacity = CONTROL_PAIRS_BYTES;
    unsigned char *bytes = malloc(capacity);
    chord_check(bytes != NULL);
    *size = sizeof head;
    const struct chord_arc *own = chord_node_own_arc(node);
    while (own != NULL && listing->next < listing->count) {
        const struct inspect_key *key = &listing->keys[listing->next];
        const struct chord_entry *entry =
            chord_store_find(&own->store, key->id, listing->bytes + key->offset, key->size);
        const size_t pair_size = entry == NULL ? 0 : 8 + (size_t)entry->key_size + entry->value_size;
        if (*size + pair_size > capacity) {
            if (head.count > 0) {
                break;
            }
            capacity = *size + pair_size;
            bytes = realloc(bytes, capacity);
            chord_check(bytes != NULL);
        }
        listing->next++;
        if (entry != NULL) {
            const uint32_t sizes[2] = {entry->key_size, entry->value_size};
            memcpy(bytes + *size, sizes, sizeof sizes);
            memcpy(bytes + *size + sizeof sizes, entry->bytes, pair_size - sizeof sizes);
            *size += pair_size;
            head.count++;
        }
    }
    head.more = own != NULL && listing->next < listing->count;
    memcpy(bytes, &head, sizeof head);
    if (!head.more) {
        inspect_listing_clear(listing);
    }
    return bytes;
}
