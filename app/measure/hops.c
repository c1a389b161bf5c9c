#include "app/measure/hops.h"

#include "chord/base/check.h"

#include <math.h>

void hops_merge(struct hops *into, const struct hops *from) {
    into->count += from->count;
    into->sum += from->sum;
    for (uint32_t i = 0; i < HOPS_MAX; i++) {
        into->counts[i] += from->counts[i];
    }
}

double hops_mean(const struct hops *hops) {
    return hops->count == 0 ? 0.0 : (double)hops->sum / (double)hops->count;
}

double hops_path_mean(const struct hops *hops) {
    /* Every operation but those with 0 hops loses one. */
    const uint64_t lost = hops->count - hops->counts[0];
    return hops->count == 0 ? 0.0 : (double)(hops->sum - lost) / (double)hops->count;
}

uint32_t hops_quantile(const struct hops *hops, double p) {
    chord_check(p >= 0.0 && p <= 1.0);
    if (hops->count == 0) {
        return 0;
    }
    const double rank = fmax(ceil(p * (double)hops->count), 1.0);
    uint64_t seen = 0;
    uint32_t value = 0;
    for (; value < HOPS_MAX - 1; value++) {
        seen += hops->counts[value];
        if ((double)seen >= rank) {
            break;
        }
    }
    return value;
}

uint32_t hops_path_quantile(const struct hops *hops, double p) {
    const uint32_t owner_hops = hops_quantile(hops, p);
    return owner_hops == 0 ? 0 : owner_hops - 1;
}
