/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Prove an address: the links that are mailed, and where they lead (http-api 5.17). */

#include "ba_audit.h"
#include "ba_links.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"
#include "ba_url.h"

#include <apr_strings.h>
#include <string.h>

/* ---- send-verification-email */

typedef struct send_body {
    const char *email;
    const char *callback_url;
} send_body;

static const ba_field send_fields[] = {
    {"email", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(send_body, email)},
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(send_body, callback_url)},
    {0},
};

static const ba_schema send_schema = {send_fields, sizeof(send_body), 0, BA_OBJECT};

/* 0: the call has its answer. */
static int mail_link(ba_call *call, const ba_user *user, const char *callback)
{
    ba_mail *mail = ba_link_mail(call, BA_MAIL_VERIFY, user, NULL, callback);

    if (!mail) {
        ba_call_fail(call, &ba_err_internal);
    }
    return mail && ba_link_send(call, mail);
}

/* Nobody is signed in: the answer tells nothing about the address. */
static void send_to_anyone(ba_call *call, const send_body *body)
{
    apr_time_t begun = apr_time_now();
    const char *hash;
    ba_user *user;
    apr_status_t rv = call->store->ops->login(
        call->store, ba_text_lower(body->email, call->pool), &user, &hash, call->pool);
    int good = rv == APR_NOTFOUND
               || (rv == APR_SUCCESS
                   && (user->email_verified || mail_link(call, user, body->callback_url)));

    ba_link_hide_work(begun);
    if (good) {
        ba_route_answer_status(call);
    }
    else if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
    }
}

static void send_verification(ba_call *call, const void *input)
{
    const send_body *body = input;

    if (!ba_mail_offered(call)) {
        ba_call_fail(call, &ba_err_verify_disabled);
        return;
    }
    switch (ba_session_confirm(call)) {
    case APR_SUCCESS:
        break;
    case APR_NOTFOUND:
    case APR_INCOMPLETE:
        send_to_anyone(call, body);
        return;
    default:
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    if (strcmp(ba_text_lower(body->email, call->pool), ba_text_lower(call->user->email, call->pool))) {
        ba_call_fail(call, &ba_err_email_mismatch);
    }
    else if (call->user->email_verified) {
        ba_call_fail(call, &ba_err_already_verified);
    }
    else if (mail_link(call, call->user, body->callback_url)) {
        ba_route_answer_status(call);
    }
}

/* ---- verify-email: where the links of mails lead */

typedef struct link_query {
    const char *token;
    const char *callback_url;
} link_query;

static const ba_field link_fields[] = {
    {"token", BA_FIELD_TEXT, BA_REQUIRED, offsetof(link_query, token)},
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(link_query, callback_url)},
    {0},
};

static const ba_schema link_schema = {link_fields, sizeof(link_query), 0, BA_OBJECT};

/* A link that has come back, and whose it is. */
typedef struct mailed_link {
    const char *callback; /* NULL: answer with JSON */
    const char *change_to;
    const char *type;
    ba_user *user;
    const char *hash; /* of the user's password; NULL: none */
} mailed_link;

/* People who came by a link are sent on with the reason, programs get the error. */
static void refuse(ba_call *call, const char *callback, const ba_error *error)
{
    if (callback && *callback) {
        ba_link_redirect(call, ba_url_append(callback, "error", error->code, call->pool));
    }
    else {
        ba_call_fail(call, error);
    }
}

/* user: what the JSON says of it, NULL for null; not to be given if there is none. */
static void succeed(ba_call *call, const mailed_link *l, int with_user, const ba_user *user)
{
    json_t *json;

    if (l->callback && *l->callback) {
        ba_link_redirect(call, l->callback);
        return;
    }
    json = ba_json_object(call->pool);
    json_object_set_new(json, "status", json_true());
    if (with_user) {
        json_object_set_new(json, "user",
                            user ? json_incref(ba_json_user(user, call->pool)) : json_null());
    }
    ba_call_ok(call, ba_json_text(json, call->pool));
}

/* A session for who came by the link without one; not stored yet. 0: the call has its
 * answer, and the link can be followed again. */
static int session_for(ba_call *call, const mailed_link *l, const ba_session **session)
{
    *session = ba_session_begin(call, l->user, 1);
    if (!*session && call->vetoed && call->answer.status != 503) {
        refuse(call, l->callback, call->answer.error);
    }
    return *session != NULL;
}

/* Hands out the session's cookies: the new one's, or again those of the caller's own;
 * remembered or not as the browser is. 0: the call has its answer. */
static int hand_out(ba_call *call, const ba_session *added)
{
    apr_status_t rv;

    if (added) {
        call->session = added;
    }
    rv = ba_session_send_again(call);
    if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_internal);
    }
    return rv == APR_SUCCESS;
}

