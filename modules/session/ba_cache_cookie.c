/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_cache_cookie.h"

#include "ba_cookie.h"
#include "ba_json_flat.h"
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

/* What a cookie says. */
typedef struct content {
    ba_session session;
    ba_user user;
    const char *version; /* NULL: none */
    double until;        /* milliseconds */
} content;

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

/* Any payload; until: the member that says when it expires, in so many milliseconds. */
static int read_json(const ba_call *call, const json_t *payload, const char *until, int unit,
                     content *c)
{
    const ba_columns *columns = &call->settings->columns;
    const json_t *session = json_object_get(payload, "session");
    const json_t *user = json_object_get(payload, "user");

    if (!read_session(session, &c->session) || !read_user(user, &c->user)
        || !json_is_number(json_object_get(payload, "updatedAt"))) {
        return 0;
    }
    if (columns->user && !(c->user.extra = read_extra(user, columns->user, call->pool))) {
        return 0;
    }
    if (columns->session
        && !(c->session.extra = read_extra(session, columns->session, call->pool))) {
        return 0;
    }
    c->version = text_of(payload, "version");
    c->until = json_number_value(json_object_get(payload, until)) * unit;
    return 1;
}

/* The members of a compact payload, in the order of flat_names. */
enum { S_ID, S_TOKEN, S_USER, S_ADDRESS, S_AGENT, S_EXPIRES, S_CREATED, S_UPDATED, U_ID, U_NAME,
       U_EMAIL, U_IMAGE, U_VERIFIED, U_CREATED, U_UPDATED, UPDATED, VERSION, EXPIRES_AT, MEMBERS };

static int flat_text(const ba_flat *m, const char **out)
{
    *out = m->text;
    return m->kind == BA_FLAT_TEXT;
}

static int flat_optional(const ba_flat *m, const char **out)
{
    *out = m->text;
    return m->kind == BA_FLAT_TEXT || m->kind == BA_FLAT_NULL || m->kind == BA_FLAT_ABSENT;
}

static int flat_date(const ba_flat *m, ba_time *out)
{
    return m->kind == BA_FLAT_TEXT && ba_text_parse_date(m->text, out) == APR_SUCCESS;
}

/* The same for the usual compact payload, many times as fast. APR_ENOTIMPL: it is not the
 * usual one, let read_json() see. */
static apr_status_t read_flat(const ba_call *call, char *text, apr_size_t len, content *c)
{
    ba_flat m[MEMBERS] = {
        [S_ID] = {.object = "session", .key = "id"},
        [S_TOKEN] = {.object = "session", .key = "token"},
        [S_USER] = {.object = "session", .key = "userId"},
        [S_ADDRESS] = {.object = "session", .key = "ipAddress"},
        [S_AGENT] = {.object = "session", .key = "userAgent"},
        [S_EXPIRES] = {.object = "session", .key = "expiresAt"},
        [S_CREATED] = {.object = "session", .key = "createdAt"},
        [S_UPDATED] = {.object = "session", .key = "updatedAt"},
        [U_ID] = {.object = "user", .key = "id"},
        [U_NAME] = {.object = "user", .key = "name"},
        [U_EMAIL] = {.object = "user", .key = "email"},
        [U_IMAGE] = {.object = "user", .key = "image"},
        [U_VERIFIED] = {.object = "user", .key = "emailVerified"},
        [U_CREATED] = {.object = "user", .key = "createdAt"},
        [U_UPDATED] = {.object = "user", .key = "updatedAt"},
        [UPDATED] = {.key = "updatedAt"},
        [VERSION] = {.key = "version"},
        [EXPIRES_AT] = {.key = "expiresAt"},
    };
    ba_session *s = &c->session;
    ba_user *u = &c->user;
    int good;

    if (call->settings->columns.user || call->settings->columns.session
        || !ba_json_flat(text, len, m, MEMBERS)) {
        return APR_ENOTIMPL;
    }
    u->email_verified = m[U_VERIFIED].kind == BA_FLAT_TRUE;
    c->until = (double)apr_atoi64(m[EXPIRES_AT].text ? m[EXPIRES_AT].text : "0");
    good = flat_text(&m[S_ID], &s->id) && flat_text(&m[S_TOKEN], &s->token)
           && flat_text(&m[S_USER], &s->user_id) && flat_optional(&m[S_ADDRESS], &s->ip_address)
           && flat_optional(&m[S_AGENT], &s->user_agent)
           && flat_date(&m[S_EXPIRES], &s->expires_at) && flat_date(&m[S_CREATED], &s->created_at)
           && flat_date(&m[S_UPDATED], &s->updated_at) && flat_text(&m[U_ID], &u->id)
           && flat_text(&m[U_NAME], &u->name) && flat_text(&m[U_EMAIL], &u->email)
           && flat_optional(&m[U_IMAGE], &u->image)
           && (u->email_verified || m[U_VERIFIED].kind == BA_FLAT_FALSE)
           && flat_date(&m[U_CREATED], &u->created_at) && flat_date(&m[U_UPDATED], &u->updated_at)
           && m[UPDATED].kind == BA_FLAT_NUMBER && m[EXPIRES_AT].kind == BA_FLAT_NUMBER
           && flat_optional(&m[VERSION], &c->version);
    return good ? APR_SUCCESS : APR_EINVAL;
}

