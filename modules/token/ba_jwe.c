/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_jwe.h"

#include "ba_jwt.h"
#include "ba_mac.h"
#include "ba_random.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

/* A session is in it, as in a token of ba_jwt. */
#define TOKEN_MAX 65536

#define HALF (BA_JWE_KEY_BYTES / 2)
#define IV 16
#define TAG 32    /* half of an HMAC-SHA512 */
#define LENGTH 8  /* of the number of bits that the MAC ends with */

#define BASE64URL (APR_ENCODE_URL | APR_ENCODE_NOPADDING)

#define HEADER(kid) "{\"alg\":\"dir\",\"enc\":\"A256CBC-HS512\",\"kid\":\"" kid "\"}"

/* ---- keys */

static int derive(ba_bytes secret, const char *purpose, unsigned char out[BA_JWE_KEY_BYTES])
{
    static const char info[] = "BetterAuth.js Generated Encryption Key";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(apr_uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(apr_uintptr_t)secret.data,
                                          secret.len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(apr_uintptr_t)purpose,
                                          strlen(purpose)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(apr_uintptr_t)info,
                                          sizeof(info) - 1),
        OSSL_PARAM_construct_end(),
    };
    int good = ctx && EVP_KDF_derive(ctx, out, BA_JWE_KEY_BYTES, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return good;
}

/* The thumbprint is over exactly this text (RFC 7638). */
static int name(ba_jwe_key *key, apr_pool_t *pool)
{
    const char *k = apr_pencode_base64_binary(pool, key->bytes, sizeof(key->bytes), BASE64URL, NULL);
    char *text = apr_pstrcat(pool, "{\"k\":\"", k, "\",\"kty\":\"oct\"}", NULL);
    unsigned char hash[32];
    int good = EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) == 1;

    ba_mac_wipe(text, strlen(text));
    ba_mac_wipe((char *)(apr_uintptr_t)k, strlen(k));
    return good
           && apr_encode_base64_binary(key->kid, hash, sizeof(hash), BASE64URL, NULL) == APR_SUCCESS;
}

const apr_array_header_t *ba_jwe_keys(const apr_array_header_t *secrets, const char *purpose,
                                      apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, secrets->nelts, sizeof(ba_jwe_key));

    for (int i = 0; i < secrets->nelts; ++i) {
        ba_jwe_key *key = apr_array_push(keys);

        if (!derive(APR_ARRAY_IDX(secrets, i, ba_bytes), purpose, key->bytes) || !name(key, pool)) {
            return NULL;
        }
    }
    return keys;
}

/* ---- A256CBC-HS512 */

/* What the MAC is over lies in one piece: header, IV, ciphertext, and the number of
 * the header's bits, which is written here. */
static int make_tag(const ba_jwe_key *key, unsigned char *text, apr_size_t len,
                    apr_size_t header_len, unsigned char tag[TAG])
{
    apr_uint64_t bits = (apr_uint64_t)header_len * 8;
    unsigned char mac[64];

    for (int i = 0; i < LENGTH; ++i) {
        text[len + (apr_size_t)i] = (unsigned char)(bits >> (56 - 8 * i));
    }
    if (!HMAC(EVP_sha512(), key->bytes, HALF, text, len + LENGTH, mac, NULL)) {
        return 0;
    }
    memcpy(tag, mac, TAG);
    return 1;
}

/* Encrypts or decrypts; the length of out, or -1. */
static int run_cipher(const ba_jwe_key *key, int encrypt, const unsigned char *iv,
                      const unsigned char *in, apr_size_t len, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, last = 0;
    int good = ctx
               && EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, key->bytes + HALF, iv, encrypt) == 1
               && EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1
               && EVP_CipherFinal_ex(ctx, out + n, &last) == 1;

    EVP_CIPHER_CTX_free(ctx);
    return good ? n + last : -1;
}

/* ---- writing */

const char *ba_jwe_encrypt(const ba_jwe_key *key, json_t *claims, apr_pool_t *pool)
{
    const char *header = apr_psprintf(pool, HEADER("%s"), key->kid);
    const char *aad = apr_pencode_base64(pool, header, APR_ENCODE_STRING, BASE64URL, NULL);
    const char *id = ba_random_id(BA_ID_UUID, pool);
    apr_size_t aad_len = strlen(aad);
    const char *plain;
    unsigned char *text, *iv, *cipher, tag[TAG];
    int len;

    json_object_set_new(claims, "jti", id ? json_string(id) : NULL);
    plain = id ? ba_json_text(claims, pool) : NULL;
    if (!plain) {
        return NULL;
    }
    text = apr_palloc(pool, aad_len + IV + strlen(plain) + EVP_MAX_BLOCK_LENGTH + LENGTH);
    memcpy(text, aad, aad_len);
    iv = text + aad_len;
    cipher = iv + IV;
    len = ba_random_bytes(iv, IV) == APR_SUCCESS
              ? run_cipher(key, 1, iv, (const unsigned char *)plain, strlen(plain), cipher)
              : -1;
    if (len < 0 || !make_tag(key, text, aad_len + IV + (apr_size_t)len, aad_len, tag)) {
        return NULL;
    }
    return apr_pstrcat(pool, aad, "..", apr_pencode_base64_binary(pool, iv, IV, BASE64URL, NULL),
                       ".", apr_pencode_base64_binary(pool, cipher, len, BASE64URL, NULL), ".",
                       apr_pencode_base64_binary(pool, tag, TAG, BASE64URL, NULL), NULL);
}

