#include "app/shell/shell.h"

#include "app/shell/bytes.h"
#include "app/shell/session.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT "chordkv> "
/* As much of a line as a transcript repeats. */
#define ECHOED_LINE_MAX 2000u
/* After so long without a command the ranks sleep between polls; they wake within REST_MS of the next one. */
#define IDLE_NS UINT64_C(100000000)
#define REST_MS 2
/* The stream of the seeded generator that chooses members, apart from those that a run takes. */
#define STREAM_MEMBERS (UINT64_C(1) << 40)

/* --- how a session ends before its time --- */

bool session_stuck(struct shell *shell) {
    shell->status = EXIT_TIMED_OUT;
    return false;
}

bool session_wrong(struct shell *shell, const struct result_verdict *verdict) {
    snprintf(shell->message, RESULT_TEXT_SIZE, "wrong answers: %.480s", verdict->first_wrong);
    shell->status = EXIT_WRONG_ANSWER;
    return false;
}

bool session_lost(struct shell *shell) {
    if (!driver_lost_data(shell->driver, shell->message)) {
        return false;
    }
    shell->status = EXIT_DATA_LOST;
    return true;
}

const char *session_source_name(const struct shell *shell) {
    return shell->options->script != NULL ? shell->options->script : "<stdin>";
}

/* A command that can't be carried out: told in one line, and the shell goes on. */
bool session_fail(struct shell *shell, const char *text) {
    struct answers answers = shell->answers;
    if (!answers.json && !shell->shows_prompt) {
        fflush(stdout);
        answers.stream = stderr;
        answers.color = false;
    }
    answers_error(&answers, shell->interactive ? NULL : session_source_name(shell), shell->input.line, text);
    if (shell->error_count++ == 0) {
        shell->first_error_line = shell->input.line;
    }
    return true;
}

/* --- judging --- */

/* Judges what was done since the last time. */
bool session_judge(struct shell *shell) {
    struct result_verdict verdict;
    if (session_lost(shell)) { /* nothing that could be judged is left */
        return false;
    }
    if (!driver_quiesce(shell->driver) || !driver_judge(shell->driver, shell->has_model, &verdict)) {
        return session_stuck(shell);
    }
    if (!verdict.valid) {
        return session_wrong(shell, &verdict);
    }
    shell->verdict.model_count += verdict.checked_by_model_count;
    shell->verdict.judged_count += verdict.judged.operation_count;
    shell->verdict.stale_count += verdict.judged.stale_count;
    shell->verdict.pair_count = verdict.pair_count;
    shell->verdict.copies_per_pair = verdict.copies_per_pair;
    if (!driver_metrics(shell->driver, shell->metrics, &shell->traffic) || !driver_begin(shell->driver)) {
        return session_stuck(shell);
    }
    shell->segment_operations = 0;
    shell->segment_bytes = 0;
    return true;
}

/* --- the loop --- */

static bool rest(struct shell *shell, bool resting) {
    const uint32_t number = resting;
    shell->resting = resting;
    return commander_ask_all(driver_commander(shell->driver), resting ? "the ranks go to rest" : "the ranks wake",
                             COMMAND_REST, &number, sizeof number, NULL, NULL) ||
           session_stuck(shell);
}

/* Waits for a line while the rank serves. */
static bool next_line(struct shell *shell, enum lines_result *result, const unsigned char **line, size_t *size) {
    struct commander *commander = driver_commander(shell->driver);
    const uint64_t asked_ns = commander->runtime->now_ns;
    while ((*result = lines_next(&shell->input, line, size)) == LINES_NOTHING) {
        if (commander_idle(commander)) {
            continue;
        }
        if (shell->resting) {
            lines_wait(&shell->input, REST_MS);
        } else if (commander->runtime->now_ns - asked_ns > IDLE_NS && !rest(shell, true)) {
            return false;
        }
    }
    return !shell->resting || rest(shell, false);
}

static bool take_line(struct shell *shell, const unsigned char *line, size_t size) {
    struct command command;
    char error[COMMAND_ERROR_SIZE];
    const char *unsplit = words_split(&shell->words, line, size);
    if (unsplit != NULL) {
        return session_fail(shell, unsplit);
    }
    if (shell->words.count == 0) {
        return true;
    }
    if (!command_parse(&shell->words, &command, error)) {
        return session_fail(shell, error);
    }
    return session_carry_out(shell, &command);
}

