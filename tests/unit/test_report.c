/* app/report: the table and the records of a synthetic run with known numbers, the file that they go to,
 * statistics. */
#include "tests/unit/unit.h"

#include "app/report/build_info.h"
#include "app/report/changes.h"
#include "app/report/faults.h"
#include "app/report/record.h"
#include "app/report/report_file.h"
#include "app/report/table.h"
#include "app/report/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define GOLDEN "tests/unit/golden/report_table.txt"

/* --- A run
 * -----------------------------------------------------------------------------------------------------------
 */

static struct options options;
static struct result_run run;
static struct result_phase phase;
static struct result_rank ranks[3];
static struct result_node nodes[3];

/* Three ranks, k = 2; 1,000 queries in 20 ms (50,000 a second), each of 1 to 1,000 us; hops 0, 1, 1, 2 in
 * turn. */
static void make_run(void) {
    static char *arguments[] = {
        "chordkv",    "run", "--phase", "query=titles/caf\xc3\xa9.csv", "--phase",       "insert=b.csv",
        "--replicas", "2",   "--seed",  "18446744073709551615",         "--repetitions", "3",
        "--warmup",   "1",   NULL};
    CU_ASSERT_EQUAL_FATAL(options_parse(&options, 14, arguments, NULL), OPTIONS_OK);
    memset(&run, 0, sizeof run);
    run.options = &options;
    run.rank_count = 3;
    run.host_count = 2;
    run.ranks_per_core = 1.5;
    run.waiting = "yield";
    snprintf(run.machine, sizeof run.machine, "1 package, 2 cores, 2 PUs, 24 GiB");
    snprintf(run.mpi_library, sizeof run.mpi_library, "Open MPI v4.1.4, package: Debian OpenMPI");
    run.formation_ns = 12345678;
    run.formation_messages = 1234;
    run.ideal_owner_hops = 0.984;
    run.clock_offset_ns_max = 2500;
    run.message_bound_bytes = 3 << 20;
    run.credit_count = 64;
    run.credit_bytes = 4000;
    run.value_size_max = 1000;

    memset(ranks, 0, sizeof ranks);
    memset(nodes, 0, sizeof nodes);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(ranks[i].host, sizeof ranks[i].host, i == 2 ? "host-b" : "host-a");
        snprintf(ranks[i].cpuset, sizeof ranks[i].cpuset, "0-1");
        ranks[i].pair_bytes = 100000 + i;
        ranks[i].pool_bytes_used_max = 8000;
        ranks[i].resident_bytes_max = 30000000 + i;
        nodes[i].member.id.high = UINT64_C(0x1000000000000000) * (i + 1);
        nodes[i].member.address.rank = 2 - i;
        nodes[i].member.incarnation = 1;
        nodes[i].owned_pair_count = 100 * (i + 1);
        nodes[i].replica_pair_count = 200;
        nodes[i].stored_bytes = 48000;
        nodes[i].requests_owned = 300 + 33 * i;
        nodes[i].requests_forwarded = 10 * i;
        nodes[i].successor_count = 2;
        nodes[i].finger_count = 2;
        nodes[i].chain_member_count = 2;
        nodes[i].routing_entry_count = 2;
    }

    memset(&phase, 0, sizeof phase);
    phase.index = 0;
    phase.type = OPTIONS_PHASE_QUERY;
    phase.file = options.phases[0].file;
    memset(phase.file_sha256, 'a', 64);
    phase.file_bytes = 12345;
    phase.repetition = 2;
    phase.operation_count = 1000;
    phase.elapsed_ns = 20000000;
    phase.segment_count = 3;
    phase.judging_ns = 4000000;
    phase.metrics.outcomes[CHORD_QUERY][CHORD_FOUND] = 990;
    phase.metrics.outcomes[CHORD_QUERY][CHORD_ABSENT] = 10;
    for (unsigned i = 1; i <= 1000; i++) {
        static const uint32_t hops[] = {0, 1, 1, 2};
        histogram_record(&phase.metrics.latency_ns[CHORD_QUERY], i * UINT64_C(1000));
        hops_record(&phase.metrics.hops[CHORD_QUERY], hops[i % 4]);
    }
    phase.traffic.messages[CHORD_MESSAGE_REQUEST] = 2000;
    phase.traffic.bytes[CHORD_MESSAGE_REQUEST] = 128000;
    phase.traffic.messages[CHORD_MESSAGE_ANSWER] = 1000;
    phase.traffic.bytes[CHORD_MESSAGE_ANSWER] = 64500;
    phase.traffic.self_messages = 500;
    phase.traffic.mpi_messages = 1500;
    phase.traffic.mpi_bytes = 3u << 20;
    phase.expected.mean = 1.02;
    phase.expected.path_mean = 0.27;
    phase.expected.probability[0] = 0.25;
    phase.expected.probability[1] = 0.48;
    phase.expected.probability[2] = 0.27;
    phase.verdict.valid = true;
    phase.verdict.checked_by_model_count = 1000;
    phase.verdict.judged.operation_count = 1000;
    phase.verdict.copies_valid = true;
    phase.verdict.copies_per_pair = 2;
    phase.verdict.pair_count = 600;
    phase.nodes = nodes;
    phase.node_count = 3;
    phase.ranks = ranks;
    phase.rank_count = 3;
}

/* A join that moved 120 pairs; a departure and an exclusion in one change that was begun twice and has not settled, in a
 * phase that ended with it; a join that was refused. */
static struct result_change changes[30];
static struct chord_change_member changed_members[3];

static void make_changes(void) {
    memset(changes, 0, sizeof changes);
    memset(changed_members, 0, sizeof changed_members);
    changed_members[0] = (struct chord_change_member){CHORD_COMMAND_JOIN, {.id = nodes[1].member.id, .address = {2, 1}}};
    changed_members[1] = (struct chord_change_member){CHORD_COMMAND_DEPART, {.address = {0, 0}, .incarnation = 7}};
    changed_members[2] = (struct chord_change_member){CHORD_COMMAND_EXCLUDE, {.address = {9, 0}}};
    changes[0] = (struct result_change){
        .trigger = "op=100:join:host-b:2#1",
        .at_ns = 1200000,
        .change = {.epoch = 2,
                   .attempt_count = 1,
                   .arc_count = 3,
                   .message_count = 42,
                   .pair_count = 121,
                   .pair_bytes = 15565,
                   .started_ticks = 1250000,
                   .ended_ticks = 2400000,
                   .wedged_ticks_max = 1100000,
                   .wedged_ticks_sum = 2900000,
                   .member_count = 1},
        .members = changed_members,
        .expected_pair_count = 120,
        .expected_is_exact = true,
        .unanswered_pair_count = 2,
        .settled = true,
        .routing = {.epoch = 3, .message_count = 77, .ticks = 5300000},
        .throughput_before = 50000,
        .throughput_during = 12345.6,
        .throughput_after = 49000};
    changes[1] = (struct result_change){.trigger = "5ms:join:1", .refused = true, .at_ns = 5000000};
    snprintf(changes[1].reason, sizeof changes[1].reason, "%s", chord_status_text(CHORD_ALREADY_MEMBER));
    changes[2] = (struct result_change){.trigger = "6ms:depart:0 crash\xff:9",
                                        .at_ns = 6000000,
                                        .change = {.epoch = 4, .attempt_count = 2, .arc_count = 6, .member_count = 2},
                                        .members = changed_members + 1,
                                        .throughput_before = 0,
                                        .throughput_during = -1,
                                        .throughput_after = -1};
    phase.changes = changes;
    phase.change_count = 3;
}

/* 16 that are committed and 14 that are refused: the table shows 12 of either. */
static void make_many_changes(void) {
    make_changes();
    const struct result_change committed = changes[0], refused = changes[1];
    for (uint32_t i = 0; i < 30; i++) {
        changes[i] = i < 16 ? committed : refused;
        changes[i].at_ns = (i + 1) * 1000000;
        changes[i].change.epoch = i;
        changes[i].change.wedged_ticks_max = i * 1000;
        changes[i].settled = i % 4 == 0;
        changes[i].throughput_during = i < 3 ? 100.0 * i : -1;
        snprintf(changes[i].trigger, sizeof changes[i].trigger, "%ums:join:1", i + 1);
    }
    phase.change_count = 30;
}

/* Rank 2 is killed, left out and its data copied; rank 1 pauses and comes back; rank 0 is only suspected, in vain; a crash that
 * is refused. */
