#include "app/generator/generator_options.h"

#include "app/generate/pairs.h"
#include "app/options/suggest.h"
#include "chord/wire/limits.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

const char generator_version[] = "chordkv-generate " CHORDKV_VERSION "\n";

const char generator_help[] =
    "chordkv-generate: makes workload files for chordkv run, from the same distributions as chordkv bench.\n"
    "\n"
    "Usage: chordkv-generate [--insert FILE] [--mix FILE] [OPTIONS]\n"
    "\n"
    "Files (one at least; - is standard output; an older file is replaced)\n"
    "  --insert FILE           a file of type insert: every record once\n"
    "  --mix FILE              a file of type mix: operations on these records. An operation that reads and then\n"
    "                          writes (workload f) is two lines.\n"
    "\n"
    "Workload\n"
    "  --workload NAME         YCSB's core workload a, b, c, d or f [default a]. a: 50 % reads, 50 % updates;\n"
    "                          b: 95 and 5; c: reads; d: 95 % reads of the latest records, 5 % inserts of new ones;\n"
    "                          f: 50 % reads, 50 % reads with an update of what was read\n"
    "  --read PERCENT          reads, instead of a workload's name; the rest are updates [0 to 100]\n"
    "  --delete PERCENT        deletes of them; later updates bring records back [0 to 100; default 0]\n"
    "  --distribution WORD     which records: uniform; zipfian (record 0 is the hottest); scrambled (what YCSB calls\n"
    "                          zipfian: of 10^10 items, hashed); latest (the newest are the hottest). [default\n"
    "                          scrambled, for workload d latest]\n"
    "  --records COUNT         [1 to 10^12; default 1000]\n"
    "  --operations COUNT      of the mix [1 to 10^12; default 1000]\n"
    "  --key-size BYTES        [8 to 1024; default 24]\n"
    "  --value-size BYTES      [0 to 1048576; default 1000, YCSB's 10 fields of 100]. Shorter ones than 16 may repeat.\n"
    "  --seed NUMBER           fixes every choice [default 1]\n"
    "\n"
    "  --help, --version       this text; the version\n"
    "\n"
    "In chordkv run --mode parallel each line goes to some rank: there, a line may come before one that stands above it.\n"
    "\n"
    "Example\n"
    "  chordkv-generate --workload b --records 100000 --operations 1000000 --insert load.csv --mix b.csv\n"
    "  jobs/launch.sh -n 10 chordkv run --mode parallel --window 16 --phase insert=load.csv --phase mix=b.csv\n"
    "\n"
    "Exit status\n"
    "  0 written, 1 failure, 2 wrong usage\n";

#define COUNT_MAX UINT64_C(1000000000000)

enum { OPTION_INSERT = 256, OPTION_MIX, OPTION_WORKLOAD, OPTION_READ, OPTION_DELETE, OPTION_DISTRIBUTION,
       OPTION_RECORDS, OPTION_OPERATIONS, OPTION_KEY_SIZE, OPTION_VALUE_SIZE, OPTION_SEED, OPTION_HELP,
       OPTION_VERSION };

static const struct option rules[] = {
    {"insert", required_argument, NULL, OPTION_INSERT},
    {"mix", required_argument, NULL, OPTION_MIX},
    {"workload", required_argument, NULL, OPTION_WORKLOAD},
    {"read", required_argument, NULL, OPTION_READ},
    {"delete", required_argument, NULL, OPTION_DELETE},
    {"distribution", required_argument, NULL, OPTION_DISTRIBUTION},
    {"records", required_argument, NULL, OPTION_RECORDS},
    {"operations", required_argument, NULL, OPTION_OPERATIONS},
    {"key-size", required_argument, NULL, OPTION_KEY_SIZE},
    {"value-size", required_argument, NULL, OPTION_VALUE_SIZE},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};
enum { RULE_COUNT = sizeof rules / sizeof rules[0] - 1 };

#define NOT_GIVEN UINT64_MAX

/* Words as they were given: what they come to depends on each other. */
struct words {
    uint64_t workload, distribution, read, delete, key_size, value_size;
};

__attribute__((format(printf, 2, 3))) static enum generator_options_result fail(char *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, GENERATOR_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return GENERATOR_OPTIONS_ERROR;
}

static enum generator_options_result fail_unknown(const char *word, char *error) {
    const char *names[RULE_COUNT];
    for (size_t i = 0; i < RULE_COUNT; i++) {
        names[i] = rules[i].name;
    }
    const char *name = word + strspn(word, "-");
    const char *nearest = suggest_nearest(name, strcspn(name, "="), names, RULE_COUNT);
    return nearest == NULL
               ? fail(error, "unknown option '%.100s'; chordkv-generate --help lists them", word)
               : fail(error, "unknown option '%.100s' (did you mean '--%s'?); chordkv-generate --help lists them", word,
                      nearest);
}

static enum generator_options_result number(const char *name, const char *text, uint64_t minimum, uint64_t maximum,
                                            uint64_t *value, char *error) {
    uint64_t sum = 0;
    bool good = *text != '\0';
    for (const char *at = text; *at != '\0' && good; at++) {
        good = *at >= '0' && *at <= '9' && !__builtin_mul_overflow(sum, 10u, &sum) &&
               !__builtin_add_overflow(sum, (unsigned)(*at - '0'), &sum);
    }
    if (!good || sum < minimum || sum > maximum) {
        return fail(error, "--%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not '%.100s'", name, minimum,
                    maximum, text);
    }
    *value = sum;
    return GENERATOR_OPTIONS_OK;
}

typedef const char *name_of(unsigned position);

static const char *workload_name_of(unsigned position) {
    return mix_workload_name((enum mix_workload)position);
}

