#include "chord/wire/codec.h"

#include "chord/base/check.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the codec copies integers as they lie in memory: it needs a little-endian machine"
#endif

#define FLAG 0x80u
#define PREFIX_SIZE 6u
#define REQUEST_SIZE 44u
#define CLAIM_SIZE (CHORD_CODEC_MEMBER_SIZE + 24u)

/* --- writing --- */

struct writer {
    unsigned char *at;
};

static void put(struct writer *writer, const void *bytes, size_t size) {
    memcpy(writer->at, bytes, size);
    writer->at += size;
}

static void put16(struct writer *writer, uint16_t value) {
    put(writer, &value, sizeof value);
}

static void put32(struct writer *writer, uint32_t value) {
    put(writer, &value, sizeof value);
}

static void put64(struct writer *writer, uint64_t value) {
    put(writer, &value, sizeof value);
}

static void put_id(struct writer *writer, struct chord_id id) {
    put64(writer, id.high);
    put64(writer, id.middle);
    put32(writer, id.low);
}

static void put_member(struct writer *writer, struct chord_member member) {
    put_id(writer, member.id);
    put32(writer, member.address.rank);
    put16(writer, member.address.virtual_node);
    put32(writer, member.incarnation);
}

static void put_claim(struct writer *writer, const struct chord_claim *claim) {
    put_member(writer, claim->owner);
    put_id(writer, claim->start);
    put32(writer, claim->epoch);
}

static void put_members(struct writer *writer, const struct chord_members *members) {
    put32(writer, members->count);
    for (uint32_t i = 0; i < members->count; i++) {
        put_member(writer, chord_members_get(members, i));
    }
}

static void put_request(struct writer *writer, const struct chord_request *request) {
    chord_check(request->kind < CHORD_OPERATION_KIND_COUNT);
    chord_check(request->key_size >= 1 && request->key_size <= CHORD_KEY_SIZE_MAX);
    chord_check(request->value_size <= CHORD_VALUE_SIZE_MAX);
    chord_check(request->kind == CHORD_INSERT || request->value_size == 0);
    chord_check(request->watermark <= request->seq && request->seq - request->watermark <= UINT32_MAX);
    put64(writer, request->seq);
    put32(writer, (uint32_t)(request->seq - request->watermark));
    put32(writer, request->client_rank);
    put_id(writer, request->key_id);
    put16(writer, request->owner_hops);
    put16(writer, (uint16_t)request->key_size);
    put32(writer, request->value_size);
    put(writer, request->key, request->key_size);
}

