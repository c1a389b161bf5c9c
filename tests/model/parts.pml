/* C10: an arc that a join splits and a departure or an exclusion merges again, each part with its own complete set and
 * source. k = 2. Node 0 joins between p and 1: the arc (p, 1] of chain 1, 2 becomes the parts (p, 0], chain 0, 1, and
 * (0, 1], chain 1, 2.
 *
 * chain.pml has the chain's messages; here a write takes effect in one step at all members, or at the head alone when
 * the next one has promised a newer epoch. Transfers are one piece. */

#ifndef FAILURES
#define FAILURES 1
#endif
#ifndef DEPARTS
#define DEPARTS 1
#endif
#ifndef GOAL
#define GOAL 0
#endif
#define ONE_SOURCE 1        /* both parts take the source of the first one */
#define SPLIT_FORGETS 2     /* only one half inherits the complete set: the other takes its new chain for complete */
#define SMALLER_WATERMARK 3 /* merging keeps the smaller watermark */
#define COMMIT_EARLY 4      /* one part that is SYNCED commits the arc of both */
#ifndef UNSAFE
#define UNSAFE 0
#endif
#define SPLIT_COMMITTED 1
#define MERGED_AGAIN 2
#define MERGE_INTERRUPTS 3   /* the change that splits is turned back before its commit */
#define DIFFERENT_SOURCES 4  /* the two parts of one change have different sources */
#define REACHED(goal) assert(GOAL != goal)

#define BIT(n) (1 << (n))
#define HAS(set, n) (((set) >> (n)) & 1)
#define AT(n, p) ((n) * 2 + (p))
#define LOWEST(set) ((set) & 1 -> 0 : ((set) & 2 -> 1 : 2))
/* Part 0 is (p, 0], part 1 is (0, 1]. The order on the ring from part 1 on is 1, 2, 0. */
#define FIRST(set, p) ((p) == 0 || ((set) & 6) == 0 -> LOWEST(set) : LOWEST((set) & 6))
#define AFTER_FIRST(view, p) ((view) & ~BIT(FIRST(view, p)))
#define CHAIN(view, p) (BIT(FIRST(view, p)) | (AFTER_FIRST(view, p) -> BIT(FIRST(AFTER_FIRST(view, p), p)) : 0))

mtype = { PREPARE, INSTALL, ACTIVATE, DROP, WEDGED, SYNCED_SAID, PULL, PIECE };
#define BOTH 2 /* in place of a part: the whole arc */
chan to_node[3] = [8] of { mtype, byte, byte, byte, byte };   /* epoch, part, chain, source */
chan from_node[3] = [8] of { mtype, byte, byte };             /* epoch, part */
chan peer[9] = [4] of { mtype, byte, byte, int };             /* epoch, part, state */
#define CHANNEL(from, to) peer[(from) * 3 + (to)]

/* --- the nodes: by AT(node, part); a whole arc has the same epoch, promise and status in both --- */
#define OUT 0
#define HOLDER 1
#define SYNCING 2
#define SYNCED 3
#define ACTIVE 4
byte status[6], epoch[6], promised[6], chain[6];
bit has_data[6];
byte value[6];      /* set of the writes that have taken effect */
byte record[6];     /* set of the writes with a duplicate record */
byte watermark[6];
bit is_cut[6];      /* a PREPARE has cut the whole arc, this part's own is on its way: wedged */
bit whole[3];       /* the node holds both parts as one arc: one watermark */

/* --- the coordinator --- */
#define IDLE 0
#define WEDGING 1
#define INSTALLED 2
byte phase[2], installed[2], attempt_chain[2], committed[2], complete[2], synced[2], touched[2], wedged[2];
bit is_split;       /* the coordinator has two parts */
byte attempt = 1, view = 6, excluded;
byte failures_left = FAILURES, departs_left = DEPARTS;
bit joins_left = 1, split_was_committed;

