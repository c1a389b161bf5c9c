/* Feeds a target every file of the folders and files that are named, in builds without libFuzzer, so that no target and no
 * corpus rots. Ends with 1 if there was nothing to feed; a finding ends the process. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static unsigned long fed_count;

static void feed(const char *path) {
    FILE *file = fopen(path, "rb");
    FUZZ_REQUIRE(file != NULL);
    uint8_t *bytes = NULL;
    size_t size = 0;
    FUZZ_REQUIRE(fseek(file, 0, SEEK_END) == 0);
    const long end = ftell(file);
    FUZZ_REQUIRE(end >= 0 && fseek(file, 0, SEEK_SET) == 0);
    /* A block of exactly the input's size: whoever reads beyond it is found by the sanitizer. */
    size = (size_t)end;
    bytes = malloc(size > 0 ? size : 1);
    FUZZ_REQUIRE(bytes != NULL && fread(bytes, 1, size, file) == size);
    (void)fclose(file);
    fprintf(stderr, "%s\n", path);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    fed_count++;
}

static void feed_all(const char *path) {
    struct stat status;
    FUZZ_REQUIRE(stat(path, &status) == 0);
    if (!S_ISDIR(status.st_mode)) {
        feed(path);
        return;
    }
    DIR *folder = opendir(path);
    FUZZ_REQUIRE(folder != NULL);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[4096];
        FUZZ_REQUIRE(snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < (int)sizeof name);
        if (entry->d_name[0] != '.') {
            feed(name);
        }
    }
    (void)closedir(folder);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        feed_all(argv[i]);
    }
    printf("%lu inputs\n", fed_count);
    return fed_count == 0;
}
