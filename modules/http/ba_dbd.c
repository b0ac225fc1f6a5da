/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_dbd.h"

#include "ba_meter_site.h"
#include "ba_module.h"
#include "ba_steady.h"

#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <http_log.h>
#include <mod_dbd.h>
#include <string.h>

/* Seconds between two looks at a database that is down; one thread looks. */
#define PROBE_SECONDS 1

/* More dead connections than any pool holds. */
#define ATTEMPTS_MAX 1000

/* Per server and, after fork(), per child. */
typedef struct lender {
    server_rec *server;
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *open;
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) *close;
    const ba_dbd_source *source;
    apr_uint32_t down;       /* 1: answer at once that it is down */
    apr_uint32_t next_probe; /* when to look again, in seconds of steady_seconds() */
    ba_db db;
} lender;

/* Open connections of this child. A failed ap_dbd_open() that made it smaller
 * has thrown away a dead connection and is worth repeating; one that did not
 * could not connect. mod_dbd tells the two apart nowhere else. */
static apr_uint32_t live;

static apr_status_t count_closed(void *data)
{
    (void)data;
    apr_atomic_dec32(&live);
    return APR_SUCCESS;
}

static apr_status_t count_opened(apr_pool_t *pool, dbd_cfg_t *config, ap_dbd_t *rec)
{
    (void)pool, (void)config;
    apr_atomic_inc32(&live);
    apr_pool_cleanup_register(rec->pool, NULL, count_closed, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

void ba_dbd_register_hooks(void)
{
    APR_OPTIONAL_HOOK(dbd, post_connect, count_opened, NULL, NULL, APR_HOOK_MIDDLE);
}

int ba_dbd_same_source(const ba_dbd_source *a, const ba_dbd_source *b)
{
    return !strcmp(a->driver, b->driver)
           && !strcmp(a->params ? a->params : "", b->params ? b->params : "");
}

static apr_status_t disconnect(void *data)
{
    ba_db_conn *conn = data;

    apr_dbd_close(conn->driver, conn->handle);
    return APR_SUCCESS;
}

ba_db_conn *ba_dbd_connect(const ba_dbd_source *source, const char **error, apr_pool_t *pool)
{
    ba_db_conn *conn = apr_pcalloc(pool, sizeof(*conn));
    apr_finfo_t info;

    *error = NULL;
    /* the driver would make it: as root, configtest leaves one that no child can write */
    if (!strcmp(source->driver, "sqlite3") && source->params
        && apr_stat(&info, source->params, APR_FINFO_TYPE, pool) == APR_ENOENT) {
        *error = "its file is not there: betterauthctl init makes it";
        return NULL;
    }
    if (apr_dbd_get_driver(pool, source->driver, &conn->driver) != APR_SUCCESS) {
        *error = "the driver cannot be loaded";
        return NULL;
    }
    if (apr_dbd_open_ex(conn->driver, pool, source->params ? source->params : "", &conn->handle,
                        error)
        != APR_SUCCESS) {
        *error = apr_pstrdup(pool, *error ? *error : "no reason given");
        return NULL;
    }
    /* the drivers do not see to it; registered first, it runs after the statements' own */
    apr_pool_cleanup_register(pool, conn, disconnect, apr_pool_cleanup_null);
    conn->pool = pool;
    conn->prepared = apr_hash_make(pool);
    return conn;
}

/* Silent, and without mod_dbd's lock, which a hanging connect would hold. */
static int answers(const lender *l)
{
    apr_pool_t *pool;
    const char *error;
    ba_db_conn *conn;
    int works;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return 0;
    }
    conn = ba_dbd_connect(l->source, &error, pool);
    works = conn && ba_db_works(conn, pool);
    apr_pool_destroy(pool);
    return works;
}

static apr_uint32_t steady_seconds(void)
{
    return (apr_uint32_t)(ba_steady_ms() / 1000);
}

/* 0: down, do not try. */
static int worth_trying(lender *l)
{
    apr_uint32_t now = steady_seconds();
    apr_uint32_t next = apr_atomic_read32(&l->next_probe);

    if (!apr_atomic_read32(&l->down)) {
        return 1;
    }
    if ((apr_int32_t)(now - next) < 0
        || apr_atomic_cas32(&l->next_probe, now + PROBE_SECONDS, next) != next || !answers(l)) {
        return 0;
    }
    if (apr_atomic_cas32(&l->down, 0, 1) == 1) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, l->server, "BA0104: the database is back");
    }
    return 1;
}

/* why NULL: no connection */
static void give_up(void *baton, const char *why)
{
    lender *l = baton;

    if (why) {
        ba_meter_add(ba_meter_site(), BA_COUNT_DATABASE_STATEMENT, 1);
    }
    apr_atomic_set32(&l->next_probe, steady_seconds() + PROBE_SECONDS);
    if (apr_atomic_cas32(&l->down, 1, 0) == 0) {
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, l->server,
                     "BA0105: the database is down%s%s; answering 503 until it is back",
                     why ? ": " : "", why ? why : "");
    }
}

static void log_failure(void *baton, const char *message)
{
    lender *l = baton;

    ba_meter_add(ba_meter_site(), BA_COUNT_DATABASE_STATEMENT, 1);
    ap_log_error(APLOG_MARK, APLOG_ERR, 0, l->server, "%s", message);
}

/* NULL: the database is down. */
static ap_dbd_t *open_one(lender *l, apr_pool_t *pool)
{
    ap_dbd_t *rec = NULL;

    for (int i = 0; i < ATTEMPTS_MAX && !rec; ++i) {
        apr_uint32_t before = apr_atomic_read32(&live);

        rec = l->open(pool, l->server);
        if (!rec && apr_atomic_read32(&live) >= before) {
            break;
        }
    }
    if (!rec) {
        give_up(l, NULL);
    }
    return rec;
}

static apr_status_t lend(void *baton, ba_db_conn *conn, apr_pool_t *pool)
{
    lender *l = baton;
    apr_time_t begun;
    ap_dbd_t *rec;

    /* a .htaccess can ask where no virtual host has a database */
    if (!l->open || !l->source->driver) {
        log_failure(l, "BA0106: no database: write DBDriver and DBDParams in this server");
        return APR_EGENERAL;
    }
    begun = apr_time_now();
    rec = worth_trying(l) ? open_one(l, pool) : NULL;
    if (!rec) {
        ba_meter_add(ba_meter_site(), BA_COUNT_DATABASE_CONNECT, 1);
        return APR_EGENERAL;
    }
    ba_meter_time(ba_meter_site(), BA_TIMER_DATABASE_WAIT, apr_time_now() - begun);
    conn->driver = rec->driver;
    conn->handle = rec->handle;
    conn->prepared = rec->prepared;
    conn->pool = rec->pool;
    conn->lent = rec;
    return APR_SUCCESS;
}

static void take_back(void *baton, ba_db_conn *conn)
{
    lender *l = baton;

    l->close(l->server, conn->lent);
}

static const ba_db_lender lender_ops = {lend, take_back, log_failure, give_up};

ba_db *ba_dbd_create(server_rec *s, const ba_dbd_source *source, apr_pool_t *pconf)
{
    lender *l = apr_pcalloc(pconf, sizeof(*l));

    l->server = s;
    l->source = source;
    l->open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    l->close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    l->db.lender = &lender_ops;
    l->db.baton = l;
    return &l->db;
}
