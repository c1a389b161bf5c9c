/* chord/wire/codec: round trips, truncation, and bytes that nobody meant.
 *
 * What is canonical: a message that decodes re-encodes to the same bytes but for bits of byte 1 that its type
 * does not use; those are ignored by the decoder and written as zero (used_bits below says which are used).
 */
#include "tests/unit/core_fixture.h"

#include "chord/wire/codec.h"

#define MEMBERS_MAX 64u
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static unsigned char key_bytes[CHORD_KEY_SIZE_MAX];
static unsigned char value_bytes[CHORD_VALUE_SIZE_MAX];
static struct chord_member member_array[MEMBERS_MAX];

/* How large the variable parts of a generated message are. */
struct shape {
    uint32_t key_size;
    uint32_t value_size;
    uint32_t member_count;
};

/* Any 64 bits, the extremes often. */
static uint64_t number(struct chord_prng *prng) {
    switch (chord_prng_below(prng, 4)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    default:
        return chord_prng_next(prng);
    }
}

static struct chord_member random_member(struct chord_prng *prng) {
    return (struct chord_member){.id = {number(prng), number(prng), (uint32_t)number(prng)},
                                 .address = {(uint32_t)number(prng), (uint16_t)number(prng)},
                                 .incarnation = (uint32_t)number(prng)};
}

static struct chord_claim random_claim(struct chord_prng *prng) {
    return (struct chord_claim){
        .owner = random_member(prng), .start = random_member(prng).id, .epoch = (uint32_t)number(prng)};
}

static struct chord_request random_request(struct chord_prng *prng, struct shape shape) {
    struct chord_request request;
    memset(&request, 0, sizeof request); /* its padding, too: compilers compare neighbouring fields in one go, as valgrind sees */
    request.kind = (enum chord_operation_kind)chord_prng_below(prng, 3);
    request.shortcut = (enum chord_shortcut)chord_prng_below(prng, CHORD_SHORTCUT_COUNT);
    request.owner_hops = (uint16_t)number(prng);
    request.client_rank = (uint32_t)number(prng);
    request.seq = number(prng);
    request.key_id = random_member(prng).id;
    request.key = key_bytes;
    request.key_size = shape.key_size;
    uint64_t distance = number(prng) & UINT32_MAX;
    distance = distance < request.seq ? distance : request.seq;
    request.watermark = request.seq - distance;
    if (shape.value_size > 0) {
        request.kind = CHORD_INSERT;
    }
    request.value = value_bytes;
    request.value_size = request.kind == CHORD_INSERT ? shape.value_size : 0;
    return request;
}

