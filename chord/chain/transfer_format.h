/* The items of a transfer's stream (transfer.h), as both ends know them. */
#ifndef CHORD_CHAIN_TRANSFER_FORMAT_H
#define CHORD_CHAIN_TRANSFER_FORMAT_H

enum { TRANSFER_MODE_ALL, TRANSFER_MODE_DELTA };
enum { TRANSFER_ITEM_END, TRANSFER_ITEM_PAIR, TRANSFER_ITEM_REMOVAL };

#define TRANSFER_HEAD_SIZE 25u /* mode, base epoch, applied, undo to, clients */
#define TRANSFER_CLIENT_SIZE 16u /* rank, watermark, records */
#define TRANSFER_RECORD_SIZE 41u /* seq, version, key id, outcome */
#define TRANSFER_PAIR_SIZE 39u /* without key and value */
#define TRANSFER_REMOVAL_SIZE 23u /* without key */

#endif
