/* One rank, all that it hosts, in a stream of events that the input chooses: well-formed and malformed messages from any
 * sender, what it has sent itself come back from others, the answers that a correct rank would give, time, operations, what
 * its host may do. After each event its own state and all that it has sent are looked at (step_look.c).
 *
 * "Step is total": no stream may crash it, make it read or write what isn't its own, break what its structures promise, or
 * fail one of its checks, which are for programmer errors. */
#include "tests/fuzz/step_world.h"

#define EVENTS_MAX 160u
#define SELF_DELIVERIES_MAX 4000u

/* --- the rank and its job --- */

static const uint64_t small_ids[RANKS_MAX * VIRTUAL_MAX] = {20, 180, 40, 200, 80, 220, 160, 250};

struct world world;

struct chord_id world_id(uint32_t rank, uint32_t virtual_node) {
    const uint64_t number = small_ids[rank % RANKS_MAX * VIRTUAL_MAX + virtual_node % VIRTUAL_MAX];
    struct chord_id id = {0};
    FUZZ_REQUIRE(chord_id_from_number(number, world.config.id_bits, &id) == CHORD_OK);
    return id;
}

static void configure(struct fuzz_bytes *bytes) {
    const unsigned shape = fuzz_take8(bytes);
    const unsigned ring = fuzz_take8(bytes);
    const unsigned bounds = fuzz_take8(bytes);
    struct chord_config *config = &world.config;
    *config = (struct chord_config){.rank_count = 1 + shape % RANKS_MAX,
                                    .virtual_node_count = 1 + shape / 4 % VIRTUAL_MAX,
                                    .coordinator_rank = 0,
                                    .id_bits = shape & 128 ? 160 : 8,
                                    .replica_count = 1 + ring % 3,
                                    .successor_count = 1 + ring / 4 % 3,
                                    .consistency = ring & 16 ? CHORD_EVENTUAL : CHORD_LINEARIZABLE,
                                    .routing = (enum chord_routing)(ring / 32 % CHORD_ROUTING_COUNT),
                                    .route_successors = ring / 32 % CHORD_ROUTING_COUNT == CHORD_ROUTING_FINGER &&
                                                        (ring & 128) != 0,
                                    .value_size_max = 300,
                                    .window = 1 + bounds % 4,
                                    .credit_bytes = 256,
                                    .credit_count = 64,
                                    .retry_ticks = 100,
                                    .copies_max = bounds / 4 % 4,
                                    .backoff_ticks = 10,
                                    .unacknowledged_count_max = 1 + bounds / 16 % 4,
                                    .unacknowledged_bytes_max = 400,
                                    .ack_batch_count = 1 + bounds / 64 % 2,
                                    .ack_batch_bytes = 1000,
                                    .ack_delay_ticks = 20,
                                    .piece_bytes = 64,
                                    .transfer_ticks = 50,
                                    .heartbeat_ticks = bounds & 128 ? 10 : 0,
                                    .suspicion_ticks = 100,
                                    .allows_data_loss = (shape & 64) != 0,
                                    .lookup_ticks = 50,
                                    .hops_max = 6};
    config->initial_rank_count = 1 + shape / 8 % config->rank_count;
}

static void sink_send(void *context, const struct chord_message *message) {
    (void)context;
    world_keep(message);
}

static void sink_complete(void *context, const struct chord_completion *completion) {
    (void)context;
    FUZZ_REQUIRE(completion->tag < world.tag_next && completion->outcome < CHORD_OUTCOME_COUNT);
    FUZZ_REQUIRE(!world.completed[completion->tag]); /* each operation ends once */
    world.completed[completion->tag] = true;
}

static void sink_notice(void *context, const struct chord_notice *notice) {
    (void)context;
    (void)notice;
}

static const struct chord_sink sink = {.send = sink_send, .complete = sink_complete, .notice = sink_notice};

/* --- events --- */

static void give(const struct chord_message *message) {
    const enum chord_status status = chord_peer_receive(&world.peer, message, world.now_ticks);
    FUZZ_REQUIRE(status == CHORD_OK || status == CHORD_STALE || status == CHORD_UNEXPECTED ||
                 status == CHORD_MALFORMED || status == CHORD_NO_SUCH_NODE ||
                 (status == CHORD_NO_MEMORY && world.allocations_left == 0));
}

/* What the rank has sent to itself reaches it before anything else, as the transport sees to. */
static void deliver_to_self(void) {
    for (uint32_t i = 0; world.self_count > 0; i++) {
        FUZZ_REQUIRE(i < SELF_DELIVERIES_MAX); /* it must not talk to itself for ever */
        struct kept kept = world.to_self[0];
        world.self_count--;
        memmove(&world.to_self[0], &world.to_self[1], world.self_count * sizeof world.to_self[0]);
        struct chord_message message;
        FUZZ_REQUIRE(chord_codec_decode(kept.bytes, kept.size, world.peer.rank, world.peer.rank, &message) == CHORD_OK);
        give(&message);
        free(kept.bytes);
    }
}

