/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Who may send a browser's request to us, and where we may send a browser
 * (http-api 6, security.md 2.5). */

#ifndef BA_ORIGIN_H
#define BA_ORIGIN_H

#include "ba_call.h"

/* The origin check of every non-GET request, before its body is validated
 * (http-api 6.1). NULL: good. */
const ba_error *ba_origin_check(const ba_call *call);

/* The login-CSRF rules of the endpoints that take forms, after validation (6.2).
 * NULL: good. */
const ba_error *ba_origin_check_form(const ba_call *call);

/* True if a browser may be sent to this URL: a safe path or a trusted origin
 * (http-api 6.3). */
int ba_origin_redirect_allowed(const ba_call *call, const char *url);

/* True if the origin of value (a URL) matches a trusted pattern (6.4). */
int ba_origin_trusted(const ba_call *call, const char *value);

#endif
