#include "app/driver/presence.h"

#include <stdlib.h>

enum chord_status presence_init(struct presence *presence, uint32_t rank_count, presence_is_gone *is_gone,
                                void *context) {
    *presence = (struct presence){.rank_count = rank_count, .is_gone = is_gone, .context = context};
    presence->ranks = calloc(rank_count, sizeof *presence->ranks);
    return presence->ranks == NULL ? CHORD_NO_MEMORY : CHORD_OK;
}

void presence_clear(struct presence *presence) {
    free(presence->ranks);
    presence->ranks = NULL;
}

void presence_suspect(struct presence *presence, uint32_t rank, uint64_t now_ns) {
    struct presence_rank *suspect = &presence->ranks[rank];
    if (suspect->state == PRESENCE_HERE) {
        suspect->state = PRESENCE_SUSPECTED;
        suspect->suspected_ns = now_ns;
        presence->suspected_count++;
    }
}

void presence_hear(struct presence *presence, uint32_t rank) {
    struct presence_rank *heard = &presence->ranks[rank];
    if (heard->state == PRESENCE_SUSPECTED) {
        heard->state = PRESENCE_HERE;
        heard->back_ns = 0;
        presence->suspected_count--;
    }
}

void presence_doom(struct presence *presence, uint32_t rank) {
    presence->ranks[rank].is_doomed = true;
}

void presence_pause(struct presence *presence, uint32_t rank, uint64_t back_ns) {
    if (presence->ranks[rank].back_ns < back_ns) {
        presence->ranks[rank].back_ns = back_ns;
    }
}

static bool is_hopeless(const struct presence *presence, uint32_t rank, uint64_t now_ns) {
    const struct presence_rank *suspect = &presence->ranks[rank];
    const uint64_t from_ns = suspect->back_ns > suspect->suspected_ns ? suspect->back_ns : suspect->suspected_ns;
    return suspect->is_doomed || presence->is_gone(presence->context, rank) ||
           (now_ns > from_ns && now_ns - from_ns > PRESENCE_GRACE_NS);
}

uint32_t presence_judge(struct presence *presence, uint64_t now_ns) {
    for (uint32_t rank = 0; presence->suspected_count > 0 && rank < presence->rank_count; rank++) {
        if (presence->ranks[rank].state == PRESENCE_SUSPECTED && is_hopeless(presence, rank, now_ns)) {
            presence->ranks[rank].state = PRESENCE_LOST;
            presence->suspected_count--;
            presence->lost_count++;
            return rank;
        }
    }
    return UINT32_MAX;
}
