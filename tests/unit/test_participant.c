/* chord/member/participant: the member's rules of a view change, M1 to M8 of DESIGN section 5, one by one. Parts
 * whose data was lost (C8) are test_participant_lost.c's business. The ring is that of participant_fixture.h. */
#include "tests/unit/participant_fixture.h"

/* M1 and M2: PREPARE of a higher epoch wedges at once, whatever is under way; others are ignored. */
static void test_m2_prepare(void) {
    begin();
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK); /* under way: nothing is drained */
    CU_ASSERT_EQUAL(prepare(0, 1, 15, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_WEDGED, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(prepare(0, 4, 15, 3), CHORD_OK);
    const struct chord_message *wedged = post_last(&post, CHORD_MESSAGE_WEDGED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(wedged);
    CU_ASSERT_EQUAL(wedged->to.rank, COORDINATOR);
    CU_ASSERT_EQUAL(wedged->wedged.epoch, 4);
    CU_ASSERT_EQUAL(wedged->wedged.incarnation, 1);
    CU_ASSERT_TRUE(chord_id_equal(wedged->wedged.end, id(3)));
    CU_ASSERT_TRUE(chord_arc_is_wedged(arc_at(0, 3)));
    CU_ASSERT_EQUAL(arc_at(0, 3)->epoch, 1);
    CU_ASSERT_EQUAL(arc_at(0, 3)->applied, 3);
    const uint64_t sent = post.sent;
    CU_ASSERT_EQUAL(prepare(0, 4, 15, 3), CHORD_STALE); /* the same once more */
    CU_ASSERT_EQUAL(prepare(0, 3, 15, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(0, 3)->promised, 4);
    CU_ASSERT_EQUAL(post.sent, sent);
    /* A node that has nothing of the arc promises, too: it is to be in the chain. */
    CU_ASSERT_EQUAL(prepare(3, 4, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(prepare(3, 4, 15, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(3, 3)->status, CHORD_ARC_OUT);
    end();
}

/* M1, M5 and M6: a wedged member refuses what comes down the chain, takes no acknowledgement, admits nothing. */
static void test_m1_wedged(void) {
    begin();
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK);
    CU_ASSERT_EQUAL(prepare(1, 2, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN, 1), CHORD_STALE);
    const struct chord_message *refusal = post_last(&post, CHORD_MESSAGE_REFUSAL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(refusal);
    CU_ASSERT_EQUAL(refusal->refusal.reason, CHORD_REFUSED_STALE_EPOCH);
    CU_ASSERT_EQUAL(refusal->to.rank, CLIENT);
    CU_ASSERT_EQUAL(arc_at(1, 3)->applied, 2);
    /* An acknowledgement of the old epoch. */
    const uint64_t acknowledged = arc_at(0, 3)->acknowledged;
    CU_ASSERT_EQUAL(prepare(0, 2, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(give(0, (struct chord_message){.type = CHORD_MESSAGE_ACK,
                                                   .from = {.rank = 1},
                                                   .ack = {.arc_end = id(3), .epoch = 1, .counter = 3}}),
                    CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(0, 3)->acknowledged, acknowledged);
    CU_ASSERT_EQUAL(arc_at(0, 3)->log.count, 1); /* so that it can still be undone */
    /* Requests wait: writes and reads. */
    post_clear(&post);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 4, 0, "d", 2), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_QUERY, 5, 0, "a", 1), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(arc_at(0, 3)->applied, 3);
    CU_ASSERT_PTR_NOT_NULL(arc_at(0, 3)->waiting_first);
    end();
}

/* The tail owes acknowledgements: a wedged one sends none. */
static void test_m2_acknowledgements_end(void) {
    begin();
    config.ack_batch_count = 10;
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK);
    deliver_chain();
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[2]), 10);
    CU_ASSERT_EQUAL(prepare(2, 2, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[2]), UINT64_MAX);
    post_clear(&post);
    chord_node_tick(&nodes[2], 1000);
    CU_ASSERT_EQUAL(post.count, 0);
    end();
}

/* M3: an INSTALL below the promise is refused; at or above it the chain is taken. The source in the chain is SYNCED at
 * once, other members SYNCING, those outside keep their data as HOLDERs. */
static void test_m3_install(void) {
    begin();
    /* Epochs begin with 1, also of an arc that nothing is known of (found by tests/fuzz). */
    CU_ASSERT_EQUAL(prepare(3, 0, 15, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(install(3, 0, 15, 3, "123", 0, true), CHORD_UNEXPECTED);
    CU_ASSERT_PTR_NULL(chord_arcs_ending_at(&nodes[3].arcs, id(3)));
    wedge(5);
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(install(n, 4, 15, 3, "123", 0, false), CHORD_STALE);
        CU_ASSERT_TRUE(chord_arc_is_wedged(arc_at(n, 3)));
    }
    CU_ASSERT_EQUAL(post.count, 0);
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(install(n, 5, 15, 3, "123", 1, false), CHORD_OK);
        CU_ASSERT_EQUAL(arc_at(n, 3)->epoch, 5);
        CU_ASSERT_EQUAL(arc_at(n, 3)->promised, 5);
    }
    CU_ASSERT_EQUAL(arc_at(0, 3)->status, CHORD_ARC_HOLDER);
    CU_ASSERT_EQUAL(arc_at(0, 3)->store.count, 2);
    CU_ASSERT_EQUAL(arc_at(1, 3)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(arc_at(2, 3)->status, CHORD_ARC_SYNCING);
    CU_ASSERT_EQUAL(arc_at(2, 3)->store.count, 2); /* until it is replaced */
    CU_ASSERT_EQUAL(arc_at(3, 3)->status, CHORD_ARC_SYNCING);
    CU_ASSERT_TRUE(synced(1, 5));
    CU_ASSERT_FALSE(synced(2, 5));
    CU_ASSERT_FALSE(synced(3, 5));
    CU_ASSERT_EQUAL(install(1, 5, 15, 3, "123", 1, false), CHORD_UNEXPECTED); /* twice */
    deliver_transfers();
    CU_ASSERT_TRUE(synced(2, 5));
    CU_ASSERT_TRUE(synced(3, 5));
    CU_ASSERT_EQUAL(copies(2, 3), copies(1, 3));
    CU_ASSERT_EQUAL(copies(3, 3), copies(1, 3));
    end();
}

/* M3: a displaced holder can be the source: it gives, and says nothing of being SYNCED. */
static void test_m3_displaced_source(void) {
    begin();
    wedge(2);
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(install(n, 2, 15, 3, "123", 0, false), CHORD_OK);
    }
    CU_ASSERT_EQUAL(arc_at(0, 3)->status, CHORD_ARC_HOLDER);
    deliver_transfers();
    CU_ASSERT_FALSE(synced(0, 2));
    for (uint32_t n = 1; n < MEMBERS; n++) {
        CU_ASSERT_TRUE(synced(n, 2));
        CU_ASSERT_EQUAL(copies(n, 3), copies(0, 3));
    }
    end();
}

/* M4: a member that is ahead of the new source undoes what the source lacks, duplicate records included. */
static void test_m4_ahead_of_the_source(void) {
    begin();
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 3, 2, "a", 1), CHORD_OK); /* applied at the head alone */
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 4, 2, "c", 2), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(0, 3)->applied, 4);
    wedge(2);
    post_clear(&post);
    for (uint32_t n = 0; n < 3; n++) {
        CU_ASSERT_EQUAL(install(n, 2, 15, 3, "012", 1, false), CHORD_OK);
    }
    deliver_transfers();
    CU_ASSERT_TRUE(synced(0, 2));
    CU_ASSERT_EQUAL(arc_at(0, 3)->applied, 2);
    CU_ASSERT_EQUAL(copies(0, 3), copies(1, 3));
    CU_ASSERT_EQUAL(chord_duplicates_count(&arc_at(0, 3)->duplicates), 2);
    CU_ASSERT_EQUAL(chord_duplicates_watermark(&nodes[0].arcs.items[0].duplicates, CLIENT), 0); /* M7 */
    end();
}

