/* The histories of all ranks of this host in rank 0's hands, so that it can read what a dead rank did. Each rank makes a
 * file for its history (history_mapped.h); rank 0 opens them all and keeps them open; then the names are removed, before
 * anything else happens:
 *
 *     all: history_mapped_create  ->  meet  ->  rank 0: evidence_open  ->  meet  ->  all: evidence_unlink
 *
 * So nothing is left behind however the job ends, the launcher included, and nobody has to look for it. The price is a
 * descriptor a rank of the host. Files of other hosts' ranks are out of reach; a name says its host, so that a
 * directory which hosts share doesn't mislead: what another host has written needn't be here yet. */
#ifndef APP_VERDICT_EVIDENCE_H
#define APP_VERDICT_EVIDENCE_H

#include "app/verdict/history_mapped.h"

#define EVIDENCE_PATH_SIZE 4096u

struct evidence_place {
    const char *directory; /* borrowed */
    const char *host;      /* borrowed; of whoever uses the place */
    uint64_t job;          /* the same on all ranks of a job, and of no other job */
};

/* A zeroed struct has nobody's. */
struct evidence {
    int *descriptors; /* owned; by rank, -1: out of reach */
    uint32_t rank_count;
};

/* The path of a rank's file. False if the directory's name is too long. */
CHORD_MUST_CHECK bool evidence_path(const struct evidence_place *place, uint32_t rank, char path[EVIDENCE_PATH_SIZE]);

/* Opens the files of all ranks of this host that can be opened. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status evidence_open(struct evidence *evidence, const struct evidence_place *place,
                                                 uint32_t rank_count);
void evidence_close(struct evidence *evidence);

/* Removes the name of a rank's file. Those that have it open keep it. */
void evidence_unlink(const struct evidence_place *place, uint32_t rank);

/* Appends what a rank's client did in the phase that it was in: history_mapped_read. False also if the file is out of
 * reach: then all that the rank may have done is unknown. */
CHORD_MUST_CHECK bool evidence_read(const struct evidence *evidence, uint32_t rank, struct history *into,
                                    char error[HISTORY_MAPPED_ERROR_SIZE]);

#endif
