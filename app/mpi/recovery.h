/* Whether the job outlives a rank that dies: read from the environment that the launcher gives its ranks. Knows
 * nothing of MPI itself, so that it can be tested without.
 *
 * A rank may only be killed on purpose where the others go on. mpirun does that if it is told to (--enable-recovery);
 * srun ends the whole step, and what other launchers do isn't known. */
#ifndef APP_MPI_RECOVERY_H
#define APP_MPI_RECOVERY_H

#include <stdbool.h>

enum recovery_state {
    RECOVERY_ENABLED,
    RECOVERY_OFF,     /* an mpirun that hasn't been told */
    RECOVERY_SRUN,    /* started by srun itself */
    RECOVERY_UNKNOWN, /* another MPI, or no launcher at all */
    RECOVERY_STATE_COUNT
};

/* Gives a variable's value or NULL, like getenv. */
typedef char *recovery_variable(const char *name);

/* Whether the job survives the death of a rank. Open MPI 4 is known by experiment;
 * 5 (PRRTE) as documented, untested: its environment doesn't tell of --enable-recovery, so that only jobs/launch.sh's
 * word counts (CHORDKV_RECOVERY=1), or that the parameter was set by other means. */
enum recovery_state recovery_state(recovery_variable *variable);

/* Whether the launcher goes on when a rank ends badly, whatever messages go over. Then MPI_Abort ends its caller alone,
 * and so does a crash. */
bool recovery_outlives_ranks(recovery_variable *variable);

/* Whether it survives only if all connections between ranks are there before the first one dies: where messages go over
 * Open MPI's own TCP, or may, since there are several hosts (hangup.h). */
bool recovery_needs_connections(recovery_variable *variable, bool many_hosts);

/* Whether mpirun waits for ever, though all ranks have ended, once one on another node has done so without
 * MPI_Finalize, killed or not (seen on Open MPI 4.1.4, with ranks on several nodes). Then it must be ended. */
bool recovery_strands_mpirun(recovery_variable *variable);

/* Why a rank can't be killed in this state and what to do about it: one line without a newline, static. NULL for
 * RECOVERY_ENABLED. */
const char *recovery_advice(enum recovery_state state);

#endif
