/* What the driver knows after a run and hands to the report: plain numbers, no judgement about their form. One set of
 * them feeds the table and the JSON record, so that the two can't differ. */
#ifndef APP_REPORT_RESULT_H
#define APP_REPORT_RESULT_H

#include "app/generate/mix.h"
#include "app/measure/action.h"
#include "app/measure/expectation.h"
#include "app/measure/metrics.h"
#include "app/measure/timeline.h"
#include "app/options/options.h"
#include "app/schedule/crash.h"
#include "app/verdict/impact.h"
#include "app/verdict/judge.h"
#include "chord/wire/sink.h"

#define RESULT_TEXT_SIZE 512u
#define RESULT_SHA256_SIZE 65u

/* Exit statuses of the program. */
enum exit_status {
    EXIT_VALID = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_WRONG_ANSWER = 3,
    EXIT_DATA_LOST = 4,
    EXIT_TIMED_OUT = 5
};

/* One rank: where it runs and what it takes. */
struct result_rank {
    char host[64];
    char cpuset[64];
    int64_t process_id;
    uint64_t pair_bytes;      /* allocated by the core for all that it keeps, the allocator's overhead included */
    uint64_t pool_bytes_used_max; /* most bytes of message frames in use at once */
    uint64_t resident_bytes_max;  /* of the process since its start, MPI's and what it shares with others included */
};

/* One node, when quiet. */
struct result_node {
    struct chord_member member;
    bool is_spare;                /* not in the ring: it holds nothing and passes on what enters at it, */
    struct chord_address contact; /* to this node, where it is one */
    uint64_t owned_pair_count;   /* pairs in its own arc */
    uint64_t replica_pair_count; /* pairs that it holds for others */
    uint64_t stored_bytes;       /* keys and values of both */
    uint64_t requests_owned;     /* in this phase: that reached their owner here */
    uint64_t requests_forwarded; /* in this phase: passed on, each one hop */
    uint32_t successor_count;
    uint32_t finger_count;
    uint32_t chain_member_count; /* distinct other nodes in the chains of its arcs */
    uint32_t routing_entry_count; /* distinct other nodes that it knows in any way */
};

/* The verdict on one phase. */
struct result_verdict {
    bool valid;
    uint64_t wrong_count;              /* answers, or 1 for copies that are wrong */
    char first_wrong[RESULT_TEXT_SIZE]; /* one line: key, operation, expected and got; empty if valid */
    uint64_t checked_by_model_count;   /* serial runs: answers compared with rank 0's model */
    struct judge_verdict judged;       /* T1, summed over the ranks; stale reads of eventual runs */
    bool copies_valid;                 /* I11 */
    uint64_t copies_per_pair;          /* min(k, ranks) */
    uint64_t pair_count;               /* distinct keys stored */
};

/* One view change during a phase, or one command that was refused. Times are of rank 0's clock, from the start of the
 * phase's timed part. */
struct result_change {
    char trigger[64];     /* what caused it, as it was written: "op=10000:depart:2"; several are joined by a blank */
    bool refused;         /* then only trigger, at_ns and reason mean anything */
    char reason[128];     /* of a refusal */
    uint64_t at_ns;       /* the command was given */
    struct chord_change change;           /* ticks are nanoseconds from the same start; members is NULL */
    struct chord_change_member *members;  /* owned; change.member_count of them */
    uint64_t expected_pair_count; /* pairs that must move, from the sorted ids and the keys alone */
    bool expected_is_exact;       /* the phase neither added nor removed a key; otherwise the keys that move are counted
                                     before and after the phase, and each part of the ring counts with its larger number */
    uint64_t unanswered_pair_count; /* bound of what may be moved besides: writes under way when arcs were wedged */
    bool settled;
    struct chord_settled routing; /* if settled */
    double throughput_before;     /* operations/s in the window before, during, and after the change; */
    double throughput_during;     /* negative where there was nothing to measure */
    double throughput_after;
};

/* A time at which something that may not have happened did not happen. */
#define RESULT_NEVER UINT64_MAX
/* The throughput around a fault is told for slices of this width, and for at most so many of them. */
#define RESULT_FAULT_SLICE_NS UINT64_C(100000000)
#define RESULT_FAULT_SLICES_MAX 1000u

/* A rank that failed during a phase, or was only suspected to; or a crash that was not carried out. Times are of rank 0's
 * clock, from the start of the phase's timed part, and 0 if they lie before it.
 *
 * An arc is active again only when its new chain is committed, and that is when every member of it has all pairs. So the
 * moment when the last arc of the rank can be written again is also that when there are k copies of everything again (or
 * as many as there are ranks): committed_ns. */
