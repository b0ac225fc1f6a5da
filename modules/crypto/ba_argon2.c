/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_password_int.h"

#include <apr_strings.h>
#include <argon2.h>
#include <stdio.h>
#include <string.h>

#define TAG_BYTES 32

/* The largest cost we are willing to pay for a stored hash. */
#define MEMORY_CAP_KIB (256 * 1024)
#define PASSES_CAP 10
#define LANES_CAP 4

/* libargon2 limits its strings to this in practice: 128 is far above what
 * 16 bytes of salt and 64 of tag need. */
#define ENCODED_MAX 512

const char *ba_argon2_hash(const ba_hash_params *params, ba_bytes password,
                           const unsigned char *salt, apr_pool_t *pool)
{
    char *out;
    size_t len = argon2_encodedlen(params->passes, params->memory_kib, params->lanes, BA_SALT_BYTES,
                                   TAG_BYTES, Argon2_id);

    out = apr_palloc(pool, len);
    return argon2id_hash_encoded(params->passes, params->memory_kib, params->lanes, password.data,
                                 password.len, salt, BA_SALT_BYTES, TAG_BYTES, out, len)
                   == ARGON2_OK
               ? out
               : NULL;
}

int ba_argon2_params(const char *stored, ba_hash_params *params)
{
    unsigned long m, t, p;
    int used = 0;

    if (strlen(stored) > ENCODED_MAX
        || sscanf(stored, "$argon2id$v=19$m=%9lu,t=%9lu,p=%9lu$%n", &m, &t, &p, &used) != 3
        || used == 0) {
        return 0;
    }
    params->scheme = BA_HASH_ARGON2ID;
    params->memory_kib = (apr_uint32_t)m;
    params->passes = (apr_uint32_t)t;
    params->lanes = (apr_uint32_t)p;
    return 1;
}

ba_password_result ba_argon2_verify(const char *stored, ba_bytes password)
{
    ba_hash_params params;

    if (!ba_argon2_params(stored, &params) || params.memory_kib > MEMORY_CAP_KIB
        || params.passes > PASSES_CAP || params.lanes > LANES_CAP) {
        return BA_PASSWORD_UNREADABLE;
    }
    switch (argon2id_verify(stored, password.data, password.len)) {
    case ARGON2_OK:
        return BA_PASSWORD_GOOD;
    case ARGON2_VERIFY_MISMATCH:
        return BA_PASSWORD_WRONG;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
    case ARGON2_THREAD_FAIL:
        return BA_PASSWORD_FAILED;
    default:
        return BA_PASSWORD_UNREADABLE;
    }
}
