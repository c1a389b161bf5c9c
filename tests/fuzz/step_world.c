#include "tests/fuzz/step_world.h"

/* --- memory --- */

static void *resize(void *context, void *block, size_t size) {
    (void)context;
    if (size == 0) {
        world.blocks_live -= block != NULL;
        free(block);
        return NULL;
    }
    if (world.allocations_left == 0) {
        return NULL;
    }
    world.allocations_left--;
    world.blocks_live += block == NULL;
    void *resized = realloc(block, size);
    FUZZ_REQUIRE(resized != NULL);
    return resized;
}

void world_begin(void) {
    memset(&world, 0, offsetof(struct world, to_self));
    world.now_ticks = 1000;
    world.allocator.resize = resize;
    world.allocations_left = UINT64_MAX;
}

void world_end(void) {
    FUZZ_REQUIRE(world.blocks_live == 0);
    for (uint32_t i = 0; i < KEPT_MAX; i++) {
        free(world.kept[i].bytes);
    }
    for (uint32_t i = 0; i < world.self_count; i++) {
        free(world.to_self[i].bytes);
    }
}

/* --- what the rank sends --- */

struct chord_address world_address(unsigned choice) {
    return (struct chord_address){.rank = choice % world.config.rank_count,
                                  .virtual_node = (uint16_t)(choice / 16 % world.config.virtual_node_count)};
}

void world_keep(const struct chord_message *message) {
    struct chord_message same;
    uint32_t value_size;
    FUZZ_REQUIRE(message->from.rank == world.peer.rank && message->to.rank < world.config.rank_count);
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    struct kept kept = {.bytes = malloc(head_size + value_size), .size = head_size + value_size,
                        .to_rank = message->to.rank};
    FUZZ_REQUIRE(kept.bytes != NULL && chord_codec_encode_head(message, kept.bytes) == head_size);
    if (value_size > 0) {
        memcpy(kept.bytes + head_size, value, value_size);
    }
    /* Whoever gets it must be able to read it. */
    FUZZ_REQUIRE(chord_codec_decode(kept.bytes, kept.size, message->from.rank, message->to.rank, &same) == CHORD_OK);
    if (kept.to_rank == world.peer.rank) {
        FUZZ_REQUIRE(world.self_count < TO_SELF_MAX);
        world.to_self[world.self_count++] = kept;
        return;
    }
    struct kept *place = &world.kept[world.kept_count++ % KEPT_MAX];
    free(place->bytes);
    *place = kept;
}

static const struct kept *choose_kept(struct fuzz_bytes *bytes) {
    const uint64_t there = world.kept_count < KEPT_MAX ? world.kept_count : KEPT_MAX;
    const unsigned choice = fuzz_take8(bytes);
    return there == 0 ? NULL : &world.kept[(world.kept_count - 1 - choice % there) % KEPT_MAX];
}

/* --- messages from the input --- */

bool world_raw_message(struct fuzz_bytes *bytes, struct chord_message *message) {
    const uint32_t from = fuzz_take8(bytes) % world.config.rank_count;
    size_t size = fuzz_take8(bytes);
    const uint8_t *raw = fuzz_take(bytes, &size);
    return chord_codec_decode(raw, size, from, world.peer.rank, message) == CHORD_OK;
}

bool world_echo(struct fuzz_bytes *bytes, struct chord_message *message) {
    const struct kept *kept = choose_kept(bytes);
    const unsigned choice = fuzz_take8(bytes);
    if (kept == NULL) {
        return false;
    }
    static unsigned char changed[2048];
    FUZZ_REQUIRE(kept->size <= sizeof changed);
    memcpy(changed, kept->bytes, kept->size);
    if (choice & 16) {
        const size_t at = fuzz_take16(bytes) % kept->size;
        changed[at] = fuzz_take8(bytes);
    }
    return chord_codec_decode(changed, kept->size, choice % world.config.rank_count, world.peer.rank, message) ==
           CHORD_OK;
}

static struct chord_id any_id(struct fuzz_bytes *bytes) {
    const unsigned choice = fuzz_take8(bytes);
    const struct chord_id id = world_id(choice, choice >> 2);
    return choice & 8 ? chord_id_add_power(id, world.config.id_bits, choice >> 4 & 7) : id;
}

