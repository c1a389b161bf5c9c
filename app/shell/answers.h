/* What the shell answers, as text for people or as JSON Lines for programs (one object an answer). It judges nothing and
 * asks nobody. Keys and values are arbitrary bytes: text shows them as bytes_print does; JSON has them as a string if
 * they are UTF-8, and otherwise in hexadecimal under the same name with _hex added ("key_hex").
 *
 * Every JSON object has "answer": what it is. Units are in the fields' names. */
#ifndef APP_SHELL_ANSWERS_H
#define APP_SHELL_ANSWERS_H

#include "app/measure/metrics.h"
#include "app/report/result.h"
#include "app/shell/command.h"
#include "chord/wire/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ANSWERS_NAME_SIZE 96u

/* Where answers go. Write errors stay in the stream, for ferror. */
struct answers {
    FILE *stream; /* borrowed */
    bool json;
    bool color;
    unsigned id_bits;
};

/* A node as it is told: "host:3", or "host:3#1" where ranks have several. */
struct answers_node {
    char name[ANSWERS_NAME_SIZE];
    struct chord_member member;
};

struct answers_operation {
    enum chord_operation_kind kind;
    enum chord_outcome outcome;
    const unsigned char *key; /* borrowed, like the value */
    size_t key_size;
    const unsigned char *value; /* inserted, or found */
    size_t value_size;
    struct answers_node node;  /* that answered */
    struct answers_node owner; /* of the key */
    uint32_t owner_hops;
    uint64_t latency_ns;
    struct chord_version version;
};

struct answers_info {
    struct answers_node self;
    const char *host;
    bool is_member;   /* false: a spare; then the rest but the contact isn't looked at */
    bool has_contact; /* a spare's: whom it passes requests on to */
    struct answers_node contact;
    uint32_t epoch;
    struct answers_node predecessor;
    const struct answers_node *successors; /* borrowed, like the others */
    size_t successor_count;
    const struct answers_node *fingers;
    size_t finger_count;
    const struct answers_node *chain;
    size_t chain_count;
    struct chord_id arc_start;
    struct chord_id arc_end;
    uint64_t owned_pair_count;
    uint64_t replica_pair_count;
    uint64_t stored_bytes;
};

/* Nodes that have joined or left. */
struct answers_change {
    enum chord_command what;    /* JOIN or DEPART */
    struct answers_node node;   /* it, or the rank whose nodes */
    uint32_t node_count;        /* did so */
    uint32_t change_count;      /* view changes that it took; the costs are their sum */
    const struct chord_change *change; /* borrowed, like the other one */
    const struct chord_settled *settled;
};

/* A rank that was made to fail, and what has come of it so far. */
struct answers_crash {
    struct answers_node node;         /* the rank */
    const struct result_fault *fault; /* borrowed; its times are from any moment on */
};

/* What the judging of the session came to. */
struct answers_verdict {
    uint64_t model_count;  /* answers compared with the model */
    uint64_t judged_count; /* and by T1 */
    uint64_t stale_count;
    uint64_t pair_count; /* distinct pairs in the ring, in so many copies */
    uint64_t copies_per_pair;
};

void answers_operation(const struct answers *answers, const struct answers_operation *operation);

/* A listing: a node, its pairs, and so on, at last the sums. */
void answers_listing_node(const struct answers *answers, const struct answers_node *node);
void answers_listing_pair(const struct answers *answers, const struct answers_node *node, const unsigned char *key,
                          size_t key_size, const unsigned char *value, size_t value_size);
void answers_listing_end(const struct answers *answers, uint64_t pair_count, uint64_t node_count);

void answers_overlay(const struct answers *answers, const struct answers_node *nodes, size_t count);
void answers_info(const struct answers *answers, const struct answers_info *info);

/* The nodes of a path, the first one and the key's owner included. */
void answers_route(const struct answers *answers, const unsigned char *key, size_t key_size, struct chord_id key_id,
                   const struct answers_node *nodes, size_t count);

void answers_change(const struct answers *answers, const struct answers_change *told);

void answers_crash(const struct answers *answers, const struct answers_crash *told);

void answers_stats(const struct answers *answers, const struct metrics *metrics, const struct traffic *traffic);

/* topic: SHELL_COMMAND_COUNT for the list. */
void answers_help(const struct answers *answers, enum command_kind topic);

void answers_verdict(const struct answers *answers, const struct answers_verdict *verdict);

/* One line; source and line are where the command stands, NULL for a person's. */
void answers_error(const struct answers *answers, const char *source, uint64_t line, const char *text);

#endif
