#include "app/driver/waiting.h"

#include <inttypes.h>

static const char *phase_text(enum chord_coordinator_phase phase) {
    switch (phase) {
    case CHORD_COORDINATOR_GATHERING:
        return "waits for nodes to register";
    case CHORD_COORDINATOR_FORMING:
        return "forms the ring";
    case CHORD_COORDINATOR_IDLE:
        return "has no view change under way";
    case CHORD_COORDINATOR_CHANGING:
        return "has a view change under way";
    case CHORD_COORDINATOR_FAILED:
        break;
    }
    return "found two nodes with one id";
}

/* What the coordinator waits for: of parts of the ring, of nodes, and of routing. */
static void tell_coordinator(FILE *out, const struct chord_coordinator *coordinator) {
    uint32_t wedging = 0, installed = 0, invited = 0, unsettled = 0;
    const struct chord_roster_entry *late = NULL; /* the first node that is waited for */
    for (uint32_t i = 0; i < coordinator->parts.count; i++) {
        wedging += coordinator->parts.items[i].phase == CHORD_PART_WEDGING;
        installed += coordinator->parts.items[i].phase == CHORD_PART_INSTALLED;
    }
    for (uint32_t i = 0; i < coordinator->roster.count; i++) {
        const struct chord_roster_entry *entry = &coordinator->roster.entries[i];
        const bool is_late = entry->state == CHORD_ROSTER_INVITED || entry->settle_epoch != 0;
        invited += entry->state == CHORD_ROSTER_INVITED;
        unsettled += entry->settle_epoch != 0;
        late = late == NULL && is_late ? entry : late;
    }
    fprintf(out, "; the coordinator %s, epoch %u", phase_text(coordinator->phase), coordinator->epoch);
    if (wedging + installed + invited + unsettled > 0) {
        fprintf(out,
                " (%u parts of the ring wait for WEDGED, %u for SYNCED; %u nodes look for their place, %u announce "
                "theirs",
                wedging, installed, invited, unsettled);
        if (late != NULL) {
            fprintf(out, ", the first of them node %u#%u, in state %d, for epoch %u", late->member.address.rank,
                    late->member.address.virtual_node, (int)late->state, late->settle_epoch);
        }
        fputc(')', out);
    }
}

void waiting_tell(FILE *out, const struct chord_peer *peer) {
    const struct chord_config *config = peer->environment.config;
    uint64_t unacknowledged = 0;
    uint32_t wedged = 0, syncing = 0, waiting = 0, routing = 0, spares = 0;
    for (uint32_t v = 0; v < config->virtual_node_count; v++) {
        const struct chord_node *node = &peer->nodes[v];
        spares += !chord_node_is_member(node);
        routing += node->maintain.task != CHORD_MAINTAIN_NOTHING;
        for (uint32_t a = 0; a < node->arcs.count; a++) {
            const struct chord_arc *arc = &node->arcs.items[a];
            unacknowledged += chord_arc_unacknowledged_count(arc);
            wedged += chord_arc_is_wedged(arc);
            syncing += arc->status == CHORD_ARC_SYNCING;
            waiting += arc->waiting_first != NULL;
        }
    }
    fprintf(out, ", %u without an answer, %" PRIu64 " writes unacknowledged", peer->client.outstanding_count,
            unacknowledged);
    const struct {
        uint32_t count;
        const char *text;
    } others[] = {{wedged, "arcs wedged"},
                  {syncing, "arcs wait for their data"},
                  {waiting, "arcs with requests that wait"},
                  {routing, "nodes with a lookup or announcement under way"},
                  {spares, "nodes not in the ring"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].count > 0) {
            fprintf(out, ", %u %s", others[i].count, others[i].text);
        }
    }
    if (peer->rank == config->coordinator_rank) {
        tell_coordinator(out, &peer->coordinator);
    }
}
