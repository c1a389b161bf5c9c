/* A few bytes of a file as an error message may show them: one line, nothing that a terminal obeys, never cut
 * inside a UTF-8 character. It knows nothing of files or of the format that they are in. */
#ifndef APP_WORKLOAD_EXCERPT_H
#define APP_WORKLOAD_EXCERPT_H

#include <stdbool.h>
#include <stddef.h>

/* As many bytes as an excerpt shows. */
#define EXCERPT_BYTES_MAX 60u
/* As many as are worth keeping for one: those that say whether the last character shown is whole. */
#define EXCERPT_BYTES_KEPT (EXCERPT_BYTES_MAX + 4u)
/* Each byte as \xNN, "..." and the final NUL. */
#define EXCERPT_TEXT_SIZE (4u * EXCERPT_BYTES_MAX + 4u)

/* Writes the first bytes[0..size) as text: printable ASCII and UTF-8 as they are, \ and " behind a backslash,
 * line breaks, tabs and NUL as \n, \r, \t, \0, all others as \xNN. "..." follows if there were more than
 * EXCERPT_BYTES_MAX bytes, or if `more` says that the bytes are the start of something longer. Returns text.
 */
char *excerpt_write(const char *bytes, size_t size, bool more, char text[EXCERPT_TEXT_SIZE]);

#endif