static struct chord_message random_message(struct chord_prng *prng, enum chord_message_type type,
                                           struct shape shape) {
    struct chord_message message = {.type = type,
                                    .from = {(uint32_t)number(prng), (uint16_t)number(prng)},
                                    .to = {(uint32_t)number(prng), (uint16_t)number(prng)}};
    for (uint32_t i = 0; i < shape.member_count; i++) {
        member_array[i] = random_member(prng);
    }
    const struct chord_members members = {.array = member_array, .count = shape.member_count};
    const struct chord_id id = random_member(prng).id;
    switch (type) {
    case CHORD_MESSAGE_REQUEST:
        message.request = random_request(prng, shape);
        message.request.to_owner = chord_prng_below(prng, 2);
        break;
    case CHORD_MESSAGE_CHAIN:
        message.chain =
            (struct chord_chain){.request = random_request(prng, shape),
                                 .epoch = (uint32_t)number(prng),
                                 .version = {(uint32_t)number(prng), number(prng)},
                                 .outcome = (enum chord_outcome)chord_prng_below(prng, CHORD_OUTCOME_COUNT),
                                 .duplicate = chord_prng_below(prng, 2)};
        break;
    case CHORD_MESSAGE_ACK:
        message.ack =
            (struct chord_ack){.arc_end = id, .epoch = (uint32_t)number(prng), .counter = number(prng)};
        break;
    case CHORD_MESSAGE_ANSWER:
        message.answer =
            (struct chord_answer){.seq = number(prng),
                                  .outcome = (enum chord_outcome)chord_prng_below(prng, CHORD_OUTCOME_COUNT),
                                  .shortcut = (enum chord_shortcut)chord_prng_below(prng, CHORD_SHORTCUT_COUNT),
                                  .owner_hops = (uint16_t)number(prng),
                                  .version = {(uint32_t)number(prng), number(prng)},
                                  .value_size = shape.value_size,
                                  .value = value_bytes};
        if (chord_prng_below(prng, 2) == 0) {
            message.answer.claim = random_claim(prng); /* of epoch 0, and so none at all, now and then */
        }
        break;
    case CHORD_MESSAGE_REFUSAL:
        message.refusal = (struct chord_refusal){
            .seq = number(prng),
            .reason = (enum chord_refusal_reason)chord_prng_below(prng, CHORD_REFUSAL_REASON_COUNT)};
        break;
    case CHORD_MESSAGE_LOOKUP:
        message.lookup = (struct chord_lookup){.target = id,
                                               .origin = random_claim(prng),
                                               .to_owner = chord_prng_below(prng, 2),
                                               .exponent = (uint16_t)number(prng),
                                               .hops = (uint16_t)number(prng)};
        break;
    case CHORD_MESSAGE_FOUND:
        message.found = (struct chord_found){
            .incarnation = (uint32_t)number(prng),
            .claim = random_claim(prng), .exponent = (uint16_t)number(prng), .hops = (uint16_t)number(prng)};
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        message.announce = (struct chord_announce){.claim = random_claim(prng),
                                                   .target = id,
                                                   .end = random_member(prng).id,
                                                   .to_owner = chord_prng_below(prng, 2),
                                                   .exponent = (uint16_t)number(prng),
                                                   .hops = (uint16_t)number(prng)};
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        message.announced = (struct chord_announced){.epoch = (uint32_t)number(prng),
                                                     .exponent = (uint16_t)number(prng),
                                                     .hops = (uint16_t)number(prng)};
        break;
    case CHORD_MESSAGE_GONE:
        message.gone.member = random_member(prng);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        message.registration =
            (struct chord_registration){.member = random_member(prng), .hops = (uint16_t)number(prng)};
        break;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        break;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        message.reach.rank = (uint32_t)number(prng);
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        message.neighbours = (struct chord_neighbours){
            .epoch = (uint32_t)number(prng), .predecessor = random_member(prng), .successors = members};
        break;
    case CHORD_MESSAGE_SPARE:
        message.spare = (struct chord_spare){.epoch = (uint32_t)number(prng), .contact = random_member(prng)};
        break;
    case CHORD_MESSAGE_EXCLUDED:
        message.excluded = (struct chord_excluded){.incarnation = (uint32_t)number(prng),
                                                   .rejoin = chord_prng_below(prng, 2),
                                                   .contact = random_member(prng)};
        break;
    case CHORD_MESSAGE_PREPARE:
        message.prepare = (struct chord_prepare){
            .epoch = (uint32_t)number(prng), .start = id, .end = random_member(prng).id};
        break;
    case CHORD_MESSAGE_WEDGED:
        message.wedged = (struct chord_wedged){
            .epoch = (uint32_t)number(prng), .incarnation = (uint32_t)number(prng), .end = id};
        break;
    case CHORD_MESSAGE_INSTALL:
        message.install = (struct chord_install){.epoch = (uint32_t)number(prng),
                                                 .start = id,
                                                 .end = random_member(prng).id,
                                                 .arc_start = random_member(prng).id,
                                                 .chain = members,
                                                 .source = random_member(prng),
                                                 .empty = chord_prng_below(prng, 2),
                                                 .lost = chord_prng_below(prng, 2)};
        if (shape.member_count == 0) { /* a chain has at least its head */
            member_array[0] = random_member(prng);
            message.install.chain.count = 1;
        }
        break;
    case CHORD_MESSAGE_PULL:
        message.pull = (struct chord_pull){.epoch = (uint32_t)number(prng),
                                           .end = id,
                                           .offset = number(prng),
                                           .base_epoch = (uint32_t)number(prng),
                                           .base_applied = number(prng),
                                           .base_log_start = number(prng),
                                           .base_joint_from = number(prng),
                                           .base_joint_to = number(prng)};
        break;
    case CHORD_MESSAGE_PIECE:
        message.piece = (struct chord_piece){.epoch = (uint32_t)number(prng),
                                             .end = id,
                                             .offset = number(prng),
                                             .last = chord_prng_below(prng, 2),
                                             .size = shape.value_size,
                                             .bytes = value_bytes};
        break;
    case CHORD_MESSAGE_SYNCED:
        message.synced = (struct chord_synced){.epoch = (uint32_t)number(prng),
                                               .incarnation = (uint32_t)number(prng),
                                               .end = id,
                                               .piece_count = (uint32_t)number(prng),
                                               .pair_count = number(prng),
                                               .pair_bytes = number(prng)};
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        message.activate = (struct chord_activate){
            .epoch = (uint32_t)number(prng), .start = id, .end = random_member(prng).id};
        break;
    case CHORD_MESSAGE_SETTLED:
        message.settled = (struct chord_settled_report){.epoch = (uint32_t)number(prng),
                                                        .incarnation = (uint32_t)number(prng),
                                                        .message_count = (uint32_t)number(prng)};
        break;
    case CHORD_MESSAGE_TYPE_COUNT:
        abort();
    }
    return message;
}

/* The bits of byte 1 that the type uses (codec.h). */
static unsigned char used_bits(unsigned char type) {
    switch (type) {
    case CHORD_MESSAGE_REQUEST:
        return 0xe3;
    case CHORD_MESSAGE_CHAIN:
        return 0xff;
    case CHORD_MESSAGE_ANSWER:
        return 0xfc;
    case CHORD_MESSAGE_REFUSAL:
        return 0xff;
    case CHORD_MESSAGE_LOOKUP:
    case CHORD_MESSAGE_ANNOUNCE:
    case CHORD_MESSAGE_EXCLUDED:
    case CHORD_MESSAGE_PIECE:
        return 0x80;
    case CHORD_MESSAGE_INSTALL:
        return 0x81;
    default:
        return 0;
    }
}

