/* The command line and the environment: what is accepted, what every refusal says, what the dump tells. */
#include "app/options/options.h"
#include "app/options/suggest.h"
#include "app/options/table.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 160
#define PHASE "--phase", "insert=a.csv"

static struct options options;

static enum options_result parse(const char *const words[], const char *const environment[]) {
    char *argv[WORDS_MAX + OPTIONS_EVENT_COUNT_MAX + 2] = {(char *)(size_t) "chordkv"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++) {
        argv[argc] = (char *)(size_t)words[argc - 1];
    }
    return options_parse(&options, argc, argv, (char *const *)(size_t)environment);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL}, NULL)

/* Whether the parse failed with exactly one line and that line has the part. */
static bool fails_with(enum options_result result, const char *part) {
    const char *end = strchr(options.text, '\n');
    const bool good = result == OPTIONS_ERROR && strncmp(options.text, "chordkv: ", 9) == 0 && end != NULL &&
                      end[1] == '\0' && strstr(options.text, part) != NULL;
    if (!good) {
        printf("\n  result %d, text \"%s\", expected \"%s\"\n", (int)result, options.text, part);
    }
    return good;
}

#define ASSERT_FAILS(part, ...) CU_ASSERT_TRUE(fails_with(PARSE(__VA_ARGS__), (part)))

static void test_defaults(void) {
    CU_ASSERT_EQUAL_FATAL(PARSE("run", PHASE), OPTIONS_OK);
    CU_ASSERT_STRING_EQUAL(options.text, "");
    CU_ASSERT_EQUAL(options.command, OPTIONS_COMMAND_RUN);
    CU_ASSERT_EQUAL(options.phase_count, 1);
    CU_ASSERT_EQUAL(options.phases[0].type, OPTIONS_PHASE_INSERT);
    CU_ASSERT_STRING_EQUAL(options.phases[0].file, "a.csv");
    CU_ASSERT_EQUAL(options.mode, OPTIONS_MODE_SERIAL);
    CU_ASSERT_EQUAL(options.window, 1);
    CU_ASSERT_EQUAL(options.via, OPTIONS_VIA_NONE);
    CU_ASSERT_EQUAL(options.seed, 1);
    CU_ASSERT_EQUAL(options.repetitions, 1);
    CU_ASSERT_EQUAL(options.warmup, 0);
    CU_ASSERT_EQUAL(options.replicas, 1);
    CU_ASSERT_EQUAL(options.virtual_nodes, 1);
    CU_ASSERT_EQUAL(options.consistency, CHORD_LINEARIZABLE);
    CU_ASSERT_EQUAL(options.routing, CHORD_ROUTING_FINGER);
    CU_ASSERT_EQUAL(options.successors, 4);
    CU_ASSERT_FALSE(options.route_successors);
    CU_ASSERT_EQUAL(options.cache, 0);
    CU_ASSERT_EQUAL(options.id_bits, 160);
    CU_ASSERT_PTR_NULL(options.node_ids);
    CU_ASSERT_EQUAL(options.initial_nodes, OPTIONS_INITIAL_NODES_ALL);
    CU_ASSERT_EQUAL(options.event_count, 0);
    CU_ASSERT_PTR_NULL(options.schedule);
    CU_ASSERT_EQUAL(options.suspect, OPTIONS_SUSPECT_AUTO);
    CU_ASSERT_FALSE(options.allow_data_loss);
    CU_ASSERT_PTR_NULL(options.history_dir);
    CU_ASSERT_EQUAL(options.pool, OPTIONS_POOL_AUTO);
    CU_ASSERT_EQUAL(options.pool_bytes, 0);
    CU_ASSERT_EQUAL(options.frame_bytes, 4000);
    CU_ASSERT_EQUAL(options.waiting, OPTIONS_WAITING_AUTO);
    CU_ASSERT_EQUAL(options.timeout_seconds, 60);
    CU_ASSERT_PTR_NULL(options.report);
    CU_ASSERT_PTR_NULL(options.dump);
    CU_ASSERT_FALSE(options.print_bound);
    CU_ASSERT_FALSE(options.quiet);
    CU_ASSERT_EQUAL(options.progress, OPTIONS_WHEN_AUTO);
    CU_ASSERT_EQUAL(options.color, OPTIONS_WHEN_AUTO);
    CU_ASSERT_EQUAL(options.forge, OPTIONS_FORGE_NONE);
    CU_ASSERT_EQUAL(options.stdin_terminal, OPTIONS_TERMINAL_UNKNOWN);
    CU_ASSERT_FALSE(options.launched);
    CU_ASSERT_PTR_NULL(options.verdict);
    CU_ASSERT_TRUE(options_given(&options, "phase"));
    CU_ASSERT_FALSE(options_given(&options, "seed"));
}

