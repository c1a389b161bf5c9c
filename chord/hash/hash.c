#include "chord/hash/hash.h"

#include "chord/base/check.h"

#include <openssl/evp.h>

#include <stdlib.h>

struct chord_id chord_hash_id(const void *bytes, size_t size, unsigned bits) {
    static EVP_MD_CTX *context = NULL;
    static EVP_MD *sha1 = NULL;
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
        chord_check(context != NULL && sha1 != NULL);
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    /* A NULL type keeps the fetched algorithm and its context from the previous digest. */
    static const EVP_MD *current = NULL;
    const int started = EVP_DigestInit_ex(context, current == NULL ? sha1 : NULL, NULL);
    current = sha1;
    chord_check(started == 1 && EVP_DigestUpdate(context, bytes, size) == 1 &&
                EVP_DigestFinal_ex(context, digest, &digest_size) == 1 && digest_size == CHORD_ID_BYTES);
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
