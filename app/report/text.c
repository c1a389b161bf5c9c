#include "app/report/text.h"

#include "chord/base/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Puts commas into the digits before the point of a number that printf wrote. */
static void group_thousands(char text[TEXT_NUMBER_SIZE]) {
    const size_t whole = strspn(text, "0123456789");
    const size_t comma_count = whole == 0 ? 0 : (whole - 1) / 3;
    size_t length = strlen(text);
    chord_check(length + comma_count < TEXT_NUMBER_SIZE);
    memmove(text + whole + comma_count, text + whole, length - whole + 1);
    for (size_t i = 0, to = whole + comma_count; i < whole; i++) {
        text[--to] = text[whole - 1 - i];
        if (i % 3 == 2 && to > 0) {
            text[--to] = ',';
        }
    }
}

char *text_count(uint64_t count, char text[TEXT_NUMBER_SIZE]) {
    (void)snprintf(text, TEXT_NUMBER_SIZE, "%llu", (unsigned long long)count);
    group_thousands(text);
    return text;
}

char *text_decimal(double number, unsigned decimals, char text[TEXT_NUMBER_SIZE]) {
    if (!isfinite(number)) {
        (void)snprintf(text, TEXT_NUMBER_SIZE, "-");
    } else if (fabs(number) >= 1e18) {
        (void)snprintf(text, TEXT_NUMBER_SIZE, "%.4g", number);
    } else {
        (void)snprintf(text, TEXT_NUMBER_SIZE, "%.*f", (int)(decimals < 12 ? decimals : 12), number);
        group_thousands(text);
    }
    return text;
}

/* As many decimals as `digits` digits need, where the number has none of its own to spare. */
static char *with_digits(double number, int digits, char text[TEXT_NUMBER_SIZE]) {
    int decimals = digits - 1;
    if (isfinite(number) && number > 0) {
        /* What is rounded up to the next power of ten has one digit more: printf knows. */
        char rounded[TEXT_NUMBER_SIZE];
        (void)snprintf(rounded, sizeof rounded, "%.*e", digits - 1, number);
        decimals = digits - 1 - atoi(strchr(rounded, 'e') + 1);
    }
    return text_decimal(number, decimals < 0 ? 0 : (unsigned)decimals, text);
}

char *text_rate(double number, char text[TEXT_NUMBER_SIZE]) {
    return with_digits(number, 4, text);
}

/* A number in the largest unit that leaves at least 1, after rounding to three digits. */
static char *with_unit(double number, const char *const *units, double step, char text[TEXT_NUMBER_SIZE]) {
    if (!isfinite(number)) {
        return text_decimal(number, 0, text);
    }
    unsigned unit = 0;
    while (units[unit + 1] != NULL && number >= step - 0.5) {
        number /= step;
        unit++;
    }
    if (unit == 0 && number == floor(number)) {
        (void)text_decimal(number, 0, text);
    } else {
        (void)with_digits(number, 3, text);
    }
    const size_t length = strlen(text);
    (void)snprintf(text + length, TEXT_NUMBER_SIZE - length, " %s", units[unit]);
    return text;
}

char *text_duration(double ns, char text[TEXT_NUMBER_SIZE]) {
    static const char *const units[] = {"ns", "us", "ms", "s", NULL};
    return with_unit(ns, units, 1000.0, text);
}

char *text_bytes(double bytes, char text[TEXT_NUMBER_SIZE]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};
    return with_unit(bytes, units, 1024.0, text);
}

/* The character that a string begins with, and its length in bytes; 0 bytes if it is not valid UTF-8. Reads
 * no further than the final NUL. */
