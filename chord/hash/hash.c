/* SHA1_Init and its like are declared without a warning to who asks for the interface of 1.1. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "chord/hash/hash.h"

#include "chord/base/check.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <stdlib.h>

/* OpenSSL's EVP allocates and frees a context for every digest (EVP_DigestInit_ex, 3.0), which doubles what the SHA-1 of a
 * short key costs; these functions do the same on the stack. */
struct chord_id chord_hash_id(const void *bytes, size_t size, unsigned bits) {
    SHA_CTX context;
    unsigned char digest[SHA_DIGEST_LENGTH];
    _Static_assert(SHA_DIGEST_LENGTH == CHORD_ID_BYTES, "an id is a SHA-1 digest");
    chord_check(SHA1_Init(&context) == 1 && SHA1_Update(&context, bytes, size) == 1 &&
                SHA1_Final(digest, &context) == 1);
    return chord_id_truncate(chord_id_from_bytes(digest), bits);
}

struct chord_hash_sha256 {
    EVP_MD_CTX *context;
};

struct chord_hash_sha256 *chord_hash_sha256_begin(void) {
    struct chord_hash_sha256 *digest = malloc(sizeof *digest);
    if (digest == NULL) {
        return NULL;
    }
    digest->context = EVP_MD_CTX_new();
    if (digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(digest->context);
        free(digest);
        return NULL;
    }
    return digest;
}

void chord_hash_sha256_add(struct chord_hash_sha256 *digest, const void *bytes, size_t size) {
    chord_check(EVP_DigestUpdate(digest->context, bytes, size) == 1);
}

void chord_hash_sha256_end(struct chord_hash_sha256 *digest, char text[65]) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    chord_check(EVP_DigestFinal_ex(digest->context, bytes, &size) == 1 && size == 32);
    for (unsigned i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[64] = '\0';
    EVP_MD_CTX_free(digest->context);
    free(digest);
}
