/* Private to app/manual: what both formats share. Everything goes to standard output, whose errors main looks at. */
#ifndef APP_MANUAL_OUTPUT_H
#define APP_MANUAL_OUTPUT_H

#include "app/options/table.h"

#include <stdbool.h>
#include <stdio.h>

/* Room for what output_commands writes, and for an option's name. */
#define OUTPUT_TEXT_SIZE 256u

/* Which commands take the option: "" if all do, else "run, bench". */
void output_commands(const struct options_rule *rule, char text[OUTPUT_TEXT_SIZE]);

/* Whether the option's group begins with rule i, hidden ones left out. */
bool output_begins_group(size_t i);

/* How the value is called: TYPE=FILE, or WORD where it is one of some words; NULL for a flag. */
const char *output_argument(const struct options_rule *rule);

/* Rows of tables and lists of the README, of the shown options in the table's order. */
void markdown_write_options(void);

/* Copies the template to standard output. A line that is only @OPTIONS@, @COMMANDS@, @SYNOPSIS@, @EXAMPLES@ or
 * @VARIABLES@ becomes what the table has for it, @VERSION@ anywhere the version. false: the template has a line @WORD@
 * with another word, which is told on standard error. */
bool roff_write_page(FILE *template_file);

#endif
