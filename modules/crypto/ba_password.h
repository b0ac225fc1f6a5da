/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Password hashes: argon2id in PHC form, scrypt as Better Auth writes it
 * (http-api 2), and crypt/htpasswd forms that came with an import. A stored
 * hash is untrusted input: forms and costs beyond our caps do not verify
 * (security.md PW-8). None of these functions takes a permit of the hash gate:
 * callers hold one. */

#ifndef BA_PASSWORD_H
#define BA_PASSWORD_H

#include "ba_types.h"

typedef enum {
    BA_PASSWORD_WRONG,
    BA_PASSWORD_GOOD,
    BA_PASSWORD_UNREADABLE, /* the stored form is unknown, broken or too costly */
    BA_PASSWORD_FAILED      /* memory or library failure: say nothing about the password */
} ba_password_result;

/* Hashes with the configured scheme; NULL on failure. */
const char *ba_password_hash(const ba_hash_params *params, ba_bytes password,
                             apr_pool_t *pool);

ba_password_result ba_password_verify(const char *stored, ba_bytes password, apr_pool_t *pool);

/* The name of the form that a hash has; NULL: none that is read, or too costly. */
const char *ba_password_form(const char *stored);

/* True for the forms that come with an import alone: what they cost is not what we do. */
int ba_password_imported(const char *stored);

/* True if stored is not what ba_password_hash(params) would write now. */
int ba_password_outdated(const ba_hash_params *params, const char *stored);

#endif
