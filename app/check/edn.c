#include "app/check/edn.h"

#include "app/shell/bytes.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_prefix[] = "hex:";
static const char digest_prefix[] = "digest:";

static bool begins(const unsigned char *bytes, size_t size, const char *prefix) {
    return size >= strlen(prefix) && memcmp(bytes, prefix, strlen(prefix)) == 0;
}

static bool is_plain(const unsigned char *bytes, size_t size) {
    if (size == 0 || begins(bytes, size, hex_prefix) || begins(bytes, size, digest_prefix)) {
        return false;
    }
    for (size_t at = 0; at < size;) {
        const size_t character = bytes_utf8_size(bytes + at, size - at);
        const bool control = bytes[at] == 127 || (bytes[at] < 32 && strchr("\t\n\r", bytes[at]) == NULL);
        if (character == 0 || control || bytes[at] == '\0') {
            return false;
        }
        at += character;
    }
    return true;
}

static void put_plain(FILE *stream, const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        switch (bytes[i]) {
        case '\t':
            fputs("\\t", stream);
            break;
        case '\n':
            fputs("\\n", stream);
            break;
        case '\r':
            fputs("\\r", stream);
            break;
        case '"':
        case '\\':
            fputc('\\', stream);
            fputc(bytes[i], stream);
            break;
        default:
            fputc(bytes[i], stream);
        }
    }
}

char *edn_string(const struct history_file *file, const struct history_text *text, size_t size_max) {
    char *string = NULL;
    size_t string_size = 0;
    FILE *stream = open_memstream(&string, &string_size);
    chord_check(stream != NULL);
    const unsigned char *bytes = history_file_bytes(file, text);
    fputc('"', stream);
    if (bytes == NULL || text->size > size_max) {
        fprintf(stream, "%s%016" PRIx64, digest_prefix, text->digest);
    } else if (is_plain(bytes, text->size)) {
        put_plain(stream, bytes, text->size);
    } else {
        fputs(hex_prefix, stream);
        for (size_t i = 0; i < text->size; i++) {
            fprintf(stream, "%02x", bytes[i]);
        }
    }
    fputc('"', stream);
    chord_check(fclose(stream) == 0);
    return string;
}
