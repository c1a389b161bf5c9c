#include "app/verdict/judge.h"

#include "app/verdict/judge_kept.h"

#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NO_RECORD UINT32_MAX

/* A write of the key at hand with its version. For a while also a version that is read but not yet ascribed
 * to a write: then `bound_ns` is when the first operation with this or a newer version ended. */
struct write {
    uint64_t counter;
    uint64_t value_digest;
    uint64_t bound_ns;
    uint32_t epoch;
    bool present;  /* the key is present after it */
    bool answered; /* false: an unknown write that a read has shown to have happened */
    bool changes;  /* false: a delete that found nothing */
};

/* The key that is being judged, and memory for it. Positions count writes of this segment from 0; the write
 * that earlier segments left is BEFORE, anything older OLDER. */
struct group {
    enum chord_consistency consistency;
    struct history_record *records; /* ascending by start */
    size_t count;
    struct judge_key *key;
    struct judge_candidate *candidates; /* of this key */
    size_t candidate_count;
    uint64_t
        earliest_insert_ns; /* start of the first unexplained unknown insert and delete; UINT64_MAX: none */
    uint64_t earliest_delete_ns;

    struct write *writes; /* ascending by version; all newer than the key's last write in earlier segments */
    size_t write_count;
    uint32_t *pending; /* a heap of records that have begun, by end */
    uint32_t
        *ended; /* eventual: a Fenwick tree that counts the answered writes that have ended, by position */
    uint32_t *
        absence_before; /* eventual: by position, 1 + the position of the last absence up to there; 0: none */
};

#define BEFORE (-1)
#define OLDER (-2)

static unsigned __int128 number_of(uint64_t high, uint64_t low) {
    return ((unsigned __int128)high << 64) | low;
}

#define RADIX_SORT_NAME sort_records
#define RADIX_SORT_TYPE struct history_record
#define RADIX_SORT_KEY(item) number_of((item)->key_digest, (item)->start_ns)
#include "app/verdict/radix_sort.inc.h"

#define RADIX_SORT_NAME sort_writes
#define RADIX_SORT_TYPE struct write
#define RADIX_SORT_KEY(item) number_of((item)->epoch, (item)->counter)
#include "app/verdict/radix_sort.inc.h"

#define RADIX_SORT_NAME sort_candidates
#define RADIX_SORT_TYPE struct judge_candidate
#define RADIX_SORT_KEY(item) number_of((item)->digest, (item)->start_ns)
#include "app/verdict/radix_sort.inc.h"

static struct chord_version version_of(const struct write *write) {
    return (struct chord_version){.epoch = write->epoch, .counter = write->counter};
}

static struct chord_version key_write_version(const struct judge_key *key) {
    return (struct chord_version){.epoch = key->write_epoch, .counter = key->write_counter};
}

static bool is_unknown_write(const struct history_record *record) {
    return record->outcome == CHORD_UNKNOWN && (record->kind == CHORD_INSERT || record->kind == CHORD_DELETE);
}

/* An operation that counts as evidence: answered, and nothing wrong found so far. */
static bool counts(const struct history_record *record) {
    return record->outcome != CHORD_UNKNOWN && record->mark == JUDGE_FINE;
}

