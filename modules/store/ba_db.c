/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_db.h"

#include "ba_db_int.h"
#include "ba_text.h"

#include <apr_strings.h>
#include <string.h>

static const char *const mysql_statements[BA_SQL_COUNT] = {
#include "mysql/statements.h"
};
static const char *const mysql_connect[] = {
#include "mysql/connect.h"
    NULL,
};
static const char mysql_probe[] =
#include "mysql/probe.h"
    ;
static const char *const sqlite_statements[BA_SQL_COUNT] = {
#include "sqlite3/statements.h"
};
static const char *const sqlite_connect[] = {
#include "sqlite3/connect.h"
    NULL,
};

static const char sqlite_probe[] =
#include "sqlite3/probe.h"
    ;

/* As long as the driver waits, but looking more often. */
enum { LOCK_TRIES = 80, LOCK_WAIT = 20 * 1000 /* microseconds */ };

/* What a failed statement means. */
typedef apr_status_t (*ba_classify)(int rc, const char *text);

typedef struct ba_dialect {
    const char *name; /* of the apr_dbd driver and of the folder under sql/ */
    const char *const *statements;
    const char *const *connect;
    const char *probe; /* fails where the table lacks the column */
    ba_classify classify;
    int refused; /* the error of a server that does not work; 0: there is none */
    int locked;  /* that of a file which another connection has for a moment; likewise */
    int iso_dates;
    int forgets; /* a statement that failed once may never work again */
} ba_dialect;

/* apr_dbd_mysql returns the server's error number. */
static apr_status_t classify_mysql(int rc, const char *text)
{
    (void)text;
    switch (rc) {
    case 1062: /* duplicate entry */
        return APR_EEXIST;
    case 1213: /* deadlock */
    case 1205: /* lock wait timeout */
        return APR_EAGAIN;
    case 1048: /* may not be NULL */
    case 1264: /* out of range */
    case 1265: /* data truncated */
    case 1292: /* incorrect date or number */
    case 1366: /* incorrect string value */
    case 1406: /* data too long */
    case 3819: /* a CHECK of the operator's, MySQL */
    case 4025: /* the same, MariaDB */
        return APR_EINVAL;
    default:
        return APR_EGENERAL;
    }
}

/* apr_dbd_sqlite3 returns SQLITE_ERROR for a constraint: only the text tells. */
static apr_status_t classify_sqlite(int rc, const char *text)
{
    (void)rc;
    if (strstr(text, "UNIQUE constraint failed")) {
        return APR_EEXIST;
    }
    return strstr(text, "NOT NULL constraint failed") || strstr(text, "CHECK constraint failed")
               ? APR_EINVAL
               : APR_EGENERAL;
}

static const ba_dialect dialects[] = {
    /* 1047: "WSREP has not yet prepared node for application use" */
    {"mysql", mysql_statements, mysql_connect, mysql_probe, classify_mysql, 1047, 0, 0, 0},
    /* after a schema change by another connection a prepared statement stays
     * broken, since the driver uses the old sqlite3_prepare() */
    {"sqlite3", sqlite_statements, sqlite_connect, sqlite_probe, classify_sqlite, 0, 5, 1, 1},
};

static const ba_dialect *dialect_of(const char *driver)
{
    for (apr_size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); ++i) {
        if (!strcmp(dialects[i].name, driver)) {
            return &dialects[i];
        }
    }
    return NULL;
}

const char *ba_db_dialect(const char *driver)
{
    const ba_dialect *dialect = dialect_of(driver);

    return dialect ? dialect->name : NULL;
}

