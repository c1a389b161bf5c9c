#include "tests/fuzz/fuzz_mpi.h"

#include "tests/fuzz/fuzz.h"

#include <mpi.h>

#define RECEIVES_MAX 16u
#define SENT_MAX 64u
#define FRAME_MAX 4096u

struct receive {
    unsigned char *buffer;
    size_t capacity;
    bool posted;
    bool matched;
    bool complete;
    bool truncated;
    uint64_t posted_at; /* order of posting */
    int from;
    size_t size;
};

struct sent {
    unsigned char bytes[FRAME_MAX];
    size_t size;
    int to;
};

static struct receive receives[RECEIVES_MAX];
static uint32_t receive_count;
static uint64_t post_count;
static struct sent sent[SENT_MAX];
static uint32_t sent_count;
static int own_rank;

void fuzz_mpi_begin(int rank) {
    receive_count = 0;
    post_count = 0;
    sent_count = 0;
    own_rank = rank;
}

/* A receive's request is its number and one; a send's is none, since it is done at once. */
static MPI_Request request_of(uint32_t index) {
    return (MPI_Request)(uintptr_t)(index + 1);
}

static struct receive *receive_of(MPI_Request request) {
    const uintptr_t number = (uintptr_t)request;
    FUZZ_REQUIRE(number >= 1 && number <= receive_count);
    return &receives[number - 1];
}

/* The oldest one for which it is true. */
static struct receive *oldest(bool matched) {
    struct receive *found = NULL;
    for (uint32_t i = 0; i < receive_count; i++) {
        struct receive *receive = &receives[i];
        if (receive->posted && !receive->complete && receive->matched == matched &&
            (found == NULL || receive->posted_at < found->posted_at)) {
            found = receive;
        }
    }
    return found;
}

bool fuzz_mpi_arrive(int from, const unsigned char *bytes, size_t size, bool late) {
    struct receive *receive = oldest(false);
    if (receive == NULL) {
        return false;
    }
    receive->truncated = size > receive->capacity;
    receive->size = receive->truncated ? receive->capacity : size;
    if (receive->size > 0) {
        memcpy(receive->buffer, bytes, receive->size);
    }
    receive->from = from;
    receive->matched = true;
    receive->complete = !late;
    return true;
}

void fuzz_mpi_complete(void) {
    struct receive *receive = oldest(true);
    if (receive != NULL) {
        receive->complete = true;
    }
}

size_t fuzz_mpi_take_sent(unsigned char *bytes, int *to) {
    if (sent_count == 0) {
        return 0;
    }
    const size_t size = sent[0].size;
    memcpy(bytes, sent[0].bytes, size);
    *to = sent[0].to;
    sent_count--;
    memmove(&sent[0], &sent[1], sent_count * sizeof sent[0]);
    return size;
}

/* --- what the transport calls --- */

int MPI_Comm_set_errhandler(MPI_Comm comm, MPI_Errhandler handler) {
    (void)comm;
    (void)handler;
    return MPI_SUCCESS;
}

int MPI_Comm_rank(MPI_Comm comm, int *rank) {
    (void)comm;
    *rank = own_rank;
    return MPI_SUCCESS;
}

int MPI_Comm_size(MPI_Comm comm, int *size) {
    (void)comm;
    *size = FUZZ_MPI_RANKS;
    return MPI_SUCCESS;
}

int MPI_Recv_init(void *buffer, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm, MPI_Request *request) {
    (void)type;
    (void)source;
    (void)tag;
    (void)comm;
    FUZZ_REQUIRE(receive_count < RECEIVES_MAX);
    receives[receive_count] = (struct receive){.buffer = buffer, .capacity = (size_t)count};
    *request = request_of(receive_count++);
    return MPI_SUCCESS;
}

int MPI_Start(MPI_Request *request) {
    struct receive *receive = receive_of(*request);
    FUZZ_REQUIRE(!receive->posted);
    receive->posted = true;
    receive->matched = false;
    receive->complete = false;
    receive->posted_at = post_count++;
    return MPI_SUCCESS;
}

/* Ends a complete receive; its code. */
static int end_receive(struct receive *receive, MPI_Status *status) {
    receive->posted = false;
    if (status != MPI_STATUS_IGNORE) {
        memset(status, 0, sizeof *status);
        status->MPI_SOURCE = receive->from;
        status->MPI_ERROR = receive->truncated ? MPI_ERR_TRUNCATE : MPI_SUCCESS;
        status->MPI_TAG = (int)(receive - receives); /* for MPI_Get_count */
    }
    return receive->truncated ? MPI_ERR_TRUNCATE : MPI_SUCCESS;
}

int MPI_Test(MPI_Request *request, int *flag, MPI_Status *status) {
    *flag = 1;
    if (*request == MPI_REQUEST_NULL) { /* a send */
        return MPI_SUCCESS;
    }
    struct receive *receive = receive_of(*request);
    *flag = !receive->posted || receive->complete;
    return receive->posted && receive->complete ? end_receive(receive, status) : MPI_SUCCESS;
}

int MPI_Testsome(int count, MPI_Request requests[], int *found_count, int indices[], MPI_Status statuses[]) {
    int code = MPI_SUCCESS;
    int posted = 0;
    *found_count = 0;
    for (int i = 0; i < count; i++) {
        struct receive *receive = receive_of(requests[i]);
        posted += receive->posted;
        if (receive->posted && receive->complete) {
            indices[*found_count] = i;
            if (end_receive(receive, &statuses[(*found_count)++]) != MPI_SUCCESS) {
                code = MPI_ERR_IN_STATUS;
            }
        }
    }
    if (posted == 0) {
        *found_count = MPI_UNDEFINED;
    }
    return code;
}

int MPI_Get_count(const MPI_Status *status, MPI_Datatype type, int *count) {
    (void)type;
    *count = (int)receives[status->MPI_TAG].size;
    return MPI_SUCCESS;
}

int MPI_Isend(const void *buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request) {
    (void)type;
    (void)tag;
    (void)comm;
    FUZZ_REQUIRE(sent_count < SENT_MAX && count > 0 && count <= (int)FRAME_MAX);
    memcpy(sent[sent_count].bytes, buffer, (size_t)count);
    sent[sent_count].size = (size_t)count;
    sent[sent_count++].to = to;
    *request = MPI_REQUEST_NULL;
    return MPI_SUCCESS;
}

int MPI_Cancel(MPI_Request *request) {
    receive_of(*request)->complete = true;
    return MPI_SUCCESS;
}

int MPI_Request_free(MPI_Request *request) {
    *request = MPI_REQUEST_NULL;
    return MPI_SUCCESS;
}

int MPI_Error_class(int code, int *class) {
    *class = code;
    return MPI_SUCCESS;
}
