/* The course's own workload files, where they are at hand: in $CHORDKV_SHARED/workloads/ntua, or in
 * ../shared/workloads/ntua seen from the source directory, in which this test runs. Status 77 (skipped)
 * elsewhere. */
#include "app/workload/workload.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char folder[3072];

/* Whether the file is read without error and has `inserts` and `queries`. */
static bool has_counts(const char *file, enum workload_type type, uint64_t inserts, uint64_t queries) {
    char path[4096], error[WORKLOAD_ERROR_SIZE] = "";
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    struct workload_survey survey;
    const bool good = workload_survey(path, type, &survey, error, sizeof error) &&
                      survey.operation_count == inserts + queries &&
                      survey.operation_count_by_kind[CHORD_INSERT] == inserts &&
                      survey.operation_count_by_kind[CHORD_QUERY] == queries;
    if (!good) {
        printf("\n  %s: \"%s\", %llu operations\n", path, error, (unsigned long long)survey.operation_count);
    }
    return good;
}

static void test_files(void) {
    CU_ASSERT_TRUE(has_counts("insert.txt", WORKLOAD_INSERT, 500, 0));
    CU_ASSERT_TRUE(has_counts("query.txt", WORKLOAD_QUERY, 0, 500));
    CU_ASSERT_TRUE(has_counts("requests.txt", WORKLOAD_MIX, 100, 400));
    CU_ASSERT_TRUE(has_counts("seed_file1.txt", WORKLOAD_MIX, 3, 3));
}

/* Blanks after commas are trimmed: the first operation of the mix is `insert, <8 bytes>, 501`. */
static void test_trimmed(void) {
    char path[4096], error[WORKLOAD_ERROR_SIZE];
    (void)snprintf(path, sizeof path, "%s/requests.txt", folder);
    struct workload_reader *reader = NULL;
    CU_ASSERT_TRUE_FATAL(workload_open(path, WORKLOAD_MIX, &reader, error, sizeof error));
    struct workload_line line;
    CU_ASSERT_EQUAL_FATAL(workload_next(reader, &line), WORKLOAD_LINE);
    CU_ASSERT_TRUE(line.kind == CHORD_INSERT && line.key_size == 8 && line.value_size == 3 &&
                   line.value[0] == '5');
    workload_close(reader);
}

int main(void) {
    static const struct unit_test tests[] = {{"the four files are read", test_files},
                                             {"blanks are trimmed", test_trimmed}};
    const char *shared = getenv("CHORDKV_SHARED");
    (void)snprintf(folder, sizeof folder, "%s/workloads/ntua", shared != NULL ? shared : "../shared");
    struct stat status;
    if (stat(folder, &status) != 0) {
        printf("skipped: there is no %s\n", folder);
        return 77;
    }
    return UNIT_RUN("workload_ntua", tests);
}
