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

/* Asks once per chain of requests, as ba_session_find(), and hands out the cookies that
 * this brings. The server must have a site. */
apr_status_t ba_who(request_rec *r, const ba_call **call);

/* The same, and the database says so whatever a cookie cache did, as ba_session_confirm(). */
apr_status_t ba_who_confirmed(request_rec *r, const ba_call **call);

#endif
