/* chord/member/coordinator and part: rules C1 to C10 of DESIGN section 5, one by one; what it does about silent
 * ranks is test_coordinator_silence.c's business. The ring is that of coordinator_fixture.h, its first three nodes
 * being members, mostly with k = 2. */
#include "tests/unit/coordinator_fixture.h"

/* The first view, and what a node outside it is told. */
static void test_formation(void) {
    begin(3, 2);
    CU_ASSERT_EQUAL(coordinator.parts.count, 3);
    CU_ASSERT_EQUAL(arcs_with_chain(), 3);
    CU_ASSERT_TRUE(is_chain(part_at(2)->chain, 2, "01"));
    CU_ASSERT_TRUE(is_chain(part_at(5)->chain, 2, "12"));
    CU_ASSERT_TRUE(is_chain(part_at(8)->chain, 2, "20"));
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    CU_ASSERT_EQUAL(chord_coordinator_deadline(&coordinator), UINT64_MAX);
    end();
}

static void test_refusals(void) {
    begin(3, 2);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, RANKS), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_COUNT, 0), CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(chord_coordinator_command(&coordinator, CHORD_COMMAND_JOIN,
                                              (struct chord_address){.rank = 3, .virtual_node = 1}, 0),
                    CHORD_NO_SUCH_NODE);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 0), CHORD_ALREADY_MEMBER);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 3), CHORD_NOT_MEMBER);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 3), CHORD_NOT_MEMBER);
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 0), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 0), CHORD_UNDER_WAY);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 0), CHORD_UNDER_WAY);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 2), CHORD_LAST_MEMBER);
    CU_ASSERT_FALSE(chord_coordinator_is_quiet(&coordinator));
    CU_ASSERT_EQUAL(tick(), CHORD_OK); /* they leave */
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 0), CHORD_UNDER_WAY);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 0), CHORD_UNDER_WAY);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_UNDER_WAY); /* invited */
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_OK);
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_STALE);
    CU_ASSERT_EQUAL(ask_to_join(4), CHORD_STALE); /* nobody has invited it */
    CU_ASSERT_EQUAL(tell(0, (struct chord_message){.type = CHORD_MESSAGE_REGISTER}), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(tell(0, (struct chord_message){.type = CHORD_MESSAGE_PREPARE}), CHORD_UNEXPECTED);
    end();
}

