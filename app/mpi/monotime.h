/* The one clock of the program: nanoseconds that only grow. Not wall time; different hosts' values don't
 * compare. */
#ifndef APP_MPI_MONOTIME_H
#define APP_MPI_MONOTIME_H

#include <stdint.h>

/* Nanoseconds since some moment before the program's start (CLOCK_MONOTONIC; no system call on Linux). */
uint64_t monotime_now_ns(void);

#endif
