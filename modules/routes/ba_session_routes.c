/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* get-session and sign-out (http-api 5.9, 5.10). */

#include "ba_cookie.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"

/* The cookie cache is off: a cache cookie of somebody else is stale. */
static void drop_cache_cookie(ba_call *call)
{
    if (ba_cookie_get(call, call->settings->data_cookie)) {
        ba_cookie_delete(call, call->settings->data_cookie);
    }
    ba_cookie_delete_chunks(call, call->settings->data_cookie);
}

static void get_session(ba_call *call, const void *body)
{
    json_t *json;

    (void)body;
    drop_cache_cookie(call);
    switch (ba_session_find(call)) {
    case APR_SUCCESS:
        json = ba_json_object(call->pool);
        json_object_set(json, "session", ba_json_session(call->session, call->pool));
        json_object_set(json, "user", ba_json_user(call->user, call->pool));
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

/* Only deferSessionRefresh, which we do not offer, gives POST a meaning. */
static void post_get_session(ba_call *call, const void *body)
{
    (void)body;
    ba_call_fail(call, &ba_err_post_get_session);
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

static const ba_schema sign_out_schema = {sign_out_fields, sizeof(sign_out_body), 1, 0};

/* A sign-out that could not end the session says so: upstream answers success,
 * and the cookie would work again once the database is back. */
static void sign_out(ba_call *call, const void *body)
{
    (void)body;
    if (ba_session_end(call) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    ba_call_log(call, BA_LOG_INFO, 0, "BA0406: sign-out, client %s", call->client);
    ba_call_ok(call, "{\"success\":true}");
}

static const ba_route routes[] = {
    {"GET", "/get-session", 0, NULL, get_session},
    {"POST", "/get-session", 0, NULL, post_get_session},
    {"POST", "/sign-out", 0, &sign_out_schema, sign_out},
    {0},
};

const ba_feature ba_session_routes = {"session", routes};
