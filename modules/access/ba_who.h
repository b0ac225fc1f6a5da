/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Who has sent this request? */

#ifndef BA_WHO_H
#define BA_WHO_H

#include "ba_call.h"

#include <httpd.h>

#define BA_AUTH_TYPE "Session"

/* Is r in a location with AuthType Session? */
int ba_who_guarded(request_rec *r);

/* Is r in a location with AuthType Basic? */
int ba_who_is_basic(request_rec *r);

/* Our provider has let r in. Then ba_who_basic() is who, as for requests that inherit its
 * user; NULL for all others. */
void ba_who_grant_basic(request_rec *r);
const ba_call *ba_who_basic(request_rec *r);

/* Is r on its way to another server or application? */
int ba_who_is_proxied(const request_rec *r);

/* Asks once per chain of requests, as ba_session_find(), and hands out the cookies that
 * this brings. The server must have a site. */
apr_status_t ba_who(request_rec *r, const ba_call **call);

/* The same, and the database says so whatever a cookie cache did, as ba_session_confirm(). */
apr_status_t ba_who_confirmed(request_rec *r, const ba_call **call);

#endif
