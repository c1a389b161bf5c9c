/* app/history: what is written is read back; any bytes in a file get a defined answer. */
#include "app/history/file.h"
#include "chord/base/digest.h"
#include "chord/wire/limits.h"
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/test_history_file.XXXXXX";
static char path[64];
static char error[HISTORY_ERROR_SIZE];

/* --- whole files --- */

static void write_file(const void *bytes, size_t size) {
    FILE *stream = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    CU_ASSERT_EQUAL_FATAL(fwrite(bytes, 1, size, stream), size);
    CU_ASSERT_EQUAL_FATAL(fclose(stream), 0);
}

/* An error names the file, and the line unless it is 0, and says `words` in one line. */
static void expect_error(uint64_t line, const char *words) {
    char place[96];
    if (line == 0) {
        snprintf(place, sizeof place, "%s: ", path);
    } else {
        snprintf(place, sizeof place, "%s:%" PRIu64 ": ", path, line);
    }
    if (strncmp(error, place, strlen(place)) != 0 || strstr(error, words) == NULL || strchr(error, '\n') != NULL) {
        fprintf(stderr, "expected %s...%s..., got: %s\n", place, words, error);
        CU_FAIL("another error");
    } else {
        CU_PASS("the error");
    }
}

static void expect_refused(const void *bytes, size_t size, uint64_t line, const char *words) {
    struct history_file file;
    write_file(bytes, size);
    error[0] = '\0';
    CU_ASSERT_FALSE(history_file_read(path, &file, error));
    CU_ASSERT_EQUAL(file.operation_count, 0);
    expect_error(line, words);
    history_file_free(&file);
}

#define HEADER                                                                                                       \
    "{\"record\":\"history\",\"format_version\":1,\"seed\":\"18446744073709551615\",\"ranks\":4,\"replicas\":3,"       \
    "\"consistency\":\"eventual\",\"warmup_rounds\":2,\"clock_error_ns\":17}\n"
#define PLACE "{\"record\":\"operation\",\"round\":1,\"phase\":1,\"client\":2,\"index\":0,"
#define INSERT "\"kind\":\"insert\",\"outcome\":\"inserted\",\"key\":\"k\","
#define TIMES "\"start_ns\":5,\"end_ns\":9}\n"
#define END "{\"record\":\"end\",\"operation_count\":1}\n"

#define EXPECT_REFUSED(text, line, words) expect_refused(text, sizeof(text) - 1, line, words)
/* An operation that is wrong. */
#define EXPECT_WRONG(text, words) EXPECT_REFUSED(HEADER text END, 2, words)

static void read_good(const char *text, struct history_file *file) {
    write_file(text, strlen(text));
    error[0] = '\0';
    if (!history_file_read(path, file, error)) {
        fprintf(stderr, "%s\n", error);
        CU_FAIL_FATAL("a good file was refused");
    }
}

/* --- what is written is read back --- */

static void append(char *text, char *line) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT(strchr(line, '\n') == NULL && strlen(line) < HISTORY_LINE_BYTES_MAX);
    strcat(strcat(text, line), "\n");
    free(line);
}

static struct history_line insert_of(uint32_t index, const void *key, uint32_t key_size, const void *value,
                                     uint32_t value_size) {
    return (struct history_line){.round = 1, .phase = 2, .client_rank = 3, .index = index, .kind = CHORD_INSERT,
                                 .outcome = CHORD_UPDATED, .start_ns = INT64_MAX - 1, .end_ns = INT64_MAX,
                                 .has_version = true, .version = {.epoch = UINT32_MAX, .counter = INT64_MAX},
                                 .retry_count = UINT32_MAX, .key = key, .key_size = key_size, .has_value = true,
                                 .value = value, .value_size = value_size,
                                 .value_digest = chord_digest64(value, value_size)};
}

