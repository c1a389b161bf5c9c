#include "app/driver/describe.h"

#include "app/driver/grown.h"
#include "chord/base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copies_arc *describe_arcs(const struct chord_peer *peer, size_t *arc_count) {
    size_t capacity = 0;
    size_t count = 0;
    struct copies_arc *arcs = NULL;
    for (uint32_t v = 0; v < peer->environment.config->virtual_node_count; v++) {
        const struct chord_node *node = &peer->nodes[v];
        for (uint32_t a = 0; a < node->arcs.count; a++) {
            const struct chord_arc *arc = &node->arcs.items[a];
            const struct chord_store_digest digest = chord_store_digest(&arc->store);
            arcs = grown(arcs, &capacity, count + 1, sizeof *arcs);
            struct copies_arc *told = &arcs[count++];
            memset(told, 0, sizeof *told);
            told->start = arc->start;
            told->end = arc->end;
            told->holder = node->self.address;
            told->epoch = arc->epoch;
            told->active = arc->status == CHORD_ARC_ACTIVE;
            told->pair_count = digest.pair_count;
            told->content = digest.content;
            told->copies = digest.copies;
            told->bytes = digest.bytes;
            const struct chord_entry *entry;
            for (size_t position = 0; (entry = chord_store_next(&arc->store, &position)) != NULL;) {
                told->outside_count += !chord_arc_contains(arc, chord_entry_id(entry));
            }
        }
    }
    *arc_count = count;
    return arcs;
}

/* A set of nodes, by address; small enough for a linear search. */
struct address_set {
    struct chord_address *addresses;
    size_t count;
    size_t capacity;
};

static void add_address(struct address_set *set, const struct chord_node *node, struct chord_address address) {
    bool present = chord_address_equal(address, node->self.address);
    for (size_t i = 0; !present && i < set->count; i++) {
        present = chord_address_equal(set->addresses[i], address);
    }
    if (!present) {
        set->addresses = grown(set->addresses, &set->capacity, set->count + 1, sizeof *set->addresses);
        set->addresses[set->count++] = address;
    }
}

struct result_node describe_node(const struct chord_node *node) {
    struct result_node told;
    struct address_set members = {0};
    memset(&told, 0, sizeof told);
    told.member = node->self;
    told.is_spare = !chord_node_is_member(node);
    told.contact = node->contact.address;
    told.requests_owned = node->counters.requests_owned;
    told.requests_forwarded = node->counters.requests_forwarded;
    told.successor_count = node->table.successor_count;
    told.finger_count = node->table.finger_count;
    for (uint32_t a = 0; a < node->arcs.count; a++) {
        const struct chord_arc *arc = &node->arcs.items[a];
        const struct chord_store_digest digest = chord_store_digest(&arc->store);
        if (chord_id_equal(arc->end, node->self.id)) {
            told.owned_pair_count += digest.pair_count;
        } else {
            told.replica_pair_count += digest.pair_count;
        }
        told.stored_bytes += digest.bytes;
        for (uint32_t i = 0; i < arc->chain_count; i++) {
            add_address(&members, node, arc->chain[i].address);
        }
    }
    told.chain_member_count = (uint32_t)members.count;
    for (uint32_t i = 0; i < node->table.successor_count; i++) {
        add_address(&members, node, node->table.successors[i].address);
    }
    for (uint32_t i = 0; i < node->table.finger_count; i++) {
        add_address(&members, node, node->table.fingers[i].owner.address);
    }
    if (node->table.successor_count > 0) {
        add_address(&members, node, node->table.predecessor.address);
    }
    told.routing_entry_count = (uint32_t)members.count;
    free(members.addresses);
    return told;
}

static void print_member(FILE *out, const struct chord_member *member, bool first, unsigned id_bits) {
    char text[CHORD_ID_TEXT_SIZE];
    fprintf(out, "%s{\"rank\":%u,\"virtual_node\":%u,\"id\":\"%s\"}", first ? "" : ",", member->address.rank,
            member->address.virtual_node, chord_id_format(member->id, id_bits, text));
}

static void print_members(FILE *out, const char *name, const struct chord_member *members, uint32_t count,
                          unsigned id_bits) {
    fprintf(out, ",\"%s\":[", name);
    for (uint32_t i = 0; i < count; i++) {
        print_member(out, &members[i], i == 0, id_bits);
    }
    fputc(']', out);
}

static void print_fingers(FILE *out, const struct chord_table *table, unsigned id_bits) {
    fputs(",\"fingers\":[", out);
    for (uint32_t i = 0; i < table->finger_count; i++) {
        print_member(out, &table->fingers[i].owner, i == 0, id_bits);
    }
    fputc(']', out);
}

char *describe_table(const struct chord_node *node, size_t *size) {
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    chord_check(out != NULL);
    const unsigned bits = node->environment->config->id_bits;
    char id[CHORD_ID_TEXT_SIZE];
    fprintf(out, "{\"rank\":%u,\"virtual_node\":%u,\"id\":\"%s\",\"incarnation\":%u", node->self.address.rank,
            node->self.address.virtual_node, chord_id_format(node->self.id, bits, id), node->self.incarnation);
    print_members(out, "predecessor", &node->table.predecessor, node->table.successor_count > 0, bits);
    print_members(out, "successors", node->table.successors, node->table.successor_count, bits);
    print_fingers(out, &node->table, bits);
    fprintf(out, ",\"arcs\":[");
    for (uint32_t a = 0; a < node->arcs.count; a++) {
        const struct chord_arc *arc = &node->arcs.items[a];
        fprintf(out, "%s{\"start\":\"%s\"", a == 0 ? "" : ",", chord_id_format(arc->start, bits, id));
        fprintf(out, ",\"end\":\"%s\",\"epoch\":%u,\"pairs\":%zu", chord_id_format(arc->end, bits, id), arc->epoch,
                arc->store.count);
        print_members(out, "chain", arc->chain, arc->chain_count, bits);
        fputc('}', out);
    }
    const struct result_node told = describe_node(node);
    fprintf(out, "],\"chain_members\":%u,\"routing_entries\":%u}\n", told.chain_member_count,
            told.routing_entry_count);
    chord_check(fclose(out) == 0);
    return text;
}