static unsigned char bits_of(const struct chord_message *message) {
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        return (unsigned char)((unsigned)message->request.kind | (message->request.to_owner ? FLAG : 0));
    case CHORD_MESSAGE_CHAIN:
        return (unsigned char)((unsigned)message->chain.request.kind | (unsigned)message->chain.outcome << 2 |
                               (message->chain.duplicate ? FLAG : 0));
    case CHORD_MESSAGE_ANSWER:
        return (unsigned char)((unsigned)message->answer.outcome << 2);
    case CHORD_MESSAGE_REFUSAL:
        return (unsigned char)message->refusal.reason;
    case CHORD_MESSAGE_LOOKUP:
        return message->lookup.to_owner ? FLAG : 0;
    case CHORD_MESSAGE_ANNOUNCE:
        return message->announce.to_owner ? FLAG : 0;
    case CHORD_MESSAGE_EXCLUDED:
        return message->excluded.rejoin ? FLAG : 0;
    case CHORD_MESSAGE_INSTALL:
        return message->install.empty ? FLAG : 0;
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
        return PREFIX_SIZE + 16 + REQUEST_SIZE + message->chain.request.key_size;
    case CHORD_MESSAGE_ACK:
        return PREFIX_SIZE + 32;
    case CHORD_MESSAGE_ANSWER:
        return PREFIX_SIZE + 26;
    case CHORD_MESSAGE_REFUSAL:
        return PREFIX_SIZE + 8;
    case CHORD_MESSAGE_LOOKUP:
        return PREFIX_SIZE + 24 + CLAIM_SIZE;
    case CHORD_MESSAGE_FOUND:
        return PREFIX_SIZE + 4 + CLAIM_SIZE;
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
    struct writer writer = {.at = bytes};
    *writer.at++ = (unsigned char)message->type;
    *writer.at++ = bits_of(message);
    put16(&writer, message->from.virtual_node);
    put16(&writer, message->to.virtual_node);
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        put_request(&writer, &message->request);
        break;
    case CHORD_MESSAGE_CHAIN:
        chord_check(message->chain.outcome < CHORD_OUTCOME_COUNT);
        put32(&writer, message->chain.epoch);
        put32(&writer, message->chain.version.epoch);
        put64(&writer, message->chain.version.counter);
        put_request(&writer, &message->chain.request);
        break;
    case CHORD_MESSAGE_ACK:
        put32(&writer, message->ack.epoch);
        put64(&writer, message->ack.counter);
        put_id(&writer, message->ack.arc_end);
        break;
    case CHORD_MESSAGE_ANSWER:
        chord_check(message->answer.outcome < CHORD_OUTCOME_COUNT);
        chord_check(message->answer.value_size <= CHORD_VALUE_SIZE_MAX);
        put64(&writer, message->answer.seq);
        put16(&writer, message->answer.owner_hops);
        put32(&writer, message->answer.version.epoch);
        put64(&writer, message->answer.version.counter);
        put32(&writer, message->answer.value_size);
        break;
    case CHORD_MESSAGE_REFUSAL:
        chord_check(message->refusal.reason < CHORD_REFUSAL_REASON_COUNT);
        put64(&writer, message->refusal.seq);
        break;
    case CHORD_MESSAGE_LOOKUP:
        put_id(&writer, message->lookup.target);
        put_claim(&writer, &message->lookup.origin);
        put16(&writer, message->lookup.exponent);
        put16(&writer, message->lookup.hops);
        break;
    case CHORD_MESSAGE_FOUND:
        put_claim(&writer, &message->found.claim);
        put16(&writer, message->found.exponent);
        put16(&writer, message->found.hops);
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        put_claim(&writer, &message->announce.claim);
        put_id(&writer, message->announce.target);
        put_id(&writer, message->announce.end);
        put16(&writer, message->announce.exponent);
        put16(&writer, message->announce.hops);
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        put32(&writer, message->announced.epoch);
        put16(&writer, message->announced.exponent);
        put16(&writer, message->announced.hops);
        break;
    case CHORD_MESSAGE_GONE:
        put_member(&writer, message->gone.member);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        put_member(&writer, message->registration.member);
        put16(&writer, message->registration.hops);
        break;
    case CHORD_MESSAGE_INVITE:
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        put32(&writer, message->neighbours.epoch);
        put_member(&writer, message->neighbours.predecessor);
        put_members(&writer, &message->neighbours.successors);
        break;
    case CHORD_MESSAGE_SPARE:
        put32(&writer, message->spare.epoch);
        put_member(&writer, message->spare.contact);
        break;
    case CHORD_MESSAGE_EXCLUDED:
        put32(&writer, message->excluded.incarnation);
        put_member(&writer, message->excluded.contact);
        break;
    case CHORD_MESSAGE_PREPARE:
        put32(&writer, message->prepare.epoch);
        put_id(&writer, message->prepare.start);
        put_id(&writer, message->prepare.end);
        break;
    case CHORD_MESSAGE_WEDGED:
        put32(&writer, message->wedged.epoch);
        put32(&writer, message->wedged.incarnation);
        put_id(&writer, message->wedged.end);
        break;
    case CHORD_MESSAGE_INSTALL:
        chord_check(message->install.chain.count > 0);
        put32(&writer, message->install.epoch);
        put_id(&writer, message->install.start);
        put_id(&writer, message->install.end);
        put_id(&writer, message->install.arc_start);
        put_member(&writer, message->install.source);
        put_members(&writer, &message->install.chain);
        break;
    case CHORD_MESSAGE_PULL:
        put32(&writer, message->pull.epoch);
        put_id(&writer, message->pull.end);
        put64(&writer, message->pull.offset);
        put32(&writer, message->pull.base_epoch);
        put64(&writer, message->pull.base_applied);
        put64(&writer, message->pull.base_log_start);
        put64(&writer, message->pull.base_joint_from);
        put64(&writer, message->pull.base_joint_to);
        break;
    case CHORD_MESSAGE_PIECE:
        chord_check(message->piece.size <= CHORD_PIECE_SIZE_MAX);
        put32(&writer, message->piece.epoch);
        put_id(&writer, message->piece.end);
        put64(&writer, message->piece.offset);
        put32(&writer, message->piece.size);
        break;
    case CHORD_MESSAGE_SYNCED:
        put32(&writer, message->synced.epoch);
        put32(&writer, message->synced.incarnation);
        put_id(&writer, message->synced.end);
        put32(&writer, message->synced.piece_count);
        put64(&writer, message->synced.pair_count);
        put64(&writer, message->synced.pair_bytes);
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        put32(&writer, message->activate.epoch);
        put_id(&writer, message->activate.start);
        put_id(&writer, message->activate.end);
        break;
    case CHORD_MESSAGE_SETTLED:
        put32(&writer, message->settled.epoch);
        put32(&writer, message->settled.incarnation);
        put32(&writer, message->settled.message_count);
        break;
    case CHORD_MESSAGE_TYPE_COUNT:
        chord_check(!"a message without a type");
    }
    return (size_t)(writer.at - bytes);
}

