/* Where a step's results go: the host implements these and may encode straight into its send buffers. What is passed
 * is borrowed for the length of the call. None of them may call back into the core. */
#ifndef CHORD_WIRE_SINK_H
#define CHORD_WIRE_SINK_H

#include "chord/base/allocator.h"
#include "chord/wire/config.h"
#include "chord/wire/message.h"

/* The end of one of the client's operations. */
struct chord_completion {
    uint64_t tag; /* what the host gave with the operation */
    enum chord_operation_kind kind;
    enum chord_outcome outcome;
    struct chord_version version;
    uint16_t owner_hops;
    uint32_t retry_count;
    struct chord_address answered_by;
    uint64_t started_ticks;
    const unsigned char *value; /* of a query that found its key */
    uint32_t value_size;
};

/* What the coordinator tells its host. */
enum chord_notice_kind {
    CHORD_NOTICE_FORMED,      /* the first view is installed and active everywhere that the coordinator can know of */
    CHORD_NOTICE_DUPLICATE_ID /* two nodes have one id: the ring can't be formed */
};

struct chord_notice {
    enum chord_notice_kind kind;
    uint32_t epoch;
    struct chord_member first;  /* of a duplicate id */
    struct chord_member second; /* of a duplicate id */
};

struct chord_sink {
    void *context;
    void (*send)(void *context, const struct chord_message *message);
    void (*complete)(void *context, const struct chord_completion *completion);
    void (*notice)(void *context, const struct chord_notice *notice);
};

/* What every part of a rank is given by its host. Borrowed, and constant while the part lives. */
struct chord_environment {
    const struct chord_config *config;
    const struct chord_sink *sink;
    const struct chord_allocator *allocator;
};

static inline void chord_send(const struct chord_environment *environment, const struct chord_message *message) {
    environment->sink->send(environment->sink->context, message);
}

#endif
