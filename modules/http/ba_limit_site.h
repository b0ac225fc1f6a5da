/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* What rate limits need of the server: memory that all its children share. */

#ifndef BA_LIMIT_SITE_H
#define BA_LIMIT_SITE_H

#include "ba_dbd.h"
#include "ba_settings.h"

#include <httpd.h>

struct ba_limit;

/* Warns of rules that fit no endpoint. */
void ba_limit_site_check(const apr_array_header_t *rules);

/* Makes what a site counts with; *limit is NULL where its requests are not limited.
 * OK, or an error that has been logged. */
int ba_limit_site_create(server_rec *s, const ba_settings *settings, const ba_dbd_source *source,
                         struct ba_limit **limit, apr_pool_t *pconf);

#endif
