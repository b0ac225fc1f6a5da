/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What a browser brings back, and what a shared cache has kept. */

#include "fuzz.h"

#include "ba_cache_cookie.h"
#include "ba_cookie.h"
#include "ba_mac.h"
#include "ba_session_cache.h"

#include <apr_encode.h>
#include <apr_strings.h>

static void read_cookie(fuzz *f)
{
    ba_call *call = f->call;
    unsigned char mac[BA_MAC_BYTES];
    const char *others;

    fuzz_header(f, "Cookie", f->text);
    ba_cookie_get(call, "a");
    ba_cookie_open(call, f->settings->session_cookie, &others, mac);
    ba_cookie_get_chunked(call, f->settings->data_cookie);
    ba_cookie_delete_chunked(call, f->settings->data_cookie);
    fuzz_must(apr_table_elts(call->answer.cookies)->nelts <= 110, "too many cookies to delete");
    others = ba_cookie_others(call);
    if (others) {
        fuzz_must(strlen(others) <= 2 * f->data.len, "cookies of others grow");
        fuzz_header(f, "Cookie", others);
        fuzz_must(!ba_cookie_get(call, f->settings->session_cookie), "ours among those of others");
        fuzz_must(!ba_cookie_get_chunked(call, f->settings->data_cookie), "our cache, too");
    }
}

/* A value as it is, and signed by us, with what names of the signature are wrong. */
static void read_signed(fuzz *f)
{
    const char *name = f->settings->session_cookie, *value, *line;
    unsigned char mac[BA_MAC_BYTES];
    ba_call *call = f->call;

    fuzz_header(f, "Cookie", apr_pstrcat(f->pool, name, "=", f->text, NULL));
    ba_cookie_open(call, name, &value, mac);
    fuzz_must(ba_cookie_set_signed(call, name, f->text, 10) == APR_SUCCESS, "it cannot be signed");
    line = apr_table_get(call->answer.cookies, name);
    fuzz_header(f, "Cookie", line);
    ba_cookie_open(call, name, &value, mac);
    fuzz_must(*f->text ? value && !strcmp(value, f->text) : !value, "what was signed is not read");
}

static void read_bearer(fuzz *f)
{
    extern const ba_feature ba_bearer;
    int is_signed = 0;
    const char *token;

    fuzz_header(f, "Authorization", f->text);
    ba_bearer.token(f->call, &token, &is_signed);
    if (token) {
        fuzz_must(*token && (is_signed || !strpbrk(token, " \t.\r\n")), "an odd token");
    }
    fuzz_header(f, "Authorization", apr_pstrcat(f->pool, "Bearer ", f->text, NULL));
    ba_bearer.token(f->call, &token, &is_signed);
    f->settings->bearer = BA_BEARER_SIGNED;
    ba_bearer.token(f->call, &token, &is_signed);
    fuzz_must(!token || is_signed, "an unsigned token");
    ba_cookie_set_signed(f->call, f->settings->session_cookie, f->text, 10);
    ba_bearer.after(f->call);
    fuzz_must(apr_table_get(f->call->answer.headers, "set-auth-token") != NULL, "no token");
}

/* ---- cookie caches: what is read is written and read again */

static void read_cache(fuzz *f, ba_cache_form form, const char *value)
{
    ba_call *call = f->call;
    ba_settings *s = f->settings;
    const ba_session *session, *again;
    const ba_user *user;
    const char *line;

    s->cookie_cache.form = form;
    fuzz_header(f, "Cookie", apr_pstrcat(f->pool, s->data_cookie, "=", value, NULL));
    if (ba_cache_cookie_read(call, FUZZ_TOKEN, &session, &user) != APR_SUCCESS) {
        return;
    }
    fuzz_must(!strcmp(session->token, FUZZ_TOKEN), "a cache of another session");
    fuzz_must(session->expires_at >= call->now, "a session that is over");
    fuzz_must(!strcmp(session->user_id, user->id), "somebody else's session");
    ba_cache_cookie_write(call, session, user, 1);
    line = apr_table_get(call->answer.cookies, s->data_cookie);
    if (line && strncmp(line + strlen(s->data_cookie), "=;", 2)) { /* not in pieces */
        fuzz_header(f, "Cookie", line);
        fuzz_must(ba_cache_cookie_read(call, FUZZ_TOKEN, &again, &user) == APR_SUCCESS,
                  "what was written cannot be read");
        fuzz_must(!strcmp(session->id, again->id), "another session came back");
    }
}

/* Without columns of the operator's own another reader looks at it first. */
static void read_both(fuzz *f, const char *value)
{
    read_cache(f, BA_CACHE_COMPACT, value);
    f->header_count = 0;
    f->settings->columns = (ba_columns){NULL, NULL};
    read_cache(f, BA_CACHE_COMPACT, value);
}

static void read_compact(fuzz *f)
{
    read_both(f, f->text);
}

static void read_jwt(fuzz *f)
{
    read_cache(f, BA_CACHE_JWT, f->text);
}

static void read_jwe(fuzz *f)
{
    read_cache(f, BA_CACHE_JWE, f->text);
}

