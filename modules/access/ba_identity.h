/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* How applications learn who is signed in: REMOTE_USER, environment, request
 * headers; and how nobody else gets to say it. */

#ifndef BA_IDENTITY_H
#define BA_IDENTITY_H

#include "ba_settings.h"

#include <httpd.h>

/* Hook: removes identity headers that the client sent, from every request of a
 * server that has a site, "-" and "_" alike, and their names from Connection. */
int ba_identity_scrub(request_rec *r);

/* The names under which applications, expressions and logs know a value, such as
 * BETTERAUTH_EMAIL; without the prefix and in any case too. -1: none of ours. */
int ba_identity_find(const char *name);

/* The value of a name that ba_identity_find() knows; NULL: this user has none. */
const char *ba_identity_value(int index, const ba_user *user, const ba_session *session);

/* What r->user is to be. */
const char *ba_identity_remote_user(const ba_dir_settings *dir, const ba_user *user,
                                    apr_pool_t *pool);

/* Clears our environment and header names, for a request that is told nothing. */
void ba_identity_withdraw(request_rec *r);

/* Clears our environment names and sets those of user and session; NULL: clears
 * only. */
void ba_identity_export(request_rec *r, const ba_dir_settings *dir, const ba_user *user,
                        const ba_session *session);

/* Tells another proxy, which has asked: the headers of applications, and Remote-User, in
 * the answer. */
void ba_identity_answer(request_rec *r, const ba_dir_settings *dir, const ba_user *user,
                        const ba_session *session);

#endif
