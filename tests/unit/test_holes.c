/* The holes that a naive design has (van Renesse and Schneider 2004; Glendenning et al. 2011), each as a small
 * scenario with whole ranks (ranks_fixture.h). Each test names the rule that it stands for, and was seen to fail
 * with that rule broken. */
#include "tests/unit/ranks_fixture.h"

/* --- H1 --- */

static bool prepare_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_PREPARE && message->to.rank == 2;
}

static bool install_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_INSTALL && message->to.rank == 2;
}

static bool activate_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ACTIVATE && message->to.rank == 2;
}

/* H1, two owners. The old owner's PREPARE is late: until it has answered, nobody is installed in its place (C4: all
 * touched have answered WEDGED). From then on it admits nothing, though it has heard of no new chain yet (M1). And
 * when the new owner serves, the old one, which isn't told of the commit yet, doesn't (M3). */
static void test_h1(void) {
    begin(2); /* (80, 120]: 2, 0 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    expect_write(1, CHORD_INSERTED, 1);
    command(CHORD_COMMAND_JOIN, 3);
    run(prepare_to_2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, COORDINATOR, 2), 3); /* both halves, and (40, 80] */
    CU_ASSERT_EQUAL(owners_of(90), 1);
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(2)));
    CU_ASSERT_FALSE(chord_arc_serves(arc_at(3)));
    CU_ASSERT_EQUAL(arc_at(3)->status, CHORD_ARC_OUT); /* not even installed */
    submit_to(2, 2, CHORD_INSERT, "key", "two"); /* the old owner admits it, but its tail is wedged */
    run(prepare_to_2);
    CU_ASSERT_EQUAL(completion_of(2), UINT32_MAX);
    run(activate_to_2);
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(3)));
    CU_ASSERT_EQUAL(owners_of(90), 1);
    submit_to(2, 3, CHORD_INSERT, "other", "three"); /* asks the old owner, which sends it on or lets it wait */
    run(activate_to_2);
    CU_ASSERT_EQUAL(owners_of(90), 1);
    run(nothing);
    wait_for(20, nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    expect_write(2, CHORD_UPDATED, 1); /* admitted in the old epoch, answered from its record in the new one */
    expect_write(3, CHORD_INSERTED, 2);
    expect_value(4, "key", "two");
    expect_value(5, "other", "three");
    end();

    /* The owner departs; it has answered PREPARE and hears of nothing else. */
    begin(2);
    command(CHORD_COMMAND_DEPART, 2);
    run(install_to_2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_INSTALL, COORDINATOR, 2), 2); /* its own arc, and (40, 80] */
    CU_ASSERT_EQUAL(arc_at(2)->status, CHORD_ARC_ACTIVE);
    submit_to(2, 1, CHORD_INSERT, "key", "one");
    run(install_to_2);
    CU_ASSERT_EQUAL(owners_of(90), 0);
    CU_ASSERT_EQUAL(arc_at(2)->applied, 0);
    run(nothing);
    expect_write(1, CHORD_INSERTED, 2); /* it has waited there */
    CU_ASSERT_EQUAL(owners_of(90), 1);
    end();
}

/* --- H2 --- */

static bool to_2_from_coordinator(const struct chord_message *message) {
    return message->from.rank == COORDINATOR && message->to.rank == 2;
}

static bool activate_or_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ACTIVATE || to_2_from_coordinator(message);
}

/* H2, a write acknowledged by the old chain after the new owner's snapshot. Rank 2, the head, is taken for dead but
 * lives and doesn't know. The chain 0, 1 has its snapshot; then a client writes through rank 2, which admits,
 * applies and sends it down the old chain. Rank 0 must refuse it (M5), so that nobody answers; the client asks
 * again, and the new chain takes it. */
