/* Parsing: getopt_long splits the words, the table says what they mean.
 *
 * Stricter than getopt_long where it would guess: an option's name must be written out (an abbreviation would
 * change its meaning as options are added), a value may not look like an option unless it is joined by '=',
 * an option that isn't repeatable may be given once, and nothing that was given is without effect. */
#include "app/options/options.h"

#include "app/options/duration.h"
#include "app/options/suggest.h"
#include "app/options/table.h"
#include "chord/base/check.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULE_COUNT_MAX 64u
#define VARIABLE_PREFIX "CHORDKV_"
/* What getopt_long returns for rule i; above every character. */
#define FIRST_LONG 1000
/* As much of a user's word as an error quotes. */
#define QUOTED_MAX 120
/* How long a rank that shares its core with no other must be silent to be suspected (auto). */
#define SUSPICION_NS 200000000.0
#define WARMUP_NS_MAX UINT64_C(86400000000000)
/* bench, where neither --operations nor --time is given. */
#define DEFAULT_OPERATIONS 10000u

static void *field(struct options *options, size_t offset) {
    return (char *)options + offset;
}

static const void *field_const(const struct options *options, size_t offset) {
    return (const char *)options + offset;
}

static uint64_t bit_of(const struct options_rule *rule) {
    return UINT64_C(1) << (size_t)(rule - options_rules);
}

static bool takes_value(const struct options_rule *rule) {
    return rule->kind != OPTIONS_KIND_FLAG && rule->kind != OPTIONS_KIND_HELP &&
           rule->kind != OPTIONS_KIND_HELP_ALL && rule->kind != OPTIONS_KIND_VERSION;
}

/* Writes the one line of an error. Control characters of a user's word would break the line: they become '?'.
 */
__attribute__((format(printf, 2, 3))) static enum options_result fail(struct options *options,
                                                                      const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
    (void)snprintf(options->text, sizeof options->text, "chordkv: %s\n", line);
    return OPTIONS_ERROR;
}

/* " (did you mean 'x'?)" or nothing. */
static const char *did_you_mean(char buffer[128], const char *dashes, const char *nearest) {
    buffer[0] = '\0';
    if (nearest != NULL) {
        (void)snprintf(buffer, 128, " (did you mean '%s%s'?)", dashes, nearest);
    }
    return buffer;
}

static const char *command_name(const struct options *options) {
    return options_commands[options->command].name;
}

static enum options_result fail_unknown_option(struct options *options, const char *word) {
    const char *candidates[RULE_COUNT_MAX];
    size_t candidate_count = 0;
    for (size_t i = 0; i < options_rule_count; i++) {
        if ((options_rules[i].commands & (1u << options->command)) != 0 && !options_rules[i].hidden) {
            candidates[candidate_count++] = options_rules[i].name;
        }
    }
    const char *name = word + strspn(word, "-");
    char hint[128];
    return fail(
        options, "unknown option '%.*s'%s; chordkv %s --help lists them",
        (int)(strcspn(word, "=") < QUOTED_MAX ? strcspn(word, "=") : QUOTED_MAX), word,
        did_you_mean(hint, "--", suggest_nearest(name, strcspn(name, "="), candidates, candidate_count)),
        command_name(options));
}

/* A whole decimal number, digits only, in minimum..maximum. */
static bool parse_number(const char *text, uint64_t minimum, uint64_t maximum, uint64_t *number) {
    uint64_t sum = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        const uint64_t digit = (uint64_t)(unsigned char)*text - '0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = sum;
    return sum >= minimum && sum <= maximum;
}

static enum options_result set_number(struct options *options, const struct options_rule *rule,
                                      const char *value) {
    uint64_t number;
    if (!parse_number(value, rule->minimum, rule->maximum, &number)) {
        char range[OPTIONS_VALUE_SIZE * 3];
        options_rule_range(rule, range, sizeof range);
        return fail(options, "--%s takes a whole number from %s, not '%.*s'", rule->name, range, QUOTED_MAX,
                    value);
    }
    if (rule->kind == OPTIONS_KIND_U64) {
        *(uint64_t *)field(options, rule->offset) = number;
    } else {
        *(uint32_t *)field(options, rule->offset) = (uint32_t)number;
    }
    return OPTIONS_OK;
}

