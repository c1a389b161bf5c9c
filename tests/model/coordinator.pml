/* The coordinator: rules C1 to C9 for one arc. */

/* Incarnations above 1, for the sanity check alone. */
#if NODES == 4
#define known_again ((known[0] > 1) | ((known[1] > 1) << 1) | ((known[2] > 1) << 2) | ((known[3] > 1) << 3))
#define NO_REPORTS (empty(from_node[0]) && empty(from_node[1]) && empty(from_node[2]) && empty(from_node[3]) && \
                    empty(to_node[0]) && empty(to_node[1]) && empty(to_node[2]) && empty(to_node[3]))
#define NO_CRASHED ((!crashed[0] || HAS(excluded, 0)) && \
                    (!crashed[1] || HAS(excluded, 1)) && (!crashed[2] || HAS(excluded, 2)) && \
                    (!crashed[3] || HAS(excluded, 3)))
#else
#define known_again ((known[0] > 1) | ((known[1] > 1) << 1) | ((known[2] > 1) << 2))
#define NO_REPORTS (empty(from_node[0]) && empty(from_node[1]) && empty(from_node[2]) && \
                    empty(to_node[0]) && empty(to_node[1]) && empty(to_node[2]))
#define NO_CRASHED ((!crashed[0] || HAS(excluded, 0)) && (!crashed[1] || HAS(excluded, 1)) && \
                    (!crashed[2] || HAS(excluded, 2)))
#endif

/* A message to every node of a set. */
inline tell(set, message, e, c, s) {
    i = 0;
    do
    :: i < NODES && HAS(set, i) -> to_node[i]!message, e, c, s; i++
    :: i < NODES && !HAS(set, i) -> i++
    :: else -> break
    od;
    i = 0
}

/* C2: unless the arc's chain stays what it is, all touched nodes are to promise a higher epoch. */
inline begin_attempt() {
    attempt++;
    if
    :: view == 0 -> view = leaving; leaving = 0 /* C9 */
    :: else -> skip
    fi;
    if
    :: phase == IDLE && FIRST_REPLICAS(view) == committed -> leaving = 0
    :: else ->
        phase = WEDGING;
        attempt_chain = FIRST_REPLICAS(view);
        touched = touched | attempt_chain;
        wedged = 0;
        tell(touched, PREPARE, attempt, 0, 0)
    fi
}

#define CHOOSE_SOURCE(set) LOWEST(set) /* chain order is the order of the nodes */

/* C4 */
inline install() {
    if
    :: complete & committed -> source = CHOOSE_SOURCE(complete & committed)
    :: !(complete & committed) && (complete & attempt_chain) -> source = CHOOSE_SOURCE(complete & attempt_chain)
    :: else -> source = CHOOSE_SOURCE(complete)
    fi;
    check_source(source);
    if
    :: !HAS(attempt_chain, source) -> REACHED(SOURCE_NOT_IN_CHAIN)
    :: else -> skip
    fi;
    phase = INSTALLED;
    installed = attempt;
    synced = 0;
    if
    :: UNSAFE == COMPLETE_CUT_TO_CHAIN -> complete = attempt_chain
    :: UNSAFE == COMPLETE_CUT_TO_SOURCE -> complete = BIT(source)
    :: else -> skip
    fi;
    tell(touched, INSTALL, attempt, attempt_chain, source);
    source = 0
}

/* C6 */
inline commit() {
    CHECK(chain_agrees, ALL_AGREE);
    complete = attempt_chain;
    committed = attempt_chain;
    tell(attempt_chain, ACTIVATE, installed, 0, 0);
    tell(touched & ~attempt_chain, DROP, installed, 0, 0);
    touched = attempt_chain;
    synced = 0;
    wedged = 0;
    attempt_chain = 0;
    leaving = 0;
    phase = IDLE
}

#define COUNTS(n, of) (UNSAFE == COMPLETE_BY_RANK || (!HAS(excluded, n) && known[n] == (of)))

/* WEDGED, SYNCED and JOIN; those of an incarnation that is out, or was, count for nothing (C3). */
inline take_report(n) {
    if
    :: message == JOIN ->
        known[n] = from_incarnation;
        excluded = excluded & ~BIT(n);
        waiting = waiting | BIT(n)
    :: message == WEDGED && COUNTS(n, from_incarnation) && phase == WEDGING && from_epoch == attempt &&
       HAS(touched, n) ->
        wedged = wedged | BIT(n);
        if
        :: wedged == touched -> install()
        :: else -> skip
        fi
    :: message == SYNCED_SAID && COUNTS(n, from_incarnation) && phase != IDLE && from_epoch == installed &&
       (HAS(touched, n) || UNSAFE == COMPLETE_BY_RANK) ->
        complete = complete | BIT(n); /* C5 */
        synced = synced | BIT(n);
        if
        :: phase == WEDGING -> REACHED(SYNCED_WHILE_WEDGING)
        :: phase == INSTALLED && (attempt_chain & ~synced) == 0 ->
            if
            :: (attempt_chain & known_again) != 0 -> REACHED(REJOINED)
            :: else -> skip
            fi;
            commit()
        :: else -> skip
        fi
    :: else -> skip
    fi;
    message = 0; from_epoch = 0; from_incarnation = 0
}

