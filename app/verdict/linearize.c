#include "app/verdict/linearize.h"

#include "app/verdict/search.h"
#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_MAX_DEFAULT ((size_t)512 << 20)
#define STEPS_MAX_DEFAULT (UINT64_C(1) << 32)
#define EXPLAIN_WORK_MAX_DEFAULT UINT64_C(50000000)
#define EXPLAINED_MAX_DEFAULT 4u

/* A record, to be sorted. */
struct place {
    uint64_t key_digest;
    uint64_t start_ns;
    uint32_t record;
};

#define RADIX_SORT_NAME sort_places
#define RADIX_SORT_TYPE struct place
#define RADIX_SORT_KEY(item) (((unsigned __int128)(item)->key_digest << 64) | (item)->start_ns)
#include "app/verdict/radix_sort.inc.h"

/* What becomes of an operation when a contradiction is cut down. */
enum strength { STRENGTH_FULL, STRENGTH_WEAK, STRENGTH_GONE };

struct checker {
    const struct history_record *records; /* borrowed */
    struct linearize_limits limits;
    struct search search; /* owned */
    const struct place *group; /* of the key at hand */
    size_t group_count;

    /* Of the key; room for the largest group. */
    uint64_t *values;                    /* owned; distinct, ascending; number i + 1 is values[i] */
    size_t value_count;
    uint8_t *strengths;                  /* owned; by position in the group */
    uint8_t *tried;                      /* owned; strengths before an attempt */
    struct search_operation *operations; /* owned */
    uint32_t *positions;                 /* owned; by operation: its position in the group */
    uint64_t *ends;                      /* owned; distinct returns, ascending */
};

static void violation_free(struct linearize_violation *violation) {
    free(violation->core);
    free(violation->order);
}

void linearize_free(struct linearize_result *result) {
    for (size_t i = 0; i < result->violation_count; i++) {
        violation_free(&result->violations[i]);
    }
    free(result->violations);
    *result = (struct linearize_result){0};
}

static void checker_free(struct checker *checker) {
    search_free(&checker->search);
    free(checker->values);
    free(checker->strengths);
    free(checker->tried);
    free(checker->operations);
    free(checker->positions);
    free(checker->ends);
}

