/* What the driver on rank 0 and the agents on all ranks say to each other. These messages travel on the same channels
 * as the core's, above its types, and are never counted as the protocol's.
 *
 * One command, one reply, but for COMMAND_FAULT: COMMAND carries a control_head and the command's own bytes; the agent
 * answers with a REPLY that repeats the head. All ranks of a job are of one build on machines of one kind, so structs travel
 * as they are. */
#ifndef APP_DRIVER_CONTROL_H
#define APP_DRIVER_CONTROL_H

#include "app/generate/mix.h"
#include "app/schedule/crash.h"
#include "app/verdict/copies.h"
#include "app/verdict/impact.h"
#include "app/verdict/judge.h"
#include "app/measure/action.h"
#include "app/measure/metrics.h"
#include "app/measure/timeline.h"

enum control_type {
    CONTROL_COMMAND = 128,
    CONTROL_REPLY,
    CONTROL_RECORDS,    /* agent to agent: history records for the judge of their keys */
    CONTROL_RECORDS_ACK, /* agent to agent: the next ones, please */
    CONTROL_BACK,        /* agent to driver: this rank has stood still, and asks whether it still counts */
    CONTROL_ANSWERED,    /* agent to driver: uint64_t operations of the phase that are answered so far */
    CONTROL_MARK         /* agent to agent, as part of a frame that is sent anyway: control_mark */
};

enum control_command {
    COMMAND_RESET,   /* control_reset: new nodes, client, judge -> nothing */
    COMMAND_FORM,    /* register with the coordinator -> nothing */
    COMMAND_STATE,   /* a bool for each rank: its channels aren't counted (runtime.h); or nothing -> control_state */
    COMMAND_BEGIN,   /* forget the last phase's operations, count from now on -> nothing */
    COMMAND_LOAD,    /* encoded operations (agent.h) -> nothing */
    COMMAND_RUN,     /* control_run: issue the next segment of what was loaded; replies when all of it is answered ->
                        control_segment */
    COMMAND_HALT,    /* what was issued is the segment. There is no reply but RUN's */
    COMMAND_METRICS, /* what was counted since BEGIN, or in a later segment since RUN -> control_ran */
    COMMAND_FORGE,   /* uint32_t enum options_forge -> uint32_t whether there was something to falsify */
    COMMAND_SCATTER, /* control_scatter: send the phase's records to their judges; replies when all are there -> nothing */
    COMMAND_JUDGE,   /* judge what was received -> control_judged */
    COMMAND_ARCS,    /* -> copies_arc, any number */
    COMMAND_KEYS,    /* chord_id, all nodes' in ring order -> uint64_t, one for each of them: keys up to it, from the one
                        before, that this rank's nodes own */
    COMMAND_NODES,   /* -> result_node, one a node */
    COMMAND_TABLES,  /* uint32_t virtual node -> text: its routing table as a JSON object and line */
    COMMAND_RANK,    /* -> result_rank */
    COMMAND_KEY,     /* uint32_t index of a loaded operation -> its key's bytes */
    COMMAND_WAITING, /* -> text: what this rank waits for */
    COMMAND_STOP,    /* leave the loop -> nothing */
    COMMAND_ONE,     /* one encoded operation (agent.h): issue it now -> control_answer, then the value found */
    COMMAND_STEP,    /* control_step_asked -> control_step */
    COMMAND_INFO,    /* uint32_t virtual node -> control_info, then its members */
    COMMAND_PAIRS,   /* control_pairs_asked -> control_pairs, then its pairs */
    COMMAND_IMPACT,  /* impact_window, any number, on rank 0's clock -> impact, one for each: on this rank's operations */
    COMMAND_FAULT,   /* control_fault: fail now. There is no reply */
    COMMAND_KEEP,    /* uint64_t offset: what the judge keeps (judge.h), from there on -> control_kept, then bytes */
    COMMAND_RESUME,  /* uint32_t: 1: go on issuing, 0: never mind, you are taken for dead. No reply */
    COMMAND_HISTORY, /* control_history_asked -> control_history, then lines of the history file. After SCATTER: its
                        records are told, on rank 0's clock */
    COMMAND_REST,    /* uint32_t: 1: sleep between polls from now on, 0: don't -> nothing */
    COMMAND_GENERATE, /* control_generate: make the phase's operations, instead of LOAD -> uint64_t how many, as far as known */
    COMMAND_ACTION,   /* uint32_t enum mix_action -> action_metrics; MIX_ACTION_COUNT -> action_metrics: latency_ns has how
                         many records draws of `latest` stayed behind */
    COMMAND_COUNT
};

struct control_head {
    uint32_t command;
    uint32_t token; /* of the driver's, one a round: late replies are told apart by it */
    uint32_t serial; /* of the driver's, one a command: one that comes again is told by it; 0: one that never does */
};

struct control_reset {
    uint32_t incarnation;
};

struct control_state {
    uint64_t sent_count;
    uint64_t received_count;
    uint64_t progress_count;  /* of runtime.h: what the watchdog looks at */
    uint64_t completed_count; /* operations of the current phase */
    uint64_t loaded_count;
    uint32_t quiet; /* nothing of the protocol is under way that this rank knows of */
};

