/* The command line of chordkv-check. */
#ifndef APP_CHECK_CHECK_OPTIONS_H
#define APP_CHECK_CHECK_OPTIONS_H

#include "app/check/export.h"
#include "app/verdict/linearize.h"

#include <stdbool.h>

#define CHECK_OPTIONS_ERROR_SIZE 512u

struct check_options {
    const char *path; /* of the history; borrowed from argv, like all strings */
    bool json;
    uint32_t round; /* 0: all */
    struct linearize_limits limits;
    enum export_format export_format;
    const char *to;
};

enum check_options_result {
    CHECK_OPTIONS_OK,
    CHECK_OPTIONS_HELP,    /* print check_options_help */
    CHECK_OPTIONS_VERSION, /* print check_options_version */
    CHECK_OPTIONS_ERROR    /* error is one line: what is wrong, and what is expected */
};

extern const char check_options_help[];
extern const char check_options_version[];

/* Reads argv[1..argc-1]. The strings of *options are borrowed. Not for several threads: getopt has global state. */
CHORD_MUST_CHECK enum check_options_result check_options_parse(struct check_options *options, int argc, char **argv,
                                                               char error[CHECK_OPTIONS_ERROR_SIZE]);

#endif
