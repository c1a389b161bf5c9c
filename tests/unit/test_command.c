/* The shell's commands: what each takes, and the error for everything else. */
#include "app/shell/command.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct words words;
static struct command command;
static char error[COMMAND_ERROR_SIZE];

static bool parse(const char *line) {
    CU_ASSERT_PTR_NULL_FATAL(words_split(&words, (const unsigned char *)line, strlen(line)));
    return command_parse(&words, &command, error);
}

static void expect_error(const char *line, const char *text) {
    const bool good = !parse(line) && strcmp(error, text) == 0;
    if (!good) {
        printf("\n  '%s': '%s', expected '%s'\n", line, error, text);
    }
    CU_ASSERT_TRUE(good);
}

static void test_operations(void) {
    CU_ASSERT_TRUE(parse("insert k v"));
    CU_ASSERT_EQUAL(command.kind, SHELL_INSERT);
    CU_ASSERT_TRUE(word_is(&command.key, "k") && word_is(&command.value, "v"));
    CU_ASSERT_FALSE(command.node.given);
    CU_ASSERT_TRUE(parse("insert k '' 12"));
    CU_ASSERT_EQUAL(command.value.size, 0);
    CU_ASSERT_TRUE(command.node.given);
    CU_ASSERT_EQUAL(command.node.rank, 12);
    CU_ASSERT_TRUE(parse("query k"));
    CU_ASSERT_EQUAL(command.kind, SHELL_QUERY);
    CU_ASSERT_FALSE(command.all);
    CU_ASSERT_TRUE(parse("query *"));
    CU_ASSERT_TRUE(command.all);
    CU_ASSERT_TRUE(parse("query '*'") && !command.all && word_is(&command.key, "*"));
    CU_ASSERT_TRUE(parse("query \\* 3") && !command.all && word_is(&command.key, "*"));
    CU_ASSERT_TRUE(parse("insert * v") && word_is(&command.key, "*"));
    CU_ASSERT_TRUE(parse("delete k 0") && command.kind == SHELL_DELETE && command.node.given);
    CU_ASSERT_TRUE(parse("route k 1") && command.kind == SHELL_ROUTE && command.node.rank == 1);
    expect_error("insert k", "too few words; usage: insert KEY VALUE [NODE]");
    expect_error("insert", "too few words; usage: insert KEY VALUE [NODE]");
    expect_error("insert a b 1 2", "too many words (quote those with blanks); usage: insert KEY VALUE [NODE]");
    expect_error("query", "too few words; usage: query KEY [NODE] | *");
    expect_error("query * 3", "too many words (quote those with blanks); usage: query KEY [NODE] | *");
    expect_error("delete", "too few words; usage: delete KEY [NODE]");
    expect_error("route a b c", "too many words (quote those with blanks); usage: route KEY [NODE]");
    expect_error("insert '' v", "the key is empty: a key has 1 to 1,024 bytes");
    expect_error("query ''", "the key is empty: a key has 1 to 1,024 bytes");
}

static void test_nodes(void) {
    CU_ASSERT_TRUE(parse("info"));
    CU_ASSERT_FALSE(command.node.given);
    CU_ASSERT_TRUE(parse("info host:3"));
    CU_ASSERT_EQUAL(command.node.rank, 3);
    CU_ASSERT_EQUAL(command.node.host_size, 4);
    CU_ASSERT_FALSE(command.node.has_virtual_node);
    CU_ASSERT_TRUE(parse("overlay a-b.c:10#2"));
    CU_ASSERT_EQUAL(command.node.rank, 10);
    CU_ASSERT_EQUAL(command.node.virtual_node, 2);
    CU_ASSERT_TRUE(command.node.has_virtual_node);
    CU_ASSERT_TRUE(parse("info 7#0") && command.node.has_virtual_node && command.node.host == NULL);
    CU_ASSERT_TRUE(parse("join 7") && command.kind == SHELL_JOIN && command.node.rank == 7);
    CU_ASSERT_TRUE(parse("depart h:4294967295") && command.node.rank == UINT32_MAX);
    static const char *const bad[] = {"x", "''", "-1", "3x", ":3", "h:", "3#", "3#x", "'#1'", "4294967296", "3#65536",
                                      "99999999999999999999999", "h#1:x", "1.5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "info %s", bad[i]);
        CU_ASSERT_FALSE(parse(line));
        CU_ASSERT_PTR_NOT_NULL(strstr(error, "is no node: give a rank"));
    }
    expect_error("join", "too few words; usage: join NODE");
    expect_error("depart 1 2", "too many words (quote those with blanks); usage: depart NODE");
    expect_error("overlay 1 2", "too many words (quote those with blanks); usage: overlay [NODE]");
}

