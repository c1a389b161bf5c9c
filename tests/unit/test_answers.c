/* Answers as text and as JSON, with bytes that are no text. */
#include "app/shell/answers.h"
#include "app/shell/bytes.h"
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t text_size;

static struct answers begin(bool json) {
    free(text);
    text = NULL;
    FILE *stream = open_memstream(&text, &text_size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    return (struct answers){.stream = stream, .json = json, .id_bits = 8};
}

static void expect(const struct answers *answers, const char *expected) {
    fclose(answers->stream);
    if (strcmp(text, expected) != 0) {
        printf("\n--- expected\n%s--- got\n%s", expected, text);
    }
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static struct answers_node node(uint32_t rank) {
    struct answers_node made = {.member = {.address = {.rank = rank}, .incarnation = 1}};
    (void)snprintf(made.name, sizeof made.name, "alpha:%u", rank);
    CU_ASSERT_EQUAL(chord_id_from_number(16 * rank, 8, &made.member.id), CHORD_OK);
    return made;
}

static struct answers_operation operation(enum chord_operation_kind kind, enum chord_outcome outcome) {
    return (struct answers_operation){.kind = kind,
                                      .outcome = outcome,
                                      .key = (const unsigned char *)"song1",
                                      .key_size = 5,
                                      .value = (const unsigned char *)"artist1",
                                      .value_size = 7,
                                      .node = node(4),
                                      .owner = node(3),
                                      .owner_hops = 2,
                                      .latency_ns = 1500,
                                      .version = {.epoch = 1, .counter = 9}};
}

static void test_operations(void) {
    static const struct {
        enum chord_operation_kind kind;
        enum chord_outcome outcome;
        const char *expected;
    } cases[] = {
        {CHORD_INSERT, CHORD_INSERTED, "Key:song1 inserted with value:artist1 at node:alpha:3 (2 hops)\n"},
        {CHORD_INSERT, CHORD_UPDATED, "Key:song1 updated to value:artist1 at node:alpha:3 (2 hops)\n"},
        {CHORD_QUERY, CHORD_FOUND, "Key:song1 has value:artist1 found at node:alpha:4 (2 hops)\n"},
        {CHORD_QUERY, CHORD_ABSENT, "Key:song1 not found at node:alpha:4 (2 hops)\n"},
        {CHORD_DELETE, CHORD_DELETED, "Key:song1 deleted at node:alpha:3 (2 hops)\n"},
        {CHORD_DELETE, CHORD_ABSENT, "Key:song1 not found at node:alpha:4 (2 hops)\n"},
        {CHORD_DELETE, CHORD_UNKNOWN,
         "Key:song1: the delete was given up without an answer; it may have happened\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answers answers = begin(false);
        const struct answers_operation told = operation(cases[i].kind, cases[i].outcome);
        answers_operation(&answers, &told);
        expect(&answers, cases[i].expected);
    }
    struct answers answers = begin(true);
    struct answers_operation told = operation(CHORD_QUERY, CHORD_FOUND);
    answers_operation(&answers, &told);
    expect(&answers, "{\"answer\":\"query\",\"outcome\":\"found\",\"key\":\"song1\",\"value\":\"artist1\","
                     "\"owner\":\"alpha:3\",\"answered_by\":\"alpha:4\",\"owner_hops\":2,\"version_epoch\":1,"
                     "\"version_counter\":9,\"latency_ns\":1500}\n");
    answers = begin(true);
    told = operation(CHORD_DELETE, CHORD_UNKNOWN);
    answers_operation(&answers, &told);
    expect(&answers, "{\"answer\":\"delete\",\"outcome\":\"unknown\",\"key\":\"song1\",\"owner\":\"alpha:3\"}\n");
}

static void test_bytes(void) {
    static const unsigned char value[] = "a\0b\n\\\"\x7f\xc2\x85\xff\xc3\xa9";
    struct answers_operation told = operation(CHORD_QUERY, CHORD_FOUND);
    told.owner_hops = 1;
    told.value = value;
    told.value_size = sizeof value - 1;
    struct answers answers = begin(false);
    answers_operation(&answers, &told);
    expect(&answers, "Key:song1 has value:a\\x00b\\x0a\\\\\"\\x7f\\xc2\\x85\\xff\xc3\xa9 found at node:alpha:4 (1 hop)\n");
    answers = begin(true);
    const struct answers_node at = node(3);
    answers_listing_pair(&answers, &at, value, 6, value, sizeof value - 1);
    expect(&answers, "{\"answer\":\"pair\",\"node\":\"alpha:3\",\"key\":\"a\\u0000b\\n\\\\\\\"\","
                     "\"value_hex\":\"6100620a5c227fc285ffc3a9\"}\n");
    /* An empty value, and one that the answer to an insert cuts, between two characters. */
    static unsigned char longer[100];
    for (size_t i = 0; i < sizeof longer; i += 2) {
        memcpy(longer + i, "\xc3\xa9", 2);
    }
    told = operation(CHORD_INSERT, CHORD_INSERTED);
    told.value = longer + 1;
    told.value_size = sizeof longer - 1;
    answers = begin(false);
    answers_operation(&answers, &told);
    fclose(answers.stream);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "value:\\xa9\xc3\xa9"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\xc3\xa9... at node"));
    told.value_size = 0;
    answers = begin(false);
    answers_operation(&answers, &told);
    expect(&answers, "Key:song1 inserted with value: at node:alpha:3 (2 hops)\n");
}

/* Every byte and every pair of bytes: valid JSON, and the value comes back whole. */
static void test_every_pair_of_bytes(void) {
    const struct answers_node at = node(3);
    unsigned wrong = 0;
    for (unsigned number = 0; number < 0x10000; number += number < 0x8000 ? 1 : 7) {
        const unsigned char bytes[2] = {(unsigned char)(number >> 8), (unsigned char)number};
        const struct answers answers = begin(true);
        answers_listing_pair(&answers, &at, bytes, 2, bytes, 2);
        fclose(answers.stream);
        json_t *object = json_loads(text, JSON_ALLOW_NUL, NULL);
        const json_t *key = json_object_get(object, "key");
        const json_t *hex = json_object_get(object, "key_hex");
        char digits[8];
        (void)snprintf(digits, sizeof digits, "%02x%02x", bytes[0], bytes[1]);
        if (key != NULL) {
            wrong += hex != NULL || json_string_length(key) != 2 || memcmp(json_string_value(key), bytes, 2) != 0;
        } else {
            wrong += hex == NULL || strcmp(json_string_value(hex), digits) != 0;
        }
        json_decref(object);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_utf8(void) {
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {{"a", 1},           {"\xc3\xa9", 2},        {"\xe2\x82\xac", 3}, {"\xf0\x9f\x98\x80", 4},
                 {"\xc3", 0},        {"\x80", 0},            {"\xc0\x80", 0},     {"\xc1\xbf", 0},
                 {"\xe0\x9f\xbf", 0}, {"\xed\xa0\x80", 0},   {"\xf0\x8f\xbf\xbf", 0}, {"\xf4\x90\x80\x80", 0},
                 {"\xf5\x80\x80\x80", 0}, {"\xe2\x82", 0},   {"\xe2\x28\xa1", 0}, {"\xff", 0},
                 {"\xed\x9f\xbf", 3}, {"\xf4\x8f\xbf\xbf", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(bytes_utf8_size((const unsigned char *)cases[i].bytes, strlen(cases[i].bytes)), cases[i].size);
    }
    CU_ASSERT_EQUAL(bytes_utf8_size((const unsigned char *)"a", 0), 0);
}

static void test_nodes(void) {
    const struct answers_node nodes[] = {node(3), node(4), node(0)};
    struct answers answers = begin(false);
    answers_overlay(&answers, nodes, 2);
    expect(&answers, "{\"topology\": [\n"
                     "  {\"node_id\": \"0x30\", \"address\": \"alpha:3\", \"rank\": 3, \"virtual_node\": 0},\n"
                     "  {\"node_id\": \"0x40\", \"address\": \"alpha:4\", \"rank\": 4, \"virtual_node\": 0}\n"
                     "]}\n");
    json_t *object = json_loads(text, 0, NULL);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(object, "topology")), 2);
    json_decref(object);
    answers = begin(true);
    answers_overlay(&answers, nodes, 1);
    expect(&answers, "{\"answer\":\"overlay\",\"topology\":[{\"node_id\":\"0x30\",\"address\":\"alpha:3\",\"rank\":3,"
                     "\"virtual_node\":0}]}\n");
    answers = begin(false);
    answers_route(&answers, (const unsigned char *)"k", 1, nodes[2].member.id, nodes, 3);
    expect(&answers, "Key:k with id 0x00: 2 hops\n"
                     "    0  rank 3      alpha:3 (0x30)\n"
                     "    1  rank 4      alpha:4 (0x40)\n"
                     "    2  rank 0      alpha:0 (0x00)  owner\n");
    const struct answers_info spare = {.self = nodes[0], .host = "alpha", .has_contact = true, .contact = nodes[1]};
    answers = begin(false);
    answers_info(&answers, &spare);
    expect(&answers, "Node alpha:3\n  state        spare\n  id           0x30\n  rank         3\n  host         alpha\n"
                     "  incarnation  1\n  contact      alpha:4 (0x40)\n");
    answers = begin(true);
    answers_info(&answers, &spare);
    expect(&answers, "{\"answer\":\"info\",\"state\":\"spare\",\"node_id\":\"0x30\",\"address\":\"alpha:3\",\"rank\":3,"
                     "\"virtual_node\":0,\"host\":\"alpha\",\"incarnation\":1,\"contact\":{\"node_id\":\"0x40\","
                     "\"address\":\"alpha:4\",\"rank\":4,\"virtual_node\":0}}\n");
    const struct answers_info member = {.self = nodes[0],
                                        .host = "alpha",
                                        .is_member = true,
                                        .epoch = 2,
                                        .predecessor = nodes[2],
                                        .successors = &nodes[1],
                                        .successor_count = 2,
                                        .chain = nodes,
                                        .chain_count = 2,
                                        .arc_start = nodes[2].member.id,
                                        .arc_end = nodes[0].member.id,
                                        .owned_pair_count = 1234,
                                        .replica_pair_count = 5,
                                        .stored_bytes = 2048};
    answers = begin(false);
    answers_info(&answers, &member);
    expect(&answers, "Node alpha:3\n  state        member\n  id           0x30\n  rank         3\n  host         alpha\n"
                     "  incarnation  1\n"
                     "  predecessor  alpha:0 (0x00)\n  successors   alpha:4 (0x40), alpha:0 (0x00)\n"
                     "  fingers      none\n  arc          (0x00, 0x30]\n"
                     "  chain        alpha:3 (0x30), alpha:4 (0x40)\n"
                     "  keys         1,234 as owner, 5 as replica, 2.00 KiB\n  epoch        2\n");
}

static void test_changes(void) {
    const struct chord_change change = {.epoch = 5,
                                        .arc_count = 3,
                                        .message_count = 95,
                                        .pair_count = 120,
                                        .pair_bytes = 2048,
                                        .wedged_ticks_max = 1500000};
    const struct chord_settled settled = {.epoch = 5, .message_count = 12, .ticks = 400};
    struct answers_change told = {.what = CHORD_COMMAND_JOIN,
                                  .node = node(7),
                                  .node_count = 1,
                                  .change_count = 1,
                                  .change = &change,
                                  .settled = &settled};
    struct answers answers = begin(false);
    answers_change(&answers, &told);
    expect(&answers, "Node alpha:7 has joined: epoch 5, 3 arcs, 120 pairs moved (2.00 KiB), wedged 1.50 ms at most, 95 "
                     "messages\n");
    told.what = CHORD_COMMAND_DEPART;
    told.node_count = 2;
    answers = begin(false);
    answers_change(&answers, &told);
    expect(&answers, "The 2 nodes of alpha:7 have departed: epoch 5, 3 arcs, 120 pairs moved (2.00 KiB), wedged 1.50 ms at "
                     "most, 95 messages\n");
    answers = begin(true);
    answers_change(&answers, &told);
    expect(&answers, "{\"answer\":\"depart\",\"node\":\"alpha:7\",\"rank\":7,\"node_count\":2,\"change_count\":1,"
                     "\"epoch\":5,\"arc_count\":3,\"moved_pair_count\":120,\"moved_bytes\":2048,"
                     "\"message_count\":95,\"wedged_ns_max\":1500000,\"settled_ns\":400,"
                     "\"routing_message_count\":12}\n");
}

/* What has come of a crash so far: nothing, a suspicion, all of it. */
static void test_crashes(void) {
    struct result_fault fault = {.rank = 7,
                                 .is_ours = true,
                                 .crash = {.kind = CRASH_PAUSE, .pause_ns = 800000000},
                                 .injected_ns = 1000,
                                 .detected_ns = RESULT_NEVER,
                                 .committed_ns = RESULT_NEVER,
                                 .heard_again_ns = RESULT_NEVER};
    const struct answers_crash told = {.node = node(7), .fault = &fault};
    struct answers answers = begin(false);
    answers_crash(&answers, &told);
    expect(&answers, "Rank alpha:7 stopped for 800 ms; nobody has noticed\n");
    answers = begin(true);
    answers_crash(&answers, &told);
    expect(&answers, "{\"answer\":\"crash\",\"node\":\"alpha:7\",\"rank\":7,\"kind\":\"pause\",\"pause_ns\":800000000,"
                     "\"detected_after_ns\":null,\"writable_after_ns\":null,\"copies_after_ns\":null,\"epoch\":0,"
                     "\"excluded_node_count\":0,\"copied_pair_count\":0,\"copied_bytes\":0}\n");
    fault.crash = (struct crash){.kind = CRASH_SILENCE};
    fault.detected_ns = 212001000;
    answers = begin(false);
    answers_crash(&answers, &told);
    expect(&answers, "Rank alpha:7 fell silent: suspected after 212 ms, but not left out of the ring\n");
    fault.crash = (struct crash){.kind = CRASH_KILL};
    fault.committed_ns = 215001000;
    fault.epoch = 5;
    fault.excluded_node_count = 1;
    fault.pair_count = 1204;
    fault.pair_bytes = 16384;
    answers = begin(false);
    answers_crash(&answers, &told);
    expect(&answers, "Rank alpha:7 was killed: suspected after 212 ms, left out in epoch 5; every key can be written again "
                     "after 215 ms, with all copies: 1,204 pairs copied (16.0 KiB)\n");
    answers = begin(true);
    answers_crash(&answers, &told);
    expect(&answers, "{\"answer\":\"crash\",\"node\":\"alpha:7\",\"rank\":7,\"kind\":\"kill\",\"pause_ns\":0,"
                     "\"detected_after_ns\":212000000,\"writable_after_ns\":215000000,\"copies_after_ns\":215000000,"
                     "\"epoch\":5,\"excluded_node_count\":1,\"copied_pair_count\":1204,\"copied_bytes\":16384}\n");
}

static void test_errors(void) {
    struct answers answers = begin(false);
    answers_error(&answers, "script.txt", 3, "no");
    expect(&answers, "chordkv: script.txt:3: no\n");
    answers = begin(false);
    answers.color = true;
    answers_error(&answers, NULL, 3, "no");
    expect(&answers, "\033[31merror: no\033[0m\n");
    answers = begin(true);
    answers_error(&answers, "script.txt", 3, "no");
    expect(&answers, "{\"answer\":\"error\",\"source\":\"script.txt\",\"line\":3,\"error\":\"no\"}\n");
    answers = begin(true);
    answers_error(&answers, "\xff", 3, "\xff");
    expect(&answers, "{\"answer\":\"error\",\"source\":\"?\",\"line\":3,\"error\":\"?\"}\n");
}

/* The help names every command; JSON answers are one line each. */
static void test_help(void) {
    struct answers answers = begin(false);
    answers_help(&answers, SHELL_COMMAND_COUNT);
    fclose(answers.stream);
    for (unsigned kind = 0; kind < SHELL_COMMAND_COUNT; kind++) {
        char part[64];
        (void)snprintf(part, sizeof part, "  %s ", command_rules[kind].name);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, part));
    }
    for (unsigned kind = 0; kind <= SHELL_COMMAND_COUNT; kind++) {
        answers = begin(true);
        answers_help(&answers, (enum command_kind)kind);
        fclose(answers.stream);
        CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + text_size - 1);
        answers = begin(false);
        answers_help(&answers, (enum command_kind)kind);
        fclose(answers.stream);
        CU_ASSERT_TRUE(text_size > 20);
    }
}

static void test_stats(void) {
    static struct metrics metrics;
    struct traffic traffic = {.messages = {[CHORD_MESSAGE_REQUEST] = 1234}, .bytes = {[CHORD_MESSAGE_REQUEST] = 99}};
    metrics.outcomes[CHORD_INSERT][CHORD_INSERTED] = 2;
    metrics.outcomes[CHORD_INSERT][CHORD_UPDATED] = 1;
    for (unsigned i = 0; i < 3; i++) {
        histogram_record(&metrics.latency_ns[CHORD_INSERT], 50);
        hops_record(&metrics.hops[CHORD_INSERT], i);
    }
    struct answers answers = begin(false);
    answers_stats(&answers, &metrics, &traffic);
    expect(&answers,
           "operations     count  inserted   updated     found   deleted    absent   unknown\n"
           "insert             3         2         1         0         0         0         0\n"
           "query              0         0         0         0         0         0         0\n"
           "delete             0         0         0         0         0         0         0\n"
           "\n"
           "           hops mean       p99   time mean         p50         p99         max\n"
           "insert          1.00         2       50 ns       50 ns       50 ns       50 ns\n"
           "\n"
           "messages       count         bytes\n"
           "REQUEST        1,234            99\n");
    answers = begin(true);
    answers_stats(&answers, &metrics, &traffic);
    expect(&answers, "{\"answer\":\"stats\",\"operations\":{\"insert\":{\"count\":3,\"inserted\":2,\"updated\":1,"
                     "\"owner_hops_mean\":1.0,\"owner_hops_p99\":2,\"latency_p50_ns\":50,\"latency_p99_ns\":50,"
                     "\"latency_max_ns\":50},\"query\":{\"count\":0},\"delete\":{\"count\":0}},"
                     "\"messages\":{\"REQUEST\":1234}}\n");
}

int main(void) {
    static const struct unit_test tests[] = {{"operations", test_operations},
                                             {"bytes that are no text", test_bytes},
                                             {"every pair of bytes as JSON", test_every_pair_of_bytes},
                                             {"UTF-8", test_utf8},
                                             {"nodes", test_nodes},
                                             {"view changes", test_changes},
                                             {"crashes", test_crashes},
                                             {"errors", test_errors},
                                             {"help", test_help},
                                             {"stats", test_stats}};
    const int status = UNIT_RUN("answers", tests);
    free(text);
    return status;
}
