#include "chord/member/coordinator.h"

#include <string.h>

enum chord_status chord_coordinator_init(struct chord_coordinator *coordinator,
                                         const struct chord_environment *environment) {
    const struct chord_config *config = environment->config;
    *coordinator = (struct chord_coordinator){.environment = environment,
                                              .address = {.rank = config->coordinator_rank},
                                              .phase = CHORD_COORDINATOR_GATHERING};
    const uint32_t capacity = config->rank_count * config->virtual_node_count;
    coordinator->synced_counts = chord_allocate(environment->allocator, capacity * sizeof(uint32_t));
    if (coordinator->synced_counts == NULL ||
        chord_view_init(&coordinator->view, environment->allocator, capacity) != CHORD_OK) {
        chord_free(environment->allocator, coordinator->synced_counts);
        return CHORD_NO_MEMORY;
    }
    memset(coordinator->synced_counts, 0, capacity * sizeof(uint32_t));
    return CHORD_OK;
}

void chord_coordinator_clear(struct chord_coordinator *coordinator) {
    chord_view_clear(&coordinator->view, coordinator->environment->allocator);
    chord_free(coordinator->environment->allocator, coordinator->synced_counts);
    coordinator->synced_counts = NULL;
}

static void send_to(const struct chord_coordinator *coordinator, struct chord_message message,
                    const struct chord_member *member) {
    message.from = coordinator->address;
    message.to = member->address;
    chord_send(coordinator->environment, &message);
}

static void notify(const struct chord_coordinator *coordinator, const struct chord_notice *notice) {
    const struct chord_sink *sink = coordinator->environment->sink;
    sink->notice(sink->context, notice);
}

/* Predecessor and successor list of the member at `index`; with one-hop routing all other members. */
static enum chord_status tell_neighbours(const struct chord_coordinator *coordinator, uint32_t index) {
    const struct chord_view *view = &coordinator->view;
    const struct chord_config *config = coordinator->environment->config;
    const struct chord_allocator *allocator = coordinator->environment->allocator;
    const uint32_t others = view->member_count > 1 ? view->member_count - 1 : 1;
    uint32_t count = config->routing == CHORD_ROUTING_ONEHOP ? others : config->successor_count;
    count = count < others ? count : others;
    struct chord_member *successors = chord_allocate(allocator, count * sizeof *successors);
    if (successors == NULL) {
        return CHORD_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        successors[i] = view->members[(index + 1 + i) % view->member_count];
    }
    struct chord_message message = {.type = CHORD_MESSAGE_NEIGHBOURS};
    message.neighbours = (struct chord_neighbours){.epoch = coordinator->epoch,
                                                   .predecessor = view->members[chord_view_before(view, index)],
                                                   .successors = {.array = successors, .count = count}};
    send_to(coordinator, message, &view->members[index]);
    chord_free(allocator, successors);
    return CHORD_OK;
}

/* The chain of member `index`'s arc, in memory that the caller frees; NULL without memory. */
static struct chord_member *chain_of(const struct chord_coordinator *coordinator, uint32_t index, uint32_t *count) {
    const struct chord_view *view = &coordinator->view;
    uint32_t replica_count = coordinator->environment->config->replica_count;
    replica_count = replica_count < view->member_count ? replica_count : view->member_count;
    struct chord_member *chain =
        chord_allocate(coordinator->environment->allocator, replica_count * sizeof *chain);
    if (chain != NULL) {
        *count = chord_view_chain(view, index, replica_count, chain);
    }
    return chain;
}

/* SYNCEDs that are still to come from the node at an address. */
static uint32_t *synced_count_of(const struct chord_coordinator *coordinator, struct chord_address address) {
    return &coordinator->synced_counts[address.rank * coordinator->environment->config->virtual_node_count +
                                       address.virtual_node];
}

