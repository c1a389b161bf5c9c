#include "app/generate/distribution.h"

#include "chord/base/check.h"

#include <math.h>

/* Items whose 1/i^theta are added one by one. */
#define HEAD_ITEMS UINT64_C(1000)
#define THETA DISTRIBUTION_THETA
#define SECOND 0.50347777502835944 /* 0.5^theta */

static double sum_one_by_one(uint64_t item_count) {
    double sum = 0;
    for (uint64_t i = item_count; i >= 1; i--) { /* the small ones first */
        sum += pow((double)i, -THETA);
    }
    return sum;
}

/* The sum over HEAD_ITEMS+1..item_count: the integral, half of the ends, and the first derivatives. root:
 * item_count^(1-theta). The next term of the formula is below 10^-14. */
static double tail_sum(uint64_t item_count, double root) {
    const double n = (double)item_count, m = (double)HEAD_ITEMS;
    const double head_root = pow(m, 1 - THETA);
    const double at_n = root / n, at_m = head_root / m; /* x^-theta */
    return (root - head_root) / (1 - THETA) + (at_n - at_m) / 2 + THETA * (at_m / m - at_n / n) / 12;
}

double zipfian_zeta(uint64_t item_count) {
    if (item_count <= HEAD_ITEMS) {
        return sum_one_by_one(item_count);
    }
    return sum_one_by_one(HEAD_ITEMS) + tail_sum(item_count, pow((double)item_count, 1 - THETA));
}

void zipfian_init(struct zipfian *zipfian, uint64_t item_count) {
    chord_check(item_count >= 1);
    zipfian->head_sum = sum_one_by_one(HEAD_ITEMS);
    zipfian_resize(zipfian, item_count);
}

void zipfian_resize(struct zipfian *zipfian, uint64_t item_count) {
    const double root = pow((double)item_count, 1 - THETA);
    zipfian->item_count = item_count;
    zipfian->zeta =
        item_count <= HEAD_ITEMS ? sum_one_by_one(item_count) : zipfian->head_sum + tail_sum(item_count, root);
    /* With one or two items the first two cases of zipfian_rank are all. */
    zipfian->eta = item_count <= 2 ? 0 : (1 - 2 * SECOND / root) / (1 - (1 + SECOND) / zipfian->zeta);
}

uint64_t zipfian_rank(const struct zipfian *zipfian, double uniform) {
    const double scaled = uniform * zipfian->zeta;
    if (scaled < 1 || zipfian->item_count == 1) {
        return 0;
    }
    if (zipfian->item_count == 2 || scaled < 1 + SECOND) {
        return 1;
    }
    const double n = (double)zipfian->item_count;
    const double position = n * pow(zipfian->eta * uniform - zipfian->eta + 1, 1 / (1 - THETA));
    const uint64_t rank = (uint64_t)position;
    /* Rounding at both ends. */
    return rank < 2 ? 2 : rank >= zipfian->item_count ? zipfian->item_count - 1 : rank;
}

void distribution_init(struct distribution *distribution, enum distribution_kind kind, uint64_t record_count) {
    chord_check(record_count >= 1);
    *distribution = (struct distribution){.kind = kind, .record_count = record_count};
    if (kind != DISTRIBUTION_UNIFORM) {
        zipfian_init(&distribution->zipfian,
                     kind == DISTRIBUTION_SCRAMBLED ? DISTRIBUTION_SCRAMBLED_ITEMS : record_count);
    }
}

/* The 53 bits that a double holds. */
static double draw_uniform(struct chord_prng *prng) {
    return (double)(chord_prng_next(prng) >> 11) * 0x1p-53;
}

uint64_t distribution_scramble(uint64_t number) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (unsigned i = 0; i < 8; i++) {
        hash = (hash ^ (number & 0xff)) * UINT64_C(0x100000001b3);
        number >>= 8;
    }
    return hash >> 63 != 0 ? UINT64_C(0) - hash : hash;
}

uint64_t distribution_draw(struct distribution *distribution, struct chord_prng *prng, uint64_t mark) {
    struct zipfian *zipfian = &distribution->zipfian;
    switch (distribution->kind) {
    case DISTRIBUTION_UNIFORM:
        return chord_prng_below(prng, distribution->record_count);
    case DISTRIBUTION_ZIPFIAN:
        return zipfian_rank(zipfian, draw_uniform(prng));
    case DISTRIBUTION_SCRAMBLED:
        return distribution_scramble(zipfian_rank(zipfian, draw_uniform(prng))) % distribution->record_count;
    case DISTRIBUTION_LATEST:
        if (mark != zipfian->item_count) {
            zipfian_resize(zipfian, mark);
        }
        return mark - 1 - zipfian_rank(zipfian, draw_uniform(prng));
    case DISTRIBUTION_KIND_COUNT:
        break;
    }
    chord_check(!"a distribution");
    return 0;
}

const char *distribution_name(enum distribution_kind kind) {
    static const char *const names[DISTRIBUTION_KIND_COUNT] = {"uniform", "zipfian", "scrambled", "latest"};
    return names[kind];
}