/* The number of writes[0..count-1] with a version up to this one. */
static size_t writes_up_to(const struct write *writes, size_t count, struct chord_version version) {
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (chord_version_compare(version_of(&writes[middle]), version) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The write with exactly this version, or NULL. */
static struct write *write_with(struct write *writes, size_t count, struct chord_version version) {
    const size_t up_to = writes_up_to(writes, count, version);
    return up_to > 0 && chord_version_compare(version_of(&writes[up_to - 1]), version) == 0
               ? &writes[up_to - 1]
               : NULL;
}

/* ---- the records by themselves ---- */

static bool answer_is_possible(const struct history_record *record) {
    if (record->outcome == CHORD_UNKNOWN) {
        return record->kind < CHORD_OPERATION_KIND_COUNT;
    }
    if (record->end_ns < record->start_ns) {
        return false;
    }
    switch (record->kind) {
    case CHORD_INSERT:
        return (record->outcome == CHORD_INSERTED || record->outcome == CHORD_UPDATED) &&
               record->version_counter > 0;
    case CHORD_QUERY:
        return record->outcome == CHORD_ABSENT ||
               (record->outcome == CHORD_FOUND && record->version_counter > 0);
    case CHORD_DELETE:
        return (record->outcome == CHORD_DELETED || record->outcome == CHORD_ABSENT) &&
               record->version_counter > 0;
    default:
        return false;
    }
}

static void mark_impossible(struct group *group) {
    for (size_t i = 0; i < group->count; i++) {
        if (!answer_is_possible(&group->records[i])) {
            group->records[i].mark = JUDGE_BAD_RECORD;
        }
    }
}

/* ---- the writes in version order ---- */

static struct write write_of(const struct history_record *record) {
    return (struct write){.counter = record->version_counter,
                          .epoch = record->version_epoch,
                          .value_digest = record->value_digest,
                          .present = record->kind == CHORD_INSERT,
                          .answered = true,
                          .changes = record->outcome != CHORD_ABSENT};
}

/* Collects the answered writes, without those that repeat a version or fall behind an earlier segment. */
static void collect_writes(struct group *group) {
    const struct chord_version base = key_write_version(group->key);
    group->write_count = 0;
    for (size_t i = 0; i < group->count; i++) {
        struct history_record *record = &group->records[i];
        if (!counts(record) || record->kind == CHORD_QUERY) {
            continue;
        }
        if (chord_version_compare(history_version(record), base) <= 0) {
            record->mark = JUDGE_WRITE_OLD;
        } else {
            group->writes[group->write_count++] = write_of(record);
        }
    }
    sort_writes(group->writes, group->write_count);
    size_t kept = 0;
    for (size_t i = 0; i < group->write_count; i++) {
        if (kept == 0 ||
            chord_version_compare(version_of(&group->writes[kept - 1]), version_of(&group->writes[i])) < 0) {
            group->writes[kept++] = group->writes[i];
        }
    }
    if (kept == group->write_count) {
        return;
    }
    /* Of the writes with one version the one that began first stands. bound_ns tells that it has been met. */
    group->write_count = kept;
    for (size_t i = 0; i < kept; i++) {
        group->writes[i].bound_ns = 0;
    }
    for (size_t i = 0; i < group->count; i++) {
        struct history_record *record = &group->records[i];
        if (!counts(record) || record->kind == CHORD_QUERY) {
            continue;
        }
        struct write *write = write_with(group->writes, kept, history_version(record));
        if (write->bound_ns != 0) {
            record->mark = JUDGE_VERSION_REPEATED;
        } else {
            *write = write_of(record);
            write->bound_ns = 1;
        }
    }
}

/* ---- unknown writes ---- */

/* Collects behind the writes the versions that are read but that no answered write has; returns how many. */
static size_t collect_missing(struct group *group, struct write *missing) {
    const struct chord_version base = key_write_version(group->key);
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct history_record *record = &group->records[i];
        const struct chord_version version = history_version(record);
        if (counts(record) && record->outcome == CHORD_FOUND && chord_version_compare(version, base) > 0 &&
            write_with(group->writes, group->write_count, version) == NULL) {
            missing[count++] = (struct write){.counter = version.counter,
                                              .epoch = version.epoch,
                                              .value_digest = record->value_digest,
                                              .bound_ns = UINT64_MAX,
                                              .present = true,
                                              .changes = true};
        }
    }
    sort_writes(missing, count);
    /* Reads that disagree on a version's value: the smallest digest stands, so that the order of records is
     * nothing. */
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || chord_version_compare(version_of(&missing[kept - 1]), version_of(&missing[i])) < 0) {
            missing[kept++] = missing[i];
        } else if (missing[i].value_digest < missing[kept - 1].value_digest) {
            missing[kept - 1].value_digest = missing[i].value_digest;
        }
    }
    return kept;
}

/* Sets each missing version's bound_ns: the end of the first operation with this or a newer version. */
static void bound_missing(const struct group *group, struct write *missing, size_t count) {
    for (size_t i = 0; i < group->count; i++) {
        const struct history_record *record = &group->records[i];
        if (!counts(record)) {
            continue;
        }
        const size_t up_to = writes_up_to(missing, count, history_version(record));
        if (up_to > 0 && record->end_ns < missing[up_to - 1].bound_ns) {
            missing[up_to - 1].bound_ns = record->end_ns;
        }
    }
    for (size_t i = count; i-- > 1;) {
        if (missing[i].bound_ns < missing[i - 1].bound_ns) {
            missing[i - 1].bound_ns = missing[i].bound_ns;
        }
    }
}

