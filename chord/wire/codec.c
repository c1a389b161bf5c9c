#include "chord/wire/codec.h"

#include "chord/base/check.h"
#include "chord/wire/bytes.h"

#define FLAG 0x80u
#define SHORTCUT_AT 5u
#define PREFIX_SIZE 6u
#define TO_AT 4u
/* Bytes before the key or value. */
#define REQUEST_SIZE 44u
#define REQUEST_KEY_ID_AT 16u
#define CHAIN_SIZE 16u
#define ANSWER_SIZE 26u
#define CLAIM_SIZE (CHORD_CODEC_MEMBER_SIZE + 24u)

/* --- writing --- */

static void put_member(struct chord_writer *writer, struct chord_member member) {
    chord_put_id(writer, member.id);
    chord_put32(writer, member.address.rank);
    chord_put16(writer, member.address.virtual_node);
    chord_put32(writer, member.incarnation);
}

static void put_claim(struct chord_writer *writer, const struct chord_claim *claim) {
    put_member(writer, claim->owner);
    chord_put_id(writer, claim->start);
    chord_put32(writer, claim->epoch);
}

static void put_members(struct chord_writer *writer, const struct chord_members *members) {
    chord_put32(writer, members->count);
    for (uint32_t i = 0; i < members->count; i++) {
        put_member(writer, chord_members_get(members, i));
    }
}

static void put_request(struct chord_writer *writer, const struct chord_request *request) {
    chord_check(request->kind < CHORD_OPERATION_KIND_COUNT);
    chord_check(request->key_size >= 1 && request->key_size <= CHORD_KEY_SIZE_MAX);
    chord_check(request->value_size <= CHORD_VALUE_SIZE_MAX);
    chord_check(request->kind == CHORD_INSERT || request->value_size == 0);
    chord_check(request->watermark <= request->seq && request->seq - request->watermark <= UINT32_MAX);
    chord_put64(writer, request->seq);
    chord_put32(writer, (uint32_t)(request->seq - request->watermark));
    chord_put32(writer, request->client_rank);
    chord_put_id(writer, request->key_id);
    chord_put16(writer, request->owner_hops);
    chord_put16(writer, (uint16_t)request->key_size);
    chord_put32(writer, request->value_size);
    chord_put(writer, request->key, request->key_size);
}

/* Adds a shortcut to the bits. Without location caches there is none: that costs a test. */
static inline void put_shortcut(unsigned char *bits, enum chord_shortcut shortcut) {
    if (__builtin_expect(shortcut != CHORD_SHORTCUT_NONE, 0)) {
        chord_check(shortcut < CHORD_SHORTCUT_COUNT);
        *bits |= (unsigned char)((unsigned)shortcut << SHORTCUT_AT);
    }
}

static unsigned char bits_of(const struct chord_message *message) {
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        return (unsigned char)((unsigned)message->request.kind | (message->request.to_owner ? FLAG : 0));
    case CHORD_MESSAGE_CHAIN:
        return (unsigned char)((unsigned)message->chain.request.kind | (unsigned)message->chain.outcome << 2 |
                               (message->chain.duplicate ? FLAG : 0));
    case CHORD_MESSAGE_ANSWER:
        return (unsigned char)((unsigned)message->answer.outcome << 2); /* FLAG comes with the claim */
    case CHORD_MESSAGE_REFUSAL:
        return (unsigned char)message->refusal.reason;
    case CHORD_MESSAGE_LOOKUP:
        return message->lookup.to_owner ? FLAG : 0;
    case CHORD_MESSAGE_ANNOUNCE:
        return message->announce.to_owner ? FLAG : 0;
    case CHORD_MESSAGE_EXCLUDED:
        return message->excluded.rejoin ? FLAG : 0;
    case CHORD_MESSAGE_INSTALL:
        return (unsigned char)((message->install.empty ? FLAG : 0) | (message->install.lost ? 1 : 0));
    case CHORD_MESSAGE_PIECE:
        return message->piece.last ? FLAG : 0;
    default:
        return 0;
    }
}

