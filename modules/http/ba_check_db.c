/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_check.h"
#include "ba_check_int.h"

#include "ba_admin.h"
#include "ba_module.h"

#include <apr_strings.h>
#include <http_log.h>

/* What the database says of these columns, NULL if nothing. */
static const char *missing(const ba_columns *columns, ba_db_conn *conn, apr_pool_t *pool)
{
    ba_db db = {0};

    ba_db_extend(&db, columns, pool);
    return db.texts ? ba_db_check(&db, conn, pool) : NULL;
}

static void check_columns(const ba_facts *f, ba_db_conn *conn, apr_pool_t *pool)
{
    const ba_settings *s = ba_facts_settings(f);
    const ba_columns none = {NULL, NULL}, admin = ba_admin_columns(&none, pool);
    const char *error = s->admin ? missing(&admin, conn, pool) : NULL;

    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, f->server,
                     "BA0172: the %s database lacks a column of BetterAuthAdmin (%s): load "
                     "sql/%s/003-admin.sql; answering 503 until then",
                     f->source.driver, error, ba_db_dialect(f->source.driver));
        return;
    }
    error = missing(&s->fields, conn, pool);
    if (error) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, f->server,
                     "BA0127: the %s database lacks a column of BetterAuthField (%s): add it to "
                     "the table; answering 503 until then",
                     f->source.driver, error);
    }
}

static void check_source(const ba_facts *f, apr_pool_t *pool)
{
    const ba_db db = {0};
    const char *error;
    ba_db_conn *conn = ba_dbd_connect(&f->source, &error, pool);

    if (!conn) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, f->server,
                     "BA0119: cannot reach the %s database: %s; answering 503 until it is there",
                     f->source.driver, error);
        return;
    }
    error = ba_db_check(&db, conn, pool);
    if (!error) {
        check_columns(f, conn, pool);
    }
    else {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, f->server,
                     "BA0120: the %s database lacks our tables (%s): load sql/%s/*.sql in order; "
                     "answering 503 until then",
                     f->source.driver, error, ba_db_dialect(f->source.driver));
    }
}

static int same_check(const ba_facts *a, const ba_facts *b)
{
    const ba_settings *of_a = ba_facts_settings(a), *of_b = ba_facts_settings(b);

    return ba_dbd_same_source(&a->source, &b->source) && of_a->fields.user == of_b->fields.user
           && of_a->fields.session == of_b->fields.session && of_a->admin == of_b->admin;
}

void ba_check_databases(server_rec *main, apr_pool_t *ptemp)
{
    (void)main;
    for (const ba_facts *f = ba_facts_first(); f; f = f->next) {
        const ba_facts *earlier = ba_facts_first();
        apr_pool_t *pool;

        if (!ba_facts_secret(f) || !ba_facts_database(f)) {
            continue;
        }
        while (earlier != f
               && !(ba_facts_secret(earlier) && ba_facts_database(earlier)
                    && same_check(earlier, f))) {
            earlier = earlier->next;
        }
        if (earlier == f) {
            apr_pool_create(&pool, ptemp);
            check_source(f, pool);
            apr_pool_destroy(pool);
        }
    }
}
