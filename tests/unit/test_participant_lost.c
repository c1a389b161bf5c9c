/* chord/member/participant: a part whose last complete holder is out begins anew, empty (C8). What becomes of
 * members that have something of it, of requests that wait, and of routing. The ring is that of
 * participant_fixture.h; the part is the arc (15, 3] with the pairs "a" and "b". */
#include "tests/unit/participant_fixture.h"

static enum chord_status install_lost(uint32_t n, uint32_t epoch, const char *chain) {
    return give_install(n, epoch, 15, 3, chain, (uint32_t)(chain[0] - '0'), true, true);
}

static bool is_empty(uint32_t n) {
    struct chord_arc *arc = chord_arcs_ending_at(&nodes[n].arcs, id(3));
    return arc->store.count == 0 && arc->log.count == 0 && arc->applied == 0 && arc->acknowledged == 0 &&
           chord_duplicates_find(&arc->duplicates, CLIENT, 1) == NULL &&
           chord_duplicates_find(&arc->duplicates, CLIENT, 2) == NULL &&
           chord_duplicates_watermark(&arc->duplicates, CLIENT) == 0;
}

/* The last SYNCED of the node, or NULL. */
static const struct chord_synced *last_synced(uint32_t n) {
    for (uint32_t i = post.count; i-- > 0;) {
        const struct chord_message *message = &post.letters[i].message;
        if (message->type == CHORD_MESSAGE_SYNCED && message->from.rank == n) {
            return &message->synced;
        }
    }
    return NULL;
}

/* Older states: at the head, with a write that is in its log alone; in the middle; at the tail. And a node that has
 * nothing. All are the same afterwards, and say so. */
static void test_what_members_have_is_discarded(void) {
    begin();
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(0, 3)->log.count, 1);
    post_clear(&post);
    wedge(4);
    CU_ASSERT_EQUAL(prepare(JOINER, 4, 15, 3), CHORD_OK);
    for (uint32_t n = 0; n < 3; n++) {
        CU_ASSERT_TRUE(arc_at(n, 3)->store.count > 0);
    }
    static const uint32_t chain[] = {0, 2, 1, 4};
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t n = chain[i];
        CU_ASSERT_EQUAL(install_lost(n, 4, "0214"), CHORD_OK);
        CU_ASSERT_TRUE(is_empty(n));
        CU_ASSERT_EQUAL(arc_at(n, 3)->status, CHORD_ARC_SYNCED);
        CU_ASSERT_EQUAL(arc_at(n, 3)->epoch, 4);
        CU_ASSERT_EQUAL(arc_at(n, 3)->base_epoch, 4);
        CU_ASSERT_FALSE(chord_arc_is_wedged(arc_at(n, 3)));
        const struct chord_synced *said = last_synced(n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(said);
        CU_ASSERT_EQUAL(said->epoch, 4);
        CU_ASSERT_EQUAL(said->pair_count, 0);
    }
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PULL, POST_ANY, POST_ANY), 0); /* there is nobody to ask */
    CU_ASSERT_EQUAL(install_lost(0, 4, "0214"), CHORD_UNEXPECTED);                 /* twice */
    CU_ASSERT_EQUAL(install_lost(0, 3, "0214"), CHORD_STALE);
    for (uint32_t i = 4; i-- > 0;) {
        CU_ASSERT_EQUAL(activate(chain[i], CHORD_MESSAGE_ACTIVATE, 4, 15, 3), CHORD_OK);
    }
    /* It serves, from the first write on: what was recorded before is forgotten, too, and is a new write. */
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 1, 0, "a", 1), CHORD_OK);
    deliver_chain();
    const struct chord_message *answer = post_last(&post, CHORD_MESSAGE_ANSWER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    CU_ASSERT_EQUAL(answer->answer.outcome, CHORD_INSERTED);
    CU_ASSERT_EQUAL(answer->answer.version.epoch, 4);
    CU_ASSERT_EQUAL(answer->answer.version.counter, 1);
    for (uint32_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(arc_at(chain[i], 3)->store.count, 1);
        CU_ASSERT_EQUAL(copies(chain[i], 3), copies(0, 3));
    }
    end();
}

/* A member that was getting its copy when the source was lost: what it has staged goes with the attempt, and a piece
 * that comes later changes nothing. */
static void test_an_incomplete_copy_is_discarded(void) {
    begin();
    wedge(4);
    CU_ASSERT_EQUAL(prepare(JOINER, 4, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(install(0, 4, 15, 3, "40", 0, false), CHORD_OK);
    CU_ASSERT_EQUAL(install(JOINER, 4, 15, 3, "40", 0, false), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 0), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PIECE, JOINER), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(JOINER, 3)->status, CHORD_ARC_SYNCING);
    CU_ASSERT_PTR_NOT_NULL(arc_at(JOINER, 3)->staging);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 0), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PIECE, 0, JOINER), 1); /* is on its way */
    CU_ASSERT_EQUAL(prepare(JOINER, 5, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(install_lost(JOINER, 5, "4"), CHORD_OK);
    CU_ASSERT_TRUE(is_empty(JOINER));
    CU_ASSERT_PTR_NULL(arc_at(JOINER, 3)->staging);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PIECE, JOINER), CHORD_STALE);
    CU_ASSERT_EQUAL(activate(JOINER, CHORD_MESSAGE_ACTIVATE, 5, 15, 3), CHORD_OK);
    CU_ASSERT_TRUE(is_empty(JOINER));
    end();
}

