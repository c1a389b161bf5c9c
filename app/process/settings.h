/* From options, and what rank 0 has found out, to the settings of the parts: the core, the queues, the transport. The same on
 * all ranks. */
#ifndef APP_PROCESS_SETTINGS_H
#define APP_PROCESS_SETTINGS_H

#include "app/driver/budget.h"
#include "app/process/process.h"

/* Sets process->config, the core's. */
void settings_fill_config(struct process *process);

/* What the queues must have room for. */
struct budget_demand settings_demand(const struct process *process);

/* The transport's. */
struct transport_config settings_transport(struct process *process, const struct budget *budget);

/* Rank 0: sets process->start.credit_count, from --pool as many as fit. False: that is too few; error, of RESULT_TEXT_SIZE bytes,
 * says so. */
CHORD_MUST_CHECK bool settings_choose_credits(struct process *process, char *error);

#endif