/* C2, C4, C6 and C10 in a join that nothing disturbs: node 3 (id 11) takes (8, 11] from node 0, whose arc is (8, 2]. */
static void test_join(void) {
    begin(3, 2);
    start_join(3);
    const uint32_t epoch = coordinator.epoch;
    CU_ASSERT_EQUAL(epoch, 2);
    CU_ASSERT_EQUAL(coordinator.parts.count, 4);
    CU_ASSERT_TRUE(is_complete(11, 0) && is_complete(11, 1)); /* C10: both halves have the complete set */
    CU_ASSERT_TRUE(is_complete(2, 0) && is_complete(2, 1));
    CU_ASSERT_FALSE(is_complete(11, 3));
    /* C2: the touched: the new chain and the last committed one. Arc (8, 11]: 3, 0 and 0, 1. (11, 2]: 0, 1. (5, 8]:
     * its chain was 2, 0 and is to be 2, 3. (2, 5] isn't touched. */
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 0), 3);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 1), 2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 2), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 3), 2);
    CU_ASSERT_EQUAL(part_at(5)->phase, CHORD_PART_COMMITTED);
    /* C4: all but one have answered: nothing is installed. WEDGEDs of others than the touched, of other attempts and
     * incarnations don't count. */
    CU_ASSERT_EQUAL(wedged(0, epoch, id(11)), CHORD_OK);
    CU_ASSERT_EQUAL(wedged(3, epoch, id(11)), CHORD_OK);
    CU_ASSERT_EQUAL(wedged(2, epoch, id(11)), CHORD_STALE);
    CU_ASSERT_EQUAL(wedged(1, epoch - 1, id(11)), CHORD_STALE);
    incarnations[1] = 2;
    CU_ASSERT_EQUAL(wedged(1, epoch, id(11)), CHORD_STALE);
    incarnations[1] = 1;
    CU_ASSERT_EQUAL(wedged(0, epoch, id(11)), CHORD_OK); /* twice is once */
    CU_ASSERT_PTR_NULL(install_of(11));
    CU_ASSERT_EQUAL(wedged(1, epoch, id(11)), CHORD_OK);
    const struct chord_install *install = install_of(11);
    CU_ASSERT_PTR_NOT_NULL_FATAL(install);
    CU_ASSERT_EQUAL(install->source.address.rank, 0); /* the first of the last chain */
    CU_ASSERT_TRUE(chord_id_equal(install->start, id(8)) && chord_id_equal(install->arc_start, id(8)));
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_INSTALL, POST_ANY, POST_ANY), 3); /* to all touched */
    CU_ASSERT_EQUAL(wedged(1, epoch, id(11)), CHORD_STALE);
    /* C4: the complete set doesn't shrink. C6: no ACTIVATE before all members are SYNCED. */
    CU_ASSERT_TRUE(is_complete(11, 0) && is_complete(11, 1));
    CU_ASSERT_EQUAL(synced(0, epoch, id(11)), CHORD_OK);
    CU_ASSERT_EQUAL(synced(3, epoch - 1, id(11)), CHORD_STALE);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ACTIVATE, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_DROP, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(synced(3, epoch, id(11)), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ACTIVATE, POST_ANY, 3), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ACTIVATE, POST_ANY, 0), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_DROP, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(part_at(11)->holder_count, 2); /* complete = touched = the chain */
    CU_ASSERT_TRUE(is_complete(11, 3) && is_complete(11, 0));
    CU_ASSERT_EQUAL(synced(3, epoch, id(11)), CHORD_STALE);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_NEIGHBOURS, POST_ANY, POST_ANY), 0); /* not a member yet */
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(last_change.epoch, epoch);
    CU_ASSERT_EQUAL(last_change.arc_count, 3);
    CU_ASSERT_EQUAL(last_change.attempt_count, 1);
    CU_ASSERT_EQUAL(last_change.member_count, 1);
    CU_ASSERT_EQUAL(arcs_with_chain(), 4);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_NEIGHBOURS, POST_ANY, 3), 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SETTLED], 0);
    CU_ASSERT_FALSE(chord_coordinator_is_quiet(&coordinator)); /* until the new owner has told the others */
    CU_ASSERT_EQUAL(settled(2, epoch), CHORD_STALE);
    CU_ASSERT_EQUAL(settled(3, epoch - 1), CHORD_STALE);
    CU_ASSERT_EQUAL(settled(3, epoch), CHORD_OK);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SETTLED], 1);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    end();
}

/* C4 and C10: a departure is changed part by part, the leaver being the source of what it has; one arc at commit.
 * C6: only then it goes. */
static void test_depart(void) {
    begin(3, 2);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 0); /* from the next tick on */
    CU_ASSERT_EQUAL(chord_coordinator_deadline(&coordinator), 0);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    const struct chord_install *leaver = install_of(5);
    const struct chord_install *other = install_of(8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(leaver);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(leaver->source.address.rank, 1);
    CU_ASSERT_EQUAL(other->source.address.rank, 2);
    CU_ASSERT_TRUE(chord_id_equal(leaver->arc_start, id(2)) && chord_id_equal(other->arc_start, id(2)));
    CU_ASSERT_EQUAL(chord_members_get(&leaver->chain, 0).address.rank, 2);
    const uint32_t epoch = coordinator.epoch;
    /* One part is ready, the other is not: no ACTIVATE for either. */
    CU_ASSERT_EQUAL(synced(2, epoch, id(8)), CHORD_OK);
    CU_ASSERT_EQUAL(synced(0, epoch, id(8)), CHORD_OK);
    CU_ASSERT_EQUAL(synced(2, epoch, id(5)), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ACTIVATE, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(synced(0, epoch, id(5)), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ACTIVATE, POST_ANY, POST_ANY), 2);
    const struct chord_message *activate = post_last(&post, CHORD_MESSAGE_ACTIVATE);
    CU_ASSERT_TRUE(chord_id_equal(activate->activate.start, id(2)) && chord_id_equal(activate->activate.end, id(8)));
    CU_ASSERT_PTR_NULL(part_at(5));
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_DROP, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1), 0);
    answer_all(ALL);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    CU_ASSERT_EQUAL(arcs_with_chain(), 2);
    CU_ASSERT_EQUAL(settled(2, epoch), CHORD_OK);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    end();
}