static size_t decode(const char *string, uint32_t *character) {
    const unsigned char *bytes = (const unsigned char *)string;
    const unsigned char first = bytes[0];
    if (first < 0x80) {
        *character = first;
        return 1;
    }
    const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    uint32_t value = first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0u) != 0x80u) {
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    const bool overlong = value < (size == 2 ? 0x80u : size == 3 ? 0x800u : 0x10000u);
    if (overlong || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    *character = value;
    return size;
}

size_t text_escape(const char *string, bool control, char *text, size_t size) {
    size_t used = 0;
    size_t needed = 0;
    bool cut = false;
    while (*string != '\0') {
        char piece[4 * 4 + 1];
        uint32_t character = 0;
        size_t consumed = decode(string, &character);
        const bool hidden = character < 0x20 || (character >= 0x7f && character < 0xa0);
        if (consumed == 0 || (control && hidden)) {
            consumed = consumed == 0 ? 1 : consumed;
            for (size_t i = 0; i < consumed; i++) {
                (void)snprintf(piece + 4 * i, 5, "\\x%02x", (unsigned)(unsigned char)string[i]);
            }
        } else {
            memcpy(piece, string, consumed);
            piece[consumed] = '\0';
        }
        const size_t length = strlen(piece);
        cut = cut || used + length >= size;
        if (!cut) {
            memcpy(text + used, piece, length);
            used += length;
        }
        needed += length;
        string += consumed;
    }
    text[used] = '\0';
    return needed;
}

struct range {
    uint32_t first;
    uint32_t last;
};

static bool in_ranges(uint32_t character, const struct range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (character >= ranges[i].first && character <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

size_t text_columns(const char *text) {
    /* The common blocks only: libc's wcwidth depends on the locale, which the launcher may not pass on. */
    static const struct range none[] = {{0x300, 0x36f},   {0x200b, 0x200f}, {0x20d0, 0x20ff},
                                        {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
    static const struct range two[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                       {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                       {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
    size_t columns = 0;
    while (*text != '\0') {
        uint32_t character = 0;
        const size_t size = decode(text, &character);
        if (in_ranges(character, two, sizeof two / sizeof two[0])) {
            columns += 2;
        } else if (!in_ranges(character, none, sizeof none / sizeof none[0])) {
            columns += 1;
        }
        text += size == 0 ? 1 : size;
    }
    return columns;
}

void text_grid_row(struct text_grid *grid) {
    chord_check(grid->row_count < TEXT_GRID_ROWS_MAX);
    grid->row_count++;
    grid->column_count = 0;
}

void text_grid_cell(struct text_grid *grid, const char *format, ...) {
    chord_check(grid->row_count > 0 && grid->column_count < TEXT_GRID_COLUMNS_MAX);
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    va_end(arguments);
    grid->cells[grid->row_count - 1][grid->column_count++] = text == NULL ? strdup("?") : text;
}

void text_grid_value(struct text_grid *grid, enum text_form form, double value) {
    char a[TEXT_NUMBER_SIZE];
    switch (form) {
    case TEXT_FORM_COUNT: /* a median can be halfway between two */
        text_grid_cell(grid, "%s", text_decimal(value, value == floor(value) ? 0 : 1, a));
        return;
    case TEXT_FORM_DURATION:
        text_grid_cell(grid, "%s", text_duration(value, a));
        return;
    case TEXT_FORM_BYTES:
        text_grid_cell(grid, "%s", text_bytes(value, a));
        return;
    case TEXT_FORM_RATE:
        text_grid_cell(grid, "%s", text_rate(value, a));
        return;
    }
}

static const char *cell_text(const struct text_grid *grid, unsigned row, unsigned column) {
    const char *text = grid->cells[row][column];
    return text == NULL ? "" : text;
}

void text_grid_print(struct text_grid *grid, FILE *stream, unsigned indent) {
    size_t widths[TEXT_GRID_COLUMNS_MAX] = {0};
    for (unsigned row = 0; row < grid->row_count; row++) {
        for (unsigned column = 0; column < TEXT_GRID_COLUMNS_MAX; column++) {
            const size_t columns = text_columns(cell_text(grid, row, column));
            widths[column] = columns > widths[column] ? columns : widths[column];
        }
    }
    for (unsigned row = 0; row < grid->row_count; row++) {
        size_t blanks = indent; /* not printed yet, so that none are left at the end */
        for (unsigned column = 0; column < TEXT_GRID_COLUMNS_MAX; column++) {
            const char *text = cell_text(grid, row, column);
            const size_t padding = widths[column] - text_columns(text);
            blanks += grid->left[column] ? 0 : padding;
            if (text[0] != '\0') {
                fprintf(stream, "%*s%s", (int)blanks, "", text);
                blanks = 0;
            }
            blanks += 2 + (grid->left[column] ? padding : 0);
            free(grid->cells[row][column]);
        }
        fputc('\n', stream);
    }
    memset(grid, 0, sizeof *grid);
}
