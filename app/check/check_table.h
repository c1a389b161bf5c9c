/* The result for people: a row a round, and the verdict in a sentence. */
#ifndef APP_CHECK_CHECK_TABLE_H
#define APP_CHECK_CHECK_TABLE_H

#include "app/check/check.h"

#include <stdio.h>

void check_table_print(FILE *stream, const char *path, const struct history_file *file,
                       const struct check_result *result);

/* The last line: what the exit status says. */
void check_table_verdict(FILE *stream, const struct history_file *file, const struct check_result *result);

#endif
