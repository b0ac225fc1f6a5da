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
    enum { ID = USER_COLUMNS, TOKEN, USER, ADDRESS, AGENT, EXPIRES, CREATED, UPDATED, COLUMNS };
    const ba_db *db = db_of(store);
    const char *row[COLUMNS];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_SESSION, &token, row, COLUMNS, pool);
    if (rv == APR_SUCCESS && strcmp(text_or_empty(row[TOKEN]), token)) {
        rv = APR_NOTFOUND;
    }
    if (rv == APR_SUCCESS) {
        ba_session *s = apr_pcalloc(pool, sizeof(*s));

        s->id = text_or_empty(row[ID]);
        s->token = row[TOKEN];
        s->user_id = text_or_empty(row[USER]);
        s->ip_address = row[ADDRESS];
        s->user_agent = row[AGENT];
        s->expires_at = date(row[EXPIRES]);
        s->created_at = date(row[CREATED]);
        s->updated_at = date(row[UPDATED]);
        *out = s;
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
    if (rv == APR_SUCCESS) {
        rv = ba_db_control(db, conn, BA_SQL_COMMIT, pool);
    }
    if (rv != APR_SUCCESS) {
        ba_db_rollback(conn);
    }
    return rv;
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

static apr_status_t session_add(ba_store *store, const ba_session *s, apr_pool_t *pool)
{
    const ba_db *db = db_of(store);
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = add_session(db, &conn, s, pool);
        ba_db_close(db, &conn);
    }
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
    const ba_db *db = db_of(store);
    int rows;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_change(db, &conn, BA_SQL_SESSION_DELETE, &token, &rows, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
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

static const ba_store_ops db_ops = {
    login, session, sign_up, session_add, session_extend, session_delete, password_renew,
};

ba_store *ba_store_create(const ba_db *db, apr_pool_t *pool)
{
    db_store *store = apr_pcalloc(pool, sizeof(*store));

    store->base.ops = &db_ops;
    store->db = db;
    return &store->base;
}
