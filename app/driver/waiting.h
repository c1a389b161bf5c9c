/* What a rank of a run that is stuck waits for, in words, for the watchdog. */
#ifndef APP_DRIVER_WAITING_H
#define APP_DRIVER_WAITING_H

#include "chord/peer.h"

#include <stdio.h>

/* Goes on in a line that has begun: ", 3 without an answer, 2 arcs wedged; the coordinator ...". */
void waiting_tell(FILE *out, const struct chord_peer *peer);

#endif
