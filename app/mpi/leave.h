/* How a rank leaves the job. Together with the others, by MPI_Finalize, wherever that is possible; it isn't when a rank
 * has died: then collectives don't return, and MPI_Finalize hangs in those that have sent something to it (seen on Open
 * MPI 4.1.4, shared memory: in one of three survivors).
 *
 * All ranks must choose the same way. They do if they ask runtime_any_shut when they are told to stop: rank 0 tells
 * them of every rank that is shut before that, over the same channel. */
#ifndef APP_MPI_LEAVE_H
#define APP_MPI_LEAVE_H

#include <mpi.h>
#include <stdbool.h>

struct transport;

/* Delivers and sends until nothing is pending. Where mpirun outlives its ranks (recovery.h), that takes a second at
 * most: one that isn't shut may have died just now. And if any was shut, it lasts a moment longer than it must: a send
 * that MPI has completed may still be in its buffers, and MPI_Finalize, which would wait for it, isn't called then. */
void leave_drain(struct transport *t, bool any_was_shut);

/* Ends MPI, and returns; the transport is destroyed by now. But where mpirun outlives its ranks, and one was shut (or
 * one doesn't come, for so long that it must have died), it doesn't return: it ends the process with `status`, streams
 * flushed. On one node such an end leaves nothing behind: mpirun removes what belongs to its ranks. With several nodes
 * mpirun would wait for ever, so rank 0 asks it to end; all other ranks have nothing more to say by then. */
void leave(MPI_Comm *comm, bool any_was_shut, int status);

/* Ends this process, and mpirun if it would wait for ever, because rank 0 is dead. Streams are flushed. */
_Noreturn void leave_orphaned(int status);

/* The end in an emergency: of the job, where MPI_Abort ends jobs. With recovery it ends its caller alone. That is what
 * the others are there for, except when it is rank 0's: then mpirun is asked to end the job, which also ends ranks that
 * are stopped.
 *
 * mpirun can be asked by ranks on its own node alone. If rank 0 isn't there, lifeline.h ends the others, and
 * jobs/launch.sh an mpirun that goes on after the verdict. */
_Noreturn void leave_abort(MPI_Comm comm, int status);

#endif
