/* Sets of nodes, messages, and the state of every role. What isn't in use is 0, so that equal states look equal. */

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) >> (n)) & 1)
#define LOWEST(set) ((set) & 1 -> 0 : ((set) & 2 -> 1 : ((set) & 4 -> 2 : 3)))
#define HIGHEST(set) ((set) & 8 -> 3 : ((set) & 4 -> 2 : ((set) & 2 -> 1 : 0)))
#define NEXT(set, n) LOWEST((set) & ~((2 << (n)) - 1))
#define PREVIOUS(set, n) HIGHEST((set) & (BIT(n) - 1))
#define WITHOUT_LOWEST(set) ((set) & ((set) - 1))
#if REPLICAS == 2
#define FIRST_REPLICAS(set) ((set) & ~WITHOUT_LOWEST(WITHOUT_LOWEST(set)))
#else
#define FIRST_REPLICAS(set) ((set) & ~WITHOUT_LOWEST(WITHOUT_LOWEST(WITHOUT_LOWEST(set))))
#endif

mtype = { PREPARE, INSTALL, ACTIVATE, DROP, EXCLUDED,                            /* coordinator to node */
          WEDGED, SYNCED_SAID, JOIN,                                             /* node to coordinator */
          CHAIN_WRITE, CHAIN_DUPLICATE, CHAIN_READ, ACK,                         /* down and up the chain */
          PULL, PULL_REST, PIECE_RECORDS, PIECE_PAIRS };                         /* transfer */

/* FIFO between any two. Sending to a full one is an error of the model: capacities are large enough. */
#define COORDINATOR_CAPACITY 6
#define PEER_CAPACITY 5
chan to_node[NODES] = [COORDINATOR_CAPACITY] of { mtype, byte, byte, byte };  /* epoch, chain, source */
chan from_node[NODES] = [COORDINATOR_CAPACITY] of { mtype, byte, byte };      /* epoch, incarnation */
chan peer[NODES * NODES] = [PEER_CAPACITY] of { mtype, byte, int };           /* epoch, packed as below */
#define CHANNEL(from, to) peer[(from) * NODES + (to)]

#define VERSION(epoch, counter) ((epoch) * 4 + (counter)) /* below 32 */

/* --- the replicas (M1) --- */

#define OUT 0
#define HOLDER 1
#define SYNCING 2
#define SYNCED 3
#define ACTIVE 4

byte status[NODES];
byte epoch[NODES];       /* of the newest INSTALL */
byte promised[NODES];    /* the highest PREPARE */
byte chain[NODES];       /* set */
byte incarnation[NODES];
bit crashed[NODES];

/* The state that an arc's members share. The value is the list of the writes that led to it, oldest first, a digit to
 * the base of 4 each: so the checker can tell what was lost, doubled or reordered. The protocol looks at it only where
 * it copies it. */
byte value[NODES];
byte version[NODES];            /* of the value */
byte record[NODES * 3];         /* the version that each write got; 0: no duplicate record */
byte watermark[NODES];
byte base[NODES];               /* epoch of the last commit that the state counts from; 0: no complete state */
byte applied[NODES];            /* writes since then */
#define RECORD(n, w) record[(n) * 3 + (w)]

/* The undo log: the pre-images of the writes above log_start. Those in (joint_from, joint_to] came in one delta. */
byte log_start[NODES];
byte log_set[NODES];            /* counters that have an entry */
byte joint_from[NODES];
byte joint_to[NODES];
byte previous_value[NODES * 3]; /* by counter, 1 or 2 */
byte previous_version[NODES * 3];
#define PREVIOUS_VALUE(n, c) previous_value[(n) * 3 + (c)]
#define PREVIOUS_VERSION(n, c) previous_version[(n) * 3 + (c)]

int staged[NODES];              /* the piece of records that a SYNCING member has got; 0: none yet */

#define IS_WEDGED(n) (promised[n] > epoch[n])
#define IS_HEAD(n) (HAS(chain[n], n) && (chain[n] & (BIT(n) - 1)) == 0)
#define IS_TAIL(n) (HAS(chain[n], n) && (chain[n] >> ((n) + 1)) == 0)

/* --- the coordinator (C1) --- */

#define IDLE 0
#define WEDGING 1
#define INSTALLED 2

byte phase;
byte attempt = 1;         /* epoch of the newest attempt */
byte installed = 1;       /* newest installed epoch */
byte view = MEMBERS;      /* set: who is to be in the ring after this change */
byte attempt_chain;       /* sets from here on */
byte committed;
byte complete;
byte synced;
byte touched;
byte wedged;
byte leaving;
byte waiting;             /* have asked to join */
byte excluded;
byte known[NODES];        /* incarnation that counts */
byte joins_left = JOINS;
byte departs_left = DEPARTS;
byte failures_left = FAILURES;
byte crashes_left = CRASHES;
byte rejoins_left = REJOINS;

/* --- the clients --- */

/* Requests that are neither at a head nor in a chain: on their way, waiting at a node, or to be sent again after a
 * refusal. Routing is a hint: any of them may come to any head at any time, also much later. */
byte copies[3];
byte answered[3];         /* the version that a write was answered with; 0: not yet */
byte issued;              /* set */
byte retries_left = RETRIES;
byte reads_left = READS;
bit read_under_way;
bit read_waits;
