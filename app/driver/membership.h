/* Nodes that join and depart on a person's word: asks the coordinator, and waits until the change is committed and routing
 * is ideal again. The coordinator's notices come from the driver, which keeps the ring (ring.h) by them; here is only what
 * is waited for and what it cost. On rank 0 only. */
#ifndef APP_DRIVER_MEMBERSHIP_H
#define APP_DRIVER_MEMBERSHIP_H

#include "app/driver/commander.h"
#include "chord/wire/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum membership_result {
    MEMBERSHIP_CHANGED,
    MEMBERSHIP_REFUSED, /* nothing was changed; the reason says why */
    MEMBERSHIP_STUCK    /* the commander has given up */
};

/* A zeroed struct waits for nothing. */
struct membership {
    bool waiting;
    enum chord_command what;
    struct chord_address node; /* all nodes of the rank: CHORD_ALL_NODES */
    uint32_t node_count;       /* that were asked for */
    uint32_t missing_count;    /* of these, not in the ring, or out of it, yet */
    uint32_t cancelled_count;  /* of these, whose departure is off (C9) */
    uint32_t change_count;     /* commits: nodes of one rank may come with one change or with several */
    struct chord_change sum;   /* over the commits: the newest epoch, the longest wedge, all else added; members is NULL */
    bool is_settled;           /* `settled` is that of the newest epoch */
    struct chord_settled settled;
};

/* Has a node, or all virtual_node_count nodes of a rank (all or none), join or depart and waits for the end of it. The
 * costs are in *membership; *reason, one line in static storage, says why it was refused. */
CHORD_MUST_CHECK enum membership_result membership_change(struct membership *membership, struct commander *commander,
                                                          enum chord_command what, struct chord_address node,
                                                          uint32_t virtual_node_count, const char **reason);

/* What the coordinator tells; ignored unless somebody waits for it. */
void membership_notice(struct membership *membership, const struct chord_notice *notice);

#endif
