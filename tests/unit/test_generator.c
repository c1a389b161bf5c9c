/* app/generator: its files as the reader of workload files reads them, and its command line. */
#include "tests/unit/unit.h"

#include "app/generate/pairs.h"
#include "app/generator/generator_options.h"
#include "app/workload/workload.h"
#include "chord/wire/limits.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct generator_plan plan_d = {.distribution = DISTRIBUTION_LATEST,
                                             .record_count = 500,
                                             .operation_count = 20000,
                                             .key_size = 24,
                                             .value_size = 30,
                                             .seed = 4};

typedef bool write_file(FILE *file, const struct generator_plan *plan);

static struct workload_reader *make(write_file *write, const struct generator_plan *plan, enum workload_type type) {
    char path[] = "/tmp/chordkv-generator-XXXXXX", error[WORKLOAD_ERROR_SIZE];
    const int descriptor = mkstemp(path);
    FILE *file = fdopen(descriptor, "w");
    struct workload_reader *reader = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    const bool is_written = write(file, plan);
    CU_ASSERT_FATAL(fclose(file) == 0 && is_written);
    CU_ASSERT_FATAL(workload_open(path, type, &reader, error, sizeof error));
    unlink(path);
    return reader;
}

static bool is_key(const struct workload_line *line, const struct generator_plan *plan, uint64_t index) {
    unsigned char key[CHORD_KEY_SIZE_MAX];
    pairs_key(plan->seed, index, key, plan->key_size);
    return line->key_size == plan->key_size && memcmp(line->key, key, plan->key_size) == 0;
}

static void test_inserts(void) {
    static const uint32_t value_sizes[] = {0, 1, 16, 1000};
    for (size_t i = 0; i < sizeof value_sizes / sizeof value_sizes[0]; i++) {
        struct generator_plan plan = plan_d;
        plan.value_size = value_sizes[i];
        struct workload_reader *reader = make(write_inserts, &plan, WORKLOAD_INSERT);
        struct workload_line line;
        uint64_t count = 0;
        while (workload_next(reader, &line) == WORKLOAD_LINE) {
            CU_ASSERT_FATAL(is_key(&line, &plan, count++) && line.value_size == value_sizes[i]);
        }
        CU_ASSERT_STRING_EQUAL(workload_error(reader), "");
        CU_ASSERT_EQUAL(count, plan.record_count);
        workload_close(reader);
    }
}

/* Index of a key among the first `count`, or count. */
static uint64_t find(const struct workload_line *line, const struct generator_plan *plan, uint64_t count) {
    uint64_t index = count;
    while (index > 0 && !is_key(line, plan, index - 1)) { /* the latest are the likeliest */
        index--;
    }
    return index > 0 ? index - 1 : count;
}

static void test_latest(void) {
    struct generator_plan plan = plan_d;
    plan.mix = mix_of_workload(MIX_WORKLOAD_D);
    struct workload_reader *reader = make(write_mix, &plan, WORKLOAD_MIX);
    struct workload_line line;
    uint64_t records = plan.record_count, lines = 0, newest = 0, reads = 0;
    while (workload_next(reader, &line) == WORKLOAD_LINE) {
        lines++;
        if (line.kind == CHORD_INSERT) {
            CU_ASSERT_FATAL(is_key(&line, &plan, records++));
        } else {
            const uint64_t index = find(&line, &plan, records);
            CU_ASSERT_FATAL(index < records); /* inserted above */
            newest += index == records - 1;
            reads++;
        }
    }
    CU_ASSERT_EQUAL(lines, plan.operation_count);
    CU_ASSERT(records > 500 + 900 && records < 500 + 1100);
    const double share = (double)newest / (double)reads; /* 1/zeta of 500 to 1500 items: 0.14 to 0.12 */
    CU_ASSERT(share > 0.11 && share < 0.15);
    workload_close(reader);
}

static void test_read_modify_write(void) {
    struct generator_plan plan = plan_d;
    plan.mix = mix_of_workload(MIX_WORKLOAD_F);
    plan.distribution = DISTRIBUTION_SCRAMBLED;
    struct workload_reader *reader = make(write_mix, &plan, WORKLOAD_MIX);
    struct workload_line line;
    char before[64] = "";
    uint64_t inserts = 0, lines = 0;
    while (workload_next(reader, &line) == WORKLOAD_LINE) {
        lines++;
        inserts += line.kind == CHORD_INSERT;
        CU_ASSERT_FATAL(line.kind == CHORD_QUERY || memcmp(before, line.key, line.key_size) == 0);
        memcpy(before, line.key, line.key_size);
    }
    CU_ASSERT_EQUAL(lines, plan.operation_count + inserts);
    CU_ASSERT(inserts > 9600 && inserts < 10400);
    workload_close(reader);
}

