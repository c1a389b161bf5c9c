/* What a cluster says of itself. */
#include "tests/sim/cluster.h"

void cluster_describe(const struct cluster *cluster, FILE *out) {
    static const char *const routings[] = {"finger", "ring", "onehop"};
    const struct chord_config *config = &cluster->config;
    fprintf(out,
            "seed %llu: %u ranks x %u nodes, %u at first, %u commands, k=%u, %s, %s routing, r=%u%s, %u-bit ids, window %u, %u credits, "
            "%u operations a client on %u keys, retry after %llu, %u cached owners%s, records of %u bytes, %u faults%s\n",
            (unsigned long long)cluster->seed, config->rank_count, config->virtual_node_count, config->initial_rank_count, cluster->command_count, config->replica_count,
            config->consistency == CHORD_LINEARIZABLE ? "linearizable" : "eventual", routings[config->routing],
            config->successor_count, config->route_successors ? " used" : "", config->id_bits, config->window,
            config->credit_count, cluster->operations_per_client, cluster->key_count,
            (unsigned long long)config->retry_ticks, config->cache_count, cluster->lie_count > 0 ? " and lies" : "", cluster->network.record_bytes,
            cluster->faults.count,
            config->allows_data_loss ? ", data may be lost" : "");
}

void cluster_counts_add(struct cluster_counts *into, const struct cluster_counts *from) {
    uint64_t *sums = (uint64_t *)into;
    const uint64_t *added = (const uint64_t *)from;
    _Static_assert(sizeof *into % sizeof *sums == 0, "all members of cluster_counts are counts");
    for (size_t i = 0; i < sizeof *into / sizeof *sums; i++) {
        sums[i] += added[i];
    }
}

static void tell_waiting(const struct cluster *cluster, uint32_t rank, FILE *out) {
    const struct chord_peer *peer = &cluster->peers[rank];
    fprintf(out, "  rank %u: %u of %u operations ended, %u issued%s%s\n", rank, cluster->clients[rank].completed_count,
            cluster->operations_per_client, cluster->clients[rank].next,
            cluster->clients[rank].is_stuck ? ", stuck" : "", chord_peer_is_quiet(peer) ? "" : ", not quiet");
    for (uint32_t v = 0; v < cluster->config.virtual_node_count; v++) {
        const struct chord_node *node = &peer->nodes[v];
        fprintf(out, "    node %u: %s, %u successors, maintenance task %d%s%s%s\n", v,
                chord_node_is_member(node) ? "member" : "spare", node->table.successor_count,
                (int)node->maintain.task, node->maintain.announces ? ", announces" : "",
                node->maintain.settle_epoch != 0 ? ", unsettled" : "",
                node->maintain.seeks_place ? ", seeks its place" : "");
        for (uint32_t a = 0; a < node->arcs.count; a++) {
            const struct chord_arc *arc = &node->arcs.items[a];
            if (!chord_arc_serves(arc) || arc->waiting_first != NULL || chord_arc_unacknowledged_count(arc) > 0) {
                fprintf(out, "      an arc of epoch %u, promised %u: status %d, position %u of %u%s\n", arc->epoch,
                        arc->promised, (int)arc->status, arc->position, arc->chain_count,
                        arc->waiting_first != NULL ? ", requests wait" : "");
            }
        }
    }
}

void cluster_tell_waiting(const struct cluster *cluster, FILE *out) {
    const struct chord_coordinator *coordinator = &cluster->peers[cluster->config.coordinator_rank].coordinator;
    fprintf(out, "  time %llu; the coordinator on rank %u is in phase %d, epoch %u\n",
            (unsigned long long)cluster->now_ticks, cluster->config.coordinator_rank, (int)coordinator->phase,
            coordinator->epoch);
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        fprintf(out, "  node %u: roster state %d, incarnation %u%s%s%s%s\n", i, (int)entry->state,
                entry->member.incarnation, entry->is_suspected ? ", suspected" : "",
                entry->is_to_be_told ? ", to be told" : "", entry->settle_epoch != 0 ? ", unsettled" : "",
                coordinator->shut.is_shut[entry->member.address.rank] ? ", shut" : "");
    }
    for (uint32_t rank = 0; rank < cluster->config.rank_count; rank++) {
        if (cluster->is_dead[rank]) {
            fprintf(out, "  rank %u: dead\n", rank);
        } else {
            tell_waiting(cluster, rank, out);
        }
    }
}