/* Digits and an optional KiB, MiB, GiB or TiB. */
static bool parse_size(const char *text, const struct options_rule *rule, uint64_t *bytes) {
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    char digits[OPTIONS_VALUE_SIZE];
    const size_t size = strspn(text, "0123456789");
    if (size >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, size);
    digits[size] = '\0';
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++) {
        const unsigned shift = 10 * i;
        if (strcmp(text + size, units[i]) == 0 && parse_number(digits, 1, rule->maximum >> shift, bytes)) {
            *bytes <<= shift;
            return *bytes >= rule->minimum;
        }
    }
    return false;
}

static enum options_result set_pool(struct options *options, const struct options_rule *rule,
                                    const char *value) {
    options->pool_bytes = 0;
    if (strcmp(value, "auto") == 0) {
        options->pool = OPTIONS_POOL_AUTO;
    } else if (strcmp(value, "min") == 0) {
        options->pool = OPTIONS_POOL_MINIMUM;
    } else if (parse_size(value, rule, &options->pool_bytes)) {
        options->pool = OPTIONS_POOL_BYTES;
    } else {
        char range[OPTIONS_VALUE_SIZE * 3];
        options_rule_range(rule, range, sizeof range);
        return fail(options, "--%s takes %s, written like 65536, 64KiB, 16MiB or 1GiB, not '%.*s'",
                    rule->name, range, QUOTED_MAX, value);
    }
    return OPTIONS_OK;
}

static enum options_result set_suspect(struct options *options, const struct options_rule *rule,
                                       const char *value) {
    options->suspect_after_ns = 0;
    if (strcmp(value, "auto") == 0) {
        options->suspect = OPTIONS_SUSPECT_AUTO;
    } else if (strcmp(value, "never") == 0 || strcmp(value, "0") == 0) {
        options->suspect = OPTIONS_SUSPECT_NEVER;
    } else if (duration_parse(value, strlen(value), rule->maximum, &options->suspect_after_ns) == DURATION_OK &&
               options->suspect_after_ns >= rule->minimum) {
        options->suspect = OPTIONS_SUSPECT_AFTER;
    } else {
        char range[OPTIONS_VALUE_SIZE * 3];
        options_rule_range(rule, range, sizeof range);
        return fail(options, "--%s takes %s, written like 300ms, 1.5s or 2s, not '%.*s'", rule->name, range, QUOTED_MAX,
                    value);
    }
    return OPTIONS_OK;
}

static enum options_result set_time(struct options *options, const struct options_rule *rule, const char *value) {
    uint64_t ns;
    if (duration_parse(value, strlen(value), rule->maximum, &ns) != DURATION_OK || ns < rule->minimum) {
        char range[OPTIONS_VALUE_SIZE * 3];
        options_rule_range(rule, range, sizeof range);
        return fail(options, "--%s takes a time from %s, written like 300ms, 1.5s or 20s, not '%.*s'", rule->name, range,
                    QUOTED_MAX, value);
    }
    *(uint64_t *)field(options, rule->offset) = ns;
    return OPTIONS_OK;
}

static enum options_result set_warmup(struct options *options, const struct options_rule *rule, const char *value) {
    options->warmup_operations = 0;
    options->warmup_ns = 0;
    if (parse_number(value, 0, rule->maximum, &options->warmup_operations)) {
        return OPTIONS_OK;
    }
    options->warmup_operations = 0;
    if (duration_parse(value, strlen(value), WARMUP_NS_MAX, &options->warmup_ns) == DURATION_OK &&
        options->warmup_ns >= rule->minimum) {
        return OPTIONS_OK;
    }
    char range[OPTIONS_VALUE_SIZE * 3];
    options_rule_range(rule, range, sizeof range);
    return fail(options, "--%s takes %s, written like 10000 or 2s, not '%.*s'", rule->name, range, QUOTED_MAX, value);
}