/* A member of the job, mostly as it is. */
static struct chord_member any_member(struct fuzz_bytes *bytes) {
    const unsigned choice = fuzz_take8(bytes);
    const struct chord_address address = world_address(choice);
    return (struct chord_member){.id = choice & 128 ? any_id(bytes) : world_id(address.rank, address.virtual_node),
                                 .address = address,
                                 .incarnation = 1 + (choice >> 5 & 3)};
}

/* Mostly one of few. */
static uint32_t any_epoch(struct fuzz_bytes *bytes) {
    const unsigned choice = fuzz_take8(bytes);
    return choice == 255 ? UINT32_MAX : choice % 8;
}

static struct chord_claim any_claim(struct fuzz_bytes *bytes) {
    struct chord_claim claim = {.owner = any_member(bytes)};
    claim.start = any_id(bytes);
    claim.epoch = any_epoch(bytes);
    return claim;
}

static struct chord_members any_members(struct fuzz_bytes *bytes, struct world_scratch *scratch, uint32_t least) {
    uint32_t count = fuzz_take8(bytes) % (MEMBERS_MAX + 1);
    count = count < least ? least : count;
    for (uint32_t i = 0; i < count; i++) {
        scratch->members[i] = any_member(bytes);
    }
    return (struct chord_members){.array = scratch->members, .count = count};
}

static struct chord_request any_request(struct fuzz_bytes *bytes, struct world_scratch *scratch) {
    const unsigned choice = fuzz_take8(bytes);
    struct chord_request request = {.kind = (enum chord_operation_kind)(choice % CHORD_OPERATION_KIND_COUNT),
                                    .to_owner = (choice & 4) != 0,
                                    .owner_hops = choice >> 3 & 7,
                                    .client_rank = (choice >> 6) % world.config.rank_count};
    request.seq = fuzz_take8(bytes);
    const unsigned distance = fuzz_take8(bytes);
    request.watermark = request.seq - (distance < request.seq ? distance : request.seq);
    request.key_id = any_id(bytes);
    const unsigned key = fuzz_take8(bytes);
    memset(scratch->bytes, 'a' + (int)(key % 8), 32);
    request.key = scratch->bytes;
    request.key_size = 1 + key / 8;
    request.value = scratch->bytes + 32;
    request.value_size = request.kind == CHORD_INSERT ? fuzz_take8(bytes) : 0;
    return request;
}

static struct chord_version any_version(struct fuzz_bytes *bytes) {
    struct chord_version version = {.epoch = any_epoch(bytes)};
    version.counter = fuzz_take8(bytes);
    return version;
}

static void any_chain(struct fuzz_bytes *bytes, struct chord_chain *chain, struct world_scratch *scratch) {
    const unsigned choice = fuzz_take8(bytes);
    chain->request = any_request(bytes, scratch);
    chain->request.to_owner = false;
    chain->epoch = choice & 7;
    chain->version = any_version(bytes);
    chain->outcome = (enum chord_outcome)((choice >> 3) % CHORD_OUTCOME_COUNT);
    chain->duplicate = (choice & 128) != 0;
}

static void any_install(struct fuzz_bytes *bytes, struct chord_install *install, struct world_scratch *scratch) {
    const unsigned choice = fuzz_take8(bytes);
    install->epoch = choice & 7 ? choice & 7 : any_epoch(bytes);
    install->empty = (choice & 8) != 0;
    install->lost = (choice & 16) != 0;
    install->start = any_id(bytes);
    install->end = any_id(bytes);
    install->arc_start = choice & 32 ? any_id(bytes) : install->start;
    install->source = any_member(bytes);
    install->chain = any_members(bytes, scratch, 1);
}

static void any_pull(struct fuzz_bytes *bytes, struct chord_pull *pull) {
    const unsigned choice = fuzz_take8(bytes);
    pull->epoch = choice & 7 ? choice & 7 : any_epoch(bytes);
    pull->end = any_id(bytes);
    pull->offset = choice & 8 ? fuzz_take16(bytes) : choice & 16 ? 64 * (choice >> 5) : 0;
    pull->base_epoch = any_epoch(bytes);
    pull->base_applied = fuzz_take8(bytes);
    pull->base_log_start = fuzz_take8(bytes);
    pull->base_joint_from = fuzz_take8(bytes);
    pull->base_joint_to = fuzz_take8(bytes);
}

