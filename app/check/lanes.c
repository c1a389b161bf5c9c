#include "app/check/lanes.h"

#include <stdlib.h>

/* A lane of a client, by the number in which it is ordered among those that are free. */
struct client {
    uint32_t rank;
    uint32_t lane_count;
    uint32_t *free_lanes; /* owned; a heap, the lowest first */
    uint32_t free_count;
    uint32_t capacity;
};

struct clients {
    struct client *items; /* owned; by rank */
    size_t count;
};

static int compare_events(const void *a, const void *b) {
    const struct lanes_event *left = a;
    const struct lanes_event *right = b;
    if (left->time_ns != right->time_ns) {
        return left->time_ns < right->time_ns ? -1 : 1;
    }
    if (left->is_end != right->is_end) {
        return left->is_end ? 1 : -1;
    }
    return (left->position > right->position) - (left->position < right->position);
}

static void swap(uint32_t *a, uint32_t *b) {
    const uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static uint32_t take_lowest(struct client *client) {
    const uint32_t lowest = client->free_lanes[0];
    client->free_lanes[0] = client->free_lanes[--client->free_count];
    for (uint32_t i = 0;;) {
        uint32_t least = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < client->free_count; child++) {
            least = client->free_lanes[child] < client->free_lanes[least] ? child : least;
        }
        if (least == i) {
            return lowest;
        }
        swap(&client->free_lanes[i], &client->free_lanes[least]);
        i = least;
    }
}

static void give_back(struct client *client, uint32_t lane) {
    uint32_t i = client->free_count++;
    client->free_lanes[i] = lane;
    for (; i > 0 && client->free_lanes[(i - 1) / 2] > client->free_lanes[i]; i = (i - 1) / 2) {
        swap(&client->free_lanes[i], &client->free_lanes[(i - 1) / 2]);
    }
}

/* The lane of an operation that begins: a free one or a new one, with room for it to be free again. */
static enum chord_status take_lane(struct client *client, uint32_t *lane) {
    if (client->free_count > 0) {
        *lane = take_lowest(client);
        return CHORD_OK;
    }
    if (client->lane_count == client->capacity) {
        const uint32_t capacity = client->capacity == 0 ? 8 : client->capacity * 2;
        uint32_t *larger = realloc(client->free_lanes, capacity * sizeof *larger);
        if (larger == NULL) {
            return CHORD_NO_MEMORY;
        }
        client->free_lanes = larger;
        client->capacity = capacity;
    }
    *lane = client->lane_count++;
    return CHORD_OK;
}

/* The client of a rank; there are as many as ranks that have operations, which were counted beforehand. */
static struct client *client_of(struct clients *clients, uint32_t rank) {
    size_t low = 0;
    size_t high = clients->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (clients->items[middle].rank < rank) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &clients->items[low];
}

static int compare_ranks(const void *a, const void *b) {
    const uint32_t left = ((const struct client *)a)->rank;
    const uint32_t right = ((const struct client *)b)->rank;
    return (left > right) - (left < right);
}

static enum chord_status make_clients(const struct history_file *file, const size_t *positions, size_t count,
                                      struct clients *clients) {
    clients->items = calloc(count + 1, sizeof *clients->items);
    if (clients->items == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        clients->items[i].rank = file->operations[positions[i]].record.client_rank;
    }
    qsort(clients->items, count, sizeof *clients->items, compare_ranks);
    for (size_t i = 0; i < count; i++) {
        if (clients->count == 0 || clients->items[clients->count - 1].rank != clients->items[i].rank) {
            clients->items[clients->count++] = clients->items[i];
        }
    }
    return CHORD_OK;
}

/* Processes are numbered by the ranks of the ring, or by the highest rank that is there, in a file that is wrong. */
static uint64_t stride_of(const struct history_file *file, const struct clients *clients) {
    const uint64_t highest = clients->count == 0 ? 0 : clients->items[clients->count - 1].rank;
    return highest < file->header.rank_count ? file->header.rank_count : highest + 1;
}

/* Gives every operation its process, in the order of time. `lane_of`: by position in the file. */
static enum chord_status lay_out(const struct history_file *file, struct clients *clients, struct lanes *lanes,
                                 uint32_t *lane_of) {
    const uint64_t stride = stride_of(file, clients);
    for (size_t i = 0; i < lanes->count; i++) {
        struct lanes_event *event = &lanes->events[i];
        const struct history_record *record = &file->operations[event->position].record;
        struct client *client = client_of(clients, record->client_rank);
        uint32_t *lane = &lane_of[event->position];
        if (!event->is_end && take_lane(client, lane) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
        if (event->is_end) { /* of one without an answer: after all others have begun */
            give_back(client, *lane);
        }
        event->process = record->client_rank + stride * *lane;
        lanes->process_count =
            event->process >= lanes->process_count ? event->process + 1 : lanes->process_count;
    }
    return CHORD_OK;
}

static void make_events(const struct history_file *file, const size_t *positions, size_t count, struct lanes *lanes) {
    for (size_t i = 0; i < count; i++) {
        const struct history_record *record = &file->operations[positions[i]].record;
        const bool answered = record->outcome != CHORD_UNKNOWN;
        lanes->events[lanes->count++] =
            (struct lanes_event){.time_ns = record->start_ns, .position = positions[i]};
        lanes->events[lanes->count++] = (struct lanes_event){
            .time_ns = answered ? record->end_ns : UINT64_MAX, .position = positions[i], .is_end = true};
    }
    qsort(lanes->events, lanes->count, sizeof *lanes->events, compare_events);
}

enum chord_status lanes_make(const struct history_file *file, const size_t *positions, size_t count,
                             struct lanes *lanes) {
    struct clients clients = {0};
    uint32_t *lane_of = calloc(file->operation_count + 1, sizeof *lane_of);
    *lanes = (struct lanes){.events = malloc((2 * count + 1) * sizeof *lanes->events)};
    enum chord_status status = lane_of == NULL || lanes->events == NULL
                                   ? CHORD_NO_MEMORY
                                   : make_clients(file, positions, count, &clients);
    if (status == CHORD_OK) {
        make_events(file, positions, count, lanes);
        status = lay_out(file, &clients, lanes, lane_of);
    }
    for (size_t i = 0; i < clients.count; i++) {
        free(clients.items[i].free_lanes);
    }
    free(clients.items);
    free(lane_of);
    if (status != CHORD_OK) {
        lanes_free(lanes);
    }
    return status;
}

void lanes_free(struct lanes *lanes) {
    free(lanes->events);
    *lanes = (struct lanes){0};
}
