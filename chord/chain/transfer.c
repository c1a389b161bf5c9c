#include "chord/chain/transfer.h"

#include "chord/base/check.h"

#include <string.h>

enum { MODE_ALL, MODE_DELTA };
enum { ITEM_END, ITEM_PAIR, ITEM_REMOVAL };
enum { PHASE_HEAD, PHASE_CLIENTS, PHASE_PAIRS, PHASE_END, PHASE_DONE };

#define HEAD_SIZE 17u
#define CLIENT_SIZE 16u
#define RECORD_SIZE 41u
#define PAIR_SIZE 39u
#define REMOVAL_SIZE 23u
#define ITEM_FIXED_SIZE_MAX RECORD_SIZE

/* --- the stream, at the source --- */

/* An item in up to three runs of bytes: fixed fields, key, value. */
struct item {
    unsigned char fixed[ITEM_FIXED_SIZE_MAX];
    uint32_t fixed_size;
    uint32_t key_size;
    uint32_t value_size;
    const unsigned char *key;
    const unsigned char *value;
};

static void put(struct item *item, const void *bytes, uint32_t size) {
    memcpy(item->fixed + item->fixed_size, bytes, size);
    item->fixed_size += size;
}

static void put8(struct item *item, uint8_t value) {
    put(item, &value, sizeof value);
}

static void put32(struct item *item, uint32_t value) {
    put(item, &value, sizeof value);
}

static void put64(struct item *item, uint64_t value) {
    put(item, &value, sizeof value);
}

static void put_id(struct item *item, struct chord_id id) {
    put64(item, id.high);
    put64(item, id.middle);
    put32(item, id.low);
}

static void put_version(struct item *item, struct chord_version version) {
    put32(item, version.epoch);
    put64(item, version.counter);
}

static void make_pair(struct item *item, const struct chord_entry *entry) {
    put8(item, ITEM_PAIR);
    put_id(item, chord_entry_id(entry));
    put_version(item, chord_entry_version(entry));
    put(item, &entry->key_size, 2);
    put32(item, entry->value_size);
    item->key = entry->bytes;
    item->key_size = entry->key_size;
    item->value = chord_entry_value(entry);
    item->value_size = entry->value_size;
}

static void make_removal(struct item *item, const struct chord_entry *entry) {
    put8(item, ITEM_REMOVAL);
    put_id(item, chord_entry_id(entry));
    put(item, &entry->key_size, 2);
    item->key = entry->bytes;
    item->key_size = entry->key_size;
}

/* The next write of a delta that is the newest on its key: what it left behind is sent, each key once. */
static bool next_change(const struct chord_arc *arc, const struct chord_outgoing *outgoing, size_t *position,
                        struct item *item) {
    while (*position < arc->log.count) {
        const struct chord_log_write *write = chord_log_get(&arc->log, (uint32_t)(*position)++);
        const struct chord_entry *key = chord_log_key(write);
        if (write->counter <= outgoing->first.base_applied || key == NULL) {
            continue;
        }
        const struct chord_entry *now =
            chord_store_find(&arc->store, chord_entry_id(key), key->bytes, key->key_size);
        if (now == write->written) {
            if (now != NULL) {
                make_pair(item, now);
            } else {
                make_removal(item, key);
            }
            return true;
        }
    }
    return false;
}

/* The item at the cursor; moves the cursor's place in the state past it, but not its offsets. */
static void make_item(const struct chord_arc *arc, const struct chord_outgoing *outgoing, struct chord_cursor *cursor,
                      struct item *item) {
    *item = (struct item){0};
    if (cursor->phase == PHASE_HEAD) {
        put8(item, outgoing->delta ? MODE_DELTA : MODE_ALL);
        put32(item, arc->base_epoch);
        put64(item, arc->applied);
        put32(item, arc->duplicates.client_count);
        cursor->phase = PHASE_CLIENTS;
        return;
    }
    if (cursor->phase == PHASE_CLIENTS && cursor->client < arc->duplicates.client_count) {
        const struct chord_duplicate_client *client = &arc->duplicates.clients[cursor->client];
        if (cursor->record == 0) {
            put32(item, client->rank);
            put64(item, client->watermark);
            put32(item, client->count);
        } else {
            const struct chord_duplicate *record = chord_duplicates_get(client, cursor->record - 1);
            put64(item, record->seq);
            put_version(item, record->version);
            put_id(item, record->key_id);
            put8(item, (uint8_t)record->outcome);
        }
        if (cursor->record++ == client->count) {
            cursor->client++;
            cursor->record = 0;
        }
        return;
    }
    cursor->phase = cursor->phase == PHASE_CLIENTS ? PHASE_PAIRS : cursor->phase;
    if (outgoing->delta) {
        if (next_change(arc, outgoing, &cursor->position, item)) {
            return;
        }
    } else {
        const struct chord_entry *entry = chord_store_next(&arc->store, &cursor->position);
        if (entry != NULL) {
            make_pair(item, entry);
            return;
        }
    }
    put8(item, ITEM_END);
    cursor->phase = PHASE_DONE;
}