/* The latest candidate that can have written this version, or NULL. Bounds grow with the versions, so
 * whatever fits one version fits all newer ones, and ascribing in ascending order finds an assignment if
 * there is one; the latest is taken so that the rest excuses as much as it may. */
static struct judge_candidate *candidate_for(const struct group *group, const struct write *missing) {
    for (size_t i = group->candidate_count; i-- > 0;) {
        struct judge_candidate *candidate = &group->candidates[i];
        if (candidate->inserts && !candidate->explained && candidate->value_digest == missing->value_digest &&
            candidate->start_ns <= missing->bound_ns) {
            return candidate;
        }
    }
    return NULL;
}

/* Ascribes versions to unknown writes, which join the writes; notes when the remaining candidates began. */
static void explain_missing(struct group *group) {
    group->earliest_insert_ns = UINT64_MAX;
    group->earliest_delete_ns = UINT64_MAX;
    if (group->candidate_count == 0) {
        return;
    }
    struct write *missing = group->writes + group->write_count;
    const size_t missing_count = collect_missing(group, missing);
    bound_missing(group, missing, missing_count);
    size_t explained_count = 0;
    for (size_t i = 0; i < missing_count; i++) {
        struct judge_candidate *candidate = candidate_for(group, &missing[i]);
        if (candidate != NULL) {
            candidate->explained = true;
            missing[explained_count++] = missing[i];
        }
    }
    group->write_count += explained_count;
    sort_writes(group->writes, group->write_count);
    for (size_t i = group->candidate_count; i-- > 0;) {
        const struct judge_candidate *candidate = &group->candidates[i];
        if (!candidate->explained) {
            *(candidate->inserts ? &group->earliest_insert_ns : &group->earliest_delete_ns) =
                candidate->start_ns;
        }
    }
}

/* ---- what each operation says of the key ---- */

/* The reason why a write's outcome is wrong if the key was `present` before it. */
static enum judge_reason outcome_reason(const struct history_record *record, bool present) {
    switch (record->outcome) {
    case CHORD_INSERTED:
        return present ? JUDGE_INSERTED_PRESENT : JUDGE_FINE;
    case CHORD_UPDATED:
        return present ? JUDGE_FINE : JUDGE_UPDATED_ABSENT;
    case CHORD_DELETED:
        return present ? JUDGE_FINE : JUDGE_DELETED_ABSENT;
    default:
        return present ? JUDGE_DELETE_MISSED : JUDGE_FINE;
    }
}

static enum judge_reason judge_write(const struct group *group, const struct history_record *record) {
    const struct write *write = write_with(group->writes, group->write_count, history_version(record));
    const bool present = write == group->writes ? group->key->present : write[-1].present;
    const enum judge_reason reason = outcome_reason(record, present);
    const uint64_t excuse_ns = present ? group->earliest_delete_ns : group->earliest_insert_ns;
    return excuse_ns <= record->end_ns ? JUDGE_FINE : reason;
}

static enum judge_reason judge_found(const struct group *group, const struct history_record *record) {
    const struct judge_key *key = group->key;
    const struct chord_version version = history_version(record);
    const int order = chord_version_compare(version, key_write_version(key));
    if (order < 0) {
        return JUDGE_FINE; /* forgotten; in real time it is too old or stale */
    }
    if (order == 0) {
        return key->present && key->value_digest == record->value_digest ? JUDGE_FINE : JUDGE_VALUE_DIFFERS;
    }
    const struct write *write = write_with(group->writes, group->write_count, version);
    if (write == NULL) {
        return JUDGE_VERSION_UNWRITTEN;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): one of the first write_count, which are filled in */
    return write->present && write->value_digest == record->value_digest ? JUDGE_FINE : JUDGE_VALUE_DIFFERS;
}

