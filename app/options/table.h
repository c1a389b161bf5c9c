/* Private to app/options and app/manual: the table of commands, options and variables that parsing, help, dump, the man
 * page and the README's options are driven by. A new option is one field in options.h and one entry in table.c; a new
 * command is one entry and its bit in the options that it takes. Afterwards `cmake --build build --target manual`
 * writes the README's options anew. */
#ifndef APP_OPTIONS_TABLE_H
#define APP_OPTIONS_TABLE_H

#include "app/options/options.h"

/* Room for what options_rule_limits writes. */
#define OPTIONS_LIMITS_SIZE 256u
/* Room for the text of any value that isn't borrowed. */
#define OPTIONS_VALUE_SIZE 32u

enum options_kind {
    OPTIONS_KIND_U32,    /* uint32_t, minimum..maximum */
    OPTIONS_KIND_U64,    /* uint64_t, minimum..maximum */
    OPTIONS_KIND_POOL,   /* auto, min or a size of minimum..maximum bytes: the fields pool and pool_bytes */
    OPTIONS_KIND_SUSPECT, /* auto, never, 0 or a time of minimum..maximum ns: the fields suspect and suspect_after_ns */
    OPTIONS_KIND_TIME,    /* uint64_t, a time of minimum..maximum ns; 0: not given */
    OPTIONS_KIND_WARMUP,  /* 0, a count of operations up to maximum, or a time: the fields warmup_operations and warmup_ns */
    OPTIONS_KIND_CHOICE, /* an enum whose values are the positions in choices */
    OPTIONS_KIND_FLAG,   /* bool, takes no value */
    OPTIONS_KIND_TEXT,   /* const char *, not empty */
    OPTIONS_KIND_PHASE,  /* TYPE=FILE appended to phases; choices are the types */
    OPTIONS_KIND_EVENT,  /* any text but an empty one, appended to events */
    OPTIONS_KIND_HELP,   /* the last three ask for a text and have no field */
    OPTIONS_KIND_HELP_ALL,
    OPTIONS_KIND_VERSION
};

struct options_rule {
    const char *group; /* heading in the help; rules of one group stand together */
    const char *name;  /* without dashes */
    enum options_kind kind;
    size_t offset;        /* of the field in struct options */
    const char *argument; /* what the value is called in the help, NULL for flags and choices */
    uint64_t minimum;
    uint64_t maximum;
    const char *const *choices; /* NULL-terminated */
    const char *fallback;       /* the default as the user would write it; NULL: none */
    const char *help;
    unsigned commands; /* bit set: 1 << enum options_command */
    bool hidden;       /* shown by --help-all only */
};

struct options_variable {
    const char *name;
    enum { OPTIONS_VARIABLE_TERMINAL, OPTIONS_VARIABLE_FLAG, OPTIONS_VARIABLE_TEXT } kind;
    size_t offset;
    const char *argument;
    const char *help;
};

struct options_command_rule {
    const char *name;
    const char *summary;  /* one line for the list of commands */
    const char *usage;    /* after "Usage: " */
    const char *examples; /* whole lines */
};

extern const struct options_rule options_rules[];
extern const size_t options_rule_count; /* at most 64: struct options has one bit for each */
extern const struct options_variable options_variables[];
extern const size_t options_variable_count;
extern const struct options_command_rule options_commands[OPTIONS_COMMAND_COUNT];

/* How the value of a rule is limited: "1 to 4096", "serial or parallel", "64KiB to 1TiB". "" if not at all.
 */
void options_rule_range(const struct options_rule *rule, char *text, size_t size);

/* The same and the default, "1 to 4096; default 1": either may be left out. */
void options_rule_limits(const struct options_rule *rule, char text[OPTIONS_LIMITS_SIZE]);

/* Writes the help of one command, or of the program if command is OPTIONS_COMMAND_COUNT, and the version. */
void options_write_help(char text[OPTIONS_TEXT_SIZE], enum options_command command, bool all);
void options_write_version(char text[OPTIONS_TEXT_SIZE]);

#endif
