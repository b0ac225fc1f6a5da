/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_session_cache.h"

#include "ba_mac.h"
#include "ba_settings.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

/* First of an entry: another layout, or another program, is no entry of ours. */
#define LAYOUT 0x62613031U

/* Milliseconds from before the database was asked in which its answer is kept, and
 * seconds that a mark outlives any such entry. */
#define KEEP_WITHIN 20000
#define MARK_SPARE 30

/* What an entry begins with; its texts follow. */
typedef struct head {
    apr_uint32_t layout;
    apr_uint32_t session_count; /* of the revocations; where not shared */
    apr_uint32_t user_count;
    apr_uint32_t verified;
    ba_time asked_at; /* when the database was about to be asked */
    ba_time expires_at, created_at, updated_at;
    ba_time user_created_at, user_updated_at;
} head;

/* A text's length, or that it is NULL. */
typedef apr_uint16_t text_len;
#define NO_TEXT ((text_len)-1)

typedef struct cursor {
    unsigned char *at, *end; /* at NULL: it has run out of room, or of bytes */
} cursor;

/* ---- keys */

static void scoped(const ba_session_cache *cache, const unsigned char name[BA_CACHE_KEY],
                   unsigned char key[BA_CACHE_KEY])
{
    for (int i = 0; i < BA_CACHE_KEY; ++i) {
        key[i] = name[i] ^ cache->scope[i];
    }
}

/* Of a user's mark. A session's key is made of the token's MAC, which says nothing about
 * the token; the two cannot meet. */
static int make_key(const ba_session_cache *cache, const char *user_id, unsigned char *key)
{
    unsigned char name[BA_CACHE_KEY];

    if (!ba_mac_sha256(user_id, name)) {
        return 0;
    }
    scoped(cache, name, key);
    return 1;
}

/* ---- writing */

static void put_bytes(cursor *c, const void *bytes, apr_size_t len)
{
    if (!c->at || (apr_size_t)(c->end - c->at) < len) {
        c->at = NULL;
        return;
    }
    memcpy(c->at, bytes, len);
    c->at += len;
}

static void put_text(cursor *c, const char *text)
{
    apr_size_t size = text ? strlen(text) : 0;
    text_len len = text ? (text_len)size : NO_TEXT;

    if (size > BA_CACHE_MAX) {
        c->at = NULL;
        return;
    }
    put_bytes(c, &len, sizeof(len));
    if (text) {
        put_bytes(c, text, size + 1);
    }
}

static void put_extra(cursor *c, const ba_extra *extra)
{
    for (int i = 0; extra && i < extra->columns->nelts; ++i) {
        put_text(c, extra->values[i]);
    }
}

static unsigned write_entry(const head *h, const ba_session *s, const ba_user *u,
                            unsigned char *out, apr_size_t room)
{
    cursor c = {out, out + room};

    put_bytes(&c, h, sizeof(*h));
    put_text(&c, u->id);
    put_text(&c, u->name);
    put_text(&c, u->email);
    put_text(&c, u->image);
    put_text(&c, s->id);
    put_text(&c, s->ip_address);
    put_text(&c, s->user_agent);
    put_extra(&c, u->extra);
    put_extra(&c, s->extra);
    return c.at ? (unsigned)(c.at - out) : 0;
}

/* ---- reading; a shared cache may hold anything */

static void get_bytes(cursor *c, void *bytes, apr_size_t len)
{
    if (!c->at || (apr_size_t)(c->end - c->at) < len) {
        c->at = NULL;
        return;
    }
    memcpy(bytes, c->at, len);
    c->at += len;
}

static const char *get_text(cursor *c)
{
    const char *text;
    text_len len = NO_TEXT;

    get_bytes(c, &len, sizeof(len));
    if (!c->at || len == NO_TEXT) {
        return NULL;
    }
    text = (const char *)c->at;
    if ((apr_size_t)(c->end - c->at) <= len || strnlen(text, (apr_size_t)len + 1) != len) {
        c->at = NULL;
        return NULL;
    }
    c->at += (apr_size_t)len + 1;
    return text;
}

static const ba_extra *get_extra(cursor *c, const apr_array_header_t *columns, apr_pool_t *pool)
{
    ba_extra *extra = ba_extra_create(columns, pool);

    for (int i = 0; extra && i < columns->nelts; ++i) {
        extra->values[i] = get_text(c);
    }
    return extra;
}

/* 0: no entry of ours. The texts stay in data. */
static int read_entry(const ba_call *call, unsigned char *data, unsigned len, head *h,
                      ba_session *s, ba_user *u)
{
    const ba_columns *columns = &call->settings->columns;
    cursor c = {data, data + len};

    get_bytes(&c, h, sizeof(*h));
    if (!c.at || h->layout != LAYOUT) {
        return 0;
    }
    u->id = get_text(&c);
    u->name = get_text(&c);
    u->email = get_text(&c);
    u->image = get_text(&c);
    s->id = get_text(&c);
    s->ip_address = get_text(&c);
    s->user_agent = get_text(&c);
    u->extra = get_extra(&c, columns->user, call->pool);
    s->extra = get_extra(&c, columns->session, call->pool);
    u->email_verified = h->verified == 1;
    u->created_at = h->user_created_at;
    u->updated_at = h->user_updated_at;
    s->user_id = u->id;
    s->expires_at = h->expires_at;
    s->created_at = h->created_at;
    s->updated_at = h->updated_at;
    return c.at == c.end && u->id && u->name && u->email && s->id;
}