static void test_crash(void) {
    CU_ASSERT_TRUE(parse("crash 3"));
    CU_ASSERT(command.kind == SHELL_CRASH && command.node.given && command.node.rank == 3);
    CU_ASSERT(command.crash.kind == CRASH_SILENCE && command.crash.pause_ns == 0);
    CU_ASSERT_TRUE(parse("crash host:3 silence") && command.node.host_size == 4 && command.crash.kind == CRASH_SILENCE);
    CU_ASSERT_TRUE(parse("crash 3 kill") && command.crash.kind == CRASH_KILL);
    CU_ASSERT_TRUE(parse("crash 3 pause=1.5s") && command.crash.kind == CRASH_PAUSE);
    CU_ASSERT_EQUAL(command.crash.pause_ns, 1500000000);
    expect_error("crash", "too few words; usage: crash NODE [silence|kill|pause=TIME]");
    expect_error("crash 3 kill 4", "too many words; usage: crash NODE [silence|kill|pause=TIME]");
    expect_error("crash kill", "'kill' is no node: give a rank, such as 3, or a name as overlay shows it (HOST:RANK)");
    expect_error("crash 3#1", "a process dies as a whole: give a rank, such as 3, without #1");
    expect_error("crash h:3#0 kill", "a process dies as a whole: give a rank, such as 3, without #0");
    expect_error("crash 3 kil", "a rank can't crash by 'kil' (did you mean 'kill'?): write silence, kill or pause=800ms");
    expect_error("crash 3 pause=5", "'5' after pause= is no time: write pause=800ms or pause=2s");
    expect_error("crash 3 ''", "a rank can't crash by '': write silence, kill or pause=800ms");
    CU_ASSERT_TRUE(parse("help crash") && command.topic == SHELL_CRASH);
}

