/* What the driver keeps between its steps. For driver.c and steps.c alone: others ask by driver.h and steps.h. */
#ifndef APP_DRIVER_DRIVER_STATE_H
#define APP_DRIVER_DRIVER_STATE_H

#include "app/driver/archive.h"
#include "app/driver/bench.h"
#include "app/driver/changes.h"
#include "app/driver/events.h"
#include "app/driver/faults.h"
#include "app/driver/legacy.h"
#include "app/driver/presence.h"
#include "app/driver/steps.h"
#include "app/driver/validate.h"
#include "app/report/report_file.h"
#include "app/report/summary.h"

#include <stdio.h>

struct driver {
    struct driver_setup setup;
    struct commander commander;
    struct validator validator;
    struct membership membership;

    bool formed;
    struct chord_notice twins; /* of a duplicate id */
    bool has_twins;

    struct ring ring; /* owned */
    struct events events;
    struct changes changes;
    struct faults faults;
    struct presence presence;
    struct legacy legacy;
    struct result_node *nodes; /* owned; all of the job, by ascending id */
    uint32_t node_count;
    struct result_rank *ranks; /* owned */

    bool *has_been_shut; /* owned; by rank: since the ring was formed */

    uint64_t sent_sum; /* of the last round of COMMAND_STATE */
    uint64_t received_sum;
    uint64_t progress_sum;
    bool all_quiet;

    struct result_phase *phase; /* owned; too large for the stack */
    double *throughputs;        /* owned; phase by phase, `repetitions` each */
    struct summary_fault *fault_times; /* owned; of all faults of the repetitions so far */
    size_t fault_count;
    size_t fault_capacity;
    bool goes_on;               /* the segment that runs, or ran last, isn't the phase's last */
    uint32_t forged;            /* what COMMAND_FORGE replied */
    FILE *dump;
    struct report_file *report;
    struct bench *bench;     /* owned; of generated phases, or NULL */
    struct archive *archive; /* owned; the history file, or NULL */
};
/* Whether a rank's process is known to be gone: it was one of rank 0's host. */
bool is_process_gone(const struct driver *driver, uint32_t rank);

/* Asks all ranks one thing and gives each reply to on_reply, with the driver as context. False if the ring is stuck. */
CHORD_MUST_CHECK bool driver_ask(struct driver *driver, const char *what, enum control_command command,
                                 const void *bytes, size_t size, commander_reply *on_reply);

/* For reports of COMMAND_METRICS: adds a control_ran to driver->phase. */
commander_reply driver_on_metrics;

/* Asks all nodes how they are: driver->nodes, by ascending id. False if the ring is stuck. */
CHORD_MUST_CHECK bool driver_gather_nodes(struct driver *driver);

/* Whether a lost rank is in the ring for good, since it alone had the data of some part of it (C8). */
bool driver_is_beyond_help(const struct driver *driver);

/* "rank 3", or "node 3#1" where ranks have several. Returns the text. */
#define DRIVER_NAME_SIZE 32u
const char *driver_name_node(const struct driver *driver, struct chord_address address, char text[DRIVER_NAME_SIZE]);

/* Says what the ring was stuck at, if it was and nothing else was said. */
void driver_tell_stuck(const struct driver *driver, enum exit_status status, char *message);

#endif