struct control_run {
    uint64_t start_ns; /* rank 0's clock when the timer would have been 0 if it had never stopped: the origin of all times */
    uint32_t tells_answered; /* send CONTROL_ANSWERED whenever the count has grown by a hundredth */
    uint32_t goes_on;        /* this isn't the phase's first segment: what the last one left in the history is forgotten */
    uint32_t keeps_answers;  /* keep what COMMAND_HISTORY tells and the judges don't need */
    uint32_t reserved;       /* 0 */
};

/* One rank's part of a segment. */
struct control_segment {
    uint64_t issued_count; /* of the phase, so far */
    uint64_t left_count;   /* that another segment is for, as far as known; 0: there is nothing more to issue */
};

/* Records are sent to the ranks that their keys hash to, those of ranks that are lost to rank 0. A judging that was begun in
 * vain, since a judge was lost meanwhile, begins anew as the next attempt. */
struct control_scatter {
    uint32_t attempt; /* ascending over the run */
    /* a bool a rank follows: it is lost */
};

/* A CONTROL_RECORDS or CONTROL_RECORDS_ACK begins with it. */
struct control_records {
    uint32_t attempt;
    uint32_t reserved; /* 0 */
};

/* A piece of what a judge keeps. */
struct control_kept {
    uint64_t size; /* of all of it */
};
#define CONTROL_KEPT_BYTES (48u * 1024u)

struct control_ran {
    uint64_t not_issued_count; /* operations that the client, stuck (client.h), has left out */
    struct metrics metrics;
    struct traffic traffic;
    struct cache_use cache_use;
    struct timeline timeline;
};

/* One rank's part of a generated phase. */
struct control_generate {
    struct mix mix;
    uint32_t distribution; /* enum distribution_kind */
    uint32_t key_size;
    uint32_t value_size;
    uint32_t stream; /* of the phase: all differ */
    uint32_t loads;  /* 1: inserts each of its share of the records once; mix and distribution mean nothing */
    uint64_t seed;
    uint64_t record_count;    /* of all ranks */
    uint64_t load_first;      /* its share: this record, and those that follow at the stride */
    uint64_t load_stride;
    uint64_t operation_count; /* of this rank; UINT64_MAX: until the time is over */
    uint64_t duration_ns;     /* no operation is begun later; 0: any time */
    uint64_t first_due_ns;    /* open loop: the first operation is due so long after the start, */
    double interval_ns;       /* and each so long after the one before; 0: closed loop */
};

_Static_assert(sizeof(struct action_metrics) <= sizeof(struct control_ran), "budget.h knows no larger reply");

/* How many of a rank's inserts are acknowledged, from its first on without a gap (generate/marks.h). */
struct control_mark {
    uint32_t rank;
    uint32_t reserved; /* 0 */
    uint64_t count;
};

struct control_fault {
    uint32_t kind;     /* enum crash_kind */
    uint32_t reserved; /* 0 */
    uint64_t pause_ns;
};

/* How one operation ended. */
struct control_answer {
    uint32_t kind;    /* enum chord_operation_kind */
    uint32_t outcome; /* enum chord_outcome */
    struct chord_version version;
    struct chord_address answered_by;
    uint32_t owner_hops;
    uint32_t retry_count;
    uint64_t latency_ns;
    uint32_t value_size;
};

/* Where a request for `target` would go from this node. */
struct control_step_asked {
    uint32_t virtual_node;
    struct chord_id target;
};

struct control_step {
    struct chord_member self;
    uint32_t is_member;
    uint32_t owns;                 /* the target is in its own arc */
    uint32_t has_next;
    struct chord_member next;      /* if it doesn't own it; of a spare, its contact */
    struct chord_member successor; /* of a member: the first one; itself in a ring of one */
};

/* One node, for `info`. The members follow: successor_count, then finger_count, then chain_count of them. */
struct control_info {
    struct chord_member self;
    struct chord_member predecessor;
    uint32_t is_member;   /* 0: a spare; then only self and contact mean anything */
    uint32_t has_contact;
    struct chord_member contact; /* whom a spare passes requests on to */
    uint32_t epoch;     /* of its own arc */
    struct chord_id arc_start;
    struct chord_id arc_end;
    uint64_t owned_pair_count;
    uint64_t replica_pair_count;
    uint64_t stored_bytes;
    uint32_t successor_count;
    uint32_t finger_count;
    uint32_t chain_count; /* of its own arc, head first */
};

/* The pairs that a node owns, in the order of their keys' bytes, piece by piece. */
struct control_pairs_asked {
    uint32_t virtual_node;
    uint32_t begin; /* 1: the first piece; 0: the next one */
};

/* `count` times key size 4 | value size 4 | key | value follows. */
struct control_pairs {
    uint32_t count;
    uint32_t more; /* this wasn't the last piece */
};

/* A piece holds at most so many bytes, or one pair. */
#define CONTROL_PAIRS_BYTES (32u * 1024u)

/* What this rank's client did in the phase, piece by piece. */
struct control_history_asked {
    uint32_t round; /* both as the file counts them, from 1 */
    uint32_t phase;
    uint32_t begin; /* 1: the first piece; 0: the next one */
};

/* `count` whole lines follow, line feeds included. */
struct control_history {
    uint32_t count;
    uint32_t more; /* this wasn't the last piece */
};

/* A piece's lines have at most so many bytes. */
#define CONTROL_HISTORY_BYTES (32u * 1024u)

struct control_judged {
    struct judge_verdict verdict;
    struct judge_content content;
    uint32_t failed; /* no memory */
};

#endif
