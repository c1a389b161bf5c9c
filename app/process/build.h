/* Puts the parts of a rank's process together. Collective, all of it. */
#ifndef APP_PROCESS_BUILD_H
#define APP_PROCESS_BUILD_H

#include "app/process/process.h"

/* Sets process->clock: between hosts, how far this rank's clock is from rank 0's. */
void build_compare_clocks(struct process *process);

/* Makes everything from the transport to the driver. False: something is missing here, or histories were to be kept and a rank
 * can't; that rank has said why. Take apart in any case. */
CHORD_MUST_CHECK bool build_parts(struct process *process);
void build_take_apart(struct process *process);

#endif
