/* The ranks that fail while a phase runs: makes a result_fault of each that was made to fail, by the schedule or by a
 * person, and of each that fell silent by itself, was killed from outside, or was only suspected. Pure: it is fed with
 * notices and times of rank 0's clock, and sends nothing.
 *
 * Which notice belongs to which fault. A suspicion belongs to the newest fault of its rank, if that one has none yet and
 * still lasts: a pause that was over when the rank was last heard is not what it is suspected for. Otherwise it is a fault
 * of its own. A view change that leaves out nodes of the rank belongs to the rank's faults that are suspected, and to the
 * newest in any case; it may belong to faults of several ranks. A fault is over when the rank has no member left. */
#ifndef APP_DRIVER_FAULTS_H
#define APP_DRIVER_FAULTS_H

#include "app/driver/ring.h"
#include "app/report/result.h"
#include "chord/wire/sink.h"

/* What is known of a rank at present, whichever phase it fell silent in. */
struct faults_rank {
    bool is_down;      /* it was silenced or killed: nothing will be heard of it any more */
    bool is_suspected; /* and not heard since */
};

/* A zeroed struct with the borrowed field filled in is ready for faults_init. */
struct faults {
    const struct ring *ring;   /* borrowed; it knows of a notice before faults_notice does */
    struct faults_rank *ranks; /* owned */
    uint32_t rank_count;
    struct result_fault *items; /* owned; with times of rank 0's clock as they are, in the order in which they were noted */
    size_t count;
    size_t capacity;
    struct chord_loss *losses; /* owned */
    size_t loss_count;
    size_t loss_capacity;
    uint64_t start_ns;         /* of faults_start */
    struct result_fault *told; /* owned; what the phase that was measured last has got */
    size_t told_count;
};

/* Makes room. CHORD_NO_MEMORY: nothing to be cleared is left. */
CHORD_MUST_CHECK enum chord_status faults_init(struct faults *faults, uint32_t rank_count);
void faults_clear(struct faults *faults);

/* A phase is about to be loaded: forgets the last one's faults. What is known of the ranks stays. */
void faults_begin(struct faults *faults);

/* Why a rank can't be made to fail now, one line in static storage; NULL if it can. The rank exists and isn't 0. */
const char *faults_refusal(const struct faults *faults, uint32_t rank);

/* A rank is told to fail, at this time. trigger: the event as it was written, or "". */
void faults_inject(struct faults *faults, uint32_t rank, const struct crash *crash, uint64_t now_ns, const char *trigger);

/* A crash was due at this time and is not carried out. */
void faults_refuse(struct faults *faults, uint32_t rank, const struct crash *crash, uint64_t now_ns, const char *trigger,
                   const char *reason);

/* Any notice after the ring was formed; those of ranks that don't exist are ignored. */
void faults_notice(struct faults *faults, const struct chord_notice *notice);

/* Whether the rank can be expected to answer. */
bool faults_is_living(const struct faults *faults, uint32_t rank);

/* The newest fault of a rank that was not refused, with times of rank 0's clock as they are; NULL if there is none. Borrowed
 * until the next call that may change anything. */
const struct result_fault *faults_find(const struct faults *faults, uint32_t rank);

/* From when to when operations felt the fault at this index, which was not refused; the phase's timed part ended at end_ns. A
 * fault that no view change has ended lasts as long as its pause, or to the end. */
struct impact_window faults_window(const struct faults *faults, size_t index, uint64_t end_ns);

/* The phase's timer runs, or runs again; it would have been 0 at this time of rank 0's clock if it had never stopped. */
void faults_start(struct faults *faults, uint64_t start_ns);

/* When the ring is quiet: gives every fault times of the phase's timer, and the throughput around it, sorts them, and fills in
 * phase->faults and phase->losses, borrowed until the next faults_begin. The faults' impacts were filled in before. How long
 * something took is told by the clock, even if the timer stopped meanwhile. */
void faults_measure(struct faults *faults, struct result_phase *phase);

#endif
