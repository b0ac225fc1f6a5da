/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Sign-up and sign-in by e-mail and password (http-api 5.7, 5.8). */

#include "ba_audit.h"
#include "ba_credentials.h"
#include "ba_hashing.h"
#include "ba_input.h"
#include "ba_links.h"
#include "ba_random.h"
#include "ba_routes_int.h"
#include "ba_session.h"
#include "ba_settings.h"
#include "ba_store.h"
#include "ba_text.h"

#include <string.h>

typedef struct sign_up_body {
    const char *name;
    const char *email;
    ba_bytes password;
    const char *image;
    const char *callback_url;
    int remember;
    const json_t *whole;
} sign_up_body;

static const ba_field sign_up_fields[] = {
    {"name", BA_FIELD_TEXT, BA_REQUIRED, offsetof(sign_up_body, name)},
    {"email", BA_FIELD_EMAIL, BA_REQUIRED, offsetof(sign_up_body, email)},
    {"password", BA_FIELD_BYTES, BA_REQUIRED | BA_NOT_EMPTY, offsetof(sign_up_body, password)},
    {"image", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(sign_up_body, image)},
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(sign_up_body, callback_url)},
    {"rememberMe", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(sign_up_body, remember)},
    {"", BA_FIELD_WHOLE, BA_OPTIONAL, offsetof(sign_up_body, whole)},
    {0},
};

static const ba_schema sign_up_schema = {sign_up_fields, sizeof(sign_up_body), 0, BA_OBJECT_AND_RECORD};

typedef struct sign_in_body {
    const char *email;
    ba_bytes password;
    const char *callback_url;
    int remember;
} sign_in_body;

static const ba_field sign_in_fields[] = {
    {"email", BA_FIELD_TEXT, BA_REQUIRED, offsetof(sign_in_body, email)},
    {"password", BA_FIELD_BYTES, BA_REQUIRED, offsetof(sign_in_body, password)},
    {"callbackURL", BA_FIELD_TEXT, BA_OPTIONAL, offsetof(sign_in_body, callback_url)},
    {"rememberMe", BA_FIELD_BOOL, BA_OPTIONAL, offsetof(sign_in_body, remember)},
    {0},
};

static const ba_schema sign_in_schema = {sign_in_fields, sizeof(sign_in_body), 0, BA_OBJECT};

static void answer_signed_up(ba_call *call, const ba_user *user, const ba_session *session)
{
    json_t *json = ba_json_object(call->pool);

    json_object_set_new(json, "token", session ? json_string(session->token) : json_null());
    json_object_set(json, "user", ba_json_user(user, call->pool));
    ba_call_ok(call, ba_json_text(json, call->pool));
}

/* What an account is made of. */
typedef struct newcomer {
    ba_user *user;
    const char *account_id;
    const char *hash;
    const ba_session *session; /* NULL: signs in later */
} newcomer;

/* 0: the call has its answer. */
static int make_user(ba_call *call, const sign_up_body *body, const char *email,
                     const ba_extra *extra, newcomer *who)
{
    ba_user *user = apr_pcalloc(call->pool, sizeof(*user));

    user->id = ba_random_id(call->settings->generate_id, call->pool);
    user->name = body->name;
    user->email = email;
    user->image = body->image;
    user->extra = extra;
    user->created_at = user->updated_at = call->now;
    who->user = user;
    who->account_id = ba_random_id(call->settings->generate_id, call->pool);
    if (!user->id || !who->account_id) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0403: the random generator failed");
        ba_call_fail(call, &ba_err_internal);
        return 0;
    }
    return 1;
}

/* Where that is so, a taken address is told; elsewhere it must not show (http-api 8). */
static int signs_in_at_once(const ba_settings *s)
{
    return s->auto_sign_in && !s->require_email_verification;
}

static int asks_to_verify(const ba_call *call)
{
    const ba_settings *s = call->settings;

    return ba_mail_offered(call)
           && (s->verify_on_sign_up == BA_ON
               || (s->verify_on_sign_up == BA_AUTO && s->require_email_verification));
}

static void create_user(ba_call *call, const sign_up_body *body, const newcomer *who)
{
    const ba_session *session = who->session;
    ba_mail *mail = NULL;
    apr_status_t rv;

    /* an account whose mail never came could not be used, nor be made a second time */
    if (asks_to_verify(call)
        && !(mail = ba_link_mail(call, BA_MAIL_VERIFY, who->user, NULL, body->callback_url))) {
        ba_call_fail(call, &ba_err_internal);
        return;
    }
    rv = call->store->ops->sign_up(call->store, who->user, who->account_id, who->hash, session, mail,
                                   call->pool);
    if (rv == APR_EEXIST) { /* somebody was faster */
        ba_audit(call, BA_EVENT_SIGN_UP_TAKEN, (ba_fact){0});
        if (session) {
            ba_call_fail(call, &ba_err_user_exists);
        }
        else {
            answer_signed_up(call, who->user, NULL);
        }
    }
    else if (rv == APR_EINVAL) {
        ba_call_fail(call, &ba_err_create_user);
    }
    else if (rv != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
    }
    else if (session
             && ba_session_set_cookies(call, session, who->user, body->remember != 0) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_internal);
    }
    else {
        ba_mail_stored(call, mail);
        ba_audit(call, BA_EVENT_SIGN_UP,
                 (ba_fact){.user = who->user->id, .session = session ? session->id : NULL});
        answer_signed_up(call, who->user, session);
    }
}

