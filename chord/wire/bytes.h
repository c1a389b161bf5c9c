/* Integers and ids to bytes and back: little-endian, without padding, of any alignment. What the codec and the transfers
 * are written with. */
#ifndef CHORD_WIRE_BYTES_H
#define CHORD_WIRE_BYTES_H

#include "chord/base/id.h"
#include "chord/wire/operation.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "integers are copied as they lie in memory: that needs a little-endian machine"
#endif

/* Where the next byte goes; the caller has seen to the room. */
struct chord_writer {
    unsigned char *at;
};

static inline void chord_put(struct chord_writer *writer, const void *bytes, size_t size) {
    memcpy(writer->at, bytes, size);
    writer->at += size;
}

static inline void chord_put8(struct chord_writer *writer, uint8_t value) {
    *writer->at++ = value;
}

static inline void chord_put16(struct chord_writer *writer, uint16_t value) {
    chord_put(writer, &value, sizeof value);
}

static inline void chord_put32(struct chord_writer *writer, uint32_t value) {
    chord_put(writer, &value, sizeof value);
}

static inline void chord_put64(struct chord_writer *writer, uint64_t value) {
    chord_put(writer, &value, sizeof value);
}

static inline void chord_put_id(struct chord_writer *writer, struct chord_id id) {
    chord_put64(writer, id.high);
    chord_put64(writer, id.middle);
    chord_put32(writer, id.low);
}

static inline void chord_put_version(struct chord_writer *writer, struct chord_version version) {
    chord_put32(writer, version.epoch);
    chord_put64(writer, version.counter);
}

/* A reader never runs past its end: what is missing reads as zero and is remembered. */
struct chord_reader {
    const unsigned char *at;
    size_t left;
    bool failed;
};

/* The next `size` bytes, borrowed; NULL if there are fewer. */
static inline const unsigned char *chord_get_bytes(struct chord_reader *reader, size_t size) {
    if (size > reader->left) {
        reader->failed = true;
        return NULL;
    }
    const unsigned char *bytes = reader->at;
    reader->at += size;
    reader->left -= size;
    return bytes;
}

/* A reader of the next `size` bytes, a constant of at most CHORD_FIELDS_SIZE_MAX: one check for all the fields in them, since
 * the compiler sees that those that are read from it fit. If they are missing they read as zero. */
#define CHORD_FIELDS_SIZE_MAX 128u
static inline struct chord_reader chord_get_fields(struct chord_reader *reader, size_t size) {
    static const unsigned char zeros[CHORD_FIELDS_SIZE_MAX];
    const unsigned char *bytes = chord_get_bytes(reader, size);
    return (struct chord_reader){.at = bytes == NULL ? zeros : bytes, .left = size};
}

static inline void chord_get(struct chord_reader *reader, void *bytes, size_t size) {
    const unsigned char *read = chord_get_bytes(reader, size);
    if (read == NULL) {
        memset(bytes, 0, size);
    } else {
        memcpy(bytes, read, size);
    }
}

static inline uint8_t chord_get8(struct chord_reader *reader) {
    uint8_t value;
    chord_get(reader, &value, sizeof value);
    return value;
}

static inline uint16_t chord_get16(struct chord_reader *reader) {
    uint16_t value;
    chord_get(reader, &value, sizeof value);
    return value;
}

static inline uint32_t chord_get32(struct chord_reader *reader) {
    uint32_t value;
    chord_get(reader, &value, sizeof value);
    return value;
}

static inline uint64_t chord_get64(struct chord_reader *reader) {
    uint64_t value;
    chord_get(reader, &value, sizeof value);
    return value;
}

static inline struct chord_id chord_get_id(struct chord_reader *reader) {
    struct chord_id id;
    id.high = chord_get64(reader);
    id.middle = chord_get64(reader);
    id.low = chord_get32(reader);
    return id;
}

static inline struct chord_version chord_get_version(struct chord_reader *reader) {
    struct chord_version version;
    version.epoch = chord_get32(reader);
    version.counter = chord_get64(reader);
    return version;
}

#endif