/* Head and value in one block of exactly their size, so that a read past the end shows under ASan. Caller
 * frees. */
static unsigned char *encode(struct tally *tally, const struct chord_message *message, size_t *size) {
    uint32_t value_size = 0;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    unsigned char *bytes = malloc(head_size + value_size);
    if (bytes == NULL) {
        abort();
    }
    TALLY(tally, chord_codec_encode_head(message, bytes) == head_size);
    TALLY(tally, bytes[0] == (unsigned char)message->type && (bytes[1] & ~used_bits(bytes[0])) == 0);
    if (value_size > 0) {
        memcpy(bytes + head_size, value, value_size);
    }
    *size = head_size + value_size;
    return bytes;
}

static bool same_member(struct chord_member a, struct chord_member b) {
    return chord_id_equal(a.id, b.id) && chord_address_equal(a.address, b.address) &&
           a.incarnation == b.incarnation;
}

static bool same_claim(const struct chord_claim *a, const struct chord_claim *b) {
    return same_member(a->owner, b->owner) && chord_id_equal(a->start, b->start) && a->epoch == b->epoch;
}

static bool same_members(const struct chord_members *a, const struct chord_members *b) {
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!same_member(chord_members_get(a, i), chord_members_get(b, i))) {
            return false;
        }
    }
    return true;
}

static bool same_request(const struct chord_request *a, const struct chord_request *b) {
    return a->kind == b->kind && a->shortcut == b->shortcut && a->owner_hops == b->owner_hops && a->client_rank == b->client_rank &&
           a->seq == b->seq && a->watermark == b->watermark && chord_id_equal(a->key_id, b->key_id) &&
           a->key_size == b->key_size && a->value_size == b->value_size &&
           memcmp(a->key, b->key, a->key_size) == 0 &&
           (a->value_size == 0 || memcmp(a->value, b->value, a->value_size) == 0);
}

