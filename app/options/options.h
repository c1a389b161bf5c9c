/* What the user asked for: the command line and the environment, read, checked and given back as typed
 * fields.
 *
 * One table (options.c) drives parsing, --help, validation and the dump. The module prints nothing and ends
 * nothing, since every rank parses and only rank 0 speaks: it hands back a text and says which stream and
 * status it is for. It knows nothing of MPI, of files or of the ring: whether a rank exists or a file can be
 * read is checked elsewhere. */
#ifndef APP_OPTIONS_OPTIONS_H
#define APP_OPTIONS_OPTIONS_H

#include "app/generate/mix.h"
#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_PHASE_COUNT_MAX 64u
#define OPTIONS_VIRTUAL_NODES_MAX 64u
#define OPTIONS_EVENT_COUNT_MAX 256u
/* Room for the longest text, the help; a test checks that it fits. */
#define OPTIONS_TEXT_SIZE 16384u
/* The value of operations when bench has --time and not --operations. */
#define OPTIONS_OPERATIONS_UNBOUNDED UINT64_MAX
/* The value of via when --via was not given. */
#define OPTIONS_VIA_NONE UINT32_MAX
/* The value of initial_nodes when --initial-nodes was not given: every rank is in the ring from the start. */
#define OPTIONS_INITIAL_NODES_ALL 0u

enum options_command { OPTIONS_COMMAND_RUN, OPTIONS_COMMAND_SHELL, OPTIONS_COMMAND_BENCH, OPTIONS_COMMAND_COUNT };

enum options_phase_type {
    OPTIONS_PHASE_INSERT,
    OPTIONS_PHASE_QUERY,
    OPTIONS_PHASE_DELETE,
    OPTIONS_PHASE_MIX
};

enum options_mode { OPTIONS_MODE_SERIAL, OPTIONS_MODE_PARALLEL };

enum options_pool {
    OPTIONS_POOL_AUTO,    /* the program chooses */
    OPTIONS_POOL_MINIMUM, /* the least that the end-to-end bounds allow */
    OPTIONS_POOL_BYTES    /* pool_bytes */
};

/* When a silent rank is suspected to have crashed. */
enum options_suspect {
    OPTIONS_SUSPECT_AUTO, /* the program chooses, by how many ranks share a core */
    OPTIONS_SUSPECT_NEVER,
    OPTIONS_SUSPECT_AFTER /* suspect_after_ns */
};

enum options_waiting { OPTIONS_WAITING_AUTO, OPTIONS_WAITING_SPIN, OPTIONS_WAITING_YIELD };

enum options_when { OPTIONS_WHEN_AUTO, OPTIONS_WHEN_ALWAYS, OPTIONS_WHEN_NEVER };

/* Negative controls: what the program falsifies on purpose, so that a test sees the verdict find it. */
enum options_forge { OPTIONS_FORGE_NONE, OPTIONS_FORGE_ANSWER, OPTIONS_FORGE_LOSE, OPTIONS_FORGE_STALE };

/* Whether a standard stream of the *launcher* is a terminal; unknown without jobs/launch.sh. */
enum options_terminal { OPTIONS_TERMINAL_UNKNOWN, OPTIONS_TERMINAL_NO, OPTIONS_TERMINAL_YES };

struct options_phase {
    enum options_phase_type type;
    const char *file;
};

/* Strings are borrowed from argv and envp, which must live as long as the struct; NULL where none was given.
 */
struct options {
    enum options_command command;

    /* workload */
    struct options_phase phases[OPTIONS_PHASE_COUNT_MAX]; /* in the order given */
    uint32_t phase_count; /* run: 1..64 after OPTIONS_OK; shell: 0; bench: 2 or 3, the load, the warm-up if there is one,
                             and what is measured: then `file` says which, and is no file */
    enum options_mode mode;
    uint32_t window; /* 1..4096; above 1 only in parallel mode, or in the shell for fileparallel */
    uint32_t via; /* the rank that serial operations enter at, or OPTIONS_VIA_NONE; not checked against N */
    uint64_t seed;
    uint32_t repetitions; /* 1..10000 */
    uint32_t warmup;      /* run: 0..1000 repetitions before the first that is recorded */

    /* bench; its mode is always OPTIONS_MODE_PARALLEL */
    enum mix_workload workload;          /* means nothing with has_shares */
    bool has_shares;                     /* --read or --delete were given instead of --workload */
    struct mix mix;                      /* what either comes to */
    enum distribution_kind distribution; /* by --distribution, or the workload's own */
    uint32_t read_percent;
    uint32_t delete_percent;
    uint64_t records;    /* 1..10^12 */
    uint64_t operations; /* 1..10^12 of all ranks, or OPTIONS_OPERATIONS_UNBOUNDED */
    uint64_t time_ns;    /* 0: not given */
    uint64_t rate;       /* operations a second of all ranks; 0: closed loop */
    uint32_t key_size;
    uint32_t value_size;
    uint64_t warmup_operations; /* one of the two at most isn't 0 */
    uint64_t warmup_ns;
    bool ycsb;

