/* The layout of what one rank sends to another: frames that hold records. Pure bytes: knows neither MPI nor
 * Chord, so that it can be fuzzed by itself.
 *
 *   frame    +----------------+----------+----------+--------+--------+- - -
 *            | sequence  u32  | size u16 | flags u16| record | record |
 *            +----------------+----------+----------+--------+--------+- - -
 *   record   +----------+---------------------------------------+
 *            | head u16 | bytes                                 |   head = kind << 14 | count of the bytes
 * that follow
 *            +----------+---------------------------------------+
 *   first    +----------+-----------+---------------------------+
 *   fragment | head u16 | total u32 | bytes                     |   the head counts total's four bytes as
 * well
 *            +----------+-----------+---------------------------+
 *
 * All numbers are little-endian. `sequence` counts the frames of one channel (sender, receiver) from 0 and
 * wraps; `size` is the whole frame's. A record never straddles frames; a message that is larger than a frame
 * travels as one first, any number of middle and one last fragment, consecutive in the channel, whose bytes
 * add up to `total`. The exception is a frame with the flag FRAME_RESTART: its sender has discarded what
 * stood before it, so of a message whose fragments have begun to arrive the rest never will. */
#ifndef APP_MPI_FRAME_H
#define APP_MPI_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_BYTES_MIN 256u
#define FRAME_BYTES_MAX                                                                                      \
    4000u /* below Open MPI's eager limit on shared memory, 4,096 with its own headers                       \
           */
#define FRAME_HEADER_BYTES 8u
#define FRAME_RECORD_HEAD_BYTES 2u
#define FRAME_TOTAL_BYTES 4u
#define FRAME_RESTART 1u /* the only flag */

enum frame_record_kind { FRAME_WHOLE = 0, FRAME_FIRST = 1, FRAME_MIDDLE = 2, FRAME_LAST = 3 };

struct frame_header {
    uint32_t sequence;
    uint32_t size;
    uint32_t flags; /* 0 or FRAME_RESTART */
};

/* One record of a frame; `bytes` points into the frame. */
struct frame_record {
    enum frame_record_kind kind;
    uint32_t total; /* of the whole message; with FRAME_FIRST only */
    const unsigned char *bytes;
    uint32_t size;
};

static inline void frame_write_header(unsigned char *frame, uint32_t sequence, uint32_t size,
                                      uint32_t flags) {
    frame[0] = (unsigned char)sequence;
    frame[1] = (unsigned char)(sequence >> 8);
    frame[2] = (unsigned char)(sequence >> 16);
    frame[3] = (unsigned char)(sequence >> 24);
    frame[4] = (unsigned char)size;
    frame[5] = (unsigned char)(size >> 8);
    frame[6] = (unsigned char)flags;
    frame[7] = (unsigned char)(flags >> 8);
}

static inline void frame_write_record_head(unsigned char *record, enum frame_record_kind kind,
                                           uint32_t size) {
    const uint32_t head = ((uint32_t)kind << 14) | size;
    record[0] = (unsigned char)head;
    record[1] = (unsigned char)(head >> 8);
}

static inline void frame_write_total(unsigned char *at, uint32_t total) {
    at[0] = (unsigned char)total;
    at[1] = (unsigned char)(total >> 8);
    at[2] = (unsigned char)(total >> 16);
    at[3] = (unsigned char)(total >> 24);
}

/* Reads the header of a frame of which `size` bytes arrived. Returns NULL, or why it is malformed (static
 * text). */
static inline const char *frame_read_header(const unsigned char *frame, size_t size,
                                            struct frame_header *header) {
    if (size < FRAME_HEADER_BYTES)
        return "it is shorter than a header";
    header->sequence =
        (uint32_t)frame[0] | (uint32_t)frame[1] << 8 | (uint32_t)frame[2] << 16 | (uint32_t)frame[3] << 24;
    header->size = (uint32_t)frame[4] | (uint32_t)frame[5] << 8;
    header->flags = (uint32_t)frame[6] | (uint32_t)frame[7] << 8;
    if ((header->flags & ~FRAME_RESTART) != 0)
        return "it has an unknown flag";
    if (header->size != size)
        return "its size differs from what arrived";
    return NULL;
}

/* Reads the record at *offset (FRAME_HEADER_BYTES for the first) and moves *offset behind it. The caller
 * stops when *offset equals the frame's size. Returns NULL, or why the record is malformed (static text). */
static inline const char *frame_read_record(const unsigned char *frame, size_t size, size_t *offset,
                                            struct frame_record *record) {
    if (size - *offset < FRAME_RECORD_HEAD_BYTES)
        return "a record's head is cut off";
    const unsigned char *at = frame + *offset;
    const uint32_t head = (uint32_t)at[0] | (uint32_t)at[1] << 8;
    at += FRAME_RECORD_HEAD_BYTES;
    record->kind = (enum frame_record_kind)(head >> 14);
    record->size = head & 0x3fffu;
    record->bytes = at;
    record->total = 0;
    if (record->size == 0)
        return "a record is empty";
    if (record->size > size - *offset - FRAME_RECORD_HEAD_BYTES)
        return "a record reaches beyond its frame";
    *offset += FRAME_RECORD_HEAD_BYTES + record->size;
    if (record->kind == FRAME_FIRST) {
        if (record->size <= FRAME_TOTAL_BYTES)
            return "a first fragment is too short";
        record->total =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        record->bytes += FRAME_TOTAL_BYTES;
        record->size -= FRAME_TOTAL_BYTES;
    }
    return NULL;
}

#endif