static bool same_message(const struct chord_message *a, const struct chord_message *b) {
    if (a->type != b->type || !chord_address_equal(a->from, b->from) || !chord_address_equal(a->to, b->to)) {
        return false;
    }
    switch (a->type) {
    case CHORD_MESSAGE_REQUEST:
        return same_request(&a->request, &b->request) && a->request.to_owner == b->request.to_owner;
    case CHORD_MESSAGE_CHAIN:
        return same_request(&a->chain.request, &b->chain.request) && a->chain.epoch == b->chain.epoch &&
               chord_version_compare(a->chain.version, b->chain.version) == 0 &&
               a->chain.outcome == b->chain.outcome && a->chain.duplicate == b->chain.duplicate;
    case CHORD_MESSAGE_ACK:
        return chord_id_equal(a->ack.arc_end, b->ack.arc_end) && a->ack.epoch == b->ack.epoch &&
               a->ack.counter == b->ack.counter;
    case CHORD_MESSAGE_ANSWER:
        return a->answer.seq == b->answer.seq && a->answer.outcome == b->answer.outcome &&
               a->answer.shortcut == b->answer.shortcut && a->answer.claim.epoch == b->answer.claim.epoch &&
               (a->answer.claim.epoch == 0 || same_claim(&a->answer.claim, &b->answer.claim)) &&
               a->answer.owner_hops == b->answer.owner_hops &&
               chord_version_compare(a->answer.version, b->answer.version) == 0 &&
               a->answer.value_size == b->answer.value_size &&
               (a->answer.value_size == 0 ||
                memcmp(a->answer.value, b->answer.value, a->answer.value_size) == 0);
    case CHORD_MESSAGE_REFUSAL:
        return a->refusal.seq == b->refusal.seq && a->refusal.reason == b->refusal.reason;
    case CHORD_MESSAGE_LOOKUP:
        return chord_id_equal(a->lookup.target, b->lookup.target) &&
               same_claim(&a->lookup.origin, &b->lookup.origin) && a->lookup.exponent == b->lookup.exponent &&
               a->lookup.hops == b->lookup.hops && a->lookup.to_owner == b->lookup.to_owner;
    case CHORD_MESSAGE_FOUND:
        return same_claim(&a->found.claim, &b->found.claim) && a->found.exponent == b->found.exponent &&
               a->found.hops == b->found.hops && a->found.incarnation == b->found.incarnation;
    case CHORD_MESSAGE_ANNOUNCE:
        return same_claim(&a->announce.claim, &b->announce.claim) &&
               chord_id_equal(a->announce.target, b->announce.target) &&
               chord_id_equal(a->announce.end, b->announce.end) &&
               a->announce.exponent == b->announce.exponent && a->announce.hops == b->announce.hops &&
               a->announce.to_owner == b->announce.to_owner;
    case CHORD_MESSAGE_ANNOUNCED:
        return a->announced.epoch == b->announced.epoch && a->announced.exponent == b->announced.exponent &&
               a->announced.hops == b->announced.hops;
    case CHORD_MESSAGE_GONE:
        return same_member(a->gone.member, b->gone.member);
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        return same_member(a->registration.member, b->registration.member) &&
               a->registration.hops == b->registration.hops;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        return true;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        return a->reach.rank == b->reach.rank;
    case CHORD_MESSAGE_NEIGHBOURS:
        return a->neighbours.epoch == b->neighbours.epoch &&
               same_member(a->neighbours.predecessor, b->neighbours.predecessor) &&
               same_members(&a->neighbours.successors, &b->neighbours.successors);
    case CHORD_MESSAGE_SPARE:
        return a->spare.epoch == b->spare.epoch && same_member(a->spare.contact, b->spare.contact);
    case CHORD_MESSAGE_EXCLUDED:
        return a->excluded.incarnation == b->excluded.incarnation && a->excluded.rejoin == b->excluded.rejoin &&
               same_member(a->excluded.contact, b->excluded.contact);
    case CHORD_MESSAGE_PREPARE:
        return a->prepare.epoch == b->prepare.epoch && chord_id_equal(a->prepare.start, b->prepare.start) &&
               chord_id_equal(a->prepare.end, b->prepare.end);
    case CHORD_MESSAGE_WEDGED:
        return a->wedged.epoch == b->wedged.epoch && a->wedged.incarnation == b->wedged.incarnation &&
               chord_id_equal(a->wedged.end, b->wedged.end);
    case CHORD_MESSAGE_INSTALL:
        return a->install.epoch == b->install.epoch && chord_id_equal(a->install.start, b->install.start) &&
               chord_id_equal(a->install.end, b->install.end) &&
               chord_id_equal(a->install.arc_start, b->install.arc_start) &&
               same_members(&a->install.chain, &b->install.chain) &&
               same_member(a->install.source, b->install.source) && a->install.empty == b->install.empty &&
               a->install.lost == b->install.lost;
    case CHORD_MESSAGE_PULL:
        return a->pull.epoch == b->pull.epoch && chord_id_equal(a->pull.end, b->pull.end) &&
               a->pull.offset == b->pull.offset && a->pull.base_epoch == b->pull.base_epoch &&
               a->pull.base_applied == b->pull.base_applied && a->pull.base_log_start == b->pull.base_log_start &&
               a->pull.base_joint_from == b->pull.base_joint_from && a->pull.base_joint_to == b->pull.base_joint_to;
    case CHORD_MESSAGE_PIECE:
        return a->piece.epoch == b->piece.epoch && chord_id_equal(a->piece.end, b->piece.end) &&
               a->piece.offset == b->piece.offset && a->piece.last == b->piece.last &&
               a->piece.size == b->piece.size &&
               (a->piece.size == 0 || memcmp(a->piece.bytes, b->piece.bytes, a->piece.size) == 0);
    case CHORD_MESSAGE_SYNCED:
        return a->synced.epoch == b->synced.epoch && a->synced.incarnation == b->synced.incarnation &&
               chord_id_equal(a->synced.end, b->synced.end) && a->synced.piece_count == b->synced.piece_count &&
               a->synced.pair_count == b->synced.pair_count && a->synced.pair_bytes == b->synced.pair_bytes;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        return a->activate.epoch == b->activate.epoch && chord_id_equal(a->activate.start, b->activate.start) &&
               chord_id_equal(a->activate.end, b->activate.end);
    case CHORD_MESSAGE_SETTLED:
        return a->settled.epoch == b->settled.epoch && a->settled.incarnation == b->settled.incarnation &&
               a->settled.message_count == b->settled.message_count;
    case CHORD_MESSAGE_TYPE_COUNT:
        break;
    }
    return false;
}

static const struct shape shapes[] = {
    {1, 0, 0}, {CHORD_KEY_SIZE_MAX, 0, 1}, {1, 1, 2}, {17, 32, 64}, {CHORD_KEY_SIZE_MAX, 100, 64}};
static const struct shape largest = {CHORD_KEY_SIZE_MAX, CHORD_VALUE_SIZE_MAX, MEMBERS_MAX};

static void fill_bytes(struct chord_prng *prng) {
    for (size_t i = 0; i < sizeof key_bytes; i++) {
        key_bytes[i] = (unsigned char)chord_prng_next(prng);
    }
    for (size_t i = 0; i < sizeof value_bytes; i++) {
        value_bytes[i] = (unsigned char)(i * 31 + (i >> 8));
    }
}

static void round_trip(struct tally *tally, struct chord_prng *prng, enum chord_message_type type,
                       struct shape shape) {
    const struct chord_message message = random_message(prng, type, shape);
    size_t size;
    unsigned char *bytes = encode(tally, &message, &size);
    struct chord_message decoded;
    memset(&decoded, 0x5a, sizeof decoded);
    TALLY(tally, chord_codec_decode(bytes, size, message.from.rank, message.to.rank, &decoded) == CHORD_OK &&
                     same_message(&message, &decoded));
    free(bytes);
}

static void test_round_trips(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(1, 0);
    fill_bytes(&prng);
    for (int type = CHORD_MESSAGE_REQUEST; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        for (size_t i = 0; i < LENGTH(shapes); i++) {
            for (unsigned round = 0; round < 200; round++) {
                round_trip(&tally, &prng, (enum chord_message_type)type, shapes[i]);
            }
        }
        round_trip(&tally, &prng, (enum chord_message_type)type, largest);
    }
    TALLY_ASSERT(&tally, (CHORD_MESSAGE_TYPE_COUNT - 1) * 5 * 200 * 3);
}

