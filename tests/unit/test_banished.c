/* Member: a rank that its host keeps out for good (C3 says nothing of coming back) while it is on its way into the ring. It
 * stays outside, whatever of its joining is still under way, and may be asked to join anew. */
#include "tests/unit/ranks_fixture.h"

static enum chord_roster_state state_of(uint32_t rank) {
    return chord_roster_of_rank(&peers[COORDINATOR].coordinator.roster, rank)->state;
}

static uint32_t member_count(void) {
    return peers[COORDINATOR].coordinator.view.member_count;
}

/* Messages of one type to or from one rank. */
static enum chord_message_type held_type;
static uint32_t held_rank;

static bool is_held(const struct chord_message *message) {
    return message->type == held_type && (message->from.rank == held_rank || message->to.rank == held_rank);
}

static void settle(void) {
    run(nothing);
    for (uint32_t round = 0; round < 5; round++) {
        wait_for(500, nothing); /* lookups are repeated, and what was refused is asked again */
    }
}

/* Banished in this state, which it is in while one rank's messages of this type are held back: what was under way makes no
 * member. */
static void banish_while(enum chord_roster_state state, enum chord_message_type type, uint32_t of_rank, uint32_t rank,
                         uint32_t members) {
    held_type = type;
    held_rank = of_rank;
    run(is_held);
    CU_ASSERT_EQUAL(state_of(rank), state);
    chord_peer_banish(&peers[COORDINATOR], rank);
    CU_ASSERT_EQUAL(state_of(rank), CHORD_ROSTER_SPARE);
    settle();
    CU_ASSERT_EQUAL(state_of(rank), CHORD_ROSTER_SPARE);
    CU_ASSERT_EQUAL(member_count(), members);
    CU_ASSERT_EQUAL(owners_of(90), 1);
    expect_value(2, "key", "one");
    command(CHORD_COMMAND_JOIN, rank);
    settle();
    CU_ASSERT_EQUAL(state_of(rank), CHORD_ROSTER_MEMBER);
    CU_ASSERT_EQUAL(member_count(), members + 1);
    expect_value(3, "key", "one");
}

static void begin_with_a_pair(void) {
    begin(2);
    submit_to(1, 1, CHORD_INSERT, "key", "one");
    run(nothing);
    expect_write(1, CHORD_INSERTED, 1);
}

static void test_invited(void) {
    begin_with_a_pair();
    command(CHORD_COMMAND_JOIN, 3);
    banish_while(CHORD_ROSTER_INVITED, CHORD_MESSAGE_JOIN, 3, 3, 3);
    end();
}

/* Out, and not on its way: nothing is taken back, and it may be asked to join all the same. */
static void test_spare(void) {
    begin_with_a_pair();
    banish_while(CHORD_ROSTER_SPARE, CHORD_MESSAGE_JOIN, 3, 3, 3);
    end();
}

/* It waits behind the change of another. */
static void test_waiting(void) {
    begin_with_a_pair();
    held_type = CHORD_MESSAGE_WEDGED;
    held_rank = 0;
    command(CHORD_COMMAND_DEPART, 1);
    run(is_held);
    command(CHORD_COMMAND_JOIN, 3);
    banish_while(CHORD_ROSTER_WAITING, CHORD_MESSAGE_WEDGED, 0, 3, 2);
    end();
}

/* It lives, was taken for dead, and is told so; it begins anew and is about to ask. */
static void test_returning(void) {
    begin_with_a_pair();
    owners_allowed = 2; /* the excluded one doesn't know yet */
    command(CHORD_COMMAND_EXCLUDE, 2);
    banish_while(CHORD_ROSTER_RETURNING, CHORD_MESSAGE_JOIN, 2, 2, 2);
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"while it is a spare", test_spare},
        {"while it looks for its place", test_invited},
        {"while it waits for its turn", test_waiting},
        {"while it comes back", test_returning},
    };
    return UNIT_RUN("banished", tests);
}
