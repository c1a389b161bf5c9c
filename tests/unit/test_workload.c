/* The reader of workload files, rule by rule as workloads/FORMAT.md gives them; then what no single rule
 * shows: fields across buffer ends, round trips of random pairs, random bytes, and the files that we ship. */
#include "app/workload/excerpt.h"
#include "app/workload/input.h"
#include "app/workload/workload.h"
#include "chord/base/digest.h"
#include "chord/base/prng.h"
#include "chord/wire/limits.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED 20260

static char folder[] = "/tmp/chordkv-workload-XXXXXX";
static char path[64]; /* the file under test, in that folder */
static char error[WORKLOAD_ERROR_SIZE];

/* Bytes that grow. */
struct text {
    char *bytes;
    size_t size;
    size_t room;
};

static void add(struct text *text, const void *bytes, size_t size) {
    if (size == 0) {
        return; /* memcpy takes no NULL, not even for nothing */
    }
    if (text->room - text->size < size) {
        text->room = 2 * text->room + size;
        text->bytes = realloc(text->bytes, text->room);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text->bytes);
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

static void add_string(struct text *text, const char *string) {
    add(text, string, strlen(string));
}

static void add_repeated(struct text *text, char byte, size_t count) {
    char block[4096];
    memset(block, byte, sizeof block);
    for (; count > 0; count -= count < sizeof block ? count : sizeof block) {
        add(text, block, count < sizeof block ? count : sizeof block);
    }
}

static void release(struct text *text) {
    free(text->bytes);
    *text = (struct text){0};
}

static void write_file(const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(fwrite(bytes, 1, size, file), size);
    CU_ASSERT_EQUAL_FATAL(fclose(file), 0);
}

/* Reads the whole file and writes each operation as "LINE:i<KEY=VALUE>", "LINE:q<KEY>" or "LINE:d<KEY>".
 * Returns whether the end was reached; the error is in `error` otherwise. The survey must say the same. */
static bool read_file(enum workload_type type, struct text *seen) {
    struct workload_reader *reader = NULL;
    struct workload_survey counted = {0}, survey;
    struct workload_line line;
    enum workload_result result;
    error[0] = '\0';
    if (!workload_open(path, type, &reader, error, sizeof error)) {
        return false;
    }
    while ((result = workload_next(reader, &line)) == WORKLOAD_LINE) {
        char head[32];
        (void)snprintf(head, sizeof head, "%" PRIu64 ":%c<", line.line_number, "iqd"[line.kind]);
        add_string(seen, head);
        add(seen, line.key, line.key_size);
        if (line.kind == CHORD_INSERT) {
            add_string(seen, "=");
            add(seen, line.value, line.value_size);
        }
        add_string(seen, ">");
        CU_ASSERT_TRUE(line.kind == CHORD_INSERT || line.value_size == 0);
        CU_ASSERT_STRING_EQUAL(workload_error(reader), "");
        counted.operation_count++;
        counted.operation_count_by_kind[line.kind]++;
        counted.key_size_max = line.key_size > counted.key_size_max ? line.key_size : counted.key_size_max;
        counted.value_size_max =
            line.value_size > counted.value_size_max ? line.value_size : counted.value_size_max;
    }
    CU_ASSERT_EQUAL(workload_next(reader, &line), result);
    (void)snprintf(error, sizeof error, "%s", workload_error(reader));
    workload_close(reader);

    char survey_error[WORKLOAD_ERROR_SIZE] = "";
    CU_ASSERT_EQUAL(workload_survey(path, type, &survey, survey_error, sizeof survey_error),
                    result == WORKLOAD_END);
    CU_ASSERT_STRING_EQUAL(survey_error, error);
    if (result == WORKLOAD_END) {
        CU_ASSERT_EQUAL(survey.operation_count, counted.operation_count);
        CU_ASSERT_EQUAL(memcmp(survey.operation_count_by_kind, counted.operation_count_by_kind,
                               sizeof survey.operation_count_by_kind),
                        0);
        CU_ASSERT_EQUAL(survey.key_size_max, counted.key_size_max);
        CU_ASSERT_EQUAL(survey.value_size_max, counted.value_size_max);
        CU_ASSERT_EQUAL(strlen(survey.sha256), 64);
    } else {
        CU_ASSERT_EQUAL(survey.operation_count, 0);
    }
    return result == WORKLOAD_END;
}

static bool reads(enum workload_type type, const char *bytes, size_t size, const char *expected,
                  size_t expected_size) {
    write_file(bytes, size);
    struct text seen = {0};
    const bool good = read_file(type, &seen) && seen.size == expected_size &&
                      memcmp(seen.bytes, expected, expected_size) == 0;
    if (!good) {
        printf("\n  saw \"%.*s\", error \"%s\", expected \"%s\"\n", (int)seen.size,
               seen.bytes != NULL ? seen.bytes : "", error, expected);
    }
    release(&seen);
    return good;
}

#define ASSERT_READS(type, text, expected)                                                                   \
    CU_ASSERT_TRUE(reads((type), (text), sizeof(text) - 1, (expected), sizeof(expected) - 1))

/* Whether reading the file fails with "<path><rest>", on one line that can be printed. */
static bool file_fails(enum workload_type type, const char *rest) {
    struct text seen = {0};
    bool good = !read_file(type, &seen) && strncmp(error, path, strlen(path)) == 0 &&
                strcmp(error + strlen(path), rest) == 0;
    release(&seen);
    for (const char *c = error; *c != '\0'; c++) {
        good = good && (unsigned char)*c >= ' ' && *c != 127;
    }
    if (!good) {
        printf("\n  \"%s\", expected \"%s\"\n", error, rest);
    }
    return good;
}

static bool fails(enum workload_type type, const char *bytes, size_t size, const char *rest) {
    write_file(bytes, size);
    return file_fails(type, rest);
}

#define ASSERT_FAILS(type, text, rest) CU_ASSERT_TRUE(fails((type), (text), sizeof(text) - 1, (rest)))

#define HINT_COMMA "; a key or value with a comma in it is written in double quotes: \"one, two\""
#define HINT_COMMA_KEY "; a key with a comma in it is written in double quotes: \"one, two\""
#define HINT_INNER                                                                                           \
    "; a key or value with a quote in it is written in double quotes, its own quotes doubled: "              \
    "\"the \"\"B\"\" side\""
#define HINT_AFTER                                                                                           \
    "; after a closing quote there is a comma or the end of the line; a quote inside quotes is doubled: "    \
    "\"the \"\"B\"\" side\""
#define HINT_CR "; a key or value with a line break in it is written in double quotes"
#define HINT_OPEN "; a quoted field ends with a double quote"
#define EXPECT_MIX "; expected insert,key,value or query,key or delete,key"

static void test_types(void) {
    static const char *const names[] = {"insert", "query", "delete", "mix"};
    for (unsigned i = 0; i < WORKLOAD_TYPE_COUNT; i++) {
        enum workload_type type = WORKLOAD_TYPE_COUNT;
        CU_ASSERT_STRING_EQUAL(workload_type_name((enum workload_type)i), names[i]);
        CU_ASSERT_TRUE(workload_type_from_name(names[i], &type) && type == (enum workload_type)i);
    }
    enum workload_type type = WORKLOAD_MIX;
    CU_ASSERT_FALSE(workload_type_from_name("Insert", &type));
    CU_ASSERT_FALSE(workload_type_from_name("inser", &type));
    CU_ASSERT_FALSE(workload_type_from_name("", &type));
    CU_ASSERT_EQUAL(type, WORKLOAD_MIX);
}

static void test_plain(void) {
    ASSERT_READS(WORKLOAD_INSERT, "a,1\nb,2\n", "1:i<a=1>2:i<b=2>");
    ASSERT_READS(WORKLOAD_QUERY, "a\nb b\n", "1:q<a>2:q<b b>");
    ASSERT_READS(WORKLOAD_DELETE, "a\nb\n", "1:d<a>2:d<b>");
    ASSERT_READS(WORKLOAD_MIX, "insert,a,1\nquery,a\ndelete,a\n", "1:i<a=1>2:q<a>3:d<a>");
    /* No final newline. */
    ASSERT_READS(WORKLOAD_INSERT, "a,1\nb,2", "1:i<a=1>2:i<b=2>");
    ASSERT_READS(WORKLOAD_QUERY, "a", "1:q<a>");
    /* A value may be empty. */
    ASSERT_READS(WORKLOAD_INSERT, "a,\nb, \t\nc,\"\"\nd,", "1:i<a=>2:i<b=>3:i<c=>4:i<d=>");
    ASSERT_READS(WORKLOAD_MIX, "insert,a,\ninsert,b,\"\"", "1:i<a=>2:i<b=>");
    /* Any bytes: apostrophes, UTF-8 and what is none, control characters. */
    ASSERT_READS(WORKLOAD_INSERT, "What's,\xc3\xa9\n\xff\xfe,\x01\x7f\n",
                 "1:i<What's=\xc3\xa9>2:i<\xff\xfe=\x01\x7f>");
    ASSERT_READS(WORKLOAD_INSERT, "a\0b,\0\n\0,c\0", "1:i<a\0b=\0>2:i<\0=c\0>");
    /* The names of operations are keys like any other, where the file is of one type. */
    ASSERT_READS(WORKLOAD_INSERT, "query,insert\n", "1:i<query=insert>");
}

static void test_blanks(void) {
    ASSERT_READS(WORKLOAD_INSERT, " \ta b\t ,\t c  d \t\n", "1:i<a b=c  d>");
    ASSERT_READS(WORKLOAD_QUERY, "  a\n\tb\t", "1:q<a>2:q<b>");
    ASSERT_READS(WORKLOAD_MIX, " insert , a , 1 \n\tquery\t,\ta\t\n", "1:i<a=1>2:q<a>");
    /* No other white space is a blank. */
    ASSERT_READS(WORKLOAD_QUERY, "\va\f\n\xc2\xa0z\n", "1:q<\va\f>2:q<\xc2\xa0z>");
}

static void test_comments_and_blank_lines(void) {
    ASSERT_READS(WORKLOAD_QUERY, "# c\na\n\n \t \n \t# \"c\" , \r \n#\nb\n#last", "2:q<a>7:q<b>");
    ASSERT_READS(WORKLOAD_MIX, "#insert,a,1\nquery,#5\ninsert,a#b,#c\n", "2:q<#5>3:i<a#b=#c>");
    ASSERT_READS(WORKLOAD_QUERY, "\"#47 Tram\"\n  \"# x\"  \n", "1:q<#47 Tram>2:q<# x>");
    ASSERT_READS(WORKLOAD_INSERT, "a,1\n\n\n", "1:i<a=1>");
}

static void test_quotes(void) {
    ASSERT_READS(WORKLOAD_INSERT, "\"a, b\",\"c,d\"\n", "1:i<a, b=c,d>");
    ASSERT_READS(WORKLOAD_INSERT, "\"the \"\"B\"\" side\",\"\"\"\"\n\"\"\"a\"\"\",x\n",
                 "1:i<the \"B\" side=\">2:i<\"a\"=x>");
    ASSERT_READS(WORKLOAD_INSERT, "\" a \",\"\tb\t\"\n", "1:i< a =\tb\t>");
    ASSERT_READS(WORKLOAD_INSERT, " \t\" a\" \t, \"b \"\t \n", "1:i< a=b >");
    ASSERT_READS(WORKLOAD_MIX, "\"insert\",\"a\",\"1\"\n \"query\" , \"a\"\n", "1:i<a=1>2:q<a>");
    ASSERT_READS(WORKLOAD_QUERY, "\"a\"", "1:q<a>");
    ASSERT_READS(WORKLOAD_QUERY, "\"\0\"\n\" \"\n", "1:q<\0>2:q< >");
    /* A key that is a comment's look-alike inside quotes; a quoted field over lines counts them. */
    ASSERT_READS(WORKLOAD_INSERT, "\"a\n#b\r\n\nc\",\"\n\"\nd,2\n", "1:i<a\n#b\r\n\nc=\n>6:i<d=2>");
    ASSERT_READS(WORKLOAD_QUERY, "\n\"\n\n\"\nx", "2:q<\n\n>5:q<x>");
    ASSERT_READS(WORKLOAD_QUERY, "\"a\rb\"\n", "1:q<a\rb>");
}

static void test_line_ends_and_mark(void) {
    ASSERT_READS(WORKLOAD_INSERT, "a,1\r\nb,2 \r\n\r\n \r\n#c\r\n\"d\",\"3\"\r\ne,\r\n",
                 "1:i<a=1>2:i<b=2>6:i<d=3>7:i<e=>");
    ASSERT_READS(WORKLOAD_QUERY, "a\r\nb\r", "1:q<a>2:q<b>");
    ASSERT_READS(WORKLOAD_QUERY, "a\r\n\r", "1:q<a>");
    ASSERT_READS(WORKLOAD_QUERY,
                 "\xef\xbb\xbf"
                 "a\n",
                 "1:q<a>");
    ASSERT_READS(WORKLOAD_QUERY,
                 "\xef\xbb\xbf"
                 "# c\r\n\"a\"\n",
                 "2:q<a>");
    /* Only at the start, only one, only whole. */
    ASSERT_READS(WORKLOAD_QUERY,
                 "\xef\xbb\xbf\xef\xbb\xbf"
                 "a\n\xef\xbb\xbf"
                 "b",
                 "1:q<\xef\xbb\xbf"
                 "a>2:q<\xef\xbb\xbf"
                 "b>");
    ASSERT_READS(WORKLOAD_QUERY,
                 "\xef\xbb"
                 "a\n",
                 "1:q<\xef\xbb"
                 "a>");
    ASSERT_READS(WORKLOAD_QUERY, "\xef", "1:q<\xef>");
}

static void test_bad_fields(void) {
    ASSERT_FAILS(WORKLOAD_INSERT, "a,1\nb\n", ":2: there is no value, near \"b\"; expected key,value");
    ASSERT_FAILS(WORKLOAD_INSERT, "a", ":1: there is no value, near \"a\"; expected key,value");
    ASSERT_FAILS(WORKLOAD_INSERT, "Oh, the Kettle!,1\n",
                 ":1: a comma after the value, near \"Oh, the Kettle!,1\"; expected key,value" HINT_COMMA);
    ASSERT_FAILS(WORKLOAD_INSERT, "a,1,\n",
                 ":1: a comma after the value, near \"a,1,\"; expected key,value" HINT_COMMA);
    ASSERT_FAILS(WORKLOAD_QUERY, "#\r\nOh, the Kettle!\r\n",
                 ":2: a comma after the key, near \"Oh, the Kettle!\"; expected one key" HINT_COMMA_KEY);
    ASSERT_FAILS(WORKLOAD_DELETE, "\"a\",\n",
                 ":1: a comma after the key, near \"\\\"a\\\",\"; expected one key" HINT_COMMA_KEY);
    ASSERT_FAILS(WORKLOAD_INSERT, ",1\n",
                 ":1: the key is empty, near \",1\"; expected key,value; a key has at least one byte");
    ASSERT_FAILS(WORKLOAD_QUERY, "a\n\"\"\n",
                 ":2: the key is empty, near \"\\\"\\\"\"; expected one key; a key has at least one byte");
    ASSERT_FAILS(WORKLOAD_MIX, "query, \n",
                 ":1: the key is empty, near \"query, \"" EXPECT_MIX "; a key has at least one byte");
}

static void test_bad_operations(void) {
    ASSERT_FAILS(WORKLOAD_MIX, "put,a,1\n", ":1: unknown operation, near \"put,a,1\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "Query,a\n", ":1: unknown operation, near \"Query,a\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "queryx,a\n", ":1: unknown operation, near \"queryx,a\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "mix,a\n", ":1: unknown operation, near \"mix,a\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, ",a\n", ":1: unknown operation, near \",a\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "Quiet Umbrellas and a long tail\n",
                 ":1: unknown operation, near \"Quiet Umbrellas and a long tail\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "query\nquery,a\n", ":1: there is no key, near \"query\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "query,a\ninsert,a", ":2: there is no value, near \"insert,a\"" EXPECT_MIX);
    ASSERT_FAILS(WORKLOAD_MIX, "query,a,1\n",
                 ":1: a comma after the key, near \"query,a,1\"" EXPECT_MIX HINT_COMMA_KEY);
    ASSERT_FAILS(WORKLOAD_MIX, "delete,a,\n",
                 ":1: a comma after the key, near \"delete,a,\"" EXPECT_MIX HINT_COMMA_KEY);
    ASSERT_FAILS(WORKLOAD_MIX, "insert,a,1,2\n",
                 ":1: a comma after the value, near \"insert,a,1,2\"" EXPECT_MIX HINT_COMMA);
}

static void test_bad_quotes(void) {
    ASSERT_FAILS(
        WORKLOAD_INSERT, "The \"B\" Side,1\n",
        ":1: a quote inside a field that does not begin with one, near \"The \\\"B\\\" Side,1\"; expected "
        "key,value" HINT_INNER);
    ASSERT_FAILS(WORKLOAD_QUERY, "a\n\"Maybe\" Not\n",
                 ":2: text after the closing quote of a field that opens in line 2, near \"\\\"Maybe\\\" "
                 "Not\"; expected "
                 "one key" HINT_AFTER);
    ASSERT_FAILS(
        WORKLOAD_QUERY, "a\n\"one\ntwo\nthree\"x\n",
        ":4: text after the closing quote of a field that opens in line 2, near \"three\\\"x\"; expected one "
        "key" HINT_AFTER);
    /* The end of the file is lines away from where the quote opened. */
    ASSERT_FAILS(
        WORKLOAD_INSERT, "a,1\n b, \"never\nclosed,\n\n",
        ":2: the quote that opens here is never closed, near \"\\\"never\\nclosed,\\n\\n\"; expected "
        "key,value" HINT_OPEN);
    ASSERT_FAILS(WORKLOAD_QUERY, "\"",
                 ":1: the quote that opens here is never closed, near \"\\\"\"; expected one "
                 "key" HINT_OPEN);
    ASSERT_FAILS(WORKLOAD_QUERY, "\"a\"\"\n",
                 ":1: the quote that opens here is never closed, near \"\\\"a\\\"\\n\"; "
                 "expected one key" HINT_OPEN);
    ASSERT_FAILS(WORKLOAD_QUERY, "a\rb\n",
                 ":1: a carriage return that ends no line, near \"a\\rb\"; expected one key" HINT_CR);
    ASSERT_FAILS(WORKLOAD_QUERY, "a\r\r\n",
                 ":1: a carriage return that ends no line, near \"a\\r\"; expected one key" HINT_CR);
    ASSERT_FAILS(WORKLOAD_QUERY, "\r a\n",
                 ":1: a carriage return that ends no line, near \"\\r a\"; expected one key" HINT_CR);
    ASSERT_FAILS(WORKLOAD_QUERY, "\"a\"\rb\n",
                 ":1: a carriage return that ends no line, near \"\\\"a\\\"\\rb\"; expected one key" HINT_CR);
}

static void test_bad_files(void) {
    ASSERT_FAILS(WORKLOAD_QUERY, "", ": is empty; expected lines of one key");
    ASSERT_FAILS(
        WORKLOAD_MIX, "# c\n\n \r\n",
        ": has no operation in it, only comments or blank lines; expected lines of insert,key,value or "
        "query,key or delete,key");
    ASSERT_FAILS(WORKLOAD_INSERT, "\xef\xbb\xbf",
                 ": has no operation in it, only comments or blank lines; expected lines of key,value");
    /* The byte order mark is not part of the line that an error shows. */
    ASSERT_FAILS(WORKLOAD_INSERT,
                 "\xef\xbb\xbf"
                 "a",
                 ":1: there is no value, near \"a\"; expected key,value");

    CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
    CU_ASSERT_TRUE(file_fails(WORKLOAD_QUERY, ": can't be opened: No such file or directory"));
    CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
    CU_ASSERT_TRUE(file_fails(WORKLOAD_QUERY, ": is a directory; expected a workload file"));
    CU_ASSERT_EQUAL_FATAL(rmdir(path), 0);
    /* Nobody writes to this pipe: opening it must not wait. */
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    CU_ASSERT_TRUE(file_fails(WORKLOAD_QUERY,
                              ": is a pipe or a device; expected a regular file, because a workload is "
                              "read more than once"));
    CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
}

/* Permission is asked in a child of its own that is not root: root may read everything. */
static void test_unreadable(void) {
    write_file("a\n", 2);
    CU_ASSERT_EQUAL_FATAL(chmod(path, 0), 0);
    const pid_t child = fork();
    CU_ASSERT_TRUE_FATAL(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(2);
        }
        _exit(file_fails(WORKLOAD_QUERY, ": can't be opened: Permission denied") ? 0 : 1);
    }
    int status = 0;
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL_FATAL(unlink(path), 0);
}

