/* The README's options: a table a group. */
#include "app/manual/output.h"

#include <string.h>

/* A text of the table as a cell. What stands between backticks is code and stays as it is. */
static void write_cell(const char *text) {
    bool is_code = false;
    for (const char *c = text; *c != '\0'; c++) {
        is_code = is_code != (*c == '`');
        if (*c == '|' || (!is_code && strchr("\\*_<>[]", *c) != NULL)) {
            putchar('\\');
        }
        putchar(*c);
    }
}

static void write_option(const struct options_rule *rule) {
    char commands[OUTPUT_TEXT_SIZE], limits[OPTIONS_LIMITS_SIZE];
    const char *argument = output_argument(rule);
    output_commands(rule, commands);
    options_rule_limits(rule, limits);
    printf("| `--%s%s%s` | ", rule->name, argument != NULL ? " " : "", argument != NULL ? argument : "");
    write_cell(commands);
    printf(" | ");
    write_cell(rule->help);
    printf(" | ");
    write_cell(limits);
    printf(" |\n");
}

void markdown_write_options(void) {
    for (size_t i = 0; i < options_rule_count; i++) {
        if (options_rules[i].hidden) {
            continue;
        }
        if (output_begins_group(i)) {
            printf("\n**%s**\n\n| option | only for | meaning | values; default |\n|---|---|---|---|\n",
                   options_rules[i].group);
        }
        write_option(&options_rules[i]);
    }
    putchar('\n');
}
