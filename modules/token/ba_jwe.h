/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Encrypted JSON Web Tokens as Better Auth writes them: compact form, "dir" with
 * A256CBC-HS512 and nothing else (http-api 3.6, RFC 7516, RFC 7518 5.2).
 *
 * Better Auth's reader also names A256GCM, but the key it derives is too long for
 * that, so no such token can exist. */

#ifndef BA_JWE_H
#define BA_JWE_H

#include "ba_json.h"

#define BA_JWE_KEY_BYTES 64
#define BA_JWE_KID_LENGTH 43

/* Clocks may differ by so much, seconds. */
#define BA_JWE_SKEW 15

typedef struct ba_jwe_key {
    unsigned char bytes[BA_JWE_KEY_BYTES]; /* for the MAC, then for AES */
    char kid[BA_JWE_KID_LENGTH + 1];       /* RFC 7638 thumbprint */
} ba_jwe_key;

/* The keys (of ba_jwe_key) that follow from each secret (of ba_bytes) for one
 * purpose, which Better Auth calls salt: "better-auth-session". It takes some
 * twenty microseconds, so make them at start. NULL: OpenSSL failed. */
const apr_array_header_t *ba_jwe_keys(const apr_array_header_t *secrets, const char *purpose,
                                      apr_pool_t *pool);

/* Adds "jti" to the claims and encrypts them. NULL: OpenSSL failed or memory is out. */
const char *ba_jwe_encrypt(const ba_jwe_key *key, json_t *claims, apr_pool_t *pool);

/* The claims of a token that was encrypted with one of the keys.
 * APR_SUCCESS   *claims is an object that has a sane "exp", not long past
 * APR_TIMEUP    ours, and expired
 * APR_EINVAL    anything else */
apr_status_t ba_jwe_decrypt(const apr_array_header_t *keys, const char *token, ba_time now,
                            json_t **claims, apr_pool_t *pool);

#endif