/* M5: a PULL of an epoch that the source hasn't installed yet is answered when it has. */
static void test_m5_held_pull(void) {
    begin();
    wedge(2);
    CU_ASSERT_EQUAL(install(3, 2, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 1), CHORD_OK);
    CU_ASSERT_EQUAL(post.count, 0); /* held */
    CU_ASSERT_EQUAL(install(1, 2, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PIECE, 1, 3), 1);
    deliver_transfers();
    CU_ASSERT_TRUE(synced(3, 2));
    CU_ASSERT_EQUAL(copies(3, 3), copies(1, 3));
    /* A PREPARE in between discards it (M2, M3): the attempt is over. */
    wedge(3);
    CU_ASSERT_EQUAL(install(3, 3, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 1), CHORD_OK);
    CU_ASSERT_EQUAL(prepare(1, 4, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(install(1, 4, 15, 3, "12", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PIECE, POST_ANY, POST_ANY), 0);
    CU_ASSERT_PTR_NULL(arc_at(1, 3)->outgoing);
    end();
}

/* M2 in the middle of a transfer: what was staged is gone, the old copy is whole, late pieces are refused. */
static void test_m2_interrupts_a_transfer(void) {
    begin();
    wedge(2);
    CU_ASSERT_EQUAL(install(1, 2, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(install(3, 2, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 1), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PIECE, 3), CHORD_OK); /* 64 bytes of it */
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 1), CHORD_OK);
    CU_ASSERT_EQUAL(prepare(3, 3, 15, 3), CHORD_OK);
    CU_ASSERT_PTR_NULL(arc_at(3, 3)->staging);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PIECE, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(arc_at(3, 3)->store.count, 0);
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[3]), UINT64_MAX);
    CU_ASSERT_FALSE(synced(3, 2));
    end();
}

