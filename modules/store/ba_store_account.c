/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The user's own row, password and accounts. */

#include "ba_store_int.h"

#include <string.h>

apr_status_t ba_store_user_update(ba_store *store, const char *user_id, const char *name,
                                int set_image, const char *image, ba_time now, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[] = {name, set_image ? "set" : "keep", image, ba_db_date(&conn, now, pool),
                              user_id};

        rv = ba_db_change(db, &conn, BA_SQL_USER_UPDATE, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS || rv == APR_EINVAL ? rv : APR_EGENERAL;
}

apr_status_t ba_store_password(ba_store *store, const char *user_id, const char **hash,
                             apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    *hash = NULL;
    if (rv == APR_SUCCESS) {
        rv = ba_db_row(db, &conn, BA_SQL_PASSWORD, &user_id, hash, 1, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS && !*hash ? APR_NOTFOUND : rv;
}

typedef struct password_work {
    const char *user_id;
    const char *old_hash;
    const char *new_hash;
    const ba_session *only;
    ba_time now;
} password_work;

static apr_status_t do_password_change(const ba_db *db, ba_db_conn *conn, void *baton,
                                       apr_pool_t *pool)
{
    const password_work *w = baton;
    const char *renew[] = {w->new_hash, ba_db_date(conn, w->now, pool), w->user_id, w->old_hash};
    const char *user_id = w->user_id;
    int rows;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_PASSWORD_RENEW, renew, &rows, pool);

    if (rv == APR_SUCCESS && rows == 0) {
        return APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS && w->only) {
        rv = ba_db_change(db, conn, BA_SQL_SESSIONS_DELETE, &user_id, &rows, pool);
        if (rv == APR_SUCCESS) {
            rv = ba_store_add_session(db, conn, w->only, pool);
        }
    }
    return rv;
}

apr_status_t ba_store_password_change(ba_store *store, const char *user_id, const char *old_hash,
                                      const char *new_hash, const ba_session *only, ba_time now,
                                      apr_pool_t *pool)
{
    password_work work = {user_id, old_hash, new_hash, only, now};
    apr_status_t rv = ba_store_transaction(store, do_password_change, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? rv : APR_EGENERAL;
}

typedef struct reset_work {
    const ba_verification *token;
    const char *hash;
    const char *account_id;
    int revoke;
    ba_mail *mail;
    ba_time now;
} reset_work;

/* The token goes in the same transaction as it is used: of two requests the second
 * finds no row, and one that fails later leaves the token good. */
static apr_status_t do_password_reset(const ba_db *db, ba_db_conn *conn, void *baton,
                                      apr_pool_t *pool)
{
    const reset_work *w = baton;
    const char *user_id = w->token->value;
    const char *set[] = {w->hash, ba_db_date(conn, w->now, pool), user_id};
    const char *token_id = w->token->id;
    int rows;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_VERIFICATION_CLAIM, &token_id, &rows, pool);

    if (rv == APR_SUCCESS && rows == 0) {
        return APR_NOTFOUND;
    }
    /* before the rest, since it locks the user's row, which a new account refers to */
    if (rv == APR_SUCCESS) {
        rv = ba_store_add_mail(db, conn, w->mail, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = ba_db_change(db, conn, BA_SQL_PASSWORD_SET, set, &rows, pool);
    }
    if (rv == APR_SUCCESS && rows == 0) {
        rv = ba_store_add_account(db, conn, w->account_id, user_id, w->hash, w->now, pool);
    }
    if (rv == APR_SUCCESS && w->revoke) {
        rv = ba_db_change(db, conn, BA_SQL_SESSIONS_DELETE, &user_id, &rows, pool);
    }
    return rv;
}

apr_status_t ba_store_password_reset(ba_store *store, const ba_verification *token,
                                     const char *hash, const char *account_id, int revoke,
                                     ba_mail *mail, ba_time now, apr_pool_t *pool)
{
    reset_work work = {token, hash, account_id, revoke, mail, now};
    apr_status_t rv = ba_store_transaction(store, do_password_reset, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? rv : APR_EGENERAL;
}

enum { ACCOUNT_ID, ACCOUNT_ACCOUNT, ACCOUNT_PROVIDER, ACCOUNT_USER, ACCOUNT_SCOPE, ACCOUNT_CREATED,
       ACCOUNT_UPDATED, ACCOUNT_COLUMNS };

apr_status_t ba_store_accounts(ba_store *store, const char *user_id, apr_array_header_t **out,
                             apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    apr_array_header_t *rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_rows(db, &conn, BA_SQL_ACCOUNTS, &user_id, ACCOUNT_COLUMNS, &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, rows->nelts, sizeof(ba_account *));
    for (int i = 0; i < rows->nelts; ++i) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);
        ba_account *a = apr_pcalloc(pool, sizeof(*a));

        a->id = ba_store_text(row[ACCOUNT_ID]);
        a->account_id = ba_store_text(row[ACCOUNT_ACCOUNT]);
        a->provider_id = ba_store_text(row[ACCOUNT_PROVIDER]);
        a->user_id = ba_store_text(row[ACCOUNT_USER]);
        a->scope = row[ACCOUNT_SCOPE];
        a->created_at = ba_store_date(row[ACCOUNT_CREATED]);
        a->updated_at = ba_store_date(row[ACCOUNT_UPDATED]);
        APR_ARRAY_PUSH(*out, ba_account *) = a;
    }
    return APR_SUCCESS;
}

typedef struct account_work {
    const char *user_id;
    const char *id;
} account_work;

/* Two requests at once must not leave the user with no way in, so the user's row is
 * locked before the accounts are counted. */
static apr_status_t do_account_delete(const ba_db *db, ba_db_conn *conn, void *baton,
                                      apr_pool_t *pool)
{
    const account_work *w = baton;
    const char *args[] = {w->user_id, w->id};
    const char *locked;
    apr_array_header_t *rows;
    int known = 0, changed;
    apr_status_t rv = ba_db_row(db, conn, BA_SQL_USER_LOCK, args, &locked, 1, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_rows(db, conn, BA_SQL_ACCOUNTS, args, ACCOUNT_COLUMNS, &rows, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (rows->nelts == 1) {
        return APR_EEXIST;
    }
    for (int i = 0; i < rows->nelts; ++i) {
        known |= !strcmp(ba_store_text(APR_ARRAY_IDX(rows, i, const char **)[ACCOUNT_ID]), w->id);
    }
    return known ? ba_db_change(db, conn, BA_SQL_ACCOUNT_DELETE, args, &changed, pool)
                 : APR_NOTFOUND;
}

apr_status_t ba_store_account_delete(ba_store *store, const char *user_id, const char *id,
                                     apr_pool_t *pool)
{
    account_work work = {user_id, id};
    apr_status_t rv = ba_store_transaction(store, do_account_delete, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND || rv == APR_EEXIST ? rv : APR_EGENERAL;
}

/* ---- the user's own row */

apr_status_t ba_store_user(ba_store *store, const char *id, ba_user **user, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    const char *row[USER_COLUMNS];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_USER, &id, row, USER_COLUMNS, pool);
    if (rv == APR_SUCCESS && strcmp(ba_store_text(row[USER_ID]), id)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        rv = ba_store_read_user(db, &conn, row, user, pool);
    }
    ba_db_close(db, &conn);
    return rv;
}

typedef struct user_work {
    const ba_user *user;
    const char *email;
    int verified;
    const ba_session *session;
    ba_mail *mails[2];
    ba_time now;
} user_work;

/* What follows a change of the user's row; it is gone or another by now if that
 * matched none. */
static apr_status_t follow(const ba_db *db, ba_db_conn *conn, const user_work *w, apr_status_t rv,
                           int rows, apr_pool_t *pool)
{
    if (rv == APR_SUCCESS && rows == 0) {
        return APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS && w->session) {
        rv = ba_store_add_session(db, conn, w->session, pool);
    }
    for (int i = 0; i < 2 && rv == APR_SUCCESS; ++i) {
        rv = ba_store_add_mail(db, conn, w->mails[i], pool);
    }
    return rv;
}

static apr_status_t do_user_verify(const ba_db *db, ba_db_conn *conn, void *baton,
                                   apr_pool_t *pool)
{
    const user_work *w = baton;
    const char *args[] = {ba_db_date(conn, w->now, pool), w->user->id, w->user->email};
    int rows = 0;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_USER_VERIFY, args, &rows, pool);

    return follow(db, conn, w, rv, rows, pool);
}

apr_status_t ba_store_user_verify(ba_store *store, const ba_user *user, const ba_session *session,
                                  ba_time now, apr_pool_t *pool)
{
    user_work work = {user, NULL, 1, session, {NULL, NULL}, now};
    apr_status_t rv = ba_store_transaction(store, do_user_verify, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? rv : APR_EGENERAL;
}

static apr_status_t do_email_change(const ba_db *db, ba_db_conn *conn, void *baton,
                                    apr_pool_t *pool)
{
    const user_work *w = baton;
    const char *args[] = {w->email, w->verified ? "1" : "0", ba_db_date(conn, w->now, pool),
                          w->user->id, w->user->email};
    int rows = 0;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_USER_EMAIL, args, &rows, pool);

    return follow(db, conn, w, rv, rows, pool);
}

apr_status_t ba_store_email_change(ba_store *store, const ba_user *user, const char *email,
                                   int verified, const ba_session *session, ba_mail *first,
                                   ba_mail *second, ba_time now, apr_pool_t *pool)
{
    user_work work = {user, email, verified, session, {first, second}, now};
    apr_status_t rv = ba_store_transaction(store, do_email_change, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND || rv == APR_EEXIST ? rv : APR_EGENERAL;
}

typedef struct delete_work {
    const char *user_id;
    const char *token_id;
} delete_work;

/* Not every server has the cascades, so children go first (http-api 1.4); a session
 * that began meanwhile goes last. */
static apr_status_t do_user_delete(const ba_db *db, ba_db_conn *conn, void *baton,
                                   apr_pool_t *pool)
{
    static const ba_sql order[] = {BA_SQL_SESSIONS_DELETE, BA_SQL_ACCOUNTS_DELETE,
                                   BA_SQL_USER_DELETE, BA_SQL_SESSIONS_DELETE};
    const delete_work *w = baton;
    const char *user_id = w->user_id, *token_id = w->token_id;
    int rows = 1;
    apr_status_t rv
        = token_id ? ba_db_change(db, conn, BA_SQL_VERIFICATION_CLAIM, &token_id, &rows, pool)
                   : APR_SUCCESS;

    if (rv == APR_SUCCESS && rows == 0) {
        return APR_NOTFOUND;
    }
    for (apr_size_t i = 0; i < sizeof(order) / sizeof(order[0]) && rv == APR_SUCCESS; ++i) {
        rv = ba_db_change(db, conn, order[i], &user_id, &rows, pool);
    }
    return rv;
}

apr_status_t ba_store_user_delete(ba_store *store, const char *user_id, const char *token_id,
                                  apr_pool_t *pool)
{
    delete_work work = {user_id, token_id};
    apr_status_t rv = ba_store_transaction(store, do_user_delete, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? rv : APR_EGENERAL;
}
