/* Operations, keys and values in words, for people. Every text is owned by the caller; none is NULL. */
#ifndef APP_CHECK_PHRASE_H
#define APP_CHECK_PHRASE_H

#include "app/history/file.h"

/* "KEY" between quotes, printable UTF-8 as it is, all else as \xHH, shortened after `size_max` bytes. A value without
 * bytes: "1,000 B of digest 0123456789abcdef". */
char *phrase_text(const struct history_file *file, const struct history_text *text, size_t size_max);

/* The value written or found. */
char *phrase_value(const struct history_file *file, const struct history_operation *operation);

/* What was asked for: insert "x", query, delete. */
char *phrase_asked(const struct history_file *file, const struct history_operation *operation);

/* What was answered: inserted, "x", absent, or none. */
char *phrase_answered(const struct history_file *file, const struct history_operation *operation);

#endif
