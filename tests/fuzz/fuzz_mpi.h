/* The few MPI functions that the transport calls, in the target itself: what arrives is what the target says, and what is
 * sent comes back to it. The transport's own files are linked as they are. */
#ifndef TESTS_FUZZ_FUZZ_MPI_H
#define TESTS_FUZZ_FUZZ_MPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_MPI_RANKS 3

/* A new world with nothing on its way, seen by `rank`. */
void fuzz_mpi_begin(int rank);

/* Bytes from a rank (another than the own one) reach the oldest posted receive that has none; false if there is none.
 * `late`: it is matched, but doesn't complete before fuzz_mpi_complete. Bytes beyond the receive's size are cut off, and the
 * receive has an error, as in MPI. */
bool fuzz_mpi_arrive(int from, const unsigned char *bytes, size_t size, bool late);

/* The oldest receive that is matched and not complete completes. */
void fuzz_mpi_complete(void);

/* Takes the oldest frame that was sent, which is copied into bytes[4096]; 0 if there is none. */
size_t fuzz_mpi_take_sent(unsigned char *bytes, int *to);

#endif
