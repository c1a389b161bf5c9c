#include "app/verdict/search.h"

#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
/* In the trail: one step over an event. Anything else is an operation that was given its place. */
#define STEP UINT32_MAX
#define NEVER UINT32_MAX

struct search_event {
    uint64_t time_ns;
    uint32_t operation;
    bool returns;
};

struct search_item {
    uint32_t value;
    uint32_t returns_at; /* its return's position among the events; NEVER */
    uint32_t slot;       /* its bit while it is open */
    uint32_t previous;   /* in the list of open operations without a place; kept while it is out of it */
    uint32_t next;
    uint8_t kind;
    bool placed;
};

struct search_frame {
    size_t trail_count;
    size_t candidate_first;
    size_t candidate_next;
    size_t candidate_end;
    uint32_t value;
};

#define RADIX_SORT_NAME sort_events
#define RADIX_SORT_TYPE struct search_event
#define RADIX_SORT_KEY(item)                                                                                 \
    (((unsigned __int128)(item)->time_ns << 64) | (uint64_t)(item)->returns << 32 | (item)->operation)
#include "app/verdict/radix_sort.inc.h"

/* --- memory --- */

void search_free(struct search *search) {
    free(search->longest);
    free(search->items);
    free(search->events);
    free(search->trail);
    free(search->frames);
    free(search->candidates);
    free(search->reads_left);
    free(search->reads_open);
    free(search->writes_left);
    free(search->bits);
    free(search->nodes);
    free(search->table);
    *search = (struct search){.bytes_max = search->bytes_max,
                              .steps_max = search->steps_max,
                              .keeps_longest = search->keeps_longest};
}

static bool resize(void *pointer, size_t count, size_t size) {
    void *block;
    memcpy(&block, pointer, sizeof block);
    block = realloc(block, count * size);
    if (block == NULL) {
        return false;
    }
    memcpy(pointer, &block, sizeof block);
    return true;
}

static bool reserve(struct search *search, size_t count, uint32_t value_count) {
    if (count > search->capacity || search->capacity == 0) {
        const size_t capacity = count + count / 2 + 16;
        if (!resize(&search->longest, capacity, sizeof *search->longest) ||
            !resize(&search->items, capacity, sizeof *search->items) ||
            !resize(&search->events, 2 * capacity, sizeof *search->events) ||
            /* Every operation is called, placed and returns at most once; every frame has placed one. */
            !resize(&search->trail, 3 * capacity, sizeof *search->trail) ||
            !resize(&search->frames, capacity + 1, sizeof *search->frames) ||
            !resize(&search->bits, capacity / 64 + 1, sizeof *search->bits)) {
            return false;
        }
        search->capacity = capacity;
    }
    if (value_count > search->value_capacity) {
        const uint32_t capacity = value_count + value_count / 2 + 16;
        if (!resize(&search->reads_left, capacity, sizeof *search->reads_left) ||
            !resize(&search->reads_open, capacity, sizeof *search->reads_open) ||
            !resize(&search->writes_left, capacity, sizeof *search->writes_left)) {
            return false;
        }
        search->value_capacity = capacity;
    }
    return true;
}

/* --- the beginning --- */

static bool is_maybe(const struct search_item *item) {
    return item->kind == SEARCH_MAYBE_INSERT || item->kind == SEARCH_MAYBE_DELETE;
}

/* Gives every operation a slot that no other one has while it is open. Returns how many there are. The slots that are
 * free are kept in the trail's memory, which isn't in use yet. */
static size_t assign_slots(struct search *search) {
    uint32_t *free_slots = search->trail;
    size_t free_count = 0;
    size_t slot_count = 0;
    for (size_t i = 0; i < search->event_count; i++) {
        struct search_item *item = &search->items[search->events[i].operation];
        if (search->events[i].returns) {
            item->returns_at = (uint32_t)i;
            free_slots[free_count++] = item->slot;
        } else {
            item->slot = free_count > 0 ? free_slots[--free_count] : (uint32_t)slot_count++;
        }
    }
    return slot_count;
}