/* ---- what may be believed */

/* A shared cache is somebody else's program: what it says of who is who is signed, with
 * its key, for which there is room before data. */
static int seal(const ba_call *call, const unsigned char *key, unsigned char *data, unsigned len,
                int secret, unsigned char mac[BA_MAC_BYTES])
{
    ba_bytes text = {(const char *)data - BA_CACHE_KEY, len + BA_CACHE_KEY};

    memcpy(data - BA_CACHE_KEY, key, BA_CACHE_KEY);
    return ba_mac_bytes(APR_ARRAY_IDX(call->settings->secrets, secret, ba_bytes), text, mac)
           == APR_SUCCESS;
}

static int sealed(const ba_call *call, const unsigned char *key, unsigned char *data, unsigned len)
{
    unsigned char mac[BA_MAC_BYTES];

    for (int i = 0; i < call->settings->secrets->nelts; ++i) {
        if (seal(call, key, data, len, i, mac) && ba_mac_same(mac, data + len, sizeof(mac))) {
            return 1;
        }
    }
    return 0;
}

static int stands(const ba_call *call, const char *token, const head *h, const ba_user *user)
{
    const ba_session_cache *cache = call->session_cache;
    apr_uint32_t session_slot = ba_revoke_slot(token), user_slot = ba_revoke_slot(user->id);
    unsigned char key[BA_CACHE_KEY], mark[1];
    unsigned len = sizeof(mark);

    if (h->asked_at > call->now || h->asked_at + BA_MS(cache->lifetime) < call->now) {
        return 0;
    }
    if (!cache->shared) {
        /* the cache may have outlived the counters */
        return ba_revoke_knows(cache->revocations, h->asked_at)
               && h->session_count == ba_revoke_count(cache->revocations, session_slot)
               && h->user_count == ba_revoke_count(cache->revocations, user_slot);
    }
    /* what this machine has revoked counts also while the cache cannot be reached */
    return !ba_revoke_since(cache->revocations, session_slot, h->asked_at)
           && !ba_revoke_since(cache->revocations, user_slot, h->asked_at)
           && make_key(cache, user->id, key)
           && cache->ops->get(cache->baton, key, mark, &len, call->pool) == APR_NOTFOUND;
}

apr_status_t ba_session_cache_get(const ba_call *call, const char *token, const unsigned char *mac,
                                  ba_cache_look *look, ba_session **session, ba_user **user)
{
    const ba_session_cache *cache = call->session_cache;
    struct { ba_session session; ba_user user; } *found;
    unsigned char buffer[BA_CACHE_KEY + BA_CACHE_MAX], *data = buffer + BA_CACHE_KEY;
    unsigned len = BA_CACHE_MAX;
    head h;

    look->sum = ba_revoke_sum(cache->revocations);
    scoped(cache, mac, look->key);
    if (cache->ops->get(cache->baton, look->key, data, &len, call->pool) != APR_SUCCESS
        || len > BA_CACHE_MAX) {
        return APR_NOTFOUND;
    }
    if (cache->shared) {
        if (len < BA_MAC_BYTES || !sealed(call, look->key, data, len - BA_MAC_BYTES)) {
            return APR_NOTFOUND;
        }
        len -= BA_MAC_BYTES;
    }
    found = apr_pcalloc(call->pool, sizeof(*found));
    if (!read_entry(call, apr_pmemdup(call->pool, data, len), len, &h, &found->session,
                    &found->user)
        || !stands(call, token, &h, &found->user)) {
        return APR_NOTFOUND;
    }
    found->session.token = token;
    *session = &found->session;
    *user = &found->user;
    return APR_SUCCESS;
}

void ba_session_cache_put(const ba_call *call, const ba_cache_look *look,
                          const ba_session *session, const ba_user *user)
{
    const ba_session_cache *cache = call->session_cache;
    unsigned char buffer[BA_CACHE_KEY + BA_CACHE_MAX], *data = buffer + BA_CACHE_KEY;
    apr_size_t room = BA_CACHE_MAX - BA_MAC_BYTES;
    ba_time now = apr_time_as_msec(apr_time_now());
    head h = {0};
    unsigned len;

    h.layout = LAYOUT;
    h.session_count = ba_revoke_count(cache->revocations, ba_revoke_slot(session->token));
    h.user_count = ba_revoke_count(cache->revocations, ba_revoke_slot(user->id));
    h.verified = user->email_verified ? 1 : 0;
    h.asked_at = call->now;
    h.expires_at = session->expires_at;
    h.created_at = session->created_at;
    h.updated_at = session->updated_at;
    h.user_created_at = user->created_at;
    h.user_updated_at = user->updated_at;
    len = write_entry(&h, session, user, data, room);
    if (!len || now > call->now + KEEP_WITHIN
        || ba_revoke_sum(cache->revocations) != look->sum) {
        return;
    }
    if (cache->shared) {
        if (!seal(call, look->key, data, len, 0, data + len)) {
            return;
        }
        len += BA_MAC_BYTES;
    }
    cache->ops->put(cache->baton, look->key, data, len, cache->lifetime, call->pool);
}

void ba_session_cache_mark(const ba_session_cache *cache, const char *user_id, apr_pool_t *pool)
{
    static const unsigned char mark[] = "1";
    unsigned char key[BA_CACHE_KEY];

    if (cache->shared && make_key(cache, user_id, key)) {
        cache->ops->put(cache->baton, key, mark, 1, cache->lifetime + MARK_SPARE, pool);
    }
}
