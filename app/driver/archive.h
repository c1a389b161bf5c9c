/* The driver's part in the history file (app/history): asks one rank after the other for its lines, piece by piece, so
 * that rank 0 never holds more than one piece, and writes them. The file appears at the end of the run, by rename. */
#ifndef APP_DRIVER_ARCHIVE_H
#define APP_DRIVER_ARCHIVE_H

#include "app/driver/legacy.h"
#include "app/report/result.h"

struct archive;

/* Begins the file at `path`. EXIT_USAGE, EXIT_FAILED: message (RESULT_TEXT_SIZE) says why, and *archive is NULL. */
enum exit_status archive_open(const char *path, const struct result_run *run, const struct chord_config *config,
                              struct archive **archive, char *message);

/* Writes what all clients did in the phase that has just been judged, also those of lost ranks. EXIT_FAILED: the file can't be written, message
 * says why. EXIT_TIMED_OUT: the ring is stuck. */
enum exit_status archive_phase(struct archive *archive, struct legacy *legacy, uint32_t round, uint32_t phase,
                               char *message);

/* Writes the end, puts the file in place and frees the struct. False: nothing is in place, message says why. */
CHORD_MUST_CHECK bool archive_commit(struct archive *archive, char *message);

/* Leaves nothing behind and frees the struct. NULL does nothing. */
void archive_discard(struct archive *archive);

#endif
