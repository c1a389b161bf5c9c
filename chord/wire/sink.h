/* Where a step's results go: the host implements these and may encode straight into its send buffers. What is passed
 * is borrowed for the length of the call. None of them may call back into the core. */
#ifndef CHORD_WIRE_SINK_H
#define CHORD_WIRE_SINK_H

#include "chord/base/allocator.h"
#include "chord/wire/config.h"
#include "chord/wire/message.h"
#include "chord/wire/reach.h"

/* The end of one of the client's operations. */
struct chord_completion {
    uint64_t tag; /* what the host gave with the operation */
    enum chord_operation_kind kind;
    enum chord_outcome outcome;
    struct chord_version version;
    uint16_t owner_hops;
    enum chord_shortcut shortcut; /* of the copy of the request that was answered, like its hops */
    uint32_t retry_count;
    struct chord_address answered_by;
    uint64_t started_ticks;
    const unsigned char *value; /* of a query that found its key */
    uint32_t value_size;
};

/* What a host may ask the coordinator to do with a node. */
enum chord_command {
    CHORD_COMMAND_JOIN,    /* a spare takes its place in the ring */
    CHORD_COMMAND_DEPART,  /* a member hands over and becomes a spare */
    CHORD_COMMAND_EXCLUDE, /* a member that is taken for dead is left out; it isn't told beforehand */
    CHORD_COMMAND_COUNT
};

/* One node's part in a view change. */
struct chord_change_member {
    enum chord_command what;
    struct chord_member member; /* with the incarnation that joined or left */
};

/* A committed view change, and what it cost. Ticks are the coordinator's host's. */
struct chord_change {
    uint32_t epoch;         /* of the attempt that was committed */
    uint32_t attempt_count; /* above 1: it was interrupted and begun again */
    uint32_t arc_count;     /* arcs that got a new INSTALL, counted as they are afterwards */
    uint32_t message_count; /* PREPARE, WEDGED, INSTALL, SYNCED, ACTIVATE, DROP, NEIGHBOURS and pieces */
    uint64_t pair_count;    /* pairs sent in transfers to members that hold them now, copies counted one by one */
    uint64_t pair_bytes;    /* of their keys and values */
    uint64_t started_ticks; /* the first PREPARE was sent */
    uint64_t ended_ticks;   /* the last ACTIVATE was sent */
    uint64_t wedged_ticks_max; /* the arc that was wedged longest: from its first PREPARE to its ACTIVATE */
    uint64_t wedged_ticks_sum; /* over the arcs */
    const struct chord_change_member *members; /* borrowed: who joined, left or was excluded */
    uint32_t member_count;
};

/* Routing is ideal again after the change of `epoch`: every finger names the owner of its start. */
struct chord_settled {
    uint32_t epoch;
    uint32_t message_count; /* of lookups, announcements and their answers, hops counted one by one */
    uint64_t ticks;         /* since the change was committed */
};

/* What the failure detector of the coordinator says of a rank. */
struct chord_suspicion {
    uint32_t rank;
    uint64_t heard_ticks;  /* when it was heard last */
    uint64_t judged_ticks; /* when it was suspected, or heard again */
};

/* C8: the part (start, end] whose only complete holder was excluded all the same, since data may be lost. */
struct chord_loss {
    struct chord_id start;
    struct chord_id end;
    struct chord_member holder;
};

/* What the core tells its host: the last two on every rank, all others on the coordinator's. */
enum chord_notice_kind {
    CHORD_NOTICE_FORMED,       /* the first view is installed and active everywhere that the coordinator can know of */
    CHORD_NOTICE_DUPLICATE_ID, /* two nodes have one id: the ring can't be formed, or the second can't join */
    CHORD_NOTICE_CHANGED,      /* a view change is committed: `change` */
    CHORD_NOTICE_SETTLED,      /* `settled`; changes that follow each other closely settle together, as the last one */
    CHORD_NOTICE_CANCELLED,    /* what was accepted is off, `cancelled` of `first`: a departure, since it would have been
                                  the last member (C9); a join, since nothing is heard of it any more */
    CHORD_NOTICE_SUSPECTED,    /* `suspicion`: a rank is silent. Its nodes are excluded as soon as C8 allows it */
    CHORD_NOTICE_HEARD,        /* `suspicion`: a suspected rank is heard again. What was excluded stays excluded */
    CHORD_NOTICE_LOST,         /* `loss`: data is lost */
    CHORD_NOTICE_SHUT,         /* `rank` is out: discard what is queued for it, and send it nothing more, */
    CHORD_NOTICE_OPENED        /* until it is back. What was discarded stays so. Of the own rank: it was out itself */
};

struct chord_notice {
    enum chord_notice_kind kind;
    uint32_t epoch;
    struct chord_member first;  /* of a duplicate id, or whose departure or join is off */
    struct chord_member second; /* of a duplicate id */
    enum chord_command cancelled;
    struct chord_change change;
    struct chord_settled settled;
    struct chord_suspicion suspicion;
    struct chord_loss loss;
    uint32_t rank; /* that is shut or opened */
};

struct chord_sink {
    void *context;
    void (*send)(void *context, const struct chord_message *message);
    void (*complete)(void *context, const struct chord_completion *completion);
    void (*notice)(void *context, const struct chord_notice *notice);
};

struct chord_cache;

/* What every part of a rank is given by its host. Borrowed, and constant while the part lives. */
struct chord_environment {
    const struct chord_config *config;
    const struct chord_sink *sink;
    const struct chord_allocator *allocator;
    const struct chord_reach *reach; /* NULL: nobody is ever out */
    struct chord_cache *cache;       /* the rank's location cache (ring/cache.h), which routing changes; NULL: it has none */
};

/* Whether nothing can be sent to a rank, since it is taken for dead. */
static inline bool chord_is_shut(const struct chord_environment *environment, uint32_t rank) {
    return chord_reach_is_shut(environment->reach, rank);
}

static inline void chord_send(const struct chord_environment *environment, const struct chord_message *message) {
    environment->sink->send(environment->sink->context, message);
}

#endif
