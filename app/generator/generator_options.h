/* The command line of chordkv-generate. */
#ifndef APP_GENERATOR_GENERATOR_OPTIONS_H
#define APP_GENERATOR_GENERATOR_OPTIONS_H

#include "app/generator/write.h"

#define GENERATOR_ERROR_SIZE 512u

struct generator_options {
    struct generator_plan plan;
    const char *insert; /* files, borrowed from argv; NULL: not asked for */
    const char *mix;
};

enum generator_options_result {
    GENERATOR_OPTIONS_OK,
    GENERATOR_OPTIONS_HELP,    /* print generator_help */
    GENERATOR_OPTIONS_VERSION, /* print generator_version */
    GENERATOR_OPTIONS_ERROR    /* error is one line: what is wrong, and what is expected */
};

extern const char generator_help[];
extern const char generator_version[];

/* Reads argv[1..argc-1]. Not for several threads: getopt has global state. */
CHORD_MUST_CHECK enum generator_options_result generator_options_parse(struct generator_options *options, int argc,
                                                                       char **argv, char error[GENERATOR_ERROR_SIZE]);

#endif
