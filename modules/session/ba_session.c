/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_session.h"

#include "ba_audit.h"
#include "ba_cache_cookie.h"
#include "ba_cookie.h"
#include "ba_mac.h"
#include "ba_meter.h"
#include "ba_random.h"
#include "ba_session_cache.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <string.h>

/* Life of a session that is not remembered (http-api 1.2). */
#define BROWSER_SESSION_SECONDS 86400

int ba_session_is_remembered(const ba_call *call)
{
    unsigned char mac[BA_MAC_BYTES];
    const char *forget;

    switch (ba_cookie_open(call, call->settings->remember_cookie, &forget, mac)) {
    case APR_SUCCESS:
        return strcmp(forget, "true") != 0;
    case APR_NOTFOUND:
        return 1;
    default:
        return 0; /* the shorter life, while nobody knows */
    }
}

/* A switch of the query: any non-empty text is true, "false" included (http-api 4). */
static int switched(const ba_call *call, const char *name)
{
    int count = 0;
    const char *value
        = call->query ? ba_text_query_param(call->query, name, &count, call->pool) : NULL;

    return count > 1 || (value && *value);
}

/* No session lives longer than BetterAuthSessionMaxLifetime. */
static ba_time capped(const ba_settings *s, ba_time created_at, ba_time until)
{
    ba_time last = created_at + BA_MS(s->session_max_lifetime);

    return s->session_max_lifetime && last < until ? last : until;
}

ba_time ba_session_ends(const ba_settings *settings, const ba_session *session)
{
    return capped(settings, session->created_at, session->expires_at);
}

int ba_session_is_over(const ba_call *call, const ba_session *session)
{
    return ba_session_ends(call->settings, session) < call->now;
}

/* Until when a refresh would let the session live. */
static ba_time refreshed(const ba_call *call, const ba_session *session)
{
    return capped(call->settings, session->created_at,
                  call->now + BA_MS(call->settings->session_expires_in));
}

static int refresh_is_due(const ba_call *call, const ba_session *session)
{
    const ba_settings *s = call->settings;

    return session->expires_at - BA_MS(s->session_expires_in) + BA_MS(s->session_update_age)
               <= call->now
           && session->expires_at < refreshed(call, session);
}

/* A feature says that the user is nobody any more. */
static int is_barred(const ba_call *call, const ba_user *user)
{
    int barred = 0;

    for (const ba_feature *const *f = call->features; f && *f && !barred; ++f) {
        barred = (*f)->bars && (*f)->bars(call, user);
    }
    return barred;
}

/* Moves the expiry forward. The update names the expiry that was read, so two
 * requests at once write once, and a session revoked meanwhile stays gone. */