static void expect_bytes(const struct history_file *file, const struct history_text *text, const void *bytes,
                         size_t size) {
    CU_ASSERT_EQUAL_FATAL(text->size, size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(history_file_bytes(file, text));
    CU_ASSERT(memcmp(history_file_bytes(file, text), bytes, size) == 0);
}

static void test_round_trip(void) {
    static char text[65536];
    static unsigned char all[256], controls[CHORD_KEY_SIZE_MAX];
    for (unsigned i = 0; i < 256; i++) {
        all[i] = (unsigned char)i;
    }
    memset(controls, 1, sizeof controls);
    const struct history_header header = {.seed = UINT64_MAX, .clock_error_ns = 17, .rank_count = 4,
                                          .replica_count = 3, .warmup_count = 2, .consistency = CHORD_EVENTUAL};
    const struct history_line lines[] = {
        insert_of(0, "K\xc3\xb6ln \"\\\t", 9, "", 0),
        insert_of(1, all, 256, all, HISTORY_VALUE_BYTES_MAX),
        insert_of(2, all, 256, all, HISTORY_VALUE_BYTES_MAX + 1),
        insert_of(3, controls, sizeof controls, controls, HISTORY_VALUE_BYTES_MAX),
        insert_of(4, "a\0b", 3, "\xff", 1),
        {.round = 1, .phase = 2, .client_rank = 3, .index = 5, .kind = CHORD_QUERY, .outcome = CHORD_ABSENT,
         .end_ns = 1, .key = all, .key_size = 256},
        {.round = 1, .phase = 2, .client_rank = 3, .index = 6, .kind = CHORD_DELETE, .outcome = CHORD_UNKNOWN,
         .start_ns = 7, .key = all, .key_size = 255},
    };
    enum { COUNT = sizeof lines / sizeof lines[0] };
    text[0] = '\0';
    append(text, history_header_text(&header));
    for (size_t i = 0; i < COUNT; i++) {
        append(text, history_line_text(&lines[i]));
    }
    append(text, history_end_text(COUNT));
    /* Not every reader of JSON takes a NUL in a string. */
    CU_ASSERT_PTR_NULL(strstr(text, "\\u0000"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"key_hex\":\"610062\""));
    struct history_file file;
    read_good(text, &file);
    CU_ASSERT_EQUAL(memcmp(&file.header, &header, sizeof header), 0);
    CU_ASSERT_EQUAL_FATAL(file.operation_count, COUNT);
    CU_ASSERT_EQUAL(file.told_count, COUNT);
    CU_ASSERT_EQUAL(file.key_count, 5); /* 1, 2 and 5 share theirs */
    for (size_t i = 0; i < COUNT; i++) {
        const struct history_operation *read = &file.operations[i];
        const struct history_line *line = &lines[i];
        CU_ASSERT_EQUAL(read->round, 1);
        CU_ASSERT_EQUAL(read->phase, 2);
        CU_ASSERT_EQUAL(read->record.client_rank, 3);
        CU_ASSERT_EQUAL(read->record.index, i);
        CU_ASSERT_EQUAL(read->record.kind, line->kind);
        CU_ASSERT_EQUAL(read->record.outcome, line->outcome);
        CU_ASSERT_EQUAL(read->record.start_ns, line->start_ns);
        CU_ASSERT_EQUAL(read->record.end_ns, line->end_ns);
        CU_ASSERT_EQUAL(read->has_version, line->has_version);
        CU_ASSERT_EQUAL(read->record.version_epoch, line->version.epoch);
        CU_ASSERT_EQUAL(read->record.version_counter, line->version.counter);
        CU_ASSERT_EQUAL(read->retry_count, line->retry_count);
        CU_ASSERT_EQUAL(read->line, i + 2);
        expect_bytes(&file, history_file_key(&file, read), line->key, line->key_size);
        CU_ASSERT_EQUAL(read->value != HISTORY_NO_VALUE, line->has_value);
        CU_ASSERT_EQUAL(read->record.value_digest, line->value_digest);
        if (line->has_value && line->value_size <= HISTORY_VALUE_BYTES_MAX) {
            expect_bytes(&file, &file.values[read->value], line->value, line->value_size);
        }
    }
    CU_ASSERT_PTR_NULL(history_file_bytes(&file, &file.values[file.operations[2].value]));
    CU_ASSERT_EQUAL(file.values[file.operations[2].value].size, HISTORY_VALUE_BYTES_MAX + 1);
    history_file_free(&file);
}

/* By hand: a value alone is enough, retries and versions aren't needed, and the order of lines doesn't count. */
static void test_by_hand(void) {
    struct history_file file;
    read_good(HEADER "{\"record\":\"operation\",\"round\":2,\"phase\":1,\"client\":0,\"index\":0,\"kind\":\"query\","
                     "\"outcome\":\"found\",\"key_hex\":\"6b\",\"value_hex\":\"76\"," TIMES PLACE INSERT
                     "\"value\":\"v\"," TIMES "{\"record\":\"end\",\"operation_count\":99}",
              &file);
    CU_ASSERT_EQUAL_FATAL(file.operation_count, 2);
    CU_ASSERT_EQUAL(file.told_count, 99);
    CU_ASSERT_EQUAL(file.operations[0].round, 1);
    CU_ASSERT_EQUAL(file.operations[0].line, 3);
    CU_ASSERT_EQUAL(file.operations[1].round, 2);
    CU_ASSERT_FALSE(file.operations[0].has_version);
    CU_ASSERT_EQUAL(file.key_count, 1);
    CU_ASSERT_EQUAL(file.value_count, 1);
    CU_ASSERT_EQUAL(file.operations[0].record.value_digest, chord_digest64("v", 1));
    history_file_free(&file);
}

/* --- what is wrong --- */

static void test_files(void) {
    struct history_file file;
    EXPECT_REFUSED("", 1, "the file is empty");
    EXPECT_REFUSED(END, 1, "the header is missing");
    EXPECT_REFUSED(HEADER HEADER END, 2, "second header");
    EXPECT_REFUSED(HEADER, 2, "the end is missing: the file is cut off");
    EXPECT_REFUSED(HEADER END END, 3, "more after the end");
    EXPECT_REFUSED(HEADER "\n" END, 2, "no JSON object");
    EXPECT_REFUSED("\xff\xfe\0garbage\n", 1, "no JSON object");
    EXPECT_REFUSED(HEADER PLACE "\0" INSERT TIMES, 2, "no JSON object");
    EXPECT_REFUSED("[1,2]\n", 1, "begins with");
    EXPECT_REFUSED("{}\n", 1, "\"record\" must be history, operation or end");
    EXPECT_REFUSED(HEADER PLACE INSERT "\"value\":\"v\"," TIMES PLACE INSERT "\"value\":\"w\"," TIMES END, 3,
                   "on line 2 already");
    strcpy(path + strlen(path), ".none");
    CU_ASSERT_FALSE(history_file_read(path, &file, error));
    expect_error(0, "No such file");
    path[strlen(path) - strlen(".none")] = '\0';
    snprintf(path, sizeof path, "%s", folder);
    CU_ASSERT_FALSE(history_file_read(path, &file, error));
    expect_error(1, "directory");
    snprintf(path, sizeof path, "%s/h", folder);
}

static void test_headers(void) {
    EXPECT_REFUSED("{\"record\":\"history\"}\n", 1, "\"format_version\" is missing");
    EXPECT_REFUSED("{\"record\":\"history\",\"format_version\":2,\"news\":1}\n", 1,
                   "format version 2, this program reads version 1");
#define START "{\"record\":\"history\",\"format_version\":1,"
    EXPECT_REFUSED(START "\"seed\":1}\n", 1, "\"seed\" must be a string of decimal digits");
    EXPECT_REFUSED(START "\"seed\":\"18446744073709551616\"}\n", 1, "\"seed\" must be");
    EXPECT_REFUSED(START "\"seed\":\"\"}\n", 1, "\"seed\" must be");
    EXPECT_REFUSED(START "\"seed\":\"1\",\"ranks\":0}\n", 1, "\"ranks\" must be a whole number from 1");
    EXPECT_REFUSED(START "\"seed\":\"1\",\"ranks\":4294967296}\n", 1, "\"ranks\" must be");
    EXPECT_REFUSED(START "\"seed\":\"1\",\"ranks\":1e3}\n", 1, "\"ranks\" must be");
    EXPECT_REFUSED(START "\"seed\":\"1\",\"ranks\":1,\"replicas\":1,\"consistency\":\"linear\"}\n", 1,
                   "\"consistency\" must be linearizable or eventual");
    EXPECT_REFUSED(START "\"seed\":\"1\",\"ranks\":1,\"replicas\":1,\"consistency\":\"eventual\",\"warmup_rounds\":0,"
                         "\"clock_error_ns\":0,\"comment\":1}\n",
                   1, "\"comment\" is no field");
    /* A name may hold what would upset a terminal (found by tests/fuzz). */
    EXPECT_REFUSED(START "\"seed\":\"1\",\"ranks\":1,\"replicas\":1,\"consistency\":\"eventual\",\"warmup_rounds\":0,"
                         "\"clock_error_ns\":0,\"a\\u001b[2J\\u007f\":1}\n",
                   1, "\"a?[2J?\" is no field");
#undef START
}

static void test_operations(void) {
    EXPECT_WRONG("{\"record\":\"operation\",\"round\":0}\n", "\"round\" must be a whole number from 1");
    EXPECT_WRONG("{\"record\":\"operation\",\"round\":-1}\n", "\"round\" must be");
    EXPECT_WRONG("{\"record\":\"operation\",\"round\":99999999999999999999999999}\n", "no JSON object");
    EXPECT_WRONG("{\"record\":\"operation\",\"round\":1,\"round\":1}\n", "duplicate");
    EXPECT_WRONG(PLACE "\"kind\":\"update\"}\n", "\"kind\" must be insert, query or delete");
    EXPECT_WRONG(PLACE "\"kind\":7}\n", "\"kind\" must be");
    EXPECT_WRONG(PLACE "\"kind\":\"insert\\u0000\"}\n", "\"kind\" must be");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"lost\"}\n", "\"outcome\" must be inserted,");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\"," TIMES, "\"key\" is missing");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\",\"key\":\"\"," TIMES, "\"key\" is empty");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\",\"key\":7," TIMES, "\"key\" must be a string");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\",\"key\":\"k\",\"key_hex\":\"6b\"," TIMES,
                 "both there");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\",\"key_hex\":\"6\"," TIMES, "pairs of digits");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\",\"key_hex\":\"6G\"," TIMES, "pairs of digits");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"absent\",\"key\":\"k\",\"value\":\"v\"," TIMES,
                 "only an insert, and a query that found its key, have a value");
    EXPECT_WRONG(PLACE INSERT TIMES, "the value is missing");
    EXPECT_WRONG(PLACE INSERT "\"value_size\":3," TIMES, "the value is missing");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"value_size\":2," TIMES, "\"value_size\" says 2");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"value_digest\":\"0123456789abcdef\"," TIMES,
                 "\"value_digest\" says 0123456789abcdef");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"value_digest\":\"0123\"," TIMES, "16 digits");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"value_size\":1048577," TIMES, "\"value_size\" must be");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"start_ns\":9,\"end_ns\":5}\n", "ends before it starts");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"start_ns\":9}\n", "\"end_ns\" is missing");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"start_ns\":9,\"end_ns\":null}\n", "\"end_ns\" must be a whole");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"version\":[1]," TIMES, "\"version\" must be two");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"version\":[1,-2]," TIMES, "\"version\" must be two");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"version\":null," TIMES, "\"version\" must be two");
    EXPECT_WRONG(PLACE INSERT "\"value\":\"v\",\"retry\":1," TIMES, "\"retry\" is no field");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"unknown\",\"key\":\"k\"," TIMES, "\"end_ns\" must be null");
    EXPECT_WRONG(PLACE "\"kind\":\"query\",\"outcome\":\"unknown\",\"key\":\"k\",\"start_ns\":1,\"end_ns\":null,"
                       "\"version\":[1,1]}\n",
                 "has no \"version\"");
}

