/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_random.h"

#include <openssl/rand.h>
#include <string.h>

apr_status_t ba_random_bytes(unsigned char *out, apr_size_t n)
{
    return RAND_bytes(out, (int)n) == 1 ? APR_SUCCESS : APR_EGENERAL;
}

static const char *characters(const char *alphabet, apr_size_t n, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, n + 1);
    unsigned char bytes[64];
    unsigned size = (unsigned)strlen(alphabet);
    unsigned limit = 256 / size * size; /* bytes from here on would be biased */

    for (apr_size_t i = 0; i < n;) {
        if (ba_random_bytes(bytes, sizeof(bytes)) != APR_SUCCESS) {
            return NULL;
        }
        for (apr_size_t b = 0; b < sizeof(bytes) && i < n; ++b) {
            if (bytes[b] < limit) {
                out[i++] = alphabet[bytes[b] % size];
            }
        }
    }
    out[n] = '\0';
    return out;
}

const char *ba_random_text(apr_size_t n, apr_pool_t *pool)
{
    return characters("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", n, pool);
}

const char *ba_random_lower(apr_size_t n, apr_pool_t *pool)
{
    return characters("abcdefghijklmnopqrstuvwxyz0123456789", n, pool);
}
