/* chord/member/coordinator: silent ranks. Who is suspected, excluded and shut, what C8 keeps, who is told what when
 * a rank is heard again. The ring is that of coordinator_fixture.h; the coordinator is on rank 4, a spare, so that
 * every member can be silent. A heartbeat is due every 10 ticks, and T0 is 100. */
#include "tests/unit/coordinator_fixture.h"

#define OWN 4u
#define HEARTBEAT 10u
#define T0 100u

static void with_detector(struct chord_config *adjusted) {
    adjusted->coordinator_rank = OWN;
    adjusted->heartbeat_ticks = HEARTBEAT;
    adjusted->suspicion_ticks = T0;
}

static void with_data_loss(struct chord_config *adjusted) {
    with_detector(adjusted);
    adjusted->allows_data_loss = true;
}

static uint32_t bit(uint32_t rank) {
    return 1u << rank;
}

static void hear(uint32_t rank) {
    CU_ASSERT_EQUAL(chord_coordinator_heard(&coordinator, rank, false, now), CHORD_OK);
}

/* Time passes, and the coordinator judges twice a heartbeat; all but the silent ones are heard. */
static void pass(uint64_t ticks, uint32_t silent) {
    for (const uint64_t until = now + ticks; now < until;) {
        now += until - now < HEARTBEAT / 2 ? until - now : HEARTBEAT / 2;
        for (uint32_t rank = 0; rank < RANKS; rank++) {
            if (!in(silent, rank)) {
                hear(rank);
            }
        }
        CU_ASSERT_EQUAL(chord_coordinator_drained(&coordinator, now), CHORD_OK);
    }
}

/* They are silent for as long as it takes to be suspected, whatever comes of it. */
static void fall_silent(uint32_t silent) {
    pass(T0, silent);
}

/* A ring of `initial` ranks in which nothing has happened yet. */
static void form(uint32_t initial, uint32_t replicas, void (*adjust)(struct chord_config *config)) {
    begin_with(initial, replicas, adjust);
    pass(HEARTBEAT, 0);
    notice_count = 0;
    CU_ASSERT_EQUAL_FATAL(post.count, 0);
}

/* Position of the first notice of a kind about a rank (the suspicion's, the loss's or the shut one), or UINT32_MAX. */
static uint32_t notice_of(enum chord_notice_kind kind, uint32_t rank) {
    for (uint32_t i = 0; i < notice_count; i++) {
        const struct chord_notice *notice = &notice_log[i];
        uint32_t about = notice->rank;
        if (kind == CHORD_NOTICE_SUSPECTED || kind == CHORD_NOTICE_HEARD) {
            about = notice->suspicion.rank;
        } else if (kind == CHORD_NOTICE_LOST) {
            about = notice->loss.holder.address.rank;
        } else if (kind == CHORD_NOTICE_CANCELLED) {
            about = notice->first.address.rank;
        }
        if (notice->kind == kind && about == rank) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* Position of the SHUT or OPEN about a rank that goes to `to`, or UINT32_MAX. There is one at most. */
static uint32_t reach_letter(enum chord_message_type type, uint32_t about, uint32_t to) {
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < post.count; i++) {
        const struct chord_message *message = &post.letters[i].message;
        if (message->type == type && message->reach.rank == about && message->to.rank == to) {
            CU_ASSERT_EQUAL(found, UINT32_MAX);
            found = i;
        }
    }
    return found;
}

/* The ranks that were sent SHUT or OPEN about a rank. */
static uint32_t told_of(enum chord_message_type type, uint32_t about) {
    uint32_t told = 0;
    for (uint32_t to = 0; to < RANKS; to++) {
        told |= reach_letter(type, about, to) != UINT32_MAX ? bit(to) : 0;
    }
    return told;
}

static uint32_t letters_to(uint32_t rank) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < post.count; i++) {
        count += post.letters[i].message.to.rank == rank;
    }
    return count;
}

/* From the first SHUT about it on, nothing is sent to the rank. */
static bool is_left_alone(uint32_t rank) {
    bool is_out = false;
    for (uint32_t i = 0; i < post.count; i++) {
        const struct chord_message *message = &post.letters[i].message;
        is_out |= message->type == CHORD_MESSAGE_SHUT && message->reach.rank == rank;
        if (is_out && message->to.rank == rank) {
            return false;
        }
    }
    return is_out;
}

