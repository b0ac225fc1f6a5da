/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_mail.h"

#include "ba_random.h"
#include "ba_settings.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <apr_time.h>

static const char *const names[BA_MAIL_KINDS] = {
    [BA_MAIL_VERIFY] = "verify-email",
    [BA_MAIL_CHANGE_CONFIRM] = "change-email-confirm",
    [BA_MAIL_CHANGE_VERIFY] = "change-email-verify",
    [BA_MAIL_RESET] = "reset-password",
    [BA_MAIL_DELETE] = "delete-user",
    [BA_MAIL_RESET_DONE] = "reset-password-done",
    [BA_MAIL_CHANGE_DONE] = "change-email-done",
};

int ba_mail_offered(const ba_call *call)
{
    return call->settings->mailer.kind != BA_MAILER_OFF;
}

ba_mail *ba_mail_compose(ba_call *call, ba_mail_kind kind, const ba_user *user,
                         const char *recipient, const char *url, const char *new_email)
{
    const ba_settings *s = call->settings;
    ba_mail *mail = apr_pcalloc(call->pool, sizeof(*mail));

    (void)user, (void)new_email;
    mail->id = ba_random_id(call->settings->generate_id, call->pool);
    if (!mail->id) {
        return NULL;
    }
    mail->sender = s->mail_from;
    mail->recipient = recipient;
    mail->created_at = call->now;
    mail->cap = (int)s->mail_limit.min;
    mail->cap_since = call->now - BA_MS(s->mail_limit.max);
    mail->message = apr_pstrcat(call->pool, "From: ", s->mail_from, "\r\nTo: ", recipient,
                                "\r\nSubject: ", names[kind], "\r\n\r\n", url ? url : "", "\r\n",
                                NULL);
    return mail;
}

void ba_mail_stored(ba_call *call, const ba_mail *mail)
{
    if (mail && mail->queued) {
        call->mail_waiting = 1;
    }
    else if (mail) {
        ba_call_log(call, BA_LOG_WARN, 0, "BA0701: a mail to somebody who had too many lately is "
                                          "not sent, client %s", call->client);
    }
}
