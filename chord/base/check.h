/* Checks that stay on in release builds: a failed one is a programmer error.
 * The core has no stdio and may not end the process by itself: it calls the hook that the host sets, which prints
 * what it knows (file, line, rank, time, seed) and does not return. Without a hook the check traps. */
#ifndef CHORD_BASE_CHECK_H
#define CHORD_BASE_CHECK_H

typedef void chord_check_hook(const char *file, int line, const char *expression);

/* Sets what a failed check calls, for the whole process; NULL restores the trap. */
void chord_check_set_hook(chord_check_hook *hook);

/* Called by the macro below; never returns. */
_Noreturn void chord_check_failed(const char *file, int line, const char *expression);

#define chord_check(expression)                                                                              \
    ((__builtin_expect(!!(expression), 1)) ? (void)0 : chord_check_failed(__FILE__, __LINE__, #expression))

#endif
