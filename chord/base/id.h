/* Ring arithmetic on identifiers (SIGCOMM 2001, section 4.2): numbers modulo 2^bits, bits from 1 to 160.
 *
 * An id is held left-aligned in 160 bits: a ring of m bits uses the leading m, the rest is zero. Order and the two
 * interval tests are then the same for every m, and only adding a power of two needs to know m. */
#ifndef CHORD_BASE_ID_H
#define CHORD_BASE_ID_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHORD_ID_BITS_MAX 160u
#define CHORD_ID_BYTES 20u
/* "0x", 40 digits, final NUL. */
#define CHORD_ID_TEXT_SIZE 43u

struct chord_id {
    uint64_t high;   /* bits 159..96 */
    uint64_t middle; /* bits 95..32 */
    uint32_t low;    /* bits 31..0 */
};

/* -1, 0 or 1 as a is less than, equal to or greater than b, as plain numbers. */
static inline int chord_id_compare(struct chord_id a, struct chord_id b) {
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    if (a.middle != b.middle) {
        return a.middle < b.middle ? -1 : 1;
    }
    return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

static inline bool chord_id_equal(struct chord_id a, struct chord_id b) {
    return a.high == b.high && a.middle == b.middle && a.low == b.low;
}

/* x in (a, b), clockwise. With a == b: every id but a. */
static inline bool chord_id_in_open(struct chord_id a, struct chord_id x, struct chord_id b) {
    if (chord_id_compare(a, b) < 0) {
        return chord_id_compare(a, x) < 0 && chord_id_compare(x, b) < 0;
    }
    return chord_id_compare(a, x) < 0 || chord_id_compare(x, b) < 0;
}

/* x in (a, b], clockwise: the ids that b owns when a is its predecessor. With a == b: the whole ring. */
static inline bool chord_id_in_open_closed(struct chord_id a, struct chord_id x, struct chord_id b) {
    if (chord_id_compare(a, b) < 0) {
        return chord_id_compare(a, x) < 0 && chord_id_compare(x, b) <= 0;
    }
    return chord_id_compare(a, x) < 0 || chord_id_compare(x, b) <= 0;
}

/* The leading `bits` bits of an id, the rest zero. bits: 1..160. */
struct chord_id chord_id_truncate(struct chord_id id, unsigned bits);

/* id + 2^exponent on a ring of `bits` bits: the start of finger `exponent` + 1 (SIGCOMM 2001, table 1).
 * exponent < bits <= 160. */
struct chord_id chord_id_add_power(struct chord_id id, unsigned bits, unsigned exponent);

/* id - 2^exponent: the ids from here to id are those whose finger `exponent` starts up to id. exponent < bits <= 160. */
struct chord_id chord_id_subtract_power(struct chord_id id, unsigned bits, unsigned exponent);

/* The largest power of two that a distance holds, as a distance; 0 for 0. */
struct chord_id chord_id_highest_power(struct chord_id distance);

/* The clockwise distance from a to b, left-aligned like an id. 0 if a == b. */
struct chord_id chord_id_distance(struct chord_id a, struct chord_id b);

/* Whose arc an id is in, on a ring of `count` >= 1 ascending ids: the index of the first that isn't below it; 0 if all are, since
 * the ring goes on there. */
size_t chord_id_owner(const struct chord_id *ids, size_t count, struct chord_id id);

/* From and to 20 big-endian bytes (a SHA-1 digest as it is printed). */
struct chord_id chord_id_from_bytes(const unsigned char bytes[CHORD_ID_BYTES]);
void chord_id_to_bytes(struct chord_id id, unsigned char bytes[CHORD_ID_BYTES]);

/* The id with the value `number` on a ring of `bits` bits (for textbook rings). CHORD_INVALID if it does not fit. */
CHORD_MUST_CHECK enum chord_status chord_id_from_number(uint64_t number, unsigned bits, struct chord_id *id);

/* Reads a decimal number below 2^64 or "0x" and hexadecimal digits of any length, as a number modulo nothing: a value
 * of 2^bits or more, and any other text, is CHORD_INVALID. text has `size` bytes and needs no final NUL. */
CHORD_MUST_CHECK enum chord_status chord_id_parse(const char *text, size_t size, unsigned bits,
                                                  struct chord_id *id);

/* Writes the id as "0x" and ceil(bits / 4) digits, the value on a ring of `bits` bits. Returns text. */
char *chord_id_format(struct chord_id id, unsigned bits, char text[CHORD_ID_TEXT_SIZE]);

#endif
