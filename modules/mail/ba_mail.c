/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mail.h"

#include "ba_audit.h"
#include "ba_mime.h"
#include "ba_random.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* Two for each kind, in the kinds' order. */
const char *const ba_mail_documents[] = {
    "verify-email.txt",         "verify-email.html",
    "change-email-confirm.txt", "change-email-confirm.html",
    "change-email-verify.txt",  "change-email-verify.html",
    "reset-password.txt",       "reset-password.html",
    "delete-user.txt",          "delete-user.html",
    "reset-password-done.txt",  "reset-password-done.html",
    "change-email-done.txt",    "change-email-done.html",
    NULL,
};

const char *const ba_mail_values[] = {"name", "email",     "newEmail", "url",
                                      "site", "expiresIn", "appName", "lang", "dir", NULL};

/* Longest name that is greeted, in characters. */
#define GREETED_MAX 60

int ba_mail_offered(const ba_call *call)
{
    return call->settings->mailer.kind != BA_MAILER_OFF;
}

/* ---- values */

/* Without line ends and other control characters, so that text stays in its line. */
static const char *one_line(const char *text, apr_pool_t *pool)
{
    char *out = apr_pstrdup(pool, text ? text : "");

    for (char *p = out; *p; ++p) {
        if (apr_iscntrl(*p)) {
            *p = ' ';
        }
    }
    return out;
}

/* True if mail programs may make a link of it: a slash, an at sign, www. or x.yz */
static int looks_like_a_link(const char *text)
{
    for (const char *p = text; *p; ++p) {
        if (*p == '/' || *p == '@' || *p == ':'
            || (*p == '.' && p > text && !apr_isspace(p[-1]) && apr_isalpha(p[1])
                && apr_isalnum(p[2]))) {
            return 1;
        }
    }
    return 0;
}

/* Anybody can sign up with somebody else's address and have a name of their choice
 * mailed there: it is greeted only if it cannot carry a message. */
static const char *greeted(const ba_user *user, apr_pool_t *pool)
{
    const char *name = one_line(user->name, pool);

    return *name == '\0' || ba_text_length(name) > GREETED_MAX || looks_like_a_link(name)
               ? user->email
               : name;
}

static apr_int64_t life_of(const ba_settings *s, ba_mail_kind kind)
{
    return kind == BA_MAIL_RESET    ? s->reset_expires_in
           : kind == BA_MAIL_DELETE ? s->delete_expires_in
                                    : s->verify_expires_in;
}

static apr_table_t *values_of(const ba_call *call, ba_mail_kind kind, const ba_user *user,
                              const char *url, const char *new_email)
{
    const ba_settings *s = call->settings;
    apr_table_t *values = apr_table_make(call->pool, 8);

    apr_table_setn(values, "name", greeted(user, call->pool));
    apr_table_setn(values, "email", one_line(user->email, call->pool));
    apr_table_setn(values, "newEmail", one_line(new_email, call->pool));
    apr_table_setn(values, "url", one_line(url, call->pool));
    apr_table_setn(values, "site", s->base_url);
    apr_table_setn(values, "expiresIn", apr_psprintf(call->pool, "%" APR_INT64_T_FMT, life_of(s, kind)));
    apr_table_setn(values, "appName", s->app_name);
    return values;
}

static apr_table_t *escaped(const apr_table_t *values, apr_pool_t *pool)
{
    const apr_array_header_t *rows = apr_table_elts(values);
    const apr_table_entry_t *row = (const apr_table_entry_t *)rows->elts;
    apr_table_t *out = apr_table_make(pool, rows->nelts);

    for (int i = 0; i < rows->nelts; ++i) {
        apr_table_setn(out, row[i].key, ba_text_html(row[i].val, pool));
    }
    return out;
}

/* ---- composing */

/* Takes "Subject: …" and the blank line after it off the text. */
static const char *take_subject(const char **text, apr_pool_t *pool)
{
    static const char label[] = "Subject: ";
    apr_size_t len = strcspn(*text, "\n");
    const char *line = apr_pstrmemdup(pool, *text, len);

    *text += len;
    *text += strspn(*text, "\n");
    return strncmp(line, label, sizeof(label) - 1) ? line : line + sizeof(label) - 1;
}

static const char *message_of(const ba_call *call, ba_mail_kind kind, const apr_table_t *values,
                              const char *id, const char *recipient)
{
    const ba_settings *s = call->settings;
    const char *problem, *message = NULL;
    ba_mime mime = {.id = id,
                    .from_name = s->mail_from.name,
                    .from = s->mail_from.address,
                    .to = recipient,
                    .date = call->now};

    mime.text = call->ops->render(call, ba_mail_documents[kind * 2], values);
    mime.html = call->ops->render(call, ba_mail_documents[kind * 2 + 1],
                                  escaped(values, call->pool));
    if (!mime.text || !mime.html) {
        return NULL;
    }
    mime.subject = take_subject(&mime.text, call->pool);
    problem = ba_mime_assemble(&mime, &message, call->pool);
    if (problem) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0702: mail %s cannot be written: it would have %s",
                    ba_mail_documents[kind * 2], problem);
    }
    return message;
}

ba_mail *ba_mail_compose(ba_call *call, ba_mail_kind kind, const ba_user *user,
                         const char *recipient, const char *url, const char *new_email)
{
    const ba_settings *s = call->settings;
    ba_mail *mail = apr_pcalloc(call->pool, sizeof(*mail));

    mail->id = ba_random_id(call->settings->generate_id, call->pool);
    if (!mail->id) {
        ba_call_log(call, BA_LOG_ERROR, 0, "BA0703: no random numbers for a mail's id");
        return NULL;
    }
    mail->site = s->base_url;
    mail->sender = s->mail_from.address;
    mail->recipient = recipient;
    mail->user_id = user->id;
    mail->created_at = call->now;
    mail->cap = (int)s->mail_limit.min;
    mail->cap_since = call->now - BA_MS(s->mail_limit.max);
    mail->message = message_of(call, kind, values_of(call, kind, user, url, new_email), mail->id,
                               recipient);
    return mail->message ? mail : NULL;
}

void ba_mail_stored(ba_call *call, const ba_mail *mail)
{
    if (mail && mail->queued) {
        call->mail_waiting = 1;
    }
    else if (mail) {
        ba_audit(call, BA_EVENT_MAIL_REFUSED, (ba_fact){.user = mail->user_id});
    }
}
