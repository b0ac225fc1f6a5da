/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What can be asked about the whole server, all virtual hosts together: each database
 * once. */

#ifndef BA_HEALTH_H
#define BA_HEALTH_H

#include "ba_types.h"

#include <httpd.h>

/* NULL if every database answers and has its tables; else what is missing, for whoever
 * watches. The error log has more. */
const char *ba_health_problem(apr_pool_t *pool);

/* Mails that wait or are on their way, and when the oldest was written (0: there is none).
 * 0: a database does not answer. */
int ba_health_mails(int *count, ba_time *oldest, apr_pool_t *pool);

/* The first site of the server; NULL: there is none. */
const struct ba_site *ba_health_site(void);

#endif
