/* The driver on rank 0: forms the ring, runs the phases in order, has each judged, and tells the report. For each
 * repetition: form ring -> quiesce -> (load -> measure -> quiesce -> validate -> report) for each phase. A repetition
 * begins with an empty ring of the initial nodes; those that warm up are judged like the others and reported nowhere.
 *
 * bench generates its operations instead: form ring -> records -> warm-up -> what is measured, and that as often as there are
 * repetitions, on the same records.
 *
 * While a phase is measured the ring may change (changes.h): the driver fires the schedule's events, and the timed part
 * ends with the last answer, whatever the ring is doing then. What is under way is waited for before the phase is judged. */
#ifndef APP_DRIVER_DRIVER_H
#define APP_DRIVER_DRIVER_H

#include "app/driver/agent.h"
#include "app/driver/commander.h"
#include "app/driver/loader.h"
#include "app/schedule/schedule.h"
#include "app/verdict/evidence.h"

/* What main() has prepared. Everything is borrowed. */
struct driver_setup {
    const struct options *options;
    const struct chord_config *config;
    struct runtime *runtime;
    struct agent *agent; /* rank 0's */
    const struct evidence *evidence; /* the histories of dead ranks; nobody's if they aren't kept */
    const struct workload_survey *surveys; /* one a phase */
    struct schedule *schedule; /* prepared; names of nodes are still to be resolved */
    struct result_run *run;
    const char *kill_refusal; /* why no rank can be killed, as in struct schedule_run; NULL: it can */
    bool shows_progress;
    bool shows_color;
};

struct driver;

/* CHORD_NO_MEMORY: *out is NULL. */
CHORD_MUST_CHECK enum chord_status driver_create(const struct driver_setup *setup, struct driver **out);
void driver_destroy(struct driver *driver);

/* The whole run. Returns the exit status; message (RESULT_TEXT_SIZE) gets one line for anything but EXIT_VALID. On
 * EXIT_TIMED_OUT other ranks may not be listening any more; on any other status they have left their loops. */
enum exit_status driver_run(struct driver *driver, char *message);

/* For runtime_owner. */
void driver_receive(struct driver *driver, uint32_t from_rank, const unsigned char *bytes, size_t size);
void driver_answered(struct driver *driver, uint32_t from_rank, const unsigned char *bytes, size_t size);
void driver_notice(struct driver *driver, const struct chord_notice *notice);

/* CONTROL_BACK: a rank has stood still, and asks whether it still counts. */
void driver_back(struct driver *driver, uint32_t rank);

#endif
