/* The transport's frames and fragments, in two ways; the transport is the real one, MPI is ours (fuzz_mpi.h).
 *
 * Hostile: any frames from any rank, completing in any order. Each is delivered, parked, or the one defined end of a
 * process that gets a malformed frame: the check that names the rank.
 *
 * Round trip: messages of any sizes, some to oneself, cut into frames by the sender; whatever order their receives complete
 * in, they are delivered once, whole and in the order of each sender. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_mpi.h"

#include "app/mpi/transport_state.h"
#include "chord/base/check.h"

#include <setjmp.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_SANITIZER 1
#endif
#endif
#ifdef HAS_LEAK_SANITIZER
#include <sanitizer/lsan_interface.h>
#else
static void __lsan_disable(void) {
}
static void __lsan_enable(void) {
}
#endif

#define SLOTS 4u
#define FRAME_BYTES 256u
#define MESSAGE_BYTES_MAX 1200u
#define POLL_FRAMES 8u
#define EVENTS_MAX 24u

static jmp_buf malformed_jump;
static struct transport *receiver;
static bool is_hostile;

/* --- the round trip's own account --- */

#define MESSAGES_MAX 64u
static struct message {
    uint32_t size;
    uint8_t fill;
} sent[MESSAGES_MAX];
static uint32_t sent_count;
static uint32_t delivered_count;

static void on_check(const char *file, int line, const char *text) {
    if (is_hostile && strstr(file, "transport_receive.c") != NULL && strncmp(text, "a frame from rank ", 18) == 0) {
        FUZZ_REQUIRE(receiver->statistics.malformed == 1);
        longjmp(malformed_jump, 1);
    }
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    abort();
}

static void deliver(void *context, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    (void)context;
    FUZZ_REQUIRE(size >= 1 && size <= MESSAGE_BYTES_MAX);
    FUZZ_REQUIRE(from_rank < FUZZ_MPI_RANKS);
    if (is_hostile) {
        unsigned char copy[MESSAGE_BYTES_MAX];
        memcpy(copy, bytes, size); /* all of it may be read */
        FUZZ_REQUIRE(memcmp(copy, bytes, size) == 0);
        return;
    }
    FUZZ_REQUIRE(delivered_count < sent_count && sent[delivered_count].size == size);
    for (size_t i = 0; i < size; i++) {
        FUZZ_REQUIRE(bytes[i] == (uint8_t)(sent[delivered_count].fill + i));
    }
    delivered_count++;
}

static struct transport *create(int rank) {
    const struct transport_config config = {.comm = MPI_COMM_WORLD,
                                            .frame_bytes = FRAME_BYTES,
                                            .message_bytes_max = MESSAGE_BYTES_MAX,
                                            .pool_bytes = (size_t)64 << 10,
                                            .receive_slots = SLOTS,
                                            .deliver = deliver};
    struct transport *created = NULL;
    char error[TRANSPORT_ERROR_SIZE];
    fuzz_mpi_begin(rank);
    FUZZ_REQUIRE(transport_create(&config, &created, error) == CHORD_OK);
    return created;
}

/* One poll, or so many empty ones that it looks at all slots, of which only the last is made. */
static void poll(bool looks_at_all) {
    if (looks_at_all) {
        receiver->empty_polls = UINT32_MAX;
    }
    (void)transport_poll(receiver, POLL_FRAMES);
    (void)transport_poll(receiver, POLL_FRAMES);
}

/* --- hostile --- */

static void let_arrive(struct fuzz_bytes *bytes, unsigned choices) {
    unsigned char frame[FRAME_BYTES + 64];
    const int from = 1 + (choices & 1);
    size_t size = fuzz_take8(bytes);
    size += choices & 2 ? 32 : 0; /* also frames that are too large */
    const uint8_t *taken = fuzz_take(bytes, &size);
    memcpy(frame, taken, size);
    if (choices & 4 && size >= FRAME_HEADER_BYTES && size <= FRAME_BYTES) {
        /* A header that is right, or nearly: the next sequence number, or one that is early. */
        const uint32_t early = choices & 8 ? frame[0] % 4u : 0;
        frame_write_header(frame, receiver->peers[from].receive_sequence + early, (uint32_t)size,
                           frame[6] % 8u == 1 ? FRAME_RESTART : 0);
    }
    (void)fuzz_mpi_arrive(from, frame, size, (choices & 16) != 0);
}