static apr_status_t refresh(ba_call *call, ba_session *session, ba_user *user)
{
    ba_store *store = call->store;
    ba_time until = refreshed(call, session);
    apr_status_t rv = store->ops->session_extend(store, session, until, call->now, call->pool);

    if (rv == APR_NOTFOUND) {
        ba_session *now_there;

        rv = store->ops->session(store, session->token, &now_there, &user, call->pool);
        if (rv == APR_NOTFOUND) {
            ba_session_clear_cookies(call);
            return APR_INCOMPLETE;
        }
        if (rv == APR_SUCCESS) {
            *session = *now_there;
            ba_cache_cookie_write(call, session, user, 1);
        }
        return rv;
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    session->expires_at = until;
    session->updated_at = call->now;
    return ba_session_set_cookies(call, session, user, 1);
}

static apr_status_t refresh_if_due(ba_call *call, ba_session *session, ba_user *user)
{
    ba_refresh when = call->settings->session_refresh;
    int due = refresh_is_due(call, session);

    /* most requests end here, without a look at a cookie that few have */
    if ((!due && when != BA_REFRESH_POST && call->settings->cookie_cache.form == BA_CACHE_OFF)
        || !ba_session_is_remembered(call)) {
        return APR_SUCCESS;
    }
    if (when == BA_REFRESH_POST && !call->refresh_now) {
        call->needs_refresh = due;
        due = 0;
    }
    if (due && when != BA_REFRESH_OFF) {
        return refresh(call, session, user);
    }
    ba_cache_cookie_write(call, session, user, 1);
    return APR_SUCCESS;
}

/* A session that is over goes; where refreshes are put off, so is this. */
static apr_status_t end_it(ba_call *call, const char *token)
{
    if (call->settings->session_refresh == BA_REFRESH_POST && !call->refresh_now) {
        return APR_SUCCESS;
    }
    return call->store->ops->session_delete(call->store, token, call->pool);
}

/* *token is NULL if there is none, or if it cannot be told. */
static apr_status_t token_of_feature(const ba_call *call, const char **token, int *is_signed)
{
    apr_status_t rv = APR_SUCCESS;

    *token = NULL;
    *is_signed = 0;
    for (const ba_feature *const *f = call->features; f && *f && !*token && rv == APR_SUCCESS; ++f) {
        rv = (*f)->token ? (*f)->token(call, token, is_signed) : APR_SUCCESS;
    }
    return rv;
}

/* What names the session, and its MAC: a feature's token goes before the cookie, as
 * upstream. APR_NOTFOUND: nothing. APR_EGENERAL: nobody can say, which is logged. */
static apr_status_t shown_token(const ba_call *call, const char **token,
                                unsigned char mac[BA_MAC_BYTES])
{
    int is_signed;
    apr_status_t rv = token_of_feature(call, token, &is_signed);

    if (rv == APR_SUCCESS && *token) {
        rv = ba_mac_bytes(APR_ARRAY_IDX(call->settings->secrets, 0, ba_bytes),
                          (ba_bytes){*token, strlen(*token)}, mac);
    }
    else if (rv == APR_SUCCESS) {
        rv = ba_cookie_open(call, call->settings->session_cookie, token, mac);
    }
    if (rv == APR_SUCCESS && (!**token || strlen(*token) > BA_TOKEN_MAX)) {
        rv = APR_NOTFOUND;
    }
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0353: OpenSSL could not check a signature");
    }
    return rv;
}

int ba_session_claimed(const ba_call *call)
{
    const char *token;
    int is_signed;

    return ba_cookie_get(call, call->settings->session_cookie)
           || token_of_feature(call, &token, &is_signed) != APR_SUCCESS || token;
}

int ba_session_in_authorization(const ba_call *call)
{
    const char *token;
    int is_signed;

    /* what may be ours is nobody else's business */
    return token_of_feature(call, &token, &is_signed) != APR_SUCCESS
           || (token
               && (is_signed || (call->session && ba_mac_equal(token, call->session->token))));
}

static apr_status_t ask_database(ba_call *call, const char *token, ba_session **session,
                                 ba_user **user)
{
    ba_store *store = call->store;
    apr_time_t begun = apr_time_now();
    apr_status_t rv = store->ops->session(store, token, session, user, call->pool);

    ba_meter_time(call->meter, BA_TIMER_LOOKUP, apr_time_now() - begun);
    return rv;
}

/* Asks the server's cache first, unless the database is to say so. */
static apr_status_t ask_cache_or_store(ba_call *call, const char *token, const unsigned char *mac,
                                       int confirmed, ba_session **session, ba_user **user)
{
    ba_cache_look look;
    apr_status_t rv;

    if (confirmed || !call->session_cache || switched(call, "disableCookieCache")) {
        return ask_database(call, token, session, user);
    }
    if (ba_session_cache_get(call, token, mac, &look, session, user) == APR_SUCCESS) {
        call->session_cached = 1;
        return APR_SUCCESS;
    }
    ba_meter_add(call->meter, BA_COUNT_CACHE_MISS, 1);
    rv = ask_database(call, token, session, user);
    if (rv == APR_SUCCESS) {
        ba_session_cache_put(call, &look, *session, *user);
    }
    return rv;
}