/* Marks in conn->prepared; other modules share the connection. */
static const char ready_label[] = "betterauth:ready";
static const char open_label[] = "betterauth:open"; /* a ROLLBACK has failed */
static const char *const labels[BA_SQL_COUNT] = {
    [BA_SQL_LOGIN] = "betterauth:login",
    [BA_SQL_SESSION] = "betterauth:session",
    [BA_SQL_IMAGE] = "betterauth:image",
    [BA_SQL_USER_ADD] = "betterauth:user-add",
    [BA_SQL_ACCOUNT_ADD] = "betterauth:account-add",
    [BA_SQL_SESSION_ADD] = "betterauth:session-add",
    [BA_SQL_SESSION_EXTEND] = "betterauth:session-extend",
    [BA_SQL_SESSION_UPDATE] = "betterauth:session-update",
    [BA_SQL_SESSION_DELETE] = "betterauth:session-delete",
    [BA_SQL_PASSWORD_RENEW] = "betterauth:password-renew",
    [BA_SQL_SESSIONS] = "betterauth:sessions",
    [BA_SQL_SESSIONS_DELETE] = "betterauth:sessions-delete",
    [BA_SQL_SESSIONS_DELETE_OTHER] = "betterauth:sessions-delete-other",
    [BA_SQL_SESSIONS_TRIM] = "betterauth:sessions-trim",
    [BA_SQL_USER_UPDATE] = "betterauth:user-update",
    [BA_SQL_USER_LOCK] = "betterauth:user-lock",
    [BA_SQL_PASSWORD] = "betterauth:password",
    [BA_SQL_ACCOUNTS] = "betterauth:accounts",
    [BA_SQL_ACCOUNT_DELETE] = "betterauth:account-delete",
    [BA_SQL_USER] = "betterauth:user",
    [BA_SQL_USER_VERIFY] = "betterauth:user-verify",
    [BA_SQL_USER_EMAIL] = "betterauth:user-email",
    [BA_SQL_USER_DELETE] = "betterauth:user-delete",
    [BA_SQL_ACCOUNTS_DELETE] = "betterauth:accounts-delete",
    [BA_SQL_PASSWORD_SET] = "betterauth:password-set",
    [BA_SQL_VERIFICATION_ADD] = "betterauth:verification-add",
    [BA_SQL_VERIFICATION] = "betterauth:verification",
    [BA_SQL_VERIFICATION_CLAIM] = "betterauth:verification-claim",
    [BA_SQL_MAIL_ADD] = "betterauth:mail-add",
    [BA_SQL_MAIL_DUE] = "betterauth:mail-due",
    [BA_SQL_MAIL_CLAIM] = "betterauth:mail-claim",
    [BA_SQL_MAIL_MESSAGE] = "betterauth:mail-message",
    [BA_SQL_MAIL_SENT] = "betterauth:mail-sent",
    [BA_SQL_MAIL_LATER] = "betterauth:mail-later",
    [BA_SQL_MAIL_GIVE_UP] = "betterauth:mail-give-up",
    [BA_SQL_MAIL_QUEUE] = "betterauth:mail-queue",
    [BA_SQL_SESSION_SWEEP_LOOK] = "betterauth:session-sweep-look",
    [BA_SQL_SESSION_SWEEP] = "betterauth:session-sweep",
    [BA_SQL_VERIFICATION_SWEEP_LOOK] = "betterauth:verification-sweep-look",
    [BA_SQL_VERIFICATION_SWEEP] = "betterauth:verification-sweep",
    [BA_SQL_MAIL_SWEEP_LOOK] = "betterauth:mail-sweep-look",
    [BA_SQL_MAIL_SWEEP] = "betterauth:mail-sweep",
    [BA_SQL_USERS] = "betterauth:users",
    [BA_SQL_SESSION_OF] = "betterauth:session-of",
    [BA_SQL_SESSIONS_ALL] = "betterauth:sessions-all",
    [BA_SQL_MAILS_WAITING] = "betterauth:mails-waiting",
    [BA_SQL_MAIL_RETRY] = "betterauth:mail-retry",
};

struct ba_db_texts {
    const char *sql[sizeof(dialects) / sizeof(dialects[0])][BA_SQL_COUNT];
    const char *labels[BA_SQL_COUNT];
};

void ba_db_extend(ba_db *db, const ba_columns *columns, apr_pool_t *pool)
{
    struct ba_db_texts *texts;
    const char *key;

    db->columns = *columns;
    if (!columns->user && !columns->session) {
        return;
    }
    texts = apr_pcalloc(pool, sizeof(*texts));
    key = ba_columns_key(columns, pool);
    for (int id = BA_SQL_ROLLBACK + 1; id < BA_SQL_COUNT; ++id) {
        texts->labels[id] = apr_pstrcat(pool, labels[id], key, NULL);
        for (apr_size_t d = 0; d < sizeof(dialects) / sizeof(dialects[0]); ++d) {
            texts->sql[d][id] = ba_db_expand(dialects[d].statements[id], columns,
                                             !dialects[d].iso_dates, pool);
        }
    }
    db->texts = texts;
}

