/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The server's own cache of sessions and their users, on whatever keeps small objects
 * for a while. Never asked for what changes something or shows a secret.
 *
 * On one machine an entry holds the revocation counters that were read before the
 * database was asked, and counts while they stand. Machines that share a cache share no
 * counters: there a revocation leaves a mark under the user's name, which lives longer
 * than any entry; while it is there, nothing of that user is believed. */

#ifndef BA_SESSION_CACHE_H
#define BA_SESSION_CACHE_H

#include "ba_call.h"
#include "ba_revoke.h"

/* Bytes of a key, and of the largest value. What is larger is not kept. */
#define BA_CACHE_KEY 32
#define BA_CACHE_MAX 4096

/* What keeps the objects. All may fail at any time, which is logged there. */
typedef struct ba_cache_ops {
    /* *len: room on entry, bytes found on return. APR_NOTFOUND: no such object. */
    apr_status_t (*get)(void *baton, const unsigned char *key, unsigned char *value,
                        unsigned *len, apr_pool_t *pool);
    apr_status_t (*put)(void *baton, const unsigned char *key, const unsigned char *value,
                        unsigned len, apr_int64_t seconds, apr_pool_t *pool);
} ba_cache_ops;

typedef struct ba_session_cache {
    const ba_cache_ops *ops;
    void *baton;
    apr_int64_t lifetime; /* of an entry, seconds */
    int shared;           /* by several machines */
    const unsigned char *scope; /* BA_CACHE_KEY bytes, keeps the sites apart that share it */
    const ba_revocations *revocations;
} ba_session_cache;

/* What was known before the database was asked; ba_session_cache_put() needs it. */
typedef struct ba_cache_look {
    unsigned char key[BA_CACHE_KEY];
    apr_uint32_t sum; /* of ba_revoke_sum() */
} ba_cache_look;

/* The session of this token and its user, as some time less than the lifetime ago.
 * mac: of the token, with one of the secrets. APR_NOTFOUND: ask the database. */
apr_status_t ba_session_cache_get(const ba_call *call, const char *token, const unsigned char *mac,
                                  ba_cache_look *look, ba_session **session, ba_user **user);

/* Keeps what the database said after *look was filled. Failing does no harm. */
void ba_session_cache_put(const ba_call *call, const ba_cache_look *look,
                          const ba_session *session, const ba_user *user);

/* Something of this user was revoked or changed. For caches that are shared only. */
void ba_session_cache_mark(const ba_session_cache *cache, const char *user_id, apr_pool_t *pool);

#endif