/* M6: after the commit the head admits in the new epoch, what waited first; counting begins anew. Before it,
 * nothing. */
static void test_m6_activate(void) {
    begin();
    for (uint32_t n = 0; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(prepare(n, 2, 15, 3), CHORD_OK);
    }
    post_clear(&post);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK); /* waits at the old head, */
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_ACTIVATE, 2, 15, 3), CHORD_UNEXPECTED); /* not even installed */
    install_departure(3, 1, 1);
    CU_ASSERT_EQUAL(ask(1, CHORD_INSERT, 4, 0, "d", 2), CHORD_OK); /* or at the new one */
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(activate(2, CHORD_MESSAGE_ACTIVATE, 3, 15, 7), CHORD_UNEXPECTED); /* SYNCING */
    deliver_transfers();
    post_clear(&post);
    CU_ASSERT_EQUAL(activate(1, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_STALE);
    CU_ASSERT_EQUAL(activate(1, CHORD_MESSAGE_ACTIVATE, 3, 15, 7), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 1, 2), 1);
    const struct chord_message *chain = post_last(&post, CHORD_MESSAGE_CHAIN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(chain);
    CU_ASSERT_EQUAL(chain->chain.request.seq, 4);
    CU_ASSERT_EQUAL(chain->chain.epoch, 3);
    CU_ASSERT_EQUAL(chain->chain.version.epoch, 3);
    CU_ASSERT_EQUAL(chain->chain.version.counter, 1);
    CU_ASSERT_EQUAL(arc_at(1, 7)->log.start, 0);
    /* M8: DROP discards the old head's arc; its waiting request goes to the new head. */
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_DROP, 2, 15, 3), CHORD_STALE);
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_DROP, 3, 14, 3), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_DROP, 3, 15, 3), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[0].arcs.count, 0);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_REQUEST, 1), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 1, 2), 2);
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_DROP, 3, 15, 3), CHORD_STALE); /* twice */
    end();
}

/* A CHAIN of the new epoch says that the head is ACTIVE, hence the change committed: a SYNCED member commits by it,
 * and the coordinator's own word then changes nothing. A member that isn't SYNCED doesn't. */
