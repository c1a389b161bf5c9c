#include "chord/chain/log.h"

#include "chord/base/check.h"

#define CAPACITY_FIRST 16u

void chord_log_init(struct chord_log *log, const struct chord_allocator *allocator) {
    *log = (struct chord_log){.allocator = allocator};
}

static struct chord_log_write *write_at(const struct chord_log *log, uint32_t index) {
    return &log->writes[(log->first + index) & (log->capacity - 1)];
}

const struct chord_log_write *chord_log_get(const struct chord_log *log, uint32_t index) {
    chord_check(index < log->count);
    return write_at(log, index);
}

void chord_log_clear(struct chord_log *log, uint64_t start) {
    for (uint32_t index = 0; index < log->count; index++) {
        chord_free(log->allocator, write_at(log, index)->previous);
    }
    chord_free(log->allocator, log->writes);
    *log = (struct chord_log){.allocator = log->allocator, .start = start};
}

enum chord_status chord_log_reserve(struct chord_log *log, uint32_t count) {
    if (log->count + count <= log->capacity) {
        return CHORD_OK;
    }
    uint32_t capacity = log->capacity == 0 ? CAPACITY_FIRST : log->capacity * 2;
    while (capacity < log->count + count) {
        capacity *= 2;
    }
    struct chord_log_write *writes = chord_allocate(log->allocator, capacity * sizeof *writes);
    if (writes == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t index = 0; index < log->count; index++) {
        writes[index] = *write_at(log, index);
    }
    chord_free(log->allocator, log->writes);
    log->writes = writes;
    log->first = 0;
    log->capacity = capacity;
    return CHORD_OK;
}

void chord_log_add(struct chord_log *log, struct chord_log_write write) {
    chord_check(log->count < log->capacity && write.counter > log->start);
    log->bytes += write.bytes;
    *write_at(log, log->count++) = write;
}

void chord_log_release(struct chord_log *log, struct chord_store *store, uint64_t counter) {
    while (log->count > 0 && write_at(log, 0)->counter <= counter) {
        log->bytes -= write_at(log, 0)->bytes;
        chord_store_dispose(store, write_at(log, 0)->previous);
        log->first = (log->first + 1) & (log->capacity - 1);
        log->count--;
    }
    log->start = counter > log->start ? counter : log->start;
}

void chord_log_join(struct chord_log *log, uint64_t from, uint64_t to) {
    log->joint_from = log->joint_to == 0 ? from : log->joint_from;
    log->joint_to = to;
}

void chord_log_undo(struct chord_log *log, struct chord_store *store, uint64_t counter) {
    chord_check(counter >= log->start && chord_log_landing(counter, log->joint_from, log->joint_to) == counter);
    if (counter <= log->joint_from) {
        log->joint_from = 0;
        log->joint_to = 0;
    }
    while (log->count > 0 && write_at(log, log->count - 1)->counter > counter) {
        const struct chord_log_write *write = write_at(log, --log->count);
        const struct chord_entry *key = chord_log_key(write);
        log->bytes -= write->bytes;
        if (write->previous != NULL) {
            chord_store_attach(store, write->previous); /* frees what the write had written */
        } else if (key != NULL) {
            chord_check(chord_store_remove(store, chord_entry_id(key), key->bytes, key->key_size));
        }
    }
}

enum chord_status chord_log_move(struct chord_log *log, struct chord_id start, struct chord_id end,
                                 struct chord_log *other) {
    other->start = log->start;
    other->joint_from = log->joint_from;
    other->joint_to = log->joint_to;
    if (log->count == 0) {
        return CHORD_OK;
    }
    struct chord_log_write *writes = chord_allocate(log->allocator, log->capacity * sizeof *writes);
    if (writes == NULL) {
        return CHORD_NO_MEMORY;
    }
    other->writes = writes;
    other->capacity = log->capacity;
    const uint32_t count = log->count;
    log->count = 0;
    log->bytes = 0;
    for (uint32_t index = 0; index < count; index++) {
        const struct chord_log_write write = *write_at(log, index);
        const struct chord_entry *key = chord_log_key(&write);
        struct chord_log *target =
            key != NULL && chord_id_in_open_closed(start, chord_entry_id(key), end) ? other : log;
        chord_log_add(target, write); /* never past what is still to be read */
    }
    return CHORD_OK;
}

void chord_log_take_back(struct chord_log *log, struct chord_log *other) {
    for (uint32_t i = 0; i < other->count; i++) {
        const struct chord_log_write write = *write_at(other, i);
        chord_check(log->count < log->capacity);
        uint32_t index = log->count++;
        for (; index > 0 && write_at(log, index - 1)->counter > write.counter; index--) {
            *write_at(log, index) = *write_at(log, index - 1);
        }
        *write_at(log, index) = write;
        log->bytes += write.bytes;
    }
    other->count = 0;
    other->bytes = 0;
}