static void test_long(void) {
    const size_t size = HISTORY_LINE_READ_MAX + 10;
    char *text = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, ' ', size);
    expect_refused(text, size, 1, "longer than 8 MiB");
    memset(text, '[', size);
    expect_refused(text, 100000, 1, "no JSON object");
    free(text);
    static char key[2 * CHORD_KEY_SIZE_MAX];
    memset(key, 'k', CHORD_KEY_SIZE_MAX + 1);
    static char line[8192];
    const int length = snprintf(line, sizeof line,
                                HEADER PLACE "\"kind\":\"delete\",\"outcome\":\"absent\",\"key\":\"%s\"," TIMES END, key);
    expect_refused(line, (size_t)length, 2, "\"key\" must be a string of at most 1024 bytes");
}

/* Two values of one digest: told by the size, or by the bytes. */
static void test_values(void) {
    char text[4096];
    struct history_file file;
    const uint64_t digest = chord_digest64("v", 1);
    const char *format = HEADER PLACE INSERT "%s" TIMES
        "{\"record\":\"operation\",\"round\":1,\"phase\":1,\"client\":2,\"index\":1," INSERT "%s" TIMES END;
    char known[128];
    snprintf(known, sizeof known, "\"value_size\":1,\"value_digest\":\"%016" PRIx64 "\",", digest);
    /* The bytes become known with the second line. */
    snprintf(text, sizeof text, format, known, "\"value\":\"v\",");
    read_good(text, &file);
    CU_ASSERT_EQUAL(file.value_count, 1);
    expect_bytes(&file, &file.values[0], "v", 1);
    history_file_free(&file);
    known[strlen("\"value_size\":")] = '2';
    snprintf(text, sizeof text, format, "\"value\":\"v\",", known);
    expect_refused(text, strlen(text), 3, "another size");
}

