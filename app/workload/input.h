/* The bytes of one workload file, in order, through one buffer of fixed size: where the reader stands, in
 * which line, and how that line begins (for errors). It knows nothing of fields and operations.
 *
 * The reader looks at buffer[at..end) and moves `at` itself, through input_advance wherever it may pass a
 * line break. A pointer into the buffer holds until the next call of input_peek or input_refill. */
#ifndef APP_WORKLOAD_INPUT_H
#define APP_WORKLOAD_INPUT_H

#include "app/workload/excerpt.h"
#include "chord/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tests/fuzz reads with others: where the buffer ends must not matter. At least 3 bytes, a byte order mark. */
#ifndef INPUT_BUFFER_SIZE
#define INPUT_BUFFER_SIZE ((size_t)256 * 1024)
#else
extern size_t INPUT_BUFFER_SIZE;
#endif

struct chord_hash_sha256;

struct input {
    int descriptor; /* owned; -1 when closed */
    bool ended;     /* nothing is left to be read into the buffer */
    int error;      /* errno of a failed read, else 0; bytes that were read before it are still served */
    char *buffer;   /* owned; INPUT_BUFFER_SIZE bytes */
    size_t at;
    size_t end;
    uint64_t line;         /* the number of the line in which `at` stands, from 1 */
    size_t line_start;     /* where that line starts in the buffer */
    size_t line_head_size; /* what of the line's start has left the buffer, up to the size of line_head */
    char line_head[EXCERPT_BYTES_KEPT];
    char last_byte;                   /* of what was read so far; '\n' before the first */
    uint64_t size;                    /* bytes read so far */
    struct chord_hash_sha256 *digest; /* takes in every byte that is read, unless NULL; owned by the caller */
};

/* Opens a regular file and passes over a UTF-8 byte order mark. Returns false with a reason ("can't be
 * opened: ...") in reason, and then nothing is left to be closed. */
CHORD_MUST_CHECK bool input_open(struct input *input, const char *path, struct chord_hash_sha256 *digest,
                                 char *reason, size_t reason_size);

/* Frees and closes. Harmless on an input that was closed or is zero with descriptor -1. */
void input_close(struct input *input);

/* With at == end: reads on. False at the end of the file or after an error. */
bool input_refill(struct input *input);

/* The next byte, 0..255, which stays the next; -1 at the end of the file or after an error. */
static inline int input_peek(struct input *input) {
    return input->at < input->end || input_refill(input) ? (unsigned char)input->buffer[input->at] : -1;
}

/* Passes over `size` <= end - at bytes and counts the lines that begin within them. */
void input_advance(struct input *input, size_t size);

/* An excerpt of the line in which `at` stands, from its start and without its line break. May read on: for
 * errors that end the reading only. Returns text. */
char *input_line_excerpt(struct input *input, char text[EXCERPT_TEXT_SIZE]);

/* After the end: how many lines the file has, a last one without line break included. */
uint64_t input_line_count(const struct input *input);

#endif