static void test_chain_commits(void) {
    begin();
    install_departure(2, 1, 1);
    CU_ASSERT_EQUAL(give(3, (struct chord_message){.type = CHORD_MESSAGE_CHAIN,
                                                   .from = {.rank = 2},
                                                   .chain = {.request = {.kind = CHORD_QUERY,
                                                                         .client_rank = CLIENT,
                                                                         .seq = 9,
                                                                         .key_id = id(1),
                                                                         .key = (const unsigned char *)"a",
                                                                         .key_size = 1},
                                                             .epoch = 2,
                                                             .outcome = CHORD_UNKNOWN}}),
                    CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(arc_at(3, 3)->status, CHORD_ARC_SYNCING);
    deliver_transfers();
    CU_ASSERT_EQUAL(activate(1, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_OK);
    CU_ASSERT_EQUAL(ask(1, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(2, 3)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN, 2), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(2, 7)->status, CHORD_ARC_ACTIVE);
    CU_ASSERT_EQUAL(arc_at(2, 7)->applied, 1);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_CHAIN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 3, CLIENT), 1);
    CU_ASSERT_EQUAL(activate(2, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_OK);
    CU_ASSERT_EQUAL(activate(3, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_OK);
    CU_ASSERT_EQUAL(arc_at(2, 7)->applied, 1); /* counting didn't begin anew */
    CU_ASSERT_EQUAL(copies(2, 7), copies(1, 7));
    CU_ASSERT_EQUAL(copies(3, 7), copies(1, 7));
    end();
}

/* M7: what was answered before the change is known after it, at every member, and the watermark with it. */
static void test_m7_records_move(void) {
    begin();
    CU_ASSERT_EQUAL(ask(0, CHORD_DELETE, 3, 2, "a", 1), CHORD_OK);
    deliver_chain();
    install_departure(2, 0, 1); /* the tail to be has had nothing of it */
    deliver_transfers();
    for (uint32_t n = 1; n < MEMBERS; n++) {
        CU_ASSERT_EQUAL(activate(n, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_OK);
    }
    post_clear(&post);
    CU_ASSERT_EQUAL(ask(1, CHORD_INSERT, 1, 0, "a", 1), CHORD_OK); /* a very late repeat */
    const struct chord_message *refusal = post_last(&post, CHORD_MESSAGE_REFUSAL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(refusal);
    CU_ASSERT_EQUAL(refusal->refusal.reason, CHORD_REFUSED_BELOW_WATERMARK);
    post_clear(&post);
    CU_ASSERT_EQUAL(ask(1, CHORD_DELETE, 3, 2, "a", 1), CHORD_OK); /* a repeat: its first answer */
    deliver_chain();
    const struct chord_message *answer = post_last(&post, CHORD_MESSAGE_ANSWER);
    CU_ASSERT_PTR_NOT_NULL_FATAL(answer);
    CU_ASSERT_EQUAL(answer->from.rank, 3);
    CU_ASSERT_EQUAL(answer->answer.outcome, CHORD_DELETED);
    CU_ASSERT_EQUAL(answer->answer.version.epoch, 1);
    CU_ASSERT_EQUAL(answer->answer.version.counter, 3);
    CU_ASSERT_EQUAL(arc_at(1, 7)->applied, 0);
    end();
}

/* M8: EXCLUDED wipes everything, what is held for others included, and the node asks to join as its next
 * incarnation. An EXCLUDED for an incarnation that it isn't any more is ignored. */
static void test_m8_excluded(void) {
    begin();
    wedge(2);
    CU_ASSERT_EQUAL(install(3, 2, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_PULL, 1), CHORD_OK); /* held */
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 2), CHORD_OK); /* waits at the old head */
    post_clear(&post);
    struct chord_message excluded = {.type = CHORD_MESSAGE_EXCLUDED,
                                     .from = {.rank = COORDINATOR},
                                     .excluded = {.incarnation = 7, .rejoin = true, .contact = member(2)}};
    CU_ASSERT_EQUAL(give(0, excluded), CHORD_STALE);
    CU_ASSERT_EQUAL(nodes[0].arcs.count, 1);
    CU_ASSERT_EQUAL(nodes[1].arcs.count, 2);
    excluded.excluded.incarnation = 1;
    CU_ASSERT_EQUAL(give(0, excluded), CHORD_OK);
    CU_ASSERT_EQUAL(give(1, excluded), CHORD_OK);
    for (uint32_t n = 0; n < 2; n++) {
        CU_ASSERT_EQUAL(nodes[n].arcs.count, 0);
        CU_ASSERT_EQUAL(nodes[n].self.incarnation, 2);
        CU_ASSERT_FALSE(chord_node_is_member(&nodes[n]));
        CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_LOOKUP, n, 2), 1); /* its place */
    }
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REQUEST, 0, 2), 1); /* what waited isn't lost */
    CU_ASSERT_EQUAL(give(0, excluded), CHORD_STALE);
    /* What it held is discarded: late traffic of the old incarnation finds nothing. */
    CU_ASSERT_EQUAL(give(1, (struct chord_message){.type = CHORD_MESSAGE_PULL,
                                                   .from = {.rank = 3},
                                                   .pull = {.epoch = 2, .end = id(3)}}),
                    CHORD_STALE);
    /* FOUND leads to JOIN with the new incarnation. */
    CU_ASSERT_EQUAL(give(0, (struct chord_message){.type = CHORD_MESSAGE_FOUND,
                                                   .from = {.rank = 2},
                                                   .found = {.incarnation = 2,
                                                             .claim = {.owner = member(2), .start = id(0), .epoch = 2},
                                                             .exponent = CHORD_LOOKUP_PLACE,
                                                             .hops = 3}}),
                    CHORD_OK);
    const struct chord_message *join = post_last(&post, CHORD_MESSAGE_JOIN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(join);
    CU_ASSERT_EQUAL(join->to.rank, COORDINATOR);
    CU_ASSERT_EQUAL(join->registration.member.incarnation, 2);
    CU_ASSERT_EQUAL(join->registration.hops, 3);
    /* One that was leaving stays out. */
    excluded.excluded.rejoin = false;
    post_clear(&post);
    CU_ASSERT_EQUAL(give(2, excluded), CHORD_UNEXPECTED); /* its contact can't be itself */
    excluded.excluded.contact = member(3);
    CU_ASSERT_EQUAL(give(2, excluded), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[2].arcs.count, 0);
    CU_ASSERT_EQUAL(post.count, 0);
    end();
}