/* Of a statement that is prepared. */
static const char *sql_of(const ba_db *db, const ba_db_conn *conn, ba_sql id)
{
    return db->texts ? db->texts->sql[conn->dialect - dialects][id]
                     : conn->dialect->statements[id];
}

/* Virtual hosts that share a connection may have other columns, so the label says
 * which. */
static const char *label_of(const ba_db *db, ba_sql id)
{
    return db->texts ? db->texts->labels[id] : labels[id];
}

static const char *error_text(ba_db_conn *conn, int rc)
{
    const char *text = apr_dbd_error(conn->driver, conn->handle, rc);

    return text ? text : "";
}

/* Outside of a transaction nothing is left of a statement that fell to a deadlock. */
static int is_worth_again(ba_db_conn *conn, int rc)
{
    return rc && !conn->in_transaction
           && conn->dialect->classify(rc, error_text(conn, rc)) == APR_EAGAIN;
}

/* A read takes no lock that it could wait for in vain: it has waited for what other
 * nodes of a cluster have written (wsrep_sync_wait). BEGIN does so too. */
static int is_refusal(ba_db_conn *conn, int rc, int reads)
{
    return rc && (rc == conn->dialect->refused || (reads && is_worth_again(conn, rc)));
}

/* Turns a driver's result into ours and logs what an operator must know. */
static apr_status_t fail(const ba_db *db, ba_db_conn *conn, ba_sql id, int rc, int reads,
                         apr_pool_t *pool)
{
    const char *text = error_text(conn, rc);
    apr_status_t rv = is_worth_again(conn, rc) ? APR_EGENERAL
                                               : conn->dialect->classify(rc, text);

    if (rv == APR_EGENERAL && is_refusal(conn, rc, reads) && db->lender->refused) {
        db->lender->refused(db->baton, text);
    }
    else if (rv == APR_EGENERAL) {
        db->lender->log(db->baton,
                        apr_psprintf(pool, "BA0201: %s failed with %d: %s",
                                     labels[id] ? labels[id] : conn->dialect->statements[id], rc,
                                     text));
    }
    return rv;
}

/* apr_dbd_query() answers SQLITE_ROW (100) for a PRAGMA that has a result. */
static int query(ba_db_conn *conn, const char *sql)
{
    int rows;
    int rc = apr_dbd_query(conn->driver, conn->handle, &rows, sql);

    return rc == 100 ? 0 : rc;
}

/* SQLite undoes some transactions by itself, and then refuses to do so. */
static int undo(ba_db_conn *conn)
{
    int rc = query(conn, conn->dialect->statements[BA_SQL_ROLLBACK]);

    return !rc || strstr(error_text(conn, rc), "no transaction is active");
}

/* The next BEGIN would fail, or commit what was to be undone. */
static int is_still_open(ba_db_conn *conn)
{
    if (apr_hash_get(conn->prepared, open_label, APR_HASH_KEY_STRING) && undo(conn)) {
        apr_hash_set(conn->prepared, open_label, APR_HASH_KEY_STRING, NULL);
    }
    return apr_hash_get(conn->prepared, open_label, APR_HASH_KEY_STRING) != NULL;
}

