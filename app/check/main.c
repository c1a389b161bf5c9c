/* chordkv-check: reads a history file, judges or exports it, and tells the result. Wiring only; check_options.c has the
 * help. */
#include "app/check/check.h"
#include "app/check/check_options.h"
#include "app/check/check_record.h"
#include "app/check/check_table.h"
#include "app/check/explain.h"
#include "app/check/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

/* Beside those of enum check_verdict. */
enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* A line of progress, once it takes longer than a second. */
struct progress {
    bool shows;
    bool showed;
    uint64_t told_ns;
};

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void on_progress(void *context, size_t done_count, size_t operation_count) {
    struct progress *progress = context;
    if (progress->shows && now_ns() - progress->told_ns > SECOND_NS) {
        progress->told_ns = now_ns();
        progress->showed = true;
        fprintf(stderr, "\rjudging: %zu of %zu operations\033[K", done_count, operation_count);
        fflush(stderr);
    }
}

/* report_file's errors name the other program. */
static int usage(const char *error) {
    static const char other[] = "chordkv: ";
    const bool prefixed = strncmp(error, other, sizeof other - 1) == 0;
    fprintf(stderr, "chordkv-check: %s\n", prefixed ? error + sizeof other - 1 : error);
    return STATUS_USAGE;
}

static int out_of_memory(void) {
    fputs("chordkv-check: out of memory: nothing is known of the history\n", stderr);
    return STATUS_FAILED;
}

/* A full disk or a closed pipe must not look like a verdict that was told. */
static int told(int status) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("chordkv-check: can't write to standard output\n", stderr);
        return STATUS_FAILED;
    }
    return status;
}

static void tell_people(const char *path, const struct history_file *file, const struct check_result *result) {
    check_table_print(stdout, path, file, result);
    for (size_t i = 0; i < result->violation_count; i++) {
        explain_violation(stdout, file, &result->violations[i]);
        fputs("\n", stdout);
    }
    if (result->violation_count < result->total.violated_count) {
        printf("%llu more keys without an order aren't explained (--explain COUNT).\n\n",
               (unsigned long long)(result->total.violated_count - result->violation_count));
    }
    for (size_t i = 0; i < result->round_count; i++) {
        if (result->rounds[i].judged.wrong_count > 0) {
            explain_judged(stdout, file, &result->rounds[i]);
            fputs("\n", stdout);
            break;
        }
    }
    check_table_verdict(stdout, file, result);
}

static int judge(const struct check_options *options, const struct history_file *file) {
    struct progress progress = {.shows = isatty(STDERR_FILENO) != 0, .told_ns = now_ns()};
    const struct check_plan plan = {
        .limits = options->limits, .round = options->round, .progress = on_progress, .context = &progress};
    struct check_result result;
    const enum chord_status status = check_run(file, &plan, &result);
    if (progress.showed) {
        fputs("\r\033[K", stderr);
    }
    if (status == CHORD_INVALID) {
        fprintf(stderr, "chordkv-check: the history has no round %u\n", options->round);
        return STATUS_USAGE;
    }
    if (status != CHORD_OK) {
        return out_of_memory();
    }
    const int verdict = (int)check_verdict(&result);
    char *json = options->json ? check_record_make(options->path, file, &result) : NULL;
    if (json != NULL) {
        puts(json);
    } else if (!options->json) {
        tell_people(options->path, file, &result);
    }
    const bool failed = options->json && json == NULL;
    free(json);
    check_free(&result);
    return failed ? out_of_memory() : told(verdict);
}

static int export(const struct check_options *options, const struct history_file *file) {
    const struct export_plan plan = {
        .format = options->export_format, .round = options->round, .to = options->to};
    struct export_told told_counts;
    char error[REPORT_FILE_ERROR_SIZE];
    if (!export_history(file, &plan, &told_counts, error)) {
        return usage(error);
    }
    printf("%s: %zu operations in %zu %s", options->to, told_counts.operation_count, told_counts.file_count,
           told_counts.file_count == 1 ? "file" : "files");
    if (told_counts.left_out_count > 0) {
        printf("; %zu reads without an answer left out", told_counts.left_out_count);
    }
    puts("");
    return told(0);
}

int main(int argc, char **argv) {
    struct check_options options;
    char usage_error[CHECK_OPTIONS_ERROR_SIZE];
    switch (check_options_parse(&options, argc, argv, usage_error)) {
    case CHECK_OPTIONS_HELP:
        fputs(check_options_help, stdout);
        return told(0);
    case CHECK_OPTIONS_VERSION:
        fputs(check_options_version, stdout);
        return told(0);
    case CHECK_OPTIONS_ERROR:
        return usage(usage_error);
    case CHECK_OPTIONS_OK:
        break;
    }
    struct history_file file;
    char error[HISTORY_ERROR_SIZE];
    if (!history_file_read(options.path, &file, error)) {
        return usage(error);
    }
    const int status = options.export_format == EXPORT_NONE ? judge(&options, &file) : export(&options, &file);
    history_file_free(&file);
    return status;
}