static enum chord_roster_state state_of(uint32_t rank) {
    return chord_roster_at(&coordinator.roster, (struct chord_address){.rank = rank})->state;
}

static const uint32_t everybody = (1u << RANKS) - 1;

/* --- who is suspected --- */

static void test_nobody_is_suspected_before_the_ring_is_formed(void) {
    begin_with(3, 2, with_detector);
    chord_coordinator_clear(&coordinator);
    CU_ASSERT_EQUAL_FATAL(chord_coordinator_init(&coordinator, &environment), CHORD_OK);
    fall_silent(everybody);
    fall_silent(everybody);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 0);
    CU_ASSERT_EQUAL(chord_coordinator_deadline(&coordinator), UINT64_MAX);
    end();

    form(3, 2, with_detector);
    CU_ASSERT(chord_coordinator_deadline(&coordinator) <= now + HEARTBEAT);
    fall_silent(bit(OWN)); /* never the coordinator's own */
    fall_silent(bit(OWN));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 0);
    end();
}

/* A member: excluded at once, and shut before anything of the change is sent, so that nothing is queued for it. */
static void test_a_silent_member(void) {
    form(3, 2, with_detector);
    const uint64_t heard_ticks = now;
    pass(T0 - 1, bit(1));
    CU_ASSERT_EQUAL(notice_count, 0);
    CU_ASSERT_EQUAL(post.count, 0);
    pass(1, bit(1));
    const uint32_t suspected = notice_of(CHORD_NOTICE_SUSPECTED, 1);
    CU_ASSERT_EQUAL_FATAL(suspected, 0);
    CU_ASSERT_EQUAL(notice_log[suspected].suspicion.heard_ticks, heard_ticks);
    CU_ASSERT_EQUAL(notice_log[suspected].suspicion.judged_ticks, heard_ticks + T0);
    CU_ASSERT_EQUAL(notice_of(CHORD_NOTICE_SHUT, 1), 1);
    CU_ASSERT_EQUAL(notice_count, 2);
    CU_ASSERT_EQUAL(coordinator.epoch, 2);
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_SHUT, 1), everybody & ~bit(1));
    const uint32_t first_prepare = post_find(&post, CHORD_MESSAGE_PREPARE, POST_ANY, POST_ANY);
    CU_ASSERT_NOT_EQUAL_FATAL(first_prepare, UINT32_MAX);
    for (uint32_t to = 0; to < RANKS; to++) {
        CU_ASSERT(to == 1 || reach_letter(CHORD_MESSAGE_SHUT, 1, to) < first_prepare);
    }
    for (uint32_t i = 0; i < coordinator.parts.count; i++) {
        CU_ASSERT_PTR_NULL(chord_part_holder(&coordinator.parts.items[i], (struct chord_address){.rank = 1}, 1));
    }
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    CU_ASSERT_EQUAL(letters_to(1), 0); /* not even that it was excluded */
    CU_ASSERT_EQUAL(settled(2, 2), CHORD_OK);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator)); /* it isn't waited for */
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 1), CHORD_UNREACHABLE);
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 1);
    CU_ASSERT_EQUAL(letters_to(1), 0);
    end();
}

static void test_two_members_at_one_moment(void) {
    form(4, 3, with_detector); /* chains of three: one member of each stays */
    fall_silent(bit(1) | bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 2);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 2);
    CU_ASSERT_TRUE(is_left_alone(1));
    CU_ASSERT_TRUE(is_left_alone(2));
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_SHUT, 1) | bit(2), everybody & ~bit(1));
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_SHUT, 2), everybody & ~(bit(1) | bit(2)));
    answer_all(bit(0) | bit(3));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    CU_ASSERT_TRUE(is_chain(part_at(2)->chain, 2, "03"));
    CU_ASSERT_TRUE(is_chain(part_at(11)->chain, 2, "30"));
    CU_ASSERT_TRUE(is_left_alone(1));
    CU_ASSERT_TRUE(is_left_alone(2));
    end();
}

/* In the middle of a change that another suspicion began: it begins anew, and doesn't wait for the answers of the
 * second. */
