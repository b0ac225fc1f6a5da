/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One pair of functions per scheme; for ba_password.c alone. Passwords are
 * NFKC-normalised already. */

#ifndef BA_PASSWORD_INT_H
#define BA_PASSWORD_INT_H

#include "ba_password.h"

/* Bytes of salt and of the argon2id tag (security.md PW-6). */
#define BA_SALT_BYTES 16

const char *ba_argon2_hash(const ba_hash_params *params, ba_bytes password,
                           const unsigned char *salt, apr_pool_t *pool);
ba_password_result ba_argon2_verify(const char *stored, ba_bytes password, apr_pool_t *pool);
/* Reads the cost out of a PHC string; 0 if it is not argon2id v=19. */
int ba_argon2_params(const char *stored, ba_hash_params *params);
/* True if its cost is within our caps, too. */
int ba_argon2_is(const char *stored);

const char *ba_scrypt_hash(ba_bytes password, const unsigned char *salt, apr_pool_t *pool);
ba_password_result ba_scrypt_verify(const char *stored, ba_bytes password, apr_pool_t *pool);
/* True for "<hex>:<hex>" of the lengths that Better Auth writes. */
int ba_scrypt_is(const char *stored);

/* Django's, for an import; its passwords are as typed, like those of crypt(). */
ba_password_result ba_pbkdf2_verify(const char *stored, ba_bytes password, apr_pool_t *pool);
/* True if it is spelled so, and its cost within our cap. */
int ba_pbkdf2_is(const char *stored);

#endif