static void test_events(void) {
    const char *words[WORDS_MAX + OPTIONS_EVENT_COUNT_MAX] = {"run", PHASE, "--at", "--x"};
    CU_ASSERT_EQUAL_FATAL(PARSE("run", PHASE, "--initial-nodes", "3", "--at", "2s:join:host:7#1", "--schedule=s.txt",
                                "--at=--anything", "--at", "2s:join:host:7#1"),
                          OPTIONS_OK);
    CU_ASSERT_EQUAL(options.initial_nodes, 3);
    CU_ASSERT_STRING_EQUAL(options.schedule, "s.txt");
    CU_ASSERT_EQUAL_FATAL(options.event_count, 3);
    CU_ASSERT_STRING_EQUAL(options.events[0], "2s:join:host:7#1");
    CU_ASSERT_STRING_EQUAL(options.events[1], "--anything");
    CU_ASSERT_STRING_EQUAL(options.events[2], "2s:join:host:7#1");
    ASSERT_FAILS("--at needs a value before '--x'", "run", PHASE, "--at", "--x");
    ASSERT_FAILS("--at is given an empty value", "run", PHASE, "--at=");
    ASSERT_FAILS("--schedule is given twice", "run", PHASE, "--schedule", "a", "--schedule", "b");
    ASSERT_FAILS("--initial-nodes takes a whole number from 1 to 1000000, not '0'", "run", PHASE, "--initial-nodes",
                 "0");
    for (unsigned i = 0; i <= OPTIONS_EVENT_COUNT_MAX; i++) {
        words[3 + i] = "--at=1s:join:0";
    }
    CU_ASSERT_TRUE(fails_with(parse(words, NULL), "--at is given more than 256 times: put the events into a file"));
    words[3 + OPTIONS_EVENT_COUNT_MAX] = NULL;
    CU_ASSERT_EQUAL(parse(words, NULL), OPTIONS_OK);
    CU_ASSERT_EQUAL(options.event_count, OPTIONS_EVENT_COUNT_MAX);
}

static void test_every_option(void) {
    CU_ASSERT_EQUAL_FATAL(PARSE("run", "--phase", "insert=a=b.csv", "--phase=query=q", "--phase", "delete=d",
                                "--phase", "mix=m", "--mode", "parallel", "--window", "4096", "--seed",
                                "18446744073709551615", "--repetitions=10000", "--warmup", "1000",
                                "--replicas", "1000000", "--virtual-nodes", "64", "--consistency",
                                "eventual", "--routing", "finger", "--successors", "64",
                                "--route-successors", "--cache", "65536", "--id-bits", "1", "--node-ids", "ids",
                                "--suspect-after", "300ms", "--allow-data-loss", "--history-dir", "/h", "--pool", "16MiB",
                                "--frame-bytes", "256", "--waiting", "spin",
                                "--timeout", "86400", "--report", "-", "--dump=d.json", "--print-bound",
                                "--quiet", "--progress", "always", "--color", "never", "--forge", "stale"),
                          OPTIONS_OK);
    CU_ASSERT_EQUAL(options.phase_count, 4);
    CU_ASSERT_STRING_EQUAL(options.phases[0].file, "a=b.csv");
    CU_ASSERT_EQUAL(options.phases[1].type, OPTIONS_PHASE_QUERY);
    CU_ASSERT_EQUAL(options.phases[2].type, OPTIONS_PHASE_DELETE);
    CU_ASSERT_EQUAL(options.phases[3].type, OPTIONS_PHASE_MIX);
    CU_ASSERT_EQUAL(options.mode, OPTIONS_MODE_PARALLEL);
    CU_ASSERT_EQUAL(options.window, 4096);
    CU_ASSERT_EQUAL(options.seed, UINT64_MAX);
    CU_ASSERT_EQUAL(options.repetitions, 10000);
    CU_ASSERT_EQUAL(options.warmup, 1000);
    CU_ASSERT_EQUAL(options.replicas, 1000000);
    CU_ASSERT_EQUAL(options.virtual_nodes, 64);
    CU_ASSERT_EQUAL(options.consistency, CHORD_EVENTUAL);
    CU_ASSERT_EQUAL(options.successors, 64);
    CU_ASSERT_TRUE(options.route_successors);
    CU_ASSERT_EQUAL(options.cache, 65536);
    CU_ASSERT_EQUAL(options.id_bits, 1);
    CU_ASSERT_STRING_EQUAL(options.node_ids, "ids");
    CU_ASSERT_EQUAL(options.suspect, OPTIONS_SUSPECT_AFTER);
    CU_ASSERT_EQUAL(options.suspect_after_ns, 300000000);
    CU_ASSERT_TRUE(options.allow_data_loss);
    CU_ASSERT_STRING_EQUAL(options.history_dir, "/h");
    CU_ASSERT_STRING_EQUAL(options_history_dir(&options), "/h");
    CU_ASSERT_EQUAL(options.pool, OPTIONS_POOL_BYTES);
    CU_ASSERT_EQUAL(options.pool_bytes, 16u << 20);
    CU_ASSERT_EQUAL(options.frame_bytes, 256);
    CU_ASSERT_EQUAL(options.waiting, OPTIONS_WAITING_SPIN);
    CU_ASSERT_EQUAL(options.timeout_seconds, 86400);
    CU_ASSERT_STRING_EQUAL(options.report, "-");
    CU_ASSERT_STRING_EQUAL(options.dump, "d.json");
    CU_ASSERT_TRUE(options.print_bound);
    CU_ASSERT_TRUE(options.quiet);
    CU_ASSERT_EQUAL(options.progress, OPTIONS_WHEN_ALWAYS);
    CU_ASSERT_EQUAL(options.color, OPTIONS_WHEN_NEVER);
    CU_ASSERT_EQUAL(options.forge, OPTIONS_FORGE_STALE);
    CU_ASSERT_TRUE(options_given(&options, "forge"));
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--routing", "onehop", "--via", "0", "--pool", "min"), OPTIONS_OK);
    CU_ASSERT_EQUAL(options.routing, CHORD_ROUTING_ONEHOP);
    CU_ASSERT_EQUAL(options.via, 0);
    CU_ASSERT_EQUAL(options.pool, OPTIONS_POOL_MINIMUM);
}

