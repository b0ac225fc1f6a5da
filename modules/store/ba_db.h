/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Statements on lent connections. The only user of apr_dbd, and with sql/ the
 * only place that knows SQL. A connection is held around one statement or one
 * transaction, never while hashing or writing. */

#ifndef BA_DB_H
#define BA_DB_H

#include "ba_column.h"
#include "ba_types.h"

#include <apr_dbd.h>
#include <apr_hash.h>

typedef enum {
    BA_SQL_BEGIN,
    BA_SQL_COMMIT,
    BA_SQL_ROLLBACK,
    /* those above run as text, those below are prepared on first use */
    BA_SQL_LOGIN,
    BA_SQL_SESSION,
    BA_SQL_IMAGE,
    BA_SQL_USER_ADD,
    BA_SQL_ACCOUNT_ADD,
    BA_SQL_SESSION_ADD,
    BA_SQL_SESSION_EXTEND,
    BA_SQL_SESSION_UPDATE,
    BA_SQL_SESSION_DELETE,
    BA_SQL_PASSWORD_RENEW,
    BA_SQL_SESSIONS,
    BA_SQL_SESSIONS_DELETE,
    BA_SQL_SESSIONS_DELETE_OTHER,
    BA_SQL_SESSIONS_TRIM,
    BA_SQL_USER_UPDATE,
    BA_SQL_USER_LOCK,
    BA_SQL_PASSWORD,
    BA_SQL_ACCOUNTS,
    BA_SQL_ACCOUNT_DELETE,
    BA_SQL_USER,
    BA_SQL_USER_VERIFY,
    BA_SQL_USER_EMAIL,
    BA_SQL_USER_DELETE,
    BA_SQL_ACCOUNTS_DELETE,
    BA_SQL_PASSWORD_SET,
    BA_SQL_VERIFICATION_ADD,
    BA_SQL_VERIFICATION,
    BA_SQL_VERIFICATION_CLAIM,
    BA_SQL_MAIL_ADD,
    BA_SQL_MAIL_DUE,
    BA_SQL_MAIL_CLAIM,
    BA_SQL_MAIL_MESSAGE,
    BA_SQL_MAIL_SENT,
    BA_SQL_MAIL_LATER,
    BA_SQL_MAIL_GIVE_UP,
    BA_SQL_MAIL_QUEUE,
    BA_SQL_SESSION_SWEEP_LOOK,
    BA_SQL_SESSION_SWEEP,
    BA_SQL_VERIFICATION_SWEEP_LOOK,
    BA_SQL_VERIFICATION_SWEEP,
    BA_SQL_MAIL_SWEEP_LOOK,
    BA_SQL_MAIL_SWEEP,
    BA_SQL_USERS,
    BA_SQL_SESSION_OF,
    BA_SQL_SESSIONS_ALL,
    BA_SQL_MAILS_WAITING,
    BA_SQL_MAIL_RETRY,
    BA_SQL_COUNT
} ba_sql;

/* A connection; the lender fills it. */
typedef struct ba_db_conn {
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    apr_hash_t *prepared; /* lives as long as the connection, like the next */
    apr_pool_t *pool;
    void *lent; /* the lender's */
    const struct ba_dialect *dialect;
    int in_transaction;
} ba_db_conn;

typedef struct ba_db_lender {
    /* APR_EGENERAL: the database is down; the lender has logged it. */
    apr_status_t (*open)(void *baton, ba_db_conn *conn, apr_pool_t *pool);
    void (*close)(void *baton, ba_db_conn *conn);
    /* Logs what a statement said, once. */
    void (*log)(void *baton, const char *message);
    /* The server answers but does not work, such as a node that its cluster has left
     * behind: open() should say that it is down until ba_db_works(). NULL: log(). */
    void (*refused)(void *baton, const char *message);
} ba_db_lender;

typedef struct ba_db {
    const ba_db_lender *lender;
    void *baton;
    /* of ba_db_extend() */
    ba_columns columns;
    const struct ba_db_texts *texts; /* NULL: no own columns */
} ba_db;

/* Makes all statements read and write the operator's own columns too. For start. */
void ba_db_extend(ba_db *db, const ba_columns *columns, apr_pool_t *pool);

/* Borrows a connection and makes it ready: APR_EGENERAL when it cannot. */
apr_status_t ba_db_open(const ba_db *db, ba_db_conn *conn, apr_pool_t *pool);
void ba_db_close(const ba_db *db, ba_db_conn *conn);

/* Whether the server does more than to answer; for a new connection. */
int ba_db_works(ba_db_conn *conn, apr_pool_t *pool);

/* Runs BEGIN or COMMIT. Check BEGIN: what follows a failed one would be
 * committed statement by statement. */
apr_status_t ba_db_control(const ba_db *db, ba_db_conn *conn, ba_sql id, apr_pool_t *pool);

/* Undoes the transaction. Silent: what made it necessary has been logged, and a
 * lost connection has rolled back by itself. */
void ba_db_rollback(ba_db_conn *conn);

/* Reads the first row into columns[n] (copies in pool, NULL for NULL).
 * APR_NOTFOUND: no row. APR_EGENERAL: the database failed. */
apr_status_t ba_db_row(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args,
                       const char **columns, int n, apr_pool_t *pool);

/* Reads every row: *rows is of const char **, each with n columns as above. No row
 * is an empty array, not an error. */
apr_status_t ba_db_rows(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args, int n,
                        apr_array_header_t **rows, apr_pool_t *pool);

/* Runs a statement that changes rows; *rows of them matched.
 * APR_EEXIST: a unique index refused it. APR_EINVAL: a value does not fit its
 * column. APR_EGENERAL: the database failed.
 *
 * This, rows and control: APR_EAGAIN is a deadlock, or what a cluster makes of two
 * writers: run the transaction again. Outside of one that has been done here. */
apr_status_t ba_db_change(const ba_db *db, ba_db_conn *conn, ba_sql id, const char **args,
                          int *rows, apr_pool_t *pool);

/* A date as this connection's dialect writes it. */
const char *ba_db_date(const ba_db_conn *conn, ba_time t, apr_pool_t *pool);

/* Prepares every statement: the check of driver and schema at start. Of db only the
 * columns count. NULL, or what the database said. */
const char *ba_db_check(const ba_db *db, ba_db_conn *conn, apr_pool_t *pool);

/* True if the connection's database has this column; the dialect must be known, as after
 * ba_db_open(). Both names are letters, digits and _. */
int ba_db_has(ba_db_conn *conn, const char *table, const char *column, apr_pool_t *pool);

/* Runs a statement of a step under sql/ as it stands there; NULL, or what the database
 * said. */
const char *ba_db_run(ba_db_conn *conn, const char *sql, apr_pool_t *pool);

/* "mysql" or "sqlite3": the folder under sql/; NULL for a driver we lack. */
const char *ba_db_dialect(const char *driver);

#endif
