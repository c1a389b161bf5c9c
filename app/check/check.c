#include "app/check/check.h"

#include <stdlib.h>
#include <string.h>

/* T2 is given so many operations at once, all of a key's together: between two such batches progress is told. */
#define BATCH_OPERATIONS 16384u
#define EXPLAINED_MAX_DEFAULT 4u

struct checker {
    const struct history_file *file; /* borrowed */
    const struct check_plan *plan;   /* borrowed */
    struct check_result *result;
    size_t explained_max;
    size_t done_count; /* operations judged */
    size_t all_count;

    /* Of the round at hand. */
    size_t *by_key;                 /* owned; its operations' positions, key by key */
    struct history_record *records; /* owned; as many */
};

/* The first operation of a round that isn't before this one. */
static size_t first_from(const struct history_file *file, uint64_t round) {
    size_t low = 0;
    size_t high = file->operation_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (file->operations[middle].round < round) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t check_find_round(const struct history_file *file, uint32_t round, size_t *first) {
    *first = first_from(file, round);
    return first_from(file, (uint64_t)round + 1) - *first;
}

/* --- T2 --- */

/* Counting sort of the round's positions: keys are numbered. */
static enum chord_status group_by_key(struct checker *checker, const struct check_round *round) {
    const struct history_operation *operations = checker->file->operations;
    size_t *starts = calloc((size_t)checker->file->key_count + 1, sizeof *starts);
    if (starts == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (size_t i = 0; i < round->operation_count; i++) {
        starts[operations[round->first + i].record.key_digest + 1]++;
    }
    for (uint32_t key = 0; key < checker->file->key_count; key++) {
        starts[key + 1] += starts[key];
    }
    for (size_t i = 0; i < round->operation_count; i++) {
        checker->by_key[starts[operations[round->first + i].record.key_digest]++] = round->first + i;
    }
    free(starts);
    return CHORD_OK;
}

static uint64_t key_at(const struct checker *checker, size_t i) {
    /* group_by_key has written them all. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.ArraySubscript) */
    return checker->file->operations[checker->by_key[i]].record.key_digest;
}

/* The end of the batch that begins at `first`: whole keys. Notes the largest key. */
static size_t batch_end(const struct checker *checker, struct check_round *round, size_t first) {
    size_t end = first;
    while (end < round->operation_count && end - first < BATCH_OPERATIONS) {
        const size_t key_first = end;
        while (end < round->operation_count && key_at(checker, end) == key_at(checker, key_first)) {
            end++;
        }
        const size_t count = end - key_first;
        round->operations_per_key_max =
            count > round->operations_per_key_max ? count : round->operations_per_key_max;
    }
    return end;
}

/* Takes a violation over; its operations become positions in the file. */
static enum chord_status keep_violation(struct checker *checker, uint32_t round, const size_t *positions,
                                        struct linearize_violation *found) {
    struct check_result *result = checker->result;
    struct check_violation *violations =
        realloc(result->violations, (result->violation_count + 1) * sizeof *violations);
    if (violations == NULL) {
        return CHORD_NO_MEMORY;
    }
    result->violations = violations;
    for (size_t i = 0; i < found->core_count; i++) {
        found->core[i] = positions[found->core[i]];
    }
    for (size_t i = 0; i < found->order_count; i++) {
        found->order[i] = positions[found->order[i]];
    }
    found->stuck = positions[found->stuck];
    violations[result->violation_count++] =
        (struct check_violation){.round = round, .key = (uint32_t)found->key_digest, .found = *found};
    found->core = NULL;
    found->order = NULL;
    return CHORD_OK;
}

static enum chord_status check_batch(struct checker *checker, struct check_round *round, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        checker->records[i - first] = checker->file->operations[checker->by_key[i]].record;
    }
    struct linearize_limits limits = checker->plan->limits;
    const size_t wanted = checker->explained_max - checker->result->violation_count;
    limits.explained_max = wanted > 0 ? wanted : 1;
    if (wanted == 0) {
        limits.explain_work_max = 1; /* nobody will see it */
    }
    struct linearize_result found;
    enum chord_status status = linearize_check(checker->records, end - first, &limits, &found);
    if (status != CHORD_OK) {
        return status;
    }
    round->unknown_count += found.unknown_count;
    round->key_count += found.key_count;
    round->violated_count += found.violated_count;
    if (round->too_large_count == 0 && found.too_large_count > 0) {
        round->too_large_key = (uint32_t)found.too_large_digest;
    }
    round->too_large_count += found.too_large_count;
    round->step_count += found.step_count;
    for (size_t i = 0; i < found.violation_count && i < wanted && status == CHORD_OK; i++) {
        status = keep_violation(checker, round->round, checker->by_key + first, &found.violations[i]);
    }
    linearize_free(&found);
    return status;
}

static enum chord_status find_orders(struct checker *checker, struct check_round *round) {
    enum chord_status status = group_by_key(checker, round);
    for (size_t first = 0; first < round->operation_count && status == CHORD_OK;) {
        const size_t end = batch_end(checker, round, first);
        status = check_batch(checker, round, first, end);
        checker->done_count += end - first;
        if (checker->plan->progress != NULL) {
            checker->plan->progress(checker->plan->context, checker->done_count, checker->all_count);
        }
        first = end;
    }
    return status;
}

/* --- T1 --- */

static enum chord_status judge_versions(struct checker *checker, struct check_round *round) {
    const struct history_operation *operations = checker->file->operations + round->first;
    for (size_t i = 0; i < round->operation_count; i++) {
        round->unversioned_count += operations[i].record.outcome != CHORD_UNKNOWN && !operations[i].has_version;
        checker->records[i] = operations[i].record;
    }
    if (round->unversioned_count > 0) {
        return CHORD_OK;
    }
    struct judge judge = {0};
    const enum chord_status status = judge_segment(&judge, checker->records, round->operation_count,
                                                   checker->file->header.consistency, &round->judged);
    judge_free(&judge);
    return status;
}

/* --- rounds --- */

static void add_round(struct check_round *total, const struct check_round *round) {
    total->operation_count += round->operation_count;
    total->unknown_count += round->unknown_count;
    total->key_count += round->key_count;
    total->operations_per_key_max = round->operations_per_key_max > total->operations_per_key_max
                                        ? round->operations_per_key_max
                                        : total->operations_per_key_max;
    total->violated_count += round->violated_count;
    total->too_large_count += round->too_large_count;
    total->step_count += round->step_count;
    total->unversioned_count += round->unversioned_count;
    judge_verdict_merge(&total->judged, &round->judged);
}

static enum chord_status check_round(struct checker *checker, size_t first, size_t count) {
    struct check_result *result = checker->result;
    struct check_round *rounds = realloc(result->rounds, (result->round_count + 1) * sizeof *rounds);
    if (rounds == NULL) {
        return CHORD_NO_MEMORY;
    }
    result->rounds = rounds;
    struct check_round *round = &rounds[result->round_count++];
    *round = (struct check_round){
        .round = checker->file->operations[first].round, .first = first, .operation_count = count};
    checker->by_key = malloc(count * sizeof *checker->by_key);
    checker->records = malloc(count * sizeof *checker->records);
    enum chord_status status =
        checker->by_key == NULL || checker->records == NULL ? CHORD_NO_MEMORY : find_orders(checker, round);
    if (status == CHORD_OK) {
        status = judge_versions(checker, round);
    }
    free(checker->by_key);
    free(checker->records);
    add_round(&result->total, round);
    return status;
}

enum chord_status check_run(const struct history_file *file, const struct check_plan *plan,
                            struct check_result *result) {
    *result = (struct check_result){0};
    struct checker checker = {.file = file,
                              .plan = plan,
                              .result = result,
                              .explained_max = plan->limits.explained_max == 0 ? EXPLAINED_MAX_DEFAULT
                                                                               : plan->limits.explained_max};
    size_t at = 0;
    checker.all_count = plan->round == 0 ? file->operation_count : check_find_round(file, plan->round, &at);
    if (plan->round != 0 && checker.all_count == 0) {
        return CHORD_INVALID;
    }
    enum chord_status status = CHORD_OK;
    for (const size_t end = at + checker.all_count; at < end && status == CHORD_OK;) {
        size_t first;
        const size_t count = check_find_round(file, file->operations[at].round, &first);
        status = check_round(&checker, first, count);
        at = first + count;
    }
    if (status != CHORD_OK) {
        check_free(result);
    }
    return status;
}

void check_free(struct check_result *result) {
    for (size_t i = 0; i < result->violation_count; i++) {
        free(result->violations[i].found.core);
        free(result->violations[i].found.order);
    }
    free(result->violations);
    free(result->rounds);
    *result = (struct check_result){0};
}

enum check_verdict check_verdict(const struct check_result *result) {
    if (result->total.violated_count > 0 || result->total.judged.wrong_count > 0) {
        return CHECK_WRONG;
    }
    return result->total.too_large_count > 0 ? CHECK_UNDECIDED : CHECK_LINEARIZABLE;
}
