#include "app/driver/faults.h"

#include "app/driver/grown.h"
#include "chord/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of the phase before a fault and after its end the throughput is told for. */
#define BEFORE_NS UINT64_C(500000000)
#define AFTER_NS UINT64_C(1000000000)

enum chord_status faults_init(struct faults *faults, uint32_t rank_count) {
    faults->rank_count = rank_count;
    faults->ranks = calloc(rank_count, sizeof *faults->ranks);
    return faults->ranks == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

static void forget_told(struct faults *faults) {
    for (size_t i = 0; i < faults->told_count; i++) {
        free(faults->told[i].throughputs);
    }
    free(faults->told);
    faults->told = NULL;
    faults->told_count = 0;
}

void faults_clear(struct faults *faults) {
    forget_told(faults);
    free(faults->ranks);
    free(faults->items);
    free(faults->losses);
    *faults = (struct faults){0};
}

void faults_begin(struct faults *faults) {
    forget_told(faults);
    faults->count = 0;
    faults->loss_count = 0;
    faults->start_ns = RESULT_NEVER;
}

void faults_start(struct faults *faults, uint64_t start_ns) {
    for (size_t i = 0; i < faults->count; i++) {
        struct result_fault *item = &faults->items[i];
        item->origin_ns = item->origin_ns == RESULT_NEVER ? start_ns : item->origin_ns;
    }
    faults->start_ns = start_ns;
}

/* --- what is done to ranks --- */

static struct result_fault *add_item(struct faults *faults, uint32_t rank) {
    faults->items = grown(faults->items, &faults->capacity, faults->count + 1, sizeof *faults->items);
    struct result_fault *item = &faults->items[faults->count++];
    *item = (struct result_fault){.rank = rank,
                                  .origin_ns = faults->start_ns,
                                  .injected_ns = RESULT_NEVER,
                                  .heard_last_ns = RESULT_NEVER,
                                  .detected_ns = RESULT_NEVER,
                                  .committed_ns = RESULT_NEVER,
                                  .heard_again_ns = RESULT_NEVER,
                                  .rejoined_ns = RESULT_NEVER};
    return item;
}

static struct result_fault *add_ours(struct faults *faults, uint32_t rank, const struct crash *crash, uint64_t now_ns,
                                     const char *trigger) {
    struct result_fault *item = add_item(faults, rank);
    item->is_ours = true;
    item->crash = *crash;
    item->injected_ns = now_ns;
    (void)snprintf(item->trigger, sizeof item->trigger, "%s", trigger);
    return item;
}

const char *faults_refusal(const struct faults *faults, uint32_t rank) {
    return faults->ranks[rank].is_down ? "the rank has crashed already" : NULL;
}

void faults_inject(struct faults *faults, uint32_t rank, const struct crash *crash, uint64_t now_ns, const char *trigger) {
    (void)add_ours(faults, rank, crash, now_ns, trigger);
    faults->ranks[rank].is_down |= crash->kind != CRASH_PAUSE;
}

void faults_refuse(struct faults *faults, uint32_t rank, const struct crash *crash, uint64_t now_ns, const char *trigger,
                   const char *reason) {
    struct result_fault *item = add_ours(faults, rank, crash, now_ns, trigger);
    item->refused = true;
    (void)snprintf(item->reason, sizeof item->reason, "%s", reason);
}

/* --- what is told of them --- */

/* The newest fault of a rank; NULL if there is none. */
static struct result_fault *newest_of(const struct faults *faults, uint32_t rank) {
    for (size_t i = faults->count; i-- > 0;) {
        if (faults->items[i].rank == rank && !faults->items[i].refused) {
            return &faults->items[i];
        }
    }
    return NULL;
}

const struct result_fault *faults_find(const struct faults *faults, uint32_t rank) {
    return newest_of(faults, rank);
}

bool faults_is_living(const struct faults *faults, uint32_t rank) {
    return !faults->ranks[rank].is_down && !faults->ranks[rank].is_suspected;
}

static uint64_t sum_of(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Whether a rank that was heard at this time can't have been in this fault any more. */
static bool is_over(const struct result_fault *item, uint64_t heard_ns) {
    return item->is_ours && item->crash.kind == CRASH_PAUSE &&
           heard_ns >= sum_of(item->injected_ns, item->crash.pause_ns);
}

static void note_suspected(struct faults *faults, const struct chord_suspicion *suspicion) {
    struct result_fault *item = newest_of(faults, suspicion->rank);
    if (item == NULL || item->detected_ns != RESULT_NEVER || item->committed_ns != RESULT_NEVER ||
        is_over(item, suspicion->heard_ticks)) {
        item = add_item(faults, suspicion->rank);
    }
    item->heard_last_ns = suspicion->heard_ticks;
    item->detected_ns = suspicion->judged_ticks;
    faults->ranks[suspicion->rank].is_suspected = true;
}

static void note_heard(struct faults *faults, const struct chord_suspicion *suspicion) {
    struct result_fault *item = newest_of(faults, suspicion->rank);
    faults->ranks[suspicion->rank].is_suspected = false;
    if (item != NULL && item->detected_ns != RESULT_NEVER && item->heard_again_ns == RESULT_NEVER) {
        item->heard_again_ns = suspicion->judged_ticks;
    }
}

/* How many nodes of the rank the change has taken in or left out. */
static uint32_t count_members(const struct chord_change *change, enum chord_command what, uint32_t rank) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < change->member_count; i++) {
        count += change->members[i].what == what && change->members[i].member.address.rank == rank;
    }
    return count;
}

