/* chordkv-generate: wiring only; generator_options.c has the help. */
#include "app/generator/generator_options.h"

#include <errno.h>
#include <string.h>

#define BUFFER_BYTES (1u << 20)

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

typedef bool write_file(FILE *file, const struct generator_plan *plan);

/* A file of which a part is missing would pass for a whole one: it is removed. */
static int make(const char *path, write_file *write, const struct generator_plan *plan) {
    static char buffer[BUFFER_BYTES];
    const bool is_stdout = strcmp(path, "-") == 0;
    FILE *file = is_stdout ? stdout : fopen(path, "w");
    if (file == NULL) {
        fprintf(stderr, "chordkv-generate: can't write '%s': %s; choose another file\n", path, strerror(errno));
        return STATUS_USAGE;
    }
    setvbuf(file, buffer, _IOFBF, sizeof buffer);
    errno = ENOMEM;
    const bool written = write(file, plan);
    int error = errno;
    const bool closed = fclose(file) == 0;
    error = written ? errno : error;
    if (!written || !closed) {
        fprintf(stderr, "chordkv-generate: can't finish writing '%s': %s\n", path, strerror(error));
        if (!is_stdout) {
            (void)remove(path);
        }
        return STATUS_FAILED;
    }
    return 0;
}

int main(int argc, char **argv) {
    struct generator_options options;
    char error[GENERATOR_ERROR_SIZE];
    switch (generator_options_parse(&options, argc, argv, error)) {
    case GENERATOR_OPTIONS_HELP:
        return fputs(generator_help, stdout) < 0 ? STATUS_FAILED : 0;
    case GENERATOR_OPTIONS_VERSION:
        return fputs(generator_version, stdout) < 0 ? STATUS_FAILED : 0;
    case GENERATOR_OPTIONS_ERROR:
        fprintf(stderr, "chordkv-generate: %s\n", error);
        return STATUS_USAGE;
    case GENERATOR_OPTIONS_OK:
        break;
    }
    int status = 0;
    if (options.insert != NULL) {
        status = make(options.insert, write_inserts, &options.plan);
    }
    if (status == 0 && options.mix != NULL) {
        status = make(options.mix, write_mix, &options.plan);
    }
    return status;
}
