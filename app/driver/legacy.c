#include "app/driver/legacy.h"

#include "chord/base/check.h"
#include "chord/base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum chord_status legacy_init(struct legacy *legacy) {
    legacy->rank_count = legacy->commander->rank_count;
    legacy->kept = calloc(legacy->rank_count, sizeof *legacy->kept);
    legacy->kept_size = calloc(legacy->rank_count, sizeof *legacy->kept_size);
    legacy->is_taken_over = calloc(legacy->rank_count, sizeof *legacy->is_taken_over);
    legacy->is_lost = calloc(legacy->rank_count, sizeof *legacy->is_lost);
    legacy->loaded = calloc(legacy->rank_count, sizeof *legacy->loaded);
    legacy->issued = calloc(legacy->rank_count, sizeof *legacy->issued);
    legacy->judged = calloc(legacy->rank_count, sizeof *legacy->judged);
    legacy->is_counted = calloc(legacy->rank_count, sizeof *legacy->is_counted);
    legacy->left_out = calloc(legacy->rank_count, sizeof *legacy->left_out);
    legacy->has_testified = calloc(legacy->rank_count, sizeof *legacy->has_testified);
    return legacy->kept == NULL || legacy->kept_size == NULL || legacy->is_taken_over == NULL ||
                   legacy->is_lost == NULL || legacy->loaded == NULL || legacy->issued == NULL ||
                   legacy->judged == NULL || legacy->is_counted == NULL || legacy->left_out == NULL ||
                   legacy->has_testified == NULL
               ? CHORD_NO_MEMORY
               : CHORD_OK;
}

void legacy_clear(struct legacy *legacy) {
    if (legacy->kept != NULL && legacy->kept_size != NULL) {
        legacy_reset(legacy);
    }
    free(legacy->kept);
    free(legacy->kept_size);
    free(legacy->is_taken_over);
    free(legacy->is_lost);
    free(legacy->loaded);
    free(legacy->issued);
    free(legacy->judged);
    free(legacy->is_counted);
    free(legacy->left_out);
    free(legacy->has_testified);
    *legacy = (struct legacy){.rank_count = 0};
}

void legacy_reset(struct legacy *legacy) {
    for (uint32_t rank = 0; rank < legacy->rank_count; rank++) {
        free(legacy->kept[rank]);
        legacy->kept[rank] = NULL;
        legacy->kept_size[rank] = 0;
    }
}

void legacy_forget(struct legacy *legacy) {
    memset(legacy->loaded, 0, legacy->rank_count * sizeof *legacy->loaded);
    memset(legacy->issued, 0, legacy->rank_count * sizeof *legacy->issued);
    memset(legacy->judged, 0, legacy->rank_count * sizeof *legacy->judged);
    memset(legacy->is_counted, 0, legacy->rank_count * sizeof *legacy->is_counted);
    memset(legacy->left_out, 0, legacy->rank_count * sizeof *legacy->left_out);
    memset(legacy->has_testified, 0, legacy->rank_count * sizeof *legacy->has_testified);
}

void legacy_begin(struct legacy *legacy, struct loader_plan *plan) {
    memcpy(legacy->is_lost, legacy->commander->is_lost, legacy->rank_count * sizeof *legacy->is_lost);
    plan->is_lost = legacy->is_lost;
    legacy->plan = *plan;
    legacy->start_ns = legacy->commander->runtime->now_ns;
}

/* --- what judges know --- */

struct keeping {
    struct legacy *legacy;
    uint64_t *size; /* by rank: of all of it, once known */
};

static void on_kept(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct keeping *keeping = context;
    struct legacy *legacy = keeping->legacy;
    struct control_kept head;
    chord_check(size >= sizeof head);
    memcpy(&head, bytes, sizeof head);
    const size_t count = size - sizeof head;
    legacy->kept[from_rank] = realloc(legacy->kept[from_rank], legacy->kept_size[from_rank] + count + 1);
    chord_check(legacy->kept[from_rank] != NULL);
    memcpy(legacy->kept[from_rank] + legacy->kept_size[from_rank], bytes + sizeof head, count);
    legacy->kept_size[from_rank] += count;
    keeping->size[from_rank] = head.size;
}

/* One piece of every judge that has more. Returns whether there was any. */
static bool ask_for_pieces(struct keeping *keeping) {
    struct legacy *legacy = keeping->legacy;
    bool any = false;
    commander_begin(legacy->commander, "keeping what the judges know", on_kept, keeping);
    for (uint32_t rank = 1; rank < legacy->rank_count; rank++) {
        const uint64_t offset = legacy->kept_size[rank];
        if (offset < keeping->size[rank]) {
            commander_tell(legacy->commander, rank, COMMAND_KEEP, &offset, sizeof offset);
            any |= !legacy->commander->is_lost[rank];
        }
    }
    return any;
}

bool legacy_keep(struct legacy *legacy) {
    struct keeping keeping = {.legacy = legacy, .size = malloc(legacy->rank_count * sizeof *keeping.size)};
    chord_check(keeping.size != NULL);
    memset(keeping.size, 0xff, legacy->rank_count * sizeof *keeping.size);
    for (uint32_t rank = 0; rank < legacy->rank_count; rank++) {
        if (!legacy->commander->is_lost[rank]) {
            legacy->kept_size[rank] = 0;
        }
    }
    bool going = true;
    while (going && ask_for_pieces(&keeping)) {
        going = commander_wait(legacy->commander);
    }
    free(keeping.size);
    return going;
}

