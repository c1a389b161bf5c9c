/* Rank 0, before anything else: is what was asked for possible, and what must all ranks know of it? */
#ifndef APP_PROCESS_PREPARE_H
#define APP_PROCESS_PREPARE_H

#include "app/process/process.h"

/* Sets process->start, and what only rank 0 has: the surveys of its workloads, the schedule, all nodes' ids. Where something
 * is wrong that a person can get wrong, start.go is false, start.status says what kind it is and message tells it in a line. */
void prepare_run(struct process *process);

#endif
