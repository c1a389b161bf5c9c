/* The one way in which our unit tests run under CUnit: a table of named tests, a status that CTest reads. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <CUnit/CUnit.h>

#include <stddef.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

/* Runs every test of the suite and prints each by name. Returns 0 only if at least one assertion was made and none
 * failed: a suite in which nothing ran is a failure. */
int unit_run(const char *suite, const struct unit_test *tests, size_t test_count);

#define UNIT_RUN(suite, tests) unit_run((suite), (tests), sizeof(tests) / sizeof((tests)[0]))

#endif
