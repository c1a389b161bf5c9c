/* Strings of the extensible data notation (EDN), which Clojure's programs read: what other checkers get of our keys and
 * values, which are arbitrary bytes. Different bytes always give different strings. */
#ifndef APP_CHECK_EDN_H
#define APP_CHECK_EDN_H

#include "app/history/file.h"

/* The string with its quotes; the caller frees it. UTF-8 without control characters (but tab, line feed and carriage
 * return) stays what it is, with EDN's escapes. All else, the empty string, and what begins like one of these, becomes
 * "hex:" and its bytes in hexadecimal; without bytes, or beyond `size_max` of them, "digest:" and 16 digits. */
char *edn_string(const struct history_file *file, const struct history_text *text, size_t size_max);

#endif
