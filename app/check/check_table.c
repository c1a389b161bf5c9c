#include "app/check/check_table.h"

#include "app/check/phrase.h"
#include "app/report/text.h"

#include <stdlib.h>
#include <string.h>

/* Rounds beyond are told together, but for those that aren't linearizable. */
#define ROUNDS_SHOWN_MAX 20u

static const char *plural(uint64_t count, const char *one, const char *many) {
    return count == 1 ? one : many;
}

static void print_head(FILE *stream, const char *path, const struct history_file *file,
                       const struct check_result *result) {
    const struct history_header *header = &file->header;
    char count[TEXT_NUMBER_SIZE], rounds[TEXT_NUMBER_SIZE], error[TEXT_NUMBER_SIZE], number[TEXT_NUMBER_SIZE];
    fprintf(stream, "%s: %s %s in %s %s; ring of %u %s, %u %s, %s, seed %llu\n", path,
            text_count(result->total.operation_count, count),
            plural(result->total.operation_count, "operation", "operations"), text_count(result->round_count, rounds),
            plural(result->round_count, "round", "rounds"), header->rank_count,
            plural(header->rank_count, "rank", "ranks"), header->replica_count,
            plural(header->replica_count, "copy", "copies"), history_consistency_name(header->consistency),
            (unsigned long long)header->seed);
    if (header->clock_error_ns > 0) {
        fprintf(stream, "Every interval was widened by up to %s at both ends: the hosts' clocks may differ so much.\n",
                text_duration((double)header->clock_error_ns, error));
    }
    if (file->told_count != file->operation_count) {
        fprintf(stream, "Note: the file has %s operations, its end says %s: lines were taken out or put in.\n",
                text_count(file->operation_count, count), text_count(file->told_count, number));
    }
    if (header->consistency == CHORD_EVENTUAL) {
        fputs("Note: an eventual ring doesn't promise linearizability. It is looked for all the same; a key without an "
              "order is\nno fault of the ring. What it does promise of single answers, T1 judges.\n",
              stream);
    }
}

static void orders_cell(struct text_grid *grid, const struct check_round *round) {
    char violated[TEXT_NUMBER_SIZE], large[TEXT_NUMBER_SIZE];
    (void)text_count(round->violated_count, violated);
    (void)text_count(round->too_large_count, large);
    if (round->violated_count > 0 && round->too_large_count > 0) {
        text_grid_cell(grid, "%s without, %s given up", violated, large);
    } else if (round->violated_count > 0) {
        text_grid_cell(grid, "%s without", violated);
    } else if (round->too_large_count > 0) {
        text_grid_cell(grid, "%s given up", large);
    } else {
        text_grid_cell(grid, "all have one");
    }
}

static void versions_cell(struct text_grid *grid, const struct check_round *round) {
    char count[TEXT_NUMBER_SIZE];
    if (round->unversioned_count > 0) {
        text_grid_cell(grid, "%s answers without", text_count(round->unversioned_count, count));
    } else if (round->judged.wrong_count > 0) {
        text_grid_cell(grid, "%s wrong", text_count(round->judged.wrong_count, count));
    } else if (round->judged.stale_count > 0) {
        text_grid_cell(grid, "fit, %s stale reads", text_count(round->judged.stale_count, count));
    } else {
        text_grid_cell(grid, "fit");
    }
}

static void print_row(struct text_grid *grid, const char *name, const struct check_round *round) {
    char text[TEXT_NUMBER_SIZE];
    text_grid_row(grid);
    text_grid_cell(grid, "%s", name);
    text_grid_cell(grid, "%s", text_count(round->operation_count, text));
    text_grid_cell(grid, "%s", text_count(round->unknown_count, text));
    text_grid_cell(grid, "%s", text_count(round->key_count, text));
    text_grid_cell(grid, "%s", text_count(round->operations_per_key_max, text));
    text_grid_cell(grid, "%s", text_count(round->step_count, text));
    orders_cell(grid, round);
    versions_cell(grid, round);
}

void check_table_print(FILE *stream, const char *path, const struct history_file *file,
                       const struct check_result *result) {
    static const char *const titles[] = {"round",  "operations",         "unanswered",   "keys", "most on a key",
                                         "choices", "orders of keys (T2)", "versions (T1)"};
    struct text_grid grid = {.left = {false, false, false, false, false, false, true, true}};
    size_t shown_count = 0;
    print_head(stream, path, file, result);
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        text_grid_cell(&grid, "%s", titles[i]);
    }
    for (size_t i = 0; i < result->round_count; i++) {
        const struct check_round *round = &result->rounds[i];
        const bool fine = round->violated_count + round->too_large_count + round->judged.wrong_count == 0;
        char name[TEXT_NUMBER_SIZE];
        if (shown_count < ROUNDS_SHOWN_MAX && (result->round_count <= ROUNDS_SHOWN_MAX || !fine)) {
            snprintf(name, sizeof name, "%u%s", round->round,
                     round->round <= file->header.warmup_count ? " (warm-up)" : "");
            print_row(&grid, name, round);
            shown_count++;
        }
    }
    if (result->round_count != 1) {
        print_row(&grid, "all", &result->total);
    }
    fputs("\n", stream);
    text_grid_print(&grid, stream, 2);
    fputs("\n", stream);
}

static void print_given_up(FILE *stream, const struct history_file *file, const struct check_result *result) {
    for (size_t i = 0; i < result->round_count; i++) {
        const struct check_round *round = &result->rounds[i];
        if (round->too_large_count > 0) {
            char *key = phrase_text(file, &file->keys[round->too_large_key], 80);
            fprintf(stream, "Given up at a limit, the first of them: key %s in round %u. More --steps or --memory may "
                            "decide it.\n",
                    key, round->round);
            free(key);
            return;
        }
    }
}

void check_table_verdict(FILE *stream, const struct history_file *file, const struct check_result *result) {
    const struct check_round *total = &result->total;
    char bad[TEXT_NUMBER_SIZE], keys[TEXT_NUMBER_SIZE];
    (void)text_count(total->key_count, keys);
    print_given_up(stream, file, result);
    switch (check_verdict(result)) {
    case CHECK_LINEARIZABLE:
        fprintf(stream, "LINEARIZABLE: each of %s %s has an order that explains every answer%s\n", keys,
                plural(total->key_count, "key", "keys"),
                total->unversioned_count == 0 && total->key_count > 0 ? "; the versions name one" : "");
        return;
    case CHECK_UNDECIDED:
        fprintf(stream, "UNDECIDED: %s of %s keys given up, nothing wrong with the others\n",
                text_count(total->too_large_count, bad), keys);
        return;
    case CHECK_WRONG:
        break;
    }
    if (total->violated_count > 0) {
        fprintf(stream, "NOT LINEARIZABLE: %s of %s %s without an order\n", text_count(total->violated_count, bad),
                keys, plural(total->key_count, "key", "keys"));
    } else {
        fprintf(stream, "WRONG VERSIONS: the versions contradict %s %s; %s\n",
                text_count(total->judged.wrong_count, bad),
                plural(total->judged.wrong_count, "answer", "answers"),
                total->too_large_count == 0 ? "versions aside, every key has an order"
                                            : "versions aside, nothing wrong was found");
    }
}
