/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Cookies as Better Auth reads and writes them (http-api 3). */

#ifndef BA_COOKIE_H
#define BA_COOKIE_H

#include "ba_call.h"

/* Max-Age of a cookie that ends with the browser. */
#define BA_COOKIE_BROWSER (-1)

/* First value of a cookie of the request, decoded; NULL if there is none. */
const char *ba_cookie_get(const ba_call *call, const char *name);

/* Value of a signed cookie whose signature is good, else NULL. */
const char *ba_cookie_get_signed(const ba_call *call, const char *name);

/* Sets a signed cookie. APR_EGENERAL if it cannot be signed. */
apr_status_t ba_cookie_set_signed(ba_call *call, const char *name, const char *value,
                                  apr_int64_t max_age);

void ba_cookie_delete(ba_call *call, const char *name);

/* Deletes every "name.N" that the request carries. */
void ba_cookie_delete_chunks(ba_call *call, const char *name);

#endif