static void be_hostile(struct fuzz_bytes *bytes) {
    /* A malformed frame ends the process, so what was just at hand there is never given back. */
    __lsan_disable();
    if (setjmp(malformed_jump) == 0) {
        for (uint32_t i = 0; bytes->left > 0 && i < EVENTS_MAX; i++) {
            const unsigned choices = fuzz_take8(bytes);
            if (choices & 64) {
                fuzz_mpi_complete();
            } else {
                let_arrive(bytes, choices);
            }
            poll(choices & 32);
        }
        FUZZ_REQUIRE(receiver->statistics.malformed == 0);
    }
    __lsan_enable();
    receiver->delivering = false; /* the process would have ended there */
}

/* --- round trip --- */

static void send_all(struct fuzz_bytes *bytes, struct transport *sender) {
    while (bytes->left >= 3 && sent_count < MESSAGES_MAX) {
        static unsigned char message[MESSAGE_BYTES_MAX];
        const uint32_t size = 1 + fuzz_take16(bytes) % MESSAGE_BYTES_MAX;
        const uint8_t fill = fuzz_take8(bytes);
        for (uint32_t i = 0; i < size; i++) {
            message[i] = (unsigned char)(fill + i);
        }
        sent[sent_count++] = (struct message){.size = size, .fill = fill};
        if (size <= transport_record_bytes_max(sender) && fill & 1) {
            memcpy(transport_reserve(sender, 0, size), message, size);
            transport_commit(sender, size);
        } else {
            const size_t head = fill % (size + 1);
            transport_send_large(sender, 0, message, head, message + head, size - head);
        }
        if (fill % 5 == 0) {
            (void)transport_flush(sender);
        }
        if (sent_count % 8 == 0) {
            return; /* no more frames at once than the account of MPI has room for */
        }
    }
}

static void go_round(struct fuzz_bytes *bytes) {
    sent_count = 0;
    delivered_count = 0;
    /* One transport after the other: both see the one world of fuzz_mpi. */
    struct transport *sender = create(1);
    static unsigned char frames[64][4096];
    static size_t sizes[64];
    uint32_t frame_count = 0;
    const unsigned lateness = fuzz_take8(bytes);
    send_all(bytes, sender);
    int to = 0;
    (void)transport_flush(sender);
    while (transport_pending(sender)) {
        (void)transport_flush(sender);
    }
    while (frame_count < 64 && (sizes[frame_count] = fuzz_mpi_take_sent(frames[frame_count], &to)) > 0) {
        FUZZ_REQUIRE(to == 0);
        frame_count++;
    }
    transport_destroy(sender);
    receiver = create(0);
    for (uint32_t i = 0; i < frame_count; i++) {
        while (!fuzz_mpi_arrive(1, frames[i], sizes[i], (lateness >> i % 8 & 1) != 0)) {
            fuzz_mpi_complete();
            poll(true);
        }
    }
    for (uint32_t i = 0; i < 2 * SLOTS && delivered_count < sent_count; i++) {
        poll(true);
        fuzz_mpi_complete();
    }
    FUZZ_REQUIRE(delivered_count == sent_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes bytes = {.at = data, .left = size};
    chord_check_set_hook(on_check);
    is_hostile = fuzz_take8(&bytes) % 2 == 0;
    if (is_hostile) {
        receiver = create(0);
        be_hostile(&bytes);
    } else {
        go_round(&bytes);
    }
    transport_destroy(receiver);
    return 0;
}
