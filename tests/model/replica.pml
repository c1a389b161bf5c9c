/* A node's side: the operations (chord/chain/replicate.c) and rules M1 to M8 (chord/member/participant.c). */

/* --- answers and refusals --- */

inline answer_write(n, w, with_version) {
    CHECK(answer_has_the_write, CONTAINS(value[n], w));
    if
    :: answered[w] == 0 ->
        answered[w] = with_version;
        check_answer(value[n], floor_write[w])
    :: else -> CHECK(exactly_once, answered[w] == with_version)
    fi
}

inline answer_read(n) {
    check_answer(value[n], floor_read);
    read_under_way = 0;
    floor_read = 0
}

/* The client sends it again, if it still waits for the answer. */
inline refuse_write(w) {
    if
    :: answered[w] == 0 -> copies[w]++
    :: else -> skip
    fi
}

/* --- the chain --- */

/* A write takes effect at n, with the next version (M7: its record in the same step). The tail needs no pre-image. */
inline apply(n, w) {
    CHECK(exactly_once, !CONTAINS(value[n], w));
    applied[n]++;
    if
    :: IS_TAIL(n) -> clear_log(n, applied[n])
    :: !IS_TAIL(n) && applied[n] == 1 -> log_change(n, 1)
    :: else -> log_change(n, 2)
    fi;
    value[n] = value[n] * 4 + w;
    version[n] = VERSION(epoch[n], applied[n]);
    RECORD(n, w) = version[n];
    if
    :: SEQUENTIAL && w > watermark[n] ->
        watermark[n] = w;
        if
        :: w == 2 -> RECORD(n, 1) = 0
        :: else -> skip
        fi
    :: else -> skip
    fi
}

inline send_down(n, type, d) {
    CHANNEL(n, NEXT(chain[n], n))!type, epoch[n], d
}

inline send_ack(n) {
    if
    :: ACKNOWLEDGEMENTS && !IS_HEAD(n) -> CHANNEL(n, PREVIOUS(chain[n], n))!ACK, epoch[n], applied_known
    :: else -> skip
    fi
}

/* M6 at the head. */
#define ADMITS(n) (IS_HEAD(n) && !IS_WEDGED(n) && !crashed[n] && \
                   (status[n] == ACTIVE || (UNSAFE == HEAD_BEFORE_ACTIVATE && status[n] == SYNCED)))

inline admit_write(n, w) {
    copies[w]--;
    if
    :: SEQUENTIAL && UNSAFE != NO_WATERMARK && w < watermark[n] -> REACHED(BELOW_WATERMARK)
    :: !(SEQUENTIAL && UNSAFE != NO_WATERMARK && w < watermark[n]) && RECORD(n, w) != 0 ->
        if
        :: IS_TAIL(n) -> answer_write(n, w, RECORD(n, w))
        :: else -> send_down(n, CHAIN_DUPLICATE, w)
        fi
    :: else ->
        apply(n, w);
        if
        :: IS_TAIL(n) -> answer_write(n, w, version[n])
        :: else -> send_down(n, CHAIN_WRITE, w | (applied[n] << 2))
        fi
    fi
}

inline admit_read(n) {
    read_waits = 0;
    if
    :: IS_TAIL(n) -> answer_read(n)
    :: !IS_TAIL(n) && UNSAFE == READ_HEAD_TO_TAIL -> CHANNEL(n, HIGHEST(chain[n]))!CHAIN_READ, epoch[n], 0
    :: else -> send_down(n, CHAIN_READ, 0)
    fi
}

/* M6: a SYNCED member that gets an operation knows that the head is active. */
inline activate(n) {
    clear_log(n, 0);
    base[n] = epoch[n];
    applied[n] = 0;
    status[n] = ACTIVE;
    CHECK(one_epoch_active, HAS(excluded, n) || ALONE_ACTIVE(n))
}

