/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The pages as rows: a new one is a row here, a document, and its texts. */

#include "ba_page.h"

#include "ba_routes.h"
#include "ba_session.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* ---- when they are offered */

static int by_sign_up(const ba_settings *s)
{
    return s->sign_up && s->email_password;
}

static int by_mail(const ba_settings *s)
{
    return s->mailer.kind != BA_MAILER_OFF;
}

static int by_reset(const ba_settings *s)
{
    return by_mail(s) && s->email_password;
}

static int by_password(const ba_settings *s)
{
    return s->email_password;
}

static int by_change_email(const ba_settings *s)
{
    return s->change_email && (by_mail(s) || s->change_email_unverified);
}

static int by_delete(const ba_settings *s)
{
    return s->delete_user == BA_DELETE_ON || (s->delete_user == BA_DELETE_CONFIRM && by_mail(s));
}

static int by_delete_link(const ba_settings *s)
{
    return s->delete_user == BA_DELETE_CONFIRM && by_mail(s);
}

static int by_any_delete(const ba_settings *s)
{
    return s->delete_user != BA_DELETE_OFF;
}

/* ---- what they show */

/* By the form or, first, by the query. */
static int has_flag(const ba_page_view *v, const char *name)
{
    const char *flag = v->form ? ba_page_typed(v, name) : ba_page_asked(v, name);

    return flag && *flag;
}

static int is_again(const ba_page_view *v)
{
    return has_flag(v, "again");
}

/* What a mailed link adds to our address when it is no good (http-api 9.3). */
static int is_bad_link(const ba_page_view *v)
{
    static const ba_error *const errors[] = {&ba_err_link_token, &ba_err_link_expired,
                                             &ba_err_link_no_user, &ba_err_link_other_user};
    const char *code = ba_page_asked(v, "error");

    for (int i = 0; code && i < 4; ++i) {
        if (!strcmp(code, errors[i]->code)) {
            return 1;
        }
    }
    return 0;
}

/* Somebody who is signed in is asked for the password alone, or wants to be another. */
static int show_sign_in(ba_page_view *v)
{
    if (!v->settings->email_password) {
        ba_page_message(v, HTTP_FORBIDDEN, "sign-in-closed");
        return DONE;
    }
    if (!v->form && is_bad_link(v)) {
        ba_page_set(v, "error-code", "EMAIL_NOT_VERIFIED");
        ba_page_fault(v, NULL, ba_page_text(v, "error-INVALID_TOKEN"));
    }
    ba_page_set(v, "other", has_flag(v, "other") ? "1" : "");
    if (is_again(v)) {
        if (!v->known) {
            v->known = ba_session_find(v->call) == APR_SUCCESS;
        }
        if (v->known) {
            ba_page_set(v, "user-name", v->call->user->name);
            ba_page_set(v, "email", v->call->user->email);
            v->document = "again.html";
        }
    }
    return OK;
}

static int show_resend(ba_page_view *v)
{
    if (!v->form && v->known) {
        ba_page_set(v, "email", v->call->user->email);
    }
    return OK;
}

/* Which mail it is about, and where one asks for another. */
static const struct {
    const char *what;
    const char *again;
} mails[] = {
    {"verify", "/resend"},
    {"reset", "/forgot-password"},
    {"change", "/account/email"},
    {"change-new", "/account/email"},
    {"delete", "/account/delete"},
    {NULL, NULL},
};

static int show_check_mail(ba_page_view *v)
{
    const char *what = ba_page_asked(v, "for");
    int i = 0;

    while (what && mails[i].what && strcmp(mails[i].what, what)) {
        ++i;
    }
    if (!mails[i].what) {
        i = 0;
    }
    ba_page_set(v, "mail-about", mails[i].what);
    ba_page_set(v, "again-link",
                ba_page_offered(v->settings, ba_page_find(mails[i].again))
                    ? ba_page_link(v, mails[i].again, "callback-query")
                    : "");
    return OK;
}

/* ---- where they lead */

/* An account that does not start signed in: by the settings alone, since it must not show
 * that an address is taken, and so gets no mail. */
static const char *next_sign_up(ba_page_view *v)
{
    const ba_settings *s = v->settings;

    if (v->call->user || !apr_is_empty_table(v->call->answer.cookies)) {
        return v->callback;
    }
    return s->require_email_verification && s->verify_on_sign_up != BA_OFF && by_mail(s)
               ? ba_page_link(v, "/check-mail", "callback-query")
               : ba_page_link(v, "/sign-in", "callback-query");
}

static const char *next_callback(ba_page_view *v)
{
    return v->callback;
}

