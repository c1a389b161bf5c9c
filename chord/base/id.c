#include "chord/base/id.h"

#include "chord/base/check.h"

#include <endian.h>
#include <string.h>

typedef unsigned __int128 wide;

/* The 160 bits as a 128-bit top and a 32-bit bottom, which is what the carry and shift code below is written in. */
static wide top_of(struct chord_id id) {
    return ((wide)id.high << 64) | id.middle;
}

static struct chord_id id_of(wide top, uint32_t low) {
    return (struct chord_id){.high = (uint64_t)(top >> 64), .middle = (uint64_t)top, .low = low};
}

/* 2^position as a 160-bit number. */
static struct chord_id power(unsigned position) {
    return position < 32 ? id_of(0, UINT32_C(1) << position) : id_of((wide)1 << (position - 32), 0);
}

static struct chord_id add(struct chord_id a, struct chord_id b) {
    const uint64_t low = (uint64_t)a.low + b.low;
    return id_of(top_of(a) + top_of(b) + (low >> 32), (uint32_t)low);
}

static struct chord_id subtract(struct chord_id a, struct chord_id b) {
    return id_of(top_of(a) - top_of(b) - (a.low < b.low), a.low - b.low);
}

struct chord_id chord_id_truncate(struct chord_id id, unsigned bits) {
    chord_check(bits >= 1 && bits <= CHORD_ID_BITS_MAX);
    const unsigned dropped = CHORD_ID_BITS_MAX - bits;
    if (dropped == 0) {
        return id;
    }
    if (dropped < 32) {
        id.low &= ~((UINT32_C(1) << dropped) - 1);
        return id;
    }
    const wide top = top_of(id);
    return id_of(dropped == 32 ? top : top & ~(((wide)1 << (dropped - 32)) - 1), 0);
}

struct chord_id chord_id_add_power(struct chord_id id, unsigned bits, unsigned exponent) {
    chord_check(bits >= 1 && bits <= CHORD_ID_BITS_MAX && exponent < bits);
    return add(id, power(CHORD_ID_BITS_MAX - bits + exponent));
}

struct chord_id chord_id_subtract_power(struct chord_id id, unsigned bits, unsigned exponent) {
    chord_check(bits >= 1 && bits <= CHORD_ID_BITS_MAX && exponent < bits);
    return subtract(id, power(CHORD_ID_BITS_MAX - bits + exponent));
}

static uint64_t highest_bit(uint64_t word) {
    return UINT64_C(1) << (63 - __builtin_clzll(word));
}

struct chord_id chord_id_highest_power(struct chord_id distance) {
    if (distance.high != 0) {
        return (struct chord_id){.high = highest_bit(distance.high)};
    }
    if (distance.middle != 0) {
        return (struct chord_id){.middle = highest_bit(distance.middle)};
    }
    return (struct chord_id){.low = distance.low == 0 ? 0 : (uint32_t)highest_bit(distance.low)};
}

struct chord_id chord_id_distance(struct chord_id a, struct chord_id b) {
    return subtract(b, a);
}

size_t chord_id_owner(const struct chord_id *ids, size_t count, struct chord_id id) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (chord_id_compare(ids[middle], id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == count ? 0 : low;
}

struct chord_id chord_id_from_bytes(const unsigned char bytes[CHORD_ID_BYTES]) {
    struct chord_id id;
    memcpy(&id.high, bytes, 8);
    memcpy(&id.middle, bytes + 8, 8);
    memcpy(&id.low, bytes + 16, 4);
    id.high = be64toh(id.high);
    id.middle = be64toh(id.middle);
    id.low = be32toh(id.low);
    return id;
}

void chord_id_to_bytes(struct chord_id id, unsigned char bytes[CHORD_ID_BYTES]) {
    wide top = top_of(id);
    for (unsigned i = 16; i-- > 0; top >>= 8) {
        bytes[i] = (unsigned char)top;
    }
    for (unsigned i = 0; i < 4; i++) {
        bytes[16 + i] = (unsigned char)(id.low >> (24 - 8 * i));
    }
}

/* Shifts a right-aligned value left until it is left-aligned; false if it has bits at or above 2^bits. */
static bool align(struct chord_id value, unsigned bits, struct chord_id *id) {
    const unsigned shift = CHORD_ID_BITS_MAX - bits;
    unsigned char bytes[CHORD_ID_BYTES];
    chord_id_to_bytes(value, bytes);
    for (unsigned bit = 0; bit < shift; bit++) {
        if (bytes[bit / 8] & (0x80u >> (bit % 8))) {
            return false;
        }
    }
    for (unsigned step = 0; step < shift; step++) {
        value = add(value, value);
    }
    *id = value;
    return true;
}

enum chord_status chord_id_from_number(uint64_t number, unsigned bits, struct chord_id *id) {
    if (bits < 1 || bits > CHORD_ID_BITS_MAX) {
        return CHORD_INVALID;
    }
    const struct chord_id value = id_of((wide)(number >> 32), (uint32_t)number);
    return align(value, bits, id) ? CHORD_OK : CHORD_INVALID;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

enum chord_status chord_id_parse(const char *text, size_t size, unsigned bits, struct chord_id *id) {
    if (bits < 1 || bits > CHORD_ID_BITS_MAX) {
        return CHORD_INVALID;
    }
    const bool hexadecimal = size > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (!hexadecimal) {
        uint64_t number = 0;
        if (size == 0) {
            return CHORD_INVALID;
        }
        for (size_t i = 0; i < size; i++) {
            const int digit = digit_of(text[i]);
            if (digit > 9 || number > (UINT64_MAX - (uint64_t)digit) / 10) {
                return CHORD_INVALID;
            }
            number = number * 10 + (uint64_t)digit;
        }
        return chord_id_from_number(number, bits, id);
    }
    struct chord_id value = {0};
    for (size_t i = 2; i < size; i++) {
        const int digit = digit_of(text[i]);
        if (digit > 15 || (value.high >> 60) != 0) {
            return CHORD_INVALID;
        }
        for (unsigned step = 0; step < 4; step++) {
            value = add(value, value);
        }
        value = add(value, id_of(0, (uint32_t)digit));
    }
    return align(value, bits, id) ? CHORD_OK : CHORD_INVALID;
}

char *chord_id_format(struct chord_id id, unsigned bits, char text[CHORD_ID_TEXT_SIZE]) {
    chord_check(bits >= 1 && bits <= CHORD_ID_BITS_MAX);
    unsigned char bytes[CHORD_ID_BYTES];
    chord_id_to_bytes(id, bytes);
    const unsigned digit_count = (bits + 3) / 4;
    text[0] = '0';
    text[1] = 'x';
    for (unsigned digit = 0; digit < digit_count; digit++) {
        unsigned value = 0;
        for (unsigned bit = 0; bit < 4; bit++) {
            /* Position of this bit counted from the left of the ring's bits; the first digit may be short. */
            const int position = (int)(digit * 4 + bit) - (int)(digit_count * 4 - bits);
            value <<= 1;
            if (position >= 0 && (bytes[position / 8] & (0x80u >> (position % 8)))) {
                value |= 1;
            }
        }
        text[2 + digit] = "0123456789abcdef"[value];
    }
    text[2 + digit_count] = '\0';
    return text;
}
