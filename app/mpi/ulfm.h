/* ULFM (User-Level Failure Mitigation): an MPI that tells when a rank has died, instead of leaving it to our failure detector to
 * find out. In use where MPI was built with it and the job was started with it: Open MPI 5, `mpirun --with-ft ulfm`. The Open MPI
 * 4 that this was developed with has none of it: the tests (mpi.ulfm) put a layer that does what the proposal says between this
 * and MPI; no MPI that has it of itself has been tried. Elsewhere nothing here ever does anything. */
#ifndef APP_MPI_ULFM_H
#define APP_MPI_ULFM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

/* Takes a rank of the communicator that has died. */
typedef void ulfm_take(void *context, uint32_t rank);

/* Whether the code of a receive says that some rank has died, and nothing else: the receive, if it is from any rank, can go on
 * once that was acknowledged. */
bool ulfm_is_failure(int code);

/* Acknowledges all failures of the communicator, so that receives from any rank go on, and gives every rank that has died so
 * far, also those that were given before. */
void ulfm_acknowledge(MPI_Comm comm, ulfm_take *take, void *context);

#endif