static void test_h2(void) {
    begin(3); /* (80, 120]: 2, 0, 1 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    owners_allowed = 2; /* rank 2 for one */
    command(CHORD_COMMAND_EXCLUDE, 2);
    run(activate_or_to_2);
    CU_ASSERT_EQUAL(arc_at(0)->status, CHORD_ARC_SYNCED); /* both have the snapshot */
    CU_ASSERT_EQUAL(arc_at(1)->status, CHORD_ARC_SYNCED);
    const uint64_t snapshot = copies(0);
    submit_to(2, 2, CHORD_INSERT, "key", "two");
    (void)deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, 2);
    CU_ASSERT_EQUAL(arc_at(2)->applied, 2);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_CHAIN, 2, 0), CHORD_STALE);
    run(activate_or_to_2);
    CU_ASSERT_EQUAL(completion_of(2), UINT32_MAX);
    CU_ASSERT_EQUAL(copies(0), snapshot);
    CU_ASSERT_EQUAL(copies(1), snapshot);
    expect_write(1, CHORD_INSERTED, 1);
    /* Once rank 2 has learnt of it, the request that was refused finds its way. */
    run(nothing);
    wait_for(20, nothing);
    wait_for(20, nothing);
    CU_ASSERT_NOT_EQUAL_FATAL(completion_of(2), UINT32_MAX);
    CU_ASSERT_EQUAL(completions[completion_of(2)].outcome, CHORD_UPDATED);
    CU_ASSERT(completions[completion_of(2)].version.epoch >= 2); /* or 3: rank 2 rejoins meanwhile */
    CU_ASSERT(completions[completion_of(2)].retry_count > 0);
    expect_value(3, "key", "two");
    end();
}

/* --- H3 --- */

static bool coordinator_to_1(const struct chord_message *message) {
    return message->from.rank == COORDINATOR && message->to.rank == 1;
}

static bool chain_or_coordinator_to_1(const struct chord_message *message) {
    return coordinator_to_1(message) || (message->type == CHORD_MESSAGE_CHAIN && message->to.rank == 1);
}

/* H3, a stale read at an excluded but living tail. Rank 1, the tail, is taken for dead and doesn't hear of it: its
 * arc is ACTIVE, its copy the old one. Reads enter at the head and pass through every member (section 4), so what it
 * has counts for nothing. A read that was on its way down the old chain may get the old value: it began before the
 * new one was written. */
static void test_h3(void) {
    begin(3); /* (80, 120]: 2, 0, 1 */
    submit_to(2, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    submit_from(3, 2, 2, CHORD_QUERY, "key", ""); /* another client's */
    run(chain_or_coordinator_to_1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 0, 1), 1);
    command(CHORD_COMMAND_EXCLUDE, 1);
    owners_allowed = 2; /* rank 1 for its own arc */
    run(chain_or_coordinator_to_1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    submit_to(2, 3, CHORD_INSERT, "key", "two");
    run(chain_or_coordinator_to_1);
    expect_write(3, CHORD_UPDATED, 2); /* acknowledged by the new chain */
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(1)) && chord_arc_is_tail(arc_at(1)));
    CU_ASSERT_EQUAL(arc_at(1)->epoch, 1);
    CU_ASSERT_TRUE(has_copy(1, "key", "one")); /* a local read at the tail would be stale */
    submit_to(1, 4, CHORD_QUERY, "key", "");
    run(chain_or_coordinator_to_1);
    expect_found(4, "two");
    CU_ASSERT_EQUAL(completion_of(2), UINT32_MAX);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_CHAIN, 0, 1), CHORD_OK);
    run(coordinator_to_1);
    expect_found(2, "one");
    CU_ASSERT_TRUE(has_copy(1, "key", "one"));
    end();
}

/* --- H4 --- */

static bool synced_of_the_range_from_1(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_SYNCED && message->from.rank == 1 &&
           chord_id_equal(message->synced.end, id(120));
}

/* H4, a suffix that is lost when a middle member dies. What rank 2 has sent down was lost with rank 0; when rank 1
 * is next in the chain, it must get that before anything new (M4: by a delta, what the source has and it lacks), and
 * the client, which asks again, its answer from the record, once (M7). */