/* --- the client: writes 1 and 2 on a key of part 0, write 3 on one of part 1, one after the other --- */
byte copies[4];
byte answered;      /* set */
byte issued;
bit retries_left = 1;

bit exactly_once = 1, source_has_truth = 1, source_found = 1, one_epoch_active = 1, answer_has_the_write = 1;
#define CHECK(name, condition) name = (condition); assert(name)
#define PART_OF(w) ((w) == 3)
#define WRITES_OF(p) ((p) == 0 -> 6 : 8)
#define is_busy (answered != 14 || copies[1] + copies[2] + copies[3] > 0)

/* --- the coordinator --- */

inline tell(set, message_type, p, c, s) {
    i = 0;
    do
    :: i < 3 && HAS(set, i) -> to_node[i]!message_type, attempt, p, c, s; i++
    :: i < 3 && !HAS(set, i) -> i++
    :: else -> break
    od;
    i = 0
}

/* How a message names what it is about. */
inline name_part(p, by_itself) {
    if
    :: by_itself -> named = p
    :: else -> named = BOTH
    fi
}

inline wedge(p) {
    phase[p] = WEDGING;
    attempt_chain[p] = CHAIN(view, p);
    touched[p] = touched[p] | attempt_chain[p];
    wedged[p] = 0;
    name_part(p, is_split);
    tell(touched[p], PREPARE, named, 0, 0);
    named = 0
}

/* Both parts change whenever the arc is split or merged, and else if their chain does. */
inline begin_attempt() {
    attempt++;
    if
    :: HAS(view, 0) && !is_split -> /* C10: both halves have the whole arc's sets */
        is_split = 1;
        phase[0] = phase[1]; installed[0] = installed[1]; committed[0] = committed[1];
        touched[0] = touched[1]; synced[0] = synced[1]; complete[0] = complete[1];
        if
        :: UNSAFE == SPLIT_FORGETS -> complete[0] = CHAIN(view, 0)
        :: else -> skip
        fi;
        wedge(0); wedge(1)
    :: is_split && !HAS(view, 0) -> /* to be merged at commit */
        wedge(0); wedge(1)
    :: HAS(view, 0) && is_split ->
        if
        :: phase[0] != IDLE || CHAIN(view, 0) != committed[0] -> wedge(0)
        :: else -> skip
        fi;
        if
        :: phase[1] != IDLE || CHAIN(view, 1) != committed[1] -> wedge(1)
        :: else -> skip
        fi
    :: else -> wedge(1)
    fi
}

inline install(p) {
    source = FIRST((complete[p] & committed[p] -> complete[p] & committed[p] : complete[p]), p);
    if
    :: UNSAFE == ONE_SOURCE && p == 1 && is_split && complete[0] -> source = FIRST(complete[0], 0)
    :: else -> skip
    fi;
    CHECK(source_found, has_data[AT(source, p)]);
    CHECK(source_has_truth, (answered & WRITES_OF(p) & ~value[AT(source, p)]) == 0 &&
          (is_split || (answered & 6 & ~value[AT(source, 0)]) == 0));
    if
    :: is_split && phase[1 - p] == INSTALLED && complete[0] != complete[1] -> REACHED(DIFFERENT_SOURCES)
    :: else -> skip
    fi;
    phase[p] = INSTALLED; installed[p] = attempt; synced[p] = 0;
    name_part(p, is_split);
    tell(touched[p], INSTALL, named, attempt_chain[p], source);
    named = 0;
    source = 0
}

