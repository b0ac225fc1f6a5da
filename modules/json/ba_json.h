/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* JSON through jansson. Trees belong to a pool: they are wiped of their strings
 * and freed with it, so nobody counts references. */

#ifndef BA_JSON_H
#define BA_JSON_H

#include "ba_types.h"

#include <jansson.h>

/* From now on what jansson frees is wiped first: its lexer keeps a copy of each string. For
 * a process that parses requests, once, before there are threads. Never for one that goes
 * on without this module, since jansson may stay. An allocator that somebody else has given
 * to jansson stays, and wipes or does not. */
void ba_json_wipe_freed(void);

/* Parses what a JavaScript server would: a byte order mark is skipped, broken
 * UTF-8 and lone surrogates become U+FFFD, of duplicate keys the last counts,
 * any value may stand at the top. NULL: not JSON, too deep, or a NUL in a key. */
json_t *ba_json_parse(ba_bytes text, apr_pool_t *pool);

/* The same tree from an urlencoded form: an object of strings. Of a repeated
 * name the last counts, as it does upstream. NULL: no memory. */
json_t *ba_json_from_form(ba_bytes form, apr_pool_t *pool);

/* The same tree from a query string (NULL: none), where the values of a repeated
 * name become an array. */
json_t *ba_json_from_query(const char *query, apr_pool_t *pool);

/* What JavaScript takes for false: absent, null, false, 0 and "". */
int ba_json_falsy(const json_t *value);

/* An object that is freed with the pool. */
json_t *ba_json_object(apr_pool_t *pool);

/* The same for an array. */
json_t *ba_json_array(apr_pool_t *pool);

/* Compact text, UTF-8, strings and whole numbers spelled as JSON.stringify spells
 * them: the text may be signed. NULL when memory is out. */
const char *ba_json_text(const json_t *json, apr_pool_t *pool);

/* {"message":…,"code":…}; code may be NULL. */
const char *ba_json_error(const char *message, const char *code, apr_pool_t *pool);

/* The user and session objects of http-api 5.2. */
json_t *ba_json_user(const ba_user *user, apr_pool_t *pool);
json_t *ba_json_session(const ba_session *session, apr_pool_t *pool);

/* Adds to a user object what the API never shows. */
void ba_json_add_hidden(json_t *json, const ba_user *user);

/* The account object of list-accounts: no secrets, scopes as a list. */
json_t *ba_json_account(const ba_account *account, apr_pool_t *pool);

#endif
