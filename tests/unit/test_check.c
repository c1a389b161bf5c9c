/* app/check: histories by hand, judged, explained, exported line by line; the command line. */
#include "app/check/check.h"
#include "app/check/check_options.h"
#include "app/check/check_record.h"
#include "app/check/check_table.h"
#include "app/check/explain.h"
#include "app/check/export.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_check.XXXXXX";
static char path[64], out_path[64], key_path[80];

/* --- histories by hand --- */

#define HEADER(consistency)                                                                                          \
    "{\"record\":\"history\",\"format_version\":1,\"seed\":\"1\",\"ranks\":2,\"replicas\":1,"                           \
    "\"consistency\":\"" consistency "\",\"warmup_rounds\":0,\"clock_error_ns\":0}\n"
#define LINE(round, client, index, what, rest)                                                                       \
    "{\"record\":\"operation\",\"round\":" round ",\"phase\":1,\"client\":" client ",\"index\":" index "," what          \
    "," rest "}\n"
#define INSERTED(key, value) "\"kind\":\"insert\",\"outcome\":\"inserted\",\"key\":\"" key "\",\"value\":\"" value "\""
#define UPDATED(key, value) "\"kind\":\"insert\",\"outcome\":\"updated\",\"key\":\"" key "\",\"value\":\"" value "\""
#define UNKNOWN_INSERT(key, value)                                                                                   \
    "\"kind\":\"insert\",\"outcome\":\"unknown\",\"key\":\"" key "\",\"value\":\"" value "\""
#define UNKNOWN_QUERY(key) "\"kind\":\"query\",\"outcome\":\"unknown\",\"key\":\"" key "\""
#define FOUND(key, value) "\"kind\":\"query\",\"outcome\":\"found\",\"key\":\"" key "\",\"value\":\"" value "\""
#define ABSENT(key) "\"kind\":\"query\",\"outcome\":\"absent\",\"key\":\"" key "\""
#define DELETED(key) "\"kind\":\"delete\",\"outcome\":\"deleted\",\"key\":\"" key "\""
#define NOT_DELETED(key) "\"kind\":\"delete\",\"outcome\":\"absent\",\"key\":\"" key "\""
#define TIMES(start, end) "\"start_ns\":" start ",\"end_ns\":" end
#define VERSION(counter) ",\"version\":[1," counter "]"
#define END "{\"record\":\"end\",\"operation_count\":0}\n"

static void read_text(const char *text, struct history_file *file) {
    char error[HISTORY_ERROR_SIZE] = "";
    FILE *stream = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    CU_ASSERT_FATAL(fputs(text, stream) >= 0 && fclose(stream) == 0);
    if (!history_file_read(path, file, error)) {
        fprintf(stderr, "%s\n", error);
        CU_FAIL_FATAL("the history can't be read");
    }
}

static void judge(const struct history_file *file, const struct check_plan *plan, enum check_verdict verdict,
                  struct check_result *result) {
    CU_ASSERT_EQUAL_FATAL(check_run(file, plan, result), CHORD_OK);
    CU_ASSERT_EQUAL(check_verdict(result), verdict);
}

static const struct check_plan all = {0};

/* --- judging --- */

/* Rounds begin anew: what one wrote isn't there in the next. */
static void test_rounds(void) {
    struct history_file file;
    struct check_result result;
    read_text(HEADER("linearizable") LINE("1", "0", "0", INSERTED("k", "a"), TIMES("1", "2"))
                  LINE("2", "0", "0", INSERTED("k", "a"), TIMES("3", "4"))
                      LINE("2", "0", "1", FOUND("k", "a"), TIMES("5", "6")) LINE("3", "0", "0", FOUND("k", "a"), TIMES("7", "8")) END,
              &file);
    judge(&file, &all, CHECK_WRONG, &result);
    CU_ASSERT_EQUAL_FATAL(result.round_count, 3);
    CU_ASSERT_EQUAL(result.rounds[0].violated_count + result.rounds[1].violated_count, 0);
    CU_ASSERT_EQUAL(result.rounds[2].violated_count, 1);
    CU_ASSERT_EQUAL(result.total.operation_count, 4);
    CU_ASSERT_EQUAL(result.total.unversioned_count, 4);
    CU_ASSERT_EQUAL_FATAL(result.violation_count, 1);
    CU_ASSERT_EQUAL(result.violations[0].round, 3);
    CU_ASSERT_EQUAL_FATAL(result.violations[0].found.core_count, 1);
    CU_ASSERT_EQUAL(result.violations[0].found.core[0], 3);
    check_free(&result);
    const struct check_plan second = {.round = 2}, fourth = {.round = 4};
    judge(&file, &second, CHECK_LINEARIZABLE, &result);
    CU_ASSERT_EQUAL(result.total.operation_count, 2);
    check_free(&result);
    CU_ASSERT_EQUAL(check_run(&file, &fourth, &result), CHORD_INVALID);
    history_file_free(&file);
}

