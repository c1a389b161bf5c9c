/* What shall happen to the ring while a phase runs: nodes that join and depart, ranks that crash, each at a time or after
 * a number of answered operations. Events come from the command line and from a file; this module reads them, checks
 * them against the run, and says which one is due. It has no clock and asks nobody: time and counts are passed in. It
 * does no I/O but reading the file, and knows nothing of the ring: whether a node may join now is the coordinator's to
 * say.
 *
 * An event is WHEN:WHAT:NODE, read from the left, since names of nodes contain colons; only the way to crash is read from
 * the right:
 *
 *     WHEN   2s, 500ms, 1.5s, 10us   since the timed part of the phase began; at most SCHEDULE_SECONDS_MAX
 *            op=10000                once so many operations of the phase are answered on all ranks together
 *            mix/2s, 1/op=500        the same in another phase than the last: by its type, if only one phase has it, or by
 *                                    its number from 1, as the report's tables number them
 *     WHAT   join, depart            of a node
 *            crash                   of a rank with all that it hosts: its nodes and its client
 *     NODE   a rank (all of its nodes), or a node's name, host:rank or host:rank#v
 *            of a crash: a rank or host:rank, and then perhaps :silence (the default), :kill or :pause=800ms (crash.h)
 *
 * Without a prefix it is the last phase, because the earlier ones usually fill the ring that the last one measures.
 *
 * A file has one event a line. Blank lines are skipped, and so is everything from a # on that begins the line or follows
 * a blank. A byte-order mark, CRLF and a missing final newline are accepted. */
#ifndef APP_SCHEDULE_SCHEDULE_H
#define APP_SCHEDULE_SCHEDULE_H

#include "app/schedule/crash.h"
#include "chord/base/status.h"
#include "chord/wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_ERROR_SIZE 512u
#define SCHEDULE_EVENT_COUNT_MAX 100000u
#define SCHEDULE_LINE_SIZE_MAX 1024u /* of a file, without the line break */
#define SCHEDULE_NODE_SIZE_MAX 300u
#define SCHEDULE_SECONDS_MAX UINT64_C(1000000)
#define SCHEDULE_COUNT_MAX UINT64_C(1000000000000000000)

/* Which phase an event belongs to, as it was written. */
enum schedule_phase_kind {
    SCHEDULE_PHASE_LAST,   /* no prefix */
    SCHEDULE_PHASE_NUMBER, /* phase_number, from 1 */
    SCHEDULE_PHASE_TYPE    /* phase_type: the only phase of that type */
};

enum schedule_trigger {
    SCHEDULE_AT_TIME, /* `at` is nanoseconds since the phase's timed part began */
    SCHEDULE_AT_COUNT /* `at` is a number of answered operations of the phase, over all ranks */
};

enum schedule_what {
    SCHEDULE_JOIN,   /* a spare takes its place in the ring */
    SCHEDULE_DEPART, /* a member hands over and becomes a spare */
    SCHEDULE_CRASH,  /* a rank fails, in the way that `crash` says */
    SCHEDULE_WHAT_COUNT
};

struct schedule_event {
    enum schedule_phase_kind phase_kind;
    uint32_t phase_number;
    unsigned phase_type; /* enum workload_type, enum options_phase_type: they have the same values */
    enum schedule_trigger trigger;
    uint64_t at;
    enum schedule_what what;
    struct crash crash; /* of SCHEDULE_CRASH */
    char *text;         /* owned; the event as it was written */
    const char *node;   /* NODE alone, in the same block as text */
    bool names_rank;  /* NODE is a rank: address.rank is known and all of the rank's nodes are meant */
    struct chord_address address; /* of a name: after schedule_resolve; of a rank: virtual_node is 0 */
    uint32_t phase_index;         /* from 0; after schedule_prepare */
    uint32_t ordinal;             /* which event it is in the order of reading, from 0 */
    uint32_t line;                /* in the file, from 1; 0: from the command line */
};

