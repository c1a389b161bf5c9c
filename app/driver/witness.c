#include "app/driver/witness.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

/* Records in one CONTROL_RECORDS message; the next one waits for the acknowledgement. */
#define RECORDS_PER_MESSAGE 512u

enum chord_status witness_init(struct witness *witness, struct runtime *runtime, const struct chord_config *config) {
    *witness = (struct witness){.runtime = runtime, .config = config};
    witness->outboxes = calloc(config->rank_count, sizeof *witness->outboxes);
    witness->is_lost = calloc(config->rank_count, sizeof *witness->is_lost);
    return witness->outboxes == NULL || witness->is_lost == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

void witness_clear(struct witness *witness) {
    free(witness->outboxes);
    free(witness->is_lost);
    free(witness->sorted);
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

static void send_records(const struct witness *witness, uint32_t to_rank, const struct history_record *records,
                         size_t count) {
    unsigned char message[sizeof(struct control_records) + RECORDS_PER_MESSAGE * sizeof *records];
    const struct control_records head = {.attempt = witness->attempt};
    memcpy(message, &head, sizeof head);
    memcpy(message + sizeof head, records, count * sizeof *records);
    runtime_send_control(witness->runtime, to_rank, CONTROL_RECORDS, message, sizeof head + count * sizeof *records);
}

/* Sends every judge that isn't behind its next records. */
static void feed_judges(struct witness *witness) {
    bool done = true;
    for (uint32_t rank = 0; rank < witness->config->rank_count; rank++) {
        struct witness_outbox *outbox = &witness->outboxes[rank];
        if (!outbox->awaiting_ack && outbox->next < outbox->end) {
            const size_t left = outbox->end - outbox->next;
            const size_t count = left < RECORDS_PER_MESSAGE ? left : RECORDS_PER_MESSAGE;
            send_records(witness, rank, &witness->sorted[outbox->next], count);
            outbox->next += count;
            outbox->awaiting_ack = true;
        }
        done &= !outbox->awaiting_ack && outbox->next == outbox->end;
    }
    if (done) {
        witness->scattering = false;
        free(witness->sorted);
        witness->sorted = NULL;
    }
}

/* Makes the outboxes as long as what goes into them: counting sort by judge. */
static void size_outboxes(struct witness *witness, const struct history *histories[2]) {
    memset(witness->outboxes, 0, witness->config->rank_count * sizeof *witness->outboxes);
    for (unsigned h = 0; h < 2; h++) {
        for (size_t i = 0; i < histories[h]->count; i++) {
            witness->outboxes[judge_of(witness, histories[h]->records[i].key_digest)].end++;
        }
    }
    size_t position = 0;
    for (uint32_t rank = 0; rank < witness->config->rank_count; rank++) {
        const size_t count = witness->outboxes[rank].end;
        witness->outboxes[rank].next = position;
        witness->outboxes[rank].end = position;
        position += count;
    }
}

static void put(struct witness *witness, const struct history_record *record) {
    witness->sorted[witness->outboxes[judge_of(witness, record->key_digest)].end++] = *record;
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
    const struct history *histories[2] = {history, &witness->foreign};
    adopt(witness, attempt);
    memcpy(witness->is_lost, is_lost, witness->config->rank_count * sizeof *witness->is_lost);
    free(witness->sorted);
    witness->sorted = malloc((history->count + witness->foreign.count + 1) * sizeof *witness->sorted);
    chord_check(witness->sorted != NULL);
    size_outboxes(witness, histories);
    for (size_t i = 0; i < history->count; i++) {
        struct history_record record = history->records[i];
        history_shift(&record, offset_ns, error_ns); /* onto rank 0's clock */
        put(witness, &record);
    }
    for (size_t i = 0; i < witness->foreign.count; i++) {
        put(witness, &witness->foreign.records[i]);
    }
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
    for (size_t at = sizeof head; head.attempt == witness->attempt && at < size; at += sizeof(struct history_record)) {
        struct history_record record;
        memcpy(&record, bytes + at, sizeof record);
        chord_check(history_append(&witness->received, &record) == CHORD_OK);
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