static void test_files(void) {
    CU_ASSERT_TRUE(parse("file a.csv --type insert"));
    CU_ASSERT_EQUAL(command.kind, SHELL_FILE);
    CU_ASSERT_TRUE(word_is(&command.path, "a.csv"));
    CU_ASSERT_EQUAL(command.type, OPTIONS_PHASE_INSERT);
    CU_ASSERT_TRUE(parse("fileparallel --type=mix 'a b'"));
    CU_ASSERT_EQUAL(command.kind, SHELL_FILEPARALLEL);
    CU_ASSERT_EQUAL(command.type, OPTIONS_PHASE_MIX);
    CU_ASSERT_TRUE(word_is(&command.path, "a b"));
    CU_ASSERT_TRUE(parse("file --type query q") && command.type == OPTIONS_PHASE_QUERY);
    CU_ASSERT_TRUE(parse("file --type delete q") && command.type == OPTIONS_PHASE_DELETE);
    static const char usage[] = "usage: file PATH --type insert|query|delete|mix";
    static const struct {
        const char *line, *what;
    } bad[] = {{"file", "the file is missing"},
               {"file --type mix", "the file is missing"},
               {"file a", "--type is missing"},
               {"file a b --type mix", "one file at a time"},
               {"file a --type", "--type needs a type"},
               {"file a --type mix --type mix", "--type is given twice"},
               {"file '' --type mix", "that is no file's name"},
               {"file $'a\\x00' --type mix", "that is no file's name"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[COMMAND_ERROR_SIZE];
        (void)snprintf(text, sizeof text, "%s; %s", bad[i].what, usage);
        expect_error(bad[i].line, text);
    }
    expect_error("file a --type inset",
                 "--type takes insert, query, delete or mix, not 'inset' (did you mean 'insert'?)");
    expect_error("file a --type=", "--type takes insert, query, delete or mix, not ''");
    expect_error("fileparallel 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
                 "too many words; usage: fileparallel PATH --type insert|query|delete|mix");
}

static void test_others(void) {
    CU_ASSERT_TRUE(parse("stats") && command.kind == SHELL_STATS);
    CU_ASSERT_TRUE(parse("quit") && command.kind == SHELL_QUIT);
    CU_ASSERT_TRUE(parse("exit") && command.kind == SHELL_QUIT);
    CU_ASSERT_TRUE(parse("help") && command.topic == SHELL_COMMAND_COUNT);
    CU_ASSERT_TRUE(parse("help route") && command.topic == SHELL_ROUTE);
    CU_ASSERT_TRUE(parse("help exit") && command.topic == SHELL_QUIT);
    expect_error("help nothing", "unknown command 'nothing'; help lists them");
    expect_error("help a b", "too many words; usage: help [COMMAND]");
    expect_error("quit now", "it takes nothing; usage: quit");
    expect_error("stats 3", "it takes nothing; usage: stats");
    expect_error("insrt a b", "unknown command 'insrt' (did you mean 'insert'?); help lists them");
    expect_error("Insert a b", "unknown command 'Insert' (did you mean 'insert'?); help lists them");
    expect_error("''", "unknown command ''; help lists them");
    expect_error("$'a\\nb\\xff'", "unknown command 'a?b?'; help lists them");
}

static char *line_of(const char *start, size_t size, const char *end) {
    char *line = malloc(strlen(start) + size + strlen(end) + 1);
    memcpy(line, start, strlen(start));
    memset(line + strlen(start), 'x', size);
    memcpy(line + strlen(start) + size, end, strlen(end) + 1);
    return line;
}

static void test_sizes(void) {
    char *line = line_of("insert ", 1024, " v");
    CU_ASSERT_TRUE(parse(line));
    free(line);
    line = line_of("insert ", 1025, " v");
    expect_error(line, "the key has 1025 bytes: at most 1,024 are allowed");
    free(line);
    line = line_of("insert k ", 1024 * 1024, "");
    CU_ASSERT_TRUE(parse(line));
    free(line);
    line = line_of("insert k ", 1024 * 1024 + 1, " 3");
    expect_error(line, "the value has 1048577 bytes: at most 1,048,576 (1 MiB) are allowed");
    free(line);
    line = line_of("", 100000, " v");
    CU_ASSERT_FALSE(parse(line));
    CU_ASSERT_TRUE(strlen(error) < 120);
    free(line);
}

static void test_table(void) {
    for (unsigned kind = 0; kind < SHELL_COMMAND_COUNT; kind++) {
        const struct command_rule *rule = &command_rules[kind];
        CU_ASSERT_PTR_NOT_NULL_FATAL(rule->name);
        CU_ASSERT_TRUE(strlen(rule->summary) > 10 && strchr(rule->summary, '\n') == NULL);
        const size_t size = strlen(rule->detail);
        CU_ASSERT_TRUE(size == 0 || rule->detail[size - 1] == '\n');
    }
}

int main(void) {
    static const struct unit_test tests[] = {{"operations", test_operations}, {"nodes", test_nodes},
                                             {"crashes", test_crash},         {"files", test_files},           {"others", test_others},
                                             {"sizes", test_sizes},           {"the table", test_table}};
    const int status = UNIT_RUN("command", tests);
    words_clear(&words);
    return status;
}
