/* What must be true. It watches from outside: no role reads what is here.
 *
 * `truth` is the longest list of writes that any answer has shown. Every answer must show a list that is a beginning of
 * it or goes on from it, and at least what had been shown when its operation began: then the order of the writes in
 * `truth` is a linearization. Answers reach their clients at once: later arrival only leaves more orders open. */

byte truth;
byte floor_write[3]; /* how long the truth was when the operation began */
byte floor_read;

/* Each is 1 until it is found to be wrong: the name is what the verifier prints. */
bit exactly_once = 1;          /* I7: no write takes effect twice in one state or is answered with two versions */
bit answers_in_one_order = 1;  /* every answer goes on from, or is a beginning of, what others have shown */
bit answer_not_too_old = 1;    /* I9, real time: it shows what was shown before its operation began */
bit answer_has_the_write = 1;  /* I5: a write that is answered is in the tail's state */
bit source_has_truth = 1;      /* I6: a new chain starts with every acknowledged write */
bit chain_agrees = 1;          /* at commit the chain's members have the same state */
bit one_epoch_active = 1;      /* I2 */
bit complete_not_empty = 1;
bit prefix_kept = 1;           /* I3: a chain's member never lacks a write before the one that it gets */
bit delta_is_exact = 1;        /* M4: a delta leads to the source's state */
bit delta_fits = 1;            /* M4: a receiver is never sent a delta that it can't use */
bit source_found = 1;          /* C4, and the node that is named has data */

byte list_a, list_b, length_a, length_b; /* scratch; always 0 outside */

#define CHECK(name, condition) name = (condition); assert(name)

/* Sanity: with GOAL set to the number, a run must find that the event does occur. */
#define REACHED(goal) assert(GOAL != goal)
#define SECOND_EXCLUSION 1          /* an exclusion interrupts the change that another has begun */
#define TRANSFER_INTERRUPTED 2      /* PREPARE between two pieces */
#define ANSWERED_FROM_RECORD 3      /* a repeated write that a client waits for is answered by the tail's record */
#define PULL_HELD 4                 /* a PULL came before the INSTALL of its epoch */
#define LATE_CHAIN_MESSAGE 5        /* chain traffic of an older epoch is refused */
#define WRITE_UNDONE 6              /* a member was ahead of the source and has undone a write */
#define BELOW_WATERMARK 7           /* a late duplicate is refused */
#define REJOINED 8                  /* an excluded node is in a committed chain as its next incarnation */
#define COMMIT_INFERRED 9           /* an operation comes before ACTIVATE */
#define SOURCE_NOT_IN_CHAIN 10      /* a displaced holder, or a leaver, is the source */
#define SYNCED_WHILE_WEDGING 11     /* C5 */
#define LAST_COPY_KEPT 12           /* C8 keeps a suspicion */
#define DELTA_BRINGS_WRITE 13       /* a member that was complete gets only a write that it lacks */
#define LATE_PIECE 14               /* a piece of an older epoch is thrown away */
#define CRASHED_EXCLUDED 15
#define JOINT_WRITE_UNDONE 16       /* what came in the delta of a change that then failed is undone */

#define LENGTH(list) ((list) == 0 -> 0 : ((list) < 4 -> 1 : ((list) < 16 -> 2 : 3)))
#define CONTAINS(list, w) ((list) % 4 == (w) || ((list) / 4) % 4 == (w) || ((list) / 16) % 4 == (w))
#define CUT(list, length) ((list) >> (2 * (LENGTH(list) - (length)))) /* the first so many, if there are as many */

/* An answer that shows the list `shown`, of an operation that began when the truth was `from` long. */
inline check_answer(shown, from) {
    length_a = LENGTH(shown);
    length_b = LENGTH(truth);
    CHECK(answer_not_too_old, length_a >= from);
    if
    :: length_a >= length_b -> CHECK(answers_in_one_order, CUT(shown, length_b) == truth); truth = shown
    :: else -> CHECK(answers_in_one_order, CUT(truth, length_a) == shown)
    fi;
    length_a = 0; length_b = 0
}

/* A source must have everything that anybody was answered. */
inline check_source(s) {
    CHECK(source_found, base[s] != 0);
    length_a = LENGTH(value[s]);
    length_b = LENGTH(truth);
    CHECK(source_has_truth, length_a >= length_b && CUT(value[s], length_b) == truth);
    length_a = 0; length_b = 0
}

/* All members of the chain that is being committed have what its head has. */
#define SAME_STATE(a, b) (value[a] == value[b] && version[a] == version[b] && watermark[a] == watermark[b] && \
                          RECORD(a, 1) == RECORD(b, 1) && RECORD(a, 2) == RECORD(b, 2))
#define AGREES(n) (!HAS(attempt_chain, n) || SAME_STATE(n, LOWEST(attempt_chain)))
#if NODES == 4
#define ALL_AGREE (AGREES(0) && AGREES(1) && AGREES(2) && AGREES(3))
#else
#define ALL_AGREE (AGREES(0) && AGREES(1) && AGREES(2))
#endif

/* Nobody but excluded nodes is still active in an epoch other than n's, which has just become active. */
#define NOT_BESIDE(m, n) (HAS(excluded, m) || status[m] != ACTIVE || IS_WEDGED(m) || epoch[m] == epoch[n])
#if NODES == 4
#define ALONE_ACTIVE(n) (NOT_BESIDE(0, n) && NOT_BESIDE(1, n) && NOT_BESIDE(2, n) && NOT_BESIDE(3, n))
#else
#define ALONE_ACTIVE(n) (NOT_BESIDE(0, n) && NOT_BESIDE(1, n) && NOT_BESIDE(2, n))
#endif
