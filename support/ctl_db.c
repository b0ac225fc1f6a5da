/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* One connection for the whole run, and how a running server hears of what was revoked. */

#include "ctl.h"

#include "ba_admin.h"
#include "ba_revoke.h"
#include "ba_revoke_store.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A connection that is lent again and again. */
typedef struct lent {
    ba_db db;
    ctl *c;
    ba_db_conn *conn;
} lent;

static apr_status_t lend(void *baton, ba_db_conn *conn, apr_pool_t *pool)
{
    const lent *l = baton;

    (void)pool;
    *conn = *l->conn;
    return APR_SUCCESS;
}

static void take_back(void *baton, ba_db_conn *conn)
{
    (void)baton, (void)conn;
}

static void log_line(void *baton, const char *message)
{
    const lent *l = baton;

    if (!l->c->quiet) {
        /* without the tag, which is for error logs */
        ctl_fail("the database: %s",
                 !strncmp(message, "BA", 2) && strstr(message, ": ") ? strstr(message, ": ") + 2
                                                                     : message);
    }
}

static const ba_db_lender lender = {lend, take_back, log_line, NULL};

static apr_status_t disconnect(void *data)
{
    ba_db_conn *conn = data;

    apr_dbd_close(conn->driver, conn->handle);
    return APR_SUCCESS;
}

static ba_db_conn *connect_to(const char *driver, const char *params, apr_pool_t *pool)
{
    ba_db_conn *conn = apr_pcalloc(pool, sizeof(*conn));
    const char *error = NULL;

    if (!ba_db_dialect(driver)) {
        ctl_fail("the database driver must be mysql or sqlite3, not %s", driver);
        return NULL;
    }
    /* the driver would make an empty one of a path that was misspelt */
    if (!strcmp(driver, "sqlite3") && strcmp(params, CTL_NO_FILE) && access(params, F_OK)) {
        ctl_fail("there is no database %s; betterauthctl init or migrate up makes it", params);
        return NULL;
    }
    if (apr_dbd_get_driver(pool, driver, &conn->driver) != APR_SUCCESS) {
        ctl_fail("apr-util's driver for %s cannot be loaded", driver);
        return NULL;
    }
    if (apr_dbd_open_ex(conn->driver, pool, params, &conn->handle, &error) != APR_SUCCESS) {
        ctl_fail("cannot reach the %s database: %s", driver, error ? error : "no reason given");
        return NULL;
    }
    apr_pool_cleanup_register(pool, conn, disconnect, apr_pool_cleanup_null);
    conn->pool = pool;
    conn->prepared = apr_hash_make(pool);
    return conn;
}

ba_db *ctl_db_connect(ctl *c, const char *driver, const char *params)
{
    lent *l = apr_pcalloc(c->pool, sizeof(*l));

    l->c = c;
    l->conn = connect_to(driver, params, c->pool);
    l->db.lender = &lender;
    l->db.baton = l;
    return l->conn ? &l->db : NULL;
}

/* ---- telling */

/* The counters are mapped anew each time: whoever starts a server after the change reads
 * the change, and whoever started one before has their file there. */
static int map_and_tell(const ctl *c, const char *name)
{
    int fd = open(c->revocations, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    apr_size_t size = ba_revocations_size();
    void *memory = MAP_FAILED;
    struct stat info;
    int error = 0;

    if (fd < 0) {
        return errno;
    }
    if (fstat(fd, &info) || !S_ISREG(info.st_mode) || (apr_size_t)info.st_size != size) {
        error = EINVAL;
    }
    else {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        error = memory == MAP_FAILED ? errno : 0;
    }
    close(fd);
    if (!error) {
        ba_revoke_tell(memory, ba_revoke_slot(name), apr_time_as_msec(apr_time_now()));
        munmap(memory, size);
    }
    return error;
}

void ctl_db_tell(ctl *c, const char *name)
{
    int error = c->revocations ? map_and_tell(c, name) : 0;
    pid_t pid;

    if (error && (error != ENOENT || ctl_site_runs(c, &pid))) {
        c->untold = error;
    }
}

static void tell_session(void *baton, const char *token, const char *user_id, apr_pool_t *pool)
{
    (void)user_id, (void)pool;
    ctl_db_tell(baton, token);
}

static void tell_user(void *baton, const char *user_id, apr_pool_t *pool)
{
    (void)pool;
    ctl_db_tell(baton, user_id);
}

/* ---- opening */

int ctl_db_open(ctl *c)
{
    ba_revoker *revoker = apr_pcalloc(c->pool, sizeof(*revoker));
    ba_db *db = ctl_db_connect(c, c->driver, c->params);
    ba_db_conn ready;

    if (!db || ba_db_open(db, &ready, c->pool) != APR_SUCCESS) {
        return CTL_DATABASE;
    }
    c->conn = ((lent *)db)->conn;
    c->conn->dialect = ready.dialect;
    if (!c->revocations) {
        /* no configuration says whether there are roles and bans: the tables do */
        c->settings.admin = ba_db_has(c->conn, "user", "banned", c->pool)
                            && ba_db_has(c->conn, "session", "impersonatedBy", c->pool);
    }
    c->settings.columns
        = c->settings.admin ? ba_admin_columns(&c->settings.fields, c->pool) : c->settings.fields;
    ba_db_extend(db, &c->settings.columns, c->pool);
    c->db = db;
    c->store = ba_store_create(db, c->pool);
    revoker->session = tell_session;
    revoker->user = tell_user;
    revoker->baton = c;
    ba_revoke_store(c->store, revoker, c->pool);
    return CTL_OK;
}
