#include "app/shell/command.h"

#include "app/options/suggest.h"
#include "chord/wire/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* As much of a person's word as an error quotes. */
#define QUOTED_MAX 60u

const struct command_rule command_rules[SHELL_COMMAND_COUNT] = {
    [SHELL_INSERT] = {"insert", NULL, "KEY VALUE [NODE]", "store a pair, or give its key a new value",
                      "The request enters the ring at NODE, or at a random member, and goes to the key's owner: the first\n"
                      "node whose id is equal to or follows the key's. A key has 1 to 1,024 bytes, a value up to 1 MiB.\n"
                      "  insert song1 artist1\n"
                      "  insert 'Like a Rolling Stone' \"Bob Dylan\" 3\n"},
    [SHELL_QUERY] = {"query", NULL, "KEY [NODE] | *", "look a key up; * lists every pair, node by node",
                     "The listing is no snapshot: a node is asked after the other. '*' in quotes is a key.\n"
                     "  query song1\n"
                     "  query *\n"},
    [SHELL_DELETE] = {"delete", NULL, "KEY [NODE]", "remove a key and its value", "  delete song1\n"},
    [SHELL_OVERLAY] = {"overlay", NULL, "[NODE]", "the ring in order, as JSON",
                       "Goes from node to node along the first successors, from NODE or a random member, until it is round.\n"
                       "  overlay 3\n"},
    [SHELL_INFO] = {"info", NULL, "[NODE]", "one node: neighbours, fingers, arc, chain, keys",
                    "Of a random member without NODE; of all its virtual nodes if NODE is a rank that has several. A spare\n"
                    "knows a contact in the ring, and passes on what enters at it.\n"
                    "  info 3\n"},
    [SHELL_ROUTE] = {"route", NULL, "KEY [NODE]", "the path of a lookup, hop by hop",
                     "Asks each node on the way where it would send a request for the key. The key needn't be stored.\n"
                     "  route song1 4\n"},
    [SHELL_JOIN] = {"join", NULL, "NODE", "a spare node takes its place in the ring",
                    "Waits until the node has its keys and routing is ideal again, and tells what that took. A rank joins\n"
                    "with all its virtual nodes, HOST:RANK#V with one.\n"
                    "  join 7\n"},
    [SHELL_DEPART] = {"depart", NULL, "NODE", "a node hands its keys over and leaves the ring",
                      "Waits until the others have them and routing is ideal again. The rank stays: what enters at it is\n"
                      "passed on, and its node can join again.\n"
                      "  depart 7\n"},
    [SHELL_CRASH] = {"crash", NULL, "NODE [silence|kill|pause=TIME]", "a rank fails, and the others go on without it",
                     "A whole rank with its nodes: any but rank 0. silence (the default): it discards what it gets and sends\n"
                     "nothing more. kill: SIGKILL. pause=800ms: it stops for a while and goes on as if nothing had been; if it\n"
                     "was left out meanwhile it comes back by itself. Waits until the others have got over it, and tells when\n"
                     "that was noticed and when every key could be written again.\n"
                     "  crash 7\n"
                     "  crash 7 pause=800ms\n"},
    [SHELL_FILE] = {"file", NULL, "PATH --type insert|query|delete|mix", "run a workload file, one operation at a time",
                    "Each operation enters at a random node. Rank 0 reads the file; lines are key,value for insert, key for\n"
                    "query and delete, op,key[,value] for mix. Throughput is shown if every answer was right.\n"
                    "  file workloads/insert.csv --type insert\n"},
    [SHELL_FILEPARALLEL] = {"fileparallel", NULL, "PATH --type insert|query|delete|mix",
                            "run a workload file from all nodes at once",
                            "Each line goes to a random node, whose client keeps --window operations under way. A file that\n"
                            "writes leaves no certain order: from then on answers are judged by T1 alone, not by the model.\n"
                            "  fileparallel workloads/mix.csv --type mix\n"},
    [SHELL_STATS] = {"stats", NULL, "", "what was done so far: outcomes, hops, latencies, messages", ""},
    [SHELL_HELP] = {"help", NULL, "[COMMAND]", "this list, or more on one command", ""},
    [SHELL_QUIT] = {"quit", "exit", "", "judge the session's answers and end (so does the end of the input)", ""},
};

