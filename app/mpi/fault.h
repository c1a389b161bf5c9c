/* What a rank does to itself when a fault is injected. Knows nothing of MPI. */
#ifndef APP_MPI_FAULT_H
#define APP_MPI_FAULT_H

#include <stdbool.h>
#include <stdint.h>

/* Ends this process as a crash does: by SIGKILL, nothing flushed, nobody told. */
_Noreturn void fault_kill(void);

/* Stops this process for `ms` milliseconds, as kill -STOP and kill -CONT do: nothing in it runs. Returns true if it was
 * stopped. Otherwise no helper could be started, which one line on standard error says, and it has slept for as long,
 * handling no message: the other ranks can't tell the difference. */
bool fault_pause(uint32_t ms);

/* The same with another shell than /bin/sh, for tests. */
bool fault_pause_by(const char *shell, uint32_t ms);

#endif