size_t chord_codec_head_size(const struct chord_message *message) {
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        return PREFIX_SIZE + REQUEST_SIZE + message->request.key_size;
    case CHORD_MESSAGE_CHAIN:
        return PREFIX_SIZE + CHAIN_SIZE + REQUEST_SIZE + message->chain.request.key_size;
    case CHORD_MESSAGE_ACK:
        return PREFIX_SIZE + 32;
    case CHORD_MESSAGE_ANSWER:
        return PREFIX_SIZE + ANSWER_SIZE + (message->answer.claim.epoch != 0 ? CLAIM_SIZE : 0);
    case CHORD_MESSAGE_REFUSAL:
        return PREFIX_SIZE + 8;
    case CHORD_MESSAGE_LOOKUP:
        return PREFIX_SIZE + 24 + CLAIM_SIZE;
    case CHORD_MESSAGE_FOUND:
        return PREFIX_SIZE + 8 + CLAIM_SIZE;
    case CHORD_MESSAGE_ANNOUNCE:
        return PREFIX_SIZE + 44 + CLAIM_SIZE;
    case CHORD_MESSAGE_ANNOUNCED:
        return PREFIX_SIZE + 8;
    case CHORD_MESSAGE_GONE:
        return PREFIX_SIZE + CHORD_CODEC_MEMBER_SIZE;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        return PREFIX_SIZE + CHORD_CODEC_MEMBER_SIZE + 2;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        return PREFIX_SIZE;
    case CHORD_MESSAGE_NEIGHBOURS:
        return PREFIX_SIZE + 8 + CHORD_CODEC_MEMBER_SIZE * (size_t)(1 + message->neighbours.successors.count);
    case CHORD_MESSAGE_SPARE:
    case CHORD_MESSAGE_EXCLUDED:
        return PREFIX_SIZE + 4 + CHORD_CODEC_MEMBER_SIZE;
    case CHORD_MESSAGE_PREPARE:
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        return PREFIX_SIZE + 44;
    case CHORD_MESSAGE_WEDGED:
        return PREFIX_SIZE + 28;
    case CHORD_MESSAGE_INSTALL:
        return PREFIX_SIZE + 68 + CHORD_CODEC_MEMBER_SIZE * (size_t)(1 + message->install.chain.count);
    case CHORD_MESSAGE_PULL:
        return PREFIX_SIZE + 68;
    case CHORD_MESSAGE_PIECE:
        return PREFIX_SIZE + 36;
    case CHORD_MESSAGE_SYNCED:
        return PREFIX_SIZE + 48;
    case CHORD_MESSAGE_SETTLED:
        return PREFIX_SIZE + 12;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        return PREFIX_SIZE + 4;
    case CHORD_MESSAGE_TYPE_COUNT:
        break;
    }
    chord_check(!"a message without a type");
    return 0;
}

const unsigned char *chord_codec_value(const struct chord_message *message, uint32_t *size) {
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        *size = message->request.value_size;
        return message->request.value;
    case CHORD_MESSAGE_CHAIN:
        *size = message->chain.request.value_size;
        return message->chain.request.value;
    case CHORD_MESSAGE_ANSWER:
        *size = message->answer.value_size;
        return message->answer.value;
    case CHORD_MESSAGE_PIECE:
        *size = message->piece.size;
        return message->piece.bytes;
    default:
        *size = 0;
        return NULL;
    }
}