static struct result_fault faults[20];
static double fault_rates[70];
static struct chord_loss losses[2];

static void make_faults(void) {
    const struct result_fault none = {.detected_ns = RESULT_NEVER,
                                      .heard_last_ns = RESULT_NEVER,
                                      .committed_ns = RESULT_NEVER,
                                      .heard_again_ns = RESULT_NEVER,
                                      .rejoined_ns = RESULT_NEVER,
                                      .injected_ns = RESULT_NEVER};
    for (unsigned i = 0; i < 70; i++) {
        fault_rates[i] = i == 2 ? 0 : 100.0 * i;
    }
    for (unsigned i = 0; i < 4; i++) {
        faults[i] = none;
        faults[i].is_ours = i != 2;
    }
    faults[0].rank = 2;
    snprintf(faults[0].trigger, sizeof faults[0].trigger, "1s:crash:host-b:2:kill");
    faults[0].crash = (struct crash){.kind = CRASH_KILL};
    faults[0].injected_ns = 1000000000;
    faults[0].heard_last_ns = 990000000;
    faults[0].detected_ns = 1205000000;
    faults[0].committed_ns = 1210000000;
    faults[0].epoch = 3;
    faults[0].attempt_count = 2;
    faults[0].excluded_node_count = 1;
    faults[0].pair_count = 1500;
    faults[0].pair_bytes = 65536;
    faults[0].wedged_ns_max = 4000000;
    faults[0].impact = (struct impact){.waited_count = 12, .retried_count = 3, .unknown_count = 2};
    faults[0].throughputs = fault_rates;
    faults[0].throughput_count = 8;
    faults[0].throughput_start_ns = 500000000;
    faults[1].rank = 1;
    snprintf(faults[1].trigger, sizeof faults[1].trigger, "op=5:crash:1:pause=800ms");
    faults[1].crash = (struct crash){.kind = CRASH_PAUSE, .pause_ns = 800000000};
    faults[1].injected_ns = 2000000000;
    faults[1].heard_last_ns = 1999000000;
    faults[1].detected_ns = 2200000000;
    faults[1].committed_ns = 2205000000;
    faults[1].heard_again_ns = 2800000000;
    faults[1].rejoined_ns = 2810000000;
    faults[1].epoch = 4;
    faults[1].attempt_count = 1;
    faults[1].excluded_node_count = 2;
    faults[1].rejoined_node_count = 2;
    faults[1].throughputs = fault_rates;
    faults[1].throughput_count = 70;
    faults[1].throughput_start_ns = 1500000000;
    faults[2].rank = 0;
    faults[2].heard_last_ns = 5000000000;
    faults[2].detected_ns = 5200000000;
    faults[2].heard_again_ns = 5201000000;
    faults[3].rank = 2;
    faults[3].refused = true;
    snprintf(faults[3].trigger, sizeof faults[3].trigger, "6s:crash:2\xff");
    snprintf(faults[3].reason, sizeof faults[3].reason, "the rank has crashed already");
    faults[3].injected_ns = 6000000000;
    phase.faults = faults;
    phase.fault_count = 4;
}

static void make_losses(void) {
    losses[0] = (struct chord_loss){.start = nodes[0].member.id, .end = nodes[1].member.id, .holder = nodes[0].member};
    losses[1] = (struct chord_loss){.holder = {.address = {.rank = 9}}};
    phase.losses = losses;
    phase.loss_count = 2;
    phase.verdict.valid = false;
}

static void make_wrong(void) {
    phase.verdict.valid = false;
    phase.verdict.wrong_count = 2;
    phase.verdict.judged.wrong_count = 2;
    phase.verdict.judged.wrong_by_reason[JUDGE_READ_OLD] = 2;
    snprintf(phase.verdict.first_wrong, sizeof phase.verdict.first_wrong,
             "query of 'k\xff\n': expected 'a', got 'b'");
}

static void print_nothing(FILE *stream) {
    (void)stream;
}
static void print_header(FILE *stream) {
    table_print_header(stream, &run, false);
}
static void print_phase(FILE *stream) {
    table_print_phase(stream, &run, &phase, false);
}
static void print_phase_colored(FILE *stream) {
    table_print_phase(stream, &run, &phase, true);
}

/* What a function prints; to be freed. */
static char *printed(void (*print)(FILE *)) {
    static char *text; /* static: else GCC 12 thinks that the result dangles */
    static size_t size;
    FILE *stream = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    print(stream);
    CU_ASSERT_EQUAL_FATAL(fclose(stream), 0);
    return text;
}

/* The whole file; NULL if there is none. To be freed. */
static char *contents(const char *path) {
    FILE *stream = fopen(path, "r");
    if (stream == NULL) {
        return NULL;
    }
    char *text = calloc(1, 65536);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT(fread(text, 1, 65535, stream) < 65535);
    fclose(stream);
    return text;
}

/* --- The table
 * ---------------------------------------------------------------------------------------------------------
 */

static void print_rows(FILE *stream) {
    double query[] = {300, 100, 200};
    double insert[] = {1e6, NAN, 2e6};
    struct summary_row rows[2] = {summary_make(&phase, query, 3)};
    struct result_phase other = phase;
    other.index = 1;
    other.type = OPTIONS_PHASE_INSERT;
    other.file = options.phases[1].file;
    rows[1] = summary_make(&other, insert, 3);
    table_print_summary(stream, &run, rows, 2);
}

static void print_all(FILE *stream) {
    table_print_header(stream, &run, false);
    table_print_phase(stream, &run, &phase, false);
    phase.expected.sampled = true;
    options.consistency = CHORD_EVENTUAL;
    phase.repetition = 0;
    phase.metrics.retry_count = 7;
    phase.metrics.outcomes[CHORD_INSERT][CHORD_UNKNOWN] = 3;
    phase.verdict.judged.stale_count = 10;
    phase.verdict.judged.stale_missed_sum = 25;
    phase.verdict.judged.stale_missed_max = 6;
    phase.verdict.judged.unknown_count = 3;
    phase.verdict.checked_by_model_count = 0;
    table_print_phase(stream, &run, &phase, false);
    make_wrong();
    table_print_phase(stream, &run, &phase, false);
    print_rows(stream);
    make_changes();
    changes_print(stream, &phase);
    make_many_changes();
    changes_print(stream, &phase);
    make_faults();
    faults_print(stream, &phase);
}

/* The line about the build differs from build to build; the rest must be the golden file. */
static void test_golden_table(void) {
    make_run();
    char *text = printed(print_all);
    const char *rest = strchr(text, '\n');
    CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
    CU_ASSERT_EQUAL(strncmp(text, "chord-kv ", 9), 0);
    char *golden = contents(GOLDEN);
    CU_ASSERT_PTR_NOT_NULL(golden);
    const bool same = golden != NULL && strcmp(rest + 1, golden) == 0;
    CU_ASSERT(same);
    if (!same) {
        fprintf(stderr, "%s is missing or differs; this was printed:\n%s", GOLDEN, rest + 1);
    }
    free(golden);
    free(text);
}

static void test_colors_only_when_asked(void) {
    make_run();
    char *plain = printed(print_phase);
    char *colored = printed(print_phase_colored);
    CU_ASSERT_PTR_NULL(strchr(plain, '\033'));
    CU_ASSERT_PTR_NOT_NULL(strstr(colored, "\033[1;32mVALID\033[0m: "));
    free(plain);
    free(colored);
    make_wrong();
    plain = printed(print_phase);
    colored = printed(print_phase_colored);
    CU_ASSERT_PTR_NULL(strchr(plain, '\033'));
    CU_ASSERT_PTR_NOT_NULL(strstr(colored, "\033[1;31mWRONG\033[0m: "));
    free(plain);
    free(colored);
}

static void test_wrong_phase_shows_no_throughput(void) {
    make_run();
    char *text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Throughput of Chord = 50000.0000 requests/second\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "0.00002000 seconds per query\n"));
    free(text);
    make_wrong();
    text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "  WRONG: 2 wrong, the first: query of 'k\\xff\\x0a': expected 'a', got 'b'\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "hroughput"));
    CU_ASSERT_PTR_NULL(strstr(text, "econd"));
    CU_ASSERT_PTR_NULL(strstr(text, "latency"));
    CU_ASSERT_PTR_NULL(strstr(text, " ms"));
    CU_ASSERT_PTR_NULL(strstr(text, " us"));
    CU_ASSERT_PTR_NULL(strstr(text, "VALID"));
    free(text);
}

