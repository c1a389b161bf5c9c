/* The source's side of a transfer: turns an arc's state into a stream, a piece at a time, keeping positions only. */
#include "chord/chain/transfer.h"

#include "chord/base/check.h"
#include "chord/chain/transfer_format.h"
#include "chord/wire/bytes.h"

#include <string.h>

enum { PHASE_HEAD, PHASE_CLIENTS, PHASE_PAIRS, PHASE_DONE };

#define ITEM_FIXED_SIZE_MAX TRANSFER_RECORD_SIZE

/* --- the stream, at the source --- */

/* An item in up to three runs of bytes: fixed fields, key, value. */
struct item {
    unsigned char fixed[ITEM_FIXED_SIZE_MAX];
    struct chord_writer writer; /* behind what of them is set */
    uint32_t key_size;
    uint32_t value_size;
    const unsigned char *key;
    const unsigned char *value;
};

static void make_pair(struct item *item, const struct chord_entry *entry) {
    chord_put8(&item->writer, TRANSFER_ITEM_PAIR);
    chord_put_id(&item->writer, chord_entry_id(entry));
    chord_put_version(&item->writer, chord_entry_version(entry));
    chord_put(&item->writer, &entry->key_size, 2);
    chord_put32(&item->writer, entry->value_size);
    item->key = entry->bytes;
    item->key_size = entry->key_size;
    item->value = chord_entry_value(entry);
    item->value_size = entry->value_size;
}

static void make_removal(struct item *item, const struct chord_entry *entry) {
    chord_put8(&item->writer, TRANSFER_ITEM_REMOVAL);
    chord_put_id(&item->writer, chord_entry_id(entry));
    chord_put(&item->writer, &entry->key_size, 2);
    item->key = entry->bytes;
    item->key_size = entry->key_size;
}

/* The next write of a delta that is the newest on its key: what it left behind is sent, each key once. */
static bool next_change(const struct chord_arc *arc, const struct chord_outgoing *outgoing, size_t *position,
                        struct item *item) {
    while (*position < arc->log.count) {
        const struct chord_log_write *write = chord_log_get(&arc->log, (uint32_t)(*position)++);
        const struct chord_entry *key = chord_log_key(write);
        if (write->counter <= outgoing->undo_to || key == NULL) {
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
    *item = (struct item){.key_size = 0};
    item->writer.at = item->fixed;
    if (cursor->phase == PHASE_HEAD) {
        chord_put8(&item->writer, outgoing->delta ? TRANSFER_MODE_DELTA : TRANSFER_MODE_ALL);
        chord_put32(&item->writer, arc->base_epoch);
        chord_put64(&item->writer, arc->applied);
        chord_put64(&item->writer, outgoing->undo_to);
        chord_put32(&item->writer, arc->duplicates.client_count);
        cursor->phase = PHASE_CLIENTS;
        return;
    }
    if (cursor->phase == PHASE_CLIENTS && cursor->client < arc->duplicates.client_count) {
        const struct chord_duplicate_client *client = &arc->duplicates.clients[cursor->client];
        if (cursor->record == 0) {
            chord_put32(&item->writer, client->rank);
            chord_put64(&item->writer, client->watermark);
            chord_put32(&item->writer, client->count);
        } else {
            const struct chord_duplicate *record = chord_duplicates_get(client, cursor->record - 1);
            chord_put64(&item->writer, record->seq);
            chord_put_version(&item->writer, record->version);
            chord_put_id(&item->writer, record->key_id);
            chord_put8(&item->writer, (uint8_t)record->outcome);
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
    chord_put8(&item->writer, TRANSFER_ITEM_END);
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
        const size_t fixed_size = (size_t)(item.writer.at - item.fixed);
        const size_t size = fixed_size + item.key_size + item.value_size;
        const size_t before = used;
        size_t skip = (size_t)cursor->item_offset;
        copy_run(item.fixed, fixed_size, &skip, bytes, capacity, &used);
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

/* M4: a receiver with a state of the same base needs a delta only, if it can undo what it is ahead, and the source's log
 * reaches back to where it lands. */
static bool delta_will_do(const struct chord_arc *arc, const struct chord_pull *pull, uint64_t *undo_to) {
    if (pull->base_epoch == 0 || pull->base_epoch != arc->base_epoch) {
        return false;
    }
    *undo_to = pull->base_applied;
    if (pull->base_applied > arc->applied) {
        *undo_to = chord_log_landing(arc->applied, pull->base_joint_from, pull->base_joint_to);
        if (*undo_to < pull->base_log_start) {
            return false;
        }
    }
    /* Within writes that came to the source together it doesn't know which key had what. */
    return *undo_to == arc->applied ||
           (arc->log.start <= *undo_to &&
            chord_log_landing(*undo_to, arc->log.joint_from, arc->log.joint_to) == *undo_to);
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
    outgoing->undo_to = 0;
    outgoing->delta = delta_will_do(arc, &outgoing->first, &outgoing->undo_to);
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
