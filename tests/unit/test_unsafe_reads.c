/* Negative controls of how reads are done (DESIGN section 4): two faster ways that look right and aren't, each
 * played with whole ranks (ranks_fixture.h) whose suspicions are false, and each found by the checker that judges
 * our runs (T2, linearize.h).
 *
 *   local reads         The tail answers from its own copy. Wrong as soon as one node, the tail, is falsely suspected.
 *   head-to-tail reads  The head asks the tail alone, and not the members between them. Wrong with two: a head and a
 *                       tail that both don't know that they are out agree with each other.
 *
 * Beside each control the same read is done as it should be, and fits; and with one suspicion fewer the shortcut does
 * no harm. */
#include "tests/unit/ranks_fixture.h"

#include "app/verdict/linearize.h"
#include "chord/base/digest.h"

#define RECORDS_MAX 8u

static struct history_record records[RECORDS_MAX];
static uint32_t record_count;

static uint64_t digest_of(const char *text) {
    return chord_digest64((const unsigned char *)text, strlen(text));
}

/* All records are of the one key. value: what was written or read; NULL: nothing. */
static void note(enum chord_operation_kind kind, enum chord_outcome outcome, const char *value, uint64_t started,
                 uint64_t ended) {
    if (record_count == RECORDS_MAX) {
        abort();
    }
    records[record_count++] = (struct history_record){.key_digest = digest_of("key"),
                                                      .value_digest = value == NULL ? 0 : digest_of(value),
                                                      .start_ns = started,
                                                      .end_ns = ended,
                                                      .kind = (uint8_t)kind,
                                                      .outcome = (uint8_t)outcome};
}

/* An operation that is answered by now. */
static void note_completed(uint64_t tag, enum chord_operation_kind kind, const char *written, uint64_t started) {
    const uint32_t index = completion_of(tag);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX);
    char read[sizeof completions[index].value + 1] = {0};
    memcpy(read, completions[index].value, completions[index].value_size);
    const char *value = kind == CHORD_INSERT ? written : completions[index].outcome == CHORD_FOUND ? read : NULL;
    note(kind, completions[index].outcome, value, started, completions[index].ended);
}

static void write_key(uint64_t tag, const char *value, held_back *hold) {
    const uint64_t started = steps + 1; /* submitting is a step */
    submit_to(0, tag, CHORD_INSERT, "key", value);
    run(hold);
    note_completed(tag, CHORD_INSERT, value, started);
}

/* What a tail that answers from its own copy would say, now. */
static void read_locally(uint32_t tail) {
    const struct chord_arc *arc = arc_at(tail);
    CU_ASSERT_TRUE_FATAL(chord_arc_serves(arc) && chord_arc_is_tail(arc)); /* it has no reason not to answer */
    const struct chord_entry *entry = chord_store_find(&arc->store, id(90), (const unsigned char *)"key", 3);
    char value[17] = {0};
    if (entry != NULL) {
        memcpy(value, chord_entry_value(entry), entry->value_size);
    }
    steps++;
    note(CHORD_QUERY, entry == NULL ? CHORD_ABSENT : CHORD_FOUND, entry == NULL ? NULL : value, steps, steps);
}

/* The head admits a read and sends it to rank 0, the next member. The shortcut sends it to the tail instead, which
 * must not mind where it comes from. Returns what the tail makes of it. */
static enum chord_status ask_the_tail_alone(uint64_t tag, uint32_t head, uint32_t tail) {
    submit_to(head, tag, CHORD_QUERY, "key", "");
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, head), CHORD_OK);
    const uint32_t index = post_find(&post, CHORD_MESSAGE_CHAIN, head, 0);
    CU_ASSERT_NOT_EQUAL_FATAL(index, UINT32_MAX); /* it has admitted it */
    const struct letter letter = post_take(&post, index);
    struct chord_message shortcut = letter.message;
    shortcut.from = (struct chord_address){.rank = 0};
    shortcut.to = (struct chord_address){.rank = tail};
    const enum chord_status status = chord_peer_receive(&peers[tail], &shortcut, now);
    free(letter.bytes);
    steps++;
    return status;
}

static bool fits(void) {
    struct linearize_result result;
    CU_ASSERT_EQUAL_FATAL(linearize_check(records, record_count, NULL, &result), CHORD_OK);
    CU_ASSERT_EQUAL(result.operation_count, record_count);
    CU_ASSERT_EQUAL(result.too_large_count, 0);
    const bool has_order = result.violated_count == 0;
    linearize_free(&result);
    return has_order;
}

/* The history has no order, for the reason that the test is about: the write that was acknowledged before the read
 * began, and the read. Two records, by number. */
