/* Private to app/schedule: the text of one event. */
#ifndef APP_SCHEDULE_PARSE_H
#define APP_SCHEDULE_PARSE_H

#include "app/schedule/schedule.h"

/* Where NODE stands in an event's text. */
struct schedule_span {
    size_t offset;
    size_t size;
};

/* Reads WHEN:WHAT:NODE from the first `size` bytes of text, which may be any bytes. Fills *event but for text, node,
 * phase_index, ordinal and line, and *node. False with a reason (one line) in `reason`; then *event means nothing. */
CHORD_MUST_CHECK bool schedule_parse(const char *text, size_t size, struct schedule_event *event,
                                     struct schedule_span *node, char reason[SCHEDULE_ERROR_SIZE]);

#endif