/* Versions that contradict the answers are wrong, although an order exists; an eventual ring may read an old one. */
static void test_versions(void) {
    static const char *const operations =
        LINE("1", "0", "0", INSERTED("k", "a"), TIMES("1", "2") VERSION("2"))
            LINE("1", "0", "1", UPDATED("k", "b"), TIMES("3", "4") VERSION("3"))
                LINE("1", "1", "0", FOUND("k", "%s"), TIMES("5", "6") VERSION("%s")) END;
    char text[2048];
    struct history_file file;
    struct check_result result;
    const struct {
        const char *header, *value, *version;
        enum check_verdict verdict;
        uint64_t violated_count, wrong_count, stale_count;
    } cases[] = {
        {HEADER("linearizable"), "b", "3", CHECK_LINEARIZABLE, 0, 0, 0},
        {HEADER("linearizable"), "b", "2", CHECK_WRONG, 0, 1, 0},
        {HEADER("linearizable"), "a", "2", CHECK_WRONG, 1, 1, 0},
        {HEADER("eventual"), "a", "2", CHECK_WRONG, 1, 0, 1},
        {HEADER("eventual"), "b", "3", CHECK_LINEARIZABLE, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int head = snprintf(text, sizeof text, "%s", cases[i].header);
        snprintf(text + head, sizeof text - (size_t)head, operations, cases[i].value, cases[i].version);
        read_text(text, &file);
        judge(&file, &all, cases[i].verdict, &result);
        CU_ASSERT_EQUAL(result.total.unversioned_count, 0);
        CU_ASSERT_EQUAL(result.total.violated_count, cases[i].violated_count);
        CU_ASSERT_EQUAL(result.total.judged.wrong_count, cases[i].wrong_count);
        CU_ASSERT_EQUAL(result.total.judged.stale_count, cases[i].stale_count);
        check_free(&result);
        history_file_free(&file);
    }
}

/* Many keys: more than a batch, and bad ones in several of them. */
static void test_batches(void) {
    enum { KEYS = 40000, BAD_EACH = 10000 };
    char *text = malloc((size_t)KEYS * 300 + 1000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    size_t used = (size_t)sprintf(text, "%s", HEADER("linearizable"));
    for (int i = 0; i < KEYS; i++) {
        used += (size_t)sprintf(text + used, LINE("1", "0", "%d", INSERTED("k%d", "v"), TIMES("%d", "%d")), 2 * i, i,
                                i, i + 9);
        if (i % BAD_EACH == 7) {
            used += (size_t)sprintf(text + used, LINE("1", "0", "%d", FOUND("k%d", "w"), TIMES("%d", "%d")),
                                    2 * i + 1, i, i, i + 9);
        }
    }
    strcpy(text + used, END);
    struct history_file file;
    struct check_result result;
    read_text(text, &file);
    free(text);
    const struct check_plan plan = {.limits = {.explained_max = 3}};
    judge(&file, &plan, CHECK_WRONG, &result);
    CU_ASSERT_EQUAL(result.total.key_count, KEYS);
    CU_ASSERT_EQUAL(result.total.operations_per_key_max, 2);
    CU_ASSERT_EQUAL(result.total.violated_count, KEYS / BAD_EACH);
    CU_ASSERT_EQUAL_FATAL(result.violation_count, 3);
    for (size_t i = 0; i < result.violation_count; i++) {
        const struct linearize_violation *found = &result.violations[i].found;
        CU_ASSERT_EQUAL(file.operations[found->stuck].record.kind, CHORD_QUERY);
        CU_ASSERT_EQUAL(file.operations[found->stuck].record.key_digest, result.violations[i].key);
        CU_ASSERT_EQUAL(result.violations[i].key, i * BAD_EACH + 7);
    }
    check_free(&result);
    history_file_free(&file);
}

#define OVERLAPPING                                                                                                  \
    LINE("1", "0", "0", INSERTED("k", "a"), TIMES("1", "90"))                                                        \
    LINE("1", "0", "1", UPDATED("k", "b"), TIMES("2", "91")) LINE("1", "0", "2", UPDATED("k", "c"), TIMES("3", "92"))

static void test_undecided(void) {
    struct history_file file;
    struct check_result result;
    read_text(HEADER("linearizable") OVERLAPPING END, &file);
    const struct check_plan plan = {.limits = {.steps_max = 1}};
    judge(&file, &plan, CHECK_UNDECIDED, &result);
    CU_ASSERT_EQUAL(result.total.too_large_count, 1);
    check_free(&result);
    judge(&file, &all, CHECK_LINEARIZABLE, &result);
    check_free(&result);
    history_file_free(&file);
}

/* --- what people read --- */

/* All of the explanation, which the caller frees. */
static char *explained(const char *text) {
    struct history_file file;
    struct check_result result;
    char *told = NULL;
    size_t size = 0;
    read_text(text, &file);
    judge(&file, &all, CHECK_WRONG, &result);
    FILE *stream = open_memstream(&told, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    check_table_print(stream, "h", &file, &result);
    for (size_t i = 0; i < result.violation_count; i++) {
        explain_violation(stream, &file, &result.violations[i]);
    }
    check_table_verdict(stream, &file, &result);
    CU_ASSERT_EQUAL(fclose(stream), 0);
    char *json = check_record_make("h", &file, &result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_PTR_NOT_NULL(strstr(json, "\"verdict\":\"wrong\",\"exit_status\":3"));
    free(json);
    check_free(&result);
    history_file_free(&file);
    return told;
}

static void expect_words(const char *text, const char *const *words, size_t count) {
    char *told = explained(text);
    for (size_t i = 0; i < count; i++) {
        /* Lines are broken anywhere between words. */
        for (char *c = told; *c != '\0' && i == 0; c++) {
            if (*c == '\n' && c[1] == ' ' && c[2] == ' ' && c[3] != ' ') {
                memmove(c, c + 2, strlen(c + 2) + 1);
                *c = ' ';
            }
        }
        if (strstr(told, words[i]) == NULL) {
            fprintf(stderr, "'%s' isn't in:\n%s\n", words[i], told);
            CU_FAIL("words are missing");
        } else {
            CU_PASS("the words");
        }
    }
    free(told);
}

#define EXPECT_WORDS(text, ...)                                                                                      \
    do {                                                                                                             \
        const char *const words_[] = {__VA_ARGS__};                                                                  \
        expect_words(text, words_, sizeof words_ / sizeof words_[0]);                                                \
    } while (0)

static void test_explanations(void) {
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", FOUND("k\\n", "x"), TIMES("1", "2")) END,
                 "Key \"k\\x0a\" has no order in round 1", "it found \"x\", but the key is absent.",
                 "\"x\" was never written to this key.", "No operation can come first.",
                 "NOT LINEARIZABLE: 1 of 1 key without an order");
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", FOUND("k", "x"), TIMES("1", "2"))
                     LINE("1", "0", "1", INSERTED("k", "x"), TIMES("3", "4")) END,
                 "\"x\" was written to this key only later.");
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", INSERTED("k", "x"), TIMES("1", "2"))
                     LINE("1", "1", "7", ABSENT("k"), TIMES("3", "4")) END,
                 "b found the key absent later, and nothing is left to delete it.");
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", INSERTED("k", "x"), TIMES("1", "2"))
                     LINE("1", "1", "7", INSERTED("k", "y"), TIMES("3", "4")) END,
                 "it was answered inserted, for which the key must be absent, but the key holds \"x\". a had left it so "
                 "before b began.",
                 "    a   |--|\n    b         |--|\n", "1.  a  insert \"x\"  -> \"x\"", "contradiction is complete after 2 of its 2");
    /* The stuck operation would fit: it is a reader of what it would overwrite that is left. */
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", INSERTED("k", "x"), TIMES("1", "2"))
                     LINE("1", "0", "1", UPDATED("k", "y"), TIMES("3", "4"))
                         LINE("1", "1", "0", FOUND("k", "x"), TIMES("5", "6")) END,
                 "it was answered updated, for which the key must be there, and the key holds \"x\".",
                 "found that value later, and nothing is left to write it again.");
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", DELETED("k"), TIMES("1", "2"))
                     LINE("1", "0", "1", UNKNOWN_INSERT("k", "y"), TIMES("5", "null")) END,
                 "it was answered deleted, for which the key must be there, but the key is absent");
    EXPECT_WORDS(HEADER("linearizable") LINE("1", "0", "0", "\"kind\":\"query\",\"outcome\":\"deleted\",\"key\":\"k\"",
                                             TIMES("1", "2")) END,
                 "A query can't be answered deleted.");
    EXPECT_WORDS(HEADER("eventual") LINE("1", "0", "0", FOUND("k", "x"), TIMES("1", "2")) END,
                 "an eventual ring doesn't promise linearizability", "the file has 1 operations, its end says 0");
}