/* /proc/self/mem is a regular file whose first page can't be read: the first read fails. */
static void test_read_error(void) {
    struct workload_reader *reader = NULL;
    struct workload_line line;
    CU_ASSERT_TRUE_FATAL(workload_open("/proc/self/mem", WORKLOAD_QUERY, &reader, error, sizeof error));
    CU_ASSERT_EQUAL(workload_next(reader, &line), WORKLOAD_ERROR);
    CU_ASSERT_STRING_EQUAL(workload_error(reader), "/proc/self/mem: can't be read: Input/output error");
    workload_close(reader);
    workload_close(NULL);
}

static void test_long_path(void) {
    char long_path[2000];
    memset(long_path, 'x', sizeof long_path);
    memcpy(long_path + sizeof long_path - 10, "\n/end.csv", 10);
    struct workload_reader *reader = NULL;
    CU_ASSERT_FALSE(workload_open(long_path, WORKLOAD_QUERY, &reader, error, sizeof error));
    CU_ASSERT_EQUAL(strncmp(error, "...xxx", 6), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "x?/end.csv: can't be opened: "));
    CU_ASSERT_PTR_NULL(strchr(error, '\n'));
    /* A buffer that is too small gets the start. */
    char small[16];
    CU_ASSERT_FALSE(workload_open("/nonexistent/file", WORKLOAD_QUERY, &reader, small, sizeof small));
    CU_ASSERT_STRING_EQUAL(small, "/nonexistent/fi");
}