static void expect_contradiction(size_t write, size_t read) {
    struct linearize_result result;
    CU_ASSERT_EQUAL_FATAL(linearize_check(records, record_count, NULL, &result), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(result.violation_count, 1);
    const struct linearize_violation *violation = &result.violations[0];
    CU_ASSERT_EQUAL(violation->core_count, 2);
    CU_ASSERT_TRUE(violation->core_count == 2 && violation->core[0] == write && violation->core[1] == read);
    linearize_free(&result);
}

static void start(void) {
    begin(3); /* (80, 120], with the key: 2, 0, 1 */
    record_count = 0;
    write_key(1, "one", nothing);
    CU_ASSERT_TRUE(fits());
}

static bool coordinator_to_1(const struct chord_message *message) {
    return message->from.rank == COORDINATOR && message->to.rank == 1;
}

static bool coordinator_to_2(const struct chord_message *message) {
    return message->from.rank == COORDINATOR && message->to.rank == 2;
}

static bool coordinator_to_1_or_2(const struct chord_message *message) {
    return coordinator_to_1(message) || coordinator_to_2(message);
}

/* Takes a living rank for dead. hold: it, and those that were suspected before, hear nothing. */
static void suspect(uint32_t rank, held_back *hold) {
    owners_allowed++; /* it still thinks that it owns its arc */
    command(CHORD_COMMAND_EXCLUDE, rank);
    run(hold);
}

/* --- local reads --- */

static void test_local_reads(void) {
    start();
    read_locally(1); /* as long as nobody is suspected the tail is right */
    CU_ASSERT_TRUE(fits());
    suspect(1, coordinator_to_1);
    write_key(2, "two", coordinator_to_1);
    CU_ASSERT_TRUE(fits());
    read_locally(1);
    expect_contradiction(2, 3);
    /* As it should be, by way of the same node. */
    record_count = 3;
    const uint64_t started = steps + 1;
    submit_to(1, 3, CHORD_QUERY, "key", "");
    run(coordinator_to_1);
    note_completed(3, CHORD_QUERY, NULL, started);
    expect_found(3, "two");
    CU_ASSERT_TRUE(fits());
    end();
}

/* --- head-to-tail reads --- */

/* With one suspicion head and tail don't agree, whichever of the two it is. */
static void test_head_to_tail_with_one_suspicion(void) {
    start();
    suspect(2, coordinator_to_2); /* the head: admits in the old epoch */
    write_key(2, "two", coordinator_to_2);
    CU_ASSERT_EQUAL(ask_the_tail_alone(3, 2, 1), CHORD_STALE);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, POST_ANY, POST_ANY), 0);
    end();

    start();
    suspect(1, coordinator_to_1); /* the tail: the head knows another one, and not even the epoch is the tail's */
    write_key(2, "two", coordinator_to_1);
    CU_ASSERT_EQUAL(arc_at(2)->chain[arc_at(2)->chain_count - 1].address.rank, 0);
    CU_ASSERT_EQUAL(ask_the_tail_alone(3, 2, 1), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, POST_ANY, POST_ANY), 0);
    end();
}

static void test_head_to_tail_with_two_suspicions(void) {
    start();
    suspect(2, coordinator_to_1_or_2);
    suspect(1, coordinator_to_1_or_2); /* rank 0 is left of the chain */
    write_key(2, "two", coordinator_to_1_or_2);
    CU_ASSERT_TRUE(fits());
    const uint64_t started = steps + 1;
    CU_ASSERT_EQUAL(ask_the_tail_alone(3, 2, 1), CHORD_OK);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_ANSWER, 1, CLIENT), CHORD_OK);
    note_completed(3, CHORD_QUERY, NULL, started);
    expect_found(3, "one");
    expect_contradiction(1, 2);
    /* As it should be, by way of the same node: the member between them is in the new chain, and refuses. The client
     * asks again, elsewhere. */
    record_count = 2;
    const uint64_t again = steps + 1;
    submit_to(2, 4, CHORD_QUERY, "key", "");
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, 2), CHORD_OK);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_CHAIN, 2, 0), CHORD_STALE);
    run(coordinator_to_1_or_2);
    CU_ASSERT_EQUAL(completion_of(4), UINT32_MAX);
    run(nothing); /* the two hear of it */
    for (uint32_t round = 0; round < 5 && completion_of(4) == UINT32_MAX; round++) {
        wait_for(20, nothing);
    }
    note_completed(4, CHORD_QUERY, NULL, again);
    expect_found(4, "two");
    CU_ASSERT_TRUE(fits());
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"local reads at the tail: one false suspicion", test_local_reads},
        {"head-to-tail reads: one false suspicion is refused", test_head_to_tail_with_one_suspicion},
        {"head-to-tail reads: two false suspicions", test_head_to_tail_with_two_suspicions},
    };
    return UNIT_RUN("unsafe_reads", tests);
}
