/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_password.h"

#include "ba_password_int.h"
#include "ba_random.h"

#include <apr_lib.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>

/* Above these, one wrong guess at an imported hash would cost seconds. */
#define BCRYPT_COST_CAP 14
#define SHA_CRYPT_ROUNDS_CAP 1000000

/* NFKC in memory from malloc, which the caller wipes and frees. */
static ba_bytes normalise(ba_bytes password)
{
    size_t len = 0;
    uint8_t *text
        = u8_normalize(UNINORM_NFKC, (const uint8_t *)password.data, password.len, NULL, &len);
    ba_bytes out = {(const char *)text, len};

    return out;
}

static void discard(ba_bytes password)
{
    if (password.data) {
        void *text = (void *)(apr_uintptr_t)password.data;

        OPENSSL_cleanse(text, password.len);
        free(text);
    }
}

const char *ba_password_hash(const ba_hash_params *params, ba_bytes password, apr_pool_t *pool)
{
    unsigned char salt[BA_SALT_BYTES];
    ba_bytes text = normalise(password);
    const char *out = NULL;

    if (text.data && ba_random_bytes(salt, sizeof(salt)) == APR_SUCCESS) {
        out = params->scheme == BA_HASH_SCRYPT ? ba_scrypt_hash(text, salt, pool)
                                               : ba_argon2_hash(params, text, salt, pool);
    }
    discard(text);
    return out;
}

/* Imported forms that apr_password_validate() reads. A form that it does not know would
 * be taken as clear text by some of its ports. */
static const struct {
    const char *start;
    const char *name;
} crypt_forms[] = {
    {"$apr1$", "apr1"},      {"{SHA}", "sha1"},         {"$1$", "md5-crypt"},
    {"$y$j9T$", "yescrypt"}, {"$2a$", "bcrypt"},        {"$2b$", "bcrypt"},
    {"$2y$", "bcrypt"},      {"$5$", "sha256-crypt"},   {"$6$", "sha512-crypt"},
};

/* The form's name, NULL if it is none of them, or beyond our caps. */
static const char *crypt_form(const char *stored)
{
    const char *name = NULL;

    for (apr_size_t i = 0; i < sizeof(crypt_forms) / sizeof(crypt_forms[0]) && !name; ++i) {
        if (!strncmp(stored, crypt_forms[i].start, strlen(crypt_forms[i].start))) {
            name = crypt_forms[i].name;
        }
    }
    if (!strncmp(stored, "$2", 2)) {
        return name && strspn(stored + 4, "0123456789") == 2 && stored[6] == '$'
                       && atol(stored + 4) >= 4 && atol(stored + 4) <= BCRYPT_COST_CAP
                   ? name
                   : NULL;
    }
    if (!strncmp(stored, "$5$", 3) || !strncmp(stored, "$6$", 3)) {
        return strncmp(stored + 3, "rounds=", 7)
                       || (apr_isdigit(stored[10]) && atol(stored + 10) <= SHA_CRYPT_ROUNDS_CAP)
                   ? name
                   : NULL;
    }
    return name;
}

static ba_password_result crypt_verify(const char *stored, ba_bytes password, apr_pool_t *pool)
{
    char *text;
    apr_status_t rv;

    if (!crypt_form(stored)) {
        return BA_PASSWORD_UNREADABLE;
    }
    /* crypt() stops at NUL: what follows would not be checked */
    if (memchr(password.data, '\0', password.len)) {
        return BA_PASSWORD_WRONG;
    }
    text = apr_pstrmemdup(pool, password.data, password.len);
    rv = apr_password_validate(text, stored);
    OPENSSL_cleanse(text, password.len);
    return rv == APR_SUCCESS ? BA_PASSWORD_GOOD : BA_PASSWORD_WRONG;
}

ba_password_result ba_password_verify(const char *stored, ba_bytes password, apr_pool_t *pool)
{
    ba_bytes text = normalise(password);
    ba_password_result result;

    if (!text.data) {
        return BA_PASSWORD_FAILED;
    }
    if (!strncmp(stored, "$argon2", 7)) {
        result = ba_argon2_verify(stored, text, pool);
    }
    else if (ba_scrypt_is(stored)) {
        result = ba_scrypt_verify(stored, text, pool);
    }
    else if (!strncmp(stored, "pbkdf2_", 7)) {
        result = ba_pbkdf2_verify(stored, password, pool);
    }
    else {
        /* other servers hashed the bytes as typed, without NFKC */
        result = crypt_verify(stored, password, pool);
    }
    discard(text);
    return result;
}

const char *ba_password_form(const char *stored)
{
    if (ba_argon2_is(stored)) {
        return "argon2id";
    }
    if (ba_scrypt_is(stored)) {
        return "scrypt";
    }
    return ba_pbkdf2_is(stored) ? "pbkdf2-sha256" : crypt_form(stored);
}

int ba_password_imported(const char *stored)
{
    return ba_pbkdf2_is(stored) || crypt_form(stored);
}

int ba_password_outdated(const ba_hash_params *params, const char *stored)
{
    ba_hash_params used;

    if (params->scheme == BA_HASH_SCRYPT) {
        return !ba_scrypt_is(stored);
    }
    return !ba_argon2_params(stored, &used) || used.memory_kib != params->memory_kib
           || used.passes != params->passes || used.lanes != params->lanes;
}
