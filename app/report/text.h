/* Private to app/report: numbers and foreign strings as text, and columns that stay aligned. Only ASCII is added. */
#ifndef APP_REPORT_TEXT_H
#define APP_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_NUMBER_SIZE 48u

/* All return `text`. */

/* 1,234,567 */
char *text_count(uint64_t count, char text[TEXT_NUMBER_SIZE]);
/* Not negative, with the given number of decimals: 1,234.50. "-" if it is not finite. */
char *text_decimal(double number, unsigned decimals, char text[TEXT_NUMBER_SIZE]);
/* Four digits at least, no more than needed: 0.01234, 12.34, 1,234, 1,234,567. */
char *text_rate(double number, char text[TEXT_NUMBER_SIZE]);
/* Three digits at least and a unit: "870 ns", "1.23 us", "12.3 ms", "4.56 s", "1,234 s". */
char *text_duration(double ns, char text[TEXT_NUMBER_SIZE]);
/* "870 B", "1.23 KiB", "12.3 MiB" */
char *text_bytes(double bytes, char text[TEXT_NUMBER_SIZE]);

/* Copies a string and writes each byte that is not part of valid UTF-8 (RFC 3629: no surrogates, no overlong forms) as
 * \xNN; with `control`, also each control character (C0, DEL, C1). What does not fit into `size` bytes with the final
 * NUL is cut between characters. size >= 1. Returns how many bytes the whole would take, without the NUL. */
size_t text_escape(const char *string, bool control, char *text, size_t size);

/* The columns that valid UTF-8 takes on a terminal: combining marks none, wide East Asian characters and pictures two. */
size_t text_columns(const char *text);

#define TEXT_GRID_COLUMNS_MAX 16u
#define TEXT_GRID_ROWS_MAX 80u

/* A small table. A zeroed struct is an empty one. */
struct text_grid {
    char *cells[TEXT_GRID_ROWS_MAX][TEXT_GRID_COLUMNS_MAX]; /* owned */
    unsigned row_count;
    unsigned column_count; /* of the last row while it is filled */
    bool left[TEXT_GRID_COLUMNS_MAX]; /* the column is aligned to the left; numbers are not */
};

/* Starts a row; beyond TEXT_GRID_ROWS_MAX it is a programmer error. */
void text_grid_row(struct text_grid *grid);
/* Adds a cell to the row, by printf's rules. Without memory the cell shows as "?". */
void text_grid_cell(struct text_grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How a number is shown. */
enum text_form { TEXT_FORM_COUNT, TEXT_FORM_DURATION, TEXT_FORM_BYTES, TEXT_FORM_RATE };

/* A cell with a number, nanoseconds, bytes or operations a second; NaN: there is none. */
void text_grid_value(struct text_grid *grid, enum text_form form, double value);
/* Prints the rows, each after `indent` blanks and without blanks at its end, and empties the grid. */
void text_grid_print(struct text_grid *grid, FILE *stream, unsigned indent);

#endif
