#define _GNU_SOURCE /* dladdr */
#include "app/mpi/hangup.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
    bool hides;
    uint64_t count;
} hangup;

void hangup_hide(void) {
    (void)signal(SIGPIPE, SIG_IGN); /* Open MPI leaves it to end the process at the first write after a hang-up */
    hangup.hides = true;
}

uint64_t hangup_count(void) {
    return hangup.count;
}

/* Of the errors of a socket, those that say that its peer, or the way to it, is gone. */
static bool is_gone(int error) {
    return error == EPIPE || error == ECONNRESET || error == ECONNABORTED || error == ETIMEDOUT ||
           error == EHOSTUNREACH || error == EHOSTDOWN || error == ENETUNREACH || error == ENETDOWN;
}

static bool asks_for_any(const struct iovec *parts, int count) {
    for (int i = 0; i < count; i++) {
        if (parts[i].iov_len > 0) {
            return true;
        }
    }
    return false;
}

/* PMIx talks to its daemon by sockets, too, and must be told when that has gone. */
static bool is_message_layer(const void *caller) {
    Dl_info object;
    return dladdr(caller, &object) != 0 && object.dli_fname != NULL && strstr(object.dli_fname, "pmix") == NULL;
}

static bool is_internet_stream(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    struct sockaddr_storage own = {0};
    socklen_t own_size = sizeof own;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
           (own.ss_family == AF_INET || own.ss_family == AF_INET6);
}

/* Puts a mute socket in the place of fd. Its other end is never closed: that would be a hang-up again. */
static bool silence(int fd) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        return false; /* no descriptor left: MPI hears of it and ends this rank */
    }
    const bool done = dup3(ends[0], fd, O_CLOEXEC) >= 0;
    (void)close(ends[0]);
    if (!done) {
        (void)close(ends[1]);
    }
    return done;
}

/* A call has met the end of fd: whether its caller is kept from knowing. */
static bool hides_from(const void *caller, int fd) {
    if (!hangup.hides || !is_internet_stream(fd) || !is_message_layer(caller) || !silence(fd)) {
        return false;
    }
    hangup.count++;
    return true;
}

static ssize_t nothing_to_do(void) {
    errno = EAGAIN;
    return -1;
}

/* The C library's own names for the parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
ssize_t readv(int fd, const struct iovec *parts, int count) {
    const ssize_t got = syscall(SYS_readv, fd, parts, count);
    if (got > 0) {
        return got;
    }
    const int error = errno;
    if ((got == 0 ? asks_for_any(parts, count) : is_gone(error)) && hides_from(__builtin_return_address(0), fd)) {
        return nothing_to_do();
    }
    errno = error;
    return got;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    const ssize_t put = syscall(SYS_writev, fd, parts, count);
    if (put >= 0) {
        return put;
    }
    const int error = errno;
    if (is_gone(error) && hides_from(__builtin_return_address(0), fd)) {
        return nothing_to_do();
    }
    errno = error;
    return put;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