static enum judge_reason judge_absent(const struct group *group, const struct history_record *record) {
    const struct judge_key *key = group->key;
    const struct chord_version version = history_version(record);
    if (group->consistency == CHORD_EVENTUAL || chord_version_compare(version, key_write_version(key)) < 0) {
        return JUDGE_FINE; /* at worst stale; or forgotten, and in real time too old */
    }
    const size_t up_to = writes_up_to(group->writes, group->write_count, version);
    const bool present = up_to == 0 ? key->present : group->writes[up_to - 1].present;
    return present && group->earliest_delete_ns > record->end_ns ? JUDGE_ABSENT_PRESENT : JUDGE_FINE;
}

static void judge_states(struct group *group) {
    for (size_t i = 0; i < group->count; i++) {
        struct history_record *record = &group->records[i];
        if (!counts(record)) {
            continue;
        }
        enum judge_reason reason;
        if (record->kind != CHORD_QUERY) {
            reason = judge_write(group, record);
        } else if (record->outcome == CHORD_FOUND) {
            reason = judge_found(group, record);
        } else {
            reason = judge_absent(group, record);
        }
        record->mark = (uint8_t)reason;
    }
}

/* ---- real time ---- */

/* A binary heap of record indices: the operation that ends first is at the top. */
static void pending_push(const struct group *group, size_t count, uint32_t index) {
    uint32_t *heap = group->pending;
    const uint64_t end_ns = group->records[index].end_ns;
    size_t at = count;
    while (at > 0 && group->records[heap[(at - 1) / 2]].end_ns > end_ns) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = index;
}