/* Where a taken address must not show, its answer looks like a success and takes the same
 * time: the same hash, then as long as it takes to render a mail and store all of it. */
static void sign_up_as(ba_call *call, const sign_up_body *body, const char *email,
                       const ba_extra *extra, int taken)
{
    int at_once = signs_in_at_once(call->settings);
    newcomer who = {0};
    apr_time_t begun;

    if (taken) {
        ba_audit(call, BA_EVENT_SIGN_UP_TAKEN, (ba_fact){0});
    }
    if (taken && at_once) {
        ba_call_fail(call, &ba_err_user_exists);
        return;
    }
    if (!make_user(call, body, email, extra, &who)) {
        return;
    }
    if (at_once && !(who.session = ba_session_begin(call, who.user, body->remember != 0))) {
        return;
    }
    who.hash = ba_hashing_hash(call, body->password);
    if (!who.hash) {
        return;
    }
    begun = apr_time_now();
    if (taken) {
        answer_signed_up(call, who.user, NULL);
    }
    else {
        create_user(call, body, &who);
    }
    if (!at_once) {
        ba_link_hide_work(begun);
    }
}

static void sign_up(ba_call *call, const void *input)
{
    const sign_up_body *body = input;
    const ba_settings *s = call->settings;
    const ba_error *error;
    const ba_extra *extra;
    const char *email, *hash;
    ba_user *user;
    apr_status_t rv;

    if (!s->sign_up || !s->email_password) {
        ba_call_fail(call, &ba_err_sign_up_disabled);
        return;
    }
    error = ba_hashing_check_new(call, body->password);
    if (error) {
        ba_call_fail(call, error);
        return;
    }
    if (!ba_input_create(call, s->columns.user, body->whole, &extra)) {
        return;
    }
    email = ba_text_lower(body->email, call->pool);
    if (strlen(email) > BA_EMAIL_MAX || ba_text_length(body->name) > BA_NAME_MAX) {
        ba_call_fail(call, &ba_err_create_user);
        return;
    }
    rv = call->store->ops->login(call->store, email, &user, &hash, call->pool);
    if (rv == APR_SUCCESS || rv == APR_NOTFOUND) {
        sign_up_as(call, body, email, extra, rv == APR_SUCCESS);
    }
    else {
        ba_call_fail(call, &ba_err_unavailable);
    }
}

static void answer_signed_in(ba_call *call, const sign_in_body *body, const ba_user *user,
                             const ba_session *session)
{
    json_t *json = ba_json_object(call->pool);
    int redirect = body->callback_url && *body->callback_url;

    json_object_set_new(json, "redirect", json_boolean(redirect));
    json_object_set_new(json, "token", json_string(session->token));
    if (body->callback_url) {
        json_object_set_new(json, "url", json_string(body->callback_url));
    }
    json_object_set(json, "user", ba_json_user(user, call->pool));
    ba_call_ok(call, ba_json_text(json, call->pool));
    call->answer.location = redirect ? body->callback_url : NULL;
}

static void begin_session(ba_call *call, const sign_in_body *body, const ba_user *user)
{
    const ba_session *session = ba_session_begin(call, user, body->remember != 0);

    if (!session) {
        return;
    }
    if (call->store->ops->session_add(call->store, session, call->pool) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_unavailable);
        return;
    }
    if (ba_session_set_cookies(call, session, user, body->remember != 0) != APR_SUCCESS) {
        ba_call_fail(call, &ba_err_internal);
        return;
    }
    ba_audit(call, BA_EVENT_SIGN_IN, (ba_fact){.user = user->id, .session = session->id});
    answer_signed_in(call, body, user, session);
}

/* The password is right: who it is may know, and get a new link. */
static void refuse_unverified(ba_call *call, const ba_user *user, const char *callback)
{
    ba_audit(call, BA_EVENT_SIGN_IN_UNVERIFIED, (ba_fact){.user = user->id});
    if (call->settings->verify_on_sign_in && ba_mail_offered(call)
        && !ba_link_send(call,
                         ba_link_mail(call, BA_MAIL_VERIFY, user, NULL, callback))) {
        return;
    }
    ba_call_fail(call, &ba_err_not_verified);
}

static void sign_in(ba_call *call, const void *input)
{
    const sign_in_body *body = input;
    const ba_settings *s = call->settings;
    const ba_error *error;
    ba_try attempt = {.address = ba_text_lower(body->email, call->pool)};
    const char *hash;
    ba_user *user;

    if (!s->email_password) {
        ba_call_fail(call, &ba_err_password_disabled);
        return;
    }
    if (!ba_schema_email(body->email)) {
        ba_call_fail(call, &ba_err_invalid_email);
        return;
    }
    error = ba_hashing_check_given(call, body->password);
    if (error) {
        ba_call_fail(call, error);
        return;
    }
    if (!ba_credentials_match(call, &attempt, body->password, &user, &hash)) {
        return;
    }
    if (s->require_email_verification && !user->email_verified) {
        refuse_unverified(call, user, body->callback_url);
        return;
    }
    ba_credentials_renew(call, user, hash, body->password);
    begin_session(call, body, user);
}

static const ba_route routes[] = {
    {"POST", "/sign-up/email", BA_ANYONE, 1, &sign_up_schema, sign_up, NULL},
    {"POST", "/sign-in/email", BA_ANYONE, 1, &sign_in_schema, sign_in, NULL},
    {0},
};

const ba_feature ba_email_password = {.name = "email-password", .routes = routes};
