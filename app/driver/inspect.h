/* Looks at one node from outside, for the shell: where it would send a request, what it knows, which pairs it owns.
 * Changes nothing of the node. The structs are those of control.h, as bytes for a reply. */
#ifndef APP_DRIVER_INSPECT_H
#define APP_DRIVER_INSPECT_H

#include "app/driver/control.h"
#include "chord/node.h"

/* Where the node would send a request for the target, as chord/node.c decides it. */
struct control_step inspect_step(const struct chord_node *node, struct chord_id target);

/* A control_info and its members; *size bytes, to be freed by free(). Takes a pass over the node's pairs. */
unsigned char *inspect_info(const struct chord_node *node, size_t *size);

/* A listing of the pairs that a node owns. It holds a sorted copy of their keys, so that the node may change between
 * two pieces: a pair that is gone by then is left out, one that came since isn't in it. A zeroed struct is none. */
struct inspect_key {
    size_t offset; /* in bytes */
    uint32_t size;
    struct chord_id id;
};

struct inspect_listing {
    unsigned char *bytes;     /* owned; the keys, one after the other */
    struct inspect_key *keys; /* owned; by their bytes once the listing has begun */
    size_t count;
    size_t next; /* the first that wasn't sent yet */
};

/* Begins a listing and forgets the one before. */
void inspect_list(struct inspect_listing *listing, const struct chord_node *node);

/* A control_pairs and its pairs; *size bytes, to be freed by free(). */
unsigned char *inspect_pairs(struct inspect_listing *listing, const struct chord_node *node, size_t *size);

void inspect_listing_clear(struct inspect_listing *listing);

#endif