static void test_deletes(void) {
    struct generator_plan plan = plan_d;
    plan.mix = mix_of_shares(20, 30);
    plan.distribution = DISTRIBUTION_UNIFORM;
    struct workload_reader *reader = make(write_mix, &plan, WORKLOAD_MIX);
    struct workload_line line;
    uint64_t counts[CHORD_OPERATION_KIND_COUNT] = {0};
    while (workload_next(reader, &line) == WORKLOAD_LINE) {
        counts[line.kind]++;
    }
    CU_ASSERT(counts[CHORD_QUERY] > 3700 && counts[CHORD_QUERY] < 4300);
    CU_ASSERT(counts[CHORD_DELETE] > 5700 && counts[CHORD_DELETE] < 6300);
    CU_ASSERT_EQUAL(counts[CHORD_INSERT] + counts[CHORD_QUERY] + counts[CHORD_DELETE], plan.operation_count);
    workload_close(reader);
}

static void test_full_disk(void) {
    struct generator_plan plan = plan_d;
    plan.mix = mix_of_workload(MIX_WORKLOAD_A);
    FILE *full = fopen("/dev/full", "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(full);
    CU_ASSERT_FALSE(write_inserts(full, &plan));
    CU_ASSERT_FALSE(write_mix(full, &plan));
    (void)fclose(full);
}

static enum generator_options_result parse(const char *line, struct generator_options *options, char *error) {
    static char words[512];
    char *argv[32] = {"chordkv-generate"};
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        argv[argc++] = word;
    }
    error[0] = '\0';
    return generator_options_parse(options, argc, argv, error);
}

static void test_options(void) {
    struct generator_options options;
    char error[GENERATOR_ERROR_SIZE];
    CU_ASSERT_EQUAL(parse("--mix m.csv --workload d --records 7 --seed 9", &options, error), GENERATOR_OPTIONS_OK);
    CU_ASSERT(options.plan.mix.percent[MIX_INSERT] == 5 && options.plan.distribution == DISTRIBUTION_LATEST);
    CU_ASSERT(options.plan.record_count == 7 && options.plan.seed == 9 && options.plan.operation_count == 1000);
    CU_ASSERT(options.plan.key_size == 24 && options.plan.value_size == 1000 && options.insert == NULL);
    CU_ASSERT_EQUAL(parse("--insert i --read 10 --delete 5 --distribution zipfian", &options, error),
                    GENERATOR_OPTIONS_OK);
    CU_ASSERT(options.plan.mix.percent[MIX_UPDATE] == 85 && options.plan.distribution == DISTRIBUTION_ZIPFIAN);
    CU_ASSERT_EQUAL(parse("--help", &options, error), GENERATOR_OPTIONS_HELP);
    CU_ASSERT_EQUAL(parse("--version", &options, error), GENERATOR_OPTIONS_VERSION);
    static const struct {
        const char *line, *word;
    } wrong[] = {{"", "--insert FILE"},
                 {"--mix m --workload e", "no order of keys"},
                 {"--mix m --workload g", "a, b, c, d or f"},
                 {"--mix m --workload a --read 5", "leave out"},
                 {"--mix m --read 60 --delete 50", "more than 100"},
                 {"--mix m --read 101", "0 to 100"},
                 {"--mix m --records 0", "1 to"},
                 {"--mix m --records 99999999999999999999", "1 to"},
                 {"--mix m --key-size 7", "8 to 1024"},
                 {"--mix m --distribution normal", "uniform, zipfian, scrambled or latest"},
                 {"--mix m --insert m", "one file"},
                 {"--mix m --recrods 5", "'--records'"},
                 {"--mix", "needs a value"},
                 {"m.csv", "--insert and --mix"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CU_ASSERT_EQUAL(parse(wrong[i].line, &options, error), GENERATOR_OPTIONS_ERROR);
        if (strstr(error, wrong[i].word) == NULL || strchr(error, '\n') != NULL) {
            printf("'%s': %s\n", wrong[i].line, error);
            CU_FAIL("the error says what is expected");
        }
    }
}

int main(void) {
    static const struct unit_test tests[] = {
        {"inserts: every record once", test_inserts},
        {"latest: what is read was inserted above", test_latest},
        {"a read and its update follow each other", test_read_modify_write},
        {"deletes", test_deletes},
        {"a full disk", test_full_disk},
        {"options", test_options},
    };
    return UNIT_RUN("generator", tests);
}
