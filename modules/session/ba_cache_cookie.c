/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cache_cookie.h"

#include "ba_cookie.h"
#include "ba_jwe.h"
#include "ba_jwt.h"
#include "ba_mac.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_encode.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* Seconds that the cache of a session that is not remembered is good for: Better
 * Auth has two opinions (http-api 3.5). */
#define BROWSER_COMPACT 60
#define BROWSER_TOKEN 300

#define BASE64URL (APR_ENCODE_URL | APR_ENCODE_NOPADDING)
#define SIGNATURE 43 /* characters of an HMAC-SHA256 */

/* {"session":D,"expiresAt":E,"signature":"S"} */
#define OPEN "{\"session\":"
#define EXPIRES ",\"expiresAt\":"
#define SIGNED ",\"signature\":\""
#define CLOSE "\"}"
#define LEN(literal) (sizeof(literal) - 1)

static const char *sign(ba_bytes secret, ba_bytes text, apr_pool_t *pool)
{
    unsigned char mac[BA_MAC_BYTES];

    return ba_mac_bytes(secret, text, mac) == APR_SUCCESS
               ? apr_pencode_base64_binary(pool, mac, sizeof(mac), BASE64URL, NULL)
               : NULL;
}

/* ---- reading */

/* True if the text that ends at end, and does not begin before start, ends so. */
static int ends_with(const char *start, const char *end, const char *what, apr_size_t len)
{
    return (apr_size_t)(end - start) >= len && !memcmp(end - len, what, len);
}

/* Better Auth signs D with E as its last key. That text stands in the value already,
 * but for the brace that closes D: so it is moved, and nothing is parsed or spelled
 * again before the signature is good. */
static ba_bytes signed_text(char *text, apr_size_t len, const char **signature)
{
    ba_bytes none = {NULL, 0};
    char *end = text + len, *comma;

    if (!ends_with(text, end, CLOSE, LEN(CLOSE))) {
        return none;
    }
    end -= LEN(CLOSE);
    *end = '\0';
    if (end - text < SIGNATURE || !ends_with(text, end - SIGNATURE, SIGNED, LEN(SIGNED))) {
        return none;
    }
    *signature = end - SIGNATURE;
    end -= SIGNATURE + LEN(SIGNED);
    for (comma = end; comma > text && apr_isdigit(comma[-1]); --comma) {
    }
    if (!ends_with(text, comma, "}" EXPIRES, LEN("}" EXPIRES))) {
        return none;
    }
    comma -= LEN(EXPIRES);
    if ((apr_size_t)(comma - text) < LEN(OPEN) || memcmp(text, OPEN, LEN(OPEN))) {
        return none;
    }
    memmove(comma - 1, comma, (apr_size_t)(end - comma));
    end[-1] = '}';
    return (ba_bytes){text + LEN(OPEN), (apr_size_t)(end - text) - LEN(OPEN)};
}

static json_t *open_compact(const ba_call *call, const char *value)
{
    const apr_array_header_t *secrets = call->settings->secrets;
    char *text = apr_palloc(call->pool, strlen(value) + 1);
    const char *signature;
    apr_size_t len;
    ba_bytes body;

    if (apr_decode_base64(text, value, APR_ENCODE_STRING, APR_ENCODE_NONE, &len) != APR_SUCCESS) {
        return NULL;
    }
    body = signed_text(text, len, &signature);
    for (int i = 0; body.data && i < secrets->nelts; ++i) {
        const char *expected = sign(APR_ARRAY_IDX(secrets, i, ba_bytes), body, call->pool);

        if (expected && ba_mac_equal(expected, signature)) {
            return ba_json_parse(body, call->pool);
        }
    }
    return NULL;
}