    /* shell */
    const char *script; /* NULL: standard input */
    bool json;
    enum options_when prompt;

    /* ring */
    uint32_t replicas; /* k, 1..1000000; more than there are ranks means all */
    uint32_t virtual_nodes; /* V, 1..64: nodes that a rank hosts */
    enum chord_consistency consistency;
    enum chord_routing routing;
    uint32_t successors; /* r, 1..64 */
    bool route_successors;
    uint32_t cache; /* owners that each rank's location cache holds, 0..65536; 0: it has none */
    uint32_t id_bits;     /* 1..160 */
    const char *node_ids; /* see node_ids.h */

    /* membership: app/schedule reads what events say */
    uint32_t initial_nodes; /* 1..1000000 or OPTIONS_INITIAL_NODES_ALL; not checked against N */
    const char *events[OPTIONS_EVENT_COUNT_MAX]; /* the values of --at in the order given, as they were written */
    uint32_t event_count;
    const char *schedule; /* the file of --schedule */

    /* failures */
    enum options_suspect suspect;
    uint64_t suspect_after_ns; /* with OPTIONS_SUSPECT_AFTER, 1 ms to 1 h; else 0 */
    bool allow_data_loss;
    uint64_t history_limit; /* operations a rank between two judgements; 0: no limit */
    const char *history_dir; /* NULL: options_history_dir chooses */

    /* messages */
    enum options_pool pool;
    uint64_t pool_bytes;  /* with OPTIONS_POOL_BYTES, else 0 */
    uint32_t frame_bytes; /* 256..4000 */
    enum options_waiting waiting;
    uint32_t timeout_seconds; /* 1..86400 */

    /* what is told */
    const char *report;
    const char *history;
    const char *dump;
    bool print_bound;
    bool quiet;
    enum options_when progress;
    enum options_when color;
    enum options_forge forge;

    /* environment */
    enum options_terminal stdin_terminal; /* CHORDKV_STDIN_TTY, and so on */
    enum options_terminal stdout_terminal;
    enum options_terminal stderr_terminal;
    bool launched;       /* CHORDKV_LAUNCHED=1 */
    bool recovery;       /* CHORDKV_RECOVERY=1: the launcher has told mpirun to outlive its ranks; what that
                            means is judged by app/mpi/recovery.h */
    const char *verdict; /* CHORDKV_VERDICT: where the launcher awaits the verdict record, or NULL */

    /* private: one bit an option of the table, set if the user gave it; read by options_given and
     * options_dump */
    uint64_t given;
    /* The help or the error, ending in a newline; empty after OPTIONS_OK. */
    char text[OPTIONS_TEXT_SIZE];
};

enum options_result {
    OPTIONS_OK,
    OPTIONS_HELP, /* options->text is what was asked for (help or version): standard output, status 0 */
    OPTIONS_ERROR /* options->text is one line: standard error, status 2 */
};

/* Reads argv[1..argc-1] and every CHORDKV_* variable of envp (NULL-terminated; NULL means none). argv[0] is
 * not looked at and argv is not changed. *options is overwritten whole. On any result `verdict`, `launched`
 * and the terminals are set (where the variable is right), so that an error and a help, too, can be recorded
 * for the launcher. After OPTIONS_ERROR the other fields mean nothing. Not for several threads at once:
 * getopt has global state. */
CHORD_MUST_CHECK enum options_result options_parse(struct options *options, int argc, char *const argv[],
                                                   char *const envp[]);

/* Whether the user gave the option with this name (without the dashes). A name that the command doesn't take is a
 * programmer error. */
bool options_given(const struct options *options, const char *name);

/* One option for the report: its name without dashes, its effective value as text, whether the user gave it.
 * Both strings live only during the call. */
typedef void options_dump_callback(void *context, const char *name, const char *value, bool given);

/* Calls back once an option of the command in the order of the help, hidden ones included; "phase" once a
 * phase and "at" once an event. A flag is "true" or "false", a file, rank or event that was not given is "". Only
 * after OPTIONS_OK. */
void options_dump(const struct options *options, options_dump_callback *callback, void *context);

/* T0: how long a rank must be silent at least to be suspected, in nanoseconds; 0: nobody ever is. auto is 200 ms for each
 * rank that shares a core, and at least 200 ms: a rank that waits for its core must not seem dead. */
uint64_t options_suspicion_ns(const struct options *options, double ranks_per_core);

/* Where the ranks' histories are mapped: --history-dir, or else the variable TMPDIR of the process, or else /tmp. */
const char *options_history_dir(const struct options *options);

/* What auto means: only where the launcher said that the stream (standard error for progress, standard output
 * for colour) is a terminal. --quiet hushes a progress line that was not asked for by `always`. */
bool options_shows_progress(const struct options *options);
bool options_shows_color(const struct options *options);

/* Whether the shell reads from a person: the launcher's standard input is a terminal and there is no --script. */
bool options_is_interactive(const struct options *options);
/* auto: if it is interactive and the launcher's standard output is a terminal, too. Never with --json. */
bool options_shows_prompt(const struct options *options);

#endif