/* --- reading --- */

/* A reader never runs past its end: what is missing reads as zero and is remembered. */
struct reader {
    const unsigned char *at;
    size_t left;
    bool failed;
};

static void get(struct reader *reader, void *bytes, size_t size) {
    if (size > reader->left) {
        memset(bytes, 0, size);
        reader->failed = true;
        return;
    }
    memcpy(bytes, reader->at, size);
    reader->at += size;
    reader->left -= size;
}

static uint16_t get16(struct reader *reader) {
    uint16_t value;
    get(reader, &value, sizeof value);
    return value;
}

static uint32_t get32(struct reader *reader) {
    uint32_t value;
    get(reader, &value, sizeof value);
    return value;
}

static uint64_t get64(struct reader *reader) {
    uint64_t value;
    get(reader, &value, sizeof value);
    return value;
}

static struct chord_id get_id(struct reader *reader) {
    struct chord_id id;
    id.high = get64(reader);
    id.middle = get64(reader);
    id.low = get32(reader);
    return id;
}

static struct chord_member get_member(struct reader *reader) {
    struct chord_member member = {.id = get_id(reader)};
    member.address.rank = get32(reader);
    member.address.virtual_node = get16(reader);
    member.incarnation = get32(reader);
    return member;
}

static struct chord_claim get_claim(struct reader *reader) {
    struct chord_claim claim = {.owner = get_member(reader)};
    claim.start = get_id(reader);
    claim.epoch = get32(reader);
    return claim;
}

static const unsigned char *get_bytes(struct reader *reader, size_t size) {
    if (size > reader->left) {
        reader->failed = true;
        return NULL;
    }
    const unsigned char *bytes = reader->at;
    reader->at += size;
    reader->left -= size;
    return bytes;
}

static struct chord_members get_members(struct reader *reader) {
    struct chord_members members = {.count = get32(reader)};
    members.encoded = get_bytes(reader, (size_t)members.count * CHORD_CODEC_MEMBER_SIZE);
    return members;
}

struct chord_member chord_members_get(const struct chord_members *members, uint32_t index) {
    chord_check(index < members->count);
    if (members->array != NULL) {
        return members->array[index];
    }
    struct reader reader = {.at = members->encoded + (size_t)index * CHORD_CODEC_MEMBER_SIZE,
                            .left = CHORD_CODEC_MEMBER_SIZE};
    return get_member(&reader);
}

