/* Says in words, tables and a drawing why a key's operations fit no order, and which answer the versions contradict. */
#ifndef APP_CHECK_EXPLAIN_H
#define APP_CHECK_EXPLAIN_H

#include "app/check/check.h"

#include <stdio.h>

/* The key, the operations that contradict each other, the longest order, and what can't follow it. */
void explain_violation(FILE *stream, const struct history_file *file, const struct check_violation *violation);

/* The first operation of the round that T1 finds wrong; judged.wrong_count > 0. */
void explain_judged(FILE *stream, const struct history_file *file, const struct check_round *round);

/* Why the operation that is stuck can't have its place, as sentences; the caller frees them. `name` gives an
 * operation's name by its position in the file, NULL for one without. */
typedef const char *explain_name(void *context, size_t position);
char *explain_stuck(const struct history_file *file, const struct check_violation *violation, explain_name *name,
                    void *context);

#endif
