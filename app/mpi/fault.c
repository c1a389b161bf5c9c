/* Pausing. A stopped process can't continue itself, so somebody else must send SIGCONT. A thread stops with its
 * process, and a forked child would share MPI's connections and pinned memory. posix_spawn has neither trouble: no copy
 * of the memory, no fork handlers (glibc clones with CLONE_VM and CLONE_VFORK), and the child is another program at
 * once: a shell that sends both signals. That it sends SIGSTOP, too, makes the order certain: were we to stop
 * ourselves, a short pause could be over before. */
#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np */
#include "app/mpi/fault.h"

#include "app/mpi/monotime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND_NS UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)

_Noreturn void fault_kill(void) {
    (void)kill(getpid(), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

/* Starts `shell` with nothing of ours but the environment. Returns 0 or an errno. */
static int start_helper(const char *shell, const char *script, const char *process, const char *seconds,
                        pid_t *helper) {
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    /* Whoever reads our output must not wait for the helper, nor our peers for its copies of our connections. */
    for (int stream = 0; stream <= 2 && error == 0; stream++) {
        error = posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0);
    }
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    }
#endif
    char *const arguments[] = {"sh", "-c", (char *)script, (char *)process, (char *)seconds, NULL};
    if (error == 0) {
        error = posix_spawn(helper, shell, &actions, NULL, arguments, environ);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void sleep_until(uint64_t end_ns) {
    for (uint64_t now_ns = monotime_now_ns(); now_ns < end_ns; now_ns = monotime_now_ns()) {
        const uint64_t left_ns = end_ns - now_ns;
        const struct timespec left = {.tv_sec = (time_t)(left_ns / SECOND_NS), .tv_nsec = (long)(left_ns % SECOND_NS)};
        (void)nanosleep(&left, NULL);
    }
}

bool fault_pause_by(const char *shell, uint32_t ms) {
    /* $0 is stopped for $1 seconds, and continued whatever happens. */
    static const char script[] = "kill -STOP \"$0\" && sleep \"$1\"; status=$?; kill -CONT \"$0\"; exit $status";
    const uint64_t end_ns = monotime_now_ns() + ms * MILLISECOND_NS;
    char process[24];
    char seconds[24];
    (void)snprintf(process, sizeof process, "%ld", (long)getpid());
    (void)snprintf(seconds, sizeof seconds, "%u.%03u", ms / 1000, ms % 1000);
    pid_t helper = -1;
    int status = -1;
    const int error = start_helper(shell, script, process, seconds, &helper);
    if (error == 0) {
        /* Here we are stopped. */
        while (waitpid(helper, &status, 0) < 0 && errno == EINTR) {
        }
    }
    if (status == 0) {
        return true;
    }
    fprintf(stderr, "chordkv: can't be stopped (%s): this rank sleeps for %u ms instead\n",
            error != 0 ? strerror(error) : "the helper failed", ms);
    sleep_until(end_ns);
    return false;
}

bool fault_pause(uint32_t ms) {
    return fault_pause_by("/bin/sh", ms);
}
