/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_store_outbox.h"

#include "ba_store_int.h"
#include "ba_text.h"

#include <apr_strings.h>

#define ERROR_MAX 255

enum { DUE_ID, DUE_AT, DUE_ATTEMPTS, DUE_CREATED, DUE_COLUMNS };

apr_status_t ba_store_outbox_due(const ba_db *db, const char *site, ba_time now,
                                 ba_time farthest, ba_time orphaned, apr_array_header_t **out,
                                 apr_pool_t *pool)
{
    apr_array_header_t *rows = NULL;
    const char *args[4];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    *out = apr_array_make(pool, BA_OUTBOX_BATCH, sizeof(ba_outbox_row *));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    args[0] = ba_db_date(&conn, now, pool);
    args[1] = ba_db_date(&conn, farthest, pool);
    args[2] = site;
    args[3] = ba_db_date(&conn, orphaned, pool);
    rv = ba_db_rows(db, &conn, BA_SQL_MAIL_DUE, args, DUE_COLUMNS, &rows, pool);
    ba_db_close(db, &conn);
    for (int i = 0; rv == APR_SUCCESS && i < rows->nelts; ++i) {
        const char **columns = APR_ARRAY_IDX(rows, i, const char **);
        ba_outbox_row *row = apr_pcalloc(pool, sizeof(*row));

        row->id = ba_store_text(columns[DUE_ID]);
        row->due = ba_store_text(columns[DUE_AT]);
        row->attempts = (int)apr_atoi64(ba_store_text(columns[DUE_ATTEMPTS]));
        row->created_at = ba_store_date(columns[DUE_CREATED]);
        APR_ARRAY_PUSH(*out, ba_outbox_row *) = row;
    }
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

/* One UPDATE. APR_NOTFOUND: it matched nothing. */
static apr_status_t update(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args,
                           apr_pool_t *pool)
{
    int rows = 0;
    apr_status_t rv = ba_db_change(db, conn, id, args, &rows, pool);

    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    return rows ? APR_SUCCESS : APR_NOTFOUND;
}

apr_status_t ba_store_outbox_claim(const ba_db *db, ba_outbox_row *row, ba_time until,
                                   apr_pool_t *pool)
{
    const char *columns[3];
    const char *args[] = {NULL, row->id, row->due};
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    args[0] = ba_db_date(&conn, until, pool);
    rv = update(db, &conn, BA_SQL_MAIL_CLAIM, args, pool);
    if (rv == APR_SUCCESS) {
        row->due = args[0];
        ++row->attempts;
        rv = ba_db_row(db, &conn, BA_SQL_MAIL_MESSAGE, &row->id, columns, 3, pool);
    }
    if (rv == APR_SUCCESS) {
        row->sender = ba_store_text(columns[0]);
        row->recipient = ba_store_text(columns[1]);
        row->message = ba_store_text(columns[2]);
    }
    ba_db_close(db, &conn);
    return rv;
}

/* One UPDATE on a connection of its own, with a date for its first argument. A row
 * that is not there any more, or somebody else's, is no matter. */
static apr_status_t note(const ba_db *db, ba_sql id, ba_time date, const char **args,
                         apr_pool_t *pool)
{
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        if (date) {
            args[0] = ba_db_date(&conn, date, pool);
        }
        rv = update(db, &conn, id, args, pool);
        ba_db_close(db, &conn);
    }
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t ba_store_outbox_sent(const ba_db *db, const ba_outbox_row *row, ba_time now,
                                  apr_pool_t *pool)
{
    const char *args[] = {NULL, row->id};

    return note(db, BA_SQL_MAIL_SENT, now, args, pool);
}

apr_status_t ba_store_outbox_later(const ba_db *db, const ba_outbox_row *row, int attempts,
                                   ba_time due, const char *error, apr_pool_t *pool)
{
    const char *args[] = {NULL, apr_itoa(pool, attempts),
                          error ? ba_text_cut(error, ERROR_MAX, pool) : NULL, row->id, row->due};

    return note(db, BA_SQL_MAIL_LATER, due, args, pool);
}

apr_status_t ba_store_outbox_give_up(const ba_db *db, const ba_outbox_row *row,
                                     const char *error, apr_pool_t *pool)
{
    const char *args[] = {ba_text_cut(error, ERROR_MAX, pool), row->id, row->due};

    return note(db, BA_SQL_MAIL_GIVE_UP, 0, args, pool);
}

/* ---- sweeping */

apr_status_t ba_store_sweep(const ba_db *db, ba_sweep what, ba_time before, ba_time forgotten,
                            const char **cursor, int *rows, apr_pool_t *pool)
{
    static const ba_sql look[]
        = {BA_SQL_SESSION_SWEEP_LOOK, BA_SQL_VERIFICATION_SWEEP_LOOK, BA_SQL_MAIL_SWEEP_LOOK};
    static const ba_sql sweep[]
        = {BA_SQL_SESSION_SWEEP, BA_SQL_VERIFICATION_SWEEP, BA_SQL_MAIL_SWEEP};
    const char *found[2], *args[4];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    *rows = 0;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, look[what], cursor, found, 2, pool);
    /* most often there is nothing to delete, and no lock is taken */
    if (rv == APR_SUCCESS && found[0] && ba_store_date(found[1]) < before) {
        args[0] = *cursor;
        args[1] = found[0];
        args[2] = ba_db_date(&conn, before, pool);
        args[3] = ba_db_date(&conn, forgotten, pool);
        rv = ba_db_change(db, &conn, sweep[what], args, rows, pool);
    }
    ba_db_close(db, &conn);
    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    *cursor = found[0];
    return APR_SUCCESS;
}
