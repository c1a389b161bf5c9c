#include "app/driver/archive.h"

#include "app/driver/recorder.h"
#include "app/history/line.h"
#include "app/report/report_file.h"
#include "chord/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct archive {
    struct report_file *file; /* owned */
    uint64_t operation_count; /* written so far */
    bool more;                /* of the last piece */
    bool failed;              /* writing it */
    char *message;            /* borrowed, while a phase is written; RESULT_TEXT_SIZE bytes */
};

_Static_assert(REPORT_FILE_ERROR_SIZE <= RESULT_TEXT_SIZE, "a message has room for an error");

/* Takes the text over. */
static bool append(struct archive *archive, char *text, char *message) {
    if (text == NULL) {
        snprintf(message, RESULT_TEXT_SIZE, "there is no memory to write the history");
        return false;
    }
    const bool good = report_file_append(archive->file, text, message);
    free(text);
    return good;
}

enum exit_status archive_open(const char *path, const struct result_run *run, const struct chord_config *config,
                              struct archive **archive, char *message) {
    const struct history_header header = {.seed = run->options->seed,
                                          .clock_error_ns = run->clock_offset_ns_max,
                                          .rank_count = config->rank_count,
                                          .replica_count = config->replica_count,
                                          .warmup_count = run->options->warmup,
                                          .consistency = config->consistency};
    struct archive *made = calloc(1, sizeof *made);
    *archive = NULL;
    chord_check(made != NULL);
    if (!report_file_open_as("history", path, &made->file, message)) {
        free(made);
        return EXIT_USAGE;
    }
    if (!append(made, history_header_text(&header), message)) {
        archive_discard(made);
        return EXIT_FAILED;
    }
    *archive = made;
    return EXIT_VALID;
}

static void on_piece(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct archive *archive = context;
    struct control_history head;
    chord_check(size >= sizeof head);
    memcpy(&head, bytes, sizeof head);
    archive->more = head.more != 0;
    archive->operation_count += head.count;
    archive->failed = !report_file_write(archive->file, bytes + sizeof head, size - sizeof head, archive->message);
}

/* All pieces of one rank. EXIT_TIMED_OUT: the ring is stuck. */
static enum exit_status ask_rank(struct archive *archive, struct commander *commander, uint32_t rank,
                                 struct control_history_asked asked) {
    asked.begin = 1;
    do {
        archive->more = false; /* a rank that is lost now says nothing */
        commander_begin(commander, "gathering the history", on_piece, archive);
        commander_tell(commander, rank, COMMAND_HISTORY, &asked, sizeof asked);
        if (!commander_wait(commander)) {
            return EXIT_TIMED_OUT;
        }
        if (archive->failed) {
            return EXIT_FAILED;
        }
        asked.begin = 0;
    } while (archive->more);
    return EXIT_VALID;
}

/* --- lost ranks --- */

struct telling {
    struct archive *archive;
    const struct control_history_asked *asked;
};

/* Of a value that was read only the digest is known. */
static void take_lost(void *context, const struct history_record *record, const struct workload_line *workload) {
    const struct telling *telling = context;
    struct archive *archive = telling->archive;
    struct history_line line = recorder_line(record, telling->asked);
    if (workload->key == NULL) {
        if (!archive->failed) {
            snprintf(archive->message, RESULT_TEXT_SIZE,
                     "the history can't be written: the keys that rank %u, which is lost, has generated aren't known",
                     record->client_rank);
        }
        archive->failed = true;
        return;
    }
    line.key = (const unsigned char *)workload->key;
    line.key_size = (uint32_t)workload->key_size;
    line.has_value = record->kind == CHORD_INSERT || record->outcome == CHORD_FOUND;
    line.value_digest = record->value_digest;
    line.value_size = HISTORY_SIZE_UNKNOWN;
    if (record->kind == CHORD_INSERT) {
        line.value_size = (uint32_t)workload->value_size;
        line.value =
            workload->value_size <= HISTORY_VALUE_BYTES_MAX ? (const unsigned char *)workload->value : NULL;
    }
    archive->failed = archive->failed || !append(archive, history_line_text(&line), archive->message);
    archive->operation_count++;
}

enum exit_status archive_phase(struct archive *archive, struct legacy *legacy, uint32_t round, uint32_t phase,
                               char *message) {
    const struct control_history_asked asked = {.round = round, .phase = phase};
    struct telling telling = {.archive = archive, .asked = &asked};
    char error[WORKLOAD_ERROR_SIZE];
    archive->message = message;
    for (uint32_t rank = 0; rank < legacy->rank_count; rank++) {
        const enum exit_status status = ask_rank(archive, legacy->commander, rank, asked);
        if (status != EXIT_VALID) {
            return status;
        }
        if (legacy_had_operations(legacy, rank) && !legacy_tell(legacy, rank, take_lost, &telling, error)) {
            snprintf(message, RESULT_TEXT_SIZE, "%.500s", error);
            return EXIT_FAILED;
        }
        if (archive->failed) {
            return EXIT_FAILED;
        }
    }
    return EXIT_VALID;
}

bool archive_commit(struct archive *archive, char *message) {
    const bool good = append(archive, history_end_text(archive->operation_count), message);
    struct report_file *file = archive->file;
    free(archive);
    if (!good) {
        report_file_discard(file);
        return false;
    }
    return report_file_commit(file, message);
}

void archive_discard(struct archive *archive) {
    if (archive != NULL) {
        report_file_discard(archive->file);
        free(archive);
    }
}
