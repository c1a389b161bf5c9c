/* The traffic of a routed store without the store: each operation is forwarded from rank to rank a given number of times on
 * average, and the last one answers the client directly. What moves the bytes is a carrier (carrier.h), so plain MPI and our
 * transport can be measured with the same messages.
 *
 * Every answer is checked: it has to come once, for an operation that is under way, with a proof that the request was read. */
#ifndef TESTS_BENCH_TRAFFIC_H
#define TESTS_BENCH_TRAFFIC_H

#include "chord/base/prng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAFFIC_MESSAGE_MIN 32u
#define TRAFFIC_MESSAGE_MAX 1024u
#define TRAFFIC_WINDOW_MAX 4096u

typedef void traffic_send(void *context, uint32_t to_rank, const unsigned char *bytes, size_t size);

struct traffic_load {
    bool serial;            /* rank 0 alone issues, one operation at a time, at a random rank; else all ranks, at themselves */
    uint32_t window;        /* operations under way from each rank that issues; 1 if serial */
    double hops;            /* mean number of times that an operation is forwarded */
    uint32_t request_bytes; /* TRAFFIC_MESSAGE_MIN..TRAFFIC_MESSAGE_MAX, as the next one */
    uint32_t answer_bytes;
    uint64_t quota; /* operations of each rank that issues */
    uint64_t seed;
    bool doubles; /* negative control: each rank sends one answer twice */
};

struct traffic_slot {
    uint64_t serial; /* of the operation that is under way in it; 0: none */
};

struct traffic {
    struct traffic_load load;
    uint32_t rank;
    uint32_t rank_count;
    traffic_send *send;
    void *context;
    struct chord_prng prng;
    struct traffic_slot slots[TRAFFIC_WINDOW_MAX];
    uint32_t free_slots[TRAFFIC_WINDOW_MAX];
    uint32_t free_count;
    uint64_t issued;
    uint64_t answered;
    uint64_t wrong;
    uint64_t messages;   /* sent to other ranks */
    uint32_t done_count; /* rank 0: ranks that have all their answers */
    bool told;           /* this rank has said so */
    bool stopped;        /* all have */
    bool has_doubled;
};

/* context is borrowed, and given to send. */
void traffic_begin(struct traffic *traffic, const struct traffic_load *load, uint32_t rank, uint32_t rank_count,
                   traffic_send *send, void *context);

/* Issues what the window allows; tells rank 0 when all is answered. Returns whether anything was sent. */
bool traffic_work(struct traffic *traffic);

/* A message for this rank; what isn't one counts as wrong. */
void traffic_receive(struct traffic *traffic, const unsigned char *bytes, size_t size);

#endif