inline commit_part(p, both) {
    complete[p] = attempt_chain[p]; committed[p] = attempt_chain[p];
    name_part(p, !both);
    activated = named;
    name_part(p, is_split);
    dropped = named;
    named = 0;
    do
    :: i < 3 && HAS(attempt_chain[p], i) && (p == 1 || !both) -> to_node[i]!ACTIVATE, installed[p], activated, 0, 0; i++
    :: i < 3 && HAS(touched[p] & ~attempt_chain[p], i) -> to_node[i]!DROP, installed[p], dropped, 0, 0; i++
    :: i < 3 && !HAS(touched[p] & ~attempt_chain[p], i) && !(HAS(attempt_chain[p], i) && (p == 1 || !both)) -> i++
    :: else -> break
    od;
    i = 0; activated = 0; dropped = 0;
    touched[p] = attempt_chain[p]; synced[p] = 0; wedged[p] = 0; attempt_chain[p] = 0; phase[p] = IDLE
}

#define PART_READY(p) (phase[p] == INSTALLED && (attempt_chain[p] & ~synced[p]) == 0)

inline take_report(n) {
    if
    :: HAS(excluded, n) -> skip
    :: !HAS(excluded, n) && message == WEDGED && phase[part] == WEDGING && for_epoch == attempt &&
       HAS(touched[part], n) ->
        wedged[part] = wedged[part] | BIT(n);
        if
        :: wedged[part] == touched[part] -> install(part)
        :: else -> skip
        fi
    :: !HAS(excluded, n) && message == SYNCED_SAID && phase[part] != IDLE && for_epoch == installed[part] &&
       HAS(touched[part], n) ->
        complete[part] = complete[part] | BIT(n);
        synced[part] = synced[part] | BIT(n);
        if
        :: PART_READY(part) && HAS(view, 0) ->
            commit_part(part, 0);
            split_was_committed = split_was_committed || (phase[0] == IDLE && phase[1] == IDLE)
        :: PART_READY(part) && !HAS(view, 0) && !is_split -> commit_part(1, 1)
        :: !HAS(view, 0) && is_split && ((PART_READY(0) && PART_READY(1)) ||
                                         (UNSAFE == COMMIT_EARLY && PART_READY(part))) ->
            if
            :: split_was_committed -> REACHED(MERGED_AGAIN)
            :: else -> REACHED(MERGE_INTERRUPTS)
            fi;
            commit_part(0, 1);
            commit_part(1, 1);
            is_split = 0;
            complete[0] = 0; committed[0] = 0; touched[0] = 0; installed[0] = 0
        :: else -> skip
        fi;
        if
        :: split_was_committed -> REACHED(SPLIT_COMMITTED)
        :: else -> skip
        fi
    :: else -> skip
    fi;
    message = 0; for_epoch = 0; part = 0
}

/* C3, C8 for each part. */
#define SURVIVES(p, n) ((p) == 0 && !is_split || (complete[p] & ~BIT(n)) != 0)
#define MAY_EXCLUDE(n) (failures_left > 0 && is_busy && HAS(view, n) && !HAS(excluded, n) && \
                        SURVIVES(0, n) && SURVIVES(1, n))
inline forget(p, n) {
    complete[p] = complete[p] & ~BIT(n); synced[p] = synced[p] & ~BIT(n); touched[p] = touched[p] & ~BIT(n)
}
inline exclude(n) {
    failures_left--;
    excluded = excluded | BIT(n);
    view = view & ~BIT(n);
    forget(0, n); forget(1, n);
    begin_attempt()
}

#define QUIET (phase[0] == IDLE && phase[1] == IDLE)

proctype coordinator() {
    byte i, named, activated, dropped, source, for_epoch, part;
    mtype message;
    do
    :: d_step { from_node[0]?message, for_epoch, part -> take_report(0) }
    :: d_step { from_node[1]?message, for_epoch, part -> take_report(1) }
    :: d_step { from_node[2]?message, for_epoch, part -> take_report(2) }
    :: d_step { QUIET && joins_left && is_busy -> joins_left = 0; view = view | 1; begin_attempt() }
    :: d_step { QUIET && departs_left > 0 && HAS(view, 0) && (view & 6) && is_busy ->
        departs_left--; view = view & ~1; begin_attempt() }
    :: d_step { MAY_EXCLUDE(0) && (view & 6) -> exclude(0) }
    :: d_step { MAY_EXCLUDE(1) && (view & ~2) -> exclude(1) }
    :: d_step { MAY_EXCLUDE(2) && (view & ~4) -> exclude(2) }
    :: QUIET && !is_busy && empty(from_node[0]) && empty(from_node[1]) && empty(from_node[2]) && empty(to_node[0]) &&
       empty(to_node[1]) && empty(to_node[2]) -> break
    od
}

