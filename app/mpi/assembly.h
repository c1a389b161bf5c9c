/* A message that is put together from its fragments (frame.h): those of one channel, in the channel's order. Pure bytes:
 * knows neither MPI nor Chord. The transport has one a peer, the simulator's network one a channel. */
#ifndef APP_MPI_ASSEMBLY_H
#define APP_MPI_ASSEMBLY_H

#include "app/mpi/frame.h"

#include <stdbool.h>

/* All zero: nothing has begun. */
struct assembly {
    bool is_open; /* a message has begun and isn't whole yet */
    uint32_t total;
    uint32_t size; /* bytes so far */
    uint32_t capacity;
    unsigned char *bytes; /* owned; capacity bytes, or NULL */
};

/* Takes the next fragment of a message of at most bytes_max bytes. With the last one the message is whole: `total` bytes
 * from `bytes` on, until assembly_done(). Returns NULL, or why the fragment can't come here (static text). */
const char *assembly_take(struct assembly *assembly, const struct frame_record *record, uint32_t bytes_max);

/* The whole message is of no use any more; the room is kept unless it is large. */
void assembly_done(struct assembly *assembly);

/* What has begun is given up: the rest will never come. */
static inline void assembly_restart(struct assembly *assembly) {
    assembly->is_open = false;
}

/* Frees what it owns. */
void assembly_clear(struct assembly *assembly);

#endif