static void test_excerpts(void) {
    char text[EXCERPT_TEXT_SIZE];
    CU_ASSERT_STRING_EQUAL(excerpt_write("", 0, false, text), "");
    CU_ASSERT_STRING_EQUAL(excerpt_write("a", 1, true, text), "a...");
    CU_ASSERT_STRING_EQUAL(excerpt_write("\0\t\r\n\x1b[1m\"\\\x7f", 11, false, text),
                           "\\0\\t\\r\\n\\x1b[1m\\\"\\\\\\x7f");
    CU_ASSERT_STRING_EQUAL(excerpt_write("\xc3\xa9\xe3\x81\xad\xf0\x9f\x8e\xb5", 9, false, text),
                           "\xc3\xa9\xe3\x81\xad\xf0\x9f\x8e\xb5");
    /* Not UTF-8: a lone continuation, a cut sequence, an overlong one, a surrogate, beyond the last code
     * point. */
    CU_ASSERT_STRING_EQUAL(
        excerpt_write("\x80z\xc3z\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xc3", 14, false, text),
        "\\x80z\\xc3z\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xc3");
    /* UTF-8 that a terminal obeys: a C1 control, a change of direction. */
    CU_ASSERT_STRING_EQUAL(excerpt_write("\xc2\x9b\xe2\x80\xae", 5, false, text),
                           "\\xc2\\x9b\\xe2\\x80\\xae");

    char bytes[70];
    memset(bytes, 'x', sizeof bytes);
    CU_ASSERT_STRING_EQUAL(excerpt_write(bytes, 60, false, text),
                           "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    for (unsigned start = 56; start < 61; start++) {
        /* A character of four bytes is shown whole or not at all. */
        memset(bytes, 'x', sizeof bytes);
        memcpy(bytes + start, "\xf0\x9f\x8e\xb5", 4);
        (void)excerpt_write(bytes, EXCERPT_BYTES_KEPT, false, text);
        CU_ASSERT_EQUAL(strlen(text), (start == 56 || start == 60 ? 60u : start) + 3u);
        CU_ASSERT_EQUAL(strstr(text, "\xf0\x9f\x8e\xb5...") != NULL, start == 56);
        CU_ASSERT_PTR_NULL(strchr(text, '\\'));
    }
    memset(bytes, 0x80, sizeof bytes);
    CU_ASSERT_EQUAL(strlen(excerpt_write(bytes, sizeof bytes, false, text)), 4 * EXCERPT_BYTES_MAX + 3);

    ASSERT_FAILS(WORKLOAD_INSERT, "xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxxx\r\n",
                 ":1: there is no value, near \"xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx "
                 "xxxxxxxxxx\"; expected "
                 "key,value");
    ASSERT_FAILS(
        WORKLOAD_INSERT, "xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxxxx\r\n",
        ":1: there is no value, near \"xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxxx...\"; "
        "expected key,value");
    ASSERT_FAILS(WORKLOAD_INSERT, "\x1b]0;title\a\n",
                 ":1: there is no value, near \"\\x1b]0;title\\x07\"; expected key,value");
}

