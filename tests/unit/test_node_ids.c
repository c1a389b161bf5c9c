/* The file of --node-ids: the textbook's ring, and every way in which a file can be wrong. */
#include "app/options/node_ids.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static char error[NODE_IDS_ERROR_SIZE];
static struct chord_id ids[16];
static size_t virtual_count = 1; /* what the readers below are given */

static bool read_text(const char *text, size_t size, unsigned bits, size_t count) {
    (void)snprintf(path, sizeof path, "/tmp/chordkv-node-ids-XXXXXX");
    const int descriptor = mkstemp(path);
    CU_ASSERT_FATAL(descriptor >= 0);
    CU_ASSERT_FATAL(write(descriptor, text, size) == (ssize_t)size);
    CU_ASSERT_FATAL(close(descriptor) == 0);
    const bool good = node_ids_read(path, bits, count, virtual_count, ids, error);
    CU_ASSERT_FATAL(unlink(path) == 0);
    return good;
}

/* Whether reading fails with "<path><rest of the message>". */
static bool fails_with(const char *text, size_t size, unsigned bits, size_t count, const char *rest) {
    const bool good = !read_text(text, size, bits, count) && strncmp(error, path, strlen(path)) == 0 &&
                      strncmp(error + strlen(path), rest, strlen(rest)) == 0 && strchr(error, '\n') == NULL;
    if (!good) {
        printf("\n  \"%s\", expected \"%s\"\n", error, rest);
    }
    return good;
}

#define ASSERT_FAILS(text, bits, count, rest)                                                                \
    CU_ASSERT_TRUE(fails_with((text), sizeof(text) - 1, (bits), (count), (rest)))

static bool is_number(struct chord_id id, uint64_t number, unsigned bits) {
    struct chord_id expected;
    return chord_id_from_number(number, bits, &expected) == CHORD_OK && chord_id_equal(id, expected);
}

#define READ(text, bits, count) read_text((text), sizeof(text) - 1, (bits), (count))

static void test_good(void) {
    /* The ring of SIGCOMM 2001, figure 2: ids 0, 1 and 3 of 3 bits. */
    CU_ASSERT_TRUE(READ("0 0\n1 1\n2 3\n", 3, 3));
    CU_ASSERT_TRUE(is_number(ids[0], 0, 3) && is_number(ids[1], 1, 3) && is_number(ids[2], 3, 3));
    CU_ASSERT_STRING_EQUAL(error, "");
    CU_ASSERT_TRUE(READ("# a ring\r\n\r\n  2\t0x0F # the last\r\n1 7#x\r\n\t\n0 0Xa", 4, 3));
    CU_ASSERT_TRUE(is_number(ids[0], 10, 4) && is_number(ids[1], 7, 4) && is_number(ids[2], 15, 4));
    CU_ASSERT_TRUE(READ("0 18446744073709551615\n1 0xffffffffffffffffffffffffffffffffffffffff\n", 160, 2));
    CU_ASSERT_TRUE(is_number(ids[0], UINT64_MAX, 160));
    CU_ASSERT_TRUE(ids[1].high == UINT64_MAX && ids[1].middle == UINT64_MAX && ids[1].low == UINT32_MAX);
    CU_ASSERT_TRUE(READ("0 1", 1, 1));
}

static void test_bad_lines(void) {
    ASSERT_FAILS("0 0\nfoo\n", 4, 2, ":2: expected RANK ID, for instance 3 0x1f, not 'foo'");
    ASSERT_FAILS("0\n", 4, 1, ":1: expected RANK ID");
    ASSERT_FAILS("0 1 2\n", 4, 1, ":1: expected RANK ID, for instance 3 0x1f, not '0 1 2'");
    ASSERT_FAILS("x 1\n", 4, 1, ":1: expected RANK ID");
    ASSERT_FAILS("-1 1\n", 4, 1, ":1: expected RANK ID");
    ASSERT_FAILS("99999999999999999999 1\n", 4, 1, ":1: expected RANK ID");
    ASSERT_FAILS("0 #1\n", 4, 1, ":1: expected RANK ID");
    ASSERT_FAILS("\n\n2 1\n", 4, 2, ":3: there is no rank 2: this run has the ranks 0 to 1");
    ASSERT_FAILS("0 16\n", 4, 1, ":1: the id '16' is not a number below 2^4 (--id-bits)");
    ASSERT_FAILS("0 0x10\n", 4, 1, ":1: the id '0x10' is not a number below 2^4");
    ASSERT_FAILS("0 18446744073709551616\n", 160, 1, ":1: the id '18446744073709551616' is not");
    ASSERT_FAILS("0 0x10000000000000000000000000000000000000000\n", 160, 1, ":1: the id '0x1000");
    ASSERT_FAILS("0 -1\n", 4, 1, ":1: the id '-1' is not");
    ASSERT_FAILS("0 0x\n", 4, 1, ":1: the id '0x' is not");
    ASSERT_FAILS("0 0xg\n", 4, 1, ":1: the id '0xg' is not");
    ASSERT_FAILS("0 1\0002\n", 4, 1, ":1: the id '1");
    ASSERT_FAILS("\033[31m\n", 4, 1, ":1: expected RANK ID, for instance 3 0x1f, not '?[31m'");
}