static void test_header_says_what_is_unusual(void) {
    make_run();
    char *text = printed(print_header);
    CU_ASSERT_PTR_NULL(strstr(text, "FORGED"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, build_info.commit));
    free(text);
    options.forge = OPTIONS_FORGE_ANSWER;
    options.via = 1;
    options.replicas = 10;
    options.virtual_nodes = 4;
    text = printed(print_header);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  3 ranks with 4 nodes each on 2 hosts, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "FORGED"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "entering at rank 1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "k = 10 (all 3)"));
    free(text);
}

static void test_one_repetition_has_no_summary(void) {
    make_run();
    options.repetitions = 1;
    char *text = printed(print_rows);
    char *nothing = printed(print_nothing);
    CU_ASSERT_STRING_EQUAL(text, nothing);
    free(text);
    free(nothing);
}

/* --- The records
 * ---------------------------------------------------------------------------------------------------------
 */

/* --- Faults --- */

static void print_fault_rows(FILE *stream) {
    double query[] = {300, 100, 200};
    const struct summary_fault times[] = {{0, 200e6, 210e6}, {0, NAN, NAN}, {1, 1e9, 2e9}, {0, 400e6, NAN}};
    struct summary_row row = summary_make(&phase, query, 3);
    CU_ASSERT_EQUAL(summary_add_faults(&row, times, 4), CHORD_OK);
    table_print_summary(stream, &run, &row, 1);
}

static void test_faults_summary(void) {
    make_run();
    char *text = printed(print_fault_rows);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  phase    faults  detected  median     max  ended  median     max\n"
                                        "  1 query       3         2  300 ms  400 ms      1  210 ms  210 ms\n"));
    free(text);
    text = printed(print_rows);
    CU_ASSERT_PTR_NULL(strstr(text, "Faults"));
    free(text);
}

static void print_faults(FILE *stream) {
    faults_print(stream, &phase);
}

/* More than the table shows; none; only refused ones. */
static void test_faults_table(void) {
    make_run();
    make_faults();
    const struct result_fault killed = faults[0], refused = faults[3];
    for (unsigned i = 0; i < 20; i++) {
        faults[i] = i < 18 ? killed : refused;
    }
    phase.fault_count = 20;
    char *text = printed(print_faults);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n  Faults: 18, and 2 refused\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  6 more are in the report (--report)\n"));
    free(text);
    phase.faults = &faults[18];
    phase.fault_count = 2;
    text = printed(print_faults);
    CU_ASSERT_STRING_EQUAL(text, "\n  Faults: 0, and 2 refused\n"
                                 "  refused at 6.00 s: 6s:crash:2\\xff: the rank has crashed already\n"
                                 "  refused at 6.00 s: 6s:crash:2\\xff: the rank has crashed already\n");
    free(text);
    phase.fault_count = 0;
    text = printed(print_faults);
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
}