static const char *const types[] = {
    [OPTIONS_PHASE_INSERT] = "insert",
    [OPTIONS_PHASE_QUERY] = "query",
    [OPTIONS_PHASE_DELETE] = "delete",
    [OPTIONS_PHASE_MIX] = "mix",
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

/* A person's word within an error: control characters and what is too long don't break the line. */
static const char *quote(const struct word *word, char text[QUOTED_MAX + 1]) {
    const size_t size = word->size < QUOTED_MAX ? word->size : QUOTED_MAX;
    for (size_t i = 0; i < size; i++) {
        text[i] = word->bytes[i] < ' ' || word->bytes[i] >= 127 ? '?' : (char)word->bytes[i];
    }
    text[size] = '\0';
    return text;
}

__attribute__((format(printf, 2, 3))) static bool fail(char error[COMMAND_ERROR_SIZE], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, COMMAND_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static bool fail_usage(char error[COMMAND_ERROR_SIZE], enum command_kind kind, const char *what) {
    const struct command_rule *rule = &command_rules[kind];
    return fail(error, "%s; usage: %s%s%s", what, rule->name, rule->arguments[0] == '\0' ? "" : " ", rule->arguments);
}

static const char *did_you_mean(char text[64], const char *nearest) {
    text[0] = '\0';
    if (nearest != NULL) {
        (void)snprintf(text, 64, " (did you mean '%s'?)", nearest);
    }
    return text;
}

/* The command of that name; SHELL_COMMAND_COUNT and an error if there is none. */
static enum command_kind kind_of(const struct word *word, char error[COMMAND_ERROR_SIZE]) {
    const char *names[SHELL_COMMAND_COUNT];
    for (unsigned kind = 0; kind < SHELL_COMMAND_COUNT; kind++) {
        const struct command_rule *rule = &command_rules[kind];
        names[kind] = rule->name;
        if (word_is(word, rule->name) || (rule->alias != NULL && word_is(word, rule->alias))) {
            return (enum command_kind)kind;
        }
    }
    char quoted[QUOTED_MAX + 1], hint[64];
    const char *text = quote(word, quoted);
    (void)fail(error, "unknown command '%s'%s; help lists them", text,
               did_you_mean(hint, suggest_nearest(text, strlen(text), names, SHELL_COMMAND_COUNT)));
    return SHELL_COMMAND_COUNT;
}

/* Decimal digits, at most `maximum`. */
static bool parse_number(const unsigned char *bytes, size_t size, uint32_t maximum, uint32_t *number) {
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9' || sum > maximum) {
            return false;
        }
        sum = sum * 10 + (uint64_t)(bytes[i] - '0');
    }
    *number = (uint32_t)sum;
    return size > 0 && sum <= maximum;
}

static bool parse_node(const struct word *word, struct command_node *node, char error[COMMAND_ERROR_SIZE]) {
    size_t start = 0;
    size_t end = word->size;
    *node = (struct command_node){.given = true};
    for (size_t i = 0; i < word->size; i++) {
        if (word->bytes[i] == ':') {
            start = i + 1;
            node->host = word->bytes;
            node->host_size = i;
        }
    }
    for (size_t i = start; i < word->size && end == word->size; i++) {
        end = word->bytes[i] == '#' ? i : end;
    }
    uint32_t virtual_node = 0;
    node->has_virtual_node = end < word->size;
    if ((node->host != NULL && node->host_size == 0) ||
        !parse_number(word->bytes + start, end - start, UINT32_MAX, &node->rank) ||
        (node->has_virtual_node &&
         !parse_number(word->bytes + end + 1, word->size - end - 1, UINT16_MAX, &virtual_node))) {
        char quoted[QUOTED_MAX + 1];
        return fail(error, "'%s' is no node: give a rank, such as 3, or a name as overlay shows it (HOST:RANK)",
                    quote(word, quoted));
    }
    node->virtual_node = (uint16_t)virtual_node;
    return true;
}

static bool parse_type(const struct word *word, enum options_phase_type *type, char error[COMMAND_ERROR_SIZE]) {
    for (unsigned i = 0; i < TYPE_COUNT; i++) {
        if (word_is(word, types[i])) {
            *type = (enum options_phase_type)i;
            return true;
        }
    }
    char quoted[QUOTED_MAX + 1], hint[64];
    const char *text = quote(word, quoted);
    return fail(error, "--type takes insert, query, delete or mix, not '%s'%s", text,
                did_you_mean(hint, suggest_nearest(text, strlen(text), types, TYPE_COUNT)));
}

/* NODE and perhaps how. */
static bool parse_crash(const struct words *words, struct command *command, char error[COMMAND_ERROR_SIZE]) {
    if (words->count < 2 || words->count > 3) {
        return fail_usage(error, command->kind, words->count < 2 ? "too few words" : "too many words");
    }
    if (!parse_node(&words->list[1], &command->node, error)) {
        return false;
    }
    if (command->node.has_virtual_node) {
        return fail(error, "a process dies as a whole: give a rank, such as %u, without #%u", command->node.rank,
                    command->node.virtual_node);
    }
    char reason[CRASH_REASON_SIZE];
    command->crash = (struct crash){.kind = CRASH_SILENCE};
    return words->count == 2 ||
           crash_parse((const char *)words->list[2].bytes, words->list[2].size, &command->crash, reason) ||
           fail(error, "%s", reason);
}