/* Each numeric option at both ends and one beyond them: the message names the range. */
static void test_ranges(void) {
    unsigned tried = 0;
    for (size_t i = 0; i < options_rule_count; i++) {
        const struct options_rule *rule = &options_rules[i];
        if (rule->kind != OPTIONS_KIND_U32 || (rule->commands & (1u << OPTIONS_COMMAND_RUN)) == 0) {
            continue; /* bench's own are tried below */
        }
        char name[64], least[32], most[32], above[32], range[160];
        (void)snprintf(name, sizeof name, "--%s", rule->name);
        (void)snprintf(least, sizeof least, "%llu", (unsigned long long)rule->minimum);
        (void)snprintf(most, sizeof most, "%llu", (unsigned long long)rule->maximum);
        (void)snprintf(above, sizeof above, "%llu", (unsigned long long)rule->maximum + 1);
        (void)snprintf(range, sizeof range, "from %s to %s, not '%s'", least, most, above);
        const char *mode = strcmp(rule->name, "window") == 0 ? "parallel" : "serial";
        CU_ASSERT_EQUAL(PARSE("run", PHASE, "--mode", mode, name, least), OPTIONS_OK);
        CU_ASSERT_EQUAL(PARSE("run", PHASE, "--mode", mode, name, most), OPTIONS_OK);
        ASSERT_FAILS(range, "run", PHASE, "--mode", mode, name, above);
        if (rule->minimum > 0) {
            (void)snprintf(above, sizeof above, "%llu", (unsigned long long)rule->minimum - 1);
            ASSERT_FAILS("takes a whole number from", "run", PHASE, name, above);
        }
        ASSERT_FAILS("takes a whole number from", "run", PHASE, name, "-1");
        ASSERT_FAILS("takes a whole number from", "run", PHASE, name, "1x");
        ASSERT_FAILS("takes a whole number from", "run", PHASE, name, " 1");
        ASSERT_FAILS("takes a whole number from", "run", PHASE, name, "0x1");
        ASSERT_FAILS("takes a whole number from", "run", PHASE, name, "99999999999999999999999");
        tried++;
    }
    CU_ASSERT_EQUAL(tried, 12);
    ASSERT_FAILS("from 0 to 18446744073709551615, not '18446744073709551616'", "run", PHASE, "--seed",
                 "18446744073709551616");
}

static void test_sizes(void) {
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: refused */
    } cases[] = {
        {"4096", 4096},
        {"4KiB", 4096},
        {"3KiB", 0},
        {"1GiB", 1u << 30},
        {"1024GiB", UINT64_C(1) << 40},
        {"1025GiB", 0},
        {"1TiB", UINT64_C(1) << 40},
        {"2TiB", 0},
        {"4095", 0},
        {"KiB", 0},
        {"16MB", 0},
        {"16M", 0},
        {"16 MiB", 0},
        {"-1", 0},
        {"1e6", 0},
        {"16MiBx", 0},
        {"18446744073709551616GiB", 0},
        {"Auto", 0},
        {"17MiB", 17u << 20},
        {"99999999999999999999999999999999999999", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].bytes > 0) {
            CU_ASSERT_EQUAL(PARSE("run", PHASE, "--pool", cases[i].text), OPTIONS_OK);
            CU_ASSERT_EQUAL(options.pool_bytes, cases[i].bytes);
        } else {
            ASSERT_FAILS("--pool takes 4KiB to 1TiB, auto or min, written like", "run", PHASE, "--pool",
                         cases[i].text);
        }
    }
}

