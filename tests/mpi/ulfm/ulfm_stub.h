/* An MPI that tells of dead ranks, made of one that doesn't: its profiling interface lies between. Written from the proposal
 * "User-Level Failure Mitigation": a receive from any rank has the error PROC_FAILED_PENDING, and stays posted, until the
 * failures were acknowledged; whatever needs a dead rank has the error PROC_FAILED. Which ranks are dead each rank is told by
 * the test: they live, but nobody hears from them. */
#ifndef TESTS_MPI_ULFM_ULFM_STUB_H
#define TESTS_MPI_ULFM_ULFM_STUB_H

#include <stdbool.h>
#include <stdint.h>

/* After MPI_Init, once. */
void ulfm_stub_start(uint32_t ranks);

/* From now on this rank's MPI doesn't get rid of what is sent to `rank`. */
void ulfm_stub_stall(uint32_t rank);

/* From now on `rank` is dead, as far as this rank's MPI knows. */
void ulfm_stub_fail(uint32_t rank);

/* The same, once MPI_Testsome is called next: a death that no MPI_Test has told of before. */
void ulfm_stub_fail_in_scan(uint32_t rank);

/* Errors given since the start. */
struct ulfm_stub_counts {
    uint64_t test_pending, testsome_pending; /* of receives */
    uint64_t send_refused, send_failed;      /* by MPI_Isend, by MPI_Test */
    uint64_t acknowledged;                   /* calls of MPIX_Comm_failure_ack */
};
extern struct ulfm_stub_counts ulfm_stub_counts;

#endif
