/* The verdict on a phase, outside its timed part: a serial run's every answer against rank 0's model; every run by T1
 * on the ranks that the keys hash to; and the copies on all nodes (I11), compared with what the answers leave. */
#ifndef APP_DRIVER_VALIDATE_H
#define APP_DRIVER_VALIDATE_H

#include "app/driver/agent.h"
#include "app/driver/commander.h"
#include "app/driver/legacy.h"
#include "app/verdict/model.h"

struct validator {
    struct commander *commander; /* borrowed */
    struct legacy *legacy;       /* borrowed */
    uint32_t attempt;            /* of judging (control.h) */
    struct legacy_counts lost_counts; /* what the phase's lost clients did */
    struct agent *agent;         /* borrowed; rank 0's, which has a serial run's operations and answers */
    const struct chord_config *config;
    enum options_mode mode;
    const struct chord_member *nodes; /* borrowed; in ring order */
    size_t node_count;
    struct model model; /* of a serial run */
    bool model_is_lost; /* an operation's end isn't known: the model isn't, either */

    /* Of the phase that is being judged. */
    struct judge_verdict judged;
    struct judge_content content;
    bool judging_failed;
    struct copies_arc *arcs; /* owned */
    size_t arc_count;
    size_t arc_capacity;
    char text[RESULT_TEXT_SIZE]; /* a key that was asked for, fit to be printed */
};

/* Forgets everything: the ring is empty again. */
void validator_reset(struct validator *validator);
void validator_clear(struct validator *validator);

/* Judges the answers of a segment that has just become quiet, after which others follow. False if the run is stuck. */
CHORD_MUST_CHECK bool validator_judge_answers(struct validator *validator, struct result_verdict *verdict);

/* The same for the last segment of a phase, and the copies. */
CHORD_MUST_CHECK bool validator_judge(struct validator *validator, struct result_verdict *verdict);

#endif
