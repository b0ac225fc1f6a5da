/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

#include "ba_own_db.h"

#include "ba_module.h"
#include "ba_steady.h"

#include <http_log.h>

/* Between two attempts to connect. */
#define RECONNECT_MS 2000

/* Between two lines in the log about the same. */
#define COMPLAIN_MS 600000

void ba_own_db_disconnect(ba_own_db *own)
{
    if (own->conn) {
        apr_pool_destroy(own->pool);
        own->conn = NULL;
    }
}

/* The database may be down for hours, or lack a table. */
static void complain(ba_own_db *own, const char *message)
{
    ba_time now = ba_steady_ms();

    if (now >= own->complain_at) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, own->server, "%s: %s", own->complaint,
                     message);
        own->complain_at = now + COMPLAIN_MS;
    }
}

static ba_db_conn *connect_to(ba_own_db *own)
{
    const char *error = "no memory";

    /* not of a pool of httpd's: prefork's have no lock */
    if (apr_pool_create_unmanaged(&own->pool) != APR_SUCCESS) {
        return NULL;
    }
    own->conn = ba_dbd_connect(own->source, &error, own->pool);
    if (!own->conn) {
        complain(own, error);
        apr_pool_destroy(own->pool);
    }
    return own->conn;
}

static apr_status_t lend(void *baton, ba_db_conn *conn, apr_pool_t *pool)
{
    ba_own_db *own = baton;
    ba_time now = ba_steady_ms();

    /* lost while it lay idle: no reason for a line in the log */
    if (own->conn
        && apr_dbd_check_conn(own->conn->driver, own->pool, own->conn->handle) != APR_SUCCESS) {
        ba_own_db_disconnect(own);
    }
    if (!own->conn && (now < own->connect_at || !connect_to(own))) {
        own->connect_at = now < own->connect_at ? own->connect_at : now + RECONNECT_MS;
        return APR_EGENERAL;
    }
    *conn = *own->conn;
    (void)pool;
    return APR_SUCCESS;
}

static void take_back(void *baton, ba_db_conn *conn)
{
    ba_own_db *own = baton;

    (void)conn;
    if (own->broken) {
        ba_own_db_disconnect(own);
        own->broken = 0;
    }
}

/* Whatever it was, the next try begins with a new connection, a little later. */
static void statement_failed(void *baton, const char *message)
{
    ba_own_db *own = baton;

    complain(own, message);
    own->broken = 1;
    own->connect_at = ba_steady_ms() + RECONNECT_MS;
}

static const ba_db_lender lender = {lend, take_back, statement_failed, NULL};

void ba_own_db_init(ba_own_db *own, server_rec *s, const ba_dbd_source *source,
                    const char *complaint)
{
    own->db.lender = &lender;
    own->db.baton = own;
    own->server = s;
    own->source = source;
    own->complaint = complaint;
}
