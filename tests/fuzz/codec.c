/* Any bytes through the codec: they are refused, or they are a message whose bytes, written again, are the same (but for
 * those bits of the second byte that the type gives no meaning), and read again, the same message. */
#include "tests/fuzz/fuzz.h"

#include "chord/wire/codec.h"

#define FROM_RANK 3u
#define TO_RANK 1u

/* What of the second byte means anything (chord/wire/codec.h). */
static unsigned char meaning(enum chord_message_type type) {
    switch (type) {
    case CHORD_MESSAGE_REQUEST:
        return 0xe3;
    case CHORD_MESSAGE_CHAIN:
        return 0xff;
    case CHORD_MESSAGE_ANSWER:
        return 0xfc;
    case CHORD_MESSAGE_REFUSAL:
        return 0xff;
    case CHORD_MESSAGE_INSTALL:
        return 0x81;
    case CHORD_MESSAGE_LOOKUP:
    case CHORD_MESSAGE_ANNOUNCE:
    case CHORD_MESSAGE_EXCLUDED:
    case CHORD_MESSAGE_PIECE:
        return 0x80;
    default:
        return 0;
    }
}

/* The message as bytes, which the caller frees. */
static unsigned char *encode(const struct chord_message *message, size_t size) {
    uint32_t value_size;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    FUZZ_REQUIRE(head_size + value_size == size);
    unsigned char *bytes = malloc(size);
    FUZZ_REQUIRE(bytes != NULL);
    FUZZ_REQUIRE(chord_codec_encode_head(message, bytes) == head_size);
    if (value_size > 0) {
        memcpy(bytes + head_size, value, value_size);
    }
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct chord_message message;
    memset(&message, 0, sizeof message);
    const enum chord_status status = chord_codec_decode(data, size, FROM_RANK, TO_RANK, &message);
    FUZZ_REQUIRE(status == CHORD_OK || status == CHORD_MALFORMED);
    if (status != CHORD_OK) {
        return 0;
    }
    FUZZ_REQUIRE(message.from.rank == FROM_RANK && message.to.rank == TO_RANK);
    unsigned char *again = encode(&message, size);
    FUZZ_REQUIRE(again[0] == data[0] && again[1] == (data[1] & meaning(message.type)));
    FUZZ_REQUIRE(memcmp(again + 2, data + 2, size - 2) == 0);

    struct chord_message same;
    memset(&same, 0, sizeof same);
    FUZZ_REQUIRE(chord_codec_decode(again, size, FROM_RANK, TO_RANK, &same) == CHORD_OK);
    unsigned char *third = encode(&same, size);
    FUZZ_REQUIRE(memcmp(again, third, size) == 0);
    free(third);
    free(again);
    return 0;
}
