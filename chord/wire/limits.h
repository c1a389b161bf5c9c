/* The sizes that the protocol promises (DESIGN: operations). */
#ifndef CHORD_WIRE_LIMITS_H
#define CHORD_WIRE_LIMITS_H

#define CHORD_KEY_SIZE_MAX 1024u
#define CHORD_VALUE_SIZE_MAX (1024u * 1024u)
/* The largest piece of a transfer (rule M4). */
#define CHORD_PIECE_SIZE_MAX (1024u * 1024u)

#endif
