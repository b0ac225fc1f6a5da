/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* Where a server counts revocations, and who tells it of them. */

#ifndef BA_REVOKE_SITE_H
#define BA_REVOKE_SITE_H

#include <httpd.h>

struct ba_revocations;
struct ba_session_cache;
struct ba_store;

/* The counters of the whole server; NULL: logged, do not start. */
struct ba_revocations *ba_revoke_site_create(server_rec *s, apr_pool_t *pconf);

/* The file they are in; NULL if PidFile cannot be read. */
const char *ba_revoke_site_file(apr_pool_t *pool);

/* From now on store tells of revocations; cache (NULL: none) is the site's, whose readers
 * on other machines are to hear of them. */
void ba_revoke_site_join(struct ba_store *store, const struct ba_session_cache *cache,
                         apr_pool_t *pconf);

#endif
