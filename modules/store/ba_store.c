/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_store.h"

#include "ba_db.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

typedef struct db_store {
    ba_store base;
    const ba_db *db;
} db_store;

static const ba_db *db_of(const ba_store *store)
{
    return ((const db_store *)store)->db;
}

/* Columns of a user, in the order of every SELECT that has them. */
enum { USER_ID, USER_NAME, USER_EMAIL, USER_VERIFIED, USER_IMAGE, USER_IMAGE_LENGTH, USER_CREATED,
       USER_UPDATED, USER_COLUMNS };

static ba_time date(const char *text)
{
    ba_time t = 0;

    /* an unreadable date is long ago: expired, not valid for ever */
    return text && ba_text_parse_date(text, &t) == APR_SUCCESS ? t : 0;
}

static const char *text_or_empty(const char *text)
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
    if (!*image || strtol(text_or_empty(row[USER_IMAGE_LENGTH]), NULL, 10)
                       <= (long)ba_text_length(*image)) {
        return APR_SUCCESS;
    }
    return ba_db_row(db, conn, BA_SQL_IMAGE, &id, image, 1, pool);
}

static apr_status_t read_user(const ba_db *db, ba_db_conn *conn, const char *const *row,
                              ba_user **out, apr_pool_t *pool)
{
    ba_user *user = apr_pcalloc(pool, sizeof(*user));

    user->id = text_or_empty(row[USER_ID]);
    user->name = text_or_empty(row[USER_NAME]);
    user->email = text_or_empty(row[USER_EMAIL]);
    user->email_verified = row[USER_VERIFIED] && !strcmp(row[USER_VERIFIED], "1");
    user->created_at = date(row[USER_CREATED]);
    user->updated_at = date(row[USER_UPDATED]);
    *out = user;
    return read_image(db, conn, row, &user->image, pool);
}

/* Columns of a session, likewise. */
enum { SESSION_ID, SESSION_TOKEN, SESSION_USER, SESSION_ADDRESS, SESSION_AGENT, SESSION_EXPIRES,
       SESSION_CREATED, SESSION_UPDATED, SESSION_COLUMNS };

static ba_session *read_session(const char *const *row, apr_pool_t *pool)
{
    ba_session *s = apr_pcalloc(pool, sizeof(*s));

    s->id = text_or_empty(row[SESSION_ID]);
    s->token = text_or_empty(row[SESSION_TOKEN]);
    s->user_id = text_or_empty(row[SESSION_USER]);
    s->ip_address = row[SESSION_ADDRESS];
    s->user_agent = row[SESSION_AGENT];
    s->expires_at = date(row[SESSION_EXPIRES]);
    s->created_at = date(row[SESSION_CREATED]);
    s->updated_at = date(row[SESSION_UPDATED]);
    return s;
}

static apr_status_t login(ba_store *store, const char *email, ba_user **user, const char **hash,
                          apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    const char *row[USER_COLUMNS + 1];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_LOGIN, &email, row, USER_COLUMNS + 1, pool);
    if (rv == APR_SUCCESS && strcmp(text_or_empty(row[USER_EMAIL]), email)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        rv = read_user(db, &conn, row, user, pool);
        *hash = row[USER_COLUMNS];
    }
    ba_db_close(db, &conn);
    return rv;
}

static apr_status_t session(ba_store *store, const char *token, ba_session **out, ba_user **user,
                            apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    const char *row[USER_COLUMNS + SESSION_COLUMNS];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_SESSION, &token, row, USER_COLUMNS + SESSION_COLUMNS, pool);
    if (rv == APR_SUCCESS) {
        *out = read_session(row + USER_COLUMNS, pool);
        rv = strcmp((*out)->token, token) ? APR_NOTFOUND : APR_SUCCESS;
    }
    if (rv == APR_SUCCESS) {
        rv = read_user(db, &conn, row, user, pool);
    }
    ba_db_close(db, &conn);
    return rv;
}

static apr_status_t add_user(const ba_db *db, ba_db_conn *conn, const ba_user *user,
                             const char *account_id, const char *hash, apr_pool_t *pool)
{
    const char *created = ba_db_date(conn, user->created_at, pool);
    const char *updated = ba_db_date(conn, user->updated_at, pool);
    const char *user_row[] = {user->id, user->name, user->email, user->image, created, updated};
    const char *account_row[] = {account_id, user->id, user->id, hash, created, updated};
    int rows;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_USER_ADD, user_row, &rows, pool);

    return rv == APR_SUCCESS ? ba_db_change(db, conn, BA_SQL_ACCOUNT_ADD, account_row, &rows, pool)
                             : rv;
}

