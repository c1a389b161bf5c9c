/* The ring's changes while a phase runs: asks the coordinator for the joins and departures of the schedule when they are
 * due, and makes a result_change of every notice and of every refusal.
 *
 * A refusal is a result like any other: the run goes on, and the report tells the reason. An event that isn't reached
 * before the last operation is answered isn't carried out; one that was accepted before is waited for.
 *
 * Which event caused which change. The coordinator batches what waits, and says who joined and who left. So a change's
 * triggers are the events that any of its members was asked for by; it has several if they were batched, and an event
 * that names a rank of several nodes appears in each of the changes that its nodes came with.
 *
 * How many pairs must move. The rings before and after each change are replayed from the notices. The keys in each part
 * of the ring are counted by their owners before the phase and after it (COMMAND_KEYS), between the ids of all nodes, so
 * that any ring's arcs are sums of these parts. If the phase has neither added nor removed a key, the number is exact;
 * otherwise each part counts with the larger of its two numbers, which is more than what moved unless keys came and went
 * within the phase. A phase without events isn't counted before: if the ring changes all the same,
 * since a rank died, the keys afterwards must do.
 *
 * What may be moved besides: a member that keeps its copy gets the writes that it lacks and the new chain's source has
 * (rule M4's delta). In a linearizable ring nobody was answered those: at most the windows of all clients, to each
 * member of a chain. In an eventual ring what a head has answered and not passed on counts, too: its log's bound. */
#ifndef APP_DRIVER_CHANGES_H
#define APP_DRIVER_CHANGES_H

#include "app/driver/commander.h"
#include "app/driver/ring.h"
#include "app/report/result.h"
#include "app/schedule/schedule.h"

/* A command that was accepted and isn't carried out yet. */
struct changes_pending {
    const struct schedule_event *event;
    uint64_t at_ns;
    uint32_t missing_count; /* nodes that have not joined or left yet */
};

/* A zeroed struct with the borrowed fields filled in is ready for changes_begin. */
struct changes {
    struct runtime *runtime;           /* borrowed; rank 0's */
    const struct chord_config *config; /* borrowed */
    struct ring *ring;                 /* borrowed; kept up to date by changes_notice */

    uint64_t start_ns; /* the timed part's, on rank 0's clock */

    struct changes_pending *pending; /* owned */
    size_t pending_count;
    size_t pending_capacity;
    struct result_change *items; /* owned; first in the order of their notices, in that of their commands when measured */
    size_t count;
    size_t capacity;

    struct ring began_as;            /* the ring at the beginning of the phase */
    struct ring replayed;            /* scratch */
    uint64_t *keys[2];               /* owned; before and after the phase, by node in ring order: keys of its part */
    unsigned keys_asked;             /* which of them is being gathered */
    bool has_keys_before;            /* the first of them is of this phase */
};

/* Makes room. The borrowed fields are set, the ring has its nodes. CHORD_NO_MEMORY: to be cleared all the same. */
CHORD_MUST_CHECK enum chord_status changes_init(struct changes *changes);
void changes_clear(struct changes *changes);

/* Forgets the changes that were noted so far; the ring stays as it is. */
void changes_forget(struct changes *changes);

/* A phase is about to run: forgets the last one's changes. */
void changes_begin(struct changes *changes);

/* Has the owners count the keys: call it with after = false before a phase in which changes will be asked for, with after =
 * true when any phase is over that the ring was changed in, and the ring is quiet. False if the run is stuck. */
CHORD_MUST_CHECK bool changes_count_keys(struct changes *changes, struct commander *commander, bool after);

/* The timed part begins, at this time of rank 0's clock. */
void changes_start(struct changes *changes, uint64_t start_ns);

/* Asks for what a join or a departure of the schedule says, at this time of rank 0's clock. */
void changes_ask(struct changes *changes, const struct schedule_event *event, uint64_t now_ns);

/* Notes that such an event is not carried out; at_ns is since the start of the timed part. */
void changes_refuse(struct changes *changes, const struct schedule_event *event, uint64_t at_ns, const char *reason);

/* Any notice after the ring was formed. Keeps the ring up to date, in a phase or not. */
void changes_notice(struct changes *changes, const struct chord_notice *notice);

/* When the ring is quiet: what was accepted and not carried out is told, and every change gets its throughputs (from the
 * phase's timeline and length) and the numbers of pairs that had to move. Fills in phase->changes, borrowed until the next
 * changes_begin. */
void changes_measure(struct changes *changes, struct result_phase *phase);

/* Whether the ring was changed in the phase. */
bool changes_any(const struct changes *changes);

#endif
