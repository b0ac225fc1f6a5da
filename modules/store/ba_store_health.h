/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What whoever watches the server asks the database. */

#ifndef BA_STORE_HEALTH_H
#define BA_STORE_HEALTH_H

#include "ba_db.h"

/* Reads from every table as a sign-in would, own columns included, and finds nothing.
 * APR_EGENERAL: there is no connection. APR_INCOMPLETE: the tables are not as expected, or
 * the database failed. Both are logged. */
apr_status_t ba_store_ready(const ba_db *db, apr_pool_t *pool);

/* Mails that wait or are on their way, and when the oldest of them was written. */
apr_status_t ba_store_mail_queue(const ba_db *db, int *count, ba_time *oldest, apr_pool_t *pool);

#endif
