/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Stored password hashes. Deriving is left out, here and in what it calls: the reader of
 * the text is what is looked at, and what it would have others work. */

#include "fuzz.h"

#include "ba_password.h"

#include <apr_md5.h>
#include <argon2.h>
#include <openssl/evp.h>
#include <sodium.h>

int argon2id_ctx(argon2_context *c)
{
    fuzz_must(c->m_cost <= 256 * 1024 && c->t_cost <= 10 && c->lanes <= 4, "beyond what PW-8 allows");
    fuzz_must(c->outlen >= 4, "a tag that anybody guesses");
    memset(c->out, 0xA5, c->outlen);
    return c->saltlen < 8 ? ARGON2_SALT_TOO_SHORT : ARGON2_OK;
}

int crypto_pwhash_scryptsalsa208sha256_ll(const uint8_t *passwd, size_t passwdlen,
                                          const uint8_t *salt, size_t saltlen, uint64_t N,
                                          uint32_t r, uint32_t p, uint8_t *buf, size_t buflen)
{
    (void)passwd, (void)passwdlen, (void)salt;
    fuzz_must(N == 16384 && r == 16 && p == 1 && saltlen == 32, "another scrypt");
    memset(buf, 0xA5, buflen);
    return 0;
}

int PKCS5_PBKDF2_HMAC(const char *pass, int passlen, const unsigned char *salt, int saltlen,
                      int iter, const EVP_MD *digest, int keylen, unsigned char *out)
{
    (void)pass, (void)passlen, (void)salt, (void)digest;
    fuzz_must(iter >= 1 && iter <= 2000000 && saltlen > 0, "too much work, or none");
    memset(out, 0xA5, (size_t)keylen);
    return 1;
}

/* What crypt() is given must say what it costs in a way that all read alike. */
apr_status_t apr_password_validate(const char *password, const char *hash)
{
    (void)password;
    if (!strncmp(hash, "$2", 2)) {
        long cost = strtol(hash + 4, NULL, 10);

        fuzz_must(strspn(hash + 4, "0123456789") == 2 && hash[6] == '$' && cost >= 4 && cost <= 14,
                  "bcrypt of another cost");
    }
    else if (!strncmp(hash, "$5$rounds=", 10) || !strncmp(hash, "$6$rounds=", 10)) {
        fuzz_must(strspn(hash + 10, "0123456789") > 0 && strtoul(hash + 10, NULL, 10) <= 1000000,
                  "too many rounds");
    }
    else {
        fuzz_must(strspn(hash, "${") == 1, "clear text");
    }
    return APR_EMISMATCH;
}

static void read_hash(fuzz *f)
{
    static const ba_hash_params argon2 = {BA_HASH_ARGON2ID, 19456, 2, 1};
    static const ba_hash_params scrypt = {BA_HASH_SCRYPT, 0, 0, 0};
    static const ba_bytes guess = {"guess", 5};
    const char *form = ba_password_form(f->text);
    ba_password_result result = ba_password_verify(f->text, guess, f->pool);

    fuzz_must(form || result == BA_PASSWORD_UNREADABLE, "read, and of no form");
    fuzz_must(form || !ba_password_imported(f->text), "imported, and of no form");
    fuzz_must(result != BA_PASSWORD_FAILED, "failed");
    fuzz_must(ba_password_outdated(&argon2, f->text) || ba_password_outdated(&scrypt, f->text),
              "of both forms");
}

const fuzz_target fuzz_hashes[] = {{"hash", read_hash}, {0}};