size_t chord_codec_encode_head(const struct chord_message *message, unsigned char *bytes) {
    struct chord_writer writer = {.at = bytes};
    *writer.at++ = (unsigned char)message->type;
    *writer.at++ = bits_of(message);
    chord_put16(&writer, message->from.virtual_node);
    chord_put16(&writer, message->to.virtual_node);
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        put_shortcut(&bytes[1], message->request.shortcut);
        put_request(&writer, &message->request);
        break;
    case CHORD_MESSAGE_CHAIN:
        chord_check(message->chain.outcome < CHORD_OUTCOME_COUNT);
        chord_put32(&writer, message->chain.epoch);
        chord_put32(&writer, message->chain.version.epoch);
        chord_put64(&writer, message->chain.version.counter);
        put_shortcut(&bytes[1], message->chain.request.shortcut);
        put_request(&writer, &message->chain.request);
        break;
    case CHORD_MESSAGE_ACK:
        chord_put32(&writer, message->ack.epoch);
        chord_put64(&writer, message->ack.counter);
        chord_put_id(&writer, message->ack.arc_end);
        break;
    case CHORD_MESSAGE_ANSWER:
        chord_check(message->answer.outcome < CHORD_OUTCOME_COUNT);
        chord_check(message->answer.value_size <= CHORD_VALUE_SIZE_MAX);
        chord_put64(&writer, message->answer.seq);
        chord_put16(&writer, message->answer.owner_hops);
        chord_put32(&writer, message->answer.version.epoch);
        chord_put64(&writer, message->answer.version.counter);
        chord_put32(&writer, message->answer.value_size);
        put_shortcut(&bytes[1], message->answer.shortcut);
        if (__builtin_expect(message->answer.claim.epoch != 0, 0)) {
            bytes[1] |= FLAG;
            put_claim(&writer, &message->answer.claim);
        }
        break;
    case CHORD_MESSAGE_REFUSAL:
        chord_check(message->refusal.reason < CHORD_REFUSAL_REASON_COUNT);
        chord_put64(&writer, message->refusal.seq);
        break;
    case CHORD_MESSAGE_LOOKUP:
        chord_put_id(&writer, message->lookup.target);
        put_claim(&writer, &message->lookup.origin);
        chord_put16(&writer, message->lookup.exponent);
        chord_put16(&writer, message->lookup.hops);
        break;
    case CHORD_MESSAGE_FOUND:
        put_claim(&writer, &message->found.claim);
        chord_put32(&writer, message->found.incarnation);
        chord_put16(&writer, message->found.exponent);
        chord_put16(&writer, message->found.hops);
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        put_claim(&writer, &message->announce.claim);
        chord_put_id(&writer, message->announce.target);
        chord_put_id(&writer, message->announce.end);
        chord_put16(&writer, message->announce.exponent);
        chord_put16(&writer, message->announce.hops);
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        chord_put32(&writer, message->announced.epoch);
        chord_put16(&writer, message->announced.exponent);
        chord_put16(&writer, message->announced.hops);
        break;
    case CHORD_MESSAGE_GONE:
        put_member(&writer, message->gone.member);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        put_member(&writer, message->registration.member);
        chord_put16(&writer, message->registration.hops);
        break;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        chord_put32(&writer, message->neighbours.epoch);
        put_member(&writer, message->neighbours.predecessor);
        put_members(&writer, &message->neighbours.successors);
        break;
    case CHORD_MESSAGE_SPARE:
        chord_put32(&writer, message->spare.epoch);
        put_member(&writer, message->spare.contact);
        break;
    case CHORD_MESSAGE_EXCLUDED:
        chord_put32(&writer, message->excluded.incarnation);
        put_member(&writer, message->excluded.contact);
        break;
    case CHORD_MESSAGE_PREPARE:
        chord_put32(&writer, message->prepare.epoch);
        chord_put_id(&writer, message->prepare.start);
        chord_put_id(&writer, message->prepare.end);
        break;
    case CHORD_MESSAGE_WEDGED:
        chord_put32(&writer, message->wedged.epoch);
        chord_put32(&writer, message->wedged.incarnation);
        chord_put_id(&writer, message->wedged.end);
        break;
    case CHORD_MESSAGE_INSTALL:
        chord_check(message->install.chain.count > 0);
        chord_put32(&writer, message->install.epoch);
        chord_put_id(&writer, message->install.start);
        chord_put_id(&writer, message->install.end);
        chord_put_id(&writer, message->install.arc_start);
        put_member(&writer, message->install.source);
        put_members(&writer, &message->install.chain);
        break;
    case CHORD_MESSAGE_PULL:
        chord_put32(&writer, message->pull.epoch);
        chord_put_id(&writer, message->pull.end);
        chord_put64(&writer, message->pull.offset);
        chord_put32(&writer, message->pull.base_epoch);
        chord_put64(&writer, message->pull.base_applied);
        chord_put64(&writer, message->pull.base_log_start);
        chord_put64(&writer, message->pull.base_joint_from);
        chord_put64(&writer, message->pull.base_joint_to);
        break;
    case CHORD_MESSAGE_PIECE:
        chord_check(message->piece.size <= CHORD_PIECE_SIZE_MAX);
        chord_put32(&writer, message->piece.epoch);
        chord_put_id(&writer, message->piece.end);
        chord_put64(&writer, message->piece.offset);
        chord_put32(&writer, message->piece.size);
        break;
    case CHORD_MESSAGE_SYNCED:
        chord_put32(&writer, message->synced.epoch);
        chord_put32(&writer, message->synced.incarnation);
        chord_put_id(&writer, message->synced.end);
        chord_put32(&writer, message->synced.piece_count);
        chord_put64(&writer, message->synced.pair_count);
        chord_put64(&writer, message->synced.pair_bytes);
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        chord_put32(&writer, message->activate.epoch);
        chord_put_id(&writer, message->activate.start);
        chord_put_id(&writer, message->activate.end);
        break;
    case CHORD_MESSAGE_SETTLED:
        chord_put32(&writer, message->settled.epoch);
        chord_put32(&writer, message->settled.incarnation);
        chord_put32(&writer, message->settled.message_count);
        break;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        chord_put32(&writer, message->reach.rank);
        break;
    case CHORD_MESSAGE_TYPE_COUNT:
        chord_check(!"a message without a type");
    }
    return (size_t)(writer.at - bytes);
}

