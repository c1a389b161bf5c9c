/* The man page: a template in roff's man macros whose tables come from app/options. */
#include "app/manual/output.h"

#include <stdlib.h>
#include <string.h>

/* Lines of roff are short by custom, and checkers ask for it. */
#define COLUMN_MAX 78u
/* What the lines of an example are indented by in the table. */
#define EXAMPLE_INDENT "    "

/* One character as roff shows it; how many characters that takes in the page's source. */
static size_t write_character(char c) {
    static const struct {
        char c;
        const char *roff;
    } special[] = {{'\\', "\\e"},   {'-', "\\-"},    {'^', "\\(ha"}, {'~', "\\(ti"},
                   {'`', "\\(ga"}, {'\'', "\\(aq"}, {'"', "\\(dq"}};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        if (special[i].c == c) {
            return (size_t)printf("%s", special[i].roff);
        }
    }
    putchar(c);
    return 1;
}

static size_t write_text(const char *text, size_t size) {
    size_t column = 0;
    for (size_t i = 0; i < size; i++) {
        column += write_character(text[i]);
    }
    return column;
}

/* Words from the start of a line, filled. A full stop or an apostrophe that began a line would be a request. */
static void write_words_of(const char *words, size_t size) {
    const char *end = words + size;
    size_t column = 0;
    while (words < end) {
        const size_t blanks = strspn(words, " ");
        const size_t word = strcspn(words + blanks, " \n");
        words += blanks;
        if (column > 0 && column + 1 + word > COLUMN_MAX) {
            putchar('\n');
            column = 0;
        }
        if (column > 0) {
            putchar(' ');
            column++;
        } else if (*words == '.' || *words == '\'') {
            printf("\\&");
        }
        column += write_text(words, word);
        words += word;
    }
    putchar('\n');
}

static void write_words(const char *words) {
    write_words_of(words, strlen(words));
}

static void write_tag(const char *name, const char *argument) {
    printf(".TP\n\\fB");
    write_text(name, strlen(name));
    printf("\\fR");
    if (argument != NULL) {
        printf(" \\fI");
        write_text(argument, strlen(argument));
        printf("\\fR");
    }
}

static void write_options(void) {
    for (size_t i = 0; i < options_rule_count; i++) {
        const struct options_rule *rule = &options_rules[i];
        char name[OUTPUT_TEXT_SIZE], commands[OUTPUT_TEXT_SIZE], limits[OPTIONS_LIMITS_SIZE];
        if (rule->hidden) {
            continue;
        }
        if (output_begins_group(i)) {
            printf(".SS %s\n", rule->group);
        }
        (void)snprintf(name, sizeof name, "--%s", rule->name);
        output_commands(rule, commands);
        options_rule_limits(rule, limits);
        write_tag(name, output_argument(rule));
        printf("%s%s%s\n", commands[0] != '\0' ? " (" : "", commands, commands[0] != '\0' ? ")" : "");
        write_words(rule->help);
        if (limits[0] != '\0') {
            char bracketed[OPTIONS_LIMITS_SIZE + 2];
            (void)snprintf(bracketed, sizeof bracketed, "[%s]", limits);
            write_words(bracketed);
        }
    }
}

static void write_commands(void) {
    for (unsigned i = 0; i < OPTIONS_COMMAND_COUNT; i++) {
        write_tag(options_commands[i].name, NULL);
        putchar('\n');
        write_words(options_commands[i].summary);
    }
}

/* Of the command's usage its first line: the others say the same with mpirun. */
static void write_synopsis(void) {
    for (unsigned i = 0; i < OPTIONS_COMMAND_COUNT; i++) {
        const char *usage = options_commands[i].usage;
        printf("%s.B ", i > 0 ? ".br\n" : "");
        write_text(usage, strcspn(usage, "\n"));
        putchar('\n');
    }
}

/* The command of an example, its lines as they are; the first line after it is returned. */
static const char *write_command_lines(const char *line) {
    printf(".PP\n.RS 4\n.nf\n");
    while (strncmp(line, EXAMPLE_INDENT, strlen(EXAMPLE_INDENT)) == 0) {
        const size_t size = strcspn(line, "\n");
        write_text(line + strlen(EXAMPLE_INDENT), size - strlen(EXAMPLE_INDENT));
        putchar('\n');
        line += size + (line[size] == '\n');
    }
    printf(".fi\n.RE\n");
    return line;
}

/* An example is a line of words and the lines of a command, which are indented more. */
static void write_examples(void) {
    bool is_first = true;
    for (unsigned i = 0; i < OPTIONS_COMMAND_COUNT; i++) {
        for (const char *line = options_commands[i].examples; *line != '\0';) {
            const size_t size = strcspn(line, "\n");
            if (!is_first) {
                printf(".PP\n");
            }
            is_first = false;
            write_words_of(line, size);
            line = write_command_lines(line + size + (line[size] == '\n'));
        }
    }
}

static void write_variables(void) {
    for (size_t i = 0; i < options_variable_count; i++) {
        write_tag(options_variables[i].name, options_variables[i].argument);
        putchar('\n');
        write_words(options_variables[i].help);
    }
}

static bool write_directive(const char *line) {
    static const struct {
        const char *line;
        void (*write)(void);
    } directives[] = {{"@OPTIONS@\n", write_options},   {"@COMMANDS@\n", write_commands},
                      {"@SYNOPSIS@\n", write_synopsis}, {"@EXAMPLES@\n", write_examples},
                      {"@VARIABLES@\n", write_variables}};
    for (size_t i = 0; i < sizeof directives / sizeof directives[0]; i++) {
        if (strcmp(line, directives[i].line) == 0) {
            directives[i].write();
            return true;
        }
    }
    fprintf(stderr, "chordkv_manual: the template has a line of its own that nothing is known for: %s", line);
    return false;
}

bool roff_write_page(FILE *template_file) {
    static const char version[] = "@VERSION@";
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    while (good && getline(&line, &room, template_file) >= 0) {
        const char *at = strstr(line, version);
        if (at != NULL) {
            printf("%.*s%s%s", (int)(at - line), line, CHORDKV_VERSION, at + strlen(version));
        } else if (line[0] == '@') {
            good = write_directive(line);
        } else {
            fputs(line, stdout);
        }
    }
    free(line);
    return good;
}