inline take_chain(n) {
    if
    :: status[n] == SYNCED -> REACHED(COMMIT_INFERRED); activate(n)
    :: else -> skip
    fi;
    if
    :: message == CHAIN_READ && IS_TAIL(n) -> answer_read(n)
    :: message == CHAIN_READ && !IS_TAIL(n) -> send_down(n, CHAIN_READ, 0)
    :: message == CHAIN_DUPLICATE && IS_TAIL(n) ->
        if
        :: RECORD(n, data) != 0 ->
            if
            :: answered[data] == 0 -> REACHED(ANSWERED_FROM_RECORD)
            :: else -> skip
            fi;
            answer_write(n, data, RECORD(n, data))
        :: else -> skip
        fi
    :: message == CHAIN_DUPLICATE && !IS_TAIL(n) -> send_down(n, CHAIN_DUPLICATE, data)
    :: message == CHAIN_WRITE ->
        CHECK(prefix_kept, (data >> 2) == applied[n] + 1);
        apply(n, (data & 3));
        if
        :: IS_TAIL(n) ->
            answer_write(n, (data & 3), version[n]);
            applied_known = applied[n];
            send_ack(n);
            applied_known = 0
        :: else -> send_down(n, CHAIN_WRITE, data)
        fi
    :: message == ACK ->
        release_log(n, data);
        applied_known = data;
        send_ack(n);
        applied_known = 0
    fi
}

/* M5: traffic of older epochs is refused. An arc that a node doesn't hold has neither epoch nor promise. */
#define IS_STALE(n) (message_epoch < promised[n] || crashed[n] || (status[n] == OUT && promised[n] == 0))

inline take_from_peer(n, from) {
    if
    :: message == CHAIN_WRITE && IS_STALE(n) -> REACHED(LATE_CHAIN_MESSAGE); refuse_write((data & 3))
    :: message == CHAIN_DUPLICATE && IS_STALE(n) -> refuse_write(data)
    :: message == CHAIN_READ && IS_STALE(n) -> read_waits = 1
    :: message == ACK && IS_STALE(n) -> skip
    :: (message == CHAIN_WRITE || message == CHAIN_DUPLICATE || message == CHAIN_READ || message == ACK) &&
       !IS_STALE(n) -> take_chain(n)
    :: message == PULL || message == PULL_REST ->
        if
        :: crashed[n] -> skip
        :: else -> answer_pull(n, from)
        fi
    :: message == PIECE_RECORDS || message == PIECE_PAIRS ->
        if
        :: crashed[n] -> skip
        :: else -> take_piece(n, from)
        fi
    fi;
    message = 0; message_epoch = 0; data = 0
}

/* M5: what is of an epoch that is promised but not installed stays in its channel until it is; FIFO channels bring
 * nothing that would have to overtake it. That can only be a PULL; with a head that admits too early, also
 * operations. */
#define FIRST_IS(from, n, type, e) CHANNEL(from, n)?[type, eval(e), _]
#define PULL_IS_HELD(from, n) (IS_WEDGED(n) && FIRST_IS(from, n, PULL, promised[n]))
#define OPERATION_IS_HELD(from, n) (UNSAFE == HEAD_BEFORE_ACTIVATE && (IS_WEDGED(n) || status[n] == SYNCING) && \
                                    (FIRST_IS(from, n, CHAIN_WRITE, promised[n]) || \
                                     FIRST_IS(from, n, CHAIN_DUPLICATE, promised[n]) || \
                                     FIRST_IS(from, n, CHAIN_READ, promised[n])))
#define IS_READY(from, n) (nempty(CHANNEL(from, n)) && (crashed[n] || \
                           (!PULL_IS_HELD(from, n) && !OPERATION_IS_HELD(from, n))))

/* --- the view change --- */

inline clear_arc(n) {
    status[n] = OUT;
    epoch[n] = 0; promised[n] = 0; chain[n] = 0;
    value[n] = 0; version[n] = 0; RECORD(n, 1) = 0; RECORD(n, 2) = 0; watermark[n] = 0;
    base[n] = 0; applied[n] = 0;
    clear_log(n, 0);
    staged[n] = 0
}