static void test_in_the_middle_of_a_change(void) {
    form(4, 3, with_detector);
    fall_silent(bit(1));
    (void)answer_prepares(bit(0) | bit(3));
    const uint32_t epoch = coordinator.epoch;
    fall_silent(bit(1) | bit(2));
    CU_ASSERT_EQUAL(coordinator.epoch, epoch + 1);
    CU_ASSERT_TRUE(is_left_alone(2));
    answer_all(bit(0) | bit(3));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(last_change.attempt_count, 2);
    CU_ASSERT_EQUAL(last_change.member_count, 2);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    end();
}

/* --- outside the ring --- */

static void test_a_silent_spare(void) {
    form(3, 2, with_detector);
    fall_silent(bit(3));
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_SHUT, 3), everybody & ~bit(3));
    CU_ASSERT_EQUAL(post.count, RANKS - 1); /* and nothing else: no view change */
    CU_ASSERT_EQUAL(coordinator.epoch, 1);
    CU_ASSERT_EQUAL(coordinator.phase, CHORD_COORDINATOR_IDLE);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_UNREACHABLE);
    post_clear(&post);
    hear(3);
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_OPEN, 3), everybody);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 3), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 3), 0); /* it never was a member */
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_INVITE, POST_ANY, 3), 1);
    end();
}

/* Spares turn to one member each. Those whose contact is out are told another one, when the change is over; the others
 * aren't troubled. */
static void test_spares_of_a_silent_contact(void) {
    form(3, 2, with_detector);
    uint32_t contacts[RANKS] = {0};
    for (uint32_t spare = 3; spare < RANKS; spare++) {
        const struct chord_address address = {.rank = spare};
        contacts[spare] = chord_roster_at(&coordinator.roster, address)->contact.address.rank;
    }
    CU_ASSERT_NOT_EQUAL_FATAL(contacts[3], contacts[4]);
    const uint32_t silent = contacts[4];
    fall_silent(bit(silent));
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, POST_ANY), 0);
    answer_all(everybody & ~bit(silent));
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 3), 0);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 4), 1);
    const struct chord_message *spare = post_last(&post, CHORD_MESSAGE_SPARE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(spare);
    CU_ASSERT_NOT_EQUAL(spare->spare.contact.address.rank, silent);
    CU_ASSERT_EQUAL(state_of(spare->spare.contact.address.rank), CHORD_ROSTER_MEMBER);
    end();
}

/* Whoever has accepted the command to join it is told that nothing comes of it, and why nothing can. */
static void test_the_join_of_a_silent_spare_is_cancelled(void) {
    form(3, 2, with_detector);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_OK);
    fall_silent(bit(3));
    const uint32_t cancelled = notice_of(CHORD_NOTICE_CANCELLED, 3);
    CU_ASSERT_NOT_EQUAL_FATAL(cancelled, UINT32_MAX);
    CU_ASSERT_EQUAL(notice_log[cancelled].cancelled, CHORD_COMMAND_JOIN);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 1);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_UNREACHABLE);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    hear(3); /* by the JOIN that it had sent */
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_STALE);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.epoch, 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 3), 1); /* "you are not expected" */
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    answer_all(ALL);
    CU_ASSERT_EQUAL(arcs_with_chain(), 4);
    end();

    /* It has found its place, and waits for the end of a change. */
    form(3, 2, with_detector);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 3), CHORD_OK);
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_OK);
    const uint32_t epoch = coordinator.epoch;
    fall_silent(bit(3));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CANCELLED], 1);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch); /* the change goes on: it isn't in it */
    CU_ASSERT_TRUE(is_left_alone(3));
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.phase, CHORD_COORDINATOR_IDLE);
    CU_ASSERT_TRUE(is_left_alone(3));
    end();
}

/* --- heard again --- */

