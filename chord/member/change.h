/* One view change, from the first PREPARE to the last ACTIVATE: rules C2, C4, C6 and C10 of the coordinator. When one begins, and
 * with whom, is coordinator.c's and suspicion.c's business. */
#ifndef CHORD_MEMBER_CHANGE_H
#define CHORD_MEMBER_CHANGE_H

#include "chord/member/coordinator.h"

/* C2: begins a view change, or the next attempt of the one under way, towards the members that the roster now says. If nothing
 * has to be changed it is over at once. CHORD_NO_MEMORY: the coordinator is of no use any more; so below. */
CHORD_MUST_CHECK enum chord_status chord_change_attempt(struct chord_coordinator *coordinator, uint64_t now_ticks);

/* C4: all touched have answered PREPARE, or the ring is being formed: the part gets its chain and its source. */
CHORD_MUST_CHECK enum chord_status chord_change_install(struct chord_coordinator *coordinator, struct chord_part *part);

/* C6: commits the arc (arc_start, owner's id] if all of its parts are installed and SYNCED. */
CHORD_MUST_CHECK enum chord_status chord_change_commit_arc(struct chord_coordinator *coordinator,
                                                           struct chord_id arc_start,
                                                           const struct chord_member *owner, uint64_t now_ticks);

/* Whether any part isn't committed. */
bool chord_change_is_under_way(const struct chord_coordinator *coordinator);

/* All arcs are committed: tells everybody, the host included. */
void chord_change_finish(struct chord_coordinator *coordinator, uint64_t now_ticks);

/* Tells the host once all have said SETTLED that gained something in the changes since. */
void chord_change_settle(struct chord_coordinator *coordinator, uint64_t now_ticks);

/* Notes a node's part in the change, for its figures. */
void chord_change_note(struct chord_coordinator *coordinator, enum chord_command what,
                       const struct chord_member *member);

/* Puts the chain of the arc that the view's member at `owner` owns into coordinator->scratch. Returns its length. */
uint32_t chord_change_chain_in_view(struct chord_coordinator *coordinator, uint32_t owner);

#endif