/* ---- reading */

typedef struct parts {
    const char *at[5]; /* header, key, IV, ciphertext, tag; they point into the token */
    apr_size_t len[5];
} parts;

static int split(const char *token, parts *p)
{
    for (int i = 0; i < 5; ++i) {
        p->at[i] = token;
        p->len[i] = strcspn(token, ".");
        token += p->len[i];
        if (!*token != (i == 4)) {
            return 0;
        }
        ++token;
    }
    return p->len[1] == 0;
}

/* Number of bytes written to out, which has room for 3/4 of the part; -1: not base64url. */
static apr_ssize_t decode(const parts *p, int i, unsigned char *out)
{
    static const char allowed[]
        = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    apr_size_t len;

    if (strspn(p->at[i], allowed) < p->len[i]
        || apr_decode_base64_binary(out, p->at[i], (apr_ssize_t)p->len[i], APR_ENCODE_NONE, &len)
               != APR_SUCCESS) {
        return -1;
    }
    return (apr_ssize_t)len;
}

/* The key that the MAC was made with, NULL if none. */
static const ba_jwe_key *key_of(const apr_array_header_t *keys, unsigned char *text,
                                apr_size_t len, apr_size_t header_len, const unsigned char *tag)
{
    for (int i = 0; i < keys->nelts; ++i) {
        const ba_jwe_key *key = &APR_ARRAY_IDX(keys, i, ba_jwe_key);
        unsigned char expected[TAG];

        if (make_tag(key, text, len, header_len, expected)
            && CRYPTO_memcmp(expected, tag, TAG) == 0) {
            return key;
        }
    }
    return NULL;
}

/* Says nothing but what our kind of token says: no compression, no extension. */
static int header_good(const parts *p, const ba_jwe_key *key, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, p->len[0] + 1);
    apr_ssize_t len = decode(p, 0, (unsigned char *)text);
    ba_bytes bytes = {text, len < 0 ? 0 : (apr_size_t)len};
    json_t *header = ba_json_parse(bytes, pool);
    const char *alg = json_string_value(json_object_get(header, "alg"));
    const char *enc = json_string_value(json_object_get(header, "enc"));
    json_t *kid = json_object_get(header, "kid");

    return alg && enc && !strcmp(alg, "dir") && !strcmp(enc, "A256CBC-HS512")
           && (!kid || (json_is_string(kid) && !strcmp(json_string_value(kid), key->kid)))
           && json_object_size(header) == (kid ? 3 : 2);
}

/* The decrypted text as an object; NULL if nothing of it can be believed. The MAC
 * is checked before anything is looked at. */
static json_t *open_token(const apr_array_header_t *keys, const parts *p, apr_pool_t *pool)
{
    unsigned char *text = apr_palloc(pool, p->len[0] + p->len[2] + p->len[3] + LENGTH + 1);
    unsigned char *iv = text + p->len[0], *cipher = iv + IV, *plain;
    unsigned char tag[BA_JWE_KEY_BYTES];
    const ba_jwe_key *key;
    apr_ssize_t len;
    ba_bytes bytes;
    json_t *claims;

    /* 22 and 43 characters are the only way to write 16 and 32 bytes */
    if (p->len[2] != 22 || p->len[4] != 43 || decode(p, 2, iv) != IV || decode(p, 4, tag) != TAG
        || (len = decode(p, 3, cipher)) <= 0 || len % IV) {
        return NULL;
    }
    memcpy(text, p->at[0], p->len[0]);
    key = key_of(keys, text, p->len[0] + IV + (apr_size_t)len, p->len[0], tag);
    if (!key || !header_good(p, key, pool)) {
        return NULL;
    }
    plain = apr_palloc(pool, (apr_size_t)len + IV);
    len = run_cipher(key, 0, iv, cipher, (apr_size_t)len, plain);
    if (len < 0) {
        return NULL;
    }
    bytes.data = (const char *)plain;
    bytes.len = (apr_size_t)len;
    claims = ba_json_parse(bytes, pool);
    return json_is_object(claims) ? claims : NULL;
}

apr_status_t ba_jwe_decrypt(const apr_array_header_t *keys, const char *token, ba_time now,
                            json_t **claims, apr_pool_t *pool)
{
    parts p;
    const json_t *expiry;

    if (strlen(token) > TOKEN_MAX || !split(token, &p)
        || !(*claims = open_token(keys, &p, pool))) {
        return APR_EINVAL;
    }
    expiry = json_object_get(*claims, "exp");
    if (!json_is_number(expiry) || json_number_value(expiry) < 0
        || json_number_value(expiry) > BA_JWT_EXP_MAX) {
        return APR_EINVAL;
    }
    return json_number_value(expiry) > (double)(now / 1000 - BA_JWE_SKEW) ? APR_SUCCESS : APR_TIMEUP;
}
