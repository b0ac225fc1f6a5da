/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_password_int.h"

#include <apr_encode.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

/* Django's form: pbkdf2_sha256$ITERATIONS$SALT$BASE64. Its newest releases take a million
 * iterations and more, which is a third of a second. */
#define HEAD "pbkdf2_sha256$"
#define ITERATIONS_CAP 2000000
#define KEY_BYTES 32

typedef struct parts {
    int iterations;
    const char *salt;
    apr_size_t salt_len;
    const char *key; /* base64, to the end */
} parts;

static int read_parts(const char *stored, parts *p)
{
    const char *number = stored + sizeof(HEAD) - 1, *end;
    apr_int64_t n;

    if (strncmp(stored, HEAD, sizeof(HEAD) - 1) || !apr_isdigit(*number)) {
        return 0;
    }
    n = apr_strtoi64(number, (char **)(apr_uintptr_t)&end, 10);
    if (*end != '$' || n < 1 || n > ITERATIONS_CAP) {
        return 0;
    }
    p->iterations = (int)n;
    p->salt = end + 1;
    p->salt_len = strcspn(p->salt, "$");
    p->key = p->salt + p->salt_len + 1;
    return p->salt_len && p->salt[p->salt_len] == '$' && strlen(p->key) == 44;
}

int ba_pbkdf2_is(const char *stored)
{
    parts p;

    return read_parts(stored, &p);
}

ba_password_result ba_pbkdf2_verify(const char *stored, ba_bytes password, apr_pool_t *pool)
{
    unsigned char mine[KEY_BYTES];
    const unsigned char *key;
    apr_size_t len = 0;
    parts p;

    if (!read_parts(stored, &p)
        || !(key = apr_pdecode_base64_binary(pool, p.key, APR_ENCODE_STRING, APR_ENCODE_NONE,
                                             &len))
        || len != KEY_BYTES) {
        return BA_PASSWORD_UNREADABLE;
    }
    if (PKCS5_PBKDF2_HMAC(password.data, (int)password.len, (const unsigned char *)p.salt,
                          (int)p.salt_len, p.iterations, EVP_sha256(), KEY_BYTES, mine)
        != 1) {
        return BA_PASSWORD_FAILED;
    }
    return CRYPTO_memcmp(mine, key, KEY_BYTES) == 0 ? BA_PASSWORD_GOOD : BA_PASSWORD_WRONG;
}
