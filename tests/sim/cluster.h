/* A whole ring in one process: unmodified peers on the simulated network, in virtual time, with clients that work
 * through random operations. One seed fixes everything. */
#ifndef TESTS_SIM_CLUSTER_H
#define TESTS_SIM_CLUSTER_H

#include "app/verdict/history.h"
#include "chord/peer.h"
#include "tests/sim/faults.h"
#include "tests/sim/network.h"

#include <stdio.h>

#define CLUSTER_RANKS_MAX 12u
#define CLUSTER_VIRTUAL_NODES_MAX 3u
#define CLUSTER_NODES_MAX (CLUSTER_RANKS_MAX * CLUSTER_VIRTUAL_NODES_MAX)
#define CLUSTER_COMMANDS_MAX 40u
#define CLUSTER_KEYS_MAX 32u
#define CLUSTER_VALUE_SIZE_MAX 3000u
#define CLUSTER_LIES_MAX 6u

struct cluster_operation {
    enum chord_operation_kind kind;
    uint32_t key; /* index into keys */
    uint32_t value_size;
    struct chord_address entry;
    unsigned char *value; /* owned */
    /* The newest version of the key that was answered when this was issued (for I9). */
    struct chord_version answered_before;
    bool any_answered_before;
    bool completed;
    enum chord_outcome outcome;   /* once completed */
    struct chord_version version; /* once completed */
    uint64_t issued_ticks;
};

struct cluster_client {
    struct cluster_operation *operations; /* owned */
    uint32_t next; /* the first that is not issued yet */
    uint32_t completed_count;
    uint64_t pause_until_ticks; /* it issues nothing before */
    bool is_stuck;              /* what it has given up leaves no room for its next operation */
};

struct cluster_key {
    unsigned char bytes[8];
    uint32_t size;
    struct chord_id id;
    struct chord_version answered; /* the newest version answered so far */
    enum chord_outcome answered_outcome; /* with it */
    bool any_answered;
};

/* One thing that is asked of the coordinator. */
struct cluster_command {
    uint64_t at_ticks; /* after the ring was formed */
    enum chord_command what;
    struct chord_address node;
    uint64_t stall_ticks; /* an exclusion: for so long the node hears nothing of the coordinator */
};

/* What became of the commands. */
struct cluster_counts {
    uint64_t joins;
    uint64_t departs;
    uint64_t exclusions;
    uint64_t refusals;
    uint64_t changes;
    uint64_t interrupted_changes; /* that took more than one attempt */
    uint64_t cancelled_departures;
    uint64_t settled;
    uint64_t faults[FAULT_KIND_COUNT];
    uint64_t spared;     /* crashes that nothing could have survived, and that were left out */
    uint64_t suspicions;
    uint64_t false_suspicions; /* of a rank that lives */
    uint64_t returns;    /* ranks that were shut and are back */
    uint64_t lost_parts; /* where data may be lost (C8) */
    uint64_t unknown;    /* operations that were given up, or whose client has died */
    uint64_t not_issued; /* operations of clients that have died or were stuck */
    uint64_t circles;        /* requests that were refused since they had made too many hops, */
    uint64_t cached_circles; /* and those of runs with location caches */
    uint64_t cached;     /* runs with location caches */
    uint64_t lied;       /* of them, those whose caches hold lies */
    uint64_t shortcuts;       /* operations that took one, */
    uint64_t stale_shortcuts; /* and those that it led to the wrong node */
    uint64_t bounded; /* runs whose queues are bounded */
    uint64_t cut;     /* messages that were sent in fragments, */
    uint64_t torn;    /* and those of which only the first ones arrived */
};

