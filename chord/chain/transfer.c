/* The receiver's side of a transfer, and its end at either. */
#include "chord/chain/transfer.h"

#include "chord/base/check.h"
#include "chord/chain/transfer_format.h"
#include "chord/wire/bytes.h"

#include <string.h>

/* --- the receiver --- */

static void ask(const struct chord_replica *replica, struct chord_arc *arc) {
    struct chord_staging *staging = arc->staging;
    struct chord_message message = {
        .type = CHORD_MESSAGE_PULL, .from = replica->self.address, .to = staging->source};
    message.pull = (struct chord_pull){.epoch = arc->epoch,
                                       .end = arc->end,
                                       .offset = staging->offset,
                                       .base_epoch = arc->base_epoch,
                                       .base_applied = arc->applied,
                                       .base_log_start = arc->log.start,
                                       .base_joint_from = arc->log.joint_from,
                                       .base_joint_to = arc->log.joint_to};
    staging->piece_count++;
    staging->deadline_ticks = replica->now_ticks + replica->environment->config->transfer_ticks;
    chord_send(replica->environment, &message);
}

static void clear_staging(const struct chord_environment *environment, struct chord_staging *staging) {
    chord_duplicates_clear(&staging->duplicates);
    chord_store_clear(&staging->pairs);
    chord_store_clear(&staging->removals);
    chord_free(environment->allocator, staging->partial);
}

static void init_staging(const struct chord_environment *environment, struct chord_staging *staging,
                         struct chord_address source) {
    *staging = (struct chord_staging){.source = source};
    chord_duplicates_init(&staging->duplicates, environment->allocator);
    chord_store_init(&staging->pairs, environment->allocator, environment->config->id_bits);
    chord_store_init(&staging->removals, environment->allocator, environment->config->id_bits);
}

enum chord_status chord_transfer_begin(const struct chord_replica *replica, struct chord_arc *arc,
                                       struct chord_address source) {
    chord_check(arc->staging == NULL);
    arc->staging = chord_allocate(replica->environment->allocator, sizeof *arc->staging);
    if (arc->staging == NULL) {
        return CHORD_NO_MEMORY;
    }
    init_staging(replica->environment, arc->staging, source);
    ask(replica, arc);
    return CHORD_OK;
}

static enum chord_status read_head(struct chord_staging *staging, struct chord_reader *reader) {
    const uint8_t mode = chord_get8(reader);
    staging->base_epoch = chord_get32(reader);
    staging->applied = chord_get64(reader);
    staging->undo_to = chord_get64(reader);
    staging->clients_left = chord_get32(reader);
    staging->delta = mode == TRANSFER_MODE_DELTA;
    staging->has_head = true;
    return mode <= TRANSFER_MODE_DELTA && staging->base_epoch != 0 ? CHORD_OK : CHORD_MALFORMED;
}

static enum chord_status read_client(struct chord_staging *staging, struct chord_reader *reader) {
    staging->client_rank = chord_get32(reader);
    const uint64_t watermark = chord_get64(reader);
    staging->records_left = chord_get32(reader);
    staging->clients_left--;
    return chord_duplicates_raise(&staging->duplicates, staging->client_rank, watermark);
}

static enum chord_status read_record(struct chord_staging *staging, struct chord_reader *reader) {
    struct chord_duplicate record;
    record.seq = chord_get64(reader);
    record.version = chord_get_version(reader);
    record.key_id = chord_get_id(reader);
    const uint8_t outcome = chord_get8(reader);
    record.outcome = (enum chord_outcome)outcome;
    staging->records_left--;
    if (outcome >= CHORD_OUTCOME_COUNT ||
        record.seq < chord_duplicates_watermark(&staging->duplicates, staging->client_rank) ||
        chord_duplicates_find(&staging->duplicates, staging->client_rank, record.seq) != NULL) {
        return CHORD_MALFORMED;
    }
    return chord_duplicates_add(&staging->duplicates, staging->client_rank, 0, record);
}

