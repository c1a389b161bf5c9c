/* Open MPI's own TCP (btl tcp), so that it survives dead peers.
 *
 * When the socket to a peer hangs up while something is to be sent to it, Open MPI ends the process that would send
 * (seen on 4.1.4: "pml_ob1_sendreq.c FATAL"), whatever the error handler: a dead rank would take its neighbours with
 * it. So the readv and writev of this program are ours. Once told to, they answer a hang-up by putting a mute socket in
 * its place, which never has anything to read and takes no more than its buffer, and say that there is nothing to do
 * now. What is sent to a dead rank then stays pending for ever, as with shared memory, and suspicion finds it out.
 * Nothing but that answer is different, and only for the caller in question; no cost but a call.
 *
 * A connection that comes up only after the death would fail as before: all must be there before the loops start
 * (startup_connect). */
#ifndef APP_MPI_HANGUP_H
#define APP_MPI_HANGUP_H

#include <stdint.h>

/* From now on hang-ups are kept from MPI. For jobs that outlive their ranks (recovery.h); in others a dead rank is to
 * end the job. */
void hangup_hide(void);

/* How many were kept from MPI. */
uint64_t hangup_count(void);

#endif
