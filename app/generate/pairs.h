/* The bytes of generated keys and values: letters, digits, - and _, so that they stand in a workload file as they are.
 *
 *   key    8 characters that no other index has (48 bits, mixed one to one), then filler
 *   value  16 letters that no other write of the run has (64 bits, mixed one to one), then filler; a shorter value has
 *          the first of them, and so two writes may be of one value
 *
 * All is a function of the seed and the index: whoever asks again gets the same bytes. */
#ifndef APP_GENERATE_PAIRS_H
#define APP_GENERATE_PAIRS_H

#include <stdint.h>

#define PAIRS_KEY_SIZE_MIN 8u
/* Indices are below this. */
#define PAIRS_INDEX_MAX (UINT64_C(1) << 48)

/* Writes the key of a record: `size` bytes, PAIRS_KEY_SIZE_MIN at least. */
void pairs_key(uint64_t seed, uint64_t index, unsigned char *at, uint32_t size);

/* Writes the value of a write: `size` bytes. */
void pairs_value(uint64_t seed, uint64_t write, unsigned char *at, uint32_t size);

/* The number of a write for pairs_value: no two of a run are equal. client_rank below 2^24, operation below 2^32; stream
 * below 2^8: phases follow each other, the number of one modulo 256. */
static inline uint64_t pairs_write(uint32_t client_rank, uint32_t stream, uint64_t operation) {
    return (uint64_t)(stream & 0xff) << 56 | (uint64_t)client_rank << 32 | (operation & UINT32_MAX);
}

#endif
