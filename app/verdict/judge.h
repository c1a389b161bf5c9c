/* The judge: test T1 (REFERENCE section 4) of histories whose answers carry versions. It knows nothing of the
 * ring, the store or the messages; it believes no one but the records.
 *
 * THE IDEA. Keys are independent registers, so each is judged alone. The protocol claims an order, the
 * versions; the judge needn't search for one, it only checks that the claimed order explains every answer and
 * respects real time:
 *
 *     versions   1: insert a     4: delete     6: insert b         (other keys of the arc have the versions
 * between) reads         FOUND a @1     ABSENT @5      FOUND b @6
 *
 *   - no two writes have one version, and each write's outcome fits the write before it (inserted iff absent
 * before...);
 *   - a value read is the value of the write with that version; an absence read at version v (the arc's) is
 * one: the last write up to v is a delete, or there is none;
 *   - if a ends before b starts, version(a) <= version(b), and < if b writes. (Equal times count as
 * overlapping.)
 *
 * SEGMENTS. A long run is judged piece by piece, each quiet at its end; of every key the judge keeps its last
 * write and the highest version answered (48 bytes). Operations of a later segment start after all of an
 * earlier one have ended.
 *
 * UNKNOWN. An operation without an answer may have happened. Unknown reads are dropped. Unknown writes have
 * no version: they are candidates, kept beyond their segment, and each may explain one version that is read
 * but that no answered write has, if it wrote that value and began before any operation with that version or
 * a newer one ended. While a candidate is unexplained, outcomes that it would explain (an insert: present; a
 * delete: absent) aren't wrong if it began before they ended. That is lenient: a candidate excuses any number
 * of outcomes.
 *
 * EVENTUAL. Writes are judged as above: the head orders them. A value must be that of the write with its
 * version. But an old answer to a read is only counted, as stale: it is older than the newest write of the
 * key (in version order) that was answered before the read began; it missed as many versions as there are
 * such writes newer than what it returned. A delete that found nothing changes nothing and isn't missed. An
 * absence is stale only where that newest write is an insert. Of earlier segments only the last write of a
 * key is known: older values are counted as stale with one version missed and not compared. */
#ifndef APP_VERDICT_JUDGE_H
#define APP_VERDICT_JUDGE_H

#include "app/verdict/history.h"

#include "chord/base/status.h"
#include "chord/wire/operation.h"

#include <stddef.h>
#include <stdint.h>

#define JUDGE_REASON_TABLE(X)                                                                                \
    X(JUDGE_FINE, "nothing is wrong")                                                                        \
    X(JUDGE_BAD_RECORD, "the answer is none that this operation can have")                                   \
    X(JUDGE_VERSION_REPEATED, "two writes of the key were answered with one version")                        \
    X(JUDGE_INSERTED_PRESENT, "answered inserted, but the key was present")                                  \
    X(JUDGE_UPDATED_ABSENT, "answered updated, but the key was absent")                                      \
    X(JUDGE_DELETED_ABSENT, "answered deleted, but the key was absent")                                      \
    X(JUDGE_DELETE_MISSED, "the delete was answered absent, but the key was present")                        \
    X(JUDGE_VERSION_UNWRITTEN, "read a version that no write of the key has")                                \
    X(JUDGE_VALUE_DIFFERS, "read another value than was written with that version")                          \
    X(JUDGE_ABSENT_PRESENT, "read absent at a version at which the key is present")                          \
    X(JUDGE_READ_OLD, "read a version older than one answered before the read began")                        \
    X(JUDGE_WRITE_OLD, "wrote a version no newer than one answered before the write began")

#define JUDGE_REASON_CODE(code, text) code,
enum judge_reason { JUDGE_REASON_TABLE(JUDGE_REASON_CODE) JUDGE_REASON_COUNT };
#undef JUDGE_REASON_CODE

/* One wrong operation. */
struct judge_wrong {
    enum judge_reason reason;
    uint32_t client_rank;
    uint32_t index; /* within the client's list */
    uint8_t kind;
    uint8_t outcome;
    uint64_t key_digest;
    uint64_t start_ns;
    struct chord_version version;
};

/* Plain data: zero it before the first segment; it may be sent between ranks as bytes. */
struct judge_verdict {
    uint64_t operation_count; /* records judged, unknown ones included */
    uint64_t unknown_count;
    uint64_t wrong_count;                         /* operations: each is counted for its first reason only */
    uint64_t wrong_by_reason[JUDGE_REASON_COUNT]; /* [JUDGE_FINE] stays 0 */
    struct judge_wrong first;  /* the wrong operation that began first; if wrong_count > 0 */
    uint64_t stale_count;      /* reads; eventual consistency only */
    uint64_t stale_missed_sum; /* versions that they missed */
    uint64_t stale_missed_max;
};

struct judge_key;
struct judge_candidate;

/* What earlier segments left. A zeroed struct knows no key: the ring is empty. */
struct judge {
    struct judge_key *keys; /* owned; ascending by digest */
    size_t key_count;
    struct judge_candidate
        *candidates; /* owned; unexplained unknown writes, ascending by key digest and start */
    size_t candidate_count;
};

/* Judges the next segment and adds to *verdict. The records (of any clients; all records of a key that is
 * judged here) are sorted in place and marked. O(n log n) at worst, O(n) for many keys; beside the records it
 * takes at most 48 bytes a new key for good and 48 bytes an operation while it runs. CHORD_NO_MEMORY: nothing
 * was judged, and judge and verdict are as before. */
CHORD_MUST_CHECK enum chord_status judge_segment(struct judge *judge, struct history_record *records,
                                                 size_t count, enum chord_consistency consistency,
                                                 struct judge_verdict *verdict);

/* Adds a verdict on other keys (another rank's) to one. */
void judge_verdict_merge(struct judge_verdict *into, const struct judge_verdict *from);

/* What the stores must hold after all segments. */
struct judge_content {
    uint64_t pair_count;
    uint64_t content; /* sum of chord_digest64_pair(key digest, value digest), as in chord_store_digest */
    uint64_t
        uncertain_count; /* keys with an unexplained unknown write: with any, the other two decide nothing */
};

struct judge_content judge_content(const struct judge *judge);

/* What the judge keeps between segments, as bytes that judge_take_over understands on machines of the same kind; *size of
 * them, to be freed by free(). NULL without memory. */
unsigned char *judge_keep(const struct judge *judge, size_t *size);

/* Takes over the keys of a judge that is out of reach, from what was kept of it; this judge has none of them yet.
 * CHORD_INVALID: these are no such bytes. CHORD_NO_MEMORY: the judge is of no use any more. */
CHORD_MUST_CHECK enum chord_status judge_take_over(struct judge *judge, const unsigned char *bytes, size_t size);

/* The text of a reason, one line without a final stop; "unknown reason" for any other number. Static storage.
 */
const char *judge_reason_text(enum judge_reason reason);

/* Frees everything; the judge knows no key again. */
void judge_free(struct judge *judge);

#endif