static void any_piece(struct fuzz_bytes *bytes, struct chord_piece *piece, struct world_scratch *scratch) {
    const unsigned choice = fuzz_take8(bytes);
    piece->epoch = choice & 7;
    piece->last = (choice & 8) != 0;
    piece->end = any_id(bytes);
    piece->offset = fuzz_take8(bytes);
    size_t size = fuzz_take8(bytes);
    const uint8_t *raw = fuzz_take(bytes, &size);
    memcpy(scratch->bytes, raw, size);
    piece->bytes = scratch->bytes;
    piece->size = (uint32_t)size;
}

void world_any_message(struct fuzz_bytes *bytes, struct chord_message *message, struct world_scratch *scratch) {
    memset(message, 0, sizeof *message);
    message->type = (enum chord_message_type)(1 + fuzz_take8(bytes) % (CHORD_MESSAGE_TYPE_COUNT - 1));
    message->from = world_address(fuzz_take8(bytes));
    message->to = (struct chord_address){.rank = world.peer.rank,
                                         .virtual_node = (uint16_t)(fuzz_take8(bytes) % (VIRTUAL_MAX + 1))};
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        message->request = any_request(bytes, scratch);
        break;
    case CHORD_MESSAGE_CHAIN:
        any_chain(bytes, &message->chain, scratch);
        break;
    case CHORD_MESSAGE_ACK:
        message->ack = (struct chord_ack){.arc_end = any_id(bytes)};
        message->ack.epoch = any_epoch(bytes);
        message->ack.counter = fuzz_take8(bytes);
        break;
    case CHORD_MESSAGE_ANSWER:
        message->answer = (struct chord_answer){.seq = fuzz_take8(bytes) % 32u};
        message->answer.outcome = (enum chord_outcome)(fuzz_take8(bytes) % CHORD_OUTCOME_COUNT);
        message->answer.version = any_version(bytes);
        message->answer.value = scratch->bytes;
        message->answer.value_size = message->answer.outcome == CHORD_FOUND ? fuzz_take8(bytes) : 0;
        memset(scratch->bytes, 'v', 256);
        break;
    case CHORD_MESSAGE_REFUSAL:
        message->refusal = (struct chord_refusal){.seq = fuzz_take8(bytes) % 32u};
        message->refusal.reason = (enum chord_refusal_reason)(fuzz_take8(bytes) % CHORD_REFUSAL_REASON_COUNT);
        break;
    case CHORD_MESSAGE_LOOKUP:
        message->lookup = (struct chord_lookup){.target = any_id(bytes), .to_owner = fuzz_take8(bytes) & 1};
        message->lookup.origin = any_claim(bytes);
        message->lookup.exponent = fuzz_take8(bytes);
        message->lookup.hops = fuzz_take8(bytes) % 8u;
        break;
    case CHORD_MESSAGE_FOUND:
        message->found = (struct chord_found){.claim = any_claim(bytes)};
        message->found.incarnation = 1 + fuzz_take8(bytes) % 3u;
        message->found.exponent = fuzz_take8(bytes);
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        message->announce = (struct chord_announce){.claim = any_claim(bytes), .to_owner = fuzz_take8(bytes) & 1};
        message->announce.target = any_id(bytes);
        message->announce.end = any_id(bytes);
        message->announce.exponent = fuzz_take8(bytes);
        message->announce.hops = fuzz_take8(bytes) % 8u;
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        message->announced = (struct chord_announced){.epoch = any_epoch(bytes)};
        message->announced.exponent = fuzz_take8(bytes);
        break;
    case CHORD_MESSAGE_GONE:
        message->gone.member = any_member(bytes);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        message->registration.member = any_member(bytes);
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        message->neighbours = (struct chord_neighbours){.epoch = any_epoch(bytes)};
        message->neighbours.predecessor = any_member(bytes);
        message->neighbours.successors = any_members(bytes, scratch, 0);
        break;
    case CHORD_MESSAGE_SPARE:
        message->spare = (struct chord_spare){.epoch = any_epoch(bytes)};
        message->spare.contact = any_member(bytes);
        break;
    case CHORD_MESSAGE_EXCLUDED:
        message->excluded = (struct chord_excluded){.incarnation = 1 + fuzz_take8(bytes) % 3u};
        message->excluded.rejoin = fuzz_take8(bytes) & 1;
        message->excluded.contact = any_member(bytes);
        break;
    case CHORD_MESSAGE_PREPARE:
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        message->prepare = (struct chord_prepare){.epoch = any_epoch(bytes)};
        message->prepare.start = any_id(bytes);
        message->prepare.end = any_id(bytes);
        if (message->type != CHORD_MESSAGE_PREPARE) {
            const struct chord_prepare same = message->prepare;
            message->activate = (struct chord_activate){.epoch = same.epoch, .start = same.start, .end = same.end};
        }
        break;
    case CHORD_MESSAGE_WEDGED:
        message->wedged = (struct chord_wedged){.epoch = any_epoch(bytes)};
        message->wedged.incarnation = 1 + fuzz_take8(bytes) % 3u;
        message->wedged.end = any_id(bytes);
        break;
    case CHORD_MESSAGE_INSTALL:
        any_install(bytes, &message->install, scratch);
        break;
    case CHORD_MESSAGE_PULL:
        any_pull(bytes, &message->pull);
        break;
    case CHORD_MESSAGE_PIECE:
        any_piece(bytes, &message->piece, scratch);
        break;
    case CHORD_MESSAGE_SYNCED:
        message->synced = (struct chord_synced){.epoch = any_epoch(bytes)};
        message->synced.incarnation = 1 + fuzz_take8(bytes) % 3u;
        message->synced.end = any_id(bytes);
        break;
    case CHORD_MESSAGE_SETTLED:
        message->settled = (struct chord_settled_report){.epoch = any_epoch(bytes)};
        message->settled.incarnation = 1 + fuzz_take8(bytes) % 3u;
        break;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        message->reach.rank = fuzz_take8(bytes) % RANKS_MAX; /* perhaps of no rank of the job */
        break;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
    case CHORD_MESSAGE_TYPE_COUNT:
        break;
    }
}

