/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "sqlite.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <stdlib.h>

static apr_status_t lend(void *baton, ba_db_conn *conn, apr_pool_t *pool)
{
    sqlite *s = baton;

    (void)pool;
    assert_false(s->lent); /* a connection is held around one transaction */
    if (s->refused > 0) {
        --s->refused;
        return APR_EGENERAL;
    }
    *conn = s->conn;
    s->lent = 1;
    return APR_SUCCESS;
}

static void take_back(void *baton, ba_db_conn *conn)
{
    sqlite *s = baton;

    (void)conn;
    s->lent = 0;
}

static void log_line(void *baton, const char *message)
{
    sqlite *s = baton;

    APR_ARRAY_PUSH(s->f->log, const char *) = apr_pstrdup(s->f->pool, message);
}

static const ba_db_lender lender = {lend, take_back, log_line, NULL};

static const char *read_step(sqlite *s, const char *name)
{
    const char *source = getenv("BA_SRCDIR");
    apr_file_t *file;
    apr_finfo_t info;
    char *text;

    assert_int_equal(apr_file_open(&file,
                                   apr_pstrcat(s->f->pool, source ? source : BA_SRCDIR,
                                               "/sql/sqlite3/", name, NULL),
                                   APR_FOPEN_READ, 0, s->f->pool),
                     APR_SUCCESS);
    assert_int_equal(apr_file_info_get(&info, APR_FINFO_SIZE, file), APR_SUCCESS);
    text = apr_pcalloc(s->f->pool, (apr_size_t)info.size + 1);
    assert_int_equal(apr_file_read_full(file, text, (apr_size_t)info.size, NULL), APR_SUCCESS);
    apr_file_close(file);
    return text;
}

/* One statement after the other: the driver stops at the first that has a result. */
static void run_step(sqlite *s, const char *step)
{
    const char *end;

    while ((end = strstr(step, ";\n")) != NULL) {
        sqlite_run(s, apr_pstrmemdup(s->f->pool, step, (apr_size_t)(end - step)));
        step = end + 1;
    }
}

/* apr_dbd_init() works once in a process, so its pool outlives the fixtures. */
static apr_pool_t *drivers(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        apr_initialize(); /* once more than fixtures take back */
        assert_int_equal(apr_pool_create(&pool, NULL), APR_SUCCESS);
        assert_int_equal(apr_dbd_init(pool), APR_SUCCESS);
    }
    return pool;
}

sqlite *sqlite_open(fixture *f, const char *file, const ba_columns *columns)
{
    static const char *const steps[] = {"001-core.sql", "002-mail.sql", "003-admin.sql"};
    sqlite *s = apr_pcalloc(f->pool, sizeof(*s));
    ba_db_conn ready;

    s->f = f;
    s->db.lender = &lender;
    s->db.baton = s;
    assert_int_equal(apr_dbd_get_driver(drivers(), "sqlite3", &s->conn.driver), APR_SUCCESS);
    assert_int_equal(apr_dbd_open(s->conn.driver, f->pool, file, &s->conn.handle), APR_SUCCESS);
    s->conn.pool = f->pool;
    s->conn.prepared = apr_hash_make(f->pool);
    assert_int_equal(ba_db_open(&s->db, &ready, f->pool), APR_SUCCESS);
    s->conn.dialect = ready.dialect;
    ba_db_close(&s->db, &ready);
    if (!*sqlite_value(s, "SELECT name FROM sqlite_master WHERE name = 'ba_mail'")) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); ++i) {
            run_step(s, read_step(s, steps[i]));
        }
    }
    if (columns) {
        ba_db_extend(&s->db, columns, f->pool);
    }
    f->database = ba_store_create(&s->db, f->pool);
    fixture_call(f, "GET", "/");
    return s;
}

void sqlite_close(sqlite *s)
{
    apr_dbd_close(s->conn.driver, s->conn.handle);
    s->f->database = NULL;
}

void sqlite_run(sqlite *s, const char *sql)
{
    const char *problem = ba_db_run(&s->conn, sql, s->f->pool);

    if (problem) {
        fail_msg("%s: %s", sql, problem);
    }
}

const char *sqlite_value(sqlite *s, const char *sql)
{
    apr_dbd_results_t *result = NULL;
    apr_dbd_row_t *row = NULL;
    const char *value = "";

    assert_int_equal(apr_dbd_select(s->conn.driver, s->f->pool, s->conn.handle, &result, sql, 0),
                     0);
    while (apr_dbd_get_row(s->conn.driver, s->f->pool, result, &row, -1) == 0) {
        const char *entry = apr_dbd_get_entry(s->conn.driver, row, 0);

        value = entry && !*value ? apr_pstrdup(s->f->pool, entry) : value;
    }
    return value;
}