static void test_sizes_promised(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(2, 0);
    for (int type = CHORD_MESSAGE_REQUEST; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        const struct chord_message message = random_message(&prng, (enum chord_message_type)type, largest);
        const size_t head_size = chord_codec_head_size(&message);
        uint32_t value_size;
        (void)chord_codec_value(&message, &value_size);
        const bool has_list = type == CHORD_MESSAGE_NEIGHBOURS || type == CHORD_MESSAGE_INSTALL;
        TALLY(&tally,
              head_size <= CHORD_CODEC_FIXED_SIZE_MAX +
                               (has_list ? CHORD_CODEC_MEMBER_SIZE * MEMBERS_MAX : CHORD_KEY_SIZE_MAX));
        TALLY(&tally, has_list || head_size + value_size <= CHORD_CODEC_OPERATION_SIZE_MAX);
    }
    TALLY_ASSERT(&tally, 2 * (CHORD_MESSAGE_TYPE_COUNT - 1));
}

/* Every proper prefix, and the message with one byte more. */
static void truncate_every_way(struct tally *tally, struct chord_prng *prng, enum chord_message_type type,
                               struct shape shape) {
    const struct chord_message message = random_message(prng, type, shape);
    size_t size;
    unsigned char *bytes = encode(tally, &message, &size);
    struct chord_message decoded;
    for (size_t shorter = 0; shorter < size; shorter++) {
        /* A copy that ends where it is cut; the very large ones are read in place. */
        unsigned char *cut = size < 5000 ? malloc(shorter + (shorter == 0)) : bytes;
        if (cut == NULL) {
            abort();
        }
        if (cut != bytes) {
            memcpy(cut, bytes, shorter);
        }
        TALLY(tally, chord_codec_decode(cut, shorter, 0, 1, &decoded) == CHORD_MALFORMED);
        if (cut != bytes) {
            free(cut);
        }
    }
    unsigned char *longer = malloc(size + 1);
    if (longer == NULL) {
        abort();
    }
    memcpy(longer, bytes, size);
    longer[size] = 0;
    TALLY(tally, chord_codec_decode(longer, size, 0, 1, &decoded) == CHORD_OK);
    TALLY(tally, chord_codec_decode(longer, size + 1, 0, 1, &decoded) == CHORD_MALFORMED);
    free(longer);
    free(bytes);
}

/* What is peeked at is what decoding finds, for the two types that lead to a key; cut off before its id ends, nothing is. */
static void test_peeking(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(9, 0);
    fill_bytes(&prng);
    for (int type = CHORD_MESSAGE_REQUEST; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        for (unsigned round = 0; round < 200; round++) {
            const struct chord_message message = random_message(&prng, (enum chord_message_type)type, shapes[1]);
            const bool leads = type == CHORD_MESSAGE_REQUEST || type == CHORD_MESSAGE_CHAIN;
            const struct chord_request *request =
                type == CHORD_MESSAGE_CHAIN ? &message.chain.request : &message.request;
            const size_t id_end = type == CHORD_MESSAGE_CHAIN ? 58 : 42;
            size_t size;
            unsigned char *bytes = encode(&tally, &message, &size);
            uint16_t virtual_node = 0;
            struct chord_id key_id = {0};
            TALLY(&tally, chord_codec_peek_key(bytes, size, &virtual_node, &key_id) == leads);
            TALLY(&tally, !leads || (virtual_node == message.to.virtual_node && chord_id_equal(key_id, request->key_id)));
            /* In a block of its own size, so that reading past the end is seen. */
            const size_t cut = leads ? chord_prng_below(&prng, 60) : chord_prng_below(&prng, size);
            unsigned char *part = malloc(cut + (cut == 0));
            if (part == NULL) {
                abort();
            }
            memcpy(part, bytes, cut);
            TALLY(&tally, chord_codec_peek_key(part, cut, &virtual_node, &key_id) == (leads && cut >= id_end));
            free(part);
            free(bytes);
        }
    }
    TALLY_ASSERT(&tally, (CHORD_MESSAGE_TYPE_COUNT - 1) * 200 * 3);
}

static void test_truncations(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(3, 0);
    fill_bytes(&prng);
    for (int type = CHORD_MESSAGE_REQUEST; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        for (size_t i = 0; i < LENGTH(shapes); i++) {
            truncate_every_way(&tally, &prng, (enum chord_message_type)type, shapes[i]);
        }
        truncate_every_way(&tally, &prng, (enum chord_message_type)type, largest);
    }
    TALLY_ASSERT(&tally, 4 * CHORD_VALUE_SIZE_MAX);
}