/* --- exports --- */

#define SAMPLE                                                                                                       \
    HEADER("linearizable")                                                                                           \
    LINE("1", "0", "0", INSERTED("k\\\"", "v"), TIMES("10", "20"))                                                    \
    LINE("1", "0", "1", UNKNOWN_INSERT("k\\\"", ""), TIMES("15", "null"))                                             \
    LINE("1", "0", "2", FOUND("k\\\"", "v"), TIMES("20", "30")) LINE("1", "0", "3", DELETED("k\\\""), TIMES("31", "40"))   \
    LINE("1", "1", "0", UNKNOWN_QUERY("k\\\""), TIMES("31", "null"))                                                  \
    LINE("1", "1", "1", NOT_DELETED("hex:"), TIMES("32", "33")) LINE("1", "0", "4", ABSENT("hex:"), TIMES("41", "42")) END

static void expect_file(const char *name, const char *expected) {
    static char text[8192];
    FILE *stream = fopen(name, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    CU_ASSERT_EQUAL(fclose(stream), 0);
    if (strcmp(text, expected) != 0) {
        fprintf(stderr, "expected:\n%sgot:\n%s", expected, text);
        CU_FAIL("another text");
    } else {
        CU_PASS("the text");
    }
}

static void export_sample(enum export_format format, struct export_told *told) {
    struct history_file file;
    char error[REPORT_FILE_ERROR_SIZE] = "";
    const struct export_plan plan = {.format = format, .to = out_path};
    read_text(SAMPLE, &file);
    CU_ASSERT(export_history(&file, &plan, told, error));
    CU_ASSERT_STRING_EQUAL(error, "");
    history_file_free(&file);
}

/* At 20 one operation ends and one begins: they overlap, and so go to different processes. The unanswered insert keeps
 * process 2 for good. */
static void test_porcupine(void) {
    struct export_told told;
    export_sample(EXPORT_PORCUPINE, &told);
    CU_ASSERT_EQUAL(told.operation_count, 6);
    CU_ASSERT_EQUAL(told.left_out_count, 1);
    expect_file(out_path, "{:process 0, :type :invoke, :f :put, :key \"k\\\"\", :value \"v\"}\n"
                          "{:process 2, :type :invoke, :f :put, :key \"k\\\"\", :value \"hex:\"}\n"
                          "{:process 4, :type :invoke, :f :get, :key \"k\\\"\", :value nil}\n"
                          "{:process 0, :type :ok, :f :put, :key \"k\\\"\", :value \"v\"}\n"
                          "{:process 4, :type :ok, :f :get, :key \"k\\\"\", :value \"v\"}\n"
                          "{:process 0, :type :invoke, :f :put, :key \"k\\\"\", :value \"\"}\n"
                          "{:process 3, :type :invoke, :f :get, :key \"hex:6865783a\", :value nil}\n"
                          "{:process 3, :type :ok, :f :get, :key \"hex:6865783a\", :value \"\"}\n"
                          "{:process 0, :type :ok, :f :put, :key \"k\\\"\", :value \"\"}\n"
                          "{:process 0, :type :invoke, :f :get, :key \"hex:6865783a\", :value nil}\n"
                          "{:process 0, :type :ok, :f :get, :key \"hex:6865783a\", :value \"\"}\n");
    CU_ASSERT_EQUAL(unlink(out_path), 0);
}

static void test_knossos(void) {
    struct export_told told;
    export_sample(EXPORT_KNOSSOS, &told);
    CU_ASSERT_EQUAL(told.file_count, 2);
    snprintf(key_path, sizeof key_path, "%s/000001.edn", out_path);
    expect_file(key_path, "; key \"k\\\"\"\n"
                          "{:process 5, :type :invoke, :f :write, :value :absent}\n"
                          "{:process 5, :type :ok, :f :write, :value :absent}\n"
                          "{:process 0, :type :invoke, :f :write, :value \"v\"}\n"
                          "{:process 2, :type :invoke, :f :write, :value \"hex:\"}\n"
                          "{:process 4, :type :invoke, :f :read, :value nil}\n"
                          "{:process 0, :type :ok, :f :write, :value \"v\"}\n"
                          "{:process 4, :type :ok, :f :read, :value \"v\"}\n"
                          "{:process 0, :type :invoke, :f :write, :value :absent}\n"
                          "{:process 0, :type :ok, :f :write, :value :absent}\n"
                          "{:process 2, :type :info, :f :write, :value \"hex:\"}\n");
    CU_ASSERT_EQUAL(unlink(key_path), 0);
    snprintf(key_path, sizeof key_path, "%s/000002.edn", out_path);
    CU_ASSERT_EQUAL(unlink(key_path), 0);
    CU_ASSERT_EQUAL(rmdir(out_path), 0);
}

static void test_edn(void) {
    struct export_told told;
    export_sample(EXPORT_EDN, &told);
    CU_ASSERT_EQUAL(told.operation_count, 7);
    expect_file(
        out_path,
        "{:index 0, :time 0, :process 0, :type :invoke, :f :insert, :key \"k\\\"\", :value \"v\", :client 0, :phase 1, :operation 0}\n"
        "{:index 1, :time 5, :process 2, :type :invoke, :f :insert, :key \"k\\\"\", :value \"hex:\", :client 0, :phase 1, :operation 1}\n"
        "{:index 2, :time 10, :process 4, :type :invoke, :f :query, :key \"k\\\"\", :value nil, :client 0, :phase 1, :operation 2}\n"
        "{:index 3, :time 10, :process 0, :type :ok, :f :insert, :key \"k\\\"\", :value \"v\", :outcome :inserted, :client 0, :phase 1, :operation 0}\n"
        "{:index 4, :time 20, :process 4, :type :ok, :f :query, :key \"k\\\"\", :value \"v\", :outcome :found, :client 0, :phase 1, :operation 2}\n"
        "{:index 5, :time 21, :process 0, :type :invoke, :f :delete, :key \"k\\\"\", :value nil, :client 0, :phase 1, :operation 3}\n"
        "{:index 6, :time 21, :process 1, :type :invoke, :f :query, :key \"k\\\"\", :value nil, :client 1, :phase 1, :operation 0}\n"
        "{:index 7, :time 22, :process 3, :type :invoke, :f :delete, :key \"hex:6865783a\", :value nil, :client 1, :phase 1, :operation 1}\n"
        "{:index 8, :time 23, :process 3, :type :ok, :f :delete, :key \"hex:6865783a\", :value nil, :outcome :absent, :client 1, :phase 1, :operation 1}\n"
        "{:index 9, :time 30, :process 0, :type :ok, :f :delete, :key \"k\\\"\", :value nil, :outcome :deleted, :client 0, :phase 1, :operation 3}\n"
        "{:index 10, :time 31, :process 0, :type :invoke, :f :query, :key \"hex:6865783a\", :value nil, :client 0, :phase 1, :operation 4}\n"
        "{:index 11, :time 32, :process 0, :type :ok, :f :query, :key \"hex:6865783a\", :value nil, :outcome :absent, :client 0, :phase 1, :operation 4}\n"
        "{:index 12, :time 32, :process 2, :type :info, :f :insert, :key \"k\\\"\", :value \"hex:\", :outcome :unknown, :client 0, :phase 1, :operation 1}\n"
        "{:index 13, :time 32, :process 1, :type :info, :f :query, :key \"k\\\"\", :value nil, :outcome :unknown, :client 1, :phase 1, :operation 0}\n");
    CU_ASSERT_EQUAL(unlink(out_path), 0);
}

static void expect_no_export(const char *text, uint32_t round, const char *words) {
    struct history_file file;
    struct export_told told;
    char error[REPORT_FILE_ERROR_SIZE] = "";
    const struct export_plan plan = {.format = EXPORT_EDN, .round = round, .to = out_path};
    read_text(text, &file);
    CU_ASSERT_FALSE(export_history(&file, &plan, &told, error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, words));
    CU_ASSERT_NOT_EQUAL(access(out_path, F_OK), 0);
    history_file_free(&file);
}

static void test_no_export(void) {
    static const char *const two = HEADER("linearizable") LINE("2", "0", "0", ABSENT("k"), TIMES("1", "2"))
        LINE("5", "0", "0", ABSENT("k"), TIMES("1", "2")) END;
    expect_no_export(HEADER("linearizable") END, 0, "nothing to export");
    expect_no_export(two, 0, "rounds 2 to 5");
    expect_no_export(two, 3, "no round 3");
    expect_no_export(HEADER("linearizable") LINE("1", "0", "0", "\"kind\":\"query\",\"outcome\":\"deleted\",\"key\":\"k\"",
                                                 TIMES("1", "2")) END,
                     0, "on line 2");
}

/* --- the command line --- */

static void expect_usage(char *words[], const char *expected) {
    struct check_options options;
    char error[CHECK_OPTIONS_ERROR_SIZE] = "";
    int count = 0;
    while (words[count] != NULL) {
        count++;
    }
    const enum check_options_result result = check_options_parse(&options, count, words, error);
    CU_ASSERT_EQUAL(result, expected == NULL ? CHECK_OPTIONS_OK : CHECK_OPTIONS_ERROR);
    if (expected != NULL && strstr(error, expected) == NULL) {
        fprintf(stderr, "expected %s, got: %s\n", expected, error);
        CU_FAIL("another error");
    }
}

#define EXPECT_USAGE(expected, ...) expect_usage((char *[]){(char[]){"chordkv-check"}, __VA_ARGS__, NULL}, expected)
#define WORD(text) (char[]){text}

static void test_options(void) {
    EXPECT_USAGE(NULL, WORD("h"), WORD("--round"), WORD("3"), WORD("--memory=1GiB"), WORD("--steps"), WORD("1"));
    EXPECT_USAGE(NULL, WORD("--json"), WORD("-"));
    EXPECT_USAGE("name the history", WORD("--json"));
    EXPECT_USAGE("'i' is one too many", WORD("h"), WORD("i"));
    EXPECT_USAGE("did you mean '--memory'", WORD("h"), WORD("--memry=1"));
    EXPECT_USAGE("unknown option '-x'", WORD("h"), WORD("-x"));
    EXPECT_USAGE("--round needs a value", WORD("h"), WORD("--round"));
    EXPECT_USAGE("takes no value", WORD("h"), WORD("--json=1"));
    EXPECT_USAGE("--round takes", WORD("h"), WORD("--round=0"));
    EXPECT_USAGE("--round takes", WORD("h"), WORD("--round=99999999999999999999"));
    EXPECT_USAGE("--memory takes", WORD("h"), WORD("--memory=1KB"));
    EXPECT_USAGE("--memory takes", WORD("h"), WORD("--memory=17179869184TiB"));
    EXPECT_USAGE("--steps takes", WORD("h"), WORD("--steps=1KiB"));
    EXPECT_USAGE("--explain takes", WORD("h"), WORD("--explain="));
    EXPECT_USAGE("--export takes porcupine", WORD("h"), WORD("--export=csv"), WORD("--to=x"));
    EXPECT_USAGE("--to PATH is missing", WORD("h"), WORD("--export=edn"));
    EXPECT_USAGE("is missing", WORD("h"), WORD("--to=x"));
    EXPECT_USAGE("leave out one", WORD("h"), WORD("--export=edn"), WORD("--to=x"), WORD("--json"));
}

int main(void) {
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/h", folder);
    snprintf(out_path, sizeof out_path, "%s/out", folder);
    static const struct unit_test tests[] = {
        {"rounds are histories of their own", test_rounds},
        {"versions", test_versions},
        {"more keys than a batch", test_batches},
        {"undecided", test_undecided},
        {"explanations", test_explanations},
        {"porcupine", test_porcupine},
        {"knossos", test_knossos},
        {"edn", test_edn},
        {"what can't be exported", test_no_export},
        {"the command line", test_options},
    };
    const int status = UNIT_RUN("check", tests);
    (void)unlink(path);
    (void)rmdir(folder);
    return status;
}