/* The payload of a value that is ours and has not expired, else NULL. */
static json_t *open_value(const ba_call *call, const char *value)
{
    const ba_settings *s = call->settings;
    json_t *payload = NULL;
    double until;

    switch (s->cookie_cache.form) {
    case BA_CACHE_COMPACT:
        payload = open_compact(call, value);
        until = json_number_value(json_object_get(payload, "expiresAt"));
        break;
    case BA_CACHE_JWT:
        if (ba_jwt_verify(s->secrets, value, call->now, &payload, call->pool) != APR_SUCCESS) {
            return NULL;
        }
        until = json_number_value(json_object_get(payload, "exp")) * 1000;
        break;
    default:
        if (ba_jwe_decrypt(s->cache_keys, value, call->now, &payload, call->pool) != APR_SUCCESS) {
            return NULL;
        }
        until = json_number_value(json_object_get(payload, "exp")) * 1000;
        break;
    }
    return until >= (double)call->now ? payload : NULL;
}

/* A string of an object; NULL if it is none, or ends early. */
static const char *text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* The same where null and nothing at all are as good; 0 for any other type. */
static int optional(const json_t *object, const char *key, const char **out)
{
    const json_t *value = json_object_get(object, key);

    *out = text_of(object, key);
    return *out || !value || json_is_null(value);
}

static int date_of(const json_t *object, const char *key, ba_time *out)
{
    const char *text = text_of(object, key);

    return text && ba_text_parse_date(text, out) == APR_SUCCESS;
}

static int read_session(const json_t *json, ba_session *s)
{
    s->id = text_of(json, "id");
    s->token = text_of(json, "token");
    s->user_id = text_of(json, "userId");
    return s->id && s->token && s->user_id && optional(json, "ipAddress", &s->ip_address)
           && optional(json, "userAgent", &s->user_agent)
           && date_of(json, "expiresAt", &s->expires_at)
           && date_of(json, "createdAt", &s->created_at)
           && date_of(json, "updatedAt", &s->updated_at);
}

static int read_user(const json_t *json, ba_user *u)
{
    const json_t *verified = json_object_get(json, "emailVerified");

    u->id = text_of(json, "id");
    u->name = text_of(json, "name");
    u->email = text_of(json, "email");
    u->email_verified = json_is_true(verified);
    return u->id && u->name && u->email && json_is_boolean(verified)
           && optional(json, "image", &u->image) && date_of(json, "createdAt", &u->created_at)
           && date_of(json, "updatedAt", &u->updated_at);
}

/* The operator's own columns, as ba_json.c writes them; hidden ones are not there. NULL
 * if one has another type. */
static const ba_extra *read_extra(const json_t *json, const apr_array_header_t *columns,
                                  apr_pool_t *pool)
{
    ba_extra *extra = ba_extra_create(columns, pool);

    for (int i = 0; extra && i < columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(columns, i, ba_column);
        const json_t *value = json_object_get(json, c->name);
        const char *text = json_is_string(value)    ? text_of(json, c->name)
                           : json_is_boolean(value) ? (json_is_true(value) ? "1" : "0")
                                                    : ba_json_text(value, pool);

        if (value && !json_is_null(value)
            && (!text || !(extra->values[i] = ba_column_value(c->type, text, pool)))) {
            return NULL;
        }
    }
    return extra;
}

static int version_good(const ba_call *call, const json_t *payload)
{
    const char *version = text_of(payload, "version");

    return !strcmp(version && *version ? version : "1", call->settings->cookie_cache_version);
}

