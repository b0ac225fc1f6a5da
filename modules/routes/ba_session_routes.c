/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* get-session, sign-out and the user's sessions (http-api 5.9 to 5.12). */

#include "ba_admin.h"
#include "ba_audit.h"
#include "ba_cache_cookie.h"
#include "ba_input.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_store.h"

#include <apr_strings.h>
#include <string.h>

static void get_session(ba_call *call, const void *body)
{
    json_t *json;

    (void)body;
    switch (ba_session_find(call)) {
    case APR_SUCCESS:
        json = ba_json_object(call->pool);
        json_object_set(json, "session", ba_json_session(call->session, call->pool));
        json_object_set(json, "user", ba_json_user(call->user, call->pool));
        if (call->needs_refresh >= 0) {
            json_object_set_new(json, "needsRefresh", json_boolean(call->needs_refresh));
        }
        ba_call_ok(call, ba_json_text(json, call->pool));
        break;
    case APR_NOTFOUND:
        ba_call_ok(call, "null");
        break;
    case APR_INCOMPLETE:
        ba_call_fail(call, &ba_err_get_session);
        break;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        break;
    }
}

/* Does what BetterAuthSessionRefresh post keeps all other requests from doing. */
static void post_get_session(ba_call *call, const void *body)
{
    if (call->settings->session_refresh != BA_REFRESH_POST) {
        ba_call_fail(call, &ba_err_post_get_session);
        return;
    }
    call->refresh_now = 1;
    get_session(call, body);
}

typedef struct sign_out_body {
    const char *callback_url;
    const char *state;
    int disable_redirect;
} sign_out_body;

static const ba_field sign_out_fields[] = {
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(sign_out_body, callback_url)},
    {"state", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(sign_out_body, state)},
    {"disableRedirect", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(sign_out_body, disable_redirect)},
    {0},
};

static const ba_schema sign_out_schema = {sign_out_fields, sizeof(sign_out_body), 1, BA_OBJECT};

/* A sign-out that could not end the session says so: upstream answers success,
 * and the cookie would work again once the database is back. */
