/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_jwt.h"

#include "ba_mac.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

/* A mail address is in it, and a session in that of the cookie cache. */
#define TOKEN_MAX 65536

#define BASE64URL (APR_ENCODE_URL | APR_ENCODE_NOPADDING)

static const char *encode(apr_pool_t *pool, const char *text, apr_size_t len)
{
    return apr_pencode_base64(pool, text, (apr_ssize_t)len, BASE64URL, NULL);
}

/* HMAC of the first len bytes of text, as it stands in a token. */
static const char *signature(ba_bytes secret, const char *text, apr_size_t len, apr_pool_t *pool)
{
    unsigned char mac[BA_MAC_BYTES];
    ba_bytes signed_part = {text, len};

    return ba_mac_bytes(secret, signed_part, mac) == APR_SUCCESS
               ? encode(pool, (const char *)mac, sizeof(mac))
               : NULL;
}

const char *ba_jwt_sign(ba_bytes secret, const json_t *claims, apr_pool_t *pool)
{
    static const char header[] = "{\"alg\":\"HS256\"}";
    const char *text = ba_json_text(claims, pool);
    const char *token, *mac;

    if (!text) {
        return NULL;
    }
    token = apr_pstrcat(pool, encode(pool, header, sizeof(header) - 1), ".",
                        encode(pool, text, strlen(text)), NULL);
    mac = signature(secret, token, strlen(token), pool);
    return mac ? apr_pstrcat(pool, token, ".", mac, NULL) : NULL;
}

/* Only the two forms that anybody writes: nothing in a header may lead to a key or
 * switch the check off. */
static int header_good(const json_t *header)
{
    const json_t *type = json_object_get(header, "typ");
    const char *algorithm = json_string_value(json_object_get(header, "alg"));

    return algorithm && !strcmp(algorithm, "HS256")
           && (!type || (json_is_string(type) && !strcmp(json_string_value(type), "JWT")))
           && json_object_size(header) == (type ? 2 : 1);
}

/* One part of the token as a JSON object; NULL if it is none. */
static json_t *part(const char *text, apr_size_t len, apr_pool_t *pool)
{
    apr_size_t decoded_len;
    const char *decoded
        = apr_pdecode_base64(pool, text, (apr_ssize_t)len, APR_ENCODE_NONE, &decoded_len);
    ba_bytes bytes = {decoded, decoded_len};
    json_t *json = decoded ? ba_json_parse(bytes, pool) : NULL;

    return json_is_object(json) ? json : NULL;
}

static int alphabet_good(const char *token)
{
    static const char allowed[]
        = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

    return token[strspn(token, allowed)] == '\0';
}

apr_status_t ba_jwt_verify(const apr_array_header_t *secrets, const char *token, ba_time now,
                           json_t **claims, apr_pool_t *pool)
{
    const char *body = strchr(token, '.');
    const char *mac = body ? strchr(body + 1, '.') : NULL;
    const json_t *expiry, *header;
    int good = 0;

    if (!mac || strchr(mac + 1, '.') || strlen(token) > TOKEN_MAX || !alphabet_good(token)) {
        return APR_EINVAL;
    }
    for (int i = 0; i < secrets->nelts && !good; ++i) {
        const char *expected = signature(APR_ARRAY_IDX(secrets, i, ba_bytes), token,
                                         (apr_size_t)(mac - token), pool);

        good = expected && ba_mac_equal(expected, mac + 1);
    }
    if (!good) {
        return APR_EINVAL;
    }
    header = part(token, (apr_size_t)(body - token), pool);
    *claims = part(body + 1, (apr_size_t)(mac - body - 1), pool);
    if (!header || !header_good(header) || !*claims) {
        return APR_EINVAL;
    }
    expiry = json_object_get(*claims, "exp");
    if (!json_is_number(expiry) || json_number_value(expiry) < 0
        || json_number_value(expiry) > BA_JWT_EXP_MAX) {
        return APR_EINVAL;
    }
    /* whole seconds, as the writer counts */
    return json_number_value(expiry) > (double)(now / 1000) ? APR_SUCCESS : APR_TIMEUP;
}