/* Copies what of the run from `skip` on fits. */
static void copy_run(const unsigned char *run, size_t size, size_t *skip, unsigned char *bytes, size_t capacity,
                     size_t *used) {
    if (*skip >= size) {
        *skip -= size;
        return;
    }
    size_t count = size - *skip;
    count = count < capacity - *used ? count : capacity - *used;
    if (count > 0) {
        memcpy(bytes + *used, run + *skip, count);
    }
    *used += count;
    *skip = 0;
}

/* Fills a piece from the cursor on and moves the cursor behind it. Returns its size. */
static size_t fill(const struct chord_arc *arc, const struct chord_outgoing *outgoing, struct chord_cursor *cursor,
                   unsigned char *bytes, size_t capacity) {
    size_t used = 0;
    while (used < capacity && cursor->phase != PHASE_DONE) {
        struct chord_cursor next = *cursor;
        struct item item;
        make_item(arc, outgoing, &next, &item);
        const size_t size = (size_t)item.fixed_size + item.key_size + item.value_size;
        const size_t before = used;
        size_t skip = (size_t)cursor->item_offset;
        copy_run(item.fixed, item.fixed_size, &skip, bytes, capacity, &used);
        copy_run(item.key, item.key_size, &skip, bytes, capacity, &used);
        copy_run(item.value, item.value_size, &skip, bytes, capacity, &used);
        const uint64_t sent = cursor->item_offset + (used - before);
        if (sent < size) {
            cursor->item_offset = sent;
            cursor->offset += used - before;
            break;
        }
        next.offset = cursor->offset + (used - before);
        next.item_offset = 0;
        *cursor = next;
    }
    return used;
}

/* --- the source --- */

static enum chord_status send_piece(const struct chord_replica *replica, const struct chord_arc *arc,
                                    struct chord_outgoing *outgoing) {
    const struct chord_environment *environment = replica->environment;
    const size_t capacity = environment->config->piece_bytes;
    unsigned char *bytes = chord_allocate(environment->allocator, capacity);
    if (bytes == NULL) {
        return CHORD_NO_MEMORY;
    }
    outgoing->after = outgoing->before;
    const size_t size = fill(arc, outgoing, &outgoing->after, bytes, capacity);
    struct chord_message message = {
        .type = CHORD_MESSAGE_PIECE, .from = replica->self.address, .to = outgoing->to};
    message.piece = (struct chord_piece){.epoch = arc->epoch,
                                         .end = arc->end,
                                         .offset = outgoing->before.offset,
                                         .last = outgoing->after.phase == PHASE_DONE,
                                         .size = (uint32_t)size,
                                         .bytes = bytes};
    chord_send(environment, &message);
    chord_free(environment->allocator, bytes);
    return CHORD_OK;
}

/* M4: a receiver with a state of the same base needs a delta only, if it can undo what it is ahead, or the source's log
 * reaches back to where it is. */
static bool delta_will_do(const struct chord_arc *arc, const struct chord_pull *pull) {
    if (pull->base_epoch == 0 || pull->base_epoch != arc->base_epoch) {
        return false;
    }
    return pull->base_applied >= arc->applied ? pull->base_log_start <= arc->applied
                                              : arc->log.start <= pull->base_applied;
}

static struct chord_outgoing *outgoing_to(const struct chord_arc *arc, struct chord_address to) {
    struct chord_outgoing *outgoing = arc->outgoing;
    while (outgoing != NULL && !chord_address_equal(outgoing->to, to)) {
        outgoing = outgoing->next;
    }
    return outgoing;
}

static enum chord_status begin_sending(const struct chord_replica *replica, struct chord_arc *arc,
                                       struct chord_outgoing *outgoing) {
    outgoing->held = false;
    outgoing->delta = delta_will_do(arc, &outgoing->first);
    outgoing->before = (struct chord_cursor){.phase = PHASE_HEAD};
    return send_piece(replica, arc, outgoing);
}

