/* Transfers (M4), in two pieces: duplicate records with the watermark first, pairs then. The receiver pulls them.
 *
 * What a PULL says of the receiver (chord_pull), and what the pieces hold, packed. */

#define PACK_PULL(n) (base[n] | (applied[n] << 3) | (log_start[n] << 5) | (joint_from[n] << 7) | (joint_to[n] << 9))
#define PULL_BASE(d) ((d) & 7)
#define PULL_APPLIED(d) (((d) >> 3) & 3)
#define PULL_LOG_START(d) (((d) >> 5) & 3)
#define PULL_JOINT_FROM(d) (((d) >> 7) & 3)
#define PULL_JOINT_TO(d) (((d) >> 9) & 3)

#define IS_RECORDS (1 << 24) /* so that no piece is 0 */
#define PACK_RECORDS(n, delta, undo_to) (IS_RECORDS | (delta) | ((undo_to) << 1) | (base[n] << 3) | \
                                         (applied[n] << 6) | (watermark[n] << 8) | (RECORD(n, 1) << 10) | \
                                         (RECORD(n, 2) << 15))
#define RECORDS_DELTA(d) ((d) & 1)
#define RECORDS_UNDO_TO(d) (((d) >> 1) & 3)
#define RECORDS_BASE(d) (((d) >> 3) & 7)
#define RECORDS_APPLIED(d) (((d) >> 6) & 3)
#define RECORDS_WATERMARK(d) (((d) >> 8) & 3)
#define RECORDS_1(d) (((d) >> 10) & 31)
#define RECORDS_2(d) (((d) >> 15) & 31)

/* The value also when only the checker looks at it. */
#define PACK_PAIRS(n, brings) ((brings) | (value[n] << 1) | (version[n] << 9))
#define PAIRS_BRING(d) ((d) & 1)
#define PAIRS_VALUE(d) (((d) >> 1) & 255)
#define PAIRS_VERSION(d) (((d) >> 9) & 31)

#define LANDING(counter, from, to) ((counter) > (from) && (counter) < (to) -> (from) : (counter))
#define LOG_HAS(n, c) HAS(log_set[n], c)

inline clear_log(n, start) {
    log_start[n] = start;
    log_set[n] = 0;
    joint_from[n] = 0; joint_to[n] = 0;
    PREVIOUS_VALUE(n, 1) = 0; PREVIOUS_VALUE(n, 2) = 0;
    PREVIOUS_VERSION(n, 1) = 0; PREVIOUS_VERSION(n, 2) = 0
}

/* Forgets the log up to a counter: it is answered. */
inline release_log(n, counter) {
    if
    :: counter >= 1 -> log_set[n] = log_set[n] & ~BIT(1); PREVIOUS_VALUE(n, 1) = 0; PREVIOUS_VERSION(n, 1) = 0
    :: else -> skip
    fi;
    if
    :: counter >= 2 -> log_set[n] = log_set[n] & ~BIT(2); PREVIOUS_VALUE(n, 2) = 0; PREVIOUS_VERSION(n, 2) = 0
    :: else -> skip
    fi;
    if
    :: counter > log_start[n] -> log_start[n] = counter
    :: else -> skip
    fi
}

inline undo_one(n, c) {
    if
    :: LOG_HAS(n, c) ->
        REACHED(WRITE_UNDONE);
        value[n] = PREVIOUS_VALUE(n, c);
        version[n] = PREVIOUS_VERSION(n, c);
        log_set[n] = log_set[n] & ~BIT(c);
        PREVIOUS_VALUE(n, c) = 0; PREVIOUS_VERSION(n, c) = 0
    :: else -> skip
    fi
}

inline undo_log(n, counter) {
    if
    :: counter <= joint_from[n] ->
        if
        :: joint_to[n] > 0 -> REACHED(JOINT_WRITE_UNDONE)
        :: else -> skip
        fi;
        joint_from[n] = 0; joint_to[n] = 0
    :: else -> skip
    fi;
    if
    :: counter < 2 -> undo_one(n, 2)
    :: else -> skip
    fi;
    if
    :: counter < 1 -> undo_one(n, 1)
    :: else -> skip
    fi
}

/* --- the source (chord/chain/transfer_source.c) --- */

/* delta_will_do: sets is_delta and undo_to, from the PULL `data`. */
inline choose_delta(n) {
    is_delta = 0;
    undo_to = 0;
    if
    :: PULL_BASE(data) != 0 && PULL_BASE(data) == base[n] ->
        undo_to = PULL_APPLIED(data);
        is_delta = 1;
        if
        :: PULL_APPLIED(data) > applied[n] ->
            undo_to = LANDING(applied[n], PULL_JOINT_FROM(data), PULL_JOINT_TO(data));
            is_delta = (undo_to >= PULL_LOG_START(data))
        :: else -> skip
        fi;
        is_delta = is_delta && (undo_to == applied[n] ||
            (log_start[n] <= undo_to && LANDING(undo_to, joint_from[n], joint_to[n]) == undo_to))
    :: else -> skip
    fi
}

