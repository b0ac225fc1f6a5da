/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_store_int.h"

#include "ba_text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

typedef struct db_store {
    ba_store base;
    const ba_db *db;
} db_store;

const ba_db *ba_store_db(const ba_store *store)
{
    return ((const db_store *)store)->db;
}

ba_time ba_store_date(const char *text)
{
    ba_time t = 0;

    return text && ba_text_parse_date(text, &t) == APR_SUCCESS ? t : 0;
}

const char *ba_store_text(const char *text)
{
    return text ? text : "";
}

/* Statements cut the image, since a whole TEXT column costs the driver 262 KB;
 * the few long ones are asked for again. */
static apr_status_t read_image(const ba_db *db, ba_db_conn *conn, const char *const *row,
                               const char **image, apr_pool_t *pool)
{
    const char *id = row[USER_ID];

    *image = row[USER_IMAGE];
    if (!*image || strtol(ba_store_text(row[USER_IMAGE_LENGTH]), NULL, 10)
                       <= (long)ba_text_length(*image)) {
        return APR_SUCCESS;
    }
    return ba_db_row(db, conn, BA_SQL_IMAGE, &id, image, 1, pool);
}

apr_status_t ba_store_read_user(const ba_db *db, ba_db_conn *conn, const char *const *row,
                                const char *const *own, ba_user **out, apr_pool_t *pool)
{
    ba_user *user = apr_pcalloc(pool, sizeof(*user));

    user->id = ba_store_text(row[USER_ID]);
    user->name = ba_store_text(row[USER_NAME]);
    user->email = ba_store_text(row[USER_EMAIL]);
    user->email_verified = row[USER_VERIFIED] && !strcmp(row[USER_VERIFIED], "1");
    user->created_at = ba_store_date(row[USER_CREATED]);
    user->updated_at = ba_store_date(row[USER_UPDATED]);
    user->extra = ba_store_read_extra(db->columns.user, own, pool);
    *out = user;
    return read_image(db, conn, row, &user->image, pool);
}

/* Columns of a session, likewise. */
enum { SESSION_ID, SESSION_TOKEN, SESSION_USER, SESSION_ADDRESS, SESSION_AGENT, SESSION_EXPIRES,
       SESSION_CREATED, SESSION_UPDATED, SESSION_COLUMNS };

static ba_session *read_session(const ba_db *db, const char *const *row, const char *const *own,
                                apr_pool_t *pool)
{
    ba_session *s = apr_pcalloc(pool, sizeof(*s));

    s->id = ba_store_text(row[SESSION_ID]);
    s->token = ba_store_text(row[SESSION_TOKEN]);
    s->user_id = ba_store_text(row[SESSION_USER]);
    s->ip_address = row[SESSION_ADDRESS];
    s->user_agent = row[SESSION_AGENT];
    s->expires_at = ba_store_date(row[SESSION_EXPIRES]);
    s->created_at = ba_store_date(row[SESSION_CREATED]);
    s->updated_at = ba_store_date(row[SESSION_UPDATED]);
    s->extra = ba_store_read_extra(db->columns.session, own, pool);
    return s;
}

static apr_status_t login(ba_store *store, const char *email, ba_user **user, const char **hash,
                          apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    const char *row[USER_COLUMNS + 1 + BA_COLUMNS_MAX];
    const char *const *own = row + USER_COLUMNS + 1;
    int n = USER_COLUMNS + 1 + ba_store_columns(db->columns.user);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_LOGIN, &email, row, n, pool);
    if (rv == APR_SUCCESS && strcmp(ba_store_text(row[USER_EMAIL]), email)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        rv = ba_store_read_user(db, &conn, row, own, user, pool);
        *hash = row[USER_COLUMNS];
    }
    ba_db_close(db, &conn);
    return rv;
}

static apr_status_t session(ba_store *store, const char *token, ba_session **out, ba_user **user,
                            apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    const char *row[USER_COLUMNS + SESSION_COLUMNS + 2 * BA_COLUMNS_MAX];
    const char *const *own = row + USER_COLUMNS + SESSION_COLUMNS;
    int of_user = ba_store_columns(db->columns.user);
    int n = USER_COLUMNS + SESSION_COLUMNS + of_user + ba_store_columns(db->columns.session);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_SESSION, &token, row, n, pool);
    if (rv == APR_SUCCESS) {
        *out = read_session(db, row + USER_COLUMNS, own + of_user, pool);
        rv = strcmp((*out)->token, token) ? APR_NOTFOUND : APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = ba_store_read_user(db, &conn, row, own, user, pool);
    }
    ba_db_close(db, &conn);
    return rv;
}