/* The position of the first `size` bytes of word among the choices, or -1. */
static int choice_of(const char *const *choices, const char *word, size_t size) {
    for (int i = 0; choices[i] != NULL; i++) {
        if (strlen(choices[i]) == size && memcmp(choices[i], word, size) == 0) {
            return i;
        }
    }
    return -1;
}

static enum options_result fail_choice(struct options *options, const struct options_rule *rule,
                                       const char *word, size_t size, const char *what) {
    char range[128], hint[128];
    size_t choice_count = 0;
    while (rule->choices[choice_count] != NULL) {
        choice_count++;
    }
    options_rule_range(rule, range, sizeof range);
    return fail(options, "--%s takes %s%s, not '%.*s'%s", rule->name, what, range,
                (int)(size < QUOTED_MAX ? size : QUOTED_MAX), word,
                did_you_mean(hint, "", suggest_nearest(word, size, rule->choices, choice_count)));
}

static enum options_result set_choice(struct options *options, const struct options_rule *rule,
                                      const char *value) {
    const int choice = choice_of(rule->choices, value, strlen(value));
    if (choice < 0 && strcmp(rule->name, "workload") == 0 && strcmp(value, "e") == 0) {
        return fail(options, "--workload e: %s", mix_workload_e_refusal);
    }
    if (choice < 0) {
        return fail_choice(options, rule, value, strlen(value), "");
    }
    const unsigned stored = (unsigned)choice;
    memcpy(field(options, rule->offset), &stored, sizeof stored);
    return OPTIONS_OK;
}

static enum options_result add_phase(struct options *options, const struct options_rule *rule,
                                     const char *value) {
    const size_t size = strcspn(value, "=");
    if (value[size] == '\0' || value[size + 1] == '\0') {
        return fail(options, "--%s takes TYPE=FILE, for instance insert=workloads/insert.csv, not '%.*s'",
                    rule->name, QUOTED_MAX, value);
    }
    const int type = choice_of(rule->choices, value, size);
    if (type < 0) {
        return fail_choice(options, rule, value, size, "TYPE=FILE with the TYPE ");
    }
    if (options->phase_count == OPTIONS_PHASE_COUNT_MAX) {
        return fail(options, "--%s is given more than %u times: split the run", rule->name,
                    OPTIONS_PHASE_COUNT_MAX);
    }
    options->phases[options->phase_count++] =
        (struct options_phase){.type = (enum options_phase_type)type, .file = value + size + 1};
    return OPTIONS_OK;
}

static enum options_result add_event(struct options *options, const struct options_rule *rule,
                                     const char *value) {
    if (options->event_count == OPTIONS_EVENT_COUNT_MAX) {
        return fail(options, "--%s is given more than %u times: put the events into a file and name it by --schedule",
                    rule->name, OPTIONS_EVENT_COUNT_MAX);
    }
    options->events[options->event_count++] = value;
    return OPTIONS_OK;
}

static enum options_result set_value(struct options *options, const struct options_rule *rule,
                                     const char *value) {
    if (value != NULL && *value == '\0') {
        return fail(options, "--%s is given an empty value; chordkv %s --help shows what it takes",
                    rule->name, command_name(options));
    }
    switch (rule->kind) {
    case OPTIONS_KIND_U32:
    case OPTIONS_KIND_U64:
        return set_number(options, rule, value);
    case OPTIONS_KIND_POOL:
        return set_pool(options, rule, value);
    case OPTIONS_KIND_SUSPECT:
        return set_suspect(options, rule, value);
    case OPTIONS_KIND_TIME:
        return set_time(options, rule, value);
    case OPTIONS_KIND_WARMUP:
        return set_warmup(options, rule, value);
    case OPTIONS_KIND_CHOICE:
        return set_choice(options, rule, value);
    case OPTIONS_KIND_PHASE:
        return add_phase(options, rule, value);
    case OPTIONS_KIND_EVENT:
        return add_event(options, rule, value);
    case OPTIONS_KIND_FLAG:
        *(bool *)field(options, rule->offset) = true;
        return OPTIONS_OK;
    case OPTIONS_KIND_TEXT:
        *(const char **)field(options, rule->offset) = value;
        return OPTIONS_OK;
    case OPTIONS_KIND_HELP:
    case OPTIONS_KIND_HELP_ALL:
        options_write_help(options->text, options->command, rule->kind == OPTIONS_KIND_HELP_ALL);
        return OPTIONS_HELP;
    case OPTIONS_KIND_VERSION:
        options_write_version(options->text);
        return OPTIONS_HELP;
    }
    return OPTIONS_OK;
}

