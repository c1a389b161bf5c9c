#include "app/measure/action.h"

void action_metrics_merge(struct action_metrics *into, const struct action_metrics *from) {
    histogram_merge(&into->latency_ns, &from->latency_ns);
    histogram_merge(&into->intended_ns, &from->intended_ns);
    into->present_count += from->present_count;
    into->absent_count += from->absent_count;
    into->unknown_count += from->unknown_count;
}
