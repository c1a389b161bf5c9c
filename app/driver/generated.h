/* A source of operations that are made while they are asked for (app/generate): keys and values stand in as many slots as operations are under way. Of each operation 8 bytes are
 * kept, from which its key and value are made once more.
 *
 * Closed loop: there is always a next operation. Open loop: the next one is due at its time, and one that is late, since the
 * window was full, is due all the same: the schedule is the queue, and takes no memory. */
#ifndef APP_DRIVER_GENERATED_H
#define APP_DRIVER_GENERATED_H

#include "app/driver/control.h"
#include "app/generate/chooser.h"
#include "app/generate/marks.h"
#include "chord/client/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct generated_slot {
    unsigned char *bytes; /* owned; the key, then the value; NULL until it is used first */
    uint64_t index;       /* of the record */
    uint64_t due_ns;      /* of the operation, or the whole of a read and its update; 0: closed loop */
    uint64_t ready_ns;    /* when an update became due, since its read was answered */
    uint64_t started_ns;  /* of a read that is to be followed by an update */
    uint32_t next;        /* of the free ones, or of those that wait for their update */
};

/* A zeroed struct has no operations. */
struct generated {
    const struct chord_config *config; /* borrowed */
    uint32_t rank;
    struct control_generate plan;
    struct chooser chooser;
    struct marks marks;  /* of the ring, for as long as it is there */
    uint64_t start_ns;   /* of the timed part, as if it had never been interrupted, on this rank's clock */
    uint64_t drawn_count; /* operations; a read and its update are one */
    uint64_t *drawn;     /* owned; by position, from first_position on: record, part and slot (generated.c) */
    size_t drawn_capacity;
    size_t first_position;
    size_t position_count;
    struct generated_slot *slots; /* owned */
    uint32_t slot_count;
    uint32_t free_first;
    uint32_t ready_first; /* reads that are answered: their updates come next, in this order */
    uint32_t ready_last;
    uint32_t unfinished_count; /* reads that are to be followed by an update that isn't issued yet */
    bool ended;                /* no more are drawn */
    unsigned char *scratch;    /* owned; for generated_key and generated_value */
    struct action_metrics *actions; /* owned; by action */
    struct histogram *lag;          /* owned; of draws of `latest`: records */
    uint32_t gossip_next;           /* the rank whose count is told next */
};

/* Begins a phase; everything of the last one but the marks is forgotten. CHORD_NO_MEMORY: to be cleared all the same. */
CHORD_MUST_CHECK enum chord_status generated_begin(struct generated *generated, const struct chord_config *config,
                                                   uint32_t rank, const struct control_generate *plan);
void generated_clear(struct generated *generated);

/* As source_go_on. */
void generated_go_on(struct generated *generated, uint64_t start_ns, size_t position);

/* As source_next. */
bool generated_next(struct generated *generated, size_t position, uint64_t now_ns, bool may_begin,
                    struct chord_operation *operation);

/* The operation at a position is answered, or given up. */
void generated_answered(struct generated *generated, size_t position, const struct chord_completion *completion,
                        uint64_t end_ns);

/* Operations that are known to be still to come; 1 if nobody knows how many. */
uint64_t generated_left(const struct generated *generated);

/* Operations that come in all, as far as that is known. */
size_t generated_expected(const struct generated *generated);

/* As source_key and source_value. */
const unsigned char *generated_key(struct generated *generated, size_t position, size_t *size);
const unsigned char *generated_value(struct generated *generated, size_t position, size_t *size);

/* What is known of the records that a rank has inserted: this one's and another one's in turn. False: there is nothing to
 * tell. */
bool generated_gossip(struct generated *generated, struct control_mark *mark);
void generated_hear(struct generated *generated, const struct control_mark *mark);

#endif