static void add_change(struct result_fault *item, const struct chord_change *change, uint32_t node_count, bool is_last) {
    item->epoch = change->epoch;
    item->attempt_count += change->attempt_count;
    item->excluded_node_count += node_count;
    item->pair_count += change->pair_count;
    item->pair_bytes += change->pair_bytes;
    item->wedged_ns_max =
        change->wedged_ticks_max > item->wedged_ns_max ? change->wedged_ticks_max : item->wedged_ns_max;
    if (is_last) {
        item->committed_ns = change->ended_ticks;
    }
}

static void note_excluded(struct faults *faults, uint32_t rank, const struct chord_change *change, uint32_t node_count) {
    const bool is_last = ring_rank_member_count(faults->ring, rank) == 0;
    struct result_fault *newest = newest_of(faults, rank);
    if (newest == NULL || newest->committed_ns != RESULT_NEVER) {
        newest = add_item(faults, rank);
        newest->heard_last_ns = change->started_ticks; /* nobody suspected it: all that is known */
    }
    for (size_t i = 0; i < faults->count; i++) {
        struct result_fault *item = &faults->items[i];
        const bool is_suspected = item->detected_ns != RESULT_NEVER && item->heard_again_ns == RESULT_NEVER;
        if (item->rank == rank && !item->refused && item->committed_ns == RESULT_NEVER &&
            (item == newest || is_suspected)) {
            add_change(item, change, node_count, is_last);
        }
    }
}

static void note_joined(struct faults *faults, uint32_t rank, const struct chord_change *change, uint32_t node_count) {
    struct result_fault *item = newest_of(faults, rank);
    if (item == NULL || item->committed_ns == RESULT_NEVER || item->rejoined_ns != RESULT_NEVER) {
        return;
    }
    item->rejoined_node_count += node_count;
    if (item->rejoined_node_count >= item->excluded_node_count) {
        item->rejoined_ns = change->ended_ticks;
    }
}

static void note_changed(struct faults *faults, const struct chord_change *change) {
    for (uint32_t rank = 0; rank < faults->rank_count && change->member_count > 0; rank++) {
        const uint32_t excluded_count = count_members(change, CHORD_COMMAND_EXCLUDE, rank);
        const uint32_t joined_count = count_members(change, CHORD_COMMAND_JOIN, rank);
        if (excluded_count > 0) {
            note_excluded(faults, rank, change, excluded_count);
        }
        if (joined_count > 0) {
            note_joined(faults, rank, change, joined_count);
        }
    }
}

static void note_lost(struct faults *faults, const struct chord_loss *loss) {
    faults->losses = grown(faults->losses, &faults->loss_capacity, faults->loss_count + 1, sizeof *faults->losses);
    faults->losses[faults->loss_count++] = *loss;
}

void faults_notice(struct faults *faults, const struct chord_notice *notice) {
    switch (notice->kind) {
    case CHORD_NOTICE_SUSPECTED:
        if (notice->suspicion.rank < faults->rank_count) {
            note_suspected(faults, &notice->suspicion);
        }
        return;
    case CHORD_NOTICE_HEARD:
        if (notice->suspicion.rank < faults->rank_count) {
            note_heard(faults, &notice->suspicion);
        }
        return;
    case CHORD_NOTICE_CHANGED:
        note_changed(faults, &notice->change);
        return;
    case CHORD_NOTICE_LOST:
        note_lost(faults, &notice->loss);
        return;
    case CHORD_NOTICE_FORMED:
    case CHORD_NOTICE_DUPLICATE_ID:
    case CHORD_NOTICE_SETTLED:
    case CHORD_NOTICE_CANCELLED:
    case CHORD_NOTICE_SHUT:
    case CHORD_NOTICE_OPENED:
        return;
    }
}

