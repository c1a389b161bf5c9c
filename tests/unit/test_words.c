/* Quoting: what a line's words are, byte for byte, and which lines are refused. */
#include "app/shell/words.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_WORDS_MAX 5

struct expected {
    const char *line;
    const char *words[CASE_WORDS_MAX]; /* NULL-terminated */
    const char *quoted;                /* a letter a word: q or - */
};

static void test_words(void) {
    static const struct expected cases[] = {
        {"", {NULL}, ""},
        {" \t ", {NULL}, ""},
        {"insert a b", {"insert", "a", "b", NULL}, "---"},
        {"  a\t\tb  ", {"a", "b", NULL}, "--"},
        {"'a b' c", {"a b", "c", NULL}, "q-"},
        {"'a\\' '\"'", {"a\\", "\"", NULL}, "qq"},
        {"\"a \\\" \\\\ \\$ \\` \\n ' b\"", {"a \" \\ $ ` \\n ' b", NULL}, "q"},
        {"a\\ b \\\\ \\' \\*", {"a b", "\\", "'", "*", NULL}, "qqqq"},
        {"a'b'\"c\"d", {"abcd", NULL}, "q"},
        {"'' \"\" x", {"", "", "x", NULL}, "qq-"},
        {"* '*' \"*\"", {"*", "*", "*", NULL}, "-qq"},
        {"$'a\\tb\\n' $x $", {"a\tb\n", "$x", "$", NULL}, "q--"},
        {"$'\\x41\\'\\\\\\e'", {"A'\\\033", NULL}, "q"},
        {"\"$'a'\"", {"$'a'", NULL}, "q"},
        {"a # b c", {"a", NULL}, "-"},
        {"# a", {NULL}, ""},
        {"a#b '#' \\#", {"a#b", "#", "#", NULL}, "-qq"},
        {"k\xc3\xa9y \xff", {"k\xc3\xa9y", "\xff", NULL}, "--"},
    };
    struct words words = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *error = words_split(&words, (const unsigned char *)cases[i].line, strlen(cases[i].line));
        CU_ASSERT_PTR_NULL(error);
        size_t count = 0;
        for (; cases[i].words[count] != NULL; count++) {
            CU_ASSERT_FATAL(count < words.count);
            if (!word_is(&words.list[count], cases[i].words[count])) {
                printf("\n  '%s': word %zu is '%.*s'\n", cases[i].line, count, (int)words.list[count].size,
                       (const char *)words.list[count].bytes);
                CU_FAIL("another word");
            }
            CU_ASSERT_EQUAL(words.list[count].quoted, cases[i].quoted[count] == 'q');
        }
        CU_ASSERT_EQUAL(words.count, count);
    }
    words_clear(&words);
}

static void test_errors(void) {
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"a 'b", "a ' isn't closed"},
        {"'", "a ' isn't closed"},
        {"a \"b", "a \" isn't closed"},
        {"\"a\\\"", "a \" isn't closed"},
        {"\"a\\", "a \" isn't closed"},
        {"$'a", "a $' isn't closed"},
        {"$'a\\", "a $' isn't closed"},
        {"a\\", "there is nothing after the backslash"},
        {"$'\\q'", "within $'...'"},
        {"$'\\x4'", "within $'...'"},
        {"$'\\xg0'", "within $'...'"},
        {"$'\\x", "within $'...'"},
    };
    struct words words = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *error = words_split(&words, (const unsigned char *)cases[i].line, strlen(cases[i].line));
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_EQUAL(strncmp(error, cases[i].error, strlen(cases[i].error)), 0);
        CU_ASSERT_EQUAL(words.count, 0);
    }
    words_clear(&words);
}

/* Bytes that no text has, in words and between them. */
static void test_bytes(void) {
    static const unsigned char line[] = "a\0b $'\\0\\x00\\xff' '\0'\"\\\0\" \\\0";
    struct words words = {0};
    CU_ASSERT_PTR_NULL(words_split(&words, line, sizeof line - 1));
    CU_ASSERT_EQUAL_FATAL(words.count, 4);
    CU_ASSERT_EQUAL(words.list[0].size, 3);
    CU_ASSERT_EQUAL(memcmp(words.list[0].bytes, "a\0b", 3), 0);
    CU_ASSERT_EQUAL(words.list[1].size, 3);
    CU_ASSERT_EQUAL(memcmp(words.list[1].bytes, "\0\0\xff", 3), 0);
    CU_ASSERT_EQUAL(words.list[2].size, 3);
    CU_ASSERT_EQUAL(memcmp(words.list[2].bytes, "\0\\\0", 3), 0);
    CU_ASSERT_EQUAL(words.list[3].size, 1);
    CU_ASSERT_EQUAL(words.list[3].bytes[0], 0);
    words_clear(&words);
}

/* Every line of up to 5 of the letters that mean something has an outcome, and words never outgrow the line. The line is
 * a block of its own, so that the sanitizers see a byte too many. */
static void test_every_short_line(void) {
    static const char letters[] = "a '\"\\$#x";
    struct words words = {0};
    size_t split_count = 0;
    size_t total = 1;
    for (unsigned length = 0; length <= 5; length++) {
        for (size_t number = 0; number < total; number++) {
            unsigned char *line = malloc(length + (length == 0));
            size_t rest = number;
            for (unsigned i = 0; i < length; i++, rest /= sizeof letters - 1) {
                line[i] = (unsigned char)letters[rest % (sizeof letters - 1)];
            }
            if (words_split(&words, line, length) == NULL) {
                size_t size = 0;
                for (size_t i = 0; i < words.count; i++) {
                    size += words.list[i].size;
                }
                split_count += size <= length;
            } else {
                CU_ASSERT_EQUAL(words.count, 0);
                split_count++;
            }
            free(line);
        }
        total *= sizeof letters - 1;
    }
    CU_ASSERT_EQUAL(split_count, 1 + 8 + 64 + 512 + 4096 + 32768);
    words_clear(&words);
}

static void test_many_words(void) {
    static char line[4000];
    struct words words = {0};
    for (size_t i = 0; i < sizeof line; i += 2) {
        line[i] = 'a';
        line[i + 1] = ' ';
    }
    CU_ASSERT_PTR_NULL(words_split(&words, (const unsigned char *)line, sizeof line));
    CU_ASSERT_EQUAL(words.count, 2000);
    CU_ASSERT_TRUE(word_is(&words.list[WORDS_KEPT_MAX - 1], "a"));
    words_clear(&words);
}

int main(void) {
    static const struct unit_test tests[] = {{"words and quotes", test_words},
                                             {"lines that can't be split", test_errors},
                                             {"any bytes", test_bytes},
                                             {"every short line", test_every_short_line},
                                             {"more words than are kept", test_many_words}};
    return UNIT_RUN("words", tests);
}
