#include "app/options/duration.h"

#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t ns;
} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}};
#define UNIT_COUNT (sizeof units / sizeof units[0])

static size_t count_digits(const char *text, size_t size) {
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

/* The unit that these bytes name; UNIT_COUNT if they name none. */
static size_t unit_of(const char *text, size_t size) {
    size_t unit = 0;
    while (unit < UNIT_COUNT && (strlen(units[unit].name) != size || memcmp(units[unit].name, text, size) != 0)) {
        unit++;
    }
    return unit;
}

/* The number that the digits make; false if it is above `most`. */
static bool number_of(const char *digits, size_t count, uint64_t most, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        *number = *number * 10 + (uint64_t)(digits[i] - '0');
        if (*number > most) {
            return false;
        }
    }
    return true;
}

enum duration_result duration_parse(const char *text, size_t size, uint64_t most_ns, uint64_t *ns) {
    const size_t whole = count_digits(text, size);
    const bool point = whole < size && text[whole] == '.';
    const size_t start = whole + point; /* of the decimals */
    const size_t decimals = point ? count_digits(text + start, size - start) : 0;
    const size_t unit = unit_of(text + start + decimals, size - start - decimals);
    if (whole == 0 || (point && decimals == 0) || unit == UNIT_COUNT) {
        return DURATION_MALFORMED;
    }
    const bool fits = number_of(text, whole, most_ns / units[unit].ns, ns);
    *ns = fits ? *ns * units[unit].ns : 0;
    uint64_t scale = units[unit].ns;
    for (size_t i = 0; i < decimals; i++) {
        scale /= 10;
        if (scale == 0) {
            return DURATION_TOO_FINE;
        }
        *ns += scale * (uint64_t)(text[start + i] - '0');
    }
    return fits && *ns <= most_ns ? DURATION_OK : DURATION_TOO_LONG;
}