static void test_losses_table(void) {
    make_run();
    make_losses();
    char *text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  DATA LOST: 2 arcs, the first (0x1000000000000000000000000000000000000000, "
                                        "0x2000000000000000000000000000000000000000], whose only copy was host-b:2's\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "WRONG"));
    CU_ASSERT_PTR_NULL(strstr(text, "econd"));
    free(text);
    make_wrong();
    phase.loss_count = 1;
    phase.losses = &losses[1];
    text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  DATA LOST: the arc (0x"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "whose only copy was a rank that is gone's\n  WRONG: 2 wrong"));
    free(text);
}

/* --- View changes --- */

static void print_changes(FILE *stream) {
    changes_print(stream, &phase);
}

/* Parses a line, which is freed. */
static json_t *parsed(char *line) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_PTR_NULL(strchr(line, '\n'));
    json_error_t error;
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(root);
    free(line);
    return root;
}

/* The value at a path such as "run.options.seed" or "nodes.1.id"; NULL if there is none. */
static json_t *at(json_t *value, const char *path) {
    char copy[128], *rest = copy;
    snprintf(copy, sizeof copy, "%s", path);
    for (const char *name = strsep(&rest, "."); name != NULL && value != NULL; name = strsep(&rest, ".")) {
        value =
            json_is_array(value) ? json_array_get(value, (size_t)atoi(name)) : json_object_get(value, name);
    }
    return value;
}

/* NaN unless there is a number. */
static double number(json_t *root, const char *path) {
    return json_is_number(at(root, path)) ? json_number_value(at(root, path)) : NAN;
}

static const char *string(json_t *root, const char *path) {
    const char *text = json_string_value(at(root, path));
    return text == NULL ? "(not a string)" : text;
}

static bool is_near(json_t *root, const char *path, double expected) {
    const double found = number(root, path);
    const bool near = fabs(found - expected) <= 1e-12 * fabs(expected);
    if (!near) {
        fprintf(stderr, "%s is %.17g\n", path, found);
    }
    return near;
}

#define ASSERT_NUMBER(path, expected) CU_ASSERT(is_near(root, path, expected))

static void test_phase_record(void) {
    make_run();
    json_t *root = parsed(record_phase(&run, &phase));
    CU_ASSERT_STRING_EQUAL(string(root, "record"), "phase");
    ASSERT_NUMBER("schema_version", 1);
    CU_ASSERT_STRING_EQUAL(string(root, "run.seed"), "18446744073709551615");
    CU_ASSERT_STRING_EQUAL(string(root, "run.options.replicas"), "2");
    CU_ASSERT_STRING_EQUAL(string(root, "run.options.mode"), "serial");
    CU_ASSERT_EQUAL(json_array_size(at(root, "run.options.phase")), 2);
    CU_ASSERT_STRING_EQUAL(string(root, "run.options.phase.0"), "query=titles/caf\xc3\xa9.csv");
    CU_ASSERT_EQUAL(json_array_size(at(root, "run.options_given")), 5);
    CU_ASSERT_EQUAL(json_array_size(at(root, "run.environment.hosts")), 2);
    CU_ASSERT_STRING_EQUAL(string(root, "run.environment.hosts.1"), "host-b");
    CU_ASSERT_EQUAL(json_array_size(at(root, "run.environment.cpusets_by_rank")), 3);
    CU_ASSERT_STRING_EQUAL(string(root, "run.environment.mpi_library"), run.mpi_library);
    CU_ASSERT_STRING_EQUAL(string(root, "run.environment.commit"), build_info.commit);
    CU_ASSERT_STRING_EQUAL(string(root, "run.environment.compiler"), build_info.compiler);
    CU_ASSERT_STRING_EQUAL(string(root, "run.environment.flags"), build_info.flags);
    ASSERT_NUMBER("run.environment.ranks_per_core", 1.5);
    ASSERT_NUMBER("run.formation_ns", 12345678);
    CU_ASSERT_STRING_EQUAL(string(root, "phase.type"), "query");
    CU_ASSERT_STRING_EQUAL(string(root, "phase.file"), "titles/caf\xc3\xa9.csv");
    ASSERT_NUMBER("phase.repetition", 2);
    ASSERT_NUMBER("phase.elapsed_ns", 20000000);
    ASSERT_NUMBER("phase.segment_count", 3);
    ASSERT_NUMBER("phase.judging_ns", 4000000);
    CU_ASSERT(json_is_false(at(root, "phase.warm_up")));
    ASSERT_NUMBER("operations.query.found", 990);
    ASSERT_NUMBER("operations.query.absent", 10);
    ASSERT_NUMBER("operations.query.count", 1000);
    ASSERT_NUMBER("operations.query.throughput_per_second", 50000);
    ASSERT_NUMBER("operations.delete.count", 0);
    ASSERT_NUMBER("throughput_per_second", 50000);
    ASSERT_NUMBER("latency_ns.query.count", 1000);
    ASSERT_NUMBER("latency_ns.query.mean", 500500);
    ASSERT_NUMBER("latency_ns.query.min", 1000);
    ASSERT_NUMBER("latency_ns.query.max", 1000000);
    CU_ASSERT(fabs(number(root, "latency_ns.query.p50") - 500000) <= 500000 / 64.0);
    CU_ASSERT(fabs(number(root, "latency_ns.query.p99_9") - 999000) <= 999000 / 64.0);
    double counted = 0;
    size_t index;
    json_t *bucket;
    json_array_foreach(at(root, "latency_ns.query.buckets"), index, bucket) {
        CU_ASSERT(number(bucket, "0") <= number(bucket, "1"));
        CU_ASSERT(number(bucket, "2") >= 1);
        counted += number(bucket, "2");
    }
    CU_ASSERT_EQUAL(counted, 1000);
    CU_ASSERT(json_is_null(at(root, "latency_ns.insert.mean")));
    ASSERT_NUMBER("owner_hops.mean", 1);
    ASSERT_NUMBER("owner_hops.p1", 0);
    ASSERT_NUMBER("owner_hops.p50", 1);
    ASSERT_NUMBER("owner_hops.p99", 2);
    CU_ASSERT_EQUAL(json_array_size(at(root, "owner_hops.histogram")), 3);
    ASSERT_NUMBER("owner_hops.histogram.1", 500);
    ASSERT_NUMBER("owner_hops.expected_mean", 1.02);
    CU_ASSERT_EQUAL(json_array_size(at(root, "owner_hops.expected_distribution")), 3);
    ASSERT_NUMBER("owner_hops.ideal_mean", 0.984);
    ASSERT_NUMBER("owner_hops.by_kind.query.mean", 1);
    CU_ASSERT(json_is_false(at(root, "owner_hops.expectation_sampled")));
    ASSERT_NUMBER("path_length.mean", 0.25);
    ASSERT_NUMBER("path_length.p99", 1);
    CU_ASSERT_EQUAL(json_array_size(at(root, "path_length.histogram")), 2);
    ASSERT_NUMBER("path_length.histogram.0", 750);
    ASSERT_NUMBER("path_length.histogram.1", 250);
    ASSERT_NUMBER("path_length.expected_mean", 0.27);
    ASSERT_NUMBER("path_length.expected_distribution.0", 0.73);
    ASSERT_NUMBER("messages.REQUEST", 2000);
    ASSERT_NUMBER("message_bytes.ANSWER", 64500);
    CU_ASSERT_PTR_NULL(at(root, "messages.?"));
    ASSERT_NUMBER("messages_all", 3000);
    ASSERT_NUMBER("mpi_messages", 1500);
    ASSERT_NUMBER("mpi_bytes", 3145728);
    CU_ASSERT_EQUAL(json_array_size(at(root, "nodes")), 3);
    CU_ASSERT_STRING_EQUAL(string(root, "nodes.1.id"), "0x2000000000000000000000000000000000000000");
    ASSERT_NUMBER("nodes.0.rank", 2);
    ASSERT_NUMBER("nodes.2.requests_owned", 366);
    ASSERT_NUMBER("keys_per_node.min", 100);
    ASSERT_NUMBER("keys_per_node.mean", 200);
    ASSERT_NUMBER("keys_per_node.max", 300);
    ASSERT_NUMBER("keys_per_rank.count", 3);
    ASSERT_NUMBER("keys_per_rank.max_over_mean", 1.5);
    ASSERT_NUMBER("ranks.2.owned_pair_count", 100);
    CU_ASSERT_STRING_EQUAL(string(root, "ranks.2.host"), "host-b");
    ASSERT_NUMBER("ranks.1.pair_bytes", 100001);
    ASSERT_NUMBER("ranks.1.resident_bytes_max", 30000001);
    ASSERT_NUMBER("overhead_bytes_per_stored_copy", (300003.0 - 144000.0) / 1200.0);
    CU_ASSERT(json_is_true(at(root, "verdict.valid")));
    CU_ASSERT(json_is_null(at(root, "verdict.first_wrong")));
    ASSERT_NUMBER("verdict.pair_count", 600);
    CU_ASSERT(json_is_null(at(root, "stale_reads")));
    json_decref(root);
}

/* Four nodes on two of the three ranks, the third's one a spare: its keys aren't 0, it has no part in the balance. */
static void test_balance(void) {
    static struct result_node four[5];
    make_run();
    for (unsigned i = 0; i < 4; i++) {
        four[i] = nodes[0];
        four[i].member.id.high = i;
        four[i].member.address = (struct chord_address){.rank = i % 2 * 2, .virtual_node = (uint16_t)(i / 2)};
        four[i].owned_pair_count = 1u << (2 * i); /* 1, 4, 16, 64 */
    }
    four[4] = (struct result_node){.member = {.id = {.high = 4}, .address = {.rank = 1}}, .is_spare = true};
    phase.nodes = four;
    phase.node_count = 5;
    phase.expected.mean = NAN; /* the ring changed */
    options.virtual_nodes = 2;
    json_t *root = parsed(record_phase(&run, &phase));
    ASSERT_NUMBER("run.virtual_node_count", 2);
    ASSERT_NUMBER("keys_per_node.count", 4);
    ASSERT_NUMBER("keys_per_node.mean", 21.25);
    ASSERT_NUMBER("keys_per_node.p1", 1);
    ASSERT_NUMBER("keys_per_node.p99", 64);
    ASSERT_NUMBER("keys_per_node.expected_p99", (double)balance_quantile(1, 21.25, 0.99));
    ASSERT_NUMBER("keys_per_rank.count", 2);
    ASSERT_NUMBER("keys_per_rank.min", 17);
    ASSERT_NUMBER("keys_per_rank.max", 68);
    ASSERT_NUMBER("keys_per_rank.mean", 42.5);
    ASSERT_NUMBER("keys_per_rank.max_over_mean", 1.6);
    ASSERT_NUMBER("keys_per_rank.expected_p1", (double)balance_quantile(2, 42.5, 0.01));
    ASSERT_NUMBER("keys_per_rank.expected_max_median", (double)balance_quantile(2, 42.5, sqrt(0.5)));
    ASSERT_NUMBER("ranks.0.owned_pair_count", 17);
    ASSERT_NUMBER("ranks.1.owned_pair_count", 0);
    ASSERT_NUMBER("ranks.0.member_count", 2);
    ASSERT_NUMBER("ranks.1.member_count", 0);
    CU_ASSERT_STRING_EQUAL(string(root, "nodes.3.state"), "member");
    CU_ASSERT_STRING_EQUAL(string(root, "nodes.4.state"), "spare");
    CU_ASSERT(json_is_null(at(root, "owner_hops.expected_mean")));
    json_decref(root);
    char *text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  keys per rank        17   -  42.5    -   68      1.60\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  keys per node         1   -  21.2    -   64      3.01\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  keys as owner         1   21.2   64\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  of the 4 nodes in the ring; 1 is not in it\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  owner_hops   1.000   0    1    2          -"));
    free(text);
    memset(four, 0, sizeof four);
    text = printed(print_phase);
    CU_ASSERT_PTR_NULL(strstr(text, "balance"));
    free(text);
}

static void test_wrong_phase_record_has_no_throughput(void) {
    make_run();
    make_wrong();
    json_t *root = parsed(record_phase(&run, &phase));
    CU_ASSERT(json_is_null(at(root, "throughput_per_second")));
    CU_ASSERT(json_is_null(at(root, "operations.query.throughput_per_second")));
    CU_ASSERT(json_is_null(at(root, "latency_ns")));
    CU_ASSERT(json_is_null(at(root, "phase.elapsed_ns")));
    CU_ASSERT(json_is_false(at(root, "verdict.valid")));
    ASSERT_NUMBER("verdict.judge.wrong_by_reason.0.count", 2);
    CU_ASSERT_STRING_EQUAL(string(root, "verdict.judge.wrong_by_reason.0.reason"),
                           judge_reason_text(JUDGE_READ_OLD));
    /* The invalid byte is escaped by us, the line feed by JSON. */
    CU_ASSERT_STRING_EQUAL(string(root, "verdict.first_wrong"), "query of 'k\\xff\n': expected 'a', got 'b'");
    json_decref(root);
}

static void test_faults_record(void) {
    make_run();
    make_faults();
    phase.not_issued_count = 17;
    json_t *root = parsed(record_phase(&run, &phase));
    ASSERT_NUMBER("phase.not_issued_count", 17);
    CU_ASSERT_EQUAL(json_array_size(at(root, "verdict.lost_arcs")), 0);
    CU_ASSERT(json_is_object(at(root, "timeline"))); /* though no change was recorded */
    CU_ASSERT_EQUAL_FATAL(json_array_size(at(root, "faults")), 4);
    CU_ASSERT_STRING_EQUAL(string(root, "faults.0.trigger"), "1s:crash:host-b:2:kill");
    ASSERT_NUMBER("faults.0.rank", 2);
    CU_ASSERT_STRING_EQUAL(string(root, "faults.0.name"), "host-b:2");
    CU_ASSERT_STRING_EQUAL(string(root, "faults.0.kind"), "kill");
    CU_ASSERT(json_is_null(at(root, "faults.0.pause_ns")));
    CU_ASSERT(json_is_false(at(root, "faults.0.refused")));
    ASSERT_NUMBER("faults.0.injected_ns", 1000000000);
    ASSERT_NUMBER("faults.0.heard_last_ns", 990000000);
    ASSERT_NUMBER("faults.0.detected_ns", 1205000000);
    ASSERT_NUMBER("faults.0.committed_ns", 1210000000);
    CU_ASSERT(json_is_null(at(root, "faults.0.heard_again_ns")));
    CU_ASSERT(json_is_null(at(root, "faults.0.rejoined_ns")));
    CU_ASSERT(json_is_false(at(root, "faults.0.false_suspicion")));
    ASSERT_NUMBER("faults.0.detected_after_ns", 205000000);
    ASSERT_NUMBER("faults.0.writable_after_ns", 210000000);
    ASSERT_NUMBER("faults.0.copies_after_ns", 210000000);
    ASSERT_NUMBER("faults.0.epoch", 3);
    ASSERT_NUMBER("faults.0.attempt_count", 2);
    ASSERT_NUMBER("faults.0.excluded_node_count", 1);
    ASSERT_NUMBER("faults.0.copied_pair_count", 1500);
    ASSERT_NUMBER("faults.0.copied_pair_bytes", 65536);
    ASSERT_NUMBER("faults.0.wedged_ns_max", 4000000);
    ASSERT_NUMBER("faults.0.waited_operation_count", 12);
    ASSERT_NUMBER("faults.0.retried_operation_count", 3);
    ASSERT_NUMBER("faults.0.unknown_operation_count", 2);
    ASSERT_NUMBER("faults.0.throughput_start_ns", 500000000);
    CU_ASSERT_EQUAL(json_array_size(at(root, "faults.0.throughput_per_100_ms_per_second")), 8);
    ASSERT_NUMBER("faults.0.throughput_per_100_ms_per_second.3", 300);
    CU_ASSERT_STRING_EQUAL(string(root, "faults.1.kind"), "pause");
    ASSERT_NUMBER("faults.1.pause_ns", 800000000);
    CU_ASSERT(json_is_true(at(root, "faults.1.false_suspicion")));
    ASSERT_NUMBER("faults.1.rejoined_ns", 2810000000);
    ASSERT_NUMBER("faults.1.rejoined_node_count", 2);
    /* Nobody knows when it failed, if it did. */
    CU_ASSERT(json_is_null(at(root, "faults.2.trigger")));
    CU_ASSERT(json_is_null(at(root, "faults.2.kind")));
    CU_ASSERT(json_is_null(at(root, "faults.2.injected_ns")));
    CU_ASSERT(json_is_null(at(root, "faults.2.detected_after_ns")));
    CU_ASSERT(json_is_null(at(root, "faults.2.epoch")));
    CU_ASSERT(json_is_true(at(root, "faults.2.false_suspicion")));
    CU_ASSERT(json_is_true(at(root, "faults.3.refused")));
    CU_ASSERT_STRING_EQUAL(string(root, "faults.3.trigger"), "6s:crash:2\\xff");
    CU_ASSERT_STRING_EQUAL(string(root, "faults.3.refusal_reason"), "the rank has crashed already");
    CU_ASSERT(json_is_null(at(root, "faults.3.waited_operation_count")));
    for (unsigned i = 1; i < 4; i++) {
        char path[16];
        snprintf(path, sizeof path, "faults.%u", i);
        CU_ASSERT_EQUAL(json_object_size(at(root, path)), json_object_size(at(root, "faults.0")));
    }
    json_decref(root);
    make_losses();
    root = parsed(record_phase(&run, &phase));
    CU_ASSERT(json_is_false(at(root, "verdict.valid")));
    CU_ASSERT_EQUAL_FATAL(json_array_size(at(root, "verdict.lost_arcs")), 2);
    CU_ASSERT_STRING_EQUAL(string(root, "verdict.lost_arcs.0.after"), "0x1000000000000000000000000000000000000000");
    CU_ASSERT_STRING_EQUAL(string(root, "verdict.lost_arcs.0.end"), "0x2000000000000000000000000000000000000000");
    CU_ASSERT_STRING_EQUAL(string(root, "verdict.lost_arcs.0.holder"), "host-b:2");
    ASSERT_NUMBER("verdict.lost_arcs.0.holder_rank", 2);
    CU_ASSERT(json_is_null(at(root, "verdict.lost_arcs.1.holder")));
    CU_ASSERT(json_is_null(at(root, "faults.0.throughput_per_100_ms_per_second")));
    ASSERT_NUMBER("faults.0.detected_after_ns", 205000000);
    json_decref(root);
}

static void test_changes_record(void) {
    make_run();
    make_changes();
    timeline_record(&phase.timeline, 0);
    timeline_record(&phase.timeline, 2 * TIMELINE_WIDTH_NS_MIN);
    timeline_record(&phase.timeline, 2 * TIMELINE_WIDTH_NS_MIN);
    json_t *root = parsed(record_phase(&run, &phase));
    CU_ASSERT_EQUAL(json_array_size(at(root, "changes")), 3);
    CU_ASSERT_STRING_EQUAL(string(root, "changes.0.trigger"), "op=100:join:host-b:2#1");
    ASSERT_NUMBER("changes.0.at_ns", 1200000);
    CU_ASSERT(json_is_false(at(root, "changes.0.refused")));
    CU_ASSERT(json_is_null(at(root, "changes.0.refusal_reason")));
    CU_ASSERT(json_is_true(at(root, "changes.0.expected_is_exact")));
    CU_ASSERT(json_is_null(at(root, "changes.1.expected_is_exact")));
    CU_ASSERT(json_is_false(at(root, "changes.2.expected_is_exact")));
    ASSERT_NUMBER("changes.0.epoch", 2);
    ASSERT_NUMBER("changes.0.attempt_count", 1);
    ASSERT_NUMBER("changes.0.arc_count", 3);
    ASSERT_NUMBER("changes.0.moved_pair_count", 121);
    ASSERT_NUMBER("changes.0.moved_pair_bytes", 15565);
    ASSERT_NUMBER("changes.0.expected_pair_count", 120);
    ASSERT_NUMBER("changes.0.unanswered_pair_count", 2);
    ASSERT_NUMBER("changes.0.message_count", 42);
    ASSERT_NUMBER("changes.0.started_ns", 1250000);
    ASSERT_NUMBER("changes.0.ended_ns", 2400000);
    ASSERT_NUMBER("changes.0.wedged_ns_max", 1100000);
    ASSERT_NUMBER("changes.0.wedged_ns_sum", 2900000);
    CU_ASSERT(json_is_true(at(root, "changes.0.settled")));
    ASSERT_NUMBER("changes.0.settled_epoch", 3);
    ASSERT_NUMBER("changes.0.settled_after_ns", 5300000);
    ASSERT_NUMBER("changes.0.routing_message_count", 77);
    ASSERT_NUMBER("changes.0.throughput_before_per_second", 50000);
    ASSERT_NUMBER("changes.0.throughput_during_per_second", 12345.6);
    ASSERT_NUMBER("changes.0.throughput_after_per_second", 49000);
    CU_ASSERT_EQUAL(json_array_size(at(root, "changes.0.members")), 1);
    CU_ASSERT_STRING_EQUAL(string(root, "changes.0.members.0.change"), "join");
    CU_ASSERT_STRING_EQUAL(string(root, "changes.0.members.0.name"), "host-b:2#1");
    CU_ASSERT_STRING_EQUAL(string(root, "changes.0.members.0.id"), "0x2000000000000000000000000000000000000000");
    ASSERT_NUMBER("changes.0.members.0.rank", 2);
    ASSERT_NUMBER("changes.0.members.0.virtual_node", 1);
    /* Refused: the same fields, but for a few they are null. */
    CU_ASSERT_EQUAL(json_object_size(at(root, "changes.1")), json_object_size(at(root, "changes.0")));
    CU_ASSERT(json_is_true(at(root, "changes.1.refused")));
    CU_ASSERT_STRING_EQUAL(string(root, "changes.1.refusal_reason"), "it is in the ring already");
    ASSERT_NUMBER("changes.1.at_ns", 5000000);
    CU_ASSERT_EQUAL(json_array_size(at(root, "changes.1.members")), 0);
    CU_ASSERT(json_is_null(at(root, "changes.1.epoch")));
    CU_ASSERT(json_is_null(at(root, "changes.1.settled")));
    CU_ASSERT(json_is_null(at(root, "changes.1.throughput_before_per_second")));
    CU_ASSERT_STRING_EQUAL(string(root, "changes.2.trigger"), "6ms:depart:0 crash\\xff:9");
    CU_ASSERT_STRING_EQUAL(string(root, "changes.2.members.0.change"), "depart");
    CU_ASSERT_STRING_EQUAL(string(root, "changes.2.members.0.name"), "host-a:0");
    ASSERT_NUMBER("changes.2.members.0.incarnation", 7);
    CU_ASSERT_STRING_EQUAL(string(root, "changes.2.members.1.change"), "exclude");
    CU_ASSERT(json_is_null(at(root, "changes.2.members.1.name"))); /* no such rank */
    CU_ASSERT(json_is_false(at(root, "changes.2.settled")));
    CU_ASSERT(json_is_null(at(root, "changes.2.settled_after_ns")));
    ASSERT_NUMBER("changes.2.throughput_before_per_second", 0);
    CU_ASSERT(json_is_null(at(root, "changes.2.throughput_during_per_second")));
    ASSERT_NUMBER("timeline.slice_ns", 65536);
    CU_ASSERT_EQUAL(json_array_size(at(root, "timeline.answered_counts")), 3);
    ASSERT_NUMBER("timeline.answered_counts.0", 1);
    ASSERT_NUMBER("timeline.answered_counts.1", 0);
    ASSERT_NUMBER("timeline.answered_counts.2", 2);
    json_decref(root);
    make_many_changes();
    root = parsed(record_phase(&run, &phase));
    CU_ASSERT_EQUAL(json_array_size(at(root, "changes")), 30);
    json_decref(root);
    make_wrong();
    root = parsed(record_phase(&run, &phase));
    ASSERT_NUMBER("changes.0.moved_pair_count", 121);
    CU_ASSERT(json_is_null(at(root, "changes.0.throughput_before_per_second")));
    CU_ASSERT(json_is_null(at(root, "timeline")));
    json_decref(root);
    make_run();
    root = parsed(record_phase(&run, &phase));
    CU_ASSERT_EQUAL(json_array_size(at(root, "changes")), 0);
    CU_ASSERT(json_is_array(at(root, "changes")));
    CU_ASSERT(json_is_null(at(root, "timeline")));
    json_decref(root);
}

/* The golden file has the section itself; here, when it is shown, and its bounds. */
static void test_changes_table(void) {
    make_run();
    char *text = printed(print_phase);
    CU_ASSERT_PTR_NULL(strstr(text, "View changes"));
    free(text);
    make_changes();
    text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n\n  View changes: 2, and 1 refused\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "nan"));
    free(text);
    make_wrong();
    text = printed(print_phase);
    CU_ASSERT_PTR_NULL(strstr(text, "View changes"));
    free(text);
    make_run();
    make_many_changes();
    phase.change_count = 12;
    text = printed(print_changes);
    CU_ASSERT_PTR_NULL(strstr(text, "median"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n  12.0 ms"));
    free(text);
    phase.change_count = 13;
    text = printed(print_changes);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "median"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  1 more are in the report"));
    CU_ASSERT_PTR_NULL(strstr(text, "\n  13.0 ms"));
    free(text);
    changes[0] = changes[20];
    phase.change_count = 1;
    text = printed(print_changes);
    CU_ASSERT_STRING_EQUAL(text, "\n  View changes: 0, and 1 refused\n"
                                 "  refused at 21.0 ms: 21ms:join:1: it is in the ring already\n");
    free(text);
}

static void test_stale_reads_record(void) {
    make_run();
    options.consistency = CHORD_EVENTUAL;
    phase.verdict.judged.stale_count = 10;
    phase.verdict.judged.stale_missed_sum = 25;
    phase.verdict.judged.stale_missed_max = 6;
    json_t *root = parsed(record_phase(&run, &phase));
    ASSERT_NUMBER("stale_reads.count", 10);
    ASSERT_NUMBER("stale_reads.share", 0.01);
    ASSERT_NUMBER("stale_reads.versions_missed_mean", 2.5);
    ASSERT_NUMBER("stale_reads.versions_missed_max", 6);
    json_decref(root);
}

/* What location caches did, in the record and in the table; without them there is nothing to tell. */
static void test_location_caches(void) {
    make_run();
    json_t *root = parsed(record_phase(&run, &phase));
    CU_ASSERT(json_is_null(at(root, "cache")));
    json_decref(root);
    char *text = printed(print_phase);
    CU_ASSERT_PTR_NULL(strstr(text, "location caches"));
    free(text);
    options.cache = 64;
    phase.cache_use = (struct cache_use){
        .counters = {.lookups = 800, .hits = 600, .stale = 7, .learned = 30, .replaced = 5, .evicted = 4, .forgotten = 3},
        .entry_count = 21};
    for (unsigned i = 0; i < 1000; i++) {
        hops_record(&phase.metrics.shortcut_hops[i < 400   ? CHORD_SHORTCUT_NONE
                                                 : i < 990 ? CHORD_SHORTCUT_TAKEN
                                                           : CHORD_SHORTCUT_STALE],
                    i < 200 ? 0 : i < 400 ? 3 : i < 990 ? 1 : 2 + i % 2);
    }
    root = parsed(record_phase(&run, &phase));
    ASSERT_NUMBER("cache.capacity_per_rank", 64);
    ASSERT_NUMBER("cache.entry_count", 21);
    ASSERT_NUMBER("cache.lookup_count", 800);
    ASSERT_NUMBER("cache.hit_count", 600);
    ASSERT_NUMBER("cache.miss_count", 200);
    ASSERT_NUMBER("cache.stale_count", 7);
    ASSERT_NUMBER("cache.learned_count", 30);
    ASSERT_NUMBER("cache.replaced_count", 5);
    ASSERT_NUMBER("cache.evicted_count", 4);
    ASSERT_NUMBER("cache.forgotten_count", 3);
    ASSERT_NUMBER("cache.owner_hops_by_shortcut.none.count", 400);
    ASSERT_NUMBER("cache.owner_hops_by_shortcut.none.mean", 1.5);
    ASSERT_NUMBER("cache.owner_hops_by_shortcut.none.p99", 3);
    ASSERT_NUMBER("cache.owner_hops_by_shortcut.right.count", 590);
    ASSERT_NUMBER("cache.owner_hops_by_shortcut.right.p50", 1);
    ASSERT_NUMBER("cache.owner_hops_by_shortcut.stale.mean", 2.5);
    CU_ASSERT_EQUAL(json_array_size(at(root, "cache.owner_hops_by_shortcut.stale.histogram")), 4);
    json_decref(root);
    text = printed(print_phase);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "  no shortcut     1.500   0    0    3         400\n"
                                        "  by a shortcut   1.000   1    1    1         590\n"
                                        "  by a stale one  2.500   2    2    3          10\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "600 of 800 lookups hit (75.0 %), 7 of the hits stale; 21 of 192 entries in use\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "30 learned, 5 older claims replaced, 4 evicted for want of room, 3 forgotten\n"));
    free(text);
    text = printed(print_header);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, ", each rank caches 64 owners, "));
    free(text);
}