/* A key of key_size and a value of value_size bytes, with `blanks` blanks wherever they may be. */
static void write_sizes(size_t key_size, size_t value_size, bool quoted, size_t blanks) {
    struct text text = {0};
    add_string(&text, "first,1\n");
    for (unsigned i = 0; i < 2; i++) {
        add_repeated(&text, ' ', blanks);
        add_string(&text, quoted ? "\"" : "");
        add_repeated(&text, i == 0 ? 'k' : 'v', i == 0 ? key_size : value_size);
        add_string(&text, quoted ? "\"" : "");
        add_repeated(&text, '\t', blanks);
        add_string(&text, i == 0 ? "," : "\n");
    }
    add_string(&text, "last,3\n");
    write_file(text.bytes, text.size);
    release(&text);
}

/* Whether exactly these sizes are read, with the right bytes and the right lines around. */
static bool reads_sizes(size_t key_size, size_t value_size) {
    struct text expected = {0}, seen = {0};
    add_string(&expected, "1:i<first=1>2:i<");
    add_repeated(&expected, 'k', key_size);
    add_string(&expected, "=");
    add_repeated(&expected, 'v', value_size);
    add_string(&expected, ">3:i<last=3>");
    const bool good = read_file(WORKLOAD_INSERT, &seen) && seen.size == expected.size &&
                      memcmp(seen.bytes, expected.bytes, seen.size) == 0;
    release(&expected);
    release(&seen);
    return good;
}