inline take_from_coordinator(n) {
    if
    :: crashed[n] -> skip
    :: !crashed[n] && message == PREPARE && message_epoch > promised[n] -> /* M2 */
        if
        :: staged[n] != 0 -> REACHED(TRANSFER_INTERRUPTED)
        :: else -> skip
        fi;
        promised[n] = message_epoch;
        staged[n] = 0;
        from_node[n]!WEDGED, message_epoch, incarnation[n]
    :: !crashed[n] && message == INSTALL && message_epoch >= promised[n] -> /* M3 */
        epoch[n] = message_epoch;
        promised[n] = message_epoch;
        chain[n] = new_chain;
        staged[n] = 0;
        if
        :: !HAS(new_chain, n) -> status[n] = HOLDER
        :: HAS(new_chain, n) && new_source == n ->
            status[n] = SYNCED;
            from_node[n]!SYNCED_SAID, epoch[n], incarnation[n]
        :: else -> status[n] = SYNCING; CHANNEL(n, new_source)!PULL, epoch[n], PACK_PULL(n)
        fi
    :: !crashed[n] && message == ACTIVATE && message_epoch >= promised[n] ->
        if
        :: status[n] == SYNCED && message_epoch == epoch[n] -> activate(n)
        :: else -> skip
        fi
    :: !crashed[n] && message == DROP && message_epoch >= promised[n] -> clear_arc(n) /* M8 */
    :: !crashed[n] && message == EXCLUDED -> /* M8 */
        clear_arc(n);
        if
        :: rejoins_left > 0 ->
            rejoins_left--;
            incarnation[n]++;
            from_node[n]!JOIN, 0, incarnation[n]
        :: else -> skip
        fi
    :: else -> skip
    fi;
    message = 0; message_epoch = 0; new_chain = 0; new_source = 0
}

/* What a member that isn't needed any more would still answer its clients, its channels decide: the node itself goes
 * on. */
proctype replica(byte n) {
    byte message_epoch, new_chain, new_source, undo_to, applied_known;
    bit is_delta;
    mtype message;
    int data;
end:
    do
    :: d_step { to_node[n]?message, message_epoch, new_chain, new_source -> take_from_coordinator(n) }
    :: d_step { IS_READY(0, n) -> CHANNEL(0, n)?message, message_epoch, data; take_from_peer(n, 0) }
    :: d_step { IS_READY(1, n) -> CHANNEL(1, n)?message, message_epoch, data; take_from_peer(n, 1) }
    :: d_step { IS_READY(2, n) -> CHANNEL(2, n)?message, message_epoch, data; take_from_peer(n, 2) }
#if NODES == 4
    :: d_step { IS_READY(3, n) -> CHANNEL(3, n)?message, message_epoch, data; take_from_peer(n, 3) }
#endif
    :: d_step { ADMITS(n) && copies[1] > 0 -> admit_write(n, 1) }
    :: d_step { ADMITS(n) && copies[2] > 0 -> admit_write(n, 2) }
    :: d_step { ADMITS(n) && read_waits -> admit_read(n) }
#if UNSAFE == READ_AT_TAIL
    :: d_step { IS_TAIL(n) && status[n] == ACTIVE && !IS_WEDGED(n) && read_waits -> read_waits = 0; answer_read(n) }
#endif
#if GOAL == PULL_HELD
    :: PULL_IS_HELD(0, n) || PULL_IS_HELD(1, n) || PULL_IS_HELD(2, n) -> REACHED(PULL_HELD)
#endif
#if JOINS > 0
    :: d_step { joins_left > 0 && is_busy && incarnation[n] == 0 ->
        joins_left--;
        incarnation[n] = 1;
        from_node[n]!JOIN, 0, 1 }
#endif
#if CRASHES > 0
    :: d_step { crashes_left > 0 && failures_left > 0 && is_busy && !crashed[n] && HAS(view, n) && HAS(committed, n) ->
        crashes_left--; failures_left--;
        crashed[n] = 1 }
#endif
    od
}