/* A node that leaves before it could say that its last gain is settled won't say so any more. */
static void test_a_leaver_is_not_waited_for(void) {
    begin(3, 2);
    start_join(3);
    answer_all(ALL);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 3), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 2);
    CU_ASSERT_EQUAL(settled(0, coordinator.epoch), CHORD_OK); /* which has taken over what node 3 had */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SETTLED], 1);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    end();
}

/* C3: the excluded incarnation is in no set any more and isn't heard; it is told at the end, and may come back as
 * the next. C4: the source is the next of the chain. */
static void test_exclude(void) {
    begin(3, 2);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 1), CHORD_OK); /* at once, not at a tick */
    const uint32_t epoch = coordinator.epoch;
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 1), 0);
    for (uint32_t i = 0; i < coordinator.parts.count; i++) {
        CU_ASSERT_PTR_NULL(chord_part_holder(&coordinator.parts.items[i], (struct chord_address){.rank = 1}, 1));
    }
    CU_ASSERT_EQUAL(wedged(1, epoch, id(5)), CHORD_STALE);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    CU_ASSERT_EQUAL(synced(1, epoch, id(5)), CHORD_STALE);
    CU_ASSERT_EQUAL(install_of(5)->source.address.rank, 2);
    CU_ASSERT_EQUAL(install_of(2)->source.address.rank, 0);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 1), CHORD_UNDER_WAY);
    incarnations[1] = 2;
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_STALE); /* it can't know yet */
    incarnations[1] = 1;
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, POST_ANY), 0);
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1), 1);
    const struct chord_message *excluded = post_last(&post, CHORD_MESSAGE_EXCLUDED);
    CU_ASSERT_EQUAL(excluded->excluded.incarnation, 1);
    CU_ASSERT_TRUE(excluded->excluded.rejoin);
    CU_ASSERT_NOT_EQUAL(excluded->excluded.contact.address.rank, 1);
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_STALE); /* as the same incarnation: never */
    incarnations[1] = 2;
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    incarnations[1] = 1;
    CU_ASSERT_EQUAL(wedged(1, coordinator.epoch, id(5)), CHORD_STALE); /* delayed words of the old one */
    incarnations[1] = 2;
    answer_all(ALL);
    CU_ASSERT_EQUAL(coordinator.parts.count, 3);
    CU_ASSERT_EQUAL(arcs_with_chain(), 3);
    CU_ASSERT_TRUE(is_complete(5, 1));
    end();
}

/* C5 and C8. Node 1 departs and is suspected; node 2 is then the only complete holder of (2, 5] and is suspected,
 * too: that waits. Node 0's SYNCED of the attempt that was given up arrives while the next one is wedging: it
 * counts, node 0 is complete, and node 2 may go. */
