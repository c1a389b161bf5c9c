/* Sockets that hang up: the caller is told that there is nothing to do, then and ever after; but not before it was asked
 * for, and not of anything else than connections between hosts. */
#include "app/mpi/hangup.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OURS, THEIRS };

/* Both ends of a connection by TCP on this host. */
static void connect_pair(int ends[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0);
    CU_ASSERT_FATAL(listen(listener, 1) == 0 && getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    ends[OURS] = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(ends[OURS] >= 0 && connect(ends[OURS], (struct sockaddr *)&address, size) == 0);
    ends[THEIRS] = accept(listener, NULL, NULL);
    CU_ASSERT_FATAL(ends[THEIRS] >= 0);
    close(listener);
}

/* As a process that dies: what comes after is answered by a reset. */
static void die(int fd) {
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    CU_ASSERT_FATAL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(fd);
}

static ssize_t get(int fd) {
    char bytes[8];
    const struct iovec part = {.iov_base = bytes, .iov_len = sizeof bytes};
    errno = 0;
    return readv(fd, &part, 1);
}

static ssize_t put(int fd) {
    const struct iovec part = {.iov_base = "12345678", .iov_len = 8};
    errno = 0;
    return writev(fd, &part, 1);
}

static void expect_mute(int fd) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&polled, 1, 0), 0); /* no news, no hang-up */
    CU_ASSERT_EQUAL(get(fd), -1);
    CU_ASSERT_EQUAL(errno, EAGAIN);
    ssize_t taken = 0;
    int writes = 0;
    while (writes < 1000000 && (taken = put(fd)) == 8) {
        writes++;
    }
    CU_ASSERT_EQUAL(taken, -1); /* what it takes is bounded, and then it blocks */
    CU_ASSERT_EQUAL(errno, EAGAIN);
}

/* In this order: what is hidden stays so. */
static void test_shown(void) {
    int ends[2];
    connect_pair(ends);
    close(ends[THEIRS]);
    CU_ASSERT_EQUAL(get(ends[OURS]), 0);
    CU_ASSERT_EQUAL(put(ends[OURS]), 8); /* answered by a reset */
    CU_ASSERT_EQUAL(put(ends[OURS]), -1);
    CU_ASSERT_TRUE(errno == EPIPE || errno == ECONNRESET);
    CU_ASSERT_EQUAL(hangup_count(), 0);
    close(ends[OURS]);
}

static void test_hidden(void) {
    signal(SIGPIPE, SIG_DFL); /* would end the test */
    hangup_hide();
    int ends[2];
    connect_pair(ends);
    CU_ASSERT_EQUAL(put(ends[THEIRS]), 8);
    close(ends[THEIRS]);
    CU_ASSERT_EQUAL(get(ends[OURS]), 8); /* what came before the end is read as ever */
    CU_ASSERT_EQUAL(get(ends[OURS]), -1);
    CU_ASSERT_EQUAL(errno, EAGAIN);
    CU_ASSERT_EQUAL(hangup_count(), 1);
    expect_mute(ends[OURS]);
    close(ends[OURS]);

    connect_pair(ends);
    die(ends[THEIRS]);
    CU_ASSERT_EQUAL(put(ends[OURS]), -1); /* the first that it hears of it */
    CU_ASSERT_EQUAL(errno, EAGAIN);
    CU_ASSERT_EQUAL(hangup_count(), 2);
    expect_mute(ends[OURS]);
    close(ends[OURS]);

    connect_pair(ends);
    die(ends[THEIRS]);
    CU_ASSERT_EQUAL(get(ends[OURS]), -1);
    CU_ASSERT_EQUAL(errno, EAGAIN);
    CU_ASSERT_EQUAL(hangup_count(), 3);
    close(ends[OURS]);

    connect_pair(ends);
    close(ends[THEIRS]);
    CU_ASSERT_EQUAL(put(ends[OURS]), 8);  /* answered by a reset */
    CU_ASSERT_EQUAL(put(ends[OURS]), -1); /* and no signal, which would end this process */
    CU_ASSERT_EQUAL(errno, EAGAIN);
    CU_ASSERT_EQUAL(hangup_count(), 4);
    close(ends[OURS]);
}

/* Pipes and local sockets, what isn't open, and calls that merely have nothing to do. */
static void test_others(void) {
    int ends[2];
    CU_ASSERT_FATAL(pipe(ends) == 0);
    close(ends[1]);
    CU_ASSERT_EQUAL(get(ends[0]), 0);
    close(ends[0]);
    CU_ASSERT_EQUAL(get(ends[0]), -1);
    CU_ASSERT_EQUAL(errno, EBADF);

    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    close(ends[1]);
    CU_ASSERT_EQUAL(get(ends[0]), 0);
    CU_ASSERT_EQUAL(put(ends[0]), -1);
    CU_ASSERT_EQUAL(errno, EPIPE);
    close(ends[0]);

    connect_pair(ends);
    CU_ASSERT_EQUAL(readv(ends[OURS], NULL, 0), 0); /* asked for nothing, got nothing: that is no end */
    CU_ASSERT_EQUAL(put(ends[THEIRS]), 8);
    CU_ASSERT_EQUAL(get(ends[OURS]), 8);
    close(ends[OURS]);
    close(ends[THEIRS]);
    CU_ASSERT_EQUAL(hangup_count(), 4);
}

int main(void) {
    static const struct unit_test tests[] = {{"shown", test_shown}, {"hidden", test_hidden}, {"others", test_others}};
    signal(SIGPIPE, SIG_IGN);
    return UNIT_RUN("hangup", tests);
}
