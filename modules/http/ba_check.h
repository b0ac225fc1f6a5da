/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What configtest and start find out before a visitor does. */

#ifndef BA_CHECK_H
#define BA_CHECK_H

#include "ba_dbd.h"

/* Walks the configuration: what is missing stops here, with file, line and fix. */
int ba_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/* apachectl configtest: looks at the databases too. */
void ba_check_test(apr_pool_t *pconf, server_rec *s);

/* Where the database of s is; driver NULL if nobody said. */
const ba_dbd_source *ba_check_database(server_rec *s);

/* True where SSLEngine is on. mod_ssl tells this of connections only, and a base
 * URL is needed before there are any. */
int ba_check_speaks_tls(server_rec *s);

/* Are our pages mounted in this server, or in the main one, which it inherits from? */
int ba_check_has_pages(server_rec *s);

/* The paths (const char *) on which it, or the main one, has mounted betterauth-forward. */
const apr_array_header_t *ba_check_forwards(server_rec *s, apr_pool_t *pool);

/* Connects to every database once and prepares every statement: one line for each
 * that is down or lacks the schema. Never a reason not to start. */
void ba_check_databases(server_rec *main, apr_pool_t *ptemp);

#endif
