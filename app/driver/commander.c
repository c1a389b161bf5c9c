#include "app/driver/commander.h"

#include "chord/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)
/* How long a stuck run's ranks have to say what they wait for. */
#define WAITING_NS (2 * SECOND_NS)
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
    return commander->waiting == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

void commander_clear(struct commander *commander) {
    for (uint32_t rank = 0; commander->waiting != NULL && rank < commander->rank_count; rank++) {
        free(commander->waiting[rank]);
    }
    free(commander->waiting);
    commander->waiting = NULL;
}

void commander_begin(struct commander *commander, const char *what, commander_reply *on_reply, void *context) {
    commander->what = what;
    commander->token++;
    commander->missing_count = 0;
    commander->on_reply = on_reply;
    commander->context = context;
    commander->progress_ns = commander->runtime->now_ns;
}

static void send_command(struct commander *commander, uint32_t rank, enum control_command command, uint32_t token,
                         const void *bytes, size_t size) {
    const struct control_head head = {.command = command, .token = token};
    unsigned char *message = malloc(sizeof head + size);
    chord_check(message != NULL);
    memcpy(message, &head, sizeof head);
    if (size > 0) {
        memcpy(message + sizeof head, bytes, size);
    }
    runtime_send_control(commander->runtime, rank, CONTROL_COMMAND, message, sizeof head + size);
    free(message);
}

void commander_tell(struct commander *commander, uint32_t rank, enum control_command command, const void *bytes,
                    size_t size) {
    commander->missing_count++;
    send_command(commander, rank, command, commander->token, bytes, size);
}

static void take_probe(struct commander *commander, const unsigned char *bytes, size_t size) {
    struct control_state state;
    if (!commander->probe.open || size != sizeof state) {
        return;
    }
    memcpy(&state, bytes, sizeof state);
    commander->probe.progress_sum += state.progress_count;
    commander->probe.completed_sum += state.completed_count;
    commander->probe.loaded_sum += state.loaded_count;
    if (--commander->probe.missing_count > 0) {
        return;
    }
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

void commander_receive(struct commander *commander, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct control_head head;
    chord_check(size >= sizeof head);
    memcpy(&head, bytes, sizeof head);
    bytes += sizeof head;
    size -= sizeof head;
    if (head.token == TOKEN_PROBE) {
        take_probe(commander, bytes, size);
    } else if (head.token == TOKEN_WAITING) {
        free(commander->waiting[from_rank]);
        commander->waiting[from_rank] = strndup((const char *)bytes, size);
    } else if (head.token == commander->token) {
        chord_check(commander->missing_count > 0);
        commander->missing_count--;
        commander->progress_ns = commander->runtime->now_ns;
        if (commander->on_reply != NULL) {
            commander->on_reply(commander->context, from_rank, bytes, size);
        }
    }
}

static void ask_all_without_waiting(struct commander *commander, enum control_command command, uint32_t token) {
    for (uint32_t rank = 0; rank < commander->rank_count; rank++) {
        send_command(commander, rank, command, token, NULL, 0);
    }
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
        fprintf(stderr, "  rank %u: %s\n", rank,
                commander->waiting[rank] == NULL ? "no answer: stopped, dead or out of reach"
                                                 : commander->waiting[rank]);
    }
}

static void watch(struct commander *commander) {
    const uint64_t now_ns = commander->runtime->now_ns;
    if (!commander->probe.open && now_ns - commander->probe.asked_ns > SECOND_NS) {
        commander->probe = (struct commander_probe){
            .open = true, .missing_count = commander->rank_count, .asked_ns = now_ns};
        ask_all_without_waiting(commander, COMMAND_STATE, TOKEN_PROBE);
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
