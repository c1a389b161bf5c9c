#include "app/driver/commander.h"

#include "chord/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
/* How long a stuck run's ranks have to say what they wait for. */
#define WAITING_NS (2 * SECOND_NS)
/* How long a probe waits for a rank that doesn't reply before all are asked anew. */
#define PROBE_PATIENCE_NS (5 * SECOND_NS)
/* Tokens that no round has. */
#define TOKEN_PROBE 0u
#define TOKEN_WAITING 1u
#define TOKEN_FIRST 2u

enum chord_status commander_init(struct commander *commander, struct runtime *runtime, uint32_t rank_count,
                                 uint64_t timeout_ns, bool shows_progress) {
    *commander = (struct commander){.runtime = runtime,
                                    .rank_count = rank_count,
                                    .timeout_ns = timeout_ns,
                                    .shows_progress = shows_progress,
                                    .token = TOKEN_FIRST};
    commander->waiting = calloc(rank_count, sizeof *commander->waiting);
    commander->given = calloc(rank_count, sizeof *commander->given);
    commander->is_lost = calloc(rank_count, sizeof *commander->is_lost);
    commander->probe.is_awaited = calloc(rank_count, sizeof *commander->probe.is_awaited);
    return commander->waiting == NULL || commander->given == NULL || commander->is_lost == NULL ||
                   commander->probe.is_awaited == NULL
               ? CHORD_NO_MEMORY
               : CHORD_OK;
}

void commander_clear(struct commander *commander) {
    for (uint32_t rank = 0; commander->waiting != NULL && rank < commander->rank_count; rank++) {
        free(commander->waiting[rank]);
    }
    for (uint32_t rank = 0; commander->given != NULL && rank < commander->rank_count; rank++) {
        free(commander->given[rank].bytes);
    }
    free(commander->waiting);
    free(commander->given);
    free(commander->is_lost);
    free(commander->probe.is_awaited);
    commander->waiting = NULL;
    commander->given = NULL;
    commander->is_lost = NULL;
    commander->probe.is_awaited = NULL;
}

static void forget_command(struct commander *commander, uint32_t rank) {
    free(commander->given[rank].bytes);
    commander->given[rank] = (struct commander_command){.bytes = NULL};
}

void commander_begin(struct commander *commander, const char *what, commander_reply *on_reply, void *context) {
    commander->what = what;
    commander->token++;
    commander->missing_count = 0;
    commander->on_reply = on_reply;
    commander->context = context;
    commander->progress_ns = commander->runtime->now_ns;
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        forget_command(commander, rank);
    }
}

/* A message of a command; the caller frees it. */
static struct commander_command make_command(struct commander *commander, enum control_command command, uint32_t token,
                                             const void *bytes, size_t size) {
    /* Probes are never given twice. */
    const uint32_t serial = token >= TOKEN_FIRST ? ++commander->serial : 0;
    const struct control_head head = {.command = command, .token = token, .serial = serial};
    struct commander_command made = {.bytes = malloc(sizeof head + size), .size = sizeof head + size};
    chord_check(made.bytes != NULL);
    memcpy(made.bytes, &head, sizeof head);
    if (size > 0) {
        memcpy(made.bytes + sizeof head, bytes, size);
    }
    return made;
}

static void send_command(struct commander *commander, uint32_t rank, const struct commander_command *command) {
    runtime_send_control(commander->runtime, rank, CONTROL_COMMAND, command->bytes, command->size);
}

void commander_tell(struct commander *commander, uint32_t rank, enum control_command command, const void *bytes,
                    size_t size) {
    if (commander->is_lost[rank]) {
        return;
    }
    chord_check(commander->given[rank].bytes == NULL);
    commander->missing_count++;
    commander->given[rank] = make_command(commander, command, commander->token, bytes, size);
    send_command(commander, rank, &commander->given[rank]);
}

void commander_order(struct commander *commander, uint32_t rank, enum control_command command, const void *bytes,
                     size_t size) {
    const struct commander_command made = make_command(commander, command, 0, bytes, size);
    send_command(commander, rank, &made);
    free(made.bytes);
}

void commander_opened(struct commander *commander, uint32_t rank) {
    if (commander_awaits(commander, rank)) {
        send_command(commander, rank, &commander->given[rank]);
    }
}

/* All have told how far they are. */
static void end_probe(struct commander *commander) {
    commander->probe.open = false;
    if (commander->probe.progress_sum != commander->last_progress_sum ||
        commander->probe.completed_sum != commander->last_completed_sum) {
        commander->progress_ns = commander->runtime->now_ns;
    }
    commander->last_progress_sum = commander->probe.progress_sum;
    commander->last_completed_sum = commander->probe.completed_sum;
    if (commander->shows_progress && commander->probe.loaded_sum > 0) {
        fprintf(stderr, "\r%s: %" PRIu64 " of %" PRIu64 " operations\033[K", commander->what,
                commander->probe.completed_sum, commander->probe.loaded_sum);
        fflush(stderr);
        commander->showed_progress = true;
    }
}

