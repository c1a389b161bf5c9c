/* Arbitrary bytes as people may read them on a terminal: UTF-8 as it is, everything else escaped. */
#ifndef APP_SHELL_BYTES_H
#define APP_SHELL_BYTES_H

#include <stddef.h>
#include <stdio.h>

/* The bytes of the UTF-8 character that starts at bytes[0], 1..4; 0 if it is none (RFC 3629) or size is 0. */
size_t bytes_utf8_size(const unsigned char *bytes, size_t size);

/* Prints the bytes: printable UTF-8 as it is, a backslash as \\, all others (control characters, bytes that aren't
 * UTF-8) as \xHH; so it can be pasted into $'...', a ' excepted. Beyond `size_max` bytes it stops between two
 * characters and prints "...". */
void bytes_print(FILE *stream, const unsigned char *bytes, size_t size, size_t size_max);

/* The same, but a backslash is one backslash: for repeating what a person wrote. */
void bytes_print_line(FILE *stream, const unsigned char *bytes, size_t size, size_t size_max);

#endif
