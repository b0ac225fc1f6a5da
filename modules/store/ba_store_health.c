/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_store_health.h"

#include "ba_store_int.h"

#include <apr_strings.h>

apr_status_t ba_store_ready(const ba_db *db, apr_pool_t *pool)
{
    /* no address, token or identifier is empty */
    static const ba_sql questions[]
        = {BA_SQL_LOGIN, BA_SQL_SESSION, BA_SQL_VERIFICATION, BA_SQL_MAIL_MESSAGE};
    const char *nothing = "", *column;
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    for (apr_size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); ++i) {
        rv = ba_db_row(db, &conn, questions[i], &nothing, &column, 1, pool);
        if (rv != APR_SUCCESS && rv != APR_NOTFOUND) {
            break;
        }
    }
    ba_db_close(db, &conn);
    return rv == APR_SUCCESS || rv == APR_NOTFOUND ? APR_SUCCESS : APR_INCOMPLETE;
}

apr_status_t ba_store_mail_queue(const ba_db *db, int *count, ba_time *oldest, apr_pool_t *pool)
{
    const char *columns[2];
    ba_db_conn conn;
    apr_status_t rv = ba_db_open(db, &conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = ba_db_row(db, &conn, BA_SQL_MAIL_QUEUE, NULL, columns, 2, pool);
    ba_db_close(db, &conn);
    if (rv == APR_SUCCESS) {
        *count = (int)apr_atoi64(ba_store_text(columns[0]));
        *oldest = columns[1] ? ba_store_date(columns[1]) : 0;
    }
    return rv;
}
