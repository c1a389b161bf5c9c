/* The result of a run as programs read it: JSON records, one a line (JSON Lines), all with `record` and
 * `schema_version`. Units are in the fields' names.
 *
 *     {"record":"phase", ...}    one for each phase of each repetition, in the order in which they ran
 *     {"record":"summary", ...}  one for each phase, over its repetitions
 *     {"record":"verdict", ...}  one, the last
 *
 * null stands for what there is none of: throughput, latency and time of a phase that is not valid, the mean of no
 * operations. Integers stop at 2^63 - 1. The seed is a string, since readers that hold numbers as doubles would change
 * it. Text that is not valid UTF-8 (a file's name, a key) has its invalid bytes written as \xNN, four characters. */
#ifndef APP_REPORT_RECORD_H
#define APP_REPORT_RECORD_H

#include "app/report/result.h"
#include "app/report/summary.h"

/* Goes up when a field is taken away or gets another meaning. New fields don't change it: readers pass over those that they
 * don't know. */
#define RECORD_SCHEMA_VERSION 1

/* Each returns one line without its line feed, to be freed by free(); NULL if there is no memory. */
char *record_phase(const struct result_run *run, const struct result_phase *phase);
char *record_summary(const struct result_run *run, const struct summary_row *row);
/* message: one line for a person, or NULL. */
char *record_verdict(enum exit_status status, const char *message);

/* "valid", "failed", "usage", "wrong", "lost" or "timed_out"; "failed" for any other number. Static. */
const char *record_verdict_name(enum exit_status status);

#endif
