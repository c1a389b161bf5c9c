/* What must hold of one rank between two events, whatever it was sent. Only what it can see to by itself: that chains agree
 * is the simulator's to check. */
#include "tests/fuzz/step_world.h"

#include "chord/chain/transfer.h"

static void look_at_log(const struct chord_arc *arc) {
    const struct chord_log *log = &arc->log;
    FUZZ_REQUIRE(log->count <= log->capacity && log->joint_from <= log->joint_to);
    uint64_t bytes = 0;
    uint64_t counter = log->start;
    for (uint32_t i = 0; i < log->count; i++) {
        const struct chord_log_write *write = chord_log_get(log, i);
        /* Those that came together share a counter. */
        FUZZ_REQUIRE(write->counter >= counter && write->counter > log->start && write->counter <= arc->applied);
        counter = write->counter;
        bytes += write->bytes;
    }
    FUZZ_REQUIRE(bytes == log->bytes);
}

static void look_at_store(const struct chord_arc *arc) {
    size_t position = 0;
    size_t count = 0;
    for (const struct chord_entry *entry; (entry = chord_store_next(&arc->store, &position)) != NULL;) {
        const struct chord_id id = chord_entry_id(entry);
        FUZZ_REQUIRE(chord_arc_contains(arc, id));
        FUZZ_REQUIRE(chord_store_find(&arc->store, id, entry->bytes, entry->key_size) == entry);
        count++;
    }
    FUZZ_REQUIRE(count == arc->store.count);
}

static void look_at_duplicates(const struct chord_duplicates *duplicates) {
    for (uint32_t i = 0; i < duplicates->client_count; i++) {
        const struct chord_duplicate_client *client = &duplicates->clients[i];
        FUZZ_REQUIRE(i == 0 || duplicates->clients[i - 1].rank < client->rank);
        FUZZ_REQUIRE(client->count <= client->capacity);
        for (uint32_t r = 0; r < client->count; r++) {
            const uint64_t seq = chord_duplicates_get(client, r)->seq;
            FUZZ_REQUIRE(seq >= client->watermark);
            FUZZ_REQUIRE(r == 0 || chord_duplicates_get(client, r - 1)->seq < seq);
        }
    }
}

static void look_at_waiting(const struct chord_arc *arc) {
    const struct chord_waiting *last = NULL;
    for (const struct chord_waiting *waiting = arc->waiting_first; waiting != NULL; waiting = waiting->next) {
        FUZZ_REQUIRE(chord_arc_contains(arc, waiting->request.key_id));
        last = waiting;
    }
    FUZZ_REQUIRE(arc->waiting_first == NULL || last == arc->waiting_last);
}

static void look_at_arc(const struct chord_arc *arc, struct chord_member self) {
    FUZZ_REQUIRE(arc->promised >= arc->epoch);
    FUZZ_REQUIRE((arc->chain == NULL) == (arc->chain_count == 0));
    FUZZ_REQUIRE(arc->position < arc->chain_count || arc->position == CHORD_NO_POSITION);
    if (arc->position < arc->chain_count) {
        FUZZ_REQUIRE(chord_member_equal(&arc->chain[arc->position], &self));
    }
    FUZZ_REQUIRE(arc->staging == NULL || arc->status == CHORD_ARC_SYNCING);
    FUZZ_REQUIRE(arc->status < CHORD_ARC_SYNCED || (arc->position < arc->chain_count && arc->base_epoch != 0));
    FUZZ_REQUIRE(arc->acknowledged <= arc->applied);
    /* Not by what was applied: a head that sends old writes once more is owed an acknowledgement of each. */
    FUZZ_REQUIRE(arc->ack_due_count < world.config.ack_batch_count);
    look_at_log(arc);
    look_at_store(arc);
    look_at_duplicates(&arc->duplicates);
    look_at_waiting(arc);
}

static bool overlap(const struct chord_arc *a, const struct chord_arc *b) {
    return chord_arc_contains(a, b->end) || chord_arc_contains(b, a->end);
}

static void look_at_table(const struct chord_table *table) {
    FUZZ_REQUIRE(table->successor_count == 0 || table->successors != NULL);
    FUZZ_REQUIRE(world.config.routing == CHORD_ROUTING_ONEHOP ||
                 table->successor_count <= world.config.successor_count);
    FUZZ_REQUIRE(table->finger_count <= world.config.id_bits);
    for (uint32_t i = 1; i < table->finger_count; i++) {
        FUZZ_REQUIRE(chord_id_compare(chord_id_distance(table->self.id, table->fingers[i - 1].owner.id),
                                      chord_id_distance(table->self.id, table->fingers[i].owner.id)) < 0);
    }
}

static void look_at_node(const struct chord_node *node) {
    look_at_table(&node->table);
    for (uint32_t i = 0; i < node->arcs.count; i++) {
        look_at_arc(&node->arcs.items[i], node->self);
        FUZZ_REQUIRE(i == 0 || !chord_id_equal(node->arcs.items[i].end, node->self.id));
        for (uint32_t j = 0; j < i; j++) {
            FUZZ_REQUIRE(!overlap(&node->arcs.items[i], &node->arcs.items[j]));
        }
    }
}

static void look_at_client(const struct chord_client *client) {
    uint32_t used = 0, given_up = 0, credits = client->credits_free;
    for (uint32_t i = 0; i < world.config.window; i++) {
        used += client->slots[i].used;
        given_up += client->slots[i].used && client->slots[i].given_up;
        credits += client->slots[i].used ? client->slots[i].credit_count : 0;
    }
    FUZZ_REQUIRE(used == client->outstanding_count && given_up == client->given_up_count);
    FUZZ_REQUIRE(credits <= world.config.credit_count);
    FUZZ_REQUIRE(client->watermark <= client->seq_next && client->seq_next - client->watermark <= client->span);
}

void world_look(void) {
    for (uint32_t v = 0; v < world.config.virtual_node_count; v++) {
        look_at_node(&world.peer.nodes[v]);
    }
    look_at_client(&world.peer.client);
    uint32_t shut_count = 0;
    for (uint32_t rank = 0; rank < world.config.rank_count; rank++) {
        shut_count += world.peer.reach.is_shut[rank];
    }
    FUZZ_REQUIRE(shut_count == world.peer.reach.shut_count && !world.peer.reach.is_shut[world.peer.rank]);
}
