#include "app/driver/recorder.h"

#include "app/driver/agent.h"
#include "app/driver/grown.h"
#include "app/driver/loader.h"
#include "app/history/line.h"
#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <stdlib.h>
#include <string.h>

/* budget.h has room for a loader's chunk: so it has for a piece. And a line always fits into an empty piece. */
_Static_assert(CONTROL_HISTORY_BYTES <= LOADER_CHUNK_BYTES, "the budget knows no larger message");
_Static_assert(HISTORY_LINE_BYTES_MAX <= CONTROL_HISTORY_BYTES, "a piece has room for any line");

void recorder_begin(struct recorder *recorder, bool on, size_t operation_count) {
    recorder->on = on;
    recorder->size = 0;
    recorder->next = 0;
    if (on) {
        recorder->answers =
            grown(recorder->answers, &recorder->capacity, operation_count, sizeof *recorder->answers);
        if (operation_count > 0) {
            memset(recorder->answers, 0, operation_count * sizeof *recorder->answers);
        }
    }
}

void recorder_note(struct recorder *recorder, size_t position, const struct chord_completion *completion) {
    if (!recorder->on) {
        return;
    }
    if (position >= recorder->capacity) { /* nobody knew how many there would be */
        recorder->answers = grown(recorder->answers, &recorder->capacity, position + 1, sizeof *recorder->answers);
    }
    struct recorder_answer answer = {.offset = recorder->size, .retry_count = completion->retry_count};
    if (completion->outcome == CHORD_FOUND) {
        answer.value_size = completion->value_size;
        if (answer.value_size > 0 && answer.value_size <= HISTORY_VALUE_BYTES_MAX) {
            recorder->bytes =
                grown(recorder->bytes, &recorder->byte_capacity, recorder->size + answer.value_size, 1);
            memcpy(recorder->bytes + recorder->size, completion->value, answer.value_size);
            recorder->size += answer.value_size;
        }
    }
    recorder->answers[position] = answer;
}

/* The value of an operation that has one: written, or found. */
static void tell_value(const struct recorder *recorder, struct agent *agent, const struct history_record *record,
                       const struct recorder_answer *answer, struct history_line *line) {
    static const unsigned char nothing[1] = {0};
    size_t size = answer->value_size;
    if (record->kind == CHORD_INSERT) {
        line->value = agent_value(agent, record->index, &size);
    } else if (size <= HISTORY_VALUE_BYTES_MAX && size > 0) {
        line->value = recorder->bytes + answer->offset;
    }
    line->value = size == 0 ? nothing : line->value;
    line->has_value = true;
    line->value_size = (uint32_t)size;
    line->value_digest = record->value_digest;
    /* A negative control falsifies digests, but no bytes. */
    if (line->value != NULL && chord_digest64(line->value, size) != record->value_digest) {
        line->value = NULL;
    }
}

struct history_line recorder_line(const struct history_record *record, const struct control_history_asked *asked) {
    const bool answered = record->outcome != CHORD_UNKNOWN;
    return (struct history_line){.round = asked->round,
                                 .phase = asked->phase,
                                 .client_rank = record->client_rank,
                                 .index = record->index,
                                 .kind = (enum chord_operation_kind)record->kind,
                                 .outcome = (enum chord_outcome)record->outcome,
                                 .start_ns = record->start_ns,
                                 .end_ns = answered ? record->end_ns : 0,
                                 .has_version = answered,
                                 .version = history_version(record),
                                 .retry_count = record->retry_count};
}

static char *text_of(const struct recorder *recorder, struct agent *agent,
                     const struct control_history_asked *asked, size_t position) {
    struct history_record record = agent->history.records[position];
    const struct recorder_answer *answer = &recorder->answers[position];
    history_shift(&record, agent->clock_offset_ns, agent->clock_error_ns); /* onto rank 0's clock */
    struct history_line line = recorder_line(&record, asked);
    line.retry_count = answer->retry_count;
    size_t key_size;
    line.key = agent_key(agent, record.index, &key_size);
    line.key_size = (uint32_t)key_size;
    if (record.kind == CHORD_INSERT || record.outcome == CHORD_FOUND) {
        tell_value(recorder, agent, &record, answer, &line);
    }
    char *text = history_line_text(&line);
    chord_check(text != NULL);
    return text;
}

unsigned char *recorder_piece(struct recorder *recorder, struct agent *agent,
                              const struct control_history_asked *asked, size_t *size) {
    struct control_history head = {0};
    unsigned char *piece = malloc(sizeof head + CONTROL_HISTORY_BYTES);
    chord_check(piece != NULL && recorder->on);
    recorder->next = asked->begin ? 0 : recorder->next;
    *size = sizeof head;
    for (; recorder->next < agent->history.count; recorder->next++, head.count++) {
        char *text = text_of(recorder, agent, asked, recorder->next);
        const size_t length = strlen(text);
        chord_check(length < HISTORY_LINE_BYTES_MAX);
        const bool fits = *size + length + 1 <= sizeof head + CONTROL_HISTORY_BYTES;
        if (fits) {
            memcpy(piece + *size, text, length); /* NOLINT(bugprone-not-null-terminated-result): lines, no strings */
            piece[*size + length] = '\n';
            *size += length + 1;
        }
        free(text);
        if (!fits) {
            break;
        }
    }
    head.more = recorder->next < agent->history.count;
    memcpy(piece, &head, sizeof head);
    return piece;
}

void recorder_clear(struct recorder *recorder) {
    free(recorder->answers);
    free(recorder->bytes);
    *recorder = (struct recorder){0};
}