/* --- figures --- */

/* When the rank failed, as well as that is known. */
static uint64_t began_at(const struct result_fault *item) {
    return item->is_ours ? item->injected_ns : item->heard_last_ns;
}

struct impact_window faults_window(const struct faults *faults, size_t index, uint64_t end_ns) {
    const struct result_fault *item = &faults->items[index];
    struct impact_window window = {.from_ns = began_at(item), .to_ns = end_ns};
    if (item->committed_ns != RESULT_NEVER) {
        window.to_ns = item->committed_ns;
    } else if (item->heard_again_ns != RESULT_NEVER) {
        window.to_ns = item->heard_again_ns;
    } else if (is_over(item, end_ns)) {
        window.to_ns = sum_of(item->injected_ns, item->crash.pause_ns);
    }
    window.to_ns = window.to_ns < window.from_ns ? window.from_ns : window.to_ns;
    return window;
}

static uint64_t since(uint64_t at_ns, uint64_t start_ns) {
    return at_ns == RESULT_NEVER ? RESULT_NEVER : at_ns > start_ns ? at_ns - start_ns : 0;
}

static void move_times(struct result_fault *item) {
    const uint64_t start_ns = item->origin_ns;
    item->injected_ns = since(item->injected_ns, start_ns);
    item->heard_last_ns = since(item->heard_last_ns, start_ns);
    item->detected_ns = since(item->detected_ns, start_ns);
    item->committed_ns = since(item->committed_ns, start_ns);
    item->heard_again_ns = since(item->heard_again_ns, start_ns);
    item->rejoined_ns = since(item->rejoined_ns, start_ns);
}

/* The throughput around a fault that operations felt in `window`, of the phase's time. */
static void measure_throughput(struct result_fault *item, const struct impact_window *window,
                               const struct result_phase *phase) {
    const uint64_t from_ns = window->from_ns > BEFORE_NS ? window->from_ns - BEFORE_NS : 0;
    const uint64_t after_ns = sum_of(window->to_ns, AFTER_NS);
    const uint64_t to_ns = after_ns < phase->elapsed_ns ? after_ns : phase->elapsed_ns;
    item->throughput_start_ns = from_ns;
    if (to_ns <= from_ns) { /* it came after the phase's last answer */
        return;
    }
    const uint64_t slices = (to_ns - from_ns + RESULT_FAULT_SLICE_NS - 1) / RESULT_FAULT_SLICE_NS;
    item->throughput_count = slices < RESULT_FAULT_SLICES_MAX ? (uint32_t)slices : RESULT_FAULT_SLICES_MAX;
    item->throughputs = calloc(item->throughput_count, sizeof *item->throughputs);
    chord_check(item->throughputs != NULL);
    for (uint32_t i = 0; i < item->throughput_count; i++) {
        const uint64_t begin_ns = from_ns + i * RESULT_FAULT_SLICE_NS;
        const uint64_t end_ns = begin_ns + RESULT_FAULT_SLICE_NS;
        item->throughputs[i] =
            timeline_throughput_per_second(&phase->timeline, begin_ns, end_ns < to_ns ? end_ns : to_ns);
    }
}

static int compare_items(const void *a, const void *b) {
    const struct result_fault *first = a;
    const struct result_fault *second = b;
    const uint64_t first_ns = began_at(first);
    const uint64_t second_ns = began_at(second);
    if (first_ns != second_ns) {
        return first_ns < second_ns ? -1 : 1;
    }
    return (first->rank > second->rank) - (first->rank < second->rank);
}

void faults_measure(struct faults *faults, struct result_phase *phase) {
    forget_told(faults);
    faults->told = calloc(faults->count + 1, sizeof *faults->told);
    chord_check(faults->told != NULL);
    faults->told_count = faults->count;
    for (size_t i = 0; i < faults->count; i++) {
        struct result_fault *item = &faults->told[i];
        *item = faults->items[i];
        if (!item->refused) {
            struct impact_window window = faults_window(faults, i, item->origin_ns + phase->elapsed_ns);
            window.from_ns = since(window.from_ns, item->origin_ns);
            window.to_ns = since(window.to_ns, item->origin_ns);
            measure_throughput(item, &window, phase);
        }
        move_times(item);
    }
    qsort(faults->told, faults->told_count, sizeof *faults->told, compare_items);
    phase->faults = faults->told;
    phase->fault_count = (uint32_t)faults->told_count;
    phase->losses = faults->losses;
    phase->loss_count = (uint32_t)faults->loss_count;
}
