#include "tests/sim/faults.h"

static uint64_t between(struct chord_prng *prng, uint64_t least, uint64_t most) {
    return least + chord_prng_below(prng, most - least + 1);
}

static struct fault draw(struct chord_prng *prng, const struct chord_config *config, uint64_t span_ticks) {
    /* Half of them last about as long as it takes to be suspected, so that words and deeds cross. */
    const uint64_t patience = config->suspicion_ticks;
    static const enum fault_kind kinds[] = {FAULT_CRASH, FAULT_SILENCE, FAULT_PAUSE, FAULT_PAUSE,
                                            FAULT_PAUSE, FAULT_STALL,   FAULT_STALL};
    struct fault fault = {.at_ticks = chord_prng_below(prng, span_ticks),
                          .kind = kinds[chord_prng_below(prng, sizeof kinds / sizeof kinds[0])],
                          .rank = (uint32_t)chord_prng_below(prng, config->rank_count),
                          .to_rank = (uint32_t)chord_prng_below(prng, config->rank_count)};
    fault.duration_ticks = chord_prng_below(prng, 2) == 0 ? between(prng, patience / 2, 2 * patience)
                                                          : between(prng, 1, 6 * patience);
    if (fault.kind == FAULT_STALL && chord_prng_below(prng, 2) == 0) {
        fault.to_rank = config->coordinator_rank; /* the rank is taken for dead while all others hear it */
    }
    return fault;
}

void faults_draw(struct faults *faults, struct chord_prng *prng, const struct chord_config *config,
                 uint64_t span_ticks) {
    /* A storm of faults now and then; mostly a few, whose consequences can be followed to the end. */
    faults->count = (uint32_t)between(prng, 1, chord_prng_below(prng, 4) == 0 ? FAULTS_MAX : 5);
    faults->next = 0;
    faults->end_ticks = 0;
    for (uint32_t i = 0; i < faults->count; i++) {
        struct fault fault = draw(prng, config, span_ticks);
        if (i > 0 && chord_prng_below(prng, 3) == 0) {
            fault.at_ticks = faults->items[0].at_ticks; /* two at one moment */
        }
        uint32_t index = i;
        for (; index > 0 && faults->items[index - 1].at_ticks > fault.at_ticks; index--) {
            faults->items[index] = faults->items[index - 1];
        }
        faults->items[index] = fault;
        if (fault.at_ticks + fault.duration_ticks > faults->end_ticks) {
            faults->end_ticks = fault.at_ticks + fault.duration_ticks;
        }
    }
}

const char *fault_name(enum fault_kind kind) {
    static const char *const names[] = {"crash", "silence", "pause", "stall"};
    return names[kind];
}
