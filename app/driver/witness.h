/* A rank's part in judging a phase: it sends the records of what its client did to the ranks that their keys hash to, and
 * judges what it was sent. It speaks with the other ranks' witnesses, and does what the driver says (control.h):
 *
 *     SCATTER   all: CONTROL_RECORDS to the judges, the next ones when the last were acknowledged
 *     JUDGE     all: T1 on what has come
 *     KEEP      all: what the judge keeps for the next phase goes to rank 0, which outlives everybody
 *
 * The share of a judge that is lost is rank 0's: it takes over what it has kept of it. Rank 0 testifies for lost clients, too.
 * When a rank is lost while records are sent, the judging begins anew as the next attempt; what is left of the one before is
 * acknowledged and ignored. */
#ifndef APP_DRIVER_WITNESS_H
#define APP_DRIVER_WITNESS_H

#include "app/driver/control.h"
#include "app/mpi/runtime.h"

struct witness_message; /* private to witness.c */

/* What goes to one judge: a message that is being filled. */
struct witness_outbox {
    size_t count; /* of its records */
    bool awaiting_ack; /* of the message before */
};

struct witness {
    struct runtime *runtime; /* borrowed */
    const struct chord_config *config;
    uint32_t attempt;
    bool *is_lost; /* owned; by rank: rank 0 judges in its place */

    bool scattering;
    const struct history *history; /* borrowed while scattering: what is sent, before `foreign` */
    size_t next;                   /* of both, the first record that isn't in an outbox yet */
    int64_t offset_ns;             /* to rank 0's clock, of the history */
    uint64_t error_ns;
    struct witness_outbox *outboxes; /* owned; by judge */
    struct witness_message *messages; /* owned; by judge */

    struct history received; /* for this rank's judge */
    struct history foreign;  /* rank 0: what lost clients did, on rank 0's clock */
    struct judge judge;
    unsigned char *kept; /* owned; what is given away piece by piece */
    size_t kept_size;
};

/* runtime and config are borrowed. CHORD_NO_MEMORY: to be cleared all the same. */
CHORD_MUST_CHECK enum chord_status witness_init(struct witness *witness, struct runtime *runtime,
                                                const struct chord_config *config);
void witness_clear(struct witness *witness);

/* The ring begins anew: nothing is known of any key. */
void witness_reset(struct witness *witness);

/* SCATTER: begins to send the records of the history, which doesn't change until that is over, with all digests, by a clock that
 * is offset_ns behind rank 0's, give or take error_ns. is_lost: by rank, attempt as in control.h. */
void witness_scatter(struct witness *witness, const struct history *history, int64_t offset_ns, uint64_t error_ns,
                     uint32_t attempt, const bool *is_lost);

/* CONTROL_RECORDS and CONTROL_RECORDS_ACK. Returns whether the last acknowledgement of witness_scatter has come now. */
void witness_receive_records(struct witness *witness, uint32_t from_rank, const unsigned char *bytes, size_t size);
bool witness_receive_ack(struct witness *witness, uint32_t from_rank, const unsigned char *bytes, size_t size);

/* A rank that was to be sent records has none: whether witness_scatter is over at once. */
static inline bool witness_is_done(const struct witness *witness) {
    return !witness->scattering;
}

/* JUDGE. */
struct control_judged witness_judge(struct witness *witness);

/* KEEP: a control_kept and the bytes from `offset` on, *size of them, to be freed by free(). */
unsigned char *witness_keep(struct witness *witness, uint64_t offset, size_t *size);

/* Rank 0: a record of a lost client, for the next witness_scatter, which forgets it when it is judged. */
void witness_testify(struct witness *witness, const struct history_record *record);

#endif