/* Another rank is out at that time, so that the two kinds of words on reach can be told apart. */
static void test_heard_again_when_nothing_is_under_way(void) {
    form(3, 2, with_detector);
    fall_silent(bit(1) | bit(3));
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_TRUE(is_left_alone(1) && is_left_alone(3));
    post_clear(&post);
    hear(1);
    hear(1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_HEARD], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_OPENED], 1);
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_OPEN, 1), everybody & ~bit(3)); /* which is out */
    uint32_t last = 0;
    for (uint32_t other = 0; other < RANKS; other++) {
        if (other != 1) {
            const uint32_t letter =
                reach_letter(other == 3 ? CHORD_MESSAGE_SHUT : CHORD_MESSAGE_OPEN, other, 1);
            CU_ASSERT_NOT_EQUAL_FATAL(letter, UINT32_MAX);
            last = letter > last ? letter : last;
        }
    }
    const uint32_t excluded = post_find(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1);
    CU_ASSERT_NOT_EQUAL_FATAL(excluded, UINT32_MAX);
    CU_ASSERT(excluded > last); /* it must know who can be reached before it turns to anybody */
    CU_ASSERT_EQUAL(post.letters[excluded].message.excluded.incarnation, 1);
    CU_ASSERT_TRUE(post.letters[excluded].message.excluded.rejoin);
    CU_ASSERT_EQUAL(letters_to(1), RANKS + 1); /* the others' reach, and that it is excluded */
    incarnations[1] = 2;
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    answer_all(ALL);
    CU_ASSERT_EQUAL(arcs_with_chain(), 3);
    CU_ASSERT_TRUE(is_complete(5, 1));
    /* Rank 3 comes back, and hears that rank 1 is. */
    CU_ASSERT_EQUAL(letters_to(3), 0);
    hear(3);
    CU_ASSERT_NOT_EQUAL(reach_letter(CHORD_MESSAGE_OPEN, 1, 3), UINT32_MAX);
    end();
}

/* During a change it is opened, but told of its exclusion at the end only: then there is a member to turn to. */
static void test_heard_again_during_the_change(void) {
    form(3, 2, with_detector);
    fall_silent(bit(1));
    post_clear(&post); /* PREPAREs included: the members take their time */
    hear(1);
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_OPEN, 1), everybody);
    CU_ASSERT_EQUAL(letters_to(1), RANKS); /* whom it may speak to */
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, POST_ANY), 0);
    CU_ASSERT_EQUAL(wedged(1, coordinator.epoch, id(5)), CHORD_STALE); /* C3: its incarnation is out all the same */
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_EXCLUDED);
    fall_silent(bit(2)); /* and one more: two members of three, but rank 0 lacks (2, 5] */
    CU_ASSERT_EQUAL(state_of(2), CHORD_ROSTER_MEMBER);
    hear(2);
    for (uint32_t i = 0; i < coordinator.parts.count; i++) {
        const struct chord_part *part = &coordinator.parts.items[i];
        for (uint32_t rank = 0; rank < 3; rank += 2) {
            CU_ASSERT_EQUAL(wedged(rank, coordinator.epoch, part->end), CHORD_OK);
        }
    }
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1), 0);
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_RETURNING);
    end();
}

/* It was told that it is excluded, and was silent before it could come back: perhaps it never heard it. All that it
 * may lack is said again. */
static void test_told_again(void) {
    form(3, 2, with_detector);
    fall_silent(bit(1));
    answer_all(ALL);
    hear(1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1), 1);
    post_clear(&post);
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(told_of(CHORD_MESSAGE_SHUT, 1), everybody & ~bit(1));
    CU_ASSERT_EQUAL(letters_to(1), 0);
    CU_ASSERT_EQUAL(coordinator.phase, CHORD_COORDINATOR_IDLE); /* nothing of it is in the ring */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CANCELLED], 0);
    post_clear(&post);
    hear(1);
    const uint32_t excluded = post_find(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1);
    const uint32_t spare = post_find(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1);
    const uint32_t invite = post_find(&post, CHORD_MESSAGE_INVITE, POST_ANY, 1);
    CU_ASSERT_TRUE_FATAL(excluded != UINT32_MAX && spare != UINT32_MAX && invite != UINT32_MAX);
    CU_ASSERT_TRUE(excluded < spare && spare < invite); /* of the first it makes nothing if it has heard it before */
    CU_ASSERT_EQUAL(post.letters[excluded].message.excluded.incarnation, 1);
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_STALE);
    incarnations[1] = 2;
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_OK);
    /* It has asked, and is silent again before its turn: it isn't given up, it is asked anew. */
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CANCELLED], 0);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_EQUAL(coordinator.phase, CHORD_COORDINATOR_IDLE);
    post_clear(&post);
    hear(1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1), 0); /* it did hear of that */
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_INVITE, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(ask_to_join(1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    answer_all(ALL);
    CU_ASSERT_EQUAL(arcs_with_chain(), 3);
    end();
}

/* --- C8 --- */

static void test_c8_the_only_holder_is_kept(void) {
    form(3, 1, with_detector);
    fall_silent(bit(1));
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 0); /* all that is sent to it is wanted */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 0);
    CU_ASSERT_EQUAL(post.count, 0);
    CU_ASSERT_EQUAL(coordinator.epoch, 1);
    CU_ASSERT_TRUE(chord_coordinator_is_quiet(&coordinator));
    hear(1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_HEARD], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_OPENED], 0);
    CU_ASSERT_EQUAL(post.count, 0); /* it has missed nothing */
    end();
}

