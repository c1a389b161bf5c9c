/* Puts the parts of a rank's process together. Collective, all of it. */
#ifndef APP_PROCESS_BUILD_H
#define APP_PROCESS_BUILD_H

#include "app/process/process.h"

/* Sets process->clock: between hosts, how far this rank's clock is from rank 0's. */
void build_compare_clocks(struct process *process);

/* Makes everything from the transport to the driver. On all ranks the same calls; one that fails has said why, and returns
 * EXIT_FAILED. Take apart in any case. */
CHORD_MUST_CHECK enum exit_status build_parts(struct process *process);
void build_take_apart(struct process *process);

#endif