static enum chord_status checker_init(struct checker *checker, const struct history_record *records,
                                      const struct linearize_limits *limits, size_t group_max) {
    *checker = (struct checker){.records = records};
    if (limits != NULL) {
        checker->limits = *limits;
    }
    struct linearize_limits *own = &checker->limits;
    own->bytes_max = own->bytes_max == 0 ? BYTES_MAX_DEFAULT : own->bytes_max;
    own->steps_max = own->steps_max == 0 ? STEPS_MAX_DEFAULT : own->steps_max;
    own->explain_work_max = own->explain_work_max == 0 ? EXPLAIN_WORK_MAX_DEFAULT : own->explain_work_max;
    own->explained_max = own->explained_max == 0 ? EXPLAINED_MAX_DEFAULT : own->explained_max;
    checker->search.bytes_max = own->bytes_max;
    checker->search.steps_max = own->steps_max;
    checker->values = malloc(group_max * sizeof *checker->values);
    checker->strengths = malloc(group_max);
    checker->tried = malloc(group_max);
    checker->operations = malloc(group_max * sizeof *checker->operations);
    checker->positions = malloc(group_max * sizeof *checker->positions);
    checker->ends = malloc(group_max * sizeof *checker->ends);
    if (checker->values == NULL || checker->strengths == NULL || checker->tried == NULL ||
        checker->operations == NULL || checker->positions == NULL || checker->ends == NULL) {
        checker_free(checker);
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

/* --- records as the search's operations --- */

static const struct history_record *record_at(const struct checker *checker, size_t position) {
    return &checker->records[checker->group[position].record];
}

static bool is_bad(const struct history_record *record) {
    if (record->outcome == CHORD_UNKNOWN) {
        return record->kind >= CHORD_OPERATION_KIND_COUNT;
    }
    if (record->end_ns < record->start_ns) {
        return true;
    }
    switch (record->kind) {
    case CHORD_INSERT:
        return record->outcome != CHORD_INSERTED && record->outcome != CHORD_UPDATED;
    case CHORD_QUERY:
        return record->outcome != CHORD_FOUND && record->outcome != CHORD_ABSENT;
    case CHORD_DELETE:
        return record->outcome != CHORD_DELETED && record->outcome != CHORD_ABSENT;
    default:
        return true;
    }
}

/* Whether the record has a value: the rest of the digests means nothing. */
static bool has_value(const struct history_record *record) {
    return record->kind == CHORD_INSERT || record->outcome == CHORD_FOUND;
}

static int compare_digests(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a;
    const uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Sorts, and keeps one of each. Returns how many are left. */
static size_t sort_unique(uint64_t *numbers, size_t count) {
    qsort(numbers, count, sizeof *numbers, compare_digests);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || numbers[kept - 1] != numbers[i]) {
            numbers[kept++] = numbers[i];
        }
    }
    return kept;
}

static void number_values(struct checker *checker) {
    size_t count = 0;
    for (size_t i = 0; i < checker->group_count; i++) {
        const struct history_record *record = record_at(checker, i);
        if (has_value(record)) {
            checker->values[count++] = record->value_digest;
        }
    }
    checker->value_count = sort_unique(checker->values, count);
}

static uint32_t value_number(const struct checker *checker, const struct history_record *record) {
    const uint64_t *found = bsearch(&record->value_digest, checker->values, checker->value_count,
                                    sizeof *checker->values, compare_digests);
    chord_check(found != NULL);
    return (uint32_t)(found - checker->values) + 1;
}

static enum search_kind kind_of(const struct history_record *record, bool weak) {
    if (weak) {
        return record->kind == CHORD_INSERT ? SEARCH_MAYBE_INSERT : SEARCH_MAYBE_DELETE;
    }
    switch (record->outcome) {
    case CHORD_INSERTED:
        return SEARCH_INSERTED;
    case CHORD_UPDATED:
        return SEARCH_UPDATED;
    case CHORD_DELETED:
        return SEARCH_DELETED;
    default:
        return SEARCH_READ;
    }
}

/* Weakening twice is weakening once; a read without an answer is none. */
static enum strength weakened(const struct history_record *record) {
    const bool reads = record->kind == CHORD_QUERY || record->outcome == CHORD_ABSENT;
    return reads ? STRENGTH_GONE : STRENGTH_WEAK;
}

/* Searches the key at hand with the strengths as they are. */
static enum search_result search_group(struct checker *checker) {
    size_t count = 0;
    for (size_t i = 0; i < checker->group_count; i++) {
        const struct history_record *record = record_at(checker, i);
        if (checker->strengths[i] == STRENGTH_GONE) {
            continue;
        }
        checker->positions[count] = (uint32_t)i;
        checker->operations[count++] = (struct search_operation){
            .start_ns = record->start_ns,
            .end_ns = record->end_ns,
            .value = has_value(record) ? value_number(checker, record) : 0,
            .kind = (uint8_t)kind_of(record, checker->strengths[i] == STRENGTH_WEAK)};
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what the checker has is freed with it */
    return search_run(&checker->search, checker->operations, count, (uint32_t)checker->value_count + 1);
}

static void set_strengths(struct checker *checker) {
    for (size_t i = 0; i < checker->group_count; i++) {
        const struct history_record *record = record_at(checker, i);
        checker->strengths[i] =
            (uint8_t)(record->outcome == CHORD_UNKNOWN ? weakened(record) : STRENGTH_FULL);
    }
}

/* --- cutting a contradiction down --- */

/* What was known at `time_ns`: what hasn't been called is gone, what hasn't returned has no answer. */
static void cut_prefix(struct checker *checker, uint64_t time_ns) {
    set_strengths(checker);
    for (size_t i = 0; i < checker->group_count; i++) {
        const struct history_record *record = record_at(checker, i);
        if (record->start_ns > time_ns) {
            checker->strengths[i] = STRENGTH_GONE;
        } else if (checker->strengths[i] == STRENGTH_FULL && record->end_ns > time_ns) {
            checker->strengths[i] = (uint8_t)weakened(record);
        }
    }
}

/* One attempt of an explanation. Returns whether there is still no order for certain. */
static bool still_contradicts(struct checker *checker, uint64_t *work, enum chord_status *status) {
    const enum search_result result = search_group(checker);
    *work += checker->group_count + checker->search.step_count;
    if (result == SEARCH_NO_MEMORY) {
        *status = CHORD_NO_MEMORY;
    }
    return result == SEARCH_NONE;
}

/* Leaves the strengths of the shortest beginning that no order explains; ends[*end_index] is its last return. More answers never
 * make a contradiction go away: halving finds it. */
static enum chord_status find_prefix(struct checker *checker, uint64_t *work, size_t *end_index) {
    enum chord_status status = CHORD_OK;
    size_t count = 0;
    for (size_t i = 0; i < checker->group_count; i++) {
        if (record_at(checker, i)->outcome != CHORD_UNKNOWN) {
            checker->ends[count++] = record_at(checker, i)->end_ns;
        }
    }
    count = sort_unique(checker->ends, count);
    chord_check(count > 0);
    size_t low = 0;
    size_t high = count - 1; /* contradicts */
    while (low < high && status == CHORD_OK) {
        const size_t middle = low + (high - low) / 2;
        cut_prefix(checker, checker->ends[middle]);
        if (still_contradicts(checker, work, &status)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *end_index = high;
    cut_prefix(checker, checker->ends[high]);
    return status;
}

/* Weakens the `chunk` answers from *position on, and keeps that if the contradiction stays. */
static enum chord_status weaken_chunk(struct checker *checker, size_t *position, size_t chunk, uint64_t *work) {
    enum chord_status status = CHORD_OK;
    memcpy(checker->tried, checker->strengths, checker->group_count);
    size_t count = 0;
    for (; *position < checker->group_count && count < chunk; ++*position) {
        if (checker->strengths[*position] == STRENGTH_FULL) {
            checker->strengths[*position] = (uint8_t)weakened(record_at(checker, *position));
            count++;
        }
    }
    if (count > 0 && !still_contradicts(checker, work, &status)) {
        memcpy(checker->strengths, checker->tried, checker->group_count);
    }
    return status;
}

/* Most contradictions are between the last answers, and older ones with the value of the very last. An attempt is the
 * slower the more answers it knows: so few are kept first, then more. */
static enum chord_status keep_last(struct checker *checker, size_t end_index, uint64_t *work) {
    enum chord_status status = CHORD_OK;
    uint64_t value = 0;
    for (size_t i = 0; i < checker->group_count; i++) {
        const struct history_record *record = record_at(checker, i);
        if (checker->strengths[i] == STRENGTH_FULL && record->end_ns == checker->ends[end_index]) {
            value = has_value(record) ? record->value_digest : 0;
        }
    }
    for (size_t kept = 16; kept < end_index && status == CHORD_OK; kept *= 4) {
        memcpy(checker->tried, checker->strengths, checker->group_count);
        for (size_t i = 0; i < checker->group_count; i++) {
            const struct history_record *record = record_at(checker, i);
            const bool is_last = record->end_ns >= checker->ends[end_index - kept];
            const bool is_of_value = has_value(record) && record->value_digest == value;
            if (checker->strengths[i] == STRENGTH_FULL && !is_last && !is_of_value) {
                checker->strengths[i] = (uint8_t)weakened(record);
            }
        }
        if (still_contradicts(checker, work, &status)) {
            break;
        }
        memcpy(checker->strengths, checker->tried, checker->group_count);
    }
    return status;
}

static size_t count_full(const struct checker *checker) {
    size_t count = 0;
    for (size_t i = 0; i < checker->group_count; i++) {
        count += checker->strengths[i] == STRENGTH_FULL;
    }
    return count;
}

/* Halves what is tried at once down to single operations; again while that helps. */
static enum chord_status find_core(struct checker *checker, uint64_t *work) {
    size_t full_count = count_full(checker);
    for (size_t chunk = (full_count + 1) / 2; chunk > 0;) {
        for (size_t position = 0; position < checker->group_count;) {
            if (*work > checker->limits.explain_work_max) {
                return CHORD_OK;
            }
            const enum chord_status status = weaken_chunk(checker, &position, chunk, work);
            if (status != CHORD_OK) {
                return status;
            }
        }
        const size_t left = count_full(checker);
        if (chunk == 1 && left == full_count) {
            break;
        }
        chunk = chunk > 1 ? chunk / 2 : 1;
        chunk = chunk > left ? (left + 1) / 2 : chunk;
        full_count = left;
    }
    return CHORD_OK;
}

/* Searches the core once more, and keeps the longest order. */
static enum chord_status tell_core(struct checker *checker, struct linearize_violation *violation) {
    checker->search.keeps_longest = true;
    const enum search_result result = search_group(checker);
    checker->search.keeps_longest = false;
    const struct search *search = &checker->search;
    chord_check(result == SEARCH_NONE || result == SEARCH_NO_MEMORY);
    violation->core = malloc((count_full(checker) + 1) * sizeof *violation->core);
    violation->order = malloc((search->longest_count + 1) * sizeof *violation->order);
    if (result == SEARCH_NO_MEMORY || violation->core == NULL || violation->order == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (size_t i = 0; i < checker->group_count; i++) {
        if (checker->strengths[i] == STRENGTH_FULL) {
            violation->core[violation->core_count++] = checker->group[i].record;
        }
    }
    for (size_t i = 0; i < search->longest_count; i++) {
        violation->order[violation->order_count++] =
            checker->group[checker->positions[search->longest[i]]].record;
    }
    violation->stuck = checker->group[checker->positions[search->longest_due]].record;
    violation->present = search->longest_value != 0;
    violation->value_digest = violation->present ? checker->values[search->longest_value - 1] : 0;
    return CHORD_OK;
}

static enum chord_status explain(struct checker *checker, struct linearize_violation *violation) {
    uint64_t work = 0;
    size_t end_index = 0;
    /* An attempt that is harder than the whole isn't worth its while. */
    checker->search.steps_max = checker->limits.explain_work_max / 16 + 1;
    enum chord_status status = find_prefix(checker, &work, &end_index);
    for (size_t i = 0; i < checker->group_count; i++) {
        violation->prefix_count += record_at(checker, i)->start_ns <= checker->ends[end_index];
    }
    if (status == CHORD_OK) {
        status = keep_last(checker, end_index, &work);
    }
    if (status == CHORD_OK) {
        status = find_core(checker, &work);
    }
    checker->search.steps_max = checker->limits.steps_max;
    return status == CHORD_OK ? tell_core(checker, violation) : status;
}

/* --- a key --- */

/* When the contradiction was complete. */
static uint64_t complete_ns(const struct linearize_violation *violation, const struct history_record *records) {
    uint64_t end_ns = 0;
    for (size_t i = 0; i < violation->core_count; i++) {
        const uint64_t own_ns = records[violation->core[i]].end_ns;
        end_ns = own_ns > end_ns ? own_ns : end_ns;
    }
    return end_ns;
}

/* Adds a violation to the result, in order of time. */
static enum chord_status add_violation(struct checker *checker, struct linearize_result *result, size_t bad_position) {
    struct linearize_violation *violations =
        realloc(result->violations, (result->violation_count + 1) * sizeof *violations);
    if (violations == NULL) {
        return CHORD_NO_MEMORY;
    }
    result->violations = violations;
    struct linearize_violation violation = {.key_digest = checker->group[0].key_digest,
                                            .operation_count = checker->group_count};
    enum chord_status status = CHORD_OK;
    if (bad_position < checker->group_count) {
        violation.bad_record = true;
        violation.stuck = checker->group[bad_position].record;
        violation.prefix_count = bad_position + 1;
        violation.core = malloc(sizeof *violation.core);
        status = violation.core == NULL ? CHORD_NO_MEMORY : CHORD_OK;
        if (status == CHORD_OK) {
            violation.core[violation.core_count++] = violation.stuck;
        }
    } else {
        status = explain(checker, &violation);
    }
    if (status != CHORD_OK) {
        violation_free(&violation);
        return status;
    }
    size_t at = result->violation_count++;
    const uint64_t own_ns = complete_ns(&violation, checker->records);
    for (; at > 0 && complete_ns(&violations[at - 1], checker->records) > own_ns; at--) {
        violations[at] = violations[at - 1];
    }
    violations[at] = violation;
    return CHORD_OK;
}

static enum chord_status check_key(struct checker *checker, struct linearize_result *result) {
    size_t bad_position = checker->group_count;
    for (size_t i = checker->group_count; i-- > 0;) {
        result->unknown_count += record_at(checker, i)->outcome == CHORD_UNKNOWN;
        bad_position = is_bad(record_at(checker, i)) ? i : bad_position;
    }
    enum search_result found = SEARCH_NONE;
    if (bad_position == checker->group_count) {
        number_values(checker);
        set_strengths(checker);
        found = search_group(checker);
        result->step_count += checker->search.step_count;
    }
    switch (found) {
    case SEARCH_FITS:
        return CHORD_OK;
    case SEARCH_NO_MEMORY:
        return CHORD_NO_MEMORY;
    case SEARCH_TOO_LARGE:
        if (result->too_large_count++ == 0) {
            result->too_large_digest = checker->group[0].key_digest;
        }
        return CHORD_OK;
    case SEARCH_NONE:
        break;
    }
    result->violated_count++;
    return result->violation_count < checker->limits.explained_max ? add_violation(checker, result, bad_position)
                                                                   : CHORD_OK;
}

/* The end of the group of one key that begins at `first`. */
static size_t group_end(const struct place *places, size_t count, size_t first) {
    size_t end = first + 1;
    while (end < count && places[end].key_digest == places[first].key_digest) {
        end++;
    }
    return end;
}

static enum chord_status check_places(const struct history_record *records, const struct place *places, size_t count,
                                      const struct linearize_limits *limits, struct linearize_result *result) {
    size_t group_max = 0;
    for (size_t first = 0; first < count;) {
        const size_t end = group_end(places, count, first);
        group_max = end - first > group_max ? end - first : group_max;
        first = end;
    }
    struct checker checker;
    enum chord_status status = checker_init(&checker, records, limits, group_max);
    if (status != CHORD_OK) {
        return status;
    }
    for (size_t first = 0; first < count && status == CHORD_OK;) {
        const size_t end = group_end(places, count, first);
        checker.group = places + first;
        checker.group_count = end - first;
        result->key_count++;
        status = check_key(&checker, result);
        first = end;
    }
    checker_free(&checker);
    return status;
}

enum chord_status linearize_check(const struct history_record *records, size_t count,
                                  const struct linearize_limits *limits, struct linearize_result *result) {
    chord_check(count < UINT32_MAX / 2);
    *result = (struct linearize_result){.operation_count = count};
    if (count == 0) {
        return CHORD_OK;
    }
    struct place *places = malloc(count * sizeof *places);
    if (places == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        places[i] = (struct place){
            .key_digest = records[i].key_digest, .start_ns = records[i].start_ns, .record = (uint32_t)i};
    }
    sort_places(places, count);
    const enum chord_status status = check_places(records, places, count, limits, result);
    free(places);
    if (status != CHORD_OK) {
        linearize_free(result);
    }
    return status;
}
