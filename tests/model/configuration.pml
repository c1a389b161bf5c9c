/* What a configuration may set with -D, and what it is otherwise. run.py has the configurations. */

#ifndef NODES
#define NODES 3 /* at most 4; in the order of the ring from the key on, so the lowest in the ring is the head */
#endif
#ifndef REPLICAS
#define REPLICAS 2 /* 2 or 3 */
#endif
#ifndef MEMBERS
#define MEMBERS 6 /* who is in the ring at first, one bit a node */
#endif
#ifndef JOINS
#define JOINS 1 /* joins of nodes that weren't in the ring */
#endif
#ifndef DEPARTS
#define DEPARTS 0
#endif
#ifndef FAILURES
#define FAILURES 1 /* exclusions of nodes that live, and crashes, together */
#endif
#ifndef CRASHES
#define CRASHES 0 /* how many of them may be crashes */
#endif
#ifndef REJOINS
#define REJOINS 0 /* how many excluded nodes come back as their next incarnation */
#endif
#ifndef WRITES
#define WRITES 2 /* at most 2 */
#endif
#ifndef SEQUENTIAL
#define SEQUENTIAL 1 /* 1: of one client, one after the other; 0: of a client each */
#endif
#ifndef READS
#define READS 1
#endif
#ifndef RETRIES
#define RETRIES 1 /* requests that a client repeats though nobody has refused them */
#endif
#ifndef ACKNOWLEDGEMENTS
#define ACKNOWLEDGEMENTS 0 /* 1: the tail acknowledges each write, and the undo logs are cut */
#endif
#ifndef GOAL
#define GOAL 0 /* the event of this number counts as an error: see REACHED in checker.pml */
#endif

/* The unsafe variants: each breaks one rule. 0: the rules as they are. */
#define COMPLETE_CUT_TO_CHAIN 1   /* C4: at INSTALL the complete set becomes the new chain */
#define COMPLETE_CUT_TO_SOURCE 2  /* C4: at INSTALL it shrinks to the source */
#define HEAD_BEFORE_ACTIVATE 3    /* M6: the head admits as soon as it is SYNCED */
#define PIECES_ONE_BY_ONE 4       /* M4: each piece takes effect when it comes, records before pairs */
#define SUFFIX_ONLY 5             /* M4: what a member is ahead of the source is not undone */
#define COMPLETE_BY_RANK 6        /* C1, C3: incarnations are not told apart */
#define NO_WATERMARK 7            /* M7: records are cut, late duplicates are not refused */
#define READ_AT_TAIL 8            /* the tail answers reads by itself */
#define READ_HEAD_TO_TAIL 9       /* reads go from the head to the tail at once */
#ifndef UNSAFE
#define UNSAFE 0
#endif
