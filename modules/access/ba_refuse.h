/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What the guard answers to those it does not let in: people get a page or the way to
 * sign-in, programs get JSON, scripts of trusted origins can read it. An operator's
 * ErrorDocument is for people. All return what a hook returns. */

#ifndef BA_REFUSE_H
#define BA_REFUSE_H

#include "ba_error.h"
#include "ba_settings.h"

#include <httpd.h>

/* Any error. */
int ba_refuse(request_rec *r, const ba_error *error);

/* Nobody is signed in. */
int ba_refuse_stranger(request_rec *r, ba_unauthenticated how);

/* Somebody is, and the Require lines want somebody else, or the password again. */
int ba_refuse_user(request_rec *r);

/* A CORS preflight; answered for trusted origins without asking the application, which
 * must not run for strangers. DECLINED for others. */
int ba_refuse_is_preflight(const request_rec *r);
int ba_refuse_preflight(request_rec *r);

/* Is this the opening of a websocket with our session cookie by a page of an origin that
 * is not trusted? Neither CORS nor a preflight holds that back: whoever let it pass would
 * hand that page a connection in its visitor's name. Programs that send no Origin are no
 * browsers. Logged. */
int ba_refuse_is_foreign_socket(request_rec *r);

#endif
