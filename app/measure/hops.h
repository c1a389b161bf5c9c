/* An exact histogram of owner_hops (what a hop is: chord/wire/message.h). path_length, the Chord papers'
 * figure, is max(owner_hops - 1, 0) and derived from the same counts. A zeroed struct is an empty histogram.
 */
#ifndef APP_MEASURE_HOPS_H
#define APP_MEASURE_HOPS_H

#include <stdint.h>

/* The last count is of all operations with HOPS_MAX - 1 hops or more. */
#define HOPS_MAX 1024u

struct hops {
    uint64_t count;
    uint64_t sum; /* of owner_hops, those beyond the last count included */
    uint64_t counts[HOPS_MAX];
};

static inline void hops_record(struct hops *hops, uint32_t owner_hops) {
    hops->counts[owner_hops < HOPS_MAX ? owner_hops : HOPS_MAX - 1]++;
    hops->sum += owner_hops;
    hops->count++;
}

/* Adds what `from` counted to `into`. */
void hops_merge(struct hops *into, const struct hops *from);

/* Mean owner_hops and mean path_length; 0 if empty. */
double hops_mean(const struct hops *hops);
double hops_path_mean(const struct hops *hops);

/* The p-quantile, p in 0..1: the value of rank ceil(p * count) (rank 1 at least), capped at HOPS_MAX - 1
 * hops. 0 if empty. */
uint32_t hops_quantile(const struct hops *hops, double p);
uint32_t hops_path_quantile(const struct hops *hops, double p);

#endif