struct result_fault {
    char trigger[64]; /* the event, as it was written; empty: there was none */
    uint32_t rank;
    bool refused;     /* then only trigger, rank, crash, injected_ns (when it was due) and reason mean anything */
    char reason[128]; /* of a refusal */
    bool is_ours;     /* it was made to fail, by the schedule or a person's word; else nobody knows when it failed, and
                         crash and injected_ns mean nothing */
    struct crash crash;
    uint64_t origin_ns;      /* of the times that follow, on rank 0's clock; RESULT_NEVER: before the phase's timer ran */
    uint64_t injected_ns;    /* the rank was told to fail */
    uint64_t heard_last_ns;  /* before it was suspected; RESULT_NEVER only if it is ours */
    uint64_t detected_ns;    /* it was suspected; or RESULT_NEVER, like those below */
    uint64_t committed_ns;   /* the view change that left out the last of its nodes was committed */
    uint64_t heard_again_ns; /* it was heard after it had been suspected: it was alive */
    uint64_t rejoined_ns;    /* as many of its nodes as were left out are in the ring again */
    /* The view changes that left out its nodes. They may have done other things, too. */
    uint32_t epoch;         /* of the last of them; 0: none */
    uint32_t attempt_count; /* in all: above the number of changes if one was begun again */
    uint32_t excluded_node_count;
    uint32_t rejoined_node_count; /* since then */
    uint64_t pair_count; /* that were copied */
    uint64_t pair_bytes;
    uint64_t wedged_ns_max; /* the longest that one of their arcs served nobody, transfer included */
    struct impact impact;   /* on operations, until committed_ns, or until it is over otherwise */
    /* Answered operations/s in slices of RESULT_FAULT_SLICE_NS, from half a second before the fault to a second after its
     * end, within the timed part; the last one may be shorter. */
    double *throughputs; /* owned by whoever measured it */
    uint32_t throughput_count;
    uint64_t throughput_start_ns;
};

/* What a generated phase was made of, and what came of it. Everything is borrowed. */
struct result_generated {
    bool loads;           /* it inserts the records; mix and distribution mean nothing */
    const char *workload; /* YCSB's letter; NULL: shares of the user's own */
    struct mix mix;
    enum distribution_kind distribution;
    uint64_t record_count;
    uint64_t operation_count; /* of all ranks; a read and its update are one; OPTIONS_OPERATIONS_UNBOUNDED: by time */
    uint64_t time_ns;         /* 0: no bound */
    uint64_t rate;            /* operations that were due a second; 0: closed loop */
    uint32_t key_size;
    uint32_t value_size;
    const struct action_metrics *actions; /* by enum mix_action */
    const struct histogram *lag; /* of each draw of `latest`: from the mark that it stayed below to the newest record that
                                    the drawing rank knew to be there */
};

/* One phase of one repetition. */
struct result_phase {
    uint32_t index; /* from 0, in the order of --phase */
    enum options_phase_type type;
    const char *file; /* or what a generated phase is called */
    char file_sha256[RESULT_SHA256_SIZE];
    uint64_t file_bytes;
    uint32_t repetition; /* from 1; 0 while warming up */
    uint64_t operation_count;
    uint64_t not_issued_count; /* of these: the rest of a crashed or stuck client's list */
    uint64_t elapsed_ns; /* of the timed part, the sum of its segments (--history-limit), on rank 0's clock */
    uint64_t segment_count;
    uint64_t judging_ns; /* of all segments, outside the timed part */
    struct metrics metrics;
    struct traffic traffic;        /* during the timed part, summed over the ranks */
    struct cache_use cache_use;    /* the ranks' location caches, summed */
    struct timeline timeline;      /* answered operations of all ranks, from the start of the timed part */
    struct expectation expected;   /* of this ring, for this phase's way of answering; its means are NaN where the ring
                                      changed during the phase, and with location caches */
    struct result_verdict verdict;
    struct result_node *nodes; /* borrowed; by ascending id, spares included */
    uint32_t node_count;
    struct result_rank *ranks; /* borrowed; rank_count of them */
    uint32_t rank_count;
    struct result_change *changes; /* borrowed; in the order of their commands */
    uint32_t change_count;
    struct result_fault *faults; /* borrowed; in the order of time */
    uint32_t fault_count;
    const struct result_generated *generated; /* borrowed; NULL: the operations are a file's */
    struct chord_loss *losses; /* borrowed; the arcs whose data was lost (C8) */
    uint32_t loss_count;
};

/* The run as a whole. */
struct result_run {
    const struct options *options;
    uint32_t rank_count;
    uint32_t host_count;
    double ranks_per_core;
    const char *waiting;        /* "yield" or "spin": what was done, not what was asked for */
    char machine[256];          /* hwloc's summary of rank 0's host */
    char mpi_library[256];      /* one line */
    uint64_t formation_ns;      /* from the first REGISTER to the last finger, without MPI_Init */
    uint64_t formation_messages;
    double ideal_owner_hops;    /* REFERENCE's average over many rings of this size; finger routing without location caches
                                   only; 0: none, since the ring changed during the phase that is told */
    uint64_t clock_offset_ns_max; /* bound on the offset between the hosts' clocks; 0 on one host */
    uint64_t message_bound_bytes; /* worst case of a rank's memory for messages */
    uint32_t credit_count;        /* of a client */
    uint32_t credit_bytes;
    uint32_t value_size_max;
};

#endif
