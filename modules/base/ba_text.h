/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Small helpers for text. Results are allocated in the given pool. */

#ifndef BA_TEXT_H
#define BA_TEXT_H

#include "ba_types.h"

/* As JavaScript's encodeURIComponent: unreserved is A-Za-z0-9-_.!~*'(). */
const char *ba_text_url_encode(const char *text, apr_pool_t *pool);

/* As a form is encoded: a blank is "+", all but *-._ and alphanumerics escaped. */
const char *ba_text_form_encode(const char *text, apr_pool_t *pool);

/* Percent-decodes; with plus, "+" is a blank (forms and queries). A malformed
 * escape stays as it is, as browsers do. The result may hold NUL: *len tells. */
char *ba_text_url_decode(const char *text, apr_size_t text_len, int plus, apr_size_t *len,
                         apr_pool_t *pool);

/* ASCII lower case copy. */
char *ba_text_lower(const char *text, apr_pool_t *pool);

int ba_text_is_utf8(const char *text, apr_size_t len);

/* Replaces every invalid UTF-8 sequence by U+FFFD, as a browser's decoder does. */
char *ba_text_repair_utf8(const char *text, apr_size_t len, apr_size_t *out_len,
                          apr_pool_t *pool);

/* Number of UTF-16 code units of valid UTF-8, which is what JavaScript's
 * String.length counts (http-api 2). */
apr_size_t ba_text_utf16_length(const char *text, apr_size_t len);

/* Number of code points of valid UTF-8: what VARCHAR(n) counts. */
apr_size_t ba_text_length(const char *text);

/* At most max code points of text; never cuts inside one. */
const char *ba_text_cut(const char *text, apr_size_t max, apr_pool_t *pool);

/* Latin-1 bytes as UTF-8: how Node reads header values (http-api 1.2). */
const char *ba_text_from_latin1(const char *text, apr_pool_t *pool);

/* 2026-11-21T01:59:48.607Z */
const char *ba_text_iso_date(ba_time t, apr_pool_t *pool);

/* Reads the form above and "2026-11-21 01:59:48[.607]"; APR_EINVAL otherwise. */
apr_status_t ba_text_parse_date(const char *text, ba_time *t);

/* Escapes & < > " and ' for HTML text and quoted attributes. */
const char *ba_text_html(const char *text, apr_pool_t *pool);

/* One parameter of a query string or urlencoded body.
 * *count says how often it was there; the first value is returned, NULL if none. */
const char *ba_text_query_param(const char *query, const char *name, int *count,
                                apr_pool_t *pool);

/* Glob of http-api 6.4: "*" is any run without "/" and "\", "?" one such character,
 * "\" escapes; anchored, case-sensitive. */
int ba_text_glob(const char *pattern, const char *text);

#endif
