#include "app/driver/witness.h"

#include "chord/base/check.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Records in one CONTROL_RECORDS message, which then fits into a frame; the next one waits for the acknowledgement. */
#define RECORDS_PER_MESSAGE 70u

/* Sent as it is, as far as it is filled. */
struct witness_message {
    struct control_records head;
    struct history_record records[RECORDS_PER_MESSAGE];
};

enum chord_status witness_init(struct witness *witness, struct runtime *runtime, const struct chord_config *config) {
    *witness = (struct witness){.runtime = runtime, .config = config};
    witness->outboxes = calloc(config->rank_count, sizeof *witness->outboxes);
    witness->is_lost = calloc(config->rank_count, sizeof *witness->is_lost);
    witness->messages = calloc(config->rank_count, sizeof *witness->messages);
    return witness->outboxes == NULL || witness->is_lost == NULL || witness->messages == NULL ? CHORD_NO_MEMORY
                                                                                              : CHORD_OK;
}

void witness_clear(struct witness *witness) {
    free(witness->outboxes);
    free(witness->is_lost);
    free(witness->messages);
    free(witness->kept);
    history_free(&witness->received);
    history_free(&witness->foreign);
    judge_free(&witness->judge);
    *witness = (struct witness){0};
}

void witness_reset(struct witness *witness) {
    judge_free(&witness->judge);
    history_reset(&witness->received);
    history_reset(&witness->foreign);
}

/* --- sending --- */

static uint32_t judge_of(const struct witness *witness, uint64_t key_digest) {
    /* The high bits: the judge's own tables use the digest as it is. */
    const uint32_t rank = (uint32_t)(((unsigned __int128)key_digest * witness->config->rank_count) >> 64);
    return witness->is_lost[rank] ? witness->config->coordinator_rank : rank;
}

static void send_message(struct witness *witness, uint32_t judge) {
    struct witness_outbox *outbox = &witness->outboxes[judge];
    struct witness_message *message = &witness->messages[judge];
    message->head = (struct control_records){.attempt = witness->attempt};
    runtime_send_control(witness->runtime, judge, CONTROL_RECORDS, message,
                         offsetof(struct witness_message, records) + outbox->count * sizeof *message->records);
    outbox->count = 0;
    outbox->awaiting_ack = true;
}

/* There is one. */
static const struct history_record *next_record(const struct witness *witness) {
    const size_t own_count = witness->history->count;
    return witness->next < own_count ? &witness->history->records[witness->next]
                                     : &witness->foreign.records[witness->next - own_count];
}

/* Fills messages in the order of the records, up to one whose judge is behind: so no copy of all of them is needed. The last
 * messages go when there is nothing more to fill them with. */
static void feed_judges(struct witness *witness) {
    const size_t count = witness->history->count + witness->foreign.count;
    for (; witness->next < count; witness->next++) {
        const struct history_record *record = next_record(witness);
        const uint32_t judge = judge_of(witness, record->key_digest);
        struct witness_outbox *outbox = &witness->outboxes[judge];
        if (outbox->count == RECORDS_PER_MESSAGE) {
            if (outbox->awaiting_ack) {
                return;
            }
            send_message(witness, judge);
        }
        struct history_record *sent = &witness->messages[judge].records[outbox->count++];
        *sent = *record;
        if (witness->next < witness->history->count) { /* not on rank 0's clock yet */
            history_shift(sent, witness->offset_ns, witness->error_ns);
        }
    }
    bool done = true;
    for (uint32_t rank = 0; rank < witness->config->rank_count; rank++) {
        struct witness_outbox *outbox = &witness->outboxes[rank];
        if (outbox->count > 0 && !outbox->awaiting_ack) {
            send_message(witness, rank);
        }
        done = done && outbox->count == 0 && !outbox->awaiting_ack;
    }
    witness->scattering = !done;
}

/* Records of a newer attempt have come, or are to be sent: those of older ones count no more. */
static void adopt(struct witness *witness, uint32_t attempt) {
    if (attempt > witness->attempt) {
        witness->attempt = attempt;
        history_reset(&witness->received);
    }
}

void witness_scatter(struct witness *witness, const struct history *history, int64_t offset_ns, uint64_t error_ns,
                     uint32_t attempt, const bool *is_lost) {
    adopt(witness, attempt);
    memcpy(witness->is_lost, is_lost, witness->config->rank_count * sizeof *witness->is_lost);
    memset(witness->outboxes, 0, witness->config->rank_count * sizeof *witness->outboxes);
    witness->history = history;
    witness->next = 0;
    witness->offset_ns = offset_ns;
    witness->error_ns = error_ns;
    witness->scattering = true;
    feed_judges(witness);
}

bool witness_receive_ack(struct witness *witness, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct control_records head;
    chord_check(size == sizeof head);
    memcpy(&head, bytes, sizeof head);
    if (head.attempt != witness->attempt || !witness->scattering) {
        return false;
    }
    witness->outboxes[from_rank].awaiting_ack = false;
    feed_judges(witness);
    return !witness->scattering;
}

/* --- judging --- */

void witness_receive_records(struct witness *witness, uint32_t from_rank, const unsigned char *bytes, size_t size) {
    struct control_records head;
    chord_check(size >= sizeof head);
    memcpy(&head, bytes, sizeof head);
    adopt(witness, head.attempt);
    const size_t count = (size - sizeof head) / sizeof(struct history_record);
    if (head.attempt == witness->attempt) {
        chord_check(history_append_all(&witness->received, bytes + sizeof head, count) == CHORD_OK);
    }
    runtime_send_control(witness->runtime, from_rank, CONTROL_RECORDS_ACK, &head, sizeof head);
}

struct control_judged witness_judge(struct witness *witness) {
    struct control_judged judged = {0};
    judged.failed = judge_segment(&witness->judge, witness->received.records, witness->received.count,
                                  witness->config->consistency, &judged.verdict) != CHORD_OK;
    judged.content = judge_content(&witness->judge);
    history_reset(&witness->received);
    history_reset(&witness->foreign);
    return judged;
}

unsigned char *witness_keep(struct witness *witness, uint64_t offset, size_t *size) {
    if (offset == 0) {
        free(witness->kept);
        witness->kept = judge_keep(&witness->judge, &witness->kept_size);
        chord_check(witness->kept != NULL);
    }
    const struct control_kept head = {.size = witness->kept_size};
    const size_t left = offset < witness->kept_size ? witness->kept_size - (size_t)offset : 0;
    const size_t count = left < CONTROL_KEPT_BYTES ? left : CONTROL_KEPT_BYTES;
    unsigned char *piece = malloc(sizeof head + count);
    chord_check(piece != NULL);
    memcpy(piece, &head, sizeof head);
    if (count > 0) {
        memcpy(piece + sizeof head, witness->kept + offset, count);
    }
    if (count == left) {
        free(witness->kept);
        witness->kept = NULL;
        witness->kept_size = 0;
    }
    *size = sizeof head + count;
    return piece;
}

void witness_testify(struct witness *witness, const struct history_record *record) {
    chord_check(history_append(&witness->foreign, record) == CHORD_OK);
}
