#include "app/verdict/history.h"

#include "app/verdict/history_mapped.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024u

enum chord_status history_reserve(struct history *history, size_t capacity) {
    if (capacity <= history->capacity) {
        return CHORD_OK;
    }
    if (capacity > SIZE_MAX / 2 / sizeof *history->records) {
        return CHORD_NO_MEMORY;
    }
    if (history->head != NULL && history_mapped_grow(history, capacity)) {
        return CHORD_OK;
    }
    struct history_record *records = realloc(history->records, capacity * sizeof *records);
    if (records == NULL) {
        return CHORD_NO_MEMORY;
    }
    history->records = records;
    history->capacity = capacity;
    return CHORD_OK;
}

/* Room for so many more, and often for more than that, so that appending takes constant time on average. */
static enum chord_status make_room(struct history *history, size_t count) {
    const size_t count_max = SIZE_MAX / sizeof *history->records / 4; /* so that no size below is above SIZE_MAX */
    if (count > count_max || history->capacity > count_max) {
        return CHORD_NO_MEMORY;
    }
    if (history->capacity - history->count >= count) {
        return CHORD_OK;
    }
    const size_t doubled = history->capacity == 0 ? CAPACITY_FIRST : history->capacity * 2;
    return history_reserve(history, history->count + count > doubled ? history->count + count : doubled);
}

/* A record is stored and not looked at for long. Without the line in the cache the store is late, and all stores after it,
 * the messages' too. */
#define PREFETCH_DISTANCE 192

enum chord_status history_append(struct history *history, const struct history_record *record) {
    const enum chord_status status = make_room(history, 1);
    if (status != CHORD_OK) {
        return status;
    }
    history->records[history->count++] = *record;
    __builtin_prefetch((const char *)(history->records + history->count) + PREFETCH_DISTANCE, 1);
    history_mapped_publish(history);
    return CHORD_OK;
}

enum chord_status history_append_all(struct history *history, const unsigned char *records, size_t count) {
    const enum chord_status status = make_room(history, count);
    if (status != CHORD_OK || count == 0) {
        return status;
    }
    memcpy(history->records + history->count, records, count * sizeof *history->records);
    history->count += count;
    history_mapped_publish(history);
    return CHORD_OK;
}

void history_take_back(struct history *history) {
    history->count--;
    history_mapped_publish(history);
}

void history_answer(struct history *history, size_t position, const struct history_answer *answer) {
    struct history_record *record = &history->records[position];
    record->version_counter = answer->version.counter;
    record->version_epoch = answer->version.epoch;
    record->end_ns = answer->end_ns;
    record->retry_count = answer->retry_count < UINT8_MAX ? (uint8_t)answer->retry_count : UINT8_MAX;
    if (answer->outcome == CHORD_FOUND) {
        record->value_digest = answer->value_digest;
    }
    /* Last: it is what makes the rest count. */
    __atomic_store_n(&record->outcome, (uint8_t)answer->outcome, __ATOMIC_RELEASE);
}

void history_shift(struct history_record *record, int64_t offset_ns, uint64_t error_ns) {
    record->start_ns += (uint64_t)offset_ns - error_ns;
    if (record->end_ns > 0) { /* else it has none */
        record->end_ns += (uint64_t)offset_ns + error_ns;
    }
}

void history_reset(struct history *history) {
    history->count = 0;
    history_mapped_publish(history);
}

void history_free(struct history *history) {
    if (history->head != NULL) {
        history_mapped_close(history);
    }
    free(history->records);
    *history = (struct history){0};
}
