/* When rank 0 is taken for dead: its process here, its silence elsewhere. Time is what the test says it is. */
#include "app/mpi/lifeline.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define LIMIT (5 * SECOND)

static const struct lifeline_process unknown;
static struct lifeline lifeline;

/* Looks every 100 ms until `end`, nothing being heard. Returns when the state has changed, or `end`. */
static uint64_t silent_until(uint64_t *now, uint64_t end, uint64_t heard) {
    while (*now < end) {
        *now += 100 * MS;
        if (lifeline_look(&lifeline, *now, heard) != LIFELINE_HOLDS) {
            return *now;
        }
    }
    return end;
}

static void test_silence(void) {
    uint64_t now = 7 * SECOND;
    lifeline_init(&lifeline, &unknown, LIMIT, now);
    /* It was never heard. */
    CU_ASSERT_EQUAL(silent_until(&now, now + 100 * SECOND, 0), 7 * SECOND + LIMIT + 100 * MS);
    CU_ASSERT_EQUAL(lifeline_look(&lifeline, now, 0), LIFELINE_SILENT);
    /* Each word counts anew. */
    const uint64_t start = now;
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(lifeline_look(&lifeline, now, now), LIFELINE_HOLDS);
        CU_ASSERT_EQUAL(silent_until(&now, now + 4 * SECOND, now), start + (uint64_t)(i + 1) * 4 * SECOND);
    }
    const uint64_t last = start + 76 * SECOND;
    CU_ASSERT_EQUAL(silent_until(&now, now + 100 * SECOND, last), last + LIMIT + 100 * MS);
}

/* A rank that is stopped, or starved, for an hour has one second of silence, and hears what has waited for it next. */
static void test_stall(void) {
    uint64_t now = SECOND;
    lifeline_init(&lifeline, &unknown, LIMIT, now);
    CU_ASSERT_EQUAL(lifeline_look(&lifeline, now, now), LIFELINE_HOLDS);
    const uint64_t heard = now;
    now += 3600 * SECOND;
    CU_ASSERT_EQUAL(lifeline_look(&lifeline, now, heard), LIFELINE_HOLDS);
    const uint64_t woken = now;
    CU_ASSERT_EQUAL(silent_until(&now, now + 100 * SECOND, heard), woken + LIMIT - SECOND + 100 * MS);
}

/* As long as the process is there, silence means nothing; when it is gone, neither does what it said before. */
static void test_process(void) {
    int end[2];
    CU_ASSERT_EQUAL_FATAL(pipe(end), 0);
    const pid_t child = fork();
    if (child == 0) { /* ends when the other end is closed */
        char nothing;
        (void)close(end[1]);
        _exit(read(end[0], &nothing, 1) == 0 ? 0 : 1);
    }
    CU_ASSERT_TRUE_FATAL(child > 0);
    struct lifeline_process process = lifeline_own_process();
    CU_ASSERT_EQUAL(process.pid, getpid());
    process.pid = child;
    uint64_t now = SECOND;
    lifeline_init(&lifeline, &process, LIMIT, now);
    CU_ASSERT_EQUAL(silent_until(&now, 1000 * SECOND, 0), 1000 * SECOND);
    (void)close(end[1]);
    int status = -1;
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(lifeline_look(&lifeline, now + SECOND, now + SECOND), LIFELINE_GONE);
    (void)close(end[0]);
}

/* A process of another host, or in another container, isn't looked for: its number means somebody else here. */
static void test_far_process(void) {
    const struct lifeline_process own = lifeline_own_process();
    struct lifeline_process far[3] = {own, own, own};
    far[0].boot_id[0] ^= 1;
    far[1].namespace_inode++;
    far[2].namespace_device++;
    for (int i = 0; i < 3; i++) {
        far[i].pid = INT32_MAX; /* nobody has that number */
        uint64_t now = SECOND;
        lifeline_init(&lifeline, &far[i], LIMIT, now);
        CU_ASSERT_EQUAL(silent_until(&now, SECOND + LIMIT, 0), SECOND + LIMIT);
        CU_ASSERT_EQUAL(lifeline_look(&lifeline, now + 100 * MS, 0), LIFELINE_SILENT);
    }
}

int main(void) {
    static const struct unit_test tests[] = {{"silence", test_silence},
                                             {"own stalls don't count", test_stall},
                                             {"the process", test_process},
                                             {"a process elsewhere", test_far_process}};
    return UNIT_RUN("lifeline", tests);
}
