#include "chord/member/roster.h"

#include <string.h>

enum chord_status chord_roster_init(struct chord_roster *roster, const struct chord_allocator *allocator,
                                    const struct chord_config *config) {
    *roster = (struct chord_roster){.count = config->rank_count * config->virtual_node_count,
                                    .virtual_node_count = config->virtual_node_count};
    roster->entries = chord_allocate(allocator, roster->count * sizeof *roster->entries);
    if (roster->entries == NULL) {
        return CHORD_NO_MEMORY;
    }
    memset(roster->entries, 0, roster->count * sizeof *roster->entries);
    return CHORD_OK;
}

void chord_roster_clear(struct chord_roster *roster, const struct chord_allocator *allocator) {
    chord_free(allocator, roster->entries);
    roster->entries = NULL;
}

void chord_roster_view(const struct chord_roster *roster, struct chord_view *view) {
    view->member_count = 0;
    for (uint32_t i = 0; i < roster->count; i++) {
        const enum chord_roster_state state = roster->entries[i].state;
        if (state == CHORD_ROSTER_JOINING || state == CHORD_ROSTER_MEMBER) {
            chord_view_add(view, roster->entries[i].member);
        }
    }
    (void)chord_view_sort(view); /* ids differ: that was seen to when the ring was formed */
}