/* C10 at the members: two parts with sources of their own are transferred each by itself and become one arc at the
 * commit, not before both are SYNCED. */
static void test_c10_merge(void) {
    begin();
    install_departure(2, 0, 2);
    CU_ASSERT_EQUAL(ask(1, CHORD_INSERT, 3, 0, "c", 1), CHORD_OK); /* wait at both parts of the new head */
    CU_ASSERT_EQUAL(ask(1, CHORD_INSERT, 4, 0, "d", 6), CHORD_OK);
    while (!synced(1, 2)) { /* only what goes between nodes 0 and 1: one part */
        CU_ASSERT_EQUAL_FATAL(deliver(CHORD_MESSAGE_PULL, 0), CHORD_OK);
        const uint32_t index = post_find(&post, CHORD_MESSAGE_PIECE, 0, 1);
        if (index != UINT32_MAX) {
            const struct letter letter = post_take(&post, index);
            CU_ASSERT_EQUAL(chord_node_receive(&nodes[1], &letter.message, 0), CHORD_OK);
            free(letter.bytes);
        }
    }
    CU_ASSERT_EQUAL(arc_at(1, 3)->status, CHORD_ARC_SYNCED);
    CU_ASSERT_EQUAL(arc_at(1, 7)->status, CHORD_ARC_SYNCING);
    CU_ASSERT_EQUAL(activate(1, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_UNEXPECTED);
    CU_ASSERT_EQUAL(nodes[1].arcs.count, 2);
    deliver_transfers();
    post_clear(&post);
    CU_ASSERT_EQUAL(activate(1, CHORD_MESSAGE_ACTIVATE, 2, 15, 7), CHORD_OK);
    CU_ASSERT_EQUAL(nodes[1].arcs.count, 1);
    CU_ASSERT_TRUE(chord_id_equal(arc_at(1, 7)->start, id(15)));
    CU_ASSERT_EQUAL(arc_at(1, 7)->applied, 2); /* what waited has gone on */
    CU_ASSERT_EQUAL(arc_at(1, 7)->store.count, 5);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 1, 2), 2);
    deliver_chain(); /* which commits the other members, their two parts, too */
    CU_ASSERT_EQUAL(nodes[3].arcs.count, 1);
    CU_ASSERT_EQUAL(copies(2, 7), copies(1, 7));
    CU_ASSERT_EQUAL(copies(3, 7), copies(1, 7));
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 3, CLIENT), 2);
    end();
}

/* C10: a joiner with the id 1 splits node 0's arc. PREPARE cuts it at every member; the halves commit each by
 * itself, and what waited at node 0 goes on where its key is now. */
