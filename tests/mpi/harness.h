/* What the MPI test programs share: an expectation that ends the job when it fails, waiting that leaves the core to the
 * other ranks, a time limit, seeded numbers. The outcome of a program is its exit status; on failure one line says
 * which rank, scenario and rule. */
#ifndef TESTS_MPI_HARNESS_H
#define TESTS_MPI_HARNESS_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

/* Of this process, once harness_start has run. */
extern uint32_t rank, ranks;
extern uint64_t seed; /* 1, or what the command line said */

/* Starts MPI, takes the seed from argv[1] if there is one, and gives the whole program `seconds_max`. `name` is the
 * program's, for messages. */
void harness_start(int *argc, char ***argv, const char *name, unsigned seconds_max);

/* Says that everything has passed (the tests look for that line) and ends MPI, with all ranks. */
void harness_end(void);

/* Names what is about to be tested, printf-like, for the messages of failures; with MPI_TEST_VERBOSE times it. */
__attribute__((format(printf, 1, 2))) void begin(const char *format, ...);
const char *scenario_name(void);

#define expect(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fail(__LINE__, #condition);                                                                      \
    } while (0)

_Noreturn void fail(int line, const char *what);

/* The hook of failed checks that ends the job; installed by harness_start. */
void check_hook(const char *file, int line, const char *expression);

uint64_t next_random(uint64_t *state); /* splitmix64 */

/* Collectives that yield: MPI's own spin (transport_prepare_environment), which takes whole time slices when ranks
 * share cores. */
void await(MPI_Request *request);
void barrier(void);
void duplicate(MPI_Comm *to); /* of MPI_COMM_WORLD; the caller's to free */

/* Bytes of message n of a channel, known to both ends; as many as a test may want up to PATTERN_BYTES. */
#define PATTERN_BYTES (1024u * 1024u + 2048u)
const unsigned char *bytes_of_message(uint32_t from, uint32_t to, uint32_t n);

#endif