static enum chord_status read_pair(const struct chord_arc *arc, struct chord_staging *staging, struct chord_reader *reader,
                                   uint32_t key_size, uint32_t value_size) {
    reader->at += 1;
    const struct chord_id id = chord_get_id(reader);
    const struct chord_version version = chord_get_version(reader);
    const unsigned char *key = reader->at + 6;
    if (!chord_arc_contains(arc, id)) {
        return CHORD_MALFORMED;
    }
    staging->pair_count++;
    staging->pair_bytes += key_size + value_size;
    return chord_store_put(&staging->pairs, id, key, key_size, key + key_size, value_size, version);
}

static enum chord_status read_removal(const struct chord_arc *arc, struct chord_staging *staging, struct chord_reader *reader,
                                      uint32_t key_size) {
    reader->at += 1;
    const struct chord_id id = chord_get_id(reader);
    if (!chord_arc_contains(arc, id) || !staging->delta) {
        return CHORD_MALFORMED;
    }
    return chord_store_put(&staging->removals, id, reader->at + 2, key_size, NULL, 0, (struct chord_version){0});
}

/* The size of the item that begins at the reader, as far as its bytes tell: 0 if there are too few to know. */
static enum chord_status item_size(const struct chord_staging *staging, struct chord_reader reader, size_t *size,
                                   uint32_t *key_size, uint32_t *value_size) {
    *size = 0;
    *key_size = 0;
    *value_size = 0;
    if (!staging->has_head) {
        *size = TRANSFER_HEAD_SIZE;
        return CHORD_OK;
    }
    if (staging->records_left > 0) {
        *size = TRANSFER_RECORD_SIZE;
        return CHORD_OK;
    }
    if (staging->clients_left > 0) {
        *size = TRANSFER_CLIENT_SIZE;
        return CHORD_OK;
    }
    if (reader.left == 0) {
        return CHORD_OK;
    }
    /* With a byte left there is one. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    const unsigned char kind = reader.at[0];
    if (kind == TRANSFER_ITEM_END) {
        *size = 1;
        return CHORD_OK;
    }
    const size_t fixed = kind == TRANSFER_ITEM_PAIR ? TRANSFER_PAIR_SIZE : TRANSFER_REMOVAL_SIZE;
    if (kind > TRANSFER_ITEM_REMOVAL) {
        return CHORD_MALFORMED;
    }
    if (reader.left < fixed) {
        return CHORD_OK;
    }
    uint16_t keys;
    memcpy(&keys, reader.at + fixed - (kind == TRANSFER_ITEM_PAIR ? 6 : 2), 2);
    *key_size = keys;
    if (kind == TRANSFER_ITEM_PAIR) {
        memcpy(value_size, reader.at + fixed - 4, 4);
    }
    if (keys < 1 || keys > CHORD_KEY_SIZE_MAX || *value_size > CHORD_VALUE_SIZE_MAX) {
        return CHORD_MALFORMED;
    }
    *size = fixed + keys + *value_size;
    return CHORD_OK;
}

/* Reads whole items until none is left. */
static enum chord_status read_items(const struct chord_arc *arc, struct chord_staging *staging,
                                    struct chord_reader *reader) {
    for (;;) {
        size_t size;
        uint32_t key_size;
        uint32_t value_size;
        enum chord_status status = item_size(staging, *reader, &size, &key_size, &value_size);
        if (status != CHORD_OK) {
            return status;
        }
        if (staging->ended) {
            return reader->left == 0 ? CHORD_OK : CHORD_MALFORMED;
        }
        if (size == 0 || reader->left < size) {
            return CHORD_OK;
        }
        struct chord_reader item = *reader;
        if (!staging->has_head) {
            status = read_head(staging, &item);
        } else if (staging->records_left > 0) {
            status = read_record(staging, &item);
        } else if (staging->clients_left > 0) {
            status = read_client(staging, &item);
        } else if (item.at[0] == TRANSFER_ITEM_END) {
            staging->ended = true;
        } else if (item.at[0] == TRANSFER_ITEM_PAIR) {
            status = read_pair(arc, staging, &item, key_size, value_size);
        } else {
            status = read_removal(arc, staging, &item, key_size);
        }
        if (status != CHORD_OK) {
            return status;
        }
        reader->at += size;
        reader->left -= size;
    }
}

/* Puts the piece behind what the last one left unread, and reads. What is cut in turn is kept. */
static enum chord_status read_piece(const struct chord_environment *environment, const struct chord_arc *arc,
                                    struct chord_staging *staging, const struct chord_piece *piece) {
    struct chord_reader reader = {.at = piece->bytes, .left = piece->size};
    if (staging->partial_size > 0) {
        const size_t needed = staging->partial_size + piece->size;
        if (needed > staging->partial_capacity) {
            unsigned char *grown = environment->allocator->resize(environment->allocator->context, staging->partial,
                                                                  needed);
            if (grown == NULL) {
                return CHORD_NO_MEMORY;
            }
            staging->partial = grown;
            staging->partial_capacity = needed;
        }
        memcpy(staging->partial + staging->partial_size, piece->bytes, piece->size);
        reader = (struct chord_reader){.at = staging->partial, .left = needed};
    }
    const enum chord_status status = read_items(arc, staging, &reader);
    if (status != CHORD_OK) {
        return status;
    }
    if (reader.left > staging->partial_capacity) {
        unsigned char *grown =
            environment->allocator->resize(environment->allocator->context, staging->partial, reader.left);
        if (grown == NULL) {
            return CHORD_NO_MEMORY;
        }
        staging->partial = grown;
        staging->partial_capacity = reader.left;
    }
    if (reader.left > 0) {
        memmove(staging->partial, reader.at, reader.left);
    }
    staging->partial_size = reader.left;
    return CHORD_OK;
}

/* Whether a delta fits what this member has: nothing is changed before that is sure. */
static bool delta_fits(const struct chord_arc *arc, const struct chord_staging *staging) {
    const uint64_t undo_to = staging->undo_to;
    const bool lands = chord_log_landing(undo_to, arc->log.joint_from, arc->log.joint_to) == undo_to &&
                       undo_to >= arc->log.start;
    const bool brings = staging->pairs.count > 0 || staging->removals.count > 0;
    return staging->base_epoch == arc->base_epoch && undo_to <= arc->applied && undo_to <= staging->applied &&
           (undo_to == arc->applied || lands) && (!brings || undo_to < staging->applied);
}

/* One change of a delta, with its pre-image in the log. */
static void apply_change(struct chord_arc *arc, const struct chord_entry *key, struct chord_entry *written,
                         uint64_t counter) {
    struct chord_entry *previous =
        chord_store_detach(&arc->store, chord_entry_id(key), key->bytes, key->key_size);
    if (written != NULL) {
        chord_store_attach(&arc->store, written);
    }
    chord_log_add(&arc->log,
                  (struct chord_log_write){.counter = counter, .previous = previous, .written = written});
}

/* M4: undoes what the source lacks, applies what this member lacks. */
static enum chord_status apply_delta(struct chord_arc *arc, struct chord_staging *staging) {
    if (!delta_fits(arc, staging)) {
        return CHORD_MALFORMED;
    }
    /* Deletes that are undone need room, too: a store that was split off has slots for the pairs that it holds alone. */
    const uint32_t change_count = (uint32_t)(staging->pairs.count + staging->removals.count);
    if (chord_store_reserve(&arc->store, arc->store.count + arc->log.count + staging->pairs.count) != CHORD_OK ||
        chord_log_reserve(&arc->log, change_count) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    if (staging->undo_to < arc->applied) {
        chord_log_undo(&arc->log, &arc->store, staging->undo_to);
    }
    for (size_t i = 0; i < staging->pairs.capacity; i++) {
        struct chord_entry *entry = staging->pairs.slots[i].entry;
        if (entry != NULL) {
            apply_change(arc, entry, entry, staging->applied);
            staging->pairs.slots[i].entry = NULL;
        }
    }
    staging->pairs.count = 0;
    const struct chord_entry *removal;
    for (size_t position = 0; (removal = chord_store_next(&staging->removals, &position)) != NULL;) {
        apply_change(arc, removal, NULL, staging->applied);
    }
    if (staging->undo_to < staging->applied) {
        chord_log_join(&arc->log, staging->undo_to, staging->applied);
    }
    return CHORD_OK;
}

/* The staged state replaces the old one, in one step (M4). */
static enum chord_status replace(struct chord_arc *arc, struct chord_staging *staging) {
    if (staging->delta) {
        const enum chord_status status = apply_delta(arc, staging);
        if (status != CHORD_OK) {
            return status;
        }
    } else {
        const struct chord_store old = arc->store;
        chord_log_clear(&arc->log, staging->applied);
        arc->store = staging->pairs;
        staging->pairs = old;
    }
    const struct chord_duplicates old = arc->duplicates;
    arc->duplicates = staging->duplicates;
    staging->duplicates = old;
    arc->base_epoch = staging->base_epoch;
    arc->applied = staging->applied;
    arc->acknowledged = arc->log.start;
    return CHORD_OK;
}

enum chord_status chord_transfer_piece(const struct chord_replica *replica, struct chord_arc *arc,
                                       struct chord_address from, const struct chord_piece *piece, bool *complete) {
    struct chord_staging *staging = arc->staging;
    *complete = false;
    if (piece->epoch < arc->promised || staging == NULL || staging->ended) {
        return CHORD_STALE;
    }
    if (piece->epoch != arc->epoch || !chord_address_equal(from, staging->source)) {
        return CHORD_UNEXPECTED;
    }
    if (piece->offset != staging->offset) {
        return CHORD_STALE; /* asked for twice */
    }
    enum chord_status status = read_piece(replica->environment, arc, staging, piece);
    if (status == CHORD_OK && piece->last != staging->ended) {
        status = CHORD_MALFORMED;
    }
    if (status == CHORD_OK && piece->last) {
        status = replace(arc, staging);
    }
    if (status != CHORD_OK) {
        /* Part of the piece was read: begin anew, at the deadline. The old state is whole. */
        const struct chord_address source = staging->source;
        const uint64_t deadline_ticks = staging->deadline_ticks;
        clear_staging(replica->environment, staging);
        init_staging(replica->environment, staging, source);
        staging->deadline_ticks = deadline_ticks;
        return status;
    }
    staging->offset += piece->size;
    staging->piece_count++;
    if (piece->last) {
        staging->deadline_ticks = UINT64_MAX;
        *complete = true;
    } else {
        ask(replica, arc);
    }
    return CHORD_OK;
}

void chord_transfer_tick(const struct chord_replica *replica, struct chord_arc *arc) {
    if (arc->staging != NULL && arc->staging->deadline_ticks <= replica->now_ticks) {
        ask(replica, arc);
    }
}

void chord_transfer_end(const struct chord_environment *environment, struct chord_arc *arc, uint32_t epoch) {
    const bool all = epoch == UINT32_MAX; /* any PULL may have named that epoch */
    if (arc->staging != NULL && (all || arc->epoch < epoch || arc->staging->ended)) {
        clear_staging(environment, arc->staging);
        chord_free(environment->allocator, arc->staging);
        arc->staging = NULL;
    }
    for (struct chord_outgoing **link = &arc->outgoing; *link != NULL;) {
        struct chord_outgoing *outgoing = *link;
        if (all || outgoing->first.epoch < epoch) {
            *link = outgoing->next;
            chord_free(environment->allocator, outgoing);
        } else {
            link = &outgoing->next;
        }
    }
}
