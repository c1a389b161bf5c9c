#include "app/workload/input.h"

#include "chord/hash/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Keeps what the buffer holds of the current line's start. */
static void keep_line_head(struct input *input) {
    const size_t held = input->end - input->line_start;
    const size_t room = sizeof input->line_head - input->line_head_size;
    const size_t kept = held < room ? held : room;
    memcpy(input->line_head + input->line_head_size, input->buffer + input->line_start, kept);
    input->line_head_size += kept;
}

bool input_refill(struct input *input) {
    if (input->ended) {
        return false;
    }
    keep_line_head(input);
    input->at = input->end = input->line_start = 0;
    while (input->end < INPUT_BUFFER_SIZE && !input->ended) {
        const ssize_t size =
            read(input->descriptor, input->buffer + input->end, INPUT_BUFFER_SIZE - input->end);
        if (size > 0) {
            input->end += (size_t)size;
        } else if (size == 0 || errno != EINTR) {
            input->ended = true;
            input->error = size == 0 ? 0 : errno;
        }
    }
    if (input->end == 0) {
        return false;
    }
    if (input->digest != NULL) {
        chord_hash_sha256_add(input->digest, input->buffer, input->end);
    }
    input->size += input->end;
    input->last_byte = input->buffer[input->end - 1];
    return true;
}

/* Opens the descriptor of a regular file, or says why not. */
static bool open_regular(struct input *input, const char *path, char *reason, size_t reason_size) {
    /* Without O_NONBLOCK opening a pipe that nobody writes to would wait for ever. */
    input->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (input->descriptor < 0 || fstat(input->descriptor, &status) != 0) {
        (void)snprintf(reason, reason_size, "can't be opened: %s", strerror(errno));
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        (void)snprintf(reason, reason_size, "is a directory; expected a workload file");
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        (void)snprintf(
            reason, reason_size,
            "is a pipe or a device; expected a regular file, because a workload is read more than once");
        return false;
    }
    return true;
}

bool input_open(struct input *input, const char *path, struct chord_hash_sha256 *digest, char *reason,
                size_t reason_size) {
    *input = (struct input){.descriptor = -1, .line = 1, .last_byte = '\n', .digest = digest};
    if (!open_regular(input, path, reason, reason_size)) {
        input_close(input);
        return false;
    }
    input->buffer = malloc(INPUT_BUFFER_SIZE);
    if (input->buffer == NULL) {
        (void)snprintf(reason, reason_size, "can't be read: out of memory");
        input_close(input);
        return false;
    }
    if (input_refill(input) && input->end >= 3 && memcmp(input->buffer, "\xef\xbb\xbf", 3) == 0) {
        input->at = input->line_start = 3;
    }
    return true;
}

void input_close(struct input *input) {
    if (input->descriptor >= 0) {
        (void)close(input->descriptor);
    }
    free(input->buffer);
    *input = (struct input){.descriptor = -1};
}

void input_advance(struct input *input, size_t size) {
    const char *at = input->buffer + input->at;
    const char *const end = at + size;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        input->line++;
        input->line_start = (size_t)(at - input->buffer);
        input->line_head_size = 0;
    }
    input->at += size;
}

char *input_line_excerpt(struct input *input, char text[EXCERPT_TEXT_SIZE]) {
    const char *line_break;
    do {
        const size_t held = input->end - input->line_start;
        line_break = held > 0 ? memchr(input->buffer + input->line_start, '\n', held) : NULL;
        if (line_break != NULL) {
            input->end = (size_t)(line_break - input->buffer);
            input->ended = true;
        }
    } while (line_break == NULL &&
             input->line_head_size + input->end - input->line_start < EXCERPT_BYTES_KEPT &&
             input_refill(input));
    keep_line_head(input);
    /* Nothing may be read after this. */
    input->at = input->line_start = input->end;
    input->ended = true;
    size_t size = input->line_head_size;
    if (size > 0 && size < EXCERPT_BYTES_KEPT && input->line_head[size - 1] == '\r') {
        size--;
    }
    return excerpt_write(input->line_head, size, false, text);
}

uint64_t input_line_count(const struct input *input) {
    return input->line - 1 + (input->last_byte != '\n');
}
