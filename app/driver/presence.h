/* Which ranks rank 0's driver still counts on. The failure detector suspects a rank and may be wrong; the driver has to decide
 * whether to go on waiting for one that may come back. It doesn't wait for one whose process is known to be gone, or was
 * silenced on purpose; for one that may have been stopped it waits a while, and then never again: the rank is LOST, its
 * client's operations are unknown or were never issued, and if it comes back all the same it stays out.
 *
 * Pure logic: times are passed in, and whether a process lives is asked of a function. */
#ifndef APP_DRIVER_PRESENCE_H
#define APP_DRIVER_PRESENCE_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* How long a suspected rank that may live is waited for. */
#define PRESENCE_GRACE_NS UINT64_C(10000000000)

enum presence_state {
    PRESENCE_HERE,
    PRESENCE_SUSPECTED, /* silent: it may come back */
    PRESENCE_LOST       /* nobody waits for it any more */
};

struct presence_rank {
    enum presence_state state;
    bool is_doomed;         /* it was killed or silenced on purpose: it won't come back */
    uint64_t back_ns;       /* it was stopped on purpose and goes on then; 0: it wasn't */
    uint64_t suspected_ns;
};

/* Whether a rank's process is known to be gone. */
typedef bool presence_is_gone(void *context, uint32_t rank);

struct presence {
    struct presence_rank *ranks; /* owned */
    uint32_t rank_count;
    uint32_t suspected_count;
    uint32_t lost_count;
    presence_is_gone *is_gone;
    void *context; /* borrowed */
};

/* All are here. CHORD_NO_MEMORY. */
CHORD_MUST_CHECK enum chord_status presence_init(struct presence *presence, uint32_t rank_count,
                                                 presence_is_gone *is_gone, void *context);
void presence_clear(struct presence *presence);

/* The detector's words. */
void presence_suspect(struct presence *presence, uint32_t rank, uint64_t now_ns);
void presence_hear(struct presence *presence, uint32_t rank);

/* What is done to a rank on purpose. */
void presence_doom(struct presence *presence, uint32_t rank);
void presence_pause(struct presence *presence, uint32_t rank, uint64_t back_ns);

/* A rank that is LOST from now on, or UINT32_MAX: to be called until then. */
uint32_t presence_judge(struct presence *presence, uint64_t now_ns);

static inline bool presence_is_lost(const struct presence *presence, uint32_t rank) {
    return presence->ranks[rank].state == PRESENCE_LOST;
}

/* Whether any rank is suspected or lost. */
static inline bool presence_is_impaired(const struct presence *presence) {
    return presence->suspected_count + presence->lost_count > 0;
}

#endif
