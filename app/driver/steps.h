/* The driver's steps that a run (driver.c) and the shell (app/shell) share. All of them speak with every rank and wait;
 * a false, or EXIT_TIMED_OUT, says that the ring is stuck and the watchdog has told why. */
#ifndef APP_DRIVER_STEPS_H
#define APP_DRIVER_STEPS_H

#include "app/driver/driver.h"
#include "app/driver/membership.h"
#include "app/driver/ring.h"

/* Parts of the driver, borrowed for its life. */
struct commander *driver_commander(struct driver *driver);
const struct driver_setup *driver_setup_of(const struct driver *driver);
/* The ring by the coordinator's notices: always up to date. */
const struct ring *driver_ring(const struct driver *driver);

/* Forms the ring anew and waits until it is quiet. message: RESULT_TEXT_SIZE bytes. */
enum exit_status driver_form(struct driver *driver, char *message);

/* Waits until no message of the protocol is under way anywhere. */
CHORD_MUST_CHECK bool driver_quiesce(struct driver *driver);

/* Waits until the ring is quiet, has a node, or all nodes of a rank (CHORD_ALL_NODES), join or depart, and waits again:
 * membership_change. *cost is borrowed until the next call. */
CHORD_MUST_CHECK enum membership_result driver_change(struct driver *driver, enum chord_command what,
                                                      struct chord_address node, const struct membership **cost,
                                                      const char **reason);

/* Has a rank fail, and returns at once; it doesn't reply, and its fault begins now. trigger: the event as it was written, or
 * "". NULL, or why that can't be, one line in static storage: then nothing was done. */
CHORD_MUST_CHECK const char *driver_crash(struct driver *driver, uint32_t rank, const struct crash *crash,
                                          const char *trigger);

/* Waits until the ring has got over a crash of the rank: until the nodes of it are left out, or a pause is over without that;
 * without a failure detector, and where the others can't do without the rank (C8), not for ever. The fault's times are of rank
 * 0's clock; borrowed until anything else happens. */
const struct result_fault *driver_await_crash(struct driver *driver, uint32_t rank);

/* Whether data was lost since the last file began; then message (RESULT_TEXT_SIZE) says which, in a line. */
bool driver_lost_data(struct driver *driver, char *message);

/* Asks all ranks where they run. Borrowed, by rank. */
CHORD_MUST_CHECK bool driver_gather_ranks(struct driver *driver);
const struct result_rank *driver_ranks(const struct driver *driver);

/* Forgets the operations of the last segment and counts from now on. The ring is quiet. */
CHORD_MUST_CHECK bool driver_begin(struct driver *driver);

/* What all ranks have counted since then, added to *metrics and *traffic. */
CHORD_MUST_CHECK bool driver_metrics(struct driver *driver, struct metrics *metrics, struct traffic *traffic);

/* Judges the operations since driver_begin(), which were issued by rank 0 alone; the ring is quiet. has_model: rank 0's
 * model knows everything that was written before. */
CHORD_MUST_CHECK bool driver_judge(struct driver *driver, bool has_model, struct result_verdict *verdict);

/* A workload file that is to be run. */
struct driver_file {
    uint32_t index; /* from 0 */
    enum options_phase_type type;
    const char *path;
    const struct workload_survey *survey;
    enum options_mode mode;
    bool has_model;      /* as in driver_judge; needs OPTIONS_MODE_SERIAL, or a file that writes nothing */
    uint32_t repetition; /* from 1; 0 while warming up */
    uint64_t stream;     /* of the generator of random entry nodes */
};

/* Loads, runs and judges a file; *phase is borrowed until the next call. A wrong answer isn't an error here: see the
 * verdict. */
enum exit_status driver_run_file(struct driver *driver, const struct driver_file *file,
                                 const struct result_phase **phase, char *message);

/* Ends the loops of all ranks. Returns the status, or EXIT_TIMED_OUT if they can't be reached; then, and if it is
 * EXIT_TIMED_OUT already, message says so. */
enum exit_status driver_end(struct driver *driver, enum exit_status status, char *message);

#endif