/* --- what correct ranks would say --- */

static void answer_request(const struct chord_message *asked, struct chord_message *reply, unsigned choice) {
    const unsigned kind = (unsigned)asked->request.kind;
    static const enum chord_outcome outcomes[] = {CHORD_INSERTED, CHORD_FOUND, CHORD_DELETED};
    reply->type = CHORD_MESSAGE_ANSWER;
    reply->answer = (struct chord_answer){.seq = asked->request.seq,
                                          .outcome = choice & 64 ? CHORD_ABSENT : outcomes[kind],
                                          .version = {.epoch = 1, .counter = choice & 7},
                                          .value = (const unsigned char *)"a value",
                                          .value_size = kind == CHORD_QUERY && !(choice & 64) ? 7 : 0};
    if (choice & 128) {
        reply->type = CHORD_MESSAGE_REFUSAL;
        reply->refusal = (struct chord_refusal){.seq = asked->request.seq};
    }
}

bool world_friendly_reply(struct fuzz_bytes *bytes, struct chord_message *message, struct world_scratch *scratch) {
    const struct kept *kept = choose_kept(bytes);
    const unsigned choice = fuzz_take8(bytes);
    struct chord_message asked;
    (void)scratch;
    if (kept == NULL) {
        return false;
    }
    FUZZ_REQUIRE(chord_codec_decode(kept->bytes, kept->size, world.peer.rank, kept->to_rank, &asked) == CHORD_OK);
    memset(message, 0, sizeof *message);
    message->from = asked.to;
    message->to = asked.from;
    switch (asked.type) {
    case CHORD_MESSAGE_REQUEST:
        answer_request(&asked, message, choice);
        return true;
    case CHORD_MESSAGE_CHAIN:
        message->type = CHORD_MESSAGE_ACK;
        message->ack = (struct chord_ack){.arc_end = world_id(choice, choice >> 2),
                                          .epoch = asked.chain.epoch,
                                          .counter = asked.chain.version.counter};
        return true;
    case CHORD_MESSAGE_LOOKUP:
        message->type = CHORD_MESSAGE_FOUND;
        message->to = asked.lookup.origin.owner.address;
        message->found = (struct chord_found){
            .claim = {.owner = {.id = world_id(asked.to.rank, asked.to.virtual_node), .address = asked.to,
                                .incarnation = 1},
                      .start = world_id(choice, choice >> 2),
                      .epoch = 1 + (choice >> 4 & 3)},
            .incarnation = asked.lookup.origin.owner.incarnation,
            .exponent = asked.lookup.exponent};
        return true;
    case CHORD_MESSAGE_ANNOUNCE:
        message->type = CHORD_MESSAGE_ANNOUNCED;
        message->announced = (struct chord_announced){.epoch = asked.announce.claim.epoch,
                                                      .exponent = asked.announce.exponent};
        return true;
    case CHORD_MESSAGE_PREPARE:
        message->type = CHORD_MESSAGE_WEDGED;
        message->wedged = (struct chord_wedged){
            .epoch = asked.prepare.epoch, .incarnation = 1 + (choice & 1), .end = asked.prepare.end};
        return true;
    case CHORD_MESSAGE_INSTALL:
        message->type = CHORD_MESSAGE_SYNCED;
        message->synced = (struct chord_synced){
            .epoch = asked.install.epoch, .incarnation = 1 + (choice & 1), .end = asked.install.end};
        return true;
    case CHORD_MESSAGE_PIECE:
        message->type = CHORD_MESSAGE_PULL;
        message->pull = (struct chord_pull){
            .epoch = asked.piece.epoch, .end = asked.piece.end, .offset = asked.piece.offset + asked.piece.size};
        return true;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_EXCLUDED:
        message->type = CHORD_MESSAGE_JOIN;
        message->registration.member =
            (struct chord_member){.id = world_id(asked.to.rank, asked.to.virtual_node),
                                  .address = asked.to,
                                  .incarnation = asked.type == CHORD_MESSAGE_EXCLUDED ? asked.excluded.incarnation + 1
                                                                                      : 1 + (choice & 3)};
        return true;
    case CHORD_MESSAGE_PULL:
        message->type = CHORD_MESSAGE_PIECE;
        message->piece = (struct chord_piece){.epoch = asked.pull.epoch, .end = asked.pull.end,
                                              .offset = asked.pull.offset, .last = choice & 1};
        {
            size_t size = fuzz_take8(bytes);
            const uint8_t *raw = fuzz_take(bytes, &size);
            memcpy(scratch->bytes, raw, size);
            message->piece.bytes = scratch->bytes;
            message->piece.size = (uint32_t)size;
        }
        return true;
    default:
        return false;
    }
}

