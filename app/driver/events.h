/* When the schedule's events are due while a phase runs: the clock since its timed part began, and the operations that are
 * answered on all ranks together. Who carries an event out is the caller's to know. */
#ifndef APP_DRIVER_EVENTS_H
#define APP_DRIVER_EVENTS_H

#include "app/schedule/schedule.h"

/* A zeroed struct with the borrowed field filled in is ready for events_init. */
struct events {
    struct schedule *schedule; /* borrowed */
    uint32_t rank_count;
    uint64_t start_ns;   /* the timed part's, on rank 0's clock */
    bool fires;          /* events may still come */
    uint64_t *answered;  /* owned; by rank: operations of the phase that are known to be answered */
    uint64_t answered_sum;
};

/* Makes room. CHORD_NO_MEMORY: nothing to be cleared is left. */
CHORD_MUST_CHECK enum chord_status events_init(struct events *events, uint32_t rank_count);
void events_clear(struct events *events);

/* A phase is about to run. Returns whether any event may come in it. */
bool events_begin(struct events *events, uint32_t phase_index);

/* Whether an event waits for a number of answers. */
bool events_need_answered(const struct events *events);

/* The timed part begins, at this time of rank 0's clock. */
void events_start(struct events *events, uint64_t start_ns);

/* A rank has told how many operations are answered there. */
void events_answered(struct events *events, uint32_t rank, uint64_t count);

/* Takes the next event that is due at this time of rank 0's clock; NULL if none is. Call it until then. Cheap if nothing is
 * due. */
const struct schedule_event *events_next_due(struct events *events, uint64_t now_ns);

/* The timed part is over: takes the next event that was not reached; NULL if there is none. Call it until then. */
const struct schedule_event *events_next_left(struct events *events);

#endif
