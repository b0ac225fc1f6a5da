/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The session cache on httpd's socache providers. */

#ifndef BA_CACHE_SITE_H
#define BA_CACHE_SITE_H

#include "ba_dbd.h"
#include "ba_settings.h"

#include <httpd.h>

struct ba_session_cache;
struct ba_store;
struct ba_revocations;

/* Registers the mutex of caches that need one. */
int ba_cache_site_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/* For check_config: is there such a provider, and does it take these arguments? With a
 * line for configtest if not; then 0. */
int ba_cache_site_check(server_rec *s, apr_pool_t *pconf, apr_pool_t *ptemp);

/* The cache of a site with that database, NULL in *cache for none. From then on store tells
 * of revocations. Anything but OK: logged, do not start. */
int ba_cache_site_create(server_rec *s, const ba_dbd_source *database,
                         struct ba_revocations *revocations, struct ba_store *store,
                         struct ba_session_cache **cache, apr_pool_t *pconf);

/* What the providers say of the caches, as a part of mod_status's page. */
void ba_cache_site_status(request_rec *r, int flags);

void ba_cache_site_child_init(apr_pool_t *pchild, server_rec *s);

#endif
