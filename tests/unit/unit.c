#include "tests/unit/unit.h"

#include <CUnit/Basic.h>

#include <stdio.h>

int unit_run(const char *suite, const struct unit_test *tests, size_t test_count) {
    if (CU_initialize_registry() != CUE_SUCCESS) {
        return 2;
    }
    CU_pSuite registered = CU_add_suite(suite, NULL, NULL);
    for (size_t i = 0; registered != NULL && i < test_count; i++) {
        if (CU_add_test(registered, tests[i].name, tests[i].run) == NULL) {
            fprintf(stderr, "%s: the test \"%s\" can't be registered\n", suite, tests[i].name);
            CU_cleanup_registry();
            return 2;
        }
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    const unsigned failures = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
    const unsigned assertions = CU_get_number_of_asserts();
    CU_cleanup_registry();
    return registered != NULL && failures == 0 && assertions > 0 ? 0 : 1;
}
