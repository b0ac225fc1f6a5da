/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Cookies as Better Auth reads and writes them (http-api 3). */

#ifndef BA_COOKIE_H
#define BA_COOKIE_H

#include "ba_call.h"
#include "ba_mac.h"

/* Max-Age of a cookie that ends with the browser. */
#define BA_COOKIE_BROWSER (-1)

/* First value of a cookie of the request, decoded; NULL if there is none. */
const char *ba_cookie_get(const ba_call *call, const char *name);

/* The value of a signed cookie, and the signature, which nobody can make who does not know
 * the secret. APR_NOTFOUND: there is none whose signature is good. APR_EGENERAL: it could not
 * be checked. *value is NULL then. */
apr_status_t ba_cookie_open(const ba_call *call, const char *name, const char **value,
                            unsigned char mac[BA_MAC_BYTES]);

/* The Cookie header without what is ours, for applications that have no business with
 * it; NULL if nothing is left. */
const char *ba_cookie_others(const ba_call *call);

/* Sets a signed cookie. APR_EGENERAL if it cannot be signed. */
apr_status_t ba_cookie_set_signed(ba_call *call, const char *name, const char *value,
                                  apr_int64_t max_age);

void ba_cookie_delete(ba_call *call, const char *name);

/* Values that may be too long for one cookie stand in "name.0", "name.1" … (http-api
 * 3.5). They are written as they are: letters, digits and -_. only. */

/* Most bytes of such a value, however many pieces a request may carry. */
#define BA_COOKIE_TOTAL_MAX 65536

/* The value of name, else, if that is empty, of its pieces; NULL if there is none, ""
 * if it is too long to be ours. */
const char *ba_cookie_get_chunked(const ba_call *call, const char *name);

/* Sets it, in pieces if need be, and deletes those pieces of the request that are not
 * written anew. 0: too long, so that there is no such cookie now. */
int ba_cookie_set_chunked(ba_call *call, const char *name, const char *value, apr_int64_t max_age);

/* Deletes what the request carries of name and its pieces, and what this answer sets. */
void ba_cookie_delete_chunked(ba_call *call, const char *name);

/* The same for the pieces alone. */
void ba_cookie_delete_chunks(ba_call *call, const char *name);

#endif