/* Rank 1 is out; of (2, 5] rank 2 has the only complete copy, and is silent while rank 0 gets its own. Judged again at
 * SYNCED: then it goes. Heard before that, it stays. */
static void test_c8_judged_again_after_synced(void) {
    for (int is_heard = 0; is_heard < 2; is_heard++) {
        form(3, 2, with_detector);
        fall_silent(bit(1));
        CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
        const uint32_t epoch = coordinator.epoch;
        fall_silent(bit(1) | bit(2));
        CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 2);
        CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 1);
        CU_ASSERT_EQUAL(coordinator.epoch, epoch);
        CU_ASSERT_EQUAL(synced(0, epoch, id(8)), CHORD_OK); /* another part: nothing has changed for (2, 5] */
        CU_ASSERT_EQUAL(coordinator.epoch, epoch);
        CU_ASSERT_EQUAL(state_of(2), CHORD_ROSTER_MEMBER);
        if (is_heard) {
            hear(2);
        }
        CU_ASSERT_EQUAL(synced(0, epoch, id(5)), CHORD_OK);
        if (is_heard) {
            CU_ASSERT_EQUAL(coordinator.epoch, epoch);
            CU_ASSERT_EQUAL(state_of(2), CHORD_ROSTER_MEMBER);
            CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 1);
            answer_all(ALL);
            CU_ASSERT_EQUAL(coordinator.parts.count, 2);
        } else {
            CU_ASSERT_EQUAL(coordinator.epoch, epoch + 1);
            CU_ASSERT_EQUAL(state_of(2), CHORD_ROSTER_EXCLUDED);
            CU_ASSERT_NOT_EQUAL(notice_of(CHORD_NOTICE_SHUT, 2), UINT32_MAX);
            CU_ASSERT_TRUE(is_left_alone(2));
            answer_all(bit(0));
            CU_ASSERT_EQUAL(coordinator.parts.count, 1);
        }
        CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
        CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 0);
        end();
    }
}

/* Data may be lost: the report names the part, and what is installed is empty and lost. The rest goes on as ever. */
static void test_c8_data_may_be_lost(void) {
    form(3, 1, with_data_loss);
    fall_silent(bit(1));
    const uint32_t lost = notice_of(CHORD_NOTICE_LOST, 1);
    CU_ASSERT_NOT_EQUAL_FATAL(lost, UINT32_MAX);
    CU_ASSERT_TRUE(chord_id_equal(notice_log[lost].loss.start, id(2)));
    CU_ASSERT_TRUE(chord_id_equal(notice_log[lost].loss.end, id(5)));
    CU_ASSERT_EQUAL(notice_log[lost].loss.holder.incarnation, 1);
    CU_ASSERT(lost > notice_of(CHORD_NOTICE_SUSPECTED, 1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 1);
    CU_ASSERT_TRUE(answer_prepares(bit(0) | bit(2)) > 0);
    const struct chord_install *begun_anew = install_of(5);
    const struct chord_install *kept = install_of(8);
    CU_ASSERT_TRUE_FATAL(begun_anew != NULL && kept != NULL);
    CU_ASSERT_TRUE(begun_anew->empty && begun_anew->lost);
    CU_ASSERT_EQUAL(begun_anew->chain.count, 1);
    CU_ASSERT_EQUAL(chord_members_get(&begun_anew->chain, 0).address.rank, 2);
    CU_ASSERT_FALSE(kept->empty || kept->lost);
    CU_ASSERT_EQUAL(kept->source.address.rank, 2);
    answer_all(bit(0) | bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 1); /* (5, 8] and (8, 2] are as they were */
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    CU_ASSERT_TRUE(is_complete(8, 2));
    /* The last but one, and then the last: without a node there is no ring, whatever may be lost. */
    fall_silent(bit(1) | bit(0));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 2);
    answer_all(bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 2);
    const uint32_t epoch = coordinator.epoch;
    fall_silent(bit(0) | bit(1) | bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 3);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 2);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 2);
    CU_ASSERT_EQUAL(coordinator.epoch, epoch);
    end();
}

