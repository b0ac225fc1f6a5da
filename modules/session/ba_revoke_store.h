/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A store that says what it has changed, so that no cache goes on believing it. */

#ifndef BA_REVOKE_STORE_H
#define BA_REVOKE_STORE_H

#include "ba_types.h"

struct ba_store;

/* Told after each change of a session or of a user and what is theirs; also after one
 * that failed, which may have reached the database all the same. */
typedef struct ba_revoker {
    /* user_id: NULL where it is not known and wants_user is not set. */
    void (*session)(void *baton, const char *token, const char *user_id, apr_pool_t *pool);
    void (*user)(void *baton, const char *user_id, apr_pool_t *pool);
    void *baton;
    int wants_user; /* whose session it is matters: then the database is asked */
} ba_revoker;

/* From now on store tells revoker, which must live as long. */
void ba_revoke_store(struct ba_store *store, const ba_revoker *revoker, apr_pool_t *pool);

#endif
