/* How evenly keys are spread over ranks (or nodes), and how evenly theory says that they should be.
 *
 * The closed form (REFERENCE section 1, load). Node ids and key ids are uniform over the ring. The arc of one node
 * among very many is exponentially distributed, and the keys that fall into it, mu on average, are geometric:
 *
 *     P(X > x) = (mu / (1 + mu))^(x + 1)
 *
 * A rank with V virtual nodes owns V such arcs, so its keys are the sum of V of them: negative binomial with V
 * successes of probability p = V / (V + mu), where mu is now the mean of the rank. Its distribution function is a sum
 * of V terms, however large x is, since "at most x failures before the V-th success" says that x + V trials have at
 * least V successes:
 *
 *     P(X > x) = sum over j = 0 .. V-1 of C(x + V, j) p^j (1 - p)^(x + V - j)
 *
 * It is the limit of many ranks. With few, the arcs' sum being the whole ring matters: the tails of a ring of ten are
 * a little lighter. The module knows nothing of rings, files or how the numbers are shown. */
#ifndef APP_MEASURE_BALANCE_H
#define APP_MEASURE_BALANCE_H

#include <stddef.h>
#include <stdint.h>

/* Keys per rank, or per node. Zeroed if there was none. */
struct balance {
    uint64_t count; /* of ranks or nodes */
    double mean;
    uint64_t min;
    uint64_t p1; /* as p99: the value of rank ceil(p * count), so the minimum while count is below 101 */
    uint64_t p99;
    uint64_t max;
    double max_over_mean; /* load imbalance: 1 is even; NaN while there are no keys */

    /* By the closed form for the same mean. */
    uint64_t expected_p1;
    uint64_t expected_p99;
    uint64_t expected_min; /* the median of the least, and of the greatest, of `count` independent ones */
    uint64_t expected_max;
};

/* The least and the greatest `virtual_node_count` that is reckoned with. */
#define BALANCE_VIRTUAL_NODES_MIN 1u
#define BALANCE_VIRTUAL_NODES_MAX 64u

/* P(X <= x) for a rank of virtual_node_count (1..64) nodes that owns `mean` keys on average. `mean` is finite and not
 * negative; 0 means that there are no keys. Accurate to about 1e-12 for any mean up to 2^52. */
double balance_probability_at_most(uint32_t virtual_node_count, double mean, uint64_t x);

/* The least x with P(X <= x) >= p, 0 < p < 1; arguments as above. */
uint64_t balance_quantile(uint32_t virtual_node_count, double mean, double p);

/* Sums up `count` numbers of keys, which it sorts in place, beside the closed form for virtual_node_count nodes each
 * (1 if the numbers are of single nodes). */
struct balance balance_compute(uint64_t *key_counts, size_t count, uint32_t virtual_node_count);

#endif