static void prepare(struct search *search, const struct search_operation *operations, size_t count,
                    uint32_t value_count) {
    memset(search->reads_left, 0, value_count * sizeof *search->reads_left);
    memset(search->reads_open, 0, value_count * sizeof *search->reads_open);
    memset(search->writes_left, 0, value_count * sizeof *search->writes_left);
    search->event_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct search_operation *operation = &operations[i];
        struct search_item *item = &search->items[i];
        chord_check(operation->value < value_count);
        *item = (struct search_item){.value = operation->value, .returns_at = NEVER, .kind = operation->kind};
        search->events[search->event_count++] =
            (struct search_event){.time_ns = operation->start_ns, .operation = (uint32_t)i};
        if (!is_maybe(item)) {
            chord_check(operation->start_ns <= operation->end_ns);
            search->events[search->event_count++] =
                (struct search_event){.time_ns = operation->end_ns, .operation = (uint32_t)i, .returns = true};
        }
        if (item->kind == SEARCH_READ) {
            search->reads_left[item->value]++;
        } else {
            search->writes_left[item->value]++;
        }
    }
    sort_events(search->events, search->event_count);
    search->word_count = assign_slots(search) / 64 + 1;
    memset(search->bits, 0, search->word_count * sizeof *search->bits);
    search->event = 0;
    search->trail_count = 0;
    search->placed_count = 0;
    search->frame_count = 0;
    search->candidate_count = 0;
    search->first_open = NONE;
    search->last_open = NONE;
    search->value = 0;
    search->step_count = 0;
    search->longest_count = 0;
    search->longest_due = NONE;
    search->longest_value = 0;
}

/* --- configurations that were seen --- */

static uint64_t hash_node(const uint64_t *words, size_t count) {
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < count; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash;
}

static void enter_node(const struct search *search, size_t node) {
    const size_t size = search->word_count + 1;
    size_t at = (size_t)hash_node(search->nodes + node * size, size) & (search->table_size - 1);
    while (search->table[at] != 0) {
        at = (at + 1) & (search->table_size - 1);
    }
    search->table[at] = (uint32_t)node + 1;
}

/* Forgets the last run's. A table that one large run has left is not swept for every small one. */
static void forget_nodes(struct search *search) {
    if (search->node_count > search->table_size / 8) {
        memset(search->table, 0, search->table_size * sizeof *search->table);
    } else {
        const size_t size = search->word_count + 1;
        for (size_t node = 0; node < search->node_count; node++) {
            size_t at = (size_t)hash_node(search->nodes + node * size, size) & (search->table_size - 1);
            while (search->table[at] != node + 1) {
                at = (at + 1) & (search->table_size - 1);
            }
            search->table[at] = 0;
        }
    }
    search->node_count = 0;
}

/* Makes room for one more configuration. */
static enum search_result make_room(struct search *search) {
    const size_t words_needed = (search->node_count + 1) * (search->word_count + 1);
    const bool grows_nodes = words_needed > search->node_capacity;
    const bool grows_table = 2 * (search->node_count + 1) > search->table_size;
    if (!grows_nodes && !grows_table) {
        return SEARCH_FITS;
    }
    size_t node_capacity = search->node_capacity;
    if (grows_nodes) {
        node_capacity = 2 * words_needed < 1024 ? 1024 : 2 * words_needed;
    }
    const size_t table_size = !grows_table ? search->table_size
                              : search->table_size == 0 ? 256 : 2 * search->table_size;
    if (node_capacity * sizeof *search->nodes + table_size * sizeof *search->table > search->bytes_max ||
        search->node_count >= NONE - 1) {
        return SEARCH_TOO_LARGE;
    }
    if (grows_nodes) {
        if (!resize(&search->nodes, node_capacity, sizeof *search->nodes)) {
            return SEARCH_NO_MEMORY;
        }
        search->node_capacity = node_capacity;
    }
    if (grows_table) {
        if (!resize(&search->table, table_size, sizeof *search->table)) {
            return SEARCH_NO_MEMORY;
        }
        search->table_size = table_size;
        memset(search->table, 0, table_size * sizeof *search->table);
        for (size_t node = 0; node < search->node_count; node++) {
            enter_node(search, node);
        }
    }
    return SEARCH_FITS;
}

