#include "app/shell/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 * 1024)

void lines_from(struct lines *lines, int descriptor) {
    *lines = (struct lines){.descriptor = descriptor};
}

bool lines_open(struct lines *lines, const char *path) {
    *lines = (struct lines){.descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), .owned = true};
    return lines->descriptor >= 0;
}

void lines_close(struct lines *lines) {
    if (lines->owned && lines->descriptor >= 0) {
        close(lines->descriptor);
    }
    free(lines->buffer);
    *lines = (struct lines){.descriptor = -1, .ended = true};
}

static bool is_ready(const struct lines *lines, int milliseconds) {
    struct pollfd polled = {.fd = lines->descriptor, .events = POLLIN};
    return poll(&polled, 1, milliseconds) > 0;
}

void lines_wait(const struct lines *lines, int milliseconds) {
    (void)is_ready(lines, milliseconds);
}

/* Room for some more bytes. False if the line would be too long, or there is no memory. */
static bool make_room(struct lines *lines) {
    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->scanned -= lines->start;
        lines->end -= lines->start;
        lines->start = 0;
    }
    /* One for the line feed, one for a carriage return: neither counts. */
    if (lines->end >= LINES_SIZE_MAX + 2) {
        return false;
    }
    if (lines->end == lines->capacity) {
        const size_t larger = lines->capacity == 0                          ? READ_SIZE
                              : 2 * lines->capacity < LINES_SIZE_MAX + 2 ? 2 * lines->capacity
                                                                         : LINES_SIZE_MAX + 2;
        unsigned char *buffer = realloc(lines->buffer, larger);
        if (buffer == NULL) {
            return false;
        }
        lines->buffer = buffer;
        lines->capacity = larger;
    }
    return true;
}

/* Takes in what is there. */
static void fill(struct lines *lines) {
    if (!make_room(lines)) {
        lines->skipping = true;
        lines->end = lines->start;
        lines->scanned = lines->start;
    }
    if (lines->capacity == 0) {
        lines->error = ENOMEM;
        lines->ended = true;
        return;
    }
    if (!is_ready(lines, 0)) {
        return;
    }
    /* Anything that poll reports is worth a read: data, the end, or the error. */
    const size_t room = lines->capacity - lines->end;
    const ssize_t count = read(lines->descriptor, lines->buffer + lines->end, room < READ_SIZE ? room : READ_SIZE);
    if (count > 0) {
        lines->end += (size_t)count;
    } else if (count == 0) {
        lines->ended = true;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        lines->error = errno;
        lines->ended = true;
    }
}

/* A line of so many bytes at start, and `after` bytes that end it. */
static enum lines_result give(struct lines *lines, size_t size, size_t after, const unsigned char **line,
                              size_t *line_size) {
    *line = lines->buffer + lines->start;
    *line_size = size > 0 && (*line)[size - 1] == '\r' ? size - 1 : size;
    lines->start += size + after;
    lines->scanned = lines->start;
    lines->line++;
    if (lines->skipping || *line_size > LINES_SIZE_MAX) {
        lines->skipping = false;
        return LINES_TOO_LONG;
    }
    return LINES_LINE;
}

enum lines_result lines_next(struct lines *lines, const unsigned char **line, size_t *size) {
    for (unsigned turn = 0; turn < 2; turn++) {
        const unsigned char *from = lines->buffer + lines->scanned;
        const unsigned char *feed =
            lines->end > lines->scanned ? memchr(from, '\n', lines->end - lines->scanned) : NULL;
        if (feed != NULL) {
            return give(lines, (size_t)(feed - lines->buffer) - lines->start, 1, line, size);
        }
        lines->scanned = lines->end;
        if (lines->ended) {
            if (lines->end > lines->start || lines->skipping) {
                return give(lines, lines->end - lines->start, 0, line, size);
            }
            return lines->error != 0 ? LINES_FAILED : LINES_END;
        }
        if (turn == 0) {
            fill(lines);
        }
    }
    return LINES_NOTHING;
}