/* path?for=… or path?done=…, and the way back. */
static const char *next_with(const ba_page_view *v, const char *path)
{
    const char *query = ba_page_get(v, "callback-query");

    return apr_pstrcat(v->r->pool, ba_page_link(v, path, NULL), *query ? "&" : "",
                       *query ? query + 1 : "", NULL);
}

static const char *next_forgot(ba_page_view *v)
{
    return next_with(v, "/check-mail?for=reset");
}

static const char *next_reset(ba_page_view *v)
{
    return next_with(v, "/sign-in?done=reset");
}

static const char *next_resend(ba_page_view *v)
{
    return next_with(v, "/check-mail?for=verify");
}

static const char *next_name(ba_page_view *v)
{
    return ba_page_link(v, "/account?done=name", NULL);
}

static const char *next_picture(ba_page_view *v)
{
    return ba_page_link(v, "/account?done=picture", NULL);
}

static const char *next_password(ba_page_view *v)
{
    return ba_page_link(v, "/account?done=password", NULL);
}

/* The same for an address that is taken: nobody's business. */
static const char *next_email(ba_page_view *v)
{
    const ba_settings *s = v->settings;
    int verified = v->call->user->email_verified;

    if (!verified && s->change_email_unverified) {
        return ba_page_link(v, "/account?done=email-now", NULL);
    }
    return ba_page_link(v, verified && s->change_email_confirm ? "/check-mail?for=change"
                                                               : "/check-mail?for=change-new",
                        NULL);
}

static const char *next_sessions(ba_page_view *v)
{
    return ba_page_link(v, "/account/sessions?done=sessions", NULL);
}

static const char *next_delete(ba_page_view *v)
{
    return v->settings->delete_user == BA_DELETE_CONFIRM
               ? ba_page_link(v, "/check-mail?for=delete", NULL)
               : ba_page_link(v, "/deleted", NULL);
}

static const char *next_deleted(ba_page_view *v)
{
    return ba_page_link(v, "/deleted", NULL);
}

/* ---- what runs */

/* The password again: the rest stays as it was chosen at sign-in. */
static void run_sign_in(ba_page_view *v)
{
    if (is_again(v)) {
        json_object_set_new(v->form, "remember",
                            json_string(ba_session_is_remembered(v->call) ? "true" : ""));
    }
    ba_page_run(v);
    if (is_again(v) && v->call->answer.error == &ba_err_credentials) {
        v->call->answer.error = &ba_err_invalid_password;
    }
}

static void run_forgot(ba_page_view *v)
{
    json_t *body = ba_page_body(v);

    json_object_set_new(body, "redirectTo", ba_page_way(v, "/reset-password"));
    ba_page_call(v, "POST", "/request-password-reset", body, NULL);
}

/* Sent twice: the account that is there is the one that the first time has made. */
static void run_sign_up(ba_page_view *v)
{
    ba_page_run(v);
    if (v->call->answer.error == &ba_err_user_exists && ba_session_find(v->call) == APR_SUCCESS
        && !strcasecmp(v->call->user->email, ba_page_typed(v, "email"))) {
        v->call->answer.error = NULL;
    }
}

static void run_with_way_back(ba_page_view *v)
{
    json_t *body = ba_page_body(v);

    json_object_set_new(body, "callbackURL", json_string(ba_page_link(v, "/account", NULL)));
    ba_page_call(v, "POST", v->row->endpoint, body, NULL);
}

static void run_resend(ba_page_view *v)
{
    json_t *body = ba_page_body(v);

    json_object_set_new(body, "callbackURL", ba_page_way(v, "/sign-in"));
    ba_page_call(v, "POST", v->row->endpoint, body, NULL);
}

/* ---- their fields */

static const ba_page_field sign_in_fields[]
    = {{"email", BA_EMAIL_FIELD},
       {"password", BA_PASSWORD_FIELD},
       {"remember", BA_CHECK_FIELD},
       {0}};
static const ba_page_field sign_up_fields[]
    = {{"name", BA_NEEDED_FIELD},
       {"email", BA_EMAIL_FIELD},
       {"password", BA_NEW_PASSWORD_FIELD},
       {0}};
static const ba_page_field email_fields[] = {{"email", BA_EMAIL_FIELD}, {0}};
static const ba_page_field reset_fields[]
    = {{"newPassword", BA_NEW_PASSWORD_FIELD}, {"token", BA_HIDDEN_FIELD}, {0}};