/* Remembers the configuration. *seen: it was there already. */
static enum search_result remember(struct search *search, bool *seen) {
    const enum search_result room = make_room(search);
    if (room != SEARCH_FITS) {
        return room;
    }
    const size_t size = search->word_count + 1;
    uint64_t *node = search->nodes + search->node_count * size;
    node[0] = (uint64_t)search->event << 32 | search->value;
    memcpy(node + 1, search->bits, search->word_count * sizeof *node);
    size_t at = (size_t)hash_node(node, size) & (search->table_size - 1);
    for (; search->table[at] != 0; at = (at + 1) & (search->table_size - 1)) {
        if (memcmp(search->nodes + (search->table[at] - 1) * size, node, size * sizeof *node) == 0) {
            *seen = true;
            return SEARCH_FITS;
        }
    }
    search->table[at] = (uint32_t)search->node_count + 1;
    search->node_count++;
    *seen = false;
    return SEARCH_FITS;
}

/* --- doing and undoing --- */

static void unlink_open(struct search *search, const struct search_item *item) {
    *(item->previous == NONE ? &search->first_open : &search->items[item->previous].next) = item->next;
    *(item->next == NONE ? &search->last_open : &search->items[item->next].previous) = item->previous;
}

/* Undoes unlink_open, if all that was done since has been undone. */
static void relink_open(struct search *search, const struct search_item *item, uint32_t operation) {
    *(item->previous == NONE ? &search->first_open : &search->items[item->previous].next) = operation;
    *(item->next == NONE ? &search->last_open : &search->items[item->next].previous) = operation;
}

static void flip_bit(struct search *search, const struct search_item *item) {
    search->bits[item->slot / 64] ^= UINT64_C(1) << (item->slot % 64);
}

static void place(struct search *search, uint32_t operation) {
    struct search_item *item = &search->items[operation];
    unlink_open(search, item);
    item->placed = true;
    flip_bit(search, item);
    if (item->kind == SEARCH_READ) {
        search->reads_left[item->value]--;
        search->reads_open[item->value]--;
    } else {
        search->writes_left[item->value]--;
        search->value = item->value;
    }
    search->placed_count++;
    search->trail[search->trail_count++] = operation;
}

static void place_reads(struct search *search) {
    for (uint32_t i = search->first_open; i != NONE && search->reads_open[search->value] > 0;
         i = search->items[i].next) {
        if (search->items[i].kind == SEARCH_READ && search->items[i].value == search->value) {
            place(search, i);
        }
    }
}

/* Walks on to the return of an operation that has no place. False: there is none. */
static bool advance(struct search *search) {
    for (; search->event < search->event_count; search->event++) {
        const struct search_event *event = &search->events[search->event];
        struct search_item *item = &search->items[event->operation];
        if (event->returns && !item->placed) {
            return true;
        }
        search->trail[search->trail_count++] = STEP;
        if (event->returns) {
            flip_bit(search, item);
            continue;
        }
        item->previous = search->last_open;
        item->next = NONE;
        relink_open(search, item, event->operation);
        if (item->kind == SEARCH_READ) {
            search->reads_open[item->value]++;
            if (item->value == search->value) {
                place(search, event->operation);
            }
        }
    }
    return false;
}

static void undo(struct search *search, size_t trail_count) {
    while (search->trail_count > trail_count) {
        const uint32_t operation = search->trail[--search->trail_count];
        if (operation != STEP) {
            struct search_item *item = &search->items[operation];
            relink_open(search, item, operation);
            item->placed = false;
            flip_bit(search, item);
            if (item->kind == SEARCH_READ) {
                search->reads_left[item->value]++;
                search->reads_open[item->value]++;
            } else {
                search->writes_left[item->value]++;
            }
            search->placed_count--;
            continue;
        }
        const struct search_event *event = &search->events[--search->event];
        const struct search_item *item = &search->items[event->operation];
        if (event->returns) {
            flip_bit(search, item);
        } else {
            unlink_open(search, item);
            search->reads_open[item->value] -= item->kind == SEARCH_READ;
        }
    }
}

/* --- choosing --- */

/* All that will still read the write's value is open, and reads it from this write: they can be placed as a block. */
static bool is_block(const struct search *search, const struct search_item *write) {
    const uint32_t value = write->value;
    return search->reads_left[value] == 0 ||
           (search->writes_left[value] == 1 && search->reads_left[value] == search->reads_open[value]);
}

