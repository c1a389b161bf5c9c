/* Reads the file of --node-ids: the id of every node of every rank, so that a textbook's ring can be laid out
 * exactly.
 *
 * One `RANK ID` a line, or `RANK ID ID ...` with the ids of the rank's virtual nodes 0, 1, ... where a rank
 * hosts several. ID is decimal (below 2^64) or hexadecimal with 0x; blank lines and everything from a # on
 * are skipped; CRLF and a missing final newline are accepted. Each rank 0..rank_count-1 must be given exactly
 * once and no two nodes may have one id. It knows nothing of the ring or of how ids are made otherwise. */
#ifndef APP_OPTIONS_NODE_IDS_H
#define APP_OPTIONS_NODE_IDS_H

#include "chord/base/id.h"

#include <stdbool.h>
#include <stddef.h>

#define NODE_IDS_ERROR_SIZE 512u

/* Reads `path` for rank_count >= 1 ranks of virtual_count >= 1 nodes each, on a ring of `bits` (1..160) bits,
 * into ids[rank * virtual_count + virtual node], which the caller owns. Returns true, or false with one line
 * without newline in error: "FILE:LINE: what is wrong and how to mend it". After false the contents of ids
 * mean nothing. */
CHORD_MUST_CHECK bool node_ids_read(const char *path, unsigned bits, size_t rank_count, size_t virtual_count,
                                    struct chord_id *ids, char error[NODE_IDS_ERROR_SIZE]);

#endif
