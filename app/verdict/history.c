#include "app/verdict/history.h"

#include <stdlib.h>

#define CAPACITY_FIRST 1024u

enum chord_status history_reserve(struct history *history, size_t capacity) {
    if (capacity <= history->capacity) {
        return CHORD_OK;
    }
    if (capacity > SIZE_MAX / sizeof *history->records) {
        return CHORD_NO_MEMORY;
    }
    struct history_record *records = realloc(history->records, capacity * sizeof *records);
    if (records == NULL) {
        return CHORD_NO_MEMORY;
    }
    history->records = records;
    history->capacity = capacity;
    return CHORD_OK;
}

enum chord_status history_append(struct history *history, const struct history_record *record) {
    if (history->count == history->capacity) {
        const size_t capacity = history->capacity == 0 ? CAPACITY_FIRST : history->capacity * 2;
        const enum chord_status status = history_reserve(history, capacity);
        if (status != CHORD_OK) {
            return status;
        }
    }
    history->records[history->count++] = *record;
    return CHORD_OK;
}

void history_reset(struct history *history) {
    history->count = 0;
}

void history_free(struct history *history) {
    free(history->records);
    *history = (struct history){0};
}