static void get_request(struct reader *reader, unsigned bits, struct chord_request *request) {
    request->kind = (enum chord_operation_kind)(bits & 3);
    request->seq = get64(reader);
    const uint32_t distance = get32(reader);
    request->watermark = request->seq - distance;
    request->client_rank = get32(reader);
    request->key_id = get_id(reader);
    request->owner_hops = get16(reader);
    request->key_size = get16(reader);
    request->value_size = get32(reader);
    request->key = get_bytes(reader, request->key_size);
    request->value = get_bytes(reader, request->value_size);
    reader->failed |= (bits & 3) >= CHORD_OPERATION_KIND_COUNT || distance > request->seq || request->key_size < 1 ||
                      request->key_size > CHORD_KEY_SIZE_MAX || request->value_size > CHORD_VALUE_SIZE_MAX ||
                      (request->kind != CHORD_INSERT && request->value_size != 0);
}

static enum chord_outcome get_outcome(struct reader *reader, unsigned bits) {
    const unsigned outcome = (bits >> 2) & 7;
    reader->failed |= outcome >= CHORD_OUTCOME_COUNT;
    return (enum chord_outcome)outcome;
}

enum chord_status chord_codec_decode(const unsigned char *bytes, size_t size, uint32_t from_rank, uint32_t to_rank,
                                     struct chord_message *message) {
    struct reader reader = {.at = bytes, .left = size};
    unsigned char prefix[2];
    get(&reader, prefix, sizeof prefix);
    const unsigned bits = prefix[1];
    message->type = (enum chord_message_type)prefix[0];
    message->from = (struct chord_address){.rank = from_rank, .virtual_node = get16(&reader)};
    message->to = (struct chord_address){.rank = to_rank, .virtual_node = get16(&reader)};
    switch (message->type) {
    case CHORD_MESSAGE_REQUEST:
        message->request.to_owner = (bits & FLAG) != 0;
        get_request(&reader, bits, &message->request);
        break;
    case CHORD_MESSAGE_CHAIN:
        message->chain.request.to_owner = false;
        message->chain.epoch = get32(&reader);
        message->chain.version.epoch = get32(&reader);
        message->chain.version.counter = get64(&reader);
        message->chain.outcome = get_outcome(&reader, bits);
        message->chain.duplicate = (bits & FLAG) != 0;
        get_request(&reader, bits, &message->chain.request);
        break;
    case CHORD_MESSAGE_ACK:
        message->ack.epoch = get32(&reader);
        message->ack.counter = get64(&reader);
        message->ack.arc_end = get_id(&reader);
        break;
    case CHORD_MESSAGE_ANSWER:
        message->answer.outcome = get_outcome(&reader, bits);
        message->answer.seq = get64(&reader);
        message->answer.owner_hops = get16(&reader);
        message->answer.version.epoch = get32(&reader);
        message->answer.version.counter = get64(&reader);
        message->answer.value_size = get32(&reader);
        message->answer.value = get_bytes(&reader, message->answer.value_size);
        reader.failed |= message->answer.value_size > CHORD_VALUE_SIZE_MAX;
        break;
    case CHORD_MESSAGE_REFUSAL:
        message->refusal.reason = (enum chord_refusal_reason)bits;
        message->refusal.seq = get64(&reader);
        reader.failed |= bits >= CHORD_REFUSAL_REASON_COUNT;
        break;
    case CHORD_MESSAGE_LOOKUP:
        message->lookup.to_owner = (bits & FLAG) != 0;
        message->lookup.target = get_id(&reader);
        message->lookup.origin = get_claim(&reader);
        message->lookup.exponent = get16(&reader);
        message->lookup.hops = get16(&reader);
        break;
    case CHORD_MESSAGE_FOUND:
        message->found.claim = get_claim(&reader);
        message->found.exponent = get16(&reader);
        message->found.hops = get16(&reader);
        break;
    case CHORD_MESSAGE_ANNOUNCE:
        message->announce.to_owner = (bits & FLAG) != 0;
        message->announce.claim = get_claim(&reader);
        message->announce.target = get_id(&reader);
        message->announce.end = get_id(&reader);
        message->announce.exponent = get16(&reader);
        message->announce.hops = get16(&reader);
        break;
    case CHORD_MESSAGE_ANNOUNCED:
        message->announced.epoch = get32(&reader);
        message->announced.exponent = get16(&reader);
        message->announced.hops = get16(&reader);
        break;
    case CHORD_MESSAGE_GONE:
        message->gone.member = get_member(&reader);
        break;
    case CHORD_MESSAGE_REGISTER:
    case CHORD_MESSAGE_JOIN:
        message->registration.member = get_member(&reader);
        message->registration.hops = get16(&reader);
        break;
    case CHORD_MESSAGE_INVITE:
        break;
    case CHORD_MESSAGE_NEIGHBOURS:
        message->neighbours.epoch = get32(&reader);
        message->neighbours.predecessor = get_member(&reader);
        message->neighbours.successors = get_members(&reader);
        break;
    case CHORD_MESSAGE_SPARE:
        message->spare.epoch = get32(&reader);
        message->spare.contact = get_member(&reader);
        break;
    case CHORD_MESSAGE_EXCLUDED:
        message->excluded.rejoin = (bits & FLAG) != 0;
        message->excluded.incarnation = get32(&reader);
        message->excluded.contact = get_member(&reader);
        break;
    case CHORD_MESSAGE_PREPARE:
        message->prepare.epoch = get32(&reader);
        message->prepare.start = get_id(&reader);
        message->prepare.end = get_id(&reader);
        break;
    case CHORD_MESSAGE_WEDGED:
        message->wedged.epoch = get32(&reader);
        message->wedged.incarnation = get32(&reader);
        message->wedged.end = get_id(&reader);
        break;
    case CHORD_MESSAGE_INSTALL:
        message->install.epoch = get32(&reader);
        message->install.start = get_id(&reader);
        message->install.end = get_id(&reader);
        message->install.arc_start = get_id(&reader);
        message->install.source = get_member(&reader);
        message->install.chain = get_members(&reader);
        message->install.empty = (bits & FLAG) != 0;
        reader.failed |= message->install.chain.count == 0;
        break;
    case CHORD_MESSAGE_PULL:
        message->pull.epoch = get32(&reader);
        message->pull.end = get_id(&reader);
        message->pull.offset = get64(&reader);
        message->pull.base_epoch = get32(&reader);
        message->pull.base_applied = get64(&reader);
        message->pull.base_log_start = get64(&reader);
        message->pull.base_joint_from = get64(&reader);
        message->pull.base_joint_to = get64(&reader);
        break;
    case CHORD_MESSAGE_PIECE:
        message->piece.last = (bits & FLAG) != 0;
        message->piece.epoch = get32(&reader);
        message->piece.end = get_id(&reader);
        message->piece.offset = get64(&reader);
        message->piece.size = get32(&reader);
        message->piece.bytes = get_bytes(&reader, message->piece.size);
        reader.failed |= message->piece.size > CHORD_PIECE_SIZE_MAX;
        break;
    case CHORD_MESSAGE_SYNCED:
        message->synced.epoch = get32(&reader);
        message->synced.incarnation = get32(&reader);
        message->synced.end = get_id(&reader);
        message->synced.piece_count = get32(&reader);
        message->synced.pair_count = get64(&reader);
        message->synced.pair_bytes = get64(&reader);
        break;
    case CHORD_MESSAGE_ACTIVATE:
    case CHORD_MESSAGE_DROP:
        message->activate.epoch = get32(&reader);
        message->activate.start = get_id(&reader);
        message->activate.end = get_id(&reader);
        break;
    case CHORD_MESSAGE_SETTLED:
        message->settled.epoch = get32(&reader);
        message->settled.incarnation = get32(&reader);
        message->settled.message_count = get32(&reader);
        break;
    default:
        return CHORD_MALFORMED;
    }
    return reader.failed || reader.left != 0 ? CHORD_MALFORMED : CHORD_OK;
}