/* --- the nodes --- */

#define PACK(n, p) (has_data[AT(n, p)] | (value[AT(n, p)] << 1) | (record[AT(n, p)] << 5) | (watermark[AT(n, p)] << 9))
#define IS_WEDGED(n, p) (promised[AT(n, p)] > epoch[AT(n, p)] || is_cut[AT(n, p)])

inline clear_part(n, p) {
    status[AT(n, p)] = OUT; epoch[AT(n, p)] = 0; promised[AT(n, p)] = 0; chain[AT(n, p)] = 0;
    is_cut[AT(n, p)] = 0; has_data[AT(n, p)] = 0; value[AT(n, p)] = 0; record[AT(n, p)] = 0; watermark[AT(n, p)] = 0
}

/* The larger watermark of both parts counts (M7). */
#define LARGER(a, b) ((a) > (b) -> (a) : (b))
#define SMALLER(a, b) ((a) < (b) -> (a) : (b))
inline merge(n) {
    watermark[AT(n, 1)] = (UNSAFE == SMALLER_WATERMARK -> SMALLER(watermark[AT(n, 0)], watermark[AT(n, 1)])
                                                       : LARGER(watermark[AT(n, 0)], watermark[AT(n, 1)]));
    watermark[AT(n, 0)] = watermark[AT(n, 1)];
    whole[n] = 1
}


#define TAKES(q) (part == BOTH || part == (q))

inline prepare(n, q) {
    if
    :: TAKES(q) -> promised[AT(n, q)] = for_epoch; is_cut[AT(n, q)] = 0
    :: !TAKES(q) && whole[n] && status[AT(n, q)] != OUT -> is_cut[AT(n, q)] = 1
    :: else -> skip
    fi
}

inline set_installed(n, q) {
    if
    :: TAKES(q) ->
        epoch[AT(n, q)] = for_epoch; promised[AT(n, q)] = for_epoch; chain[AT(n, q)] = new_chain; is_cut[AT(n, q)] = 0;
        status[AT(n, q)] = (!HAS(new_chain, n) -> HOLDER : (new_source == n -> SYNCED : SYNCING))
    :: else -> skip
    fi
}

#define ALONE(m, n, q) (HAS(excluded, m) || HAS(excluded, n) || status[AT(m, q)] != ACTIVE || IS_WEDGED(m, q) || \
                        epoch[AT(m, q)] == epoch[AT(n, q)])

inline activate(n, q) {
    if
    :: TAKES(q) && status[AT(n, q)] == SYNCED && epoch[AT(n, q)] == for_epoch && !IS_WEDGED(n, q) ->
        status[AT(n, q)] = ACTIVE;
        CHECK(one_epoch_active, ALONE(0, n, q) && ALONE(1, n, q) && ALONE(2, n, q))
    :: else -> skip
    fi
}
#define FIRST_PART (part == BOTH -> 1 : part) /* of a message; a whole arc has one epoch */

