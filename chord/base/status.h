/* The operating errors of the core: one table of code and text. A status is never ignored silently: functions that
 * return one are marked with CHORD_MUST_CHECK. */
#ifndef CHORD_BASE_STATUS_H
#define CHORD_BASE_STATUS_H

#define CHORD_STATUS_TABLE(X)                                                                                \
    X(CHORD_OK, "ok")                                                                                        \
    X(CHORD_BUSY, "no room in the window, or an operation on the same key is under way")                     \
    X(CHORD_KEY_EMPTY, "the key is empty: a key has 1 to 1,024 bytes")                                       \
    X(CHORD_KEY_TOO_LONG, "the key is longer than 1,024 bytes")                                              \
    X(CHORD_VALUE_TOO_LONG, "the value is longer than the limit")                                            \
    X(CHORD_MALFORMED, "the message is malformed")                                                           \
    X(CHORD_STALE, "the message belongs to an older epoch or incarnation")                                   \
    X(CHORD_UNEXPECTED, "the message does not fit the receiver's state")                                     \
    X(CHORD_NO_MEMORY, "out of memory")                                                                      \
    X(CHORD_INVALID, "an argument is out of range")                                                          \
    X(CHORD_NO_SUCH_NODE, "no such node")                                                                    \
    X(CHORD_ALREADY_MEMBER, "it is in the ring already")                                                     \
    X(CHORD_NOT_MEMBER, "it is not in the ring")                                                             \
    X(CHORD_LAST_MEMBER, "it is the last member: its data would have nowhere to go")                         \
    X(CHORD_UNDER_WAY, "it is joining or leaving already")                                                   \
    X(CHORD_UNREACHABLE, "nothing is heard of it: it is taken for dead")

#define CHORD_STATUS_CODE(code, text) code,
enum chord_status { CHORD_STATUS_TABLE(CHORD_STATUS_CODE) CHORD_STATUS_COUNT };
#undef CHORD_STATUS_CODE

#define CHORD_MUST_CHECK __attribute__((warn_unused_result))

/* The text of a status, without a final stop; "unknown status" for any other number. Static storage. */
const char *chord_status_text(enum chord_status status);

#endif