static void set_defaults(struct options *options) {
    for (size_t i = 0; i < options_rule_count; i++) {
        if (options_rules[i].fallback != NULL) {
            /* A default that its own rule refuses is a mistake in the table. */
            chord_check(set_value(options, &options_rules[i], options_rules[i].fallback) == OPTIONS_OK);
        }
    }
    options->via = OPTIONS_VIA_NONE;
}

/* What getopt_long found, judged by the words that it found it in. word is the option as written. */
static enum options_result take(struct options *options, const struct options_rule *rule, const char *word,
                                const char *value, bool joined) {
    const char *name = word + 2;
    if (strcspn(name, "=") != strlen(rule->name)) {
        return fail_unknown_option(options, word);
    }
    if (value != NULL && !joined && strncmp(value, "--", 2) == 0) {
        return fail(options, "--%s needs a value before '%.*s' (or write --%s=%.*s if that is the value)",
                    rule->name, QUOTED_MAX, value, rule->name, QUOTED_MAX, value);
    }
    const bool repeatable = rule->kind == OPTIONS_KIND_PHASE || rule->kind == OPTIONS_KIND_EVENT;
    if ((options->given & bit_of(rule)) != 0 && !repeatable) {
        return fail(options, "--%s is given twice", rule->name);
    }
    options->given |= bit_of(rule);
    return set_value(options, rule, value);
}

/* argv[0] is the command here. */
static enum options_result parse_words(struct options *options, int argc, char *argv[]) {
    struct option long_options[RULE_COUNT_MAX + 1] = {{0}};
    size_t long_count = 0;
    for (size_t i = 0; i < options_rule_count; i++) {
        const struct options_rule *rule = &options_rules[i];
        if ((rule->commands & (1u << options->command)) != 0) {
            long_options[long_count++] = (struct option){
                rule->name, takes_value(rule) ? required_argument : no_argument, NULL, FIRST_LONG + (int)i};
        }
    }
    optind = 0; /* glibc: start anew */
    opterr = 0;
    for (;;) {
        const int start = optind == 0 ? 1 : optind;
        optarg = NULL;
        const int found = getopt_long(argc, argv, "+:h", long_options, NULL);
        if (found == -1) {
            break;
        }
        const char *word = argv[start];
        const struct options_rule *rule = found >= FIRST_LONG ? &options_rules[found - FIRST_LONG] : NULL;
        if (found == 'h') {
            options_write_help(options->text, options->command, false);
            return OPTIONS_HELP;
        }
        if (found == ':') {
            rule = &options_rules[optopt - FIRST_LONG];
            return strlen(word + 2) != strlen(rule->name)
                       ? fail_unknown_option(options, word)
                       : fail(options, "--%s needs a value; chordkv %s --help shows what it takes",
                              rule->name, command_name(options));
        }
        if (rule == NULL) {
            const char *name = word + strspn(word, "-");
            if (optopt >= FIRST_LONG &&
                strcspn(name, "=") == strlen(options_rules[optopt - FIRST_LONG].name)) {
                return fail(options, "--%s takes no value; write it alone",
                            options_rules[optopt - FIRST_LONG].name);
            }
            return fail_unknown_option(options, word);
        }
        const enum options_result result =
            take(options, rule, word, optarg, optarg != NULL && optarg != argv[optind - 1]);
        if (result != OPTIONS_OK) {
            return result;
        }
    }
    if (optind < argc) {
        static const char *const file_option[OPTIONS_COMMAND_COUNT] = {[OPTIONS_COMMAND_RUN] = "--phase TYPE=FILE",
                                                                       [OPTIONS_COMMAND_SHELL] = "--script FILE",
                                                                       [OPTIONS_COMMAND_BENCH] = "--report FILE"};
        return fail(options,
                    "'%.*s' is not an option; files are given with %s, and chordkv %s --help "
                    "lists the options",
                    QUOTED_MAX, argv[optind], file_option[options->command], command_name(options));
    }
    return OPTIONS_OK;
}

