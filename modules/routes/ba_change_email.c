/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Ask for another address (http-api 5.13); the links that follow lead to
 * ba_email_routes.c. */

#include "ba_audit.h"
#include "ba_links.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

typedef struct change_body {
    const char *new_email;
    const char *callback_url;
} change_body;

static const ba_field change_fields[] = {
    {"newEmail", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(change_body, new_email)},
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(change_body, callback_url)},
    {0},
};

static const ba_schema change_schema = {change_fields, sizeof(change_body), 0, BA_OBJECT};

/* The address was never proved, so there is nobody to ask. */
static void change_now(ba_call *call, const char *email, const char *callback)
{
    ba_user *after = apr_pmemdup(call->pool, call->user, sizeof(*after));
    ba_mail *mail = NULL;
    apr_status_t rv;

    after->email = email;
    after->updated_at = call->now;
    if (ba_mail_offered(call)) {
        mail = ba_link_mail(call, BA_MAIL_VERIFY, after, NULL, callback);
    }
    rv = call->store->ops->email_change(call->store, call->user, email, 0, NULL, mail, NULL,
                                        call->now, call->pool);
    if (rv == APR_EEXIST) {
        ba_route_answer_status(call); /* somebody was faster: as a taken one */
        return;
    }
    if (rv != APR_SUCCESS) {
        ba_call_fail(call, rv == APR_NOTFOUND ? &ba_err_unauthorized : &ba_err_unavailable);
        return;
    }
    ba_mail_stored(call, mail);
    ba_audit(call, BA_EVENT_EMAIL_CHANGED_AT_ONCE,
             (ba_fact){.user = call->user->id, .session = call->session->id});
    call->user = after;
    if (ba_session_send_again(call) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_internal);
        return;
    }
    ba_route_answer_status(call);
}

/* Asks at the old address, or only at the new one. */
static void ask_for_change(ba_call *call, const char *email, const char *callback)
{
    int at_old = call->user->email_verified && call->settings->change_email_confirm;
    ba_link_change change = {.to = email, .type = at_old ? BA_LINK_CONFIRM : BA_LINK_CHANGE};
    apr_status_t rv = call->store->ops->password(call->store, call->user->id, &change.hash,
                                                 call->pool);
    ba_mail *mail;

    if (rv == APR_NOTFOUND) {
        change.hash = NULL; /* there is no password */
    }
    else if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    mail = ba_link_mail(call, at_old ? BA_MAIL_CHANGE_CONFIRM : BA_MAIL_CHANGE_VERIFY, call->user,
                        &change, callback);
    if (!mail) {
        ba_call_fail(call, &ba_err_internal);
    }
    else if (ba_link_send(call, mail)) {
        ba_audit(call, BA_EVENT_EMAIL_CHANGE_REQUESTED,
                 (ba_fact){.user = call->user->id, .session = call->session->id});
        ba_route_answer_status(call);
    }
}

static void change_email(ba_call *call, const void *input)
{
    const change_body *body = input;
    const ba_settings *s = call->settings;
    int at_once = !call->user->email_verified && s->change_email_unverified;
    const char *email = ba_text_lower(body->new_email, call->pool);
    apr_time_t begun = apr_time_now();
    const char *hash;
    ba_user *other;
    apr_status_t rv;

    if (!s->change_email) {
        ba_call_fail(call, &ba_err_change_email_disabled);
        return;
    }
    if (!strcmp(email, call->user->email)) {
        ba_call_fail(call, &ba_err_same_email);
        return;
    }
    if (!at_once && !ba_mail_offered(call)) {
        ba_call_fail(call, &ba_err_change_email_no_mail);
        return;
    }
    if (strlen(email) > BA_EMAIL_MAX) {
        ba_call_fail_with(call, &ba_err_validation, "[body.newEmail] Invalid email address");
        return;
    }
    rv = call->store->ops->login(call->store, email, &other, &hash, call->pool);
    if (rv == APR_SUCCESS) {
        ba_route_answer_status(call); /* taken, which is nobody's business (http-api 8) */
    }
    else if (rv != APR_NOTFOUND) {
        ba_call_fail(call, &ba_err_unavailable);
    }
    else if (at_once) {
        change_now(call, email, body->callback_url);
    }
    else {
        ask_for_change(call, email, body->callback_url);
    }
    ba_link_hide_work(begun);
}

static const ba_route routes[] = {
    {"POST", "/change-email", BA_SIGNED_IN, 0, &change_schema, change_email, NULL},
    {0},
};

const ba_feature ba_change_email = {.name = "change-email", .routes = routes};
