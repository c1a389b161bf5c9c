/* Where an agent's operations come from, one after the other: the list that it was given (COMMAND_LOAD), or a generator
 * (COMMAND_GENERATE). The agent asks for the next one, and later for the bytes of one that it has asked for, and knows
 * nothing else of them. */
#ifndef APP_DRIVER_SOURCE_H
#define APP_DRIVER_SOURCE_H

#include "app/driver/generated.h"
#include "chord/client/client.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An operation as it is kept: where its bytes are in the arena. */
struct source_item {
    size_t offset; /* of the key; the value follows it */
    uint32_t value_size;
    uint16_t key_size;
    uint16_t entry_virtual_node;
    uint32_t entry_rank;
    uint8_t kind;
};

/* A zeroed struct has no operations. */
struct source {
    unsigned char *arena; /* owned; keys and values */
    size_t arena_size;
    size_t arena_capacity;
    struct source_item *items; /* owned */
    size_t item_count;
    size_t item_capacity;

    bool generates;             /* there is no list: */
    struct generated generated; /* makes the operations; its marks outlive the phase */
};

enum source_result {
    SOURCE_OPERATION, /* here it is */
    SOURCE_LATER,     /* not yet: ask again */
    SOURCE_END        /* there are no more */
};

void source_clear(struct source *source);

/* Forgets all operations, and keeps the memory. */
void source_forget(struct source *source);

/* Adds operations, encoded as COMMAND_LOAD carries them (agent.h). */
void source_load(struct source *source, const unsigned char *bytes, size_t size);

/* Makes the operations of a plan, instead of those of a list. CHORD_NO_MEMORY: there are none. */
CHORD_MUST_CHECK enum chord_status source_generate(struct source *source, const struct chord_config *config,
                                                   uint32_t rank, const struct control_generate *plan);

/* The timed part begins, or goes on, at this position; its timer would have been 0 at this time if it had never stopped.
 * Operations before the position are answered, and never asked for again. */
void source_go_on(struct source *source, uint64_t start_ns, size_t position);

/* How many operations the phase has as far as is known, for memory that is reserved before the timed part; 0: nobody knows. */
size_t source_expected(const struct source *source);

/* The operation at `position` of the phase, from 0; positions are asked for one after the other, each once. Fills in all of
 * *operation but tag and key_id; key and value are borrowed until it is answered. may_begin: else only one that carries on
 * what an earlier one began. */
enum source_result source_next(struct source *source, size_t position, uint64_t now_ns, bool may_begin,
                               struct chord_operation *operation);

/* Whether an operation must follow that carries on what an earlier one began. */
static inline bool source_is_unfinished(const struct source *source) {
    return source->generates && source->generated.unfinished_count > 0;
}

/* The operation at a position is answered, or given up. */
static inline void source_answered(struct source *source, size_t position, const struct chord_completion *completion,
                                   uint64_t end_ns) {
    if (source->generates) {
        generated_answered(&source->generated, position, completion, end_ns);
    }
}

/* How many operations a client leaves out that goes no further than `position`; 1 if nobody knows. */
uint64_t source_left(const struct source *source, size_t position);

/* Bytes of an operation that was asked for; *size 0 if there is none at this position. Borrowed until the next call. */
const unsigned char *source_key(struct source *source, size_t position, size_t *size);
const unsigned char *source_value(struct source *source, size_t position, size_t *size);

#endif
