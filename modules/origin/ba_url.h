/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The one reader of URLs, for check and for use (security.md WF-5). What
 * browsers and RFC 3986 read differently is refused, so that nobody who reads
 * the same text later can come to another origin. */

#ifndef BA_URL_H
#define BA_URL_H

#include "ba_types.h"

typedef struct ba_url {
    const char *scheme;    /* lower case */
    const char *authority; /* lower case host[:port], default port dropped; "" if none */
    const char *path;      /* rest of the text up to ? or #, as sent */
} ba_url;

/* Reads an absolute URL. APR_EINVAL: not absolute, or not read alike by all
 * (backslash, control character, blank, userinfo, non-ASCII or escaped host, one that is a
 * number or an address in another spelling than a browser's, http without "//"), or a scheme that runs what it
 * is given, such as javascript:. */
apr_status_t ba_url_parse(const char *text, ba_url *url, apr_pool_t *pool);

/* Serialised origin "https://host[:port]", or NULL for schemes without one. */
const char *ba_url_origin(const ba_url *url, apr_pool_t *pool);

/* True for a path on our own origin that no browser reads otherwise
 * (http-api 6.3): "/x?y", not "//x", "/\x", "/%2fx". */
int ba_url_safe_path(const char *text);

/* text (a trusted URL or safe path) with name=value at the end of its query, before the
 * fragment, as upstream appends it (http-api 9.3). */
const char *ba_url_append(const char *text, const char *name, const char *value,
                          apr_pool_t *pool);

/* The same as an absolute URL, base being the origin of a path; the parameter replaces
 * one of its name, and the others are spelled anew, as URLSearchParams.set() does. */
const char *ba_url_set(const char *base, const char *text, const char *name, const char *value,
                       apr_pool_t *pool);

#endif
