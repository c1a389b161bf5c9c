/* Ways for a rank to fail on purpose, for tests of what the others do then. */
#ifndef APP_MPI_FAULT_H
#define APP_MPI_FAULT_H

#include <stdint.h>

struct runtime;

/* SIGKILL to this process. */
_Noreturn void fault_kill(void);

/* This process does nothing for so long, and then goes on. */
void fault_pause(uint64_t ns);

/* From now on the rank does nothing any more. (Stands in for the runtime's own, which goes on taking messages in.) */
void runtime_silence(struct runtime *runtime);

#endif
