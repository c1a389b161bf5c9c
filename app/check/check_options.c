#include "app/check/check_options.h"

#include "app/options/suggest.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char check_options_version[] = "chordkv-check " CHORDKV_VERSION "\n";

const char check_options_help[] =
    "chordkv-check: is a history linearizable? And if not, why not?\n"
    "\n"
    "Usage: chordkv-check HISTORY [OPTIONS]\n"
    "\n"
    "HISTORY is a file that `chordkv run --history FILE` wrote (app/history/FORMAT.md), or - for standard input.\n"
    "Every round of it (each repetition begins with an empty ring) is judged twice:\n"
    "\n"
    "  T2  by what the clients saw alone: is there, for every key, one order of its operations in which each takes\n"
    "      effect between its start and its end, and every answer is right? An operation without an answer may have\n"
    "      taken effect at any time after its start, or never.\n"
    "  T1  by the versions, where all answers have one: does the order that the ring claims explain the answers?\n"
    "\n"
    "Where a key has no order, the operations that contradict each other are shown, drawn as intervals in time, with\n"
    "the longest order that was found and why it can't go on. An eventual ring promises no such order: its histories\n"
    "are judged the same way, and the status tells whether they happen to be linearizable.\n"
    "\n"
    "Judging\n"
    "  --round NUMBER          only this round [from 1; default all]\n"
    "  --explain COUNT         keys without an order that are explained [1 to 1000; default 4]\n"
    "  --memory SIZE           for the search of one key, such as 512MiB or 4GiB [64KiB to 1TiB; default 512MiB]\n"
    "  --steps COUNT           choices that the search of one key tries [1 to 2^62; default 2^32]\n"
    "                          A key that needs more of either is given up, and nothing is known of it.\n"
    "\n"
    "Output\n"
    "  --json                  one JSON object instead of the table: the same numbers, and whole explanations\n"
    "  --export FORMAT         judge nothing, but write one round for another checker:\n"
    "                            porcupine  the text of Porcupine's key-value model\n"
    "                            knossos    a folder with a file a key, for Knossos' register\n"
    "                            edn        all that the history says, as Jepsen writes histories\n"
    "                          A client with a window is told as several processes: with N ranks, process P is of\n"
    "                          client P mod N. A key that is absent holds \"\" in Porcupine's text and :absent in\n"
    "                          Knossos' files; a delete writes that, and one that found nothing reads it. Bytes that\n"
    "                          aren't printable UTF-8 become \"hex:...\", longer values than 64 bytes \"digest:...\".\n"
    "                          Neither model knows answers to writes: they may pass what T2 finds wrong.\n"
    "  --to PATH               where to: a file, or for knossos a new folder\n"
    "\n"
    "  --help, --version       this text; the version\n"
    "\n"
    "Examples\n"
    "  jobs/launch.sh -n 10 chordkv run --mode parallel --window 8 --phase mix=workloads/mix.csv --history h.jsonl\n"
    "  chordkv-check h.jsonl\n"
    "  chordkv-check h.jsonl --json | jq .verdict\n"
    "  chordkv-check h.jsonl --export porcupine --to h.txt\n"
    "\n"
    "Exit status\n"
    "  0 linearizable, 1 failure, 2 wrong usage or unreadable input, 3 not linearizable (or the versions contradict\n"
    "  the answers), 6 undecided: keys were given up, nothing wrong with the others\n";

/* The positions are the values of enum export_format, less one. */
static const char *const formats[] = {"porcupine", "edn", "knossos"};

enum { OPTION_ROUND = 256, OPTION_EXPLAIN, OPTION_MEMORY, OPTION_STEPS, OPTION_JSON, OPTION_EXPORT, OPTION_TO,
       OPTION_HELP, OPTION_VERSION };

static const struct option rules[] = {
    {"round", required_argument, NULL, OPTION_ROUND},   {"explain", required_argument, NULL, OPTION_EXPLAIN},
    {"memory", required_argument, NULL, OPTION_MEMORY}, {"steps", required_argument, NULL, OPTION_STEPS},
    {"json", no_argument, NULL, OPTION_JSON},           {"export", required_argument, NULL, OPTION_EXPORT},
    {"to", required_argument, NULL, OPTION_TO},         {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},     {NULL, 0, NULL, 0},
};
enum { RULE_COUNT = sizeof rules / sizeof rules[0] - 1 };

__attribute__((format(printf, 2, 3))) static enum check_options_result fail(char *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, CHECK_OPTIONS_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return CHECK_OPTIONS_ERROR;
}

/* A whole number and, with `has_unit`, KiB, MiB, GiB or TiB behind it. */
static bool parse_number(const char *text, bool has_unit, uint64_t minimum, uint64_t maximum, uint64_t *number) {
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (unsigned)(*at - '0'), &value)) {
            return false;
        }
    }
    unsigned unit = 0;
    while (unit < 5 && strcmp(at, units[unit]) != 0) {
        unit++;
    }
    if (at == text || unit == 5 || (unit > 0 && !has_unit) ||
        __builtin_mul_overflow(value, UINT64_C(1) << (10 * unit), &value)) {
        return false;
    }
    *number = value;
    return value >= minimum && value <= maximum;
}

