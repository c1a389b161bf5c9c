/* The coordinator's failure detector. It knows ranks and times, and nothing else: who is silent for longer than
 * usual is suspected, whether that is right or not; safety never depends on it.
 *
 * Every message of a rank says that it lives, and each rank sends a heartbeat when a while has passed. A rank is
 * suspected when nothing was heard of it for max(T0, 8 x the 99th percentile of the gaps), a gap being the time
 * between a heartbeat and what was heard before it, of any rank, one of the last CHORD_DETECTOR_GAPS ones. On a
 * loaded machine gaps grow, and with them the patience.
 *
 * The detector's own rank may have been stopped itself, or have been busy: messages that came meanwhile are no
 * silence. So its host judges only when it has taken in all that has arrived, and time in which nobody judged for
 * longer than a heartbeat doesn't count: not as silence, and what is heard at its end makes no gaps, or a stall
 * would multiply the patience. */
#ifndef CHORD_MEMBER_DETECTOR_H
#define CHORD_MEMBER_DETECTOR_H

#include "chord/base/allocator.h"
#include "chord/base/status.h"
#include "chord/wire/config.h"

#include <stdbool.h>
#include <stdint.h>

#define CHORD_DETECTOR_GAPS 256u
#define CHORD_DETECTOR_GAP_FACTOR 8u

struct chord_detector_rank {
    uint64_t heard_ticks;
    bool is_suspected;
};

struct chord_detector {
    const struct chord_config *config; /* borrowed */
    struct chord_detector_rank *ranks; /* owned; rank_count of them */
    bool runs;
    uint64_t gaps[CHORD_DETECTOR_GAPS]; /* the newest, in a circle */
    uint32_t gap_count;
    uint32_t gap_next;
    uint64_t judged_ticks;          /* when the detector judged last */
    uint64_t judged_patience_ticks; /* by which it computed due_ticks */
    uint64_t due_ticks;             /* nobody can be suspected before */
};

/* One that doesn't run. config is borrowed for its life. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status chord_detector_init(struct chord_detector *detector,
                                                       const struct chord_config *config,
                                                       const struct chord_allocator *allocator);
void chord_detector_clear(struct chord_detector *detector, const struct chord_allocator *allocator);

/* The ring is formed: all ranks have just been heard. Without effect if the configuration wants no detector. */
void chord_detector_start(struct chord_detector *detector, uint64_t now_ticks);

/* Something of a rank has arrived. Returns whether it was suspected; now it isn't any more. */
bool chord_detector_heard(struct chord_detector *detector, uint32_t rank, bool is_heartbeat, uint64_t now_ticks);

/* The rank is known to be dead: it is suspected from now on. Returns whether it wasn't before. */
bool chord_detector_fail(struct chord_detector *detector, uint32_t rank);

/* All that has arrived was taken in. Returns a rank to be suspected, which is from now on, or UINT32_MAX: to be called
 * until then. */
uint32_t chord_detector_judge(struct chord_detector *detector, uint64_t now_ticks);

/* When it wants to judge next; UINT64_MAX if it doesn't run. */
uint64_t chord_detector_deadline(const struct chord_detector *detector);

/* The silence after which a rank is suspected at present, in ticks. */
uint64_t chord_detector_patience(const struct chord_detector *detector);

#endif