/* What bench's options come to: its phases, and what is drawn in them. */
static enum options_result conclude_bench(struct options *options) {
    const bool has_read = options_given(options, "read");
    const bool has_workload = options_given(options, "workload");
    options->has_shares = has_read || options_given(options, "delete");
    if (options->has_shares && has_workload) {
        return fail(options, "--workload has its own shares of reads and deletes: leave out it, or --read and --delete");
    }
    if (!has_read) {
        options->read_percent = options->delete_percent > 50 ? 100 - options->delete_percent : 50;
    }
    if (options->has_shares && options->read_percent + options->delete_percent > 100) {
        return fail(options, "--read %u and --delete %u come to more than 100 percent: what they leave are updates",
                    options->read_percent, options->delete_percent);
    }
    options->mix = options->has_shares ? mix_of_shares(options->read_percent, options->delete_percent)
                                       : mix_of_workload(options->workload);
    options->read_percent = options->mix.percent[MIX_READ];
    options->delete_percent = options->mix.percent[MIX_DELETE];
    if (!options_given(options, "distribution")) {
        options->distribution =
            options->has_shares ? DISTRIBUTION_SCRAMBLED : mix_distribution_of_workload(options->workload);
    }
    if (!options_given(options, "operations")) {
        options->operations = options->time_ns > 0 ? OPTIONS_OPERATIONS_UNBOUNDED : DEFAULT_OPERATIONS;
    }
    options->mode = OPTIONS_MODE_PARALLEL;
    options->phases[options->phase_count++] = (struct options_phase){OPTIONS_PHASE_INSERT, "generated records"};
    if (options->warmup_operations > 0 || options->warmup_ns > 0) {
        options->phases[options->phase_count++] = (struct options_phase){OPTIONS_PHASE_MIX, "generated warm-up"};
    }
    options->phases[options->phase_count++] = (struct options_phase){OPTIONS_PHASE_MIX, "generated operations"};
    return OPTIONS_OK;
}

/* What no single option can tell. */
static enum options_result check_together(struct options *options) {
    const bool is_run = options->command == OPTIONS_COMMAND_RUN;
    if (is_run && options->phase_count == 0) {
        return fail(options,
                    "%s needs at least one --phase TYPE=FILE, for instance --phase "
                    "insert=workloads/insert.csv; chordkv %s --help explains it",
                    command_name(options), command_name(options));
    }
    if (options->command == OPTIONS_COMMAND_BENCH && conclude_bench(options) != OPTIONS_OK) {
        return OPTIONS_ERROR;
    }
    if (options->mode == OPTIONS_MODE_PARALLEL && options->via != OPTIONS_VIA_NONE) {
        return fail(options,
                    "--via is for --mode serial: in parallel mode every line goes to a random node; leave "
                    "out one of the two");
    }
    if (is_run && options->mode == OPTIONS_MODE_SERIAL && options->window > 1) {
        return fail(options,
                    "--window above 1 needs --mode parallel: a serial run has one operation under way");
    }
    if (options->route_successors && options->routing != CHORD_ROUTING_FINGER) {
        return fail(options,
                    "--route-successors needs --routing finger: the other modes have nothing to add it to");
    }
    if (options->cache > 0 && options->routing != CHORD_ROUTING_FINGER) {
        return fail(options, "--cache needs --routing finger: with onehop every node knows every owner, and ring is there to "
                             "show what routing costs without shortcuts");
    }
    if (options->allow_data_loss && options->suspect == OPTIONS_SUSPECT_NEVER) {
        return fail(options, "--allow-data-loss is for nodes that are taken for dead, and --suspect-after never takes none "
                             "for that; leave out one of the two");
    }
    if (options->history != NULL && options->report != NULL && strcmp(options->history, options->report) == 0) {
        return fail(options, "--history and --report name one file, '%s': give each its own", options->history);
    }
    if (options->json && options->prompt == OPTIONS_WHEN_ALWAYS) {
        return fail(options, "--prompt always is for people, --json for programs; leave out one of the two");
    }
    return OPTIONS_OK;
}

