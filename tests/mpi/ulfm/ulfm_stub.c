#include "tests/mpi/ulfm/ulfm_stub.h"

#include <stdlib.h>

#include <mpi-ext.h>
#include <mpi.h>

#define RANKS_MAX 16u
#define REQUESTS_MAX 2048u

int ulfm_stub_class, ulfm_stub_class_pending;
struct ulfm_stub_counts ulfm_stub_counts;

/* Codes of the classes, other numbers than these: who compares codes with classes is found out. */
static int code, code_pending;
static bool is_stalled[RANKS_MAX], is_failed[RANKS_MAX], is_acknowledged[RANKS_MAX], fails_in_scan[RANKS_MAX];
static uint32_t rank_count;

/* Persistent receives, by their address: the transport keeps them in an array. */
static struct {
    const MPI_Request *request;
    bool active;
} receives[REQUESTS_MAX];
static uint32_t receive_count;

/* Sends to ranks that were stalled. */
static struct stalled_send {
    const MPI_Request *request; /* NULL: free */
    int to;
} sends[REQUESTS_MAX];

static void require(bool condition) {
    if (!condition)
        abort();
}

void ulfm_stub_start(uint32_t ranks) {
    require(ranks <= RANKS_MAX);
    rank_count = ranks;
    PMPI_Add_error_class(&ulfm_stub_class);
    PMPI_Add_error_class(&ulfm_stub_class_pending);
    PMPI_Add_error_code(ulfm_stub_class, &code);
    PMPI_Add_error_code(ulfm_stub_class_pending, &code_pending);
}

void ulfm_stub_stall(uint32_t rank) {
    is_stalled[rank] = true;
}

void ulfm_stub_fail(uint32_t rank) {
    is_failed[rank] = true;
}

void ulfm_stub_fail_in_scan(uint32_t rank) {
    fails_in_scan[rank] = true;
}

static bool is_any_unacknowledged(void) {
    for (uint32_t i = 0; i < rank_count; i++)
        if (is_failed[i] && !is_acknowledged[i])
            return true;
    return false;
}

/* --- what ULFM adds --- */

int MPIX_Comm_failure_ack(MPI_Comm comm) {
    (void)comm;
    for (uint32_t i = 0; i < rank_count; i++)
        is_acknowledged[i] = is_failed[i];
    ulfm_stub_counts.acknowledged++;
    return MPI_SUCCESS;
}

int MPIX_Comm_failure_get_acked(MPI_Comm comm, MPI_Group *failed) {
    int ranks[RANKS_MAX];
    int count = 0;
    MPI_Group all;
    /* The group's order is its own affair. */
    for (uint32_t i = rank_count; i-- > 0;)
        if (is_acknowledged[i])
            ranks[count++] = (int)i;
    PMPI_Comm_group(comm, &all);
    PMPI_Group_incl(all, count, ranks, failed);
    return PMPI_Group_free(&all);
}

/* --- sending --- */

static struct stalled_send *free_send(void) {
    for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
        if (sends[i].request == NULL)
            return &sends[i];
    }
    abort();
}

int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    if (is_failed[to]) {
        ulfm_stub_counts.send_refused++;
        return code;
    }
    if (is_stalled[to]) {
        *free_send() = (struct stalled_send){.request = request, .to = to};
    }
    return PMPI_Isend(buffer, count, type, to, tag, comm, request);
}

/* Whether it is a send that is stalled; then *result is what MPI_Test says of it. */
static bool test_send(MPI_Request *request, int *done, int *result) {
    for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
        if (sends[i].request != request)
            continue;
        *done = 0;
        *result = MPI_SUCCESS;
        if (is_failed[sends[i].to]) {
            PMPI_Request_free(request);
            sends[i].request = NULL;
            ulfm_stub_counts.send_failed++;
            *result = code;
        }
        return true;
    }
    return false;
}

/* --- receiving --- */

/* Its place among the receives; their number if it is none. */
static uint32_t find_receive(const MPI_Request *request) {
    uint32_t i = 0;
    while (i < receive_count && receives[i].request != request)
        i++;
    return i;
}

int MPI_Recv_init(void *buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request) {
    require(from == MPI_ANY_SOURCE);
    const uint32_t i = find_receive(request);
    require(i < REQUESTS_MAX);
    receives[i].request = request;
    receives[i].active = false;
    receive_count += i == receive_count;
    return PMPI_Recv_init(buffer, count, type, from, tag, comm, request);
}

int MPI_Start(MPI_Request *request) {
    const uint32_t i = find_receive(request);
    require(i < receive_count && !receives[i].active); /* one with the error is still posted */
    receives[i].active = true;
    return PMPI_Start(request);
}

int MPI_Test(MPI_Request *request, int *done, MPI_Status *status) {
    int result = MPI_SUCCESS;
    if (test_send(request, done, &result))
        return result;
    const uint32_t i = find_receive(request);
    const bool was_active = i < receive_count && receives[i].active;
    result = PMPI_Test(request, done, status);
    if (!was_active || result != MPI_SUCCESS)
        return result;
    receives[i].active = !*done;
    if (!*done && is_any_unacknowledged()) {
        *done = 1; /* undefined with an error */
        ulfm_stub_counts.test_pending++;
        return code_pending;
    }
    return result;
}

int MPI_Testsome(int count, MPI_Request requests[], int *done, int indices[], MPI_Status statuses[]) {
    const int result = PMPI_Testsome(count, requests, done, indices, statuses);
    if (result != MPI_SUCCESS || *done == MPI_UNDEFINED)
        return result;
    for (int k = 0; k < *done; k++) {
        receives[find_receive(&requests[indices[k]])].active = false;
        statuses[k].MPI_ERROR = MPI_SUCCESS;
    }
    const int completed = *done;
    for (uint32_t i = 0; i < rank_count; i++)
        is_failed[i] |= fails_in_scan[i];
    for (int i = 0; i < count && is_any_unacknowledged(); i++) {
        const uint32_t k = find_receive(&requests[i]);
        require(k < receive_count);
        if (receives[k].active) {
            indices[*done] = i;
            statuses[*done].MPI_ERROR = code_pending;
            ++*done;
        }
    }
    ulfm_stub_counts.testsome_pending += (uint64_t)(*done - completed);
    return *done > completed ? MPI_ERR_IN_STATUS : MPI_SUCCESS;
}
