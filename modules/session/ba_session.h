/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Sessions: who is this, and what happens to a session (http-api 4). The API,
 * the pages and the guard all ask here, and nobody else reads the cookie or what a
 * feature takes in its place. */

#ifndef BA_SESSION_H
#define BA_SESSION_H

#include "ba_call.h"

/* Who is this? Asks at most once per call and keeps the answer in it. With
 * BetterAuthCookieCache on, a valid cache cookie answers in place of the database, and
 * then the server's own cache.
 *
 * APR_SUCCESS   call->session and call->user say who; refreshed if it was due, or
 *               call->needs_refresh says so where BetterAuthSessionRefresh puts it off
 * APR_NOTFOUND  nobody: no token, a bad signature (never asked the database),
 *               or a session that is over or whose user a feature bars (the answer
 *               then clears cookies)
 * APR_INCOMPLETE  the session ended while it was being refreshed
 * APR_EGENERAL  the token may be good but the database, or OpenSSL, could not say: allow nothing,
 *               clear nothing, answer 503
 */
apr_status_t ba_session_find(ba_call *call);

/* The same, and the database has said so: a session revoked meanwhile is nobody. For
 * whatever changes something or shows a secret. */
apr_status_t ba_session_confirm(ba_call *call);

/* True if the request carries a token, good or not. Asks no database. */
int ba_session_claimed(const ba_call *call);

/* True if Authorization has a token that we signed, or may have, or that of the session found:
 * not if it is an application's own. */
int ba_session_in_authorization(const ba_call *call);

/* Its last moment: expiresAt, or BetterAuthSessionMaxLifetime. */
ba_time ba_session_ends(const struct ba_settings *settings, const ba_session *session);

/* True if that has passed. */
int ba_session_is_over(const ba_call *call, const ba_session *session);

/* True if the found session began no longer ago than BetterAuthSessionFreshAge. */
int ba_session_is_fresh(const ba_call *call);

/* True if the session of the browser outlives it. By the cookie alone. */
int ba_session_is_remembered(const ba_call *call);

/* Sends the found session's cookies once more, as remembered or not as they are. */
apr_status_t ba_session_send_again(ba_call *call);

/* May a session begin for this user, who has proved who they are? Asks features and other
 * modules. 0: no, and the call has its answer. */
int ba_session_may_begin(ba_call *call, const ba_user *user, int remember);

/* A new session for user, with a new token; not stored yet. A call that begins a
 * session comes here whatever the way of signing in, so this is where features and other
 * modules that have a say in sign-in are asked: before anything is written, since what is
 * refused leaves nothing behind. NULL: refused, or the random generator failed; the call
 * has its answer. */
const ba_session *ba_session_begin(ba_call *call, const ba_user *user, int remember);

/* Hands the stored session of this user, who has signed in completely, to the
 * browser. APR_EGENERAL if cookies cannot be signed. */
apr_status_t ba_session_set_cookies(ba_call *call, const ba_session *session, const ba_user *user,
                                    int remember);

void ba_session_clear_cookies(ba_call *call);

/* Deletes the session that the request names, expired or not, and clears
 * the cookies. *ended: which it was, NULL: there was none. APR_EGENERAL: the database is
 * down, or the signature could not be checked, and the session still lives. */
apr_status_t ba_session_end(ba_call *call, ba_session **ended);

#endif
