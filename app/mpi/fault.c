#include "app/mpi/fault.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

_Noreturn void fault_kill(void) {
    for (;;) {
        (void)kill(getpid(), SIGKILL);
    }
}

void fault_pause(uint64_t ns) {
    struct timespec left = {.tv_sec = (time_t)(ns / SECOND_NS), .tv_nsec = (long)(ns % SECOND_NS)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void runtime_silence(struct runtime *runtime) {
    (void)runtime;
    for (;;) {
        (void)pause();
    }
}