/* Decodes; what is taken must come out again as it went in, but for unused bits. */
static bool decode_and_encode_again(struct tally *tally, const unsigned char *bytes, size_t size) {
    struct chord_message message;
    const enum chord_status status = chord_codec_decode(bytes, size, 3, 4, &message);
    TALLY(tally, status == CHORD_OK || status == CHORD_MALFORMED);
    if (status != CHORD_OK) {
        return false;
    }
    TALLY(tally, message.from.rank == 3 && message.to.rank == 4);
    size_t again_size;
    unsigned char *again = encode(tally, &message, &again_size);
    TALLY(tally, again_size == size && again[0] == bytes[0] && again[1] == (bytes[1] & used_bits(bytes[0])) &&
                     memcmp(again + 2, bytes + 2, size - 2) == 0);
    free(again);
    return true;
}

static void test_random_bytes(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(4, 0);
    unsigned taken = 0;
    for (unsigned round = 0; round < 200000; round++) {
        const size_t size = chord_prng_below(&prng, 200);
        unsigned char *bytes = malloc(size + (size == 0));
        if (bytes == NULL) {
            abort();
        }
        for (size_t i = 0; i < size; i++) {
            const uint64_t random = chord_prng_next(&prng);
            bytes[i] = random & 0x300 ? (unsigned char)random & 0x0f : (unsigned char)random;
        }
        if (size > 0 && round % 8 != 0) {
            bytes[0] = (unsigned char)chord_prng_below(&prng, CHORD_MESSAGE_TYPE_COUNT);
        }
        taken += decode_and_encode_again(&tally, bytes, size);
        free(bytes);
    }
    TALLY_ASSERT(&tally, 200000);
    CU_ASSERT(taken > 100); /* some of it was taken, or nothing was tested */
}

static void test_mutations(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(5, 0);
    unsigned taken = 0;
    for (unsigned round = 0; round < 200000; round++) {
        const struct shape shape = {1 + (uint32_t)chord_prng_below(&prng, 20),
                                    (uint32_t)chord_prng_below(&prng, 20),
                                    (uint32_t)chord_prng_below(&prng, 4)};
        const enum chord_message_type type =
            (enum chord_message_type)(1 + round % (CHORD_MESSAGE_TYPE_COUNT - 1));
        const struct chord_message message = random_message(&prng, type, shape);
        size_t size;
        unsigned char *bytes = encode(&tally, &message, &size);
        bytes[chord_prng_below(&prng, size)] ^= (unsigned char)(1 + chord_prng_below(&prng, 255));
        taken += decode_and_encode_again(&tally, bytes, size);
        free(bytes);
    }
    TALLY_ASSERT(&tally, 200000);
    CU_ASSERT(taken > 50000);
}

/* Each unused bit of byte 1 is ignored. */
static void test_unused_bits(void) {
    struct tally tally = {0};
    struct chord_prng prng = chord_prng_seeded(6, 0);
    for (int type = CHORD_MESSAGE_REQUEST; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        const struct chord_message message = random_message(&prng, (enum chord_message_type)type, shapes[3]);
        size_t size;
        unsigned char *bytes = encode(&tally, &message, &size);
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            if (bit & used_bits(bytes[0])) {
                continue;
            }
            struct chord_message decoded;
            memset(&decoded, 0x5a, sizeof decoded);
            bytes[1] ^= (unsigned char)bit;
            TALLY(&tally,
                  chord_codec_decode(bytes, size, message.from.rank, message.to.rank, &decoded) == CHORD_OK &&
                      same_message(&message, &decoded));
            bytes[1] ^= (unsigned char)bit;
        }
        free(bytes);
    }
    TALLY_ASSERT(&tally, 60);
}

/* --- messages that break a limit: both ends of the wire must refuse them --- */

enum broken {
    KEY_EMPTY,
    KEY_TOO_LONG,
    VALUE_TOO_LONG,
    KIND_OUT_OF_RANGE,
    QUERY_WITH_VALUE,
    DELETE_WITH_VALUE,
    WATERMARK_ABOVE_SEQ,
    OUTCOME_OUT_OF_RANGE,
    ANSWER_VALUE_TOO_LONG,
    REASON_OUT_OF_RANGE,
    CHAIN_EMPTY,
    PIECE_TOO_LONG,
    SHORTCUT_OUT_OF_RANGE,
    CHAIN_SHORTCUT_OUT_OF_RANGE,
    ANSWER_SHORTCUT_OUT_OF_RANGE,
    BROKEN_COUNT
};

