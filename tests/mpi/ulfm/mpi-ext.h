/* What <mpi-ext.h> of an MPI with ULFM has, as far as app/mpi/ulfm.c needs it; ulfm_stub.c does it. */
#ifndef TESTS_MPI_ULFM_MPI_EXT_H
#define TESTS_MPI_ULFM_MPI_EXT_H

#include <mpi.h>

#define OMPI_HAVE_MPI_EXT_FTMPI 1

/* Classes that the stub adds to those of MPI; constants with ULFM. */
extern int ulfm_stub_class, ulfm_stub_class_pending;
#define MPIX_ERR_PROC_FAILED ulfm_stub_class
#define MPIX_ERR_PROC_FAILED_PENDING ulfm_stub_class_pending

int MPIX_Comm_failure_ack(MPI_Comm comm);
int MPIX_Comm_failure_get_acked(MPI_Comm comm, MPI_Group *failed);

#endif
