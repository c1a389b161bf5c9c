/* Rank 0's side of control.h: gives commands, waits for the replies while the rank's loop goes on, and watches that
 * the run makes progress. Nothing hangs: when for the given time no reply comes, no operation is answered and no rank
 * receives anything but messages that could go round for ever (runtime.h: progress_count), it asks every rank what it waits
 * for, prints that, and gives up. */
#ifndef APP_DRIVER_COMMANDER_H
#define APP_DRIVER_COMMANDER_H

#include "app/driver/control.h"
#include "app/mpi/runtime.h"

/* Takes one reply; the bytes are borrowed. */
typedef void commander_reply(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size);

struct commander_probe {
    bool open;              /* some replies are missing */
    uint32_t missing_count;
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
    uint32_t missing_count;
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

/* Gives a command in the current round. */
void commander_tell(struct commander *commander, uint32_t rank, enum control_command command, const void *bytes,
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

/* The run is stuck: asks every rank what it waits for and prints that. From now on nothing is waited for. */
void commander_give_up(struct commander *commander);

/* A control message of type CONTROL_REPLY. */
void commander_receive(struct commander *commander, uint32_t from_rank, const unsigned char *bytes, size_t size);

#endif