#define K10 "kkkkkkkkkk"
#define K50 K10 K10 K10 K10 K10
#define V10 "vvvvvvvvvv"
#define V50 V10 V10 V10 V10 V10

static void test_limits(void) {
    for (unsigned quoted = 0; quoted < 2; quoted++) {
        static const size_t blanks[] = {0, 1, 1000, 3000000};
        for (unsigned i = 0; i < sizeof blanks / sizeof *blanks; i++) {
            write_sizes(CHORD_KEY_SIZE_MAX, CHORD_VALUE_SIZE_MAX, quoted == 1, blanks[i]);
            CU_ASSERT_TRUE(reads_sizes(CHORD_KEY_SIZE_MAX, CHORD_VALUE_SIZE_MAX));
        }
        const char *near = quoted == 1 ? "\\\"" K50 "kkkkkkkkk..." : K50 K10 "...";
        char rest[512];
        write_sizes(CHORD_KEY_SIZE_MAX + 1, 5, quoted == 1, 1);
        (void)snprintf(rest, sizeof rest,
                       ":2: the key is too long: 1025 bytes, near \"%s\"; expected key,value; a key has 1 to "
                       "1,024 bytes",
                       near);
        CU_ASSERT_TRUE(file_fails(WORKLOAD_INSERT, rest));
        near = quoted == 1 ? "\\\"" V50 "vvvvvvvvv..." : V50 V10 "...";
        write_sizes(1, CHORD_VALUE_SIZE_MAX + 1, quoted == 1, 1);
        (void)snprintf(
            rest, sizeof rest,
            ":2: the value is too long: 1048577 bytes, near \"%s\"; expected key,value; a value has at most "
            "1,048,576 bytes",
            near);
        CU_ASSERT_TRUE(file_fails(WORKLOAD_INSERT, rest));
        write_sizes(1, 9000000, quoted == 1, 1);
        (void)snprintf(
            rest, sizeof rest,
            ":2: the value is too long: 9000000 bytes, near \"%s\"; expected key,value; a value has at most "
            "1,048,576 bytes",
            near);
        CU_ASSERT_TRUE(file_fails(WORKLOAD_INSERT, rest));
    }
    /* Blanks inside a key count, outer ones never. */
    struct text text = {0};
    add_string(&text, "k");
    add_repeated(&text, ' ', CHORD_KEY_SIZE_MAX - 1);
    add_string(&text, "k\n");
    write_file(text.bytes, text.size);
    CU_ASSERT_TRUE(file_fails(
        WORKLOAD_QUERY, ":1: the key is too long: 1025 bytes, near \"k                              "
                        "                             ...\"; expected one key; a key has 1 to 1,024 bytes"));
    release(&text);
    /* A comment longer than any buffer, then the line after it. */
    add_string(&text, "#");
    add_repeated(&text, 'c', 5 * INPUT_BUFFER_SIZE);
    add_string(&text, "\nkey\n");
    CU_ASSERT_TRUE(reads(WORKLOAD_QUERY, text.bytes, text.size, "2:q<key>", 8));
    release(&text);
}