static void test_late_synced(void) {
    begin(3, 2);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    const uint32_t first = coordinator.epoch;
    CU_ASSERT_EQUAL(part_at(5)->installed_epoch, first);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 1), CHORD_OK); /* interrupts, C7 */
    CU_ASSERT_EQUAL(coordinator.epoch, first + 1);
    CU_ASSERT_EQUAL(part_at(5)->phase, CHORD_PART_WEDGING);
    CU_ASSERT_EQUAL(part_at(5)->installed_epoch, first); /* until the next INSTALL */
    CU_ASSERT_TRUE(is_complete(5, 2));
    CU_ASSERT_FALSE(is_complete(5, 0));
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 2), CHORD_OK); /* C8: kept, nothing happens */
    CU_ASSERT_EQUAL(coordinator.epoch, first + 1);
    CU_ASSERT_PTR_NOT_NULL(chord_part_holder(part_at(5), (struct chord_address){.rank = 2}, 1));
    CU_ASSERT_EQUAL(synced(0, first + 1, id(5)), CHORD_STALE); /* not installed */
    CU_ASSERT_EQUAL(synced(0, first, id(5)), CHORD_OK);
    CU_ASSERT_TRUE(is_complete(5, 0));
    /* Node 2 is still the only holder of nothing: (5, 8] is held by 2 and 0. So it went now. */
    CU_ASSERT_EQUAL(coordinator.epoch, first + 2);
    CU_ASSERT_PTR_NULL(chord_part_holder(part_at(5), (struct chord_address){.rank = 2}, 1));
    CU_ASSERT_EQUAL(synced(0, first, id(5)), CHORD_OK); /* said twice: still the newest installed epoch */
    CU_ASSERT_EQUAL(coordinator.epoch, first + 2);
    answer_all(1u << 0);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(last_change.attempt_count, 3);
    CU_ASSERT_EQUAL(coordinator.parts.count, 1);
    CU_ASSERT_TRUE(is_chain(coordinator.parts.items[0].chain, 1, "0"));
    /* The one that was leaving when it was excluded stays a spare; the other is asked to come back. */
    for (uint32_t i = 0; i < post.count; i++) {
        const struct chord_message *message = &post.letters[i].message;
        if (message->type == CHORD_MESSAGE_EXCLUDED) {
            CU_ASSERT_EQUAL(message->excluded.rejoin, message->to.rank == 2);
        }
    }
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, POST_ANY), 2);
    end();
}

/* C8 with k = 1: the only holder is never excluded, whatever comes; a departure of it can be carried out. */
static void test_only_copy(void) {
    begin(3, 1);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 1), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(coordinator.epoch, 1);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator)); /* suspicions kept back don't count */
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    CU_ASSERT_EQUAL(install_of(5)->source.address.rank, 1);
    const uint32_t epoch = coordinator.epoch;
    CU_ASSERT_EQUAL(synced(2, epoch, id(8)), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch);
    CU_ASSERT_EQUAL(synced(2, epoch, id(5)), CHORD_OK); /* now node 2 has it: the change is committed, */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    /* and the node is gone before it could be excluded: the suspicion goes with it, or it could never join again. */
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 1), CHORD_OK);
    end();
}

/* C8: two suspects that are the only complete holders between them: one goes, one stays. */
static void test_both_copies_suspected(void) {
    begin(3, 2);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 1), CHORD_OK);
    const uint32_t epoch = coordinator.epoch;
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 2), CHORD_OK); /* the other holder of (2, 5] */
    CU_ASSERT_EQUAL(coordinator.epoch, epoch);
    answer_all(1u << 0 | 1u << 2);
    /* When node 0 had a copy, node 2 was excluded after all. */
    CU_ASSERT_EQUAL(coordinator.parts.count, 1);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 0), CHORD_OK); /* never the last */
    CU_ASSERT_EQUAL(coordinator.phase, CHORD_COORDINATOR_IDLE);
    CU_ASSERT_TRUE(is_chain(coordinator.parts.items[0].chain, 1, "0"));
    end();
}

/* C7: what is asked for during a change waits for its end; then all of it is one change. */
static void test_commands_wait(void) {
    begin(3, 2);
    start_join(3);
    const uint32_t epoch = coordinator.epoch;
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 4), CHORD_OK);
    CU_ASSERT_EQUAL(ask_to_join(4), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(chord_coordinator_deadline(&coordinator), UINT64_MAX);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch);
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch);
    CU_ASSERT_EQUAL(chord_coordinator_deadline(&coordinator), 0);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch + 1);
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 2);
    CU_ASSERT_EQUAL(last_change.member_count, 2);
    CU_ASSERT_EQUAL(coordinator.parts.count, 4);
    CU_ASSERT_EQUAL(arcs_with_chain(), 4);
    end();
}