apr_status_t ba_store_add_account(const ba_db *db, ba_db_conn *conn, const char *id,
                                  const char *user_id, const char *hash, ba_time now,
                                  apr_pool_t *pool)
{
    const char *date = ba_db_date(conn, now, pool);
    const char *row[] = {id, user_id, user_id, hash, date, date};
    int rows;

    return ba_db_change(db, conn, BA_SQL_ACCOUNT_ADD, row, &rows, pool);
}

static apr_status_t insert_session(const ba_db *db, ba_db_conn *conn, const ba_session *s,
                                   apr_pool_t *pool)
{
    const char *row[8 + BA_COLUMNS_MAX] = {s->id,
                                           ba_db_date(conn, s->expires_at, pool),
                                           s->token,
                                           ba_db_date(conn, s->created_at, pool),
                                           ba_db_date(conn, s->updated_at, pool),
                                           s->ip_address,
                                           s->user_agent,
                                           s->user_id};
    int rows;

    ba_store_insert_extra(conn, db->columns.session, s->extra, row + 8, pool);

    return ba_db_change(db, conn, BA_SQL_SESSION_ADD, row, &rows, pool);
}

/* The user's row is locked first, or two sign-ins at once would not count each other. */
apr_status_t ba_store_add_session(const ba_db *db, ba_db_conn *conn, const ba_session *s,
                                  apr_pool_t *pool)
{
    const char *now = ba_db_date(conn, s->created_at, pool);
    const char *args[]
        = {s->user_id, s->user_id, s->id, now, s->id, now, apr_itoa(pool, s->limit - 1)};
    const char *locked;
    int rows;
    apr_status_t rv;

    if (!s->limit) {
        return insert_session(db, conn, s, pool);
    }
    rv = ba_db_row(db, conn, BA_SQL_USER_LOCK, args, &locked, 1, pool);
    if (rv == APR_SUCCESS) {
        rv = insert_session(db, conn, s, pool);
    }
    return rv == APR_SUCCESS ? ba_db_change(db, conn, BA_SQL_SESSIONS_TRIM, args, &rows, pool) : rv;
}

/* Ends a transaction that has come to rv: COMMIT on success, else ROLLBACK. */
static apr_status_t finish(const ba_db *db, ba_db_conn *conn, apr_status_t rv, apr_pool_t *pool)
{
    if (rv == APR_SUCCESS) {
        rv = ba_db_control(db, conn, BA_SQL_COMMIT, pool);
    }
    if (rv != APR_SUCCESS) {
        ba_db_rollback(conn);
    }
    return rv;
}

apr_status_t ba_store_transaction(const ba_store *store, ba_store_work work, void *baton,
                                  apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (int attempt = 0; attempt == 0 || (attempt == 1 && rv == APR_EAGAIN); ++attempt) {
        rv = ba_db_control(db, &conn, BA_SQL_BEGIN, pool);
        if (rv == APR_SUCCESS) {
            rv = finish(db, &conn, work(db, &conn, baton, pool), pool);
        }
        else {
            ba_db_rollback(&conn); /* it may have begun, and the answer was lost */
        }
    }
    ba_db_close(db, &conn);
    if (rv == APR_EAGAIN) {
        db->lender->log(db->baton, "BA0231: a transaction fell to a deadlock twice");
        rv = APR_EGENERAL;
    }
    return rv;
}

