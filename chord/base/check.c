#include "chord/base/check.h"

#include <stddef.h>

static chord_check_hook *check_hook = NULL;

void chord_check_set_hook(chord_check_hook *hook) {
    check_hook = hook;
}

_Noreturn void chord_check_failed(const char *file, int line, const char *expression) {
    if (check_hook != NULL) {
        check_hook(file, line, expression);
    }
    __builtin_trap();
}