static enum chord_status install(struct chord_coordinator *coordinator, uint32_t index) {
    const struct chord_view *view = &coordinator->view;
    uint32_t count = 0;
    struct chord_member *chain = chain_of(coordinator, index, &count);
    if (chain == NULL) {
        return CHORD_NO_MEMORY;
    }
    struct chord_message message = {.type = CHORD_MESSAGE_INSTALL};
    message.install = (struct chord_install){.epoch = coordinator->epoch,
                                             .start = view->members[chord_view_before(view, index)].id,
                                             .end = view->members[index].id,
                                             .chain = {.array = chain, .count = count},
                                             .empty = true};
    for (uint32_t i = 0; i < count; i++) {
        send_to(coordinator, message, &chain[i]);
    }
    coordinator->synced_missing += count;
    for (uint32_t i = 0; i < count; i++) {
        *synced_count_of(coordinator, chain[i].address) += 1;
    }
    chord_free(coordinator->environment->allocator, chain);
    return CHORD_OK;
}

static enum chord_status form(struct chord_coordinator *coordinator) {
    struct chord_view *view = &coordinator->view;
    const uint32_t twin = chord_view_sort(view);
    if (twin != UINT32_MAX) {
        coordinator->phase = CHORD_COORDINATOR_FAILED;
        const struct chord_notice notice = {.kind = CHORD_NOTICE_DUPLICATE_ID,
                                            .first = view->members[twin],
                                            .second = view->members[twin + 1]};
        notify(coordinator, &notice);
        return CHORD_OK;
    }
    coordinator->phase = CHORD_COORDINATOR_INSTALLING;
    coordinator->epoch++;
    for (uint32_t index = 0; index < view->member_count; index++) {
        if (tell_neighbours(coordinator, index) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    for (uint32_t index = 0; index < view->member_count; index++) {
        if (install(coordinator, index) != CHORD_OK) {
            return CHORD_NO_MEMORY;
        }
    }
    return CHORD_OK;
}

static enum chord_status activate(struct chord_coordinator *coordinator) {
    const struct chord_view *view = &coordinator->view;
    for (uint32_t index = 0; index < view->member_count; index++) {
        uint32_t count = 0;
        struct chord_member *chain = chain_of(coordinator, index, &count);
        if (chain == NULL) {
            return CHORD_NO_MEMORY;
        }
        struct chord_message message = {.type = CHORD_MESSAGE_ACTIVATE};
        message.activate =
            (struct chord_activate){.epoch = coordinator->epoch, .arc_end = view->members[index].id};
        /* Tail first: a head that is told last can't send to a member that doesn't know yet. */
        for (uint32_t i = count; i-- > 0;) {
            send_to(coordinator, message, &chain[i]);
        }
        chord_free(coordinator->environment->allocator, chain);
    }
    coordinator->phase = CHORD_COORDINATOR_IDLE;
    const struct chord_notice notice = {.kind = CHORD_NOTICE_FORMED, .epoch = coordinator->epoch};
    notify(coordinator, &notice);
    return CHORD_OK;
}

static enum chord_status receive_register(struct chord_coordinator *coordinator, const struct chord_member *member) {
    struct chord_view *view = &coordinator->view;
    if (coordinator->phase != CHORD_COORDINATOR_GATHERING) {
        return CHORD_UNEXPECTED;
    }
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (chord_address_equal(view->members[i].address, member->address)) {
            return CHORD_UNEXPECTED;
        }
    }
    chord_view_add(view, *member);
    return view->member_count == view->capacity ? form(coordinator) : CHORD_OK;
}

enum chord_status chord_coordinator_receive(struct chord_coordinator *coordinator,
                                            const struct chord_message *message) {
    switch (message->type) {
    case CHORD_MESSAGE_REGISTER:
        return receive_register(coordinator, &message->registration.member);
    case CHORD_MESSAGE_SYNCED:
        if (message->synced.epoch != coordinator->epoch) {
            return CHORD_STALE;
        }
        if (coordinator->phase != CHORD_COORDINATOR_INSTALLING ||
            *synced_count_of(coordinator, message->from) == 0) {
            return CHORD_UNEXPECTED;
        }
        --*synced_count_of(coordinator, message->from);
        coordinator->synced_missing--;
        return coordinator->synced_missing == 0 ? activate(coordinator) : CHORD_OK;
    default:
        return CHORD_UNEXPECTED;
    }
}
