#include "app/driver/expect.h"

#include "chord/base/check.h"

#include <math.h>
#include <stdlib.h>

/* Where operations enter the ring: members, directly or by way of a spare. As many entries as there are nodes at most. */
struct entries {
    size_t *direct; /* owned; indices of members */
    size_t direct_count;
    size_t *passed; /* owned; indices of spares' contacts */
    size_t passed_count;
    bool lost;     /* a spare's contact is no member */
    bool anywhere; /* at each member alike, and at no spare */
};

/* The member's place in the ring, or member_count. */
static size_t index_of(const struct ring *ring, struct chord_address address) {
    size_t index = 0;
    while (index < ring->member_count && !chord_address_equal(ring->members[index].address, address)) {
        index++;
    }
    return index;
}

static struct entries find_entries(const struct ring *ring, const struct options *options,
                                   const struct result_node *nodes, uint32_t node_count) {
    struct entries entries = {.direct = calloc(node_count, sizeof *entries.direct),
                              .passed = calloc(node_count, sizeof *entries.passed)};
    chord_check(entries.direct != NULL && entries.passed != NULL);
    for (uint32_t i = 0; i < node_count; i++) {
        const struct result_node *node = &nodes[i];
        if (options->via != OPTIONS_VIA_NONE && node->member.address.rank != options->via) {
            continue;
        }
        const size_t index = index_of(ring, node->is_spare ? node->contact : node->member.address);
        if (index == ring->member_count) {
            entries.lost = true;
        } else if (node->is_spare) {
            entries.passed[entries.passed_count++] = index;
        } else {
            entries.direct[entries.direct_count++] = index;
        }
    }
    entries.anywhere = entries.passed_count == 0 && options->via == OPTIONS_VIA_NONE;
    return entries;
}

/* Adds the expectation of what enters at `entries` (none: anywhere), of a share of all operations, each with so many hops
 * before. */
static void add_share(struct expectation *sum, struct expectation_ring *ring, const size_t *entries, size_t entry_count,
                      double share, unsigned hops_before, uint64_t seed) {
    struct expectation part;
    if (share <= 0.0) {
        return;
    }
    ring->entries = entries;
    ring->entry_count = entry_count;
    chord_check(expectation_compute(ring, seed, &part) == CHORD_OK);
    sum->mean += share * (part.mean + hops_before);
    /* With a hop before, the path is what the owner_hops were. */
    sum->path_mean += share * (hops_before == 0 ? part.path_mean : part.mean);
    for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
        const unsigned to = hops + hops_before < HOPS_MAX ? hops + hops_before : HOPS_MAX - 1;
        sum->probability[to] += share * part.probability[hops];
    }
    sum->sampled |= part.sampled;
}

/* Adds the expectation of a share of all operations that enter as they may, answered as `ring` says. */
static void add_entered(struct expectation *sum, struct expectation_ring *ring, const struct entries *entries, double share,
                        uint64_t seed) {
    if (entries->anywhere) {
        add_share(sum, ring, NULL, 0, share, 0, seed);
        return;
    }
    const double all = (double)(entries->direct_count + entries->passed_count);
    add_share(sum, ring, entries->direct, entries->direct_count, share * (double)entries->direct_count / all, 0, seed);
    add_share(sum, ring, entries->passed, entries->passed_count, share * (double)entries->passed_count / all, 1, seed);
}

void expect_phase(const struct ring *ring, const struct chord_config *config, const struct options *options,
                  const struct result_node *nodes, uint32_t node_count, double early_share, bool changed,
                  struct expectation *expected) {
    struct entries entries = find_entries(ring, options, nodes, node_count);
    *expected = (struct expectation){.mean = NAN, .path_mean = NAN};
    if (!changed && !entries.lost && config->cache_count == 0) {
        struct chord_id *ids = calloc(ring->member_count, sizeof *ids);
        uint32_t *ranks = calloc(ring->member_count, sizeof *ranks);
        chord_check(ids != NULL && ranks != NULL);
        for (uint32_t i = 0; i < ring->member_count; i++) {
            ids[i] = ring->members[i].id;
            ranks[i] = ring->members[i].address.rank;
        }
        struct expectation_ring given = {.ids = ids,
                                         .ranks = ranks,
                                         .count = ring->member_count,
                                         .id_bits = config->id_bits,
                                         .routing = config->routing,
                                         .early_answer_replicas = 1,
                                         .successors = config->route_successors ? config->successor_count : 1,
                                         .successors_name_owner = true};
        *expected = (struct expectation){.mean = 0};
        add_entered(expected, &given, &entries, 1.0 - early_share, options->seed);
        given.early_answer_replicas = config->replica_count;
        add_entered(expected, &given, &entries, early_share, options->seed);
        free(ids);
        free(ranks);
    }
    free(entries.direct);
    free(entries.passed);
}
