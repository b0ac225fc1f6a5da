/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* For other modules: who is signed in, and a say in who may sign in. Nothing here
 * links against mod_betterauth; a module that uses it loads before or after it, or
 * without it. docs/c-interface.md has an example.
 *
 * Structs only grow, at their end. Each has the version of the interface that the
 * running mod_betterauth speaks; a member added in a later version is there if
 * version is at least that. Strings are UTF-8 and may hold anything that people type,
 * control characters and markup included. */

#ifndef MOD_BETTERAUTH_H
#define MOD_BETTERAUTH_H

#include <httpd.h>

#include <apr_hooks.h>
#include <apr_optional.h>
#include <apr_optional_hooks.h>

#define BETTERAUTH_INTERFACE 1

/* ---- who is signed in */

typedef enum {
    BETTERAUTH_NOBODY,   /* no session, one that is over, or a server without BetterAuthSecret */
    BETTERAUTH_SOMEBODY,
    BETTERAUTH_UNKNOWN   /* there may be a session, but the database cannot say: let nobody
                          * in, answer 503 */
} betterauth_answer;

/* Somebody's session. */
typedef struct betterauth_user {
    int version;
    const char *id;
    const char *email; /* lower case */
    const char *name;
    const char *image; /* a URL, NULL if there is none */
    int email_verified;
    apr_time_t created;
    const char *session_id; /* of its row, for logs and joins; opens nothing. "": HTTP Basic */
    apr_time_t session_created;
    apr_time_t session_expires;
} betterauth_user;

/* Who has sent this request? *user is set for BETTERAUTH_SOMEBODY, else NULL; it lives as
 * long as the request and is not to be changed.
 *
 * Works in guarded locations and elsewhere, in each hook from translate_name to the
 * handler, before authentication too. Asked once for a request with its sub-requests and
 * internal redirects, when somebody first wants to know; later calls cost nothing. Asking
 * may refresh the session and so set a cookie; in a log hook it is too late for that. An
 * answer that depends on who it is must not get into shared caches: outside guarded
 * locations that is for the caller to say, with Cache-Control: private.
 *
 * With BetterAuthSessionCache or BetterAuthCookieCache, a session that was revoked elsewhere
 * may count until the cache is over; betterauth_who_confirmed does not believe caches and
 * asks the database, once. For whatever changes something or shows a secret. */
APR_DECLARE_OPTIONAL_FN(betterauth_answer, betterauth_who,
                        (request_rec * r, const betterauth_user **user));
APR_DECLARE_OPTIONAL_FN(betterauth_answer, betterauth_who_confirmed,
                        (request_rec * r, const betterauth_user **user));

/* ---- a say in signing in */

/* Somebody who has proved who they are and is about to get a session. */
typedef struct betterauth_attempt {
    int version;
    const char *endpoint; /* the way: "/sign-in/email", "/sign-up/email", "/verify-email",
                           * "/change-password" (a new session in place of all others) … */
    const char *user_id;
    const char *email; /* lower case */
    const char *name;
    int email_verified;
    int remember; /* 0: for as long as the browser runs */
} betterauth_attempt;

/* Why not. Copied when the hook returns; NULL: a general one. */
typedef struct betterauth_refusal {
    int version;
    const char *code;    /* for programs: A-Z, 0-9 and "_", up to 64 of them */
    const char *message; /* for people: one sentence, which they see as it is */
} betterauth_refusal;

#define BETTERAUTH_DECLARE(type) type

/* May they? Register with
 *
 *     APR_OPTIONAL_HOOK(betterauth, betterauth_sign_in, function, NULL, NULL, APR_HOOK_MIDDLE);
 *
 * OK, DECLINED               no objection; the next one is asked
 * HTTP_SERVICE_UNAVAILABLE   cannot say now: 503
 * anything else              refused, nobody else is asked: 403 with code and message, which
 *                            pages show too
 *
 * Called for each session that is to begin, however that comes about, after passwords and
 * links were found good and before anything is written. What is refused leaves nothing
 * behind: no session, no cookie; at sign-up no account, at "/verify-email" an address as
 * unproved as before, at "/change-password" the old password. So the user of a sign-up has
 * no row yet and perhaps never will.
 *
 * r is the request that signs in; its body has been read. No database connection is held
 * meanwhile: the function may take its time, only this one visitor waits. Sessions that
 * exist already go on: to end those is not asked here. */
APR_DECLARE_EXTERNAL_HOOK(betterauth, BETTERAUTH, int, betterauth_sign_in,
                          (request_rec * r, const betterauth_attempt *who,
                           betterauth_refusal *why))

#endif
