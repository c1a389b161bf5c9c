#include "app/workload/excerpt.h"

#include <stdint.h>
#include <string.h>

/* The size of the well-formed UTF-8 sequence of 2 to 4 bytes at the start of bytes[0..left), its code point
 * in *point; 0 if there is none (RFC 3629, section 3). */
static size_t sequence_size(const unsigned char *bytes, size_t left, uint32_t *point) {
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char lead = bytes[0];
    const size_t size = lead >= 0xc2 && lead <= 0xdf ? 2
                        : (lead & 0xf0) == 0xe0      ? 3
                        : (lead & 0xf8) == 0xf0      ? 4
                                                     : 0;
    if (size == 0 || size > left) {
        return 0;
    }
    *point = lead & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
        *point = *point << 6 | (bytes[i] & 0x3fu);
    }
    const bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
    return *point < least[size] || *point > 0x10ffff || surrogate ? 0 : size;
}

/* Control characters, line separators and the marks that turn the direction of the text round. */
static bool is_harmless(uint32_t point) {
    return point >= 0xa0 && !(point >= 0x200b && point <= 0x200f) && !(point >= 0x2028 && point <= 0x202e) &&
           !(point >= 0x2066 && point <= 0x2069) && point != 0xfeff;
}

/* Where to cut bytes[0..size) so that at most `limit` bytes remain and no UTF-8 character is split. */
static size_t cut(const unsigned char *bytes, size_t size, size_t limit) {
    if (size <= limit) {
        return size;
    }
    size_t end = limit;
    while (end > limit - 3 && (bytes[end] & 0xc0) == 0x80) {
        end--;
    }
    uint32_t point;
    return end < limit && end + sequence_size(bytes + end, size - end, &point) > limit ? end : limit;
}

char *excerpt_write(const char *bytes, size_t size, bool more, char text[EXCERPT_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = (const unsigned char *)bytes;
    const size_t shown = cut(from, size, EXCERPT_BYTES_MAX);
    char *to = text;
    for (size_t i = 0; i < shown;) {
        uint32_t point = 0;
        const size_t sequence = sequence_size(from + i, shown - i, &point);
        if (sequence > 0 && is_harmless(point)) {
            memcpy(to, from + i, sequence);
            to += sequence;
            i += sequence;
            continue;
        }
        const unsigned char byte = from[i++];
        const char *named = byte == '\n'   ? "\\n"
                            : byte == '\r' ? "\\r"
                            : byte == '\t' ? "\\t"
                            : byte == '\0' ? "\\0"
                            : byte == '"'  ? "\\\""
                            : byte == '\\' ? "\\\\"
                                           : NULL;
        if (named != NULL) {
            *to++ = named[0];
            *to++ = named[1];
        } else if (byte >= ' ' && byte <= '~') {
            *to++ = (char)byte;
        } else {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
        }
    }
    memcpy(to, more || shown < size ? "..." : "", more || shown < size ? 4 : 1);
    return text;
}
