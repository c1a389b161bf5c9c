/* Private to app/shell: a session, what ends it, how it is judged, and the carrying out of one command (carry_out.c). The
 * functions that return bool return false if the session is over; its status says why. */
#ifndef APP_SHELL_SESSION_H
#define APP_SHELL_SESSION_H

#include "app/shell/ask.h"
#include "app/shell/lines.h"

struct shell {
    struct driver *driver;             /* borrowed */
    const struct driver_setup *setup;  /* borrowed */
    const struct options *options;     /* borrowed */
    struct ask ask;
    struct lines input;
    struct words words;
    struct answers answers;
    bool interactive;
    bool shows_prompt;
    bool resting;

    /* The session's counts up to the last judgement. */
    struct metrics *metrics; /* owned; too large for the stack */
    struct traffic traffic;
    struct answers_verdict verdict;
    bool has_model; /* rank 0's model knows everything that was written */
    size_t segment_operations; /* since then */
    size_t segment_bytes;

    struct options *file_options; /* owned; with the mode of the file that runs */
    uint32_t file_count;

    uint64_t error_count;
    uint64_t first_error_line;
    bool done;
    enum exit_status status; /* once it isn't EXIT_VALID the session ends */
    char *message;
};

/* The ring is stuck: EXIT_TIMED_OUT. False. */
bool session_stuck(struct shell *shell);

/* An answer was wrong: EXIT_WRONG_ANSWER and the message. False. */
bool session_wrong(struct shell *shell, const struct result_verdict *verdict);

/* Whether data was lost: then EXIT_DATA_LOST and the message. */
bool session_lost(struct shell *shell);

/* A command can't be carried out: told in one line, and counted. True: the shell goes on. */
bool session_fail(struct shell *shell, const char *text);

/* Where the commands come from, for errors. */
const char *session_source_name(const struct shell *shell);

/* Judges what was done since the last time. */
CHORD_MUST_CHECK bool session_judge(struct shell *shell);

/* Carries one command out and prints its answer. */
CHORD_MUST_CHECK bool session_carry_out(struct shell *shell, const struct command *command);

#endif