static void test_unanswered_operations_are_no_throughput(void) {
    make_run();
    phase.metrics.outcomes[CHORD_QUERY][CHORD_UNKNOWN] = 500;
    CU_ASSERT_EQUAL(summary_throughput_per_second(&phase), 50000);
    CU_ASSERT_EQUAL(summary_answered_count(&phase, CHORD_QUERY), 1000);
    phase.verdict.valid = false;
    CU_ASSERT(isnan(summary_throughput_per_second(&phase)));
}

static void test_file_name_of_any_bytes(void) {
    make_run();
    phase.file = "a\"b\\c\x80\xed\xa0\x80.csv";
    json_t *root = parsed(record_phase(&run, &phase));
    CU_ASSERT_STRING_EQUAL(string(root, "phase.file"), "a\"b\\c\\x80\\xed\\xa0\\x80.csv");
    json_decref(root);
}

static void test_empty_phase_record(void) {
    make_run();
    struct result_phase empty = {.file = "none", .verdict = {.valid = true}};
    json_t *root = parsed(record_phase(&run, &empty));
    CU_ASSERT(json_is_null(at(root, "keys_per_node.min")));
    CU_ASSERT(json_is_null(at(root, "overhead_bytes_per_stored_copy")));
    CU_ASSERT(json_is_null(at(root, "owner_hops.mean")));
    CU_ASSERT_EQUAL(json_array_size(at(root, "path_length.histogram")), 0);
    json_decref(root);
    phase = empty;
    char *text = printed(print_phase);
    CU_ASSERT_PTR_NULL(strstr(text, "nan"));
    CU_ASSERT_PTR_NULL(strstr(text, "inf"));
    free(text);
}

