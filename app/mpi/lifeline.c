#include "app/mpi/lifeline.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)
#define TURN_NS_MAX SECOND_NS
#define PROCESS_PERIOD_NS (SECOND_NS / 2)

struct lifeline_process lifeline_own_process(void) {
    struct lifeline_process own = {0};
    struct stat space;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file == NULL) {
        return own;
    }
    const bool known = fgets(own.boot_id, sizeof own.boot_id, file) != NULL && stat("/proc/self/ns/pid", &space) == 0;
    (void)fclose(file);
    if (!known) {
        return (struct lifeline_process){0};
    }
    own.namespace_device = (uint64_t)space.st_dev;
    own.namespace_inode = (uint64_t)space.st_ino;
    own.pid = getpid();
    return own;
}

/* Another process that takes over the number within half a second would be mistaken for it; numbers go round slower. */
static bool process_exists(int64_t pid) {
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static bool is_near(const struct lifeline_process *process) {
    const struct lifeline_process own = lifeline_own_process();
    return own.pid != 0 && process->pid != 0 && strcmp(own.boot_id, process->boot_id) == 0 &&
           own.namespace_device == process->namespace_device && own.namespace_inode == process->namespace_inode;
}

void lifeline_init(struct lifeline *lifeline, const struct lifeline_process *rank_0, uint64_t limit_ns,
                   uint64_t now_ns) {
    *lifeline = (struct lifeline){.limit_ns = limit_ns,
                                  .pid = is_near(rank_0) ? rank_0->pid : 0,
                                  .looked_ns = now_ns,
                                  .process_ns = now_ns};
}

static void count_silence(struct lifeline *lifeline, uint64_t now_ns, uint64_t heard_ns) {
    const uint64_t turn_ns = now_ns - lifeline->looked_ns;
    lifeline->silence_ns += turn_ns < TURN_NS_MAX ? turn_ns : TURN_NS_MAX;
    if (heard_ns != lifeline->heard_ns) {
        lifeline->heard_ns = heard_ns;
        lifeline->silence_ns = 0;
    }
    lifeline->looked_ns = now_ns;
}

enum lifeline_state lifeline_look(struct lifeline *lifeline, uint64_t now_ns, uint64_t heard_ns) {
    count_silence(lifeline, now_ns, heard_ns);
    if (lifeline->pid == 0) {
        return lifeline->silence_ns > lifeline->limit_ns ? LIFELINE_SILENT : LIFELINE_HOLDS;
    }
    if (now_ns - lifeline->process_ns < PROCESS_PERIOD_NS) {
        return LIFELINE_HOLDS;
    }
    lifeline->process_ns = now_ns;
    return process_exists(lifeline->pid) ? LIFELINE_HOLDS : LIFELINE_GONE;
}
