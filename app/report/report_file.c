#include "app/report/report_file.h"

#include "app/report/record.h"
#include "app/report/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Temporary names tried, should a process of an earlier run with our number have left one. */
#define TEMPORARY_TRIES 100u

struct report_file {
    FILE *stream;     /* owned */
    char *path;       /* owned; as the user gave it, for errors */
    char *target;     /* owned; what the rename replaces */
    char *temporary;  /* owned; NULL if the path is no regular file and was opened itself */
    const char *what; /* borrowed; "report", "verdict" or "history" */
};

static void explain(char error[REPORT_FILE_ERROR_SIZE], const char *what, const char *path, int number) {
    char shown[REPORT_FILE_ERROR_SIZE / 2];
    (void)text_escape(path, true, shown, sizeof shown);
    (void)snprintf(error, REPORT_FILE_ERROR_SIZE, "chordkv: can't write the %s '%s': %s", what, shown,
                   strerror(number));
}

/* Frees the struct; closes and removes what is open. */
static void release(struct report_file *file) {
    if (file->stream != NULL) {
        (void)fclose(file->stream);
        if (file->temporary != NULL) {
            (void)unlink(file->temporary);
        }
    }
    free(file->path);
    free(file->target);
    free(file->temporary);
    free(file);
}

/* Opens an existing file that is not a regular one (a terminal, a pipe, /dev/null). A FIFO that nobody reads
 * is an error: waiting for a reader could last for ever. */
static int open_special(const char *path) {
    const int descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor >= 0) {
        const int flags = fcntl(descriptor, F_GETFL);
        (void)fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK);
    }
    return descriptor;
}

/* Creates a file beside the target, of a name that no other process uses. Sets file->temporary. */
static int open_temporary(struct report_file *file) {
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        char suffix[16] = "";
        if (i > 0) {
            (void)snprintf(suffix, sizeof suffix, "-%u", i);
        }
        char *name = NULL;
        if (asprintf(&name, "%s.tmp-%ld%s", file->target, (long)getpid(), suffix) < 0) {
            errno = ENOMEM;
            return -1;
        }
        const int descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0) {
            file->temporary = name;
            return descriptor;
        }
        free(name);
        if (errno != EEXIST) {
            return -1;
        }
    }
    return -1;
}

/* Opens what the lines go to; -1 and errno. */
static int open_descriptor(struct report_file *file) {
    const char *path = file->path;
    const size_t length = strlen(path);
    struct stat status;
    if (length == 0) {
        errno = ENOENT;
        return -1;
    }
    if (stat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode)) {
            return open_special(path);
        }
        if (access(path, W_OK) != 0) { /* a rename wouldn't mind, but its owner would */
            return -1;
        }
        file->target = realpath(path, NULL);
    } else {
        if (errno != ENOENT) {
            return -1;
        }
        if (path[length - 1] ==
            '/') { /* the temporary name would lie in the directory, the rename fail much later */
            errno = EISDIR;
            return -1;
        }
        file->target = strdup(path);
    }
    return file->target == NULL ? -1 : open_temporary(file);
}

bool report_file_open_as(const char *what, const char *path, struct report_file **file,
                         char error[REPORT_FILE_ERROR_SIZE]) {
    *file = NULL;
    struct report_file *made = calloc(1, sizeof *made);
    if (made == NULL || (made->path = strdup(path)) == NULL) {
        free(made);
        explain(error, what, path, ENOMEM);
        return false;
    }
    made->what = what;
    const int descriptor = open_descriptor(made);
    if (descriptor >= 0) {
        made->stream = fdopen(descriptor, "w");
    }
    if (made->stream == NULL) {
        explain(error, what, path, errno);
        if (descriptor >= 0) {
            (void)close(descriptor);
            if (made->temporary != NULL) {
                (void)unlink(made->temporary);
            }
        }
        release(made);
        return false;
    }
    *file = made;
    return true;
}

bool report_file_open(const char *path, struct report_file **file, char error[REPORT_FILE_ERROR_SIZE]) {
    return report_file_open_as("report", path, file, error);
}

bool report_file_write(struct report_file *file, const void *bytes, size_t size, char error[REPORT_FILE_ERROR_SIZE]) {
    if (fwrite(bytes, 1, size, file->stream) != size) {
        explain(error, file->what, file->path, errno);
        return false;
    }
    return true;
}

bool report_file_append(struct report_file *file, const char *line, char error[REPORT_FILE_ERROR_SIZE]) {
    return report_file_write(file, line, strlen(line), error) && report_file_write(file, "\n", 1, error);
}

bool report_file_commit(struct report_file *file, char error[REPORT_FILE_ERROR_SIZE]) {
    errno = 0;
    const bool earlier_error = ferror(file->stream) != 0;
    FILE *stream = file->stream;
    file->stream = NULL;
    int number = fclose(stream) != 0 ? errno : earlier_error ? EIO : 0;
    if (number == 0 && file->temporary != NULL && rename(file->temporary, file->target) != 0) {
        number = errno;
    }
    if (number != 0) {
        explain(error, file->what, file->path, number);
        if (file->temporary != NULL) {
            (void)unlink(file->temporary);
        }
    }
    release(file);
    return number == 0;
}

void report_file_discard(struct report_file *file) {
    if (file != NULL) {
        release(file);
    }
}

bool verdict_write(const char *path, enum exit_status status, const char *message,
                   char error[REPORT_FILE_ERROR_SIZE]) {
    if (path == NULL) {
        return true;
    }
    char *line = record_verdict(status, message);
    if (line == NULL) {
        explain(error, "verdict", path, ENOMEM);
        return false;
    }
    struct report_file *file;
    bool good = report_file_open_as("verdict", path, &file, error);
    if (good) {
        good = report_file_append(file, line, error);
        if (good) {
            good = report_file_commit(file, error);
        } else {
            report_file_discard(file);
        }
    }
    free(line);
    return good;
}
