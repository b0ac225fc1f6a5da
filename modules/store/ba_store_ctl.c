/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_store_ctl.h"

#include "ba_store_int.h"

#include <apr_strings.h>

/* ---- users */

apr_status_t ba_store_users(ba_store *store, const char *after, apr_array_header_t **out,
                            apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int n = USER_COLUMNS + 1 + ba_store_columns(db->columns.user);
    apr_array_header_t *rows = NULL;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    *out = apr_array_make(pool, 200, sizeof(ba_listed_user *));
    rv = ba_db_rows(db, &conn, BA_SQL_USERS, &after, n, &rows, pool);
    for (int i = 0; rv == APR_SUCCESS && i < rows->nelts; ++i) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);
        ba_listed_user *listed = apr_pcalloc(pool, sizeof(*listed));

        rv = ba_store_read_user(db, &conn, row, row + USER_COLUMNS + 1, &listed->user, pool);
        listed->hash = row[USER_COLUMNS];
        APR_ARRAY_PUSH(*out, ba_listed_user *) = listed;
    }
    ba_db_close(db, &conn);
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

static apr_status_t add_user(const ba_db *db, ba_db_conn *conn, const ba_new_user *new,
                             apr_pool_t *pool)
{
    const ba_user *user = new->user;
    const char *updated = ba_db_date(conn, user->updated_at, pool);
    const char *row[6 + BA_COLUMNS_MAX] = {user->id,
                                           user->name,
                                           user->email,
                                           user->image,
                                           ba_db_date(conn, user->created_at, pool),
                                           updated};
    const char *verify[] = {updated, user->id, user->email};
    int rows;
    apr_status_t rv;

    ba_store_insert_extra(conn, db->columns.user, user->extra, row + 6, pool);
    rv = ba_db_change(db, conn, BA_SQL_USER_ADD, row, &rows, pool);
    if (rv == APR_SUCCESS && user->email_verified) {
        rv = ba_db_change(db, conn, BA_SQL_USER_VERIFY, verify, &rows, pool);
    }
    /* a user without the password they had is not what was asked for */
    if (rv == APR_SUCCESS && new->account_id
        && ba_store_add_account(db, conn, new->account_id, user->id, new->hash, user->created_at,
                                pool)
               != APR_SUCCESS) {
        rv = APR_EGENERAL;
    }
    return rv;
}

static apr_status_t do_users_add(const ba_db *db, ba_db_conn *conn, void *baton, apr_pool_t *pool)
{
    const apr_array_header_t *users = baton;

    for (int i = 0; i < users->nelts; ++i) {
        ba_new_user *new = APR_ARRAY_IDX(users, i, ba_new_user *);

        new->status = add_user(db, conn, new, pool);
        if (new->status != APR_SUCCESS && new->status != APR_EEXIST
            && new->status != APR_EINVAL) {
            return new->status;
        }
    }
    return APR_SUCCESS;
}

apr_status_t ba_store_users_add(ba_store *store, const apr_array_header_t *users,
                                apr_pool_t *pool)
{
    return ba_store_transaction(store, do_users_add, (void *)(apr_uintptr_t)users, pool);
}

typedef struct put_work {
    const char *user_id;
    const char *hash;
    const char *account_id;
    int end;
    ba_time now;
} put_work;

static apr_status_t do_password_put(const ba_db *db, ba_db_conn *conn, void *baton,
                                    apr_pool_t *pool)
{
    const put_work *w = baton;
    const char *user_id = w->user_id, *locked;
    const char *set[] = {w->hash, ba_db_date(conn, w->now, pool), user_id};
    int rows;
    apr_status_t rv = ba_db_row(db, conn, BA_SQL_USER_LOCK, &user_id, &locked, 1, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_change(db, conn, BA_SQL_PASSWORD_SET, set, &rows, pool);
    }
    if (rv == APR_SUCCESS && rows == 0) {
        rv = ba_store_add_account(db, conn, w->account_id, user_id, w->hash, w->now, pool);
    }
    if (rv == APR_SUCCESS && w->end) {
        rv = ba_db_change(db, conn, BA_SQL_SESSIONS_DELETE, &user_id, &rows, pool);
    }
    return rv;
}