/* --- the ring is formed --- */

static bool register_others(uint32_t i, struct chord_message *message) {
    const struct chord_config *config = &world.config;
    const uint32_t others = (config->rank_count - 1) * config->virtual_node_count;
    if (i >= others) {
        return false;
    }
    const struct chord_address address = {.rank = 1 + i / config->virtual_node_count,
                                          .virtual_node = (uint16_t)(i % config->virtual_node_count)};
    message->type = CHORD_MESSAGE_REGISTER;
    message->from = address;
    message->registration.member = (struct chord_member){
        .id = world_id(address.rank, address.virtual_node), .address = address, .incarnation = 1};
    return true;
}

/* A chain of the own node and the nodes after it by rank, the own arc reaching back to the next rank's node. */
bool world_prelude(uint32_t i, struct chord_message *message, struct world_scratch *scratch) {
    const struct chord_config *config = &world.config;
    const uint32_t rank = world.peer.rank;
    memset(message, 0, sizeof *message);
    message->to = (struct chord_address){.rank = rank};
    if (rank == config->coordinator_rank) {
        return register_others(i, message);
    }
    uint32_t count = 0;
    FUZZ_REQUIRE(config->rank_count > 0);
    for (; count < config->rank_count && count < config->replica_count; count++) {
        const uint32_t member_rank = (rank + count) % config->rank_count;
        scratch->members[count] = (struct chord_member){
            .id = world_id(member_rank, 0), .address = {.rank = member_rank}, .incarnation = 1};
    }
    const struct chord_member next = {.id = world_id((rank + 1) % config->rank_count, 0),
                                      .address = {.rank = (rank + 1) % config->rank_count},
                                      .incarnation = 1};
    switch (i) {
    case 0:
        message->type = CHORD_MESSAGE_NEIGHBOURS;
        scratch->members[0] = next;
        message->neighbours = (struct chord_neighbours){
            .epoch = 1, .predecessor = next, .successors = {.array = scratch->members, .count = 1}};
        return true;
    case 1:
        message->type = CHORD_MESSAGE_INSTALL;
        message->install = (struct chord_install){.epoch = 1,
                                                  .start = next.id,
                                                  .end = scratch->members[0].id,
                                                  .arc_start = next.id,
                                                  .source = scratch->members[0],
                                                  .empty = true,
                                                  .chain = {.array = scratch->members, .count = count}};
        return true;
    case 2:
        message->type = CHORD_MESSAGE_ACTIVATE;
        message->activate =
            (struct chord_activate){.epoch = 1, .start = next.id, .end = scratch->members[0].id};
        return true;
    default:
        return false;
    }
}
