/* What the coordinator tells nodes of the ring around them: neighbours to members, a contact to those outside. */
#ifndef CHORD_MEMBER_TELL_H
#define CHORD_MEMBER_TELL_H

#include "chord/member/coordinator.h"

/* Sends a message of the coordinator's and counts it to the view change under way. */
void chord_tell(struct chord_coordinator *coordinator, struct chord_message message, struct chord_address address);

/* Predecessor and successor list to the members whose own have changed since they were told, and to those whose SETTLED is
 * awaited; with one-hop routing, to all. */
void chord_tell_neighbours(struct chord_coordinator *coordinator);

/* SPARE: "you are in no ring, this member will pass on what you can't serve". */
void chord_tell_spare(struct chord_coordinator *coordinator, struct chord_roster_entry *entry);

/* EXCLUDED (M8), to an incarnation that was; one that was leaving anyway is a spare from now on. */
void chord_tell_excluded(struct chord_coordinator *coordinator, struct chord_roster_entry *entry);

#endif