static void test_h4(void) {
    begin(3); /* (80, 120]: 2, 0, 1 */
    submit_to(2, 1, CHORD_INSERT, "before", "one");
    run(nothing);
    submit_to(2, 2, CHORD_INSERT, "key", "two");
    (void)deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, 2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 2, 0), 1);
    kill_rank(0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, POST_ANY, POST_ANY), 0);
    CU_ASSERT_TRUE(has_copy(2, "key", "two"));
    CU_ASSERT_TRUE(has_copy(1, "key", NULL));
    command(CHORD_COMMAND_EXCLUDE, 0);
    run(synced_of_the_range_from_1);
    const uint32_t letter = post_find(&post, CHORD_MESSAGE_SYNCED, 1, COORDINATOR);
    CU_ASSERT_NOT_EQUAL_FATAL(letter, UINT32_MAX);
    CU_ASSERT_EQUAL(post.letters[letter].message.synced.pair_count, 1); /* not "before", which it has */
    CU_ASSERT_TRUE(has_copy(1, "key", "two"));
    CU_ASSERT_EQUAL(copies(1), copies(2));
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(completion_of(2), UINT32_MAX);
    const uint64_t before = copies(1);
    wait_for(config.retry_ticks, nothing);
    expect_write(2, CHORD_INSERTED, 1); /* "updated", and of epoch 2, if it were applied again */
    CU_ASSERT_EQUAL(completions[completion_of(2)].retry_count, 1);
    CU_ASSERT_EQUAL(arc_at(2)->applied, 0);
    CU_ASSERT_EQUAL(copies(1), before);
    CU_ASSERT_EQUAL(copies(2), before);
    expect_value(3, "key", "two");
    expect_value(4, "before", "one");
    end();
}

/* --- H5 --- */

static bool answer_to_client(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ANSWER;
}

/* H5, a retry applied twice. The answer of an insert is lost on the way; the arc goes to a joiner, which had
 * nothing; the client repeats the insert there. It is known there (M7: records move with the arc, M4: with the
 * transfer): the answer is the first one's, "inserted" with its version, and what was written in between stays. */
static void test_h5(void) {
    begin(2); /* (80, 120]: 2, 0 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(answer_to_client);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 0, CLIENT), 1);
    post_drop(&post, post_find(&post, CHORD_MESSAGE_ANSWER, 0, CLIENT));
    command(CHORD_COMMAND_JOIN, 3);
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(3)) && chord_arc_is_head(arc_at(3)));
    CU_ASSERT_EQUAL(completion_of(1), UINT32_MAX);
    const uint64_t before = copies(3);
    wait_for(config.retry_ticks, nothing);
    expect_write(1, CHORD_INSERTED, 1); /* not "updated", and not the joiner's epoch */
    CU_ASSERT_EQUAL(completions[completion_of(1)].version.counter, 1);
    CU_ASSERT_EQUAL(completions[completion_of(1)].retry_count, 1);
    CU_ASSERT_EQUAL(arc_at(3)->applied, 0);
    CU_ASSERT_EQUAL(copies(3), before);
    /* The same for a write that no tail has seen: undone or kept, never twice. */
    submit_to(3, 2, CHORD_DELETE, "key", "");
    (void)deliver_now(CHORD_MESSAGE_REQUEST, CLIENT, 3);
    post_drop(&post, post_find(&post, CHORD_MESSAGE_CHAIN, 3, 2));
    CU_ASSERT_EQUAL(arc_at(3)->applied, 1);
    command(CHORD_COMMAND_DEPART, 3); /* the source is rank 3: it is kept */
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 2);
    wait_for(config.retry_ticks, nothing);
    wait_for(20, nothing);
    expect_write(2, CHORD_DELETED, 2); /* "absent" if it had been applied again */
    end();
}

/* --- H6 --- */

static bool synced_from_3(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_SYNCED && message->from.rank == 3;
}

static bool synced_from_0(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_SYNCED && message->from.rank == 0;
}

static bool synced_from_1(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_SYNCED && message->from.rank == 1;
}

static void insert_some(void) {
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    submit_to(1, 2, CHORD_INSERT, "other", "a longer value");
    submit_to(1, 3, CHORD_INSERT, "third", "three");
    run(nothing);
}

static void expect_some(uint64_t tag) {
    expect_value(tag, "key", "one");
    expect_value(tag + 1, "other", "a longer value");
    expect_value(tag + 2, "third", "three");
    submit_to(2, tag + 3, CHORD_INSERT, "key", "new"); /* and it is served, not only kept */
    run(nothing);
    wait_for(20, nothing);
    CU_ASSERT_NOT_EQUAL_FATAL(completion_of(tag + 3), UINT32_MAX);
    CU_ASSERT_EQUAL(completions[completion_of(tag + 3)].outcome, CHORD_UPDATED);
}

/* H6, a handed-over range that is lost when its receiver dies before confirming. Rank 3 joins, gets all pieces of
 * (80, 100] and dies; nobody has heard of its SYNCED. Whoever had the range is complete as long as the change isn't
 * committed (C4), and keeps it until DROP (M3, C6). */
