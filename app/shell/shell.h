/* The shell: a ring to talk to. Rank 0 reads commands from standard input or a script, carries them out one after the
 * other and prints the answers; the other ranks serve as ever. Every operation's answer is kept and judged like a
 * run's: by rank 0's model and by T1, with the copies on all nodes, before each workload file, now and then in a long
 * session, and at the end. */
#ifndef APP_SHELL_SHELL_H
#define APP_SHELL_SHELL_H

#include "app/driver/driver.h"

/* A whole session on a ring of its own. Returns the exit status: EXIT_FAILED also if a command of a script (or of standard
 * input that is no terminal) failed, EXIT_WRONG_ANSWER if an answer was wrong, EXIT_DATA_LOST if a crash took the only copy
 * of something; message (RESULT_TEXT_SIZE) as for driver_run. */
enum exit_status shell_run(struct driver *driver, char *message);

#endif