apr_status_t ba_db_open(const ba_db *db, ba_db_conn *conn, apr_pool_t *pool)
{
    apr_status_t rv = db->lender->open(db->baton, conn, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    conn->in_transaction = 0;
    conn->dialect = dialect_of(apr_dbd_name(conn->driver));
    if (conn->dialect && is_still_open(conn)) {
        db->lender->log(db->baton, "BA0203: a transaction of this connection can still not be undone");
        rv = APR_EGENERAL;
    }
    else if (conn->dialect && !apr_hash_get(conn->prepared, ready_label, APR_HASH_KEY_STRING)) {
        for (const char *const *sql = conn->dialect->connect; *sql && rv == APR_SUCCESS; ++sql) {
            int rc = query(conn, *sql);

            if (rc) {
                db->lender->log(db->baton, apr_psprintf(pool, "BA0202: \"%s\" failed with %d: %s",
                                                        *sql, rc, error_text(conn, rc)));
                rv = APR_EGENERAL;
            }
        }
        if (rv == APR_SUCCESS) {
            apr_hash_set(conn->prepared, ready_label, APR_HASH_KEY_STRING, ready_label);
        }
    }
    if (!conn->dialect) {
        rv = APR_EGENERAL;
    }
    if (rv != APR_SUCCESS) {
        db->lender->close(db->baton, conn);
    }
    return rv;
}

void ba_db_close(const ba_db *db, ba_db_conn *conn)
{
    db->lender->close(db->baton, conn);
}

apr_status_t ba_db_control(const ba_db *db, ba_db_conn *conn, ba_sql id, apr_pool_t *pool)
{
    int rc = query(conn, conn->dialect->statements[id]);

    if (rc) {
        return fail(db, conn, id, rc, 1, pool);
    }
    conn->in_transaction = id == BA_SQL_BEGIN;
    return APR_SUCCESS;
}

void ba_db_rollback(ba_db_conn *conn)
{
    if (!undo(conn)) {
        apr_hash_set(conn->prepared, open_label, APR_HASH_KEY_STRING, open_label);
    }
    conn->in_transaction = 0;
}

/* The driver waits for a lock when it runs a statement, not when it prepares one. Whoever
 * opens a file of SQLite's after a crash, or is the last to close it, locks it for a moment.
 * SQLite's own busy_timeout is no help: the driver holds a mutex of the process meanwhile,
 * and so stops whoever would unlock. */
static int prepare_sql(ba_db_conn *conn, const char *sql, const char *label,
                       apr_dbd_prepared_t **stmt, apr_pool_t *pool)
{
    int rc, tries = 0;

    while ((rc = apr_dbd_prepare(conn->driver, pool, conn->handle, sql, label, stmt)) != 0
           && rc == conn->dialect->locked && ++tries < LOCK_TRIES) {
        apr_sleep(LOCK_WAIT);
    }
    return rc;
}

/* The statement, prepared in the connection's own pool on first use: a schema
 * that is not there yet must not fail the connection for other modules. */
static int prepare(const ba_db *db, ba_db_conn *conn, ba_sql id, apr_dbd_prepared_t **stmt)
{
    const char *label = label_of(db, id);
    int rc;

    *stmt = apr_hash_get(conn->prepared, label, APR_HASH_KEY_STRING);
    if (*stmt) {
        return 0;
    }
    rc = prepare_sql(conn, sql_of(db, conn, id), label, stmt, conn->pool);
    if (rc == 0) {
        apr_hash_set(conn->prepared, label, APR_HASH_KEY_STRING, *stmt);
    }
    return rc;
}

static void forget(const ba_db *db, ba_db_conn *conn, ba_sql id)
{
    if (conn->dialect->forgets) {
        apr_hash_set(conn->prepared, label_of(db, id), APR_HASH_KEY_STRING, NULL);
    }
}

static int count_args(const char *sql)
{
    int n = 0;

    for (const char *p = sql; (p = strstr(p, "%s")) != NULL; p += 2) {
        ++n;
    }
    return n;
}

static const char **copy_row(ba_db_conn *conn, apr_dbd_row_t *row, int n, apr_pool_t *pool)
{
    const char **columns = apr_palloc(pool, (apr_size_t)n * sizeof(*columns));

    for (int i = 0; i < n; ++i) {
        const char *text = NULL;

        columns[i] = apr_dbd_datum_get(conn->driver, row, i, APR_DBD_TYPE_STRING, &text)
                             == APR_SUCCESS
                         ? apr_pstrdup(pool, text)
                         : NULL;
    }
    return columns;
}

static int select_rows(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args, int n,
                       apr_array_header_t *rows, apr_pool_t *pool)
{
    apr_dbd_prepared_t *stmt;
    apr_dbd_results_t *result = NULL;
    apr_dbd_row_t *row = NULL;
    int rc = prepare(db, conn, id, &stmt);

    if (rc == 0) {
        rc = apr_dbd_pselect(conn->driver, pool, conn->handle, &result, stmt, 0,
                             count_args(sql_of(db, conn, id)), args);
    }
    if (rc) {
        return rc;
    }
    /* to the end always: a row left behind blocks the connection */
    while ((rc = apr_dbd_get_row(conn->driver, pool, result, &row, -1)) == 0) {
        APR_ARRAY_PUSH(rows, const char **) = copy_row(conn, row, n, pool);
    }
    return rc == -1 ? 0 : rc;
}

apr_status_t ba_db_rows(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args, int n,
                        apr_array_header_t **rows, apr_pool_t *pool)
{
    int rc;

    *rows = apr_array_make(pool, 1, sizeof(const char **));
    rc = select_rows(db, conn, id, args, n, *rows, pool);
    if ((rc && conn->dialect->forgets) || is_worth_again(conn, rc)) {
        forget(db, conn, id);
        apr_array_clear(*rows);
        rc = select_rows(db, conn, id, args, n, *rows, pool);
    }
    return rc ? fail(db, conn, id, rc, 1, pool) : APR_SUCCESS;
}

apr_status_t ba_db_row(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args,
                       const char **columns, int n, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    apr_status_t rv = ba_db_rows(db, conn, id, args, n, &rows, pool);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (rows->nelts == 0) {
        return APR_NOTFOUND;
    }
    memcpy(columns, APR_ARRAY_IDX(rows, 0, const char **), (apr_size_t)n * sizeof(*columns));
    return APR_SUCCESS;
}

static int change_rows(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args, int *rows,
                       apr_pool_t *pool)
{
    apr_dbd_prepared_t *stmt;
    int rc = prepare(db, conn, id, &stmt);

    return rc ? rc
              : apr_dbd_pquery(conn->driver, pool, conn->handle, rows, stmt,
                               count_args(sql_of(db, conn, id)), args);
}

apr_status_t ba_db_change(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args,
                          int *rows, apr_pool_t *pool)
{
    int rc = change_rows(db, conn, id, args, rows, pool);
    apr_status_t rv;

    if (is_worth_again(conn, rc)) {
        rc = change_rows(db, conn, id, args, rows, pool);
    }
    if (rc == 0) {
        return APR_SUCCESS;
    }
    rv = fail(db, conn, id, rc, 0, pool);
    if (rv == APR_EGENERAL) {
        forget(db, conn, id);
    }
    return rv;
}

int ba_db_works(ba_db_conn *conn, apr_pool_t *pool)
{
    static const ba_db plain;
    const char *nobody = "";
    apr_array_header_t *rows = apr_array_make(pool, 1, sizeof(const char **));

    conn->dialect = dialect_of(apr_dbd_name(conn->driver));
    return conn->dialect
           && !is_refusal(conn, select_rows(&plain, conn, BA_SQL_USER_LOCK, &nobody, 1, rows, pool),
                          1);
}

const char *ba_db_date(const ba_db_conn *conn, ba_time t, apr_pool_t *pool)
{
    char *text = apr_pstrdup(pool, ba_text_iso_date(t, pool));

    if (!conn->dialect->iso_dates) {
        text[10] = ' ';
        text[23] = '\0';
    }
    return text;
}

const char *ba_db_check(const ba_db *db, ba_db_conn *conn, apr_pool_t *pool)
{
    const char *problem = NULL;

    conn->dialect = dialect_of(apr_dbd_name(conn->driver));
    for (int id = BA_SQL_ROLLBACK + 1; conn->dialect && id < BA_SQL_COUNT && !problem; ++id) {
        apr_dbd_prepared_t *stmt = NULL;
        int rc = prepare_sql(conn, sql_of(db, conn, id), NULL, &stmt, pool);

        if (rc) {
            problem = apr_pstrdup(pool, error_text(conn, rc));
        }
    }
    return problem;
}

int ba_db_has(ba_db_conn *conn, const char *table, const char *column, apr_pool_t *pool)
{
    const char *const names[] = {table, column, table};
    const char *rest = conn->dialect->probe, *sql = "";
    apr_dbd_prepared_t *stmt = NULL;

    for (int i = 0; i < 3; ++i) {
        const char *place = strchr(rest, '?');

        sql = apr_pstrcat(pool, sql, apr_pstrmemdup(pool, rest, (apr_size_t)(place - rest)),
                          names[i], NULL);
        rest = place + 1;
    }
    sql = apr_pstrcat(pool, sql, rest, NULL);
    return prepare_sql(conn, sql, NULL, &stmt, pool) == 0;
}

const char *ba_db_run(ba_db_conn *conn, const char *sql, apr_pool_t *pool)
{
    int rc = query(conn, sql);

    return rc ? apr_pstrdup(pool, error_text(conn, rc)) : NULL;
}
