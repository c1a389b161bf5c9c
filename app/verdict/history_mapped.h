/* A history that outlives its process: its records are in a file that is mapped and shared, so that what a killed process
 * has written is in the page cache, where another process of the same host finds it. Writing one costs no system call.
 *
 *     head 64 B | record 56 B | record | ...       the file, as large as there is room for records
 *
 * What a reader finds is whole, whenever the writer was killed, since a process dies between two of its stores and the
 * others see them in their order:
 *
 *   - a record is written first, and then counted in the head (release);
 *   - it is written when the operation is issued, as one without an answer; of an answer the outcome comes last (release),
 *     so what else an unfinished answer has left in an unknown record is known to mean nothing.
 *
 * Only a machine that crashes takes the evidence along. The file needs no name once its readers have opened it, so
 * nothing stays behind, however a job ends: see evidence.h. */
#ifndef APP_VERDICT_HISTORY_MAPPED_H
#define APP_VERDICT_HISTORY_MAPPED_H

#include "app/verdict/history.h"

#include <stdbool.h>

#define HISTORY_MAPPED_ERROR_SIZE 512u
#define HISTORY_MAPPED_LAYOUT_VERSION 1u

/* Who writes it, and how its clock compares with rank 0's. */
struct history_mapped_writer {
    uint32_t client_rank;
    int64_t clock_offset_ns; /* to add to the writer's clock to get rank 0's, */
    uint64_t clock_error_ns; /* give or take */
};

/* Makes *history an empty one in a new file, to be ended by history_free, which leaves the file. False: *history is an empty
 * one on the heap, there is no file, and error is one line with the path and what is wrong. */
CHORD_MUST_CHECK bool history_mapped_create(struct history *history, const char *path,
                                            const struct history_mapped_writer *writer,
                                            char error[HISTORY_MAPPED_ERROR_SIZE]);

/* Appends to *into what the file has: records of `client_rank` with all digests, on rank 0's clock; those without an
 * answer have no end. The file may be of a process that was killed, or lives and writes. Whatever bytes it has, it is
 * either read whole or refused: false, *into is as it was, and error is one line without the file's name. */
CHORD_MUST_CHECK bool history_mapped_read(int descriptor, uint32_t client_rank, struct history *into,
                                          char error[HISTORY_MAPPED_ERROR_SIZE]);

/* The rest is for history.c. */

/* Makes room in the file. False: there is none, and the history has moved to the heap; the file says that it is of no
 * use any more. */
CHORD_MUST_CHECK bool history_mapped_grow(struct history *history, size_t capacity);

/* Lets readers see history->count; nothing on the heap. */
void history_mapped_publish(struct history *history);

/* Unmaps and closes; the history is an empty one on the heap. */
void history_mapped_close(struct history *history);

#endif