/* --- reading --- */

static struct chord_member get_member(struct chord_reader *reader) {
    struct chord_member member = {.id = chord_get_id(reader)};
    member.address.rank = chord_get32(reader);
    member.address.virtual_node = chord_get16(reader);
    member.incarnation = chord_get32(reader);
    return member;
}

static struct chord_claim get_claim(struct chord_reader *reader) {
    struct chord_claim claim = {.owner = get_member(reader)};
    claim.start = chord_get_id(reader);
    claim.epoch = chord_get32(reader);
    return claim;
}

static struct chord_members get_members(struct chord_reader *reader) {
    struct chord_members members = {.count = chord_get32(reader)};
    members.encoded = chord_get_bytes(reader, (size_t)members.count * CHORD_CODEC_MEMBER_SIZE);
    return members;
}

struct chord_member chord_members_get(const struct chord_members *members, uint32_t index) {
    chord_check(index < members->count);
    if (members->array != NULL) {
        return members->array[index];
    }
    struct chord_reader reader = {.at = members->encoded + (size_t)index * CHORD_CODEC_MEMBER_SIZE,
                            .left = CHORD_CODEC_MEMBER_SIZE};
    return get_member(&reader);
}

/* In REQUEST, CHAIN and ANSWER; without location caches there is none, which costs but a test. One of the four values of the
 * two bits is none of a shortcut's. */
static inline __attribute__((always_inline)) enum chord_shortcut get_shortcut(struct chord_reader *reader, unsigned bits) {
    if (__builtin_expect((bits >> SHORTCUT_AT & 3) == 0, 1)) {
        return CHORD_SHORTCUT_NONE;
    }
    const unsigned shortcut = bits >> SHORTCUT_AT & 3;
    reader->failed |= shortcut >= CHORD_SHORTCUT_COUNT;
    return (enum chord_shortcut)shortcut;
}

/* Inlined, since every other message is a REQUEST or a CHAIN: the reader stays in registers. */
static inline __attribute__((always_inline)) void get_request(struct chord_reader *reader, unsigned bits,
                                                              struct chord_request *request) {
    struct chord_reader fields = chord_get_fields(reader, REQUEST_SIZE);
    request->kind = (enum chord_operation_kind)(bits & 3);
    request->seq = chord_get64(&fields);
    const uint32_t distance = chord_get32(&fields);
    request->watermark = request->seq - distance;
    request->client_rank = chord_get32(&fields);
    request->key_id = chord_get_id(&fields);
    request->owner_hops = chord_get16(&fields);
    request->key_size = chord_get16(&fields);
    request->value_size = chord_get32(&fields);
    request->key = chord_get_bytes(reader, request->key_size);
    request->value = chord_get_bytes(reader, request->value_size);
    reader->failed |= (bits & 3) >= CHORD_OPERATION_KIND_COUNT || distance > request->seq || request->key_size < 1 ||
                      request->key_size > CHORD_KEY_SIZE_MAX || request->value_size > CHORD_VALUE_SIZE_MAX ||
                      (request->kind != CHORD_INSERT && request->value_size != 0);
}

bool chord_codec_peek_key(const unsigned char *bytes, size_t size, uint16_t *virtual_node, struct chord_id *key_id) {
    const size_t before = PREFIX_SIZE + REQUEST_KEY_ID_AT + (size > 0 && bytes[0] == CHORD_MESSAGE_CHAIN ? CHAIN_SIZE : 0);
    if (size < before + CHORD_ID_BYTES || (bytes[0] != CHORD_MESSAGE_REQUEST && bytes[0] != CHORD_MESSAGE_CHAIN)) {
        return false;
    }
    struct chord_reader to = {.at = bytes + TO_AT, .left = sizeof *virtual_node};
    struct chord_reader key = {.at = bytes + before, .left = CHORD_ID_BYTES};
    *virtual_node = chord_get16(&to);
    *key_id = chord_get_id(&key);
    return true;
}

