/* Judges a history file: every round by itself, since each begins with an empty ring. T2 (linearize.h) looks for an
 * order of every key's operations; T1 (judge.h) looks whether the order that the versions claim explains the answers,
 * where all answers of the round have versions. */
#ifndef APP_CHECK_CHECK_H
#define APP_CHECK_CHECK_H

#include "app/history/file.h"
#include "app/verdict/judge.h"
#include "app/verdict/linearize.h"

/* What the history comes to. The status of the program. */
enum check_verdict {
    CHECK_LINEARIZABLE = 0,
    CHECK_WRONG = 3,    /* some key has no order, or the versions contradict the answers */
    CHECK_UNDECIDED = 6 /* neither, but keys were given up at a limit */
};

/* Told now and then: operations judged so far, and all of them. */
typedef void check_progress(void *context, size_t done_count, size_t operation_count);

struct check_plan {
    struct linearize_limits limits;
    uint32_t round; /* the only one to judge; 0: all */
    check_progress *progress; /* NULL: none */
    void *context;
};

/* A key without an order. */
struct check_violation {
    uint32_t round;
    uint32_t key;                     /* its number in the file */
    struct linearize_violation found; /* owned; its operations are positions in the file's */
};

struct check_round {
    uint32_t round;
    size_t first; /* its operations in the file */
    size_t operation_count;
    uint64_t unknown_count;
    uint64_t key_count;
    size_t operations_per_key_max;
    uint64_t violated_count;  /* keys without an order */
    uint64_t too_large_count; /* keys given up */
    uint32_t too_large_key;   /* the first of them */
    uint64_t step_count;      /* choices that the searches tried */
    uint64_t unversioned_count; /* answers without a version: with any, T1 wasn't run */
    struct judge_verdict judged;
};

struct check_result {
    struct check_round *rounds; /* owned */
    size_t round_count;
    struct check_violation *violations; /* owned; plan->limits.explained_max at most (0: linearize.h's default) */
    size_t violation_count;
    struct check_round total; /* of all rounds; its maximum is that of one key in one round */
};

/* CHORD_NO_MEMORY: nothing is known, *result is empty. CHORD_INVALID: the file has no such round. Otherwise free
 * *result. */
CHORD_MUST_CHECK enum chord_status check_run(const struct history_file *file, const struct check_plan *plan,
                                             struct check_result *result);
void check_free(struct check_result *result);

enum check_verdict check_verdict(const struct check_result *result);

/* The operations of a round of the file: *first and the count; 0 if there are none. */
size_t check_find_round(const struct history_file *file, uint32_t round, size_t *first);

#endif
