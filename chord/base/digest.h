/* A fast 64-bit digest of bytes for comparing contents: verdicts, histories and copies. It is no identity (keys are
 * compared byte by byte) and no defence against an adversary. */
#ifndef CHORD_BASE_DIGEST_H
#define CHORD_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* The digest of `size` bytes. Two different strings share it with a chance of about 2^-64. bytes may be NULL when
 * size is 0. */
uint64_t chord_digest64(const void *bytes, size_t size);

/* Mixes two digests into one; the order of the two counts. */
uint64_t chord_digest64_pair(uint64_t first, uint64_t second);

#endif