apr_status_t ba_store_password_put(ba_store *store, const char *user_id, const char *hash,
                                   const char *account_id, int end, ba_time now,
                                   apr_pool_t *pool)
{
    put_work work = {user_id, hash, account_id, end, now};
    apr_status_t rv = ba_store_transaction(store, do_password_put, &work, pool);

    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? rv : APR_EGENERAL;
}

/* ---- rows of one statement */

static apr_status_t ask(ba_store *store, ba_sql id, const char *arg, int n,
                        apr_array_header_t **rows, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_rows(db, &conn, id, &arg, n, rows, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

apr_status_t ba_store_session_of(ba_store *store, const char *id, const char **token,
                                 const char **user_id, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    apr_status_t rv = ask(store, BA_SQL_SESSION_OF, id, 2, &rows, pool);

    if (rv == APR_SUCCESS && rows->nelts == 0) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        *token = ba_store_text(APR_ARRAY_IDX(rows, 0, const char **)[0]);
        *user_id = ba_store_text(APR_ARRAY_IDX(rows, 0, const char **)[1]);
    }
    return rv;
}

enum { S_ID, S_TOKEN, S_USER, S_ADDRESS, S_AGENT, S_EXPIRES, S_CREATED, S_UPDATED, S_EMAIL,
       S_COLUMNS };

apr_status_t ba_store_sessions_all(ba_store *store, const char *after, apr_array_header_t **out,
                                   apr_pool_t *pool)
{
    apr_array_header_t *rows = NULL;
    apr_status_t rv = ask(store, BA_SQL_SESSIONS_ALL, after, S_COLUMNS, &rows, pool);

    *out = apr_array_make(pool, 200, sizeof(ba_listed_session *));
    for (int i = 0; rv == APR_SUCCESS && i < rows->nelts; ++i) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);
        ba_listed_session *s = apr_pcalloc(pool, sizeof(*s));

        s->session.id = ba_store_text(row[S_ID]);
        s->session.token = ba_store_text(row[S_TOKEN]);
        s->session.user_id = ba_store_text(row[S_USER]);
        s->session.ip_address = row[S_ADDRESS];
        s->session.user_agent = row[S_AGENT];
        s->session.expires_at = ba_store_date(row[S_EXPIRES]);
        s->session.created_at = ba_store_date(row[S_CREATED]);
        s->session.updated_at = ba_store_date(row[S_UPDATED]);
        s->email = ba_store_text(row[S_EMAIL]);
        APR_ARRAY_PUSH(*out, ba_listed_session *) = s;
    }
    return rv;
}

/* ---- mails */

enum { M_ID, M_SITE, M_RECIPIENT, M_CREATED, M_DUE, M_ATTEMPTS, M_ERROR, M_COLUMNS };

apr_status_t ba_store_mails_waiting(ba_store *store, const char *after, apr_array_header_t **out,
                                    apr_pool_t *pool)
{
    apr_array_header_t *rows = NULL;
    apr_status_t rv = ask(store, BA_SQL_MAILS_WAITING, after, M_COLUMNS, &rows, pool);

    *out = apr_array_make(pool, 200, sizeof(ba_waiting_mail *));
    for (int i = 0; rv == APR_SUCCESS && i < rows->nelts; ++i) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);
        ba_waiting_mail *m = apr_pcalloc(pool, sizeof(*m));

        m->id = ba_store_text(row[M_ID]);
        m->site = ba_store_text(row[M_SITE]);
        m->recipient = ba_store_text(row[M_RECIPIENT]);
        m->created_at = ba_store_date(row[M_CREATED]);
        m->due = ba_store_date(row[M_DUE]);
        m->attempts = (int)apr_atoi64(ba_store_text(row[M_ATTEMPTS]));
        m->error = row[M_ERROR];
        APR_ARRAY_PUSH(*out, ba_waiting_mail *) = m;
    }
    return rv;
}

apr_status_t ba_store_mail_retry(ba_store *store, const char *id, ba_time now, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows = 0;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[] = {ba_db_date(&conn, now, pool), id};

        rv = ba_db_change(db, &conn, BA_SQL_MAIL_RETRY, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    return rows ? APR_SUCCESS : APR_NOTFOUND;
}
