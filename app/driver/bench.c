#include "app/driver/bench.h"

#include "app/driver/driver_state.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct result_generated generated;
    struct action_metrics actions[MIX_ACTION_COUNT];
    struct histogram lag;
    uint32_t action;       /* that is asked for */
    uint64_t *loaded;      /* borrowed, during bench_load */
    bool may_lack_records; /* an insert of the load was given up */
};

struct bench *bench_create(void) {
    return calloc(1, sizeof(struct bench));
}

void bench_destroy(struct bench *bench) {
    free(bench);
}

/* --- what each rank makes --- */

static uint64_t share_of(uint64_t count, uint32_t part, uint32_t part_count) {
    return count / part_count + (part < count % part_count);
}

static bool warms_up(const struct driver_file *file) {
    return file->type == OPTIONS_PHASE_MIX && file->repetition == 0;
}

/* What all ranks make together. */
static struct result_generated describe(const struct options *options, const struct driver_file *file) {
    struct result_generated told = {.loads = file->type == OPTIONS_PHASE_INSERT,
                                    .workload = options->has_shares ? NULL : mix_workload_name(options->workload),
                                    .mix = options->mix,
                                    .distribution = options->distribution,
                                    .record_count = options->records,
                                    .operation_count = options->records,
                                    .key_size = options->key_size,
                                    .value_size = options->value_size};
    if (told.loads) {
        return told;
    }
    told.rate = options->rate;
    if (warms_up(file)) {
        told.time_ns = options->warmup_ns;
        told.operation_count = options->warmup_ns > 0 ? OPTIONS_OPERATIONS_UNBOUNDED : options->warmup_operations;
    } else {
        told.time_ns = options->time_ns;
        told.operation_count = options->operations;
    }
    return told;
}

/* part: of the ranks that are not lost, this is the part-th. */
static struct control_generate plan_of(const struct result_generated *told, const struct driver_file *file, uint64_t seed,
                                       uint32_t part, uint32_t part_count) {
    struct control_generate plan = {.mix = told->mix,
                                    .distribution = told->distribution,
                                    .key_size = told->key_size,
                                    .value_size = told->value_size,
                                    .stream = (uint32_t)file->stream,
                                    .loads = told->loads,
                                    .seed = seed,
                                    .record_count = told->record_count,
                                    .load_first = part,
                                    .load_stride = part_count,
                                    .operation_count = OPTIONS_OPERATIONS_UNBOUNDED,
                                    .duration_ns = told->time_ns};
    if (told->operation_count != OPTIONS_OPERATIONS_UNBOUNDED) {
        plan.operation_count = share_of(told->operation_count, part, part_count);
    }
    if (told->rate > 0) { /* ranks take turns, so that what is due is spread evenly */
        plan.interval_ns = 1e9 * part_count / (double)told->rate;
        plan.first_due_ns = (uint64_t)(plan.interval_ns * part / part_count);
    }
    return plan;
}

static void on_generated(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct driver *driver = context;
    uint64_t count;
    chord_check(size == sizeof count);
    memcpy(&count, bytes, sizeof count);
    driver->bench->loaded[from_rank] = count;
}

bool bench_load(struct bench *bench, struct driver *driver, const struct driver_file *file, uint64_t *loaded) {
    struct commander *commander = &driver->commander;
    const struct options *options = driver->setup.options;
    const uint32_t part_count = commander->rank_count - driver->presence.lost_count;
    uint32_t part = 0;
    bench->generated = describe(options, file);
    bench->loaded = loaded;
    bench->may_lack_records = bench->may_lack_records && !bench->generated.loads;
    memset(loaded, 0, commander->rank_count * sizeof *loaded);
    commander_begin(commander, "preparing generated operations", on_generated, driver);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        if (!commander->is_lost[rank]) {
            const struct control_generate plan = plan_of(&bench->generated, file, options->seed, part++, part_count);
            commander_tell(commander, rank, COMMAND_GENERATE, &plan, sizeof plan);
        }
    }
    return commander_wait(commander);
}

/* --- what came of it --- */

static void on_action(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)from_rank;
    struct driver *driver = context;
    struct bench *bench = driver->bench;
    struct action_metrics *told = malloc(sizeof *told);
    chord_check(told != NULL && size == sizeof *told);
    memcpy(told, bytes, size);
    if (bench->action < MIX_ACTION_COUNT) {
        action_metrics_merge(&bench->actions[bench->action], told);
    } else {
        histogram_merge(&bench->lag, &told->latency_ns);
    }
    free(told);
}

bool bench_gather(struct bench *bench, struct driver *driver, struct result_phase *phase) {
    memset(bench->actions, 0, sizeof bench->actions);
    memset(&bench->lag, 0, sizeof bench->lag);
    for (bench->action = 0; bench->action <= MIX_ACTION_COUNT; bench->action++) {
        if (!driver_ask(driver, "gathering the counts of actions", COMMAND_ACTION, &bench->action, sizeof bench->action,
                        on_action)) {
            return false;
        }
    }
    bench->generated.actions = bench->actions;
    bench->generated.lag = &bench->lag;
    bench->may_lack_records |= bench->generated.loads && bench->actions[MIX_INSERT].unknown_count > 0;
    phase->generated = &bench->generated;
    return true;
}

void bench_judge(const struct bench *bench, const struct driver *driver, struct result_verdict *verdict) {
    const uint64_t absent_count = bench->actions[MIX_READ].absent_count + bench->actions[MIX_UPDATE].absent_count;
    if (bench->generated.loads || bench->generated.mix.percent[MIX_DELETE] > 0 || bench->may_lack_records ||
        driver->setup.config->consistency != CHORD_LINEARIZABLE || absent_count == 0 || !verdict->valid) {
        return;
    }
    verdict->valid = false;
    verdict->wrong_count = absent_count;
    snprintf(verdict->first_wrong, sizeof verdict->first_wrong,
             "%" PRIu64 " reads or updates found their record absent, though its insert had been acknowledged and nothing "
             "is deleted",
             absent_count);
}
