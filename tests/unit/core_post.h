/* A post for tests that decide themselves which message is delivered when. What is sent is encoded and decoded again, as a
 * wire would, and lies in order of sending until the test takes it. Nothing is delivered by itself. */
#ifndef TESTS_UNIT_CORE_POST_H
#define TESTS_UNIT_CORE_POST_H

#include "chord/wire/codec.h"
#include "chord/wire/sink.h"
#include "tests/unit/core_fixture.h"

#define POST_MAX 512u
#define POST_ANY UINT32_MAX

struct letter {
    struct chord_message message; /* borrows from bytes */
    unsigned char *bytes;
};

struct post {
    struct letter letters[POST_MAX]; /* oldest first */
    uint32_t count;
    uint64_t sent;
};

static inline struct letter letter_of(const struct chord_message *message) {
    uint32_t value_size = 0;
    const unsigned char *value = chord_codec_value(message, &value_size);
    const size_t head_size = chord_codec_head_size(message);
    struct letter letter = {.bytes = malloc(head_size + value_size)};
    if (letter.bytes == NULL) {
        abort();
    }
    (void)chord_codec_encode_head(message, letter.bytes);
    if (value_size > 0) {
        memcpy(letter.bytes + head_size, value, value_size);
    }
    if (chord_codec_decode(letter.bytes, head_size + value_size, message->from.rank, message->to.rank,
                           &letter.message) != CHORD_OK) {
        abort(); /* the core sends nothing that its receivers would drop */
    }
    return letter;
}

static inline void post_send(void *context, const struct chord_message *message) {
    struct post *post = context;
    if (post->count == POST_MAX) {
        abort();
    }
    post->sent++;
    post->letters[post->count++] = letter_of(message);
}

/* Index of the oldest letter of the type, from and to these ranks (POST_ANY: whoever), or UINT32_MAX. */
static inline uint32_t post_find(const struct post *post, enum chord_message_type type, uint32_t from, uint32_t to) {
    for (uint32_t i = 0; i < post->count; i++) {
        const struct chord_message *message = &post->letters[i].message;
        if (message->type == type && (from == POST_ANY || message->from.rank == from) &&
            (to == POST_ANY || message->to.rank == to)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static inline uint32_t post_count(const struct post *post, enum chord_message_type type, uint32_t from, uint32_t to) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < post->count; i++) {
        const struct chord_message *message = &post->letters[i].message;
        count += message->type == type && (from == POST_ANY || message->from.rank == from) &&
                 (to == POST_ANY || message->to.rank == to);
    }
    return count;
}

/* The newest letter of a type, or NULL. */
static inline const struct chord_message *post_last(const struct post *post, enum chord_message_type type) {
    for (uint32_t i = post->count; i-- > 0;) {
        if (post->letters[i].message.type == type) {
            return &post->letters[i].message;
        }
    }
    return NULL;
}

/* Takes a letter out; its bytes are the caller's to free. */
static inline struct letter post_take(struct post *post, uint32_t index) {
    const struct letter letter = post->letters[index];
    memmove(&post->letters[index], &post->letters[index + 1], (post->count - index - 1) * sizeof letter);
    post->count--;
    return letter;
}

static inline void post_drop(struct post *post, uint32_t index) {
    const struct letter letter = post_take(post, index);
    free(letter.bytes);
}

static inline void post_clear(struct post *post) {
    while (post->count > 0) {
        post_drop(post, post->count - 1);
    }
}

/* Whether no older letter is on the same channel: channels are FIFO. */
static inline bool post_is_next(const struct post *post, uint32_t index) {
    for (uint32_t i = 0; i < index; i++) {
        if (post->letters[i].message.from.rank == post->letters[index].message.from.rank &&
            post->letters[i].message.to.rank == post->letters[index].message.to.rank) {
            return false;
        }
    }
    return true;
}

#endif