/* Every byte of a hard piece of text falls on the end of the buffer once, in good files and in bad ones. */
static void test_buffer_ends(void) {
    static const char piece[] = "\"a\"\"b\n,\" , \"c\" \r\n d e ,\t\"\"\"\"\r\n";
    static const char bad[] = "\"x\ny\r\nz\"\"\" ,v\r\n  some key without value\r\n";
    for (size_t shift = 0; shift < sizeof piece + 8; shift++) {
        struct text text = {0};
        add_repeated(&text, 'x', INPUT_BUFFER_SIZE - 8 - shift);
        memcpy(text.bytes, "#", 1);
        memcpy(text.bytes + text.size - 1, "\n", 1);
        add(&text, piece, sizeof piece - 1);
        static const char expected[] = "2:i<a\"b\n,=c>4:i<d e=\">";
        CU_ASSERT_TRUE(reads(WORKLOAD_INSERT, text.bytes, text.size, expected, sizeof expected - 1));
        release(&text);
    }
    for (size_t shift = 0; shift < sizeof bad + 8; shift++) {
        struct text text = {0};
        add_repeated(&text, 'x', INPUT_BUFFER_SIZE - 8 - shift);
        memcpy(text.bytes, "#", 1);
        memcpy(text.bytes + text.size - 1, "\n", 1);
        add(&text, bad, sizeof bad - 1);
        CU_ASSERT_TRUE(fails(WORKLOAD_INSERT, text.bytes, text.size,
                             ":5: there is no value, near \"  some key without value\"; expected key,value"));
        release(&text);
    }
}

/* ---- random files ---- */

struct pair {
    char key[CHORD_KEY_SIZE_MAX];
    char value[600];
    size_t key_size;
    size_t value_size;
};

static size_t random_bytes(struct chord_prng *prng, char *bytes, size_t size_min, size_t size_max) {
    static const char hard[] = ",\"\r\n \t#\0,\"\r\n";
    const size_t size = size_min + (size_t)chord_prng_below(prng, size_max - size_min + 1);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = chord_prng_below(prng, 2) == 0 ? hard[chord_prng_below(prng, sizeof hard)]
                                                  : (char)(unsigned char)chord_prng_below(prng, 256);
    }
    return size;
}

static void add_blanks(struct chord_prng *prng, struct text *text) {
    for (uint64_t count = chord_prng_below(prng, 3); count > 0; count--) {
        add_string(text, chord_prng_below(prng, 2) == 0 ? " " : "\t");
    }
}

/* As FORMAT.md tells a writer to do it; quoted for fun where it need not be. */
static void add_field(struct chord_prng *prng, struct text *text, const char *bytes, size_t size,
                      bool first) {
    bool quoted = chord_prng_below(prng, 4) == 0;
    for (size_t i = 0; i < size; i++) {
        const bool outer = i == 0 || i + 1 == size;
        quoted = quoted || bytes[i] == ',' || bytes[i] == '"' || bytes[i] == '\r' || bytes[i] == '\n' ||
                 (outer && (bytes[i] == ' ' || bytes[i] == '\t')) || (first && i == 0 && bytes[i] == '#');
    }
    add_blanks(prng, text);
    add_string(text, quoted ? "\"" : "");
    for (size_t i = 0; i < size; i++) {
        add(text, bytes + i, 1);
        if (quoted && bytes[i] == '"') {
            add_string(text, "\"");
        }
    }
    add_string(text, quoted ? "\"" : "");
    add_blanks(prng, text);
}

static uint64_t newline_count(const struct text *text) {
    uint64_t count = 0;
    for (size_t i = 0; i < text->size; i++) {
        count += text->bytes[i] == '\n';
    }
    return count;
}