/* --- damage --- */

static const char sample[] = HEADER PLACE INSERT
    "\"value\":\"v\",\"version\":[1,2],\"retries\":3," TIMES
    "{\"record\":\"operation\",\"round\":1,\"phase\":2,\"client\":0,\"index\":7,\"kind\":\"query\",\"outcome\":\"found\","
    "\"key_hex\":\"6b00\",\"value_hex\":\"76\"," TIMES
    "{\"record\":\"operation\",\"round\":1,\"phase\":2,\"client\":0,\"index\":8,\"kind\":\"delete\","
    "\"outcome\":\"unknown\",\"key\":\"k\",\"start_ns\":8,\"end_ns\":null}\n" END;

/* Cut off anywhere but at its last line feed, a history is refused, and the error says where. */
static void test_cut_off(void) {
    for (size_t size = 0; size < sizeof sample - 2; size++) {
        uint64_t line = 1;
        for (size_t i = 0; i < size; i++) {
            line += sample[i] == '\n';
        }
        line += size > 0 && sample[size] == '\n'; /* a whole line without its line feed: the next one is missing */
        expect_refused(sample, size, line, "");
    }
    struct history_file file;
    read_good(sample, &file);
    CU_ASSERT_EQUAL(file.operation_count, 3);
    history_file_free(&file);
}

