/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What flows with a mailed link share: the tokens, the links, what is hidden
 * (http-api 9). */

#ifndef BA_LINKS_H
#define BA_LINKS_H

#include "ba_json.h"
#include "ba_mail.h"

#include <apr_time.h>

/* What a token of the link lets its bearer do: "requestType" of the claims. */
#define BA_LINK_CONFIRM "change-email-confirmation"
#define BA_LINK_CHANGE "change-email-verification"

/* A link below the base path: path?callbackURL=… after what path ends in; callback
 * NULL or "": fallback. Always of the configured origin (security.md TK-10). */
const char *ba_link(const ba_call *call, const char *path, const char *callback,
                    const char *fallback);

/* The same for a link that would be used up by whoever opens it first, such as a mail
 * scanner: where our pages are mounted it leads to the one that asks before it acts. */
const char *ba_link_to_page(const ba_call *call, const char *page, const char *path,
                            const char *callback);

/* A change of address that a link asks for. */
typedef struct ba_link_change {
    const char *to;   /* lower case */
    const char *type; /* one of the two above */
    const char *hash; /* the user's password as it is stored; NULL: none */
} ba_link_change;

/* A mail to user that asks to prove the address in user, or, with change, the one that is
 * to replace it. NULL: logged, and it cannot be. */
ba_mail *ba_link_mail(ba_call *call, ba_mail_kind kind, const ba_user *user,
                      const ba_link_change *change, const char *callback);

/* What the token of such a link says. */
typedef struct ba_link_claims {
    const char *email;     /* the account's */
    const char *change_to; /* lower case; NULL: the address is to be proved */
    const char *type;      /* with change_to: one of the two above */
    const char *account;   /* what it was asked for; NULL: a Node server has made it */
} ba_link_claims;

/* Reads a token that has come back; what is wrong with it, NULL: nothing. */
const ba_error *ba_link_read(ba_call *call, const char *token, ba_link_claims *claims);

/* Is the account that has the address now the one that the change was asked for: the same
 * row, with the same password, its address proved or not as it was then? Whoever had an
 * account before its owner came must not get it back by a link that was mailed before. A
 * sign-in that renews an outdated hash ends the link too; it can be asked for again. True of
 * each link that proves an address: whoever has it reads that address's mail, whosever the
 * row is. And of what a Node server has made, which says nothing of the account. */
int ba_link_is_for(ba_call *call, const ba_link_claims *claims, const ba_user *user,
                   const char *hash);

/* Whose password the token of a mailed link may change; it is not used up by that. What is
 * wrong with it, NULL: nothing. */
const ba_error *ba_reset_read(ba_call *call, const char *secret, const ba_user **user);

/* Identifier of a verification row as it is stored (http-api 9.4). NULL: OpenSSL failed. */
const char *ba_link_identifier(const ba_call *call, const char *prefix, const char *token);

/* The row of a token that has come back, expired or not. As ba_store's verification(),
 * and finds what was stored before BetterAuthVerificationIdentifier changed to hashed. */
apr_status_t ba_link_find(ba_call *call, const char *prefix, const char *token,
                          ba_verification **row);

/* Waits until as much time has passed since begun as it takes to write to the database, so
 * that the clock does not tell whether an account exists (security.md TH-10). begun: when
 * the handler began, the call may be older by as long as its body took to come; or when the
 * hash was there that costs all of them the same. */
void ba_link_hide_work(apr_time_t begun);

/* 302 to url. */
void ba_link_redirect(ba_call *call, const char *url);

/* Stores the mail (NULL: none) on its own. 0: the call has its answer. */
int ba_link_send(ba_call *call, ba_mail *mail);

#endif