static const char *distribution_name_of(unsigned position) {
    return distribution_name((enum distribution_kind)position);
}

static bool find_name(name_of *name, unsigned count, const char *text, uint64_t *position) {
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(name(i), text) == 0) {
            *position = i;
            return true;
        }
    }
    return false;
}

static enum generator_options_result set(struct generator_options *options, struct words *words, int option,
                                         const char *value, char *error) {
    struct generator_plan *plan = &options->plan;
    switch (option) {
    case OPTION_INSERT:
        options->insert = value;
        break;
    case OPTION_MIX:
        options->mix = value;
        break;
    case OPTION_WORKLOAD:
        if (find_name(workload_name_of, MIX_WORKLOAD_COUNT, value, &words->workload)) {
            break;
        }
        return strcmp(value, "e") == 0 ? fail(error, "--workload e: %s", mix_workload_e_refusal)
                                       : fail(error, "--workload takes a, b, c, d or f, not '%.100s'", value);
    case OPTION_DISTRIBUTION:
        return find_name(distribution_name_of, DISTRIBUTION_KIND_COUNT, value, &words->distribution)
                   ? GENERATOR_OPTIONS_OK
                   : fail(error, "--distribution takes uniform, zipfian, scrambled or latest, not '%.100s'", value);
    case OPTION_READ:
        return number("read", value, 0, 100, &words->read, error);
    case OPTION_DELETE:
        return number("delete", value, 0, 100, &words->delete, error);
    case OPTION_RECORDS:
        return number("records", value, 1, COUNT_MAX, &plan->record_count, error);
    case OPTION_OPERATIONS:
        return number("operations", value, 1, COUNT_MAX, &plan->operation_count, error);
    case OPTION_KEY_SIZE:
        return number("key-size", value, PAIRS_KEY_SIZE_MIN, CHORD_KEY_SIZE_MAX, &words->key_size, error);
    case OPTION_VALUE_SIZE:
        return number("value-size", value, 0, CHORD_VALUE_SIZE_MAX, &words->value_size, error);
    case OPTION_SEED:
        return number("seed", value, 0, UINT64_MAX, &plan->seed, error);
    case OPTION_HELP:
        return GENERATOR_OPTIONS_HELP;
    default:
        return GENERATOR_OPTIONS_VERSION;
    }
    return value[0] != '\0' ? GENERATOR_OPTIONS_OK : fail(error, "a file's name is empty");
}

static enum generator_options_result conclude(struct generator_options *options, const struct words *words, char *error) {
    struct generator_plan *plan = &options->plan;
    const bool has_shares = words->read != NOT_GIVEN || words->delete != NOT_GIVEN;
    if (options->insert == NULL && options->mix == NULL) {
        return fail(error, "name a file to make: --insert FILE, --mix FILE or both; chordkv-generate --help explains it");
    }
    if (options->insert != NULL && options->mix != NULL && strcmp(options->insert, options->mix) == 0) {
        return fail(error, "--insert and --mix name one file, '%.200s': give each its own", options->insert);
    }
    if (has_shares && words->workload != NOT_GIVEN) {
        return fail(error, "--workload has its own shares of reads and deletes: leave out it, or --read and --delete");
    }
    const uint64_t delete = words->delete == NOT_GIVEN ? 0 : words->delete;
    const uint64_t read = words->read == NOT_GIVEN ? (delete > 50 ? 100 - delete : 50) : words->read;
    if (read + delete > 100) {
        return fail(error, "--read %" PRIu64 " and --delete %" PRIu64 " come to more than 100 percent", read, delete);
    }
    const enum mix_workload workload =
        words->workload == NOT_GIVEN ? MIX_WORKLOAD_A : (enum mix_workload)words->workload;
    plan->mix = has_shares ? mix_of_shares((uint32_t)read, (uint32_t)delete) : mix_of_workload(workload);
    plan->distribution = words->distribution != NOT_GIVEN ? (enum distribution_kind)words->distribution
                         : has_shares                     ? DISTRIBUTION_SCRAMBLED
                                                          : mix_distribution_of_workload(workload);
    plan->key_size = (uint32_t)words->key_size;
    plan->value_size = (uint32_t)words->value_size;
    return GENERATOR_OPTIONS_OK;
}

enum generator_options_result generator_options_parse(struct generator_options *options, int argc, char **argv,
                                                      char error[GENERATOR_ERROR_SIZE]) {
    struct words words = {.workload = NOT_GIVEN,
                          .distribution = NOT_GIVEN,
                          .read = NOT_GIVEN,
                          .delete = NOT_GIVEN,
                          .key_size = 24,
                          .value_size = 1000};
    *options = (struct generator_options){.plan = {.record_count = 1000, .operation_count = 1000, .seed = 1}};
    opterr = 0;
    optind = 0;
    for (;;) {
        const int option = getopt_long(argc, argv, "+:h", rules, NULL);
        if (option == -1) {
            break;
        }
        if (option == ':') {
            return fail(error, "%.100s needs a value; chordkv-generate --help shows what it takes", argv[optind - 1]);
        }
        if (option == '?' && optopt >= OPTION_INSERT) {
            return fail(error, "%.100s takes no value", argv[optind - 1]);
        }
        if (option == '?') {
            return fail_unknown(argv[optind - 1], error);
        }
        const enum generator_options_result result =
            set(options, &words, option == 'h' ? OPTION_HELP : option, optarg, error);
        if (result != GENERATOR_OPTIONS_OK) {
            return result;
        }
    }
    if (optind < argc) {
        return fail(error, "'%.100s' is not an option; files are named by --insert and --mix", argv[optind]);
    }
    return conclude(options, &words, error);
}
