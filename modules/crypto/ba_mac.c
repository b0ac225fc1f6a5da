/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mac.h"

#include <apr_atomic.h>
#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define BLOCK 64 /* bytes that SHA-256 works on */

/* HMAC() and EVP_sha256() look the algorithm up by name at each call, which takes four
 * times as long as the hash of a token. Fetched once in a process. */
static const EVP_MD *sha256(void)
{
    static volatile void *fetched;
    EVP_MD *mine = (EVP_MD *)(apr_uintptr_t)apr_atomic_casptr(&fetched, NULL, NULL);

    if (!mine) {
        void *first;

        mine = EVP_MD_fetch(NULL, "SHA256", NULL);
        first = mine ? apr_atomic_casptr(&fetched, mine, NULL) : NULL;
        if (first) {
            EVP_MD_free(mine);
            mine = first;
        }
    }
    return mine;
}

static int digest(EVP_MD_CTX *ctx, const void *first, apr_size_t first_len, const void *second,
                  apr_size_t second_len, unsigned char out[BA_MAC_BYTES])
{
    return EVP_DigestInit_ex2(ctx, sha256(), NULL) && EVP_DigestUpdate(ctx, first, first_len)
           && EVP_DigestUpdate(ctx, second, second_len) && EVP_DigestFinal_ex(ctx, out, NULL);
}

/* RFC 2104 */
apr_status_t ba_mac_bytes(ba_bytes secret, ba_bytes text, unsigned char out[BA_MAC_BYTES])
{
    unsigned char inner[BLOCK] = {0}, outer[BLOCK];
    EVP_MD_CTX *ctx = sha256() ? EVP_MD_CTX_new() : NULL;
    int good = ctx != NULL;

    if (good && secret.len > BLOCK) {
        good = digest(ctx, secret.data, secret.len, NULL, 0, inner);
    }
    else if (good) {
        memcpy(inner, secret.data, secret.len);
    }
    for (int i = 0; i < BLOCK; ++i) {
        outer[i] = inner[i] ^ 0x5C;
        inner[i] ^= 0x36;
    }
    good = good && digest(ctx, inner, BLOCK, text.data, text.len, out)
           && digest(ctx, outer, BLOCK, out, BA_MAC_BYTES, out);
    OPENSSL_cleanse(inner, BLOCK);
    OPENSSL_cleanse(outer, BLOCK);
    EVP_MD_CTX_free(ctx);
    return good ? APR_SUCCESS : APR_EGENERAL;
}

static int encode(const unsigned char mac[BA_MAC_BYTES], char out[BA_MAC_LENGTH + 1])
{
    return EVP_EncodeBlock((unsigned char *)out, mac, BA_MAC_BYTES) == BA_MAC_LENGTH;
}

const char *ba_mac_sign(ba_bytes secret, const char *value, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, BA_MAC_LENGTH + 1);
    ba_bytes text = {value, strlen(value)};
    unsigned char mac[BA_MAC_BYTES];

    return ba_mac_bytes(secret, text, mac) == APR_SUCCESS && encode(mac, out) ? out : NULL;
}

apr_status_t ba_mac_open(const apr_array_header_t *secrets, const char *signed_value,
                         const char **value, unsigned char mac[BA_MAC_BYTES], apr_pool_t *pool)
{
    const char *dot = strrchr(signed_value, '.');
    char expected[BA_MAC_LENGTH + 1];
    ba_bytes text;

    *value = NULL;
    if (!dot || dot == signed_value || strlen(dot + 1) != BA_MAC_LENGTH
        || dot[BA_MAC_LENGTH] != '=') {
        return APR_NOTFOUND;
    }
    text = (ba_bytes){signed_value, (apr_size_t)(dot - signed_value)};
    for (int i = 0; i < secrets->nelts; ++i) {
        if (ba_mac_bytes(APR_ARRAY_IDX(secrets, i, ba_bytes), text, mac) != APR_SUCCESS
            || !encode(mac, expected)) {
            return APR_EGENERAL;
        }
        if (CRYPTO_memcmp(expected, dot + 1, BA_MAC_LENGTH) == 0) {
            *value = apr_pstrmemdup(pool, text.data, text.len);
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

int ba_mac_sha256(const char *text, unsigned char out[BA_MAC_BYTES])
{
    return sha256() && EVP_Digest(text, strlen(text), out, NULL, sha256(), NULL) == 1;
}

const char *ba_mac_digest(const char *text, apr_pool_t *pool)
{
    unsigned char digest[BA_MAC_BYTES];

    return ba_mac_sha256(text, digest)
               ? apr_pencode_base64(pool, (const char *)digest, sizeof(digest),
                                    APR_ENCODE_URL | APR_ENCODE_NOPADDING, NULL)
               : NULL;
}

int ba_mac_same(const unsigned char *a, const unsigned char *b, apr_size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

int ba_mac_equal(const char *a, const char *b)
{
    apr_size_t n = strlen(a);

    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

void ba_mac_wipe(void *data, apr_size_t len)
{
    OPENSSL_cleanse(data, len);
}
