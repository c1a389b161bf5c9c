#define _GNU_SOURCE /* mremap */
#include "app/verdict/history_mapped.h"

#include "chord/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'c', 'h', 'o', 'r', 'd', 'H', 'I', 'S'};

enum state {
    KEPT,    /* the records are here */
    GIVEN_UP /* they were moved to the heap, since the file could not grow */
};

struct history_head {
    char magic[8];
    uint32_t layout_version;
    uint32_t record_size;
    uint32_t client_rank;
    uint32_t state;
    int64_t clock_offset_ns;
    uint64_t clock_error_ns;
    uint64_t count; /* of records; stored with release */
    uint64_t reserved[2];
};

_Static_assert(sizeof(struct history_head) == 64, "the head has no padding");
_Static_assert(sizeof(off_t) == 8 && sizeof(size_t) == 8, "a file may be larger than 4 GiB");

__attribute__((format(printf, 2, 3))) static bool fail(char error[HISTORY_MAPPED_ERROR_SIZE], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, HISTORY_MAPPED_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static size_t file_size(size_t capacity) {
    return sizeof(struct history_head) + capacity * sizeof(struct history_record);
}

static struct history_record *records_after(struct history_head *head) {
    return (struct history_record *)(head + 1);
}

/* Takes the blocks now: a store into a mapped page that finds the disk full is a SIGBUS. */
static bool extend(int descriptor, size_t size) {
    errno = posix_fallocate(descriptor, 0, (off_t)size);
    return errno == 0;
}

static void use_mapping(struct history *history, void *mapping, size_t capacity) {
    history->head = mapping;
    history->records = records_after(history->head);
    history->capacity = capacity;
#ifdef MADV_POPULATE_WRITE
    /* Page faults belong to the loading, not to the timed part. Older kernels do without. */
    (void)madvise(mapping, file_size(capacity), MADV_POPULATE_WRITE);
#endif
}

bool history_mapped_create(struct history *history, const char *path, const struct history_mapped_writer *writer,
                           char error[HISTORY_MAPPED_ERROR_SIZE]) {
    *history = (struct history){0};
    const int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return fail(error, "can't keep a history in '%.300s': %s; choose another --history-dir", path, strerror(errno));
    }
    void *mapping = MAP_FAILED;
    if (extend(descriptor, file_size(0))) {
        mapping = mmap(NULL, file_size(0), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    }
    if (mapping == MAP_FAILED) {
        (void)fail(error, "can't map a history in '%.300s': %s; choose another --history-dir", path, strerror(errno));
        (void)close(descriptor);
        (void)unlink(path);
        return false;
    }
    use_mapping(history, mapping, 0);
    history->descriptor = descriptor;
    *history->head = (struct history_head){.layout_version = HISTORY_MAPPED_LAYOUT_VERSION,
                                           .record_size = sizeof(struct history_record),
                                           .client_rank = writer->client_rank,
                                           .clock_offset_ns = writer->clock_offset_ns,
                                           .clock_error_ns = writer->clock_error_ns};
    memcpy(history->head->magic, magic, sizeof magic);
    return true;
}

static void move_to_heap(struct history *history) {
    struct history_record *records = malloc((history->count + 1) * sizeof *records);
    chord_check(records != NULL);
    if (history->count > 0) {
        memcpy(records, history->records, history->count * sizeof *records);
    }
    const size_t count = history->count;
    __atomic_store_n(&history->head->state, GIVEN_UP, __ATOMIC_RELEASE);
    history_mapped_close(history);
    history->records = records;
    history->count = count;
    history->capacity = count;
}

bool history_mapped_grow(struct history *history, size_t capacity) {
    void *mapping = MAP_FAILED;
    if (extend(history->descriptor, file_size(capacity))) {
        mapping = mremap(history->head, file_size(history->capacity), file_size(capacity), MREMAP_MAYMOVE);
    }
    if (mapping == MAP_FAILED) {
        move_to_heap(history);
        return false;
    }
    use_mapping(history, mapping, capacity);
    return true;
}

void history_mapped_publish(struct history *history) {
    if (history->head != NULL) {
        __atomic_store_n(&history->head->count, history->count, __ATOMIC_RELEASE);
    }
}

void history_mapped_close(struct history *history) {
    (void)munmap(history->head, file_size(history->capacity));
    (void)close(history->descriptor);
    *history = (struct history){0};
}

/* --- reading --- */

/* Whether the head is one that this program writes, and the file has as many records as it says. */
static bool check_head(const struct history_head *head, size_t size, uint32_t client_rank, char *error) {
    if (memcmp(head->magic, magic, sizeof magic) != 0) {
        return fail(error, "it is no history");
    }
    if (head->layout_version != HISTORY_MAPPED_LAYOUT_VERSION || head->record_size != sizeof(struct history_record)) {
        return fail(error, "it has layout %" PRIu32 " with records of %" PRIu32 " bytes, not layout %u with %zu",
                    head->layout_version, head->record_size, HISTORY_MAPPED_LAYOUT_VERSION, sizeof(struct history_record));
    }
    if (head->client_rank != client_rank) {
        return fail(error, "it is rank %" PRIu32 "'s, not rank %" PRIu32 "'s", head->client_rank, client_rank);
    }
    if (head->state != KEPT) {
        return fail(error, "its disk was full: the rest went to the process's memory");
    }
    if (size < sizeof *head || head->count > (size - sizeof *head) / sizeof(struct history_record)) {
        return fail(error, "it claims %" PRIu64 " records in %zu bytes", head->count, size);
    }
    return true;
}

static bool is_outcome_of(enum chord_operation_kind kind, enum chord_outcome outcome) {
    switch (outcome) {
    case CHORD_INSERTED:
    case CHORD_UPDATED:
        return kind == CHORD_INSERT;
    case CHORD_FOUND:
        return kind == CHORD_QUERY;
    case CHORD_DELETED:
        return kind == CHORD_DELETE;
    case CHORD_ABSENT:
        return kind != CHORD_INSERT;
    case CHORD_UNKNOWN:
        return true;
    case CHORD_OUTCOME_COUNT:
        break;
    }
    return false;
}

/* Copies a record that its owner may be completing. */
static struct history_record take(const struct history_record *source) {
    const uint8_t outcome = __atomic_load_n(&source->outcome, __ATOMIC_ACQUIRE);
    struct history_record record = *source;
    record.outcome = outcome;
    if (outcome == CHORD_UNKNOWN) {
        record.version_counter = 0;
        record.version_epoch = 0;
        record.end_ns = 0;
        record.value_digest = record.kind == CHORD_INSERT ? record.value_digest : 0;
    }
    return record;
}

static bool is_record(const struct history_record *record, uint32_t client_rank, uint64_t position) {
    return record->kind < CHORD_OPERATION_KIND_COUNT && record->mark == 0 && record->client_rank == client_rank &&
           record->index == position &&
           is_outcome_of((enum chord_operation_kind)record->kind, (enum chord_outcome)record->outcome) &&
           (record->outcome == CHORD_UNKNOWN || record->end_ns >= record->start_ns);
}

static bool append_all(const struct history_head *head, const struct history_record *records, struct history *into,
                       char *error) {
    const size_t before = into->count;
    if (history_reserve(into, before + head->count) != CHORD_OK) {
        return fail(error, "there is no memory for its %" PRIu64 " records", head->count);
    }
    /* One segment of the client's list (--history-limit). */
    const uint64_t first = head->count > 0 ? records[0].index : 0;
    for (uint64_t i = 0; i < head->count; i++) {
        struct history_record record = take(&records[i]);
        if (!is_record(&record, head->client_rank, first + i)) {
            into->count = before;
            return fail(error, "its record %" PRIu64 " can't be", i);
        }
        history_shift(&record, head->clock_offset_ns, head->clock_error_ns);
        into->records[into->count++] = record;
    }
    return true;
}

bool history_mapped_read(int descriptor, uint32_t client_rank, struct history *into,
                         char error[HISTORY_MAPPED_ERROR_SIZE]) {
    struct history_head head;
    struct stat status;
    if (pread(descriptor, &head, sizeof head, 0) != (ssize_t)sizeof head) {
        return fail(error, "it has no head");
    }
    /* After the head: a writer that lives makes room before it counts, so the size fits the count. */
    if (fstat(descriptor, &status) != 0) {
        return fail(error, "it can't be looked at: %s", strerror(errno));
    }
    const size_t size = (size_t)status.st_size;
    if (!check_head(&head, size, client_rank, error)) {
        return false;
    }
    void *mapping = mmap(NULL, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapping == MAP_FAILED) {
        return fail(error, "it can't be mapped: %s", strerror(errno));
    }
    const bool read = append_all(&head, records_after(mapping), into, error);
    (void)munmap(mapping, size);
    return read;
}
