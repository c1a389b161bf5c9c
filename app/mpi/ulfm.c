#include "app/mpi/ulfm.h"

#include "app/mpi/transport.h"
#include "chord/base/check.h"

#include <stdlib.h>

#if defined(OPEN_MPI) && OPEN_MPI
#include <mpi-ext.h>
#endif

#if defined(OMPI_HAVE_MPI_EXT_FTMPI) && OMPI_HAVE_MPI_EXT_FTMPI

bool ulfm_is_failure(int code) {
    int class = MPI_SUCCESS;
    (void)MPI_Error_class(code, &class);
    return class == MPIX_ERR_PROC_FAILED || class == MPIX_ERR_PROC_FAILED_PENDING;
}

void ulfm_acknowledge(MPI_Comm comm, ulfm_take *take, void *context) {
    MPI_Group failed, all;
    int count = 0;
    TRANSPORT_MPI(MPIX_Comm_failure_ack(comm));
    TRANSPORT_MPI(MPIX_Comm_failure_get_acked(comm, &failed));
    TRANSPORT_MPI(MPI_Comm_group(comm, &all));
    TRANSPORT_MPI(MPI_Group_size(failed, &count));
    int *ranks = calloc(2 * (size_t)count + 1, sizeof *ranks);
    chord_check(ranks != NULL);
    for (int i = 0; i < count; i++) {
        ranks[i] = i;
    }
    TRANSPORT_MPI(MPI_Group_translate_ranks(failed, count, ranks, all, ranks + count));
    for (int i = 0; i < count; i++) {
        take(context, (uint32_t)ranks[count + i]);
    }
    free(ranks);
    TRANSPORT_MPI(MPI_Group_free(&failed));
    TRANSPORT_MPI(MPI_Group_free(&all));
}

#else

bool ulfm_is_failure(int code) {
    (void)code;
    return false;
}

void ulfm_acknowledge(MPI_Comm comm, ulfm_take *take, void *context) {
    (void)comm;
    (void)take;
    (void)context;
}

#endif
