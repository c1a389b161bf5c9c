/* What a rank's process consists of: its options, what was found out before the loops start, and the parts, each of which knows
 * its own work and none of this. Wiring only:
 *
 *     rank 0: prepare.h  ->  all: what it decided is broadcast  ->  build.h, with settings.h  ->  the loops (main.c) */
#ifndef APP_PROCESS_PROCESS_H
#define APP_PROCESS_PROCESS_H

#include "app/driver/driver.h"
#include "app/mpi/clock_sync.h"
#include "app/mpi/lifeline.h"
#include "app/mpi/runtime.h"
#include "app/mpi/topology.h"
#include "app/mpi/transport.h"
#include "app/schedule/schedule.h"
#include "app/verdict/evidence.h"

#include <mpi.h>

/* What rank 0 finds out and all ranks must know. */
struct start {
    enum exit_status status;
    bool go; /* false: end now, with the status */
    uint32_t value_size_max; /* in bytes, of all phases */
    uint32_t key_size_max;
    uint32_t credit_count;
    uint64_t suspicion_ns; /* T0, of rank 0's host; 0: no failure detector */
    bool keeps_evidence;   /* histories outlive their ranks */
    uint64_t job;          /* no other job's */
};

struct process {
    int rank;
    int rank_count;
    MPI_Comm comm;
    struct options *options;
    struct topology topology;
    struct clock_offset clock; /* zero on one host */
    struct start start;
    char message[RESULT_TEXT_SIZE]; /* rank 0: why the status isn't 0 */
    const char *kill_refusal; /* rank 0: why no rank can be killed, and what to do; NULL: the MPI survives it */
    struct workload_survey *surveys; /* rank 0 */
    struct chord_id *all_ids;        /* by rank and virtual node; NULL: names are hashed */
    struct schedule schedule;        /* rank 0 */

    struct chord_config config;
    struct chord_id *node_ids; /* of this rank, by virtual node */
    struct transport *transport;
    struct runtime runtime;
    struct agent agent;
    struct evidence evidence; /* rank 0 */
    struct driver *driver;    /* rank 0 */
    struct lifeline lifeline; /* other ranks */
    struct result_run run;
    bool any_was_shut; /* of the ranks, as of the end of the loop */
};

static inline size_t process_node_count(const struct process *process) {
    return (size_t)process->rank_count * process->options->virtual_nodes;
}

#endif