/* C2: an interrupted attempt touches whomever it touched; each of them gets a new INSTALL, or it would stay wedged.
 * Here the joiner is excluded again: the chains end up unchanged. */
static void test_restart_installs_all(void) {
    begin(3, 2);
    start_join(3);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    const uint32_t epoch = coordinator.epoch;
    CU_ASSERT_EQUAL(synced(0, epoch, id(2)), CHORD_OK);
    post_clear(&post);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 3), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch + 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 3), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PREPARE, POST_ANY, 0), 3); /* (8,11], (11,2], (5,8] */
    CU_ASSERT_EQUAL(wedged(0, epoch, id(2)), CHORD_STALE); /* of the attempt before */
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    CU_ASSERT_EQUAL(synced(0, epoch, id(2)), CHORD_STALE);
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(last_change.attempt_count, 2);
    CU_ASSERT_EQUAL(coordinator.parts.count, 3); /* C10: the halves are one again */
    CU_ASSERT_EQUAL(arcs_with_chain(), 3);
    CU_ASSERT_TRUE(is_chain(part_at(2)->chain, 2, "01"));
    end();
}

/* C9: the only one left is asked to stay. */
static void test_departures_are_cancelled(void) {
    begin(2, 2);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 0), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_LAST_MEMBER);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_EXCLUDE, 1), CHORD_OK);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CANCELLED], 1);
    CU_ASSERT_EQUAL(last_notice.first.address.rank, 0);
    answer_all(1u << 0);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 1);
    CU_ASSERT_TRUE(is_chain(coordinator.parts.items[0].chain, 1, "0"));
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 0), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_NEIGHBOURS, POST_ANY, 0), 1);
    end();
}

/* C4 in chord_part_source: the first complete one in the order of the last committed chain, then of the new one,
 * then any. */