apr_status_t ba_store_change(const ba_store *store, ba_sql id, const char **args, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_change(db, &conn, id, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

typedef struct sign_up_work {
    const ba_user *user;
    const char *account_id;
    const char *hash;
    const ba_session *session;
    ba_mail *mail;
} sign_up_work;

static apr_status_t do_sign_up(const ba_db *db, ba_db_conn *conn, void *baton, apr_pool_t *pool)
{
    const sign_up_work *w = baton;
    const ba_user *user = w->user;
    const char *created = ba_db_date(conn, user->created_at, pool);
    const char *updated = ba_db_date(conn, user->updated_at, pool);
    const char *row[6 + BA_COLUMNS_MAX]
        = {user->id, user->name, user->email, user->image, created, updated};
    int rows;
    apr_status_t rv;

    ba_store_insert_extra(conn, db->columns.user, user->extra, row + 6, pool);
    rv = ba_db_change(db, conn, BA_SQL_USER_ADD, row, &rows, pool);
    if (rv == APR_SUCCESS) {
        rv = ba_store_add_account(db, conn, w->account_id, user->id, w->hash, user->created_at,
                                  pool);
    }
    if (rv == APR_SUCCESS && w->session) {
        rv = ba_store_add_session(db, conn, w->session, pool);
    }
    return rv == APR_SUCCESS ? ba_store_add_mail(db, conn, w->mail, pool) : rv;
}

static apr_status_t sign_up(ba_store *store, const ba_user *user, const char *account_id,
                            const char *hash, const ba_session *s, ba_mail *mail, apr_pool_t *pool)
{
    sign_up_work work = {user, account_id, hash, s, mail};

    return ba_store_transaction(store, do_sign_up, &work, pool);
}

static apr_status_t do_session_add(const ba_db *db, ba_db_conn *conn, void *baton,
                                   apr_pool_t *pool)
{
    return ba_store_add_session(db, conn, *(const ba_session **)baton, pool);
}

/* One statement needs no transaction. */
static apr_status_t session_add(ba_store *store, const ba_session *s, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    ba_db_conn conn;
    apr_status_t rv;

    if (s->limit) {
        rv = ba_store_transaction(store, do_session_add, &s, pool);
        return rv == APR_SUCCESS ? rv : APR_EGENERAL;
    }
    rv = ba_db_open(db, &conn, pool);
    if (rv == APR_SUCCESS) {
        rv = ba_store_add_session(db, &conn, s, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

static apr_status_t session_extend(ba_store *store, const ba_session *s, ba_time expires_at,
                                   ba_time now, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows = 0;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[] = {ba_db_date(&conn, expires_at, pool), ba_db_date(&conn, now, pool),
                              s->token, ba_db_date(&conn, s->expires_at, pool)};

        rv = ba_db_change(db, &conn, BA_SQL_SESSION_EXTEND, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    return rows > 0 ? APR_SUCCESS : APR_NOTFOUND;
}

static apr_status_t session_delete(ba_store *store, const char *token, apr_pool_t *pool)
{
    return ba_store_change(store, BA_SQL_SESSION_DELETE, &token, pool);
}

static apr_status_t password_renew(ba_store *store, const char *user_id, const char *old_hash,
                                   const char *new_hash, ba_time now, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[] = {new_hash, ba_db_date(&conn, now, pool), user_id, old_hash};

        rv = ba_db_change(db, &conn, BA_SQL_PASSWORD_RENEW, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

static apr_status_t sessions(ba_store *store, const char *user_id, ba_time now,
                             apr_array_header_t **out, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    apr_array_header_t *rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[] = {user_id, ba_db_date(&conn, now, pool)};

        rv = ba_db_rows(db, &conn, BA_SQL_SESSIONS, args,
                        SESSION_COLUMNS + ba_store_columns(db->columns.session), &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv == APR_SUCCESS) {
        *out = apr_array_make(pool, rows->nelts, sizeof(ba_session *));
        for (int i = 0; i < rows->nelts; ++i) {
            const char **row = APR_ARRAY_IDX(rows, i, const char **);

            APR_ARRAY_PUSH(*out, ba_session *)
                = read_session(db, row, row + SESSION_COLUMNS, pool);
        }
    }
    return rv;
}

static apr_status_t sessions_delete(ba_store *store, const char *user_id, const char *but_id,
                                    apr_pool_t *pool)
{
    const char *args[] = {user_id, but_id};

    return ba_store_change(store, but_id ? BA_SQL_SESSIONS_DELETE_OTHER : BA_SQL_SESSIONS_DELETE, args,
                  pool);
}

static const ba_store_ops db_ops = {
    .login = login,
    .session = session,
    .sign_up = sign_up,
    .session_add = session_add,
    .session_extend = session_extend,
    .session_update = ba_store_session_update,
    .session_delete = session_delete,
    .password_renew = password_renew,
    .sessions = sessions,
    .sessions_delete = sessions_delete,
    .user_update = ba_store_user_update,
    .password = ba_store_password,
    .password_change = ba_store_password_change,
    .accounts = ba_store_accounts,
    .account_delete = ba_store_account_delete,
    .user = ba_store_user,
    .user_verify = ba_store_user_verify,
    .email_change = ba_store_email_change,
    .user_delete = ba_store_user_delete,
    .verification_add = ba_store_verification_add,
    .verification = ba_store_verification,
    .verification_claim = ba_store_verification_claim,
    .password_reset = ba_store_password_reset,
    .mail_add = ba_store_mail_add,
};

ba_store *ba_store_create(const ba_db *db, apr_pool_t *pool)
{
    db_store *store = apr_pcalloc(pool, sizeof(*store));

    store->base.ops = &db_ops;
    store->db = db;
    return &store->base;
}