inline take_from_coordinator(n) {
    if
    :: message == PREPARE && for_epoch > promised[AT(n, FIRST_PART)] ->
        prepare(n, 0); prepare(n, 1);
        whole[n] = (part == BOTH);
        from_node[n]!WEDGED, for_epoch, FIRST_PART
    :: message == INSTALL && for_epoch >= promised[AT(n, FIRST_PART)] ->
        set_installed(n, 0); set_installed(n, 1);
        if
        :: HAS(new_chain, n) && new_source == n -> from_node[n]!SYNCED_SAID, for_epoch, FIRST_PART
        :: HAS(new_chain, n) && new_source != n -> CHANNEL(n, new_source)!PULL, for_epoch, part, 0
        :: else -> skip
        fi
    :: message == ACTIVATE && for_epoch >= promised[AT(n, FIRST_PART)] ->
        activate(n, 0); activate(n, 1);
        if
        :: part == BOTH -> merge(n)
        :: else -> skip
        fi
    :: message == DROP && for_epoch >= promised[AT(n, FIRST_PART)] ->
        if
        :: TAKES(0) -> clear_part(n, 0)
        :: else -> skip
        fi;
        if
        :: TAKES(1) -> clear_part(n, 1)
        :: else -> skip
        fi
    :: else -> skip
    fi;
    message = 0; for_epoch = 0; part = 0; new_chain = 0; new_source = 0
}

inline unpack(n, q, d) {
    if
    :: TAKES(q) ->
        has_data[AT(n, q)] = (d) & 1; value[AT(n, q)] = ((d) >> 1) & 15; record[AT(n, q)] = ((d) >> 5) & 15;
        watermark[AT(n, q)] = ((d) >> 9) & 3;
        status[AT(n, q)] = SYNCED
    :: else -> skip
    fi
}

inline take_from_peer(n, from) {
    if
    :: message == PULL && for_epoch == epoch[AT(n, FIRST_PART)] && !IS_WEDGED(n, FIRST_PART) &&
       has_data[AT(n, FIRST_PART)] &&
       (status[AT(n, FIRST_PART)] == SYNCED || status[AT(n, FIRST_PART)] == HOLDER) ->
        CHANNEL(n, from)!PIECE, for_epoch, part, PACK(n, 0) | (PACK(n, 1) << 11)
    :: message == PIECE && for_epoch == epoch[AT(n, FIRST_PART)] && !IS_WEDGED(n, FIRST_PART) &&
       status[AT(n, FIRST_PART)] == SYNCING ->
        unpack(n, 0, (data & 2047)); unpack(n, 1, (data >> 11));
        from_node[n]!SYNCED_SAID, for_epoch, FIRST_PART
    :: else -> skip
    fi;
    message = 0; for_epoch = 0; part = 0; data = 0
}

/* M5: a PULL of an epoch that isn't installed yet waits. */
#define HELD_OF(from, n, p, q) (CHANNEL(from, n)?[PULL, eval(promised[AT(n, q)]), p, _] && \
                                promised[AT(n, q)] > epoch[AT(n, q)])
#define IS_READY(from, n) (nempty(CHANNEL(from, n)) && !HELD_OF(from, n, 0, 0) && !HELD_OF(from, n, 1, 1) && \
                           !HELD_OF(from, n, BOTH, 1))

/* --- writes --- */
#define MEMBER_SERVES(m, n, p) (!HAS(chain[AT(n, p)], m) || (epoch[AT(m, p)] == epoch[AT(n, p)] && \
                                status[AT(m, p)] >= SYNCED && !IS_WEDGED(m, p)))
#define ALL_SERVE(n, p) (MEMBER_SERVES(0, n, p) && MEMBER_SERVES(1, n, p) && MEMBER_SERVES(2, n, p))
#define ADMITS(n, p) (status[AT(n, p)] == ACTIVE && !IS_WEDGED(n, p) && FIRST(chain[AT(n, p)], p) == n)

inline apply(m, p, w) {
    if
    :: HAS(record[AT(m, p)], w) -> skip
    :: else ->
        CHECK(exactly_once, !HAS(value[AT(m, p)], w));
        value[AT(m, p)] = value[AT(m, p)] | BIT(w);
        watermark[AT(m, p)] = LARGER(watermark[AT(m, p)], w);
        record[AT(m, p)] = (record[AT(m, p)] | BIT(w)) & ~(BIT(w) - 1);
        if
        :: whole[m] ->
            watermark[AT(m, 1 - p)] = watermark[AT(m, p)];
            record[AT(m, 1 - p)] = record[AT(m, 1 - p)] & ~(BIT(w) - 1)
        :: else -> skip
        fi
    fi
}

