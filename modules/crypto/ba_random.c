/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_random.h"

#include <apr_strings.h>
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

/* Version 4 of RFC 9562. */
static const char *random_uuid(apr_pool_t *pool)
{
    unsigned char b[16];

    if (ba_random_bytes(b, sizeof(b)) != APR_SUCCESS) {
        return NULL;
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    return apr_psprintf(pool,
                        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                        b[12], b[13], b[14], b[15]);
}

const char *ba_random_id(ba_id_kind kind, apr_pool_t *pool)
{
    return kind == BA_ID_UUID ? random_uuid(pool) : ba_random_text(BA_ID_LENGTH, pool);
}