static void test_summary_record(void) {
    make_run();
    double rates[] = {300, 100, 200};
    struct summary_row row = summary_make(&phase, rates, 3);
    json_t *root = parsed(record_summary(&run, &row));
    CU_ASSERT_STRING_EQUAL(string(root, "record"), "summary");
    CU_ASSERT_STRING_EQUAL(string(root, "phase.type"), "query");
    ASSERT_NUMBER("repetitions", 3);
    ASSERT_NUMBER("throughput_per_second.median", 200);
    ASSERT_NUMBER("throughput_per_second.sample_standard_deviation", 100);
    CU_ASSERT(fabs(number(root, "throughput_per_second.harmonic_mean") - 1800.0 / 11) < 1e-9);
    ASSERT_NUMBER("faults.count", 0);
    CU_ASSERT(json_is_null(at(root, "faults.detected_after_ns.median")));
    json_decref(root);
    const struct summary_fault times[] = {{0, 200e6, 210e6}, {0, NAN, NAN}, {1, 1e9, 2e9}, {0, 400e6, NAN}};
    CU_ASSERT_EQUAL(summary_add_faults(&row, times, 4), CHORD_OK);
    root = parsed(record_summary(&run, &row));
    ASSERT_NUMBER("faults.count", 3);
    ASSERT_NUMBER("faults.detected_after_ns.count", 2);
    ASSERT_NUMBER("faults.detected_after_ns.median", 300e6);
    ASSERT_NUMBER("faults.detected_after_ns.max", 400e6);
    ASSERT_NUMBER("faults.writable_after_ns.count", 1);
    ASSERT_NUMBER("faults.writable_after_ns.max", 210e6);
    json_decref(root);
    double wrong[] = {300, NAN, 200};
    row = summary_make(&phase, wrong, 3);
    root = parsed(record_summary(&run, &row));
    ASSERT_NUMBER("repetitions", 3);
    ASSERT_NUMBER("wrong_repetitions", 1);
    CU_ASSERT(json_is_null(at(root, "throughput_per_second")));
    json_decref(root);
    double one[] = {5};
    row = summary_make(&phase, one, 1);
    root = parsed(record_summary(&run, &row));
    ASSERT_NUMBER("throughput_per_second.harmonic_mean", 5);
    CU_ASSERT(json_is_null(at(root, "throughput_per_second.sample_standard_deviation")));
    json_decref(root);
}

