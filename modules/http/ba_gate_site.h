/* SPDX-License-Identifier: Apache-2.0
 * Copyright the mod_betterauth authors */

/* The hash gate of a server: made once, then kept through all restarts. */

#ifndef BA_GATE_SITE_H
#define BA_GATE_SITE_H

#include "ba_settings.h"

#include <httpd.h>

struct ba_gate;

/* The one gate of the whole server, with the numbers that its configuration says now;
 * NULL after an error that has been logged. For post_config. */
struct ba_gate *ba_gate_site(server_rec *s, const ba_range *concurrency, apr_pool_t *pconf);

#endif
