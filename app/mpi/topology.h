/* What the machine gives to the ranks: hosts, cores, bindings, and how to wait on it. Asked once, before the
 * loop starts: the only module that may use collectives. */
#ifndef APP_MPI_TOPOLOGY_H
#define APP_MPI_TOPOLOGY_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "app/mpi/transport.h"

#define TOPOLOGY_HOST_SIZE 256u
#define TOPOLOGY_CPUSET_SIZE 256u
#define TOPOLOGY_SUMMARY_SIZE 256u

struct topology {
    char host[TOPOLOGY_HOST_SIZE];
    char cpuset[TOPOLOGY_CPUSET_SIZE]; /* the PUs that this rank may run on, "0-3,8"; cut with "..." if longer
                                        */
    char summary[TOPOLOGY_SUMMARY_SIZE]; /* of the host: "1 package, 2 cores, 2 PUs, 24 GiB" */
    uint32_t host_count;                 /* of the job; hosts are told apart by name */
    uint32_t ranks_on_host;
    uint32_t rank_on_host;          /* 0..ranks_on_host-1 */
    uint32_t cores_of_rank;         /* physical cores within this rank's binding */
    uint32_t cores_of_ranks;        /* physical cores within the union of the bindings of the host's ranks */
    double cpu_quota;               /* CPUs' worth of time that the control group allows; 0: no limit */
    double ranks_per_core;          /* ranks_on_host / min(cores_of_ranks, cpu_quota) */
    bool core_of_its_own;           /* every rank of the host can have a core that no other one needs */
    enum transport_waiting waiting; /* what follows from it; the same on all ranks of one host */
};

/* Looks at this host and exchanges bindings with its other ranks. Collective over comm. What can't be found
 * out is assumed shared: one core, YIELD. */
void topology_discover(MPI_Comm comm, struct topology *topology);

/* SPIN iff there are at least as many usable cores as ranks, both known (not 0); YIELD otherwise. */
enum transport_waiting topology_choose_waiting(uint32_t ranks_on_host, double cores_usable);

#endif
