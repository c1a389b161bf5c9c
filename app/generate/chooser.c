#include "app/generate/chooser.h"

void chooser_init(struct chooser *chooser, const struct mix *mix, enum distribution_kind kind, uint64_t record_count,
                  uint64_t seed, uint64_t stream) {
    chooser->mix = *mix;
    chooser->prng = chord_prng_seeded(seed, stream);
    distribution_init(&chooser->distribution, kind, record_count);
}

struct choice chooser_next(struct chooser *chooser, uint64_t mark) {
    struct choice choice = {.action = mix_draw(&chooser->mix, &chooser->prng)};
    if (choice.action != MIX_INSERT) {
        choice.index = distribution_draw(&chooser->distribution, &chooser->prng, mark);
    }
    return choice;
}