/* Sets the field of the valid message `base` in bytes (offsets as in codec.h's diagram) and as a message. */
static struct chord_message broken_message(enum broken broken, struct chord_prng *prng, unsigned char **bytes,
                                           size_t *size) {
    struct tally tally = {0};
    static const enum chord_message_type types[BROKEN_COUNT] = {
        CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_REQUEST,
        CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_CHAIN,
        CHORD_MESSAGE_ANSWER,  CHORD_MESSAGE_REFUSAL, CHORD_MESSAGE_INSTALL, CHORD_MESSAGE_PIECE,
        CHORD_MESSAGE_REQUEST, CHORD_MESSAGE_CHAIN, CHORD_MESSAGE_ANSWER};
    const struct shape shape = {.key_size = 16, .value_size = 8, .member_count = 1};
    struct chord_message message = random_message(prng, types[broken], shape);
    if (message.type == CHORD_MESSAGE_REQUEST) {
        message.request.seq = 5;
        message.request.watermark = 5;
    }
    *bytes = encode(&tally, &message, size);
    unsigned char *wire = *bytes;
    const uint32_t value_too_long = CHORD_VALUE_SIZE_MAX + 1;
    const uint32_t piece_too_long = CHORD_PIECE_SIZE_MAX + 1;
    switch (broken) {
    case KEY_EMPTY:
        memmove(wire + 50, wire + 66, 8);
        *size -= 16;
        wire[44] = wire[45] = 0;
        message.request.key_size = 0;
        break;
    case KEY_TOO_LONG:
        *bytes = realloc(wire, 50 + 1025 + 8);
        memset(*bytes + 50, 'x', 1025 + 8);
        (*bytes)[44] = 1025 & 255;
        (*bytes)[45] = 1025 >> 8;
        *size = 50 + 1025 + 8;
        message.request.key_size = 1025;
        message.request.key = value_bytes;
        break;
    case VALUE_TOO_LONG:
        *bytes = realloc(wire, 66 + (size_t)value_too_long);
        memset(*bytes + 66, 'x', value_too_long);
        memcpy(*bytes + 46, &value_too_long, 4);
        *size = 66 + (size_t)value_too_long;
        message.request.value_size = value_too_long;
        break;
    case KIND_OUT_OF_RANGE:
        wire[1] = CHORD_OPERATION_KIND_COUNT;
        message.request.kind = CHORD_OPERATION_KIND_COUNT;
        break;
    case QUERY_WITH_VALUE:
        wire[1] = CHORD_QUERY;
        message.request.kind = CHORD_QUERY;
        break;
    case DELETE_WITH_VALUE:
        wire[1] = CHORD_DELETE;
        message.request.kind = CHORD_DELETE;
        break;
    case WATERMARK_ABOVE_SEQ:
        wire[14] = 6; /* the distance */
        message.request.watermark = 6;
        break;
    case OUTCOME_OUT_OF_RANGE:
        wire[1] = (unsigned char)((wire[1] & 0x83) | CHORD_OUTCOME_COUNT << 2);
        message.chain.outcome = CHORD_OUTCOME_COUNT;
        break;
    case ANSWER_VALUE_TOO_LONG:
        wire[1] &= 0x7f; /* no claim before the value */
        message.answer.claim.epoch = 0;
        *bytes = realloc(wire, 32 + (size_t)value_too_long);
        memset(*bytes + 32, 'x', value_too_long);
        memcpy(*bytes + 28, &value_too_long, 4);
        *size = 32 + (size_t)value_too_long;
        message.answer.value_size = value_too_long;
        break;
    case REASON_OUT_OF_RANGE:
        wire[1] = CHORD_REFUSAL_REASON_COUNT;
        message.refusal.reason = CHORD_REFUSAL_REASON_COUNT;
        break;
    case CHAIN_EMPTY:
        memset(wire + 100, 0, 4);
        *size = 104;
        message.install.chain.count = 0;
        break;
    case PIECE_TOO_LONG:
        *bytes = realloc(wire, 42 + (size_t)piece_too_long);
        memset(*bytes + 42, 'x', piece_too_long);
        memcpy(*bytes + 38, &piece_too_long, 4);
        *size = 42 + (size_t)piece_too_long;
        message.piece.size = piece_too_long;
        break;
    case SHORTCUT_OUT_OF_RANGE:
        wire[1] |= 0x60;
        message.request.shortcut = CHORD_SHORTCUT_COUNT;
        break;
    case CHAIN_SHORTCUT_OUT_OF_RANGE:
        wire[1] |= 0x60;
        message.chain.request.shortcut = CHORD_SHORTCUT_COUNT;
        break;
    case ANSWER_SHORTCUT_OUT_OF_RANGE:
        wire[1] |= 0x60;
        message.answer.shortcut = CHORD_SHORTCUT_COUNT;
        break;
    case BROKEN_COUNT:
        abort();
    }
    return message;
}

static void test_decoder_refuses_broken_fields(void) {
    struct chord_prng prng = chord_prng_seeded(7, 0);
    for (int broken = 0; broken < BROKEN_COUNT; broken++) {
        unsigned char *bytes;
        size_t size;
        (void)broken_message((enum broken)broken, &prng, &bytes, &size);
        struct chord_message decoded;
        CU_ASSERT_EQUAL(chord_codec_decode(bytes, size, 0, 0, &decoded), CHORD_MALFORMED);
        free(bytes);
    }
}

