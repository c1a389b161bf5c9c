#include "tests/mpi/harness.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/mpi/monotime.h"
#include "app/mpi/transport.h"
#include "chord/base/check.h"

#define PERIOD 509u /* no divisor of any fragment's size */

uint32_t rank, ranks;
uint64_t seed = 1;

static const char *program;
static char scenario[160] = "start";
static uint64_t scenario_ns; /* when it began */
static unsigned char pattern[PATTERN_BYTES + PERIOD];

static void tell_time(void) {
    if (rank == 0 && scenario_ns != 0 && getenv("MPI_TEST_VERBOSE") != NULL)
        printf("%6.0f ms %s\n", (double)(monotime_now_ns() - scenario_ns) / 1e6, scenario);
}

void begin(const char *format, ...) {
    tell_time();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scenario, sizeof scenario, format, arguments);
    va_end(arguments);
    scenario_ns = monotime_now_ns();
}

const char *scenario_name(void) {
    return scenario;
}

_Noreturn void fail(int line, const char *what) {
    fprintf(stderr, "%s: rank %u of %u, seed %llu, %s: line %d: %s\n", program, rank, ranks,
            (unsigned long long)seed, scenario, line, what);
    fflush(stderr);
    MPI_Abort(MPI_COMM_WORLD, 1);
    _exit(1);
}

void check_hook(const char *file, int line, const char *expression) {
    fprintf(stderr, "%s:%d: check failed: ", file, line);
    fail(__LINE__, expression);
}

static void out_of_time(int signal_number) {
    (void)signal_number;
    static const char text[] = "out of time in: ";
    (void)!write(2, text, sizeof text - 1);
    (void)!write(2, scenario, strlen(scenario));
    (void)!write(2, "\n", 1);
    _exit(3);
}

uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void await(MPI_Request *request) {
    int done = 0;
    while (!done) {
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (!done)
            sched_yield();
    }
}

void barrier(void) {
    MPI_Request request;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    await(&request);
}

void duplicate(MPI_Comm *to) {
    MPI_Request request;
    MPI_Comm_idup(MPI_COMM_WORLD, to, &request);
    await(&request);
}

const unsigned char *bytes_of_message(uint32_t from, uint32_t to, uint32_t n) {
    return pattern + (from * 37u + to * 11u + n * 7u) % PERIOD;
}

void harness_start(int *argc, char ***argv, const char *name, unsigned seconds_max) {
    program = name;
    transport_prepare_environment();
    MPI_Init(argc, argv);
    int n = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &n);
    rank = (uint32_t)n;
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    ranks = (uint32_t)n;
    if (*argc > 1)
        seed = strtoull((*argv)[1], NULL, 10);
    if (rank == 0)
        printf("seed %llu, %u ranks\n", (unsigned long long)seed, ranks);
    chord_check_set_hook(check_hook);
    (void)signal(SIGALRM, out_of_time);
    alarm(seconds_max);
    uint64_t state = seed;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i < PERIOD ? (unsigned char)next_random(&state) : pattern[i - PERIOD];
}

void harness_end(void) {
    begin("the end");
    barrier();
    if (rank == 0)
        printf("%s: all scenarios passed\n", program);
    MPI_Finalize();
}
