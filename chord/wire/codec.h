/* Messages to bytes and back. Little-endian, no padding, every length checked before it is believed.
 *
 * Every message begins with
 *
 *     0      1      2             4             6
 *     | type | bits | from.vnode  | to.vnode    | ...
 *
 * and the ranks are the channel's: the transport knows them, they are not repeated. A value is always the message's
 * last field, so that a host can send [head][value] without copying the value into one piece with the rest.
 *
 *     REQUEST   seq 8 | watermark distance 4 | client 4 | key id 20 | hops 2 | key size 2 | value size 4 | key | value
 *     CHAIN     epoch 4 | version epoch 4 | version counter 8 | then as REQUEST
 *     ACK       epoch 4 | counter 8 | arc end 20
 *     ANSWER    seq 8 | hops 2 | version epoch 4 | version counter 8 | value size 4 | claim 54, if there is one | value
 *     REFUSAL   seq 8
 *     LOOKUP    target 20 | claim 54 | exponent 2 | hops 2
 *     FOUND     claim 54 | exponent 2 | hops 2
 *     ANNOUNCE  claim 54 | target 20 | end 20 | exponent 2 | hops 2
 *     ANNOUNCED epoch 4 | exponent 2 | hops 2
 *     GONE      member 30
 *     REGISTER, JOIN  member 30 | hops 2
 *     INVITE    nothing
 *     NEIGHBOURS epoch 4 | predecessor 30 | count 4 | members 30 each
 *     SPARE     epoch 4 | contact 30
 *     EXCLUDED  incarnation 4 | contact 30
 *     PREPARE   epoch 4 | start 20 | end 20
 *     WEDGED    epoch 4 | incarnation 4 | end 20
 *     INSTALL   epoch 4 | start 20 | end 20 | arc start 20 | source 30 | count 4 | members 30 each
 *     PULL      epoch 4 | end 20 | offset 8 | base epoch 4 | base applied 8 | base log start 8 | joint from 8 | to 8
 *     PIECE     epoch 4 | end 20 | offset 8 | size 4 | bytes
 *     SYNCED    epoch 4 | incarnation 4 | end 20 | pieces 4 | pairs 8 | bytes 8
 *     ACTIVATE, DROP  epoch 4 | start 20 | end 20
 *     SETTLED   epoch 4 | incarnation 4 | messages 4
 *
 * with member = id 20 | rank 4 | vnode 2 | incarnation 4 and claim = member 30 | start 20 | epoch 4. `bits` holds the
 * kind (0-1), the outcome (2-4), the shortcut of a REQUEST, CHAIN or ANSWER (5-6) and a flag (7: to owner, duplicate, claim,
 * empty, rejoin or last) or a refusal's reason. */
#ifndef CHORD_WIRE_CODEC_H
#define CHORD_WIRE_CODEC_H

#include "chord/wire/message.h"

#include <stddef.h>

/* No message is larger than this without its value or its member list. */
#define CHORD_CODEC_FIXED_SIZE_MAX 112u
#define CHORD_CODEC_MEMBER_SIZE 30u
/* The largest message that carries an operation. */
#define CHORD_CODEC_OPERATION_SIZE_MAX (CHORD_CODEC_FIXED_SIZE_MAX + CHORD_KEY_SIZE_MAX + CHORD_VALUE_SIZE_MAX)

/* The message's bytes without its value; at most CHORD_CODEC_FIXED_SIZE_MAX + CHORD_KEY_SIZE_MAX, or, for NEIGHBOURS
 * and INSTALL, CHORD_CODEC_FIXED_SIZE_MAX + 30 a member. */
size_t chord_codec_head_size(const struct chord_message *message);

/* The value that follows the head, or size 0. Borrowed from the message. */
const unsigned char *chord_codec_value(const struct chord_message *message, uint32_t *size);

/* Where a message leads, without decoding it: the node and the key's id of a REQUEST or a CHAIN; false for all others and for
 * what is too short. */
bool chord_codec_peek_key(const unsigned char *bytes, size_t size, uint16_t *virtual_node, struct chord_id *key_id);

/* Writes the head, chord_codec_head_size bytes, to `bytes` and returns its size. A message that breaks its own limits
 * (a key of no or too many bytes, say) is a programmer error. */
size_t chord_codec_encode_head(const struct chord_message *message, unsigned char *bytes);

/* Reads one message of exactly `size` bytes that came from `from_rank` to `to_rank`. The message borrows from bytes.
 * Any bytes have a defined outcome: CHORD_OK, or CHORD_MALFORMED for a wrong length, type, enumeration or size. */
CHORD_MUST_CHECK enum chord_status chord_codec_decode(const unsigned char *bytes, size_t size, uint32_t from_rank,
                                                      uint32_t to_rank, struct chord_message *message);

#endif