static const ba_page_field token_fields[] = {{"token", BA_HIDDEN_FIELD}, {0}};
static const ba_page_field name_fields[] = {{"name", BA_NEEDED_FIELD}, {0}};
static const ba_page_field picture_fields[] = {{"image", BA_URL_FIELD}, {0}};
static const ba_page_field new_email_fields[] = {{"newEmail", BA_EMAIL_FIELD}, {0}};
static const ba_page_field password_fields[] = {{"currentPassword", BA_PASSWORD_FIELD},
                                                {"newPassword", BA_NEW_PASSWORD_FIELD},
                                                {"revokeOtherSessions", BA_CHECK_FIELD},
                                                {0}};
static const ba_page_field delete_fields[] = {{"password", BA_PASSWORD_FIELD}, {0}};

/* ---- the rows */

#define ANYONE BA_FOR_ANYONE, 0
#define GUESTS BA_FOR_GUESTS, 0
#define USERS BA_FOR_USERS, 0
#define ONLY_AS(status) BA_FOR_ANYONE, status

const ba_page_row ba_page_rows[] = {
    {"/sign-in", "sign-in.html", "/sign-in/email", GUESTS,
     NULL, sign_in_fields, show_sign_in, run_sign_in, next_callback},
    {"/sign-up", "sign-up.html", "/sign-up/email", GUESTS,
     by_sign_up, sign_up_fields, NULL, run_sign_up, next_sign_up},
    {"/sign-out", "sign-out.html", "/sign-out", ANYONE,
     NULL, NULL, NULL, NULL, next_callback},
    {"/forgot-password", "forgot-password.html", "/request-password-reset", ANYONE,
     by_reset, email_fields, NULL, run_forgot, next_forgot},
    {"/reset-password", "reset-password.html", "/reset-password", ANYONE,
     by_reset, reset_fields, ba_page_show_reset, NULL, next_reset},
    {"/check-mail", "check-mail.html", NULL, ANYONE,
     by_mail, NULL, show_check_mail, NULL, NULL},
    {"/resend", "resend.html", "/send-verification-email", ANYONE,
     by_mail, email_fields, show_resend, run_resend, next_resend},
    {"/verify-email", "verify-email.html", "/verify-email", ANYONE,
     by_mail, token_fields, ba_page_show_verify, ba_page_run_verify, ba_page_next_verify},
    {"/verified", "verified.html", NULL, ANYONE,
     by_mail, NULL, NULL, NULL, NULL},
    {"/account", "account.html", NULL, USERS,
     NULL, NULL, ba_page_show_account, NULL, NULL},
    {"/account/name", "account-name.html", "/update-user", USERS,
     NULL, name_fields, ba_page_show_account, NULL, next_name},
    {"/account/picture", "account-picture.html", "/update-user", USERS,
     NULL, picture_fields, ba_page_show_account, NULL, next_picture},
    {"/account/email", "account-email.html", "/change-email", USERS,
     by_change_email, new_email_fields, ba_page_show_account, run_with_way_back, next_email},
    {"/account/password", "account-password.html", "/change-password", USERS,
     by_password, password_fields, ba_page_show_account, NULL, next_password},
    {"/account/sessions", "account-sessions.html", "/revoke-session", USERS,
     NULL, NULL, ba_page_show_sessions, ba_page_run_sessions, next_sessions},
    {"/account/delete", "account-delete.html", "/delete-user", USERS,
     by_delete, delete_fields, ba_page_show_account, run_with_way_back, next_delete},
    {"/delete-account", "delete-account.html", "/delete-user", USERS,
     by_delete_link, token_fields, ba_page_show_delete_link, NULL, next_deleted},
    {"/deleted", "deleted.html", NULL, GUESTS,
     by_any_delete, NULL, NULL, NULL, NULL},
    {"/expired", "expired.html", NULL, ONLY_AS(HTTP_UNAUTHORIZED),
     NULL, NULL, NULL, NULL, NULL},
    {"/forbidden", "forbidden.html", NULL, ONLY_AS(HTTP_FORBIDDEN),
     NULL, NULL, NULL, NULL, NULL},
    {"/error", "message.html", NULL, ONLY_AS(HTTP_BAD_REQUEST),
     NULL, NULL, NULL, NULL, NULL},
    {NULL, NULL, NULL, ANYONE, NULL, NULL, NULL, NULL, NULL},
};


const ba_page_row *ba_page_find(const char *path)
{
    for (const ba_page_row *row = ba_page_rows; row->name; ++row) {
        if (!strcmp(row->name, path)) {
            return row;
        }
    }
    return NULL;
}

int ba_page_offered(const ba_settings *settings, const ba_page_row *row)
{
    return (!row->endpoint || !ba_route_disabled(settings, row->endpoint))
           && (!row->offered || row->offered(settings));
}