static enum options_result set_variable(struct options *options, const struct options_variable *variable,
                                        const char *value) {
    const bool is_bit = (value[0] == '0' || value[0] == '1') && value[1] == '\0';
    if (variable->kind != OPTIONS_VARIABLE_TEXT && !is_bit) {
        return fail(options, "the environment variable %s takes 0 or 1, not '%.*s'", variable->name,
                    QUOTED_MAX, value);
    }
    switch (variable->kind) {
    case OPTIONS_VARIABLE_TERMINAL: {
        const enum options_terminal terminal = value[0] == '1' ? OPTIONS_TERMINAL_YES : OPTIONS_TERMINAL_NO;
        memcpy(field(options, variable->offset), &terminal, sizeof terminal);
        break;
    }
    case OPTIONS_VARIABLE_FLAG:
        *(bool *)field(options, variable->offset) = value[0] == '1';
        break;
    case OPTIONS_VARIABLE_TEXT:
        if (*value == '\0') {
            return fail(options, "the environment variable %s is empty; unset it", variable->name);
        }
        *(const char **)field(options, variable->offset) = value;
        break;
    }
    return OPTIONS_OK;
}

static enum options_result parse_variable(struct options *options, const char *entry) {
    const size_t size = strcspn(entry, "=");
    const char *names[16];
    chord_check(options_variable_count <= 16);
    for (size_t i = 0; i < options_variable_count; i++) {
        names[i] = options_variables[i].name;
        if (strlen(names[i]) == size && memcmp(names[i], entry, size) == 0) {
            return set_variable(options, &options_variables[i], entry[size] == '=' ? entry + size + 1 : "");
        }
    }
    char hint[128];
    return fail(options, "unknown environment variable '%.*s'%s; unset it",
                (int)(size < QUOTED_MAX ? size : QUOTED_MAX), entry,
                did_you_mean(hint, "", suggest_nearest(entry, size, names, options_variable_count)));
}

/* Every variable is read even after a wrong one, so that the verdict's path is known; the first error counts.
 */
static enum options_result parse_environment(struct options *options, char *const envp[]) {
    enum options_result result = OPTIONS_OK;
    char first[sizeof options->text];
    for (size_t i = 0; envp != NULL && envp[i] != NULL; i++) {
        if (strncmp(envp[i], VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) == 0 &&
            parse_variable(options, envp[i]) != OPTIONS_OK && result == OPTIONS_OK) {
            result = OPTIONS_ERROR;
            memcpy(first, options->text, sizeof first);
        }
    }
    if (result != OPTIONS_OK) {
        memcpy(options->text, first, sizeof first);
    }
    return result;
}

/* The first word: sets the command, or answers for the program as a whole. */
static enum options_result parse_command(struct options *options, int argc, char *const argv[]) {
    const char *names[OPTIONS_COMMAND_COUNT + 2];
    const char *word = argc > 1 ? argv[1] : "--help";
    for (unsigned i = 0; i < OPTIONS_COMMAND_COUNT; i++) {
        names[i] = options_commands[i].name;
        if (strcmp(word, names[i]) == 0) {
            options->command = (enum options_command)i;
            return OPTIONS_OK;
        }
    }
    const bool all = strcmp(word, "--help-all") == 0;
    if (all || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        options_write_help(options->text, OPTIONS_COMMAND_COUNT, all);
        return OPTIONS_HELP;
    }
    if (strcmp(word, "--version") == 0) {
        options_write_version(options->text);
        return OPTIONS_HELP;
    }
    for (size_t i = 0; i < options_rule_count; i++) {
        const char *name = options_rules[i].name;
        if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, strcspn(word + 2, "=")) == 0 &&
            word[2] != '\0') {
            return fail(options, "a command must stand before '%.*s': chordkv %s %.*s ...", QUOTED_MAX, word,
                        names[0], QUOTED_MAX, word);
        }
    }
    names[OPTIONS_COMMAND_COUNT] = "--help";
    names[OPTIONS_COMMAND_COUNT + 1] = "--version";
    char hint[128];
    return fail(
        options, "unknown command '%.*s'%s; chordkv --help lists them", QUOTED_MAX, word,
        did_you_mean(hint, "", suggest_nearest(word, strlen(word), names, OPTIONS_COMMAND_COUNT + 2)));
}