static void test_round_trips(void) {
    struct chord_prng prng = chord_prng_seeded(SEED, 1);
    static struct pair pair;
    for (unsigned round = 0; round < 200; round++) {
        struct text text = {0}, expected = {0}, seen = {0};
        uint64_t line = 1;
        /* A byte order mark keeps the first key from looking like one. */
        add_string(&text, "\xef\xbb\xbf");
        for (unsigned i = 0; i < 50; i++) {
            char head[32];
            const enum chord_operation_kind kind = (enum chord_operation_kind)chord_prng_below(&prng, 3);
            pair.key_size = random_bytes(&prng, pair.key, 1, i % 10 == 0 ? sizeof pair.key : 12);
            pair.value_size = random_bytes(&prng, pair.value, 0, i % 7 == 0 ? sizeof pair.value : 8);
            (void)snprintf(head, sizeof head, "%" PRIu64 ":%c<", line, "iqd"[kind]);
            add_string(&expected, head);
            add(&expected, pair.key, pair.key_size);
            const char *verb = workload_type_name((enum workload_type)kind);
            struct text one = {0};
            add_field(&prng, &one, verb, strlen(verb), true);
            add_string(&one, ",");
            add_field(&prng, &one, pair.key, pair.key_size, false);
            if (kind == CHORD_INSERT) {
                add_string(&one, ",");
                add_field(&prng, &one, pair.value, pair.value_size, false);
                add_string(&expected, "=");
                add(&expected, pair.value, pair.value_size);
            }
            add_string(&expected, ">");
            add_string(&one, chord_prng_below(&prng, 2) == 0 ? "\n" : "\r\n");
            add_string(&one, chord_prng_below(&prng, 5) == 0 ? "\t\r\n # , \" \n" : "");
            line += newline_count(&one);
            add(&text, one.bytes, one.size);
            release(&one);
        }
        write_file(text.bytes, text.size);
        const bool good = read_file(WORKLOAD_MIX, &seen) && seen.size == expected.size &&
                          memcmp(seen.bytes, expected.bytes, seen.size) == 0;
        if (!good) {
            printf("\n  seed %d, round %u: \"%s\"\n", SEED, round, error);
        }
        CU_ASSERT_TRUE_FATAL(good);
        release(&text);
        release(&expected);
        release(&seen);
    }
}

/* Random bytes and random pieces: read or refused, the error one printable line with the path in front. */
static void test_random_bytes(void) {
    static const char *const pieces[] = {",",      "\"",     "\n",    "\r",   "\r\n", " ",
                                         "#",      "\"\"",   "a",     "bc",   "\xc3", "query",
                                         "insert", "delete", ",key,", "\"a,", "\t",   "value"};
    struct chord_prng prng = chord_prng_seeded(SEED, 2);
    unsigned good = 0, bad = 0;
    for (unsigned round = 0; round < 10000; round++) {
        struct text text = {0}, seen = {0};
        const uint64_t count = chord_prng_below(&prng, round % 100 == 0 ? 3000 : 24);
        for (uint64_t i = 0; i < count; i++) {
            if (round % 2 == 0) {
                add_string(&text, pieces[chord_prng_below(&prng, sizeof pieces / sizeof *pieces)]);
            } else {
                const unsigned char byte = (unsigned char)chord_prng_below(&prng, 256);
                add(&text, &byte, 1);
            }
        }
        write_file(text.size > 0 ? text.bytes : "", text.size);
        if (read_file((enum workload_type)(round / 2 % WORKLOAD_TYPE_COUNT), &seen)) {
            good++;
        } else {
            bad++;
            CU_ASSERT_EQUAL(strncmp(error, path, strlen(path)), 0);
            for (const char *c = error; *c != '\0'; c++) {
                CU_ASSERT_TRUE((unsigned char)*c >= ' ' && *c != 127);
            }
        }
        release(&text);
        release(&seen);
    }
    CU_ASSERT_TRUE(good > 100 && bad > 100);
}

static void test_survey(void) {
    static const char text[] = "# c\ninsert,abc,12345\n\nquery,abcd\nquery,a\ndelete,\"a\nb\"";
    struct workload_survey survey;
    write_file(text, sizeof text - 1);
    CU_ASSERT_TRUE_FATAL(workload_survey(path, WORKLOAD_MIX, &survey, error, sizeof error));
    CU_ASSERT_EQUAL(survey.operation_count, 4);
    CU_ASSERT_EQUAL(survey.operation_count_by_kind[CHORD_INSERT], 1);
    CU_ASSERT_EQUAL(survey.operation_count_by_kind[CHORD_QUERY], 2);
    CU_ASSERT_EQUAL(survey.operation_count_by_kind[CHORD_DELETE], 1);
    CU_ASSERT_EQUAL(survey.line_count, 7);
    CU_ASSERT_EQUAL(survey.key_size_max, 4);
    CU_ASSERT_EQUAL(survey.value_size_max, 5);
    CU_ASSERT_EQUAL(survey.file_size, sizeof text - 1);
    /* Known digests: FIPS 180-2's "abc" as a query without newline, and of what is longer than the buffer. */
    write_file("abc", 3);
    CU_ASSERT_TRUE(workload_survey(path, WORKLOAD_QUERY, &survey, error, sizeof error));
    CU_ASSERT_STRING_EQUAL(survey.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CU_ASSERT_EQUAL(survey.line_count, 1);
    struct text million = {0};
    add_repeated(&million, 'a', 1000000);
    memcpy(million.bytes, "a,", 2);
    write_file(million.bytes, million.size);
    release(&million);
    CU_ASSERT_TRUE(workload_survey(path, WORKLOAD_INSERT, &survey, error, sizeof error));
    CU_ASSERT_STRING_EQUAL(survey.sha256, "4e4850097ccdeb1f3cf1a87e036a08810010f1a2c1a9a2d123905f62a696e0e2");
    CU_ASSERT_EQUAL(survey.value_size_max, 999998);
    /* The byte order mark and the comments are part of the file. */
    write_file("\xef\xbb\xbf"
               "a\r\n#",
               7);
    CU_ASSERT_TRUE(workload_survey(path, WORKLOAD_QUERY, &survey, error, sizeof error));
    CU_ASSERT_EQUAL(survey.file_size, 7);
    CU_ASSERT_EQUAL(survey.line_count, 2);
}

/* Fails on the last of a million lines, with its number; a reader keeps nothing of a file but its buffers. */
static void test_many_lines(void) {
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (unsigned i = 0; i < 1000000; i++) {
        fprintf(file, "key %u, value %u\n", i, i);
    }
    CU_ASSERT_EQUAL_FATAL(fclose(file), 0);
    struct workload_survey survey;
    CU_ASSERT_TRUE(workload_survey(path, WORKLOAD_INSERT, &survey, error, sizeof error));
    CU_ASSERT_TRUE(survey.operation_count == 1000000 && survey.line_count == 1000000);
    CU_ASSERT_TRUE(survey.key_size_max == 10 && survey.value_size_max == 12);
    file = fopen(path, "ab");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "the last\n");
    CU_ASSERT_EQUAL_FATAL(fclose(file), 0);
    CU_ASSERT_FALSE(workload_survey(path, WORKLOAD_INSERT, &survey, error, sizeof error));
    CU_ASSERT_STRING_EQUAL(error + strlen(path),
                           ":1000001: there is no value, near \"the last\"; expected key,value");
}

