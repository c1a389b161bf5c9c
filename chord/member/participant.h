/* A node's side of a view change: rules M1 to M8 of DESIGN section 5, a function a rule. The coordinator's side, C1 to
 * C10, is coordinator.h's business.
 *
 *     coordinator  --PREPARE(e)-->  M2: wedge; nothing of older epochs is done any more   --WEDGED(e)-->
 *                  --INSTALL(e)-->  M3: the new chain; whoever lacks the state gets it from the source (M4)
 *                                                                                         --SYNCED(e)-->
 *                  --ACTIVATE(e)->  M6: parts become arcs again, the head admits; what waited goes on
 *                  --DROP(e)----->  M8: the data is with others now
 *
 * A part is named by its end and has exactly the bounds that the coordinator says: channels are FIFO, so that a node cuts
 * and merges in the coordinator's order. */
#ifndef CHORD_MEMBER_PARTICIPANT_H
#define CHORD_MEMBER_PARTICIPANT_H

#include "chord/chain/arcs.h"
#include "chord/chain/transfer.h"

/* What became of the node's own arc at a commit. */
struct chord_commit {
    bool owns;                  /* the node is the head of the arc that was committed, */
    bool gained;                /* and was not that of its first part: of (start, gained_end] */
    struct chord_id gained_end;
    bool lost;                  /* it was the head of a part whose head is another node now: */
    struct chord_claim taken;   /* that one's */
};

/* Rule M2. CHORD_STALE: an older epoch, ignored. CHORD_UNEXPECTED: no such part can be. */
CHORD_MUST_CHECK enum chord_status chord_participant_prepare(const struct chord_replica *replica,
                                                             struct chord_arcs *arcs,
                                                             const struct chord_prepare *prepare);

/* Rule M3, and the beginning of M4 at a member that lacks the state. */
CHORD_MUST_CHECK enum chord_status chord_participant_install(const struct chord_replica *replica,
                                                             struct chord_arcs *arcs,
                                                             const struct chord_install *install);

/* Rule M4, at the receiver. */
CHORD_MUST_CHECK enum chord_status chord_participant_piece(const struct chord_replica *replica,
                                                           struct chord_arcs *arcs, struct chord_address from,
                                                           const struct chord_piece *piece);

/* Rule M6: the view change is committed for the arc (start, end]. Idempotent. */
CHORD_MUST_CHECK enum chord_status chord_participant_activate(const struct chord_replica *replica,
                                                              struct chord_arcs *arcs,
                                                              const struct chord_activate *activate,
                                                              struct chord_commit *commit);

/* An operation of the arc's new epoch has come down the chain before the coordinator's word: the head is ACTIVE, so the
 * view change is committed. Does the same. */
CHORD_MUST_CHECK enum chord_status chord_participant_infer_commit(const struct chord_replica *replica,
                                                                  struct chord_arcs *arcs, struct chord_id key_id,
                                                                  uint32_t epoch, struct chord_commit *commit);

/* Rule M8, DROP. */
CHORD_MUST_CHECK enum chord_status chord_participant_drop(const struct chord_replica *replica, struct chord_arcs *arcs,
                                                          const struct chord_activate *drop,
                                                          struct chord_commit *commit);

/* Rule M8, EXCLUDED: everything held is discarded; requests that wait go to `contact`. */
void chord_participant_wipe(const struct chord_replica *replica, struct chord_arcs *arcs,
                            struct chord_address contact);

#endif
