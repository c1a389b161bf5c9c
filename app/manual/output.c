#include "app/manual/output.h"

#include <string.h>

void output_commands(const struct options_rule *rule, char text[OUTPUT_TEXT_SIZE]) {
    size_t used = 0;
    text[0] = '\0';
    if (rule->commands == (1u << OPTIONS_COMMAND_COUNT) - 1) {
        return;
    }
    for (unsigned i = 0; i < OPTIONS_COMMAND_COUNT; i++) {
        if ((rule->commands & (1u << i)) != 0) {
            used += (size_t)snprintf(text + used, OUTPUT_TEXT_SIZE - used, "%s%s", used > 0 ? ", " : "",
                                     options_commands[i].name);
        }
    }
}

bool output_begins_group(size_t i) {
    for (size_t before = i; before-- > 0;) {
        if (!options_rules[before].hidden) {
            return strcmp(options_rules[before].group, options_rules[i].group) != 0;
        }
    }
    return true;
}

const char *output_argument(const struct options_rule *rule) {
    return rule->argument == NULL && rule->kind == OPTIONS_KIND_CHOICE ? "WORD" : rule->argument;
}
