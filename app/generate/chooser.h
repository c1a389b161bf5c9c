/* What comes next: an action of the mix, and the record that it is for. One seed and stream fix the order, but for
 * `latest`, whose draws depend on what is known to be there. */
#ifndef APP_GENERATE_CHOOSER_H
#define APP_GENERATE_CHOOSER_H

#include "app/generate/distribution.h"
#include "app/generate/mix.h"

struct chooser {
    struct mix mix;
    struct distribution distribution;
    struct chord_prng prng;
};

struct choice {
    enum mix_action action;
    uint64_t index; /* of the record; not of MIX_INSERT's, which the caller numbers */
};

/* Generators of different streams are independent. record_count: 1 at least. */
void chooser_init(struct chooser *chooser, const struct mix *mix, enum distribution_kind kind, uint64_t record_count,
                  uint64_t seed, uint64_t stream);

/* mark: as in distribution_draw. */
struct choice chooser_next(struct chooser *chooser, uint64_t mark);

#endif