static void test_source_order(void) {
    struct chord_parts parts;
    struct chord_part *part;
    counting_init(&counting);
    chord_parts_init(&parts, &counting.allocator);
    struct chord_member members[6];
    for (uint32_t i = 0; i < 6; i++) {
        members[i] = (struct chord_member){.address = {.rank = i}, .incarnation = 1};
    }
    CU_ASSERT_EQUAL(chord_parts_add(&parts, id(1), id(9), &part), CHORD_OK);
    CU_ASSERT_EQUAL(chord_part_set_chain(part, &counting.allocator, members, 3), CHORD_OK);
    for (uint32_t i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NOT_NULL(chord_part_add_holder(part, &counting.allocator, &members[i]));
    }
    CU_ASSERT_PTR_NULL(chord_part_source(part));
    CU_ASSERT_FALSE(chord_part_is_synced(part));
    CU_ASSERT_EQUAL(chord_part_commit(part, &counting.allocator), CHORD_OK);
    const struct chord_member next[3] = {members[4], members[2], members[3]};
    CU_ASSERT_EQUAL(chord_part_set_chain(part, &counting.allocator, next, 3), CHORD_OK);
    CU_ASSERT_PTR_NOT_NULL(chord_part_add_holder(part, &counting.allocator, &members[5]));
    chord_part_add_holder(part, &counting.allocator, &members[5])->complete = true;
    chord_part_add_holder(part, &counting.allocator, &members[4])->complete = true;
    CU_ASSERT_EQUAL(part->holder_count, 5);
    CU_ASSERT_EQUAL(chord_part_source(part)->address.rank, 0); /* displaced, but the first of the old chain */
    CU_ASSERT_TRUE(chord_part_survives(part, &members[0]));
    chord_part_exclude(part, &members[0]);
    CU_ASSERT_EQUAL(chord_part_source(part)->address.rank, 1);
    chord_part_exclude(part, &members[1]);
    CU_ASSERT_EQUAL(chord_part_source(part)->address.rank, 2);
    struct chord_member other = members[2];
    other.incarnation = 2;
    chord_part_exclude(part, &other); /* another incarnation of it */
    CU_ASSERT_EQUAL(chord_part_source(part)->address.rank, 2);
    chord_part_exclude(part, &members[2]);
    CU_ASSERT_EQUAL(chord_part_source(part)->address.rank, 4);
    chord_part_exclude(part, &members[4]);
    CU_ASSERT_EQUAL(chord_part_source(part)->address.rank, 5);
    CU_ASSERT_FALSE(chord_part_survives(part, &members[5]));
    CU_ASSERT_TRUE(chord_part_survives(part, &members[4])); /* holds nothing */
    chord_part_exclude(part, &members[5]);
    CU_ASSERT_PTR_NULL(chord_part_source(part));
    chord_parts_clear(&parts);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

/* Cutting without memory changes nothing. */
static void test_cut(void) {
    struct chord_parts parts;
    struct chord_part *part;
    counting_init(&counting);
    chord_parts_init(&parts, &counting.allocator);
    const struct chord_member member = {.id = id(9), .incarnation = 1};
    CU_ASSERT_EQUAL(chord_parts_add(&parts, id(9), id(9), &part), CHORD_OK); /* the whole ring */
    CU_ASSERT_EQUAL(chord_part_set_chain(part, &counting.allocator, &member, 1), CHORD_OK);
    chord_part_add_holder(part, &counting.allocator, &member)->complete = true;
    CU_ASSERT_EQUAL(chord_part_commit(part, &counting.allocator), CHORD_OK);
    bool cut;
    for (uint64_t n = 1; n <= 3; n++) {
        counting.fail_at = counting.calls + n;
        CU_ASSERT_EQUAL(chord_parts_cut(&parts, id(4), &cut), CHORD_NO_MEMORY);
        CU_ASSERT_FALSE(cut);
        CU_ASSERT_EQUAL(parts.count, 1);
    }
    counting.fail_at = 0;
    CU_ASSERT_EQUAL(chord_parts_cut(&parts, id(9), &cut), CHORD_OK);
    CU_ASSERT_FALSE(cut); /* it ends there already */
    CU_ASSERT_EQUAL(chord_parts_cut(&parts, id(4), &cut), CHORD_OK);
    CU_ASSERT_TRUE(cut);
    CU_ASSERT_EQUAL(chord_parts_cut(&parts, id(12), &cut), CHORD_OK);
    CU_ASSERT_EQUAL_FATAL(parts.count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        static const uint64_t starts[] = {12, 4, 9};
        static const uint64_t stops[] = {4, 9, 12};
        CU_ASSERT_TRUE(chord_id_equal(parts.items[i].start, id(starts[i])));
        CU_ASSERT_TRUE(chord_id_equal(parts.items[i].end, id(stops[i])));
        CU_ASSERT_TRUE(parts.items[i].holder_count == 1 && parts.items[i].holders[0].complete);
        CU_ASSERT_EQUAL(parts.items[i].committed_count, 1);
    }
    chord_parts_remove(&parts, &parts.items[1]);
    CU_ASSERT_PTR_NULL(chord_parts_ending_at(&parts, id(9)));
    CU_ASSERT_EQUAL(parts.count, 2);
    chord_parts_clear(&parts);
    CU_ASSERT_EQUAL(counting.blocks_live, 0);
}

int main(void) {
    static const struct unit_test tests[] = {
        {"the first view", test_formation},
        {"commands that are refused", test_refusals},
        {"C2, C4, C6, C10: a join", test_join},
        {"C4, C6, C10: a departure", test_depart},
        {"a leaver is not waited for to settle", test_a_leaver_is_not_waited_for},
        {"C3: an exclusion, and the next incarnation", test_exclude},
        {"C5, C7, C8: a late SYNCED while a later attempt wedges", test_late_synced},
        {"C8: the only copy", test_only_copy},
        {"C8: both copies suspected", test_both_copies_suspected},
        {"C7: commands wait for the end of a change", test_commands_wait},
        {"C2, C10: a restart installs all that were touched", test_restart_installs_all},
        {"C9: departures are cancelled", test_departures_are_cancelled},
        {"C4: the order in which sources are chosen", test_source_order},
        {"C10: cutting a part", test_cut},
    };
    return UNIT_RUN("coordinator", tests);
}
