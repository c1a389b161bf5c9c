#include "app/report/cache.h"

#include "app/report/fields.h"
#include "app/report/text.h"

#include <jansson.h>
#include <math.h>

/* By enum chord_shortcut; in the record, and in the table. */
static const char *const shortcut_names[] = {"none", "right", "stale"};
static const char *const shortcut_rows[] = {"no shortcut", "by a shortcut", "by a stale one"};

/* --- the table --- */

static void print_counters(FILE *stream, const struct result_run *run, const struct cache_use *use) {
    const struct chord_cache_counters *counters = &use->counters;
    char a[TEXT_NUMBER_SIZE], b[TEXT_NUMBER_SIZE], c[TEXT_NUMBER_SIZE], d[TEXT_NUMBER_SIZE];
    fprintf(stream, "  location caches: %s of %s lookups hit (%s %%), %s of the hits stale;", text_count(counters->hits, a),
            text_count(counters->lookups, b),
            text_decimal(counters->lookups > 0 ? 100.0 * (double)counters->hits / (double)counters->lookups : NAN, 1, c),
            text_count(counters->stale, d));
    fprintf(stream, " %s of %s entries in use\n", text_count(use->entry_count, a),
            text_count((uint64_t)run->options->cache * run->rank_count, b));
    fprintf(stream, "    %s learned, %s older claims replaced, %s evicted for want of room, %s forgotten\n",
            text_count(counters->learned, a), text_count(counters->replaced, b), text_count(counters->evicted, c),
            text_count(counters->forgotten, d));
}

void cache_print(FILE *stream, const struct result_run *run, const struct result_phase *phase) {
    static const char *const heads[] = {"owner_hops", "mean", "p1", "p50", "p99", "operations"};
    static const double quantiles[] = {0.01, 0.5, 0.99};
    struct text_grid grid = {.left = {true}};
    char a[TEXT_NUMBER_SIZE];
    if (run->options->cache == 0) {
        return;
    }
    text_grid_row(&grid);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        text_grid_cell(&grid, "%s", heads[i]);
    }
    for (unsigned shortcut = 0; shortcut < CHORD_SHORTCUT_COUNT; shortcut++) {
        const struct hops *hops = &phase->metrics.shortcut_hops[shortcut];
        if (hops->count == 0) {
            continue;
        }
        text_grid_row(&grid);
        text_grid_cell(&grid, "%s", shortcut_rows[shortcut]);
        text_grid_cell(&grid, "%s", text_decimal(hops_mean(hops), 3, a));
        for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
            text_grid_cell(&grid, "%u", hops_quantile(hops, quantiles[i]));
        }
        text_grid_cell(&grid, "%s", text_count(hops->count, a));
    }
    text_grid_print(&grid, stream, 2);
    print_counters(stream, run, &phase->cache_use);
    fputc('\n', stream);
}

/* --- the record --- */

static json_t *hops_json(const struct hops *hops) {
    struct fields fields = fields_begin();
    const bool any = hops->count > 0;
    fields_put_count(&fields, "count", true, hops->count);
    fields_put(&fields, "mean", any ? json_real(hops_mean(hops)) : json_null());
    fields_put_count(&fields, "p1", any, hops_quantile(hops, 0.01));
    fields_put_count(&fields, "p50", any, hops_quantile(hops, 0.5));
    fields_put_count(&fields, "p99", any, hops_quantile(hops, 0.99));
    uint32_t size = HOPS_MAX;
    while (size > 0 && hops->counts[size - 1] == 0) {
        size--;
    }
    json_t *histogram = json_array();
    for (uint32_t i = 0; i < size && histogram != NULL; i++) {
        if (!fields_append(histogram, json_integer((json_int_t)hops->counts[i]))) {
            histogram = NULL;
        }
    }
    fields_put(&fields, "histogram", histogram);
    return fields_finished(&fields);
}

static json_t *by_shortcut_json(const struct result_phase *phase) {
    struct fields fields = fields_begin();
    for (unsigned shortcut = 0; shortcut < CHORD_SHORTCUT_COUNT; shortcut++) {
        fields_put(&fields, shortcut_names[shortcut], hops_json(&phase->metrics.shortcut_hops[shortcut]));
    }
    return fields_finished(&fields);
}

json_t *cache_json(const struct result_run *run, const struct result_phase *phase) {
    const struct chord_cache_counters *counters = &phase->cache_use.counters;
    if (run->options->cache == 0) {
        return json_null();
    }
    struct fields fields = fields_begin();
    fields_put_count(&fields, "capacity_per_rank", true, run->options->cache);
    fields_put_count(&fields, "entry_count", true, phase->cache_use.entry_count);
    fields_put_count(&fields, "lookup_count", true, counters->lookups);
    fields_put_count(&fields, "hit_count", true, counters->hits);
    fields_put_count(&fields, "miss_count", true, counters->lookups - counters->hits);
    fields_put_count(&fields, "stale_count", true, counters->stale);
    fields_put_count(&fields, "learned_count", true, counters->learned);
    fields_put_count(&fields, "replaced_count", true, counters->replaced);
    fields_put_count(&fields, "evicted_count", true, counters->evicted);
    fields_put_count(&fields, "forgotten_count", true, counters->forgotten);
    fields_put(&fields, "owner_hops_by_shortcut", by_shortcut_json(phase));
    return fields_finished(&fields);
}
