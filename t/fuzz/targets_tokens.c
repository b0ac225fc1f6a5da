/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Tokens of mails and caches. ba_jwe.c is read in whole, for tokens with a good tag whose
 * header and text are anything. */

#include "../../modules/token/ba_jwe.c"

#include "fuzz.h"

#include "ba_jwt.h"
#include "ba_links.h"
#include "ba_schema.h"

static void look_at_link(fuzz *f, const char *token)
{
    ba_link_claims claims;

    if (!ba_link_read(f->call, token, &claims)) {
        fuzz_must(ba_schema_email(claims.email), "not an address");
        fuzz_must(!claims.change_to
                      || (ba_schema_email(claims.change_to) && claims.type
                          && (!strcmp(claims.type, BA_LINK_CONFIRM)
                              || !strcmp(claims.type, BA_LINK_CHANGE))),
                  "a change of address that was not asked for");
    }
}

/* As it is, and as header and claims, a line each, that we have signed. */
static void read_jwt(fuzz *f)
{
    char *text = apr_pstrdup(f->pool, f->text);
    const char *head, *token;
    unsigned char mac[BA_MAC_BYTES];
    json_t *claims = NULL;

    look_at_link(f, text);
    head = apr_pencode_base64(f->pool, fuzz_line(f), APR_ENCODE_STRING, BASE64URL, NULL);
    token = apr_pstrcat(f->pool, head, ".",
                        apr_pencode_base64(f->pool, f->rest, APR_ENCODE_STRING, BASE64URL, NULL), NULL);
    ba_mac_bytes(APR_ARRAY_IDX(f->settings->secrets, 0, ba_bytes), (ba_bytes){token, strlen(token)},
                 mac);
    token = apr_pstrcat(f->pool, token, ".",
                        apr_pencode_base64_binary(f->pool, mac, sizeof(mac), BASE64URL, NULL), NULL);
    look_at_link(f, token);
    if (ba_jwt_verify(f->settings->secrets, token, FUZZ_NOW, &claims, f->pool) == APR_SUCCESS) {
        fuzz_must(strstr(f->text, "alg") && json_is_object(claims), "signed by nothing");
        token = ba_jwt_sign(APR_ARRAY_IDX(f->settings->secrets, 0, ba_bytes), claims, f->pool);
        fuzz_must(token
                      && ba_jwt_verify(f->settings->secrets, token, FUZZ_NOW, &claims, f->pool)
                             == APR_SUCCESS,
                  "what was signed is not read");
    }
}

/* The header is the first line, the rest is encrypted. */
static void read_jwe(fuzz *f)
{
    const ba_jwe_key *key = &APR_ARRAY_IDX(f->settings->cache_keys, 0, ba_jwe_key);
    unsigned char iv[IV] = {1}, tag[TAG], *text, *cipher;
    const char *aad;
    apr_size_t len;
    json_t *claims = NULL;
    int n;

    ba_jwe_decrypt(f->settings->cache_keys, f->text, FUZZ_NOW, &claims, f->pool);
    aad = apr_pencode_base64(f->pool, fuzz_line(f), APR_ENCODE_STRING, BASE64URL, NULL);
    len = strlen(aad);
    text = apr_palloc(f->pool, len + IV + strlen(f->rest) + 64);
    memcpy(text, aad, len);
    memcpy(text + len, iv, IV);
    cipher = text + len + IV;
    n = run_cipher(key, 1, iv, (const unsigned char *)f->rest, strlen(f->rest), cipher);
    fuzz_must(n > 0 && make_tag(key, text, len + IV + (apr_size_t)n, len, tag), "OpenSSL failed");
    aad = apr_pstrcat(f->pool, aad, "..", apr_pencode_base64_binary(f->pool, iv, IV, BASE64URL, NULL), ".",
                      apr_pencode_base64_binary(f->pool, cipher, n, BASE64URL, NULL), ".",
                      apr_pencode_base64_binary(f->pool, tag, TAG, BASE64URL, NULL), NULL);
    if (ba_jwe_decrypt(f->settings->cache_keys, aad, FUZZ_NOW, &claims, f->pool) == APR_SUCCESS) {
        fuzz_must(json_is_number(json_object_get(claims, "exp")), "no expiry");
        aad = ba_jwe_encrypt(key, claims, f->pool);
        fuzz_must(aad
                      && ba_jwe_decrypt(f->settings->cache_keys, aad, FUZZ_NOW, &claims, f->pool)
                             == APR_SUCCESS,
                  "what was encrypted is not read");
    }
}

const fuzz_target fuzz_tokens[] = {{"jwt", read_jwt}, {"jwe", read_jwe}, {0}};
