/* Lines from a pipe: pieces, the end, lines that are too long, and that nothing waits. */
#include "app/shell/lines.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct lines lines;
static int feed; /* where the test writes */

static void open_pipe(void) {
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    lines_from(&lines, ends[0]);
    feed = ends[1];
    CU_ASSERT_EQUAL(fcntl(feed, F_SETFL, O_NONBLOCK), 0);
}

static void close_pipe(void) {
    if (feed >= 0) {
        close(feed);
    }
    const int descriptor = lines.descriptor;
    lines_close(&lines);
    close(descriptor);
}

static void put(const char *text, size_t size) {
    CU_ASSERT_EQUAL_FATAL(write(feed, text, size), (ssize_t)size);
}

static enum lines_result next(const char *expected) {
    const unsigned char *line = NULL;
    size_t size = 0;
    const enum lines_result result = lines_next(&lines, &line, &size);
    if (result == LINES_LINE) {
        CU_ASSERT_TRUE(expected != NULL && size == strlen(expected) && memcmp(line, expected, size) == 0);
    }
    return result;
}

static void test_pieces(void) {
    open_pipe();
    CU_ASSERT_EQUAL(next(NULL), LINES_NOTHING);
    put("ins", 3);
    CU_ASSERT_EQUAL(next(NULL), LINES_NOTHING);
    put("ert a b\r\n\nquery", 15);
    CU_ASSERT_EQUAL(next("insert a b"), LINES_LINE);
    CU_ASSERT_EQUAL(lines.line, 1);
    CU_ASSERT_EQUAL(next(""), LINES_LINE);
    CU_ASSERT_EQUAL(next(NULL), LINES_NOTHING);
    CU_ASSERT_EQUAL(next(NULL), LINES_NOTHING);
    close(feed);
    feed = -1;
    CU_ASSERT_EQUAL(next("query"), LINES_LINE);
    CU_ASSERT_EQUAL(lines.line, 3);
    CU_ASSERT_EQUAL(next(NULL), LINES_END);
    CU_ASSERT_EQUAL(next(NULL), LINES_END);
    close_pipe();
}

static void test_end_at_once(void) {
    open_pipe();
    close(feed);
    feed = -1;
    CU_ASSERT_EQUAL(next(NULL), LINES_END);
    close_pipe();
}

/* Feeds a line of so many bytes through the pipe, a piece at a time, and says what comes of it. */
static enum lines_result feed_long(size_t size, const char *end, size_t *got) {
    static char piece[60000];
    memset(piece, 'x', sizeof piece);
    enum lines_result result = LINES_NOTHING;
    const unsigned char *line = NULL;
    while (size > 0) {
        const ssize_t part = write(feed, piece, size < sizeof piece ? size : sizeof piece);
        CU_ASSERT_FATAL(part > 0 || errno == EAGAIN); /* full: what is read makes room */
        size -= part > 0 ? (size_t)part : 0;
        result = lines_next(&lines, &line, got);
        CU_ASSERT_EQUAL_FATAL(result, LINES_NOTHING);
        CU_ASSERT_TRUE(lines.capacity <= LINES_SIZE_MAX + 2);
    }
    while (write(feed, end, strlen(end)) < 0) {
        CU_ASSERT_EQUAL_FATAL(lines_next(&lines, &line, got), LINES_NOTHING);
    }
    for (unsigned turn = 0; turn < 100 && result == LINES_NOTHING; turn++) {
        result = lines_next(&lines, &line, got);
    }
    return result;
}

static void test_long_lines(void) {
    size_t size = 0;
    open_pipe();
    CU_ASSERT_EQUAL(feed_long(LINES_SIZE_MAX, "\n", &size), LINES_LINE);
    CU_ASSERT_EQUAL(size, LINES_SIZE_MAX);
    CU_ASSERT_EQUAL(feed_long(LINES_SIZE_MAX, "\r\n", &size), LINES_LINE);
    CU_ASSERT_EQUAL(size, LINES_SIZE_MAX);
    CU_ASSERT_EQUAL(feed_long(LINES_SIZE_MAX + 1, "\n", &size), LINES_TOO_LONG);
    CU_ASSERT_EQUAL(feed_long(LINES_SIZE_MAX + 1, "\r\n", &size), LINES_TOO_LONG);
    CU_ASSERT_EQUAL(feed_long(5 * LINES_SIZE_MAX, "\nnext\n", &size), LINES_TOO_LONG);
    CU_ASSERT_EQUAL(lines.line, 5);
    CU_ASSERT_EQUAL(next("next"), LINES_LINE);
    CU_ASSERT_EQUAL(lines.line, 6);
    CU_ASSERT_EQUAL(feed_long(LINES_SIZE_MAX + 5000, "", &size), LINES_NOTHING);
    close(feed);
    feed = -1;
    CU_ASSERT_EQUAL(next(NULL), LINES_TOO_LONG);
    CU_ASSERT_EQUAL(next(NULL), LINES_END);
    close_pipe();
}

static void test_files(void) {
    char path[] = "/tmp/test-lines-XXXXXX";
    feed = mkstemp(path);
    CU_ASSERT_FATAL(feed >= 0);
    put("a\nb", 3);
    close(feed);
    CU_ASSERT_TRUE_FATAL(lines_open(&lines, path));
    unlink(path);
    CU_ASSERT_EQUAL(next("a"), LINES_LINE);
    CU_ASSERT_EQUAL(next("b"), LINES_LINE);
    CU_ASSERT_EQUAL(next(NULL), LINES_END);
    lines_close(&lines);
    CU_ASSERT_EQUAL(next(NULL), LINES_END);
    CU_ASSERT_FALSE(lines_open(&lines, path));
    CU_ASSERT_EQUAL(errno, ENOENT);
    CU_ASSERT_TRUE(lines_open(&lines, "/"));
    CU_ASSERT_EQUAL(next(NULL), LINES_FAILED);
    CU_ASSERT_EQUAL(lines.error, EISDIR);
    lines_close(&lines);
    lines_from(&lines, 1000000); /* not open */
    CU_ASSERT_EQUAL(next(NULL), LINES_FAILED);
    CU_ASSERT_EQUAL(lines.error, EBADF);
    lines_close(&lines);
}

int main(void) {
    static const struct unit_test tests[] = {{"pieces of lines", test_pieces},
                                             {"the end at once", test_end_at_once},
                                             {"long lines", test_long_lines},
                                             {"files and what can't be read", test_files}};
    return UNIT_RUN("lines", tests);
}