static enum options_result parse_command_line(struct options *options, int argc, char *const argv[]) {
    enum options_result result = parse_command(options, argc, argv);
    if (result != OPTIONS_OK) {
        return result;
    }
    /* getopt_long may reorder the words that it is given: let it have a copy. */
    char **words = calloc((size_t)argc, sizeof *words);
    if (words == NULL) {
        return fail(options, "out of memory while reading the command line");
    }
    memcpy(words, argv + 1, (size_t)(argc - 1) * sizeof *words);
    result = parse_words(options, argc - 1, words);
    free(words);
    return result != OPTIONS_OK ? result : check_together(options);
}

enum options_result options_parse(struct options *options, int argc, char *const argv[], char *const envp[]) {
    memset(options, 0, sizeof *options);
    set_defaults(options);
    const enum options_result environment = parse_environment(options, envp);
    if (environment != OPTIONS_OK) {
        /* A wrong variable doesn't keep a help from being printed. */
        char first[sizeof options->text];
        memcpy(first, options->text, sizeof first);
        if (parse_command_line(options, argc, argv) == OPTIONS_HELP) {
            return OPTIONS_HELP;
        }
        memcpy(options->text, first, sizeof first);
        return OPTIONS_ERROR;
    }
    return parse_command_line(options, argc, argv);
}

bool options_given(const struct options *options, const char *name) {
    for (size_t i = 0; i < options_rule_count; i++) {
        if (strcmp(options_rules[i].name, name) == 0 && (options_rules[i].commands & (1u << options->command)) != 0) {
            return (options->given & bit_of(&options_rules[i])) != 0;
        }
    }
    chord_check(!"an option of the table, and of the command");
    return false;
}

/* The effective value as text, in the buffer or borrowed. */
static const char *value_text(const struct options *options, const struct options_rule *rule,
                              char buffer[OPTIONS_VALUE_SIZE]) {
    const void *at = field_const(options, rule->offset);
    uint64_t number = 0;
    switch (rule->kind) {
    case OPTIONS_KIND_U32:
        number = *(const uint32_t *)at;
        break;
    case OPTIONS_KIND_U64:
        number = *(const uint64_t *)at;
        break;
    case OPTIONS_KIND_POOL:
        if (options->pool != OPTIONS_POOL_BYTES) {
            return options->pool == OPTIONS_POOL_AUTO ? "auto" : "min";
        }
        number = options->pool_bytes;
        break;
    case OPTIONS_KIND_SUSPECT:
        if (options->suspect != OPTIONS_SUSPECT_AFTER) {
            return options->suspect == OPTIONS_SUSPECT_AUTO ? "auto" : "never";
        }
        (void)snprintf(buffer, OPTIONS_VALUE_SIZE, "%.15gms", (double)options->suspect_after_ns / 1e6);
        return buffer;
    case OPTIONS_KIND_TIME:
        number = *(const uint64_t *)at;
        if (number == 0) {
            return "";
        }
        (void)snprintf(buffer, OPTIONS_VALUE_SIZE, "%.15gms", (double)number / 1e6);
        return buffer;
    case OPTIONS_KIND_WARMUP:
        if (options->warmup_ns > 0) {
            (void)snprintf(buffer, OPTIONS_VALUE_SIZE, "%.15gms", (double)options->warmup_ns / 1e6);
            return buffer;
        }
        number = options->warmup_operations;
        break;
    case OPTIONS_KIND_CHOICE: {
        unsigned choice;
        memcpy(&choice, at, sizeof choice);
        return options->has_shares && strcmp(rule->name, "workload") == 0 ? "" : rule->choices[choice];
    }
    case OPTIONS_KIND_FLAG:
        return *(const bool *)at ? "true" : "false";
    case OPTIONS_KIND_TEXT:
        return *(const char *const *)at == NULL ? "" : *(const char *const *)at;
    case OPTIONS_KIND_PHASE:
    case OPTIONS_KIND_EVENT:
    case OPTIONS_KIND_HELP:
    case OPTIONS_KIND_HELP_ALL:
    case OPTIONS_KIND_VERSION:
        return "";
    }
    /* Those of bench are concluded from others where they aren't given. */
    const bool is_concluded = rule->commands == 1u << OPTIONS_COMMAND_BENCH &&
                              (rule->kind == OPTIONS_KIND_U32 || (number > 0 && number < OPTIONS_OPERATIONS_UNBOUNDED));
    if (rule->fallback == NULL && (options->given & bit_of(rule)) == 0 && !is_concluded) {
        return "";
    }
    (void)snprintf(buffer, OPTIONS_VALUE_SIZE, "%llu", (unsigned long long)number);
    return buffer;
}

