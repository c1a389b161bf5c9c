#include "chord/chain/duplicates.h"

#include "chord/base/check.h"

#include <string.h>

#define CAPACITY_FIRST 8u

void chord_duplicates_init(struct chord_duplicates *duplicates, const struct chord_allocator *allocator) {
    *duplicates = (struct chord_duplicates){.allocator = allocator};
}

void chord_duplicates_clear(struct chord_duplicates *duplicates) {
    for (uint32_t i = 0; i < duplicates->client_count; i++) {
        chord_free(duplicates->allocator, duplicates->clients[i].records);
    }
    chord_free(duplicates->allocator, duplicates->clients);
    chord_duplicates_init(duplicates, duplicates->allocator);
}

/* Index of the first client whose rank is not below the given one. */
static uint32_t position_of(const struct chord_duplicates *duplicates, uint32_t rank) {
    uint32_t low = 0;
    uint32_t high = duplicates->client_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (duplicates->clients[middle].rank < rank) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct chord_duplicate_client *client_of(struct chord_duplicates *duplicates, uint32_t rank) {
    if (duplicates->recent < duplicates->client_count && duplicates->clients[duplicates->recent].rank == rank) {
        return &duplicates->clients[duplicates->recent];
    }
    const uint32_t position = position_of(duplicates, rank);
    if (position == duplicates->client_count || duplicates->clients[position].rank != rank) {
        return NULL;
    }
    duplicates->recent = position;
    return &duplicates->clients[position];
}

static struct chord_duplicate_client *add_client(struct chord_duplicates *duplicates, uint32_t rank) {
    if (duplicates->client_count == duplicates->client_capacity) {
        const uint32_t capacity = duplicates->client_capacity == 0 ? 4 : duplicates->client_capacity * 2;
        struct chord_duplicate_client *clients = duplicates->allocator->resize(
            duplicates->allocator->context, duplicates->clients, capacity * sizeof *clients);
        if (clients == NULL) {
            return NULL;
        }
        duplicates->clients = clients;
        duplicates->client_capacity = capacity;
    }
    const uint32_t position = position_of(duplicates, rank);
    memmove(&duplicates->clients[position + 1], &duplicates->clients[position],
            (duplicates->client_count - position) * sizeof *duplicates->clients);
    duplicates->clients[position] = (struct chord_duplicate_client){.rank = rank};
    duplicates->client_count++;
    duplicates->recent = position;
    return &duplicates->clients[position];
}

static struct chord_duplicate *record_at(const struct chord_duplicate_client *client, uint32_t index) {
    return &client->records[(client->first + index) & (client->capacity - 1)];
}

uint64_t chord_duplicates_watermark(struct chord_duplicates *duplicates, uint32_t client_rank) {
    const struct chord_duplicate_client *client = client_of(duplicates, client_rank);
    return client == NULL ? 0 : client->watermark;
}

const struct chord_duplicate *chord_duplicates_find(struct chord_duplicates *duplicates, uint32_t client_rank,
                                                    uint64_t seq) {
    const struct chord_duplicate_client *client = client_of(duplicates, client_rank);
    if (client == NULL) {
        return NULL;
    }
    /* From the newest: a request that is no retry is newer than all that are recorded, which takes one comparison. */
    for (uint32_t index = client->count; index-- > 0 && record_at(client, index)->seq >= seq;) {
        if (record_at(client, index)->seq == seq) {
            return record_at(client, index);
        }
    }
    return NULL;
}

static enum chord_status reserve(const struct chord_allocator *allocator, struct chord_duplicate_client *client) {
    if (client->count < client->capacity) {
        return CHORD_OK;
    }
    const uint32_t capacity = client->capacity == 0 ? CAPACITY_FIRST : client->capacity * 2;
    struct chord_duplicate *records = chord_allocate(allocator, capacity * sizeof *records);
    if (records == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t index = 0; index < client->count; index++) {
        records[index] = *record_at(client, index);
    }
    chord_free(allocator, client->records);
    client->records = records;
    client->capacity = capacity;
    client->first = 0;
    return CHORD_OK;
}

enum chord_status chord_duplicates_reserve(struct chord_duplicates *duplicates, uint32_t client_rank) {
    struct chord_duplicate_client *client = client_of(duplicates, client_rank);
    if (client == NULL) {
        client = add_client(duplicates, client_rank);
    }
    return client == NULL ? CHORD_NO_MEMORY : reserve(duplicates->allocator, client);
}

static void raise(struct chord_duplicate_client *client, uint64_t watermark) {
    if (watermark <= client->watermark) {
        return;
    }
    client->watermark = watermark;
    while (client->count > 0 && record_at(client, 0)->seq < watermark) {
        client->first = (client->first + 1) & (client->capacity - 1);
        client->count--;
    }
}

enum chord_status chord_duplicates_raise(struct chord_duplicates *duplicates, uint32_t client_rank,
                                         uint64_t watermark) {
    struct chord_duplicate_client *client = client_of(duplicates, client_rank);
    if (client == NULL) {
        client = add_client(duplicates, client_rank);
    }
    if (client == NULL) {
        return CHORD_NO_MEMORY;
    }
    raise(client, watermark);
    return CHORD_OK;
}

enum chord_status chord_duplicates_add(struct chord_duplicates *duplicates, uint32_t client_rank, uint64_t watermark,
                                       struct chord_duplicate record) {
    if (chord_duplicates_reserve(duplicates, client_rank) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    struct chord_duplicate_client *client = client_of(duplicates, client_rank);
    chord_check(record.seq >= client->watermark && record.seq >= watermark);
    raise(client, watermark);
    uint32_t index = client->count++;
    for (; index > 0 && record_at(client, index - 1)->seq > record.seq; index--) {
        *record_at(client, index) = *record_at(client, index - 1);
    }
    chord_check(index == 0 || record_at(client, index - 1)->seq != record.seq);
    *record_at(client, index) = record;
    return CHORD_OK;
}

const struct chord_duplicate *chord_duplicates_get(const struct chord_duplicate_client *client, uint32_t index) {
    chord_check(index < client->count);
    return record_at(client, index);
}

enum chord_status chord_duplicates_copy(const struct chord_duplicates *duplicates, struct chord_id start,
                                        struct chord_id end, struct chord_duplicates *other) {
    for (uint32_t i = 0; i < duplicates->client_count; i++) {
        const struct chord_duplicate_client *client = &duplicates->clients[i];
        enum chord_status status = chord_duplicates_raise(other, client->rank, client->watermark);
        for (uint32_t index = 0; status == CHORD_OK && index < client->count; index++) {
            const struct chord_duplicate *record = record_at(client, index);
            if (chord_id_in_open_closed(start, record->key_id, end)) {
                status = chord_duplicates_add(other, client->rank, 0, *record);
            }
        }
        if (status != CHORD_OK) {
            chord_duplicates_clear(other);
            return status;
        }
    }
    return CHORD_OK;
}

enum chord_status chord_duplicates_merge(struct chord_duplicates *duplicates, const struct chord_duplicates *other) {
    for (uint32_t i = 0; i < other->client_count; i++) {
        const struct chord_duplicate_client *client = &other->clients[i];
        enum chord_status status = chord_duplicates_raise(duplicates, client->rank, client->watermark);
        for (uint32_t index = 0; status == CHORD_OK && index < client->count; index++) {
            const struct chord_duplicate *record = record_at(client, index);
            if (record->seq >= chord_duplicates_watermark(duplicates, client->rank) &&
                chord_duplicates_find(duplicates, client->rank, record->seq) == NULL) {
                status = chord_duplicates_add(duplicates, client->rank, 0, *record);
            }
        }
        if (status != CHORD_OK) {
            return status;
        }
    }
    return CHORD_OK;
}

uint64_t chord_duplicates_count(const struct chord_duplicates *duplicates) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < duplicates->client_count; i++) {
        count += duplicates->clients[i].count;
    }
    return count;
}
