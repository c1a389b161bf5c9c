#include "app/driver/loader.h"

#include "chord/base/check.h"
#include "chord/base/prng.h"

#include <stdlib.h>
#include <string.h>

/* What is on its way to one agent. */
struct chunk {
    unsigned char *bytes; /* owned */
    size_t size;
    size_t capacity;
    bool in_flight; /* the one before is not stored yet */
};

struct loader {
    struct commander *commander;
    struct chunk *chunks; /* owned; by rank */
};

static void on_reply(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)bytes;
    (void)size;
    struct loader *loader = context;
    loader->chunks[from_rank].in_flight = false;
}

size_t loader_encode(const struct workload_line *line, struct chord_address entry, unsigned char *at) {
    const uint16_t key_size = (uint16_t)line->key_size;
    at[0] = (unsigned char)line->kind;
    memcpy(at + 1, &entry.rank, 4);
    memcpy(at + 5, &entry.virtual_node, 2);
    memcpy(at + 7, &key_size, 2);
    memcpy(at + 9, &line->value_size, 4);
    memcpy(at + LOADER_HEAD_SIZE, line->key, line->key_size);
    if (line->value_size > 0) {
        memcpy(at + LOADER_HEAD_SIZE + line->key_size, line->value, line->value_size);
    }
    return LOADER_HEAD_SIZE + line->key_size + line->value_size;
}

static void append(struct chunk *chunk, const struct workload_line *line, struct chord_address entry) {
    const size_t size = LOADER_HEAD_SIZE + line->key_size + line->value_size;
    if (chunk->size + size > chunk->capacity) {
        chunk->capacity = chunk->size + size > LOADER_CHUNK_BYTES ? chunk->size + size : LOADER_CHUNK_BYTES;
        chunk->bytes = realloc(chunk->bytes, chunk->capacity);
        chord_check(chunk->bytes != NULL);
    }
    chunk->size += loader_encode(line, entry, chunk->bytes + chunk->size);
}

/* Sends the rank's chunk once the one before is stored: one chunk a rank is all that is ever queued. */
static bool send_chunk(struct loader *loader, uint32_t rank) {
    struct chunk *chunk = &loader->chunks[rank];
    while (chunk->in_flight && !loader->commander->is_lost[rank]) {
        if (!commander_turn(loader->commander)) {
            return false;
        }
    }
    if (chunk->size > 0) {
        chunk->in_flight = true;
        commander_tell(loader->commander, rank, COMMAND_LOAD, chunk->bytes, chunk->size);
        chunk->size = 0;
    }
    return true;
}

/* The rank that has the operations of one that is dead: the next one that lives. Rank 0 always does. */
static uint32_t living(const struct commander *commander, uint32_t rank) {
    while (commander->is_lost[rank]) {
        rank = (rank + 1) % commander->rank_count;
    }
    return rank;
}

static enum loader_result read_all(struct loader *loader, const struct loader_plan *plan,
                                   struct workload_reader *reader, uint64_t *operation_count, char *error) {
    const uint32_t rank_count = loader->commander->rank_count;
    struct chord_prng prng = chord_prng_seeded(plan->seed, plan->stream);
    struct workload_line line;
    enum workload_result result;
    while ((result = workload_next(reader, &line)) == WORKLOAD_LINE) {
        struct chord_address entry = {
            .rank = (uint32_t)chord_prng_below(&prng, rank_count),
            .virtual_node = (uint16_t)chord_prng_below(&prng, plan->virtual_node_count)};
        if (plan->via != OPTIONS_VIA_NONE) {
            entry.rank = plan->via;
        }
        entry.rank = living(loader->commander, entry.rank);
        const uint32_t client = plan->mode == OPTIONS_MODE_SERIAL ? 0 : entry.rank;
        append(&loader->chunks[client], &line, entry);
        ++*operation_count;
        if (loader->chunks[client].size >= LOADER_CHUNK_BYTES && !send_chunk(loader, client)) {
            return LOADER_STUCK;
        }
    }
    if (result == WORKLOAD_ERROR) {
        strncpy(error, workload_error(reader), WORKLOAD_ERROR_SIZE - 1);
        error[WORKLOAD_ERROR_SIZE - 1] = '\0';
        return LOADER_FAILED;
    }
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        if (!send_chunk(loader, rank)) {
            return LOADER_STUCK;
        }
    }
    return commander_wait(loader->commander) ? LOADER_OK : LOADER_STUCK;
}

enum loader_result loader_load(struct commander *commander, const struct loader_plan *plan, uint64_t *operation_count,
                               char *error) {
    struct loader loader = {.commander = commander};
    struct workload_reader *reader = NULL;
    *operation_count = 0;
    if (!workload_open(plan->path, plan->type, &reader, error, WORKLOAD_ERROR_SIZE)) {
        return LOADER_FAILED;
    }
    loader.chunks = calloc(commander->rank_count, sizeof *loader.chunks);
    chord_check(loader.chunks != NULL);
    commander_begin(commander, "loading a workload file", on_reply, &loader);
    const enum loader_result result = read_all(&loader, plan, reader, operation_count, error);
    workload_close(reader);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        free(loader.chunks[rank].bytes);
    }
    free(loader.chunks);
    return result;
}