static void dump_phases(const struct options *options, const struct options_rule *rule,
                        options_dump_callback *callback, void *context) {
    for (uint32_t i = 0; i < options->phase_count; i++) {
        const char *type = rule->choices[options->phases[i].type];
        /* TYPE=FILE stood in one word, so the type and the '=' are still before the borrowed file. */
        callback(context, rule->name, options->phases[i].file - strlen(type) - 1, true);
    }
}

static void dump_events(const struct options *options, const struct options_rule *rule,
                        options_dump_callback *callback, void *context) {
    for (uint32_t i = 0; i < options->event_count; i++) {
        callback(context, rule->name, options->events[i], true);
    }
    if (options->event_count == 0) {
        callback(context, rule->name, "", false);
    }
}

void options_dump(const struct options *options, options_dump_callback *callback, void *context) {
    for (size_t i = 0; i < options_rule_count; i++) {
        const struct options_rule *rule = &options_rules[i];
        char buffer[OPTIONS_VALUE_SIZE];
        if ((rule->commands & (1u << options->command)) == 0 || rule->kind == OPTIONS_KIND_HELP ||
            rule->kind == OPTIONS_KIND_HELP_ALL || rule->kind == OPTIONS_KIND_VERSION) {
            continue;
        }
        if (rule->kind == OPTIONS_KIND_PHASE) {
            dump_phases(options, rule, callback, context);
        } else if (rule->kind == OPTIONS_KIND_EVENT) {
            dump_events(options, rule, callback, context);
        } else {
            callback(context, rule->name, value_text(options, rule, buffer),
                     (options->given & bit_of(rule)) != 0);
        }
    }
}

uint64_t options_suspicion_ns(const struct options *options, double ranks_per_core) {
    switch (options->suspect) {
    case OPTIONS_SUSPECT_NEVER:
        return 0;
    case OPTIONS_SUSPECT_AFTER:
        return options->suspect_after_ns;
    case OPTIONS_SUSPECT_AUTO:
        break;
    }
    return (uint64_t)(SUSPICION_NS * (ranks_per_core > 1 ? ranks_per_core : 1));
}

const char *options_history_dir(const struct options *options) {
    if (options->history_dir != NULL) {
        return options->history_dir;
    }
    const char *temporary = getenv("TMPDIR");
    return temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp";
}

static bool shows(enum options_when when, enum options_terminal terminal) {
    return when == OPTIONS_WHEN_ALWAYS || (when == OPTIONS_WHEN_AUTO && terminal == OPTIONS_TERMINAL_YES);
}

bool options_shows_progress(const struct options *options) {
    const bool hushed = options->quiet && options->progress == OPTIONS_WHEN_AUTO;
    return !hushed && shows(options->progress, options->stderr_terminal);
}

bool options_shows_color(const struct options *options) {
    return shows(options->color, options->stdout_terminal);
}

bool options_is_interactive(const struct options *options) {
    return options->script == NULL && options->stdin_terminal == OPTIONS_TERMINAL_YES;
}

bool options_shows_prompt(const struct options *options) {
    const bool conversation = options_is_interactive(options) && options->stdout_terminal == OPTIONS_TERMINAL_YES;
    return !options->json && (options->prompt == OPTIONS_WHEN_ALWAYS ||
                              (options->prompt == OPTIONS_WHEN_AUTO && conversation));
}
