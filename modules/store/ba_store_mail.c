/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Tokens that are mailed, and the outbox of the mails. */

#include "ba_store_int.h"

#include <apr_strings.h>
#include <string.h>

/* Two requests at once must not both find room for the last mail, so the user's row is
 * locked before mails are counted. */
apr_status_t ba_store_add_mail(const ba_db *db, ba_db_conn *conn, ba_mail *mail, apr_pool_t *pool)
{
    const char *date, *locked, *row[10];
    int rows = 0;
    apr_status_t rv;

    if (!mail) {
        return APR_SUCCESS;
    }
    rv = ba_db_row(db, conn, BA_SQL_USER_LOCK, &mail->user_id, &locked, 1, pool);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
        return rv;
    }
    date = ba_db_date(conn, mail->created_at, pool);
    row[0] = mail->id;
    row[1] = mail->site;
    row[2] = mail->sender;
    row[3] = mail->recipient;
    row[4] = mail->message;
    row[5] = date;
    row[6] = date;
    row[7] = mail->recipient;
    row[8] = ba_db_date(conn, mail->cap_since, pool);
    row[9] = apr_itoa(pool, mail->cap);
    rv = ba_db_change(db, conn, BA_SQL_MAIL_ADD, row, &rows, pool);
    mail->queued = rows > 0;
    return rv;
}

static apr_status_t do_mail_add(const ba_db *db, ba_db_conn *conn, void *baton, apr_pool_t *pool)
{
    return ba_store_add_mail(db, conn, baton, pool);
}

apr_status_t ba_store_mail_add(ba_store *store, ba_mail *mail, apr_pool_t *pool)
{
    apr_status_t rv = ba_store_transaction(store, do_mail_add, mail, pool);

    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

typedef struct add_work {
    const ba_verification *token;
    ba_mail *mail;
} add_work;

static apr_status_t do_add(const ba_db *db, ba_db_conn *conn, void *baton, apr_pool_t *pool)
{
    const add_work *w = baton;
    const char *created = ba_db_date(conn, w->token->created_at, pool);
    const char *row[] = {w->token->id, w->token->identifier, w->token->value,
                         ba_db_date(conn, w->token->expires_at, pool), created, created};
    int rows;
    apr_status_t rv = ba_db_change(db, conn, BA_SQL_VERIFICATION_ADD, row, &rows, pool);

    return rv == APR_SUCCESS ? ba_store_add_mail(db, conn, w->mail, pool) : rv;
}

apr_status_t ba_store_verification_add(ba_store *store, const ba_verification *token,
                                       ba_mail *mail, apr_pool_t *pool)
{
    add_work work = {token, mail};
    apr_status_t rv = ba_store_transaction(store, do_add, &work, pool);

    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

enum { TOKEN_ID, TOKEN_IDENTIFIER, TOKEN_VALUE, TOKEN_EXPIRES, TOKEN_CREATED, TOKEN_COLUMNS };

/* The newest row that is the identifier's byte for byte: the usual collations find
 * others too (security.md TK-2). */
static const char **exact(const apr_array_header_t *rows, const char *identifier)
{
    for (int i = 0; i < rows->nelts; ++i) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);

        if (!strcmp(ba_store_text(row[TOKEN_IDENTIFIER]), identifier)) {
            return row;
        }
    }
    return NULL;
}

apr_status_t ba_store_verification(ba_store *store, const char *identifier, ba_verification **out,
                                   apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    apr_array_header_t *rows;
    const char **row;
    ba_verification *token;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_rows(db, &conn, BA_SQL_VERIFICATION, &identifier, TOKEN_COLUMNS, &rows, pool);
    ba_db_close(db, &conn);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    row = exact(rows, identifier);
    if (!row) {
        return APR_NOTFOUND;
    }
    *out = token = apr_pcalloc(pool, sizeof(*token));
    token->id = ba_store_text(row[TOKEN_ID]);
    token->identifier = ba_store_text(row[TOKEN_IDENTIFIER]);
    token->value = ba_store_text(row[TOKEN_VALUE]);
    token->expires_at = ba_store_date(row[TOKEN_EXPIRES]);
    token->created_at = ba_store_date(row[TOKEN_CREATED]);
    return APR_SUCCESS;
}

apr_status_t ba_store_verification_claim(ba_store *store, const char *id, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows = 0;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        rv = ba_db_change(db, &conn, BA_SQL_VERIFICATION_CLAIM, &id, &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    return rows == 1 ? APR_SUCCESS : APR_NOTFOUND;
}
