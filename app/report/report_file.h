/* The file that records go to. It appears whole or not at all: lines go to a temporary file beside it (PATH.tmp-PID),
 * which a rename puts in place. It knows nothing of what the lines say, but for the launcher's verdict. */
#ifndef APP_REPORT_REPORT_FILE_H
#define APP_REPORT_REPORT_FILE_H

#include "app/report/result.h"

#include "chord/base/status.h"

#include <stdbool.h>

#define REPORT_FILE_ERROR_SIZE 512u

struct report_file;

/* Checks that the report can be written, and begins it; call it before anything is timed. An existing file stays as it
 * is until commit. A symbolic link to a file stays one; a terminal, a pipe or /dev/null is written to
 * straight away. false: *file is NULL, and error is one line without line feed, such as
 * "chordkv: can't write the report 'x/y.jsonl': No such file or directory". */
CHORD_MUST_CHECK bool report_file_open(const char *path, struct report_file **file,
                                       char error[REPORT_FILE_ERROR_SIZE]);

/* The same for another file: `what` (a literal, such as "history") stands for "report" in errors. */
CHORD_MUST_CHECK bool report_file_open_as(const char *what, const char *path, struct report_file **file,
                                          char error[REPORT_FILE_ERROR_SIZE]);

/* Appends a line and its line feed. false, error as above: then discard. */
CHORD_MUST_CHECK bool report_file_append(struct report_file *file, const char *line,
                                         char error[REPORT_FILE_ERROR_SIZE]);

/* Appends bytes as they are: whole lines with their line feeds. false, error as above: then discard. */
CHORD_MUST_CHECK bool report_file_write(struct report_file *file, const void *bytes, size_t size,
                                        char error[REPORT_FILE_ERROR_SIZE]);

/* Closes the file (a full disk is an error here at the latest), puts it in place and frees it. false: error as above,
 * nothing was put in place and the temporary file is gone; the struct is freed all the same. */
CHORD_MUST_CHECK bool report_file_commit(struct report_file *file, char error[REPORT_FILE_ERROR_SIZE]);

/* Removes the temporary file and frees the struct. NULL does nothing. */
void report_file_discard(struct report_file *file);

/* Writes the verdict record alone to `path`, by rename: what jobs/launch.sh waits for. message may be NULL. NULL as
 * path does nothing and is true. error: "chordkv: can't write the verdict '...': ...". */
CHORD_MUST_CHECK bool verdict_write(const char *path, enum exit_status status, const char *message,
                                    char error[REPORT_FILE_ERROR_SIZE]);

#endif
