/* Private to app/report: the faults of a phase as a section of the table and as fields of its record. */
#ifndef APP_REPORT_FAULTS_H
#define APP_REPORT_FAULTS_H

#include "app/report/result.h"

#include <stdio.h>

/* Rows of the table; of more faults the first are shown, and what all come to. */
#define FAULTS_SHOWN_MAX 12u

struct json_t;

/* Prints an empty line and the section; nothing if the phase had no faults. */
void faults_print(FILE *stream, const struct result_phase *phase);

/* The array of all faults, with one set of fields: what doesn't apply is null. Throughput is null if the phase is not valid.
 * Owned by the caller; NULL without memory. */
struct json_t *faults_json(const struct result_phase *phase);

/* The array of the arcs whose data was lost. Owned by the caller; NULL without memory. */
struct json_t *faults_losses_json(const struct result_run *run, const struct result_phase *phase);

#endif