static int open_compact(const ba_call *call, const char *value, content *c)
{
    const apr_array_header_t *secrets = call->settings->secrets;
    char *text = apr_palloc(call->pool, strlen(value) + 1);
    const char *signature;
    apr_size_t len;
    ba_bytes body;

    if (apr_decode_base64(text, value, APR_ENCODE_STRING, APR_ENCODE_NONE, &len) != APR_SUCCESS) {
        return 0;
    }
    body = signed_text(text, len, &signature);
    for (int i = 0; body.data && i < secrets->nelts; ++i) {
        const char *expected = sign(APR_ARRAY_IDX(secrets, i, ba_bytes), body, call->pool);

        if (expected && ba_mac_equal(expected, signature)) {
            apr_status_t rv = read_flat(call, text + (body.data - text), body.len, c);

            return rv == APR_ENOTIMPL
                       ? read_json(call, ba_json_parse(body, call->pool), "expiresAt", 1, c)
                       : rv == APR_SUCCESS;
        }
    }
    return 0;
}

/* 0: it is not ours, or not good any more. */
static int open_value(const ba_call *call, const char *value, content *c)
{
    const ba_settings *s = call->settings;
    json_t *payload = NULL;
    int good;

    switch (s->cookie_cache.form) {
    case BA_CACHE_COMPACT:
        good = open_compact(call, value, c);
        break;
    case BA_CACHE_JWT:
        good = ba_jwt_verify(s->secrets, value, call->now, &payload, call->pool) == APR_SUCCESS
               && read_json(call, payload, "exp", 1000, c);
        break;
    default:
        good = ba_jwe_decrypt(s->cache_keys, value, call->now, &payload, call->pool) == APR_SUCCESS
               && read_json(call, payload, "exp", 1000, c);
        break;
    }
    return good && c->until >= (double)call->now;
}

static int version_good(const ba_call *call, const char *version)
{
    return !strcmp(version && *version ? version : "1", call->settings->cookie_cache_version);
}

apr_status_t ba_cache_cookie_read(ba_call *call, const char *token, const ba_session **session,
                                  const ba_user **user)
{
    const char *value;
    content *c;

    if (call->settings->cookie_cache.form == BA_CACHE_OFF
        || !(value = ba_cookie_get_chunked(call, call->settings->data_cookie))) {
        return APR_NOTFOUND;
    }
    c = apr_pcalloc(call->pool, sizeof(*c));
    if (!open_value(call, value, c) || c->session.expires_at < call->now
        || !ba_mac_equal(c->session.token, token) || strcmp(c->session.user_id, c->user.id)
        || !version_good(call, c->version)) {
        return APR_EINVAL;
    }
    *session = &c->session;
    *user = &c->user;
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
