/* The shell's commands: one table of names, arguments and help drives parsing, `help` and the errors. Pure: whether a
 * node or a file exists is checked where the command is carried out. */
#ifndef APP_SHELL_COMMAND_H
#define APP_SHELL_COMMAND_H

#include "app/options/options.h"
#include "app/schedule/crash.h"
#include "app/shell/words.h"

#include <stdint.h>

#define COMMAND_ERROR_SIZE 512u

enum command_kind {
    SHELL_INSERT,
    SHELL_QUERY,
    SHELL_DELETE,
    SHELL_OVERLAY,
    SHELL_INFO,
    SHELL_ROUTE,
    SHELL_JOIN,
    SHELL_DEPART,
    SHELL_CRASH,
    SHELL_FILE,
    SHELL_FILEPARALLEL,
    SHELL_STATS,
    SHELL_HELP,
    SHELL_QUIT,
    SHELL_COMMAND_COUNT
};

struct command_rule {
    const char *name;
    const char *alias;     /* another name, or NULL */
    const char *arguments; /* as in the usage */
    const char *summary;   /* one line */
    const char *detail;    /* whole lines for `help NAME` */
};

/* By enum command_kind. */
extern const struct command_rule command_rules[SHELL_COMMAND_COUNT];

/* [HOST:]RANK[#V] as it was written. */
struct command_node {
    bool given;
    const unsigned char *host; /* NULL: only a rank */
    size_t host_size;
    uint32_t rank;
    bool has_virtual_node;
    uint16_t virtual_node;
};

struct command {
    enum command_kind kind;
    bool all; /* query * */
    struct word key;
    struct word value;
    struct word path;
    enum options_phase_type type; /* of the file */
    struct command_node node;
    struct crash crash;      /* how the node's rank shall crash */
    enum command_kind topic; /* of help; SHELL_COMMAND_COUNT: of everything */
};

/* Reads the words of one command, of which there is at least one; the command borrows from them. Returns false with
 * one line in error, without final stop and line feed: an unknown name (with a suggestion), a wrong number of words
 * (with the usage), a node, type, key or value that can't be. */
CHORD_MUST_CHECK bool command_parse(const struct words *words, struct command *command,
                                    char error[COMMAND_ERROR_SIZE]);

#endif