static apr_status_t add_session(const ba_db *db, ba_db_conn *conn, const ba_session *s,
                                apr_pool_t *pool)
{
    const char *row[] = {s->id,
                         ba_db_date(conn, s->expires_at, pool),
                         s->token,
                         ba_db_date(conn, s->created_at, pool),
                         ba_db_date(conn, s->updated_at, pool),
                         s->ip_address,
                         s->user_agent,
                         s->user_id};
    int rows;

    return ba_db_change(db, conn, BA_SQL_SESSION_ADD, row, &rows, pool);
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

/* One statement on a connection of its own; how many rows it matched is no matter. */
static apr_status_t change(const ba_store *store, ba_sql id, const char **args, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    int rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_change(db, &conn, id, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

static apr_status_t sign_up_once(const ba_db *db, ba_db_conn *conn, const ba_user *user,
                                 const char *account_id, const char *hash, const ba_session *s,
                                 apr_pool_t *pool)
{
    apr_status_t rv = ba_db_control(db, conn, BA_SQL_BEGIN, pool);

    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    rv = add_user(db, conn, user, account_id, hash, pool);
    if (rv == APR_SUCCESS && s) {
        rv = add_session(db, conn, s, pool);
    }
    return finish(db, conn, rv, pool);
}

static apr_status_t sign_up(ba_store *store, const ba_user *user, const char *account_id,
                            const char *hash, const ba_session *s, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = sign_up_once(db, &conn, user, account_id, hash, s, pool);
    if (rv == APR_EAGAIN) {
        rv = sign_up_once(db, &conn, user, account_id, hash, s, pool);
    }
    ba_db_close(db, &conn);
    return rv == APR_EAGAIN ? APR_EGENERAL : rv;
}

/* Between BEGIN and COMMIT: the user's row is locked first, or two sign-ins at once
 * would not count each other. */
static apr_status_t add_session_of_max(const ba_db *db, ba_db_conn *conn, const ba_session *s,
                                       int max, apr_pool_t *pool)
{
    const char *now = ba_db_date(conn, s->created_at, pool);
    const char *args[] = {s->user_id, s->user_id, s->id, now, s->id, now, apr_itoa(pool, max - 1)};
    const char *user_id = s->user_id, *locked;
    int rows;
    apr_status_t rv = ba_db_row(db, conn, BA_SQL_USER_LOCK, &user_id, &locked, 1, pool);

    if (rv == APR_SUCCESS) {
        rv = add_session(db, conn, s, pool);
    }
    return rv == APR_SUCCESS ? ba_db_change(db, conn, BA_SQL_SESSIONS_TRIM, args, &rows, pool) : rv;
}

static apr_status_t session_add_once(const ba_db *db, ba_db_conn *conn, const ba_session *s,
                                     int max, apr_pool_t *pool)
{
    apr_status_t rv;

    if (!max) {
        return add_session(db, conn, s, pool);
    }
    rv = ba_db_control(db, conn, BA_SQL_BEGIN, pool);
    return rv == APR_SUCCESS ? finish(db, conn, add_session_of_max(db, conn, s, max, pool), pool)
                             : rv;
}

static apr_status_t session_add(ba_store *store, const ba_session *s, int max, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = session_add_once(db, &conn, s, max, pool);
    if (rv == APR_EAGAIN) {
        rv = session_add_once(db, &conn, s, max, pool);
    }
    ba_db_close(db, &conn);
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

static apr_status_t session_extend(ba_store *store, const ba_session *s, ba_time expires_at,
                                   ba_time now, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
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
    return change(store, BA_SQL_SESSION_DELETE, &token, pool);
}

static apr_status_t password_renew(ba_store *store, const char *user_id, const char *old_hash,
                                   const char *new_hash, ba_time now, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
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
    const ba_db *db = db_of(store);
    apr_array_header_t *rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[] = {user_id, ba_db_date(&conn, now, pool)};

        rv = ba_db_rows(db, &conn, BA_SQL_SESSIONS, args, SESSION_COLUMNS, &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv == APR_SUCCESS) {
        *out = apr_array_make(pool, rows->nelts, sizeof(ba_session *));
        for (int i = 0; i < rows->nelts; ++i) {
            APR_ARRAY_PUSH(*out, ba_session *)
                = read_session(APR_ARRAY_IDX(rows, i, const char **), pool);
        }
    }
    return rv;
}

static apr_status_t sessions_delete(ba_store *store, const char *user_id, const char *but_id,
                                    apr_pool_t *pool)
{
    const char *args[] = {user_id, but_id};

    return change(store, but_id ? BA_SQL_SESSIONS_DELETE_OTHER : BA_SQL_SESSIONS_DELETE, args,
                  pool);
}

static apr_status_t user_update(ba_store *store, const char *user_id, const char *name,
                                int set_image, const char *image, ba_time now, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
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

static apr_status_t password(ba_store *store, const char *user_id, const char **hash,
                             apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    *hash = NULL;
    if (rv == APR_SUCCESS) {
        rv = ba_db_row(db, &conn, BA_SQL_PASSWORD, &user_id, hash, 1, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS && !*hash ? APR_NOTFOUND : rv;
}

/* Between BEGIN and COMMIT. */
static apr_status_t replace_password(const ba_db *db, ba_db_conn *conn, const char **renew,
                                     const ba_session *only, apr_pool_t *pool)
{
    const char *user_id = renew[2];
    int rows;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_PASSWORD_RENEW, renew, &rows, pool);

    if (rv == APR_SUCCESS && rows == 0) {
        return APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS && only) {
        rv = ba_db_change(db, conn, BA_SQL_SESSIONS_DELETE, &user_id, &rows, pool);
        if (rv == APR_SUCCESS) {
            rv = add_session(db, conn, only, pool);
        }
    }
    return rv;
}

static apr_status_t password_change(ba_store *store, const char *user_id, const char *old_hash,
                                    const char *new_hash, const ba_session *only, ba_time now,
                                    apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_control(db, &conn, BA_SQL_BEGIN, pool);
    if (rv == APR_SUCCESS) {
        const char *renew[] = {new_hash, ba_db_date(&conn, now, pool), user_id, old_hash};

        rv = finish(db, &conn, replace_password(db, &conn, renew, only, pool), pool);
    }
    ba_db_close(db, &conn);
    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? rv : APR_EGENERAL;
}

enum { ACCOUNT_ID, ACCOUNT_ACCOUNT, ACCOUNT_PROVIDER, ACCOUNT_USER, ACCOUNT_SCOPE, ACCOUNT_CREATED,
       ACCOUNT_UPDATED, ACCOUNT_COLUMNS };

static apr_status_t accounts(ba_store *store, const char *user_id, apr_array_header_t **out,
                             apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
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

        a->id = text_or_empty(row[ACCOUNT_ID]);
        a->account_id = text_or_empty(row[ACCOUNT_ACCOUNT]);
        a->provider_id = text_or_empty(row[ACCOUNT_PROVIDER]);
        a->user_id = text_or_empty(row[ACCOUNT_USER]);
        a->scope = row[ACCOUNT_SCOPE];
        a->created_at = date(row[ACCOUNT_CREATED]);
        a->updated_at = date(row[ACCOUNT_UPDATED]);
        APR_ARRAY_PUSH(*out, ba_account *) = a;
    }
    return APR_SUCCESS;
}

/* Between BEGIN and COMMIT: two requests at once must not leave the user with no way
 * in, so the user's row is locked before the accounts are counted. */
static apr_status_t unlink_account(const ba_db *db, ba_db_conn *conn, const char *user_id,
                                   const char *id, int last_too, apr_pool_t *pool)
{
    const char *args[] = {user_id, id};
    const char *locked;
    apr_array_header_t *rows;
    int known = 0, changed;
    apr_status_t rv = ba_db_row(db, conn, BA_SQL_USER_LOCK, &user_id, &locked, 1, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_rows(db, conn, BA_SQL_ACCOUNTS, &user_id, ACCOUNT_COLUMNS, &rows, pool);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (rows->nelts == 1 && !last_too) {
        return APR_EEXIST;
    }
    for (int i = 0; i < rows->nelts; ++i) {
        known |= !strcmp(text_or_empty(APR_ARRAY_IDX(rows, i, const char **)[ACCOUNT_ID]), id);
    }
    return known ? ba_db_change(db, conn, BA_SQL_ACCOUNT_DELETE, args, &changed, pool)
                 : APR_NOTFOUND;
}

static apr_status_t account_delete(ba_store *store, const char *user_id, const char *id,
                                   int last_too, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_control(db, &conn, BA_SQL_BEGIN, pool);
    if (rv == APR_SUCCESS) {
        rv = finish(db, &conn, unlink_account(db, &conn, user_id, id, last_too, pool), pool);
    }
    ba_db_close(db, &conn);
    return rv == APR_SUCCESS || rv == APR_NOTFOUND || rv == APR_EEXIST ? rv : APR_EGENERAL;
}

static const ba_store_ops db_ops = {
    .login = login,
    .session = session,
    .sign_up = sign_up,
    .session_add = session_add,
    .session_extend = session_extend,
    .session_delete = session_delete,
    .password_renew = password_renew,
    .sessions = sessions,
    .sessions_delete = sessions_delete,
    .user_update = user_update,
    .password = password,
    .password_change = password_change,
    .accounts = accounts,
    .account_delete = account_delete,
};

ba_store *ba_store_create(const ba_db *db, apr_pool_t *pool)
{
    db_store *store = apr_pcalloc(pool, sizeof(*store));

    store->base.ops = &db_ops;
    store->db = db;
    return &store->base;
}