#define IS_IN_RING(n) HAS(view | leaving, n)
#define OTHERS_IN_RING(n) ((view | leaving) & ~BIT(n))
/* C8 */
#define IS_LAST_COPY(n) (complete == BIT(n))
#define MAY_SUSPECT(n) (IS_IN_RING(n) && OTHERS_IN_RING(n) && (crashed[n] || (failures_left > 0 && is_busy)))

/* C3, then C2. A restart may take waiting joins along (C7), or leave them for later. */
inline exclude(n) {
    if
    :: phase != IDLE -> REACHED(SECOND_EXCLUSION)
    :: else -> skip
    fi;
    if
    :: crashed[n] -> REACHED(CRASHED_EXCLUDED)
    :: else -> failures_left--
    fi;
    excluded = excluded | BIT(n);
    view = view & ~BIT(n);
    leaving = leaving & ~BIT(n);
    if
    :: UNSAFE != COMPLETE_BY_RANK -> complete = complete & ~BIT(n)
    :: else -> skip
    fi;
    synced = synced & ~BIT(n);
    touched = touched & ~BIT(n);
    CHECK(complete_not_empty, complete != 0);
    to_node[n]!EXCLUDED, 0, 0, 0
}

inline take_joins() {
    view = view | waiting;
    waiting = 0
}

#define CAN_LEAVE(n) (HAS(view, n) && (view & ~BIT(n)) != 0)

/* Changes that begin when no operation is left to be harmed are of no interest. */
#define is_busy (answered[1] == 0 || (WRITES == 2 && answered[2] == 0) || reads_left > 0 || read_under_way || \
                 copies[1] + copies[2] > 0)

/* The coordinator ends when it is idle and nothing is left to be done: else waiting forever is an error. */
proctype coordinator() {
    byte i, source, from_epoch, from_incarnation;
    mtype message;
    do
    :: d_step { from_node[0]?message, from_epoch, from_incarnation -> take_report(0) }
    :: d_step { from_node[1]?message, from_epoch, from_incarnation -> take_report(1) }
    :: d_step { from_node[2]?message, from_epoch, from_incarnation -> take_report(2) }
    :: d_step { MAY_SUSPECT(0) && !IS_LAST_COPY(0) -> exclude(0); begin_attempt() }
    :: d_step { MAY_SUSPECT(1) && !IS_LAST_COPY(1) -> exclude(1); begin_attempt() }
    :: d_step { MAY_SUSPECT(2) && !IS_LAST_COPY(2) -> exclude(2); begin_attempt() }
    :: d_step { MAY_SUSPECT(0) && !IS_LAST_COPY(0) && waiting != 0 -> exclude(0); take_joins(); begin_attempt() }
    :: d_step { MAY_SUSPECT(1) && !IS_LAST_COPY(1) && waiting != 0 -> exclude(1); take_joins(); begin_attempt() }
    :: d_step { MAY_SUSPECT(2) && !IS_LAST_COPY(2) && waiting != 0 -> exclude(2); take_joins(); begin_attempt() }
#if NODES == 4
    :: d_step { from_node[3]?message, from_epoch, from_incarnation -> take_report(3) }
    :: d_step { MAY_SUSPECT(3) && !IS_LAST_COPY(3) -> exclude(3); begin_attempt() }
    :: d_step { MAY_SUSPECT(3) && !IS_LAST_COPY(3) && waiting != 0 -> exclude(3); take_joins(); begin_attempt() }
#endif
#if GOAL == LAST_COPY_KEPT
    :: (MAY_SUSPECT(0) && IS_LAST_COPY(0)) || (MAY_SUSPECT(1) && IS_LAST_COPY(1)) ||
       (MAY_SUSPECT(2) && IS_LAST_COPY(2)) ->
        REACHED(LAST_COPY_KEPT)
#endif
    :: d_step { phase == IDLE && waiting != 0 -> take_joins(); begin_attempt() }
#if DEPARTS > 0
    :: d_step { phase == IDLE && departs_left > 0 && is_busy && CAN_LEAVE(0) ->
        departs_left--; view = view & ~BIT(0); leaving = BIT(0); begin_attempt() }
    :: d_step { phase == IDLE && departs_left > 0 && is_busy && CAN_LEAVE(1) ->
        departs_left--; view = view & ~BIT(1); leaving = BIT(1); begin_attempt() }
    :: d_step { phase == IDLE && departs_left > 0 && is_busy && CAN_LEAVE(2) ->
        departs_left--; view = view & ~BIT(2); leaving = BIT(2); begin_attempt() }
#endif
    :: phase == IDLE && waiting == 0 && !is_busy && NO_REPORTS && NO_CRASHED -> break
    od
}
