/* SHA-1 of keys and node names, SHA-256 of workload files, by OpenSSL. For hosts: the core never hashes.
 * A SHA-1 allocates nothing. */
#ifndef CHORD_HASH_HASH_H
#define CHORD_HASH_HASH_H

#include "chord/base/id.h"
#include "chord/base/status.h"

#include <stddef.h>

/* The id of `size` bytes: the leading `bits` bits of their SHA-1 (SIGCOMM 2001, section 4.1). */
struct chord_id chord_hash_id(const void *bytes, size_t size, unsigned bits);

struct chord_hash_sha256; /* a running digest; owned by the caller of begin until end */

/* Starts a digest; NULL if there is no memory. */
struct chord_hash_sha256 *chord_hash_sha256_begin(void);
void chord_hash_sha256_add(struct chord_hash_sha256 *digest, const void *bytes, size_t size);
/* Writes 64 lower-case hexadecimal digits and a NUL, and frees the digest. */
void chord_hash_sha256_end(struct chord_hash_sha256 *digest, char text[65]);

#endif