enum chord_status chord_transfer_pull(const struct chord_replica *replica, struct chord_arc *arc,
                                      struct chord_address from, const struct chord_pull *pull) {
    if (pull->epoch < arc->promised || (pull->epoch == arc->epoch && arc->status == CHORD_ARC_ACTIVE)) {
        return CHORD_STALE; /* asked twice: by now the whole chain has it */
    }
    struct chord_outgoing *outgoing = outgoing_to(arc, from);
    if (pull->offset == 0) {
        if (outgoing == NULL) {
            outgoing = chord_allocate(replica->environment->allocator, sizeof *outgoing);
            if (outgoing == NULL) {
                return CHORD_NO_MEMORY;
            }
            *outgoing = (struct chord_outgoing){.next = arc->outgoing, .to = from};
            arc->outgoing = outgoing;
        }
        outgoing->first = *pull;
        outgoing->held = true;
    }
    if (pull->epoch > arc->epoch) {
        return CHORD_OK; /* M5: held until installed */
    }
    if (outgoing == NULL || outgoing->first.epoch != pull->epoch || arc->base_epoch == 0 ||
        arc->status == CHORD_ARC_SYNCING || arc->status == CHORD_ARC_OUT) {
        return CHORD_UNEXPECTED;
    }
    if (pull->offset == 0) {
        return begin_sending(replica, arc, outgoing);
    }
    if (pull->offset == outgoing->after.offset && outgoing->after.phase != PHASE_DONE) {
        outgoing->before = outgoing->after;
    } else if (pull->offset != outgoing->before.offset) {
        return CHORD_UNEXPECTED;
    }
    return send_piece(replica, arc, outgoing);
}

enum chord_status chord_transfer_release(const struct chord_replica *replica, struct chord_arc *arc) {
    enum chord_status status = CHORD_OK;
    for (struct chord_outgoing *outgoing = arc->outgoing; outgoing != NULL; outgoing = outgoing->next) {
        if (outgoing->held && outgoing->first.epoch == arc->epoch && arc->base_epoch != 0 &&
            begin_sending(replica, arc, outgoing) != CHORD_OK) {
            status = CHORD_NO_MEMORY;
        }
    }
    return status;
}

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
                                       .base_log_start = arc->log.start};
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

struct reader {
    const unsigned char *at;
    size_t left;
};

static void get(struct reader *reader, void *value, size_t size) {
    memcpy(value, reader->at, size);
    reader->at += size;
    reader->left -= size;
}

static struct chord_id get_id(struct reader *reader) {
    struct chord_id id;
    get(reader, &id.high, 8);
    get(reader, &id.middle, 8);
    get(reader, &id.low, 4);
    return id;
}

static struct chord_version get_version(struct reader *reader) {
    struct chord_version version;
    get(reader, &version.epoch, 4);
    get(reader, &version.counter, 8);
    return version;
}

static enum chord_status read_head(struct chord_staging *staging, struct reader *reader) {
    uint8_t mode;
    get(reader, &mode, 1);
    get(reader, &staging->base_epoch, 4);
    get(reader, &staging->applied, 8);
    get(reader, &staging->clients_left, 4);
    staging->delta = mode == MODE_DELTA;
    staging->has_head = true;
    return mode <= MODE_DELTA && staging->base_epoch != 0 ? CHORD_OK : CHORD_MALFORMED;
}

static enum chord_status read_client(struct chord_staging *staging, struct reader *reader) {
    uint64_t watermark;
    get(reader, &staging->client_rank, 4);
    get(reader, &watermark, 8);
    get(reader, &staging->records_left, 4);
    staging->clients_left--;
    return chord_duplicates_raise(&staging->duplicates, staging->client_rank, watermark);
}

static enum chord_status read_record(struct chord_staging *staging, struct reader *reader) {
    struct chord_duplicate record;
    uint8_t outcome;
    get(reader, &record.seq, 8);
    record.version = get_version(reader);
    record.key_id = get_id(reader);
    get(reader, &outcome, 1);
    record.outcome = (enum chord_outcome)outcome;
    staging->records_left--;
    if (outcome >= CHORD_OUTCOME_COUNT ||
        record.seq < chord_duplicates_watermark(&staging->duplicates, staging->client_rank) ||
        chord_duplicates_find(&staging->duplicates, staging->client_rank, record.seq) != NULL) {
        return CHORD_MALFORMED;
    }
    return chord_duplicates_add(&staging->duplicates, staging->client_rank, 0, record);
}