/* The claim lies between the answer's fields and its value; one of epoch 0 is none, and isn't sent. */
static void test_claims_in_answers(void) {
    struct chord_prng prng = chord_prng_seeded(8, 0);
    struct tally tally = {0};
    struct chord_message message = random_message(&prng, CHORD_MESSAGE_ANSWER, shapes[2]);
    struct chord_message decoded;
    size_t size;
    message.answer.claim = (struct chord_claim){.owner = random_member(&prng), .epoch = 0x01020304};
    unsigned char *bytes = encode(&tally, &message, &size);
    CU_ASSERT_EQUAL(size, 32 + 54 + 1);
    CU_ASSERT_EQUAL(bytes[1] & 0x80, 0x80);
    CU_ASSERT_EQUAL(bytes[82], 4); /* the epoch, its last field */
    CU_ASSERT_EQUAL(bytes[86], value_bytes[0]);
    CU_ASSERT_EQUAL(chord_codec_decode(bytes, size, 0, 0, &decoded), CHORD_OK);
    CU_ASSERT_TRUE(same_claim(&message.answer.claim, &decoded.answer.claim));
    memset(bytes + 82, 0, 4);
    CU_ASSERT_EQUAL(chord_codec_decode(bytes, size, 0, 0, &decoded), CHORD_MALFORMED);
    free(bytes);
    message.answer.claim.epoch = 0;
    bytes = encode(&tally, &message, &size);
    CU_ASSERT_EQUAL(size, 32 + 1);
    CU_ASSERT_EQUAL(bytes[1] & 0x80, 0);
    free(bytes);
    TALLY_ASSERT(&tally, 2);
}

/* One property, checked before encoding too: a message that every receiver would drop must not leave in
 * silence. */
static void test_encoder_refuses_broken_fields(void) {
    struct chord_prng prng = chord_prng_seeded(7, 0);
    static unsigned char out[4096];
    for (volatile int broken = 0; broken < BROKEN_COUNT; broken++) {
        unsigned char *bytes;
        size_t size;
        const struct chord_message message = broken_message((enum broken)broken, &prng, &bytes, &size);
        free(bytes);
        volatile bool trapped;
        TRAP(trapped, (void)chord_codec_encode_head(&message, out));
        if (!trapped) {
            printf("\n    the encoder let broken field %d pass\n", broken);
        }
        CU_ASSERT_TRUE(trapped);
    }
    /* A watermark so far behind that its distance has no room. */
    struct chord_message message = random_message(&prng, CHORD_MESSAGE_REQUEST, shapes[0]);
    message.request.seq = UINT64_C(1) << 32;
    message.request.watermark = 0;
    volatile bool trapped;
    TRAP(trapped, (void)chord_codec_encode_head(&message, out));
    CU_ASSERT_TRUE(trapped);
}

static void test_bad_types_and_counts(void) {
    unsigned char bytes[128] = {0};
    struct chord_message decoded;
    for (unsigned type = 0; type < 256; type++) {
        if (type >= 1 && type < CHORD_MESSAGE_TYPE_COUNT) {
            continue;
        }
        bytes[0] = (unsigned char)type;
        for (size_t size = 0; size <= sizeof bytes; size++) {
            CU_ASSERT_EQUAL(chord_codec_decode(bytes, size, 0, 0, &decoded), CHORD_MALFORMED);
        }
    }
    /* Counts whose product with 30 would wrap in 32 bits. */
    const uint32_t counts[] = {UINT32_MAX, UINT32_MAX / 30 + 1, 143165577, 1u << 31};
    for (size_t i = 0; i < LENGTH(counts); i++) {
        bytes[0] = CHORD_MESSAGE_INSTALL;
        memcpy(bytes + 100, &counts[i], 4);
        CU_ASSERT_EQUAL(chord_codec_decode(bytes, sizeof bytes, 0, 0, &decoded), CHORD_MALFORMED);
        bytes[0] = CHORD_MESSAGE_NEIGHBOURS;
        memcpy(bytes + 40, &counts[i], 4);
        CU_ASSERT_EQUAL(chord_codec_decode(bytes, sizeof bytes, 0, 0, &decoded), CHORD_MALFORMED);
    }
}

/* The names that transcripts are written with: one for every type, "?" outside. */
static void test_names(void) {
    for (int type = CHORD_MESSAGE_REQUEST; type < CHORD_MESSAGE_TYPE_COUNT; type++) {
        CU_ASSERT_STRING_NOT_EQUAL(chord_message_name((enum chord_message_type)type), "?");
    }
    CU_ASSERT_STRING_EQUAL(chord_message_name((enum chord_message_type)0), "?");
    CU_ASSERT_STRING_EQUAL(chord_message_name(CHORD_MESSAGE_TYPE_COUNT), "?");
    CU_ASSERT_STRING_EQUAL(chord_message_name((enum chord_message_type)255), "?");
}

int main(void) {
    static const struct unit_test tests[] = {
        {"round trips of every type, extreme fields", test_round_trips},
        {"no message is larger than promised", test_sizes_promised},
        {"every truncation, and one byte more", test_truncations},
        {"peeking at a key's id", test_peeking},
        {"200,000 random byte strings", test_random_bytes},
        {"200,000 single-byte mutations", test_mutations},
        {"unused bits are ignored", test_unused_bits},
        {"claims in answers", test_claims_in_answers},
        {"the decoder refuses broken fields", test_decoder_refuses_broken_fields},
        {"the encoder refuses broken fields", test_encoder_refuses_broken_fields},
        {"bad types and member counts", test_bad_types_and_counts},
        {"names", test_names},
    };
    return UNIT_RUN("codec", tests);
}