static void test_whole_file(void) {
    ASSERT_FAILS("0 1\n# x\n0 2\n", 4, 2, ":3: rank 0 is given again, first in line 1");
    ASSERT_FAILS("1 5\n0 5\n", 4, 2, ":2: rank 0 has the same id as rank 1 in line 1");
    ASSERT_FAILS("0 1\n1 0x7\n2 3\n3 7\n", 4, 4, ":4: rank 3 has the same id as rank 1 in line 2");
    ASSERT_FAILS("0 1\n2 2\n", 4, 4,
                 ": gives 2 of 4 ranks: rank 1 is missing; every rank 0 to 3 needs a line");
    ASSERT_FAILS("", 4, 1, ": gives 0 of 1 ranks: rank 0 is missing");
    ASSERT_FAILS("# nothing\n", 4, 1, ": gives 0 of 1 ranks");
}

static void test_no_file(void) {
    CU_ASSERT_FALSE(node_ids_read("/nonexistent/ids", 4, 1, 1, ids, error));
    CU_ASSERT_STRING_EQUAL(error, "/nonexistent/ids: can't be opened: No such file or directory");
    CU_ASSERT_FALSE(node_ids_read("/", 4, 1, 1, ids, error));
    CU_ASSERT_STRING_EQUAL(error, "/: can't be read: Is a directory");
}

/* A line of a megabyte is quoted in part. */
static void test_long_line(void) {
    const size_t size = 1u << 20;
    char *text = malloc(size);
    CU_ASSERT_FATAL(text != NULL);
    memset(text, 'z', size);
    CU_ASSERT_TRUE(fails_with(text, size, 4, 1, ":1: expected RANK ID, for instance 3 0x1f, not 'zzz"));
    free(text);
}

/* Several ids a line: node v of rank r is at r * V + v, in whatever order the ranks are given. */
static void test_virtual_nodes(void) {
    virtual_count = 3;
    CU_ASSERT_TRUE(READ("1 4 0x3\t5 # the second rank\n\n0 10 2 9\n", 4, 2));
    static const uint64_t expected[] = {10, 2, 9, 4, 3, 5};
    for (size_t node = 0; node < 6; node++) {
        CU_ASSERT_TRUE(is_number(ids[node], expected[node], 4));
    }
    ASSERT_FAILS("0 1 2\n", 4, 1, ":1: expected RANK and 3 ids (--virtual-nodes), for instance 3 0x1f 0x2a ..., not "
                                  "'0 1 2'");
    ASSERT_FAILS("0 1 2 3 4\n", 4, 1, ":1: expected RANK and 3 ids");
    ASSERT_FAILS("0 1 2 #3\n", 4, 1, ":1: expected RANK and 3 ids");
    ASSERT_FAILS("x 1 2 3\n", 4, 1, ":1: expected RANK and 3 ids");
    ASSERT_FAILS("0 1 2 16\n", 4, 1, ":1: the id '16' is not a number below 2^4");
    ASSERT_FAILS("0 1 2 1\n", 4, 1, ":1: rank 0 has one id twice; two nodes can't share an id");
    ASSERT_FAILS("0 1 2 3\n1 4 5 2\n", 4, 2, ":2: rank 1 has the same id as rank 0 in line 1");
    ASSERT_FAILS("0 1 2 3\n", 4, 2, ": gives 1 of 2 ranks: rank 1 is missing");
    virtual_count = 1;
}

int main(void) {
    static const struct unit_test tests[] = {
        {"good files", test_good},
        {"bad lines", test_bad_lines},
        {"the file as a whole", test_whole_file},
        {"no such file", test_no_file},
        {"a long line", test_long_line},
        {"several ids a rank", test_virtual_nodes},
    };
    return UNIT_RUN("node ids", tests);
}
