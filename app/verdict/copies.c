#include "app/verdict/copies.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void note(struct copies_result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The first finding is the one that is told. */
static void note(struct copies_result *result, const char *format, ...) {
    if (!result->valid) {
        return;
    }
    result->valid = false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(result->wrong, sizeof result->wrong, format, arguments);
    va_end(arguments);
}

/* Whether the node `steps` after `owner` is the first of its rank, counted from the owner. */
static bool is_first_of_rank(const struct chord_member *nodes, size_t node_count, size_t owner, size_t steps) {
    const uint32_t rank = nodes[(owner + steps) % node_count].address.rank;
    for (size_t i = 0; i < steps; i++) {
        if (nodes[(owner + i) % node_count].address.rank == rank) {
            return false;
        }
    }
    return true;
}

static const struct copies_arc *find(const struct copies_arc *arcs, size_t arc_count, struct chord_id end,
                                     struct chord_address holder) {
    for (size_t i = 0; i < arc_count; i++) {
        if (chord_id_equal(arcs[i].end, end) && chord_address_equal(arcs[i].holder, holder)) {
            return &arcs[i];
        }
    }
    return NULL;
}

/* Compares one copy with the owner's. */
static void check_copy(struct copies_result *result, const struct copies_arc *own, const struct copies_arc *copy,
                       const struct chord_member *owner, const char *end) {
    const uint32_t rank = copy->holder.rank;
    if (!copy->active || !chord_id_equal(copy->start, own->start) || copy->epoch != own->epoch) {
        note(result, "rank %u holds the arc that ends at %s in another state than its owner, rank %u", rank, end,
             owner->address.rank);
    } else if (copy->outside_count > 0) {
        note(result, "rank %u keeps %" PRIu64 " pairs in the arc that ends at %s that don't belong there", rank,
             copy->outside_count, end);
    } else if (copy->pair_count != own->pair_count || copy->copies != own->copies || copy->content != own->content) {
        note(result,
             "rank %u holds %" PRIu64 " pairs of the arc that ends at %s, its owner, rank %u, %" PRIu64
             ": the copies differ",
             rank, copy->pair_count, end, owner->address.rank, own->pair_count);
    }
}

static size_t check_arc(struct copies_result *result, const struct chord_member *nodes, size_t node_count,
                        uint32_t replica_count, unsigned id_bits, size_t owner, const struct copies_arc *arcs,
                        size_t arc_count) {
    char end[CHORD_ID_TEXT_SIZE];
    chord_id_format(nodes[owner].id, id_bits, end);
    const struct copies_arc *own = find(arcs, arc_count, nodes[owner].id, nodes[owner].address);
    if (own == NULL) {
        note(result, "rank %u doesn't hold its own arc, which ends at %s", nodes[owner].address.rank, end);
        return 0;
    }
    if (!chord_id_equal(own->start, nodes[(owner + node_count - 1) % node_count].id)) {
        note(result, "the arc that ends at %s doesn't begin at its owner's predecessor", end);
    }
    size_t copies = 0;
    for (size_t steps = 0; steps < node_count && copies < replica_count; steps++) {
        if (!is_first_of_rank(nodes, node_count, owner, steps)) {
            continue;
        }
        const struct chord_member *holder = &nodes[(owner + steps) % node_count];
        const struct copies_arc *copy = find(arcs, arc_count, nodes[owner].id, holder->address);
        if (copy == NULL) {
            note(result, "rank %u has no copy of the arc that ends at %s", holder->address.rank, end);
            return copies;
        }
        check_copy(result, own, copy, &nodes[owner], end);
        copies++;
    }
    result->pair_count += own->pair_count;
    result->content += own->content;
    return copies;
}

struct copies_result copies_check(const struct chord_member *nodes, size_t node_count, uint32_t replica_count,
                                  unsigned id_bits, const struct copies_arc *arcs, size_t arc_count,
                                  const struct judge_content *expected) {
    struct copies_result result = {.valid = true};
    size_t held = 0;
    for (size_t owner = 0; owner < node_count && result.valid; owner++) {
        const size_t copies =
            check_arc(&result, nodes, node_count, replica_count, id_bits, owner, arcs, arc_count);
        held += copies;
        result.copies_per_pair = copies;
    }
    if (result.valid && held != arc_count) {
        note(&result, "%zu arcs are held somewhere, but there should be %zu: some node keeps what isn't its own",
             arc_count, held);
    }
    if (result.valid && expected != NULL && expected->uncertain_count == 0) {
        if (expected->pair_count != result.pair_count) {
            note(&result, "the ring holds %" PRIu64 " pairs, but by the answers there should be %" PRIu64,
                 result.pair_count, expected->pair_count);
        } else if (expected->content != result.content) {
            note(&result, "the ring holds as many pairs as the answers say, %" PRIu64 ", but others",
                 result.pair_count);
        }
    }
    return result;
}
