/* The result for programs: one JSON object. Operations are told as in the history file (app/history/FORMAT.md). */
#ifndef APP_CHECK_CHECK_RECORD_H
#define APP_CHECK_CHECK_RECORD_H

#include "app/check/check.h"

/* The object as text without line feed, which the caller frees; NULL without memory. */
char *check_record_make(const char *path, const struct history_file *file, const struct check_result *result);

#endif
