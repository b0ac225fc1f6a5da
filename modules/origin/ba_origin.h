/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Who may send a browser's request to us, and where we may send a browser
 * (http-api 6, security.md 2.5). */

#ifndef BA_ORIGIN_H
#define BA_ORIGIN_H

#include "ba_call.h"

/* The origin check of every non-GET request (http-api 6.1); with form, also
 * the login-CSRF rules of the two form endpoints (6.2). NULL: good. */
const ba_error *ba_origin_check(const ba_call *call, int form);

/* True if a browser may be sent to this URL: a safe path or a trusted origin
 * (http-api 6.3). */
int ba_origin_redirect_allowed(const ba_call *call, const char *url);

/* True if the origin of value (a URL) matches a trusted pattern (6.4). */
int ba_origin_trusted(const ba_call *call, const char *value);

#endif