/* With k = 2 and two gone at one moment just the part that lay on these two is lost, once, and it is the second to
 * go that was its last holder. */
static void test_c8_two_at_one_moment_lose_one_part(void) {
    form(3, 2, with_data_loss);
    fall_silent(bit(1) | bit(2)); /* (2, 5] is on 1 and 2; rank 0 has the others */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 1);
    const uint32_t lost = notice_of(CHORD_NOTICE_LOST, 2);
    CU_ASSERT_NOT_EQUAL_FATAL(lost, UINT32_MAX);
    CU_ASSERT_TRUE(chord_id_equal(notice_log[lost].loss.start, id(2)));
    CU_ASSERT_TRUE(chord_id_equal(notice_log[lost].loss.end, id(5)));
    CU_ASSERT_TRUE(answer_prepares(bit(0)) > 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(install_of(5));
    CU_ASSERT_TRUE(install_of(5)->lost);
    CU_ASSERT_FALSE(install_of(8)->lost || install_of(2)->lost);
    answer_all(bit(0));
    CU_ASSERT_EQUAL(coordinator.parts.count, 1);
    end();

    /* Without permission the second is kept. */
    form(3, 2, with_detector);
    fall_silent(bit(1) | bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 2);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 0);
    CU_ASSERT_EQUAL(state_of(2), CHORD_ROSTER_MEMBER);
    end();
}

/* A part that is lost while its empty beginning is being installed isn't lost a second time when its next head goes. */
static void test_c8_what_is_lost_is_lost_once(void) {
    form(4, 1, with_data_loss);
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 1);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    CU_ASSERT_TRUE(install_of(5)->lost);
    fall_silent(bit(1) | bit(2)); /* which was to begin it anew, and holds (5, 8] */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_LOST], 2);
    const uint32_t lost = notice_of(CHORD_NOTICE_LOST, 2);
    CU_ASSERT_NOT_EQUAL_FATAL(lost, UINT32_MAX);
    CU_ASSERT_TRUE(chord_id_equal(notice_log[lost].loss.start, id(5)));
    answer_all(bit(0) | bit(3));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    end();
}

/* --- joining and leaving --- */

static void test_silent_while_joining(void) {
    form(3, 2, with_detector);
    start_join(3);
    (void)answer_prepares(bit(0) | bit(1) | bit(2));
    const uint32_t epoch = coordinator.epoch;
    fall_silent(bit(3));
    CU_ASSERT_EQUAL(coordinator.epoch, epoch + 1);
    CU_ASSERT_TRUE(is_left_alone(3));
    answer_all(bit(0) | bit(1) | bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(arcs_with_chain(), 3);
    CU_ASSERT_EQUAL(coordinator.parts.count, 3);
    post_clear(&post);
    hear(3); /* it may have got an arc, and must come as another incarnation */
    const struct chord_message *excluded = post_last(&post, CHORD_MESSAGE_EXCLUDED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(excluded);
    CU_ASSERT_TRUE(excluded->excluded.rejoin);
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_STALE);
    incarnations[3] = 2;
    CU_ASSERT_EQUAL(ask_to_join(3), CHORD_OK);
    end();
}

/* Its departure is under way and others have its data: it is excluded, and need not come back. */
static void test_silent_while_leaving(void) {
    form(3, 2, with_detector);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_EXCLUDED);
    answer_all(bit(0) | bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CANCELLED], 0);
    CU_ASSERT_TRUE(is_left_alone(1));
    post_clear(&post);
    hear(1);
    const struct chord_message *excluded = post_last(&post, CHORD_MESSAGE_EXCLUDED);
    CU_ASSERT_PTR_NOT_NULL_FATAL(excluded);
    CU_ASSERT_FALSE(excluded->excluded.rejoin);
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_SPARE);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_JOIN, 1), CHORD_OK);
    end();

    /* C8: it alone has its arc, so it is waited for. When the last part is handed over the change is at its end: it
     * is shut as the spare that it is now, and told so when it is heard. */
    form(3, 1, with_detector);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    CU_ASSERT_TRUE(answer_prepares(ALL) > 0);
    fall_silent(bit(1));
    CU_ASSERT_EQUAL(synced(2, coordinator.epoch, id(8)), CHORD_OK);
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_LEAVING);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 0);
    CU_ASSERT_EQUAL(synced(2, coordinator.epoch, id(5)), CHORD_OK);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_SPARE);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SHUT], 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1), 0);
    post_clear(&post);
    hear(1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_SPARE, POST_ANY, 1), 1);
    CU_ASSERT_EQUAL(post_count(&post, CHORD_MESSAGE_EXCLUDED, POST_ANY, 1), 0);
    end();
}