/* Whoever isn't in the new chain keeps what it has until it is told to drop it; it is never asked for it. */
static void test_others_are_holders(void) {
    begin();
    wedge(4);
    CU_ASSERT_EQUAL(install_lost(1, 4, "0"), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(1, 3)->status, CHORD_ARC_HOLDER);
    CU_ASSERT_NOT_EQUAL(arc_at(1, 3)->store.count, 0);
    CU_ASSERT_PTR_NULL(last_synced(1));
    CU_ASSERT_EQUAL(activate(1, CHORD_MESSAGE_DROP, 4, 15, 3), CHORD_OK);
    CU_ASSERT_PTR_NULL(arc_at(1, 3));
    CU_ASSERT_EQUAL(install_lost(3, 4, "0"), CHORD_UNEXPECTED); /* it never had anything of it */
    end();
}

/* Requests that wait at the head stay there, and are served by what begins anew. */
static void test_requests_that_wait_stay(void) {
    begin();
    wedge(4);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 4, 0, "a", 1), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REFUSAL, POST_ANY, CLIENT), 0);
    CU_ASSERT_EQUAL(install_lost(0, 4, "0"), CHORD_OK);
    CU_ASSERT_PTR_NOT_NULL(arc_at(0, 3)->waiting_first);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, POST_ANY, CLIENT), 0); /* not ACTIVE yet */
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_ACTIVATE, 4, 15, 3), CHORD_OK);
    CU_ASSERT_PTR_NULL(arc_at(0, 3)->waiting_first);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 0, CLIENT), 2);
    CU_ASSERT_EQUAL(post_last(&post, CHORD_MESSAGE_ANSWER)->answer.outcome, CHORD_ABSENT); /* "a" is lost */
    CU_ASSERT_EQUAL(arc_at(0, 3)->store.count, 1);
    end();
}

static struct chord_commit commit_at(uint32_t n, uint32_t epoch, uint64_t start, uint64_t stop) {
    const struct chord_replica replica = {.environment = &environment, .self = member(n)};
    const struct chord_activate word = {.epoch = epoch, .start = id(start), .end = id(stop)};
    struct chord_commit commit;
    CU_ASSERT_EQUAL(chord_participant_activate(&replica, &nodes[n].arcs, &word, &commit), CHORD_OK);
    return commit;
}

/* (15, 3] is lost and becomes part of node 1's arc, whose own pairs stay. What waits for it at node 1 waits on. The
 * new head has gained (15, 3], which others have to be told; unlike when the ring is formed, and unlike a head that
 * stays head. */
static void test_a_new_head_has_gained(void) {
    begin();
    const uint64_t kept = copies(1, 7);
    for (uint32_t n = 1; n < 3; n++) {
        CU_ASSERT_EQUAL(prepare(n, 4, 15, 3), CHORD_OK);
        CU_ASSERT_EQUAL(prepare(n, 4, 3, 7), CHORD_OK);
    }
    for (uint32_t n = 1; n < 3; n++) {
        CU_ASSERT_EQUAL(install_lost(n, 4, "12"), CHORD_OK);
        CU_ASSERT_EQUAL(install(n, 4, 3, 7, "12", 1, false), CHORD_OK);
    }
    CU_ASSERT_EQUAL(ask(1, CHORD_QUERY, 3, 0, "a", 1), CHORD_OK);
    CU_ASSERT_PTR_NOT_NULL(arc_at(1, 3)->waiting_first);
    deliver_transfers();
    const struct chord_commit other = commit_at(2, 4, 15, 7);
    CU_ASSERT_FALSE(other.owns || other.gained || other.lost);
    const struct chord_commit head = commit_at(1, 4, 15, 7);
    CU_ASSERT_TRUE(head.owns && head.gained);
    CU_ASSERT_TRUE(chord_id_equal(head.gained_end, id(3)));
    CU_ASSERT_FALSE(head.lost);
    CU_ASSERT_EQUAL(copies(1, 7), kept);
    CU_ASSERT_EQUAL(copies(2, 7), kept);
    deliver_chain();
    CU_ASSERT_PTR_NOT_NULL_FATAL(post_last(&post, CHORD_MESSAGE_ANSWER));
    CU_ASSERT_EQUAL(post_last(&post, CHORD_MESSAGE_ANSWER)->answer.outcome, CHORD_ABSENT);
    end();

    begin();
    wedge(4);
    CU_ASSERT_EQUAL(install_lost(0, 4, "0"), CHORD_OK);
    const struct chord_commit same = commit_at(0, 4, 15, 3);
    CU_ASSERT_TRUE(same.owns);
    CU_ASSERT_FALSE(same.gained || same.lost);
    end();

    begin();
    CU_ASSERT_EQUAL(prepare(JOINER, 4, 15, 1), CHORD_OK);
    CU_ASSERT_EQUAL(install(JOINER, 4, 15, 1, "4", 4, true), CHORD_OK); /* as when the ring is formed */
    const struct chord_commit first = commit_at(JOINER, 4, 15, 1);
    CU_ASSERT_TRUE(first.owns);
    CU_ASSERT_FALSE(first.gained);
    end();

    begin();
    CU_ASSERT_EQUAL(prepare(JOINER, 4, 15, 1), CHORD_OK);
    CU_ASSERT_EQUAL(give_install(JOINER, 4, 15, 1, "4", 4, true, true), CHORD_OK);
    CU_ASSERT_TRUE(commit_at(JOINER, 4, 15, 1).gained);
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"C8: what members have of a lost part is discarded", test_what_members_have_is_discarded},
        {"C8: a copy that was under way is discarded", test_an_incomplete_copy_is_discarded},
        {"C8: who isn't in the new chain holds until DROP", test_others_are_holders},
        {"C8: requests that wait stay", test_requests_that_wait_stay},
        {"C8: a new head has gained", test_a_new_head_has_gained},
    };
    return UNIT_RUN("participant_lost", tests);
}
