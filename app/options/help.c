/* Writes the help and the version from the table. */
#include "app/options/table.h"

#include "chord/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMN_HELP 26u /* where descriptions start */
#define COLUMN_MAX 100u

struct writer {
    char *text;
    size_t used;
    size_t column;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format, ...) {
    const size_t room = OPTIONS_TEXT_SIZE - writer->used;
    va_list arguments;
    va_start(arguments, format);
    const int added = vsnprintf(writer->text + writer->used, room, format, arguments);
    va_end(arguments);
    chord_check(added >= 0 && (size_t)added < room);
    writer->used += (size_t)added;
    for (const char *c = writer->text + writer->used - added; *c != '\0'; c++) {
        writer->column = *c == '\n' ? 0 : writer->column + 1;
    }
}

/* Words from COLUMN_HELP on, broken before COLUMN_MAX. */
static void put_wrapped(struct writer *writer, const char *words) {
    while (*words != '\0') {
        const size_t size = strcspn(words, " ");
        const bool first = writer->column <= COLUMN_HELP;
        if (!first && writer->column + 1 + size > COLUMN_MAX) {
            put(writer, "\n");
        }
        if (writer->column < COLUMN_HELP) {
            put(writer, "%*s", (int)(COLUMN_HELP - writer->column), "");
        }
        put(writer, "%s%.*s", writer->column == COLUMN_HELP ? "" : " ", (int)size, words);
        words += size;
        words += strspn(words, " ");
    }
}

static void put_rule(struct writer *writer, const struct options_rule *rule) {
    put(writer, "  --%s", rule->name);
    if (rule->argument != NULL) {
        put(writer, " %s", rule->argument);
    } else if (rule->kind == OPTIONS_KIND_CHOICE) {
        put(writer, " WORD");
    }
    if (writer->column + 2 > COLUMN_HELP) {
        put(writer, "\n");
    }
    put_wrapped(writer, rule->help);
    char limits[OPTIONS_LIMITS_SIZE], bracketed[OPTIONS_LIMITS_SIZE + 2];
    options_rule_limits(rule, limits);
    if (limits[0] != '\0') {
        (void)snprintf(bracketed, sizeof bracketed, "[%s]", limits);
        put_wrapped(writer, bracketed);
    }
    put(writer, "\n");
}

static void put_ending(struct writer *writer) {
    put(writer, "\nExit status (by jobs/launch.sh; mpirun alone may hide it)\n"
                "  0 valid, 1 failure, 2 wrong usage or input, 3 wrong answer, 4 data lost, 5 timed out\n");
}

static void put_program(struct writer *writer, bool all) {
    put(writer, "chordkv: a replicated Chord key-value store over MPI that measures itself and judges its "
                "answers.\n\n"
                "Usage: jobs/launch.sh [-n N] chordkv COMMAND [OPTIONS]\n   or: mpirun -n N chordkv COMMAND "
                "[OPTIONS]\n"
                "\nCommands\n");
    for (unsigned i = 0; i < OPTIONS_COMMAND_COUNT; i++) {
        put(writer, "  %-8s %s\n", options_commands[i].name, options_commands[i].summary);
    }
    put(writer, "\nchordkv COMMAND --help explains a command; chordkv --version prints the version.\n");
    put_ending(writer);
    if (all) {
        put(writer, "\nEnvironment (any other CHORDKV_ variable is an error)\n");
        for (size_t i = 0; i < options_variable_count; i++) {
            const struct options_variable *variable = &options_variables[i];
            put(writer, "  %s=%s", variable->name, variable->argument);
            put_wrapped(writer, variable->help);
            put(writer, "\n");
        }
    }
}

static void put_command(struct writer *writer, enum options_command command, bool all) {
    const struct options_command_rule *rule = &options_commands[command];
    put(writer, "chordkv %s: %s.\n\nUsage: %s", rule->name, rule->summary, rule->usage);
    const char *group = "";
    for (size_t i = 0; i < options_rule_count; i++) {
        if ((options_rules[i].commands & (1u << command)) == 0 || (options_rules[i].hidden && !all)) {
            continue;
        }
        if (strcmp(group, options_rules[i].group) != 0) {
            group = options_rules[i].group;
            put(writer, "\n%s\n", group);
        }
        put_rule(writer, &options_rules[i]);
    }
    put(writer, "\nExamples\n%s", rule->examples);
    put_ending(writer);
}

void options_write_help(char text[OPTIONS_TEXT_SIZE], enum options_command command, bool all) {
    struct writer writer = {.text = text};
    text[0] = '\0';
    if (command == OPTIONS_COMMAND_COUNT) {
        put_program(&writer, all);
    } else {
        put_command(&writer, command, all);
    }
}

void options_write_version(char text[OPTIONS_TEXT_SIZE]) {
    (void)snprintf(text, OPTIONS_TEXT_SIZE, "chordkv %s\n", CHORDKV_VERSION);
}
