/* app/schedule: what an event may look like, what every refusal says, files of any bytes, and what is due
 * when. */
#include "app/schedule/schedule.h"
#include "app/workload/workload.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct schedule schedule;
static char error[SCHEDULE_ERROR_SIZE];
static char path[64];

static const struct schedule_phase phases[] = {
    {WORKLOAD_INSERT, 500}, {WORKLOAD_QUERY, 1000}, {WORKLOAD_INSERT, 70}, {WORKLOAD_MIX, 20000}};
static const struct schedule_run run = {.phases = phases, .phase_count = 4, .rank_count = 8};

static bool add(const char *text) {
    return schedule_add(&schedule, text, strlen(text), error);
}

/* Whether it is one line without control characters that begins with `start` and has `part`. */
static bool is_error(bool result, const char *start, const char *part) {
    bool good = !result && strncmp(error, start, strlen(start)) == 0 && strstr(error, part) != NULL;
    for (const char *c = error; *c != '\0'; c++) {
        good = good && (unsigned char)*c >= ' ' && *c != 127;
    }
    if (!good) {
        printf("\n  result %d, \"%s\", expected \"%s...%s\"\n", result, error, start, part);
    }
    return good;
}

#define ASSERT_REFUSED(text, part)                                                                           \
    do {                                                                                                     \
        CU_ASSERT_TRUE(                                                                                      \
            is_error(schedule_add(&schedule, (text), sizeof(text) - 1, error), "--at '", (part)));           \
        CU_ASSERT_EQUAL(schedule.event_count, 0);                                                            \
        schedule_clear(&schedule);                                                                           \
    } while (0)

/* --- One event --- */

