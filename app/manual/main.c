/* What the build calls: the option table as Markdown, or a man page from a template. */
#include "app/manual/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool write_page(const char *path) {
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "chordkv_manual: %s can't be read: %s\n", path, strerror(errno));
        return false;
    }
    const bool good = roff_write_page(file) && ferror(file) == 0;
    return fclose(file) == 0 && good;
}

int main(int argc, char **argv) {
    bool good = true;
    if (argc == 2 && strcmp(argv[1], "markdown") == 0) {
        markdown_write_options();
    } else if (argc == 3 && strcmp(argv[1], "man") == 0) {
        good = write_page(argv[2]);
    } else {
        fprintf(stderr, "Usage: chordkv_manual markdown | man TEMPLATE\n");
        return 2;
    }
    return good && fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
