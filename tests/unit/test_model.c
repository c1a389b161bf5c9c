/* app/verdict/model against hand-written sequences and a naive list. */
#include "tests/unit/unit.h"

#include "app/verdict/model.h"
#include "chord/base/digest.h"
#include "chord/base/prng.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct model_answer expect(struct model *model, enum chord_operation_kind kind, const char *key,
                                  const char *value) {
    struct model_answer answer;
    CU_ASSERT_EQUAL_FATAL(
        model_expect(model, kind, key, strlen(key), value, value == NULL ? 0 : strlen(value), &answer),
        CHORD_OK);
    return answer;
}

static void test_answers(void) {
    struct model model = {0};
    CU_ASSERT_EQUAL(expect(&model, CHORD_QUERY, "a", NULL).outcome, CHORD_ABSENT);
    CU_ASSERT_EQUAL(expect(&model, CHORD_DELETE, "a", NULL).outcome, CHORD_ABSENT);
    CU_ASSERT_EQUAL(expect(&model, CHORD_INSERT, "a", "one").outcome, CHORD_INSERTED);
    CU_ASSERT_EQUAL(expect(&model, CHORD_INSERT, "a", "three").outcome, CHORD_UPDATED);
    const struct model_answer answer = expect(&model, CHORD_QUERY, "a", NULL);
    CU_ASSERT_EQUAL(answer.outcome, CHORD_FOUND);
    CU_ASSERT_EQUAL(answer.value_digest, chord_digest64("three", 5));
    CU_ASSERT_EQUAL(answer.value_size, 5);
    CU_ASSERT_EQUAL(expect(&model, CHORD_DELETE, "a", NULL).outcome, CHORD_DELETED);
    CU_ASSERT_EQUAL(expect(&model, CHORD_DELETE, "a", NULL).outcome, CHORD_ABSENT);
    CU_ASSERT_EQUAL(expect(&model, CHORD_QUERY, "a", NULL).outcome, CHORD_ABSENT);
    CU_ASSERT_EQUAL(model_content(&model).pair_count, 0);
    CU_ASSERT_EQUAL(model_content(&model).content, 0);
    model_free(&model);
}

/* Keys are bytes: one is no prefix of another, a NUL is a byte, an empty value is a value. */
static void test_keys_are_bytes(void) {
    struct model model = {0};
    struct model_answer answer;
    static const struct {
        const char *bytes;
        size_t size;
    } keys[] = {{"ab", 2}, {"a", 1}, {"a\0", 2}, {"a\0b", 3}, {"\xff", 1}, {"\0", 1}};
    for (size_t i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(model_expect(&model, CHORD_INSERT, keys[i].bytes, keys[i].size, "", i % 2, &answer),
                        CHORD_OK);
        CU_ASSERT_EQUAL(answer.outcome, CHORD_INSERTED);
    }
    CU_ASSERT_EQUAL(model_content(&model).pair_count, 6);
    CU_ASSERT_EQUAL(model_expect(&model, CHORD_QUERY, "ab", 2, NULL, 0, &answer), CHORD_OK);
    CU_ASSERT_EQUAL(answer.outcome, CHORD_FOUND);
    CU_ASSERT_EQUAL(answer.value_size, 0);
    CU_ASSERT_EQUAL(answer.value_digest, chord_digest64(NULL, 0));
    model_free(&model);
    CU_ASSERT_EQUAL(model_content(&model).pair_count, 0);
}

static void test_random_operations(void) {
    enum { KEYS = 50, OPERATIONS = 20000 };
    bool present[KEYS] = {false};
    unsigned value[KEYS] = {0};
    struct model model = {0};
    struct chord_prng prng = chord_prng_seeded(1, 0);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        const unsigned key = (unsigned)chord_prng_below(&prng, KEYS);
        const enum chord_operation_kind kind = (enum chord_operation_kind)chord_prng_below(&prng, 3);
        char key_text[16];
        char value_text[16];
        snprintf(key_text, sizeof key_text, "key%u", key);
        snprintf(value_text, sizeof value_text, "%u", i);
        const struct model_answer answer =
            expect(&model, kind, key_text, kind == CHORD_INSERT ? value_text : NULL);
        if (kind == CHORD_INSERT) {
            CU_ASSERT_EQUAL(answer.outcome, present[key] ? CHORD_UPDATED : CHORD_INSERTED);
            present[key] = true;
            value[key] = i;
        } else if (kind == CHORD_DELETE) {
            CU_ASSERT_EQUAL(answer.outcome, present[key] ? CHORD_DELETED : CHORD_ABSENT);
            present[key] = false;
        } else {
            CU_ASSERT_EQUAL(answer.outcome, present[key] ? CHORD_FOUND : CHORD_ABSENT);
            snprintf(value_text, sizeof value_text, "%u", value[key]);
            CU_ASSERT_EQUAL(answer.value_digest,
                            present[key] ? chord_digest64(value_text, strlen(value_text)) : 0);
        }
    }
    struct model_content content = {0};
    for (unsigned key = 0; key < KEYS; key++) {
        char key_text[16];
        char value_text[16];
        const int key_size = snprintf(key_text, sizeof key_text, "key%u", key);
        const int value_size = snprintf(value_text, sizeof value_text, "%u", value[key]);
        if (present[key]) {
            content.pair_count++;
            content.content += chord_digest64_pair(chord_digest64(key_text, (size_t)key_size),
                                                   chord_digest64(value_text, (size_t)value_size));
        }
    }
    CU_ASSERT(content.pair_count > 0);
    CU_ASSERT_EQUAL(model_content(&model).pair_count, content.pair_count);
    CU_ASSERT_EQUAL(model_content(&model).content, content.content);
    model_free(&model);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"each kind of answer", test_answers},
        {"keys are bytes", test_keys_are_bytes},
        {"random operations against an array", test_random_operations},
    };
    return UNIT_RUN("model", tests);
}
