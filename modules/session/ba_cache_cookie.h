/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The cookie cache: session and user, signed or encrypted, in a cookie of their own
 * (http-api 3.5). Until it expires it answers "who is this" without the database,
 * also for a session that has been revoked meanwhile. Nothing here does anything
 * while BetterAuthCookieCache is off. */

#ifndef BA_CACHE_COOKIE_H
#define BA_CACHE_COOKIE_H

#include "ba_call.h"

/* The session and user that the request's cache holds for this token, the one of the
 * signed session cookie.
 * APR_SUCCESS   *session and *user; they live as long as the call
 * APR_NOTFOUND  there is no cache
 * APR_EINVAL    there is one that must not be believed (any more) */
apr_status_t ba_cache_cookie_read(ba_call *call, const char *token, const ba_session **session,
                                  const ba_user **user);

/* Puts the cache into the answer; only for somebody who has signed in completely. A
 * cache that would be too large is not written. */
void ba_cache_cookie_write(ba_call *call, const ba_session *session, const ba_user *user,
                           int remember);

/* Takes it away, from the browser and from this answer. */
void ba_cache_cookie_delete(ba_call *call);

#endif