static bool take_turn(struct shell *shell) {
    const unsigned char *line = NULL;
    size_t size = 0;
    enum lines_result result;
    if (shell->shows_prompt) {
        printf("%s%s%s", shell->answers.color ? "\033[1m" : "", PROMPT, shell->answers.color ? "\033[0m" : "");
        fflush(stdout);
    }
    if (!next_line(shell, &result, &line, &size)) {
        return false;
    }
    if (shell->shows_prompt && (!shell->interactive || result == LINES_END)) {
        bytes_print_line(stdout, line, result == LINES_LINE ? size : 0, ECHOED_LINE_MAX);
        fputc('\n', stdout);
    }
    switch (result) {
    case LINES_LINE:
        return take_line(shell, line, size);
    case LINES_TOO_LONG:
        return session_fail(shell, "the line is longer than 2 MiB; it was passed over");
    case LINES_FAILED:
        snprintf(shell->message, RESULT_TEXT_SIZE, "can't read %.200s: %s", session_source_name(shell),
                 strerror(shell->input.error));
        shell->status = EXIT_FAILED;
        return false;
    case LINES_END:
    case LINES_NOTHING:
        shell->done = true;
    }
    return true;
}

static void converse(struct shell *shell) {
    while (!shell->done && take_turn(shell)) {
        if (fflush(stdout) != 0 || ferror(stdout)) {
            snprintf(shell->message, RESULT_TEXT_SIZE, "can't write the answers: %s", strerror(errno));
            shell->status = EXIT_FAILED;
            return;
        }
    }
}

/* --- a session --- */

static bool begin(struct shell *shell) {
    const struct options *options = shell->options;
    if (options->script == NULL) {
        lines_from(&shell->input, 0);
    } else if (!lines_open(&shell->input, options->script)) {
        snprintf(shell->message, RESULT_TEXT_SIZE, "can't read the script '%.200s': %s", options->script,
                 strerror(errno));
        shell->status = EXIT_USAGE;
        return false;
    }
    shell->metrics = calloc(1, sizeof *shell->metrics);
    shell->file_options = malloc(sizeof *shell->file_options);
    if (shell->metrics == NULL || shell->file_options == NULL) {
        snprintf(shell->message, RESULT_TEXT_SIZE, "out of memory");
        shell->status = EXIT_FAILED;
        return false;
    }
    *shell->file_options = *options;
    shell->status = driver_form(shell->driver, shell->message);
    if (shell->status != EXIT_VALID) {
        return false;
    }
    return (driver_begin(shell->driver) && ask_begin(&shell->ask)) || session_stuck(shell);
}

static void greet(const struct shell *shell) {
    if (shell->interactive && !shell->answers.json) {
        const struct ring *ring = driver_ring(shell->driver);
        printf("A Chord ring of %u node%s", ring->member_count, ring->member_count == 1 ? "" : "s");
        if (ring->member_count < ring->node_count) {
            printf(" (%u spare%s)", ring->node_count - ring->member_count,
                   ring->node_count - ring->member_count == 1 ? "" : "s");
        }
        printf("; \"help\" lists the commands.\n");
    }
}

/* The last judgement, and what the commands came to. */
static void conclude(struct shell *shell) {
    if (shell->status != EXIT_VALID || !session_judge(shell)) {
        return;
    }
    answers_verdict(&shell->answers, &shell->verdict);
    fflush(stdout);
    if (shell->error_count > 0 && !shell->interactive) {
        snprintf(shell->message, RESULT_TEXT_SIZE, "%" PRIu64 " command%s failed, the first at %.400s:%" PRIu64,
                 shell->error_count, shell->error_count == 1 ? "" : "s", session_source_name(shell), shell->first_error_line);
        shell->status = EXIT_FAILED;
    }
}

enum exit_status shell_run(struct driver *driver, char *message) {
    const struct driver_setup *setup = driver_setup_of(driver);
    const struct options *options = setup->options;
    struct shell shell = {.driver = driver,
                          .setup = setup,
                          .options = options,
                          .ask = {.driver = driver, .prng = chord_prng_seeded(options->seed, STREAM_MEMBERS)},
                          .answers = {.stream = stdout,
                                      .json = options->json,
                                      .color = setup->shows_color,
                                      .id_bits = setup->config->id_bits},
                          .interactive = options_is_interactive(options),
                          .shows_prompt = options_shows_prompt(options),
                          .has_model = true,
                          .status = EXIT_VALID,
                          .message = message};
    message[0] = '\0';
    lines_from(&shell.input, -1);
    /* A reader that goes away is an error of writing, not the end of the job. */
    signal(SIGPIPE, SIG_IGN);
    if (begin(&shell)) {
        greet(&shell);
        converse(&shell);
        conclude(&shell);
    }
    const enum exit_status status = driver_end(driver, shell.status, message);
    ask_clear(&shell.ask);
    lines_close(&shell.input);
    words_clear(&shell.words);
    free(shell.metrics);
    free(shell.file_options);
    return status;
}
