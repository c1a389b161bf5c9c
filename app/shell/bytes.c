#include "app/shell/bytes.h"

#include <stdbool.h>
#include <stdint.h>

size_t bytes_utf8_size(const unsigned char *bytes, size_t size) {
    if (size == 0 || (bytes[0] >= 0x80 && (bytes[0] < 0xc2 || bytes[0] > 0xf4))) {
        return 0;
    }
    const size_t needed = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (needed > size) {
        return 0;
    }
    for (size_t i = 1; i < needed; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    const bool surrogate = bytes[0] == 0xed && bytes[1] >= 0xa0;
    const bool beyond = bytes[0] == 0xf4 && bytes[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : needed;
}

/* C0, DEL and C1: a terminal might obey them. */
static bool is_control(const unsigned char *bytes, size_t size) {
    return (size == 1 && (bytes[0] < 0x20 || bytes[0] == 0x7f)) || (size == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0);
}

static void print(FILE *stream, const unsigned char *bytes, size_t size, size_t size_max, bool doubles_backslash) {
    size_t at = 0;
    while (at < size) {
        const size_t character = bytes_utf8_size(bytes + at, size - at);
        const size_t step = character == 0 ? 1 : character;
        if (at + step > size_max) {
            fputs("...", stream);
            return;
        }
        if (character == 0 || is_control(bytes + at, character)) {
            for (size_t i = 0; i < step; i++) {
                fprintf(stream, "\\x%02x", bytes[at + i]);
            }
        } else if (doubles_backslash && bytes[at] == '\\') {
            fputs("\\\\", stream);
        } else {
            fwrite(bytes + at, 1, step, stream);
        }
        at += step;
    }
}

void bytes_print(FILE *stream, const unsigned char *bytes, size_t size, size_t size_max) {
    print(stream, bytes, size, size_max, true);
}

void bytes_print_line(FILE *stream, const unsigned char *bytes, size_t size, size_t size_max) {
    print(stream, bytes, size, size_max, false);
}
