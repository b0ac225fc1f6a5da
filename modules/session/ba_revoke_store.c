/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_revoke_store.h"

#include "ba_store.h"

#include <apr_strings.h>

static apr_status_t tell_session(ba_store *store, const char *token, const char *user_id,
                                 apr_status_t rv, apr_pool_t *pool)
{
    const ba_revoker *to = store->revoker;

    to->session(to->baton, token, user_id, pool);
    return rv;
}

static apr_status_t tell_user(ba_store *store, const char *user_id, apr_status_t rv,
                              apr_pool_t *pool)
{
    const ba_revoker *to = store->revoker;

    to->user(to->baton, user_id, pool);
    return rv;
}

/* A new session may end older ones. */
static apr_status_t tell_new(ba_store *store, const ba_session *session, apr_status_t rv,
                             apr_pool_t *pool)
{
    return session && session->limit ? tell_user(store, session->user_id, rv, pool) : rv;
}

static apr_status_t session_add(ba_store *store, const ba_session *s, apr_pool_t *pool)
{
    return tell_new(store, s, store->told->session_add(store, s, pool), pool);
}

static apr_status_t session_extend(ba_store *store, const ba_session *s, ba_time expires_at,
                                   ba_time now, apr_pool_t *pool)
{
    return tell_session(store, s->token, s->user_id,
                        store->told->session_extend(store, s, expires_at, now, pool), pool);
}

static apr_status_t session_update(ba_store *store, const ba_session *s, const ba_extra *extra,
                                   ba_time now, apr_pool_t *pool)
{
    return tell_session(store, s->token, s->user_id,
                        store->told->session_update(store, s, extra, now, pool), pool);
}

static apr_status_t session_delete(ba_store *store, const char *token, apr_pool_t *pool)
{
    ba_session *session = NULL;
    ba_user *user;

    if (store->revoker->wants_user
        && store->told->session(store, token, &session, &user, pool) != APR_SUCCESS) {
        session = NULL; /* gone already, or the database is down, which the next one says */
    }
    return tell_session(store, token, session ? session->user_id : NULL,
                        store->told->session_delete(store, token, pool), pool);
}

static apr_status_t sessions_delete(ba_store *store, const char *user_id, const char *but_id,
                                    apr_pool_t *pool)
{
    return tell_user(store, user_id,
                     store->told->sessions_delete(store, user_id, but_id, pool), pool);
}

static apr_status_t user_update(ba_store *store, const char *user_id, const char *name,
                                int set_image, const char *image, const ba_extra *extra,
                                ba_time now, apr_pool_t *pool)
{
    return tell_user(store, user_id,
                     store->told->user_update(store, user_id, name, set_image, image,
                                                    extra, now, pool),
                     pool);
}

static apr_status_t password_change(ba_store *store, const char *user_id, const char *old_hash,
                                    const char *new_hash, const ba_session *only, ba_time now,
                                    apr_pool_t *pool)
{
    return tell_user(store, user_id,
                     store->told->password_change(store, user_id, old_hash, new_hash,
                                                        only, now, pool),
                     pool);
}

static apr_status_t user_verify(ba_store *store, const ba_user *u, const ba_session *s, ba_time now,
                                apr_pool_t *pool)
{
    return tell_user(store, u->id, store->told->user_verify(store, u, s, now, pool),
                     pool);
}

static apr_status_t email_change(ba_store *store, const ba_user *u, const char *email,
                                 int verified, const ba_session *s, ba_mail *first,
                                 ba_mail *second, ba_time now, apr_pool_t *pool)
{
    return tell_user(store, u->id,
                     store->told->email_change(store, u, email, verified, s, first,
                                                     second, now, pool),
                     pool);
}

static apr_status_t user_delete(ba_store *store, const char *user_id, const char *token_id,
                                apr_pool_t *pool)
{
    return tell_user(store, user_id,
                     store->told->user_delete(store, user_id, token_id, pool), pool);
}

static apr_status_t password_reset(ba_store *store, const ba_verification *token, const char *hash,
                                   const char *account_id, int revoke, ba_mail *mail, ba_time now,
                                   apr_pool_t *pool)
{
    return tell_user(store, token->value,
                     store->told->password_reset(store, token, hash, account_id,
                                                       revoke, mail, now, pool),
                     pool);
}

void ba_revoke_store(ba_store *store, const ba_revoker *revoker, apr_pool_t *pool)
{
    ba_store_ops *ops = apr_pmemdup(pool, store->ops, sizeof(*ops));

    store->told = store->ops;
    store->revoker = revoker;
    ops->session_add = session_add;
    ops->session_extend = session_extend;
    ops->session_update = session_update;
    ops->session_delete = session_delete;
    ops->sessions_delete = sessions_delete;
    ops->user_update = user_update;
    ops->password_change = password_change;
    ops->user_verify = user_verify;
    ops->email_change = email_change;
    ops->user_delete = user_delete;
    ops->password_reset = password_reset;
    store->ops = ops;
}
