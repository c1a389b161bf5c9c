/* The result of a run as a person reads it: aligned text. It judges nothing and measures nothing; of a phase that is
 * not valid it shows the verdict and the outcomes, and no throughput, no latency and no time. */
#ifndef APP_REPORT_TABLE_H
#define APP_REPORT_TABLE_H

#include "app/report/result.h"
#include "app/report/summary.h"

#include <stdbool.h>
#include <stdio.h>

/* Write errors stay in the stream, for ferror. Text of the user (file names, keys) is shown with what is not printable
 * UTF-8 escaped. color: ANSI colours. */

/* The run, in one paragraph: once, before the first phase. */
void table_print_header(FILE *stream, const struct result_run *run, bool color);

/* One phase of one repetition. */
void table_print_phase(FILE *stream, const struct result_run *run, const struct result_phase *phase, bool color);

/* All phases over their repetitions; nothing unless there was more than one repetition. */
void table_print_summary(FILE *stream, const struct result_run *run, const struct summary_row *rows, size_t count);

#endif
