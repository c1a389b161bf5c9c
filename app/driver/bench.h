/* The driver's part in generated phases: what each rank is to make, what came of it, and the answers that only a
 * generator can know to be wrong. */
#ifndef APP_DRIVER_BENCH_H
#define APP_DRIVER_BENCH_H

#include "app/driver/steps.h"

struct bench;

/* NULL: no memory. */
struct bench *bench_create(void);
void bench_destroy(struct bench *bench);

/* Tells all ranks what they make in the phase. *loaded: by rank, how many operations, as far as known; 1 if nobody knows.
 * False if the ring is stuck. */
CHORD_MUST_CHECK bool bench_load(struct bench *bench, struct driver *driver, const struct driver_file *file,
                                 uint64_t *loaded);

/* The phase is over and quiet: phase->generated, borrowed until the next bench_load. False if the ring is stuck. */
CHORD_MUST_CHECK bool bench_gather(struct bench *bench, struct driver *driver, struct result_phase *phase);

/* What is drawn is there, if the ring keeps what it acknowledges and nothing is deleted: whoever finds it absent is wrong,
 * even if no version contradicts it. */
void bench_judge(const struct bench *bench, const struct driver *driver, struct result_verdict *verdict);

#endif