static enum check_options_result fail_unknown(const char *word, char *error) {
    const char *names[RULE_COUNT];
    for (size_t i = 0; i < RULE_COUNT; i++) {
        names[i] = rules[i].name;
    }
    const char *name = word + strspn(word, "-");
    const char *nearest = suggest_nearest(name, strcspn(name, "="), names, RULE_COUNT);
    return nearest == NULL ? fail(error, "unknown option '%.100s'; chordkv-check --help lists them", word)
                           : fail(error, "unknown option '%.100s' (did you mean '--%s'?); chordkv-check --help lists "
                                         "them",
                                  word, nearest);
}

static enum check_options_result set_format(struct check_options *options, const char *word, char *error) {
    for (unsigned i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(word, formats[i]) == 0) {
            options->export_format = (enum export_format)(i + 1);
            return CHECK_OPTIONS_OK;
        }
    }
    return fail(error, "--export takes porcupine, edn or knossos, not '%.100s'", word);
}

/* One option that getopt has found. */
static enum check_options_result set(struct check_options *options, int option, const char *value, char *error) {
    uint64_t number;
    switch (option) {
    case OPTION_ROUND:
        if (!parse_number(value, false, 1, UINT32_MAX, &number)) {
            return fail(error, "--round takes a whole number from 1, not '%.100s'", value);
        }
        options->round = (uint32_t)number;
        return CHECK_OPTIONS_OK;
    case OPTION_EXPLAIN:
        if (!parse_number(value, false, 1, 1000, &number)) {
            return fail(error, "--explain takes a whole number from 1 to 1000, not '%.100s'", value);
        }
        options->limits.explained_max = (size_t)number;
        return CHECK_OPTIONS_OK;
    case OPTION_MEMORY:
        if (!parse_number(value, true, 65536, UINT64_C(1) << 40, &number)) {
            return fail(error, "--memory takes a size from 64KiB to 1TiB, such as 512MiB, not '%.100s'", value);
        }
        options->limits.bytes_max = (size_t)number;
        return CHECK_OPTIONS_OK;
    case OPTION_STEPS:
        if (!parse_number(value, false, 1, UINT64_C(1) << 62, &number)) {
            return fail(error, "--steps takes a whole number from 1 to 2^62, not '%.100s'", value);
        }
        options->limits.steps_max = number;
        return CHECK_OPTIONS_OK;
    case OPTION_EXPORT:
        return set_format(options, value, error);
    case OPTION_TO:
        options->to = value;
        return value[0] != '\0' ? CHECK_OPTIONS_OK : fail(error, "--to takes a path, not an empty word");
    case OPTION_JSON:
        options->json = true;
        return CHECK_OPTIONS_OK;
    case OPTION_HELP:
        return CHECK_OPTIONS_HELP;
    default:
        return CHECK_OPTIONS_VERSION;
    }
}

static enum check_options_result check_together(const struct check_options *options, char *error) {
    if (options->path == NULL) {
        return fail(error, "name the history: chordkv-check HISTORY; chordkv-check --help explains it");
    }
    if ((options->export_format == EXPORT_NONE) != (options->to == NULL)) {
        return fail(error, "--export and --to belong together: %s is missing",
                    options->to == NULL ? "--to PATH" : "--export porcupine, edn or knossos");
    }
    if (options->export_format != EXPORT_NONE && options->json) {
        return fail(error, "--json tells a verdict, --export judges nothing: leave out one of the two");
    }
    return CHECK_OPTIONS_OK;
}

enum check_options_result check_options_parse(struct check_options *options, int argc, char **argv,
                                              char error[CHECK_OPTIONS_ERROR_SIZE]) {
    *options = (struct check_options){0};
    opterr = 0;
    optind = 0;
    for (;;) {
        /* getopt sorts the words: one that isn't an option may stand anywhere. "-" alone is none. */
        const int option = getopt_long(argc, argv, ":h", rules, NULL);
        if (option == -1) {
            break;
        }
        if (option == ':') {
            return fail(error, "%.100s needs a value; chordkv-check --help shows what it takes", argv[optind - 1]);
        }
        if (option == '?' && optopt >= OPTION_ROUND) {
            return fail(error, "%.100s takes no value", argv[optind - 1]);
        }
        if (option == '?') {
            return fail_unknown(argv[optind - 1], error);
        }
        const enum check_options_result result = set(options, option == 'h' ? OPTION_HELP : option, optarg, error);
        if (result != CHECK_OPTIONS_OK) {
            return result;
        }
    }
    if (argc - optind > 1) {
        return fail(error, "one history at a time: '%.100s' is one too many", argv[optind + 1]);
    }
    options->path = optind < argc ? argv[optind] : NULL;
    return check_together(options, error);
}