static void expect_no_probe(struct commander *commander, uint32_t rank) {
    if (commander->probe.open && commander->probe.is_awaited[rank]) {
        commander->probe.is_awaited[rank] = false;
        if (--commander->probe.missing_count == 0) {
            end_probe(commander);
        }
    }
}

static void take_probe(struct commander *commander, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct control_state state;
    if (!commander->probe.open || !commander->probe.is_awaited[from_rank] || size != sizeof state) {
        return;
    }
    memcpy(&state, bytes, sizeof state);
    commander->probe.progress_sum += state.progress_count;
    commander->probe.completed_sum += state.completed_count;
    commander->probe.loaded_sum += state.loaded_count;
    expect_no_probe(commander, from_rank);
}

void commander_lose(struct commander *commander, uint32_t rank) {
    commander->is_lost[rank] = true;
    expect_no_probe(commander, rank);
    if (commander_awaits(commander, rank)) {
        forget_command(commander, rank);
        commander->missing_count--;
    }
}

void commander_receive(struct commander *commander, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct control_head head;
    chord_check(size >= sizeof head);
    memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    size -= sizeof head;
    if (head.token == TOKEN_PROBE) {
        take_probe(commander, from_rank, bytes, size);
    } else if (head.token == TOKEN_WAITING) {
        free(commander->waiting[from_rank]);
        commander->waiting[from_rank] = strndup((const char *)bytes, size);
    } else if (head.token == commander->token && commander_awaits(commander, from_rank)) {
        forget_command(commander, from_rank);
        commander->missing_count--;
        commander->progress_ns = commander->runtime->now_ns;
        if (commander->on_reply != NULL) {
            commander->on_reply(commander->context, from_rank, bytes, size);
        }
    }
}

static void ask_all_without_waiting(struct commander *commander, enum control_command command, uint32_t token) {
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        if (!commander->is_lost[rank]) {
            const struct commander_command made = make_command(commander, command, token, NULL, 0);
            send_command(commander, rank, &made);
            free(made.bytes);
        }
    }
}

/* A rank that has been out may have lost the question; it will be asked the next time. */
static void open_probe(struct commander *commander) {
    bool *is_awaited = commander->probe.is_awaited;
    commander->probe = (struct commander_probe){
        .open = true, .is_awaited = is_awaited, .asked_ns = commander->runtime->now_ns};
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        is_awaited[rank] = !commander->is_lost[rank] && runtime_can_reach(commander->runtime, rank);
        commander->probe.missing_count += is_awaited[rank];
    }
    ask_all_without_waiting(commander, COMMAND_STATE, TOKEN_PROBE);
}

void commander_give_up(struct commander *commander) {
    commander->stuck = true;
    const uint64_t asked_ns = commander->runtime->now_ns;
    ask_all_without_waiting(commander, COMMAND_WAITING, TOKEN_WAITING);
    while (commander->runtime->now_ns - asked_ns < WAITING_NS) {
        (void)runtime_step(commander->runtime);
    }
    fprintf(stderr, "chordkv: no progress for %" PRIu64 " s while %s; this is what the ranks wait for:\n",
            commander->timeout_ns / SECOND_NS, commander->what);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        const char *waiting = commander->waiting[rank];
        fprintf(stderr, "  rank %u: %s\n", rank,
                commander->is_lost[rank] ? "taken for dead: nothing"
                : waiting == NULL        ? "no answer: stopped, dead or out of reach"
                                         : waiting);
    }
}

static void watch(struct commander *commander) {
    const uint64_t now_ns = commander->runtime->now_ns;
    /* One that isn't answered by all, since a rank has stopped, is followed by another one all the same. */
    const uint64_t pause_ns = commander->probe.open ? PROBE_PATIENCE_NS : SECOND_NS;
    if (now_ns - commander->probe.asked_ns > pause_ns) {
        open_probe(commander);
    }
    if (now_ns - commander->progress_ns > commander->timeout_ns) {
        commander_give_up(commander);
    }
}

bool commander_turn(struct commander *commander) {
    if (commander->stuck) {
        return false;
    }
    (void)runtime_step(commander->runtime);
    if (commander->look != NULL) {
        commander->look(commander->look_context);
    }
    watch(commander);
    return !commander->stuck;
}

bool commander_idle(struct commander *commander) {
    /* Neither the watchdog nor its probes are due when the next command comes. */
    commander->progress_ns = commander->runtime->now_ns;
    commander->probe.asked_ns = commander->runtime->now_ns;
    return runtime_step(commander->runtime);
}

bool commander_wait(struct commander *commander) {
    while (commander->missing_count > 0) {
        if (!commander_turn(commander)) {
            return false;
        }
    }
    if (commander->showed_progress) {
        fprintf(stderr, "\r\033[K");
        commander->showed_progress = false;
    }
    return true;
}

bool commander_ask_all(struct commander *commander, const char *what, enum control_command command, const void *bytes,
                       size_t size, commander_reply *on_reply, void *context) {
    commander_begin(commander, what, on_reply, context);
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        commander_tell(commander, rank, command, bytes, size);
    }
    return commander_wait(commander);
}
