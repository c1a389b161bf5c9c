/* What lost ranks leave behind, in rank 0's hands: what their clients did, and what their judges knew.
 *
 * A client's operations are read from its history file, which outlives it (verdict/evidence.h). Out of reach, every operation
 * that the rank was given is unknown: it may have happened, at any time since the phase began.
 *
 * A judge's knowledge of the phases that were judged before is what COMMAND_KEEP gave away after the last of them. A judge
 * that is lost while it judges takes its share with it; that phase can't be judged. */
#ifndef APP_DRIVER_LEGACY_H
#define APP_DRIVER_LEGACY_H

#include "app/driver/commander.h"
#include "app/driver/loader.h"
#include "app/driver/witness.h"
#include "app/verdict/evidence.h"

struct legacy {
    struct commander *commander;     /* borrowed */
    struct witness *witness;         /* borrowed; rank 0's */
    const struct evidence *evidence; /* borrowed; nobody's if histories aren't kept */
    uint32_t rank_count;

    /* Judges: by rank. */
    unsigned char **kept; /* owned; NULL: nothing was kept yet */
    size_t *kept_size;
    bool *is_taken_over; /* owned; rank 0 judges what it judged */

    /* The phase that runs. */
    struct loader_plan plan;
    uint64_t start_ns; /* no operation is older */
    bool *is_lost;     /* owned; by rank: when the phase was loaded; then it was given nothing */
    uint64_t *loaded;  /* owned; by rank: operations that it was given */
    uint64_t *issued;  /* owned; by rank: operations that were issued when it ended its last segment */
    uint64_t *judged;  /* owned; by rank: of the phase, those that were judged with an earlier segment; UINT64_MAX: all */
    bool *is_counted;  /* owned; by rank: it has told what it counted in this segment */
    uint64_t *left_out; /* owned; by rank: operations that it has told, if it has, will never be issued */
    bool *has_testified; /* owned; by rank */
};

/* What lost clients did in a phase, as far as it is known. */
struct legacy_counts {
    uint64_t outcomes[CHORD_OPERATION_KIND_COUNT][CHORD_OUTCOME_COUNT];
    uint64_t issued;
    uint64_t not_issued;
};

/* The borrowed fields are set. CHORD_NO_MEMORY: to be cleared all the same. */
CHORD_MUST_CHECK enum chord_status legacy_init(struct legacy *legacy);
void legacy_clear(struct legacy *legacy);

/* The ring begins anew: what judges knew is of no use. */
void legacy_reset(struct legacy *legacy);

/* The operations of the last phase are forgotten, those of a person's at the prompt follow, or a phase is loaded. */
void legacy_forget(struct legacy *legacy);

/* A phase is about to be loaded: plan->is_lost is set to who is lost now. */
void legacy_begin(struct legacy *legacy, struct loader_plan *plan);

/* Has every judge's knowledge brought to rank 0, since another phase follows. False if the run is stuck. */
CHORD_MUST_CHECK bool legacy_keep(struct legacy *legacy);

/* Takes a record of a lost client's operation, on rank 0's clock, and the line that it was; of a generated operation the line
 * has the kind alone. */
typedef void legacy_take(void *context, const struct history_record *record, const struct workload_line *line);

/* Once more, for a lost rank that had operations in the phase, all that legacy_testify told of it. False: the workload file has
 * changed, and error says so. */
CHORD_MUST_CHECK bool legacy_tell(struct legacy *legacy, uint32_t rank, legacy_take *take, void *context, char *error);

/* Whether a rank that is lost had operations in the phase that weren't judged with an earlier segment, as far as known. */
static inline bool legacy_had_operations(const struct legacy *legacy, uint32_t rank) {
    const bool knows_count = legacy->plan.path != NULL; /* generated operations may be more than was known */
    return legacy->commander->is_lost[rank] && legacy->loaded[rank] > 0 && legacy->judged[rank] != UINT64_MAX &&
           (!knows_count || legacy->loaded[rank] > legacy->judged[rank]);
}

/* Whether a record of a lost rank's client was judged with an earlier segment. */
static inline bool legacy_is_judged(const struct legacy *legacy, const struct history_record *record) {
    return record->index < legacy->judged[record->client_rank];
}

/* A rank has told what it counted in this segment, and that it will never issue so many of its operations, since its client is
 * stuck (client.h): by how many those are more than it told with an earlier segment. */
int64_t legacy_counted(struct legacy *legacy, uint32_t rank, uint64_t left_out);

/* A segment was judged, and told: what was in it is never asked for again. */
void legacy_pass(struct legacy *legacy);

/* Before a segment is judged, and again whenever ranks are lost until then: gives rank 0's witness what the clients of lost
 * ranks did, once, adding it to *counts, and what their judges knew. False: the phase can't be judged, and error, of
 * WORKLOAD_ERROR_SIZE bytes, says why. */
CHORD_MUST_CHECK bool legacy_testify(struct legacy *legacy, struct legacy_counts *counts, char *error);

#endif