/* The old address agrees: now the new one is asked. */
static void confirm_change(ba_call *call, const mailed_link *l)
{
    ba_link_change change = {l->change_to, BA_LINK_CHANGE, l->hash};
    ba_mail *mail = ba_mail_offered(call) ? ba_link_mail(call, BA_MAIL_CHANGE_VERIFY, l->user,
                                                         &change, l->callback)
                                          : NULL;

    if (ba_link_send(call, mail)) {
        succeed(call, l, 0, NULL);
    }
}

/* The new address is proved: it becomes the user's. */
static void finish_change(ba_call *call, const mailed_link *l)
{
    const ba_session *added = NULL;
    ba_mail *notice = NULL;
    ba_user *after = apr_pmemdup(call->pool, l->user, sizeof(*after));
    apr_status_t rv;

    if (!call->session && !session_for(call, l, &added)) {
        return;
    }
    if (ba_mail_offered(call) && l->user->email_verified) {
        notice = ba_mail_compose(call, BA_MAIL_CHANGE_DONE, l->user, l->user->email, NULL,
                                 l->change_to);
    }
    rv = call->store->ops->email_change(call->store, l->user, l->change_to, 1, added, notice, NULL,
                                        call->now, call->pool);
    if (rv != APR_SUCCESS) {
        refuse(call, rv == APR_EGENERAL ? NULL : l->callback,
               rv == APR_EEXIST     ? &ba_err_user_exists
               : rv == APR_NOTFOUND ? &ba_err_link_no_user
                                    : &ba_err_unavailable);
        return;
    }
    ba_mail_stored(call, notice);
    ba_audit(call, BA_EVENT_EMAIL_CHANGED,
             (ba_fact){.user = l->user->id, .session = added ? added->id : NULL});
    after->email = l->change_to;
    after->email_verified = 1;
    after->updated_at = call->now;
    call->user = after;
    if (hand_out(call, added)) {
        succeed(call, l, 1, after);
    }
}

/* The address is proved. */
static void verify(ba_call *call, const mailed_link *l)
{
    int signs_in = call->settings->verify_signs_in;
    const ba_session *added = NULL;
    ba_user *after = apr_pmemdup(call->pool, l->user, sizeof(*after));
    apr_status_t rv;

    if (l->user->email_verified) {
        succeed(call, l, 1, NULL);
        return;
    }
    if (signs_in) {
        rv = ba_session_confirm(call);
        if (rv != APR_SUCCESS && rv != APR_NOTFOUND && rv != APR_INCOMPLETE) {
            ba_call_fail(call, &ba_err_unavailable);
            return;
        }
        if ((rv != APR_SUCCESS || strcmp(call->user->id, l->user->id))
            && !session_for(call, l, &added)) {
            return;
        }
    }
    rv = call->store->ops->user_verify(call->store, l->user, added, call->now, call->pool);
    if (rv != APR_SUCCESS) {
        refuse(call, rv == APR_NOTFOUND ? l->callback : NULL,
               rv == APR_NOTFOUND ? &ba_err_link_no_user : &ba_err_unavailable);
        return;
    }
    ba_audit(call, BA_EVENT_EMAIL_VERIFIED,
             (ba_fact){.user = l->user->id, .session = added ? added->id : NULL});
    after->email_verified = 1;
    call->user = after;
    if (!signs_in || hand_out(call, added)) {
        succeed(call, l, 1, NULL);
    }
}

static void verify_email(ba_call *call, const void *input)
{
    const link_query *query = input;
    mailed_link l = {.callback = query->callback_url};
    ba_link_claims claims = {0};
    const ba_error *error = ba_link_read(call, query->token, &claims);
    apr_status_t rv;

    l.change_to = claims.change_to;
    l.type = claims.type;
    if (error) {
        refuse(call, l.callback, error);
        return;
    }
    rv = call->store->ops->login(call->store, ba_text_lower(claims.email, call->pool), &l.user,
                                 &l.hash, call->pool);
    if (rv == APR_SUCCESS && !ba_link_is_for(call, &claims, l.user, l.hash)) {
        refuse(call, l.callback, &ba_err_link_token);
        return;
    }
    if (rv == APR_SUCCESS && l.change_to) {
        rv = ba_session_confirm(call);
        if (rv == APR_SUCCESS && strcmp(call->user->id, l.user->id)) {
            refuse(call, l.callback, &ba_err_link_other_user);
            return;
        }
        rv = rv == APR_NOTFOUND || rv == APR_INCOMPLETE ? APR_SUCCESS : rv;
    }
    if (rv == APR_NOTFOUND) {
        refuse(call, l.callback, &ba_err_link_no_user);
    }
    else if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
    }
    else if (!l.change_to) {
        verify(call, &l);
    }
    else if (!strcmp(l.type, BA_LINK_CONFIRM)) {
        confirm_change(call, &l);
    }
    else {
        finish_change(call, &l);
    }
}

static const ba_route routes[] = {
    {"POST", "/send-verification-email", BA_ANYONE, 0, &send_schema, send_verification, NULL},
    {"GET", "/verify-email", BA_ANYONE, 0, NULL, verify_email, &link_schema},
    {0},
};

const ba_feature ba_email_routes = {.name = "email", .routes = routes};
