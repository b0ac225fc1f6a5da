/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Users delete their account (http-api 5.15). */

#include "ba_audit.h"
#include "ba_hashing.h"
#include "ba_links.h"
#include "ba_random.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_store.h"

#include <apr_strings.h>
#include <string.h>

#define PREFIX "delete-account-"
#define TOKEN_LENGTH 32

static void answer_deleted(ba_call *call)
{
    ba_session_clear_cookies(call);
    ba_audit(call, BA_EVENT_USER_DELETED,
             (ba_fact){.user = call->user->id, .session = call->session->id});
    ba_call_ok(call, "{\"success\":true,\"message\":\"User deleted\"}");
}

/* Deletes the caller; token: what must still be there, NULL if none is needed. */
static void delete_caller(ba_call *call, const char *token_id)
{
    switch (call->store->ops->user_delete(call->store, call->user->id, token_id, call->pool)) {
    case APR_SUCCESS:
        answer_deleted(call);
        break;
    case APR_NOTFOUND:
        ba_call_fail(call, &ba_err_delete_token);
        break;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        break;
    }
}

/* A token that somebody else was mailed is used up: whoever has got hold of it shall
 * not try on. */
static void delete_by_token(ba_call *call, const char *secret)
{
    ba_verification *row;
    apr_status_t rv = ba_link_find(call, PREFIX, secret, &row);

    if (rv == APR_SUCCESS && row->expires_at >= call->now
        && !strcmp(row->value, call->user->id)) {
        delete_caller(call, row->id);
        return;
    }
    if (rv == APR_SUCCESS) {
        rv = call->store->ops->verification_claim(call->store, row->id, call->pool);
    }
    ba_call_fail(call, rv == APR_SUCCESS || rv == APR_NOTFOUND ? &ba_err_delete_token
                                                               : &ba_err_unavailable);
}

static void not_offered(ba_call *call)
{
    ba_call_fail(call, &ba_err_not_found);
    call->answer.type = "application/json"; /* unlike that of a path that is not there */
}

static void mail_token(ba_call *call, const char *callback)
{
    const char *secret = ba_random_lower(TOKEN_LENGTH, call->pool);
    ba_verification token = {.value = call->user->id, .created_at = call->now};
    ba_mail *mail = NULL;

    if (!ba_mail_offered(call)) {
        not_offered(call);
        return;
    }
    token.id = ba_random_id(call->settings->generate_id, call->pool);
    token.identifier = secret ? ba_link_identifier(call, PREFIX, secret) : NULL;
    token.expires_at = call->now + BA_MS(call->settings->delete_expires_in);
    if (token.id && token.identifier) {
        mail = ba_mail_compose(
            call, BA_MAIL_DELETE, call->user, call->user->email,
            ba_link_to_page(
                call, "/delete-account",
                apr_pstrcat(call->pool, "/delete-user/callback?token=", secret, "&", NULL), callback),
            NULL);
    }
    if (!mail) {
        ba_call_fail(call, &ba_err_internal);
        return;
    }
    if (call->store->ops->verification_add(call->store, &token, mail, call->pool) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    ba_mail_stored(call, mail);
    ba_call_ok(call, "{\"success\":true,\"message\":\"Verification email sent\"}");
}

typedef struct delete_body {
    const char *callback_url;
    ba_bytes password;
    const char *token;
} delete_body;

static const ba_field delete_fields[] = {
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(delete_body, callback_url)},
    {"password", BA_FIELD_BYTES, BA_OPTIONAL, offsetof(delete_body, password)},
    {"token", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(delete_body, token)},
    {0},
};

static const ba_schema delete_schema = {delete_fields, sizeof(delete_body), 0, BA_OBJECT};

static void delete_user(ba_call *call, const void *input)
{
    const delete_body *body = input;
    const ba_settings *s = call->settings;

    if (s->delete_user == BA_DELETE_OFF) {
        not_offered(call);
    }
    else if (body->password.len
             && !ba_account_password_good(call, body->password, &ba_err_no_credential)) {
        return;
    }
    else if (body->token && *body->token) {
        delete_by_token(call, body->token);
    }
    else if (s->delete_user == BA_DELETE_CONFIRM) {
        mail_token(call, body->callback_url);
    }
    else if (!body->password.len && !ba_session_is_fresh(call)) {
        ba_call_fail(call, &ba_err_session_expired);
    }
    else {
        delete_caller(call, NULL);
    }
}

typedef struct callback_query {
    const char *token;
    const char *callback_url;
} callback_query;

static const ba_field callback_fields[] = {
    {"token", BA_FIELD_TEXT, BA_REQUIRED, offsetof(callback_query, token)},
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(callback_query, callback_url)},
    {0},
};

static const ba_schema callback_schema = {callback_fields, sizeof(callback_query), 0, BA_OBJECT};

static void callback(ba_call *call, const void *input)
{
    const callback_query *query = input;

    if (call->settings->delete_user == BA_DELETE_OFF) {
        ba_call_fail(call, &ba_err_delete_disabled);
        return;
    }
    switch (ba_session_confirm(call)) {
    case APR_SUCCESS:
        delete_by_token(call, query->token);
        break;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        ba_call_fail(call, &ba_err_delete_no_user);
        return;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    if (!call->answer.error && query->callback_url && *query->callback_url) {
        ba_link_redirect(call, query->callback_url);
    }
}

static const ba_route routes[] = {
    {"POST", "/delete-user", BA_SIGNED_IN, 0, &delete_schema, delete_user, NULL},
    {"GET", "/delete-user/callback", BA_ANYONE, 0, NULL, callback, &callback_schema},
    {0},
};

const ba_feature ba_delete_routes = {.name = "delete", .routes = routes};
