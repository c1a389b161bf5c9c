/* Rank 0's side of control.h: gives commands, waits for the replies while the rank's loop goes on, and watches that
 * the run makes progress. Nothing hangs: when for the given time no reply comes, no operation is answered and no rank
 * receives anything but messages that could go round for ever (runtime.h: progress_count), it asks every rank what it waits
 * for, prints that, and gives up.
 *
 * A rank may die, or stop for a while. What was on its way to one that was taken for dead is lost, so that a command that it
 * hasn't replied to is given again when it is back; agents know by its serial number whether they have carried it out. A
 * round waits for such a rank until it is LOST: somebody has decided not to wait any longer (presence.h). From then on it is
 * never asked again. */
#ifndef APP_DRIVER_COMMANDER_H
#define APP_DRIVER_COMMANDER_H

#include "app/driver/control.h"
#include "app/mpi/runtime.h"

/* Takes one reply; the bytes are borrowed. */
typedef void commander_reply(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size);

/* A command that a rank hasn't replied to yet. */
struct commander_command {
    unsigned char *bytes; /* owned; the message, head included; NULL: it owes no reply */
    size_t size;
};

struct commander_probe {
    bool open;              /* some replies are missing */
    uint32_t missing_count;
    bool *is_awaited; /* owned; by rank */
    uint64_t asked_ns;
    uint64_t progress_sum; /* of the replies so far */
    uint64_t completed_sum;
    uint64_t loaded_sum;
};

struct commander {
    struct runtime *runtime; /* borrowed */
    uint32_t rank_count;
    uint64_t timeout_ns;
    const char *what; /* what is being done, for the watchdog and the progress line */
    bool shows_progress;
    bool showed_progress;

    uint32_t token;
    uint32_t serial; /* of the newest command */
    uint32_t missing_count;
    struct commander_command *given; /* owned; by rank */
    bool *is_lost;                   /* owned; by rank */
    /* Called in every turn, may be NULL: whether to wait for anybody any longer. */
    void (*look)(void *look_context);
    void *look_context;
    commander_reply *on_reply; /* of the current round */
    void *context;

    struct commander_probe probe;
    uint64_t last_progress_sum;
    uint64_t last_completed_sum; /* operations answered on all ranks, as of the last whole probe */
    uint64_t progress_ns; /* when anything moved last */
    bool stuck;
    char **waiting; /* owned, by rank: what it waits for, once stuck */
};

/* CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status commander_init(struct commander *commander, struct runtime *runtime,
                                                  uint32_t rank_count, uint64_t timeout_ns, bool shows_progress);
void commander_clear(struct commander *commander);

/* Begins a round: replies to earlier ones no longer count. on_reply may be NULL. */
void commander_begin(struct commander *commander, const char *what, commander_reply *on_reply, void *context);

/* Gives a command in the current round, one at a time to a rank. A rank that is lost isn't given any. */
void commander_tell(struct commander *commander, uint32_t rank, enum control_command command, const void *bytes,
                    size_t size);

/* Gives a command that nobody replies to, beside the current round. */
void commander_order(struct commander *commander, uint32_t rank, enum control_command command, const void *bytes,
                     size_t size);

/* Takes one turn of the loop. False if the run is stuck. */
bool commander_turn(struct commander *commander);

/* Takes one turn while nothing is asked for, without the watchdog. Returns whether there was anything to do. */
bool commander_idle(struct commander *commander);

/* Waits for all replies of the round. False if the run is stuck. */
CHORD_MUST_CHECK bool commander_wait(struct commander *commander);

/* A whole round: one command to all ranks. False if the run is stuck. */
CHORD_MUST_CHECK bool commander_ask_all(struct commander *commander, const char *what, enum control_command command,
                                        const void *bytes, size_t size, commander_reply *on_reply, void *context);

/* A rank that was shut can be reached again. */
void commander_opened(struct commander *commander, uint32_t rank);

/* A rank isn't waited for any longer, ever. */
void commander_lose(struct commander *commander, uint32_t rank);

/* Whether the current round waits for a rank's reply. */
static inline bool commander_awaits(const struct commander *commander, uint32_t rank) {
    return commander->given[rank].bytes != NULL;
}

/* The run is stuck: asks every rank what it waits for and prints that. From now on nothing is waited for. */
void commander_give_up(struct commander *commander);

/* A control message of type CONTROL_REPLY. */
void commander_receive(struct commander *commander, uint32_t from_rank, const unsigned char *bytes, size_t size);

#endif
