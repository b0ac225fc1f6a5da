/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A new password by a mailed link (http-api 5.16). */

#include "ba_audit.h"
#include "ba_hashing.h"
#include "ba_limit.h"
#include "ba_links.h"
#include "ba_random.h"
#include "ba_routes_int.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <string.h>

#define PREFIX "reset-password:"
#define TOKEN_LENGTH 24

/* ---- ask for it */

typedef struct request_body {
    const char *email;
    const char *redirect_to;
} request_body;

static const ba_field request_fields[] = {
    {"email", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(request_body, email)},
    {"redirectTo", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(request_body, redirect_to)},
    {0},
};

static const ba_schema request_schema = {request_fields, sizeof(request_body), 0, BA_OBJECT};

/* Token and mail for a user. APR_EGENERAL: neither is there. */
static apr_status_t send_token(ba_call *call, const ba_user *user, const char *redirect_to)
{
    const ba_settings *s = call->settings;
    const char *secret = ba_random_text(TOKEN_LENGTH, call->pool);
    ba_verification token = {.value = user->id, .created_at = call->now};
    ba_mail *mail;
    apr_status_t rv;

    token.id = ba_random_id(call->settings->generate_id, call->pool);
    token.identifier = secret ? ba_link_identifier(call, PREFIX, secret) : NULL;
    token.expires_at = call->now + BA_MS(call->settings->reset_expires_in);
    if (!token.id || !token.identifier) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0422: the random generator failed");
        return APR_EGENERAL;
    }
    mail = ba_mail_compose(
        call, BA_MAIL_RESET, user, user->email,
        /* opening it uses nothing up; who named no page of their own gets ours */
        ba_link(call, apr_pstrcat(call->pool, "/reset-password/", secret, "?", NULL), redirect_to,
                s->link_pages ? apr_pstrcat(call->pool, s->pages_path, "/reset-password", NULL) : ""),
        NULL);
    if (!mail) {
        return APR_EGENERAL;
    }
    rv = call->store->ops->verification_add(call->store, &token, mail, call->pool);
    if (rv == APR_SUCCESS) {
        ba_mail_stored(call, mail);
        ba_audit(call, BA_EVENT_RESET_REQUESTED, (ba_fact){.user = user->id});
    }
    return rv;
}

/* The answer is the same whether there is such a user or not (http-api 8). */
static void request_reset(ba_call *call, const void *input)
{
    const request_body *body = input;
    apr_time_t begun = apr_time_now();
    const char *hash;
    ba_user *user;
    apr_status_t rv;

    if (!ba_mail_offered(call)) {
        ba_call_fail(call, &ba_err_reset_disabled);
        return;
    }
    rv = call->store->ops->login(call->store, ba_text_lower(body->email, call->pool), &user, &hash,
                                 call->pool);
    if (rv == APR_SUCCESS) {
        rv = send_token(call, user, body->redirect_to);
    }
    ba_link_hide_work(begun);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    ba_call_ok(call, "{\"status\":true,\"message\":\"If this email exists in our system, check "
                     "your email for the reset link\"}");
}

/* ---- the link: on to the page that asks for the new password */

typedef struct link_query {
    const char *callback_url;
} link_query;

static const ba_field link_fields[] = {
    {"callbackURL", BA_FIELD_TEXT, BA_REQUIRED, offsetof(link_query, callback_url)},
    {0},
};

static const ba_schema link_schema = {link_fields, sizeof(link_query), 0, BA_OBJECT};

static void follow_link(ba_call *call, const void *input)
{
    const link_query *query = input;
    const ba_settings *s = call->settings;
    const char *secret = ba_route_segment(call);
    const char *target = query->callback_url;
    ba_verification *token;
    apr_status_t rv = *target ? ba_link_find(call, PREFIX, secret, &token) : APR_NOTFOUND;

    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    if (!*target) {
        target = apr_pstrcat(call->pool, s->base_path, "/error", NULL);
    }
    ba_link_redirect(call, rv == APR_SUCCESS && token->expires_at >= call->now
                               ? ba_url_set(s->origin, target, "token", secret, call->pool)
                               : ba_url_set(s->origin, target, "error", "INVALID_TOKEN", call->pool));
}

/* ---- use it */

typedef struct reset_body {
    ba_bytes password;
    const char *token;
} reset_body;

static const ba_field reset_fields[] = {
    {"newPassword", BA_FIELD_BYTES, BA_REQUIRED, offsetof(reset_body, password)},
    {"token", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(reset_body, token)},
    {0},
};