static apr_status_t ask_store(ba_call *call, const char *token, const unsigned char *mac,
                              int confirmed)
{
    ba_session *session;
    ba_user *user;
    apr_status_t rv = ask_cache_or_store(call, token, mac, confirmed, &session, &user);

    if (rv == APR_SUCCESS && (ba_session_is_over(call, session) || is_barred(call, user))) {
        ba_meter_add(call->meter, BA_COUNT_SESSION_EXPIRED, 1);
        rv = end_it(call, token);
        rv = rv == APR_SUCCESS ? APR_NOTFOUND : rv;
    }
    if (rv == APR_NOTFOUND) {
        ba_session_clear_cookies(call);
    }
    ba_meter_add(call->meter,
                 rv == APR_NOTFOUND      ? BA_COUNT_KNOWN_TO_NOBODY
                 : rv != APR_SUCCESS     ? BA_COUNT_KNOWN_FAILED
                 : call->session_cached ? BA_COUNT_KNOWN_BY_CACHE
                                         : BA_COUNT_KNOWN_BY_DATABASE,
                 1);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!switched(call, "disableRefresh")) {
        rv = refresh_if_due(call, session, user);
    }
    if (rv == APR_SUCCESS) {
        call->session = session;
        call->user = user;
    }
    return rv;
}

/* The answer of the cookie cache; one that must not be believed is taken away. */
static apr_status_t ask_cookie(ba_call *call, const char *token)
{
    apr_status_t rv = APR_NOTFOUND;

    if (!switched(call, "disableCookieCache") && !call->refresh_now) {
        rv = ba_cache_cookie_read(call, token, &call->session, &call->user);
    }
    if (rv == APR_SUCCESS
        && (ba_session_is_over(call, call->session) || is_barred(call, call->user))) {
        rv = APR_EINVAL;
    }
    if (rv == APR_EINVAL) {
        ba_cache_cookie_delete(call);
    }
    if (rv == APR_SUCCESS && call->settings->session_refresh == BA_REFRESH_POST) {
        call->needs_refresh = ba_session_is_remembered(call) && refresh_is_due(call, call->session);
    }
    return rv;
}

static apr_status_t find(ba_call *call, int confirmed)
{
    unsigned char mac[BA_MAC_BYTES];
    const char *token;
    apr_status_t rv = shown_token(call, &token, mac);

    call->session = NULL;
    call->user = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    call->session_cached = !confirmed && ask_cookie(call, token) == APR_SUCCESS;
    if (call->session_cached) {
        ba_meter_add(call->meter, BA_COUNT_KNOWN_BY_COOKIE, 1);
        return APR_SUCCESS;
    }
    return ask_store(call, token, mac, confirmed);
}

static apr_status_t ask(ba_call *call, int confirmed)
{
    if (!call->session_asked || (confirmed && call->session_cached)) {
        call->session_asked = 1;
        if (call->settings->cookie_cache.form == BA_CACHE_OFF) {
            /* one that somebody else has set is stale */
            ba_cookie_delete_chunked(call, call->settings->data_cookie);
        }
        call->session_status = find(call, confirmed);
    }
    return call->session_status;
}

apr_status_t ba_session_find(ba_call *call)
{
    return ask(call, 0);
}

apr_status_t ba_session_confirm(ba_call *call)
{
    return ask(call, 1);
}

int ba_session_is_fresh(const ba_call *call)
{
    apr_int64_t age = call->settings->session_fresh_age;

    return age == 0 || call->now - call->session->created_at < BA_MS(age);
}

apr_status_t ba_session_send_again(ba_call *call)
{
    return ba_session_set_cookies(call, call->session, call->user, ba_session_is_remembered(call));
}

/* 0: somebody has a reason why not. */
static int may_sign_in(ba_call *call, const ba_user *user, int remember)
{
    const ba_error *why = call->ops->veto ? call->ops->veto(call, user, remember) : NULL;

    if (!why) {
        return 1;
    }
    call->vetoed = why;
    if (why->status == 503) {
        ba_call_log(call, BA_LOG_WARN, 0,
                    "BA0351: another module cannot say whether user %s may sign in, client %s",
                    user->id, call->client);
    }
    else {
        ba_audit(call, BA_EVENT_SIGN_IN_REFUSED, (ba_fact){.user = user->id, .reason = why->code});
    }
    ba_call_fail(call, why);
    return 0;
}

