/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The mails we write: which there are, and a call's part in them. They reach the
 * outbox within the caller's transaction (ba_store.h); delivery is elsewhere. */

#ifndef BA_MAIL_H
#define BA_MAIL_H

#include "ba_call.h"

/* Order is that of the names of their templates, in ba_mail.c. */
typedef enum {
    BA_MAIL_VERIFY,         /* verify-email: url proves the address */
    BA_MAIL_CHANGE_CONFIRM, /* change-email-confirm: to the old address, url lets it go on */
    BA_MAIL_CHANGE_VERIFY,  /* change-email-verify: to the new address, url proves it */
    BA_MAIL_RESET,          /* reset-password: url lets a new password be chosen */
    BA_MAIL_DELETE,         /* delete-user: url deletes the account */
    BA_MAIL_RESET_DONE,     /* reset-password-done: a notice, without url */
    BA_MAIL_CHANGE_DONE,    /* change-email-done: a notice to the old address, without url */
    BA_MAIL_KINDS
} ba_mail_kind;

/* Among the values, expiresIn is a number of seconds: whoever fills a document in says it
 * in words. */

/* Their documents: name.txt and name.html of each, NULL at the end; and the values that
 * one can ask for, as %{mail:value}. */
extern const char *const ba_mail_documents[];
extern const char *const ba_mail_values[];

/* True if a mailer is configured: what needs mail is offered only then. */
int ba_mail_offered(const ba_call *call);

/* A mail to recipient, an address of the user's row or the one that it is to become.
 * url: the link in it, absolute, NULL for a notice; new_email: of a change, else
 * NULL. NULL: it could not be composed; the reason has been logged. */
ba_mail *ba_mail_compose(ba_call *call, ba_mail_kind kind, const ba_user *user,
                         const char *recipient, const char *url, const char *new_email);

/* To be called once the store has it, with NULL too: wakes delivery, or logs that the
 * recipient has had too many. */
void ba_mail_stored(ba_call *call, const ba_mail *mail);

#endif
