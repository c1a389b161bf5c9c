/* What a process does to itself, as its parent sees it. */
#include "app/mpi/fault.h"
#include "app/mpi/monotime.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `act` in a child, whose standard error nobody sees, and which exits with what it returns. */
static pid_t start(int (*act)(void)) {
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY);
        (void)dup2(nowhere, 2);
        _exit(act());
    }
    return child;
}

static int kill_self(void) {
    fault_kill();
}

static void test_kill(void) {
    int status = 0;
    const pid_t child = start(kill_self);
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int pause_self(void) {
    const uint64_t begun_ns = monotime_now_ns();
    const bool stopped = fault_pause(60);
    const bool long_enough = monotime_now_ns() - begun_ns >= 60 * UINT64_C(1000000);
    const bool alone = waitpid(-1, NULL, WNOHANG) < 0; /* no child is left */
    return stopped && long_enough && alone ? 7 : 8;
}

static int pause_for_no_time(void) {
    return fault_pause(0) ? 7 : 8;
}

/* Returns whether it was seen stopped; a parent that is late sees only that it has gone on. */
static bool run_paused(int (*act)(void)) {
    int status = 0;
    const pid_t child = start(act);
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, WUNTRACED), child);
    const bool seen = WIFSTOPPED(status);
    if (seen) {
        CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    }
    CU_ASSERT_TRUE(WIFEXITED(status));
    CU_ASSERT_EQUAL(WEXITSTATUS(status), 7);
    return seen;
}

static void test_pause(void) {
    bool seen = false;
    for (int i = 0; i < 20 && !seen; i++) {
        seen = run_paused(pause_self);
    }
    CU_ASSERT_TRUE(seen);
    /* It never stops for good, however short the pause. */
    for (int i = 0; i < 20; i++) {
        (void)run_paused(pause_for_no_time);
    }
}

static int sleep_instead(void) {
    const uint64_t begun_ns = monotime_now_ns();
    const bool stopped = fault_pause_by("/nothing/sh", 60);
    return !stopped && monotime_now_ns() - begun_ns >= 60 * UINT64_C(1000000) ? 7 : 8;
}

static int sleep_after_helper_failed(void) {
    const uint64_t begun_ns = monotime_now_ns();
    const bool stopped = fault_pause_by("/bin/false", 60);
    return !stopped && monotime_now_ns() - begun_ns >= 60 * UINT64_C(1000000) ? 7 : 8;
}

/* Without a helper it isn't stopped, but nor does it do anything else. */
static void test_no_helper(void) {
    int (*const acts[])(void) = {sleep_instead, sleep_after_helper_failed};
    for (int i = 0; i < 2; i++) {
        int status = 0;
        const pid_t child = start(acts[i]);
        CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, WUNTRACED), child);
        CU_ASSERT_TRUE(WIFEXITED(status));
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 7);
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"kill", test_kill}, {"pause", test_pause}, {"pause without a helper", test_no_helper}};
    return UNIT_RUN("fault", tests);
}