static const ba_schema reset_schema = {reset_fields, sizeof(reset_body), 0, BA_OBJECT};

typedef struct reset_query {
    const char *token;
} reset_query;

static const ba_field reset_query_fields[] = {
    {"token", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(reset_query, token)},
    {0},
};

static const ba_schema reset_query_schema = {reset_query_fields, sizeof(reset_query), 0, BA_OBJECT};

/* Hashed before the token is used up, so that a full queue does not cost it. */
static void set_password(ba_call *call, const ba_verification *token, const ba_user *user,
                         ba_bytes password)
{
    const char *account_id = ba_random_id(call->settings->generate_id, call->pool);
    const char *hash = account_id ? ba_hashing_hash(call, password) : NULL;
    /* whoever had the account before its address was proved must not keep a way in */
    int revoke = call->settings->reset_revokes_sessions || !user->email_verified;
    ba_mail *notice;
    apr_status_t rv;

    if (!hash) {
        if (!account_id) {
            ba_call_fail(call, &ba_err_internal);
        }
        return;
    }
    notice = ba_mail_offered(call)
                 ? ba_mail_compose(call, BA_MAIL_RESET_DONE, user, user->email, NULL, NULL)
                 : NULL;
    rv = call->store->ops->password_reset(call->store, token, hash, account_id, revoke, notice,
                                          call->now, call->pool);
    if (rv != APR_SUCCESS) {
        ba_call_fail(call, rv == APR_NOTFOUND ? &ba_err_invalid_token : &ba_err_unavailable);
        return;
    }
    ba_mail_stored(call, notice);
    ba_limit_clear(call, user->email);
    ba_audit(call, BA_EVENT_RESET_DONE, (ba_fact){.user = user->id});
    ba_route_answer_status(call);
}

/* The token is as good as none: used up if it is there. */
static void refuse(ba_call *call, const ba_verification *token, const ba_error *error)
{
    apr_status_t rv = call->store->ops->verification_claim(call->store, token->id, call->pool);

    ba_call_fail(call, rv == APR_SUCCESS    ? error
                       : rv == APR_NOTFOUND ? &ba_err_invalid_token
                                            : &ba_err_unavailable);
}

static void reset_password(ba_call *call, const void *input)
{
    const reset_body *body = input;
    const ba_error *error;
    const char *secret = body->token && *body->token
                             ? body->token
                             : ba_text_query_param(call->query, "token", NULL, call->pool);
    ba_verification *token;
    ba_user *user;
    apr_status_t rv;

    if (!secret || !*secret) {
        ba_call_fail(call, &ba_err_invalid_token);
        return;
    }
    error = ba_hashing_check_new(call, body->password);
    if (error) {
        ba_call_fail(call, error);
        return;
    }
    rv = ba_link_find(call, PREFIX, secret, &token);
    if (rv != APR_SUCCESS) {
        ba_call_fail(call, rv == APR_NOTFOUND ? &ba_err_invalid_token : &ba_err_unavailable);
        return;
    }
    if (token->expires_at < call->now) {
        refuse(call, token, &ba_err_invalid_token);
        return;
    }
    rv = call->store->ops->user(call->store, token->value, &user, call->pool);
    if (rv == APR_NOTFOUND) {
        refuse(call, token, &ba_err_no_user);
    }
    else if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
    }
    else {
        set_password(call, token, user, body->password);
    }
}

const ba_error *ba_reset_read(ba_call *call, const char *secret, const ba_user **user)
{
    ba_verification *token;
    ba_user *found;
    apr_status_t rv = ba_link_find(call, PREFIX, secret, &token);

    if (rv == APR_SUCCESS) {
        rv = token->expires_at < call->now
                 ? APR_NOTFOUND
                 : call->store->ops->user(call->store, token->value, &found, call->pool);
    }
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? &ba_err_invalid_token : &ba_err_unavailable;
    }
    *user = found;
    return NULL;
}

static const ba_route routes[] = {
    {"POST", "/request-password-reset", BA_ANYONE, 0, &request_schema, request_reset, NULL},
    {"GET", "/reset-password/:token", BA_ANYONE, 0, NULL, follow_link, &link_schema},
    {"POST", "/reset-password", BA_ANYONE, 0, &reset_schema, reset_password, &reset_query_schema},
    {0},
};

const ba_feature ba_reset_routes = {.name = "reset", .routes = routes};
