/* What the coordinator tells nodes of the ring around them: neighbours to members, a contact to those outside. */
#ifndef CHORD_MEMBER_TELL_H
#define CHORD_MEMBER_TELL_H

#include "chord/member/coordinator.h"

/* Tells the coordinator's host. */
void chord_notify(const struct chord_coordinator *coordinator, const struct chord_notice *notice);

/* Sends a message of the coordinator's and counts it to the view change under way. */
void chord_tell(struct chord_coordinator *coordinator, struct chord_message message, struct chord_address address);

/* Predecessor and successor list to the members whose own have changed since they were told, and to those whose SETTLED is
 * awaited; with one-hop routing, to all. */
void chord_tell_neighbours(struct chord_coordinator *coordinator);

/* SPARE: "you are in no ring, this member will pass on what you can't serve". */
void chord_tell_spare(struct chord_coordinator *coordinator, struct chord_roster_entry *entry);

/* Tells those outside the ring who are to be told and can be reached, each by a contact in the present view: EXCLUDED (M8)
 * to an incarnation that was a member; SPARE to the others, and to those who were told before but had no chance to come
 * back since; and INVITE to those who shall join. */
void chord_tell_outsiders(struct chord_coordinator *coordinator);

/* SHUT or OPEN, to all ranks but the one that it is about and those that are out. */
void chord_tell_reach(struct chord_coordinator *coordinator, enum chord_message_type type, uint32_t rank);

/* To a rank that was out: which ranks are, and which aren't, itself among them. */
void chord_tell_all_reach(struct chord_coordinator *coordinator, uint32_t rank);

#endif
