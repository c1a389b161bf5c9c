#define _GNU_SOURCE
#include "tests/fuzz/fuzz_file.h"

#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const void *bytes, unsigned long size) {
    static int descriptor = -1;
    static char path[64];
    if (descriptor < 0) {
        descriptor = memfd_create("fuzz", MFD_CLOEXEC);
        FUZZ_REQUIRE(descriptor >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    }
    FUZZ_REQUIRE(ftruncate(descriptor, 0) == 0);
    FUZZ_REQUIRE(size == 0 || pwrite(descriptor, bytes, size, 0) == (ssize_t)size);
    return path;
}