/* The text stands under a good signature. */
static void read_compact_signed(fuzz *f)
{
    static const char expires[] = ",\"expiresAt\":1893456300000";
    int flags = APR_ENCODE_URL | APR_ENCODE_NOPADDING;
    apr_size_t len = f->data.len ? f->data.len - 1 : 0;
    char *text = apr_palloc(f->pool, len + sizeof(expires));
    unsigned char mac[BA_MAC_BYTES];
    char *out;

    memcpy(text, f->data.data, len);
    memcpy(text + len, expires, sizeof(expires) - 1);
    text[len + sizeof(expires) - 1] = '}';
    ba_mac_bytes(APR_ARRAY_IDX(f->settings->secrets, 0, ba_bytes),
                 (ba_bytes){text, len + sizeof(expires)}, mac);
    out = apr_palloc(f->pool, f->data.len + sizeof(expires) + 100);
    memcpy(out, "{\"session\":", 11);
    memcpy(out + 11, f->data.data, f->data.len);
    len = 11 + f->data.len;
    len += (apr_size_t)apr_snprintf(out + len, sizeof(expires) + 88, "%s,\"signature\":\"%s\"}",
                                    expires,
                                    apr_pencode_base64_binary(f->pool, mac, sizeof(mac), flags, NULL));
    read_both(f, apr_pencode_base64(f->pool, out, (apr_ssize_t)len, flags, NULL));
}

static void read_jwt_signed(fuzz *f)
{
    int flags = APR_ENCODE_URL | APR_ENCODE_NOPADDING;
    const char *head = apr_pencode_base64(f->pool, fuzz_line(f), APR_ENCODE_STRING, flags, NULL);
    const char *text = apr_pstrcat(
        f->pool, head, ".", apr_pencode_base64(f->pool, f->rest, APR_ENCODE_STRING, flags, NULL),
        NULL);
    unsigned char mac[BA_MAC_BYTES];

    ba_mac_bytes(APR_ARRAY_IDX(f->settings->secrets, 0, ba_bytes), (ba_bytes){text, strlen(text)},
                 mac);
    read_cache(f, BA_CACHE_JWT,
               apr_pstrcat(f->pool, text, ".",
                           apr_pencode_base64_binary(f->pool, mac, sizeof(mac), flags, NULL), NULL));
}

/* ---- an entry of the server's cache, which another program may have written */

typedef struct kept {
    unsigned char bytes[BA_CACHE_MAX];
    apr_size_t len;
    int asked;
} kept;

static apr_status_t kept_get(void *baton, const unsigned char *key, unsigned char *value,
                             unsigned *len, apr_pool_t *pool)
{
    kept *k = baton;

    (void)key, (void)pool;
    if (k->asked++ || k->len > *len) {
        return APR_NOTFOUND; /* no mark of a revocation */
    }
    memcpy(value, k->bytes, k->len);
    *len = (unsigned)k->len;
    return APR_SUCCESS;
}

static apr_status_t kept_put(void *baton, const unsigned char *key, const unsigned char *value,
                             unsigned len, apr_int64_t seconds, apr_pool_t *pool)
{
    kept *k = baton;

    (void)key, (void)seconds, (void)pool;
    memcpy(k->bytes, value, len);
    k->len = len;
    k->asked = 0;
    return APR_SUCCESS;
}

/* Where its first byte says so, what follows is sealed as what a shared cache keeps. */
static void fill(fuzz *f, kept *k)
{
    unsigned char text[BA_CACHE_KEY + BA_CACHE_MAX] = {0};

    k->len = f->data.len - 1 < BA_CACHE_MAX / 2 ? f->data.len - 1 : BA_CACHE_MAX / 2;
    memcpy(k->bytes, f->data.data + 1, k->len);
    if (f->data.data[0] == 's') {
        memcpy(text + BA_CACHE_KEY, k->bytes, k->len);
        ba_mac_bytes(APR_ARRAY_IDX(f->settings->secrets, 0, ba_bytes),
                     (ba_bytes){(const char *)text, BA_CACHE_KEY + k->len}, k->bytes + k->len);
        k->len += BA_MAC_BYTES;
    }
}

static void read_session_cache(fuzz *f)
{
    static const ba_cache_ops ops = {kept_get, kept_put};
    static const unsigned char nought[BA_CACHE_KEY];
    static ba_revocations *revocations;
    ba_session_cache cache = {.ops = &ops, .lifetime = 10, .scope = nought};
    ba_session *session, *again;
    ba_user *user;
    ba_cache_look look;
    kept k = {.asked = 0};

    if (!revocations) {
        revocations
            = ba_revocations_create(calloc(1, ba_revocations_size()), FUZZ_NOW - BA_MS(100));
    }
    if (!f->data.len) {
        return;
    }
    fill(f, &k);
    cache.baton = &k;
    cache.revocations = revocations;
    cache.shared = f->data.data[0] == 's' || f->data.data[0] == 'S';
    f->call->session_cache = &cache;
    if (ba_session_cache_get(f->call, FUZZ_TOKEN, nought, &look, &session, &user) == APR_SUCCESS) {
        fuzz_must(session->id && user->id && user->name && user->email, "half a session");
        fuzz_must(!strcmp(session->user_id, user->id), "somebody else's session");
        ba_session_cache_put(f->call, &look, session, user);
        fuzz_must(ba_session_cache_get(f->call, FUZZ_TOKEN, nought, &look, &again, &user)
                      == APR_SUCCESS,
                  "what was kept is not found");
        fuzz_must(!strcmp(session->id, again->id), "another session was kept");
    }
    ba_session_cache_mark(&cache, f->text, f->pool);
}

const fuzz_target fuzz_cookies[] = {
    {"cookie", read_cookie},
    {"signed", read_signed},
    {"bearer", read_bearer},
    {"cache-compact", read_compact},
    {"cache-compact-signed", read_compact_signed},
    {"cache-jwt", read_jwt},
    {"cache-jwt-signed", read_jwt_signed},
    {"cache-jwe", read_jwe},
    {"session-cache", read_session_cache},
    {0},
};