/* PATH and --type TYPE or --type=TYPE, in any order. */
static bool parse_file(const struct words *words, struct command *command, char error[COMMAND_ERROR_SIZE]) {
    static const char joined[] = "--type=";
    bool has_path = false;
    bool has_type = false;
    for (size_t i = 1; i < words->count; i++) {
        const struct word *word = &words->list[i];
        struct word type = {0};
        if (word_is(word, "--type")) {
            if (i + 1 == words->count) {
                return fail_usage(error, command->kind, "--type needs a type");
            }
            type = words->list[++i];
        } else if (word->size >= sizeof joined - 1 && memcmp(word->bytes, joined, sizeof joined - 1) == 0) {
            type = (struct word){.bytes = word->bytes + sizeof joined - 1, .size = word->size - (sizeof joined - 1)};
        }
        if (type.bytes != NULL) {
            if (has_type) {
                return fail_usage(error, command->kind, "--type is given twice");
            }
            if (!parse_type(&type, &command->type, error)) {
                return false;
            }
            has_type = true;
        } else if (has_path || word->size == 0 || memchr(word->bytes, '\0', word->size) != NULL) {
            return fail_usage(error, command->kind, has_path ? "one file at a time" : "that is no file's name");
        } else {
            command->path = *word;
            has_path = true;
        }
    }
    if (!has_path || !has_type) {
        return fail_usage(error, command->kind, has_path ? "--type is missing" : "the file is missing");
    }
    return true;
}

static bool parse_help(const struct words *words, struct command *command, char error[COMMAND_ERROR_SIZE]) {
    command->topic = SHELL_COMMAND_COUNT;
    if (words->count == 2) {
        command->topic = kind_of(&words->list[1], error);
        return command->topic != SHELL_COMMAND_COUNT;
    }
    return words->count == 1 || fail_usage(error, SHELL_HELP, "too many words");
}

/* The words after the command's name: so many that must be there, then perhaps a node. */
static bool check_count(const struct words *words, enum command_kind kind, size_t needed, bool takes_node,
                        char error[COMMAND_ERROR_SIZE]) {
    const size_t count = words->count - 1;
    if (count < needed) {
        return fail_usage(error, kind, "too few words");
    }
    if (count > needed + takes_node) {
        return fail_usage(error, kind, needed == 0 && !takes_node ? "it takes nothing" : "too many words (quote those with blanks)");
    }
    return true;
}

static bool check_sizes(const struct command *command, char error[COMMAND_ERROR_SIZE]) {
    if (command->key.size == 0) {
        return fail(error, "the key is empty: a key has 1 to 1,024 bytes");
    }
    if (command->key.size > CHORD_KEY_SIZE_MAX) {
        return fail(error, "the key has %zu bytes: at most 1,024 are allowed", command->key.size);
    }
    if (command->value.size > CHORD_VALUE_SIZE_MAX) {
        return fail(error, "the value has %zu bytes: at most 1,048,576 (1 MiB) are allowed", command->value.size);
    }
    return true;
}

bool command_parse(const struct words *words, struct command *command, char error[COMMAND_ERROR_SIZE]) {
    memset(command, 0, sizeof *command);
    error[0] = '\0';
    command->kind = kind_of(&words->list[0], error);
    size_t needed = 0;
    bool takes_node = false;
    switch (command->kind) {
    case SHELL_COMMAND_COUNT:
        return false;
    case SHELL_FILE:
    case SHELL_FILEPARALLEL:
        return words->count > WORDS_KEPT_MAX ? fail_usage(error, command->kind, "too many words")
                                             : parse_file(words, command, error);
    case SHELL_CRASH:
        return parse_crash(words, command, error);
    case SHELL_HELP:
        return parse_help(words, command, error);
    case SHELL_INSERT:
        needed = 2;
        takes_node = true;
        break;
    case SHELL_QUERY:
        command->all = words->count > 1 && !words->list[1].quoted && word_is(&words->list[1], "*");
        needed = 1;
        takes_node = !command->all;
        break;
    case SHELL_DELETE:
    case SHELL_ROUTE:
        needed = 1;
        takes_node = true;
        break;
    case SHELL_JOIN:
    case SHELL_DEPART:
        needed = 1;
        break;
    case SHELL_OVERLAY:
    case SHELL_INFO:
        takes_node = true;
        break;
    case SHELL_STATS:
    case SHELL_QUIT:
        break;
    }
    if (!check_count(words, command->kind, needed, takes_node, error)) {
        return false;
    }
    const struct word *node = takes_node && words->count == needed + 2 ? &words->list[needed + 1] : NULL;
    if (command->kind == SHELL_JOIN || command->kind == SHELL_DEPART) {
        node = &words->list[1];
    } else if (needed > 0 && !command->all) {
        command->key = words->list[1];
        command->value = needed > 1 ? words->list[2] : command->value;
        if (!check_sizes(command, error)) {
            return false;
        }
    }
    return node == NULL || parse_node(node, &command->node, error);
}