/* Removes the top of a heap of `count`. */
static uint32_t pending_pop(const struct group *group, size_t count) {
    uint32_t *heap = group->pending;
    const uint32_t top = heap[0];
    const uint32_t last = heap[count - 1];
    const uint64_t end_ns = group->records[last].end_ns;
    size_t at = 0;
    for (size_t child = 1; child < count - 1; child = 2 * at + 1) {
        if (child + 1 < count - 1 &&
            group->records[heap[child + 1]].end_ns < group->records[heap[child]].end_ns) {
            child++;
        }
        if (group->records[heap[child]].end_ns >= end_ns) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

/* What is known to have happened before the operation at hand began. */
struct past {
    struct chord_version highest; /* version answered */
    long newest;                  /* eventual: position of the newest answered write that changed something */
    uint32_t ended_count;         /* eventual: how many such writes */
};

static void past_add(const struct group *group, struct past *past, const struct history_record *record) {
    const struct chord_version version = history_version(record);
    if (chord_version_compare(version, past->highest) > 0) {
        past->highest = version;
    }
    if (group->consistency != CHORD_EVENTUAL || record->kind == CHORD_QUERY ||
        record->outcome == CHORD_ABSENT) {
        return;
    }
    const size_t position = writes_up_to(group->writes, group->write_count, version) - 1;
    if ((long)position > past->newest) {
        past->newest = (long)position;
    }
    past->ended_count++;
    for (size_t i = position + 1; i <= group->write_count; i += i & (0 - i)) {
        group->ended[i]++;
    }
}

/* How many of the writes that have ended are newer than the one at this position. */
static uint64_t missed_since(const struct group *group, const struct past *past, long position) {
    uint64_t older = 0;
    for (size_t i = position < 0 ? 0 : (size_t)position + 1; i > 0; i -= i & (0 - i)) {
        older += group->ended[i];
    }
    return past->ended_count - older;
}

/* The position of the write that a read shows: for an absence the last absence up to its version. */
static long position_shown(const struct group *group, const struct history_record *record) {
    const struct chord_version version = history_version(record);
    if (chord_version_compare(version, key_write_version(group->key)) < 0) {
        return OLDER;
    }
    const size_t up_to = writes_up_to(group->writes, group->write_count, version);
    if (record->outcome == CHORD_FOUND) {
        return (long)up_to - 1;
    }
    if (up_to > 0 && group->absence_before[up_to - 1] > 0) {
        return (long)group->absence_before[up_to - 1] - 1;
    }
    return group->key->present ? OLDER : BEFORE;
}

static void count_stale(const struct group *group, const struct past *past,
                        const struct history_record *record, struct judge_verdict *verdict) {
    const long shown = position_shown(group, record);
    /* The newest write answered in time: where there is none in this segment, what earlier ones left. */
    const bool present = past->newest >= 0 ? group->writes[past->newest].present : group->key->present;
    const bool base_missed = shown == OLDER && group->key->write_counter > 0;
    if (shown >= past->newest && !base_missed) {
        return;
    }
    if (record->outcome == CHORD_ABSENT) {
        const struct chord_version newest =
            past->newest >= 0 ? version_of(&group->writes[past->newest]) : key_write_version(group->key);
        const bool excused = group->earliest_delete_ns <= record->end_ns &&
                             chord_version_compare(history_version(record), newest) >= 0;
        if (!present || excused) {
            return;
        }
    }
    const bool base_counts = base_missed && (group->key->present || record->outcome == CHORD_FOUND);
    const uint64_t missed = missed_since(group, past, shown) + (base_counts ? 1 : 0);
    verdict->stale_count++;
    verdict->stale_missed_sum += missed;
    if (missed > verdict->stale_missed_max) {
        verdict->stale_missed_max = missed;
    }
}

static void prepare_staleness(struct group *group) {
    memset(group->ended, 0, (group->write_count + 1) * sizeof *group->ended);
    uint32_t last = 0;
    for (size_t i = 0; i < group->write_count; i++) {
        last = group->writes[i].present ? last : (uint32_t)i + 1;
        group->absence_before[i] = last;
    }
}

/* Sweeps over the operations by start, with those that ended before in `past`. */
static void judge_real_time(struct group *group, struct judge_verdict *verdict) {
    struct past past = {
        .newest = BEFORE,
        .highest = {.epoch = group->key->highest_epoch, .counter = group->key->highest_counter}};
    size_t pending_count = 0;
    if (group->consistency == CHORD_EVENTUAL) {
        prepare_staleness(group);
    }
    for (size_t i = 0; i < group->count; i++) {
        struct history_record *record = &group->records[i];
        if (!counts(record)) {
            continue;
        }
        while (pending_count > 0 && group->records[group->pending[0]].end_ns < record->start_ns) {
            past_add(group, &past, &group->records[pending_pop(group, pending_count--)]);
        }
        const int order = chord_version_compare(history_version(record), past.highest);
        if (record->kind != CHORD_QUERY) {
            record->mark = order <= 0 ? JUDGE_WRITE_OLD : JUDGE_FINE;
        } else if (group->consistency == CHORD_EVENTUAL) {
            count_stale(group, &past, record, verdict);
        } else {
            record->mark = order < 0 ? JUDGE_READ_OLD : JUDGE_FINE;
        }
        if (record->mark == JUDGE_FINE) {
            pending_push(group, pending_count++, (uint32_t)i);
        }
    }
    while (pending_count > 0) {
        past_add(group, &past, &group->records[pending_pop(group, pending_count--)]);
    }
    group->key->highest_epoch = past.highest.epoch;
    group->key->highest_counter = past.highest.counter;
}

/* ---- a key, a segment ---- */

static void keep_last_write(struct group *group) {
    if (group->write_count > 0) {
        const struct write *last = &group->writes[group->write_count - 1];
        group->key->write_epoch = last->epoch;
        group->key->write_counter = last->counter;
        group->key->present = last->present;
        group->key->value_digest = last->value_digest;
    }
}

static bool wrong_is_before(const struct judge_wrong *a, const struct judge_wrong *b) {
    if (a->start_ns != b->start_ns) {
        return a->start_ns < b->start_ns;
    }
    if (a->client_rank != b->client_rank) {
        return a->client_rank < b->client_rank;
    }
    return a->index < b->index;
}

static void tally(const struct group *group, struct judge_verdict *verdict) {
    verdict->operation_count += group->count;
    for (size_t i = 0; i < group->count; i++) {
        const struct history_record *record = &group->records[i];
        verdict->unknown_count += record->outcome == CHORD_UNKNOWN;
        if (record->mark == JUDGE_FINE) {
            continue;
        }
        const struct judge_wrong wrong = {.reason = record->mark,
                                          .client_rank = record->client_rank,
                                          .index = record->index,
                                          .kind = record->kind,
                                          .outcome = record->outcome,
                                          .key_digest = record->key_digest,
                                          .start_ns = record->start_ns,
                                          .version = history_version(record)};
        if (verdict->wrong_count == 0 || wrong_is_before(&wrong, &verdict->first)) {
            verdict->first = wrong;
        }
        verdict->wrong_count++;
        verdict->wrong_by_reason[record->mark]++;
    }
}

static void judge_group(struct group *group, struct judge_verdict *verdict) {
    mark_impossible(group);
    collect_writes(group);
    explain_missing(group);
    judge_states(group);
    judge_real_time(group, verdict);
    keep_last_write(group);
    tally(group, verdict);
}

/* What a pass over the sorted records tells about the memory that judging them takes. */
struct sizes {
    size_t group_max;
    size_t new_key_count;
    size_t unknown_count; /* writes whose outcome nobody knows */
};

/* The end of the group of records with one key that begins at `first`. */
static size_t group_end(const struct history_record *records, size_t count, size_t first) {
    size_t end = first + 1;
    while (end < count && records[end].key_digest == records[first].key_digest) {
        end++;
    }
    return end;
}

static struct sizes measure(const struct judge *judge, const struct history_record *records, size_t count) {
    struct sizes sizes = {0};
    size_t key = 0;
    for (size_t first = 0; first < count;) {
        const size_t end = group_end(records, count, first);
        if (end - first > sizes.group_max) {
            sizes.group_max = end - first;
        }
        for (size_t i = first; i < end; i++) {
            sizes.unknown_count += is_unknown_write(&records[i]);
        }
        while (key < judge->key_count && judge->keys[key].digest < records[first].key_digest) {
            key++;
        }
        if (key == judge->key_count || judge->keys[key].digest != records[first].key_digest) {
            sizes.new_key_count++;
        }
        first = end;
    }
    return sizes;
}

static void group_free(struct group *group) {
    free(group->writes);
    free(group->pending);
    free(group->ended);
    free(group->absence_before);
}

static enum chord_status group_init(struct group *group, size_t count_max,
                                    enum chord_consistency consistency) {
    const bool eventual = consistency == CHORD_EVENTUAL;
    *group = (struct group){.consistency = consistency,
                            .writes = malloc((count_max + 1) * sizeof *group->writes),
                            .pending = malloc((count_max + 1) * sizeof *group->pending),
                            .ended = eventual ? malloc((count_max + 1) * sizeof *group->ended) : NULL,
                            .absence_before =
                                eventual ? malloc((count_max + 1) * sizeof *group->absence_before) : NULL};
    if (group->writes == NULL || group->pending == NULL ||
        (eventual && (group->ended == NULL || group->absence_before == NULL))) {
        group_free(group);
        return CHORD_NO_MEMORY;
    }
    return CHORD_OK;
}

/* Adds the segment's unknown writes, so many, to the candidates, in order. */
static enum chord_status add_candidates(struct judge *judge, const struct history_record *records,
                                        size_t count, size_t added_count) {
    if (added_count == 0) {
        return CHORD_OK;
    }
    struct judge_candidate *candidates =
        realloc(judge->candidates, (judge->candidate_count + added_count) * sizeof *candidates);
    if (candidates == NULL) {
        return CHORD_NO_MEMORY;
    }
    judge->candidates = candidates;
    for (size_t i = 0; i < count; i++) {
        if (is_unknown_write(&records[i])) {
            candidates[judge->candidate_count++] =
                (struct judge_candidate){.digest = records[i].key_digest,
                                         .value_digest = records[i].value_digest,
                                         .start_ns = records[i].start_ns,
                                         .inserts = records[i].kind == CHORD_INSERT};
        }
    }
    sort_candidates(candidates, judge->candidate_count);
    return CHORD_OK;
}

static void drop_explained(struct judge *judge) {
    size_t kept = 0;
    for (size_t i = 0; i < judge->candidate_count; i++) {
        if (!judge->candidates[i].explained) {
            judge->candidates[kept++] = judge->candidates[i];
        }
    }
    judge->candidate_count = kept;
}

/* Judges the groups in the order of their digests. The keys known before have been moved to the end of the
 * array; they and the new ones are merged towards its beginning, which never overtakes what is yet to be
 * read. */
static void judge_groups(struct judge *judge, struct group *group, struct history_record *records,
                         size_t count, size_t new_key_count, struct judge_verdict *verdict) {
    struct judge_key *keys = judge->keys;
    const size_t key_end = judge->key_count + new_key_count;
    size_t from = new_key_count;
    size_t to = 0;
    size_t candidate = 0;
    for (size_t first = 0; first < count;) {
        const size_t end = group_end(records, count, first);
        const uint64_t digest = records[first].key_digest;
        while (from < key_end && keys[from].digest < digest) {
            keys[to++] = keys[from++];
        }
        keys[to] = from < key_end && keys[from].digest == digest ? keys[from++]
                                                                 : (struct judge_key){.digest = digest};
        while (candidate < judge->candidate_count && judge->candidates[candidate].digest < digest) {
            candidate++;
        }
        group->candidates = judge->candidates == NULL ? NULL : judge->candidates + candidate;
        group->candidate_count = 0;
        for (; candidate < judge->candidate_count && judge->candidates[candidate].digest == digest;
             candidate++) {
            group->candidate_count++;
        }
        group->records = records + first;
        group->count = end - first;
        for (size_t i = first; i < end; i++) {
            records[i].mark = JUDGE_FINE;
        }
        group->key = &keys[to++];
        judge_group(group, verdict);
        first = end;
    }
    chord_check(to + (key_end - from) == key_end);
    judge->key_count = key_end;
}

enum chord_status judge_segment(struct judge *judge, struct history_record *records, size_t count,
                                enum chord_consistency consistency, struct judge_verdict *verdict) {
    chord_check(count < NO_RECORD);
    if (count == 0) {
        return CHORD_OK;
    }
    sort_records(records, count);
    const struct sizes sizes = measure(judge, records, count);
    struct group group;
    enum chord_status status = group_init(&group, sizes.group_max, consistency);
    if (status != CHORD_OK) {
        return status;
    }
    struct judge_key *keys = realloc(judge->keys, (judge->key_count + sizes.new_key_count) * sizeof *keys);
    if (keys == NULL) {
        group_free(&group);
        return CHORD_NO_MEMORY;
    }
    judge->keys = keys;
    status = add_candidates(judge, records, count, sizes.unknown_count);
    if (status == CHORD_OK) {
        memmove(keys + sizes.new_key_count, keys, judge->key_count * sizeof *keys);
        judge_groups(judge, &group, records, count, sizes.new_key_count, verdict);
        drop_explained(judge);
    }
    group_free(&group);
    return status;
}

/* ---- the rest ---- */

void judge_verdict_merge(struct judge_verdict *into, const struct judge_verdict *from) {
    if (from->wrong_count > 0 && (into->wrong_count == 0 || wrong_is_before(&from->first, &into->first))) {
        into->first = from->first;
    }
    into->operation_count += from->operation_count;
    into->unknown_count += from->unknown_count;
    into->wrong_count += from->wrong_count;
    for (size_t i = 0; i < JUDGE_REASON_COUNT; i++) {
        into->wrong_by_reason[i] += from->wrong_by_reason[i];
    }
    into->stale_count += from->stale_count;
    into->stale_missed_sum += from->stale_missed_sum;
    if (from->stale_missed_max > into->stale_missed_max) {
        into->stale_missed_max = from->stale_missed_max;
    }
}

struct judge_content judge_content(const struct judge *judge) {
    struct judge_content content = {0};
    for (size_t i = 0; i < judge->key_count; i++) {
        const struct judge_key *key = &judge->keys[i];
        if (key->present) {
            content.pair_count++;
            content.content += chord_digest64_pair(key->digest, key->value_digest);
        }
    }
    for (size_t i = 0; i < judge->candidate_count; i++) {
        content.uncertain_count += i == 0 || judge->candidates[i - 1].digest != judge->candidates[i].digest;
    }
    return content;
}

const char *judge_reason_text(enum judge_reason reason) {
#define JUDGE_REASON_TEXT(code, text) text,
    static const char *const texts[] = {JUDGE_REASON_TABLE(JUDGE_REASON_TEXT)};
#undef JUDGE_REASON_TEXT
    return (unsigned)reason < JUDGE_REASON_COUNT ? texts[reason] : "unknown reason";
}

void judge_free(struct judge *judge) {
    free(judge->keys);
    free(judge->candidates);
    *judge = (struct judge){0};
}
