#include "chord/member/detector.h"

#include <string.h>

enum chord_status chord_detector_init(struct chord_detector *detector, const struct chord_config *config,
                                      const struct chord_allocator *allocator) {
    *detector = (struct chord_detector){.config = config};
    detector->ranks = chord_allocate(allocator, config->rank_count * sizeof *detector->ranks);
    if (detector->ranks == NULL) {
        return CHORD_NO_MEMORY;
    }
    memset(detector->ranks, 0, config->rank_count * sizeof *detector->ranks);
    return CHORD_OK;
}

void chord_detector_clear(struct chord_detector *detector, const struct chord_allocator *allocator) {
    chord_free(allocator, detector->ranks);
    detector->ranks = NULL;
}

void chord_detector_start(struct chord_detector *detector, uint64_t now_ticks) {
    detector->runs = detector->config->heartbeat_ticks > 0;
    detector->judged_ticks = now_ticks;
    detector->due_ticks = now_ticks;
    for (uint32_t rank = 0; rank < detector->config->rank_count; rank++) {
        detector->ranks[rank] = (struct chord_detector_rank){.heard_ticks = now_ticks};
    }
}

/* Nobody has judged for so long that what arrives now may have lain there. */
static bool is_stalled(const struct chord_detector *detector, uint64_t now_ticks) {
    return now_ticks - detector->judged_ticks > detector->config->heartbeat_ticks;
}

/* The percentile can fall only when a gap goes that is as large as it is, or when one more gap is to lie above it: then
 * somebody may be due before due_ticks. */
static void add_gap(struct chord_detector *detector, uint64_t gap, uint64_t now_ticks) {
    const bool is_full = detector->gap_count == CHORD_DETECTOR_GAPS;
    const uint64_t gone = is_full ? detector->gaps[detector->gap_next] : 0;
    detector->gaps[detector->gap_next] = gap;
    detector->gap_next = (detector->gap_next + 1) % CHORD_DETECTOR_GAPS;
    detector->gap_count += !is_full;
    if (is_full ? gone > gap && CHORD_DETECTOR_GAP_FACTOR * gone >= detector->judged_patience_ticks
                : detector->gap_count % 100 == 0) {
        detector->due_ticks = now_ticks;
    }
}

bool chord_detector_heard(struct chord_detector *detector, uint32_t rank, bool is_heartbeat, uint64_t now_ticks) {
    struct chord_detector_rank *heard = &detector->ranks[rank];
    if (!detector->runs) {
        return false;
    }
    const bool was_suspected = heard->is_suspected;
    if (is_heartbeat && !was_suspected && !is_stalled(detector, now_ticks)) {
        add_gap(detector, now_ticks - heard->heard_ticks, now_ticks);
    }
    heard->heard_ticks = now_ticks;
    heard->is_suspected = false;
    return was_suspected;
}

/* The 99th percentile: of 256 gaps there are two above it. */
static uint64_t usual_gap(const struct chord_detector *detector) {
    uint64_t largest[1 + CHORD_DETECTOR_GAPS / 100] = {0};
    const uint32_t above = detector->gap_count / 100;
    for (uint32_t i = 0; i < detector->gap_count; i++) {
        uint64_t gap = detector->gaps[i];
        for (uint32_t place = 0; place <= above; place++) {
            if (gap > largest[place]) {
                const uint64_t smaller = largest[place];
                largest[place] = gap;
                gap = smaller;
            }
        }
    }
    return largest[above];
}

uint64_t chord_detector_patience(const struct chord_detector *detector) {
    const uint64_t unusual = CHORD_DETECTOR_GAP_FACTOR * usual_gap(detector);
    return unusual > detector->config->suspicion_ticks ? unusual : detector->config->suspicion_ticks;
}

/* Time without the detector is taken out of every rank's silence. */
static void skip_own_stall(struct chord_detector *detector, uint64_t now_ticks) {
    const bool was_stalled = is_stalled(detector, now_ticks);
    const uint64_t stall = now_ticks - detector->judged_ticks;
    detector->judged_ticks = now_ticks;
    if (!was_stalled) {
        return;
    }
    for (uint32_t rank = 0; rank < detector->config->rank_count; rank++) {
        uint64_t *heard = &detector->ranks[rank].heard_ticks;
        *heard = now_ticks - *heard < stall ? now_ticks : *heard + stall;
    }
}

bool chord_detector_fail(struct chord_detector *detector, uint32_t rank) {
    if (!detector->runs || rank == detector->config->coordinator_rank || detector->ranks[rank].is_suspected) {
        return false;
    }
    detector->ranks[rank].is_suspected = true;
    return true;
}

uint32_t chord_detector_judge(struct chord_detector *detector, uint64_t now_ticks) {
    if (!detector->runs) {
        return UINT32_MAX;
    }
    skip_own_stall(detector, now_ticks);
    if (now_ticks < detector->due_ticks) {
        return UINT32_MAX;
    }
    const uint64_t patience = chord_detector_patience(detector);
    detector->judged_patience_ticks = patience;
    detector->due_ticks = now_ticks + patience;
    for (uint32_t rank = 0; rank < detector->config->rank_count; rank++) {
        struct chord_detector_rank *judged = &detector->ranks[rank];
        if (judged->is_suspected || rank == detector->config->coordinator_rank) {
            continue;
        }
        const uint64_t due = judged->heard_ticks + patience;
        if (due <= now_ticks) {
            judged->is_suspected = true;
            detector->due_ticks = now_ticks; /* there may be others */
            return rank;
        }
        detector->due_ticks = due < detector->due_ticks ? due : detector->due_ticks;
    }
    return UINT32_MAX;
}

uint64_t chord_detector_deadline(const struct chord_detector *detector) {
    if (!detector->runs) {
        return UINT64_MAX;
    }
    /* Often enough for its own stalls to be told from silence. */
    const uint64_t next = detector->judged_ticks + (detector->config->heartbeat_ticks + 1) / 2;
    return detector->due_ticks < next ? detector->due_ticks : next;
}
