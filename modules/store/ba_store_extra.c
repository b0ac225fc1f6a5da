/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_store_int.h"

#include "ba_text.h"

int ba_store_columns(const apr_array_header_t *columns)
{
    return columns ? columns->nelts : 0;
}

const ba_extra *ba_store_read_extra(const apr_array_header_t *columns, const char *const *values,
                                    apr_pool_t *pool)
{
    ba_extra *extra = ba_extra_create(columns, pool);

    for (int i = 0; extra && i < columns->nelts; ++i) {
        const ba_column *c = &APR_ARRAY_IDX(columns, i, ba_column);

        /* a string was cut by the statement; what is no value of its type is none */
        extra->values[i] = !values[i] || c->type == BA_COLUMN_STRING
                               ? values[i]
                               : ba_column_value(c->type, values[i], pool);
    }
    return extra;
}

/* A value as this connection's dialect writes it. */
static const char *written(const ba_db_conn *conn, const ba_column *c, const char *value,
                           apr_pool_t *pool)
{
    ba_time t;

    return value && c->type == BA_COLUMN_DATE && ba_text_parse_date(value, &t) == APR_SUCCESS
               ? ba_db_date(conn, t, pool)
               : value;
}

void ba_store_insert_extra(const ba_db_conn *conn, const apr_array_header_t *columns,
                           const ba_extra *extra, const char **args, apr_pool_t *pool)
{
    for (int i = 0; i < ba_store_columns(columns); ++i) {
        args[i] = extra ? written(conn, &APR_ARRAY_IDX(columns, i, ba_column), extra->values[i],
                                  pool)
                        : NULL;
    }
}

int ba_store_update_extra(const ba_db_conn *conn, const apr_array_header_t *columns,
                          const ba_extra *extra, const char **args, apr_pool_t *pool)
{
    for (int i = 0; i < ba_store_columns(columns); ++i) {
        int given = extra && extra->given[i];

        args[2 * i] = given ? "set" : "keep";
        args[2 * i + 1] = given ? written(conn, &APR_ARRAY_IDX(columns, i, ba_column),
                                          extra->values[i], pool)
                                : NULL;
    }
    return 2 * ba_store_columns(columns);
}

apr_status_t ba_store_session_update(ba_store *store, const ba_session *session,
                                     const ba_extra *extra, ba_time now, apr_pool_t *pool)
{
    const ba_db *db = ba_store_db(store);
    int rows = 0;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv == APR_SUCCESS) {
        const char *args[2 + 2 * BA_COLUMNS_MAX];
        int n = 1;

        args[0] = ba_db_date(&conn, now, pool);
        n += ba_store_update_extra(&conn, db->columns.session, extra, args + n, pool);
        args[n] = session->token;
        rv = ba_db_change(db, &conn, BA_SQL_SESSION_UPDATE, args, &rows, pool);
        ba_db_close(db, &conn);
    }
    if (rv == APR_SUCCESS && rows == 0) {
        return APR_NOTFOUND;
    }
    return rv == APR_SUCCESS || rv == APR_EINVAL ? rv : APR_EGENERAL;
}
