/* Looks at a rank's nodes from outside and describes them: for the verdict, the report and --dump. Changes nothing. */
#ifndef APP_DRIVER_DESCRIBE_H
#define APP_DRIVER_DESCRIBE_H

#include "app/report/result.h"
#include "app/verdict/copies.h"
#include "chord/peer.h"

/* Every arc that the rank's nodes hold, to be freed by free(). */
struct copies_arc *describe_arcs(const struct chord_peer *peer, size_t *arc_count);

/* A node's pairs, routing state and counters since it was made. */
struct result_node describe_node(const struct chord_node *node);

/* A node's routing table and chains as JSON, one object and line; *size bytes, to be freed by free(). There are only
 * names and numbers in it: nothing needs escaping. app/driver/budget.h bounds its size. */
char *describe_table(const struct chord_node *node, size_t *size);

#endif
