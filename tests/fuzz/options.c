/* Any words as a command line and an environment: they are refused in one line, or what is dumped of them, given as a
 * command line again, is dumped as the same. */
#include "tests/fuzz/fuzz.h"

#include "app/options/options.h"

#define WORDS_MAX 48u
#define DUMP_MAX 400u

/* Options as words, as the dump tells them. */
struct dump {
    char *words[DUMP_MAX];
    int count;
};

static void add_word(struct dump *dump, const char *format, const char *first, const char *second) {
    FUZZ_REQUIRE(dump->count < (int)DUMP_MAX - 1);
    const size_t size = strlen(first) + strlen(second) + 8;
    char *word = malloc(size);
    FUZZ_REQUIRE(word != NULL);
    (void)snprintf(word, size, format, first, second);
    dump->words[dump->count++] = word;
}

static void take_option(void *context, const char *name, const char *value, bool given) {
    struct dump *dump = context;
    if (!given) {
        return;
    }
    if (strcmp(value, "true") == 0) {
        add_word(dump, "--%s", name, "");
    } else {
        add_word(dump, "--%s=%s", name, value);
    }
}

static void free_dump(struct dump *dump) {
    for (int i = 0; i < dump->count; i++) {
        free(dump->words[i]);
    }
}

static void read_again(const struct options *options) {
    static const char *const commands[] = {[OPTIONS_COMMAND_RUN] = "run",
                                           [OPTIONS_COMMAND_SHELL] = "shell",
                                           [OPTIONS_COMMAND_BENCH] = "bench"};
    static struct options same;
    struct dump first = {0}, second = {0};
    add_word(&first, "%s%s", "chordkv", "");
    add_word(&first, "%s%s", commands[options->command], "");
    add_word(&second, "%s%s", "chordkv", "");
    add_word(&second, "%s%s", first.words[1], "");
    options_dump(options, take_option, &first);
    FUZZ_REQUIRE(options_parse(&same, first.count, first.words, NULL) == OPTIONS_OK);
    options_dump(&same, take_option, &second);
    FUZZ_REQUIRE(first.count == second.count);
    for (int i = 0; i < first.count; i++) {
        FUZZ_REQUIRE(strcmp(first.words[i], second.words[i]) == 0);
    }
    free_dump(&first);
    free_dump(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct options options;
    char *text = malloc(size + 1);
    FUZZ_REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    /* Words end at a line break or NUL; after a line with nothing in it come the variables. */
    char *argv[WORDS_MAX + 2] = {"chordkv"};
    char *envp[WORDS_MAX + 1] = {NULL};
    int argc = 1, envc = 0;
    bool is_environment = false;
    for (size_t at = 0; at < size; at += strlen(text + at) + 1) {
        const size_t end = strcspn(text + at, "\n");
        text[at + end] = '\0';
        if (end == 0 && !is_environment) {
            is_environment = true;
        } else if (is_environment && envc < (int)WORDS_MAX) {
            envp[envc++] = text + at;
        } else if (!is_environment && argc <= (int)WORDS_MAX) {
            argv[argc++] = text + at;
        }
    }
    const enum options_result result = options_parse(&options, argc, argv, envp);
    const size_t length = strnlen(options.text, sizeof options.text);
    FUZZ_REQUIRE(length < sizeof options.text && (result == OPTIONS_OK) == (length == 0));
    if (result == OPTIONS_ERROR) {
        FUZZ_REQUIRE(options.text[length - 1] == '\n' && strchr(options.text, '\n') == options.text + length - 1);
    } else if (result == OPTIONS_OK) {
        read_again(&options);
    }
    free(text);
    return 0;
}
