/* Private to app/report, but for generated_print_ycsb: what is told of a generated phase alone. */
#ifndef APP_REPORT_GENERATED_H
#define APP_REPORT_GENERATED_H

#include "app/report/result.h"

#include <stdio.h>

struct json_t;

/* What the phase was made of, in a line without its end. */
void generated_print_title(FILE *stream, const struct result_generated *generated);

/* An empty line and the latency of each action, in an open loop also from when the operations were due; and how far draws of
 * `latest` stayed behind. The phase is valid. */
void generated_print(FILE *stream, const struct result_phase *phase);

/* The lines that YCSB prints for such a phase; nothing if it isn't valid. */
void generated_print_ycsb(FILE *stream, const struct result_phase *phase);

/* The object; null of a phase that isn't generated. Latencies are null if the phase is not valid. latency: makes the object
 * of a histogram. Owned by the caller; NULL without memory. */
typedef struct json_t *generated_latency(void *context, const struct histogram *latency);
struct json_t *generated_json(const struct result_phase *phase, generated_latency *latency, void *context);

#endif