/* When the first of the block returns. */
static uint32_t block_returns_at(const struct search *search, const struct search_item *write) {
    uint32_t first = write->returns_at;
    for (uint32_t i = search->first_open; search->reads_open[write->value] > 0 && i != NONE;
         i = search->items[i].next) {
        const struct search_item *item = &search->items[i];
        if (item->kind == SEARCH_READ && item->value == write->value && item->returns_at < first) {
            first = item->returns_at;
        }
    }
    return first;
}

/* What is tried first: the operation that is due, then a write of what it reads, then by return. */
static uint64_t urgency(const struct search *search, uint32_t operation, uint32_t due) {
    const struct search_item *item = &search->items[operation];
    const struct search_item *due_item = &search->items[due];
    const bool serves = due_item->kind == SEARCH_READ && item->value == due_item->value;
    const uint64_t class = operation == due ? 0 : serves ? 1 : 2;
    return class << 32 | item->returns_at;
}

static void add_candidate(struct search *search, size_t first, uint32_t operation, uint32_t due) {
    size_t at = search->candidate_count++;
    const uint64_t urgent = urgency(search, operation, due);
    for (; at > first && urgency(search, search->candidates[at - 1], due) > urgent; at--) {
        search->candidates[at] = search->candidates[at - 1];
    }
    search->candidates[at] = operation;
}

/* Two writes of one kind and value are alike: the one that returns first goes first. */
static bool has_better_twin(const struct search *search, uint32_t operation) {
    const struct search_item *item = &search->items[operation];
    for (uint32_t i = search->first_open; search->writes_left[item->value] > 1 && i != NONE;
         i = search->items[i].next) {
        const struct search_item *other = &search->items[i];
        if (i != operation && other->kind == item->kind && other->value == item->value &&
            (other->returns_at < item->returns_at || (other->returns_at == item->returns_at && i < operation))) {
            return true;
        }
    }
    return false;
}

/* Whether `operation` is among what is tried next. *best: of those that are alike the one that goes first. */
static bool is_candidate(const struct search *search, uint32_t operation, uint32_t due, uint32_t *best,
                         uint32_t *best_returns_at) {
    const struct search_item *item = &search->items[operation];
    const bool present = search->value != 0;
    const bool inserts = item->kind == SEARCH_INSERTED || item->kind == SEARCH_UPDATED ||
                         item->kind == SEARCH_MAYBE_INSERT;
    if (item->kind == SEARCH_READ || (item->kind == SEARCH_INSERTED && present) ||
        ((item->kind == SEARCH_UPDATED || !inserts) && !present)) {
        return false;
    }
    /* A maybe insert that is read may have its place on a present register, where no other insert of the kind could go
     * in its stead: it isn't alike. */
    const bool is_alike = !inserts || (!present && is_block(search, item) &&
                                       (item->kind == SEARCH_INSERTED || search->reads_left[item->value] == 0));
    if (is_alike) {
        const uint32_t returns_at = inserts ? block_returns_at(search, item) : item->returns_at;
        if (*best == NONE || returns_at < *best_returns_at) {
            *best = operation;
            *best_returns_at = returns_at;
        }
        return false;
    }
    if (item->kind == SEARCH_UPDATED && is_block(search, item)) {
        /* It will go before whatever is chosen, unless it is what must come now. */
        const struct search_item *due_item = &search->items[due];
        if (operation != due && !(due_item->kind == SEARCH_READ && due_item->value == item->value)) {
            return false;
        }
    }
    if (item->kind == SEARCH_MAYBE_INSERT && present &&
        (search->reads_left[item->value] == 0 || item->value == search->value)) {
        return false;
    }
    return !has_better_twin(search, operation);
}

/* False: no choice can give the operation that is due its place. */
static bool can_serve(const struct search *search, const struct search_item *due) {
    if (search->reads_left[search->value] > 0 && search->writes_left[search->value] == 0) {
        return false; /* whatever comes next would overwrite what is still to be read */
    }
    if (due->kind != SEARCH_READ) {
        return true;
    }
    for (uint32_t i = search->first_open; i != NONE; i = search->items[i].next) {
        if (search->items[i].kind != SEARCH_READ && search->items[i].value == due->value) {
            return true;
        }
    }
    return false;
}

