/* Private to app/report: the view changes of a phase as a section of the table and as fields of its record.
 */
#ifndef APP_REPORT_CHANGES_H
#define APP_REPORT_CHANGES_H

#include "app/report/result.h"

#include <stdio.h>

/* Rows of the table; of more changes the first are shown, and what all come to. */
#define CHANGES_SHOWN_MAX 12u

struct json_t;

/* Prints an empty line and the section; nothing if the phase had no changes. */
void changes_print(FILE *stream, const struct result_phase *phase);

/* The array of all changes, with one set of fields: what doesn't apply is null. Throughput is null if the
 * phase is not valid. Owned by the caller; NULL without memory. */
struct json_t *changes_json(const struct result_run *run, const struct result_phase *phase);

/* The timeline of answered operations, {"slice_ns": width, "answered_counts": [...]}, or null if nothing
 * changed and nothing failed during the phase, or it is not valid. Owned by the caller; NULL without memory. */
struct json_t *changes_timeline_json(const struct result_phase *phase);

#endif
