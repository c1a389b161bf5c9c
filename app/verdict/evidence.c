#include "app/verdict/evidence.h"

#include "chord/base/digest.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool evidence_path(const struct evidence_place *place, uint32_t rank, char path[EVIDENCE_PATH_SIZE]) {
    const int size =
        snprintf(path, EVIDENCE_PATH_SIZE, "%s/chordkv-%016" PRIx64 "-%016" PRIx64 "-%" PRIu32 ".history",
                 place->directory, place->job, chord_digest64(place->host, strlen(place->host)), rank);
    return size > 0 && (unsigned)size < EVIDENCE_PATH_SIZE;
}

enum chord_status evidence_open(struct evidence *evidence, const struct evidence_place *place, uint32_t rank_count) {
    char path[EVIDENCE_PATH_SIZE];
    *evidence = (struct evidence){.descriptors = calloc(rank_count, sizeof *evidence->descriptors)};
    if (evidence->descriptors == NULL) {
        return CHORD_NO_MEMORY;
    }
    evidence->rank_count = rank_count;
    for (uint32_t rank = 0; rank < rank_count; rank++) {
        evidence->descriptors[rank] = evidence_path(place, rank, path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    }
    return CHORD_OK;
}

void evidence_close(struct evidence *evidence) {
    for (uint32_t rank = 0; rank < evidence->rank_count; rank++) {
        if (evidence->descriptors[rank] >= 0) {
            (void)close(evidence->descriptors[rank]);
        }
    }
    free(evidence->descriptors);
    *evidence = (struct evidence){0};
}

void evidence_unlink(const struct evidence_place *place, uint32_t rank) {
    char path[EVIDENCE_PATH_SIZE];
    if (evidence_path(place, rank, path)) {
        (void)unlink(path);
    }
}

bool evidence_read(const struct evidence *evidence, uint32_t rank, struct history *into,
                   char error[HISTORY_MAPPED_ERROR_SIZE]) {
    if (rank >= evidence->rank_count || evidence->descriptors[rank] < 0) {
        (void)snprintf(error, HISTORY_MAPPED_ERROR_SIZE, "it is out of reach");
        return false;
    }
    return history_mapped_read(evidence->descriptors[rank], rank, into, error);
}