static enum search_result collect(struct search *search, uint32_t due) {
    const size_t first = search->candidate_count;
    size_t open_count = 0;
    for (uint32_t i = search->first_open; i != NONE; i = search->items[i].next) {
        open_count++;
    }
    if (first + open_count + 1 > search->candidate_capacity) {
        const size_t capacity = 2 * (first + open_count + 1);
        if (capacity * sizeof *search->candidates > search->bytes_max) {
            return SEARCH_TOO_LARGE;
        }
        if (!resize(&search->candidates, capacity, sizeof *search->candidates)) {
            return SEARCH_NO_MEMORY;
        }
        search->candidate_capacity = capacity;
    }
    if (can_serve(search, &search->items[due])) {
        uint32_t best = NONE;
        uint32_t best_returns_at = NEVER;
        for (uint32_t i = search->first_open; i != NONE; i = search->items[i].next) {
            if (is_candidate(search, i, due, &best, &best_returns_at)) {
                add_candidate(search, first, i, due);
            }
        }
        if (best != NONE) {
            add_candidate(search, first, best, due);
        }
    }
    search->frames[search->frame_count++] = (struct search_frame){.trail_count = search->trail_count,
                                                                  .candidate_first = first,
                                                                  .candidate_next = first,
                                                                  .candidate_end = search->candidate_count,
                                                                  .value = search->value};
    return SEARCH_FITS;
}

/* Updates that nobody will miss, each with its readers. */
static void place_blocks(struct search *search, uint32_t chosen) {
    for (uint32_t i = search->first_open; i != NONE; i = search->items[i].next) {
        if (i != chosen && search->items[i].kind == SEARCH_UPDATED && is_block(search, &search->items[i])) {
            place(search, i);
            place_reads(search);
        }
    }
}

static void choose(struct search *search, uint32_t chosen) {
    if (search->value != 0) {
        place_blocks(search, chosen);
    }
    place(search, chosen);
    place_reads(search);
}

/* --- the search --- */

static void keep_longest(struct search *search, uint32_t due) {
    if (!search->keeps_longest || (search->placed_count <= search->longest_count && search->longest_due != NONE)) {
        return;
    }
    search->longest_count = 0;
    for (size_t i = 0; i < search->trail_count; i++) {
        if (search->trail[i] != STEP) {
            search->longest[search->longest_count++] = search->trail[i];
        }
    }
    search->longest_due = due;
    search->longest_value = search->value;
}

/* A return without a place is due: makes a frame of what can come next, unless the configuration is known. */
static enum search_result open_frame(struct search *search) {
    const uint32_t due = search->events[search->event].operation;
    bool seen = false;
    const enum search_result remembered = remember(search, &seen);
    if (remembered != SEARCH_FITS || seen) {
        return remembered;
    }
    keep_longest(search, due);
    return collect(search, due);
}

enum search_result search_run(struct search *search, const struct search_operation *operations, size_t count,
                              uint32_t value_count) {
    chord_check(count < UINT32_MAX / 2 && value_count > 0);
    if (!reserve(search, count, value_count)) {
        return SEARCH_NO_MEMORY;
    }
    forget_nodes(search);
    prepare(search, operations, count, value_count);
    if (!advance(search)) {
        return SEARCH_FITS;
    }
    enum search_result result = open_frame(search);
    while (result == SEARCH_FITS && search->frame_count > 0) {
        struct search_frame *frame = &search->frames[search->frame_count - 1];
        undo(search, frame->trail_count);
        search->value = frame->value;
        if (frame->candidate_next == frame->candidate_end) {
            search->candidate_count = frame->candidate_first;
            search->frame_count--;
            continue;
        }
        if (search->step_count++ >= search->steps_max) {
            return SEARCH_TOO_LARGE;
        }
        const uint32_t due = search->events[search->event].operation;
        choose(search, search->candidates[frame->candidate_next++]);
        if (search->items[due].placed && !advance(search)) {
            return SEARCH_FITS;
        }
        result = open_frame(search);
    }
    return result == SEARCH_FITS ? SEARCH_NONE : result;
}
