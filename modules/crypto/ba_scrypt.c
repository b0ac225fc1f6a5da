/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_password_int.h"

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <string.h>

/* http-api 2: N=2^14 r=16 p=1, 64 bytes. The salt that enters scrypt is the hex
 * text itself. 128*N*r is 32 MiB, which libsodium maps for each hash and unmaps after. */
#define COST_N 16384
#define COST_R 16
#define COST_P 1
#define KEY_BYTES 64
#define SALT_CHARS (BA_SALT_BYTES * 2)
#define KEY_CHARS (KEY_BYTES * 2)

static void hex(const unsigned char *bytes, apr_size_t n, char *out)
{
    for (apr_size_t i = 0; i < n; ++i) {
        apr_snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* Writes KEY_CHARS of hex and a NUL to out; 0 on failure. libsodium's takes two thirds of
 * the time of OpenSSL's, once sodium_init() has looked at the processor; after its first
 * time that is a look at a lock. */
static int derive(ba_bytes password, const char *salt, apr_size_t salt_len, char *out)
{
    unsigned char key[KEY_BYTES];
    int good = sodium_init() >= 0
               && crypto_pwhash_scryptsalsa208sha256_ll(
                      (const unsigned char *)password.data, password.len,
                      (const unsigned char *)salt, salt_len, COST_N, COST_R, COST_P, key,
                      sizeof(key))
                      == 0;

    if (good) {
        hex(key, sizeof(key), out);
    }
    OPENSSL_cleanse(key, sizeof(key));
    return good;
}

const char *ba_scrypt_hash(ba_bytes password, const unsigned char *salt, apr_pool_t *pool)
{
    char *out = apr_palloc(pool, SALT_CHARS + 1 + KEY_CHARS + 1);

    hex(salt, BA_SALT_BYTES, out);
    if (!derive(password, out, SALT_CHARS, out + SALT_CHARS + 1)) {
        return NULL;
    }
    out[SALT_CHARS] = ':';
    return out;
}

int ba_scrypt_is(const char *stored)
{
    return strlen(stored) == SALT_CHARS + 1 + KEY_CHARS && stored[SALT_CHARS] == ':'
           && strspn(stored, "0123456789abcdef") == SALT_CHARS
           && strspn(stored + SALT_CHARS + 1, "0123456789abcdef") == KEY_CHARS;
}

ba_password_result ba_scrypt_verify(const char *stored, ba_bytes password, apr_pool_t *pool)
{
    char *key = apr_palloc(pool, KEY_CHARS + 1);

    if (!ba_scrypt_is(stored)) {
        return BA_PASSWORD_UNREADABLE;
    }
    if (!derive(password, stored, SALT_CHARS, key)) {
        return BA_PASSWORD_FAILED;
    }
    return CRYPTO_memcmp(key, stored + SALT_CHARS + 1, KEY_CHARS) == 0 ? BA_PASSWORD_GOOD
                                                                       : BA_PASSWORD_WRONG;
}