/* When a silent rank is suspected, and what that comes to where ranks share cores. */
static void test_suspicion(void) {
    static const struct {
        const char *text;
        uint64_t alone_ns; /* with a core for each rank */
        uint64_t five_ns;  /* with five ranks on each core */
    } cases[] = {
        {"auto", 200000000, 1000000000}, {"never", 0, 0},
        {"0", 0, 0},                     {"1ms", 1000000, 1000000},
        {"1.5s", 1500000000, 1500000000}, {"3600s", 3600000000000, 3600000000000},
        {"1000us", 1000000, 1000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL_FATAL(PARSE("run", PHASE, "--suspect-after", cases[i].text), OPTIONS_OK);
        CU_ASSERT_EQUAL(options_suspicion_ns(&options, 1), cases[i].alone_ns);
        CU_ASSERT_EQUAL(options_suspicion_ns(&options, 0.5), cases[i].alone_ns);
        CU_ASSERT_EQUAL(options_suspicion_ns(&options, 5), cases[i].five_ns);
    }
    static const char *const bad[] = {"999us", "3600.1s", "0ms", "00", "1", "1h", "-1s", "Never", " 1s", "1 s", "1e3ms"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ASSERT_FAILS("--suspect-after takes 1ms to 3600s, auto or never, written like 300ms, 1.5s or 2s, not", "run", PHASE,
                     "--suspect-after", bad[i]);
    }
}

static void test_history_dir(void) {
    CU_ASSERT_EQUAL_FATAL(PARSE("run", PHASE), OPTIONS_OK);
    CU_ASSERT_EQUAL_FATAL(setenv("TMPDIR", "/t", 1), 0);
    CU_ASSERT_STRING_EQUAL(options_history_dir(&options), "/t");
    CU_ASSERT_EQUAL_FATAL(setenv("TMPDIR", "", 1), 0);
    CU_ASSERT_STRING_EQUAL(options_history_dir(&options), "/tmp");
    CU_ASSERT_EQUAL_FATAL(unsetenv("TMPDIR"), 0);
    CU_ASSERT_STRING_EQUAL(options_history_dir(&options), "/tmp");
}

static void test_unknown(void) {
    ASSERT_FAILS("unknown option '--replica' (did you mean '--replicas'?); chordkv run --help lists them",
                 "run", PHASE, "--replica", "3");
    ASSERT_FAILS("unknown option '--replica' (did you mean '--replicas'?)", "run", PHASE, "--replica=3");
    ASSERT_FAILS("unknown option '--replica' (did you mean", "run", PHASE, "--replica");
    ASSERT_FAILS("unknown option '--qiuet' (did you mean '--quiet'?)", "run", PHASE, "--qiuet");
    ASSERT_FAILS("unknown option '--qui' (did you mean '--quiet'?)", "run", PHASE, "--qui");
    ASSERT_FAILS("unknown option '--re' (did you mean '--repetitions'?)", "run", PHASE, "--re", "3");
    ASSERT_FAILS("unknown option '--xyzzy'; chordkv run --help", "run", PHASE, "--xyzzy");
    ASSERT_FAILS("unknown option '--'", "run", PHASE, "--=3");
    ASSERT_FAILS("unknown option '-k'", "run", PHASE, "-k", "3");
    ASSERT_FAILS("unknown option '-k3'", "run", PHASE, "-k3");
    ASSERT_FAILS("unknown option '--for'; ", "run", PHASE, "--for", "answer");
    ASSERT_FAILS("unknown command 'rnu' (did you mean 'run'?); chordkv --help", "rnu", PHASE);
    ASSERT_FAILS("unknown command 'frobnicate'; chordkv --help", "frobnicate");
    ASSERT_FAILS("unknown command '--hlep' (did you mean '--help'?)", "--hlep");
    ASSERT_FAILS("unknown command ''", "");
    ASSERT_FAILS("a command must stand before '--phase': chordkv run --phase", PHASE);
    ASSERT_FAILS("unknown option '--a?b'", "run", "--a\nb");
}

static void test_values(void) {
    ASSERT_FAILS("--mode takes serial or parallel, not 'paralel' (did you mean 'parallel'?)", "run", PHASE,
                 "--mode", "paralel");
    ASSERT_FAILS("--routing takes finger, ring or onehop, not 'x'", "run", PHASE, "--routing", "x");
    ASSERT_FAILS(
        "--phase takes TYPE=FILE with the TYPE insert, query, delete or mix, not 'inset' (did you mean "
        "'insert'?)",
        "run", "--phase", "inset=a.csv");
    ASSERT_FAILS("--phase takes TYPE=FILE, for instance", "run", "--phase", "a.csv");
    ASSERT_FAILS("--phase takes TYPE=FILE, for instance", "run", "--phase", "insert=");
    ASSERT_FAILS("--history and --report name one file, 'x'", "run", PHASE, "--history", "x", "--report", "x");
    ASSERT_FAILS("--window needs a value; chordkv run --help", "run", PHASE, "--window");
    ASSERT_FAILS("--report needs a value before '--quiet'", "run", PHASE, "--report", "--quiet");
    ASSERT_FAILS("--report is given an empty value", "run", PHASE, "--report=");
    ASSERT_FAILS("--report is given an empty value", "run", PHASE, "--report", "");
    ASSERT_FAILS("--quiet takes no value", "run", PHASE, "--quiet=yes");
    ASSERT_FAILS("unknown option '--quie'", "run", PHASE, "--quie=yes");
    ASSERT_FAILS("--window is given twice", "run", PHASE, "--window", "1", "--window", "1");
    ASSERT_FAILS("--quiet is given twice", "run", PHASE, "--quiet", "--quiet");
    ASSERT_FAILS("'insert.csv' is not an option", "run", PHASE, "insert.csv");
    ASSERT_FAILS("'b.csv' is not an option", "run", "b.csv", PHASE);
    ASSERT_FAILS("'c' is not an option", "run", PHASE, "--", "c");
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--"), OPTIONS_OK);
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--report=--quiet"), OPTIONS_OK);
    CU_ASSERT_STRING_EQUAL(options.report, "--quiet");
}

static void test_together(void) {
    ASSERT_FAILS("run needs at least one --phase TYPE=FILE", "run");
    ASSERT_FAILS("--via is for --mode serial", "run", PHASE, "--via", "3", "--mode", "parallel");
    ASSERT_FAILS("--via is for --mode serial", "run", PHASE, "--mode", "parallel", "--via", "0");
    ASSERT_FAILS("--window above 1 needs --mode parallel", "run", PHASE, "--window", "2");
    ASSERT_FAILS("--route-successors needs --routing finger", "run", PHASE, "--route-successors", "--routing",
                 "ring");
    ASSERT_FAILS("--cache needs --routing finger", "run", PHASE, "--cache", "1", "--routing", "onehop");
    ASSERT_FAILS("--cache needs --routing finger", "shell", "--cache", "64", "--routing", "ring");
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--cache", "0", "--routing", "onehop"), OPTIONS_OK);
    ASSERT_FAILS("--suspect-after never takes none for that; leave out one", "run", PHASE, "--allow-data-loss",
                 "--suspect-after", "0");
}

static void test_phase_limit(void) {
    const char *words[WORDS_MAX] = {"run"};
    for (unsigned i = 0; i <= OPTIONS_PHASE_COUNT_MAX; i++) {
        words[1 + i] = i % 2 == 0 ? "--phase=insert=a" : "--phase=query=b";
    }
    CU_ASSERT_TRUE(fails_with(parse(words, NULL), "--phase is given more than 64 times"));
    words[1 + OPTIONS_PHASE_COUNT_MAX] = NULL;
    CU_ASSERT_EQUAL(parse(words, NULL), OPTIONS_OK);
    CU_ASSERT_EQUAL(options.phase_count, 64);
    CU_ASSERT_EQUAL(options.phases[63].type, OPTIONS_PHASE_QUERY);
}

/* Whatever the table has and isn't hidden is in the help, with its default. */
static void test_help(void) {
    CU_ASSERT_EQUAL(PARSE("run", "--help"), OPTIONS_HELP);
    CU_ASSERT_TRUE(strlen(options.text) > 2000);
    for (size_t i = 0; i < options_rule_count; i++) {
        char part[64];
        (void)snprintf(part, sizeof part, "\n  --%s ", options_rules[i].name);
        bool of_run = false; /* bench has options of its own with the same name */
        for (size_t j = 0; j < options_rule_count; j++) {
            of_run |= strcmp(options_rules[i].name, options_rules[j].name) == 0 &&
                      (options_rules[j].commands & (1u << OPTIONS_COMMAND_RUN)) != 0;
        }
        CU_ASSERT_EQUAL(strstr(options.text, part) != NULL, of_run && !options_rules[i].hidden);
        CU_ASSERT_TRUE(!options_rules[i].hidden || strstr(options.text, options_rules[i].name) == NULL);
    }
    CU_ASSERT_PTR_NOT_NULL(strstr(options.text, "[1 to 4096; default 1]"));
    CU_ASSERT_PTR_NOT_NULL(strstr(options.text, "Examples\n"));
    for (const char *line = options.text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        CU_ASSERT_TRUE(end - line <= 100);
    }
    CU_ASSERT_EQUAL(PARSE("run", "-h"), OPTIONS_HELP);
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--help"), OPTIONS_HELP);
    CU_ASSERT_EQUAL(PARSE("run", "--help-all"), OPTIONS_HELP);
    CU_ASSERT_PTR_NOT_NULL(strstr(options.text, "--forge"));
    CU_ASSERT_EQUAL(parse((const char *const[]){NULL}, NULL), OPTIONS_HELP);
    CU_ASSERT_PTR_NOT_NULL(strstr(options.text, "\n  run "));
    CU_ASSERT_EQUAL(PARSE("--help"), OPTIONS_HELP);
    CU_ASSERT_EQUAL(PARSE("-h"), OPTIONS_HELP);
    CU_ASSERT_PTR_NULL(strstr(options.text, "CHORDKV_VERDICT"));
    CU_ASSERT_EQUAL(PARSE("--help-all"), OPTIONS_HELP);
    CU_ASSERT_PTR_NOT_NULL(strstr(options.text, "CHORDKV_VERDICT=PATH"));
    CU_ASSERT_EQUAL(PARSE("--version"), OPTIONS_HELP);
    CU_ASSERT_EQUAL(strncmp(options.text, "chordkv ", 8), 0);
    CU_ASSERT_EQUAL(PARSE("run", "--version"), OPTIONS_HELP);
}

#define PARSE_IN(environment, ...)                                                                           \
    parse((const char *const[]){__VA_ARGS__, NULL}, (const char *const[]){"HOME=/", environment, NULL})

static void test_environment(void) {
    static const char *const all[] = {"PATH=/bin",
                                      "CHORDKV_LAUNCHED=1",
                                      "CHORDKV_RECOVERY=1",
                                      "CHORDKV_VERDICT=/tmp/v=1",
                                      "CHORDKV_STDIN_TTY=1",
                                      "CHORDKV_STDOUT_TTY=0",
                                      "CHORDKV_STDERR_TTY=1",
                                      "XCHORDKV_A=1",
                                      NULL};
    CU_ASSERT_EQUAL(parse((const char *const[]){"run", PHASE, NULL}, all), OPTIONS_OK);
    CU_ASSERT_TRUE(options.launched);
    CU_ASSERT_TRUE(options.recovery);
    CU_ASSERT_STRING_EQUAL(options.verdict, "/tmp/v=1");
    CU_ASSERT_EQUAL(options.stdin_terminal, OPTIONS_TERMINAL_YES);
    CU_ASSERT_EQUAL(options.stdout_terminal, OPTIONS_TERMINAL_NO);
    CU_ASSERT_EQUAL(options.stderr_terminal, OPTIONS_TERMINAL_YES);
    CU_ASSERT_TRUE(options_shows_progress(&options));
    CU_ASSERT_FALSE(options_shows_color(&options));

    CU_ASSERT_TRUE(
        fails_with(PARSE_IN("CHORDKV_VERDCT=x", "run", PHASE),
                   "unknown environment variable 'CHORDKV_VERDCT' (did you mean 'CHORDKV_VERDICT'?); "
                   "unset it"));
    CU_ASSERT_TRUE(fails_with(PARSE_IN("CHORDKV_STDIN_TTY=yes", "run", PHASE), "takes 0 or 1, not 'yes'"));
    CU_ASSERT_TRUE(fails_with(PARSE_IN("CHORDKV_LAUNCHED=", "run", PHASE), "takes 0 or 1, not ''"));
    CU_ASSERT_TRUE(fails_with(PARSE_IN("CHORDKV_VERDICT=", "run", PHASE), "CHORDKV_VERDICT is empty"));

    /* The verdict's path is known whatever else is wrong, before or after it; the first error is told. */
    static const char *const wrong[] = {"CHORDKV_X=1", "CHORDKV_VERDICT=/v", "CHORDKV_STDIN_TTY=2", NULL};
    CU_ASSERT_TRUE(fails_with(parse((const char *const[]){"run", "--bad", NULL}, wrong), "'CHORDKV_X'"));
    CU_ASSERT_STRING_EQUAL(options.verdict, "/v");
    CU_ASSERT_EQUAL(parse((const char *const[]){"run", "--help", NULL}, wrong), OPTIONS_HELP);
    CU_ASSERT_STRING_EQUAL(options.verdict, "/v");
    CU_ASSERT_TRUE(fails_with(PARSE_IN("CHORDKV_VERDICT=/w", "run", "--bad"), "'--bad'"));
    CU_ASSERT_STRING_EQUAL(options.verdict, "/w");
}

static void test_shows(void) {
    CU_ASSERT_EQUAL(PARSE_IN("CHORDKV_STDERR_TTY=1", "run", PHASE, "--quiet"), OPTIONS_OK);
    CU_ASSERT_FALSE(options_shows_progress(&options));
    CU_ASSERT_EQUAL(PARSE_IN("CHORDKV_STDERR_TTY=1", "run", PHASE, "--progress=never"), OPTIONS_OK);
    CU_ASSERT_FALSE(options_shows_progress(&options));
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--progress=always", "--color=always"), OPTIONS_OK);
    CU_ASSERT_TRUE(options_shows_progress(&options));
    CU_ASSERT_TRUE(options_shows_color(&options));
}

struct dumped {
    size_t count;
    char text[4096];
};

static void collect(void *context, const char *name, const char *value, bool given) {
    struct dumped *dumped = context;
    const size_t used = strlen(dumped->text);
    dumped->count++;
    (void)snprintf(dumped->text + used, sizeof dumped->text - used, "%s%s=%s\n", given ? "+" : "-", name,
                   value);
}

static void test_dump(void) {
    static struct dumped dumped;
    memset(&dumped, 0, sizeof dumped);
    CU_ASSERT_EQUAL_FATAL(PARSE("run", PHASE, "--phase=mix=b=c", "--pool", "1MiB", "--via", "007", "--seed=1",
                                "--quiet", "--routing", "ring", "--at", "1s:join:2", "--at=2s:join:1", "--suspect-after",
                                "1.5s"),
                          OPTIONS_OK);
    options_dump(&options, collect, &dumped);
    CU_ASSERT_EQUAL(dumped.count, 37);
    static const char start[] = "+phase=insert=a.csv\n+phase=mix=b=c\n-mode=serial\n-window=1\n+via=7\n";
    CU_ASSERT_EQUAL(strncmp(dumped.text, start, sizeof start - 1), 0);
    static const char *const parts[] = {
        "\n+seed=1\n",     "\n+pool=1048576\n",      "\n+quiet=true\n", "\n+routing=ring\n",
        "\n-report=\n-history=\n", "\n-print-bound=false\n", "\n-replicas=1\n", "\n-consistency=linearizable\n",
        "\n-forge=none\n", "\n-timeout=60\n",        "\n-virtual-nodes=1\n",
        "\n+suspect-after=1500ms\n-allow-data-loss=false\n-history-limit=50000\n-history-dir=\n",
        "\n-initial-nodes=\n+at=1s:join:2\n+at=2s:join:1\n-schedule=\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL(strstr(dumped.text, parts[i]));
    }
    CU_ASSERT_PTR_NULL(strstr(dumped.text, "help"));
    memset(&dumped, 0, sizeof dumped);
    CU_ASSERT_EQUAL_FATAL(PARSE("run", PHASE), OPTIONS_OK);
    options_dump(&options, collect, &dumped);
    CU_ASSERT_PTR_NOT_NULL(strstr(dumped.text, "\n-via=\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(dumped.text, "\n-at=\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(dumped.text, "\n-suspect-after=auto\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(dumped.text, "\n-pool=auto\n"));
}

static void test_bench(void) {
    CU_ASSERT_EQUAL_FATAL(PARSE("bench"), OPTIONS_OK);
    CU_ASSERT_EQUAL(options.command, OPTIONS_COMMAND_BENCH);
    CU_ASSERT_EQUAL(options.mode, OPTIONS_MODE_PARALLEL);
    CU_ASSERT(options.workload == MIX_WORKLOAD_A && options.mix.percent[MIX_UPDATE] == 50 && !options.has_shares);
    CU_ASSERT_EQUAL(options.distribution, DISTRIBUTION_SCRAMBLED);
    CU_ASSERT(options.records == 1000 && options.operations == 10000 && options.time_ns == 0 && options.rate == 0);
    CU_ASSERT(options.key_size == 24 && options.value_size == 1000 && options.repetitions == 1 && !options.ycsb);
    CU_ASSERT(options.phase_count == 2 && options.phases[0].type == OPTIONS_PHASE_INSERT);
    CU_ASSERT_EQUAL(options.phases[1].type, OPTIONS_PHASE_MIX);

    CU_ASSERT_EQUAL_FATAL(PARSE("bench", "--workload", "d", "--time", "1.5s", "--rate", "100", "--warmup", "500ms",
                                "--repetitions", "3", "--window", "16", "--ycsb", "--records", "7"),
                          OPTIONS_OK);
    CU_ASSERT(options.workload == MIX_WORKLOAD_D && options.distribution == DISTRIBUTION_LATEST && options.ycsb);
    CU_ASSERT(options.time_ns == 1500000000 && options.operations == OPTIONS_OPERATIONS_UNBOUNDED);
    CU_ASSERT(options.warmup_ns == 500000000 && options.warmup_operations == 0 && options.warmup == 0);
    CU_ASSERT(options.rate == 100 && options.repetitions == 3 && options.window == 16 && options.records == 7);
    CU_ASSERT(options.phase_count == 3 && options_given(&options, "warmup") && options_given(&options, "repetitions"));

    CU_ASSERT_EQUAL(PARSE("bench", "--time", "1s", "--operations", "5", "--warmup", "20"), OPTIONS_OK);
    CU_ASSERT(options.operations == 5 && options.time_ns == 1000000000 && options.warmup_operations == 20);
    CU_ASSERT_EQUAL(PARSE("bench", "--delete", "80", "--distribution", "uniform"), OPTIONS_OK);
    CU_ASSERT(options.has_shares && options.mix.percent[MIX_READ] == 20 && options.mix.percent[MIX_DELETE] == 80);
    CU_ASSERT_EQUAL(options.distribution, DISTRIBUTION_UNIFORM);
    CU_ASSERT_EQUAL(PARSE("bench", "--read", "70", "--delete", "10"), OPTIONS_OK);
    CU_ASSERT(options.mix.percent[MIX_UPDATE] == 20 && options.distribution == DISTRIBUTION_SCRAMBLED);

    ASSERT_FAILS("no order of keys", "bench", "--workload", "e");
    ASSERT_FAILS("takes a, b, c, d or f", "bench", "--workload", "g");
    ASSERT_FAILS("leave out", "bench", "--workload", "a", "--read", "5");
    ASSERT_FAILS("more than 100 percent", "bench", "--read", "60", "--delete", "50");
    ASSERT_FAILS("from 0 to 100", "bench", "--read", "101");
    ASSERT_FAILS("from 8 to 1024", "bench", "--key-size", "7");
    ASSERT_FAILS("from 0 to 1048576", "bench", "--value-size", "1048577");
    ASSERT_FAILS("--time takes a time from 1ms to 86400s", "bench", "--time", "5");
    ASSERT_FAILS("--time takes a time", "bench", "--time", "0s");
    ASSERT_FAILS("--warmup takes a count", "bench", "--warmup", "2 s");
    ASSERT_FAILS("--warmup takes a count", "bench", "--warmup", "10us");
    ASSERT_FAILS("from 1 to 1000000000", "bench", "--rate", "0");
    ASSERT_FAILS("unknown option '--mode'", "bench", "--mode", "serial");
    ASSERT_FAILS("unknown option '--phase'", "bench", PHASE);
    ASSERT_FAILS("unknown option '--records'", "run", "--records", "5");
    CU_ASSERT_EQUAL(PARSE("bench", "--help"), OPTIONS_HELP);
    CU_ASSERT(strstr(options.text, "--distribution") != NULL && strstr(options.text, "--phase") == NULL);
}

static void test_shell(void) {
    CU_ASSERT_EQUAL_FATAL(PARSE("shell"), OPTIONS_OK);
    CU_ASSERT_EQUAL(options.command, OPTIONS_COMMAND_SHELL);
    CU_ASSERT_EQUAL(options.phase_count, 0);
    CU_ASSERT_PTR_NULL(options.script);
    CU_ASSERT_FALSE(options.json);
    CU_ASSERT_EQUAL(options.prompt, OPTIONS_WHEN_AUTO);
    CU_ASSERT_FALSE(options_is_interactive(&options));
    CU_ASSERT_FALSE(options_shows_prompt(&options));
    CU_ASSERT_EQUAL(PARSE("shell", "--script", "s", "--json", "--replicas", "3", "--window", "8", "--seed=2"),
                    OPTIONS_OK);
    CU_ASSERT_STRING_EQUAL(options.script, "s");
    CU_ASSERT_TRUE(options.json);
    CU_ASSERT_EQUAL(options.window, 8);
    CU_ASSERT_EQUAL(PARSE("shell", "--initial-nodes", "3", "--virtual-nodes", "2", "--suspect-after", "1s",
                          "--allow-data-loss", "--history-dir", "h"),
                    OPTIONS_OK);
    CU_ASSERT_EQUAL(options.initial_nodes, 3);
    CU_ASSERT_EQUAL(options.virtual_nodes, 2);
    ASSERT_FAILS("unknown option '--at'", "shell", "--at", "op=1:join:2");
    CU_ASSERT_EQUAL(PARSE("shell", "--help"), OPTIONS_HELP);
    CU_ASSERT_PTR_NOT_NULL(strstr(options.text, "--script FILE"));
    CU_ASSERT_PTR_NULL(strstr(options.text, "--phase TYPE"));
    ASSERT_FAILS("unknown option '--phase'", "shell", PHASE);
    ASSERT_FAILS("unknown option '--script'", "run", PHASE, "--script", "s");
    ASSERT_FAILS("'s.txt' is not an option; files are given with --script FILE", "shell", "s.txt");
    ASSERT_FAILS("unknown command 'shel' (did you mean 'shell'?)", "shel");
    ASSERT_FAILS("leave out one of the two", "shell", "--json", "--prompt", "always");
    ASSERT_FAILS("--route-successors needs", "shell", "--route-successors", "--routing", "ring");
}

#define TERMINALS(in, out) (const char *const[]){"CHORDKV_STDIN_TTY=" in, "CHORDKV_STDOUT_TTY=" out, NULL}

static void test_prompt(void) {
    static const char *const plain[] = {"shell", NULL};
    static const char *const json[] = {"shell", "--json", NULL};
    static const char *const script[] = {"shell", "--script", "s", NULL};
    static const char *const never[] = {"shell", "--prompt", "never", NULL};
    static const char *const always[] = {"shell", "--prompt", "always", NULL};
    CU_ASSERT_EQUAL(parse(plain, TERMINALS("1", "1")), OPTIONS_OK);
    CU_ASSERT_TRUE(options_is_interactive(&options) && options_shows_prompt(&options));
    CU_ASSERT_EQUAL(parse(plain, TERMINALS("1", "0")), OPTIONS_OK);
    CU_ASSERT_TRUE(options_is_interactive(&options) && !options_shows_prompt(&options));
    CU_ASSERT_EQUAL(parse(plain, TERMINALS("0", "1")), OPTIONS_OK);
    CU_ASSERT_FALSE(options_is_interactive(&options) || options_shows_prompt(&options));
    CU_ASSERT_EQUAL(parse(json, TERMINALS("1", "1")), OPTIONS_OK);
    CU_ASSERT_TRUE(options_is_interactive(&options) && !options_shows_prompt(&options));
    CU_ASSERT_EQUAL(parse(script, TERMINALS("1", "1")), OPTIONS_OK);
    CU_ASSERT_FALSE(options_is_interactive(&options) || options_shows_prompt(&options));
    CU_ASSERT_EQUAL(parse(never, TERMINALS("1", "1")), OPTIONS_OK);
    CU_ASSERT_TRUE(options_is_interactive(&options) && !options_shows_prompt(&options));
    CU_ASSERT_EQUAL(parse(always, NULL), OPTIONS_OK);
    CU_ASSERT_TRUE(!options_is_interactive(&options) && options_shows_prompt(&options));
}

/* Long words are cut, not overrun; control characters don't break the line. */
static void test_hostile_words(void) {
    static char word[100000];
    memset(word, 'a', sizeof word - 1);
    memcpy(word, "--", 2);
    ASSERT_FAILS("unknown option '--aaa", "run", PHASE, word);
    ASSERT_FAILS("--window takes a whole number", "run", PHASE, "--window", word + 2);
    ASSERT_FAILS("--mode takes", "run", PHASE, "--mode", word + 2);
    ASSERT_FAILS("--phase takes", "run", "--phase", word + 2);
    ASSERT_FAILS("unknown command 'aaa", word + 2);
    ASSERT_FAILS("--mode takes serial or parallel, not '?[31m?'", "run", PHASE, "--mode", "\033[31m\n");
    CU_ASSERT_EQUAL(PARSE("run", PHASE, "--report", word + 2), OPTIONS_OK);
}

static void test_distance(void) {
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},       {"", "abc", 3},           {"abc", "abc", 0},
                 {"abc", "acb", 1}, {"abc", "ab", 1},         {"abc", "xabc", 1},
                 {"abc", "axc", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *a = cases[i].a, *b = cases[i].b;
        CU_ASSERT_EQUAL(suggest_distance(a, strlen(a), b, strlen(b)), cases[i].distance);
        CU_ASSERT_EQUAL(suggest_distance(b, strlen(b), a, strlen(a)), cases[i].distance);
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"defaults", test_defaults},
        {"every option", test_every_option},
        {"events", test_events},
        {"ranges are named", test_ranges},
        {"sizes", test_sizes},
        {"when a silent rank is suspected", test_suspicion},
        {"where histories are kept", test_history_dir},
        {"unknown words get a suggestion", test_unknown},
        {"values", test_values},
        {"options that need or exclude each other", test_together},
        {"64 phases", test_phase_limit},
        {"help", test_help},
        {"environment", test_environment},
        {"progress and colour", test_shows},
        {"dump", test_dump},
        {"bench", test_bench},
        {"shell", test_shell},
        {"the shell's prompt", test_prompt},
        {"hostile words", test_hostile_words},
        {"edit distance", test_distance},
    };
    return UNIT_RUN("options", tests);
}