static void test_good_events(void) {
    static const struct {
        const char *text;
        enum schedule_phase_kind phase_kind;
        unsigned phase; /* number or type */
        enum schedule_trigger trigger;
        uint64_t at;
        enum schedule_what what;
        const char *node;
        bool names_rank;
        uint32_t rank;
    } cases[] = {
        {"2s:join:7", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 2000000000, SCHEDULE_JOIN, "7", true, 7},
        {"500ms:depart:0", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 500000000, SCHEDULE_DEPART, "0",
         true, 0},
        {"1.5s:join:007", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1500000000, SCHEDULE_JOIN, "007",
         true, 7},
        {"0s:join:h:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 0, SCHEDULE_JOIN, "h:1", false, 0},
        {"10us:join:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 10000, SCHEDULE_JOIN, "1", true, 1},
        {"0.000000001s:join:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1, SCHEDULE_JOIN, "1", true,
         1},
        {"0.000001ms:join:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1, SCHEDULE_JOIN, "1", true, 1},
        {"1.234us:join:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1234, SCHEDULE_JOIN, "1", true, 1},
        {"1000000s:join:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1000000000000000, SCHEDULE_JOIN,
         "1", true, 1},
        {"op=10000:depart:2", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_COUNT, 10000, SCHEDULE_DEPART, "2",
         true, 2},
        {"op=0:join:2", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_COUNT, 0, SCHEDULE_JOIN, "2", true, 2},
        {"op=1000000000000000000:join:2", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_COUNT, SCHEDULE_COUNT_MAX,
         SCHEDULE_JOIN, "2", true, 2},
        {"mix/2s:join:host-a.b_c:7#15", SCHEDULE_PHASE_TYPE, WORKLOAD_MIX, SCHEDULE_AT_TIME, 2000000000,
         SCHEDULE_JOIN, "host-a.b_c:7#15", false, 0},
        {"insert/op=5:join:fe80::1:3", SCHEDULE_PHASE_TYPE, WORKLOAD_INSERT, SCHEDULE_AT_COUNT, 5,
         SCHEDULE_JOIN, "fe80::1:3", false, 0},
        {"1/op=500:depart:2", SCHEDULE_PHASE_NUMBER, 1, SCHEDULE_AT_COUNT, 500, SCHEDULE_DEPART, "2",
         true, 2},
        {"4294967295/0ms:join:4294967294", SCHEDULE_PHASE_NUMBER, UINT32_MAX, SCHEDULE_AT_TIME, 0,
         SCHEDULE_JOIN, "4294967294", true, UINT32_MAX - 1},
        {"1s:join:h:join:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1000000000, SCHEDULE_JOIN,
         "h:join:1", false, 0},
        {"1s:join:caf\xc3\xa9/2:1", SCHEDULE_PHASE_LAST, 0, SCHEDULE_AT_TIME, 1000000000, SCHEDULE_JOIN,
         "caf\xc3\xa9/2:1", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* Not NUL-terminated: the size counts. */
        char text[128];
        const size_t size = strlen(cases[i].text);
        memcpy(text, cases[i].text, size);
        memset(text + size, '9', sizeof text - size);
        CU_ASSERT_TRUE_FATAL(schedule_add(&schedule, text, size, error));
        CU_ASSERT_EQUAL_FATAL(schedule.event_count, 1);
        const struct schedule_event *event = &schedule.events[0];
        CU_ASSERT_STRING_EQUAL(event->text, cases[i].text);
        CU_ASSERT_STRING_EQUAL(event->node, cases[i].node);
        CU_ASSERT_EQUAL(event->phase_kind, cases[i].phase_kind);
        CU_ASSERT_EQUAL(event->phase_number, event->phase_kind == SCHEDULE_PHASE_NUMBER ? cases[i].phase : 0);
        CU_ASSERT_EQUAL(event->phase_type, event->phase_kind == SCHEDULE_PHASE_TYPE ? cases[i].phase : 0);
        CU_ASSERT_EQUAL(event->trigger, cases[i].trigger);
        CU_ASSERT_EQUAL(event->at, cases[i].at);
        CU_ASSERT_EQUAL(event->what, cases[i].what);
        CU_ASSERT_EQUAL(event->names_rank, cases[i].names_rank);
        CU_ASSERT_EQUAL(event->address.rank, cases[i].rank);
        CU_ASSERT_EQUAL(event->address.virtual_node, 0);
        CU_ASSERT_EQUAL(event->line, 0);
        schedule_clear(&schedule);
    }
}

static void test_bad_form(void) {
    ASSERT_REFUSED("",
                   "--at '': expected WHEN:WHAT:NODE, for instance 2s:join:7, op=10000:depart:2 or 2s:crash:3, not "
                   "''");
    ASSERT_REFUSED("2s", "expected WHEN:WHAT:NODE");
    ASSERT_REFUSED("2s:join", "expected WHEN:WHAT:NODE");
    ASSERT_REFUSED("join 7 at 2s", "not 'join 7 at 2s'");
    ASSERT_REFUSED("2s:join\0:7", "--at '2s:join\\0:7': a node can't 'join\\0' (did you mean 'join'?)");
    ASSERT_REFUSED("\0\0", "not '\\0\\0'");
    ASSERT_REFUSED("::", "'' is neither a time nor a count");
    ASSERT_REFUSED(":join:7", "'' is neither a time nor a count");
}

static void test_bad_when(void) {
    static const char *const neither[] = {
        "2",   "s",   "2 s",   " 2s",       "2s ",        "-2s",  "+2s", "2S",  "2sec", "2m",
        "1.s", ".5s", "1..5s", "1,5s",      "1e3s",       "0x2s", "op",  "op2", "OP=2", "ops=2",
        "2s3", "1.5", "2.ms",  "\xc2\xb5s", "1\xc2\xb5s", "nan",  "inf", "2ns", "",     "="};
    for (size_t i = 0; i < sizeof neither / sizeof neither[0]; i++) {
        char text[64];
        for (unsigned prefixed = 0; prefixed < 2; prefixed++) {
            (void)snprintf(text, sizeof text, "%s%s:join:1", prefixed ? "mix/" : "", neither[i]);
            CU_ASSERT_TRUE(
                is_error(add(text), "--at '",
                         "' is neither a time nor a count: write 2s, 500ms or 1.5s since the phase began, or "
                         "op=10000 for so many answered operations"));
        }
    }
    ASSERT_REFUSED("op=:join:1",
                   "'op=' is no count of operations: write op= and a whole number, such as op=10000");
    ASSERT_REFUSED("op=-1:join:1", "'op=-1' is no count of operations");
    ASSERT_REFUSED("op=1.5:join:1", "'op=1.5' is no count of operations");
    ASSERT_REFUSED("op=1s:join:1", "'op=1s' is no count of operations");
    ASSERT_REFUSED("op=1000000000000000001:join:1", "'op=1000000000000000001' is above 10^18");
    ASSERT_REFUSED("op=18446744073709551617:join:1", "is above 10^18");
    ASSERT_REFUSED("op=99999999999999999999999999999999999999:join:1", "is above 10^18");
    ASSERT_REFUSED("1000000.000000001s:join:1", "'1000000.000000001s' is above 1,000,000 s");
    ASSERT_REFUSED("1000001s:join:1", "above 1,000,000 s");
    ASSERT_REFUSED("18446744073709551616s:join:1", "above 1,000,000 s");
    ASSERT_REFUSED("1000000000000.001us:join:1", "above 1,000,000 s");
    ASSERT_REFUSED("0.0000000001s:join:1",
                   "'0.0000000001s' is finer than a nanosecond: write fewer decimals");
    ASSERT_REFUSED("1.0000ums:join:1", "is neither a time");
    ASSERT_REFUSED("1.0000us:join:1", "finer than a nanosecond");
}

static void test_bad_phase(void) {
    ASSERT_REFUSED("mx/2s:join:1",
                   "'mx' before the / is no phase (did you mean 'mix'?): write insert, query, delete or "
                   "mix, or the phase's number from 1");
    ASSERT_REFUSED("Insert/2s:join:1", "(did you mean 'insert'?)");
    ASSERT_REFUSED("/2s:join:1", "'' before the / is no phase: write");
    ASSERT_REFUSED("0/2s:join:1", "there is no phase 0: phases are numbered from 1");
    ASSERT_REFUSED("4294967296/2s:join:1", "there is no phase 4294967296");
    ASSERT_REFUSED("99999999999999999999999/2s:join:1", "there is no phase 9999");
    ASSERT_REFUSED("-1/2s:join:1", "'-1' before the / is no phase");
    ASSERT_REFUSED("1x/2s:join:1", "'1x' before the / is no phase");
    ASSERT_REFUSED("mix/mix/2s:join:1", "'mix/2s' is neither a time nor a count");
}

static void test_bad_what(void) {
    ASSERT_REFUSED("2s:jion:7",
                   "--at '2s:jion:7': a node can't 'jion' (did you mean 'join'?): write join, depart "
                   "or crash between WHEN and NODE");
    ASSERT_REFUSED("2s:leave:7", "a node can't 'leave': write join, depart or crash");
    ASSERT_REFUSED("2s:Depart:7", "(did you mean 'depart'?)");
    ASSERT_REFUSED("2s:departs:7", "(did you mean 'depart'?)");
    ASSERT_REFUSED("2s::7", "a node can't ''");
    ASSERT_REFUSED("2s:join :7", "a node can't 'join '");
    ASSERT_REFUSED("2s:exclude:7", "a node can't 'exclude'");
    ASSERT_REFUSED("2s:\033[31m:7", "a node can't '\\x1b[31m'");
    CU_ASSERT_STRING_EQUAL(schedule_verb(SCHEDULE_JOIN), "join");
    CU_ASSERT_STRING_EQUAL(schedule_verb(SCHEDULE_DEPART), "depart");
    CU_ASSERT_STRING_EQUAL(schedule_verb(SCHEDULE_CRASH), "crash");
    CU_ASSERT_STRING_EQUAL(schedule_verb(SCHEDULE_WHAT_COUNT), "?");
}

static void test_bad_node(void) {
    ASSERT_REFUSED("2s:join:", "the node is missing: write its rank or its name after 'join:'");
    ASSERT_REFUSED("2s:depart:host", "'host' is neither a rank nor a node's name such as host:3 or host:3#1");
    ASSERT_REFUSED("2s:join:-1", "'-1' is neither");
    ASSERT_REFUSED("2s:join:7 ", "'7 ' is neither");
    ASSERT_REFUSED("2s:join:7#1", "'7#1' is neither");
    ASSERT_REFUSED("2s:join:1.0", "'1.0' is neither");
    ASSERT_REFUSED("2s:join::", "':' is neither");
    ASSERT_REFUSED("2s:join::1", "':1' is neither");
    ASSERT_REFUSED("2s:join:h:", "'h:' is neither");
    ASSERT_REFUSED("2s:join:h :1", "'h :1' is neither");
    ASSERT_REFUSED("2s:join:h\0:1", "'h\\0:1' is neither");
    ASSERT_REFUSED("2s:join:h\t:1", "is neither");
    ASSERT_REFUSED("2s:join:4294967295", "there is no rank 4294967295");
    ASSERT_REFUSED("2s:join:99999999999999999999999", "there is no rank 9999");
    char text[1000];
    (void)snprintf(text, sizeof text, "2s:join:%0*d:1", 298, 0);
    CU_ASSERT_TRUE(add(text));
    (void)snprintf(text, sizeof text, "2s:join:%0*d:1", 299, 0);
    CU_ASSERT_TRUE(is_error(add(text), "--at '2s:join:0000", "...' is neither"));
    schedule_clear(&schedule);
}

/* --- Crashes --- */

static void test_good_crashes(void) {
    static const struct {
        const char *text;
        enum crash_kind kind;
        uint64_t pause_ns;
        const char *node;
        bool names_rank;
    } cases[] = {
        {"2s:crash:3", CRASH_SILENCE, 0, "3", true},
        {"2s:crash:3:silence", CRASH_SILENCE, 0, "3", true},
        {"2s:crash:3:kill", CRASH_KILL, 0, "3", true},
        {"op=500:crash:3:pause=800ms", CRASH_PAUSE, 800000000, "3", true},
        {"mix/op=5:crash:3:pause=1.5s", CRASH_PAUSE, 1500000000, "3", true},
        {"2s:crash:3:pause=0.000000001s", CRASH_PAUSE, 1, "3", true},
        {"2s:crash:3:pause=3600s", CRASH_PAUSE, CRASH_PAUSE_NS_MAX, "3", true},
        {"2s:crash:host:3", CRASH_SILENCE, 0, "host:3", false},
        {"2s:crash:host:3:kill", CRASH_KILL, 0, "host:3", false},
        {"2s:crash:fe80::1:3", CRASH_SILENCE, 0, "fe80::1:3", false},
        {"2s:crash:fe80::1:3:pause=1us", CRASH_PAUSE, 1000, "fe80::1:3", false},
        {"2s:crash:kill:3", CRASH_SILENCE, 0, "kill:3", false}, /* a host of that name */
        {"2s:crash:kill:3:kill", CRASH_KILL, 0, "kill:3", false},
        {"2s:crash:a#b:3:kill", CRASH_KILL, 0, "a#b:3", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_TRUE_FATAL(add(cases[i].text));
        const struct schedule_event *event = &schedule.events[0];
        CU_ASSERT_EQUAL(event->what, SCHEDULE_CRASH);
        CU_ASSERT_EQUAL(event->crash.kind, cases[i].kind);
        CU_ASSERT_EQUAL(event->crash.pause_ns, cases[i].pause_ns);
        CU_ASSERT_STRING_EQUAL(event->text, cases[i].text);
        CU_ASSERT_STRING_EQUAL(event->node, cases[i].node);
        CU_ASSERT_EQUAL(event->names_rank, cases[i].names_rank);
        schedule_clear(&schedule);
    }
    CU_ASSERT_STRING_EQUAL(crash_kind_name(CRASH_SILENCE), "silence");
    CU_ASSERT_STRING_EQUAL(crash_kind_name(CRASH_KILL), "kill");
    CU_ASSERT_STRING_EQUAL(crash_kind_name(CRASH_PAUSE), "pause");
    CU_ASSERT_STRING_EQUAL(crash_kind_name(CRASH_KIND_COUNT), "?");
}

static void test_bad_crashes(void) {
    ASSERT_REFUSED("2s:crash:3:kil", "--at '2s:crash:3:kil': a rank can't crash by 'kil' (did you mean 'kill'?): write "
                                     "silence, kill or pause=800ms");
    ASSERT_REFUSED("2s:crash:3:pause", "by 'pause' (did you mean 'pause=800ms'?)");
    ASSERT_REFUSED("2s:crash:3:", "a rank can't crash by ''");
    ASSERT_REFUSED("2s:crash:3:kill ", "a rank can't crash by 'kill '");
    ASSERT_REFUSED("2s:crash:3:kill\0", "a rank can't crash by 'kill\\0'");
    ASSERT_REFUSED("2s:crash:3:pause=", "'' after pause= is no time: write pause=800ms or pause=2s");
    ASSERT_REFUSED("2s:crash:3:pause=800", "'800' after pause= is no time");
    ASSERT_REFUSED("2s:crash:3:pause=0ms", "'0ms' after pause= is no pause");
    ASSERT_REFUSED("2s:crash:3:pause=3600.1s", "'3600.1s' after pause= is above 3600 s");
    ASSERT_REFUSED("2s:crash:3:pause=0.0000000001s", "is finer than a nanosecond");
    ASSERT_REFUSED("2s:crash:", "the node is missing: write its rank or its name after 'crash:'");
    ASSERT_REFUSED("2s:crash::kill", "the node is missing");
    ASSERT_REFUSED("2s:crash:kill", "'kill' is neither a rank");
    ASSERT_REFUSED("2s:crash:host:kill", "'host' is neither a rank");
    ASSERT_REFUSED("2s:crash:3:kill:kill", "'3:kill' is neither a rank");
    ASSERT_REFUSED("2s:crash:host:3#1", "'host:3#1' is one node, but a process dies as a whole: write its rank, or "
                                        "host:rank without #");
    ASSERT_REFUSED("2s:crash:host:3#1:kill", "'host:3#1' is one node");
    CU_ASSERT_TRUE(add("2s:join:host:3:kill")); /* of a join it is a part of the name, which nobody will have */
    CU_ASSERT_STRING_EQUAL(schedule.events[0].node, "host:3:kill");
    schedule_clear(&schedule);
}

/* Any short text of any bytes is taken or refused in one line. */
static void test_any_bytes(void) {
    static const char parts[] = "12:.s/op=joindepartcrashkill#\n\r\t \0\x7f\xff\xc3\xa9mix%";
    uint64_t state = 1;
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0; i < 200000; i++) {
        static const char good[] = "1/2s:join:12";
        char text[24];
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t size = (size_t)(state >> 60);
        uint64_t random = state >> 8;
        if (i % 2 == 0) { /* a good one with one byte changed */
            size = sizeof good - 1;
            memcpy(text, good, size);
            text[random % size] = parts[(random >> 8) % (sizeof parts - 1)];
        } else {
            for (size_t b = 0; b < size; b++) {
                state = state * 6364136223846793005u + 1442695040888963407u;
                text[b] = parts[(state >> 33) % (sizeof parts - 1)];
            }
        }
        if (schedule_add(&schedule, text, size, error)) {
            taken++;
        } else {
            refused++;
            if (strpbrk(error, "\n\r\t") != NULL || strncmp(error, "--at '", 6) != 0) {
                CU_FAIL("an error that isn't one line");
            }
        }
        schedule_clear(&schedule);
    }
    CU_ASSERT_TRUE(taken > 1000 && refused > 100000);
}

/* --- Files --- */

static bool read_bytes(const char *bytes, size_t size) {
    (void)snprintf(path, sizeof path, "/tmp/chordkv-schedule-XXXXXX");
    const int descriptor = mkstemp(path);
    CU_ASSERT_FATAL(descriptor >= 0);
    CU_ASSERT_FATAL(write(descriptor, bytes, size) == (ssize_t)size);
    CU_ASSERT_FATAL(close(descriptor) == 0);
    const bool good = schedule_read(&schedule, path, error);
    CU_ASSERT_FATAL(unlink(path) == 0);
    return good;
}

#define READ(text) read_bytes((text), sizeof(text) - 1)

/* Whether reading fails with "<path>:<line>: ...<part>". */
static bool file_fails(bool result, unsigned line, const char *part) {
    char start[96];
    (void)snprintf(start, sizeof start, "%s:%u: ", path, line);
    const bool good = is_error(result, start, part);
    schedule_clear(&schedule);
    return good;
}

static void test_files(void) {
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3\n 2s:join:4#\t\n"), 2, "'4#' is neither"));
    CU_ASSERT_TRUE_FATAL(READ("\xef\xbb\xbf# changes\r\n\r\n  \t\n1s:join:3\n\top=5:depart:h:2#1 # "
                              "why\r\n#x\n 2s:join:4\t#\r\nmix/1ms:join:5"));
    CU_ASSERT_EQUAL_FATAL(schedule.event_count, 4);
    static const char *const texts[] = {"1s:join:3", "op=5:depart:h:2#1", "2s:join:4", "mix/1ms:join:5"};
    static const uint32_t lines[] = {4, 5, 7, 8};
    for (uint32_t i = 0; i < 4; i++) {
        CU_ASSERT_STRING_EQUAL(schedule.events[i].text, texts[i]);
        CU_ASSERT_EQUAL(schedule.events[i].line, lines[i]);
        CU_ASSERT_EQUAL(schedule.events[i].ordinal, i);
    }
    CU_ASSERT_STRING_EQUAL(schedule.events[1].node, "h:2#1");
    CU_ASSERT_TRUE(add("3s:join:1")); /* both may be combined */
    CU_ASSERT_EQUAL(schedule.event_count, 5);
    CU_ASSERT_EQUAL(schedule.events[4].line, 0);
    schedule_clear(&schedule);
    CU_ASSERT_EQUAL(schedule.event_count, 0);
    static const char *const empty[] = {
        "", "\n", "\xef\xbb\xbf", "\xef\xbb\xbf\n#", "\r\n\r\n", "# 1s:join:3", " #"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        CU_ASSERT_TRUE(read_bytes(empty[i], strlen(empty[i])));
        CU_ASSERT_EQUAL(schedule.event_count, 0);
        schedule_clear(&schedule);
    }
}

static void test_bad_files(void) {
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3\n\n1s:jion:3\n"), 3,
                              ":3: a node can't 'jion' (did you mean 'join'?): write join, depart or crash"));
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3 4\n"), 1, "'3 4' is neither a rank"));
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3\0\n"), 1, "'3\\0' is neither a rank"));
    CU_ASSERT_TRUE(file_fails(READ("\0"), 1, "not '\\0'"));
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3\n\xff\xfe\x31\n"), 2, "not '\\xff\\xfe1'"));
    CU_ASSERT_TRUE(file_fails(READ("\n\xef\xbb\xbf"
                                   "1s:join:3\n"),
                              2, "is neither a time nor a count"));
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3\r1s:join:4\n"), 1, "is neither a rank"));
    CU_ASSERT_TRUE(file_fails(READ("1s:join:3#x\n"), 1, "'3#x' is neither a rank"));
}

static void test_long_lines(void) {
    static char bytes[3000];
    /* As long as allowed, with both line breaks; then one more, with and without a line break. */
    for (unsigned i = 0; i < 2; i++) {
        memset(bytes, ' ', sizeof bytes);
        memcpy(bytes, "1s:join:3", 9);
        const char *end = i == 0 ? "\n" : "\r\n";
        memcpy(bytes + SCHEDULE_LINE_SIZE_MAX, end, strlen(end));
        CU_ASSERT_TRUE(read_bytes(bytes, SCHEDULE_LINE_SIZE_MAX + strlen(end)));
        CU_ASSERT_EQUAL(schedule.event_count, 1);
        schedule_clear(&schedule);
    }
    memset(bytes, ' ', sizeof bytes);
    bytes[0] = '\n';
    bytes[SCHEDULE_LINE_SIZE_MAX + 2] = '\n';
    CU_ASSERT_TRUE(file_fails(read_bytes(bytes, sizeof bytes), 2, "the line is longer than 1024 bytes"));
    CU_ASSERT_TRUE(
        file_fails(read_bytes(bytes + 1, SCHEDULE_LINE_SIZE_MAX + 1), 1, "the line is longer than 1024"));
    bytes[SCHEDULE_LINE_SIZE_MAX + 1] = '\r';
    CU_ASSERT_TRUE(read_bytes(bytes, SCHEDULE_LINE_SIZE_MAX + 3));
    schedule_clear(&schedule);
    bytes[SCHEDULE_LINE_SIZE_MAX + 2] = '\r';
    CU_ASSERT_TRUE(
        file_fails(read_bytes(bytes, SCHEDULE_LINE_SIZE_MAX + 3), 2, "the line is longer than 1024"));
}

static void test_no_file(void) {
    CU_ASSERT_TRUE(
        is_error(schedule_read(&schedule, "/no/such\nfile", error), "/no/such?file: can't be opened: ", ""));
    CU_ASSERT_TRUE(
        is_error(schedule_read(&schedule, "/tmp", error), "/tmp: is no regular file; expected lines", ""));
    CU_ASSERT_TRUE(
        is_error(schedule_read(&schedule, "/dev/null", error), "/dev/null: is no regular file", ""));
    (void)snprintf(path, sizeof path, "/tmp/chordkv-schedule-%ld", (long)getpid());
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    CU_ASSERT_TRUE(
        is_error(schedule_read(&schedule, path, error), path, ": is no regular file")); /* and returns */
    CU_ASSERT_EQUAL(unlink(path), 0);
    static char name[5000];
    memset(name, 'n', sizeof name - 1);
    CU_ASSERT_TRUE(is_error(schedule_read(&schedule, name, error), "nnn", ": can't be opened"));
    schedule_clear(&schedule);
}

static void test_event_limit(void) {
    for (unsigned i = 0; i < SCHEDULE_EVENT_COUNT_MAX; i++) {
        if (!add("1s:join:1")) {
            CU_FAIL("too early");
        }
    }
    CU_ASSERT_TRUE(is_error(add("1s:join:1"), "--at '1s:join:1': ", "a run takes at most 100000 events"));
    CU_ASSERT_EQUAL(schedule.event_count, SCHEDULE_EVENT_COUNT_MAX);
    schedule_clear(&schedule);
}

/* --- Against the run --- */

static bool prepare_fails(const char *text, const char *part) {
    CU_ASSERT_TRUE_FATAL(add(text));
    const bool good = is_error(schedule_prepare(&schedule, &run, error), "--at '", part);
    schedule_clear(&schedule);
    return good;
}

static uint32_t phase_of(const char *text) {
    CU_ASSERT_TRUE_FATAL(add(text));
    const bool good = schedule_prepare(&schedule, &run, error);
    const uint32_t index = good ? schedule.events[0].phase_index : UINT32_MAX;
    schedule_clear(&schedule);
    return index;
}

static void test_phases(void) {
    CU_ASSERT_EQUAL(phase_of("1s:join:0"), 3);
    CU_ASSERT_EQUAL(phase_of("op=19999:join:7"), 3);
    CU_ASSERT_EQUAL(phase_of("1/1s:join:0"), 0);
    CU_ASSERT_EQUAL(phase_of("4/1s:join:0"), 3);
    CU_ASSERT_EQUAL(phase_of("query/1s:join:0"), 1);
    CU_ASSERT_EQUAL(phase_of("mix/1s:join:0"), 3);
    CU_ASSERT_TRUE(prepare_fails("5/1s:join:0", "there is no phase 5: this run has the phases 1 to 4"));
    CU_ASSERT_TRUE(prepare_fails("4294967295/1s:join:0", "there is no phase 4294967295"));
    CU_ASSERT_TRUE(
        prepare_fails("delete/1s:join:0", "this run has no delete phase; add one with --phase delete=FILE"));
    CU_ASSERT_TRUE(prepare_fails("insert/1s:join:0",
                                 "this run has 2 insert phases, say which by its number, for "
                                 "instance 1/ or 3/ instead of insert/"));
    CU_ASSERT_TRUE(
        prepare_fails("op=20000:join:0", "phase 4 has 20000 operations: write a smaller count than that"));
    CU_ASSERT_TRUE(prepare_fails("3/op=70:join:0", "phase 3 has 70 operations"));
    CU_ASSERT_EQUAL(phase_of("3/op=69:join:0"), 2);
    CU_ASSERT_TRUE(prepare_fails("1s:join:8", "there is no rank 8: the ranks are 0..7; start more with -n"));
    CU_ASSERT_EQUAL(phase_of("1s:join:host:8"), 3); /* names are checked later */
    CU_ASSERT_TRUE(READ("1s:join:1\n# x\n1s:join:9\n"));
    CU_ASSERT_TRUE(file_fails(schedule_prepare(&schedule, &run, error), 3, "there is no rank 9"));
    CU_ASSERT_TRUE(schedule_prepare(&schedule, &run, error)); /* of none */
}

static void test_crashes_of_the_run(void) {
    CU_ASSERT_TRUE(add("1s:crash:1:kill") && add("2s:crash:7:pause=1s"));
    CU_ASSERT_TRUE(schedule_prepare(&schedule, &run, error));
    CU_ASSERT_TRUE(schedule_has_crashes(&schedule));
    schedule_clear(&schedule);
    CU_ASSERT_TRUE(add("1s:join:1"));
    CU_ASSERT_FALSE(schedule_has_crashes(&schedule));
    schedule_clear(&schedule);
    CU_ASSERT_TRUE(prepare_fails("1s:crash:0", "--at '1s:crash:0': rank 0 hosts the coordinator, which never crashes by "
                                               "contract; choose another rank"));
    CU_ASSERT_TRUE(prepare_fails("1s:crash:8:kill", "there is no rank 8"));
    /* An MPI that takes everybody down with the one. */
    const struct schedule_run fragile = {
        .phases = phases, .phase_count = 4, .rank_count = 8, .kill_refusal = "srun ends the step; use silence"};
    CU_ASSERT_TRUE(READ("1s:crash:1:silence\n1s:crash:2:kill\n"));
    CU_ASSERT_TRUE(
        file_fails(schedule_prepare(&schedule, &fragile, error), 2, ":2: srun ends the step; use silence"));
    CU_ASSERT_TRUE(add("1s:crash:1") && add("1s:crash:1:pause=1s") && schedule_prepare(&schedule, &fragile, error));
    schedule_clear(&schedule);
}

static bool look_up(void *context, const char *name, struct chord_address *address) {
    unsigned *calls = context;
    (*calls)++;
    if (strncmp(name, "h:", 2) != 0 || name[2] > '7') {
        return false;
    }
    *address =
        (struct chord_address){.rank = (uint32_t)(name[2] - '0'), .virtual_node = name[3] == '#' ? 1 : 0};
    return true;
}

static void test_resolve(void) {
    unsigned calls = 0;
    CU_ASSERT_TRUE(add("2s:join:h:3#1") && add("1s:depart:5") && add("3s:join:h:0"));
    CU_ASSERT_TRUE(schedule_prepare(&schedule, &run, error));
    CU_ASSERT_TRUE(schedule_resolve(&schedule, look_up, &calls, error));
    CU_ASSERT_EQUAL(calls, 2); /* a rank is no name */
    CU_ASSERT_EQUAL(schedule.events[0].address.rank, 5);
    CU_ASSERT_TRUE(schedule.events[0].names_rank);
    CU_ASSERT_EQUAL(schedule.events[1].address.rank, 3);
    CU_ASSERT_EQUAL(schedule.events[1].address.virtual_node, 1);
    CU_ASSERT_FALSE(schedule.events[1].names_rank);
    CU_ASSERT_EQUAL(schedule.events[2].address.rank, 0);
    schedule_clear(&schedule);
    CU_ASSERT_TRUE(add("2s:join:h:9") && add("1s:depart:g:1"));
    CU_ASSERT_TRUE(schedule_prepare(&schedule, &run, error));
    CU_ASSERT_TRUE(is_error(schedule_resolve(&schedule, look_up, &calls, error),
                            "--at '2s:join:h:9': there is no node 'h:9'; write its rank, or its name", ""));
    schedule_clear(&schedule);
    CU_ASSERT_TRUE(add("2s:crash:h:1") && add("1s:crash:h:0:kill") && add("3s:join:h:0"));
    CU_ASSERT_TRUE(schedule_prepare(&schedule, &run, error));
    CU_ASSERT_TRUE(is_error(schedule_resolve(&schedule, look_up, &calls, error),
                            "--at '1s:crash:h:0:kill': rank 0 hosts the coordinator", ""));
    schedule_clear(&schedule);
}

/* --- What is due --- */

static bool is_next(uint64_t elapsed_ns, uint64_t answered_count, const char *text) {
    const struct schedule_event *event = schedule_next_due(&schedule, elapsed_ns, answered_count);
    const bool good = text == NULL ? event == NULL : event != NULL && strcmp(event->text, text) == 0;
    if (!good) {
        printf("\n  %s instead of %s\n", event == NULL ? "nothing" : event->text,
               text == NULL ? "nothing" : text);
    }
    return good;
}

static void test_due(void) {
    static const char *const texts[] = {"2s:join:1",    "op=100:join:2", "1s:join:3",         "1s:join:4",
                                        "op=50:join:5", "1/1s:join:6",   "query/op=1:join:7", "0s:join:0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CU_ASSERT_TRUE_FATAL(add(texts[i]));
    }
    CU_ASSERT_TRUE_FATAL(schedule_prepare(&schedule, &run, error));
    CU_ASSERT_TRUE(is_next(UINT64_MAX, UINT64_MAX, NULL)); /* no phase has begun */
    for (unsigned repetition = 0; repetition < 2; repetition++) {
        schedule_begin(&schedule, 0);
        CU_ASSERT_EQUAL(schedule_next_ns(&schedule), 1000000000);
        CU_ASSERT_EQUAL(schedule_next_count(&schedule), UINT64_MAX);
        CU_ASSERT_TRUE(is_next(999999999, UINT64_MAX, NULL));
        CU_ASSERT_TRUE(is_next(1000000000, 0, "1/1s:join:6"));
        CU_ASSERT_TRUE(is_next(UINT64_MAX, UINT64_MAX, NULL));
        CU_ASSERT_EQUAL(schedule_next_ns(&schedule), UINT64_MAX);

        schedule_begin(&schedule, 1);
        CU_ASSERT_EQUAL(schedule_next_ns(&schedule), UINT64_MAX);
        CU_ASSERT_EQUAL(schedule_next_count(&schedule), 1);
        CU_ASSERT_TRUE(is_next(UINT64_MAX, 0, NULL));
        CU_ASSERT_TRUE(is_next(0, 1, "query/op=1:join:7"));

        schedule_begin(&schedule, 2); /* has none */
        CU_ASSERT_TRUE(is_next(UINT64_MAX, UINT64_MAX, NULL));
        CU_ASSERT_PTR_NULL(schedule_next_left(&schedule));

        schedule_begin(&schedule, 3);
        CU_ASSERT_EQUAL(schedule_next_ns(&schedule), 0);
        CU_ASSERT_EQUAL(schedule_next_count(&schedule), 50);
        CU_ASSERT_TRUE(is_next(0, 0, "0s:join:0"));
        CU_ASSERT_TRUE(is_next(0, 49, NULL));
        CU_ASSERT_TRUE(is_next(0, 50, "op=50:join:5"));
        CU_ASSERT_EQUAL(schedule_next_ns(&schedule), 1000000000);
        CU_ASSERT_EQUAL(schedule_next_count(&schedule), 100);
        /* Both are due: the one that was read first. Of equal times, too. */
        CU_ASSERT_TRUE(is_next(1500000000, 100, "op=100:join:2"));
        CU_ASSERT_TRUE(is_next(1500000000, 100, "1s:join:3"));
        CU_ASSERT_TRUE(is_next(1500000000, 100, "1s:join:4"));
        CU_ASSERT_TRUE(is_next(1500000000, 100, NULL));
        const struct schedule_event *left = schedule_next_left(&schedule);
        CU_ASSERT_PTR_NOT_NULL_FATAL(left);
        CU_ASSERT_STRING_EQUAL(left->text, "2s:join:1");
        CU_ASSERT_PTR_NULL(schedule_next_left(&schedule));
    }
    schedule_begin(&schedule, 99);
    CU_ASSERT_TRUE(is_next(UINT64_MAX, UINT64_MAX, NULL));
    schedule_clear(&schedule);
    schedule_begin(&schedule, 0); /* of an empty schedule */
    CU_ASSERT_TRUE(is_next(UINT64_MAX, UINT64_MAX, NULL));
}

int main(void) {
    static const struct unit_test tests[] = {
        {"good events", test_good_events},
        {"bad form", test_bad_form},
        {"bad WHEN", test_bad_when},
        {"bad phase", test_bad_phase},
        {"bad WHAT", test_bad_what},
        {"bad NODE", test_bad_node},
        {"good crashes", test_good_crashes},
        {"bad crashes", test_bad_crashes},
        {"any bytes", test_any_bytes},
        {"files", test_files},
        {"bad files", test_bad_files},
        {"long lines", test_long_lines},
        {"no file", test_no_file},
        {"at most so many events", test_event_limit},
        {"phases, counts and ranks of the run", test_phases},
        {"crashes of the run", test_crashes_of_the_run},
        {"names", test_resolve},
        {"what is due", test_due},
    };
    return UNIT_RUN("schedule", tests);
}