/* A delta brings the pair if a write above undo_to is in the log. */
#define BRINGS(n) (!is_delta || (undo_to < 1 && LOG_HAS(n, 1)) || (undo_to < 2 && LOG_HAS(n, 2)))

inline answer_pull(n, to) {
    if
    :: message_epoch < promised[n] || message_epoch != epoch[n] || status[n] == ACTIVE || status[n] == SYNCING ||
       status[n] == OUT || base[n] == 0 -> skip
    :: else ->
        choose_delta(n);
        if
        :: message == PULL -> CHANNEL(n, to)!PIECE_RECORDS, epoch[n], PACK_RECORDS(n, is_delta, undo_to)
        :: else -> CHANNEL(n, to)!PIECE_PAIRS, epoch[n], PACK_PAIRS(n, BRINGS(n))
        fi;
        is_delta = 0; undo_to = 0
    fi
}

/* --- the receiver (chord/chain/transfer.c) --- */

inline take_records(n) {
    RECORD(n, 1) = RECORDS_1(staged[n]);
    RECORD(n, 2) = RECORDS_2(staged[n]);
    watermark[n] = RECORDS_WATERMARK(staged[n])
}

inline log_change(n, c) {
    log_set[n] = log_set[n] | BIT(c);
    PREVIOUS_VALUE(n, c) = value[n];
    PREVIOUS_VERSION(n, c) = version[n]
}

/* apply_delta */
inline take_delta(n) {
    undo_to = RECORDS_UNDO_TO(staged[n]);
    CHECK(delta_fits, LANDING(undo_to, joint_from[n], joint_to[n]) == undo_to && undo_to >= log_start[n] &&
          RECORDS_BASE(staged[n]) == base[n] && undo_to <= applied[n] && undo_to <= RECORDS_APPLIED(staged[n]) ||
          (undo_to == applied[n] && undo_to <= RECORDS_APPLIED(staged[n]) && RECORDS_BASE(staged[n]) == base[n]));
    if
    :: undo_to < applied[n] -> undo_log(n, undo_to)
    :: else -> skip
    fi;
    if
    :: PAIRS_BRING(data) ->
        REACHED(DELTA_BRINGS_WRITE);
        if
        :: RECORDS_APPLIED(staged[n]) == 1 -> log_change(n, 1)
        :: else -> log_change(n, 2)
        fi;
        value[n] = PAIRS_VALUE(data);
        version[n] = PAIRS_VERSION(data)
    :: else -> skip
    fi;
    if
    :: undo_to < RECORDS_APPLIED(staged[n]) ->
        joint_from[n] = (joint_to[n] == 0 -> undo_to : joint_from[n]);
        joint_to[n] = RECORDS_APPLIED(staged[n])
    :: else -> skip
    fi;
    undo_to = 0
}

#define KEEPS_SUFFIX(n) (UNSAFE == SUFFIX_ONLY && RECORDS_DELTA(staged[n]) && RECORDS_APPLIED(staged[n]) < applied[n])

/* The staged state replaces the old one in one step. */
inline replace(n) {
    if
    :: KEEPS_SUFFIX(n) -> skip
    :: else ->
        if
        :: RECORDS_DELTA(staged[n]) -> take_delta(n)
        :: else ->
            clear_log(n, RECORDS_APPLIED(staged[n]));
            value[n] = PAIRS_VALUE(data);
            version[n] = PAIRS_VERSION(data)
        fi;
        CHECK(delta_is_exact, value[n] == PAIRS_VALUE(data) && version[n] == PAIRS_VERSION(data));
        take_records(n);
        base[n] = RECORDS_BASE(staged[n]);
        applied[n] = RECORDS_APPLIED(staged[n])
    fi;
    staged[n] = 0;
    status[n] = SYNCED;
    from_node[n]!SYNCED_SAID, epoch[n], incarnation[n]
}

inline take_piece(n, from) {
    if
    :: message_epoch < promised[n] || message_epoch != epoch[n] || status[n] != SYNCING -> REACHED(LATE_PIECE)
    :: else ->
        if
        :: message == PIECE_RECORDS ->
            staged[n] = data;
            if
            :: UNSAFE == PIECES_ONE_BY_ONE -> take_records(n)
            :: else -> skip
            fi;
            CHANNEL(n, from)!PULL_REST, epoch[n], PACK_PULL(n)
        :: else -> replace(n)
        fi
    fi
}
