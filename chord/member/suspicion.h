/* What the coordinator does about ranks that are silent, and when they are heard again: rules C3 and C8, and who is out. It also
 * implements chord_coordinator_heard, _drained and _banish. */
#ifndef CHORD_MEMBER_SUSPICION_H
#define CHORD_MEMBER_SUSPICION_H

#include "chord/member/coordinator.h"

/* Excludes the suspected nodes that C8 allows to, and begins anew (C2) if that was anybody. CHORD_NO_MEMORY: the coordinator is of
 * no use any more. */
CHORD_MUST_CHECK enum chord_status chord_suspicion_judge(struct chord_coordinator *coordinator, uint64_t now_ticks);

/* Shuts the suspected ranks that have no node in the ring any more, and notes who needs another contact. */
void chord_suspicion_shut_silent(struct chord_coordinator *coordinator);

#endif
