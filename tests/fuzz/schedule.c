/* Any bytes as events of the command line, and as a schedule's file: what is accepted says the same again when its own text
 * is read, comes out in order and all of it; what is refused is told in one line. Ways to crash and lengths of time, too. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

#include "app/options/duration.h"
#include "app/schedule/schedule.h"

static bool same_event(const struct schedule_event *a, const struct schedule_event *b) {
    return a->phase_kind == b->phase_kind && a->trigger == b->trigger && a->at == b->at && a->what == b->what &&
           a->crash.kind == b->crash.kind && a->crash.pause_ns == b->crash.pause_ns && strcmp(a->text, b->text) == 0 &&
           strcmp(a->node, b->node) == 0 && a->names_rank == b->names_rank;
}

/* An accepted event's text, given alone, is the same event. */
static void read_again(const struct schedule_event *event) {
    struct schedule schedule = {0};
    char error[SCHEDULE_ERROR_SIZE];
    FUZZ_REQUIRE(schedule_add(&schedule, event->text, strlen(event->text), error));
    FUZZ_REQUIRE(schedule.event_count == 1 && same_event(&schedule.events[0], event));
    schedule_clear(&schedule);
}

/* Every second name is known. */
static bool look_up(void *context, const char *name, struct chord_address *address) {
    (void)context;
    *address = (struct chord_address){.rank = (uint32_t)strlen(name) % 4};
    return name[0] % 2 == 0;
}

static void carry_out(struct schedule *schedule, const struct schedule_run *run, size_t event_count) {
    size_t taken = 0;
    for (uint32_t phase = 0; phase < run->phase_count; phase++) {
        schedule_begin(schedule, phase);
        uint64_t last_ns = 0;
        for (uint64_t next = schedule_next_ns(schedule); next != UINT64_MAX; next = schedule_next_ns(schedule)) {
            FUZZ_REQUIRE(next >= last_ns && next <= SCHEDULE_SECONDS_MAX * UINT64_C(1000000000));
            const struct schedule_event *event = schedule_next_due(schedule, next, 0);
            FUZZ_REQUIRE(event != NULL && event->phase_index == phase && event->at <= next);
            last_ns = next;
            taken++;
        }
        for (const struct schedule_event *event; (event = schedule_next_left(schedule)) != NULL;) {
            FUZZ_REQUIRE(event->trigger == SCHEDULE_AT_COUNT && event->at < run->phases[phase].operation_count);
            taken++;
        }
    }
    FUZZ_REQUIRE(taken == event_count);
}

static void use(struct schedule *schedule, unsigned choices) {
    const struct schedule_phase phases[] = {{.type = 0, .operation_count = 1000},
                                            {.type = 3, .operation_count = UINT64_C(1) << 40},
                                            {.type = 1, .operation_count = 20000}};
    const struct schedule_run run = {.phases = phases,
                                     .phase_count = 1 + choices % 3,
                                     .rank_count = 1 + choices / 4 % 8,
                                     .kill_refusal = choices & 128 ? "no rank may be killed here" : NULL};
    char error[SCHEDULE_ERROR_SIZE];
    const size_t count = schedule->event_count;
    if (!schedule_prepare(schedule, &run, error)) {
        fuzz_require_one_line(error, sizeof error);
        return;
    }
    carry_out(schedule, &run, count);
    if (!schedule_resolve(schedule, look_up, NULL, error)) {
        fuzz_require_one_line(error, sizeof error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes bytes = {.at = data, .left = size};
    const unsigned choices = fuzz_take8(&bytes);
    const char *text = (const char *)bytes.at;
    struct schedule schedule = {0};
    char error[SCHEDULE_ERROR_SIZE];
    bool good;
    if (choices & 64) {
        good = schedule_read(&schedule, fuzz_file(text, bytes.left), error);
    } else {
        good = schedule_add(&schedule, text, bytes.left, error);
    }
    if (!good) {
        fuzz_require_one_line(error, sizeof error);
    } else {
        for (size_t i = 0; i < schedule.event_count; i++) {
            read_again(&schedule.events[i]);
        }
        use(&schedule, choices);
    }
    schedule_clear(&schedule);

    uint64_t ns = 0;
    if (duration_parse(text, bytes.left, UINT64_MAX / 10 - 1, &ns) == DURATION_OK) {
        FUZZ_REQUIRE(ns <= UINT64_MAX / 10 - 1);
    }
    struct crash crash;
    char reason[CRASH_REASON_SIZE];
    if (crash_parse(text, bytes.left, &crash, reason)) {
        FUZZ_REQUIRE(crash.kind < CRASH_KIND_COUNT && (crash.kind == CRASH_PAUSE) == (crash.pause_ns > 0));
        FUZZ_REQUIRE(crash.pause_ns <= CRASH_PAUSE_NS_MAX);
    } else {
        fuzz_require_one_line(reason, sizeof reason);
    }
    return 0;
}
