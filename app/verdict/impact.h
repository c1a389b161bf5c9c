/* What a fault did to the operations of clients, by their histories. Pure: times are of the records' clock. */
#ifndef APP_VERDICT_IMPACT_H
#define APP_VERDICT_IMPACT_H

#include "app/verdict/history.h"

#include <stdbool.h>

/* From when something failed to when the last arc could be written again. */
struct impact_window {
    uint64_t from_ns;
    uint64_t to_ns; /* >= from_ns */
};

/* Operations; one may count in all three. Plain data: sent between ranks as bytes. */
struct impact {
    uint64_t waited_count;  /* under way when the window ended, and answered later */
    uint64_t retried_count; /* under way at any moment of the window, and sent again at any time */
    uint64_t unknown_count; /* under way at any moment of the window, and never answered */
};

/* Adds what these records show. One without an end was under way for ever. */
void impact_add(struct impact *impact, const struct history_record *records, size_t count,
                const struct impact_window *window);

void impact_merge(struct impact *into, const struct impact *from);

#endif
