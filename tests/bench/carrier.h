/* Ways to move the messages of traffic.h: plain MPI in several manners, and our transport. Each is made for one measurement
 * and ended after it. */
#ifndef TESTS_BENCH_CARRIER_H
#define TESTS_BENCH_CARRIER_H

#include "tests/bench/traffic.h"

#include <mpi.h>

enum carrier_receive { CARRIER_POSTED, CARRIER_PROBE, CARRIER_TESTSOME, CARRIER_BLOCKING, CARRIER_RECEIVE_COUNT };
enum carrier_wait { CARRIER_YIELD, CARRIER_SPIN, CARRIER_SLEEP, CARRIER_WAIT_COUNT };

/* How a rank of plain MPI sends, receives and waits. */
struct carrier_manner {
    enum carrier_receive receive; /* 32 receives posted and the oldest tested; probed; posted and all tested; or blocking */
    enum carrier_wait wait;       /* what follows after so many looks that find nothing: */
    uint32_t looks;
    bool coalesces; /* messages to one rank are packed, sent when the pack is full or nothing else is to be done */
};

extern const char *const carrier_receive_names[CARRIER_RECEIVE_COUNT];
extern const char *const carrier_wait_names[CARRIER_WAIT_COUNT];

struct carrier_result {
    uint64_t mpi_messages; /* that this rank sent */
    uint64_t elapsed_ns;   /* from when all ranks were ready until this one knew that all have all their answers */
};

/* Runs the load until every rank has all its answers; collective.
 * carrier_run_plain: by plain MPI. carrier_run_transport: by app/mpi/transport.h, waiting as the product does here. */
struct carrier_result carrier_run_plain(const struct carrier_manner *manner, struct traffic *traffic,
                                        const struct traffic_load *load, MPI_Comm comm);
struct carrier_result carrier_run_transport(struct traffic *traffic, const struct traffic_load *load,
                                            MPI_Comm comm);

/* All ranks have got here; those that share a core let each other run meanwhile. */
void carrier_barrier(MPI_Comm comm);

#endif