static void test_h6_joiner(void) {
    for (uint32_t replicas = 1; replicas <= 2; replicas++) {
        begin(replicas); /* (80, 120]: 2, and 0 if there are two */
        insert_some();
        command(CHORD_COMMAND_JOIN, 3);
        run(synced_from_3);
        CU_ASSERT(post_count(&post, CHORD_MESSAGE_SYNCED, 3, COORDINATOR) >= 1);
        CU_ASSERT_EQUAL(arc_at(3)->status, CHORD_ARC_SYNCED);
        CU_ASSERT_EQUAL(arc_at(3)->store.count, 3);
        CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 0);
        kill_rank(3);
        command(CHORD_COMMAND_EXCLUDE, 3);
        run(nothing);
        CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
        CU_ASSERT_EQUAL(owners_of(90), 1);
        CU_ASSERT_TRUE(chord_arc_serves(arc_at(2)) && chord_arc_is_head(arc_at(2)));
        expect_some(10);
        end();
    }
}

/* The same with a leaver: its receiver dies, and it must hand over once more, to the next. With k = 1 the receiver's
 * own arc is lost with it, as was allowed, and nothing else. */
static void test_h6_leaver(void) {
    begin(2); /* (80, 120]: 2, 0; when 2 has left, 0, 1 */
    insert_some();
    command(CHORD_COMMAND_DEPART, 2);
    run(synced_from_1);
    CU_ASSERT_EQUAL(arc_at(1)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(arc_at(1)->store.count, 3);
    kill_rank(1);
    command(CHORD_COMMAND_EXCLUDE, 1);
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_FALSE(chord_node_is_member(&peers[2].nodes[0]));
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(0)) && chord_arc_is_head(arc_at(0)));
    expect_some(10);
    end();

    begin(1); /* (80, 120]: 2; when it has left, 0 */
    config.allows_data_loss = true;
    insert_some();
    command(CHORD_COMMAND_DEPART, 2);
    run(synced_from_0);
    CU_ASSERT_EQUAL(arc_at(0)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(arc_at(0)->store.count, 3);
    kill_rank(0);
    command(CHORD_COMMAND_EXCLUDE, 0);
    run(nothing);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 1);
    CU_ASSERT_TRUE(chord_id_equal(last_loss.start, id(120)) && chord_id_equal(last_loss.end, id(40)));
    CU_ASSERT_FALSE(chord_node_is_member(&peers[2].nodes[0]));
    CU_ASSERT_TRUE(chord_arc_serves(arc_at(1)) && chord_arc_is_head(arc_at(1)));
    expect_some(10);
    end();
}

/* --- H7 --- */

static bool chain_2_to_0(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_CHAIN && message->from.rank == 2 && message->to.rank == 0;
}

static bool ack_0_to_2(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_ACK && message->from.rank == 0 && message->to.rank == 2;
}

static bool piece_2_to_3(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_PIECE && message->from.rank == 2 && message->to.rank == 3;
}

/* H7, a delayed message of an old epoch applied later (M5, M2). A write from the excluded head arrives when its key has
 * been written anew; an acknowledgement when its arc is wedged; a piece when the attempt that it belongs to is over. */