/* A zeroed struct is an empty schedule. */
struct schedule {
    struct schedule_event *events; /* owned; after schedule_prepare by phase, trigger, `at` and ordinal */
    size_t event_count;
    size_t event_capacity;
    const char *path; /* borrowed; of the file, for messages */
    /* The phase that runs: its events that are still to come, those at times and those at counts. */
    size_t time_next;
    size_t time_end;
    size_t count_next;
    size_t count_end;
};

/* What schedule_prepare checks the events against. */
struct schedule_phase {
    unsigned type; /* as phase_type above */
    uint64_t operation_count;
};

struct schedule_run {
    const struct schedule_phase *phases; /* borrowed */
    size_t phase_count;                  /* at least 1 */
    uint32_t rank_count;
    const char *kill_refusal; /* NULL: a run survives that a rank is killed; else one line that says why not and how to
                                 mend it, borrowed for the call */
};

/* Functions that return bool and take `error` return false with one line in it, without newline, that says
 * where it is ("FILE:LINE: " or "--at 'EVENT': "), what is wrong and how to mend it; *schedule is to be
 * cleared then. */

/* Adds one event of the command line: the first `size` bytes of text. */
CHORD_MUST_CHECK bool schedule_add(struct schedule *schedule, const char *text, size_t size,
                                   char error[SCHEDULE_ERROR_SIZE]);

/* Adds the events of a regular file. The path is borrowed for the schedule's life; one file a schedule. */
CHORD_MUST_CHECK bool schedule_read(struct schedule *schedule, const char *path,
                                    char error[SCHEDULE_ERROR_SIZE]);

/* Gives each event its phase and checks that the phase, the rank and the count of operations exist: a count must be below
 * the phase's operations, or nothing would be left to be disturbed. Rank 0 never crashes, and no rank is killed that
 * takes the run along. Sorts the events: what is due first comes first. Nothing may be added afterwards. */
CHORD_MUST_CHECK bool schedule_prepare(struct schedule *schedule, const struct schedule_run *run,
                                       char error[SCHEDULE_ERROR_SIZE]);

/* Fills *address and returns true if a node has the name. */
typedef bool schedule_lookup(void *context, const char *name, struct chord_address *address);

/* Whether a rank shall crash in any phase. */
bool schedule_has_crashes(const struct schedule *schedule);

/* Gives each event that names a node the node's address, once the names are known; a crash must not have named rank 0. May
 * be called again. */
CHORD_MUST_CHECK bool schedule_resolve(struct schedule *schedule, schedule_lookup *lookup, void *context,
                                       char error[SCHEDULE_ERROR_SIZE]);

/* After schedule_prepare: the phase with this index (from 0) is about to run, all of its events are to come.
 * A phase may be begun again, for another repetition. */
void schedule_begin(struct schedule *schedule, uint32_t phase_index);

/* Takes the next event of the phase that is due, given the time since its timed part began and the operations
 * answered so far; NULL if none is. Call it until it returns NULL. Of two that are due, one at a time and one
 * at a count, the one that was read first comes first. The event belongs to the schedule. */
const struct schedule_event *schedule_next_due(struct schedule *schedule, uint64_t elapsed_ns,
                                               uint64_t answered_count);

/* Takes any event of the phase that is still to come, due or not, NULL if none is: to tell, when the phase is
 * over, what did not happen. */
const struct schedule_event *schedule_next_left(struct schedule *schedule);

/* When the next event at a time is due, and at which count the next one at a count; UINT64_MAX if none is to
 * come. So a caller knows how long it may sleep, and whether it has to count at all. */
uint64_t schedule_next_ns(const struct schedule *schedule);
uint64_t schedule_next_count(const struct schedule *schedule);

/* Frees all and leaves an empty schedule. */
void schedule_clear(struct schedule *schedule);

/* "join", "depart", "crash"; "?" for any other number. Static storage. */
const char *schedule_verb(enum schedule_what what);

#endif