static void sign_out(ba_call *call, const void *body)
{
    ba_session *ended;

    (void)body;
    if (ba_session_end(call, &ended) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    if (ended) {
        ba_audit(call, BA_EVENT_SIGN_OUT, (ba_fact){.user = ended->user_id, .session = ended->id});
    }
    ba_call_ok(call, "{\"success\":true}");
}

/* ---- the user's sessions (http-api 5.11) */

static void answer_status(ba_call *call, apr_status_t rv)
{
    if (rv == APR_SUCCESS) {
        ba_route_answer_status(call);
    }
    else {
        ba_call_fail(call, &ba_err_unavailable);
    }
}

static void list_sessions(ba_call *call, const void *body)
{
    apr_array_header_t *sessions;
    json_t *list;

    (void)body;
    if (call->store->ops->sessions(call->store, call->user->id, call->now, &sessions, call->pool)
        != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    list = ba_json_array(call->pool);
    for (int i = 0; i < sessions->nelts; ++i) {
        const ba_session *session = APR_ARRAY_IDX(sessions, i, ba_session *);

        /* upstream's admin plugin keeps those of others out of sight */
        if (!ba_session_is_over(call, session) && !ba_admin_impersonated(session)) {
            json_array_append(list, ba_json_session(session, call->pool));
        }
    }
    ba_call_ok(call, ba_json_text(list, call->pool));
}

typedef struct revoke_body {
    const char *token;
} revoke_body;

static const ba_field revoke_fields[] = {
    {"token", BA_FIELD_TEXT, BA_REQUIRED, offsetof(revoke_body, token)},
    {0},
};

static const ba_schema revoke_schema = {revoke_fields, sizeof(revoke_body), 0, BA_OBJECT};

/* Whether the token is unknown or somebody else's does not show. */
static void revoke_session(ba_call *call, const void *input)
{
    const revoke_body *body = input;
    ba_store *store = call->store;
    ba_session *session;
    ba_user *user;
    apr_status_t rv = strlen(body->token) > BA_TOKEN_MAX
                          ? APR_NOTFOUND
                          : store->ops->session(store, body->token, &session, &user, call->pool);

    if (rv == APR_SUCCESS && strcmp(session->user_id, call->user->id)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        rv = store->ops->session_delete(store, session->token, call->pool);
    }
    if (rv == APR_SUCCESS) {
        ba_audit(call, BA_EVENT_SESSION_REVOKED,
                 (ba_fact){.user = call->user->id, .session = session->id});
        if (!strcmp(session->id, call->session->id)) {
            ba_cache_cookie_delete(call); /* it would outlive the row */
        }
    }
    answer_status(call, rv == APR_NOTFOUND ? APR_SUCCESS : rv);
}

static void revoke_all(ba_call *call, const char *but_id)
{
    apr_status_t rv
        = call->store->ops->sessions_delete(call->store, call->user->id, but_id, call->pool);

    if (rv == APR_SUCCESS) {
        ba_audit(call, BA_EVENT_SESSIONS_REVOKED,
                 (ba_fact){.user = call->user->id, .reason = but_id ? "all others" : "all"});
        if (!but_id) {
            ba_cache_cookie_delete(call);
        }
    }
    answer_status(call, rv);
}

static void revoke_sessions(ba_call *call, const void *body)
{
    (void)body;
    revoke_all(call, NULL);
}

static void revoke_other_sessions(ba_call *call, const void *body)
{
    (void)body;
    revoke_all(call, call->session->id);
}

typedef struct update_body {
    const json_t *whole;
} update_body;

static const ba_field update_fields[] = {
    {"", BA_FIELD_WHOLE, BA_OPTIONAL, offsetof(update_body, whole)},
    {0},
};

static const ba_schema update_schema = {update_fields, sizeof(update_body), 0, BA_RECORD};

static void answer_updated(ba_call *call, const ba_extra *extra)
{
    ba_session *session = apr_pmemdup(call->pool, call->session, sizeof(*session));
    json_t *json = ba_json_object(call->pool);

    session->extra = ba_extra_merge(session->extra, extra, call->pool);
    session->updated_at = call->now;
    call->session = session;
    if (ba_session_send_again(call) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_internal);
        return;
    }
    json_object_set(json, "session", ba_json_session(session, call->pool));
    ba_call_ok(call, ba_json_text(json, call->pool));
}

/* Only the operator's own columns can be updated. */
static void update_session(ba_call *call, const void *input)
{
    const update_body *body = input;
    const ba_extra *extra;

    if (!ba_input_update(call, call->settings->columns.session, body->whole, &extra)) {
        return;
    }
    if (!ba_extra_any(extra)) {
        ba_call_fail(call, &ba_err_no_fields);
        return;
    }
    switch (call->store->ops->session_update(call->store, call->session, extra, call->now,
                                             call->pool)) {
    case APR_SUCCESS:
        answer_updated(call, extra);
        break;
    case APR_NOTFOUND:
        ba_session_clear_cookies(call);
        ba_call_fail(call, &ba_err_get_session);
        break;
    case APR_EINVAL:
        ba_call_fail_with(call, &ba_err_validation, "[body] Invalid input");
        break;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        break;
    }
}

static const ba_route routes[] = {
    {"GET", "/get-session", BA_ANYONE, 0, NULL, get_session, NULL},
    {"POST", "/get-session", BA_ANYONE, 0, NULL, post_get_session, NULL},
    {"POST", "/sign-out", BA_ANYONE, 0, &sign_out_schema, sign_out, NULL},
    {"GET", "/list-sessions", BA_FRESH, 0, NULL, list_sessions, NULL},
    {"POST", "/revoke-session", BA_SIGNED_IN, 0, &revoke_schema, revoke_session, NULL},
    {"POST", "/revoke-sessions", BA_SIGNED_IN, 0, NULL, revoke_sessions, NULL},
    {"POST", "/revoke-other-sessions", BA_SIGNED_IN, 0, NULL, revoke_other_sessions, NULL},
    {"POST", "/update-session", BA_SIGNED_IN, 0, &update_schema, update_session, NULL},
    {0},
};

const ba_feature ba_session_routes = {.name = "session", .routes = routes};
