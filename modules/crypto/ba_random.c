/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_random.h"

#include <openssl/rand.h>

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

apr_status_t ba_random_bytes(unsigned char *out, apr_size_t n)
{
    return RAND_bytes(out, (int)n) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

const char *ba_random_text(apr_size_t n, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, n + 1);
    unsigned char bytes[64];

    for (apr_size_t i = 0; i < n;) {
        if (ba_random_bytes(bytes, sizeof(bytes)) != APR_SUCCESS) {
            return NULL;
        }
        for (apr_size_t b = 0; b < sizeof(bytes) && i < n; ++b) {
            /* 248 is the largest multiple of 62 in a byte; more would be biased */
            if (bytes[b] < 248) {
                out[i++] = alphabet[bytes[b] % 62];
            }
        }
    }
    out[n] = '\0';
    return out;
}