/* What answers have only with location caches: a shortcut, or a claim before the value; one of epoch 0 claims nothing, and
 * isn't sent. A function of its own, that takes and returns the reader, so that other messages don't pay for it. */
static __attribute__((noinline)) struct chord_reader get_extras(struct chord_reader reader, unsigned bits,
                                                                struct chord_answer *answer) {
    answer->shortcut = get_shortcut(&reader, bits);
    if ((bits & FLAG) != 0) {
        answer->claim = get_claim(&reader);
        reader.failed |= answer->claim.epoch == 0;
    }
    return reader;
}

static enum chord_outcome get_outcome(struct chord_reader *reader, unsigned bits) {
    const unsigned outcome = (bits >> 2) & 7;
    reader->failed |= outcome >= CHORD_OUTCOME_COUNT;
    return (enum chord_outcome)outcome;
}

enum chord_status chord_codec_decode(const unsigned char *bytes, size_t size, uint32_t from_rank, uint32_t to_rank,
                                     struct chord_message *message) {
    struct chord_reader reader = {.at = bytes, .left = size};
    struct chord_reader prefix = chord_get_fields(&reader, PREFIX_SIZE);
    struct chord_reader fields;
    message->type = (enum chord_message_type)chord_get8(&prefix);
    const unsigned bits = chord_get8(&prefix);
    message->from = (struct chord_address){.rank = from_rank, .virtual_node = chord_get16(&prefix)};
    message->to = (struct chord_address){.rank = to_rank, .virtual_node = chord_get16(&prefix)};
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        message->request.to_owner = (bits & FLAG) != 0;
        message->request.shortcut = get_shortcut(&reader, bits);
        get_request(&reader, bits, &message->request);
        break;
    case CHORD_MESSAGE_CHAIN:
        message->chain.request.to_owner = false;
        message->chain.request.shortcut = get_shortcut(&reader, bits);
        fields = chord_get_fields(&reader, CHAIN_SIZE);
        message->chain.epoch = chord_get32(&fields);
        message->chain.version.epoch = chord_get32(&fields);
        message->chain.version.counter = chord_get64(&fields);
        message->chain.outcome = get_outcome(&reader, bits);
        message->chain.duplicate = (bits & FLAG) != 0;
        get_request(&reader, bits, &message->chain.request);
        break;
    case CHORD_MESSAGE_ACK:
        message->ack.epoch = chord_get32(&reader);
        message->ack.counter = chord_get64(&reader);
        message->ack.arc_end = chord_get_id(&reader);
        break;
    case CHORD_MESSAGE_ANSWER:
        message->answer.outcome = get_outcome(&reader, bits);
        fields = chord_get_fields(&reader, ANSWER_SIZE);
        message->answer.seq = chord_get64(&fields);
        message->answer.owner_hops = chord_get16(&fields);
        message->answer.version.epoch = chord_get32(&fields);
        message->answer.version.counter = chord_get64(&fields);
        message->answer.value_size = chord_get32(&fields);
        message->answer.shortcut = CHORD_SHORTCUT_NONE;
        message->answer.claim.epoch = 0;
        if (__builtin_expect(bits >> SHORTCUT_AT != 0, 0)) {
            reader = get_extras(reader, bits, &message->answer);
        }
        message->answer.value = chord_get_bytes(&reader, message->answer.value_size);
        reader.failed |= message->answer.value_size > CHORD_VALUE_SIZE_MAX;
        break;
    case CHORD_MESSAGE_REFUSAL:
        message->refusal.reason = (enum chord_refusal_reason)bits;
        message->refusal.seq = chord_get64(&reader);
        reader.failed |= bits >= CHORD_REFUSAL_REASON_COUNT;
        break;
    case CHORD_MESSAGE_LOOKUP:
        message->lookup.to_owner = (bits & FLAG) != 0;
        message->lookup.target = chord_get_id(&reader);
        message->lookup.origin = get_claim(&reader);
        message->lookup.exponent = chord_get16(&reader);
        message->lookup.hops = chord_get16(&reader);
        break;
    case CHORD_MESSAGE_FOUND:
        message->found.claim = get_claim(&reader);
        message->found.incarnation = chord_get32(&reader);
        message->found.exponent = chord_get16(&reader);
        message->found.hops = chord_get16(&reader);
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        message->announce.to_owner = (bits & FLAG) != 0;
        message->announce.claim = get_claim(&reader);
        message->announce.target = chord_get_id(&reader);
        message->announce.end = chord_get_id(&reader);
        message->announce.exponent = chord_get16(&reader);
        message->announce.hops = chord_get16(&reader);
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        message->announced.epoch = chord_get32(&reader);
        message->announced.exponent = chord_get16(&reader);
        message->announced.hops = chord_get16(&reader);
        break;
    case CHORD_MESSAGE_GONE:
        message->gone.member = get_member(&reader);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        message->registration.member = get_member(&reader);
        message->registration.hops = chord_get16(&reader);
        break;
    case CHORD_MESSAGE_INVITE:
    case CHORD_MESSAGE_HEARTBEAT:
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        message->neighbours.epoch = chord_get32(&reader);
        message->neighbours.predecessor = get_member(&reader);
        message->neighbours.successors = get_members(&reader);
        break;
    case CHORD_MESSAGE_SPARE:
        message->spare.epoch = chord_get32(&reader);
        message->spare.contact = get_member(&reader);
        break;
    case CHORD_MESSAGE_EXCLUDED:
        message->excluded.rejoin = (bits & FLAG) != 0;
        message->excluded.incarnation = chord_get32(&reader);
        message->excluded.contact = get_member(&reader);
        break;
    case CHORD_MESSAGE_PREPARE:
        message->prepare.epoch = chord_get32(&reader);
        message->prepare.start = chord_get_id(&reader);
        message->prepare.end = chord_get_id(&reader);
        break;
    case CHORD_MESSAGE_WEDGED:
        message->wedged.epoch = chord_get32(&reader);
        message->wedged.incarnation = chord_get32(&reader);
        message->wedged.end = chord_get_id(&reader);
        break;
    case CHORD_MESSAGE_INSTALL:
        message->install.epoch = chord_get32(&reader);
        message->install.start = chord_get_id(&reader);
        message->install.end = chord_get_id(&reader);
        message->install.arc_start = chord_get_id(&reader);
        message->install.source = get_member(&reader);
        message->install.chain = get_members(&reader);
        message->install.empty = (bits & FLAG) != 0;
        message->install.lost = (bits & 1) != 0;
        reader.failed |= message->install.chain.count == 0;
        break;
    case CHORD_MESSAGE_PULL:
        message->pull.epoch = chord_get32(&reader);
        message->pull.end = chord_get_id(&reader);
        message->pull.offset = chord_get64(&reader);
        message->pull.base_epoch = chord_get32(&reader);
        message->pull.base_applied = chord_get64(&reader);
        message->pull.base_log_start = chord_get64(&reader);
        message->pull.base_joint_from = chord_get64(&reader);
        message->pull.base_joint_to = chord_get64(&reader);
        break;
    case CHORD_MESSAGE_PIECE:
        message->piece.last = (bits & FLAG) != 0;
        message->piece.epoch = chord_get32(&reader);
        message->piece.end = chord_get_id(&reader);
        message->piece.offset = chord_get64(&reader);
        message->piece.size = chord_get32(&reader);
        message->piece.bytes = chord_get_bytes(&reader, message->piece.size);
        reader.failed |= message->piece.size > CHORD_PIECE_SIZE_MAX;
        break;
    case CHORD_MESSAGE_SYNCED:
        message->synced.epoch = chord_get32(&reader);
        message->synced.incarnation = chord_get32(&reader);
        message->synced.end = chord_get_id(&reader);
        message->synced.piece_count = chord_get32(&reader);
        message->synced.pair_count = chord_get64(&reader);
        message->synced.pair_bytes = chord_get64(&reader);
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        message->activate.epoch = chord_get32(&reader);
        message->activate.start = chord_get_id(&reader);
        message->activate.end = chord_get_id(&reader);
        break;
    case CHORD_MESSAGE_SETTLED:
        message->settled.epoch = chord_get32(&reader);
        message->settled.incarnation = chord_get32(&reader);
        message->settled.message_count = chord_get32(&reader);
        break;
    case CHORD_MESSAGE_SHUT:
    case CHORD_MESSAGE_OPEN:
        message->reach.rank = chord_get32(&reader);
        break;
    default:
        return CHORD_MALFORMED;
    }
    return reader.failed || reader.left != 0 ? CHORD_MALFORMED : CHORD_OK;
}