static void test_h7(void) {
    begin(3); /* (80, 120]: 2, 0, 1 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    submit_to(2, 2, CHORD_INSERT, "key", "old");
    run(chain_2_to_0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 2, 0), 1);
    command(CHORD_COMMAND_EXCLUDE, 2);
    owners_allowed = 2; /* rank 2, until it is told */
    run(chain_2_to_0);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    submit_to(1, 3, CHORD_INSERT, "newer", "new");
    submit_to(1, 4, CHORD_DELETE, "one more", "");
    run(chain_2_to_0);
    expect_write(3, CHORD_INSERTED, 2);
    const uint64_t before = copies(0);
    const uint64_t applied = arc_at(0)->applied;
    const uint64_t answers = completion_count;
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_CHAIN, 2, 0), CHORD_STALE);
    CU_ASSERT_EQUAL(copies(0), before);
    CU_ASSERT_EQUAL(arc_at(0)->applied, applied);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 0, 1), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REFUSAL, 0, CLIENT), 1);
    CU_ASSERT_EQUAL(completion_count, answers);
    run(nothing);
    wait_for(20, nothing); /* asked again, it takes effect, in the new epoch, or a later one: rank 2 rejoins meanwhile */
    wait_for(20, nothing);
    CU_ASSERT_NOT_EQUAL(completion_of(2), UINT32_MAX);
    CU_ASSERT(completions[completion_of(2)].version.epoch >= 2);
    expect_value(5, "key", "old");
    end();

    /* The acknowledgement. */
    begin(3);
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(ack_0_to_2);
    CU_ASSERT_EQUAL(arc_at(2)->acknowledged, 0);
    command(CHORD_COMMAND_EXCLUDE, 1);
    owners_allowed = 2;
    run(ack_0_to_2);
    CU_ASSERT_EQUAL(arc_at(2)->epoch, 2);
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_ACK, 0, 2), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(2)->acknowledged, 0);
    CU_ASSERT_EQUAL(arc_at(2)->log.count, 1);
    run(nothing);
    wait_for(20, nothing);
    CU_ASSERT(notices[CHORD_NOTICE_CHANGED] >= 1);
    expect_value(2, "key", "one");
    end();

    /* The piece. */
    begin(2);
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    command(CHORD_COMMAND_JOIN, 3);
    run(piece_2_to_3);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PIECE, 2, 3), 1);
    command(CHORD_COMMAND_EXCLUDE, 1); /* interrupts: a new attempt with new pieces */
    for (uint32_t index; (index = post_find(&post, CHORD_MESSAGE_PREPARE, COORDINATOR, 3)) != UINT32_MAX;) {
        CU_ASSERT_EQUAL(deliver(index), CHORD_OK);
    }
    CU_ASSERT_TRUE(chord_arc_is_wedged(arc_at(3)));
    CU_ASSERT_EQUAL(deliver_now(CHORD_MESSAGE_PIECE, 2, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(3)->store.count, 0);
    owners_allowed = 2; /* rank 1 doesn't know */
    run(nothing);
    wait_for(20, nothing);
    owners_allowed = 1;
    expect_value(2, "key", "one");
    end();
}

/* --- H8 --- */

static bool piece_to_1(const struct chord_message *message) {
    return message->type == CHORD_MESSAGE_PIECE && message->to.rank == 1;
}

/* H8, a chain that shrinks away (C8). With k = 2 both members of the chain are suspected, one after the other, and
 * then the last: each goes only when another has its data, the last never. Nothing that was acknowledged is lost. */
static void test_h8(void) {
    begin(2); /* (80, 120]: 2, 0 */
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    expect_write(1, CHORD_INSERTED, 1);
    owners_allowed = 3; /* the excluded don't know */
    command(CHORD_COMMAND_EXCLUDE, 2);
    run(piece_to_1);
    const uint32_t epoch = peers[COORDINATOR].coordinator.epoch;
    command(CHORD_COMMAND_EXCLUDE, 0); /* the only complete holder, while rank 1 gets its copy */
    CU_ASSERT_EQUAL(peers[COORDINATOR].coordinator.epoch, epoch);
    run(piece_to_1);
    CU_ASSERT_EQUAL(peers[COORDINATOR].coordinator.epoch, epoch);
    CU_ASSERT_NOT_EQUAL(arc_at(1)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(arc_at(0)->store.count, 1);
    command(CHORD_COMMAND_EXCLUDE, 1); /* and the one that is only getting it, of other arcs the only one soon */
    run(nothing);
    for (uint32_t round = 0; round < 5; round++) {
        wait_for(20, nothing);
    }
    /* However it went: those that were excluded are back, one after another, and the data is there. */
    CU_ASSERT(notices[CHORD_NOTICE_CHANGED] >= 1);
    CU_ASSERT(peers[COORDINATOR].coordinator.view.member_count >= 1);
    owners_allowed = 1;
    check_owners();
    expect_value(2, "key", "one");
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"H1: two owners", test_h1},
        {"H2: a write acknowledged by the old chain after the new owner's snapshot", test_h2},
        {"H3: a stale read at an excluded but living tail", test_h3},
        {"H4: a suffix lost when a middle member dies", test_h4},
        {"H5: a retry applied twice", test_h5},
        {"H6: a range lost with the joiner that got it", test_h6_joiner},
        {"H6: a range lost with whom its leaver gave it to", test_h6_leaver},
        {"H7: a delayed message of an old epoch applied later", test_h7},
        {"H8: a chain that shrinks away", test_h8},
    };
    return UNIT_RUN("holes", tests);
}
