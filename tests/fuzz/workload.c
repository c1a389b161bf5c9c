/* Any bytes as a workload file: read through a buffer of a few bytes and through a large one they come to the same, since
 * where the reads end must not matter; a survey says what the lines said; errors are one line. */
#include "tests/fuzz/fuzz.h"

#include "app/workload/workload.h"
#include "chord/base/digest.h"
#include "chord/wire/limits.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>

#define LARGE_BUFFER 4096u /* holds all of most inputs */

/* The reader is built with this in the place of its constant. */
size_t fuzz_input_buffer_size;

/* --- the file: the reader's system calls, which would take nearly all of the time, are these (CMakeLists.txt) --- */

#define DESCRIPTOR 1000

int fuzz_open(const char *path, int flags, ...);
int fuzz_fstat(int descriptor, struct stat *status);
ssize_t fuzz_read(int descriptor, void *buffer, size_t size);
int fuzz_close(int descriptor);

static struct fuzz_bytes contents;
static size_t read_offset;
static uint32_t open_count;

int fuzz_open(const char *path, int flags, ...) {
    FUZZ_REQUIRE(strcmp(path, "fuzz") == 0 && open_count++ == 0);
    (void)flags;
    read_offset = 0;
    return DESCRIPTOR;
}

int fuzz_fstat(int descriptor, struct stat *status) {
    FUZZ_REQUIRE(descriptor == DESCRIPTOR);
    memset(status, 0, sizeof *status);
    status->st_mode = S_IFREG;
    return 0;
}

/* Now and then it is interrupted, or gives less than was asked for. */
ssize_t fuzz_read(int descriptor, void *buffer, size_t size) {
    FUZZ_REQUIRE(descriptor == DESCRIPTOR && size > 0);
    static unsigned call;
    if (++call % 7 == 0) {
        errno = EINTR;
        return -1;
    }
    size = call % 5 == 0 && size > 1 ? size / 2 : size;
    const size_t left = contents.left - read_offset;
    const size_t given = size < left ? size : left;
    memcpy(buffer, contents.at + read_offset, given);
    read_offset += given;
    return (ssize_t)given;
}

int fuzz_close(int descriptor) {
    FUZZ_REQUIRE(descriptor == DESCRIPTOR && open_count-- == 1);
    return 0;
}

/* The reader is 1 MiB: fresh from the system for every reading it would take nearly all of the time. */
void *fuzz_malloc(size_t size);
void fuzz_free(void *block);

static void *reader_block;
static bool reader_block_used;

void *fuzz_malloc(size_t size) {
    FUZZ_REQUIRE(!reader_block_used);
    if (reader_block == NULL) {
        reader_block = malloc(size);
    }
    reader_block_used = true;
    return reader_block;
}

void fuzz_free(void *block) {
    FUZZ_REQUIRE(reader_block_used && block == reader_block);
    reader_block_used = false;
}

/* --- two readings --- */

struct reading {
    bool opened;
    enum workload_result end;
    uint64_t count;
    uint64_t digest; /* of every line's fields */
    char error[WORKLOAD_ERROR_SIZE];
};

static uint64_t mix(uint64_t digest, const void *bytes, size_t size) {
    return chord_digest64_pair(digest, chord_digest64(bytes, size));
}

static struct reading read_all(const char *path, enum workload_type type, size_t buffer_size) {
    struct reading reading = {.end = WORKLOAD_ERROR};
    struct workload_reader *reader = NULL;
    fuzz_input_buffer_size = buffer_size;
    reading.opened = workload_open(path, type, &reader, reading.error, sizeof reading.error);
    if (!reading.opened) {
        return reading;
    }
    struct workload_line line;
    uint64_t line_number = 0;
    while ((reading.end = workload_next(reader, &line)) == WORKLOAD_LINE) {
        FUZZ_REQUIRE(line.key_size >= 1 && line.key_size <= CHORD_KEY_SIZE_MAX);
        FUZZ_REQUIRE(line.value_size <= CHORD_VALUE_SIZE_MAX);
        FUZZ_REQUIRE(line.kind == CHORD_INSERT || line.value_size == 0);
        FUZZ_REQUIRE(line.line_number > line_number);
        line_number = line.line_number;
        const uint64_t numbers[] = {line.kind, line.line_number, line.key_size, line.value_size};
        reading.digest = mix(reading.digest, numbers, sizeof numbers);
        reading.digest = mix(reading.digest, line.key, line.key_size);
        reading.digest = mix(reading.digest, line.value, line.value_size);
        reading.count++;
    }
    FUZZ_REQUIRE(workload_next(reader, &line) == reading.end);
    (void)snprintf(reading.error, sizeof reading.error, "%s", workload_error(reader));
    workload_close(reader);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes bytes = {.at = data, .left = size};
    const unsigned type_byte = fuzz_take8(&bytes);
    const enum workload_type type = (enum workload_type)(type_byte % WORKLOAD_TYPE_COUNT);
    const size_t small = 3 + fuzz_take8(&bytes) % 61u; /* a byte order mark fits */
    const char *path = "fuzz";
    contents = bytes;

    const struct reading large_read = read_all(path, type, LARGE_BUFFER);
    const struct reading small_read = read_all(path, type, small);
    FUZZ_REQUIRE(large_read.opened && small_read.opened);
    FUZZ_REQUIRE(large_read.end == small_read.end && large_read.count == small_read.count);
    FUZZ_REQUIRE(large_read.digest == small_read.digest);
    FUZZ_REQUIRE(strcmp(large_read.error, small_read.error) == 0);

    if (type_byte & 64) {
        return 0; /* a survey takes longer than both readings */
    }
    struct workload_survey survey;
    char error[WORKLOAD_ERROR_SIZE] = "";
    fuzz_input_buffer_size = small;
    const bool surveyed = workload_survey(path, type, &survey, error, sizeof error);
    FUZZ_REQUIRE(surveyed == (large_read.end == WORKLOAD_END));
    FUZZ_REQUIRE(open_count == 0 && !reader_block_used);
    if (surveyed) {
        FUZZ_REQUIRE(survey.operation_count == large_read.count && survey.operation_count > 0);
        FUZZ_REQUIRE(survey.file_size == bytes.left);
    } else {
        fuzz_require_one_line(error, sizeof error);
        FUZZ_REQUIRE(strcmp(error, large_read.error) == 0);
    }
    return 0;
}
