#include "app/mpi/assembly.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES 65536u

void assembly_clear(struct assembly *assembly) {
    free(assembly->bytes);
    *assembly = (struct assembly){0};
}

void assembly_done(struct assembly *assembly) {
    if (assembly->capacity > KEPT_BYTES) {
        assembly_clear(assembly);
    }
}

static const char *begin(struct assembly *assembly, const struct frame_record *record, uint32_t bytes_max) {
    if (assembly->is_open) {
        return "a message begins inside another one";
    }
    if (record->total > bytes_max) {
        return "a message is larger than the limit";
    }
    if (record->size >= record->total) {
        return "a first fragment is the whole message";
    }
    if (record->total > assembly->capacity) {
        assembly_clear(assembly);
        assembly->bytes = malloc(record->total);
        chord_check(assembly->bytes != NULL && "out of memory for a message in fragments");
        assembly->capacity = record->total;
    }
    assembly->is_open = true;
    assembly->total = record->total;
    assembly->size = 0;
    return NULL;
}

const char *assembly_take(struct assembly *assembly, const struct frame_record *record, uint32_t bytes_max) {
    if (record->kind == FRAME_FIRST) {
        const char *why = begin(assembly, record, bytes_max);
        if (why != NULL) {
            return why;
        }
    } else if (!assembly->is_open) {
        return "a fragment lacks its beginning";
    }
    const uint32_t room = assembly->total - assembly->size;
    if (record->kind == FRAME_LAST ? record->size != room : record->size >= room) {
        return "the fragments of a message don't add up to its size";
    }
    memcpy(assembly->bytes + assembly->size, record->bytes, record->size);
    assembly->size += record->size;
    assembly->is_open = record->kind != FRAME_LAST;
    return NULL;
}
