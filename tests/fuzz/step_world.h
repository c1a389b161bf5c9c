/* What surrounds the one rank of step.c: its memory, what it has sent, where the input's messages come from, and what must
 * always hold of its state. */
#ifndef TESTS_FUZZ_STEP_WORLD_H
#define TESTS_FUZZ_STEP_WORLD_H

#include "tests/fuzz/fuzz.h"

#include "chord/peer.h"
#include "chord/wire/codec.h"

#define RANKS_MAX 4u
#define VIRTUAL_MAX 2u
#define KEPT_MAX 16u
#define TO_SELF_MAX 4096u
#define OPERATIONS_MAX 256u
#define MEMBERS_MAX 8u

/* A message that the rank has sent, as bytes. */
struct kept {
    unsigned char *bytes; /* owned */
    size_t size;
    uint32_t to_rank;
};

struct world {
    struct chord_config config;
    struct chord_peer peer;
    uint64_t now_ticks;

    struct chord_allocator allocator;
    uint64_t blocks_live;
    uint64_t allocations_left; /* 0: there is no more memory */

    struct kept kept[KEPT_MAX]; /* the last ones to other ranks, a ring buffer */
    uint64_t kept_count;
    uint32_t self_count;

    uint64_t tag_next;
    bool completed[OPERATIONS_MAX];

    struct kept to_self[TO_SELF_MAX]; /* oldest first; the last field, since it is large and need not be zero */
};

extern struct world world;

/* What a message borrows, as long as it is given. */
struct world_scratch {
    struct chord_member members[MEMBERS_MAX];
    unsigned char bytes[512];
};

void world_begin(void);

/* Everything that the rank had must be free again. */
void world_end(void);

/* The id of a node of the job. */
struct chord_id world_id(uint32_t rank, uint32_t virtual_node);

/* An address that there is, by a byte. */
struct chord_address world_address(unsigned choice);

/* Takes what the rank sends, and checks that a correct rank could. */
void world_keep(const struct chord_message *message);

/* --- messages; false if there is none --- */

/* Bytes of the input, as they are. */
bool world_raw_message(struct fuzz_bytes *bytes, struct chord_message *message);

/* A well-formed message of any type whose fields come from few values, so that they often fit what the rank holds. */
void world_any_message(struct fuzz_bytes *bytes, struct chord_message *message, struct world_scratch *scratch);

/* One of the last messages of the rank, as if another had sent it to it, perhaps with a byte changed. */
bool world_echo(struct fuzz_bytes *bytes, struct chord_message *message);

/* What a correct receiver would answer to one of the last messages. */
bool world_friendly_reply(struct fuzz_bytes *bytes, struct chord_message *message, struct world_scratch *scratch);

/* Message i of those that form the ring, for this rank: registrations for the coordinator; a chain, a place and its
 * activation for others. */
bool world_prelude(uint32_t i, struct chord_message *message, struct world_scratch *scratch);

/* --- step_look.c --- */

/* What must hold of the rank between two events. */
void world_look(void);

#endif
