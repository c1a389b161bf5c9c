/* The agent's part in the history file (app/history): keeps, beside the judge's records, what people and other checkers
 * want to see, and tells it in bounded pieces of text. What is kept while operations flow are short answers and numbers
 * of retries, and only if the run asked for a history; all else is in the agent's operations already. */
#ifndef APP_DRIVER_RECORDER_H
#define APP_DRIVER_RECORDER_H

#include "app/driver/control.h"
#include "app/history/line.h"
#include "chord/wire/sink.h"

struct agent;

/* Of one answered operation. */
struct recorder_answer {
    size_t offset; /* of the value found, among the recorder's bytes, if it is no longer than HISTORY_VALUE_BYTES_MAX */
    uint32_t value_size;
    uint32_t retry_count;
};

/* A zeroed struct keeps nothing. */
struct recorder {
    bool on;
    struct recorder_answer *answers; /* owned; in the order of the agent's history */
    size_t capacity;
    unsigned char *bytes; /* owned; values found */
    size_t size;
    size_t byte_capacity;
    size_t next; /* the answer that the next piece begins with */
};

/* Forgets all answers. on: keep those that come now, of so many operations at most. */
void recorder_begin(struct recorder *recorder, bool on, size_t operation_count);

/* The operation at this position of the agent's history is answered. */
void recorder_note(struct recorder *recorder, size_t position, const struct chord_completion *completion);

/* A reply to COMMAND_HISTORY, of *size bytes, which the caller frees. The agent's records are finished. */
unsigned char *recorder_piece(struct recorder *recorder, struct agent *agent,
                              const struct control_history_asked *asked, size_t *size);

/* What a record says of itself, without key and value. */
struct history_line recorder_line(const struct history_record *record, const struct control_history_asked *asked);

void recorder_clear(struct recorder *recorder);

#endif
