/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* A database connection of a background thread's own, made when it is first needed, and
 * anew a little later when it is lost. Apart from mod_dbd, whose pools no second thread
 * may touch in prefork. */

#ifndef BA_OWN_DB_H
#define BA_OWN_DB_H

#include "ba_dbd.h"

typedef struct ba_own_db {
    ba_db db; /* for stores; no own columns unless it is extended */
    server_rec *server; /* for the log */
    const ba_dbd_source *source;
    const char *complaint; /* tag and what the database being down means */
    ba_db_conn *conn;      /* NULL: not connected */
    apr_pool_t *pool;      /* of the connection */
    ba_time connect_at;    /* not before; ba_steady_ms(), like the next */
    ba_time complain_at;   /* not before */
    int broken;            /* not to be used again */
} ba_own_db;

/* For one thread at a time. source and complaint must live as long as own. */
void ba_own_db_init(ba_own_db *own, server_rec *s, const ba_dbd_source *source,
                    const char *complaint);

/* Closes the connection, if there is one. */
void ba_own_db_disconnect(ba_own_db *own);

#endif
