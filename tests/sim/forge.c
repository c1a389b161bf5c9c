#include "tests/sim/forge.h"

#include "app/verdict/linearize.h"
#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

const char *forge_text(enum forge_kind kind) {
#define FORGE_TEXT(code, text) text,
    static const char *const texts[] = {FORGE_TABLE(FORGE_TEXT)};
#undef FORGE_TEXT
    return texts[kind];
}

/* What isn't answered may take effect at any time. */
static bool is_before(const struct history_record *a, const struct history_record *b) {
    return a->outcome != CHORD_UNKNOWN && a->end_ns < b->start_ns;
}

static bool same_key(const struct history_record *a, const struct history_record *b) {
    return a->key_digest == b->key_digest;
}

/* The only insert of a value into the key of `read`, or NULL. */
static struct history_record *writer(const struct history *history, const struct history_record *read,
                                     uint64_t value_digest) {
    struct history_record *found = NULL;
    for (size_t i = 0; i < history->count; i++) {
        struct history_record *record = &history->records[i];
        if (same_key(record, read) && record->kind == CHORD_INSERT && record->value_digest == value_digest) {
            if (found != NULL) {
                return NULL;
            }
            found = record;
        }
    }
    return found;
}

/* Whether the key can have been deleted between the insert's call and the read's return. */
static bool deleted_between(const struct history *history, const struct history_record *insert,
                            const struct history_record *read) {
    for (size_t i = 0; i < history->count; i++) {
        const struct history_record *record = &history->records[i];
        const bool may_delete =
            record->outcome == CHORD_DELETED || (record->kind == CHORD_DELETE && record->outcome == CHORD_UNKNOWN);
        if (same_key(record, read) && may_delete && !is_before(record, insert) &&
            !is_before(read, record)) {
            return true;
        }
    }
    return false;
}

/* Two reads of values that were written one after the other exchange their answers: the first sees what will be. */
static bool swap(struct history *history, struct history_record *first) {
    for (size_t i = 0; i < history->count; i++) {
        struct history_record *second = &history->records[i];
        if (second->outcome == CHORD_FOUND && same_key(first, second) && is_before(first, second)) {
            const struct history_record *write = writer(history, second, second->value_digest);
            if (write != NULL && is_before(first, write)) {
                const uint64_t value_digest = first->value_digest;
                first->value_digest = second->value_digest;
                second->value_digest = value_digest;
                return true;
            }
        }
    }
    return false;
}

/* The read answers what its value has replaced. */
static bool serve_old(struct history *history, struct history_record *read) {
    const struct history_record *write = writer(history, read, read->value_digest);
    for (size_t i = 0; write != NULL && is_before(write, read) && i < history->count; i++) {
        const struct history_record *old = &history->records[i];
        if (old->kind == CHORD_INSERT && same_key(old, write) && is_before(old, write) &&
            writer(history, read, old->value_digest) == old) {
            read->value_digest = old->value_digest;
            return true;
        }
    }
    return false;
}

/* The write of what is read is not in the history. */
static bool lose_write(struct history *history, struct history_record *read) {
    struct history_record *write = writer(history, read, read->value_digest);
    if (write == NULL) {
        return false;
    }
    *write = history->records[--history->count];
    return true;
}

/* An earlier delete takes effect once more: the read finds nothing. */
static bool delete_twice(struct history *history, struct history_record *read) {
    const struct history_record *write = writer(history, read, read->value_digest);
    if (write == NULL || !is_before(write, read) || deleted_between(history, write, read)) {
        return false;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_record *delete = &history->records[i];
        if (delete->outcome == CHORD_DELETED && same_key(delete, write) && is_before(delete, write)) {
            read->outcome = CHORD_ABSENT;
            read->value_digest = 0;
            return true;
        }
    }
    return false;
}

/* Falsifies the history in this way at the last place that there is. *key_digest: the key that is wrong now. */
static bool falsify(struct history *history, enum forge_kind kind, uint64_t *key_digest) {
    static bool (*const ways[])(struct history *, struct history_record *) = {swap, serve_old, lose_write,
                                                                              delete_twice};
    for (size_t i = history->count; i-- > 0;) {
        *key_digest = history->records[i].key_digest;
        if (history->records[i].outcome == CHORD_FOUND && ways[kind](history, &history->records[i])) {
            return true;
        }
    }
    return false;
}

static bool is_found(const struct history *history, uint64_t key_digest) {
    struct linearize_result result;
    chord_check(linearize_check(history->records, history->count, NULL, &result) == CHORD_OK);
    const bool found = result.violated_count == 1 && result.violations[0].key_digest == key_digest &&
                       result.violations[0].core_count > 0;
    linearize_free(&result);
    return found;
}

const char *forge_check(const struct history *history, uint64_t found[FORGE_KIND_COUNT]) {
    const char *missed = NULL;
    for (int kind = 0; kind < FORGE_KIND_COUNT && missed == NULL; kind++) {
        struct history copy = {0};
        uint64_t key_digest = 0;
        chord_check(history_reserve(&copy, history->count + 1) == CHORD_OK);
        memcpy(copy.records, history->records, history->count * sizeof *history->records);
        copy.count = history->count;
        if (falsify(&copy, (enum forge_kind)kind, &key_digest)) {
            if (is_found(&copy, key_digest)) {
                found[kind]++;
            } else {
                missed = forge_text((enum forge_kind)kind);
            }
        }
        history_free(&copy);
    }
    return missed;
}
