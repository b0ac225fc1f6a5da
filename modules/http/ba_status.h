/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* For whoever watches the server: the handler betterauth-status, and a part of
 * mod_status's page. */

#ifndef BA_STATUS_H
#define BA_STATUS_H

#include <httpd.h>

/* Metrics; under a path that ends in /live and /ready whether this server runs, and
 * whether it can serve. */
int ba_status_handler(request_rec *r);

/* Joins mod_status. */
void ba_status_register_hooks(void);

#endif