/* Any byte may become any other: the file is read, or the error has its place. */
static void test_damaged(void) {
    static char text[sizeof sample];
    static const char bytes[] = {'\0', '\n', '"', '0', '9', '{', '}', ',', 'x', '\\', '\xff', '-'};
    unsigned read = 0;
    unsigned refused = 0;
    for (size_t at = 0; at < sizeof sample - 1; at++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            memcpy(text, sample, sizeof text);
            text[at] = bytes[i];
            write_file(text, sizeof text - 1);
            struct history_file file;
            error[0] = '\0';
            if (history_file_read(path, &file, error)) {
                read++;
            } else {
                refused++;
                CU_ASSERT_EQUAL(strncmp(error, path, strlen(path)), 0);
                CU_ASSERT(strtoul(error + strlen(path) + 1, NULL, 10) >= 1);
            }
            history_file_free(&file);
        }
    }
    CU_ASSERT(read > 100 && refused > 1000); /* digits of numbers and bytes of keys may change */
}

int main(void) {
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/h", folder);
    static const struct unit_test tests[] = {
        {"what is written is read back", test_round_trip},
        {"histories by hand", test_by_hand},
        {"files that are none", test_files},
        {"headers", test_headers},
        {"operations", test_operations},
        {"long lines", test_long},
        {"values and digests", test_values},
        {"cut off anywhere", test_cut_off},
        {"any byte damaged", test_damaged},
    };
    const int status = UNIT_RUN("history_file", tests);
    (void)unlink(path);
    (void)rmdir(folder);
    return status;
}
