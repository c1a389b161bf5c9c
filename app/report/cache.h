/* Private to app/report: what the ranks' location caches did in a phase, as a section of the table and as a field of its
 * record. */
#ifndef APP_REPORT_CACHE_H
#define APP_REPORT_CACHE_H

#include "app/report/result.h"

#include <stdio.h>

struct json_t;

/* Prints the section and an empty line; nothing without caches. */
void cache_print(FILE *stream, const struct result_run *run, const struct result_phase *phase);

/* The object, or null without caches. Owned by the caller; NULL without memory. */
struct json_t *cache_json(const struct result_run *run, const struct result_phase *phase);

#endif
