/* app/driver/ring, events and changes, with a coordinator of their own: one rank hosts four nodes, whose messages go round in this
 * process, so that commands are accepted, refused and carried out as in a run. */
#include "app/driver/changes.h"
#include "app/driver/events.h"
#include "chord/wire/codec.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define NODES 4u
#define BITS 8u
#define MESSAGES_MAX 4096u

struct packet {
    unsigned char *bytes; /* owned */
    size_t size;
};

static struct {
    struct chord_config config;
    struct chord_sink sink;
    struct chord_allocator allocator;
    struct runtime runtime;
    struct schedule schedule;
    struct ring ring;
    struct events events;
    struct changes changes;
    struct packet packets[MESSAGES_MAX];
    size_t sent;
    size_t delivered;
    uint64_t now_ns;
    bool formed;
} world;

static void *resize_block(void *context, void *block, size_t size) {
    (void)context;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

static void send_message(void *context, const struct chord_message *message) {
    (void)context;
    uint32_t value_size;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    CU_ASSERT_FATAL(world.sent < MESSAGES_MAX);
    struct packet *packet = &world.packets[world.sent++];
    packet->size = head_size + value_size;
    packet->bytes = malloc(packet->size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(packet->bytes);
    (void)chord_codec_encode_head(message, packet->bytes);
    if (value_size > 0) {
        memcpy(packet->bytes + head_size, value, value_size);
    }
}

static void complete(void *context, const struct chord_completion *completion) {
    (void)context;
    (void)completion;
}

static void notice(void *context, const struct chord_notice *told) {
    (void)context;
    world.formed |= told->kind == CHORD_NOTICE_FORMED;
    changes_notice(&world.changes, told);
}

/* Until nothing is under way; a millisecond passes with each message. */
static void settle(void) {
    struct chord_peer *peer = &world.runtime.peer;
    for (unsigned turn = 0; turn < 1000; turn++) {
        while (world.delivered < world.sent) {
            struct packet *packet = &world.packets[world.delivered++];
            struct chord_message message;
            world.now_ns += 1000000;
            CU_ASSERT_EQUAL_FATAL(chord_codec_decode(packet->bytes, packet->size, 0, 0, &message), CHORD_OK);
            const enum chord_status status = chord_peer_receive(peer, &message, world.now_ns);
            CU_ASSERT(status == CHORD_OK || status == CHORD_STALE);
            free(packet->bytes);
        }
        if (chord_peer_deadline(peer) > world.now_ns) {
            break;
        }
        CU_ASSERT_EQUAL(chord_peer_tick(peer, world.now_ns), CHORD_OK);
    }
    CU_ASSERT(chord_peer_is_quiet(peer));
}

/* A formed ring of the nodes 0#0 to 0#3 with the ids 0x20, 0x60, 0xa0 and 0xe0. */
static void make_world(void) {
    memset(&world, 0, sizeof world);
    world.config = (struct chord_config){.rank_count = 1, .virtual_node_count = NODES, .initial_rank_count = 1,
                                         .id_bits = BITS, .replica_count = 1, .successor_count = 2, .window = 5,
                                         .credit_bytes = 4000, .credit_count = 5, .retry_ticks = UINT64_MAX / 4,
                                         .backoff_ticks = 1, .unacknowledged_count_max = 8,
                                         .unacknowledged_bytes_max = 4000, .ack_batch_count = 1,
                                         .ack_batch_bytes = 4000, .ack_delay_ticks = 1, .piece_bytes = 4000,
                                         .transfer_ticks = UINT64_MAX / 4, .lookup_ticks = UINT64_MAX / 4,
                                         .hops_max = 64};
    world.sink = (struct chord_sink){.send = send_message, .complete = complete, .notice = notice};
    world.allocator = (struct chord_allocator){.resize = resize_block};
    struct chord_id ids[NODES];
    struct chord_member members[NODES];
    for (unsigned v = 0; v < NODES; v++) {
        CU_ASSERT_EQUAL_FATAL(chord_id_from_number(0x20 + 0x40 * v, BITS, &ids[v]), CHORD_OK);
        /* in any order */
        members[NODES - 1 - v] =
            (struct chord_member){.id = ids[v], .address = {.virtual_node = (uint16_t)v}, .incarnation = 1};
    }
    CU_ASSERT_EQUAL_FATAL(ring_init(&world.ring, NODES), CHORD_OK);
    ring_form(&world.ring, members, 1);
    world.events = (struct events){.schedule = &world.schedule};
    CU_ASSERT_EQUAL_FATAL(events_init(&world.events, 1), CHORD_OK);
    world.changes = (struct changes){.runtime = &world.runtime, .config = &world.config, .ring = &world.ring};
    CU_ASSERT_EQUAL_FATAL(changes_init(&world.changes), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(chord_peer_init(&world.runtime.peer, &world.config, &world.sink, &world.allocator, 0, ids, 1),
                          CHORD_OK);
    chord_peer_start(&world.runtime.peer);
    settle();
    CU_ASSERT_FATAL(world.formed);
}

static void end_world(void) {
    chord_peer_clear(&world.runtime.peer);
    events_clear(&world.events);
    changes_clear(&world.changes);
    ring_clear(&world.ring);
    schedule_clear(&world.schedule);
}

/* Any host's ranks 0 to 3 are this rank's nodes. */
static bool find_name(void *context, const char *name, struct chord_address *address) {
    (void)context;
    const int node = atoi(strrchr(name, ':') + 1);
    *address = (struct chord_address){.virtual_node = (uint16_t)node};
    return node >= 0 && node < (int)NODES;
}

static void schedule_all(const char *const *events, size_t count) {
    const struct schedule_phase phase = {.type = 3, .operation_count = 1000};
    const struct schedule_run run = {.phases = &phase, .phase_count = 1, .rank_count = 1};
    char error[SCHEDULE_ERROR_SIZE];
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_FATAL(schedule_add(&world.schedule, events[i], strlen(events[i]), error));
    }
    CU_ASSERT_FATAL(schedule_prepare(&world.schedule, &run, error));
    CU_ASSERT_FATAL(schedule_resolve(&world.schedule, find_name, NULL, error));
    CU_ASSERT(events_begin(&world.events, 0));
    changes_begin(&world.changes);
    world.changes.has_keys_before = true; /* measure() fills them in */
    events_start(&world.events, world.now_ns);
    changes_start(&world.changes, world.now_ns);
}

static void fire(void) {
    const struct schedule_event *event;
    while ((event = events_next_due(&world.events, world.now_ns)) != NULL) {
        changes_ask(&world.changes, event, world.now_ns);
    }
}
#define SCHEDULE(...)                                                                                                  \
    do {                                                                                                               \
        static const char *const events[] = {__VA_ARGS__};                                                             \
        schedule_all(events, sizeof events / sizeof events[0]);                                                        \
    } while (0)

/* The phase's end: 100 keys in each part, of which `removed` of the last one went. */
static struct result_phase *measure(uint64_t removed) {
    static struct result_phase phase;
    memset(&phase, 0, sizeof phase);
    for (unsigned i = 0; i < NODES; i++) {
        world.changes.keys[0][i] = 100;
        world.changes.keys[1][i] = i == NODES - 1 ? 100 - removed : 100;
    }
    phase.elapsed_ns = world.now_ns - world.changes.start_ns;
    for (uint64_t at_ns = 0; at_ns < phase.elapsed_ns; at_ns += 100000) {
        timeline_record(&phase.timeline, at_ns); /* 10,000 a second */
    }
    const struct schedule_event *event;
    while ((event = events_next_left(&world.events)) != NULL) {
        changes_refuse(&world.changes, event, phase.elapsed_ns, "the phase was over");
    }
    changes_measure(&world.changes, &phase);
    return &phase;
}

static void test_ring(void) {
    make_world();
    struct ring copy;
    CU_ASSERT_EQUAL_FATAL(ring_init(&copy, NODES), CHORD_OK);
    CU_ASSERT_EQUAL(world.ring.member_count, NODES);
    for (unsigned i = 0; i < NODES; i++) {
        CU_ASSERT_EQUAL(world.ring.members[i].address.virtual_node, i);
    }
    struct chord_change_member changed = {CHORD_COMMAND_DEPART, world.ring.members[1]};
    ring_apply(&world.ring, &changed, 1);
    CU_ASSERT_EQUAL(world.ring.member_count, 3);
    CU_ASSERT_EQUAL(ring_rank_member_count(&world.ring, 0), 3);
    CU_ASSERT_EQUAL(world.ring.members[1].address.virtual_node, 2);
    ring_copy(&copy, &world.ring);
    changed.what = CHORD_COMMAND_JOIN;
    changed.member.incarnation = 2;
    ring_apply(&world.ring, &changed, 1);
    const struct ring_node *node = ring_find(&world.ring, (struct chord_address){.virtual_node = 1});
    CU_ASSERT(node != NULL && node->is_member && node->member.incarnation == 2);
    CU_ASSERT_EQUAL(world.ring.change_count, 2);
    CU_ASSERT(copy.change_count == 1 && copy.member_count == 3);
    node = ring_find(&copy, (struct chord_address){.virtual_node = 1});
    CU_ASSERT(node != NULL && !node->is_member);
    CU_ASSERT_PTR_NULL(ring_find(&copy, (struct chord_address){.rank = 1}));
    ring_clear(&copy);
    end_world();
}

static void test_carried_out(void) {
    make_world();
    SCHEDULE("op=10:depart:n:1", "op=20:join:n:1");
    CU_ASSERT(events_need_answered(&world.events));
    events_answered(&world.events, 0, 9);
    fire();
    settle();
    CU_ASSERT(!changes_any(&world.changes));
    world.now_ns += 5000000;
    events_answered(&world.events, 0, 10);
    events_answered(&world.events, 0, 3); /* an older message can't take anything back */
    fire();
    const uint64_t fired_ns = world.now_ns - world.changes.start_ns;
    settle();
    CU_ASSERT(changes_any(&world.changes));
    CU_ASSERT_EQUAL(world.ring.member_count, 3);
    world.now_ns += 100000000;
    events_answered(&world.events, 0, 999);
    fire();
    settle();
    world.now_ns += 100000000;
    const struct result_phase *phase = measure(0);
    CU_ASSERT_EQUAL_FATAL(phase->change_count, 2);
    const struct result_change *depart = &phase->changes[0], *join = &phase->changes[1];
    CU_ASSERT_STRING_EQUAL(depart->trigger, "op=10:depart:n:1");
    CU_ASSERT_STRING_EQUAL(join->trigger, "op=20:join:n:1");
    CU_ASSERT(!depart->refused && !join->refused);
    CU_ASSERT(depart->settled && join->settled);
    CU_ASSERT_EQUAL(depart->at_ns, fired_ns);
    CU_ASSERT(depart->at_ns <= depart->change.started_ticks);
    CU_ASSERT(depart->change.started_ticks < depart->change.ended_ticks);
    CU_ASSERT_PTR_NULL(depart->change.members);
    CU_ASSERT_EQUAL(depart->change.member_count, 1);
    CU_ASSERT_EQUAL(depart->members[0].what, CHORD_COMMAND_DEPART);
    CU_ASSERT_EQUAL(depart->members[0].member.address.virtual_node, 1);
    /* (0x20, 0x60] goes to the next node, and comes back. */
    CU_ASSERT_EQUAL(depart->expected_pair_count, 100);
    CU_ASSERT_EQUAL(join->expected_pair_count, 100);
    CU_ASSERT(depart->expected_is_exact && join->expected_is_exact);
    CU_ASSERT_EQUAL(depart->unanswered_pair_count, 5);
    CU_ASSERT_DOUBLE_EQUAL(depart->throughput_before, 10000, 500);
    CU_ASSERT_DOUBLE_EQUAL(depart->throughput_after, 10000, 500);
    CU_ASSERT_EQUAL(join->members[0].member.incarnation, 2);
    end_world();
}

static void test_batched(void) {
    make_world();
    SCHEDULE("0ms:depart:n:0", "0ms:depart:n:3", "0ms:depart:n:2", "0ms:depart:n:2");
    CU_ASSERT(!events_need_answered(&world.events));
    fire();
    settle();
    const struct result_phase *phase = measure(7);
    CU_ASSERT_EQUAL_FATAL(phase->change_count, 2);
    const struct result_change *refused = &phase->changes[phase->changes[1].refused];
    const struct result_change *change = &phase->changes[phase->changes[0].refused];
    CU_ASSERT_STRING_EQUAL(change->trigger, "0ms:depart:n:0 0ms:depart:n:3 0ms:depart:n:2");
    CU_ASSERT_EQUAL(change->change.member_count, 3);
    /* All but the second part; the last has lost 7 keys meanwhile and counts as it was. */
    CU_ASSERT_EQUAL(change->expected_pair_count, 300);
    CU_ASSERT(!change->expected_is_exact);
    CU_ASSERT_STRING_EQUAL(refused->trigger, "0ms:depart:n:2");
    CU_ASSERT_STRING_EQUAL(refused->reason, chord_status_text(CHORD_UNDER_WAY));
    end_world();
}

static void test_refused(void) {
    make_world();
    SCHEDULE("0ms:join:n:0", "0ms:depart:0", "op=999:depart:n:3", "1000s:depart:n:1");
    fire();
    settle();
    const struct result_phase *phase = measure(0);
    CU_ASSERT(!changes_any(&world.changes));
    CU_ASSERT_EQUAL_FATAL(phase->change_count, 4);
    CU_ASSERT_STRING_EQUAL(phase->changes[0].reason, chord_status_text(CHORD_ALREADY_MEMBER));
    CU_ASSERT_STRING_EQUAL(phase->changes[1].reason, chord_status_text(CHORD_LAST_MEMBER));
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT(phase->changes[i].refused);
        CU_ASSERT(i < 2 || strcmp(phase->changes[i].reason, "the phase was over") == 0);
    }
    /* The next phase begins anew. */
    CU_ASSERT(events_begin(&world.events, 0));
    changes_begin(&world.changes);
    CU_ASSERT_EQUAL(world.changes.count, 0);
    end_world();
}

/* Accepted, then off: what the coordinator tells later. */
static void test_cancelled(void) {
    make_world();
    SCHEDULE("0ms:depart:n:1", "0ms:depart:n:2");
    fire();
    const struct chord_notice cancelled = {.kind = CHORD_NOTICE_CANCELLED,
                                           .first = {.address = {.virtual_node = 2}},
                                           .cancelled = CHORD_COMMAND_DEPART};
    const struct chord_notice twin = {.kind = CHORD_NOTICE_DUPLICATE_ID, .second = {.address = {.virtual_node = 1}}};
    changes_notice(&world.changes, &cancelled);
    changes_notice(&world.changes, &twin); /* of a join: nobody asked for one */
    const struct result_phase *phase = measure(0);
    CU_ASSERT_EQUAL_FATAL(phase->change_count, 2);
    CU_ASSERT_STRING_EQUAL(phase->changes[0].trigger, "0ms:depart:n:2");
    CU_ASSERT_STRING_EQUAL(phase->changes[0].reason, "accepted, then cancelled: it would have been the last member");
    CU_ASSERT_STRING_EQUAL(phase->changes[1].trigger, "0ms:depart:n:1");
    CU_ASSERT_STRING_EQUAL(phase->changes[1].reason, "accepted, but not carried out before the ring was quiet");
    settle();
    end_world();
}

static void test_long_triggers(void) {
    make_world();
    SCHEDULE("0ms:depart:a-very-long-name:0", "0ms:depart:a-very-long-name:1", "0ms:depart:n:2");
    fire();
    settle();
    const struct result_phase *phase = measure(0);
    CU_ASSERT_EQUAL_FATAL(phase->change_count, 1);
    CU_ASSERT_STRING_EQUAL(phase->changes[0].trigger,
                           "0ms:depart:a-very-long-name:0 0ms:depart:a-very-long-name:1 ...");
    end_world();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"the ring follows the notices", test_ring},
        {"events at counts are carried out, with all figures", test_carried_out},
        {"several in one change, keys that went", test_batched},
        {"refusals and what came too late", test_refused},
        {"what is off after all", test_cancelled},
        {"triggers that don't fit are cut", test_long_triggers},
    };
    return UNIT_RUN("changes", tests);
}
