/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mac.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

apr_status_t ba_mac_bytes(ba_bytes secret, ba_bytes text, unsigned char out[BA_MAC_BYTES])
{
    return HMAC(EVP_sha256(), secret.data, (int)secret.len, (const unsigned char *)text.data,
                text.len, out, NULL)
               ? APR_SUCCESS
               : APR_EGENERAL;
}

/* Writes the signature and its NUL to out. */
static int sign(ba_bytes secret, const char *value, apr_size_t len, char out[BA_MAC_LENGTH + 1])
{
    unsigned char mac[BA_MAC_BYTES];
    ba_bytes text = {value, len};

    return ba_mac_bytes(secret, text, mac) == APR_SUCCESS
           && EVP_EncodeBlock((unsigned char *)out, mac, sizeof(mac)) == BA_MAC_LENGTH;
}

const char *ba_mac_sign(ba_bytes secret, const char *value, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, BA_MAC_LENGTH + 1);

    return sign(secret, value, strlen(value), out) ? out : NULL;
}

const char *ba_mac_verify(const apr_array_header_t *secrets, const char *signed_value,
                          apr_pool_t *pool)
{
    const char *dot = strrchr(signed_value, '.');
    char expected[BA_MAC_LENGTH + 1];
    int good = 0;

    if (!dot || dot == signed_value || strlen(dot + 1) != BA_MAC_LENGTH
        || dot[BA_MAC_LENGTH] != '=') {
        return NULL;
    }
    for (int i = 0; i < secrets->nelts && !good; ++i) {
        ba_bytes secret = APR_ARRAY_IDX(secrets, i, ba_bytes);

        good = sign(secret, signed_value, (apr_size_t)(dot - signed_value), expected)
               && CRYPTO_memcmp(expected, dot + 1, BA_MAC_LENGTH) == 0;
    }
    return good ? apr_pstrmemdup(pool, signed_value, (apr_size_t)(dot - signed_value)) : NULL;
}

int ba_mac_sha256(const char *text, unsigned char out[BA_MAC_BYTES])
{
    return EVP_Digest(text, strlen(text), out, NULL, EVP_sha256(), NULL) == 1;
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
