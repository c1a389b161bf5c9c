/* Gives the operations of a workload file to the agents that issue them, as the mode says, in chunks: memory on rank 0
 * doesn't grow with the file. Serial: all to rank 0, each entering at a seeded random node or at --via's. Parallel:
 * each line to the client of a seeded random node, which it enters at.
 *
 * Whether a node is in the ring makes no difference: every rank has a client, and an operation may enter at a spare, which
 * passes it on to a member, one hop more. So the same seed gives the same operations to the same nodes however the ring
 * changes meanwhile. */
#ifndef APP_DRIVER_LOADER_H
#define APP_DRIVER_LOADER_H

#include "app/driver/commander.h"
#include "app/options/options.h"
#include "app/workload/workload.h"

/* Bytes after which a chunk is sent; a chunk may be longer by one operation. */
#define LOADER_CHUNK_BYTES (64u * 1024u)

struct loader_plan {
    const char *path;
    enum workload_type type;
    enum options_mode mode;
    uint32_t via; /* a rank, or OPTIONS_VIA_NONE */
    uint32_t virtual_node_count;
    uint64_t seed;
    uint64_t stream; /* of the seed: another one for each phase and repetition */
    const bool *is_lost; /* borrowed; by rank: its operations go to the next rank that isn't lost */
};

enum loader_result {
    LOADER_OK,
    LOADER_FAILED, /* the file changed since its survey: error says how */
    LOADER_STUCK
};

/* Writes an operation as COMMAND_LOAD and COMMAND_ONE carry it (agent.h): LOADER_HEAD_SIZE bytes, the key, the value.
 * Returns its size. */
#define LOADER_HEAD_SIZE 13u
size_t loader_encode(const struct workload_line *line, struct chord_address entry, unsigned char *at);

/* Loads one phase; the agents have been told COMMAND_BEGIN. loaded: by rank, overwritten with the number of operations that
 * it was given. error has WORKLOAD_ERROR_SIZE bytes. */
enum loader_result loader_load(struct commander *commander, const struct loader_plan *plan, uint64_t *loaded,
                               char *error);

/* Takes an operation, the index-th that a rank was given; the line is borrowed for the call. */
typedef void loader_take(void *context, uint32_t index, const struct workload_line *line);

/* Reads once more what a plan has given to a rank. False if the file has changed: error says how. */
CHORD_MUST_CHECK bool loader_replay(const struct loader_plan *plan, uint32_t rank_count, uint32_t rank,
                                    loader_take *take, void *context, char *error);

#endif
