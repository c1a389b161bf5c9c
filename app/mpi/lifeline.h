/* Whether rank 0 is still there. Without it nothing goes on: it coordinates, drives, and writes the verdict. Where
 * mpirun outlives its ranks (recovery.h) nobody else ends the others when it dies, so every rank watches for itself.
 *
 * On rank 0's own host its process is looked for: when that is gone, it is dead. From elsewhere all that can be told is
 * that nothing has been heard of it for long; it sends something to every rank each second or so. As long as its
 * process is seen, silence means nothing: it is busy, or was stopped, and mpirun would wait for it anyway. */
#ifndef APP_MPI_LIFELINE_H
#define APP_MPI_LIFELINE_H

#include <stdbool.h>
#include <stdint.h>

/* A process, for ranks on the same host and in the same process namespace. All zero: unknown. */
struct lifeline_process {
    char boot_id[40];
    uint64_t namespace_device;
    uint64_t namespace_inode;
    int64_t pid;
};

enum lifeline_state {
    LIFELINE_HOLDS,
    LIFELINE_GONE,  /* rank 0's process is gone */
    LIFELINE_SILENT /* nothing was heard of it for the limit */
};

struct lifeline {
    uint64_t limit_ns;
    int64_t pid;          /* of rank 0's process if it can be seen from here, else 0 */
    uint64_t looked_ns;   /* when lifeline_look was called last */
    uint64_t process_ns;  /* when the process was looked for last */
    uint64_t heard_ns;    /* as given last */
    uint64_t silence_ns;  /* since then, own stalls not counted */
};

/* This process, to be told to the other ranks; unknown where /proc doesn't say. */
struct lifeline_process lifeline_own_process(void);

/* Watches `rank_0` from now on; limit_ns is how long it may be unheard. */
void lifeline_init(struct lifeline *lifeline, const struct lifeline_process *rank_0, uint64_t limit_ns,
                   uint64_t now_ns);

/* To be called in every turn of the loop, with the time and when anything was heard of rank 0 last. A turn counts for
 * at most a second of silence: if the loop stood still for longer (a stopped process, a starved core), the messages
 * were not looked at either. */
enum lifeline_state lifeline_look(struct lifeline *lifeline, uint64_t now_ns, uint64_t heard_ns);

#endif