static enum chord_status read_pair(const struct chord_arc *arc, struct chord_staging *staging, struct reader *reader,
                                   uint32_t key_size, uint32_t value_size) {
    reader->at += 1;
    const struct chord_id id = get_id(reader);
    const struct chord_version version = get_version(reader);
    const unsigned char *key = reader->at + 6;
    if (!chord_arc_contains(arc, id)) {
        return CHORD_MALFORMED;
    }
    staging->pair_count++;
    staging->pair_bytes += key_size + value_size;
    return chord_store_put(&staging->pairs, id, key, key_size, key + key_size, value_size, version);
}

static enum chord_status read_removal(const struct chord_arc *arc, struct chord_staging *staging, struct reader *reader,
                                      uint32_t key_size) {
    reader->at += 1;
    const struct chord_id id = get_id(reader);
    if (!chord_arc_contains(arc, id) || !staging->delta) {
        return CHORD_MALFORMED;
    }
    return chord_store_put(&staging->removals, id, reader->at + 2, key_size, NULL, 0, (struct chord_version){0});
}

/* The size of the item that begins at the reader, as far as its bytes tell: 0 if there are too few to know. */
static enum chord_status item_size(const struct chord_staging *staging, struct reader reader, size_t *size,
                                   uint32_t *key_size, uint32_t *value_size) {
    *size = 0;
    *key_size = 0;
    *value_size = 0;
    if (!staging->has_head) {
        *size = HEAD_SIZE;
        return CHORD_OK;
    }
    if (staging->records_left > 0) {
        *size = RECORD_SIZE;
        return CHORD_OK;
    }
    if (staging->clients_left > 0) {
        *size = CLIENT_SIZE;
        return CHORD_OK;
    }
    if (reader.left == 0) {
        return CHORD_OK;
    }
    const unsigned char kind = reader.at[0];
    if (kind == ITEM_END) {
        *size = 1;
        return CHORD_OK;
    }
    const size_t fixed = kind == ITEM_PAIR ? PAIR_SIZE : REMOVAL_SIZE;
    if (kind > ITEM_REMOVAL) {
        return CHORD_MALFORMED;
    }
    if (reader.left < fixed) {
        return CHORD_OK;
    }
    uint16_t keys;
    memcpy(&keys, reader.at + fixed - (kind == ITEM_PAIR ? 6 : 2), 2);
    *key_size = keys;
    if (kind == ITEM_PAIR) {
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
                                    struct reader *reader) {
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
        struct reader item = *reader;
        if (!staging->has_head) {
            status = read_head(staging, &item);
        } else if (staging->records_left > 0) {
            status = read_record(staging, &item);
        } else if (staging->clients_left > 0) {
            status = read_client(staging, &item);
        } else if (item.at[0] == ITEM_END) {
            staging->ended = true;
        } else if (item.at[0] == ITEM_PAIR) {
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
    struct reader reader = {.at = piece->bytes, .left = piece->size};
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
        reader = (struct reader){.at = staging->partial, .left = needed};
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

/* M4: undoes what the source lacks, applies what this member lacks. */
static enum chord_status apply_delta(struct chord_arc *arc, struct chord_staging *staging) {
    if (staging->base_epoch != arc->base_epoch ||
        (arc->applied > staging->applied && arc->log.start > staging->applied)) {
        return CHORD_MALFORMED;
    }
    /* Deletes that are undone need room, too: a store that was split off has slots for the pairs that it holds alone. */
    if (chord_store_reserve(&arc->store, arc->store.count + arc->log.count + staging->pairs.count) != CHORD_OK) {
        return CHORD_NO_MEMORY;
    }
    const bool gets_writes =
        arc->applied < staging->applied || staging->pairs.count > 0 || staging->removals.count > 0;
    if (arc->applied > staging->applied) {
        chord_log_undo(&arc->log, &arc->store, staging->applied);
    }
    for (size_t i = 0; i < staging->pairs.capacity; i++) {
        if (staging->pairs.slots[i].entry != NULL) {
            chord_store_attach(&arc->store, staging->pairs.slots[i].entry);
            staging->pairs.slots[i].entry = NULL;
        }
    }
    staging->pairs.count = 0;
    const struct chord_entry *removal;
    for (size_t position = 0; (removal = chord_store_next(&staging->removals, &position)) != NULL;) {
        (void)chord_store_remove(&arc->store, chord_entry_id(removal), removal->bytes, removal->key_size);
    }
    if (gets_writes) {
        /* It can't undo what it got without pre-images; what its log held below is undone with it. */
        chord_log_clear(&arc->log, staging->applied);
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