apr_status_t ba_cache_cookie_read(ba_call *call, const char *token, const ba_session **session,
                                  const ba_user **user)
{
    struct { ba_session session; ba_user user; } *found;
    const ba_columns *columns = &call->settings->columns;
    const char *value;
    json_t *payload;

    if (call->settings->cookie_cache.form == BA_CACHE_OFF
        || !(value = ba_cookie_get_chunked(call, call->settings->data_cookie))) {
        return APR_NOTFOUND;
    }
    payload = open_value(call, value);
    found = apr_pcalloc(call->pool, sizeof(*found));
    if (!payload || !read_session(json_object_get(payload, "session"), &found->session)
        || found->session.expires_at < call->now || !ba_mac_equal(found->session.token, token)
        || !version_good(call, payload) || !json_is_number(json_object_get(payload, "updatedAt"))
        || !read_user(json_object_get(payload, "user"), &found->user)) {
        return APR_EINVAL;
    }
    if (columns->user) {
        found->user.extra
            = read_extra(json_object_get(payload, "user"), columns->user, call->pool);
    }
    if (columns->session) {
        found->session.extra
            = read_extra(json_object_get(payload, "session"), columns->session, call->pool);
    }
    if ((columns->user && !found->user.extra) || (columns->session && !found->session.extra)) {
        return APR_EINVAL;
    }
    *session = &found->session;
    *user = &found->user;
    return APR_SUCCESS;
}

/* ---- writing */

static const char *write_compact(const ba_call *call, const json_t *payload, apr_int64_t life)
{
    ba_bytes secret = APR_ARRAY_IDX(call->settings->secrets, 0, ba_bytes);
    const char *text = ba_json_text(payload, call->pool);
    const char *expires, *whole, *mac;
    ba_bytes body;

    if (!text) {
        return NULL;
    }
    expires = apr_psprintf(call->pool, EXPIRES "%" APR_INT64_T_FMT, call->now + BA_MS(life));
    body.data = apr_pstrcat(call->pool, apr_pstrmemdup(call->pool, text, strlen(text) - 1), expires,
                            "}", NULL);
    body.len = strlen(body.data);
    mac = sign(secret, body, call->pool);
    if (!mac) {
        return NULL;
    }
    whole = apr_pstrcat(call->pool, OPEN, text, expires, SIGNED, mac, CLOSE, NULL);
    return apr_pencode_base64(call->pool, whole, APR_ENCODE_STRING, BASE64URL, NULL);
}

static const char *write_token(const ba_call *call, json_t *payload, apr_int64_t life)
{
    const ba_settings *s = call->settings;

    json_object_set_new(payload, "iat", json_integer(call->now / 1000));
    json_object_set_new(payload, "exp", json_integer(call->now / 1000 + life));
    return s->cookie_cache.form == BA_CACHE_JWT
               ? ba_jwt_sign(APR_ARRAY_IDX(s->secrets, 0, ba_bytes), payload, call->pool)
               : ba_jwe_encrypt(&APR_ARRAY_IDX(s->cache_keys, 0, ba_jwe_key), payload, call->pool);
}

void ba_cache_cookie_write(ba_call *call, const ba_session *session, const ba_user *user,
                           int remember)
{
    const ba_settings *s = call->settings;
    apr_int64_t life = s->cookie_cache.max_age;
    const char *value;
    json_t *payload;

    if (s->cookie_cache.form == BA_CACHE_OFF) {
        return;
    }
    payload = ba_json_object(call->pool);
    json_object_set(payload, "session", ba_json_session(session, call->pool));
    json_object_set(payload, "user", ba_json_user(user, call->pool));
    json_object_set_new(payload, "updatedAt", json_integer(call->now));
    json_object_set_new(payload, "version", json_string(s->cookie_cache_version));
    if (s->cookie_cache.form == BA_CACHE_COMPACT) {
        value = write_compact(call, payload, remember ? life : BROWSER_COMPACT);
    }
    else {
        value = write_token(call, payload, remember ? life : BROWSER_TOKEN);
    }
    ba_cache_cookie_delete(call);
    if (value
        && !ba_cookie_set_chunked(call, s->data_cookie, value,
                                  remember ? life : BA_COOKIE_BROWSER)) {
        ba_call_log(call, BA_LOG_DEBUG, 0, "BA0301: cookie cache of user %s not written: %" APR_SIZE_T_FMT
                    " bytes are too many", user->id, strlen(value));
    }
}

void ba_cache_cookie_delete(ba_call *call)
{
    if (call->settings->cookie_cache.form != BA_CACHE_OFF) {
        ba_cookie_delete_chunked(call, call->settings->data_cookie);
    }
}