inline apply_if_member(m, n, p, w) {
    if
    :: HAS(chain[AT(n, p)], m) -> apply(m, p, w); CHECK(answer_has_the_write, HAS(value[AT(m, p)], w))
    :: else -> skip
    fi
}

inline admit(n, w) {
    if
    :: w < watermark[AT(n, PART_OF(w))] -> copies[w]--
    :: w >= watermark[AT(n, PART_OF(w))] && ALL_SERVE(n, PART_OF(w)) ->
        copies[w]--;
        apply_if_member(0, n, PART_OF(w), w);
        apply_if_member(1, n, PART_OF(w), w);
        apply_if_member(2, n, PART_OF(w), w);
        answered = answered | BIT(w)
    :: else -> apply(n, PART_OF(w), w) /* refused behind the head: the client asks again */
    fi
}

proctype replica(byte n) {
    byte for_epoch, part, new_chain, new_source;
    mtype message;
    int data;
end:
    do
    :: d_step { to_node[n]?message, for_epoch, part, new_chain, new_source -> take_from_coordinator(n) }
    :: d_step { IS_READY(0, n) -> CHANNEL(0, n)?message, for_epoch, part, data; take_from_peer(n, 0) }
    :: d_step { IS_READY(1, n) -> CHANNEL(1, n)?message, for_epoch, part, data; take_from_peer(n, 1) }
    :: d_step { IS_READY(2, n) -> CHANNEL(2, n)?message, for_epoch, part, data; take_from_peer(n, 2) }
    :: d_step { copies[1] > 0 && ADMITS(n, 0) -> admit(n, 1) }
    :: d_step { copies[2] > 0 && ADMITS(n, 0) -> admit(n, 2) }
    :: d_step { copies[3] > 0 && ADMITS(n, 1) -> admit(n, 3) }
    od
}

#define MAY_ISSUE(w) (!HAS(issued, w) && ((w) == 1 || HAS(answered, (w) - 1)))

proctype client() {
    do
    :: d_step { MAY_ISSUE(1) -> issued = issued | 2; copies[1] = 1 }
    :: d_step { MAY_ISSUE(2) -> issued = issued | 4; copies[2] = 1 }
    :: d_step { MAY_ISSUE(3) -> issued = issued | 8; copies[3] = 1 }
    :: d_step { retries_left && HAS(issued, 1) && !HAS(answered, 1) -> retries_left = 0; copies[1]++ }
    :: answered == 14 -> break
    od
}

init {
    d_step {
        committed[1] = 6; complete[1] = 6; touched[1] = 6; installed[1] = 1;
        status[AT(1, 0)] = ACTIVE; status[AT(1, 1)] = ACTIVE; status[AT(2, 0)] = ACTIVE; status[AT(2, 1)] = ACTIVE;
        epoch[AT(1, 0)] = 1; epoch[AT(1, 1)] = 1; epoch[AT(2, 0)] = 1; epoch[AT(2, 1)] = 1;
        promised[AT(1, 0)] = 1; promised[AT(1, 1)] = 1; promised[AT(2, 0)] = 1; promised[AT(2, 1)] = 1;
        chain[AT(1, 0)] = 6; chain[AT(1, 1)] = 6; chain[AT(2, 0)] = 6; chain[AT(2, 1)] = 6;
        has_data[AT(1, 0)] = 1; has_data[AT(1, 1)] = 1; has_data[AT(2, 0)] = 1; has_data[AT(2, 1)] = 1;
        whole[0] = 1; whole[1] = 1; whole[2] = 1
    }
    atomic { run coordinator(); run replica(0); run replica(1); run replica(2); run client() }
}
