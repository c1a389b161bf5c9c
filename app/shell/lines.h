/* Lines from a descriptor, without ever waiting for one: the rank's loop goes on while a person types. What was read
 * is kept in one buffer that grows to LINES_SIZE_MAX at most; a longer line is passed over. */
#ifndef APP_SHELL_LINES_H
#define APP_SHELL_LINES_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest line, without its line feed: a key and a value of the largest sizes with a good part of it escaped. */
#define LINES_SIZE_MAX ((size_t)2 * 1024 * 1024)

enum lines_result {
    LINES_LINE,     /* a line, without its line feed and a carriage return before it */
    LINES_NOTHING,  /* no whole line has come yet */
    LINES_TOO_LONG, /* a line of more than LINES_SIZE_MAX bytes has just been passed over */
    LINES_END,      /* nothing comes any more */
    LINES_FAILED    /* the same, because reading failed (error) */
};

struct lines {
    int descriptor;
    bool owned;            /* close it */
    bool ended;
    int error;             /* errno of a failed read, or 0 */
    bool skipping;         /* within a line that is too long */
    unsigned char *buffer; /* owned */
    size_t capacity;
    size_t start;          /* of the next line in the buffer */
    size_t scanned;        /* no line feed is in start..scanned */
    size_t end;
    uint64_t line;         /* number of the line that lines_next gave last, from 1 */
};

/* Reads from a descriptor that stays the caller's. */
void lines_from(struct lines *lines, int descriptor);

/* Opens a file (also a FIFO). Returns false with errno set. */
CHORD_MUST_CHECK bool lines_open(struct lines *lines, const char *path);

/* The next line, borrowed until the next call; a last one without line feed counts. Reads at most once, and only what
 * is there. Without memory for a longer line the line counts as too long. */
CHORD_MUST_CHECK enum lines_result lines_next(struct lines *lines, const unsigned char **line, size_t *size);

/* Sleeps until there may be something to read, at most so many milliseconds. */
void lines_wait(const struct lines *lines, int milliseconds);

void lines_close(struct lines *lines);

#endif