static void submit(struct fuzz_bytes *bytes) {
    static const unsigned char value[300] = "a value";
    static const unsigned char keys[] = "abcdefgh";
    const unsigned choice = fuzz_take8(bytes);
    if (world.tag_next == OPERATIONS_MAX) {
        return;
    }
    const unsigned kind = choice % CHORD_OPERATION_KIND_COUNT;
    const struct chord_operation operation = {.tag = world.tag_next,
                                              .kind = (enum chord_operation_kind)kind,
                                              .entry = world_address(fuzz_take8(bytes)),
                                              .key_id = world_id(choice >> 2, choice >> 4),
                                              .key = &keys[choice >> 5],
                                              .key_size = 1,
                                              .value = value,
                                              .value_size = kind == CHORD_INSERT ? fuzz_take8(bytes) : 0};
    world.tag_next++; /* its completion may come at once */
    const enum chord_status status = chord_client_submit(&world.peer.client, &operation, world.now_ticks);
    FUZZ_REQUIRE(status == CHORD_OK || status == CHORD_BUSY);
    world.tag_next -= status == CHORD_BUSY;
}

/* What a host may do beside giving messages; statuses are the host's to judge. */
static void act_as_host(struct fuzz_bytes *bytes) {
    const unsigned choice = fuzz_take8(bytes);
    const uint32_t rank = (choice >> 4) % world.config.rank_count;
    struct chord_address address = {.rank = rank, .virtual_node = (uint16_t)(choice >> 3 & 1)};
    enum chord_status status = CHORD_OK;
    switch (choice % 8) {
    case 0:
        status = chord_peer_drained(&world.peer, world.now_ticks);
        break;
    case 1:
        status = chord_peer_failed(&world.peer, rank, world.now_ticks);
        break;
    case 2:
        status = chord_peer_heard(&world.peer, rank, world.now_ticks);
        break;
    case 3:
        chord_peer_banish(&world.peer, rank);
        break;
    case 4:
        address.virtual_node = CHORD_ALL_NODES;
        status = chord_peer_command(&world.peer, (enum chord_command)(fuzz_take8(bytes) % 4), address, world.now_ticks);
        break;
    case 5:
    case 6:
        status = chord_peer_command(&world.peer, (enum chord_command)(fuzz_take8(bytes) % 4), address, world.now_ticks);
        break;
    default:
        (void)chord_peer_is_quiet(&world.peer);
        break;
    }
    FUZZ_REQUIRE(status != CHORD_NO_MEMORY || world.allocations_left == 0);
}

static void pass_time(struct fuzz_bytes *bytes) {
    static const uint64_t steps[] = {1, 10, 60, 120, 1000};
    world.now_ticks += steps[fuzz_take8(bytes) % (sizeof steps / sizeof steps[0])];
    const enum chord_status status = chord_peer_tick(&world.peer, world.now_ticks);
    FUZZ_REQUIRE(status == CHORD_OK || (status == CHORD_NO_MEMORY && world.allocations_left == 0));
    (void)chord_peer_deadline(&world.peer);
}

static void take_event(struct fuzz_bytes *bytes) {
    struct chord_message message;
    struct world_scratch scratch;
    const unsigned choice = fuzz_take8(bytes);
    switch (choice % 8) {
    case 0:
        pass_time(bytes);
        break;
    case 1:
        if (world_raw_message(bytes, &message)) {
            give(&message);
        }
        break;
    case 2:
        submit(bytes);
        break;
    case 3:
        act_as_host(bytes);
        break;
    case 4:
        if (world_echo(bytes, &message)) {
            give(&message);
        }
        break;
    case 5:
        if (world_friendly_reply(bytes, &message, &scratch)) {
            give(&message);
        }
        break;
    default:
        world_any_message(bytes, &message, &scratch);
        give(&message);
        break;
    }
}

/* --- one stream --- */

static void give_place(void) {
    struct chord_message message;
    struct world_scratch scratch;
    for (uint32_t i = 0; world_prelude(i, &message, &scratch); i++) {
        give(&message);
        deliver_to_self();
        world_look();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes bytes = {.at = data, .left = size};
    world_begin();
    configure(&bytes);
    const unsigned start = fuzz_take8(&bytes);
    const uint32_t rank = start % world.config.rank_count;
    struct chord_id ids[VIRTUAL_MAX];
    for (uint32_t v = 0; v < VIRTUAL_MAX; v++) {
        ids[v] = world_id(rank, v);
    }
    FUZZ_REQUIRE(chord_peer_init(&world.peer, &world.config, &sink, &world.allocator, rank, ids, 1) == CHORD_OK);
    chord_peer_start(&world.peer);
    deliver_to_self();
    if (start & 16) {
        give_place();
    }
    if (start & 32) {
        world.allocations_left = 1 + fuzz_take8(&bytes); /* and then there is no memory any more */
    }
    for (uint32_t i = 0; bytes.left > 0 && i < EVENTS_MAX; i++) {
        take_event(&bytes);
        world_look();
        deliver_to_self();
        world_look();
    }
    chord_peer_clear(&world.peer);
    world_end();
    return 0;
}