static void test_c10_split(void) {
    begin();
    for (uint32_t n = 0; n < 3; n++) {
        CU_ASSERT_EQUAL(prepare(n, 2, 15, 1), CHORD_OK);
        CU_ASSERT_TRUE(chord_arc_is_wedged(arc_at(n, 1)));
        CU_ASSERT_TRUE(chord_arc_is_wedged(arc_at(n, 3))); /* its own PREPARE is on its way */
        CU_ASSERT_EQUAL(prepare(n, 2, 1, 3), CHORD_OK);
        CU_ASSERT_EQUAL(arc_at(n, 1)->store.count, 1); /* "a" with the id 1 */
        CU_ASSERT_EQUAL(arc_at(n, 3)->store.count, 1);
    }
    CU_ASSERT_EQUAL(prepare(JOINER, 2, 15, 1), CHORD_OK);
    CU_ASSERT_EQUAL(prepare(1, 3, 2, 5), CHORD_UNEXPECTED); /* across the arc's end */
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 3, 0, "c", 1), CHORD_OK);
    CU_ASSERT_EQUAL(ask(0, CHORD_INSERT, 4, 0, "d", 3), CHORD_OK);
    for (uint32_t n = 0; n < 3; n++) {
        arc_start = 15;
        CU_ASSERT_EQUAL(install(n, 2, 15, 1, "401", 0, false), CHORD_OK);
        arc_start = 1;
        CU_ASSERT_EQUAL(install(n, 2, 1, 3, "012", 0, false), CHORD_OK);
    }
    arc_start = 15;
    CU_ASSERT_EQUAL(install(JOINER, 2, 15, 1, "401", 0, false), CHORD_OK);
    deliver_transfers();
    post_clear(&post);
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_ACTIVATE, 2, 1, 3), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_CHAIN, 0, 1), 1); /* its own half goes on */
    CU_ASSERT_EQUAL(activate(0, CHORD_MESSAGE_ACTIVATE, 2, 15, 1), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_REQUEST, 0, JOINER), 1);
    CU_ASSERT_EQUAL(activate(2, CHORD_MESSAGE_DROP, 2, 15, 1), CHORD_OK);
    CU_ASSERT_PTR_NULL(arc_at(2, 1));
    CU_ASSERT_PTR_NOT_NULL(arc_at(2, 3));
    CU_ASSERT_EQUAL(activate(JOINER, CHORD_MESSAGE_ACTIVATE, 2, 15, 1), CHORD_OK);
    CU_ASSERT_EQUAL(deliver(CHORD_MESSAGE_REQUEST, JOINER), CHORD_OK);
    deliver_chain();
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 1, CLIENT), 1); /* tail of the joiner's arc */
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_ANSWER, 2, CLIENT), 1);
    CU_ASSERT_EQUAL(copies(JOINER, 1), copies(1, 1));
    CU_ASSERT_EQUAL(copies(0, 3), copies(2, 3));
    CU_ASSERT_EQUAL(arc_at(JOINER, 1)->store.count, 2);
    end();
}

/* A lost piece is asked for again when it is due. */
static void test_lost_piece(void) {
    begin();
    wedge(2);
    CU_ASSERT_EQUAL(install(1, 2, 15, 3, "123", 1, false), CHORD_OK);
    CU_ASSERT_EQUAL(install(3, 2, 15, 3, "123", 1, false), CHORD_OK);
    post_drop(&post, post_find(&post, CHORD_MESSAGE_PULL, 3, 1));
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[3]), 50);
    chord_node_tick(&nodes[3], 49);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PULL, 3, 1), 0);
    chord_node_tick(&nodes[3], 50);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_PULL, 3, 1), 1);
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[3]), 100);
    deliver_transfers();
    CU_ASSERT_TRUE(synced(3, 2));
    CU_ASSERT_EQUAL(chord_node_deadline(&nodes[3]), UINT64_MAX);
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"M1, M5, M6: a wedged arc refuses CHAIN and ACK and admits nothing", test_m1_wedged},
        {"M2: PREPARE, ignored if not higher", test_m2_prepare},
        {"M2: a wedged tail sends no acknowledgement", test_m2_acknowledgements_end},
        {"M2: PREPARE interrupts a transfer", test_m2_interrupts_a_transfer},
        {"M3: INSTALL, refused if older than the promise", test_m3_install},
        {"M3: a displaced holder as the source", test_m3_displaced_source},
        {"M4: a member ahead of the source", test_m4_ahead_of_the_source},
        {"M4: a lost PULL or PIECE is asked for again", test_lost_piece},
        {"M5: a PULL of a newer epoch is held", test_m5_held_pull},
        {"M6, M8: ACTIVATE, DROP, and what has waited", test_m6_activate},
        {"M6: a CHAIN of the new epoch commits a SYNCED member", test_chain_commits},
        {"M7: duplicate records and watermarks move with the arc", test_m7_records_move},
        {"M8: EXCLUDED wipes", test_m8_excluded},
        {"C10: parts with sources of their own become one arc", test_c10_merge},
        {"C10: a joiner splits an arc", test_c10_split},
    };
    return UNIT_RUN("participant", tests);
}