static const ba_error *refusal(ba_call *call, const ba_user *user)
{
    const ba_error *error = NULL;

    for (const ba_feature *const *f = call->features; f && *f && !error; ++f) {
        error = (*f)->refuses ? (*f)->refuses(call, user) : NULL;
    }
    return error;
}

int ba_session_may_begin(ba_call *call, const ba_user *user, int remember)
{
    const ba_error *error = refusal(call, user);

    if (error) {
        ba_call_fail(call, error);
        return 0;
    }
    return may_sign_in(call, user, remember);
}

const ba_session *ba_session_begin(ba_call *call, const ba_user *user, int remember)
{
    const ba_settings *s = call->settings;
    ba_session *session = apr_pcalloc(call->pool, sizeof(*session));
    const char *agent = ba_call_header(call, "User-Agent");

    if (!ba_session_may_begin(call, user, remember)) {
        return NULL;
    }
    session->id = ba_random_id(s->generate_id, call->pool);
    session->token = ba_random_text(BA_TOKEN_LENGTH, call->pool);
    session->user_id = user->id;
    session->limit = (int)s->max_sessions;
    session->extra = ba_extra_fallback(s->columns.session, call->pool);
    session->ip_address = s->ip_tracking ? call->client : "";
    session->user_agent = agent ? ba_text_cut(ba_text_from_latin1(agent, call->pool),
                                              BA_USER_AGENT_MAX, call->pool)
                                : "";
    session->created_at = session->updated_at = call->now;
    session->expires_at
        = capped(s, call->now,
                 call->now + BA_MS(remember ? s->session_expires_in : BROWSER_SESSION_SECONDS));
    if (!session->id || !session->token) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0352: the random generator failed");
        ba_call_fail(call, &ba_err_create_session);
        return NULL;
    }
    ba_meter_add(call->meter, BA_COUNT_SESSION_BEGUN, 1);
    return session;
}

/* Of a remembered session's cookie: a whole life, as upstream, unless it must end
 * before that. */
static apr_int64_t max_age(const ba_call *call, const ba_session *session)
{
    ba_time until = refreshed(call, session);

    return until > call->now ? (until - call->now) / 1000 : 0;
}

apr_status_t ba_session_set_cookies(ba_call *call, const ba_session *session, const ba_user *user,
                                    int remember)
{
    const ba_settings *s = call->settings;
    apr_status_t rv
        = ba_cookie_set_signed(call, s->session_cookie, session->token,
                               remember ? max_age(call, session) : BA_COOKIE_BROWSER);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!remember) {
        rv = ba_cookie_set_signed(call, s->remember_cookie, "true", BA_COOKIE_BROWSER);
    }
    /* a marker from an earlier sign-in would stop this session's refreshes */
    else if (ba_cookie_get(call, s->remember_cookie)) {
        ba_cookie_delete(call, s->remember_cookie);
    }
    ba_cache_cookie_write(call, session, user, remember);
    return rv;
}

void ba_session_clear_cookies(ba_call *call)
{
    const ba_settings *s = call->settings;

    ba_cookie_delete(call, s->session_cookie);
    ba_cookie_delete(call, s->data_cookie);
    ba_cookie_delete_chunks(call, s->data_cookie);
    ba_cookie_delete(call, s->remember_cookie);
}

apr_status_t ba_session_end(ba_call *call, ba_session **ended)
{
    ba_store *store = call->store;
    unsigned char mac[BA_MAC_BYTES];
    const char *token;
    apr_status_t rv = shown_token(call, &token, mac);
    ba_user *user;

    *ended = NULL;
    if (rv == APR_SUCCESS) {
        if (store->ops->session(store, token, ended, &user, call->pool) != APR_SUCCESS) {
            *ended = NULL; /* gone already, or the database is down, which the next one says */
        }
        rv = store->ops->session_delete(store, token, call->pool);
    }
    rv = rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    if (rv == APR_SUCCESS) {
        ba_session_clear_cookies(call);
    }
    return rv;
}
