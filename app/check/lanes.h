/* Other checkers know processes that do one thing at a time; a client of ours has a window of operations under way. So
 * its operations are laid into lanes: one that starts while others are under way goes to the lowest lane that is free,
 * and an operation without an answer keeps its lane for good. Lane l of the client of rank r in a ring of n ranks is
 * the process r + n * l: the remainder by n tells the client. */
#ifndef APP_CHECK_LANES_H
#define APP_CHECK_LANES_H

#include "app/history/file.h"

/* The beginning or the end of an operation. */
struct lanes_event {
    uint64_t time_ns;
    size_t position; /* of the operation in the file */
    uint64_t process;
    bool is_end; /* the answer; of an operation without one, the end of the history */
};

struct lanes {
    struct lanes_event *events; /* owned; in the order of time, beginnings before ends on ties */
    size_t count;               /* two an operation */
    uint64_t process_count;     /* all processes are below */
};

/* Lays out the operations at `positions`. CHORD_NO_MEMORY: *lanes is empty. Otherwise free it. */
CHORD_MUST_CHECK enum chord_status lanes_make(const struct history_file *file, const size_t *positions, size_t count,
                                              struct lanes *lanes);
void lanes_free(struct lanes *lanes);

#endif
