#include "app/generate/marks.h"

#include "chord/base/check.h"

#include <stdlib.h>

enum chord_status marks_init(struct marks *marks, uint32_t rank, uint32_t rank_count, uint64_t record_count) {
    *marks = (struct marks){.rank = rank,
                            .rank_count = rank_count,
                            .record_count = record_count,
                            .mark = record_count,
                            .newest = record_count};
    marks->counts = calloc(rank_count, sizeof *marks->counts);
    marks->is_there = calloc(MARKS_SPAN, sizeof *marks->is_there);
    marks->again = calloc(MARKS_SPAN, sizeof *marks->again);
    return marks->counts == NULL || marks->is_there == NULL || marks->again == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

void marks_clear(struct marks *marks) {
    free(marks->counts);
    free(marks->is_there);
    free(marks->again);
    *marks = (struct marks){0};
}

static uint64_t index_of(const struct marks *marks, uint32_t rank, uint64_t insert) {
    return marks->record_count + rank + insert * marks->rank_count;
}

/* The rank's count has grown. */
static void update(struct marks *marks, uint32_t rank) {
    const uint64_t newest = marks->counts[rank] == 0 ? 0 : index_of(marks, rank, marks->counts[rank] - 1) + 1;
    marks->newest = newest > marks->newest ? newest : marks->newest;
    if (rank != marks->least_rank) {
        return;
    }
    for (uint32_t other = 0; other < marks->rank_count; other++) {
        if (index_of(marks, other, marks->counts[other]) <
            index_of(marks, marks->least_rank, marks->counts[marks->least_rank])) {
            marks->least_rank = other;
        }
    }
    marks->mark = index_of(marks, marks->least_rank, marks->counts[marks->least_rank]);
}

bool marks_take(struct marks *marks, uint64_t *index) {
    if (marks->again_count > 0) {
        *index = index_of(marks, marks->rank, marks->again[--marks->again_count]);
        return true;
    }
    if (marks->next - marks->counts[marks->rank] >= MARKS_SPAN) {
        return false;
    }
    *index = index_of(marks, marks->rank, marks->next++);
    return true;
}

static uint64_t insert_of(const struct marks *marks, uint64_t index) {
    chord_check(index >= marks->record_count + marks->rank);
    return (index - marks->record_count - marks->rank) / marks->rank_count;
}

void marks_acknowledge(struct marks *marks, uint64_t index) {
    uint64_t *count = &marks->counts[marks->rank];
    const uint64_t insert = insert_of(marks, index);
    chord_check(insert >= *count && insert < marks->next);
    marks->is_there[insert % MARKS_SPAN] = true;
    marks->newest = index + 1 > marks->newest ? index + 1 : marks->newest;
    const uint64_t before = *count;
    while (marks->is_there[*count % MARKS_SPAN]) {
        marks->is_there[*count % MARKS_SPAN] = false;
        (*count)++;
    }
    if (*count > before) {
        update(marks, marks->rank);
    }
}

void marks_give_up(struct marks *marks, uint64_t index) {
    chord_check(marks->again_count < MARKS_SPAN);
    marks->again[marks->again_count++] = insert_of(marks, index);
}

void marks_hear(struct marks *marks, uint32_t rank, uint64_t count) {
    chord_check(rank < marks->rank_count);
    if (count > marks->counts[rank]) {
        marks->counts[rank] = count;
        update(marks, rank);
    }
}
