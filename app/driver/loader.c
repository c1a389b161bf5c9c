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

/* Where the next line enters the ring, and so whose client issues it: the same whenever it is asked with the same plan. */
static struct chord_address entry_of(const struct loader_plan *plan, uint32_t rank_count, struct chord_prng *prng) {
    struct chord_address entry = {.rank = (uint32_t)chord_prng_below(prng, rank_count),
                                  .virtual_node = (uint16_t)chord_prng_below(prng, plan->virtual_node_count)};
    if (plan->via != OPTIONS_VIA_NONE) {
        entry.rank = plan->via;
    }
    while (plan->is_lost[entry.rank]) { /* rank 0 never is */
        entry.rank = (entry.rank + 1) % rank_count;
    }
    return entry;
}

static uint32_t client_of(const struct loader_plan *plan, struct chord_address entry) {
    return plan->mode == OPTIONS_MODE_SERIAL ? 0 : entry.rank;
}

static void copy_error(struct workload_reader *reader, char *error) {
    strncpy(error, workload_error(reader), WORKLOAD_ERROR_SIZE - 1);
    error[WORKLOAD_ERROR_SIZE - 1] = '\0';
}

static enum loader_result read_all(struct loader *loader, const struct loader_plan *plan,
                                   struct workload_reader *reader, uint64_t *loaded, char *error) {
    const uint32_t rank_count = loader->commander->rank_count;
    struct chord_prng prng = chord_prng_seeded(plan->seed, plan->stream);
    struct workload_line line;
    enum workload_result result;
    while ((result = workload_next(reader, &line)) == WORKLOAD_LINE) {
        const struct chord_address entry = entry_of(plan, rank_count, &prng);
        const uint32_t client = client_of(plan, entry);
        append(&loader->chunks[client], &line, entry);
        loaded[client]++;
        if (loader->chunks[client].size >= LOADER_CHUNK_BYTES && !send_chunk(loader, client)) {
            return LOADER_STUCK;
        }
    }
    if (result == WORKLOAD_ERROR) {
        copy_error(reader, error);
        return LOADER_FAILED;
    }
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        if (!send_chunk(loader, rank)) {
            return LOADER_STUCK;
        }
    }
    return commander_wait(loader->commander) ? LOADER_OK : LOADER_STUCK;
}

bool loader_replay(const struct loader_plan *plan, uint32_t rank_count, uint32_t rank, loader_take *take, void *context,
                   char *error) {
    struct workload_reader *reader = NULL;
    if (!workload_open(plan->path, plan->type, &reader, error, WORKLOAD_ERROR_SIZE)) {
        return false;
    }
    struct chord_prng prng = chord_prng_seeded(plan->seed, plan->stream);
    struct workload_line line;
    enum workload_result result;
    uint32_t index = 0;
    while ((result = workload_next(reader, &line)) == WORKLOAD_LINE) {
        if (client_of(plan, entry_of(plan, rank_count, &prng)) == rank) {
            take(context, index++, &line);
        }
    }
    if (result == WORKLOAD_ERROR) {
        copy_error(reader, error);
    }
    workload_close(reader);
    return result != WORKLOAD_ERROR;
}

enum loader_result loader_load(struct commander *commander, const struct loader_plan *plan, uint64_t *loaded,
                               char *error) {
    struct loader loader = {.commander = commander};
    struct workload_reader *reader = NULL;
    memset(loaded, 0, commander->rank_count * sizeof *loaded);
    if (!workload_open(plan->path, plan->type, &reader, error, WORKLOAD_ERROR_SIZE)) {
        return LOADER_FAILED;
    }
    loader.chunks = calloc(commander->rank_count, sizeof *loader.chunks);
    chord_check(loader.chunks != NULL);
    commander_begin(commander, "loading a workload file", on_reply, &loader);
    const enum loader_result result = read_all(&loader, plan, reader, loaded, error);
    workload_close(reader);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        free(loader.chunks[rank].bytes);
    }
    free(loader.chunks);
    return result;
}