static bool take_over(struct legacy *legacy, uint32_t rank, char *error) {
    legacy->is_taken_over[rank] = true;
    if (legacy->kept[rank] == NULL) {
        return true; /* nothing was judged before */
    }
    if (judge_take_over(&legacy->witness->judge, legacy->kept[rank], legacy->kept_size[rank]) != CHORD_OK) {
        snprintf(error, WORKLOAD_ERROR_SIZE, "rank %u was lost while what it knew was being saved: run again", rank);
        return false;
    }
    return true;
}

/* --- what clients did --- */

/* The record of an operation that nobody knows anything of. */
static struct history_record unknown_record(const struct legacy *legacy, uint32_t rank, uint32_t index,
                                            const struct workload_line *line) {
    return (struct history_record){
        .key_digest = chord_digest64(line->key, line->key_size),
        .value_digest = line->kind == CHORD_INSERT ? chord_digest64(line->value, line->value_size) : 0,
        .start_ns = legacy->start_ns,
        .client_rank = rank,
        .index = index,
        .kind = (uint8_t)line->kind,
        .outcome = CHORD_UNKNOWN};
}

struct telling {
    struct legacy *legacy;
    uint32_t rank;
    const struct history *history; /* what its file says; NULL: it is out of reach */
    legacy_take *take;
    void *context;
};

static void take_line(void *context, uint32_t index, const struct workload_line *line) {
    const struct telling *telling = context;
    const struct history *history = telling->history;
    if (index < telling->legacy->judged[telling->rank]) {
        return;
    }
    if (history == NULL) {
        const struct history_record record = unknown_record(telling->legacy, telling->rank, index, line);
        telling->take(telling->context, &record, line);
        return;
    }
    /* The file has one segment, perhaps one that is judged already. */
    const uint32_t first = history->count > 0 ? history->records[0].index : 0;
    if (index >= first && index - first < history->count) {
        telling->take(telling->context, &history->records[index - first], line);
    }
}

/* Of operations that a rank made itself nobody knows the keys' bytes but the rank; what its history file says of them is
 * enough to judge them. */
static bool tell_generated(const struct telling *telling, const char *reason, char *error) {
    if (telling->history == NULL) {
        snprintf(error, WORKLOAD_ERROR_SIZE,
                 "what rank %u, which is lost, did with the operations that it generated isn't known (%.300s): keep it with "
                 "--history-dir",
                 telling->rank, reason);
        return false;
    }
    for (size_t i = 0; i < telling->history->count; i++) {
        const struct history_record *record = &telling->history->records[i];
        const struct workload_line line = {.kind = (enum chord_operation_kind)record->kind};
        if (!legacy_is_judged(telling->legacy, record)) {
            telling->take(telling->context, record, &line);
        }
    }
    return true;
}

bool legacy_tell(struct legacy *legacy, uint32_t rank, legacy_take *take, void *context, char *error) {
    struct history history = {0};
    char reason[HISTORY_MAPPED_ERROR_SIZE];
    const bool is_known = evidence_read(legacy->evidence, rank, &history, reason);
    struct telling telling = {.legacy = legacy,
                              .rank = rank,
                              .history = is_known ? &history : NULL,
                              .take = take,
                              .context = context};
    const bool told = legacy->plan.path == NULL
                          ? tell_generated(&telling, is_known ? "" : reason, error)
                          : loader_replay(&legacy->plan, legacy->rank_count, rank, take_line, &telling, error);
    history_free(&history);
    return told;
}

struct testimony {
    struct legacy *legacy;
    struct legacy_counts *counts; /* NULL: the rank has told them itself */
};

static void testify(void *context, const struct history_record *record, const struct workload_line *line) {
    (void)line;
    const struct testimony *testimony = context;
    if (testimony->counts != NULL) {
        testimony->counts->outcomes[record->kind][record->outcome]++;
        testimony->counts->issued++;
    }
    witness_testify(testimony->legacy->witness, record);
}

static bool testify_for(struct legacy *legacy, uint32_t rank, struct legacy_counts *counts, char *error) {
    const bool is_counted = legacy->is_counted[rank];
    struct testimony testimony = {.legacy = legacy, .counts = is_counted ? NULL : counts};
    const uint64_t before = counts->issued;
    legacy->has_testified[rank] = true;
    if (!legacy_tell(legacy, rank, testify, &testimony, error)) {
        return false;
    }
    /* Of generated ones there may be more than was known beforehand. What was left for segments to come never comes. */
    const uint64_t issued = is_counted ? legacy->issued[rank] : legacy->judged[rank] + counts->issued - before;
    const uint64_t done = issued + legacy->left_out[rank];
    counts->not_issued += legacy->loaded[rank] > done ? legacy->loaded[rank] - done : 0;
    return true;
}

int64_t legacy_counted(struct legacy *legacy, uint32_t rank, uint64_t left_out) {
    const int64_t more = (int64_t)(left_out - legacy->left_out[rank]);
    legacy->is_counted[rank] = true;
    legacy->left_out[rank] = left_out;
    return more;
}

void legacy_pass(struct legacy *legacy) {
    for (uint32_t rank = 0; rank < legacy->rank_count; rank++) {
        legacy->judged[rank] = legacy->has_testified[rank] ? UINT64_MAX : legacy->issued[rank];
        legacy->is_counted[rank] = false;
    }
}

bool legacy_testify(struct legacy *legacy, struct legacy_counts *counts, char *error) {
    for (uint32_t rank = 0; rank < legacy->rank_count; rank++) {
        if (!legacy->commander->is_lost[rank]) {
            continue;
        }
        const bool is_due = legacy_had_operations(legacy, rank) && !legacy->has_testified[rank];
        if ((is_due && !testify_for(legacy, rank, counts, error)) ||
            (!legacy->is_taken_over[rank] && !take_over(legacy, rank, error))) {
            return false;
        }
    }
    return true;
}
