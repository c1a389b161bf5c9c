/* What a judge keeps from one segment to the next, for judge.c and judge_kept.c alone. */
#ifndef APP_VERDICT_JUDGE_KEPT_H
#define APP_VERDICT_JUDGE_KEPT_H

#include <stdbool.h>
#include <stdint.h>

/* What is kept of a key between segments. */
struct judge_key {
    uint64_t digest;
    uint64_t value_digest;    /* of the last write, if present */
    uint64_t write_counter;   /* version of the last write; 0 if there was none */
    uint64_t highest_counter; /* highest version answered */
    uint32_t write_epoch;
    uint32_t highest_epoch;
    bool present;
};

_Static_assert(sizeof(struct judge_key) <= 48, "a key is kept in 48 bytes");

/* An unknown write that no version has been ascribed to yet. */
struct judge_candidate {
    uint64_t digest;
    uint64_t value_digest;
    uint64_t start_ns;
    bool inserts;   /* else it deletes */
    bool explained; /* to be dropped at the end of the segment */
};

#endif
