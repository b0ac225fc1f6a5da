/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Lends mod_dbd's connections to the store, and keeps a database that is down
 * from filling the log or the threads: mod_dbd writes two lines for each failed
 * attempt and knows no pause. */

#ifndef BA_DBD_H
#define BA_DBD_H

#include "ba_db.h"

#include <httpd.h>

/* Where a server's database is, as its DBDriver and DBDParams say. */
typedef struct ba_dbd_source {
    const char *driver;
    const char *params;
} ba_dbd_source;

void ba_dbd_register_hooks(void);

/* True if both name the same database; both must have a driver. */
int ba_dbd_same_source(const ba_dbd_source *a, const ba_dbd_source *b);

/* A lender for the connections of s. */
ba_db *ba_dbd_create(server_rec *s, const ba_dbd_source *source, apr_pool_t *pconf);

/* Connects apart from mod_dbd, silently, and closes with pool; NULL and what the
 * driver said in *error on failure. */
ba_db_conn *ba_dbd_connect(const ba_dbd_source *source, const char **error, apr_pool_t *pool);

#endif