struct cluster {
    uint64_t seed;
    struct chord_prng prng;
    struct chord_config config;
    struct chord_sink sinks[CLUSTER_RANKS_MAX];
    struct chord_peer peers[CLUSTER_RANKS_MAX];
    /* Location caches that are out of date for good: whatever a rank learns and forgets, these claims are what it holds
     * before it takes a message in. They are of any nodes to any ids, so that nothing can be more out of date. */
    struct chord_claim lies[CLUSTER_RANKS_MAX][CLUSTER_LIES_MAX];
    uint32_t lie_count; /* of each rank */
    struct chord_id ids[CLUSTER_NODES_MAX]; /* by rank * virtual nodes + virtual node */
    struct network network;
    struct network_queue queue_max; /* of each rank; 0: not known, since requests are repeated without a bound */
    uint64_t fill_permille;         /* how full the fullest was */
    uint64_t now_ticks;
    uint64_t event_count;
    uint32_t stepped_rank; /* whose peer handled the last event; UINT32_MAX if it was none's */
    bool formed;
    uint64_t formed_ticks;

    struct cluster_command commands[CLUSTER_COMMANDS_MAX]; /* ascending by time */
    uint32_t command_count;
    uint32_t command_next;
    bool is_faulty;
    struct faults faults;
    bool is_dead[CLUSTER_RANKS_MAX]; /* killed, or silent for good */
    uint64_t paused_until_ticks[CLUSTER_RANKS_MAX];
    struct cluster_counts counts;

    struct cluster_key keys[CLUSTER_KEYS_MAX];
    uint32_t key_count;
    uint32_t operations_per_client;
    struct cluster_client clients[CLUSTER_RANKS_MAX];
    struct history history;

    /* Sees every message at the moment of sending, before its receiver does; may be NULL. */
    void (*observe)(void *observer, struct cluster *cluster, const struct chord_message *message);
    void *observer;
    FILE *trace;               /* NULL: no transcript */
    const char *broken;        /* the first broken rule, or NULL */
    char broken_text[200];
};

/* A cluster made from a seed: size, options, bounds, keys, operations and, if it is to be faulty, faults are all drawn from
 * it. It is not formed yet. The trace is borrowed; NULL for none. */
void cluster_init(struct cluster *cluster, uint64_t seed, bool is_faulty, FILE *trace);
void cluster_clear(struct cluster *cluster);

/* One line that says what the seed stands for. */
void cluster_describe(const struct cluster *cluster, FILE *out);

/* Handles the next event (an arriving message, or a tick that is due). False if there is none. */
bool cluster_step(struct cluster *cluster);

/* All operations of living clients have ended, faults are over, who is dead is out of the ring and who lives is back in
 * touch, and nothing is under way. */
bool cluster_is_done(const struct cluster *cluster);

/* When the last fault or command is over; nothing disturbs the ring any more. UINT64_MAX before the ring is formed. */
uint64_t cluster_calm_ticks(const struct cluster *cluster);

/* Whether nobody who lives holds some part complete, or is a member: the ring can't heal. It takes more faults than k - 1
 * at once, a false suspicion being one. */
bool cluster_is_beyond_help(const struct cluster *cluster);

/* The run is over: what is under way has no end that anybody knows. */
void cluster_end(struct cluster *cluster);

/* Adds up what became of several runs. */
void cluster_counts_add(struct cluster_counts *into, const struct cluster_counts *from);

/* What a run that got stuck waits for, a line each. */
void cluster_tell_waiting(const struct cluster *cluster, FILE *out);

/* Notes that a rule is broken; the first one counts. */
void cluster_break(struct cluster *cluster, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline uint32_t cluster_node_count(const struct cluster *cluster) {
    return cluster->config.rank_count * cluster->config.virtual_node_count;
}

/* Node `index` in the order of ids[]. */
static inline const struct chord_node *cluster_node(const struct cluster *cluster, uint32_t index) {
    return &cluster->peers[index / cluster->config.virtual_node_count]
                .nodes[index % cluster->config.virtual_node_count];
}

/* Node `index` as the coordinator knows it. */
const struct chord_roster_entry *cluster_roster(const struct cluster *cluster, uint32_t index);

/* Whether the coordinator takes node `index` for a member of the ring. */
static inline bool cluster_is_member(const struct cluster *cluster, uint32_t index) {
    return cluster_roster(cluster, index)->state == CHORD_ROSTER_MEMBER;
}

#endif