static void test_verdict_record(void) {
    static const char *const names[] = {"valid", "failed", "usage", "wrong", "lost", "timed_out"};
    for (unsigned i = 0; i < 6; i++) {
        json_t *root = parsed(record_verdict(i, i == 0 ? NULL : "a \"message\" \xfe"));
        CU_ASSERT_STRING_EQUAL(string(root, "record"), "verdict");
        CU_ASSERT_STRING_EQUAL(string(root, "verdict"), names[i]);
        ASSERT_NUMBER("schema_version", 1);
        CU_ASSERT(json_is_integer(at(root, "exit_status")));
        ASSERT_NUMBER("exit_status", i);
        if (i == 0) {
            CU_ASSERT(json_is_null(at(root, "message")));
        } else {
            CU_ASSERT_STRING_EQUAL(string(root, "message"), "a \"message\" \\xfe");
        }
        json_decref(root);
    }
}

/* --- Texts, statistics
 * ------------------------------------------------------------------------------------------------- */

static void test_numbers(void) {
    char text[TEXT_NUMBER_SIZE];
    CU_ASSERT_STRING_EQUAL(text_count(0, text), "0");
    CU_ASSERT_STRING_EQUAL(text_count(999, text), "999");
    CU_ASSERT_STRING_EQUAL(text_count(1000, text), "1,000");
    CU_ASSERT_STRING_EQUAL(text_count(123456, text), "123,456");
    CU_ASSERT_STRING_EQUAL(text_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    CU_ASSERT_STRING_EQUAL(text_decimal(1234.567, 2, text), "1,234.57");
    CU_ASSERT_STRING_EQUAL(text_decimal(NAN, 2, text), "-");
    CU_ASSERT_STRING_EQUAL(text_rate(123456.7, text), "123,457");
    CU_ASSERT_STRING_EQUAL(text_rate(12.3456, text), "12.35");
    CU_ASSERT_STRING_EQUAL(text_rate(0.012345, text), "0.01235");
    CU_ASSERT_STRING_EQUAL(text_rate(9.99996, text), "10.00");
    CU_ASSERT_STRING_EQUAL(text_duration(0, text), "0 ns");
    CU_ASSERT_STRING_EQUAL(text_duration(999, text), "999 ns");
    CU_ASSERT_STRING_EQUAL(text_duration(999.7, text), "1.00 us");
    CU_ASSERT_STRING_EQUAL(text_duration(1000, text), "1.00 us");
    CU_ASSERT_STRING_EQUAL(text_duration(12345678, text), "12.3 ms");
    CU_ASSERT_STRING_EQUAL(text_duration(1.234e12, text), "1,234 s");
    CU_ASSERT_STRING_EQUAL(text_bytes(512, text), "512 B");
    CU_ASSERT_STRING_EQUAL(text_bytes(1536, text), "1.50 KiB");
    CU_ASSERT_STRING_EQUAL(text_bytes(1048576, text), "1.00 MiB");
}

static void test_escape(void) {
    char text[64];
    CU_ASSERT_EQUAL(text_escape("a\tb\x7f\xc2\x85", true, text, sizeof text), 18);
    CU_ASSERT_STRING_EQUAL(text, "a\\x09b\\x7f\\xc2\\x85");
    CU_ASSERT_EQUAL(text_escape("a\tb", false, text, sizeof text), 3);
    CU_ASSERT_STRING_EQUAL(text, "a\tb");
    /* Valid at every length; overlong, a surrogate, too great, cut short. */
    text_escape("\xce\xb1\xe2\x82\xac\xf0\x9f\x98\x80", true, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "\xce\xb1\xe2\x82\xac\xf0\x9f\x98\x80");
    static const char *const invalid[] = {
        "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x8f\xbf\xbf", "\xe2\x82",
        "\xc3",     "\x80",         "\xff"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        CU_ASSERT_EQUAL(text_escape(invalid[i], false, text, sizeof text), 4 * strlen(invalid[i]));
    }
    /* Cut between characters, and nothing after the cut. */
    CU_ASSERT_EQUAL(text_escape("ab\xe2\x82\xac"
                                "c",
                                false, text, 5),
                    6);
    CU_ASSERT_STRING_EQUAL(text, "ab");
    CU_ASSERT_EQUAL(text_columns("caf\xc3\xa9"), 4);
    CU_ASSERT_EQUAL(text_columns("cafe\xcc\x81"), 4);
    CU_ASSERT_EQUAL(text_columns("\xe6\xbc\xa2"), 2);
}

static void test_statistics(void) {
    double four[] = {4, 1, 3, 2};
    struct statistics s = statistics_compute(four, 4);
    CU_ASSERT_EQUAL(s.count, 4);
    CU_ASSERT_EQUAL(s.median, 2.5);
    CU_ASSERT_EQUAL(s.min, 1);
    CU_ASSERT_EQUAL(s.max, 4);
    CU_ASSERT(fabs(s.sample_standard_deviation - sqrt(5.0 / 3)) < 1e-15);
    CU_ASSERT(fabs(s.harmonic_mean - 1.92) < 1e-15);
    double three[] = {1e9 + 2, 1e9, 1e9 + 1};
    s = statistics_compute(three, 3);
    CU_ASSERT_EQUAL(s.median, 1e9 + 1);
    CU_ASSERT(fabs(s.sample_standard_deviation - 1) < 1e-9);
    double one[] = {7};
    s = statistics_compute(one, 1);
    CU_ASSERT_EQUAL(s.median, 7);
    CU_ASSERT_EQUAL(s.harmonic_mean, 7);
    CU_ASSERT(isnan(s.sample_standard_deviation));
    double with_zero[] = {0, 5};
    CU_ASSERT_EQUAL(statistics_compute(with_zero, 2).harmonic_mean, 0);
    CU_ASSERT(isnan(statistics_compute(one, 0).median));
}

/* --- The file
 * ------------------------------------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/chordkv-test-report.XXXXXX";
static char error[REPORT_FILE_ERROR_SIZE];

/* A path in the test's folder; one at a time. */
static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Whether the folder can be removed, as it can if it is empty; it is made again. */
static bool folder_is_empty(void) {
    return rmdir(folder) == 0 && mkdir(folder, 0700) == 0;
}

static void test_commit(void) {
    struct report_file *file = NULL;
    CU_ASSERT_FATAL(report_file_open(in_folder("r.jsonl"), &file, error));
    CU_ASSERT(access(in_folder("r.jsonl"), F_OK) != 0); /* not before the commit */
    CU_ASSERT(report_file_append(file, "{\"a\":1}", error));
    CU_ASSERT(report_file_append(file, "{\"b\":2}", error));
    CU_ASSERT(report_file_commit(file, error));
    char *text = contents(in_folder("r.jsonl"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, "{\"a\":1}\n{\"b\":2}\n");
    free(text);
    /* Discarded, the older one stays. */
    CU_ASSERT_FATAL(report_file_open(in_folder("r.jsonl"), &file, error));
    CU_ASSERT(report_file_append(file, "half", error));
    report_file_discard(file);
    text = contents(in_folder("r.jsonl"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, "{\"a\":1}\n{\"b\":2}\n");
    free(text);
    /* A link stays one. */
    CU_ASSERT_EQUAL_FATAL(symlink("r.jsonl", in_folder("link")), 0);
    CU_ASSERT_FATAL(report_file_open(in_folder("link"), &file, error));
    CU_ASSERT(report_file_append(file, "new", error));
    CU_ASSERT(report_file_commit(file, error));
    struct stat status;
    CU_ASSERT(lstat(in_folder("link"), &status) == 0 && S_ISLNK(status.st_mode));
    text = contents(in_folder("r.jsonl"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, "new\n");
    free(text);
    unlink(in_folder("link"));
    unlink(in_folder("r.jsonl"));
    CU_ASSERT(folder_is_empty());
}

static void test_discard(void) {
    struct report_file *file = NULL;
    CU_ASSERT_FATAL(report_file_open(in_folder("r.jsonl"), &file, error));
    CU_ASSERT_FALSE(folder_is_empty());
    CU_ASSERT(report_file_append(file, "half", error));
    report_file_discard(file);
    report_file_discard(NULL);
    CU_ASSERT(folder_is_empty());
}

static void test_two_at_once(void) {
    struct report_file *first = NULL, *second = NULL;
    CU_ASSERT_FATAL(report_file_open(in_folder("r"), &first, error));
    CU_ASSERT_FATAL(report_file_open(in_folder("r"), &second, error));
    CU_ASSERT(report_file_append(second, "2", error));
    report_file_discard(first);
    CU_ASSERT(report_file_commit(second, error));
    CU_ASSERT_EQUAL(unlink(in_folder("r")), 0);
    CU_ASSERT(folder_is_empty());
}

static void test_unwritable(void) {
    struct report_file *file = NULL;
    char expected[REPORT_FILE_ERROR_SIZE];
    CU_ASSERT_FALSE(report_file_open(in_folder("none/r.jsonl"), &file, error));
    CU_ASSERT_PTR_NULL(file);
    snprintf(expected, sizeof expected, "chordkv: can't write the report '%s': No such file or directory",
             in_folder("none/r.jsonl"));
    CU_ASSERT_STRING_EQUAL(error, expected);
    CU_ASSERT_FALSE(report_file_open(folder, &file, error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "Is a directory"));
    CU_ASSERT_FALSE(report_file_open(in_folder("new/"), &file, error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "Is a directory"));
    CU_ASSERT_FALSE(report_file_open("", &file, error));
    /* A FIFO without a reader must not block. */
    CU_ASSERT_EQUAL_FATAL(mkfifo(in_folder("fifo"), 0600), 0);
    CU_ASSERT_FALSE(report_file_open(in_folder("fifo"), &file, error));
    unlink(in_folder("fifo"));
    CU_ASSERT(folder_is_empty());
}

/* /dev/full takes nothing: what is buffered fails when it is closed. /dev/null must survive. */
static void test_devices(void) {
    struct report_file *file = NULL;
    CU_ASSERT_FATAL(report_file_open("/dev/full", &file, error));
    CU_ASSERT(report_file_append(file, "line", error));
    CU_ASSERT_FALSE(report_file_commit(file, error));
    CU_ASSERT_STRING_EQUAL(error, "chordkv: can't write the report '/dev/full': No space left on device");
    CU_ASSERT_FATAL(report_file_open("/dev/null", &file, error));
    CU_ASSERT(report_file_append(file, "line", error));
    CU_ASSERT(report_file_commit(file, error));
    struct stat status;
    CU_ASSERT(stat("/dev/null", &status) == 0 && S_ISCHR(status.st_mode));
}

static void test_verdict_write(void) {
    CU_ASSERT(verdict_write(NULL, EXIT_VALID, NULL, error));
    CU_ASSERT(verdict_write(in_folder("verdict.json"), EXIT_WRONG_ANSWER, "2 wrong", error));
    char *text = contents(in_folder("verdict.json"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, "{\"record\":\"verdict\",\"schema_version\":1,\"verdict\":\"wrong\","
                                 "\"exit_status\":3,\"message\":\"2 wrong\"}\n");
    free(text);
    unlink(in_folder("verdict.json"));
    CU_ASSERT_FALSE(verdict_write(in_folder("none/v"), EXIT_VALID, NULL, error));
    CU_ASSERT_EQUAL(strncmp(error, "chordkv: can't write the verdict '", 34), 0);
    CU_ASSERT(folder_is_empty());
}

static void test_build_info(void) {
    const char *const texts[] = {build_info.version, build_info.commit, build_info.compiler, build_info.flags,
                                 build_info.build_type};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(texts[i]);
        CU_ASSERT(texts[i][0] != '\0' && texts[i][0] != '@');
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"the table of a synthetic run is the golden one", test_golden_table},
        {"colours only when asked for", test_colors_only_when_asked},
        {"a wrong phase shows no throughput", test_wrong_phase_shows_no_throughput},
        {"the header says what is unusual", test_header_says_what_is_unusual},
        {"one repetition has no summary", test_one_repetition_has_no_summary},
        {"the record of a phase", test_phase_record},
        {"balance with several nodes a rank", test_balance},
        {"the record of a wrong phase has no throughput", test_wrong_phase_record_has_no_throughput},
        {"view changes in the record", test_changes_record},
        {"view changes in the table", test_changes_table},
        {"faults in the record", test_faults_record},
        {"faults in the table", test_faults_table},
        {"faults in the summary", test_faults_summary},
        {"lost arcs in the table", test_losses_table},
        {"stale reads in the record", test_stale_reads_record},
        {"location caches", test_location_caches},
        {"unanswered operations are no throughput", test_unanswered_operations_are_no_throughput},
        {"file names of any bytes", test_file_name_of_any_bytes},
        {"an empty phase", test_empty_phase_record},
        {"the record of a summary", test_summary_record},
        {"the record of a verdict", test_verdict_record},
        {"numbers as text", test_numbers},
        {"escaping, columns", test_escape},
        {"statistics", test_statistics},
        {"a report is put in place whole", test_commit},
        {"a discarded report leaves nothing", test_discard},
        {"two reports of one process", test_two_at_once},
        {"paths that can't be written", test_unwritable},
        {"devices", test_devices},
        {"the launcher's verdict", test_verdict_write},
        {"what the program was built from", test_build_info},
    };
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 2;
    }
    const int status = UNIT_RUN("report", tests);
    if (rmdir(folder) != 0) {
        perror(folder);
        return 2;
    }
    return status;
}