/* C9: the last but the leavers is silent: then they stay. */
static void test_silence_of_the_only_one_that_stays(void) {
    form(3, 2, with_detector);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 0), CHORD_OK);
    CU_ASSERT_EQUAL(command(CHORD_COMMAND_DEPART, 1), CHORD_OK);
    CU_ASSERT_EQUAL(tick(), CHORD_OK);
    fall_silent(bit(2));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CANCELLED], 2);
    CU_ASSERT_EQUAL(notice_log[notice_of(CHORD_NOTICE_CANCELLED, 0)].cancelled, CHORD_COMMAND_DEPART);
    answer_all(bit(0) | bit(1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    CU_ASSERT_EQUAL(coordinator.parts.count, 2);
    CU_ASSERT_TRUE(is_chain(part_at(5)->chain, 2, "10"));
    end();
}

/* The host knows: nobody waits for silence, and what follows is the same. */
static void test_a_rank_that_is_known_to_have_failed(void) {
    form(3, 2, with_detector);
    CU_ASSERT_EQUAL(chord_coordinator_failed(&coordinator, OWN, now), CHORD_OK); /* it speaks: it lives */
    CU_ASSERT_EQUAL(notice_count, 0);
    CU_ASSERT_EQUAL(chord_coordinator_failed(&coordinator, 1, now), CHORD_OK);
    CU_ASSERT_EQUAL(chord_coordinator_failed(&coordinator, 1, now), CHORD_OK); /* told twice */
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 1);
    CU_ASSERT_EQUAL(state_of(1), CHORD_ROSTER_EXCLUDED);
    CU_ASSERT_TRUE(is_left_alone(1));
    answer_all(ALL);
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_CHANGED], 1);
    pass(T0, bit(1));
    CU_ASSERT_EQUAL(notices[CHORD_NOTICE_SUSPECTED], 1); /* once is enough */
    end();
}

int main(void) {
    static const struct unit_test tests[] = {
        {"nobody is suspected before the ring is formed", test_nobody_is_suspected_before_the_ring_is_formed},
        {"a silent member: SUSPECTED, excluded, SHUT before PREPARE", test_a_silent_member},
        {"a rank that is known to have failed", test_a_rank_that_is_known_to_have_failed},
        {"two members at one moment", test_two_members_at_one_moment},
        {"C7: in the middle of a change", test_in_the_middle_of_a_change},
        {"a silent spare", test_a_silent_spare},
        {"spares whose contact is out are told another", test_spares_of_a_silent_contact},
        {"the join of a silent spare is cancelled", test_the_join_of_a_silent_spare_is_cancelled},
        {"heard again: OPEN to all, the whole reach, EXCLUDED", test_heard_again_when_nothing_is_under_way},
        {"heard again during the change: EXCLUDED at its end", test_heard_again_during_the_change},
        {"M8: who may not have heard that it is excluded is told again", test_told_again},
        {"C8: the only holder is kept", test_c8_the_only_holder_is_kept},
        {"C8: judged again after SYNCED, unless heard", test_c8_judged_again_after_synced},
        {"C8: data may be lost", test_c8_data_may_be_lost},
        {"C8: two at one moment lose one part", test_c8_two_at_one_moment_lose_one_part},
        {"C8: what is lost is lost once", test_c8_what_is_lost_is_lost_once},
        {"silent while joining", test_silent_while_joining},
        {"silent while leaving", test_silent_while_leaving},
        {"C9: the only one that stays is silent", test_silence_of_the_only_one_that_stays},
    };
    return UNIT_RUN("coordinator_silence", tests);
}
