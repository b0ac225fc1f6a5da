/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The meter of the whole server: one for all virtual hosts and generations of children. */

#ifndef BA_METER_SITE_H
#define BA_METER_SITE_H

#include "ba_meter.h"

#include <httpd.h>

/* Of the configuration now in force; NULL: no site, or no shared memory. */
ba_meter *ba_meter_site(void);

/* For post_config. A server that cannot count serves all the same. */
ba_meter *ba_meter_site_create(server_rec *s, apr_pool_t *pconf);

int ba_meter_site_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
void ba_meter_site_child_init(apr_pool_t *pchild, server_rec *s);

#endif
