/* Lengths of time as a person writes them: 2s, 500ms, 1.5s, 10us. */
#ifndef APP_OPTIONS_DURATION_H
#define APP_OPTIONS_DURATION_H

#include <stddef.h>
#include <stdint.h>

enum duration_result {
    DURATION_OK,
    DURATION_MALFORMED, /* not a number, perhaps with decimals, and then s, ms or us */
    DURATION_TOO_FINE,  /* a decimal below a nanosecond */
    DURATION_TOO_LONG   /* above most_ns */
};

/* Reads the first `size` bytes of text, which may be any bytes, as a whole: no sign, no blanks, no exponent. *ns is at
 * most most_ns, and means nothing unless DURATION_OK is returned. most_ns: at most UINT64_MAX / 10 - 1. */
enum duration_result duration_parse(const char *text, size_t size, uint64_t most_ns, uint64_t *ns);

#endif