/* ---- the files that we ship; the tests run in the source directory ---- */

#define SHIPPED_COUNT 500u

struct shipped {
    uint64_t keys[SHIPPED_COUNT]; /* digests */
    unsigned count_by_kind[CHORD_OPERATION_KIND_COUNT];
    unsigned count;
    unsigned hard_count; /* keys with commas or quotes */
    unsigned utf8_count;
    unsigned apostrophe_count;
};

static void read_shipped(const char *file, enum workload_type type, struct shipped *shipped) {
    struct workload_reader *reader = NULL;
    struct workload_line line;
    memset(shipped, 0, sizeof *shipped);
    CU_ASSERT_TRUE_FATAL(workload_open(file, type, &reader, error, sizeof error));
    while (workload_next(reader, &line) == WORKLOAD_LINE && shipped->count < SHIPPED_COUNT) {
        shipped->keys[shipped->count++] = chord_digest64(line.key, line.key_size);
        shipped->count_by_kind[line.kind]++;
        shipped->hard_count +=
            memchr(line.key, ',', line.key_size) != NULL || memchr(line.key, '"', line.key_size) != NULL;
        shipped->apostrophe_count += memchr(line.key, '\'', line.key_size) != NULL;
        for (uint32_t i = 0; i < line.key_size; i++) {
            if ((unsigned char)line.key[i] >= 0xc0) {
                shipped->utf8_count++;
                break;
            }
        }
        CU_ASSERT_EQUAL(line.line_number, shipped->count + 1u);
    }
    CU_ASSERT_STRING_EQUAL(workload_error(reader), "");
    CU_ASSERT_EQUAL(workload_next(reader, &line), WORKLOAD_END);
    CU_ASSERT_EQUAL(shipped->count, SHIPPED_COUNT);
    workload_close(reader);
    FILE *raw = fopen(file, "rb");
    CU_ASSERT_TRUE(raw != NULL && fgetc(raw) == '#');
    CU_ASSERT_TRUE(raw != NULL && fclose(raw) == 0);
}

static bool has_key(const uint64_t *keys, unsigned count, uint64_t key) {
    for (unsigned i = 0; i < count; i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

static unsigned distinct_count(const struct shipped *shipped) {
    unsigned distinct = 0;
    for (unsigned i = 0; i < shipped->count; i++) {
        distinct += !has_key(shipped->keys, i, shipped->keys[i]);
    }
    return distinct;
}

static unsigned missing_count(const struct shipped *shipped, const struct shipped *inserted) {
    unsigned missing = 0;
    for (unsigned i = 0; i < shipped->count; i++) {
        missing += !has_key(inserted->keys, inserted->count, shipped->keys[i]);
    }
    return missing;
}

static void test_shipped(void) {
    static struct shipped inserted, queried, mixed, deleted;
    read_shipped("workloads/insert.csv", WORKLOAD_INSERT, &inserted);
    read_shipped("workloads/query.csv", WORKLOAD_QUERY, &queried);
    read_shipped("workloads/mix.csv", WORKLOAD_MIX, &mixed);
    read_shipped("workloads/delete.csv", WORKLOAD_DELETE, &deleted);
    CU_ASSERT_EQUAL(distinct_count(&inserted), 380);
    CU_ASSERT_TRUE(inserted.hard_count > 20 && inserted.utf8_count > 50 && inserted.apostrophe_count > 50);
    CU_ASSERT_EQUAL(missing_count(&queried, &inserted), 50);
    CU_ASSERT_TRUE(distinct_count(&queried) < SHIPPED_COUNT);
    CU_ASSERT_EQUAL(mixed.count_by_kind[CHORD_INSERT], 100);
    CU_ASSERT_EQUAL(mixed.count_by_kind[CHORD_QUERY], 380);
    CU_ASSERT_EQUAL(mixed.count_by_kind[CHORD_DELETE], 20);
    CU_ASSERT_TRUE(missing_count(&deleted, &inserted) > 0 && distinct_count(&deleted) < SHIPPED_COUNT);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"types and their names", test_types},
        {"plain lines of every type", test_plain},
        {"blanks around fields", test_blanks},
        {"comments and blank lines", test_comments_and_blank_lines},
        {"quoted fields", test_quotes},
        {"CRLF, missing newline, byte order mark", test_line_ends_and_mark},
        {"too many, too few and empty fields", test_bad_fields},
        {"unknown and incomplete operations", test_bad_operations},
        {"quotes and carriage returns out of place", test_bad_quotes},
        {"missing, empty and odd files", test_bad_files},
        {"a file without permission", test_unreadable},
        {"a file that fails while it is read", test_read_error},
        {"a path too long to show", test_long_path},
        {"what errors show of the text", test_excerpts},
        {"sizes at the limits and beyond", test_limits},
        {"every byte at the end of the buffer", test_buffer_ends},
        {"round trips of random pairs", test_round_trips},
        {"10,000 random files", test_random_bytes},
        {"the survey", test_survey},
        {"a million lines", test_many_lines},
        {"the shipped files", test_shipped},
    };
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0) {
        perror(folder);
        return 2;
    }
    (void)snprintf(path, sizeof path, "%s/file.csv", folder);
    const int status = UNIT_RUN("workload", tests);
    (void)unlink(path);
    if (rmdir(folder) != 0) {
        perror(folder);
        return 2;
    }
    return status;
}
